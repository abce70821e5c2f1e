/* SPDX-License-Identifier: MPL-2.0 */
/* pv-module - runs an analyser or a source out of a loaded module. See pv-module(1). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module/source.h"
#include "tool/modules.h"
#include "tool/source.h"

#define SETTINGS_MAX 256 /* more than a module has keys */

/* What the user asked of the module. */
struct asked {
	const char *name;
	const char *from;
	const char **settings;
	size_t nsettings;
	bool help;
};

/* The settings' object, NULL when there is none; ends the program when a setting is wrong. */
static void *settle(const struct pv_program *prog, const struct pv_module_settings *s, const struct asked *a,
		    char *text, size_t cap)
{
	char err[512];
	void *conf = s->conf_size ? calloc(1, s->conf_size) : NULL;
	const struct pv_opt_keys keys = {"Settings", s->keys, s->count, s->set, conf, text, cap};
	if (s->conf_size && !conf) {
		pv_tool_say(prog, "out of memory");
		exit(PV_EXIT_FAILED);
	}
	for (size_t i = 0; i < a->nsettings; i++)
		if (pv_options_setting(&keys, a->settings[i], err, sizeof err)) {
			pv_tool_say(prog, "%s: %s", a->name, err);
			exit(PV_EXIT_USAGE);
		}
	return conf;
}

static int describe(const struct pv_program *prog, const char *name, const char *summary,
		    const struct pv_module_settings *s)
{
	printf("%s: %s\n", name, summary ? summary : "");
	for (size_t i = 0; i < s->count; i++) {
		char key[64];
		snprintf(key, sizeof key, "%s%s%s", s->keys[i].name, s->keys[i].arg ? "=" : "",
			 s->keys[i].arg ? s->keys[i].arg : "");
		printf("  %-24s %s\n", key, s->keys[i].help);
	}
	return pv_tool_flush(prog);
}

static int analyse(const struct pv_program *prog, const struct pv_module_analyser *m, const struct asked *a,
		   struct pv_filter_conf *filter)
{
	char text[4096] = "";
	if (a->help)
		return describe(prog, a->name, m->summary, &m->settings);
	void *conf = settle(prog, &m->settings, a, text, sizeof text);
	filter->filters = text;
	void *self = m->make(conf, pv_tool_seed());
	free(conf);
	return pv_tool_filter(prog, pv_filter_new(m->ops, self, filter, pv_tool_stdout()));
}

/* Until the source is over, nobody reads, or a signal comes. */
static enum pv_res run(struct pv_module_input *in, struct pv_out *out)
{
	struct pollfd stop = {pv_tool_signals(), POLLIN, 0};
	enum pv_res res;
	do {
		if (poll(&stop, 1, 0) > 0)
			pv_module_input_stop(in);
		res = pv_module_input_poll(in, out);
		pv_out_flush(out);
	} while (pv_tool_source_more(res, out));
	return res;
}

static int begin(const struct pv_program *prog, const struct pv_module_source *m, const struct asked *a)
{
	char err[512];
	struct pv_out out;
	if (a->help)
		return describe(prog, a->name, m->summary, &m->settings);
	if (!pv_tool_stdout_binary(prog, PV_TOOL_ADD))
		return PV_EXIT_USAGE;
	void *conf = settle(prog, &m->settings, a, NULL, 0);
	struct pv_module_input *in = pv_module_input_open(m, conf, a->from, err, sizeof err);
	int code = PV_EXIT_FAILED;
	if (!in) {
		pv_tool_say(prog, "%s", err);
	} else if (pv_out_init(&out, pv_tool_stdout())) {
		pv_tool_say(prog, "cannot start: %s", strerror(errno));
	} else {
		enum pv_res res = run(in, &out);
		if (res == PV_FAIL && out.res == PV_OK)
			pv_tool_say(prog, "%s: %s", a->name, pv_module_input_error(in));
		else if (out.res == PV_FAIL)
			pv_tool_say(prog, "cannot write: %s", strerror(out.error));
		else
			code = PV_EXIT_OK;
		pv_out_free(&out);
	}
	pv_module_input_free(in);
	free(conf);
	return code;
}

static void unknown(const struct pv_program *prog, const struct pv_modules *m, const char *name)
{
	char names[512] = "";
	size_t at = 0;
	for (size_t i = 0; i < pv_modules_count(m); i++) {
		const struct pv_module *mod = pv_modules_at(m, i);
		for (size_t k = 0; k < mod->nanalysers + mod->nsources && at < sizeof names; k++)
			at += (size_t)snprintf(names + at, sizeof names - at, " %s",
					       k < mod->nanalysers ? mod->analysers[k].ops->type
								   : mod->sources[k - mod->nanalysers].type);
	}
	pv_tool_say(prog, "no loaded module has '%s'; there are:%s", name, at ? names : " none");
}

int main(int argc, char **argv)
{
	struct pv_tool_modules m = PV_TOOL_MODULES;
	struct pv_filter_conf filter = {.name = NULL};
	struct asked a = {NULL, NULL, NULL, 0, false};
	const char *operands[1 + SETTINGS_MAX];
	const struct pv_opt opts[] = {
		PV_TOOL_MODULE_OPTS(m),
		{0, "settings", PV_OPT_FLAG, &a.help, NULL,
		 "print what NAME does and what it can be told, and exit", 0, 0},
		{'i', "input", PV_OPT_STRING, &a.from, "INPUT", "what a source reads", 0, 0},
		PV_TOOL_FILTER_OPTS(filter),
	};
	const struct pv_program prog = {
		.name = "pv-module",
		.summary = "run an analyser or a source of a loaded module",
		.synopsis = "--module-dir DIR [options] NAME [KEY=VALUE ...] < EVENTS > EVENTS",
		.opts = opts,
		.nopts = sizeof opts / sizeof opts[0],
		.operands_max = 1 + SETTINGS_MAX,
	};
	size_t n = pv_tool_start(&prog, argc, argv, operands);
	struct pv_modules *modules = pv_tool_modules(&prog, &m);
	int code = PV_EXIT_USAGE;
	if (!m.dir || !n) {
		pv_tool_say(&prog, "wants --module-dir DIR and the NAME of what to run");
	} else {
		a.name = operands[0];
		a.settings = operands + 1;
		a.nsettings = n - 1;
		const struct pv_module_analyser *analyser = pv_modules_analyser(modules, a.name);
		const struct pv_module_source *source = pv_modules_source(modules, a.name);
		if (analyser)
			code = analyse(&prog, analyser, &a, &filter);
		else if (source)
			code = begin(&prog, source, &a);
		else
			unknown(&prog, modules, a.name);
	}
	pv_modules_free(modules);
	return code;
}
