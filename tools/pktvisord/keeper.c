/* SPDX-License-Identifier: MPL-2.0 */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/privs.h"
#include "log.h"

#define SOCKET 3 /* in the keeper, behind the three that everybody has */

union control { /* a place for one descriptor, aligned as its header wants it */
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* Word of what became of it, and the descriptor if it was opened. */
static void answer(int to, int fd)
{
	int error = fd < 0 ? errno : 0;
	struct iovec iov = {&error, sizeof error};
	union control c;
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		memset(&c, 0, sizeof c);
		m.msg_control = &c;
		m.msg_controllen = sizeof c.bytes;
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(h), &fd, sizeof fd);
	}
	sendmsg(to, &m, MSG_NOSIGNAL);
}

/* Nobody has said goodbye to who started us: their terminal and pipes are none of ours. */
static void leave_all(int socket)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	dup2(socket, SOCKET);
	close_range(SOCKET + 1, ~0u, 0);
}

static void keep(int socket, const char *log_file, const char *pid_file)
{
	const struct pv_privs_conf root = {.keep_user = true};
	char why[256], byte;
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL); /* a signal to the group is the agent's */
	leave_all(socket);
	pv_privs_drop(&root, why, sizeof why);
	while (recv(SOCKET, &byte, 1, 0) == 1) {
		int fd = log_file ? log_file_open(log_file) : -1;
		answer(SOCKET, fd);
		if (fd >= 0)
			close(fd);
	}
	if (pid_file)
		unlink(pid_file);
	_exit(0);
}

int keeper_start(struct keeper *k, const char *log_file, const char *pid_file)
{
	int fd[2];
	k->fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd))
		return -1;
	k->pid = fork();
	if (!k->pid)
		keep(fd[1], log_file, pid_file);
	close(fd[1]);
	if (k->pid < 0) {
		close(fd[0]);
		return -1;
	}
	k->fd = fd[0];
	return 0;
}

int keeper_open(const struct keeper *k)
{
	int error = EPIPE, fd = -1;
	struct iovec iov = {&error, sizeof error};
	union control c;
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c.bytes};
	if (send(k->fd, "", 1, MSG_NOSIGNAL) != 1)
		return -1;
	ssize_t n = recvmsg(k->fd, &m, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *h = n == sizeof error ? CMSG_FIRSTHDR(&m) : NULL;
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(h), sizeof fd);
	errno = error;
	return fd;
}

void keeper_stop(struct keeper *k)
{
	if (k->fd < 0)
		return;
	close(k->fd);
	k->fd = -1;
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
