/* SPDX-License-Identifier: MPL-2.0 */
/* http/parts.h - the minutes of one instance, of which each of several concurrent streams has a part.
 *
 * The workers of one interface count the packets of different flows, by the same minutes (window/window.h,
 * origin_sec), each at its own pace. A minute is whole when every stream that runs has closed it: until then
 * its parts, closed ones and copies of open ones, are what is known of the open minute, so that nobody sees a
 * closed minute that still grows. Nobody waits for more than a minute: when a stream closes the next one, its
 * part of the last is let go, and the others' are added to it (window/history.h) when they come.
 *
 * With one part all of this comes to: a bucket that is closed is whole, and the newest copy is what is open.
 *
 * Ownership: all buckets that come in. Threads: one at a time. Zeroed memory, but for n, has nothing. */
#ifndef PV_HTTP_PARTS_H
#define PV_HTTP_PARTS_H

#include "metric/bucket.h"

#define PV_PARTS_MAX 16 /* workers of an interface: PV_CAPTURE_WORKERS */

struct pv_parts {
	unsigned n;		    /* 1 to PV_PARTS_MAX */
	bool running[PV_PARTS_MAX]; /* set by the owner: its stream is waited for */
	struct pv_bucket *live[PV_PARTS_MAX], *closed[PV_PARTS_MAX];
};

void pv_parts_live(struct pv_parts *, unsigned part, struct pv_bucket *);
/* It ends the copies of the same stream. Returns an older bucket of this part that is waited for no longer,
 * or NULL. */
struct pv_bucket *pv_parts_closed(struct pv_parts *, unsigned part, struct pv_bucket *);

/* Gives up what is whole, oldest first: the parts of a minute one after the other. */
void pv_parts_whole(struct pv_parts *, void (*keep)(void *ctx, struct pv_bucket *), void *ctx);

/* The clock was set back to this time: gives up the closed parts of later minutes, which nobody waits for any more. */
void pv_parts_set_back(struct pv_parts *, uint64_t time_ns, void (*keep)(void *ctx, struct pv_bucket *), void *ctx);

/* The parts of the open minute, borrowed; their number. 0: before every stream that runs has told of it. */
unsigned pv_parts_open(const struct pv_parts *, struct pv_bucket *to[PV_PARTS_MAX]);

size_t pv_parts_memory(const struct pv_parts *);
void pv_parts_clear(struct pv_parts *);

#endif
