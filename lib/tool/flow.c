/* SPDX-License-Identifier: MPL-2.0 */
#include "tool/flow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "flow/collector.h"
#include "flow/locate.h"
#include "flow/view.h"
#include "policy/document.h"

static bool is_map(const char *text)
{
	return text[strspn(text, " \t\n")] == '{';
}

/* A map out of a file, or out of the argument itself. NULL with a line in err. */
static json_t *read_map(const char *text, char *err, size_t cap)
{
	struct pv_config_error why;
	bool here = is_map(text);
	struct pv_document *d = here ? pv_document_parse(text, strlen(text), &why) : pv_document_read(text, &why);
	json_t *map = d ? pv_node_json(pv_document_root(d), &why) : NULL;
	if (!map)
		pv_config_error_text(&why, here ? NULL : text, err, cap);
	pv_document_free(d);
	if (map && !json_is_object(map)) {
		snprintf(err, cap, "%s: wants a map, of addresses of devices", here ? "argument" : text);
		json_decref(map);
		return NULL;
	}
	return map;
}

static int set_map(struct pv_flow_filter *f, const struct pv_key *key, const char *text, char *err, size_t cap)
{
	json_t *map = read_map(text, err, cap);
	if (!map)
		return -1;
	const struct pv_value value = {.type = PV_KEY_MAP, .map = map};
	int rc = pv_flow_filter_set(f, key, &value, err, cap);
	json_decref(map);
	return rc;
}

/* Where the map of a key is from; NULL: not from a file. The last one given counts. */
static int remember(struct pv_tool_flow *f, const struct pv_key *key, const char *file, char *err, size_t cap)
{
	char *path = file ? pv_path_absolute(file) : NULL;
	if (file && !path) {
		snprintf(err, cap, "%s", strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < PV_TOOL_FLOW_MAPS; i++)
		if (!f->map[i].key || f->map[i].key == key) {
			free(f->map[i].path);
			f->map[i].key = key;
			f->map[i].path = path;
			return 0;
		}
	free(path);
	return 0;
}

int pv_tool_flow_set(void *conf, const struct pv_key *key, const struct pv_value *v, char *err, size_t cap)
{
	struct pv_tool_flow *f = conf;
	if (key->type != PV_KEY_MAP)
		return pv_flow_filter_set(&f->filter, key, v, err, cap);
	if (set_map(&f->filter, key, v->string, err, cap))
		return -1;
	return remember(f, key, is_map(v->string) ? NULL : v->string, err, cap);
}

static bool map_files(const struct pv_tool_flow *f)
{
	for (size_t i = 0; i < PV_TOOL_FLOW_MAPS; i++)
		if (f->map[i].path)
			return true;
	return false;
}

static void failed(const struct pv_program *prog, const char *why)
{
	pv_tool_say(prog, "%s", why);
	exit(PV_EXIT_FAILED);
}

struct pv_sink pv_tool_flow_open(const struct pv_program *prog, struct pv_tool_flow *f, const struct pv_tool_geo *geo,
				 struct pv_sink next)
{
	char err[512];
	const char *list = f->iana ? f->iana : f->otherwise;
	f->places = geo ? pv_tool_geo_open(prog, geo) : NULL;
	if (list && !(f->services = pv_services_open(list, err, sizeof err)))
		failed(prog, err);
	if (pv_flow_view_needed(&f->filter, f->services) || map_files(f)) { /* even if they say nothing yet */
		f->view = pv_flow_view_new(&f->filter, f->services, pv_tool_seed(), next);
		if (!f->view)
			failed(prog, strerror(errno));
		next = pv_sink_stage(f->view);
	}
	if (f->places) {
		f->locate = pv_flow_locate_new(f->places, next);
		if (!f->locate)
			failed(prog, strerror(errno));
		next = pv_sink_stage(f->locate);
	}
	return next;
}

void pv_tool_flow_close(struct pv_tool_flow *f)
{
	pv_stage_free(f->locate);
	pv_stage_free(f->view);
	pv_services_free(f->services);
	pv_flow_filter_free(&f->filter);
	for (size_t i = 0; i < PV_TOOL_FLOW_MAPS; i++)
		free(f->map[i].path);
}

bool pv_tool_flow_files(const struct pv_tool_flow *f)
{
	return f->services || f->places || map_files(f);
}

void pv_tool_flow_reread(const struct pv_program *prog, struct pv_tool_flow *f)
{
	char err[512];
	if (f->services && pv_services_reopen(f->services, err, sizeof err))
		pv_tool_say(prog, "the names of services stay as they are: %s", err);
	if (f->places && pv_geo_reopen(f->places, err, sizeof err))
		pv_tool_say(prog, "the geo databases stay as they are: %s", err);
	for (size_t i = 0; i < PV_TOOL_FLOW_MAPS; i++)
		if (f->map[i].path && set_map(&f->filter, f->map[i].key, f->map[i].path, err, sizeof err))
			pv_tool_say(prog, "%s stays as it is: %s", f->map[i].key->name, err);
}

void pv_tool_flow_unread(const struct pv_program *prog, const struct pv_collector_status *s)
{
	if (s->malformed || s->unsupported)
		pv_tool_say(prog, "of %" PRIu64 " datagrams %" PRIu64 " are malformed, %" PRIu64 " of another kind",
			    s->datagrams, s->malformed, s->unsupported);
}
