/* SPDX-License-Identifier: MPL-2.0 */
#include "mock/frame.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"

#define DNS_PORT   53
#define PORT_FIRST 1024
#define NAMES	   20
#define PEERS	   255
#define RCODES	   6

static const uint16_t types[] = {1, 28, 12, 15, 16}; /* A, AAAA, PTR, MX, TXT */

static uint8_t *put16(uint8_t *p, unsigned v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put(uint8_t *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

static uint8_t *put_label(uint8_t *p, const char *label)
{
	size_t n = strlen(label);
	*p++ = (uint8_t)n;
	return put(p, label, n);
}

static uint8_t *put_dns(uint64_t *random, uint8_t *p, bool response)
{
	char first[4];
	snprintf(first, sizeof first, "%u", (unsigned)pv_random_below(random, NAMES));
	p = put16(p, pv_random_below(random, 65536));
	/* QR, RD, RA and the rcode; or RD alone */
	p = put16(p, response ? 0x8180u | pv_random_below(random, RCODES) : 0x0100u);
	p = put16(p, 1);
	p = put(p, "\0\0\0\0\0\0", 6);
	p = put_label(p, first);
	p = put_label(p, "pktvisor-mock");
	p = put_label(p, "dev");
	*p++ = 0;
	p = put16(p, types[pv_random_below(random, sizeof types / sizeof types[0])]);
	return put16(p, 1); /* IN */
}

/* RFC 1071, over an even number of bytes. */
static unsigned checksum(const uint8_t *p, size_t n)
{
	unsigned sum = 0;
	for (size_t i = 0; i < n; i += 2)
		sum += (unsigned)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

size_t pv_mock_frame(uint64_t *random, uint8_t frame[PV_MOCK_FRAME_MAX])
{
	enum { ETHERNET = 14, IP = 20, UDP = 8 };
	static const uint8_t host_mac[6] = {0x00, 0x50, 0x43, 0x11, 0x22, 0x33}, host_ip[4] = {192, 168, 0, 1};
	bool response = pv_random_below(random, 2);
	unsigned tail = pv_random_below(random, 65536);
	unsigned port = PORT_FIRST + pv_random_below(random, 65536 - PORT_FIRST);
	const uint8_t peer_mac[6] = {0xaa, 0xbb, 0xcc, 0xdd, (uint8_t)(tail >> 8), (uint8_t)tail};
	const uint8_t peer_ip[4] = {10, 0, 0, (uint8_t)pv_random_below(random, PEERS)};

	uint8_t *ip = frame + ETHERNET, *udp = ip + IP, *end = put_dns(random, udp + UDP, response);
	uint8_t *p = put(frame, response ? peer_mac : host_mac, 6);
	p = put(p, response ? host_mac : peer_mac, 6);
	put16(p, 0x0800);

	memset(ip, 0, IP);
	ip[0] = 0x45;
	put16(ip + 2, (unsigned)(end - ip));
	ip[8] = 64; /* hops */
	ip[9] = 17; /* UDP */
	p = put(ip + 12, response ? host_ip : peer_ip, 4);
	put(p, response ? peer_ip : host_ip, 4);
	put16(ip + 10, checksum(ip, IP));

	p = put16(udp, response ? DNS_PORT : port);
	p = put16(p, response ? port : DNS_PORT);
	p = put16(p, (unsigned)(end - udp));
	put16(p, 0);
	return (size_t)(end - frame);
}
