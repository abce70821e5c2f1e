/* SPDX-License-Identifier: MPL-2.0 */
#include "agent/routes.h"

#include <errno.h>
#include <stdlib.h>

struct pv_routes {
	struct pv_agent *agent;
	void (*stop)(void *ctx);
	void *ctx;
	struct pv_http_routes tables[2];
};

/* ---- reading -------------------------------------------------------------------------------------- */

static void answer_list(struct pv_http_answer *a, json_t *list, const char *none)
{
	if (!list && errno == ENOENT)
		pv_http_error(a, 404, "%s", none);
	else
		pv_http_json(a, 200, list);
}

static void get_taps(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	const struct pv_routes *r = ctx;
	errno = 0;
	answer_list(a, pv_agent_taps_json(r->agent, req->part[0]), "tap does not exists");
}

static void get_policies(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	const struct pv_routes *r = ctx;
	errno = 0;
	answer_list(a, pv_agent_policies_json(r->agent, req->part[0]), "policy does not exists");
}

/* ---- changing ------------------------------------------------------------------------------------- */

static unsigned status_of(enum pv_config_fault fault)
{
	switch ((int)fault) {
	case PV_CONFIG_INVALID:
		return 400;
	case PV_CONFIG_EXISTS:
		return 409;
	case PV_CONFIG_NO_TAP_MATCH:
	case PV_CONFIG_NOT_BUILT:
	case PV_AGENT_START:
		return 422;
	default:
		return 500;
	}
}

static void post(struct pv_routes *r, enum pv_config_form form, const struct pv_http_request *req,
		 struct pv_http_answer *a)
{
	struct pv_config_error err;
	if (!req->content_type) {
		pv_http_error(a, 400, "must include Content-Type header");
		return;
	}
	if (!pv_http_is_type(req->content_type, "application/x-yaml") &&
	    !pv_http_is_type(req->content_type, "application/json")) {
		pv_http_error(a, 400, "Content-Type not supported");
		return;
	}
	json_t *made = pv_agent_post(r->agent, form, req->body, req->body_len, &err);
	if (made && form == PV_CONFIG_POLICY) /* who is told that it runs may ask for its metrics at once */
		pv_agent_await(r->agent, json_object_iter_key(json_object_iter(made)));
	if (made)
		pv_http_json(a, 201, made);
	else
		pv_http_error(a, status_of(err.fault), "%s", err.text);
}

static void post_tap(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	post(ctx, PV_CONFIG_TAP, req, a);
}

static void post_policy(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	post(ctx, PV_CONFIG_POLICY, req, a);
}

static void delete_tap(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	struct pv_routes *r = ctx;
	if (pv_agent_remove_tap(r->agent, req->part[0]))
		pv_http_json(a, 200, json_object());
	else
		pv_http_error(a, 404, "tap does not exists");
}

static void delete_policy(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	struct pv_routes *r = ctx;
	if (pv_agent_remove_policy(r->agent, req->part[0]))
		pv_http_json(a, 200, json_object());
	else
		pv_http_error(a, 404, "policy does not exists");
}

static void delete_server(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	struct pv_routes *r = ctx;
	(void)req;
	pv_http_json(a, 200, json_object());
	r->stop(r->ctx);
}

/* clang-format off: a row a line, which tests/scenarios/openapi.sh reads */
static const struct pv_http_route own[] = {
	{"GET", "/api/v1/taps", false, get_taps},
	{"GET", "/api/v1/taps/{name}", false, get_taps},
	{"GET", "/api/v1/policies", false, get_policies},
	{"GET", "/api/v1/policies/{name}", false, get_policies},
	{"POST", "/api/v1/taps", true, post_tap},
	{"POST", "/api/v1/policies", true, post_policy},
	{"DELETE", "/api/v1/taps/{name}", true, delete_tap},
	{"DELETE", "/api/v1/policies/{name}", true, delete_policy},
	{"DELETE", "/api/v1/server", true, delete_server},
};
/* clang-format on */

struct pv_routes *pv_routes_new(struct pv_agent *agent, struct pv_read *read, void (*stop)(void *), void *ctx)
{
	struct pv_routes *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	*r = (struct pv_routes){
	    agent, stop, ctx, {{own, sizeof own / sizeof own[0], r}, pv_read_metrics(read)}};
	return r;
}

void pv_routes_free(struct pv_routes *r)
{
	free(r);
}

const struct pv_http_routes *pv_routes_all(const struct pv_routes *r, size_t *n)
{
	*n = sizeof r->tables / sizeof r->tables[0];
	return r->tables;
}
