/* SPDX-License-Identifier: MPL-2.0 */
/* A configuration. Properties: an error has words, in UTF-8 and on one line, and a line of the document; what
 * was loaded can be shown; and the same document written as JSON is the same configuration. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "handlers/handlers.h"
#include "policy/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + strlen(text);
	assert(p < end);
	while (p < end) {
		size_t n = pv_utf8_len(p, (size_t)(end - p));
		assert(n && *p != '\n');
		p += n;
	}
}

static void say(void *ctx, enum pv_config_say kind, unsigned line, const char *text)
{
	(void)ctx;
	(void)kind;
	(void)line;
	check_text(text);
}

static void check_error(const struct pv_config_error *e, const uint8_t *data, size_t size)
{
	unsigned lines = 2;		  /* the last one, and the end behind it */
	for (size_t i = 0; i < size; i++) /* YAML's line breaks: CR, LF, NEL, LS, PS */
		lines += data[i] == '\n' || data[i] == '\r' || data[i] == 0x85 || data[i] == 0xa8 ||
			 data[i] == 0xa9;
	check_text(e->text);
	assert(e->fault && e->line <= lines);
}

/* A scalar as it was, quoted where it was. */
static void write_scalar(FILE *out, const struct pv_node *n, bool in_list)
{
	bool plain =
	    !n->quoted && !in_list &&
	    (n->type != PV_NODE_TEXT || !*n->text || !strcmp(n->text, "~") || !strcmp(n->text, "null"));
	if (plain) {
		fputs(n->text, out);
		return;
	}
	json_t *j = json_string(n->text);
	json_dumpf(j, out, JSON_ENCODE_ANY);
	json_decref(j);
}

static void write_node(FILE *out, const struct pv_node *n, bool in_list)
{
	if (pv_node_scalar(n)) {
		write_scalar(out, n, in_list);
		return;
	}
	fputc(n->type == PV_NODE_MAP ? '{' : '[', out);
	for (const struct pv_node *c = n->first; c; c = c->next) {
		if (n->type == PV_NODE_MAP) {
			json_t *key = json_string(c->key);
			json_dumpf(key, out, JSON_ENCODE_ANY);
			fputs(": ", out);
			json_decref(key);
		}
		write_node(out, c, n->type == PV_NODE_LIST);
		fputs(c->next ? ", " : "", out);
	}
	fputc(n->type == PV_NODE_MAP ? '}' : ']', out);
}

static char *shown(const struct pv_config *c)
{
	json_t *j = pv_config_json(c);
	char *text = json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT);
	assert(text);
	json_decref(j);
	return text;
}

static void same_as_json(const struct pv_document *doc, enum pv_config_form form,
			 const struct pv_config_world *w, const struct pv_config *first)
{
	struct pv_config_error err;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	write_node(out, pv_document_root(doc), false);
	fclose(out);
	/* keys of more than a thousand characters, and characters that must be escaped, are where YAML ends */
	struct pv_document *again = pv_document_parse(text, n, &err);
	if (again) {
		struct pv_config *second = pv_config_load(again, form, w, &err);
		assert(second);
		char *a = shown(first), *b = shown(second);
		assert(!strcmp(a, b));
		free(a);
		free(b);
		pv_config_free(second);
	}
	pv_document_free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pv_config_world w = {.handlers = pv_handlers, .say = say};
	struct pv_config_error err = {.fault = 0};
	struct pv_document *doc = pv_document_parse((const char *)data, size, &err);
	if (!doc) {
		check_error(&err, data, size);
		return 0;
	}
	for (enum pv_config_form form = PV_CONFIG_FILE; form <= PV_CONFIG_POLICY; form++) {
		err = (struct pv_config_error){.fault = 0};
		struct pv_config *c = pv_config_load(doc, form, &w, &err);
		if (c)
			same_as_json(doc, form, &w, c);
		else
			check_error(&err, data, size);
		pv_config_free(c);
	}
	pv_document_free(doc);
	return 0;
}
