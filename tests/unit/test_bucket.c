/* SPDX-License-Identifier: MPL-2.0 */
/* lib/metric: buckets, their merging, their way over the wire and back, their JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "event/check.h"
#include "net/metrics.h"
#include "unit/bucket_util.h"

static struct pv_bucket *fresh(void)
{
	struct pv_bucket *b = pv_bucket_new(&test_handler, &test_conf);
	assert_non_null(b);
	return b;
}

static void same_json(const struct pv_bucket *a, const struct pv_bucket *b)
{
	char *x = bucket_text(a), *y = bucket_text(b);
	assert_string_equal(x, y);
	free(x);
	free(y);
}

static void is_json(const struct pv_bucket *b, const char *expected)
{
	char *x = bucket_text(b);
	assert_string_equal(x, expected);
	free(x);
}

/* ---- the tree ------------------------------------------------------------------------------------- */

static void blocks(void **state)
{
	(void)state;
	struct pv_bucket *b = fresh();
	struct pv_block *root = pv_bucket_root(b);
	struct pv_block *a = pv_bucket_block(b, root, S_DEVICE, "a"),
			*c = pv_bucket_block(b, root, S_DEVICE, "c");
	assert_ptr_not_equal(a, c);
	assert_ptr_equal(pv_bucket_block(b, root, S_DEVICE, "a"), a);
	assert_ptr_not_equal(pv_bucket_block(b, root, S_DIRECTION, "a"), a); /* another scope */
	struct pv_block *a0 = pv_bucket_block(b, a, S_INTERFACE, "0"),
			*c0 = pv_bucket_block(b, c, S_INTERFACE, "0");
	assert_ptr_not_equal(a0, c0); /* another parent */
	assert_ptr_equal(pv_bucket_block(b, c, S_INTERFACE, "0"), c0);
	assert_int_equal(b->nblocks, 6);
	for (uint32_t i = 1; i < b->nblocks; i++)
		assert_true(b->blocks[i]->parent < i);
	char key[PV_BLOCK_KEY + 50]; /* longer than any may be: cut, and found again */
	memset(key, 'k', sizeof key - 1);
	key[sizeof key - 1] = 0;
	struct pv_block *k = pv_bucket_block(b, root, S_DEVICE, key);
	assert_int_equal(strlen(k->key), PV_BLOCK_KEY);
	assert_ptr_equal(pv_bucket_block(b, root, S_DEVICE, key), k);
	key[PV_BLOCK_KEY] = 0;
	assert_ptr_equal(pv_bucket_block(b, root, S_DEVICE, key), k);
	assert_int_equal(b->folded, 0);
	pv_bucket_free(b);
	pv_bucket_free(NULL);
}

/* A full scope: the rest is "other", counted; other scopes and other parents have their own room. */
static void folding(void **state)
{
	(void)state;
	struct pv_bucket *b = fresh();
	struct pv_block *root = pv_bucket_root(b), *other = NULL;
	for (unsigned i = 0; i < 100; i++) {
		char key[16];
		snprintf(key, sizeof key, "dev%u", i);
		struct pv_block *k = pv_bucket_block(b, root, S_DEVICE, key);
		pv_count(k, M_DEV_COUNT, 1);
		if (i >= 3) {
			assert_string_equal(k->key, "other");
			assert_true(!other || other == k);
			other = k;
		}
	}
	assert_int_equal(b->nblocks, 1 + 3 + 1);
	assert_int_equal(other->cells[M_DEV_COUNT].count, 97);
	assert_int_equal(b->folded, 97);
	assert_int_equal(pv_bucket_lost(b), 97);
	assert_ptr_equal(pv_bucket_block(b, root, S_DEVICE, "other"), other);
	assert_int_equal(b->folded, 97); /* asked for by name: nothing folded */
	static const char *const dirs[] = {"in", "out", "unknown"};
	for (unsigned i = 0; i < 3; i++) /* a full scope leaves its sisters alone */
		assert_string_equal(pv_bucket_block(b, root, S_DIRECTION, dirs[i])->key, dirs[i]);
	assert_string_equal(pv_bucket_block(b, root, S_DIRECTION, "up")->key, "other");
	for (uint32_t i = 0; i < 5; i++)
		if (b->blocks[i]->scope == S_DEVICE) { /* "other" has children as any */
			assert_string_equal(pv_bucket_block(b, b->blocks[i], S_INTERFACE, "x")->key, "x");
			assert_string_equal(pv_bucket_block(b, b->blocks[i], S_INTERFACE, "y")->key, "y");
			assert_string_equal(pv_bucket_block(b, b->blocks[i], S_INTERFACE, "z")->key, "other");
		}
	pv_bucket_free(b);

	b = fresh(); /* "other" as somebody's own name takes one of the places */
	assert_string_equal(pv_bucket_block(b, pv_bucket_root(b), S_DEVICE, "other")->key, "other");
	pv_bucket_block(b, pv_bucket_root(b), S_DEVICE, "a");
	pv_bucket_block(b, pv_bucket_root(b), S_DEVICE, "b");
	assert_string_equal(pv_bucket_block(b, pv_bucket_root(b), S_DEVICE, "c")->key, "other");
	assert_int_equal(b->nblocks, 4);
	pv_bucket_free(b);
}

/* What a full bucket folded comes through merging and the wire without moving the count of what was folded
 * again. */
static void folding_merges(void **state)
{
	(void)state;
	struct pv_bucket *part[2], *sum = fresh();
	uint64_t total = 0;
	for (unsigned p = 0; p < 2; p++) {
		part[p] = fresh();
		part[p]->start_ns = part[p]->end_ns = SEC;
		for (unsigned i = 0; i < 10; i++) {
			char key[16];
			snprintf(key, sizeof key, "dev%u", 5 * p + i);
			pv_count(pv_bucket_block(part[p], pv_bucket_root(part[p]), S_DEVICE, key),
				 M_DEV_COUNT, i + 1);
		}
		assert_int_equal(pv_bucket_merge(sum, part[p]), 0);
	}
	assert_int_equal(sum->nblocks, 5);
	for (uint32_t i = 1; i < sum->nblocks; i++)
		total += sum->blocks[i]->cells[M_DEV_COUNT].count;
	assert_int_equal(total, 110);
	assert_int_equal(sum->folded, 7 + 7 + 3);
	for (unsigned p = 0; p < 2; p++)
		pv_bucket_free(part[p]);
	pv_bucket_free(sum);
}

static void groups(void **state)
{
	(void)state;
	static const struct {
		uint32_t groups;
		bool a, b, both, shown;
	} cases[] = {
	    {0, false, false, false, false},
	    {1 << G_A, true, false, false, true},
	    {1 << G_C, false, false, false, true},
	    {1 << G_B, false, true, false, true},
	    {1 << G_A | 1 << G_C, true, false, true, true},
	    {7, true, true, true, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_bucket_conf conf = {.groups = cases[i].groups, .topn = 5};
		struct pv_bucket *b = pv_bucket_new(&test_handler, &conf);
		assert_non_null(b);
		struct pv_block *root = pv_bucket_root(b);
		bucket_fill(b, 0);
		assert_int_equal(!!root->cells[M_TOP].topn, cases[i].a);
		assert_int_equal(!!root->cells[M_DISTINCT].distinct, cases[i].a);
		assert_int_equal(!!root->cells[M_QUANTILES].quantiles, cases[i].a);
		assert_int_equal(!!root->cells[M_HISTOGRAM].histogram, cases[i].a);
		assert_int_equal(!!root->cells[M_RATE].rate, cases[i].a);
		assert_int_equal(!!root->cells[M_BOTH].topn, cases[i].both);
		assert_int_equal(root->cells[M_COUNT].count, 60);
		assert_int_equal(pv_bucket_shown(b), cases[i].shown);
		json_t *j = pv_bucket_json(b);
		assert_int_equal(!!json_object_get(j, "top_names"), cases[i].a);
		assert_int_equal(!!json_object_get(j, "off"), cases[i].b);
		assert_int_equal(!!json_object_get(j, "both"), cases[i].both);
		assert_non_null(json_object_get(j, "packets"));
		json_decref(j);
		pv_bucket_free(b);
	}
	assert_int_equal(pv_handler_group(&test_handler, "b"), G_B);
	assert_int_equal(pv_handler_group(&test_handler, "all"), -1);
	char err[200];
	pv_handler_group_error(&test_handler, "z", err, sizeof err);
	assert_string_equal(
	    err, "z is an invalid/unsupported metric group. The valid groups are: all, a, b, group_c");
	pv_handler_group_error(&test_handler, "z", err, 20); /* cut, never over */
	assert_int_equal(strlen(err), 19);
}

/* ---- merging --------------------------------------------------------------------------------------- */

/* Three parts in every order, and grouped either way, give the same; and the same as all of it counted in
 * one. */
static void merge_any_order(void **state)
{
	(void)state;
	static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					      {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct pv_bucket *part[3], *whole = fresh();
	whole->recorded = true;
	for (unsigned p = 0; p < 3; p++) {
		part[p] = bucket_part(p);
		whole->start_ns = part[p]->start_ns;
		bucket_fill(whole, p);
	}
	whole->start_ns = part[0]->start_ns;
	whole->end_ns = part[2]->end_ns;
	for (unsigned o = 0; o < 6; o++) {
		struct pv_bucket *left = fresh(), *right = fresh(), *pair = fresh();
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(pv_bucket_merge(left, part[orders[o][i]]), 0); /* (a + b) + c */
		assert_int_equal(pv_bucket_merge(pair, part[orders[o][1]]), 0);
		assert_int_equal(pv_bucket_merge(pair, part[orders[o][2]]), 0);
		assert_int_equal(pv_bucket_merge(right, part[orders[o][0]]), 0);
		assert_int_equal(pv_bucket_merge(right, pair), 0); /* a + (b + c) */
		same_json(left, whole);
		same_json(right, whole);
		assert_int_equal(left->start_ns, part[0]->start_ns);
		assert_int_equal(left->end_ns, part[2]->end_ns);
		assert_true(left->recorded);
		assert_string_equal(left->name, "test");
		pv_bucket_free(left);
		pv_bucket_free(right);
		pv_bucket_free(pair);
	}
	for (unsigned p = 0; p < 3; p++)
		pv_bucket_free(part[p]);
	pv_bucket_free(whole);
}

static void merge_edges(void **state)
{
	(void)state;
	struct pv_bucket *a = fresh(), *b = bucket_part(0), *c = bucket_part(0);
	assert_int_equal(pv_bucket_merge(b, a), 0); /* an empty one changes nothing, not even the times */
	same_json(b, c);
	assert_int_equal(b->start_ns, 1000 * SEC);
	a->lost = 5;
	a->folded = 6;
	pv_bucket_root(a)->cells[M_COUNT].count = UINT64_MAX - 10;
	assert_int_equal(pv_bucket_merge(b, a), 0);
	assert_int_equal(pv_bucket_root(b)->cells[M_COUNT].count, UINT64_MAX); /* saturates */
	assert_int_equal(pv_bucket_lost(b), 11);
	json_t *j = pv_bucket_json(b); /* and is a number that JSON's readers take */
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "packets"), "total")),
			 INT64_MAX);
	json_decref(j);
	/* times: of what has any */
	struct pv_bucket *t = fresh();
	a->start_ns = 5 * SEC;
	a->end_ns = 6 * SEC;
	assert_int_equal(pv_bucket_merge(t, a), 0);
	assert_int_equal(t->start_ns, 5 * SEC);
	a->start_ns = 0; /* a stream that begins at the epoch */
	a->end_ns = SEC;
	assert_int_equal(pv_bucket_merge(t, a), 0);
	assert_int_equal(t->start_ns, 0);
	assert_int_equal(t->end_ns, 6 * SEC);
	/* what the target does not want is left out */
	struct pv_bucket_conf none = {.groups = 0, .topn = 5};
	struct pv_bucket *n = pv_bucket_new(&test_handler, &none);
	assert_int_equal(pv_bucket_merge(n, c), 0);
	assert_null(pv_bucket_root(n)->cells[M_TOP].topn);
	assert_int_equal(pv_bucket_root(n)->cells[M_COUNT].count, 60);
	pv_bucket_free(n);
	pv_bucket_free(t);
	pv_bucket_free(a);
	pv_bucket_free(b);
	pv_bucket_free(c);
}

static void trim(void **state)
{
	(void)state;
	struct pv_bucket *b = fresh();
	struct pv_block *root = pv_bucket_root(b);
	for (unsigned i = 0; i < 4000; i++) {
		char name[40];
		int n = snprintf(name, sizeof name, "a-rather-long-name-%u.example", i);
		pv_top_bytes(root, M_TOP, name, (size_t)n, i < 20 ? 1000 + i : 1);
	}
	size_t before = pv_bucket_memory(b);
	struct pv_topn_row rows[10];
	pv_bucket_trim(b, 32);
	assert_true(pv_bucket_memory(b) < before / 10);
	assert_int_equal(pv_bucket_rows(b, &root->cells[M_TOP], rows), 10);
	for (unsigned i = 0; i < 10; i++)
		assert_true(rows[i].estimate >= 1019 - i); /* the heaviest stay */
	assert_int_equal(pv_bucket_lost(b), 0);
	pv_bucket_free(b);
}

/* ---- the wire --------------------------------------------------------------------------------------- */

static void emit(struct mem *m, const struct pv_bucket *b, bool live)
{
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(m)), 0);
	assert_int_equal(pv_bucket_emit(&o, b, live, b->end_ns), 0);
	assert_int_equal(pv_out_flush(&o), PV_OK);
	pv_out_free(&o);
}

/* Reads events [at, n): the last bucket that is completed, and the first problem. */
struct got {
	struct pv_bucket *bucket;
	bool live;
	unsigned buckets, bad, fail;
	const char *problem;
	uint64_t unknown;
	bool open;
};

static struct got read_events(const uint8_t *p, size_t n)
{
	struct pv_bucket_reader r = {.handlers = test_handlers, .seed = 99};
	struct got g = {0};
	for (size_t at = 0; at < n;) {
		const struct pv_event *ev = (const void *)(p + at);
		struct pv_bucket *b = NULL;
		const char *problem = NULL;
		if (!pv_event_size(ev) || ev->size > n - at || pv_event_check(ev))
			break; /* the stream's reader would have ended here */
		switch (pv_bucket_read(&r, ev, &b, &g.live, &problem)) {
		case PV_END:
			pv_bucket_free(g.bucket);
			g.bucket = b;
			g.buckets++;
			break;
		case PV_BAD:
			assert_non_null(problem);
			g.problem = g.problem ? g.problem : problem;
			g.bad++;
			break;
		case PV_FAIL:
			g.fail++;
			break;
		default:
			break;
		}
		at += ev->size;
	}
	g.unknown = r.unknown;
	g.open = r.open;
	pv_bucket_reader_free(&r);
	return g;
}

static void round_trip(void **state)
{
	(void)state;
	struct pv_bucket *b = bucket_part(1);
	struct mem m = {0}, again = {0};
	b->hosts = true;
	emit(&m, b, false);
	size_t blocks_seen = 0, metrics_seen = 0;
	for (size_t at = 0; at < m.n; at += ev_at(&m, at)->size) {
		assert_null(pv_event_check(ev_at(&m, at)));
		blocks_seen += ev_at(&m, at)->type == PV_EV_BLOCK;
		metrics_seen += ev_at(&m, at)->type == PV_EV_METRIC;
	}
	const struct pv_bucket_event *head = (const void *)ev_at(&m, 0);
	assert_int_equal(head->ev.type, PV_EV_BUCKET);
	assert_int_equal(head->blocks, blocks_seen);
	assert_int_equal(head->metrics, metrics_seen);
	assert_memory_equal(pv_ref_bytes(&head->ev, head->groups), "a,group_c", head->groups.len);
	struct got g = read_events(m.p, m.n);
	assert_null(g.problem);
	assert_int_equal(g.buckets, 1);
	assert_false(g.live);
	assert_int_equal(g.unknown, 0);
	assert_int_equal(g.bucket->start_ns, b->start_ns);
	assert_int_equal(g.bucket->end_ns, b->end_ns);
	assert_int_equal(g.bucket->stream_id, 7);
	assert_true(g.bucket->recorded && g.bucket->hosts);
	assert_string_equal(g.bucket->name, "test");
	assert_int_equal(g.bucket->conf.groups, b->conf.groups);
	same_json(g.bucket, b);
	emit(&again, g.bucket, true); /* the same bytes but for the type */
	assert_int_equal(ev_at(&again, 0)->type, PV_EV_LIVE);
	assert_int_equal(again.n, m.n);
	assert_memory_equal(again.p + 8, m.p + 8, m.n - 8);
	pv_bucket_free(g.bucket);
	g = read_events(again.p, again.n);
	assert_true(g.live);
	pv_bucket_free(g.bucket);
	pv_bucket_free(b);
	mem_free(&m);
	mem_free(&again);

	b = fresh(); /* an empty one */
	emit(&m, b, false);
	g = read_events(m.p, m.n);
	assert_int_equal(g.buckets, 1);
	same_json(g.bucket, b);
	pv_bucket_free(g.bucket);
	pv_bucket_free(b);
	mem_free(&m);
}

/* A state larger than an event comes in parts. */
static struct pv_bucket *large_bucket(void)
{
	struct pv_bucket *b = fresh();
	b->start_ns = SEC;
	b->end_ns = 2 * SEC;
	for (unsigned i = 0; i < 5000; i++) {
		char name[64];
		int n = snprintf(name, sizeof name, "a-rather-long-name-that-fills-parts-%u.example", i);
		pv_top_bytes(pv_bucket_root(b), M_TOP, name, (size_t)n, i + 1);
	}
	return b;
}

static void parts(void **state)
{
	(void)state;
	struct pv_bucket *b = large_bucket();
	struct mem m = {0};
	emit(&m, b, false);
	unsigned n = 0;
	for (size_t at = 0; at < m.n; at += ev_at(&m, at)->size)
		n += ev_at(&m, at)->type == PV_EV_METRIC;
	assert_true(n >= 3);
	struct got g = read_events(m.p, m.n);
	assert_null(g.problem);
	same_json(g.bucket, b);
	pv_bucket_free(g.bucket);
	pv_bucket_free(b);
	mem_free(&m);
}

/* One event of a bucket dropped, doubled, swapped with the next, or cut short: refused with a reason or,
 * where nothing is missed (a bucket may come without a metric), taken; the good bucket behind it is read in
 * any case. */
static void events_disturbed(void **state)
{
	(void)state;
	for (int large = 0; large < 2; large++) {
		struct pv_bucket *b = large ? large_bucket() : bucket_part(0);
		struct mem m = {0};
		emit(&m, b, false);
		for (size_t at = 0; at < m.n; at += ev_at(&m, at)->size)
			for (unsigned how = 0; how < 3; how++) {
				struct mem d = {0};
				size_t size = ev_at(&m, at)->size, next = at + size;
				size_t after = next < m.n ? ev_at(&m, next)->size : 0;
				unsigned type = ev_at(&m, at)->type;
				struct iovec drop[] = {{m.p, at}, {m.p + next, m.n - next}};
				struct iovec twice[] = {{m.p, next}, {m.p + at, m.n - at}};
				struct iovec swap[] = {{m.p, at},
						       {m.p + next, after},
						       {m.p + at, size},
						       {m.p + next + after, m.n - next - after}};
				mem_write(&d, how == 0 ? drop : how == 1 ? twice : swap, how == 2 ? 4 : 2);
				size_t disturbed = d.n;
				struct iovec whole = {m.p, m.n};
				mem_write(&d, &whole, 1);
				if (how == 0 && type == PV_EV_BUCKET_END) /* then it runs into the next */
					mem_write(&d, &whole, 1);
				struct got g = read_events(d.p, d.n), first = read_events(d.p, disturbed);
				assert_false(g.open);
				assert_non_null(g.bucket);
				same_json(g.bucket, b);
				bool harmless = type == PV_EV_METRIC && !large && how != 1;
				harmless |= how == 2 && !after;
				harmless |= how == 2 && after && type == PV_EV_METRIC &&
					    ev_at(&m, next)->type == PV_EV_BLOCK;
				if (!harmless && !g.problem)
					fail_msg("%s %u is not noticed", pv_event_type_name(type), how);
				pv_bucket_free(g.bucket);
				pv_bucket_free(first.bucket);
				mem_free(&d);
			}
		pv_bucket_free(b);
		mem_free(&m);
	}
}

/* Every byte of every event changed: never a crash, a leak or a stuck reader. */
static void bytes_damaged(void **state)
{
	(void)state;
	struct pv_bucket *b = bucket_part(0);
	struct mem m = {0};
	unsigned refused = 0;
	emit(&m, b, false);
	for (size_t at = 0; at < m.n; at++) {
		static const uint8_t masks[] = {0x01, 0x80, 0xff};
		for (size_t k = 0; k<sizeof masks; k += at> 4000 ? 2 : 1) {
			m.p[at] ^= masks[k];
			struct got g = read_events(m.p, m.n);
			refused += g.bucket == NULL;
			if (g.bucket) {
				json_t *j = pv_bucket_json(g.bucket);
				assert_non_null(j);
				json_decref(j);
			}
			pv_bucket_free(g.bucket);
			m.p[at] ^= masks[k];
		}
	}
	assert_true(refused > 1000);
	pv_bucket_free(b);
	mem_free(&m);
}

/* The state of every kind: cut, longer by a byte, empty, of another kind. */
static void states_damaged(void **state)
{
	(void)state;
	struct pv_bucket *b = bucket_part(0);
	for (unsigned i = 0; i < METRICS; i++) {
		const struct pv_metric *row = &test_metrics[i];
		if (row->scope != S_ROOT || i == M_OFF)
			continue;
		const union pv_cell *c = &pv_bucket_root(b)->cells[i];
		size_t n = pv_cell_size(row, c);
		uint8_t *image = malloc(n + 1);
		assert_non_null(image);
		assert_true(n > 0);
		if (!pv_kind_plain(row->kind))
			assert_int_equal(pv_cell_write(row, c, image, n - 1), 0);
		assert_int_equal(pv_cell_write(row, c, image, n), n);
		image[n] = 0;
		for (size_t len = 0; len <= n + 1; len++) {
			uint8_t *exact = malloc(len + !len);
			assert_non_null(exact);
			memcpy(exact, image, len);
			struct pv_out o;
			struct mem m = {0};
			assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
			ev_bucket(&o, PV_EV_BUCKET, 100 * SEC, "test", "1.0", 1, 1);
			struct pv_bucket_event *head = (void *)o.buf;
			head->groups = (struct pv_ref){(uint16_t)(sizeof *head), 0};
			ev_block(&o, SEC, 0, 0, 0, "");
			ev_metric(&o, SEC, 0, row->id, row->kind, exact, len, 0, len);
			ev_any(&o, PV_EV_BUCKET_END, SEC);
			/* groups by hand: a and group_c */
			struct mem whole = {0};
			pv_out_flush(&o);
			pv_out_free(&o);
			assert_int_equal(pv_out_init(&o, mem_sink(&whole)), 0);
			size_t at = sizeof *head;
			head = pv_out_event(&o, PV_EV_BUCKET, at + 40, SEC);
			head->blocks = head->metrics = 1;
			head->type = pv_ev_put(head, &at, "test", 4);
			head->version = pv_ev_put(head, &at, "1.0", 3);
			head->groups = pv_ev_put(head, &at, "x,group_c,,a", 12);
			size_t skip = ev_at(&m, 0)->size;
			pv_out_pass(&o, m.p + skip, m.n - skip);
			pv_out_flush(&o);
			pv_out_free(&o);
			struct got g = read_events(whole.p, whole.n);
			if (len == n) {
				assert_null(g.problem);
				assert_int_equal(g.buckets, 1);
			} else {
				assert_string_equal(g.problem, "a metric's state is damaged");
				assert_int_equal(g.buckets, 0);
				assert_int_equal(g.bad, 1); /* said once */
			}
			pv_bucket_free(g.bucket);
			mem_free(&m);
			mem_free(&whole);
			free(exact);
			if (n > 600 && len > 300 && len < n - 300)
				len = n - 300;
		}
		free(image);
	}
	pv_bucket_free(b);
}

/* Words: B BUCKET of "test", U BUCKET of a handler we do not know, b BLOCK 0, d BLOCK 1 (device), c counter
 * 1, C counter 1 of block 1, u unknown metric, g metric of a group that is off, k wrong kind, s wrong scope,
 * o block of no such index, p first part, q second part, r second part with another total, E BUCKET_END, t
 * TICK, x event nobody knows, D BLOCK 2 with the key of BLOCK 1, i BLOCK 2 (interface of 1), j BLOCK 1 as
 * interface of 0, 0 BLOCK 1 of scope 0, 9 BLOCK 1 of scope 9, P BLOCK 1 of parent 5, T BUCKET that ends
 * before it starts, M BUCKET that says fewer metrics */
static void grammar(void **state)
{
	(void)state;
	static const struct {
		const char *script, *problem;
		unsigned buckets, unknown;
		uint32_t blocks;
	} cases[] = {
	    {"BbE", NULL, 1, 0, 1},
	    {"BbcE", NULL, 1, 0, 1},
	    {"BbdcCE", NULL, 1, 0, 2},
	    {"BbdiE", NULL, 1, 0, 3},
	    {"BbuE", NULL, 1, 1, 1},
	    {"UbcE", NULL, 0, 1, 1},
	    {"UbcdiEBbE", NULL, 1, 1, 1},
	    {"BbxcE", NULL, 1, 0, 1},
	    {"tBbEt", NULL, 1, 0, 1},
	    {"BbpqE", NULL, 1, 0, 1},
	    {"BbupqE", NULL, 1, 1, 1},
	    {"b", "a part of a bucket stands alone", 0, 0, 1},
	    {"cBbE", "a part of a bucket stands alone", 1, 0, 1},
	    {"E", "a part of a bucket stands alone", 0, 0, 1},
	    {"BE", "a bucket has not the blocks it says", 0, 0, 1},
	    {"BbE", "a bucket has not the blocks it says", 0, 0, 2},
	    {"BbdE", "a bucket has not the blocks it says", 0, 0, 1},
	    {"TbEBbE", "a bucket ends before it starts", 1, 0, 1},
	    {"BbBbE", "a bucket inside a bucket", 0, 0, 1},
	    {"BbBbEBbE", "a bucket inside a bucket", 1, 0, 1},
	    {"BbtcEBbE", "a bucket is interrupted", 1, 0, 1},
	    {"UbtBbE", "a bucket is interrupted", 1, 1, 1},
	    {"BdE", "blocks of a bucket are out of order", 0, 0, 1},
	    {"BbbE", "blocks of a bucket are out of order", 0, 0, 1},
	    {"BbdDE", "a block of a bucket stands twice", 0, 0, 3},
	    {"BbjE", "a block of a bucket has no place", 0, 0, 2},
	    {"Bb0E", "a block of a bucket has no place", 0, 0, 2},
	    {"Bb9E", "a block of a bucket has no place", 0, 0, 2},
	    {"BbPE", "a block of a bucket has no place", 0, 0, 2},
	    {"BcbE", "a metric of a bucket has no place", 0, 0, 1},
	    {"BbCE", "a metric of a bucket has no place", 0, 0, 1},
	    {"BbgE", "a metric of a bucket has no place", 0, 0, 1},
	    {"BbkE", "a metric of a bucket has no place", 0, 0, 1},
	    {"BbsE", "a metric of a bucket has no place", 0, 0, 1},
	    {"BboE", "a metric of a bucket has no place", 0, 0, 1},
	    {"BbccE", "a metric of a bucket stands twice", 0, 0, 1},
	    {"BbpE", "a metric of a bucket is incomplete", 0, 0, 1},
	    {"BbqE", "parts of a metric are out of order", 0, 0, 1},
	    {"BbpcE", "parts of a metric are out of order", 0, 0, 1},
	    {"BbppqE", "parts of a metric are out of order", 0, 0, 1},
	    {"BbprE", "parts of a metric are out of order", 0, 0, 1},
	    {"BbpqqE", "parts of a metric are out of order", 0, 0, 1},
	    {"MbcE", "a bucket has more metrics than it says", 0, 0, 1},
	    {"BbccEccEBbE", "a metric of a bucket stands twice", 1, 0, 1},
	};
	static const uint8_t count[8] = {1};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mem m = {0};
		struct pv_out o;
		assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
		for (const char *c = cases[i].script; *c; c++) {
			const char *type = *c == 'U' ? "nobody" : "test";
			struct pv_bucket_event *b;
			switch (*c) {
			case 'B':
			case 'U':
			case 'T':
			case 'M':
				ev_bucket(&o, PV_EV_BUCKET, 100 * SEC, type, "1.0", cases[i].blocks,
					  *c == 'M' ? 0 : 9);
				b = (void *)(o.buf + o.len - pv_round8(sizeof *b + 2 * strlen(type) + 3 + 8));
				if (*c == 'T')
					b->end_ns = b->start_ns - 1;
				break;
			case 'b':
				ev_block(&o, SEC, 0, 0, 0, "");
				break;
			case 'd':
				ev_block(&o, SEC, 1, 0, S_DEVICE, "d");
				break;
			case 'D':
				ev_block(&o, SEC, 2, 0, S_DEVICE, "d");
				break;
			case 'i':
				ev_block(&o, SEC, 2, 1, S_INTERFACE, "i");
				break;
			case 'j':
				ev_block(&o, SEC, 1, 0, S_INTERFACE, "i");
				break;
			case '0':
				ev_block(&o, SEC, 1, 0, S_ROOT, "i");
				break;
			case '9':
				ev_block(&o, SEC, 1, 0, 9, "i");
				break;
			case 'P':
				ev_block(&o, SEC, 1, 5, S_DEVICE, "i");
				break;
			case 'c':
				ev_metric(&o, SEC, 0, 1, PV_COUNTER, count, 8, 0, 8);
				break;
			case 'C':
				ev_metric(&o, SEC, 1, 12, PV_COUNTER, count, 8, 0, 8);
				break;
			case 'u':
				ev_metric(&o, SEC, 0, 999, PV_COUNTER, count, 8, 0, 8);
				break;
			case 'g':
				ev_metric(&o, SEC, 0, 10, PV_COUNTER, count, 8, 0, 8);
				break;
			case 'k':
				ev_metric(&o, SEC, 0, 1, PV_TOPN, count, 8, 0, 8);
				break;
			case 's':
				ev_metric(&o, SEC, 0, 12, PV_COUNTER, count, 8, 0, 8);
				break;
			case 'o':
				ev_metric(&o, SEC, 7, 1, PV_COUNTER, count, 8, 0, 8);
				break;
			case 'p':
				ev_metric(&o, SEC, 0, 1, PV_COUNTER, count, 3, 0, 8);
				break;
			case 'q':
				ev_metric(&o, SEC, 0, 1, PV_COUNTER, count + 3, 5, 3, 8);
				break;
			case 'r':
				ev_metric(&o, SEC, 0, 1, PV_COUNTER, count + 3, 5, 3, 9);
				break;
			case 'E':
				ev_any(&o, PV_EV_BUCKET_END, SEC);
				break;
			case 't':
				ev_any(&o, PV_EV_TICK, SEC);
				break;
			case 'x':
				pv_out_event(&o, (enum pv_event_type)99, 40, SEC);
				break;
			}
		}
		pv_out_flush(&o);
		pv_out_free(&o);
		struct got g = read_events(m.p, m.n);
		if (g.buckets != cases[i].buckets || g.unknown != cases[i].unknown ||
		    !g.problem != !cases[i].problem || (g.problem && strcmp(g.problem, cases[i].problem)))
			fail_msg("%s (%u): %u buckets, %u unknown, '%s'", cases[i].script, cases[i].blocks,
				 g.buckets, (unsigned)g.unknown, g.problem ? g.problem : "");
		pv_bucket_free(g.bucket);
		mem_free(&m);
	}
}

/* Many blocks, each with the largest sketch an image can make: refused before it takes the machine. */
static void too_large(void **state)
{
	(void)state;
	static const struct pv_metric metric[] = {ROW(PV_DISTINCT, PV_ALWAYS, 1, "n", .id = 1)};
	static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}, {"device", NULL, 0, 1000}};
	static const struct pv_handler wide = {.type = "wide",
					       .version = "1.0",
					       .schema = "wide",
					       .metrics = metric,
					       .nmetrics = 1,
					       .scopes = scopes,
					       .nscopes = 2,
					       .events = -1,
					       .samples = -1,
					       .events_rate = -1};
	static const struct pv_handler *const handlers[] = {&wide, NULL};
	struct pv_hll *h = pv_hll_new(PV_HLL_LG_K_MAX);
	assert_non_null(h);
	for (uint64_t i = 0; i < 300000; i++)
		pv_hll_add_u64(h, i);
	size_t size = pv_hll_image_size(h);
	uint8_t *image = malloc(size);
	assert_non_null(image);
	assert_int_equal(pv_hll_write(h, image, size), size);
	struct pv_bucket_reader r = {.handlers = handlers};
	struct pv_bucket *b = NULL;
	bool live;
	const char *problem = NULL;
	unsigned blocks_taken = 0;
	for (unsigned i = 0; i <= 100 && !problem; i++) {
		struct mem m = {0};
		struct pv_out o;
		char key[16];
		assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
		snprintf(key, sizeof key, "k%u", i);
		if (i == 0)
			ev_bucket(&o, PV_EV_BUCKET, 100 * SEC, "wide", "1.0", 101, 100000);
		ev_block(&o, SEC, i, 0, i ? 1 : 0, key);
		for (size_t at = 0; i && at < size; at += 60000)
			ev_metric(&o, SEC, i, 1, PV_DISTINCT, image + at,
				  size - at < 60000 ? size - at : 60000, at, size);
		pv_out_flush(&o);
		pv_out_free(&o);
		for (size_t at = 0; at < m.n && !problem; at += ev_at(&m, at)->size)
			assert_int_not_equal(pv_bucket_read(&r, ev_at(&m, at), &b, &live, &problem), PV_FAIL);
		mem_free(&m);
		blocks_taken = i;
	}
	assert_string_equal(problem, "a bucket is larger than any of ours");
	assert_true(blocks_taken > 20 && blocks_taken < 40);
	assert_null(r.bucket); /* and it is gone at once */
	pv_bucket_reader_free(&r);
	pv_hll_free(h);
	free(image);
}

/* ---- JSON -------------------------------------------------------------------------------------------- */

static void json(void **state)
{
	(void)state;
	struct pv_bucket *b = fresh();
	struct pv_block *root = pv_bucket_root(b);
	is_json(
	    b,
	    "{\"both\":[],\"level\":0,\"packets\":{\"sources\":0,\"total\":0},\"period\":{\"length\":0,\"start_ts\":0},"
	    "\"top_names\":[],\"top_places\":[],\"top_ports\":[]}");
	b->start_ns = 100 * SEC + 5;
	b->end_ns = 109 * SEC + 4; /* ten seconds, both ends included */
	b->recorded = true;
	for (unsigned i = 0; i < 10; i++) {
		b->now_sec = 100 + i;
		pv_rate_events(root, M_RATE, 10 - i);
		pv_quantile_u64(root, M_QUANTILES, i + 1);
		pv_quantile_real(root, M_REAL, 0.5);
		pv_histogram_u64(root, M_HISTOGRAM, i * 2);
	}
	pv_count(root, M_COUNT, 3);
	pv_distinct_u64(root, M_DISTINCT, 5);
	pv_top_bytes(root, M_TOP, "b\xff\x1b\"", 4, 7);	      /* odd bytes, and what JSON must escape */
	pv_top_bytes(root, M_TOP, "Link\xc3\xb6ping", 10, 7); /* a tie: by name */
	pv_top_bytes(root, M_TOP, "", 0, 9);
	pv_gauge_set(root, M_GAUGE, b->start_ns + 1, 8);
	pv_gauge_set(root, M_GAUGE, b->start_ns, 9); /* said before */
	pv_top_u64(root, M_TOP_NUMBER, UINT64_MAX, 1);
	pv_top_bytes(root, M_TOP_GEO, "EU/Here\t1.5\t-2.5", 16, 3);
	pv_top_bytes(root, M_TOP_GEO, "Unknown", 7, 2);
	pv_top_bytes(root, M_TOP_GEO, "odd\tone", 7, 1); /* no place is half a place */
	pv_count(pv_bucket_block(b, pv_bucket_block(b, root, S_DEVICE, "d"), S_INTERFACE, "i"), M_IF_RATE, 0);
	pv_count(pv_bucket_block(b, root, S_DIRECTION, "in"), M_DIR_COUNT, 2);
	is_json(
	    b, "{\"both\":[],\"deep\":{\"er\":{\"size\":{\"p50\":5,\"p90\":9,\"p95\":10,\"p99\":10}}},"
	       "\"devices\":{\"d\":{\"count\":0,\"distinct\":0,\"interfaces\":{\"i\":{\"rate\":{\"p50\":0,"
	       "\"p90\":0,\"p95\":0,\"p99\":0}}},"
	       "\"top_ports\":[]}},"
	       "\"in\":{\"count\":2},\"level\":8,"
	       "\"packets\":{\"sources\":1,\"total\":3},\"period\":{\"length\":9,\"start_ts\":100},"
	       "\"rates\":{\"total\":{\"p50\":5,\"p90\":9,\"p95\":10,\"p99\":10}},"
	       "\"ratio\":{\"p50\":0.5,\"p90\":0.5,\"p95\":0.5,\"p99\":0.5},"
	       "\"times\":{\"buckets\":{\"+Inf\":10.0,\"0\":1.0,\"10\":6.0,\"12\":7.0,\"14\":8.0,\"16\":9.0,"
	       "\"18\":10.0,"
	       "\"2\":2.0,\"4\":3.0,\"6\":4.0,\"8\":5.0}},"
	       "\"top_names\":[{\"estimate\":9,\"name\":\"\"},{\"estimate\":7,\"name\":\"Link\xc3\xb6ping\"},"
	       "{\"estimate\":7,\"name\":\"b\\\\255\\\\027\\\"\"}],"
	       "\"top_places\":[{\"estimate\":3,\"lat\":\"1.5\",\"lon\":\"-2.5\",\"name\":\"EU/Here\"},"
	       "{\"estimate\":2,\"name\":\"Unknown\"},{\"estimate\":1,\"name\":\"odd\"}],"
	       "\"top_ports\":[{\"estimate\":1,\"name\":\"18446744073709551615\"}]}");
	/* live ones show the last complete second, closed ones do not */
	b->recorded = false;
	json_t *j = pv_bucket_json(b);
	assert_int_equal(json_integer_value(
			     json_object_get(json_object_get(json_object_get(j, "rates"), "total"), "live")),
			 2);
	json_decref(j);
	b->closed = true;
	j = pv_bucket_json(b);
	assert_null(json_object_get(json_object_get(json_object_get(j, "rates"), "total"), "live"));
	json_decref(j);
	pv_bucket_free(b);
}

/* Label values come from the network: nothing they say may collide with what stands there already. */
static void json_keys(void **state)
{
	(void)state;
	static const char *const dirs[] = {"packets", "period", "top_names"};
	static const char *const devs[] = {"\x01", "\\001", "b\xff.\"c"};
	struct pv_bucket *b = fresh();
	struct pv_block *root = pv_bucket_root(b);
	for (unsigned i = 0; i < 3; i++) {
		pv_count(pv_bucket_block(b, root, S_DIRECTION, dirs[i]), M_DIR_COUNT, 10 + i);
		struct pv_block *dev = pv_bucket_block(b, root, S_DEVICE, devs[i]);
		pv_count(dev, M_DEV_COUNT, 20 + i);
		pv_bucket_block(b, dev, S_INTERFACE, "\xe2\x82"); /* cut off in the middle of a character */
	}
	json_t *j = pv_bucket_json(b);
	assert_non_null(j);
	json_t *d = json_object_get(j, "devices");
	assert_int_equal(json_object_size(d), 3);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(d, "\\001"), "count")), 20);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(d, "\\001_2"), "count")), 21);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(d, "b\\255.\"c"), "count")), 22);
	assert_non_null(
	    json_object_get(json_object_get(json_object_get(d, "\\001"), "interfaces"), "\\226\\130"));
	assert_true(json_is_integer(json_object_get(json_object_get(j, "period"), "length")));
	assert_true(json_is_integer(json_object_get(json_object_get(j, "packets"), "total")));
	assert_true(json_is_array(json_object_get(j, "top_names")));
	char *text = json_dumps(j, PV_JSON_FLAGS);
	assert_non_null(text);
	free(text);
	json_decref(j);
	pv_bucket_free(b);
}

static void percentiles(void **state)
{
	(void)state;
	/* estimates 100, 90, ... 10; the threshold is the estimate at the percentile's rank, counted from the
	 * least */
	static const struct {
		uint16_t topn;
		uint8_t percentile;
		size_t rows;
		uint64_t last;
	} cases[] = {
	    {10, 0, 10, 10}, {10, 1, 10, 10},  {10, 10, 10, 10}, {10, 11, 9, 20},   {10, 50, 6, 50},
	    {10, 51, 5, 60}, {10, 90, 2, 90},  {10, 91, 1, 100}, {10, 100, 1, 100}, {5, 0, 5, 60},
	    {5, 50, 3, 80},  {5, 100, 1, 100}, {100, 50, 6, 50}, {1, 99, 1, 100},   {0, 50, 0, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_bucket_conf conf = {
		    .groups = 7, .topn = cases[i].topn, .topn_percentile = cases[i].percentile};
		struct pv_bucket *b = pv_bucket_new(&test_handler, &conf);
		struct pv_topn_row rows[100];
		assert_non_null(b);
		assert_int_equal(pv_bucket_rows(b, &pv_bucket_root(b)->cells[M_TOP_NUMBER], rows), 0);
		for (unsigned k = 1; k <= 10; k++)
			pv_top_u64(pv_bucket_root(b), M_TOP_NUMBER, k, k * 10);
		size_t n = pv_bucket_rows(b, &pv_bucket_root(b)->cells[M_TOP_NUMBER], rows);
		assert_int_equal(n, cases[i].rows);
		if (n)
			assert_int_equal(rows[n - 1].estimate, cases[i].last);
		pv_bucket_free(b);
	}
	/* equal ones stay together */
	struct pv_bucket_conf conf = {.groups = 7, .topn = 10, .topn_percentile = 100};
	struct pv_bucket *b = pv_bucket_new(&test_handler, &conf);
	struct pv_topn_row rows[10];
	assert_non_null(b);
	for (unsigned k = 0; k < 4; k++)
		pv_top_u64(pv_bucket_root(b), M_TOP_NUMBER, k, 5);
	assert_int_equal(pv_bucket_rows(b, &pv_bucket_root(b)->cells[M_TOP_NUMBER], rows), 4);
	pv_bucket_free(b);
}

static void items(void **state)
{
	(void)state;
	static const uint8_t six[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	const struct pv_topn_row v4 = {.num = 0xc0000201}, v6 = {.key = six, .len = 16},
				 odd = {.key = six, .len = 15}, text = {.key = "abcdef", .len = 6},
				 none = {.key = NULL};
	char out[64];
	pv_item_ipv4(&v4, out, sizeof out);
	assert_string_equal(out, "192.0.2.1");
	pv_item_ipv6(&v6, out, sizeof out);
	assert_string_equal(out, "2001:db8::1");
	pv_item_ipv6(&odd, out, sizeof out); /* a bucket from elsewhere may hold anything */
	assert_string_equal(out, "?");
	pv_item_text(&text, out, 4);
	assert_string_equal(out, "abc");
	pv_item_text(&none, out, sizeof out);
	assert_string_equal(out, "");
	pv_item_u64(&v4, out, sizeof out);
	assert_string_equal(out, "3221225985");
}

/* A minute has sixty seconds: the one it ends in counts only where the stream ended there. */
static void seconds(void **state)
{
	(void)state;
	static const struct {
		bool recorded, closed, counts_at_end;
		uint64_t end_sec, last;
	} cases[] = {
		{false, true, false, 160, 159}, /* shifted by the first event of the next minute */
		{true, true, false, 160, 159},
		{false, true, true, 130, 130}, /* the stream ended with an event */
		{true, false, true, 130, 130},
		{true, false, false, 130, 129},
		{false, false, true, 130, 129}, /* live: that second still runs */
		{false, false, true, 100, 100}, /* and there is no other */
		{true, true, false, 100, 100},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_bucket *b = fresh();
		struct pv_rate *r = pv_rate_new();
		uint64_t first, last;
		b->start_ns = 100 * SEC + 5;
		b->end_ns = cases[i].end_sec * SEC + 9;
		b->recorded = cases[i].recorded;
		b->closed = cases[i].closed;
		pv_rate_add(r, 100, 1);
		if (cases[i].counts_at_end)
			pv_rate_add(r, cases[i].end_sec, 1);
		pv_bucket_seconds(b, cases[i].end_sec == 160 ? NULL : r, &first, &last);
		assert_int_equal(first, 100);
		assert_int_equal(last, cases[i].last);
		pv_rate_free(r);
		pv_bucket_free(b);
	}
}

/* A sum that merging has saturated, and its rate, which is eight times that a second. */
static void sums_beyond_every_number(void **state)
{
	const struct pv_bucket_conf conf = {.groups = UINT32_MAX, .topn = 10};
	struct pv_bucket *b = pv_bucket_new(&pv_connections_v1, &conf);
	(void)state;
	assert_non_null(b);
	for (unsigned m = 0; m < pv_connections_v1.nmetrics; m++)
		if (!strcmp(pv_connections_v1.metrics[m].path, "top_protocols"))
			pv_tally(pv_bucket_root(b), m, "\0\6", 2, (const uint64_t[PV_TALLY_COLUMNS]){UINT64_MAX, 1});
	json_t *j = pv_bucket_json(b), *row = json_array_get(json_object_get(j, "top_protocols"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "name")), "TCP");
	assert_int_equal(json_integer_value(json_object_get(row, "bytes")), INT64_MAX);
	assert_int_equal(json_integer_value(json_object_get(row, "bps")), INT64_MAX);
	json_decref(j);
	pv_bucket_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sums_beyond_every_number),
	    cmocka_unit_test(blocks),
	    cmocka_unit_test(folding),
	    cmocka_unit_test(folding_merges),
	    cmocka_unit_test(groups),
	    cmocka_unit_test(merge_any_order),
	    cmocka_unit_test(merge_edges),
	    cmocka_unit_test(trim),
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(parts),
	    cmocka_unit_test(events_disturbed),
	    cmocka_unit_test(bytes_damaged),
	    cmocka_unit_test(states_damaged),
	    cmocka_unit_test(grammar),
	    cmocka_unit_test(too_large),
	    cmocka_unit_test(json),
	    cmocka_unit_test(json_keys),
	    cmocka_unit_test(percentiles),
	    cmocka_unit_test(seconds),
	    cmocka_unit_test(items),
	};
	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
