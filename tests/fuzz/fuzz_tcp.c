/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Segments of a few flows. Byte 0 sizes the tables; then 6 bytes make a segment each: flow and side, flags
 * and a step in time, distance from where the side stands (2), length, how much the capture cut off.
 *
 * The byte at a sequence number is a function of that number, whoever sends it. So a message that was put
 * together from the wrong pieces shows: its bytes do not follow one another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/tcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_MAX 500

static void require(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_tcp: %s\n", what);
	abort();
}

static uint8_t content(uint32_t seq)
{
	return (uint8_t)(seq * 37);
}

/* Two bytes of head. Some lie, some are too long. */
static size_t frame(void *ctx, const uint8_t *head, size_t n)
{
	(void)ctx;
	require(n >= 1 && n <= PV_TCP_HEAD_MAX, "head");
	if (n < 2)
		return 0;
	if (head[1] == 0xee)
		return SIZE_MAX;
	if (head[1] == 0xdd)
		return MESSAGE_MAX + 1;
	return 2 + head[1];
}

struct seen {
	uint64_t messages, bytes, errors;
};

static void message(void *ctx, const struct pv_packet *p, const uint8_t *bytes, size_t n)
{
	struct seen *s = ctx;
	require(p->l4 == PV_L4_TCP && p->number > 0, "packet of a message");
	require(n >= 2 && n <= MESSAGE_MAX && frame(NULL, bytes, 2) == n, "length");
	for (size_t i = 1; i < n; i++)
		require((uint8_t)(bytes[i] - bytes[i - 1]) == 37, "wrong pieces");
	s->messages++;
	s->bytes += n;
}

static void error(void *ctx, const struct pv_packet *p, enum pv_tcp_reason reason)
{
	struct seen *s = ctx;
	require(p->l4 == PV_L4_TCP && (p->sport == 53 || p->dport == 53), "packet of an error");
	require(reason > 0 && reason < PV_TCP_REASONS, "reason");
	s->errors++;
}

static void sums(const struct pv_tcp_stats *s, const struct seen *seen)
{
	uint64_t gone = s->flows_closed + s->flows_idle + s->flows_evicted + s->flows_reused + s->flows_ended;
	require(s->flows_created == s->flows_open + gone, "sum of flows");
	uint64_t out = s->bytes_message + s->bytes_again + s->bytes_dropped;
	require(s->bytes_in == out + s->bytes_held, "sum of bytes");
	require(s->messages == seen->messages && s->bytes_message == seen->bytes, "messages");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t flows[] = {1, 2, 3, 8};
	static const size_t room[] = {1, 700, 4096, 1 << 16};
	struct seen seen = {0};
	if (size < 1)
		return 0;
	struct pv_tcp_conf c = {.flows_max = flows[data[0] & 3], .bytes_max = room[data[0] >> 2 & 3],
				.seed = data[0], .message_max = MESSAGE_MAX, .ctx = &seen, .frame = frame,
				.message = message, .error = data[0] & 0x80 ? NULL : error};
	struct pv_tcp *t = pv_tcp_new(&c);
	require(t != NULL, "memory");
	const struct pv_tcp_stats *s = pv_tcp_stats(t);
	uint32_t at[8][2];
	uint64_t now = 100 * UINT64_C(1000000000);
	for (int f = 0; f < 8; f++)
		at[f][0] = at[f][1] = f & 1 ? -200u * (unsigned)f : (unsigned)f; /* around the wrap */
	uint64_t number = 0;
	for (size_t i = 1; i + 6 <= size; i += 6) {
		const uint8_t *b = data + i;
		unsigned f = b[0] & 7, side = b[0] >> 3 & 1;
		if ((b[0] & 0xf0) == 0xf0) { /* an hour later, or earlier, or only a tick */
			now += b[1] & 1 ? 3600 * UINT64_C(1000000000) : -(10 * UINT64_C(1000000000));
			if (b[1] & 2)
				pv_tcp_time(t, now);
			continue;
		}
		now += (uint64_t)(b[1] >> 4) * 100000000;
		int32_t away = (int16_t)(b[2] << 8 | b[3]);
		if (b[0] & 0x40) /* usually close */
			away = b[0] & 0x20 ? 0 : away % 64;
		uint32_t wire = b[4], len = wire > b[5] / 4u ? wire - b[5] / 4 : 0;
		if (b[0] & 0x80)
			len = wire *= 4;
		struct pv_packet p = {.ev = {.size = sizeof(p), .type = PV_EV_PACKET, .time_ns = now},
				      .number = ++number, .l3 = 4, .l4 = PV_L4_TCP, .proto = 6};
		p.src[15] = side ? 2 : 1;
		p.dst[15] = side ? 1 : 2;
		p.sport = side ? 53 : (uint16_t)(1000 + f);
		p.dport = side ? (uint16_t)(1000 + f) : 53;
		/* mostly none: 1 FIN, 2 SYN, 4 RST */
		p.tcp_flags = (b[1] & 8) ? b[1] & 7 : 0;
		p.tcp_seq = at[f][side] + (uint32_t)away;
		p.payload_len = len;
		p.payload_wire_len = wire;
		uint32_t first = p.tcp_seq + (p.tcp_flags & PV_TCP_SYN ? 1 : 0);
		uint8_t *payload = malloc(len ? len : 1);
		require(payload != NULL, "memory");
		for (uint32_t k = 0; k < len; k++)
			payload[k] = content(first + k);
		pv_tcp_packet(t, &p, payload);
		free(payload);
		if (away >= 0)
			at[f][side] = first + wire;
		require(s->flows_open <= c.flows_max, "too many flows");
		require(s->bytes_held <= (c.bytes_max < 256 ? 256 : c.bytes_max), "too much held");
		sums(s, &seen);
	}
	pv_tcp_end(t);
	sums(s, &seen);
	require(s->flows_open == 0 && s->bytes_held == 0, "something stayed");
	/* The object is as good as new. */
	if (size & 1)
		pv_tcp_reset(t);
	pv_tcp_end(t);
	pv_tcp_free(t);
	return 0;
}
