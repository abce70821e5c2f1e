/* SPDX-License-Identifier: MPL-2.0 */
#include "tool/summary.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/version.h"
#include "handlers/handlers.h"
#include "metric/json.h"
#include "metric/otlp.h"
#include "metric/prom.h"
#include "metric/table.h"

void pv_summary_conf(const struct pv_summary_opts *o, struct pv_window_conf *c)
{
	*c = (struct pv_window_conf){
		.handlers = o->handlers ? o->handlers : pv_handlers,
		.periods = o->summary ? 1 : o->periods ? (unsigned)o->periods : 5,
		.deep = (unsigned)o->deep,
		.topn = (uint16_t)o->topn,
		.topn_percentile = (uint8_t)o->percentile,
		.sort = o->sort,
		.enable = o->enable.item,
		.nenable = o->enable.count,
		.disable = o->disable.item,
		.ndisable = o->disable.count,
		.modules = o->modules.item,
		.nmodules = o->modules.count,
		.seed = pv_tool_seed(),
	};
}

bool pv_summary_sensible(const struct pv_program *prog, const struct pv_summary_opts *o)
{
	if (!o->summary || o->periods <= 1)
		return true;
	pv_tool_say(prog, "--summary is --periods 1: one of the two");
	return false;
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
	if (!s->failed)
		s->failed = errno ? errno : EIO;
}

/* A live stream may go on for days, but nobody sees more of it. */
static void stop_if_failed(const struct pv_summary *s, struct pv_window *w)
{
	if (s->failed)
		pv_window_stage(w)->out.res = PV_STOP;
}

/* Over what stands there, line by line, so that nothing flickers. Lines below the last of the screen would make it scroll:
 * they are left out, unless it is the last table, which stays. */
static int print_over(const struct pv_summary *s, const json_t *j, bool last)
{
	char *text = NULL;
	size_t n = 0;
	unsigned left = last ? UINT_MAX : pv_table_height(STDOUT_FILENO);
	FILE *f = open_memstream(&text, &n);
	int rc = f ? pv_table_print(j, s->handlers, f, pv_table_width(STDOUT_FILENO)) : -1;
	if (f && fclose(f))
		rc = -1;
	fputs(s->printed ? "\033[H" : "\033[H\033[2J", stdout);
	for (char *line = text, *end; !rc && (size_t)(line - text) < n && left > 1; line = end + 1, left--) {
		end = memchr(line, '\n', n - (size_t)(line - text));
		if (!end)
			break;
		fwrite(line, 1, (size_t)(end - line), stdout);
		fputs("\033[K\n", stdout);
	}
	fputs("\033[J", stdout);
	free(text);
	return rc;
}

static int print_table(const struct pv_summary *s, const json_t *j, bool last)
{
	if (s->refresh)
		return print_over(s, j, last);
	if (s->printed && putchar('\n') == EOF)
		return -1;
	return pv_table_print(j, s->handlers, stdout, pv_table_width(STDOUT_FILENO));
}

static void print_json(struct pv_summary *s, json_t *j, bool last)
{
	if (!j) {
		errno = ENOMEM;
		write_failed(s);
		return;
	}
	if (s->form == PV_SUMMARY_TABLE ? print_table(s, j, last)
					: json_dumpf(j, stdout, PV_JSON_FLAGS) || putchar('\n') == EOF)
		write_failed(s);
	if (fflush(stdout))
		write_failed(s);
	s->printed = true;
	json_decref(s->last);
	s->last = j;
}

/* A table of what the last one showed already: of a live stream that ended within its first minute. A program can tell a
 * minute from the window by its key; a person sees the same twice. */
static bool is_repeated(const struct pv_summary *s, json_t *window)
{
	json_t *was = json_object_iter_value(json_object_iter(s->last));
	return s->form == PV_SUMMARY_TABLE && !s->refresh && s->last &&
	       json_equal(was, json_object_iter_value(json_object_iter(window)));
}

struct exposition {
	struct pv_prom *prom;
	const char *policy;
};

/* Two handlers of one schema would have the same series: from the second on they are told apart as in JSON. */
static int add_exposition(void *ctx, const char *key, const struct pv_bucket *b)
{
	struct exposition *e = ctx;
	bool first = !strcmp(key, b->handler->schema);
	const struct pv_label labels[] = {{"policy", e->policy}, {"handler", key}};
	return pv_prom_bucket(e->prom, b, labels, first ? 1 : 2);
}

static void say_dropped(const struct pv_summary *s, const struct pv_prom *p)
{
	static const char *const why[PV_PROM_DROPS] = {
		[PV_PROM_LIMIT] = "found no room in it",
		[PV_PROM_DUPLICATE] = "have the name and labels of another one",
		[PV_PROM_CONFLICT] = "have the name of a metric of another type",
	};
	for (int i = 0; i < PV_PROM_DROPS; i++)
		if (pv_prom_dropped(p, (enum pv_prom_drop)i))
			pv_tool_say(s->prog, "%" PRIu64 " samples are not in the Prometheus text: they %s",
				    pv_prom_dropped(p, (enum pv_prom_drop)i), why[i]);
}

typedef int each_fn(struct pv_window *, int (*)(void *, const char *, const struct pv_bucket *), void *);

/* A whole exposition, and a comment that tells it from a fragment and from the next one. */
static void print_prometheus(struct pv_summary *s, struct pv_window *w, each_fn *each)
{
	struct pv_label own = {"policy", s->policy};
	struct pv_prom_conf conf = {.instance = s->instance, .seed = pv_tool_seed(), .own = &own, .nown = 1};
	struct exposition e = {pv_prom_new(&conf), s->policy};
	size_t len = 0;
	char *text = e.prom && !each(w, add_exposition, &e) ? pv_prom_text(e.prom, &len) : NULL;
	if (!text || fwrite(text, 1, len, stdout) != len || fputs("# EOF\n", stdout) == EOF || fflush(stdout))
		write_failed(s);
	else
		say_dropped(s, e.prom);
	free(text);
	pv_prom_free(e.prom);
}

struct request {
	struct pv_otlp *otlp;
	const char *policy;
	uint64_t now_ns;
};

/* What is printed is printed once, so histograms may be deltas. */
static int add_request(void *ctx, const char *key, const struct pv_bucket *b)
{
	struct request *r = ctx;
	bool first = !strcmp(key, b->handler->schema);
	const struct pv_label labels[] = {{"policy", r->policy}, {"handler", key}};
	return pv_otlp_bucket(r->otlp, b, labels, first ? 1 : 2, r->now_ns, PV_OTLP_DELTA);
}

/* A whole request; one behind the other are, by the rules of protobuf, one request with the metrics of both. */
static void print_otlp(struct pv_summary *s, struct pv_window *w, each_fn *each)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	const struct pv_otlp_conf conf = {
	    .service = s->prog->name, .version = PV_VERSION, .instance = s->instance, .seed = pv_tool_seed()};
	struct request r = {pv_otlp_new(&conf), s->policy, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec};
	size_t len = 0;
	if (r.otlp)
		pv_otlp_scope(r.otlp, s->policy);
	uint8_t *bytes = r.otlp && !each(w, add_request, &r) ? pv_otlp_bytes(r.otlp, &len) : NULL;
	if (!bytes || fwrite(bytes, 1, len, stdout) != len || fflush(stdout))
		write_failed(s);
	else if (pv_otlp_dropped(r.otlp))
		pv_tool_say(s->prog, "%" PRIu64 " points are not in the OTLP request: they found no room in it, or have the name and labels of another one",
			    pv_otlp_dropped(r.otlp));
	free(bytes);
	pv_otlp_free(r.otlp);
}

/* Of whole minutes, which go to who adds them up. */
static bool is_collected(const struct pv_summary *s)
{
	return s->form == PV_SUMMARY_PROMETHEUS || s->form == PV_SUMMARY_OTLP;
}

static void print_collected(struct pv_summary *s, struct pv_window *w, each_fn *each)
{
	if (s->form == PV_SUMMARY_OTLP)
		print_otlp(s, w, each);
	else
		print_prometheus(s, w, each);
}

void pv_summary_closed(struct pv_summary *s, struct pv_window *w)
{
	if (is_collected(s))
		print_collected(s, w, pv_window_each_closed);
	else
		print_json(s, pv_window_bucket_json(w), false);
	s->printed = true;
	stop_if_failed(s, w);
}

void pv_summary_every(struct pv_summary *s, struct pv_window *w)
{
	print_json(s, pv_window_json(w), false);
	stop_if_failed(s, w);
}

/* Mostly of a stream out of which nobody made anything that we know: the likeliest mistake of all. */
static void say_nothing_shown(const struct pv_summary *s, const struct pv_window *w, json_t *window)
{
	if (!window || json_object_size(json_object_iter_value(json_object_iter(window))))
		return;
	if (pv_window_heard(w))
		pv_tool_say(s->prog, "all metric groups are off: there is nothing to show");
	else
		pv_tool_say(s->prog, "no analyser that is known here announced itself: pv-net, pv-dns or another goes in front of %s",
			    s->prog->name);
}

int pv_summary_end(struct pv_summary *s, struct pv_window *w, int code)
{
	json_t *window = is_collected(s) || s->failed ? NULL : pv_window_json(w);
	if (s->form == PV_SUMMARY_JSON && code == PV_EXIT_OK && !s->failed)
		say_nothing_shown(s, w, window); /* a table says it itself */
	if (s->failed)
		; /* nothing more can be said */
	else if (is_repeated(s, window))
		json_decref(window);
	else if (!is_collected(s))
		print_json(s, window, true);
	else if (!s->printed)
		print_collected(s, w, pv_window_each);
	json_decref(s->last);
	s->last = NULL;
	return s->failed && s->failed != EPIPE && code == PV_EXIT_OK ? PV_EXIT_FAILED : code;
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
	static const char *const names[] = {"?", "counter", "distinct", "top", "quantiles", "histogram", "rate",
					     "gauge", "minimum", "maximum", "tally"};
	return kind < sizeof names / sizeof names[0] ? names[kind] : names[0];
}

/* Is this the handler that "dns" or "dns:2.0" means? */
static bool is_handler(const struct pv_handler *h, const char *module)
{
	size_t n = strcspn(module, ":");
	const char *version = module[n] ? module + n + 1 : "1.0";
	return strlen(h->type) == n && !memcmp(module, h->type, n) && !strcmp(version, h->version);
}

int pv_summary_list(const struct pv_program *prog, const struct pv_summary_opts *o)
{
	const struct pv_handler *const *handlers = o->handlers ? o->handlers : pv_handlers;
	for (size_t k = 0; k < o->modules.count; k++) {
		bool known = false;
		for (size_t i = 0; handlers[i]; i++)
			known |= is_handler(handlers[i], o->modules.item[k]);
		if (!known) {
			pv_tool_say(prog, "unknown module '%s'", o->modules.item[k]);
			return PV_EXIT_USAGE;
		}
	}
	for (size_t i = 0; handlers[i]; i++) {
		const struct pv_handler *h = handlers[i];
		bool asked = !o->modules.count;
		for (size_t k = 0; k < o->modules.count; k++)
			asked |= is_handler(h, o->modules.item[k]);
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
