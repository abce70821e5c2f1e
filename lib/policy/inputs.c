/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/inputs.h"

#include <stdio.h>
#include <string.h>

#include "capture/privs.h"
#include "module/source.h"

const char *const pv_input_types[] = {"pcap", "flow", "sflow", "dnstap", "mock", "netprobe", NULL};

/* ---- captures ------------------------------------------------------------------------------------- */

static enum pv_res capture_poll(void *self, struct pv_out *out)
{
	return pv_capture_poll(self, out);
}

static void capture_stop(void *self)
{
	pv_capture_stop(self);
}

static void capture_status(const void *self, struct pv_capture_status *to)
{
	pv_capture_status(self, to);
}

static const char *capture_error(const void *self)
{
	return pv_capture_error(self);
}

static const char *capture_notice(void *self)
{
	return pv_capture_notice(self);
}

static void capture_ports(void *self, const uint16_t *ports, size_t n)
{
	pv_capture_ports(self, ports, n);
}

static void capture_free(void *self)
{
	pv_capture_free(self);
}

static const struct pv_input_ops capture_ops = {
    .poll = capture_poll,
    .stop = capture_stop,
    .status = capture_status,
    .error = capture_error,
    .notice = capture_notice,
    .ports = capture_ports,
    .free = capture_free,
};

int pv_input_capture(const struct pv_capture_conf *conf, struct pv_source_input *to, char *err, size_t cap)
{
	struct pv_capture *c = pv_capture_open(conf, err, cap);
	*to = (struct pv_source_input){.ops = &capture_ops, .self = c, .live = !conf->file, .capture = c};
	return c ? 0 : -1;
}

/* ---- made up -------------------------------------------------------------------------------------- */

static enum pv_res mock_poll(void *self, struct pv_out *out)
{
	return pv_mock_poll(self, out);
}

static void mock_stop(void *self)
{
	pv_mock_stop(self);
}

static void mock_status(const void *self, struct pv_capture_status *to)
{
	*to = (struct pv_capture_status){.packets = pv_mock_packets(self)};
}

static void mock_free(void *self)
{
	pv_mock_free(self);
}

static const struct pv_input_ops mock_ops = {
    .poll = mock_poll, .stop = mock_stop, .status = mock_status, .free = mock_free};

static int open_mock(const struct pv_mock_conf *conf, struct pv_source_input *to, char *err, size_t cap)
{
	*to = (struct pv_source_input){.ops = &mock_ops, .self = pv_mock_open(conf, err, cap), .live = true};
	return to->self ? 0 : -1;
}

/* ---- of modules ----------------------------------------------------------------------------------- */

static enum pv_res module_poll(void *self, struct pv_out *out)
{
	return pv_module_input_poll(self, out);
}

static void module_stop(void *self)
{
	pv_module_input_stop(self);
}

/* Its ledger, in whatever unit it counts: packets, as far as others are concerned. */
static void module_status(const void *self, struct pv_capture_status *to)
{
	struct pv_ledger_row rows[PV_LEDGER_ROWS_MAX];
	size_t n = pv_module_input_ledger(self, rows, PV_LEDGER_ROWS_MAX);
	*to = (struct pv_capture_status){.packets = 0};
	for (size_t i = 0; i < n; i++) {
		uint64_t *sum = rows[i].what == PV_LEDGER_RECEIVED	? &to->packets
				: rows[i].what == PV_LEDGER_MALFORMED	? &to->malformed
				: rows[i].what == PV_LEDGER_UNSUPPORTED ? &to->unsupported
				: rows[i].what == PV_LEDGER_OS_DROPS	? &to->os_drops
				: rows[i].what == PV_LEDGER_IF_DROPS	? &to->if_drops
									: NULL;
		if (sum)
			*sum += rows[i].value;
	}
}

static const char *module_error(const void *self)
{
	return pv_module_input_error(self);
}

static void module_free(void *self)
{
	pv_module_input_free(self);
}

static const struct pv_input_ops module_ops = {.poll = module_poll,
					       .stop = module_stop,
					       .status = module_status,
					       .error = module_error,
					       .free = module_free};

static int open_module(const struct pv_config_stream *s, struct pv_source_input *to, char *err, size_t cap)
{
	const struct pv_module_source *source = s->module.source;
	struct pv_module_input *in = pv_module_input_open(source, s->module.conf, s->module.from, err, cap);
	*to = (struct pv_source_input){
	    .ops = &module_ops, .self = in, .live = source->clock == PV_CLOCK_LIVE, .own = source->own};
	return in ? 0 : -1;
}

/* ---- dnstap --------------------------------------------------------------------------------------- */

static enum pv_res dnstap_poll(void *self, struct pv_out *out)
{
	return pv_dnstap_poll(self, out);
}

static void dnstap_stop(void *self)
{
	pv_dnstap_stop(self);
}

static void dnstap_status(const void *self, struct pv_capture_status *to)
{
	struct pv_dnstap_status s;
	pv_dnstap_status(self, &s);
	*to = (struct pv_capture_status){.packets = s.frames,
					 .malformed = s.malformed,
					 .unsupported = s.unsupported,
					 .bytes_read = s.bytes_read,
					 .bytes_total = s.bytes_total};
}

static size_t dnstap_rows(const void *self, struct pv_ledger_row *rows, size_t max)
{
	struct pv_dnstap_status s;
	pv_dnstap_status(self, &s);
	const struct pv_ledger_row all[] = {
	    {0, PV_LEDGER_CLIENTS, 0, s.clients},	  {0, PV_LEDGER_CLIENTS_REFUSED, 0, s.refused},
	    {0, PV_LEDGER_CLIENTS_EVICTED, 0, s.evicted}, {0, PV_LEDGER_CLIENTS_IDLE, 0, s.idle},
	    {0, PV_LEDGER_CLIENTS_BAD, 0, s.bad},
	};
	size_t n = 0;
	for (; n < sizeof all / sizeof all[0] && n < max; n++)
		rows[n] = all[n];
	return n;
}

static const char *dnstap_error(const void *self)
{
	return pv_dnstap_error(self);
}

static const char *dnstap_notice(void *self)
{
	return pv_dnstap_notice(self);
}

static void dnstap_free(void *self)
{
	pv_dnstap_free(self);
}

static const struct pv_input_ops dnstap_ops = {
    .poll = dnstap_poll,
    .stop = dnstap_stop,
    .status = dnstap_status,
    .rows = dnstap_rows,
    .error = dnstap_error,
    .notice = dnstap_notice,
    .free = dnstap_free,
};

int pv_input_dnstap(const struct pv_dnstap_conf *conf, struct pv_source_input *to, char *err, size_t cap)
{
	*to = (struct pv_source_input){
	    .ops = &dnstap_ops, .self = pv_dnstap_open(conf, err, cap), .live = !conf->file};
	return to->self ? 0 : -1;
}

/* ---- probes --------------------------------------------------------------------------------------- */

static enum pv_res probe_poll(void *self, struct pv_out *out)
{
	return pv_probe_poll(self, out);
}

static void probe_stop(void *self)
{
	pv_probe_stop(self);
}

/* For an input's counters its attempts are what it has received. */
static void probe_status(const void *self, struct pv_capture_status *to)
{
	struct pv_probe_status st;
	pv_probe_status(self, &st);
	*to = (struct pv_capture_status){.packets = st.attempts};
}

static const char *probe_notice(void *self)
{
	return pv_probe_notice(self);
}

static void probe_patience(void *self, uint64_t ns)
{
	pv_probe_wait(self, ns);
}

static void probe_free(void *self)
{
	pv_probe_free(self);
}

static const struct pv_input_ops probe_ops = {
    .poll = probe_poll,
    .stop = probe_stop,
    .status = probe_status,
    .notice = probe_notice,
    .patience = probe_patience,
    .free = probe_free,
};

static int open_probe(const struct pv_config_stream *s, struct pv_source_input *to, char *err, size_t cap)
{
	const uint64_t ms = 1000000;
	struct pv_probe_target target[PV_PROBE_TARGETS];
	struct pv_probe_conf conf = {
	    .targets = target,
	    .interval_ns = s->netprobe.interval_ms * ms,
	    .timeout_ns = s->netprobe.timeout_ms * ms,
	    .packets = s->netprobe.packets,
	    .packets_interval_ns = s->netprobe.packets_interval_ms * ms,
	    .payload_bytes = s->netprobe.payload_bytes,
	    .producer = "pktvisord",
	};
	for (size_t i = 0; i < s->netprobe.ntargets && i < PV_PROBE_TARGETS; i++) {
		const struct pv_config_target *t = &s->netprobe.targets[i];
		target[conf.ntargets++] = (struct pv_probe_target){
		    .name = t->name,
		    .host = t->target,
		    .test = s->netprobe.type == PV_INPUT_TCP ? PV_PROBE_TCP : PV_PROBE_PING,
		    .family = t->family,
		    .port = t->port,
		};
	}
	bool raised = pv_privs_raise(); /* a policy that comes later, when privileges have been given up */
	struct pv_probe *p = pv_probe_open(&conf, err, cap);
	pv_privs_lower(raised);
	*to = (struct pv_source_input){.ops = &probe_ops, .self = p, .live = true, .probe = p};
	return p ? 0 : -1;
}

/* ---- from configurations -------------------------------------------------------------------------- */

static struct pv_capture_conf capture_conf(const struct pv_config_stream *s)
{
	return (struct pv_capture_conf){
	    .file = s->pcap.pcap_file,
	    .below = s->below,
	    .iface = s->pcap.pcap_file ? NULL : s->pcap.iface, /* a file comes first, as it always has */
	    .bpf = s->pcap.bpf,
	    .hosts = s->pcap.host_spec,
	    .producer = "pktvisord",
	};
}

/* Clients know the original's words for what can be wrong; the reason follows them. Returns -1. */
static int capture_failed(const struct pv_capture_conf *conf, char *err, size_t cap)
{
	char why[512], ignored[8];
	const char *words = "";
	snprintf(why, sizeof why, "%s", err);
	if (conf->bpf && *conf->bpf && !pv_capture_bpf_ok(conf->bpf, ignored, sizeof ignored))
		words = conf->file ? "Cannot set BPF filter to pcap file: " : "Cannot set BPF filter to interface: ";
	else if (conf->file)
		words = "Cannot open pcap/pcapng file: ";
	else if (!strncmp(why, PV_CAPTURE_CANNOT, strlen(PV_CAPTURE_CANNOT)))
		words = "Cannot open interface for packet capture: ";
	snprintf(err, cap, "%s%s", words, why);
	return -1;
}

bool pv_input_splits(const struct pv_config_stream *s)
{
	return (s->input == PV_INPUT_PCAP && s->pcap.source != PV_INPUT_PCAP_MOCK && !s->pcap.pcap_file) ||
	       (s->input == PV_INPUT_FLOW && !s->flow.pcap_file);
}

int pv_input_open_split(const struct pv_config_stream *s, unsigned n, struct pv_source_input to[], char *err,
			size_t cap)
{
	const struct pv_capture_conf conf = capture_conf(s);
	struct pv_capture *c[PV_CAPTURE_WORKERS];
	if (s->input == PV_INPUT_FLOW)
		return pv_input_flow(s, n, to, err, cap);
	if (pv_capture_open_split(&conf, n, c, err, cap))
		return capture_failed(&conf, err, cap);
	for (unsigned i = 0; i < n; i++)
		to[i] = (struct pv_source_input){.ops = &capture_ops, .self = c[i], .live = true, .capture = c[i]};
	return 0;
}

int pv_input_open(const struct pv_config_stream *s, struct pv_source_input *to, char *err, size_t cap)
{
	const struct pv_capture_conf capture = capture_conf(s);
	const struct pv_mock_conf mock = {
	    .kind = s->input == PV_INPUT_MOCK ? PV_MOCK_EMPTY : PV_MOCK_PACKETS,
	    .fail = s->mock.fail,
	    .producer = "pktvisord",
	};
	/* a file comes before a socket, and that before a port */
	const struct pv_dnstap_conf dnstap = {
	    .file = s->dnstap.file,
	    .below = s->below,
	    .socket = s->dnstap.file ? NULL : s->dnstap.socket,
	    .tcp = s->dnstap.file || s->dnstap.socket ? NULL : s->dnstap.tcp,
	    .producer = "pktvisord",
	};
	switch (s->input) {
	case PV_INPUT_PCAP:
		if (s->pcap.source == PV_INPUT_PCAP_MOCK && !s->pcap.pcap_file)
			return open_mock(&mock, to, err, cap);
		return pv_input_capture(&capture, to, err, cap) ? capture_failed(&capture, err, cap) : 0;
	case PV_INPUT_FLOW:
		return pv_input_flow(s, 1, to, err, cap);
	case PV_INPUT_DNSTAP:
		return pv_input_dnstap(&dnstap, to, err, cap);
	case PV_INPUT_MOCK:
		return open_mock(&mock, to, err, cap);
	case PV_INPUT_MODULE:
		return open_module(s, to, err, cap);
	case PV_INPUT_NETPROBE:
		return open_probe(s, to, err, cap);
	default:
		snprintf(err, cap, "input type '%s' is not built yet", s->input_type);
		return -1;
	}
}
