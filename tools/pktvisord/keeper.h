/* SPDX-License-Identifier: MPL-2.0 */
/* keeper.h - a process that stays root when pktvisord becomes somebody else, for what only root can do then: open
 * the log file again where logrotate has moved it away, and remove the PID file.
 *
 * It knows two paths, from before; it is asked over a socket, by a byte, and answers with a descriptor. It has no
 * capabilities, no other descriptors and reads nothing else, so that whoever takes over the agent can make it open
 * one file for appending. It ends when the agent has, however that came.
 *
 * Threads: one. */
#ifndef PKTVISORD_KEEPER_H
#define PKTVISORD_KEEPER_H

#include <sys/types.h>

struct keeper {
	int fd; /* -1: there is none */
	pid_t pid;
};

/* Before there are threads. Either path may be NULL. 0, or -1 with errno. */
int keeper_start(struct keeper *, const char *log_file, const char *pid_file);

/* The log file, opened again; or -1 with errno. */
int keeper_open(const struct keeper *);

/* Returns when the PID file has gone. */
void keeper_stop(struct keeper *);

#endif
