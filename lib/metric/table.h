/* SPDX-License-Identifier: MPL-2.0 */
/* metric/table.h - a window as a table for a person.
 *
 * Works on the JSON of a window ({"5m": {"dns": {...}}}), so it shows exactly what scripts get, and
 * knows no metric by name. Numbers are grouped and right-aligned, top lists show each row's share,
 * long names end in an ellipsis. No control byte of a name reaches the terminal. */
#ifndef PV_METRIC_TABLE_H
#define PV_METRIC_TABLE_H

#include <jansson.h>
#include <stdio.h>

/* Columns of the terminal behind fd; 100 when it is none. */
unsigned pv_table_width(int fd);

/* 0, or -1 with errno. width: at least 40 are used. */
int pv_table_print(const json_t *window, FILE *, unsigned width);

#endif
