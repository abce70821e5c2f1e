/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A list of services as CSV. A refusal is one line. What is accepted is written out as a list of single ports, which must
 * give the same names again; a name is text of at most PV_SERVICES_NAME bytes, and port 0 has none. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/services.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	uint8_t number;
	const char *name;
} protocols[] = {{6, "tcp"}, {17, "udp"}, {33, "dccp"}, {132, "sctp"}};

#define PROTOCOLS (sizeof protocols / sizeof protocols[0])

static void require(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_services: %s\n", what);
	abort();
}

/* Of large ports a sample: every prefix of the corpus is tried, by sanitizers, too. */
static unsigned next(unsigned port)
{
	return port + (port < 255 ? 1 : 64);
}

struct text {
	char *at;
	size_t n, cap;
};

static void put(struct text *t, const char *bytes, size_t n)
{
	if (t->n + n > t->cap) {
		t->cap = 2 * (t->cap + n);
		t->at = realloc(t->at, t->cap);
		require(t->at != NULL, "memory");
	}
	memcpy(t->at + t->n, bytes, n);
	t->n += n;
}

/* A name in quotes: commas, quotes and line ends are part of it. */
static void put_row(struct text *t, const char *name, size_t n, unsigned port, const char *protocol)
{
	char rest[64];
	put(t, "\"", 1);
	for (size_t i = 0; i < n; i++)
		put(t, name[i] == '"' ? "\"\"" : name + i, name[i] == '"' ? 2 : 1);
	put(t, rest, (size_t)snprintf(rest, sizeof rest, "\",%u,%s\r\n", port, protocol));
}

static void write_out(struct pv_services_reader *r, struct text *t)
{
	put(t, "Service Name,Port Number,Transport Protocol\n", 44);
	for (size_t p = 0; p < PROTOCOLS; p++)
		for (unsigned port = 0; port < 65536; port = next(port)) {
			size_t n = 0;
			const char *name = pv_services_name(r, protocols[p].number, (uint16_t)port, &n);
			if (!name)
				continue;
			require(port && n && n <= PV_SERVICES_NAME && strlen(name) == n, "a name");
			put_row(t, name, n, port, protocols[p].name);
		}
}

/* A name that was cut may end in what a reader takes off at the end of a field. */
static bool same(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	while (n && (a[n - 1] == ' ' || a[n - 1] == '\r'))
		n--;
	while (m && (b[m - 1] == ' ' || b[m - 1] == '\r'))
		m--;
	return n == m && !memcmp(a, b, n);
}

static void compare(struct pv_services_reader *a, struct pv_services_reader *b)
{
	for (size_t p = 0; p < PROTOCOLS; p++)
		for (unsigned port = 0; port < 65536; port = next(port)) {
			size_t n;
			const char *x = pv_services_name(a, protocols[p].number, (uint16_t)port, &n);
			const char *y = pv_services_name(b, protocols[p].number, (uint16_t)port, &n);
			require(same(x ? x : "", y ? y : ""), "the same names again");
		}
	size_t n;
	require(!pv_services_name(a, 1, 53, &n), "a protocol without ports");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[200], *copy = malloc(size ? size : 1);
	struct pv_services_reader r[2];
	struct text out = {NULL, 0, 0};
	require(copy != NULL, "memory");
	if (size)
		memcpy(copy, data, size);
	memset(err, 'x', sizeof err);
	struct pv_services *s = pv_services_parse(copy, size, "list", err, sizeof err), *again;
	free(copy);
	if (!s) {
		require(memchr(err, 0, sizeof err) && !strncmp(err, "list: ", 6) && !strchr(err, '\n'), "message");
		return 0;
	}
	pv_services_reader_init(&r[0], s);
	write_out(&r[0], &out);
	again = pv_services_parse(out.at, out.n, "again", err, sizeof err);
	require(again != NULL, "what was written out is a list");
	pv_services_reader_init(&r[1], again);
	compare(&r[0], &r[1]);
	for (int i = 0; i < 2; i++)
		pv_services_reader_reset(&r[i]);
	pv_services_free(s);
	pv_services_free(again);
	free(out.at);
	return 0;
}
