/* SPDX-License-Identifier: MPL-2.0 */
/* pv-window - analysed events in, minutes of mergeable metrics out. See pv-window(1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handlers/handlers.h"
#include "tool/modules.h"
#include "tool/summary.h"
#include "tool/tool.h"
#include "window/window.h"

/* Who reads from our pipe has taken everything: another live copy is of use. What cannot be asked is taken to keep up. */
static bool reader_ready(void *ctx)
{
	int waiting = 0;
	(void)ctx;
	return ioctl(STDOUT_FILENO, FIONREAD, &waiting) || !waiting;
}

static void print_closed(void *ctx, struct pv_window *w)
{
	pv_summary_closed(ctx, w);
}

static void print_every(void *ctx, struct pv_window *w)
{
	pv_summary_every(ctx, w);
}

/* A terminal that can be written over. */
static bool can_refresh(void)
{
	const char *term = getenv("TERM");
	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

int main(int argc, char **argv)
{
	struct pv_summary_opts o = PV_SUMMARY_OPTS_DEFAULT;
	struct pv_tool_modules m = PV_TOOL_MODULES;
	bool json = false, table = false, prometheus = false, otlp = false, list = false;
	const char *policy = NULL, *instance = NULL;
	uint64_t every_ns = 0;
	const struct pv_opt opts[] = {
		{'j', "json", PV_OPT_FLAG, &json, NULL, "print JSON: a line per closed minute when live, the merged window at the end", 0, 0},
		{'T', "table", PV_OPT_FLAG, &table, NULL, "print a table for a person at the end, and per closed minute when live", 0, 0},
		{0, "every", PV_OPT_DURATION, &every_ns, "TIME", "print the window every TIME instead, as --json or --table: a terminal sees one table that changes", 0, 0},
		{0, "prometheus", PV_OPT_FLAG, &prometheus, NULL, "print Prometheus text: a block per closed minute when live, else the merged window at the end", 0, 0},
		{0, "otlp", PV_OPT_FLAG, &otlp, NULL, "write an OTLP request, protobuf: one per closed minute when live, else the merged window at the end", 0, 0},
		{0, "policy", PV_OPT_STRING, &policy, "NAME", "label policy of every Prometheus sample and OTLP point (default: default)", 0, 0},
		{0, "prom-instance", PV_OPT_STRING, &instance, "ID", "label instance of every Prometheus sample, service.instance.id of OTLP (default: neither)", 0, 0},
		PV_SUMMARY_OPT_ROWS(o),
		{0, "list-metrics", PV_OPT_FLAG, &list, NULL, "print every metric of --modules (default: all) and exit", 0, 0},
		PV_TOOL_MODULE_OPTS(m),
	};
	const struct pv_program prog = {
		.name = "pv-window",
		.summary = "summarise an event stream in buckets of 60 seconds",
		.synopsis = "[options] < EVENTS",
		.opts = opts,
		.nopts = sizeof opts / sizeof opts[0],
	};
	pv_tool_start(&prog, argc, argv, NULL);
	int code = PV_EXIT_USAGE;
	struct pv_modules *modules = pv_tool_modules(&prog, &m);
	o.handlers = pv_modules_handlers(modules);
	if (list) {
		code = pv_summary_list(&prog, &o);
		goto out;
	}
	if (!pv_summary_sensible(&prog, &o))
		goto out;
	if (json + table + prometheus + otlp > 1) {
		pv_tool_say(&prog, "--json, --table, --prometheus and --otlp exclude each other");
		goto out;
	}
	if (!prometheus && !otlp && (policy || instance)) {
		pv_tool_say(&prog, "%s is a label of --prometheus and --otlp", policy ? "--policy" : "--prom-instance");
		goto out;
	}
	if (every_ns && !json && !table) {
		pv_tool_say(&prog, "--every is for --json and --table");
		goto out;
	}
	struct pv_summary s = {
		.prog = &prog,
		.form = otlp ? PV_SUMMARY_OTLP : prometheus ? PV_SUMMARY_PROMETHEUS : table ? PV_SUMMARY_TABLE : PV_SUMMARY_JSON,
		.policy = policy ? policy : "default",
		.instance = instance,
		.handlers = o.handlers ? o.handlers : pv_handlers,
		.refresh = every_ns && table && can_refresh(),
	};
	struct pv_window_conf conf;
	pv_summary_conf(&o, &conf);
	conf.buckets = !json && !table && !prometheus && !otlp;
	struct stat st; /* a file wants what is final; who reads a pipe may want to see the minute grow */
	conf.live_copies = conf.buckets && !(fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode));
	conf.ready = reader_ready;
	conf.closed = conf.buckets || every_ns ? NULL : print_closed;
	conf.every_ns = every_ns;
	conf.every = print_every;
	conf.ctx = &s;
	if (!pv_tool_stdin_events(&prog, "pv-capture -r FILE | pv-dns") ||
	    ((conf.buckets || otlp) && !pv_tool_stdout_binary(&prog, "--table or --json")))
		goto out;
	char err[512];
	struct pv_window *w = pv_window_new(&conf, conf.buckets ? pv_tool_stdout() : pv_sink_none(), err, sizeof err);
	if (!w) {
		pv_tool_say(&prog, "%s", err);
		goto out;
	}
	struct pv_pipe_end end = pv_pipe_run(pv_window_stage(w), STDIN_FILENO, pv_tool_signals());
	code = pv_tool_finish(&prog, NULL, &end);
	if (!conf.buckets)
		code = pv_summary_end(&s, w, code);
	code = pv_summary_losses(&prog, w, code);
	pv_stage_free(pv_window_stage(w));
out:
	pv_summary_opts_free(&o);
	pv_modules_free(modules);
	return code;
}
