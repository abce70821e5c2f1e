/* SPDX-License-Identifier: MPL-2.0 */
/* http/server.h - HTTP and HTTPS for tables of routes, by libmicrohttpd.
 *
 * The server finds a request's row (http/route.h), has its handler called and sends what comes back. It listens on every
 * address that the host's name stands for, so that "localhost" is 127.0.0.1 and ::1. What it sees to, so that no handler
 * must:
 *   - unknown paths and methods, and admin rows without the admin API: 404 with an empty body
 *   - HEAD is answered by the row for GET, without the body
 *   - on loopback, a Host header that is not ours: 403 (http/guard.h)
 *   - admin rows want the token, if there is one: 401
 *   - bodies are read whole; one that is too large: 413
 *   - gzip for who accepts it, from PV_HTTP_GZIP_MIN bytes on
 *   - clients that are slow, or too many (http/clients.h)
 *
 *      pv_http_open()     what can be refused and may take privileges: files are read and checked, ports bound
 *      ...                give up privileges, fork; who calls meanwhile waits in the kernel's queue
 *      pv_http_run()      threads; requests are answered
 *      pv_http_stop()
 *
 * Threads: a few per address, from pv_http_run() to pv_http_stop(); handlers and the log callback run in them. A handler that
 * computes holds up those connections that share its thread. Block signals before.
 * Ownership: tables, contexts and strings of the conf must live until pv_http_stop(). */
#ifndef PV_HTTP_SERVER_H
#define PV_HTTP_SERVER_H

#include "http/route.h"

#define PV_HTTP_PORT 10853
#define PV_HTTP_ADDRESSES 4         /* that one name stands for */
#define PV_HTTP_CONNECTIONS 768     /* in all; with the rest below the usual 1024 descriptors */
#define PV_HTTP_PER_IP 256          /* of one address: a busy proxy, half a small attack */
#define PV_HTTP_HEADER (16u * 1024) /* bytes of request line and headers, and of what is under way; 12 MiB for all */
#define PV_HTTP_BODY (1u << 20)     /* of a request: a YAML document with hundreds of policies */
#define PV_HTTP_DISCARD (16u << 20) /* of a body that is refused: read, so that its sender comes to the answer */
#define PV_HTTP_GZIP_MIN 1400       /* below it fits a packet anyway */

struct pv_http;

struct pv_http_conf {
	const char *host; /* name or address to listen on; NULL: localhost */
	uint16_t port;    /* 0: one that is free */
	bool tls;         /* version 1.2 and later */
	const char *tls_cert, *tls_key; /* PEM files */
	const struct pv_http_routes *routes;
	size_t nroutes;
	bool admin;              /* the admin rows exist */
	const char *admin_token; /* NULL: none is asked for */
	size_t body_max;         /* 0: PV_HTTP_BODY */
	unsigned threads;        /* per address; 0: 2 */
	void (*log)(void *ctx, const char *line); /* "REQUEST: GET /metrics 200"; NULL: not wanted */
	void *log_ctx;
};

/* NULL with one line in err: "unable to bind to HOST:PORT: ...", or what is wrong with a TLS file. */
struct pv_http *pv_http_open(const struct pv_http_conf *, char *err, size_t cap);
/* 0, or -1 with one line in err; then only pv_http_stop() is left. */
int pv_http_run(struct pv_http *, char *err, size_t cap);
/* Connections are closed, whatever is under way on them. NULL is fine. */
void pv_http_stop(struct pv_http *);

/* Do a certificate and a key, as they were read from these files, fit together? False with one line in err. For clients, too. */
bool pv_http_tls_ok(const char *cert_file, char *cert, const char *key_file, char *key, char *err, size_t cap);

unsigned pv_http_port(const struct pv_http *);
/* "web server listening on localhost:10853" */
void pv_http_said(const struct pv_http *, char *out, size_t cap);

#endif
