/* SPDX-License-Identifier: MPL-2.0 */
/* dns/names.h: names as text, every cut of a name, number tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns/names.h"

#define X(s) s, sizeof(s) - 1

static const struct {
	const char *name;
	const char *wire;
	size_t n, off;
	const char *text, *written;
	size_t end; /* where reading goes on */
} good[] = {
	{"root", X("\0"), 0, "", "", 1},
	{"simple", X("\3www\7example\3com\0"), 0, "www.example.com", "www.example.com", 17},
	{"case", X("\3wWw\7EXAMPLE\1Z\0"), 0, "www.example.z", "wWw.EXAMPLE.Z", 15},
	{"neighbours of letters", X("\4@[`{\0"), 0, "@[`{", "@[`{", 6},
	{"dot and backslash", X("\3a.b\2\\c\0"), 0, "a\\046b.\\092c", "a\\046b.\\092c", 8},
	{"space, quote", X("\3 \"~\0"), 0, "\\032\"~", "\\032\"~", 5},
	{"binary", X("\5\0\x01\x1f\x7f\xff\0"), 0, "\\000\\001\\031\\127\\255", "\\000\\001\\031\\127\\255",
	 7},
	{"pointer", X("\3com\0\1a\xc0\0"), 5, "a.com", "a.com", 9},
	{"pointer alone", X("\1B\0\xc0\0"), 3, "b", "B", 5},
	{"pointer to pointer", X("\1c\0\1b\xc0\0\1a\xc0\3"), 7, "a.b.c", "a.b.c", 11},
	{"pointer into a name", X("\1x\1y\0\xc0\2"), 5, "y", "y", 7},
	{"bytes behind", X("\1a\0zzz"), 0, "a", "a", 3},
};

static const struct {
	const char *name;
	const char *wire;
	size_t n, off;
	enum pv_dns_reason why;
} bad[] = {
	{"nothing", "", 0, 0, PV_DNS_CUT_RECORD},
	{"off the end", X("\0"), 1, PV_DNS_CUT_RECORD},
	{"no root", X("\1a"), 0, PV_DNS_CUT_RECORD},
	{"label cut", X("\5abc"), 0, PV_DNS_CUT_RECORD},
	{"half a pointer", X("\1a\xc0"), 0, PV_DNS_CUT_RECORD},
	{"itself", X("\xc0\0"), 0, PV_DNS_BAD_POINTER},
	{"own labels", X("\1a\xc0\0"), 0, PV_DNS_BAD_POINTER},
	{"own labels, middle", X("\1a\1b\xc0\2"), 0, PV_DNS_BAD_POINTER},
	{"forward", X("\xc0\2\1a\0"), 0, PV_DNS_BAD_POINTER},
	{"beyond", X("\xff\xff\0"), 0, PV_DNS_BAD_POINTER},
	{"loop of two", X("\xc0\2\xc0\0"), 2, PV_DNS_BAD_POINTER},
	{"back and forth", X("\1a\xc0\4\1b\xc0\0"), 4, PV_DNS_BAD_POINTER},
	{"label type 01", X("\x40" "abc\0"), 0, PV_DNS_BAD_NAME},
	{"label type 10", X("\x80" "abc\0"), 0, PV_DNS_BAD_NAME},
};

static void reads(void **state)
{
	struct pv_dns_name *out = malloc(sizeof *out);
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		size_t off = good[i].off;
		print_message("    %s\n", good[i].name);
		assert_int_equal(pv_dns_name_read((const uint8_t *)good[i].wire, good[i].n, &off, out),
				 PV_DNS_FINE);
		assert_string_equal(out->text, good[i].text);
		assert_string_equal(pv_dns_name_written(out), good[i].written);
		assert_int_equal(out->len, strlen(good[i].text));
		assert_int_equal(out->upper, strcmp(good[i].text, good[i].written) != 0);
		assert_int_equal(off, good[i].end);
		size_t skipped = good[i].off;
		assert_int_equal(pv_dns_name_skip((const uint8_t *)good[i].wire, good[i].n, &skipped),
				 PV_DNS_FINE);
		assert_int_equal(skipped, off);
	}
	free(out);
}

static void refuses(void **state)
{
	struct pv_dns_name *out = malloc(sizeof *out);
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		size_t off = bad[i].off;
		print_message("    %s\n", bad[i].name);
		assert_int_equal(pv_dns_name_read((const uint8_t *)bad[i].wire, bad[i].n, &off, out),
				 bad[i].why);
		assert_int_equal(off, bad[i].off);
		assert_int_equal(out->len, 0);
		assert_string_equal(out->text, "");
		assert_string_equal(pv_dns_name_written(out), "");
	}
	free(out);
}

/* A name of `total` bytes on the wire, labels of at most 63 bytes of `fill`. */
static size_t long_name(uint8_t *to, size_t total, uint8_t fill)
{
	size_t at = 0;
	while (total - at > 1) {
		size_t label = total - at - 2 < 63 ? total - at - 2 : 63;
		if (total - at - 1 - (label + 1) == 1)
			label--; /* no label of 0 bytes may be left */
		to[at++] = (uint8_t)label;
		memset(to + at, fill, label);
		at += label;
	}
	to[at++] = 0;
	return at;
}

static void longest(void **state)
{
	struct pv_dns_name *out = malloc(sizeof *out);
	uint8_t wire[300];
	size_t off = 0;
	(void)state;
	assert_int_equal(long_name(wire, 255, 1), 255);
	assert_int_equal(pv_dns_name_read(wire, 255, &off, out), PV_DNS_FINE);
	assert_int_equal(off, 255);
	assert_int_equal(out->len, 250 * 4 + 3);
	assert_true(out->len <= PV_DNS_NAME_TEXT_MAX);
	off = 0;
	assert_int_equal(long_name(wire, 256, 'a'), 256);
	assert_int_equal(pv_dns_name_read(wire, 256, &off, out), PV_DNS_BAD_NAME);
	assert_int_equal(pv_dns_name_skip(wire, 256, &off), PV_DNS_BAD_NAME);

	/* 256 through a pointer: 2 bytes in front of a name of 254 */
	assert_int_equal(long_name(wire, 254, 'a'), 254);
	memcpy(wire + 254, "\1b\xc0\0", 4);
	off = 254;
	assert_int_equal(pv_dns_name_read(wire, 258, &off, out), PV_DNS_BAD_NAME);
	assert_int_equal(long_name(wire, 253, 'a'), 253);
	memcpy(wire + 253, "\1b\xc0\0", 4);
	off = 253;
	assert_int_equal(pv_dns_name_read(wire, 257, &off, out), PV_DNS_FINE);
	free(out);
}

/* Pointers all the way: each is one step back, so even 64 KiB of them end. */
static void staircase(void **state)
{
	struct pv_dns_name *out = malloc(sizeof *out);
	size_t n = 0x4000;
	uint8_t *wire = calloc(1, n);
	(void)state;
	for (size_t i = 2; i < n; i += 2) {
		wire[i] = (uint8_t)(0xc0 | (i - 2) >> 8);
		wire[i + 1] = (uint8_t)(i - 2);
	}
	size_t off = n - 2;
	assert_int_equal(pv_dns_name_read(wire, n, &off, out), PV_DNS_FINE);
	assert_int_equal(off, n);
	assert_int_equal(out->len, 0);
	free(wire);
	free(out);
}

/* Every prefix, its end against a page that cannot be read. */
static void guard(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pv_dns_name *out = malloc(sizeof *out);
	(void)state;
	assert_true(map != MAP_FAILED);
	assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		for (size_t n = good[i].off; n < good[i].end; n++) {
			uint8_t *at = map + page - n;
			memcpy(at, good[i].wire, n);
			size_t off = good[i].off;
			assert_int_equal(pv_dns_name_read(at, n, &off, out), PV_DNS_CUT_RECORD);
			assert_int_equal(pv_dns_name_skip(at, n, &off), PV_DNS_CUT_RECORD);
		}
	munmap(map, 2 * page);
	free(out);
}

/* Names of every length and place, with capitals, odd bytes and dots inside labels, against the rule byte by byte: nearly
 * all names take a faster way than those with odd bytes do, and both must give the same. */
static void by_the_rule(void **state)
{
	static struct pv_dns_name name;
	static const char plain[] = "abcxyzABCXYZ0189-_*";
	static const uint8_t odd[] = {0, 1, ' ', '.', '\\', 0x7f, 0x80, 0xff, '@', '[', '`', '{', '/', ':', '~', '!'};
	uint64_t x = 0x9e3779b97f4a7c15u;
	unsigned fast = 0;
	(void)state;
	for (unsigned round = 0; round < 40000; round++) {
		uint8_t wire[300];
		char text[1100], written[1100];
		size_t n = 0, out = 0;
		bool odds = round % 4 == 0, upper = false;
		while (n < 230) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			unsigned len = (unsigned)(x >> 60 ? x >> 33 & 15 : x >> 33 & 63);
			if (!len || n + len > 250)
				break;
			if (out) {
				text[out] = written[out] = '.';
				out++;
			}
			wire[n++] = (uint8_t)len;
			for (unsigned i = 0; i < len; i++) {
				x = x * 6364136223846793005u + 1442695040888963407u;
				uint8_t c = odds && !(x >> 40 & 7) ? odd[x >> 50 & 15] : (uint8_t)plain[(x >> 33) % 19];
				wire[n++] = c;
				if (c <= ' ' || c >= 0x7f || c == '.' || c == '\\') {
					snprintf(text + out, 5, "\\%03u", c);
					memcpy(written + out, text + out, 4);
					out += 4;
					continue;
				}
				written[out] = (char)c;
				upper |= c >= 'A' && c <= 'Z';
				text[out++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
			}
		}
		wire[n++] = 0;
		size_t off = 0, room = n + (round & 31);
		assert_int_equal(pv_dns_name_read(wire, room < sizeof wire ? room : sizeof wire, &off, &name), PV_DNS_FINE);
		assert_int_equal(off, n);
		assert_int_equal(name.len, out);
		assert_memory_equal(name.text, text, out);
		assert_int_equal(name.upper, upper);
		assert_memory_equal(pv_dns_name_written(&name), written, out);
		fast += out + 2 == n;
	}
	assert_true(fast > 25000);
}

static void typed(void **state)
{
	static const struct {
		const char *typed, *text;
	} rows[] = {
	    {"play.GooGle.com", "play.google.com"},
	    {"a.b.", "a.b"},
	    {".", ""},
	    {"", ""},
	    {".Com", ".com"},
	    {"b\xc3\xbc"
	     "cher.de",
	     "b\\195\\188cher.de"},
	    {"a\\046b", "a\\046b"},
	    {"a b", "a\\032b"},
	};
	char out[64];
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(pv_dns_name_normal(rows[i].typed, out, sizeof out), strlen(rows[i].text));
		assert_string_equal(out, rows[i].text);
	}
	assert_int_equal(pv_dns_name_normal("abc", out, 4), 3);
	assert_int_equal(pv_dns_name_normal("abcd", out, 4), -1);
	assert_int_equal(pv_dns_name_normal("\xff", out, 5), 4);
	assert_int_equal(pv_dns_name_normal("\xff", out, 4), -1);
	assert_int_equal(pv_dns_name_normal("", out, 0), -1);
}

static void qtypes(void **state)
{
	static const struct {
		const char *name;
		int number;
	} rows[] = {
	    {"A", 1},
	    {"aaaa", 28},
	    {"TxT", 16},
	    {"28", 28},
	    {"NSAP-PTR", 23},
	    {"*", 255},
	    {"Reserved (0)", 0},
	    {"0", 0},
	    {"65535", 65535},
	    {"TEXT", -1},
	    {"270", -1},
	    {"54", -1},
	    {"65537", -1},
	    {"", -1},
	    {"-1", -1},
	    {"1 ", -1},
	    {"18446744073709551617", -1},
	};
	unsigned names = 0;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(pv_dns_qtype_number(rows[i].name), rows[i].number);
	for (unsigned i = 0; i <= 65536; i++) {
		const char *name = pv_dns_qtype_name(i);
		if (!name)
			continue;
		names++;
		assert_int_equal(pv_dns_qtype_number(name), i);
	}
	assert_int_equal(names, 91);
}

static void rcodes(void **state)
{
	static const struct {
		const char *name;
		int number;
	} rows[] = {
	    {"NOERROR", 0},  {"nxdomain", 3}, {"SRVFAIL", 2}, {"SERVFAIL", 2}, {"5", 5},
	    {"BADVERS", 16}, {"badsig", 16},  {"16", 16},     {"23", 23},	{"12", -1},
	    {"133", -1},     {"65539", -1},   {"", -1},
	};
	unsigned names = 0;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(pv_dns_rcode_number(rows[i].name), rows[i].number);
	for (unsigned i = 0; i < 4096; i++)
		if (pv_dns_rcode_name(i)) {
			names++;
			assert_int_equal(pv_dns_rcode_number(pv_dns_rcode_name(i)), i);
		}
	assert_int_equal(names, 20);
}

static void items(void **state)
{
	char out[32];
	(void)state;
	pv_item_qtype(&(struct pv_topn_row){.num = 65}, out, sizeof out);
	assert_string_equal(out, "HTTPS");
	pv_item_qtype(&(struct pv_topn_row){.num = 270}, out, sizeof out);
	assert_string_equal(out, "270");
	pv_item_qtype(&(struct pv_topn_row){.num = UINT64_C(4294967297)}, out, sizeof out);
	assert_string_equal(out, "4294967297");
	pv_item_rcode(&(struct pv_topn_row){.num = 2}, out, sizeof out);
	assert_string_equal(out, "SRVFAIL");
	pv_item_rcode(&(struct pv_topn_row){.num = 13}, out, sizeof out);
	assert_string_equal(out, "13");
	pv_item_rcode(&(struct pv_topn_row){.num = 3}, out, 4);
	assert_string_equal(out, "NXD");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads),	 cmocka_unit_test(refuses), cmocka_unit_test(longest),
	    cmocka_unit_test(staircase), cmocka_unit_test(guard),   cmocka_unit_test(typed),
	    cmocka_unit_test(qtypes),	 cmocka_unit_test(rcodes),  cmocka_unit_test(items),
	    cmocka_unit_test(by_the_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
