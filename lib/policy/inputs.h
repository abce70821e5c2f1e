/* SPDX-License-Identifier: MPL-2.0 */
/* policy/inputs.h - what a source (policy/source.h) reads, behind one small interface: it begins a stream, is
 * polled for events, and ends it.
 *
 *   pcap   lib/capture: an interface or a saved capture; pcap_source "mock" is lib/mock
 *   dnstap lib/dnstap: a file, or name servers that connect. only_hosts is not the source's, which policies share, but
 *          each policy's own (policy/only.h)
 *   mock   lib/mock without packets: nothing but time
 *   flow, sflow   lib/flow: a UDP port, or the datagrams of a saved capture (input_flow.c)
 *   netprobe  lib/probe: what came of asking
 *   module a source of a loaded module, by its name (module/source.h)
 *
 * A new one is a case in inputs.c, and its keys are rows of schema.c. */
#ifndef PV_POLICY_INPUTS_H
#define PV_POLICY_INPUTS_H

#include "capture/capture.h"
#include "dnstap/dnstap.h"
#include "mock/mock.h"
#include "policy/config.h"
#include "probe/probe.h"
#include "stage/out.h"

struct pv_input_ops {
	/* As pv_capture_poll(): START first, STOP last; never blocks for longer than PV_CAPTURE_WAIT_MS when
	 * live. */
	enum pv_res (*poll)(void *self, struct pv_out *);
	void (*stop)(void *self); /* from any thread: the next poll ends the stream */
	void (*status)(const void *self, struct pv_capture_status *); /* NULL: nothing is counted */
	/* What else it counts, as STOP has it: clients, templates (PV_LEDGER_CLIENTS and on). NULL: nothing. */
	size_t (*rows)(const void *self, struct pv_ledger_row *, size_t max);
	const char *(*error)(const void *self);			      /* after PV_FAIL; NULL: never fails */
	const char *(*notice)(void *self); /* as pv_capture_notice(); NULL: says nothing */
	/* Carry the payload of these ports, too, from the next poll on. NULL: there is none, or all of it is
	 * carried. */
	void (*ports)(void *self, const uint16_t *ports, size_t n);
	/* Wait so long for answers, from the next poll on. NULL: it asks nothing. */
	void (*patience)(void *self, uint64_t ns);
	void (*free)(void *self);
};

struct pv_source_input {
	const struct pv_input_ops *ops;
	void *self;
	bool live;			  /* its clock is the wall's */
	const struct pv_capture *capture; /* self, where it is one */
	const struct pv_probe *probe;     /* likewise */
	/* Events of its own, as PV_EV_MODULE; NULL: it makes those of the format only. */
	const struct pv_event_module *own;
};

/* 0, or -1 with one line in err. */
int pv_input_open(const struct pv_config_stream *, struct pv_source_input *, char *err, size_t cap);
/* Can several workers share it? An interface can, and a port of exporters. */
bool pv_input_splits(const struct pv_config_stream *);
/* One for each of n workers (pv_capture_open_split(), pv_flow_listener_open_split()), or none. */
int pv_input_open_split(const struct pv_config_stream *, unsigned n, struct pv_source_input to[], char *err,
			size_t cap);
int pv_input_dnstap(const struct pv_dnstap_conf *, struct pv_source_input *, char *err, size_t cap);
int pv_input_flow(const struct pv_config_stream *, unsigned n, struct pv_source_input to[], char *err, size_t cap);
int pv_input_capture(const struct pv_capture_conf *, struct pv_source_input *, char *err, size_t cap);

extern const char
    *const pv_input_types[]; /* NULL-terminated: those that can be opened, for struct pv_config_world */

#endif
