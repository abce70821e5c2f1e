/* SPDX-License-Identifier: MPL-2.0 */
#include "metric/otlp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "metric/series.h"

/* Numbers of fields, message by message: collector/metrics/v1, metrics/v1, resource/v1 and common/v1 of opentelemetry-proto. */
enum { REQUEST_RESOURCE_METRICS = 1 };
enum { RESOURCE_METRICS_RESOURCE = 1, RESOURCE_METRICS_SCOPE_METRICS = 2 };
enum { RESOURCE_ATTRIBUTES = 1 };
enum { SCOPE_METRICS_SCOPE = 1, SCOPE_METRICS_METRICS = 2 };
enum { SCOPE_NAME = 1, SCOPE_ATTRIBUTES = 3 };
enum { METRIC_NAME = 1, METRIC_DESCRIPTION = 2, METRIC_UNIT = 3, METRIC_GAUGE = 5, METRIC_HISTOGRAM = 9, METRIC_SUMMARY = 11 };
enum { DATA_POINTS = 1, HISTOGRAM_TEMPORALITY = 2 };
enum { TEMPORALITY_DELTA = 1, TEMPORALITY_CUMULATIVE = 2 };
enum { POINT_START = 2, POINT_TIME = 3 };
enum { NUMBER_INT = 6, NUMBER_ATTRIBUTES = 7 };
enum { SUMMARY_COUNT = 4, SUMMARY_SUM = 5, SUMMARY_QUANTILES = 6, SUMMARY_ATTRIBUTES = 7 };
enum { QUANTILE_QUANTILE = 1, QUANTILE_VALUE = 2 };
enum { HISTOGRAM_COUNT = 4, HISTOGRAM_SUM = 5, HISTOGRAM_COUNTS = 6, HISTOGRAM_BOUNDS = 7, HISTOGRAM_ATTRIBUTES = 9 };
enum { KEY_VALUE_KEY = 1, KEY_VALUE_VALUE = 2, ANY_VALUE_STRING = 1 };

enum wire { VARINT = 0, FIXED64 = 1, BYTES = 2 };

#define VARINT_MAX 10
#define SCOPE_PREFIX "pktvisor/"

struct buf {
	uint8_t *p;
	size_t len, cap;
	bool failed; /* no memory */
};

/* A metric: its name, and its points as they stand in the message of its type. */
struct family {
	const struct pv_metric *metric;
	char name[PV_POINT_NAME];
	enum pv_point_kind kind;
	bool cumulative;
	struct buf points;
};

struct pv_otlp {
	size_t max_bytes, used; /* used: at least what is in `out` and in the points */
	struct buf out;	    /* the request, as far as scopes are over */
	size_t resource, scope; /* where these two begin in it */
	bool in_scope;
	struct family *families; /* of the scope */
	size_t nfamilies, cap_families;
	struct pv_series series; /* of the scope */
	uint64_t points, dropped;
	bool failed;
};

/* ---- protobuf ----------------------------------------------------------------------------------- */

static bool reserve(struct buf *b, size_t more)
{
	if (b->failed || b->cap - b->len >= more)
		return !b->failed;
	size_t cap = b->cap ? b->cap : 256;
	while (cap - b->len < more)
		cap *= 2;
	uint8_t *to = realloc(b->p, cap);
	if (!to) {
		b->failed = true;
		return false;
	}
	b->p = to;
	b->cap = cap;
	return true;
}

static void put(struct buf *b, const void *p, size_t n)
{
	if (n && reserve(b, n)) {
		memcpy(b->p + b->len, p, n);
		b->len += n;
	}
}

static size_t varint(uint64_t v, uint8_t to[VARINT_MAX])
{
	size_t n = 0;
	for (; v > 0x7f; v >>= 7)
		to[n++] = (uint8_t)(v | 0x80);
	to[n++] = (uint8_t)v;
	return n;
}

static void put_varint(struct buf *b, uint64_t v)
{
	uint8_t text[VARINT_MAX];
	put(b, text, varint(v, text));
}

static void put_tag(struct buf *b, unsigned field, enum wire type)
{
	put_varint(b, field << 3 | type);
}

static void put_raw64(struct buf *b, uint64_t v)
{
	uint8_t le[8];
	for (int i = 0; i < 8; i++)
		le[i] = (uint8_t)(v >> 8 * i);
	put(b, le, sizeof le);
}

static void put_fixed64(struct buf *b, unsigned field, uint64_t v)
{
	put_tag(b, field, FIXED64);
	put_raw64(b, v);
}

static uint64_t bits(double d)
{
	uint64_t v;
	memcpy(&v, &d, sizeof v);
	return v;
}

static void put_double(struct buf *b, unsigned field, double d)
{
	put_fixed64(b, field, bits(d));
}

/* Any bytes; a string of protobuf is UTF-8. */
static void put_text(struct buf *b, unsigned field, const char *s, size_t max)
{
	char clean[PV_LABEL_VALUE + 1];
	size_t n = pv_utf8_clean(s, strlen(s), clean, max < sizeof clean ? max + 1 : sizeof clean);
	put_tag(b, field, BYTES);
	put_varint(b, n);
	put(b, clean, n);
}

/* A message within: its length stands in front of it, and is known at its end. */
static size_t begin(struct buf *b, unsigned field)
{
	put_tag(b, field, BYTES);
	return b->len;
}

static void end(struct buf *b, size_t from)
{
	uint8_t text[VARINT_MAX];
	size_t n = varint(b->len - from, text);
	if (!reserve(b, n))
		return;
	memmove(b->p + from + n, b->p + from, b->len - from);
	memcpy(b->p + from, text, n);
	b->len += n;
}

static void put_attribute(struct buf *b, unsigned field, const char *key, const char *value, size_t max)
{
	size_t attribute = begin(b, field);
	put_text(b, KEY_VALUE_KEY, key, max);
	size_t any = begin(b, KEY_VALUE_VALUE);
	put_text(b, ANY_VALUE_STRING, value, max);
	end(b, any);
	end(b, attribute);
}

/* ---- points ------------------------------------------------------------------------------------- */

struct visit {
	struct pv_otlp *otlp;
	uint64_t now_ns;
	enum pv_otlp_histograms histograms;
};

static void put_times(struct buf *b, const struct pv_bucket *k, uint64_t now_ns)
{
	uint64_t time = k->end_ns;
	if (!k->closed && !k->recorded && now_ns > time)
		time = now_ns;
	if (k->start_ns)
		put_fixed64(b, POINT_START, k->start_ns);
	put_fixed64(b, POINT_TIME, time ? time : now_ns);
}

static void put_value(struct buf *b, const struct pv_point *pt)
{
	put_fixed64(b, NUMBER_INT, pt->value < INT64_MAX ? pt->value : INT64_MAX);
}

static void put_summary(struct buf *b, const struct pv_point *pt)
{
	bool real = pt->metric->real;
	put_fixed64(b, SUMMARY_COUNT, pt->count);
	put_double(b, SUMMARY_SUM, real ? pt->real_sum : (double)pt->sum);
	for (int i = 0; i < 4; i++) {
		size_t q = begin(b, SUMMARY_QUANTILES);
		put_double(b, QUANTILE_QUANTILE, pv_quantiles[i]);
		put_double(b, QUANTILE_VALUE, real ? pt->real_quantile[i] : (double)pt->quantile[i]);
		end(b, q);
	}
}

static void put_histogram(struct buf *b, const struct pv_histogram *h)
{
	uint64_t below = 0;
	put_fixed64(b, HISTOGRAM_COUNT, pv_histogram_count(h));
	put_double(b, HISTOGRAM_SUM, (double)pv_histogram_sum(h));
	size_t counts = begin(b, HISTOGRAM_COUNTS);
	for (size_t i = 0; i < PV_POINT_BOUNDS; i++) {
		uint64_t cumulative = pv_histogram_cumulative(h, pv_point_bounds[i]);
		put_raw64(b, cumulative - below);
		below = cumulative;
	}
	put_raw64(b, pv_histogram_count(h) - below);
	end(b, counts);
	size_t bounds = begin(b, HISTOGRAM_BOUNDS);
	for (size_t i = 0; i < PV_POINT_BOUNDS; i++)
		put_raw64(b, bits((double)pv_point_bounds[i]));
	end(b, bounds);
}

/* Attributes come last. Returns where they begin. */
static size_t put_point(struct buf *b, const struct pv_point *pt, uint64_t now_ns)
{
	unsigned attributes = NUMBER_ATTRIBUTES;
	put_times(b, pt->bucket, now_ns);
	switch (pt->kind) {
	case PV_POINT_VALUE:
		put_value(b, pt);
		break;
	case PV_POINT_SUMMARY:
		put_summary(b, pt);
		attributes = SUMMARY_ATTRIBUTES;
		break;
	case PV_POINT_HISTOGRAM:
		put_histogram(b, pt->histogram);
		attributes = HISTOGRAM_ATTRIBUTES;
		break;
	}
	size_t at = b->len;
	for (size_t i = 0; i < pt->labels->n; i++)
		put_attribute(b, attributes, pt->labels->at[i].name, pt->labels->at[i].value, PV_LABEL_VALUE);
	return at;
}

/* ---- metrics ------------------------------------------------------------------------------------ */

/* The metric of a point, made when missing; NULL when its name is that of another type, or there is no memory. */
static struct family *family(struct pv_otlp *o, const struct pv_point *pt, bool cumulative)
{
	for (size_t i = 0; i < o->nfamilies; i++) {
		struct family *f = &o->families[i];
		if (f->metric != pt->metric && strcmp(f->name, pt->name) != 0)
			continue;
		if (f->kind != pt->kind)
			return NULL;
		if (f->cumulative == cumulative)
			return f;
	}
	if (o->nfamilies == o->cap_families) {
		size_t cap = o->cap_families ? o->cap_families * 2 : 64;
		struct family *to = realloc(o->families, cap * sizeof *to);
		if (!to) {
			o->failed = true;
			return NULL;
		}
		o->families = to;
		o->cap_families = cap;
	}
	struct family *f = &o->families[o->nfamilies++];
	*f = (struct family){.metric = pt->metric, .kind = pt->kind, .cumulative = cumulative};
	snprintf(f->name, sizeof f->name, "%s", pt->name);
	return f;
}

/* What a metric takes besides its points, at most. */
static size_t heading_bytes(const struct family *f)
{
	return sizeof f->name + 2 * PV_OTLP_TEXT + 8 * VARINT_MAX;
}

/* Is a point of this series of this metric here already? By its attributes, and the metric's number. */
static int seen(struct pv_otlp *o, const struct family *f, size_t attributes)
{
	struct buf *b = &o->families[f - o->families].points;
	const uint32_t number = (uint32_t)(f - o->families);
	size_t len = b->len;
	put(b, &number, sizeof number);
	int rc = b->failed ? -1 : pv_series_seen(&o->series, b->p + attributes, b->len - attributes);
	b->len = len;
	return rc;
}

static int add(void *ctx, const struct pv_point *pt)
{
	struct visit *v = ctx;
	struct pv_otlp *o = v->otlp;
	bool histogram = pt->kind == PV_POINT_HISTOGRAM;
	if (histogram && v->histograms == PV_OTLP_NO_HISTOGRAMS)
		return 0;
	for (size_t i = 0; pt->item && i < pt->labels->n; i++)
		if (!strcmp(pt->labels->at[i].name, pt->metric->label) && !*pt->labels->at[i].value)
			return 0;
	struct family *f = family(o, pt, histogram && v->histograms == PV_OTLP_CUMULATIVE);
	if (!f) {
		o->dropped++;
		return o->failed;
	}
	struct buf *b = &f->points;
	size_t start = b->len, point = begin(b, DATA_POINTS);
	size_t attributes = put_point(b, pt, v->now_ns);
	size_t more = b->len - start + VARINT_MAX + (start ? 0 : heading_bytes(f));
	bool room = o->used + more <= o->max_bytes;
	int twice = room ? seen(o, f, attributes) : 0;
	end(b, point);
	o->failed |= b->failed || twice < 0;
	if (o->failed)
		return 1;
	if (!room || twice) {
		b->len = start;
		o->dropped++;
		return 0;
	}
	o->used += more;
	o->points++;
	return 0;
}

/* Our units are plain words, or "words/s". UCUM puts what is counted in braces. */
static void put_unit(struct buf *b, const char *unit)
{
	static const struct {
		const char *ours, *ucum;
	} units[] = {{"bytes", "By"}, {"bits", "bit"}, {"percent", "%"}, {"us", "us"}, {"ms", "ms"}, {"s", "s"}, {"1", "1"}};
	char text[PV_OTLP_TEXT + 1];
	size_t n = strcspn(unit, "/");
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strlen(units[i].ours) == n && !strncmp(unit, units[i].ours, n)) {
			snprintf(text, sizeof text, "%s%s", units[i].ucum, unit + n);
			put_text(b, METRIC_UNIT, text, PV_OTLP_TEXT);
			return;
		}
	snprintf(text, sizeof text, "{%.*s}%s", (int)n, unit, unit + n);
	put_text(b, METRIC_UNIT, text, PV_OTLP_TEXT);
}

static void put_family(struct buf *b, const struct family *f)
{
	static const unsigned fields[] = {
	    [PV_POINT_VALUE] = METRIC_GAUGE, [PV_POINT_SUMMARY] = METRIC_SUMMARY, [PV_POINT_HISTOGRAM] = METRIC_HISTOGRAM};
	size_t metric = begin(b, SCOPE_METRICS_METRICS);
	put_text(b, METRIC_NAME, f->name, PV_OTLP_TEXT);
	if (f->metric->help)
		put_text(b, METRIC_DESCRIPTION, f->metric->help, PV_OTLP_TEXT);
	if (f->metric->unit)
		put_unit(b, f->metric->unit);
	size_t data = begin(b, fields[f->kind]);
	put(b, f->points.p, f->points.len);
	if (f->kind == PV_POINT_HISTOGRAM) {
		put_tag(b, HISTOGRAM_TEMPORALITY, VARINT);
		put_varint(b, f->cumulative ? TEMPORALITY_CUMULATIVE : TEMPORALITY_DELTA);
	}
	end(b, data);
	end(b, metric);
}

/* ---- scopes ------------------------------------------------------------------------------------- */

static void forget_families(struct pv_otlp *o)
{
	for (size_t i = 0; i < o->nfamilies; i++)
		free(o->families[i].points.p);
	o->nfamilies = 0;
	pv_series_reset(&o->series);
}

static void end_scope(struct pv_otlp *o)
{
	if (!o->in_scope)
		return;
	for (size_t i = 0; i < o->nfamilies; i++)
		if (o->families[i].points.len)
			put_family(&o->out, &o->families[i]);
	end(&o->out, o->scope);
	forget_families(o);
	o->in_scope = false;
}

void pv_otlp_scope(struct pv_otlp *o, const char *policy)
{
	char name[sizeof SCOPE_PREFIX + PV_OTLP_TEXT];
	end_scope(o);
	o->scope = begin(&o->out, RESOURCE_METRICS_SCOPE_METRICS);
	o->in_scope = true;
	snprintf(name, sizeof name, SCOPE_PREFIX "%s", policy);
	size_t scope = begin(&o->out, SCOPE_METRICS_SCOPE);
	put_text(&o->out, SCOPE_NAME, name, sizeof name - 1);
	put_attribute(&o->out, SCOPE_ATTRIBUTES, "policy_name", policy, PV_OTLP_TEXT);
	end(&o->out, scope);
	o->used += o->out.len - o->scope + VARINT_MAX;
}

int pv_otlp_bucket(struct pv_otlp *o, const struct pv_bucket *b, const struct pv_label *labels, size_t n, uint64_t now_ns,
		   enum pv_otlp_histograms histograms)
{
	struct visit v = {o, now_ns, histograms};
	int rc = pv_points_visit(b, labels, n, add, &v);
	if (rc < 0 && errno == EINVAL)
		return -1;
	o->failed |= rc != 0;
	if (!o->failed)
		return 0;
	errno = ENOMEM;
	return -1;
}

/* ---- the object --------------------------------------------------------------------------------- */

static void put_resource(struct buf *b, const struct pv_otlp_conf *conf)
{
	const struct pv_label about[] = {
	    {"service.name", conf->service}, {"service.version", conf->version}, {"service.instance.id", conf->instance}};
	size_t resource = begin(b, RESOURCE_METRICS_RESOURCE);
	for (size_t i = 0; i < sizeof about / sizeof about[0]; i++)
		if (about[i].value)
			put_attribute(b, RESOURCE_ATTRIBUTES, about[i].name, about[i].value, PV_OTLP_TEXT);
	end(b, resource);
}

struct pv_otlp *pv_otlp_new(const struct pv_otlp_conf *conf)
{
	struct pv_otlp *o = calloc(1, sizeof *o);
	if (!o)
		return NULL;
	o->max_bytes = conf->max_bytes ? conf->max_bytes : PV_OTLP_BYTES;
	o->series.seed = conf->seed;
	o->resource = begin(&o->out, REQUEST_RESOURCE_METRICS);
	put_resource(&o->out, conf);
	o->used = o->out.len + VARINT_MAX;
	return o;
}

void pv_otlp_free(struct pv_otlp *o)
{
	if (!o)
		return;
	forget_families(o);
	free(o->families);
	free(o->out.p);
	free(o);
}

uint8_t *pv_otlp_bytes(struct pv_otlp *o, size_t *len)
{
	end_scope(o);
	end(&o->out, o->resource);
	if (o->failed || o->out.failed) {
		errno = ENOMEM;
		return NULL;
	}
	uint8_t *bytes = o->out.p;
	*len = o->out.len;
	o->out = (struct buf){NULL, 0, 0, false};
	return bytes;
}

uint64_t pv_otlp_points(const struct pv_otlp *o)
{
	return o->points;
}

uint64_t pv_otlp_dropped(const struct pv_otlp *o)
{
	return o->dropped;
}
