/* SPDX-License-Identifier: MPL-2.0 */
#include "probe/icmp.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cursor.h"

#define RECEIVE_BYTES (1 << 20) /* of a socket's queue: replies of a thousand targets at once */

/* ---- messages ------------------------------------------------------------------------------------ */

/* RFC 1071. Of IPv6, and of ping sockets, the kernel's is the one that counts. */
static uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (n % 2)
		sum += (uint32_t)p[n - 1] << 8;
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)~(sum + (sum >> 16));
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

size_t pv_icmp_request(uint8_t family, uint16_t id, uint16_t seq, uint64_t token, size_t payload, uint8_t *to)
{
	size_t n = PV_ICMP_HEADER + PV_ICMP_TOKEN + payload;
	if (n > PV_ICMP_MESSAGE_MAX)
		n = PV_ICMP_MESSAGE_MAX;
	memset(to, 0, n);
	to[0] = family == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	put16(to + 4, id);
	put16(to + 6, seq);
	memcpy(to + PV_ICMP_HEADER, &token, PV_ICMP_TOKEN);
	memcpy(to + PV_ICMP_HEADER + PV_ICMP_TOKEN, PV_ICMP_WORD, sizeof PV_ICMP_WORD - 1);
	if (family == 4)
		put16(to + 2, checksum(to, n));
	return n;
}

bool pv_icmp_reply(uint8_t family, bool ip_header, const uint8_t *bytes, size_t n, uint16_t *seq, uint64_t *token)
{
	struct pv_cur c = pv_cur(bytes, n);
	if (ip_header) {
		size_t header = (size_t)(pv_u8(&c) & 0x0f) * 4;
		if (header < 20)
			return false;
		pv_skip(&c, header - 1);
	}
	unsigned type = pv_u8(&c), code = pv_u8(&c);
	pv_skip(&c, 4); /* checksum, identifier */
	*seq = pv_be16(&c);
	const uint8_t *own = pv_take(&c, PV_ICMP_TOKEN), *word = pv_take(&c, sizeof PV_ICMP_WORD - 1);
	if (!own || !word || code || type != (family == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) ||
	    memcmp(word, PV_ICMP_WORD, sizeof PV_ICMP_WORD - 1))
		return false;
	memcpy(token, own, PV_ICMP_TOKEN);
	return true;
}

/* ---- sockets -------------------------------------------------------------------------------------- */

static void only_replies(const struct pv_icmp *s)
{
	if (s->family == 6) {
		struct icmp6_filter filter;
		ICMP6_FILTER_SETBLOCKALL(&filter);
		ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
		setsockopt(s->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
	}
#ifdef ICMP_FILTER
	if (s->family == 4) {
		uint32_t refused = ~(UINT32_C(1) << ICMP_ECHOREPLY);
		setsockopt(s->fd, SOL_RAW, ICMP_FILTER, &refused, sizeof refused);
	}
#endif
}

int pv_icmp_open(struct pv_icmp *s, uint8_t family, uint16_t id)
{
	static const int kinds[] = {SOCK_DGRAM, SOCK_RAW};
	int domain = family == 4 ? AF_INET : AF_INET6, protocol = family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	*s = (struct pv_icmp){.fd = -1, .family = family, .id = id};
	for (int i = 0; i < 2 && s->fd < 0; i++) {
		s->fd = socket(domain, kinds[i] | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
		s->raw = i == 1;
	}
	if (s->fd < 0)
		return -1;
	int on = 1, room = RECEIVE_BYTES;
	setsockopt(s->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	if (s->raw)
		only_replies(s);
	return 0;
}

void pv_icmp_close(struct pv_icmp *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

int pv_icmp_send(const struct pv_icmp *s, const uint8_t addr[16], uint32_t scope, const uint8_t *message, size_t n)
{
	struct sockaddr_in to4 = {.sin_family = AF_INET};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_scope_id = scope};
	const struct sockaddr *to = s->family == 4 ? (const void *)&to4 : (const void *)&to6;
	memcpy(&to4.sin_addr, addr + 12, 4);
	memcpy(&to6.sin6_addr, addr, 16);
	if (s->fd < 0) {
		errno = EBADF;
		return -1;
	}
	return sendto(s->fd, message, n, 0, to, s->family == 4 ? sizeof to4 : sizeof to6) < 0 ? -1 : 0;
}

static uint64_t stamp(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec t;
			memcpy(&t, CMSG_DATA(c), sizeof t);
			return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
		}
	return 0;
}

bool pv_icmp_receive(const struct pv_icmp *s, struct pv_icmp_answer *a, unsigned *tries)
{
	uint8_t head[60 + PV_ICMP_HEADER + PV_ICMP_TOKEN + sizeof PV_ICMP_WORD]; /* the rest is of no use */
	union {
		struct cmsghdr align;
		uint8_t room[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	while (s->fd >= 0 && *tries) {
		struct iovec iov = {head, sizeof head};
		struct msghdr m = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
		ssize_t n = recvmsg(s->fd, &m, 0);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return false;
		--*tries; /* an error of an earlier request is one, too */
		if (n > 0 && pv_icmp_reply(s->family, s->raw && s->family == 4, head, (size_t)n, &a->seq, &a->token)) {
			a->wall_ns = stamp(&m);
			return true;
		}
	}
	return false;
}
