/* SPDX-License-Identifier: MPL-2.0 */
#include "capture/source.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "capture/privs.h"

#define MS_NS UINT64_C(1000000)
#define BLOCK_MS 20                     /* the kernel hands a block over when it is full or this old */
#define DRAIN_NS (3 * BLOCK_MS * MS_NS) /* at the end: until the last open block is surely ours */
#define BACKLOG_NS (10 * PV_NS)         /* at the end: for what waits in the ring, on a busy machine; then it is given up */
#define BACKOFF_FIRST_NS (100 * MS_NS)
#define BACKOFF_MAX_NS (2 * PV_NS)

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * PV_NS + (uint64_t)t.tv_nsec;
}

__attribute__((format(printf, 2, 3))) static void tell(struct pv_capture *c, const char *fmt, ...)
{
	va_list ap;
	if (c->worker) /* the first says it for all */
		return;
	va_start(ap, fmt);
	int n = snprintf(c->notice, sizeof c->notice, "%s: ", c->name);
	vsnprintf(c->notice + n, sizeof c->notice - (size_t)n, fmt, ap);
	va_end(ap);
	c->noticed = true;
}

/* ---- opening ------------------------------------------------------------------------------------ */

static void options(struct pv_capture *c, pcap_t *p)
{
	uint64_t ring = c->conf.buffer_bytes ? c->conf.buffer_bytes : PV_CAPTURE_BUFFER;
	ring /= c->workers < 4 ? c->workers : 4;
	pcap_set_snaplen(p, (int)c->snaplen);
	pcap_set_buffer_size(p, (int)(ring < PV_CAPTURE_BUFFER_MAX ? ring : PV_CAPTURE_BUFFER_MAX));
	pcap_set_timeout(p, BLOCK_MS);
	pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO);
	/* the kernel has no such mode for all interfaces at once */
	pcap_set_promisc(p, !c->conf.no_promiscuous && strcmp(c->name, "any"));
}

static void explain(struct pv_capture *c, int status, const char *detail)
{
	const char *advice = "";
	if (status == PCAP_ERROR_PERM_DENIED || status == PCAP_ERROR_PROMISC_PERM_DENIED)
		advice = "; run it as root or give the program CAP_NET_RAW";
	if (status == PCAP_ERROR)
		snprintf(c->error, sizeof c->error, PV_CAPTURE_CANNOT " '%s': %s", c->name, detail);
	else
		snprintf(c->error, sizeof c->error, PV_CAPTURE_CANNOT " '%s': %s%s%s%s%s", c->name,
			 pcap_statustostr(status), detail[0] ? " (" : "", detail, detail[0] ? ")" : "",
			 advice);
}

void pv_capture_close(struct pv_capture *c)
{
	if (c->joined)
		pv_fanout_leave(c->fanout, c->pcap);
	else if (c->pcap)
		pcap_close(c->pcap);
	c->pcap = NULL;
	c->joined = false;
}

/* Between opening and joining we got packets that others of the group got, too. */
static int join(struct pv_capture *c)
{
	if (!c->fanout)
		return 0;
	if (pv_fanout_join(c->fanout, c->pcap)) {
		snprintf(c->error, sizeof c->error, "cannot share '%s' among %u workers: %s", c->name,
			 c->workers, strerror(errno));
		return PCAP_ERROR;
	}
	c->joined = true;
	c->begin_ns = clock_ns(CLOCK_REALTIME);
	return 0;
}

/* 0, or a PCAP_ERROR_ with c->error. */
static int activate(struct pv_capture *c)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	bpf_u_int32 net, mask;
	c->pcap = pcap_create(c->name, why);
	if (!c->pcap) {
		explain(c, PCAP_ERROR, why);
		return PCAP_ERROR;
	}
	options(c, c->pcap);
	bool raised = pv_privs_raise();
	int status = pcap_activate(c->pcap);
	pv_privs_lower(raised);
	if (status < 0) {
		explain(c, status, pcap_geterr(c->pcap));
	} else {
		if (pcap_lookupnet(c->name, &net, &mask, why))
			mask = PCAP_NETMASK_UNKNOWN;
		status = pv_capture_adopt(c, mask) ? PCAP_ERROR : 0;
		if (!status && pcap_setnonblock(c->pcap, 1, why)) {
			explain(c, PCAP_ERROR, why);
			status = PCAP_ERROR;
		}
		if (!status)
			status = join(c);
	}
	if (status)
		pv_capture_close(c);
	c->last_os = c->last_if = 0;
	return status;
}

/* Without a list the interface's subnets; with one, the list and the interface's own addresses: a list says
 * which networks are meant, and must not be widened by those that happen to be at the interface. */
static void add_own(struct pv_capture *c, bool listed)
{
	struct pv_subnet own[PV_IFACE_ADDRS];
	size_t n = pv_iface_addrs(c->name, own, PV_IFACE_ADDRS);
	for (size_t i = 0; i < n; i++) {
		if (listed)
			own[i].prefix = own[i].family == 4 ? 32 : 128;
		pv_hosts_add(c->hosts, &own[i]); /* a full set has what was asked for */
	}
}

int pv_capture_open_live(struct pv_capture *c, const char *wanted, const char *hosts)
{
	if (pv_iface_resolve(wanted, c->name, c->error, sizeof c->error))
		return -1;
	add_own(c, hosts && hosts[0]);
	pv_ifwatch_init(&c->watch, c->name);
	c->opened_ns = clock_ns(CLOCK_REALTIME);
	return activate(c) ? -1 : 0;
}

int pv_capture_open_worker(struct pv_capture *c, const struct pv_capture *first)
{
	const struct pv_subnet *own = pv_hosts_list(first->hosts);
	memcpy(c->name, first->name, sizeof c->name);
	/* those of conf.hosts are there, and stand in front */
	for (size_t i = pv_hosts_count(c->hosts); i < pv_hosts_count(first->hosts); i++)
		if (pv_hosts_add(c->hosts, &own[i])) {
			snprintf(c->error, sizeof c->error, "cannot start: %s", strerror(errno));
			return -1;
		}
	pv_ifwatch_init(&c->watch, c->name);
	return activate(c) ? -1 : 0;
}

/* What came until now is thrown away when it is read; what was lost of it does not count. */
void pv_capture_begin(struct pv_capture *const workers[], unsigned n)
{
	struct pcap_stat s;
	uint64_t now_ns = clock_ns(CLOCK_REALTIME);
	for (unsigned i = 0; i < n; i++) {
		struct pv_capture *c = workers[i];
		c->opened_ns = c->begin_ns = now_ns;
		if (!pcap_stats(c->pcap, &s))
			c->last_os = s.ps_drop;
	}
}

/* ---- counters ----------------------------------------------------------------------------------- */

/* By how much a 32-bit counter has grown. libpcap computes one of them from a file in /sys, and lets it step
 * back when the interface goes away. */
static uint32_t grown(uint32_t now, uint32_t *last)
{
	uint32_t by = now - *last;
	if (by > INT32_MAX)
		return 0;
	*last = now;
	return by;
}

static void read_drops(struct pv_capture *c)
{
	struct pcap_stat s;
	if (!c->pcap || pcap_stats(c->pcap, &s))
		return;
	c->os_drops += grown(s.ps_drop, &c->last_os);
	if (!c->worker)
		c->if_drops += grown(s.ps_ifdrop, &c->last_if);
}

static void put_stats(struct pv_capture *c, uint64_t time_ns)
{
	read_drops(c);
	struct pv_stats *s = pv_out_event(c->out, PV_EV_STATS, sizeof *s, time_ns);
	s->received = c->received;
	s->os_drops = c->os_drops;
	s->if_drops = c->if_drops;
	s->link_down = c->link_down;
	pv_capture_tell(c, time_ns);
}

/* ---- losing the interface and getting it back --------------------------------------------------- */

static void watch(struct pv_capture *c)
{
	enum pv_ifstate before = c->watch.state;
	unsigned downs = pv_ifwatch_update(&c->watch);
	c->link_down += c->worker ? 0 : downs;
	if (downs)
		c->down_counted = true;
	if (c->watch.state == PV_IF_UP) {
		if (before != PV_IF_UP || downs)
			tell(c, "is up again");
		if (c->pcap)
			c->down_counted = false;
		else
			c->mono_retry_ns = 0;
	} else if (before != c->watch.state) {
		tell(c,
		     c->watch.state == PV_IF_DOWN ? "went down; waiting for it" : "has gone; waiting for it");
	}
	if (c->watch.replaced && !c->pcap)
		c->mono_retry_ns = 0;
}

static void lose(struct pv_capture *c)
{
	read_drops(c);
	watch(c);
	if (!c->down_counted) {
		c->link_down += !c->worker;
		tell(c, "lost: %s", pcap_geterr(c->pcap));
	}
	c->down_counted = true;
	pv_capture_close(c);
	c->backoff_ns = BACKOFF_FIRST_NS;
	c->mono_retry_ns = 0;
}

/* PV_AGAIN: not yet. PV_FAIL: never. */
static enum pv_res reopen(struct pv_capture *c, uint64_t mono_ns)
{
	if (mono_ns < c->mono_retry_ns)
		return PV_AGAIN;
	int status = activate(c);
	if (!status) {
		c->down_counted = false;
		pv_ifwatch_reopened(&c->watch);
		tell(c, "opened again");
		return PV_OK;
	}
	/* privileges do not come back; a filter or link type that no longer fits does not either, but an
	 * interface that is being built may change once more */
	if (status == PCAP_ERROR_PERM_DENIED)
		return PV_FAIL;
	c->mono_retry_ns = mono_ns + c->backoff_ns;
	c->backoff_ns = 2 * c->backoff_ns < BACKOFF_MAX_NS ? 2 * c->backoff_ns : BACKOFF_MAX_NS;
	return PV_AGAIN;
}

/* ---- running ------------------------------------------------------------------------------------ */

/* Packets that are waiting; 0 when none are. */
static int take(struct pv_capture *c)
{
	if (!c->pcap)
		return 0;
	int n = pcap_dispatch(c->pcap, PV_CAPTURE_BATCH, pv_capture_packet, (u_char *)c);
	if (n >= 0 || c->done)
		return n > 0 ? n : 0;
	if (n != PCAP_ERROR_BREAK)
		lose(c);
	return 0;
}

static void wait_packets(struct pv_capture *c, int ms)
{
	struct pollfd fds[4] = {
		{c->pcap ? pcap_get_selectable_fd(c->pcap) : -1, POLLIN, 0},
		{c->stop_event, POLLIN, 0},
		{c->conf.stop_fd > 0 ? c->conf.stop_fd : -1, POLLIN, 0},
		{c->watch.fd, POLLIN, 0},
	};
	if (poll(fds, 4, ms) <= 0)
		return;
	if (fds[3].revents)
		watch(c);
	/* An interface that is down keeps its socket in error, and poll() from waiting. */
	if (fds[0].revents & ~POLLIN && !(fds[0].revents & POLLIN))
		poll(fds + 1, 2, ms);
}

/* The wall clock, but behind the packets that may still come. Of a clock that was set, the last packet says nothing. */
static uint64_t quiet_time(struct pv_capture *c)
{
	uint64_t now = clock_ns(CLOCK_REALTIME) - PV_CAPTURE_LAG_MS * MS_NS;
	if (pv_clock_set_back(now, c->time_ns))
		c->time_ns = now;
	return now > c->time_ns ? now : c->time_ns;
}

static void each_second(struct pv_capture *c, uint64_t mono_ns, bool quiet)
{
	if (mono_ns < c->mono_second_ns)
		return;
	c->mono_second_ns += PV_NS;
	if (c->mono_second_ns <= mono_ns) /* our reader kept us waiting */
		c->mono_second_ns = mono_ns + PV_NS;
	c->begin_ns = 0; /* what was too early has been read; the clock may be set back */
	watch(c);
	if (c->watch.state == PV_IF_GONE && c->pcap)
		lose(c);
	uint64_t time_ns = quiet ? quiet_time(c) : c->time_ns;
	if (time_ns - c->time_ns >= PV_NS)
		pv_out_event(c->out, PV_EV_TICK, sizeof(struct pv_event), time_ns);
	put_stats(c, time_ns);
}

/* What came until now is read to the last packet, though its block may still be open in the kernel. */
static enum pv_res end(struct pv_capture *c, enum pv_res result)
{
	uint64_t now_ns = clock_ns(CLOCK_REALTIME), until = clock_ns(CLOCK_MONOTONIC) + DRAIN_NS, mono;
	if (c->deadline_ns > now_ns)
		c->deadline_ns = now_ns;
	while (c->pcap && !c->done && c->out->res == PV_OK) {
		struct pollfd fd = {pcap_get_selectable_fd(c->pcap), POLLIN, 0};
		mono = clock_ns(CLOCK_MONOTONIC);
		if (mono >= until + BACKLOG_NS)
			break;
		if (take(c))
			continue;
		if (mono >= until || !c->pcap)
			break;
		poll(&fd, 1, (int)((until - mono) / MS_NS) + 1);
	}
	uint64_t time_ns = pv_clock_stream(now_ns, c->time_ns);
	put_stats(c, time_ns);
	return pv_capture_finish(c, time_ns, result);
}

enum pv_res pv_capture_poll_live(struct pv_capture *c)
{
	uint64_t mono_ns = clock_ns(CLOCK_MONOTONIC);
	if (!c->started) {
		pv_capture_start_stream(c, PV_CLOCK_LIVE, c->opened_ns);
		c->mono_second_ns = mono_ns + PV_NS;
		c->mono_end_ns = c->conf.duration_ns && c->conf.duration_ns < UINT64_MAX - mono_ns
					 ? mono_ns + c->conf.duration_ns
					 : UINT64_MAX;
		return PV_OK;
	}
	if (c->done || mono_ns >= c->mono_end_ns || pv_capture_stopped(c))
		return end(c, PV_END);
	if (!c->pcap && reopen(c, mono_ns) == PV_FAIL)
		return end(c, PV_FAIL);

	int n = take(c);
	if (!n && !c->done) {
		wait_packets(c, PV_CAPTURE_WAIT_MS);
		n = take(c);
	}
	each_second(c, clock_ns(CLOCK_MONOTONIC), n == 0);
	return n || c->done ? PV_OK : PV_AGAIN;
}
