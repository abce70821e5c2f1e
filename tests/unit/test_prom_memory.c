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
#include "unit/alloc_util.h"
#include "unit/bucket_util.h"
#include "unit/prom_util.h"

/* A whole life; the text, or NULL with errno. */
static char *life(const struct pv_bucket *b, size_t *len)
{
	static const struct pv_label labels[] = {{"policy", "p"}, {"tap", "t"}};
	static const struct pv_prom_metric up = {"up", PV_PROM_GAUGE, "whether it is"};
	struct pv_prom_conf conf = {.instance = "i", .own = labels, .nown = 2};
	struct pv_prom *p = pv_prom_new(&conf);
	if (!p)
		return NULL;
	int rc = pv_prom_u64(p, &up, labels, 1, 1) | pv_prom_bucket(p, b, labels, 2);
	char *text = pv_prom_text(p, len);
	int e = errno;
	alloc_fail(0, false);
	if (rc)
		assert_null(text); /* remembered */
	pv_prom_free(p);
	errno = e;
	return text;
}

static void memory(void **state)
{
	(void)state;
	if (!ALLOC_UTIL)
		skip();
	struct pv_bucket *b = bucket_part(0);
	size_t len, n, failed = 0;
	char *whole = life(b, &len);
	assert_non_null(whole);
	for (int all = 0; all < 2; all++)
		for (uint64_t at = 1;; at++) {
			alloc_fail(at, all);
			errno = 0;
			char *text = life(b, &n);
			int e = errno;
			alloc_fail(0, false);
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
