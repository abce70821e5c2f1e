/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/schema.h"

#include <string.h>

#include "capture/capture.h"
#include "dhcp/analyser.h"
#include "flow/filter.h"
#include "geo/geo.h"
#include "probe/view.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NONE	 PV_SCHEMA_NO_FIELD

/* ---- the document ------------------------------------------------------------------------------- */

/* Sections whose values are maps of their own are read by hand; their rows have no field. */
#define PART(name, type, flags, help) {name, type, flags, NONE, 0, NULL, help}
#define IGNORED(name)		      {name, PV_SCHEMA_ANY, PV_SCHEMA_IGNORED, NONE, 0, NULL, NULL}
#define REQUIRED		      PV_SCHEMA_REQUIRED

static const struct pv_schema_key document_keys[] = {
	{"version", PV_SCHEMA_TEXT, 0, NONE, 0, "1.0", "version of the format; must be 1.0"},
	PART("visor", PV_SCHEMA_MAP, REQUIRED, "everything else"),
	IGNORED("description"),
	IGNORED("orb"), /* the file of an Orb agent has both */
};

static const struct pv_schema_key visor_keys[] = {
	PART("config", PV_SCHEMA_MAP, 0, "options of the agent itself"),
	PART("taps", PV_SCHEMA_MAP, 0, "where packets and events come from, by name"),
	PART("global_handler_config", PV_SCHEMA_MAP, 0, "settings of handlers in all policies, by type of handler"),
	PART("policies", PV_SCHEMA_MAP, 0, "what is made of which tap, by name"),
	IGNORED("description"),
	IGNORED("analyzers"),
};

/* ---- visor.config ------------------------------------------------------------------------------- */

#define BOOL(field, help) {#field, PV_SCHEMA_BOOL, 0, offsetof(struct pv_config_visor, field), 0, "false", help}
#define UINT(field, max, initial, help) \
	{#field, PV_SCHEMA_UINT, 0, offsetof(struct pv_config_visor, field), max, initial, help}
#define TEXT(field, initial, help) \
	{#field, PV_SCHEMA_TEXT, 0, offsetof(struct pv_config_visor, field), 0, initial, help}

static const struct pv_schema_key agent_keys[] = {
	BOOL(verbose, "log more"),
	BOOL(daemon, "run in the background"),
	BOOL(syslog, "log to syslog"),
	BOOL(no_track, "accepted; there is no telemetry"),
	BOOL(prometheus, "accepted; Prometheus output is always there"),
	TEXT(log_file, NULL, "append the log to this file"),
	TEXT(prom_instance, NULL, "value of the Prometheus label instance, and of OTLP's service.instance.id"),
	TEXT(geo_city, NULL, "MaxMind City database"),
	TEXT(geo_asn, NULL, "MaxMind ASN or ISP database"),
	TEXT(default_geo_city, NULL, "City database to use where none is named otherwise"),
	TEXT(default_geo_asn, NULL, "ASN database to use where none is named otherwise"),
	UINT(geo_cache_size, PV_GEO_CACHE_MAX, "10000", "addresses remembered per database, 0 for none"),
	UINT(max_deep_sample, 0, "100", "largest percentage of events that any policy may look at in depth, 1 to 100"),
	UINT(periods, 0, "5", "minutes that a policy keeps, 1 to 10"),
	BOOL(tls, "serve HTTPS; needs tls_cert and tls_key"),
	BOOL(admin_api, "let clients create and delete taps and policies"),
	TEXT(host, "localhost", "name or address to listen on"),
	UINT(port, 65535, "10853", "port to listen on"),
	TEXT(tls_cert, NULL, "PEM file with the certificate"),
	TEXT(tls_key, NULL, "PEM file with the private key"),
	BOOL(otel, "push metrics by OTLP"),
	BOOL(otel_tls, "push over TLS; needs otel_tls_cert and otel_tls_key"),
	TEXT(otel_host, "localhost", "host to push to"),
	TEXT(otel_path, "/v1/metrics", "path to push to"),
	UINT(otel_port, 65535, "4318", "port to push to"),
	UINT(otel_interval, 86400, "60", "seconds between two pushes, 1 to 86400"),
	TEXT(otel_tls_cert, NULL, "PEM file with the client's certificate"),
	TEXT(otel_tls_key, NULL, "PEM file with the client's private key"),
	TEXT(otel_tls_ca, NULL, "PEM file with the authorities that may vouch for the collector; the system's without"),
	BOOL(module_list, "list what is built in, and end"),
	TEXT(module_dir, NULL, "folder whose modules are loaded, as by --module-dir"),
	TEXT(iana_service_port_registry, NULL, "IANA's list of services and ports, as CSV"),
	TEXT(default_service_registry, NULL, "list of services to use where none is named otherwise"),
	BOOL(cp_disable, "accepted; crashes are never uploaded"),
	TEXT(cp_token, NULL, "crash upload, which is not built"),
	TEXT(cp_url, NULL, "crash upload, which is not built"),
	TEXT(cp_custom, NULL, "crash upload, which is not built"),
	TEXT(cp_path, NULL, "crash upload, which is not built"),
	TEXT(admin_token_file, NULL, "file with the token that clients of the admin API must show"),
	TEXT(data_dir, NULL, "folder below which paths that come from clients must be"),
	TEXT(pid_file, NULL, "write the process id to this file"),
	UINT(workers, PV_CAPTURE_WORKERS, "1", "workers that share each interface, by flow, and each port of exporters, 1 to 16"),
};

/* ---- taps and policies -------------------------------------------------------------------------- */

static const struct pv_schema_key tap_keys[] = {
	PART("input_type", PV_SCHEMA_TEXT, REQUIRED, "type of the input: pcap, flow, sflow, dnstap, netprobe or mock"),
	PART("config", PV_SCHEMA_MAP, 0, "settings of the input"),
	PART("filter", PV_SCHEMA_MAP, 0, "filter of the input, unless a policy has another"),
	PART("tags", PV_SCHEMA_MAP, 0, "names and values by which policies may choose this tap"),
	IGNORED("description"),
	IGNORED("analyzers"),
};

static const struct pv_schema_key policy_keys[] = {
	PART("kind", PV_SCHEMA_TEXT, REQUIRED, "always collection"),
	PART("input", PV_SCHEMA_MAP, REQUIRED, "which taps"),
	PART("handlers", PV_SCHEMA_MAP, REQUIRED, "what is made of them"),
	PART("config", PV_SCHEMA_MAP, 0, "settings of the policy itself"),
	IGNORED("description"),
	IGNORED("analyzers"),
};

static const struct pv_schema_key policy_config_keys[] = {
	{"merge_like_handlers", PV_SCHEMA_BOOL, 0, 0, 0, "false",
	 "show handlers of one type as one, under <schema>_merged"},
};

static const struct pv_schema_key policy_input_keys[] = {
	PART("input_type", PV_SCHEMA_TEXT, REQUIRED, "type of the input; that of the taps"),
	PART("tap", PV_SCHEMA_TEXT, 0, "name of the tap; either this or tap_selector"),
	PART("tap_selector", PV_SCHEMA_MAP, 0, "taps by their tags"),
	PART("config", PV_SCHEMA_MAP, 0, "settings of the input, over those of the tap"),
	PART("filter", PV_SCHEMA_MAP, 0, "filter of the input, over that of the tap"),
	IGNORED("description"),
};

static const struct pv_schema_key selector_keys[] = {
	PART("any", PV_SCHEMA_LIST, 0, "pairs of tag and value, one of which a tap must have"),
	PART("all", PV_SCHEMA_LIST, 0, "pairs of tag and value, all of which a tap must have"),
};

static const struct pv_schema_key handlers_keys[] = {
	PART("modules", PV_SCHEMA_MODULES, REQUIRED,
	     "the handlers by name; a list of them is a chain, in which each sees what the one before let through"),
	PART("window_config", PV_SCHEMA_MAP, 0, "settings of all these handlers"),
	IGNORED("config"),
	IGNORED("description"),
};

static const struct pv_schema_key module_keys[] = {
	PART("type", PV_SCHEMA_TEXT, REQUIRED, "type of the handler"),
	{"require_version", PV_SCHEMA_TEXT, 0, NONE, 0, "1.0", "version of the handler, exactly"},
	PART("config", PV_SCHEMA_MAP, 0, "settings of the handler"),
	PART("filter", PV_SCHEMA_MAP, 0, "filters of the handler; the same keys, these win"),
	PART("metric_groups", PV_SCHEMA_MAP, 0, "groups of metrics to turn on and off"),
	IGNORED("description"),
};

static const struct pv_schema_key groups_keys[] = {
	PART("enable", PV_SCHEMA_LIST, 0, "groups to turn on, or all; after disable"),
	PART("disable", PV_SCHEMA_LIST, 0, "groups to turn off, or all"),
};

/* The order is that of error texts. */
static const struct pv_schema_key window_keys[] = {
	{"deep_sample_rate", PV_SCHEMA_UINT, 0, NONE, 0, "100", "percentage of events that are looked at in depth, 1 to 100"},
	{"num_periods", PV_SCHEMA_UINT, 0, NONE, 0, "5", "minutes that are kept, 1 to 10"},
	{"topn_count", PV_SCHEMA_UINT, 0, NONE, 0, "10", "rows of each top list, 1 to 1000"},
	{"topn_percentile_threshold", PV_SCHEMA_UINT, 0, NONE, 0, "0",
	 "leave out rows of a top list below this percentile, 0 to 100"},
};

/* ---- inputs ------------------------------------------------------------------------------------- */

#define IN_TEXT(name, field, initial, help) \
	{name, PV_SCHEMA_TEXT, 0, offsetof(struct pv_config_stream, field), 0, initial, help}
#define IN_UINT(name, field, max, initial, help) \
	{name, PV_SCHEMA_UINT, 0, offsetof(struct pv_config_stream, field), max, initial, help}

static const struct pv_schema_key pcap_keys[] = {
	IN_TEXT("iface", pcap.iface, NULL, "interface: its name, one of its addresses, auto, or any"),
	IN_TEXT("bpf", pcap.bpf, NULL, "capture filter, as for tcpdump"),
	{"debug", PV_SCHEMA_BOOL, 0, offsetof(struct pv_config_stream, pcap.debug), 0, "false",
	 "log more about the capture"},
	IN_TEXT("host_spec", pcap.host_spec, NULL, "subnets regarded as ours, with commas between them"),
	IN_TEXT("pcap_file", pcap.pcap_file, NULL, "read this saved capture instead of an interface"),
	{"pcap_source", PV_SCHEMA_TEXT, 0, NONE, 0, "libpcap", "libpcap or af_packet, which are the same here, or mock for made-up packets"},
	IN_UINT("tcp_packet_reassembly_cache_limit", pcap.tcp_flows_max, 0, "300000",
		"TCP connections that are put together at once, 0 for as many as fit; one given up is taken up again where it goes on"),
};

static const struct pv_schema_key flow_keys[] = {
	{"flow_type", PV_SCHEMA_TEXT, 0, NONE, 0, "sflow", "sflow, netflow or ipfix"},
	IN_TEXT("bind", flow.bind, NULL, "address to listen on"),
	IN_UINT("port", flow.port, 65535, NULL, "UDP port to listen on"),
	IN_TEXT("pcap_file", flow.pcap_file, NULL, "take the datagrams from this saved capture instead"),
};

static const struct pv_schema_key dnstap_keys[] = {
	IN_TEXT("tcp", dnstap.tcp, NULL, "HOST:PORT to listen on"),
	IN_TEXT("socket", dnstap.socket, NULL, "path of a Unix socket to listen on"),
	IN_TEXT("dnstap_file", dnstap.file, NULL, "read this file; goes before socket, and socket before tcp"),
	{"only_hosts", PV_SCHEMA_LIST, PV_SCHEMA_PER_POLICY, NONE, 0, NULL,
	 "subnets, one of which an address of the message must be in"},
};

static const struct pv_schema_key netprobe_keys[] = {
	{"test_type", PV_SCHEMA_TEXT, REQUIRED, NONE, 0, NULL, "ping or tcp"},
	IN_UINT("interval_msec", netprobe.interval_ms, 0, "5000", "time between two tests of a target"),
	IN_UINT("timeout_msec", netprobe.timeout_ms, 0, "2000", "time to wait for an answer, at most interval_msec"),
	IN_UINT("packets_per_test", netprobe.packets, 0, "1", "packets in a test (ping)"),
	IN_UINT("packets_interval_msec", netprobe.packets_interval_ms, 0, "25", "time between the packets of a test"),
	IN_UINT("packet_payload_size", netprobe.payload_bytes, 0, "48", "bytes of payload (ping), at most 65500"),
	{"targets", PV_SCHEMA_MAP, REQUIRED, NONE, 0, NULL, "what to probe, by name"},
};

static const struct pv_schema_key target_keys[] = {
	PART("target", PV_SCHEMA_TEXT, REQUIRED, "address or host name"),
	{"port", PV_SCHEMA_UINT, 0, NONE, 65535, NULL, "port; required with test_type tcp"},
	{"ip_version", PV_SCHEMA_UINT, 0, NONE, 0, NULL, "4 or 6; either when not given"},
};

/* And what its module says (struct pv_module_settings). */
static const struct pv_schema_key module_input_keys[] = {
	IN_TEXT("input", module.from, NULL, "what the source reads, as pv-module --input"),
};

static const struct pv_schema_key mock_keys[] = {
	{"except_on_start", PV_SCHEMA_ANY, 0, NONE, 0, "false", "fail to start (a test aid)"},
};

#define SCHEMA(name, keys) {name, keys, COUNT(keys), false}

const struct pv_schema pv_schema_document = SCHEMA("document", document_keys);
const struct pv_schema pv_schema_visor = SCHEMA("visor", visor_keys);
const struct pv_schema pv_schema_agent = SCHEMA("visor.config", agent_keys);
const struct pv_schema pv_schema_tap = SCHEMA("tap", tap_keys);
const struct pv_schema pv_schema_policy = SCHEMA("policy", policy_keys);
const struct pv_schema pv_schema_policy_config = SCHEMA("policy config", policy_config_keys);
const struct pv_schema pv_schema_policy_input = SCHEMA("policy input", policy_input_keys);
const struct pv_schema pv_schema_selector = SCHEMA("tap_selector", selector_keys);
const struct pv_schema pv_schema_handlers = SCHEMA("handlers", handlers_keys);
const struct pv_schema pv_schema_module = SCHEMA("module", module_keys);
const struct pv_schema pv_schema_groups = SCHEMA("metric_groups", groups_keys);
const struct pv_schema pv_schema_window = SCHEMA("window_config", window_keys);
const struct pv_schema pv_schema_target = SCHEMA("netprobe target", target_keys);

const struct pv_schema pv_schema_inputs[PV_SCHEMA_INPUTS] = {
	[PV_INPUT_PCAP] = SCHEMA("input pcap", pcap_keys),
	[PV_INPUT_FLOW] = SCHEMA("input flow", flow_keys),
	[PV_INPUT_DNSTAP] = SCHEMA("input dnstap", dnstap_keys),
	[PV_INPUT_NETPROBE] = SCHEMA("input netprobe", netprobe_keys),
	[PV_INPUT_MOCK] = {"input mock", mock_keys, COUNT(mock_keys), true},
	[PV_INPUT_MODULE] = {"input module", module_input_keys, COUNT(module_input_keys), true},
};

const struct pv_input_name pv_input_names[] = {
	{"pcap", PV_INPUT_PCAP},         {"flow", PV_INPUT_FLOW}, {"sflow", PV_INPUT_FLOW}, {"dnstap", PV_INPUT_DNSTAP},
	{"netprobe", PV_INPUT_NETPROBE}, {"mock", PV_INPUT_MOCK}, {NULL, PV_INPUT_PCAP},
};

/* ---- handlers ----------------------------------------------------------------------------------- */

static const struct pv_key recorded_key[] = {
	{"recorded_stream", PV_KEY_BOOL, NULL, "treat the stream as a recorded one"},
};

static const size_t one = 1, net_count = PV_NET_KEYS, dns_count = PV_DNS_KEYS, dns_more = PV_DNS_KEYS_MORE;
static const char *const not_in_dns2[] = {"only_queries", "only_responses", NULL};

#define ON(input) (1u << PV_INPUT_##input)
#define ANYWHERE  (ON(PCAP) | ON(FLOW) | ON(DNSTAP) | ON(NETPROBE) | ON(MOCK) | ON(MODULE))
#define CAPTURED  (ON(PCAP) | ON(MODULE)) /* a module's source may put out packets */
#define PACKETS	  (CAPTURED | ON(DNSTAP) | ON(MOCK))

const struct pv_handler_kind pv_handler_kinds[] = {
	{"net", "1.0", "NetStreamHandler", PACKETS, PV_HANDLER_NET, {{pv_net_keys, &net_count}}, NULL},
	{"net", "2.0", "NetStreamHandler", PACKETS, PV_HANDLER_NET, {{pv_net_keys, &net_count}}, NULL},
	{"connections", "1.0", "ConnectionsStreamHandler", PACKETS, PV_HANDLER_NET, {{pv_net_keys, &net_count}}, NULL},
	{"dns", "1.0", "DnsStreamHandler", PACKETS, PV_HANDLER_DNS, {{pv_dns_keys, &dns_count}}, NULL},
	{"dns", "2.0", "DnsStreamHandler", PACKETS, PV_HANDLER_DNS,
	 {{pv_dns_keys, &dns_count}, {pv_dns_keys_more, &dns_more}}, not_in_dns2},
	{"dhcp", "1.0", "DhcpStreamHandler", CAPTURED, PV_HANDLER_DHCP, {{pv_dhcp_keys, &pv_dhcp_nkeys}}, NULL},
	{"pcap", "1.0", "PcapStreamHandler", CAPTURED, PV_HANDLER_NO_CONF, {{recorded_key, &one}}, NULL},
	{"input_resources", "1.0", "InputResourcesStreamHandler", ANYWHERE, PV_HANDLER_NO_CONF, {{recorded_key, &one}},
	 NULL},
	{"bgp", "1.0", "BgpStreamHandler", CAPTURED, PV_HANDLER_NO_CONF, {{recorded_key, &one}}, NULL},
	{"flow", "1.0", "FlowStreamHandler", ON(FLOW) | ON(MOCK), PV_HANDLER_FLOW, {{pv_flow_keys, &pv_flow_nkeys}}, NULL},
	{"netprobe", "1.0", "NetProbeStreamHandler", ON(NETPROBE), PV_HANDLER_PROBE, {{pv_probe_keys, &pv_probe_nkeys}}, NULL},
};
const size_t pv_handler_nkinds = COUNT(pv_handler_kinds);

const struct pv_handler_kind pv_handler_kind_other = {
	NULL, NULL, "StreamHandler", ANYWHERE, PV_HANDLER_NO_CONF, {{recorded_key, &one}}, NULL,
};

struct pv_handler_kind pv_handler_kind_module(const struct pv_module_analyser *a)
{
	struct pv_handler_kind k = pv_handler_kind_other;

	if (!a) {
		k.inputs = ON(MODULE);
		return k;
	}
	k.conf = PV_HANDLER_MODULE;
	k.sets[0].keys = a->settings.keys;
	k.sets[0].count = &a->settings.count;
	k.sets[1].keys = recorded_key;
	k.sets[1].count = &one;
	return k;
}

const struct pv_handler_kind *pv_handler_kind_find(const char *type, const char *version)
{
	for (size_t i = 0; i < pv_handler_nkinds; i++) {
		const struct pv_handler_kind *k = &pv_handler_kinds[i];
		if (!strcmp(k->type, type) && (!version || !strcmp(k->version, version)))
			return k;
	}
	return NULL;
}

static bool is_without(const struct pv_handler_kind *k, const char *name)
{
	for (size_t i = 0; k->without && k->without[i]; i++)
		if (!strcmp(k->without[i], name))
			return true;
	return false;
}

const struct pv_key *pv_handler_kind_key(const struct pv_handler_kind *k, size_t i)
{
	for (size_t s = 0; s < PV_HANDLER_SETS; s++)
		for (size_t j = 0; k->sets[s].count && j < *k->sets[s].count; j++)
			if (!is_without(k, k->sets[s].keys[j].name) && !i--)
				return &k->sets[s].keys[j];
	return NULL;
}

const struct pv_key *pv_handler_kind_key_find(const struct pv_handler_kind *k, const char *name)
{
	const struct pv_key *key;

	for (size_t i = 0; (key = pv_handler_kind_key(k, i)); i++)
		if (!strcmp(key->name, name))
			return key;
	return NULL;
}

/* ---- looking up, and words ---------------------------------------------------------------------- */

const struct pv_schema_key *pv_schema_find(const struct pv_schema *s, const char *name)
{
	for (size_t i = 0; i < s->nkeys; i++)
		if (!strcmp(s->keys[i].name, name))
			return &s->keys[i];
	return NULL;
}

const char *pv_schema_type_text(enum pv_schema_type type)
{
	static const char *const texts[] = {
		[PV_SCHEMA_BOOL] = "true or false", [PV_SCHEMA_UINT] = "a number", [PV_SCHEMA_TEXT] = "a string",
		[PV_SCHEMA_LIST] = "a list",        [PV_SCHEMA_MAP] = "a map",     [PV_SCHEMA_MODULES] = "a map or a list",
		[PV_SCHEMA_ANY] = "anything",
	};
	return texts[type];
}

const char *pv_schema_key_type_text(enum pv_key_type type)
{
	static const char *const texts[] = {
		[PV_KEY_BOOL] = "true or false", [PV_KEY_UINT] = "a number",
		[PV_KEY_STRING] = "a string",    [PV_KEY_LIST] = "a list",
		[PV_KEY_UINT_OR_LIST] = "a number or a list",
		[PV_KEY_MAP] = "a map",
	};
	return texts[type];
}

#define UNKNOWN "%.100s is an invalid/unsupported config or filter. The valid configs/filters are: "

/* Appends ", name"; nothing where it is full. */
static size_t list_add(char *to, size_t cap, size_t at, const char *name, bool first)
{
	int n = at < cap ? snprintf(to + at, cap - at, "%s%s", first ? "" : ", ", name) : 0;

	return at + (n > 0 ? (size_t)n : 0);
}

static size_t list_schema(const struct pv_schema *s, char *to, size_t cap, size_t at, bool first)
{
	for (size_t i = 0; i < s->nkeys; i++)
		if (!(s->keys[i].flags & PV_SCHEMA_IGNORED)) {
			at = list_add(to, cap, at, s->keys[i].name, first);
			first = false;
		}
	return at;
}

void pv_schema_unknown_text(const struct pv_schema *s, const char *name, char *to, size_t cap)
{
	int n = snprintf(to, cap, UNKNOWN, name);

	list_schema(s, to, cap, n > 0 ? (size_t)n : 0, true);
}

void pv_schema_unknown_setting_text(const struct pv_schema *s, const struct pv_module_settings *of, const char *name, char *to,
				    size_t cap)
{
	int n = snprintf(to, cap, UNKNOWN, name);
	size_t at = list_schema(s, to, cap, n > 0 ? (size_t)n : 0, true);

	for (size_t i = 0; i < of->count; i++)
		at = list_add(to, cap, at, of->keys[i].name, false);
}

void pv_handler_kind_unknown_text(const struct pv_handler_kind *k, const char *name, char *to, size_t cap)
{
	int n = snprintf(to, cap, UNKNOWN, name);
	size_t at = n > 0 ? (size_t)n : 0, i = 0;
	const struct pv_key *key;

	for (; (key = pv_handler_kind_key(k, i)); i++)
		at = list_add(to, cap, at, key->name, i == 0);
	list_schema(&pv_schema_window, to, cap, at, i == 0);
}

/* ---- for the manual ----------------------------------------------------------------------------- */

static void list_section(FILE *out, const struct pv_schema *s)
{
	for (size_t i = 0; i < s->nkeys; i++) {
		const struct pv_schema_key *k = &s->keys[i];
		const char *how = k->flags & PV_SCHEMA_IGNORED	  ? "ignored"
				  : k->flags & PV_SCHEMA_REQUIRED ? "required"
								  : "optional";
		fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\n", s->name, k->name, pv_schema_type_text(k->type),
			k->initial ? k->initial : "-", how, k->help ? k->help : "-");
	}
}

static void list_kind(FILE *out, const struct pv_handler_kind *kind)
{
	const struct pv_key *k;

	for (size_t i = 0; (k = pv_handler_kind_key(kind, i)); i++)
		fprintf(out, "handler %s %s\t%s\t%s\t-\toptional\t%s\n", kind->type, kind->version, k->name,
			pv_schema_key_type_text(k->type), k->help);
}

void pv_schema_list(FILE *out, const struct pv_handler *const *registry)
{
	const struct pv_schema *const sections[] = {
		&pv_schema_document,      &pv_schema_visor,    &pv_schema_agent,  &pv_schema_tap,    &pv_schema_policy,
		&pv_schema_policy_config, &pv_schema_policy_input, &pv_schema_selector, &pv_schema_handlers,
		&pv_schema_module,        &pv_schema_groups,   &pv_schema_window, &pv_schema_target,
	};
	for (size_t i = 0; i < COUNT(sections); i++)
		list_section(out, sections[i]);
	for (size_t i = 0; i < PV_SCHEMA_INPUTS; i++)
		list_section(out, &pv_schema_inputs[i]);
	for (size_t i = 0; registry && registry[i]; i++) {
		const struct pv_handler_kind *k = pv_handler_kind_find(registry[i]->type, registry[i]->version);
		if (k)
			list_kind(out, k);
	}
}
