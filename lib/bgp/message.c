/* SPDX-License-Identifier: MPL-2.0 */
#include "bgp/message.h"

#include <stdbool.h>
#include <string.h>

#include "base/cursor.h"

#define MARKER 16

/* By type: the least and the largest length. */
static const struct {
	uint16_t least, most;
} types[] = {
	[PV_BGP_OPEN] = {29, 4096},
	[PV_BGP_UPDATE] = {23, PV_BGP_MESSAGE_MAX},
	[PV_BGP_NOTIFICATION] = {21, PV_BGP_MESSAGE_MAX},
	[PV_BGP_KEEPALIVE] = {PV_BGP_HEADER, PV_BGP_HEADER},
	[PV_BGP_ROUTE_REFRESH] = {23, PV_BGP_MESSAGE_MAX}, /* longer with filters: RFC 5291 */
};

#define TYPES (sizeof types / sizeof types[0])

static bool marked(const uint8_t *head, size_t n)
{
	for (size_t i = 0; i < n && i < MARKER; i++)
		if (head[i] != 0xff)
			return false;
	return true;
}

static bool known(unsigned type)
{
	return type < TYPES && types[type].most;
}

static bool length_fits(unsigned type, size_t length)
{
	if (length < PV_BGP_HEADER)
		return false;
	return !known(type) || (length >= types[type].least && length <= types[type].most);
}

size_t pv_bgp_frame(const uint8_t *head, size_t n, enum pv_bgp_reason *why)
{
	if (!marked(head, n)) {
		*why = PV_BGP_MARKER;
		return SIZE_MAX;
	}
	if (n < PV_BGP_HEADER)
		return 0;
	size_t length = pv_get16(head + MARKER);
	if (!length_fits(head[MARKER + 2], length)) {
		*why = PV_BGP_LENGTH;
		return SIZE_MAX;
	}
	return length;
}

enum pv_bgp_reason pv_bgp_decode(const uint8_t *bytes, size_t n, struct pv_bgp_message *m)
{
	memset(m, 0, sizeof *m);
	if (!marked(bytes, n))
		return PV_BGP_MARKER;
	if (n < PV_BGP_HEADER)
		return PV_BGP_SHORT;
	m->length = pv_get16(bytes + MARKER);
	m->type = bytes[MARKER + 2];
	if (!length_fits(m->type, m->length))
		return PV_BGP_LENGTH;
	if (m->length != n)
		return PV_BGP_CUT;
	if (m->type == PV_BGP_NOTIFICATION) {
		m->code = bytes[PV_BGP_HEADER];
		m->subcode = bytes[PV_BGP_HEADER + 1];
	}
	return known(m->type) ? PV_BGP_OK : PV_BGP_TYPE;
}
