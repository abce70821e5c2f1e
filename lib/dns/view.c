/* SPDX-License-Identifier: MPL-2.0 */
#include "dns/view.h"

#include <stdlib.h>
#include <string.h>

#include "dns/names.h"
#include "dns/overdue.h"
#include "dns/psl.h"
#include "dns/query.h"
#include "window/defines.h"

#define EXPIRE_PER_PACKET 16 /* as the analyser does */
#define EVENT_MAX                                                                                            \
	(sizeof(struct pv_dns) + 4 * (PV_DNS_NAME_TEXT_MAX + 8)) /* a message and its query's names */
#define PLACES_MAX 65536					 /* as many as a window keeps */

struct view {
	struct pv_dns_view_conf conf;
	uint64_t ttl_ns;
	bool active; /* the filter may reject something */
	struct pv_dns_psl *psl;
	struct pv_defines *places;  /* of the filter's geoloc_notfound and asn_notfound */
	struct pv_dns_xacts *xacts; /* NULL: the analyser's results are ours */
	struct pv_dns_overdue *overdue; /* NULL: the filter rejects nothing */
	uint64_t since;		    /* packets before this one were not seen by xacts */
	bool since_known;
	uint64_t now_ns;
	uint8_t stage;
	struct pv_view *view; /* during a call */
	bool replaced;	      /* the event at hand has been put out in another form */
	char written[PV_DNS_NAME_TEXT_MAX + 1], text[PV_DNS_NAME_TEXT_MAX + 1];
	union {
		struct pv_dns d;
		uint8_t bytes[EVENT_MAX];
	} half; /* a response turned into its query */
};

/* ---- the predicate --------------------------------------------------------------------------------- */

static bool place_unknown(void *self, enum pv_define_kind kind, uint32_t number)
{
	static const char unknown[] = "Unknown";
	const struct view *v = self;
	size_t n;
	const char *text = v->places ? pv_defines_get(v->places, v->stage, kind, number, &n) : NULL;
	return text && n == sizeof unknown - 1 && !memcmp(text, unknown, n);
}

static bool accepts(struct view *v, const struct pv_dns *d, uint16_t *suffix_len)
{
	const struct pv_dns_places places = {place_unknown, v};
	bool accepted = pv_dns_filter_accepts(v->conf.filter, d, &places, suffix_len);
	if (accepted && v->psl && !v->conf.filter->suffixes) {
		/* the list wants its name to end with NUL, an event's name need not */
		memcpy(v->text, pv_ref_bytes(&d->ev, d->qname), d->qname.len);
		v->text[d->qname.len] = '\0';
		*suffix_len = (uint16_t)pv_dns_psl_suffix(v->psl, v->text, d->qname.len);
	}
	return accepted;
}

/* Would the filter have let this response's query pass? Its type is taken to be the response's: who filters
 * queries by type keeps transactions of his own. */
static bool query_accepts(struct view *v, const struct pv_dns *d, uint16_t *suffix_len)
{
	*suffix_len = 0;
	if (d->ev.size > sizeof v->half)
		return true; /* not from our analyser */
	struct pv_dns *q = &v->half.d;
	memcpy(q, d, d->ev.size);
	q->bits = d->query_bits;
	q->dir = d->query_dir;
	q->qname = d->query_qname;
	if (d->query_bits & PV_DNS_ECS)
		q->ecs = d->query_ecs;
	return accepts(v, q, suffix_len);
}

/* ---- transactions of our own ----------------------------------------------------------------------- */

static const char *lower(struct view *v, const struct pv_dns_query *q)
{
	if (!q->upper)
		return q->name;
	for (size_t i = 0; i < q->name_len; i++) {
		char c = q->name[i];
		v->text[i] = (unsigned)(unsigned char)c - 'A' < 26u ? (char)(c | 0x20) : c;
	}
	return v->text;
}

static void gone(void *self, enum pv_xact why, const struct pv_dns_query *q)
{
	struct view *v = self;
	if (v->overdue && q->filtered && why == PV_XACT_EXPIRED)
		pv_dns_overdue_put(v->overdue, q, v->now_ns);
	struct pv_out *out = v->replaced ? pv_view_out(v->view) : pv_view_behind(v->view);
	struct pv_dns *e = pv_out_event(out, PV_EV_DNS_TIMEOUT, pv_dns_timeout_size(q), v->now_ns);
	pv_dns_timeout_fill(e, why, q, lower(v, q), v->stage);
}

/* Those whose time is over go in front of what brought the time. */
static void expire(struct view *v, size_t max)
{
	v->replaced = true;
	pv_dns_xacts_expire(v->xacts, v->now_ns, max, gone, v);
	v->replaced = false;
}

static void key(struct pv_dns_query *q, const struct pv_dns *d)
{
	memset(q, 0, sizeof *q);
	memcpy(q->src, d->src, 16);
	memcpy(q->dst, d->dst, 16);
	q->sport = d->sport;
	q->dport = d->dport;
	q->l3 = d->l3;
	q->transport = d->transport;
	q->dnstap = (uint8_t)pv_event_dnstap(&d->ev);
	q->id = d->id;
}

static void open_query(struct view *v, const struct pv_dns *d, uint16_t suffix_len, bool filtered)
{
	struct pv_dns_query q;
	key(&q, d);
	q.dir = d->dir;
	q.stamp = d->stamp;
	q.opcode = d->opcode;
	q.filtered = filtered;
	q.bits = d->bits;
	q.suffix_len = suffix_len;
	q.qtype = d->qtype;
	q.qclass = d->qclass;
	q.length = d->length;
	q.time_ns = d->ev.time_ns;
	q.packet = d->packet;
	if (d->bits & PV_DNS_ECS)
		q.ecs = d->ecs;
	q.name_len = d->qname.len;
	q.upper = d->qname_case.off != d->qname.off;
	q.name = pv_ref_bytes(&d->ev, d->qname_case);
	pv_dns_xacts_query(v->xacts, &q, gone, v);
}

/* ---- events ---------------------------------------------------------------------------------------- */

static bool found(enum pv_xact x)
{
	return x == PV_XACT_MATCHED || x == PV_XACT_LATE;
}

/* What is changed of an event whose shape stays. Returns the new one. */
static struct pv_dns *patch(struct view *v, const struct pv_dns *d, bool accepted, uint16_t suffix_len,
			    bool query_filtered, uint16_t query_suffix_len, bool half)
{
	struct pv_dns *e = pv_view_change(v->view, &d->ev);
	if (!accepted)
		e->ev.flags |= PV_F_FILTERED;
	e->suffix_len = suffix_len;
	if (half) {
		e->query_filtered = query_filtered;
		e->query_suffix_len = query_suffix_len;
	} else if (query_filtered) {
		e->query_filtered = true;
	}
	v->replaced = true;
	return e;
}

/* Is this orphan the response to a query that we rejected, and whose time was over? */
static bool overdue(struct view *v, const struct pv_dns *d, enum pv_xact xact)
{
	struct pv_dns_query q;
	if (!v->overdue || xact != PV_XACT_ORPHAN)
		return false;
	key(&q, d);
	return pv_dns_overdue_take(v->overdue, &q, d->ev.time_ns);
}

/* Does this response pass, if this is what became of its transaction here? That says its direction. */
static bool accepts_as(struct view *v, const struct pv_dns *d, enum pv_xact xact, uint8_t query_dir, uint16_t *suffix_len)
{
	bool same = found(xact) == found((enum pv_xact)d->xact) && (!found(xact) || query_dir == d->query_dir);
	if (same || !v->conf.filter->directions || d->ev.size > sizeof v->half)
		return accepts(v, d, suffix_len);
	struct pv_dns *r = &v->half.d;
	memcpy(r, d, d->ev.size);
	r->xact = (uint8_t)xact;
	r->query_dir = query_dir;
	return accepts(v, r, suffix_len);
}

static bool response(struct view *v, const struct pv_dns *d)
{
	struct pv_dns_query q;
	bool query_filtered = false;
	uint16_t suffix_len, query_suffix_len = 0;
	bool half = found((enum pv_xact)d->xact), accepted;

	if (v->xacts) {
		key(&q, d);
		enum pv_xact xact = pv_dns_xacts_response(v->xacts, &q, d->ev.time_ns, v->written);
		bool before =
		    xact == PV_XACT_ORPHAN && half && d->query_packet < v->since && !v->conf.partial;
		if (before) { /* as the analyser has it */
			xact = d->ev.time_ns - d->query_time_ns >= v->ttl_ns ? PV_XACT_LATE : PV_XACT_MATCHED;
			query_filtered = !query_accepts(v, d, &query_suffix_len);
		} else if (found(xact)) {
			query_filtered = q.filtered;
			query_suffix_len = q.suffix_len;
		}
		accepted = accepts_as(v, d, xact, found(xact) && !before ? q.dir : d->query_dir, &suffix_len);
		bool same = xact == d->xact && (!half || before || q.packet == d->query_packet);
		if (!same) {
			const struct pv_dns_query *mine = found(xact) && !before ? &q : NULL;
			if (before) {
				patch(v, d, accepted, suffix_len, query_filtered, query_suffix_len, true)
				    ->xact = (uint8_t)xact;
				return false;
			}
			struct pv_dns *e = pv_out_event(pv_view_out(v->view), PV_EV_DNS,
							pv_dns_response_size(d, mine), d->ev.time_ns);
			pv_dns_response_fill(e, d, xact, mine, mine ? lower(v, mine) : NULL);
			if (overdue(v, d, xact))
				e->query_filtered = true;
			if (!accepted)
				e->ev.flags |= PV_F_FILTERED;
			e->suffix_len = suffix_len;
			return false;
		}
	} else {
		accepted = accepts(v, d, &suffix_len);
		if (half && (v->active || v->psl))
			query_filtered = !query_accepts(v, d, &query_suffix_len);
	}
	if (overdue(v, d, (enum pv_xact)d->xact))
		query_filtered = true;
	if (accepted && suffix_len == d->suffix_len && !query_filtered && !query_suffix_len)
		return true;
	patch(v, d, accepted, suffix_len, query_filtered, query_suffix_len, half);
	return false;
}

static bool query(struct view *v, const struct pv_dns *d)
{
	uint16_t suffix_len;
	bool accepted = accepts(v, d, &suffix_len);
	v->replaced = false;
	if (!accepted || suffix_len != d->suffix_len)
		patch(v, d, accepted, suffix_len, false, 0, false);
	bool as_is = !v->replaced;
	if (v->xacts)
		open_query(v, d, suffix_len, !accepted);
	overdue(v, d, PV_XACT_ORPHAN); /* of another query with this key: no longer */
	v->replaced = false;
	return as_is;
}

/* A dnstap message without a DNS message takes no part in transactions. */
static bool no_message(struct view *v, const struct pv_dns *d)
{
	uint16_t suffix_len;
	if (accepts(v, d, &suffix_len))
		return true;
	patch(v, d, false, 0, false, 0, false);
	v->replaced = false;
	return false;
}

/* A query that the analyser gave up. */
static bool timed_out(struct view *v, const struct pv_dns *d)
{
	uint16_t suffix_len;
	if (v->xacts && (v->conf.partial || d->query_packet >= v->since))
		return false; /* our own say so when it is time for us */
	bool accepted = accepts(v, d, &suffix_len);
	if (accepted && suffix_len == d->suffix_len)
		return true;
	if (!accepted && d->xact == PV_XACT_EXPIRED) {
		struct pv_dns_query q;
		key(&q, d);
		pv_dns_overdue_put(v->overdue, &q, d->ev.time_ns);
	}
	patch(v, d, accepted, suffix_len, !accepted, suffix_len, true);
	v->replaced = false;
	return false;
}

/* A packet came, or time alone went on. */
static void time_goes(struct view *v, const struct pv_event *ev)
{
	v->now_ns = ev->time_ns;
	if (!v->xacts && v->conf.shared_ttl_ns &&
	    atomic_load_explicit(v->conf.shared_ttl_ns, memory_order_relaxed) > v->ttl_ns) {
		v->xacts = pv_dns_xacts_new(v->ttl_ns, v->conf.seed, v->conf.xact_slots);
		v->since_known = false; /* without memory we try again, and believe the analyser meanwhile */
	}
	if (v->xacts)
		expire(v, EXPIRE_PER_PACKET);
}

static bool on_event(void *self, const struct pv_event *ev, struct pv_view *view)
{
	struct view *v = self;
	const struct pv_dns *d = (const void *)ev;
	v->view = view;
	switch (ev->type) {
	case PV_EV_START:
		v->now_ns = 0;
		v->since_known = false;
		if (v->xacts)
			pv_dns_xacts_clear(v->xacts);
		if (v->overdue)
			pv_dns_overdue_clear(v->overdue);
		if (v->places)
			pv_defines_clear(v->places);
		return true;
	case PV_EV_DEFINE:
		if (v->places)
			pv_defines_put(v->places, (const void *)ev);
		return true;
	case PV_EV_STOP:
		if (ev->time_ns > v->now_ns)
			v->now_ns = ev->time_ns;
		if (v->xacts)
			expire(v, SIZE_MAX);
		return true;
	case PV_EV_DNS:
	case PV_EV_DNS_TIMEOUT:
		break;
	default:
		time_goes(v, ev);
		return true;
	}
	if (d->reason == PV_DNS_SHORT)
		return true;
	v->stage = d->stage;
	if (d->reason == PV_DNS_ABSENT)
		return no_message(v, d);
	if (v->xacts && !v->since_known) {
		v->since = ev->type == PV_EV_DNS ? d->packet : d->query_packet + 1;
		v->since_known = true;
	}
	if (ev->type == PV_EV_DNS_TIMEOUT)
		return timed_out(v, d);
	return d->bits & PV_DNS_QR ? response(v, d) : query(v, d);
}

static void on_end(void *self, struct pv_view *view)
{
	struct view *v = self;
	v->view = view;
	if (v->xacts)
		expire(v, SIZE_MAX);
}

static void view_free(void *self)
{
	struct view *v = self;
	pv_dns_psl_free(v->psl);
	pv_defines_free(v->places);
	pv_dns_xacts_free(v->xacts);
	pv_dns_overdue_free(v->overdue);
	free(v);
}

static const struct pv_view_ops ops = {
    .name = "dns",
    .wants = PV_WANTS(PV_EV_START) | PV_WANTS(PV_EV_STOP) | PV_WANTS(PV_EV_TICK) | PV_WANTS(PV_EV_DEFINE) |
	     PV_WANTS(PV_EV_NET) | PV_WANTS(PV_EV_DNS) | PV_WANTS(PV_EV_DNS_TIMEOUT),
    .event = on_event,
    .end = on_end,
    .free = view_free,
};

static uint64_t ttl_of(const struct pv_dns_view_conf *c)
{
	return c->ttl_ns ? c->ttl_ns : pv_dns_filter_ttl_ns(c->filter);
}

struct pv_stage *pv_dns_view_new(const struct pv_dns_view_conf *conf, struct pv_sink sink)
{
	const struct pv_dns_filter *f = conf->filter;
	struct view *v = calloc(1, sizeof *v);
	if (!v)
		return NULL;
	v->conf = *conf;
	v->ttl_ns = ttl_of(conf);
	v->active = pv_dns_filter_active(f);
	bool own = conf->partial || (f->qtypes && !f->by_transaction) ||
		   (conf->shared_ttl_ns && atomic_load(conf->shared_ttl_ns) > v->ttl_ns);
	bool psl = f->public_suffix_list, places = f->geoloc_notfound || f->asn_notfound;
	if (own)
		v->xacts = pv_dns_xacts_new(v->ttl_ns, conf->seed, conf->xact_slots);
	if (v->active)
		v->overdue = pv_dns_overdue_new(conf->seed);
	if (psl)
		v->psl = pv_dns_psl_new();
	if (places)
		v->places = pv_defines_new(PLACES_MAX, conf->seed);
	if ((own && !v->xacts) || (v->active && !v->overdue) || (psl && !v->psl) || (places && !v->places)) {
		view_free(v);
		return NULL;
	}
	return pv_view_new(&ops, v, sink);
}
