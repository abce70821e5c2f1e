/* SPDX-License-Identifier: MPL-2.0 */
/* pvlanes - a source and its lanes without an agent around them: what each policy makes of a capture, as
 * JSON.
 *
 *   pvlanes [-H CIDR,...] [-c CITY.mmdb] [-a ASN.mmdb] [-p PERIODS] [-n] FILE POLICY...
 *
 * POLICY is [chain:]HANDLER[+HANDLER...], a HANDLER is TYPE[:VERSION][?KEY=VALUE[&KEY=VALUE...]] with the keys of its
 * tool, as in YAML: chain:dns?only_rcode=NXDOMAIN&only_qtype=A,AAAA+net:2.0. One line per policy, in their order,
 * as `pv-window --json` prints it. -n: the number of messages that were parsed on stderr. All policies share
 * one source. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dhcp/analyser.h"
#include "handlers/handlers.h"
#include "metric/json.h"
#include "policy/lane.h"
#include "policy/source.h"
#include "window/window.h"

#define POLICIES 64
#define SEED	 UINT64_C(0x1234)

struct policy {
	struct pv_lane_handler handler[PV_LANE_HANDLERS];
	struct pv_dns_filter dns[PV_LANE_HANDLERS];
	struct pv_net_filter net[PV_LANE_HANDLERS];
	struct pv_dhcp_conf dhcp[PV_LANE_HANDLERS];
	size_t n;
	char name[PV_LANE_HANDLERS][64];
	bool chain;
	struct pv_window *window;
	struct pv_lane *lane;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "pvlanes: %s: %s\n", what, why);
	exit(1);
}

static const struct pv_key *find_key(const struct pv_key *keys, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static void set(const struct pv_key *key, pv_set_fn *fn, void *conf, char *value)
{
	char err[256], *save = NULL;
	const char *list[64];
	struct pv_value v = {.type = key->type, .boolean = true, .string = value, .list = list};
	if (key->type == PV_KEY_UINT && !pv_parse_u64(value, &v.number))
		die(key->name, "not a number");
	if (key->type == PV_KEY_LIST || key->type == PV_KEY_UINT_OR_LIST) {
		v.type = PV_KEY_LIST;
		for (char *w = strtok_r(value, ",", &save); w && v.count < 64; w = strtok_r(NULL, ",", &save))
			list[v.count++] = w;
	}
	if (fn(conf, key, &v, err, sizeof err))
		die(key->name, err);
}

static const struct pv_handler *find_handler(const char *type, const char *version)
{
	for (size_t i = 0; pv_handlers[i]; i++)
		if (!strcmp(pv_handlers[i]->type, type) && !strcmp(pv_handlers[i]->version, version))
			return pv_handlers[i];
	return NULL;
}

static void parse_handler(struct policy *p, char *text, unsigned periods)
{
	char *keys = strchr(text, '?'), *version = strchr(text, ':'), *save = NULL, err[200];
	size_t i = p->n++;
	struct pv_lane_handler *h = &p->handler[i];
	if (keys)
		*keys++ = '\0';
	if (version)
		*version++ = '\0';
	pv_dns_filter_init(&p->dns[i]);
	pv_net_filter_init(&p->net[i]);
	size_t before = 0;
	for (size_t k = 0; k < i; k++)
		before += !strcmp(p->handler[k].handler->type, text);
	snprintf(p->name[i], sizeof p->name[i], before ? "%s_%zu" : "%s", text, before + 1);
	h->name = p->name[i];
	h->handler = find_handler(text, version ? version : "1.0");
	if (!h->handler)
		die(text, "no such handler");
	h->stage = !strcmp(text, "net")	   ? PV_SOURCE_NET
		   : !strcmp(text, "dns")  ? PV_SOURCE_DNS
		   : !strcmp(text, "dhcp") ? PV_SOURCE_DHCP
		   : !strcmp(text, "bgp")  ? PV_SOURCE_BGP
					   : PV_SOURCE_CAPTURE;
	h->periods = periods;
	h->deep = 100;
	h->topn = 10;
	for (char *w = keys ? strtok_r(keys, "&", &save) : NULL; w; w = strtok_r(NULL, "&", &save)) {
		char *value = strchr(w, '=');
		static char yes[] = "true";
		if (value)
			*value++ = '\0';
		else
			value = yes;
		const struct pv_key *k = NULL;
		if (h->stage == PV_SOURCE_NET && (k = find_key(pv_net_keys, PV_NET_KEYS, w)))
			set(k, pv_net_filter_set, &p->net[i], value);
		else if (h->stage == PV_SOURCE_DNS && ((k = find_key(pv_dns_keys, PV_DNS_KEYS, w)) ||
						       (k = find_key(pv_dns_keys_more, PV_DNS_KEYS_MORE, w))))
			set(k, pv_dns_filter_set, &p->dns[i], value);
		else if (h->stage == PV_SOURCE_DHCP && (k = find_key(pv_dhcp_keys, pv_dhcp_nkeys, w)))
			set(k, pv_dhcp_set, &p->dhcp[i], value);
		else
			die(w, "no such key");
	}
	if (h->stage == PV_SOURCE_DNS && pv_dns_filter_version(&p->dns[i], h->handler->version, err, sizeof err))
		die(text, err);
	h->dns = &p->dns[i];
	h->net = &p->net[i];
	if (h->stage == PV_SOURCE_DNS)
		h->ttl_ns = pv_dns_filter_ttl_ns(&p->dns[i]);
	if (h->stage == PV_SOURCE_DHCP)
		h->ttl_ns = p->dhcp[i].ttl.ns ? p->dhcp[i].ttl.ns : PV_DHCP_TTL_NS;
}

static void parse(struct policy *p, char *text, unsigned periods)
{
	char *save = NULL;
	p->chain = !strncmp(text, "chain:", 6);
	for (char *w = strtok_r(text + (p->chain ? 6 : 0), "+", &save); w; w = strtok_r(NULL, "+", &save))
		parse_handler(p, w, periods);
}

static void start(struct policy *p, struct pv_source *s, unsigned periods)
{
	char err[256];
	const struct pv_window_conf wc = {
	    .handlers = pv_handlers, .periods = periods, .deep = 100, .topn = 10, .seed = SEED};
	p->window = pv_window_new(&wc, (struct pv_sink){.write = NULL}, err, sizeof err);
	if (!p->window)
		die("window", err);
	const struct pv_lane_conf conf = {
	    .handlers = p->handler,
	    .nhandlers = p->n,
	    .chain = p->chain,
	    .registry = pv_handlers,
	    .dns_ttl_ns = pv_source_dns_ttl(s),
	    .sink = pv_sink_stage(pv_window_stage(p->window)),
	    .seed = SEED,
	};
	p->lane = pv_lane_new(&conf, err, sizeof err);
	if (!p->lane || pv_lane_start(p->lane, pv_source_ring(s), err, sizeof err))
		die("lane", err);
}

static void print(struct policy *p)
{
	json_t *j = pv_window_json(p->window);
	char *text = json_dumps(j, PV_JSON_FLAGS);
	if (!text || pv_window_problem(p->window))
		die("json", pv_window_problem(p->window) ? pv_window_problem(p->window) : "out of memory");
	puts(text);
	free(text);
	json_decref(j);
}

int main(int argc, char **argv)
{
	static struct policy policy[POLICIES];
	struct pv_capture_conf capture = {.producer = "pvlanes"};
	struct pv_source_conf conf = {.geo_cache = PV_GEO_CACHE_DEFAULT, .seed = SEED};
	const char *city = NULL, *asn = NULL;
	unsigned periods = 5;
	bool count = false;
	char err[256];
	for (int c; (c = getopt(argc, argv, "H:c:a:p:n")) != -1;)
		switch (c) {
		case 'H':
			capture.hosts = optarg;
			break;
		case 'c':
			city = optarg;
			break;
		case 'a':
			asn = optarg;
			break;
		case 'p':
			periods = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			count = true;
			break;
		default:
			return 2;
		}
	if (argc - optind < 2 || argc - optind > POLICIES)
		return 2;
	capture.file = argv[optind++];
	if ((city || asn) && !(conf.geo = pv_geo_db_open(city, asn, err, sizeof err)))
		die("geo", err);
	if (pv_input_capture(&capture, &conf.input, err, sizeof err))
		die("source", err);
	struct pv_source *s = pv_source_new(&conf);
	if (!s)
		die("source", "out of memory");
	size_t n = (size_t)(argc - optind);
	struct pv_source_want want = {.policies = (uint32_t)n};
	for (size_t i = 0; i < n; i++) {
		parse(&policy[i], argv[optind + (int)i], periods);
		for (size_t h = 0; h < policy[i].n; h++) {
			want.stage[policy[i].handler[h].stage] = true;
			if (policy[i].handler[h].stage == PV_SOURCE_CAPTURE)
				want.stage[PV_SOURCE_DNS] = true; /* TCP errors */
			uint64_t *ttl = policy[i].handler[h].stage == PV_SOURCE_DHCP ? &want.dhcp_ttl_ns
										     : &want.dns_ttl_ns;
			if (policy[i].handler[h].ttl_ns > *ttl)
				*ttl = policy[i].handler[h].ttl_ns;
		}
	}
	pv_source_want(s, &want);
	for (size_t i = 0; i < n; i++)
		start(&policy[i], s, periods);
	if (pv_source_start(s, err, sizeof err))
		die("source", err);
	for (size_t i = 0; i < n; i++)
		pv_lane_wait(policy[i].lane);
	struct pv_source_status st;
	pv_source_status(s, &st);
	if (count)
		fprintf(stderr, "%" PRIu64 "\n", st.messages);
	for (size_t i = 0; i < n; i++) {
		print(&policy[i]);
		pv_lane_free(policy[i].lane);
		pv_stage_free(pv_window_stage(policy[i].window));
		for (size_t h = 0; h < policy[i].n; h++) {
			pv_dns_filter_free(&policy[i].dns[h]);
			pv_net_filter_free(&policy[i].net[h]);
		}
	}
	if (st.error[0])
		die("source", st.error);
	pv_source_free(s);
	pv_geo_db_close(conf.geo);
	return 0;
}
