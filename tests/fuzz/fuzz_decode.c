/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Frames. Byte 0 chooses the link type, byte 1 the tunnels to open (bits 0 to 2) and whether there are host
 * subnets (bit 3), byte 2 how many bytes the capture is said to have cut off; the frame follows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_decode: %s\n", what);
	abort();
}

static bool zeros(const void *p, size_t n)
{
	const uint8_t *b = p;
	while (n)
		if (b[--n])
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int dlts[] = {1, 0, 9, 12, 14, 50, 51, 101, 108, 113, 228, 229, 276, 105, -1, 10000};
	if (size < 3)
		return 0;
	size_t link = data[0] % (sizeof(dlts) / sizeof(*dlts));
	struct pv_decoder d = {.linktype = dlts[link], .decap_gre = data[1] & 1, .decap_ipip = data[1] & 2,
			       .decap_vxlan = data[1] & 4};
	struct pv_hosts *hosts = NULL;
	if (data[1] & 8) {
		char err[64];
		hosts = pv_hosts_new();
		require(hosts != NULL, "memory");
		require(pv_hosts_parse(hosts, "10.0.0.0/8,2001:db8::/33", err, sizeof(err)) == 0, "hosts");
		d.hosts = hosts;
	}
	uint32_t cap = (uint32_t)size - 3, wire = cap + data[2];
	const uint8_t *frame = data + 3, *payload, *payload2;
	struct pv_packet p, q;
	memset(&p, 0x11, sizeof(p));
	memset(&q, 0xee, sizeof(q));
	pv_decode(&d, frame, cap, wire, &p, &payload);
	pv_decode(&d, frame, cap, wire, &q, &payload2);

	require(p.stamp == 0x11 && p.payload_off == 0x1111 && p.number == 0x1111111111111111, "not ours");
	q.ev = p.ev;
	q.number = p.number;
	q.stamp = p.stamp;
	q.payload_off = p.payload_off;
	require(payload == payload2 && memcmp(&p, &q, sizeof(p)) == 0, "a field was not set");

	require(p.cap_len == cap && p.wire_len == wire, "lengths");
	require((cap < wire) == !!(p.bits & PV_PKT_TRUNCATED), "TRUNCATED");
	bool bad = p.bits & PV_PKT_MALFORMED, other = p.bits & PV_PKT_UNSUPPORTED;
	require(!(bad && other) && (bad || other) == (p.reason != 0), "reason without bit");
	require(bad == (p.reason >= PV_DEC_LINK_CUT), "reason of the other bit");
	require(strcmp(pv_decode_reason_name(p.reason), "unknown") != 0, "reason without name");
	require(!pv_decode_reason_cut(p.reason) || cap < wire, "cut, but nothing was cut off");
	require(p.l3 == 0 || p.l3 == 4 || p.l3 == 6, "l3");
	require(p.l4 <= PV_L4_TCP, "l4");
	require(!p.l4 || p.l3, "l4 without l3");
	require(!p.l4 || p.proto == (p.l4 == PV_L4_UDP ? 17 : 6), "l4 and proto");
	require(p.l3 || (zeros(p.src, 32) && p.proto == 0), "addresses without l3");
	require(p.l3 != 4 || (zeros(p.src, 10) && p.src[10] == 0xff && zeros(p.dst, 10) && p.dst[11] == 0xff),
		"IPv4 is not mapped");
	require(p.l4 || (p.sport == 0 && p.dport == 0), "ports without l4");
	require(p.l4 == PV_L4_TCP || (p.tcp_seq == 0 && p.tcp_ack == 0 && p.tcp_flags == 0), "not TCP");
	require(p.bits & PV_PKT_ETH || (zeros(p.eth_src, 6) && zeros(p.eth_dst, 6)), "MAC without ETH");
	require(!(p.bits & PV_PKT_FRAGMENT) || (p.l3 && !p.l4), "FRAGMENT");
	require(!(p.bits & PV_PKT_TUNNEL) || data[1] & 7, "TUNNEL not asked for");
	require(!(p.bits & PV_PKT_MESSAGE), "MESSAGE");
	require(p.vlan == PV_NO_VLAN || p.vlan < 4096, "vlan");
	require((payload != NULL) == (p.l4 != PV_L4_OTHER), "payload and l4");
	require(p.payload_len <= p.payload_wire_len, "more payload than there is");
	if (payload)
		require(payload >= frame && payload <= frame + cap &&
				p.payload_len <= (size_t)(frame + cap - payload),
			"payload out of the frame");
	else
		require(p.payload_len == 0 && p.payload_wire_len == 0, "payload length without payload");
	require(p.dir == (p.l3 ? pv_hosts_dir(hosts, p.src, p.dst, p.l3) : PV_DIR_UNKNOWN), "direction");
	require(pv_decode_supported(d.linktype) == (p.reason != PV_DEC_LINKTYPE), "supported");
	pv_hosts_free(hosts);
	return 0;
}
