/* SPDX-License-Identifier: MPL-2.0 */
#include "agent/describe.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "http/read.h"

/* ---- inputs --------------------------------------------------------------------------------------- */

static json_t *interfaces(void)
{
	char text[2048] = "";
	size_t at = 0;
	struct if_nameindex *all = if_nameindex();
	for (const struct if_nameindex *i = all; i && i->if_index && at < sizeof text - IF_NAMESIZE - 2; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at ? "," : "", i->if_name);
	if (all)
		if_freenameindex(all);
	return json_string(text);
}

static json_t *hosts(const struct pv_capture *c)
{
	json_t *v4 = json_array(), *v6 = json_array();
	size_t n = 0;
	const struct pv_subnet *net = c ? pv_capture_hosts(c, &n) : NULL;
	for (size_t i = 0; i < n; i++) {
		char text[INET6_ADDRSTRLEN + 8], addr[INET6_ADDRSTRLEN] = "";
		bool four = net[i].family == 4;
		inet_ntop(four ? AF_INET : AF_INET6, net[i].addr + (four ? 12 : 0), addr, sizeof addr);
		snprintf(text, sizeof text, "%s/%u", addr, net[i].prefix);
		json_array_append_new(four ? v4 : v6, json_string(text));
	}
	return json_pack("{s:o, s:o}", "ipv4", v4, "ipv6", v6);
}

struct input { /* while the lanes of a policy are walked */
	const struct pv_config_policy *policy;
	json_t *inputs, *open; /* open: transactions by tap */
	json_t *running;       /* by tap */
};

static const struct pv_config_stream *stream_of(const struct pv_config_policy *p, const char *name)
{
	for (size_t i = 0; i < p->nstreams; i++)
		if (!strcmp(p->streams[i].name, name))
			return &p->streams[i];
	return NULL;
}

static void add_input(void *ctx, const struct pv_graph_lane *l)
{
	static const char *const sources[] = {[PV_INPUT_LIBPCAP] = "libpcap",
					      [PV_INPUT_AF_PACKET] = "af_packet",
					      [PV_INPUT_PCAP_MOCK] = "mock"};
	struct input *in = ctx;
	const struct pv_config_stream *s = stream_of(in->policy, l->stream);
	struct pv_source_status st;
	pv_team_status(l->team, &st);
	const struct pv_capture *c = pv_source_capture(pv_team_source(l->team, 0));
	json_t *config = s ? pv_config_stream_json(s) : json_null();
	if (s && c && json_is_object(config) && !s->pcap.pcap_file)
		json_object_set_new(config, "iface",
				    json_string(pv_capture_source(c))); /* what "auto" became */
	json_object_set_new(in->open, l->tap, json_integer((json_int_t)st.dns_xact_open));
	json_object_set_new(in->running, l->tap, json_boolean(l->running));
	json_t *o = json_pack("{s:{s:s, s:o}, s:{s:b, s:i}}", "module", "name", l->stream, "config", config,
			      "input", "running", st.running, "consumers", (int)l->policies);
	if (s && s->input == PV_INPUT_PCAP)
		json_object_set_new(o, "pcap",
				    json_pack("{s:o, s:o, s:s}", "available_iface", interfaces(), "host_ips",
					      hosts(c), "pcap_source", sources[s->pcap.source]));
	if (s && s->input == PV_INPUT_FLOW)
		json_object_set_new(o, "flow",
				    json_pack("{s:I}", "packet_errors",
					      (json_int_t)(st.capture.malformed + st.capture.unsupported)));
	json_object_set_new(in->inputs, l->stream, o);
}

/* ---- handlers ------------------------------------------------------------------------------------- */

static json_t *periods(const struct pv_views *views, const char *tap, const char *key)
{
	for (size_t v = 0; views && v < views->n; v++) {
		if (strcmp(views->view[v]->info.tap, tap))
			continue;
		for (size_t i = 0; i < views->view[v]->ninstances; i++)
			if (!strcmp(views->view[v]->instance[i].key, key))
				return pv_read_periods(views->view[v], i);
	}
	return NULL;
}

static json_t *module(const struct pv_config_policy *p, const struct pv_config_stream *s,
		      const struct pv_config_handler *h, const struct input *in, const struct pv_views *views)
{
	char name[PV_BUCKET_NAME];
	pv_config_instance(p, s, h, name, sizeof name);
	json_t *metrics = periods(views, s->tap, name);
	json_t *o = json_pack("{s:{s:s, s:s, s:O?, s:o}}", "module", "name", name, "type", h->handler->schema,
			      "running", json_object_get(in->running, s->tap), "config",
			      pv_config_handler_json(h, s->tap));
	if (!strcmp(h->type, "dns"))
		json_object_set_new(o, "dns",
				    json_pack("{s:{s:O?}, s:{s:b}}", "xact", "open",
					      json_object_get(in->open, s->tap), "predicate", "enabled",
					      pv_dns_filter_active(&h->dns)));
	if (metrics) {
		json_object_set_new(metrics, "deep_sample_rate", json_integer(h->deep));
		json_object_set_new(metrics, "periods_configured", json_integer(h->periods));
		json_object_set_new(o, "metrics", metrics);
	}
	return o;
}

/* A tap that was deleted since is not shown. */
static json_t *taps_of(const struct pv_config_policy *p, const struct pv_config_tap *const *taps,
		       size_t ntaps)
{
	json_t *o = json_object();
	for (size_t s = 0; s < p->nstreams; s++)
		for (size_t t = 0; t < ntaps; t++)
			if (!strcmp(taps[t]->name, p->streams[s].tap))
				json_object_set_new(o, taps[t]->name, pv_config_tap_json(taps[t]));
	return o;
}

json_t *pv_describe_policy(const struct pv_config_policy *p, const struct pv_config_tap *const *taps,
			   size_t ntaps, struct pv_graph *graph, struct pv_store *store)
{
	struct input in = {p, json_object(), json_object(), json_object()};
	struct pv_views *views = pv_store_views(store, p->name);
	json_t *modules = json_object();
	char name[PV_BUCKET_NAME];
	pv_graph_each(graph, p, add_input, &in);
	for (size_t s = 0; s < p->nstreams; s++)
		for (size_t h = 0; h < p->nhandlers; h++)
			json_object_set_new(
			    modules,
			    pv_config_instance(p, &p->streams[s], &p->handlers[h], name, sizeof name),
			    module(p, &p->streams[s], &p->handlers[h], &in, views));
	if (views)
		pv_views_free(views);
	json_decref(in.open);
	json_decref(in.running);
	if (p->resources)
		return json_pack("{s:o, s:o}", "input", in.inputs, "modules", modules);
	return json_pack("{s:o, s:o, s:o}", "taps", taps_of(p, taps, ntaps), "input", in.inputs, "modules",
			 modules);
}
