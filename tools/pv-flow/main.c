/* SPDX-License-Identifier: MPL-2.0 */
/* pv-flow - sFlow, NetFlow and IPFIX: from exporters, out of a capture, or out of packet events. See pv-flow(1). */
#include <inttypes.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "capture/capture.h"
#include "flow/analyser.h"
#include "flow/listener.h"
#include "tool/flow.h"
#include "tool/source.h"

struct settings {
	struct pv_flow_listener_conf listen;
	struct pv_flow_conf flow;
	struct pv_filter_conf filter;
	struct pv_capture_conf capture; /* .file: where to read */
	struct pv_tool_flow show;
	struct pv_tool_geo geo;
	struct pv_opt_list ports;
	const char *type;
	uint64_t sockets;
	bool verbose;
};

static void report(const struct pv_program *prog, const struct pv_collector_status *s, uint64_t os_drops)
{
	pv_tool_say(prog, "datagrams %" PRIu64 ", malformed %" PRIu64 ", unsupported %" PRIu64 ", dropped by the kernel %" PRIu64
		    "; records %" PRIu64 ", lost by sequence numbers %" PRIu64 ", sets without a template %" PRIu64,
		    s->datagrams, s->malformed, s->unsupported, os_drops, s->counts.records, s->counts.lost,
		    s->counts.unknown_sets);
	pv_tool_say(prog, "exporters %" PRIu64 ", evicted %" PRIu64 "; templates %" PRIu64 " (%" PRIu64 " KiB), evicted %" PRIu64
		    ", expired %" PRIu64 ", withdrawn %" PRIu64 ", refused %" PRIu64,
		    s->exporters, s->counts.exporters_evicted, s->templates, s->template_bytes / 1024,
		    s->counts.templates_evicted, s->counts.templates_expired, s->counts.templates_withdrawn,
		    s->counts.templates_refused);
}

/* ---- the three ways ------------------------------------------------------------------------------- */

/* SIGHUP: files have been replaced. */
static void reread(const struct pv_program *prog, struct settings *s, int hangups)
{
	struct signalfd_siginfo ignored;
	if (hangups < 0 || read(hangups, &ignored, sizeof ignored) < 0)
		return;
	pv_tool_flow_reread(prog, &s->show);
	if (s->verbose)
		pv_tool_say(prog, "files read again");
}

static int from_socket(const struct pv_program *prog, struct settings *s, struct pv_sink sink)
{
	char why[512];
	struct pv_out out;
	struct pv_flow_listener_status st;
	enum pv_res res;
	int hangups = pv_tool_flow_files(&s->show) ? pv_tool_hangups() : -1; /* before there are threads */
	struct pv_flow_listener *l = pv_flow_listener_open(&s->listen, why, sizeof why);
	if (!l || pv_out_init(&out, sink)) {
		pv_tool_say(prog, "%s", l ? "cannot start: out of memory" : why);
		pv_flow_listener_free(l);
		return PV_EXIT_FAILED;
	}
	pv_tool_privs_drop(prog, NULL, s->verbose);
	do {
		const char *notice = pv_flow_listener_notice(l);
		if (notice && s->verbose)
			pv_tool_say(prog, "%s", notice);
		res = pv_flow_listener_poll(l, &out);
		pv_out_drain(&out);
		reread(prog, s, hangups);
	} while (pv_tool_source_more(res, &out));
	int code = pv_tool_source_end(prog, &out, res, "cannot start a thread");
	pv_flow_listener_status(l, &st);
	if (s->verbose)
		report(prog, &st.collector, st.os_drops);
	pv_out_free(&out);
	pv_flow_listener_free(l);
	return code;
}

/* A capture of exports: its packets serve for nothing else. */
static int from_file(const struct pv_program *prog, struct settings *s, struct pv_sink sink)
{
	char why[512];
	struct pv_out out = {.res = PV_OK};
	struct pv_collector_status st;
	enum pv_res res;
	s->filter.only = true;
	s->capture.every_udp = true;
	void *flow = pv_flow_new(&s->flow);
	struct pv_stage *stage = pv_filter_new(&pv_flow_ops, flow, &s->filter, sink);
	struct pv_capture *c = stage ? pv_capture_open(&s->capture, why, sizeof why) : NULL;
	if (!c || pv_out_init(&out, pv_sink_stage(stage))) {
		pv_tool_say(prog, "%s", stage && !c ? why : "cannot start: out of memory");
		pv_capture_free(c);
		pv_stage_free(stage);
		return PV_EXIT_FAILED;
	}
	do {
		res = pv_capture_poll(c, &out);
		pv_out_drain(&out);
	} while (pv_tool_source_more(res, &out));
	int code = pv_tool_source_end(prog, &out, res, pv_capture_error(c));
	pv_flow_status(flow, &st);
	if (s->verbose)
		report(prog, &st, 0);
	pv_out_free(&out);
	pv_capture_free(c);
	pv_stage_free(stage);
	return code;
}

static int from_events(const struct pv_program *prog, struct settings *s, struct pv_sink sink)
{
	if (!s->flow.nports) { /* events carry the payload of other protocols, too */
		memcpy(s->flow.port, pv_flow_ports, pv_flow_nports * sizeof pv_flow_ports[0]);
		s->flow.nports = pv_flow_nports;
	}
	return pv_tool_filter(prog, pv_filter_new(&pv_flow_ops, pv_flow_new(&s->flow), &s->filter, sink));
}

/* ---- what was asked for --------------------------------------------------------------------------- */

/* Where exporters send to, when it is not said. */
static uint16_t usual_port(const char *type)
{
	return !strcmp(type, "sflow") ? 6343 : !strcmp(type, "ipfix") ? 4739 : !strcmp(type, "netflow") ? 2055 : 0;
}

static bool sensible(const struct pv_program *prog, struct settings *s)
{
	bool live = s->listen.bind;
	if (!pv_flow_kind_by_name(s->type, &s->flow.collector.kind)) {
		pv_tool_say(prog, "--type: unknown type '%s'; there are: any, sflow, netflow, ipfix", s->type);
		return false;
	}
	if (!pv_tool_ports(prog, "--port", &s->ports, s->flow.port, PV_FLOW_PORTS, &s->flow.nports))
		return false;
	if (live && s->capture.file) {
		pv_tool_say(prog, "wants --bind or a file, not both");
		return false;
	}
	if (live && s->flow.nports > 1) {
		pv_tool_say(prog, "--bind listens on one port");
		return false;
	}
	if (!live && (s->listen.duration_ns || s->listen.count || s->sockets || s->listen.buffer_bytes)) {
		pv_tool_say(prog, "--duration, --count, --sockets and --buffer go with --bind");
		return false;
	}
	s->listen.collector = s->flow.collector;
	s->listen.sockets = (unsigned)s->sockets;
	s->listen.port = s->flow.nports ? s->flow.port[0] : usual_port(s->type);
	if (live && !s->listen.port) {
		pv_tool_say(prog, "--bind wants a --port, or a --type that has one");
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct settings s = {.type = "any", .geo = PV_TOOL_GEO};
	char text[1024] = "";
	struct pv_flow_exporters_conf *exporters = &s.flow.collector.exporters;
	const struct pv_opt opts[] = {
		{0, "type", PV_OPT_STRING, &s.type, "TYPE",
		 "take only these datagrams: any, sflow, netflow, ipfix (which is netflow) (default: any)", 0, 0},
		{'b', "bind", PV_OPT_STRING, &s.listen.bind, "ADDRESS", "listen there; '::' is every address", 0, 0},
		{'p', "port", PV_OPT_LIST, &s.ports, "PORT,...",
		 "UDP port to listen on (default: of --type), or ports that packets with exports go to", 0, 0},
		{0, "sockets", PV_OPT_UINT, &s.sockets, "N", "sockets that share the port, a thread each (default: 1)", 1,
		 PV_FLOW_SOCKETS},
		{0, "buffer", PV_OPT_SIZE, &s.listen.buffer_bytes, "SIZE", "receive buffer of each socket (default: 16M)", 0,
		 0},
		{'t', "duration", PV_OPT_DURATION, &s.listen.duration_ns, "TIME", "listen for TIME: 90, 5m, 1h", 0, 0},
		{'c', "count", PV_OPT_UINT, &s.listen.count, "N", "end after N datagrams", 1, 0},
		{0, "template-ttl", PV_OPT_DURATION, &exporters->template_ttl_ns, "TIME",
		 "forget templates that were not told again for TIME (default: 30m)", 0, 0},
		{0, "template-memory", PV_OPT_SIZE, &exporters->memory_bytes, "SIZE",
		 "memory for the templates of all exporters (default: 32M)", 0, 0},
		PV_TOOL_FILTER_OPTS(s.filter),
		PV_TOOL_FLOW_OPTS(s.show),
		PV_TOOL_SERVICE_OPTS(s.show),
		PV_TOOL_GEO_OPTS(s.geo),
		{'v', "verbose", PV_OPT_FLAG, &s.verbose, NULL, "say what is going on, on stderr", 0, 0},
	};
	const struct pv_opt_keys keys[] = {
		{"Filters and names", pv_flow_keys, PV_FLOW_KEYS, pv_tool_flow_set, &s.show, text, sizeof text},
	};
	const struct pv_program prog = {
		.name = "pv-flow",
		.summary = "turn sFlow, NetFlow and IPFIX into an event stream",
		.synopsis = "[options] --bind ADDRESS | FILE > EVENTS, or [options] < EVENTS > EVENTS",
		.opts = opts,
		.nopts = sizeof opts / sizeof opts[0],
		.keys = keys,
		.nkeys = 1,
		.operands_max = 1,
	};
	pv_flow_filter_init(&s.show.filter);
	pv_tool_start(&prog, argc, argv, &s.capture.file);
	exporters->seed = pv_tool_seed();
	bool good = sensible(&prog, &s);
	pv_opt_list_free(&s.ports);
	bool events = !s.listen.bind && !s.capture.file;
	int code = PV_EXIT_USAGE;
	s.filter.filters = text;
	if (good && (events || pv_tool_stdout_binary(&prog, PV_TOOL_ADD))) {
		if (!events)
			s.listen.stop_fd = s.capture.stop_fd = pv_tool_signals();
		struct pv_sink sink = pv_tool_flow_open(&prog, &s.show, &s.geo, pv_tool_stdout());
		code = events ? from_events(&prog, &s, sink) : s.listen.bind ? from_socket(&prog, &s, sink) : from_file(&prog, &s, sink);
	}
	pv_tool_flow_close(&s.show);
	return code;
}
