/* SPDX-License-Identifier: MPL-2.0 */
/* Names of addresses in fewer columns: in every width both ends are there, or it says that it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/shorten.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define V6 "UDP [2001:db8:0:1:aaaa:bbbb:cccc:11]:51446 <-> [2001:db8:0:1:aaaa:bbbb:cccc:53]:53"

static const struct {
	const char *name;
	size_t room;
	const char *want; /* NULL: it is none of ours */
} cases[] = {
	{V6, 39, "UDP [2001~11]:51446 <-> [2001~cc:53]:53"},
	{V6, 60, "UDP [2001:db8~:cccc:11]:51446 <-> [2001:db8:~bbb:cccc:53]:53"},
	{"vlan 5 " V6, 46, "vlan 5 UDP [2001~11]:51446 <-> [2001~cc:53]:53"},
	/* an end that is short leaves its room to the other */
	{"TCP 1.2.3.4:5 <-> [2001:db8:0:1:aaaa:bbbb:cccc:53]:443", 40, "TCP 1.2.3.4:5 <-> [2001:db~:cccc:53]:443"},
	{"TCP [2001:db8:0:1:aaaa:bbbb:cccc:53]:443 <-> 1.2.3.4:5", 40, "TCP [2001:db~:cccc:53]:443 <-> 1.2.3.4:5"},
	{"2001:db8:0:1:aaaa:bbbb:cccc:11:443/2001:db8:0:1:aaaa:bbbb:cccc:12:5001", 31, "2001:~cc:11:443/2001:~c:12:5001"},
	{"2001:db8:0:1:aaaa:bbbb:cccc:11", 14, "2001:~:cccc:11"},
	{"192.0.2.53:53", 9, "192~53:53"},
	{"2001:db8:0:1:aaaa::/80", 16, "2001~1:aaaa::/80"},
	{"192.0.2.1", 20, "192.0.2.1"},
	{V6, 20, NULL}, /* no room for two ends */
	{"192.0.2.1", 5, NULL},
	{"www.example.com", 10, NULL},
	{"dead.beef.cafe", 10, NULL},
	{"EU/Sweden/E/Linkoping", 10, NULL},
	{"a <-> b", 6, NULL},
	{"not IP", 5, NULL},
	{":::::::::", 7, NULL},
	{"1\xe2\x80\xa6:2:3:4", 7, NULL},
	{" <-> ", 30, NULL},
	{"/", 30, NULL},
	{"", 30, NULL},
};

static void test_cases(void **state)
{
	char got[PV_SHORTEN_MAX];
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		bool done = pv_shorten(cases[i].name, cases[i].room, "~", got);
		if (done != (cases[i].want != NULL) || (done && strcmp(got, cases[i].want) != 0))
			fail_msg("'%s' in %zu is '%s', not '%s'", cases[i].name, cases[i].room, done ? got : "nothing",
				 cases[i].want ? cases[i].want : "nothing");
	}
}

/* What is left never needs more than there is, begins and ends as the name does, and fills the room. */
static void test_every_width(void **state)
{
	char got[PV_SHORTEN_MAX];
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++)
		for (size_t room = 0; room < 600; room++) {
			const char *name = cases[i].name;
			if (!pv_shorten(name, room, "~", got))
				continue;
			size_t n = strlen(name), len = strlen(got);
			if (len != (n < room ? n : room))
				fail_msg("'%s' in %zu is '%s'", name, room, got);
			assert_int_equal(got[0], name[0]);
			assert_int_equal(got[len - 1], name[n - 1]);
			assert_true(!strstr(name, " <-> ") == !strstr(got, " <-> "));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_every_width)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
