/* SPDX-License-Identifier: MPL-2.0 */
#include "dns/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/names.h"

#define TTL_DEFAULT_NS UINT64_C(5000000000)

const struct pv_key pv_dns_keys[PV_DNS_KEYS] = {
	{"exclude_noerror", PV_KEY_BOOL, NULL, "drop replies without an error"},
	{"only_rcode", PV_KEY_UINT_OR_LIST, "CODE,...",
	 "of replies, keep those with these response codes (numbers or names)"},
	{"only_queries", PV_KEY_BOOL, NULL, "keep queries only"},
	{"only_responses", PV_KEY_BOOL, NULL, "keep replies only"},
	{"only_dnssec_response", PV_KEY_BOOL, NULL,
	 "of replies, keep those with a signature among the answers"},
	{"answer_count", PV_KEY_UINT, "N", "of replies, keep those with exactly N answers"},
	{"only_qtype", PV_KEY_LIST, "TYPE,...", "keep messages that ask for these types (numbers or names)"},
	{"only_qname", PV_KEY_LIST, "NAME,...", "keep messages that ask for exactly these names"},
	{"only_qname_suffix", PV_KEY_LIST, "NAME,...", "keep messages that ask for names at or below these"},
	{"geoloc_notfound", PV_KEY_BOOL, NULL,
	 "keep queries whose client subnet the City database does not know"},
	{"asn_notfound", PV_KEY_BOOL, NULL,
	 "keep queries whose client subnet the ASN database does not know"},
	{"dnstap_msg_type", PV_KEY_STRING, "TYPE",
	 "dnstap: keep messages of auth, client, forwarder, resolver, stub, tool or update"},
	{"public_suffix_list", PV_KEY_BOOL, NULL, "aggregate names below their public suffix"},
	{"recorded_stream", PV_KEY_BOOL, NULL, "treat the stream as a recorded one"},
	{"xact_ttl_secs", PV_KEY_UINT, "SECONDS", "wait this long for a response (default: 5)"},
	{"xact_ttl_ms", PV_KEY_UINT, "MS", "the same in milliseconds; this one wins"},
};

const struct pv_key pv_dns_keys_more[PV_DNS_KEYS_MORE] = {
	{"only_xact_directions", PV_KEY_LIST, "DIR,...",
	 "keep transactions of these directions: in, out, unknown"},
};

/* ---- sets of names ------------------------------------------------------------------------------- */

struct entry {
	const char *text; /* lower-case, without the leading dot */
	uint16_t len;
	uint16_t written; /* length with it */
	uint16_t order;   /* place in the list */
	bool below;       /* it had one: the name itself does not match */
};

struct pv_dns_names {
	size_t count;
	struct entry *entries; /* by (len, text, order) */
	char *texts;
};

static void names_free(struct pv_dns_names *s)
{
	if (!s)
		return;
	free(s->entries);
	free(s->texts);
	free(s);
}

static int by_text(const struct entry *e, const char *text, size_t len)
{
	if (e->len != len)
		return e->len < len ? -1 : 1;
	return memcmp(e->text, text, len);
}

static int by_entry(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int c = by_text(a, b->text, b->len);
	return c ? c : (a->order > b->order) - (a->order < b->order);
}

/* The first entry with this text, or NULL. */
static const struct entry *names_find(const struct pv_dns_names *s, const char *text, size_t len)
{
	size_t lo = 0, hi = s->count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (by_text(&s->entries[mid], text, len) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->count && !by_text(&s->entries[lo], text, len) ? &s->entries[lo] : NULL;
}

/* Length as written of the earliest entry of the list that the name ends with, at a label; 0 when none. */
static uint16_t names_suffix(const struct pv_dns_names *s, const char *name, size_t n)
{
	const struct entry *best = NULL;
	for (size_t at = 0;;) {
		const struct entry *e = names_find(s, name + at, n - at);
		for (; e && e < s->entries + s->count && !by_text(e, name + at, n - at); e++)
			if ((at > 0 || !e->below) && (!best || e->order < best->order))
				best = e;
		const char *dot = memchr(name + at, '.', n - at);
		if (!dot)
			break;
		at = (size_t)(dot - name) + 1;
	}
	return best ? best->written : 0;
}

/* Bytes for a name's normal form: a byte becomes four at most. */
static size_t name_room(const char *typed)
{
	size_t n = strnlen(typed, PV_DNS_NAME_TEXT_MAX) * 4;
	return (n < PV_DNS_NAME_TEXT_MAX ? n : PV_DNS_NAME_TEXT_MAX) + 2;
}

/* NULL with a line in err. */
static struct pv_dns_names *names_new(const char *key, const struct pv_value *v, bool suffix, char *err,
				      size_t errcap)
{
	struct pv_dns_names *s = calloc(1, sizeof *s);
	size_t bytes = 0;
	for (size_t i = 0; i < v->count; i++)
		bytes += name_room(v->list[i]);
	if (s) {
		s->entries = calloc(v->count, sizeof *s->entries);
		s->texts = malloc(bytes);
	}
	if (!s || !s->entries || !s->texts) {
		snprintf(err, errcap, "out of memory");
		names_free(s);
		return NULL;
	}
	char *to = s->texts;
	for (size_t i = 0; i < v->count; i++) {
		const char *typed = v->list[i];
		int len = pv_dns_name_normal(typed, to, name_room(typed));
		bool below = suffix && len > 1 && to[0] == '.';
		if (len < 0 || !*typed || (suffix && !(len - below))) {
			if (len < 0)
				snprintf(
				    err, errcap,
				    "DnsStreamHandler: %s filter contained a name that is too long: %.80s...",
				    key, typed);
			else
				snprintf(err, errcap, "DnsStreamHandler: %s filter contained an empty name",
					 key);
			names_free(s);
			return NULL;
		}
		s->entries[i] = (struct entry){
			to + below, (uint16_t)(len - below), (uint16_t)len, (uint16_t)i, below,
		};
		to += len + 1;
	}
	s->count = v->count;
	qsort(s->entries, s->count, sizeof *s->entries, by_entry);
	return s;
}

/* ---- settings ------------------------------------------------------------------------------------ */

void pv_dns_filter_init(struct pv_dns_filter *f)
{
	memset(f, 0, sizeof *f);
}

void pv_dns_filter_free(struct pv_dns_filter *f)
{
	free(f->qtypes);
	names_free(f->names);
	names_free(f->suffixes);
	pv_dns_filter_init(f);
}

static int set_rcode(struct pv_dns_filter *f, const struct pv_value *v, char *err, size_t errcap)
{
	static const char bad[] =
	    "DnsStreamHandler: only_rcode filter contained an invalid/unsupported rcode";
	uint32_t rcodes = 0;
	if (v->type == PV_KEY_UINT) {
		if (v->number >= 32 || !pv_dns_rcode_name((unsigned)v->number)) {
			snprintf(err, errcap, "%s", bad);
			return -1;
		}
		rcodes = UINT32_C(1) << v->number;
	} else {
		for (size_t i = 0; i < v->count; i++) {
			int code = pv_dns_rcode_number(v->list[i]);
			if (code < 0) {
				snprintf(err, errcap, "%s: %s", bad, v->list[i]);
				return -1;
			}
			rcodes |= UINT32_C(1) << code;
		}
	}
	f->rcodes = rcodes;
	f->has_rcodes = true;
	return 0;
}

static int set_qtype(struct pv_dns_filter *f, const struct pv_value *v, char *err, size_t errcap)
{
	uint8_t *bits = calloc(1, 65536 / 8);
	if (!bits) {
		snprintf(err, errcap, "out of memory");
		return -1;
	}
	for (size_t i = 0; i < v->count; i++) {
		int type = pv_dns_qtype_number(v->list[i]);
		if (type < 0) {
			snprintf(
			    err, errcap,
			    "DnsStreamHandler: only_qtype filter contained an invalid/unsupported qtype: %s",
			    v->list[i]);
			free(bits);
			return -1;
		}
		bits[type / 8] |= (uint8_t)(1u << type % 8);
	}
	free(f->qtypes);
	f->qtypes = bits;
	return 0;
}

static int set_names(struct pv_dns_names **to, const char *key, const struct pv_value *v, bool suffix,
		     char *err, size_t errcap)
{
	struct pv_dns_names *s = names_new(key, v, suffix, err, errcap);
	if (!s)
		return -1;
	names_free(*to);
	*to = s;
	return 0;
}

static int set_directions(struct pv_dns_filter *f, const struct pv_value *v, char *err, size_t errcap)
{
	static const char *const names[] = {
	    [PV_DIR_UNKNOWN] = "unknown", [PV_DIR_IN] = "in", [PV_DIR_OUT] = "out"};
	uint8_t directions = 0;
	for (size_t i = 0; i < v->count; i++) {
		unsigned d = 0;
		while (d < 3 && strcmp(v->list[i], names[d]))
			d++;
		if (d == 3) {
			snprintf(err, errcap,
				 "DnsStreamHandler: only_xact_directions filter contained an "
				 "invalid/unsupported direction: %s",
				 v->list[i]);
			return -1;
		}
		directions |= (uint8_t)(1u << d);
	}
	f->directions = directions;
	return 0;
}

static int set_dnstap(struct pv_dns_filter *f, const struct pv_value *v, char *err, size_t errcap)
{
	static const char *const names[] = {
	    [PV_DNSTAP_AUTH] = "auth",	   [PV_DNSTAP_RESOLVER] = "resolver",
	    [PV_DNSTAP_CLIENT] = "client", [PV_DNSTAP_FORWARDER] = "forwarder",
	    [PV_DNSTAP_STUB] = "stub",	   [PV_DNSTAP_TOOL] = "tool",
	    [PV_DNSTAP_UPDATE] = "update"};
	for (uint8_t i = PV_DNSTAP_AUTH; i <= PV_DNSTAP_UPDATE; i++)
		if (!strcmp(v->string, names[i])) {
			f->dnstap_kind = i;
			return 0;
		}
	snprintf(err, errcap,
		 "DnsStreamHandler: dnstap_msg_type contained an invalid/unsupported type. Valid types: "
		 "auth, client, forwarder, resolver, stub, tool, update");
	return -1;
}

int pv_dns_filter_version(struct pv_dns_filter *f, const char *version, char *err, size_t errcap)
{
	f->by_transaction = !strcmp(version, "2.0");
	if (!f->by_transaction && strcmp(version, "1.0")) {
		snprintf(err, errcap, "there is no version %.20s; there are: 1.0, 2.0", version);
		return -1;
	}
	if (f->by_transaction && (f->only_queries || f->only_responses)) {
		snprintf(err, errcap, "version 2.0 has no filter %s: it counts transactions",
			 f->only_queries ? "only_queries" : "only_responses");
		return -1;
	}
	return 0;
}

static bool fits(const struct pv_key *key, const struct pv_value *v)
{
	if (key->type == PV_KEY_UINT_OR_LIST)
		return v->type == PV_KEY_UINT || v->type == PV_KEY_LIST;
	return v->type == key->type;
}

int pv_dns_filter_set(void *conf, const struct pv_key *key, const struct pv_value *v, char *err,
		      size_t errcap)
{
	struct pv_dns_filter *f = conf;
	const char *k = key->name;

	if (!fits(key, v)) {
		if (!strcmp(k, "only_rcode"))
			snprintf(err, errcap, "DnsStreamHandler: wrong value type for only_rcode filter. "
					      "It should be an integer or an array");
		else if (!strcmp(k, "answer_count"))
			snprintf(err, errcap, "DnsStreamHandler: wrong value type for answer_count filter. "
					      "It should be an integer");
		else
			snprintf(err, errcap, "wrong type for key: %s", k);
		return -1;
	}
	if (v->type == PV_KEY_LIST && !v->count) {
		snprintf(err, errcap, "DnsStreamHandler: %s filter contained no entry", k);
		return -1;
	}
	if (v->type == PV_KEY_LIST && v->count > PV_LIST_MAX) {
		snprintf(err, errcap, "DnsStreamHandler: %s filter contained more than %d entries", k,
			 PV_LIST_MAX);
		return -1;
	}

	struct {
		const char *name;
		bool *to;
	} bools[] = {
		{"exclude_noerror", &f->exclude_noerror}, {"only_queries", &f->only_queries},
		{"only_responses", &f->only_responses},   {"only_dnssec_response", &f->only_dnssec_response},
		{"geoloc_notfound", &f->geoloc_notfound}, {"asn_notfound", &f->asn_notfound},
		{"recorded_stream", &f->recorded_stream}, {"public_suffix_list", &f->public_suffix_list},
	};
	if (v->type == PV_KEY_BOOL)
		for (size_t i = 0; i < sizeof bools / sizeof bools[0]; i++)
			if (!strcmp(k, bools[i].name)) {
				*bools[i].to = v->boolean;
				return 0;
			}
	if (!strcmp(k, "only_rcode"))
		return set_rcode(f, v, err, errcap);
	if (!strcmp(k, "answer_count")) {
		if (v->number > UINT16_MAX) {
			snprintf(err, errcap, "DnsStreamHandler: answer_count must be at most 65535");
			return -1;
		}
		f->answer_count = (uint16_t)v->number;
		f->has_answer_count = true;
		return 0;
	}
	if (!strcmp(k, "only_qtype"))
		return set_qtype(f, v, err, errcap);
	if (!strcmp(k, "only_qname"))
		return set_names(&f->names, k, v, false, err, errcap);
	if (!strcmp(k, "only_qname_suffix"))
		return set_names(&f->suffixes, k, v, true, err, errcap);
	if (!strcmp(k, "only_xact_directions"))
		return set_directions(f, v, err, errcap);
	if (!strcmp(k, "dnstap_msg_type"))
		return set_dnstap(f, v, err, errcap);
	if (!strcmp(k, "xact_ttl_ms") || !strcmp(k, "xact_ttl_secs"))
		return pv_ttl_set(&f->ttl, key, v, err, errcap);
	snprintf(err, errcap, "%s is an invalid/unsupported config or filter", k);
	return -1;
}

uint64_t pv_dns_filter_ttl_ns(const struct pv_dns_filter *f)
{
	return f->ttl.ns ? f->ttl.ns : TTL_DEFAULT_NS;
}

bool pv_dns_filter_active(const struct pv_dns_filter *f)
{
	return f->exclude_noerror || f->has_rcodes || f->only_queries || f->only_responses ||
	       f->only_dnssec_response || f->has_answer_count || f->qtypes || f->names || f->suffixes ||
	       f->geoloc_notfound || f->asn_notfound || f->directions || f->dnstap_kind;
}

/* ---- the predicate ------------------------------------------------------------------------------- */

static bool reply_fits(const struct pv_dns_filter *f, const struct pv_dns *d)
{
	if (f->exclude_noerror) {
		if (d->rcode == PV_DNS_RCODE_NOERROR)
			return false;
	} else if (f->has_rcodes) {
		bool low = f->rcodes >> (d->rcode & 15) & 1;
		bool high = d->rcode_ext >= 16 && d->rcode_ext < 32 && (f->rcodes >> d->rcode_ext & 1);
		if (!low && !high)
			return false;
	}
	if (f->has_answer_count && d->ancount != f->answer_count)
		return false;
	if (f->only_dnssec_response) {
		const unsigned need = PV_DNS_PARSED | PV_DNS_RRSIG;
		if (!d->ancount || (d->bits & need) != need)
			return false;
	}
	return true;
}

static bool place_unknown(const struct pv_dns_places *p, enum pv_define_kind kind, uint32_t number)
{
	return number && p && p->unknown(p->ctx, kind, number);
}

bool pv_dns_filter_accepts(const struct pv_dns_filter *f, const struct pv_dns *d,
			   const struct pv_dns_places *places, uint16_t *suffix_len)
{
	bool reply = d->bits & PV_DNS_QR;
	unsigned dnstap = pv_event_dnstap(&d->ev);
	if (suffix_len)
		*suffix_len = 0;
	if (f->dnstap_kind && dnstap && (dnstap + 1) / 2 != f->dnstap_kind)
		return false;
	if (reply ? f->only_queries || !reply_fits(f, d) : f->only_responses)
		return false;
	if (f->directions && !(f->directions >> pv_dns_xact_dir(d) & 1))
		return false;

	/* which of what follows is this half asked about? */
	bool type = f->qtypes && (reply || !f->by_transaction);
	bool query = !reply || !f->by_transaction;
	if (type || (query && (f->names || f->suffixes))) {
		if (!(d->bits & PV_DNS_QUESTION))
			return false;
		if (type && !(f->qtypes[d->qtype / 8] >> d->qtype % 8 & 1))
			return false;
		const char *name = pv_ref_bytes(&d->ev, d->qname);
		if (query && f->names && !names_find(f->names, name, d->qname.len))
			return false;
		if (query && f->suffixes) {
			uint16_t n = names_suffix(f->suffixes, name, d->qname.len);
			if (!n)
				return false;
			if (suffix_len)
				*suffix_len = n;
		}
	}

	bool subnet = !reply && (d->bits & PV_DNS_ECS);
	if (query && f->geoloc_notfound && !(subnet && place_unknown(places, PV_DEFINE_GEO, d->ecs.geo)))
		return false;
	if (query && f->asn_notfound && !(subnet && place_unknown(places, PV_DEFINE_ASN, d->ecs.asn)))
		return false;
	return true;
}
