/* SPDX-License-Identifier: MPL-2.0 */
/* push/client.h - one POST after the other to a collector, over HTTP or HTTPS (libcurl).
 *
 * No redirects, no proxies, no cookies; HTTP/1.1 over a connection that stays. A collector that is slow, silent or talkative
 * costs PV_PUSH_TIMEOUT_MS and PV_PUSH_ANSWER bytes.
 *
 * Certificates and the key are read when the client is made, while we still may, and tried at once: a key that does not
 * belong to the certificate is found before anything runs.
 *
 * Threads: one, but for pv_push_client_wake(). libcurl's process-wide state is set up by the first client, so make that
 * before there are threads. */
#ifndef PV_PUSH_CLIENT_H
#define PV_PUSH_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/url.h"

#define PV_PUSH_TIMEOUT_MS 10000    /* of a POST as a whole, as OTLP's exporters have it */
#define PV_PUSH_CONNECT_MS 5000	    /* of getting there */
#define PV_PUSH_ANSWER 65536	    /* bytes of an answer; a collector's has at most a sentence */
#define PV_PUSH_HEAD 65536	    /* of its headers */

struct pv_push_target {
	const char *host; /* name or address; IPv6 with or without brackets */
	uint16_t port;
	const char *path;
	bool tls;
	const char *tls_cert, *tls_key; /* PEM files, of us: both, or NULL */
	const char *tls_ca;		/* of those who may vouch for the collector; NULL: the system's */
};

struct pv_push_client;

/* program: who we say we are. NULL with one line in err. */
struct pv_push_client *pv_push_client_new(const struct pv_push_target *, const char *program, char *err, size_t cap);
void pv_push_client_free(struct pv_push_client *); /* NULL is fine */
const char *pv_push_client_url(const struct pv_push_client *);

struct pv_push_reply {
	unsigned status; /* 0: none came, see why */
	uint64_t retry_after_sec; /* 0: not said */
	const char *bytes;	  /* the client's, until the next POST */
	size_t len;
	char why[320];
};

/* Blocks, until there is a reply, the time is over, or *stop is true and somebody woke us. */
void pv_push_client_post(struct pv_push_client *, const char *body, size_t len, bool gzip, const atomic_bool *stop,
			 struct pv_push_reply *);
/* From any thread. */
void pv_push_client_wake(struct pv_push_client *);

#endif
