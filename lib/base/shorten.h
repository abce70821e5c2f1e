/* SPDX-License-Identifier: MPL-2.0 */
/* base/shorten.h - names of addresses in fewer columns.
 *
 * A name that is cut at its end loses what it is told apart by: the second end of a connection, the port, the host among
 * others of its network. So an address loses its middle, and of two ends each does, the longer one first:
 *
 *      UDP [2001:db8:0:1::11]:51446 <-> [2001:db8:0:1::53]:53      UDP [2001…11]:51446 <-> [2001…::53]:53
 *
 * These are addresses: what has nothing but digits and dots, or hexadecimal digits, dots, brackets and at least one colon.
 * Two ends are addresses with " <-> " (net/connections.c) or "/" (flow) between them; words may stand in front of the
 * first. No state; any thread. */
#ifndef PV_BASE_SHORTEN_H
#define PV_BASE_SHORTEN_H

#include <stdbool.h>
#include <stddef.h>

#define PV_SHORTEN_MAX 512 /* bytes of a shortened name: wider than any table's names */
#define PV_SHORTEN_END 6   /* columns of an end, at the least: "[2…53" tells something, less does not */

/* Writes the name, in at most `room` columns, to out; mark stands for what is left out, and takes one column. false: it is
 * no address, or there is too little room; out is undefined. */
bool pv_shorten(const char *name, size_t room, const char *mark, char out[PV_SHORTEN_MAX]);

#endif
