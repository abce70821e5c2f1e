/* SPDX-License-Identifier: MPL-2.0 */
#include "tool/summary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "handlers/handlers.h"
#include "metric/json.h"
#include "metric/table.h"

void pv_summary_conf(const struct pv_summary_opts *o, struct pv_window_conf *c)
{
	*c = (struct pv_window_conf){
		.handlers = o->handlers ? o->handlers : pv_handlers,
		.periods = o->summary ? 1 : (unsigned)o->periods,
		.deep = (unsigned)o->deep,
		.topn = (uint16_t)o->topn,
		.topn_percentile = (uint8_t)o->percentile,
		.enable = o->enable.item,
		.nenable = o->enable.count,
		.disable = o->disable.item,
		.ndisable = o->disable.count,
		.modules = o->modules.item,
		.nmodules = o->modules.count,
		.seed = pv_tool_seed(),
	};
}

void pv_summary_opts_free(struct pv_summary_opts *o)
{
	pv_opt_list_free(&o->enable);
	pv_opt_list_free(&o->disable);
	pv_opt_list_free(&o->modules);
}

static void write_failed(struct pv_summary *s)
{
	if (!s->failed && errno != EPIPE)
		pv_tool_say(s->prog, "cannot write: %s", strerror(errno));
	s->failed = true;
}

void pv_summary_line(struct pv_summary *s, json_t *j)
{
	if (!j) {
		errno = ENOMEM;
		write_failed(s);
		return;
	}
	if (s->table ? pv_table_print(j, stdout, pv_table_width(STDOUT_FILENO)) : json_dumpf(j, stdout, PV_JSON_FLAGS) ||
	    putchar('\n') == EOF)
		write_failed(s);
	if (fflush(stdout))
		write_failed(s);
	json_decref(j);
}

int pv_summary_end(struct pv_summary *s, struct pv_window *w, int code)
{
	pv_summary_line(s, pv_window_json(w));
	return s->failed && code == PV_EXIT_OK && errno != EPIPE ? PV_EXIT_FAILED : code;
}

int pv_summary_losses(const struct pv_program *prog, struct pv_window *w, int code)
{
	const struct pv_window_losses *l = pv_window_losses(w);
	if (l->os_drops || l->if_drops)
		pv_tool_say(prog, "capture lost packets: %" PRIu64 " by the kernel, %" PRIu64 " by the interface; %" PRIu64
			    " were received", l->os_drops, l->if_drops, l->received);
	if (l->evicted)
		pv_tool_say(prog, "full tables gave up %" PRIu64 " transactions and flows", l->evicted);
	if (l->lost)
		pv_tool_say(prog, "%" PRIu64 " updates found no room", l->lost);
	if (pv_window_problem(w)) {
		pv_tool_say(prog, "a bucket was refused: %s", pv_window_problem(w));
		code = PV_EXIT_CUT;
	}
	return code;
}

static const char *kind_name(unsigned kind)
{
	static const char *const names[] = {"?", "counter", "distinct", "top", "quantiles", "histogram", "rate"};
	return kind < sizeof names / sizeof names[0] ? names[kind] : names[0];
}

int pv_summary_list(const struct pv_program *prog, const struct pv_summary_opts *o)
{
	const struct pv_handler *const *handlers = o->handlers ? o->handlers : pv_handlers;
	for (size_t i = 0; handlers[i]; i++) {
		const struct pv_handler *h = handlers[i];
		bool asked = !o->modules.count;
		for (size_t k = 0; k < o->modules.count; k++) {
			size_t n = strcspn(o->modules.item[k], ":");
			const char *version = o->modules.item[k][n] ? o->modules.item[k] + n + 1 : "1.0";
			asked |= strlen(h->type) == n && !memcmp(o->modules.item[k], h->type, n) &&
				 !strcmp(version, h->version);
		}
		for (size_t m = 0; asked && m < h->nmetrics; m++) {
			const struct pv_metric *row = &h->metrics[m];
			bool on = (row->group == PV_ALWAYS || h->groups[row->group].on) &&
				  (row->group2 == PV_ALWAYS || h->groups[row->group2].on);
			char group[128] = "-";
			if (row->group != PV_ALWAYS)
				snprintf(group, sizeof group, "%s%s%s", h->groups[row->group].name,
					 row->group2 != PV_ALWAYS ? "+" : "",
					 row->group2 != PV_ALWAYS ? h->groups[row->group2].name : "");
			printf("%s:%s\t%s.%s\t%s\t%s\t%s\t%s\t%s\n", h->type, h->version, h->schema, row->path,
			       kind_name(row->kind), row->unit ? row->unit : "1", group, on ? "on" : "off", row->help);
		}
	}
	return pv_tool_flush(prog);
}
