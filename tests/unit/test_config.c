/* SPDX-License-Identifier: MPL-2.0 */
/* Documents and what the agent makes of them: every error text, with its line, and what good ones mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "handlers/handlers.h"
#include "policy/config.h"
#include "policy/schema.h"

static struct pv_config_error err;

struct said {
	char text[4000];
};

static void say(void *ctx, enum pv_config_say kind, unsigned line, const char *text)
{
	struct said *s = ctx;
	size_t at = strlen(s->text);
	snprintf(s->text + at, sizeof s->text - at, "%c%u:%s\n", kind == PV_SAY_INFO ? 'i' : 'w', line, text);
}

static struct said said;

static struct pv_config_world world(void)
{
	memset(&said, 0, sizeof said);
	return (struct pv_config_world){.handlers = pv_handlers, .say = say, .ctx = &said};
}

static struct pv_config *load_as(enum pv_config_form form, const char *text)
{
	struct pv_config_world w = world();
	memset(&err, 0, sizeof err);
	return pv_config_load_text(text, strlen(text), form, &w, &err);
}

static struct pv_config *good(const char *text)
{
	struct pv_config *c = load_as(PV_CONFIG_FILE, text);
	if (!c)
		fail_msg("line %u: %s\n%s", err.line, err.text, text);
	return c;
}

/* ---- errors ------------------------------------------------------------------------------------- */

#define HEAD "version: \"1.0\"\nvisor:\n" /* lines 1 and 2 */
#define TAPS \
	HEAD "  taps:\n" /* 3 */ \
	     "    t: {input_type: pcap, config: {iface: eth0}, tags: {site: ams, rack: 7, up: true}}\n" /* 4 */
#define NET  "      handlers: {modules: {n: {type: net}}}\n"
#define IN   "      input: {tap: t, input_type: pcap}\n"
#define KIND "      kind: collection\n"
#define POL  TAPS "  policies:\n    p:\n" /* 5 and 6 */
#define MOD(body) POL KIND IN "      handlers:\n        modules:\n          h:\n" body /* from line 12 */
#define SEL(body) POL KIND NET "      input:\n        input_type: pcap\n        tap_selector:\n" body /* from 12 */
#define TAP(body) HEAD "  taps:\n    t:\n" body /* from line 5 */
/* A policy that has all but what completes its input. */
#define PROBE(body) HEAD "  taps:\n    t:\n      input_type: netprobe\n      config:\n" body \
	"  policies: {p: {kind: collection, input: {tap: t, input_type: netprobe}, handlers: {modules: {}}}}\n"
#define USE(type, body) HEAD "  taps:\n    t: {input_type: " type ", config: {" body "}}\n" \
	"  policies: {p: {kind: collection, input: {tap: t, input_type: " type "}, handlers: {modules: {}}}}\n"

#define NET_KEYS_TEXT "geoloc_notfound, asn_notfound, only_geoloc_prefix, only_asn_number, recorded_stream"
#define WINDOW_KEYS_TEXT "deep_sample_rate, num_periods, topn_count, topn_percentile_threshold"
#define DNS_KEYS_TEXT \
	"exclude_noerror, only_rcode, only_queries, only_responses, only_dnssec_response, answer_count, only_qtype, " \
	"only_qname, only_qname_suffix, geoloc_notfound, asn_notfound, dnstap_msg_type, public_suffix_list, " \
	"recorded_stream, xact_ttl_secs, xact_ttl_ms"
#define PCAP_KEYS_TEXT \
	"iface, bpf, debug, host_spec, pcap_file, pcap_source, tcp_packet_reassembly_cache_limit"
#define UNKNOWN(k) k " is an invalid/unsupported config or filter. The valid configs/filters are: "
#define START "policy [p] failed to start: "

struct bad {
	const char *text;
	unsigned line;
	const char *says;
	enum pv_config_fault fault; /* 0: INVALID */
};

static void all_are_refused(enum pv_config_form form, const struct bad *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pv_config *c = load_as(form, cases[i].text);
		if (c)
			fail_msg("taken instead of '%s':\n%s", cases[i].says, cases[i].text);
		if (strcmp(err.text, cases[i].says) || err.line != cases[i].line)
			fail_msg("line %u: %s\ninstead of line %u: %s\n%s", err.line, err.text, cases[i].line,
				 cases[i].says, cases[i].text);
		assert_int_equal(err.fault, cases[i].fault ? cases[i].fault : PV_CONFIG_INVALID);
	}
}

#define REFUSED(form, cases) all_are_refused(form, cases, sizeof cases / sizeof cases[0])

static void documents(void **state)
{
	static const struct bad cases[] = {
		{"", 0, "empty data", 0},
		{"hello", 0, "invalid schema", 0},
		{"[visor]", 0, "invalid schema", 0},
		{"a: b", 0, "invalid schema", 0},
		{"visor:\n", 1, "invalid schema", 0},
		{"visor: 5\n", 1, "invalid schema", 0},
		{"version: \"2.0\"\nvisor: {}\n", 1, "unsupported version", 0},
		{"version: 1\nvisor: {}\n", 1, "unsupported version", 0},
		{"version: [1.0]\nvisor: {}\n", 1, "unsupported version", 0},
		{"vision: 1\nvisor: {}\n", 1, UNKNOWN("vision") "version, visor", 0},
		{"visor: {}\nvisor: {}\n", 2, "duplicate key: visor", 0},
		{"visor:\n  tap: {}\n", 2, UNKNOWN("tap") "config, taps, global_handler_config, policies", 0},
		{"visor:\n  taps: {}\n  taps: {}\n", 3, "duplicate key: taps", 0},
		{"visor:\n  ? [a]\n  : 1\n", 2, "a key must be a scalar", 0},
		{"visor:\n  taps: 5\n", 2, "'visor.taps' is not a map", 0},
		{"visor:\n  policies: []\n", 2, "'visor.policies' is not a map", 0},
		{"visor:\n  config: x\n", 2, "'visor.config' is not a map", 0},
		{"visor:\n  global_handler_config: x\n", 2, "'visor.global_handler_config' is not a map", 0},
		{"visor:\n  taps: {t: {input_type: mock, tags: {a: 1,\n   a: 2}}}\n", 3, "duplicate key: a", 0},
	};
	(void)state;
	REFUSED(PV_CONFIG_FILE, cases);
}

static void the_agent(void **state)
{
	static const struct bad cases[] = {
		{HEAD "  config:\n    port: many\n", 4, "wrong type for key: port", 0},
		{HEAD "  config:\n    port: \"80\"\n", 4, "wrong type for key: port", 0},
		{HEAD "  config:\n    port: -1\n", 4, "wrong type for key: port", 0},
		{HEAD "  config:\n    port: 65536\n", 4, "port: 65536 is more than 65535", 0},
		{HEAD "  config:\n    admin_api: yes\n", 4, "wrong type for key: admin_api", 0},
		{HEAD "  config:\n    admin_api: 1\n", 4, "wrong type for key: admin_api", 0},
		{HEAD "  config:\n    host: 7\n", 4, "wrong type for key: host", 0},
		{HEAD "  config:\n    host: [a]\n", 4, "wrong type for key: host", 0},
		{HEAD "  config:\n    tls: true\n    tls: false\n", 5, "duplicate key: tls", 0},
	};
	(void)state;
	REFUSED(PV_CONFIG_FILE, cases);
	assert_null(load_as(PV_CONFIG_FILE, HEAD "  config:\n    host: x\n    prots: 1\n"));
	assert_int_equal(err.line, 5);
	assert_non_null(strstr(err.text, UNKNOWN("prots") "verbose, daemon, "));
	assert_non_null(strstr(err.text, "workers"));
	assert_null(load_as(PV_CONFIG_FILE, HEAD "  config:\n    host: 7\n"));
	assert_string_equal(err.hint, "a string is expected");
}

static void taps(void **state)
{
	static const struct bad cases[] = {
		{HEAD "  taps:\n    ? [a]\n    : {input_type: pcap}\n", 4, "expecting tap identifier", 0},
		{HEAD "  taps:\n    t: 5\n", 4, "expecting tap configuration map", 0},
		{HEAD "  taps:\n    t:\n", 4, "expecting tap configuration map", 0},
		{HEAD "  taps:\n    \"1 bad\": {input_type: mock}\n", 4, "invalid module name: 1 bad", 0},
		{HEAD "  taps:\n    \"\": {input_type: mock}\n", 4, "invalid module name: ", 0},
		{HEAD "  taps:\n    a.b: {input_type: mock}\n", 4, "invalid module name: a.b", 0},
		{HEAD "  taps:\n    -a: {input_type: mock}\n", 4, "invalid module name: -a", 0},
		{HEAD "  taps:\n    __all: {input_type: mock}\n", 4,
		 "invalid module name: __all, which stands for all policies", 0},
		{HEAD "  taps:\n    a123456789b123456789c123456789d123456789e123456789f123456789g123456789h123456789"
		      "i123456789j123456789k: {input_type: mock}\n",
		 4, "invalid module name: a123456789b123456789c123456789d123456789... is longer than 100 characters", 0},
		{TAP("      config: {x: 1}\n"), 4, "missing or invalid tap type key 'input_type'", 0},
		{TAP("      input_type: {}\n"), 5, "missing or invalid tap type key 'input_type'", 0},
		{TAP("      input_type: nope\n"), 5, "Tap 't' requires input stream type 'nope' which is not available", 0},
		{TAP("      input_type: pcap\n      config: 5\n"), 6, "tap configuration is not a map", 0},
		{TAP("      input_type: pcap\n      filter: 5\n"), 6, "tap filter is not a map", 0},
		{TAP("      input_type: pcap\n      tags: [a]\n"), 6, "tap tags is not a map", 0},
		{TAP("      input_type: pcap\n      tags:\n        a: [[1]]\n"), 7,
		 "invalid tap tags: invalid value for sequence in key: a", 0},
		{TAP("      input_type: pcap\n      tag: {}\n"), 6, UNKNOWN("tag") "input_type, config, filter, tags", 0},
		{TAP("      input_type: pcap\n      config:\n        bogus: 1\n"), 7, UNKNOWN("bogus") PCAP_KEYS_TEXT, 0},
		{TAP("      input_type: pcap\n      filter:\n        bogus: 1\n"), 7, UNKNOWN("bogus") PCAP_KEYS_TEXT, 0},
		{TAP("      input_type: pcap\n      config:\n        iface: 7\n"), 7, "wrong type for key: iface", 0},
		{HEAD "  taps:\n    t: {input_type: mock}\n    t: {input_type: mock}\n", 5, "module name 't' already exists",
		 PV_CONFIG_EXISTS},
	};
	(void)state;
	REFUSED(PV_CONFIG_FILE, cases);
}

static void inputs(void **state)
{
	static const struct bad cases[] = {
		{TAP("      input_type: pcap\n      config: {pcap_source: magic}\n"), 6, "unknown pcap source", 0},
		{TAP("      input_type: pcap\n      config: {host_spec: 192.168.0.0/64}\n"), 6,
		 "invalid CIDR: 192.168.0.0/64", 0},
		{TAP("      input_type: pcap\n      config: {host_spec: \"10.0.0.0/8,192.168.0.0/24/12ac\"}\n"), 6,
		 "invalid CIDR: 192.168.0.0/24/12ac", 0},
		{TAP("      input_type: pcap\n      config: {host_spec: 192.168.AE.0/24}\n"), 6,
		 "invalid IPv4 address: 192.168.AE.0", 0},
		{TAP("      input_type: pcap\n      config: {host_spec: \"fe80:2030:31:24/12\"}\n"), 6,
		 "invalid IPv6 address: fe80:2030:31:24", 0},
		{TAP("      input_type: pcap\n      config: {host_spec: \"10.0.0.0/8, 192.0.2.1\"}\n"), 6,
		 "invalid CIDR: 192.0.2.1", 0},
		{USE("pcap", ""), 5, START "no iface was specified for live capture", 0},
		{USE("flow", "flow_type: nflow"), 4, "invalid flow_type \"nflow\". Supported types: \"sflow\", \"netflow\" "
		 "and \"ipfix\"", 0},
		{USE("flow", "port: 2055"), 5, START "flow config must specify port and bind", 0},
		{USE("sflow", "bind: 0.0.0.0"), 5, START "flow config must specify port and bind", 0},
		{USE("flow", "port: 70000"), 4, "port: 70000 is more than 65535", 0},
		{USE("flow", "x: 1"), 4, UNKNOWN("x") "flow_type, bind, port, pcap_file", 0},
		{USE("dnstap", ""), 5, START "config must specify one of: socket, dnstap_file, tcp", 0},
		{USE("dnstap", "tcp: nowhere"), 4, "invalid tcp address specification, use HOST:PORT", 0},
		{USE("dnstap", "tcp: \":53\""), 4, "invalid tcp address specification, use HOST:PORT", 0},
		{USE("dnstap", "tcp: \"::1:53\""), 4, "invalid tcp address specification, use HOST:PORT", 0},
		{USE("dnstap", "tcp: \"localhost:dns\""), 4, "unable to parse tcp address specification, use HOST:PORT", 0},
		{USE("dnstap", "tcp: \"[::1]:65536\""), 4, "unable to parse tcp address specification, use HOST:PORT", 0},
		{USE("dnstap", "only_hosts: 10.0.0.0/8"), 4, "wrong type for key: only_hosts", 0},
		{USE("dnstap", "only_hosts: [10.0.0.0/8,\n \"2001:db8::/48/12ac\"]"), 5, "invalid CIDR: 2001:db8::/48/12ac", 0},
		{USE("dnstap", "only_hosts: [\"2001:db8::1\"]"), 4, "invalid CIDR: 2001:db8::1", 0},
		{USE("dnstap", "x: 1"), 4, UNKNOWN("x") "tcp, socket, dnstap_file, only_hosts", 0},
		{PROBE("        interval_msec: 1\n"), 7,
		 "timeout_msec [2000] cannot be greater than interval_msec [1]", 0},
		{PROBE("        timeout_msec: 2000\n"), 8,
		 START "'test_type' config not specified. The valid test types are: http, ping, tcp, udp", 0},
		{PROBE("        test_type: pong\n"), 7,
		 "pong is an invalid/unsupported test type. The valid test types are: http, ping, tcp, udp", 0},
		{PROBE("        test_type: http\n"), 7, "Test type currently not supported", 0},
		{PROBE("        test_type: udp\n"), 7, "Test type currently not supported", 0},
		{PROBE("        interval_msec: 2000\n        timeout_msec: 5000\n"), 8,
		 "timeout_msec [5000] cannot be greater than interval_msec [2000]", 0},
		{PROBE("        packets_per_test: 0\n"), 7, "packets_per_test needs to be greater than 0", 0},
		{PROBE("        interval_msec: 2000\n        packets_per_test: 25\n        packets_interval_msec: 100\n"), 8,
		 "packets_per_test [25] times packets_interval_msec [100] cannot be greater than interval_msec [2000]", 0},
		{PROBE("        packet_payload_size: 50000000000\n"), 7,
		 "packet_payload_size was set to 50000000000 but max supported size is 65500", 0},
		{PROBE("        test_type: ping\n"), 8, START "no targets specified", 0},
		{PROBE("        test_type: ping\n        targets: {}\n"), 8, "no targets specified", 0},
		{PROBE("        targets: x\n"), 7, "wrong type for key: targets", 0},
		{PROBE("        targets:\n          a: {port: 1}\n"), 8, "'a' does not have key 'target' which is required", 0},
		{PROBE("        targets:\n          a: gw\n"), 8, "'a' does not have key 'target' which is required", 0},
		{PROBE("        test_type: tcp\n        targets:\n          a: {target: localhost}\n"), 9,
		 "'a' does not have key 'port' which is required", 0},
		{PROBE("        targets:\n          a: {target: localhost, ip_version: 5}\n"), 8, "ip_version must be 4 or 6", 0},
		{PROBE("        targets:\n          a: {target: localhost, ip_version: 0}\n"), 8, "ip_version must be 4 or 6", 0},
		{PROBE("        targets:\n          a:\n            target: 1.2.3.4\n            ip_version: 6\n"), 10,
		 "target 1.2.3.4 is IPv4 but ip_version is set to 6", 0},
		{PROBE("        targets:\n          a: {target: \"2001:db8::1\", ip_version: 4}\n"), 8,
		 "target 2001:db8::1 is IPv6 but ip_version is set to 4", 0},
		{PROBE("        targets:\n          a: {target: invalid}\n"), 8, "invalid is an invalid/unsupported DNS", 0},
		{PROBE("        targets:\n          a: {target: a.b, prot: 1}\n"), 8, UNKNOWN("prot") "target, port, ip_version", 0},
		{PROBE("        invalid_config: 1\n"), 7,
		 UNKNOWN("invalid_config") "test_type, interval_msec, timeout_msec, packets_per_test, packets_interval_msec, "
		 "packet_payload_size, targets", 0},
	};
	(void)state;
	REFUSED(PV_CONFIG_FILE, cases);
}

#define FLOWS(body) HEAD "  taps:\n    t: {input_type: flow, config: {bind: \"::1\", port: 1}}\n  policies:\n    p:\n" KIND \
	"      input: {tap: t, input_type: flow}\n      handlers:\n        modules:\n          f:\n            type: flow\n" \
	"            filter:\n" body /* from line 14 */

static void flow_handlers(void **state)
{
	static const struct bad cases[] = {
		{FLOWS("              device_map:\n                1.2.3.4: {name: a, interfaces: {x: {name: b}}}\n"), 14,
		 START "FlowHandler: 'device_map' config with device IP 1.2.3.4 has an invalid interface: x", 0},
		{FLOWS("              only_ports: [1]\n              only_device_interfaces: {1.2.3.4: [\"1-\"]}\n"), 15,
		 START "FlowHandler: invalid 'only_device_interfaces' filter interface value: 1-", 0},
		{FLOWS("              device_map: 1.2.3.4\n"), 14, START "wrong type for key: device_map", 0},
		{FLOWS("              subnets_for_summarization: [\"::/8\", \"::/9\"]\n"), 14,
		 START "FlowHandler: 'subnets_for_summarization' only allows one ipv4 and one ipv6 wildcard", 0},
	};
	(void)state;
	REFUSED(PV_CONFIG_FILE, cases);
	struct pv_config *c = good(FLOWS("              device_map: {1.2.3.4: {name: 17, interfaces: {3: {name: e}}}}\n"
					 "              only_ports: [53, 80-90]\n              enrichment: true\n"));
	const struct pv_flow_filter *f = &c->policies[0]->handlers[0].flow;
	assert_int_equal(f->ndevice, 1);
	assert_string_equal(f->device[0].name, "17");
	assert_string_equal(pv_flow_device_iface(&f->device[0], 3), "e");
	assert_null(pv_flow_device_iface(&f->device[0], 4));
	assert_int_equal(f->ports.n, 2);
	assert_int_equal(f->ports.at[1].last, 90);
	assert_true(f->scaling);
	pv_config_free(c);
}

static void global_handler_config(void **state)
{
	static const struct bad cases[] = {
		{HEAD "  global_handler_config:\n    dns: 5\n", 4, "expecting global_handler_config configuration map", 0},
		{HEAD "  global_handler_config:\n    dns: {}\n    dns: {}\n", 5,
		 "stream handler type 'dns' already exists in global_handler_config configuration", PV_CONFIG_EXISTS},
		{HEAD "  global_handler_config:\n    net:\n      bogus: 1\n", 5,
		 UNKNOWN("bogus") NET_KEYS_TEXT ", " WINDOW_KEYS_TEXT, 0},
		{HEAD "  global_handler_config:\n    dns:\n      only_rcode: \"1\"\n", 5,
		 "DnsStreamHandler: wrong value type for only_rcode filter. It should be an integer or an array", 0},
	};
	(void)state;
	REFUSED(PV_CONFIG_FILE, cases);
}

static void policies(void **state)
{
	static const struct bad cases[] = {
		/* 1 */
		{TAPS "  policies:\n    ? [a]\n    : {}\n", 6, "expecting policy identifier", 0},
		{TAPS "  policies:\n    p: 5\n", 6, "expecting policy configuration map", 0},
		{TAPS "  policies:\n    p:\n", 6, "expecting policy configuration map", 0},
		{TAPS "  policies:\n    9x y: {}\n", 6, "invalid module name: 9x y", 0},
		{POL KIND IN NET "    p: {}\n", 10, "policy with name 'p' already defined", PV_CONFIG_EXISTS},
		{POL KIND IN NET "      handler: {}\n", 10, UNKNOWN("handler") "kind, input, handlers, config", 0},
		/* 2 */
		{POL IN NET, 6, "missing or invalid policy kind at key 'kind'", 0},
		{POL "      kind: []\n" IN NET, 7, "missing or invalid policy kind at key 'kind'", 0},
		{POL "      kind: weird\n" IN NET, 7, "unknown policy kind: weird", 0},
		/* 3 */
		{POL KIND NET, 6, "missing or invalid policy input stream configuration at key 'input'", 0},
		{POL KIND "      input: t\n" NET, 8, "missing or invalid policy input stream configuration at key 'input'", 0},
		{POL KIND "      input:\n        taps: t\n" NET, 9,
		 UNKNOWN("taps") "input_type, tap, tap_selector, config, filter", 0},
		/* 4 */
		{POL KIND "      input: {tap: t}\n" NET, 8, "missing or invalid input_type at key 'input.input_type'", 0},
		{POL KIND "      input: {tap: t, input_type: [pcap]}\n" NET, 8,
		 "missing or invalid input_type at key 'input.input_type'", 0},
		/* 5 */
		{POL KIND "      input: {tap: t, input_type: pcap, config: 5}\n" NET, 8, "input configuration is not a map", 0},
		{POL KIND "      input: {tap: t, input_type: pcap, filter: 5}\n" NET, 8,
		 "input filter configuration is not a map", 0},
		{POL KIND "      input: {tap: t, input_type: pcap, config: {a: [[b]]}}\n" NET, 8,
		 "invalid input config: invalid value for sequence in key: a", 0},
		{POL KIND "      input: {tap: t, input_type: pcap, filter: {a: [{}]}}\n" NET, 8,
		 "invalid input filter: invalid value for sequence in key: a", 0},
		{POL KIND "      input:\n        tap: t\n        input_type: pcap\n        config:\n          bogus: 1\n" NET, 12,
		 START UNKNOWN("bogus") PCAP_KEYS_TEXT, 0},
		{POL KIND "      input: {tap: t, input_type: pcap, filter: {bogus: 1}}\n" NET, 8,
		 START UNKNOWN("bogus") PCAP_KEYS_TEXT, 0},
		/* 6 */
		{POL KIND IN, 6, "missing or invalid handler configuration at key 'handlers'", 0},
		{POL KIND IN "      handlers: []\n", 9, "missing or invalid handler configuration at key 'handlers'", 0},
		{POL KIND IN "      handlers: {module: {}}\n", 9, UNKNOWN("module") "modules, window_config", 0},
		/* 7 */
		{POL KIND IN "      handlers: {}\n", 9, "missing or invalid handler modules at key 'modules'", 0},
		{POL KIND IN "      handlers: {modules: net}\n", 9, "missing or invalid handler modules at key 'modules'", 0},
		/* 8 */
		{POL KIND IN "      handlers: {modules: {}, window_config: 5}\n", 9,
		 "invalid stream handler window config: it is not a map", 0},
		{POL KIND IN "      handlers: {modules: {n: {type: net}}, window_config: {a: [[]]}}\n", 9,
		 "invalid stream handler window config: invalid value for sequence in key: a", 0},
		/* 9 */
		{POL KIND "      input: {tap: t, tap_selector: {}, input_type: pcap}\n" NET, 8,
		 "input can have only key 'input.tap' or key 'input.tap_selector'", 0},
		{POL KIND "      input: {input_type: pcap}\n" NET, 8,
		 "missing key 'input.tap' or key 'input.tap_selector'", 0},
		/* 10 */
		{POL KIND "      input: {tap: [t], input_type: pcap}\n" NET, 8, "invalid tap at key 'input.tap'", 0},
		{POL KIND "      input:\n        input_type: pcap\n        tap: x\n" NET, 10, "tap 'x' does not exist", 0},
		/* 12 */
		{POL KIND IN NET "      config: 5\n", 10, "policy configuration is not a map", 0},
		{POL KIND IN NET "      config: {merge_like_handlers: 1}\n", 10,
		 "invalid policy config for policy 'p': wrong type for key: merge_like_handlers", 0},
		{POL KIND IN NET "      config: {merge: true}\n", 10,
		 "invalid policy config for policy 'p': " UNKNOWN("merge") "merge_like_handlers", 0},
		{POL KIND IN NET "      config: {a: [[]]}\n", 10,
		 "invalid policy config for policy 'p': invalid value for sequence in key: a", 0},
		/* 13 */
		{POL KIND "      input: {tap: t, input_type: dnstap}\n" NET, 8,
		 "input_type for policy specified tap 't' doesn't match tap's defined input type: dnstap/pcap", 0},
	};
	(void)state;
	REFUSED(PV_CONFIG_FILE, cases);
}

static void selectors(void **state)
{
	static const struct bad cases[] = {
		{POL KIND NET "      input:\n        input_type: pcap\n        tap_selector: x\n", 11,
		 "'input.tap_selector' is not a map", 0},
		{SEL("          all: []\n          any: []\n"), 11,
		 "input can have only key 'input.tap_selector.all' or key 'input.tap_selector.any'", 0},
		{POL KIND NET "      input: {input_type: pcap, tap_selector: {}}\n", 9,
		 "missing key 'input.tap_selector.all' or key 'input.tap_selector.any'", 0},
		{SEL("          some: []\n"), 12, UNKNOWN("some") "any, all", 0},
		{SEL("          all: {site: ams}\n"), 12, "'input.tap_selector.all' is not a sequence", 0},
		{SEL("          any: site\n"), 12, "'input.tap_selector.any' is not a sequence", 0},
		{SEL("          any:\n            - {site: ams, rack: 7}\n"), 13,
		 "selector tag must contain only one key/value pair per sequence index", 0},
		{SEL("          any:\n            - site\n"), 13,
		 "selector tag must contain only one key/value pair per sequence index", 0},
		{SEL("          any:\n            - site: [ams]\n"), 13, "tag key 'site' must have scalar value", 0},
		{SEL("          all:\n            - site: 5\n"), 13,
		 "Tap [t]: tag and selector value types are different for key 'site'", 0},
		{SEL("          all:\n            - rack: \"7\"\n"), 13,
		 "Tap [t]: tag and selector value types are different for key 'rack'", 0},
		{SEL("          any:\n            - up: \"true\"\n"), 13,
		 "Tap [t]: tag and selector value types are different for key 'up'", 0},
		{SEL("          all:\n            - site: fra\n"), 11,
		 "no tap match found for specified 'input.tap_selector' tags", PV_CONFIG_NO_TAP_MATCH},
		{SEL("          all:\n            - site: ams\n            - floor: 1\n"), 11,
		 "no tap match found for specified 'input.tap_selector' tags", PV_CONFIG_NO_TAP_MATCH},
		{SEL("          any: []\n"), 11, "no tap match found for specified 'input.tap_selector' tags",
		 PV_CONFIG_NO_TAP_MATCH},
		{SEL("          all: []\n"), 11, "no tap match found for specified 'input.tap_selector' tags",
		 PV_CONFIG_NO_TAP_MATCH},
	};
	(void)state;
	REFUSED(PV_CONFIG_FILE, cases);
}

static void modules(void **state)
{
	static const struct bad cases[] = {
		{POL KIND IN "      handlers:\n        modules:\n          ? [a]\n          : {type: net}\n", 11,
		 "expecting handler module identifier", 0},
		{POL KIND IN "      handlers: {modules: {h: net}}\n", 9, "expecting Handler configuration map", 0},
		{POL KIND IN "      handlers:\n        modules:\n          - net\n", 11, "expecting handler module identifier", 0},
		{POL KIND IN "      handlers:\n        modules:\n          - {}\n", 11, "expecting handler module identifier", 0},
		{POL KIND IN "      handlers:\n        modules:\n          - h: net\n", 11, "expecting Handler configuration map", 0},
		{POL KIND IN "      handlers:\n        modules:\n          - h:\n", 11, "expecting Handler configuration map", 0},
		{POL KIND IN "      handlers:\n        modules:\n          - h: {type: net}\n            x: {type: net}\n", 11,
		 "expecting Handler configuration map", 0},
		{POL KIND IN "      handlers: {modules: {h 1: {type: net}}}\n", 9, "invalid module name: h 1", 0},
		{MOD("            config: {}\n"), 11, "missing or invalid stream handler type at key 'type'", 0},
		{MOD("            type: []\n"), 12, "missing or invalid stream handler type at key 'type'", 0},
		{MOD("            type: net2\n"), 12,
		 "Policy 'p' requires stream handler type 'net2' and version '1.0' which is not available", 0},
		{MOD("            require_version: \"9.0\"\n            type: net\n"), 13,
		 "Policy 'p' requires stream handler type 'net' and version '9.0' which is not available", 0},
		{MOD("            type: net\n            require_version: [1]\n"), 13,
		 "Invalid stream handler version at key 'require_version'", 0},
		{MOD("            type: bgp\n            config: {bogus_key: 1}\n"), 13,
		 START UNKNOWN("bogus_key") "recorded_stream, " WINDOW_KEYS_TEXT, 0},
		{MOD("            type: net\n            filter: 5\n"), 13, "stream handler filter configuration is not a map", 0},
		{MOD("            type: net\n            filter: {a: [[]]}\n"), 13,
		 "invalid stream handler filter config for handler 'h': invalid value for sequence in key: a", 0},
		{MOD("            type: net\n            config: 5\n"), 13, "stream handler configuration is not a map", 0},
		{MOD("            type: net\n            config: {a: [[]]}\n"), 13,
		 "invalid stream handler config for handler 'h': invalid value for sequence in key: a", 0},
		{MOD("            type: net\n            metric_groups: all\n"), 13, "stream handler metric groups is not a map", 0},
		{MOD("            type: net\n            metric_groups: {enabled: [all]}\n"), 13,
		 "stream handler metric groups should contain enable and/or disable tags", 0},
		{MOD("            type: net\n            metric_groups: {}\n"), 13,
		 "stream handler metric groups should contain enable and/or disable tags", 0},
		{MOD("            type: net\n            metric_groups: {enable: all}\n"), 13,
		 "invalid stream handler metrics for handler 'h': wrong type for key: enable", 0},
		{MOD("            type: net\n            metric_groups: {enable: [[all]]}\n"), 13,
		 "invalid stream handler metrics for handler 'h': invalid value for sequence in key: enable", 0},
		{MOD("            type: net\n            metric_groups: {enable: [all], on: [all]}\n"), 13,
		 "invalid stream handler metrics for handler 'h': " UNKNOWN("on") "enable, disable", 0},
		{MOD("            type: net\n            window: {}\n"), 13,
		 UNKNOWN("window") "type, require_version, config, filter, metric_groups", 0},
		{MOD("            type: net\n            metric_groups:\n              enable:\n                - top_ips\n"
		     "                - rates\n"), 16,
		 START "rates is an invalid/unsupported metric group. The valid groups are: all, cardinality, counters, top_geo, "
		 "top_ips", 0},
		{MOD("            type: net\n            config:\n              bogus_key: 1\n"), 14,
		 START UNKNOWN("bogus_key") NET_KEYS_TEXT ", " WINDOW_KEYS_TEXT, 0},
		{MOD("            type: dns\n            filter:\n              bogus_key: 1\n"), 14,
		 START UNKNOWN("bogus_key") DNS_KEYS_TEXT ", " WINDOW_KEYS_TEXT, 0},
		{MOD("            type: pcap\n            config: {bogus_key: 1}\n"), 13,
		 START UNKNOWN("bogus_key") "recorded_stream, " WINDOW_KEYS_TEXT, 0},
		{MOD("            type: dhcp\n            config: {bogus_key: 1}\n"), 13,
		 START UNKNOWN("bogus_key") "recorded_stream, xact_ttl_secs, xact_ttl_ms, " WINDOW_KEYS_TEXT, 0},
		{MOD("            type: dns\n            filter: {only_rcode: 9999}\n"), 13,
		 START "DnsStreamHandler: only_rcode filter contained an invalid/unsupported rcode", 0},
		{MOD("            type: dns\n            filter: {only_rcode: [\"1\", nonsense]}\n"), 13,
		 START "DnsStreamHandler: only_rcode filter contained an invalid/unsupported rcode: nonsense", 0},
		{MOD("            type: dns\n            filter: {answer_count: \"1\"}\n"), 13,
		 START "DnsStreamHandler: wrong value type for answer_count filter. It should be an integer", 0},
		{MOD("            type: dns\n            filter: {only_qtype: [AAAA, \"270x\"]}\n"), 13,
		 START "DnsStreamHandler: only_qtype filter contained an invalid/unsupported qtype: 270x", 0},
		{MOD("            type: dns\n            filter: {only_qname: example.com}\n"), 13,
		 START "wrong type for key: only_qname", 0},
		{MOD("            type: dns\n            filter: {only_qname: {a: b}}\n"), 13, START "wrong type for key: only_qname", 0},
		{MOD("            type: dns\n            config: {dnstap_msg_type: sender}\n"), 13,
		 START "DnsStreamHandler: dnstap_msg_type contained an invalid/unsupported type. Valid types: auth, client, "
		 "forwarder, resolver, stub, tool, update", 0},
		{MOD("            type: net\n            filter: {only_asn_number: [\"16509/Amazon\"]}\n"), 13,
		 START "NetStreamHandler: only_asn_number filter contained an invalid/unsupported value: 16509/Amazon", 0},
		{MOD("            type: net\n            config: {recorded_stream: 1}\n"), 13,
		 START "wrong type for key: recorded_stream", 0},
		{MOD("            type: net\n            config: {num_periods: five}\n"), 13, START "wrong type for key: num_periods", 0},
		{MOD("            type: net\n            config: {topn_percentile_threshold: 101}\n"), 13,
		 START "threshold must be between 0 and 100 but has value 1.010000", 0},
		{POL KIND IN "      handlers:\n        window_config:\n          topn_percentile_threshold: 200\n"
			     "        modules: {h: {type: net}}\n", 11,
		 START "threshold must be between 0 and 100 but has value 2.000000", 0},
		{POL KIND IN "      handlers:\n        window_config:\n          bogus: 200\n"
			     "        modules: {h: {type: net}}\n", 11,
		 START UNKNOWN("bogus") NET_KEYS_TEXT ", " WINDOW_KEYS_TEXT, 0},
		{MOD("            type: net\n          h:\n            type: dns\n"), 13,
		 "module name 'p-t-h' already exists", PV_CONFIG_EXISTS},
		{POL KIND IN "      handlers:\n        modules:\n          - h: {type: net}\n          - h: {type: net}\n", 12,
		 "module name 'p-t-h' already exists", PV_CONFIG_EXISTS},
		{HEAD "  taps: {b-c: {input_type: mock}, c: {input_type: mock}}\n  policies:\n"
		      "    a: {kind: collection, input: {tap: b-c, input_type: mock}, handlers: {modules: {d: {type: net}}}}\n"
		      "    a-b: {kind: collection, input: {tap: c, input_type: mock}, handlers: {modules: {d: {type: net}}}}\n", 6,
		 "module name 'a-b-c-d' already exists", PV_CONFIG_EXISTS},
	};
	(void)state;
	REFUSED(PV_CONFIG_FILE, cases);
	assert_null(load_as(PV_CONFIG_FILE, MOD("            type: dns\n            filter: {only_qname: a.b}\n")));
	assert_string_equal(err.hint, "a list is expected");
}

#define DNS2_KEYS_TEXT \
	"exclude_noerror, only_rcode, only_dnssec_response, answer_count, only_qtype, only_qname, only_qname_suffix, " \
	"geoloc_notfound, asn_notfound, dnstap_msg_type, public_suffix_list, recorded_stream, xact_ttl_secs, xact_ttl_ms, " \
	"only_xact_directions"
#define TWO(type, body) MOD("            type: " type "\n            require_version: \"2.0\"\n" body) /* from line 14 */
#define DNS "DnsStreamHandler: "

/* What the two versions of net and dns say of values of the right type; of the wrong one: wrong_types(). */
static void versions_of_net_and_dns(void **state)
{
	static const struct bad cases[] = {
		{TWO("net", "            filter: {bogus_key: 1}\n"), 14, START UNKNOWN("bogus_key") NET_KEYS_TEXT ", " WINDOW_KEYS_TEXT, 0},
		{TWO("net", "            metric_groups: {enable: [top_ips, rates]}\n"), 14,
		 START "rates is an invalid/unsupported metric group. The valid groups are: all, cardinality, counters, quantiles, "
		       "top_geo, top_ips", 0},
		{TWO("net", "            metric_groups: {disable: [rates]}\n"), 14,
		 START "rates is an invalid/unsupported metric group. The valid groups are: all, cardinality, counters, quantiles, "
		       "top_geo, top_ips", 0},
		{TWO("net", "            filter: {only_asn_number: [\"16509/Amazon\"]}\n"), 14,
		 START "NetStreamHandler: only_asn_number filter contained an invalid/unsupported value: 16509/Amazon", 0},
		{TWO("net", "            filter: {only_asn_number: [4294967296]}\n"), 14,
		 START "NetStreamHandler: only_asn_number filter contained an invalid/unsupported value: 4294967296", 0},
		{TWO("net", "            filter: {only_queries: true}\n"), 14,
		 START UNKNOWN("only_queries") NET_KEYS_TEXT ", " WINDOW_KEYS_TEXT, 0},
		{MOD("            type: net\n            require_version: \"2\"\n"), 12,
		 "Policy 'p' requires stream handler type 'net' and version '2' which is not available", 0},
		{MOD("            type: dhcp\n            require_version: \"2.0\"\n"), 12,
		 "Policy 'p' requires stream handler type 'dhcp' and version '2.0' which is not available", 0},

		{MOD("            type: dns\n            metric_groups: {enable: [top_qnames, dns_top_wired]}\n"), 13,
		 START "dns_top_wired is an invalid/unsupported metric group. The valid groups are: all, cardinality, counters, "
		       "dns_transaction, histograms, quantiles, top_ecs, top_ports, top_qnames, top_qnames_details", 0},
		{TWO("dns", "            metric_groups: {enable: [top_qnames, dns_top_wired]}\n"), 14,
		 START "dns_top_wired is an invalid/unsupported metric group. The valid groups are: all, cardinality, counters, "
		       "quantiles, top_ecs, top_ports, top_qnames, top_qtypes, top_rcodes, top_size, xact_times", 0},
		{TWO("dns", "            metric_groups: {disable: [dns_transaction]}\n"), 14,
		 START "dns_transaction is an invalid/unsupported metric group. The valid groups are: all, cardinality, counters, "
		       "quantiles, top_ecs, top_ports, top_qnames, top_qtypes, top_rcodes, top_size, xact_times", 0},
		{TWO("dns", "            filter: {bogus_key: 1}\n"), 14, START UNKNOWN("bogus_key") DNS2_KEYS_TEXT ", " WINDOW_KEYS_TEXT, 0},
		{TWO("dns", "            filter: {only_queries: true}\n"), 14,
		 START UNKNOWN("only_queries") DNS2_KEYS_TEXT ", " WINDOW_KEYS_TEXT, 0},
		{TWO("dns", "            config: {only_responses: false}\n"), 14,
		 START UNKNOWN("only_responses") DNS2_KEYS_TEXT ", " WINDOW_KEYS_TEXT, 0},
		{MOD("            type: dns\n            filter: {only_xact_directions: [in]}\n"), 13,
		 START UNKNOWN("only_xact_directions") DNS_KEYS_TEXT ", " WINDOW_KEYS_TEXT, 0},
		{TWO("dns", "            filter: {only_xact_directions: [in, sideways]}\n"), 14,
		 START DNS "only_xact_directions filter contained an invalid/unsupported direction: sideways", 0},
		{MOD("            type: dns\n            filter: {only_rcode: 133}\n"), 13,
		 START DNS "only_rcode filter contained an invalid/unsupported rcode", 0},
		{TWO("dns", "            filter: {only_rcode: 65539}\n"), 14, /* not 3 */
		 START DNS "only_rcode filter contained an invalid/unsupported rcode", 0},
		{TWO("dns", "            filter: {only_rcode: [nxdomain, TEXT]}\n"), 14,
		 START DNS "only_rcode filter contained an invalid/unsupported rcode: TEXT", 0},
		{TWO("dns", "            filter: {only_rcode: []}\n"), 14, START DNS "only_rcode filter contained no entry", 0},
		{TWO("dns", "            filter: {only_qtype: [AAAA, TEXT]}\n"), 14,
		 START DNS "only_qtype filter contained an invalid/unsupported qtype: TEXT", 0},
		{MOD("            type: dns\n            filter: {only_qtype: [AAAA, \"270\"]}\n"), 13,
		 START DNS "only_qtype filter contained an invalid/unsupported qtype: 270", 0},
		{TWO("dns", "            filter: {only_qname: [\"\"]}\n"), 14, START DNS "only_qname filter contained an empty name", 0},
		{TWO("dns", "            filter: {answer_count: 65536}\n"), 14,
		 START DNS "answer_count must be at most 65535", 0},
		{TWO("dns", "            config: {dnstap_msg_type: sender}\n"), 14,
		 START DNS "dnstap_msg_type contained an invalid/unsupported type. Valid types: auth, client, forwarder, resolver, "
			   "stub, tool, update", 0},
		{TWO("dns", "            config: {xact_ttl_ms: 86400001}\n"), 14, START "xact_ttl_ms must be between 1 and 86400000", 0},
	};
	(void)state;
	REFUSED(PV_CONFIG_FILE, cases);
	/* settings of all policies must suit one version; what is said is of the first */
	assert_null(load_as(PV_CONFIG_FILE, TAPS "  global_handler_config: {dns: {bogus: 1}}\n"));
	assert_string_equal(err.text, UNKNOWN("bogus") DNS_KEYS_TEXT ", " WINDOW_KEYS_TEXT);
	struct pv_config *c = good(TAPS "  global_handler_config: {dns: {only_xact_directions: [in]}, net: {topn_count: 3}}\n"
					"  policies: {p: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: {\n"
					"    n: {type: net, require_version: \"2.0\"}, d: {type: dns, require_version: \"2.0\"}}}}}\n");
	assert_string_equal(c->policies[0]->handlers[0].handler->schema, "net");
	assert_int_equal(c->policies[0]->handlers[0].topn, 3);
	assert_int_equal(c->policies[0]->handlers[1].dns.directions, 1u << PV_DIR_IN);
	assert_true(c->policies[0]->handlers[1].dns.by_transaction);
	pv_config_free(c);
	assert_string_equal(err.text, ""); /* nothing is left of what did not suit the other version */
}

/* Each key of each version, with values of every type but its own. */
static void wrong_types(void **state)
{
	static const char *const values[] = {[PV_KEY_BOOL] = "true", [PV_KEY_UINT] = "5", [PV_KEY_STRING] = "word",
					     [PV_KEY_LIST] = "[\"7\"]", [PV_KEY_UINT_OR_LIST] = "{a: b}"};
	size_t tried = 0;
	(void)state;
	for (size_t k = 0; k < pv_handler_nkinds; k++) {
		const struct pv_handler_kind *kind = &pv_handler_kinds[k];
		const struct pv_key *key;
		if (strcmp(kind->type, "net") && strcmp(kind->type, "dns"))
			continue;
		for (size_t i = 0; (key = pv_handler_kind_key(kind, i)); i++)
			for (unsigned v = 0; v < sizeof values / sizeof values[0]; v++) {
				char text[2000], want[300];
				bool own = key->type == v || (key->type == PV_KEY_UINT_OR_LIST && (v == PV_KEY_UINT || v == PV_KEY_LIST));
				if (!values[v] || (own && v != PV_KEY_UINT_OR_LIST))
					continue;
				snprintf(text, sizeof text,
					 POL KIND IN "      handlers:\n        modules:\n          h: {type: %s, require_version: "
						     "\"%s\",\n            filter: {%s: %s}}\n",
					 kind->type, kind->version, key->name, values[v]);
				bool special = v != PV_KEY_UINT_OR_LIST && (!strcmp(key->name, "only_rcode") || !strcmp(key->name, "answer_count"));
				if (special)
					snprintf(want, sizeof want, START "DnsStreamHandler: wrong value type for %s filter. It should be an integer%s",
						 key->name, key->type == PV_KEY_UINT ? "" : " or an array");
				else
					snprintf(want, sizeof want, START "wrong type for key: %s", key->name);
				const struct bad one = {text, 12, want, 0};
				all_are_refused(PV_CONFIG_FILE, &one, 1);
				tried++;
			}
	}
	assert_true(tried > 150);
}

static void handlers_want_their_input(void **state)
{
	(void)state;
	assert_null(load_as(PV_CONFIG_FILE, HEAD "  taps: {t: {input_type: dnstap, config: {socket: /run/s}}}\n  policies:\n"
					     "    p: {kind: collection, input: {tap: t, input_type: dnstap},\n"
					     "        handlers: {modules: {d: {type: dhcp}}}}\n"));
	assert_int_equal(strncmp(err.text, "DhcpStreamHandler: unsupported input event proxy t-", 51), 0);
	assert_int_equal(err.line, 6);
}

static void bodies(void **state)
{
	static const struct bad tap[] = {
		{HEAD "  policies: {}\n", 0, "no taps found in schema", 0},
		{HEAD "  taps: 5\n", 3, "no taps found in schema", 0},
		{HEAD "  taps: {a: {input_type: mock}, b: {input_type: mock}}\n", 3, "only a single tap expected but got 2", 0},
		{HEAD "  taps: {}\n", 3, "only a single tap expected but got 0", 0},
	}, policy[] = {
		{HEAD "  taps: {}\n", 0, "no policies found in schema", 0},
		{HEAD "  policies: []\n", 3, "no policies found in schema", 0},
		{HEAD "  policies: {a: {}, b: {}}\n", 3, "only a single policy expected but got 2", 0},
		{HEAD "  policies: {a: {}}\n", 3, "missing or invalid policy kind at key 'kind'", 0},
	};
	(void)state;
	REFUSED(PV_CONFIG_TAP, tap);
	REFUSED(PV_CONFIG_POLICY, policy);
}

/* ---- what is there already ---------------------------------------------------------------------- */

static bool has_policy(void *ctx, const char *name)
{
	(void)ctx;
	return !strcmp(name, "old");
}

static bool has_instance(void *ctx, const char *name)
{
	(void)ctx;
	return !strcmp(name, "default_view-anycast-default_net");
}

static struct pv_config *load_in(const struct pv_config_world *w, enum pv_config_form form, const char *text)
{
	memset(&err, 0, sizeof err);
	return pv_config_load_text(text, strlen(text), form, w, &err);
}

static void the_world_counts(void **state)
{
	static const char policy[] = HEAD "  policies:\n    %s:\n" KIND "      input: {tap: %s, input_type: pcap}\n"
					  "      handlers: {modules: {%s: {type: dns}}}\n";
	static const char *const only_mock[] = {"mock", NULL};
	char text[500];
	(void)state;
	struct pv_config *had = good(HEAD "  taps: {anycast: {input_type: pcap, config: {iface: eth0}}}\n"
					  "  global_handler_config: {dns: {only_rcode: 2, topn_count: 3}}\n");
	struct pv_config_world w = world();
	w.taps = (const struct pv_config_tap *const *)had->taps;
	w.ntaps = 1;
	w.has_policy = has_policy;
	w.has_instance = has_instance;
	w.global = had->global;

	snprintf(text, sizeof text, policy, "old", "anycast", "d");
	assert_null(load_in(&w, PV_CONFIG_POLICY, text));
	assert_string_equal(err.text, "policy with name 'old' already defined");
	assert_int_equal(err.fault, PV_CONFIG_EXISTS);
	snprintf(text, sizeof text, policy, "default_view", "anycast", "default_net");
	assert_null(load_in(&w, PV_CONFIG_POLICY, text));
	assert_string_equal(err.text, "module name 'default_view-anycast-default_net' already exists");
	assert_null(load_in(&w, PV_CONFIG_TAP, HEAD "  taps: {anycast: {input_type: mock}}\n"));
	assert_string_equal(err.text, "module name 'anycast' already exists");
	assert_int_equal(err.fault, PV_CONFIG_EXISTS);

	snprintf(text, sizeof text, policy, "new", "anycast", "d");
	struct pv_config *c = load_in(&w, PV_CONFIG_POLICY, text);
	assert_non_null(c);
	assert_int_equal(c->policies[0]->handlers[0].topn, 3);
	assert_true(c->policies[0]->handlers[0].dns.has_rcodes);
	/* a policy does not need what it came from */
	pv_config_free(had);
	assert_string_equal(c->policies[0]->streams[0].pcap.iface, "eth0");
	pv_config_free(c);

	w = world();
	w.inputs = only_mock;
	assert_null(load_in(&w, PV_CONFIG_TAP, HEAD "  taps: {a: {input_type: pcap}}\n"));
	assert_string_equal(err.text, "Tap 'a' requires input stream type 'pcap' which is not built yet");
	assert_int_equal(err.fault, PV_CONFIG_NOT_BUILT);
	static const struct pv_handler *const nothing[] = {NULL};
	w = world();
	w.handlers = nothing;
	assert_null(load_in(&w, PV_CONFIG_FILE, MOD("            type: bgp\n")));
	assert_string_equal(err.text, "Policy 'p' requires stream handler type 'bgp' and version '1.0' which is not built yet");
	assert_int_equal(err.fault, PV_CONFIG_NOT_BUILT);
	w = world();
	w.inputs = only_mock;
	assert_null(load_in(&w, PV_CONFIG_TAP, HEAD "  taps: {a: {input_type: nope}}\n"));
	assert_string_equal(err.text, "Tap 'a' requires input stream type 'nope' which is not available");
}

static void odd_things_are_said(void **state)
{
	(void)state;
	pv_config_free(good("description: mine\nvisor:\n  analyzers: x\n  taps:\n"
			    "    t: {input_type: pcap, description: [a, b], config: {iface: x}}\n"
			    "  global_handler_config: {weather: {a: 1}, net: {topn_count: 7}}\n"
			    "  policies:\n    p: {kind: collection, description: y, input: {tap: t, input_type: pcap},\n"
			    "      handlers: {config: {periods: 2}, modules: {n: {type: net, config: {deep_sample_rate: 102,\n"
			    "        num_periods: 0}}}}}\n    q: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: {}}}\n"));
	assert_string_equal(said.text,
			    "i0:missing version, using version \"1.0\"\n"
			    "w1:description has no meaning here and is ignored\n"
			    "w3:analyzers has no meaning here and is ignored\n"
			    "w5:description has no meaning here and is ignored\n"
			    "w6:stream handler type 'weather' in global_handler_config is unknown: ignored\n"
			    "w8:description has no meaning here and is ignored\n"
			    "w9:config has no meaning here and is ignored\n"
			    "w10:num_periods must be between 1 and 10: taken as 1\n"
			    "w9:deep_sample_rate must be between 1 and 100: taken as 100\n"
			    "w11:policy 'q' has no handlers\n");
	pv_config_free(load_as(PV_CONFIG_TAP, HEAD "  taps: {t: {input_type: mock}}\n  policies: {p: 5}\n"));
	assert_string_equal(said.text, "w4:policies has no meaning here and is ignored\n");
	struct pv_config *clamped = good(HEAD "  config: {periods: 11,\n    max_deep_sample: 0}\n");
	assert_string_equal(said.text, "w3:periods must be between 1 and 10: taken as 10\n"
				       "w4:max_deep_sample must be between 1 and 100: taken as 1\n");
	assert_int_equal(clamped->visor.periods, 10);
	pv_config_free(clamped);
	/* the setting after an unknown type counts */
	struct pv_config *c = good(TAPS "  global_handler_config: {weather: {}, net: {topn_count: 7}}\n  policies: {p: {kind: "
					"collection, input: {tap: t, input_type: pcap}, handlers: {modules: {n: {type: net}}}}}\n");
	assert_int_equal(c->policies[0]->handlers[0].topn, 7);
	pv_config_free(c);
	/* a handler without groups: no name is wrong, none counts */
	c = good(MOD("            type: dhcp\n            metric_groups:\n              disable: [counters]\n"
		     "              enable: [a, all, b]\n"));
	assert_string_equal(said.text, "w14:counters: dhcp has no metric groups: ignored\n"
				       "w15:a: dhcp has no metric groups: ignored\n");
	assert_int_equal(c->policies[0]->handlers[0].ndisable, 0);
	assert_int_equal(c->policies[0]->handlers[0].nenable, 1);
	pv_config_free(c);
}

static void a_document_is_taken_whole_or_not(void **state)
{
	(void)state;
	assert_null(load_as(PV_CONFIG_FILE, HEAD "  taps:\n    a: {input_type: mock}\n    b: {input_type: mock}\n"
						 "    c: {input_type: nope}\n"));
	assert_int_equal(err.line, 6);
	assert_null(load_as(PV_CONFIG_FILE, POL KIND IN NET "    q: {kind: collection}\n"));
	assert_null(load_as(PV_CONFIG_FILE, POL KIND IN NET "  config: {tls: 1}\n"));
}

/* ---- what good ones mean ------------------------------------------------------------------------ */

static void the_agent_is_typed(void **state)
{
	(void)state;
	struct pv_config *c = good(HEAD "  config: {admin_api: true, host: 0.0.0.0, port: 010853, prom_instance: edge-01, periods: 3,\n"
					"    no_track: TRUE, geo_city: /srv/city.mmdb, max_deep_sample: 50, otel_port: 1}\n");
	assert_true(c->visor.admin_api);
	assert_true(c->visor.no_track);
	assert_false(c->visor.tls);
	assert_string_equal(c->visor.host, "0.0.0.0");
	assert_string_equal(c->visor.prom_instance, "edge-01");
	assert_string_equal(c->visor.geo_city, "/srv/city.mmdb");
	assert_null(c->visor.geo_asn);
	assert_int_equal(c->visor.port, 10853);
	assert_int_equal(c->visor.otel_port, 1);
	assert_true(c->visor.geo_cache_size == PV_CONFIG_UNSET);
	pv_config_free(c);
	c = good("visor: {config: , taps: , policies: ~, global_handler_config: null}");
	assert_int_equal(c->ntaps + c->npolicies, 0);
	assert_true(c->visor.port == PV_CONFIG_UNSET);
	pv_config_free(c);
}

#define HANDLERS(config, window, body) HEAD config "  taps: {t: {input_type: pcap, config: {iface: eth0}}}\n" \
	"  policies: {p: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {" window "modules: {h: {" body "}}}}}\n"

static void layers_lie_in_order(void **state)
{
	static const struct {
		const char *text;
		unsigned periods, deep, topn, percentile;
	} cases[] = {
		{HANDLERS("", "", "type: net"), 5, 100, 10, 0},
		{HANDLERS("  config: {periods: 3, max_deep_sample: 60}\n", "", "type: net"), 3, 60, 10, 0},
		{HANDLERS("  global_handler_config: {net: {num_periods: 2, topn_count: 4}}\n", "", "type: net"), 2, 100, 4, 0},
		{HANDLERS("  global_handler_config: {net: {num_periods: 2, topn_count: 4}}\n",
			  "window_config: {num_periods: 3, topn_percentile_threshold: 20},", "type: net"), 3, 100, 4, 20},
		/* the handler's own word goes before the window's */
		{HANDLERS("", "window_config: {num_periods: 3, deep_sample_rate: 10, topn_count: 5},",
			  "type: net, config: {num_periods: 4}"), 4, 10, 5, 0},
		{HANDLERS("", "window_config: {},", "type: net, config: {num_periods: 4, deep_sample_rate: 7}"), 4, 7, 10, 0},
		{HANDLERS("", "", "type: net, config: {num_periods: 4, topn_count: 6}, filter: {topn_count: 8}"), 4, 100, 8, 0},
		/* a window_config that says nothing of it does not bring back built-in defaults */
		{HANDLERS("  config: {periods: 3, max_deep_sample: 60}\n", "window_config: {topn_count: 2},", "type: net"), 3, 60, 2, 0},
		/* max_deep_sample is a maximum */
		{HANDLERS("  config: {max_deep_sample: 60}\n", "window_config: {deep_sample_rate: 90},", "type: net"), 5, 60, 10, 0},
		{HANDLERS("", "window_config: {num_periods: 99, deep_sample_rate: 0, topn_count: 5000},", "type: net"), 10, 1, 1000, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_config *c = good(cases[i].text);
		const struct pv_config_handler *h = &c->policies[0]->handlers[0];
		if (h->periods != cases[i].periods || h->deep != cases[i].deep || h->topn != cases[i].topn ||
		    h->topn_percentile != cases[i].percentile)
			fail_msg("%u %u %u %u: %s", h->periods, h->deep, h->topn, h->topn_percentile, cases[i].text);
		pv_config_free(c);
	}
	/* the command line goes before the document */
	struct pv_config_world w = world();
	w.periods = 7;
	w.deep_max = 20;
	struct pv_config *c = load_in(&w, PV_CONFIG_FILE, cases[1].text);
	assert_int_equal(c->policies[0]->handlers[0].periods, 7);
	assert_int_equal(c->policies[0]->handlers[0].deep, 20);
	json_t *j = pv_config_handler_json(&c->policies[0]->handlers[0], "t");
	char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"_internal_tap_name\":\"t\",\"deep_sample_rate\":20,\"num_periods\":7}");
	free(text);
	json_decref(j);
	pv_config_free(c);
}

static void groups_go_off_then_on(void **state)
{
	static const struct {
		const char *groups;
		const char *on; /* by name, in table order */
	} cases[] = {
		{"", "cardinality counters top_geo top_ips "},
		{", metric_groups: {disable: [top_geo, top_ips]}", "cardinality counters "},
		{", metric_groups: {disable: [all]}", ""},
		{", metric_groups: {disable: [all], enable: [top_ips]}", "top_ips "},
		{", metric_groups: {enable: [all], disable: [all]}", "cardinality counters top_geo top_ips "},
		{", metric_groups: {disable: [all, nonsense]}", ""}, /* nothing after all is looked at */
		{", metric_groups: {enable: [], disable: []}", "cardinality counters top_geo top_ips "},
		{", config: {disable: [counters]}", "cardinality top_geo top_ips "},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[600], on[200] = "";
		snprintf(text, sizeof text, HANDLERS("", "", "type: net%s"), cases[i].groups);
		struct pv_config *c = good(text);
		const struct pv_config_handler *h = &c->policies[0]->handlers[0];
		for (size_t g = 0; g < h->handler->ngroups; g++)
			if (h->groups & 1u << g)
				snprintf(on + strlen(on), sizeof on - strlen(on), "%s ", h->handler->groups[g].name);
		assert_string_equal(on, cases[i].on);
		pv_config_free(c);
	}
	struct pv_config *c = good(HANDLERS("", "", "type: dns, metric_groups: {enable: [histograms, top_ecs], disable: [all]}"));
	const struct pv_config_handler *h = &c->policies[0]->handlers[0];
	assert_int_equal(h->nenable, 2);
	assert_string_equal(h->enable[1], "top_ecs");
	assert_int_equal(h->ndisable, 1);
	assert_string_equal(h->disable[0], "all");
	pv_config_free(c);
}

static void filters_are_real(void **state)
{
	(void)state;
	struct pv_config *c = good(HANDLERS("", "",
		"type: net, filter: {only_asn_number: [16509, \"22131\"], only_geoloc_prefix: [NA/United States], geoloc_notfound: true}, "
		"config: {recorded_stream: false}"));
	const struct pv_config_handler *h = &c->policies[0]->handlers[0];
	assert_int_equal(h->net.nasn, 2);
	assert_int_equal(h->net.asn[1], 22131);
	assert_string_equal(h->net.prefix[0], "NA/United States");
	assert_true(h->net.geoloc_notfound);
	assert_false(h->recorded);
	assert_int_equal(h->xact_ttl_ns, 0);
	pv_config_free(c);

	c = good(HANDLERS("", "", "type: dns, config: {xact_ttl_secs: 2, recorded_stream: true, public_suffix_list: true}, "
				  "filter: {only_rcode: [nxdomain, \"5\", SERVFAIL, 0], only_qtype: [AAAA, TxT, 28], "
				  "only_qname_suffix: [.example.com]}"));
	h = &c->policies[0]->handlers[0];
	assert_true(h->recorded);
	assert_int_equal(h->dns.rcodes, 1u << 3 | 1u << 5 | 1u << 2 | 1u << 0);
	assert_true(h->dns.public_suffix_list);
	assert_non_null(h->dns.suffixes);
	assert_int_equal(h->xact_ttl_ns, 2000000000);
	assert_false(pv_net_filter_on(&h->net));
	pv_config_free(c);

	/* config and filter are one: the filter's word counts; ms goes before secs */
	c = good(HANDLERS("", "", "type: dns, config: {only_rcode: 2, xact_ttl_ms: 100}, filter: {only_rcode: 3, xact_ttl_secs: 9}"));
	h = &c->policies[0]->handlers[0];
	assert_int_equal(h->dns.rcodes, 1u << 3);
	assert_int_equal(h->xact_ttl_ns, 100000000);
	pv_config_free(c);

	c = good(HANDLERS("", "", "type: dhcp, config: {xact_ttl_secs: 9}"));
	assert_int_equal(c->policies[0]->handlers[0].xact_ttl_ns, 9000000000);
	pv_config_free(c);
	c = good(HANDLERS("", "window_config: {xact_ttl_secs: 2},", "type: dns"));
	assert_int_equal(c->policies[0]->handlers[0].xact_ttl_ns, 2000000000);
	pv_config_free(c);
}

static void streams_are_shared_by_what_they_are(void **state)
{
	/* policy inputs on the same tap, and which share a stream: by letter */
	static const struct {
		const char *input;
		char stream;
	} cases[] = {
		{"", 'a'},
		{", config: {}", 'a'},
		{", filter: {}", 'a'},
		{", config: {iface: eth0}", 'a'},
		{", config: {bpf: \"\"}", 'b'},
		{", filter: {bpf: \"\"}", 'b'},
		{", filter: {bpf: port 53}", 'c'},
		{", config: {bpf: udp}, filter: {bpf: port 53}", 'c'},
		{", config: {iface: eth1}", 'd'},
		{", config: {iface: \"eth0bpf\"}", 'e'},
		{", config: {debug: true}", 'f'},
		{", config: {host_spec: 10.0.0.0/8, debug: true}", 'g'},
		{", config: {debug: true}, filter: {host_spec: 10.0.0.0/8}", 'g'},
	};
	enum { N = sizeof cases / sizeof cases[0] };
	struct pv_config *c[N];
	(void)state;
	for (size_t i = 0; i < N; i++) {
		char text[500];
		snprintf(text, sizeof text, TAPS "  policies: {p: {kind: collection, input: {tap: t, input_type: pcap%s}, "
						 "handlers: {modules: {}}}}\n", cases[i].input);
		c[i] = good(text);
		for (size_t j = 0; j < i; j++) {
			bool same = !strcmp(c[i]->policies[0]->streams[0].name, c[j]->policies[0]->streams[0].name);
			if (same != (cases[i].stream == cases[j].stream))
				fail_msg("'%s' and '%s'", cases[i].input, cases[j].input);
		}
	}
	/* a name that clients may have written down */
	assert_string_equal(c[0]->policies[0]->streams[0].name, "t-7bfe6de0037b1c97");
	for (size_t i = 0; i < N; i++)
		pv_config_free(c[i]);
}

static void a_taps_filter_counts(void **state)
{
	(void)state;
	struct pv_config *c = good(HEAD "  taps: {t: {input_type: pcap, config: {iface: eth0}, filter: {bpf: port 53}}}\n"
					"  policies:\n"
					"    a: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: {}}}\n"
					"    b: {kind: collection, input: {tap: t, input_type: pcap, filter: {bpf: udp}}, handlers: {modules: {}}}\n"
					"    c: {kind: collection, input: {tap: t, input_type: pcap, config: {bpf: tcp}}, handlers: {modules: {}}}\n");
	assert_string_equal(c->policies[0]->streams[0].pcap.bpf, "port 53");
	assert_string_equal(c->policies[1]->streams[0].pcap.bpf, "udp");
	assert_string_equal(c->policies[2]->streams[0].pcap.bpf, "tcp");
	json_t *j = pv_config_tap_json(c->taps[0]);
	char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"config\":{\"iface\":\"eth0\"},\"filter\":{\"bpf\":\"port 53\"},\"input_type\":\"pcap\","
				  "\"interface\":\"visor.module.input/1.0\",\"tags\":null}");
	free(text);
	json_decref(j);
	pv_config_free(c);
}

static void only_hosts_is_no_part_of_a_stream(void **state)
{
	(void)state;
	struct pv_config *c = good(HEAD "  taps: {t: {input_type: dnstap, config: {socket: /run/s}}}\n  policies:\n"
		"    a: {kind: collection, input: {tap: t, input_type: dnstap}, handlers: {modules: {}}}\n"
		"    b: {kind: collection, input: {tap: t, input_type: dnstap, filter: {only_hosts: [10.0.0.0/8, \"2001:db8::/32\"]}}, "
		"handlers: {modules: {}}}\n");
	assert_string_equal(c->policies[0]->streams[0].name, c->policies[1]->streams[0].name);
	assert_null(c->policies[0]->streams[0].dnstap.only_hosts);
	assert_int_equal(pv_hosts_count(c->policies[1]->streams[0].dnstap.only_hosts), 2);
	pv_config_free(c);
}

static void other_inputs_are_typed(void **state)
{
	(void)state;
	struct pv_config *c = good(HEAD "  taps:\n    f: {input_type: flow, config: {flow_type: ipfix, bind: 0.0.0.0, port: 4739}}\n"
		"    n: {input_type: netprobe, config: {test_type: tcp, interval_msec: 10000, packet_payload_size: 1,\n"
		"        targets: {gw: {target: 192.0.2.1, port: 443}, www: {target: www.example.net, port: 80, ip_version: 6}}}}\n"
		"    m: {input_type: mock, config: {anything: 1, except_on_start: true}}\n"
		"    d: {input_type: dnstap, config: {tcp: \"[::1]:53053\"}}\n"
		"    p: {input_type: pcap, config: {pcap_source: mock}}\n"
		"  policies:\n"
		"    f: {kind: collection, input: {tap: f, input_type: flow}, handlers: {modules: {}}}\n"
		"    n: {kind: collection, input: {tap: n, input_type: netprobe}, handlers: {modules: {a: {type: netprobe,\n"
		"      config: {xact_ttl_ms: 70, xact_ttl_secs: 9}}, b: {type: netprobe}}}}\n"
		"    m: {kind: collection, input: {tap: m, input_type: mock}, handlers: {modules: {}}}\n"
		"    d: {kind: collection, input: {tap: d, input_type: dnstap}, handlers: {modules: {}}}\n"
		"    p: {kind: collection, input: {tap: p, input_type: pcap}, handlers: {modules: {}}}\n");
	const struct pv_config_stream *f = c->policies[0]->streams, *n = c->policies[1]->streams;
	assert_int_equal(f->input, PV_INPUT_FLOW);
	assert_int_equal(f->flow.type, PV_INPUT_NETFLOW);
	assert_string_equal(f->flow.bind, "0.0.0.0");
	assert_int_equal(f->flow.port, 4739);
	assert_int_equal(c->policies[1]->handlers[0].xact_ttl_ns, 70000000);
	assert_int_equal(c->policies[1]->handlers[1].xact_ttl_ns, 0); /* the input's */
	assert_int_equal(n->netprobe.type, PV_INPUT_TCP);
	assert_int_equal(n->netprobe.interval_ms, 10000);
	assert_int_equal(n->netprobe.timeout_ms, 2000);
	assert_int_equal(n->netprobe.payload_bytes, 8);
	assert_int_equal(n->netprobe.ntargets, 2);
	assert_string_equal(n->netprobe.targets[0].name, "gw");
	assert_int_equal(n->netprobe.targets[0].family, 4);
	assert_string_equal(n->netprobe.targets[1].target, "www.example.net");
	assert_int_equal(n->netprobe.targets[1].port, 80);
	assert_int_equal(n->netprobe.targets[1].family, 6);
	assert_true(c->policies[2]->streams[0].mock.fail);
	assert_string_equal(c->policies[3]->streams[0].dnstap.tcp, "[::1]:53053");
	assert_int_equal(c->policies[4]->streams[0].pcap.source, PV_INPUT_PCAP_MOCK);
	assert_int_equal(c->policies[4]->streams[0].pcap.tcp_flows_max, 300000);
	pv_config_free(c);
}

static void selectors_choose(void **state)
{
	static const struct {
		const char *selector, *taps;
	} cases[] = {
		{"any: [{site: ams}]", "a b "},
		{"any: [{site: fra}, {rack: 7}]", "b c "},
		{"all: [{site: ams}, {rack: 7}]", "b "},
		{"all: [{up: true}]", "a "},
		{"any: [{up: false}]", "c "},
		{"all: [{label: \"7\"}]", "a "},
		{"any: [{site: ams}, {site: fra}]", "a b c "},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[900], got[100] = "";
		snprintf(text, sizeof text,
			 HEAD "  taps:\n"
			      "    c: {input_type: pcap, config: {iface: x}, tags: {site: fra, rack: 7, up: false}}\n"
			      "    a: {input_type: pcap, config: {iface: x}, tags: {site: ams, rack: 8, up: true, label: \"7\"}}\n"
			      "    b: {input_type: pcap, config: {iface: x}, tags: {site: ams, rack: 7}}\n"
			      "    other: {input_type: mock, tags: {site: ams, rack: 7}}\n" /* of another type: not asked */
			      "  policies: {p: {kind: collection, input: {input_type: pcap, tap_selector: {%s}}, handlers: "
			      "{modules: {n: {type: net}}}}}\n",
			 cases[i].selector);
		struct pv_config *c = good(text);
		const struct pv_config_policy *p = c->policies[0];
		for (size_t s = 0; s < p->nstreams; s++)
			snprintf(got + strlen(got), sizeof got - strlen(got), "%s ", p->streams[s].tap);
		assert_string_equal(got, cases[i].taps);
		char name[PV_BUCKET_NAME];
		snprintf(text, sizeof text, "p-%c-n", cases[i].taps[0]);
		assert_string_equal(pv_config_instance(p, &p->streams[0], &p->handlers[0], name, sizeof name), text);
		pv_config_free(c);
	}
}

static void chains_have_two_spellings(void **state)
{
	static const char *const spellings[] = {
		"          - one: {type: dns, filter: {only_rcode: 2}}\n          - two: {type: net}\n",
		"          - one:\n            type: dns\n            filter: {only_rcode: 2}\n          - two:\n            type: net\n",
		"          - one:\n              type: dns\n              filter:\n                only_rcode: 2\n          - two:\n              type: net\n",
	};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char text[900];
		snprintf(text, sizeof text, POL KIND IN "      handlers:\n        modules:\n%s", spellings[i]);
		struct pv_config *c = good(text);
		const struct pv_config_policy *p = c->policies[0];
		assert_true(p->chain);
		assert_int_equal(p->nhandlers, 2);
		assert_string_equal(p->handlers[0].module, "one");
		assert_string_equal(p->handlers[0].type, "dns");
		assert_int_equal(p->handlers[0].dns.rcodes, 4);
		assert_string_equal(p->handlers[1].module, "two");
		assert_ptr_equal(p->handlers[1].handler, pv_handlers[0]);
		pv_config_free(c);
	}
}

/* Files in the style of those that are in use. */
static void real_files_load(void **state)
{
	static const char orb[] =
		"version: \"1.0\"\n"
		"orb:\n  backends: {pktvisor: {binary: /usr/local/sbin/pktvisord}}\n"
		"visor:\n"
		"  taps:\n"
		"    default_pcap:\n      input_type: pcap\n      config:\n        iface: \"auto\"\n"
		"        host_spec: \"192.0.2.0/24,2001:db8::/64\"\n        pcap_source: libpcap\n        debug: false\n"
		"      tags:\n        vnic: true\n        hv: true\n"
		"  policies:\n"
		"    default_view:\n      description: \"what everybody has\"\n      kind: collection\n"
		"      input:\n        tap: default_pcap\n        input_type: pcap\n        filter:\n"
		"          bpf: \"udp port 53 or tcp port 53\"\n"
		"      handlers:\n        config:\n          deep_sample_rate: 100\n"
		"        window_config:\n          num_periods: 5\n          deep_sample_rate: 50\n"
		"        modules:\n"
		"          default_net:\n            type: net\n            config:\n              topn_count: 10\n"
		"            metric_groups:\n              disable:\n                - cardinality\n                - top_geo\n"
		"          default_dns:\n            type: dns\n            filter:\n              only_qname_suffix:\n"
		"                - .google.com\n                - .pktvisor.dev\n              only_rcode: 2\n"
		"            metric_groups:\n              enable:\n                - top_ecs\n                - top_qnames_details\n"
		"          dhcp:\n            type: dhcp\n"
		"          pcap_stats:\n            type: pcap\n";
	static const char geo[] =
		"visor:\n  config:\n    geo_city: /geo/GeoLite2-City.mmdb\n    geo_asn: /geo/GeoLite2-ASN.mmdb\n    verbose: true\n"
		"  taps:\n    anycast:\n      input_type: pcap\n      config: {iface: eth0}\n      tags: {pop: ams1, dc: 3}\n"
		"    unicast:\n      input_type: pcap\n      config: {iface: eth1}\n      tags: {pop: ams1, dc: 4}\n"
		"  global_handler_config:\n    net: {only_geoloc_prefix: [EU]}\n    dns: {public_suffix_list: true}\n"
		"  policies:\n    lost:\n      kind: collection\n      config: {merge_like_handlers: true}\n"
		"      input: {input_type: pcap, tap_selector: {any: [{dc: 3}, {dc: 4}]}}\n"
		"      handlers:\n        modules:\n          unlocated: {type: net, filter: {geoloc_notfound: true, asn_notfound: true}}\n"
		"          slow: {type: dns, config: {xact_ttl_ms: 8000, topn_percentile_threshold: 90}}\n";
	(void)state;
	struct pv_config *c = good(orb);
	assert_int_equal(c->policies[0]->nhandlers, 4);
	assert_int_equal(c->policies[0]->handlers[0].deep, 50);
	assert_string_equal(c->policies[0]->streams[0].pcap.bpf, "udp port 53 or tcp port 53");
	pv_config_free(c);
	c = good(geo);
	assert_int_equal(c->policies[0]->nstreams, 2);
	assert_true(c->policies[0]->merge);
	assert_true(c->policies[0]->handlers[0].net.geoloc_prefix);
	assert_true(c->policies[0]->handlers[1].dns.public_suffix_list);
	pv_config_free(c);
}

static void the_command_line_is_a_document(void **state)
{
	(void)state;
	char *text = pv_config_default_document("eth\"0", NULL, NULL, "53");
	struct pv_config *c = good(text);
	const struct pv_config_policy *p = c->policies[0];
	assert_string_equal(p->name, "default");
	assert_string_equal(p->streams[0].pcap.iface, "eth\"0");
	assert_string_equal(p->streams[0].pcap.bpf, "53");
	assert_string_equal(p->streams[0].pcap.host_spec, "");
	assert_int_equal(p->nhandlers, 4);
	assert_string_equal(p->handlers[3].module, "pcap_stats");
	assert_string_equal(p->handlers[3].handler->schema, "pcap");
	pv_config_free(c);
	free(text);
	text = pv_config_default_document(NULL, "a.pcap", "10.0.0.0/8", NULL);
	c = good(text);
	assert_null(c->policies[0]->streams[0].pcap.iface);
	assert_string_equal(c->policies[0]->streams[0].pcap.pcap_file, "a.pcap");
	assert_string_equal(c->policies[0]->streams[0].pcap.host_spec, "10.0.0.0/8");
	pv_config_free(c);
	free(text);
}

static void tables_are_in_order(void **state)
{
	char *text = NULL;
	size_t n = 0;
	(void)state;
	FILE *f = open_memstream(&text, &n);
	pv_schema_list(f, pv_handlers);
	fclose(f);
	/* six columns each, no key twice in a section, every optional key has words */
	char before[200] = "";
	for (char *line = text, *end; *line; line = end + 1) {
		char *col[6], *p = line;
		end = strchr(line, '\n');
		*end = 0;
		for (int i = 0; i < 6; i++) {
			col[i] = p;
			p = strchr(p, '\t');
			if ((p == NULL) != (i == 5))
				fail_msg("columns: %s", line);
			if (p)
				*p++ = 0;
		}
		if (strcmp(col[4], "ignored") && strlen(col[5]) < 4)
			fail_msg("%s %s is not explained", col[0], col[1]);
		char key[sizeof before];
		snprintf(key, sizeof key, "%s %s", col[0], col[1]);
		assert_string_not_equal(before, key);
		snprintf(before, sizeof before, "%s", key);
	}
	free(text);
	/* every handler that is built can be configured */
	for (size_t i = 0; pv_handlers[i]; i++)
		if (!pv_handler_kind_find(pv_handlers[i]->type, pv_handlers[i]->version))
			fail_msg("%s %s has no row in policy/schema.c", pv_handlers[i]->type, pv_handlers[i]->version);
}

static void modules_may_bring_handlers(void **state)
{
	static const struct pv_group groups[] = {{"tides", true}, {"moons", false}};
	static const struct pv_handler sea = {.type = "sea", .version = "3.1", .schema = "sea", .groups = groups, .ngroups = 2};
	static const struct pv_handler *const registry[] = {&sea, NULL};
	struct pv_config_world w = world();
	(void)state;
	w.handlers = registry;
	struct pv_config *c = load_in(&w, PV_CONFIG_FILE,
				      HANDLERS("  global_handler_config: {sea: {topn_count: 4}}\n", "",
					       "type: sea, require_version: 3.1, metric_groups: {enable: [moons]}"));
	assert_non_null(c);
	assert_string_equal(c->policies[0]->handlers[0].version, "3.1");
	assert_int_equal(c->policies[0]->handlers[0].topn, 4);
	assert_int_equal(c->policies[0]->handlers[0].groups, 3);
	pv_config_free(c);
	assert_null(load_in(&w, PV_CONFIG_FILE, HANDLERS("", "", "type: sea")));
	assert_string_equal(err.text, "Policy 'p' requires stream handler type 'sea' and version '1.0' which is not available");
	assert_null(load_in(&w, PV_CONFIG_FILE, HANDLERS("  global_handler_config: {sea: {salt: 1}}\n", "", "type: sea")));
	assert_string_equal(err.text, UNKNOWN("salt") "recorded_stream, " WINDOW_KEYS_TEXT);
}

static void version_two_has_its_own_keys(void **state)
{
	(void)state;
	const struct pv_handler_kind *v2 = pv_handler_kind_find("dns", "2.0");
	char text[PV_CONFIG_TEXT];
	assert_null(pv_handler_kind_key_find(v2, "only_queries"));
	assert_non_null(pv_handler_kind_key_find(v2, "only_xact_directions"));
	pv_handler_kind_unknown_text(v2, "x", text, sizeof text);
	assert_string_equal(text, UNKNOWN("x")
			    "exclude_noerror, only_rcode, only_dnssec_response, answer_count, only_qtype, only_qname, "
			    "only_qname_suffix, geoloc_notfound, asn_notfound, dnstap_msg_type, public_suffix_list, recorded_stream, "
			    "xact_ttl_secs, xact_ttl_ms, only_xact_directions, " WINDOW_KEYS_TEXT);
}

/* ---- what the original answered -------------------------------------------------------------------- */

struct recorded {
	const struct pv_config_tap *taps[64];
	size_t ntaps;
	char policies[64][32];
	size_t npolicies;
};

static bool is_recorded(void *ctx, const char *name)
{
	const struct recorded *r = ctx;
	for (size_t i = 0; i < r->npolicies; i++)
		if (!strcmp(r->policies[i], name))
			return true;
	return false;
}

/* Names of instances and the hash of a stream are ours. */
static bool same_words(const char *ours, const char *theirs)
{
	size_t n = strcspn(theirs, "-");
	return !strcmp(ours, theirs) || (strstr(theirs, "event proxy") && !strncmp(ours, theirs, n)) ||
	       (!strncmp(theirs, "yaml-cpp: ", 10) && !strncmp(ours, "invalid YAML: ", 14));
}

static void one_recorded(struct recorded *r, const struct pv_config_world *w, const json_t *line)
{
	const char *name = json_string_value(json_object_get(line, "name"));
	const json_t *req = json_object_get(line, "request");
	const char *path = json_string_value(json_object_get(req, "path"));
	const char *type = json_string_value(json_object_get(req, "content_type"));
	const char *body = json_string_value(json_object_get(req, "body"));
	bool tap = !strcmp(path, "/api/v1/taps"), created = json_integer_value(json_object_get(line, "status")) == 201;

	if (strcmp(json_string_value(json_object_get(req, "method")), "POST") || !body || !type ||
	    (strcmp(type, "application/x-yaml") && strcmp(type, "application/json")) || !strcmp(name, "pol_emptymap"))
		return;
	struct pv_config *c = load_in(w, tap ? PV_CONFIG_TAP : PV_CONFIG_POLICY, body);
	if (!c && err.fault == PV_CONFIG_NOT_BUILT)
		return;
	if (created != (c != NULL))
		fail_msg("%s: %s", name, c ? "taken" : err.text);
	if (c && tap) {
		r->taps[r->ntaps++] = c->taps[0];
		c->taps[0] = NULL;
	} else if (c) {
		snprintf(r->policies[r->npolicies++], 32, "%s", c->policies[0]->name);
	} else {
		json_t *answer = json_loads(json_string_value(json_object_get(line, "body")), 0, NULL);
		const char *says = json_string_value(json_object_get(answer, "error"));
		if (!says || !same_words(err.text, says))
			fail_msg("%s: %s, not %s", name, err.text, says ? says : "an error");
		json_decref(answer);
	}
	pv_config_free(c);
}

static void recorded_answers_are_given(void **state)
{
	const char *shared = getenv("PV_SHARED");
	struct recorded *r = calloc(1, sizeof *r);
	char *line = NULL, path[500];
	size_t cap = 0, n = 0;
	(void)state;
	snprintf(path, sizeof path, "%s/conform/rest/admin.jsonl", shared ? shared : "");
	FILE *f = fopen(path, "r");
	if (!f) {
		free(r);
		skip();
	}
	struct pv_config_world w = {.handlers = pv_handlers, .taps = r->taps, .has_policy = is_recorded, .ctx = r};
	for (; getline(&line, &cap, f) > 0; n++) {
		json_t *j = json_loads(line, 0, NULL);
		w.ntaps = r->ntaps;
		one_recorded(r, &w, j);
		json_decref(j);
		assert_true(r->ntaps < 60 && r->npolicies < 60);
	}
	assert_true(n > 50 && r->ntaps > 2 && r->npolicies > 3);
	for (size_t i = 0; i < r->ntaps; i++)
		pv_config_tap_free((struct pv_config_tap *)(uintptr_t)r->taps[i]);
	fclose(f);
	free(line);
	free(r);
}

/* Appends a text again and again, with a number in place of its #. */
static size_t put(char *to, size_t cap, size_t at, size_t times, const char *text)
{
	const char *mark = strchr(text, '#');
	for (unsigned i = 0; i < times; i++) {
		int n = mark ? snprintf(to + at, cap - at, "%.*s%u%s", (int)(mark - text), text, i, mark + 1)
			     : snprintf(to + at, cap - at, "%s", text);
		assert_true(n > 0 && (size_t)n < cap - at);
		at += (size_t)n;
	}
	return at;
}

#define ALL_TAPS "tap_selector: {any: [{a: 1}]}"

static void everything_is_bounded(void **state)
{
	enum { CAP = PV_DOCUMENT_BYTES + 1 };
	char *text = malloc(CAP);
	size_t at;
	(void)state;
	assert_non_null(text);
	/* selectors multiply */
	at = put(text, CAP, 0, 1, HEAD "  taps:\n");
	at = put(text, CAP, at, 1000, "    t#: {input_type: mock, tags: {a: 1}}\n");
	at = put(text, CAP, at, 1, "  policies:\n");
	put(text, CAP, at, 5, "    p#: {kind: collection, input: {input_type: mock, " ALL_TAPS "}, handlers: {modules: {}}}\n");
	assert_null(load_as(PV_CONFIG_FILE, text));
	assert_string_equal(err.text, "more than 4096 input streams of all policies");
	put(text, CAP, at, 4, "    p#: {kind: collection, input: {input_type: mock, " ALL_TAPS "}, handlers: {modules: {}}}\n");
	pv_config_free(good(text));

	at = put(text, CAP, 0, 1, HEAD "  taps:\n");
	put(text, CAP, at, PV_CONFIG_TAPS + 1, "    t#: {input_type: mock}\n");
	assert_null(load_as(PV_CONFIG_FILE, text));
	assert_string_equal(err.text, "more than 1024 taps");
	at = put(text, CAP, 0, 1, HEAD "  policies:\n");
	put(text, CAP, at, PV_CONFIG_POLICIES + 1, "    t#: {}\n");
	assert_null(load_as(PV_CONFIG_FILE, text));
	assert_string_equal(err.text, "more than 1024 policies");
	at = put(text, CAP, 0, 1, POL KIND IN "      handlers:\n        modules:\n");
	put(text, CAP, at, PV_CONFIG_MODULES + 1, "          m#: {type: net}\n");
	assert_null(load_as(PV_CONFIG_FILE, text));
	assert_string_equal(err.text, "more than 32 handler modules");

	/* what everybody gets, for many */
	at = put(text, CAP, 0, 1, HEAD "  global_handler_config:\n    dns:\n      only_qname: [");
	at = put(text, CAP, at, PV_LIST_MAX, "name-#-padding-of-some-length.example.com,");
	at = put(text, CAP, at, 1, "]\n  taps: {t: {input_type: mock}}\n  policies:\n");
	for (int p = 0; p < 200; p++) {
		at += (size_t)snprintf(text + at, CAP - at, "    p%d: {kind: collection, input: {tap: t, input_type: mock}, "
							    "handlers: {modules: {", p);
		at = put(text, CAP, at, PV_CONFIG_MODULES, "m#: {type: dns},");
		at = put(text, CAP, at, 1, "}}}\n");
	}
	assert_null(load_as(PV_CONFIG_FILE, text));
	assert_string_equal(err.text, "too much: defaults and settings of all policies together are more than 67108864 bytes");
	text[strcspn(text, "[")] = '{'; /* now without the list */
	char *close = strchr(text, ']'), *open = strchr(text, '{') + 1;
	memmove(open, close, strlen(close) + 1);
	*open = '}';
	memcpy(strstr(text, "only_qname: {}"), "topn_count: 7 ", 14);
	assert_null(load_as(PV_CONFIG_FILE, text));
	assert_string_equal(err.text, "more than 4096 handlers in all policies");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents),
		cmocka_unit_test(the_agent),
		cmocka_unit_test(taps),
		cmocka_unit_test(inputs),
		cmocka_unit_test(flow_handlers),
		cmocka_unit_test(global_handler_config),
		cmocka_unit_test(policies),
		cmocka_unit_test(selectors),
		cmocka_unit_test(modules),
		cmocka_unit_test(versions_of_net_and_dns),
		cmocka_unit_test(wrong_types),
		cmocka_unit_test(handlers_want_their_input),
		cmocka_unit_test(bodies),
		cmocka_unit_test(the_world_counts),
		cmocka_unit_test(odd_things_are_said),
		cmocka_unit_test(a_document_is_taken_whole_or_not),
		cmocka_unit_test(the_agent_is_typed),
		cmocka_unit_test(layers_lie_in_order),
		cmocka_unit_test(groups_go_off_then_on),
		cmocka_unit_test(filters_are_real),
		cmocka_unit_test(streams_are_shared_by_what_they_are),
		cmocka_unit_test(a_taps_filter_counts),
		cmocka_unit_test(only_hosts_is_no_part_of_a_stream),
		cmocka_unit_test(other_inputs_are_typed),
		cmocka_unit_test(selectors_choose),
		cmocka_unit_test(chains_have_two_spellings),
		cmocka_unit_test(real_files_load),
		cmocka_unit_test(the_command_line_is_a_document),
		cmocka_unit_test(tables_are_in_order),
		cmocka_unit_test(modules_may_bring_handlers),
		cmocka_unit_test(version_two_has_its_own_keys),
		cmocka_unit_test(everything_is_bounded),
		cmocka_unit_test(recorded_answers_are_given),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
