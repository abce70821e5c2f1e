/* SPDX-License-Identifier: MPL-2.0 */
/* stage/stage.h - the one idea: a stage turns batches of events into batches of events.
 *
 * struct pv_stage   what a driver runs. Drivers: a pipe (stage/pipe.h), a crew of threads
 *                   (stage/crew.h), or the stage before it in the same thread.
 * struct pv_analyser  a protocol's part of a filter: looks at events, adds its own.
 * pv_filter_new()   makes a stage of an analyser. Everything that filters share is here and
 *                   nowhere else: pass-through, --only, --chain, the announcement, the ledger,
 *                   the STOP event.
 *
 * Ownership: events are borrowed for the length of the call. Threads: a stage belongs to one
 * thread at a time and keeps no state outside itself. */
#ifndef PV_STAGE_STAGE_H
#define PV_STAGE_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "event/check.h"
#include "stage/out.h"

struct pv_stage;

struct pv_stage_ops {
	const char *name;
	/* A run of whole, checked events. */
	void (*batch)(struct pv_stage *, const struct pv_event *first, size_t bytes);
	/* Input is over. cut: without STOP; whatever is open must still be handed on. */
	void (*end)(struct pv_stage *, bool cut);
	void (*free)(struct pv_stage *);
};

struct pv_stage {
	const struct pv_stage_ops *ops;
	/* Modules whose events it looks into, NULL-terminated: a driver that reads them from outside has them checked. NULL:
	 * none. */
	const struct pv_event_module *const *known;
	struct pv_out out;
};

void pv_stage_free(struct pv_stage *); /* NULL is fine */

/* A sink that calls `next` in the same thread. */
struct pv_sink pv_sink_stage(struct pv_stage *next);

/* ---- analysers ---------------------------------------------------------------------------- */

/* What an analyser makes of an event. */
enum pv_verdict {
	PV_KEEP,  /* goes on in any case */
	PV_REJECT /* with --chain the packet is withheld */
};

struct pv_emit; /* the way to add events, see below */

struct pv_stream { /* what an analyser may know about the stream; borrowed, stable until END */
	uint64_t stream_id;
	enum pv_clock clock;
	bool hosts_empty; /* no host subnets: every direction is unknown */
	uint8_t stage;    /* our number, put it into every event we make */
	uint8_t events;   /* a module: the type of its own events in this stream */
};

struct pv_analyser_ops {
	const char *type; /* "net": handler type of the announcement */
	uint64_t wants;   /* 1 << type of each event it looks at */
	/* A module: the events it makes, of the same name as `type`. The announcement binds them to a number, that of an
	 * earlier stage which makes the same, or the next free one; a stream that has none left (PV_EV_MODULES) cannot be
	 * written on: ENOSR. NULL: it makes events of this format only. */
	const struct pv_event_module *own;
	/* An event of a wanted type. Add events with pv_emit(). */
	enum pv_verdict (*event)(void *self, const struct pv_event *, struct pv_emit *);
	/* Time has come to now_ns without an event. NULL: does not care. */
	void (*time)(void *self, uint64_t now_ns, struct pv_emit *);
	/* A stream starts: forget transactions and numbers of the one before. NULL: does not care. */
	void (*start)(void *self, const struct pv_stream *);
	/* The stream is over: emit what is due. NULL: nothing. */
	void (*end)(void *self, uint64_t now_ns, struct pv_emit *);
	/* Fill rows with what the stage counted since the start of the stream; returns how many. rows[].stage
	 * is set by the caller. At most `max`. */
	size_t (*ledger)(const void *self, struct pv_ledger_row *rows, size_t max);
	void (*free)(void *self);
};

#define PV_WANTS(type) (UINT64_C(1) << (type))

struct pv_filter_conf {
	const char *name;    /* handler name; NULL: the type */
	const char *filters; /* text for the announcement; NULL: none */
	bool only;           /* drop packet and dnstap events */
	bool chain;          /* withhold packets whose messages were rejected */
};

/* Takes over `self` (freed with the stage, also when this fails). NULL with errno ENOMEM.
 * conf's strings are copied. */
struct pv_stage *pv_filter_new(const struct pv_analyser_ops *, void *self, const struct pv_filter_conf *,
			       struct pv_sink);

/* Of a filter that is there: drop packet events from the next batch on, or do not. */
void pv_filter_only(struct pv_stage *, bool only);

/* A new event, as pv_out_event(), in its place in the stream: behind everything that came before. */
void *pv_emit(struct pv_emit *, enum pv_event_type, size_t size, uint64_t time_ns);

/* True when the filter runs with --chain: a reassembled message that is accepted must then be emitted as
 * a PACKET event of its own with PV_PKT_MESSAGE (the segments that carried it are withheld), by
 * this call: `like` is the segment that completed it. */
bool pv_emit_chained(const struct pv_emit *);
void pv_emit_message(struct pv_emit *, const struct pv_packet *like, const void *message, size_t n);

/* Define `number` (from 1) as text, e.g. a location. */
void pv_emit_define(struct pv_emit *, enum pv_define_kind, uint32_t number, const char *text, size_t n);

#endif
