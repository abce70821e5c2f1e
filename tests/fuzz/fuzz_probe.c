/* SPDX-License-Identifier: MPL-2.0 */
/* What comes on an ICMP socket: a reply of ours is what the RFCs and our mark say, byte by byte, and nothing else; and what
 * we send, turned into a reply, is one, however long, unless a byte that matters is another.
 * Input: a byte of choices (1: IPv6; 2: with an IP header in front, as raw IPv4 sockets give it), then the packet. */
#include <stdlib.h>
#include <string.h>

#include "probe/icmp.h"

#define MUST(x) ((x) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t type_of_reply(uint8_t family)
{
	return family == 4 ? 0 : 129;
}

/* By offsets, where the decoder goes by a cursor. */
static bool expected(uint8_t family, bool header, const uint8_t *p, size_t n)
{
	size_t at = header && n ? (size_t)(p[0] & 15) * 4 : 0;
	if (header && at < 20)
		return false;
	return n >= at + 24 && p[at] == type_of_reply(family) && !p[at + 1] && !memcmp(p + at + 16, "pktvisor", 8);
}

static void judge(uint8_t family, bool header, const uint8_t *p, size_t n)
{
	uint8_t *exact = calloc(n ? n : 1, 1); /* so that a byte too far is seen */
	uint16_t seq = 0;
	uint64_t token = 0;
	MUST(exact);
	if (n)
		memcpy(exact, p, n);
	bool ours = pv_icmp_reply(family, header, exact, n, &seq, &token);
	MUST(ours == expected(family, header, p, n));
	if (ours) {
		const uint8_t *m = p + (header ? (size_t)(p[0] & 15) * 4 : 0);
		MUST(seq == (m[6] << 8 | m[7]) && !memcmp(&token, m + 8, sizeof token));
	}
	free(exact);
}

/* A request made of the input, answered; then with one byte changed. */
static void there_and_back(uint8_t family, const uint8_t *p, size_t n)
{
	static uint8_t message[PV_ICMP_MESSAGE_MAX];
	uint64_t token, got = 0;
	uint16_t id, seq, got_seq = 0;
	memcpy(&token, p, 8);
	memcpy(&id, p + 8, 2);
	memcpy(&seq, p + 10, 2);
	size_t payload = PV_ICMP_PAYLOAD_MIN + (size_t)(p[12] << 8 | p[13]) % (PV_ICMP_PAYLOAD_MAX - PV_ICMP_PAYLOAD_MIN + 1);
	size_t len = pv_icmp_request(family, id, seq, token, payload, message);
	MUST(len <= sizeof message && len >= PV_ICMP_HEADER + PV_ICMP_TOKEN + PV_ICMP_PAYLOAD_MIN);
	judge(family, false, message, len);
	MUST(!pv_icmp_reply(family, false, message, len, &got_seq, &got)); /* a request is none */
	message[0] = type_of_reply(family);
	MUST(pv_icmp_reply(family, false, message, len, &got_seq, &got) && got == token && got_seq == seq);
	message[p[14] % 24] ^= p[n - 1];
	judge(family, false, message, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	uint8_t family = data[0] & 1 ? 6 : 4;
	judge(family, data[0] & 2, data + 1, size - 1);
	if (size > 16)
		there_and_back(family, data + 1, size - 1);
	return 0;
}
