/* SPDX-License-Identifier: MPL-2.0 */
#include "event/json.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "event/check.h"

enum field_kind { U8, U16, U32, U64, VLAN, TIME, ADDR, MAC, IP4, TEXT, TEXT32, PAYLOAD, DIR, ECS, HOSTS, ROWS, CLOCK };

struct field {
	const char *name;
	enum field_kind kind;
	uint16_t at;
	uint16_t len_at; /* PAYLOAD: where the length stands; HOSTS: where the count does */
	bool always;     /* shown although 0 or empty */
};

#define F(s, f, k) {#f, k, offsetof(struct s, f), 0, false}
#define A(s, f, k) {#f, k, offsetof(struct s, f), 0, true}

static const struct field start[] = {A(pv_start, major, U16), A(pv_start, minor, U16), A(pv_start, stream_id, U64),
				     A(pv_start, clock, CLOCK), A(pv_start, producer, TEXT), A(pv_start, source, TEXT),
				     {"hosts", HOSTS, offsetof(struct pv_start, hosts), offsetof(struct pv_start, hosts_count), true},
				     {NULL, U8, 0, 0, false}};
static const struct field stop[] = {A(pv_stop, rows, ROWS), {NULL, U8, 0, 0, false}};
static const struct field stage[] = {A(pv_stage_event, stage, U8), A(pv_stage_event, kind, U8), F(pv_stage_event, events, U8), {"handler", TEXT, offsetof(struct pv_stage_event, type), 0, true},
				     A(pv_stage_event, name, TEXT), A(pv_stage_event, version, TEXT),
				     F(pv_stage_event, filters, TEXT), {NULL, U8, 0, 0, false}};
static const struct field define[] = {A(pv_define, stage, U8), A(pv_define, kind, U8), A(pv_define, number, U32),
				      A(pv_define, text, TEXT), {NULL, U8, 0, 0, false}};
static const struct field stats[] = {A(pv_stats, received, U64), A(pv_stats, os_drops, U64), A(pv_stats, if_drops, U64),
				     A(pv_stats, link_down, U64), {NULL, U8, 0, 0, false}};
static const struct field resources[] = {
	A(pv_resources_event, number, U64), A(pv_resources_event, stage, U8), A(pv_resources_event, bits, U8),
	A(pv_resources_event, cpu_ppm, U32), A(pv_resources_event, memory_bytes, U64), A(pv_resources_event, policies, U32),
	A(pv_resources_event, handlers, U32), {NULL, U8, 0, 0, false}};
static const struct field packet[] = {
	A(pv_packet, number, U64),   F(pv_packet, src, ADDR),       F(pv_packet, dst, ADDR),
	F(pv_packet, sport, U16),    F(pv_packet, dport, U16),      A(pv_packet, l3, U8),
	A(pv_packet, l4, U8),        A(pv_packet, proto, U8),       A(pv_packet, dir, DIR),
	A(pv_packet, stamp, U8),     F(pv_packet, bits, U8),        F(pv_packet, tcp_flags, U8),
	F(pv_packet, reason, U8),    F(pv_packet, vlan, VLAN),      A(pv_packet, wire_len, U32),   A(pv_packet, cap_len, U32),
	A(pv_packet, payload_wire_len, U32), F(pv_packet, tcp_seq, U32), F(pv_packet, tcp_ack, U32),
	F(pv_packet, eth_src, MAC),  F(pv_packet, eth_dst, MAC),
	{"payload", PAYLOAD, offsetof(struct pv_packet, payload_off), offsetof(struct pv_packet, payload_len), false},
	{NULL, U8, 0, 0, false}};
static const struct field dnstap[] = {
	A(pv_dnstap, number, U64), F(pv_dnstap, query_addr, ADDR), F(pv_dnstap, response_addr, ADDR), F(pv_dnstap, query_port, U16),
	F(pv_dnstap, response_port, U16), A(pv_dnstap, l3, U8), A(pv_dnstap, transport, U8),
	A(pv_dnstap, message, U8), A(pv_dnstap, dir, DIR), A(pv_dnstap, stamp, U8),
	F(pv_dnstap, bits, U8), A(pv_dnstap, frame_len, U32), F(pv_dnstap, identity, TEXT), F(pv_dnstap, query_time_ns, TIME),
	F(pv_dnstap, response_time_ns, TIME),
	{"payload", PAYLOAD, offsetof(struct pv_dnstap, payload_off), offsetof(struct pv_dnstap, payload_len), false},
	{NULL, U8, 0, 0, false}};
static const struct field flow[] = {
	A(pv_flow, packet, U64),   F(pv_flow, src, ADDR),      F(pv_flow, dst, ADDR),      F(pv_flow, device, ADDR),
	A(pv_flow, bytes, U64),    A(pv_flow, packets, U64),   A(pv_flow, rate, U32),      A(pv_flow, in_if, U32),
	A(pv_flow, out_if, U32),   F(pv_flow, sport, U16),     F(pv_flow, dport, U16),     A(pv_flow, l3, U8),
	A(pv_flow, proto, U8),     F(pv_flow, tos, U8),        F(pv_flow, tcp_flags, U8),  A(pv_flow, stage, U8),
	A(pv_flow, stamp, U8),     A(pv_flow, source, U8),     A(pv_flow, bits, U8),       F(pv_flow, geo_src, U32),
	F(pv_flow, geo_dst, U32),  F(pv_flow, asn_src, U32),   F(pv_flow, asn_dst, U32),   F(pv_flow, device_name, TEXT),
	F(pv_flow, in_name, TEXT), F(pv_flow, out_name, TEXT), F(pv_flow, src_label, TEXT), F(pv_flow, dst_label, TEXT),
	F(pv_flow, sport_name, TEXT), F(pv_flow, dport_name, TEXT),
	{NULL, U8, 0, 0, false}};
static const struct field net[] = {
	A(pv_net, packet, U64), F(pv_net, src, ADDR),  F(pv_net, dst, ADDR),      F(pv_net, sport, U16),    F(pv_net, dport, U16),
	A(pv_net, l3, U8),      A(pv_net, l4, U8),     A(pv_net, proto, U8),      A(pv_net, dir, DIR),      A(pv_net, stage, U8),
	A(pv_net, stamp, U8),   F(pv_net, tcp_flags, U8), F(pv_net, vlan, VLAN), A(pv_net, size, U32),   F(pv_net, geo_src, U32),  F(pv_net, geo_dst, U32),
	F(pv_net, asn_src, U32), F(pv_net, asn_dst, U32), {NULL, U8, 0, 0, false}};
static const struct field dns[] = {
	A(pv_dns, packet, U64),     F(pv_dns, src, ADDR),       F(pv_dns, dst, ADDR),        A(pv_dns, sport, U16),
	A(pv_dns, dport, U16),      A(pv_dns, l3, U8),          A(pv_dns, transport, U8),    A(pv_dns, dir, DIR),
	A(pv_dns, stage, U8),       A(pv_dns, stamp, U8),       F(pv_dns, reason, U8),       A(pv_dns, port, U16),
	A(pv_dns, length, U32),     A(pv_dns, bits, U16),       A(pv_dns, id, U16),          F(pv_dns, opcode, U8),
	A(pv_dns, rcode, U16),      F(pv_dns, rcode_ext, U16),  A(pv_dns, qtype, U16),       A(pv_dns, qclass, U16),
	A(pv_dns, qdcount, U16),    A(pv_dns, ancount, U16),    A(pv_dns, nscount, U16),     A(pv_dns, arcount, U16),
	F(pv_dns, edns_version, U8), F(pv_dns, edns_size, U16), F(pv_dns, suffix_len, U16),  A(pv_dns, qname, TEXT),
	F(pv_dns, qname_case, TEXT), F(pv_dns, ecs, ECS),       A(pv_dns, xact, U8),         F(pv_dns, query_dir, DIR),
	F(pv_dns, query_stamp, U8), F(pv_dns, query_suffix_len, U16), F(pv_dns, query_qname_case, TEXT),
	F(pv_dns, query_filtered, U8), F(pv_dns, query_bits, U16), F(pv_dns, query_time_ns, TIME), F(pv_dns, query_packet, U64),
	F(pv_dns, query_length, U32), F(pv_dns, query_qname, TEXT), F(pv_dns, query_ecs, ECS), {NULL, U8, 0, 0, false}};
static const struct field dhcp[] = {
	A(pv_dhcp, packet, U64),     F(pv_dhcp, src, ADDR),      F(pv_dhcp, dst, ADDR),      A(pv_dhcp, family, U8),
	A(pv_dhcp, message, U8),     A(pv_dhcp, dir, DIR),       A(pv_dhcp, stage, U8),      A(pv_dhcp, stamp, U8),
	F(pv_dhcp, reason, U8),      F(pv_dhcp, bits, U8),       F(pv_dhcp, relay_hops, U8), A(pv_dhcp, xid, U32),
	F(pv_dhcp, server_id, IP4),  F(pv_dhcp, yiaddr, IP4),    F(pv_dhcp, eth_src, MAC),   F(pv_dhcp, client_mac, MAC),
	F(pv_dhcp, client_name, TEXT), F(pv_dhcp, request_time_ns, TIME), {NULL, U8, 0, 0, false}};
static const struct field tcp_error[] = {A(pv_tcp_error, packet, U64), A(pv_tcp_error, stage, U8),
					 A(pv_tcp_error, reason, U8), {NULL, U8, 0, 0, false}};
static const struct field bgp[] = {
	A(pv_bgp, packet, U64), F(pv_bgp, src, ADDR), F(pv_bgp, dst, ADDR), A(pv_bgp, sport, U16), A(pv_bgp, dport, U16),
	A(pv_bgp, l3, U8), A(pv_bgp, dir, DIR), A(pv_bgp, stage, U8), A(pv_bgp, stamp, U8), A(pv_bgp, message, U8),
	F(pv_bgp, reason, U8), A(pv_bgp, length, U16), F(pv_bgp, code, U8), F(pv_bgp, subcode, U8), {NULL, U8, 0, 0, false}};
static const struct field probe[] = {
	A(pv_probe_event, attempt, U64), F(pv_probe_event, sent_ns, TIME), F(pv_probe_event, elapsed_ns, U64),
	F(pv_probe_event, addr, ADDR), F(pv_probe_event, port, U16), A(pv_probe_event, l3, U8), A(pv_probe_event, test, U8),
	A(pv_probe_event, what, U8), F(pv_probe_event, error, U8), A(pv_probe_event, stage, U8), A(pv_probe_event, stamp, U8),
	A(pv_probe_event, target, TEXT), {NULL, U8, 0, 0, false}};
static const struct field module[] = {
	A(pv_module_event, packet, U64), A(pv_module_event, stage, U8), A(pv_module_event, stamp, U8),
	F(pv_module_event, kind, U8), {NULL, U8, 0, 0, false}};
static const struct field bucket[] = {
	{"handler", TEXT, offsetof(struct pv_bucket_event, type), 0, true}, A(pv_bucket_event, version, TEXT), A(pv_bucket_event, name, TEXT),
	A(pv_bucket_event, groups, TEXT), A(pv_bucket_event, stream_id, U64), A(pv_bucket_event, start_ns, TIME),
	A(pv_bucket_event, end_ns, TIME), A(pv_bucket_event, blocks, U32), A(pv_bucket_event, metrics, U32),
	A(pv_bucket_event, topn, U16), F(pv_bucket_event, topn_percentile, U8), F(pv_bucket_event, bits, U8), {NULL, U8, 0, 0, false}};
static const struct field block[] = {A(pv_block_event, index, U32), A(pv_block_event, parent, U32),
				     A(pv_block_event, scope, U16), F(pv_block_event, key, TEXT), {NULL, U8, 0, 0, false}};
static const struct field metric[] = {A(pv_metric_event, block, U32), A(pv_metric_event, id, U16),
				      A(pv_metric_event, kind, U16), A(pv_metric_event, offset, U32),
				      A(pv_metric_event, total, U32), {NULL, U8, 0, 0, false}};
static const struct field none[] = {{NULL, U8, 0, 0, false}};

static const struct field *const fields[PV_EV_TYPES] = {
	[PV_EV_START] = start,	 [PV_EV_STOP] = stop,	  [PV_EV_TICK] = none,	     [PV_EV_STAGE] = stage,
	[PV_EV_DEFINE] = define, [PV_EV_STATS] = stats,	  [PV_EV_RESOURCES] = resources, [PV_EV_LEDGER] = stop, [PV_EV_PACKET] = packet,   [PV_EV_DNSTAP] = dnstap,   [PV_EV_NET] = net,
	[PV_EV_FLOW] = flow,
	[PV_EV_DNS] = dns,	 [PV_EV_DNS_TIMEOUT] = dns, [PV_EV_DHCP] = dhcp,     [PV_EV_TCP_ERROR] = tcp_error,
	[PV_EV_BGP] = bgp,	 [PV_EV_PROBE] = probe,
	[PV_EV_BUCKET] = bucket, [PV_EV_LIVE] = bucket,	  [PV_EV_BLOCK] = block,     [PV_EV_METRIC] = metric,
	[PV_EV_BUCKET_END] = none,
};

static json_t *text(const void *p, size_t n)
{
	char small[512], *out = small;
	size_t cap = 4 * n + 1;
	if (cap > sizeof small && !(out = malloc(cap)))
		return NULL;
	size_t len = pv_utf8_clean(p, n, out, cap);
	json_t *j = json_stringn(out, len);
	if (out != small)
		free(out);
	return j;
}

static json_t *number(uint64_t v, bool always)
{
	/* beyond 2^63 only random ids go: as text, since JSON readers keep 53 bits anyway */
	char big[24];
	if (!v && !always)
		return NULL;
	if (v <= INT64_MAX)
		return json_integer((json_int_t)v);
	snprintf(big, sizeof big, "%" PRIu64, v);
	return json_string(big);
}

static json_t *when(uint64_t ns)
{
	char out[40];
	snprintf(out, sizeof out, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
	return json_string(out);
}

static json_t *addr(const uint8_t a[16])
{
	static const uint8_t v4[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, zero[16];
	char out[INET6_ADDRSTRLEN];
	if (!memcmp(a, zero, 16))
		return NULL;
	if (!memcmp(a, v4, 12))
		inet_ntop(AF_INET, a + 12, out, sizeof out);
	else
		inet_ntop(AF_INET6, a, out, sizeof out);
	return json_string(out);
}

static json_t *mac(const uint8_t a[6])
{
	char out[20];
	static const uint8_t zero[6];
	if (!memcmp(a, zero, 6))
		return NULL;
	snprintf(out, sizeof out, "%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
	return json_string(out);
}

static json_t *hex(const uint8_t *p, size_t n)
{
	char *out = malloc(2 * n + 1);
	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
	json_t *j = json_stringn(out, 2 * n);
	free(out);
	return j;
}

static json_t *ledger(const struct pv_event *ev, struct pv_ref32 r)
{
	json_t *list = json_array();
	const struct pv_ledger_row *row = (const void *)((const uint8_t *)ev + r.off);
	for (size_t n = r.len / sizeof *row; n; n--, row++) {
		const char *type = row->stage == PV_STAGE_STREAM ? pv_event_type_name(row->what) : NULL;
		json_t *o = json_pack("{s:i,s:i,s:o}", "stage", row->stage, "what", row->what, "value",
				      number(row->value, true));
		if (type)
			json_object_set_new(o, "events", json_string(type));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *subnets(const struct pv_event *ev, struct pv_ref32 r)
{
	json_t *list = json_array();
	const struct pv_subnet *net_ = (const void *)((const uint8_t *)ev + r.off);
	for (size_t n = r.len / sizeof *net_; n; n--, net_++) {
		char out[INET6_ADDRSTRLEN], whole[INET6_ADDRSTRLEN + 8];
		inet_ntop(net_->family == 4 ? AF_INET : AF_INET6, net_->family == 4 ? net_->addr + 12 : net_->addr, out,
			  sizeof out);
		snprintf(whole, sizeof whole, "%s/%u", out, net_->prefix);
		json_array_append_new(list, json_string(whole));
	}
	return list;
}

static json_t *ecs(const struct pv_ecs *e)
{
	char out[INET6_ADDRSTRLEN];
	if (!e->family)
		return NULL;
	inet_ntop(e->family == 4 ? AF_INET : AF_INET6, e->family == 4 ? e->addr + 12 : e->addr, out, sizeof out);
	json_t *o = json_pack("{s:s,s:i,s:i}", "address", out, "source_prefix", e->source_prefix, "scope_prefix",
			      e->scope_prefix);
	if (e->geo)
		json_object_set_new(o, "geo", number(e->geo, true));
	if (e->asn)
		json_object_set_new(o, "asn", number(e->asn, true));
	return o;
}

static json_t *field_json(const struct pv_event *ev, const struct field *f)
{
	static const char *const dirs[] = {"unknown", "in", "out"};
	const uint8_t *p = (const uint8_t *)ev + f->at;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	struct pv_ref ref;
	struct pv_ref32 ref32;
	switch (f->kind) {
	case U8:
		return number(*p, f->always);
	case U16:
		memcpy(&u16, p, 2);
		return number(u16, f->always);
	case U32:
		memcpy(&u32, p, 4);
		return number(u32, f->always);
	case U64:
		memcpy(&u64, p, 8);
		return number(u64, f->always);
	case VLAN:
		memcpy(&u16, p, 2);
		return u16 == PV_NO_VLAN ? NULL : json_integer(u16);
	case TIME:
		memcpy(&u64, p, 8);
		return u64 || f->always ? when(u64) : NULL;
	case ADDR:
		return addr(p);
	case MAC:
		return mac(p);
	case IP4:
		memcpy(&u32, p, 4);
		if (!u32)
			return NULL;
		char v4[INET_ADDRSTRLEN];
		inet_ntop(AF_INET, p, v4, sizeof v4);
		return json_string(v4);
	case DIR:
		return json_string(dirs[*p <= PV_DIR_OUT ? *p : 0]);
	case CLOCK:
		return json_string(*p == PV_CLOCK_LIVE ? "live" : "recorded");
	case TEXT:
		memcpy(&ref, p, sizeof ref);
		return ref.len || f->always ? text(pv_ref_bytes(ev, ref), ref.len) : NULL;
	case TEXT32:
		memcpy(&ref32, p, sizeof ref32);
		return text((const uint8_t *)ev + ref32.off, ref32.len);
	case PAYLOAD:
		memcpy(&u16, p, 2);
		memcpy(&u32, (const uint8_t *)ev + f->len_at, 4);
		return u32 ? hex((const uint8_t *)ev + u16, u32) : NULL;
	case ECS:
		return ecs((const void *)p);
	case HOSTS:
		memcpy(&ref32, p, sizeof ref32);
		return subnets(ev, ref32);
	case ROWS:
		memcpy(&ref32, p, sizeof ref32);
		return ledger(ev, ref32);
	}
	return NULL;
}

json_t *pv_event_json(const struct pv_event *ev)
{
	const char *name = pv_event_type_name(ev->type);
	json_t *o = json_object();
	if (!o)
		return NULL;
	json_object_set_new(o, "type", name ? json_string(name) : json_integer(ev->type));
	json_object_set_new(o, "time", when(ev->time_ns));
	if (ev->flags & PV_F_FILTERED)
		json_object_set_new(o, "filtered", json_true());
	if (pv_event_dnstap(ev)) /* the type of message that it was made of */
		json_object_set_new(o, "dnstap", json_integer(pv_event_dnstap(ev)));
	if (pv_is_module_type(ev->type)) /* whose it is says the stage event of this number */
		json_object_set_new(o, "number", json_integer(ev->type));
	if (!name || pv_is_module_type(ev->type))
		json_object_set_new(o, "size", json_integer(ev->size));
	uint32_t fixed = ev->type == PV_EV_PACKET ? pv_packet_fixed((const void *)ev)
			 : ev->type == PV_EV_NET ? ev->size
			 : ev->type == PV_EV_DNS || ev->type == PV_EV_DNS_TIMEOUT ? pv_dns_fixed((const void *)ev)
										  : UINT32_MAX;
	const struct field *row = pv_is_module_type(ev->type) ? module : name ? fields[ev->type] : none;
	for (const struct field *f = row; f->name; f++) {
		json_t *v = f->at < fixed ? field_json(ev, f) : NULL;
		if (v)
			json_object_set_new(o, f->name, v);
	}
	return o;
}
