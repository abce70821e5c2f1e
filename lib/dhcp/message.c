/* SPDX-License-Identifier: MPL-2.0 */
#include "dhcp/message.h"

#include <string.h>

#include "base/cursor.h"

#define COOKIE 0x63825363u /* RFC 2131 section 3 */
#define FIXED4 240         /* fixed part and cookie */
#define SNAME_AT 44
#define SNAME_LEN 64
#define FILE_AT 108
#define FILE_LEN 128

enum {
	OPT4_PAD = 0,
	OPT4_HOST_NAME = 12,
	OPT4_OVERLOAD = 52,
	OPT4_TYPE = 53,
	OPT4_SERVER_ID = 54,
	OPT4_END = 255
};
enum { OPT6_SERVER_ID = 2, OPT6_RELAY_MESSAGE = 9 };
enum { OVERLOAD_FILE = 1, OVERLOAD_SNAME = 2 };

int pv_dhcp_family(uint16_t sport, uint16_t dport)
{
	if (sport == 67 || sport == 68 || dport == 67 || dport == 68)
		return 4;
	if (sport == 546 || sport == 547 || dport == 546 || dport == 547)
		return 6;
	return 0;
}

/* Something was missing: because of the sender, or because of the capture. */
static enum pv_dhcp_reason missing(const struct pv_cur *c, enum pv_dhcp_reason otherwise)
{
	return c->cut ? PV_DHCP_CUT : otherwise;
}

/* ---- DHCPv4 ------------------------------------------------------------------------------------- */

static void add_name(struct pv_dhcp_message *m, const uint8_t *part, size_t n)
{
	size_t room = PV_DHCP_NAME_MAX - m->name_len;
	if (n > room)
		n = room;
	memcpy(m->name + m->name_len, part, n);
	m->name_len = (uint8_t)(m->name_len + n);
}

static enum pv_dhcp_reason option4(struct pv_dhcp_message *m, unsigned code, const uint8_t *body, size_t n,
				   unsigned *overload)
{
	switch (code) {
	case OPT4_TYPE:
		if (n != 1)
			return PV_DHCP_OPTION_LEN;
		m->type = body[0];
		break;
	case OPT4_SERVER_ID:
		if (n != 4)
			return PV_DHCP_OPTION_LEN;
		memcpy(m->server_addr, body, 4);
		m->server_id = true;
		break;
	case OPT4_OVERLOAD:
		if (n != 1)
			return PV_DHCP_OPTION_LEN;
		*overload = body[0];
		break;
	case OPT4_HOST_NAME:
		add_name(m, body, n);
		break;
	default:
		break;
	}
	return PV_DHCP_OK;
}

static enum pv_dhcp_reason options4(struct pv_dhcp_message *m, struct pv_cur c, unsigned *overload)
{
	while (pv_left(&c)) {
		unsigned code = pv_u8(&c);
		if (code == OPT4_PAD)
			continue;
		if (code == OPT4_END)
			break;
		size_t n = pv_u8(&c);
		const uint8_t *body = pv_take(&c, n);
		if (!body)
			return missing(&c, PV_DHCP_OPTION);
		enum pv_dhcp_reason r = option4(m, code, body, n, overload);
		if (r)
			return r;
	}
	return PV_DHCP_OK;
}

enum pv_dhcp_reason pv_dhcp4_decode(const void *payload, size_t n, bool cut, struct pv_dhcp_message *m)
{
	const uint8_t *b = payload;
	struct pv_cur c = pv_cur(payload, n);
	c.cut = cut;
	memset(m, 0, sizeof *m);
	m->family = 4;
	if (n < FIXED4)
		return missing(&c, PV_DHCP_SHORT);

	unsigned op = pv_u8(&c), htype = pv_u8(&c), hlen = pv_u8(&c);
	m->relay_hops = pv_u8(&c);
	m->xid = pv_be32(&c);
	pv_skip(&c, 8); /* secs, flags, ciaddr */
	pv_bytes(&c, m->yiaddr, 4);
	pv_skip(&c, 8); /* siaddr, giaddr */
	if (htype == 1 && hlen == 6)
		memcpy(m->mac, c.p, 6);
	pv_skip(&c, 16 + SNAME_LEN + FILE_LEN);
	if (pv_be32(&c) != COOKIE)
		return PV_DHCP_COOKIE;
	if (op != 1 && op != 2)
		return PV_DHCP_OP;

	/* options, then file, then sname: the order in which a divided option is joined, RFC 3396 section 5 */
	unsigned overload = 0, ignored = 0;
	enum pv_dhcp_reason r = options4(m, c, &overload);
	if (!r && (overload & OVERLOAD_FILE))
		r = options4(m, pv_cur(b + FILE_AT, FILE_LEN), &ignored);
	if (!r && (overload & OVERLOAD_SNAME))
		r = options4(m, pv_cur(b + SNAME_AT, SNAME_LEN), &ignored);
	/* RFC 2132 section 2: trailing NULs are to be deleted */
	while (m->name_len && !m->name[m->name_len - 1])
		m->name_len--;
	return r;
}

/* ---- DHCPv6 ------------------------------------------------------------------------------------- */

/* Moves c from a relay message's options into the message that is relayed. */
static enum pv_dhcp_reason unwrap(struct pv_cur *c)
{
	while (pv_left(c)) {
		unsigned code = pv_be16(c);
		size_t n = pv_be16(c);
		if (c->bad)
			return missing(c, PV_DHCP_OPTION);
		struct pv_cur body = pv_sub(c, n);
		if (c->bad)
			return PV_DHCP_OPTION;
		if (code == OPT6_RELAY_MESSAGE) {
			*c = body;
			return PV_DHCP_OK;
		}
	}
	return missing(c, PV_DHCP_RELAY);
}

static enum pv_dhcp_reason options6(struct pv_dhcp_message *m, struct pv_cur *c)
{
	while (pv_left(c)) {
		unsigned code = pv_be16(c);
		size_t n = pv_be16(c);
		if (!pv_take(c, n))
			return missing(c, PV_DHCP_OPTION);
		if (code == OPT6_SERVER_ID)
			m->server_id = true;
	}
	return PV_DHCP_OK;
}

enum pv_dhcp_reason pv_dhcp6_decode(const void *payload, size_t n, bool cut, struct pv_dhcp_message *m)
{
	struct pv_cur c = pv_cur(payload, n);
	c.cut = cut;
	memset(m, 0, sizeof *m);
	m->family = 6;
	for (;;) {
		m->type = pv_u8(&c);
		if (m->type != PV_DHCP6_RELAY_FORW && m->type != PV_DHCP6_RELAY_REPL)
			break;
		if (m->relay_hops == PV_DHCP_RELAYS)
			return PV_DHCP_NESTING;
		m->relay_hops++;
		pv_skip(&c, 33); /* hop count, link address, peer address */
		if (c.bad)
			return missing(&c, PV_DHCP_SHORT);
		enum pv_dhcp_reason r = unwrap(&c);
		if (r)
			return r;
	}
	m->xid = (uint32_t)pv_u8(&c) << 16;
	m->xid |= pv_be16(&c);
	if (c.bad)
		return missing(&c, PV_DHCP_SHORT);
	return options6(m, &c);
}
