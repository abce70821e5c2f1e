/* SPDX-License-Identifier: MPL-2.0 */
#include "dns/names.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/conf.h"

/* What a byte of a label becomes. */
static inline bool is_upper(uint8_t c)
{
	return (unsigned)c - 'A' < 26;
}

static inline bool is_plain(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != '.' && c != '\\';
}

static char *put_escape(char *to, uint8_t c)
{
	to[0] = '\\';
	to[1] = (char)('0' + c / 100);
	to[2] = (char)('0' + c / 10 % 10);
	to[3] = (char)('0' + c % 10);
	return to + 4;
}

/* The label at out->text and out->written + at; returns the new end. *upper when it has a capital. */
static size_t put_label(struct pv_dns_name *out, size_t at, const uint8_t *label, size_t n, bool *upper)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = label[i];
		if (!is_plain(c)) {
			put_escape(out->text + at, c);
			put_escape(out->written + at, c);
			at += 4;
			continue;
		}
		bool capital = is_upper(c);
		*upper |= capital;
		out->written[at] = (char)c;
		out->text[at++] = (char)(c | capital << 5);
	}
	return at;
}

/* Sixteen bytes at once, in the compiler's own vectors: what the machine has for them, or pairs of words. */
typedef uint8_t block __attribute__((vector_size(16)));

static inline block block_load(const void *p)
{
	block b;
	memcpy(&b, p, sizeof b);
	return b;
}

static inline bool block_any(block b)
{
	uint64_t w[2];
	memcpy(w, &b, sizeof w);
	return w[0] | w[1];
}

/* A name without pointers and without a byte that needs an escape, as nearly all are: its wire form is its text but for the
 * lengths, which become dots. False, with nothing kept, when it is not of that kind, or not a name at all. */
static bool read_plain(const uint8_t *msg, size_t n, size_t *off, struct pv_dns_name *out)
{
	const uint8_t *first = msg + *off;
	size_t room = n - *off, at = 0;
	if (room > PV_DNS_NAME_WIRE_MAX)
		room = PV_DNS_NAME_WIRE_MAX;
	unsigned dots = 0;
	for (;; dots++) {
		if (at >= room || first[at] > 63)
			return false;
		if (!first[at])
			break;
		at += first[at] + 1u;
	}
	if (!at) {
		*off += 1;
		out->len = 0;
		out->upper = false;
		return true;
	}
	size_t len = at - 1;
	if (room - 1 >= (len + 15) / 16 * 16)
		for (size_t i = 0; i < len; i += 16) {
			block b = block_load(first + 1 + i);
			memcpy(out->written + i, &b, sizeof b);
		}
	else
		memcpy(out->written, first + 1, len);
	memset(out->written + len, 'a', 16);
	for (size_t i = first[0]; i < len; i += 1u + first[i + 1])
		out->written[i] = '.';

	block odd = {0}, capitals = {0}, points = {0};
	for (size_t i = 0; i < len; i += 16) {
		block b = block_load(out->written + i);
		block capital = (block)(b - 'A' < 26);
		odd |= (block)(b - ('!' - 1u) - 1 > 0x7e - '!') | (block)(b == '\\');
		capitals |= capital;
		points -= (block)(b == '.');
		b |= capital & 0x20;
		memcpy(out->text + i, &b, sizeof b);
	}
	unsigned seen = 0;
	for (unsigned i = 0; i < 16; i++)
		seen += points[i];
	if (block_any(odd) || seen != dots - 1)
		return false;
	*off += at + 1;
	out->len = (uint16_t)len;
	out->upper = block_any(capitals);
	return true;
}

static enum pv_dns_reason read_labels(const uint8_t *msg, size_t n, size_t *off, struct pv_dns_name *out)
{
	size_t at = *off, run = at; /* run: where the labels began that we are in */
	size_t wire = 1;            /* bytes of the name, with the root's */
	bool jumped = false, upper = false;
	size_t end = 0;

	for (;;) {
		if (at >= n)
			return PV_DNS_CUT_RECORD;
		uint8_t len = msg[at];
		if (!len)
			break;
		if (len >= 0xc0) {
			if (n - at < 2)
				return PV_DNS_CUT_RECORD;
			size_t target = (size_t)(len & 0x3f) << 8 | msg[at + 1];
			if (target >= run)
				return PV_DNS_BAD_POINTER;
			if (!jumped)
				*off = at + 2;
			jumped = true;
			at = run = target;
			continue;
		}
		if (len > 63)
			return PV_DNS_BAD_NAME;
		if (n - at - 1 < len)
			return PV_DNS_CUT_RECORD;
		wire += (size_t)len + 1;
		if (wire > PV_DNS_NAME_WIRE_MAX)
			return PV_DNS_BAD_NAME;
		if (end) {
			out->text[end] = out->written[end] = '.';
			end++;
		}
		end = put_label(out, end, msg + at + 1, len, &upper);
		at += (size_t)len + 1;
	}
	if (!jumped)
		*off = at + 1;
	out->len = (uint16_t)end;
	out->upper = upper;
	return PV_DNS_FINE;
}

enum pv_dns_reason pv_dns_name_read(const uint8_t *msg, size_t n, size_t *off, struct pv_dns_name *out)
{
	size_t start = *off;
	enum pv_dns_reason bad = PV_DNS_FINE;
	if (!read_plain(msg, n, off, out))
		bad = read_labels(msg, n, off, out);
	if (bad) {
		*off = start;
		out->len = 0;
		out->upper = false;
	}
	out->text[out->len] = out->written[out->len] = '\0';
	return bad;
}

enum pv_dns_reason pv_dns_name_skip(const uint8_t *msg, size_t n, size_t *off)
{
	size_t at = *off, start = at;
	for (;;) {
		if (at >= n)
			return PV_DNS_CUT_RECORD;
		uint8_t len = msg[at];
		if (len >= 0xc0) {
			if (n - at < 2)
				return PV_DNS_CUT_RECORD;
			*off = at + 2;
			return PV_DNS_FINE;
		}
		if (len > 63)
			return PV_DNS_BAD_NAME;
		at += (size_t)len + 1;
		if (at - start > PV_DNS_NAME_WIRE_MAX)
			return PV_DNS_BAD_NAME;
		if (!len) {
			*off = at;
			return PV_DNS_FINE;
		}
	}
}

int pv_dns_name_normal(const char *typed, char *out, size_t cap)
{
	size_t n = strlen(typed), at = 0;
	if (n && typed[n - 1] == '.')
		n--;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)typed[i];
		bool plain = is_plain(c) || c == '.' || c == '\\';
		if (cap - at <= (plain ? 1u : 4u))
			return -1;
		if (plain)
			out[at++] = (char)(is_upper(c) ? c | 0x20 : c);
		else
			at = (size_t)(put_escape(out + at, c) - out);
	}
	if (at >= cap)
		return -1;
	out[at] = '\0';
	return (int)at;
}

/* The mnemonics that users have seen so far, not IANA's latest spelling: they are item names of recorded
 * metrics. */
struct code {
	uint16_t number;
	const char *name;
};

static const struct code qtypes[] = {
	{0, "Reserved (0)"}, {1, "A"}, {2, "NS"}, {3, "MD"}, {4, "MF"}, {5, "CNAME"}, {6, "SOA"}, {7, "MB"},
	{8, "MG"}, {9, "MR"}, {10, "NULL"}, {11, "WKS"}, {12, "PTR"}, {13, "HINFO"}, {14, "MINFO"},
	{15, "MX"}, {16, "TXT"}, {17, "RP"}, {18, "AFSDB"}, {19, "X25"}, {20, "ISDN"}, {21, "RT"},
	{22, "NSAP"}, {23, "NSAP-PTR"}, {24, "SIG"}, {25, "KEY"}, {26, "PX"}, {27, "GPOS"}, {28, "AAAA"},
	{29, "LOC"}, {30, "NXT"}, {31, "EID"}, {32, "NIMLOC"}, {33, "SRV"}, {34, "ATMA"}, {35, "NAPTR"},
	{36, "KX"}, {37, "CERT"}, {38, "A6"}, {39, "DNAME"}, {40, "SINK"}, {41, "OPT"}, {42, "APL"},
	{43, "DS"}, {44, "SSHFP"}, {45, "IPSECKEY"}, {46, "RRSIG"}, {47, "NSEC"}, {48, "DNSKEY"},
	{49, "DHCID"}, {50, "NSEC3"}, {51, "NSEC3PARAM"}, {52, "TLSA"}, {53, "SMIMEA"}, {55, "HIP"},
	{56, "NINFO"}, {57, "RKEY"}, {58, "TALINK"}, {59, "CDS"}, {60, "CDNSKEY"}, {61, "OPENPGPKEY"},
	{62, "CSYNC"}, {63, "ZONEMD"}, {64, "SVCB"}, {65, "HTTPS"}, {99, "SPF"}, {100, "UINFO"},
	{101, "UID"}, {102, "GID"}, {103, "UNSPEC"}, {104, "NID"}, {105, "L32"}, {106, "L64"}, {107, "LP"},
	{108, "EUI48"}, {109, "EUI64"}, {249, "TKEY"}, {250, "TSIG"}, {251, "IXFR"}, {252, "AXFR"},
	{253, "MAILB"}, {254, "MAILA"}, {255, "*"}, {256, "URI"}, {257, "CAA"}, {258, "AVC"}, {259, "DOA"},
	{260, "AMTRELAY"}, {32768, "TA"}, {32769, "DLV"}, {65535, "Reserved (65535)"},
};

static const struct code rcodes[] = {
	{0, "NOERROR"}, {1, "FORMERR"}, {2, "SRVFAIL"}, {3, "NXDOMAIN"}, {4, "NOTIMP"}, {5, "REFUSED"},
	{6, "YXDOMAIN"}, {7, "YXRRSET"}, {8, "NXRRSET"}, {9, "NOTAUTH"}, {10, "NOTZONE"}, {11, "DSOTYPENI"},
	{16, "BADVERS"}, {17, "BADKEY"}, {18, "BADTIME"}, {19, "BADMODE"}, {20, "BADNAME"}, {21, "BADALG"},
	{22, "BADTRUNC"}, {23, "BADCOOKIE"},
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char *name_of(const struct code *table, size_t n, unsigned number)
{
	size_t lo = 0;
	while (n) {
		size_t mid = n / 2;
		if (table[lo + mid].number == number)
			return table[lo + mid].name;
		if (table[lo + mid].number < number) {
			lo += mid + 1;
			n -= mid + 1;
		} else {
			n = mid;
		}
	}
	return NULL;
}

static int number_of(const struct code *table, size_t n, const char *name)
{
	uint64_t v;
	if (pv_parse_u64(name, &v))
		return v <= UINT16_MAX && name_of(table, n, (unsigned)v) ? (int)v : -1;
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(table[i].name, name))
			return table[i].number;
	return -1;
}

const char *pv_dns_qtype_name(unsigned number)
{
	return name_of(qtypes, COUNT(qtypes), number);
}

const char *pv_dns_rcode_name(unsigned number)
{
	return name_of(rcodes, COUNT(rcodes), number);
}

int pv_dns_qtype_number(const char *name)
{
	return number_of(qtypes, COUNT(qtypes), name);
}

int pv_dns_rcode_number(const char *name)
{
	/* 16 has two meanings: BADVERS in EDNS (RFC 6891), BADSIG in TSIG (RFC 8945) */
	if (!strcasecmp(name, "BADSIG"))
		return 16;
	/* the registry's own name; SRVFAIL is what metrics have always called it */
	if (!strcasecmp(name, "SERVFAIL"))
		return 2;
	return number_of(rcodes, COUNT(rcodes), name);
}

static void item(const char *name, uint64_t number, char *out, size_t cap)
{
	if (name)
		snprintf(out, cap, "%s", name);
	else
		snprintf(out, cap, "%llu", (unsigned long long)number);
}

size_t pv_dns_ecs_text(const struct pv_ecs *ecs, char text[PV_DNS_ECS_TEXT])
{
	bool v4 = ecs->family == 4;
	if (!inet_ntop(v4 ? AF_INET : AF_INET6, ecs->addr + (v4 ? 12 : 0), text, PV_DNS_ECS_TEXT))
		return 0;
	return strlen(text);
}

void pv_item_qtype(const struct pv_topn_row *row, char *out, size_t cap)
{
	item(row->num <= UINT16_MAX ? pv_dns_qtype_name((unsigned)row->num) : NULL, row->num, out, cap);
}

void pv_item_rcode(const struct pv_topn_row *row, char *out, size_t cap)
{
	item(row->num <= UINT16_MAX ? pv_dns_rcode_name((unsigned)row->num) : NULL, row->num, out, cap);
}
