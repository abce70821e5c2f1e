/* SPDX-License-Identifier: MPL-2.0 */
/* policy/schema.h - the keys of a configuration, as rows of tables.
 *
 * A section is a map of the document: "visor.config", "tap", "policy", "input pcap", ... Its rows say which keys
 * it may have, of which type, with which default, and what they are for. Checks, error texts ("<k> is an
 * invalid/unsupported config or filter. The valid configs/filters are: ..."), the storing of values and the
 * tables in pktvisord.yaml(5) come from the same rows. Adding a key is one row, and the field it goes to.
 *
 * The keys of handlers are rows of struct pv_key in their protocols' folders (base/conf.h); struct
 * pv_handler_kind says which tables belong to which handler in which version, built or not yet.
 *
 * All tables are static const. Threads: any. */
#ifndef PV_POLICY_SCHEMA_H
#define PV_POLICY_SCHEMA_H

#include <stdio.h>

#include "base/conf.h"
#include "policy/config.h"

enum pv_schema_type {
	PV_SCHEMA_BOOL,  /* field: bool */
	PV_SCHEMA_UINT,  /* field: uint64_t */
	PV_SCHEMA_TEXT,  /* field: const char *, borrowed from the JSON */
	PV_SCHEMA_LIST,  /* the rest is looked at by those who use it, and has no field */
	PV_SCHEMA_MAP,
	PV_SCHEMA_MODULES, /* a map, or a list of maps */
	PV_SCHEMA_ANY,
};

enum pv_schema_flag {
	PV_SCHEMA_REQUIRED = 1,
	PV_SCHEMA_IGNORED = 2,    /* accepted with a word: older agents ignored it, and files have it */
	PV_SCHEMA_PER_POLICY = 4, /* of an input: acts on a policy, so is no part of the stream's identity */
};

#define PV_SCHEMA_NO_FIELD SIZE_MAX

struct pv_schema_key {
	const char *name;
	enum pv_schema_type type;
	unsigned flags;
	size_t at;           /* offset of its field */
	uint64_t max;        /* UINT: the largest; 0: any */
	const char *initial; /* the default, for people; NULL: none */
	const char *help;    /* one line, no final stop; NULL for IGNORED */
};

struct pv_schema {
	const char *name;
	const struct pv_schema_key *keys;
	size_t nkeys;
	bool open; /* other keys may be there too */
};

extern const struct pv_schema pv_schema_document, pv_schema_visor, pv_schema_agent, pv_schema_tap, pv_schema_policy,
	pv_schema_policy_config, pv_schema_policy_input, pv_schema_selector, pv_schema_handlers, pv_schema_module,
	pv_schema_groups, pv_schema_window, pv_schema_target;

/* Keys of the input types, by enum pv_input. */
extern const struct pv_schema pv_schema_inputs[];
#define PV_SCHEMA_INPUTS 5

const struct pv_schema_key *pv_schema_find(const struct pv_schema *, const char *name);

/* "a list", "a number", ... */
const char *pv_schema_type_text(enum pv_schema_type);
const char *pv_schema_key_type_text(enum pv_key_type);

/* "<name> is an invalid/unsupported config or filter. The valid configs/filters are: a, b, c" */
void pv_schema_unknown_text(const struct pv_schema *, const char *name, char *to, size_t cap);

/* ---- names of input types: more names than kinds ------------------------------------------------ */

struct pv_input_name {
	const char *name;
	enum pv_input input;
};
extern const struct pv_input_name pv_input_names[]; /* ends with NULL */

/* ---- handlers ----------------------------------------------------------------------------------- */

enum pv_handler_conf { /* what its keys set */
	PV_HANDLER_NO_CONF, /* recorded_stream, if anything */
	PV_HANDLER_NET,
	PV_HANDLER_DNS,
	PV_HANDLER_DHCP,
	PV_HANDLER_FLOW,
	PV_HANDLER_MODULE, /* the settings of its analyser */
};

#define PV_HANDLER_SETS 2

struct pv_handler_kind {
	const char *type, *version;
	const char *class_name; /* in error texts */
	unsigned inputs;        /* 1 << enum pv_input */
	enum pv_handler_conf conf;
	struct {
		const struct pv_key *keys;
		const size_t *count;
	} sets[PV_HANDLER_SETS];
	const char *const *without; /* keys of the sets that it does not have; NULL-terminated or NULL */
};

/* All that are specified. Which of them are built is for the registry to say. */
extern const struct pv_handler_kind pv_handler_kinds[];
extern const size_t pv_handler_nkinds;

/* What is true of handlers that have no row: any input, no keys of their own. Its type and version are NULL. */
extern const struct pv_handler_kind pv_handler_kind_other;
/* The same for what a module brought, with the keys of its analyser. */
struct pv_handler_kind pv_handler_kind_module(const struct pv_module_analyser *);

/* NULL: no such row. version NULL: the first of that type. */
const struct pv_handler_kind *pv_handler_kind_find(const char *type, const char *version);
/* Its i-th key, in the order that error texts list them; NULL: there are no more. */
const struct pv_key *pv_handler_kind_key(const struct pv_handler_kind *, size_t i);
const struct pv_key *pv_handler_kind_key_find(const struct pv_handler_kind *, const char *name);
/* The text for an unknown key: the handler's keys, then those of the window. */
void pv_handler_kind_unknown_text(const struct pv_handler_kind *, const char *name, char *to, size_t cap);

/* ---- for the manual ----------------------------------------------------------------------------- */

/* One line per key: section TAB key TAB type TAB default or - TAB required|optional|ignored TAB help. Sections of
 * handlers are "handler TYPE VERSION"; only those that are in the registry. */
void pv_schema_list(FILE *, const struct pv_handler *const *registry);

#endif
