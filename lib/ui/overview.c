/* SPDX-License-Identifier: MPL-2.0 */
#include "ui/overview.h"

#include <string.h>

#include "base/version.h"
#include "ui/handler.h"

/* The handlers that the header speaks of. */
struct all {
	struct pv_ui_pool *pool;
	const struct pv_ui_handler *packets, *net, *dns, *dhcp, *pcap;
	bool dns2;
};

size_t pv_ui_kind(const char *schema)
{
	static const struct {
		const char *schema;
		size_t kind;
	} kinds[] = {
	    {"packets", PV_UI_KIND_NET}, {"net", PV_UI_KIND_NET},   {"dns", PV_UI_KIND_DNS},
	    {"dhcp", PV_UI_KIND_DHCP},	 {"pcap", PV_UI_KIND_PCAP},
	};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (!strcmp(kinds[i].schema, schema))
			return kinds[i].kind;
	return PV_UI_KINDS;
}

size_t pv_ui_of_kind(const struct pv_ui_handler *const *all, size_t n, size_t kind,
		     const struct pv_ui_id *chosen, const struct pv_ui_handler *out[PV_UI_HANDLERS_MAX],
		     size_t *at)
{
	size_t found = 0;
	*at = 0;
	for (size_t i = 0; i < n && found < PV_UI_HANDLERS_MAX; i++)
		if (pv_ui_kind(all[i]->schema) == kind) {
			if (pv_ui_is(all[i], chosen))
				*at = found;
			out[found++] = all[i];
		}
	return found;
}

static const struct pv_ui_handler *of_kind(const struct pv_ui_overview_of *o, size_t kind)
{
	const struct pv_ui_handler *some[PV_UI_HANDLERS_MAX];
	size_t at, n = pv_ui_of_kind(o->handler, o->handlers, kind, &o->chosen[kind], some, &at);
	return n ? some[at] : NULL;
}

static struct all find_all(struct pv_ui_page *p, const struct pv_ui_overview_of *o)
{
	const struct pv_ui_handler *net = of_kind(o, PV_UI_KIND_NET);
	bool v2 = net && !strcmp(net->schema, "net");
	struct all a = {&p->pool,
			v2 ? NULL : net,
			v2 ? net : NULL,
			of_kind(o, PV_UI_KIND_DNS),
			of_kind(o, PV_UI_KIND_DHCP),
			of_kind(o, PV_UI_KIND_PCAP),
			false};
	a.dns2 = a.dns && pv_ui_metric(a.dns->section, "observed_packets");
	return a;
}

/* ---- numbers ------------------------------------------------------------------------------------ */

static double number(const struct pv_ui_handler *h, const char *path)
{
	const struct pv_ui_metric *m = h ? pv_ui_metric(h->section, path) : NULL;
	return m && m->kind == PV_UI_NUMBER ? m->n.d : 0;
}

/* Of one direction, or added up over all when dir is NULL. */
static double directed(const struct pv_ui_handler *h, const char *dir, const char *path)
{
	double sum = 0;
	for (const struct pv_ui_section *s = h ? h->section : NULL; s; s = s->next) {
		const struct pv_ui_metric *m = NULL;
		if (!strcmp(s->map, "direction") && (!dir || !strcmp(s->title, dir)))
			m = pv_ui_metric(s, path);
		if (m && m->kind == PV_UI_NUMBER)
			sum += m->n.d;
	}
	return sum;
}

/* A quantile, 0 without one. dir: in which section. */
static double quantile(const struct pv_ui_handler *h, const char *dir, const char *path, unsigned i)
{
	const struct pv_ui_section *s = h ? dir ? pv_ui_section(h, dir) : h->section : NULL;
	const struct pv_ui_metric *m = pv_ui_metric(s, path);
	return m && m->kind == PV_UI_QUANTILES && m->have & 1u << i ? m->q[i].d : 0;
}

static const char *rate(const struct all *a, const struct pv_ui_handler *h, const char *dir, const char *path)
{
	return pv_ui_fmt(a->pool, "%.0f/s %.0f/%.0f/%.0f/%.0f", quantile(h, dir, path, PV_UI_LIVE),
			 quantile(h, dir, path, PV_UI_P50), quantile(h, dir, path, PV_UI_P90),
			 quantile(h, dir, path, PV_UI_P95), quantile(h, dir, path, PV_UI_P99));
}

static const char *milliseconds(const struct all *a, const char *dir, const char *path)
{
	return pv_ui_fmt(a->pool, "%3.1f/%3.1f/%3.1f/%3.1f ms", quantile(a->dns, dir, path, PV_UI_P50) / 1000,
			 quantile(a->dns, dir, path, PV_UI_P90) / 1000,
			 quantile(a->dns, dir, path, PV_UI_P95) / 1000,
			 quantile(a->dns, dir, path, PV_UI_P99) / 1000);
}

static double packets(const struct all *a, const char *v1, const char *dir, const char *v2)
{
	return a->net ? directed(a->net, dir, v2) : number(a->packets, v1);
}

static double dns(const struct all *a, const char *v1, const char *dir, const char *v2)
{
	return a->dns2 ? (v2 ? directed(a->dns, dir, v2) : 0) : number(a->dns, v1);
}

/* ---- the header --------------------------------------------------------------------------------- */

struct lines {
	struct pv_ui_page *p;
	struct pv_ui_panel *panel;
};

static void line(struct lines *l)
{
	pv_ui_row(l->p, l->panel, NULL, NULL);
}

static void field(struct lines *l, const char *text)
{
	pv_ui_row(l->p, l->panel, text, NULL);
}

static void share(struct lines *l, const char *name, double n, double base)
{
	field(l, pv_ui_fmt(&l->p->pool, "%s %.0f (%3.1f%%)", name, n, pv_ui_percent(n, base)));
}

static void plain(struct lines *l, const char *name, double n)
{
	field(l, pv_ui_fmt(&l->p->pool, "%s %.0f", name, n));
}

/* Where there are several of a kind: which one the numbers are of. */
static void choice_line(struct lines *l, const struct pv_ui_overview_of *o)
{
	static const char *const names[PV_UI_KINDS] = {"net", "dns", "dhcp", "pcap"};
	const struct pv_ui_handler *some[PV_UI_HANDLERS_MAX];
	bool any = false;
	for (size_t kind = 0; kind < PV_UI_KINDS; kind++) {
		size_t at, n = pv_ui_of_kind(o->handler, o->handlers, kind, &o->chosen[kind], some, &at),
			   i = 0;
		if (n < 2)
			continue;
		while (o->handler[i] != some[at])
			i++;
		if (!any)
			line(l);
		field(l, pv_ui_fmt(&l->p->pool, "%s %zu of %zu: %s", names[kind], at + 1, n, o->label[i]));
		any = true;
	}
	if (any)
		field(l, "n: next");
}

static void packet_lines(struct lines *l, const struct all *a, bool whole)
{
	const struct pv_ui_handler *h = a->net ? a->net : a->packets;
	double total = packets(a, "total", NULL, "total_packets");
	double in = packets(a, "in", "in", "total_packets"), out = packets(a, "out", "out", "total_packets");
	line(l);
	plain(l, "Pkts ", total);
	share(l, "UDP", packets(a, "udp", NULL, "udp_packets"), total);
	share(l, "TCP", packets(a, "tcp", NULL, "tcp_packets"), total);
	share(l, "Other", packets(a, "other_l4", NULL, "other_l4_packets"), total);
	share(l, "IPv4", packets(a, "ipv4", NULL, "ipv4_packets"), total);
	share(l, "IPv6", packets(a, "ipv6", NULL, "ipv6_packets"), total);
	share(l, "In", in, in + out);
	share(l, "Out", out, in + out);
	share(l, "Deep Samples", number(h, a->net ? "deep_sampled_packets" : "deep_samples"), total);
	line(l);
	const char *total_rate =
	    a->net ? rate(a, h, NULL, "rates.observed_pps") : rate(a, h, NULL, "rates.pps_total");
	const char *in_rate = a->net ? rate(a, h, "in", "rates.pps") : rate(a, h, NULL, "rates.pps_in");
	const char *out_rate = a->net ? rate(a, h, "out", "rates.pps") : rate(a, h, NULL, "rates.pps_out");
	field(l, pv_ui_fmt(a->pool, "Pkt Rates Total %s pps", total_rate));
	field(l, pv_ui_fmt(a->pool, "In %s pps", in_rate));
	field(l, pv_ui_fmt(a->pool, "Out %s pps", out_rate));
	plain(l, "IP Card. In:", packets(a, "cardinality.src_ips_in", "in", "cardinality.ips"));
	plain(l, "Out:", packets(a, "cardinality.dst_ips_out", "out", "cardinality.ips"));
	if (!a->pcap && !whole)
		return;
	plain(l, "TCP Errors", number(a->pcap, "tcp_reassembly_errors"));
	plain(l, "OS Drops", number(a->pcap, "os_drops"));
	plain(l, "IF Drops", number(a->pcap, "if_drops"));
}

static void dhcp_line(struct lines *l, const struct all *a)
{
	double total = number(a->dhcp, "wire_packets.total");
	line(l);
	field(l, pv_ui_fmt(a->pool, "DHCP Wire Pkts %.0f/%.0f",
			   total - number(a->dhcp, "wire_packets.filtered"), total));
	field(l, pv_ui_fmt(a->pool, "Rates Total %s", rate(a, a->dhcp, NULL, "rates.total")));
	share(l, "Discover", number(a->dhcp, "wire_packets.discover"), total);
	share(l, "Offer", number(a->dhcp, "wire_packets.offer"), total);
	share(l, "Request", number(a->dhcp, "wire_packets.request"), total);
	share(l, "Ack", number(a->dhcp, "wire_packets.ack"), total);
}

/* Version 2.0 counts transactions where 1.0 counts messages: its total and replies are those. */
static double wire_total(const struct all *a)
{
	return dns(a, "wire_packets.total", NULL, "xacts");
}

static double wire_replies(const struct all *a)
{
	return dns(a, "wire_packets.replies", NULL, "xacts");
}

static void dns_lines(struct lines *l, const struct all *a, bool whole)
{
	double total = wire_total(a), xacts = dns(a, "xact.counts.total", NULL, "xacts");
	double in = dns(a, "xact.in.total", "in", "xacts"), out = dns(a, "xact.out.total", "out", "xacts");
	line(l);
	field(l, pv_ui_fmt(a->pool, "DNS Wire Pkts %.0f/%.0f", total,
			   a->dns2 ? number(a->dns, "observed_packets")
				   : number(a->dns, "wire_packets.events")));
	field(l, pv_ui_fmt(a->pool, "Rates Total %s",
			   rate(a, a->dns, NULL, a->dns2 ? "rates.observed_pps" : "rates.total")));
	share(l, "UDP", dns(a, "wire_packets.udp", NULL, "udp_xacts"), total);
	share(l, "TCP", dns(a, "wire_packets.tcp", NULL, "tcp_xacts"), total);
	share(l, "IPv4", dns(a, "wire_packets.ipv4", NULL, "ipv4_xacts"), total);
	share(l, "IPv6", dns(a, "wire_packets.ipv6", NULL, "ipv6_xacts"), total);
	if (!a->dns2 || whole) { /* it does not count them */
		share(l, "Query", dns(a, "wire_packets.queries", NULL, NULL), total);
		share(l, "Response", dns(a, "wire_packets.replies", NULL, NULL), total);
	}
	line(l);
	plain(l, "DNS Xacts", xacts);
	plain(l, "Timed Out", dns(a, "xact.counts.timed_out", NULL, "timeout_queries"));
	share(l, "In", in, xacts);
	share(l, "Out", out, xacts);
	field(l, pv_ui_fmt(a->pool, "In %s",
			   a->dns2 ? milliseconds(a, "in", "xact_time_us")
				   : milliseconds(a, NULL, "xact.in.quantiles_us")));
	field(l, pv_ui_fmt(a->pool, "Out %s",
			   a->dns2 ? milliseconds(a, "out", "xact_time_us")
				   : milliseconds(a, NULL, "xact.out.quantiles_us")));
	plain(l, "Qname Card.", dns(a, "cardinality.qname", NULL, "cardinality.qname"));
}

static void last_line(struct lines *l, const struct all *a, const struct pv_ui_overview_of *o, bool whole)
{
	double replies = wire_replies(a);
	const struct pv_ui_handler *h = a->net ? a->net : a->packets;
	if (!h && o->handlers)
		h = o->handler[0];
	line(l);
	if (a->dns || whole) {
		share(l, "DNS NOERROR", dns(a, "wire_packets.noerror", NULL, "noerror_xacts"), replies);
		share(l, "SRVFAIL", dns(a, "wire_packets.srvfail", NULL, "srvfail_xacts"), replies);
		share(l, "NXDOMAIN", dns(a, "wire_packets.nxdomain", NULL, "nxdomain_xacts"), replies);
		share(l, "REFUSED", dns(a, "wire_packets.refused", NULL, "refused_xacts"), replies);
	}
	field(l, pv_ui_fmt(a->pool, "Time Window %s", h ? pv_ui_window_text(a->pool, h) : "unknown"));
}

/* ---- the lists ---------------------------------------------------------------------------------- */

enum base { DEEP, WIRE, REPLY, XACT };

static const struct list {
	const char *title;
	bool dns;
	const char *v1, *v2; /* v2 of every direction, but with dir of that alone */
	const char *dir;
	enum base base;
	size_t small; /* its place in a small overview */
} lists[] = {
    {"Top QName 2", true, "top_qname2", "top_qname2_xacts", NULL, WIRE, 0},
    {"Top QName 3", true, "top_qname3", "top_qname3_xacts", NULL, WIRE, 2},
    {"Top NX", true, "top_nxdomain", "top_nxdomain_xacts", NULL, REPLY, 4},
    {"Slow In", true, "xact.in.top_slow", "top_slow_xacts", "in", XACT, 10},
    {"Top QTypes", true, "top_qtype", "top_qtype_xacts", NULL, WIRE, 5},
    {"Top RCodes", true, "top_rcode", "top_rcode_xacts", NULL, REPLY, 6},
    {"Top SRVFAILS", true, "top_srvfail", "top_srvfail_xacts", NULL, REPLY, 7},
    {"Slow Out", true, "xact.out.top_slow", "top_slow_xacts", "out", XACT, 11},
    {"Top REFUSED", true, "top_refused", "top_refused_xacts", NULL, REPLY, 8},
    {"IPv4", false, "top_ipv4", "top_ipv4_packets", NULL, DEEP, 1},
    {"IPv6", false, "top_ipv6", "top_ipv6_packets", NULL, DEEP, 3},
    {"Top DNS UDP Ports", true, "top_udp_ports", "top_udp_ports_xacts", NULL, WIRE, 9},
    {"Top GeoLoc", false, "top_geoLoc", "top_geo_loc_packets", NULL, DEEP, 12},
    {"Top ASN", false, "top_ASN", "top_asn_packets", NULL, DEEP, 13},
};

#define LISTS (sizeof lists / sizeof lists[0])

static const struct list *nth_small(size_t n)
{
	size_t i = 0;
	while (lists[i].small != n)
		i++;
	return &lists[i];
}

/* What 100 % is. Lists count deep samples only, so the bases of DNS are scaled by those' share of all
 * packets. */
static double base_of(const struct all *a, enum base base)
{
	const struct pv_ui_handler *h = a->net ? a->net : a->packets;
	double deep = number(h, a->net ? "deep_sampled_packets" : "deep_samples");
	double total = packets(a, "total", NULL, "total_packets"), scale = total > 0 ? deep / total : 1;
	switch (base) {
	case WIRE:
		return (double)(uint64_t)(wire_total(a) * scale);
	case REPLY:
		return (double)(uint64_t)(wire_replies(a) * scale);
	case XACT:
		return (double)(uint64_t)(dns(a, "xact.counts.total", NULL, "xacts") * scale);
	default:
		return deep;
	}
}

static struct pv_ui_row *same_name(struct pv_ui_panel *panel, const char *name)
{
	for (struct pv_ui_row *r = panel ? panel->row : NULL; r; r = r->next)
		if (!strcmp(r->name, name))
			return r;
	return NULL;
}

/* Lists of several directions are added up by name. */
static void add_items(struct pv_ui_page *p, struct pv_ui_panel *panel, const struct pv_ui_handler *h,
		      const struct pv_ui_section *s, const struct pv_ui_metric *m)
{
	for (size_t i = 0; m && m->kind == PV_UI_TOP && i < m->items; i++) {
		const struct pv_ui_item *it = &m->item[i];
		const char *name = *it->name ? it->name : "(empty)";
		struct pv_ui_row *r = *s->map ? same_name(panel, name) : NULL;
		if (!r && (r = pv_ui_row(p, panel, name, "")))
			r->ref = (struct pv_ui_ref){h, s, m, it, i};
		if (r)
			r->key[0] += it->n.d;
	}
}

/* The first three have their share, as in the original. */
static void print_items(struct pv_ui_page *p, const struct pv_ui_panel *panel, double base)
{
	size_t rank = 0;
	for (struct pv_ui_row *r = panel ? panel->row : NULL; r; r = r->next, rank++)
		r->cell[0] = base > 0 && rank < 3 ? pv_ui_fmt(&p->pool, "%.0f (%4.1f%%)", r->key[0],
							      pv_ui_percent(r->key[0], base))
						  : pv_ui_fmt(&p->pool, "%.0f", r->key[0]);
}

static void add_list(struct pv_ui_page *p, const struct all *a, const struct list *l, bool whole)
{
	const struct pv_ui_handler *h = l->dns ? a->dns : a->net ? a->net : a->packets;
	struct pv_ui_panel *panel = h || whole ? pv_ui_panel(p, PV_UI_LIST, l->title) : NULL;
	bool v2 = l->dns ? a->dns2 : a->net != NULL;
	for (const struct pv_ui_section *s = h ? h->section : NULL; s; s = s->next) {
		if (!v2 && s == h->section)
			add_items(p, panel, h, s, pv_ui_metric(s, l->v1));
		else if (v2 && !strcmp(s->map, "direction") && (!l->dir || !strcmp(s->title, l->dir)))
			add_items(p, panel, h, s, pv_ui_metric(s, l->v2));
	}
	if (v2)
		pv_ui_panel_sort(p, panel, 0, false);
	print_items(p, panel, base_of(a, l->base));
}

static void add_trend(struct pv_ui_page *p, struct pv_ui_panel *panel, const char *name,
		      const struct pv_ui_handler *h, const char *dir, const char *path)
{
	const struct pv_ui_section *s = h ? dir ? pv_ui_section(h, dir) : h->section : NULL;
	const struct pv_ui_metric *m = pv_ui_metric(s, path);
	struct pv_ui_row *r = m && m->kind == PV_UI_QUANTILES ? pv_ui_row(p, panel, name, "") : NULL;
	if (!r)
		return;
	unsigned i = m->have & 1u << PV_UI_LIVE ? PV_UI_LIVE : PV_UI_P50;
	r->cell[0] = pv_ui_rate(p, path, m->q[i]);
	r->key[0] = m->q[i].d;
	r->trend = true;
	r->ref = (struct pv_ui_ref){h, s, m, NULL, 0};
}

static void trends(struct pv_ui_page *p, const struct all *a)
{
	struct pv_ui_panel *panel = pv_ui_panel(p, PV_UI_LIST, "Rates per second, over the window");
	if (!panel)
		return;
	panel->wide = true;
	add_trend(p, panel, "Packets", a->packets, NULL, "rates.pps_total");
	add_trend(p, panel, "Packets in", a->packets, NULL, "rates.pps_in");
	add_trend(p, panel, "Packets out", a->packets, NULL, "rates.pps_out");
	add_trend(p, panel, p->bits ? "Bits" : "Bytes", a->packets, NULL, "rates.bytes_total");
	add_trend(p, panel, "Packets", a->net, NULL, "rates.observed_pps");
	add_trend(p, panel, "Packets in", a->net, "in", "rates.pps");
	add_trend(p, panel, "Packets out", a->net, "out", "rates.pps");
	add_trend(p, panel, "DNS messages", a->dns, NULL, a->dns2 ? "rates.observed_pps" : "rates.total");
	add_trend(p, panel, "DHCP messages", a->dhcp, NULL, "rates.total");
}

/* Handlers of other kinds, all of them. */
static void others(struct pv_ui_page *p, const struct pv_ui_overview_of *o)
{
	for (size_t i = 0; i < o->handlers; i++) {
		const struct pv_ui_handler *h = o->handler[i];
		if (pv_ui_kind(h->schema) == PV_UI_KINDS)
			pv_ui_handler_brief(p, h, pv_ui_fmt(&p->pool, "%s: %s", h->schema, o->label[i]));
	}
}

void pv_ui_overview(struct pv_ui_page *p, const struct pv_ui_overview_of *o)
{
	struct all a = find_all(p, o);
	bool any = a.packets || a.net || a.dns || a.dhcp || a.pcap, whole = o->whole && any;
	struct lines l = {p,
			  pv_ui_panel(p, PV_UI_LINES,
				      pv_ui_fmt(&p->pool, "pktvisor-cli (client: %s | server: %s) Policy: %s",
						PV_VERSION, o->server, o->policy))};
	choice_line(&l, o);
	if (whole || a.packets || a.net || a.pcap)
		packet_lines(&l, &a, whole);
	if (whole || (a.dhcp && !(o->small && !number(a.dhcp, "wire_packets.total"))))
		dhcp_line(&l, &a);
	if (whole || a.dns)
		dns_lines(&l, &a, whole);
	last_line(&l, &a, o, whole);
	for (size_t i = 0; i < LISTS; i++)
		add_list(p, &a, o->small ? nth_small(i) : &lists[i], whole);
	if (any)
		trends(p, &a);
	others(p, o);
}
