/* SPDX-License-Identifier: MPL-2.0 */
/* policy/check.h - what the parts of the loader share. Not for others: they use policy/config.h.
 *
 * A check is one run of pv_config_load(). Functions return 0, or -1 with the check's error set: the first one wins,
 * and everything half made is freed by pv_config_free(). */
#ifndef PV_POLICY_CHECK_H
#define PV_POLICY_CHECK_H

#include "policy/config.h"
#include "policy/schema.h"

struct pv_check {
	const struct pv_config_world *world;
	struct pv_config_error *err;
	struct pv_config *conf; /* being made: its taps and policies exist already for what follows */
	unsigned periods, deep_max; /* defaults, resolved */
	json_t *instances;          /* names of handler instances made so far, as keys */
	size_t streams, handlers;   /* made so far */
	uint64_t laid_bytes;
	char prefix[PV_CONFIG_NAME + 32]; /* put in front of errors: "policy [x] failed to start: " */
};

/* An error, behind the prefix. Returns -1. */
int pv_check_fail(struct pv_check *, enum pv_config_fault, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int pv_check_memory(struct pv_check *);
/* After pv_check_fail(): what would have been right. Returns -1. */
int pv_check_hint(struct pv_check *, const char *hint);
/* "wrong type for key: <key>", and what is expected: "a list". Returns -1. */
int pv_check_type(struct pv_check *, unsigned line, const char *key, const char *expected);
/* Puts "before" in front of the error that is there. Returns -1. */
int pv_check_wrap(struct pv_check *, const char *before);
void pv_check_say(struct pv_check *, enum pv_config_say, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* [a-zA-Z_][a-zA-Z0-9_-]*, not too long, not reserved. */
int pv_check_name(struct pv_check *, const char *name, unsigned line);

/* A number brought into its bounds, with a word when that changes it. */
unsigned pv_check_within(struct pv_check *, unsigned line, const char *key, uint64_t n, unsigned low, unsigned high);

/* All keys of a map are in its schema, each once. */
int pv_check_keys(struct pv_check *, const struct pv_schema *, const struct pv_node *map);

/* n if it is a map, an empty object if n is NULL; else, or when something in it is no setting, -1: `not_map` if it is
 * no map, and with `bad` in front of what else is wrong. */
int pv_check_object(struct pv_check *, const struct pv_node *n, const char *not_map, const char *bad, json_t **to);

/* ---- layers: maps laid over each other, which remember where a key came from -------------------- */

#define PV_LAYERS 6

struct pv_layers {
	json_t *values;
	const struct pv_node *maps[PV_LAYERS];
	size_t nmaps;
	unsigned line; /* of keys that came from elsewhere */
};

int pv_layers_init(struct pv_check *, struct pv_layers *, unsigned line);
void pv_layers_free(struct pv_layers *);
/* Over what is there: `object` is copied; `map` is where it stands, NULL when it has no place in this document. */
int pv_layers_add(struct pv_check *, struct pv_layers *, const json_t *object, const struct pv_node *map);
/* Where the key that counts was written. */
unsigned pv_layers_line(const struct pv_layers *, const char *key);
const struct pv_node *pv_layers_node(const struct pv_layers *, const char *key); /* or NULL */

/* Values into fields by the rows of a schema. Keys that are in no row are errors, unless it is open. */
int pv_check_fields(struct pv_check *, const struct pv_schema *, const struct pv_layers *, void *to);

/* A setting of an analyser, a handler or a module's source, in the form that set functions take. set: `ctx` in place of the
 * object. */
int pv_check_setting(struct pv_check *, const struct pv_layers *, const struct pv_key *, const json_t *value, pv_set_fn *set,
		     void *ctx);
/* Is a value of the type that its key wants? */
bool pv_check_setting_fits(const struct pv_key *, const struct pv_value *);

/* ---- the parts ---------------------------------------------------------------------------------- */

/* tap.c */
int pv_check_taps(struct pv_check *, const struct pv_node *map);
const struct pv_config_tap *pv_check_find_tap(const struct pv_check *, const char *name);
/* The i-th tap there is; NULL: no more. */
const struct pv_config_tap *pv_check_tap(const struct pv_check *, size_t i);

/* input.c: s->input, config and tap are set. whole: everything that is needed to open it must be there. */
int pv_check_stream(struct pv_check *, struct pv_config_stream *s, const struct pv_layers *, bool whole);
void pv_config_stream_reset(struct pv_config_stream *);

/* selector.c: 1 it matches, 0 it does not, -1 */
struct pv_selector {
	const struct pv_node *pairs; /* the list */
	bool all;
};
int pv_check_selector(struct pv_check *, const struct pv_node *tap_selector, struct pv_selector *);
int pv_check_selects(struct pv_check *, const struct pv_selector *, const struct pv_config_tap *);

/* module.c */
int pv_check_global(struct pv_check *, const struct pv_node *map);
/* name: of the module; body: its map, whose first entry is left out when skip_first. */
int pv_check_module(struct pv_check *, struct pv_config_policy *, const struct pv_node *body, bool skip_first,
		    const char *name, const struct pv_node *window, unsigned line);
void pv_config_handler_reset(struct pv_config_handler *);

/* policy.c */
int pv_check_policies(struct pv_check *, const struct pv_node *map);

#endif
