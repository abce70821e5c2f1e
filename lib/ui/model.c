/* SPDX-License-Identifier: MPL-2.0 */
#include "ui/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

/* ---- bytes to JSON ---------------------------------------------------------------------------- */

/* One pass: neutralises bytes that no parser takes, and counts what will become values. */
static size_t tidy(unsigned char *p, size_t n)
{
	size_t values = 1;
	for (size_t i = 0; i < n;) {
		size_t len = pv_utf8_len(p + i, n - i);
		values += p[i] == ',' || p[i] == '[' || p[i] == '{';
		if (!len || (p[i] < 0x20 && !strchr("\t\r\n", p[i]))) {
			p[i] = '?';
			len = 1;
		}
		i += len;
	}
	return values;
}

json_t *pv_ui_json(char *body, size_t len, char *err, size_t cap)
{
	json_error_t e;
	if (!len) {
		snprintf(err, cap, "the answer is empty");
		return NULL;
	}
	if (len > PV_UI_BODY_MAX || tidy((unsigned char *)body, len) > PV_UI_VALUES_MAX) {
		snprintf(err, cap, "the answer is too large (%zu bytes)", len);
		return NULL;
	}
	json_t *j = json_loadb(body, len, JSON_ALLOW_NUL, &e);
	if (!j && json_error_code(&e) == json_error_numeric_overflow)
		j = json_loadb(body, len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &e);
	if (!j)
		snprintf(err, cap, "the answer is not JSON: %s at byte %d", e.text, e.position);
	return j;
}

/* ---- JSON to sections and metrics --------------------------------------------------------------- */

static const char *const quant_names[PV_UI_QUANTS] = {"p50", "p90", "p95", "p99", "live"};

struct build {
	struct pv_ui_model *m;
	struct pv_ui_handler *h;
};

static bool number(const json_t *v, struct pv_ui_num *out)
{
	struct pv_ui_num n = {0, 0, false};
	if (json_is_integer(v) && json_integer_value(v) >= 0) {
		n.u = (uint64_t)json_integer_value(v);
		n.d = (double)n.u;
	} else if (json_is_number(v) && isfinite(json_number_value(v))) {
		n.d = json_number_value(v);
		n.real = true;
	} else {
		return false;
	}
	*out = n;
	return true;
}

static const char *name_of(struct build *b, const json_t *v)
{
	return json_is_string(v)
		   ? pv_ui_clean(&b->m->pool, json_string_value(v), json_string_length(v), PV_UI_NAME_MAX)
		   : "";
}

static struct pv_ui_metric *add_metric(struct build *b, struct pv_ui_section *s, const char *path,
				       enum pv_ui_kind kind)
{
	struct pv_ui_metric *m = pv_ui_alloc(&b->m->pool, sizeof *m);
	if (!m) {
		b->m->left_out++;
		return NULL;
	}
	m->path = path;
	m->kind = kind;
	m->text = "";
	*(s->last ? &s->last->next : &s->metric) = m;
	s->last = m;
	s->n++;
	return m;
}

static struct pv_ui_section *add_section(struct build *b, const char *map, const char *title)
{
	struct pv_ui_handler *h = b->h;
	struct pv_ui_section *s = h->n < PV_UI_SECTIONS_MAX ? pv_ui_alloc(&b->m->pool, sizeof *s) : NULL;
	if (!s) {
		b->m->left_out++;
		return NULL;
	}
	s->map = map;
	s->title = title;
	*(h->last ? &h->last->next : &h->section) = s;
	h->last = s;
	h->n++;
	return s;
}

/* At least one of the names, each with a number, and nothing else. */
static bool is_quantiles(json_t *v)
{
	struct pv_ui_num n;
	size_t found = 0;
	for (size_t i = 0; i < PV_UI_QUANTS; i++)
		found += number(json_object_get(v, quant_names[i]), &n);
	return found && found == json_object_size(v);
}

static void add_quantiles(struct build *b, struct pv_ui_section *s, const char *path, const json_t *v)
{
	struct pv_ui_metric *m = add_metric(b, s, path, PV_UI_QUANTILES);
	for (size_t i = 0; m && i < PV_UI_QUANTS; i++)
		if (number(json_object_get(v, quant_names[i]), &m->q[i]))
			m->have |= 1u << i;
	if (m && m->have & 1u << PV_UI_LIVE)
		b->h->live = true;
}

/* Which of the list's facts the key is; PV_UI_FACTS_MAX: none, as there are too many. */
static size_t fact_of(struct build *b, struct pv_ui_metric *m, const char *key)
{
	char name[PV_UI_NAME_MAX];
	size_t i = 0, n = pv_utf8_clean(key, strlen(key), name, sizeof name);
	while (i < m->facts && strcmp(m->fact[i], name))
		i++;
	if (i == m->facts && i < PV_UI_FACTS_MAX)
		m->fact[m->facts++] = pv_ui_clean(&b->m->pool, name, n, PV_UI_NAME_MAX);
	return i;
}

/* What an item has beside its name and estimate. */
static void add_facts(struct build *b, struct pv_ui_metric *m, struct pv_ui_item *it, json_t *item)
{
	struct pv_ui_num *fact = NULL, n;
	const char *key;
	json_t *v;
	json_object_foreach (item, key, v) {
		if (!strcmp(key, "estimate") || !number(v, &n))
			continue;
		if (!fact && !(fact = pv_ui_alloc(&b->m->pool, PV_UI_FACTS_MAX * sizeof *fact)))
			return;
		size_t i = fact_of(b, m, key);
		if (i == PV_UI_FACTS_MAX) {
			b->m->left_out++;
			continue;
		}
		fact[i] = n;
		it->have |= 1u << i;
	}
	it->fact = fact;
}

static void add_top(struct build *b, struct pv_ui_section *s, const char *path, const json_t *list)
{
	size_t n = json_array_size(list), cap = n < PV_UI_ITEMS_MAX ? n : PV_UI_ITEMS_MAX;
	struct pv_ui_metric *m = add_metric(b, s, path, PV_UI_TOP);
	if (!m || !cap || !(m->item = pv_ui_alloc(&b->m->pool, cap * sizeof *m->item)))
		return;
	for (size_t i = 0; i < n && m->items < cap; i++) {
		json_t *v = json_array_get(list, i);
		struct pv_ui_item *it = &m->item[m->items];
		if (!json_is_string(json_object_get(v, "name")) ||
		    !number(json_object_get(v, "estimate"), &it->n)) {
			b->m->left_out++;
			continue;
		}
		it->name = name_of(b, json_object_get(v, "name"));
		it->place = "";
		add_facts(b, m, it, v);
		if (json_object_get(v, "lat") && json_object_get(v, "lon"))
			it->place = pv_ui_fmt(&b->m->pool, "%s, %s", name_of(b, json_object_get(v, "lat")),
					      name_of(b, json_object_get(v, "lon")));
		m->items++;
	}
	b->m->left_out += n > cap ? n - cap : 0;
}

static int by_bound(const void *a, const void *b)
{
	double x = strtod(((const struct pv_ui_item *)a)->name, NULL),
	       y = strtod(((const struct pv_ui_item *)b)->name, NULL);
	return (x > y) - (x < y);
}

static void add_histogram(struct build *b, struct pv_ui_section *s, const char *path, json_t *buckets)
{
	size_t cap = json_object_size(buckets);
	struct pv_ui_metric *m = add_metric(b, s, path, PV_UI_HISTOGRAM);
	const char *key;
	json_t *v;
	if (cap > 2 * PV_UI_ITEMS_MAX)
		cap = 2 * PV_UI_ITEMS_MAX;
	if (!m || !cap || !(m->item = pv_ui_alloc(&b->m->pool, cap * sizeof *m->item)))
		return;
	json_object_foreach (buckets, key, v) {
		if (m->items == cap || !number(v, &m->item[m->items].n)) {
			b->m->left_out++;
			continue;
		}
		m->item[m->items].name = pv_ui_clean(&b->m->pool, key, strlen(key), PV_UI_NAME_MAX);
		m->item[m->items++].place = "";
	}
	qsort(m->item, m->items, sizeof *m->item, by_bound); /* JSON sorts them as texts */
}

static bool is_map(const char *key)
{
	static const char *const maps[] = {"devices", "interfaces", "targets"};
	for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
		if (!strcmp(key, maps[i]))
			return true;
	return false;
}

static bool is_direction(const char *key)
{
	return !strcmp(key, "in") || !strcmp(key, "out") || !strcmp(key, "unknown");
}

static void walk(struct build *b, struct pv_ui_section *s, const char *prefix, json_t *object,
		 unsigned depth);

static void walk_map(struct build *b, const struct pv_ui_section *parent, const char *map, json_t *object,
		     unsigned depth)
{
	const char *key;
	json_t *v;
	json_object_foreach (object, key, v) {
		const char *name = pv_ui_clean(&b->m->pool, key, strlen(key), PV_UI_NAME_MAX);
		if (*parent->title)
			name = pv_ui_fmt(&b->m->pool, "%s | %s", parent->title, name);
		struct pv_ui_section *s = json_is_object(v) ? add_section(b, map, name) : NULL;
		if (s)
			walk(b, s, "", v, depth + 1);
		else
			b->m->left_out++;
	}
}

static void walk_object(struct build *b, struct pv_ui_section *s, const char *path, const char *key,
			json_t *v, unsigned depth, bool first)
{
	json_t *buckets = json_object_get(v, "buckets");
	if (is_quantiles(v)) {
		add_quantiles(b, s, path, v);
	} else if (json_is_object(buckets)) {
		add_histogram(b, s, path, buckets);
	} else if (is_map(key)) {
		walk_map(b, s, pv_ui_clean(&b->m->pool, key, strlen(key), PV_UI_NAME_MAX), v, depth);
	} else if (first && s == b->h->section && is_direction(key)) {
		struct pv_ui_section *d = add_section(b, "direction", pv_ui_fmt(&b->m->pool, "%s", key));
		if (d)
			walk(b, d, "", v, depth + 1);
	} else {
		walk(b, s, path, v, depth + 1);
	}
}

static void walk(struct build *b, struct pv_ui_section *s, const char *prefix, json_t *object, unsigned depth)
{
	const char *key;
	json_t *v;
	if (depth > PV_UI_DEPTH_MAX) {
		b->m->left_out++;
		return;
	}
	json_object_foreach (object, key, v) {
		struct pv_ui_num n;
		const char *path = pv_ui_clean(&b->m->pool, key, strlen(key), PV_UI_NAME_MAX);
		if (*prefix)
			path = pv_ui_fmt(&b->m->pool, "%s.%s", prefix, path);
		if (!*prefix && s == b->h->section && !strcmp(key, "period")) {
			if (number(json_object_get(v, "start_ts"), &n))
				b->h->start = n.u;
			if (number(json_object_get(v, "length"), &n))
				b->h->length = n.u;
		} else if (number(v, &n)) {
			struct pv_ui_metric *m = add_metric(b, s, path, PV_UI_NUMBER);
			if (m)
				m->n = n;
		} else if (json_is_object(v)) {
			walk_object(b, s, path, key, v, depth, !*prefix);
		} else if (json_is_array(v)) {
			add_top(b, s, path, v);
		} else if (json_is_string(v)) {
			struct pv_ui_metric *m = add_metric(b, s, path, PV_UI_TEXT);
			if (m)
				m->text = name_of(b, v);
		} else {
			b->m->left_out++;
		}
	}
}

/* {"<schema>": {...}}: whatever object comes first. */
static void add_handler(struct build *b, const char *policy, const char *name, json_t *v)
{
	const char *schema;
	json_t *body;
	if (!json_is_object(v) || b->m->n == PV_UI_HANDLERS_MAX) {
		b->m->left_out++;
		return;
	}
	json_object_foreach (v, schema, body) {
		if (!json_is_object(body))
			continue;
		struct pv_ui_handler *h = b->h = &b->m->handler[b->m->n];
		h->policy = pv_ui_clean(&b->m->pool, policy, strlen(policy), PV_UI_NAME_MAX);
		h->name = pv_ui_clean(&b->m->pool, name, strlen(name), PV_UI_NAME_MAX);
		h->schema = pv_ui_clean(&b->m->pool, schema, strlen(schema), PV_UI_NAME_MAX);
		struct pv_ui_section *s = add_section(b, "", "");
		if (!s)
			return;
		b->m->n++;
		walk(b, s, "", body, 0);
		return;
	}
	b->m->left_out++;
}

struct pv_ui_model *pv_ui_model_new(const json_t *answer)
{
	struct pv_ui_model *m = calloc(1, sizeof *m);
	struct build b = {m, NULL};
	const char *policy, *name;
	json_t *handlers, *v, *all = json_incref((json_t *)(uintptr_t)answer); /* the macros want no const */
	if (m) {
		m->pool.max = PV_UI_MODEL_MAX;
		json_object_foreach (all, policy, handlers) {
			if (!json_is_object(handlers))
				m->left_out++;
			json_object_foreach (handlers, name, v)
				add_handler(&b, policy, name, v);
		}
	}
	json_decref(all);
	return m;
}

void pv_ui_model_free(struct pv_ui_model *m)
{
	if (m)
		pv_ui_pool_free(&m->pool);
	free(m);
}

const struct pv_ui_metric *pv_ui_metric(const struct pv_ui_section *s, const char *path)
{
	for (const struct pv_ui_metric *m = s ? s->metric : NULL; m; m = m->next)
		if (!strcasecmp(m->path, path))
			return m;
	return NULL;
}

const struct pv_ui_section *pv_ui_section(const struct pv_ui_handler *h, const char *title)
{
	for (const struct pv_ui_section *s = h->section; s; s = s->next)
		if (!strcmp(s->title, title))
			return s;
	return NULL;
}

struct pv_ui_id pv_ui_id(const struct pv_ui_handler *h)
{
	struct pv_ui_id id;
	snprintf(id.policy, sizeof id.policy, "%s", h->policy);
	snprintf(id.name, sizeof id.name, "%s", h->name);
	return id;
}

bool pv_ui_is(const struct pv_ui_handler *h, const struct pv_ui_id *id)
{
	return !strcmp(h->name, id->name) && !strcmp(h->policy, id->policy);
}
