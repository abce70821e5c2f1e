/* SPDX-License-Identifier: MPL-2.0 */
/* probe/probe.h - the source that asks: ICMP echo and TCP connects to a list of targets, again and again.
 *
 *   START, STAGE 0 ("netprobe"), then PROBE ..., TICK ..., STOP; a live stream
 *
 * A test of a target is one connect, or conf.packets echo requests. The first comes at once, the others every
 * conf.interval_ns; one that comes late is made once, those that were missed are not made up for. None begins before the one
 * in front of it has its address and has sent its packets. A name is looked up for every test, beside everything else
 * (probe/resolve.h); a look-up that takes longer than conf.timeout_ns has failed. Echo goes to an IPv4 address where a name
 * has both, a connect to the one that the system puts first; unless the family is said.
 *
 * Every attempt has a number, and two events (event/event.h): SENT, and what became of it. It is waited for until it is
 * older than conf.timeout_ns, or than what pv_probe_wait() says where that is more. Elapsed times of echoes are from before the
 * sending to the kernel's own note of the arrival, of connects what the kernel measured; so our being late spoils none. A reply is ours when it has the token
 * of an open attempt (probe/icmp.h); others, late ones, second ones and everybody's requests are nothing.
 *
 * Events of answers have the time of their arrival, so whoever goes by stream time is not misled by our being late.
 *
 * pv_probe_open() does what may need privileges: the ICMP sockets. One for each family that some target may need; where only
 * one of two can be had, targets of the other fail as FAILED, PV_PROBE_SOCKET. pv_probe_poll() is then called again and again
 * by one thread with the same out, which is flushed after each call; it never blocks for longer than PV_PROBE_WAIT_MS.
 *
 * Ledger, in attempts that have ended: received = analysed + evicted; XACT_OPEN are those that had not at the end.
 *
 * Ownership: conf is copied with its strings. Threads: one at a time; pv_probe_stop() from any thread or signal handler.
 * Errors: one line of text. Limits below; memory: 6 MiB, touched as used, and the resolver's threads. */
#ifndef PV_PROBE_PROBE_H
#define PV_PROBE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/res.h"
#include "stage/out.h"

#define PV_PROBE_TARGETS 256       /* as PV_CONFIG_TARGETS */
#define PV_PROBE_OPEN 65536        /* attempts waited for; more than 250 a target: the oldest is given up, and counted */
#define PV_PROBE_CONNECTS 512      /* of them connects, a descriptor each; no more are begun: PV_PROBE_SOCKET */
#define PV_PROBE_WAIT_MS 25        /* as PV_CAPTURE_WAIT_MS */
#define PV_PROBE_BURST 256         /* packets sent, or received, between two looks at everything else */
#define PV_PROBE_NAME 255          /* bytes of a target's name: PV_BLOCK_KEY */

#define PV_PROBE_INTERVAL_MS 5000
#define PV_PROBE_TIMEOUT_MS 2000
#define PV_PROBE_PACKETS 1
#define PV_PROBE_PACKETS_INTERVAL_MS 25
#define PV_PROBE_PAYLOAD 48

struct pv_probe_target {
	const char *name; /* in metrics */
	const char *host; /* an address or a name */
	uint8_t test;     /* enum pv_probe_test */
	uint8_t family;   /* 4, 6, 0: either */
	uint16_t port;    /* TCP */
};

/* Is the host an address? 4, 6, or 0: a name. addr: as in events; NULL: of no interest. An IPv6 address may have a zone,
 * fe80::1%eth0 (RFC 4007, 11); *zone then points at its name. */
uint8_t pv_probe_address(const char *host, uint8_t addr[16], const char **zone);

struct pv_probe_conf {
	const struct pv_probe_target *targets;
	size_t ntargets;              /* 1..PV_PROBE_TARGETS */
	uint64_t interval_ns;         /* 0: the least, a millisecond */
	uint64_t timeout_ns;          /* 0: likewise */
	uint64_t packets;             /* of a test of echoes; 0: 1 */
	uint64_t packets_interval_ns;
	uint64_t payload_bytes;       /* within the bounds of probe/icmp.h, or brought there */
	uint64_t count;               /* end after so many tests of each target, when all is known of them; 0: never */
	uint64_t duration_ns;         /* end after this much time; 0: never */
	uint64_t stream_id;           /* 0: a random one */
	const char *producer;         /* program and version for START; NULL: "pv-probe" and ours */
	int stop_fd;                  /* when readable, the stream ends, as by pv_probe_stop(); 0: none */
};

struct pv_probe;

/* NULL with a line in err. */
struct pv_probe *pv_probe_open(const struct pv_probe_conf *, char *err, size_t errcap);
void pv_probe_free(struct pv_probe *);

/* One step.
 * PV_OK     there was something; go on at once.
 * PV_AGAIN  nothing for PV_PROBE_WAIT_MS.
 * PV_END    STOP has been put out: done.
 * PV_STOP, PV_FAIL  the output cannot be written.
 * After the last three, further calls repeat the answer. */
enum pv_res pv_probe_poll(struct pv_probe *, struct pv_out *);

void pv_probe_stop(struct pv_probe *); /* one of the next polls ends the stream. Async-signal-safe */
void pv_probe_wait(struct pv_probe *, uint64_t ns); /* from the next poll on; the polling thread's, or before it starts */

struct pv_probe_status {
	uint64_t attempts, answers, timeouts, failures, evicted;
};
void pv_probe_status(const struct pv_probe *, struct pv_probe_status *);

/* How many targets there are, and sockets for ICMP. They stay what they are: from any thread. */
unsigned pv_probe_targets(const struct pv_probe *);
unsigned pv_probe_sockets(const struct pv_probe *);

/* "IPv6 targets cannot be pinged: Operation not permitted" and the like, or NULL. Once. */
const char *pv_probe_notice(struct pv_probe *);

#endif
