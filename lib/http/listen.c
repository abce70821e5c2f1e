/* SPDX-License-Identifier: MPL-2.0 */
#include "http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/guard.h"

#define BACKLOG 128

static void set_port(struct sockaddr *sa, uint16_t port)
{
	if (sa->sa_family == AF_INET)
		((struct sockaddr_in *)(void *)sa)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)(void *)sa)->sin6_port = htons(port);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;
	if (getsockname(fd, (struct sockaddr *)&sa, &n))
		return 0;
	return ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)(void *)&sa)->sin_port
					     : ((struct sockaddr_in6 *)(void *)&sa)->sin6_port);
}

/* -1 with errno. The unspecified address takes IPv4, too. */
static int listen_on(const struct addrinfo *a)
{
	static const int on = 1, off = 0;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	bool any = a->ai_family == AF_INET6 &&
		   IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? &off : &on, sizeof on);
	if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, BACKLOG))
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

/* A name may stand for one address twice. */
static bool again(const struct addrinfo *first, const struct addrinfo *a)
{
	for (; first != a; first = first->ai_next)
		if (first->ai_addrlen == a->ai_addrlen && !memcmp(first->ai_addr, a->ai_addr, a->ai_addrlen))
			return true;
	return false;
}

size_t pv_listen(const char *host, uint16_t *port, struct pv_listen *out, size_t max, char *err, size_t cap)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *all = NULL;
	uint16_t want = *port;
	size_t n = 0;
	int rc = getaddrinfo(host, NULL, &hints, &all), why = 0;
	if (rc) {
		snprintf(err, cap, "unable to bind to %s:%u: %s", host, want, gai_strerror(rc));
		return 0;
	}
	for (struct addrinfo *a = all; a && n < max; a = a->ai_next) {
		if ((a->ai_family != AF_INET && a->ai_family != AF_INET6) || again(all, a))
			continue;
		set_port(a->ai_addr, *port);
		int fd = listen_on(a);
		if (fd < 0) {
			why = errno;
			if (why == EADDRNOTAVAIL || why == EAFNOSUPPORT)
				continue;
			break;
		}
		out[n++] = (struct pv_listen){fd, pv_http_loopback(a->ai_addr), a->ai_family == AF_INET6};
		*port = port_of(fd);
		why = 0;
	}
	freeaddrinfo(all);
	if (n && (!why || why == EADDRNOTAVAIL || why == EAFNOSUPPORT))
		return n;
	snprintf(err, cap, "unable to bind to %s:%u: %s", host, want, strerror(why ? why : EADDRNOTAVAIL));
	while (n)
		close(out[--n].fd);
	return 0;
}
