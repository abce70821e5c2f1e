/* SPDX-License-Identifier: MPL-2.0 */
/* dnstap/dnstap.h - the dnstap source: what name servers log of their messages becomes a stream of events.
 *
 *   START, STAGE 0 ("dnstap"), then DNSTAP ... (STATS, TICK when live) ..., STOP
 *
 * From a file (or stdin), or from servers that connect to a Unix socket or a TCP port: Frame Streams (dnstap/frames.h) of
 * protobuf messages (dnstap/decode.h). Used as capture/capture.h: open does everything that may need privileges or that may
 * be asked for wrongly; poll again and again from one thread with the same out, flush after each.
 *
 * Files: the recorded clock. An event's time is the message's own: that of its half, else the other's, else the time of the
 * message before. A file that breaks off was written by a server that died, or is still being written: what came counts, the
 * stream ends as if it were whole, and pv_dnstap_notice() says so. One that is damaged ends with PV_FAIL.
 *
 * Sockets: the live clock. An event's time is its arrival, the same for all that is read at once, because a sender's clock may
 * be wrong; its own times are fields. TICK is sent once a second has passed without a message, STATS every second. A client
 * that breaks the protocol is closed, counted, and told of by pv_dnstap_notice(); the others do not notice.
 *
 * only_hosts: messages neither of whose addresses is in the set make no event; in a recorded stream a TICK of their time
 * stands in their place, so that periods do not depend on the filter.
 *
 * Direction follows from who logged the message and which half it is: client, authoritative and update queries are in, their
 * responses out; queries that a server itself sends (resolver, forwarder, stub, tool) are out, the responses to them in.
 *
 * Ledger, in frames: received = analysed + filtered + malformed + unsupported; REASON + enum pv_dnstap_reason. Beside it
 * clients, and those refused, evicted, idle and bad.
 *
 * Bounds: clients_max connections. One that comes when all are taken is refused, unless another has been silent for
 * PV_DNSTAP_SILENT_NS, or has not started for PV_DNSTAP_GREET_NS: then that one goes. A client that does not get as far as
 * START in PV_DNSTAP_HELLO_NS, leaves a frame unfinished for as long, or is silent for idle_ns, is closed. Bytes of
 * unfinished frames are at most PV_DNSTAP_HELD_BYTES, all clients together; when more is needed, who holds most is given up.
 * A quiet client holds no buffer.
 *
 * Ownership: conf and its strings are copied, only_hosts is borrowed. Threads: one at a time; pv_dnstap_stop() from any
 * thread or signal handler. Errors: one line of text, no newline. In steady state a message costs no allocation. */
#ifndef PV_DNSTAP_DNSTAP_H
#define PV_DNSTAP_DNSTAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/res.h"
#include "packet/hosts.h"
#include "stage/out.h"

#define PV_DNSTAP_WAIT_MS 25                         /* as PV_CAPTURE_WAIT_MS */
#define PV_DNSTAP_CLIENTS 1000u                      /* more name servers than report to one place; below 1024 descriptors */
#define PV_DNSTAP_CLIENTS_MAX 10000u
#define PV_DNSTAP_ADDRESSES 16                       /* that a host's name stands for */
#define PV_DNSTAP_HELD_BYTES (32u << 20)             /* a few frames of the largest size; usual ones have 200 bytes */
#define PV_DNSTAP_HELLO_NS UINT64_C(10000000000)     /* the handshake is one round trip */
#define PV_DNSTAP_GREET_NS UINT64_C(1000000000)      /* until then, without having to give way */
#define PV_DNSTAP_SILENT_NS UINT64_C(60000000000)    /* then a connection may have to give way */
#define PV_DNSTAP_IDLE_NS UINT64_C(3600000000000)    /* a server at night has queries, too */
#define PV_DNSTAP_SEED UINT64_C(0x70762d6474617000) /* stamps are the same in every run */

struct pv_dnstap_conf {
	const char *file;   /* "-" is stdin; exactly one of file, socket and tcp */
	const char *below;  /* a folder that the file must be in (base/path.h), used while opening; NULL: anywhere */
	const char *socket; /* path; a socket that nobody listens on gives way */
	const char *tcp;    /* HOST:PORT, [V6]:PORT */
	const struct pv_hosts *only_hosts; /* NULL: all */
	unsigned socket_mode; /* of the socket's file; 0: what the umask leaves */
	unsigned clients_max; /* 0: PV_DNSTAP_CLIENTS */
	uint64_t idle_ns;     /* 0: PV_DNSTAP_IDLE_NS */
	uint64_t duration_ns; /* end after this much wall time, or recorded time; 0: never */
	uint64_t count;       /* end after this many frames; 0: never */
	uint64_t seed;        /* of the sampling stamps; 0: PV_DNSTAP_SEED */
	uint64_t stream_id;   /* 0: a random one */
	const char *producer; /* program and version for START; NULL: "pv-dnstap" and ours */
	int stop_fd;          /* when readable, the stream ends, as by pv_dnstap_stop(); 0: none */
};

/* "HOST:PORT" or "[V6]:PORT" in two. False with the words of configurations in err. */
bool pv_dnstap_address(const char *text, char *host, size_t hostcap, uint16_t *port, char *err, size_t errcap);

struct pv_dnstap_source;

/* NULL with a line in err. */
struct pv_dnstap_source *pv_dnstap_open(const struct pv_dnstap_conf *, char *err, size_t errcap);
void pv_dnstap_free(struct pv_dnstap_source *);

/* One step; results as pv_capture_poll(). */
enum pv_res pv_dnstap_poll(struct pv_dnstap_source *, struct pv_out *);

/* The next poll (or the one that waits) ends the stream. Async-signal-safe. */
void pv_dnstap_stop(struct pv_dnstap_source *);

const char *pv_dnstap_error(const struct pv_dnstap_source *);

/* What is read: the path, or "tcp:HOST:PORT" with the port that was found where 0 was asked for. Borrowed. */
const char *pv_dnstap_from(const struct pv_dnstap_source *);

struct pv_dnstap_status {
	uint64_t frames, filtered, malformed, unsupported;
	uint64_t clients, refused, evicted, idle, bad; /* connections: taken, and what became of others */
	uint64_t connected;   /* now */
	uint64_t held_bytes;  /* of unfinished frames, now */
	uint64_t bytes_read;  /* of the file */
	uint64_t bytes_total; /* of the file; 0 for pipes and sockets */
};
void pv_dnstap_status(const struct pv_dnstap_source *, struct pv_dnstap_status *);

/* What happened to a client or to the file, for -v and logs: the newest that was not yet asked for, or NULL. */
const char *pv_dnstap_notice(struct pv_dnstap_source *);

#endif
