/* SPDX-License-Identifier: MPL-2.0 */
/* http/read.h - the read routes: what a store holds, as JSON, Prometheus text and bucket streams.
 *
 *      GET /metrics                                      policy default, and the program itself
 *      GET /api/v1/metrics/app                           the program and its inputs
 *      GET /api/v1/metrics/rates                         a stub that old clients ask for
 *      GET /api/v1/metrics/bucket/{n}, window/{n}        policy default, by schema
 *      GET /api/v1/policies/{name}/metrics/bucket/{n}, window/{n}, prometheus; likewise __all
 *      GET /api/v1/taps, taps/{name}, policies, policies/{name}      as far as the streams tell
 *      GET /api/v1/openapi.yaml                          this interface, described (lib/http/openapi.yaml)
 *
 * bucket and window take ?format=pvb. A period that is not there, or not yet: 425, with words that clients parse.
 *
 * Threads: any number at once. Limits: those of the store; a Prometheus text has PV_PROM_BYTES. */
#ifndef PV_HTTP_READ_H
#define PV_HTTP_READ_H

#include "http/route.h"
#include "http/store.h"
#include "metric/prom.h"

struct pv_read_conf {
	struct pv_store *store;
	const char *program;       /* "pv-serve" */
	const char *prom_instance; /* label `instance` of every sample; NULL: none */
	uint64_t seed;
	/* Buckets are about to be looked at: an agent that makes copies of its open minutes only when somebody asks makes them
	 * now. In the thread of the request, before anything is taken from the store. May be NULL. */
	void (*asked)(void *ctx);
	/* What only the program knows: samples for /metrics and __all, members of the object "app". Either may be NULL. They
	 * are called from several threads at once. */
	void (*more_prom)(void *ctx, struct pv_prom *);
	void (*more_app)(void *ctx, json_t *app);
	void *ctx;
};

struct pv_read;

/* The strings of conf must live as long. NULL: ENOMEM. */
struct pv_read *pv_read_new(const struct pv_read_conf *);
void pv_read_free(struct pv_read *);

struct pv_http_routes pv_read_metrics(struct pv_read *);
/* Taps and policies. A program that configures them knows more, and has rows of its own in front. */
struct pv_http_routes pv_read_inventory(struct pv_read *);

/* The member "metrics" of a handler in a policy's description: its periods, and what each has counted. */
json_t *pv_read_periods(const struct pv_view *, size_t instance);

#endif
