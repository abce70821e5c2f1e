/* SPDX-License-Identifier: MPL-2.0 */
/* bgp/message.h - the header of a BGP message: RFC 4271 section 4.1, RFC 2918 (route refresh), RFC 8654 (extended
 * messages).
 *
 *   marker:16 bytes of ones   length:u16, with the header   type:u8
 *
 * pv_bgp_frame() finds where a message of a TCP stream ends, for packet/tcp.h; pv_bgp_decode() says what a whole one is.
 * Both judge alike. A length must fit its type (RFC 4271 section 6.1); OPEN and KEEPALIVE are never longer than 4096
 * bytes, the others are up to 65535: whether the two sides agreed on extended messages is not known of a session
 * whose beginning was not seen. A message of an unknown type still has a length to go by.
 *
 * No state, no allocation, nothing is kept of the input. */
#ifndef PV_BGP_MESSAGE_H
#define PV_BGP_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define PV_BGP_HEADER 19
#define PV_BGP_MESSAGE_MAX 65535 /* RFC 8654 */

enum pv_bgp_type {
	PV_BGP_OPEN = 1,
	PV_BGP_UPDATE = 2,
	PV_BGP_NOTIFICATION = 3,
	PV_BGP_KEEPALIVE = 4,
	PV_BGP_ROUTE_REFRESH = 5
};

/* What is wrong with a message. Numbers are on the wire (struct pv_bgp.reason): never given twice. */
enum pv_bgp_reason {
	PV_BGP_OK = 0,
	PV_BGP_SHORT = 1,  /* less than a header */
	PV_BGP_MARKER = 2, /* not all ones */
	PV_BGP_LENGTH = 3, /* impossible, or impossible for its type */
	PV_BGP_TYPE = 4,   /* unknown */
	PV_BGP_CUT = 5,    /* the length is another than that of the bytes at hand */
	PV_BGP_REASONS
};

struct pv_bgp_message {
	uint16_t length;       /* as the header says */
	uint8_t type;          /* enum pv_bgp_type, or another number */
	uint8_t code, subcode; /* of a NOTIFICATION; RFC 4271 section 4.5 */
};

/* The length of the message that begins with these n bytes. 0: it needs more of them. SIZE_MAX: no message begins so;
 * why is set. */
size_t pv_bgp_frame(const uint8_t *head, size_t n, enum pv_bgp_reason *why);

/* A whole message of n bytes. Fields found before the fault are set. */
enum pv_bgp_reason pv_bgp_decode(const uint8_t *bytes, size_t n, struct pv_bgp_message *);

#endif
