/* SPDX-License-Identifier: MPL-2.0 */
/* dns/xact.h: every way a transaction can end, the bound, and a long random run against a plain model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/xact.h"

#define MS  UINT64_C(1000000)
#define TTL (5000 * MS)
#define T0  (UINT64_C(1600000000) * 1000 * MS)

/* What the table said about queries that went. */
struct log {
	unsigned expired, evicted;
	struct pv_dns_query last;
	char name[PV_DNS_NAME_TEXT_MAX + 1];
};

static void gone(void *ctx, enum pv_xact why, const struct pv_dns_query *q)
{
	struct log *log = ctx;
	if (why == PV_XACT_EXPIRED)
		log->expired++;
	else if (why == PV_XACT_EVICTED)
		log->evicted++;
	else
		fail();
	log->last = *q;
	memcpy(log->name, q->name, q->name_len);
	log->name[q->name_len] = '\0';
}

static struct pv_dns_query query(unsigned client, uint16_t id, const char *name, uint64_t time_ns)
{
	struct pv_dns_query q;
	memset(&q, 0, sizeof q);
	memset(q.src, 9, 12);
	memcpy(q.src + 12, &client, 4);
	memset(q.dst, 5, 16);
	q.sport = 4242;
	q.dport = 53;
	q.id = id;
	q.l3 = 6;
	q.transport = PV_TR_UDP;
	q.dir = PV_DIR_OUT;
	q.stamp = 77;
	q.opcode = 4;
	q.bits = PV_DNS_QUESTION | PV_DNS_CD;
	q.suffix_len = 3;
	q.qtype = 28;
	q.qclass = 1;
	q.length = 40;
	q.time_ns = time_ns;
	q.packet = 99;
	q.name = name;
	q.name_len = (uint16_t)strlen(name);
	for (const char *c = name; *c; c++)
		q.upper |= *c >= 'A' && *c <= 'Z';
	return q;
}

static struct pv_dns_query response(const struct pv_dns_query *q)
{
	struct pv_dns_query r;
	memset(&r, 0, sizeof r);
	memcpy(r.src, q->dst, 16);
	memcpy(r.dst, q->src, 16);
	r.sport = q->dport;
	r.dport = q->sport;
	r.id = q->id;
	r.l3 = q->l3;
	r.transport = q->transport;
	return r;
}

static char name_buf[PV_DNS_NAME_TEXT_MAX + 1];

static enum pv_xact answer(struct pv_dns_xacts *x, const struct pv_dns_query *q, uint64_t now_ns,
			   struct pv_dns_query *found)
{
	*found = response(q);
	return pv_dns_xacts_response(x, found, now_ns, name_buf);
}

static void facts_come_back(void **state)
{
	struct pv_dns_xacts *x = pv_dns_xacts_new(TTL, 1, 64);
	struct log log = {0};
	(void)state;
	for (size_t n = 0; n <= PV_DNS_NAME_TEXT_MAX; n += n < 200 ? 1 : 101)
		for (int subnet = 0; subnet <= 6; subnet += subnet ? 2 : 4) {
			char name[PV_DNS_NAME_TEXT_MAX + 1];
			for (size_t i = 0; i < n; i++)
				name[i] = (char)("aB.c"[i % 4]);
			name[n] = '\0';
			struct pv_dns_query q = query(1, 7, name, T0), f;
			q.filtered = n & 1;
			q.ecs.family = (uint8_t)subnet;
			if (subnet) {
				memset(q.ecs.addr, subnet, 16);
				q.ecs.source_prefix = 24;
				q.ecs.scope_prefix = 16;
			}
			assert_true(pv_dns_xacts_query(x, &q, gone, &log));
			assert_int_equal(answer(x, &q, T0 + 3 * MS, &f), PV_XACT_MATCHED);
			assert_string_equal(f.name, name);
			q.name = f.name; /* compared */
			assert_memory_equal(&f, &q, sizeof f);
			assert_int_equal(pv_dns_xacts_open(x), 0);
		}
	assert_int_equal(log.expired + log.evicted, 0);
	pv_dns_xacts_free(x);
}

static void keys(void **state)
{
	struct pv_dns_xacts *x = pv_dns_xacts_new(TTL, 1, 0);
	struct pv_dns_query base = query(1, 7, "a.b", T0), f, other;
	(void)state;
	pv_dns_xacts_query(x, &base, NULL, NULL);
#define DIFFERS(change)                                                              \
	do {                                                                         \
		other = base;                                                        \
		change;                                                              \
		assert_int_equal(answer(x, &other, T0, &f), PV_XACT_ORPHAN);         \
	} while (0)
	DIFFERS(other.id++);
	DIFFERS(other.sport++);
	DIFFERS(other.dport++);
	DIFFERS(other.src[15]++);
	DIFFERS(other.dst[0]++);
	DIFFERS(other.transport = PV_TR_TCP);
	DIFFERS(other.l3 = 4);
#undef DIFFERS
	/* ports must not change ends */
	other = base;
	other.sport = base.dport;
	other.dport = base.sport;
	assert_int_equal(answer(x, &other, T0, &f), PV_XACT_ORPHAN);
	assert_int_equal(answer(x, &base, T0, &f), PV_XACT_MATCHED);
	assert_int_equal(answer(x, &base, T0, &f), PV_XACT_ORPHAN); /* once */

	/* one address at both ends */
	struct pv_dns_query loop = query(1, 7, "a.b", T0);
	memcpy(loop.dst, loop.src, 16);
	pv_dns_xacts_query(x, &loop, NULL, NULL);
	assert_int_equal(answer(x, &loop, T0, &f), PV_XACT_MATCHED);
	assert_int_equal(f.sport, 4242);
	assert_int_equal(f.dport, 53);
	pv_dns_xacts_free(x);
}

static void ages(void **state)
{
	static const struct {
		const char *name;
		int64_t after;
		enum pv_xact want;
	} rows[] = {
		{"at once", 0, PV_XACT_MATCHED},
		{"before its query", -3, PV_XACT_MATCHED},
		{"1 ns left", (int64_t)TTL - 1, PV_XACT_MATCHED},
		{"exactly the TTL", (int64_t)TTL, PV_XACT_LATE},
		{"much later", (int64_t)TTL * 100, PV_XACT_LATE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pv_dns_xacts *x = pv_dns_xacts_new(TTL, 1, 64);
		struct pv_dns_query q = query(1, 7, "a.b", T0), f;
		print_message("    %s\n", rows[i].name);
		pv_dns_xacts_query(x, &q, NULL, NULL);
		assert_int_equal(answer(x, &q, T0 + (uint64_t)rows[i].after, &f), rows[i].want);
		assert_int_equal(f.time_ns, T0);
		pv_dns_xacts_free(x);
	}
}

static void expiry(void **state)
{
	struct pv_dns_xacts *x = pv_dns_xacts_new(250 * MS, 1, 0); /* below a second, to the ns */
	struct log log = {0};
	struct pv_dns_query f;
	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		struct pv_dns_query q =
		    query(i, 7, "Www.Long.Enough.To.Need.Another.Slot.example.com", T0 + i * MS);
		pv_dns_xacts_query(x, &q, gone, &log);
	}
	assert_int_equal(pv_dns_xacts_expire(x, T0 + 250 * MS - 1, 100, gone, &log), 0);
	assert_int_equal(pv_dns_xacts_expire(x, T0 + 250 * MS, 100, gone, &log), 1);
	assert_int_equal(log.last.src[12], 0);
	assert_int_equal(log.last.time_ns, T0);
	assert_string_equal(log.name, "Www.Long.Enough.To.Need.Another.Slot.example.com");
	assert_int_equal(pv_dns_xacts_expire(x, T0 + 10000 * MS, 4, gone, &log),
			 4); /* bounded, oldest first */
	assert_int_equal(log.last.src[12], 4);
	assert_int_equal(pv_dns_xacts_open(x), 5);
	/* time that goes back a little reopens nothing */
	assert_int_equal(pv_dns_xacts_expire(x, T0, 1, gone, &log), 1);
	assert_int_equal(pv_dns_xacts_expire(x, T0 + 10000 * MS, 100, gone, &log), 4);
	assert_int_equal(log.expired, 10);
	assert_int_equal(log.evicted, 0);
	struct pv_dns_query q = query(3, 7, "x", 0);
	assert_int_equal(answer(x, &q, T0 + 10000 * MS, &f), PV_XACT_ORPHAN);
	pv_dns_xacts_free(x);
}

static void again(void **state)
{
	struct pv_dns_xacts *x = pv_dns_xacts_new(TTL, 1, 64);
	struct log log = {0};
	struct pv_dns_query q = query(1, 7, "a.b", T0), f;
	(void)state;
	assert_true(pv_dns_xacts_query(x, &q, gone, &log));

	/* a retransmission, other letters: the first one's time stays */
	struct pv_dns_query r = query(1, 7, "A.b", T0 + 1000 * MS);
	r.packet = 100;
	assert_false(pv_dns_xacts_query(x, &r, gone, &log));
	assert_int_equal(pv_dns_xacts_open(x), 1);
	assert_int_equal(answer(x, &q, T0 + 1500 * MS, &f), PV_XACT_MATCHED);
	assert_int_equal(f.time_ns, T0);
	assert_int_equal(f.packet, 99);
	assert_string_equal(f.name, "a.b");

	/* another name, type or class: the old one goes */
	pv_dns_xacts_query(x, &q, gone, &log);
	r = query(1, 7, "a.c", T0 + 1 * MS);
	assert_true(pv_dns_xacts_query(x, &r, gone, &log));
	r.qtype = 1;
	assert_true(pv_dns_xacts_query(x, &r, gone, &log));
	r.qclass = 3;
	assert_true(pv_dns_xacts_query(x, &r, gone, &log));
	assert_int_equal(log.evicted, 3);
	assert_int_equal(pv_dns_xacts_evicted(x), 3);
	assert_int_equal(pv_dns_xacts_open(x), 1);
	assert_int_equal(answer(x, &r, T0 + 2 * MS, &f), PV_XACT_MATCHED);
	assert_int_equal(f.qclass, 3);

	/* the same after the TTL, not yet collected: one expired, one new */
	pv_dns_xacts_query(x, &q, gone, &log);
	r = query(1, 7, "a.b", T0 + TTL);
	assert_true(pv_dns_xacts_query(x, &r, gone, &log));
	assert_int_equal(log.expired, 1);
	assert_int_equal(answer(x, &r, T0 + TTL + 1, &f), PV_XACT_MATCHED);
	assert_int_equal(f.time_ns, T0 + TTL);
	pv_dns_xacts_free(x);
}

static void full(void **state)
{
	struct pv_dns_xacts *x = pv_dns_xacts_new(TTL, 1, 64);
	struct log log = {0};
	char longest[PV_DNS_NAME_TEXT_MAX + 1];
	struct pv_dns_query f;
	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		struct pv_dns_query q = query(i, 7, "abcdefghijklmnopqrstuvwxyzabcdefgh", T0 + i);
		pv_dns_xacts_query(x, &q, gone, &log);
	}
	assert_int_equal(pv_dns_xacts_open(x), 64);
	assert_int_equal(log.evicted, 0);
	struct pv_dns_query q = query(64, 7, "x", T0 + 64);
	pv_dns_xacts_query(x, &q, gone, &log);
	assert_int_equal(log.evicted, 1);
	assert_int_equal(log.last.src[12], 0); /* the oldest */

	memset(longest, 'n', PV_DNS_NAME_TEXT_MAX);
	longest[PV_DNS_NAME_TEXT_MAX] = '\0';
	q = query(65, 7, longest, T0 + 65);
	q.ecs.family = 6;
	pv_dns_xacts_query(x, &q, gone, &log); /* 1 + 9 slots: 34 + 8 * 124 + 2 bytes */
	assert_int_equal(log.evicted, 11);
	assert_int_equal(pv_dns_xacts_open(x), 55);
	assert_int_equal(answer(x, &q, T0 + 66, &f), PV_XACT_MATCHED);
	assert_string_equal(f.name, longest);

	/* what is due when its room is needed has expired */
	for (unsigned i = 100; i < 110; i++) {
		q = query(i, 7, "x", T0 + TTL + 64);
		pv_dns_xacts_query(x, &q, gone, &log);
	}
	assert_int_equal(log.expired, 0);
	q = query(111, 7, "x", T0 + TTL + 64);
	pv_dns_xacts_query(x, &q, gone, &log);
	assert_int_equal(log.expired, 1);

	pv_dns_xacts_clear(x);
	assert_int_equal(pv_dns_xacts_open(x), 0);
	assert_int_equal(pv_dns_xacts_evicted(x), 0);
	assert_int_equal(answer(x, &q, T0, &f), PV_XACT_ORPHAN);
	pv_dns_xacts_free(x);
}

static void time_steps_back(void **state)
{
	struct pv_dns_xacts *x = pv_dns_xacts_new(TTL, 1, 64);
	struct log log = {0};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct pv_dns_query q = query(i, 7, "a", T0);
		pv_dns_xacts_query(x, &q, gone, &log);
	}
	assert_int_equal(pv_dns_xacts_expire(x, T0 - PV_DNS_XACT_STEP_NS, 1, gone, &log), 0);
	assert_int_equal(pv_dns_xacts_expire(x, T0 - PV_DNS_XACT_STEP_NS - 1, 1, gone, &log), 3);
	assert_int_equal(log.evicted, 3);
	struct pv_dns_query q = query(1, 7, "a", T0 - 2 * PV_DNS_XACT_STEP_NS);
	pv_dns_xacts_query(x, &q, gone, &log); /* time is there already */
	assert_int_equal(pv_dns_xacts_open(x), 1);
	q = query(2, 7, "a", T0 - 4 * PV_DNS_XACT_STEP_NS);
	pv_dns_xacts_query(x, &q, gone, &log); /* a step that only the query tells */
	assert_int_equal(pv_dns_xacts_open(x), 1);
	assert_int_equal(log.evicted, 4);
	/* and the table goes on in the new time */
	assert_int_equal(pv_dns_xacts_expire(x, q.time_ns + TTL, 10, gone, &log), 1);
	assert_int_equal(log.expired, 1);
	pv_dns_xacts_free(x);
}

/* Random queries, responses and time against an array that knows what must happen. */
static uint64_t rng(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

#define KEYS 24

struct model {
	struct {
		bool open;
		uint64_t time_ns, order;
		char name[300];
	} key[KEYS];
	unsigned asking; /* the key at hand */
	uint64_t now_ns;
	uint64_t expired, evicted;
};

static void model_gone(void *ctx, enum pv_xact why, const struct pv_dns_query *q)
{
	struct model *m = ctx;
	unsigned k = q->id;
	assert_true(m->key[k].open);
	assert_int_equal(q->time_ns, m->key[k].time_ns);
	assert_int_equal(q->name_len, strlen(m->key[k].name));
	assert_memory_equal(q->name, m->key[k].name, q->name_len);
	assert_int_equal(why, m->now_ns - q->time_ns >= 100 ? PV_XACT_EXPIRED : PV_XACT_EVICTED);
	if (k != m->asking) /* else another question may have taken its place */
		for (unsigned i = 0; i < KEYS; i++)
			assert_true(!m->key[i].open || m->key[i].order >= m->key[k].order);
	m->key[k].open = false;
	m->expired += why == PV_XACT_EXPIRED;
	m->evicted += why == PV_XACT_EVICTED;
}

static void model(void **state)
{
	struct pv_dns_xacts *x = pv_dns_xacts_new(100, 12345, PV_DNS_XACT_SLOTS_MIN);
	struct model *m = calloc(1, sizeof *m);
	uint64_t seed = 42, opened = 0, matched = 0;
	(void)state;
	m->now_ns = T0;
	for (uint64_t step = 0; step < 200000; step++) {
		unsigned k = (unsigned)(rng(&seed) % KEYS);
		char name[300];
		size_t n = rng(&seed) % 8 ? rng(&seed) % 3 : rng(&seed) % 299;
		memset(name, 'a' + (int)(rng(&seed) % 2), n);
		name[n] = '\0';
		struct pv_dns_query q = query(k, (uint16_t)k, name, m->now_ns), f;
		m->asking = k;
		switch (rng(&seed) % 4) {
		case 0:
		case 1: {
			bool was = m->key[k].open && m->now_ns - m->key[k].time_ns < 100 &&
				   !strcmp(m->key[k].name, name);
			assert_int_equal(pv_dns_xacts_query(x, &q, model_gone, m), !was);
			opened += !was;
			if (!was) {
				m->key[k].open = true;
				m->key[k].time_ns = m->now_ns;
				m->key[k].order = step;
				memcpy(m->key[k].name, name, n + 1);
			}
			break;
		}
		case 2: {
			enum pv_xact got = answer(x, &q, m->now_ns, &f);
			bool late = m->now_ns - m->key[k].time_ns >= 100;
			assert_int_equal(got, !m->key[k].open ? PV_XACT_ORPHAN
					      : late	      ? PV_XACT_LATE
							      : PV_XACT_MATCHED);
			if (got == PV_XACT_ORPHAN)
				break;
			assert_string_equal(f.name, m->key[k].name);
			assert_int_equal(f.time_ns, m->key[k].time_ns);
			m->key[k].open = false;
			matched++;
			break;
		}
		default:
			m->now_ns += rng(&seed) % 40;
			m->asking = KEYS;
			pv_dns_xacts_expire(x, m->now_ns, 3, model_gone, m);
			break;
		}
		assert_int_equal(opened, matched + m->expired + m->evicted + pv_dns_xacts_open(x));
	}
	assert_true(matched > 1000 && m->expired > 1000 && m->evicted > 1000);
	assert_int_equal(m->evicted, pv_dns_xacts_evicted(x));
	pv_dns_xacts_free(x);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_come_back), cmocka_unit_test(keys), cmocka_unit_test(ages),
		cmocka_unit_test(expiry),          cmocka_unit_test(again), cmocka_unit_test(full),
		cmocka_unit_test(time_steps_back), cmocka_unit_test(model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
