/* SPDX-License-Identifier: MPL-2.0 */
/* service.h - being a service: the background, the PID file, the service manager. */
#ifndef PKTVISORD_SERVICE_H
#define PKTVISORD_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

/* Go on in a child. The parent waits until that has started, or failed and said why, and ends with the right
 * exit code; it is the child that returns from here, with a descriptor for service_ready(). -1 with errno. */
int service_fork(void);
/* Started: let the parent end. stdin, stdout and stderr become /dev/null. */
void service_ready(int fd);

/* 0, or -1 with errno. The file is made anew; nobody else may hold it, or it is EBUSY. *made: its absolute path, malloc()ed,
 * to remove it. */
int service_pid_file(const char *path, char **made);

/* sd_notify(3): where $NOTIFY_SOCKET is, its descriptor; -1 where nobody waits. Opened while we still may,
 * used later. */
int service_notify_open(void);
void service_notify(int fd, const char *state); /* "READY=1" */

#endif
