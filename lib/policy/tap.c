/* SPDX-License-Identifier: MPL-2.0 */
/* visor.taps */
#include "policy/check.h"

#include <stdlib.h>
#include <string.h>

void pv_config_tap_free(struct pv_config_tap *t)
{
	if (!t)
		return;
	free(t->name);
	json_decref(t->config);
	json_decref(t->filter);
	json_decref(t->tags);
	free(t);
}

const struct pv_config_tap *pv_check_tap(const struct pv_check *c, size_t i)
{
	if (i < c->world->ntaps)
		return c->world->taps[i];
	i -= c->world->ntaps;
	return i < c->conf->ntaps ? c->conf->taps[i] : NULL;
}

const struct pv_config_tap *pv_check_find_tap(const struct pv_check *c, const char *name)
{
	const struct pv_config_tap *t;

	for (size_t i = 0; (t = pv_check_tap(c, i)); i++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

/* An input type that this program can open; NULL: there is none of that name. */
static const struct pv_input_name *input_named(const struct pv_check *c, const char *name)
{
	const struct pv_input_name *found = NULL;

	for (const struct pv_input_name *i = pv_input_names; i->name && !found; i++)
		if (!strcmp(i->name, name))
			found = i;
	if (!found || !c->world->inputs)
		return found;
	for (size_t i = 0; c->world->inputs[i]; i++)
		if (!strcmp(c->world->inputs[i], name))
			return found;
	return NULL;
}

static int check_type(struct pv_check *c, struct pv_config_tap *t, const struct pv_node *body)
{
	static const struct pv_config_world any;
	const struct pv_check anywhere = {.world = &any};
	const struct pv_node *type = pv_node_get(body, "input_type");

	if (!type || !pv_node_scalar(type))
		return pv_check_fail(c, PV_CONFIG_INVALID, type ? type->key_line : body->key_line,
				     "missing or invalid tap type key 'input_type'");
	const struct pv_input_name *in = input_named(c, type->text);
	t->source = !in && c->world->modules ? pv_modules_source(c->world->modules, type->text) : NULL;
	if (t->source) {
		t->input = PV_INPUT_MODULE;
		t->input_type = t->source->type;
		return 0;
	}
	if (!in && input_named(&anywhere, type->text))
		return pv_check_fail(c, PV_CONFIG_NOT_BUILT, type->line,
				     "Tap '%s' requires input stream type '%s' which is not built yet",
				     t->name, type->text);
	if (!in)
		return pv_check_fail(c, PV_CONFIG_INVALID, type->line,
				     "Tap '%s' requires input stream type '%.100s' which is not available",
				     t->name, type->text);
	t->input = in->input;
	t->input_type = in->name;
	return 0;
}

/* What can be wrong with a tap alone is found before a policy uses it. */
static int check_settings(struct pv_check *c, const struct pv_config_tap *t, const struct pv_node *config,
			  const struct pv_node *filter)
{
	struct pv_config_stream s = {.input = t->input, .input_type = t->input_type, .module.source = t->source};
	struct pv_layers l;
	int res = pv_layers_init(c, &l, t->line);

	if (!res)
		res = pv_layers_add(c, &l, t->config, config);
	if (!res)
		res = pv_layers_add(c, &l, t->filter, filter);
	if (!res)
		res = pv_check_stream(c, &s, &l, false);
	pv_config_stream_reset(&s);
	pv_layers_free(&l);
	return res;
}

static int check_tap(struct pv_check *c, struct pv_config_tap *t, const struct pv_node *body)
{
	const struct pv_node *config, *filter;

	if (body->type != PV_NODE_MAP)
		return pv_check_fail(c, PV_CONFIG_INVALID, body->key_line, "expecting tap configuration map");
	if (pv_check_name(c, body->key, body->key_line) || pv_check_keys(c, &pv_schema_tap, body))
		return -1;
	t->line = body->key_line;
	t->name = strdup(body->key);
	if (!t->name)
		return pv_check_memory(c);
	if (pv_check_find_tap(c, t->name))
		return pv_check_fail(c, PV_CONFIG_EXISTS, t->line, "module name '%s' already exists",
				     t->name);
	if (check_type(c, t, body))
		return -1;
	config = pv_node_get(body, "config");
	filter = pv_node_get(body, "filter");
	if (pv_check_object(c, config, "tap configuration is not a map",
			    "invalid tap config: ", &t->config) ||
	    pv_check_object(c, filter, "tap filter is not a map", "invalid tap filter: ", &t->filter) ||
	    pv_check_object(c, pv_node_get(body, "tags"), "tap tags is not a map",
			    "invalid tap tags: ", &t->tags))
		return -1;
	return check_settings(c, t, config, filter);
}

int pv_check_taps(struct pv_check *c, const struct pv_node *map)
{
	if (map->count > PV_CONFIG_TAPS)
		return pv_check_fail(c, PV_CONFIG_INVALID, map->key_line, "more than %d taps",
				     PV_CONFIG_TAPS);
	c->conf->taps = calloc(map->count ? map->count : 1, sizeof *c->conf->taps);
	if (!c->conf->taps)
		return pv_check_memory(c);
	for (const struct pv_node *e = map->first; e; e = e->next) {
		if (!e->key)
			return pv_check_fail(c, PV_CONFIG_INVALID, e->key_line, "expecting tap identifier");
		struct pv_config_tap *t = calloc(1, sizeof *t);
		if (!t)
			return pv_check_memory(c);
		if (check_tap(c, t, e)) {
			pv_config_tap_free(t);
			return -1;
		}
		c->conf->taps[c->conf->ntaps++] = t;
	}
	return 0;
}

/* A copy of an object, null in place of an empty one. */
static json_t *shown(const json_t *object)
{
	return json_object_size(object) ? json_deep_copy(object) : json_null();
}

json_t *pv_config_tap_json(const struct pv_config_tap *t)
{
	json_t *j = json_pack("{s:o, s:s, s:s, s:o}", "config", shown(t->config), "input_type", t->input_type,
			      "interface", "visor.module.input/1.0", "tags", shown(t->tags));

	if (j && json_object_size(t->filter))
		json_object_set_new(j, "filter", json_deep_copy(t->filter));
	return j;
}
