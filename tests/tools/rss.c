/* SPDX-License-Identifier: MPL-2.0 */
/* rss FILE PROGRAM [ARGUMENT...] - runs a program, writes the most memory it ever had resident (KiB) to FILE, and ends as it ended. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: rss FILE PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	pid_t pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		fprintf(stderr, "rss: %s: %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	/* the writer of our stdin must get SIGPIPE when the program is gone, the reader of our stdout its end */
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	int status = 0;
	struct rusage used;
	while (pid < 0 || wait4(pid, &status, 0, &used) < 0)
		if (pid < 0 || errno != EINTR)
			return 126;
	FILE *f = fopen(argv[1], "w");
	if (!f || fprintf(f, "%ld\n", used.ru_maxrss) < 0 || fclose(f))
		return 126;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
