/* SPDX-License-Identifier: MPL-2.0 */
/* tool/tool.h - what every program's main() shares: arguments, signals, words, exit codes.
 *
 * The only folder of lib/ that prints and exits. */
#ifndef PV_TOOL_TOOL_H
#define PV_TOOL_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/options.h"
#include "geo/geo.h"
#include "base/res.h"
#include "metric/bucket.h"
#include "stage/pipe.h"

/* Parse the command line; --help, --version and mistakes end the program here (exit 0 or 2). Also ignores SIGPIPE, so
 * that a write to nobody is PV_STOP. operands must hold prog->operands_max places. Returns how many there are. */
size_t pv_tool_start(const struct pv_program *prog, int argc, char **argv, const char **operands);

/* A descriptor that becomes readable on SIGINT or SIGTERM (both are blocked from now on); -1 with errno. Call before
 * threads start. */
int pv_tool_signals(void);

/* A descriptor that is readable after SIGHUP, which no longer ends the program; never blocks. -1 with errno. Likewise. */
int pv_tool_hangups(void);

/* stdout as a place for events. A pipe is opened a second time, so that it can be made not to block without changing it
 * for others who share it; a signal then ends us even when our reader is stuck. */
struct pv_sink pv_tool_stdout(void);

/* Put seeds of hash tables here: getrandom(), or the clock where that fails. */
uint64_t pv_tool_seed(void);

/* True when stdout may take event bytes; else says what to do instead (to exit 2). add: what makes text of them. */
bool pv_tool_stdout_binary(const struct pv_program *prog, const char *add);
#define PV_TOOL_ADD "'| pv-window --table' or '| pv-cat --json'"
/* True when stdin is not a terminal; else says what is wanted. before: what may stand in front of the pipe. */
bool pv_tool_stdin_events(const struct pv_program *prog, const char *before);

/* Ends the program with exit 2 when -H has no list of subnets; NULL: it was not given. */
void pv_tool_hosts(const struct pv_program *prog, const char *list);

/* One line on stderr: "pv-dns: ...". */
void pv_tool_say(const struct pv_program *prog, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The last thing done to text on stdout. Returns the exit code; a reader that went away is no failure. */
int pv_tool_flush(const struct pv_program *prog);

/* A filter's whole life: stdin, stage, stdout, words, exit code. Frees the stage. stage NULL: out of memory. */
int pv_tool_filter(const struct pv_program *prog, struct pv_stage *stage);

/* Options every filter has. */
#define PV_TOOL_FILTER_OPTS(f)                                                                                        \
	{0, "only", PV_OPT_FLAG, &(f).only, NULL, "drop packet events; the next program sees what was made of them", 0, 0}, \
	{0, "chain", PV_OPT_FLAG, &(f).chain, NULL,                                                                   \
	 "withhold packets whose messages the filters rejected, or that hold none", 0, 0},                            \
	{0, "name", PV_OPT_STRING, &(f).name, "NAME", "handler name in the announcement (default: the type)", 1,     \
	 PV_BUCKET_NAME - 1}

/* Location databases. */
struct pv_tool_geo {
	const char *city, *asn;
	uint64_t cache;
};
#define PV_TOOL_GEO {NULL, NULL, PV_GEO_CACHE_DEFAULT}
#define PV_TOOL_GEO_OPTS(g)                                                                                           \
	{0, "geo-city", PV_OPT_STRING, &(g).city, "FILE", "MaxMind City database for locations", 0, 0},                \
	{0, "geo-asn", PV_OPT_STRING, &(g).asn, "FILE", "MaxMind ASN or ISP database for networks", 0, 0},             \
	{0, "geo-cache-size", PV_OPT_UINT, &(g).cache, "N",                                                           \
	 "addresses remembered per database, 0 for none (default: 10000)", 0, PV_GEO_CACHE_MAX}

/* For one analyser, which takes it over. NULL when neither file was named; ends the program with exit 1 when one cannot
 * be read. */
struct pv_geo *pv_tool_geo_open(const struct pv_program *prog, const struct pv_tool_geo *);

/* Words about how a pipe run ended, and the exit code for it. file: what was read, when it was not stdin; else NULL. */
int pv_tool_finish(const struct pv_program *prog, const char *file, const struct pv_pipe_end *end);

#endif
