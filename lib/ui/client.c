/* SPDX-License-Identifier: MPL-2.0 */
#include "ui/client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/url.h"
#include "base/version.h"
#include "ui/model.h"

#define FDS 4

struct pv_ui_client {
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	char base[PV_URL]; /* "https://[::1]:10853" */
	char why[CURL_ERROR_SIZE + 64];
	char *body;
	size_t len, cap, head;
	bool busy, too_large;
};

/* One NUL more than there are bytes, always. */
static size_t take_body(char *bytes, size_t size, size_t n, void *ctx)
{
	struct pv_ui_client *c = ctx;
	n *= size;
	if (n > PV_UI_BODY_MAX - c->len) {
		c->too_large = true;
		return 0;
	}
	if (c->len + n + 1 > c->cap) {
		size_t cap = 2 * (c->len + n + 1);
		char *body = realloc(c->body, cap);
		if (!body)
			return 0;
		c->body = body;
		c->cap = cap;
	}
	memcpy(c->body + c->len, bytes, n);
	c->len += n;
	c->body[c->len] = '\0';
	return n;
}

static size_t take_head(char *bytes, size_t size, size_t n, void *ctx)
{
	struct pv_ui_client *c = ctx;
	(void)bytes;
	c->head += size * n;
	c->too_large = c->too_large || c->head > PV_UI_HEAD_MAX;
	return c->too_large ? 0 : size * n;
}

static bool set_options(struct pv_ui_client *c, const struct pv_ui_client_conf *conf)
{
	CURL *e = c->easy;
	char auth[512];
	snprintf(auth, sizeof auth, "Authorization: Bearer %s", conf->token ? conf->token : "");
	if (conf->token && !(c->headers = curl_slist_append(NULL, auth)))
		return false;
	CURLcode bad = CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	bad |= curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	bad |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_head);
	bad |= curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	bad |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->why);
	bad |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)PV_UI_TIMEOUT_MS);
	bad |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, conf->tls ? "https" : "http");
	bad |= curl_easy_setopt(e, CURLOPT_PROXY, "");
	bad |= curl_easy_setopt(e, CURLOPT_USERAGENT, "pktvisor-cli/" PV_VERSION);
	bad |= curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
	bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, conf->tls_noverify ? 0L : 1L);
	bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, conf->tls_noverify ? 0L : 2L);
	if (conf->tls_ca)
		bad |= curl_easy_setopt(e, CURLOPT_CAINFO, conf->tls_ca);
	return bad == CURLE_OK;
}

struct pv_ui_client *pv_ui_client_new(const struct pv_ui_client_conf *conf, char *err, size_t cap)
{
	if (!pv_url_host_ok(conf->host)) {
		snprintf(err, cap, "'%.100s' is not the name or address of a host", conf->host);
		return NULL;
	}
	struct pv_ui_client *c = calloc(1, sizeof *c);
	if (!c || curl_global_init(CURL_GLOBAL_DEFAULT) || !(c->multi = curl_multi_init()) ||
	    !(c->easy = curl_easy_init()) || !set_options(c, conf)) {
		snprintf(err, cap, "cannot set up libcurl");
		pv_ui_client_free(c);
		return NULL;
	}
	pv_url(c->base, conf->tls, conf->host, conf->port, "");
	return c;
}

static void forget(struct pv_ui_client *c)
{
	if (c->busy)
		curl_multi_remove_handle(c->multi, c->easy);
	c->busy = false;
}

void pv_ui_client_free(struct pv_ui_client *c)
{
	if (!c)
		return;
	forget(c);
	curl_easy_cleanup(c->easy);
	curl_multi_cleanup(c->multi);
	curl_slist_free_all(c->headers);
	curl_global_cleanup();
	free(c->body);
	free(c);
}

bool pv_ui_client_ask(struct pv_ui_client *c, const char *path)
{
	char url[sizeof c->base + 2048];
	forget(c);
	c->len = c->head = 0;
	c->too_large = false;
	c->why[0] = '\0';
	if (c->body)
		c->body[0] = '\0';
	snprintf(url, sizeof url, "%s%s", c->base, path);
	if (curl_easy_setopt(c->easy, CURLOPT_URL, url) || curl_multi_add_handle(c->multi, c->easy))
		return false;
	c->busy = true;
	return true;
}

bool pv_ui_client_busy(const struct pv_ui_client *c)
{
	return c->busy;
}

static bool finished(struct pv_ui_client *c, struct pv_ui_answer *a)
{
	int left;
	long status = 0;
	const CURLMsg *m = curl_multi_info_read(c->multi, &left);
	if (!m || m->msg != CURLMSG_DONE)
		return false;
	CURLcode res = m->data.result;
	if (res == CURLE_OK)
		curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	forget(c);
	if (c->too_large)
		snprintf(c->why, sizeof c->why, "the answer is too large");
	else if (res != CURLE_OK && !c->why[0])
		snprintf(c->why, sizeof c->why, "%s", curl_easy_strerror(res));
	else if (res == CURLE_OK && (status < 100 || status > 999))
		snprintf(c->why, sizeof c->why, "the answer has no status");
	*a = (struct pv_ui_answer){status >= 100 && status <= 999 ? (unsigned)status : 0, c->body, c->len,
				   c->why};
	return true;
}

bool pv_ui_client_wait(struct pv_ui_client *c, const int *fds, size_t nfds, unsigned ms,
		       struct pv_ui_answer *a)
{
	struct curl_waitfd w[FDS];
	int running;
	unsigned n = nfds < FDS ? (unsigned)nfds : FDS;
	for (unsigned i = 0; i < n; i++)
		w[i] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
	curl_multi_perform(c->multi, &running);
	if (c->busy && finished(c, a))
		return true;
	curl_multi_poll(c->multi, w, n, (int)ms, NULL);
	curl_multi_perform(c->multi, &running);
	return c->busy && finished(c, a);
}
