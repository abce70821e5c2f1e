/* SPDX-License-Identifier: MPL-2.0 */
/* flow/filter.h - which records of flow exports a policy wants, and under which names.
 *
 * Model: six tests, in this order; a record that fails one is rejected.
 *   only_ips                one of its addresses is in one of the subnets
 *   only_ports              one of its ports is in one of the ranges
 *   only_device_interfaces  its device is listed; an interface that the device's ranges leave out is taken off
 *                           the record, and a record with none left is rejected
 *   only_directions         likewise: without `in` the interface that it came in by is taken off
 *   geoloc_notfound         one of its addresses has no known location (with a City database)
 *   asn_notfound            one of its addresses has no known network (with an ASN database)
 * An address or port that is not known is in no subnet and in no range. A list that was given but is empty
 * keeps nothing. What a record is called: devices and interfaces by device_map, addresses by flow/summary.h.
 *
 * Set from the rows of pv_flow_keys[], each on its own; setting one again replaces what it held.
 * Ownership: copies its texts; freed by pv_flow_filter_free(). Threads: read-only once set.
 * Limits: PV_LIST_MAX entries per list (base/conf.h), and those below. */
#ifndef PV_FLOW_FILTER_H
#define PV_FLOW_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "event/event.h"
#include "flow/summary.h"
#include "packet/hosts.h"

#define PV_FLOW_DEVICES 4096	/* in a map: more exporters than one host hears of */
#define PV_FLOW_IFACES	16384	/* named interfaces of one device: a chassis with every port split */
#define PV_FLOW_NAME	200u	/* bytes of a name, longer ones are cut: a label's value has device and interface */

struct pv_flow_range { /* both included */
	uint32_t first, last;
};

struct pv_flow_ranges {
	struct pv_flow_range *at;
	size_t n;
	bool given;
};

struct pv_flow_iface {
	uint32_t index;
	char *name;
};

struct pv_flow_device { /* of device_map */
	uint8_t addr[16];
	char *name;
	struct pv_flow_iface *iface; /* by index */
	size_t niface;
};

struct pv_flow_allowed { /* of only_device_interfaces */
	uint8_t addr[16];
	struct pv_flow_ranges ifaces;
};

struct pv_flow_filter {
	struct pv_flow_device *device; /* by address */
	size_t ndevice;
	bool enrichment; /* device and interface names are used; true unless set */
	bool scaling;	 /* counts of samplers are multiplied by their rate; true unless set */
	struct pv_flow_allowed *allowed; /* by address */
	size_t nallowed;
	bool allowed_given;
	struct pv_hosts *ips; /* NULL: not given */
	struct pv_flow_ranges ports;
	uint8_t directions; /* PV_FLOW_IN and PV_FLOW_OUT: those that are kept */
	bool geoloc_notfound, asn_notfound;
	struct pv_flow_summary summary;
	bool recorded_stream; /* not a filter: what the owner said about the clock */
};

#define PV_FLOW_KEYS 15
extern const struct pv_key pv_flow_keys[PV_FLOW_KEYS];
extern const size_t pv_flow_nkeys;

void pv_flow_filter_init(struct pv_flow_filter *);
void pv_flow_filter_free(struct pv_flow_filter *);

pv_set_fn pv_flow_filter_set; /* conf: struct pv_flow_filter */

/* False: every record is accepted as it is, and called by its numbers. */
bool pv_flow_filter_on(const struct pv_flow_filter *);
/* The texts of locations or networks are looked at. */
bool pv_flow_filter_wants_places(const struct pv_flow_filter *);

/* What is known of a record's addresses: texts as they were defined; NULL: nothing is known, no database. */
struct pv_flow_places {
	const char *geo[2], *asn[2]; /* source, destination */
	size_t geo_len[2], asn_len[2];
};

/* bits: PV_FLOW_IN and PV_FLOW_OUT that are left of an accepted record. */
bool pv_flow_filter_accepts(const struct pv_flow_filter *, const struct pv_flow *, const struct pv_flow_places *,
			    uint8_t *bits);

/* Names of device_map; NULL: it has none. */
const struct pv_flow_device *pv_flow_filter_device(const struct pv_flow_filter *, const uint8_t addr[16]);
const char *pv_flow_device_iface(const struct pv_flow_device *, uint32_t index);

#endif
