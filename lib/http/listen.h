/* SPDX-License-Identifier: MPL-2.0 */
/* http/listen.h - listening sockets for a host's name. */
#ifndef PV_HTTP_LISTEN_H
#define PV_HTTP_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pv_listen {
	int fd;
	bool loopback, v6;
};

/* Listens on up to `max` addresses that the name stands for, all on one port, which is chosen when *port is 0 and comes back
 * there. Addresses that the machine does not have are passed over, if there is another. Returns how many; 0 with one line in
 * err, "unable to bind to HOST:PORT: ...". The descriptors are the caller's. */
size_t pv_listen(const char *host, uint16_t *port, struct pv_listen *out, size_t max, char *err, size_t cap);

#endif
