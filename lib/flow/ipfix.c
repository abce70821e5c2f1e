/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/ipfix.h"

#include <errno.h>
#include <string.h>

enum { V9 = 9, IPFIX = 10 };
enum { V9_TEMPLATES = 0, V9_OPTIONS = 1, IPFIX_TEMPLATES = 2, IPFIX_OPTIONS = 3, DATA_MIN = 256 };
enum { ENTERPRISE = 0x8000 };

struct message {
	bool v9;
	struct pv_flow_exporters *exporters;
	struct pv_flow_exporter *from;
	const struct pv_flow_exporter *teacher; /* who told the template of the set at hand */
	struct pv_flow_to *to;
	uint32_t sets;	  /* so far */
	uint32_t records; /* data records, for the sequence */
	bool uncounted;   /* some of which we could not count */
};

/* ---- templates ------------------------------------------------------------------------------------ */

/* Fields from `from` to n. `mute`: they are no information elements (v9's scopes). */
static void read_fields(struct pv_cur *c, struct pv_flow_field *field, size_t from, size_t n, bool v9, bool mute)
{
	for (size_t i = from; i < n; i++) {
		uint16_t element = pv_be16(c), len = pv_be16(c);
		uint32_t owner = PV_FLOW_IANA;
		if (!v9 && element & ENTERPRISE) {
			owner = pv_be32(c);
			element &= (uint16_t)~ENTERPRISE;
			if (owner == PV_FLOW_IANA) /* which needs no number of its own */
				owner = PV_FLOW_NOBODY;
		}
		field[i] = (struct pv_flow_field){element, len, mute ? PV_FLOW_NOBODY : owner};
	}
}

static enum pv_flow_reason define(struct message *m, uint16_t id, bool options, const struct pv_flow_field *field,
				  size_t n)
{
	struct pv_flow_template *t = pv_flow_template_new(id, options, field, n);
	if (!t && errno == EINVAL)
		return PV_FDEC_TEMPLATE;
	if (t)
		pv_flow_exporters_define(m->exporters, m->from, t, m->to->base.ev.time_ns, m->to->counts);
	else
		m->to->counts->templates_refused++;
	return PV_FDEC_OK;
}

static void withdraw(struct message *m, uint16_t id)
{
	if (id == IPFIX_TEMPLATES || id == IPFIX_OPTIONS)
		pv_flow_exporters_withdraw_all(m->exporters, m->from, id == IPFIX_OPTIONS, m->to->counts);
	else
		pv_flow_exporters_withdraw(m->exporters, m->from, id, m->to->counts);
}

/* One template record: fields, and in front of them those that say what options are about. */
static enum pv_flow_reason template_record(struct message *m, struct pv_cur *c, bool options)
{
	struct pv_flow_field field[PV_FLOW_FIELDS];
	uint16_t id = pv_be16(c), count = pv_be16(c), scopes = 0;
	if (!m->v9 && !count && !c->bad) {
		withdraw(m, id);
		return PV_FDEC_OK;
	}
	if (options && m->v9) { /* lengths in bytes: scopes, options */
		uint16_t bytes = pv_be16(c);
		if (count % 4 || bytes % 4)
			return PV_FDEC_TEMPLATE;
		scopes = count / 4;
		count = (uint16_t)(scopes + bytes / 4);
	} else if (options) {
		scopes = pv_be16(c);
	}
	if (c->bad || id < DATA_MIN || !count || scopes > count)
		return PV_FDEC_TEMPLATE;
	if (count > PV_FLOW_FIELDS) {
		m->to->counts->templates_refused++;
		struct pv_flow_field skipped;
		for (unsigned i = 0; i < count && !c->bad; i++)
			read_fields(c, &skipped, 0, 1, m->v9, true);
		return c->bad ? PV_FDEC_TEMPLATE : PV_FDEC_OK;
	}
	read_fields(c, field, 0, scopes, m->v9, m->v9);
	read_fields(c, field, scopes, count, m->v9, false);
	return c->bad ? PV_FDEC_TEMPLATE : define(m, id, options, field, count);
}

/* Padding is at most three bytes, and a template record at least four. */
static enum pv_flow_reason template_set(struct message *m, struct pv_cur *c, bool options)
{
	enum pv_flow_reason r = PV_FDEC_OK;
	while (pv_left(c) >= 4 && r == PV_FDEC_OK) {
		if (m->v9 && !pv_get16(c->p)) /* padded to more than a word */
			break;
		r = template_record(m, c, options);
	}
	return r;
}

/* ---- records -------------------------------------------------------------------------------------- */

static bool has(const struct pv_flow_values *v, enum pv_flow_value which)
{
	return v->has & PV_FV_HAS(which);
}

static uint64_t get(const struct pv_flow_values *v, enum pv_flow_value which)
{
	return has(v, which) ? v->number[which] : 0;
}

static const uint8_t *address(const struct pv_flow_values *v, enum pv_flow_value which)
{
	return v->address[which - PV_FV_SRC4];
}

static void options_record(struct message *m, const struct pv_flow_values *v)
{
	uint32_t rate = pv_flow_values_rate(v);
	m->to->counts->options++;
	if (pv_flow_values_sampling(v)) /* an interval of 0, and what else cannot be: no sampling (any more) */
		pv_flow_exporter_sampling(m->from, has(v, PV_FV_SELECTOR) ? &v->number[PV_FV_SELECTOR] : NULL,
					  rate ? rate : 1);
}

static bool some_address(const uint8_t *a, size_t n)
{
	static const uint8_t zero[16];
	return memcmp(a, zero, n) != 0;
}

/* Dual-stack templates have both kinds, one of them zeros. */
static bool is_ipv6(const struct pv_flow_values *v)
{
	bool v4 = has(v, PV_FV_SRC4) || has(v, PV_FV_DST4), v6 = has(v, PV_FV_SRC6) || has(v, PV_FV_DST6);
	if (!v4 || !v6)
		return v6 || (!v4 && get(v, PV_FV_IP_VERSION) == 6);
	if (has(v, PV_FV_IP_VERSION))
		return v->number[PV_FV_IP_VERSION] == 6;
	return (has(v, PV_FV_SRC6) && some_address(address(v, PV_FV_SRC6), 16)) ||
	       (has(v, PV_FV_DST6) && some_address(address(v, PV_FV_DST6), 16));
}

static void set_addresses(struct pv_flow *f, const struct pv_flow_values *v)
{
	if (is_ipv6(v)) {
		f->l3 = 6;
		if (has(v, PV_FV_SRC6))
			memcpy(f->src, address(v, PV_FV_SRC6), 16);
		if (has(v, PV_FV_DST6))
			memcpy(f->dst, address(v, PV_FV_DST6), 16);
		return;
	}
	f->l3 = v->has & (PV_FV_HAS(PV_FV_SRC4) | PV_FV_HAS(PV_FV_DST4)) || get(v, PV_FV_IP_VERSION) == 4 ? 4 : 0;
	if (has(v, PV_FV_SRC4))
		pv_flow_ipv4(f->src, address(v, PV_FV_SRC4));
	if (has(v, PV_FV_DST4))
		pv_flow_ipv4(f->dst, address(v, PV_FV_DST4));
}

static uint32_t rate_of(const struct message *m, const struct pv_flow_values *v)
{
	uint32_t rate = pv_flow_values_rate(v);
	if (rate)
		return rate;
	return pv_flow_exporter_rate(m->teacher, has(v, PV_FV_SELECTOR) ? &v->number[PV_FV_SELECTOR] : NULL);
}

static bool is_total(const struct pv_flow_values *v, enum pv_flow_value which)
{
	return v->totals & PV_FV_HAS(which);
}

/* Totals become what was added to them. `there` says whose they are, whichever way they went. */
static void count_totals(struct message *m, struct pv_flow_values *v, const struct pv_flow *there, bool reverse)
{
	enum pv_flow_value bytes = reverse ? PV_FV_REVERSE_BYTES : PV_FV_BYTES;
	enum pv_flow_value packets = reverse ? PV_FV_REVERSE_PACKETS : PV_FV_PACKETS;
	struct pv_flow_totals *totals = pv_flow_exporters_totals(m->exporters);
	if (!totals || !(is_total(v, bytes) || is_total(v, packets)))
		return;
	struct pv_flow_total_key key = {.begin = get(v, PV_FV_BEGIN),
					.id = get(v, PV_FV_FLOW_ID),
					.domain = m->from->domain,
					.in_if = there->in_if,
					.out_if = there->out_if,
					.sport = there->sport,
					.dport = there->dport,
					.l3 = there->l3,
					.proto = there->proto,
					.tos = there->tos,
					.reverse = reverse};
	memcpy(key.exporter, m->from->addr, 16);
	memcpy(key.src, there->src, 16);
	memcpy(key.dst, there->dst, 16);
	pv_flow_totals_since(totals, &key, m->to->base.ev.time_ns, is_total(v, bytes) ? &v->number[bytes] : NULL,
			     is_total(v, packets) ? &v->number[packets] : NULL, m->to->counts);
}

/* What went the other way; `there` is what went this way. */
static void reverse_record(struct message *m, const struct pv_flow_values *v, const struct pv_flow *there)
{
	struct pv_flow f = *there;
	f.bytes = get(v, PV_FV_REVERSE_BYTES);
	f.packets = get(v, PV_FV_REVERSE_PACKETS);
	if (!f.bytes && !f.packets)
		return;
	memcpy(f.src, there->dst, 16);
	memcpy(f.dst, there->src, 16);
	f.sport = there->dport;
	f.dport = there->sport;
	f.in_if = there->out_if;
	f.out_if = there->in_if;
	f.tcp_flags = 0;
	if (has(v, PV_FV_REVERSE_TOS))
		f.tos = (uint8_t)get(v, PV_FV_REVERSE_TOS);
	pv_flow_record(m->to, &f);
}

static void flow_record(struct message *m, struct pv_flow_values *v)
{
	struct pv_flow f = m->to->base;
	set_addresses(&f, v);
	f.in_if = (uint32_t)get(v, PV_FV_IN_IF);
	f.out_if = (uint32_t)get(v, PV_FV_OUT_IF);
	f.sport = (uint16_t)get(v, PV_FV_SPORT);
	f.dport = (uint16_t)get(v, PV_FV_DPORT);
	f.proto = (uint8_t)get(v, PV_FV_PROTO);
	f.tos = (uint8_t)get(v, PV_FV_TOS);
	f.tcp_flags = (uint8_t)get(v, PV_FV_TCP_FLAGS);
	f.bits = PV_FLOW_IN | PV_FLOW_OUT;
	f.rate = rate_of(m, v);
	if (v->totals) {
		count_totals(m, v, &f, false);
		count_totals(m, v, &f, true);
	}
	f.bytes = get(v, PV_FV_BYTES);
	f.packets = get(v, PV_FV_PACKETS);
	pv_flow_record(m->to, &f);
	reverse_record(m, v, &f);
}

/* Without one of these a record says nothing that is counted anywhere. */
#define USEFUL                                                                                                         \
	(PV_FV_HAS(PV_FV_BYTES) | PV_FV_HAS(PV_FV_PACKETS) | PV_FV_HAS(PV_FV_SRC4) | PV_FV_HAS(PV_FV_DST4) |            \
	 PV_FV_HAS(PV_FV_SRC6) | PV_FV_HAS(PV_FV_DST6))

static enum pv_flow_reason data_set(struct message *m, uint16_t id, struct pv_cur *c)
{
	struct pv_flow_values v = {.has = 0};
	const struct pv_flow_template *t =
	    pv_flow_exporters_find(m->exporters, m->from, id, m->to->base.ev.time_ns, m->to->counts);
	if (!t) {
		m->to->counts->unknown_sets++;
		m->uncounted = true;
		return PV_FDEC_OK;
	}
	m->teacher = t->exporter;
	while (pv_left(c) >= t->least) {
		if (!pv_flow_template_read(t, c, &v)) {
			m->uncounted = true;
			return PV_FDEC_RECORD;
		}
		m->records++;
		if (t->options)
			options_record(m, &v);
		else if (v.has & USEFUL)
			flow_record(m, &v);
		else
			m->to->counts->no_records++;
	}
	return PV_FDEC_OK;
}

/* ---- the message ---------------------------------------------------------------------------------- */

enum pv_flow_reason pv_ipfix_head(struct pv_cur *c, struct pv_ipfix_head *h)
{
	*h = (struct pv_ipfix_head){.version = pv_be16(c)};
	uint16_t length = pv_be16(c); /* of the message; v9: number of records, which nobody gets right */
	if (h->version == V9)
		h->uptime_ms = pv_be32(c);
	pv_skip(c, 4); /* the exporter's clock */
	h->sequence = pv_be32(c);
	h->domain = pv_be32(c);
	if (c->bad)
		return PV_FDEC_SHORT;
	if (h->version == V9)
		return PV_FDEC_OK;
	if (length < 16)
		return PV_FDEC_SHORT;
	size_t body = length - 16u;
	if (pv_left(c) < body)
		return c->cut ? PV_FDEC_OK : PV_FDEC_COUNT;
	c->end = c->p + body; /* what stands behind it is not of this message */
	c->cut = false;
	return PV_FDEC_OK;
}

static enum pv_flow_reason one_set(struct message *m, struct pv_cur *c)
{
	uint16_t id = pv_be16(c), len = pv_be16(c);
	if (c->bad || len < 4)
		return PV_FDEC_SET;
	if (pv_left(c) < len - 4u) /* half a set is no use: where its last record ends is not known */
		return c->cut ? PV_FDEC_CUT : PV_FDEC_SET;
	struct pv_cur set = pv_sub(c, len - 4u);
	if (id >= DATA_MIN)
		return data_set(m, id, &set);
	if (id == (m->v9 ? V9_TEMPLATES : IPFIX_TEMPLATES))
		return template_set(m, &set, false);
	if (id == (m->v9 ? V9_OPTIONS : IPFIX_OPTIONS))
		return template_set(m, &set, true);
	m->to->counts->unknown_sets++;
	return PV_FDEC_OK;
}

/* Some exporters of version 9 fill their datagrams up to a fixed size: zeros behind the last set, which would be a set
 * without a length. */
static bool padded(const struct message *m, const struct pv_cur *c)
{
	for (size_t i = 0, n = pv_left(c); i < n; i++)
		if (c->p[i])
			return false;
	return m->v9;
}

static void sequence(struct message *m, const struct pv_ipfix_head *h)
{
	pv_flow_exporter_sequence(m->from, h->sequence, m->v9 ? 1 : m->records, m->v9 ? &h->uptime_ms : NULL, m->to->counts);
	if (!m->v9 && m->uncounted)
		pv_flow_exporter_unsequence(m->from);
}

enum pv_flow_reason pv_ipfix_sets(struct pv_cur *c, const struct pv_ipfix_head *h, struct pv_flow_exporters *x,
				  struct pv_flow_exporter *e, struct pv_flow_to *to)
{
	struct message m = {.v9 = h->version == V9, .exporters = x, .from = e, .to = to};
	enum pv_flow_reason r = PV_FDEC_OK;
	to->base.source = m.v9 ? PV_FLOW_NETFLOW_V9 : PV_FLOW_IPFIX;
	/* less than a set's head at the end is padding (softflowd and others round up) */
	while (pv_left(c) >= 4 && r == PV_FDEC_OK && !(m.sets && padded(&m, c))) {
		r = one_set(&m, c);
		m.sets++;
	}
	m.uncounted |= r != PV_FDEC_OK;
	sequence(&m, h);
	return r;
}
