/* SPDX-License-Identifier: MPL-2.0 */
/* dns/filter.h: every key, every error text, and what passes.
 *
 * Where this differs on purpose from pktvisor 4.5.0. Messages rejected of a capture of 12 queries and 12
 * replies (10 NOERROR, 1 NXDOMAIN, 1 REFUSED):
 *
 *   filter                         4.5.0           here
 *   exclude_noerror                22              10   a query has no response code, and without queries
 *   only_rcode 3                   23, uncounted   11   there are no transactions
 *   only_rcode [nxdomain, "5"]     22, uncounted   10
 *   only_rcode 0, answer_count 0   14, uncounted   8
 *                                  and 6
 *   only_qname, two of the names   18, uncounted   18   over UDP as over TCP, what is rejected is counted
 *   only_qname_suffix              14              14   but whole labels: notgoogle.com is not google.com
 *   only_queries, only_responses   12              12
 *
 * The numbers of replies by response code that pass are the same in all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/filter.h"

/* ---- setting ------------------------------------------------------------------------------------- */

static const struct pv_key *key(const char *name)
{
	for (size_t i = 0; i < PV_DNS_KEYS; i++)
		if (!strcmp(pv_dns_keys[i].name, name))
			return &pv_dns_keys[i];
	for (size_t i = 0; i < PV_DNS_KEYS_MORE; i++)
		if (!strcmp(pv_dns_keys_more[i].name, name))
			return &pv_dns_keys_more[i];
	fail_msg("no key %s", name);
	return NULL;
}

/* A value from text: "true", "#5" a number, "[a b]" a list, else a string. */
struct given {
	struct pv_value v;
	char text[256];
	const char *list[16];
};

static const struct pv_value *given(struct given *g, const char *text)
{
	memset(g, 0, sizeof *g);
	snprintf(g->text, sizeof g->text, "%s", text);
	if (!strcmp(text, "true") || !strcmp(text, "false")) {
		g->v.type = PV_KEY_BOOL;
		g->v.boolean = *text == 't';
	} else if (*text == '#') {
		g->v.type = PV_KEY_UINT;
		g->v.number = strtoull(text + 1, NULL, 10);
	} else if (*text == '[') {
		char *at = g->text + 1, *end;
		g->v.type = PV_KEY_LIST;
		g->v.list = g->list;
		while (*at && *at != ']') {
			g->list[g->v.count++] = at;
			end = at + strcspn(at, " ]");
			at = *end == ' ' ? end + 1 : end;
			*end = '\0';
		}
	} else {
		g->v.type = PV_KEY_STRING;
		g->v.string = g->text;
	}
	return &g->v;
}

static int set(struct pv_dns_filter *f, const char *name, const char *value, char *err, size_t cap)
{
	struct given g;
	return pv_dns_filter_set(f, key(name), given(&g, value), err, cap);
}

static void declared_order(void **state)
{
	static const char *const order[] = {
	    "exclude_noerror",	    "only_rcode",      "only_queries",	"only_responses",
	    "only_dnssec_response", "answer_count",    "only_qtype",	"only_qname",
	    "only_qname_suffix",    "geoloc_notfound", "asn_notfound",	"dnstap_msg_type",
	    "public_suffix_list",   "recorded_stream", "xact_ttl_secs", "xact_ttl_ms"};
	(void)state;
	assert_int_equal(sizeof order / sizeof order[0], PV_DNS_KEYS);
	for (size_t i = 0; i < PV_DNS_KEYS; i++) {
		assert_string_equal(pv_dns_keys[i].name, order[i]);
		assert_int_equal(pv_dns_keys[i].arg == NULL, pv_dns_keys[i].type == PV_KEY_BOOL);
	}
}

static void errors(void **state)
{
	static const struct {
		const char *key, *value, *error;
	} rows[] = {
	    {"only_rcode", "1",
	     "DnsStreamHandler: wrong value type for only_rcode filter. It should be an integer or an array"},
	    {"only_rcode", "true",
	     "DnsStreamHandler: wrong value type for only_rcode filter. It should be an integer or an array"},
	    {"only_rcode", "#133",
	     "DnsStreamHandler: only_rcode filter contained an invalid/unsupported rcode"},
	    {"only_rcode", "#12",
	     "DnsStreamHandler: only_rcode filter contained an invalid/unsupported rcode"},
	    {"only_rcode", "#65539",
	     "DnsStreamHandler: only_rcode filter contained an invalid/unsupported rcode"},
	    {"only_rcode", "[nxdomain what]",
	     "DnsStreamHandler: only_rcode filter contained an invalid/unsupported rcode: what"},
	    {"only_rcode", "[65539]",
	     "DnsStreamHandler: only_rcode filter contained an invalid/unsupported rcode: 65539"},
	    {"only_rcode", "[]", "DnsStreamHandler: only_rcode filter contained no entry"},
	    {"answer_count", "1",
	     "DnsStreamHandler: wrong value type for answer_count filter. It should be an integer"},
	    {"answer_count", "[1]",
	     "DnsStreamHandler: wrong value type for answer_count filter. It should be an integer"},
	    {"answer_count", "#65536", "DnsStreamHandler: answer_count must be at most 65535"},
	    {"only_qtype", "[AAAA TEXT]",
	     "DnsStreamHandler: only_qtype filter contained an invalid/unsupported qtype: TEXT"},
	    {"only_qtype", "[AAAA 270]",
	     "DnsStreamHandler: only_qtype filter contained an invalid/unsupported qtype: 270"},
	    {"only_qtype", "[65537]",
	     "DnsStreamHandler: only_qtype filter contained an invalid/unsupported qtype: 65537"},
	    {"only_qtype", "#1", "wrong type for key: only_qtype"},
	    {"only_qtype", "[]", "DnsStreamHandler: only_qtype filter contained no entry"},
	    {"only_qname", "a.b", "wrong type for key: only_qname"},
	    {"only_qname", "[a  b]", "DnsStreamHandler: only_qname filter contained an empty name"},
	    {"only_qname_suffix", "[a.b .]",
	     "DnsStreamHandler: only_qname_suffix filter contained an empty name"},
	    {"only_qname_suffix", "true", "wrong type for key: only_qname_suffix"},
	    {"exclude_noerror", "#1", "wrong type for key: exclude_noerror"},
	    {"only_queries", "yes", "wrong type for key: only_queries"},
	    {"only_responses", "yes", "wrong type for key: only_responses"},
	    {"only_dnssec_response", "yes", "wrong type for key: only_dnssec_response"},
	    {"geoloc_notfound", "yes", "wrong type for key: geoloc_notfound"},
	    {"asn_notfound", "yes", "wrong type for key: asn_notfound"},
	    {"public_suffix_list", "yes", "wrong type for key: public_suffix_list"},
	    {"recorded_stream", "#1", "wrong type for key: recorded_stream"},
	    {"xact_ttl_secs", "5s", "wrong type for key: xact_ttl_secs"},
	    {"xact_ttl_ms", "[5]", "wrong type for key: xact_ttl_ms"},
	    {"xact_ttl_secs", "#86401", "xact_ttl_secs must be between 1 and 86400"},
	    {"xact_ttl_secs", "#0", "xact_ttl_secs must be between 1 and 86400"},
	    {"xact_ttl_ms", "#0", "xact_ttl_ms must be between 1 and 86400000"},
	    {"xact_ttl_ms", "#86400001", "xact_ttl_ms must be between 1 and 86400000"},
	    {"dnstap_msg_type", "#1", "wrong type for key: dnstap_msg_type"},
	    {"dnstap_msg_type", "sender",
	     "DnsStreamHandler: dnstap_msg_type contained an invalid/unsupported type. Valid types: auth, "
	     "client, "
	     "forwarder, resolver, stub, tool, update"},
	    {"only_xact_directions", "[in sideways]",
	     "DnsStreamHandler: only_xact_directions filter contained an invalid/unsupported direction: "
	     "sideways"},
	    {"only_xact_directions", "true", "wrong type for key: only_xact_directions"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pv_dns_filter f;
		char err[256] = "";
		pv_dns_filter_init(&f);
		print_message("    %s: %s\n", rows[i].key, rows[i].value);
		assert_int_equal(set(&f, rows[i].key, rows[i].value, err, sizeof err), -1);
		assert_string_equal(err, rows[i].error);
		assert_false(pv_dns_filter_active(&f));
		pv_dns_filter_free(&f);
	}
}

static void long_names(void **state)
{
	static char name[1100];
	const char *list[] = {name};
	struct pv_value v = {.type = PV_KEY_LIST, .list = list, .count = 1};
	struct pv_dns_filter f;
	char err[256];
	(void)state;
	pv_dns_filter_init(&f);
	memset(name, 'a', sizeof name - 1);
	assert_int_equal(pv_dns_filter_set(&f, key("only_qname"), &v, err, sizeof err), -1);
	assert_memory_equal(
	    err, "DnsStreamHandler: only_qname filter contained a name that is too long: aaaa", 75);

	static const char *many[PV_LIST_MAX + 1];
	for (size_t i = 0; i < PV_LIST_MAX + 1; i++)
		many[i] = "x";
	v.list = many;
	v.count = PV_LIST_MAX + 1;
	assert_int_equal(pv_dns_filter_set(&f, key("only_qname"), &v, err, sizeof err), -1);
	assert_string_equal(err, "DnsStreamHandler: only_qname filter contained more than 1024 entries");
	v.count = PV_LIST_MAX;
	assert_int_equal(pv_dns_filter_set(&f, key("only_qname"), &v, err, sizeof err), 0);
	pv_dns_filter_free(&f);
}

static void settings(void **state)
{
	struct pv_dns_filter f;
	char err[256];
	(void)state;
	pv_dns_filter_init(&f);
	assert_int_equal(pv_dns_filter_ttl_ns(&f), UINT64_C(5000000000));
	assert_int_equal(set(&f, "xact_ttl_secs", "#2", err, sizeof err), 0);
	assert_int_equal(pv_dns_filter_ttl_ns(&f), UINT64_C(2000000000));
	assert_int_equal(set(&f, "xact_ttl_ms", "#250", err, sizeof err), 0);
	assert_int_equal(pv_dns_filter_ttl_ns(&f), UINT64_C(250000000));
	static const char *const kinds[] = {"auth", "resolver", "client", "forwarder",
					    "stub", "tool",	"update"};
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(set(&f, "dnstap_msg_type", kinds[i], err, sizeof err), 0);
		assert_int_equal(f.dnstap_kind, i + 1);
		assert_true(pv_dns_filter_active(&f));
		for (unsigned type = 0; type < 15; type++) { /* 0: of a packet, which is not asked */
			struct pv_dns d = {.ev.flags = (uint16_t)(type << PV_F_DNSTAP_SHIFT)};
			bool mine = !type || type == 2 * i + 1 || type == 2 * i + 2;
			assert_int_equal(pv_dns_filter_accepts(&f, &d, NULL, NULL), mine);
		}
	}
	f.dnstap_kind = PV_DNSTAP_ANY;
	assert_int_equal(set(&f, "recorded_stream", "true", err, sizeof err), 0);
	assert_true(f.recorded_stream);
	assert_int_equal(set(&f, "recorded_stream", "false", err, sizeof err), 0);
	assert_false(f.recorded_stream);
	assert_int_equal(set(&f, "public_suffix_list", "true", err, sizeof err), 0);
	assert_true(f.public_suffix_list);
	assert_false(pv_dns_filter_active(&f)); /* none of these rejects anything */
	pv_dns_filter_free(&f);
	assert_int_equal(pv_dns_filter_ttl_ns(&f), UINT64_C(5000000000));
}

/* ---- passing ------------------------------------------------------------------------------------- */

struct message {
	struct pv_dns dns;
	char name[64];
};

/* "query www.example.com A", "reply 3 www.example.com A", with extras behind: an=2 rrsig ext=16 in out ecs
 * broken noq */
static struct pv_dns *message(struct message *m, const char *text)
{
	char words[128], *word, *at = words;
	struct pv_dns *d = &m->dns;
	memset(m, 0, sizeof *m);
	snprintf(words, sizeof words, "%s", text);
	d->bits = PV_DNS_PARSED | PV_DNS_QUESTION;
	d->qtype = 1;
	for (int i = 0; (word = strsep(&at, " ")); i++) {
		if (!i && !strcmp(word, "reply")) {
			d->bits |= PV_DNS_QR;
			d->rcode = d->rcode_ext = (uint16_t)strtoul(at, NULL, 10);
			strsep(&at, " ");
			d->ancount = 1;
		}
		if (!i) {
			word = strsep(&at, " ");
			if (!strcmp(word, "-"))
				word[0] = '\0';
			snprintf(m->name, sizeof m->name, "%s", word);
			d->qname = d->qname_case =
			    (struct pv_ref){offsetof(struct message, name), (uint16_t)strlen(word)};
		} else if (!strncmp(word, "an=", 3)) {
			d->ancount = (uint16_t)strtoul(word + 3, NULL, 10);
		} else if (!strncmp(word, "ext=", 4)) {
			d->rcode_ext = (uint16_t)strtoul(word + 4, NULL, 10);
		} else if (!strncmp(word, "type=", 5)) {
			d->qtype = (uint16_t)strtoul(word + 5, NULL, 10);
		} else if (!strcmp(word, "rrsig")) {
			d->bits |= PV_DNS_RRSIG;
		} else if (!strcmp(word, "in")) {
			d->dir = PV_DIR_IN;
		} else if (!strcmp(word, "out")) {
			d->dir = PV_DIR_OUT;
		} else if (!strcmp(word, "of=in")) { /* its query, which was found, came in */
			d->xact = PV_XACT_MATCHED;
			d->query_dir = PV_DIR_IN;
		} else if (!strncmp(word, "ecs=", 4)) {
			d->bits |= PV_DNS_ECS;
			d->ecs.family = 4;
			d->ecs.geo = d->ecs.asn = (uint32_t)strtoul(word + 4, NULL, 10);
		} else if (!strcmp(word, "broken")) {
			d->bits &= (uint16_t)~PV_DNS_PARSED;
		} else if (!strcmp(word, "noq")) {
			d->bits &= (uint16_t)~(PV_DNS_PARSED | PV_DNS_QUESTION);
		} else {
			fail_msg("word %s", word);
		}
	}
	return d;
}

/* Place 1 is known, 2 is not. */
static bool unknown(void *ctx, enum pv_define_kind kind, uint32_t number)
{
	(void)kind;
	++*(unsigned *)ctx;
	return number == 2;
}

struct row {
	const char *keys; /* "key=value;..." */
	const char *message;
	bool passes;
	unsigned suffix_len;
};

static void check_row(const struct row *r, const char *version)
{
	struct pv_dns_filter f;
	struct message m;
	unsigned asked = 0;
	struct pv_dns_places places = {unknown, &asked};
	uint16_t suffix_len = 999;
	char keys[128], *at = keys, *one, err[128] = "";
	print_message("    %s: %s: %s\n", version, r->keys, r->message);
	pv_dns_filter_init(&f);
	snprintf(keys, sizeof keys, "%s", r->keys);
	while ((one = strsep(&at, ";")) && *one) {
		char *value = strchr(one, '=');
		*value++ = '\0';
		if (set(&f, one, value, err, sizeof err))
			fail_msg("%s", err);
	}
	if (pv_dns_filter_version(&f, version, err, sizeof err))
		fail_msg("%s", err);
	struct pv_dns *d = message(&m, r->message);
	assert_int_equal(pv_dns_filter_accepts(&f, d, &places, &suffix_len), r->passes);
	if (r->passes)
		assert_int_equal(suffix_len, r->suffix_len);
	assert_int_equal(pv_dns_filter_accepts(&f, d, &places, NULL), r->passes);
	if (!strstr(r->keys, "notfound"))
		assert_int_equal(asked, 0);
	if (!r->passes)
		assert_true(pv_dns_filter_active(&f));
	pv_dns_filter_free(&f);
}

static void passing(void **state)
{
	static const struct row rows[] = {
	    {"", "query www.example.com", true, 0},
	    {"", "reply 3 www.example.com noq", true, 0},
	    {"exclude_noerror=true", "query a.b", true, 0},
	    {"exclude_noerror=true", "reply 0 a.b", false, 0},
	    {"exclude_noerror=true", "reply 3 a.b", true, 0},
	    {"exclude_noerror=true", "reply 3 a.b noq", true, 0},
	    {"exclude_noerror=false", "reply 0 a.b", true, 0},
	    {"exclude_noerror=true;only_rcode=#3", "reply 5 a.b", true, 0}, /* the second is void */
	    {"only_rcode=#3", "query a.b", true, 0},
	    {"only_rcode=#3", "reply 3 a.b", true, 0},
	    {"only_rcode=#3", "reply 0 a.b", false, 0},
	    {"only_rcode=#0", "reply 0 a.b", true, 0},
	    {"only_rcode=[nxdomain 5]", "reply 5 a.b", true, 0},
	    {"only_rcode=[nxdomain 05]", "reply 5 a.b", true, 0},
	    {"only_rcode=[nxdomain 5]", "reply 2 a.b", false, 0},
	    {"only_rcode=[BADVERS]", "reply 0 a.b ext=16", true, 0},
	    {"only_rcode=[BADVERS]", "reply 0 a.b", false, 0},
	    {"only_rcode=[BADVERS]", "reply 0 a.b ext=4095", false, 0},
	    {"only_rcode=#3;only_rcode=#5", "reply 3 a.b", false, 0}, /* set again: replaced */
	    {"answer_count=#0", "query a.b", true, 0},
	    {"answer_count=#0", "reply 0 a.b an=0", true, 0},
	    {"answer_count=#0", "reply 0 a.b an=1", false, 0},
	    {"answer_count=#2;only_rcode=#0", "reply 0 a.b an=2", true, 0},
	    {"answer_count=#2;only_rcode=#0", "reply 3 a.b an=2", false, 0},
	    {"only_queries=true", "query a.b", true, 0},
	    {"only_queries=true", "reply 0 a.b", false, 0},
	    {"only_responses=true", "query a.b", false, 0},
	    {"only_responses=true", "reply 0 a.b", true, 0},
	    {"only_dnssec_response=true", "query a.b", true, 0},
	    {"only_dnssec_response=true", "reply 0 a.b rrsig", true, 0},
	    {"only_dnssec_response=true", "reply 0 a.b", false, 0},
	    {"only_dnssec_response=true", "reply 0 a.b rrsig broken", false, 0},
	    {"only_dnssec_response=true", "reply 0 a.b rrsig an=0", false, 0},
	    {"only_qtype=[AAAA TxT]", "query a.b type=28", true, 0},
	    {"only_qtype=[AAAA TxT]", "reply 0 a.b type=16", true, 0},
	    {"only_qtype=[AAAA TxT]", "query a.b type=1", false, 0},
	    {"only_qtype=[AAAA TxT]", "query a.b type=16 noq", false, 0},
	    {"only_qtype=[65535]", "query a.b type=65535", true, 0},
	    {"only_qname=[play.GooGle.com nonexistent.google.com]", "query play.google.com", true, 0},
	    {"only_qname=[play.GooGle.com nonexistent.google.com]", "reply 3 nonexistent.google.com", true,
	     0},
	    {"only_qname=[play.GooGle.com nonexistent.google.com]", "query google.com", false, 0},
	    {"only_qname=[play.google.com.]", "query play.google.com", true, 0},
	    {"only_qname=[.]", "query -", true, 0},
	    {"only_qname=[.]", "query com", false, 0},
	    {"only_qname=[a.b]", "query - noq", false, 0},
	    {"only_qname=[a.b]", "reply 0 a.b broken", true, 0}, /* the question was fine */
	    {"only_qname_suffix=[GooGle.com]", "query google.com", true, 10},
	    {"only_qname_suffix=[GooGle.com]", "query play.google.com", true, 10},
	    {"only_qname_suffix=[GooGle.com]", "query notgoogle.com", false, 0},
	    {"only_qname_suffix=[.google.com]", "query play.google.com", true, 11},
	    {"only_qname_suffix=[.google.com]", "query google.com", false, 0},
	    {"only_qname_suffix=[com]", "query google.com", true, 3},
	    {"only_qname_suffix=[com]", "query google.org", false, 0},
	    {"only_qname_suffix=[google.com com]", "query a.google.com", true, 10},
	    {"only_qname_suffix=[com google.com]", "query a.google.com", true, 3}, /* the first of the list */
	    {"only_qname_suffix=[.com com]", "query com", true, 3},
	    {"only_qname_suffix=[.com com]", "query a.com", true, 4},
	    {"only_qname_suffix=[com .com]", "query a.com", true, 3},
	    {"only_qname_suffix=[com]", "query -", false, 0},
	    {"only_qname_suffix=[com]", "reply 0 a.com noq", false, 0},
	    {"only_qname_suffix=[b.c];only_qname=[a.b.c]", "query x.b.c", false, 0},
	    {"only_qname_suffix=[b.c];only_qname=[a.b.c]", "query a.b.c", true, 3},
	    {"geoloc_notfound=true", "query a.b ecs=2", true, 0},
	    {"geoloc_notfound=true", "query a.b ecs=1", false, 0},
	    {"geoloc_notfound=true", "query a.b ecs=0", false, 0}, /* no database */
	    {"geoloc_notfound=true", "query a.b", false, 0},
	    {"geoloc_notfound=true", "reply 0 a.b ecs=2", false, 0},
	    {"asn_notfound=true", "query a.b ecs=2", true, 0},
	    {"asn_notfound=true", "query a.b ecs=1", false, 0},
	    {"only_xact_directions=[in]", "query a.b in", true, 0},
	    {"only_xact_directions=[in]", "reply 0 a.b out", true, 0},
	    {"only_xact_directions=[in]", "query a.b out", false, 0},
	    {"only_xact_directions=[in]", "reply 0 a.b in", false, 0},
	    {"only_xact_directions=[in]", "query a.b", false, 0},
	    {"only_xact_directions=[unknown out]", "query a.b", true, 0},
	    {"only_xact_directions=[unknown out]", "reply 0 a.b in", true, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check_row(&rows[i], "1.0");
}

/* The rules of 2.0: each half is asked only about what it is about. */
static void passing_by_transaction(void **state)
{
	static const struct row rows[] = {
	    {"", "query a.b", true, 0},
	    {"exclude_noerror=true", "query a.b", true, 0},
	    {"exclude_noerror=true", "reply 0 a.b", false, 0},
	    {"only_rcode=[nxdomain 5]", "query a.b", true, 0},
	    {"only_rcode=[nxdomain 5]", "reply 5 a.b", true, 0},
	    {"only_rcode=[nxdomain 5]", "reply 0 a.b", false, 0},
	    {"answer_count=#2", "query a.b", true, 0},
	    {"answer_count=#2", "reply 0 a.b an=1", false, 0},
	    {"only_dnssec_response=true", "query a.b", true, 0},
	    {"only_dnssec_response=true", "reply 0 a.b", false, 0},
	    {"only_dnssec_response=true", "reply 0 a.b rrsig", true, 0},
	    {"only_qtype=[AAAA]", "query a.b type=1", true, 0}, /* asked of replies */
	    {"only_qtype=[AAAA]", "query - noq", true, 0},
	    {"only_qtype=[AAAA]", "reply 0 a.b type=1", false, 0},
	    {"only_qtype=[AAAA]", "reply 0 a.b type=28", true, 0},
	    {"only_qtype=[AAAA]", "reply 0 - noq", false, 0},
	    {"only_qname=[a.b]", "query x.b", false, 0}, /* asked of queries */
	    {"only_qname=[a.b]", "query a.b", true, 0},
	    {"only_qname=[a.b]", "query - noq", false, 0},
	    {"only_qname=[a.b]", "reply 0 x.b", true, 0},
	    {"only_qname=[a.b]", "reply 0 - noq", true, 0},
	    {"only_qname_suffix=[b]", "query x.c", false, 0},
	    {"only_qname_suffix=[.b]", "query x.b", true, 2},
	    {"only_qname_suffix=[.b]", "reply 0 x.b", true, 0}, /* what is left whole is the query's */
	    {"only_qname_suffix=[b]", "reply 0 x.c", true, 0},
	    {"only_qtype=[AAAA];only_qname=[a.b]", "reply 0 x.y type=28", true, 0},
	    {"only_qtype=[AAAA];only_qname=[a.b]", "query a.b type=1", true, 0},
	    {"geoloc_notfound=true", "query a.b ecs=2", true, 0},
	    {"geoloc_notfound=true", "query a.b", false, 0},
	    {"geoloc_notfound=true", "reply 0 a.b", true, 0},
	    {"asn_notfound=true", "query a.b ecs=1", false, 0},
	    {"asn_notfound=true", "reply 0 a.b ecs=1", true, 0},
	    {"only_xact_directions=[in]", "query a.b in", true, 0},
	    {"only_xact_directions=[in]", "reply 0 a.b out", true, 0},
	    {"only_xact_directions=[in]", "reply 0 a.b in", false, 0},
	    {"only_xact_directions=[in]", "reply 0 a.b in of=in", true, 0}, /* host to host: as its query */
	    {"only_xact_directions=[out]", "reply 0 a.b in of=in", false, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check_row(&rows[i], "2.0");
}

static void versions(void **state)
{
	struct pv_dns_filter f;
	char err[128] = "";
	(void)state;
	pv_dns_filter_init(&f);
	assert_int_equal(pv_dns_filter_version(&f, "3.0", err, sizeof err), -1);
	assert_string_equal(err, "there is no version 3.0; there are: 1.0, 2.0");
	assert_int_equal(set(&f, "only_queries", "true", err, sizeof err), 0);
	assert_int_equal(pv_dns_filter_version(&f, "1.0", err, sizeof err), 0);
	assert_int_equal(pv_dns_filter_version(&f, "2.0", err, sizeof err), -1);
	assert_string_equal(err, "version 2.0 has no filter only_queries: it counts transactions");
	assert_int_equal(set(&f, "only_queries", "false", err, sizeof err), 0);
	assert_int_equal(pv_dns_filter_version(&f, "2.0", err, sizeof err), 0);
	assert_int_equal(set(&f, "only_responses", "true", err, sizeof err), 0);
	assert_int_equal(pv_dns_filter_version(&f, "2.0", err, sizeof err), -1);
	assert_string_equal(err, "version 2.0 has no filter only_responses: it counts transactions");
	pv_dns_filter_free(&f);
}

/* Big lists: each of 1024 names passes, its neighbours do not. */
static void big_lists(void **state)
{
	static char text[PV_LIST_MAX][24];
	static const char *list[PV_LIST_MAX];
	struct pv_value v = {.type = PV_KEY_LIST, .list = list, .count = PV_LIST_MAX};
	struct pv_dns_filter exact, suffix;
	char err[128];
	(void)state;
	for (unsigned i = 0; i < PV_LIST_MAX; i++) {
		snprintf(text[i], sizeof text[i], "n%u.example", i * 7919 % 65536);
		list[i] = text[i];
	}
	pv_dns_filter_init(&exact);
	pv_dns_filter_init(&suffix);
	assert_int_equal(pv_dns_filter_set(&exact, key("only_qname"), &v, err, sizeof err), 0);
	assert_int_equal(pv_dns_filter_set(&suffix, key("only_qname_suffix"), &v, err, sizeof err), 0);
	for (unsigned i = 0; i < PV_LIST_MAX; i++) {
		struct message m;
		char words[64];
		uint16_t n;
		snprintf(words, sizeof words, "query %.23s", text[i]);
		assert_true(pv_dns_filter_accepts(&exact, message(&m, words), NULL, NULL));
		snprintf(words, sizeof words, "query w.%.23s", text[i]);
		assert_false(pv_dns_filter_accepts(&exact, message(&m, words), NULL, NULL));
		assert_true(pv_dns_filter_accepts(&suffix, message(&m, words), NULL, &n));
		assert_int_equal(n, strlen(text[i]));
		snprintf(words, sizeof words, "query x%.23s", text[i]);
		assert_false(pv_dns_filter_accepts(&suffix, message(&m, words), NULL, NULL));
	}
	pv_dns_filter_free(&exact);
	pv_dns_filter_free(&suffix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(declared_order), cmocka_unit_test(errors),  cmocka_unit_test(long_names),
		cmocka_unit_test(settings),       cmocka_unit_test(passing), cmocka_unit_test(big_lists),
		cmocka_unit_test(passing_by_transaction), cmocka_unit_test(versions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
