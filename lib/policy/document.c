/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "base/conf.h"
#include "base/utf8.h"

#define CHUNK_BYTES 16384
#define NUMBER_MAX  ((uint64_t)INT64_MAX)

/* ---- errors ------------------------------------------------------------------------------------- */

int pv_config_fail(struct pv_config_error *e, enum pv_config_fault fault, unsigned line, const char *fmt, ...)
{
	char raw[PV_CONFIG_TEXT];
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(raw, sizeof raw, fmt, args);
	va_end(args);
	e->fault = fault;
	e->line = line;
	e->column = 0;
	e->hint[0] = 0;
	pv_utf8_clean(raw,
		      n < 0		       ? 0
		      : (size_t)n < sizeof raw ? (size_t)n
					       : sizeof raw - 1,
		      e->text, sizeof e->text);
	return -1;
}

const char *pv_config_error_text(const struct pv_config_error *e, const char *file, char *to, size_t cap)
{
	const char *open = e->hint[0] ? " (" : "", *close = e->hint[0] ? ")" : "";

	if (file && e->line)
		snprintf(to, cap, "%s:%u: %s%s%s%s", file, e->line, e->text, open, e->hint, close);
	else if (file)
		snprintf(to, cap, "%s: %s%s%s%s", file, e->text, open, e->hint, close);
	else if (e->line)
		snprintf(to, cap, "line %u: %s%s%s%s", e->line, e->text, open, e->hint, close);
	else
		snprintf(to, cap, "%s%s%s%s", e->text, open, e->hint, close);
	return to;
}

/* ---- memory: everything of a document goes at once ---------------------------------------------- */

struct chunk {
	struct chunk *next;
	size_t used, cap;
	_Alignas(16) char data[];
};

struct pv_document {
	struct chunk *chunks;
	struct pv_node *root;
	unsigned nodes;
};

static void *take(struct pv_document *d, size_t n)
{
	struct chunk *c = d->chunks;

	n = (n + 15) & ~(size_t)15;
	if (!c || c->cap - c->used < n) {
		size_t cap = n > CHUNK_BYTES ? n : CHUNK_BYTES;
		c = malloc(sizeof *c + cap);
		if (!c)
			return NULL;
		*c = (struct chunk){.next = d->chunks, .cap = cap};
		d->chunks = c;
	}
	void *p = c->data + c->used;
	c->used += n;
	return p;
}

void pv_document_free(struct pv_document *d)
{
	if (!d)
		return;
	for (struct chunk *c = d->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(d);
}

/* ---- from libyaml's events to the tree ---------------------------------------------------------- */

struct frame { /* a map or list that is not complete */
	struct pv_node *node, *last;
	/* of a map: its next entry's key */
	bool has_key;
	const char *key;
	unsigned key_line;
};

struct anchor {
	const char *name;
	struct pv_node *node;
};

struct build {
	struct pv_document *doc;
	struct pv_config_error *err;
	struct frame stack[PV_DOCUMENT_DEPTH];
	unsigned depth;
	struct anchor anchors[PV_DOCUMENT_ANCHORS];
	unsigned nanchors;
	unsigned documents;
	unsigned line, column; /* of the event */
	const char *text;      /* all of it */
	size_t bytes;
};

static int fail_here(struct build *b, const char *what)
{
	pv_config_fail(b->err, PV_CONFIG_INVALID, b->line, "%s", what);
	b->err->column = b->column;
	return -1;
}

static int fail_memory(struct build *b)
{
	return pv_config_fail(b->err, PV_CONFIG_FAILED, b->line, "out of memory");
}

static struct pv_node *new_node(struct build *b, enum pv_node_type type)
{
	struct pv_node *n;

	if (b->doc->nodes >= PV_DOCUMENT_NODES) {
		pv_config_fail(b->err, PV_CONFIG_INVALID, b->line, "more than %u keys and values", PV_DOCUMENT_NODES);
		return NULL;
	}
	n = take(b->doc, sizeof *n);
	if (!n) {
		fail_memory(b);
		return NULL;
	}
	b->doc->nodes++;
	*n = (struct pv_node){.type = type, .line = b->line, .column = b->column, .key_line = b->line};
	return n;
}

static const char *keep_text(struct build *b, const void *text, size_t n)
{
	if (memchr(text, 0, n)) {
		fail_here(b, "a text must not contain a NUL character");
		return NULL;
	}
	char *to = take(b->doc, n + 1);
	if (!to) {
		fail_memory(b);
		return NULL;
	}
	memcpy(to, text, n);
	to[n] = 0;
	return to;
}

/* Puts a scalar, or a map or list that begins, where it belongs. One that stands where a key should be goes
 * nowhere: its map remembers the text, if it has one. */
static void attach(struct build *b, struct pv_node *n)
{
	if (!b->depth) {
		b->doc->root = n;
		return;
	}
	struct frame *f = &b->stack[b->depth - 1];
	if (f->node->type == PV_NODE_MAP && !f->has_key) {
		f->has_key = true;
		f->key = pv_node_scalar(n) ? n->text : NULL;
		f->key_line = b->line;
		return;
	}
	if (f->node->type == PV_NODE_MAP) {
		n->key = f->key;
		n->key_line = f->key_line;
		f->has_key = false;
	}
	n->duplicate = false;
	n->next = NULL;
	if (f->last)
		f->last->next = n;
	else
		f->node->first = n;
	f->last = n;
	f->node->count++;
}

static int remember(struct build *b, const yaml_char_t *name, struct pv_node *n)
{
	if (!name)
		return 0;
	if (b->nanchors == PV_DOCUMENT_ANCHORS)
		return fail_here(b, "too many anchors");
	const char *kept = keep_text(b, name, strlen((const char *)name));
	if (!kept)
		return -1;
	b->anchors[b->nanchors++] = (struct anchor){kept, n};
	return 0;
}

/* A copy of n and of all below it. They share the texts. */
static struct pv_node *copy(struct build *b, const struct pv_node *n, unsigned depth)
{
	if (depth > PV_DOCUMENT_DEPTH) {
		fail_here(b, "maps and lists are nested too deeply");
		return NULL;
	}
	struct pv_node *to = new_node(b, n->type), *last = NULL;
	if (!to)
		return NULL;
	*to = *n;
	to->first = to->next = NULL;
	for (const struct pv_node *c = n->first; c; c = c->next) {
		struct pv_node *child = copy(b, c, depth + 1);
		if (!child)
			return NULL;
		if (last)
			last->next = child;
		else
			to->first = child;
		last = child;
	}
	return to;
}

static int on_alias(struct build *b, const yaml_event_t *ev)
{
	const char *name = (const char *)ev->data.alias.anchor;
	const struct pv_node *found = NULL;

	for (unsigned i = b->nanchors; i-- && !found;)
		if (!strcmp(b->anchors[i].name, name))
			found = b->anchors[i].node;
	if (!found)
		return fail_here(b, "an alias to an anchor that does not exist");
	for (unsigned i = 0; i < b->depth; i++)
		if (b->stack[i].node == found)
			return fail_here(b, "an alias to the map or list that it stands in");
	struct pv_node *n = copy(b, found, b->depth + 1);
	if (!n)
		return -1;
	n->key = NULL;
	n->key_line = b->line;
	attach(b, n);
	return 0;
}

static bool tag_is(const yaml_char_t *tag, const char *what)
{
	return !tag || !strcmp((const char *)tag, "!") || !strcmp((const char *)tag, what);
}

/* Sets the type of a plain scalar by its text. */
static void give_type(struct pv_node *n)
{
	uint64_t number;

	if (pv_parse_u64(n->text, &number) && number <= NUMBER_MAX) {
		n->type = PV_NODE_UINT;
		n->number = number;
	} else if (!strcasecmp(n->text, "true") || !strcasecmp(n->text, "false")) {
		n->type = PV_NODE_BOOL;
		n->boolean = (n->text[0] | 0x20) == 't';
	}
}

static int on_scalar(struct build *b, const yaml_event_t *ev)
{
	if (!tag_is(ev->data.scalar.tag, YAML_STR_TAG))
		return fail_here(b, "YAML tags other than !!str are not supported here");
	struct pv_node *n = new_node(b, PV_NODE_TEXT);
	if (!n)
		return -1;
	n->text = keep_text(b, ev->data.scalar.value, ev->data.scalar.length);
	if (!n->text)
		return -1;
	n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || ev->data.scalar.tag;
	if (!n->quoted)
		give_type(n);
	attach(b, n);
	return remember(b, ev->data.scalar.anchor, n);
}

static int on_start(struct build *b, enum pv_node_type type, const yaml_char_t *tag,
		    const yaml_char_t *anchor)
{
	if (!tag_is(tag, type == PV_NODE_MAP ? YAML_MAP_TAG : YAML_SEQ_TAG))
		return fail_here(b, "YAML tags of maps and lists are not supported");
	if (b->depth == PV_DOCUMENT_DEPTH)
		return fail_here(b, "maps and lists are nested too deeply");
	struct pv_node *n = new_node(b, type);
	if (!n)
		return -1;
	attach(b, n);
	b->stack[b->depth++] = (struct frame){.node = n};
	return remember(b, anchor, n);
}

struct entry {
	struct pv_node *node;
	size_t place;
};

static int by_key(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int c = strcmp(a->node->key, b->node->key);

	return c ? c : (a->place > b->place) - (a->place < b->place);
}

static int mark_duplicates(struct build *b, struct pv_node *map)
{
	if (map->count < 2)
		return 0;
	struct entry *all = calloc(map->count, sizeof *all);
	size_t n = 0;
	if (!all)
		return fail_memory(b);
	for (struct pv_node *c = map->first; c; c = c->next)
		if (c->key)
			all[n] = (struct entry){c, n}, n++;
	qsort(all, n, sizeof *all, by_key);
	for (size_t i = 1; i < n; i++)
		all[i].node->duplicate = !strcmp(all[i].node->key, all[i - 1].node->key);
	free(all);
	return 0;
}

static int on_end(struct build *b)
{
	struct pv_node *n = b->stack[--b->depth].node;

	return n->type == PV_NODE_MAP ? mark_duplicates(b, n) : 0;
}

static int on_event(struct build *b, const yaml_event_t *ev)
{
	b->line = (unsigned)ev->start_mark.line + 1;
	b->column = (unsigned)ev->start_mark.column + 1;
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		return b->documents++ ? fail_here(b, "a second document in the same text") : 0;
	case YAML_SCALAR_EVENT:
		return on_scalar(b, ev);
	case YAML_ALIAS_EVENT:
		return on_alias(b, ev);
	case YAML_MAPPING_START_EVENT:
		return on_start(b, PV_NODE_MAP, ev->data.mapping_start.tag, ev->data.mapping_start.anchor);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(b, PV_NODE_LIST, ev->data.sequence_start.tag, ev->data.sequence_start.anchor);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return on_end(b);
	default:
		return 0;
	}
}

/* The line of a byte: the reader is far ahead of what the parser has come to. */
static unsigned line_of(const struct build *b, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < offset && i < b->bytes; i++)
		line += b->text[i] == '\n';
	return line;
}

static int fail_yaml(struct build *b, const yaml_parser_t *parser)
{
	const char *problem = parser->problem ? parser->problem : "cannot be read";

	if (parser->error == YAML_MEMORY_ERROR)
		return fail_memory(b);
	/* a byte that is no text has an offset, but no mark */
	b->line = parser->error == YAML_READER_ERROR ? line_of(b, parser->problem_offset)
						     : (unsigned)parser->problem_mark.line + 1;
	b->column = parser->error == YAML_READER_ERROR ? 0 : (unsigned)parser->problem_mark.column + 1;
	if (parser->context)
		pv_config_fail(b->err, PV_CONFIG_INVALID, b->line, "invalid YAML: %s, %s (from line %zu)",
			       problem, parser->context, parser->context_mark.line + 1);
	else
		pv_config_fail(b->err, PV_CONFIG_INVALID, b->line, "invalid YAML: %s", problem);
	b->err->column = b->column;
	return -1;
}

static int build_tree(struct build *b, yaml_parser_t *parser)
{
	for (;;) {
		yaml_event_t ev;
		if (!yaml_parser_parse(parser, &ev))
			return fail_yaml(b, parser);
		bool over = ev.type == YAML_STREAM_END_EVENT;
		int res = on_event(b, &ev);
		yaml_event_delete(&ev);
		if (res)
			return -1;
		if (over)
			return b->doc->root ? 0 : pv_config_fail(b->err, PV_CONFIG_INVALID, 0, "empty data");
	}
}

/* ---- JSON --------------------------------------------------------------------------------------- */

/* The number of a "\uXXXX" of six bytes; 0 where there is none. */
static uint32_t escaped(const char *at, const char *end)
{
	char digits[5] = "";

	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return 0;
	memcpy(digits, at + 2, 4);
	return strspn(digits, "0123456789abcdefABCDEF") == 4 ? (uint32_t)strtoul(digits, NULL, 16) : 0;
}

/* JSON writes what lies beyond U+FFFF as two escapes, which YAML does not know: each pair becomes one of YAML's, which is
 * shorter. A backslash of JSON is always an escape's. Bytes written. */
static size_t join_pairs(char *to, const char *from, size_t n)
{
	const char *end = from + n;
	char *at = to;

	while (from < end) {
		uint32_t high = escaped(from, end), low = high ? escaped(from + 6, end) : 0;
		if (high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
			char one[16];
			snprintf(one, sizeof one, "\\U%08x", 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
			memcpy(at, one, 10);
			at += 10;
			from += 12;
			continue;
		}
		size_t bytes = *from == '\\' && end - from > 1 ? 2 : 1;
		memcpy(at, from, bytes);
		at += bytes;
		from += bytes;
	}
	return (size_t)(at - to);
}

static bool is_json(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n && strchr(" \t\r\n", text[i]) && text[i])
		i++;
	return i < n && text[i] == '{';
}

/* ---- texts -------------------------------------------------------------------------------------- */

struct pv_document *pv_document_parse(const char *text, size_t n, struct pv_config_error *err)
{
	yaml_parser_t parser;
	struct build *b;

	if (n > PV_DOCUMENT_BYTES) {
		pv_config_fail(err, PV_CONFIG_INVALID, 0, "more than %u bytes", PV_DOCUMENT_BYTES);
		return NULL;
	}
	b = calloc(1, sizeof *b);
	struct pv_document *d = calloc(1, sizeof *d);
	if (!b || !d || !yaml_parser_initialize(&parser)) {
		pv_config_fail(err, PV_CONFIG_FAILED, 0, "out of memory");
		free(b);
		free(d);
		return NULL;
	}
	b->doc = d;
	b->err = err;
	char *json = is_json(text, n) ? malloc(n) : NULL;
	b->text = json ? json : n ? text : "";
	b->bytes = json ? join_pairs(json, text, n) : n;
	yaml_parser_set_input_string(&parser, (const unsigned char *)b->text, b->bytes);
	int res = build_tree(b, &parser);
	yaml_parser_delete(&parser);
	free(json);
	free(b);
	if (res) {
		pv_document_free(d);
		return NULL;
	}
	return d;
}

/* ---- files -------------------------------------------------------------------------------------- */

/* Bytes read, at most cap; -1 with errno. */
static ssize_t read_all(const char *path, char *to, size_t cap)
{
	struct stat st;
	size_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) || S_ISDIR(st.st_mode)) {
		int e = S_ISDIR(st.st_mode) ? EISDIR : errno;
		close(fd);
		errno = e;
		return -1;
	}
	while (got < cap) {
		ssize_t n = read(fd, to + got, cap - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int e = errno;
			close(fd);
			errno = e;
			return -1;
		}
		if (!n)
			break;
		got += (size_t)n;
	}
	close(fd);
	return (ssize_t)got;
}

struct pv_document *pv_document_read(const char *path, struct pv_config_error *err)
{
	char *text = malloc(PV_DOCUMENT_BYTES + 1); /* one more shows that it is too long */
	struct pv_document *d = NULL;

	if (!text) {
		pv_config_fail(err, PV_CONFIG_FAILED, 0, "out of memory");
		return NULL;
	}
	ssize_t n = read_all(path, text, PV_DOCUMENT_BYTES + 1);
	if (n < 0)
		pv_config_fail(err, PV_CONFIG_FAILED, 0, "%s", strerror(errno));
	else
		d = pv_document_parse(text, (size_t)n, err);
	free(text);
	return d;
}

/* ---- reading the tree --------------------------------------------------------------------------- */

const struct pv_node *pv_document_root(const struct pv_document *d)
{
	return d->root;
}

const struct pv_node *pv_document_duplicate(const struct pv_node *n)
{
	for (const struct pv_node *c = n->first; c; c = c->next) {
		const struct pv_node *found = c->duplicate ? c : pv_document_duplicate(c);
		if (found)
			return found;
	}
	return NULL;
}

const struct pv_node *pv_node_get(const struct pv_node *map, const char *key)
{
	if (map->type != PV_NODE_MAP)
		return NULL;
	for (const struct pv_node *c = map->first; c; c = c->next)
		if (c->key && !strcmp(c->key, key))
			return c;
	return NULL;
}

static json_t *list_json(const struct pv_node *n, struct pv_config_error *err)
{
	json_t *list = json_array();

	for (const struct pv_node *c = n->first; c; c = c->next)
		if (!pv_node_scalar(c)) {
			pv_config_fail(err, PV_CONFIG_INVALID, c->line,
				       "invalid value for sequence in key: %s", n->key ? n->key : "");
			json_decref(list);
			return NULL;
		} else if (json_array_append_new(list, json_string(c->text))) {
			json_decref(list);
			list = NULL;
			break;
		}
	if (!list)
		pv_config_fail(err, PV_CONFIG_FAILED, n->line, "out of memory");
	return list;
}

static json_t *map_json(const struct pv_node *n, struct pv_config_error *err)
{
	json_t *map = json_object();

	for (const struct pv_node *c = n->first; c; c = c->next) {
		if (c->duplicate)
			continue;
		if (!c->key) {
			pv_config_fail(err, PV_CONFIG_INVALID, c->key_line, "a key must be a scalar");
			json_decref(map);
			return NULL;
		}
		json_t *value = pv_node_json(c, err);
		if (!value) {
			json_decref(map);
			return NULL;
		}
		if (json_object_set_new(map, c->key, value)) {
			json_decref(map);
			map = NULL;
			break;
		}
	}
	if (!map)
		pv_config_fail(err, PV_CONFIG_FAILED, n->line, "out of memory");
	return map;
}

json_t *pv_node_json(const struct pv_node *n, struct pv_config_error *err)
{
	json_t *value = NULL;

	switch (n->type) {
	case PV_NODE_MAP:
		return map_json(n, err);
	case PV_NODE_LIST:
		return list_json(n, err);
	case PV_NODE_TEXT:
		value = json_string(n->text);
		break;
	case PV_NODE_UINT:
		value = json_integer((json_int_t)n->number);
		break;
	case PV_NODE_BOOL:
		value = json_boolean(n->boolean);
		break;
	}
	if (!value)
		pv_config_fail(err, PV_CONFIG_FAILED, n->line, "out of memory");
	return value;
}
