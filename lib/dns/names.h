/* SPDX-License-Identifier: MPL-2.0 */
/* dns/names.h - domain names as text, and the names of types and response codes.
 *
 * Text form: labels joined with '.', no final dot, the root is the empty text. A byte that is not printable
 * ASCII, a space, and '.' or '\' inside a label are written \DDD (decimal, RFC 1035 section 5.1), so the text
 * is always printable ASCII and two different names never have the same text. Two spellings are kept: as the
 * bytes were, and with A-Z lowered; they have the same length.
 *
 * Compression pointers (RFC 1035 section 4.1.4) are followed only to in front of the labels they end, which
 * is all a writer can need; each jump goes strictly back, so a loop cannot be made. A name is at most 255
 * bytes, pointers resolved.
 *
 * Pure functions on borrowed bytes; no allocation, any thread. */
#ifndef PV_DNS_NAMES_H
#define PV_DNS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metric/metric.h"

#define PV_DNS_NAME_WIRE_MAX 255 /* RFC 1035 section 2.3.4 */
/* 250 bytes of labels as \DDD and three dots, the longest there is, are 1003. */
#define PV_DNS_NAME_TEXT_MAX 1010

/* Why a message is not a good DNS message. On the wire (struct pv_dns.reason, ledger rows): never
 * renumber. */
enum pv_dns_reason {
	PV_DNS_FINE = 0,
	PV_DNS_SHORT = 1,    /* less than a header: nothing is known, handlers only count it as malformed */
	PV_DNS_BAD_NAME = 2, /* a label of an unknown type, or a name of more than 255 bytes */
	PV_DNS_BAD_POINTER = 3, /* a compression pointer that does not point back */
	PV_DNS_CUT_RECORD = 4,	/* the message ends inside a question or record that the header promised */
	PV_DNS_BAD_OPT = 5,	/* EDNS options longer than their record, or an OPT that is not at the root */
	PV_DNS_BAD_ECS = 6,	/* a client subnet that breaks RFC 7871 section 6 */
	PV_DNS_CUT_CAPTURE = 7, /* the message was longer than what the capture kept */
	PV_DNS_ABSENT = 8,	/* dnstap: there is no message in it, only who talked to whom. A query or response all the same */
	PV_DNS_REASONS
};

struct pv_dns_name {
	uint16_t len;
	bool upper; /* written differs from text */
	char text[PV_DNS_NAME_TEXT_MAX + 16];   /* lower-case, NUL-terminated; room to write sixteen bytes at once */
	char written[PV_DNS_NAME_TEXT_MAX + 16]; /* only valid when `upper`; else text is what was written */
};

static inline const char *pv_dns_name_written(const struct pv_dns_name *n)
{
	return n->upper ? n->written : n->text;
}

/* The name at msg[*off]. Moves *off behind it and fills `out`; or says why not, with `out` the root and *off
 * as it was. */
enum pv_dns_reason pv_dns_name_read(const uint8_t *msg, size_t n, size_t *off, struct pv_dns_name *out);

/* Moves *off behind the name at msg[*off] without looking where a pointer leads. */
enum pv_dns_reason pv_dns_name_skip(const uint8_t *msg, size_t n, size_t *off);

/* A name that somebody typed, in the form above: lowered, odd bytes (not '\') escaped, one final dot dropped.
 * Returns the length, or -1 when it does not fit in cap with its NUL. */
int pv_dns_name_normal(const char *typed, char *out, size_t cap);

/* Names of numbers and back. *_name: NULL when the number has none. *_number: a name in any case, or decimal
 * digits of a number that has a name; -1 otherwise. */
const char *pv_dns_qtype_name(unsigned number);
const char *pv_dns_rcode_name(unsigned number);
int pv_dns_qtype_number(const char *name);
int pv_dns_rcode_number(const char *name);

/* The address of a client subnet as text, without its prefix length. Returns its length. */
#define PV_DNS_ECS_TEXT 46 /* INET6_ADDRSTRLEN */
size_t pv_dns_ecs_text(const struct pv_ecs *, char text[PV_DNS_ECS_TEXT]);

pv_item_fn pv_item_qtype; /* the name, or digits */
pv_item_fn pv_item_rcode;

#endif
