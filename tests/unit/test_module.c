/* SPDX-License-Identifier: MPL-2.0 */
/* lib/module: what is loaded and what is refused, numbers of module events, a module's source. The modules
 * are those of tests/modules and the example; they are copied into a folder of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "event/reader.h"
#include "handlers/handlers.h"
#include "module/module.h"
#include "module/source.h"
#include "policy/config.h"
#include "policy/inputs.h"
#include "stage/pipe.h"
#include "unit/stream_util.h"
#include "window/window.h"

struct dir {
	char path[64];
	char built[PATH_MAX]; /* where this program lies, and the modules below it */
};

static struct dir dir;

static void remove_all(const char *path)
{
	char command[PATH_MAX + 32];
	snprintf(command, sizeof command, "rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	char exe[PATH_MAX];
	(void)state;
	umask(022);
	snprintf(dir.path, sizeof dir.path, "/tmp/test_module.XXXXXX");
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (!mkdtemp(dir.path) || n < 0)
		return -1;
	exe[n] = 0;
	snprintf(dir.built, sizeof dir.built, "%s", dirname(exe));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	remove_all(dir.path);
	return 0;
}

/* A built module under another name; returns where it is now. */
static const char *put(const char *module, const char *as)
{
	static char to[PATH_MAX];
	char command[3 * PATH_MAX];
	const char *below = strcmp(module, "ntp") ? "modules" : "../modules";
	snprintf(to, sizeof to, "%s/%s", dir.path, as);
	snprintf(command, sizeof command, "install -m 755 '%s/%s/%s.so' '%s'", dir.built, below, module, to);
	assert_int_equal(system(command), 0);
	return to;
}

static void clear(void)
{
	char command[PATH_MAX];
	snprintf(command, sizeof command, "rm -rf '%s'/*", dir.path);
	assert_int_equal(system(command), 0);
	assert_int_equal(chmod(dir.path, 0700), 0);
}

/* Loads the folder and expects just this line, or NULL: success. */
static void expect_line(const char *where, const char *line)
{
	char err[1024] = "";
	struct pv_modules *m = pv_modules_new(pv_handlers);
	assert_non_null(m);
	int rc = pv_modules_load(m, where, geteuid(), err, sizeof err);
	if (!rc != !line || (line && !strstr(err, line)))
		fail_msg("'%s', not '%s'", err, line ? line : "loaded");
	if (line) { /* and nothing of it is there */
		assert_null(strchr(err, '\n'));
		assert_int_equal(pv_modules_count(m), 0);
		for (size_t i = 0; pv_handlers[i]; i++)
			assert_ptr_equal(pv_modules_handlers(m)[i], pv_handlers[i]);
	}
	pv_modules_free(m);
}

static void bad_modules(void **state)
{
	(void)state;
	static const struct {
		const char *module, *line;
	} cases[] = {
	    {"empty", NULL},
	    {"count", NULL},
	    {"everything", NULL},
	    {"no_symbol", "module 'b.so': this is not a module"},
	    {"undefined", "undefined symbol: pv_of_a_later_version"},
	    {"wrong_magic", "module 'b.so': this is not a module"},
	    {"wrong_abi", "module 'b.so': it is made for interface version 4, this program has 3"},
	    {"wrong_layout", "module 'b.so': it is made with the headers of another build"},
	    {"wrong_name", "module 'b.so': it has no proper name or version"},
	    {"wrong_wants", "module 'b.so': an analyser of events that are not given to analysers"},
	    {"wrong_own", "module 'b.so': events have another name than what makes them"},
	    {"wrong_table", "module 'b.so': a metric of a group or scope that there is not"},
	    {"taken_builtin", "module 'b.so': there is another of this name: 'dns'"},
	    {"taken_schema", "module 'b.so': there is another of this name: 'packets'"},
	    {"taken_input", "module 'b.so': there is another of this name: 'flow'"},
	    {"taken_loaded", "module 'b.so': there is another of this name: 'ntp'"},
	    {"ntp", "module 'b.so': there is another of this name: 'ntp'"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		clear();
		put("ntp", "a.so");
		put(cases[i].module, "b.so");
		expect_line(dir.path, cases[i].line);
	}
}

static void no_elf(void **state)
{
	(void)state;
	char path[PATH_MAX];
	clear();
	snprintf(path, sizeof path, "%s/text.so", dir.path);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("not a shared object\n", f);
	fclose(f);
	expect_line(dir.path, "module 'text.so' does not load: ");
	assert_int_equal(unlink(path), 0);
	expect_line(dir.path, NULL); /* empty */
	snprintf(path, sizeof path, "%s/nowhere", dir.path);
	expect_line(path, "cannot look for modules in '");
}

/* Who could have put it there. */
static void trust(void **state)
{
	(void)state;
	static const struct {
		mode_t dir, file;
		const char *line;
	} cases[] = {
	    {0755, 0755, NULL},
	    {0555, 0444, NULL},
	    {0775, 0755, "': others can write to it"},
	    {0757, 0755, "': others can write to it"},
	    {01777, 0755, "': others can write to it"}, /* sticky helps above, not here */
	    {0755, 0775, "/a.so': others can write to it"},
	    {0755, 0757, "/a.so': others can write to it"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		clear();
		assert_int_equal(chmod(put("ntp", "a.so"), cases[i].file), 0);
		assert_int_equal(chmod(dir.path, cases[i].dir), 0);
		expect_line(dir.path, cases[i].line);
	}
	clear();
	put("ntp", "not-named-as-one");
	put("no_symbol", ".hidden.so");
	expect_line(dir.path, NULL);
}

static void trust_above(void **state)
{
	(void)state;
	char path[PATH_MAX], link[PATH_MAX];
	clear();
	snprintf(path, sizeof path, "%s/below", dir.path);
	assert_int_equal(mkdir(path, 0755), 0);
	put("ntp", "below/a.so");
	expect_line(path, NULL);
	assert_int_equal(chmod(dir.path, 0777), 0);
	expect_line(path, "': others can write to it");
	assert_int_equal(chmod(dir.path, 01777), 0); /* who may write there cannot replace it */
	expect_line(path, NULL);
	assert_int_equal(chmod(dir.path, 0755), 0);

	snprintf(link, sizeof link, "%s/below/b.so", dir.path);
	assert_int_equal(symlink("a.so", link), 0);
	expect_line(path, "/b.so': it is not a regular file");
	assert_int_equal(unlink(link), 0);
	assert_int_equal(mkfifo(link, 0600), 0);
	expect_line(path, "/b.so': it is not a regular file");
}

static void trust_owner(void **state)
{
	(void)state;
	if (geteuid()) {
		print_message("needs root\n");
		skip();
	}
	clear();
	const char *file = put("ntp", "a.so");
	assert_int_equal(chown(file, 1000, 0), 0);
	expect_line(dir.path, "/a.so': it belongs to another user");
	assert_int_equal(chown(file, 0, 0), 0);
	assert_int_equal(chown(dir.path, 1000, 0), 0);
	expect_line(dir.path, "': it belongs to another user");

	char err[512];
	struct pv_modules *m = pv_modules_new(pv_handlers);
	assert_int_equal(pv_modules_load(m, dir.path, 1000, err, sizeof err), 0); /* whose program it is */
	pv_modules_free(m);
	assert_int_equal(chown(dir.path, 0, 0), 0);
}

/* ---- what is there afterwards ------------------------------------------------------------------- */

static struct pv_modules *load_good(void)
{
	char err[512];
	clear();
	put("ntp", "ntp.so");
	put("count", "count.so");
	struct pv_modules *m = pv_modules_new(pv_handlers);
	if (pv_modules_load(m, dir.path, geteuid(), err, sizeof err))
		fail_msg("%s", err);
	return m;
}

static void found_by_name(void **state)
{
	(void)state;
	struct pv_modules *m = load_good();
	size_t builtin = 0;
	while (pv_handlers[builtin])
		builtin++;
	assert_int_equal(pv_modules_count(m), 2);
	assert_string_equal(pv_modules_at(m, 0)->name, "count"); /* in the order of file names */
	assert_string_equal(pv_modules_handlers(m)[builtin]->type, "count");
	assert_string_equal(pv_modules_handlers(m)[builtin + 1]->type, "ntp");
	assert_null(pv_modules_handlers(m)[builtin + 2]);
	assert_non_null(pv_modules_analyser(m, "ntp"));
	assert_null(pv_modules_analyser(m, "count"));
	assert_null(pv_modules_analyser(m, "nt"));
	assert_non_null(pv_modules_source(m, "count"));
	assert_null(pv_modules_source(m, "ntp"));

	char err[512]; /* the same again: refused, and what was there stays */
	assert_int_equal(pv_modules_load(m, dir.path, geteuid(), err, sizeof err), -1);
	assert_string_equal(err, "module 'count.so': there is another of this name: 'count'");
	assert_int_equal(pv_modules_count(m), 2);
	assert_non_null(pv_modules_source(m, "count"));
	assert_null(pv_modules_handlers(m)[builtin + 2]);
	pv_modules_free(m);
}

/* An NTP packet of a client. */
static void ntp_packet(struct pv_out *o, uint64_t t, uint64_t number)
{
	static const uint8_t request[48] = {0x23};
	struct pv_packet *p = ev_packet(o, t, number, request, sizeof request);
	p->sport = 40000;
	p->dport = 123;
	p->l4 = PV_L4_UDP;
	p->payload_wire_len = sizeof request;
}

/* The number that an analyser takes, by what stands before it. */
static void numbers(void **state)
{
	(void)state;
	static const struct {
		const char *before[PV_EV_MODULES + 1]; /* names, bound to PV_EV_MODULE, ... in this order; ""
							  leaves one out */
		unsigned number;		       /* 0: none is left */
	} cases[] = {
	    {{NULL}, PV_EV_MODULE},
	    {{"other", NULL}, PV_EV_MODULE + 1},
	    {{"", "other", NULL}, PV_EV_MODULE},
	    {{"", "other", "ntp", NULL}, PV_EV_MODULE + 2},
	    {{"a", "b", "c", "d", "e", "f", "g", NULL}, PV_EV_MODULE + 7},
	    {{"a", "b", "c", "d", "e", "f", "g", "ntp", NULL}, PV_EV_MODULE + 7},
	    {{"a", "b", "c", "d", "e", "f", "g", "ntpd", NULL}, 0},
	};
	struct pv_modules *m = load_good();
	const struct pv_module_analyser *ntp = pv_modules_analyser(m, "ntp");
	const uint64_t conf[2] = {0};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mem in = {0}, out = {0};
		struct pv_out o;
		unsigned bound = 0, made = 0;
		assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
		for (unsigned stream = 0; stream < 2; stream++) { /* nothing is left over from the first */
			ev_any(&o, PV_EV_START, SEC);
			for (unsigned b = 0; cases[i].before[b]; b++)
				if (cases[i].before[b][0])
					ev_stage(&o, SEC, (uint8_t)(b + 1), PV_STAGE_ANALYSER,
						 cases[i].before[b], "")
					    ->events = (uint8_t)(PV_EV_MODULE + b);
			ntp_packet(&o, SEC, 1);
			ev_stop(&o, SEC);
		}
		assert_int_equal(pv_out_flush(&o), PV_OK);
		pv_out_free(&o);

		struct pv_stage *s = pv_filter_new(ntp->ops, ntp->make(conf, 1),
						   &(struct pv_filter_conf){.name = NULL}, mem_sink(&out));
		int fd = mem_fd(in.p, in.n);
		struct pv_pipe_end end = pv_pipe_run(s, fd, -1);
		close(fd);
		if (!cases[i].number) {
			assert_int_equal(end.out, PV_FAIL);
			assert_int_equal(end.error, ENOSR);
		} else {
			assert_int_equal(end.out, PV_OK);
			assert_int_equal(end.in, PV_END);
		}
		for (size_t at = 0; at < out.n; at += ev_at(&out, at)->size) {
			const struct pv_event *ev = ev_at(&out, at);
			const struct pv_stage_event *st = (const void *)ev;
			if (ev->type == PV_EV_STAGE && st->type.len == 3 &&
			    !memcmp(pv_ref_bytes(ev, st->type), "ntp", 3))
				bound = st->events;
			if (pv_is_module_type(ev->type)) {
				assert_int_equal(ev->type, cases[i].number);
				made++;
			}
		}
		assert_int_equal(bound, cases[i].number);
		assert_int_equal(made, cases[i].number ? 2 : 0);
		pv_stage_free(s);
		mem_free(&in);
		mem_free(&out);
	}
	pv_modules_free(m);
}

struct ntp_event { /* as in contrib/module-example/ntp.c */
	struct pv_module_event head;
	uint8_t src[16], dst[16];
	uint8_t version, mode, stratum, leap, malformed, pad[3];
	uint64_t pad2;
};

static struct ntp_event *ntp_event(struct pv_out *o, unsigned number, uint8_t mode)
{
	struct ntp_event *n = pv_out_event(o, (enum pv_event_type)number, sizeof *n, 2 * SEC);
	n->head.stage = 1;
	n->version = 4;
	n->mode = mode;
	return n;
}

static json_int_t ntp_counted(struct pv_window *w, const char *what)
{
	json_t *j = pv_window_json(w);
	json_t *ntp = json_object_get(json_object_get(j, "5m"), "ntp");
	json_int_t n =
	    ntp ? json_integer_value(json_object_get(json_object_get(ntp, "wire_packets"), what)) : -1;
	json_decref(j);
	return n;
}

/* A handler is given the events of its name, whatever their number, no others, and only checked ones. */
static void handlers_by_name(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		unsigned bound;
		uint8_t mode;
		enum pv_res in;
		json_int_t events, client;
	} cases[] = {
	    {"ntp", PV_EV_MODULE, 3, PV_END, 2, 2},	{"ntp", PV_EV_MODULE + 7, 3, PV_END, 2, 2},
	    {"ntp", PV_EV_MODULE + 1, 8, PV_BAD, 0, 0}, /* beyond the table of modes */
	    {"ntp", PV_EV_MODULE + 1, 0, PV_BAD, 0, 0}, /* of none of its counters */
	    {"sntp", PV_EV_MODULE, 8, PV_END, -1, -1},	/* somebody else's: what is wrong with it cannot be
							   known */
	    {"dns", PV_EV_MODULE, 3, PV_END, -1, -1},	/* a handler that has none of its own */
	};
	struct pv_modules *m = load_good();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mem in = {0};
		struct pv_out o;
		char err[512];
		assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
		ev_any(&o, PV_EV_START, SEC);
		ev_stage(&o, SEC, 1, PV_STAGE_ANALYSER, cases[i].name, cases[i].name)->events =
		    (uint8_t)cases[i].bound;
		ntp_event(&o, cases[i].bound, cases[i].mode);
		ntp_event(&o, cases[i].bound, cases[i].mode);
		ev_stop(&o, 3 * SEC);
		assert_int_equal(pv_out_flush(&o), PV_OK);
		pv_out_free(&o);
		const struct pv_window_conf conf = {
		    .handlers = pv_modules_handlers(m), .periods = 5, .deep = 100, .topn = 10, .seed = 1};
		struct pv_window *w = pv_window_new(&conf, pv_sink_none(), err, sizeof err);
		assert_non_null(w);
		int fd = mem_fd(in.p, in.n);
		struct pv_pipe_end end = pv_pipe_run(pv_window_stage(w), fd, -1);
		close(fd);
		assert_int_equal(end.in, cases[i].in);
		if (cases[i].in == PV_BAD)
			assert_string_equal(end.problem, "impossible ntp mode");
		assert_int_equal(ntp_counted(w, "events"), cases[i].events);
		assert_int_equal(ntp_counted(w, "client"), cases[i].client);
		pv_stage_free(pv_window_stage(w));
		mem_free(&in);
	}
	pv_modules_free(m);
}

/* ---- sources ------------------------------------------------------------------------------------ */

static void source(void **state)
{
	(void)state;
	static const struct {
		uint64_t count;
		bool fail;
		unsigned stop_after; /* polls; 0 never */
		enum pv_res end;
		unsigned events;
	} cases[] = {{0, false, 0, PV_END, 0},
		     {3, false, 0, PV_END, 3},
		     {3, true, 0, PV_FAIL, 3},
		     {100, false, 5, PV_END, 5}};
	struct pv_modules *m = load_good();
	const struct pv_module_source *s = pv_modules_source(m, "count");
	char err[512];
	assert_null(pv_module_input_open(s, NULL, "two", err, sizeof err));
	assert_string_equal(err, "cannot count from 'two'");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct {
			uint64_t count;
			bool fail;
		} conf = {cases[i].count, cases[i].fail};
		struct mem out = {0};
		struct pv_out o;
		enum pv_res res;
		assert_int_equal(pv_out_init(&o, mem_sink(&out)), 0);
		struct pv_module_input *in = pv_module_input_open(s, &conf, NULL, err, sizeof err);
		assert_non_null(in);
		unsigned polls = 0;
		do {
			if (cases[i].stop_after && polls == cases[i].stop_after)
				pv_module_input_stop(in);
			polls++;
		} while ((res = pv_module_input_poll(in, &o)) == PV_OK);
		assert_int_equal(res, cases[i].end);
		assert_int_equal(pv_module_input_poll(in, &o), res); /* and it stays so */
		if (res == PV_FAIL)
			assert_string_equal(pv_module_input_error(in), "was told to");
		assert_int_equal(pv_out_flush(&o), PV_OK);
		pv_module_input_free(in);
		pv_out_free(&o);

		/* a whole stream, whose events are what their module says they are */
		const struct pv_event_module *const known[] = {s->own, NULL};
		struct pv_reader r;
		const struct pv_event *run;
		size_t bytes;
		int fd = mem_fd(out.p, out.n);
		assert_int_equal(pv_reader_init(&r, fd), 0);
		r.known = known;
		while ((res = pv_reader_next(&r, &run, &bytes)) == PV_OK)
			;
		assert_int_equal(res, PV_END);
		assert_int_equal(r.events[PV_EV_MODULE], cases[i].events);
		assert_int_equal(r.events[PV_EV_START] * r.events[PV_EV_STAGE], 1);
		pv_reader_free(&r);
		close(fd);
		mem_free(&out);
	}
	pv_modules_free(m);
}

/* ---- in a configuration -------------------------------------------------------------------------- */

#define POLICY(modules)                                                                                      \
	"version: '1.0'\nvisor:\n  taps: {t: {input_type: mock}}\n  policies:\n    p:\n"                     \
	"      kind: collection\n      input: {tap: t, input_type: mock}\n      handlers: "                  \
	"{modules: " modules "}\n"

static struct pv_config *configure(const struct pv_modules *m, const char *text, struct pv_config_error *err)
{
	const struct pv_config_world w = {.handlers = pv_modules_handlers(m), .modules = m};
	return pv_config_load_text(text, strlen(text), PV_CONFIG_FILE, &w, err);
}

/* Handlers get the module's analyser, its settings, and a text that is the same when these are. */
static void configured(void **state)
{
	char err[512];
	struct pv_config_error why;
	struct pv_modules *m = pv_modules_new(pv_handlers);
	(void)state;
	clear();
	put("ntp", "ntp.so");
	assert_int_equal(pv_modules_load(m, dir.path, geteuid(), err, sizeof err), 0);
	struct pv_config *c =
	    configure(m,
		      POLICY("{a: {type: ntp}, b: {type: ntp, config: {port: 124, topn_count: 3}}, "
			     "c: {type: ntp, filter: {port: 124}}, d: {type: net}}"),
		      &why);
	assert_non_null(c);
	const struct pv_config_handler *h = c->policies[0]->handlers;
	static const uint16_t ports[] = {123, 124, 124};
	for (size_t i = 0; i < 3; i++) {
		uint16_t port[PV_MODULE_PORTS];
		assert_ptr_equal(h[i].analyser, pv_modules_analyser(m, "ntp"));
		assert_int_equal(h[i].analyser->ports(h[i].analyser_conf, port, PV_MODULE_PORTS), 1);
		assert_int_equal(port[0], ports[i]);
		assert_int_equal(h[i].analyser->ports(h[i].analyser_conf, port, 0), 0);
	}
	assert_string_not_equal(h[0].analyser_key, h[1].analyser_key);
	assert_string_equal(h[1].analyser_key, h[2].analyser_key);
	assert_int_equal(h[1].topn, 3);
	assert_null(h[3].analyser);
	pv_config_free(c);
	pv_modules_free(m);
}

static void configured_wrong(void **state)
{
	static const struct {
		const char *modules, *text, *hint;
	} cases[] = {
	    {"{a: {type: ntp, config: {port: 0}}}",
	     "policy [p] failed to start: port must be between 1 and 65535", ""},
	    {"{a: {type: ntp, config: {port: x}}}", "policy [p] failed to start: wrong type for key: port",
	     "a number is expected"},
	    {"{a: {type: ntp, config: {colour: x}}}",
	     "policy [p] failed to start: colour is an invalid/unsupported config or filter. The valid "
	     "configs/filters "
	     "are: port, recorded_stream, deep_sample_rate, num_periods, topn_count, "
	     "topn_percentile_threshold",
	     ""},
	    {"{a: {type: ntp, require_version: '2.0'}}",
	     "Policy 'p' requires stream handler type 'ntp' and version '2.0' which is not available",
	     "there are: net 1.0, net 2.0, connections 1.0, dns 1.0, dns 2.0, dhcp 1.0, bgp 1.0, flow 1.0, netprobe 1.0, pcap 1.0, input_resources 1.0, count 1.0, ntp 1.0"},
	    {"{a: {type: count}}", "StreamHandler: unsupported input event proxy t-HASH", ""},
	    {"[{b: {type: ntp}}, {a: {type: count}}]",
	     "Policy 'p' requires stream handler type 'count' in a list of modules, but its events are not made of "
	     "packets, of which a chain is",
	     ""},
	};
	char err[512], text[2048];
	struct pv_config_error why;
	struct pv_modules *m = pv_modules_new(pv_handlers);
	(void)state;
	clear();
	put("ntp", "ntp.so");
	put("count", "count.so");
	assert_int_equal(pv_modules_load(m, dir.path, geteuid(), err, sizeof err), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, POLICY("%s"), cases[i].modules);
		assert_null(configure(m, text, &why));
		const char *hash = strstr(cases[i].text, "HASH");
		if (hash)
			assert_memory_equal(why.text, cases[i].text, (size_t)(hash - cases[i].text));
		else
			assert_string_equal(why.text, cases[i].text);
		assert_string_equal(why.hint, cases[i].hint);
		assert_int_equal(why.line, 8);
	}
	pv_modules_free(m);
}

/* A tap of a source has its settings in layers, as others; streams of equal settings have one name. */
static void configured_source(void **state)
{
	static const char text[] =
		"version: '1.0'\nvisor:\n  taps: {t: {input_type: count, config: {count: 7, input: one}}}\n  policies:\n"
		"    p:\n      kind: collection\n      input: {tap: t, input_type: count}\n"
		"      handlers: {modules: {a: {type: count}}}\n"
		"    q:\n      kind: collection\n      input: {tap: t, input_type: count, filter: {count: 9}}\n"
		"      handlers: {modules: {a: {type: count}, b: {type: net}}}\n"
		"    r:\n      kind: collection\n      input: {tap: t, input_type: count, config: {count: 7}}\n"
		"      handlers: {modules: {a: {type: count}}}\n";
	char err[512];
	struct pv_config_error why;
	struct pv_modules *m = pv_modules_new(pv_handlers);
	(void)state;
	clear();
	put("count", "count.so");
	assert_int_equal(pv_modules_load(m, dir.path, geteuid(), err, sizeof err), 0);
	const struct pv_module_source *count = pv_modules_source(m, "count");
	struct pv_config *c = configure(m, text, &why);
	assert_non_null(c);
	const struct pv_config_stream *p = c->policies[0]->streams, *q = c->policies[1]->streams,
				      *r = c->policies[2]->streams;
	assert_ptr_equal(p->module.source, count);
	assert_int_equal(p->input, PV_INPUT_MODULE);
	assert_string_equal(p->input_type, "count");
	assert_string_equal(p->module.from, "one");
	assert_string_equal(p->name, r->name);
	assert_string_not_equal(p->name, q->name);
	assert_ptr_equal(c->policies[0]->handlers[0].source, count);
	assert_null(c->policies[1]->handlers[1].source);

	struct pv_source_input in;
	assert_int_equal(pv_input_open(q, &in, err, sizeof err), 0);
	assert_false(in.live);
	assert_ptr_equal(in.own, count->own);
	in.ops->free(in.self);
	pv_config_free(c);
	pv_modules_free(m);
}

/* What can be opened is what --module-list shows. */
static void inputs_are_listed(void **state)
{
	size_t i = 0;
	(void)state;
	for (; pv_inputs[i].alias && pv_input_types[i]; i++)
		assert_string_equal(pv_inputs[i].alias, pv_input_types[i]);
	assert_true(!pv_inputs[i].alias && !pv_input_types[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bad_modules),
	    cmocka_unit_test(no_elf),
	    cmocka_unit_test(trust),
	    cmocka_unit_test(trust_above),
	    cmocka_unit_test(trust_owner),
	    cmocka_unit_test(found_by_name),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(handlers_by_name),
	    cmocka_unit_test(source),
	    cmocka_unit_test(configured),
	    cmocka_unit_test(configured_wrong),
	    cmocka_unit_test(configured_source),
	    cmocka_unit_test(inputs_are_listed),
	};
	return cmocka_run_group_tests_name("module", tests, setup, teardown);
}
