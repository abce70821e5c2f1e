/* SPDX-License-Identifier: MPL-2.0 */
/* pv-window - analysed events in, minutes of mergeable metrics out. See pv-window(1). */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/modules.h"
#include "tool/summary.h"
#include "tool/tool.h"
#include "window/window.h"

static void print_closed(void *ctx, struct pv_window *w)
{
	pv_summary_line(ctx, pv_window_bucket_json(w));
}

int main(int argc, char **argv)
{
	struct pv_summary_opts o = PV_SUMMARY_OPTS_DEFAULT;
	struct pv_tool_modules m = PV_TOOL_MODULES;
	bool json = false, table = false, list = false;
	const struct pv_opt opts[] = {
		{'j', "json", PV_OPT_FLAG, &json, NULL, "print JSON: a line per closed minute when live, the merged window at the end", 0, 0},
		{'T', "table", PV_OPT_FLAG, &table, NULL, "print a table for a person at the end, and per closed minute when live", 0, 0},
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
	if (json && table) {
		pv_tool_say(&prog, "--json and --table exclude each other");
		goto out;
	}
	struct pv_summary s = {.prog = &prog, .table = table};
	struct pv_window_conf conf;
	pv_summary_conf(&o, &conf);
	conf.buckets = !json && !table;
	struct stat st; /* a file wants what is final; who reads a pipe may want to see the minute grow */
	conf.live_copies = conf.buckets && !(fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode));
	conf.closed = conf.buckets ? NULL : print_closed;
	conf.ctx = &s;
	if (!pv_tool_stdin_events(&prog) || (conf.buckets && !pv_tool_stdout_binary(&prog)))
		goto out;
	char err[512];
	struct pv_window *w = pv_window_new(&conf, conf.buckets ? pv_tool_stdout() : pv_sink_none(), err, sizeof err);
	if (!w) {
		pv_tool_say(&prog, "%s", err);
		goto out;
	}
	struct pv_pipe_end end = pv_pipe_run(pv_window_stage(w), STDIN_FILENO, pv_tool_signals());
	code = pv_tool_finish(&prog, &end);
	if (!conf.buckets)
		code = pv_summary_end(&s, w, code);
	code = pv_summary_losses(&prog, w, code);
	pv_stage_free(pv_window_stage(w));
out:
	pv_summary_opts_free(&o);
	pv_modules_free(modules);
	return code;
}
