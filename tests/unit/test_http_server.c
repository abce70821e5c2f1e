/* SPDX-License-Identifier: MPL-2.0 */
/* http/server.h: what it sees to before and behind a handler; asked over a socket, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <cmocka.h>

#include "http/server.h"

/* ---- rows --------------------------------------------------------------------------------------- */

static void echo(void *ctx, const struct pv_http_request *r, struct pv_http_answer *a)
{
	const char *q = r->query(r, "q");
	(void)ctx;
	pv_http_json(a, 201,
		     json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:i}", "method", r->method, "path", r->path, "part",
			       r->part[0], "type", r->content_type, "q", q, "bytes", (int)r->body_len));
	atomic_fetch_add((atomic_uint *)ctx, 1);
}

static void no_memory(void *ctx, const struct pv_http_request *r, struct pv_http_answer *a)
{
	(void)ctx, (void)r, (void)a;
}

static void large(void *ctx, const struct pv_http_request *r, struct pv_http_answer *a)
{
	size_t n = 1u << 20;
	char *text = malloc(n);
	(void)ctx, (void)r;
	assert_non_null(text);
	memset(text, 'x', n);
	pv_http_bytes(a, 200, PV_HTTP_TEXT, text, n);
}

static const struct pv_http_route first[] = {
	{"GET", "/large", false, large},
	{"GET", "/broken", false, no_memory},
	{"POST", "/things", true, echo},
	{"DELETE", "/things/{name}", true, echo},
};

static const struct pv_http_route second[] = {
	{"GET", "/large", false, no_memory}, /* never: the first table has it */
	{"GET", "/things/{name}", false, echo},
};

static atomic_uint handled; /* a test's own */
static char logged[8192];
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static void log_line(void *ctx, const char *line)
{
	(void)ctx;
	pthread_mutex_lock(&log_lock);
	size_t n = strlen(logged);
	snprintf(logged + n, sizeof logged - n, "%s\n", line);
	pthread_mutex_unlock(&log_lock);
}

static struct pv_http *start(bool admin, const char *token)
{
	static const struct pv_http_routes tables[] = {{first, 4, &handled}, {second, 2, &handled}};
	const struct pv_http_conf conf = {.host = "127.0.0.1", .routes = tables, .nroutes = 2, .admin = admin,
					  .admin_token = token, .body_max = 1000, .log = log_line};
	char err[256] = "";
	struct pv_http *h = pv_http_open(&conf, err, sizeof err);
	if (!h)
		print_error("%s\n", err);
	assert_non_null(h);
	assert_int_equal(pv_http_run(h, err, sizeof err), 0);
	return h;
}

/* ---- a client ----------------------------------------------------------------------------------- */

static int call(const struct pv_http *h)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)pv_http_port(h))};
	struct timeval wait = {100, 0};
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	return fd;
}

static char reply[2u << 20];

/* Sends a whole request and reads until the server closes. The status. */
static unsigned ask(const struct pv_http *h, const char *text)
{
	int fd = call(h);
	size_t n = 0;
	ssize_t got;
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	while (n < sizeof reply - 1 && (got = recv(fd, reply + n, sizeof reply - 1 - n, 0)) > 0)
		n += (size_t)got;
	reply[n] = 0;
	close(fd);
	unsigned status = 0;
	if (sscanf(reply, "HTTP/1.1 %u", &status) != 1)
		return 0;
	return status;
}

static const char *body(void)
{
	const char *at = strstr(reply, "\r\n\r\n");
	return at ? at + 4 : "";
}

#define REQ(line, headers) line " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" headers "\r\n"

static void rows(void **state)
{
	struct pv_http *h = start(false, NULL);
	(void)state;
	assert_int_equal(ask(h, REQ("GET /things/abc?q=1%202", "Content-Type: text/x\r\n")), 201);
	assert_string_equal(body(), "{\"bytes\":0,\"method\":\"GET\",\"part\":\"abc\",\"path\":\"/things/abc\",\"q\":\"1 2\",\"type\":\"text/x\"}");
	assert_int_equal(ask(h, REQ("GET /things/abc?q", "")), 201);
	assert_non_null(strstr(body(), "\"q\":\"\""));
	assert_int_equal(ask(h, REQ("HEAD /things/abc", "")), 201);
	assert_string_equal(body(), "");
	assert_int_equal(ask(h, REQ("GET /large", "")), 200);
	assert_int_equal(strlen(body()), 1u << 20);
	assert_null(strstr(reply, "Content-Encoding"));
	assert_int_equal(ask(h, REQ("GET /large", "Accept-Encoding: gzip\r\n")), 200);
	assert_non_null(strstr(reply, "Content-Encoding: gzip"));
	static const struct {
		const char *header;
		bool gzip;
	} accept[] = {
		{REQ("GET /large", "Accept-Encoding: gzip;q=0\r\n"), false},
		{REQ("GET /large", "Accept-Encoding: GZIP ; Q=0.000\r\n"), false},
		{REQ("GET /large", "Accept-Encoding: gzip;q=0, br;q=1\r\n"), false},
		{REQ("GET /large", "Accept-Encoding: x-gzip, br\r\n"), false},
		{REQ("GET /large", "Accept-Encoding: br;q=0, GZip;Q=0.5\r\n"), true},
	};
	for (size_t i = 0; i < sizeof accept / sizeof accept[0]; i++) {
		assert_int_equal(ask(h, accept[i].header), 200);
		assert_int_equal(strstr(reply, "Content-Encoding: gzip") != NULL, accept[i].gzip);
	}
	assert_int_equal(ask(h, REQ("GET /broken", "")), 500);
	assert_string_equal(body(), "{\"error\":\"out of memory\"}");
	static const char *const none[] = {
		REQ("GET /", ""), REQ("GET /things/a%00b", ""), REQ("POST /large", "Content-Length: 0\r\n"),
		REQ("POST /things", "Content-Length: 1\r\n") "x", REQ("DELETE /things/a", ""), REQ("PUT /things/a", ""),
	};
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		assert_int_equal(ask(h, none[i]), 404);
		assert_string_equal(body(), "");
	}
	assert_int_equal(ask(h, "GET /large HTTP/1.1\r\nConnection: close\r\n\r\n"), 400); /* RFC 9112 3.2: no Host */
	assert_int_equal(ask(h, "GET /things/a HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"), 403);
	pv_http_stop(h);
	pthread_mutex_lock(&log_lock);
	assert_non_null(strstr(logged, "REQUEST: GET /things/abc 201\n"));
	assert_non_null(strstr(logged, "REQUEST: HEAD /things/abc 201\n"));
	assert_non_null(strstr(logged, "REQUEST: PUT /things/a 404\n"));
	pthread_mutex_unlock(&log_lock);
}

static void bodies(void **state)
{
	struct pv_http *h = start(true, NULL);
	char text[8192];
	(void)state;
	assert_int_equal(ask(h, REQ("POST /things", "Content-Type: application/json; charset=utf-8\r\nContent-Length: 5\r\n") "hello"), 201);
	assert_string_equal(body(), "{\"bytes\":5,\"method\":\"POST\",\"part\":null,\"path\":\"/things\",\"q\":null,\"type\":\"application/json; charset=utf-8\"}");
	assert_int_equal(ask(h, REQ("POST /things", "Transfer-Encoding: chunked\r\n") "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"), 201);
	assert_non_null(strstr(body(), "\"bytes\":7"));
	assert_int_equal(ask(h, REQ("DELETE /things/x", "")), 201);

	/* as large as it may be, and a byte more; said before, and not said before */
	for (int n = 1000; n <= 1001; n++) {
		int at = snprintf(text, sizeof text, REQ("POST /things", "Content-Length: %d\r\n") "%*s", n, n, "");
		assert_in_range(at, 1000, sizeof text - 1);
		assert_int_equal(ask(h, text), n == 1000 ? 201 : 413);
		snprintf(text, sizeof text, REQ("POST /things", "Transfer-Encoding: chunked\r\n") "%x\r\n%*s\r\n0\r\n\r\n",
			 (unsigned)n, n, "");
		assert_int_equal(ask(h, text), n == 1000 ? 201 : 413);
	}
	assert_string_equal(body(), "{\"error\":\"a body takes at most 1000 bytes\"}");
	assert_int_equal(ask(h, REQ("POST /things", "Content-Length: 99999999999999999999\r\n")), 413);

	/* who sends all of it before he reads gets his answer, too, whatever it is; who asks first need not send */
	static const struct {
		const char *head;
		unsigned status;
	} refused[] = {
		{REQ("POST /things", "Content-Length: 8388608\r\n"), 413},
		{REQ("POST /nothing", "Content-Length: 8388608\r\n"), 404},
	};
	size_t many = 8u << 20;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		size_t head = strlen(refused[i].head);
		char *much = malloc(head + many + 1);
		assert_non_null(much);
		memcpy(much, refused[i].head, head);
		memset(much + head, 'x', many);
		much[head + many] = 0;
		assert_int_equal(ask(h, much), refused[i].status);
		free(much);
	}
	assert_int_equal(ask(h, REQ("POST /things", "Content-Length: 8388608\r\nExpect: 100-continue\r\n")), 413);

	/* a client that says it sends and does not must not be handled */
	unsigned before = atomic_load(&handled);
	int fd = call(h);
	const char *part = REQ("POST /things", "Content-Length: 10\r\n") "abc";
	assert_int_equal(send(fd, part, strlen(part), MSG_NOSIGNAL), (ssize_t)strlen(part));
	close(fd);
	assert_int_equal(ask(h, REQ("DELETE /things/x", "")), 201);
	assert_int_equal(atomic_load(&handled), before + 1);
	pv_http_stop(h);
}

static void token(void **state)
{
	struct pv_http *h = start(true, "secret");
	unsigned before = atomic_load(&handled);
	(void)state;
	assert_int_equal(ask(h, REQ("DELETE /things/x", "")), 401);
	assert_non_null(strstr(reply, "WWW-Authenticate: Bearer"));
	assert_int_equal(ask(h, REQ("DELETE /things/x", "Authorization: Bearer wrong!\r\n")), 401);
	assert_int_equal(ask(h, REQ("POST /things", "Content-Length: 1\r\n") "x"), 401);
	assert_int_equal(atomic_load(&handled), before);
	assert_int_equal(ask(h, REQ("DELETE /things/x", "Authorization: Bearer secret\r\n")), 201);
	assert_int_equal(ask(h, REQ("GET /things/x", "")), 201); /* reading takes none */
	pv_http_stop(h);
}

static unsigned descriptors(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Starting, failing to start and stopping leave nothing behind, whatever clients do. */
static void starts_and_stops(void **state)
{
	char err[256];
	(void)state;
	pv_http_stop(start(false, NULL));
	unsigned before = descriptors();
	for (int i = 0; i < 20; i++) {
		struct pv_http *h = start(false, NULL);
		int idle = call(h), half = call(h);
		assert_int_equal(send(half, "GET /th", 7, MSG_NOSIGNAL), 7);
		const struct pv_http_conf taken = {.host = "127.0.0.1", .port = (uint16_t)pv_http_port(h)};
		assert_null(pv_http_open(&taken, err, sizeof err));
		assert_non_null(strstr(err, "Address already in use"));
		const struct pv_http_conf tls = {.host = "127.0.0.1", .tls = true, .tls_cert = "/proc/self/cmdline",
						 .tls_key = "/proc/self/cmdline"};
		assert_null(pv_http_open(&tls, err, sizeof err));
		assert_non_null(strstr(err, "cannot use /proc/self/cmdline"));
		pv_http_stop(h);
		const struct pv_http_conf unused = {.host = "localhost"};
		pv_http_stop(pv_http_open(&unused, err, sizeof err)); /* never run */
		close(idle);
		close(half);
	}
	assert_int_equal(descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),
		cmocka_unit_test(bodies),
		cmocka_unit_test(token),
		cmocka_unit_test(starts_and_stops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
