/* SPDX-License-Identifier: MPL-2.0 */
/* An input that needs no network: time goes on, and, for pcap_source "mock", DNS packets come between the host 192.168.0.1 and
 * clients in 10.0.0.0/24, ten a second: queries in, responses out, with all response codes up to 5. */
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/version.h"
#include "policy/inputs.h"
#include "stage/stop.h"

#define NS	   UINT64_C(1000000000)
#define PACKET_NS  (NS / 10)
#define FRAME_HEAD (14u + 20 + 8) /* Ethernet, IPv4, UDP */

struct mock {
	bool packets, started, over;
	atomic_bool stop;
	uint64_t state; /* of the generator */
	uint64_t next_packet_ns, next_tick_ns;
	uint64_t number;
};

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

/* SplitMix64; below n */
static unsigned pick(struct mock *m, unsigned n)
{
	uint64_t z = m->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (unsigned)((z ^ z >> 31) % n);
}

static void put_start(struct mock *m, struct pv_out *out, uint64_t t)
{
	static const char producer[] = "pktvisord " PV_VERSION, source[] = "mock", type[] = "pcap";
	const struct pv_subnet host = {.addr = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 168, [15] = 1}, .family = 4, .prefix = 32};
	size_t texts = pv_round8(sizeof producer + sizeof source), at = sizeof(struct pv_start);
	struct pv_start *s = pv_out_event(out, PV_EV_START, at + texts + sizeof host, t);
	s->magic = PV_EVENT_MAGIC;
	s->major = PV_EVENT_MAJOR;
	s->minor = PV_EVENT_MINOR;
	s->stream_id = m->state;
	s->clock = PV_CLOCK_LIVE;
	s->producer = pv_ev_put(s, &at, producer, sizeof producer - 1);
	s->source = pv_ev_put(s, &at, source, sizeof source - 1);
	s->hosts_count = 1;
	s->hosts.off = (uint32_t)(sizeof *s + texts);
	s->hosts.len = sizeof host;
	memcpy((uint8_t *)s + s->hosts.off, &host, sizeof host);

	struct pv_stage_event *stage = pv_out_event(out, PV_EV_STAGE, sizeof *stage + 2 * sizeof type, t);
	at = sizeof *stage;
	stage->kind = PV_STAGE_SOURCE;
	stage->type = pv_ev_put(stage, &at, type, sizeof type - 1);
	stage->name = pv_ev_put(stage, &at, type, sizeof type - 1);
}

/* A message about "<0..19>.pktvisor-mock.dev". Returns its length. */
static size_t message(struct mock *m, bool reply, uint8_t to[64])
{
	static const uint8_t types[] = {1, 28, 12, 15, 16}; /* A AAAA PTR MX TXT */
	char label[4];
	int n = snprintf(label, sizeof label, "%u", pick(m, 20));
	memset(to, 0, 64);
	to[0] = (uint8_t)pick(m, 256);
	to[1] = (uint8_t)pick(m, 256);
	to[2] = reply ? 0x81 : 1;
	to[3] = reply ? (uint8_t)(0x80 | pick(m, 6)) : 0;
	to[5] = 1;
	size_t at = 12;
	to[at++] = (uint8_t)n;
	memcpy(to + at, label, (size_t)n);
	at += (size_t)n;
	static const char rest[] = "\15pktvisor-mock\3dev";
	memcpy(to + at, rest, sizeof rest); /* with the root behind it */
	at += sizeof rest;
	to[at + 1] = types[pick(m, sizeof types)];
	to[at + 3] = 1;
	return at + 4;
}

static void put_packet(struct mock *m, struct pv_out *out, uint64_t t)
{
	bool in = pick(m, 2);
	uint8_t bytes[64];
	size_t n = message(m, !in, bytes);
	struct pv_packet *p = pv_out_event(out, PV_EV_PACKET, PV_PACKET_FIXED_BASE + n, t);
	uint8_t *host = in ? p->dst : p->src, *client = in ? p->src : p->dst;
	p->number = ++m->number;
	host[10] = host[11] = client[10] = client[11] = 0xff;
	host[12] = 192;
	host[13] = 168;
	host[15] = 1;
	client[12] = 10;
	client[15] = (uint8_t)pick(m, 255);
	p->sport = p->dport = (uint16_t)(1024 + pick(m, 60000));
	*(in ? &p->dport : &p->sport) = 53;
	p->l3 = 4;
	p->l4 = PV_L4_UDP;
	p->proto = 17;
	p->dir = in ? PV_DIR_IN : PV_DIR_OUT;
	p->stamp = (uint8_t)pick(m, 100);
	p->vlan = PV_NO_VLAN;
	p->payload_off = PV_PACKET_FIXED_BASE;
	p->payload_len = p->payload_wire_len = (uint32_t)n;
	p->wire_len = p->cap_len = FRAME_HEAD + (uint32_t)n;
	memcpy((uint8_t *)p + PV_PACKET_FIXED_BASE, bytes, n);
}

static void put_stop(struct mock *m, struct pv_out *out)
{
	const struct pv_ledger_row rows[] = {{0, PV_LEDGER_RECEIVED, 0, m->number}, {0, PV_LEDGER_ANALYSED, 0, m->number}};
	pv_stop_emit(out, now_ns(), rows, 2);
	m->over = true;
}

static enum pv_res mock_poll(void *self, struct pv_out *out)
{
	struct mock *m = self;
	if (m->over)
		return PV_END;
	if (!m->started) {
		uint64_t t = now_ns();
		m->started = true;
		put_start(m, out, t);
		m->next_packet_ns = t + PACKET_NS;
		m->next_tick_ns = t + NS;
		return PV_OK;
	}
	if (atomic_load(&m->stop)) {
		put_stop(m, out);
		return PV_END;
	}
	poll(NULL, 0, PV_CAPTURE_WAIT_MS);
	uint64_t t = now_ns();
	bool any = false;
	if (m->packets && t >= m->next_packet_ns) {
		put_packet(m, out, t);
		m->next_packet_ns += PACKET_NS;
		any = true;
	}
	if (t >= m->next_tick_ns) {
		pv_out_event(out, PV_EV_TICK, sizeof(struct pv_event), t);
		m->next_tick_ns = t + NS;
		any = true;
	}
	return any ? PV_OK : PV_AGAIN;
}

static void mock_stop(void *self)
{
	struct mock *m = self;
	atomic_store(&m->stop, true);
}

static void mock_status(const void *self, struct pv_capture_status *to)
{
	const struct mock *m = self;
	*to = (struct pv_capture_status){.packets = m->number};
}

const struct pv_input_ops pv_mock_ops = {.poll = mock_poll, .stop = mock_stop, .status = mock_status, .free = free};

void *pv_mock_new(bool packets)
{
	struct mock *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->packets = packets;
	if (getrandom(&m->state, sizeof m->state, GRND_NONBLOCK) != sizeof m->state)
		m->state = now_ns();
	return m;
}
