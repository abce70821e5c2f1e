/* SPDX-License-Identifier: MPL-2.0 */
#include "http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/listen.h"
#include "base/pem.h"
#include "base/utf8.h"
#include "http/clients.h"
#include "http/guard.h"
#include "http/gzip.h"

#define THREADS_DEFAULT 2
#define SWEEP_MS 500
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct listener { /* one address */
	struct pv_http *http;
	struct MHD_Daemon *daemon;
	struct pv_clients *clients;
};

struct words { /* of the library */
	char text[256];
	atomic_bool said;
};

struct pv_http {
	struct pv_http_conf conf;
	char *host;
	uint16_t port;
	bool check_host;
	char *cert, *key; /* the files' contents */
	struct pv_listen address[PV_HTTP_ADDRESSES];
	size_t naddresses;
	struct listener listener[PV_HTTP_ADDRESSES];
	size_t nlisteners; /* that run: those of the first addresses */
	int stop_fd;
	pthread_t sweeper;
	bool sweeping;
	struct words words;
};

/* One request, from its header to its answer. */
struct exchange {
	const struct pv_http_route *row;
	void *ctx;
	char buf[PV_HTTP_PATH];
	struct pv_http_request request;
	char *body;
	size_t len, cap;
	size_t thrown; /* bytes of it that were thrown away */
	bool too_large;
	bool refused; /* its body is read and thrown away, then admit() says why */
};

/* ---- answers ------------------------------------------------------------------------------------ */

static const char *header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* Does an Accept-Encoding say gzip, and not gzip;q=0? */
static bool accepts_gzip(const char *list)
{
	for (const char *at = list; at && *at;) {
		at += strspn(at, " \t,");
		size_t n = strcspn(at, ",");
		size_t word = strcspn(at, " \t,;");
		if (word == 4 && !strncasecmp(at, "gzip", 4)) {
			size_t q = word;
			while (q < n && strncasecmp(at + q, "q=", 2)) /* either case: RFC 9110 12.4.2 */
				q++;
			return q == n || strtod(at + q + 2, NULL) > 0;
		}
		at += n;
	}
	return false;
}

static void log_request(struct pv_http *h, const char *method, const char *path, unsigned status)
{
	char clean[512], line[600];
	if (!h->conf.log)
		return;
	pv_utf8_clean(path, strlen(path), clean, sizeof clean);
	snprintf(line, sizeof line, "REQUEST: %.16s %s %u", method, clean, status);
	h->conf.log(h->conf.log_ctx, line);
}

/* Takes the answer's bytes over. */
static enum MHD_Result send_answer(struct pv_http *h, struct MHD_Connection *c, const char *method, const char *path,
				   struct pv_http_answer *a)
{
	if (!a->status)
		pv_http_error(a, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
	if (!a->status) {
		a->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		a->len = 0;
	}
	bool large = a->len >= PV_HTTP_GZIP_MIN;
	bool gzip = large && accepts_gzip(header(c, MHD_HTTP_HEADER_ACCEPT_ENCODING)) && pv_gzip(&a->bytes, &a->len);
	log_request(h, method, path, a->status);
	struct MHD_Response *r = MHD_create_response_from_buffer(
		a->len, a->bytes, a->bytes ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!r) {
		free(a->bytes);
		return MHD_NO;
	}
	if (a->len && a->content_type)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a->content_type);
	if (gzip)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	if (large)
		MHD_add_response_header(r, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
	if (a->status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	enum MHD_Result rc = MHD_queue_response(c, a->status, r);
	MHD_destroy_response(r);
	return rc;
}

/* ---- requests ----------------------------------------------------------------------------------- */

static bool find_row(const struct pv_http *h, const char *method, const char *path, struct exchange *x)
{
	for (size_t t = 0; t < h->conf.nroutes; t++)
		for (size_t i = 0; i < h->conf.routes[t].n; i++) {
			const struct pv_http_route *row = &h->conf.routes[t].row[i];
			if ((row->admin && !h->conf.admin) || strcmp(row->method, method) ||
			    !pv_http_match(row->pattern, path, x->buf, x->request.part))
				continue;
			x->row = row;
			x->ctx = h->conf.routes[t].ctx;
			return true;
		}
	return false;
}

static const char *query(const struct pv_http_request *r, const char *name)
{
	const char *value = NULL;
	if (!MHD_lookup_connection_value_n(r->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value, NULL))
		return NULL;
	return value ? value : "";
}

/* What can be said before the body is there. False: the answer is made. */
static bool admit(const struct pv_http *h, struct MHD_Connection *c, struct exchange *x, const char *method,
		  const char *path, struct pv_http_answer *a)
{
	const char *host = header(c, MHD_HTTP_HEADER_HOST), *length = header(c, MHD_HTTP_HEADER_CONTENT_LENGTH);
	if (h->check_host && !pv_http_host_ok(host, h->host)) {
		pv_http_error(a, MHD_HTTP_FORBIDDEN, "host '%.255s' is not served here", host);
		return false;
	}
	if (!find_row(h, method, path, x)) {
		a->status = MHD_HTTP_NOT_FOUND;
		return false;
	}
	if (x->row->admin && h->conf.admin_token &&
	    !pv_http_bearer_ok(header(c, MHD_HTTP_HEADER_AUTHORIZATION), h->conf.admin_token)) {
		pv_http_error(a, MHD_HTTP_UNAUTHORIZED, "a token is required: Authorization: Bearer TOKEN");
		return false;
	}
	if (length && pv_http_number(length) > h->conf.body_max) {
		pv_http_error(a, MHD_HTTP_CONTENT_TOO_LARGE, "a body takes at most %zu bytes", h->conf.body_max);
		return false;
	}
	return true;
}

/* Is it better to read the body of a request that is refused? Who is still sending when we answer and close may find his connection
 * broken, and no answer. Who asks first whether to send is told at once. */
static bool read_first(struct MHD_Connection *c)
{
	const char *length = header(c, MHD_HTTP_HEADER_CONTENT_LENGTH);
	bool chunked = header(c, MHD_HTTP_HEADER_TRANSFER_ENCODING);
	return !header(c, MHD_HTTP_HEADER_EXPECT) && (chunked || (length && pv_http_number(length) <= PV_HTTP_DISCARD));
}

/* More of the body. What is beyond the limit is read and thrown away. */
static void take_body(const struct pv_http *h, struct exchange *x, const char *data, size_t n)
{
	if (x->too_large || n > h->conf.body_max - x->len) {
		x->too_large = true;
		return;
	}
	if (n > x->cap - x->len) {
		size_t cap = (x->len + n) * 2;
		char *grown = realloc(x->body, cap);
		if (!grown) {
			x->too_large = true;
			return;
		}
		x->body = grown;
		x->cap = cap;
	}
	memcpy(x->body + x->len, data, n);
	x->len += n;
}

static struct pv_client *client_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *path, const char *method,
				  const char *version, const char *data, size_t *size, void **ctx)
{
	struct listener *l = cls;
	struct pv_http *h = l->http;
	struct exchange *x = *ctx;
	struct pv_http_answer a = {0, NULL, NULL, 0};
	const char *as = !strcmp(method, "HEAD") ? "GET" : method;
	(void)version;
	if (!x) { /* the header is complete */
		pv_clients_busy(l->clients, client_of(c));
		*ctx = x = calloc(1, sizeof *x);
		if (!x)
			return MHD_NO;
		x->refused = !admit(h, c, x, as, path, &a);
		if (x->refused && !read_first(c))
			return send_answer(h, c, method, path, &a);
		free(a.bytes);
		return MHD_YES;
	}
	if (*size) {
		x->thrown += x->refused || x->too_large ? *size : 0;
		if (x->thrown > PV_HTTP_DISCARD)
			return MHD_NO;
		if (!x->refused)
			take_body(h, x, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (x->refused) {
		admit(h, c, x, as, path, &a);
		return send_answer(h, c, method, path, &a);
	}
	if (x->too_large) {
		pv_http_error(&a, MHD_HTTP_CONTENT_TOO_LARGE, "a body takes at most %zu bytes", h->conf.body_max);
		return send_answer(h, c, method, path, &a);
	}
	x->request.method = as;
	x->request.path = path;
	x->request.content_type = header(c, MHD_HTTP_HEADER_CONTENT_TYPE);
	x->request.body = x->body ? x->body : "";
	x->request.body_len = x->len;
	x->request.query = query;
	x->request.connection = c;
	x->row->handle(x->ctx, &x->request, &a);
	return send_answer(h, c, method, path, &a);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **ctx, enum MHD_RequestTerminationCode why)
{
	struct listener *l = cls;
	struct exchange *x = *ctx;
	(void)why;
	pv_clients_waiting(l->clients, client_of(c));
	if (x)
		free(x->body);
	free(x);
	*ctx = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *c, void **socket_ctx, enum MHD_ConnectionNotificationCode what)
{
	struct listener *l = cls;
	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		pv_clients_remove(l->clients, *socket_ctx);
		*socket_ctx = NULL;
		return;
	}
	const union MHD_ConnectionInfo *fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *sa = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	*socket_ctx = fd ? pv_clients_add(l->clients, fd->connect_fd, sa ? sa->client_addr : NULL) : NULL;
}

/* A NUL would end a path early, and make it another's: it stays as it was sent, and fits no pattern. */
static size_t unescape(void *cls, struct MHD_Connection *c, char *text)
{
	(void)cls, (void)c;
	return strstr(text, "%00") ? strlen(text) : MHD_http_unescape(text);
}

static void *sweep(void *arg)
{
	struct pv_http *h = arg;
	struct pollfd p = {h->stop_fd, POLLIN, 0};
	while (poll(&p, 1, SWEEP_MS) <= 0)
		for (size_t i = 0; i < h->nlisteners; i++)
			pv_clients_sweep(h->listener[i].clients);
	return NULL;
}

/* ---- start and stop ----------------------------------------------------------------------------- */

/* The first that the library has to say of a start that fails; later words are about single connections. */
__attribute__((format(printf, 2, 0))) static void on_words(void *cls, const char *fmt, va_list ap)
{
	struct words *w = cls;
	if (atomic_exchange(&w->said, true))
		return;
	vsnprintf(w->text, sizeof w->text, fmt, ap);
	w->text[strcspn(w->text, "\n")] = 0;
}

/* Room for MHD_OPTION_ARRAY: what is set for TLS, nothing without. */
static void tls_options(const struct pv_http *h, struct MHD_OptionItem out[4])
{
	size_t n = 0;
	if (h->conf.tls) {
		out[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, h->cert};
		out[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, h->key};
		out[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)PRIORITIES};
	}
	out[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

bool pv_http_tls_ok(const char *cert_file, char *cert, const char *key_file, char *key, char *err, size_t cap)
{
	const struct pv_http h = {.conf = {.tls = true}, .cert = cert, .key = key};
	struct MHD_OptionItem tls[4];
	struct words w = {"the library has no TLS", false};
	tls_options(&h, tls);
	struct MHD_Daemon *d = MHD_start_daemon(MHD_USE_TLS | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG, 0, NULL, NULL,
						on_request, NULL, MHD_OPTION_EXTERNAL_LOGGER, on_words, &w,
						MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (!d)
		snprintf(err, cap, "cannot use %s and %s: %s", cert_file, key_file, w.text);
	else
		MHD_stop_daemon(d);
	return d != NULL;
}

/* Files that are no certificate and key, or do not belong together, are found out by a server that listens nowhere. */
static bool read_tls(struct pv_http *h, char *err, size_t cap)
{
	if (!h->conf.tls)
		return true;
	if (!h->conf.tls_cert || !h->conf.tls_key) {
		snprintf(err, cap, "TLS needs a certificate file and a key file");
		return false;
	}
	h->cert = pv_pem_read(h->conf.tls_cert, err, cap);
	h->key = h->cert ? pv_pem_read(h->conf.tls_key, err, cap) : NULL;
	if (!h->key)
		return false;
	return pv_http_tls_ok(h->conf.tls_cert, h->cert, h->conf.tls_key, h->key, err, cap);
}

struct pv_http *pv_http_open(const struct pv_http_conf *conf, char *err, size_t cap)
{
	struct pv_http *h = calloc(1, sizeof *h);
	snprintf(err, cap, "out of memory");
	if (!h)
		return NULL;
	h->conf = *conf;
	h->conf.body_max = conf->body_max ? conf->body_max : PV_HTTP_BODY;
	h->conf.threads = conf->threads ? conf->threads : THREADS_DEFAULT;
	h->port = conf->port;
	h->host = strdup(conf->host ? conf->host : "localhost");
	h->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->host && h->stop_fd >= 0 && read_tls(h, err, cap))
		h->naddresses = pv_listen(h->host, &h->port, h->address, PV_HTTP_ADDRESSES, err, cap);
	if (!h->naddresses) {
		pv_http_stop(h);
		return NULL;
	}
	h->check_host = true;
	for (size_t i = 0; i < h->naddresses; i++)
		h->check_host &= h->address[i].loopback;
	return h;
}

/* The library takes the descriptor over, also when it cannot start. */
static bool run_listener(struct pv_http *h, struct pv_listen *at, unsigned connections, struct words *w)
{
	struct listener *l = &h->listener[h->nlisteners];
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem tls[4];
	l->http = h;
	l->clients = pv_clients_new(connections, PV_HTTP_PER_IP);
	if (!l->clients)
		return false;
	flags |= h->conf.tls ? MHD_USE_TLS : 0;
	flags |= at->v6 ? MHD_USE_IPv6 : 0;
	tls_options(h, tls);
	l->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, l, MHD_OPTION_EXTERNAL_LOGGER, on_words, w, MHD_OPTION_LISTEN_SOCKET,
		at->fd, MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned)PV_HTTP_PER_IP, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)PV_HTTP_HEADER,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PV_CLIENT_WAIT_SEC, MHD_OPTION_THREAD_POOL_SIZE,
		h->conf.threads, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, l, MHD_OPTION_NOTIFY_CONNECTION, on_connection, l,
		MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	at->fd = -1;
	if (l->daemon)
		h->nlisteners++;
	else
		pv_clients_free(l->clients);
	return l->daemon != NULL;
}

int pv_http_run(struct pv_http *h, char *err, size_t cap)
{
	bool ok = true;
	snprintf(h->words.text, sizeof h->words.text, "out of memory");
	for (size_t i = 0; ok && i < h->naddresses; i++)
		ok = run_listener(h, &h->address[i], PV_HTTP_CONNECTIONS / (unsigned)h->naddresses, &h->words);
	atomic_store(&h->words.said, true);
	if (ok && !(h->sweeping = !pthread_create(&h->sweeper, NULL, sweep, h))) {
		snprintf(err, cap, "cannot start a thread");
		return -1;
	}
	if (!ok)
		snprintf(err, cap, "cannot start the web server: %s", h->words.text);
	return ok ? 0 : -1;
}

void pv_http_stop(struct pv_http *h)
{
	if (!h)
		return;
	if (h->sweeping) {
		eventfd_write(h->stop_fd, 1);
		pthread_join(h->sweeper, NULL);
	}
	for (size_t i = 0; i < h->nlisteners; i++) {
		MHD_stop_daemon(h->listener[i].daemon);
		pv_clients_free(h->listener[i].clients);
	}
	for (size_t i = h->nlisteners; i < h->naddresses; i++)
		if (h->address[i].fd >= 0)
			close(h->address[i].fd);
	if (h->stop_fd >= 0)
		close(h->stop_fd);
	if (h->key)
		explicit_bzero(h->key, strlen(h->key));
	free(h->key);
	free(h->cert);
	free(h->host);
	free(h);
}

unsigned pv_http_port(const struct pv_http *h)
{
	return h->port;
}

void pv_http_said(const struct pv_http *h, char *out, size_t cap)
{
	bool colon = strchr(h->host, ':');
	snprintf(out, cap, "web server listening on %s%s%s:%u", colon ? "[" : "", h->host, colon ? "]" : "", h->port);
}
