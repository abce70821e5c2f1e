/* SPDX-License-Identifier: MPL-2.0 */
/* pv-capture - packets from an interface, a saved capture or out of the air become an event stream. See pv-capture(1). */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "capture/capture.h"
#include "mock/mock.h"
#include "tool/progress.h"
#include "tool/source.h"

/* Until the stream has ended. Returns the exit code. */
static int run(const struct pv_program *prog, struct pv_capture *c, struct pv_sink sink, bool verbose, bool show)
{
	struct pv_out out;
	struct pv_progress progress = PV_PROGRESS;
	struct pv_capture_status status;
	enum pv_res res;
	if (pv_out_init(&out, sink)) {
		pv_tool_say(prog, "cannot start: %s", strerror(errno));
		return PV_EXIT_FAILED;
	}
	do {
		const char *notice;
		res = pv_capture_poll(c, &out);
		pv_out_flush(&out);
		while ((notice = pv_capture_notice(c)))
			if (verbose)
				pv_tool_say(prog, "%s", notice);
		pv_capture_status(c, &status);
		if (show)
			pv_progress_step(&progress, &status);
	} while (pv_tool_source_more(res, &out));
	if (show)
		pv_progress_end(&progress, &status);
	int code = pv_tool_source_end(prog, &out, res, pv_capture_error(c));
	pv_out_free(&out);
	return code;
}

static void report(const struct pv_program *prog, const struct pv_capture *c)
{
	struct pv_capture_status s;
	pv_capture_status(c, &s);
	pv_tool_say(prog, "packets %" PRIu64 ", malformed %" PRIu64 ", unsupported %" PRIu64 ", cut %" PRIu64
		    "; dropped by the kernel %" PRIu64 ", by the interface %" PRIu64 "; link lost %" PRIu64,
		    s.packets, s.malformed, s.unsupported, s.truncated, s.os_drops, s.if_drops, s.link_down);
}

static bool decap_tunnels(const struct pv_program *prog, const struct pv_opt_list *list,
			  struct pv_capture_conf *conf)
{
	for (size_t i = 0; i < list->count; i++)
		if (!pv_capture_decap(conf, list->item[i])) {
			pv_tool_say(prog, "unknown tunnel '%s'; there are: gre, ipip, vxlan", list->item[i]);
			return false;
		}
	return true;
}

/* The whole of --mock. Returns the exit code. */
static int run_mock(const struct pv_program *prog, const struct pv_capture_conf *like, struct pv_sink sink,
		    bool verbose)
{
	const struct pv_mock_conf conf = {
		.count = like->count, .duration_ns = like->duration_ns, .stop_fd = like->stop_fd};
	struct pv_out out;
	char why[512];
	enum pv_res res;
	struct pv_mock *m = pv_mock_open(&conf, why, sizeof why);
	if (!m || pv_out_init(&out, sink)) {
		pv_tool_say(prog, "%s", m ? "cannot start: out of memory" : why);
		pv_mock_free(m);
		return PV_EXIT_FAILED;
	}
	pv_tool_privs_drop(prog, NULL, verbose);
	do {
		res = pv_mock_poll(m, &out);
		pv_out_flush(&out);
	} while (pv_tool_source_more(res, &out));
	int code = pv_tool_source_end(prog, &out, res, NULL);
	if (verbose)
		pv_tool_say(prog, "packets %" PRIu64 ", all made up", pv_mock_packets(m));
	pv_out_free(&out);
	pv_mock_free(m);
	return code;
}

/* Is it said where packets come from, and nothing that does not go with it? */
static bool sensible(const struct pv_program *prog, const struct pv_capture_conf *conf, bool mock)
{
	if (!mock && !conf->file == !conf->iface) {
		pv_tool_say(prog, "wants an interface or -r FILE%s", conf->file ? ", not both" : "; or --mock");
		return false;
	}
	if (conf->iface && !if_nametoindex(conf->iface) && !access(conf->iface, F_OK)) {
		pv_tool_say(prog, "'%s' is a file; -r reads it", conf->iface);
		return false;
	}
	if (mock && (conf->file || conf->iface || conf->bpf || conf->hosts || conf->snaplen || conf->no_promiscuous ||
		     conf->buffer_bytes != PV_CAPTURE_BUFFER || conf->decap_gre || conf->decap_ipip ||
		     conf->decap_vxlan || conf->nports)) {
		pv_tool_say(prog, "--mock makes packets up: only -c, -t and -v go with it");
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	uint16_t ports[PV_CAPTURE_EXTRA_PORTS];
	struct pv_capture_conf conf = {.buffer_bytes = PV_CAPTURE_BUFFER, .ports = ports};
	struct pv_opt_list decap = {NULL, 0}, payload = {NULL, 0};
	uint64_t snaplen = 0;
	bool verbose = false, mock = false, known;
	const struct pv_opt opts[] = {
		{'r', "read", PV_OPT_STRING, &conf.file, "FILE", "read a saved capture; '-' is stdin", 0, 0},
		{'b', "bpf", PV_OPT_STRING, &conf.bpf, "FILTER", "only what this tcpdump filter takes", 0, 0},
		{'H', "hosts", PV_OPT_STRING, &conf.hosts, "CIDR,...",
		 "subnets that are ours: to them is in, from them is out", 0, 0},
		{'s', "snaplen", PV_OPT_UINT, &snaplen, "N", "bytes per packet", 1, PV_CAPTURE_SNAPLEN},
		{'t', "duration", PV_OPT_DURATION, &conf.duration_ns, "TIME",
		 "end after TIME: 90, 5m, 1h; with -r by the packets' own time", 0, 0},
		{'c', "count", PV_OPT_UINT, &conf.count, "N", "end after N packets", 1, 0},
		{0, "buffer", PV_OPT_SIZE, &conf.buffer_bytes, "SIZE", "kernel ring (default: 64M)", 0, 0},
		{0, "no-promiscuous", PV_OPT_FLAG, &conf.no_promiscuous, NULL, "own traffic only", 0, 0},
		{0, "decap", PV_OPT_LIST, &decap, "TUNNEL,...", "look inside: gre, ipip, vxlan", 0, 0},
		{0, "mock", PV_OPT_FLAG, &mock, NULL, "made-up DNS packets, ten a second: to try a pipeline", 0, 0},
		{0, "payload-port", PV_OPT_LIST, &payload, "PORT,...",
		 "carry what UDP and TCP packets of these ports hold, too, for modules that read it", 0, 0},
		{'v', "verbose", PV_OPT_FLAG, &verbose, NULL, "say what is going on, on stderr", 0, 0},
	};
	const struct pv_program prog = {
		.name = "pv-capture",
		.summary = "turn packets from an interface or a saved capture into an event stream",
		.synopsis = "[options] INTERFACE | ADDRESS | auto | any | -r FILE | --mock > EVENTS",
		.opts = opts,
		.nopts = sizeof opts / sizeof opts[0],
		.operands_max = 1,
	};
	char why[512];
	pv_tool_start(&prog, argc, argv, &conf.iface);
	known = decap_tunnels(&prog, &decap, &conf) &&
		pv_tool_ports(&prog, "--payload-port", &payload, ports, PV_CAPTURE_EXTRA_PORTS, &conf.nports);
	pv_opt_list_free(&decap);
	pv_opt_list_free(&payload);
	if (!known)
		return PV_EXIT_USAGE;
	conf.snaplen = (uint32_t)snaplen;
	if (!sensible(&prog, &conf, mock) || !pv_tool_stdout_binary(&prog, PV_TOOL_ADD))
		return PV_EXIT_USAGE;
	conf.stop_fd = pv_tool_signals();
	struct pv_sink sink = pv_tool_stdout(); /* while we may still open it */
	if (mock)
		return run_mock(&prog, &conf, sink, verbose);
	struct pv_capture *c = pv_capture_open(&conf, why, sizeof why);
	if (!c) {
		pv_tool_say(&prog, "%s", why);
		return PV_EXIT_FAILED;
	}
	pv_tool_privs_drop(&prog, &(struct pv_privs_conf){.keep_net_raw = conf.iface != NULL}, verbose);
	if (verbose)
		pv_progress_effective(&prog, c);
	int code = run(&prog, c, sink, verbose, conf.file != NULL);
	if (verbose)
		report(&prog, c);
	pv_capture_free(c);
	return code;
}
