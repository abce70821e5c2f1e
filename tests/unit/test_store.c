/* SPDX-License-Identifier: MPL-2.0 */
/* http/store.h, http/select.h, http/pvb.h: what is kept and shown of bucket streams, to one reader and to many at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#include "event/reader.h"
#include "http/pvb.h"
#include "http/select.h"
#include "unit/store_util.h"

/* ---- one reader --------------------------------------------------------------------------------- */

static void nothing_yet(void **state)
{
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "default", "eth0", 0);
	struct pv_views *all, *none = pv_store_views(s, "other");
	char err[128];
	(void)state;
	assert_int_equal(none->n, 0);
	struct pv_view *v = one_view(s, &all);
	assert_string_equal(v->info.policy, "default");
	assert_string_equal(v->info.tap, "eth0");
	assert_int_equal(v->info.state, PV_STORE_WAITING);
	assert_int_equal(v->info.periods, 5);
	assert_int_equal(v->ninstances, 0);
	assert_int_equal(pv_select_check(all, "default", PV_PICK_BUCKET, 0, err, sizeof err), 0);
	assert_int_equal(pv_select_check(all, "default", PV_PICK_BUCKET, 1, err, sizeof err), -1);
	assert_string_equal(err, "requested metrics period has not yet accumulated, current range is [0, 0]");
	pv_views_free(none);
	pv_views_free(all);
	pv_stage_free(stage);
	pv_store_free(s);
}

static void live_then_closed(void **state)
{
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 5);
	struct pv_views *all, *before;
	struct stream t;
	(void)state;
	open_stream(&t, 7);
	put(&t, 0, 7, "net", true);
	hand_over(&t, stage);
	struct pv_view *v = one_view(s, &before);
	assert_int_equal(v->info.state, PV_STORE_RUNNING);
	assert_string_equal(v->info.source, "hand");
	assert_int_equal(v->ninstances, 1);
	assert_string_equal(v->instance[0].key, "p-t-net");
	assert_int_equal(v->instance[0].n, 1);
	assert_false(v->instance[0].bucket[0]->closed);

	put(&t, 0, 7, "net", false); /* the minute is over, and takes its copy's place */
	hand_over(&t, stage);
	v = one_view(s, &all);
	assert_int_equal(v->instance[0].n, 1);
	assert_true(v->instance[0].bucket[0]->closed);
	assert_int_equal(v->instance[0].bucket[0]->blocks[0]->cells[M_COUNT].count, 60);
	pv_views_free(all);
	put(&t, 1, 7, "net", true);
	hand_over(&t, stage);
	assert_int_equal(before->view[0]->instance[0].n, 1); /* who has a view keeps it */
	v = one_view(s, &all);
	assert_int_equal(v->instance[0].n, 2);
	assert_false(v->instance[0].bucket[0]->closed);
	assert_true(v->instance[0].bucket[1]->closed);
	assert_int_equal(v->instance[0].bucket[1]->start_ns, 1000 * SEC);
	assert_int_equal(v->info.counts.live_copies, 2);
	assert_int_equal(v->info.counts.buckets, 1);
	pv_views_free(all);

	put(&t, 1, 7, "net", true); /* a newer copy takes the older one's place */
	hand_over(&t, stage);
	v = one_view(s, &all);
	assert_int_equal(v->instance[0].n, 2);
	pv_views_free(all);
	pv_views_free(before);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

/* The minute's bucket changes by a merge; a view that was taken before does not see it. */
static void merges_are_copies(void **state)
{
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 5);
	struct pv_views *before, *after;
	struct stream t;
	(void)state;
	open_stream(&t, 7);
	put(&t, 0, 7, "net", false);
	hand_over(&t, stage);
	struct pv_view *v = one_view(s, &before);
	const struct pv_bucket *was = v->instance[0].bucket[0];
	char *text = bucket_text(was);
	put(&t, 0, 7, "net", false);
	hand_over(&t, stage);
	v = one_view(s, &after);
	assert_int_equal(v->instance[0].n, 1);
	assert_ptr_not_equal(v->instance[0].bucket[0], was);
	char *still = bucket_text(was);
	assert_string_equal(still, text);
	struct pv_bucket *twice = bucket_part(0), *again = bucket_part(0);
	twice->recorded = again->recorded = false;
	assert_int_equal(pv_bucket_merge(twice, again), 0);
	char *want = bucket_text(twice), *got = bucket_text(v->instance[0].bucket[0]);
	assert_string_equal(got, want);
	free(text);
	free(still);
	free(want);
	free(got);
	pv_bucket_free(twice);
	pv_bucket_free(again);
	pv_views_free(before);
	pv_views_free(after);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

/* A new stream begins in the minute that the one before it ended in: one bucket is shown. */
static void live_in_a_minute_that_is_there(void **state)
{
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 5);
	struct pv_views *all;
	struct stream t;
	(void)state;
	open_stream(&t, 7);
	put(&t, 0, 7, "net", false);
	put(&t, 1, 7, "net", false);
	ev_stop(&t.out, 1120 * SEC);
	ev_start(&t.out, 1121 * SEC, PV_CLOCK_LIVE, 8, 0);
	put(&t, 1, 8, "net", true);
	hand_over(&t, stage);
	struct pv_view *v = one_view(s, &all);
	assert_int_equal(v->instance[0].n, 2);
	assert_false(v->instance[0].bucket[0]->closed);
	assert_int_equal(v->instance[0].bucket[0]->blocks[0]->cells[M_COUNT].count, 120);
	assert_int_equal(v->instance[0].bucket[1]->blocks[0]->cells[M_COUNT].count, 60);
	pv_views_free(all);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

static void as_many_as_periods(void **state)
{
	static const unsigned periods[] = {1, 2, 5, 10};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct pv_store *s = store_new();
		struct pv_stage *stage = input(s, "p", "t", periods[i]);
		struct pv_views *all;
		struct stream t;
		char err[128], want[128];
		open_stream(&t, 7);
		for (unsigned p = 0; p < 14; p++)
			put(&t, p, 7, "net", false);
		put(&t, 14, 7, "net", true);
		hand_over(&t, stage);
		struct pv_view *v = one_view(s, &all);
		unsigned n = periods[i];
		assert_int_equal(v->instance[0].n, n);
		assert_int_equal(v->instance[0].bucket[0]->start_ns, (1000 + 60 * 14) * SEC);
		assert_int_equal(pv_select_check(all, "p", PV_PICK_BUCKET, n - 1, err, sizeof err), 0);
		assert_int_equal(pv_select_check(all, "p", PV_PICK_BUCKET, n, err, sizeof err), -1);
		snprintf(want, sizeof want, "invalid metrics period, specify [0, %u]", n - 1);
		assert_string_equal(err, want);
		assert_int_equal(pv_select_check(all, "p", PV_PICK_WINDOW, n + 1, err, sizeof err), -1);
		snprintf(want, sizeof want, "invalid metrics period, specify [2, %u]", n);
		assert_string_equal(err, want);
		assert_int_equal(pv_select_check(all, "p", PV_PICK_WINDOW, 1, err, sizeof err), -1);
		assert_int_equal(pv_select_check(all, "p", PV_PICK_WINDOW, n, err, sizeof err), n > 1 ? 0 : -1);
		pv_views_free(all);
		close_stream(&t);
		pv_stage_free(stage);
		pv_store_free(s);
	}
}

static void windows_are_merged_once(void **state)
{
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 5);
	struct pv_views *all;
	struct stream t;
	(void)state;
	open_stream(&t, 7);
	put(&t, 1, 7, "net", false);
	put(&t, 0, 7, "net", false); /* in any order */
	put(&t, 2, 7, "net", false);
	hand_over(&t, stage);
	struct pv_view *v = one_view(s, &all);
	const struct pv_bucket *b = pv_view_window(v, 0, 5);
	assert_non_null(b);
	assert_ptr_equal(pv_view_window(v, 0, 5), b);
	assert_ptr_equal(pv_view_window(v, 0, 3), b);
	assert_ptr_not_equal(pv_view_window(v, 0, 2), b);
	assert_ptr_equal(pv_view_window(v, 0, 1), v->instance[0].bucket[0]);
	struct pv_bucket *sum = pv_bucket_new(&test_handler, &test_conf);
	for (unsigned p = 0; p < 3; p++) {
		struct pv_bucket *part = bucket_part(p);
		part->recorded = false;
		assert_int_equal(pv_bucket_merge(sum, part), 0);
		pv_bucket_free(part);
	}
	sum->closed = true;
	char *got = bucket_text(b), *want = bucket_text(sum);
	assert_string_equal(got, want);
	free(got);
	free(want);
	pv_bucket_free(sum);
	pv_views_free(all);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

/* Handlers change to the next minute together: while a bucket is half there nothing new is shown. */
static void nothing_half(void **state)
{
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 5);
	struct pv_views *all;
	struct stream t;
	(void)state;
	open_stream(&t, 7);
	put(&t, 0, 7, "net", false);
	put(&t, 0, 7, "dns", false);
	pv_out_flush(&t.out);
	size_t cut = 0, last = 0;
	while (cut < t.m.n) { /* the last event is the second bucket's end */
		last = cut;
		cut += ev_at(&t.m, cut)->size;
	}
	stage->ops->batch(stage, ev_at(&t.m, 0), last);
	struct pv_view *v = one_view(s, &all);
	assert_int_equal(v->ninstances, 0);
	pv_views_free(all);
	stage->ops->batch(stage, ev_at(&t.m, last), t.m.n - last);
	v = one_view(s, &all);
	assert_int_equal(v->ninstances, 2);
	pv_views_free(all);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

static void ends(void **state)
{
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 5);
	struct pv_views *all;
	struct stream t;
	(void)state;
	open_stream(&t, 7);
	put(&t, 0, 7, "net", false);
	put(&t, 1, 7, "net", true);
	hand_over(&t, stage);
	stage->ops->end(stage, true);
	pv_store_note(stage, "cut off at byte 1\xff");
	struct pv_view *v = one_view(s, &all);
	assert_int_equal(v->info.state, PV_STORE_CUT);
	assert_string_equal(v->info.note, "cut off at byte 1\\255");
	assert_int_equal(v->instance[0].n, 2); /* the copy of the open minute is the last that is known of it */
	assert_true(v->instance[0].bucket[0]->closed);
	pv_views_free(all);

	close_stream(&t);
	open_stream(&t, 8); /* the next stream of the same input */
	hand_over(&t, stage);
	v = one_view(s, &all);
	assert_int_equal(v->info.state, PV_STORE_RUNNING);
	assert_string_equal(v->info.note, "");
	pv_views_free(all);
	ev_stop(&t.out, 1200 * SEC);
	hand_over(&t, stage);
	stage->ops->end(stage, false);
	v = one_view(s, &all);
	assert_int_equal(v->info.state, PV_STORE_ENDED);
	assert_int_equal(v->info.counts.streams, 2);
	assert_int_equal(v->instance[0].n, 2);
	pv_views_free(all);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

/* What is counted goes on over the streams of an input. */
static void counts(void **state)
{
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 5);
	struct pv_views *all;
	struct stream t;
	const struct pv_ledger_row rows[] = {
		{0, PV_LEDGER_RECEIVED, 0, 100},  {0, PV_LEDGER_OS_DROPS, 0, 3},  {0, PV_LEDGER_IF_DROPS, 0, 2},
		{1, PV_LEDGER_RECEIVED, 0, 40},   {1, PV_LEDGER_FILTERED, 0, 30}, {1, PV_LEDGER_XACT_OPEN, 0, 5},
		{1, PV_LEDGER_REASON + 1, 0, 77}, {200, PV_LEDGER_ANALYSED, 0, 1}};
	(void)state;
	open_stream(&t, 7);
	ev_stage(&t.out, 1000 * SEC, 0, PV_STAGE_SOURCE, "pcap", "pcap");
	ev_stage(&t.out, 1000 * SEC, 1, PV_STAGE_ANALYSER, "dns", "mine");
	ev_stats(&t.out, 1001 * SEC, 50, 2, 1);
	hand_over(&t, stage);
	struct pv_view *v = one_view(s, &all);
	assert_int_equal(v->info.counts.received, 50);
	assert_int_equal(v->info.counts.os_drops, 2);
	assert_string_equal(v->info.source_type, "pcap");
	pv_views_free(all);
	pv_store_ledger(stage, rows, sizeof rows / sizeof rows[0]); /* known early, said twice: counts once */
	pv_stop_emit(&t.out, 1060 * SEC, rows, sizeof rows / sizeof rows[0]);
	ev_start(&t.out, 1061 * SEC, PV_CLOCK_LIVE, 8, 0);
	ev_stage(&t.out, 1061 * SEC, 0, PV_STAGE_SOURCE, "pcap", "pcap");
	ev_stage(&t.out, 1061 * SEC, 1, PV_STAGE_ANALYSER, "dns", "mine");
	ev_stats(&t.out, 1062 * SEC, 10, 1, 0);
	hand_over(&t, stage);
	v = one_view(s, &all);
	assert_int_equal(v->info.counts.received, 110);
	assert_int_equal(v->info.counts.os_drops, 4);
	assert_int_equal(v->info.counts.if_drops, 2);
	const struct pv_store_ledger *l = NULL;
	for (size_t i = 0; i < v->info.nledger; i++)
		if (v->info.ledger[i].stage == 1)
			l = &v->info.ledger[i];
	assert_non_null(l);
	assert_string_equal(l->name, "mine");
	assert_int_equal(l->row[PV_LEDGER_FILTERED], 30);
	pv_views_free(all);
	pv_stop_emit(&t.out, 1090 * SEC, rows, sizeof rows / sizeof rows[0]);
	hand_over(&t, stage);
	v = one_view(s, &all);
	assert_int_equal(v->info.counts.received, 200);
	for (size_t i = 0; i < v->info.nledger; i++)
		if (v->info.ledger[i].stage == 1) {
			assert_int_equal(v->info.ledger[i].row[PV_LEDGER_FILTERED], 60);
			assert_int_equal(v->info.ledger[i].row[PV_LEDGER_XACT_OPEN], 5); /* those of now */
		}
	pv_views_free(all);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

static void names(void **state)
{
	struct pv_store *s = store_new();
	char err[256], name[PV_STORE_NAME + 1];
	struct pv_store_input conf = {.policy = "p", .tap = "t"};
	(void)state;
	struct pv_stage *one = input(s, "p", "t", 5), *two = input(s, "p", "u", 5), *three = input(s, "q", "t", 5);
	assert_non_null(one);
	assert_non_null(two);
	assert_non_null(three);
	assert_null(pv_store_input(s, &conf, err, sizeof err));
	assert_string_equal(err, "policy 'p' has a stream of tap 't' already");
	struct pv_views *three_views = pv_store_views(s, NULL);
	assert_int_equal(three_views->n, 3);
	pv_views_free(three_views);
	static const char *const bad[] = {"", "__all", "9", "-a", "a b", "a/b", "a\n", "\xc3\xa4"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		conf.policy = bad[i];
		assert_null(pv_store_input(s, &conf, err, sizeof err));
		assert_non_null(strstr(err, "is no name"));
	}
	memset(name, 'a', sizeof name);
	name[PV_STORE_NAME - 1] = 0;
	assert_true(pv_store_name_ok(name));
	name[PV_STORE_NAME - 1] = 'a';
	name[PV_STORE_NAME] = 0;
	assert_false(pv_store_name_ok(name));

	/* a policy goes, its streams go on into nothing, another of the name may come */
	struct stream t;
	open_stream(&t, 7);
	assert_true(pv_store_remove(s, "p", NULL));
	assert_false(pv_store_remove(s, "p", NULL));
	put(&t, 0, 7, "net", false);
	hand_over(&t, one);
	struct pv_views *all;
	assert_string_equal(one_view(s, &all)->info.policy, "q");
	pv_views_free(all);
	struct pv_stage *again = input(s, "p", "t", 5);
	assert_non_null(again);
	pv_stage_free(one);
	assert_true(pv_store_remove(s, "q", "t"));
	pv_stage_free(three);
	pv_stage_free(two);
	close_stream(&t);
	pv_stage_free(again);
	pv_store_free(s);
}

static void like_handlers_merge(void **state)
{
	struct pv_store *s = store_new();
	char err[256];
	const struct pv_store_input conf = {.policy = "p", .tap = "t", .merge_like = true};
	struct pv_stage *stage = pv_store_input(s, &conf, err, sizeof err);
	struct pv_selection sel;
	struct stream t;
	(void)state;
	open_stream(&t, 7);
	put(&t, 0, 7, "a", false);
	put(&t, 0, 7, "b", false);
	put(&t, 0, 7, "c", false);
	hand_over(&t, stage);
	struct pv_views *all = pv_store_views(s, "p");
	assert_int_equal(pv_select(&sel, all, "p", PV_PICK_BUCKET, 0, true), 0);
	assert_int_equal(sel.n, 1);
	assert_string_equal(sel.entry[0].key, "test_merged");
	assert_null(sel.entry[0].tap);
	assert_int_equal(sel.entry[0].bucket->blocks[0]->cells[M_COUNT].count, 180);
	assert_true(sel.entry[0].bucket->closed); /* no second of it is going on */
	pv_selection_free(&sel);
	assert_int_equal(pv_select(&sel, all, "p", PV_PICK_BUCKET, 0, false), 0);
	assert_int_equal(sel.n, 3);
	assert_string_equal(sel.entry[2].key, "p-t-c");
	assert_int_equal(sel.entry[2].bucket->blocks[0]->cells[M_COUNT].count, 60);
	pv_selection_free(&sel);
	assert_int_equal(pv_select(&sel, all, "p", PV_PICK_BUCKET, 1, true), 0);
	assert_int_equal(sel.n, 0);
	pv_selection_free(&sel);
	pv_views_free(all);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

static const struct pv_store_ledger *ledger(const struct pv_view *, const char *name);

/* LEDGER: what a stage has counted so far takes the place of what it said before; STOP, of all. */
static void ledgers_while_it_runs(void **state)
{
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 5);
	struct pv_views *all;
	struct stream t;
	const struct pv_ledger_row source[] = {{0, PV_LEDGER_RECEIVED, 0, 50}, {0, PV_LEDGER_MALFORMED, 0, 4}},
				   dns[] = {{1, PV_LEDGER_RECEIVED, 0, 40}, {1, PV_LEDGER_FILTERED, 0, 30}},
				   more[] = {{1, PV_LEDGER_RECEIVED, 0, 44}, {1, PV_LEDGER_FILTERED, 0, 31}, {0, PV_LEDGER_FILTERED, 0, 9}},
				   end[] = {{0, PV_LEDGER_RECEIVED, 0, 60}, {1, PV_LEDGER_FILTERED, 0, 33}};
	(void)state;
	open_stream(&t, 7);
	ev_stage(&t.out, 1000 * SEC, 0, PV_STAGE_SOURCE, "pcap", "pcap");
	ev_stage(&t.out, 1000 * SEC, 1, PV_STAGE_ANALYSER, "dns", "dns");
	ev_stats(&t.out, 1001 * SEC, 50, 2, 1);
	pv_ledger_emit(&t.out, 1001 * SEC, dns, 2);
	pv_ledger_emit(&t.out, 1001 * SEC, source, 2);
	pv_ledger_emit(&t.out, 1002 * SEC, more, 3); /* the last row is not its own */
	hand_over(&t, stage);
	struct pv_view *v = one_view(s, &all);
	assert_int_equal(v->info.counts.received, 50);
	assert_int_equal(ledger(v, "pcap")->row[PV_LEDGER_RECEIVED], 50);
	assert_int_equal(ledger(v, "pcap")->row[PV_LEDGER_MALFORMED], 4);
	assert_int_equal(ledger(v, "pcap")->row[PV_LEDGER_FILTERED], 0);
	assert_int_equal(ledger(v, "dns")->row[PV_LEDGER_RECEIVED], 44);
	assert_int_equal(ledger(v, "dns")->row[PV_LEDGER_FILTERED], 31);
	pv_views_free(all);
	pv_stop_emit(&t.out, 1060 * SEC, end, 2);
	hand_over(&t, stage);
	v = one_view(s, &all);
	assert_int_equal(v->info.counts.received, 60);
	assert_int_equal(ledger(v, "dns")->row[PV_LEDGER_FILTERED], 33);
	assert_int_equal(ledger(v, "pcap")->row[PV_LEDGER_MALFORMED], 0);
	pv_views_free(all);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

static const struct pv_store_ledger *ledger(const struct pv_view *v, const char *name)
{
	for (size_t i = 0; i < v->info.nledger; i++)
		if (!strcmp(v->info.ledger[i].name, name))
			return &v->info.ledger[i];
	fail_msg("no stage %s", name);
	return NULL;
}

/* Another pipeline comes to the same input: stages are known by their names, not by where they stand. */
static void other_pipelines(void **state)
{
	static const char *const lines[][3] = {{"net", "dns", NULL}, {"dns", NULL, NULL}, {"dns", "net", "dns"}};
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 5);
	struct pv_views *all;
	struct stream t;
	(void)state;
	open_stream(&t, 7);
	for (size_t i = 0; i < 3; i++) {
		struct pv_ledger_row rows[4] = {{0, PV_LEDGER_RECEIVED, 0, 100}};
		uint16_t n = 1;
		if (i)
			ev_start(&t.out, (1061 + i) * SEC, PV_CLOCK_LIVE, 8, 0);
		ev_stage(&t.out, 1062 * SEC, 0, PV_STAGE_SOURCE, i == 2 ? "dnstap" : "pcap", i == 2 ? "dnstap" : "pcap");
		for (; n <= 3 && lines[i][n - 1]; n++) {
			ev_stage(&t.out, 1062 * SEC, (uint8_t)n, PV_STAGE_ANALYSER, lines[i][n - 1], lines[i][n - 1]);
			rows[n] = (struct pv_ledger_row){n, PV_LEDGER_ANALYSED, 0, n};
		}
		ev_stats(&t.out, 1062 * SEC, 99, 0, 0);
		pv_stop_emit(&t.out, 1063 * SEC, rows, n);
	}
	hand_over(&t, stage);
	struct pv_view *v = one_view(s, &all);
	assert_int_equal(v->info.nledger, 5);
	assert_int_equal(ledger(v, "net")->row[PV_LEDGER_ANALYSED], 1 + 2);
	assert_int_equal(ledger(v, "dns")->row[PV_LEDGER_ANALYSED], 2 + 1 + 1);
	assert_int_equal(ledger(v, "dns_2")->row[PV_LEDGER_ANALYSED], 3);
	assert_int_equal(ledger(v, "pcap")->row[PV_LEDGER_RECEIVED], 200);
	assert_int_equal(ledger(v, "dnstap")->row[PV_LEDGER_RECEIVED], 100);
	pv_views_free(all);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

static unsigned own_periods(const void *ctx, const char *name)
{
	assert_string_equal(ctx, "mine");
	return !strcmp(name, "two") ? 2 : !strcmp(name, "many") ? 99 : 0;
}

/* An instance may keep fewer minutes than others of its policy. */
static void periods_of_instances(void **state)
{
	struct pv_store *s = store_new();
	char err[256];
	const struct pv_store_input conf = {
		.policy = "p", .tap = "t", .periods = 4, .periods_of = own_periods, .ctx = "mine"};
	struct pv_stage *stage = pv_store_input(s, &conf, err, sizeof err);
	struct pv_views *all;
	struct stream t;
	(void)state;
	assert_non_null(stage);
	open_stream(&t, 7);
	for (unsigned p = 0; p < 6; p++) {
		put(&t, p, 7, "two", false);
		put(&t, p, 7, "many", false);
		put(&t, p, 7, "other", false);
	}
	hand_over(&t, stage);
	struct pv_view *v = one_view(s, &all);
	assert_int_equal(v->ninstances, 3);
	assert_int_equal(v->instance[0].n, 2);
	assert_int_equal(v->instance[1].n, 4);
	assert_int_equal(v->instance[2].n, 4);
	pv_views_free(all);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

/* Budget: old minutes go, and what a reader holds stays as it was. */
static void budget(void **state)
{
	struct pv_store *s = store_new();
	char err[256];
	struct pv_bucket *b = bucket_part(0);
	const struct pv_store_input conf = {
		.policy = "p", .tap = "t", .periods = 10, .budget_bytes = 3 * pv_bucket_memory(b)};
	struct pv_stage *stage = pv_store_input(s, &conf, err, sizeof err);
	struct pv_views *before, *after;
	struct stream t;
	(void)state;
	pv_bucket_free(b);
	open_stream(&t, 7);
	put(&t, 0, 7, "net", false);
	hand_over(&t, stage);
	char *text = bucket_text(one_view(s, &before)->instance[0].bucket[0]);
	for (unsigned p = 1; p < 10; p++)
		put(&t, p, 7, "net", false);
	hand_over(&t, stage);
	struct pv_view *v = one_view(s, &after);
	assert_in_range(v->instance[0].n, 1, 4);
	assert_true(v->info.counts.lost > 0);
	char *still = bucket_text(before->view[0]->instance[0].bucket[0]);
	assert_string_equal(still, text);
	free(still);
	free(text);
	pv_views_free(before);
	pv_views_free(after);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

/* With whole names a bucket is another's in front of the same contents: all that stands in its head must come along. */
static void binary_heads(void **state)
{
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 5);
	struct stream t;
	(void)state;
	open_stream(&t, 9);
	struct pv_bucket *b = bucket_part(1);
	b->stream_id = 9;
	b->recorded = b->hosts = true;
	snprintf(b->name, sizeof b->name, "net");
	assert_int_equal(pv_bucket_emit(&t.out, b, false, b->end_ns), 0);
	hand_over(&t, stage);
	for (int full = 0; full < 2; full++) {
		struct pv_pvb pvb = {NULL, 0, 0, false};
		struct pv_views *all = pv_store_views(s, "p");
		struct pv_reader r;
		const struct pv_event *run;
		size_t bytes;
		unsigned seen = 0;
		enum pv_res res;
		pv_pvb_add(&pvb, all, "p", 0, 4, full, "test 1");
		pv_views_free(all);
		int fd = mem_fd(pvb.bytes, pvb.len);
		assert_int_equal(pv_reader_init(&r, fd), 0);
		while ((res = pv_reader_next(&r, &run, &bytes)) == PV_OK) {
			const struct pv_bucket_event *e = (const void *)run;
			for (size_t at = 0; at < bytes; at += e->ev.size) {
				e = (const void *)((const uint8_t *)run + at);
				if (e->ev.type == PV_EV_STOP)
					assert_int_equal(e->ev.time_ns, b->end_ns);
				if (e->ev.type != PV_EV_BUCKET)
					continue;
				seen++;
				assert_int_equal(e->stream_id, 9);
				assert_int_equal(e->start_ns, b->start_ns);
				assert_int_equal(e->end_ns, b->end_ns);
				assert_int_equal(e->bits & (PV_BUCKET_RECORDED | PV_BUCKET_HOSTS), PV_BUCKET_RECORDED | PV_BUCKET_HOSTS);
				assert_int_equal(e->name.len, strlen(full ? "p-t-net" : "net"));
			}
		}
		assert_int_equal(res, PV_END);
		assert_int_equal(seen, 1);
		pv_reader_free(&r);
		close(fd);
		free(pvb.bytes);
	}
	pv_bucket_free(b);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

/* ?format=pvb: what comes back from another reader of it is what was served. */
static void binary_answers(void **state)
{
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 5), *other = input(s, "p", "u", 5), *copy;
	struct stream t;
	struct pv_pvb pvb = {NULL, 0, 0, false};
	(void)state;
	open_stream(&t, 7);
	put(&t, 0, 7, "net", false);
	put(&t, 1, 7, "net", false);
	put(&t, 2, 7, "net", true);
	hand_over(&t, stage);
	struct pv_views *all = pv_store_views(s, "p");
	pv_pvb_add(&pvb, all, "p", 0, 4, false, "test 1");
	pv_pvb_add(&pvb, all, "p", 1, 1, true, "test 1");
	pv_views_free(all);
	assert_false(pvb.failed);

	struct pv_reader r;
	int fd = mem_fd(pvb.bytes, pvb.len);
	const struct pv_event *run;
	size_t bytes;
	enum pv_res res;
	copy = input(s, "copy", "t", 5);
	assert_int_equal(pv_reader_init(&r, fd), 0);
	while ((res = pv_reader_next(&r, &run, &bytes)) == PV_OK)
		copy->ops->batch(copy, run, bytes);
	assert_int_equal(res, PV_END);
	copy->ops->end(copy, false);
	all = pv_store_views(s, "copy");
	struct pv_view *v = all->view[0];
	assert_int_equal(v->info.counts.streams, 2);
	assert_int_equal(v->ninstances, 2);
	assert_int_equal(v->instance[0].n, 3);
	assert_int_equal(v->instance[1].n, 1);
	assert_string_equal(v->instance[1].name, "p-t-net");
	assert_int_equal(v->instance[1].bucket[0]->start_ns, 1060 * SEC);
	for (unsigned i = 0; i < 3; i++) {
		struct pv_bucket *want = bucket_part(2 - i);
		want->recorded = false;
		char *a = bucket_text(v->instance[0].bucket[i]), *b = bucket_text(want);
		assert_string_equal(a, b);
		free(a);
		free(b);
		pv_bucket_free(want);
	}
	pv_views_free(all);
	pv_reader_free(&r);
	close(fd);
	free(pvb.bytes);
	close_stream(&t);
	pv_stage_free(copy);
	pv_stage_free(stage);
	pv_stage_free(other);
	pv_store_free(s);
}

static void damaged(void **state)
{
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 5);
	struct pv_views *all;
	struct stream t;
	(void)state;
	open_stream(&t, 7);
	put(&t, 0, 7, "net", false);
	ev_bucket(&t.out, PV_EV_BUCKET, 1200 * SEC, "test", "1.0", 1, 1);
	pv_out_event(&t.out, PV_EV_BUCKET_END, sizeof(struct pv_event), 1200 * SEC); /* without its block */
	ev_bucket(&t.out, PV_EV_BUCKET, 1200 * SEC, "test", "1.0", 1, 1);
	pv_out_event(&t.out, PV_EV_TICK, sizeof(struct pv_event), 1200 * SEC); /* in the middle of it */
	hand_over(&t, stage);
	struct pv_view *v = one_view(s, &all);
	assert_int_equal(v->info.counts.refused, 2);
	assert_true(v->info.note[0]);
	assert_int_equal(v->instance[0].n, 1);
	pv_views_free(all);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

/* ---- parts -------------------------------------------------------------------------------------- */

#define PARTS 3

struct team {
	struct pv_store *store;
	struct pv_stage *stage[PARTS];
	struct stream t[PARTS];
};

static void team_up(struct team *m)
{
	char err[256];
	const struct pv_store_input conf = {.policy = "p", .tap = "t", .periods = 5, .parts = PARTS};
	m->store = store_new();
	m->stage[0] = pv_store_input(m->store, &conf, err, sizeof err);
	assert_non_null(m->stage[0]);
	assert_ptr_equal(pv_store_part(m->stage[0], 0), m->stage[0]);
	for (unsigned i = 0; i < PARTS; i++) {
		m->stage[i] = pv_store_part(m->stage[0], i);
		open_stream(&m->t[i], 10 + i);
		hand_over(&m->t[i], m->stage[i]);
	}
}

static void team_down(struct team *m)
{
	for (unsigned i = 0; i < PARTS; i++) {
		close_stream(&m->t[i]);
		pv_stage_free(m->stage[i]);
	}
	pv_store_free(m->store);
}

/* What is shown, newest first: start, events, and a '*' behind what is open. */
static const char *shown(struct team *m, char *to, size_t cap)
{
	struct pv_views *all;
	struct pv_view *v = one_view(m->store, &all);
	size_t n = 0;
	*to = 0;
	for (unsigned i = 0; v->ninstances && i < v->instance[0].n; i++) {
		const struct pv_bucket *b = v->instance[0].bucket[i];
		n += (size_t)snprintf(to + n, cap - n, "%s%u:%u%s", i ? " " : "", (unsigned)(b->start_ns / SEC),
				      (unsigned)b->blocks[0]->cells[M_COUNT].count, b->closed ? "" : "*");
	}
	pv_views_free(all);
	return to;
}

/* Steps "PART MINUTE", with a '*' behind a copy of the open minute, and what is shown after each. A part of minute 0 has
 * 60 events, of 1 61... (bucket_part()). */
static void minutes_come_whole(void **state)
{
	static const struct {
		const char *step, *shown;
	} steps[] = {
		{"0 0*", ""}, /* not before all have told of it */
		{"1 0*", ""},
		{"2 0*", "1000:180*"},
		{"0 0*", "1000:180*"}, /* takes the place of the last */
		{"0 0", "1000:180*"},  /* closed by one: open still */
		{"0 1*", "1000:180*"},
		{"1 0", "1000:180*"},
		{"2 0", "1000:180"}, /* and now it is whole */
		{"1 1*", "1000:180"},
		{"2 1*", "1060:%u* 1000:180"},
		{"0 1", NULL},
		{"1 1", NULL},
		{"2 1*", "1060:%u* 1000:180"},
		{"0 2", "1060:%u* 1000:180"}, /* waits for nobody longer than a minute: what it has is kept */
		{"2 1", "1060:%u 1000:180"},
		{"1 2", NULL},
		{"2 2", "1120:%u 1060:%u 1000:180"},
	};
	struct team m;
	char got[256];
	(void)state;
	team_up(&m);
	struct pv_bucket *one = bucket_part(1), *two = bucket_part(2);
	unsigned n1 = (unsigned)one->blocks[0]->cells[M_COUNT].count, n2 = (unsigned)two->blocks[0]->cells[M_COUNT].count;
	pv_bucket_free(one);
	pv_bucket_free(two);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		unsigned part = (unsigned)(steps[i].step[0] - '0'), minute = (unsigned)(steps[i].step[2] - '0');
		char want[256];
		put(&m.t[part], minute, 10 + part, "net", steps[i].step[3] == '*');
		hand_over(&m.t[part], m.stage[part]);
		if (!steps[i].shown)
			continue;
		if (minute == 2 && steps[i].step[0] == '2')
			snprintf(want, sizeof want, "1120:%u 1060:%u 1000:180", PARTS * n2, PARTS * n1);
		else if (strstr(steps[i].shown, "%u*"))
			snprintf(want, sizeof want, "1060:%u* 1000:180", PARTS * n1);
		else if (strstr(steps[i].shown, "%u"))
			snprintf(want, sizeof want, "1060:%u 1000:180", PARTS * n1);
		else
			snprintf(want, sizeof want, "%s", steps[i].shown);
		if (strcmp(shown(&m, got, sizeof got), want))
			fail_msg("step %zu, %s: '%s', not '%s'", i, steps[i].step, got, want);
	}
	team_down(&m);
}

/* The clock was set back, from minute 20 to minute 1: nothing from then on stays in front of what comes. */
static void clock_set_back(void **state)
{
	struct team m;
	char got[256];
	unsigned part, minute;
	(void)state;
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 5);
	struct stream t;
	open_stream(&t, 7);
	for (unsigned p = 16; p < 21; p++)
		put(&t, p, 7, "net", false);
	put(&t, 1, 7, "net", true);
	hand_over(&t, stage);
	m.store = s;
	struct pv_bucket *one = bucket_part(1), *two = bucket_part(2);
	unsigned n1 = (unsigned)one->blocks[0]->cells[M_COUNT].count, n2 = (unsigned)two->blocks[0]->cells[M_COUNT].count;
	char want[64];
	pv_bucket_free(one);
	pv_bucket_free(two);
	snprintf(want, sizeof want, "1060:%u*", n1);
	assert_string_equal(shown(&m, got, sizeof got), want);
	put(&t, 1, 7, "net", false);
	put(&t, 2, 7, "net", true);
	hand_over(&t, stage);
	snprintf(want, sizeof want, "1120:%u* 1060:%u", n2, n1);
	assert_string_equal(shown(&m, got, sizeof got), want);
	struct pv_views *all;
	struct pv_view *v = one_view(s, &all);
	assert_int_equal(v->info.counts.buckets, 6);
	assert_int_equal(v->info.counts.lost, 0);
	pv_views_free(all);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);

	/* each part in its own time: the last one a minute late */
	static const char script[] = "0 19 1 19 2 19 0 20 0 1* 1 20 1 1* 0 1 1 1 0 2* 2 20 2 1* 2 1 0 2 1 2 2 2*";
	team_up(&m);
	for (const char *c = script; *c;) {
		int used = 0;
		assert_int_equal(sscanf(c, "%u %u%n", &part, &minute, &used), 2);
		c += used;
		put(&m.t[part], minute, 10 + part, "net", *c == '*');
		hand_over(&m.t[part], m.stage[part]);
		c += *c == '*';
		c += *c == ' ';
	}
	snprintf(want, sizeof want, "1120:%u* 1060:%u", PARTS * n2, PARTS * n1);
	assert_string_equal(shown(&m, got, sizeof got), want);
	team_down(&m);
}

/* A part whose stream is over is not waited for, and what it had open counts. */
static void a_part_that_ends(void **state)
{
	struct team m;
	struct pv_views *all;
	char got[256];
	(void)state;
	team_up(&m);
	for (unsigned i = 0; i < PARTS; i++) {
		put(&m.t[i], 0, 10 + i, "net", true);
		hand_over(&m.t[i], m.stage[i]);
	}
	ev_stop(&m.t[1].out, 1010 * SEC);
	hand_over(&m.t[1], m.stage[1]);
	assert_string_equal(shown(&m, got, sizeof got), "1000:180*");
	assert_int_equal(one_view(m.store, &all)->info.state, PV_STORE_RUNNING);
	pv_views_free(all);
	put(&m.t[0], 0, 10, "net", false);
	hand_over(&m.t[0], m.stage[0]);
	assert_string_equal(shown(&m, got, sizeof got), "1000:180*");
	m.stage[2]->ops->end(m.stage[2], true);
	assert_string_equal(shown(&m, got, sizeof got), "1000:180");
	ev_stop(&m.t[0].out, 1060 * SEC);
	hand_over(&m.t[0], m.stage[0]);
	assert_int_equal(one_view(m.store, &all)->info.state, PV_STORE_CUT); /* the worst that was said */
	pv_views_free(all);
	team_down(&m);
}

static void parts_add_up(void **state)
{
	const struct pv_ledger_row rows[] = {{0, PV_LEDGER_RECEIVED, 0, 100}, {1, PV_LEDGER_XACT_OPEN, 0, 5}};
	struct team m;
	struct pv_views *all;
	(void)state;
	team_up(&m);
	for (unsigned i = 0; i < PARTS; i++) {
		pv_store_ledger(m.stage[i], rows, 2);
		ev_stats(&m.t[i].out, 1001 * SEC, 50 + i, 2, i ? 0 : 7);
		hand_over(&m.t[i], m.stage[i]);
	}
	struct pv_view *v = one_view(m.store, &all);
	assert_int_equal(v->info.counts.streams, 1);
	assert_int_equal(v->info.counts.received, 50 + 51 + 52);
	assert_int_equal(v->info.counts.os_drops, 6);
	assert_int_equal(v->info.counts.if_drops, 7);
	for (size_t i = 0; i < v->info.nledger; i++)
		if (v->info.ledger[i].stage == 1)
			assert_int_equal(v->info.ledger[i].row[PV_LEDGER_XACT_OPEN], 5 * PARTS);
	pv_views_free(all);
	pv_stop_emit(&m.t[1].out, 1060 * SEC, rows, 1);
	hand_over(&m.t[1], m.stage[1]);
	v = one_view(m.store, &all);
	assert_int_equal(v->info.counts.received, 50 + 100 + 52);
	pv_views_free(all);
	team_down(&m);
}

struct worker {
	struct team *team;
	unsigned part;
};

static void *brings_minutes(void *arg)
{
	struct worker *w = arg;
	for (unsigned minute = 0; minute < 30; minute++)
		for (unsigned k = 0; k < 3; k++) {
			put(&w->team->t[w->part], minute, 10 + w->part, "net", k < 2);
			hand_over(&w->team->t[w->part], w->team->stage[w->part]);
		}
	ev_stop(&w->team->t[w->part].out, 9000 * SEC);
	hand_over(&w->team->t[w->part], w->team->stage[w->part]);
	return NULL;
}

/* Each at its own pace, and whatever is shown as closed has the parts of all (unless one is a minute ahead). */
static void parts_at_once(void **state)
{
	struct team m;
	struct worker w[PARTS];
	pthread_t thread[PARTS];
	char got[256], want[256];
	size_t n = 0;
	(void)state;
	team_up(&m);
	for (unsigned i = 0; i < PARTS; i++) {
		w[i] = (struct worker){&m, i};
		assert_int_equal(pthread_create(&thread[i], NULL, brings_minutes, &w[i]), 0);
	}
	for (unsigned i = 0; i < 200; i++)
		shown(&m, got, sizeof got);
	for (unsigned i = 0; i < PARTS; i++)
		pthread_join(thread[i], NULL);
	for (unsigned minute = 29; minute > 24; minute--) {
		struct pv_bucket *b = bucket_part(minute);
		n += (size_t)snprintf(want + n, sizeof want - n, "%s%u:%u", n ? " " : "", 1000 + 60 * minute,
				      PARTS * (unsigned)b->blocks[0]->cells[M_COUNT].count);
		pv_bucket_free(b);
	}
	assert_string_equal(shown(&m, got, sizeof got), want);
	team_down(&m);
}

/* ---- many readers ------------------------------------------------------------------------------- */

struct crowd {
	struct pv_store *store;
	atomic_bool stop;
	atomic_uint seen, torn;
};

/* Both handlers were handed over together, so that a view always has both in the same minute. */
static void *reader(void *arg)
{
	struct crowd *c = arg;
	while (!atomic_load(&c->stop)) {
		struct pv_views *all = pv_store_views(c->store, "p");
		for (size_t i = 0; i < all->n; i++) {
			struct pv_view *v = all->view[i];
			if (v->ninstances < 2)
				continue;
			atomic_fetch_add(&c->seen, 1);
			const struct pv_bucket *a = pv_view_window(v, 0, 5), *b = pv_view_window(v, 1, 5);
			char *at = bucket_text(a), *bt = bucket_text(b);
			if (v->instance[0].n != v->instance[1].n || strcmp(at, bt))
				atomic_fetch_add(&c->torn, 1);
			free(at);
			free(bt);
		}
		struct pv_pvb pvb = {NULL, 0, 0, false};
		pv_pvb_add(&pvb, all, "p", 0, 4, false, "test 1");
		free(pvb.bytes);
		pv_views_free(all);
	}
	return NULL;
}

static void *policies_come_and_go(void *arg)
{
	struct crowd *c = arg;
	while (!atomic_load(&c->stop)) {
		char err[256];
		const struct pv_store_input conf = {.policy = "p", .tap = "passing"};
		struct pv_stage *stage = pv_store_input(c->store, &conf, err, sizeof err);
		struct stream t;
		open_stream(&t, 9);
		put(&t, 0, 9, "net", true);
		hand_over(&t, stage);
		pv_store_remove(c->store, "p", "passing");
		put(&t, 0, 9, "net", false);
		hand_over(&t, stage);
		stage->ops->end(stage, false);
		pv_stage_free(stage);
		close_stream(&t);
	}
	return NULL;
}

static void readers_at_once(void **state)
{
	struct crowd c = {.store = store_new()};
	struct pv_stage *stage = input(c.store, "p", "t", 5);
	pthread_t thread[4], other;
	struct stream t;
	time_t end = time(NULL) + 3;
	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, reader, &c), 0);
	assert_int_equal(pthread_create(&other, NULL, policies_come_and_go, &c), 0);
	open_stream(&t, 7);
	for (unsigned p = 0; time(NULL) < end || atomic_load(&c.seen) <= 10; p++) {
		unsigned minute = p / 4; /* three live copies, then the bucket; now and then a minute again */
		put(&t, p % 4 == 3 && minute % 5 == 0 && minute ? minute - 1 : minute, 7, "net", p % 4 != 3);
		put(&t, p % 4 == 3 && minute % 5 == 0 && minute ? minute - 1 : minute, 7, "dns", p % 4 != 3);
		hand_over(&t, stage);
	}
	atomic_store(&c.stop, true);
	for (size_t i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	pthread_join(other, NULL);
	assert_int_equal(atomic_load(&c.torn), 0);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(c.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_yet),
		cmocka_unit_test(live_then_closed),
		cmocka_unit_test(merges_are_copies),
		cmocka_unit_test(live_in_a_minute_that_is_there),
		cmocka_unit_test(as_many_as_periods),
		cmocka_unit_test(windows_are_merged_once),
		cmocka_unit_test(nothing_half),
		cmocka_unit_test(ends),
		cmocka_unit_test(counts),
		cmocka_unit_test(ledgers_while_it_runs),
		cmocka_unit_test(other_pipelines),
		cmocka_unit_test(periods_of_instances),
		cmocka_unit_test(names),
		cmocka_unit_test(like_handlers_merge),
		cmocka_unit_test(budget),
		cmocka_unit_test(binary_answers),
		cmocka_unit_test(binary_heads),
		cmocka_unit_test(damaged),
		cmocka_unit_test(minutes_come_whole),
		cmocka_unit_test(clock_set_back),
		cmocka_unit_test(a_part_that_ends),
		cmocka_unit_test(parts_add_up),
		cmocka_unit_test(parts_at_once),
		cmocka_unit_test(readers_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
