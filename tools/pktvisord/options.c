/* SPDX-License-Identifier: MPL-2.0 */
#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "capture/capture.h"
#include "http/server.h"
#include "push/push.h"

const char options_name[] = "pktvisord";

/* Of the command line alone; NULL: there is none. */
static const char *contradiction(const struct options *o)
{
	if (o->check && o->operand && !o->config)
		return "--check wants --config FILE";
	if (o->summary && o->periods != PV_CONFIG_UNSET && o->periods != 1)
		return "--summary is --periods 1: one of the two";
	return NULL;
}

/* The name of a switch that the command line turns on and off; NULL: there is none. */
static const char *on_and_off(const struct options *o)
{
	const struct {
		bool both;
		const char *name;
	} switches[] = {
	    {o->daemon && o->no_daemon, "daemon"},
	    {o->verbose && o->no_verbose, "verbose"},
	    {o->syslog && o->no_syslog, "syslog"},
	    {o->tls && o->no_tls, "tls"},
	    {o->admin_api && o->no_admin_api, "admin-api"},
	    {o->otel && o->no_otel, "otel"},
	    {o->otel_tls && o->no_otel_tls, "otel-tls"},
	};
	for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
		if (switches[i].both)
			return switches[i].name;
	return NULL;
}

void options_read(struct options *o, int argc, char **argv)
{
	*o = (struct options){.port = PV_CONFIG_UNSET,
			      .geo_cache = PV_CONFIG_UNSET,
			      .deep = PV_CONFIG_UNSET,
			      .periods = PV_CONFIG_UNSET,
			      .otel_port = PV_CONFIG_UNSET,
			      .otel_interval = PV_CONFIG_UNSET,
			      .workers = PV_CONFIG_UNSET};
	const struct pv_opt opts[] = {
	    {'d', "daemon", PV_OPT_FLAG, &o->daemon, NULL, "run in the background", 0, 0},
	    {'v', "verbose", PV_OPT_FLAG, &o->verbose, NULL, "log more", 0, 0},
	    {0, "config", PV_OPT_STRING, &o->config, "FILE", "YAML file with settings, taps and policies", 0,
	     0},
	    {0, "check", PV_OPT_FLAG, &o->check, NULL, "check the configuration, say what is wrong, and exit",
	     0, 0},
	    {'l', "host", PV_OPT_STRING, &o->host, "HOST",
	     "name or address of the web server (default: localhost)", 0, 0},
	    {'p', "port", PV_OPT_UINT, &o->port, "PORT", "its port; 0 is one that is free (default: 10853)",
	     0, UINT16_MAX},
	    {0, "tls", PV_OPT_FLAG, &o->tls, NULL, "serve HTTPS; needs --tls-cert and --tls-key", 0, 0},
	    {0, "tls-cert", PV_OPT_STRING, &o->tls_cert, "FILE", "certificate, PEM", 0, 0},
	    {0, "tls-key", PV_OPT_STRING, &o->tls_key, "FILE", "its private key, PEM", 0, 0},
	    {0, "admin-api", PV_OPT_FLAG, &o->admin_api, NULL,
	     "let clients create and delete taps and policies", 0, 0},
	    {0, "admin-token-file", PV_OPT_STRING, &o->admin_token_file, "FILE",
	     "file with the bearer token that such clients must send; needed unless HOST is a loopback "
	     "address",
	     0, 0},
	    {0, "data-dir", PV_OPT_STRING, &o->data_dir, "DIR",
	     "folder of the captures that such clients may name", 0, 0},
	    {0, "geo-city", PV_OPT_STRING, &o->geo_city, "FILE", "MaxMind City database for locations", 0, 0},
	    {0, "geo-asn", PV_OPT_STRING, &o->geo_asn, "FILE", "MaxMind ASN or ISP database for networks", 0,
	     0},
	    {0, "geo-cache-size", PV_OPT_UINT, &o->geo_cache, "N",
	     "addresses remembered per database, 0 for none (default: 10000)", 0, PV_GEO_CACHE_MAX},
	    {0, "default-geo-city", PV_OPT_STRING, &o->default_geo_city, "FILE",
	     "City database where neither --geo-city nor the file names one", 0, 0},
	    {0, "default-geo-asn", PV_OPT_STRING, &o->default_geo_asn, "FILE",
	     "the same for the ASN database", 0, 0},
	    {0, "max-deep-sample", PV_OPT_UINT, &o->deep, "PERCENT",
	     "look closely at no more than PERCENT of the events (default: 100)", 1, 100},
	    {0, "periods", PV_OPT_UINT, &o->periods, "N", "buckets of 60 s to keep, 1 to 10 (default: 5)", 1,
	     10},
	    {'b', "bpf", PV_OPT_STRING, &o->bpf, "FILTER",
	     "with IFACE: only packets that match this tcpdump filter", 0, 0},
	    {'H', "hosts", PV_OPT_STRING, &o->hosts, "CIDR,...", "with IFACE: subnets that are ours", 0, 0},
	    {0, "summary", PV_OPT_FLAG, &o->summary, NULL,
	     "with FILE.pcap: one bucket for all of it; the same as --periods 1", 0, 0},
	    {0, "log-file", PV_OPT_STRING, &o->log_file, "FILE", "log to this file; SIGHUP opens it again", 0,
	     0},
	    {0, "syslog", PV_OPT_FLAG, &o->syslog, NULL, "log to syslog", 0, 0},
	    {0, "pid-file", PV_OPT_STRING, &o->pid_file, "FILE", "write the process ID here", 0, 0},
	    {0, "prometheus", PV_OPT_FLAG, &o->prometheus, NULL,
	     "accepted; Prometheus metrics are always served", 0, 0},
	    {0, "prom-instance", PV_OPT_STRING, &o->prom_instance, "ID",
	     "label instance=\"ID\" on every Prometheus sample, service.instance.id of OTLP", 0, 0},
	    {0, "workers", PV_OPT_UINT, &o->workers, "N",
	     "share each interface, by flow, and each port of exporters among N workers, up to 16", 1,
	     PV_CAPTURE_WORKERS},
	    PV_TOOL_MODULE_OPTS(o->modules),
	    {0, "no-track", PV_OPT_FLAG, &o->no_track, NULL, "accepted; nothing is sent that was not asked for", 0, 0},
	    {0, "otel", PV_OPT_FLAG, &o->otel, NULL,
	     "push metrics to an OpenTelemetry collector, by OTLP over HTTP", 0, 0},
	    {0, "otel-host", PV_OPT_STRING, &o->otel_host, "HOST", "its name or address (default: localhost)", 0,
	     0},
	    {0, "otel-path", PV_OPT_STRING, &o->otel_path, "PATH", "its path (default: /v1/metrics)", 0, 0},
	    {0, "otel-port", PV_OPT_UINT, &o->otel_port, "PORT", "its port (default: 4318)", 1, UINT16_MAX},
	    {0, "otel-interval", PV_OPT_UINT, &o->otel_interval, "SECONDS",
	     "time between pushes (default: 60)", 1, PV_PUSH_INTERVAL_MAX},
	    {0, "otel-tls", PV_OPT_FLAG, &o->otel_tls, NULL,
	     "push over HTTPS; needs --otel-tls-cert and --otel-tls-key", 0, 0},
	    {0, "otel-tls-cert", PV_OPT_STRING, &o->otel_tls_cert, "FILE", "our certificate, PEM", 0, 0},
	    {0, "otel-tls-key", PV_OPT_STRING, &o->otel_tls_key, "FILE", "its private key, PEM", 0, 0},
	    {0, "otel-tls-ca", PV_OPT_STRING, &o->otel_tls_ca, "FILE",
	     "authorities that may vouch for the collector, PEM (default: the system's)", 0, 0},
	    {0, "iana-service-port-registry", PV_OPT_STRING, &o->iana, "FILE",
	     "names of ports for flow handlers: the list of services that IANA publishes, as CSV", 0, 0},
	    {0, "default-service-registry", PV_OPT_STRING, &o->default_registry, "FILE",
	     "the same, where no other is named", 0, 0},
	    {0, "cp-disable", PV_OPT_FLAG, &o->cp_disable, NULL, "accepted; crashes are never uploaded", 0,
	     0},
	    {0, "cp-token", PV_OPT_STRING, &o->cp_token, "TOKEN", "crash upload (not built)", 0, 0},
	    {0, "cp-url", PV_OPT_STRING, &o->cp_url, "URL", "crash upload (not built)", 0, 0},
	    {0, "cp-custom", PV_OPT_STRING, &o->cp_custom, "TEXT", "crash upload (not built)", 0, 0},
	    {0, "cp-path", PV_OPT_STRING, &o->cp_path, "FILE", "crash upload (not built)", 0, 0},
	    {0, "no-daemon", PV_OPT_FLAG, &o->no_daemon, NULL, "in the foreground, whatever the file says", 0, 0},
	    {0, "no-verbose", PV_OPT_FLAG, &o->no_verbose, NULL, "log no more, whatever the file says", 0, 0},
	    {0, "no-syslog", PV_OPT_FLAG, &o->no_syslog, NULL, "not to syslog, whatever the file says", 0, 0},
	    {0, "no-tls", PV_OPT_FLAG, &o->no_tls, NULL, "serve HTTP, whatever the file says", 0, 0},
	    {0, "no-admin-api", PV_OPT_FLAG, &o->no_admin_api, NULL, "read-only, whatever the file says", 0, 0},
	    {0, "no-otel", PV_OPT_FLAG, &o->no_otel, NULL, "push nothing, whatever the file says", 0, 0},
	    {0, "no-otel-tls", PV_OPT_FLAG, &o->no_otel_tls, NULL, "push over HTTP, whatever the file says", 0, 0},
	};
	const struct pv_program prog = {
	    .name = options_name,
	    .product = "pktvisor",
	    .summary = "watch networks: taps, policies, and their metrics over HTTP",
	    .synopsis = "[options] [IFACE | FILE.pcap]",
	    .opts = opts,
	    .nopts = sizeof opts / sizeof opts[0],
	    .operands_max = 1,
	};
	pv_tool_start(&prog, argc, argv, &o->operand);
	const char *wrong = contradiction(o);
	if (wrong) {
		pv_tool_say(&prog, "%s", wrong);
		exit(PV_EXIT_USAGE);
	}
	wrong = on_and_off(o);
	if (wrong) {
		pv_tool_say(&prog, "--%s and --no-%s: one of the two", wrong, wrong);
		exit(PV_EXIT_USAGE);
	}
	o->certified = o->tls_cert || o->tls_key;
}

static void text(const char **to, const char *file, const char *otherwise)
{
	if (!*to)
		*to = file ? file : otherwise;
}

static void number(uint64_t *to, uint64_t file, uint64_t otherwise)
{
	if (*to == PV_CONFIG_UNSET)
		*to = file != PV_CONFIG_UNSET ? file : otherwise;
}

static void flag(bool *to, bool off, bool file)
{
	*to = !off && (*to || file);
}

void options_merge(struct options *o, const struct pv_config_visor *v)
{
	static const struct pv_config_visor none = {.port = PV_CONFIG_UNSET,
						    .geo_cache_size = PV_CONFIG_UNSET,
						    .max_deep_sample = PV_CONFIG_UNSET,
						    .periods = PV_CONFIG_UNSET,
						    .otel_port = PV_CONFIG_UNSET,
						    .otel_interval = PV_CONFIG_UNSET,
						    .workers = PV_CONFIG_UNSET};
	if (!v)
		v = &none;
	flag(&o->verbose, o->no_verbose, v->verbose);
	flag(&o->daemon, o->no_daemon, v->daemon);
	flag(&o->syslog, o->no_syslog, v->syslog);
	flag(&o->tls, o->no_tls, v->tls);
	flag(&o->admin_api, o->no_admin_api, v->admin_api);
	flag(&o->otel, o->no_otel, v->otel);
	flag(&o->otel_tls, o->no_otel_tls, v->otel_tls);
	o->cp_disable |= v->cp_disable;
	o->modules.list |= v->module_list;
	text(&o->host, v->host, "localhost");
	text(&o->tls_cert, v->tls_cert, NULL);
	text(&o->tls_key, v->tls_key, NULL);
	text(&o->geo_city, v->geo_city, NULL);
	text(&o->geo_asn, v->geo_asn, NULL);
	text(&o->default_geo_city, v->default_geo_city, NULL);
	text(&o->default_geo_asn, v->default_geo_asn, NULL);
	text(&o->geo_city, o->default_geo_city, NULL);
	text(&o->geo_asn, o->default_geo_asn, NULL);
	text(&o->log_file, v->log_file, NULL);
	text(&o->pid_file, v->pid_file, NULL);
	text(&o->prom_instance, v->prom_instance, NULL);
	text(&o->admin_token_file, v->admin_token_file, NULL);
	text(&o->data_dir, v->data_dir, NULL);
	text(&o->otel_host, v->otel_host, "localhost");
	text(&o->otel_path, v->otel_path, PV_PUSH_PATH);
	text(&o->otel_tls_cert, v->otel_tls_cert, NULL);
	text(&o->otel_tls_key, v->otel_tls_key, NULL);
	text(&o->otel_tls_ca, v->otel_tls_ca, NULL);
	text(&o->iana, v->iana_service_port_registry, NULL);
	text(&o->default_registry, v->default_service_registry, NULL);
	text(&o->iana, o->default_registry, NULL);
	text(&o->cp_token, v->cp_token, NULL);
	text(&o->cp_url, v->cp_url, NULL);
	text(&o->cp_path, v->cp_path, NULL);
	number(&o->port, v->port, PV_HTTP_PORT);
	number(&o->geo_cache, v->geo_cache_size, PV_GEO_CACHE_DEFAULT);
	number(&o->deep, v->max_deep_sample, 0);
	number(&o->periods, o->summary ? 1 : v->periods, 0);
	number(&o->workers, v->workers, 1);
	number(&o->otel_port, v->otel_port, PV_PUSH_PORT);
	number(&o->otel_interval, v->otel_interval, PV_PUSH_INTERVAL_SEC);
}

const char *options_wrong(const struct options *o)
{
	if (!o->tls && o->certified) /* a file may keep them for another day */
		return "--tls-cert and --tls-key go with --tls";
	if (o->tls && (!o->tls_cert || !o->tls_key))
		return "you must specify --tls-key and --tls-cert to use --tls";
	if (o->otel_tls && (!o->otel_tls_cert || !o->otel_tls_key))
		return "you must specify --otel-tls-key and --otel-tls-cert to use --otel-tls";
	if (o->otel && !o->otel_port) /* a file that does not push may have any */
		return "otel_port: at least 1";
	if (o->otel && !o->otel_interval)
		return "otel_interval: at least 1";
	if (!o->cp_disable && (o->cp_token || o->cp_url || o->cp_path || o->cp_custom))
		return "crash upload is not built; leave the --cp options out, or add --cp-disable";
	if (!o->workers)
		return "workers: at least 1";
	if (o->port > UINT16_MAX)
		return "port: at most 65535";
	if (o->summary && !options_file(o))
		return "--summary is for saved captures: pktvisord --summary FILE.pcap";
	return NULL;
}

bool options_file(const struct options *o)
{
	static const char *const ends[] = {".pcap", ".cap", ".pcapng"};
	size_t n = o->operand ? strlen(o->operand) : 0;
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (n > strlen(ends[i]) && !strcasecmp(o->operand + n - strlen(ends[i]), ends[i]))
			return true;
	return false;
}
