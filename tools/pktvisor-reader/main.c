/* SPDX-License-Identifier: MPL-2.0 */
/* pktvisor-reader - a saved capture in, one JSON summary out. See pktvisor-reader(1).
 *
 * The stages of the shell pipeline, joined as threads: a crew works on the analysers and the window while this
 * thread reads packets, and helps when it is ahead. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "bgp/analyser.h"
#include "dhcp/analyser.h"
#include "dns/analyser.h"
#include "flow/analyser.h"
#include "net/analyser.h"
#include "policy/inputs.h"
#include "stage/crew.h"
#include "tool/flow.h"
#include "tool/progress.h"
#include "tool/summary.h"

/* Kinds of files, and their handlers when --modules names none. */
static const struct kind {
	const char *name;
	enum { PCAP, DNSTAP, FLOW } input;
	const char *modules[3];
	size_t nmodules;
	enum pv_flow_kind flow; /* of the datagrams in a capture of exports */
} kinds[] = {
	{"pcap", PCAP, {"net", "dns", "dhcp"}, 3, PV_FLOW_KIND_ANY},
	{"dnstap", DNSTAP, {"net", "dns"}, 2, PV_FLOW_KIND_ANY},
	{"sflow", FLOW, {"flow"}, 1, PV_FLOW_KIND_SFLOW},
	{"netflow", FLOW, {"flow"}, 1, PV_FLOW_KIND_NETFLOW},
	{"ipfix", FLOW, {"flow"}, 1, PV_FLOW_KIND_NETFLOW},
};

/* What was asked for. */
struct settings {
	struct pv_capture_conf capture; /* .file: what to read, of whatever kind */
	struct pv_summary_opts summary;
	struct pv_tool_geo geo;
	struct pv_tool_flow show;
	const char *input;
	bool table, verbose;
};

#define ANALYSERS 4

/* The analysers that the modules need, the last of the pipeline first. */
struct chain {
	struct pv_stage *stage[ANALYSERS];
	size_t n;
	struct pv_crew *crew;
	struct pv_sink first; /* of the whole chain */
	const void *flow;     /* the analyser of exports; NULL: of packets or dnstap */
};

static bool needs(const struct pv_window_conf *conf, const char *type)
{
	for (size_t i = 0; i < conf->nmodules; i++) {
		size_t n = strcspn(conf->modules[i], ":");
		if (strlen(type) == n && !memcmp(conf->modules[i], type, n))
			return true;
	}
	return false;
}

/* Built from the end, since each needs the sink behind it. NULL stages mean no memory. */
static bool build(struct chain *c, const struct pv_program *prog, const struct pv_window_conf *conf,
		  const struct pv_tool_geo *geo, struct pv_sink sink)
{
	struct pv_net_conf net = {.geo = NULL};
	struct pv_dns_conf dns = {.seed = pv_tool_seed()};
	const struct pv_dhcp_conf dhcp = {.seed = pv_tool_seed()};
	const struct pv_bgp_conf bgp = {.seed = pv_tool_seed()};
	pv_net_filter_init(&net.filter);
	pv_dns_filter_init(&dns.filter);
	const char *const types[ANALYSERS] = {"bgp", "dhcp", "dns", "net"}; /* from the end */
	bool ok = true;
	for (size_t i = 0; i < ANALYSERS && ok; i++) {
		if (!needs(conf, types[i]) && !(i == 3 && needs(conf, "connections")))
			continue;
		struct pv_filter_conf fc = {.only = c->n == 0}; /* packets are of no use to the window */
		if (i == 2) /* numbers of places are an analyser's own */
			dns.geo = pv_tool_geo_open(prog, geo);
		if (i == 3)
			net.geo = pv_tool_geo_open(prog, geo);
		struct pv_stage *s = i == 0 ? pv_filter_new(&pv_bgp_ops, pv_bgp_new(&bgp), &fc, sink)
				     : i == 1 ? pv_filter_new(&pv_dhcp_ops, pv_dhcp_new(&dhcp), &fc, sink)
				     : i == 2 ? pv_filter_new(&pv_dns_ops, pv_dns_new(&dns), &fc, sink)
					      : pv_filter_new(&pv_net_ops, pv_net_new(&net), &fc, sink);
		ok = s != NULL;
		if (!ok)
			break;
		c->stage[c->n++] = s;
		/* dns is the most work: what comes before it is done by whoever reads, what comes behind by whoever does dns */
		sink = i == 2 ? pv_crew_add(c->crew, s) : pv_sink_stage(s);
		ok = sink.write != NULL;
	}
	c->first = sink;
	pv_net_filter_free(&net.filter);
	return ok;
}

/* Exports: one stage, which no packet leaves, and what gives names to what it found. */
static bool build_flow(struct chain *c, const struct pv_program *prog, const struct kind *kind, struct pv_tool_flow *show,
		       const struct pv_tool_geo *geo, struct pv_sink sink)
{
	const struct pv_flow_conf conf = {.collector = {.kind = kind->flow, .exporters = {.seed = pv_tool_seed()}}};
	const struct pv_filter_conf fc = {.only = true};
	sink = pv_tool_flow_open(prog, show, geo, sink);
	void *flow = pv_flow_new(&conf);
	struct pv_stage *s = pv_filter_new(&pv_flow_ops, flow, &fc, sink);
	if (!s)
		return false;
	c->flow = flow;
	c->stage[c->n++] = s;
	c->first = pv_sink_stage(s);
	return true;
}

static int run(const struct pv_program *prog, const struct pv_source_input *in, struct pv_out *out)
{
	struct pv_progress progress = PV_PROGRESS;
	struct pv_capture_status status;
	for (;;) {
		enum pv_res res = in->ops->poll(in->self, out);
		enum pv_res sent = res == PV_OK ? out->res : pv_out_drain(out);
		in->ops->status(in->self, &status);
		pv_progress_step(&progress, &status);
		const char *notice = in->ops->notice(in->self);
		if (notice)
			pv_tool_say(prog, "%s", notice);
		if (res == PV_FAIL || sent == PV_FAIL) {
			pv_progress_end(&progress, &status);
			pv_tool_say(prog, "%s", res == PV_FAIL ? in->ops->error(in->self) : strerror(errno));
			return PV_EXIT_FAILED;
		}
		if (res == PV_END || res == PV_STOP || sent != PV_OK)
			break;
	}
	pv_progress_end(&progress, &status);
	return PV_EXIT_OK;
}

static const struct kind *kind_of(const struct pv_program *prog, const char *input)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (!strcasecmp(input, kinds[i].name))
			return &kinds[i];
	pv_tool_say(prog, "-i: unknown input type '%s'; there are: pcap, dnstap, sflow, netflow, ipfix", input);
	exit(PV_EXIT_USAGE);
}

static int open_input(const struct kind *k, const struct pv_capture_conf *conf, struct pv_source_input *in, char *err,
		      size_t cap)
{
	const struct pv_dnstap_conf dnstap = {.file = conf->file, .producer = conf->producer, .stop_fd = conf->stop_fd};
	return k->input == DNSTAP ? pv_input_dnstap(&dnstap, in, err, cap) : pv_input_capture(conf, in, err, cap);
}

/* All of the input through the analysers into the window, whose threads have ended then. Returns the exit code. */
static int read_into(const struct pv_program *prog, struct settings *s, const struct kind *kind,
		     const struct pv_window_conf *conf, struct pv_window *w, const struct pv_source_input *in)
{
	struct chain chain = {.crew = pv_crew_new(0)};
	struct pv_out out;
	struct pv_sink to_window = {.write = NULL};
	if (chain.crew)
		to_window = pv_crew_add(chain.crew, pv_window_stage(w));
	bool built = to_window.write && (kind->input == FLOW ? build_flow(&chain, prog, kind, &s->show, &s->geo, to_window)
						     : build(&chain, prog, conf, &s->geo, to_window));
	if (!built || pv_out_init(&out, chain.first)) {
		pv_tool_say(prog, "cannot start: %s", strerror(errno));
		exit(PV_EXIT_FAILED); /* no memory */
	}
	pv_crew_start(chain.crew);
	int code = run(prog, in, &out);
	pv_crew_finish(chain.crew, false);
	if (chain.flow) {
		struct pv_collector_status exports;
		pv_flow_status(chain.flow, &exports);
		pv_tool_flow_unread(prog, &exports);
	}
	pv_out_free(&out);
	for (size_t i = 0; i < chain.n; i++)
		pv_stage_free(chain.stage[i]);
	pv_tool_flow_close(&s->show);
	return code;
}

/* Returns the exit code. */
static int summarise(const struct pv_program *prog, struct settings *s, const struct kind *kind,
		     const struct pv_window_conf *conf, struct pv_window *w)
{
	char err[512];
	struct pv_source_input in = {.self = NULL};
	s->capture.stop_fd = pv_tool_signals(); /* before there are threads: they must have them blocked, too */
	if (open_input(kind, &s->capture, &in, err, sizeof err)) {
		pv_tool_say(prog, "%s", err);
		return PV_EXIT_FAILED;
	}
	if (s->verbose && in.capture)
		pv_progress_effective(prog, in.capture);
	int code = read_into(prog, s, kind, conf, w, &in);
	struct pv_summary sum = {.prog = prog, .form = s->table ? PV_SUMMARY_TABLE : PV_SUMMARY_JSON,
				 .handlers = conf->handlers};
	code = pv_summary_end(&sum, w, code);
	code = pv_summary_losses(prog, w, code);
	in.ops->free(in.self);
	return code;
}

int main(int argc, char **argv)
{
	struct settings s = {.capture = {.producer = "pktvisor-reader"}, .summary = PV_SUMMARY_OPTS_DEFAULT,
			     .geo = PV_TOOL_GEO, .input = "pcap"};
	const struct pv_opt opts[] = {
		{'i', "input", PV_OPT_STRING, &s.input, "INPUT", "kind of file: pcap, dnstap, sflow, netflow or ipfix", 0, 0},
		{'b', "bpf", PV_OPT_STRING, &s.capture.bpf, "FILTER", "only packets that match this tcpdump filter", 0, 0},
		{'H', "hosts", PV_OPT_STRING, &s.capture.hosts, "CIDR,...", "subnets that are ours; needed for directions", 0, 0},
		PV_TOOL_GEO_OPTS(s.geo),
		PV_TOOL_SERVICE_OPTS(s.show),
		PV_SUMMARY_OPT_ROWS(s.summary),
		{'T', "table", PV_OPT_FLAG, &s.table, NULL, "print a table for a person instead of JSON", 0, 0},
		{'v', "verbose", PV_OPT_FLAG, &s.verbose, NULL, "say more on stderr", 0, 0},
	};
	const struct pv_program prog = {
		.name = "pktvisor-reader",
		.product = "pktvisor",
		.summary = "summarise a saved capture as JSON",
		.synopsis = "[options] FILE",
		.opts = opts,
		.nopts = sizeof opts / sizeof opts[0],
		.operands_min = 1,
		.operands_max = 1,
	};
	char err[512];
	pv_flow_filter_init(&s.show.filter);
	pv_tool_start(&prog, argc, argv, &s.capture.file);
	const struct kind *kind = kind_of(&prog, s.input);
	if (kind->input == DNSTAP && s.capture.bpf) {
		pv_tool_say(&prog, "-b is for packets: it does not go with -i %s", kind->name);
		return PV_EXIT_USAGE;
	}
	if (kind->input == DNSTAP && s.capture.hosts)
		pv_tool_say(&prog, "-H does nothing: who logged a message says its direction");
	if (kind->input == FLOW && s.capture.hosts)
		pv_tool_say(&prog, "-H does nothing: interfaces say the direction of a flow");
	if (kind->input != FLOW && (s.show.iana || s.show.otherwise))
		pv_tool_say(&prog, "names of services do nothing: they are for -i sflow, netflow and ipfix");
	if (s.capture.hosts && !*s.capture.hosts) /* the original's default, which scripts spell out */
		pv_tool_say(&prog, "-H: there is nothing in the list: no address is ours");
	else
		pv_tool_hosts(&prog, s.capture.hosts);
	if (!pv_summary_sensible(&prog, &s.summary))
		return PV_EXIT_USAGE;
	s.capture.every_udp = kind->input == FLOW;
	int code = PV_EXIT_USAGE;
	struct pv_window_conf conf;
	pv_summary_conf(&s.summary, &conf);
	if (!conf.nmodules) {
		conf.modules = kind->modules;
		conf.nmodules = kind->nmodules;
	}
	struct pv_window *w = pv_window_new(&conf, pv_sink_none(), err, sizeof err);
	if (w) {
		code = summarise(&prog, &s, kind, &conf, w);
		pv_stage_free(pv_window_stage(w));
	} else {
		pv_tool_say(&prog, "%s", err);
	}
	pv_summary_opts_free(&s.summary);
	return code;
}
