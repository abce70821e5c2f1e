/* SPDX-License-Identifier: MPL-2.0 */
#include "mock/mock.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/version.h"
#include "mock/frame.h"
#include "packet/decode.h"
#include "packet/hosts.h"
#include "stage/start.h"
#include "stage/stop.h"

#define NS    UINT64_C(1000000000)
#define MS_NS UINT64_C(1000000)

struct pv_mock {
	struct pv_mock_conf conf;
	char *producer;
	struct pv_hosts *hosts;
	struct pv_decoder decoder;
	uint64_t random, stamps; /* states of generators */

	bool started, over;
	enum pv_res result; /* once it is over */
	uint64_t packets;
	bool quiet;	  /* no packet since the last second's TICK or STATS */
	uint64_t time_ns; /* stream time */
	uint64_t mono_end_ns, mono_second_ns, mono_packet_ns;
	atomic_bool stop;
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

static uint64_t stream_time(struct pv_mock *m)
{
	return m->time_ns = pv_clock_stream(clock_ns(CLOCK_REALTIME), m->time_ns);
}

/* ---- opening ------------------------------------------------------------------------------------ */

static int configure(struct pv_mock *m, const struct pv_mock_conf *conf, char *err, size_t cap)
{
	m->conf = *conf;
	if (!m->conf.interval_ns)
		m->conf.interval_ns = PV_MOCK_INTERVAL_NS;
	m->random = m->stamps = conf->seed ? conf->seed : PV_MOCK_SEED;
	m->producer = strdup(conf->producer ? conf->producer : "pv-capture " PV_VERSION);
	m->hosts = pv_hosts_new();
	if (!m->producer || !m->hosts) {
		snprintf(err, cap, "cannot start: %s", strerror(errno));
		return -1;
	}
	m->decoder = (struct pv_decoder){.linktype = PV_DLT_ETHERNET, .hosts = m->hosts};
	if (conf->kind == PV_MOCK_PACKETS)
		return pv_hosts_parse(m->hosts, PV_MOCK_HOST, err, cap);
	return 0;
}

struct pv_mock *pv_mock_open(const struct pv_mock_conf *conf, char *err, size_t cap)
{
	if (conf->fail) {
		snprintf(err, cap, "mock error on start");
		return NULL;
	}
	struct pv_mock *m = calloc(1, sizeof *m);
	if (!m) {
		snprintf(err, cap, "cannot start: %s", strerror(errno));
		return NULL;
	}
	if (configure(m, conf, err, cap)) {
		pv_mock_free(m);
		return NULL;
	}
	return m;
}

void pv_mock_free(struct pv_mock *m)
{
	if (!m)
		return;
	pv_hosts_free(m->hosts);
	free(m->producer);
	free(m);
}

/* ---- running ------------------------------------------------------------------------------------ */

static void begin(struct pv_mock *m, struct pv_out *out, uint64_t mono_ns)
{
	const struct pv_start_conf start = {.clock = PV_CLOCK_LIVE,
					    .stream_id = m->conf.stream_id,
					    .producer = m->producer,
					    .source = "mock",
					    .type = m->conf.kind == PV_MOCK_PACKETS ? "pcap" : "mock",
					    .hosts = pv_hosts_list(m->hosts),
					    .nhosts = pv_hosts_count(m->hosts)};
	uint64_t duration = m->conf.duration_ns;
	pv_start_emit(out, &start, stream_time(m));
	m->started = m->quiet = true;
	m->mono_second_ns = mono_ns + NS;
	m->mono_packet_ns = m->conf.kind == PV_MOCK_PACKETS ? mono_ns : UINT64_MAX;
	m->mono_end_ns = duration && duration < UINT64_MAX - mono_ns ? mono_ns + duration : UINT64_MAX;
}

/* The next time of something that happens every interval. */
static uint64_t next(uint64_t due_ns, uint64_t interval_ns, uint64_t mono_ns)
{
	uint64_t after = interval_ns < UINT64_MAX - mono_ns ? interval_ns : UINT64_MAX - mono_ns;
	return due_ns + after > mono_ns ? due_ns + after : mono_ns + after; /* late: what was missed is left out */
}

static void packet(struct pv_mock *m, struct pv_out *out)
{
	uint8_t frame[PV_MOCK_FRAME_MAX];
	const uint8_t *payload = NULL;
	uint32_t len = (uint32_t)pv_mock_frame(&m->random, frame);
	struct pv_packet *p = pv_out_reserve(out, sizeof *p + len);
	pv_decode(&m->decoder, frame, len, len, p, &payload);
	p->number = ++m->packets;
	p->stamp = (uint8_t)pv_random_below(&m->stamps, 100);
	p->bits &= (uint8_t)~PV_PKT_ETH; /* as in a capture: only DHCP reads them */
	p->payload_off = PV_PACKET_FIXED_BASE;
	memcpy((uint8_t *)p + PV_PACKET_FIXED_BASE, payload, p->payload_len);
	pv_out_commit(out, PV_EV_PACKET, PV_PACKET_FIXED_BASE + p->payload_len, stream_time(m));
	m->quiet = false;
}

static void each_second(struct pv_mock *m, struct pv_out *out)
{
	uint64_t time_ns = stream_time(m);
	if (m->quiet)
		pv_out_event(out, PV_EV_TICK, sizeof(struct pv_event), time_ns);
	if (m->conf.kind == PV_MOCK_PACKETS) {
		struct pv_stats *s = pv_out_event(out, PV_EV_STATS, sizeof *s, time_ns);
		s->received = m->packets;
	}
	m->quiet = true;
}

/* What is due. False: nothing. */
static bool step(struct pv_mock *m, struct pv_out *out)
{
	uint64_t mono_ns = clock_ns(CLOCK_MONOTONIC);
	bool second = mono_ns >= m->mono_second_ns, made = mono_ns >= m->mono_packet_ns;
	if (made) {
		m->mono_packet_ns = next(m->mono_packet_ns, m->conf.interval_ns, mono_ns);
		packet(m, out);
	}
	if (second) {
		m->mono_second_ns = next(m->mono_second_ns, NS, mono_ns);
		each_second(m, out);
	}
	return made || second;
}

static bool at_end(struct pv_mock *m)
{
	struct pollfd fd = {m->conf.stop_fd, POLLIN, 0};
	if (m->conf.stop_fd > 0 && poll(&fd, 1, 0) > 0)
		pv_mock_stop(m);
	return atomic_load(&m->stop) || (m->conf.count && m->packets >= m->conf.count) ||
	       clock_ns(CLOCK_MONOTONIC) >= m->mono_end_ns;
}

static void wait_due(const struct pv_mock *m)
{
	struct pollfd fd = {m->conf.stop_fd > 0 ? m->conf.stop_fd : -1, POLLIN, 0};
	uint64_t due = m->mono_packet_ns < m->mono_second_ns ? m->mono_packet_ns : m->mono_second_ns;
	uint64_t mono_ns = clock_ns(CLOCK_MONOTONIC), most = PV_MOCK_WAIT_MS * MS_NS;
	if (m->mono_end_ns < due)
		due = m->mono_end_ns;
	if (due <= mono_ns)
		return;
	poll(&fd, 1, (int)(((due - mono_ns < most ? due - mono_ns : most) + MS_NS - 1) / MS_NS));
}

static enum pv_res finish(struct pv_mock *m, struct pv_out *out)
{
	const struct pv_ledger_row rows[] = {
		{0, PV_LEDGER_RECEIVED, 0, m->packets},
		{0, PV_LEDGER_ANALYSED, 0, m->packets},
	};
	pv_stop_emit(out, stream_time(m), rows, sizeof rows / sizeof rows[0]);
	m->over = true;
	return m->result = PV_END;
}

enum pv_res pv_mock_poll(struct pv_mock *m, struct pv_out *out)
{
	enum pv_res res = PV_OK;
	if (m->over)
		return m->result;
	if (!m->started) {
		begin(m, out, clock_ns(CLOCK_MONOTONIC));
	} else if (at_end(m)) {
		res = finish(m, out);
	} else if (!step(m, out)) {
		wait_due(m);
		res = !at_end(m) && step(m, out) ? PV_OK : PV_AGAIN;
	}
	if (out->res != PV_OK) {
		m->over = true;
		res = m->result = out->res;
	}
	return res;
}

void pv_mock_stop(struct pv_mock *m)
{
	atomic_store(&m->stop, true);
}

uint64_t pv_mock_packets(const struct pv_mock *m)
{
	return m->packets;
}
