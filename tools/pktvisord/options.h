/* SPDX-License-Identifier: MPL-2.0 */
/* options.h - the daemon's settings: command line, then visor.config of the file, then defaults. A switch
 * that either of them turns on is on, unless the command line has its --no- form. */
#ifndef PKTVISORD_OPTIONS_H
#define PKTVISORD_OPTIONS_H

#include "policy/config.h"
#include "tool/modules.h"
#include "tool/tool.h"

struct options {
	bool daemon, verbose, no_track, tls, admin_api, syslog, prometheus, check, summary;
	bool otel, otel_tls, cp_disable;
	bool no_daemon, no_verbose, no_syslog, no_tls, no_admin_api, no_otel, no_otel_tls; /* whatever the file says */
	bool certified; /* the command line has --tls-cert or --tls-key */
	const char *host, *tls_cert, *tls_key, *geo_city, *geo_asn, *default_geo_city, *default_geo_asn,
	    *config;
	const char *cp_token, *cp_url, *cp_custom, *cp_path, *log_file, *pid_file, *prom_instance;
	const char *otel_host, *otel_path, *otel_tls_cert, *otel_tls_key, *otel_tls_ca, *iana, *default_registry;
	const char *admin_token_file, *data_dir, *bpf, *hosts, *operand;
	struct pv_tool_modules modules;
	uint64_t port, geo_cache, deep, periods, otel_port, otel_interval, workers;
};

/* Reads the command line; ends the program where that says so. */
void options_read(struct options *, int argc, char **argv);
extern const char options_name[];

/* What the command line has not said, from the file (NULL: none), then the defaults. */
void options_merge(struct options *, const struct pv_config_visor *);

/* What cannot be: one line, or NULL. */
const char *options_wrong(const struct options *);

/* Is the operand a saved capture? By its name: .pcap, .cap, .pcapng. */
bool options_file(const struct options *);

#endif
