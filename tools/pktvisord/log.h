/* SPDX-License-Identifier: MPL-2.0 */
/* log.h - the daemon's words: to stderr, a file, or syslog.
 *
 * "[2026-01-31 12:00:00.000] [visor] [info] text". Threads: any; a line is one write. A full disk ends nothing:
 * its lines are lost, and counted. */
#ifndef PKTVISORD_LOG_H
#define PKTVISORD_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARNING_, LOG_ERROR_ };

struct log {
	int fd; /* -1: syslog */
	bool verbose;
	char *path; /* absolute; NULL: stderr or syslog */
	atomic_uint lost; /* lines that could not be written; said with the next that can */
};

/* file NULL: stderr, or syslog. 0, or -1 with errno. */
int log_open(struct log *, const char *file, bool syslog, bool verbose);
/* The file was moved away: fd is the one that is there now, and gone after this. 0, or -1 with errno. */
int log_reopen(struct log *, int fd);
/* As log_open() opens it: -1 with errno. */
int log_file_open(const char *path);
void log_close(struct log *);
void log_say(struct log *, enum log_level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
