/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/summary.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char unknown[] = "Unknown"; /* geo/geo.h */

/* ---- settings ------------------------------------------------------------------------------------------- */

static int subnet_parse(struct pv_subnet *s, const char *text, char *err, size_t cap)
{
	if (strchr(text, '/') && pv_subnet_parse(s, text, strlen(text))) /* an address alone is none, here */
		return 0;
	struct pv_hosts *words = pv_hosts_new(); /* it knows what is wrong */
	snprintf(err, cap, "invalid CIDR: %.100s", text);
	if (words)
		pv_hosts_parse_cidr(words, text, err, cap);
	pv_hosts_free(words);
	return -1;
}

struct pv_hosts *pv_flow_subnets(const struct pv_value *v, char *err, size_t cap)
{
	struct pv_hosts *set = pv_hosts_new();
	struct pv_subnet s;
	if (!set)
		snprintf(err, cap, "%s", strerror(ENOMEM));
	for (size_t i = 0; set && i < v->count; i++) {
		int bad = subnet_parse(&s, v->list[i], err, cap);
		if (!bad && (bad = pv_hosts_add(set, &s)))
			snprintf(err, cap, "%s", strerror(errno));
		if (bad) {
			pv_hosts_free(set);
			return NULL;
		}
	}
	return set;
}

static void free_subnets(struct pv_flow_summary *s)
{
	for (size_t i = 0; i < s->nsubnet; i++)
		free(s->subnet[i].text);
	free(s->subnet);
}

void pv_flow_summary_free(struct pv_flow_summary *s)
{
	free_subnets(s);
	free(s->exclude_asn);
	pv_hosts_free(s->exclude_ips);
	*s = (struct pv_flow_summary){.by_asn = false};
}

bool pv_flow_summary_on(const struct pv_flow_summary *s)
{
	return s->by_asn || s->nsubnet || s->wild4 || s->wild6;
}

/* A subnet of address zero is the wildcard of its family. -1: the second of them. */
static int take_wildcard(struct pv_flow_summary *s, const struct pv_subnet *net)
{
	bool *there = net->family == 4 ? &s->wild4 : &s->wild6;
	if (*there)
		return -1;
	*there = true;
	*(net->family == 4 ? &s->wild4_bits : &s->wild6_bits) = net->prefix;
	return 0;
}

static bool is_zero(const struct pv_subnet *net)
{
	static const uint8_t zero[16];
	size_t at = net->family == 4 ? 12 : 0;
	return !memcmp(net->addr + at, zero, 16 - at);
}

static int take_subnet(struct pv_flow_summary *s, const char *text, char *err, size_t cap)
{
	struct pv_subnet net;
	if (subnet_parse(&net, text, err, cap))
		return -1;
	if (is_zero(&net)) {
		if (!take_wildcard(s, &net))
			return 0;
		snprintf(err, cap, "FlowHandler: 'subnets_for_summarization' only allows one ipv4 and one ipv6 wildcard");
		return -1;
	}
	char *copy = strdup(text);
	if (!copy) {
		snprintf(err, cap, "%s", strerror(ENOMEM));
		return -1;
	}
	s->subnet[s->nsubnet++] = (struct pv_flow_subnet){net, copy};
	return 0;
}

int pv_flow_summary_subnets(struct pv_flow_summary *s, const struct pv_value *v, char *err, size_t cap)
{
	struct pv_flow_summary fresh = {.subnet = calloc(v->count + 1, sizeof *fresh.subnet)};
	int rc = fresh.subnet ? 0 : -1;
	if (rc)
		snprintf(err, cap, "%s", strerror(ENOMEM));
	for (size_t i = 0; !rc && i < v->count; i++)
		rc = take_subnet(&fresh, v->list[i], err, cap);
	if (rc) {
		free_subnets(&fresh);
		return -1;
	}
	free_subnets(s);
	s->subnet = fresh.subnet;
	s->nsubnet = fresh.nsubnet;
	s->wild4 = fresh.wild4;
	s->wild6 = fresh.wild6;
	s->wild4_bits = fresh.wild4_bits;
	s->wild6_bits = fresh.wild6_bits;
	return 0;
}

int pv_flow_summary_exclude_asns(struct pv_flow_summary *s, const struct pv_value *v, char *err, size_t cap)
{
	uint32_t *asn = calloc(v->count + 1, sizeof *asn);
	if (!asn) {
		snprintf(err, cap, "%s", strerror(ENOMEM));
		return -1;
	}
	for (size_t i = 0; i < v->count; i++) {
		uint64_t n;
		if (!pv_parse_u64(v->list[i], &n) || n > UINT32_MAX) {
			snprintf(err, cap, "FlowHandler: invalid 'exclude_asns_from_summarization' value: %.100s", v->list[i]);
			free(asn);
			return -1;
		}
		asn[i] = (uint32_t)n;
	}
	free(s->exclude_asn);
	s->exclude_asn = asn;
	s->nexclude_asn = v->count;
	return 0;
}

/* ---- labels --------------------------------------------------------------------------------------------- */

/* Is the number in front of the slash one of the excluded? */
static bool asn_excluded(const struct pv_flow_summary *s, const char *asn, size_t n)
{
	uint64_t number = 0;
	size_t i = 0;
	for (; i < n && asn[i] >= '0' && asn[i] <= '9' && number <= UINT32_MAX; i++)
		number = number * 10 + (uint64_t)(asn[i] - '0');
	if (!i || (i < n && asn[i] != '/'))
		return false;
	for (size_t k = 0; k < s->nexclude_asn; k++)
		if (s->exclude_asn[k] == number)
			return true;
	return false;
}

/* Do the first `bits` bits agree? */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned rest = bits % 8;
	if (memcmp(a, b, bits / 8))
		return false;
	return !rest || !((a[bits / 8] ^ b[bits / 8]) >> (8 - rest));
}

static size_t put(char to[PV_FLOW_LABEL], const char *text, size_t n)
{
	n = n < PV_FLOW_LABEL ? n : PV_FLOW_LABEL - 1;
	memcpy(to, text, n);
	to[n] = '\0';
	return n;
}

static size_t wildcard(const uint8_t addr[16], uint8_t family, uint8_t bits, char to[PV_FLOW_LABEL])
{
	struct pv_subnet net = {.family = family, .prefix = bits};
	unsigned first = family == 4 ? 12 : 0;
	memcpy(net.addr, addr, 16);
	for (unsigned i = first; i < 16; i++) {
		unsigned at = (i - first) * 8, keep = bits <= at ? 0 : bits - at < 8 ? bits - at : 8;
		net.addr[i] &= (uint8_t)(0xff00u >> keep);
	}
	char text[PV_SUBNET_TEXT];
	pv_subnet_text(&net, text);
	return put(to, text, strlen(text));
}

static size_t by_subnet(const struct pv_flow_summary *s, const uint8_t addr[16], uint8_t family, char to[PV_FLOW_LABEL])
{
	size_t first = family == 4 ? 12 : 0;
	for (size_t i = 0; i < s->nsubnet; i++) {
		const struct pv_flow_subnet *n = &s->subnet[i];
		if (n->net.family == family && same_prefix(n->net.addr + first, addr + first, n->net.prefix))
			return put(to, n->text, strlen(n->text));
	}
	if (family == 4 ? s->wild4 : s->wild6)
		return wildcard(addr, family, family == 4 ? s->wild4_bits : s->wild6_bits, to);
	return 0;
}

size_t pv_flow_summary_label(const struct pv_flow_summary *s, const uint8_t addr[16], uint8_t family, const char *asn,
			     size_t asn_len, char to[PV_FLOW_LABEL])
{
	if ((family != 4 && family != 6) || !pv_flow_summary_on(s) ||
	    (s->exclude_ips && pv_hosts_has(s->exclude_ips, addr, family)))
		return 0;
	if (s->by_asn) {
		if (!asn)
			return 0;
		bool nobody = !asn_len || (asn_len == sizeof unknown - 1 && !memcmp(asn, unknown, asn_len));
		if (!(nobody ? s->exclude_unknown : asn_excluded(s, asn, asn_len)))
			return nobody ? put(to, unknown, sizeof unknown - 1) : put(to, asn, asn_len);
	}
	return by_subnet(s, addr, family, to);
}
