/* SPDX-License-Identifier: MPL-2.0 */
/* The predicate of net, and the analyser that uses it, run as a stage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event/check.h"
#include "net/analyser.h"
#include "net/filter.h"
#include "net/view.h"
#include "stage/stop.h"
#include "tiny_mmdb.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- keys ------------------------------------------------------------------------------------------- */

static const struct pv_key *key(const char *name)
{
	for (size_t i = 0; i < PV_NET_KEYS; i++)
		if (!strcmp(pv_net_keys[i].name, name))
			return &pv_net_keys[i];
	fail_msg("no key %s", name);
	return NULL;
}

/* `text`: "true", "false", or words separated by commas; "-" is the empty list. */
static int set(struct pv_net_filter *f, const char *name, const char *text, char *err, size_t cap)
{
	const struct pv_key *k = key(name);
	struct pv_value v = {.type = k->type};
	const char *list[16];
	char copy[256], *save = NULL;

	if (k->type == PV_KEY_BOOL) {
		v.boolean = !strcmp(text, "true");
	} else {
		snprintf(copy, sizeof(copy), "%s", strcmp(text, "-") ? text : "");
		for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save))
			list[v.count++] = w;
		v.list = list;
	}
	return pv_net_filter_set(f, k, &v, err, cap);
}

static void test_key_order(void **state)
{
	static const char *const order[] = {"geoloc_notfound", "asn_notfound", "only_geoloc_prefix",
					    "only_asn_number", "recorded_stream"};

	(void)state;
	assert_int_equal(LEN(order), PV_NET_KEYS);
	for (size_t i = 0; i < PV_NET_KEYS; i++) {
		assert_string_equal(pv_net_keys[i].name, order[i]);
		assert_non_null(pv_net_keys[i].help);
		assert_true((pv_net_keys[i].type == PV_KEY_BOOL) == (pv_net_keys[i].arg == NULL));
	}
}

static void test_errors(void **state)
{
	static const struct {
		const char *name, *key, *value, *error;
	} row[] = {
#define ASN_ERROR "NetStreamHandler: only_asn_number filter contained an invalid/unsupported value: "
	    {"name behind the number", "only_asn_number", "16509/Amazon", ASN_ERROR "16509/Amazon"},
	    {"one bad of three", "only_asn_number", "1,x2,3", ASN_ERROR "x2"},
	    {"negative", "only_asn_number", "-1", ASN_ERROR "-1"},
	    {"more than 32 bits", "only_asn_number", "4294967296", ASN_ERROR "4294967296"},
	    {"far more", "only_asn_number", "99999999999999999999999", ASN_ERROR "99999999999999999999999"},
	    {"largest", "only_asn_number", "4294967295", NULL},
	    {"several", "only_asn_number", "16509,22131", NULL},
	    {"place", "only_geoloc_prefix", "NA/United States", NULL},
	};
	struct pv_net_filter f;
	char err[128];

	(void)state;
	pv_net_filter_init(&f);
	for (size_t i = 0; i < LEN(row); i++) {
		err[0] = '\0';
		int rc = set(&f, row[i].key, row[i].value, err, sizeof(err));
		if (rc != (row[i].error ? -1 : 0) || strcmp(err, row[i].error ? row[i].error : ""))
			fail_msg("%s: %d '%s'", row[i].name, rc, err);
	}
	/* A value of another type, for every key. */
	for (size_t i = 0; i < PV_NET_KEYS; i++) {
		struct pv_value v = {.type = PV_KEY_STRING, .string = "1"};
		char want[64];
		snprintf(want, sizeof(want), "wrong type for key: %s", pv_net_keys[i].name);
		assert_int_equal(pv_net_filter_set(&f, &pv_net_keys[i], &v, err, sizeof(err)), -1);
		assert_string_equal(err, want);
	}
	/* Longer than any list may be. */
	const char **list = calloc(PV_LIST_MAX + 1, sizeof(*list));
	assert_non_null(list);
	for (size_t i = 0; i <= PV_LIST_MAX; i++)
		list[i] = "1";
	struct pv_value v = {.type = PV_KEY_LIST, .list = list, .count = PV_LIST_MAX};
	assert_int_equal(pv_net_filter_set(&f, key("only_asn_number"), &v, err, sizeof(err)), 0);
	v.count++;
	assert_int_equal(pv_net_filter_set(&f, key("only_asn_number"), &v, err, sizeof(err)), -1);
	assert_string_equal(err, "only_asn_number: more than 1024 entries");
	assert_int_equal(f.nasn, PV_LIST_MAX); /* a refused value changes nothing */
	free(list);
	pv_net_filter_free(&f);
}

static void test_recorded(void **state)
{
	struct pv_net_filter f;
	char err[64];

	(void)state;
	pv_net_filter_init(&f);
	assert_int_equal(f.recorded_stream, PV_NET_RECORDED_UNSET);
	assert_int_equal(set(&f, "recorded_stream", "true", err, sizeof(err)), 0);
	assert_int_equal(f.recorded_stream, PV_NET_RECORDED_YES);
	assert_int_equal(set(&f, "recorded_stream", "false", err, sizeof(err)), 0);
	assert_int_equal(f.recorded_stream, PV_NET_RECORDED_NO);
	assert_false(pv_net_filter_on(&f));
	pv_net_filter_free(&f);
}

/* ---- decisions -------------------------------------------------------------------------------------- */

struct setting {
	const char *key, *value;
};

#define US "NA/United States/WA/Milton\t47.251300\t-122.314900"

static const struct {
	const char *name;
	struct setting set[3];
	uint8_t dir;
	const char *geo, *asn;
	bool accepted;
} decisions[] = {
    {"nothing set", {{0}}, PV_DIR_UNKNOWN, NULL, NULL, true},
    {"switched off again",
     {{"geoloc_notfound", "true"}, {"geoloc_notfound", "false"}},
     PV_DIR_UNKNOWN,
     NULL,
     NULL,
     true},
    {"prefix of a place", {{"only_geoloc_prefix", "NA/United States"}}, PV_DIR_IN, US, NULL, true},
    {"second of two", {{"only_geoloc_prefix", "EU,NA/United"}}, PV_DIR_OUT, US, NULL, true},
    {"the whole place", {{"only_geoloc_prefix", "NA/United States/WA/Milton"}}, PV_DIR_IN, US, NULL, true},
    {"longer than the place",
     {{"only_geoloc_prefix", "NA/United States/WA/Milton\t47"}},
     PV_DIR_IN,
     US,
     NULL,
     false},
    {"other place", {{"only_geoloc_prefix", "NA/Canada"}}, PV_DIR_IN, US, NULL, false},
    {"in the middle", {{"only_geoloc_prefix", "United"}}, PV_DIR_IN, US, NULL, false},
    {"direction unknown", {{"only_geoloc_prefix", "NA"}}, PV_DIR_UNKNOWN, US, NULL, false},
    {"no database", {{"only_geoloc_prefix", "NA"}}, PV_DIR_IN, NULL, "1/x", false},
    {"empty list", {{"only_geoloc_prefix", "-"}}, PV_DIR_IN, US, NULL, false},
    {"not found, wanted", {{"geoloc_notfound", "true"}}, PV_DIR_IN, "Unknown", NULL, true},
    {"not found, not wanted", {{"only_geoloc_prefix", "NA"}}, PV_DIR_IN, "Unknown", NULL, false},
    {"not found or prefix",
     {{"geoloc_notfound", "true"}, {"only_geoloc_prefix", "NA"}},
     PV_DIR_IN,
     US,
     NULL,
     true},
    {"found, only not found wanted", {{"geoloc_notfound", "true"}}, PV_DIR_IN, US, NULL, false},
    {"empty text is a place", {{"geoloc_notfound", "true"}}, PV_DIR_IN, "", NULL, false},
    {"number", {{"only_asn_number", "237,1221"}}, PV_DIR_IN, NULL, "1221/Telstra Pty Ltd", true},
    {"zeros before a number", {{"only_asn_number", "0237"}}, PV_DIR_IN, NULL, "237/Merit", true},
    {"number is not a prefix", {{"only_asn_number", "122"}}, PV_DIR_IN, NULL, "1221/Telstra Pty Ltd", false},
    {"number without a name", {{"only_asn_number", "1221"}}, PV_DIR_IN, NULL, "1221", true},
    {"name that is a number", {{"only_asn_number", "360"}}, PV_DIR_IN, NULL, "/360", false},
    {"empty network", {{"only_asn_number", "0"}}, PV_DIR_IN, NULL, "", false},
    {"network not found", {{"only_asn_number", "1"}}, PV_DIR_IN, NULL, "Unknown", false},
    {"network not found, wanted", {{"asn_notfound", "true"}}, PV_DIR_OUT, NULL, "Unknown", true},
    {"network not found, no database", {{"asn_notfound", "true"}}, PV_DIR_OUT, "Unknown", NULL, false},
    {"network, direction unknown", {{"asn_notfound", "true"}}, PV_DIR_UNKNOWN, NULL, "Unknown", false},
    {"both pass", {{"only_asn_number", "1"}, {"only_geoloc_prefix", "NA"}}, PV_DIR_IN, US, "1/x", true},
    {"place fails", {{"only_asn_number", "1"}, {"only_geoloc_prefix", "EU"}}, PV_DIR_IN, US, "1/x", false},
    {"network fails", {{"only_asn_number", "2"}, {"only_geoloc_prefix", "NA"}}, PV_DIR_IN, US, "1/x", false},
    {"set twice: the last counts",
     {{"only_asn_number", "1"}, {"only_asn_number", "2"}},
     PV_DIR_IN,
     NULL,
     "1/x",
     false},
};

static void test_decisions(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(decisions); i++) {
		struct pv_net_filter f, copy;
		struct pv_net ev = {.dir = decisions[i].dir};
		const char *geo = decisions[i].geo, *asn = decisions[i].asn;
		char err[128];
		bool got[2];

		pv_net_filter_init(&f);
		for (size_t s = 0; s < LEN(decisions[i].set) && decisions[i].set[s].key; s++)
			assert_int_equal(
			    set(&f, decisions[i].set[s].key, decisions[i].set[s].value, err, sizeof(err)), 0);
		assert_int_equal(pv_net_filter_copy(&copy, &f), 0);
		got[0] =
		    pv_net_filter_accepts(&f, &ev, geo, geo ? strlen(geo) : 0, asn, asn ? strlen(asn) : 0);
		pv_net_filter_free(&f);
		got[1] =
		    pv_net_filter_accepts(&copy, &ev, geo, geo ? strlen(geo) : 0, asn, asn ? strlen(asn) : 0);
		pv_net_filter_free(&copy);
		if (got[0] != decisions[i].accepted || got[1] != decisions[i].accepted)
			fail_msg("%s: %d, copied %d", decisions[i].name, got[0], got[1]);
	}
}

/* ---- the analyser ------------------------------------------------------------------------------------- */

struct capture { /* of what the stage puts out */
	_Alignas(8) uint8_t bytes[65536];
	size_t len;
};

static enum pv_res capture_write(void *ctx, const struct iovec *iov, int n)
{
	struct capture *c = ctx;

	for (int i = 0; i < n; i++) {
		assert_true(iov[i].iov_len <= sizeof(c->bytes) - c->len);
		memcpy(c->bytes + c->len, iov[i].iov_base, iov[i].iov_len);
		c->len += iov[i].iov_len;
	}
	return PV_OK;
}

struct feed {
	_Alignas(8) uint8_t bytes[16384];
	size_t len;
	uint64_t number;
};

static void *feed(struct feed *f, enum pv_event_type type, size_t size, uint64_t time_ns)
{
	struct pv_event *ev = (struct pv_event *)(void *)(f->bytes + f->len);

	assert_true(sizeof(f->bytes) - f->len >= size);
	memset(ev, 0, size);
	*ev = (struct pv_event){.size = (uint32_t)size, .type = (uint16_t)type, .time_ns = time_ns};
	f->len += size;
	return ev;
}

static void feed_start(struct feed *f, uint64_t id)
{
	struct pv_start *s = feed(f, PV_EV_START, sizeof(*s), 1000);

	s->magic = PV_EVENT_MAGIC;
	s->major = PV_EVENT_MAJOR;
	s->stream_id = id;
	s->clock = PV_CLOCK_RECORDED;
	f->number = 0;
}

static void addr4(uint8_t out[16], uint32_t host)
{
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	for (unsigned i = 0; i < 4; i++)
		out[12 + i] = (uint8_t)(host >> (24 - 8 * i));
}

static struct pv_packet *feed_packet(struct feed *f, uint32_t src, uint32_t dst, enum pv_dir dir)
{
	struct pv_packet *p = feed(f, PV_EV_PACKET, sizeof(*p), 2000 + f->number);

	p->number = ++f->number;
	addr4(p->src, src);
	addr4(p->dst, dst);
	p->sport = 1234;
	p->dport = 53;
	p->l3 = 4;
	p->l4 = PV_L4_UDP;
	p->proto = 17;
	p->dir = (uint8_t)dir;
	p->stamp = 99;
	p->vlan = 7;
	p->wire_len = 1500;
	p->cap_len = 96;
	return p;
}

#define EUROPE	0xc0000201u /* 192.0.2.1: EU, 237/Merit */
#define AMERICA 0xc0000202u /* 192.0.2.2: NA, 1221 */
#define NOWHERE 0xc6336401u /* 198.51.100.1: in neither database */

static struct pv_geo *make_geo(void)
{
	char city[64], asn[64], err[256];
	struct mm m = {0};
	size_t at;

	mm_temp(city);
	mm_map(&m, 1);
	mm_coded(&m, "continent", "code", "EU");
	mm_net4(&m, EUROPE, 32, 0);
	at = m.len;
	mm_map(&m, 1);
	mm_coded(&m, "continent", "code", "NA");
	mm_net4(&m, AMERICA, 32, at);
	mm_write(&m, city, "Test-City");
	mm_temp(asn);
	mm_map(&m, 2);
	mm_string(&m, "autonomous_system_number");
	mm_u32(&m, 237);
	mm_string(&m, "autonomous_system_organization");
	mm_string(&m, "Merit");
	mm_net4(&m, EUROPE, 32, 0);
	at = m.len;
	mm_map(&m, 1);
	mm_string(&m, "autonomous_system_number");
	mm_u32(&m, 1221);
	mm_net4(&m, AMERICA, 32, at);
	mm_write(&m, asn, "Test-ASN");
	struct pv_geo_conf conf = {.city_path = city, .asn_path = asn, .cache_entries = 10, .seed = 3};
	struct pv_geo *g = pv_geo_open(&conf, err, sizeof(err));
	assert_non_null(g);
	unlink(city);
	unlink(asn);
	return g;
}

static struct pv_stage *make_stage(const struct pv_net_filter *f, struct pv_geo *geo, bool chain,
				   struct capture *c)
{
	struct pv_net_conf conf = {.geo = geo};
	struct pv_filter_conf fc = {.chain = chain};
	struct pv_sink sink = {.write = capture_write, .ctx = c};

	if (f)
		conf.filter = *f;
	void *self = pv_net_new(&conf);
	assert_non_null(self);
	struct pv_stage *s = pv_filter_new(&pv_net_ops, self, &fc, sink);
	assert_non_null(s);
	return s;
}

/* A line per event, without what stage/filter.h is responsible for. */
static void script(const struct capture *c, char *out, size_t cap)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t at = 0; at < c->len;) {
		const struct pv_event *ev = (const void *)(c->bytes + at);
		char line[160] = "";

		assert_true(pv_event_size(ev) && ev->size <= c->len - at);
		assert_null(pv_event_check(ev));
		if (ev->type == PV_EV_DEFINE) {
			const struct pv_define *d = (const void *)ev;
			snprintf(line, sizeof(line), "%s %u=%.*s\n", d->kind == PV_DEFINE_GEO ? "geo" : "asn",
				 d->number, d->text.len, pv_ref_bytes(ev, d->text));
		} else if (ev->type == PV_EV_NET) {
			const struct pv_net *e = (const void *)ev;
			bool all = pv_net_located(e);
			snprintf(line, sizeof(line), "net %u geo %u>%u asn %u>%u%s\n", (unsigned)e->packet,
				 e->geo_src, all ? e->geo_dst : 0, all ? e->asn_src : 0, all ? e->asn_dst : 0,
				 ev->flags & PV_F_FILTERED ? " filtered" : "");
		} else if (ev->type == PV_EV_PACKET) {
			snprintf(line, sizeof(line), "packet %u\n",
				 (unsigned)((const struct pv_packet *)(const void *)ev)->number);
		} else if (ev->type == PV_EV_STOP) {
			size_t rows;
			const struct pv_ledger_row *r = pv_stop_rows((const void *)ev, &rows);
			unsigned long long sum[4] = {0};
			for (size_t i = 0; i < rows; i++)
				if (r[i].stage == 1 && r[i].what <= PV_LEDGER_FILTERED)
					sum[r[i].what] = r[i].value;
			snprintf(line, sizeof(line), "stop %llu=%llu+%llu\n", sum[1], sum[2], sum[3]);
		}
		assert_true(n + strlen(line) < cap);
		n += (size_t)snprintf(out + n, cap - n, "%s", line);
		at += ev->size;
	}
}

static void run(struct pv_stage *s, struct feed *f, struct capture *c, const char *want)
{
	char got[4096];

	c->len = 0;
	s->ops->batch(s, (const void *)f->bytes, f->len);
	assert_int_equal(pv_out_flush(&s->out), PV_OK);
	script(c, got, sizeof(got));
	assert_string_equal(got, want);
	f->len = 0;
}

static void test_analyser(void **state)
{
	static struct capture c;
	static struct feed f;
	struct pv_stage *s = make_stage(NULL, make_geo(), false, &c);
	struct pv_packet *p;

	(void)state;
	feed_start(&f, 1);
	feed_packet(&f, EUROPE, NOWHERE, PV_DIR_IN);
	feed_packet(&f, EUROPE, NOWHERE, PV_DIR_OUT);
	feed_packet(&f, AMERICA, EUROPE, PV_DIR_UNKNOWN);
	p = feed_packet(&f, 0, 0, PV_DIR_UNKNOWN); /* ARP: no addresses, no look-ups */
	memset(p->src, 0, 32);
	p->l3 = p->l4 = 0;
	p->bits = PV_PKT_UNSUPPORTED;
	p = feed_packet(&f, EUROPE, AMERICA, PV_DIR_IN);
	p->bits = PV_PKT_MALFORMED;
	p->l4 = PV_L4_OTHER;
	feed(&f, PV_EV_STOP, sizeof(struct pv_stop), 9000);
	run(s, &f, &c,
	    "packet 1\ngeo 1=EU\nasn 1=237/Merit\nnet 1 geo 1>0 asn 1>0\n"
	    "packet 2\ngeo 2=Unknown\nasn 2=Unknown\nnet 2 geo 0>2 asn 0>2\n"
	    "packet 3\ngeo 3=NA\nasn 3=1221\nnet 3 geo 3>1 asn 3>1\n"
	    "packet 4\nnet 4 geo 0>0 asn 0>0\n"
	    "packet 5\nnet 5 geo 1>0 asn 1>0\n"
	    "stop 5=5+0\n");
	/* Another stream: everything is announced again, the ledger starts at 0. */
	feed_start(&f, 2);
	feed_packet(&f, EUROPE, NOWHERE, PV_DIR_IN);
	feed_packet(&f, EUROPE, NOWHERE, PV_DIR_IN);
	feed(&f, PV_EV_STOP, sizeof(struct pv_stop), 9000);
	run(s, &f, &c,
	    "packet 1\ngeo 1=EU\nasn 1=237/Merit\nnet 1 geo 1>0 asn 1>0\n"
	    "packet 2\nnet 2 geo 1>0 asn 1>0\n"
	    "stop 2=2+0\n");
	pv_stage_free(s);
}

static void test_analyser_fields(void **state)
{
	static struct capture c;
	static struct feed f;
	struct pv_stage *s = make_stage(NULL, NULL, false, &c);
	struct pv_packet *p;
	const struct pv_net *e = NULL;

	(void)state;
	feed_start(&f, 1);
	p = feed_packet(&f, EUROPE, AMERICA, PV_DIR_OUT);
	p->l4 = PV_L4_TCP;
	p->proto = 6;
	p->tcp_flags = PV_TCP_SYN | PV_TCP_ACK;
	s->ops->batch(s, (const void *)f.bytes, f.len);
	pv_out_flush(&s->out);
	for (size_t at = 0; at < c.len;) {
		const struct pv_event *ev = (const void *)(c.bytes + at);
		if (ev->type == PV_EV_NET)
			e = (const void *)ev;
		at += ev->size;
	}
	assert_non_null(e);
	assert_int_equal(e->ev.time_ns, 2000);
	assert_int_equal(e->ev.size, PV_NET_FIXED_BASE); /* no database: no locations */
	assert_int_equal(e->packet, 1);
	assert_memory_equal(e->src, p->src, 16);
	assert_memory_equal(e->dst, p->dst, 16);
	assert_true(e->sport == 1234 && e->dport == 53 && e->l3 == 4 && e->l4 == PV_L4_TCP && e->proto == 6);
	assert_true(e->dir == PV_DIR_OUT && e->stage == 1 && e->stamp == 99 && e->vlan == 7);
	assert_int_equal(e->tcp_flags, PV_TCP_SYN | PV_TCP_ACK);
	assert_int_equal(e->size, 1500); /* on the wire, not as captured */
	assert_false(pv_net_located(e));
	assert_int_equal(e->geo_src, 0);
	pv_stage_free(s);
}

static void test_analyser_filters(void **state)
{
	static struct capture c;
	static struct feed f;
	struct pv_net_filter filter;
	char err[128];

	(void)state;
	for (unsigned chain = 0; chain < 2; chain++) {
		pv_net_filter_init(&filter);
		assert_int_equal(set(&filter, "only_geoloc_prefix", "EU", err, sizeof(err)), 0);
		struct pv_stage *s = make_stage(&filter, make_geo(), chain, &c);
		pv_net_filter_free(&filter); /* the analyser has its own */
		feed_start(&f, 1);
		feed_packet(&f, EUROPE, AMERICA, PV_DIR_IN);
		feed_packet(&f, EUROPE, AMERICA, PV_DIR_OUT);
		feed_packet(&f, EUROPE, EUROPE, PV_DIR_UNKNOWN);
		feed_packet(&f, AMERICA, EUROPE, PV_DIR_OUT);
		feed(&f, PV_EV_STOP, sizeof(struct pv_stop), 9000);
		if (!chain)
			run(s, &f, &c,
			    "packet 1\ngeo 1=EU\nasn 1=237/Merit\nnet 1 geo 1>0 asn 1>0\n"
			    "packet 2\ngeo 2=NA\nasn 2=1221\nnet 2 geo 0>2 asn 0>2 filtered\n"
			    "packet 3\nnet 3 geo 1>1 asn 1>1 filtered\n"
			    "packet 4\nnet 4 geo 0>1 asn 0>1\n"
			    "stop 4=2+2\n");
		else /* what was rejected is withheld, its facts are not; a packet may stand behind its facts */
			run(s, &f, &c,
			    "geo 1=EU\nasn 1=237/Merit\nnet 1 geo 1>0 asn 1>0\n"
			    "packet 1\ngeo 2=NA\nasn 2=1221\nnet 2 geo 0>2 asn 0>2 filtered\n"
			    "net 3 geo 1>1 asn 1>1 filtered\n"
			    "net 4 geo 0>1 asn 0>1\npacket 4\n"
			    "stop 4=2+2\n");
		pv_stage_free(s);
	}
	/* A filter on a database that is not there rejects everything. */
	pv_net_filter_init(&filter);
	assert_int_equal(set(&filter, "geoloc_notfound", "true", err, sizeof(err)), 0);
	struct pv_stage *s = make_stage(&filter, NULL, false, &c);
	pv_net_filter_free(&filter);
	feed_start(&f, 1);
	feed_packet(&f, EUROPE, AMERICA, PV_DIR_IN);
	feed(&f, PV_EV_STOP, sizeof(struct pv_stop), 9000);
	run(s, &f, &c, "packet 1\nnet 1 geo 0>0 asn 0>0 filtered\nstop 1=0+1\n");
	pv_stage_free(s);
}

/* ---- the view ----------------------------------------------------------------------------------------- */

/* What a policy's filter makes of events of a shared analyser is what an analyser of its own would have made. */
static void test_view(void **state)
{
	static const struct {
		const char *key, *value;
	} filters[] = {{"only_geoloc_prefix", "EU"}, {"only_asn_number", "1221"}, {"geoloc_notfound", "true"},
		       {"asn_notfound", "true"},     {"only_geoloc_prefix", "NA"}};
	static const enum pv_dir dirs[] = {PV_DIR_IN, PV_DIR_OUT, PV_DIR_UNKNOWN};
	static const uint32_t ends[] = {EUROPE, AMERICA, NOWHERE};
	static struct capture shared, mine, want;
	static struct feed f;
	(void)state;
	for (size_t i = 0; i < LEN(filters); i++) {
		struct pv_net_filter filter;
		char err[128], text[4096];
		pv_net_filter_init(&filter);
		assert_int_equal(set(&filter, filters[i].key, filters[i].value, err, sizeof(err)), 0);
		struct pv_stage *own = make_stage(&filter, make_geo(), false, &want);
		struct pv_stage *all = make_stage(NULL, make_geo(), false, &shared);
		const struct pv_sink sink = {.write = capture_write, .ctx = &mine};
		struct pv_stage *view = pv_net_view_new(&filter, 5, sink);
		assert_non_null(view);
		for (unsigned stream = 1; stream <= 2; stream++) { /* in the second, numbers mean other places */
			f.len = shared.len = mine.len = want.len = 0;
			feed_start(&f, stream);
			for (size_t n = 0; n < 3 * LEN(ends); n++)
				feed_packet(&f, ends[(n + stream) % 3], ends[(n / 3 + stream) % 3], dirs[n % 3]);
			own->ops->batch(own, (const void *)f.bytes, f.len);
			all->ops->batch(all, (const void *)f.bytes, f.len);
			pv_out_flush(&own->out);
			pv_out_flush(&all->out);
			view->ops->batch(view, (const void *)shared.bytes, shared.len);
			pv_out_flush(&view->out);
			char got[4096];
			script(&want, text, sizeof(text));
			script(&mine, got, sizeof(got));
			assert_non_null(strstr(text, "filtered"));
			assert_string_equal(got, text);
		}
		pv_stage_free(own);
		pv_stage_free(all);
		pv_stage_free(view);
		pv_net_filter_free(&filter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_key_order),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_recorded),
	    cmocka_unit_test(test_decisions),
	    cmocka_unit_test(test_analyser),
	    cmocka_unit_test(test_analyser_fields),
	    cmocka_unit_test(test_analyser_filters),
	    cmocka_unit_test(test_view),
	};

	return cmocka_run_group_tests_name("net_filter", tests, NULL, NULL);
}
