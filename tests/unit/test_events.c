/* SPDX-License-Identifier: MPL-2.0 */
/* event/check.h and event/reader.h: what is let in, what is refused and where, and that what came before is
 * kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "event/check.h"
#include "event/reader.h"
#include "unit/stream_util.h"

/* The bytes of one event, alone in a heap block of its size. */
static struct pv_event *alone(unsigned type)
{
	struct mem m = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	ev_any(&o, type, 5 * SEC);
	assert_int_equal(pv_out_flush(&o), PV_OK);
	struct pv_event *ev = malloc(m.n);
	assert_non_null(ev);
	memcpy(ev, m.p, m.n);
	assert_int_equal(ev->size, m.n);
	pv_out_free(&o);
	mem_free(&m);
	return ev;
}

static const struct {
	unsigned type;
	size_t fixed;
	size_t refs[8], refs32; /* offsets; 0 ends */
} shapes[] = {
    {PV_EV_START,
     sizeof(struct pv_start),
     {offsetof(struct pv_start, producer), offsetof(struct pv_start, source)},
     offsetof(struct pv_start, hosts)},
    {PV_EV_STOP, sizeof(struct pv_stop), {0}, offsetof(struct pv_stop, rows)},
    {PV_EV_TICK, sizeof(struct pv_event), {0}, 0},
    {PV_EV_STAGE,
     sizeof(struct pv_stage_event),
     {offsetof(struct pv_stage_event, type), offsetof(struct pv_stage_event, name),
      offsetof(struct pv_stage_event, version), offsetof(struct pv_stage_event, filters)},
     0},
    {PV_EV_DEFINE, sizeof(struct pv_define), {offsetof(struct pv_define, text)}, 0},
    {PV_EV_STATS, sizeof(struct pv_stats), {0}, 0},
    {PV_EV_RESOURCES, sizeof(struct pv_resources_event), {0}, 0},
    {PV_EV_LEDGER, sizeof(struct pv_stop), {0}, offsetof(struct pv_stop, rows)},
    {PV_EV_PACKET, sizeof(struct pv_packet), {0}, 0},
    {PV_EV_DNSTAP, sizeof(struct pv_dnstap), {offsetof(struct pv_dnstap, identity)}, 0},
    {PV_EV_NET, PV_NET_FIXED_BASE, {0}, 0},
    {PV_EV_DNS,
     sizeof(struct pv_dns),
     {offsetof(struct pv_dns, qname), offsetof(struct pv_dns, qname_case),
      offsetof(struct pv_dns, query_qname), offsetof(struct pv_dns, query_qname_case)},
     0},
    {PV_EV_DNS_TIMEOUT,
     sizeof(struct pv_dns),
     {offsetof(struct pv_dns, qname), offsetof(struct pv_dns, qname_case),
      offsetof(struct pv_dns, query_qname), offsetof(struct pv_dns, query_qname_case)},
     0},
    {PV_EV_DHCP, sizeof(struct pv_dhcp), {offsetof(struct pv_dhcp, client_name)}, 0},
    {PV_EV_TCP_ERROR, sizeof(struct pv_tcp_error), {0}, 0},
    {PV_EV_FLOW,
     sizeof(struct pv_flow),
     {offsetof(struct pv_flow, device_name), offsetof(struct pv_flow, in_name), offsetof(struct pv_flow, out_name),
      offsetof(struct pv_flow, src_label), offsetof(struct pv_flow, dst_label),
      offsetof(struct pv_flow, sport_name), offsetof(struct pv_flow, dport_name)},
     0},
    {PV_EV_BGP, sizeof(struct pv_bgp), {0}, 0},
    {PV_EV_PROBE, sizeof(struct pv_probe_event), {offsetof(struct pv_probe_event, target)}, 0},
    {PV_EV_BUCKET,
     sizeof(struct pv_bucket_event),
     {offsetof(struct pv_bucket_event, type), offsetof(struct pv_bucket_event, version),
      offsetof(struct pv_bucket_event, name), offsetof(struct pv_bucket_event, groups)},
     0},
    {PV_EV_LIVE,
     sizeof(struct pv_bucket_event),
     {offsetof(struct pv_bucket_event, type), offsetof(struct pv_bucket_event, version),
      offsetof(struct pv_bucket_event, name), offsetof(struct pv_bucket_event, groups)},
     0},
    {PV_EV_BLOCK, sizeof(struct pv_block_event), {offsetof(struct pv_block_event, key)}, 0},
    {PV_EV_METRIC, sizeof(struct pv_metric_event), {0}, offsetof(struct pv_metric_event, data)},
    {PV_EV_BUCKET_END, sizeof(struct pv_event), {0}, 0},
    {PV_EV_MODULE, sizeof(struct pv_module_event), {0}, 0},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static const char BAD_REF[] = "a reference points outside its event";

static void good_events_pass(void **state)
{
	(void)state;
	assert_int_equal(SHAPES, EV_TYPES);
	for (size_t i = 0; i < SHAPES; i++) {
		struct pv_event *ev = alone(shapes[i].type);
		assert_int_equal(pv_event_size(ev), ev->size);
		assert_null(pv_event_check(ev));
		assert_int_equal(pv_event_type_by_name(pv_event_type_name(ev->type)), ev->type);
		free(ev);
	}
	assert_null(pv_event_type_name(0));
	assert_null(pv_event_type_name(63));
	assert_null(pv_event_type_name(64));
	assert_null(pv_event_type_name(65535));
	assert_int_equal(pv_event_type_by_name("nothing"), -1);
}

/* A later minor version adds fields and moves the variable parts behind them. */
static void unknown_bytes_pass(void **state)
{
	(void)state;
	static const size_t more[] = {8, 16, 64, 4096};
	for (size_t i = 0; i < SHAPES; i++)
		for (size_t k = 0; k < sizeof more / sizeof more[0]; k++) {
			struct pv_event *ev = alone(shapes[i].type);
			struct pv_event *longer = malloc(ev->size + more[k]);
			assert_non_null(longer);
			memcpy(longer, ev, ev->size);
			memset((uint8_t *)longer + ev->size, 0xa5, more[k]);
			longer->size += (uint32_t)more[k];
			assert_null(pv_event_check(longer));
			free(ev);
			free(longer);
		}
}

static void short_events_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPES; i++) {
		if (shapes[i].fixed == sizeof(struct pv_event))
			continue;
		struct pv_event *ev = alone(shapes[i].type);
		for (uint32_t size = sizeof *ev; size < shapes[i].fixed; size += 8) {
			struct pv_event *cut = malloc(size);
			assert_non_null(cut);
			memcpy(cut, ev, size);
			cut->size = size;
			assert_string_equal(pv_event_check(cut), "an event is shorter than its type");
			free(cut);
		}
		free(ev);
	}
}

/* Parts that an event has not are left out, and what is not there is not looked at. */
static void left_out_parts(void **state)
{
	(void)state;
	static const struct {
		unsigned type;
		uint16_t bits, query_bits;
		uint8_t xact;
		uint32_t fixed;
	} cases[] = {
	    {PV_EV_PACKET, 0, 0, 0, PV_PACKET_FIXED_BASE},
	    {PV_EV_PACKET, PV_PKT_ETH, 0, 0, sizeof(struct pv_packet)},
	    {PV_EV_DNS, 0, 0, PV_XACT_NONE, PV_DNS_FIXED_BASE},
	    {PV_EV_DNS, PV_DNS_QR, 0, PV_XACT_ORPHAN, PV_DNS_FIXED_BASE},
	    {PV_EV_DNS, PV_DNS_QR, 0, PV_XACT_MATCHED, PV_DNS_FIXED_QUERY},
	    {PV_EV_DNS, PV_DNS_QR, 0, PV_XACT_LATE, PV_DNS_FIXED_QUERY},
	    {PV_EV_DNS_TIMEOUT, 0, 0, PV_XACT_EXPIRED, PV_DNS_FIXED_QUERY},
	    {PV_EV_DNS_TIMEOUT, 0, 0, PV_XACT_EVICTED, PV_DNS_FIXED_QUERY},
	    {PV_EV_DNS, PV_DNS_ECS, 0, PV_XACT_NONE, sizeof(struct pv_dns)},
	    {PV_EV_DNS, 0, PV_DNS_ECS, PV_XACT_MATCHED, sizeof(struct pv_dns)},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (uint32_t size = 80; size <= cases[i].fixed + 8; size += 8) {
			struct pv_event *ev =
			    calloc(1, size); /* its size exactly: nothing behind it may be read */
			assert_non_null(ev);
			*ev = (struct pv_event){.size = size, .type = (uint16_t)cases[i].type};
			if (cases[i].type == PV_EV_PACKET) {
				((struct pv_packet *)(void *)ev)->bits = (uint8_t)cases[i].bits;
			} else if (size >= PV_DNS_FIXED_BASE) {
				struct pv_dns *d = (void *)ev;
				d->bits = cases[i].bits;
				d->query_bits = cases[i].query_bits;
				d->xact = cases[i].xact;
				d->qname =
				    (struct pv_ref){(uint16_t)cases[i].fixed, size > cases[i].fixed ? 8 : 0};
			}
			if (size < cases[i].fixed)
				assert_string_equal(pv_event_check(ev), "an event is shorter than its type");
			else
				assert_null(pv_event_check(ev));
			free(ev);
		}
}

static void sizes(void **state)
{
	(void)state;
	static const struct {
		uint32_t size, answer;
	} cases[] = {{0, 0},
		     {1, 0},
		     {8, 0},
		     {15, 0},
		     {16, 16},
		     {17, 0},
		     {20, 0},
		     {24, 24},
		     {PV_EVENT_MAX, PV_EVENT_MAX},
		     {PV_EVENT_MAX + 8, 0},
		     {0x80000000, 0},
		     {0xfffffff8, 0},
		     {0xffffffff, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_event ev = {.size = cases[i].size};
		assert_int_equal(pv_event_size(&ev), cases[i].answer);
	}
}

static void references_stay_inside(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPES; i++)
		for (size_t k = 0; shapes[i].refs[k]; k++) {
			struct pv_event *ev = alone(shapes[i].type);
			uint16_t size = (uint16_t)ev->size, fixed = (uint16_t)shapes[i].fixed;
			const struct {
				struct pv_ref ref;
				bool good;
			} cases[] = {
			    {{fixed, 1}, true},
			    {{fixed, (uint16_t)(size - fixed)}, true},
			    {{(uint16_t)(size - 1), 1}, true},
			    {{0, 0}, true}, /* absent, wherever it points */
			    {{65535, 0}, true},
			    {{(uint16_t)(fixed - 1), 1}, false}, /* into the fixed fields */
			    {{0, 1}, false},
			    {{fixed, (uint16_t)(size - fixed + 1)}, false},
			    {{size, 1}, false},
			    {{(uint16_t)(size + 1), 1}, false},
			    {{65535, 1}, false},
			    {{fixed, 65535}, false},
			    {{65535, 65535}, false},
			};
			for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
				memcpy((uint8_t *)ev + shapes[i].refs[k], &cases[c].ref, sizeof cases[c].ref);
				const char *problem = pv_event_check(ev);
				if (cases[c].good)
					assert_null(problem);
				else
					assert_string_equal(problem, BAD_REF);
			}
			free(ev);
		}
}

static void long_references_stay_inside(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPES; i++) {
		if (!shapes[i].refs32)
			continue;
		struct pv_event *ev = alone(shapes[i].type);
		uint32_t size = ev->size, fixed = (uint32_t)shapes[i].fixed;
		const struct pv_ref32 cases[] = {{fixed - 8, 48},
						 {size, 8},
						 {size + 8, 48},
						 {0xfffffff8, 48},
						 {fixed, 0xfffffff0},
						 {0xffffff00, 0x180},
						 {fixed, size - fixed + 8},
						 {0x80000000, 0x80000000}};
		for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
			memcpy((uint8_t *)ev + shapes[i].refs32, &cases[c], sizeof cases[c]);
			assert_string_equal(pv_event_check(ev), BAD_REF);
		}
		free(ev);
	}
	/* the payload's is of two fields */
	struct pv_packet *p = (struct pv_packet *)(void *)alone(PV_EV_PACKET);
	static const struct {
		uint16_t off;
		uint32_t len;
		bool good;
	} pays[] = {{112, 8, true},   {119, 1, true},		{0, 0, true},
		    {65535, 0, true}, {111, 1, false},		{112, 9, false},
		    {120, 1, false},  {112, 0xffffffff, false}, {65535, 0xfffffff8, false},
		    {0, 1, false}};
	for (size_t c = 0; c < sizeof pays / sizeof pays[0]; c++) {
		p->payload_off = pays[c].off;
		p->payload_len = pays[c].len;
		if (pays[c].good)
			assert_null(pv_event_check(&p->ev));
		else
			assert_string_equal(pv_event_check(&p->ev), BAD_REF);
	}
	free(p);
}

/* One field at a time, of 1, 2 or 4 bytes. problem NULL: it must pass. */
#define FIELD(t, s, f) t, offsetof(struct s, f), sizeof(((struct s *)0)->f)

static void fields_stay_in_range(void **state)
{
	(void)state;
	static const struct {
		unsigned type;
		size_t at, width;
		uint32_t value;
		const char *problem;
	} cases[] = {
	    {FIELD(PV_EV_START, pv_start, magic), 0, "not an event stream"},
	    {FIELD(PV_EV_START, pv_start, magic), 0x50565645, "not an event stream"},
	    {FIELD(PV_EV_START, pv_start, major), 0, "another major version of the format"},
	    {FIELD(PV_EV_START, pv_start, major), 2, "another major version of the format"},
	    {FIELD(PV_EV_START, pv_start, minor), 65535, NULL},
	    {FIELD(PV_EV_START, pv_start, clock), 2, "unknown clock"},
	    {FIELD(PV_EV_START, pv_start, hosts_count), 1, "the host subnets have an impossible size"},
	    {FIELD(PV_EV_START, pv_start, hosts_count), 0, "the host subnets have an impossible size"},
	    {FIELD(PV_EV_START, pv_start, hosts_count), 0xffffffff,
	     "the host subnets have an impossible size"},
	    {FIELD(PV_EV_START, pv_start, hosts.len), 47, "the host subnets have an impossible size"},
	    {FIELD(PV_EV_START, pv_start, hosts.len), 49, "the host subnets have an impossible size"},
	    {FIELD(PV_EV_START, pv_start, hosts.off), 60, "the host subnets have an impossible size"},
	    {PV_EV_START, 56 + 16, 1, 5, "a host subnet is impossible"},  /* family */
	    {PV_EV_START, 56 + 17, 1, 33, "a host subnet is impossible"}, /* prefix of IPv4 */
	    {PV_EV_START, 56 + 17, 1, 32, NULL},
	    {PV_EV_START, 56 + 24 + 17, 1, 129, "a host subnet is impossible"}, /* of IPv6 */
	    {PV_EV_START, 56 + 24 + 17, 1, 128, NULL},
	    {FIELD(PV_EV_STOP, pv_stop, rows.len), 15, "the ledger has an impossible size"},
	    {FIELD(PV_EV_STOP, pv_stop, rows.len), 0, NULL},
	    {FIELD(PV_EV_STOP, pv_stop, rows.off), 28, BAD_REF},
	    {FIELD(PV_EV_STAGE, pv_stage_event, kind), 3, "unknown kind of stage"},
	    {FIELD(PV_EV_STAGE, pv_stage_event, stage), 255, "impossible stage number"},
	    {FIELD(PV_EV_STAGE, pv_stage_event, stage), 254, NULL},
	    {FIELD(PV_EV_DEFINE, pv_define, number), 0xffffffff, NULL},
	    {FIELD(PV_EV_RESOURCES, pv_resources_event, cpu_ppm), 1000001, "a resources field is out of range"},
	    {FIELD(PV_EV_RESOURCES, pv_resources_event, cpu_ppm), 1000000, NULL},
	    {FIELD(PV_EV_RESOURCES, pv_resources_event, bits), 255, NULL},
	    {FIELD(PV_EV_PACKET, pv_packet, l3), 5, "impossible IP version"},
	    {FIELD(PV_EV_PACKET, pv_packet, l3), 0, NULL},
	    {FIELD(PV_EV_PACKET, pv_packet, l4), 3, "a packet field is out of range"},
	    {FIELD(PV_EV_PACKET, pv_packet, dir), 3, "a packet field is out of range"},
	    {FIELD(PV_EV_PACKET, pv_packet, stamp), 100, "a packet field is out of range"},
	    {FIELD(PV_EV_PACKET, pv_packet, bits), 255, NULL},
	    {FIELD(PV_EV_DNSTAP, pv_dnstap, l3), 5, "a dnstap field is out of range"},
	    {FIELD(PV_EV_DNSTAP, pv_dnstap, transport), 8, "a dnstap field is out of range"},
	    {FIELD(PV_EV_DNSTAP, pv_dnstap, message), 0, "a dnstap field is out of range"},
	    {FIELD(PV_EV_DNSTAP, pv_dnstap, message), 14, NULL},
	    {FIELD(PV_EV_DNSTAP, pv_dnstap, message), 15, "a dnstap field is out of range"},
	    {FIELD(PV_EV_DNSTAP, pv_dnstap, dir), 3, "a dnstap field is out of range"},
	    {FIELD(PV_EV_DNSTAP, pv_dnstap, stamp), 100, "a dnstap field is out of range"},
	    {FIELD(PV_EV_DNSTAP, pv_dnstap, payload_off), 95, BAD_REF},
	    {FIELD(PV_EV_NET, pv_net, l3), 1, "a net field is out of range"},
	    {FIELD(PV_EV_NET, pv_net, l4), 3, "a net field is out of range"},
	    {FIELD(PV_EV_NET, pv_net, dir), 255, "a net field is out of range"},
	    {FIELD(PV_EV_NET, pv_net, stamp), 100, "a net field is out of range"},
	    {FIELD(PV_EV_DNS, pv_dns, l3), 7, "a dns field is out of range"},
	    {FIELD(PV_EV_DNS, pv_dns, transport), 8, "a dns field is out of range"},
	    {FIELD(PV_EV_DNS, pv_dns, dir), 3, "a dns field is out of range"},
	    {FIELD(PV_EV_DNS, pv_dns, stamp), 100, "a dns field is out of range"},
	    {FIELD(PV_EV_DNS, pv_dns, xact), 6, "a dns field is out of range"},
	    {FIELD(PV_EV_DNS, pv_dns, query_dir), 3, "a dns field is out of range"},
	    {FIELD(PV_EV_DNS, pv_dns, query_stamp), 100, "a dns field is out of range"},
	    {FIELD(PV_EV_DNS, pv_dns, ecs.family), 5, "a dns field is out of range"},
	    {FIELD(PV_EV_DNS_TIMEOUT, pv_dns, xact), PV_XACT_NONE, "a timeout of no query"},
	    {FIELD(PV_EV_DNS_TIMEOUT, pv_dns, xact), PV_XACT_MATCHED, "a timeout of no query"},
	    {FIELD(PV_EV_DNS_TIMEOUT, pv_dns, xact), PV_XACT_EVICTED, NULL},
	    {FIELD(PV_EV_DNS_TIMEOUT, pv_dns, query_ecs.family), 1, "a dns field is out of range"},
	    {FIELD(PV_EV_DNS, pv_dns, suffix_len), 65535,
	     NULL}, /* those who use it compare it with the name */
	    {FIELD(PV_EV_DHCP, pv_dhcp, family), 0, "a dhcp field is out of range"},
	    {FIELD(PV_EV_DHCP, pv_dhcp, family), 6, NULL},
	    {FIELD(PV_EV_DHCP, pv_dhcp, dir), 3, "a dhcp field is out of range"},
	    {FIELD(PV_EV_DHCP, pv_dhcp, stamp), 100, "a dhcp field is out of range"},
	    {FIELD(PV_EV_NET, pv_net, ev.flags), PV_DNSTAP_UPDATE_RESPONSE << PV_F_DNSTAP_SHIFT, NULL},
	    {FIELD(PV_EV_NET, pv_net, ev.flags), PV_DNSTAP_TYPES << PV_F_DNSTAP_SHIFT, "a net field is out of range"},
	    {FIELD(PV_EV_DNS, pv_dns, ev.flags), PV_DNSTAP_TYPES << PV_F_DNSTAP_SHIFT, "a dns field is out of range"},
	    {FIELD(PV_EV_DNS_TIMEOUT, pv_dns, ev.flags), PV_DNSTAP_TYPES << PV_F_DNSTAP_SHIFT, "a dns field is out of range"},
	    {FIELD(PV_EV_FLOW, pv_flow, l3), 5, "a flow field is out of range"},
	    {FIELD(PV_EV_FLOW, pv_flow, l3), 0, NULL},
	    {FIELD(PV_EV_FLOW, pv_flow, stamp), 100, "a flow field is out of range"},
	    {FIELD(PV_EV_FLOW, pv_flow, rate), 0, "a flow field is out of range"},
	    {FIELD(PV_EV_FLOW, pv_flow, source), 0, "a flow field is out of range"},
	    {FIELD(PV_EV_FLOW, pv_flow, source), PV_FLOW_SFLOW, NULL},
	    {FIELD(PV_EV_FLOW, pv_flow, source), PV_FLOW_IPFIX + 1, "a flow field is out of range"},
	    {FIELD(PV_EV_BGP, pv_bgp, l3), 5, "a bgp field is out of range"},
	    {FIELD(PV_EV_BGP, pv_bgp, dir), 3, "a bgp field is out of range"},
	    {FIELD(PV_EV_BGP, pv_bgp, stamp), 100, "a bgp field is out of range"},
	    {FIELD(PV_EV_BGP, pv_bgp, message), 255, NULL}, /* of whatever type */
	    {FIELD(PV_EV_PROBE, pv_probe_event, l3), 5, "a probe field is out of range"},
	    {FIELD(PV_EV_PROBE, pv_probe_event, l3), 0, NULL},
	    {FIELD(PV_EV_PROBE, pv_probe_event, test), 0, "a probe field is out of range"},
	    {FIELD(PV_EV_PROBE, pv_probe_event, test), 3, "a probe field is out of range"},
	    {FIELD(PV_EV_PROBE, pv_probe_event, what), 0, "a probe field is out of range"},
	    {FIELD(PV_EV_PROBE, pv_probe_event, what), 5, "a probe field is out of range"},
	    {FIELD(PV_EV_PROBE, pv_probe_event, error), 5, "a probe field is out of range"},
	    {FIELD(PV_EV_PROBE, pv_probe_event, stamp), 100, "a probe field is out of range"},
	    {FIELD(PV_EV_BUCKET, pv_bucket_event, topn_percentile), 101, "impossible percentile"},
	    {FIELD(PV_EV_LIVE, pv_bucket_event, topn_percentile), 100, NULL},
	    {FIELD(PV_EV_METRIC, pv_metric_event, total), PV_METRIC_STATE_MAX + 1,
	     "a metric's state has an impossible size"},
	    {FIELD(PV_EV_METRIC, pv_metric_event, total), PV_METRIC_STATE_MAX, NULL},
	    {FIELD(PV_EV_MODULE, pv_module_event, stamp), 99, NULL},
	    {FIELD(PV_EV_MODULE, pv_module_event, stamp), 100, "a module's field is out of range"},
	    {FIELD(PV_EV_METRIC, pv_metric_event, total), 7, "a metric's state has an impossible size"},
	    {FIELD(PV_EV_METRIC, pv_metric_event, offset), 1, "a metric's state has an impossible size"},
	    {FIELD(PV_EV_METRIC, pv_metric_event, offset), 0xffffffff,
	     "a metric's state has an impossible size"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_event *ev = alone(cases[i].type);
		memcpy((uint8_t *)ev + cases[i].at, &cases[i].value, cases[i].width);
		const char *problem = pv_event_check(ev);
		if (!problem != !cases[i].problem || (problem && strcmp(problem, cases[i].problem)))
			fail_msg("case %zu (%s at %zu): '%s'", i, pv_event_type_name(cases[i].type),
				 cases[i].at, problem ? problem : "fine");
		free(ev);
	}
	for (unsigned type = 0; type < 70; type++) { /* ids without a meaning are for later versions */
		struct pv_event ev = {.size = sizeof ev, .type = (uint16_t)type};
		if (!pv_event_type_name(type))
			assert_null(pv_event_check(&ev));
	}
}

/* ---- reader -------------------------------------------------------------------------------------- */

/* A stream with every type in it; *starts gets the offset of each event and of the end. */
static void small_stream(struct mem *m, size_t *starts, size_t *n)
{
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(m)), 0);
	ev_any(&o, PV_EV_START, SEC);
	ev_stage(&o, SEC, 4, PV_STAGE_ANALYSER, "example", "")->events = PV_EV_MODULE;
	for (size_t i = 0; i < EV_TYPES; i++)
		if (ev_types[i] != PV_EV_START && ev_types[i] != PV_EV_STOP)
			ev_any(&o, ev_types[i], 2 * SEC + i);
	pv_out_event(&o, (enum pv_event_type)40, 24, 4 * SEC);	/* of a later minor version */
	pv_out_event(&o, (enum pv_event_type)999, 32, 4 * SEC); /* of a later major's range */
	ev_stop(&o, 5 * SEC);
	assert_int_equal(pv_out_flush(&o), PV_OK);
	pv_out_free(&o);
	*n = 0;
	for (size_t at = 0; at < m->n; at += ev_at(m, at)->size)
		starts[(*n)++] = at;
	starts[*n] = m->n;
}
#define SMALL_EVENTS 32

struct outcome {
	enum pv_res res;
	const char *problem;
	uint64_t offset;
	size_t good; /* bytes handed on */
	size_t runs;
};

/* Reads to the end; what is handed on must be the first bytes of `expect`. */
static struct outcome read_all(int fd, const struct mem *expect)
{
	struct pv_reader r;
	struct outcome out = {0};
	const struct pv_event *run;
	size_t bytes;
	assert_int_equal(pv_reader_init(&r, fd), 0);
	while ((out.res = pv_reader_next(&r, &run, &bytes)) == PV_OK) {
		assert_true(bytes > 0);
		assert_true(out.good + bytes <= expect->n);
		assert_int_equal((uintptr_t)run % 8, 0);
		assert_memory_equal(run, expect->p + out.good, bytes);
		out.good += bytes;
		out.runs++;
	}
	assert_int_equal(pv_reader_next(&r, &run, &bytes), out.res); /* and it stays so */
	out.problem = r.problem;
	out.offset = r.offset;
	pv_reader_free(&r);
	return out;
}

static struct outcome read_bytes(const struct mem *m, size_t n)
{
	int fd = mem_fd(m->p, n);
	struct outcome out = read_all(fd, m);
	close(fd);
	return out;
}

static void expect(struct outcome out, enum pv_res res, const char *problem, size_t good)
{
	if (out.res != res || out.good != good || !out.problem != !problem ||
	    (problem && strcmp(out.problem, problem)))
		fail_msg("result %d, '%s', %zu good bytes", (int)out.res, out.problem ? out.problem : "",
			 out.good);
	assert_int_equal(out.offset, good);
}

static void every_prefix(void **state)
{
	(void)state;
	struct mem m = {0};
	size_t starts[SMALL_EVENTS + 1], n, whole = 0;
	small_stream(&m, starts, &n);
	assert_true(n <= SMALL_EVENTS);
	for (size_t cut = 0; cut <= m.n; cut++) {
		while (whole < n && starts[whole + 1] <= cut)
			whole++;
		struct outcome out = read_bytes(&m, cut);
		if (cut == m.n)
			expect(out, PV_END, NULL, m.n);
		else if (cut == 0)
			expect(out, PV_CUT, "the input is empty", 0);
		else if (starts[whole] == cut)
			expect(out, PV_CUT, "the input ends without its end mark", cut);
		else
			expect(out, PV_CUT, "the input ends in the middle of an event", starts[whole]);
	}
	mem_free(&m);
}

/* Whatever byte is damaged: the events before it come through, and nothing is handed on that is not checked. */
static void every_byte_damaged(void **state)
{
	(void)state;
	static const uint8_t masks[] = {0x01, 0x80, 0xff};
	struct mem m = {0};
	size_t starts[SMALL_EVENTS + 1], n, hit = 0;
	small_stream(&m, starts, &n);
	for (size_t at = 0; at < m.n; at++) {
		while (starts[hit + 1] <= at)
			hit++;
		for (size_t k = 0; k < sizeof masks; k++) {
			m.p[at] ^= masks[k];
			struct outcome out = read_bytes(&m, m.n);
			assert_true(out.good >= starts[hit]);
			assert_int_equal(out.offset, out.good);
			assert_true(out.res == PV_END ? out.good == m.n : out.problem != NULL);
			m.p[at] ^= masks[k];
		}
	}
	mem_free(&m);
}

static void grammar(void **state)
{
	(void)state;
	/* '<' START, '>' STOP, 't' TICK, 'u' unknown type, '2' START of major 2, 'm' STOP that misses a tick,
	 * 'b' and 'c' bind a module's type to two names, 'd' another type to the first, 'M' is an event of the type
	 * that 'b' binds, 'z' an event of size 0, 's' one of size 8, 'x' one of size 12, 'h' a huge one, 'G' bytes of no
	 * stream */
	static const struct {
		const char *script;
		enum pv_res res;
		const char *problem;
		size_t good; /* events */
	} cases[] = {
	    {"<>", PV_END, NULL, 2},
	    {"<tt>", PV_END, NULL, 4},
	    {"<tut>", PV_END, NULL, 5},
	    {"<t><t>", PV_END, NULL, 6},
	    {"<><><>", PV_END, NULL, 6},
	    {"<t>t", PV_BAD, "an event stands outside a stream", 3},
	    {"<t>>", PV_BAD, "an event stands outside a stream", 3},
	    {"<t><t", PV_CUT, "the input ends without its end mark", 5},
	    {"<t<t>", PV_BAD, "a stream starts before the one before it has ended", 2},
	    {"<<", PV_BAD, "a stream starts before the one before it has ended", 1},
	    {"t<>", PV_BAD, "not an event stream", 0},
	    {">", PV_BAD, "not an event stream", 0},
	    {"u", PV_BAD, "not an event stream", 0},
	    {"G", PV_BAD, "not an event stream", 0},
	    {"2t>", PV_BAD, "another major version of the format", 0},
	    {"<t>2t>", PV_BAD, "another major version of the format", 3},
	    {"<ttm", PV_BAD, "events are missing: the writer counted others than came", 3},
	    {"<bMM>", PV_END, NULL, 5},
	    {"<bMbM>", PV_END, NULL, 6}, /* a second stage that makes the same */
	    {"<bdM>", PV_END, NULL, 5},
	    {"<M>", PV_BAD, "an event of a module that has not announced itself", 1},
	    {"<tdM>", PV_BAD, "an event of a module that has not announced itself", 3},
	    {"<bM><M>", PV_BAD, "an event of a module that has not announced itself", 5},
	    {"<bM><cM>", PV_END, NULL, 8}, /* numbers are of a stream */
	    {"<bMcM>", PV_BAD, "an event type is bound to two names", 3},
	    {"<z>", PV_BAD, "an event has an impossible size", 1},
	    {"<ts>", PV_BAD, "an event has an impossible size", 2},
	    {"<x>", PV_BAD, "an event has an impossible size", 1},
	    {"<th>", PV_BAD, "an event has an impossible size", 2},
	    {"z", PV_BAD, "not an event stream", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mem m = {0};
		struct pv_out o;
		size_t ends[16] = {0}, n = 0;
		assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
		for (const char *c = cases[i].script; *c; c++) {
			struct pv_event *ev;
			switch (*c) {
			case '<':
				ev_any(&o, PV_EV_START, SEC);
				break;
			case '>':
				ev_stop(&o, SEC);
				break;
			case 't':
				ev_any(&o, PV_EV_TICK, SEC);
				break;
			case 'u':
				pv_out_event(&o, (enum pv_event_type)63, 48, SEC);
				break;
			case 'b':
			case 'c':
			case 'd':
				ev_stage(&o, SEC, 1, PV_STAGE_ANALYSER, *c == 'c' ? "other" : "example", "")
				    ->events = PV_EV_MODULE + (*c == 'd');
				break;
			case 'M':
				ev_module(&o, SEC, 1, 1, 0);
				break;
			case 'm':
				o.events[PV_EV_TICK]++;
				ev_stop(&o, SEC);
				break;
			case '2':
				ev_any(&o, PV_EV_START, SEC);
				((struct pv_start *)(void *)(o.buf + o.len - 56 - 80))->major = 2;
				break;
			case 'G':
				memset(pv_out_event(&o, PV_EV_TICK, 64, SEC), 'G', 64);
				break;
			default:
				ev = pv_out_event(&o, PV_EV_TICK, 16, SEC);
				ev->size = *c == 'z' ? 0 : *c == 's' ? 8 : *c == 'x' ? 20 : PV_EVENT_MAX + 8;
			}
			ends[++n] = m.n + o.len;
		}
		assert_int_equal(pv_out_flush(&o), PV_OK);
		expect(read_bytes(&m, m.n), cases[i].res, cases[i].problem, ends[cases[i].good]);
		pv_out_free(&o);
		mem_free(&m);
	}
}

static const char *three_is_fine(const struct pv_event *ev)
{
	return ((const struct pv_module_event *)(const void *)ev)->kind == 3 ? NULL : "not a three";
}

/* What a module's own function thinks of its events counts where it is loaded, by name, whatever the number. */
static void module_events(void **state)
{
	(void)state;
	static const struct pv_event_module example = {"example", 40, three_is_fine},
					    example_short = {"example", 48, three_is_fine},
					    unchecked = {"example", 40, NULL}, other = {"exampl", 4000, NULL};
	static const struct {
		const struct pv_event_module *known[3];
		unsigned number;
		uint8_t kind;
		const char *problem;
	} cases[] = {
	    {{NULL}, 0, 9, NULL},
	    {{&other, NULL}, 0, 9, NULL},
	    {{&other, &example, NULL}, 0, 3, NULL},
	    {{&other, &example, NULL}, 0, 9, "not a three"},
	    {{&other, &example, NULL}, 7, 3, NULL},
	    {{&other, &example, NULL}, 7, 9, "not a three"},
	    {{&unchecked, NULL}, 3, 9, NULL},
	    {{&example_short, NULL}, 3, 3, "an event is shorter than its type"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mem m = {0};
		struct pv_out o;
		struct pv_reader r;
		const struct pv_event *run;
		size_t bytes;
		assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
		ev_any(&o, PV_EV_START, SEC);
		ev_stage(&o, SEC, 1, PV_STAGE_ANALYSER, "example", "")->events =
		    (uint8_t)(PV_EV_MODULE + cases[i].number);
		ev_module(&o, SEC, 1, 1, cases[i].number)->kind = cases[i].kind;
		ev_stop(&o, SEC);
		assert_int_equal(pv_out_flush(&o), PV_OK);
		int fd = mem_fd(m.p, m.n);
		assert_int_equal(pv_reader_init(&r, fd), 0);
		r.known = cases[i].known;
		assert_int_equal(pv_reader_next(&r, &run, &bytes), PV_OK);
		assert_int_equal(pv_reader_next(&r, &run, &bytes), cases[i].problem ? PV_BAD : PV_END);
		if (cases[i].problem)
			assert_string_equal(r.problem, cases[i].problem);
		else
			assert_null(r.problem);
		pv_reader_free(&r);
		close(fd);
		pv_out_free(&o);
		mem_free(&m);
	}
}

static void bindings(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		unsigned number;
		bool good;
	} cases[] = {
	    {"", 0, true}, {"Any Name", 0, true}, /* binds nothing */
	    {"ntp", PV_EV_MODULE, true}, {"a_2", PV_EV_MODULE + 7, true},
	    {"abcdefghijklmnopqrstuvwxyz012345", PV_EV_MODULE, true},
	    {"abcdefghijklmnopqrstuvwxyz0123456", PV_EV_MODULE, false},
	    {"", PV_EV_MODULE, false}, {"Ntp", PV_EV_MODULE, false}, {"2a", PV_EV_MODULE, false},
	    {"_a", PV_EV_MODULE, false}, {"a-b", PV_EV_MODULE, false}, {"a b", PV_EV_MODULE, false},
	    {"ntp", PV_EV_MODULE - 1, false}, {"ntp", PV_EV_MODULE + 8, false}, {"ntp", 255, false},
	    {"ntp", 1, false}, {"ntp", PV_EV_PACKET, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mem m = {0};
		struct pv_out o;
		assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
		struct pv_stage_event *s = ev_stage(&o, SEC, 1, PV_STAGE_ANALYSER, cases[i].name, "");
		s->events = (uint8_t)cases[i].number;
		const char *problem = pv_event_check(&s->ev);
		if (!problem != cases[i].good)
			fail_msg("'%s' as %u", cases[i].name, cases[i].number);
		pv_out_free(&o);
		mem_free(&m);
	}
}

/* Events as large as they may be, more of them than the buffer holds, and runs no longer than it. */
static void large_events(void **state)
{
	(void)state;
	struct mem m = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	ev_any(&o, PV_EV_START, SEC);
	for (unsigned i = 0; i < 40; i++) {
		uint8_t *p =
		    pv_out_event(&o, (enum pv_event_type)(i % 3 ? 63 : 999), PV_EVENT_MAX - 8 * (i % 5), SEC);
		memset(p + 16, (int)i, 1000);
	}
	ev_stop(&o, SEC);
	assert_int_equal(pv_out_flush(&o), PV_OK);
	struct outcome out = read_bytes(&m, m.n);
	expect(out, PV_END, NULL, m.n);
	assert_true(out.runs >= m.n / (2 * PV_BATCH_BYTES));
	pv_out_free(&o);
	mem_free(&m);
}

struct dribble {
	int fd;
	const struct mem *m;
	size_t step;
};

static void *dribble(void *arg)
{
	struct dribble *d = arg;
	for (size_t at = 0; at < d->m->n;) {
		size_t n = d->m->n - at < d->step ? d->m->n - at : d->step;
		ssize_t w = write(d->fd, d->m->p + at, n);
		if (w <= 0)
			break;
		at += (size_t)w;
	}
	close(d->fd);
	return NULL;
}

static void tiny_reads(void **state)
{
	(void)state;
	static const size_t steps[] = {1, 2, 3, 7, 8, 13, 16, 17, 100, 4096};
	struct mem m = {0};
	size_t starts[SMALL_EVENTS + 1], n;
	small_stream(&m, starts, &n);
	struct mem once = m;
	for (unsigned copies = 1; copies < 4; copies++) { /* several streams one behind the other */
		struct mem all = {0};
		struct iovec iov = {once.p, once.n};
		for (unsigned i = 0; i < copies; i++)
			mem_write(&all, &iov, 1);
		for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
			int fd[2];
			pthread_t thread;
			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
			struct dribble d = {fd[1], &all, steps[i]};
			assert_int_equal(pthread_create(&thread, NULL, dribble, &d), 0);
			expect(read_all(fd[0], &all), PV_END, NULL, all.n);
			pthread_join(thread, NULL);
			close(fd[0]);
		}
		mem_free(&all);
	}
	mem_free(&m);
}

/* A descriptor that does not block is waited for; with `step`, whoever asked gets to decide. */
static void nonblocking(void **state)
{
	(void)state;
	struct mem m = {0};
	size_t starts[SMALL_EVENTS + 1], n, bytes;
	const struct pv_event *run;
	int fd[2];
	pthread_t thread;
	small_stream(&m, starts, &n);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	struct dribble d = {fd[1], &m, 5};
	assert_int_equal(pthread_create(&thread, NULL, dribble, &d), 0);
	expect(read_all(fd[0], &m), PV_END, NULL, m.n);
	pthread_join(thread, NULL);
	close(fd[0]);

	struct pv_reader r;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(pv_reader_init(&r, fd[0]), 0);
	r.step = true;
	size_t parts[] = {7, 16, 100, starts[1], starts[2] + 3};
	size_t sent = 0;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		assert_int_equal(write(fd[1], m.p + sent, parts[i] - sent), (ssize_t)(parts[i] - sent));
		sent = parts[i];
		assert_int_equal(pv_reader_next(&r, &run, &bytes), i < 3 ? PV_AGAIN : PV_OK);
		if (i >= 3)
			assert_int_equal(bytes, starts[i - 2] - starts[i - 3]);
	}
	close(fd[1]);
	assert_int_equal(pv_reader_next(&r, &run, &bytes), PV_CUT);
	assert_int_equal(r.offset, starts[2]);
	pv_reader_free(&r);
	close(fd[0]);
	mem_free(&m);
}

static void unreadable(void **state)
{
	(void)state;
	struct pv_reader r;
	const struct pv_event *run;
	size_t bytes;
	assert_int_equal(pv_reader_init(&r, -1), 0);
	assert_int_equal(pv_reader_next(&r, &run, &bytes), PV_FAIL);
	assert_int_equal(pv_reader_next(&r, &run, &bytes), PV_FAIL);
	pv_reader_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_events_pass),
	    cmocka_unit_test(unknown_bytes_pass),
	    cmocka_unit_test(short_events_are_refused),
	    cmocka_unit_test(left_out_parts),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(references_stay_inside),
	    cmocka_unit_test(long_references_stay_inside),
	    cmocka_unit_test(fields_stay_in_range),
	    cmocka_unit_test(every_prefix),
	    cmocka_unit_test(every_byte_damaged),
	    cmocka_unit_test(grammar),
	    cmocka_unit_test(module_events),
	    cmocka_unit_test(bindings),
	    cmocka_unit_test(large_events),
	    cmocka_unit_test(tiny_reads),
	    cmocka_unit_test(nonblocking),
	    cmocka_unit_test(unreadable),
	};
	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
