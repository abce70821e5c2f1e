/* SPDX-License-Identifier: MPL-2.0 */
/* A configuration when there is no memory for it: each allocation of its loading fails in turn. Every failure
 * is said, nothing crashes, and nothing stays behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>
#include <cmocka.h>

#include "handlers/handlers.h"
#include "policy/config.h"
#include "unit/alloc_util.h"

static const char document[] =
    "version: \"1.0\"\nvisor:\n  config: {port: 1, host: x}\n"
    "  taps:\n    a: &a {input_type: pcap, config: {iface: eth0, host_spec: 10.0.0.0/8}, tags: {s: x, n: "
    "1}}\n"
    "    n: {input_type: netprobe, config: {test_type: ping, targets: {g: {target: 192.0.2.1}}}}\n"
    "    d: {input_type: dnstap, config: {socket: /s}, filter: {only_hosts: [10.0.0.0/8]}}\n"
    "  global_handler_config: {dns: {only_rcode: [2]}, net: {topn_count: 3}}\n"
    "  policies:\n"
    "    p: {kind: collection, config: {merge_like_handlers: true},\n"
    "      input: {input_type: pcap, tap_selector: {all: [s: x]}, filter: {bpf: udp}},\n"
    "      handlers: {window_config: {num_periods: 2}, modules: {\n"
    "        n: {type: net, filter: {only_asn_number: [1], only_geoloc_prefix: [EU]}, metric_groups: "
    "{disable: [all]}},\n"
    "        d: {type: dns, filter: {only_qtype: [A], only_qname: [a.b], only_qname_suffix: [.b]}},\n"
    "        h: {type: dhcp, config: {xact_ttl_ms: 5}}}}}\n"
    "    q: {kind: collection, input: {tap: n, input_type: netprobe}, handlers: {modules: {}}}\n"
    "    r: {kind: collection, input: {tap: d, input_type: dnstap}, handlers: {modules: [{x: , type: "
    "net}]}}\n";

static void every_allocation_may_fail(void **state)
{
	const struct pv_config_world w = {.handlers = pv_handlers};
	struct pv_config_error err;
	struct pv_config *c = NULL;
	uint64_t n = 1;
	(void)state;
	if (!ALLOC_UTIL)
		skip();
	pv_config_free(pv_config_load_text(document, sizeof document - 1, PV_CONFIG_FILE, &w,
					   &err)); /* jansson's seed */
	for (; !c && n < 20000; n++) {
		long before = alloc_live();
		alloc_fail(n, true);
		c = pv_config_load_text(document, sizeof document - 1, PV_CONFIG_FILE, &w, &err);
		alloc_fail(0, false);
		if (c)
			pv_config_free(c);
		else if (!strstr(err.text, "emory"))
			fail_msg("allocation %" PRIu64 ": %s", n, err.text);
		if (alloc_live() != before)
			fail_msg("allocation %" PRIu64 ": %ld stay behind", n, alloc_live() - before);
	}
	assert_true(c && n > 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
