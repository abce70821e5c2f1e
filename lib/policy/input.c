/* SPDX-License-Identifier: MPL-2.0 */
/* Settings of inputs: what is right for each kind, beyond the types of its keys. */
#include "policy/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnstap/dnstap.h"
#include "probe/probe.h"

#define PAYLOAD_MAX 65500 /* of an ICMP echo, in one IPv4 packet */
#define PAYLOAD_MIN 8	  /* what a probe writes into it */
#define TCP_FLOWS   300000

struct look { /* at one stream */
	struct pv_check *c;
	struct pv_config_stream *s;
	const struct pv_layers *l;
	bool whole;
};

static const char *text_of(const struct look *w, const char *key)
{
	return json_string_value(json_object_get(w->l->values, key));
}

#define wrong(w, key, ...) pv_check_fail((w)->c, PV_CONFIG_INVALID, pv_layers_line((w)->l, key), __VA_ARGS__)

/* ---- pcap --------------------------------------------------------------------------------------- */

static int check_host_spec(const struct look *w)
{
	struct pv_hosts *hosts;
	char err[200];

	if (!w->s->pcap.host_spec)
		return 0;
	hosts = pv_hosts_new();
	if (!hosts)
		return pv_check_memory(w->c);
	int res = pv_hosts_parse_cidr(hosts, w->s->pcap.host_spec, err, sizeof err);
	pv_hosts_free(hosts);
	return res ? wrong(w, "host_spec", "%s", err) : 0;
}

static int look_at_pcap(const struct look *w)
{
	static const char *const sources[] = {[PV_INPUT_LIBPCAP] = "libpcap",
					      [PV_INPUT_AF_PACKET] = "af_packet",
					      [PV_INPUT_PCAP_MOCK] = "mock"};
	const char *source = text_of(w, "pcap_source");
	unsigned i = PV_INPUT_LIBPCAP;

	while (source && i <= PV_INPUT_PCAP_MOCK && strcmp(source, sources[i]))
		i++;
	if (i > PV_INPUT_PCAP_MOCK) {
		wrong(w, "pcap_source", "unknown pcap source");
		return pv_check_hint(w->c, "libpcap, af_packet or mock is expected");
	}
	w->s->pcap.source = i;
	if (check_host_spec(w))
		return -1;
	if (!w->whole || w->s->pcap.pcap_file || w->s->pcap.source == PV_INPUT_PCAP_MOCK)
		return 0;
	if (!w->s->pcap.iface || !*w->s->pcap.iface)
		return wrong(w, "iface", "no iface was specified for live capture");
	return 0;
}

/* ---- flow --------------------------------------------------------------------------------------- */

static int look_at_flow(const struct look *w)
{
	const char *type = text_of(w, "flow_type");

	if (type && (!strcmp(type, "netflow") || !strcmp(type, "ipfix")))
		w->s->flow.type = PV_INPUT_NETFLOW;
	else if (type && strcmp(type, "sflow"))
		return wrong(
		    w, "flow_type",
		    "invalid flow_type \"%.100s\". Supported types: \"sflow\", \"netflow\" and \"ipfix\"",
		    type);
	if (!w->whole)
		return 0;
	if (!type && !strcmp(w->s->input_type, "flow"))
		pv_check_say(w->c, PV_SAY_WARNING, pv_layers_line(w->l, "flow_type"),
			     "flow_type not specified, using sflow");
	if (!w->s->flow.pcap_file && (!w->s->flow.bind || !json_object_get(w->l->values, "port")))
		return wrong(w, w->s->flow.bind ? "bind" : "port", "flow config must specify port and bind");
	return 0;
}

/* ---- dnstap ------------------------------------------------------------------------------------- */

static int check_only_hosts(const struct look *w)
{
	const json_t *list = json_object_get(w->l->values, "only_hosts"), *entry;
	const struct pv_node *at = pv_layers_node(w->l, "only_hosts");
	char err[200];
	size_t i;

	if (!list)
		return 0;
	w->s->dnstap.only_hosts = pv_hosts_new();
	if (!w->s->dnstap.only_hosts)
		return pv_check_memory(w->c);
	at = at ? at->first : NULL;
	json_array_foreach (list, i, entry) {
		if (pv_hosts_parse_cidr(w->s->dnstap.only_hosts, json_string_value(entry), err, sizeof err))
			return pv_check_fail(w->c, PV_CONFIG_INVALID, at ? at->line : w->l->line, "%s", err);
		at = at ? at->next : NULL;
	}
	return 0;
}

static int check_tcp(const struct look *w)
{
	char host[256], err[200];
	uint16_t port;

	if (w->s->dnstap.tcp && !pv_dnstap_address(w->s->dnstap.tcp, host, sizeof host, &port, err, sizeof err))
		return wrong(w, "tcp", "%s", err);
	return 0;
}

static int look_at_dnstap(const struct look *w)
{
	if (check_tcp(w) || check_only_hosts(w))
		return -1;
	if (w->whole && !w->s->dnstap.file && !w->s->dnstap.socket && !w->s->dnstap.tcp)
		return wrong(w, "dnstap_file", "config must specify one of: socket, dnstap_file, tcp");
	return 0;
}

/* ---- netprobe ----------------------------------------------------------------------------------- */

#define TEST_TYPES "The valid test types are: http, ping, tcp, udp"

static int check_test_type(const struct look *w)
{
	const char *type = text_of(w, "test_type");

	if (!type)
		return w->whole ? wrong(w, "test_type", "'test_type' config not specified. " TEST_TYPES) : 0;
	if (!strcmp(type, "http") || !strcmp(type, "udp")) {
		wrong(w, "test_type", "Test type currently not supported");
		return pv_check_hint(w->c, "ping or tcp is expected");
	}
	if (strcmp(type, "ping") && strcmp(type, "tcp"))
		return wrong(w, "test_type", "%.100s is an invalid/unsupported test type. " TEST_TYPES, type);
	w->s->netprobe.type = *type == 't' ? PV_INPUT_TCP : PV_INPUT_PING;
	return 0;
}

/* Of two keys that do not go together, the first that was given. */
static const char *given(const struct look *w, const char *key, const char *other)
{
	return json_object_get(w->l->values, key) ? key : other;
}

static int check_times(const struct look *w)
{
	uint64_t interval = w->s->netprobe.interval_ms, timeout = w->s->netprobe.timeout_ms;
	uint64_t packets = w->s->netprobe.packets, each = w->s->netprobe.packets_interval_ms;

	if (timeout > interval)
		return wrong(w, given(w, "timeout_msec", "interval_msec"),
			     "timeout_msec [%" PRIu64 "] cannot be greater than interval_msec [%" PRIu64 "]",
			     timeout, interval);
	if (!packets)
		return wrong(w, "packets_per_test", "packets_per_test needs to be greater than 0");
	if (each && packets > interval / each)
		return wrong(w,
			     given(w, "packets_per_test", given(w, "packets_interval_msec", "interval_msec")),
			     "packets_per_test [%" PRIu64 "] times packets_interval_msec [%" PRIu64
			     "] cannot be greater than interval_msec [%" PRIu64 "]",
			     packets, each, interval);
	if (w->s->netprobe.payload_bytes > PAYLOAD_MAX)
		return wrong(w, "packet_payload_size",
			     "packet_payload_size was set to %" PRIu64 " but max supported size is %d",
			     w->s->netprobe.payload_bytes, PAYLOAD_MAX);
	if (w->s->netprobe.payload_bytes < PAYLOAD_MIN)
		w->s->netprobe.payload_bytes = PAYLOAD_MIN;
	return 0;
}

static int check_family(const struct look *w, unsigned line, struct pv_config_target *t,
			const json_t *ip_version)
{
	json_int_t version = json_integer_value(ip_version);
	uint8_t is = pv_probe_address(t->target, NULL, NULL);

	if (ip_version && version != 4 && version != 6)
		return pv_check_fail(w->c, PV_CONFIG_INVALID, line, "ip_version must be 4 or 6");
	if (is && version && is != version)
		return pv_check_fail(w->c, PV_CONFIG_INVALID, line,
				     "target %.100s is IPv%d but ip_version is set to %d", t->target, is,
				     (int)version);
	if (!is && !strchr(t->target, '.') && strcmp(t->target, "localhost"))
		return pv_check_fail(w->c, PV_CONFIG_INVALID, line, "%.100s is an invalid/unsupported DNS",
				     t->target);
	t->family = is ? is : (uint8_t)version;
	return 0;
}

static int check_target(const struct look *w, struct pv_config_target *t, const char *name,
			const json_t *value)
{
	const struct pv_node *targets = pv_layers_node(w->l, "targets");
	const struct pv_node *at = targets ? pv_node_get(targets, name) : NULL;
	struct pv_layers own = {.values = NULL, .line = at ? at->key_line : pv_layers_line(w->l, "targets")};
	const json_t *version = json_object_get(value, "ip_version");

	t->name = name;
	if (!json_is_object(value))
		return pv_check_fail(w->c, PV_CONFIG_INVALID, own.line,
				     "'%.100s' does not have key 'target' which is required", name);
	if (pv_layers_init(w->c, &own, own.line) || pv_layers_add(w->c, &own, value, at) ||
	    pv_check_fields(w->c, &pv_schema_target, &own, NULL)) {
		pv_layers_free(&own);
		return -1;
	}
	unsigned line = pv_layers_line(&own, version ? "ip_version" : "target");
	pv_layers_free(&own);
	t->target = json_string_value(json_object_get(value, "target"));
	t->port = (uint16_t)json_integer_value(json_object_get(value, "port"));
	if (!t->target || (w->s->netprobe.type == PV_INPUT_TCP && !t->port))
		return pv_check_fail(w->c, PV_CONFIG_INVALID, own.line,
				     "'%.100s' does not have key '%s' which is required", name,
				     t->target ? "port" : "target");
	return check_family(w, line, t, version);
}

static int check_targets(const struct look *w)
{
	json_t *targets = json_object_get(w->l->values, "targets"), *value;
	size_t n = json_object_size(targets);
	const char *name;

	if (!n)
		return w->whole || targets ? wrong(w, "targets", "no targets specified") : 0;
	if (n > PV_CONFIG_TARGETS)
		return wrong(w, "targets", "targets: more than %d", PV_CONFIG_TARGETS);
	w->s->netprobe.targets = calloc(n, sizeof *w->s->netprobe.targets);
	if (!w->s->netprobe.targets)
		return pv_check_memory(w->c);
	json_object_foreach (targets, name, value) {
		if (check_target(w, &w->s->netprobe.targets[w->s->netprobe.ntargets++], name, value))
			return -1;
	}
	return 0;
}

static int look_at_netprobe(const struct look *w)
{
	return check_test_type(w) || check_times(w) || check_targets(w) ? -1 : 0;
}

/* ---- sources of modules --------------------------------------------------------------------------- */

static int set_of_source(void *ctx, const struct pv_key *key, const struct pv_value *v, char *err, size_t cap)
{
	const struct pv_config_stream *s = ctx;

	if (pv_check_setting_fits(key, v))
		return s->module.source->settings.set(s->module.conf, key, v, err, cap);
	snprintf(err, cap, "wrong type for key: %s", key->name);
	return -1;
}

static const struct pv_key *find_setting(const struct pv_module_settings *of, const char *name)
{
	for (size_t i = 0; i < of->count; i++)
		if (!strcmp(of->keys[i].name, name))
			return &of->keys[i];
	return NULL;
}

static int look_at_module(const struct look *w)
{
	const struct pv_module_settings *own = &w->s->module.source->settings;
	const struct pv_schema *schema = &pv_schema_inputs[PV_INPUT_MODULE];
	const char *name;
	json_t *value;

	if (own->conf_size && !(w->s->module.conf = calloc(1, own->conf_size)))
		return pv_check_memory(w->c);
	json_object_foreach (w->l->values, name, value) {
		const struct pv_key *key = find_setting(own, name);

		if (pv_schema_find(schema, name))
			continue;
		if (!key) {
			char text[PV_CONFIG_TEXT];
			pv_schema_unknown_setting_text(schema, own, name, text, sizeof text);
			return wrong(w, name, "%s", text);
		}
		if (pv_check_setting(w->c, w->l, key, value, set_of_source, w->s))
			return -1;
	}
	return 0;
}

/* ---- all ------------------------------------------------------------------------------------------ */

static int look_at_mock(const struct look *w)
{
	const json_t *fail = json_object_get(w->l->values, "except_on_start");

	w->s->mock.fail = fail && !json_is_false(fail);
	return 0;
}

static void set_defaults(struct pv_config_stream *s)
{
	s->pcap.tcp_flows_max = s->input == PV_INPUT_PCAP ? TCP_FLOWS : 0;
	if (s->input == PV_INPUT_NETPROBE) {
		s->netprobe.interval_ms = 5000;
		s->netprobe.timeout_ms = 2000;
		s->netprobe.packets = 1;
		s->netprobe.packets_interval_ms = 25;
		s->netprobe.payload_bytes = 48;
	}
}

int pv_check_stream(struct pv_check *c, struct pv_config_stream *s, const struct pv_layers *l, bool whole)
{
	static int (*const looks[PV_SCHEMA_INPUTS])(const struct look *) = {
	    [PV_INPUT_PCAP] = look_at_pcap,	[PV_INPUT_FLOW] = look_at_flow,
	    [PV_INPUT_DNSTAP] = look_at_dnstap, [PV_INPUT_NETPROBE] = look_at_netprobe,
	    [PV_INPUT_MOCK] = look_at_mock,	[PV_INPUT_MODULE] = look_at_module,
	};
	struct look w = {c, s, l, whole};

	set_defaults(s);
	return pv_check_fields(c, &pv_schema_inputs[s->input], l, s) || looks[s->input](&w) ? -1 : 0;
}

void pv_config_stream_reset(struct pv_config_stream *s)
{
	pv_hosts_free(s->dnstap.only_hosts);
	free(s->netprobe.targets);
	free(s->module.conf);
	free(s->name);
	free(s->tap);
	json_decref(s->config);
	*s = (struct pv_config_stream){.name = NULL};
}
