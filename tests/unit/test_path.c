/* SPDX-License-Identifier: MPL-2.0 */
/* base/path.h: which files are below a folder, however they are named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/path.h"

static void make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, path, strlen(path)), (ssize_t)strlen(path));
	close(fd);
}

/* A folder of our own, and the working directory: data/, and what lies beside it. */
static int make_all(void **state)
{
	static char top[] = "/tmp/pv-path-XXXXXX";
	if (!mkdtemp(top) || chdir(top))
		return -1;
	*state = top;
	mkdir("data", 0700);
	mkdir("data/sub", 0700);
	mkdir("data2", 0700);
	make("data/a");
	make("data/sub/b");
	make("data2/c");
	return symlink("a", "data/in") || symlink("../data2/c", "data/out") || symlink("..", "data/up") ||
	       symlink("data", "also") || mkfifo("data/fifo", 0600);
}

static void below(void **state)
{
	static const struct {
		const char *path, *folder;
		int error;
	} cases[] = {
		{"data/a", "data", 0},
		{"data/sub/b", "data", 0},
		{"data/sub/../a", "data", 0},
		{"data/in", "data", 0},
		{"data/up/data/a", "data", 0},
		{"also/a", "data", 0},
		{"data/a", "also", 0}, /* the folder may be a link as well */
		{"data/a", "/", 0},
		{"data2/c", NULL, 0},
		{"data/out", NULL, 0},
		{"data2/c", "data", EPERM}, /* only begins with the same letters */
		{"data/../data2/c", "data", EPERM},
		{"data/out", "data", EPERM},
		{"data/up/data2/c", "data", EPERM},
		{"/dev/null", "/", EPERM}, /* no regular file */
		{"data/fifo", "data", EPERM}, /* and not waited for */
		{"data/sub", "data", EPERM},
		{"data/a", "data/nothing", EPERM},
		{"data/nothing", "data", ENOENT},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		errno = 0;
		int fd = pv_path_open(cases[i].path, cases[i].folder);
		if (fd < 0 ? errno != cases[i].error : cases[i].error)
			fail_msg("%s below %s: %s", cases[i].path, cases[i].folder, fd < 0 ? strerror(errno) : "opened");
		if (fd >= 0)
			close(fd);
	}
}

static void what_is_read_is_the_file(void **state)
{
	char text[20] = "";
	(void)state;
	int fd = pv_path_open("data/in", "data");
	assert_int_equal(read(fd, text, sizeof text), 6);
	assert_string_equal(text, "data/a");
	close(fd);
}

static int remove_all(void **state)
{
	static const char *const all[] = {"data/a",  "data/sub/b", "data2/c", "data/in",  "data/out", "data/up",
					  "also",    "data/fifo",  "data/sub", "data",    "data2"};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		remove(all[i]);
	return rmdir(*state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(below),
		cmocka_unit_test(what_is_read_is_the_file),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
