/* SPDX-License-Identifier: MPL-2.0 */
/* dhcp/analyser.h - packet events to dhcp events: one for each UDP packet on a DHCP port.
 *
 * Ports 67 and 68 are DHCPv4, 546 and 547 DHCPv6, in this order of precedence. A malformed message gives an
 * event too, with its reason: it was on the wire, and is counted.
 *
 * Transactions: a DHCPv4 REQUEST opens one (or starts it again), named by xid and client hardware address,
 * because xids are the clients' own choice and two may choose the same. The ACK that finds it within the
 * TTL carries the request's host name and time (PV_DHCP_MATCHED) and ends it. Times are stream time.
 *
 * Ownership: see stage/stage.h; conf is copied. Threads: one. Limits: PV_DHCP_XACTS open transactions, the
 * oldest is given up for a new one and counted; PV_DHCP_TEXT_MAX bytes of a host name as text. */
#ifndef PV_DHCP_ANALYSER_H
#define PV_DHCP_ANALYSER_H

#include "base/conf.h"
#include "stage/stage.h"

#define PV_DHCP_XACTS 8192   /* requests within one TTL: 1,600 a second at the default; some 3 MiB */
#define PV_DHCP_TEXT_MAX 255 /* a host name is at most that in DNS */
#define PV_DHCP_TTL_NS (5 * UINT64_C(1000000000))

struct pv_dhcp_conf {
	struct pv_ttl ttl; /* 0: PV_DHCP_TTL_NS */
	uint64_t seed;     /* of the transaction table's hash */
};

/* recorded_stream, xact_ttl_secs, xact_ttl_ms */
extern const struct pv_key pv_dhcp_keys[];
extern const size_t pv_dhcp_nkeys;
pv_set_fn pv_dhcp_set; /* conf: struct pv_dhcp_conf */

extern const struct pv_analyser_ops pv_dhcp_ops;
void pv_dhcp_ttl(void *self, uint64_t ttl_ns); /* from now on */
void *pv_dhcp_new(const struct pv_dhcp_conf *); /* NULL: ENOMEM */

#endif
