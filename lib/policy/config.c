/* SPDX-License-Identifier: MPL-2.0 */
/* A document as a whole: its version, its sections, and visor.config. */
#include "policy/config.h"

#include <stdlib.h>
#include <string.h>

#include "policy/check.h"

#define VERSION "1.0"

void pv_config_free(struct pv_config *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < conf->npolicies; i++)
		pv_config_policy_free(conf->policies[i]);
	for (size_t i = 0; i < conf->ntaps; i++)
		pv_config_tap_free(conf->taps[i]);
	free(conf->policies);
	free(conf->taps);
	json_decref(conf->global);
	json_decref(conf->visor.json);
	free(conf);
}

/* ---- visor.config ------------------------------------------------------------------------------- */

static int check_agent(struct pv_check *c, const struct pv_node *map)
{
	struct pv_config_visor *v = &c->conf->visor;
	struct pv_layers l;
	json_t *object;

	v->port = v->geo_cache_size = v->max_deep_sample = v->periods = PV_CONFIG_UNSET;
	v->otel_port = v->otel_interval = v->workers = PV_CONFIG_UNSET;
	if ((map && pv_check_keys(c, &pv_schema_agent, map)) ||
	    pv_check_object(c, map, "'visor.config' is not a map", "invalid agent config: ", &object))
		return -1;
	int res = pv_layers_init(c, &l, 0);
	if (!res)
		res = pv_layers_add(c, &l, object, map);
	if (!res)
		res = pv_check_fields(c, &pv_schema_agent, &l, v);
	if (!res && v->periods != PV_CONFIG_UNSET)
		v->periods = pv_check_within(c, pv_layers_line(&l, "periods"), "periods", v->periods, 1, 10);
	if (!res && v->max_deep_sample != PV_CONFIG_UNSET)
		v->max_deep_sample = pv_check_within(c, pv_layers_line(&l, "max_deep_sample"),
						     "max_deep_sample", v->max_deep_sample, 1, 100);
	v->json = json_incref(l.values); /* the texts are in there */
	pv_layers_free(&l);
	json_decref(object);
	return res;
}

/* What the command line said, else the document, else what everybody gets. */
static void settle_defaults(struct pv_check *c)
{
	const struct pv_config_visor *v = &c->conf->visor;

	c->periods = c->world->periods		     ? c->world->periods
		     : v->periods != PV_CONFIG_UNSET ? (unsigned)v->periods
						     : PV_CONFIG_PERIODS;
	c->deep_max = c->world->deep_max		      ? c->world->deep_max
		      : v->max_deep_sample != PV_CONFIG_UNSET ? (unsigned)v->max_deep_sample
							      : PV_CONFIG_DEEP;
}

/* ---- sections ----------------------------------------------------------------------------------- */

static bool is_empty(const struct pv_node *n)
{
	return n->type == PV_NODE_TEXT && !n->quoted &&
	       (!*n->text || !strcmp(n->text, "~") || !strcmp(n->text, "null"));
}

/* A section of a file: *to is NULL when it is missing, or has nothing in it. */
static int find_section(struct pv_check *c, const struct pv_node *visor, const char *key,
			const struct pv_node **to)
{
	const struct pv_node *n = pv_node_get(visor, key);

	*to = n && is_empty(n) ? NULL : n;
	if (*to && n->type != PV_NODE_MAP)
		return pv_check_fail(c, PV_CONFIG_INVALID, n->key_line, "'visor.%s' is not a map", key);
	return 0;
}

static int check_file(struct pv_check *c, const struct pv_node *visor)
{
	const struct pv_node *agent, *taps, *global, *policies;

	if (find_section(c, visor, "config", &agent) || find_section(c, visor, "taps", &taps) ||
	    find_section(c, visor, "global_handler_config", &global) ||
	    find_section(c, visor, "policies", &policies))
		return -1;
	if (check_agent(c, agent))
		return -1;
	settle_defaults(c);
	return (taps && pv_check_taps(c, taps)) || (global && pv_check_global(c, global)) ||
		       (policies && pv_check_policies(c, policies))
		   ? -1
		   : 0;
}

/* The body of a request: one section, with one thing in it. */
static int check_body(struct pv_check *c, const struct pv_node *visor, bool tap)
{
	const char *many = tap ? "taps" : "policies", *single = tap ? "tap" : "policy";
	const struct pv_node *map = pv_node_get(visor, many);

	if (check_agent(c, NULL))
		return -1;
	settle_defaults(c);
	if (!map || map->type != PV_NODE_MAP)
		return pv_check_fail(c, PV_CONFIG_INVALID, map ? map->key_line : 0, "no %s found in schema",
				     many);
	if (map->count != 1)
		return pv_check_fail(c, PV_CONFIG_INVALID, map->key_line,
				     "only a single %s expected but got %zu", single, map->count);
	for (const struct pv_node *e = visor->first; e; e = e->next)
		if (e != map)
			pv_check_say(c, PV_SAY_WARNING, e->key_line, "%s has no meaning here and is ignored",
				     e->key);
	return tap ? pv_check_taps(c, map) : pv_check_policies(c, map);
}

/* ---- the document ------------------------------------------------------------------------------- */

static int check_version(struct pv_check *c, const struct pv_node *root)
{
	const struct pv_node *version = pv_node_get(root, "version");

	if (!version)
		pv_check_say(c, PV_SAY_INFO, 0, "missing version, using version \"" VERSION "\"");
	if (!version || (pv_node_scalar(version) && !strcmp(version->text, VERSION)))
		return 0;
	pv_check_fail(c, PV_CONFIG_INVALID, version->key_line, "unsupported version");
	return pv_check_hint(c, VERSION " is expected");
}

/* Where the maps are free (tags, settings), nobody has looked for keys that repeat. */
static int check_duplicates(struct pv_check *c, const struct pv_node *root)
{
	const struct pv_node *n = pv_document_duplicate(root);

	return n ? pv_check_fail(c, PV_CONFIG_INVALID, n->key_line, "duplicate key: %.100s", n->key) : 0;
}

static int check_document(struct pv_check *c, const struct pv_node *root, enum pv_config_form form)
{
	const struct pv_node *visor = pv_node_get(root, "visor");

	if (root->type != PV_NODE_MAP || !visor || visor->type != PV_NODE_MAP) {
		pv_check_fail(c, PV_CONFIG_INVALID, visor ? visor->key_line : 0, "invalid schema");
		return pv_check_hint(c, "a map 'visor' is expected");
	}
	if (check_version(c, root) || pv_check_keys(c, &pv_schema_document, root) ||
	    pv_check_keys(c, &pv_schema_visor, visor))
		return -1;
	if (form == PV_CONFIG_FILE ? check_file(c, visor) : check_body(c, visor, form == PV_CONFIG_TAP))
		return -1;
	return check_duplicates(c, root);
}

struct pv_config *pv_config_load(const struct pv_document *doc, enum pv_config_form form,
				 const struct pv_config_world *world, struct pv_config_error *err)
{
	struct pv_check c = {
	    .world = world, .err = err, .conf = calloc(1, sizeof *c.conf), .instances = json_object()};
	int res = -1;

	if (c.conf)
		c.conf->global = world->global ? json_deep_copy(world->global) : json_object();
	if (!c.conf || !c.conf->global || !c.instances)
		pv_check_memory(&c);
	else
		res = check_document(&c, pv_document_root(doc), form);
	json_decref(c.instances);
	if (res) {
		pv_config_free(c.conf);
		return NULL;
	}
	return c.conf;
}

static struct pv_config *load_and_free(struct pv_document *doc, enum pv_config_form form,
				       const struct pv_config_world *world, struct pv_config_error *err)
{
	struct pv_config *conf = doc ? pv_config_load(doc, form, world, err) : NULL;

	pv_document_free(doc);
	return conf;
}

const struct pv_node *pv_config_module_dir(const struct pv_document *doc)
{
	const struct pv_node *visor = pv_node_get(pv_document_root(doc), "visor");
	const struct pv_node *agent = visor ? pv_node_get(visor, "config") : NULL;
	const struct pv_node *dir = agent ? pv_node_get(agent, "module_dir") : NULL;

	return dir && dir->type == PV_NODE_TEXT && *dir->text ? dir
							      : NULL; /* anything else is said by the check */
}

struct pv_config *pv_config_load_text(const char *text, size_t n, enum pv_config_form form,
				      const struct pv_config_world *world, struct pv_config_error *err)
{
	return load_and_free(pv_document_parse(text, n, err), form, world, err);
}

struct pv_config *pv_config_load_file(const char *path, const struct pv_config_world *world,
				      struct pv_config_error *err)
{
	return load_and_free(pv_document_read(path, err), PV_CONFIG_FILE, world, err);
}

/* ---- the document of a command line ------------------------------------------------------------- */

char *pv_config_default_document(const char *iface, const char *file, const char *hosts, const char *bpf)
{
	json_t *tap = file ? json_pack("{s:s, s:s}", "pcap_file", file, "host_spec", hosts ? hosts : "")
			   : json_pack("{s:s, s:s}", "iface", iface, "host_spec", hosts ? hosts : "");
	json_t *modules = json_pack("{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}", "net", "type", "net", "dhcp",
				    "type", "dhcp", "dns", "type", "dns", "pcap_stats", "type", "pcap");
	json_t *policy = json_pack("{s:s, s:{s:s, s:s, s:{s:s}}, s:{s:o}}", "kind", "collection", "input",
				   "tap", "default", "input_type", "pcap", "config", "bpf", bpf ? bpf : "",
				   "handlers", "modules", modules);
	json_t *all =
	    json_pack("{s:s, s:{s:{s:{s:s, s:o}}, s:{s:o}}}", "version", VERSION, "visor", "taps", "default",
		      "input_type", "pcap", "config", tap, "policies", "default", policy);
	char *text = all ? json_dumps(all, JSON_INDENT(1)) : NULL;

	json_decref(all);
	return text;
}

/* ---- what was loaded, for people ---------------------------------------------------------------- */

static json_t *handler_json(const struct pv_config_handler *h)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:i, s:I}", "type", h->type, "version", h->version, "schema",
			 h->handler->schema, "config", json_deep_copy(h->config), "groups", (int)h->groups,
			 "xact_ttl_ns", (json_int_t)h->xact_ttl_ns);
}

static json_t *policy_json(const struct pv_config_policy *p)
{
	json_t *inputs = json_object(), *modules = json_array();

	for (size_t i = 0; i < p->nstreams; i++)
		json_object_set_new(inputs, p->streams[i].name,
				    json_pack("{s:s, s:s, s:o}", "tap", p->streams[i].tap, "input_type",
					      p->streams[i].input_type, "config",
					      pv_config_stream_json(&p->streams[i])));
	for (size_t i = 0; i < p->nhandlers; i++)
		json_array_append_new(
		    modules, json_pack("{s:o}", p->handlers[i].module, handler_json(&p->handlers[i])));
	return json_pack("{s:o, s:o, s:b, s:b}", "input", inputs, "modules", modules, "chain", p->chain,
			 "merge_like_handlers", p->merge);
}

json_t *pv_config_json(const struct pv_config *conf)
{
	json_t *taps = json_object(), *policies = json_object();

	for (size_t i = 0; i < conf->ntaps; i++)
		if (conf->taps[i])
			json_object_set_new(taps, conf->taps[i]->name, pv_config_tap_json(conf->taps[i]));
	for (size_t i = 0; i < conf->npolicies; i++)
		if (conf->policies[i])
			json_object_set_new(policies, conf->policies[i]->name,
					    policy_json(conf->policies[i]));
	return json_pack("{s:O, s:O, s:o, s:o}", "config", conf->visor.json, "global_handler_config",
			 conf->global, "taps", taps, "policies", policies);
}
