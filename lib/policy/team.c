/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/team.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pv_team {
	unsigned n;
	struct pv_source *source[PV_CAPTURE_WORKERS];
};

/* 0, or -1 with a line in err; in any case t->n inputs are sources, or gone. */
static int make_sources(struct pv_team *t, unsigned n, const struct pv_source_conf *conf,
			const struct pv_source_input *input, char *err, size_t cap)
{
	int rc = 0;
	for (unsigned i = 0; i < n; i++) {
		struct pv_source_conf own = *conf;
		own.input = input[i];
		t->source[t->n] = pv_source_new(&own);
		if (t->source[t->n]) {
			t->n++;
			continue;
		}
		snprintf(err, cap, "out of memory");
		rc = -1;
	}
	return rc;
}

struct pv_team *pv_team_open(const struct pv_config_stream *s, unsigned workers,
			     const struct pv_source_conf *conf, char *err, size_t cap)
{
	struct pv_source_input input[PV_CAPTURE_WORKERS];
	unsigned n = workers > 1 && pv_input_splits(s) ? workers : 1;
	struct pv_team *t = calloc(1, sizeof *t);
	if (!t) {
		snprintf(err, cap, "out of memory");
		return NULL;
	}
	if (n > PV_CAPTURE_WORKERS)
		n = PV_CAPTURE_WORKERS;
	if ((n > 1 ? pv_input_open_split(s, n, input, err, cap) : pv_input_open(s, input, err, cap)) ||
	    make_sources(t, n, conf, input, err, cap)) {
		pv_team_free(t);
		return NULL;
	}
	return t;
}

unsigned pv_team_size(const struct pv_team *t)
{
	return t->n;
}

struct pv_source *pv_team_source(struct pv_team *t, unsigned worker)
{
	return t->source[worker];
}

/* Policies and handlers are of the input, not of each worker: levels of several streams add up. */
void pv_team_want(struct pv_team *t, const struct pv_source_want *want)
{
	struct pv_source_want others = *want;
	others.policies = others.handlers = 0;
	for (unsigned i = 0; i < t->n; i++)
		pv_source_want(t->source[i], i ? &others : want);
}

int pv_team_start(struct pv_team *t, char *err, size_t cap)
{
	for (unsigned i = 0; i < t->n; i++)
		if (pv_source_start(t->source[i], err, cap))
			return -1;
	return 0;
}

/* All at once: what comes while one of them ends is in nobody's stream. */
void pv_team_stop(struct pv_team *t)
{
	for (unsigned i = 0; i < t->n; i++)
		pv_source_halt(t->source[i]);
	for (unsigned i = 0; i < t->n; i++)
		pv_source_stop(t->source[i]);
}

void pv_team_free(struct pv_team *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->n; i++)
		pv_source_halt(t->source[i]);
	for (unsigned i = 0; i < t->n; i++)
		pv_source_free(t->source[i]);
	free(t);
}

bool pv_team_joinable(struct pv_team *t)
{
	for (unsigned i = 0; i < t->n; i++)
		if (!pv_source_joinable(t->source[i]))
			return false;
	return true;
}

bool pv_team_notice(struct pv_team *t, char *to, size_t cap)
{
	for (unsigned i = 0; i < t->n; i++)
		if (pv_source_notice(t->source[i], to, cap))
			return true;
	return false;
}

static void add_rows(struct pv_source_status *sum, const struct pv_source_status *s)
{
	for (size_t i = 0; i < s->nrows; i++) {
		const struct pv_ledger_row *r = &s->rows[i];
		size_t k = 0;
		while (k < sum->nrows && (sum->rows[k].stage != r->stage || sum->rows[k].what != r->what))
			k++;
		if (k < sum->nrows)
			sum->rows[k].value += r->value;
		else if (k < PV_SOURCE_ROWS)
			sum->rows[sum->nrows++] = *r;
	}
}

static void add(struct pv_source_status *sum, const struct pv_source_status *s)
{
	sum->capture.packets += s->capture.packets;
	sum->capture.os_drops += s->capture.os_drops;
	sum->capture.if_drops += s->capture.if_drops;
	sum->capture.link_down += s->capture.link_down;
	sum->capture.truncated += s->capture.truncated;
	sum->capture.malformed += s->capture.malformed;
	sum->capture.unsupported += s->capture.unsupported;
	sum->messages += s->messages;
	sum->dns_received += s->dns_received;
	sum->dns_malformed += s->dns_malformed;
	sum->dns_xact_open += s->dns_xact_open;
	sum->dns_xact_evicted += s->dns_xact_evicted;
	sum->dns_flows_evicted += s->dns_flows_evicted;
	sum->net_received += s->net_received;
	sum->dhcp_received += s->dhcp_received;
	sum->dhcp_malformed += s->dhcp_malformed;
	sum->bgp_received += s->bgp_received;
	sum->bgp_malformed += s->bgp_malformed;
	sum->bgp_unsupported += s->bgp_unsupported;
	sum->bgp_flows_evicted += s->bgp_flows_evicted;
	add_rows(sum, s);
	sum->ring_bytes += s->ring_bytes;
	sum->started |= s->started;
	sum->running |= s->running;
	if (!sum->error[0])
		memcpy(sum->error, s->error, sizeof sum->error);
}

void pv_team_status(struct pv_team *t, struct pv_source_status *to)
{
	struct pv_source_status s;
	pv_source_status(t->source[0], to);
	for (unsigned i = 1; i < t->n; i++) {
		pv_source_status(t->source[i], &s);
		add(to, &s);
	}
}
