/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* ---- words ---------------------------------------------------------------------------------------- */

int pv_check_fail(struct pv_check *c, enum pv_config_fault fault, unsigned line, const char *fmt, ...)
{
	char text[PV_CONFIG_TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return pv_config_fail(c->err, fault, line, "%s%s", c->prefix, text);
}

int pv_check_memory(struct pv_check *c)
{
	return pv_config_fail(c->err, PV_CONFIG_FAILED, 0, "out of memory");
}

int pv_check_hint(struct pv_check *c, const char *hint)
{
	snprintf(c->err->hint, sizeof c->err->hint, "%s", hint);
	return -1;
}

int pv_check_type(struct pv_check *c, unsigned line, const char *key, const char *expected)
{
	pv_check_fail(c, PV_CONFIG_INVALID, line, "wrong type for key: %s", key);
	snprintf(c->err->hint, sizeof c->err->hint, "%s is expected", expected);
	return -1;
}

int pv_check_wrap(struct pv_check *c, const char *before)
{
	struct pv_config_error inner = *c->err;

	if (inner.fault == PV_CONFIG_FAILED)
		return -1;
	pv_config_fail(c->err, inner.fault, inner.line, "%s%s", before, inner.text);
	return pv_check_hint(c, inner.hint);
}

void pv_check_say(struct pv_check *c, enum pv_config_say kind, unsigned line, const char *fmt, ...)
{
	char raw[PV_CONFIG_TEXT], text[PV_CONFIG_TEXT];
	va_list args;

	if (!c->world->say)
		return;
	va_start(args, fmt);
	vsnprintf(raw, sizeof raw, fmt, args);
	va_end(args);
	pv_utf8_clean(raw, strlen(raw), text, sizeof text);
	c->world->say(c->world->ctx, kind, line, text);
}

/* ---- names and keys ------------------------------------------------------------------------------- */

static bool is_letter(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
}

int pv_check_name(struct pv_check *c, const char *name, unsigned line)
{
	bool good = is_letter(name[0]);

	for (const char *p = name; *p && good; p++)
		good = is_letter(*p) || (*p >= '0' && *p <= '9') || *p == '-';
	if (!good)
		return pv_check_fail(c, PV_CONFIG_INVALID, line, "invalid module name: %.100s", name);
	if (strlen(name) > PV_CONFIG_NAME)
		return pv_check_fail(c, PV_CONFIG_INVALID, line,
				     "invalid module name: %.40s... is longer than %d characters", name,
				     PV_CONFIG_NAME);
	if (!strcmp(name, "__all"))
		return pv_check_fail(c, PV_CONFIG_INVALID, line,
				     "invalid module name: __all, which stands for all policies");
	return 0;
}

unsigned pv_check_within(struct pv_check *c, unsigned line, const char *key, uint64_t n, unsigned low,
			 unsigned high)
{
	unsigned to = n < low ? low : n > high ? high : (unsigned)n;

	if (to != n)
		pv_check_say(c, PV_SAY_WARNING, line, "%s must be between %u and %u: taken as %u", key, low,
			     high, to);
	return to;
}

int pv_check_keys(struct pv_check *c, const struct pv_schema *s, const struct pv_node *map)
{
	char text[PV_CONFIG_TEXT];

	for (const struct pv_node *e = map->first; e; e = e->next) {
		const struct pv_schema_key *k = e->key ? pv_schema_find(s, e->key) : NULL;

		if (!e->key)
			return pv_check_fail(c, PV_CONFIG_INVALID, e->key_line, "a key must be a scalar");
		if (!k) {
			pv_schema_unknown_text(s, e->key, text, sizeof text);
			return pv_check_fail(c, PV_CONFIG_INVALID, e->key_line, "%s", text);
		}
		if (e->duplicate)
			return pv_check_fail(c, PV_CONFIG_INVALID, e->key_line, "duplicate key: %.100s",
					     e->key);
		if (k->flags & PV_SCHEMA_IGNORED)
			pv_check_say(c, PV_SAY_WARNING, e->key_line, "%s has no meaning here and is ignored",
				     e->key);
	}
	return 0;
}

int pv_check_object(struct pv_check *c, const struct pv_node *n, const char *not_map, const char *bad,
		    json_t **to)
{
	if (n && n->type != PV_NODE_MAP)
		return pv_check_fail(c, PV_CONFIG_INVALID, n->key_line, "%s", not_map);
	*to = n ? pv_node_json(n, c->err) : json_object();
	if (*to)
		return 0;
	return n ? pv_check_wrap(c, bad) : pv_check_memory(c);
}

/* ---- layers ------------------------------------------------------------------------------------- */

int pv_layers_init(struct pv_check *c, struct pv_layers *l, unsigned line)
{
	*l = (struct pv_layers){.values = json_object(), .line = line};
	return l->values ? 0 : pv_check_memory(c);
}

void pv_layers_free(struct pv_layers *l)
{
	json_decref(l->values);
	l->values = NULL;
}

/* About what a copy takes. */
static uint64_t bytes_of(const json_t *j)
{
	uint64_t n = 64;
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach ((json_t *)(uintptr_t)j, key, value)
		n += 64 + strlen(key) + bytes_of(value);
	json_array_foreach (j, i, value)
		n += bytes_of(value);
	return n + json_string_length(j);
}

int pv_layers_add(struct pv_check *c, struct pv_layers *l, const json_t *object, const struct pv_node *map)
{
	c->laid_bytes += bytes_of(object);
	if (c->laid_bytes > PV_CONFIG_LAID_BYTES)
		return pv_check_fail(
		    c, PV_CONFIG_INVALID, map ? map->key_line : l->line,
		    "too much: defaults and settings of all policies together are more than %u bytes",
		    PV_CONFIG_LAID_BYTES);
	json_t *own = json_deep_copy(object);
	int res = own ? json_object_update(l->values, own) : -1;

	json_decref(own);
	if (res)
		return pv_check_memory(c);
	if (map && l->nmaps < PV_LAYERS)
		l->maps[l->nmaps++] = map;
	return 0;
}

const struct pv_node *pv_layers_node(const struct pv_layers *l, const char *key)
{
	for (size_t i = l->nmaps; i--;) {
		const struct pv_node *n = pv_node_get(l->maps[i], key);
		if (n)
			return n;
	}
	return NULL;
}

unsigned pv_layers_line(const struct pv_layers *l, const char *key)
{
	const struct pv_node *n = pv_layers_node(l, key);

	return n ? n->key_line : l->line;
}

/* ---- values into fields ------------------------------------------------------------------------- */

static bool fits(enum pv_schema_type type, const json_t *value)
{
	switch (type) {
	case PV_SCHEMA_BOOL:
		return json_is_boolean(value);
	case PV_SCHEMA_UINT:
		return json_is_integer(value);
	case PV_SCHEMA_TEXT:
		return json_is_string(value);
	case PV_SCHEMA_LIST:
		return json_is_array(value);
	case PV_SCHEMA_MAP:
		return json_is_object(value);
	case PV_SCHEMA_MODULES:
		return json_is_object(value) || json_is_array(value);
	case PV_SCHEMA_ANY:
		return true;
	}
	return false;
}

static int store(struct pv_check *c, const struct pv_schema_key *k, const json_t *value, unsigned line,
		 void *to)
{
	char *field = k->at == PV_SCHEMA_NO_FIELD ? NULL : (char *)to + k->at;

	if (!fits(k->type, value))
		return pv_check_type(c, line, k->name, pv_schema_type_text(k->type));
	if (k->type == PV_SCHEMA_UINT) {
		uint64_t n = (uint64_t)json_integer_value(value);
		if (k->max && n > k->max)
			return pv_check_fail(c, PV_CONFIG_INVALID, line,
					     "%s: %" PRIu64 " is more than %" PRIu64, k->name, n, k->max);
		if (field)
			memcpy(field, &n, sizeof n);
	} else if (k->type == PV_SCHEMA_TEXT && field) {
		const char *text = json_string_value(value);
		memcpy(field, &text, sizeof text);
	} else if (k->type == PV_SCHEMA_BOOL && field) {
		bool on = json_is_true(value);
		memcpy(field, &on, sizeof on);
	}
	return 0;
}

int pv_check_fields(struct pv_check *c, const struct pv_schema *s, const struct pv_layers *l, void *to)
{
	const char *name;
	json_t *value;

	json_object_foreach (l->values, name, value) {
		const struct pv_schema_key *k = pv_schema_find(s, name);

		if (!k && s->open)
			continue;
		if (!k) {
			char text[PV_CONFIG_TEXT];
			pv_schema_unknown_text(s, name, text, sizeof text);
			return pv_check_fail(c, PV_CONFIG_INVALID, pv_layers_line(l, name), "%s", text);
		}
		if (store(c, k, value, pv_layers_line(l, name), to))
			return -1;
	}
	return 0;
}

/* ---- settings of analysers and sources -------------------------------------------------------- */

/* JSON to what set functions take. list: to be freed by the caller. 0, or -1 without memory. */
static int to_value(const json_t *j, struct pv_value *v, const char ***list)
{
	const json_t *entry;
	size_t i;

	*v = (struct pv_value){.type = PV_KEY_STRING, .string = ""};
	if (json_is_boolean(j)) {
		v->type = PV_KEY_BOOL;
		v->boolean = json_is_true(j);
	} else if (json_is_integer(j)) {
		v->type = PV_KEY_UINT;
		v->number = (uint64_t)json_integer_value(j);
	} else if (json_is_string(j)) {
		v->string = json_string_value(j);
	} else if (json_is_array(j)) {
		*list = calloc(json_array_size(j) + 1, sizeof **list);
		if (!*list)
			return -1;
		v->type = PV_KEY_LIST;
		json_array_foreach (j, i, entry)
			(*list)[v->count++] = json_string_value(entry);
		v->list = *list;
	} else if (json_is_object(j)) {
		v->type = PV_KEY_MAP;
		v->map = j;
	}
	return 0;
}

bool pv_check_setting_fits(const struct pv_key *key, const struct pv_value *v)
{
	return v->type == key->type ||
	       (key->type == PV_KEY_UINT_OR_LIST && (v->type == PV_KEY_UINT || v->type == PV_KEY_LIST));
}

int pv_check_setting(struct pv_check *c, const struct pv_layers *l, const struct pv_key *key, const json_t *value,
		     pv_set_fn *set, void *ctx)
{
	char err[PV_CONFIG_TEXT] = "";
	unsigned line = pv_layers_line(l, key->name);
	const char **list = NULL;
	struct pv_value v;
	int res;

	if (to_value(value, &v, &list))
		return pv_check_memory(c);
	if (v.type == PV_KEY_MAP && key->type != PV_KEY_MAP) {
		snprintf(err, sizeof err, "wrong type for key: %s", key->name);
		res = -1;
	} else {
		res = set(ctx, key, &v, err, sizeof err);
	}
	if (res)
		pv_check_fail(c, PV_CONFIG_INVALID, line, "%s", err);
	if (res && !strncmp(err, "wrong type for key", 18)) {
		snprintf(err, sizeof err, "%s is expected", pv_schema_key_type_text(key->type));
		pv_check_hint(c, err);
	}
	free(list);
	return res;
}
