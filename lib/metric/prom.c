/* SPDX-License-Identifier: MPL-2.0 */
#include "metric/prom.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "metric/series.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define OWN_NAME  "pktvisor_exposition_dropped_samples"

static const char *const type_names[] = {"gauge", "counter", "summary", "histogram"};
static const char *const drop_names[PV_PROM_DROPS] = {"limit", "duplicate", "conflict"};

struct buf {
	char *p;
	size_t len, cap;
};

struct family {
	char *name;
	enum pv_prom_type type;
	struct buf help; /* escaped; empty while there is none */
	struct buf text; /* its samples */
};

struct pv_prom {
	char *instance; /* NULL: none */
	struct pv_labels own;
	char *own_values;
	size_t max_bytes, bytes;
	struct family *families;
	uint32_t nfamilies, cap_families;
	uint32_t *index;  /* of families by name; 0 is free, else family + 1 */
	struct pv_series series;
	struct family refused; /* what has no place is written here and taken back */
	uint64_t dropped[PV_PROM_DROPS];
	bool failed; /* no memory */
};

/* What is written before it is known whether it may stay: all samples of one cell, or one row of a top list. */
struct point {
	struct pv_prom *prom;
	struct family *family;
	size_t start;  /* in the family's text */
	size_t series; /* length of the first line up to its brace */
	unsigned samples;
};

/* ---- bytes -------------------------------------------------------------------------------------- */

static bool reserve(struct pv_prom *p, struct buf *b, size_t more)
{
	if (b->cap - b->len > more)
		return true;
	size_t cap = b->cap ? b->cap : 256;
	while (cap - b->len <= more)
		cap *= 2;
	char *to = realloc(b->p, cap);
	if (!to) {
		p->failed = true;
		return false;
	}
	b->p = to;
	b->cap = cap;
	return true;
}

static void put(struct pv_prom *p, struct buf *b, const char *s, size_t n)
{
	if (n && reserve(p, b, n)) {
		memcpy(b->p + b->len, s, n);
		b->len += n;
	}
}

static void put_text(struct pv_prom *p, struct buf *b, const char *s)
{
	put(p, b, s, strlen(s));
}

/* Text as HELP and label values want it: UTF-8, with '\' and newline escaped, and '"' where `quoted`. */
static void put_escaped(struct pv_prom *p, struct buf *b, const char *s, size_t max, bool quoted)
{
	size_t n = strlen(s), used = 0;
	for (size_t i = 0, len; i < n && used < max; i += len) {
		char odd[8];
		len = pv_utf8_len((const unsigned char *)s + i, n - i);
		used += len ? len : 4;
		if (used > max)
			break;
		if (!len) {
			len = 1;
			snprintf(odd, sizeof odd, "\\\\%03u", (unsigned)(unsigned char)s[i]);
			put_text(p, b, odd);
		} else if (s[i] == '\n') {
			put(p, b, "\\n", 2);
		} else {
			if (s[i] == '\\' || (quoted && s[i] == '"'))
				put(p, b, "\\", 1);
			put(p, b, s + i, len);
		}
	}
}

static void put_u64(struct pv_prom *p, struct buf *b, uint64_t v)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRIu64, v);
	put_text(p, b, text);
}

/* The shortest decimal that reads back as the same number. */
static void put_real(struct pv_prom *p, struct buf *b, double v)
{
	char text[40];
	if (isnan(v) || isinf(v)) {
		put_text(p, b, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	put_text(p, b, text);
}

/* ---- labels ------------------------------------------------------------------------------------- */

static void put_label(struct pv_prom *p, struct buf *b, const char *name, const char *value, bool *first)
{
	if (!*first)
		put(p, b, ",", 1);
	*first = false;
	put_text(p, b, name);
	put(p, b, "=\"", 2);
	put_escaped(p, b, value, PV_LABEL_VALUE, true);
	put(p, b, "\"", 1);
}

static void put_labels(struct pv_prom *p, struct buf *b, const struct pv_labels *s)
{
	bool first = true, fixed = p->instance != NULL;
	for (size_t i = 0; i < s->n; i++)
		fixed &= strcmp(s->at[i].name, "instance") != 0;
	put(p, b, "{", 1);
	if (fixed)
		put_label(p, b, "instance", p->instance, &first);
	for (size_t i = 0; i < s->n; i++)
		put_label(p, b, s->at[i].name, s->at[i].value, &first);
	put(p, b, "}", 1);
}

/* ---- families ----------------------------------------------------------------------------------- */

static struct family *find(struct pv_prom *p, const char *name, size_t n)
{
	if (!p->cap_families)
		return NULL;
	uint32_t mask = p->cap_families * 2 - 1;
	for (uint32_t i = (uint32_t)XXH3_64bits(name, n) & mask; p->index[i]; i = (i + 1) & mask) {
		struct family *f = &p->families[p->index[i] - 1];
		if (!strncmp(f->name, name, n) && !f->name[n])
			return f;
	}
	return NULL;
}

static void index_family(struct pv_prom *p, uint32_t at)
{
	uint32_t mask = p->cap_families * 2 - 1;
	const char *name = p->families[at].name;
	uint32_t i = (uint32_t)XXH3_64bits(name, strlen(name)) & mask;
	while (p->index[i])
		i = (i + 1) & mask;
	p->index[i] = at + 1;
}

static bool grow_families(struct pv_prom *p)
{
	if (p->nfamilies < p->cap_families)
		return true;
	uint32_t cap = p->cap_families ? p->cap_families * 2 : 64;
	struct family *families = realloc(p->families, cap * sizeof *families);
	if (families)
		p->families = families;
	uint32_t *index = calloc((size_t)cap * 2, sizeof *index);
	if (!families || !index) {
		free(index);
		return false;
	}
	free(p->index);
	p->index = index;
	p->cap_families = cap;
	for (uint32_t i = 0; i < p->nfamilies; i++)
		index_family(p, i);
	return true;
}

/* The names below its own that a family's samples have. */
static bool owns(enum pv_prom_type type, const char *suffix)
{
	return type == PV_PROM_HISTOGRAM || (type == PV_PROM_SUMMARY && strcmp(suffix, "_bucket") != 0);
}

/* Would a family of that name share a sample's name with another? */
static bool overlaps(struct pv_prom *p, const char *name, enum pv_prom_type type)
{
	static const char *const suffixes[] = {"_sum", "_count", "_bucket"};
	size_t n = strlen(name);
	for (size_t i = 0; i < 3; i++) {
		char longer[PV_POINT_NAME + 8];
		size_t s = strlen(suffixes[i]);
		snprintf(longer, sizeof longer, "%s%s", name, suffixes[i]);
		if (owns(type, suffixes[i]) && find(p, longer, n + s))
			return true;
		struct family *shorter =
		    n > s && !strcmp(name + n - s, suffixes[i]) ? find(p, name, n - s) : NULL;
		if (shorter && owns(shorter->type, suffixes[i]))
			return true;
	}
	return false;
}

static void set_help(struct pv_prom *p, struct family *f, const char *help)
{
	if (f->help.len || !help || !*help)
		return;
	put_escaped(p, &f->help, help, SIZE_MAX, false);
	if (f->text.len) /* its heading is counted without */
		p->bytes += f->help.len;
}

/* The family of that name, made when missing; p->refused when it cannot be. */
static struct family *family(struct pv_prom *p, const char *name, enum pv_prom_type type, const char *help)
{
	struct family *f = find(p, name, strlen(name));
	if (f && f->type != type)
		return &p->refused;
	if (!f) {
		if (!strcmp(name, OWN_NAME) || overlaps(p, name, type))
			return &p->refused;
		char *copy = strdup(name);
		if (!copy || !grow_families(p)) {
			free(copy);
			p->failed = true;
			return &p->refused;
		}
		f = &p->families[p->nfamilies];
		*f = (struct family){.name = copy, .type = type};
		index_family(p, p->nfamilies++);
	}
	set_help(p, f, help);
	return f;
}

#define HELP "# HELP "
#define TYPE "# TYPE "

static void put_heading(struct pv_prom *p, struct buf *b, const struct family *f)
{
	put_text(p, b, HELP);
	put_text(p, b, f->name);
	put(p, b, " ", 1);
	put(p, b, f->help.p, f->help.len);
	put_text(p, b, "\n" TYPE);
	put_text(p, b, f->name);
	put(p, b, " ", 1);
	put_text(p, b, type_names[f->type]);
	put(p, b, "\n", 1);
}

static size_t heading_bytes(const struct family *f)
{
	return sizeof(HELP TYPE) - 1 + 2 * strlen(f->name) + f->help.len + strlen(type_names[f->type]) + 4;
}

/* ---- points ------------------------------------------------------------------------------------- */

static struct point point_begin(struct pv_prom *p, struct family *f)
{
	return (struct point){.prom = p, .family = f, .start = f->text.len};
}

/* A sample's name and labels, and the blank before its number. */
static struct buf *sample(struct point *pt, const char *suffix, const struct pv_labels *s)
{
	struct buf *b = &pt->family->text;
	put_text(pt->prom, b, pt->family->name);
	put_text(pt->prom, b, suffix);
	put_labels(pt->prom, b, s);
	if (!pt->samples++)
		pt->series = b->len - pt->start;
	put(pt->prom, b, " ", 1);
	return b;
}

static void sample_u64(struct point *pt, const char *suffix, const struct pv_labels *s, uint64_t v)
{
	struct buf *b = sample(pt, suffix, s);
	put_u64(pt->prom, b, v);
	put(pt->prom, b, "\n", 1);
}

static void sample_real(struct point *pt, const char *suffix, const struct pv_labels *s, double v)
{
	struct buf *b = sample(pt, suffix, s);
	put_real(pt->prom, b, v);
	put(pt->prom, b, "\n", 1);
}

/* Whole points stay or go: a summary without its _count would be worse than none. */
static void point_end(struct point *pt)
{
	struct pv_prom *p = pt->prom;
	struct family *f = pt->family;
	size_t bytes = f->text.len - pt->start + (pt->start ? 0 : heading_bytes(f));
	enum pv_prom_drop why;
	if (p->failed)
		return;
	if (f == &p->refused)
		why = PV_PROM_CONFLICT;
	else if (p->bytes + bytes > p->max_bytes)
		why = PV_PROM_LIMIT;
	else {
		int seen = pv_series_seen(&p->series, f->text.p + pt->start, pt->series);
		if (seen <= 0) {
			p->failed = seen < 0;
			p->bytes += bytes;
			return;
		}
		why = PV_PROM_DUPLICATE;
	}
	p->dropped[why] += pt->samples;
	f->text.len = pt->start;
}

/* ---- buckets ------------------------------------------------------------------------------------ */

static void one_u64(struct pv_prom *p, struct family *f, const struct pv_labels *s, uint64_t v)
{
	struct point pt = point_begin(p, f);
	sample_u64(&pt, "", s, v);
	point_end(&pt);
}

static const char *const quantile_values[4] = {"0.5", "0.9", "0.95", "0.99"};

static void summary(struct pv_prom *p, struct family *f, const struct pv_point *v)
{
	struct point pt = point_begin(p, f);
	struct pv_labels s = *v->labels;
	for (int i = 0; i < 4; i++) {
		pv_labels_put(&s, "quantile", quantile_values[i]);
		if (v->metric->real)
			sample_real(&pt, "", &s, v->real_quantile[i]);
		else
			sample_u64(&pt, "", &s, v->quantile[i]);
	}
	if (v->metric->real)
		sample_real(&pt, "_sum", v->labels, v->real_sum);
	else
		sample_u64(&pt, "_sum", v->labels, v->sum);
	sample_u64(&pt, "_count", v->labels, v->count);
	point_end(&pt);
}

static void histogram(struct pv_prom *p, struct family *f, const struct pv_point *v)
{
	const struct pv_histogram *h = v->histogram;
	struct point pt = point_begin(p, f);
	struct pv_labels s = *v->labels;
	for (size_t i = 0; i < PV_POINT_BOUNDS; i++) {
		char bound[24];
		snprintf(bound, sizeof bound, "%" PRIu64, pv_point_bounds[i]);
		pv_labels_put(&s, "le", bound);
		sample_u64(&pt, "_bucket", &s, pv_histogram_cumulative(h, pv_point_bounds[i]));
	}
	pv_labels_put(&s, "le", "+Inf");
	sample_u64(&pt, "_bucket", &s, pv_histogram_count(h));
	sample_u64(&pt, "_sum", v->labels, pv_histogram_sum(h));
	sample_u64(&pt, "_count", v->labels, pv_histogram_count(h));
	point_end(&pt);
}

enum pv_prom_type pv_prom_type(const struct pv_metric *m)
{
	static const enum pv_prom_type types[] = {
	    [PV_POINT_VALUE] = PV_PROM_GAUGE,
	    [PV_POINT_SUMMARY] = PV_PROM_SUMMARY,
	    [PV_POINT_HISTOGRAM] = PV_PROM_HISTOGRAM,
	};
	return types[pv_point_kind(m)];
}

static int add(void *ctx, const struct pv_point *v)
{
	struct pv_prom *p = ctx;
	struct family *f = family(p, v->name, pv_prom_type(v->metric), v->metric->help);
	switch (v->kind) {
	case PV_POINT_VALUE:
		one_u64(p, f, v->labels, v->value);
		break;
	case PV_POINT_SUMMARY:
		summary(p, f, v);
		break;
	case PV_POINT_HISTOGRAM:
		histogram(p, f, v);
		break;
	}
	return p->failed;
}

static int no_memory(struct pv_prom *p)
{
	p->failed = true;
	errno = ENOMEM;
	return -1;
}

static int invalid(void)
{
	errno = EINVAL;
	return -1;
}

int pv_prom_bucket(struct pv_prom *p, const struct pv_bucket *b, const struct pv_label *labels, size_t n)
{
	int rc = pv_points_visit(b, labels, n, add, p);
	if (rc < 0 && errno == EINVAL)
		return invalid();
	return rc ? no_memory(p) : 0;
}

/* ---- a program about itself --------------------------------------------------------------------- */

static bool valid(const struct pv_prom_metric *m)
{
	size_t n = m->name ? strlen(m->name) : 0;
	if (!pv_label_name_ok(m->name) || n >= PV_POINT_NAME)
		return false;
	return m->type == PV_PROM_GAUGE ||
	       (m->type == PV_PROM_COUNTER && n > 6 && !strcmp(m->name + n - 6, "_total"));
}

static int value(struct pv_prom *p, const struct pv_prom_metric *m, const struct pv_label *labels,
		 size_t n, bool real, uint64_t u, double d)
{
	struct pv_labels s;
	if (!valid(m) || !pv_labels_given(&s, labels, n))
		return invalid();
	struct point pt = point_begin(p, family(p, m->name, m->type, m->help));
	if (real)
		sample_real(&pt, "", &s, d);
	else
		sample_u64(&pt, "", &s, u);
	point_end(&pt);
	return p->failed ? no_memory(p) : 0;
}

int pv_prom_u64(struct pv_prom *p, const struct pv_prom_metric *m, const struct pv_label *labels,
		size_t n, uint64_t v)
{
	return value(p, m, labels, n, false, v, 0);
}

int pv_prom_real(struct pv_prom *p, const struct pv_prom_metric *m, const struct pv_label *labels,
		 size_t n, double v)
{
	return value(p, m, labels, n, true, 0, v);
}

/* ---- the object --------------------------------------------------------------------------------- */

/* Copies of the labels of our own metric. */
static int keep_own(struct pv_prom *p, const struct pv_prom_conf *conf)
{
	struct pv_labels given;
	if (!pv_labels_given(&given, conf->own, conf->nown))
		return invalid();
	size_t size = 1;
	for (size_t i = 0; i < given.n; i++)
		size += strlen(given.at[i].name) + strlen(given.at[i].value) + 2;
	char *at = p->own_values = malloc(size);
	if (!at)
		return -1;
	for (size_t i = 0; i < given.n; i++) {
		size_t name = strlen(given.at[i].name) + 1, val = strlen(given.at[i].value) + 1;
		memcpy(at, given.at[i].name, name);
		memcpy(at + name, given.at[i].value, val);
		pv_labels_put(&p->own, at, at + name);
		at += name + val;
	}
	return 0;
}

struct pv_prom *pv_prom_new(const struct pv_prom_conf *conf)
{
	static const struct pv_prom_conf usual = {0};
	struct pv_prom *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	if (!conf)
		conf = &usual;
	p->series.seed = conf->seed;
	p->max_bytes = conf->max_bytes ? conf->max_bytes : PV_PROM_BYTES;
	p->refused.name = strdup("refused");
	if (conf->instance)
		p->instance = strdup(conf->instance);
	if (!p->refused.name || (conf->instance && !p->instance) || keep_own(p, conf)) {
		int e = errno;
		pv_prom_free(p);
		errno = e;
		return NULL;
	}
	return p;
}

static void family_free(struct family *f)
{
	free(f->name);
	free(f->help.p);
	free(f->text.p);
}

void pv_prom_free(struct pv_prom *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->nfamilies; i++)
		family_free(&p->families[i]);
	family_free(&p->refused);
	free(p->families);
	free(p->index);
	pv_series_reset(&p->series);
	free(p->instance);
	free(p->own_values);
	free(p);
}

uint64_t pv_prom_dropped(const struct pv_prom *p, enum pv_prom_drop why)
{
	return p->dropped[why];
}

/* The last family. It has room of its own, so that the limit cannot hide itself. */
static void put_own(struct pv_prom *p, struct buf *b)
{
	put_text(p, b, HELP OWN_NAME " samples left out of this text, by reason\n" TYPE OWN_NAME " gauge\n");
	for (int i = 0; i < PV_PROM_DROPS; i++) {
		struct pv_labels s = p->own;
		pv_labels_put(&s, "reason", drop_names[i]);
		put_text(p, b, OWN_NAME);
		put_labels(p, b, &s);
		put(p, b, " ", 1);
		put_u64(p, b, p->dropped[i]);
		put(p, b, "\n", 1);
	}
}

char *pv_prom_text(struct pv_prom *p, size_t *len)
{
	struct buf all = {NULL, 0, 0};
	reserve(p, &all, p->bytes + 1);
	for (uint32_t i = 0; i < p->nfamilies && !p->failed; i++) {
		const struct family *f = &p->families[i];
		if (!f->text.len)
			continue;
		put_heading(p, &all, f);
		put(p, &all, f->text.p, f->text.len);
	}
	put_own(p, &all);
	put(p, &all, "", 1);
	if (p->failed) {
		free(all.p);
		errno = ENOMEM;
		return NULL;
	}
	*len = all.len - 1;
	return all.p;
}
