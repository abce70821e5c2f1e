/* SPDX-License-Identifier: MPL-2.0 */
/* module/pv-module.h - what the author of a loadable module includes; all else is included from here.
 *
 * A module is a shared object with one symbol of its own, `pv_module`, that says what is in it:
 *
 *   analysers   look at events and add their own       (struct pv_analyser_ops, stage/stage.h)
 *   sources     begin a stream                         (struct pv_module_source, below)
 *   handlers    tables of metrics, made of its events  (struct pv_handler, metric/metric.h)
 *
 * and is written like a folder of lib/: the same headers, the same calls, the same rules (HACKING.md).
 * contrib/module-example is one. `make install` puts these headers below $(PREFIX)/include/pv;
 * cc -shared -fPIC -I.../include/pv -o ntp.so ntp.c is all it takes. What may be called is listed in
 * module/module.syms; what is not there does not load.
 *
 * Everything is bound by name. An analyser or source that makes events of its own names their layout
 * (`own`, struct pv_event_module) as it names itself, the stream gives that name a number (struct
 * pv_stream.events), and a handler of the same type is given those events wherever the module is loaded. Such
 * an event begins with struct pv_module_event. What stands behind it may come from a pipe, from anybody:
 * own->check() must find whatever the handler would trip over.
 *
 * In a pipeline of tools `--chain` withholds the packets that an analyser rejected (enum pv_verdict). In an agent,
 * where analysers are shared, a chain goes by events: a packet goes on to the next handler when the analyser made
 * an event of it that is not flagged PV_F_FILTERED. An analyser that is to stand in chains returns PV_REJECT for
 * all other packets, and both then do the same.
 *
 * A source is the input of a tap whose input_type is its name; its settings are keys of the tap, and so is
 * `input`, what it reads, which therefore no setting should be called. An agent may have dropped its privileges
 * when it opens one.
 *
 * State: none at file scope, everything in the object that make() or open() returned, or in the handler's
 * `state`: one process may run an analyser many times, on any thread, one thread at a time each. A module
 * prints nothing, ends nothing, installs no signal handler.
 *
 * Version: structs are shared with the program, so a module fits one interface. PV_MODULE_HEAD puts three
 * numbers in front: the magic, PV_MODULE_ABI, and a sum over the sizes of what is shared, which catches a
 * build of other headers that say the same version. The loader looks at them before anything else of the
 * module's. */
#ifndef PV_MODULE_PV_MODULE_H
#define PV_MODULE_PV_MODULE_H

#include "base/conf.h"
#include "base/cursor.h"
#include "base/res.h"
#include "base/utf8.h"
#include "event/check.h"
#include "event/event.h"
#include "metric/bucket.h"
#include "metric/metric.h"
#include "stage/stage.h"

#define PV_MODULE_MAGIC 0x444d5650u /* "PVMD" */
#define PV_MODULE_ABI	3u	    /* goes up when anything changes that a module can see, calls included */

#define PV_MODULE_PORTS 64 /* that one analyser reads: as many as pv-capture(1) takes */

/* Settings, as rows of a table: KEY=VALUE on the command line of pv-module(1), a key in a configuration. */
struct pv_module_settings {
	const struct pv_key *keys;
	size_t count;
	pv_set_fn *set; /* of `conf`, see below; NULL with no keys */
	/* Bytes of an object that is zeroed, given to set() for each setting, then to make() or open(). */
	size_t conf_size;
};

struct pv_module_analyser {
	const struct pv_analyser_ops *ops; /* ops->type is its name */
	const char *summary;		   /* one line: what it does */
	struct pv_module_settings settings;
	/* The object that ops works on; ops->free() ends it. conf: conf_size bytes, borrowed, NULL when that
	 * is 0. seed: for hash tables whose keys come from outside. NULL: out of memory. */
	void *(*make)(const void *conf, uint64_t seed);
	/* The ports whose payload it reads with these settings, of UDP and TCP; returns how many, at most
	 * `max` (PV_MODULE_PORTS). An agent has its captures carry it; in a pipeline the user says it
	 * (pv-capture
	 * --payload-port). NULL: only what is carried in any case (capture/capture.h). */
	size_t (*ports)(const void *conf, uint16_t *to, size_t max);
};

/* A source puts out its events, PACKET events among them if it likes, and nothing else: START, the
 * announcement and STOP are written for it (module/source.h). */
struct pv_module_source {
	const char *type; /* its name */
	const char *summary;
	/* The events it makes, of the same name; NULL: only ones of the format. */
	const struct pv_event_module *own;
	enum pv_clock clock; /* recorded: times are those of the input, and nothing is ever waited for */
	struct pv_module_settings settings;
	/* from: what the user named as the input, NULL when nothing. NULL with a line in err. */
	void *(*open)(const void *conf, const char *from, char *err, size_t cap);
	/* One step: put events into the out, with stream->stage in them, of type stream->events. It waits for
	 * input itself, some 50 ms at most. PV_OK: go on at once. PV_AGAIN: nothing came. PV_END: over.
	 * PV_FAIL: cannot go on, with a line in err. */
	enum pv_res (*poll)(void *self, const struct pv_stream *, struct pv_out *, char *err, size_t cap);
	/* The time that the input has come to, for START and STOP: before the first poll that of the first
	 * event, 0 when none will come; at the end that of the last. NULL: the wall clock. */
	uint64_t (*time_ns)(void *self);
	/* As in struct pv_analyser_ops; may be NULL. */
	size_t (*ledger)(const void *self, struct pv_ledger_row *rows, size_t max);
	void (*free)(void *self);
};

struct pv_module {
	uint32_t magic, abi; /* these stay where they are for ever */
	uint64_t layout;
	const char *name;    /* a-z, 0-9 and _; as unique as its author can make it */
	const char *version; /* "1.0" */
	const struct pv_module_analyser *analysers;
	size_t nanalysers;
	const struct pv_module_source *sources;
	size_t nsources;
	const struct pv_handler *const *handlers;
	size_t nhandlers;
};

#define PV_MODULE_SUM(so_far, type) ((so_far)*UINT64_C(1099511628211) + sizeof(struct type))
/* clang-format off */
#define PV_MODULE_LAYOUT                                                                                              \
	PV_MODULE_SUM(PV_MODULE_SUM(PV_MODULE_SUM(PV_MODULE_SUM(PV_MODULE_SUM(PV_MODULE_SUM(PV_MODULE_SUM(            \
	PV_MODULE_SUM(PV_MODULE_SUM(PV_MODULE_SUM(PV_MODULE_SUM(PV_MODULE_SUM(PV_MODULE_SUM(PV_MODULE_SUM(            \
	UINT64_C(14695981039346656037),                                                                               \
	pv_module), pv_module_analyser), pv_module_source), pv_module_settings), pv_key), pv_value),                  \
	pv_analyser_ops), pv_stream), pv_handler), pv_metric), pv_handler_ctx), pv_bucket), pv_block), pv_rate_hot)
/* clang-format on */

#define PV_MODULE_HEAD .magic = PV_MODULE_MAGIC, .abi = PV_MODULE_ABI, .layout = PV_MODULE_LAYOUT

/* The module defines it: const struct pv_module pv_module = {PV_MODULE_HEAD, .name = ...}; */
extern __attribute__((visibility("default"))) const struct pv_module pv_module;

#endif
