/* SPDX-License-Identifier: MPL-2.0 */
#include "tool/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/version.h"
#include "packet/hosts.h"

void pv_tool_say(const struct pv_program *prog, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s\n", prog->name, line);
}

int pv_tool_flush(const struct pv_program *prog)
{
	if ((!fflush(stdout) && !ferror(stdout)) || errno == EPIPE)
		return PV_EXIT_OK;
	pv_tool_say(prog, "cannot write: %s", strerror(errno));
	return PV_EXIT_FAILED;
}

/* Someone may have closed the three that everybody has. What we open ourselves must not become one of them: words for stderr would go
 * into a socket. What stands there now can neither be read nor written, as before. */
static void hold_standard(void)
{
	static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			_exit(PV_EXIT_FAILED);
}

static void say_version(const char *product)
{
	printf("%s%s%s\n", product, *product ? " " : "", PV_VERSION);
}

size_t pv_tool_start(const struct pv_program *prog, int argc, char **argv, const char **operands)
{
	char err[1024];
	size_t n = 0;
	hold_standard();
	signal(SIGPIPE, SIG_IGN);
	switch (pv_options_parse(prog, argc, argv, operands, &n, err, sizeof err)) {
	case PV_OPTIONS_RUN:
		return n;
	case PV_OPTIONS_HELP:
		pv_options_help(prog, stdout);
		exit(pv_tool_flush(prog));
	case PV_OPTIONS_MDOC:
		pv_options_mdoc(prog, stdout);
		exit(pv_tool_flush(prog));
	case PV_OPTIONS_ROWS:
		pv_options_rows(prog, stdout);
		exit(pv_tool_flush(prog));
	case PV_OPTIONS_VERSION:
		say_version(prog->product ? prog->product : prog->name);
		exit(pv_tool_flush(prog));
	case PV_OPTIONS_BAD:
		break;
	}
	pv_tool_say(prog, "%s", err);
	fprintf(stderr, "usage: %s %s\nTry '%s --help'.\n", prog->name, prog->synopsis, prog->name);
	exit(PV_EXIT_USAGE);
}

int pv_tool_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int pv_tool_hangups(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

struct pv_sink pv_tool_stdout(void)
{
	struct stat st;
	int fd = STDOUT_FILENO;
	if (!fstat(STDOUT_FILENO, &st) && S_ISFIFO(st.st_mode)) {
		int own = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		fd = own < 0 ? fd : own; /* without /proc a stuck reader keeps us until it is killed */
	}
	return pv_sink_fd_signal(fd, pv_tool_signals());
}

uint64_t pv_tool_seed(void)
{
	uint64_t seed;
	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed)
		return seed;
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return ((uint64_t)t.tv_sec << 30 ^ (uint64_t)t.tv_nsec) * 0x9e3779b97f4a7c15u ^ (uint64_t)getpid();
}

bool pv_tool_stdout_binary(const struct pv_program *prog, const char *add)
{
	if (!isatty(STDOUT_FILENO))
		return true;
	pv_tool_say(prog, "events are not for a terminal; add %s", add);
	return false;
}

bool pv_tool_stdin_events(const struct pv_program *prog, const char *before)
{
	if (!isatty(STDIN_FILENO))
		return true;
	pv_tool_say(prog, "wants an event stream on stdin, as in '%s | %s'", before, prog->name);
	return false;
}

int pv_tool_finish(const struct pv_program *prog, const char *file, const struct pv_pipe_end *end)
{
	char input[512] = "input";
	if (file)
		snprintf(input, sizeof input, "input '%s'", file);
	if (end->out == PV_STOP)
		return PV_EXIT_OK;
	if (end->out == PV_FAIL) {
		pv_tool_say(prog, "cannot write: %s", strerror(end->error));
		return PV_EXIT_FAILED;
	}
	switch (end->in) {
	case PV_CUT:
		pv_tool_say(prog, "%s cut off at byte %llu: %s", input, (unsigned long long)end->offset, end->problem);
		return PV_EXIT_CUT;
	case PV_BAD:
		pv_tool_say(prog, "%s damaged at byte %llu: %s", input, (unsigned long long)end->offset, end->problem);
		return PV_EXIT_CUT;
	case PV_FAIL:
		pv_tool_say(prog, "cannot read %s: %s", input, strerror(end->error));
		return PV_EXIT_FAILED;
	default:
		return PV_EXIT_OK;
	}
}

int pv_tool_filter(const struct pv_program *prog, struct pv_stage *stage)
{
	if (!stage) {
		pv_tool_say(prog, "cannot start: %s", strerror(errno));
		return PV_EXIT_FAILED;
	}
	int code = PV_EXIT_USAGE;
	if (pv_tool_stdin_events(prog, "pv-capture -r FILE") && pv_tool_stdout_binary(prog, PV_TOOL_ADD)) {
		struct pv_pipe_end end = pv_pipe_run(stage, STDIN_FILENO, pv_tool_signals());
		code = pv_tool_finish(prog, NULL, &end);
	}
	pv_stage_free(stage);
	return code;
}

void pv_tool_hosts(const struct pv_program *prog, const char *list)
{
	char err[256] = "out of memory";
	struct pv_hosts *h = pv_hosts_new();
	if (h && list && !*list)
		snprintf(err, sizeof err, "there is nothing in the list");
	else if (h && (!list || !pv_hosts_parse(h, list, err, sizeof err)))
		list = NULL;
	pv_hosts_free(h);
	if (!list)
		return;
	pv_tool_say(prog, "-H: %s", err);
	exit(PV_EXIT_USAGE);
}

struct pv_geo *pv_tool_geo_open(const struct pv_program *prog, const struct pv_tool_geo *g)
{
	char err[512];
	if (!g->city && !g->asn)
		return NULL;
	struct pv_geo_conf conf = {g->city, g->asn, g->cache, pv_tool_seed()};
	struct pv_geo *geo = pv_geo_open(&conf, err, sizeof err);
	if (!geo) {
		pv_tool_say(prog, "%s", err);
		exit(PV_EXIT_FAILED);
	}
	return geo;
}
