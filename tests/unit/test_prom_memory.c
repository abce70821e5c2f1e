/* SPDX-License-Identifier: MPL-2.0 */
/* Prometheus text without memory: whichever allocation fails, and whether the next ones fail as well, the answer is
 * ENOMEM or a whole text, never a part of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "metric/prom.h"
#include "unit/bucket_util.h"
#include "unit/prom_util.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#if defined(__GLIBC__) && !defined(SANITIZED)
#define FAILING 1
/* glibc's own names for what we stand in front of */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t a, size_t b);
void *__libc_realloc(void *p, size_t n);

static uint64_t countdown; /* the allocation that fails; 0: none */
static bool all_after;

static bool fails(void)
{
	if (!countdown || --countdown)
		return false;
	countdown = all_after;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t a, size_t b)
{
	return fails() ? NULL : __libc_calloc(a, b);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}
#else
#define FAILING 0
static uint64_t countdown;
static bool all_after;
#endif

/* A whole life; the text, or NULL with errno. */
static char *life(const struct pv_bucket *b, size_t *len)
{
	static const struct pv_prom_label labels[] = {{"policy", "p"}, {"tap", "t"}};
	static const struct pv_prom_metric up = {"up", PV_PROM_GAUGE, "whether it is"};
	struct pv_prom_conf conf = {.instance = "i", .own = labels, .nown = 2};
	struct pv_prom *p = pv_prom_new(&conf);
	if (!p)
		return NULL;
	int rc = pv_prom_u64(p, &up, labels, 1, 1) | pv_prom_bucket(p, b, labels, 2);
	char *text = pv_prom_text(p, len);
	int e = errno;
	countdown = 0;
	if (rc)
		assert_null(text); /* remembered */
	pv_prom_free(p);
	errno = e;
	return text;
}

static void memory(void **state)
{
	(void)state;
	if (!FAILING)
		skip();
	struct pv_bucket *b = bucket_part(0);
	size_t len, n, failed = 0;
	char *whole = life(b, &len);
	assert_non_null(whole);
	for (int all = 0; all < 2; all++)
		for (uint64_t at = 1;; at++) {
			all_after = all;
			countdown = at;
			errno = 0;
			char *text = life(b, &n);
			int e = errno;
			countdown = 0;
			if (text) {
				assert_int_equal(n, len);
				assert_memory_equal(text, whole, len);
				free(text);
				if (at > 20)
					break;
			} else {
				assert_int_equal(e, ENOMEM);
				failed++;
			}
		}
	assert_true(failed > 100);
	free(whole);
	pv_bucket_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(memory)};
	return cmocka_run_group_tests_name("prom_memory", tests, NULL, NULL);
}
