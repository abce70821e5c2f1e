/* SPDX-License-Identifier: MPL-2.0 */
/* lib/stage: the out, and the filter around an analyser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <cmocka.h>

#include "stage/pipe.h"
#include "unit/script_util.h"

/* ---- the out ------------------------------------------------------------------------------------- */

/* The same events through sinks of every taste: the same bytes. */
static void out_keeps_order(void **state)
{
	(void)state;
	static const size_t below[] = {0, 1, 64, 128, 300, 1024, PV_BATCH_BYTES};
	struct mem in = {0}, expected = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	for (unsigned i = 0; i < 3000; i++)
		ev_packet(&o, SEC + i, i, "0123456789abcdef0123456789abcdef", i % 32);
	pv_out_flush(&o);
	pv_out_free(&o);
	for (size_t b = 0; b < sizeof below / sizeof below[0]; b++) {
		struct mem m = {0};
		struct pv_sink sink = mem_sink(&m);
		sink.copy_below = below[b];
		assert_int_equal(pv_out_init(&o, sink), 0);
		size_t at = 0;
		for (unsigned round = 0; at < in.n;
		     round++) { /* runs of 0 to 6 events, own ones between them */
			size_t from = at;
			for (unsigned k = 0; k < round % 7 && at < in.n; k++)
				at += ev_at(&in, at)->size;
			pv_out_pass(&o, in.p + from, at - from);
			for (unsigned k = 0; k < round % 3; k++)
				ev_net(&o, SEC, 1, round);
			if (round % 50 == 49)
				assert_int_equal(pv_out_flush(&o), PV_OK);
		}
		assert_int_equal(o.events[PV_EV_PACKET], 3000);
		assert_int_equal(pv_out_flush(&o), PV_OK);
		if (b == 0)
			expected = m;
		else {
			assert_int_equal(m.n, expected.n);
			assert_memory_equal(m.p, expected.p, m.n);
			mem_free(&m);
		}
		pv_out_free(&o);
	}
	assert_true(expected.n > in.n);
	mem_free(&expected);
	mem_free(&in);
}

struct peek {
	const uint8_t *from, *to; /* the caller's bytes */
	unsigned refs, copies;
	int most;
};

static enum pv_res peek_write(void *ctx, const struct iovec *iov, int n)
{
	struct peek *p = ctx;
	if (n > p->most)
		p->most = n;
	for (int i = 0; i < n; i++) {
		const uint8_t *base = iov[i].iov_base;
		assert_true(iov[i].iov_len > 0);
		*(base >= p->from && base < p->to ? &p->refs : &p->copies) += 1;
	}
	return PV_OK;
}

/* Long runs go as references, short ones as copies; and never more pieces than PV_OUT_IOV. */
static void out_references(void **state)
{
	(void)state;
	struct mem in = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	for (unsigned i = 0; i < 2000; i++)
		ev_any(&o, PV_EV_TICK, i);
	pv_out_flush(&o);
	pv_out_free(&o);
	struct peek p = {.from = in.p, .to = in.p + in.n};
	assert_int_equal(pv_out_init(&o, (struct pv_sink){.write = peek_write, .ctx = &p, .copy_below = 64}),
			 0);
	pv_out_pass(&o, in.p, 48);	/* copied */
	pv_out_pass(&o, in.p + 48, 64); /* referenced */
	pv_out_pass(&o, in.p + 112, 0); /* nothing */
	assert_int_equal(pv_out_flush(&o), PV_OK);
	assert_int_equal(p.refs, 1);
	assert_int_equal(p.copies, 1);
	o.sink.copy_below = 0;
	p.refs = p.copies = 0;
	for (size_t at = 0; at < in.n;
	     at += 16) { /* reference and own event in turn: the most pieces there can be */
		pv_out_pass(&o, in.p + at, 16);
		ev_any(&o, PV_EV_TICK, 0);
	}
	pv_out_flush(&o);
	assert_int_equal(p.refs, 2000);
	assert_int_equal(p.copies, 2000);
	assert_true(p.most <= PV_OUT_IOV && p.most > PV_OUT_IOV - 4);
	pv_out_free(&o);
	mem_free(&in);
}

static void out_fills_and_fails(void **state)
{
	(void)state;
	struct mem m = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	for (unsigned i = 0; i < 10; i++) { /* nine do not fit into a batch */
		uint8_t *ev = pv_out_event(&o, (enum pv_event_type)200, PV_EVENT_MAX, SEC);
		for (size_t k = 16; k < PV_EVENT_MAX; k++)
			assert_int_equal(ev[k], 0);
		memset(ev + 16, 0xee, PV_EVENT_MAX - 16); /* the next one there must be zeroed again */
	}
	assert_true(m.writes >= 4);
	assert_int_equal(pv_out_flush(&o), PV_OK);
	assert_int_equal(m.n, 10 * PV_EVENT_MAX);
	uint64_t writes = m.writes;
	assert_int_equal(pv_out_flush(&o), PV_OK); /* nothing to say, nothing said */
	assert_int_equal(m.writes, writes);

	m.fail_after = m.writes; /* from here on nobody listens */
	ev_any(&o, PV_EV_TICK, SEC);
	assert_int_equal(pv_out_flush(&o), PV_STOP);
	writes = m.writes;
	for (unsigned i = 0; i < 100000; i++)
		ev_packet(&o, SEC, i, "abc", 3);
	assert_int_equal(pv_out_flush(&o), PV_STOP);
	assert_int_equal(m.writes, writes);
	pv_out_free(&o);
	mem_free(&m);
}

/* An event made in a reserved place is what pv_out_event() would have made; a place that is not used leaves nothing. */
static void out_reserve(void **state)
{
	(void)state;
	for (size_t size = sizeof(struct pv_event); size < 64; size++) {
		struct mem a = {0}, b = {0};
		struct pv_out o, p;
		assert_int_equal(pv_out_init(&o, mem_sink(&a)), 0);
		assert_int_equal(pv_out_init(&p, mem_sink(&b)), 0);
		for (int i = 0; i < 8000; i++) {
			uint8_t *one = pv_out_event(&o, 60, size, SEC);
			memset(one + sizeof(struct pv_event), i, size - sizeof(struct pv_event));
			memset(pv_out_reserve(&p, PV_EVENT_MAX), 0xee, 64);
			uint8_t *two = pv_out_reserve(&p, size + 100);
			memset(two, 0xdd, size + 100);
			memset(two + sizeof(struct pv_event), i, size - sizeof(struct pv_event));
			pv_out_commit(&p, 60, size, SEC);
		}
		assert_int_equal(pv_out_flush(&o), PV_OK);
		assert_int_equal(pv_out_flush(&p), PV_OK);
		assert_int_equal(a.n, b.n);
		assert_memory_equal(a.p, b.p, a.n);
		assert_int_equal(p.events[60], 8000);
		pv_out_free(&o);
		pv_out_free(&p);
		mem_free(&a);
		mem_free(&b);
	}
}

static void out_counts(void **state)
{
	(void)state;
	struct mem m = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	write_script(&o, "< p1 p2 t x >");
	assert_int_equal(o.events[PV_EV_PACKET], 2);
	write_script(&o, "< p1");
	assert_int_equal(o.events[PV_EV_PACKET], 1);
	assert_int_equal(o.events[PV_EV_TICK], 0);
	pv_out_free(&o);
	mem_free(&m);
}

static void out_variable_parts(void **state)
{
	(void)state;
	static char text[70000];
	struct mem m = {0};
	struct pv_out o;
	memset(text, 'x', sizeof text);
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	size_t at = sizeof(struct pv_define);
	struct pv_define *d = pv_out_event(&o, PV_EV_DEFINE, at + sizeof text, SEC);
	struct pv_ref a = pv_ev_put(d, &at, text, 0), b = pv_ev_put(d, &at, text, 65000),
		      c = pv_ev_put(d, &at, text, 65000), e = pv_ev_put(d, &at, text, 1);
	assert_int_equal(a.len, 0);
	assert_int_equal(b.off, sizeof *d);
	assert_int_equal(b.len, 65000);
	assert_int_equal(c.off, 65000 + sizeof *d);
	assert_int_equal(c.off + c.len, 65535); /* references reach no further */
	assert_int_equal(e.len, 0);
	at = 65536;
	assert_int_equal(pv_ev_put(d, &at, text, 5).len, 0);
	pv_out_free(&o);
	mem_free(&m);
}

/* More rows than may be, and none: STOP is a good event either way, and the counts are never what is left
 * out. */
static void stop_is_bounded(void **state)
{
	(void)state;
	static struct pv_ledger_row rows[PV_LEDGER_ROWS_MAX + 100];
	static const size_t n[] = {0, 1, PV_LEDGER_ROWS_MAX - 3, PV_LEDGER_ROWS_MAX,
				   PV_LEDGER_ROWS_MAX + 100};
	for (size_t i = 0; i < sizeof n / sizeof n[0]; i++) {
		struct mem m = {0};
		struct pv_out o;
		size_t have, counts = 0;
		assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
		write_script(&o, "< t t p1");
		pv_stop_emit(&o, SEC, n[i] ? rows : NULL, n[i]);
		pv_out_flush(&o);
		is_whole(&m);
		size_t at = 0;
		while (ev_at(&m, at)->type != PV_EV_STOP)
			at += ev_at(&m, at)->size;
		const struct pv_ledger_row *row = pv_stop_rows((const void *)ev_at(&m, at), &have);
		for (size_t k = 0; k < have; k++)
			counts += row[k].stage == PV_STAGE_STREAM;
		assert_int_equal(counts, 3);
		assert_int_equal(have, n[i] + 3 < PV_LEDGER_ROWS_MAX ? n[i] + 3 : PV_LEDGER_ROWS_MAX);
		pv_out_free(&o);
		mem_free(&m);
	}
}

/* A row for each reason that was met, behind the rows that there are, and never more than there is room for. */
static void ledger_has_reasons(void **state)
{
	(void)state;
	static const uint64_t reasons[] = {9, 0, 3, 0, 7};
	static const struct {
		size_t n, max, want;
	} cases[] = {{0, 8, 2}, {2, 8, 4}, {2, 3, 3}, {2, 2, 2}, {0, 0, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_ledger_row row[8] = {{0}};
		size_t n = pv_ledger_reasons(row, cases[i].n, cases[i].max, reasons, 5);
		assert_int_equal(n, cases[i].want);
		for (size_t k = cases[i].n; k < 8; k++) {
			bool there = k < n, first = k == cases[i].n;
			assert_int_equal(row[k].what, !there ? 0 : PV_LEDGER_REASON + (first ? 2 : 4));
			assert_int_equal(row[k].value, !there ? 0 : first ? 3 : 7);
		}
	}
}

/* ---- the filter ---------------------------------------------------------------------------------- */

/* Runs a script through `n` filters, the options of each by a letter: '-' none, 'o' --only, 'c' --chain, 'b'
 * both. split: hand it over in batches of so many events, 0: at once. */
static void through(const char *script, const char *filters, size_t split, struct mem *m)
{
	struct mem in = {0};
	struct pv_out o;
	struct pv_stage *stage[4];
	size_t n = strlen(filters);
	struct pv_sink sink = mem_sink(m);
	for (size_t i = n; i--;) {
		struct pv_filter_conf conf = {.only = filters[i] == 'o' || filters[i] == 'b',
					      .chain = filters[i] == 'c' || filters[i] == 'b'};
		stage[i] = fake_new(&conf, sink, NULL);
		sink = pv_sink_stage(stage[i]);
	}
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	write_script(&o, script);
	pv_out_flush(&o);
	pv_out_free(&o);
	for (size_t at = 0; at < in.n;) {
		size_t from = at;
		for (size_t k = 0; at < in.n && (!split || k < split); k++)
			at += ev_at(&in, at)->size;
		stage[0]->ops->batch(stage[0], ev_at(&in, from), at - from);
		assert_int_equal(pv_out_drain(&stage[0]->out), PV_OK);
		memset(in.p + from, 0xee, at - from); /* a batch is borrowed: nobody may look back */
	}
	for (size_t i = 0; i < n; i++) {
		stage[i]->ops->end(stage[i], true);
		assert_int_equal(pv_out_drain(&stage[i]->out), PV_OK);
	}
	for (size_t i = 0; i < n; i++)
		pv_stage_free(stage[i]);
	mem_free(&in);
}

static void filter_order(void **state)
{
	(void)state;
	static const struct {
		const char *script, *filters, *out;
	} cases[] = {
	    /* nothing happens: it announces itself all the same, and says its last word */
	    {"< >", "-", "< a1:fake e >"},
	    {"< a0 >", "-", "< a0:src a1:fake e >"},
	    {"< a0 d >", "-", "< a0:src d a1:fake e >"},
	    /* announced before the first event; own events right behind their cause */
	    {"< a0 p10 p1 p2 p3 >", "-", "< a0:src a1:fake p10 p1 n1.1 p2 n2.1 n2.1 p3 d n3.1 e >"},
	    {"< a0 t p1 t >", "-", "< a0:src a1:fake t p1 n1.1 t e >"},
	    {"< a0 x p1 >", "-", "< a0:src a1:fake x p1 n1.1 e >"},
	    {"< a7 p1 >", "-", "< a7:src a8:fake p1 n1.8 e >"},
	    {"< a253 p1 >", "-", "< a253:src a254:fake p1 n1.254 e >"},
	    {"< a254 p1 >", "-",
	     "< a254:src a254:fake p1 n1.254 e >"}, /* numbers are out: the last is used again */
	    /* rejected: stays, but for --chain */
	    {"< p4 p5 p1 >", "-", "< a1:fake p4 n4.1! p5 p1 n1.1 e >"},
	    {"< p4 p5 p1 >", "c", "< a1:fake n4.1! n1.1 p1 e >"},
	    {"< p5 p16 p0 p11 >", "c", "< a1:fake m16 p0 n11.1 p11 e >"},
	    {"< p5 p16 p0 p11 >", "-", "< a1:fake p5 p16 p0 p11 n11.1 e >"},
	    /* --only: no packets, not even messages of its own making, everything else */
	    {"< a0 p1 t d x p4 p2 >", "o", "< a0:src a1:fake n1.1 t d x n4.1! n2.1 n2.1 e >"},
	    {"< p4 p1 >", "b", "< a1:fake n4.1! n1.1 e >"},
	    /* several in a row: numbers follow, the second sees what the first left, its events behind those */
	    {"< a0 p1 >", "--", "< a0:src a1:fake a2:fake p1 n1.2 n1.1 e e >"},
	    {"< a0 p1 >", "---", "< a0:src a1:fake a2:fake a3:fake p1 n1.3 n1.2 n1.1 e e e >"},
	    {"< >", "---", "< a1:fake a2:fake a3:fake e e e >"},
	    {"< p4 p1 >", "c-", "< a1:fake a2:fake n4.1! n1.1 p1 n1.2 e e >"},
	    {"< p6 p1 >", "c-", "< a1:fake a2:fake m6 n6.2 n1.1 p1 n1.2 e e >"},
	    {"< p1 p4 >", "-o", "< a1:fake a2:fake n1.2 n1.1 n4.2! n4.1! e e >"},
	    {"< p1 >", "o-", "< a1:fake a2:fake n1.1 e e >"},
	    /* streams one behind the other start afresh */
	    {"< a0 p1 > < a3 p2 >", "-", "< a0:src a1:fake p1 n1.1 e > < a3:src a4:fake p2 n2.4 n2.4 e >"},
	    {"< > < > < p1 >", "--",
	     "< a1:fake a2:fake e e > < a1:fake a2:fake e e > < a1:fake a2:fake p1 n1.2 n1.1 e e >"},
	    /* behind STATS each says what it has counted so far */
	    {"< s p1 s >", "-", "< a1:fake s l1:0 p1 n1.1 s l1:1 e >"},
	    {"< a0 p1 p4 s p1 >", "c-", "< a0:src a1:fake a2:fake n1.1 p1 n1.2 n4.1! s l2:1 l1:2 n1.1 p1 n1.2 e e >"},
	    {"< p1 s >", "o", "< a1:fake n1.1 s l1:1 e >"},
	    /* larger than a batch can hold */
	    {"< p7 p17 p27 p37 p1 >", "-", "< a1:fake p7 x p17 x p27 x p37 x p1 n1.1 e >"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t split = 0; split < 4; split++) {
			struct mem m = {0};
			char out[4096];
			through(cases[i].script, cases[i].filters, split, &m);
			read_script(&m, out, sizeof out);
			if (strcmp(out, cases[i].out))
				fail_msg("'%s' through '%s' in batches of %zu: '%s', not '%s'",
					 cases[i].script, cases[i].filters, split, out, cases[i].out);
			is_whole(&m);
			mem_free(&m);
		}
}

static uint64_t row_value(const struct mem *m, unsigned stage, unsigned what, unsigned *found)
{
	uint64_t sum = 0;
	size_t at = 0, n;
	while (ev_at(m, at)->type != PV_EV_STOP)
		at += ev_at(m, at)->size;
	const struct pv_ledger_row *row = pv_stop_rows((const void *)ev_at(m, at), &n);
	for (size_t i = 0; i < n; i++)
		if (row[i].stage == stage && row[i].what == what) {
			sum += row[i].value;
			*found += 1;
		}
	return sum;
}

/* Rows of those before stay as they were; each stage adds its own under its number; the stream's counts are
 * of what leaves the last one. */
static void filter_ledger(void **state)
{
	(void)state;
	struct mem m = {0};
	unsigned found = 0;
	through("< a0 p1 p2 p4 p4 p5 t >", "co", 0, &m);
	static const struct {
		unsigned stage, what;
		uint64_t value;
	} rows[] = {
	    {0, PV_LEDGER_RECEIVED, 6},	       {1, PV_LEDGER_RECEIVED, 5},
	    {1, PV_LEDGER_ANALYSED, 2},	       {1, PV_LEDGER_FILTERED, 3},
	    {2, PV_LEDGER_RECEIVED, 2},	       {2, PV_LEDGER_ANALYSED, 2},
	    {2, PV_LEDGER_FILTERED, 0},	       {PV_STAGE_STREAM, PV_EV_START, 1},
	    {PV_STAGE_STREAM, PV_EV_STAGE, 3}, {PV_STAGE_STREAM, PV_EV_TICK, 1},
	    {PV_STAGE_STREAM, PV_EV_NET, 8},   {PV_STAGE_STREAM, PV_EV_TCP_ERROR, 2},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned before = found;
		assert_int_equal(row_value(&m, rows[i].stage, rows[i].what, &found), rows[i].value);
		assert_int_equal(found, before + 1);
	}
	row_value(&m, PV_STAGE_STREAM, PV_EV_PACKET, &found);
	assert_int_equal(found, sizeof rows / sizeof rows[0]); /* no packet went out: no row */
	mem_free(&m);
}

/* A hostile STOP with as many rows as an event can hold. */
static void filter_takes_full_ledgers(void **state)
{
	(void)state;
	struct mem in = {0}, m = {0};
	struct pv_out o;
	const size_t n = 6000;
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	write_script(&o, "< p1");
	struct pv_stop *stop =
	    pv_out_event(&o, PV_EV_STOP, sizeof *stop + n * sizeof(struct pv_ledger_row), SEC);
	stop->rows.off = sizeof *stop;
	stop->rows.len = (uint32_t)(n * sizeof(struct pv_ledger_row));
	pv_out_flush(&o);
	pv_out_free(&o);
	is_whole(&in);
	struct pv_filter_conf conf = {NULL, NULL, false, false};
	struct pv_stage *s = fake_new(&conf, mem_sink(&m), NULL);
	s->ops->batch(s, ev_at(&in, 0), in.n);
	pv_out_flush(&s->out);
	pv_stage_free(s);
	is_whole(&m);
	mem_free(&in);
	mem_free(&m);
}

static void filter_cut_and_end(void **state)
{
	(void)state;
	static const struct {
		const char *script;
		bool cut;
		const char *out;
	} cases[] = {
	    {"< p1", true, "< a1:fake p1 n1.1 e"},    /* no STOP: those behind us must see that it was cut */
	    {"< p1", false, "< a1:fake p1 n1.1 e >"}, /* told to end: a whole stream */
	    {"<", true, "<"},
	    {"<", false, "< a1:fake e >"},
	    {"< p1 >", true, "< a1:fake p1 n1.1 e >"},
	    {"< p1 >", false, "< a1:fake p1 n1.1 e >"},
	    {"", true, ""},
	    {"", false, ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mem in = {0}, m = {0};
		struct pv_out o;
		char out[256];
		struct pv_filter_conf conf = {NULL, NULL, false, false};
		struct pv_stage *s = fake_new(&conf, mem_sink(&m), NULL);
		assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
		write_script(&o, cases[i].script);
		pv_out_flush(&o);
		pv_out_free(&o);
		if (in.n)
			s->ops->batch(s, ev_at(&in, 0), in.n);
		pv_out_flush(&s->out);
		s->ops->end(s, cases[i].cut);
		s->ops->end(s, cases[i].cut); /* once is enough */
		pv_out_flush(&s->out);
		read_script(&m, out, sizeof out);
		assert_string_equal(out, cases[i].out);
		pv_stage_free(s);
		mem_free(&in);
		mem_free(&m);
	}
}

static void filter_tells_the_analyser(void **state)
{
	(void)state;
	struct mem in = {0}, m = {0};
	struct pv_out o;
	struct fake *f;
	static char longest[100000];
	memset(longest, 'f', sizeof longest - 1);
	struct pv_filter_conf conf = {.name = "mine", .filters = longest};
	struct pv_stage *s = fake_new(&conf, mem_sink(&m), &f);
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	ev_start(&o, SEC, PV_CLOCK_LIVE, 77, 2);
	ev_any(&o, PV_EV_TICK, 3 * SEC);
	ev_packet(&o, 2 * SEC, 1, NULL, 0);
	ev_stop(&o, 2 * SEC);
	pv_out_flush(&o);
	s->ops->batch(s, ev_at(&in, 0), in.n);
	pv_out_flush(&s->out);
	assert_int_equal(f->stream.stream_id, 77);
	assert_int_equal(f->stream.clock, PV_CLOCK_LIVE);
	assert_false(f->stream.hosts_empty);
	assert_int_equal(f->stream.stage, 1);
	assert_int_equal(f->times, 1);
	assert_int_equal(f->last_time, 3 * SEC);
	assert_int_equal(f->starts, 1);
	assert_int_equal(f->ends, 1);
	const struct pv_stage_event *stage = (const void *)ev_at(&m, ev_at(&m, 0)->size);
	assert_int_equal(stage->ev.type, PV_EV_STAGE);
	assert_int_equal(stage->name.len, 4);
	assert_memory_equal(pv_ref_bytes(&stage->ev, stage->name), "mine", 4);
	assert_int_equal(stage->filters.len, 32768); /* more is of no use to anybody, and would not fit */
	is_whole(&m);
	pv_stage_free(s);
	pv_out_free(&o);
	mem_free(&in);
	mem_free(&m);

	/* and an analyser may have next to nothing */
	s = pv_filter_new(&silent_ops, calloc(1, 8), &(struct pv_filter_conf){.name = NULL}, mem_sink(&m));
	assert_non_null(s);
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	write_script(&o, "< a0 p1 t >");
	pv_out_flush(&o);
	s->ops->batch(s, ev_at(&in, 0), in.n);
	pv_out_flush(&s->out);
	char out[128];
	read_script(&m, out, sizeof out);
	assert_string_equal(out, "< a0:src a1:silent p1 t >");
	pv_stage_free(s);
	pv_out_free(&o);
	mem_free(&in);
	mem_free(&m);
	assert_null(pv_filter_new(&silent_ops, NULL, &(struct pv_filter_conf){.name = NULL}, mem_sink(&m)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(out_keeps_order),
		cmocka_unit_test(out_references),
		cmocka_unit_test(out_fills_and_fails),
		cmocka_unit_test(out_counts),
		cmocka_unit_test(out_reserve),
		cmocka_unit_test(out_variable_parts),
		cmocka_unit_test(stop_is_bounded),
		cmocka_unit_test(ledger_has_reasons),
		cmocka_unit_test(filter_order),
		cmocka_unit_test(filter_ledger),
		cmocka_unit_test(filter_takes_full_ledgers),
		cmocka_unit_test(filter_cut_and_end),
		cmocka_unit_test(filter_tells_the_analyser),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("stage", tests, NULL, NULL);
}
