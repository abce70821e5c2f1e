/* SPDX-License-Identifier: MPL-2.0 */
/* visor.policies. What is wrong is found in the order in which clients have come to expect it. */
#define XXH_INLINE_ALL
#include "policy/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct parts { /* of a policy's map */
	const struct pv_node *kind, *input, *input_type, *input_config, *input_filter, *tap, *selector;
	const struct pv_node *handlers, *modules, *window, *config;
};

void pv_config_policy_free(struct pv_config_policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nstreams; i++)
		pv_config_stream_reset(&p->streams[i]);
	for (size_t i = 0; i < p->nhandlers; i++)
		pv_config_handler_reset(&p->handlers[i]);
	free(p->streams);
	free(p->handlers);
	free(p->name);
	free(p);
}

const char *pv_config_instance(const struct pv_config_policy *p, const struct pv_config_stream *s,
			       const struct pv_config_handler *h, char *to, size_t cap)
{
	if (p->resources)
		snprintf(to, cap, "%s", h->module);
	else
		snprintf(to, cap, "%s-%s-%s", p->name, s->tap, h->module);
	return to;
}

json_t *pv_config_stream_json(const struct pv_config_stream *s)
{
	return json_object_size(s->config) ? json_deep_copy(s->config) : json_null();
}

/* ---- the parts that must be there --------------------------------------------------------------- */

static int missing(struct pv_check *c, const struct pv_node *n, unsigned line, const char *text)
{
	return pv_check_fail(c, PV_CONFIG_INVALID, n ? n->key_line : line, "%s", text);
}

static bool is_map(const struct pv_node *n)
{
	return n && n->type == PV_NODE_MAP;
}

static int find_input(struct pv_check *c, const struct pv_node *body, struct parts *p)
{
	p->input = pv_node_get(body, "input");
	if (!is_map(p->input))
		return missing(c, p->input, body->key_line,
			       "missing or invalid policy input stream configuration at key 'input'");
	if (pv_check_keys(c, &pv_schema_policy_input, p->input))
		return -1;
	p->input_type = pv_node_get(p->input, "input_type");
	if (!p->input_type || !pv_node_scalar(p->input_type))
		return missing(c, p->input_type, p->input->key_line,
			       "missing or invalid input_type at key 'input.input_type'");
	p->input_config = pv_node_get(p->input, "config");
	p->input_filter = pv_node_get(p->input, "filter");
	if (p->input_config && !is_map(p->input_config))
		return missing(c, p->input_config, 0, "input configuration is not a map");
	if (p->input_filter && !is_map(p->input_filter))
		return missing(c, p->input_filter, 0, "input filter configuration is not a map");
	p->tap = pv_node_get(p->input, "tap");
	p->selector = pv_node_get(p->input, "tap_selector");
	return 0;
}

static int find_handlers(struct pv_check *c, const struct pv_node *body, struct parts *p)
{
	p->handlers = pv_node_get(body, "handlers");
	if (!is_map(p->handlers))
		return missing(c, p->handlers, body->key_line,
			       "missing or invalid handler configuration at key 'handlers'");
	if (pv_check_keys(c, &pv_schema_handlers, p->handlers))
		return -1;
	p->modules = pv_node_get(p->handlers, "modules");
	if (!p->modules || (p->modules->type != PV_NODE_MAP && p->modules->type != PV_NODE_LIST))
		return missing(c, p->modules, p->handlers->key_line,
			       "missing or invalid handler modules at key 'modules'");
	p->window = pv_node_get(p->handlers, "window_config");
	if (p->window && !is_map(p->window))
		return missing(c, p->window, 0, "invalid stream handler window config: it is not a map");
	return 0;
}

static int find_parts(struct pv_check *c, const struct pv_node *body, struct parts *p)
{
	p->kind = pv_node_get(body, "kind");
	if (!p->kind || !pv_node_scalar(p->kind))
		return missing(c, p->kind, body->key_line, "missing or invalid policy kind at key 'kind'");
	if (strcmp(p->kind->text, "collection")) {
		pv_check_fail(c, PV_CONFIG_INVALID, p->kind->line, "unknown policy kind: %.100s",
			      p->kind->text);
		return pv_check_hint(c, "collection is expected");
	}
	p->config = pv_node_get(body, "config");
	return find_input(c, body, p) || find_handlers(c, body, p) ? -1 : 0;
}

/* ---- taps and their streams --------------------------------------------------------------------- */

/* "<tap>-<hash>". The text that is hashed has its keys in order and every value delimited, so that no two
 * configurations have the same. */
static char *stream_name(const char *tap, enum pv_input input, const json_t *config)
{
	const struct pv_schema *schema = &pv_schema_inputs[input];
	json_t *own = json_copy((json_t *)(uintptr_t)config);
	char *text = NULL, *name = NULL;

	for (size_t i = 0; own && i < schema->nkeys; i++)
		if (schema->keys[i].flags & PV_SCHEMA_PER_POLICY)
			json_object_del(own, schema->keys[i].name);
	if (own)
		text = json_dumps(own, JSON_SORT_KEYS | JSON_COMPACT);
	if (text && asprintf(&name, "%s-%016" PRIx64, tap, (uint64_t)XXH3_64bits(text, strlen(text))) < 0)
		name = NULL;
	free(text);
	json_decref(own);
	return name;
}

static int lay_stream(struct pv_check *c, struct pv_layers *l, const struct pv_config_tap *tap,
		      const struct parts *p)
{
	json_t *config = NULL, *filter = NULL;
	int res = -1;

	if (!pv_check_object(c, p->input_config, "", "invalid input config: ", &config) &&
	    !pv_check_object(c, p->input_filter, "", "invalid input filter: ", &filter) &&
	    !pv_layers_add(c, l, tap->config, NULL) && !pv_layers_add(c, l, tap->filter, NULL) &&
	    !pv_layers_add(c, l, config, p->input_config) && !pv_layers_add(c, l, filter, p->input_filter))
		res = 0;
	json_decref(config);
	json_decref(filter);
	return res;
}

static int settle_stream(struct pv_check *c, struct pv_config_policy *to, struct pv_config_stream *s,
			 const struct pv_layers *l)
{
	s->config = json_incref(l->values);
	s->name = stream_name(s->tap, s->input, s->config);
	if (!s->name)
		return pv_check_memory(c);
	snprintf(c->prefix, sizeof c->prefix, "policy [%s] failed to start: ", to->name);
	int res = pv_check_stream(c, s, l, true);
	c->prefix[0] = 0;
	return res;
}

/* A place for one more, empty. */
static struct pv_config_stream *new_stream(struct pv_check *c, struct pv_config_policy *to, unsigned line)
{
	struct pv_config_stream *more;

	if (++c->streams > PV_CONFIG_STREAMS) {
		pv_check_fail(c, PV_CONFIG_INVALID, line, "more than %d input streams of all policies",
			      PV_CONFIG_STREAMS);
		return NULL;
	}
	more = realloc(to->streams, (to->nstreams + 1) * sizeof *more);
	if (!more) {
		pv_check_memory(c);
		return NULL;
	}
	to->streams = more;
	more[to->nstreams] = (struct pv_config_stream){.name = NULL};
	return &more[to->nstreams++];
}

static int add_stream(struct pv_check *c, struct pv_config_policy *to, const struct pv_config_tap *tap,
		      const struct parts *p)
{
	struct pv_config_stream *s = new_stream(c, to, p->input->key_line);
	struct pv_layers l = {.values = NULL};
	int res = -1;

	if (!s)
		return -1;
	s->input = tap->input;
	s->input_type = tap->input_type;
	s->module.source = tap->source;
	s->tap = strdup(tap->name);
	if (!s->tap)
		pv_check_memory(c);
	else if (!pv_layers_init(c, &l, p->input->key_line) && !lay_stream(c, &l, tap, p))
		res = settle_stream(c, to, s, &l);
	pv_layers_free(&l);
	return res;
}

static int use_tap(struct pv_check *c, struct pv_config_policy *to, const struct parts *p)
{
	const struct pv_config_tap *tap;

	if (!pv_node_scalar(p->tap))
		return missing(c, p->tap, 0, "invalid tap at key 'input.tap'");
	tap = pv_check_find_tap(c, p->tap->text);
	if (!tap)
		return pv_check_fail(c, PV_CONFIG_INVALID, p->tap->line, "tap '%.100s' does not exist",
				     p->tap->text);
	if (strcmp(tap->input_type, p->input_type->text))
		return pv_check_fail(
		    c, PV_CONFIG_INVALID, p->input_type->line,
		    "input_type for policy specified tap '%s' doesn't match tap's defined input type: "
		    "%.60s/%s",
		    tap->name, p->input_type->text, tap->input_type);
	return add_stream(c, to, tap, p);
}

static int by_tap(const void *a, const void *b)
{
	return strcmp(((const struct pv_config_stream *)a)->tap, ((const struct pv_config_stream *)b)->tap);
}

static int use_selector(struct pv_check *c, struct pv_config_policy *to, const struct parts *p)
{
	const struct pv_config_tap *tap;
	struct pv_selector selector;

	if (pv_check_selector(c, p->selector, &selector))
		return -1;
	for (size_t i = 0; (tap = pv_check_tap(c, i)); i++) {
		int match =
		    strcmp(tap->input_type, p->input_type->text) ? 0 : pv_check_selects(c, &selector, tap);
		if (match < 0 || (match && add_stream(c, to, tap, p)))
			return -1;
	}
	if (!to->nstreams)
		return pv_check_fail(c, PV_CONFIG_NO_TAP_MATCH, p->selector->key_line,
				     "no tap match found for specified 'input.tap_selector' tags");
	qsort(to->streams, to->nstreams, sizeof *to->streams, by_tap);
	return 0;
}

static int check_which(struct pv_check *c, const struct parts *p)
{
	if (p->tap && p->selector)
		return missing(c, p->input, 0,
			       "input can have only key 'input.tap' or key 'input.tap_selector'");
	if (!p->tap && !p->selector)
		return missing(c, p->input, 0, "missing key 'input.tap' or key 'input.tap_selector'");
	return 0;
}

/* ---- settings of the policy itself -------------------------------------------------------------- */

static int check_settings(struct pv_check *c, struct pv_config_policy *to, const struct parts *p)
{
	char bad[PV_CONFIG_NAME + 40];
	struct pv_layers l;
	json_t *object;
	int res;

	if (!p->config)
		return 0;
	snprintf(bad, sizeof bad, "invalid policy config for policy '%s': ", to->name);
	if (pv_check_object(c, p->config, "policy configuration is not a map", bad, &object))
		return -1;
	res = pv_layers_init(c, &l, p->config->key_line);
	if (!res)
		res = pv_layers_add(c, &l, object, p->config);
	if (!res && (res = pv_check_fields(c, &pv_schema_policy_config, &l, &to->merge)))
		pv_check_wrap(c, bad);
	pv_layers_free(&l);
	json_decref(object);
	return res;
}

/* ---- modules -------------------------------------------------------------------------------------- */

static int use_map(struct pv_check *c, struct pv_config_policy *to, const struct parts *p)
{
	for (const struct pv_node *e = p->modules->first; e; e = e->next) {
		if (!e->key)
			return missing(c, e, 0, "expecting handler module identifier");
		if (e->type != PV_NODE_MAP)
			return missing(c, e, 0, "expecting Handler configuration map");
		if (pv_check_module(c, to, e, false, e->key, p->window, e->key_line))
			return -1;
	}
	return 0;
}

/* An element of a chain is "- name: {type: ...}", or "- name:" with the keys beside it. */
static int use_element(struct pv_check *c, struct pv_config_policy *to, const struct pv_node *e,
		       const struct parts *p)
{
	const struct pv_node *first = e->first;

	if (e->type != PV_NODE_MAP || !first || !first->key)
		return pv_check_fail(c, PV_CONFIG_INVALID, e->line, "expecting handler module identifier");
	if (e->count == 1 && first->type == PV_NODE_MAP)
		return pv_check_module(c, to, first, false, first->key, p->window, first->key_line);
	if (e->count == 1 || first->type != PV_NODE_TEXT || *first->text)
		return missing(c, first, 0, "expecting Handler configuration map");
	return pv_check_module(c, to, e, true, first->key, p->window, first->key_line);
}

static int use_modules(struct pv_check *c, struct pv_config_policy *to, const struct parts *p)
{
	if (p->modules->count > PV_CONFIG_MODULES)
		return pv_check_fail(c, PV_CONFIG_INVALID, p->modules->key_line,
				     "more than %d handler modules", PV_CONFIG_MODULES);
	to->handlers = calloc(p->modules->count ? p->modules->count : 1, sizeof *to->handlers);
	if (!to->handlers)
		return pv_check_memory(c);
	to->chain = p->modules->type == PV_NODE_LIST;
	if (!p->modules->count)
		pv_check_say(c, PV_SAY_WARNING, p->modules->key_line, "policy '%s' has no handlers",
			     to->name);
	if (!to->chain)
		return use_map(c, to, p);
	for (const struct pv_node *e = p->modules->first; e; e = e->next)
		if (use_element(c, to, e, p))
			return -1;
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static bool is_taken(const struct pv_check *c, const char *name)
{
	for (size_t i = 0; i < c->conf->npolicies; i++)
		if (!strcmp(c->conf->policies[i]->name, name))
			return true;
	return c->world->has_policy && c->world->has_policy(c->world->ctx, name);
}

static int check_policy(struct pv_check *c, struct pv_config_policy *to, const struct pv_node *body)
{
	struct parts p = {.kind = NULL};

	if (body->type != PV_NODE_MAP)
		return missing(c, body, 0, "expecting policy configuration map");
	if (is_taken(c, body->key))
		return pv_check_fail(c, PV_CONFIG_EXISTS, body->key_line,
				     "policy with name '%.100s' already defined", body->key);
	if (pv_check_name(c, body->key, body->key_line) || pv_check_keys(c, &pv_schema_policy, body))
		return -1;
	to->line = body->key_line;
	to->name = strdup(body->key);
	if (!to->name)
		return pv_check_memory(c);
	if (find_parts(c, body, &p) || check_which(c, &p) || check_settings(c, to, &p))
		return -1;
	if (p.tap ? use_tap(c, to, &p) : use_selector(c, to, &p))
		return -1;
	return use_modules(c, to, &p);
}

int pv_check_policies(struct pv_check *c, const struct pv_node *map)
{
	if (map->count > PV_CONFIG_POLICIES)
		return pv_check_fail(c, PV_CONFIG_INVALID, map->key_line, "more than %d policies",
				     PV_CONFIG_POLICIES);
	c->conf->policies = calloc(map->count ? map->count : 1, sizeof *c->conf->policies);
	if (!c->conf->policies)
		return pv_check_memory(c);
	for (const struct pv_node *e = map->first; e; e = e->next) {
		if (!e->key)
			return pv_check_fail(c, PV_CONFIG_INVALID, e->key_line,
					     "expecting policy identifier");
		struct pv_config_policy *p = calloc(1, sizeof *p);
		if (!p)
			return pv_check_memory(c);
		if (check_policy(c, p, e)) {
			pv_config_policy_free(p);
			return -1;
		}
		c->conf->policies[c->conf->npolicies++] = p;
	}
	return 0;
}
