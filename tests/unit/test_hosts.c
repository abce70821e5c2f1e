/* SPDX-License-Identifier: MPL-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "packet/hosts.h"

/* "10.0.0.1" or "2001:db8::1" as in struct pv_packet; returns the family. */
static uint8_t address(const char *text, uint8_t to[16])
{
	memset(to, 0, 16);
	if (inet_pton(AF_INET, text, to + 12) == 1) {
		to[10] = to[11] = 0xff;
		return 4;
	}
	assert_int_equal(inet_pton(AF_INET6, text, to), 1);
	return 6;
}

static struct pv_hosts *hosts(const char *spec)
{
	char err[128] = "";
	struct pv_hosts *h = pv_hosts_new();
	assert_non_null(h);
	if (pv_hosts_parse(h, spec, err, sizeof(err)))
		fail_msg("%s: %s", spec, err);
	return h;
}

static void test_has(void **state)
{
	static const struct {
		const char *spec, *addr;
		bool has;
	} rows[] = {
		{"", "10.0.0.1", false},
		{"10.0.0.0/8", "10.0.0.0", true},
		{"10.0.0.0/8", "10.255.255.255", true},
		{"10.0.0.0/8", "9.255.255.255", false},
		{"10.0.0.0/8", "11.0.0.0", false},
		{"10.1.2.3/8", "10.9.9.9", true}, /* host bits do not matter */
		{"192.168.1.7", "192.168.1.7", true},
		{"192.168.1.7", "192.168.1.6", false},
		{"192.168.1.7/32", "192.168.1.8", false},
		{"192.168.1.6/31", "192.168.1.7", true},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "0.0.0.0", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "::", true},
		{"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
		{"::/0", "10.0.0.1", false},
		{"::/1", "7fff::1", true},
		{"::/1", "8000::", false},
		{"2001:db8::/32", "2001:db8:ffff::1", true},
		{"2001:db8::/32", "2001:db9::", false},
		{"2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"2001:db8::/64", "2001:db8:0:1::", false},
		{"2001:db8::/63", "2001:db8:0:1::", true},
		{"2001:db8::/65", "2001:db8::7fff:ffff:ffff:ffff", true},
		{"2001:db8::/65", "2001:db8::8000:0:0:0", false},
		{"2001:db8::5", "2001:db8::5", true},
		{"2001:db8::5/127", "2001:db8::4", true},
		{"2001:db8::5/127", "2001:db8::6", false},
		{"::ffff:10.0.0.0/104", "10.0.0.1", false}, /* families are apart */
		{"10.0.0.0/8", "::ffff:10.0.0.1", false},
		{" 10.0.0.0/8 ,\t192.168.0.0/16,2001:db8::/32 ", "192.168.3.4", true},
		{"10.0.0.0/8,10.1.0.0/16,10.1.2.0/24", "10.200.0.1", true},
		{"10.1.2.0/24,10.1.0.0/16,10.0.0.0/8", "10.200.0.1", true},
		{"10.1.2.0/24,10.1.0.0/16", "10.1.3.1", true},
		{"10.0.0.0/24,10.0.0.0/16", "10.0.200.1", true},
		{"10.0.0.0/24,10.0.2.0/24,10.0.1.0/24", "10.0.1.5", true},
		{"10.0.0.0/24,10.0.2.0/24", "10.0.1.5", false},
		{"10.0.0.1,10.0.0.1,10.0.0.1", "10.0.0.1", true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct pv_hosts *h = hosts(rows[i].spec);
		uint8_t a[16];
		uint8_t family = address(rows[i].addr, a);
		if (pv_hosts_has(h, a, family) != rows[i].has)
			fail_msg("%s in %s: not %d", rows[i].addr, rows[i].spec, rows[i].has);
		assert_false(pv_hosts_has(h, a, 0));
		pv_hosts_free(h);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *spec, *err;
	} rows[] = {
		{"10.0.0.0/33", "invalid CIDR: 10.0.0.0/33"},
		{"192.168.0.0/16, 10.0.0.0/33 ,::/0", "invalid CIDR: 10.0.0.0/33"},
		{"2001:db8::/129", "invalid CIDR: 2001:db8::/129"},
		{"10.0.0/8", "invalid IPv4 address: 10.0.0"},
		{"10.0.0.0/", "invalid CIDR: 10.0.0.0/"},
		{"10.0.0.0/-1", "invalid CIDR: 10.0.0.0/-1"},
		{"10.0.0.0/+8", "invalid CIDR: 10.0.0.0/+8"},
		{"10.0.0.0/08", "invalid CIDR: 10.0.0.0/08"},
		{"10.0.0.0/8/8", "invalid CIDR: 10.0.0.0/8/8"},
		{"10.0.0.0 /8", "invalid IPv4 address: 10.0.0.0 "},
		{"10.0.0.0/256", "invalid CIDR: 10.0.0.0/256"},
		{"10.0.0.0/4294967304", "invalid CIDR: 10.0.0.0/4294967304"},
		{"eth0", "invalid CIDR: eth0"},
		{"fe80::1%eth0/64", "invalid IPv6 address: fe80::1%eth0"},
		{"/8", "invalid CIDR: /8"},
		{"10.0.0.1,", "invalid CIDR: empty entry"},
		{",", "invalid CIDR: empty entry"},
		{"10.0.0.1,,10.0.0.2", "invalid CIDR: empty entry"},
		{"a\nb", "invalid CIDR: a?b"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 "invalid CIDR: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..."},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char err[128] = "", small[8];
		struct pv_hosts *h = pv_hosts_new();
		assert_int_equal(pv_hosts_parse(h, rows[i].spec, err, sizeof(err)), -1);
		assert_string_equal(err, rows[i].err);
		assert_int_equal(pv_hosts_count(h), 0); /* what was good in it was not added either */
		assert_int_equal(pv_hosts_parse(h, rows[i].spec, small, sizeof(small)), -1);
		assert_string_equal(small, "invalid");
		pv_hosts_free(h);
	}
}

static void test_text(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
	    {"10.1.2.3/8", "10.1.2.3/8"},
	    {"10.1.2.3", "10.1.2.3/32"},
	    {"2001:0DB8::0001/64", "2001:db8::1/64"},
	    {"::", "::/128"},
	    {"1111:2222:3333:4444:5555:6666:7777:8888/128", "1111:2222:3333:4444:5555:6666:7777:8888/128"},
	    {"::ffff:255.255.255.255", "::ffff:255.255.255.255/128"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[PV_SUBNET_TEXT];
		struct pv_subnet s, again;
		assert_true(pv_subnet_parse(&s, rows[i].in, strlen(rows[i].in)));
		assert_true(pv_subnet_valid(&s));
		assert_string_equal(pv_subnet_text(&s, text), rows[i].out);
		assert_true(pv_subnet_parse(&again, text, strlen(text)));
		assert_memory_equal(&s, &again, sizeof(s));
	}
}

static void test_list(void **state)
{
	(void)state;
	struct pv_hosts *h = hosts("192.168.0.54/24, 2001:db8::/32");
	char text[PV_SUBNET_TEXT], err[64];
	assert_int_equal(pv_hosts_count(h), 2);
	assert_string_equal(pv_subnet_text(&pv_hosts_list(h)[0], text), "192.168.0.54/24");
	assert_string_equal(pv_subnet_text(&pv_hosts_list(h)[1], text), "2001:db8::/32");
	assert_int_equal(pv_hosts_parse(h, "10.0.0.0/8", err, sizeof(err)), 0); /* adds to what is there */
	assert_int_equal(pv_hosts_count(h), 3);

	struct pv_subnet bad = pv_hosts_list(h)[0];
	bad.family = 5;
	errno = 0;
	assert_int_equal(pv_hosts_add(h, &bad), -1);
	assert_int_equal(errno, EINVAL);
	bad.family = 4;
	bad.prefix = 33;
	assert_int_equal(pv_hosts_add(h, &bad), -1);
	bad.prefix = 24;
	bad.addr[0] = 1; /* family 4 wants the mapped form */
	assert_int_equal(pv_hosts_add(h, &bad), -1);
	bad.family = 6;
	bad.prefix = 129;
	assert_int_equal(pv_hosts_add(h, &bad), -1);
	assert_int_equal(pv_hosts_count(h), 3);
	pv_hosts_free(h);
	pv_hosts_free(NULL);
}

/* The set against the definition, over many random nested blocks. */
static void test_against_masks(void **state)
{
	uint64_t x = 88172645463325252u;
	(void)state;
	for (int round = 0; round < 40; round++) {
		struct pv_hosts *h = pv_hosts_new();
		size_t blocks = (size_t)1 << (round % 8);
		uint8_t family = round & 1 ? 4 : 6;
		for (size_t i = 0; i < blocks; i++) {
			struct pv_subnet s = {.family = family};
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			if (family == 4) {
				s.addr[10] = s.addr[11] = 0xff;
				memcpy(s.addr + 12, &x, 4);
				s.addr[12] &= 3; /* crowded, so that blocks nest */
				s.prefix = (uint8_t)(x >> 32 & 31) + 1;
			} else {
				memcpy(s.addr, &x, 8);
				memcpy(s.addr + 8, &x, 8);
				s.addr[0] &= 3;
				s.prefix = (uint8_t)(x >> 32 & 127) + 1;
			}
			assert_int_equal(pv_hosts_add(h, &s), 0);
		}
		for (int probe = 0; probe < 2000; probe++) {
			const struct pv_subnet *list = pv_hosts_list(h);
			uint8_t a[16];
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			/* near a block's border: its address with one bit turned over */
			memcpy(a, list[x % blocks].addr, 16);
			unsigned bit = family == 4 ? 96 + (x >> 40) % 32 : (x >> 40) % 128;
			a[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			bool want = false;
			for (size_t i = 0; i < blocks && !want; i++) {
				unsigned first = family == 4 ? 96 : 0, n = list[i].prefix, b = 0;
				while (b < n && !((a[(first + b) / 8] ^ list[i].addr[(first + b) / 8]) &
						  0x80 >> (first + b) % 8))
					b++;
				want = b == n;
			}
			assert_int_equal(pv_hosts_has(h, a, family), want);
		}
		pv_hosts_free(h);
	}
}

static void test_limit(void **state)
{
	(void)state;
	struct pv_hosts *h = pv_hosts_new();
	struct pv_subnet s = {.addr = {[10] = 0xff, [11] = 0xff, [12] = 10}, .family = 4, .prefix = 32};
	char err[64];
	for (unsigned i = 0; i < PV_HOSTS_MAX; i++) {
		s.addr[14] = (uint8_t)(i >> 8);
		s.addr[15] = (uint8_t)i;
		assert_int_equal(pv_hosts_add(h, &s), 0);
	}
	errno = 0;
	assert_int_equal(pv_hosts_add(h, &s), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(pv_hosts_parse(h, "10.0.0.1", err, sizeof(err)), -1);
	assert_string_equal(err, "too many host subnets: at most 4000");
	assert_int_equal(pv_hosts_count(h), PV_HOSTS_MAX);
	s.addr[14] = 0;
	s.addr[15] = 77;
	assert_true(pv_hosts_has(h, s.addr, 4));
	s.addr[14] = 15;
	s.addr[15] = 160; /* 4000 */
	assert_false(pv_hosts_has(h, s.addr, 4));
	pv_hosts_free(h);
}

static void test_dir(void **state)
{
	static const struct {
		const char *spec, *src, *dst;
		enum pv_dir dir;
	} rows[] = {
		{"10.0.0.0/8", "10.0.0.1", "192.0.2.1", PV_DIR_OUT},
		{"10.0.0.0/8", "192.0.2.1", "10.0.0.1", PV_DIR_IN},
		{"10.0.0.0/8", "10.0.0.2", "10.0.0.1", PV_DIR_IN},
		{"10.0.0.0/8", "192.0.2.1", "192.0.2.2", PV_DIR_UNKNOWN},
		{"", "10.0.0.2", "10.0.0.1", PV_DIR_UNKNOWN},
		{"2001:db8::/32", "2001:db8::1", "2001:db9::1", PV_DIR_OUT},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct pv_hosts *h = hosts(rows[i].spec);
		uint8_t a[16], b[16];
		uint8_t family = address(rows[i].src, a);
		address(rows[i].dst, b);
		assert_int_equal(pv_hosts_dir(h, a, b, family), rows[i].dir);
		assert_int_equal(pv_hosts_dir(NULL, a, b, family), PV_DIR_UNKNOWN);
		pv_hosts_free(h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_has),   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_text),  cmocka_unit_test(test_list),
		cmocka_unit_test(test_limit), cmocka_unit_test(test_against_masks),
		cmocka_unit_test(test_dir),
	};
	return cmocka_run_group_tests_name("hosts", tests, NULL, NULL);
}
