/* SPDX-License-Identifier: MPL-2.0 */
#include "http/route.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/conf.h"
#include "base/utf8.h"
#include "metric/json.h"

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!letter(p[i]) && (!i || (!digit(p[i]) && p[i] != '-')))
			return false;
	return n > 0;
}

static bool is_number(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!digit(p[i]))
			return false;
	return n > 0;
}

bool pv_http_match(const char *pattern, const char *path, char *buf, const char *part[PV_HTTP_PARTS])
{
	size_t nparts = 0, at = 0;
	memset(part, 0, PV_HTTP_PARTS * sizeof part[0]);
	if (strlen(path) >= PV_HTTP_PATH)
		return false;
	while (*pattern && *path) {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		size_t n = strcspn(path, "/");
		bool number = !strncmp(pattern, "{n}", 3);
		if (nparts == PV_HTTP_PARTS || !(number ? is_number(path, n) : is_name(path, n)))
			return false;
		memcpy(buf + at, path, n);
		buf[at + n] = 0;
		part[nparts++] = buf + at;
		at += n + 1;
		path += n;
		pattern += strcspn(pattern, "}") + 1;
	}
	return !*pattern && !*path;
}

uint64_t pv_http_number(const char *digits)
{
	uint64_t n;
	return pv_parse_u64(digits, &n) ? n : UINT64_MAX;
}

bool pv_http_is_type(const char *content_type, const char *type)
{
	if (!content_type)
		return false;
	content_type += strspn(content_type, " \t");
	return strcspn(content_type, "; \t") == strlen(type) && !strncasecmp(content_type, type, strlen(type));
}

void pv_http_bytes(struct pv_http_answer *a, unsigned status, const char *content_type, char *bytes, size_t len)
{
	free(a->bytes);
	*a = (struct pv_http_answer){bytes ? status : 0, content_type, bytes, len};
}

void pv_http_json(struct pv_http_answer *a, unsigned status, json_t *doc)
{
	char *text = doc ? json_dumps(doc, PV_JSON_FLAGS) : NULL;
	json_decref(doc);
	pv_http_bytes(a, status, PV_HTTP_JSON, text, text ? strlen(text) : 0);
}

void pv_http_error(struct pv_http_answer *a, unsigned status, const char *fmt, ...)
{
	char text[1024], clean[4 * sizeof text + 1];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	pv_utf8_clean(text, strlen(text), clean, sizeof clean);
	pv_http_json(a, status, json_pack("{s:s}", "error", clean));
}

void pv_http_text(struct pv_http_answer *a, unsigned status, const char *text)
{
	char *copy = strdup(text);
	pv_http_bytes(a, status, PV_HTTP_TEXT, copy, copy ? strlen(copy) : 0);
}
