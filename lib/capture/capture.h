/* SPDX-License-Identifier: MPL-2.0 */
/* capture/capture.h - the packet source: an interface or a saved capture becomes a stream of events.
 *
 *   START, STAGE 0 ("pcap"), then PACKET ... (STATS, TICK when live) ..., STOP
 *
 * pv_capture_open() does everything that may need privileges or that may be asked for wrongly: it opens,
 * compiles the filter, finds the host subnets. pv_capture_poll() is then called again and again by one
 * thread, with the same out each time; it never blocks for longer than PV_CAPTURE_WAIT_MS on an
 * interface, and the caller flushes the out after each call. That is how a live batch is never older than
 * 50 ms. A saved capture is read as fast as the out takes it; one that comes through a slow pipe is
 * flushed before each wait.
 *
 * Files: pcap, nanosecond pcap and pcapng, all read with nanoseconds; "-" is stdin. The stream has the
 * recorded clock; START has the first packet's time, 0 when there is none. When a file breaks off or is
 * damaged, what was read counts: STOP goes out, and the poll that wrote it returns PV_FAIL instead of PV_END,
 * with pv_capture_error() saying why.
 *
 * Interfaces: libpcap with a kernel ring of buffer_bytes. An interface that is taken down, or goes away and
 * comes back under its name with another number, is waited for and opened again (at once when
 * the kernel tells of it, else with a back-off of 0.1 s growing to 2 s); each such loss is one
 * `link_down`. The host subnets stay those of the start: START cannot be taken back. Stream time is the
 * packets' time; when nothing is waiting in the ring it follows the wall clock, PV_CAPTURE_LAG_MS behind,
 * because the kernel hands packets over in blocks and an earlier packet may still be in an open
 * one. TICK is sent once such a second has passed without a packet, STATS every second.
 *
 * Host subnets: for files those of conf.hosts alone. For interfaces without conf.hosts the interface's
 * subnets; with it the list and the interface's own addresses (/32, /128), never its subnets.
 *
 * Payload is carried only where a port is one that an analyser reads: DNS (53, 5353, 5355, 53000), DHCP
 * (67, 68, 546, 547), BGP (179) and those of conf.ports; with conf.every_udp of UDP packets in any case.
 *
 * Counters are cumulative over the whole stream, reopenings included. `received` are packets that
 * reached us; what the kernel or the interface lost is beside it, not in it.
 *
 * Ownership: conf and its strings are copied. Threads: one at a time; pv_capture_stop() from any thread
 * or signal handler. Errors: one line of text, no newline.
 * Limits: PV_CAPTURE_SNAPLEN bytes of a packet, PV_CAPTURE_BATCH packets between two looks at the clock. */
#ifndef PV_CAPTURE_CAPTURE_H
#define PV_CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/res.h"
#include "stage/out.h"

#define PV_CAPTURE_SNAPLEN 262144u          /* the largest that libpcap accepts */
#define PV_CAPTURE_BUFFER (64u << 20)       /* half a second of 1 Gbit/s */
#define PV_CAPTURE_BUFFER_MIN (4u << 10)      /* a page: the kernel takes no less */
#define PV_CAPTURE_BUFFER_MAX (2047u << 20) /* libpcap takes an int */
#define PV_CAPTURE_WAIT_MS 25               /* half of the 50 ms that a live event may be old */
#define PV_CAPTURE_LAG_MS 100               /* longer than the kernel keeps a ring block open */
#define PV_CAPTURE_BATCH 2048               /* packets per poll: without payload just one batch of events */
#define PV_CAPTURE_EXTRA_PORTS 64           /* more payload ports than any exporter set-up uses */
#define PV_CAPTURE_WORKERS 16 /* two inputs of so many fill a gauge (sketch/gauge.h); most cards have fewer queues */
#define PV_CAPTURE_SEED UINT64_C(0x70762d6361707475) /* stamps are the same in every run */

struct pv_capture_conf {
	const char *file;      /* a saved capture, "-" for stdin; exactly one of file and iface */
	const char *below;     /* a folder that the file must be in (base/path.h), used while opening; NULL: anywhere */
	const char *iface;     /* a name, one of its addresses, "auto" or "any" */
	const char *bpf;       /* tcpdump filter; NULL or "": all packets */
	const char *hosts;     /* "10.0.0.0/8,2001:db8::/32"; NULL or "": see above */
	uint32_t snaplen;      /* bytes kept of a packet; 0: all of it */
	uint64_t buffer_bytes; /* 0: PV_CAPTURE_BUFFER */
	bool no_promiscuous;
	bool decap_gre, decap_ipip, decap_vxlan; /* tunnels to look into: packet/decode.h */
	uint64_t duration_ns;  /* end after this much wall time, or recorded time; 0: never */
	uint64_t count;        /* end after this many packets; 0: never */
	uint64_t seed;         /* of the sampling stamps; 0: PV_CAPTURE_SEED */
	uint64_t stream_id;    /* 0: a random one */
	const char *producer;  /* program and version for START; NULL: "pv-capture" and ours */
	const uint16_t *ports; /* further ports whose payload is carried */
	size_t nports;
	bool every_udp;        /* flow exports go to any port */
	int stop_fd;           /* when readable, the stream ends, as by pv_capture_stop(); 0: none */
};

/* So begin errors about an interface that is there, and cannot be opened. */
#define PV_CAPTURE_CANNOT "cannot capture on"

/* Is it a filter, for some link type at least? False with a line in err. */
bool pv_capture_bpf_ok(const char *bpf, char *err, size_t cap);

/* Sets the decap_ flag of a tunnel by its name ("gre", "ipip", "vxlan"); false: no such tunnel. */
bool pv_capture_decap(struct pv_capture_conf *, const char *tunnel);

struct pv_capture;

/* NULL with a line in err. */
struct pv_capture *pv_capture_open(const struct pv_capture_conf *, char *err, size_t errcap);
void pv_capture_free(struct pv_capture *);

/* n captures of one interface in place of one, each a stream of its own with the packets of its own flows
 * (capture/fanout.h): every packet is in one of them, and both directions of a flow are in the same. They
 * begin at one moment: START has it, and what came earlier is in none. They have the same host subnets. The
 * first alone counts what the interface lost, and how often it went down, and tells of it. The kernel ring is
 * shared out: each gets 1/n, at least a quarter, since flows are not of one size. conf->iface is wanted; n is
 * 2 to PV_CAPTURE_WORKERS. 0, or -1 with a line in err, and none is open. Each is used and freed like any
 * other, each by a thread of its own. */
int pv_capture_open_split(const struct pv_capture_conf *, unsigned n, struct pv_capture *to[], char *err,
			  size_t errcap);

/* One step.
 * PV_OK     there was something; go on at once.
 * PV_AGAIN  live: nothing for PV_CAPTURE_WAIT_MS. File: nothing was read yet.
 * PV_END    STOP has been put out: done.
 * PV_STOP   nobody reads our output any more.
 * PV_FAIL   could not go on; pv_capture_error() says why. STOP has been put out.
 * After the last three, further calls repeat the answer. */
enum pv_res pv_capture_poll(struct pv_capture *, struct pv_out *);

/* From the next poll on, payload of these ports is carried in place of those of conf.ports: analysers come and go. As
 * many as there are. The polling thread, or before it starts. */
void pv_capture_ports(struct pv_capture *, const uint16_t *ports, size_t n);

/* The next poll (or the one that waits) ends the stream. Async-signal-safe. */
void pv_capture_stop(struct pv_capture *);

const char *pv_capture_error(const struct pv_capture *);

/* What it became: the interface that was found, the link type ("EN10MB"), the host subnets. Borrowed. */
const char *pv_capture_source(const struct pv_capture *);
const char *pv_capture_link(const struct pv_capture *);
const struct pv_subnet *pv_capture_hosts(const struct pv_capture *, size_t *n);

struct pv_capture_status {
	uint64_t packets;
	uint64_t os_drops, if_drops, link_down;
	uint64_t truncated, malformed, unsupported;
	uint64_t bytes_read;  /* of the file */
	uint64_t bytes_total; /* of the file; 0 for pipes and interfaces */
};
void pv_capture_status(const struct pv_capture *, struct pv_capture_status *);

/* "lo0: link went down" and the like, for -v: the newest message that was not yet asked for, or NULL. */
const char *pv_capture_notice(struct pv_capture *);

#endif
