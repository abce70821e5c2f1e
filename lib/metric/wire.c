/* SPDX-License-Identifier: MPL-2.0 */
#include "metric/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_BYTES (60u * 1024) /* of a state per METRIC event: they and all they stand in are bounded */

struct emit {
	struct pv_out *out;
	uint64_t time_ns;
	uint8_t *buf;
	size_t cap;
	int rc;
};

static void emit_cell(struct emit *e, uint32_t block, const struct pv_metric *row, const union pv_cell *cell)
{
	size_t size = pv_cell_size(row, cell);
	if (!size)
		return;
	if (size > e->cap) {
		uint8_t *grown = size <= PV_METRIC_STATE_MAX ? realloc(e->buf, size) : NULL;
		if (!grown) {
			e->rc = -1;
			return;
		}
		e->buf = grown;
		e->cap = size;
	}
	size = pv_cell_write(row, cell, e->buf, e->cap);
	if (!size) {
		e->rc = -1;
		return;
	}
	for (size_t at = 0; at < size; at += PART_BYTES) {
		size_t n = size - at < PART_BYTES ? size - at : PART_BYTES;
		struct pv_metric_event *m = pv_out_event(e->out, PV_EV_METRIC, sizeof *m + n, e->time_ns);
		m->block = block;
		m->id = row->id;
		m->kind = row->kind;
		m->offset = (uint32_t)at;
		m->total = (uint32_t)size;
		m->data.off = sizeof *m;
		m->data.len = (uint32_t)n;
		memcpy(m + 1, e->buf + at, n);
	}
}

/* How many METRIC events emit_cell() makes of a bucket. */
static uint32_t count_metrics(const struct pv_bucket *b)
{
	size_t n = 0;
	for (uint32_t i = 0; i < b->nblocks; i++)
		for (size_t m = 0; m < b->handler->nmetrics; m++)
			if (b->enabled[m] && b->handler->metrics[m].scope == b->blocks[i]->scope) {
				size_t size = pv_cell_size(&b->handler->metrics[m], &b->blocks[i]->cells[m]);
				n += size > PV_METRIC_STATE_MAX ? 0 : (size + PART_BYTES - 1) / PART_BYTES;
			}
	return (uint32_t)n;
}

int pv_bucket_emit(struct pv_out *out, const struct pv_bucket *b, bool live, uint64_t time_ns)
{
	const struct pv_handler *h = b->handler;
	char groups[512];
	size_t glen = 0;
	groups[0] = 0;
	for (size_t i = 0; i < h->ngroups; i++)
		if (b->conf.groups >> i & 1) {
			int n = snprintf(groups + glen, sizeof groups - glen, "%s%s", glen ? "," : "", h->groups[i].name);
			if (n < 0 || (size_t)n >= sizeof groups - glen)
				break;
			glen += (size_t)n;
		}
	struct pv_bucket_event *ev = pv_out_event(
		out, live ? PV_EV_LIVE : PV_EV_BUCKET,
		sizeof *ev + strlen(h->type) + strlen(h->version) + strlen(b->name) + glen, time_ns);
	size_t at = sizeof *ev;
	ev->stream_id = b->stream_id;
	ev->start_ns = b->start_ns;
	ev->end_ns = b->end_ns;
	ev->blocks = b->nblocks;
	ev->metrics = count_metrics(b);
	ev->topn = b->conf.topn;
	ev->topn_percentile = b->conf.topn_percentile;
	ev->bits = (uint8_t)((b->recorded ? PV_BUCKET_RECORDED : 0) | (b->hosts ? PV_BUCKET_HOSTS : 0));
	ev->type = pv_ev_put(ev, &at, h->type, strlen(h->type));
	ev->version = pv_ev_put(ev, &at, h->version, strlen(h->version));
	ev->name = pv_ev_put(ev, &at, b->name, strlen(b->name));
	ev->groups = pv_ev_put(ev, &at, groups, glen);

	struct emit e = {.out = out, .time_ns = time_ns};
	for (uint32_t i = 0; i < b->nblocks; i++) {
		const struct pv_block *k = b->blocks[i];
		size_t n = k->key ? strlen(k->key) : 0;
		struct pv_block_event *be = pv_out_event(out, PV_EV_BLOCK, sizeof *be + n, time_ns);
		at = sizeof *be;
		be->index = i;
		be->parent = k->parent;
		be->scope = k->scope;
		be->key = pv_ev_put(be, &at, k->key, n);
		for (size_t m = 0; m < h->nmetrics; m++)
			if (b->enabled[m] && h->metrics[m].scope == k->scope)
				emit_cell(&e, i, &h->metrics[m], &k->cells[m]);
	}
	free(e.buf);
	pv_out_event(out, PV_EV_BUCKET_END, sizeof(struct pv_event), time_ns);
	return e.rc;
}

static bool is(const struct pv_event *ev, struct pv_ref r, const char *text)
{
	return r.len == strlen(text) && !memcmp(pv_ref_bytes(ev, r), text, r.len);
}

static enum pv_res bad(struct pv_bucket_reader *r, const char **problem, const char *what)
{
	pv_bucket_free(r->bucket);
	r->bucket = NULL;
	r->skip = true;
	*problem = what;
	return PV_BAD;
}

static enum pv_res no_memory(struct pv_bucket_reader *r)
{
	const char *ignored;
	bad(r, &ignored, NULL);
	return PV_FAIL;
}

static enum pv_res begin(struct pv_bucket_reader *r, const struct pv_event *ev, const char **problem)
{
	const struct pv_bucket_event *b = (const void *)ev;
	const struct pv_handler *h = NULL;
	if (r->open)
		return bad(r, problem, "a bucket inside a bucket");
	r->open = true;
	if (b->end_ns < b->start_ns)
		return bad(r, problem, "a bucket ends before it starts");
	for (size_t i = 0; r->handlers[i]; i++)
		if (is(ev, b->type, r->handlers[i]->type) && is(ev, b->version, r->handlers[i]->version))
			h = r->handlers[i];
	r->live = ev->type == PV_EV_LIVE;
	r->skip = !h;
	r->blocks = r->metrics = 0;
	r->blocks_said = b->blocks;
	r->metrics_said = b->metrics;
	r->bytes = 0;
	r->state_len = r->state_total = 0;
	if (!h) {
		r->unknown++;
		return PV_OK;
	}
	struct pv_bucket_conf conf = {.topn = b->topn, .topn_percentile = b->topn_percentile, .seed = r->seed};
	const char *groups = pv_ref_bytes(ev, b->groups);
	for (size_t i = 0; i < h->ngroups; i++) {
		size_t n = strlen(h->groups[i].name);
		for (size_t at = 0; at + n <= b->groups.len; at++)
			if ((at == 0 || groups[at - 1] == ',') && (at + n == b->groups.len || groups[at + n] == ',') &&
			    !memcmp(groups + at, h->groups[i].name, n))
				conf.groups |= 1u << i;
	}
	r->bucket = pv_bucket_new(h, &conf);
	if (!r->bucket)
		return no_memory(r);
	r->bucket->start_ns = b->start_ns;
	r->bucket->end_ns = b->end_ns;
	r->bucket->stream_id = b->stream_id;
	r->bucket->recorded = b->bits & PV_BUCKET_RECORDED;
	r->bucket->hosts = b->bits & PV_BUCKET_HOSTS;
	size_t n = b->name.len < PV_BUCKET_NAME - 1 ? b->name.len : PV_BUCKET_NAME - 1;
	if (n)
		memcpy(r->bucket->name, pv_ref_bytes(ev, b->name), n);
	return PV_OK;
}

static enum pv_res block(struct pv_bucket_reader *r, const struct pv_event *ev, const char **problem)
{
	const struct pv_block_event *k = (const void *)ev;
	if (r->skip)
		return PV_OK;
	if (k->index != r->blocks)
		return bad(r, problem, "blocks of a bucket are out of order");
	if (k->index > 0) {
		char key[PV_BLOCK_KEY + 1];
		size_t n = k->key.len < sizeof key - 1 ? k->key.len : sizeof key - 1;
		const struct pv_handler *h = r->bucket->handler;
		if (k->parent >= r->blocks || k->scope == 0 || k->scope >= h->nscopes ||
		    h->scopes[k->scope].parent != r->bucket->blocks[k->parent]->scope)
			return bad(r, problem, "a block of a bucket has no place");
		memcpy(key, pv_ref_bytes(ev, k->key), n);
		key[n] = 0;
		pv_bucket_block(r->bucket, r->bucket->blocks[k->parent], (uint8_t)k->scope, key);
		if (r->bucket->nblocks != r->blocks + 1)
			return bad(r, problem, "a block of a bucket stands twice");
		r->bytes += pv_block_memory(h);
		if (r->bytes > PV_BUCKET_READ_MAX)
			return bad(r, problem, "a bucket is larger than any of ours");
	}
	r->blocks++;
	return PV_OK;
}

static enum pv_res metric(struct pv_bucket_reader *r, const struct pv_event *ev, const char **problem)
{
	const struct pv_metric_event *m = (const void *)ev;
	const uint8_t *data = (const uint8_t *)ev + m->data.off;
	if (r->skip)
		return PV_OK;
	if (++r->metrics > r->metrics_said)
		return bad(r, problem, "a bucket has more metrics than it says");
	const struct pv_handler *h = r->bucket->handler;
	size_t row = 0;
	while (row < h->nmetrics && h->metrics[row].id != m->id)
		row++;
	if (row == h->nmetrics) {
		r->unknown++;
		return PV_OK;
	}
	if (m->block >= r->blocks || h->metrics[row].kind != m->kind ||
	    h->metrics[row].scope != r->bucket->blocks[m->block]->scope || !r->bucket->enabled[row])
		return bad(r, problem, "a metric of a bucket has no place");
	if (r->state_len && m->offset == 0)
		return bad(r, problem, "parts of a metric are out of order");
	if (m->data.len < m->total) {
		if (m->offset != r->state_len || (m->offset && (m->total != r->state_total || m->block != r->part_block ||
								m->id != r->part_id)))
			return bad(r, problem, "parts of a metric are out of order");
		if (m->total > r->state_cap) {
			uint8_t *grown = realloc(r->state, m->total);
			if (!grown)
				return no_memory(r);
			r->state = grown;
			r->state_cap = m->total;
		}
		memcpy(r->state + r->state_len, data, m->data.len);
		r->state_len += m->data.len;
		r->state_total = m->total;
		r->part_block = m->block;
		r->part_id = m->id;
		if (r->state_len < m->total)
			return PV_OK;
		data = r->state;
	}
	union pv_cell *cell = &r->bucket->blocks[m->block]->cells[row];
	if (cell->count)
		return bad(r, problem, "a metric of a bucket stands twice");
	if (pv_cell_read(&h->metrics[row], cell, data, m->total, r->seed))
		return errno == ENOMEM ? no_memory(r) : bad(r, problem, "a metric's state is damaged");
	r->state_len = r->state_total = 0;
	r->bytes += pv_cell_memory(&h->metrics[row], cell);
	return r->bytes > PV_BUCKET_READ_MAX ? bad(r, problem, "a bucket is larger than any of ours") : PV_OK;
}

enum pv_res pv_bucket_read(struct pv_bucket_reader *r, const struct pv_event *ev, struct pv_bucket **bucket,
			   bool *live, const char **problem)
{
	switch (ev->type) {
	case PV_EV_BUCKET:
	case PV_EV_LIVE:
		return begin(r, ev, problem);
	case PV_EV_BLOCK:
	case PV_EV_METRIC:
	case PV_EV_BUCKET_END:
		if (!r->open)
			return bad(r, problem, "a part of a bucket stands alone");
		break;
	default:
		if (!r->open || ev->type >= PV_EV_TYPES)
			return PV_OK;
		r->open = false;
		return bad(r, problem, "a bucket is interrupted");
	}
	if (ev->type == PV_EV_BLOCK)
		return block(r, ev, problem);
	if (ev->type == PV_EV_METRIC)
		return metric(r, ev, problem);
	r->open = false;
	if (r->skip)
		return PV_OK;
	if (r->state_len)
		return bad(r, problem, "a metric of a bucket is incomplete");
	if (!r->blocks || r->blocks != r->blocks_said)
		return bad(r, problem, "a bucket has not the blocks it says");
	*bucket = r->bucket;
	*live = r->live;
	r->bucket = NULL;
	return PV_END;
}

void pv_bucket_reader_free(struct pv_bucket_reader *r)
{
	pv_bucket_free(r->bucket);
	free(r->state);
	memset(r, 0, sizeof *r);
}
