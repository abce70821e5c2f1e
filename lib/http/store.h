/* SPDX-License-Identifier: MPL-2.0 */
/* http/store.h - what is served: the newest buckets of every input, for many readers at once.
 *
 * An input is one stream of bucket events (metric/wire.h), known by its policy and its tap. Its stage (stage/stage.h) takes
 * the events, in pv-serve from a pipe, in pktvisord from the policy's window. It keeps the last closed buckets of each
 * instance, as window/history.h does, and the newest live copy, and makes a *view* of them: an immutable picture of all
 * instances at one moment. Whoever asks gets references to views, and works on them without a lock for as long as it likes;
 * the stream goes on meanwhile, and the next view shares with the last what has not changed.
 *
 * A view is made when a batch of events has been taken in and no bucket is half there, so that all handlers of a policy
 * change to the next minute together. Windows are merged when first asked for, in the thread that asks, and kept with the
 * view; so are the parts of an open minute.
 *
 * An input can come in parts, from the workers of one interface: as many stages, each with a stream. They are shown as one
 * (http/parts.h), and what they say of themselves is added up.
 *
 * When a stream is cut, the live copies are the last that will be known of their minute: they become closed buckets.
 *
 * Threads: each stage belongs to one thread at a time, those of one input to different ones; everything else may be called
 * from any. Locks: the store's is held to copy pointers; an input's by whichever of its stages takes a batch in; a view's is
 * held to merge a window, and nobody but who wants that view's windows waits for it.
 * Ownership: an input lives until it is removed and its stage freed, in either order. The store lives longest.
 * Limits: PV_STORE_*, each reached with a clear error or counted (`lost`). */
#ifndef PV_HTTP_STORE_H
#define PV_HTTP_STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "http/parts.h"
#include "metric/bucket.h"
#include "stage/stage.h"
#include "window/history.h"

#define PV_STORE_INPUTS 1024    /* policies times taps: more than one machine's policies */
#define PV_STORE_INSTANCES 32   /* handlers in one stream, as in a window */
#define PV_STORE_NAME 128       /* bytes of a policy's or a tap's name, with its NUL */
#define PV_STORE_STAGES 16      /* of one stream, whose ledgers are kept; pipelines are shorter */
#define PV_STORE_BUDGET (32u << 20) /* bytes of one input's buckets, as of a window's */
#define PV_STORE_TEXT 256       /* of a source's name or a complaint; longer ones are cut */

struct pv_store;

struct pv_store_conf {
	const struct pv_handler *const *handlers; /* NULL-terminated registry */
	uint64_t seed; /* of hash tables */
};

struct pv_store *pv_store_new(const struct pv_store_conf *); /* NULL: ENOMEM */
void pv_store_free(struct pv_store *); /* all stages and views are gone. NULL is fine */

struct pv_store_input {
	const char *policy, *tap; /* copied */
	unsigned periods;         /* 1 to PV_WINDOW_PERIODS_MAX; 0: 5 */
	size_t budget_bytes;      /* 0: PV_STORE_BUDGET */
	bool merge_like;          /* merge_like_handlers of the policy */
	unsigned parts;           /* streams that have a share of it each, at the same time; 0: 1, at most PV_PARTS_MAX */
	bool plain_keys;          /* instances are known by their names alone, not as <policy>-<tap>-<name> */
	/* Names of stages by number, up to NULL, where several policies share them and a policy's own names for its handlers
	 * say little. Borrowed. NULL: stages are called what they announce. */
	const char *const *stages;
	/* How many periods the instance of that name keeps, where it may be fewer than the input's; a stage asks when the first
	 * bucket comes. ctx is borrowed for as long as there are stages. NULL: all keep as many. */
	unsigned (*periods_of)(const void *ctx, const char *name);
	const void *ctx;
};

/* The stage of a new input. NULL with one line in err: the policy has a stream of this tap already, a name is none
 * (pv_store_name_ok()), too many, no memory. It never puts out events; free it with pv_stage_free(), what it has brought
 * stays. */
struct pv_stage *pv_store_input(struct pv_store *, const struct pv_store_input *, char *err, size_t cap);

/* The stage of another part of it, 0 to parts - 1 (0: the same again). Each is freed once. */
struct pv_stage *pv_store_part(struct pv_stage *, unsigned part);

/* Say about an input what its stage cannot know, "cut off at byte 17: ..."; shown with its state. The stage's thread. */
void pv_store_note(struct pv_stage *, const char *text);

/* What the stages of the running stream have counted so far, as STOP will say at its end; replaces what was said of it
 * before. For those who know it earlier than STOP. The stage's thread; shown with the next batch. */
void pv_store_ledger(struct pv_stage *, const struct pv_ledger_row *rows, size_t n);

/* No longer serve an input; tap NULL: all of the policy. What its stage still brings is thrown away. False when there is
 * none. */
bool pv_store_remove(struct pv_store *, const char *policy, const char *tap);

/* [a-zA-Z_][a-zA-Z0-9_-]*, not too long, and not the reserved word __all. */
bool pv_store_name_ok(const char *);

/* ---- reading ------------------------------------------------------------------------------------ */

enum pv_store_state {
	PV_STORE_WAITING, /* no stream has come yet */
	PV_STORE_RUNNING,
	PV_STORE_ENDED, /* as its writer said */
	PV_STORE_CUT    /* its writer died, or sent nonsense */
};

/* Cumulative over all streams of the input, as far as STATS and STOP have told. */
struct pv_store_counts {
	uint64_t received, os_drops, if_drops; /* of the source */
	uint64_t streams, live_copies, buckets;
	uint64_t refused; /* buckets that were damaged */
	uint64_t lost;    /* that found no memory or room, or of handlers we do not know */
};

#define PV_STORE_ROWS (PV_LEDGER_TOTALS_EVICTED + 1)

/* Of one stage, cumulative like the counts above; from LEDGER, STOP or pv_store_ledger(), a source's also from STATS. A stage is known
 * by its name: another pipeline may follow on the same input, where its number is another's. */
struct pv_store_ledger {
	uint8_t stage; /* its number in the newest stream; PV_STAGE_STREAM when it is not in it */
	char name[32]; /* as announced, "dns"; "dns_2" for a second one */
	uint64_t row[PV_STORE_ROWS]; /* by enum pv_ledger; open transactions are those of now */
	uint64_t told;		     /* bits: rows that were told of, zeros too */
};

struct pv_view_instance {
	const struct pv_handler *handler;
	char name[PV_BUCKET_NAME]; /* "dns" */
	char key[2 * PV_STORE_NAME + PV_BUCKET_NAME]; /* "<policy>-<tap>-dns" */
	struct pv_bucket *bucket[PV_WINDOW_PERIODS_MAX + 1]; /* newest first, the live one, if any, in front */
	unsigned n; /* never more than the periods */
	unsigned periods;
	uint64_t events; /* since the input began; 0 where the handler shows none */
	struct pv_bucket *window[PV_WINDOW_PERIODS_MAX + 1]; /* use pv_view_window() */
	/* The store's: what bucket[0] is made of, as soon as somebody has got the view. */
	struct pv_bucket *open[PV_PARTS_MAX + 1];
	unsigned nopen;
};

/* An input, but for its metrics. */
struct pv_store_info {
	char policy[PV_STORE_NAME], tap[PV_STORE_NAME];
	unsigned periods;
	bool merge_like;
	enum pv_store_state state;
	uint64_t since;             /* of the state, seconds since the epoch */
	char note[PV_STORE_TEXT];   /* pv_store_note(), or why a bucket was refused */
	bool recorded;              /* the clock of the last stream */
	char source[PV_STORE_TEXT]; /* of the last stream, "eth0"; empty before the first */
	char source_type[32];       /* "pcap" */
	struct pv_store_counts counts;
	struct pv_store_ledger ledger[PV_STORE_STAGES];
	size_t nledger;
};

struct pv_view {
	struct pv_store_info info;
	atomic_uint refs;
	pthread_mutex_t merging;
	size_t ninstances;
	struct pv_view_instance instance[];
};

/* The views of a policy's inputs, or with NULL those of all, in the order in which they were added; the caller frees them.
 * NULL: ENOMEM. */
struct pv_views {
	size_t n;
	struct pv_view *view[];
};
struct pv_views *pv_store_views(struct pv_store *, const char *policy);
void pv_views_free(struct pv_views *);

/* The newest n buckets of an instance as one; borrowed from the view. NULL: no memory, or there are none. */
const struct pv_bucket *pv_view_window(struct pv_view *, size_t instance, unsigned n);

#endif
