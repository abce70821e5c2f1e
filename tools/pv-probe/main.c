/* SPDX-License-Identifier: MPL-2.0 */
/* pv-probe - asks targets by ICMP echo and TCP connect, and says what came of it. See pv-probe(1). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/icmp.h"
#include "probe/probe.h"
#include "tool/source.h"

#define HOST_MAX 300 /* a name of 255 bytes, with room for what is wrong */

struct targets {
	struct pv_probe_target target[PV_PROBE_TARGETS];
	char name[PV_PROBE_TARGETS][PV_PROBE_NAME + 1], host[PV_PROBE_TARGETS][HOST_MAX];
	size_t n;
};

static bool wrong(const struct pv_program *prog, const char *text, const char *why)
{
	pv_tool_say(prog, "'%s': %s", text, why);
	return false;
}

/* HOST:PORT, an IPv6 address in brackets. */
static bool split_port(const struct pv_program *prog, const char *text, char *host, struct pv_probe_target *t)
{
	uint64_t port;
	char *colon = strrchr(host, ':'), *end = colon ? colon : host;
	if (!colon || !pv_parse_u64(colon + 1, &port) || !port || port > UINT16_MAX)
		return wrong(prog, text, "a port is wanted, as in tcp://host:443");
	*colon = '\0';
	t->port = (uint16_t)port;
	if (host[0] == '[' && end[-1] == ']') {
		end[-1] = '\0';
		memmove(host, host + 1, strlen(host));
	} else if (strchr(host, ':')) {
		return wrong(prog, text, "an IPv6 address stands in brackets, as in tcp://[2001:db8::1]:443");
	}
	return true;
}

/* A family that is asked for must be the address's own. */
static bool check_host(const struct pv_program *prog, const char *text, const struct pv_probe_target *t)
{
	uint8_t is = pv_probe_address(t->host, NULL, NULL);
	if (!t->host[0])
		return wrong(prog, text, "no host");
	if (strchr(t->host, '/'))
		return wrong(prog, text, "wants HOST, or tcp://HOST:PORT");
	if (is && t->family && is != t->family)
		return wrong(prog, text, is == 4 ? "an IPv4 address, with -6" : "an IPv6 address, with -4");
	return true;
}

/* [NAME=][tcp://]HOST[:PORT] */
static bool add_target(const struct pv_program *prog, const char *text, uint8_t family, struct targets *to)
{
	static const char tcp[] = "tcp://";
	const char *equals = strchr(text, '='), *host = equals ? equals + 1 : text;
	struct pv_probe_target *t = &to->target[to->n];
	char *name = to->name[to->n], *own = to->host[to->n];
	bool connect = !strncmp(host, tcp, sizeof tcp - 1);
	if (connect)
		host += sizeof tcp - 1;
	size_t n = equals ? (size_t)(equals - text) : strlen(text);
	if (!n || n > PV_PROBE_NAME || strlen(host) >= HOST_MAX)
		return wrong(prog, text, n ? "too long" : "a name in front of = is wanted");
	snprintf(name, PV_PROBE_NAME + 1, "%.*s", (int)n, text);
	snprintf(own, HOST_MAX, "%s", host);
	*t = (struct pv_probe_target){
		.name = name, .host = own, .family = family, .test = connect ? PV_PROBE_TCP : PV_PROBE_PING};
	for (size_t i = 0; i < to->n; i++)
		if (!strcmp(to->name[i], name))
			return wrong(prog, text, "another target has this name");
	if ((connect && !split_port(prog, text, own, t)) || !check_host(prog, text, t))
		return false;
	to->n++;
	return true;
}

static int run(const struct pv_program *prog, struct pv_probe *p, struct pv_sink sink, bool verbose)
{
	struct pv_out out;
	enum pv_res res;
	if (pv_out_init(&out, sink)) {
		pv_tool_say(prog, "cannot start: out of memory");
		return PV_EXIT_FAILED;
	}
	do {
		res = pv_probe_poll(p, &out);
		pv_out_flush(&out);
	} while (pv_tool_source_more(res, &out));
	struct pv_probe_status s;
	pv_probe_status(p, &s);
	int code = pv_tool_source_end(prog, &out, res, NULL);
	if (verbose)
		pv_tool_say(prog, "attempts %" PRIu64 ", answered %" PRIu64 ", timed out %" PRIu64 ", failed %" PRIu64,
			    s.attempts, s.answers, s.timeouts, s.failures);
	pv_out_free(&out);
	return code;
}

/* What the configuration of an agent wants of them, too. */
static bool times_fit(const struct pv_program *prog, const struct pv_probe_conf *c, uint64_t interval,
		      uint64_t timeout, uint64_t between)
{
	if (timeout > interval) {
		pv_tool_say(prog, "--timeout-ms %" PRIu64 " is more than --interval-ms %" PRIu64, timeout, interval);
		return false;
	}
	if (between && c->packets > interval / between) {
		pv_tool_say(prog, "%" PRIu64 " packets, one every %" PRIu64 " ms, take longer than --interval-ms %" PRIu64,
			    c->packets, between, interval);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static const uint64_t ms = 1000000;
	uint64_t interval = PV_PROBE_INTERVAL_MS, timeout = PV_PROBE_TIMEOUT_MS, between = PV_PROBE_PACKETS_INTERVAL_MS;
	struct pv_probe_conf conf = {.packets = PV_PROBE_PACKETS, .payload_bytes = PV_PROBE_PAYLOAD};
	bool four = false, six = false, verbose = false;
	const struct pv_opt opts[] = {
		{'i', "interval-ms", PV_OPT_UINT, &interval, "N", "time between two tests of a target (default: 5000)", 1,
		 UINT32_MAX},
		{'w', "timeout-ms", PV_OPT_UINT, &timeout, "N", "time to wait for an answer, at most the interval (default: 2000)", 1, UINT32_MAX},
		{'p', "packets", PV_OPT_UINT, &conf.packets, "N", "echo requests in a test (default: 1)", 1, UINT32_MAX},
		{0, "packets-interval-ms", PV_OPT_UINT, &between, "N", "time between two of them (default: 25)", 0,
		 UINT32_MAX},
		{'s', "payload-size", PV_OPT_UINT, &conf.payload_bytes, "N", "bytes in an echo request (default: 48)",
		 PV_ICMP_PAYLOAD_MIN, PV_ICMP_PAYLOAD_MAX},
		{'4', "ipv4", PV_OPT_FLAG, &four, NULL, "IPv4 addresses of names only", 0, 0},
		{'6', "ipv6", PV_OPT_FLAG, &six, NULL, "IPv6 addresses of names only", 0, 0},
		{'c', "count", PV_OPT_UINT, &conf.count, "N", "end after N tests of each target", 1, 0},
		{'t', "duration", PV_OPT_DURATION, &conf.duration_ns, "TIME", "end after TIME: 90, 5m, 1h", 0, 0},
		{'v', "verbose", PV_OPT_FLAG, &verbose, NULL, "say what is going on, on stderr", 0, 0},
	};
	const struct pv_program prog = {
		.name = "pv-probe",
		.summary = "ask targets by ICMP echo and TCP connect, as an event stream",
		.synopsis = "[options] [NAME=]HOST | [NAME=]tcp://HOST:PORT ... > EVENTS",
		.opts = opts,
		.nopts = sizeof opts / sizeof opts[0],
		.operands_min = 1,
		.operands_max = PV_PROBE_TARGETS,
	};
	const char *operands[PV_PROBE_TARGETS];
	char why[512];
	size_t n = pv_tool_start(&prog, argc, argv, operands);
	if (four && six) {
		pv_tool_say(&prog, "-4 and -6 do not go together");
		return PV_EXIT_USAGE;
	}
	struct targets *to = calloc(1, sizeof *to);
	bool fine = to && times_fit(&prog, &conf, interval, timeout, between);
	for (size_t i = 0; fine && i < n; i++)
		fine = add_target(&prog, operands[i], four ? 4 : six ? 6 : 0, to);
	if (!fine || !pv_tool_stdout_binary(&prog, PV_TOOL_ADD)) {
		free(to);
		return PV_EXIT_USAGE;
	}
	conf.targets = to->target;
	conf.ntargets = to->n;
	conf.interval_ns = interval * ms;
	conf.timeout_ns = timeout * ms;
	conf.packets_interval_ns = between * ms;
	conf.stop_fd = pv_tool_signals();
	struct pv_sink sink = pv_tool_stdout(); /* while we may still open it */
	struct pv_probe *p = pv_probe_open(&conf, why, sizeof why);
	free(to);
	if (!p) {
		pv_tool_say(&prog, "%s", why);
		return PV_EXIT_FAILED;
	}
	const char *notice = pv_probe_notice(p);
	if (notice)
		pv_tool_say(&prog, "%s", notice);
	pv_tool_privs_drop(&prog, NULL, verbose);
	int code = run(&prog, p, sink, verbose);
	pv_probe_free(p);
	return code;
}
