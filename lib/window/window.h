/* SPDX-License-Identifier: MPL-2.0 */
/* window/window.h - the last stage of a pipeline: a stream of events becomes buckets of 60 seconds.
 *
 * Time is the stream's (event times and TICKs), never the clock, so that a replayed capture gives
 * the buckets that the live one gave. The first bucket starts with the stream; the next when an
 * event's second reaches the start's second + 60, at that event. At most `periods` buckets are
 * kept; with one, nothing ever shifts. A stream that steps back by more than a period starts a new
 * bucket there; of a live one, whose clock was set (base/clock.h), the buckets of later minutes are no
 * longer kept then, or the new ones would find no room behind them. Buckets of the same minute (of several streams) are merged; so are
 * buckets that come in ready-made, from another pv-window.
 *
 * An instance is one handler (a metric table in one version) fed by one analyser's events. Which there are
 * follows from the analysers that announce themselves, or from conf.modules.
 *
 * As a stage it puts out START, what announces and STOP, and its buckets; conf.closed and
 * pv_window_json() serve those who print instead.
 * Ownership: buckets given to callbacks are borrowed. Threads: one.
 * Limits: PV_WINDOW_INSTANCES, PV_WINDOW_DEFINES; conf.budget_bytes of buckets, kept by trimming the top-N tables of
 * closed ones and, when that is not enough, by giving up the oldest (counted as lost). An open bucket of a handler whose
 * blocks others choose (pv_handler_wide()) is kept within a quarter of it, or all of it with one period (pv_bucket_fit()). */
#ifndef PV_WINDOW_WINDOW_H
#define PV_WINDOW_WINDOW_H

#include <jansson.h>

#include "metric/bucket.h"
#include "stage/stage.h"
#include "window/history.h"

#define PV_WINDOW_INSTANCES 32    /* handlers in one stream: more than there are types, for chains */
#define PV_WINDOW_DEFINES 65536   /* strings kept of DEFINE events, in all; analysers reuse their numbers long before */
#define PV_WINDOW_BUDGET (32u << 20) /* of buckets; half of what a program may take (64 MiB) */

struct pv_window;

struct pv_window_conf {
	const struct pv_handler *const *handlers; /* NULL-terminated registry */
	unsigned periods;        /* 1..10 */
	unsigned deep;           /* percent of events that are deep, 1..100 */
	uint16_t topn;           /* rows of top-N lists */
	uint8_t topn_percentile; /* 0..100 */
	const char *sort;        /* order of tallies, see struct pv_bucket_conf; NULL: by weight */
	const char *const *enable, *const *disable; /* metric groups; "all" */
	size_t nenable, ndisable;
	const char *const *modules; /* "net", "dns:2.0"; none: version 1.0 of the analysers that announce themselves */
	size_t nmodules;
	/* Periods begin at this second since the epoch, and every PV_WINDOW_PERIOD_SEC after it, exactly, whenever events
	 * come; what is older is of the first. For streams that are parts of one, whose buckets must meet. 0: as above. */
	uint64_t origin_sec;
	size_t budget_bytes;     /* 0: PV_WINDOW_BUDGET */
	uint64_t seed;
	bool live_copies;        /* with `buckets`: put out a LIVE event a second (live streams) */
	bool buckets;            /* put out events at all; false for those who only print */
	/* May a LIVE event go out now? Asked once a second; false: the next one will do, since who reads has not come to
	 * the last. Closed buckets are never held back. NULL: always. */
	bool (*ready)(void *ctx);
	/* A period of a live stream has closed: pv_window_bucket_json() is valid for it. May be NULL. */
	void (*closed)(void *ctx, struct pv_window *);
	/* Stream time has come `every_ns` further, or more: pv_window_json() is what there is now. 0: never asked for. */
	uint64_t every_ns;
	void (*every)(void *ctx, struct pv_window *);
	void *ctx;
};

/* NULL with one line in err (unknown module, unknown group, memory). The strings of conf must live as long. */
struct pv_window *pv_window_new(const struct pv_window_conf *, struct pv_sink, char *err, size_t cap);
struct pv_stage *pv_window_stage(struct pv_window *); /* freed by pv_stage_free() */

/* {"<periods>m": {...}}: everything that is kept, merged (the live bucket alone with one period). NULL without memory. */
json_t *pv_window_json(struct pv_window *);
/* {"1m": {...}} of the newest closed period. */
json_t *pv_window_bucket_json(struct pv_window *);

/* Every kept bucket merged, by instance: fn is called once per instance, in the order they came. key: the schema, with a
 * number where it is not the first of that schema. Returns fn's first answer that is not 0, or -1 without memory. */
int pv_window_each(struct pv_window *, int (*fn)(void *ctx, const char *key, const struct pv_bucket *), void *ctx);

/* The same of the newest closed period, where there is one. */
int pv_window_each_closed(struct pv_window *, int (*fn)(void *ctx, const char *key, const struct pv_bucket *), void *ctx);

/* How many instances there are: also those that are not shown, because all their groups are off. */
size_t pv_window_heard(const struct pv_window *);

/* What the capture and the stages lost, from STOP; 0 when no STOP came. */
struct pv_window_losses {
	uint64_t received, os_drops, if_drops, malformed, evicted, lost;
	bool stopped; /* a STOP was seen */
	unsigned streams;
};
const struct pv_window_losses *pv_window_losses(struct pv_window *); /* valid until the next call */

/* Why buckets that came in were refused, NULL when none was. */
const char *pv_window_problem(const struct pv_window *);

#endif
