/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "geo/geo.h"
#include "tiny_mmdb.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

#ifdef __SANITIZE_ADDRESS__
#define LEAKS_ARE_ERRORS
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAKS_ARE_ERRORS
#endif
#endif

/* "192.0.2.1" or "2001:db8::1" as events have it. Returns the family. */
static uint8_t addr16(const char *text, uint8_t out[16])
{
	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, out), 1);
		return 6;
	}
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, out + 12), 1);
	return 4;
}

static void v4(uint32_t host, uint8_t out[16])
{
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	for (unsigned i = 0; i < 4; i++)
		out[12 + i] = (uint8_t)(host >> (24 - 8 * i));
}

/* ---- texts --------------------------------------------------------------------------------------- */

#define TEN	"abcdefghij"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* A record per function; the tables below say what must come out. */
static void full(struct mm *m)
{
	mm_map(m, 5);
	mm_coded(m, "continent", "code", "EU");
	mm_named(m, "country", "Sweden");
	mm_subdivision(m, "E");
	mm_named(m, "city", "Link\xc3\xb6ping");
	mm_place(m, 58.4167, 15.6167);
}

static void name_and_iso(struct mm *m)
{
	mm_map(m, 2);
	mm_coded(m, "continent", "code", "EU");
	mm_string(m, "country");
	mm_map(m, 2);
	mm_string(m, "iso_code");
	mm_string(m, "SE");
	mm_string(m, "names");
	mm_map(m, 2);
	mm_string(m, "de");
	mm_string(m, "Schweden");
	mm_string(m, "en");
	mm_string(m, "Sweden");
}

static void iso_only(struct mm *m)
{
	mm_map(m, 2);
	mm_coded(m, "continent", "code", "AS");
	mm_coded(m, "country", "iso_code", "XX");
}

static void no_continent(struct mm *m)
{
	mm_map(m, 2);
	mm_named(m, "country", "Nowhere");
	mm_named(m, "city", "Lost");
}

static void no_middle(struct mm *m)
{
	mm_map(m, 2);
	mm_coded(m, "continent", "code", "AF");
	mm_named(m, "city", "Oasis");
}

static void empty(struct mm *m)
{
	mm_map(m, 0);
}

static void south_west(struct mm *m)
{
	mm_map(m, 2);
	mm_coded(m, "continent", "code", "SA");
	mm_place(m, -0.0000005, -179.9999999);
}

static void zero_zero(struct mm *m)
{
	mm_map(m, 2);
	mm_coded(m, "continent", "code", "AF");
	mm_place(m, 0.0, -0.0);
}

static void lat_only(struct mm *m)
{
	mm_map(m, 2);
	mm_coded(m, "continent", "code", "NA");
	mm_string(m, "location");
	mm_map(m, 1);
	mm_string(m, "latitude");
	mm_double(m, 12.5);
}

static void lat_nan(struct mm *m)
{
	mm_map(m, 2);
	mm_coded(m, "continent", "code", "NA");
	mm_place(m, (double)NAN, 10);
}

static void lat_far(struct mm *m)
{
	mm_map(m, 2);
	mm_coded(m, "continent", "code", "NA");
	mm_place(m, 1e300, 10);
}

static void controls(struct mm *m)
{
	mm_map(m, 2);
	mm_coded(m, "continent", "code", "E\tU");
	mm_named(m, "city", "a\nb\x7f");
}

static void too_long(struct mm *m)
{
	mm_map(m, 2);
	mm_named(m, "city", HUNDRED HUNDRED HUNDRED);
	mm_place(m, 1, 2);
}

static void cut_in_character(struct mm *m) /* 239 bytes, then two-byte characters */
{
	mm_map(m, 1);
	mm_coded(m, "continent", "code", HUNDRED HUNDRED TEN TEN TEN "abcdefghi\xc3\xb6\xc3\xb6");
}

static void wrong_types(struct mm *m)
{
	mm_map(m, 2);
	mm_string(m, "continent");
	mm_map(m, 1);
	mm_string(m, "code");
	mm_u32(m, 7);
	mm_string(m, "country");
	mm_string(m, "not a map");
}

static const struct {
	const char *name;
	void (*record)(struct mm *);
	const char *text;
} cities[] = {
    {"all parts", full, "EU/Sweden/E/Link\xc3\xb6ping\t58.416700\t15.616700"},
    {"the country's name before its code", name_and_iso, "EU/Sweden"},
    {"country without an English name", iso_only, "AS/XX"},
    {"no continent keeps its slash", no_continent, "/Nowhere/Lost"},
    {"missing parts leave no slash", no_middle, "AF/Oasis"},
    {"nothing known", empty, ""},
    {"negative degrees, rounded", south_west, "SA\t-0.000001\t-180.000000"},
    {"no minus before zero", zero_zero, "AF\t0.000000\t0.000000"},
    {"a latitude alone", lat_only, "NA"},
    {"not a number", lat_nan, "NA"},
    {"off the globe", lat_far, "NA"},
    {"control characters", controls, "E U/a b "},
    {"cut, with room for the place", too_long,
     "/" HUNDRED HUNDRED TEN TEN "a\t1.000000\t2.000000"}, /* 240 bytes */
    {"cut between characters", cut_in_character, HUNDRED HUNDRED TEN TEN TEN "abcdefghi"},
    {"values of unexpected types", wrong_types, ""},
};

static void asn_full(struct mm *m)
{
	mm_map(m, 2);
	mm_string(m, "autonomous_system_number");
	mm_u32(m, 4294967295);
	mm_string(m, "autonomous_system_organization");
	mm_string(m, "Telstra Pty Ltd");
}

static void asn_number(struct mm *m)
{
	mm_map(m, 1);
	mm_string(m, "autonomous_system_number");
	mm_u16(m, 237);
}

static void asn_name(struct mm *m)
{
	mm_map(m, 1);
	mm_string(m, "autonomous_system_organization");
	mm_string(m, "360 Networks");
}

static const struct {
	const char *name;
	void (*record)(struct mm *);
	const char *text;
} asns[] = {
    {"both", asn_full, "4294967295/Telstra Pty Ltd"},
    {"number alone", asn_number, "237"},
    {"organisation alone", asn_name, "/360 Networks"},
    {"neither", empty, ""},
};

static void make_files(char city[64], char asn[64])
{
	struct mm m = {0};

	mm_temp(city);
	for (uint32_t i = 0; i < LEN(cities); i++) {
		size_t at = m.len;
		cities[i].record(&m);
		mm_net4(&m, 0xc0000200 + i, 32, at); /* 192.0.2.i */
	}
	mm_write(&m, city, "Test-City");
	mm_temp(asn);
	for (uint32_t i = 0; i < LEN(asns); i++) {
		size_t at = m.len;
		asns[i].record(&m);
		mm_net4(&m, 0xc0000200 + i, 32, at);
	}
	mm_write(&m, asn, "Test-ASN");
}

static struct pv_geo *open_geo(const char *city, const char *asn, size_t cache)
{
	struct pv_geo_conf conf = {.city_path = city, .asn_path = asn, .cache_entries = cache, .seed = 42};
	char err[256] = "";
	struct pv_geo *g = pv_geo_open(&conf, err, sizeof(err));

	if (!g)
		fail_msg("%s", err);
	return g;
}

static void expect(const char *name, const char *want, const char *text, size_t len)
{
	if (len != strlen(want) || memcmp(text, want, len))
		fail_msg("%s: want '%s', got '%.*s'", name, want, (int)len, text);
}

static void test_texts(void **state)
{
	char city[64], asn[64];

	(void)state;
	make_files(city, asn);
	for (unsigned cache = 0; cache < 2; cache++) {
		struct pv_geo *g = open_geo(city, asn, cache ? 100 : 0);
		uint8_t a[16];
		bool fresh;
		const char *text;
		size_t len;

		for (unsigned round = 0; round < 2; round++) { /* the second from the cache */
			for (uint32_t i = 0; i < LEN(cities); i++) {
				v4(0xc0000200 + i, a);
				assert_true(pv_geo_city(g, a, 4, &fresh, &text, &len) > 0);
				assert_true(len <= PV_GEO_TEXT_MAX);
				expect(cities[i].name, cities[i].text, text, len);
			}
			for (uint32_t i = 0; i < LEN(asns); i++) {
				v4(0xc0000200 + i, a);
				assert_true(pv_geo_asn(g, a, 4, &fresh, &text, &len) > 0);
				expect(asns[i].name, asns[i].text, text, len);
			}
			assert_true(pv_geo_city(g, a, 4, &fresh, &text, &len) > 0);
			v4(0x01010101, a);
			pv_geo_city(g, a, 4, &fresh, &text, &len);
			expect("not in the database", "Unknown", text, len);
		}
		struct pv_geo_counts c;
		pv_geo_counts(g, &c);
		assert_int_equal(c.lookups, 2 * (LEN(cities) + LEN(asns) + 2));
		assert_int_equal(c.errors, 0);
		if (cache)
			assert_int_equal(c.cached, LEN(cities) + LEN(asns) + 1 + 2);
		else
			assert_int_equal(c.cached, 0);
		assert_int_equal(c.unknown, cache ? 1 : 2);
		pv_geo_close(g);
	}
	unlink(city);
	unlink(asn);
}

static void test_numbers(void **state)
{
	char city[64], asn[64];
	struct pv_geo *g;
	uint8_t a[16], b[16], c[16];
	bool fresh;
	const char *text;
	size_t len;
	uint32_t na, nb;

	(void)state;
	make_files(city, asn);
	g = open_geo(city, asn, 16);
	v4(0xc0000200, a);
	v4(0xc0000201, b);
	v4(0x01010101, c);
	na = pv_geo_city(g, a, 4, &fresh, &text, &len);
	assert_true(fresh);
	nb = pv_geo_city(g, b, 4, &fresh, &text, &len);
	assert_true(fresh && nb != na && na >= 1 && nb >= 1);
	assert_int_equal(pv_geo_city(g, a, 4, &fresh, &text, &len), na);
	assert_false(fresh);
	/* Other addresses with the same text share its number. */
	uint32_t unknown = pv_geo_city(g, c, 4, &fresh, &text, &len);
	assert_true(fresh);
	v4(0x01010102, c);
	assert_int_equal(pv_geo_city(g, c, 4, &fresh, &text, &len), unknown);
	assert_false(fresh);
	/* The kinds have numbers of their own. */
	assert_int_equal(pv_geo_asn(g, a, 4, &fresh, &text, &len), 1);
	assert_true(fresh);
	/* Another stream has heard of nothing yet; numbers stay. */
	pv_geo_forget(g);
	assert_int_equal(pv_geo_city(g, b, 4, &fresh, &text, &len), nb);
	assert_true(fresh);
	assert_int_equal(pv_geo_city(g, b, 4, &fresh, &text, &len), nb);
	assert_false(fresh);
	assert_int_equal(pv_geo_city(g, a, 4, &fresh, &text, &len), na);
	assert_true(fresh);
	/* Neither 4 nor 6. */
	assert_int_equal(pv_geo_city(g, a, 0, &fresh, &text, &len), 0);
	assert_true(!fresh && !text && !len);
	pv_geo_close(g);

	/* A database that is not loaded. */
	g = open_geo(NULL, asn, 16);
	assert_int_equal(pv_geo_city(g, a, 4, &fresh, &text, &len), 0);
	assert_true(!fresh && !text && !len);
	assert_int_equal(pv_geo_asn(g, a, 4, &fresh, &text, &len), 1);
	pv_geo_close(g);
	pv_geo_close(NULL);
	pv_geo_db_close(NULL);
	pv_geo_forget(NULL);
	unlink(city);
	unlink(asn);
}

/* Two analysers on one database; closed in either order. */
static void test_shared(void **state)
{
	char city[64], asn[64], err[256];
	uint8_t a[16];
	bool fresh;
	const char *text;
	size_t len;

	(void)state;
	make_files(city, asn);
	struct pv_geo_db *db = pv_geo_db_open(city, asn, err, sizeof(err));
	assert_non_null(db);
	struct pv_geo *one = pv_geo_new(db, 10, 1), *two = pv_geo_new(db, 10, 2);
	assert_true(one && two);
	pv_geo_db_close(db);
	v4(0xc0000200, a);
	assert_int_equal(pv_geo_city(one, a, 4, &fresh, &text, &len), 1);
	assert_true(fresh);
	pv_geo_close(one);
	assert_int_equal(pv_geo_city(two, a, 4, &fresh, &text, &len), 1);
	assert_true(fresh);
	expect("after the other was closed", cities[0].text, text, len);
	pv_geo_close(two);
	unlink(city);
	unlink(asn);
}

/* One network, by that number, in place of what the file was: as an update does it. */
static void replace_asn(const char *path, uint32_t number)
{
	struct mm m = {0};
	char other[64];

	mm_temp(other);
	mm_map(&m, 1);
	mm_string(&m, "autonomous_system_number");
	mm_u32(&m, number);
	mm_net4(&m, 0x0a000000, 32, 0);
	mm_write(&m, other, "Test-ASN");
	assert_int_equal(rename(other, path), 0);
}

static void is_asn(struct pv_geo *g, const char *want)
{
	uint8_t a[16];
	bool fresh;
	const char *text;
	size_t len;

	v4(0x0a000000, a);
	assert_true(pv_geo_asn(g, a, 4, &fresh, &text, &len) > 0);
	expect("the network", want, text, len);
}

static void test_reopen(void **state)
{
	char path[64], err[256] = "", cwd[512];

	(void)state;
	mm_temp(path);
	replace_asn(path, 1);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir("/tmp"), 0);
	struct pv_geo_db *db = pv_geo_db_open(NULL, strrchr(path, '/') + 1, err, sizeof(err));
	assert_int_equal(chdir(cwd), 0); /* the path was relative to another folder */
	assert_non_null(db);
	struct pv_geo *cached = pv_geo_new(db, 10, 1), *bare = pv_geo_new(db, 0, 2);
	is_asn(cached, "1");
	is_asn(bare, "1");
	replace_asn(path, 2);
	is_asn(cached, "1");
	is_asn(bare, "1"); /* nobody has said that it changed */
	assert_int_equal(pv_geo_db_reopen(db, err, sizeof(err)), 0);
	is_asn(cached, "2");
	is_asn(bare, "2");
	unlink(path);
	assert_int_equal(pv_geo_db_reopen(db, err, sizeof(err)), -1);
	assert_non_null(strstr(err, path));
	is_asn(cached, "2");
	replace_asn(path, 1);
	assert_int_equal(pv_geo_db_reopen(db, err, sizeof(err)), 0);
	is_asn(cached, "1");
	pv_geo_close(cached);
	pv_geo_db_close(db);
	is_asn(bare, "1"); /* the last one has it all to itself */
	pv_geo_close(bare);
	unlink(path);
}

struct asker {
	struct pv_geo *geo;
	atomic_bool over;
	unsigned asked;
};

static void *ask(void *arg)
{
	struct asker *a = arg;

	while (!atomic_load(&a->over)) {
		is_asn(a->geo, "7");
		a->asked++;
	}
	return NULL;
}

/* Files are opened anew under the hands of those who read them. */
static void test_reopen_threads(void **state)
{
	char path[64], err[256] = "";
	struct asker askers[2];
	pthread_t thread[2];

	(void)state;
	mm_temp(path);
	replace_asn(path, 7);
	struct pv_geo_db *db = pv_geo_db_open(NULL, path, err, sizeof(err));
	assert_non_null(db);
	for (int i = 0; i < 2; i++) {
		askers[i] = (struct asker){.geo = pv_geo_new(db, i ? 10 : 0, 1)};
		assert_int_equal(pthread_create(&thread[i], NULL, ask, &askers[i]), 0);
	}
	for (int i = 0; i < 200; i++) {
		replace_asn(path, 7);
		assert_int_equal(pv_geo_db_reopen(db, err, sizeof(err)), 0);
	}
	for (int i = 0; i < 2; i++) {
		atomic_store(&askers[i].over, true);
		pthread_join(thread[i], NULL);
		assert_true(askers[i].asked > 0);
		pv_geo_close(askers[i].geo);
	}
	pv_geo_db_close(db);
	unlink(path);
}

/* The same 16 bytes as an IPv4 and as an IPv6 address are two keys; so are addresses whose bytes, written in
 * decimal one behind the other, look alike. */
static void test_families(void **state)
{
	static const struct {
		const char *addr, *text;
	} row[] = {
	    {"192.0.2.1", "4/four"},
	    {"::ffff:192.0.2.1", "6/six"},
	    {"2001:db8::b:1", "11/eleven-one"}, /* ...0 11 0 1 */
	    {"2001:db8::1:b01", "1/one-elevenone"},
	    {"2001:db8::101:b01", "2/two"},
	    {"2001:db8::a0b:1", "3/three"},
	};
	char path[64];
	struct mm m = {0};
	struct pv_geo *g;

	(void)state;
	mm_temp(path);
	for (size_t i = 0; i < LEN(row); i++) {
		uint8_t a[16];
		uint8_t family = addr16(row[i].addr, a);
		size_t at = m.len;

		mm_map(&m, 2);
		mm_string(&m, "autonomous_system_number");
		mm_u32(&m, strtoul(row[i].text, NULL, 10));
		mm_string(&m, "autonomous_system_organization");
		mm_string(&m, strchr(row[i].text, '/') + 1);
		if (family == 4)
			memset(a, 0, 12);
		mm_net6(&m, a, 128, at);
	}
	mm_write(&m, path, "Test-ASN");
	g = open_geo(NULL, path, 64);
	for (unsigned round = 0; round < 3; round++)
		for (size_t i = 0; i < LEN(row); i++) {
			uint8_t a[16];
			uint8_t family = addr16(row[i].addr, a);
			bool fresh;
			const char *text;
			size_t len;

			assert_true(pv_geo_asn(g, a, family, &fresh, &text, &len) > 0);
			expect(row[i].addr, row[i].text, text, len);
			assert_int_equal(fresh, round == 0);
		}
	pv_geo_close(g);
	unlink(path);
}

/* ---- bounds ------------------------------------------------------------------------------------- */

/* n networks 10.0.0.0/32, 10.0.0.1/32, ... with numbers 1, 2, ... */
static void make_many(char path[64], uint32_t n)
{
	struct mm m = {0};

	mm_temp(path);
	for (uint32_t i = 0; i < n; i++) {
		size_t at = m.len;
		mm_map(&m, 1);
		mm_string(&m, "autonomous_system_number");
		mm_u32(&m, i + 1);
		mm_net4(&m, 0x0a000000 + i, 32, at);
	}
	mm_write(&m, path, "Test-ASN");
}

static void look(struct pv_geo *g, uint32_t i, uint32_t *number, bool *fresh)
{
	char want[16];
	uint8_t a[16];
	const char *text;
	size_t len;

	v4(0x0a000000 + i, a);
	*number = pv_geo_asn(g, a, 4, fresh, &text, &len);
	snprintf(want, sizeof(want), "%u", i + 1);
	expect("one of many", want, text, len);
}

static void test_cache_bound(void **state)
{
	enum { ENTRIES = 100, HOT = 20, ALL = 3000 };
	struct pv_geo_counts before, after;
	struct pv_geo *g;
	uint32_t number[ALL], n;
	char path[64];
	bool fresh;

	(void)state;
	make_many(path, ALL);
	g = open_geo(NULL, path, ENTRIES);
	for (uint32_t i = 0; i < ALL; i++) {
		look(g, i, &number[i], &fresh);
		assert_true(fresh);
	}
	size_t heap = mallinfo2().uordblks;
	/* Many more addresses than entries, twenty of them again and again: those stay. */
	for (uint32_t i = 0; i < ALL; i++) {
		look(g, i, &n, &fresh);
		assert_true(n == number[i] && !fresh);
		look(g, i % HOT, &n, &fresh);
		assert_true(n == number[i % HOT] && !fresh);
	}
	pv_geo_counts(g, &before);
	for (uint32_t i = 0; i < HOT; i++)
		look(g, i, &n, &fresh);
	pv_geo_counts(g, &after);
	assert_int_equal(after.cached - before.cached, HOT);
	/* The cold ones are gone but for the last few. */
	for (uint32_t i = HOT; i < ALL - ENTRIES; i++)
		look(g, i, &n, &fresh);
	pv_geo_counts(g, &before);
	assert_int_equal(before.cached, after.cached);
	assert_int_equal(before.reassigned, 0);
	assert_int_equal(mallinfo2().uordblks, heap);
	assert_int_equal(before.memory_bytes, after.memory_bytes);
	pv_geo_close(g);
	unlink(path);
}

static void test_dictionary_bound(void **state)
{
	enum { ALL = PV_GEO_TEXTS + 500 };
	struct pv_geo_counts c;
	struct pv_geo *g;
	uint32_t n, first, *owner;
	char path[64];
	bool fresh;

	(void)state;
	make_many(path, ALL);
	owner = calloc(PV_GEO_TEXTS + 1, sizeof(*owner));
	assert_non_null(owner);
	g = open_geo(NULL, path, 2 * ALL); /* every address stays cached, so stale entries are met */
	look(g, 0, &first, &fresh);
	size_t heap = mallinfo2().uordblks;
	for (uint32_t i = 1; i < ALL; i++) {
		look(g, i, &n, &fresh);
		assert_true(fresh);
		assert_in_range(n, 1, PV_GEO_TEXTS);
		owner[n] = i;
		look(g, 0, &n, &fresh); /* in use all the time: never reassigned */
		assert_true(n == first && !fresh);
	}
	pv_geo_counts(g, &c);
	assert_int_equal(c.reassigned, ALL - PV_GEO_TEXTS);
	assert_int_equal(mallinfo2().uordblks, heap);
	/* Who was replaced is asked for again and is fresh (look() checks the text); who was not, is not. */
	look(g, ALL - 1, &n, &fresh);
	assert_true(owner[n] == ALL - 1 && !fresh);
	look(g, 1, &n, &fresh);
	assert_true(fresh && owner[n] != 1);
	look(g, 1, &n, &fresh);
	assert_false(fresh);
	look(g, owner[n], &n, &fresh); /* whose number was taken a moment ago */
	assert_true(fresh);
	free(owner);
	pv_geo_close(g);
	unlink(path);
}

/* ---- damage --------------------------------------------------------------------------------------- */

static void test_open_errors(void **state)
{
	char city[64], asn[64], err[256];
	struct pv_geo_conf conf = {.city_path = "/nonexistent/x.mmdb"};
	FILE *f;

	(void)state;
	assert_null(pv_geo_open(&conf, err, sizeof(err)));
	assert_string_equal(err, "/nonexistent/x.mmdb: Error opening the specified MaxMind DB file");
	make_files(city, asn);
	conf = (struct pv_geo_conf){.city_path = city, .asn_path = asn};
	f = fopen(asn, "wb");
	assert_non_null(f);
	fputs("no database at all", f);
	fclose(f);
	assert_null(pv_geo_open(&conf, err, sizeof(err)));
	assert_int_equal(strncmp(err, asn, strlen(asn)), 0);
	assert_int_equal(strncmp(err + strlen(asn), ": ", 2), 0);
	assert_true(strlen(err) > strlen(asn) + 2);
	unlink(city);
	unlink(asn);
}

static uint8_t *slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = malloc(1 << 20);

	assert_true(f && p);
	*n = fread(p, 1, 1 << 20, f);
	fclose(f);
	return p;
}

/* Records that point out of their database: what is readable is used, each look-up counts once. */
static void test_broken_records(void **state)
{
	static const char *const want[] = {"Unknown", "EU"};
	struct pv_geo_counts c;
	struct pv_geo *g;
	struct mm m = {0};
	char path[64];

	(void)state;
	mm_temp(path);
	for (uint32_t i = 0; i < LEN(want); i++) {
		size_t at = m.len;
		mm_map(&m, 1 + i);
		if (i)
			mm_coded(&m, "continent", "code", "EU");
		mm_string(&m, "city");
		mm_byte(&m, 1 << 5 | 7); /* a pointer of 11 bits, to 2047 */
		mm_byte(&m, 255);
		mm_net4(&m, 0xc0000200 + i, 32, at);
	}
	mm_write(&m, path, "Test-City");
	g = open_geo(path, NULL, 10);
	for (uint32_t i = 0; i < LEN(want); i++) {
		uint8_t a[16];
		bool fresh;
		const char *text;
		size_t len;

		v4(0xc0000200 + i, a);
		pv_geo_city(g, a, 4, &fresh, &text, &len);
		expect("broken", want[i], text, len);
	}
	pv_geo_counts(g, &c);
	assert_int_equal(c.errors, 2);
	assert_int_equal(c.unknown, 0);
	pv_geo_close(g);
	unlink(path);
}

/* Looks up the test networks and two more in whatever is there; must return. */
static uint64_t exercise(const char *path)
{
	struct pv_geo_conf conf = {.city_path = path, .asn_path = path, .cache_entries = 4, .seed = 1};
	struct pv_geo_counts c;
	char err[256];
	struct pv_geo *g = pv_geo_open(&conf, err, sizeof(err));
	uint8_t a[16];

	if (!g)
		return 0;
	for (uint32_t i = 0; i < LEN(cities) + 4; i++) {
		bool fresh;
		const char *text;
		size_t len;
		uint8_t family = i < LEN(cities) + 2 ? 4 : 6;

		if (family == 4)
			v4(0xc0000200 + i, a);
		else
			addr16(i & 1 ? "2001:db8::1" : "::192.0.2.1", a);
		assert_in_range(pv_geo_city(g, a, family, &fresh, &text, &len), 1, PV_GEO_TEXTS);
		assert_true(len <= PV_GEO_TEXT_MAX);
		assert_in_range(pv_geo_asn(g, a, family, &fresh, &text, &len), 1, PV_GEO_TEXTS);
		assert_true(len <= PV_GEO_TEXT_MAX);
	}
	pv_geo_counts(g, &c);
	pv_geo_close(g);
	return c.errors;
}

static void test_damage(void **state)
{
	char city[64], asn[64], path[64];
	uint64_t errors = 0;
	size_t n, size;
	uint8_t *file;

	(void)state;
	make_files(city, asn);
	file = slurp(city, &n);
	size = n;
	mm_temp(path);
#ifdef LEAKS_ARE_ERRORS
	/* libmaxminddb 1.7.1 leaks a list when it refuses a file for its metadata. */
	static const char marker[] = "\xab\xcd\xefMaxMind.com";
	n = (size_t)((uint8_t *)memmem(file, n, marker, sizeof(marker) - 1) - file) + sizeof(marker) - 1;
#endif
	/* The tree is most of the file and uniform: every 7th byte; the data section whole. */
	for (size_t i = 0; i<n; i += n - i> 1500 ? 7 : 1) {
		FILE *f;

		file[i] ^= 0xff;
		f = fopen(path, "wb");
		assert_non_null(f);
		assert_int_equal(fwrite(file, 1, size, f), size);
		fclose(f);
		file[i] ^= 0xff;
		errors += exercise(path);
		if (i % 64 == 0) {
			assert_int_equal(truncate(path, (off_t)i), 0);
			exercise(path); /* without metadata: refused */
		}
	}
	assert_true(errors > 0); /* damage was met, and counted */
	free(file);
	unlink(city);
	unlink(asn);
	unlink(path);
}

/* ---- files of others, when they are there -------------------------------------------------------- */

static void test_bad_data(void **state)
{
	static const char *const files[] = {"invalid-bytes-length.mmdb", "invalid-data-record-offset.mmdb"};
	const char *shared = getenv("PV_SHARED");
	unsigned found = 0;

	(void)state;
	for (size_t i = 0; shared && i < LEN(files); i++) {
		char path[512];
		snprintf(path, sizeof(path), "%s/corpus/maxmind+MaxMind-DB/bad-data/maxminddb-golang/%s",
			 shared, files[i]);
		if (access(path, R_OK))
			continue;
		found++;
		exercise(path);
	}
	if (!found)
		skip();
}

static void test_known_files(void **state)
{
	static const struct {
		bool asn;
		const char *addr, *text;
	} row[] = {
	    {false, "2a02:dac0::", "EU/Russia\t60.000000\t100.000000"},
	    {false, "89.160.20.112", "EU/Sweden/E/Link\xc3\xb6ping\t58.416700\t15.616700"},
	    {false, "216.160.83.56", "NA/United States/WA/Milton\t47.251300\t-122.314900"},
	    {false, "8.8.8.8", "Unknown"},
	    {true, "1.128.0.0", "1221/Telstra Pty Ltd"},
	    {true, "2401:8080::", "237/Merit Network Inc."},
	    {true, "1.0.0.0", "Unknown"},
	    {true, "8.8.8.8", ""},
	};
	const char *shared = getenv("PV_SHARED");
	char city[512], asn[512];

	(void)state;
	snprintf(city, sizeof(city), "%s/conform/fixtures/GeoIP2-City-Test.mmdb", shared ? shared : "");
	snprintf(asn, sizeof(asn), "%s/conform/fixtures/GeoIP2-ISP-Test.mmdb", shared ? shared : "");
	if (!shared || access(city, R_OK) || access(asn, R_OK))
		skip();
	struct pv_geo *g = open_geo(city, asn, 3);
	for (unsigned round = 0; round < 3; round++)
		for (size_t i = 0; i < LEN(row); i++) {
			uint8_t a[16];
			uint8_t family = addr16(row[i].addr, a);
			bool fresh;
			const char *text;
			size_t len;

			if (row[i].asn)
				pv_geo_asn(g, a, family, &fresh, &text, &len);
			else
				pv_geo_city(g, a, family, &fresh, &text, &len);
			expect(row[i].addr, row[i].text, text, len);
		}
	pv_geo_close(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts),	cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_shared),	cmocka_unit_test(test_families),
	    cmocka_unit_test(test_cache_bound), cmocka_unit_test(test_dictionary_bound),
	    cmocka_unit_test(test_open_errors), cmocka_unit_test(test_broken_records),
	    cmocka_unit_test(test_damage),	cmocka_unit_test(test_bad_data),
	    cmocka_unit_test(test_known_files), cmocka_unit_test(test_reopen),
	    cmocka_unit_test(test_reopen_threads),
	};

	return cmocka_run_group_tests_name("geo", tests, NULL, NULL);
}
