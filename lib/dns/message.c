/* SPDX-License-Identifier: MPL-2.0 */
#include "dns/message.h"

#include <string.h>

#include "base/cursor.h"

enum { OPTION_NSID = 3, OPTION_ECS = 8, OPTION_COOKIE = 10, OPTION_EDE = 15 };

/* RFC 7871 section 6. A family we do not know is none of our business, also when it looks odd. */
static enum pv_dns_reason read_ecs(const uint8_t *data, size_t n, struct pv_dns_message *m)
{
	if (n < 4)
		return PV_DNS_BAD_ECS;
	unsigned family = pv_get16(data), source = data[2], scope = data[3];
	const uint8_t *addr = data + 4;
	size_t have = n - 4;
	unsigned bits = family == 1 ? 32 : family == 2 ? 128 : 0;
	if (!bits)
		return PV_DNS_FINE;
	if (source > bits || scope > bits || have > bits / 8 || have < (source + 7) / 8)
		return PV_DNS_BAD_ECS;

	uint8_t *to = m->ecs.addr;
	if (family == 1) {
		to[10] = to[11] = 0xff;
		to += 12;
	}
	/* bits behind the prefix must be zero; a sender that forgets must not make two subnets of one */
	size_t whole = source / 8;
	memcpy(to, addr, whole);
	if (source % 8)
		to[whole] = (uint8_t)(addr[whole] & (0xff00u >> source % 8));
	m->ecs.family = family == 1 ? 4 : 6;
	m->ecs.source_prefix = (uint8_t)source;
	m->ecs.scope_prefix = (uint8_t)scope;
	m->bits |= PV_DNS_ECS;
	return PV_DNS_FINE;
}

static enum pv_dns_reason read_options(struct pv_cur c, struct pv_dns_message *m)
{
	enum pv_dns_reason bad = PV_DNS_FINE;
	while (pv_left(&c)) {
		uint16_t code = pv_be16(&c);
		uint16_t len = pv_be16(&c);
		const uint8_t *data = pv_take(&c, len);
		if (!data)
			return bad ? bad : PV_DNS_BAD_OPT;
		switch (code) {
		case OPTION_NSID:
			m->bits |= PV_DNS_NSID;
			break;
		case OPTION_COOKIE:
			m->bits |= PV_DNS_COOKIE;
			break;
		case OPTION_EDE:
			m->bits |= PV_DNS_EDE;
			break;
		case OPTION_ECS:
			if (!(m->bits & PV_DNS_ECS) && !bad)
				bad = read_ecs(data, len, m);
			break;
		default:
			break;
		}
	}
	return bad;
}

/* OPT has its own use of class and TTL (RFC 6891 section 6.1). A second OPT is ignored. */
static enum pv_dns_reason read_opt(const uint8_t *fixed, const uint8_t *rdata, size_t n,
				   struct pv_dns_message *m)
{
	if (m->bits & PV_DNS_EDNS)
		return PV_DNS_FINE;
	m->bits |= PV_DNS_EDNS;
	m->edns_size = pv_get16(fixed + 2);
	m->rcode_ext = (uint16_t)(fixed[4] << 4 | m->rcode);
	m->edns_version = fixed[5];
	if (fixed[6] & 0x80)
		m->bits |= PV_DNS_DO;
	return read_options(pv_cur(rdata, n), m);
}

static enum pv_dns_reason read_question(const uint8_t *msg, size_t n, size_t *off, struct pv_dns_message *m)
{
	enum pv_dns_reason bad = pv_dns_name_read(msg, n, off, &m->qname);
	if (bad)
		return bad;
	if (n - *off < 4) {
		m->qname.len = 0;
		m->qname.text[0] = '\0';
		m->qname.upper = false;
		return PV_DNS_CUT_RECORD;
	}
	m->qtype = pv_get16(msg + *off);
	m->qclass = pv_get16(msg + *off + 2);
	m->bits |= PV_DNS_QUESTION;
	*off += 4;
	return PV_DNS_FINE;
}

enum section { ANSWER, AUTHORITY, ADDITIONAL };

static enum pv_dns_reason walk(const uint8_t *msg, size_t n, size_t *off, enum section where, unsigned count,
			       struct pv_dns_message *m)
{
	enum pv_dns_reason odd = PV_DNS_FINE; /* something within a record: the walk goes on */
	while (count--) {
		size_t owner = *off;
		enum pv_dns_reason bad = pv_dns_name_skip(msg, n, off);
		if (bad)
			return bad;
		if (n - *off < 10)
			return PV_DNS_CUT_RECORD;
		const uint8_t *fixed = msg + *off; /* type class ttl rdlength */
		uint16_t type = pv_get16(fixed);
		uint16_t len = pv_get16(fixed + 8);
		*off += 10;
		if (n - *off < len)
			return PV_DNS_CUT_RECORD;
		if (where == ANSWER && type == PV_DNS_TYPE_RRSIG)
			m->bits |= PV_DNS_RRSIG;
		if (where == ADDITIONAL && type == PV_DNS_TYPE_OPT) {
			bad = msg[owner] ? PV_DNS_BAD_OPT : read_opt(fixed, msg + *off, len, m);
			if (!odd)
				odd = bad;
		}
		*off += len;
	}
	return odd;
}

static enum pv_dns_reason read_sections(const uint8_t *msg, size_t n, struct pv_dns_message *m)
{
	size_t off = PV_DNS_HEADER_BYTES;
	enum pv_dns_reason bad = PV_DNS_FINE, odd;
	for (unsigned i = 0; i < m->qdcount; i++) {
		if (i == 0) {
			bad = read_question(msg, n, &off, m);
		} else {
			bad = pv_dns_name_skip(msg, n, &off);
			if (!bad && n - off < 4)
				bad = PV_DNS_CUT_RECORD;
			off += 4;
		}
		if (bad)
			return bad;
	}
	bad = walk(msg, n, &off, ANSWER, m->ancount, m);
	if (!bad)
		bad = walk(msg, n, &off, AUTHORITY, m->nscount, m);
	if (bad)
		return bad;
	odd = walk(msg, n, &off, ADDITIONAL, m->arcount, m);
	return odd;
}

/* From the places of RFC 1035 section 4.1.1 to ours, without a branch. */
static uint16_t header_bits(unsigned flags)
{
	_Static_assert(PV_DNS_QR == 0x8000 >> 15 && PV_DNS_AA == 0x0400 && PV_DNS_TC == 0x0200 << 2 && PV_DNS_RD == 0x0100 << 4 &&
			       PV_DNS_RA == 0x0080 << 6 && PV_DNS_AD == 0x0020 << 9 && PV_DNS_CD == 0x0010 << 11,
		       "the shifts below");
	return (uint16_t)(flags >> 15 | (flags & 0x0400) | (flags & 0x0200) << 2 | (flags & 0x0100) << 4 |
			  (flags & 0x0080) << 6 | (flags & 0x0020) << 9 | (flags & 0x0010) << 11);
}

int pv_dns_parse(const uint8_t *msg, size_t n, struct pv_dns_message *m)
{
	/* all but the big name buffers */
	memset(m, 0, offsetof(struct pv_dns_message, qname));
	m->qname.len = 0;
	m->qname.upper = false;
	m->qname.text[0] = '\0';
	if (n < PV_DNS_HEADER_BYTES)
		return m->reason = PV_DNS_SHORT;

	uint16_t flags = pv_get16(msg + 2);
	m->id = pv_get16(msg);
	m->opcode = flags >> 11 & 0xf;
	m->rcode = m->rcode_ext = flags & 0xf;
	m->bits = header_bits(flags);
	m->qdcount = pv_get16(msg + 4);
	m->ancount = pv_get16(msg + 6);
	m->nscount = pv_get16(msg + 8);
	m->arcount = pv_get16(msg + 10);

	m->reason = (uint8_t)read_sections(msg, n, m);
	if (!m->reason)
		m->bits |= PV_DNS_PARSED;
	return m->reason;
}
