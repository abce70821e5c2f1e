/* SPDX-License-Identifier: MPL-2.0 */
#include "push/answer.h"

#include "base/cursor.h"
#include "base/utf8.h"

enum { RESPONSE_PARTIAL_SUCCESS = 1 };
enum { PARTIAL_REJECTED = 1, PARTIAL_WORDS = 2 };
enum { STATUS_WORDS = 2 };

enum wire { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

struct field {
	uint64_t number, value; /* value: of a number */
	enum wire wire;
	struct pv_cur bytes;
};

static uint64_t varint(struct pv_cur *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = pv_u8(c);
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	c->bad = true; /* more than ten bytes */
	return 0;
}

/* False at the end, and where it is no protobuf: then the cursor is bad. */
static bool next(struct pv_cur *c, struct field *f)
{
	if (c->bad || !pv_left(c))
		return false;
	uint64_t tag = varint(c);
	*f = (struct field){.number = tag >> 3, .wire = (enum wire)(tag & 7)};
	switch ((unsigned)f->wire) {
	case VARINT:
		f->value = varint(c);
		break;
	case FIXED64:
		pv_skip(c, 8);
		break;
	case BYTES:
		f->value = varint(c);
		if (f->value > pv_left(c))
			c->bad = true;
		else
			f->bytes = pv_sub(c, (size_t)f->value);
		break;
	case FIXED32:
		pv_skip(c, 4);
		break;
	default:
		c->bad = true;
	}
	c->bad |= !f->number;
	return !c->bad;
}

static void take_words(const struct field *f, struct pv_push_answer *a)
{
	if (f->wire == BYTES)
		pv_utf8_clean(f->bytes.p, pv_left(&f->bytes), a->words, sizeof a->words);
}

static bool partial_success(struct pv_cur c, struct pv_push_answer *a)
{
	struct field f;
	while (next(&c, &f)) {
		if (f.number == PARTIAL_REJECTED && f.wire == VARINT)
			a->rejected = f.value <= INT64_MAX ? f.value : 0; /* it is signed */
		else if (f.number == PARTIAL_WORDS)
			take_words(&f, a);
	}
	return !c.bad;
}

bool pv_push_response(const void *bytes, size_t n, struct pv_push_answer *a)
{
	struct pv_cur c = pv_cur(bytes, n);
	struct field f;
	bool ok = true;
	*a = (struct pv_push_answer){0};
	while (ok && next(&c, &f))
		if (f.number == RESPONSE_PARTIAL_SUCCESS)
			ok = f.wire == BYTES && partial_success(f.bytes, a);
	if (ok && !c.bad)
		return true;
	*a = (struct pv_push_answer){0};
	return false;
}

bool pv_push_status(const void *bytes, size_t n, struct pv_push_answer *a)
{
	struct pv_cur c = pv_cur(bytes, n);
	struct field f;
	*a = (struct pv_push_answer){0};
	while (next(&c, &f))
		if (f.number == STATUS_WORDS)
			take_words(&f, a);
	if (!c.bad)
		return true;
	*a = (struct pv_push_answer){0};
	return false;
}
