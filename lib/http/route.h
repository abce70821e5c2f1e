/* SPDX-License-Identifier: MPL-2.0 */
/* http/route.h - a route is a row of a table: method, pattern, handler. Requests and answers as handlers see them.
 *
 * A handler looks at a request and fills in an answer; it knows nothing of connections. The server (http/server.h) finds the
 * row, answers 404 with an empty body where there is none, serves HEAD by GET rows, reads bodies whole, checks tokens,
 * compresses.
 *
 * A pattern is a path whose parts are words or one of
 *      {name}   [a-zA-Z_][a-zA-Z0-9_-]*, the name of a tap or a policy
 *      {n}      decimal digits
 * Tables are searched in the order they are given in, rows from the top: a word stands above a {name} that fits it, too.
 *
 * Ownership: a request is borrowed for the call; an answer's bytes are malloc()ed and become the server's.
 * Threads: handlers are called from several at once. */
#ifndef PV_HTTP_ROUTE_H
#define PV_HTTP_ROUTE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_HTTP_PARTS 4   /* {..} of one pattern; the longest of ours has two */
#define PV_HTTP_PATH 1024 /* bytes of a path that can match anything: our names have 127 at most */

#define PV_HTTP_JSON "application/json"
#define PV_HTTP_TEXT "text/plain; charset=utf-8"

struct pv_http_request {
	const char *method;             /* "GET" for HEAD, too */
	const char *path;               /* decoded */
	const char *part[PV_HTTP_PARTS]; /* what stands where the pattern has {..} */
	const char *content_type;       /* NULL: none was sent */
	const void *body; /* never NULL */
	size_t body_len;
	/* The value of ?name=value, "" without one, NULL when it is not there. May be NULL itself. */
	const char *(*query)(const struct pv_http_request *, const char *name);
	void *connection; /* for query() */
};

struct pv_http_answer {
	unsigned status;          /* a handler that leaves 0 had no memory: 500 */
	const char *content_type; /* lives as long as the program */
	char *bytes;              /* malloc()ed; NULL: an empty body */
	size_t len;
};

struct pv_http_route {
	const char *method, *pattern;
	bool admin; /* exists only with the admin API */
	void (*handle)(void *ctx, const struct pv_http_request *, struct pv_http_answer *);
};

struct pv_http_routes { /* rows that share a context */
	const struct pv_http_route *row;
	size_t n;
	void *ctx;
};

/* Does the path fit? Then buf (PV_HTTP_PATH bytes) holds the parts that part[] points to; unused ones are NULL. */
bool pv_http_match(const char *pattern, const char *path, char *buf, const char *part[PV_HTTP_PARTS]);

/* The number of a {n}; one that is too large is UINT64_MAX, which is beyond every limit. */
uint64_t pv_http_number(const char *digits);

/* Is a Content-Type of this media type, whatever its parameters? NULL is of none. */
bool pv_http_is_type(const char *content_type, const char *type);

/* ---- answers ------------------------------------------------------------------------------------ */

/* Takes the document over; NULL is no memory. */
void pv_http_json(struct pv_http_answer *, unsigned status, json_t *);
/* {"error": text} */
void pv_http_error(struct pv_http_answer *, unsigned status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Takes the bytes over. */
void pv_http_bytes(struct pv_http_answer *, unsigned status, const char *content_type, char *bytes, size_t len);
void pv_http_text(struct pv_http_answer *, unsigned status, const char *text); /* copies it */

#endif
