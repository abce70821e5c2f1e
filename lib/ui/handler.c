/* SPDX-License-Identifier: MPL-2.0 */
#include "ui/handler.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- what is known of some handlers -------------------------------------------------------------- */

struct column {
	const char *heading;
	const char *path;  /* "a", or "a:p50" for a quantile */
	const char *share; /* shown as percent of this one */
};

/* clang-format off: tables */
static const struct overview {
	const char *schema, *map, *title;
	struct column column[PV_UI_COLUMNS];
} overviews[] = {
    {"flow",
     "devices",
     "Devices",
     {{"flows", "records_flows", NULL}, {"filtered", "records_filtered", NULL}}},
    {"flow",
     "interfaces",
     "Interfaces, device | interface",
     {{"in bytes", "in_bytes", NULL},
      {"out bytes", "out_bytes", NULL},
      {"in pkts", "in_packets", NULL},
      {"out pkts", "out_packets", NULL},
      {"in UDP", "in_udp_bytes", "in_bytes"},
      {"in TCP", "in_tcp_bytes", "in_bytes"},
      {"src IPs", "cardinality.src_ips_in", NULL},
      {"dst IPs", "cardinality.dst_ips_out", NULL}}},
    {"netprobe",
     "targets",
     "Targets, times in ms",
     {{"sent", "attempts", NULL},
      {"ok", "successes", NULL},
      {"ok %", "successes", "attempts"},
      {"time-out", "packets_timeout", NULL},
      {"connect", "connect_failures", NULL},
      {"lookup", "dns_lookup_failures", NULL},
      {"min", "response_min_us", NULL},
      {"max", "response_max_us", NULL},
      {"p50", "response_quantiles_us:p50", NULL},
      {"p99", "response_quantiles_us:p99", NULL}}},
    {"net",
     "direction",
     "Directions",
     {{"packets", "total_packets", NULL},
      {"UDP", "udp_packets", "total_packets"},
      {"TCP", "tcp_packets", "total_packets"},
      {"IPv4", "ipv4_packets", "total_packets"},
      {"IPv6", "ipv6_packets", "total_packets"},
      {"pps", "rates.pps:live", NULL},
      {"p95", "rates.pps:p95", NULL},
      {"IPs", "cardinality.ips", NULL}}},
    {"dns",
     "direction",
     "Directions",
     {{"xacts", "xacts", NULL},
      {"UDP", "udp_xacts", "xacts"},
      {"TCP", "tcp_xacts", "xacts"},
      {"NOERROR", "noerror_xacts", "xacts"},
      {"NXDOM.", "nxdomain_xacts", "xacts"},
      {"SRVFAIL", "srvfail_xacts", "xacts"},
      {"timed out", "timeout_queries", NULL},
      {"orphans", "orphan_responses", NULL}}},
};

/* The first that matches counts. A base is looked for in the metric's section, then in section 0. */
static const struct base {
	const char *schema, *path, *base;
} bases[] = {
    {"packets", "top_*", "deep_samples"},
    {"packets", "in", "total"},
    {"packets", "out", "total"},
    {"packets", "udp", "total"},
    {"packets", "tcp", "total"},
    {"packets", "other_l4", "total"},
    {"packets", "ipv4", "total"},
    {"packets", "ipv6", "total"},
    {"packets", "unknown_dir", "total"},
    {"packets", "filtered", "events"},
    {"packets", "deep_samples", "events"},
    {"net", "top_*", "total_packets"},
    {"net", "*_packets", "total_packets"},
    {"dns", "top_*_bytes", NULL},
    {"dns", "top_*_xacts", "xacts"},
    {"dns", "xacts", NULL},
    {"dns", "*_xacts", "xacts"},
    {"dns", "top_rcode", "wire_packets.replies"},
    {"dns", "top_nxdomain", "wire_packets.replies"},
    {"dns", "top_refused", "wire_packets.replies"},
    {"dns", "top_srvfail", "wire_packets.replies"},
    {"dns", "top_no*", "wire_packets.replies"},
    {"dns", "top_*", "wire_packets.total"},
    {"dns", "xact.*top_slow", "xact.counts.total"},
    {"dns", "xact.*.total", "xact.counts.total"},
    {"dns", "wire_packets.no*", "wire_packets.replies"},
    {"dns", "wire_packets.srvfail", "wire_packets.replies"},
    {"dns", "wire_packets.nxdomain", "wire_packets.replies"},
    {"dns", "wire_packets.refused", "wire_packets.replies"},
    {"dns", "wire_packets.filtered", "wire_packets.events"},
    {"dns", "wire_packets.*", "wire_packets.total"},
    {"dhcp", "top_*", "wire_packets.total"},
    {"dhcp", "wire_packets.*", "wire_packets.total"},
    {"bgp", "wire_packets.*", "wire_packets.total"},
    {"connections", "top_*", "bytes"},
    {"flow", "top_in_interfaces_*", NULL},
    {"flow", "top_out_interfaces_*", NULL},
    {"flow", "top_in_*_bytes", "in_bytes"},
    {"flow", "top_out_*_bytes", "out_bytes"},
    {"flow", "top_in_*_packets", "in_packets"},
    {"flow", "top_out_*_packets", "out_packets"},
    {"flow", "in_*_bytes", "in_bytes"},
    {"flow", "out_*_bytes", "out_bytes"},
    {"flow", "in_*_packets", "in_packets"},
    {"flow", "out_*_packets", "out_packets"},
    {"netprobe", "successes", "attempts"},
    {"netprobe", "*_failures", "attempts"},
    {"netprobe", "packets_timeout", "attempts"},
};
/* clang-format on */

double pv_ui_base(const struct pv_ui_handler *h, const struct pv_ui_section *s, const char *path)
{
	for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
		const struct base *b = &bases[i];
		if (strcmp(b->schema, h->schema) || fnmatch(b->path, path, 0))
			continue;
		const struct pv_ui_metric *m =
		    b->base && strcmp(b->base, path) ? pv_ui_metric(s, b->base) : NULL;
		if (!m && b->base && strcmp(b->base, path))
			m = pv_ui_metric(h->section, b->base);
		return m && m->kind == PV_UI_NUMBER ? m->n.d : 0;
	}
	return 0;
}

/* ---- tables of sections -------------------------------------------------------------------------- */

static void set_cell(struct pv_ui_page *p, struct pv_ui_row *r, size_t i, const struct pv_ui_section *s,
		     const struct column *c)
{
	static const char *const quants[PV_UI_QUANTS] = {"p50", "p90", "p95", "p99", "live"};
	char path[PV_UI_NAME_MAX];
	const char *colon = strchr(c->path, ':');
	snprintf(path, sizeof path, "%.*s", colon ? (int)(colon - c->path) : (int)strlen(c->path), c->path);
	const struct pv_ui_metric *m = pv_ui_metric(s, path),
				  *base = c->share ? pv_ui_metric(s, c->share) : NULL;
	struct pv_ui_num n = {0, 0, false};
	bool there = m && m->kind == (colon ? PV_UI_QUANTILES : PV_UI_NUMBER);
	if (there && !colon)
		n = m->n;
	for (size_t q = 0; there && colon && q < PV_UI_QUANTS; q++)
		if (!strcmp(colon + 1, quants[q])) {
			there = m->have & 1u << q;
			n = m->q[q];
		}
	r->key[i] = n.d;
	if (!there)
		r->cell[i] = "-";
	else if (!c->share)
		r->cell[i] = pv_ui_value(&p->pool, path, n);
	else
		r->cell[i] =
		    pv_ui_fmt(&p->pool, "%.1f%%", r->key[i] = pv_ui_percent(n.d, base ? base->n.d : 0));
}

static void section_row(struct pv_ui_page *p, struct pv_ui_panel *t, const struct pv_ui_handler *h,
			const struct pv_ui_section *s, const struct column *c)
{
	struct pv_ui_row *r = pv_ui_row(p, t, *s->title ? s->title : "(empty)", "");
	if (!r)
		return;
	r->ref = (struct pv_ui_ref){h, s, NULL, NULL, 0};
	for (size_t i = 0; i < t->columns; i++)
		set_cell(p, r, i, s, &c[i]);
}

/* For a map that nobody has told us about: the first few numbers that its first member has. */
static size_t guess_columns(const struct pv_ui_section *s, struct column *c)
{
	size_t n = 0;
	for (const struct pv_ui_metric *m = s->metric; m && n < 6; m = m->next)
		if (m->kind == PV_UI_NUMBER)
			c[n++] = (struct column){m->path, m->path, NULL};
	return n;
}

static void section_table(struct pv_ui_page *p, const struct pv_ui_handler *h,
			  const struct pv_ui_section *first)
{
	struct column guessed[PV_UI_COLUMNS] = {{NULL, NULL, NULL}};
	const struct column *c = NULL;
	const char *title = first->map;
	for (size_t i = 0; i < sizeof overviews / sizeof overviews[0]; i++)
		if (!strcmp(overviews[i].schema, h->schema) && !strcmp(overviews[i].map, first->map)) {
			c = overviews[i].column;
			title = overviews[i].title;
		}
	if (!c) {
		guess_columns(first, guessed);
		c = guessed;
	}
	struct pv_ui_panel *t = pv_ui_panel(p, PV_UI_TABLE, title);
	for (size_t i = 0; t && i < PV_UI_COLUMNS && c[i].heading; i++)
		t->column[t->columns++] = c[i].heading;
	for (const struct pv_ui_section *s = first; t && s; s = s->next)
		if (!strcmp(s->map, first->map))
			section_row(p, t, h, s, c);
	if (t && t->columns) /* the busiest first; JSON has them by name */
		pv_ui_panel_sort(p, t, 0, false);
}

/* A table for each map that there is, in the order of their first members. */
static void section_tables(struct pv_ui_page *p, const struct pv_ui_handler *h)
{
	for (const struct pv_ui_section *s = h->section->next; s; s = s->next) {
		const struct pv_ui_section *before = h->section->next;
		while (before != s && strcmp(before->map, s->map))
			before = before->next;
		if (before == s)
			section_table(p, h, s);
	}
}

/* ---- one section --------------------------------------------------------------------------------- */

static void numbers(struct pv_ui_page *p, const struct pv_ui_handler *h, const struct pv_ui_section *s)
{
	struct pv_ui_panel *g = NULL;
	for (const struct pv_ui_metric *m = s->metric; m; m = m->next) {
		const char *text = m->text;
		if (m->kind != PV_UI_NUMBER && m->kind != PV_UI_TEXT)
			continue;
		if (!g && !(g = pv_ui_panel(p, PV_UI_GRID, "Counters")))
			return;
		double base = m->kind == PV_UI_NUMBER ? pv_ui_base(h, s, m->path) : 0;
		const char *name = pv_ui_value_name(&p->pool, m->path);
		if (m->kind == PV_UI_NUMBER)
			text = base > 0 ? pv_ui_fmt(&p->pool, "%s (%4.1f%%)", pv_ui_count(&p->pool, m->n),
						    pv_ui_percent(m->n.d, base))
			       : name == m->path ? pv_ui_count(&p->pool, m->n)
						 : pv_ui_value(&p->pool, m->path, m->n);
		struct pv_ui_row *r = pv_ui_row(p, g, name, text);
		if (r)
			r->ref = (struct pv_ui_ref){h, s, m, NULL, 0};
	}
}

static void quantiles(struct pv_ui_page *p, const struct pv_ui_handler *h, const struct pv_ui_section *s)
{
	static const char *const headings[PV_UI_QUANTS] = {"p50", "p90", "p95", "p99", "live"};
	struct pv_ui_panel *t = NULL;
	for (const struct pv_ui_metric *m = s->metric; m; m = m->next) {
		if (m->kind != PV_UI_QUANTILES)
			continue;
		if (!t) {
			if (!(t = pv_ui_panel(p, PV_UI_TABLE, "Rates and quantiles")))
				return;
			t->columns = PV_UI_QUANTS;
			memcpy(t->column, headings, sizeof headings);
		}
		struct pv_ui_row *r = pv_ui_row(p, t, pv_ui_value_name(&p->pool, m->path), "");
		if (!r)
			return;
		r->trend = pv_ui_is_rate(m);
		r->ref = (struct pv_ui_ref){h, s, m, NULL, 0};
		for (size_t i = 0; i < PV_UI_QUANTS; i++) {
			bool there = m->have & 1u << i;
			r->cell[i] = there ? pv_ui_value(&p->pool, m->path, m->q[i]) : "-";
			r->key[i] = there ? m->q[i].d : -1;
		}
	}
}

static void list(struct pv_ui_page *p, const struct pv_ui_handler *h, const struct pv_ui_section *s,
		 const struct pv_ui_metric *m)
{
	bool top = m->kind == PV_UI_TOP;
	double base = top ? pv_ui_base(h, s, m->path) : m->items ? m->item[m->items - 1].n.d : 0;
	struct pv_ui_panel *l = pv_ui_panel(p, PV_UI_LIST, m->path);
	for (size_t i = 0; i < m->items; i++) {
		const struct pv_ui_item *it = &m->item[i];
		const char *n = pv_ui_count(&p->pool, it->n);
		if (!top && it->n.real)
			n = pv_ui_fmt(&p->pool, "%.0f", it->n.d);
		if (base > 0)
			n = pv_ui_fmt(&p->pool, "%s (%4.1f%%)", n, pv_ui_percent(it->n.d, base));
		struct pv_ui_row *r = pv_ui_row(p, l, *it->name ? it->name : "(empty)", n);
		if (!r)
			return;
		/* bounds of a histogram stay in their order, whatever is sorted by */
		r->key[0] = top ? it->n.d : -(double)i;
		r->ref = (struct pv_ui_ref){h, s, m, it, i};
	}
}

static void lists(struct pv_ui_page *p, const struct pv_ui_handler *h, const struct pv_ui_section *s)
{
	const char *empty = "";
	for (const struct pv_ui_metric *m = s->metric; m; m = m->next) {
		if (m->kind != PV_UI_TOP && m->kind != PV_UI_HISTOGRAM)
			continue;
		if (m->items)
			list(p, h, s, m);
		else
			empty = pv_ui_fmt(&p->pool, "%s%s %s", empty, *empty ? "," : "", m->path);
	}
	if (*empty)
		pv_ui_panel(p, PV_UI_HEADING, pv_ui_fmt(&p->pool, "empty:%s", empty));
}

static void whole_section(struct pv_ui_page *p, const struct pv_ui_handler *h, const struct pv_ui_section *s)
{
	if (*s->title)
		pv_ui_panel(p, PV_UI_HEADING, pv_ui_fmt(&p->pool, "%s: %s", s->map, s->title));
	numbers(p, h, s);
	quantiles(p, h, s);
	lists(p, h, s);
}

void pv_ui_handler_page(struct pv_ui_page *p, const struct pv_ui_handler *h, const char *section)
{
	const struct pv_ui_section *picked = *section ? pv_ui_section(h, section) : NULL;
	if (picked) {
		whole_section(p, h, picked);
		return;
	}
	numbers(p, h, h->section);
	quantiles(p, h, h->section);
	section_tables(p, h);
	lists(p, h, h->section);
	if (h->n - 1 > PV_UI_WHOLE_SECTIONS) {
		pv_ui_panel(p, PV_UI_HEADING, "Enter on a row of a table shows all that it has");
		return;
	}
	for (const struct pv_ui_section *s = h->section->next; s; s = s->next)
		whole_section(p, h, s);
}
