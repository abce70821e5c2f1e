/* SPDX-License-Identifier: MPL-2.0 */
#include "metric/leaves.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_DEEP 5 /* from here on an object is a group of its own: an interface of a device */

/* Quantiles and rates: every key is a percentile, but for "live". */
static bool is_quantiles(const json_t *o)
{
	const char *key;
	json_t *v;
	if (!json_object_size(o))
		return false;
	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		bool percentile = key[0] == 'p' && key[1] && strspn(key + 1, "0123456789") == strlen(key + 1);
		if (!json_is_number(v) || (!percentile && strcmp(key, "live")))
			return false;
	}
	return true;
}

/* Rows with several numbers: more than a top list's name, estimate and place. */
static bool is_sums(const json_t *list)
{
	const char *key;
	json_t *v;
	json_object_foreach(json_array_get(list, 0), key, v)
		if (json_is_number(v) && strcmp(key, "estimate"))
			return true;
	return false;
}

static bool find_base(struct pv_leaf *l, const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);
	const char *key;
	json_t *child;
	if (json_is_integer(v)) {
		l->base = json_integer_value(v);
		l->base_name = name;
		return true;
	}
	json_object_foreach((json_t *)(uintptr_t)object, key, child) {
		v = json_object_get(child, name);
		if (json_is_integer(v)) {
			l->base = json_integer_value(v);
			l->base_name = name;
			return true;
		}
	}
	return false;
}

/* How many words ("in_udp_bytes" has three) of a counter's name there are, if all stand in the list's name, in order, and the
 * last is the last of both; else 0. */
static unsigned common_words(const char *counter, const char *list)
{
	unsigned words = 0;
	for (;;) {
		size_t c = strcspn(counter, "_"), n = strcspn(list, "_");
		bool same = c == n && !memcmp(counter, list, n), last = !counter[c];
		if (!list[n])
			return same && last ? words + 1 : 0;
		if (same && !last) {
			words++;
			counter += c + 1;
		}
		list += n + 1;
	}
}

/* The counter beside a list that is named like it, but for words that the list has more: in_bytes of top_in_src_ips_bytes. */
static void find_namesake(struct pv_leaf *l, const json_t *object)
{
	const char *key, *dot = strrchr(l->path, '.');
	json_t *v;
	unsigned best = 0;
	json_object_foreach((json_t *)(uintptr_t)object, key, v) {
		unsigned words = json_is_integer(v) ? common_words(key, dot ? dot + 1 : l->path) : 0;
		if (words > best) {
			best = words;
			l->base = json_integer_value(v);
			l->base_name = key;
		}
	}
}

/* What the rows of a list are parts of: a counter beside it that is named like it; else the nearest "total", else the nearest "events", looking from the list's own
 * object outwards, and in each also one level down ("wire_packets.total" beside "top_qtype"). A list of bytes has
 * no such counter; and one with a row above it counts something else. */
static void choose_base(const struct pv_leaves *s, struct pv_leaf *l)
{
	static const char *const names[] = {"total", "total_packets", "events"};
	size_t i;
	json_t *row;
	find_namesake(l, s->above[s->depth - 1]);
	if (strstr(l->path, "bytes") && !l->base_name)
		return;
	for (size_t k = 0; k < sizeof names / sizeof names[0] && !l->base_name; k++)
		for (unsigned d = s->depth; d-- > 0 && !l->base_name;)
			find_base(l, s->above[d], names[k]);
	json_array_foreach((json_t *)(uintptr_t)l->value, i, row)
		if (json_integer_value(json_object_get(row, "estimate")) > l->base)
			l->base_name = NULL;
	if (l->base <= 0)
		l->base_name = NULL;
}

/* The first part of a path is its group. Deep down, in things that are inside of things, it is all but the last. */
static size_t group_len(const struct pv_leaves *s, const char *path, const char *prefix)
{
	const char *dot = strchr(path, '.');
	if (s->depth >= DEPTH_DEEP)
		return strlen(prefix) < PV_LEAF_PATH - 2 ? strlen(prefix) : 0;
	return dot ? (size_t)(dot - path) : 0;
}

/* Is it this schema's, or that of a second handler of it, "dns_2"? */
static bool is_schema(const char *name, const char *schema)
{
	size_t n = strlen(schema);
	return !strncmp(name, schema, n) && (!name[n] || (name[n] == '_' && name[n + 1] >= '2' && name[n + 1] <= '9'));
}

/* Metrics of a scope have its keys in front of their path. */
static bool ends_in(const char *path, const char *end)
{
	size_t n = strlen(path), e = strlen(end);
	return n >= e && !strcmp(path + n - e, end) && (n == e || path[n - e - 1] == '.');
}

static const char *unit_of(const struct pv_leaves *s, const char *path)
{
	const struct pv_metric *best = NULL; /* the longest path, since a shorter one may be a part of it */
	for (size_t i = 0; s->handlers && s->handlers[i]; i++) {
		const struct pv_handler *h = s->handlers[i];
		for (size_t m = 0; is_schema(s->schema, h->schema) && m < h->nmetrics; m++)
			if (ends_in(path, h->metrics[m].path) &&
			    (!best || strlen(h->metrics[m].path) > strlen(best->path)))
				best = &h->metrics[m];
	}
	return best && best->unit && strcmp(best->unit, "1") != 0 ? best->unit : "";
}

static struct pv_leaf *leaf_add(struct pv_leaves *s, enum pv_leaf_kind kind, const char *path, const char *prefix, const json_t *value)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct pv_leaf *grown = realloc(s->leaf, cap * sizeof *grown);
		if (!grown)
			return NULL;
		s->leaf = grown;
		s->cap = cap;
	}
	struct pv_leaf *l = &s->leaf[s->n++];
	*l = (struct pv_leaf){.kind = kind, .value = value, .unit = unit_of(s, path)};
	snprintf(l->path, sizeof l->path, "%s", path);
	char *us = strstr(l->path, "_us");
	if (kind == PV_LEAF_QUANTILES && pv_leaf_is_us(l) && us && !us[3])
		*us = 0; /* it stands there in milliseconds */
	l->group = group_len(s, l->path, prefix);
	return l;
}

static int collect(struct pv_leaves *s, const json_t *object, const char *prefix)
{
	const char *key;
	json_t *v;
	if (s->depth == PV_LEAF_DEPTH)
		return 0;
	s->above[s->depth++] = object;
	json_object_foreach((json_t *)(uintptr_t)object, key, v) {
		char path[PV_LEAF_PATH];
		struct pv_leaf *l;
		if (s->depth == 1 && !strcmp(key, "period"))
			continue;
		snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", key);
		const json_t *buckets = json_object_get(v, "buckets");
		if (json_is_number(v)) {
			l = leaf_add(s, PV_LEAF_COUNTER, path, prefix, v);
		} else if (is_sums(v)) {
			l = leaf_add(s, PV_LEAF_SUMS, path, prefix, v);
		} else if (json_is_array(v)) {
			l = leaf_add(s, PV_LEAF_TOP, path, prefix, v);
			if (l)
				choose_base(s, l);
		} else if (is_quantiles(v)) {
			l = leaf_add(s, PV_LEAF_QUANTILES, path, prefix, v);
		} else if (json_is_object(buckets) && json_object_size(v) == 1) {
			l = leaf_add(s, PV_LEAF_HISTOGRAM, path, prefix, buckets);
		} else if (json_is_object(v)) {
			if (collect(s, v, path))
				return -1;
			continue;
		} else {
			continue;
		}
		if (!l)
			return -1;
	}
	s->depth--;
	return 0;
}

bool pv_leaf_empty(const struct pv_leaf *l)
{
	const char *key;
	json_t *v;
	if (l->kind == PV_LEAF_COUNTER)
		return !json_number_value(l->value);
	if (l->kind == PV_LEAF_TOP || l->kind == PV_LEAF_SUMS)
		return !json_array_size(l->value);
	json_object_foreach((json_t *)(uintptr_t)l->value, key, v)
		if (json_number_value(v))
			return false;
	return true;
}

int pv_leaves_collect(struct pv_leaves *s, const json_t *schema)
{
	return collect(s, schema, "");
}

void pv_leaves_free(struct pv_leaves *s)
{
	free(s->leaf);
}
