/* SPDX-License-Identifier: MPL-2.0 */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void wait_for_child(int fd, pid_t child)
{
	char byte;
	ssize_t n;
	int status = 0;
	while ((n = read(fd, &byte, 1)) < 0 && errno == EINTR)
		;
	if (n == 1) {
		fprintf(stderr, "daemonized to PID %d\n", (int)child);
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
}

int service_fork(void)
{
	int fd[2];
	if (pipe2(fd, O_CLOEXEC))
		return -1;
	pid_t child = fork();
	if (child < 0)
		return -1;
	if (child) {
		close(fd[1]);
		wait_for_child(fd[0], child);
	}
	close(fd[0]);
	if (setsid() < 0)
		return -1;
	umask(027);
	return fd[1];
}

void service_ready(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
	}
	ssize_t n = write(fd, "", 1);
	(void)n; /* a parent that is gone does not wait */
	close(fd);
}

int service_pid_file(const char *path, char **made)
{
	char text[32];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	const struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	/* the lock, and with it the descriptor, is ours until we end */
	if (fd >= 0 && fcntl(fd, F_SETLK, &lock)) {
		errno = errno == EACCES || errno == EAGAIN ? EBUSY : errno; /* POSIX leaves open which */
		return -1;
	}
	if (fd < 0 || ftruncate(fd, 0) || write(fd, text, (size_t)n) != n)
		return -1;
	*made = realpath(path, NULL); /* the working directory may change */
	return 0;
}

int service_notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	if (!n || n >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
		return -1;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@') /* an abstract name */
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n))) {
		close(fd);
		return -1;
	}
	return fd;
}

void service_notify(int fd, const char *state)
{
	ssize_t n = fd < 0 ? 0 : send(fd, state, strlen(state), MSG_NOSIGNAL);
	(void)n; /* who does not listen does not wait */
}
