/* SPDX-License-Identifier: MPL-2.0 */
/* Any bytes as a DNS message. Whatever comes out must keep what the headers in dns/ promise: names are
 * printable and within bounds, facts agree with each other, the same bytes say the same again, and bytes
 * behind change nothing. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/aggregate.h"
#include "dns/message.h"
#include "dns/xact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_dns: %s\n", what);
	abort();
}

static void check_name(const struct pv_dns_name *name)
{
	char again[PV_DNS_NAME_TEXT_MAX + 1];
	const char *written = pv_dns_name_written(name);
	require(name->len <= PV_DNS_NAME_TEXT_MAX, "a name is too long");
	require(strlen(name->text) == name->len && strlen(written) == name->len,
		"the length is not the text's");
	int differs = 0;
	for (size_t i = 0; i < name->len; i++) {
		char c = name->text[i], w = written[i];
		require(c > ' ' && c < 0x7f, "a byte is not printable");
		require(c < 'A' || c > 'Z', "a capital was left");
		require(c == w || c == w + ('a' - 'A'), "the spellings are not the same name");
		differs |= c != w;
		if (c != '\\')
			continue;
		require(i + 3 < name->len, "half an escape");
		unsigned v = 0;
		for (int k = 1; k <= 3; k++) {
			require(name->text[i + (size_t)k] >= '0' && name->text[i + (size_t)k] <= '9',
				"an escape is not digits");
			v = v * 10 + (unsigned)(name->text[i + (size_t)k] - '0');
		}
		require(v <= ' ' || v == '.' || v == '\\' || (v >= 0x7f && v < 256),
			"an escape was not needed");
	}
	require(differs == name->upper, "upper lies");
	require(!name->len || (name->text[0] != '.' && name->text[name->len - 1] != '.'), "an empty label");
	require(!strstr(name->text, ".."), "an empty label inside");
	require(pv_dns_name_normal(written, again, sizeof again) == (int)name->len &&
		    !strcmp(again, name->text),
		"typed, the name is another");
}

static void check_parts(const struct pv_dns_name *name, size_t suffix_len)
{
	struct pv_dns_parts p = pv_dns_aggregate(name->text, name->len, suffix_len);
	const char *end = name->text + name->len;
	require(p.len2 <= name->len && p.qname2 + p.len2 == end, "qname2 is not the name's end");
	if (p.len3)
		require(p.len3 <= name->len && p.len3 >= p.len2 && p.qname3 + p.len3 == end,
			"qname3 is not the name's end");
}

static void check(const struct pv_dns_message *m, size_t size)
{
	require(m->reason < PV_DNS_REASONS && m->reason != PV_DNS_CUT_CAPTURE, "an unknown reason");
	require((m->reason == PV_DNS_SHORT) == (size < PV_DNS_HEADER_BYTES), "short is not short");
	require(!(m->bits & PV_DNS_PARSED) == (m->reason != PV_DNS_FINE), "parsed with a fault");
	require(!(m->bits & PV_DNS_QUESTION) || m->qdcount, "a question that the header does not count");
	require((m->bits & PV_DNS_QUESTION) || (!m->qname.len && !m->qtype), "a name without a question");
	require(!(m->bits & PV_DNS_RRSIG) || m->ancount, "a signature among no answers");
	require(!(m->bits & PV_DNS_EDNS) || m->arcount, "EDNS without a record");
	require((m->bits & PV_DNS_EDNS) ||
		    !(m->bits & (PV_DNS_DO | PV_DNS_ECS | PV_DNS_COOKIE | PV_DNS_NSID | PV_DNS_EDE)),
		"options without EDNS");
	require(m->rcode < 16 && (m->rcode_ext & 15) == m->rcode && m->rcode_ext < 4096, "impossible codes");
	require(!(m->bits & PV_DNS_ECS) == !m->ecs.family, "a subnet without the bit");
	if (m->ecs.family) {
		unsigned bits = m->ecs.family == 4 ? 32 : 128, first = 128 - bits;
		require(m->ecs.family == 4 || m->ecs.family == 6, "an unknown family");
		require(m->ecs.source_prefix <= bits && m->ecs.scope_prefix <= bits, "a prefix is too long");
		for (unsigned i = first + m->ecs.source_prefix; i < 128; i++)
			require(!(m->ecs.addr[i / 8] >> (7 - i % 8) & 1), "bits behind the prefix");
	}
}

/* What a transaction remembers of it comes back the same. */
static void check_xact(const struct pv_dns_message *m)
{
	struct pv_dns_xacts *x = pv_dns_xacts_new(100, 1, PV_DNS_XACT_SLOTS_MIN);
	char name[PV_DNS_NAME_TEXT_MAX + 1];
	struct pv_dns_query q, found;
	if (!x)
		abort();
	memset(&q, 0, sizeof q);
	q.id = m->id;
	q.bits = m->bits;
	q.qtype = m->qtype;
	q.ecs = m->ecs;
	q.name = pv_dns_name_written(&m->qname);
	q.name_len = m->qname.len;
	q.upper = m->qname.upper;
	found = q;
	require(pv_dns_xacts_query(x, &q, NULL, NULL), "a new query is a retransmission");
	require(!pv_dns_xacts_query(x, &q, NULL, NULL), "a retransmission is new");
	require(pv_dns_xacts_response(x, &found, 50, name) == PV_XACT_MATCHED, "no match");
	require(!strcmp(name, q.name), "another name came back");
	found.name = q.name;
	require(!memcmp(&found, &q, sizeof q), "other facts came back");
	pv_dns_xacts_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pv_dns_message *m = malloc(sizeof *m), *again = malloc(sizeof *again);
	uint8_t *longer = malloc(size + 16);
	if (!m || !again || !longer)
		abort();
	memset(m, 0x5a, sizeof *m);
	memset(again, 0xa5, sizeof *again);
	memcpy(longer, data, size);
	memset(longer + size, 0xc0, 16);

	pv_dns_parse(data, size, m);
	check(m, size);
	check_name(&m->qname);
	for (size_t suffix = 0; suffix < 12; suffix++)
		check_parts(&m->qname, suffix);
	check_xact(m);

	pv_dns_parse(longer, m->bits & PV_DNS_PARSED ? size + 16 : size, again);
	require(!memcmp(m, again, offsetof(struct pv_dns_message, qname)),
		"the same bytes say something else");
	require(!strcmp(m->qname.text, again->qname.text), "the same bytes name something else");

	/* the question's name, wherever it is looked for */
	for (size_t at = 0; at < size && at < 64; at++) {
		size_t read = at, skipped = at;
		enum pv_dns_reason bad = pv_dns_name_read(data, size, &read, &again->qname);
		check_name(&again->qname);
		require(!bad || read == at, "a bad name moved on");
		if (!bad)
			require(!pv_dns_name_skip(data, size, &skipped) && skipped == read,
				"skipped to elsewhere");
	}
	free(m);
	free(again);
	free(longer);
	return 0;
}
