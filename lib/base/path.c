/* SPDX-License-Identifier: MPL-2.0 */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *pv_path_absolute(const char *path)
{
	char *cwd, *whole = NULL;
	if (path[0] == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	if (cwd && asprintf(&whole, "%s/%s", cwd, path) < 0)
		whole = NULL;
	free(cwd);
	return whole;
}

bool pv_path_is_below(const char *real, const char *folder)
{
	char *below = realpath(folder, NULL);
	size_t n = below ? strlen(below) : 0;
	bool ok = n && !strncmp(real, below, n) && (real[n] == '/' || n == 1 || !real[n]);
	free(below);
	return ok;
}

/* Where the kernel says that it is. A file that was removed is nowhere. */
static bool opened_below(int fd, const char *folder)
{
	char name[40], real[PATH_MAX];
	struct stat st;
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(name, real, sizeof real - 1);
	if (n < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || !st.st_nlink)
		return false;
	real[n] = '\0';
	return pv_path_is_below(real, folder);
}

int pv_path_open(const char *path, const char *below)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | (below ? O_NONBLOCK : 0)); /* or a FIFO would be waited for */
	if (fd < 0 || !below || opened_below(fd, below))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}
