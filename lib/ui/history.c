/* SPDX-License-Identifier: MPL-2.0 */
#include "ui/history.h"

#include <stdlib.h>
#include <string.h>

struct series {
	uint64_t key;  /* of handler, section and path; 0: free */
	uint64_t last; /* newest second */
	float v[PV_UI_SECONDS];
	uint64_t at[PV_UI_SECONDS]; /* which second v[i] is of; 0: none */
};

struct pv_ui_history {
	struct series s[PV_UI_SERIES];
};

struct pv_ui_history *pv_ui_history_new(void)
{
	return calloc(1, sizeof(struct pv_ui_history));
}

void pv_ui_history_free(struct pv_ui_history *h)
{
	free(h);
}

void pv_ui_history_clear(struct pv_ui_history *h)
{
	for (size_t i = 0; i < PV_UI_SERIES && h->s[i].key; i++)
		memset(&h->s[i], 0, sizeof h->s[i]);
}

bool pv_ui_is_rate(const struct pv_ui_metric *m)
{
	return m->kind == PV_UI_QUANTILES && strstr(m->path, "rate");
}

/* FNV-1a: names of an agent that could collide here on purpose could as well lie about its rates. */
static uint64_t hash(uint64_t h, const char *text)
{
	do
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	while (*text++);
	return h;
}

static uint64_t key_of(const struct pv_ui_handler *h, const struct pv_ui_section *s, const char *path)
{
	uint64_t key = UINT64_C(14695981039346656037);
	key = hash(hash(hash(hash(key, h->policy), h->name), s->title), path);
	return key ? key : 1;
}

/* By reference or NULL; free places come last. */
static struct series *find(struct pv_ui_history *h, uint64_t key, bool make)
{
	for (size_t i = 0; i < PV_UI_SERIES; i++) {
		struct series *s = &h->s[i];
		if (s->key == key)
			return s;
		if (!s->key) {
			if (make)
				s->key = key;
			return make ? s : NULL;
		}
	}
	return NULL;
}

static void put(struct series *s, uint64_t second, double v)
{
	s->v[second % PV_UI_SECONDS] = (float)v;
	s->at[second % PV_UI_SECONDS] = second;
	if (second > s->last)
		s->last = second;
}

typedef void visit_fn(struct series *, const struct pv_ui_handler *, const struct pv_ui_metric *);

static void each(struct pv_ui_history *h, const struct pv_ui_model *m, visit_fn *visit)
{
	for (size_t i = 0; i < m->n; i++)
		for (const struct pv_ui_section *s = m->handler[i].section; s; s = s->next)
			for (const struct pv_ui_metric *r = s->metric; r; r = r->next) {
				struct series *line = pv_ui_is_rate(r)
							  ? find(h, key_of(&m->handler[i], s, r->path), true)
							  : NULL;
				if (line)
					visit(line, &m->handler[i], r);
			}
}

static void live(struct series *s, const struct pv_ui_handler *h, const struct pv_ui_metric *m)
{
	if (m->have & 1u << PV_UI_LIVE && h->start < UINT64_MAX / 2 && h->length < UINT64_MAX / 2)
		put(s, h->start + h->length, m->q[PV_UI_LIVE].d);
}

void pv_ui_history_live(struct pv_ui_history *h, const struct pv_ui_model *m)
{
	each(h, m, live);
}

static void minute(struct series *s, const struct pv_ui_handler *h, const struct pv_ui_metric *m)
{
	uint64_t n = h->length < PV_UI_SECONDS ? h->length : PV_UI_SECONDS;
	if (!(m->have & 1u << PV_UI_P50) || !h->start || h->start > UINT64_MAX / 2)
		return;
	for (uint64_t t = h->start; t < h->start + n; t++)
		if (s->at[t % PV_UI_SECONDS] < t)
			put(s, t, m->q[PV_UI_P50].d);
}

void pv_ui_history_minute(struct pv_ui_history *h, const struct pv_ui_model *m)
{
	each(h, m, minute);
}

bool pv_ui_history_line(const struct pv_ui_history *h, const struct pv_ui_handler *handler,
			const struct pv_ui_section *section, const char *path, unsigned seconds, double *out,
			int n)
{
	const struct series *s =
	    find((struct pv_ui_history *)(uintptr_t)h, key_of(handler, section, path), false);
	double max = 0;
	bool any = false;
	if (seconds > PV_UI_SECONDS)
		seconds = PV_UI_SECONDS;
	uint64_t first = s && s->last >= seconds ? s->last - seconds + 1 : 1;
	for (int i = 0; i < n; i++) {
		uint64_t from = first + (uint64_t)i * seconds / (unsigned)n;
		uint64_t to = first + (uint64_t)(i + 1) * seconds / (unsigned)n;
		double sum = 0;
		unsigned known = 0;
		if (to == from)
			to++;
		for (uint64_t t = from; s && t < to; t++)
			if (s->at[t % PV_UI_SECONDS] == t) {
				sum += (double)s->v[t % PV_UI_SECONDS];
				known++;
			}
		out[i] = known ? sum / known : -1;
		if (out[i] > max)
			max = out[i];
		any = any || known;
	}
	for (int i = 0; i < n; i++)
		if (out[i] >= 0)
			out[i] = max > 0 ? out[i] / max : 0;
	return any;
}
