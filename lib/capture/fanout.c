/* SPDX-License-Identifier: MPL-2.0 */
#include "capture/fanout.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

struct pv_fanout {
	pthread_mutex_t lock;
	unsigned refs, members;
	uint16_t id; /* of the group, while it has members */
	uint32_t mix[2];
};

/* ---- the program -------------------------------------------------------------------------------- */

enum { ADDRESSES, PORTS, PROTOCOL, SCRATCH }; /* memory of the program */

struct program {
	struct bpf_insn *insn;
	unsigned n;
	const uint32_t *mix;
};

static unsigned put(struct program *p, unsigned code, uint32_t k)
{
	assert(p->n < PV_FANOUT_PROGRAM);
	p->insn[p->n] = (struct bpf_insn){(u_short)code, 0, 0, k};
	return p->n++;
}

/* What is put between this and land() is for those whose A is k, */
static unsigned only(struct program *p, uint32_t k)
{
	return put(p, BPF_JMP | BPF_JEQ | BPF_K, k);
}

/* ... or whose A has none of these bits. */
static unsigned without(struct program *p, uint32_t bits)
{
	return put(p, BPF_JMP | BPF_JSET | BPF_K, bits);
}

static void land(struct program *p, unsigned jump)
{
	struct bpf_insn *i = &p->insn[jump];
	unsigned over = p->n - jump - 1;
	assert(over <= UINT8_MAX);
	if (BPF_OP(i->code) == BPF_JSET)
		i->jt = (u_char)over;
	else
		i->jf = (u_char)over;
}

/* A is a port: if it is one of DHCP, the first capture has it. */
static void dhcp_first(struct program *p)
{
	static const uint16_t port[] = {67, 68, 546, 547};
	for (size_t i = 0; i < sizeof port / sizeof port[0]; i++) {
		unsigned other = only(p, port[i]);
		put(p, BPF_RET | BPF_K, 0);
		land(p, other);
	}
}

/* PORTS of a packet whose transport header begins X behind the network header. */
static void ports(struct program *p, uint32_t net)
{
	put(p, BPF_LD | BPF_MEM, PROTOCOL);
	unsigned udp = only(p, IPPROTO_UDP);
	put(p, BPF_LD | BPF_H | BPF_IND, net);
	dhcp_first(p);
	put(p, BPF_LD | BPF_H | BPF_IND, net + 2);
	dhcp_first(p);
	land(p, udp);
	put(p, BPF_LD | BPF_MEM, PROTOCOL);
	p->insn[only(p, IPPROTO_UDP)].jt = 2;
	p->insn[only(p, IPPROTO_TCP)].jt = 1;
	unsigned sctp = only(p, IPPROTO_SCTP);
	put(p, BPF_LD | BPF_H | BPF_IND, net);
	put(p, BPF_ST, SCRATCH);
	put(p, BPF_LD | BPF_H | BPF_IND, net + 2);
	put(p, BPF_LDX | BPF_MEM, SCRATCH);
	put(p, BPF_ALU | BPF_XOR | BPF_X, 0);
	put(p, BPF_ALU | BPF_MUL | BPF_K, p->mix[1]); /* or they may undo what addresses differ in */
	put(p, BPF_ST, PORTS);
	land(p, sctp);
}

/* The end: addresses and ports, so that every bit has a say in the low ones. */
static void answer(struct program *p)
{
	put(p, BPF_LD | BPF_MEM, PORTS);
	put(p, BPF_LDX | BPF_MEM, ADDRESSES);
	put(p, BPF_ALU | BPF_XOR | BPF_X, 0);
	for (unsigned i = 0; i < 2; i++) {
		put(p, BPF_ST, SCRATCH);
		put(p, BPF_ALU | BPF_RSH | BPF_K, 15);
		put(p, BPF_LDX | BPF_MEM, SCRATCH);
		put(p, BPF_ALU | BPF_XOR | BPF_X, 0);
		put(p, BPF_ALU | BPF_MUL | BPF_K, p->mix[i]);
	}
	put(p, BPF_ALU | BPF_RSH | BPF_K, 8); /* the lowest bits of a product are made of few */
	put(p, BPF_RET | BPF_A, 0);
}

/* ADDRESSES: all words from `at` on, xor. */
static void addresses(struct program *p, uint32_t at, unsigned words)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, at);
	for (unsigned i = 1; i < words; i++) {
		put(p, BPF_MISC | BPF_TAX, 0);
		put(p, BPF_LD | BPF_W | BPF_ABS, at + 4 * i);
		put(p, BPF_ALU | BPF_XOR | BPF_X, 0);
	}
	put(p, BPF_ST, ADDRESSES);
	put(p, BPF_LD | BPF_IMM, 0);
	put(p, BPF_ST, PORTS);
}

static void ipv4(struct program *p, uint32_t net)
{
	addresses(p, net + 12, 2);
	put(p, BPF_LD | BPF_B | BPF_ABS, net + 9);
	put(p, BPF_ST, PROTOCOL);
	put(p, BPF_LD | BPF_H | BPF_ABS, net + 6);
	unsigned begins = without(p, 0x1fff); /* is no later fragment */
	put(p, BPF_LDX | BPF_B | BPF_MSH, net);
	ports(p, net);
	land(p, begins);
	answer(p);
}

static void ipv6(struct program *p, uint32_t net)
{
	addresses(p, net + 8, 8);
	put(p, BPF_LDX | BPF_IMM, 40);
	put(p, BPF_LD | BPF_B | BPF_ABS, net + 6);
	put(p, BPF_ST, PROTOCOL);
	unsigned fragment = only(p, IPPROTO_FRAGMENT);
	put(p, BPF_LDX | BPF_IMM, 48);
	put(p, BPF_LD | BPF_B | BPF_ABS, net + 40);
	put(p, BPF_ST, PROTOCOL);
	put(p, BPF_LD | BPF_H | BPF_ABS, net + 42);
	unsigned begins = without(p, 0xfff8);
	land(p, fragment);
	ports(p, net);
	land(p, begins);
	answer(p);
}

/* By the Ethernet type in A. */
static void network(struct program *p, uint32_t net)
{
	unsigned four = only(p, 0x0800);
	ipv4(p, net);
	land(p, four);
	unsigned six = only(p, 0x86dd);
	ipv6(p, net);
	land(p, six);
}

/* One tag the kernel has taken off before we see the packet. Another is still there: in what is received it
 * is the network header; in what is sent it is in front of that, and it may be the only one. */
unsigned pv_fanout_program(struct bpf_insn prog[PV_FANOUT_PROGRAM], uint32_t net, uint32_t proto,
			   const uint32_t mix[2])
{
	struct program p = {prog, 0, mix};
	put(&p, BPF_LD | BPF_H | BPF_ABS, proto);
	network(&p, net);
	p.insn[only(&p, 0x8100)].jt = 2;
	p.insn[only(&p, 0x88a8)].jt = 1;
	put(&p, BPF_RET | BPF_K, 0);
	put(&p, BPF_LD | BPF_H | BPF_ABS, net + 2);
	unsigned four = only(&p, 0x0800);
	put(&p, BPF_LD | BPF_B | BPF_ABS, net + 4);
	put(&p, BPF_ALU | BPF_AND | BPF_K, 0xf0);
	unsigned tagged4 = only(&p, 0x40);
	ipv4(&p, net + 4);
	land(&p, tagged4);
	land(&p, four);
	put(&p, BPF_LD | BPF_H | BPF_ABS, net + 2);
	unsigned six = only(&p, 0x86dd);
	put(&p, BPF_LD | BPF_B | BPF_ABS, net + 4);
	put(&p, BPF_ALU | BPF_AND | BPF_K, 0xf0);
	unsigned tagged6 = only(&p, 0x60);
	ipv6(&p, net + 4);
	land(&p, tagged6);
	land(&p, six);
	put(&p, BPF_LD | BPF_H | BPF_ABS, net + 2);
	unsigned more = only(&p, 0x8100); /* tags */
	put(&p, BPF_RET | BPF_K, 0);
	land(&p, more);
	put(&p, BPF_LD | BPF_B | BPF_ABS, net);
	put(&p, BPF_ALU | BPF_AND | BPF_K, 0xf0);
	unsigned sent4 = only(&p, 0x40);
	ipv4(&p, net);
	land(&p, sent4);
	unsigned sent6 = only(&p, 0x60);
	ipv6(&p, net);
	land(&p, sent6);
	put(&p, BPF_RET | BPF_K, 0);
	return p.n;
}

/* ---- the group ---------------------------------------------------------------------------------- */

struct pv_fanout *pv_fanout_new(void)
{
	struct pv_fanout *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	if (pthread_mutex_init(&f->lock, NULL)) {
		free(f);
		return NULL;
	}
	f->refs = 1;
	if (getrandom(f->mix, sizeof f->mix, GRND_NONBLOCK) != sizeof f->mix) {
		struct timespec t;
		clock_gettime(CLOCK_REALTIME, &t);
		f->mix[0] = (uint32_t)t.tv_nsec * 0x9e3779b1u;
		f->mix[1] = (uint32_t)t.tv_sec * 0x85ebca6bu;
	}
	f->mix[0] |= 1;
	f->mix[1] |= 1;
	return f;
}

struct pv_fanout *pv_fanout_ref(struct pv_fanout *f)
{
	pthread_mutex_lock(&f->lock);
	f->refs++;
	pthread_mutex_unlock(&f->lock);
	return f;
}

void pv_fanout_unref(struct pv_fanout *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	bool last = !--f->refs;
	pthread_mutex_unlock(&f->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* A group with a number that nobody else has. Until the program is there, all goes to its first member. */
static int found(struct pv_fanout *f, int fd)
{
	struct bpf_insn prog[PV_FANOUT_PROGRAM];
	const struct sock_fprog program = {
	    (unsigned short)pv_fanout_program(prog, (uint32_t)SKF_NET_OFF,
					      (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL), f->mix),
	    (struct sock_filter *)(void *)prog};
	unsigned arg = (PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
	socklen_t n = sizeof arg;
	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &arg, sizeof arg) ||
	    getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &arg, &n) ||
	    setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof program))
		return -1;
	f->id = (uint16_t)arg;
	return 0;
}

int pv_fanout_join(struct pv_fanout *f, pcap_t *p)
{
	int fd = pcap_fileno(p), rc;
	pthread_mutex_lock(&f->lock);
	const unsigned arg = PACKET_FANOUT_CBPF << 16 | f->id;
	rc = f->members ? setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &arg, sizeof arg) : found(f, fd);
	f->members += !rc;
	pthread_mutex_unlock(&f->lock);
	return rc;
}

/* Under the lock: whoever joins next either finds the group with its other members or founds a new one. */
void pv_fanout_leave(struct pv_fanout *f, pcap_t *p)
{
	pthread_mutex_lock(&f->lock);
	pcap_close(p);
	f->members--;
	pthread_mutex_unlock(&f->lock);
}

_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter),
	       "libpcap's instructions are the kernel's");
