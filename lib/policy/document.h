/* SPDX-License-Identifier: MPL-2.0 */
/* policy/document.h - a YAML (or JSON) document as a tree, with the line of everything.
 *
 * Model: maps, lists, and scalars with a type. A plain scalar of digits is a number, decimal whatever its
 * first digit; plain true and false (in any case) are booleans; everything else is text, and so is everything
 * that was quoted or tagged !!str. Numbers that 63 bits cannot hold are text: JSON, which shows them to
 * clients, has no larger ones. A value that is left out is the empty text.
 *
 * Anchors and aliases work, by copying; merge keys (<<) do not exist. Other tags, a second document in the same
 * text and NUL characters are errors. The same key twice in one map is marked, not refused here: what it means
 * (a policy defined twice, ...) is better said by those who know the map; pv_document_duplicate() finds any.
 *
 * Ownership: the document owns its nodes and their texts. Threads: read-only once made.
 * Errors: one line of text and where (struct pv_config_error). A document is read whole or not at all.
 * Limits: below. Aliases count as what they copy, so a small text cannot become a large tree. */
#ifndef PV_POLICY_DOCUMENT_H
#define PV_POLICY_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define PV_DOCUMENT_BYTES (1u << 20) /* some 5,000 policies; more is no configuration */
#define PV_DOCUMENT_NODES 65536u     /* keys and values, aliases expanded: some 8 MiB */
#define PV_DOCUMENT_DEPTH 32u        /* twice what the deepest key needs; readers of the tree recurse */
#define PV_DOCUMENT_ANCHORS 256u     /* looked through one by one for each alias */

#define PV_CONFIG_TEXT 1024 /* of an error: the longest list of valid keys and what is wrong */
#define PV_CONFIG_HINT 300 /* the handlers that there are */

enum pv_config_fault {
	PV_CONFIG_INVALID = 1,  /* what is asked for makes no sense */
	PV_CONFIG_EXISTS,       /* the name is taken */
	PV_CONFIG_NO_TAP_MATCH, /* no tap has the tags of tap_selector */
	PV_CONFIG_NOT_BUILT,    /* it makes sense, and this program has no such handler or input */
	PV_CONFIG_FAILED,       /* no memory, or the file cannot be read */
};

struct pv_config_error {
	enum pv_config_fault fault;
	unsigned line, column; /* from 1; 0: the document as a whole, or something that came before it */
	char text[PV_CONFIG_TEXT]; /* valid UTF-8, no newline, no place. Clients match on it */
	char hint[PV_CONFIG_HINT]; /* what is allowed, where the text does not say it: "a number is expected" */
};

/* "agent.yaml:12: text (hint)"; without what is not known. file may be NULL. Returns `to`. */
const char *pv_config_error_text(const struct pv_config_error *, const char *file, char *to, size_t cap);

/* For those who find something wrong: sets all of it (no column, no hint), cleans the text, returns -1. */
int pv_config_fail(struct pv_config_error *, enum pv_config_fault, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

enum pv_node_type { PV_NODE_TEXT, PV_NODE_UINT, PV_NODE_BOOL, PV_NODE_LIST, PV_NODE_MAP };

struct pv_node {
	enum pv_node_type type;
	bool quoted;    /* scalars: quoted, or a block of text */
	bool duplicate; /* in a map: an earlier entry has the same key */
	bool boolean;
	uint64_t number;
	unsigned line, column; /* from 1; of the value */
	unsigned key_line;     /* in a map: of the key, where a person looks; else the value's */
	const char *key;       /* in a map; NULL when the key is not a scalar */
	const char *text;      /* scalars: as it was written, "" when nothing was */
	size_t count;          /* maps and lists: entries */
	struct pv_node *first, *next; /* entries, in the order of the document */
};

struct pv_document;

/* n bytes; text may be NULL when there are none. NULL with the reason. An empty text (nothing but blanks and
 * comments) is "empty data". */
struct pv_document *pv_document_parse(const char *text, size_t n, struct pv_config_error *);
/* A regular file, FIFO or device; never a folder. */
struct pv_document *pv_document_read(const char *path, struct pv_config_error *);
void pv_document_free(struct pv_document *); /* NULL is fine */

const struct pv_node *pv_document_root(const struct pv_document *);
/* The first entry that repeats a key of its map, anywhere below `n`; NULL: none. */
const struct pv_node *pv_document_duplicate(const struct pv_node *n);

/* The entry of a map (of anything else: NULL), the first one of that key. */
const struct pv_node *pv_node_get(const struct pv_node *map, const char *key);

static inline bool pv_node_scalar(const struct pv_node *n)
{
	return n->type == PV_NODE_TEXT || n->type == PV_NODE_UINT || n->type == PV_NODE_BOOL;
}

/* As JSON, with numbers and booleans typed; entries of lists are always strings, as they were written. Keys that
 * repeat are left out. NULL with the reason: a list with something else than scalars, a key that is none, memory. */
json_t *pv_node_json(const struct pv_node *, struct pv_config_error *);

#endif
