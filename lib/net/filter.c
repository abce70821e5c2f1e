/* SPDX-License-Identifier: MPL-2.0 */
#include "net/filter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_FOUND "Unknown" /* geo/geo.h */

enum { KEY_GEOLOC_NOTFOUND, KEY_ASN_NOTFOUND, KEY_GEOLOC_PREFIX, KEY_ASN_NUMBER, KEY_RECORDED_STREAM };

const struct pv_key pv_net_keys[PV_NET_KEYS] = {
	[KEY_GEOLOC_NOTFOUND] = {"geoloc_notfound", PV_KEY_BOOL, NULL,
				 "keep packets whose remote end has no known location"},
	[KEY_ASN_NOTFOUND] = {"asn_notfound", PV_KEY_BOOL, NULL,
			      "keep packets whose remote end has no known network"},
	[KEY_GEOLOC_PREFIX] = {"only_geoloc_prefix", PV_KEY_LIST, "PLACE[,...]",
			       "keep packets whose remote location starts with PLACE (NA/United States)"},
	[KEY_ASN_NUMBER] = {"only_asn_number", PV_KEY_LIST, "ASN[,...]",
			    "keep packets whose remote network has one of these numbers"},
	[KEY_RECORDED_STREAM] = {"recorded_stream", PV_KEY_BOOL, NULL,
				 "the packets come from a saved capture"},
};

void pv_net_filter_init(struct pv_net_filter *f)
{
	memset(f, 0, sizeof(*f));
}

static void free_prefixes(struct pv_net_filter *f)
{
	for (size_t i = 0; i < f->nprefix; i++)
		free(f->prefix[i]);
	free(f->prefix);
	f->prefix = NULL;
	f->nprefix = 0;
}

void pv_net_filter_free(struct pv_net_filter *f)
{
	free_prefixes(f);
	free(f->asn);
	pv_net_filter_init(f);
}

static int set_prefixes(struct pv_net_filter *f, const char *const *list, size_t n)
{
	struct pv_net_filter fresh;

	pv_net_filter_init(&fresh);
	fresh.prefix = calloc(n ? n : 1, sizeof(*fresh.prefix));
	if (!fresh.prefix)
		return -1;
	for (; fresh.nprefix < n; fresh.nprefix++) {
		fresh.prefix[fresh.nprefix] = strdup(list[fresh.nprefix]);
		if (!fresh.prefix[fresh.nprefix]) {
			free_prefixes(&fresh);
			return -1;
		}
	}
	free_prefixes(f);
	f->prefix = fresh.prefix;
	f->nprefix = fresh.nprefix;
	f->geoloc_prefix = true;
	return 0;
}

int pv_net_filter_copy(struct pv_net_filter *to, const struct pv_net_filter *from)
{
	pv_net_filter_init(to);
	if (from->geoloc_prefix && set_prefixes(to, (const char *const *)from->prefix, from->nprefix))
		return -1;
	if (from->nasn) {
		to->asn = malloc(from->nasn * sizeof(*to->asn));
		if (!to->asn) {
			pv_net_filter_free(to);
			return -1;
		}
		memcpy(to->asn, from->asn, from->nasn * sizeof(*to->asn));
		to->nasn = from->nasn;
	}
	to->asn_number = from->asn_number;
	to->geoloc_notfound = from->geoloc_notfound;
	to->asn_notfound = from->asn_notfound;
	to->recorded_stream = from->recorded_stream;
	return 0;
}

/* Digits only, and at most what a network number can be (RFC 6793: 32 bits). */
static bool asn_parse(const char *text, size_t n, uint32_t *out)
{
	uint64_t v = 0;

	if (!n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
		if (v > UINT32_MAX)
			return false;
	}
	*out = (uint32_t)v;
	return true;
}

static int set_asns(struct pv_net_filter *f, const struct pv_value *v, char *err, size_t errcap)
{
	uint32_t *asn = malloc((v->count ? v->count : 1) * sizeof(*asn));

	if (!asn) {
		snprintf(err, errcap, "%s", strerror(ENOMEM));
		return -1;
	}
	for (size_t i = 0; i < v->count; i++)
		if (!asn_parse(v->list[i], strlen(v->list[i]), &asn[i])) {
			snprintf(err, errcap,
				 "NetStreamHandler: only_asn_number filter contained an invalid/unsupported "
				 "value: %s",
				 v->list[i]);
			free(asn);
			return -1;
		}
	free(f->asn);
	f->asn = asn;
	f->nasn = v->count;
	f->asn_number = true;
	return 0;
}

int pv_net_filter_set(void *conf, const struct pv_key *key, const struct pv_value *v, char *err,
		      size_t errcap)
{
	struct pv_net_filter *f = conf;

	if (v->type != key->type) {
		snprintf(err, errcap, "wrong type for key: %s", key->name);
		return -1;
	}
	if (v->type == PV_KEY_LIST && v->count > PV_LIST_MAX) {
		snprintf(err, errcap, "%s: more than %d entries", key->name, PV_LIST_MAX);
		return -1;
	}
	switch (key - pv_net_keys) {
	case KEY_GEOLOC_NOTFOUND:
		f->geoloc_notfound = v->boolean;
		return 0;
	case KEY_ASN_NOTFOUND:
		f->asn_notfound = v->boolean;
		return 0;
	case KEY_GEOLOC_PREFIX:
		if (set_prefixes(f, v->list, v->count)) {
			snprintf(err, errcap, "%s", strerror(ENOMEM));
			return -1;
		}
		return 0;
	case KEY_ASN_NUMBER:
		return set_asns(f, v, err, errcap);
	case KEY_RECORDED_STREAM:
		f->recorded_stream = v->boolean ? PV_NET_RECORDED_YES : PV_NET_RECORDED_NO;
		return 0;
	}
	snprintf(err, errcap, "missing key: %s", key->name);
	return -1;
}

static bool geo_on(const struct pv_net_filter *f)
{
	return f->geoloc_notfound || f->geoloc_prefix;
}

static bool asn_on(const struct pv_net_filter *f)
{
	return f->asn_notfound || f->asn_number;
}

bool pv_net_filter_on(const struct pv_net_filter *f)
{
	return geo_on(f) || asn_on(f);
}

/* ---- the decision ---------------------------------------------------------------------------------- */

static bool is_not_found(const char *text, size_t n)
{
	return n == sizeof(NOT_FOUND) - 1 && !memcmp(text, NOT_FOUND, n);
}

static bool geo_accepts(const struct pv_net_filter *f, const char *text, size_t n)
{
	const char *tab = memchr(text, '\t', n); /* latitude and longitude follow */

	if (tab)
		n = (size_t)(tab - text);
	if (f->geoloc_notfound && is_not_found(text, n))
		return true;
	for (size_t i = 0; i < f->nprefix; i++) {
		size_t len = strlen(f->prefix[i]);
		if (len <= n && !memcmp(text, f->prefix[i], len))
			return true;
	}
	return false;
}

static bool asn_accepts(const struct pv_net_filter *f, const char *text, size_t n)
{
	const char *slash = memchr(text, '/', n);
	uint32_t number;

	if (f->asn_notfound && is_not_found(text, n))
		return true;
	if (!f->nasn || !asn_parse(text, slash ? (size_t)(slash - text) : n, &number))
		return false;
	for (size_t i = 0; i < f->nasn; i++)
		if (f->asn[i] == number)
			return true;
	return false;
}

bool pv_net_filter_accepts(const struct pv_net_filter *f, const struct pv_net *ev, const char *geo,
			   size_t geo_len, const char *asn, size_t asn_len)
{
	bool with_geo = geo_on(f), with_asn = asn_on(f);

	if (!with_geo && !with_asn)
		return true;
	if (ev->dir == PV_DIR_UNKNOWN)
		return false;
	return (!with_geo || (geo && geo_accepts(f, geo, geo_len))) &&
	       (!with_asn || (asn && asn_accepts(f, asn, asn_len)));
}
