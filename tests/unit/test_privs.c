/* SPDX-License-Identifier: MPL-2.0 */
/* capture/privs.h. Each case runs in a child: what is given up does not come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/privs.h"

#define CAP_NET_RAW_BIT (1ull << 13)

static unsigned long long status_of(const char *key)
{
	char line[256];
	unsigned long long value = ~0ull;
	FILE *f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, key, strlen(key)))
			value = strtoull(line + strlen(key), NULL, 16);
	if (f)
		fclose(f);
	return value;
}

static bool packet_socket(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* 0, or the number of what was wrong. */
static int dropped(bool keep, bool keep_user)
{
	char why[256] = "x";
	bool permitted = status_of("CapPrm:") & CAP_NET_RAW_BIT, possible = packet_socket(),
	     root = geteuid() == 0;
	bool all = pv_privs_drop(&(struct pv_privs_conf){.keep_net_raw = keep, .keep_user = keep_user}, why, sizeof why);
	if (all != !why[0])
		return 1;
	if (status_of("CapEff:") != 0)
		return 2;
	if (status_of("CapPrm:") & ~CAP_NET_RAW_BIT)
		return 3;
	if (!keep && status_of("CapPrm:"))
		return 4;
	if (all && root && status_of("CapBnd:"))
		return 5;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 6;
	if (all && root && !keep_user && (geteuid() == 0 || setuid(0) == 0))
		return 7;
	if (keep_user && root && geteuid() != 0)
		return 8;
	if (packet_socket())
		return 9;
	bool raised = pv_privs_raise();
	if (raised != (keep && permitted))
		return 10;
	if (packet_socket() !=
	    (raised && possible)) /* not possible in a user namespace without a network of its own */
		return 11;
	if (pv_privs_raise())
		return 12; /* it is up already */
	pv_privs_lower(raised);
	if (packet_socket() || status_of("CapEff:"))
		return 13;
	return 0;
}

static void in_child(bool keep, bool keep_user)
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(dropped(keep, keep_user));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void for_files(void **state)
{
	(void)state;
	in_child(false, false);
}

static void for_interfaces(void **state)
{
	(void)state;
	in_child(true, false);
}

static void for_an_agent_that_stays_root(void **state)
{
	(void)state;
	in_child(true, true);
}

static void for_the_owner_of_some_files(void **state)
{
	int status;
	char why[256];
	pid_t pid = fork();
	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		bool root = geteuid() == 0;
		bool all = pv_privs_drop(&(struct pv_privs_conf){.user = 2, .group = 3}, why, sizeof why);
		_exit(all && root && (geteuid() != 2 || getuid() != 2 || getegid() != 3 || setuid(0) == 0));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(for_files),
		cmocka_unit_test(for_interfaces),
		cmocka_unit_test(for_an_agent_that_stays_root),
		cmocka_unit_test(for_the_owner_of_some_files),
	};
	return cmocka_run_group_tests_name("privs", tests, NULL, NULL);
}
