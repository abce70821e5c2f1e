/* SPDX-License-Identifier: MPL-2.0 */
/* dnstap/decode.h - the payload of a data frame, a protobuf message, becomes the fields of a dnstap event.
 *
 * protobuf-c unpacks, with the code that protoc-c makes of dnstap.proto, into memory of the decoder's own that is taken back
 * as a whole before the next message: nothing is allocated per message. A frame that wants more of it than there is (a
 * million fields nobody knows) is malformed.
 *
 * What is believed: an address is taken where it has 4 or 16 bytes and this is what the family says (or none is said, then
 * the length says it); a port where it fits; a time where it fits into ns. Of the two DNS messages the one of this half is
 * taken; where only the other is there, that one, with PV_DNSTAP_OTHER_HALF.
 *
 * Ownership: what comes out points into the decoder, until the next call. Threads: one per decoder. */
#ifndef PV_DNSTAP_DECODE_H
#define PV_DNSTAP_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "dnstap/frames.h"
#include "event/event.h"

/* Why a frame makes no event. On the wire (ledger rows): never renumber. */
enum pv_dnstap_reason {
	PV_DNSTAP_FINE = 0,
	PV_DNSTAP_NO_PROTOBUF = 1,  /* malformed: the bytes are no dnstap frame */
	PV_DNSTAP_NO_MESSAGE = 2,   /* malformed: of the message type, without a message */
	PV_DNSTAP_OTHER_TYPE = 3,   /* unsupported: a frame that is not a message */
	PV_DNSTAP_UNKNOWN_TYPE = 4, /* unsupported: a kind of message that nobody has defined yet */
	PV_DNSTAP_REASONS
};

/* Copies of what a frame of any size holds, and the library's notes on 8,000 fields. */
#define PV_DNSTAP_ARENA (PV_FRAMES_DATA_MAX + (256u << 10))
#define PV_DNSTAP_MESSAGE_MAX 65535u /* bytes of a DNS message */
#define PV_DNSTAP_IDENTITY_MAX 255u

struct pv_dnstap_facts {
	/* with everything but the header, number, stamp, and where the variable parts stand */
	struct pv_dnstap ev;
	const uint8_t *payload, *identity; /* ev.payload_len and identity_len bytes */
	size_t identity_len;
	uint64_t time_ns; /* this half's, else the other's; 0: neither was told */
};

struct pv_dnstap_decoder;

struct pv_dnstap_decoder *pv_dnstap_decoder_new(void); /* NULL: ENOMEM */
void pv_dnstap_decoder_free(struct pv_dnstap_decoder *);

enum pv_dnstap_reason pv_dnstap_decode(struct pv_dnstap_decoder *, const uint8_t *frame, size_t n, struct pv_dnstap_facts *);

#endif
