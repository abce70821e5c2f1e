/* SPDX-License-Identifier: MPL-2.0 */
/* flow/sockets.h - UDP sockets that exporters send to: one, or several that share a port.
 *
 * Several: which of them a datagram goes to says a program of our own (SO_ATTACH_REUSEPORT_CBPF), by the sender's address
 * and nothing else. The kernel would take address and port, and an exporter that sends from several ports, or from a new one
 * after each restart, would tell its templates to one socket and send its data to another. So what one address sends
 * stays in order, at one socket, as long as all of them are open; and one exporter cannot be shared out. Until all sockets
 * are bound and know the program nothing is let in.
 *
 * "::" takes IPv4, too. A port that somebody has is refused, also where SO_REUSEPORT would share it with another
 * program of the same user.
 *
 * Ownership: the descriptors are the caller's, who closes all of them. Errors: one line of text. Needs Linux 4.5. */
#ifndef PV_FLOW_SOCKETS_H
#define PV_FLOW_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

#define PV_FLOW_SOCKETS 16u /* more threads than a collector has processors for */

struct pv_flow_socket {
	int fd;
	uint32_t drops; /* what it had dropped when it was let in: pv_flow_socket_drops() counts on */
};

struct pv_flow_sockets_conf {
	const char *bind; /* an address, "localhost" */
	uint16_t port;	  /* 0: one that the kernel chooses */
	int buffer_bytes;
};

/* n sockets, at most PV_FLOW_SOCKETS, and the port they got; 0, or -1 with a line in err and none open. notice: what is to
 * be said of the receive buffer, or "". */
int pv_flow_sockets_open(const struct pv_flow_sockets_conf *, unsigned n, struct pv_flow_socket to[], uint16_t *port,
			 char notice[160], char *err, size_t errcap);

uint32_t pv_flow_socket_drops(int fd); /* by the kernel, modulo 2^32 */

#endif
