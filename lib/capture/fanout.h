/* SPDX-License-Identifier: MPL-2.0 */
/* capture/fanout.h - several captures of one interface, each of which gets the packets of its own flows
 * (packet(7), PACKET_FANOUT).
 *
 * Which packet goes where says a program of our own (PACKET_FANOUT_CBPF) that the kernel runs on each: the
 * addresses and the ports of TCP, UDP and SCTP, the same for both directions, times two numbers that nobody
 * outside knows. PACKET_FANOUT_HASH would take no program, but
 *   - it leaves the ports of a first fragment out, so that a fragmented response does not find its query, and
 *     PACKET_FANOUT_FLAG_DEFRAG, meant against that, changes how many packets there are and how large;
 *   - before Linux 5.15 it differs between the directions of IPv6 flows of which one has a flow label;
 *   - DHCP requests and their answers have different addresses: those (UDP ports 67, 68, 546, 547) all go to
 * the first capture here. Later fragments have no ports; where they go no analyser asks. What is not IP, in
 * two tags or more, or in a tunnel whose outer header is not IP, goes to the first: it is not spread, and not
 * lost either. Behind IPv6 extension headers other than a fragment's, ports are not looked for.
 *
 * The packets of one flow always go to one capture while the members of the group stay the same. When one
 * leaves (its interface went down or away and it is opened anew) the others share what it had; each packet is
 * still seen once.
 *
 * Ownership: counted, each capture has one reference. Threads: any; the lock is held to join and to leave,
 * never for a packet. Needs Linux 4.12. */
#ifndef PV_CAPTURE_FANOUT_H
#define PV_CAPTURE_FANOUT_H

#include <pcap/pcap.h>
#include <stddef.h>
#include <stdint.h>

struct pv_fanout;

struct pv_fanout *pv_fanout_new(void); /* NULL: ENOMEM */
struct pv_fanout *pv_fanout_ref(struct pv_fanout *);
void pv_fanout_unref(struct pv_fanout *); /* NULL is fine */

/* An open capture becomes a member. From then on it gets its share; what it got before, it got alone or
 * besides others. 0, or -1 with errno (EINVAL: its interface is not the others', or not up). */
int pv_fanout_join(struct pv_fanout *, pcap_t *);
/* Closes a member. */
void pv_fanout_leave(struct pv_fanout *, pcap_t *);

/* ---- for tests ---------------------------------------------------------------------------------------- */

#define PV_FANOUT_PROGRAM 512 /* instructions, at most */

/* The program: it returns 32 bits, of which the kernel takes the remainder by the number of members. net:
 * where the network header is, proto: where the Ethernet type is; mix: both odd. Returns its length. */
unsigned pv_fanout_program(struct bpf_insn prog[PV_FANOUT_PROGRAM], uint32_t net, uint32_t proto,
			   const uint32_t mix[2]);

#endif
