/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/inputs.h"

#include <stdio.h>

const char *const pv_input_types[] = {"pcap", "flow", "sflow", "dnstap", "mock", NULL};

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
	*to = (struct pv_source_input){&capture_ops, c, !conf->file, c};
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
	*to = (struct pv_source_input){&mock_ops, pv_mock_open(conf, err, cap), true, NULL};
	return to->self ? 0 : -1;
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
    .error = dnstap_error,
    .notice = dnstap_notice,
    .free = dnstap_free,
};

int pv_input_dnstap(const struct pv_dnstap_conf *conf, struct pv_source_input *to, char *err, size_t cap)
{
	*to = (struct pv_source_input){&dnstap_ops, pv_dnstap_open(conf, err, cap), !conf->file, NULL};
	return to->self ? 0 : -1;
}

/* ---- from configurations -------------------------------------------------------------------------- */

static struct pv_capture_conf capture_conf(const struct pv_config_stream *s)
{
	return (struct pv_capture_conf){
	    .file = s->pcap.pcap_file,
	    .iface = s->pcap.pcap_file ? NULL : s->pcap.iface, /* a file comes first, as it always has */
	    .bpf = s->pcap.bpf,
	    .hosts = s->pcap.host_spec,
	    .producer = "pktvisord",
	};
}

bool pv_input_splits(const struct pv_config_stream *s)
{
	return s->input == PV_INPUT_PCAP && s->pcap.source != PV_INPUT_PCAP_MOCK && !s->pcap.pcap_file;
}

int pv_input_open_split(const struct pv_config_stream *s, unsigned n, struct pv_source_input to[], char *err,
			size_t cap)
{
	const struct pv_capture_conf conf = capture_conf(s);
	struct pv_capture *c[PV_CAPTURE_WORKERS];
	if (pv_capture_open_split(&conf, n, c, err, cap))
		return -1;
	for (unsigned i = 0; i < n; i++)
		to[i] = (struct pv_source_input){&capture_ops, c[i], true, c[i]};
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
	    .socket = s->dnstap.file ? NULL : s->dnstap.socket,
	    .tcp = s->dnstap.file || s->dnstap.socket ? NULL : s->dnstap.tcp,
	    .producer = "pktvisord",
	};
	switch (s->input) {
	case PV_INPUT_PCAP:
		if (s->pcap.source == PV_INPUT_PCAP_MOCK && !s->pcap.pcap_file)
			return open_mock(&mock, to, err, cap);
		return pv_input_capture(&capture, to, err, cap);
	case PV_INPUT_FLOW:
		return pv_input_flow(s, to, err, cap);
	case PV_INPUT_DNSTAP:
		return pv_input_dnstap(&dnstap, to, err, cap);
	case PV_INPUT_MOCK:
		return open_mock(&mock, to, err, cap);
	default:
		snprintf(err, cap, "input type '%s' is not built yet", s->input_type);
		return -1;
	}
}
