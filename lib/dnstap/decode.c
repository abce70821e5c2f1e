/* SPDX-License-Identifier: MPL-2.0 */
#include "dnstap/decode.h"

#include <stdlib.h>
#include <string.h>

#include "dnstap/dnstap.pb-c.h"

#define NS UINT64_C(1000000000)
#define FRAME_IS_MESSAGE 1
#define FAMILY_INET 1
#define FAMILY_INET6 2

struct pv_dnstap_decoder {
	ProtobufCAllocator allocator;
	size_t used;
	_Alignas(max_align_t) uint8_t arena[PV_DNSTAP_ARENA];
};

static void *take(void *self, size_t n)
{
	struct pv_dnstap_decoder *d = self;
	n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (n > sizeof d->arena - d->used)
		return NULL;
	void *p = d->arena + d->used;
	d->used += n;
	return p;
}

static void give_back(void *self, void *p)
{
	(void)self; /* all of it is, before the next message */
	(void)p;
}

struct pv_dnstap_decoder *pv_dnstap_decoder_new(void)
{
	struct pv_dnstap_decoder *d = malloc(sizeof *d); /* the arena is touched as far as it is used */
	if (!d)
		return NULL;
	d->allocator = (ProtobufCAllocator){take, give_back, d};
	d->used = 0;
	return d;
}

void pv_dnstap_decoder_free(struct pv_dnstap_decoder *d)
{
	free(d);
}

/* ---- fields --------------------------------------------------------------------------------------- */

static uint8_t family(const PvDnstap__Message *m)
{
	const size_t n = m->has_query_address ? m->query_address.len : m->has_response_address ? m->response_address.len : 0;
	if (m->has_socket_family)
		return m->socket_family == FAMILY_INET ? 4 : m->socket_family == FAMILY_INET6 ? 6 : 0;
	return n == 4 ? 4 : n == 16 ? 6 : 0;
}

static void address(uint8_t to[16], uint8_t l3, bool has, const ProtobufCBinaryData *b)
{
	if (!has || !l3 || b->len != (l3 == 4 ? 4u : 16u))
		return;
	if (l3 == 4)
		to[10] = to[11] = 0xff;
	memcpy(to + 16 - b->len, b->data, b->len);
}

static uint16_t port(bool has, uint32_t value)
{
	return has && value <= UINT16_MAX ? (uint16_t)value : 0;
}

static uint64_t when(bool has, uint64_t sec, uint32_t nsec)
{
	return has && sec < UINT64_MAX / NS - 1 && nsec < NS ? sec * NS + nsec : 0;
}

static bool is_query(unsigned type)
{
	return type % 2;
}

/* Those who are asked (authoritative, for clients, updates) see queries come in; those who ask see them go out. */
static enum pv_dir direction(unsigned type)
{
	bool asked = type <= PV_DNSTAP_AUTH_RESPONSE || type == PV_DNSTAP_CLIENT_QUERY || type == PV_DNSTAP_CLIENT_RESPONSE ||
		     type >= PV_DNSTAP_UPDATE_QUERY;
	return asked == is_query(type) ? PV_DIR_IN : PV_DIR_OUT;
}

static void dns_message(struct pv_dnstap_facts *f, const PvDnstap__Message *m)
{
	bool query = is_query(f->ev.message);
	bool has = query ? m->has_query_message : m->has_response_message;
	bool other = query ? m->has_response_message : m->has_query_message;
	if (!has && !other)
		return;
	const ProtobufCBinaryData *b = query == has ? &m->query_message : &m->response_message;
	if (!has)
		f->ev.bits |= PV_DNSTAP_OTHER_HALF;
	f->payload = b->data;
	f->ev.payload_len = (uint32_t)b->len;
	if (b->len > PV_DNSTAP_MESSAGE_MAX) {
		f->ev.payload_len = PV_DNSTAP_MESSAGE_MAX;
		f->ev.bits |= PV_DNSTAP_TRUNCATED;
	}
}

static void message(struct pv_dnstap_facts *f, const PvDnstap__Message *m)
{
	struct pv_dnstap *e = &f->ev;
	e->message = (uint8_t)m->type;
	e->dir = (uint8_t)direction(e->message);
	e->l3 = family(m);
	e->transport = m->has_socket_protocol && m->socket_protocol > 0 && m->socket_protocol <= PV_TR_DOQ
			       ? (uint8_t)m->socket_protocol
			       : PV_TR_OTHER;
	address(e->query_addr, e->l3, m->has_query_address, &m->query_address);
	address(e->response_addr, e->l3, m->has_response_address, &m->response_address);
	e->query_port = port(m->has_query_port, m->query_port);
	e->response_port = port(m->has_response_port, m->response_port);
	e->query_time_ns = when(m->has_query_time_sec, m->query_time_sec, m->query_time_nsec);
	e->response_time_ns = when(m->has_response_time_sec, m->response_time_sec, m->response_time_nsec);
	uint64_t own = is_query(e->message) ? e->query_time_ns : e->response_time_ns;
	f->time_ns = own ? own : e->query_time_ns ? e->query_time_ns : e->response_time_ns;
	dns_message(f, m);
}

enum pv_dnstap_reason pv_dnstap_decode(struct pv_dnstap_decoder *d, const uint8_t *bytes, size_t n, struct pv_dnstap_facts *f)
{
	memset(f, 0, sizeof *f);
	d->used = 0;
	const PvDnstap__Frame *frame = pv_dnstap__frame__unpack(&d->allocator, n, bytes);
	if (!frame)
		return PV_DNSTAP_NO_PROTOBUF;
	if (frame->type != FRAME_IS_MESSAGE)
		return PV_DNSTAP_OTHER_TYPE;
	if (!frame->message)
		return PV_DNSTAP_NO_MESSAGE;
	if (frame->message->type < 1 || frame->message->type >= PV_DNSTAP_TYPES)
		return PV_DNSTAP_UNKNOWN_TYPE;
	message(f, frame->message);
	f->ev.frame_len = (uint32_t)n;
	if (frame->has_identity) {
		f->identity = frame->identity.data;
		f->identity_len =
			frame->identity.len < PV_DNSTAP_IDENTITY_MAX ? frame->identity.len : PV_DNSTAP_IDENTITY_MAX;
	}
	return PV_DNSTAP_FINE;
}
