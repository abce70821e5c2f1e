/* SPDX-License-Identifier: MPL-2.0 */
/* packet/tcp.h - TCP segments become whole length-framed messages, in bounded memory.
 *
 * For protocols whose messages say their own length at the front (DNS over TCP, BGP). The caller gives
 * the segments of the flows it cares about, and a function that reads a length; it gets messages.
 *
 * Model. A flow is the full 5-tuple without direction; it has two sides, each with the sequence number
 * expected next, at most one partial message, and segments that came too early. No handshake is
 * needed: the first data of a side sets its sequence number, a SYN sets it better.
 *   in sequence   taken; messages that lie whole in the segment are delivered in place, without a copy
 *   older         a retransmission; only a new tail is taken (what came first wins)
 *   newer         kept, up to PV_TCP_FRAGMENTS segments and PV_TCP_SIDE_BYTES a side
 * Closed: FIN of both sides, or RST. A closed flow stays as a tombstone for PV_TCP_CLOSED_NS, unless its
 * slot is needed, so that stragglers are ignored rather than taken for a new flow. A SYN opens it again;
 * so does a SYN with another sequence number on a flow whose end we did not see (the port was used again).
 * FIN and RST alone never make a flow.
 *
 * Loss. A gap is given up when the side holds too much behind it, when both sides have sent FIN, at RST,
 * at idle close and at the end. Not when the other side speaks, and not at the side's own FIN: captures
 * taken from several queues, taps or a bonded link interleave the directions and reorder neighbours by more
 * than a reply takes on a fast network, and giving up early turns a harmless swap into a lost message.
 * A segment that was captured short is a gap that nobody will fill.
 * A gap within one message of known length costs that message: the side goes on at its end. Any other gap, or
 * a length that lies, breaks the side: its bytes are ignored until the flow is closed.
 *
 * Time is packet time. A flow is idle after idle_ns without a packet (or when time steps back by as
 * much); a few are closed with every packet, oldest first, so no packet pays for many.
 *
 * Memory is allocated up front and never grows: flows_max * (128 + 4..8) bytes, bytes_max for everything
 * held, message_max and 64 KiB of scratch. Defaults: 16.4 MiB with 64 KiB messages. The pages are not
 * touched before they are needed.
 *   flows full    the slot of the least recently active flow is taken: of closed ones, else of flows without
 *                 data (a SYN flood eats only its own), else of all
 *   bytes full    the least recently active flow that holds bytes gives them up; a partial
 *                 message of known length is skipped, so the flow may go on
 * Sequence numbers are not checked against windows: an on-path liar can spoil the flow he lies about,
 * not another one.
 *
 * Ownership: bytes and packets given to the callbacks are borrowed for the call. Callbacks must not call
 * back into the same object. Threads: one at a time. Sources: RFC 9293; the counting rules of the
 * original's reassembly. */
#ifndef PV_PACKET_TCP_H
#define PV_PACKET_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

#define PV_TCP_FLOWS_DEFAULT 65536 /* 8.25 MiB; 65k clients within 30 s is a busy resolver */
#define PV_TCP_FLOWS_MAX (1u << 24) /* 2 GiB: more is a mistake in a configuration */
#define PV_TCP_BYTES_DEFAULT ((size_t)8 << 20)
#define PV_TCP_BYTES_MAX ((size_t)1 << 30)
#define PV_TCP_IDLE_NS (UINT64_C(30) * 1000000000)
#define PV_TCP_CLOSED_NS (UINT64_C(2) * 1000000000) /* a tombstone's: stragglers come within a round trip */
#define PV_TCP_MESSAGE_MAX ((size_t)1 << 20) /* DNS needs 65537 */
#define PV_TCP_FRAGMENTS 50          /* as the original: more out-of-order segments mean loss */
#define PV_TCP_SIDE_BYTES (256u << 10) /* one flow cannot take the pool: the largest plain window is 64 KiB */
#define PV_TCP_HEAD_MAX 64           /* `frame` must know the length from so many bytes (BGP: 19) */
#define PV_TCP_SEGMENT_MAX 65535u    /* of one out-of-order segment; the rest counts as not captured */

/* What was lost; struct pv_tcp_error.reason. Numbers are part of the event format: append only. */
enum pv_tcp_reason {
	PV_TCP_NOTHING = 0,
	PV_TCP_LOST = 1,   /* a gap in a message of known length: the message is skipped */
	PV_TCP_GAP = 2,    /* a gap elsewhere: the side is broken */
	PV_TCP_FRAME = 3,  /* the length at the front lies: the side is broken */
	PV_TCP_LENGTH = 4, /* a message longer than message_max: the side is broken */
	PV_TCP_CUT = 5,    /* the flow ended in the middle of a message */
	PV_TCP_ROOM = 6,   /* held bytes were given up for room */
	PV_TCP_REASONS = 7
};

struct pv_tcp_conf {
	uint32_t flows_max; /* 0: default */
	size_t bytes_max;   /* 0: default */
	uint64_t idle_ns;   /* 0: PV_TCP_IDLE_NS */
	uint64_t seed;      /* of the hash; random, so that nobody can choose collisions */
	size_t message_max; /* with its length prefix; 1..PV_TCP_MESSAGE_MAX */
	void *ctx;          /* for the callbacks */
	/* The length of the whole message, prefix included, from its first n >= 1 bytes. 0: more bytes
	 * needed. SIZE_MAX: no message begins like this. The answer may not change with more bytes. */
	size_t (*frame)(void *ctx, const uint8_t *head, size_t n);
	/* A message of n bytes, with its prefix. p: the segment that holds its last byte, as it was given;
	 * its payload fields speak of that segment. `bytes` may point into that segment or not. */
	void (*message)(void *ctx, const struct pv_packet *p, const uint8_t *bytes, size_t n);
	/* Something was lost. p: the segment at hand, or when there is none (idle close, eviction, end) a
	 * packet of number 0 with only addresses, ports and the time of the flow's last one. NULL: does not
	 * care. */
	void (*error)(void *ctx, const struct pv_packet *p, enum pv_tcp_reason);
};

/* All since the start or the last reset. Two sums always hold:
 *   flows_created = flows_open + flows_closed + flows_idle + flows_evicted + flows_reused + flows_ended
 *   bytes_in = bytes_message + bytes_again + bytes_dropped + bytes_held */
struct pv_tcp_stats {
	uint64_t segments;      /* with data, SYN, FIN or RST: those that were looked at */
	uint64_t flows_created;
	uint64_t flows_open;    /* now; tombstones do not count */
	uint64_t flows_closed;  /* by FIN or RST */
	uint64_t flows_idle;
	uint64_t flows_evicted; /* open ones, for room */
	uint64_t flows_reused;  /* open ones, by a SYN of another connection */
	uint64_t flows_ended;   /* open at pv_tcp_end() */
	uint64_t tombstones_evicted;
	uint64_t ignored;       /* segments after the close */
	uint64_t retransmitted; /* segments of which something or all was seen before */
	uint64_t snapped;       /* segments captured short */
	uint64_t reordered;     /* segments kept because they came early */
	uint64_t gaps;          /* given up */
	uint64_t lost_bytes;    /* in gaps: stream bytes that never came */
	uint64_t buffers_evicted; /* times a flow gave up what it held, or could not keep a segment */
	uint64_t broken;        /* sides */
	uint64_t messages;
	uint64_t messages_lost; /* begun and never finished */
	uint64_t bytes_in;      /* payload bytes given */
	uint64_t bytes_message; /* delivered */
	uint64_t bytes_again;   /* seen before */
	uint64_t bytes_dropped; /* skipped, of broken sides, after the close, given up */
	uint64_t bytes_held;    /* now */
};

struct pv_tcp;

/* conf is copied. NULL with errno: EINVAL (a bound is out of range), ENOMEM. */
struct pv_tcp *pv_tcp_new(const struct pv_tcp_conf *);
void pv_tcp_free(struct pv_tcp *);
void pv_tcp_reset(struct pv_tcp *); /* forgets all flows and counts, delivers nothing */

/* A segment: l4 is TCP (anything else, fragments and malformed packets are ignored), payload points at
 * p->payload_len bytes (or is NULL when there are none). */
void pv_tcp_packet(struct pv_tcp *, const struct pv_packet *p, const uint8_t *payload);

/* Time has come to now_ns without a packet: closes a few idle flows. True: there are more, call again. */
bool pv_tcp_time(struct pv_tcp *, uint64_t now_ns);

/* The stream is over: gives up all gaps, delivers what stands behind them, closes every flow. */
void pv_tcp_end(struct pv_tcp *);

const struct pv_tcp_stats *pv_tcp_stats(const struct pv_tcp *);

#endif
