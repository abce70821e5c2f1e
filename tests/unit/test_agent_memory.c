/* SPDX-License-Identifier: MPL-2.0 */
/* An agent when there is no memory for a document: each allocation of taking it over fails in turn, alone or
 * with all that come after it. What cannot be loaded whole is not there at all, the reason is said, and nothing
 * stays behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "agent/agent.h"
#include "handlers/handlers.h"
#include "unit/alloc_util.h"

#define STEP 7 /* of the allocations of a request, whose threads take their time */

static const char base[] =
	"{visor: {taps: {t: {input_type: pcap, config: {pcap_source: mock}}, u: {input_type: mock}},\n"
	" policies: {stays: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: {n: {type: net}}}}}}}";
static const char document[] =
	"{visor: {taps: {f: {input_type: pcap, config: {pcap_file: '%s'}}, m: {input_type: mock, tags: {x: 1}}},\n"
	" global_handler_config: {dns: {only_qtype: [A]}},\n"
	" policies: {\n"
	"  a: {kind: collection, input: {tap: f, input_type: pcap}, handlers: {modules: {n: {type: net}, d: {type: dns}}}},\n"
	"  b: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: [{d: {type: dns}}, {n: {type: net}}]}},\n"
	"  c: {kind: collection, input: {tap_selector: {any: [x: 1]}, input_type: mock}, handlers: {modules: {h: {type: dns}}}}}}}";
static const char request[] =
	"{visor: {policies: {r: {kind: collection, input: {tap: t, input_type: pcap, filter: {bpf: udp}},\n"
	" handlers: {modules: [{d: {type: dns, filter: {only_qtype: [A]}}}, {n: {type: net}}]}}}}}";

struct world {
	struct pv_store *store;
	struct pv_agent *agent;
};

static struct pv_config *load(struct pv_agent *a, const char *text, struct pv_config_error *err)
{
	struct pv_config_world w = pv_agent_world(a);
	return pv_config_load_text(text, strlen(text), PV_CONFIG_FILE, &w, err);
}

/* An agent with a policy and two taps. */
static void world_new(struct world *w)
{
	const struct pv_store_conf sc = {pv_handlers, 1};
	struct pv_config_error err;
	w->store = pv_store_new(&sc);
	assert_non_null(w->store);
	const struct pv_agent_conf conf = {.handlers = pv_handlers, .store = w->store, .seed = 1};
	w->agent = pv_agent_new(&conf);
	assert_non_null(w->agent);
	struct pv_config *c = load(w->agent, base, &err);
	assert_non_null(c);
	assert_int_equal(pv_agent_take(w->agent, c, &err), 0);
	pv_config_free(c);
}

static void world_free(struct world *w)
{
	pv_agent_free(w->agent);
	pv_store_free(w->store);
}

/* Names of what there is: "stays,... t,u". */
static void names(struct pv_agent *a, char *to, size_t cap)
{
	json_t *sets[] = {pv_agent_policies_json(a, NULL), pv_agent_taps_json(a, NULL)};
	const char *key;
	json_t *value;
	size_t at = 0;
	to[0] = 0;
	for (size_t i = 0; i < 2; i++) {
		assert_non_null(sets[i]);
		json_object_foreach (sets[i], key, value)
			if (!strstr(key, "-resources")) /* without memory an input may be there that nobody watches */
				at += (size_t)snprintf(to + at, cap - at, "%s ", key);
		json_decref(sets[i]);
	}
}

static void expect(struct pv_agent *a, const char *want, uint64_t n)
{
	char got[256];
	names(a, got, sizeof got);
	if (strcmp(got, want))
		fail_msg("allocation %" PRIu64 ": there are '%s', not '%s'", n, got, want);
}

static const char *capture(void)
{
	static char path[512];
	const char *captures = getenv("CAPTURES");
	snprintf(path, sizeof path, "%s/dns-udp4.pcap", captures ? captures : "tests/captures");
	return path;
}

/* Whether it was taken over. */
static bool take_document(struct pv_agent *a, const char *text, uint64_t n, bool all)
{
	struct pv_config_error err = {.text = ""};
	alloc_fail(n, all);
	struct pv_config *c = load(a, text, &err);
	int rc = c ? pv_agent_take(a, c, &err) : -1;
	alloc_fail(0, false);
	pv_config_free(c);
	if (rc && !strstr(err.text, "emory"))
		fail_msg("allocation %" PRIu64 ": it says '%s'", n, err.text);
	return !rc;
}

static void whole_or_not_at_all(void **state)
{
	char text[4096];
	(void)state;
	if (!ALLOC_UTIL)
		skip();
	snprintf(text, sizeof text, document, capture());
	for (int all = 0; all < 2; all++) {
		uint64_t n = 1, refused = 0;
		for (unsigned calm = 0; calm < 50; n++) { /* what may be missing is taken without: not the first success ends it */
			struct world w;
			long before = alloc_live();
			world_new(&w);
			bool taken = take_document(w.agent, text, n, all);
			expect(w.agent, taken ? "stays a b c t u f m " : "stays t u ", n);
			refused += !taken;
			calm = taken ? calm + 1 : 0;
			world_free(&w);
			if (n > 1 && alloc_live() != before) /* the first finds jansson's seed not yet made */
				fail_msg("allocation %" PRIu64 ": %ld stay behind", n, alloc_live() - before);
		}
		assert_true(refused > 300);
	}
}

/* The same by request, while others run. */
static void a_request(void **state)
{
	struct world w;
	struct pv_config_error err;
	char why[256];
	uint64_t refused = 0, n = 1;
	(void)state;
	if (!ALLOC_UTIL)
		skip();
	world_new(&w);
	assert_int_equal(pv_agent_start(w.agent, why, sizeof why), 0);
	for (unsigned calm = 0; calm < 5; n += STEP) {
		err.text[0] = 0;
		alloc_fail(n, true);
		json_t *made = pv_agent_post(w.agent, PV_CONFIG_POLICY, request, strlen(request), &err);
		alloc_fail(0, false);
		if (!made && !err.text[0])
			fail_msg("allocation %" PRIu64 ": nothing is said", n);
		expect(w.agent, made ? "stays r t u " : "stays t u ", n);
		refused += !made;
		calm = made ? calm + 1 : 0;
		json_decref(made);
		if (made)
			assert_true(pv_agent_remove_policy(w.agent, "r"));
	}
	assert_true(refused > 30);
	pv_agent_finish(w.agent);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(whole_or_not_at_all), cmocka_unit_test(a_request)};
	return cmocka_run_group_tests_name("agent_memory", tests, NULL, NULL);
}
