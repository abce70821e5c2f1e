/* SPDX-License-Identifier: MPL-2.0 */
#include "dhcp/metrics.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "dhcp/message.h"
#include "metric/bucket.h"

enum {
	RATE_TOTAL,
	RATE_EVENTS,
	EVENTS,
	DEEP_SAMPLES,
	DISCOVER,
	OFFER,
	REQUEST,
	ACK,
	SOLICIT,
	ADVERTISE,
	REQUEST_V6,
	REPLY,
	TOTAL,
	FILTERED,
	TOP_CLIENTS,
	TOP_SERVERS,
	DECLINE,
	NAK,
	RELEASE,
	INFORM,
	CONFIRM,
	RENEW,
	REBIND,
	RELEASE_V6,
	DECLINE_V6,
	RECONFIGURE,
	INFORMATION_REQUEST,
	METRICS
};

#define COUNTER(number, at, text)                                                                            \
	{                                                                                                    \
		.id = (number), .kind = PV_COUNTER, .group = PV_ALWAYS, .group2 = PV_ALWAYS, .path = (at),   \
		.unit = "packets", .help = (text)                                                            \
	}
#define RATE(number, at, text)                                                                               \
	{                                                                                                    \
		.id = (number), .kind = PV_RATE, .group = PV_ALWAYS, .group2 = PV_ALWAYS, .path = (at),      \
		.unit = "packets/s", .help = (text)                                                          \
	}
#define TOP(number, at, name, text)                                                                          \
	{                                                                                                    \
		.id = (number), .kind = PV_TOPN, .group = PV_ALWAYS, .group2 = PV_ALWAYS, .path = (at),      \
		.label = (name), .item = pv_item_text, .unit = "packets", .help = (text)                     \
	}

static const struct pv_metric metrics[METRICS] = {
	[RATE_TOTAL] = RATE(1, "rates.total", "rate of all DHCPv4 wire packets per second"),
	[RATE_EVENTS] = RATE(2, "rates.events", "rate of all DHCP events, DHCPv4 and DHCPv6, per second"),
	[EVENTS] = COUNTER(3, "wire_packets.events", "DHCP events, DHCPv4 and DHCPv6"),
	[DEEP_SAMPLES] = COUNTER(4, "wire_packets.deep_samples", "DHCP events that were sampled deeply"),
	[DISCOVER] = COUNTER(5, "wire_packets.discover", "DHCPv4 DISCOVER packets"),
	[OFFER] = COUNTER(6, "wire_packets.offer", "DHCPv4 OFFER packets"),
	[REQUEST] = COUNTER(7, "wire_packets.request", "DHCPv4 REQUEST packets"),
	[ACK] = COUNTER(8, "wire_packets.ack", "DHCPv4 ACK packets"),
	[SOLICIT] = COUNTER(9, "wire_packets.solicit", "DHCPv6 SOLICIT packets"),
	[ADVERTISE] = COUNTER(10, "wire_packets.advertise", "DHCPv6 ADVERTISE packets"),
	[REQUEST_V6] = COUNTER(11, "wire_packets.request_v6", "DHCPv6 REQUEST packets"),
	[REPLY] = COUNTER(12, "wire_packets.reply", "DHCPv6 REPLY packets"),
	[TOTAL] = COUNTER(13, "wire_packets.total", "all DHCPv4 packets, of whatever type"),
	[FILTERED] = COUNTER(14, "wire_packets.filtered", "DHCP packets seen that did not match the filters"),
	[TOP_CLIENTS] = TOP(15, "top_clients", "client",
			    "clients that were given an address: hardware address, host name, IPv4 address"),
	[TOP_SERVERS] =
		TOP(16, "top_servers", "server", "servers that made offers: hardware address, IP address"),
	[DECLINE] = COUNTER(17, "wire_packets.decline", "DHCPv4 DECLINE packets"),
	[NAK] = COUNTER(18, "wire_packets.nak", "DHCPv4 NAK packets"),
	[RELEASE] = COUNTER(19, "wire_packets.release", "DHCPv4 RELEASE packets"),
	[INFORM] = COUNTER(20, "wire_packets.inform", "DHCPv4 INFORM packets"),
	[CONFIRM] = COUNTER(21, "wire_packets.confirm", "DHCPv6 CONFIRM packets"),
	[RENEW] = COUNTER(22, "wire_packets.renew", "DHCPv6 RENEW packets"),
	[REBIND] = COUNTER(23, "wire_packets.rebind", "DHCPv6 REBIND packets"),
	[RELEASE_V6] = COUNTER(24, "wire_packets.release_v6", "DHCPv6 RELEASE packets"),
	[DECLINE_V6] = COUNTER(25, "wire_packets.decline_v6", "DHCPv6 DECLINE packets"),
	[RECONFIGURE] = COUNTER(26, "wire_packets.reconfigure", "DHCPv6 RECONFIGURE packets"),
	[INFORMATION_REQUEST] =
		COUNTER(27, "wire_packets.information_request", "DHCPv6 INFORMATION-REQUEST packets"),
};

static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};

static void mac_text(char *out, size_t cap, const uint8_t mac[6])
{
	snprintf(out, cap, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void count_client(struct pv_block *k, const struct pv_dhcp *d)
{
	static const uint8_t none[4];
	if (!(d->bits & PV_DHCP_MATCHED) || !memcmp(d->yiaddr, none, 4))
		return;
	char item[18 + 1 + 255 + 1 + INET_ADDRSTRLEN + 1], mac[18], addr[INET_ADDRSTRLEN];
	mac_text(mac, sizeof mac, d->client_mac);
	inet_ntop(AF_INET, d->yiaddr, addr, sizeof addr);
	int len = d->client_name.len > 255 ? 255 : d->client_name.len;
	int n = snprintf(item, sizeof item, "%s/%.*s/%s", mac, len ? len : 7,
			 len ? pv_ref_bytes(&d->ev, d->client_name) : "Unknown", addr);
	pv_top_bytes(k, TOP_CLIENTS, item, (size_t)n, 1);
}

static void count_server(struct pv_block *k, const struct pv_dhcp *d, int family, const void *server)
{
	static const uint8_t none[16];
	if (!(d->bits & PV_DHCP_ETH) || !(d->bits & PV_DHCP_SERVER_ID) ||
	    (family == AF_INET6 && !memcmp(server, none, 16)))
		return;
	char item[18 + 1 + INET6_ADDRSTRLEN], mac[18], addr[INET6_ADDRSTRLEN];
	mac_text(mac, sizeof mac, d->eth_src);
	inet_ntop(family, server, addr, sizeof addr);
	int n = snprintf(item, sizeof item, "%s/%s", mac, addr);
	pv_top_bytes(k, TOP_SERVERS, item, (size_t)n, 1);
}

/* By type of message; 0, which is no counter: none. */
static const unsigned counters4[] = {
	[PV_DHCP4_DISCOVER] = DISCOVER, [PV_DHCP4_OFFER] = OFFER,     [PV_DHCP4_REQUEST] = REQUEST,
	[PV_DHCP4_DECLINE] = DECLINE,   [PV_DHCP4_ACK] = ACK,         [PV_DHCP4_NAK] = NAK,
	[PV_DHCP4_RELEASE] = RELEASE,   [PV_DHCP4_INFORM] = INFORM,
};
static const unsigned counters6[] = {
	[PV_DHCP6_SOLICIT] = SOLICIT,
	[PV_DHCP6_ADVERTISE] = ADVERTISE,
	[PV_DHCP6_REQUEST] = REQUEST_V6,
	[PV_DHCP6_CONFIRM] = CONFIRM,
	[PV_DHCP6_RENEW] = RENEW,
	[PV_DHCP6_REBIND] = REBIND,
	[PV_DHCP6_REPLY] = REPLY,
	[PV_DHCP6_RELEASE] = RELEASE_V6,
	[PV_DHCP6_DECLINE] = DECLINE_V6,
	[PV_DHCP6_RECONFIGURE] = RECONFIGURE,
	[PV_DHCP6_INFORMATION] = INFORMATION_REQUEST,
};

static void count4(struct pv_block *k, const struct pv_dhcp *d, bool deep)
{
	pv_count(k, TOTAL, 1);
	pv_rate_events(k, RATE_TOTAL, 1);
	if (d->message < sizeof counters4 / sizeof counters4[0] && counters4[d->message])
		pv_count(k, counters4[d->message], 1);
	if (deep && d->message == PV_DHCP4_OFFER)
		count_server(k, d, AF_INET, d->server_id);
	else if (deep && d->message == PV_DHCP4_ACK)
		count_client(k, d);
}

static void count6(struct pv_block *k, const struct pv_dhcp *d, bool deep)
{
	if (d->message < sizeof counters6 / sizeof counters6[0] && counters6[d->message])
		pv_count(k, counters6[d->message], 1);
	if (deep && (d->message == PV_DHCP6_ADVERTISE || d->message == PV_DHCP6_REPLY))
		count_server(k, d, AF_INET6, d->src);
}

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	const struct pv_dhcp *d = (const void *)ev;
	struct pv_block *k = pv_bucket_root(b);
	(void)ctx;
	if (ev->flags & PV_F_FILTERED)
		pv_count(k, FILTERED, 1);
	else if (d->family == 4)
		count4(k, d, deep);
	else
		count6(k, d, deep);
}

const struct pv_handler pv_dhcp_v1 = {
	.type = "dhcp",
	.version = "1.0",
	.schema = "dhcp",
	.wants = UINT64_C(1) << PV_EV_DHCP,
	.metrics = metrics,
	.nmetrics = METRICS,
	.scopes = scopes,
	.nscopes = 1,
	.events = EVENTS,
	.samples = DEEP_SAMPLES,
	.events_rate = RATE_EVENTS,
	.update = update,
};
