/* SPDX-License-Identifier: MPL-2.0 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define FILE_FLAGS (O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY)

int log_file_open(const char *path)
{
	return open(path, FILE_FLAGS, 0640);
}

int log_open(struct log *l, const char *file, bool to_syslog, bool verbose)
{
	*l = (struct log){.fd = STDERR_FILENO, .verbose = verbose};
	if (file) {
		l->fd = log_file_open(file);
		l->path = l->fd < 0 ? NULL : realpath(file, NULL); /* the working directory may change */
		return l->path ? 0 : -1;
	}
	if (to_syslog) {
		openlog("pktvisord", LOG_PID, LOG_DAEMON);
		l->fd = -1;
	}
	return 0;
}

int log_reopen(struct log *l, int fd)
{
	int rc = dup2(fd, l->fd) < 0 ? -1 : 0; /* under the number that threads may be writing to */
	close(fd);
	return rc;
}

void log_close(struct log *l)
{
	if (l->path)
		close(l->fd);
	free(l->path);
	*l = (struct log){.fd = STDERR_FILENO};
}

/* What was lost is said behind the first line that gets through. */
static void write_line(struct log *l, const char *line, size_t n)
{
	char more[80];
	if (write(l->fd, line, n) != (ssize_t)n) {
		atomic_fetch_add(&l->lost, 1);
		return;
	}
	unsigned lost = atomic_exchange(&l->lost, 0);
	int m = lost ? snprintf(more, sizeof more, "%u lines before this one could not be written\n", lost) : 0;
	if (m && write(l->fd, more, (size_t)m) != m)
		atomic_fetch_add(&l->lost, lost);
}

void log_say(struct log *l, enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = {"debug", "info", "warning", "error"};
	static const int priorities[] = {LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR};
	char line[2048];
	struct timespec t;
	struct tm tm;
	va_list ap;
	if (level == LOG_DEBUG_ && !l->verbose)
		return;
	va_start(ap, fmt);
	if (l->fd < 0) {
		vsnprintf(line, sizeof line, fmt, ap);
		syslog(priorities[level], "%s", line);
	} else {
		clock_gettime(CLOCK_REALTIME, &t);
		localtime_r(&t.tv_sec, &tm);
		size_t n = strftime(line, sizeof line, "[%Y-%m-%d %H:%M:%S", &tm);
		n += (size_t)snprintf(line + n, sizeof line - n, ".%03ld] [visor] [%s] ", t.tv_nsec / 1000000,
				      names[level]);
		vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
		n = strlen(line);
		line[n++] = '\n';
		write_line(l, line, n);
	}
	va_end(ap);
}
