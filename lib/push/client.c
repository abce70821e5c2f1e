/* SPDX-License-Identifier: MPL-2.0 */
#include "push/client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pem.h"
#include "base/version.h"
#include "http/server.h"

#define WAIT_MS 1000 /* how long libcurl may sleep through its own time-outs */

struct pv_push_client {
	CURLM *multi;
	CURL *easy;
	struct curl_slist *plain, *gzip; /* headers */
	char url[PV_URL];
	char *cert, *key, *ca; /* as read; NULL: none */
	char why[CURL_ERROR_SIZE];
	char body[PV_PUSH_ANSWER];
	size_t len, head;
	bool too_large;
};

static size_t take_body(char *bytes, size_t size, size_t n, void *ctx)
{
	struct pv_push_client *c = ctx;
	n *= size;
	c->too_large |= n > sizeof c->body - c->len;
	if (c->too_large)
		return 0;
	memcpy(c->body + c->len, bytes, n);
	c->len += n;
	return n;
}

static size_t take_head(char *bytes, size_t size, size_t n, void *ctx)
{
	struct pv_push_client *c = ctx;
	(void)bytes;
	c->head += size * n;
	c->too_large |= c->head > PV_PUSH_HEAD;
	return c->too_large ? 0 : size * n;
}

/* ---- making ------------------------------------------------------------------------------------- */

static CURLcode set_pem(CURL *e, CURLoption option, char *pem)
{
	struct curl_blob blob = {pem, pem ? strlen(pem) : 0, CURL_BLOB_NOCOPY};
	return pem ? curl_easy_setopt(e, option, &blob) : CURLE_OK;
}

static bool set_options(struct pv_push_client *c, bool tls, const char *program)
{
	CURL *e = c->easy;
	char agent[128];
	CURLcode bad = CURLE_OK;
	snprintf(agent, sizeof agent, "%.64s/%s", program, PV_VERSION);
	bad |= curl_easy_setopt(e, CURLOPT_URL, c->url);
	bad |= curl_easy_setopt(e, CURLOPT_POST, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	bad |= curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	bad |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_head);
	bad |= curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	bad |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->why);
	bad |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* a name server that is silent does not hold up our end */
	bad |= curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)PV_PUSH_TIMEOUT_MS);
	bad |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)PV_PUSH_CONNECT_MS);
	bad |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
	bad |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	bad |= curl_easy_setopt(e, CURLOPT_PROXY, "");
	bad |= curl_easy_setopt(e, CURLOPT_USERAGENT, agent);
	bad |= set_pem(e, CURLOPT_SSLCERT_BLOB, c->cert);
	bad |= set_pem(e, CURLOPT_SSLKEY_BLOB, c->key);
	bad |= set_pem(e, CURLOPT_CAINFO_BLOB, c->ca);
	return bad == CURLE_OK;
}

/* "Expect" would cost a round trip for every request of more than a megabyte. */
static bool make_headers(struct pv_push_client *c)
{
	static const char *const lines[] = {"Content-Type: application/x-protobuf", "Expect:", "Content-Encoding: gzip"};
	for (size_t i = 0; i < 3; i++) {
		struct curl_slist *gzip = curl_slist_append(c->gzip, lines[i]);
		struct curl_slist *plain = i < 2 ? curl_slist_append(c->plain, lines[i]) : c->plain;
		c->gzip = gzip ? gzip : c->gzip;
		c->plain = plain ? plain : c->plain;
		if (!gzip || !plain)
			return false;
	}
	return true;
}

/* What libcurl would say when it is too late. */
static bool tls_fits(struct pv_push_client *c, const struct pv_push_target *to, char *err, size_t cap)
{
	if (c->ca && !strstr(c->ca, "-----BEGIN CERTIFICATE-----")) {
		snprintf(err, cap, "cannot use %s: there is no certificate in it", to->tls_ca);
		return false;
	}
	return pv_http_tls_ok(to->tls_cert, c->cert, to->tls_key, c->key, err, cap);
}

static bool read_pems(struct pv_push_client *c, const struct pv_push_target *to, char *err, size_t cap)
{
	return (!to->tls_cert || (c->cert = pv_pem_read(to->tls_cert, err, cap))) &&
	       (!to->tls_key || (c->key = pv_pem_read(to->tls_key, err, cap))) &&
	       (!to->tls_ca || (c->ca = pv_pem_read(to->tls_ca, err, cap)));
}

struct pv_push_client *pv_push_client_new(const struct pv_push_target *to, const char *program, char *err, size_t cap)
{
	if (!pv_url_host_ok(to->host)) {
		snprintf(err, cap, "'%.100s' is not the name or address of a host", to->host);
		return NULL;
	}
	if (!pv_url_path_ok(to->path)) {
		snprintf(err, cap, "'%.100s' is not a path: it begins with '/', and is ASCII without blanks and '#'", to->path);
		return NULL;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		snprintf(err, cap, "cannot set up libcurl");
		return NULL;
	}
	struct pv_push_client *c = calloc(1, sizeof *c);
	bool read = c && read_pems(c, to, err, cap);
	if (c)
		pv_url(c->url, to->tls, to->host, to->port, to->path);
	if (!c || (read && (!(c->multi = curl_multi_init()) || !(c->easy = curl_easy_init()) || !make_headers(c) ||
			    !set_options(c, to->tls, program)))) {
		snprintf(err, cap, "cannot set up libcurl");
		read = false;
	}
	if (read && (!c->cert || tls_fits(c, to, err, cap)))
		return c;
	if (!c)
		curl_global_cleanup();
	pv_push_client_free(c);
	return NULL;
}

void pv_push_client_free(struct pv_push_client *c)
{
	if (!c)
		return;
	curl_easy_cleanup(c->easy);
	curl_multi_cleanup(c->multi);
	curl_slist_free_all(c->plain);
	curl_slist_free_all(c->gzip);
	curl_global_cleanup();
	free(c->cert);
	free(c->key);
	free(c->ca);
	free(c);
}

const char *pv_push_client_url(const struct pv_push_client *c)
{
	return c->url;
}

/* ---- posting ------------------------------------------------------------------------------------ */

static void reply(struct pv_push_client *c, CURLcode rc, struct pv_push_reply *r)
{
	long status = 0;
	curl_off_t after = 0;
	*r = (struct pv_push_reply){.bytes = c->body, .len = c->len};
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (c->too_large && status >= 200 && status < 300) { /* it is taken, whatever else is said: not to be sent again */
		r->status = (unsigned)status;
		return;
	}
	if (c->too_large) {
		snprintf(r->why, sizeof r->why, "the answer is too large");
		return;
	}
	if (rc != CURLE_OK) {
		snprintf(r->why, sizeof r->why, "%s", c->why[0] ? c->why : curl_easy_strerror(rc));
		return;
	}
	curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after);
	r->status = status >= 100 && status <= 999 ? (unsigned)status : 0;
	r->retry_after_sec = after > 0 ? (uint64_t)after : 0;
	if (!r->status)
		snprintf(r->why, sizeof r->why, "the answer has no status");
}

void pv_push_client_post(struct pv_push_client *c, const char *body, size_t len, bool gzip, const atomic_bool *stop,
			 struct pv_push_reply *r)
{
	int running = 1, left;
	CURLcode rc = CURLE_OUT_OF_MEMORY;
	c->len = c->head = 0;
	c->too_large = false;
	c->why[0] = '\0';
	if (!curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, gzip ? c->gzip : c->plain) &&
	    !curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len) &&
	    !curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, body) && !curl_multi_add_handle(c->multi, c->easy)) {
		while (!atomic_load(stop) && !curl_multi_perform(c->multi, &running) && running)
			curl_multi_poll(c->multi, NULL, 0, WAIT_MS, NULL);
		const CURLMsg *m = curl_multi_info_read(c->multi, &left);
		rc = m && m->msg == CURLMSG_DONE ? m->data.result : CURLE_ABORTED_BY_CALLBACK;
		curl_multi_remove_handle(c->multi, c->easy);
	}
	reply(c, rc, r);
}

void pv_push_client_wake(struct pv_push_client *c)
{
	curl_multi_wakeup(c->multi);
}
