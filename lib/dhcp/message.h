/* SPDX-License-Identifier: MPL-2.0 */
/* dhcp/message.h - one DHCP message: DHCPv4 (RFC 2131, 2132, 3396) and DHCPv6 (RFC 8415).
 *
 * Takes the UDP payload, gives the few facts that metrics are made of. DHCPv4: fixed part, magic cookie,
 * options, and the `file` and `sname` fields where option 52 says that options go on there; an option given
 * in several parts is joined (RFC 3396). DHCPv6: type, transaction id, server identifier; messages inside
 * relay-forward and relay-reply are unwrapped.
 *
 * A message that lies about its lengths is malformed, with a reason; fields found before the fault are
 * set. What is missing because of the capture is PV_DHCP_CUT instead.
 * No allocation, nothing is kept of the input.
 * Limits: PV_DHCP_NAME_MAX bytes of host name, PV_DHCP_RELAYS nested relays. */
#ifndef PV_DHCP_MESSAGE_H
#define PV_DHCP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_DHCP_RELAYS 33    /* RFC 3315 has a hop count of 32 at most, RFC 8415 one of 8; the first relay writes 0 */
#define PV_DHCP_NAME_MAX 255 /* a host name is at most that in DNS; one option holds no more */

/* Why a message is malformed. Numbers are on the wire (struct pv_dhcp.reason): never given twice. */
enum pv_dhcp_reason {
	PV_DHCP_OK = 0,
	PV_DHCP_SHORT = 1,      /* less than the fixed part */
	PV_DHCP_COOKIE = 2,     /* v4: not the magic cookie: BOOTP or something else */
	PV_DHCP_OP = 3,         /* v4: op is neither request nor reply */
	PV_DHCP_OPTION = 4,     /* an option reaches past the end */
	PV_DHCP_OPTION_LEN = 5, /* an option's length is impossible for what it is */
	PV_DHCP_RELAY = 6,      /* v6: a relay message without a message in it */
	PV_DHCP_NESTING = 7,    /* v6: more relays than a message may pass */
	PV_DHCP_CUT = 8,        /* the capture ends before the message does */
	PV_DHCP_REASONS
};

/* v4: option 53. */
enum {
	PV_DHCP4_DISCOVER = 1,
	PV_DHCP4_OFFER,
	PV_DHCP4_REQUEST,
	PV_DHCP4_DECLINE,
	PV_DHCP4_ACK,
	PV_DHCP4_NAK,
	PV_DHCP4_RELEASE,
	PV_DHCP4_INFORM
};
/* v6: message type, RFC 8415 section 7.3. */
enum {
	PV_DHCP6_SOLICIT = 1,
	PV_DHCP6_ADVERTISE,
	PV_DHCP6_REQUEST,
	PV_DHCP6_CONFIRM,
	PV_DHCP6_RENEW,
	PV_DHCP6_REBIND,
	PV_DHCP6_REPLY,
	PV_DHCP6_RELEASE,
	PV_DHCP6_DECLINE,
	PV_DHCP6_RECONFIGURE,
	PV_DHCP6_INFORMATION,
	PV_DHCP6_RELAY_FORW,
	PV_DHCP6_RELAY_REPL
};

struct pv_dhcp_message {
	uint8_t family;         /* 4 or 6 */
	uint8_t type;           /* option 53, or the innermost message type; 0 unknown */
	uint8_t relay_hops;     /* v4 hops; v6 relays unwrapped */
	bool server_id;         /* v4 option 54, v6 option 2 */
	uint32_t xid;           /* v6: 24 bits */
	uint8_t server_addr[4]; /* v4 option 54 */
	uint8_t yiaddr[4];
	uint8_t mac[6]; /* chaddr; zeros unless Ethernet */
	uint8_t name_len;
	uint8_t name[PV_DHCP_NAME_MAX]; /* v4 option 12 as it stands, without final NULs */
};

/* cut: the wire had more bytes than these. */
enum pv_dhcp_reason pv_dhcp4_decode(const void *payload, size_t n, bool cut, struct pv_dhcp_message *);
enum pv_dhcp_reason pv_dhcp6_decode(const void *payload, size_t n, bool cut, struct pv_dhcp_message *);

/* 4, 6 or 0: which DHCP a UDP packet between these ports is. */
int pv_dhcp_family(uint16_t sport, uint16_t dport);

#endif
