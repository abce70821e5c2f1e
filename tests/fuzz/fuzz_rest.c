/* SPDX-License-Identifier: MPL-2.0 */
/* Requests to an agent, as whoever has the admin API may send them. An input is a script of up to sixteen:
 *
 *      METHOD PATH [CONTENT-TYPE]      a body may follow, up to a line of one dot
 *
 * No interface can be opened (CAP_NET_RAW is given up first), files only below /etc, where no capture is:
 * made-up packets are what runs. Properties: every answer has a status that the interface knows, never 500,
 * and a body that is what its type says; who refuses a document has taken nothing of it; what was created is
 * listed, what was deleted is not. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/routes.h"
#include "capture/privs.h"
#include "handlers/handlers.h"

#include "../unit/prom_util.h"

#define REQUESTS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct
try {
	struct pv_agent *agent;
	struct pv_routes *routes;
	unsigned stops;
};

static void want(bool holds)
{
	if (!holds)
		abort();
}

static void stop(void *ctx)
{
	struct try *t = ctx;
	t->stops++;
}

static void say(void *ctx, enum pv_config_say kind, const char *line)
{
	(void)ctx, (void)kind;
	want(line && !strchr(line, '\n'));
}

static const char *query(const struct pv_http_request *r, const char *name)
{
	(void)r, (void)name;
	return NULL;
}

static json_t *check_body(const struct pv_http_answer *a)
{
	json_t *j = NULL;
	if (a->len && !strcmp(a->content_type, PV_HTTP_JSON))
		want((j = json_loadb(a->bytes, a->len, JSON_REJECT_DUPLICATES, NULL)));
	else if (a->len && !strcmp(a->content_type, PV_PROM_CONTENT_TYPE))
		want(!prom_invalid(a->bytes, a->len, NULL));
	return j;
}

static bool known(unsigned status)
{
	static const unsigned all[] = {200, 201, 400, 404, 409, 422, 425};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (all[i] == status)
			return true;
	return false;
}

/* Taps and policies as clients see them. Those that watch inputs come and go on their own. */
static void names(struct try *t, json_t *out[2])
{
	json_t *v, *lists[] = {pv_agent_taps_json(t->agent, NULL), pv_agent_policies_json(t->agent, NULL)};
	const char *name;
	for (size_t i = 0; i < 2; i++) {
		want((out[i] = json_object()) && lists[i]);
		json_object_foreach (lists[i], name, v) {
			size_t n = strlen(name), end = strlen("-resources");
			if (n < end || strcmp(name + n - end, "-resources"))
				json_object_set_new(out[i], name, json_true());
		}
		json_decref(lists[i]);
	}
}

static bool has(json_t *const all[2], const char *name)
{
	return json_object_get(all[0], name) || json_object_get(all[1], name);
}

static void check_change(const struct pv_http_request *req, unsigned status, json_t *body, json_t *before[2],
			 json_t *after[2])
{
	const char *name;
	json_t *v;
	bool same = json_equal(before[0], after[0]) && json_equal(before[1], after[1]);
	if (status == 201) {
		want(json_object_size(body) == 1);
		json_object_foreach (body, name, v)
			want(json_object_size(v) && has(after, name));
		want(!same);
	} else if (status >= 400 || !strcmp(req->method, "GET")) {
		want(same);
	} else if (req->part[0]) {
		size_t kind = strstr(req->path, "/taps/") ? 0 : 1;
		want(json_object_get(before[kind], req->part[0]) == NULL ||
		     !json_object_get(after[kind], req->part[0]));
	}
}

static void send_to(struct try *t, const struct pv_http_route *row, void *ctx,
		    const struct pv_http_request *req)
{
	struct pv_http_answer a = {0, NULL, NULL, 0};
	json_t *before[2], *after[2];
	names(t, before);
	row->handle(ctx, req, &a);
	want(known(a.status));
	json_t *body = check_body(&a);
	names(t, after);
	check_change(req, a.status, body, before, after);
	for (size_t i = 0; i < 2; i++) {
		json_decref(before[i]);
		json_decref(after[i]);
	}
	json_decref(body);
	free(a.bytes);
}

static void ask(struct try *t, struct pv_http_request *req)
{
	char buf[PV_HTTP_PATH];
	size_t n;
	const struct pv_http_routes *tables = pv_routes_all(t->routes, &n);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < tables[k].n; i++) {
			const struct pv_http_route *row = &tables[k].row[i];
			if (strcmp(row->method, req->method) ||
			    !pv_http_match(row->pattern, req->path, buf, req->part))
				continue;
			send_to(t, row, tables[k].ctx, req);
			return;
		}
}

/* Up to `end`, which is taken off; what is behind it, or NULL. */
static char *cut(char *text, const char *end)
{
	char *at = strstr(text, end);
	if (!at)
		return NULL;
	*at = '\0';
	return at + strlen(end);
}

static void play(struct try *t, char *script)
{
	for (unsigned i = 0; script && i < REQUESTS; i++) {
		char *next = cut(script, "\n.\n"), *body = cut(script, "\n"), *path = cut(script, " ");
		char *type = path ? cut(path, " ") : NULL;
		struct pv_http_request req = {.method = script,
					      .path = path ? path : "",
					      .content_type = type,
					      .body = body ? body : "",
					      .body_len = body ? strlen(body) : 0,
					      .query = query};
		ask(t, &req);
		script = next;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool dropped;
	char why[256];
	if (!dropped) /* findings are still to be written: the user stays */
		pv_privs_drop(&(struct pv_privs_conf){.keep_user = true}, why, sizeof why);
	dropped = true;

	const struct pv_store_conf sc = {pv_handlers, 1};
	struct pv_store *store = pv_store_new(&sc);
	const struct pv_agent_conf conf = {.handlers = pv_handlers,
					   .store = store,
					   .seed = 1,
					   .data_dir = size % 2 ? "/etc" : NULL,
					   .say = say};
	struct try t = {.agent = pv_agent_new(&conf)};
	const struct pv_read_conf rc = {
	    .store = store, .program = "fuzz", .more_prom = pv_agent_prom, .ctx = t.agent};
	struct pv_read *read = pv_read_new(&rc);
	char *script = malloc(size + 1);
	want(store && t.agent && read && script && (t.routes = pv_routes_new(t.agent, read, stop, &t)));
	memcpy(script, data, size);
	script[size] = '\0';
	play(&t, script);
	free(script);
	pv_agent_finish(t.agent);
	pv_routes_free(t.routes);
	pv_read_free(read);
	pv_agent_free(t.agent);
	pv_store_free(store);
	return 0;
}
