/* SPDX-License-Identifier: MPL-2.0 */
/* flow/filter.h, flow/summary.h, flow/services.h, flow/locate.h, flow/view.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/check.h"
#include "flow/filter.h"
#include "flow/locate.h"
#include "flow/services.h"
#include "flow/view.h"
#include "unit/flow_events.h"
#include "unit/tiny_mmdb.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- settings, as in a document -------------------------------------------------------------------------- */

static const struct pv_key *find_key(const char *name)
{
	for (size_t i = 0; i < PV_FLOW_KEYS; i++)
		if (!strcmp(pv_flow_keys[i].name, name))
			return &pv_flow_keys[i];
	fail_msg("no key %s", name);
	return NULL;
}

/* text: JSON. */
static int set(struct pv_flow_filter *f, const char *name, const char *text, char *err, size_t cap)
{
	const struct pv_key *key = find_key(name);
	json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
	const char *list[PV_LIST_MAX + 2];
	struct pv_value v = {.type = PV_KEY_STRING, .string = json_string_value(j), .list = list};
	assert_non_null(j);
	if (json_is_boolean(j)) {
		v.type = PV_KEY_BOOL;
		v.boolean = json_is_true(j);
	} else if (json_is_integer(j)) {
		v.type = PV_KEY_UINT;
		v.number = (uint64_t)json_integer_value(j);
	} else if (json_is_array(j)) {
		v.type = PV_KEY_LIST;
		for (; v.count < json_array_size(j); v.count++)
			list[v.count] = json_string_value(json_array_get(j, v.count));
	} else if (json_is_object(j)) {
		v.type = PV_KEY_MAP;
		v.map = j;
	}
	int rc = pv_flow_filter_set(f, key, &v, err, cap);
	json_decref(j);
	return rc;
}

static void good(struct pv_flow_filter *f, const char *name, const char *text)
{
	char err[512] = "";
	if (set(f, name, text, err, sizeof err))
		fail_msg("%s %s: %s", name, text, err);
}

/* {"key": value, ...} */
static void good_all(struct pv_flow_filter *f, const char *settings)
{
	json_t *all = json_loads(settings, 0, NULL), *value;
	const char *name;
	assert_non_null(all);
	json_object_foreach (all, name, value) {
		char *text = json_dumps(value, JSON_ENCODE_ANY);
		good(f, name, text);
		free(text);
	}
	json_decref(all);
}

static void test_keys(void **state)
{
	static const char *const names[] = {
	    "device_map", "enrichment", "only_device_interfaces", "only_ips", "only_ports", "only_directions",
	    "geoloc_notfound", "asn_notfound", "summarize_ips_by_asn", "subnets_for_summarization",
	    "exclude_asns_from_summarization", "exclude_unknown_asns_from_summarization",
	    "exclude_ips_from_summarization", "sample_rate_scaling", "recorded_stream",
	};
	(void)state;
	assert_int_equal(LEN(names), PV_FLOW_KEYS);
	for (size_t i = 0; i < LEN(names); i++) {
		assert_string_equal(pv_flow_keys[i].name, names[i]);
		assert_int_equal(pv_flow_keys[i].arg == NULL, pv_flow_keys[i].type == PV_KEY_BOOL);
	}
}

#define WILD "FlowHandler: 'subnets_for_summarization' only allows one ipv4 and one ipv6 wildcard"

static void test_wrong(void **state)
{
	static const struct {
		const char *key, *value, *error;
	} table[] = {
	    {"device_map", "{\"10.0.0\": {\"name\": \"r\", \"interfaces\": {}}}",
	     "FlowHandler: 'device_map' config has an invalid device IP: 10.0.0"},
	    {"device_map", "{\"10.0.0.1/32\": {\"name\": \"r\", \"interfaces\": {}}}",
	     "FlowHandler: 'device_map' config has an invalid device IP: 10.0.0.1/32"},
	    {"device_map", "{\"10.0.0.1\": {\"interfaces\": {}}}",
	     "FlowHandler: 'device_map' config with device IP 10.0.0.1 does not have 'name' key"},
	    {"device_map", "{\"10.0.0.1\": {\"name\": \"r\"}}",
	     "FlowHandler: 'device_map' config with device IP 10.0.0.1 does not have 'interfaces' key"},
	    {"device_map", "{\"10.0.0.1\": {\"name\": \"r\", \"interfaces\": {\"1\": {\"description\": \"up\"}}}}",
	     "FlowHandler: 'device_map' config with device IP 10.0.0.1 does not have 'name' key"},
	    {"device_map", "{\"10.0.0.1\": {\"name\": \"r\", \"interfaces\": {\"eth0\": {\"name\": \"x\"}}}}",
	     "FlowHandler: 'device_map' config with device IP 10.0.0.1 has an invalid interface: eth0"},
	    {"device_map", "[\"10.0.0.1\"]", "wrong type for key: device_map"},
	    {"only_device_interfaces", "{\"fe80:\": [\"1\"]}",
	     "FlowHandler: 'only_device_interfaces' filter has an invalid device IP: fe80:"},
	    {"only_device_interfaces", "{\"10.0.0.1\": [\"1\", \"4x\"]}",
	     "FlowHandler: invalid 'only_device_interfaces' filter interface value: 4x"},
	    {"only_device_interfaces", "{\"10.0.0.1\": [\"1-4294967296\"]}",
	     "FlowHandler: invalid 'only_device_interfaces' filter interface value: 1-4294967296"},
	    {"only_ips", "[\"10.0.0.0/8\", \"10.1.2.3\"]", "invalid CIDR: 10.1.2.3"},
	    {"only_ips", "[\"192.168.0.0/64\"]", "invalid CIDR: 192.168.0.0/64"},
	    {"only_ips", "[\"10.0.0.0/\"]", "invalid CIDR: 10.0.0.0/"},
	    {"only_ips", "[\"192.168.0.0/24/12ac\"]", "invalid CIDR: 192.168.0.0/24/12ac"},
	    {"only_ips", "[\"192.168.AE.0/24\"]", "invalid IPv4 address: 192.168.AE.0"},
	    {"only_ips", "[\"fe80:2030:31:24/12\"]", "invalid IPv6 address: fe80:2030:31:24"},
	    {"only_ports", "[\"40a-50\"]", "FlowHandler: invalid 'only_ports' filter value: 40a-50"},
	    {"only_ports", "[\"65536\"]", "FlowHandler: invalid 'only_ports' filter value: 65536"},
	    {"only_ports", "[\"-50\"]", "FlowHandler: invalid 'only_ports' filter value: -50"},
	    {"only_ports", "[\"50-\"]", "FlowHandler: invalid 'only_ports' filter value: 50-"},
	    {"only_ports", "[\"\"]", "FlowHandler: invalid 'only_ports' filter value: "},
	    {"only_ports", "[\"1-2-3\"]", "FlowHandler: invalid 'only_ports' filter value: 1-2-3"},
	    {"only_directions", "[\"in\", \"up\"]",
	     "FlowStreamHandler: only_directions filter contained an invalid/unsupported direction: up"},
	    {"subnets_for_summarization", "[\"0.0.0.0/16\", \"0.0.0.0/24\"]", WILD},
	    {"subnets_for_summarization", "[\"::/16\", \"0.0.0.0/24\", \"::0/24\"]", WILD},
	    {"subnets_for_summarization", "[\"10.4.0.0\"]", "invalid CIDR: 10.4.0.0"},
	    {"exclude_asns_from_summarization", "[\"7018/ATT\"]",
	     "FlowHandler: invalid 'exclude_asns_from_summarization' value: 7018/ATT"},
	    {"exclude_ips_from_summarization", "[\"10\"]", "invalid CIDR: 10"},
	    {"enrichment", "\"no\"", "wrong type for key: enrichment"},
	    {"only_ports", "53", "wrong type for key: only_ports"},
	};
	(void)state;
	for (size_t i = 0; i < LEN(table); i++) {
		struct pv_flow_filter f;
		char err[512] = "";
		pv_flow_filter_init(&f);
		assert_int_equal(set(&f, table[i].key, table[i].value, err, sizeof err), -1);
		assert_string_equal(err, table[i].error);
		assert_false(pv_flow_filter_on(&f)); /* nothing of it has stayed */
		pv_flow_filter_free(&f);
	}
}

/* ---- decisions ------------------------------------------------------------------------------------------- */

enum { NO, IN = PV_FLOW_IN, OUT = PV_FLOW_OUT, BOTH = IN | OUT };
#define ONLY(what) "{\"only_device_interfaces\": {\"10.0.0.1\": [" what "], \"2001:db8::9\": [\"*\"]}}"

static void test_accepts(void **state)
{
	static const struct {
		const char *settings;
		const char *src, *dst, *device; /* device NULL: 10.0.0.1 */
		uint16_t sport, dport;
		uint8_t bits, left; /* left NO: rejected */
	} table[] = {
	    {"{}", "10.1.0.1", "10.2.0.1", NULL, 1000, 53, BOTH, BOTH},
	    /* only_ips: either end, either family */
	    {"{\"only_ips\": [\"10.2.0.0/16\"]}", "10.1.0.1", "10.2.0.1", NULL, 1, 2, BOTH, BOTH},
	    {"{\"only_ips\": [\"10.1.3.2/24\"]}", "10.1.3.200", "10.2.0.1", NULL, 1, 2, BOTH, BOTH},
	    {"{\"only_ips\": [\"10.3.0.0/16\"]}", "10.1.0.1", "10.2.0.1", NULL, 1, 2, BOTH, NO},
	    {"{\"only_ips\": [\"2001:db8::/32\"]}", "2001:db8::1", "2001:dead::1", NULL, 1, 2, BOTH, BOTH},
	    {"{\"only_ips\": [\"2001:db8::/32\"]}", "2001:dead::2", "2001:dead::1", NULL, 1, 2, BOTH, NO},
	    {"{\"only_ips\": [\"0.0.0.0/0\"]}", "2001:db8::1", "2001:dead::1", NULL, 1, 2, BOTH, NO},
	    {"{\"only_ips\": [\"::/0\"]}", "2001:db8::1", "2001:dead::1", NULL, 1, 2, BOTH, BOTH},
	    {"{\"only_ips\": [\"0.0.0.0/0\"]}", "10.1.0.1", "0.0.0.0", NULL, 1, 2, BOTH, BOTH},
	    {"{\"only_ips\": [\"0.0.0.0/0\"]}", "0.0.0.0", "0.0.0.0", NULL, 1, 2, BOTH, NO},
	    {"{\"only_ips\": [\"10.0.0.0/8\"]}", "10.0.0.0", "0.0.0.0", NULL, 1, 2, BOTH, BOTH},
	    {"{\"only_ips\": [\"::/0\"]}", "2000::", "::", NULL, 1, 2, BOTH, BOTH},
	    {"{\"only_ips\": [\"::/0\"]}", "::", "::", NULL, 1, 2, BOTH, NO},
	    {"{\"only_ips\": []}", "10.1.0.1", "10.2.0.1", NULL, 1, 2, BOTH, NO},
	    /* only_ports: either end; 0 is no port */
	    {"{\"only_ports\": [\"53\"]}", "10.1.0.1", "10.2.0.1", NULL, 1000, 53, BOTH, BOTH},
	    {"{\"only_ports\": [\"53\"]}", "10.1.0.1", "10.2.0.1", NULL, 53, 1000, BOTH, BOTH},
	    {"{\"only_ports\": [\"7\", \"100-90\"]}", "10.1.0.1", "10.2.0.1", NULL, 90, 2, BOTH, BOTH},
	    {"{\"only_ports\": [\"90-100\"]}", "10.1.0.1", "10.2.0.1", NULL, 101, 89, BOTH, NO},
	    {"{\"only_ports\": [\"0-10\"]}", "10.1.0.1", "10.2.0.1", NULL, 0, 0, BOTH, NO},
	    /* only_device_interfaces */
	    {ONLY("\"1\""), "10.1.0.1", "10.2.0.1", NULL, 1, 2, BOTH, IN},
	    {ONLY("\"1-2\""), "10.1.0.1", "10.2.0.1", NULL, 1, 2, BOTH, BOTH},
	    {ONLY("\"9-2\""), "10.1.0.1", "10.2.0.1", NULL, 1, 2, BOTH, OUT},
	    {ONLY("\"*\""), "10.1.0.1", "10.2.0.1", NULL, 1, 2, BOTH, BOTH},
	    {ONLY("\"3\""), "10.1.0.1", "10.2.0.1", NULL, 1, 2, BOTH, NO},
	    {ONLY("\"1\""), "10.1.0.1", "10.2.0.1", "10.0.0.2", 1, 2, BOTH, NO},
	    {ONLY("\"1\""), "10.1.0.1", "10.2.0.1", "2001:db8::9", 1, 2, BOTH, BOTH},
	    {ONLY("\"*\""), "10.1.0.1", "10.2.0.1", NULL, 1, 2, OUT, OUT},
	    {ONLY("\"1\""), "10.1.0.1", "10.2.0.1", NULL, 1, 2, OUT, NO},
	    /* only_directions, and what both leave nothing of */
	    {"{\"only_directions\": [\"in\"]}", "10.1.0.1", "10.2.0.1", NULL, 1, 2, BOTH, IN},
	    {"{\"only_directions\": [\"out\"]}", "10.1.0.1", "10.2.0.1", NULL, 1, 2, BOTH, OUT},
	    {"{\"only_directions\": [\"out\"]}", "10.1.0.1", "10.2.0.1", NULL, 1, 2, IN, NO},
	    {"{\"only_directions\": [\"in\", \"out\"]}", "10.1.0.1", "10.2.0.1", NULL, 1, 2, IN, IN},
	    {"{\"only_directions\": [\"in\"], \"only_device_interfaces\": {\"10.0.0.1\": [\"2\"]}}", "10.1.0.1",
	     "10.2.0.1", NULL, 1, 2, BOTH, NO},
	    /* without any such filter a record need not have an interface */
	    {"{}", "10.1.0.1", "10.2.0.1", NULL, 1, 2, NO, BOTH + 1},
	};
	(void)state;
	for (size_t i = 0; i < LEN(table); i++) {
		const struct pv_flow_places nothing = {.geo = {NULL}};
		struct pv_flow_filter f;
		pv_flow_filter_init(&f);
		good_all(&f, table[i].settings);
		struct pv_flow e = flow_record(table[i].src, table[i].sport, table[i].dst, table[i].dport);
		if (table[i].device)
			flow_addr(e.device, table[i].device);
		e.bits = table[i].bits;
		uint8_t left;
		bool accepted = pv_flow_filter_accepts(&f, &e, &nothing, &left);
		if (accepted != (table[i].left != NO) || (accepted && left != (table[i].left & BOTH)))
			fail_msg("%s: %s left %u", table[i].settings, accepted ? "accepted" : "rejected", left);
		pv_flow_filter_free(&f);
	}
}

static void test_notfound(void **state)
{
	static const struct {
		const char *src, *dst;
		bool accepted;
	} table[] = {
	    {"EU/Sweden\t58.0\t15.0", "NA/United States", false},
	    {"Unknown", "NA/United States", true},
	    {"EU/Sweden", "Unknown", true},
	    {"Unknown", "Unknown", true},
	    {NULL, NULL, true}, /* no database */
	};
	(void)state;
	for (size_t i = 0; i < 2 * LEN(table); i++) {
		bool geo = i < LEN(table);
		const char *src = table[i % LEN(table)].src, *dst = table[i % LEN(table)].dst;
		struct pv_flow_places at = {.geo = {NULL}};
		struct pv_flow_filter f;
		struct pv_flow e = flow_record("10.1.0.1", 1, "10.2.0.1", 2);
		uint8_t left;
		pv_flow_filter_init(&f);
		good(&f, geo ? "geoloc_notfound" : "asn_notfound", "true");
		(geo ? at.geo : at.asn)[0] = src;
		(geo ? at.geo : at.asn)[1] = dst;
		(geo ? at.geo_len : at.asn_len)[0] = src ? strlen(src) : 0;
		(geo ? at.geo_len : at.asn_len)[1] = dst ? strlen(dst) : 0;
		assert_int_equal(pv_flow_filter_accepts(&f, &e, &at, &left), table[i % LEN(table)].accepted);
		pv_flow_filter_free(&f);
	}
}

/* ---- summaries ------------------------------------------------------------------------------------------- */

static void test_summary(void **state)
{
	static const struct {
		const char *settings, *addr, *asn, *label; /* label NULL: the address itself */
	} table[] = {
	    {"{}", "10.4.1.2", "1221/Telstra", NULL},
	    {"{\"subnets_for_summarization\": [\"10.4.0.0/16\", \"10.0.0.0/8\"]}", "10.4.1.2", NULL, "10.4.0.0/16"},
	    {"{\"subnets_for_summarization\": [\"10.4.0.0/16\", \"10.0.0.0/8\"]}", "10.5.1.2", NULL, "10.0.0.0/8"},
	    {"{\"subnets_for_summarization\": [\"10.0.0.0/8\", \"10.4.0.0/16\"]}", "10.4.1.2", NULL, "10.0.0.0/8"},
	    {"{\"subnets_for_summarization\": [\"10.4.7.7/16\"]}", "10.4.1.2", NULL, "10.4.7.7/16"},
	    {"{\"subnets_for_summarization\": [\"10.4.0.0/16\"]}", "11.4.1.2", NULL, NULL},
	    {"{\"subnets_for_summarization\": [\"10.4.0.0/16\"]}", "2001:db8::1", NULL, NULL},
	    {"{\"subnets_for_summarization\": [\"10.4.0.0/16\"], \"exclude_ips_from_summarization\": [\"10.4.4.0/24\"]}",
	     "10.4.4.2", NULL, NULL},
	    {"{\"subnets_for_summarization\": [\"10.4.0.0/16\"], \"exclude_ips_from_summarization\": [\"10.4.4.0/24\"]}",
	     "10.4.5.2", NULL, "10.4.0.0/16"},
	    {"{\"subnets_for_summarization\": [\"0.0.0.0/16\", \"::0/24\"]}", "10.4.1.2", NULL, "10.4.0.0/16"},
	    {"{\"subnets_for_summarization\": [\"0.0.0.0/16\", \"::0/24\"]}", "::1", NULL, "::/24"},
	    {"{\"subnets_for_summarization\": [\"0.0.0.0/19\", \"::/33\"]}", "10.4.255.2", NULL, "10.4.224.0/19"},
	    {"{\"subnets_for_summarization\": [\"::/33\"]}", "2001:db8:ffff::1", NULL, "2001:db8:8000::/33"},
	    {"{\"subnets_for_summarization\": [\"0.0.0.0/0\"]}", "10.4.1.2", NULL, "0.0.0.0/0"},
	    {"{\"subnets_for_summarization\": [\"0.0.0.0/32\"]}", "10.4.1.2", NULL, "10.4.1.2/32"},
	    {"{\"subnets_for_summarization\": [\"0.0.0.0/16\", \"10.4.0.0/24\"]}", "10.4.0.2", NULL, "10.4.0.0/24"},
	    {"{\"summarize_ips_by_asn\": true}", "10.4.1.2", "1221/Telstra", "1221/Telstra"},
	    {"{\"summarize_ips_by_asn\": true}", "10.4.1.2", "Unknown", "Unknown"},
	    {"{\"summarize_ips_by_asn\": true}", "10.4.1.2", NULL, NULL},
	    {"{\"summarize_ips_by_asn\": true, \"exclude_ips_from_summarization\": [\"10.0.0.0/8\"]}", "10.4.1.2",
	     "1221/Telstra", NULL},
	    {"{\"summarize_ips_by_asn\": true, \"exclude_asns_from_summarization\": [\"1221\"]}", "10.4.1.2",
	     "1221/Telstra", NULL},
	    {"{\"summarize_ips_by_asn\": true, \"exclude_asns_from_summarization\": [\"122\"]}", "10.4.1.2",
	     "1221/Telstra", "1221/Telstra"},
	    {"{\"summarize_ips_by_asn\": true, \"exclude_asns_from_summarization\": [\"1221\"],"
	     " \"subnets_for_summarization\": [\"0.0.0.0/8\"]}",
	     "10.4.1.2", "1221/Telstra", "10.0.0.0/8"},
	    {"{\"summarize_ips_by_asn\": true, \"exclude_unknown_asns_from_summarization\": true,"
	     " \"subnets_for_summarization\": [\"10.4.0.0/16\"]}",
	     "10.4.1.2", "Unknown", "10.4.0.0/16"},
	    {"{\"summarize_ips_by_asn\": true, \"exclude_unknown_asns_from_summarization\": true}", "10.4.1.2",
	     "1221/Telstra", "1221/Telstra"},
	};
	(void)state;
	for (size_t i = 0; i < LEN(table); i++) {
		struct pv_flow_filter f;
		char label[PV_FLOW_LABEL] = "";
		uint8_t addr[16];
		pv_flow_filter_init(&f);
		good_all(&f, table[i].settings);
		flow_addr(addr, table[i].addr);
		size_t n = pv_flow_summary_label(&f.summary, addr, strchr(table[i].addr, ':') ? 6 : 4, table[i].asn,
						 table[i].asn ? strlen(table[i].asn) : 0, label);
		assert_int_equal(n, table[i].label ? strlen(table[i].label) : 0);
		if (n && strcmp(label, table[i].label))
			fail_msg("%s %s: %s", table[i].settings, table[i].addr, label);
		pv_flow_filter_free(&f);
	}
}

/* ---- services -------------------------------------------------------------------------------------------- */

static const char csv[] =
    "Service Name,Port Number,Transport Protocol,Description\n"
    "domain,53,tcp,Domain Name Server\n"
    "domain,53,udp,\"Domain, \"\"Name\"\"\nServer\"\n"
    "second,53,tcp,not the first\n"
    ",54,tcp,no name\r\n"
    "nobody,,tcp,no port\n"
    "odd,55,xyz,no protocol we know\n"
    "odd,5x,tcp,no number\n"
    "odd,70000,tcp,too large\n"
    "odd,9-8,tcp,the wrong way round\n"
    "after,56,tcp,\n"
    "range,1000-1999,tcp,\n"
    "inside,1500,tcp,\n"
    "late,1000-3000,TCP,\n"
    "m3ua,2905,sctp,\n"
    "last,60000,udp,without a line end";

static void test_services(void **state)
{
	static const struct {
		uint8_t proto;
		uint16_t port;
		const char *name;
	} table[] = {
	    {6, 53, "domain"}, {17, 53, "domain"},  {132, 53, NULL},	 {1, 53, NULL},	      {6, 54, NULL},
	    {6, 55, NULL},     {6, 5, NULL},	    {6, 8, NULL},	 {6, 56, "after"},    {6, 999, NULL},
	    {6, 1000, "range"}, {6, 1499, "range"}, {6, 1500, "inside"}, {6, 1501, "range"},  {6, 1999, "range"},
	    {6, 2000, "late"}, {6, 3000, "late"},   {6, 3001, NULL},	 {132, 2905, "m3ua"}, {17, 60000, "last"},
	    {6, 60000, NULL},  {6, 0, NULL},	    {17, 1000, NULL},
	};
	char err[256];
	(void)state;
	struct pv_services *s = pv_services_parse(csv, sizeof csv - 1, "list", err, sizeof err);
	assert_non_null(s);
	struct pv_services_reader r;
	pv_services_reader_init(&r, s);
	for (size_t i = 0; i < LEN(table); i++) {
		size_t n = 0;
		const char *name = pv_services_name(&r, table[i].proto, table[i].port, &n);
		if (!table[i].name) {
			if (name)
				fail_msg("%u/%u is %s", table[i].port, table[i].proto, name);
			continue;
		}
		assert_non_null(name);
		assert_string_equal(name, table[i].name);
		assert_int_equal(n, strlen(name));
	}
	size_t n;
	assert_int_equal(pv_services_reopen(s, err, sizeof err), 0); /* it is no file */
	assert_non_null(pv_services_name(&r, 6, 53, &n));
	pv_services_reader_reset(&r);
	pv_services_free(s);
	pv_services_reader_init(&r, NULL);
	assert_null(pv_services_name(&r, 6, 53, &n));
	pv_services_reader_reset(&r);
}

static void write_list(const char *path, const char *text)
{
	char fresh[64];
	snprintf(fresh, sizeof fresh, "%s.new", path);
	FILE *f = fopen(fresh, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(rename(fresh, path), 0);
}

/* A list that is replaced is that of all readers; one that is none changes nothing. */
static void test_services_again(void **state)
{
	static const char head[] = "Service Name,Port Number,Transport Protocol\n";
	struct pv_services_reader r[2];
	char path[] = "/tmp/pv-services-XXXXXX", text[128], err[256];
	size_t n;
	(void)state;
	close(mkstemp(path));
	snprintf(text, sizeof text, "%sdomain,53,udp\n", head);
	write_list(path, text);
	struct pv_services *s = pv_services_open(path, err, sizeof err);
	assert_non_null(s);
	for (int i = 0; i < 2; i++)
		pv_services_reader_init(&r[i], s);
	assert_string_equal(pv_services_name(&r[0], 17, 53, &n), "domain");
	snprintf(text, sizeof text, "%snames,53,udp\nweb,80,tcp\n", head);
	write_list(path, text);
	assert_int_equal(pv_services_reopen(s, err, sizeof err), 0);
	assert_string_equal(pv_services_name(&r[0], 17, 53, &n), "names");
	write_list(path, "not,a,list\n");
	assert_int_equal(pv_services_reopen(s, err, sizeof err), -1);
	assert_non_null(strstr(err, path));
	unlink(path);
	assert_int_equal(pv_services_reopen(s, err, sizeof err), -1);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(pv_services_name(&r[i], 6, 80, &n), "web");
		assert_int_equal(n, 3);
		pv_services_reader_reset(&r[i]);
	}
	pv_services_free(s);
}

/* Any part of a list is a list, or is refused for want of its columns. */
static void test_services_cut(void **state)
{
	char err[256];
	(void)state;
	for (size_t n = 0; n < sizeof csv; n++) {
		char *copy = malloc(n ? n : 1);
		memcpy(copy, csv, n);
		struct pv_services *s = pv_services_parse(copy, n, "list", err, sizeof err);
		assert_int_equal(s != NULL, n >= 43);
		pv_services_free(s);
		free(copy);
	}
	assert_null(pv_services_parse("Name,Port\nx,1\n", 14, "list", err, sizeof err));
	assert_string_equal(err, "list: no column 'Service Name' in the first line: not a list of services as IANA "
				 "publishes it");
	assert_null(pv_services_open("/nonexistent/list.csv", err, sizeof err));
	assert_string_equal(err, "/nonexistent/list.csv: No such file or directory");
}

/* ---- the view -------------------------------------------------------------------------------------------- */

static bool is(const struct pv_flow *f, struct pv_ref r, const char *text)
{
	return r.len == strlen(text) && !memcmp(pv_ref_bytes(&f->ev, r), text, r.len);
}

/* The event that comes out for one. */
static const struct pv_flow *view_one(struct pv_stage *view, struct mem *m, const struct pv_flow *f)
{
	m->n = 0;
	view->ops->batch(view, &f->ev, f->ev.size);
	pv_out_drain(&view->out);
	const struct pv_flow *to = (const void *)m->p;
	assert_int_equal(to->ev.type, PV_EV_FLOW);
	assert_int_equal(to->ev.size, m->n);
	assert_null(pv_event_check(&to->ev));
	assert_int_equal(to->ev.time_ns, f->ev.time_ns);
	assert_int_equal(to->packet, f->packet);
	return to;
}

static void test_view(void **state)
{
	char err[256];
	struct mem m = {.n = 0};
	struct pv_flow_filter f;
	(void)state;
	struct pv_services *services = pv_services_parse(csv, sizeof csv - 1, "list", err, sizeof err);
	pv_flow_filter_init(&f);
	assert_false(pv_flow_view_needed(&f, NULL));
	assert_true(pv_flow_view_needed(&f, services));
	good_all(&f, "{\"device_map\": {\"10.0.0.1\": {\"name\": \"route1\", \"interfaces\": {\"2\": {\"name\": \"eth0\"}}}},"
		     "\"only_ports\": [\"53\"], \"only_directions\": [\"out\"], \"sample_rate_scaling\": false,"
		     "\"subnets_for_summarization\": [\"10.1.0.0/16\"]}");
	assert_true(pv_flow_view_needed(&f, NULL));
	struct pv_stage *view = pv_flow_view_new(&f, services, 7, mem_sink(&m));
	assert_non_null(view);

	struct pv_flow e = flow_record("10.1.0.1", 1500, "10.2.0.1", 53);
	e.rate = 100;
	const struct pv_flow *to = view_one(view, &m, &e);
	assert_int_equal(to->ev.flags, 0);
	assert_int_equal(to->bits, PV_FLOW_OUT);
	assert_int_equal(to->rate, 1);
	assert_true(is(to, to->device_name, "route1"));
	assert_true(is(to, to->in_name, ""));
	assert_true(is(to, to->out_name, "eth0"));
	assert_true(is(to, to->src_label, "10.1.0.0/16"));
	assert_true(is(to, to->dst_label, ""));
	assert_true(is(to, to->sport_name, "inside"));
	assert_true(is(to, to->dport_name, "domain"));
	assert_int_equal(to->bytes, 1000);

	/* rejected: the device is still named, since it counts them */
	e = flow_record("10.1.0.1", 1500, "10.2.0.1", 54);
	to = view_one(view, &m, &e);
	assert_int_equal(to->ev.flags, PV_F_FILTERED);
	assert_true(is(to, to->device_name, "route1"));

	/* what is as it should be goes on as it is */
	e = flow_record("10.9.0.1", 53, "10.2.0.1", 54);
	e.proto = 1;
	e.bits = PV_FLOW_OUT;
	flow_addr(e.device, "10.0.0.2");
	to = view_one(view, &m, &e);
	assert_int_equal(to->ev.size, sizeof e);
	assert_memory_equal(to, &e, sizeof e);

	/* rejected before: stays so, with its names */
	union {
		struct pv_flow f;
		uint8_t bytes[sizeof(struct pv_flow) + 16];
	} named = {.f = flow_record("10.9.0.1", 53, "10.2.0.1", 54)};
	size_t at = sizeof named.f;
	flow_addr(named.f.device, "10.0.0.2");
	named.f.ev.flags = PV_F_FILTERED;
	named.f.ev.size = sizeof named;
	named.f.device_name = pv_ev_put(&named, &at, "mine", 4);
	to = view_one(view, &m, &named.f);
	assert_int_equal(to->ev.flags, PV_F_FILTERED);
	assert_true(is(to, to->device_name, "mine"));
	pv_stage_free(view);
	pv_services_free(services);
	pv_flow_filter_free(&f);
	mem_free(&m);
}

/* Networks come as DEFINE events, by the stage that made the record. */
static void test_view_networks(void **state)
{
	struct mem in = {.n = 0}, m = {.n = 0};
	struct pv_flow_filter f;
	struct pv_out o;
	(void)state;
	pv_flow_filter_init(&f);
	good_all(&f, "{\"summarize_ips_by_asn\": true, \"asn_notfound\": true}");
	struct pv_stage *view = pv_flow_view_new(&f, NULL, 7, mem_sink(&m));
	pv_out_init(&o, mem_sink(&in));
	ev_define(&o, 1000 * SEC, 1, PV_DEFINE_ASN, 1, "1221/Telstra");
	ev_define(&o, 1000 * SEC, 1, PV_DEFINE_ASN, 2, "Unknown");
	ev_define(&o, 1000 * SEC, 2, PV_DEFINE_ASN, 1, "of another stage");
	pv_out_drain(&o);
	view->ops->batch(view, ev_at(&in, 0), in.n);
	pv_out_drain(&view->out);
	assert_int_equal(m.n, in.n);
	struct pv_flow e = flow_record("10.1.0.1", 1500, "10.2.0.1", 53);
	e.asn_src = 1;
	e.asn_dst = 2;
	const struct pv_flow *to = view_one(view, &m, &e);
	assert_int_equal(to->ev.flags, 0);
	assert_true(is(to, to->src_label, "1221/Telstra"));
	assert_true(is(to, to->dst_label, "Unknown"));
	e.asn_dst = 1;
	assert_int_equal(view_one(view, &m, &e)->ev.flags, PV_F_FILTERED);
	e.asn_src = e.asn_dst = 0; /* no database */
	to = view_one(view, &m, &e);
	assert_memory_equal(to, &e, sizeof e);
	pv_stage_free(view);
	pv_out_free(&o);
	pv_flow_filter_free(&f);
	mem_free(&in);
	mem_free(&m);
}

/* 192.0.2.0/25 is in Europe and of network 237, 192.0.2.128/25 in America and of network 1221. */
static struct pv_geo *places(void)
{
	char city[64], asn[64], err[256];
	struct mm m = {.len = 0};
	mm_temp(city);
	mm_map(&m, 1);
	mm_coded(&m, "continent", "code", "EU");
	mm_net4(&m, 0xc0000200, 25, 0);
	size_t at = m.len;
	mm_map(&m, 1);
	mm_coded(&m, "continent", "code", "NA");
	mm_net4(&m, 0xc0000280, 25, at);
	mm_write(&m, city, "Test-City");
	mm_temp(asn);
	for (unsigned i = 0; i < 2; i++) {
		at = m.len;
		mm_map(&m, 1);
		mm_string(&m, "autonomous_system_number");
		mm_u32(&m, i ? 1221 : 237);
		mm_net4(&m, i ? 0xc0000280 : 0xc0000200, 25, at);
	}
	mm_write(&m, asn, "Test-ASN");
	const struct pv_geo_conf conf = {.city_path = city, .asn_path = asn, .cache_entries = 10, .seed = 3};
	struct pv_geo *geo = pv_geo_open(&conf, err, sizeof err);
	assert_non_null(geo);
	unlink(city);
	unlink(asn);
	return geo;
}

/* Each text is told once a stream, in front of the first record that needs it; what has numbers keeps them. */
static void test_locate(void **state)
{
	struct mem in = {.n = 0}, m = {.n = 0};
	struct pv_stage *locate = pv_flow_locate_new(places(), mem_sink(&m));
	struct pv_out o;
	char got[1024] = "";
	size_t at = 0;
	(void)state;
	assert_non_null(locate);
	pv_out_init(&o, mem_sink(&in));
	for (uint64_t stream = 1; stream <= 2; stream++) {
		static const struct {
			const char *src, *dst;
			uint8_t l3;
			uint32_t had;
		} records[] = {{"192.0.2.1", "192.0.2.130", 4, 0},
			       {"192.0.2.131", "192.0.2.2", 4, 0},
			       {"192.0.2.1", "203.0.113.1", 4, 0},
			       {"", "", 0, 0},
			       {"192.0.2.1", "192.0.2.2", 4, 9}};
		ev_start(&o, 1000 * SEC, PV_CLOCK_LIVE, stream, 0);
		for (size_t i = 0; i < LEN(records); i++) {
			struct pv_flow f = flow_record(records[i].src, 1, records[i].dst, 2);
			f.l3 = records[i].l3;
			f.asn_dst = records[i].had;
			f.stage = 3;
			pv_out_pass(&o, &f, f.ev.size);
			pv_out_release(&o); /* f goes */
		}
	}
	pv_out_drain(&o);
	locate->ops->batch(locate, ev_at(&in, 0), in.n);
	pv_out_drain(&locate->out);
	for (size_t i = 0; i < m.n; i += ev_at(&m, i)->size) {
		const struct pv_event *ev = ev_at(&m, i);
		const struct pv_define *d = (const void *)ev;
		const struct pv_flow *f = (const void *)ev;
		assert_null(pv_event_check(ev));
		if (ev->type == PV_EV_START)
			at += (size_t)snprintf(got + at, sizeof got - at, "start\n");
		else if (ev->type == PV_EV_DEFINE)
			at += (size_t)snprintf(got + at, sizeof got - at, "%u %s %u=%.*s\n", d->stage,
					       d->kind == PV_DEFINE_GEO ? "geo" : "asn", d->number, d->text.len,
					       pv_ref_bytes(ev, d->text));
		else
			at += (size_t)snprintf(got + at, sizeof got - at, "geo %u>%u asn %u>%u\n", f->geo_src,
					       f->geo_dst, f->asn_src, f->asn_dst);
	}
	static const char once[] = "start\n3 geo 1=EU\n3 asn 1=237\n3 geo 2=NA\n3 asn 2=1221\ngeo 1>2 asn 1>2\ngeo 2>1 asn 2>1\n"
				   "3 geo 3=Unknown\n3 asn 3=Unknown\ngeo 1>3 asn 1>3\ngeo 0>0 asn 0>0\ngeo 0>0 asn 0>9\n";
	assert_int_equal(at, 2 * strlen(once));
	assert_memory_equal(got, once, strlen(once));
	assert_string_equal(got + strlen(once), once);
	pv_stage_free(locate);
	pv_out_free(&o);
	mem_free(&in);
	mem_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keys),	 cmocka_unit_test(test_wrong),	   cmocka_unit_test(test_accepts),
	    cmocka_unit_test(test_notfound),	 cmocka_unit_test(test_summary),   cmocka_unit_test(test_services),
	    cmocka_unit_test(test_services_again), cmocka_unit_test(test_services_cut), cmocka_unit_test(test_view),	   cmocka_unit_test(test_view_networks),
	    cmocka_unit_test(test_locate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
