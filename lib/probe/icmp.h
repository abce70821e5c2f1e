/* SPDX-License-Identifier: MPL-2.0 */
/* probe/icmp.h - ICMP echo, both families: RFC 792, RFC 4443 section 4.
 *
 *   header:8 bytes   token:u64   "pktvisor"   zeros
 *
 * The token, which the sender draws for every request, and the word behind it are what a reply is known by. Identifiers
 * are not: where the kernel lends an unprivileged socket ("ping socket", net.ipv4.ping_group_range), it puts in one of
 * its own.
 *
 * Sockets: a ping socket where allowed, else a raw one, which needs CAP_NET_RAW. A raw socket sees all echo replies of the
 * host, and some kernels also requests; only replies with the word count. None blocks.
 *
 * Threads: one at a time for each socket. */
#ifndef PV_PROBE_ICMP_H
#define PV_PROBE_ICMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_ICMP_HEADER 8
#define PV_ICMP_TOKEN 8
#define PV_ICMP_WORD "pktvisor"
#define PV_ICMP_PAYLOAD_MIN 8     /* the word */
#define PV_ICMP_PAYLOAD_MAX 65500 /* as in the configuration */
/* What one IPv4 packet holds: the largest payload and the token do not fit by a byte, which is then missing. */
#define PV_ICMP_MESSAGE_MAX (65535 - 20)

struct pv_icmp {
	int fd; /* -1: there is none */
	bool raw;
	uint8_t family; /* 4 or 6 */
	uint16_t id;    /* of raw requests */
};

/* 0, or -1 with errno: neither kind of socket was to be had. */
int pv_icmp_open(struct pv_icmp *, uint8_t family, uint16_t id);
void pv_icmp_close(struct pv_icmp *);

/* Makes a request. payload: bytes behind the token, within the bounds above; to has room for PV_ICMP_MESSAGE_MAX. Returns its length. */
size_t pv_icmp_request(uint8_t family, uint16_t id, uint16_t seq, uint64_t token, size_t payload, uint8_t *to);

/* From the first bytes of what a socket gave (raw IPv4: with the IP header). True for a reply of ours. */
bool pv_icmp_reply(uint8_t family, bool ip_header, const uint8_t *bytes, size_t n, uint16_t *seq, uint64_t *token);

/* addr: as in events; scope: of a link-local one, the number of the interface, else 0. 0, or -1 with errno. */
int pv_icmp_send(const struct pv_icmp *, const uint8_t addr[16], uint32_t scope, const uint8_t *message, size_t n);

struct pv_icmp_answer {
	uint64_t token;
	uint64_t wall_ns; /* when the kernel got it; 0: it does not say */
	uint16_t seq;
};

/* The next reply of ours. False: nothing is waiting. *tries goes down by one for each packet that is looked at, and ends it
 * at 0: others may send us any number. */
bool pv_icmp_receive(const struct pv_icmp *, struct pv_icmp_answer *, unsigned *tries);

#endif
