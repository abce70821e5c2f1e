/* SPDX-License-Identifier: MPL-2.0 */
/* dns/aggregate.h against its table, and dns/psl.h against rules of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/aggregate.h"
#include "dns/psl.h"
#include "dns/recent.h"

static const struct {
	const char *name, *suffix, *qname2, *qname3;
} table[] = {
	{"biz.foo.bar.com", "", ".bar.com", ".foo.bar.com"},
	{"foo.bar.com", "", ".bar.com", "foo.bar.com"},
	{"foo.bar.com.", "", ".bar.com.", "foo.bar.com."},
	{".foo.bar.com", "", ".bar.com", ".foo.bar.com"},
	{"a.b.c", "", ".b.c", "a.b.c"},
	{"a.com", "", "a.com", ""},
	{"abcdefg.com.", "", "abcdefg.com.", ""},
	{"", "", "", ""},
	{".", "", ".", ""},
	{"..", "", "..", ""},
	{"a", "", "a", ""},
	{"a.", "", "a.", ""},
	{".b.c", "", ".b.c", ""},
	{"biz.foo.bar.com", ".bar.com", ".foo.bar.com", "biz.foo.bar.com"},
	{"biz.foo.bar.com", "bar.com", ".foo.bar.com", "biz.foo.bar.com"},
	{"biz.foo.bar.com", "foo.bar.com", "biz.foo.bar.com", ""},
	{"biz.foo.bar.com", "biz.foo.bar.com", ".bar.com", ".foo.bar.com"},
	{"foo.bar.com.", "biz.foo.bar.com", ".bar.com.", "foo.bar.com."},
	{"foo.bar.com", "biz.foo.bar.com", ".bar.com", "foo.bar.com"},
	{"www.google.co.uk", ".co.uk", ".google.co.uk", "www.google.co.uk"},
	{"www.google.co.uk", "google.co.uk", "www.google.co.uk", ""},
	{"a.b.www.google.co.uk", ".co.uk", ".google.co.uk", ".www.google.co.uk"},
	/* one label, whatever its length, has no third part: not as in the original */
	{"localhost", "", "localhost", ""},
	{"host", "", "host", ""},
	{".local", "", ".local", ""},
};

/* What is remembered is what would be worked out, also when names push each other out or are too long to keep. */
static void recent(void **state)
{
	(void)state;
	struct pv_dns_recent *t = calloc(1, sizeof *t);
	assert_non_null(t);
	unsigned again = 0;
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 3 * PV_DNS_RECENT_NAMES; i++) {
			char name[256];
			int n = snprintf(name, sizeof name, "%0*u.%s.example.co.uk", i % 97, i, i % 2 ? "www" : "mail");
			uint16_t suffix = i % 3 ? 0 : 6;
			struct pv_dns_parts p = pv_dns_aggregate(name, (size_t)n, suffix);
			struct pv_dns_recent_name *r = pv_dns_recent_get(t, name, (size_t)n, suffix, 7);
			assert_int_equal(r->at2, p.qname2 - name);
			assert_int_equal(r->at3, p.qname3 - name);
			assert_int_equal(r->has3, p.len3 != 0);
			again += r->counted == i + 1;
			assert_true(!r->counted || r->counted == i + 1);
			if (i < 100)
				r->counted = i + 1;
			/* another suffix makes it another entry */
			if (i < 100 && n <= PV_DNS_RECENT_BYTES)
				assert_ptr_equal(pv_dns_recent_get(t, name, (size_t)n, suffix, 7), r);
		}
	assert_int_equal(pv_dns_recent_get(t, "a.b", 3, 0, 7)->counted, 0);
	pv_dns_recent_get(t, "a.b", 3, 0, 7)->counted = 9;
	assert_int_equal(pv_dns_recent_get(t, "a.b", 3, 0, 7)->counted, 9);
	assert_int_equal(pv_dns_recent_get(t, "a.b", 3, 2, 7)->counted, 0);
	assert_int_equal(pv_dns_recent_get(t, "a.b", 3, 0, 7)->counted, 0);
	assert_true(again < 300);
	free(t);
}

static void parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct pv_dns_parts p =
		    pv_dns_aggregate(table[i].name, strlen(table[i].name), strlen(table[i].suffix));
		char two[64], three[64];
		snprintf(two, sizeof two, "%.*s", (int)p.len2, p.qname2);
		snprintf(three, sizeof three, "%.*s", (int)p.len3, p.qname3);
		print_message("    %s / %s\n", table[i].name, table[i].suffix);
		assert_string_equal(two, table[i].qname2);
		assert_string_equal(three, table[i].qname3);
	}
}

/* Whatever the suffix, parts are tails of the name that begin at a label, and the third holds the second. */
static void tails(void **state)
{
	static const char *const names[] = {"a.bb.ccc.dddd.com", "abcde", "....", ".....",
					    "a..b.c.d",		 "x.",	  "abcd."};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t n = strlen(names[i]);
		for (size_t suffix = 0; suffix < n + 3; suffix++) {
			struct pv_dns_parts p = pv_dns_aggregate(names[i], n, suffix);
			assert_ptr_equal(p.qname2 + p.len2, names[i] + n);
			assert_true(p.len2 <= n);
			if (!p.len3)
				continue;
			assert_ptr_equal(p.qname3 + p.len3, names[i] + n);
			assert_true(p.len3 <= n && p.len3 >= p.len2);
		}
	}
}

static void public_suffix(void **state)
{
	static const struct {
		const char *name, *suffix;
	} rows[] = {
		{"www.google.com", ".com"},
		{"www.google.co.uk", ".co.uk"},
		{"disco.uk", ".uk"},                /* a label, not its tail */
		{"x.ac.gov.br", ".ac.gov.br"},      /* the longest rule */
		{"a.b.ck", ".b.ck"},                /* wildcard *.ck */
		{"www.ck", ".ck"},                  /* exception !www.ck */
		{"x.y.kobe.jp", ".y.kobe.jp"},
		{"x.city.kobe.jp", ".kobe.jp"},
		{"me.github.io", ".github.io"},     /* the private section */
		{"a.b.no-such-tld", ".no-such-tld"}, /* the rule "*" */
		{"x.co.za", ".co.za"},
	};
	struct pv_dns_psl *psl = pv_dns_psl_new();
	(void)state;
	assert_non_null(psl);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("    %s\n", rows[i].name);
		assert_int_equal(pv_dns_psl_suffix(psl, rows[i].name, strlen(rows[i].name)),
				 strlen(rows[i].suffix));
	}
	assert_int_equal(pv_dns_psl_suffix(psl, "", 0), 0);
	assert_int_equal(pv_dns_psl_suffix(psl, "co.uk", 5),
			 6); /* longer than the name: no suffix to aggregate */
	pv_dns_psl_free(psl);
	pv_dns_psl_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts),
		cmocka_unit_test(recent),
		cmocka_unit_test(tails),
		cmocka_unit_test(public_suffix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
