/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/sockets.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void set_buffer(int fd, int want, char notice[160])
{
	int got = 0;
	socklen_t n = sizeof got;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof want))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof want);
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &n) || got / 2 >= want) /* the kernel doubles it */
		return;
	snprintf(notice, 160, "receive buffer is %d KiB of the %d wanted; net.core.rmem_max allows no more", got / 2048,
		 want / 1024);
}

/* Nothing is let in until all sockets are bound: the kernel would give it to those that are. */
static int shut(int fd)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = {1, &none};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/* For all sockets of a port; what it answers is the number of one, in the order in which they were bound. */
static int spread(int fd, uint32_t n)
{
	enum { NET = SKF_NET_OFF, SRC4 = NET + 12, SRC6 = NET + 8 };
	struct sock_filter f[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)NET),
	    BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 2, 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SRC4),
	    BPF_JUMP(BPF_JMP | BPF_JA, 10, 0, 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SRC6),
	    BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SRC6 + 4),
	    BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
	    BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SRC6 + 8),
	    BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
	    BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SRC6 + 12),
	    BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
	    /* neighbours, and those whose addresses differ in front alone, are to go different ways */
	    BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1),
	    BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
	    BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n),
	    BPF_STMT(BPF_RET | BPF_A, 0),
	};
	const struct sock_fprog program = {sizeof f / sizeof f[0], f};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

uint32_t pv_flow_socket_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t n = sizeof info;
	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &n) ? 0 : info[SK_MEMINFO_DROPS];
}

static int close_keeping_errno(int fd)
{
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int open_one(const struct addrinfo *a, bool shared)
{
	int on = 1, off = 0, fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if ((shared && (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) || shut(fd))) ||
	    bind(fd, a->ai_addr, a->ai_addrlen))
		return close_keeping_errno(fd);
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 a = {.sin6_port = 0};
	socklen_t n = sizeof a;
	getsockname(fd, (struct sockaddr *)&a, &n); /* the port stands at the same place in both families */
	return ntohs(a.sin6_port);
}

/* Does somebody else have the port? Whom we would share it with, if we did not ask. */
static int ask(const struct addrinfo *a)
{
	int fd = open_one(a, false);
	return fd < 0 ? -1 : close(fd);
}

static int let_in(struct pv_flow_socket to[], unsigned n)
{
	int ignored = 0;
	if (spread(to[0].fd, n))
		return -1;
	for (unsigned i = 0; i < n; i++) {
		to[i].drops = pv_flow_socket_drops(to[i].fd);
		if (setsockopt(to[i].fd, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof ignored))
			return -1;
	}
	return 0;
}

/* As many as could be opened are in `to`; the rest is -1. */
static int open_all(struct addrinfo *a, const struct pv_flow_sockets_conf *conf, unsigned n, struct pv_flow_socket to[],
		    uint16_t *port, char notice[160])
{
	if (n > 1 && ask(a))
		return -1;
	for (unsigned i = 0; i < n; i++) {
		to[i].fd = open_one(a, n > 1);
		if (to[i].fd < 0)
			return -1;
		set_buffer(to[i].fd, conf->buffer_bytes, notice);
		if (!i) { /* the others bind to what the first got */
			*port = port_of(to[0].fd);
			((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_port = htons(*port);
		}
	}
	return n > 1 ? let_in(to, n) : 0;
}

int pv_flow_sockets_open(const struct pv_flow_sockets_conf *conf, unsigned n, struct pv_flow_socket to[], uint16_t *port,
			 char notice[160], char *err, size_t cap)
{
	char text[8];
	struct addrinfo *a = NULL;
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	notice[0] = '\0';
	snprintf(text, sizeof text, "%u", conf->port);
	if (getaddrinfo(strcmp(conf->bind, "localhost") ? conf->bind : "127.0.0.1", text, &hints, &a)) {
		snprintf(err, cap, "not an address to listen on: '%.100s'", conf->bind);
		return -1;
	}
	for (unsigned i = 0; i < n; i++)
		to[i] = (struct pv_flow_socket){.fd = -1};
	int bad = open_all(a, conf, n, to, port, notice);
	if (bad)
		snprintf(err, cap, "cannot listen on %.100s port %u: %s", conf->bind, conf->port, strerror(errno));
	for (unsigned i = 0; bad && i < n; i++)
		if (to[i].fd >= 0)
			close(to[i].fd);
	freeaddrinfo(a);
	return bad;
}
