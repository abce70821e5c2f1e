/* SPDX-License-Identifier: MPL-2.0 */
#include "ui/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "base/version.h"

#define SECOND	    UINT64_C(1000000000)
#define NAMES_EVERY (10 * SECOND)
#define RETRIES	    3 /* of one question that 425 corrected: an agent that contradicts itself is asked no more \
		       */

bool pv_ui_session_init(struct pv_ui_session *s, const char *policy, unsigned window)
{
	memset(s, 0, sizeof *s);
	snprintf(s->policy, sizeof s->policy, "%s", policy);
	snprintf(s->server, sizeof s->server, "unknown");
	s->window = window < 1 ? 1 : window > PV_UI_PERIODS_MAX ? PV_UI_PERIODS_MAX : window;
	s->history = pv_ui_history_new();
	return s->history != NULL;
}

void pv_ui_session_free(struct pv_ui_session *s)
{
	pv_ui_model_free(s->model);
	json_decref(s->answer);
	pv_ui_history_free(s->history);
	memset(s, 0, sizeof *s);
}

/* ---- questions ----------------------------------------------------------------------------------- */

/* Policies have plain names; one that has not, given by a person, must not become another path. */
static void escape(const char *name, char *out, size_t cap)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t at = 0;
	for (; *name && at + 4 < cap; name++) {
		unsigned char c = (unsigned char)*name;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-_.", c)) {
			out[at++] = (char)c;
		} else {
			out[at++] = '%';
			out[at++] = hex[c >> 4];
			out[at++] = hex[c & 15];
		}
	}
	out[at] = '\0';
}

static void metrics_path(const struct pv_ui_session *s, const char *what, unsigned n, char *path, size_t cap)
{
	char name[3 * PV_UI_NAME_MAX + 8];
	escape(s->policy, name, sizeof name);
	snprintf(path, cap, "/api/v1/policies/%s/metrics/%s/%u", name, what, n);
}

static enum pv_ui_ask due(const struct pv_ui_session *s, uint64_t now_ns)
{
	if (s->at_once || (now_ns >= s->next_ns && !s->paused))
		return PV_UI_ASK_METRICS;
	if (!s->there)
		return PV_UI_ASK_NOTHING; /* the metrics are what shows that it is there again */
	if (!s->have_server && !s->asked_app)
		return PV_UI_ASK_APP;
	if (!s->asked_policies || now_ns >= s->names_ns)
		return PV_UI_ASK_POLICIES;
	if (s->model && !s->failures && s->minute < s->window)
		return PV_UI_ASK_MINUTE;
	return PV_UI_ASK_NOTHING;
}

enum pv_ui_ask pv_ui_session_next(struct pv_ui_session *s, uint64_t now_ns, char *path, size_t cap,
				  uint64_t *wait_ns)
{
	s->asking = due(s, now_ns);
	*wait_ns = 0;
	switch (s->asking) {
	case PV_UI_ASK_METRICS:
		s->at_once = false;
		metrics_path(s, s->window > 1 ? "window" : "bucket", s->window > 1 ? s->window : 0, path,
			     cap);
		break;
	case PV_UI_ASK_APP:
		snprintf(path, cap, "/api/v1/metrics/app");
		break;
	case PV_UI_ASK_POLICIES:
		snprintf(path, cap, "/api/v1/policies");
		break;
	case PV_UI_ASK_MINUTE:
		metrics_path(s, "bucket", s->minute, path, cap);
		break;
	case PV_UI_ASK_NOTHING:
		*wait_ns = s->next_ns > now_ns && !s->paused ? s->next_ns - now_ns : SECOND;
		break;
	}
	return s->asking;
}

/* ---- answers ------------------------------------------------------------------------------------- */

static void tell(struct pv_ui_session *s, const char *what)
{
	pv_utf8_clean(what, strnlen(what, 300), s->error, sizeof s->error);
}

/* Nothing that could be used came: ask less and less often. */
static void fail(struct pv_ui_session *s, uint64_t now_ns, const char *what)
{
	s->failures++;
	s->there = false;
	unsigned pause = s->failures < 4 ? 1u << (s->failures - 1) : PV_UI_PAUSE_MAX;
	s->next_ns = now_ns + pause * SECOND;
	tell(s, what);
}

/* The words of an error: {"error": "..."}, or whatever there is. */
static void words(unsigned status, char *body, size_t len, char *out, size_t cap)
{
	char err[256];
	json_t *j = len ? pv_ui_json(body, len, err, sizeof err) : NULL;
	const char *text = json_string_value(json_object_get(j, "error"));
	if (text)
		snprintf(out, cap, "%u %s", status, text);
	else if (len)
		snprintf(out, cap, "%u %.*s", status, (int)(len < 120 ? len : 120), body);
	else
		snprintf(out, cap, "status %u, without a word", status);
	out[strcspn(out, "\r\n")] = '\0';
	json_decref(j);
}

/* "..., specify [2, 3]": the newest that may be asked for. */
static bool correct(struct pv_ui_session *s, const char *text)
{
	const char *at = strstr(text, "specify [");
	char from[4], last[4];
	if (!at || sscanf(at, "specify [%3[0-9], %3[0-9]]", from, last) != 2 || s->retries++ >= RETRIES)
		return false;
	unsigned to = (unsigned)strtoul(last, NULL, 10);
	unsigned want = to < 2 ? 1 : to > PV_UI_PERIODS_MAX ? PV_UI_PERIODS_MAX : to;
	if (want == s->window)
		return false;
	s->window = want;
	s->at_once = true;
	return true;
}

static void got_metrics(struct pv_ui_session *s, uint64_t now_ns, unsigned status, char *body, size_t len)
{
	char text[512];
	if (status != 200) {
		words(status, body, len, text, sizeof text);
		if (status != 425 || !correct(s, text)) {
			s->failures++;
			s->there = true; /* and has words: no reason to ask less often, nor not for names */
			s->next_ns = now_ns + SECOND;
			tell(s, text);
		}
		return;
	}
	json_t *j = pv_ui_json(body, len, text, sizeof text);
	if (j && !json_is_object(j))
		snprintf(text, sizeof text, "the answer is not an object");
	struct pv_ui_model *m = json_is_object(j) ? pv_ui_model_new(j) : NULL;
	if (!m) {
		fail(s, now_ns, j && json_is_object(j) ? "no memory" : text);
		json_decref(j);
		return;
	}
	if (s->failures) { /* perhaps another agent: everything anew */
		s->asked_policies = s->asked_app = s->have_server = false;
		s->minute = 0;
	}
	pv_ui_model_free(s->model);
	json_decref(s->answer);
	s->model = m;
	s->answer = j;
	s->failures = s->retries = 0;
	s->there = true;
	s->error[0] = '\0';
	s->asked_app = s->asked_app && s->have_server;
	s->answered_ns = now_ns;
	s->next_ns = now_ns + SECOND;
	pv_ui_history_live(s->history, m);
}

static void got_app(struct pv_ui_session *s, const json_t *j)
{
	const json_t *v = json_object_get(json_object_get(j, "app"), "version");
	if (!json_is_string(v))
		return;
	pv_utf8_clean(json_string_value(v), json_string_length(v), s->server, sizeof s->server);
	s->have_server = true;
}

/* pktvisord's policies about itself, one for each input stream. */
static bool of_resources(const char *name)
{
	size_t n = strlen(name), end = strlen("-resources");
	return n > end && !strcmp(name + n - end, "-resources");
}

/* What a person has made comes first. */
static int by_name(const void *a, const void *b)
{
	bool x = of_resources(a), y = of_resources(b);
	return x != y ? x - y : strcmp(a, b);
}

static void list_names(struct pv_ui_names *out, json_t *object)
{
	const char *key;
	json_t *v;
	out->n = 0;
	json_object_foreach (object, key, v)
		if (out->n < PV_UI_NAMES && strlen(key) < PV_UI_NAME_MAX)
			pv_utf8_clean(key, strlen(key), out->name[out->n++], PV_UI_NAME_MAX);
	qsort(out->name, out->n, sizeof out->name[0], by_name);
}

static void got_policies(struct pv_ui_session *s, json_t *j)
{
	const char *key;
	json_t *v, *taps = json_object();
	list_names(&s->policies, j);
	json_object_foreach (j, key, v)
		if (!strcmp(key, s->policy) || !strcmp(s->policy, PV_UI_ALL))
			json_object_update(taps, json_object_get(v, "taps"));
	list_names(&s->taps, taps);
	json_decref(taps);
}

void pv_ui_session_answer(struct pv_ui_session *s, uint64_t now_ns, unsigned status, char *body, size_t len,
			  const char *why)
{
	enum pv_ui_ask asked = s->asking;
	char err[256];
	json_t *j = NULL;
	s->asking = PV_UI_ASK_NOTHING;
	if (asked == PV_UI_ASK_METRICS) {
		if (status)
			got_metrics(s, now_ns, status, body, len);
		else
			fail(s, now_ns, why);
		return;
	}
	if (status == 200 && asked != PV_UI_ASK_NOTHING)
		j = pv_ui_json(body, len, err, sizeof err);
	if (asked == PV_UI_ASK_APP) {
		s->asked_app = true;
		got_app(s, j);
	} else if (asked == PV_UI_ASK_POLICIES) {
		s->asked_policies = true;
		s->names_ns = now_ns + NAMES_EVERY;
		if (json_is_object(j))
			got_policies(s, j);
	} else if (asked == PV_UI_ASK_MINUTE) {
		struct pv_ui_model *m = json_is_object(j) ? pv_ui_model_new(j) : NULL;
		if (m)
			pv_ui_history_minute(s->history, m);
		s->minute = m ? s->minute + 1 : PV_UI_PERIODS_MAX; /* there are no older ones */
		pv_ui_model_free(m);
	}
	json_decref(j);
}

/* ---- wishes -------------------------------------------------------------------------------------- */

void pv_ui_session_refresh(struct pv_ui_session *s)
{
	s->at_once = true;
}

void pv_ui_session_policy(struct pv_ui_session *s, const char *policy)
{
	snprintf(s->policy, sizeof s->policy, "%s", policy);
	pv_ui_model_free(s->model);
	json_decref(s->answer);
	s->model = NULL;
	s->answer = NULL;
	s->error[0] = '\0';
	s->asked_policies = false;
	s->minute = 0;
	s->failures = 0;
	pv_ui_history_clear(s->history);
	s->asking = PV_UI_ASK_NOTHING; /* an answer that is under way is of no use */
	pv_ui_session_refresh(s);
}

void pv_ui_session_window(struct pv_ui_session *s, unsigned minutes)
{
	s->window = minutes < 1 ? 1 : minutes > PV_UI_PERIODS_MAX ? PV_UI_PERIODS_MAX : minutes;
	s->retries = 0;
	pv_ui_session_refresh(s);
}

bool pv_ui_of_tap(const struct pv_ui_session *s, const struct pv_ui_handler *h, const char *tap)
{
	size_t p = strlen(h->policy), best = 0, n = strlen(tap), len = strlen(h->name);
	const char *rest = h->name + p + 1;
	if (!*tap || (len > 7 && !strcmp(h->name + len - 7, "_merged")))
		return true;
	if (len <= p + 1 || strncmp(h->name, h->policy, p) || h->name[p] != '-')
		return false;
	/* "policy-tap-handler", and any of them may have a '-': the longest tap that fits is meant */
	for (size_t i = 0; i < s->taps.n; i++) {
		size_t k = strlen(s->taps.name[i]);
		if (k > best && !strncmp(rest, s->taps.name[i], k) && rest[k] == '-')
			best = k;
	}
	return best == n && !strncmp(rest, tap, n);
}

bool pv_ui_other_major(const struct pv_ui_session *s)
{
	return s->have_server && strtoul(s->server, NULL, 10) != strtoul(PV_VERSION, NULL, 10);
}
