/* SPDX-License-Identifier: MPL-2.0 */
/* Handlers of a policy, and the defaults for them in global_handler_config. */
#include "policy/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp/analyser.h"
#include "probe/view.h"

struct module { /* being looked at */
	struct pv_check *c;
	struct pv_config_handler *h;
	const struct pv_handler_kind *kind;
	struct pv_handler_kind loaded; /* `kind` of what a module brought */
	struct pv_layers l;
	struct pv_dhcp_conf dhcp;
	struct pv_ttl probe;
};

void pv_config_handler_reset(struct pv_config_handler *h)
{
	pv_net_filter_free(&h->net);
	pv_dns_filter_free(&h->dns);
	pv_flow_filter_free(&h->flow);
	free((void *)(uintptr_t)h->enable);
	free((void *)(uintptr_t)h->disable);
	free(h->module);
	free(h->analyser_conf);
	free(h->analyser_key);
	json_decref(h->config);
	*h = (struct pv_config_handler){.module = NULL};
}

/* ---- keys of the analyser ----------------------------------------------------------------------- */

/* Keys of a module are none of ours, whatever they are called. */
static bool is_loaded(const struct module *m, const struct pv_key *key)
{
	const struct pv_module_settings *s = m->h->analyser ? &m->h->analyser->settings : NULL;
	return s && s->count && key >= s->keys && key < s->keys + s->count;
}

static int set(void *ctx, const struct pv_key *key, const struct pv_value *v, char *err, size_t cap)
{
	struct module *m = ctx;

	if (is_loaded(m, key) && pv_check_setting_fits(key, v))
		return m->h->analyser->settings.set(m->h->analyser_conf, key, v, err, cap);
	if (!strcmp(key->name, "recorded_stream") && v->type == PV_KEY_BOOL)
		m->h->recorded = v->boolean;
	switch (m->kind->conf) {
	case PV_HANDLER_NET:
		return pv_net_filter_set(&m->h->net, key, v, err, cap);
	case PV_HANDLER_DNS:
		return pv_dns_filter_set(&m->h->dns, key, v, err, cap);
	case PV_HANDLER_FLOW:
		return pv_flow_filter_set(&m->h->flow, key, v, err, cap);
	case PV_HANDLER_DHCP:
		if (pv_check_setting_fits(key, v))
			return pv_dhcp_set(&m->dhcp, key, v, err, cap);
		break;
	case PV_HANDLER_PROBE:
		if (pv_check_setting_fits(key, v))
			return pv_probe_set(&m->probe, key, v, err, cap);
		break;
	case PV_HANDLER_MODULE:
	case PV_HANDLER_NO_CONF:
		if (pv_check_setting_fits(key, v))
			return 0;
		break;
	}
	snprintf(err, cap, "wrong type for key: %s", key->name);
	return -1;
}

/* ---- keys of the window ------------------------------------------------------------------------- */

/* A number of the window, or `initial`; brought into its bounds, with a word. */
static int window_number(struct module *m, const char *key, unsigned low, unsigned high, unsigned initial,
			 unsigned *to)
{
	const json_t *value = json_object_get(m->l.values, key);
	json_int_t n = json_integer_value(value);

	*to = initial;
	if (!value)
		return 0;
	if (!json_is_integer(value))
		return pv_check_type(m->c, pv_layers_line(&m->l, key), key, "a number");
	*to = pv_check_within(m->c, pv_layers_line(&m->l, key), key, (uint64_t)n, low, high);
	return 0;
}

static int set_window(struct module *m)
{
	const json_t *percentile = json_object_get(m->l.values, "topn_percentile_threshold");
	unsigned topn, threshold, max = m->c->deep_max;

	if (json_is_integer(percentile) && json_integer_value(percentile) > 100)
		return pv_check_fail(m->c, PV_CONFIG_INVALID,
				     pv_layers_line(&m->l, "topn_percentile_threshold"),
				     "threshold must be between 0 and 100 but has value %f",
				     (double)json_integer_value(percentile) / 100);
	if (window_number(m, "num_periods", 1, 10, m->c->periods, &m->h->periods) ||
	    window_number(m, "deep_sample_rate", 1, 100, max, &m->h->deep) ||
	    window_number(m, "topn_count", 1, PV_CONFIG_TOPN_MAX, PV_CONFIG_TOPN, &topn) ||
	    window_number(m, "topn_percentile_threshold", 0, 100, 0, &threshold))
		return -1;
	if (m->h->deep > max) {
		pv_check_say(m->c, PV_SAY_WARNING, pv_layers_line(&m->l, "deep_sample_rate"),
			     "deep_sample_rate is limited to the agent's max_deep_sample, %u", max);
		m->h->deep = max;
	}
	m->h->topn = (uint16_t)topn;
	m->h->topn_percentile = (uint8_t)threshold;
	if (json_object_set_new(m->l.values, "num_periods", json_integer(m->h->periods)) ||
	    json_object_set_new(m->l.values, "deep_sample_rate", json_integer(m->h->deep)))
		return pv_check_memory(m->c);
	return 0;
}

/* ---- metric groups ------------------------------------------------------------------------------ */

static uint32_t all_groups(const struct pv_handler *h)
{
	return h->ngroups >= 32 ? UINT32_MAX : (UINT32_C(1) << h->ngroups) - 1;
}

static unsigned entry_line(const struct module *m, const char *key, size_t i)
{
	const struct pv_node *n = pv_layers_node(&m->l, key);

	for (n = n ? n->first : NULL; n && i--;)
		n = n->next;
	return n ? n->line : pv_layers_line(&m->l, key);
}

/* Turns the groups of a list on or off, and keeps the list. */
static int set_groups(struct module *m, const char *key, bool on, const char *const **kept, size_t *nkept)
{
	const json_t *list = json_object_get(m->l.values, key);
	const char **names;
	bool all = false;

	if (!list)
		return 0;
	if (!json_is_array(list))
		return pv_check_type(m->c, pv_layers_line(&m->l, key), key, "a list");
	names = calloc(json_array_size(list) + 1, sizeof *names);
	if (!names)
		return pv_check_memory(m->c);
	*kept = names;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		int group = pv_handler_group(m->h->handler, name);
		uint32_t bits;

		all = all || !strcmp(name, "all");
		if (!all && !m->h->handler->ngroups) { /* the original took any name there */
			pv_check_say(m->c, PV_SAY_WARNING, entry_line(m, key, i),
				     "%.100s: %s has no metric groups: ignored", name, m->h->handler->type);
			continue;
		}
		names[(*nkept)++] = name;
		if (all) /* what follows has no say */
			break;
		if (group < 0) {
			char err[PV_CONFIG_TEXT];
			pv_handler_group_error(m->h->handler, name, err, sizeof err);
			return pv_check_fail(m->c, PV_CONFIG_INVALID, entry_line(m, key, i), "%s", err);
		}
		bits = UINT32_C(1) << group;
		m->h->groups = on ? m->h->groups | bits : m->h->groups & ~bits;
	}
	if (all)
		m->h->groups = on ? all_groups(m->h->handler) : 0;
	return 0;
}

static int set_all_groups(struct module *m)
{
	for (size_t i = 0; i < m->h->handler->ngroups; i++)
		if (m->h->handler->groups[i].on)
			m->h->groups |= UINT32_C(1) << i;
	return set_groups(m, "disable", false, &m->h->disable, &m->h->ndisable) ||
		       set_groups(m, "enable", true, &m->h->enable, &m->h->nenable)
		   ? -1
		   : 0;
}

/* ---- one handler -------------------------------------------------------------------------------- */

static void set_ttl(struct module *m)
{
	if (m->kind->conf == PV_HANDLER_DNS)
		m->h->xact_ttl_ns = pv_dns_filter_ttl_ns(&m->h->dns);
	else if (m->kind->conf == PV_HANDLER_DHCP)
		m->h->xact_ttl_ns = m->dhcp.ttl.ns ? m->dhcp.ttl.ns : PV_DHCP_TTL_NS;
	else if (m->kind->conf == PV_HANDLER_PROBE)
		m->h->xact_ttl_ns = m->probe.ns;
}

/* version NULL: any */
static const struct pv_handler *find_handler(const struct pv_check *c, const char *type, const char *version)
{
	const struct pv_handler *const *h = c->world->handlers;

	for (; h && *h; h++)
		if (!strcmp((*h)->type, type) && (!version || !strcmp((*h)->version, version)))
			return *h;
	return NULL;
}

/* Whose settings are the same may share an analyser. */
static int set_analyser_key(struct module *m)
{
	const struct pv_module_settings *s = &m->h->analyser->settings;
	json_t *own = json_object();
	int bad = own ? 0 : -1;

	for (size_t i = 0; i < s->count && !bad; i++) {
		json_t *value = json_object_get(m->l.values, s->keys[i].name);
		bad = value ? json_object_set(own, s->keys[i].name, value) : 0;
	}
	m->h->analyser_key = bad ? NULL : json_dumps(own, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(own);
	return m->h->analyser_key ? 0 : pv_check_memory(m->c);
}

/* What the handler may be told, and for one of a module what makes its events; NULL: nothing does. */
static const struct pv_handler_kind *kind_of(struct module *m, const struct pv_handler *h)
{
	const struct pv_handler_kind *k = pv_handler_kind_find(h->type, h->version);
	const struct pv_modules *modules = m->c->world->modules;

	if (k || !modules)
		return k ? k : &pv_handler_kind_other;
	m->h->analyser = pv_modules_analyser(modules, h->type);
	m->h->source = pv_modules_source(modules, h->type);
	if (m->h->analyser ? !m->h->analyser->ops->own : !m->h->source || !m->h->source->own)
		return NULL;
	m->loaded = pv_handler_kind_module(m->h->analyser);
	return &m->loaded;
}

/* "there are: net, dns, ..." */
static int hint_handlers(struct pv_check *c)
{
	const struct pv_handler *const *h = c->world->handlers;
	char text[PV_CONFIG_HINT];
	size_t at = (size_t)snprintf(text, sizeof text, "there are: ");

	for (size_t i = 0; h && h[i] && at < sizeof text; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %s", i ? ", " : "", h[i]->type,
				       h[i]->version);
	return pv_check_hint(c, text);
}

/* The handler's settings out of its layers. */
static int settle(struct module *m)
{
	const char *name;
	json_t *value;

	pv_net_filter_init(&m->h->net);
	pv_dns_filter_init(&m->h->dns);
	pv_flow_filter_init(&m->h->flow);
	if (m->h->analyser && m->h->analyser->settings.conf_size &&
	    !(m->h->analyser_conf = calloc(1, m->h->analyser->settings.conf_size)))
		return pv_check_memory(m->c);
	json_object_foreach (m->l.values, name, value) {
		const struct pv_key *key = pv_handler_kind_key_find(m->kind, name);

		if (key && pv_check_setting(m->c, &m->l, key, value, set, m))
			return -1;
		if (!key && !pv_schema_find(&pv_schema_window, name) &&
		    !pv_schema_find(&pv_schema_groups, name)) {
			char text[PV_CONFIG_TEXT];
			pv_handler_kind_unknown_text(m->kind, name, text, sizeof text);
			return pv_check_fail(m->c, PV_CONFIG_INVALID, pv_layers_line(&m->l, name), "%s",
					     text);
		}
	}
	if (m->kind->conf == PV_HANDLER_DNS) {
		char err[PV_CONFIG_TEXT];
		if (pv_dns_filter_version(&m->h->dns, m->kind->version, err, sizeof err))
			return pv_check_fail(m->c, PV_CONFIG_INVALID, m->l.line, "%s", err);
	}
	if (set_all_groups(m) || set_window(m) || (m->h->analyser && set_analyser_key(m)))
		return -1;
	set_ttl(m);
	m->h->config = json_incref(m->l.values);
	return 0;
}

/* ---- global_handler_config ---------------------------------------------------------------------- */

/* Can these be settings of that handler? */
static int try_kind(struct pv_check *c, const struct pv_handler *handler, const json_t *object,
		    const struct pv_node *map)
{
	struct pv_config_handler h = {.handler = handler};
	struct module m = {.c = c, .h = &h};
	int res = pv_layers_init(c, &m.l, map->key_line);

	m.kind = kind_of(&m, handler);
	if (!m.kind)
		m.kind = &pv_handler_kind_other;

	if (!res)
		res = pv_layers_add(c, &m.l, object, map);
	if (!res)
		res = settle(&m);
	pv_layers_free(&m.l);
	pv_config_handler_reset(&h);
	return res;
}

/* They must suit one of the versions that there are; if not, the first one's error is told. */
static int try_versions(struct pv_check *c, const char *type, const json_t *object, const struct pv_node *map)
{
	const struct pv_handler *const *h = c->world->handlers;
	struct pv_config_error first, before = *c->err;
	bool failed = false;

	for (; h && *h; h++) {
		if (strcmp((*h)->type, type))
			continue;
		if (!try_kind(c, *h, object, map)) {
			*c->err = before;
			return 0;
		}
		if (!failed)
			first = *c->err;
		failed = true;
	}
	if (failed) {
		*c->err = first;
		return -1;
	}
	pv_check_say(c, PV_SAY_WARNING, map->key_line,
		     "stream handler type '%.100s' in global_handler_config is not built yet: not checked",
		     type);
	return 0;
}

int pv_check_global(struct pv_check *c, const struct pv_node *map)
{
	for (const struct pv_node *e = map->first; e; e = e->next) {
		json_t *object;

		if (!e->key)
			return pv_check_fail(c, PV_CONFIG_INVALID, e->key_line, "a key must be a scalar");
		if (json_object_get(c->conf->global, e->key))
			return pv_check_fail(
			    c, PV_CONFIG_EXISTS, e->key_line,
			    "stream handler type '%.100s' already exists in global_handler_config "
			    "configuration",
			    e->key);
		if (e->type != PV_NODE_MAP)
			return pv_check_fail(c, PV_CONFIG_INVALID, e->key_line,
					     "expecting global_handler_config configuration map");
		if (!pv_handler_kind_find(e->key, NULL) && !find_handler(c, e->key, NULL)) {
			pv_check_say(
			    c, PV_SAY_WARNING, e->key_line,
			    "stream handler type '%.100s' in global_handler_config is unknown: ignored",
			    e->key);
			continue;
		}
		object = pv_node_json(e, c->err);
		if (!object)
			return -1;
		if (try_versions(c, e->key, object, e)) {
			json_decref(object);
			return -1;
		}
		if (json_object_set_new(c->conf->global, e->key, object))
			return pv_check_memory(c);
	}
	return 0;
}

/* ---- a module of a policy ----------------------------------------------------------------------- */

static int find_kind(struct module *m, const struct pv_config_policy *p, const struct pv_node *body,
		     unsigned line)
{
	const struct pv_node *type = pv_node_get(body, "type"),
			     *version = pv_node_get(body, "require_version");
	const char *which = version ? version->text : "1.0";
	const struct pv_handler_kind *k;

	if (!type || !pv_node_scalar(type))
		return pv_check_fail(m->c, PV_CONFIG_INVALID, type ? type->key_line : line,
				     "missing or invalid stream handler type at key 'type'");
	if (version && !pv_node_scalar(version))
		return pv_check_fail(m->c, PV_CONFIG_INVALID, version->key_line,
				     "Invalid stream handler version at key 'require_version'");
	k = pv_handler_kind_find(type->text, which);
	m->h->handler = find_handler(m->c, type->text, which);
	if (!k && !m->h->handler) {
		pv_check_fail(m->c, PV_CONFIG_INVALID, type->line,
			      "Policy '%s' requires stream handler type '%.60s' and version '%.60s' which is "
			      "not available",
			      p->name, type->text, which);
		return hint_handlers(m->c);
	}
	if (!m->h->handler)
		return pv_check_fail(
		    m->c, PV_CONFIG_NOT_BUILT, type->line,
		    "Policy '%s' requires stream handler type '%s' and version '%s' which is not built "
		    "yet",
		    p->name, k->type, k->version);
	m->kind = kind_of(m, m->h->handler);
	if (!m->kind)
		return pv_check_fail(
		    m->c, PV_CONFIG_NOT_BUILT, type->line,
		    "Policy '%s' requires stream handler type '%s', for which its module has no "
		    "analyser or source with events of its own",
		    p->name, type->text);
	if (m->h->source && p->chain)
		return pv_check_fail(m->c, PV_CONFIG_INVALID, type->line,
				     "Policy '%s' requires stream handler type '%s' in a list of modules, but "
				     "its events are not made of packets, of which a chain is",
				     p->name, type->text);
	m->h->type = m->h->handler->type;
	m->h->version = m->h->handler->version;
	return 0;
}

/* One part of the module's body as a layer. */
static int add_part(struct module *m, const struct pv_node *body, const char *key, const char *not_map,
		    const char *what)
{
	const struct pv_node *n = pv_node_get(body, key);
	char bad[PV_CONFIG_NAME + 80];
	json_t *object;

	if (!n)
		return 0;
	snprintf(bad, sizeof bad, "invalid stream handler %s for handler '%s': ", what, m->h->module);
	if (pv_check_object(m->c, n, not_map, bad, &object))
		return -1;
	int res = pv_layers_add(m->c, &m->l, object, n);
	json_decref(object);
	return res;
}

static int check_groups_map(struct module *m, const struct pv_node *body)
{
	const struct pv_node *n = pv_node_get(body, "metric_groups");
	char bad[PV_CONFIG_NAME + 80];

	if (!n)
		return 0;
	if (n->type != PV_NODE_MAP)
		return pv_check_fail(m->c, PV_CONFIG_INVALID, n->key_line,
				     "stream handler metric groups is not a map");
	if (!pv_node_get(n, "enable") && !pv_node_get(n, "disable"))
		return pv_check_fail(
		    m->c, PV_CONFIG_INVALID, n->key_line,
		    "stream handler metric groups should contain enable and/or disable tags");
	snprintf(bad, sizeof bad, "invalid stream handler metrics for handler '%s': ", m->h->module);
	if (pv_check_keys(m->c, &pv_schema_groups, n))
		return pv_check_wrap(m->c, bad);
	for (const struct pv_node *e = n->first; e; e = e->next)
		if (e->type != PV_NODE_LIST) {
			pv_check_type(m->c, e->key_line, e->key, "a list");
			return pv_check_wrap(m->c, bad);
		}
	return 0;
}

static int lay(struct module *m, const struct pv_node *body, const struct pv_node *window)
{
	const json_t *global = json_object_get(m->c->conf->global, m->h->type);
	json_t *object;

	if (global && pv_layers_add(m->c, &m->l, global, NULL))
		return -1;
	if (window) {
		if (pv_check_object(m->c, window, "", "invalid stream handler window config: ", &object))
			return -1;
		int res = pv_layers_add(m->c, &m->l, object, window);
		json_decref(object);
		if (res)
			return -1;
	}
	return add_part(m, body, "config", "stream handler configuration is not a map", "config") ||
		       add_part(m, body, "filter", "stream handler filter configuration is not a map",
				"filter config") ||
		       check_groups_map(m, body) || add_part(m, body, "metric_groups", "", "metrics")
		   ? -1
		   : 0;
}

static int check_inputs(struct module *m, const struct pv_config_policy *p, unsigned line)
{
	for (size_t i = 0; i < p->nstreams; i++)
		if (!(m->kind->inputs & 1u << p->streams[i].input) ||
		    (m->h->source && m->h->source != p->streams[i].module.source))
			return pv_check_fail(m->c, PV_CONFIG_INVALID, line,
					     "%s: unsupported input event proxy %s", m->kind->class_name,
					     p->streams[i].name);
	return 0;
}

/* The instance names must be free. */
static int take_names(struct module *m, const struct pv_config_policy *p, unsigned line)
{
	for (size_t i = 0; i < p->nstreams; i++) {
		char name[3 * PV_CONFIG_NAME + 3];

		pv_config_instance(p, &p->streams[i], m->h, name, sizeof name);
		if (strlen(name) >= PV_BUCKET_NAME)
			return pv_check_fail(
			    m->c, PV_CONFIG_INVALID, line,
			    "names of policy, tap and handler are longer than %d characters together: %s",
			    PV_BUCKET_NAME - 3, name);
		if (json_object_get(m->c->instances, name) ||
		    (m->c->world->has_instance && m->c->world->has_instance(m->c->world->ctx, name)))
			return pv_check_fail(m->c, PV_CONFIG_EXISTS, line, "module name '%s' already exists",
					     name);
		if (json_object_set_new(m->c->instances, name, json_true()))
			return pv_check_memory(m->c);
	}
	return 0;
}

static int check_module(struct module *m, struct pv_config_policy *p, const struct pv_node *body,
			const struct pv_node *window, unsigned line)
{
	if (find_kind(m, p, body, line) || pv_layers_init(m->c, &m->l, line) || lay(m, body, window) ||
	    check_inputs(m, p, line) || take_names(m, p, line))
		return -1;
	snprintf(m->c->prefix, sizeof m->c->prefix, "policy [%s] failed to start: ", p->name);
	int res = settle(m);
	m->c->prefix[0] = 0;
	return res;
}

int pv_check_module(struct pv_check *c, struct pv_config_policy *p, const struct pv_node *body,
		    bool skip_first, const char *name, const struct pv_node *window, unsigned line)
{
	struct module m = {.c = c, .h = &p->handlers[p->nhandlers]};
	struct pv_node rest = *body;

	if (skip_first)
		rest.first = body->first->next;
	if (pv_check_name(c, name, line) || pv_check_keys(c, &pv_schema_module, &rest))
		return -1;
	if (++c->handlers > PV_CONFIG_HANDLERS)
		return pv_check_fail(c, PV_CONFIG_INVALID, line, "more than %d handlers in all policies",
				     PV_CONFIG_HANDLERS);
	m.h->module = strdup(name);
	if (!m.h->module)
		return pv_check_memory(c);
	p->nhandlers++;
	int res = check_module(&m, p, &rest, window, line);
	pv_layers_free(&m.l);
	return res;
}

json_t *pv_config_handler_json(const struct pv_config_handler *h, const char *tap)
{
	json_t *j = json_deep_copy(h->config);

	if (j)
		json_object_set_new(j, "_internal_tap_name", json_string(tap));
	return j;
}
