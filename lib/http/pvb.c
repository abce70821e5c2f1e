/* SPDX-License-Identifier: MPL-2.0 */
#include "http/pvb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metric/wire.h"
#include "stage/start.h"
#include "stage/stop.h"

static enum pv_res take(void *ctx, const struct iovec *iov, int n)
{
	struct pv_pvb *b = ctx;
	for (int i = 0; i < n; i++) {
		size_t want = b->len + iov[i].iov_len;
		if (want > b->cap) {
			char *grown = want <= PV_PVB_BYTES ? realloc(b->bytes, want * 2) : NULL;
			if (!grown)
				return PV_FAIL;
			b->bytes = grown;
			b->cap = want * 2;
		}
		memcpy(b->bytes + b->len, iov[i].iov_base, iov[i].iov_len);
		b->len = want;
	}
	return PV_OK;
}

/* *end_ns moves on to the latest end. */
static int emit(struct pv_out *o, const struct pv_view_instance *in, unsigned first, unsigned last, bool full_names,
		uint64_t *end_ns)
{
	for (unsigned i = last + 1; i-- > first;) { /* oldest first */
		if (i >= in->n)
			continue;
		struct pv_bucket named = {.handler = in->bucket[i]->handler}; /* borrows the rest */
		const struct pv_bucket *b = in->bucket[i];
		if (full_names) {
			named.conf = b->conf;
			named.start_ns = b->start_ns;
			named.end_ns = b->end_ns;
			named.stream_id = b->stream_id;
			named.recorded = b->recorded;
			named.hosts = b->hosts;
			named.enabled = b->enabled;
			named.blocks = b->blocks;
			named.nblocks = b->nblocks;
			snprintf(named.name, sizeof named.name, "%.*s", (int)sizeof named.name - 1, in->key);
			b = &named;
		}
		if (b->end_ns > *end_ns)
			*end_ns = b->end_ns;
		if (pv_bucket_emit(o, b, false, b->end_ns))
			return -1;
	}
	return 0;
}

void pv_pvb_add(struct pv_pvb *b, const struct pv_views *all, const char *policy, unsigned first, unsigned last,
		bool full_names, const char *producer)
{
	struct pv_out out;
	if (b->failed || pv_out_init(&out, (struct pv_sink){.write = take, .ctx = b})) {
		b->failed = true;
		return;
	}
	int rc = 0;
	uint64_t end_ns = 0;
	/* the clock is that of a record: nothing more comes of what is in the stream */
	const struct pv_start_conf head = {.clock = PV_CLOCK_RECORDED, .producer = producer, .source = policy};
	pv_start_emit(&out, &head, 0);
	for (size_t i = 0; !rc && i < all->n; i++)
		for (size_t k = 0; !rc && !strcmp(all->view[i]->info.policy, policy) && k < all->view[i]->ninstances; k++)
			rc = emit(&out, &all->view[i]->instance[k], first, last, full_names, &end_ns);
	pv_stop_emit(&out, end_ns, NULL, 0);
	if (rc || pv_out_flush(&out) != PV_OK) {
		free(b->bytes);
		*b = (struct pv_pvb){.failed = true};
	}
	pv_out_free(&out);
}
