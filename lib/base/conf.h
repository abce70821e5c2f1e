/* SPDX-License-Identifier: MPL-2.0 */
/* base/conf.h - settings of analysers and handlers as rows of a table.
 *
 * One row per key. The command line (`--only-qname-suffix .google.com`), YAML documents
 * (`only_qname_suffix: [.google.com]`), the man pages and the error texts come from the same rows.
 * A set function takes the key's index and a typed value, and answers with one line when it
 * cannot use it. */
#ifndef PV_BASE_CONF_H
#define PV_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pv_key_type { PV_KEY_BOOL, PV_KEY_UINT, PV_KEY_STRING, PV_KEY_LIST, PV_KEY_UINT_OR_LIST, PV_KEY_MAP };

struct json_t;

struct pv_key {
	const char *name; /* as in YAML, "only_qname_suffix"; the option is --only-qname-suffix */
	enum pv_key_type type;
	const char *arg;  /* what the argument is called in --help, NULL for BOOL */
	const char *help; /* one line */
};

#define PV_LIST_MAX 1024 /* entries of one list: a filter is compared entry by entry */

struct pv_value {
	enum pv_key_type type; /* BOOL, UINT, STRING, LIST or MAP: what was written */
	bool boolean;
	uint64_t number;
	const char *string;
	const char *const *list; /* entries are always strings */
	size_t count;
	const struct json_t *map; /* an object. On a command line a MAP is a STRING, for the tool to read (tool/flow.h) */
};

/* 0, or -1 with one line (no newline) in err. Borrowed: copies what it keeps. */
typedef int pv_set_fn(void *conf, const struct pv_key *, const struct pv_value *, char *err, size_t errcap);

/* How long an answer is waited for: what the keys xact_ttl_secs and xact_ttl_ms set. The second wins, whatever their order. */
struct pv_ttl {
	uint64_t ns; /* 0: not given */
	bool in_ms;  /* by xact_ttl_ms */
};
#define PV_TTL_MAX_SECS 86400 /* a day: after that nobody looks for the answer any more */
/* As a pv_set_fn, for a key of one of the two names. */
int pv_ttl_set(struct pv_ttl *, const struct pv_key *, const struct pv_value *, char *err, size_t cap);

/* Decimal digits only, no sign, no overflow. */
bool pv_parse_u64(const char *text, uint64_t *out);

/* "10s", "2m", "1h", "250ms", or plain seconds ("10", "0.5"), into ns. */
bool pv_parse_duration(const char *text, uint64_t *out_ns);

/* "64K", "16M", "1G" (powers of 1024) or plain bytes. */
bool pv_parse_size(const char *text, uint64_t *out_bytes);

#endif
