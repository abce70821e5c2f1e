/* SPDX-License-Identifier: MPL-2.0 */
/* base/clock.h: what a live stream's time is, whatever is done to the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"

#define SEC UINT64_C(1000000000)

static void steps(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint64_t now, before, time;
		bool set;
	} cases[] = {
		{"on", 1001 * SEC, 1000 * SEC, 1001 * SEC, false},
		{"the same", 1000 * SEC, 1000 * SEC, 1000 * SEC, false},
		{"far on", 999999 * SEC, 1000 * SEC, 999999 * SEC, false},
		{"the first", 1000 * SEC, 0, 1000 * SEC, false},
		{"out of order", 1000 * SEC - 1, 1000 * SEC, 1000 * SEC, false},
		{"a period late", 940 * SEC, 1000 * SEC, 1000 * SEC, false},
		{"and more", 940 * SEC - 1, 1000 * SEC, 940 * SEC - 1, true},
		{"years", 5 * SEC, UINT64_MAX, 5 * SEC, true},
		{"the end of time", UINT64_MAX, UINT64_MAX - 1, UINT64_MAX, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t time = pv_clock_stream(cases[i].now, cases[i].before);
		if (time != cases[i].time || pv_clock_set_back(cases[i].now, cases[i].before) != cases[i].set)
			fail_msg("%s: %llu", cases[i].name, (unsigned long long)time);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
