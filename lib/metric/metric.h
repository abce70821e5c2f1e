/* SPDX-License-Identifier: MPL-2.0 */
/* metric/metric.h - what a metric is: one row of a handler's table.
 *
 * Storage, merging, JSON, Prometheus text, --table, the man pages' METRICS section and the wire
 * are driven by these rows; nothing else knows a metric by name. Adding a metric is one row and
 * the line that updates it (pv_count(), pv_top_str(), ... in metric/bucket.h).
 *
 * All tables are static const. Rows stand in the order of their enum, so that an update names a
 * metric by its index; `id` is the number on the wire, never given twice (tests/metrics.released). */
#ifndef PV_METRIC_METRIC_H
#define PV_METRIC_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/check.h"
#include "event/event.h"
#include "sketch/tally.h"
#include "sketch/topn.h"

enum pv_kind {
	PV_COUNTER = 1,  /* u64 */
	PV_DISTINCT = 2, /* sketch/hll.h */
	PV_TOPN = 3,     /* sketch/topn.h */
	PV_QUANTILES = 4, /* sketch/exphist.h; printed as integers unless unit says ratio */
	PV_HISTOGRAM = 5, /* sketch/histogram.h */
	PV_RATE = 6,     /* sketch/rate.h */
	PV_GAUGE = 7,    /* sketch/gauge.h: a level that is told again and again, not summed up over time */
	PV_MINIMUM = 8,  /* the smallest of all samples; not shown without any */
	PV_MAXIMUM = 9,  /* the largest */
	PV_TALLY = 10    /* sketch/tally.h: several sums by key, as packets and bytes of connections */
};

/* Does a cell of this kind hold a number, and no sketch? */
static inline bool pv_kind_plain(unsigned kind)
{
	return kind == PV_COUNTER || kind == PV_MINIMUM || kind == PV_MAXIMUM;
}

/* How a top-N item becomes text. Writes at most cap bytes including the NUL. */
typedef void pv_item_fn(const struct pv_topn_row *, char *out, size_t cap);

pv_item_fn pv_item_text; /* bytes as they are (renderers make them valid UTF-8) */
pv_item_fn pv_item_u64;
pv_item_fn pv_item_ipv4; /* a number, host byte order */
pv_item_fn pv_item_ipv6; /* 16 bytes */

/* One sum of a tally. */
struct pv_column {
	const char *name; /* "bytes" */
	const char *rate; /* what the sum per second is called, "bps"; NULL: not shown */
	uint16_t factor;  /* of the rate: bits of a byte */
};

struct pv_metric {
	uint16_t id;      /* wire number */
	uint8_t kind;     /* enum pv_kind */
	uint8_t group;    /* index into the handler's groups, PV_ALWAYS for none */
	uint8_t group2;   /* a second group that must be on too, PV_ALWAYS for none */
	uint8_t scope;    /* index into the handler's scopes; 0 is the handler itself */
	bool real;        /* quantiles: values are printed as reals, not integers */
	bool geo;         /* top-N: items are name TAB latitude TAB longitude */
	bool integer;     /* top-N: items are numbers (PV_TOPN_U64) */
	const char *path; /* below the schema key: "wire_packets.total" */
	const char *prom; /* full Prometheus name where it is not schema + path */
	const char *label; /* top-N, tallies: Prometheus label of the item, "qname" */
	pv_item_fn *item;  /* top-N; tallies: estimate is column 0 */
	const char *unit;  /* "packets", "bytes", "us", "1", ... */
	const char *help;  /* one line, no final stop */
	const struct pv_column *columns; /* tallies; the first is the weight, in `unit` */
	uint8_t ncolumns;
};

#define PV_ALWAYS 0xff

struct pv_group {
	const char *name;
	bool on; /* by default */
};

/* A set of metrics that exists once per label value: directions, devices, ... Row 0 of a table is
 * the handler itself: {NULL, NULL, 0, 1}. */
struct pv_scope {
	/* Prometheus label, "direction". Where it is the parent's with more behind it, "device_interface" in "device", its
	 * value is the parent's, '|', and the key, so that it means something alone. */
	const char *label;
	const char *container; /* JSON object that holds the keys, "devices"; NULL: in the parent itself */
	uint8_t parent;        /* index of the scope it lives in */
	uint16_t max;          /* blocks per parent; further keys go to "other" and are counted */
};

struct pv_bucket;
struct pv_handler_ctx;

struct pv_handler {
	const char *type;    /* "net": of the analyser's announcement, and of --modules */
	const char *version; /* "1.0" */
	const char *schema;  /* JSON key and metric prefix, "packets" */
	uint64_t wants;      /* 1 << type of the events it is given */
	/* A module: it is given those events, too, of its own type, whatever number they have in a stream. NULL: none. */
	const struct pv_event_module *own;
	const struct pv_metric *metrics;
	size_t nmetrics;
	const struct pv_group *groups;
	size_t ngroups;
	const struct pv_scope *scopes;
	size_t nscopes;
	/* The three metrics every handler has; index into metrics, or -1 where it shows none. Counted for it. */
	int events, samples, events_rate;
	size_t state_size; /* bytes of zeroed private state per instance (thresholds, baselines), 0 none */
	/* Count one event. `deep`: within the deep sample. Filtered events come too, flagged. The base
	 * metrics above are already counted. */
	void (*update)(struct pv_bucket *, const struct pv_event *, bool deep, struct pv_handler_ctx *);
	/* A period has closed: take from `closed` what the next needs (NULL: nothing). */
	void (*shift)(const struct pv_bucket *closed, struct pv_handler_ctx *);
	/* A bucket begins: put into it what holds from its start, such as levels (NULL: nothing). */
	void (*begin)(struct pv_bucket *, struct pv_handler_ctx *);
	/* NULL: every wanted event is one of its base events. Else: false for those that are not. */
	bool (*is_base)(const struct pv_event *);
	/* An analyser that makes its events too, and feeds it where it is asked for by name: "net". NULL: none but its own. */
	const char *analyser;
};

/* What update() may know besides the event. */
struct pv_handler_ctx {
	void *state;        /* state_size bytes */
	uint64_t generation; /* another number for every bucket that is updated */
	bool hosts_empty;   /* the stream's host set is empty */
	bool recorded;
	/* The text of a DEFINE number, NULL when unknown. Valid during the call. */
	const char *(*define)(void *defines, uint8_t stage, enum pv_define_kind, uint32_t number, size_t *len);
	void *defines;
};

/* A row of a top list as it is shown: valid UTF-8, whatever bytes the item holds. */
#define PV_ITEM_TEXT  2048 /* a DNS name of 1010 characters, made longer by cleaning at most twofold */
#define PV_ITEM_PLACE 64   /* a latitude or longitude has some ten characters */

struct pv_item {
	char name[PV_ITEM_TEXT];
	bool placed; /* lat and lon are known */
	char lat[PV_ITEM_PLACE], lon[PV_ITEM_PLACE];
};
void pv_item_show(const struct pv_metric *, const struct pv_topn_row *, struct pv_item *);

/* Index of a group by name, or -1. "all" is not one. */
int pv_handler_group(const struct pv_handler *, const char *name);

/* The error text of an unknown group: "X is an invalid/unsupported metric group. The valid groups are: all, ..." */
void pv_handler_group_error(const struct pv_handler *, const char *name, char *out, size_t cap);

#endif
