/* SPDX-License-Identifier: MPL-2.0 */
/* pv-dnstap - what name servers log in dnstap becomes an event stream. See pv-dnstap(1). */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "dnstap/dnstap.h"
#include "tool/source.h"

/* Until the stream has ended. Returns the exit code. */
static int run(const struct pv_program *prog, struct pv_dnstap_source *s, struct pv_sink sink, bool verbose, bool file)
{
	struct pv_out out;
	enum pv_res res;
	if (pv_out_init(&out, sink)) {
		pv_tool_say(prog, "cannot start: %s", strerror(errno));
		return PV_EXIT_FAILED;
	}
	do {
		const char *notice;
		res = pv_dnstap_poll(s, &out);
		pv_out_flush(&out);
		while ((notice = pv_dnstap_notice(s)))
			if (verbose || file) /* of a file that breaks off one hears in any case */
				pv_tool_say(prog, "%s", notice);
	} while (pv_tool_source_more(res, &out));
	int code = pv_tool_source_end(prog, &out, res, pv_dnstap_error(s));
	pv_out_free(&out);
	return code;
}

static void report(const struct pv_program *prog, const struct pv_dnstap_source *s, bool file)
{
	struct pv_dnstap_status st;
	pv_dnstap_status(s, &st);
	pv_tool_say(prog, "frames %" PRIu64 ", filtered %" PRIu64 ", malformed %" PRIu64 ", unsupported %" PRIu64, st.frames,
		    st.filtered, st.malformed, st.unsupported);
	if (!file)
		pv_tool_say(prog, "clients %" PRIu64 "; refused %" PRIu64 ", evicted %" PRIu64 ", idle %" PRIu64
			    ", bad %" PRIu64, st.clients, st.refused, st.evicted, st.idle, st.bad);
}

/* A list of CIDR blocks. NULL: none was given, or it was wrong (*bad). */
static struct pv_hosts *only_hosts(const struct pv_program *prog, const char *list, bool *bad)
{
	char err[256] = "out of memory";
	struct pv_hosts *h = list ? pv_hosts_new() : NULL;
	*bad = list && (!h || pv_hosts_parse(h, list, err, sizeof err));
	if (*bad)
		pv_tool_say(prog, "--only-hosts: %s", err);
	return h;
}

/* Each client is a descriptor. */
static void more_descriptors(uint64_t clients)
{
	struct rlimit l;
	const rlim_t want = (rlim_t)clients + 32;
	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= want)
		return;
	l.rlim_cur = l.rlim_max == RLIM_INFINITY || l.rlim_max > want ? want : l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l); /* with fewer, those beyond are refused, and counted */
}

/* "0660" */
static bool mode(const struct pv_program *prog, const char *text, unsigned *to)
{
	size_t digits = text ? strspn(text, "01234567") : 0;
	if (!text)
		return true;
	if (!digits || digits > 4 || text[digits]) {
		pv_tool_say(prog, "--socket-mode: not an octal mode like 0660: '%s'", text);
		return false;
	}
	for (*to = 0; *text; text++)
		*to = *to * 8 + (unsigned)(*text - '0');
	return true;
}

int main(int argc, char **argv)
{
	struct pv_dnstap_conf conf = {.file = NULL};
	const char *hosts = NULL, *socket_mode = NULL;
	uint64_t clients = PV_DNSTAP_CLIENTS;
	bool verbose = false, bad;
	const struct pv_opt opts[] = {
		{0, "socket", PV_OPT_STRING, &conf.socket, "PATH", "listen on a Unix socket", 0, 0},
		{0, "socket-mode", PV_OPT_STRING, &socket_mode, "MODE", "permissions of the socket (default: what the umask leaves)", 0, 0},
		{0, "tcp", PV_OPT_STRING, &conf.tcp, "HOST:PORT", "listen on a TCP port; IPv6 addresses in brackets: [::1]:6000", 0, 0},
		{0, "only-hosts", PV_OPT_STRING, &hosts, "CIDR,...", "only messages one of whose addresses is in these subnets", 0, 0},
		{0, "clients", PV_OPT_UINT, &clients, "N", "take so many connections at once (default: 1000)", 1, PV_DNSTAP_CLIENTS_MAX},
		{0, "idle", PV_OPT_DURATION, &conf.idle_ns, "TIME", "close connections that are silent for TIME (default: 1h)", 0, 0},
		{'t', "duration", PV_OPT_DURATION, &conf.duration_ns, "TIME",
		 "end after TIME: 90, 5m, 1h; of a file by the messages' own time", 0, 0},
		{'c', "count", PV_OPT_UINT, &conf.count, "N", "end after N messages", 1, 0},
		{'v', "verbose", PV_OPT_FLAG, &verbose, NULL, "say what is going on, on stderr", 0, 0},
	};
	const struct pv_program prog = {
		.name = "pv-dnstap",
		.summary = "turn dnstap from name servers, or from a file, into an event stream",
		.synopsis = "[options] FILE | --socket PATH | --tcp HOST:PORT > EVENTS",
		.opts = opts,
		.nopts = sizeof opts / sizeof opts[0],
		.operands_max = 1,
	};
	char why[512], host[256];
	uint16_t port;
	pv_tool_start(&prog, argc, argv, &conf.file);
	if (!conf.file + !conf.socket + !conf.tcp != 2) {
		pv_tool_say(&prog, "wants one of FILE, --socket PATH and --tcp HOST:PORT");
		return PV_EXIT_USAGE;
	}
	if (conf.tcp && !pv_dnstap_address(conf.tcp, host, sizeof host, &port, why, sizeof why)) {
		pv_tool_say(&prog, "--tcp: %s", why);
		return PV_EXIT_USAGE;
	}
	struct pv_hosts *only = only_hosts(&prog, hosts, &bad);
	if (bad || !mode(&prog, socket_mode, &conf.socket_mode) || !pv_tool_stdout_binary(&prog, PV_TOOL_ADD)) {
		pv_hosts_free(only);
		return PV_EXIT_USAGE;
	}
	conf.only_hosts = only;
	conf.clients_max = (unsigned)clients;
	if (!conf.file)
		more_descriptors(clients);
	conf.stop_fd = pv_tool_signals();
	struct pv_sink sink = pv_tool_stdout(); /* while we may still open it */
	struct pv_dnstap_source *s = pv_dnstap_open(&conf, why, sizeof why);
	int code = PV_EXIT_FAILED;
	if (s) {
		/* the socket's file may then stay behind; whoever listens there next replaces it */
		pv_tool_privs_drop(&prog, NULL, verbose);
		if (verbose)
			pv_tool_say(&prog, "source %s", pv_dnstap_from(s));
		code = run(&prog, s, sink, verbose, conf.file != NULL);
		if (verbose)
			report(&prog, s, conf.file != NULL);
	} else {
		pv_tool_say(&prog, "%s", why);
	}
	pv_dnstap_free(s);
	pv_hosts_free(only);
	return code;
}
