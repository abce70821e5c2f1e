/* SPDX-License-Identifier: MPL-2.0 */
/* mock/frame.h - made-up frames: DNS over UDP between one host and a network.
 *
 *   host     192.168.0.1, 00:50:43:11:22:33
 *   network  10.0.0.0 to 10.0.0.254, aa:bb:cc:dd and two bytes of chance
 *
 * Either a query to the host, from a port of 1024 to 65535 to port 53; or a response of the host, from port 53 to such
 * a port, with an rcode of 0 to 5. Both have one question, <0..19>.pktvisor-mock.dev of type A, AAAA, PTR, MX or TXT,
 * and an id of chance: responses answer no query that went before. All choices are equally likely. The UDP
 * checksum is left out, as IPv4 permits; the IP header's is right.
 *
 * The same state of the generator gives the same frames on every machine. Threads: any, each with a state of its own. */
#ifndef PV_MOCK_FRAME_H
#define PV_MOCK_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define PV_MOCK_FRAME_MAX 96 /* the longest is 80: Ethernet, IPv4, UDP, a header and a question of DNS */
#define PV_MOCK_HOST "192.168.0.1/32"

/* Bytes of the frame. */
size_t pv_mock_frame(uint64_t *random, uint8_t frame[PV_MOCK_FRAME_MAX]);

#endif
