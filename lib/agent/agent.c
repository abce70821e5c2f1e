/* SPDX-License-Identifier: MPL-2.0 */
#include "agent/agent.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "agent/describe.h"

struct pv_agent {
	struct pv_agent_conf conf;
	pthread_mutex_t lock;
	struct pv_graph *graph;
	struct pv_config_tap **taps;
	size_t ntaps;
	struct pv_config_policy **policies;
	size_t npolicies;
	size_t expected; /* places of `policies` that are spoken for, while a document is taken over */
	json_t *global;	 /* global_handler_config so far; NULL: none */
	bool finished;
	atomic_llong asked_sec; /* monotonic */
};

/* What a policy's output on one tap needs, of each worker. */
struct place {
	struct pv_agent *agent;
	const struct pv_config_policy *policy;
	const struct pv_config_stream *stream;
	struct pv_stage *stage; /* of the store's input, or a part of it */
};

static long long now_sec(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* ---- places of lanes: in the store ------------------------------------------------------------------------
 */

static bool asked_lately(void *ctx)
{
	const struct place *p = ctx;
	return now_sec() - atomic_load(&p->agent->asked_sec) < PV_AGENT_ASKED_SEC;
}

static bool has_type(const struct pv_config_policy *p, const char *type)
{
	for (size_t i = 0; i < p->nhandlers; i++)
		if (!strcmp(p->handlers[i].type, type))
			return true;
	return false;
}

/* The analysers of a source, which all its policies share. */
#define STAGE_NAMES(input)                                                                                    \
	{                                                                                                     \
		[PV_SOURCE_CAPTURE] = (input), [PV_SOURCE_DHCP] = "dhcp", [PV_SOURCE_DNS] = "dns",            \
		[PV_SOURCE_NET] = "net", [PV_SOURCE_BGP] = "bgp", [PV_SOURCE_STAGES] = NULL,                                           \
	}

static const char *const *stage_names(const struct pv_config_stream *s)
{
	static const char *const pcap[] = STAGE_NAMES("pcap"), *const dnstap[] = STAGE_NAMES("dnstap"),
			  *const netprobe[] = STAGE_NAMES("netprobe");
	/* out of a capture, flows are a second stage's */
	static const char *const flow[] = {"flow", NULL}, *const saved_flow[] = {"pcap", "flow", NULL};
	switch (s->input) {
	case PV_INPUT_DNSTAP:
		return dnstap;
	case PV_INPUT_FLOW:
		return s->flow.pcap_file ? saved_flow : flow;
	case PV_INPUT_NETPROBE:
		return netprobe;
	default:
		return pcap;
	}
}

/* What the stages have counted, for those that the policy has announced. */
static void tell(void *ctx, struct pv_source *source, const struct pv_ring_counts *counts)
{
	struct place *p = ctx;
	struct pv_source_status s;
	(void)counts; /* told by pv_agent_prom() */
	pv_source_status(source, &s);
	const struct pv_ledger_row capture[] = {
	    {PV_SOURCE_CAPTURE, PV_LEDGER_RECEIVED, 0, s.capture.packets},
	    {PV_SOURCE_CAPTURE, PV_LEDGER_MALFORMED, 0, s.capture.malformed},
	    {PV_SOURCE_CAPTURE, PV_LEDGER_UNSUPPORTED, 0, s.capture.unsupported},
	    {PV_SOURCE_CAPTURE, PV_LEDGER_ANALYSED, 0,
	     s.capture.packets - s.capture.malformed - s.capture.unsupported},
	    {PV_SOURCE_CAPTURE, PV_LEDGER_OS_DROPS, 0, s.capture.os_drops},
	    {PV_SOURCE_CAPTURE, PV_LEDGER_IF_DROPS, 0, s.capture.if_drops},
	};
	const struct pv_ledger_row dns[] = {
	    {PV_SOURCE_DNS, PV_LEDGER_RECEIVED, 0, s.dns_received},
	    {PV_SOURCE_DNS, PV_LEDGER_ANALYSED, 0, s.dns_received - s.dns_malformed},
	    {PV_SOURCE_DNS, PV_LEDGER_MALFORMED, 0, s.dns_malformed},
	    {PV_SOURCE_DNS, PV_LEDGER_XACT_OPEN, 0, s.dns_xact_open},
	    {PV_SOURCE_DNS, PV_LEDGER_XACT_EVICTED, 0, s.dns_xact_evicted},
	    {PV_SOURCE_DNS, PV_LEDGER_FLOW_EVICTED, 0, s.dns_flows_evicted},
	};
	const struct pv_ledger_row dhcp[] = {
	    {PV_SOURCE_DHCP, PV_LEDGER_RECEIVED, 0, s.dhcp_received},
	    {PV_SOURCE_DHCP, PV_LEDGER_ANALYSED, 0, s.dhcp_received - s.dhcp_malformed},
	    {PV_SOURCE_DHCP, PV_LEDGER_MALFORMED, 0, s.dhcp_malformed},
	};
	const struct pv_ledger_row bgp[] = {
	    {PV_SOURCE_BGP, PV_LEDGER_RECEIVED, 0, s.bgp_received},
	    {PV_SOURCE_BGP, PV_LEDGER_ANALYSED, 0, s.bgp_received - s.bgp_malformed - s.bgp_unsupported},
	    {PV_SOURCE_BGP, PV_LEDGER_MALFORMED, 0, s.bgp_malformed},
	    {PV_SOURCE_BGP, PV_LEDGER_UNSUPPORTED, 0, s.bgp_unsupported},
	    {PV_SOURCE_BGP, PV_LEDGER_FLOW_EVICTED, 0, s.bgp_flows_evicted},
	};
	struct pv_ledger_row rows[sizeof capture / sizeof capture[0] + sizeof dns / sizeof dns[0] +
				  sizeof dhcp / sizeof dhcp[0] + sizeof bgp / sizeof bgp[0] + PV_SOURCE_ROWS];
	size_t n = sizeof capture / sizeof capture[0];
	memcpy(rows, capture, sizeof capture);
	for (size_t i = 0; i < s.nrows; i++)
		rows[n++] = s.rows[i];
	if (has_type(p->policy, "dns")) {
		memcpy(&rows[n], dns, sizeof dns);
		n += sizeof dns / sizeof dns[0];
	}
	if (has_type(p->policy, "dhcp")) {
		memcpy(&rows[n], dhcp, sizeof dhcp);
		n += sizeof dhcp / sizeof dhcp[0];
	}
	if (has_type(p->policy, "bgp")) {
		memcpy(&rows[n], bgp, sizeof bgp);
		n += sizeof bgp / sizeof bgp[0];
	}
	pv_store_ledger(p->stage, rows, n);
}

static unsigned periods_of(const void *ctx, const char *module)
{
	const struct pv_config_policy *p = ctx;
	for (size_t i = 0; i < p->nhandlers; i++)
		if (!strcmp(p->handlers[i].module, module))
			return p->handlers[i].periods;
	return 0;
}

static int open_place(void *ctx, const struct pv_config_policy *policy, const struct pv_config_stream *stream,
		      struct pv_graph_place to[], unsigned workers, char *err, size_t cap)
{
	struct pv_agent *a = ctx;
	struct place *p = calloc(workers, sizeof *p);
	if (!p) {
		snprintf(err, cap, "out of memory");
		return -1;
	}
	struct pv_store_input in = {.policy = policy->name,
				    .tap = stream->tap,
				    .periods = 1,
				    .merge_like = policy->merge,
				    .parts = workers,
				    .plain_keys = policy->resources,
				    .stages = stage_names(stream),
				    .periods_of = periods_of,
				    .ctx = policy,
				    .budget_bytes = PV_STORE_BUDGET / policy->nstreams};
	for (size_t i = 0; i < policy->nhandlers; i++)
		if (policy->handlers[i].periods > in.periods)
			in.periods = policy->handlers[i].periods;
	struct pv_stage *stage = pv_store_input(a->conf.store, &in, err, cap);
	if (!stage) {
		free(p);
		return -1;
	}
	for (unsigned i = 0; i < workers; i++) {
		p[i] = (struct place){a, policy, stream, pv_store_part(stage, i)};
		to[i].sink = pv_sink_stage(p[i].stage);
		to[i].ready = asked_lately;
		to[i].beat = tell;
		to[i].ctx = &p[i];
	}
	return 0;
}

static void close_place(void *ctx, struct pv_graph_place place[], unsigned workers)
{
	struct pv_agent *a = ctx;
	struct place *p = place[0].ctx;
	pv_store_remove(a->conf.store, p->policy->name, p->stream->tap);
	for (unsigned i = 0; i < workers; i++)
		pv_stage_free(p[i].stage);
	free(p);
}

/* ---- the registry: with the lock held -------------------------------------------------------------------
 */

static struct pv_config_policy *find_policy(const struct pv_agent *a, const char *name, size_t *at)
{
	for (size_t i = 0; i < a->npolicies; i++)
		if (!strcmp(a->policies[i]->name, name)) {
			*at = i;
			return a->policies[i];
		}
	return NULL;
}

static struct pv_config_tap *find_tap(const struct pv_agent *a, const char *name, size_t *at)
{
	for (size_t i = 0; i < a->ntaps; i++)
		if (!strcmp(a->taps[i]->name, name)) {
			*at = i;
			return a->taps[i];
		}
	return NULL;
}

static bool has_policy(void *ctx, const char *name)
{
	size_t at;
	return find_policy(ctx, name, &at);
}

static bool has_instance(void *ctx, const char *name)
{
	const struct pv_agent *a = ctx;
	char own[PV_BUCKET_NAME];
	for (size_t i = 0; i < a->npolicies; i++)
		for (size_t s = 0; s < a->policies[i]->nstreams; s++)
			for (size_t h = 0; h < a->policies[i]->nhandlers; h++)
				if (!strcmp(name, pv_config_instance(
						      a->policies[i], &a->policies[i]->streams[s],
						      &a->policies[i]->handlers[h], own, sizeof own)))
					return true;
	return false;
}

static void say_config(void *ctx, enum pv_config_say kind, unsigned line, const char *text)
{
	const struct pv_agent *a = ctx;
	char words[PV_CONFIG_TEXT + 40];
	if (!a->conf.say)
		return;
	snprintf(words, sizeof words, line ? "line %u: %s" : "%.0u%s", line, text);
	a->conf.say(a->conf.ctx, kind, words);
}

struct pv_config_world pv_agent_world(struct pv_agent *a)
{
	return (struct pv_config_world){
	    .handlers = a->conf.handlers,
	    .modules = a->conf.modules,
	    .inputs = a->conf.inputs,
	    .taps = (const struct pv_config_tap *const *)a->taps,
	    .ntaps = a->ntaps,
	    .has_policy = has_policy,
	    .has_instance = has_instance,
	    .global = a->global,
	    .periods = a->conf.periods,
	    .deep_max = a->conf.deep_max,
	    .say = say_config,
	    .ctx = a,
	};
}

static int room(void *list, size_t n)
{
	void **grown, **at = list;
	grown = realloc(*at, (n ? n : 1) * sizeof(void *));
	if (grown)
		*at = grown;
	return grown ? 0 : -1;
}

/* ---- policies that watch what an input costs: with the lock held -----------------------------------------
 */

/* How many others are on the same input. */
static unsigned users(const struct pv_agent *a, const char *stream)
{
	unsigned n = 0;
	for (size_t i = 0; i < a->npolicies; i++)
		for (size_t s = 0; !a->policies[i]->resources && s < a->policies[i]->nstreams; s++)
			n += !strcmp(a->policies[i]->streams[s].name, stream);
	return n;
}

static const struct pv_handler *resources_handler(const struct pv_agent *a)
{
	for (size_t i = 0; a->conf.handlers[i]; i++)
		if (!strcmp(a->conf.handlers[i]->type, "input_resources"))
			return a->conf.handlers[i];
	return NULL;
}

/* "<input>-resources", with the window of the policy that brought the input, if it has handlers. NULL: no
 * memory, or no such handler. */
static struct pv_config_policy *make_resources(const struct pv_agent *a, const struct pv_config_policy *by,
					       const struct pv_config_stream *s)
{
	const struct pv_handler *handler = resources_handler(a);
	const struct pv_config_handler plain = {.periods = a->conf.periods ? a->conf.periods : PV_CONFIG_PERIODS,
						.deep = a->conf.deep_max ? a->conf.deep_max : PV_CONFIG_DEEP,
						.topn = PV_CONFIG_TOPN};
	const struct pv_config_handler *like = by->nhandlers ? &by->handlers[0] : &plain;
	struct pv_config_policy *p = handler ? calloc(1, sizeof *p) : NULL;
	if (!p)
		return NULL;
	p->resources = true;
	p->line = by->line;
	p->streams = calloc(1, sizeof *p->streams);
	p->handlers = calloc(1, sizeof *p->handlers);
	if (p->streams && p->handlers) {
		struct pv_config_stream *to = &p->streams[p->nstreams++];
		struct pv_config_handler *h = &p->handlers[p->nhandlers++];
		char name[PV_BUCKET_NAME];
		snprintf(name, sizeof name, "%s-resources", s->name);
		*to = (struct pv_config_stream){.name = strdup(s->name),
						.tap = strdup(s->tap),
						.input = s->input,
						.input_type = s->input_type,
						.config = json_incref(s->config)};
		to->pcap = s->pcap; /* its texts are those of the config */
		to->dnstap.file = s->dnstap.file;
		to->dnstap.socket = s->dnstap.socket;
		to->dnstap.tcp = s->dnstap.tcp;
		*h = (struct pv_config_handler){.module = strdup(name),
						.type = handler->type,
						.version = handler->version,
						.handler = handler,
						.periods = like->periods,
						.deep = like->deep,
						.topn = like->topn,
						.topn_percentile = like->topn_percentile};
		h->config = json_pack("{s:i, s:i}", "num_periods", (int)like->periods, "deep_sample_rate",
				      (int)like->deep);
		pv_net_filter_init(&h->net);
		pv_dns_filter_init(&h->dns);
		p->name = strdup(name);
	}
	if (!p->name || !p->streams[0].name || !p->streams[0].tap || !p->handlers[0].module ||
	    !p->handlers[0].config) {
		pv_config_policy_free(p);
		return NULL;
	}
	return p;
}

/* The policy at `at` of the registry goes; with the last one on an input the one that watches it. */
static void drop_policy(struct pv_agent *a, size_t at)
{
	struct pv_config_policy *p = a->policies[at];
	char name[PV_BUCKET_NAME];
	size_t watch;
	memmove(&a->policies[at], &a->policies[at + 1], (--a->npolicies - at) * sizeof a->policies[0]);
	for (size_t s = 0; !p->resources && s < p->nstreams; s++) {
		snprintf(name, sizeof name, "%s-resources", p->streams[s].name);
		if (!users(a, p->streams[s].name) && find_policy(a, name, &watch) &&
		    a->policies[watch]->resources)
			drop_policy(a, watch);
	}
	pv_graph_remove(a->graph, p);
	pv_config_policy_free(p);
}

/* For each input that the policy is the first on. Without one the policy works as well. */
static void watch_inputs(struct pv_agent *a, const struct pv_config_policy *p)
{
	char name[PV_BUCKET_NAME], why[256];
	size_t at;
	for (size_t s = 0; s < p->nstreams; s++) {
		snprintf(name, sizeof name, "%s-resources", p->streams[s].name);
		if (users(a, p->streams[s].name) != 1 || find_policy(a, name, &at) ||
		    room(&a->policies, a->npolicies + a->expected + 1))
			continue;
		struct pv_config_policy *watch = make_resources(a, p, &p->streams[s]);
		if (watch && !pv_graph_add(a->graph, watch, why, sizeof why))
			a->policies[a->npolicies++] = watch;
		else
			pv_config_policy_free(watch);
	}
}

static void drop_tap(struct pv_agent *a, size_t at)
{
	pv_config_tap_free(a->taps[at]);
	memmove(&a->taps[at], &a->taps[at + 1], (--a->ntaps - at) * sizeof a->taps[0]);
}

/* Back to so many of each. The last one is of those that came: what watches an input goes with the last on
 * it. */
static void roll_back(struct pv_agent *a, size_t ntaps, size_t npolicies)
{
	while (a->npolicies > npolicies)
		drop_policy(a, a->npolicies - 1);
	while (a->ntaps > ntaps)
		drop_tap(a, a->ntaps - 1);
}

static int take(struct pv_agent *a, struct pv_config *c, struct pv_config_error *err)
{
	size_t ntaps = a->ntaps, npolicies = a->npolicies;
	char why[512];
	if (ntaps + c->ntaps > PV_CONFIG_TAPS || npolicies + c->npolicies > PV_CONFIG_POLICIES)
		return pv_config_fail(err, PV_CONFIG_INVALID, 0, "more than %d taps or policies",
				      PV_CONFIG_POLICIES);
	if (room(&a->taps, ntaps + c->ntaps) || room(&a->policies, npolicies + c->npolicies))
		return pv_config_fail(err, PV_CONFIG_FAILED, 0, "out of memory");
	for (size_t i = 0; i < c->ntaps; i++) {
		a->taps[a->ntaps++] = c->taps[i];
		c->taps[i] = NULL;
	}
	for (size_t i = 0; i < c->npolicies; i++) {
		struct pv_config_policy *p = c->policies[i];
		int bad = pv_graph_add(a->graph, p, why, sizeof why);
		if (bad) {
			pv_config_fail(err, PV_AGENT_START, p->line, "policy [%s] failed to start: %s",
				       p->name, why);
			roll_back(a, ntaps, npolicies);
			return -1;
		}
		a->policies[a->npolicies++] = p;
		c->policies[i] = NULL;
		a->expected = c->npolicies - i - 1;
		watch_inputs(a, p);
	}
	if (c->global) {
		json_decref(a->global);
		a->global = json_incref(c->global);
	}
	return 0;
}

int pv_agent_take(struct pv_agent *a, struct pv_config *c, struct pv_config_error *err)
{
	pthread_mutex_lock(&a->lock);
	int rc = take(a, c, err);
	pthread_mutex_unlock(&a->lock);
	return rc;
}

int pv_agent_start(struct pv_agent *a, char *err, size_t cap)
{
	pthread_mutex_lock(&a->lock);
	int rc = pv_graph_start(a->graph, err, cap);
	pthread_mutex_unlock(&a->lock);
	return rc;
}

/* Is it what `dir` holds, links followed? */
static bool is_below(const char *path, const char *dir)
{
	char *real = realpath(path, NULL), *below = realpath(dir, NULL);
	size_t n = below ? strlen(below) : 0;
	bool ok = real && n && !strncmp(real, below, n) && (real[n] == '/' || n == 1 || !real[n]);
	free(real);
	free(below);
	return ok;
}

/* A regular file; or for a socket, which is made and not read, the folder that it will be in. */
static bool path_ok(const char *path, const char *dir, bool made)
{
	struct stat st;
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (!made)
		return is_below(path, dir) && !stat(path, &st) && S_ISREG(st.st_mode);
	if (!slash || (size_t)(slash - path) >= sizeof folder)
		return false;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	return is_below(folder, dir);
}

/* Whoever may send requests may not read whatever we may: files only below the folder that was named for it.
 */
static int check_paths(const struct pv_agent *a, const struct pv_config *c, struct pv_config_error *err)
{
	const char *dir = a->conf.data_dir;
	for (size_t i = 0; i < c->npolicies; i++)
		for (size_t s = 0; s < c->policies[i]->nstreams; s++) {
			const struct pv_config_stream *t = &c->policies[i]->streams[s];
			const struct {
				const char *key, *path;
				bool made;
			} paths[] = {{"pcap_file", t->pcap.pcap_file, false},
				     {"pcap_file", t->flow.pcap_file, false},
				     {"dnstap_file", t->dnstap.file, false},
				     {"socket", t->dnstap.socket, true},
				     {"input", t->module.from, false}};
			for (size_t k = 0; k < sizeof paths / sizeof paths[0]; k++) {
				const char *what = paths[k].made ? "sockets" : "files";
				if (!paths[k].path || (dir && path_ok(paths[k].path, dir, paths[k].made)))
					continue;
				if (!dir)
					return pv_config_fail(err, PV_CONFIG_INVALID, c->policies[i]->line,
							      "%s '%s': %s cannot be %s by request without --data-dir",
							      paths[k].key, paths[k].path, what,
							      paths[k].made ? "made" : "read");
				return pv_config_fail(err, PV_CONFIG_INVALID, c->policies[i]->line,
						      "%s '%s': only %s below the data directory may be %s", paths[k].key,
						      paths[k].path, paths[k].made ? what : "regular files",
						      paths[k].made ? "made" : "read");
			}
		}
	return 0;
}

json_t *pv_agent_post(struct pv_agent *a, enum pv_config_form form, const char *text, size_t n,
		      struct pv_config_error *err)
{
	json_t *made = NULL;
	char why[512];
	pthread_mutex_lock(&a->lock);
	size_t ntaps = a->ntaps, npolicies = a->npolicies;
	struct pv_config_world world = pv_agent_world(a);
	struct pv_config *c = NULL;
	if (a->finished)
		pv_config_fail(err, PV_CONFIG_FAILED, 0, "shutting down");
	else
		c = pv_config_load_text(text, n, form, &world, err);
	if (!c || check_paths(a, c, err) || take(a, c, err))
		goto out;
	atomic_store(&a->asked_sec, now_sec()); /* who makes a policy wants to see it */
	if (pv_graph_start(a->graph, why, sizeof why)) {
		pv_config_fail(err, PV_CONFIG_FAILED, 0, "%s", why);
		roll_back(a, ntaps, npolicies);
		goto out;
	}
	made = form == PV_CONFIG_TAP
		   ? json_pack("{s:o}", a->taps[ntaps]->name, pv_config_tap_json(a->taps[ntaps]))
		   : json_pack("{s:o}", a->policies[npolicies]->name,
			       pv_describe_policy(a->policies[npolicies],
						  (const struct pv_config_tap *const *)a->taps, a->ntaps,
						  a->graph, a->conf.store));
	if (!made) {
		pv_config_fail(err, PV_CONFIG_FAILED, 0, "out of memory");
		roll_back(a, ntaps, npolicies); /* who is told that it failed may try again */
	}
out:
	pthread_mutex_unlock(&a->lock);
	pv_config_free(c);
	return made;
}

bool pv_agent_remove_tap(struct pv_agent *a, const char *name)
{
	size_t at;
	pthread_mutex_lock(&a->lock);
	bool found = find_tap(a, name, &at);
	if (found)
		drop_tap(a, at);
	pthread_mutex_unlock(&a->lock);
	return found;
}

bool pv_agent_remove_policy(struct pv_agent *a, const char *name)
{
	size_t at;
	pthread_mutex_lock(&a->lock);
	bool found = find_policy(a, name, &at);
	if (found)
		drop_policy(a, at);
	pthread_mutex_unlock(&a->lock);
	return found;
}

void pv_agent_finish(struct pv_agent *a)
{
	pthread_mutex_lock(&a->lock);
	a->finished = true;
	pv_graph_finish(a->graph);
	pthread_mutex_unlock(&a->lock);
}

/* ---- asking -----------------------------------------------------------------------------------------------
 */

bool pv_agent_live(struct pv_agent *a)
{
	bool live = false;
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->npolicies; i++)
		for (size_t s = 0; s < a->policies[i]->nstreams; s++)
			live |= a->policies[i]->streams[s].input == PV_INPUT_PCAP &&
				a->policies[i]->streams[s].pcap.source != PV_INPUT_PCAP_MOCK &&
				!a->policies[i]->streams[s].pcap.pcap_file;
	pthread_mutex_unlock(&a->lock);
	return live;
}

bool pv_agent_idle(struct pv_agent *a)
{
	return pv_graph_idle(a->graph);
}

json_t *pv_agent_taps_json(struct pv_agent *a, const char *name)
{
	json_t *all = json_object();
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->ntaps; i++)
		if (!name || !strcmp(name, a->taps[i]->name))
			json_object_set_new(all, a->taps[i]->name, pv_config_tap_json(a->taps[i]));
	pthread_mutex_unlock(&a->lock);
	if (name && all && !json_object_size(all)) {
		json_decref(all);
		errno = ENOENT;
		return NULL;
	}
	return all;
}

json_t *pv_agent_policies_json(struct pv_agent *a, const char *name)
{
	json_t *all = json_object();
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->npolicies; i++)
		if (!name || !strcmp(name, a->policies[i]->name))
			json_object_set_new(all, a->policies[i]->name,
					    pv_describe_policy(a->policies[i],
							       (const struct pv_config_tap *const *)a->taps,
							       a->ntaps, a->graph, a->conf.store));
	pthread_mutex_unlock(&a->lock);
	if (name && all && !json_object_size(all)) {
		json_decref(all);
		errno = ENOENT;
		return NULL;
	}
	return all;
}

void pv_agent_asked(void *agent)
{
	struct pv_agent *a = agent;
	long long now = now_sec(), last = atomic_exchange(&a->asked_sec, now);
	if (now - last >= PV_AGENT_ASKED_SEC && !pv_agent_idle(a)) {
		const struct timespec t = {PV_AGENT_WAIT_MS / 1000, PV_AGENT_WAIT_MS % 1000 * 1000000L};
		nanosleep(&t, NULL);
	}
}

static void add_worker(struct pv_prom *p, const struct pv_graph_lane *l, unsigned worker)
{
	static const struct pv_prom_metric packets = {"pktvisor_worker_packets_total", PV_PROM_COUNTER,
						      "Packets that a worker of an input was given"};
	struct pv_source_status s;
	char number[12];
	snprintf(number, sizeof number, "%u", worker);
	const struct pv_label labels[] = {{"input", l->stream}, {"worker", number}};
	pv_source_status(pv_team_source(l->team, worker), &s);
	pv_prom_u64(p, &packets, labels, 2, s.capture.packets);
}

static void add_samples(void *ctx, const struct pv_graph_lane *l)
{
	static const struct pv_prom_metric lost_batches = {
	    "pktvisor_policy_lost_batches_total", PV_PROM_COUNTER,
	    "Batches of events that a policy was too slow for"};
	static const struct pv_prom_metric lost = {"pktvisor_policy_lost_events_total", PV_PROM_COUNTER,
						   "Events in those batches"};
	static const struct pv_prom_metric events = {"pktvisor_policy_events_total", PV_PROM_COUNTER,
						     "Events that a policy was given"};
	static const struct pv_prom_metric waiting = {"pktvisor_policy_waiting_batches", PV_PROM_GAUGE,
						      "Batches that wait for a policy"};
	static const struct pv_prom_metric messages = {"pktvisor_input_messages_total", PV_PROM_COUNTER,
						       "Messages parsed on an input, once for all policies"};
	static const struct pv_prom_metric link_down = {"pktvisor_input_link_down_total", PV_PROM_COUNTER,
							"Times an input's interface went down or away"};
	static const struct pv_prom_metric policies = {"pktvisor_input_policies", PV_PROM_GAUGE,
						       "Policies on an input"};
	static const struct pv_prom_metric bytes = {
	    "pktvisor_input_ring_bytes", PV_PROM_GAUGE,
	    "Memory that holds batches between an input and its policies"};
	struct pv_prom *p = ctx;
	const struct pv_label lane[] = {{"policy", l->policy}, {"tap", l->tap}},
				   input[] = {{"input", l->stream}};
	struct pv_source_status s;
	pv_prom_u64(p, &lost_batches, lane, 2, l->counts.lost_batches);
	pv_prom_u64(p, &lost, lane, 2, l->counts.lost_events);
	pv_prom_u64(p, &events, lane, 2, l->counts.events);
	pv_prom_u64(p, &waiting, lane, 2, l->counts.waiting);
	if (!l->first)
		return;
	pv_team_status(l->team, &s);
	pv_prom_u64(p, &messages, input, 1, s.messages);
	pv_prom_u64(p, &link_down, input, 1, s.capture.link_down);
	pv_prom_u64(p, &policies, input, 1, l->policies);
	pv_prom_u64(p, &bytes, input, 1, s.ring_bytes);
	for (unsigned i = 0; i < pv_team_size(l->team); i++)
		add_worker(p, l, i);
}

static void listen_to(void *ctx, const struct pv_graph_lane *l)
{
	struct pv_agent *a = ctx;
	char line[256], words[400];
	if (!l->first || !pv_team_notice(l->team, line, sizeof line) || !a->conf.say)
		return;
	snprintf(words, sizeof words, "input %s: %s", l->stream, line);
	a->conf.say(a->conf.ctx, PV_SAY_WARNING, words);
}

void pv_agent_listen(struct pv_agent *a)
{
	pv_graph_each(a->graph, NULL, listen_to, a);
}

void pv_agent_each(struct pv_agent *a, void (*fn)(void *, const struct pv_graph_lane *), void *ctx)
{
	pv_graph_each(a->graph, NULL, fn, ctx);
}

void pv_agent_prom(void *agent, struct pv_prom *p)
{
	struct pv_agent *a = agent;
	pv_graph_each(a->graph, NULL, add_samples, p);
}

/* ---- making -----------------------------------------------------------------------------------------------
 */

struct pv_agent *pv_agent_new(const struct pv_agent_conf *conf)
{
	struct pv_agent *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->conf = *conf;
	pthread_mutex_init(&a->lock, NULL);
	const struct pv_graph_conf gc = {
	    .registry = conf->handlers,
	    .geo = conf->geo,
	    .geo_cache = conf->geo_cache,
	    .services = conf->services,
	    .seed = conf->seed,
	    .workers = conf->workers,
	    .open = open_place,
	    .close = close_place,
	    .ctx = a,
	};
	a->graph = pv_graph_new(&gc);
	atomic_store(&a->asked_sec, now_sec());
	if (!a->graph) {
		pv_agent_free(a);
		return NULL;
	}
	return a;
}

void pv_agent_free(struct pv_agent *a)
{
	if (!a)
		return;
	roll_back(a, 0, 0);
	pv_graph_free(a->graph);
	json_decref(a->global);
	free(a->taps);
	free(a->policies);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
