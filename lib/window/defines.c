/* SPDX-License-Identifier: MPL-2.0 */
#include "window/defines.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct entry {
	uint64_t key; /* stage, kind, number; 0 is free */
	char *text;
	uint32_t len;
};

struct pv_defines {
	struct entry *slot;
	size_t mask, used, max, bytes;
	uint64_t seed;
};

static uint64_t key_of(uint8_t stage, unsigned kind, uint32_t number)
{
	return (uint64_t)1 << 63 | (uint64_t)stage << 40 | (uint64_t)(kind & 255) << 32 | number;
}

struct pv_defines *pv_defines_new(size_t max, uint64_t seed)
{
	struct pv_defines *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->max = max;
	d->seed = seed;
	d->mask = 255;
	d->slot = calloc(d->mask + 1, sizeof *d->slot);
	if (!d->slot) {
		free(d);
		return NULL;
	}
	return d;
}

void pv_defines_clear(struct pv_defines *d)
{
	if (!d->used)
		return; /* a stream of many STARTs does not pay for a large table each time */
	for (size_t i = 0; i <= d->mask; i++)
		free(d->slot[i].text);
	memset(d->slot, 0, (d->mask + 1) * sizeof *d->slot);
	d->used = d->bytes = 0;
}

void pv_defines_free(struct pv_defines *d)
{
	if (!d)
		return;
	pv_defines_clear(d);
	free(d->slot);
	free(d);
}

static struct entry *place(const struct pv_defines *d, uint64_t key)
{
	size_t i = (size_t)XXH3_64bits_withSeed(&key, sizeof key, d->seed) & d->mask;
	while (d->slot[i].key && d->slot[i].key != key)
		i = (i + 1) & d->mask;
	return &d->slot[i];
}

static int grow(struct pv_defines *d)
{
	struct pv_defines bigger = {.mask = d->mask * 2 + 1, .seed = d->seed};
	bigger.slot = calloc(bigger.mask + 1, sizeof *bigger.slot);
	if (!bigger.slot)
		return -1;
	for (size_t i = 0; i <= d->mask; i++)
		if (d->slot[i].key)
			*place(&bigger, d->slot[i].key) = d->slot[i];
	free(d->slot);
	d->slot = bigger.slot;
	d->mask = bigger.mask;
	return 0;
}

void pv_defines_put(struct pv_defines *d, const struct pv_define *ev)
{
	uint64_t key = key_of(ev->stage, ev->kind, ev->number);
	struct entry *e = place(d, key);
	if (!e->key) {
		if (d->used >= d->max || (d->used * 2 > d->mask && grow(d)))
			return;
		e = place(d, key);
	}
	uint32_t len = ev->text.len < PV_DEFINES_TEXT ? ev->text.len : PV_DEFINES_TEXT;
	if (d->bytes - e->len + len > PV_DEFINES_BYTES)
		return;
	char *text = malloc((size_t)len + 1);
	if (!text)
		return;
	memcpy(text, pv_ref_bytes(&ev->ev, ev->text), len);
	text[len] = 0;
	d->used += !e->key;
	d->bytes = d->bytes - e->len + len;
	free(e->text);
	*e = (struct entry){key, text, len};
}

void pv_defines_each(const struct pv_defines *d, pv_define_fn *fn, void *ctx)
{
	for (size_t i = 0; i <= d->mask; i++) {
		const struct entry *e = &d->slot[i];
		if (e->key)
			fn(ctx, (uint8_t)(e->key >> 40), (enum pv_define_kind)(e->key >> 32 & 255), (uint32_t)e->key, e->text, e->len);
	}
}

const char *pv_defines_get(void *defines, uint8_t stage, enum pv_define_kind kind, uint32_t number, size_t *len)
{
	const struct entry *e = place(defines, key_of(stage, kind, number));
	if (!e->key)
		return NULL;
	*len = e->len;
	return e->text;
}
