/* SPDX-License-Identifier: MPL-2.0 */
/* tests/unit/otlp_util.h - an OTLP request as lines of text. Written from the protocol's description alone; whatever is not
 * well-formed ends the test.
 *
 *     resource service.name=x
 *     scope pktvisor/p policy_name=p
 *     gauge NAME UNIT: start-time LABELS = 12
 *     summary NAME UNIT: start-time LABELS = count/sum 0.5:1 0.9:2 ...
 *     delta NAME UNIT: start-time LABELS = count/sum counts...     (or cumulative) */
#ifndef TESTS_OTLP_UTIL_H
#define TESTS_OTLP_UTIL_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "unit/stream_util.h"

struct otlp_in {
	const uint8_t *p, *end;
};

struct otlp_field {
	unsigned number;
	uint64_t v;	   /* of a number */
	struct otlp_in in; /* of bytes */
	bool bytes;
};

struct otlp_out {
	char *text;
	size_t len, cap;
};

#define OTLP_WANT(holds)                                                                                     \
	do {                                                                                                 \
		if (!(holds))                                                                                \
			fail_msg("not OTLP: %s", #holds);                                                    \
	} while (0)

__attribute__((format(printf, 2, 3))) UNUSED static void otlp_say(struct otlp_out *o, const char *fmt, ...)
{
	char more[8192];
	va_list ap;
	va_start(ap, fmt);
	size_t n = (size_t)vsnprintf(more, sizeof more, fmt, ap);
	va_end(ap);
	OTLP_WANT(n < sizeof more);
	if (o->len + n + 1 > o->cap) {
		o->cap = 2 * (o->len + n + 1);
		o->text = realloc(o->text, o->cap);
	}
	memcpy(o->text + o->len, more, n + 1);
	o->len += n;
}

UNUSED static uint64_t otlp_varint(struct otlp_in *in)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		OTLP_WANT(in->p < in->end);
		uint8_t b = *in->p++;
		v |= (uint64_t)(b & 0x7f) << (shift < 64 ? shift : 63);
		if (!(b & 0x80)) {
			OTLP_WANT(b || !shift);
			return v;
		}
	}
	fail_msg("not OTLP: a number without an end");
	return 0;
}

UNUSED static uint64_t otlp_raw64(struct otlp_in *in)
{
	uint64_t v = 0;
	OTLP_WANT(in->end - in->p >= 8);
	for (int i = 7; i >= 0; i--)
		v = v << 8 | in->p[i];
	in->p += 8;
	return v;
}

UNUSED static double otlp_double(uint64_t v)
{
	double d;
	memcpy(&d, &v, sizeof d);
	return d;
}

UNUSED static bool otlp_next(struct otlp_in *in, struct otlp_field *f)
{
	if (in->p == in->end)
		return false;
	uint64_t tag = otlp_varint(in);
	*f = (struct otlp_field){.number = (unsigned)(tag >> 3), .bytes = (tag & 7) == 2};
	OTLP_WANT((tag & 7) <= 2);
	f->v = (tag & 7) == 1 ? otlp_raw64(in) : otlp_varint(in);
	if (f->bytes) {
		OTLP_WANT(f->v <= (uint64_t)(in->end - in->p));
		f->in = (struct otlp_in){in->p, in->p + f->v};
		in->p += f->v;
	}
	return true;
}

/* Of a string; in one of a few places that take turns. */
UNUSED static const char *otlp_text(struct otlp_in in)
{
	static char texts[8][4096];
	static unsigned turn;
	char *to = texts[turn++ % 8];
	size_t n = (size_t)(in.end - in.p);
	OTLP_WANT(n < sizeof texts[0]);
	for (size_t at = 0, len; at < n; at += len) {
		len = pv_utf8_len(in.p + at, n - at);
		OTLP_WANT(len);
	}
	memcpy(to, in.p, n);
	to[n] = '\0';
	return to;
}

/* "key=value" */
UNUSED static void otlp_attribute(struct otlp_out *o, struct otlp_in in)
{
	const char *key = "", *value = "";
	struct otlp_field f, any;
	while (otlp_next(&in, &f)) {
		if (f.number == 1)
			key = otlp_text(f.in);
		else if (f.number == 2 && otlp_next(&f.in, &any) && any.number == 1)
			value = otlp_text(any.in);
	}
	otlp_say(o, " %s=%s", key, value);
}

UNUSED static void otlp_point(struct otlp_out *o, struct otlp_in in, const char *kind, const char *head)
{
	bool gauge = *kind == 'g', summary = *kind == 's';
	struct otlp_out labels = {0}, rest = {0};
	uint64_t start = 0, time = 0;
	size_t counts = 0, bounds = 0;
	struct otlp_field f, q;
	while (otlp_next(&in, &f)) {
		if (f.number == 2)
			start = f.v;
		else if (f.number == 3)
			time = f.v;
		else if (f.number == (gauge || summary ? 7 : 9))
			otlp_attribute(&labels, f.in);
		else if (gauge && f.number == 6)
			otlp_say(&rest, " %" PRId64, (int64_t)f.v);
		else if (!gauge && f.number == 4)
			otlp_say(&rest, " %" PRIu64, f.v);
		else if (!gauge && f.number == 5)
			otlp_say(&rest, "/%.12g", otlp_double(f.v));
		else if (summary && f.number == 6)
			while (otlp_next(&f.in, &q))
				otlp_say(&rest, "%s%g", q.number == 1 ? " " : ":", otlp_double(q.v));
		else if (!gauge && f.number == 6)
			for (; f.in.p < f.in.end; counts++)
				otlp_say(&rest, " %" PRIu64, otlp_raw64(&f.in));
		else if (!gauge && f.number == 7)
			for (; f.in.p < f.in.end; bounds++)
				otlp_raw64(&f.in);
		else
			fail_msg("not OTLP: field %u in a point of %s", f.number, head);
	}
	OTLP_WANT(gauge || summary || counts == bounds + 1);
	otlp_say(o, "%s: %" PRIu64 "-%" PRIu64 "%s =%s\n", head, start, time, labels.text ? labels.text : "", rest.text);
	free(labels.text);
	free(rest.text);
}

UNUSED static void otlp_metric(struct otlp_out *o, struct otlp_in in)
{
	const char *name = "", *unit = "", *kind = NULL;
	struct otlp_in data = in, points;
	struct otlp_field f;
	char head[512];
	while (otlp_next(&in, &f)) {
		if (f.number == 1)
			name = otlp_text(f.in);
		else if (f.number == 3)
			unit = otlp_text(f.in);
		else if (f.number != 2) {
			OTLP_WANT(!kind);
			kind = f.number == 5 ? "gauge" : f.number == 11 ? "summary" : f.number == 9 ? "untold" : NULL;
			data = f.in;
		}
	}
	OTLP_WANT(kind != NULL);
	for (points = data; otlp_next(&points, &f);)
		if (f.number == 2)
			kind = f.v == 1 ? "delta" : f.v == 2 ? "cumulative" : kind;
	OTLP_WANT(strcmp(kind, "untold") != 0);
	snprintf(head, sizeof head, "%s %s %s", kind, name, unit);
	while (otlp_next(&data, &f))
		if (f.number == 1)
			otlp_point(o, f.in, kind, head);
}

UNUSED static void otlp_scope(struct otlp_out *o, struct otlp_in in)
{
	struct otlp_field f, s;
	while (otlp_next(&in, &f)) {
		if (f.number == 1) {
			otlp_say(o, "scope");
			while (otlp_next(&f.in, &s)) {
				if (s.number == 1)
					otlp_say(o, " %s", otlp_text(s.in));
				else
					otlp_attribute(o, s.in);
			}
			otlp_say(o, "\n");
		} else {
			OTLP_WANT(f.number == 2);
			otlp_metric(o, f.in);
		}
	}
}

/* To be freed. */
UNUSED static char *otlp_lines(const uint8_t *bytes, size_t n)
{
	struct otlp_out o = {0};
	struct otlp_in request = {bytes, bytes + n};
	struct otlp_field r, f, a;
	otlp_say(&o, "%s", "");
	while (otlp_next(&request, &r)) {
		OTLP_WANT(r.number == 1 && r.bytes);
		while (otlp_next(&r.in, &f)) {
			if (f.number == 2) {
				otlp_scope(&o, f.in);
				continue;
			}
			OTLP_WANT(f.number == 1);
			otlp_say(&o, "resource");
			while (otlp_next(&f.in, &a))
				otlp_attribute(&o, a.in);
			otlp_say(&o, "\n");
		}
	}
	return o.text;
}

#endif
