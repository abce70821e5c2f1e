/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Elements that are wanted. Of those for one value the lowest rank is taken. */
struct row {
	uint16_t element;
	uint8_t value, rank;
};

enum { TOTAL = 2, NEVER = 255 }; /* ranks: of counts, and of what is not there */
#define COUNTS                                                                                               \
	(PV_FV_HAS(PV_FV_BYTES) | PV_FV_HAS(PV_FV_PACKETS) | PV_FV_HAS(PV_FV_REVERSE_BYTES) |                  \
	 PV_FV_HAS(PV_FV_REVERSE_PACKETS))

static const struct row rows[] = {
    {1, PV_FV_BYTES, 0},	 /* octetDeltaCount */
    {23, PV_FV_BYTES, 1},	 /* postOctetDeltaCount */
    {85, PV_FV_BYTES, TOTAL},	 /* octetTotalCount */
    {231, PV_FV_BYTES, 3},	 /* initiatorOctets */
    {352, PV_FV_BYTES, 4},	 /* layer2OctetDeltaCount */
    {2, PV_FV_PACKETS, 0},	 /* packetDeltaCount */
    {24, PV_FV_PACKETS, 1},	 /* postPacketDeltaCount */
    {86, PV_FV_PACKETS, TOTAL},	 /* packetTotalCount */
    {298, PV_FV_PACKETS, 3},	 /* initiatorPackets */
    {4, PV_FV_PROTO, 0},	 /* protocolIdentifier */
    {5, PV_FV_TOS, 0},		 /* ipClassOfService */
    {6, PV_FV_TCP_FLAGS, 0},	 /* tcpControlBits */
    {7, PV_FV_SPORT, 0},	 /* sourceTransportPort */
    {180, PV_FV_SPORT, 1},	 /* udpSourcePort */
    {182, PV_FV_SPORT, 2},	 /* tcpSourcePort */
    {11, PV_FV_DPORT, 0},	 /* destinationTransportPort */
    {181, PV_FV_DPORT, 1},	 /* udpDestinationPort */
    {183, PV_FV_DPORT, 2},	 /* tcpDestinationPort */
    {8, PV_FV_SRC4, 0},		 /* sourceIPv4Address */
    {12, PV_FV_DST4, 0},	 /* destinationIPv4Address */
    {27, PV_FV_SRC6, 0},	 /* sourceIPv6Address */
    {28, PV_FV_DST6, 0},	 /* destinationIPv6Address */
    {10, PV_FV_IN_IF, 0},	 /* ingressInterface */
    {252, PV_FV_IN_IF, 1},	 /* ingressPhysicalInterface */
    {14, PV_FV_OUT_IF, 0},	 /* egressInterface */
    {253, PV_FV_OUT_IF, 1},	 /* egressPhysicalInterface */
    {60, PV_FV_IP_VERSION, 0},	 /* ipVersion */
    {34, PV_FV_RATE, 0},	 /* samplingInterval */
    {50, PV_FV_RATE, 1},	 /* samplerRandomInterval */
    {302, PV_FV_SELECTOR, 0},	 /* selectorId */
    {48, PV_FV_SELECTOR, 1},	 /* samplerId */
    {305, PV_FV_INTERVAL, 0},	 /* samplingPacketInterval */
    {306, PV_FV_SPACE, 0},	 /* samplingPacketSpace */
    {309, PV_FV_SIZE, 0},	 /* samplingSize */
    {310, PV_FV_POPULATION, 0},	 /* samplingPopulation */
    {311, PV_FV_PROBABILITY, 0}, /* samplingProbability */
    {152, PV_FV_BEGIN, 0},	     /* flowStartMilliseconds */
    {154, PV_FV_BEGIN, 1},	     /* flowStartMicroseconds */
    {156, PV_FV_BEGIN, 2},	     /* flowStartNanoseconds */
    {150, PV_FV_BEGIN, 3},	     /* flowStartSeconds */
    {22, PV_FV_BEGIN, 4},	     /* flowStartSysUpTime */
    {148, PV_FV_FLOW_ID, 0},	     /* flowId */
    {232, PV_FV_REVERSE_BYTES, 3},   /* responderOctets */
    {299, PV_FV_REVERSE_PACKETS, 3}, /* responderPackets */
};

/* The same elements under the number that RFC 5103 has for the other direction. */
static const struct row reverse_rows[] = {
    {1, PV_FV_REVERSE_BYTES, 0},  {23, PV_FV_REVERSE_BYTES, 1},	  {85, PV_FV_REVERSE_BYTES, TOTAL},
    {2, PV_FV_REVERSE_PACKETS, 0}, {24, PV_FV_REVERSE_PACKETS, 1}, {86, PV_FV_REVERSE_PACKETS, TOTAL},
    {5, PV_FV_REVERSE_TOS, 0},
};

static const struct row *find(const struct row *row, size_t n, uint16_t element)
{
	for (size_t i = 0; i < n; i++)
		if (row[i].element == element)
			return &row[i];
	return NULL;
}

static const struct row *row_of(const struct pv_flow_field *f)
{
	if (f->owner == PV_FLOW_IANA)
		return find(rows, sizeof rows / sizeof rows[0], f->element);
	if (f->owner == PV_FLOW_REVERSE)
		return find(reverse_rows, sizeof reverse_rows / sizeof reverse_rows[0], f->element);
	return NULL;
}

/* Can this value be read from a field of this length? */
static bool fits(uint8_t value, uint16_t len)
{
	if (value == PV_FV_SRC4 || value == PV_FV_DST4)
		return len == 4;
	if (value == PV_FV_SRC6 || value == PV_FV_DST6)
		return len == 16;
	if (value == PV_FV_PROBABILITY)
		return len == 8;
	return len >= 1 && len <= 8;
}

/* Neighbours that are skipped become one step. */
static void add_step(struct pv_flow_template *t, struct pv_flow_step step[PV_FLOW_FIELDS], struct pv_flow_step s)
{
	struct pv_flow_step *last = t->nsteps ? &step[t->nsteps - 1] : NULL;
	if (last && !s.value && !last->value && s.len != PV_FLOW_VARIABLE && last->len != PV_FLOW_VARIABLE &&
	    s.len + last->len < (int)PV_FLOW_VARIABLE)
		last->len = (uint16_t)(last->len + s.len);
	else
		step[t->nsteps++] = s;
}

struct pv_flow_template *pv_flow_template_new(uint16_t id, bool options, const struct pv_flow_field *field,
					      size_t n)
{
	struct pv_flow_template head = {.id = id, .options = options}, *t;
	struct pv_flow_step step[PV_FLOW_FIELDS];
	uint8_t best[PV_FV_VALUES];
	memset(best, NEVER, sizeof best);
	for (size_t i = 0; i < n; i++) {
		const struct row *r = row_of(&field[i]);
		if (r && fits(r->value, field[i].len) && r->rank < best[r->value])
			best[r->value] = r->rank;
		head.least += field[i].len == PV_FLOW_VARIABLE ? 1 : field[i].len;
	}
	for (unsigned v = 0; v < PV_FV_VALUES; v++)
		head.totals |= COUNTS & PV_FV_HAS(v) && best[v] == TOTAL ? PV_FV_HAS(v) : 0;
	if (!head.totals)
		best[PV_FV_BEGIN] = best[PV_FV_FLOW_ID] = NEVER;
	for (size_t i = 0; i < n; i++) {
		const struct row *r = row_of(&field[i]);
		struct pv_flow_step s = {.len = field[i].len};
		if (r && fits(r->value, field[i].len) && r->rank == best[r->value]) {
			s.value = r->value;
			best[r->value] = NEVER; /* the first of its kind */
			head.has |= PV_FV_HAS(r->value);
		}
		add_step(&head, step, s);
	}
	if (!head.least) {
		errno = EINVAL;
		return NULL;
	}
	t = malloc(pv_flow_template_bytes(&head));
	if (!t)
		return NULL;
	memcpy(t, &head, sizeof head);
	memcpy(t->step, step, head.nsteps * sizeof step[0]);
	return t;
}

size_t pv_flow_template_bytes(const struct pv_flow_template *t)
{
	return sizeof *t + t->nsteps * sizeof t->step[0];
}

bool pv_flow_template_same(const struct pv_flow_template *a, const struct pv_flow_template *b)
{
	return a->id == b->id && a->options == b->options && a->totals == b->totals && a->nsteps == b->nsteps &&
	       !memcmp(a->step, b->step, a->nsteps * sizeof a->step[0]);
}

static uint64_t number(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* One byte, or 255 and two more (RFC 7011, 7). */
static uint32_t variable_length(struct pv_cur *c)
{
	uint8_t n = pv_u8(c);
	return n < 255 ? n : pv_be16(c);
}

bool pv_flow_template_read(const struct pv_flow_template *t, struct pv_cur *c, struct pv_flow_values *v)
{
	v->has = t->has;
	v->totals = t->totals;
	for (uint32_t i = 0; i < t->nsteps; i++) {
		const struct pv_flow_step *s = &t->step[i];
		const uint8_t *p = pv_take(c, s->len == PV_FLOW_VARIABLE ? variable_length(c) : s->len);
		if (!p)
			return false;
		if (s->value >= PV_FV_SRC4)
			v->address[s->value - PV_FV_SRC4] = p;
		else if (s->value)
			v->number[s->value] = number(p, s->len);
	}
	return true;
}

static double probability(uint64_t bits)
{
	double p;
	memcpy(&p, &bits, sizeof p);
	return p;
}

bool pv_flow_values_sampling(const struct pv_flow_values *v)
{
	return v->has & (PV_FV_HAS(PV_FV_RATE) | PV_FV_HAS(PV_FV_INTERVAL) | PV_FV_HAS(PV_FV_SIZE) |
			 PV_FV_HAS(PV_FV_PROBABILITY));
}

uint32_t pv_flow_values_rate(const struct pv_flow_values *v)
{
	const uint64_t *n = v->number;
	double rate = 0;
	if (v->has & PV_FV_HAS(PV_FV_RATE))
		rate = (double)n[PV_FV_RATE];
	else if ((v->has & PV_FV_HAS(PV_FV_INTERVAL)) && (v->has & PV_FV_HAS(PV_FV_SPACE)))
		rate = n[PV_FV_INTERVAL] ? 1 + (double)n[PV_FV_SPACE] / (double)n[PV_FV_INTERVAL] : 0;
	else if (v->has & PV_FV_HAS(PV_FV_INTERVAL))
		rate = (double)n[PV_FV_INTERVAL]; /* exporters that say it alone mean one of so many */
	else if ((v->has & PV_FV_HAS(PV_FV_SIZE)) && (v->has & PV_FV_HAS(PV_FV_POPULATION)))
		rate = n[PV_FV_SIZE] ? (double)n[PV_FV_POPULATION] / (double)n[PV_FV_SIZE] : 0;
	else if ((v->has & PV_FV_HAS(PV_FV_PROBABILITY)) && probability(n[PV_FV_PROBABILITY]) > 0)
		rate = 1 / probability(n[PV_FV_PROBABILITY]);
	return rate >= 1 && rate < (double)UINT32_MAX ? (uint32_t)(rate + 0.5) : 0;
}
