/* SPDX-License-Identifier: MPL-2.0 */
/* tests/unit/store_util.h - a store, and streams of buckets by hand that go into it. */
#ifndef TESTS_STORE_UTIL_H
#define TESTS_STORE_UTIL_H

#include "http/store.h"
#include "unit/bucket_util.h"

UNUSED static struct pv_store *store_new(void)
{
	const struct pv_store_conf conf = {test_handlers, 42};
	struct pv_store *s = pv_store_new(&conf);
	assert_non_null(s);
	return s;
}

UNUSED static struct pv_stage *input(struct pv_store *s, const char *policy, const char *tap, unsigned periods)
{
	char err[256] = "";
	const struct pv_store_input conf = {.policy = policy, .tap = tap, .periods = periods};
	struct pv_stage *stage = pv_store_input(s, &conf, err, sizeof err);
	if (!stage)
		print_error("%s\n", err);
	return stage;
}

struct stream {
	struct mem m;
	struct pv_out out;
};

UNUSED static void open_stream(struct stream *t, uint64_t id)
{
	memset(t, 0, sizeof *t);
	assert_int_equal(pv_out_init(&t->out, mem_sink(&t->m)), 0);
	ev_start(&t->out, 1000 * SEC, PV_CLOCK_LIVE, id, 0);
}

/* Everything since the last call, as one batch. */
UNUSED static void hand_over(struct stream *t, struct pv_stage *stage)
{
	pv_out_flush(&t->out);
	if (t->m.n)
		stage->ops->batch(stage, ev_at(&t->m, 0), t->m.n);
	t->m.n = 0;
}

UNUSED static void close_stream(struct stream *t)
{
	pv_out_free(&t->out);
	mem_free(&t->m);
}

UNUSED static void put(struct stream *t, unsigned part, uint64_t id, const char *name, bool live)
{
	struct pv_bucket *b = bucket_part(part);
	b->stream_id = id;
	b->recorded = false;
	snprintf(b->name, sizeof b->name, "%s", name);
	assert_int_equal(pv_bucket_emit(&t->out, b, live, b->end_ns), 0);
	pv_bucket_free(b);
}

UNUSED static struct pv_view *one_view(struct pv_store *s, struct pv_views **all)
{
	*all = pv_store_views(s, NULL);
	assert_non_null(*all);
	assert_int_equal((*all)->n, 1);
	return (*all)->view[0];
}

#endif
