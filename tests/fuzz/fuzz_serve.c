/* SPDX-License-Identifier: MPL-2.0 */
/* Any bytes as what a server is given: a bucket stream from outside, a path, a Host header. Whatever came, every route answers:
 * JSON that parses, Prometheus text that is valid, a bucket stream that the next reader takes. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "event/reader.h"
#include "handlers/handlers.h"
#include "http/guard.h"
#include "http/read.h"

#include "../unit/prom_util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int memory_file(const void *data, size_t size)
{
	int fd = memfd_create("buckets", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		abort();
	return fd;
}

static enum pv_res read_into(struct pv_stage *stage, const void *data, size_t size)
{
	struct pv_reader r;
	const struct pv_event *run;
	size_t bytes;
	enum pv_res res;
	int fd = memory_file(data, size);
	if (pv_reader_init(&r, fd))
		abort();
	while ((res = pv_reader_next(&r, &run, &bytes)) == PV_OK)
		stage->ops->batch(stage, run, bytes);
	stage->ops->end(stage, res != PV_END);
	pv_reader_free(&r);
	close(fd);
	return res;
}

static const char *format; /* of the current request */

static const char *query(const struct pv_http_request *r, const char *name)
{
	(void)r;
	return strcmp(name, "format") ? NULL : format;
}

static void check_answer(const struct pv_http_answer *a, struct pv_stage *copy)
{
	if (!a->status)
		abort();
	if (a->len && !strcmp(a->content_type, PV_HTTP_JSON)) {
		json_t *j = json_loadb(a->bytes, a->len, JSON_REJECT_DUPLICATES, NULL);
		if (!j)
			abort();
		json_decref(j);
	} else if (a->len && !strcmp(a->content_type, PV_PROM_CONTENT_TYPE)) {
		if (prom_invalid(a->bytes, a->len, NULL))
			abort();
	} else if (a->len && !strcmp(a->content_type, "application/octet-stream")) {
		if (read_into(copy, a->bytes, a->len) != PV_END)
			abort();
	}
}

/* Asks as the server does. False: no row. */
static bool ask(const struct pv_http_routes *tables, const char *path, struct pv_stage *copy)
{
	for (size_t t = 0; t < 2; t++)
		for (size_t i = 0; i < tables[t].n; i++) {
			char buf[PV_HTTP_PATH];
			struct pv_http_request r = {.method = "GET", .path = path, .query = query};
			struct pv_http_answer a = {0, NULL, NULL, 0};
			if (!pv_http_match(tables[t].row[i].pattern, path, buf, r.part))
				continue;
			tables[t].row[i].handle(tables[t].ctx, &r, &a);
			check_answer(&a, copy);
			free(a.bytes);
			return true;
		}
	return false;
}

static struct pv_stage *input(struct pv_store *s, const char *policy, unsigned periods, bool merge_like)
{
	char err[256];
	const struct pv_store_input conf = {.policy = policy, .tap = "t", .periods = periods, .merge_like = merge_like};
	struct pv_stage *stage = pv_store_input(s, &conf, err, sizeof err);
	if (!stage)
		abort();
	return stage;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = {
		"/metrics", "/api/v1/metrics/app", "/api/v1/metrics/bucket/0", "/api/v1/metrics/bucket/1",
		"/api/v1/metrics/window/2", "/api/v1/metrics/window/5", "/api/v1/policies/default/metrics/bucket/0",
		"/api/v1/policies/default/metrics/window/3", "/api/v1/policies/default/metrics/prometheus",
		"/api/v1/policies/__all/metrics/window/5", "/api/v1/policies/__all/metrics/prometheus", "/api/v1/taps",
		"/api/v1/policies",
	};
	const struct pv_store_conf conf = {pv_handlers, 1};
	struct pv_store *s = pv_store_new(&conf), *other = pv_store_new(&conf);
	const struct pv_read_conf rc = {.store = s, .program = "fuzz", .prom_instance = size % 2 ? "x" : NULL};
	struct pv_read *read = pv_read_new(&rc);
	if (!s || !other || !read)
		abort();
	struct pv_stage *stage = input(s, "default", size % 3 ? 5 : 1, size % 5 == 0);
	struct pv_stage *copy = input(other, "copy", 5, false);
	struct pv_http_routes tables[] = {pv_read_metrics(read), pv_read_inventory(read)};
	read_into(stage, data, size);
	read_into(stage, data, size); /* and the same again: every minute is there already */
	for (size_t f = 0; f < 2; f++) {
		format = f ? "pvb" : NULL;
		for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
			if (!ask(tables, paths[i], copy))
				abort();
	}
	char *text = malloc(size + 1);
	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = 0;
	format = text;
	ask(tables, text, copy);
	pv_http_host_ok(text, "own");
	pv_http_is_type(text, "application/json");
	pv_http_bearer_ok(text, "token");
	free(text);
	pv_stage_free(stage);
	pv_stage_free(copy);
	pv_read_free(read);
	pv_store_free(s);
	pv_store_free(other);
	return 0;
}
