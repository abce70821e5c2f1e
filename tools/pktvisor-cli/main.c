/* SPDX-License-Identifier: MPL-2.0 */
/* pktvisor-cli - a full-screen view of an agent's metrics. See pktvisor-cli(1). */
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "gospell.h"
#include "http/server.h"
#include "term.h"
#include "tool/tool.h"
#include "ui/client.h"
#include "ui/ui.h"

#define TOKEN_MAX 256
#define TICK_MS	  1000 /* the longest time that nothing is drawn: ages count */
#define KEYS_MOST 32   /* in a row: then signals and answers have their turn, however much is pasted */

struct options {
	uint64_t port, window;
	const char *host, *policy, *tap, *view, *ca, *token_file, *size;
	bool tls, tls_noverify, once, json, no_colour;
};

struct cli {
	const struct pv_program *prog;
	struct options o;
	struct pv_ui ui;
	struct pv_ui_client *client;
	char token[TOKEN_MAX + 1];
	int signal_fd;
	bool utf8, begun;
	const char *view; /* to begin with; NULL: the overview */
};

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool read_token(struct cli *c)
{
	int fd = open(c->o.token_file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, c->token, TOKEN_MAX);
	while (n > 0 && strchr(" \t\r\n", c->token[n - 1]))
		c->token[--n] = '\0';
	if (n <= 0 || strcspn(c->token, "\r\n") != (size_t)n) {
		pv_tool_say(c->prog, "--token-file %s: %s", c->o.token_file,
			    n < 0 ? strerror(errno) : "there is no token in it");
		n = 0;
	}
	if (fd >= 0)
		close(fd);
	return n > 0;
}

/* ---- talking ------------------------------------------------------------------------------------- */

/* One step: begins a question, or waits for its answer, a key, a signal. *ms is how long at most. */
static bool step(struct cli *c, const int *fds, size_t nfds, unsigned ms)
{
	char path[2048];
	uint64_t wait_ns = 0;
	struct pv_ui_answer a;
	if (!pv_ui_client_busy(c->client) &&
	    pv_ui_session_next(&c->ui.s, now_ns(), path, sizeof path, &wait_ns) != PV_UI_ASK_NOTHING &&
	    !pv_ui_client_ask(c->client, path))
		pv_ui_session_answer(&c->ui.s, now_ns(), 0, NULL, 0, "no memory for a request");
	if (!pv_ui_client_busy(c->client) && wait_ns / 1000000 < ms)
		ms = (unsigned)(wait_ns / 1000000) + 1;
	if (!pv_ui_client_wait(c->client, fds, nfds, ms, &a))
		return false;
	pv_ui_session_answer(&c->ui.s, now_ns(), a.status, a.body, a.len, a.why);
	return true;
}

/* ---- once ---------------------------------------------------------------------------------------- */

/* With the policies that there are, as it is most often that one of another name was meant. */
static void say_error(const struct cli *c)
{
	const struct pv_ui_session *s = &c->ui.s;
	char there[300] = "";
	size_t at = 0, room = sizeof there - 80;
	for (size_t i = 0; i < s->policies.n && at < room; i++)
		at += (size_t)snprintf(there + at, sizeof there - at, "%s %.60s", i ? "," : "; there are",
				       s->policies.name[i]);
	if (at >= room)
		snprintf(there + at, sizeof there - at, ", ...");
	pv_tool_say(c->prog, "%s:%llu: %s%s", c->o.host, (unsigned long long)c->o.port, s->error, there);
}

/* Everything that a picture is made of, or the reason why not. */
static bool fetch(struct cli *c)
{
	struct pv_ui_session *s = &c->ui.s;
	char path[2048];
	uint64_t wait_ns;
	struct pollfd p = {c->signal_fd, POLLIN, 0};
	for (;;) {
		step(c, &c->signal_fd, 1, TICK_MS);
		if (poll(&p, 1, 0) > 0)
			return false;
		if (pv_ui_session_failed(s)) {
			say_error(c);
			return false;
		}
		s->paused = s->model || *s->error;
		if (s->model && !pv_ui_client_busy(c->client) &&
		    pv_ui_session_next(s, now_ns(), path, sizeof path, &wait_ns) == PV_UI_ASK_NOTHING)
			break;
	}
	return true;
}

/* The view and the tap that were asked for, now that there is something to find them in. */
static bool begin(struct cli *c)
{
	struct pv_ui *u = &c->ui;
	bool tap = !*u->tap || !u->s.taps.n;
	for (size_t i = 0; !tap && i < u->s.taps.n; i++)
		tap = !strcmp(u->tap, u->s.taps.name[i]);
	if (!tap)
		snprintf(u->notice, sizeof u->notice, "--tap %.60s: policy '%.60s' has no such tap", u->tap,
			 u->s.policy);
	c->begun = true;
	return tap && (!c->view || pv_ui_begin(u, c->view));
}

/* Is the handler of the tap, and of what the view's name means? */
static bool wanted(const struct cli *c, const char *policy, const char *name)
{
	const struct pv_ui_handler h = {.policy = policy, .name = name}, *some[PV_UI_HANDLERS_MAX];
	char err[8];
	size_t n = c->view ? pv_ui_match(&c->ui, c->view, some, err, sizeof err) : 0;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(some[i]->policy, policy) && !strcmp(some[i]->name, name))
			return true;
	return !c->view && pv_ui_of_tap(&c->ui.s, &h, c->ui.tap);
}

/* The answer, without the handlers that the view and the tap leave out. */
static int print_json(const struct cli *c)
{
	json_t *all = json_object(), *handlers, *v;
	const char *policy, *name;
	json_object_foreach (c->ui.s.answer, policy, handlers) {
		json_t *some = json_object();
		json_object_foreach (handlers, name, v)
			if (wanted(c, policy, name))
				json_object_set(some, name, v);
		json_object_set_new(all, policy, some);
	}
	json_dumpf(all, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(all);
	return pv_tool_flush(c->prog);
}

/* "120x40"; 0 rows, or none: as many as it takes. */
static bool parse_size(const struct cli *c, int *cols, int *rows)
{
	char rest;
	unsigned w, h = 0;
	struct winsize ws;
	*rows = 0;
	*cols = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) && ws.ws_col ? ws.ws_col : 80;
	if (!c->o.size)
		return true;
	int n = sscanf(c->o.size, "%4ux%4u%c", &w, &h, &rest);
	if ((n != 1 && n != 2) || (n == 1 && strspn(c->o.size, "0123456789") != strlen(c->o.size)) ||
	    w < 20 || w > PV_UI_COLS || h > PV_UI_ROWS) {
		pv_tool_say(c->prog, "--size %s: wants COLUMNS or COLUMNSxROWS, from 20 columns up",
			    c->o.size);
		return false;
	}
	*cols = (int)w;
	*rows = (int)h;
	return true;
}

static int print_once(struct cli *c, int cols, int rows)
{
	struct pv_ui_screen s;
	c->ui.endless = !rows;
	if (!pv_ui_screen_init(&s, cols, rows ? rows : pv_ui_height(&c->ui, cols), c->utf8))
		return PV_EXIT_FAILED;
	pv_ui_draw(&c->ui, &s, now_ns(), false);
	pv_ui_print(&s, stdout);
	pv_ui_screen_free(&s);
	return pv_tool_flush(c->prog);
}

/* ---- the terminal -------------------------------------------------------------------------------- */

static bool draw(struct cli *c)
{
	struct pv_ui_screen s;
	int cols, rows;
	pv_term_size(&cols, &rows);
	if (!pv_ui_screen_init(&s, cols, rows, c->utf8))
		return false;
	pv_ui_draw(&c->ui, &s, now_ns(), true);
	pv_term_show(&s);
	pv_ui_screen_free(&s);
	return true;
}

/* Keys that are waiting. A picture per answer, key press or second is enough. */
static void read_keys(struct cli *c)
{
	bool resized = false;
	uint32_t key;
	for (int n = 0; n < KEYS_MOST && !c->ui.quit && (key = pv_term_key(&resized)); n++) {
		pv_ui_key(&c->ui, key);
		if (!draw(c))
			return;
	}
}

static bool ended(const int fds[2])
{
	struct pollfd p[2] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}};
	return poll(p, 2, 0) > 0 && (p[0].revents & (POLLHUP | POLLERR | POLLNVAL) || p[1].revents);
}

static int run(struct cli *c)
{
	char why[128];
	const int fds[2] = {STDIN_FILENO, c->signal_fd};
	const char *no = getenv("NO_COLOR");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		pv_tool_say(c->prog, "this is not a terminal; --once prints one picture, --json the answer");
		return PV_EXIT_USAGE;
	}
	if (!pv_term_begin(!c->o.no_colour && !(no && *no), why, sizeof why)) {
		pv_tool_say(c->prog, "%s", why);
		return PV_EXIT_FAILED;
	}
	bool drawn = true;
	while (drawn && !c->ui.quit && !ended(fds)) {
		drawn = draw(c);
		step(c, fds, 2, TICK_MS);
		if (!c->begun && c->ui.s.model)
			begin(c);
		read_keys(c);
	}
	pv_term_end();
	if (!drawn)
		pv_tool_say(c->prog, "no memory for a picture");
	return drawn ? PV_EXIT_OK : PV_EXIT_FAILED;
}

/* Options that do not go together, as one line; NULL: there are none. */
static const char *contradiction(const struct options *o)
{
	if (o->once && o->json)
		return "--once and --json exclude each other";
	if (o->size && !o->once)
		return "--size is the size of the picture of --once";
	if (o->ca && o->tls_noverify)
		return "--tls-ca and --tls-noverify exclude each other";
	return NULL;
}

static int work(struct cli *c)
{
	char err[512];
	int cols, rows;
	const char *wrong = contradiction(&c->o);
	if (wrong) {
		pv_tool_say(c->prog, "%s", wrong);
		return PV_EXIT_USAGE;
	}
	if (c->o.token_file && !read_token(c))
		return PV_EXIT_FAILED;
	if (c->o.ca &&
	    access(c->o.ca, R_OK)) { /* else it would be said as a connection that failed, again and again */
		pv_tool_say(c->prog, "--tls-ca %s: %s", c->o.ca, strerror(errno));
		return PV_EXIT_FAILED;
	}
	const struct pv_ui_client_conf conf = {.host = c->o.host,
					       .port = (uint16_t)c->o.port,
					       .tls = c->o.tls || c->o.tls_noverify || c->o.ca,
					       .tls_noverify = c->o.tls_noverify,
					       .tls_ca = c->o.ca,
					       .token = c->token[0] ? c->token : NULL};
	if (!parse_size(c, &cols, &rows))
		return PV_EXIT_USAGE;
	if (!(c->client = pv_ui_client_new(&conf, err, sizeof err))) {
		pv_tool_say(c->prog, "%s", err);
		return PV_EXIT_FAILED;
	}
	snprintf(c->ui.tap, sizeof c->ui.tap, "%s", c->o.tap);
	c->view = strcmp(c->o.view, "overview") ? c->o.view : NULL;
	if (!c->o.once && !c->o.json)
		return run(c);
	if (!fetch(c))
		return PV_EXIT_FAILED;
	if (!begin(c)) {
		pv_tool_say(c->prog, "%s", c->ui.notice);
		return PV_EXIT_FAILED;
	}
	return c->o.json ? print_json(c) : print_once(c, cols, rows);
}

int main(int argc, char **argv)
{
	static struct cli c = {.o = {.port = PV_HTTP_PORT,
				     .window = 5,
				     .host = "localhost",
				     .policy = "default",
				     .tap = "",
				     .view = "overview"}};
	const struct pv_opt opts[] = {
	    {'H', "host", PV_OPT_STRING, &c.o.host, "HOST",
	     "name or address of the agent (default: localhost)", 0, 0},
	    {'p', "port", PV_OPT_UINT, &c.o.port, "PORT", "its port (default: 10853)", 1, UINT16_MAX},
	    {'P', "policy", PV_OPT_STRING, &c.o.policy, "POLICY",
	     "policy to show; __all for all of them (default: default)", 0, 0},
	    {'t', "tap", PV_OPT_STRING, &c.o.tap, "TAP", "only the handlers of this tap", 0, 0},
	    {'w', "window", PV_OPT_UINT, &c.o.window, "N",
	     "minutes to show; 1 is the open one alone (default: 5)", 1, PV_UI_PERIODS_MAX},
	    {0, "view", PV_OPT_STRING, &c.o.view, "VIEW",
	     "begin with this handler: its name, its kind, or an unambiguous part (default: overview)", 0, 0},
	    {0, "tls", PV_OPT_FLAG, &c.o.tls, NULL, "speak HTTPS", 0, 0},
	    {0, "tls-ca", PV_OPT_STRING, &c.o.ca, "FILE",
	     "HTTPS; trust the certificates in this file, PEM (default: those of the system)", 0, 0},
	    {0, "tls-noverify", PV_OPT_FLAG, &c.o.tls_noverify, NULL, "HTTPS; believe any certificate", 0, 0},
	    {0, "token-file", PV_OPT_STRING, &c.o.token_file, "FILE",
	     "send the token in this file with every request", 0, 0},
	    {0, "once", PV_OPT_FLAG, &c.o.once, NULL, "print one picture as text and end", 0, 0},
	    {'j', "json", PV_OPT_FLAG, &c.o.json, NULL, "print the JSON that would be shown and end", 0, 0},
	    {0, "size", PV_OPT_STRING, &c.o.size, "COLSxROWS",
	     "size of the picture of --once (default: the terminal's columns or 80; as many rows as it "
	     "takes)",
	     0, 0},
	    {0, "no-color", PV_OPT_FLAG, &c.o.no_colour, NULL,
	     "no colours; NO_COLOR in the environment says the same", 0, 0},
	};
	const struct pv_program prog = {
	    .name = "pktvisor-cli",
	    .product = "",
	    .summary = "a full-screen view of an agent's metrics",
	    .synopsis = "[options]",
	    .opts = opts,
	    .nopts = sizeof opts / sizeof opts[0],
	};
	setlocale(LC_CTYPE, "");
	argc = pv_go_spelling(argc, argv);
	pv_tool_start(&prog, argc, argv, NULL);
	c.prog = &prog;
	c.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	c.signal_fd = pv_tool_signals();
	int code = PV_EXIT_FAILED;
	if (pv_ui_init(&c.ui, c.o.policy, (unsigned)c.o.window))
		code = work(&c);
	else
		pv_tool_say(&prog, "cannot start: %s", strerror(errno));
	pv_ui_client_free(c.client);
	pv_ui_free(&c.ui);
	return code;
}
