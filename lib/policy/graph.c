/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/graph.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "packet/tcp.h"
#include "policy/lane.h"

struct node { /* an input stream */
	struct node *next;
	char *name;
	struct pv_team *team;
	bool started;
	atomic_uint lanes; /* how many; others than the control thread read it */
};

struct lane;

struct strand { /* one worker's */
	struct lane *of;
	unsigned worker;
	struct pv_lane *lane;
	bool started;
};

struct lane { /* a policy on a stream */
	struct lane *next;
	const struct pv_config_policy *policy;
	const struct pv_config_stream *stream;
	struct node *node;
	unsigned n; /* workers */
	uint64_t origin_sec;
	bool placed;
	struct pv_graph_place place[PV_CAPTURE_WORKERS];
	struct strand strand[PV_CAPTURE_WORKERS];
};

struct pv_graph {
	struct pv_graph_conf conf;
	pthread_mutex_t lock; /* of the lists: the control thread holds it to change them, others to read */
	struct node *nodes;
	struct lane *lanes;
};

/* ---- sources ------------------------------------------------------------------------------------------- */

/* One that can be joined. */
static struct node *find(struct pv_graph *g, const char *name)
{
	for (struct node *n = g->nodes; n; n = n->next)
		if (!strcmp(n->name, name) && pv_team_joinable(n->team))
			return n;
	return NULL;
}

static struct pv_team *new_team(struct pv_graph *g, const struct pv_config_stream *s, char *err, size_t cap)
{
	uint64_t flows = s->pcap.tcp_flows_max;
	const struct pv_source_conf conf = {
	    .geo = g->conf.geo,
	    .geo_cache = g->conf.geo_cache,
	    .seed = g->conf.seed,
	    .flows = s->input == PV_INPUT_FLOW,
	    .tcp_flows_max = flows < PV_TCP_FLOWS_DEFAULT ? (uint32_t)flows
							  : 0, /* no more than the memory there is for it */
	};
	return pv_team_open(s, g->conf.workers, &conf, err, cap);
}

static struct node *open_source(struct pv_graph *g, const struct pv_config_stream *s, char *err, size_t cap)
{
	struct node *n = calloc(1, sizeof *n);
	if (!n || !(n->name = strdup(s->name))) {
		free(n);
		snprintf(err, cap, "out of memory");
		return NULL;
	}
	n->team = new_team(g, s, err, cap);
	if (!n->team) {
		free(n->name);
		free(n);
		return NULL;
	}
	pthread_mutex_lock(&g->lock);
	n->next = g->nodes;
	g->nodes = n;
	pthread_mutex_unlock(&g->lock);
	return n;
}

static void drop_source(struct pv_graph *g, struct node *n)
{
	struct node **at = &g->nodes;
	pthread_mutex_lock(&g->lock);
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	pthread_mutex_unlock(&g->lock);
	pv_team_free(n->team);
	free(n->name);
	free(n);
}

static enum pv_source_stage stage_of(const struct pv_config_handler *h)
{
	return !strcmp(h->type, "net")	  ? PV_SOURCE_NET
	       : !strcmp(h->type, "connections") ? PV_SOURCE_NET
	       : !strcmp(h->type, "dns")  ? PV_SOURCE_DNS
	       : !strcmp(h->type, "dhcp") ? PV_SOURCE_DHCP
	       : !strcmp(h->type, "bgp")  ? PV_SOURCE_BGP
					  : PV_SOURCE_CAPTURE;
}

/* What a module's analyser reads, others must make. */
static void want_inputs_of(struct pv_source_want *w, const struct pv_analyser_ops *ops)
{
	const uint64_t dns = PV_WANTS(PV_EV_DNS) | PV_WANTS(PV_EV_DNS_TIMEOUT) | PV_WANTS(PV_EV_TCP_ERROR);
	w->stage[PV_SOURCE_NET] |= ops->wants & PV_WANTS(PV_EV_NET);
	w->stage[PV_SOURCE_DNS] |= (ops->wants & dns) != 0;
	w->stage[PV_SOURCE_BGP] |= (ops->wants & PV_WANTS(PV_EV_BGP)) != 0;
	w->stage[PV_SOURCE_DHCP] |= (ops->wants & PV_WANTS(PV_EV_DHCP)) != 0;
}

static struct pv_source_module module_of(const struct pv_config_handler *h)
{
	return (struct pv_source_module){h->analyser, h->analyser_conf, h->analyser_key};
}

/* Those of lanes, which a source has all at once, and those of one that is about to join. */
#define MODULES_MAX (PV_SOURCE_MODULES + PV_LANE_HANDLERS)

static void want_module(struct pv_source_want *w, struct pv_source_module *list,
			const struct pv_config_handler *h)
{
	want_inputs_of(w, h->analyser->ops);
	for (size_t i = 0; i < w->nmodules; i++)
		if (list[i].analyser == h->analyser && !strcmp(list[i].key, h->analyser_key))
			return;
	if (w->nmodules < MODULES_MAX)
		list[w->nmodules++] = module_of(h);
}

/* Which hosts events of modules are of, the NET event says (policy/only.h). */
static bool wants_hosts(const struct pv_config_policy *p)
{
	for (size_t i = 0; i < p->nstreams; i++)
		if (p->streams[i].dnstap.only_hosts)
			return true;
	return false;
}

static void want_more(struct pv_source_want *w, struct pv_source_module *list,
		      const struct pv_config_policy *p)
{
	w->policies += !p->resources;
	w->handlers += p->resources ? 0 : p->chain ? 1 : (uint32_t)p->nhandlers; /* as the original counts */
	for (size_t i = 0; i < p->nhandlers; i++) {
		const struct pv_config_handler *h = &p->handlers[i];
		enum pv_source_stage stage = stage_of(h);
		w->stage[stage] = true;
		if (h->analyser) {
			want_module(w, list, h);
			w->stage[PV_SOURCE_NET] |= wants_hosts(p);
		}
		if (!strcmp(h->type, "pcap"))
			w->stage[PV_SOURCE_DNS] = true; /* what reassembly loses is among its metrics */
		if (stage == PV_SOURCE_DNS && h->xact_ttl_ns > w->dns_ttl_ns)
			w->dns_ttl_ns = h->xact_ttl_ns;
		if (stage == PV_SOURCE_DHCP && h->xact_ttl_ns > w->dhcp_ttl_ns)
			w->dhcp_ttl_ns = h->xact_ttl_ns;
		if (!strcmp(h->type, "netprobe") && h->xact_ttl_ns > w->probe_ttl_ns)
			w->probe_ttl_ns = h->xact_ttl_ns;
	}
}

/* What all lanes of a source want; and one that is about to join. */
static void want(struct pv_graph *g, struct node *n, const struct pv_config_policy *joins)
{
	struct pv_source_module list[MODULES_MAX];
	struct pv_source_want w = {.module = list};
	for (struct lane *l = g->lanes; l; l = l->next)
		if (l->node == n)
			want_more(&w, list, l->policy);
	if (joins)
		want_more(&w, list, joins);
	pv_team_want(n->team, &w);
}

/* ---- lanes --------------------------------------------------------------------------------------------- */

static struct pv_source *source_of(const struct strand *s)
{
	return pv_team_source(s->of->node->team, s->worker);
}

static void beat(void *ctx)
{
	struct strand *s = ctx;
	const struct pv_graph_place *place = &s->of->place[s->worker];
	if (place->beat)
		place->beat(place->ctx, source_of(s), s->lane);
}

static bool ready(void *ctx)
{
	const struct strand *s = ctx;
	const struct pv_graph_place *place = &s->of->place[s->worker];
	return !place->ready || place->ready(place->ctx);
}

static uint64_t ttl_of(const struct pv_config_stream *s, const struct pv_config_handler *h)
{
	if (h->xact_ttl_ns || s->input != PV_INPUT_NETPROBE)
		return h->xact_ttl_ns;
	return s->netprobe.timeout_ms * 1000000;
}

static struct pv_lane *make_lane(struct pv_graph *g, struct strand *s, char *err, size_t cap)
{
	struct lane *l = s->of;
	struct pv_lane_handler handlers[PV_LANE_HANDLERS];
	const struct pv_config_policy *p = l->policy;
	if (p->nhandlers > PV_LANE_HANDLERS) {
		snprintf(err, cap, "more than %d handlers", PV_LANE_HANDLERS);
		return NULL;
	}
	for (size_t i = 0; i < p->nhandlers; i++) {
		const struct pv_config_handler *h = &p->handlers[i];
		handlers[i] = (struct pv_lane_handler){
		    .name = h->module, /* who reads puts policy and tap in front */
		    .handler = h->handler,
		    .stage = (uint8_t)stage_of(h),
		    .dns = &h->dns,
		    .net = &h->net,
		    .flow = &h->flow,
		    .ttl_ns = ttl_of(l->stream, h),
		    .periods = h->periods,
		    .deep = h->deep,
		    .topn = h->topn,
		    .topn_percentile = h->topn_percentile,
		    .enable = h->enable,
		    .disable = h->disable,
		    .nenable = h->nenable,
		    .ndisable = h->ndisable,
		};
		if (h->source)
			handlers[i].events = PV_EV_MODULE;
		const struct pv_source_module m = module_of(h);
		if (h->analyser &&
		    pv_source_module(source_of(s), &m, &handlers[i].stage, &handlers[i].events, err, cap))
			return NULL;
	}
	const struct pv_lane_conf conf = {
	    .handlers = handlers,
	    .nhandlers = p->nhandlers,
	    .chain = p->chain,
	    .only_hosts = l->stream->dnstap.only_hosts,
	    .registry = g->conf.registry,
	    .dns_ttl_ns = pv_source_dns_ttl(source_of(s)),
	    .services = g->conf.services,
	    .sink = l->place[s->worker].sink,
	    .ready = ready,
	    .beat = beat,
	    .ctx = s,
	    .origin_sec = l->origin_sec,
	    .budget_bytes = PV_LANE_BUDGET / p->nstreams / l->n,
	    .seed = g->conf.seed,
	};
	return pv_lane_new(&conf, err, cap);
}

static void drop_lane(struct pv_graph *g, struct lane *l)
{
	struct node *n = l->node;
	struct lane **at = &g->lanes;
	pthread_mutex_lock(&g->lock);
	while (*at && *at != l)
		at = &(*at)->next;
	if (*at)
		*at = l->next;
	pthread_mutex_unlock(&g->lock);
	for (unsigned i = 0; i < l->n; i++)
		pv_lane_free(l->strand[i].lane);
	if (l->placed)
		g->conf.close(g->conf.ctx, l->place, l->n);
	free(l);
	if (!n)
		return;
	if (--n->lanes)
		want(g, n, NULL);
	else
		drop_source(g, n);
}

/* Its places, and a lane for each worker. */
static int make_strands(struct pv_graph *g, struct lane *l, char *err, size_t cap)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	l->n = pv_team_size(l->node->team);
	l->origin_sec =
	    l->n > 1 ? (uint64_t)now.tv_sec : 0; /* of one worker, periods follow the stream alone */
	for (unsigned i = 0; i < l->n; i++)
		l->place[i].source = pv_team_source(l->node->team, i);
	if (g->conf.open(g->conf.ctx, l->policy, l->stream, l->place, l->n, err, cap))
		return -1;
	l->placed = true;
	for (unsigned i = 0; i < l->n; i++) {
		struct strand *s = &l->strand[i];
		*s = (struct strand){.of = l, .worker = i};
		s->lane = make_lane(g, s, err, cap);
		if (!s->lane)
			return -1;
	}
	return 0;
}

static int add_lane(struct pv_graph *g, const struct pv_config_policy *p, const struct pv_config_stream *s,
		    char *err, size_t cap)
{
	struct lane *l = calloc(1, sizeof *l);
	if (!l) {
		snprintf(err, cap, "out of memory");
		return -1;
	}
	l->policy = p;
	l->stream = s;
	l->node = find(g, s->name);
	if (!l->node)
		l->node = open_source(g, s, err, cap);
	if (!l->node) {
		free(l);
		return -1;
	}
	l->node->lanes++;
	want(g, l->node, p);
	if (make_strands(g, l, err, cap)) {
		drop_lane(g, l);
		return -1;
	}
	pthread_mutex_lock(&g->lock);
	l->next = g->lanes;
	g->lanes = l;
	pthread_mutex_unlock(&g->lock);
	return 0;
}

/* ---- policies ------------------------------------------------------------------------------------------ */

int pv_graph_add(struct pv_graph *g, const struct pv_config_policy *p, char *err, size_t cap)
{
	for (size_t i = 0; i < p->nstreams; i++)
		if (add_lane(g, p, &p->streams[i], err, cap)) {
			pv_graph_remove(g, p);
			return -1;
		}
	return 0;
}

static int start_lane(struct lane *l, char *err, size_t cap)
{
	int rc = 0;
	for (unsigned i = 0; i < l->n; i++) {
		struct strand *s = &l->strand[i];
		if (s->started)
			continue;
		s->started = !pv_lane_start(s->lane, pv_source_ring(source_of(s)), err, cap);
		rc |= s->started ? 0 : -1;
	}
	return rc;
}

int pv_graph_start(struct pv_graph *g, char *err, size_t cap)
{
	int rc = 0;
	pthread_mutex_lock(&g->lock);
	for (struct lane *l = g->lanes; l; l = l->next)
		rc |= start_lane(l, err, cap);
	pthread_mutex_unlock(&g->lock);
	for (struct node *n = g->nodes; n; n = n->next)
		if (!n->started) {
			n->started = !pv_team_start(n->team, err, cap);
			rc |= n->started ? 0 : -1;
		}
	return rc;
}

void pv_graph_remove(struct pv_graph *g, const struct pv_config_policy *p)
{
	for (struct lane *l = g->lanes, *next; l; l = next) {
		next = l->next;
		if (l->policy == p)
			drop_lane(g, l);
	}
}

void pv_graph_finish(struct pv_graph *g)
{
	for (struct node *n = g->nodes; n; n = n->next)
		pv_team_stop(n->team);
	for (struct lane *l = g->lanes; l; l = l->next)
		for (unsigned i = 0; i < l->n && l->node->started; i++)
			if (l->strand[i].started)
				pv_lane_wait(l->strand[i].lane);
}

static bool running(const struct lane *l)
{
	for (unsigned i = 0; i < l->n; i++)
		if (pv_lane_running(l->strand[i].lane))
			return true;
	return false;
}

/* What its lanes have got, all together. */
static struct pv_ring_counts counts_of(const struct lane *l)
{
	struct pv_ring_counts sum = {0}, c;
	for (unsigned i = 0; i < l->n; i++) {
		pv_lane_counts(l->strand[i].lane, &c);
		sum.events += c.events;
		sum.lost_batches += c.lost_batches;
		sum.lost_events += c.lost_events;
		sum.waiting += c.waiting;
	}
	return sum;
}

bool pv_graph_idle(struct pv_graph *g)
{
	bool idle = true;
	pthread_mutex_lock(&g->lock);
	for (struct lane *l = g->lanes; l && idle; l = l->next)
		idle = !running(l);
	pthread_mutex_unlock(&g->lock);
	return idle;
}

void pv_graph_each(struct pv_graph *g, const struct pv_config_policy *p,
		   void (*fn)(void *, const struct pv_graph_lane *), void *ctx)
{
	pthread_mutex_lock(&g->lock);
	for (struct lane *l = g->lanes; l; l = l->next) {
		if (p && l->policy != p)
			continue;
		struct pv_graph_lane info = {
		    .policy = l->policy->name,
		    .tap = l->stream->tap,
		    .stream = l->stream->name,
		    .counts = counts_of(l),
		    .running = running(l),
		    .team = l->node->team,
		    .policies = l->node->lanes,
		    .first = true,
		};
		for (struct lane *k = g->lanes; k != l && info.first; k = k->next)
			info.first = k->node != l->node || (p && k->policy != p);
		fn(ctx, &info);
	}
	pthread_mutex_unlock(&g->lock);
}

struct pv_graph *pv_graph_new(const struct pv_graph_conf *conf)
{
	struct pv_graph *g = calloc(1, sizeof *g);
	if (!g)
		return NULL;
	pthread_mutex_init(&g->lock, NULL);
	g->conf = *conf;
	return g;
}

void pv_graph_free(struct pv_graph *g)
{
	if (!g)
		return;
	while (g->lanes)
		drop_lane(g, g->lanes);
	pthread_mutex_destroy(&g->lock);
	free(g);
}
