/* SPDX-License-Identifier: MPL-2.0 */
/* net/filter.h - which packets an analyser or a policy wants.
 *
 * Model: two tests, both about the remote end (source of "in", destination of "out"; of dnstap the client, or the
 * server that was asked), both must pass
 * when both are on: its location starts with one of the given prefixes, or is "Unknown"; its network is
 * one of the given numbers, or is "Unknown". A test that is on rejects what it cannot decide: the
 * direction is unknown, or the database is not loaded. A list that was given but is empty keeps nothing.
 *
 * Set from the rows of pv_net_keys[], each on its own; setting one again replaces what it held.
 * Ownership: copies its texts; freed by pv_net_filter_free(). Threads: read-only once set.
 * Limits: PV_LIST_MAX entries per list (base/conf.h). */
#ifndef PV_NET_FILTER_H
#define PV_NET_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "event/event.h"

enum pv_net_recorded { PV_NET_RECORDED_UNSET, PV_NET_RECORDED_NO, PV_NET_RECORDED_YES };

struct pv_net_filter {
	bool geoloc_notfound, asn_notfound;
	bool geoloc_prefix, asn_number; /* the list was given */
	char **prefix;                  /* nprefix, owned */
	size_t nprefix;
	uint32_t *asn; /* nasn, owned */
	size_t nasn;
	enum pv_net_recorded recorded_stream; /* not a filter: what the owner said about the clock */
};

#define PV_NET_KEYS 5
extern const struct pv_key pv_net_keys[PV_NET_KEYS];

void pv_net_filter_init(struct pv_net_filter *);
void pv_net_filter_free(struct pv_net_filter *);
/* A copy with texts of its own. 0, or -1 with ENOMEM and *to empty. */
int pv_net_filter_copy(struct pv_net_filter *to, const struct pv_net_filter *from);

pv_set_fn pv_net_filter_set; /* conf: struct pv_net_filter */

/* False: everything is accepted, no text is needed. */
bool pv_net_filter_on(const struct pv_net_filter *);

/* Is the remote end the source? Of a packet that comes in it is. Of a dnstap message src is who asked, whichever half it
 * is: remote to a server that is asked, while to one that asks (resolver, forwarder, stub, tool) dst is. */
static inline bool pv_net_remote_is_src(const struct pv_net *ev)
{
	unsigned dnstap = pv_event_dnstap(&ev->ev);
	return (ev->dir == PV_DIR_IN) == (dnstap % 2 || !dnstap);
}

/* The DEFINE numbers of the remote end, for looking up their texts. False: there is no remote end. */
static inline bool pv_net_remote(const struct pv_net *ev, uint32_t *geo, uint32_t *asn)
{
	bool src = pv_net_remote_is_src(ev), located = pv_net_located(ev);
	*geo = !located ? 0 : src ? ev->geo_src : ev->geo_dst;
	*asn = !located ? 0 : src ? ev->asn_src : ev->asn_dst;
	return ev->dir != PV_DIR_UNKNOWN;
}

/* geo, asn: texts of those numbers as they were defined; NULL: number 0 or never defined. Only those of the
 * tests that are on are looked at. */
bool pv_net_filter_accepts(const struct pv_net_filter *, const struct pv_net *ev, const char *geo,
			   size_t geo_len, const char *asn, size_t asn_len);

#endif
