/* SPDX-License-Identifier: MPL-2.0 */
/* Several sums by key: exact while there is room, bounded and honest when there is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "guard.h"
#include "sketch/tally.h"
#include "sketch_util.h"

#define ROWS 64

static struct pv_tally *new_tally(void)
{
	struct pv_tally *t = pv_tally_new(2, ROWS, 42);
	assert_non_null(t);
	return t;
}

static void add(struct pv_tally *t, uint32_t key, uint64_t weight, uint64_t other)
{
	const uint64_t sums[] = {weight, other};
	uint8_t big[4] = {(uint8_t)(key >> 24), (uint8_t)(key >> 16), (uint8_t)(key >> 8), (uint8_t)key};
	pv_tally_add(t, big, sizeof big, sums);
}

static uint32_t key_of(const struct pv_tally_row *r)
{
	return (uint32_t)r->key[0] << 24 | (uint32_t)r->key[1] << 16 | (uint32_t)r->key[2] << 8 | r->key[3];
}

/* "key=a/b key=a/b", in the order asked for. */
static const char *rows(const struct pv_tally *t, size_t max, int sort)
{
	static char text[1024];
	const struct pv_tally_row *r[ROWS];
	size_t n = pv_tally_rows(t, r, max, sort), at = 0;
	text[0] = 0;
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%u=%llu/%llu", i ? " " : "",
				       key_of(r[i]), (unsigned long long)r[i]->sum[0],
				       (unsigned long long)r[i]->sum[1]);
	return text;
}

static void sums_and_orders(void **state)
{
	struct pv_tally *t = new_tally();
	(void)state;
	assert_string_equal(rows(t, 5, 0), "");
	add(t, 7, 10, 1);
	add(t, 3, 30, 1);
	add(t, 9, 10, 5);
	add(t, 7, 10, 1);
	add(t, 1, 20, 2);
	assert_string_equal(rows(t, 9, 0), "3=30/1 1=20/2 7=20/2 9=10/5");
	assert_string_equal(rows(t, 9, 1), "9=10/5 1=20/2 7=20/2 3=30/1");
	assert_string_equal(rows(t, 9, 5), rows(t, 9, 0)); /* no such column */
	assert_string_equal(rows(t, 9, PV_TALLY_BY_KEY), "1=20/2 3=30/1 7=20/2 9=10/5");
	assert_string_equal(rows(t, 3, PV_TALLY_BY_KEY), "1=20/2 3=30/1 7=20/2"); /* the heaviest three */
	assert_string_equal(rows(t, 2, 1), "9=10/5 1=20/2");
	assert_string_equal(rows(t, 0, 0), "");
	pv_tally_free(t);
}

static void check_total(const struct pv_tally *t, uint64_t a, uint64_t b)
{
	uint64_t sums[PV_TALLY_COLUMNS];
	pv_tally_total(t, sums);
	assert_int_equal(sums[0], a);
	assert_int_equal(sums[1], b);
}

/* Two heavy keys come back all the time, while ten thousand others come once each. */
static void flood(void **state)
{
	struct pv_tally *t = new_tally();
	const struct pv_tally_row *r[ROWS];
	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		add(t, 1000000 + i, 60, 1);
		if (i % 4 == 0)
			add(t, 1, 1500, 1);
		if (i % 20 == 19)
			add(t, 2, 1000, 2);
		assert_true(pv_tally_active(t) <= ROWS);
	}
	check_total(t, 10000 * 60 + 2500 * 1500 + 500 * 1000, 10000 + 2500 + 2 * 500);
	assert_true(pv_tally_memory(t) < ROWS * 128 + 256);
	assert_true(pv_tally_evicted(t) >= 10000 - ROWS);
	assert_int_equal(pv_tally_rows(t, r, 2, 0), 2);
	assert_int_equal(key_of(r[0]), 1);
	assert_int_equal(key_of(r[1]), 2);
	assert_int_equal(r[0]->sum[0],
			 2500 * 1500); /* it was there before the first had to go, and never went */
	assert_true(r[1]->sum[0] <= 500 * 1000 && r[1]->sum[0] + pv_tally_max_error(t) >= 500 * 1000);
	pv_tally_free(t);
}

static void who_goes(void **state)
{
	struct pv_tally *t = new_tally();
	(void)state;
	for (uint32_t i = 1; i <= 6; i++)
		add(t, i, i == 2 ? 50 : 10, 1);
	pv_tally_trim(t, 3); /* of equal ones the oldest: 1, 3, 4 */
	assert_string_equal(rows(t, 9, 0), "2=50/1 5=10/1 6=10/1");
	assert_int_equal(pv_tally_evicted(t), 3);
	assert_int_equal(pv_tally_max_error(t), 10);
	check_total(t, 100, 6);
	pv_tally_trim(t, 3);
	assert_int_equal(pv_tally_evicted(t), 3);
	add(t, 5, 1, 1); /* the index has been made anew */
	add(t, 1, 7, 1);
	assert_string_equal(rows(t, 9, 0), "2=50/1 5=11/2 6=10/1 1=7/1");
	pv_tally_free(t);
}

/* As many rows as may stay have been heavy for long; then, among many keys that are seen once, a new one
 * begins which soon is a quarter of everything. It must be seen. */
static void latecomer(void **state)
{
	struct pv_tally *t = new_tally();
	const struct pv_tally_row *r[1];
	uint64_t weight = 0;
	(void)state;
	for (uint32_t i = 0; i < ROWS / 2; i++)
		add(t, 10 + i, 100000, 1);
	for (uint32_t i = 0; i < 200000; i++) {
		add(t, 1000000 + i, 60, 1);
		if (i % 4 == 0) {
			add(t, 1, 200, 1);
			weight += 200;
		}
	}
	assert_int_equal(pv_tally_rows(t, r, 1, 0), 1);
	assert_int_equal(key_of(r[0]), 1);
	assert_true(r[0]->sum[0] <= weight && r[0]->sum[0] + pv_tally_max_error(t) >= weight);
	pv_tally_free(t);
}

/* ---- what the header promises, of any sequence of calls --------------------------------------------- */

#define KEYS  300u
#define PARTS 5

/* A tally and what it should know. */
struct part {
	struct pv_tally *t;
	uint64_t sum[KEYS][2];
};

static void add_random(struct part *p, uint64_t *random)
{
	for (uint64_t n = rnd(random) % 2000; n; n--) {
		uint32_t key = (uint32_t)(rnd(random) % KEYS);
		if (rnd(random) % 2)
			key %= 8; /* some come more often */
		uint64_t weight = rnd(random) % 3 ? rnd(random) % 100 : 1000 * (rnd(random) % 10),
			 other = rnd(random) % 5;
		add(p->t, key, weight, other);
		p->sum[key][0] += weight;
		p->sum[key][1] += other;
	}
}

static void merge_parts(struct part *to, const struct part *from)
{
	assert_int_equal(pv_tally_merge(to->t, from->t), 0);
	for (uint32_t k = 0; k < KEYS; k++)
		for (int c = 0; c < 2; c++)
			to->sum[k][c] += from->sum[k][c];
}

/* Into an image and out of it, with another seed. */
static void again(struct part *p)
{
	size_t n = pv_tally_image_size(p->t);
	uint8_t *image = malloc(n);
	assert_non_null(image);
	assert_int_equal(pv_tally_write(p->t, image, n), n);
	pv_tally_free(p->t);
	p->t = pv_tally_read(2, image, n, ROWS, n);
	assert_non_null(p->t);
	free(image);
}

static void check_promises(const struct part *p)
{
	const struct pv_tally_row *r[ROWS];
	uint64_t all[2] = {0}, error = pv_tally_max_error(p->t), shown[KEYS] = {0};
	size_t n = pv_tally_rows(p->t, r, ROWS, 0);
	assert_int_equal(n, pv_tally_active(p->t));
	for (size_t i = 0; i < n; i++) {
		uint32_t k = key_of(r[i]);
		assert_true(k < KEYS && !shown[k]);
		assert_true(r[i]->sum[0] <= p->sum[k][0] && r[i]->sum[1] <= p->sum[k][1]);
		assert_true(pv_tally_evicted(p->t) || r[i]->sum[1] == p->sum[k][1]);
		shown[k] = r[i]->sum[0];
	}
	for (uint32_t k = 0; k < KEYS; k++) {
		assert_true(p->sum[k][0] <= shown[k] + error);
		all[0] += p->sum[k][0];
		all[1] += p->sum[k][1];
	}
	check_total(p->t, all[0], all[1]);
	assert_true(error * (ROWS / 2 + 1) <= all[0]);
	assert_true(error == 0 || pv_tally_evicted(p->t));
}

/* Parts in any order, with images in between: the promises hold, and what had not to go is the same in every
 * order. */
static void promises(void **state)
{
	uint64_t random = 5;
	(void)state;
	for (int round = 0; round < 200; round++) {
		static struct part part[PARTS], one;
		memset(&one, 0, sizeof one);
		memset(part, 0, sizeof part);
		one.t = new_tally();
		for (int i = 0; i < PARTS; i++) {
			part[i].t = new_tally();
			add_random(&part[i], &random);
			check_promises(&part[i]);
		}
		for (int i = 0; i < PARTS; i++)
			merge_parts(&one, &part[i]);
		check_promises(&one);
		for (int left = PARTS; left > 1; left--) {
			int a = (int)(rnd(&random) % (unsigned)left), b = (a + 1) % left;
			if (rnd(&random) % 2)
				again(&part[a]);
			merge_parts(&part[a], &part[b]);
			add_random(&part[a], &random);
			check_promises(&part[a]);
			pv_tally_free(part[b].t);
			part[b] = part[left - 1];
		}
		pv_tally_free(part[0].t);
		pv_tally_free(one.t);
	}
}

static void merging(void **state)
{
	struct pv_tally *a = new_tally(), *b = new_tally(), *other = pv_tally_new(3, ROWS, 1);
	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		add(a, i, 100 + i, 1);
		add(b, i + 30, 1000, 2);
	}
	assert_int_equal(pv_tally_merge(a, b), 0);
	check_total(a, 40 * 100 + 39 * 20 + 40 * 1000, 40 + 80);
	assert_true(pv_tally_active(a) <= ROWS && pv_tally_evicted(a) > 0); /* 70 keys */
	assert_int_equal(pv_tally_merge(a, other), -1);
	assert_int_equal(pv_tally_merge(a, a), -1);
	const uint64_t most[] = {UINT64_MAX, 1};
	pv_tally_add(a, "", 0, most);
	pv_tally_add(a, "", 0, most);
	check_total(a, UINT64_MAX, 122);
	pv_tally_free(a);
	pv_tally_free(b);
	pv_tally_free(other);
}

/* An image says the same again; every prefix of it, and every lie about lengths, is refused. */
static void images(void **state)
{
	struct pv_tally *t = new_tally();
	uint8_t buf[8192];
	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		add(t, i, i + 1, 1);
	pv_tally_add(t, "", 0, (const uint64_t[]){9, 9});
	size_t n = pv_tally_image_size(t);
	assert_true(n <= sizeof buf);
	assert_int_equal(pv_tally_write(t, buf, n - 1), 0);
	assert_int_equal(pv_tally_write(t, buf, n), n);
	struct pv_tally *back = pv_tally_read(2, buf, n, ROWS, 7);
	assert_non_null(back);
	char *before = strdup(rows(t, ROWS, 0));
	assert_string_equal(rows(back, ROWS, 0), before);
	free(before);
	assert_int_equal(pv_tally_max_error(back), pv_tally_max_error(t));
	assert_int_equal(pv_tally_evicted(back), pv_tally_evicted(t));
	check_total(back, 5050 + 9, 100 + 9);
	uint8_t again[8192];
	assert_int_equal(pv_tally_write(back, again, sizeof again), n);
	assert_memory_equal(again, buf, n);
	pv_tally_free(back);
	struct guard g;
	guard_init(&g, sizeof buf);
	for (size_t cut = 0; cut < n; cut++) {
		errno = 0;
		assert_null(pv_tally_read(2, guard_put(&g, buf, cut), cut, ROWS, 7));
		assert_int_equal(errno, EINVAL);
	}
	guard_free(&g);
	assert_null(pv_tally_read(3, buf, n, ROWS, 7));
	assert_null(pv_tally_read(2, buf, n + 1, ROWS, 7));
	buf[24 + 16] = PV_TALLY_KEY + 1; /* the first row's length */
	assert_null(pv_tally_read(2, buf, n, ROWS, 7));
	buf[24 + 16] = 4;
	back = pv_tally_read(2, buf, n, ROWS, 7);
	assert_non_null(back);
	pv_tally_free(back);
	buf[24 + 16 + 1 + 4 + 7] = 1; /* it paid more than it has */
	assert_null(pv_tally_read(2, buf, n, ROWS, 7));
	pv_tally_free(t);
	errno = 0;
	assert_null(pv_tally_new(0, ROWS, 1));
	assert_null(pv_tally_new(PV_TALLY_COLUMNS + 1, ROWS, 1));
	assert_int_equal(errno, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sums_and_orders), cmocka_unit_test(flood),	 cmocka_unit_test(who_goes),
	    cmocka_unit_test(merging),	       cmocka_unit_test(images), cmocka_unit_test(latecomer),
	    cmocka_unit_test(promises),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
