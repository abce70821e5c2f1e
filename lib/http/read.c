/* SPDX-License-Identifier: MPL-2.0 */
#include "http/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/version.h"
#include "http/openapi.h"
#include "http/pvb.h"
#include "http/select.h"
#include "http/self.h"
#include "metric/json.h"

#define STATUS_OK 200
#define STATUS_NOT_FOUND 404
#define STATUS_TOO_EARLY 425
#define STATUS_BAD_REQUEST 400

#define PV_HTTP_PVB "application/octet-stream"

struct pv_read {
	struct pv_read_conf conf;
	double started;
	char producer[64];
};

struct pv_read *pv_read_new(const struct pv_read_conf *conf)
{
	struct pv_read *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->conf = *conf;
	r->started = pv_self_now();
	snprintf(r->producer, sizeof r->producer, "%s %s", conf->program, PV_VERSION);
	return r;
}

void pv_read_free(struct pv_read *r)
{
	free(r);
}

/* What there is of buckets, of a policy or (NULL) all. */
static struct pv_views *look(const struct pv_read *r, const char *policy)
{
	if (r->conf.asked)
		r->conf.asked(r->conf.ctx);
	return pv_store_views(r->conf.store, policy);
}

static bool has_policy(const struct pv_views *all, const char *policy)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->view[i]->info.policy, policy))
			return true;
	return false;
}

/* ---- the program -------------------------------------------------------------------------------- */

static const char *state_name(enum pv_store_state s)
{
	static const char *const names[] = {
		[PV_STORE_WAITING] = "waiting",
		[PV_STORE_RUNNING] = "running",
		[PV_STORE_ENDED] = "ended",
		[PV_STORE_CUT] = "cut",
	};
	return names[s];
}

static json_t *input_json(const struct pv_store_info *in)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "policy", in->policy, "tap", in->tap, "state",
			      state_name(in->state), "since", (json_int_t)in->since, "streams",
			      (json_int_t)in->counts.streams, "buckets_refused", (json_int_t)in->counts.refused);
	if (o && in->note[0])
		json_object_set_new(o, "problem", json_string(in->note));
	return o;
}

static void get_app(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	struct pv_read *r = ctx;
	struct pv_views *all = pv_store_views(r->conf.store, NULL);
	json_t *inputs = all ? json_array() : NULL;
	(void)req;
	for (size_t i = 0; all && i < all->n; i++)
		json_array_append_new(inputs, input_json(&all->view[i]->info));
	json_t *app = json_pack("{s:f, s:s, s:o}", "up_time_min", (pv_self_now() - r->started) / 60, "version",
				PV_VERSION, "inputs", inputs);
	if (app && r->conf.more_app)
		r->conf.more_app(r->conf.ctx, app);
	pv_http_json(a, STATUS_OK, app ? json_pack("{s:o}", "app", app) : NULL);
	pv_views_free(all);
}

static void get_rates(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	(void)ctx, (void)req;
	pv_http_json(a, STATUS_OK,
		     json_pack("{s:{s:i, s:i}, s:s}", "packets", "in", 0, "out", 0, "warning",
			       "deprecated: use 'live' data from /api/v1/metrics/bucket/0 instead"));
}

static void get_openapi(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	char *copy = strdup(pv_openapi);
	(void)ctx, (void)req;
	pv_http_bytes(a, STATUS_OK, "application/yaml", copy, copy ? strlen(copy) : 0);
}

/* ---- buckets and windows as JSON ---------------------------------------------------------------- */

/* {"<instance>": {"<schema>": {...}}} */
static json_t *policy_json(const struct pv_views *all, const char *policy, enum pv_pick how, unsigned n)
{
	struct pv_selection s;
	json_t *o = pv_select(&s, all, policy, how, n, true) ? NULL : json_object();
	for (size_t i = 0; o && i < s.n; i++) {
		json_t *b = pv_bucket_json(s.entry[i].bucket);
		json_t *in = b ? json_pack("{s:o}", s.entry[i].bucket->handler->schema, b) : NULL;
		if (!in || json_object_set_new(o, s.entry[i].key, in)) {
			json_decref(o);
			o = NULL;
		}
	}
	pv_selection_free(&s);
	return o;
}

/* {"<n>m": {"<schema>": {...}}}, as pv-window prints it; a bucket has its first handler's period once more. */
static json_t *schema_json(const struct pv_views *all, const char *policy, enum pv_pick how, unsigned n)
{
	struct pv_selection s;
	char minutes[16];
	json_t *o = pv_select(&s, all, policy, how, n, false) ? NULL : json_object();
	for (size_t i = 0; o && i < s.n; i++) {
		char key[128];
		const char *schema = s.entry[i].bucket->handler->schema;
		unsigned same = 1;
		for (size_t k = 0; k < i; k++)
			same += !strcmp(s.entry[k].bucket->handler->schema, schema);
		snprintf(key, sizeof key, same > 1 ? "%s_%u" : "%s", schema, same);
		json_t *b = pv_bucket_json(s.entry[i].bucket);
		if (i == 0 && how == PV_PICK_BUCKET && b)
			json_object_set(o, "period", json_object_get(b, "period"));
		if (!b || json_object_set_new(o, key, b)) {
			json_decref(o);
			o = NULL;
		}
	}
	pv_selection_free(&s);
	snprintf(minutes, sizeof minutes, "%um", how == PV_PICK_BUCKET ? 1 : n);
	return o ? json_pack("{s:o}", minutes, o) : NULL;
}

/* Binary buckets are wanted. False: something else is, and the answer says so. */
static bool format_ok(const struct pv_http_request *req, bool *pvb, struct pv_http_answer *a)
{
	const char *format = req->query ? req->query(req, "format") : NULL;
	*pvb = format && !strcmp(format, "pvb");
	if (!format || *pvb || !strcmp(format, "json"))
		return true;
	pv_http_error(a, STATUS_BAD_REQUEST, "unknown format '%.64s'; there are: json, pvb", format);
	return false;
}

static void answer_pvb(const struct pv_read *r, const struct pv_views *all, const char *policy, enum pv_pick how, unsigned n,
		       struct pv_http_answer *a)
{
	struct pv_pvb b = {NULL, 0, 0, false};
	unsigned first = how == PV_PICK_BUCKET ? n : 0, last = how == PV_PICK_BUCKET ? n : n - 1;
	char err[128];
	for (size_t i = 0; i < all->n; i++) {
		const char *name = all->view[i]->info.policy;
		if (policy ? i == 0 : pv_select_first(all, i) && !pv_select_check(all, name, how, n, err, sizeof err))
			pv_pvb_add(&b, all, name, first, last, !policy, r->producer);
	}
	if (!policy && !b.bytes && !b.failed)
		pv_pvb_add(&b, all, "", first, last, true, r->producer); /* nothing is an empty stream */
	pv_http_bytes(a, STATUS_OK, PV_HTTP_PVB, b.bytes, b.len);
}

/* The routes of one policy. legacy: by schema alone. */
static void get_policy(const struct pv_read *r, const struct pv_http_request *req, struct pv_http_answer *a,
		       const char *policy, const char *digits, enum pv_pick how, bool legacy)
{
	uint64_t n = pv_http_number(digits);
	char err[128];
	bool pvb;
	struct pv_views *all = look(r, policy);
	if (!all)
		return;
	if (!all->n && legacy)
		pv_http_error(a, STATUS_NOT_FOUND, "no \"%s\" policy exists", policy);
	else if (!all->n)
		pv_http_error(a, STATUS_NOT_FOUND, "policy does not exist");
	else if (pv_select_check(all, policy, how, n, err, sizeof err))
		pv_http_error(a, STATUS_TOO_EARLY, "%s", err);
	else if (!format_ok(req, &pvb, a))
		; /* said */
	else if (pvb)
		answer_pvb(r, all, policy, how, (unsigned)n, a);
	else if (legacy)
		pv_http_json(a, STATUS_OK, schema_json(all, policy, how, (unsigned)n));
	else
		pv_http_json(a, STATUS_OK, json_pack("{s:o}", policy, policy_json(all, policy, how, (unsigned)n)));
	pv_views_free(all);
}

static void get_legacy_bucket(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	get_policy(ctx, req, a, "default", req->part[0], PV_PICK_BUCKET, true);
}

static void get_legacy_window(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	get_policy(ctx, req, a, "default", req->part[0], PV_PICK_WINDOW, true);
}

static void get_bucket(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	get_policy(ctx, req, a, req->part[0], req->part[1], PV_PICK_BUCKET, false);
}

static void get_window(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	get_policy(ctx, req, a, req->part[0], req->part[1], PV_PICK_WINDOW, false);
}

/* Policies that have no such period are left out. */
static void get_all(const struct pv_read *r, const struct pv_http_request *req, struct pv_http_answer *a, enum pv_pick how)
{
	uint64_t n = pv_http_number(req->part[0]);
	char err[128];
	bool pvb;
	if (!format_ok(req, &pvb, a))
		return;
	struct pv_views *all = look(r, NULL);
	if (!all)
		return;
	if (pvb) {
		answer_pvb(r, all, NULL, how, n > PV_WINDOW_PERIODS_MAX ? PV_WINDOW_PERIODS_MAX + 1 : (unsigned)n, a);
		pv_views_free(all);
		return;
	}
	json_t *o = json_object();
	for (size_t i = 0; o && i < all->n; i++) {
		const char *policy = all->view[i]->info.policy;
		if (!pv_select_first(all, i) || pv_select_check(all, policy, how, n, err, sizeof err))
			continue;
		if (json_object_set_new(o, policy, policy_json(all, policy, how, (unsigned)n))) {
			json_decref(o);
			o = NULL;
		}
	}
	pv_http_json(a, STATUS_OK, o);
	pv_views_free(all);
}

static void get_all_buckets(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	get_all(ctx, req, a, PV_PICK_BUCKET);
}

static void get_all_windows(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	get_all(ctx, req, a, PV_PICK_WINDOW);
}

/* ---- Prometheus --------------------------------------------------------------------------------- */

/* Would its series be those of an entry before it, if nothing said which handler's they are? */
static bool needs_handler(const struct pv_selection *s, size_t at)
{
	const struct pv_entry *e = &s->entry[at];
	for (size_t i = 0; i < at; i++) {
		const struct pv_entry *o = &s->entry[i];
		bool one_tap = o->tap && e->tap ? !strcmp(o->tap, e->tap) : o->tap == e->tap;
		if (one_tap && !strcmp(o->bucket->handler->schema, e->bucket->handler->schema))
			return true;
	}
	return false;
}

/* handlers: all have a label `handler`; else only those that need it. */
static int prom_policy(struct pv_prom *p, const struct pv_views *all, const char *policy, bool handlers)
{
	struct pv_selection s;
	int rc = pv_select(&s, all, policy, PV_PICK_MINUTE, 0, true);
	for (size_t i = 0; !rc && i < s.n; i++) {
		struct pv_label labels[PV_ENTRY_LABELS];
		size_t n = pv_entry_labels(&s.entry[i], policy, handlers || needs_handler(&s, i), labels);
		rc = pv_prom_bucket(p, s.entry[i].bucket, labels, n);
	}
	pv_selection_free(&s);
	return rc;
}

/* policy NULL: of all. handlers: with a label `handler`. self: and of the program. */
static void answer_prom(const struct pv_read *r, const char *policy, bool handlers, bool self, struct pv_http_answer *a)
{
	double began = pv_self_now();
	struct pv_views *all = look(r, NULL);
	const struct pv_label own = {"policy", policy};
	const struct pv_prom_conf conf = {.instance = r->conf.prom_instance,
					  .seed = r->conf.seed,
					  .own = &own,
					  .nown = !self};
	struct pv_prom *p = all ? pv_prom_new(&conf) : NULL;
	int rc = p ? 0 : -1;
	for (size_t i = 0; !rc && i < all->n; i++)
		if (pv_select_first(all, i) && (!policy || !strcmp(policy, all->view[i]->info.policy)))
			rc = prom_policy(p, all, all->view[i]->info.policy, handlers);
	if (!rc && self) {
		pv_self_process(p, r->conf.program, r->started);
		pv_self_inputs(p, all);
		if (r->conf.more_prom)
			r->conf.more_prom(r->conf.ctx, p);
		pv_self_scrape(p, began);
	}
	size_t len = 0;
	char *text = rc ? NULL : pv_prom_text(p, &len);
	pv_http_bytes(a, STATUS_OK, PV_PROM_CONTENT_TYPE, text, len);
	pv_prom_free(p);
	pv_views_free(all);
}

/* Without a policy default this is 404 with an empty body, as old scrapers expect. */
static void get_metrics(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	struct pv_read *r = ctx;
	struct pv_views *all = pv_store_views(r->conf.store, "default");
	(void)req;
	if (all && all->n)
		answer_prom(r, "default", false, true, a);
	else if (all)
		a->status = STATUS_NOT_FOUND;
	pv_views_free(all);
}

static void get_prometheus(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	struct pv_read *r = ctx;
	struct pv_views *all = pv_store_views(r->conf.store, req->part[0]);
	if (all && all->n)
		answer_prom(r, req->part[0], true, false, a);
	else if (all)
		pv_http_text(a, STATUS_NOT_FOUND, "policy does not exists");
	pv_views_free(all);
}

static void get_all_prometheus(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	(void)req;
	answer_prom(ctx, NULL, true, true, a);
}

/* ---- taps and policies, as the streams tell ----------------------------------------------------- */

static json_t *tap_json(const struct pv_store_info *in)
{
	json_t *config = json_null();
	if (in->source[0])
		config = json_pack("{s:s}", in->recorded ? "pcap_file" : "iface", in->source);
	return json_pack("{s:o, s:s, s:s, s:n}", "config", config, "input_type",
			 in->source_type[0] ? in->source_type : "pcap", "interface", "visor.module.input/1.0", "tags");
}

static void get_taps(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	struct pv_read *r = ctx;
	const char *name = req->part[0];
	struct pv_views *all = pv_store_views(r->conf.store, NULL);
	json_t *o = all ? json_object() : NULL;
	for (size_t i = 0; o && i < all->n; i++) {
		const struct pv_store_info *in = &all->view[i]->info;
		if (!name || !strcmp(name, in->tap))
			json_object_set_new(o, in->tap, tap_json(in));
	}
	if (o && name && !json_object_size(o)) {
		json_decref(o);
		pv_http_error(a, STATUS_NOT_FOUND, "tap does not exists");
	} else {
		pv_http_json(a, STATUS_OK, o);
	}
	pv_views_free(all);
}

static json_t *utc(uint64_t ns)
{
	char text[32];
	struct tm tm;
	time_t t = (time_t)(ns / 1000000000);
	return gmtime_r(&t, &tm) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) ? json_string(text) : json_null();
}

json_t *pv_read_periods(const struct pv_view *v, size_t instance)
{
	const struct pv_view_instance *in = &v->instance[instance];
	json_t *periods = json_array();
	for (unsigned i = 0; i < in->n; i++) {
		const struct pv_bucket *b = in->bucket[i];
		json_t *p = json_object(), *events = json_object(), *rates = json_object();
		pv_bucket_json_add(events, b, in->handler->events);
		pv_bucket_json_add(events, b, in->handler->samples);
		if (!pv_bucket_json_add(rates, b, in->handler->events_rate) && json_object_size(rates))
			json_object_set(events, "rates", rates);
		json_decref(rates);
		json_object_set_new(p, "events", events);
		json_object_set_new(p, "start_tstamp", utc(b->start_ns));
		json_object_set_new(p, "read_only", json_boolean(b->closed));
		if (b->closed)
			json_object_set_new(p, "end_tstamp", utc(b->end_ns));
		json_object_set_new(p, "length",
				    json_integer((json_int_t)(b->end_ns / 1000000000 - b->start_ns / 1000000000)));
		json_array_append_new(periods, p);
	}
	return json_pack("{s:i, s:o}", "periods_configured", (int)v->info.periods, "periods", periods);
}

static void add_policy(json_t *o, const struct pv_view *v)
{
	const struct pv_store_info *in = &v->info;
	bool running = in->state == PV_STORE_RUNNING;
	json_t *p = json_object_get(o, in->policy);
	if (!p)
		json_object_set_new(o, in->policy,
				    p = json_pack("{s:{}, s:{}, s:{}}", "taps", "input", "modules"));
	json_object_set_new(json_object_get(p, "taps"), in->tap, tap_json(in));
	json_object_set_new(json_object_get(p, "input"), in->tap,
			    json_pack("{s:{s:s, s:n}, s:{s:b, s:i}}", "module", "name", in->tap, "config", "input",
				      "running", running, "consumers", (int)v->ninstances));
	for (size_t i = 0; i < v->ninstances; i++)
		json_object_set_new(json_object_get(p, "modules"), v->instance[i].key,
				    json_pack("{s:{s:s, s:s, s:b, s:{s:i}}, s:o}", "module", "name", v->instance[i].key,
					      "type", v->instance[i].handler->schema, "running", running, "config",
					      "num_periods", (int)in->periods, "metrics", pv_read_periods(v, i)));
}

static void get_policies(void *ctx, const struct pv_http_request *req, struct pv_http_answer *a)
{
	struct pv_read *r = ctx;
	const char *name = req->part[0];
	struct pv_views *all = pv_store_views(r->conf.store, name);
	json_t *o = all ? json_object() : NULL;
	for (size_t i = 0; o && i < all->n; i++)
		add_policy(o, all->view[i]);
	if (o && name && !has_policy(all, name)) {
		json_decref(o);
		pv_http_error(a, STATUS_NOT_FOUND, "policy does not exists");
	} else {
		pv_http_json(a, STATUS_OK, o);
	}
	pv_views_free(all);
}

/* ---- tables ------------------------------------------------------------------------------------- */

static const struct pv_http_route metrics[] = {
	{"GET", "/metrics", false, get_metrics},
	{"GET", "/api/v1/metrics/app", false, get_app},
	{"GET", "/api/v1/metrics/rates", false, get_rates},
	{"GET", "/api/v1/metrics/bucket/{n}", false, get_legacy_bucket},
	{"GET", "/api/v1/metrics/window/{n}", false, get_legacy_window},
	{"GET", "/api/v1/policies/__all/metrics/bucket/{n}", false, get_all_buckets},
	{"GET", "/api/v1/policies/__all/metrics/window/{n}", false, get_all_windows},
	{"GET", "/api/v1/policies/__all/metrics/prometheus", false, get_all_prometheus},
	{"GET", "/api/v1/policies/{name}/metrics/bucket/{n}", false, get_bucket},
	{"GET", "/api/v1/policies/{name}/metrics/window/{n}", false, get_window},
	{"GET", "/api/v1/policies/{name}/metrics/prometheus", false, get_prometheus},
	{"GET", "/api/v1/openapi.yaml", false, get_openapi},
};

static const struct pv_http_route inventory[] = {
	{"GET", "/api/v1/taps", false, get_taps},
	{"GET", "/api/v1/taps/{name}", false, get_taps},
	{"GET", "/api/v1/policies", false, get_policies},
	{"GET", "/api/v1/policies/{name}", false, get_policies},
};

struct pv_http_routes pv_read_metrics(struct pv_read *r)
{
	return (struct pv_http_routes){metrics, sizeof metrics / sizeof metrics[0], r};
}

struct pv_http_routes pv_read_inventory(struct pv_read *r)
{
	return (struct pv_http_routes){inventory, sizeof inventory / sizeof inventory[0], r};
}
