/* SPDX-License-Identifier: MPL-2.0 */
/* base/options.h - command lines from tables.
 *
 * A program states its options once, in rows; parsing, --help, the OPTIONS section of its man page
 * and its completions in shells (contrib/build/completions) come from them. Grammar: short options may be bundled (-vb EXPR, -bEXPR),
 * long ones abbreviated to a unique prefix, values given as --opt VALUE or --opt=VALUE, options
 * mixed with operands, `--` ends them. An option may be given once, a PV_OPT_LIST one again and
 * again. --help and --version are always there.
 *
 * Nothing here prints or exits: pv_options_parse() answers with a message. */
#ifndef PV_BASE_OPTIONS_H
#define PV_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/conf.h"

enum pv_opt_type {
	PV_OPT_FLAG,     /* bool *: set true */
	PV_OPT_NOFLAG,   /* bool *: set false */
	PV_OPT_STRING,   /* const char **: points into argv; min..max bytes of it */
	PV_OPT_UINT,     /* uint64_t *: within min..max */
	PV_OPT_DURATION, /* uint64_t *: ns; 0 is refused: it would mean never, or as if not given */
	PV_OPT_SIZE,     /* uint64_t *: bytes, within min..max */
	PV_OPT_LIST,     /* struct pv_opt_list *: each occurrence, split at commas; at least one item */
	PV_OPT_KEY       /* a row of a pv_key table: value goes to set() */
};

struct pv_opt_list {
	const char **item; /* grown as needed; texts owned */
	size_t count;
};

struct pv_opt {
	char letter;           /* 0: none */
	const char *name;      /* long name without dashes; NULL: none */
	enum pv_opt_type type;
	void *target;
	const char *arg;       /* name of the argument in --help; NULL for flags */
	const char *help;      /* one line; "(default: X)" belongs here */
	uint64_t min, max;     /* of the number, size, or bytes of the string; max 0: no bound */
};

/* A table of pv_key rows that become options. */
struct pv_opt_keys {
	const char *heading;   /* of the section in --help: "Filters" */
	const struct pv_key *keys;
	size_t count;
	pv_set_fn *set;
	void *conf;
	char *text;            /* what was set, "key=value;key=value", for announcements; NULL: not wanted */
	size_t text_cap;       /* text[0] must be 0 at first; cut when full */
};

struct pv_program {
	const char *name;      /* "pv-dns" */
	const char *product;   /* what --version says in front of the number; NULL: the name, "": nothing */
	const char *summary;   /* one line: what it does */
	const char *synopsis;  /* "[options] < EVENTS > EVENTS" */
	const struct pv_opt *opts;
	size_t nopts;
	const struct pv_opt_keys *keys; /* may be NULL */
	size_t nkeys;
	size_t operands_min, operands_max;
};

enum pv_options_result { PV_OPTIONS_RUN, PV_OPTIONS_HELP, PV_OPTIONS_VERSION, PV_OPTIONS_MDOC, PV_OPTIONS_ROWS, PV_OPTIONS_BAD };

/* Operands go to the front of operands[] (operands_max places, may be argv itself + 1). On BAD, err holds one line.
 * MDOC, ROWS: the hidden --help-mdoc or --help-rows was given (build of the man pages, of the completions). */
enum pv_options_result pv_options_parse(const struct pv_program *, int argc, char **argv, const char **operands,
					size_t *noperands, char *err, size_t errcap);

/* One setting of a key table as text, "key=value", or "key" where that takes no value. 0, or -1 with a line in err. */
int pv_options_setting(const struct pv_opt_keys *, const char *text, char *err, size_t cap);

void pv_options_help(const struct pv_program *, FILE *);
void pv_options_mdoc(const struct pv_program *, FILE *); /* the OPTIONS section */
/* For programs: "name, synopsis, summary", then an option a line: "letter, long name, argument, once|many, help", tabs
 * between them, '-' for what an option has not. */
void pv_options_rows(const struct pv_program *, FILE *);
void pv_opt_list_free(struct pv_opt_list *);

#endif
