/* SPDX-License-Identifier: MPL-2.0 */
#include "base/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

bool pv_listen_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr) >> 24 == 127;
	return sa->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

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

struct listening {
	uint16_t port;
	struct pv_listen *out;
	size_t n, max;
	int why; /* errno of the last failure */
};

static bool harmless(int why)
{
	return why == EADDRNOTAVAIL || why == EAFNOSUPPORT; /* the machine has no such address */
}

/* On every address of one name. 0, or what getaddrinfo() says. */
static int listen_name(struct listening *l, const char *host)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *all = NULL;
	int rc = getaddrinfo(host, NULL, &hints, &all);
	for (struct addrinfo *a = rc ? NULL : all; a && l->n < l->max && (!l->why || harmless(l->why)); a = a->ai_next) {
		if ((a->ai_family != AF_INET && a->ai_family != AF_INET6) || again(all, a))
			continue;
		set_port(a->ai_addr, l->port);
		int fd = listen_on(a);
		if (fd < 0) {
			l->why = errno;
			continue;
		}
		l->out[l->n++] = (struct pv_listen){fd, pv_listen_loopback(a->ai_addr), a->ai_family == AF_INET6};
		l->port = port_of(fd);
	}
	if (!rc)
		freeaddrinfo(all);
	return rc;
}

size_t pv_listen(const char *host, uint16_t *port, struct pv_listen *out, size_t max, char *err, size_t cap)
{
	struct listening l = {.port = *port, .out = out, .max = max};
	bool both = !strcmp(host, "localhost"); /* RFC 6761: the loopback addresses, whatever a hosts file says */
	int rc = listen_name(&l, both ? "127.0.0.1" : host);
	if (both)
		rc = listen_name(&l, "::1");
	if (l.n && (!l.why || harmless(l.why))) {
		*port = l.port;
		return l.n;
	}
	snprintf(err, cap, "unable to bind to %s:%u: %s", host, *port,
		 rc ? gai_strerror(rc) : strerror(l.why ? l.why : EADDRNOTAVAIL));
	while (l.n)
		close(out[--l.n].fd);
	return 0;
}

/* Is a socket there that nobody listens on? */
static bool deserted(const struct sockaddr_un *sa)
{
	struct stat st;
	if (lstat(sa->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof *sa) && errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return refused;
}

int pv_listen_unix(const char *path, unsigned mode)
{
	struct stat st;
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof sa.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sa.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	int rc = mode ? fchmod(fd, mode) : 0; /* before it has a name: bind() makes it with this mode */
	if (!rc && (rc = bind(fd, (struct sockaddr *)&sa, sizeof sa)) && errno == EADDRINUSE) {
		if (!deserted(&sa))
			errno = EADDRINUSE;
		else if (!unlink(path))
			rc = bind(fd, (struct sockaddr *)&sa, sizeof sa);
	}
	if (!rc && mode && !lstat(path, &st) && (st.st_mode & 07777) != mode)
		rc = chmod(path, mode); /* more than the umask left of it */
	if (!rc && !listen(fd, BACKLOG))
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}
