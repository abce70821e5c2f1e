/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/graph.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/tcp.h"
#include "policy/lane.h"

struct node { /* a source */
	struct node *next;
	char *name;
	struct pv_source *source;
	bool started;
	atomic_uint lanes; /* how many; others than the control thread read it */
};

struct lane {
	struct lane *next;
	const struct pv_config_policy *policy;
	const struct pv_config_stream *stream;
	struct node *node;
	struct pv_graph_place place;
	struct pv_lane *lane;
	bool started;
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
		if (!strcmp(n->name, name) && pv_source_joinable(n->source))
			return n;
	return NULL;
}

static struct pv_source *new_source(struct pv_graph *g, const struct pv_config_stream *s, char *err,
				    size_t cap)
{
	uint64_t flows = s->pcap.tcp_flows_max;
	struct pv_source_conf conf = {
	    .geo = g->conf.geo,
	    .geo_cache = g->conf.geo_cache,
	    .seed = g->conf.seed,
	    .tcp_flows_max = flows < PV_TCP_FLOWS_DEFAULT ? (uint32_t)flows
							  : 0, /* no more than the memory there is for it */
	};
	if (pv_input_open(s, &conf.input, err, cap))
		return NULL;
	struct pv_source *source = pv_source_new(&conf);
	if (!source)
		snprintf(err, cap, "out of memory");
	return source;
}

static struct node *open_source(struct pv_graph *g, const struct pv_config_stream *s, char *err, size_t cap)
{
	struct node *n = calloc(1, sizeof *n);
	if (!n || !(n->name = strdup(s->name))) {
		free(n);
		snprintf(err, cap, "out of memory");
		return NULL;
	}
	n->source = new_source(g, s, err, cap);
	if (!n->source) {
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
	pv_source_free(n->source);
	free(n->name);
	free(n);
}

static enum pv_source_stage stage_of(const struct pv_config_handler *h)
{
	return !strcmp(h->type, "net")	  ? PV_SOURCE_NET
	       : !strcmp(h->type, "dns")  ? PV_SOURCE_DNS
	       : !strcmp(h->type, "dhcp") ? PV_SOURCE_DHCP
					  : PV_SOURCE_CAPTURE;
}

/* What a module's analyser reads, others must make. */
static void want_inputs_of(struct pv_source_want *w, const struct pv_analyser_ops *ops)
{
	const uint64_t dns = PV_WANTS(PV_EV_DNS) | PV_WANTS(PV_EV_DNS_TIMEOUT) | PV_WANTS(PV_EV_TCP_ERROR);
	w->stage[PV_SOURCE_NET] |= ops->wants & PV_WANTS(PV_EV_NET);
	w->stage[PV_SOURCE_DNS] |= (ops->wants & dns) != 0;
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

static void want_more(struct pv_source_want *w, struct pv_source_module *list,
		      const struct pv_config_policy *p)
{
	w->policies += !p->resources;
	w->handlers += p->resources ? 0 : (uint32_t)p->nhandlers;
	for (size_t i = 0; i < p->nhandlers; i++) {
		const struct pv_config_handler *h = &p->handlers[i];
		enum pv_source_stage stage = stage_of(h);
		w->stage[stage] = true;
		if (h->analyser)
			want_module(w, list, h);
		if (!strcmp(h->type, "pcap"))
			w->stage[PV_SOURCE_DNS] = true; /* what reassembly loses is among its metrics */
		if (stage == PV_SOURCE_DNS && h->xact_ttl_ns > w->dns_ttl_ns)
			w->dns_ttl_ns = h->xact_ttl_ns;
		if (stage == PV_SOURCE_DHCP && h->xact_ttl_ns > w->dhcp_ttl_ns)
			w->dhcp_ttl_ns = h->xact_ttl_ns;
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
	pv_source_want(n->source, &w);
}

/* ---- lanes --------------------------------------------------------------------------------------------- */

static void beat(void *ctx)
{
	struct lane *l = ctx;
	struct pv_ring_counts c;
	if (!l->place.beat)
		return;
	pv_lane_counts(l->lane, &c);
	l->place.beat(l->place.ctx, l->node->source, &c);
}

static bool ready(void *ctx)
{
	struct lane *l = ctx;
	return !l->place.ready || l->place.ready(l->place.ctx);
}

static struct pv_lane *make_lane(struct pv_graph *g, struct lane *l, char *err, size_t cap)
{
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
		    .ttl_ns = h->xact_ttl_ns,
		    .periods = h->periods,
		    .deep = h->deep,
		    .topn = h->topn,
		    .topn_percentile = h->topn_percentile,
		    .enable = h->enable,
		    .disable = h->disable,
		    .nenable = h->nenable,
		    .ndisable = h->ndisable,
		};
		const struct pv_source_module m = module_of(h);
		if (h->analyser &&
		    pv_source_module(l->node->source, &m, &handlers[i].stage, &handlers[i].events, err, cap))
			return NULL;
	}
	const struct pv_lane_conf conf = {
	    .handlers = handlers,
	    .nhandlers = p->nhandlers,
	    .chain = p->chain,
	    .only_hosts = l->stream->dnstap.only_hosts,
	    .registry = g->conf.registry,
	    .dns_ttl_ns = pv_source_dns_ttl(l->node->source),
	    .sink = l->place.sink,
	    .ready = ready,
	    .beat = beat,
	    .ctx = l,
	    .budget_bytes = PV_LANE_BUDGET / p->nstreams,
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
	pv_lane_free(l->lane);
	if (l->place.sink.write)
		g->conf.close(g->conf.ctx, &l->place);
	free(l);
	if (!n)
		return;
	if (--n->lanes)
		want(g, n, NULL);
	else
		drop_source(g, n);
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
	l->place.source = l->node->source;
	if (g->conf.open(g->conf.ctx, p, s, &l->place, err, cap)) {
		l->place.sink.write = NULL;
		drop_lane(g, l);
		return -1;
	}
	l->lane = make_lane(g, l, err, cap);
	if (!l->lane) {
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

int pv_graph_start(struct pv_graph *g, char *err, size_t cap)
{
	int rc = 0;
	pthread_mutex_lock(&g->lock);
	for (struct lane *l = g->lanes; l; l = l->next)
		if (!l->started) {
			l->started = !pv_lane_start(l->lane, pv_source_ring(l->node->source), err, cap);
			rc |= l->started ? 0 : -1;
		}
	pthread_mutex_unlock(&g->lock);
	for (struct node *n = g->nodes; n; n = n->next)
		if (!n->started) {
			n->started = !pv_source_start(n->source, err, cap);
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
		pv_source_stop(n->source);
	for (struct lane *l = g->lanes; l; l = l->next)
		if (l->started && l->node->started)
			pv_lane_wait(l->lane);
}

bool pv_graph_idle(struct pv_graph *g)
{
	bool idle = true;
	pthread_mutex_lock(&g->lock);
	for (struct lane *l = g->lanes; l && idle; l = l->next)
		idle = !pv_lane_running(l->lane);
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
		    .running = pv_lane_running(l->lane),
		    .source = l->node->source,
		    .policies = l->node->lanes,
		    .first = true,
		};
		for (struct lane *k = g->lanes; k != l && info.first; k = k->next)
			info.first = k->node != l->node || (p && k->policy != p);
		pv_lane_counts(l->lane, &info.counts);
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
