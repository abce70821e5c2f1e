/* SPDX-License-Identifier: MPL-2.0 */
#define XXH_INLINE_ALL /* keys are ten bytes: a call would cost more than the hash */
#include "dhcp/analyser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/utf8.h"
#include "dhcp/message.h"
#include "stage/stop.h"

#define HEADS (2 * PV_DHCP_XACTS) /* a power of two, half full at most */
#define NONE UINT32_MAX

struct xact {
	uint64_t time_ns;
	uint32_t xid;
	uint32_t chain;        /* next of the same hash head, or of the free list */
	uint32_t older, newer; /* by time_ns */
	uint8_t mac[6];
	uint8_t name_len;
	char name[PV_DHCP_TEXT_MAX + 1];
};

struct dhcp {
	struct pv_dhcp_conf conf;
	uint8_t stage;
	struct xact *xacts;
	uint32_t *heads;
	uint32_t unused, fresh; /* free list; entries from `fresh` on were never used */
	uint32_t oldest, newest, open;
	uint64_t received, evicted;
	uint64_t reasons[PV_DHCP_REASONS];
};

const struct pv_key pv_dhcp_keys[] = {
	{"recorded_stream", PV_KEY_BOOL, NULL, "accepted, not needed: the stream says so itself"},
	{"xact_ttl_secs", PV_KEY_UINT, "SECONDS", "wait this long for the ACK to a request (default: 5)"},
	{"xact_ttl_ms", PV_KEY_UINT, "MS", "the same in milliseconds; this one wins"},
};
const size_t pv_dhcp_nkeys = sizeof pv_dhcp_keys / sizeof pv_dhcp_keys[0];

int pv_dhcp_set(void *to, const struct pv_key *key, const struct pv_value *value, char *err, size_t cap)
{
	struct pv_dhcp_conf *conf = to;
	return key == pv_dhcp_keys ? 0 : pv_ttl_set(&conf->ttl, key, value, err, cap); /* the first is recorded_stream */
}

/* ---- transactions ------------------------------------------------------------------------------- */

static void forget_all(struct dhcp *d)
{
	memset(d->heads, 0xff, HEADS * sizeof *d->heads);
	d->unused = d->oldest = d->newest = NONE;
	d->fresh = d->open = 0;
}

static uint32_t *head(struct dhcp *d, const struct pv_dhcp_message *m)
{
	uint8_t key[10];
	memcpy(key, &m->xid, 4);
	memcpy(key + 4, m->mac, 6);
	return &d->heads[XXH3_64bits_withSeed(key, sizeof key, d->conf.seed) % HEADS];
}

static uint32_t *find(struct dhcp *d, const struct pv_dhcp_message *m)
{
	uint32_t *at = head(d, m);
	while (*at != NONE && (d->xacts[*at].xid != m->xid || memcmp(d->xacts[*at].mac, m->mac, 6)))
		at = &d->xacts[*at].chain;
	return at;
}

/* `at` is where the chain points to the transaction. */
static void forget(struct dhcp *d, uint32_t *at)
{
	uint32_t i = *at;
	struct xact *x = &d->xacts[i];
	*at = x->chain;
	*(x->older == NONE ? &d->oldest : &d->xacts[x->older].newer) = x->newer;
	*(x->newer == NONE ? &d->newest : &d->xacts[x->newer].older) = x->older;
	x->chain = d->unused;
	d->unused = i;
	d->open--;
}

static void forget_oldest(struct dhcp *d)
{
	const struct xact *x = &d->xacts[d->oldest];
	struct pv_dhcp_message key = {.xid = x->xid};
	memcpy(key.mac, x->mac, 6);
	forget(d, find(d, &key));
}

/* Stream time may step back a little between packets, and far when a recording does. */
static bool expired(const struct dhcp *d, const struct xact *x, uint64_t now_ns)
{
	uint64_t age = now_ns > x->time_ns ? now_ns - x->time_ns : x->time_ns - now_ns;
	return age >= d->conf.ttl.ns;
}

static void expire(struct dhcp *d, uint64_t now_ns)
{
	while (d->oldest != NONE && expired(d, &d->xacts[d->oldest], now_ns))
		forget_oldest(d);
}

static void open_xact(struct dhcp *d, const struct pv_dhcp_message *m, const char *name, size_t name_len,
		      uint64_t now_ns)
{
	uint32_t *at = find(d, m);
	if (*at != NONE)
		forget(d, at);
	if (d->open == PV_DHCP_XACTS) {
		forget_oldest(d);
		d->evicted++;
	}
	uint32_t i = d->unused;
	if (i != NONE)
		d->unused = d->xacts[i].chain;
	else
		i = d->fresh++;

	struct xact *x = &d->xacts[i];
	x->time_ns = now_ns;
	x->xid = m->xid;
	memcpy(x->mac, m->mac, 6);
	memcpy(x->name, name, name_len);
	x->name_len = (uint8_t)name_len;
	at = head(d, m);
	x->chain = *at;
	*at = i;
	x->older = d->newest;
	x->newer = NONE;
	*(d->newest == NONE ? &d->oldest : &d->xacts[d->newest].newer) = i;
	d->newest = i;
	d->open++;
}

/* ---- the analyser ------------------------------------------------------------------------------- */

static struct pv_dhcp *emit(const struct dhcp *d, const struct pv_packet *p, const struct pv_dhcp_message *m,
			    const char *name, size_t name_len, struct pv_emit *to)
{
	struct pv_dhcp *ev = pv_emit(to, PV_EV_DHCP, sizeof *ev + name_len, p->ev.time_ns);
	size_t at = sizeof *ev;
	ev->packet = p->number;
	memcpy(ev->src, p->src, 16);
	memcpy(ev->dst, p->dst, 16);
	ev->family = m->family;
	ev->message = m->type;
	ev->dir = p->dir;
	ev->stage = d->stage;
	ev->stamp = p->stamp;
	ev->bits =
		(uint8_t)((p->bits & PV_PKT_ETH ? PV_DHCP_ETH : 0) | (m->server_id ? PV_DHCP_SERVER_ID : 0));
	ev->relay_hops = m->relay_hops;
	ev->xid = m->xid;
	memcpy(ev->server_id, m->server_addr, 4);
	memcpy(ev->yiaddr, m->yiaddr, 4);
	if (p->bits & PV_PKT_ETH)
		memcpy(ev->eth_src, p->eth_src, 6);
	memcpy(ev->client_mac, m->mac, 6);
	ev->client_name = pv_ev_put(ev, &at, name, name_len);
	return ev;
}

static enum pv_verdict dhcp_event(void *self, const struct pv_event *event, struct pv_emit *to)
{
	struct dhcp *d = self;
	const struct pv_packet *p = (const void *)event;
	int family = p->l4 == PV_L4_UDP ? pv_dhcp_family(p->sport, p->dport) : 0;
	if (!family)
		return PV_REJECT; /* holds none */

	struct pv_dhcp_message m;
	const uint8_t *payload = (const uint8_t *)p + p->payload_off;
	bool cut = p->payload_len < p->payload_wire_len;
	enum pv_dhcp_reason reason = family == 4 ? pv_dhcp4_decode(payload, p->payload_len, cut, &m)
						 : pv_dhcp6_decode(payload, p->payload_len, cut, &m);
	uint64_t now_ns = p->ev.time_ns;
	d->received++;
	d->reasons[reason]++;
	expire(d, now_ns);

	char text[PV_DHCP_TEXT_MAX + 1];
	size_t text_len = pv_utf8_clean(m.name, m.name_len, text, sizeof text);
	if (family == 4 && m.type == PV_DHCP4_REQUEST)
		open_xact(d, &m, text, text_len, now_ns);
	uint32_t *at = family == 4 && m.type == PV_DHCP4_ACK ? find(d, &m) : NULL;
	const struct xact *x = at && *at != NONE ? &d->xacts[*at] : NULL;
	bool matched = x && !expired(d, x, now_ns);

	struct pv_dhcp *ev =
		matched ? emit(d, p, &m, x->name, x->name_len, to) : emit(d, p, &m, text, text_len, to);
	ev->reason = (uint8_t)reason;
	if (matched) {
		ev->bits |= PV_DHCP_MATCHED;
		ev->request_time_ns = x->time_ns;
	}
	if (x)
		forget(d, at);
	return PV_KEEP;
}

static void dhcp_time(void *self, uint64_t now_ns, struct pv_emit *to)
{
	(void)to;
	expire(self, now_ns);
}

static void dhcp_start(void *self, const struct pv_stream *stream)
{
	struct dhcp *d = self;
	d->stage = stream->stage;
	d->received = d->evicted = 0;
	memset(d->reasons, 0, sizeof d->reasons);
	forget_all(d);
}

static size_t dhcp_ledger(const void *self, struct pv_ledger_row *rows, size_t max)
{
	const struct dhcp *d = self;
	const struct pv_ledger_row sums[] = {
		{0, PV_LEDGER_RECEIVED, 0, d->received},
		{0, PV_LEDGER_ANALYSED, 0, d->reasons[PV_DHCP_OK]},
		{0, PV_LEDGER_MALFORMED, 0, d->received - d->reasons[PV_DHCP_OK]},
		{0, PV_LEDGER_XACT_EVICTED, 0, d->evicted},
		{0, PV_LEDGER_XACT_OPEN, 0, d->open},
	};
	size_t n = 0;
	for (; n < sizeof sums / sizeof sums[0] && n < max; n++)
		rows[n] = sums[n];
	return pv_ledger_reasons(rows, n, max, d->reasons, PV_DHCP_REASONS);
}

static void dhcp_free(void *self)
{
	struct dhcp *d = self;
	if (!d)
		return;
	free(d->xacts);
	free(d->heads);
	free(d);
}

void pv_dhcp_ttl(void *self, uint64_t ttl_ns)
{
	struct dhcp *d = self;
	d->conf.ttl.ns = ttl_ns;
}

void *pv_dhcp_new(const struct pv_dhcp_conf *conf)
{
	struct dhcp *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->conf = *conf;
	if (!d->conf.ttl.ns)
		d->conf.ttl.ns = PV_DHCP_TTL_NS;
	d->xacts = calloc(PV_DHCP_XACTS, sizeof *d->xacts);
	d->heads = calloc(HEADS, sizeof *d->heads);
	if (!d->xacts || !d->heads) {
		dhcp_free(d);
		return NULL;
	}
	forget_all(d);
	return d;
}

const struct pv_analyser_ops pv_dhcp_ops = {
	.type = "dhcp",
	.wants = PV_WANTS(PV_EV_PACKET),
	.event = dhcp_event,
	.time = dhcp_time,
	.start = dhcp_start,
	.ledger = dhcp_ledger,
	.free = dhcp_free,
};
