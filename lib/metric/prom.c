/* SPDX-License-Identifier: MPL-2.0 */
#include "metric/prom.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define NAME_MAX_ 256 /* of a family; tables have 60 */
#define DEPTH_MAX 4   /* scopes in scopes; tables have 2 */
#define SET_MAX   (PV_PROM_LABELS + DEPTH_MAX + 4) /* and item, lat, lon, quantile */
#define OWN_NAME  "pktvisor_exposition_dropped_samples"

const uint64_t pv_prom_bounds[PV_PROM_BOUNDS] = {
	10, 21, 46,
	100, 146, 215, 316, 464, 681,
	1000, 1467, 2154, 3162, 4641, 6812,
	10000, 14677, 21544, 31622, 46415, 68129,
	100000, 146779, 215443, 316227, 464158, 681292,
	1000000, 1467799, 2154434, 3162277, 4641589, 6812920,
	10000000, 21544347, 46415890, 100000000,
};

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

/* Labels of a sample: sorted, each name once. */
struct set {
	struct pv_prom_label at[SET_MAX];
	size_t n;
};

struct pv_prom {
	char *instance; /* NULL: none */
	struct set own;
	char *own_values;
	uint64_t seed;
	size_t max_bytes, bytes;
	struct family *families;
	uint32_t nfamilies, cap_families;
	uint32_t *index;  /* of families by name; 0 is free, else family + 1 */
	uint64_t *series; /* hashes of those that are there; 0 is free */
	size_t nseries, cap_series;
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

/* ---- names and labels --------------------------------------------------------------------------- */

static bool is_name(const char *s)
{
	if (!s || !*s || (*s >= '0' && *s <= '9'))
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
		      *s == '_'))
			return false;
	return true;
}

static void set_label(struct set *s, const char *name, const char *value)
{
	size_t i = 0;
	int cmp = 1;
	while (i < s->n && (cmp = strcmp(s->at[i].name, name)) < 0)
		i++;
	if (i < s->n && !cmp) {
		s->at[i].value = value;
		return;
	}
	if (s->n == SET_MAX) /* not with the tables there are: a unit test looks at their depth */
		return;
	memmove(s->at + i + 1, s->at + i, (s->n - i) * sizeof s->at[0]);
	s->at[i] = (struct pv_prom_label){name, value};
	s->n++;
}

/* The caller's labels. False: one of them is none. */
static bool set_given(struct set *s, const struct pv_prom_label *l, size_t n)
{
	s->n = 0;
	if (n > PV_PROM_LABELS)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_name(l[i].name) || !strncmp(l[i].name, "__", 2) || !l[i].value ||
		    !strcmp(l[i].name, "quantile") || !strcmp(l[i].name, "le"))
			return false;
		set_label(s, l[i].name, l[i].value);
	}
	return true;
}

static void put_label(struct pv_prom *p, struct buf *b, const char *name, const char *value, bool *first)
{
	if (!*first)
		put(p, b, ",", 1);
	*first = false;
	put_text(p, b, name);
	put(p, b, "=\"", 2);
	put_escaped(p, b, value, PV_PROM_VALUE, true);
	put(p, b, "\"", 1);
}

static void put_labels(struct pv_prom *p, struct buf *b, const struct set *s)
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
		char longer[NAME_MAX_ + 8];
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

static bool grow_series(struct pv_prom *p)
{
	if (p->nseries < p->cap_series / 2)
		return true;
	size_t cap = p->cap_series ? p->cap_series * 2 : 1024;
	uint64_t *series = calloc(cap, sizeof *series);
	if (!series)
		return false;
	for (size_t i = 0; i < p->cap_series; i++) {
		size_t at = (size_t)p->series[i] & (cap - 1);
		while (p->series[i] && series[at])
			at = (at + 1) & (cap - 1);
		if (p->series[i])
			series[at] = p->series[i];
	}
	free(p->series);
	p->series = series;
	p->cap_series = cap;
	return true;
}

/* Has this series come before? Now it has. The hash is seeded, so nobody outside can make two of his look the
 * same, and by chance 100,000 have two alike once in four thousand million texts: a sample would be missing,
 * and counted. */
static bool seen(struct pv_prom *p, const char *series, size_t n)
{
	uint64_t hash = XXH3_64bits_withSeed(series, n, p->seed);
	hash += !hash;
	if (!grow_series(p)) {
		p->failed = true;
		return false;
	}
	size_t at = (size_t)hash & (p->cap_series - 1);
	for (; p->series[at]; at = (at + 1) & (p->cap_series - 1))
		if (p->series[at] == hash)
			return true;
	p->series[at] = hash;
	p->nseries++;
	return false;
}

static struct point point_begin(struct pv_prom *p, struct family *f)
{
	return (struct point){.prom = p, .family = f, .start = f->text.len};
}

/* A sample's name and labels, and the blank before its number. */
static struct buf *sample(struct point *pt, const char *suffix, const struct set *s)
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

static void sample_u64(struct point *pt, const char *suffix, const struct set *s, uint64_t v)
{
	struct buf *b = sample(pt, suffix, s);
	put_u64(pt->prom, b, v);
	put(pt->prom, b, "\n", 1);
}

static void sample_real(struct point *pt, const char *suffix, const struct set *s, double v)
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
	else if (seen(p, f->text.p + pt->start, pt->series))
		why = PV_PROM_DUPLICATE;
	else {
		p->bytes += bytes;
		return;
	}
	p->dropped[why] += pt->samples;
	f->text.len = pt->start;
}

/* ---- kinds -------------------------------------------------------------------------------------- */

struct visit {
	struct pv_prom *prom;
	struct set given;	      /* the caller's labels */
	const struct pv_block *block; /* `labels` are of this one */
	struct set labels;	      /* and its scopes' */
	char values[DEPTH_MAX][PV_PROM_VALUE + 1];
	struct pv_topn_row *rows;
	const struct pv_tally_row **sums; /* rows of a tally */
};

static void one_u64(struct pv_prom *p, struct family *f, const struct set *s, uint64_t v)
{
	struct point pt = point_begin(p, f);
	sample_u64(&pt, "", s, v);
	point_end(&pt);
}

static void top(struct visit *v, struct family *f, const struct pv_bucket *b, const struct pv_metric *m,
		const union pv_cell *c)
{
	struct pv_item item;
	size_t n = pv_bucket_rows(b, c, v->rows);
	for (size_t i = 0; i < n; i++) {
		struct set s = v->labels;
		pv_item_show(m, &v->rows[i], &item);
		set_label(&s, m->label, item.name);
		if (item.placed) {
			set_label(&s, "lat", item.lat);
			set_label(&s, "lon", item.lon);
		}
		one_u64(v->prom, f, &s, v->rows[i].estimate);
	}
}

/* The weight alone: a sum needs a family of its own, and one per connection and direction is more than anybody scrapes. */
static void tally(struct visit *v, struct family *f, const struct pv_bucket *b, const struct pv_metric *m,
		  const union pv_cell *c)
{
	uint64_t rest[PV_TALLY_COLUMNS];
	bool any_rest;
	struct pv_item item;
	size_t n = pv_bucket_tally_rows(b, m, c, v->sums, rest, &any_rest);
	for (size_t i = 0; i < n; i++) {
		const struct pv_tally_row *r = v->sums[i];
		const struct pv_topn_row key = {.key = r->key, .len = r->len, .estimate = r->sum[0]};
		struct set s = v->labels;
		pv_item_show(m, &key, &item);
		set_label(&s, m->label, item.name);
		one_u64(v->prom, f, &s, r->sum[0]);
	}
}

static const char *const quantile_values[4] = {"0.5", "0.9", "0.95", "0.99"};

static void quantiles(struct visit *v, struct family *f, const struct pv_metric *m,
		      const struct pv_exphist *h)
{
	if (!h || !pv_exphist_count(h))
		return;
	struct point pt = point_begin(v->prom, f);
	for (int i = 0; i < 4; i++) {
		struct set s = v->labels;
		set_label(&s, "quantile", quantile_values[i]);
		if (m->real)
			sample_real(&pt, "", &s, pv_exphist_quantile(h, pv_quantiles[i]));
		else
			sample_u64(&pt, "", &s, pv_exphist_quantile_u64(h, pv_quantiles[i]));
	}
	if (m->real)
		sample_real(&pt, "_sum", &v->labels, pv_exphist_sum(h));
	else
		sample_u64(&pt, "_sum", &v->labels, pv_exphist_sum_u64(h));
	sample_u64(&pt, "_count", &v->labels, pv_exphist_count(h));
	point_end(&pt);
}

static void rate(struct visit *v, struct family *f, const struct pv_bucket *b, const struct pv_rate *r)
{
	uint64_t q[4] = {0, 0, 0, 0};
	uint64_t first, last;
	if (!b->start_ns && !b->end_ns)
		return;
	pv_bucket_seconds(b, r, &first, &last);
	if (r && pv_rate_quantiles(r, first, last, pv_quantiles, q, 4)) {
		v->prom->failed = true;
		return;
	}
	struct point pt = point_begin(v->prom, f);
	for (int i = 0; i < 4; i++) {
		struct set s = v->labels;
		set_label(&s, "quantile", quantile_values[i]);
		sample_u64(&pt, "", &s, q[i]);
	}
	sample_u64(&pt, "_sum", &v->labels, r ? pv_rate_total(r) : 0);
	sample_u64(&pt, "_count", &v->labels, last < first ? 0 : last - first + 1);
	point_end(&pt);
}

static void histogram(struct visit *v, struct family *f, const struct pv_histogram *h)
{
	if (!h || !pv_histogram_count(h))
		return;
	struct point pt = point_begin(v->prom, f);
	struct set s = v->labels;
	for (size_t i = 0; i < PV_PROM_BOUNDS; i++) {
		char bound[24];
		snprintf(bound, sizeof bound, "%" PRIu64, pv_prom_bounds[i]);
		set_label(&s, "le", bound);
		sample_u64(&pt, "_bucket", &s, pv_histogram_cumulative(h, pv_prom_bounds[i]));
	}
	set_label(&s, "le", "+Inf");
	sample_u64(&pt, "_bucket", &s, pv_histogram_count(h));
	sample_u64(&pt, "_sum", &v->labels, pv_histogram_sum(h));
	sample_u64(&pt, "_count", &v->labels, pv_histogram_count(h));
	point_end(&pt);
}

/* ---- buckets ------------------------------------------------------------------------------------ */

int pv_prom_name(const struct pv_handler *h, const struct pv_metric *m, char *out, size_t cap)
{
	int n = m->prom ? snprintf(out, cap, "%s", m->prom) : snprintf(out, cap, "%s_%s", h->schema, m->path);
	for (; cap && *out; out++)
		if (*out == '.')
			*out = '_';
	return n;
}

enum pv_prom_type pv_prom_type(const struct pv_metric *m)
{
	switch (m->kind) {
	case PV_QUANTILES:
	case PV_RATE:
		return PV_PROM_SUMMARY;
	case PV_HISTOGRAM:
		return PV_PROM_HISTOGRAM;
	default:
		return PV_PROM_GAUGE;
	}
}

/* Is this scope's label its parent's with more behind it, "device_interface" of "device"? Then so is its value. */
static bool joined(const struct pv_handler *h, const struct pv_scope *s)
{
	const char *outer = h->scopes[s->parent].label;
	size_t n = outer && s->label ? strlen(outer) : 0;
	return n && !strncmp(s->label, outer, n) && s->label[n] == '_';
}

/* The labels of a block: the caller's, then those of its scopes from the outermost. */
static void block_labels(struct visit *v, const struct pv_bucket *b, const struct pv_block *k)
{
	const struct pv_block *chain[DEPTH_MAX];
	size_t depth = 0;
	if (v->block == k)
		return;
	v->block = k;
	v->labels = v->given;
	for (; k->scope && depth < DEPTH_MAX; k = b->blocks[k->parent])
		chain[depth++] = k;
	for (const char *outer = ""; depth--; outer = v->values[depth]) {
		char *value = v->values[depth];
		k = chain[depth];
		const struct pv_scope *s = &b->handler->scopes[k->scope];
		int at = joined(b->handler, s) ? snprintf(value, sizeof v->values[0], "%s|", outer) : 0;
		size_t used = at < PV_PROM_VALUE ? (size_t)at : PV_PROM_VALUE;
		pv_utf8_clean(k->key, strlen(k->key), value + used, sizeof v->values[0] - used);
		if (s->label)
			set_label(&v->labels, s->label, value);
	}
}

static int visit(void *ctx, const struct pv_bucket *b, const struct pv_block *k, const struct pv_metric *m,
		 const union pv_cell *c)
{
	struct visit *v = ctx;
	char name[NAME_MAX_];
	if (pv_prom_name(b->handler, m, name, sizeof name) >= (int)sizeof name)
		return 0; /* not with the tables there are */
	struct family *f = family(v->prom, name, pv_prom_type(m), m->help);
	block_labels(v, b, k);
	switch (m->kind) {
	case PV_COUNTER:
		one_u64(v->prom, f, &v->labels, c->count);
		break;
	case PV_DISTINCT:
		one_u64(v->prom, f, &v->labels,
			c->distinct ? (uint64_t)llround(pv_hll_estimate(c->distinct)) : 0);
		break;
	case PV_TOPN:
		top(v, f, b, m, c);
		break;
	case PV_TALLY:
		tally(v, f, b, m, c);
		break;
	case PV_QUANTILES:
		quantiles(v, f, m, c->quantiles);
		break;
	case PV_HISTOGRAM:
		histogram(v, f, c->histogram);
		break;
	case PV_RATE:
		rate(v, f, b, c->rate);
		break;
	case PV_GAUGE:
		one_u64(v->prom, f, &v->labels, c->gauge ? pv_gauge_value(c->gauge) : 0);
		break;
	case PV_MINIMUM:
	case PV_MAXIMUM:
		if (c->count)
			one_u64(v->prom, f, &v->labels, c->count - 1);
		break;
	}
	return v->prom->failed;
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

int pv_prom_bucket(struct pv_prom *p, const struct pv_bucket *b, const struct pv_prom_label *labels, size_t n)
{
	struct visit v = {.prom = p};
	if (!set_given(&v.given, labels, n))
		return invalid();
	v.rows = calloc((size_t)b->conf.topn + 1, sizeof *v.rows);
	v.sums = calloc((size_t)b->conf.topn + 1, sizeof *v.sums);
	if (v.rows && v.sums)
		pv_bucket_visit(b, visit, &v);
	else
		p->failed = true;
	free(v.rows);
	free(v.sums);
	return p->failed ? no_memory(p) : 0;
}

/* ---- a program about itself --------------------------------------------------------------------- */

static bool valid(const struct pv_prom_metric *m)
{
	size_t n = m->name ? strlen(m->name) : 0;
	if (!is_name(m->name) || n >= NAME_MAX_)
		return false;
	return m->type == PV_PROM_GAUGE ||
	       (m->type == PV_PROM_COUNTER && n > 6 && !strcmp(m->name + n - 6, "_total"));
}

static int value(struct pv_prom *p, const struct pv_prom_metric *m, const struct pv_prom_label *labels,
		 size_t n, bool real, uint64_t u, double d)
{
	struct set s;
	if (!valid(m) || !set_given(&s, labels, n))
		return invalid();
	struct point pt = point_begin(p, family(p, m->name, m->type, m->help));
	if (real)
		sample_real(&pt, "", &s, d);
	else
		sample_u64(&pt, "", &s, u);
	point_end(&pt);
	return p->failed ? no_memory(p) : 0;
}

int pv_prom_u64(struct pv_prom *p, const struct pv_prom_metric *m, const struct pv_prom_label *labels,
		size_t n, uint64_t v)
{
	return value(p, m, labels, n, false, v, 0);
}

int pv_prom_real(struct pv_prom *p, const struct pv_prom_metric *m, const struct pv_prom_label *labels,
		 size_t n, double v)
{
	return value(p, m, labels, n, true, 0, v);
}

/* ---- the object --------------------------------------------------------------------------------- */

/* Copies of the labels of our own metric. */
static int keep_own(struct pv_prom *p, const struct pv_prom_conf *conf)
{
	struct set given;
	if (!set_given(&given, conf->own, conf->nown))
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
		set_label(&p->own, at, at + name);
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
	p->seed = conf->seed;
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
	free(p->series);
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
		struct set s = p->own;
		set_label(&s, "reason", drop_names[i]);
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
