/* SPDX-License-Identifier: MPL-2.0 */
/* service.h - being a service: the background, the PID file, the service manager. */
#ifndef PKTVISORD_SERVICE_H
#define PKTVISORD_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

/* Go on in a child. The parent waits until that has started, or failed and said why, and ends with the right exit code; it
 * is the child that returns from here, with a descriptor for service_ready(). -1 with errno. */
int service_fork(void);
/* Started: let the parent end. stdin, stdout and stderr become /dev/null. */
void service_ready(int fd);

/* 0, or -1 with errno. The file is made anew; nobody else may hold it. */
int service_pid_file(const char *path);

/* sd_notify(3): a datagram to $NOTIFY_SOCKET, when there is one. "READY=1" */
void service_notify(const char *state);

#endif
