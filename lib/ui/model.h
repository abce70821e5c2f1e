/* SPDX-License-Identifier: MPL-2.0 */
/* ui/model.h - an agent's answer as something that can be shown.
 *
 *      {"<policy>": {"<handler>": {"<schema>": {"period": {...}, <metrics>}}}}
 *
 * The metrics are found by their form, not by their names, so that every handler can be shown, those of loaded modules
 * too:
 *
 *      17                                         a number
 *      {"p50": 1, "p90": 2, ..., "live": 3}       quantiles, or a rate
 *      [{"name": "a", "estimate": 3}, ...]        a top list; other numbers of its items are its columns
 *      {"buckets": {"10": 1, "+Inf": 2}}          a histogram
 *      any other object                           more metrics; their path goes on with a dot
 *
 * What has a name of its own is a section: each member of "devices", "interfaces" and "targets", and the directions
 * "in", "out" and "unknown" where they are objects right below the schema. Section 0 is what belongs to none.
 *
 * Hostile answers do no harm: whatever is of another form is left out and counted. Names are cleaned (ui/pool.h). One
 * thread. */
#ifndef PV_UI_MODEL_H
#define PV_UI_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/pool.h"

#define PV_UI_BODY_MAX ((size_t)4 << 20) /* bytes of an answer: a policy is 60 KB, a flow policy with many devices more */
#define PV_UI_VALUES_MAX 400000          /* of an answer; jansson needs some 100 bytes for the smallest */
#define PV_UI_MODEL_MAX ((size_t)32 << 20) /* bytes of a model: more than the largest answer makes */
#define PV_UI_HANDLERS_MAX 256           /* of all policies together: 50 of them with four each, and their inputs */
#define PV_UI_SECTIONS_MAX 2048          /* of a handler; pv's flow handler folds more into "other" long before */
#define PV_UI_ITEMS_MAX 256              /* of a top list */
#define PV_UI_FACTS_MAX 12               /* further numbers of its items; connections have 8 */
#define PV_UI_DEPTH_MAX 12               /* of objects in objects */
#define PV_UI_NAME_MAX 256               /* bytes of a name; DNS names are shorter */

struct pv_ui_num {
	double d;   /* always set */
	uint64_t u; /* exact, when !real */
	bool real;
};

enum pv_ui_kind { PV_UI_NUMBER, PV_UI_QUANTILES, PV_UI_TOP, PV_UI_HISTOGRAM, PV_UI_TEXT };
enum { PV_UI_P50, PV_UI_P90, PV_UI_P95, PV_UI_P99, PV_UI_LIVE, PV_UI_QUANTS };

struct pv_ui_item {
	const char *name;
	struct pv_ui_num n;
	const char *place; /* "58.41, 15.61", or "" */
	const struct pv_ui_num *fact; /* the metric's facts; NULL where it has none */
	unsigned have;                /* bit i: fact[i] is there */
};

struct pv_ui_metric {
	struct pv_ui_metric *next;
	const char *path; /* "wire_packets.total" */
	enum pv_ui_kind kind;
	struct pv_ui_num n;             /* NUMBER */
	struct pv_ui_num q[PV_UI_QUANTS]; /* QUANTILES */
	unsigned have;                  /* bit i: q[i] is there */
	struct pv_ui_item *item;        /* TOP; HISTOGRAM: upper bounds and cumulative counts */
	size_t items;
	const char *fact[PV_UI_FACTS_MAX]; /* TOP: names of its items' further numbers, in the agent's order */
	size_t facts;
	const char *text;               /* TEXT */
};

struct pv_ui_section {
	struct pv_ui_section *next;
	const char *map;   /* "devices", "interfaces", "targets", "direction"; "" for section 0 */
	const char *title; /* "10.0.0.2 | 3" */
	struct pv_ui_metric *metric, *last;
	size_t n;
};

struct pv_ui_handler {
	const char *policy, *name, *schema;
	uint64_t start, length; /* of the period, seconds */
	bool live;              /* some rate has a "live": the period is not over */
	struct pv_ui_section *section, *last; /* the first is section 0 */
	size_t n;
};

/* What a handler is found by in the next answer. */
struct pv_ui_id {
	char policy[PV_UI_NAME_MAX], name[PV_UI_NAME_MAX]; /* "": none */
};

struct pv_ui_model {
	struct pv_ui_pool pool;
	struct pv_ui_handler handler[PV_UI_HANDLERS_MAX];
	size_t n;
	size_t left_out; /* values of no known form, and those beyond a limit */
};

/* Parses an answer, whatever bytes it is made of: those that are no UTF-8, and control characters, which a parser
 * would refuse the whole answer for, become '?' in place. NULL with a line in err. */
json_t *pv_ui_json(char *body, size_t len, char *err, size_t cap);

/* NULL: no memory. Never fails for what is in the answer. */
struct pv_ui_model *pv_ui_model_new(const json_t *answer);
void pv_ui_model_free(struct pv_ui_model *);

/* NULL when there is none. Names of metrics are compared as the original's client did, without case. */
const struct pv_ui_metric *pv_ui_metric(const struct pv_ui_section *, const char *path);
struct pv_ui_id pv_ui_id(const struct pv_ui_handler *);
bool pv_ui_is(const struct pv_ui_handler *, const struct pv_ui_id *);

const struct pv_ui_section *pv_ui_section(const struct pv_ui_handler *, const char *title);

#endif
