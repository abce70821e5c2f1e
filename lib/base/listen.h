/* SPDX-License-Identifier: MPL-2.0 */
/* base/listen.h - listening sockets: for a host's name, and for a path.
 *
 * All are non-blocking and closed on exec. The descriptors are the caller's. Errors: one line of text. */
#ifndef PV_BASE_LISTEN_H
#define PV_BASE_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct pv_listen {
	int fd;
	bool loopback, v6;
};

/* Listens on up to `max` addresses that the name stands for, all on one port, which is chosen when *port is 0 and comes back
 * there. Addresses that the machine does not have are passed over, if there is another. Returns how many; 0 with one line in
 * err, "unable to bind to HOST:PORT: ...". */
size_t pv_listen(const char *host, uint16_t *port, struct pv_listen *out, size_t max, char *err, size_t cap);

/* Listens on a Unix stream socket. A socket that is there already gives way when nobody listens on it; anything else at that
 * path stays, and is an error (EADDRINUSE). mode: of the socket's file, 0 for what the umask leaves. -1 with errno. */
int pv_listen_unix(const char *path, unsigned mode);

bool pv_listen_loopback(const struct sockaddr *); /* 127.0.0.0/8, ::1 */

#endif
