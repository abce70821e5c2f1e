/* SPDX-License-Identifier: MPL-2.0 */
/* pktvisord - the agent: taps, policies and their metrics in one process. See pktvisord(1). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/routes.h"
#include "base/listen.h"
#include "base/version.h"
#include "capture/capture.h"
#include "capture/privs.h"
#include "handlers/handlers.h"
#include "http/read.h"
#include "http/server.h"
#include "keeper.h"
#include "log.h"
#include "options.h"
#include "push/push.h"
#include "service.h"
#include "tool/tool.h"

#define TOKEN_MAX 256
#define LISTEN_MS 1000 /* how late the log may be */
#define ANSWER_MS 200  /* who asked us to end gets his answer first */
#define MAPPED_BYTES (128 << 10) /* glibc's own, before it changes its mind */

struct daemon {
	struct options o;
	struct log log, own;	    /* in use; to be used once everything runs */
	struct pv_modules *modules; /* what is built in, and what was loaded */
	struct pv_config *file;	    /* --config */
	struct pv_geo_db *geo;
	struct pv_services *services;
	struct pv_store *store;
	struct pv_agent *agent;
	struct pv_read *read;
	struct pv_routes *routes;
	struct pv_http *http;
	struct pv_push *push; /* NULL: no OTLP */
	char token[TOKEN_MAX + 1];
	char *pid_file, *data_dir; /* absolute, once they are ours */
	int signal_fd, stop_fd, notify_fd;
	struct keeper keeper; /* of root's files, once we are not root any more */
};

static void say_config(void *ctx, enum pv_config_say kind, const char *line)
{
	struct daemon *d = ctx;
	log_say(&d->log, kind == PV_SAY_WARNING ? LOG_WARNING_ : LOG_INFO_, "%s", line);
}

static void say_loading(void *ctx, enum pv_config_say kind, unsigned line, const char *text)
{
	struct daemon *d = ctx;
	if (line)
		log_say(&d->log, kind == PV_SAY_WARNING ? LOG_WARNING_ : LOG_INFO_, "%s:%u: %s", d->o.config,
			line, text);
	else
		log_say(&d->log, kind == PV_SAY_WARNING ? LOG_WARNING_ : LOG_INFO_, "%s: %s", d->o.config,
			text);
}

static void say_request(void *ctx, const char *line)
{
	struct daemon *d = ctx;
	log_say(&d->log, LOG_INFO_, "%s", line);
}

static void say_push(void *ctx, bool problem, const char *line)
{
	struct daemon *d = ctx;
	log_say(&d->log, problem ? LOG_WARNING_ : LOG_INFO_, "%s", line);
}

/* Somebody is about to look at buckets. */
static void asked(void *ctx)
{
	struct daemon *d = ctx;
	pv_agent_asked(d->agent);
}

static void more_prom(void *ctx, struct pv_prom *p)
{
	struct daemon *d = ctx;
	pv_agent_prom(d->agent, p);
	if (d->push)
		pv_push_prom(d->push, p);
}

static void more_app(void *ctx, json_t *app)
{
	struct daemon *d = ctx;
	if (d->push)
		json_object_set_new(app, "otlp", pv_push_json(d->push));
}

static void stop(void *ctx)
{
	struct daemon *d = ctx;
	eventfd_write(d->stop_fd, 1);
}

static int fail(struct daemon *d, const char *why)
{
	log_say(&d->log, LOG_ERROR_, "%s", why);
	return PV_EXIT_FAILED;
}

static int list_modules(const struct daemon *d)
{
	pv_tool_modules_list(d->modules);
	return fflush(stdout) ? PV_EXIT_FAILED : PV_EXIT_OK;
}

/* ---- reading what is asked for -------------------------------------------------------------------- */

static unsigned given(uint64_t n)
{
	return n == PV_CONFIG_UNSET ? 0 : (unsigned)n;
}

/* Those of the command line, else of the file (NULL: there is none). */
static int load_modules(struct daemon *d, const struct pv_document *doc)
{
	const struct pv_node *in_file = doc && !d->o.modules.dir ? pv_config_module_dir(doc) : NULL;
	const char *dir = in_file ? in_file->text : d->o.modules.dir;
	char err[1024] = "out of memory", text[1024 + PATH_MAX];
	d->modules = pv_modules_new(pv_handlers);
	if (d->modules && (!dir || !pv_modules_load(d->modules, dir, geteuid(), err, sizeof err)))
		return PV_EXIT_OK;
	if (in_file)
		snprintf(text, sizeof text, "%s:%u: module_dir: %s", d->o.config, in_file->line, err);
	return fail(d, in_file ? text : err);
}

/* Modules first, since a configuration may name what they bring. */
static int load_file(struct daemon *d)
{
	struct pv_config_error err;
	char text[PV_CONFIG_TEXT + PV_CONFIG_HINT + 300];
	struct pv_document *doc = d->o.config ? pv_document_read(d->o.config, &err) : NULL;
	if (d->o.config && !doc)
		return fail(d, pv_config_error_text(&err, d->o.config, text, sizeof text));
	int code = load_modules(d, doc);
	if (code || !doc) {
		pv_document_free(doc);
		return code;
	}
	const struct pv_config_world world = {.handlers = pv_modules_handlers(d->modules),
					      .modules = d->modules,
					      .inputs = pv_input_types,
					      .say = say_loading,
					      .ctx = d,
					      .periods = given(d->o.periods),
					      .deep_max = given(d->o.deep)};
	d->file = pv_config_load(doc, PV_CONFIG_FILE, &world, &err);
	pv_document_free(doc);
	return d->file ? PV_EXIT_OK : fail(d, pv_config_error_text(&err, d->o.config, text, sizeof text));
}

static int read_token(struct daemon *d)
{
	char why[512];
	int fd = d->o.admin_token_file ? open(d->o.admin_token_file, O_RDONLY | O_CLOEXEC) : -1;
	if (!d->o.admin_token_file)
		return PV_EXIT_OK;
	char text[TOKEN_MAX + 2] = ""; /* one byte more than a token, and the end of the line */
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	const char *wrong = n < 0 ? strerror(errno) : NULL;
	while (n > 0 && strchr(" \t\r\n", text[n - 1]))
		text[--n] = '\0';
	if (fd >= 0)
		close(fd);
	if (!n)
		wrong = "there is no token in it";
	else if (n > TOKEN_MAX)
		wrong = "a token has at most 256 bytes";
	for (ssize_t i = 0; i < n && !wrong; i++)
		if (text[i] <= ' ' || text[i] > '~')
			wrong = "a token is one word of ASCII"; /* a client could not send it */
	if (!wrong) {
		memcpy(d->token, text, (size_t)n);
		return PV_EXIT_OK;
	}
	snprintf(why, sizeof why, "%s: %s", d->o.admin_token_file, wrong);
	return fail(d, why);
}

/* Who lets others change things says which others. */
static bool exposed(const struct daemon *d)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *all = NULL;
	bool out = false;
	if (!d->o.admin_api || d->token[0] || getaddrinfo(d->o.host, NULL, &hints, &all))
		return false;
	for (const struct addrinfo *a = all; a; a = a->ai_next)
		out |= !pv_listen_loopback(a->ai_addr);
	freeaddrinfo(all);
	return out;
}

/* ---- making --------------------------------------------------------------------------------------- */

static int add_operand(struct daemon *d)
{
	struct pv_config_error err;
	bool file = options_file(&d->o);
	char *path = file ? realpath(d->o.operand, NULL) : NULL;
	char *text = pv_config_default_document(file ? NULL : d->o.operand,
						path   ? path
						: file ? d->o.operand
						       : NULL,
						d->o.hosts, d->o.bpf);
	free(path);
	struct pv_config_world world = pv_agent_world(d->agent);
	struct pv_config *c =
	    text ? pv_config_load_text(text, strlen(text), PV_CONFIG_FILE, &world, &err) : NULL;
	free(text);
	int bad = !c || pv_agent_take(d->agent, c, &err);
	pv_config_free(c);
	return bad ? fail(d, text ? err.text : "out of memory") : PV_EXIT_OK;
}

static int open_files(struct daemon *d)
{
	char err[512];
	const struct options *o = &d->o;
	if (o->data_dir && !(d->data_dir = realpath(o->data_dir, NULL))) {
		snprintf(err, sizeof err, "%s: %s", o->data_dir, strerror(errno));
		return fail(d, err);
	}
	if ((o->geo_city || o->geo_asn) &&
	    !(d->geo = pv_geo_db_open(o->geo_city, o->geo_asn, err, sizeof err)))
		return fail(d, err);
	if (o->iana && !(d->services = pv_services_open(o->iana, err, sizeof err)))
		return fail(d, err);
	return PV_EXIT_OK;
}

static int make(struct daemon *d)
{
	char err[512];
	struct pv_config_error why;
	const struct options *o = &d->o;
	const struct pv_store_conf store = {pv_modules_handlers(d->modules), pv_tool_seed()};
	int code = open_files(d);
	if (code)
		return code;
	d->store = pv_store_new(&store);
	const struct pv_agent_conf conf = {
	    .handlers = pv_modules_handlers(d->modules),
	    .modules = d->modules,
	    .inputs = pv_input_types,
	    .store = d->store,
	    .geo = d->geo,
	    .geo_cache = o->geo_cache,
	    .services = d->services,
	    .seed = pv_tool_seed(),
	    .workers = (unsigned)o->workers,
	    .periods = (unsigned)o->periods,
	    .deep_max = (unsigned)o->deep,
	    .data_dir = d->data_dir,
	    .say = say_config,
	    .ctx = d,
	};
	d->agent = d->store ? pv_agent_new(&conf) : NULL;
	const struct pv_read_conf rc = {.store = d->store,
					.program = options_name,
					.prom_instance = o->prom_instance,
					.seed = pv_tool_seed(),
					.asked = asked,
					.more_prom = more_prom,
					.more_app = more_app,
					.ctx = d};
	d->read = d->agent ? pv_read_new(&rc) : NULL;
	d->routes = d->read ? pv_routes_new(d->agent, d->read, stop, d) : NULL;
	if (!d->routes)
		return fail(d, "out of memory");
	if (d->file && pv_agent_take(d->agent, d->file, &why))
		return fail(d, pv_config_error_text(&why, o->config, err, sizeof err));
	return o->operand ? add_operand(d) : PV_EXIT_OK;
}

static int open_server(struct daemon *d)
{
	char err[512];
	size_t n;
	const struct pv_http_routes *routes = pv_routes_all(d->routes, &n);
	const struct pv_http_conf conf = {
	    .host = d->o.host,
	    .port = (uint16_t)d->o.port,
	    .tls = d->o.tls,
	    .tls_cert = d->o.tls_cert,
	    .tls_key = d->o.tls_key,
	    .routes = routes,
	    .nroutes = n,
	    .admin = d->o.admin_api,
	    .admin_token = d->token[0] ? d->token : NULL,
	    .log = d->o.verbose ? say_request : NULL,
	    .log_ctx = d,
	};
	d->http = pv_http_open(&conf, err, sizeof err);
	return d->http ? PV_EXIT_OK : fail(d, err);
}

/* Where to push to, read and looked at; nothing is sent yet. */
static int open_push(struct daemon *d)
{
	char err[512], instance[HOST_NAME_MAX + 8], host[HOST_NAME_MAX + 1] = "localhost";
	const struct options *o = &d->o;
	if (!o->otel)
		return PV_EXIT_OK;
	gethostname(host, sizeof host - 1);
	snprintf(instance, sizeof instance, "%s:%u", host, d->http ? pv_http_port(d->http) : 0);
	const struct pv_push_conf conf = {
	    .store = d->store,
	    .to = {.host = o->otel_host,
		   .port = (uint16_t)o->otel_port,
		   .path = o->otel_path,
		   .tls = o->otel_tls,
		   .tls_cert = o->otel_tls ? o->otel_tls_cert : NULL,
		   .tls_key = o->otel_tls ? o->otel_tls_key : NULL,
		   .tls_ca = o->otel_tls ? o->otel_tls_ca : NULL},
	    .interval_sec = o->otel_interval,
	    .program = options_name,
	    .instance = o->prom_instance ? o->prom_instance : instance,
	    .seed = pv_tool_seed(),
	    .asked = asked,
	    .say = say_push,
	    .ctx = d,
	};
	d->push = pv_push_new(&conf, err, sizeof err);
	return d->push ? PV_EXIT_OK : fail(d, err);
}

/* --check: what a start would find wrong that needs no interface, and is not in the configuration itself. */
static int check(struct daemon *d)
{
	char err[512], text[sizeof err + 512];
	const struct pv_http_conf web = {
	    .host = d->o.host, .tls = d->o.tls, .tls_cert = d->o.tls_cert, .tls_key = d->o.tls_key}; /* on any port */
	int code = open_files(d);
	if (code)
		return code;
	if (!(d->http = pv_http_open(&web, err, sizeof err)))
		return fail(d, err);
	pv_http_stop(d->http);
	d->http = NULL;
	if ((code = open_push(d)))
		return code;
	if (d->o.bpf && !pv_capture_bpf_ok(d->o.bpf, err, sizeof err))
		return fail(d, err);
	for (size_t i = 0; d->file && i < d->file->npolicies; i++)
		for (size_t s = 0; s < d->file->policies[i]->nstreams; s++) {
			const struct pv_config_policy *p = d->file->policies[i];
			if (!p->streams[s].pcap.bpf || pv_capture_bpf_ok(p->streams[s].pcap.bpf, err, sizeof err))
				continue;
			snprintf(text, sizeof text, "%.255s:%u: policy [%.100s]: %s", d->o.config, p->line, p->name, err);
			return fail(d, text);
		}
	log_say(&d->log, LOG_INFO_, "the configuration is fine");
	return PV_EXIT_OK;
}

/* Everything that needs root is open: give it up before there are threads. With a folder of captures we become its
 * owner, who can read what is in it; else nobody. */
static int drop_privileges(struct daemon *d)
{
	char why[256];
	struct stat data = {.st_uid = 0};
	if (d->data_dir && stat(d->data_dir, &data))
		return fail(d, strerror(errno));
	const struct pv_privs_conf conf = {
	    .keep_net_raw = d->o.admin_api || pv_agent_live(d->agent),
	    .keep_user = d->data_dir && !data.st_uid,
	    .user = data.st_uid,
	    .group = data.st_gid,
	};
	if (geteuid() == 0 && !conf.keep_user && (d->own.path || d->pid_file) &&
	    keeper_start(&d->keeper, d->own.path, d->pid_file))
		return fail(d, strerror(errno));
	if (!pv_privs_drop(&conf, why, sizeof why))
		log_say(&d->log, LOG_WARNING_, "%s", why);
	return PV_EXIT_OK;
}

static int open_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return sigprocmask(SIG_BLOCK, &set, NULL) ? -1 : signalfd(-1, &set, SFD_CLOEXEC);
}

/* SIGHUP: files have been moved away or replaced. */
static void open_again(struct daemon *d)
{
	char err[512];
	int fd = !d->log.path ? -1 : d->keeper.fd >= 0 ? keeper_open(&d->keeper) : log_file_open(d->log.path);
	if (d->log.path && (fd < 0 || log_reopen(&d->log, fd)))
		log_say(&d->log, LOG_ERROR_, "cannot open %s again: %s", d->log.path, strerror(errno));
	else if (d->log.path)
		log_say(&d->log, LOG_INFO_, "log opened again");
	if (d->geo && pv_geo_db_reopen(d->geo, err, sizeof err))
		log_say(&d->log, LOG_ERROR_, "the geo databases stay as they are: %s", err);
	else if (d->geo)
		log_say(&d->log, LOG_INFO_, "geo databases opened again");
	if (d->services && pv_services_reopen(d->services, err, sizeof err))
		log_say(&d->log, LOG_ERROR_, "the names of services stay as they are: %s", err);
	else if (d->services)
		log_say(&d->log, LOG_INFO_, "names of services read again");
}

static void wait_for_end(struct daemon *d)
{
	struct pollfd p[2] = {{d->signal_fd, POLLIN, 0}, {d->stop_fd, POLLIN, 0}};
	for (;;) {
		struct signalfd_siginfo s;
		int n = poll(p, 2, LISTEN_MS);
		pv_agent_listen(d->agent);
		if (n <= 0)
			continue;
		if (p[1].revents) {
			poll(NULL, 0, ANSWER_MS);
			return;
		}
		if (read(d->signal_fd, &s, sizeof s) != sizeof s)
			continue;
		if (s.ssi_signo != SIGHUP)
			return;
		open_again(d);
	}
}

/* From the first check to the last word. */
static int run(struct daemon *d)
{
	char err[512];
	int ready_fd = -1, code = load_file(d);
	if (code)
		return code;
	options_merge(&d->o, d->file ? &d->file->visor : NULL);
	const char *wrong = options_wrong(&d->o);
	if (wrong)
		return fail(d, wrong);
	if (d->o.modules.list)
		return list_modules(d);
	if (!d->o.admin_api && !d->o.operand && !(d->file && d->file->npolicies) && !d->o.check)
		return fail(
		    d, "Nothing to do: specify --admin-api or IFACE, or a policy in the configuration file.");
	if ((code = read_token(d)))
		return code;
	if (exposed(d))
		return fail(d, "--admin-api on an address that others can reach needs --admin-token-file");
	if (((d->o.bpf && *d->o.bpf) || (d->o.hosts && *d->o.hosts)) && !d->o.operand)
		log_say(&d->log, LOG_WARNING_, "-b and -H go with IFACE or FILE.pcap: there is none, they do nothing");
	if (d->o.check)
		return check(d);
	if (d->o.daemon && (ready_fd = service_fork()) < 0)
		return fail(d, "failed to daemonize");
	if (log_open(&d->own, d->o.log_file, d->o.syslog && !d->o.log_file, d->o.verbose)) {
		snprintf(err, sizeof err, "Log init failed: %s: %s", d->o.log_file, strerror(errno));
		return fail(d, err);
	}
	d->signal_fd = open_signals(); /* before there are threads */
	d->stop_fd = eventfd(0, EFD_CLOEXEC);
	d->notify_fd = service_notify_open();
	if (d->signal_fd < 0 || d->stop_fd < 0)
		return fail(d, strerror(errno));
	if (d->o.pid_file && service_pid_file(d->o.pid_file, &d->pid_file)) {
		snprintf(err, sizeof err, "%s: %s", d->o.pid_file,
			 errno == EBUSY ? "a running process holds it" : strerror(errno));
		return fail(d, err);
	}
	if ((code = make(d)) || (code = open_server(d)) || (code = open_push(d)))
		return code;
	if ((code = drop_privileges(d)))
		return code;
	struct log starter = d->log; /* until now, words went to who started it */
	d->log = d->own;	     /* before there are threads that use it */
	if (pv_agent_start(d->agent, err, sizeof err) || pv_http_run(d->http, err, sizeof err)) {
		if (starter.fd != d->log.fd)
			log_say(&starter, LOG_ERROR_, "%s", err);
		return fail(d, err);
	}
	log_say(&d->log, LOG_INFO_, "pktvisor %s starting up", PV_VERSION);
	pv_http_said(d->http, err, sizeof err);
	log_say(&d->log, LOG_INFO_, "%s", err);
	if (d->push && pv_push_start(d->push))
		return fail(d, strerror(errno));
	if (ready_fd >= 0)
		service_ready(ready_fd);
	if (ready_fd >= 0 && chdir("/"))
		log_say(&d->log, LOG_WARNING_, "cannot leave the working directory: %s", strerror(errno));
	service_notify(d->notify_fd, "READY=1");
	wait_for_end(d);
	service_notify(d->notify_fd, "STOPPING=1");
	log_say(&d->log, LOG_INFO_, "Shutting down");
	pv_agent_finish(d->agent);
	return PV_EXIT_OK;
}

/* Tables of buckets are large, and come and go with policies and minutes. glibc maps what is as large as that, and gives it
 * back; but with the first that is freed it raises the size from which it does, up to 32 MiB, and from then on they leave
 * holes in its arenas: policies made and deleted for half a minute came to 1 GiB in place of 120 MiB. */
static void give_memory_back(void)
{
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
#endif
}

int main(int argc, char **argv)
{
	struct daemon d = {.signal_fd = -1, .stop_fd = -1, .notify_fd = -1, .keeper = {.fd = -1}};
	give_memory_back();
	log_open(&d.log, NULL, false, false);
	options_read(&d.o, argc, argv);
	d.log.verbose = d.o.verbose;
	int code = run(&d);
	pv_http_stop(d.http); /* whose answers ask the push how it is doing */
	pv_push_free(d.push);
	pv_routes_free(d.routes);
	pv_read_free(d.read);
	pv_agent_free(d.agent);
	pv_store_free(d.store);
	pv_services_free(d.services);
	pv_geo_db_close(d.geo);
	if (d.pid_file && d.keeper.fd < 0)
		unlink(d.pid_file);
	keeper_stop(&d.keeper);
	if (d.http)
		log_say(&d.log, LOG_INFO_, code ? "exit with failure" : "exit with success");
	log_close(&d.own);
	pv_config_free(d.file);
	pv_modules_free(d.modules);
	free(d.pid_file);
	free(d.data_dir);
	return code;
}
