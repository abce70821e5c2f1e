/* SPDX-License-Identifier: MPL-2.0 */
#include "push/push.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "base/utf8.h"
#include "base/version.h"
#include "http/gzip.h"
#include "push/answer.h"
#include "push/request.h"

#define SEC 1000000000ull
#define BACKOFF_MS 1000
#define BACKOFF_MAX_MS 60000
#define LINE (PV_URL + 512)

/* What was said last. */
enum state { UNKNOWN, THROUGH, PARTLY, STRANGE, FAILING };

struct counts {
	uint64_t ok, failed, retries; /* pushes taken and given up; attempts after the first */
	uint64_t sent, rejected, dropped; /* points: taken, of those not wanted, that found no room */
	uint64_t success_sec;		  /* the last, since the epoch; 0: none */
};

struct pv_push {
	struct pv_push_conf conf;
	struct pv_push_client *client;
	char instance[300];
	struct pv_push_minutes given;
	enum state state;
	uint64_t lost; /* pushes given up since the last word */
	uint64_t random;
	pthread_t thread;
	bool started;
	atomic_bool stop;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct counts counts; /* under the lock */
};

/* ---- time --------------------------------------------------------------------------------------- */

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SEC + (uint64_t)t.tv_nsec;
}

/* Until then, or (true) the end. */
static bool wait_until(struct pv_push *p, uint64_t monotonic_ns)
{
	const struct timespec t = {(time_t)(monotonic_ns / SEC), (long)(monotonic_ns % SEC)};
	pthread_mutex_lock(&p->lock);
	while (!atomic_load(&p->stop) && pthread_cond_timedwait(&p->wake, &p->lock, &t) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&p->lock);
	return atomic_load(&p->stop);
}

enum pv_push_fate pv_push_fate(unsigned status)
{
	if (status >= 200 && status < 300)
		return PV_PUSH_TAKEN;
	if (!status || status == 429 || status == 502 || status == 503 || status == 504)
		return PV_PUSH_AGAIN;
	return PV_PUSH_REFUSED;
}

uint64_t pv_push_backoff_ms(unsigned n, uint64_t random)
{
	uint64_t ms = n < 6 ? (uint64_t)BACKOFF_MS << n : BACKOFF_MAX_MS;
	return ms - random % (ms / 2);
}

/* ---- words -------------------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static void say(struct pv_push *p, enum state state, bool problem, const char *fmt, ...)
{
	char line[LINE], clean[LINE];
	va_list ap;
	if (state == p->state)
		return;
	p->state = state;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	pv_utf8_clean(line, strlen(line), clean, sizeof clean); /* some of it are a collector's words */
	p->conf.say(p->conf.ctx, problem, clean);
}

static void say_taken(struct pv_push *p, const struct pv_push_reply *r)
{
	const char *url = pv_push_client_url(p->client);
	struct pv_push_answer a;
	uint64_t lost = p->lost;
	bool ours = pv_push_response(r->bytes, r->len, &a);
	p->lost = 0;
	pthread_mutex_lock(&p->lock);
	p->counts.rejected += a.rejected;
	pthread_mutex_unlock(&p->lock);
	if (!ours)
		say(p, STRANGE, true, "OTLP: %s takes pushes, but its answer is none of OTLP's", url);
	else if (a.rejected || a.words[0])
		say(p, PARTLY, true, "OTLP: %s rejected %" PRIu64 " points: %s", url, a.rejected, a.words);
	else if (p->state == UNKNOWN)
		say(p, THROUGH, false, "OTLP: pushing to %s", url);
	else if (p->state == FAILING)
		say(p, THROUGH, false, "OTLP: pushes to %s get through again; %" PRIu64 " were lost", url, lost);
	else
		say(p, THROUGH, false, "OTLP: %s takes all points again", url);
}

static void say_failed(struct pv_push *p, const struct pv_push_reply *r)
{
	const char *url = pv_push_client_url(p->client);
	struct pv_push_answer a;
	if (!r->status)
		say(p, FAILING, true, "OTLP: cannot push to %s: %s", url, r->why);
	else if (pv_push_status(r->bytes, r->len, &a) && a.words[0])
		say(p, FAILING, true, "OTLP: %s answers with status %u: %s", url, r->status, a.words);
	else
		say(p, FAILING, true, "OTLP: %s answers with status %u", url, r->status);
}

/* ---- pushing ------------------------------------------------------------------------------------ */

static void count_taken(struct pv_push *p, const struct pv_push_request *q)
{
	pthread_mutex_lock(&p->lock);
	p->counts.ok++;
	p->counts.sent += q->points;
	p->counts.success_sec = now_ns(CLOCK_REALTIME) / SEC;
	pthread_mutex_unlock(&p->lock);
}

static void count_one(struct pv_push *p, uint64_t *counter)
{
	pthread_mutex_lock(&p->lock);
	++*counter;
	pthread_mutex_unlock(&p->lock);
}

/* One request, as often as it takes until `due`. Returns when the next may come at the earliest. */
static uint64_t push(struct pv_push *p, struct pv_push_request *q, uint64_t due)
{
	struct pv_push_reply r;
	bool gzip = pv_gzip(&q->bytes, &q->len);
	for (unsigned n = 0;; n++) {
		pv_push_client_post(p->client, q->bytes, q->len, gzip, &p->stop, &r);
		if (atomic_load(&p->stop))
			return due;
		enum pv_push_fate fate = pv_push_fate(r.status);
		if (fate == PV_PUSH_TAKEN) {
			struct pv_push_minutes was = p->given;
			p->given = q->minutes;
			q->minutes = was;
			count_taken(p, q);
			say_taken(p, &r);
			return due;
		}
		say_failed(p, &r);
		uint64_t after_ms = r.retry_after_sec < PV_PUSH_PATIENCE_SEC ? r.retry_after_sec * 1000 : PV_PUSH_PATIENCE_SEC * 1000;
		if (!after_ms)
			after_ms = pv_push_backoff_ms(n, pv_random(&p->random));
		uint64_t next = now_ns(CLOCK_MONOTONIC) + after_ms * 1000000;
		if (fate == PV_PUSH_REFUSED || next >= due) {
			p->lost++;
			count_one(p, &p->counts.failed);
			return fate == PV_PUSH_AGAIN && r.retry_after_sec ? next : due;
		}
		if (wait_until(p, next))
			return due;
		count_one(p, &p->counts.retries);
	}
}

static uint64_t make_and_push(struct pv_push *p, uint64_t due)
{
	const struct pv_otlp_conf conf = {
	    .service = p->conf.program, .version = PV_VERSION, .instance = p->instance, .seed = p->conf.seed};
	struct pv_push_request q = {0};
	if (p->conf.asked)
		p->conf.asked(p->conf.ctx);
	struct pv_views *all = pv_store_views(p->conf.store, NULL);
	int rc = all ? pv_push_request_make(&q, all, &conf, now_ns(CLOCK_REALTIME), &p->given) : -1;
	pv_views_free(all);
	if (rc) {
		p->lost++;
		count_one(p, &p->counts.failed);
		say(p, FAILING, true, "OTLP: out of memory");
	} else if (q.bytes) {
		pthread_mutex_lock(&p->lock);
		p->counts.dropped += q.dropped;
		pthread_mutex_unlock(&p->lock);
		due = push(p, &q, due);
	}
	pv_push_request_reset(&q);
	return due;
}

static void *run(void *arg)
{
	struct pv_push *p = arg;
	uint64_t interval = p->conf.interval_sec * SEC, due = now_ns(CLOCK_MONOTONIC) + interval;
	if (p->conf.interval_sec >= PV_PUSH_LONG_SEC)
		due += PV_PUSH_BEHIND_SEC * SEC;
	while (!wait_until(p, due)) {
		uint64_t earliest = make_and_push(p, due + interval), now = now_ns(CLOCK_MONOTONIC);
		due += interval;
		if (due < earliest)
			due = earliest;
		if (due < now) /* one that took longer is not made up for */
			due = now;
	}
	return NULL;
}

/* ---- what it says of itself --------------------------------------------------------------------- */

static struct counts counts_of(struct pv_push *p)
{
	pthread_mutex_lock(&p->lock);
	struct counts c = p->counts;
	pthread_mutex_unlock(&p->lock);
	return c;
}

void pv_push_prom(struct pv_push *p, struct pv_prom *prom)
{
#define COUNTER(name, help) {"pktvisor_otlp_" name "_total", PV_PROM_COUNTER, help}
	static const struct pv_prom_metric pushes = COUNTER("pushes", "OTLP requests that a collector has taken"),
					   failed = COUNTER("pushes_failed", "OTLP requests that were given up"),
					   retries = COUNTER("retries", "OTLP requests that were sent once more"),
					   sent = COUNTER("points_sent", "Points in the requests that were taken"),
					   rejected = COUNTER("points_rejected", "Of those, rejected by the collector"),
					   dropped = COUNTER("points_dropped", "Points left out of requests, for want of room or for their name"),
					   last = {"pktvisor_otlp_last_success_timestamp_seconds", PV_PROM_GAUGE,
						   "When a collector has last taken a request; 0: never"};
#undef COUNTER
	struct counts c = counts_of(p);
	pv_prom_u64(prom, &pushes, NULL, 0, c.ok);
	pv_prom_u64(prom, &failed, NULL, 0, c.failed);
	pv_prom_u64(prom, &retries, NULL, 0, c.retries);
	pv_prom_u64(prom, &sent, NULL, 0, c.sent);
	pv_prom_u64(prom, &rejected, NULL, 0, c.rejected);
	pv_prom_u64(prom, &dropped, NULL, 0, c.dropped);
	pv_prom_u64(prom, &last, NULL, 0, c.success_sec);
}

json_t *pv_push_json(struct pv_push *p)
{
	struct counts c = counts_of(p);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "url", pv_push_client_url(p->client), "pushes",
			 (json_int_t)c.ok, "pushes_failed", (json_int_t)c.failed, "retries", (json_int_t)c.retries, "points_sent",
			 (json_int_t)c.sent, "points_rejected", (json_int_t)c.rejected, "points_dropped", (json_int_t)c.dropped,
			 "last_success", (json_int_t)c.success_sec);
}

/* ---- the object --------------------------------------------------------------------------------- */

struct pv_push *pv_push_new(const struct pv_push_conf *conf, char *err, size_t cap)
{
	struct pv_push *p = calloc(1, sizeof *p);
	if (!p) {
		snprintf(err, cap, "out of memory");
		return NULL;
	}
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&p->lock, NULL);
	p->conf = *conf;
	p->random = conf->seed;
	snprintf(p->instance, sizeof p->instance, "%s", conf->instance);
	p->client = pv_push_client_new(&conf->to, conf->program, err, cap);
	if (p->client)
		return p;
	pv_push_free(p);
	return NULL;
}

int pv_push_start(struct pv_push *p)
{
	errno = pthread_create(&p->thread, NULL, run, p);
	p->started = !errno;
	return p->started ? 0 : -1;
}

void pv_push_free(struct pv_push *p)
{
	if (!p)
		return;
	if (p->started) {
		pthread_mutex_lock(&p->lock);
		atomic_store(&p->stop, true);
		pthread_cond_signal(&p->wake);
		pthread_mutex_unlock(&p->lock);
		pv_push_client_wake(p->client);
		pthread_join(p->thread, NULL);
	}
	pv_push_client_free(p->client);
	free(p->given.at);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
