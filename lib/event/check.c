/* SPDX-License-Identifier: MPL-2.0 */
#include "event/check.h"

#include <string.h>

uint32_t pv_event_size(const struct pv_event *h)
{
	if (h->size < sizeof *h || h->size > PV_EVENT_MAX || h->size % 8)
		return 0;
	return h->size;
}

static bool in_bounds(const struct pv_event *ev, size_t fixed, uint32_t off, uint32_t len)
{
	if (!len)
		return true;
	return off >= fixed && off <= ev->size && len <= ev->size - off;
}

static bool ref_ok(const struct pv_event *ev, size_t fixed, struct pv_ref r)
{
	return in_bounds(ev, fixed, r.off, r.len);
}

static const char *const SHORT = "an event is shorter than its type";
static const char *const BAD_REF = "a reference points outside its event";

static const char *check_start(const struct pv_event *ev)
{
	const struct pv_start *s = (const void *)ev;
	if (s->magic != PV_EVENT_MAGIC)
		return "not an event stream";
	if (s->major != PV_EVENT_MAJOR)
		return "another major version of the format";
	if (s->clock > PV_CLOCK_RECORDED)
		return "unknown clock";
	if (!ref_ok(ev, sizeof *s, s->producer) || !ref_ok(ev, sizeof *s, s->source) ||
	    !in_bounds(ev, sizeof *s, s->hosts.off, s->hosts.len))
		return BAD_REF;
	if (s->hosts.len / sizeof(struct pv_subnet) != s->hosts_count || s->hosts.len % sizeof(struct pv_subnet) ||
	    s->hosts.off % 8)
		return "the host subnets have an impossible size";
	const struct pv_subnet *net = (const void *)((const uint8_t *)ev + s->hosts.off);
	for (uint32_t i = 0; i < s->hosts_count; i++)
		if (!(net[i].family == 4 && net[i].prefix <= 32) && !(net[i].family == 6 && net[i].prefix <= 128))
			return "a host subnet is impossible";
	return NULL;
}

static const char *check_stop(const struct pv_event *ev)
{
	const struct pv_stop *s = (const void *)ev;
	if (!in_bounds(ev, sizeof *s, s->rows.off, s->rows.len))
		return BAD_REF;
	if (s->rows.len % sizeof(struct pv_ledger_row) || s->rows.off % 8)
		return "the ledger has an impossible size";
	return NULL;
}

bool pv_event_module_name(const char *name, size_t n)
{
	if (!n || n > PV_MODULE_NAME || name[0] < 'a' || name[0] > 'z')
		return false;
	for (size_t i = 1; i < n; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') && name[i] != '_')
			return false;
	return true;
}

static const char *check_stage(const struct pv_event *ev)
{
	const struct pv_stage_event *s = (const void *)ev;
	if (s->kind > PV_STAGE_SUMMARY)
		return "unknown kind of stage";
	if (s->stage >= PV_STAGE_STREAM)
		return "impossible stage number";
	if (!ref_ok(ev, sizeof *s, s->type) || !ref_ok(ev, sizeof *s, s->name) ||
	    !ref_ok(ev, sizeof *s, s->version) || !ref_ok(ev, sizeof *s, s->filters))
		return BAD_REF;
	if (s->events && (!pv_is_module_type(s->events) || !pv_event_module_name(pv_ref_bytes(ev, s->type), s->type.len)))
		return "an event type is bound impossibly";
	return NULL;
}

static const char *check_define(const struct pv_event *ev)
{
	const struct pv_define *d = (const void *)ev;
	return ref_ok(ev, sizeof *d, d->text) ? NULL : BAD_REF;
}

static const char *check_resources(const struct pv_event *ev)
{
	const struct pv_resources_event *r = (const void *)ev;
	return r->cpu_ppm > PV_RES_CPU_WHOLE ? "a resources field is out of range" : NULL;
}

static const char *check_packet(const struct pv_event *ev)
{
	const struct pv_packet *p = (const void *)ev;
	if (p->l3 != 0 && p->l3 != 4 && p->l3 != 6)
		return "impossible IP version";
	if (p->l4 > PV_L4_TCP || p->dir > PV_DIR_OUT || p->stamp > 99)
		return "a packet field is out of range";
	uint32_t fixed = pv_packet_fixed(p);
	if (ev->size < fixed)
		return SHORT;
	if (!in_bounds(ev, fixed, p->payload_off, p->payload_len))
		return BAD_REF;
	return NULL;
}

static const char *check_dnstap(const struct pv_event *ev)
{
	const struct pv_dnstap *d = (const void *)ev;
	if ((d->l3 != 0 && d->l3 != 4 && d->l3 != 6) || d->transport > PV_TR_DOQ || !d->message ||
	    d->message >= PV_DNSTAP_TYPES || d->dir > PV_DIR_OUT || d->stamp > 99)
		return "a dnstap field is out of range";
	if (!in_bounds(ev, sizeof *d, d->payload_off, d->payload_len) || !ref_ok(ev, sizeof *d, d->identity))
		return BAD_REF;
	return NULL;
}

static const char *check_net(const struct pv_event *ev)
{
	const struct pv_net *n = (const void *)ev;
	if ((n->l3 != 0 && n->l3 != 4 && n->l3 != 6) || n->l4 > PV_L4_TCP || n->dir > PV_DIR_OUT || n->stamp > 99 ||
	    pv_event_dnstap(ev) >= PV_DNSTAP_TYPES)
		return "a net field is out of range";
	return NULL;
}

static const char *check_flow(const struct pv_event *ev)
{
	const struct pv_flow *f = (const void *)ev;
	if ((f->l3 != 0 && f->l3 != 4 && f->l3 != 6) || f->stamp > 99 || !f->rate || f->source < PV_FLOW_SFLOW ||
	    f->source > PV_FLOW_IPFIX)
		return "a flow field is out of range";
	if (!ref_ok(ev, sizeof *f, f->device_name) || !ref_ok(ev, sizeof *f, f->in_name) ||
	    !ref_ok(ev, sizeof *f, f->out_name) || !ref_ok(ev, sizeof *f, f->src_label) ||
	    !ref_ok(ev, sizeof *f, f->dst_label) || !ref_ok(ev, sizeof *f, f->sport_name) ||
	    !ref_ok(ev, sizeof *f, f->dport_name))
		return BAD_REF;
	return NULL;
}

static bool ecs_ok(const struct pv_ecs *e)
{
	return e->family == 0 || e->family == 4 || e->family == 6;
}

static const char *check_dns(const struct pv_event *ev)
{
	const struct pv_dns *d = (const void *)ev;
	if ((d->l3 != 0 && d->l3 != 4 && d->l3 != 6) || d->transport > PV_TR_DOQ || d->dir > PV_DIR_OUT ||
	    d->stamp > 99 || d->xact > PV_XACT_EVICTED || d->query_dir > PV_DIR_OUT || d->query_stamp > 99 ||
	    pv_event_dnstap(ev) >= PV_DNSTAP_TYPES)
		return "a dns field is out of range";
	if (ev->type == PV_EV_DNS_TIMEOUT && d->xact != PV_XACT_EXPIRED && d->xact != PV_XACT_EVICTED)
		return "a timeout of no query";
	uint32_t fixed = pv_dns_fixed(d);
	if (ev->size < fixed)
		return SHORT;
	if (fixed == sizeof *d && (!ecs_ok(&d->ecs) || !ecs_ok(&d->query_ecs)))
		return "a dns field is out of range";
	if (!ref_ok(ev, fixed, d->qname) || !ref_ok(ev, fixed, d->qname_case))
		return BAD_REF;
	if (fixed > PV_DNS_FIXED_BASE && (!ref_ok(ev, fixed, d->query_qname) || !ref_ok(ev, fixed, d->query_qname_case)))
		return BAD_REF;
	return NULL;
}

static const char *check_dhcp(const struct pv_event *ev)
{
	const struct pv_dhcp *d = (const void *)ev;
	if ((d->family != 4 && d->family != 6) || d->dir > PV_DIR_OUT || d->stamp > 99)
		return "a dhcp field is out of range";
	return ref_ok(ev, sizeof *d, d->client_name) ? NULL : BAD_REF;
}

static const char *check_bgp(const struct pv_event *ev)
{
	const struct pv_bgp *b = (const void *)ev;
	if ((b->l3 != 0 && b->l3 != 4 && b->l3 != 6) || b->dir > PV_DIR_OUT || b->stamp > 99)
		return "a bgp field is out of range";
	return NULL;
}

static const char *check_probe(const struct pv_event *ev)
{
	const struct pv_probe_event *p = (const void *)ev;
	if ((p->l3 != 0 && p->l3 != 4 && p->l3 != 6) || p->what < PV_PROBE_SENT || p->what > PV_PROBE_FAILED ||
	    p->test < PV_PROBE_PING || p->test > PV_PROBE_TCP || p->error > PV_PROBE_CONNECT || p->stamp > 99)
		return "a probe field is out of range";
	return ref_ok(ev, sizeof *p, p->target) ? NULL : BAD_REF;
}

static const char *check_module(const struct pv_event *ev)
{
	const struct pv_module_event *m = (const void *)ev;
	return m->stamp > 99 ? "a module's field is out of range" : NULL;
}

static const char *check_bucket(const struct pv_event *ev)
{
	const struct pv_bucket_event *b = (const void *)ev;
	if (!ref_ok(ev, sizeof *b, b->type) || !ref_ok(ev, sizeof *b, b->version) || !ref_ok(ev, sizeof *b, b->name) ||
	    !ref_ok(ev, sizeof *b, b->groups))
		return BAD_REF;
	if (b->topn_percentile > 100)
		return "impossible percentile";
	return NULL;
}

static const char *check_block(const struct pv_event *ev)
{
	const struct pv_block_event *b = (const void *)ev;
	return ref_ok(ev, sizeof *b, b->key) ? NULL : BAD_REF;
}

static const char *check_metric(const struct pv_event *ev)
{
	const struct pv_metric_event *m = (const void *)ev;
	if (!in_bounds(ev, sizeof *m, m->data.off, m->data.len))
		return BAD_REF;
	if (m->total > PV_METRIC_STATE_MAX || m->offset > m->total || m->data.len > m->total - m->offset)
		return "a metric's state has an impossible size";
	return NULL;
}

#define MODULE(n) [PV_EV_MODULE + (n)] = {sizeof(struct pv_module_event), check_module, "module"}

/* One row per type: least size, further check, name. */
static const struct {
	uint16_t least;
	const char *(*check)(const struct pv_event *);
	const char *name;
} types[PV_EV_TYPES] = {
	[PV_EV_START] = {sizeof(struct pv_start), check_start, "start"},
	[PV_EV_STOP] = {sizeof(struct pv_stop), check_stop, "stop"},
	[PV_EV_TICK] = {sizeof(struct pv_event), NULL, "tick"},
	[PV_EV_STAGE] = {sizeof(struct pv_stage_event), check_stage, "stage"},
	[PV_EV_DEFINE] = {sizeof(struct pv_define), check_define, "define"},
	[PV_EV_STATS] = {sizeof(struct pv_stats), NULL, "stats"},
	[PV_EV_RESOURCES] = {sizeof(struct pv_resources_event), check_resources, "resources"},
	[PV_EV_LEDGER] = {sizeof(struct pv_stop), check_stop, "ledger"},
	[PV_EV_PACKET] = {PV_PACKET_FIXED_BASE, check_packet, "packet"},
	[PV_EV_DNSTAP] = {sizeof(struct pv_dnstap), check_dnstap, "dnstap"},
	[PV_EV_FLOW] = {sizeof(struct pv_flow), check_flow, "flow"},
	[PV_EV_PROBE] = {sizeof(struct pv_probe_event), check_probe, "probe"},
	[PV_EV_NET] = {PV_NET_FIXED_BASE, check_net, "net"},
	[PV_EV_DNS] = {PV_DNS_FIXED_BASE, check_dns, "dns"},
	[PV_EV_DNS_TIMEOUT] = {PV_DNS_FIXED_BASE, check_dns, "dns_timeout"},
	[PV_EV_DHCP] = {sizeof(struct pv_dhcp), check_dhcp, "dhcp"},
	[PV_EV_TCP_ERROR] = {sizeof(struct pv_tcp_error), NULL, "tcp_error"},
	[PV_EV_BGP] = {sizeof(struct pv_bgp), check_bgp, "bgp"},
	[PV_EV_BUCKET] = {sizeof(struct pv_bucket_event), check_bucket, "bucket"},
	[PV_EV_LIVE] = {sizeof(struct pv_bucket_event), check_bucket, "live"},
	[PV_EV_BLOCK] = {sizeof(struct pv_block_event), check_block, "block"},
	[PV_EV_METRIC] = {sizeof(struct pv_metric_event), check_metric, "metric"},
	[PV_EV_BUCKET_END] = {sizeof(struct pv_event), NULL, "bucket_end"},
	MODULE(0), MODULE(1), MODULE(2), MODULE(3), MODULE(4), MODULE(5), MODULE(6), MODULE(7),
};
_Static_assert(PV_EV_MODULES == 8 && PV_EV_MODULE + PV_EV_MODULES < PV_EV_TYPES, "a row for each");

const char *pv_event_check(const struct pv_event *ev)
{
	if (ev->type >= PV_EV_TYPES || !types[ev->type].name)
		return NULL; /* a type of a later minor version: skipped by every reader */
	if (ev->size < types[ev->type].least)
		return SHORT;
	return types[ev->type].check ? types[ev->type].check(ev) : NULL;
}

const char *pv_event_type_name(unsigned type)
{
	return type < PV_EV_TYPES ? types[type].name : NULL;
}

int pv_event_type_by_name(const char *name)
{
	for (int i = 0; i < PV_EV_TYPES; i++)
		if (types[i].name && !strcmp(types[i].name, name))
			return i;
	return -1;
}
