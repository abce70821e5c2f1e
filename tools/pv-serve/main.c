/* SPDX-License-Identifier: MPL-2.0 */
/* pv-serve - minutes of metrics in, REST and Prometheus out. See pv-serve(1). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/feed.h"
#include "http/read.h"
#include "http/server.h"
#include "tool/modules.h"
#include "tool/source.h"
#include "tool/tool.h"

struct serve {
	const struct pv_program *prog;
	struct pv_store *store;
	struct pv_feed *feed;
	unsigned periods;
	int over_fd; /* readable when all inputs have ended */
};

static void say(void *ctx, const char *line)
{
	const struct serve *s = ctx;
	pv_tool_say(s->prog, "%s", line);
}

static void inputs_over(void *ctx, enum pv_res worst)
{
	const struct serve *s = ctx;
	(void)worst; /* pv_feed_worst() tells in the end */
	eventfd_write(s->over_fd, 1);
}

/* path NULL: stdin. */
static bool add_input(struct serve *s, const char *policy, const char *tap, const char *path)
{
	char err[512];
	const struct pv_store_input in = {.policy = policy, .tap = tap, .periods = s->periods};
	struct pv_stage *stage = pv_store_input(s->store, &in, err, sizeof err);
	if (stage && !(path ? pv_feed_path(s->feed, stage, policy, path, err, sizeof err)
			    : pv_feed_fd(s->feed, stage, policy, STDIN_FILENO, err, sizeof err)))
		return true;
	pv_tool_say(s->prog, path ? "--input %s: %s" : "%.0s%s", policy, err);
	return false;
}

/* Is it "POLICY=PATH" or "POLICY/TAP=PATH"? */
static bool input_named(const struct pv_program *prog, const char *text)
{
	const char *equal = strchr(text, '='), *slash = memchr(text, '/', equal ? (size_t)(equal - text) : 0);
	const char *end = slash ? slash : equal;
	if (equal && equal[1] && end - text < PV_STORE_NAME && equal - end < PV_STORE_NAME)
		return true;
	pv_tool_say(prog, "--input %s: wants POLICY=FIFO or POLICY=unix:PATH", text);
	return false;
}

/* text: input_named() has seen it. */
static bool add_option(struct serve *s, const char *text)
{
	char policy[PV_STORE_NAME], tap[PV_STORE_NAME];
	const char *equal = strchr(text, '='), *slash = memchr(text, '/', (size_t)(equal - text));
	const char *end = slash ? slash : equal;
	snprintf(policy, sizeof policy, "%.*s", (int)(end - text), text);
	snprintf(tap, sizeof tap, "%.*s", slash ? (int)(equal - slash - 1) : (int)(end - text), slash ? slash + 1 : text);
	return add_input(s, policy, tap, equal + 1);
}

/* stdin is an input, but where others are given, and it is a terminal or /dev/null. */
static bool stdin_wanted(size_t others)
{
	struct stat st;
	return !others || (!fstat(STDIN_FILENO, &st) && !S_ISCHR(st.st_mode));
}

static int run(struct serve *s, int signal_fd, bool exit_with_input)
{
	struct pollfd p[2] = {{signal_fd, POLLIN, 0}, {exit_with_input ? s->over_fd : -1, POLLIN, 0}};
	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	switch (pv_feed_worst(s->feed)) {
	case PV_END:
		return PV_EXIT_OK;
	case PV_FAIL:
		return PV_EXIT_FAILED;
	default:
		return PV_EXIT_CUT;
	}
}

int main(int argc, char **argv)
{
	uint64_t port = PV_HTTP_PORT, periods = 5;
	const char *host = "localhost", *cert = NULL, *key = NULL, *instance = NULL;
	bool tls = false, exit_with_input = false, verbose = false;
	struct pv_opt_list inputs = {NULL, 0};
	struct pv_tool_modules m = PV_TOOL_MODULES;
	const struct pv_opt opts[] = {
		{'l', "host", PV_OPT_STRING, &host, "HOST", "name or address to listen on (default: localhost)", 0, 0},
		{'p', "port", PV_OPT_UINT, &port, "PORT", "port; 0 is one that is free (default: 10853)", 0, UINT16_MAX},
		{0, "tls", PV_OPT_FLAG, &tls, NULL, "serve HTTPS; needs --tls-cert and --tls-key", 0, 0},
		{0, "tls-cert", PV_OPT_STRING, &cert, "FILE", "certificate, PEM", 0, 0},
		{0, "tls-key", PV_OPT_STRING, &key, "FILE", "its private key, PEM", 0, 0},
		{0, "input", PV_OPT_LIST, &inputs, "POLICY[/TAP]=FIFO|unix:PATH",
		 "one more stream; unix: listens on a socket; may be repeated", 0, 0},
		{0, "periods", PV_OPT_UINT, &periods, "N", "keep N buckets of 60 s, 1 to 10 (default: 5)", 1,
		 PV_WINDOW_PERIODS_MAX},
		{0, "prom-instance", PV_OPT_STRING, &instance, "ID", "label instance=\"ID\" on every Prometheus sample", 0, 0},
		{0, "exit-with-input", PV_OPT_FLAG, &exit_with_input, NULL, "end when every input has ended", 0, 0},
		{'v', "verbose", PV_OPT_FLAG, &verbose, NULL, "say every request on stderr", 0, 0},
		PV_TOOL_MODULE_OPTS(m),
	};
	const struct pv_program prog = {
		.name = "pv-serve",
		.summary = "serve the metrics of bucket streams over HTTP, for REST clients and Prometheus",
		.synopsis = "[options] < BUCKETS",
		.opts = opts,
		.nopts = sizeof opts / sizeof opts[0],
	};
	char err[512];
	struct serve s = {.prog = &prog, .over_fd = eventfd(0, EFD_CLOEXEC)};
	struct pv_http *http = NULL;
	struct pv_read *read = NULL;
	pv_tool_start(&prog, argc, argv, NULL);
	struct pv_modules *modules = pv_tool_modules(&prog, &m);
	int code = PV_EXIT_USAGE;
	s.periods = (unsigned)periods;
	if (tls && (!cert || !key)) {
		pv_tool_say(&prog, "--tls needs --tls-cert and --tls-key");
		goto out;
	}
	if (!inputs.count && !pv_tool_stdin_events(&prog, "pv-capture -r FILE | pv-dns | pv-window"))
		goto out;
	for (size_t i = 0; i < inputs.count; i++)
		if (!input_named(&prog, inputs.item[i]))
			goto out;
	code = PV_EXIT_FAILED;
	int signal_fd = pv_tool_signals(); /* before there are threads: they must have them blocked, too */
	const struct pv_store_conf store = {pv_modules_handlers(modules), pv_tool_seed()};
	const struct pv_feed_conf feed = {say, inputs_over, &s};
	const struct pv_read_conf conf = {.program = prog.name, .prom_instance = instance, .seed = pv_tool_seed(),
					  .store = s.store = pv_store_new(&store)};
	s.feed = pv_feed_new(&feed);
	read = pv_read_new(&conf);
	if (!s.store || !s.feed || !read) {
		pv_tool_say(&prog, "cannot start: %s", strerror(errno));
		goto out;
	}
	if (stdin_wanted(inputs.count) && !add_input(&s, "default", "default", NULL))
		goto out;
	for (size_t i = 0; i < inputs.count; i++)
		if (!add_option(&s, inputs.item[i]))
			goto out;
	const struct pv_http_routes routes[] = {pv_read_metrics(read), pv_read_inventory(read)};
	const struct pv_http_conf web = {.host = host, .port = (uint16_t)port, .tls = tls, .tls_cert = cert, .tls_key = key,
					 .routes = routes, .nroutes = 2, .log = verbose ? say : NULL, .log_ctx = &s};
	http = pv_http_open(&web, err, sizeof err);
	if (!http) {
		pv_tool_say(&prog, "%s", err);
		goto out;
	}
	/* everything that takes privileges is open; FIFOs and sockets are found again by whoever made them */
	pv_tool_privs_drop(&prog, &(struct pv_privs_conf){.keep_user = inputs.count > 0}, verbose);
	if (pv_http_run(http, err, sizeof err)) {
		pv_tool_say(&prog, "%s", err);
		goto out;
	}
	pv_http_said(http, err, sizeof err);
	pv_tool_say(&prog, "%s", err);
	if (pv_feed_start(s.feed))
		pv_tool_say(&prog, "cannot start a thread: %s", strerror(errno));
	else
		code = run(&s, signal_fd, exit_with_input);
out:
	pv_http_stop(http);
	pv_feed_free(s.feed);
	pv_read_free(read);
	pv_store_free(s.store);
	pv_modules_free(modules);
	pv_opt_list_free(&inputs);
	return code;
}
