/* SPDX-License-Identifier: MPL-2.0 */
/* agent/routes.h - the agent's own rows of the REST API, in front of those of lib/http.
 *
 *      GET              /api/v1/taps, taps/{name}, policies, policies/{name}
 *      POST     admin   /api/v1/taps, policies          a YAML or JSON document with exactly one
 *      DELETE   admin   /api/v1/taps/{name}, policies/{name}
 *      DELETE   admin   /api/v1/server                  ends the program
 *      GET              all of pv_read_metrics()
 *
 * Answers to what is wrong with a document: 400; 409 when a name is taken; 422 when no tap matches, a part of
 * it is not built, or an input cannot be opened; 500 only for a fault of ours. Ownership: tables live until
 * pv_routes_free(). Threads: handlers are called from several at once. */
#ifndef PV_AGENT_ROUTES_H
#define PV_AGENT_ROUTES_H

#include "agent/agent.h"
#include "http/read.h"
#include "http/route.h"

struct pv_routes;

/* stop: DELETE /api/v1/server came. NULL: ENOMEM. */
struct pv_routes *pv_routes_new(struct pv_agent *, struct pv_read *, void (*stop)(void *ctx), void *ctx);
void pv_routes_free(struct pv_routes *); /* NULL is fine */

/* For struct pv_http_conf. */
const struct pv_http_routes *pv_routes_all(const struct pv_routes *, size_t *n);

#endif
