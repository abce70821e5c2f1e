/* SPDX-License-Identifier: MPL-2.0 */
/* tool/summary.h - what pv-window and pktvisor-reader share: the options of a window and how its result is printed. */
#ifndef PV_TOOL_SUMMARY_H
#define PV_TOOL_SUMMARY_H

#include <jansson.h>

#include "tool/tool.h"
#include "window/window.h"

struct pv_summary_opts {
	uint64_t periods; /* 0: not given */
	uint64_t deep, topn, percentile;
	const char *sort;
	struct pv_opt_list enable, disable, modules;
	const struct pv_handler *const *handlers; /* NULL: those that are built in */
	bool summary; /* --summary: one period */
};

#define PV_SUMMARY_OPTS_DEFAULT {.deep = 100, .topn = 10}

#define PV_SUMMARY_OPT_ROWS(o)                                                                                        \
	{0, "periods", PV_OPT_UINT, &(o).periods, "N",                                                                \
	 "keep N buckets of 60 s, 1 to 10; 1 is one bucket for the whole stream (default: 5)", 1, PV_WINDOW_PERIODS_MAX}, \
	{0, "summary", PV_OPT_FLAG, &(o).summary, NULL, "the same as --periods 1", 0, 0},                             \
	{0, "max-deep-sample", PV_OPT_UINT, &(o).deep, "PERCENT",                                                     \
	 "look closely at PERCENT of the events, 1 to 100 (default: 100)", 1, 100},                                   \
	{0, "topn", PV_OPT_UINT, &(o).topn, "N", "rows of every top list (default: 10)", 1, 1000},                    \
	{0, "topn-percentile", PV_OPT_UINT, &(o).percentile, "P",                                                     \
	 "leave out rows below the P-th percentile of a top list (default: 0)", 0, 100},                              \
	{0, "sort", PV_OPT_STRING, &(o).sort, "COLUMN",                                                               \
	 "choose and order rows that have several sums by COLUMN: bytes, packets, name, ... (default: bytes)", 0, 0}, \
	{0, "enable", PV_OPT_LIST, &(o).enable, "GROUP,...", "turn metric groups on; 'all' for every one", 0, 0},     \
	{0, "disable", PV_OPT_LIST, &(o).disable, "GROUP,...", "turn metric groups off, before --enable turns some on", 0, 0}, \
	{0, "modules", PV_OPT_LIST, &(o).modules, "NAME[:VERSION],...",                                               \
	 "handlers to use (default: see DESCRIPTION)", 0, 0}

void pv_summary_conf(const struct pv_summary_opts *, struct pv_window_conf *); /* borrows the lists */
/* False, with a line that says why: options that do not go together, for exit 2. */
bool pv_summary_sensible(const struct pv_program *, const struct pv_summary_opts *);
void pv_summary_opts_free(struct pv_summary_opts *);

enum pv_summary_form { PV_SUMMARY_JSON, PV_SUMMARY_TABLE, PV_SUMMARY_PROMETHEUS, PV_SUMMARY_OTLP };

struct pv_summary {
	const struct pv_program *prog;
	enum pv_summary_form form;
	const struct pv_handler *const *handlers; /* of a table's units */
	const char *policy, *instance; /* labels of Prometheus and OTLP; instance may be NULL */
	bool printed; /* a minute of a live stream */
	bool refresh; /* a table in place of the one before, on a terminal */
	int failed;   /* errno, when stdout could not be written */
	json_t *last; /* what was printed, JSON or a table; ours */
};

/* The newest closed minute of a live stream on stdout. When that cannot be written the window's stage stops. */
void pv_summary_closed(struct pv_summary *, struct pv_window *);

/* The window as it is now on stdout: JSON or a table, which pv_summary_end() ends with the last one. */
void pv_summary_every(struct pv_summary *, struct pv_window *);

/* The merged window on stdout, but for Prometheus text and OTLP of a live stream: there every minute has been printed, and a
 * window of several would not compare. A table that would say what the last one said is left out. Returns the exit code, `code` unless printing failed. */
int pv_summary_end(struct pv_summary *, struct pv_window *, int code);

/* What was lost or refused on the way, on stderr; nothing when nothing was. Returns the exit code, `code` unless a bucket
 * was refused. */
int pv_summary_losses(const struct pv_program *, struct pv_window *, int code);

/* --list-metrics. Returns the exit code. */
int pv_summary_list(const struct pv_program *, const struct pv_summary_opts *);

#endif
