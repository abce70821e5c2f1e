/* SPDX-License-Identifier: MPL-2.0 */
#include "capture/source.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/random.h"
#include "base/version.h"
#include "stage/start.h"
#include "stage/stop.h"

static const uint16_t analyser_ports[] = {53, 5353, 5355, 53000, 67, 68, 546, 547, 179};

/* ---- packets to events -------------------------------------------------------------------------- */

static bool has_port(const struct pv_capture *c, uint16_t port)
{
	return c->payload_ports[port / 8] >> port % 8 & 1;
}

static bool carries(const struct pv_capture *c, const struct pv_packet *p)
{
	if (p->l4 == PV_L4_OTHER)
		return false;
	return has_port(c, p->sport) || has_port(c, p->dport) || (c->conf.every_udp && p->l4 == PV_L4_UDP);
}

/* A damaged pcapng may claim any second. */
static uint64_t packet_time(const struct pv_capture *c, const struct pcap_pkthdr *h)
{
	if (h->ts.tv_sec < 0 || (uint64_t)h->ts.tv_sec >= UINT64_MAX / PV_NS || h->ts.tv_usec < 0)
		return 0;
	return (uint64_t)h->ts.tv_sec * PV_NS + (uint64_t)h->ts.tv_usec * c->frac_ns;
}

static void count(struct pv_capture *c, const struct pv_packet *p)
{
	if (p->bits & PV_PKT_MALFORMED)
		c->malformed++;
	else if (p->bits & PV_PKT_UNSUPPORTED)
		c->unsupported++;
	if (p->bits & PV_PKT_TRUNCATED)
		c->truncated++;
	if (p->reason < PV_DEC_REASONS)
		c->reasons[p->reason]++;
}

/* DHCP's server list names the sender's hardware address. */
static bool wants_mac(uint16_t port)
{
	return port == 67 || port == 68 || port == 546 || port == 547;
}

void pv_capture_packet(u_char *self, const struct pcap_pkthdr *h, const u_char *frame)
{
	struct pv_capture *c = (struct pv_capture *)(void *)self;
	uint64_t time_ns = packet_time(c, h);
	if (time_ns < c->begin_ns)
		return;
	if (!c->started) {
		pv_capture_start_stream(c, PV_CLOCK_RECORDED, time_ns);
		if (c->conf.duration_ns && c->conf.duration_ns < UINT64_MAX - time_ns)
			c->deadline_ns = time_ns + c->conf.duration_ns;
	}
	if (c->done || time_ns >= c->deadline_ns) {
		c->done = true;
		pcap_breakloop(c->pcap);
		return;
	}

	const uint8_t *payload = NULL;
	uint32_t cap_len = h->caplen < c->snaplen ? h->caplen : c->snaplen;
	/* decoded where it will stand; of a payload larger than an event the rest is not carried */
	uint32_t most = PV_EVENT_MAX - sizeof(struct pv_packet);
	struct pv_packet *p = pv_out_reserve(c->out, sizeof *p + (cap_len < most ? cap_len : most));
	pv_decode(&c->decoder, frame, cap_len, h->len, p, &payload);
	p->number = ++c->received;
	p->stamp = (uint8_t)pv_random_below(&c->stamps, 100);
	if (!payload || !carries(c, p))
		p->payload_len = 0;
	if (p->payload_len > most) {
		p->payload_len = most;
		p->bits |= PV_PKT_TRUNCATED;
	}
	count(c, p);
	if (!p->payload_len || !(wants_mac(p->sport) || wants_mac(p->dport)))
		p->bits &= (uint8_t)~PV_PKT_ETH; /* addresses nobody reads need not travel */
	uint32_t fixed = pv_packet_fixed(p);
	p->payload_off = p->payload_len ? (uint16_t)fixed : 0;
	if (p->payload_len)
		memcpy((uint8_t *)p + fixed, payload, p->payload_len);
	pv_out_commit(c->out, PV_EV_PACKET, fixed + p->payload_len, time_ns);
	c->time_ns = time_ns;
	if (c->received == c->conf.count) {
		c->done = true;
		pcap_breakloop(c->pcap);
	}
}

/* ---- START and STOP ----------------------------------------------------------------------------- */

void pv_capture_start_stream(struct pv_capture *c, enum pv_clock clock, uint64_t time_ns)
{
	const struct pv_start_conf conf = {.clock = clock,
					   .stream_id = c->conf.stream_id,
					   .producer = c->producer,
					   .source = pv_capture_source(c),
					   .type = "pcap",
					   .hosts = pv_hosts_list(c->hosts),
					   .nhosts = pv_hosts_count(c->hosts)};
	pv_start_emit(c->out, &conf, time_ns);
	c->started = true;
	c->time_ns = time_ns;
}

#define LEDGER_ROWS (8 + PV_DEC_REASONS)

static size_t ledger(const struct pv_capture *c, struct pv_ledger_row rows[LEDGER_ROWS])
{
	const struct pv_ledger_row sums[] = {
		{0, PV_LEDGER_RECEIVED, 0, c->received},
		{0, PV_LEDGER_ANALYSED, 0, c->received - c->malformed - c->unsupported},
		{0, PV_LEDGER_MALFORMED, 0, c->malformed},
		{0, PV_LEDGER_UNSUPPORTED, 0, c->unsupported},
		{0, PV_LEDGER_TRUNCATED, 0, c->truncated},
		{0, PV_LEDGER_OS_DROPS, 0, c->os_drops},
		{0, PV_LEDGER_IF_DROPS, 0, c->if_drops},
		{0, PV_LEDGER_LINK_DOWN, 0, c->link_down},
	};
	size_t n = sizeof sums / sizeof sums[0];
	memcpy(rows, sums, sizeof sums);
	return pv_ledger_reasons(rows, n, LEDGER_ROWS, c->reasons, PV_DEC_REASONS);
}

void pv_capture_tell(struct pv_capture *c, uint64_t time_ns)
{
	struct pv_ledger_row rows[LEDGER_ROWS];
	pv_ledger_emit(c->out, time_ns, rows, ledger(c, rows));
}

enum pv_res pv_capture_finish(struct pv_capture *c, uint64_t time_ns, enum pv_res result)
{
	struct pv_ledger_row rows[LEDGER_ROWS];
	pv_stop_emit(c->out, time_ns, rows, ledger(c, rows));
	c->over = true;
	return c->result = result;
}

/* ---- opening ------------------------------------------------------------------------------------ */

int pv_capture_adopt(struct pv_capture *c, bpf_u_int32 netmask)
{
	int dlt = pcap_datalink(c->pcap);
	if (!pv_decode_supported(dlt)) {
		const char *name = pcap_datalink_val_to_name(dlt);
		const char *words = pcap_datalink_val_to_description(dlt);
		snprintf(c->error, sizeof c->error, "cannot decode link type %d (%s%s%s) of '%s'", dlt,
			 name ? name : "unknown", words ? ", " : "", words ? words : "",
			 pv_capture_source(c));
		return -1;
	}
	c->decoder.linktype = dlt;
	c->frac_ns = pcap_get_tstamp_precision(c->pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
	if (!c->bpf || !c->bpf[0])
		return 0;
	pcap_freecode(&c->filter); /* of an interface that was open before */
	if (pcap_compile(c->pcap, &c->filter, c->bpf, 1, netmask)) {
		snprintf(c->error, sizeof c->error, "cannot use filter '%s': %s", c->bpf,
			 pcap_geterr(c->pcap));
		return -1;
	}
	if (!pcap_setfilter(c->pcap, &c->filter))
		return 0;
	snprintf(c->error, sizeof c->error, "cannot set filter '%s': %s", c->bpf, pcap_geterr(c->pcap));
	return -1;
}

bool pv_capture_bpf_ok(const char *bpf, char *err, size_t cap)
{
	static const int links[] = {DLT_EN10MB, DLT_LINUX_SLL2, DLT_LINUX_SLL, DLT_RAW, DLT_NULL, DLT_IEEE802_11_RADIO};
	bool ok = false;
	for (size_t i = 0; i < sizeof links / sizeof links[0] && !ok; i++) {
		struct bpf_program program;
		pcap_t *p = pcap_open_dead(links[i], UINT16_MAX);
		ok = p && !pcap_compile(p, &program, bpf, 1, PCAP_NETMASK_UNKNOWN);
		if (ok)
			pcap_freecode(&program);
		else if (!i)
			snprintf(err, cap, "cannot use filter '%s': %s", bpf, p ? pcap_geterr(p) : "out of memory");
		if (p)
			pcap_close(p);
	}
	return ok;
}

bool pv_capture_decap(struct pv_capture_conf *conf, const char *tunnel)
{
	if (!strcmp(tunnel, "gre"))
		conf->decap_gre = true;
	else if (!strcmp(tunnel, "ipip"))
		conf->decap_ipip = true;
	else if (!strcmp(tunnel, "vxlan"))
		conf->decap_vxlan = true;
	else
		return false;
	return true;
}

static void add_port(struct pv_capture *c, uint16_t port)
{
	c->payload_ports[port / 8] |= (uint8_t)(1u << port % 8);
}

void pv_capture_ports(struct pv_capture *c, const uint16_t *ports, size_t n)
{
	memset(c->payload_ports, 0, sizeof c->payload_ports);
	for (size_t i = 0; i < sizeof analyser_ports / sizeof analyser_ports[0]; i++)
		add_port(c, analyser_ports[i]);
	for (size_t i = 0; i < n; i++)
		add_port(c, ports[i]);
}

static int configure(struct pv_capture *c, const struct pv_capture_conf *conf)
{
	c->conf = *conf;
	c->snaplen = conf->snaplen && conf->snaplen < PV_CAPTURE_SNAPLEN ? conf->snaplen : PV_CAPTURE_SNAPLEN;
	c->stamps = conf->seed ? conf->seed : PV_CAPTURE_SEED;
	c->deadline_ns = UINT64_MAX;
	c->fd = c->watch.fd = -1;
	c->workers = 1;
	c->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->hosts = pv_hosts_new();
	c->producer = strdup(conf->producer ? conf->producer : "pv-capture " PV_VERSION);
	c->file = conf->file ? strdup(conf->file) : NULL;
	c->bpf = conf->bpf ? strdup(conf->bpf) : NULL;
	if (c->stop_event < 0 || !c->hosts || !c->producer || (conf->file && !c->file) ||
	    (conf->bpf && !c->bpf)) {
		snprintf(c->error, sizeof c->error, "cannot start: %s", strerror(errno));
		return -1;
	}
	if (!conf->file == !conf->iface) {
		snprintf(c->error, sizeof c->error, "either a file or an interface is wanted");
		return -1;
	}
	if (conf->nports > PV_CAPTURE_EXTRA_PORTS) {
		snprintf(c->error, sizeof c->error, "more than %d payload ports", PV_CAPTURE_EXTRA_PORTS);
		return -1;
	}
	pv_capture_ports(c, conf->ports, conf->nports);
	c->decoder = (struct pv_decoder){.decap_gre = conf->decap_gre,
					 .decap_ipip = conf->decap_ipip,
					 .decap_vxlan = conf->decap_vxlan,
					 .hosts = c->hosts};
	return conf->hosts ? pv_hosts_parse(c->hosts, conf->hosts, c->error, sizeof c->error) : 0;
}

struct pv_capture *pv_capture_open(const struct pv_capture_conf *conf, char *err, size_t cap)
{
	struct pv_capture *c = calloc(1, sizeof *c);
	if (!c) {
		snprintf(err, cap, "cannot start: %s", strerror(errno));
		return NULL;
	}
	int bad = configure(c, conf);
	if (!bad)
		bad = c->file ? pv_capture_open_file(c) : pv_capture_open_live(c, conf->iface, conf->hosts);
	if (bad) {
		snprintf(err, cap, "%s", c->error);
		pv_capture_free(c);
		return NULL;
	}
	return c;
}

/* The first finds interface and subnets; the others do as it did. */
static int open_worker(const struct pv_capture_conf *conf, unsigned n, unsigned i, struct pv_capture *to[],
		       char *err, size_t cap)
{
	struct pv_capture *c = to[i] = calloc(1, sizeof *c);
	if (!c) {
		snprintf(err, cap, "cannot start: %s", strerror(errno));
		return -1;
	}
	int bad = configure(c, conf);
	c->worker = i;
	c->workers = n;
	c->fanout = i ? pv_fanout_ref(to[0]->fanout) : pv_fanout_new();
	if (!bad && !c->fanout)
		bad = snprintf(c->error, sizeof c->error, "cannot start: out of memory");
	if (!bad)
		bad = i ? pv_capture_open_worker(c, to[0])
			: pv_capture_open_live(c, conf->iface, conf->hosts);
	if (bad)
		snprintf(err, cap, "%s", c->error);
	return bad;
}

int pv_capture_open_split(const struct pv_capture_conf *conf, unsigned n, struct pv_capture *to[], char *err,
			  size_t cap)
{
	assert(conf->iface && n > 1 && n <= PV_CAPTURE_WORKERS);
	memset(to, 0, n * sizeof to[0]);
	for (unsigned i = 0; i < n; i++)
		if (open_worker(conf, n, i, to, err, cap)) {
			while (n--)
				pv_capture_free(to[n]);
			return -1;
		}
	pv_capture_begin(to, n);
	return 0;
}

void pv_capture_free(struct pv_capture *c)
{
	if (!c)
		return;
	pv_capture_close(c); /* the file too */
	pv_fanout_unref(c->fanout);
	pcap_freecode(&c->filter);
	pv_ifwatch_close(&c->watch);
	if (c->stop_event >= 0)
		close(c->stop_event);
	pv_hosts_free(c->hosts);
	free(c->io);
	free(c->file);
	free(c->bpf);
	free(c->producer);
	free(c);
}

/* ---- running ------------------------------------------------------------------------------------ */

void pv_capture_stop(struct pv_capture *c)
{
	int saved = errno;
	atomic_store(&c->stop, true);
	uint64_t one = 1;
	ssize_t n =
		write(c->stop_event, &one, sizeof one); /* wakes whoever waits; a full counter does so too */
	(void)n;
	errno = saved;
}

bool pv_capture_stopped(struct pv_capture *c)
{
	struct pollfd fd = {c->conf.stop_fd, POLLIN, 0};
	if (c->conf.stop_fd > 0 && poll(&fd, 1, 0) > 0)
		atomic_store(&c->stop, true);
	return atomic_load(&c->stop);
}

enum pv_res pv_capture_poll(struct pv_capture *c, struct pv_out *out)
{
	if (c->over)
		return c->result;
	c->out = out;
	enum pv_res res = c->file ? pv_capture_poll_file(c) : pv_capture_poll_live(c);
	c->out = NULL;
	if (out->res != PV_OK) {
		if (out->res == PV_FAIL)
			snprintf(c->error, sizeof c->error, "cannot write: %s", strerror(errno));
		c->over = true;
		res = c->result = out->res;
	}
	return res;
}

const char *pv_capture_error(const struct pv_capture *c)
{
	return c->error;
}

const char *pv_capture_source(const struct pv_capture *c)
{
	return c->file ? c->file : c->name;
}

const char *pv_capture_link(const struct pv_capture *c)
{
	const char *name = pcap_datalink_val_to_name(c->decoder.linktype);
	return name ? name : "unknown";
}

const struct pv_subnet *pv_capture_hosts(const struct pv_capture *c, size_t *n)
{
	*n = pv_hosts_count(c->hosts);
	return pv_hosts_list(c->hosts);
}

void pv_capture_status(const struct pv_capture *c, struct pv_capture_status *s)
{
	*s = (struct pv_capture_status){
		.packets = c->received,
		.os_drops = c->os_drops,
		.if_drops = c->if_drops,
		.link_down = c->link_down,
		.truncated = c->truncated,
		.malformed = c->malformed,
		.unsupported = c->unsupported,
		.bytes_read = c->bytes_read,
		.bytes_total = c->bytes_total,
	};
}

const char *pv_capture_notice(struct pv_capture *c)
{
	if (!c->noticed)
		return NULL;
	c->noticed = false;
	return c->notice;
}
