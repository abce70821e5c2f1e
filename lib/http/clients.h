/* SPDX-License-Identifier: MPL-2.0 */
/* http/clients.h - who is connected, and who has had enough time.
 *
 * libmicrohttpd counts connections and notices silence. It does not notice a client that sends a byte every few seconds, and
 * at its limit it refuses whoever comes, however idle those are that are there. So this table knows since when each client
 * has been waited for, and cuts off
 *   - who has not sent a whole request header PV_CLIENT_WAIT_SEC after it connected or got its last answer,
 *   - who has not sent its body and taken its answer PV_CLIENT_BUSY_SEC after that,
 *   - when three quarters of the places, or of one address's places, are taken: the one that has been waited for
 *     longest. A client that asks gets its answer; half-open ones make room.
 *
 * Cutting off is shutdown(2): the server's thread finds the end of the connection and closes it.
 * Threads: any. Lock: one, for a few instructions per request, and for a look at the whole table per new connection. */
#ifndef PV_HTTP_CLIENTS_H
#define PV_HTTP_CLIENTS_H

#include <sys/socket.h>

#define PV_CLIENT_WAIT_SEC 30 /* longer than a person's and a scraper's pauses need; new connections are cheap */
#define PV_CLIENT_BUSY_SEC 60 /* a megabyte at 20 kB/s */

struct pv_clients;
struct pv_client;

/* max: places in all; per_address: of one IPv4 address or IPv6 /64. NULL: ENOMEM. */
struct pv_clients *pv_clients_new(unsigned max, unsigned per_address);
void pv_clients_free(struct pv_clients *); /* all are gone. NULL is fine */

/* NULL when there is no place. Must be removed before fd is closed. */
struct pv_client *pv_clients_add(struct pv_clients *, int fd, const struct sockaddr *);
void pv_clients_remove(struct pv_clients *, struct pv_client *);

void pv_clients_busy(struct pv_clients *, struct pv_client *);    /* its request header is here */
void pv_clients_waiting(struct pv_clients *, struct pv_client *); /* it has its answer */

/* Cut off who is too slow; call a few times a second. */
void pv_clients_sweep(struct pv_clients *);

#endif
