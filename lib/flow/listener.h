/* SPDX-License-Identifier: MPL-2.0 */
/* flow/listener.h - a UDP port that exporters send to becomes a live stream of flow events.
 *
 *   START, STAGE 0 ("flow"), then FLOW ... STATS, TICK ..., STOP
 *
 * Used as capture/capture.h: open, then poll again and again from one thread with the same out, flush after each. Time is
 * that of arrival: an exporter's clock may be wrong, and must not move our windows. STATS is sent every second, with
 * datagrams received and those that the kernel dropped because the receive buffer was full; TICK when a second brought none.
 *
 * Several sockets (flow/sockets.h): each has a receive buffer, a thread and a collector (flow/collector.h) of its own, and the
 * exporters of some addresses. What they make is joined in one stream; datagrams of one exporter stay in order, those of
 * different ones need not. With one socket there is no other thread than the caller's. Or each socket is a listener of its
 * own, for who has threads and streams for them: pv_flow_listener_open_split().
 *
 * Addresses: "::" takes IPv4, too. A sender's IPv4 address is ::ffff:a.b.c.d in any case.
 *
 * Ownership: conf is copied. Threads: open, poll and free one at a time; pv_flow_listener_stop() and _status() from any.
 * Errors: one line of text, no newline.
 * Limits: PV_FLOW_SOCKETS; PV_FLOW_HELD bytes of events wait for a slow reader, then the threads wait, and the kernel drops
 * and counts. Memory: 2 MiB per socket and that of its collector, whose budget is shared out among them. */
#ifndef PV_FLOW_LISTENER_H
#define PV_FLOW_LISTENER_H

#include "base/res.h"
#include "flow/collector.h"
#include "flow/sockets.h"
#include "stage/out.h"

#define PV_FLOW_WAIT_MS 25 /* as PV_CAPTURE_WAIT_MS */
#define PV_FLOW_BUFFER (16u << 20) /* of each socket: some 10,000 datagrams */
#define PV_FLOW_BUFFER_MIN (4u << 10) /* what the kernel gives in any case */
#define PV_FLOW_BUFFER_MAX (1u << 30) /* SO_RCVBUF is an int, and half of it is the kernel's own */
#define PV_FLOW_HELD (4u << 20)
#define PV_FLOW_SEED UINT64_C(0x70762d666c6f77) /* stamps are the same in every run */

struct pv_flow_listener_conf {
	const char *bind; /* an address, "localhost" */
	uint16_t port;    /* 0: one that the kernel chooses */
	unsigned sockets; /* 0: one */
	uint64_t buffer_bytes; /* 0: PV_FLOW_BUFFER */
	struct pv_collector_conf collector;
	uint64_t duration_ns; /* end after this much time; 0: never */
	uint64_t count;       /* end after this many datagrams; 0: never. With several sockets a few more may come */
	uint64_t stream_id;   /* 0: a random one */
	const char *producer; /* program and version for START; NULL: "pv-flow" and ours */
	int stop_fd;          /* when readable, the stream ends, as by pv_flow_listener_stop(); 0: none */
};

struct pv_flow_listener;

/* NULL with a line in err. */
struct pv_flow_listener *pv_flow_listener_open(const struct pv_flow_listener_conf *, char *err, size_t errcap);
/* n listeners, at most PV_FLOW_SOCKETS, that share the port, and the memory for templates, each with a stream of its own.
 * conf.sockets is not looked at. 0, or -1 with a line in err and none open. */
int pv_flow_listener_open_split(const struct pv_flow_listener_conf *, unsigned n, struct pv_flow_listener *to[],
				char *err, size_t errcap);
void pv_flow_listener_free(struct pv_flow_listener *);

/* PV_OK, PV_AGAIN, PV_END, PV_STOP, PV_FAIL as pv_capture_poll(); the last with errno. */
enum pv_res pv_flow_listener_poll(struct pv_flow_listener *, struct pv_out *);

/* One of the next polls ends the stream. Async-signal-safe. */
void pv_flow_listener_stop(struct pv_flow_listener *);

struct pv_flow_listener_status {
	struct pv_collector_status collector; /* all of them */
	uint64_t os_drops;
};
void pv_flow_listener_status(struct pv_flow_listener *, struct pv_flow_listener_status *);

/* "receive buffer is 208 KiB of the 16384 wanted ..." and the like, once; or NULL. */
const char *pv_flow_listener_notice(struct pv_flow_listener *);

#endif
