/* SPDX-License-Identifier: MPL-2.0 */
/*
 * flood - a hostile hour in a pipe: writes a pcap stream to stdout.
 *
 *	flood PACKETS [PACKETS-PER-SECOND [SEED]] | pv-capture -r -
 *
 * Of every four packets,
 *	two	are DNS queries over UDP from spoofed sources (half of them over IPv6), each with a name
 *		that no other packet of the stream has, none of them ever answered;
 *	one	is a SYN to port 53 from a spoofed source that never comes back;
 *	one	belongs to a second kind of connection: a SYN, and the next time a segment with the
 *		beginning of a message (a length of 65535 or 512, and twenty bytes) that never ends.
 *
 * Stream time begins at 2024-05-01 00:00:00 UTC and moves by PACKETS-PER-SECOND (default 100000). The same
 * arguments give the same bytes. IPv4 header checksums are right; those of UDP and TCP are left zero.
 *
 * Names and sources come from a bijection of the packet's number, so they are distinct by construction:
 * nothing is remembered, and the program's memory is one buffer. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUF_BYTES   (1u << 20)
#define FRAME_BYTES 256u /* no frame below is longer, record header included */
#define START_S	    1714521600u

struct out {
	uint8_t *buf;
	size_t used;
};

static int out_flush(struct out *o)
{
	size_t done = 0;

	while (done < o->used) {
		ssize_t n = write(STDOUT_FILENO, o->buf + done, o->used - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	o->used = 0;
	return 0;
}

/* A bijection on 64 bits (splitmix64): different in, different out. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	x ^= x >> 31;
	return x;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* The pcap headers are in host order; their magic number says which. */
static void host32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static size_t put_eth(uint8_t *p, unsigned type)
{
	static const uint8_t mac[12] = {2, 0, 0, 0, 0, 5, 2, 0, 0, 0, 0, 12};

	memcpy(p, mac, sizeof(mac));
	put16(p + 12, type);
	return 14;
}

/* An IPv4 header from a spoofed source to 192.0.2.53. */
static size_t put_ip4(uint8_t *p, unsigned payload_bytes, unsigned proto, uint32_t src)
{
	uint32_t sum = 0;
	unsigned i;

	memset(p, 0, 20);
	p[0] = 0x45;
	put16(p + 2, 20 + payload_bytes);
	p[8] = 64;
	p[9] = (uint8_t)proto;
	put32(p + 12, src);
	put32(p + 16, 0xc0000235u);
	for (i = 0; i < 20; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(p + 10, ~sum & 0xffff);
	return 20;
}

static size_t put_ip6(uint8_t *p, unsigned payload_bytes, unsigned proto, uint64_t src)
{
	static const uint8_t server[16] = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x53};

	put32(p, 0x60000000u);
	put16(p + 4, payload_bytes);
	p[6] = (uint8_t)proto;
	p[7] = 64;
	memcpy(p + 8, server, 4); /* 2001:db8:0:f::/64 and 64 spoofed bits */
	put32(p + 12, 15);
	put32(p + 16, (uint32_t)(src >> 32));
	put32(p + 20, (uint32_t)src);
	memcpy(p + 24, server, 16);
	return 40;
}

static size_t put_label(uint8_t *p, const char *text)
{
	size_t n = strlen(text);

	p[0] = (uint8_t)n;
	memcpy(p + 1, text, n);
	return n + 1;
}

static size_t put_hex(uint8_t *p, uint64_t v, unsigned digits)
{
	static const char hex[] = "0123456789abcdef";
	unsigned i;

	p[0] = (uint8_t)digits;
	for (i = 0; i < digits; i++)
		p[1 + i] = (uint8_t)hex[v >> (60 - 4 * i) & 15];
	return digits + 1;
}

/* Three shapes of names: random under one zone, random under a random zone, random under a random top. */
static size_t put_query(uint8_t *p, uint64_t r, uint64_t n)
{
	size_t len = 12;

	memset(p, 0, 12);
	put16(p, (unsigned)(r & 0xffff));
	p[2] = 1;
	p[5] = 1;
	len += put_hex(p + len, r, 16);
	switch (n % 3) {
	case 0:
		len += put_label(p + len, "flood");
		len += put_label(p + len, "test");
		break;
	case 1:
		len += put_hex(p + len, mix(r), 8);
		len += put_label(p + len, "com");
		break;
	default:
		len += put_hex(p + len, mix(r), 5);
		break;
	}
	p[len++] = 0;
	put32(p + len, 0x00010001u);
	return len + 4;
}

static size_t udp_frame(uint8_t *p, uint64_t n, uint64_t r)
{
	uint8_t msg[128];
	size_t bytes = put_query(msg, r, n);
	unsigned l4 = 8 + (unsigned)bytes;
	size_t len;

	if (n % 8 < 2) {
		len = put_eth(p, 0x86dd);
		len += put_ip6(p + len, l4, 17, mix(r + 1));
	} else {
		len = put_eth(p, 0x0800);
		len += put_ip4(p + len, l4, 17, (uint32_t)(r >> 20));
	}
	put16(p + len, 1024 + (unsigned)(r >> 52));
	put16(p + len + 2, 53);
	put16(p + len + 4, l4);
	put16(p + len + 6, 0);
	memcpy(p + len + 8, msg, bytes);
	return len + l4;
}

/* flow: where source, port and sequence come from; data: not the SYN but the segment after it. */
static size_t tcp_frame(uint8_t *p, uint64_t flow, int data)
{
	uint64_t r = mix(flow);
	unsigned bytes = data ? 22 : 0;
	size_t len = put_eth(p, 0x0800);

	len += put_ip4(p + len, 20 + bytes, 6, (uint32_t)(r >> 16));
	memset(p + len, 0, 20 + bytes);
	put16(p + len, 1024 + (unsigned)(r >> 50));
	put16(p + len + 2, 53);
	put32(p + len + 4, (uint32_t)r + (data ? 1 : 0));
	put32(p + len + 8, data ? 1 : 0);
	p[len + 12] = 5 << 4;
	p[len + 13] = data ? 0x18 : 0x02;
	put16(p + len + 14, 64240);
	if (data)
		put16(p + len + 20, flow & 4 ? 0xffff : 512);
	return len + 20 + bytes;
}

static int flood(struct out *o, uint64_t packets, uint64_t rate, uint64_t seed)
{
	uint64_t n;

	host32(o->buf, 0xa1b2c3d4u);
	host32(o->buf + 4, 0);
	memcpy(o->buf + 4, (const uint16_t[2]){2, 4}, 4);
	host32(o->buf + 8, 0);
	host32(o->buf + 12, 0);
	host32(o->buf + 16, 65535);
	host32(o->buf + 20, 1);
	o->used = 24;
	for (n = 0; n < packets; n++) {
		uint8_t *p = o->buf + o->used;
		uint64_t group = n / 4;
		size_t len;

		if (n % 4 < 2)
			len = udp_frame(p + 16, n, mix(n ^ seed));
		else if (n % 4 == 2)
			len = tcp_frame(p + 16, (group ^ seed) * 2, 0);
		else /* two groups share a flow: its SYN in the even one, its data in the odd one */
			len = tcp_frame(p + 16, (group / 2 * 2 ^ seed) * 2 + 1, group & 1);
		host32(p, START_S + (uint32_t)(n / rate));
		host32(p + 4, (uint32_t)(n % rate * 1000000 / rate));
		host32(p + 8, (uint32_t)len);
		host32(p + 12, (uint32_t)len);
		o->used += 16 + len;
		if (o->used > BUF_BYTES - FRAME_BYTES && out_flush(o) < 0)
			return -1;
	}
	return out_flush(o);
}

static int number(const char *text, uint64_t *v)
{
	char *end;

	errno = 0;
	*v = strtoull(text, &end, 10);
	return errno || end == text || *end || *text == '-' ? -1 : 0;
}

int main(int argc, char **argv)
{
	uint64_t packets, rate = 100000, seed = 1;
	struct out o = {NULL, 0};
	int rc;

	if (argc < 2 || argc > 4 || number(argv[1], &packets) || (argc > 2 && number(argv[2], &rate)) ||
	    (argc > 3 && number(argv[3], &seed)) || rate == 0) {
		fprintf(stderr, "usage: flood PACKETS [PACKETS-PER-SECOND [SEED]] > FILE\n");
		return 2;
	}
	if (isatty(STDOUT_FILENO)) {
		fprintf(stderr, "flood: will not write a capture to a terminal: add '> file' or a pipe\n");
		return 2;
	}
	o.buf = malloc(BUF_BYTES);
	if (!o.buf) {
		fprintf(stderr, "flood: out of memory\n");
		return 1;
	}
	rc = flood(&o, packets, rate, seed);
	free(o.buf);
	if (rc < 0 && errno != EPIPE) {
		fprintf(stderr, "flood: cannot write: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
