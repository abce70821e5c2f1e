/* SPDX-License-Identifier: MPL-2.0 */
/* ui/client.h - one request after the other to an agent, over HTTP or HTTPS (libcurl).
 *
 * Nothing blocks but pv_ui_client_wait(), which also watches the caller's descriptors. No redirects, no proxies, no
 * cookies; HTTP and HTTPS only. An agent that is slow, silent or talkative costs PV_UI_TIMEOUT_MS and PV_UI_BODY_MAX
 * bytes at most (model.h), and PV_UI_HEAD_MAX of headers.
 *
 * One thread. libcurl's process-wide state is set up by the first client, so make that before there are threads. */
#ifndef PV_UI_CLIENT_H
#define PV_UI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_UI_TIMEOUT_MS 5000 /* of a request as a whole, as the original's client waits */
#define PV_UI_HEAD_MAX 65536

struct pv_ui_client;

struct pv_ui_client_conf {
	const char *host; /* name or address; IPv6 with or without brackets */
	uint16_t port;
	bool tls, tls_noverify;
	const char *tls_ca; /* file of certificates to trust; NULL: the system's */
	const char *token;  /* sent as "Authorization: Bearer ..."; NULL: none */
};

struct pv_ui_answer {
	unsigned status; /* 0: none came, see why */
	char *body;      /* the client's, until the next request; ends with a NUL that is not counted */
	size_t len;
	const char *why;
};

/* NULL with a line in err. */
struct pv_ui_client *pv_ui_client_new(const struct pv_ui_client_conf *, char *err, size_t cap);
void pv_ui_client_free(struct pv_ui_client *);

/* Begins; one that is under way is forgotten. false: no memory. */
bool pv_ui_client_ask(struct pv_ui_client *, const char *path);
bool pv_ui_client_busy(const struct pv_ui_client *);

/* Until there is an answer (true), or one of the descriptors is readable, or the time is over. */
bool pv_ui_client_wait(struct pv_ui_client *, const int *fds, size_t nfds, unsigned ms, struct pv_ui_answer *);

#endif
