/* SPDX-License-Identifier: MPL-2.0 */
/* pv-cat - look at event streams: check, count, select, join, print. See pv-cat(1). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event/check.h"
#include "event/json.h"
#include "stage/stop.h"
#include "tool/tool.h"

struct cat {
	struct pv_stage stage;
	bool json, count, copy;
	uint64_t select; /* types to keep, as bits */
	uint64_t events[PV_EV_TYPES], others, bytes, streams;
	bool write_failed;
};

/* What a stream cannot do without, whatever is selected. */
#define FRAME (PV_WANTS(PV_EV_START) | PV_WANTS(PV_EV_STOP) | PV_WANTS(PV_EV_STAGE) | PV_WANTS(PV_EV_DEFINE))

static void print(struct cat *c, const struct pv_event *ev)
{
	json_t *j = pv_event_json(ev);
	if (!j || json_dumpf(j, stdout, JSON_COMPACT) || putchar('\n') == EOF) {
		c->write_failed = true;
		c->stage.out.res = errno == EPIPE ? PV_STOP : PV_FAIL;
	}
	json_decref(j);
}

static void cat_batch(struct pv_stage *stage, const struct pv_event *first, size_t bytes)
{
	struct cat *c = (struct cat *)stage;
	const uint8_t *p = (const uint8_t *)first, *end = p + bytes;
	c->bytes += bytes;
	for (; p < end && stage->out.res == PV_OK; p += ((const struct pv_event *)(const void *)p)->size) {
		const struct pv_event *ev = (const void *)p;
		bool known = ev->type < PV_EV_TYPES;
		unsigned type = pv_is_module_type(ev->type) ? PV_EV_MODULE : ev->type; /* numbers are of one stream */
		c->streams += ev->type == PV_EV_START;
		*(known ? &c->events[type] : &c->others) += 1;
		bool selected = known && (c->select >> type & 1);
		if (c->json && selected)
			print(c, ev);
		if (!c->copy || !(selected || (known && (FRAME >> type & 1))))
			continue;
		if (ev->type == PV_EV_STOP) { /* its counts are those of the stream as it leaves us */
			size_t n, kept = 0;
			const struct pv_ledger_row *row = pv_stop_rows((const void *)ev, &n);
			struct pv_ledger_row rows[PV_LEDGER_ROWS_MAX];
			for (size_t i = 0; i < n && kept < PV_LEDGER_ROWS_MAX; i++)
				if (row[i].stage != PV_STAGE_STREAM)
					rows[kept++] = row[i];
			pv_stop_emit(&stage->out, ev->time_ns, rows, kept);
		} else {
			pv_out_pass(&stage->out, ev, ev->size);
		}
	}
}

static void cat_end(struct pv_stage *stage, bool cut)
{
	(void)stage, (void)cut;
}

static void cat_free(struct pv_stage *stage)
{
	pv_out_free(&stage->out);
}

static const struct pv_stage_ops cat_ops = {"cat", cat_batch, cat_end, cat_free};

static int parse_types(const struct pv_program *prog, const struct pv_opt_list *types, uint64_t *select)
{
	*select = 0;
	for (size_t i = 0; i < types->count; i++) {
		int t = pv_event_type_by_name(types->item[i]);
		if (t < 0) {
			char names[512];
			size_t at = 0;
			for (unsigned k = 0; k < PV_EV_TYPES; k++)
				if (pv_event_type_name(k) && (k == PV_EV_MODULE || !pv_is_module_type(k)))
					at += (size_t)snprintf(names + at, sizeof names - at, " %s", pv_event_type_name(k));
			pv_tool_say(prog, "unknown event type '%s'; there are:%s", types->item[i], names);
			return -1;
		}
		*select |= PV_WANTS(t);
	}
	if (!types->count)
		*select = UINT64_MAX;
	return 0;
}

static void report(const struct cat *c)
{
	for (unsigned t = 0; t < PV_EV_TYPES; t++)
		if (c->events[t])
			printf("%-12s %" PRIu64 "\n", pv_event_type_name(t) ? pv_event_type_name(t) : "unknown", c->events[t]);
	if (c->others)
		printf("%-12s %" PRIu64 "\n", "unknown", c->others);
	printf("%-12s %" PRIu64 "\n%-12s %" PRIu64 "\n", "streams", c->streams, "bytes", c->bytes);
}

#define FILES_MAX 4096 /* more do not fit on a command line anyway */

int main(int argc, char **argv)
{
	struct cat c = {.stage.ops = &cat_ops};
	struct pv_opt_list types = {NULL, 0};
	bool check = false;
	const struct pv_opt opts[] = {
		{'j', "json", PV_OPT_FLAG, &c.json, NULL, "print a JSON line per event instead of the events", 0, 0},
		{'c', "count", PV_OPT_FLAG, &c.count, NULL, "print how many events of each type there are", 0, 0},
		{0, "check", PV_OPT_FLAG, &check, NULL, "print nothing; the exit code says whether the streams are whole", 0, 0},
		{'t', "type", PV_OPT_LIST, &types, "TYPE,...", "only events of these types (packet, net, dns, dhcp, ...)", 0, 0},
	};
	const struct pv_program prog = {
		.name = "pv-cat",
		.summary = "check, count, select, join and print event streams",
		.synopsis = "[options] [FILE ...]",
		.opts = opts,
		.nopts = sizeof opts / sizeof opts[0],
		.operands_max = FILES_MAX,
	};
	const char **files = calloc(FILES_MAX, sizeof *files);
	size_t n = files ? pv_tool_start(&prog, argc, argv, files) : 0;
	int code = PV_EXIT_USAGE;
	if (c.json + c.count + check > 1) {
		pv_tool_say(&prog, "--json, --count and --check exclude each other");
		goto out;
	}
	if (check && types.count) {
		pv_tool_say(&prog, "--check looks at every event: --type does not go with it");
		goto out;
	}
	if (parse_types(&prog, &types, &c.select))
		goto out;
	c.copy = !c.json && !c.count && !check;
	if (n == 0) {
		if (!pv_tool_stdin_events(&prog, "pv-capture -r FILE"))
			goto out;
		files[n++] = "-";
	}
	if (c.copy && !pv_tool_stdout_binary(&prog, PV_TOOL_ADD))
		goto out;
	if (pv_out_init(&c.stage.out, c.copy ? pv_tool_stdout() : pv_sink_none())) {
		pv_tool_say(&prog, "cannot start: %s", strerror(errno));
		code = PV_EXIT_FAILED;
		goto out;
	}
	code = PV_EXIT_OK;
	int sig = pv_tool_signals();
	for (size_t i = 0; i < n && code == PV_EXIT_OK; i++) {
		int fd = strcmp(files[i], "-") ? open(files[i], O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
		if (fd < 0) {
			pv_tool_say(&prog, "cannot open '%s': %s", files[i], strerror(errno));
			code = PV_EXIT_FAILED;
			break;
		}
		struct pv_pipe_end end = pv_pipe_run(&c.stage, fd, sig);
		code = pv_tool_finish(&prog, fd == STDIN_FILENO ? NULL : files[i], &end);
		if (fd != STDIN_FILENO)
			close(fd);
	}
	if (c.count)
		report(&c);
	if (code == PV_EXIT_OK)
		code = pv_tool_flush(&prog);
out:
	cat_free(&c.stage);
	pv_opt_list_free(&types);
	free(files);
	return code;
}
