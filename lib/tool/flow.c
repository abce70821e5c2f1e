/* SPDX-License-Identifier: MPL-2.0 */
#include "tool/flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/locate.h"
#include "flow/view.h"
#include "policy/document.h"

/* A map out of a file, or out of the argument itself. NULL with a line in err. */
static json_t *read_map(const char *text, char *err, size_t cap)
{
	struct pv_config_error why;
	bool here = text[strspn(text, " \t\n")] == '{';
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

int pv_tool_flow_set(void *conf, const struct pv_key *key, const struct pv_value *v, char *err, size_t cap)
{
	if (key->type != PV_KEY_MAP)
		return pv_flow_filter_set(conf, key, v, err, cap);
	json_t *map = read_map(v->string, err, cap);
	if (!map)
		return -1;
	const struct pv_value value = {.type = PV_KEY_MAP, .map = map};
	int rc = pv_flow_filter_set(conf, key, &value, err, cap);
	json_decref(map);
	return rc;
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
	struct pv_geo *places = geo ? pv_tool_geo_open(prog, geo) : NULL;
	if (list && !(f->services = pv_services_open(list, err, sizeof err)))
		failed(prog, err);
	if (pv_flow_view_needed(&f->filter, f->services)) {
		f->view = pv_flow_view_new(&f->filter, f->services, pv_tool_seed(), next);
		if (!f->view)
			failed(prog, strerror(errno));
		next = pv_sink_stage(f->view);
	}
	if (places) {
		f->locate = pv_flow_locate_new(places, next);
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
}
