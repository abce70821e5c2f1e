/* SPDX-License-Identifier: MPL-2.0 */
#include "packet/hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

/* An address as a number: IPv4 in lo alone. */
struct num {
	uint64_t hi, lo;
};

struct range {
	struct num first, last;
};

struct ranges { /* sorted, disjoint */
	struct range *at;
	size_t n;
};

struct pv_hosts {
	struct ranges v4, v6;
	struct pv_subnet *list;
	size_t n, cap; /* room in list and in both ranges */
};

static inline int num_cmp(struct num a, struct num b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo < b.lo ? -1 : a.lo > b.lo;
}

static inline struct num num_of(const uint8_t addr[16], uint8_t family)
{
	if (family == 4)
		return (struct num){0, pv_get32(addr + 12)};
	return (struct num){(uint64_t)pv_get32(addr) << 32 | pv_get32(addr + 4),
			    (uint64_t)pv_get32(addr + 8) << 32 | pv_get32(addr + 12)};
}

static struct range range_of(const struct pv_subnet *s)
{
	unsigned free_bits = (s->family == 4 ? 32u : 128u) - s->prefix;
	struct num wild = {0, 0}, a = num_of(s->addr, s->family);
	/* Shifts by the full width are undefined, hence the steps. */
	if (free_bits >= 64)
		wild.lo = UINT64_MAX;
	else
		wild.lo = (UINT64_C(1) << free_bits) - 1;
	if (free_bits >= 128)
		wild.hi = UINT64_MAX;
	else if (free_bits > 64)
		wild.hi = (UINT64_C(1) << (free_bits - 64)) - 1;
	return (struct range){{a.hi & ~wild.hi, a.lo & ~wild.lo}, {a.hi | wild.hi, a.lo | wild.lo}};
}

/* How many ranges start at or before `a`. */
static inline size_t ranges_upto(const struct ranges *r, struct num a)
{
	size_t lo = 0, n = r->n;
	while (n) {
		size_t half = n / 2;
		if (num_cmp(r->at[lo + half].first, a) <= 0) {
			lo += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return lo;
}

static inline bool ranges_have(const struct ranges *r, struct num a)
{
	size_t i = ranges_upto(r, a);
	return i && num_cmp(a, r->at[i - 1].last) <= 0;
}

static void ranges_add(struct ranges *r, struct range new)
{
	size_t i = ranges_upto(r, new.first);
	if (i && num_cmp(new.last, r->at[i - 1].last) <= 0)
		return; /* lies within one we have */
	/* It may start where a smaller one does, and hold any number of those that follow. */
	if (i && num_cmp(r->at[i - 1].first, new.first) == 0)
		i--;
	size_t j = i;
	while (j < r->n && num_cmp(r->at[j].last, new.last) <= 0)
		j++;
	memmove(r->at + i + 1, r->at + j, (r->n - j) * sizeof(*r->at));
	r->at[i] = new;
	r->n = r->n - (j - i) + 1;
}

static int grow(struct pv_hosts *h)
{
	if (h->n < h->cap)
		return 0;
	size_t cap = h->cap ? h->cap * 2 : 8;
	void *p = realloc(h->list, cap * sizeof(*h->list));
	if (p)
		h->list = p;
	void *q = realloc(h->v4.at, cap * sizeof(*h->v4.at));
	if (q)
		h->v4.at = q;
	void *r = realloc(h->v6.at, cap * sizeof(*h->v6.at));
	if (r)
		h->v6.at = r;
	if (!p || !q || !r) {
		errno = ENOMEM;
		return -1;
	}
	h->cap = cap;
	return 0;
}

struct pv_hosts *pv_hosts_new(void)
{
	return calloc(1, sizeof(struct pv_hosts));
}

void pv_hosts_free(struct pv_hosts *h)
{
	if (!h)
		return;
	free(h->v4.at);
	free(h->v6.at);
	free(h->list);
	free(h);
}

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool pv_subnet_valid(const struct pv_subnet *s)
{
	if (s->family == 4)
		return s->prefix <= 32 && memcmp(s->addr, mapped_prefix, 12) == 0;
	return s->family == 6 && s->prefix <= 128;
}

bool pv_subnet_parse(struct pv_subnet *s, const char *text, size_t n)
{
	char addr[INET6_ADDRSTRLEN];
	const char *slash = memchr(text, '/', n);
	size_t len = slash ? (size_t)(slash - text) : n;
	if (len == 0 || len >= sizeof(addr) || memchr(text, 0, len))
		return false;
	memcpy(addr, text, len);
	addr[len] = 0;
	*s = (struct pv_subnet){.family = 4, .prefix = 32};
	if (inet_pton(AF_INET, addr, s->addr + 12) == 1) {
		memcpy(s->addr, mapped_prefix, 12);
	} else {
		s->family = 6;
		s->prefix = 128;
		if (inet_pton(AF_INET6, addr, s->addr) != 1)
			return false;
	}
	if (!slash)
		return true;
	const char *p = slash + 1;
	size_t digits = n - len - 1;
	if (digits < 1 || digits > 3 || (digits > 1 && *p == '0'))
		return false;
	unsigned prefix = 0;
	for (size_t i = 0; i < digits; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		prefix = prefix * 10 + (unsigned)(p[i] - '0');
	}
	if (prefix > s->prefix)
		return false;
	s->prefix = (uint8_t)prefix;
	return true;
}

const char *pv_subnet_text(const struct pv_subnet *s, char to[PV_SUBNET_TEXT])
{
	char addr[INET6_ADDRSTRLEN] = "?";
	if (s->family == 4)
		inet_ntop(AF_INET, s->addr + 12, addr, sizeof(addr));
	else
		inet_ntop(AF_INET6, s->addr, addr, sizeof(addr));
	snprintf(to, PV_SUBNET_TEXT, "%.43s/%u", addr, (unsigned)s->prefix);
	return to;
}

/* The length of what stands before a prefix that is in order; 0: the prefix is what is wrong. */
static size_t before_prefix(const char *entry, size_t n)
{
	char other[8] = "::";
	const char *slash = memchr(entry, '/', n);
	size_t len = slash ? (size_t)(slash - entry) : 0, rest = n - len;
	struct pv_subnet s;

	if (!len || rest > 4)
		return 0;
	memcpy(other + 2, slash, rest);
	return pv_subnet_parse(&s, other, rest + 2) && (s.prefix <= 32 || memchr(entry, ':', len)) ? len : 0;
}

/* One line, whatever the entry holds. */
static void complain(char *err, size_t cap, const char *entry, size_t n)
{
	size_t address = before_prefix(entry, n), i = 0;
	const char *what = !address ? "CIDR" : memchr(entry, ':', address) ? "IPv6 address" : "IPv4 address";
	char shown[72];

	n = address ? address : n;
	for (; i < n && i < 64; i++)
		shown[i] = entry[i] < 0x20 || entry[i] > 0x7e ? '?' : entry[i];
	shown[i] = 0;
	if (n == 0)
		snprintf(err, cap, "invalid CIDR: empty entry");
	else
		snprintf(err, cap, "invalid %s: %s%s", what, shown, n > i ? "..." : "");
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static int parse(struct pv_hosts *h, const char *spec, bool prefixes, char *err, size_t cap)
{
	struct pv_subnet s;
	size_t all = strspn(spec, " \t");
	if (!spec[all])
		return 0;
	/* Twice, so that a bad entry leaves the set as it was. */
	for (int add = 0; add <= 1; add++) {
		size_t count = 0;
		for (const char *p = spec;; p++) {
			size_t len = strcspn(p, ",");
			const char *from = p, *to = p + len;
			while (from < to && blank(*from))
				from++;
			while (to > from && blank(to[-1]))
				to--;
			if ((prefixes && !memchr(from, '/', (size_t)(to - from))) ||
			    !pv_subnet_parse(&s, from, (size_t)(to - from))) {
				complain(err, cap, from, (size_t)(to - from));
				return -1;
			}
			count++;
			if (add && pv_hosts_add(h, &s) < 0) {
				snprintf(err, cap, "host subnets: %s", strerror(errno));
				return -1;
			}
			p += len;
			if (!*p)
				break;
		}
		if (count > PV_HOSTS_MAX - h->n && !add) {
			snprintf(err, cap, "too many host subnets: at most %d", PV_HOSTS_MAX);
			return -1;
		}
	}
	return 0;
}

int pv_hosts_parse(struct pv_hosts *h, const char *spec, char *err, size_t cap)
{
	return parse(h, spec, false, err, cap);
}

int pv_hosts_parse_cidr(struct pv_hosts *h, const char *spec, char *err, size_t cap)
{
	return parse(h, spec, true, err, cap);
}

int pv_hosts_add(struct pv_hosts *h, const struct pv_subnet *s)
{
	if (!pv_subnet_valid(s)) {
		errno = EINVAL;
		return -1;
	}
	if (h->n == PV_HOSTS_MAX) {
		errno = ENOSPC;
		return -1;
	}
	if (grow(h) < 0)
		return -1;
	ranges_add(s->family == 4 ? &h->v4 : &h->v6, range_of(s));
	struct pv_subnet *at = &h->list[h->n++];
	*at = *s;
	memset(at->pad, 0, sizeof(at->pad)); /* goes into the START event */
	return 0;
}

bool pv_hosts_has(const struct pv_hosts *h, const uint8_t addr[16], uint8_t family)
{
	if (family == 4)
		return ranges_have(&h->v4, num_of(addr, 4));
	return family == 6 && ranges_have(&h->v6, num_of(addr, 6));
}

size_t pv_hosts_count(const struct pv_hosts *h)
{
	return h->n;
}

const struct pv_subnet *pv_hosts_list(const struct pv_hosts *h)
{
	return h->list;
}

enum pv_dir pv_hosts_dir(const struct pv_hosts *h, const uint8_t src[16], const uint8_t dst[16],
			 uint8_t family)
{
	if (!h || !h->n)
		return PV_DIR_UNKNOWN;
	if (pv_hosts_has(h, dst, family))
		return PV_DIR_IN;
	return pv_hosts_has(h, src, family) ? PV_DIR_OUT : PV_DIR_UNKNOWN;
}
