/* SPDX-License-Identifier: MPL-2.0 */
/* policy/config.h - what the agent is told to do: taps and policies, checked and typed.
 *
 * A document (policy/document.h) has up to four sections under `visor`:
 *
 *   config                  the agent's own options         struct pv_config_visor
 *   taps                    where events may come from      struct pv_config_tap
 *   global_handler_config   defaults for types of handlers  a JSON object of objects
 *   policies                what is made of which taps      struct pv_config_policy
 *
 * pv_config_load() checks all of it, against itself and against what is there already (struct pv_config_world),
 * and gives all of it or nothing. After that nothing can be wrong but the outside world: interfaces, files,
 * sockets, BPF expressions. Which keys there are, of which type, stands in tables (policy/schema.h), from which
 * come the checks, the error texts and the tables of pktvisord.yaml(5). The keys of analysers are those of
 * their tools, with the same checks: pv_net_keys, pv_dns_keys, pv_dhcp_keys.
 *
 * Layers, later ones win, key by key:
 *   input stream   tap config < tap filter < policy input.config < policy input.filter
 *   handler        the agent's defaults < global_handler_config < window_config < the module's config < its filter
 *
 * A stream's name is <tap>-<hash>, the hash (16 hex digits) over its effective configuration, so that policies
 * which want the same share one. Keys that act per policy (only_hosts) are not in it. It is the same in
 * every process and on every machine. Two streams of the same name are the same stream.
 *
 * Ownership: a pv_config owns what it holds; who wants to keep a tap or a policy takes the pointer out and puts
 * NULL there. They do not refer to the document or to each other. Threads: read-only once made; the JSON
 * functions give copies. Errors: the first one, with its line. Unknown keys are errors; those that older
 * agents ignored and real files carry are said through world.say. */
#ifndef PV_POLICY_CONFIG_H
#define PV_POLICY_CONFIG_H

#include "dns/filter.h"
#include "flow/filter.h"
#include "metric/bucket.h"
#include "module/module.h"
#include "net/filter.h"
#include "packet/hosts.h"
#include "policy/document.h"

#define PV_CONFIG_NAME 100    /* bytes of a name; <tap>-<hash>-resources then fits into PV_BUCKET_NAME */
#define PV_CONFIG_TAPS 1024   /* in a document: far more than a host has interfaces */
#define PV_CONFIG_POLICIES 1024
#define PV_CONFIG_MODULES 32  /* handlers in one policy: PV_WINDOW_INSTANCES */
#define PV_CONFIG_TARGETS 256 /* of a netprobe tap */
/* In all policies of a document. Selectors multiply taps, and defaults go into every handler: without these, a
 * document of 1 MiB could ask for a thousand times as much. */
#define PV_CONFIG_STREAMS 4096
#define PV_CONFIG_HANDLERS 4096
#define PV_CONFIG_LAID_BYTES (64u << 20) /* settings, each counted wherever it is laid over others */

#define PV_CONFIG_PERIODS 5 /* unless said otherwise */
#define PV_CONFIG_DEEP 100
#define PV_CONFIG_TOPN 10
#define PV_CONFIG_TOPN_MAX 1000 /* rows of one list in an answer; a table holds 6144 items */

/* ---- visor.config ------------------------------------------------------------------------------- */

#define PV_CONFIG_UNSET UINT64_MAX /* of a number: not in the document */

struct pv_config_visor { /* key by key as in the document; texts NULL when not given, and borrowed from `json` */
	bool verbose, daemon, syslog, no_track, prometheus, tls, admin_api;
	bool otel, otel_tls, module_list, cp_disable;
	uint64_t port, geo_cache_size, max_deep_sample, periods, otel_port, otel_interval, workers;
	const char *host, *log_file, *prom_instance, *tls_cert, *tls_key;
	const char *geo_city, *geo_asn, *default_geo_city, *default_geo_asn;
	const char *otel_host, *otel_path, *otel_tls_cert, *otel_tls_key, *otel_tls_ca;
	const char *module_dir, *iana_service_port_registry, *default_service_registry;
	const char *cp_token, *cp_url, *cp_custom, *cp_path;
	const char *admin_token_file, *data_dir, *pid_file; /* ours */
	json_t *json; /* what was given */
};

/* ---- inputs ------------------------------------------------------------------------------------- */

enum pv_input { PV_INPUT_PCAP, PV_INPUT_FLOW, PV_INPUT_DNSTAP, PV_INPUT_NETPROBE, PV_INPUT_MOCK, PV_INPUT_MODULE };

enum pv_input_source { PV_INPUT_LIBPCAP, PV_INPUT_AF_PACKET, PV_INPUT_PCAP_MOCK };
enum pv_input_flow { PV_INPUT_SFLOW, PV_INPUT_NETFLOW }; /* netflow: NetFlow and IPFIX, told apart by themselves */
enum pv_input_probe { PV_INPUT_PING, PV_INPUT_TCP };

struct pv_config_target {
	const char *name, *target;
	uint16_t port;  /* 0: none */
	uint8_t family; /* 4, 6, 0: either */
};

/* One input stream of a policy. All texts are borrowed from `config`. */
struct pv_config_stream {
	char *name;             /* "<tap>-<hash>" */
	char *tap;
	enum pv_input input;
	const char *input_type; /* as the tap says it: "pcap", "sflow", ... */
	json_t *config;         /* effective, flat; an object, maybe empty */
	const char *below;      /* borrowed: the folder that a file to read must be in; NULL, as it is made: anywhere */
	/* of `input`'s kind; the others are zero */
	struct {
		const char *iface, *bpf, *host_spec, *pcap_file; /* NULL: not given. One of iface and pcap_file is (or
								  * source is PCAP_MOCK) */
		enum pv_input_source source;
		uint64_t tcp_flows_max; /* 0: not limited by the configuration */
		bool debug;
	} pcap;
	struct {
		enum pv_input_flow type;
		const char *bind, *pcap_file;
		uint64_t port; /* 0..65535 */
	} flow;
	struct {
		const char *file, *socket, *tcp; /* the first that is given counts */
		struct pv_hosts *only_hosts;     /* owned; NULL: all */
	} dnstap;
	struct {
		enum pv_input_probe type;
		uint64_t interval_ms, timeout_ms, packets, packets_interval_ms, payload_bytes;
		struct pv_config_target *targets; /* owned */
		size_t ntargets;
	} netprobe;
	struct {
		bool fail; /* except_on_start: "mock error on start" */
	} mock;
	struct {
		const struct pv_module_source *source;
		const char *from; /* what it reads; NULL: not given */
		void *conf;       /* owned: its settings; NULL: it takes none */
	} module;
};

/* ---- taps --------------------------------------------------------------------------------------- */

struct pv_config_tap {
	char *name;
	enum pv_input input;
	const char *input_type; /* static, or a module's */
	const struct pv_module_source *source; /* of PV_INPUT_MODULE; else NULL */
	json_t *config, *filter, *tags; /* objects, maybe empty */
	unsigned line;
	bool by_request; /* a client named it: its paths are not taken as the operator's. False as it is made */
};

void pv_config_tap_free(struct pv_config_tap *);
/* {"config": ...|null, "input_type": ..., "interface": ..., "tags": ...|null}; "filter" when it has one. */
json_t *pv_config_tap_json(const struct pv_config_tap *);

/* ---- policies ----------------------------------------------------------------------------------- */

struct pv_config_handler {
	char *module;                     /* the name in the policy; an instance is <policy>-<tap>-<module> */
	const char *type, *version;       /* static; "dns", "1.0" */
	const struct pv_handler *handler; /* of the registry */
	unsigned periods;                 /* 1..10 */
	unsigned deep;                    /* percent, 1..100, within the agent's maximum */
	uint16_t topn;
	uint8_t topn_percentile;
	uint32_t groups;                  /* bit per group that is on */
	const char *const *enable, *const *disable; /* as given, for pv_window_conf; borrowed from config */
	size_t nenable, ndisable;
	uint64_t xact_ttl_ns;             /* 0: the handler has no transactions, or waits as long as its input */
	bool recorded;                    /* recorded_stream: true */
	struct pv_net_filter net;         /* of a net handler, else empty */
	struct pv_dns_filter dns;         /* of a dns handler, else empty */
	struct pv_flow_filter flow;       /* of a flow handler, else empty */
	/* Of a module's handler: what makes its events, with which settings, and these as text; NULL: built in. */
	const struct pv_module_analyser *analyser;
	void *analyser_conf; /* NULL: it takes none */
	char *analyser_key;
	const struct pv_module_source *source; /* the same, where an input makes its events; NULL: none does */
	json_t *config;                   /* effective, flat; an object */
};

struct pv_config_policy {
	char *name;
	struct pv_config_stream *streams; /* one per tap, by tap name */
	size_t nstreams;
	struct pv_config_handler *handlers; /* in the order of the document */
	size_t nhandlers;
	bool chain; /* modules were a sequence: each handler sees what the one before it let through */
	bool merge; /* merge_like_handlers */
	bool resources; /* not of a document: watches what an input costs; its handler has its name */
	unsigned line;
};

void pv_config_policy_free(struct pv_config_policy *);
/* "<policy>-<tap>-<module>"; never longer than PV_BUCKET_NAME. Returns `to`. */
const char *pv_config_instance(const struct pv_config_policy *, const struct pv_config_stream *,
			       const struct pv_config_handler *, char *to, size_t cap);
/* "config" of a handler instance for clients: effective, with _internal_tap_name. */
json_t *pv_config_handler_json(const struct pv_config_handler *, const char *tap);
/* "config" of an input stream for clients; null when there is nothing in it. */
json_t *pv_config_stream_json(const struct pv_config_stream *);

/* ---- loading ------------------------------------------------------------------------------------ */

enum pv_config_say { PV_SAY_INFO, PV_SAY_WARNING };

/* What there is already, and what this program can do. Zero it first: everything has a default. */
struct pv_config_world {
	const struct pv_handler *const *handlers; /* NULL-terminated registry */
	const struct pv_modules *modules; /* those that brought some of these handlers; NULL: none are loaded */
	const char *const *inputs; /* NULL-terminated names of input types that can be opened; NULL: all there are */
	/* Taps that exist, for names and policies; and policies and handler instances, for their names. */
	const struct pv_config_tap *const *taps;
	size_t ntaps;
	bool (*has_policy)(void *ctx, const char *name);   /* NULL: none */
	bool (*has_instance)(void *ctx, const char *name); /* NULL: none */
	const json_t *global; /* global_handler_config so far, {"dns": {...}}; NULL: none */
	/* From the command line, 1..10 and 1..100; 0: not given, what the document says in visor.config, else the
	 * default. */
	unsigned periods, deep_max;
	/* Words about what was accepted though it is odd: line 0 when it has none. May be NULL. */
	void (*say)(void *ctx, enum pv_config_say, unsigned line, const char *text);
	void *ctx;
};

enum pv_config_form {
	PV_CONFIG_FILE,   /* all four sections, each may be missing */
	PV_CONFIG_TAP,    /* body of POST /api/v1/taps: exactly one tap */
	PV_CONFIG_POLICY, /* body of POST /api/v1/policies: exactly one policy */
};

struct pv_config {
	struct pv_config_visor visor;
	json_t *global;                     /* world.global and the document's, together */
	struct pv_config_tap **taps;        /* of the document, in its order */
	size_t ntaps;
	struct pv_config_policy **policies;
	size_t npolicies;
};

/* NULL with the reason. */
struct pv_config *pv_config_load(const struct pv_document *, enum pv_config_form, const struct pv_config_world *,
				 struct pv_config_error *);
void pv_config_free(struct pv_config *); /* NULL is fine */

/* Reading and checking in one. A text need not end with NUL. */
struct pv_config *pv_config_load_text(const char *text, size_t n, enum pv_config_form,
				      const struct pv_config_world *, struct pv_config_error *);
struct pv_config *pv_config_load_file(const char *path, const struct pv_config_world *, struct pv_config_error *);

/* Where visor.config has modules, which must be loaded before the document can be checked: a text, and its line. NULL: it
 * names no folder. */
const struct pv_node *pv_config_module_dir(const struct pv_document *);

/* The document that `pktvisord IFACE -H HOSTS -b BPF` stands for: tap and policy "default". file: a saved capture
 * instead of an interface. hosts and bpf may be NULL. As JSON, to be freed; NULL: no memory. */
char *pv_config_default_document(const char *iface, const char *file, const char *hosts, const char *bpf);

/* All that was loaded, for --check and tests: {"taps": ..., "policies": ...}, names as keys. */
json_t *pv_config_json(const struct pv_config *);

#endif
