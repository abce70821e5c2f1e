/* SPDX-License-Identifier: MPL-2.0 */
/* metric/table.h - a window as a table for a person.
 *
 * Works on the JSON of a window ({"5m": {"dns": {...}}}), so it shows exactly what scripts get, and
 * knows no metric by name: what stands there is told from its shape. A number is a counter, a list a top
 * list, an object of percentiles a quantile or rate, an object with "buckets" a histogram; a list whose rows have more
 * numbers than one has a column for each, as many as fit, in their order.
 *
 * Numbers are grouped and right-aligned; as much stands side by side as the width allows; names that
 * are too long end in an ellipsis; what is empty or all 0 is named in one line. No control character of a
 * name reaches the terminal, nor one that turns the direction of text: their bytes are shown as \DDD.
 * Output is UTF-8, whatever the locale.
 *
 * Units come from the tables of the handlers, by schema and path: beside quantiles and rates, in the headings of lists of
 * bytes and of histograms. Microseconds are shown as milliseconds.
 *
 * Shares in top lists are of a counter beside them that is named like them (in_bytes, for top_in_src_ips_bytes), else of the
 * nearest that is called "total", "total_packets" or "events"; the heading says which. The latter
 * counts all messages or packets, so the shares of a list that looks only at some of them
 * (replies, say) do not add up to 100 %. Lists of bytes have none of those. In lists with columns a share is the row's part of
 * all rows, of which one is "other"; numbers from a million on are shortened to three digits, 1.23M. */
#ifndef PV_METRIC_TABLE_H
#define PV_METRIC_TABLE_H

#include <jansson.h>
#include <stdio.h>

#include "metric/metric.h"

/* Columns of the terminal behind fd; 100 when it is none. */
unsigned pv_table_width(int fd);

/* Its lines; 24 when it is none. */
unsigned pv_table_height(int fd);

/* 0, or -1 with errno. width: at least 40 are used. handlers: those that units are looked up in, NULL-terminated; NULL: no
 * units are shown. */
int pv_table_print(const json_t *window, const struct pv_handler *const *handlers, FILE *, unsigned width);

#endif
