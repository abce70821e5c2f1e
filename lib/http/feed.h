/* SPDX-License-Identifier: MPL-2.0 */
/* http/feed.h - streams from outside into a store: a thread for each input.
 *
 * An input is a descriptor (stdin), a FIFO, a file, or a Unix socket that is listened on. Everything is read through
 * event/reader.h: nothing is believed. An input that ends, well or not, is said (the callback, and pv_store_note());
 * what it brought is served on. A FIFO and a socket then wait for the next writer. A socket takes one stream at a time,
 * since two would be one policy and one tap: a second writer is turned away, and that is said, too.
 *
 * A socket is made with mode 0600. A path is taken over when a socket lies there that nobody listens on, the rest of a
 * server that died; anything else is left alone, and refused.
 *
 * Threads: pv_feed_open() and pv_feed_close() belong to one; the callback runs in the inputs' threads.
 * Limits: PV_FEED_INPUTS. */
#ifndef PV_HTTP_FEED_H
#define PV_HTTP_FEED_H

#include "base/res.h"
#include "http/store.h"

#define PV_FEED_INPUTS 64 /* threads, each with a buffer of half a megabyte */

struct pv_feed;

struct pv_feed_conf {
	/* One line about an input: "policy 'a': input cut off at byte 17: ...". */
	void (*said)(void *ctx, const char *line);
	/* All inputs have ended once, and none is running: every time that comes true. The worst of how they ended last: PV_END,
	 * PV_CUT or PV_FAIL. */
	void (*over)(void *ctx, enum pv_res worst);
	void *ctx;
};

struct pv_feed *pv_feed_new(const struct pv_feed_conf *); /* NULL with errno */

/* Add an input: takes the stage over, and fd. 0, or -1 with one line in err, and the stage is freed. */
int pv_feed_fd(struct pv_feed *, struct pv_stage *, const char *name, int fd, char *err, size_t cap);
/* path: a FIFO, a file, or "unix:PATH". */
int pv_feed_path(struct pv_feed *, struct pv_stage *, const char *name, const char *path, char *err, size_t cap);

/* Start reading. 0, or -1 with errno. */
int pv_feed_start(struct pv_feed *);

/* How the inputs ended last: PV_END when all did well or run, else PV_CUT or PV_FAIL. */
enum pv_res pv_feed_worst(struct pv_feed *);

/* Stop reading, wait for the threads, free everything. NULL is fine. */
void pv_feed_free(struct pv_feed *);

#endif
