/* SPDX-License-Identifier: MPL-2.0 */
/* pvexact net|dns|dhcp|bgp|window|json < EVENTS [> EVENTS] - a stage that gets every event alone, in a block of memory of its exact size. In a
 * batch a stage that reads behind an event finds the next one; here AddressSanitizer finds the stage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bgp/analyser.h"
#include "dhcp/analyser.h"
#include "dns/analyser.h"
#include "event/json.h"
#include "event/reader.h"
#include "handlers/handlers.h"
#include "net/analyser.h"
#include "stage/pipe.h"
#include "window/window.h"

static struct pv_stage *make(const char *name, struct pv_geo *geo)
{
	static const struct pv_filter_conf conf = {.name = NULL};
	static const char *const all[] = {"all"};
	struct pv_net_conf net = {.geo = geo};
	struct pv_dns_conf dns = {.geo = geo, .public_suffix_list = true};
	struct pv_dhcp_conf dhcp = {.seed = 1};
	struct pv_bgp_conf bgp = {.seed = 1};
	struct pv_window_conf window = {.handlers = pv_handlers, .periods = 5, .deep = 100, .topn = 10, .enable = all, .nenable = 1};
	char err[512];
	if (!strcmp(name, "net"))
		return pv_filter_new(&pv_net_ops, pv_net_new(&net), &conf, pv_sink_fd(1));
	if (!strcmp(name, "dns"))
		return pv_filter_new(&pv_dns_ops, pv_dns_new(&dns), &conf, pv_sink_fd(1));
	if (!strcmp(name, "dhcp"))
		return pv_filter_new(&pv_dhcp_ops, pv_dhcp_new(&dhcp), &conf, pv_sink_fd(1));
	if (!strcmp(name, "bgp"))
		return pv_filter_new(&pv_bgp_ops, pv_bgp_new(&bgp), &conf, pv_sink_fd(1));
	struct pv_window *w = pv_window_new(&window, pv_sink_none(), err, sizeof err);
	return w ? pv_window_stage(w) : NULL;
}

int main(int argc, char **argv)
{
	struct pv_reader r;
	const struct pv_event *run;
	size_t bytes;
	char err[512];
	if (argc != 2 && argc != 4)
		return 2;
	struct pv_geo_conf conf = {argc == 4 ? argv[2] : NULL, argc == 4 ? argv[3] : NULL, 100, 1};
	struct pv_geo *geo = argc == 4 ? pv_geo_open(&conf, err, sizeof err) : NULL;
	struct pv_stage *stage = make(argv[1], geo);
	bool json = !strcmp(argv[1], "json"); /* the window stands in for a stage */
	if (!stage || pv_reader_init(&r, STDIN_FILENO))
		return 1;
	enum pv_res res;
	while ((res = pv_reader_next(&r, &run, &bytes)) == PV_OK) {
		const uint8_t *p = (const void *)run, *end = p + bytes;
		while (p < end) {
			uint32_t size = ((const struct pv_event *)(const void *)p)->size;
			void *alone = malloc(size);
			if (!alone)
				return 1;
			memcpy(alone, p, size);
			if (json)
				json_decref(pv_event_json(alone));
			stage->ops->batch(stage, alone, size);
			pv_out_drain(&stage->out); /* what is passed on is borrowed */
			free(alone);
			p += size;
		}
	}
	stage->ops->end(stage, res != PV_END);
	pv_out_drain(&stage->out);
	pv_stage_free(stage);
	pv_reader_free(&r);
	return res == PV_END ? 0 : 3;
}
