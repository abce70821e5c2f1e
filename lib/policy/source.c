/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/source.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "bgp/analyser.h"
#include "dhcp/analyser.h"
#include "dns/analyser.h"
#include "flow/locate.h"
#include "net/analyser.h"
#include "resources/resources.h"
#include "stage/pipe.h"

#define MS_NS	  UINT64_C(1000000)
#define STATUS_NS (100 * MS_NS)
#define HOLD_NS	  (PV_CAPTURE_WAIT_MS * MS_NS)

/* What is told of messages, by analyser; the rows of their ledgers. */
static const enum pv_ledger counts_of[] = {PV_LEDGER_RECEIVED, PV_LEDGER_MALFORMED, PV_LEDGER_UNSUPPORTED,
					   PV_LEDGER_FLOW_EVICTED};

#define COUNTS (sizeof counts_of / sizeof counts_of[0])

struct analyser {
	struct pv_stage *stage; /* NULL: does not run */
	void *self;		/* of its pv_analyser_ops, owned by the stage */
};

/* An analyser of a module. It is made by the control thread, where it is wanted, because only there its
 * settings live; run and freed by the source's. */
struct module {
	const struct pv_module_analyser *analyser; /* under the lock; NULL: this place is free */
	char *key;
	bool wanted; /* under the lock */
	uint8_t events;
	uint16_t port[PV_MODULE_PORTS];
	size_t nports;
	struct pv_stage *stage;
	bool running; /* of the source's own thread: `stage` is */
};

struct pv_source {
	struct pv_source_conf conf;
	struct pv_source_input in;
	struct pv_out out; /* of the input */
	struct pv_ring *ring;
	bool live;

	/* the source's own thread */
	struct analyser analyser[PV_SOURCE_STAGES];
	struct module module[PV_SOURCE_MODULES];
	struct pv_stage *locate; /* in front of the ring, for flows; NULL: none */
	bool ported;		/* payload has been asked for */
	struct pv_sink first;	/* where packets go */
	struct pv_event *start; /* START, once it has come */
	uint64_t now_ns;	/* stream time */
	uint64_t filled_ns;	/* clock: when the batch at hand began; 0: it is empty */
	uint64_t told_ns;	/* clock: when the status was last told */
	struct pv_resources resources;
	uint64_t gone[PV_SOURCE_STAGES][COUNTS]; /* of analysers that have been freed */

	/* between threads */
	pthread_mutex_t lock;
	struct pv_source_want want;	  /* under the lock */
	const char *bound[PV_EV_MODULES]; /* names of modules' events, by their numbers, for ever */
	atomic_uint version;		  /* of want */
	unsigned applied;		  /* by the thread */
	atomic_uint_least64_t dns_ttl_ns;
	struct pv_source_status status; /* under the lock */
	char notice[256];

	pthread_t thread;
	bool started, joined;
	atomic_bool over;
};

static uint64_t clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- analysis to ring -------------------------------------------------------------------------------- */

static void put(struct pv_source *s, const void *events, size_t n, uint64_t count, bool special)
{
	if (!n)
		return;
	if (!s->filled_ns)
		s->filled_ns = clock_ns();
	pv_ring_put(s->ring, events, n, count, special, s->now_ns);
}

static void counts(struct pv_source *s, uint32_t *policies, uint32_t *handlers)
{
	pthread_mutex_lock(&s->lock);
	*policies = s->want.policies;
	*handlers = s->want.handlers;
	pthread_mutex_unlock(&s->lock);
}

/* What this thread costs, and for how many; when it is due, or in any case. */
static void tell_resources(struct pv_source *s, bool due)
{
	struct pv_resources_event ev;
	uint32_t policies, handlers;
	counts(s, &policies, &handlers);
	if (!s->now_ns || (!due && !pv_resources_due(&s->resources, clock_ns(), policies, handlers)))
		return; /* without a time nothing has ever come */
	pv_resources_tell(&s->resources, s->now_ns, policies, handlers, &ev);
	put(s, &ev, sizeof ev, 1, false);
}

/* The last sink. Packets become TICKs: behind net there are none, but their NET events. */
static enum pv_res ring_write(void *ctx, const struct iovec *iov, int n)
{
	struct pv_source *s = ctx;
	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base, *end = p + iov[i].iov_len, *run = p;
		uint64_t count = 0;
		while (p < end) {
			const struct pv_event *ev = (const void *)p;
			const uint8_t *next = p + ev->size;
			s->now_ns = s->live ? pv_clock_stream(ev->time_ns, s->now_ns) : ev->time_ns;
			bool special =
			    ev->type == PV_EV_DEFINE || ev->type == PV_EV_STATS || ev->type == PV_EV_STOP;
			bool input = ev->type == PV_EV_PACKET || ev->type == PV_EV_DNSTAP;
			if (special || input || ev->type == PV_EV_STAGE || ev->type == PV_EV_LEDGER) {
				put(s, run, (size_t)(p - run), count, false);
				count = 0;
				run = next;
			} else {
				count++;
			}
			if (input) {
				const struct pv_event tick = {sizeof tick, PV_EV_TICK, 0, ev->time_ns};
				put(s, &tick, sizeof tick, 1, false);
			} else if (special) {
				if (ev->type == PV_EV_STOP)
					tell_resources(s, true);
				put(s, ev, ev->size, 1, true);
			}
			p = next;
		}
		put(s, run, (size_t)(end - run), count, false);
	}
	return PV_OK;
}

static struct pv_sink ring_sink(struct pv_source *s)
{
	return (struct pv_sink){.write = ring_write, .ctx = s, .copy_below = 512};
}

/* ---- analysers that come and go: in the source's thread, between polls ------------------------------- */

static struct pv_stage *make(struct pv_source *s, enum pv_source_stage number,
			     const struct pv_source_want *want, void **self)
{
	struct pv_geo *geo = NULL;
	if (s->conf.geo && (number == PV_SOURCE_DNS || number == PV_SOURCE_NET))
		geo =
		    pv_geo_new(s->conf.geo, s->conf.geo_cache, s->conf.seed); /* without memory: no places */
	const struct pv_filter_conf fc = {.name = NULL}; /* who drops packets is for link_all() to say */
	const struct pv_sink nowhere = pv_sink_none();
	if (number == PV_SOURCE_NET) {
		struct pv_net_conf conf = {.geo = geo};
		*self = pv_net_new(&conf);
		return pv_filter_new(&pv_net_ops, *self, &fc, nowhere);
	}
	if (number == PV_SOURCE_DNS) {
		struct pv_dns_conf conf = {.geo = geo,
					   .ttl_ns = want->dns_ttl_ns,
					   .tcp_flows_max = s->conf.tcp_flows_max,
					   .seed = s->conf.seed};
		pv_dns_filter_init(&conf.filter);
		*self = pv_dns_new(&conf);
		return pv_filter_new(&pv_dns_ops, *self, &fc, nowhere);
	}
	if (number == PV_SOURCE_BGP) {
		const struct pv_bgp_conf conf = {.seed = s->conf.seed};
		*self = pv_bgp_new(&conf);
		return pv_filter_new(&pv_bgp_ops, *self, &fc, nowhere);
	}
	const struct pv_dhcp_conf conf = {.ttl.ns = want->dhcp_ttl_ns, .seed = s->conf.seed};
	*self = pv_dhcp_new(&conf);
	return pv_filter_new(&pv_dhcp_ops, *self, &fc, nowhere);
}

/* A filter takes the number behind the highest it has seen announced, and for its events, when they are a
 * module's, the one that is bound to their name: it is shown START and one announcement, and a TICK, upon
 * which it announces itself; of all that nobody else hears, or those behind it would count on from its
 * number. */
static void begin(struct pv_source *s, struct pv_stage *stage, uint8_t number, const char *own,
		  uint8_t events)
{
	struct {
		struct pv_stage_event s;
		uint8_t name[PV_MODULE_NAME + 8];
	} before = {.s = {.ev = {sizeof before & ~7u, PV_EV_STAGE, 0, s->start->time_ns},
			  .stage = number - 1,
			  .events = events}};
	const struct pv_event tick = {sizeof tick, PV_EV_TICK, 0, s->start->time_ns};
	size_t at = sizeof before.s;
	before.s.type = pv_ev_put(&before, &at, own, strlen(own));
	before.s.ev.size = pv_round8(at);
	stage->ops->batch(stage, s->start, s->start->size);
	stage->ops->batch(stage, &before.s.ev, before.s.ev.size);
	stage->ops->batch(stage, &tick, tick.size);
	pv_out_flush(&stage->out);
}

/* From a ledger: rows of `what`. */
static uint64_t counted(const struct pv_source *s, enum pv_source_stage number, enum pv_ledger what)
{
	static const struct pv_analyser_ops *const all[] = {[PV_SOURCE_BGP] = &pv_bgp_ops,
							    [PV_SOURCE_DHCP] = &pv_dhcp_ops,
							    [PV_SOURCE_DNS] = &pv_dns_ops,
							    [PV_SOURCE_NET] = &pv_net_ops};
	const struct pv_analyser_ops *ops = all[number];
	const struct analyser *a = &s->analyser[number];
	struct pv_ledger_row rows[64];
	size_t n = a->self ? ops->ledger(a->self, rows, sizeof rows / sizeof rows[0]) : 0;
	for (size_t i = 0; i < n; i++)
		if (rows[i].what == what)
			return rows[i].value;
	return 0;
}

static void unmake(struct pv_source *s, enum pv_source_stage number)
{
	struct analyser *a = &s->analyser[number];
	for (size_t i = 0; i < COUNTS; i++)
		s->gone[number][i] += counted(s, number, counts_of[i]);
	pv_stage_free(a->stage);
	*a = (struct analyser){NULL, NULL};
}

/* ---- those of modules --------------------------------------------------------------------------------- */

static void free_module(struct module *m)
{
	pv_stage_free(m->stage);
	free(m->key);
	*m = (struct module){.analyser = NULL};
}

/* Does it read what other analysers make? */
static bool reads_others(const struct module *m)
{
	return m->analyser->ops->wants & ~(PV_WANTS(PV_EV_PACKET) | PV_WANTS(PV_EV_DNSTAP));
}

static bool same_module(const struct module *m, const struct pv_source_module *w)
{
	return m->analyser == w->analyser && !strcmp(m->key, w->key ? w->key : "");
}

/* The number of events of this name; 0: there is none left. With the lock held. */
static uint8_t bind_events(struct pv_source *s, const char *name)
{
	for (unsigned n = 0; n < PV_EV_MODULES; n++) {
		if (!s->bound[n])
			s->bound[n] = name;
		if (!strcmp(s->bound[n], name))
			return (uint8_t)(PV_EV_MODULE + n);
	}
	return 0;
}

/* With the lock held. Where it cannot be made there is none, and pv_source_module() says so. */
static void make_module(struct pv_source *s, struct module *m, const struct pv_source_module *w)
{
	const struct pv_module_analyser *a = w->analyser;
	const struct pv_filter_conf fc = {.name = NULL};
	uint8_t events = a->ops->own ? bind_events(s, a->ops->own->name) : 0;
	if (a->ops->own && !events)
		return;
	*m = (struct module){
	    .analyser = a, .wanted = true, .events = events, .key = strdup(w->key ? w->key : "")};
	m->stage = m->key ? pv_filter_new(a->ops, a->make(w->conf, s->conf.seed), &fc, pv_sink_none()) : NULL;
	if (!m->stage)
		free_module(m);
	else if (a->ports)
		m->nports = a->ports(w->conf, m->port, PV_MODULE_PORTS);
}

/* The control thread, with the lock held. */
static void want_modules(struct pv_source *s, const struct pv_source_want *want)
{
	for (size_t i = 0; i < PV_SOURCE_MODULES; i++)
		s->module[i].wanted = false;
	for (size_t w = 0; w < want->nmodules; w++) {
		struct module *place = NULL;
		for (size_t i = 0; i < PV_SOURCE_MODULES; i++) {
			struct module *m = &s->module[i];
			if (m->analyser && same_module(m, &want->module[w])) {
				place = m;
				break;
			}
			if (!m->analyser && !place)
				place = m;
		}
		if (place && place->analyser)
			place->wanted = true;
		else if (place)
			make_module(s, place, &want->module[w]);
	}
	for (size_t i = 0; i < PV_SOURCE_MODULES && !s->started; i++) /* else its thread does */
		if (s->module[i].analyser && !s->module[i].wanted)
			free_module(&s->module[i]);
}

/* With the lock held. What they have made is in the ring and has been handed over: who gets a number next
 * gets none of it. */
static void apply_modules(struct pv_source *s)
{
	for (size_t i = 0; i < PV_SOURCE_MODULES; i++) {
		struct module *m = &s->module[i];
		if (m->analyser && m->wanted && !m->running) {
			const struct pv_event_module *own = m->analyser->ops->own;
			begin(s, m->stage, (uint8_t)(PV_SOURCE_STAGES + i), own ? own->name : "", m->events);
			m->running = true;
		} else if (m->analyser && !m->wanted) {
			free_module(m);
		}
	}
}

/* Before the first packet, and whenever something else is wanted. */
static void ask_for_payload(struct pv_source *s)
{
	uint16_t port[PV_SOURCE_MODULES * PV_MODULE_PORTS];
	size_t n = 0;
	if (!s->in.ops->ports)
		return;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < PV_SOURCE_MODULES; i++)
		for (size_t p = 0; s->module[i].wanted && p < s->module[i].nports && p < PV_MODULE_PORTS; p++)
			port[n++] = s->module[i].port[p];
	pthread_mutex_unlock(&s->lock);
	if (n || s->ported)
		s->in.ops->ports(s->in.self, port, n);
	s->ported = n;
}

static void ask_for_patience(struct pv_source *s)
{
	pthread_mutex_lock(&s->lock);
	uint64_t ns = s->want.probe_ttl_ns;
	pthread_mutex_unlock(&s->lock);
	if (s->in.ops->patience)
		s->in.ops->patience(s->in.self, ns);
}

/* ---- all of them -------------------------------------------------------------------------------------- */

static struct pv_sink link_stage(struct pv_stage *stage, struct pv_sink next, bool *drop)
{
	pv_filter_only(stage, *drop);
	*drop = false;
	stage->out.sink = next;
	return pv_sink_stage(stage);
}

static struct pv_sink link_modules(struct pv_source *s, bool behind, struct pv_sink next, bool *drop)
{
	for (size_t i = PV_SOURCE_MODULES; i--;)
		if (s->module[i].running && reads_others(&s->module[i]) == behind)
			next = link_stage(s->module[i].stage, next, drop);
	return next;
}

/* With the lock held, from the ring to the input. Behind net there are no packets any more: the last stage
 * that may have use for them drops them. */
static void link_all(struct pv_source *s)
{
	bool drop = s->analyser[PV_SOURCE_NET].stage;
	struct pv_sink next = s->locate ? pv_sink_stage(s->locate) : ring_sink(s);
	next = link_modules(s, true, next, &drop);
	for (int n = PV_SOURCE_NET; n >= PV_SOURCE_BGP; n--)
		if (s->analyser[n].stage)
			next = link_stage(s->analyser[n].stage, next, &drop);
	s->first = link_modules(s, false, next, &drop);
}

/* Makes what is wanted run, as far as memory allows; an analyser for which there is none is asked for again
 * with the next change. Nothing is in the stages' buffers. */
static void apply(struct pv_source *s)
{
	pthread_mutex_lock(&s->lock);
	struct pv_source_want want = s->want;
	s->applied = atomic_load(&s->version);
	pthread_mutex_unlock(&s->lock);
	for (unsigned n = PV_SOURCE_BGP; n < PV_SOURCE_STAGES; n++) {
		struct analyser *a = &s->analyser[n];
		if (want.stage[n] && !a->stage) {
			a->stage = make(s, (enum pv_source_stage)n, &want, &a->self);
			if (a->stage)
				begin(s, a->stage, (uint8_t)n, "", 0);
			else
				a->self = NULL;
		} else if (!want.stage[n] && a->stage) {
			unmake(s, (enum pv_source_stage)n);
		}
	}
	if (s->analyser[PV_SOURCE_DNS].stage)
		pv_dns_ttl(s->analyser[PV_SOURCE_DNS].self, want.dns_ttl_ns);
	if (s->analyser[PV_SOURCE_DHCP].stage)
		pv_dhcp_ttl(s->analyser[PV_SOURCE_DHCP].self, want.dhcp_ttl_ns);
	pthread_mutex_lock(&s->lock);
	apply_modules(s);
	link_all(s);
	pthread_mutex_unlock(&s->lock);
}

/* ---- capture to analysis ----------------------------------------------------------------------------- */

static void on_start(struct pv_source *s, const struct pv_event *start)
{
	s->start = malloc(start->size);
	if (!s->start)
		return; /* the stream cannot begin; nothing is handed on */
	memcpy(s->start, start, start->size);
	s->now_ns = start->time_ns;
	put(s, start, start->size, 1, true);
	tell_resources(s, true);
	apply(s);
}

/* The capture begins with START and its own announcement. */
static enum pv_res head_write(void *ctx, const struct iovec *iov, int n)
{
	struct pv_source *s = ctx;
	if (s->first.write)
		return s->first.write(s->first.ctx, iov, n);
	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base, *end = p + iov[i].iov_len;
		while (p < end && !s->first.write) {
			const struct pv_event *ev = (const void *)p;
			if (ev->type == PV_EV_START)
				on_start(s, ev);
			p += ev->size;
		}
		if (p == end)
			continue;
		struct iovec rest = iov[i];
		rest.iov_base = (uint8_t *)iov[i].iov_base + (p - (const uint8_t *)iov[i].iov_base);
		rest.iov_len = (size_t)(end - p);
		enum pv_res res = s->first.write(s->first.ctx, &rest, 1);
		if (res != PV_OK)
			return res;
	}
	return s->start ? PV_OK : PV_STOP;
}

static enum pv_res head_drain(void *ctx)
{
	struct pv_source *s = ctx;
	return s->first.drain ? s->first.drain(s->first.ctx) : PV_OK;
}

/* ---- the thread -------------------------------------------------------------------------------------- */

static void tell(struct pv_source *s, const char *error)
{
	struct pv_source_status st = {.started = true, .running = !atomic_load(&s->over)};
	uint64_t n[PV_SOURCE_STAGES][COUNTS];
	for (unsigned a = PV_SOURCE_BGP; a < PV_SOURCE_STAGES; a++)
		for (size_t i = 0; i < COUNTS; i++)
			n[a][i] = s->gone[a][i] + counted(s, (enum pv_source_stage)a, counts_of[i]);
	if (s->in.ops->status)
		s->in.ops->status(s->in.self, &st.capture);
	if (s->in.ops->rows)
		st.nrows = s->in.ops->rows(s->in.self, st.rows, PV_SOURCE_ROWS);
	st.dns_received = n[PV_SOURCE_DNS][0];
	st.dns_malformed = n[PV_SOURCE_DNS][1];
	st.dns_xact_open = counted(s, PV_SOURCE_DNS, PV_LEDGER_XACT_OPEN);
	st.dns_xact_evicted = counted(s, PV_SOURCE_DNS, PV_LEDGER_XACT_EVICTED);
	st.dns_flows_evicted = n[PV_SOURCE_DNS][3];
	st.net_received = n[PV_SOURCE_NET][0];
	st.dhcp_received = n[PV_SOURCE_DHCP][0];
	st.dhcp_malformed = n[PV_SOURCE_DHCP][1];
	st.bgp_received = n[PV_SOURCE_BGP][0];
	st.bgp_malformed = n[PV_SOURCE_BGP][1];
	st.bgp_unsupported = n[PV_SOURCE_BGP][2];
	st.bgp_flows_evicted = n[PV_SOURCE_BGP][3];
	st.messages = st.dns_received + st.dhcp_received + st.bgp_received;
	if (error)
		snprintf(st.error, sizeof st.error, "%s", error);
	const char *notice = s->in.ops->notice ? s->in.ops->notice(s->in.self) : NULL;
	s->told_ns = clock_ns();
	pthread_mutex_lock(&s->lock);
	s->status = st;
	if (error || notice)
		snprintf(s->notice, sizeof s->notice, "%s", error ? error : notice);
	pthread_mutex_unlock(&s->lock);
}

static void *run(void *arg)
{
	struct pv_source *s = arg;
	const char *error = NULL;
	unsigned asked = 0;
	pv_resources_start(&s->resources);
	for (;;) {
		if (asked != atomic_load(&s->version)) {
			asked = atomic_load(&s->version);
			ask_for_payload(s);
			ask_for_patience(s);
		}
		if (s->start && s->applied != atomic_load(&s->version)) {
			pv_out_drain(&s->out);
			pv_ring_push(s->ring);
			s->filled_ns = 0;
			apply(s);
		}
		enum pv_res res = s->in.ops->poll(s->in.self, &s->out);
		if (s->live || res != PV_OK)
			pv_out_drain(&s->out);
		uint64_t now = clock_ns();
		if (res != PV_OK || (s->live && s->filled_ns && now - s->filled_ns >= HOLD_NS)) {
			pv_ring_push(s->ring);
			s->filled_ns = 0;
		}
		if (s->start)
			tell_resources(s, false);
		if (now - s->told_ns >= STATUS_NS)
			tell(s, NULL);
		if (res == PV_FAIL && s->in.ops->error)
			error = s->in.ops->error(s->in.self);
		if (res != PV_OK && res != PV_AGAIN)
			break;
	}
	atomic_store(&s->over, true);
	tell(s, error);
	pv_ring_end(s->ring);
	return NULL;
}

/* ---- for the control thread -------------------------------------------------------------------------- */

struct pv_source *pv_source_new(const struct pv_source_conf *conf)
{
	struct pv_source *s = calloc(1, sizeof *s);
	if (!s) {
		conf->input.ops->free(conf->input.self);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	s->conf = *conf;
	s->in = conf->input;
	s->live = conf->input.live;
	if (s->in.own)
		s->bound[0] = s->in.own->name; /* PV_EV_MODULE, as it has been numbered already */
	s->ring = pv_ring_new(!s->live, conf->seed);
	const struct pv_sink head = {.write = head_write, .drain = head_drain, .ctx = s, .copy_below = 512};
	if (!s->ring || pv_out_init(&s->out, head)) {
		pv_source_free(s);
		return NULL;
	}
	if (conf->flows && conf->geo) {
		struct pv_geo *geo = pv_geo_new(conf->geo, conf->geo_cache, conf->seed);
		s->locate = geo ? pv_flow_locate_new(geo, ring_sink(s)) : NULL;
		if (!s->locate) {
			pv_source_free(s);
			return NULL;
		}
	}
	return s;
}

void pv_source_want(struct pv_source *s, const struct pv_source_want *want)
{
	pthread_mutex_lock(&s->lock);
	want_modules(s, want);
	s->want = *want;
	s->want.module = NULL; /* the caller's */
	if (!s->want.dns_ttl_ns) {
		struct pv_dns_filter f;
		pv_dns_filter_init(&f);
		s->want.dns_ttl_ns = pv_dns_filter_ttl_ns(&f);
	}
	if (!s->want.dhcp_ttl_ns)
		s->want.dhcp_ttl_ns = PV_DHCP_TTL_NS;
	/* those who must look out for themselves learn it before the analyser does */
	atomic_store(&s->dns_ttl_ns, s->want.dns_ttl_ns);
	atomic_fetch_add(&s->version, 1);
	pthread_mutex_unlock(&s->lock);
}

int pv_source_module(struct pv_source *s, const struct pv_source_module *w, uint8_t *stage, uint8_t *events,
		     char *err, size_t cap)
{
	int rc = -1;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < PV_SOURCE_MODULES && rc; i++)
		if (s->module[i].analyser && same_module(&s->module[i], w)) {
			*stage = (uint8_t)(PV_SOURCE_STAGES + i);
			*events = s->module[i].events;
			rc = 0;
		}
	pthread_mutex_unlock(&s->lock);
	if (rc)
		snprintf(err, cap,
			 "no room for '%s' on this input: it takes %d analysers of modules, with %d kinds of "
			 "events",
			 w->analyser->ops->type, PV_SOURCE_MODULES, PV_EV_MODULES);
	return rc;
}

static void say_running(struct pv_source *s, bool running)
{
	pthread_mutex_lock(&s->lock);
	s->status.started = s->status.running = running;
	pthread_mutex_unlock(&s->lock);
}

int pv_source_start(struct pv_source *s, char *err, size_t cap)
{
	if (s->started)
		return 0;
	say_running(s, true); /* who asks at once need not wait for the thread's first word */
	int bad = pthread_create(&s->thread, NULL, run, s);
	if (bad) {
		say_running(s, false);
		snprintf(err, cap, "cannot start a thread: %s", strerror(bad));
		return -1;
	}
	s->started = true;
	return 0;
}

void pv_source_halt(struct pv_source *s)
{
	if (s->started && !s->joined)
		s->in.ops->stop(s->in.self);
}

void pv_source_stop(struct pv_source *s)
{
	if (!s->started || s->joined)
		return;
	s->in.ops->stop(s->in.self);
	pthread_join(s->thread, NULL);
	s->joined = true;
}

void pv_source_free(struct pv_source *s)
{
	if (!s)
		return;
	if (s->ring)
		pv_ring_abort(s->ring);
	pv_source_stop(s);
	pv_stage_free(s->locate);
	for (unsigned n = PV_SOURCE_BGP; n < PV_SOURCE_STAGES; n++)
		pv_stage_free(s->analyser[n].stage);
	for (size_t i = 0; i < PV_SOURCE_MODULES; i++)
		free_module(&s->module[i]);
	pv_out_free(&s->out);
	s->in.ops->free(s->in.self);
	pv_ring_free(s->ring);
	pthread_mutex_destroy(&s->lock);
	free(s->start);
	free(s);
}

struct pv_ring *pv_source_ring(struct pv_source *s)
{
	return s->ring;
}

const atomic_uint_least64_t *pv_source_dns_ttl(const struct pv_source *s)
{
	return &s->dns_ttl_ns;
}

bool pv_source_joinable(struct pv_source *s)
{
	return s->live ? !atomic_load(&s->over) : !s->started;
}

const struct pv_capture *pv_source_capture(const struct pv_source *s)
{
	return s->in.capture;
}

const struct pv_probe *pv_source_probe(const struct pv_source *s)
{
	return s->in.probe;
}

void pv_source_status(struct pv_source *s, struct pv_source_status *to)
{
	pthread_mutex_lock(&s->lock);
	*to = s->status;
	pthread_mutex_unlock(&s->lock);
	to->ring_bytes = pv_ring_memory(s->ring);
	to->lanes = pv_ring_readers(s->ring);
}

bool pv_source_notice(struct pv_source *s, char *to, size_t cap)
{
	pthread_mutex_lock(&s->lock);
	bool any = s->notice[0];
	if (any)
		snprintf(to, cap, "%s", s->notice);
	s->notice[0] = '\0';
	pthread_mutex_unlock(&s->lock);
	return any;
}
