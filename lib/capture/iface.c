/* SPDX-License-Identifier: MPL-2.0 */
#include "capture/iface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_any(const char *name)
{
	return !strcmp(name, "any");
}

/* ---- which one is meant ------------------------------------------------------------------------- */

static bool read_u64(const char *ifname, const char *file, uint64_t *value)
{
	char path[160];
	snprintf(path, sizeof path, "/sys/class/net/%s/%s", ifname, file);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	unsigned long long v = 0;
	bool ok = fscanf(f, "%llu", &v) == 1;
	fclose(f);
	*value = v;
	return ok;
}

/* Packets in both directions. /sys has 64-bit counters, but may belong to another network namespace than we
 * do; the index tells. getifaddrs() has 32-bit ones, always ours. */
static uint64_t packets_seen(const struct ifaddrs *i)
{
	const struct rtnl_link_stats *stats = i->ifa_data;
	uint64_t index, rx, tx;
	if (read_u64(i->ifa_name, "ifindex", &index) && index == if_nametoindex(i->ifa_name) &&
	    read_u64(i->ifa_name, "statistics/rx_packets", &rx) &&
	    read_u64(i->ifa_name, "statistics/tx_packets", &tx))
		return rx + tx;
	return stats ? (uint64_t)stats->rx_packets + stats->tx_packets : 0;
}

static bool busiest(const struct ifaddrs *all, char *name)
{
	uint64_t most = 0;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_PACKET || !(i->ifa_flags & IFF_UP) ||
		    (i->ifa_flags & IFF_LOOPBACK))
			continue;
		uint64_t n = packets_seen(i);
		if (n > most) {
			most = n;
			snprintf(name, PV_IFACE_NAME, "%s", i->ifa_name);
		}
	}
	return most > 0;
}

static bool owner(const struct ifaddrs *all, int family, const void *addr, char *name)
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != family)
			continue;
		const void *have;
		if (family == AF_INET)
			have = &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
		else
			have = &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
		if (!memcmp(have, addr, family == AF_INET ? 4 : 16)) {
			snprintf(name, PV_IFACE_NAME, "%s", i->ifa_name);
			return true;
		}
	}
	return false;
}

static void unknown_name(const char *wanted, char *err, size_t cap)
{
	int n = snprintf(err, cap,
			 "Couldn't find interface by provided name: \"%s\". Available interfaces: ", wanted);
	size_t at = n < 0 ? 0 : (size_t)n;
	struct if_nameindex *all = if_nameindex();
	for (struct if_nameindex *i = all; i && i->if_index && at < cap; i++) {
		n = snprintf(err + at, cap - at, "%s%s", i == all ? "" : ",", i->if_name);
		at += n < 0 ? 0 : (size_t)n;
	}
	if_freenameindex(all);
}

int pv_iface_resolve(const char *wanted, char name[PV_IFACE_NAME], char *err, size_t cap)
{
	uint8_t addr[16];
	int family = 0;
	bool automatic = !strcmp(wanted, "auto");
	if (!wanted[0]) {
		snprintf(err, cap, "no iface was specified for live capture");
		return -1;
	}
	if (inet_pton(AF_INET, wanted, addr) == 1)
		family = AF_INET;
	else if (inet_pton(AF_INET6, wanted, addr) == 1)
		family = AF_INET6;
	if (is_any(wanted) || (!automatic && !family && if_nametoindex(wanted))) {
		snprintf(name, PV_IFACE_NAME, "%s", wanted);
		return 0;
	}
	if (!automatic && !family) {
		unknown_name(wanted, err, cap);
		return -1;
	}

	struct ifaddrs *all;
	if (getifaddrs(&all)) {
		snprintf(err, cap, "cannot list interfaces: %s", strerror(errno));
		return -1;
	}
	bool found = automatic ? busiest(all, name) : owner(all, family, addr, name);
	freeifaddrs(all);
	if (found)
		return 0;
	if (automatic)
		snprintf(err, cap, "iface was set to 'auto' but no interface was found");
	else
		snprintf(err, cap, "Couldn't find interface by provided IP: %s", wanted);
	return -1;
}

/* ---- its addresses ------------------------------------------------------------------------------ */

static uint8_t prefix_length(const uint8_t *mask, unsigned bytes)
{
	uint8_t n = 0;
	while (n < bytes * 8 && (mask[n / 8] & (0x80u >> n % 8)))
		n++;
	return n;
}

static void subnet4(struct pv_subnet *net, const struct ifaddrs *i)
{
	const struct sockaddr_in *mask = (const void *)i->ifa_netmask;
	net->family = 4;
	net->addr[10] = net->addr[11] = 0xff;
	memcpy(net->addr + 12, &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr, 4);
	net->prefix = mask ? prefix_length((const uint8_t *)&mask->sin_addr, 4) : 32;
}

static void subnet6(struct pv_subnet *net, const struct ifaddrs *i)
{
	const struct sockaddr_in6 *mask = (const void *)i->ifa_netmask;
	net->family = 6;
	memcpy(net->addr, &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr, 16);
	net->prefix = mask ? prefix_length((const uint8_t *)&mask->sin6_addr, 16) : 128;
}

size_t pv_iface_addrs(const char *name, struct pv_subnet *nets, size_t max)
{
	struct ifaddrs *all;
	size_t n = 0;
	if (getifaddrs(&all))
		return 0;
	for (const struct ifaddrs *i = all; i && n < max; i = i->ifa_next) {
		if (!i->ifa_addr || (!is_any(name) && strcmp(i->ifa_name, name)))
			continue;
		int family = i->ifa_addr->sa_family;
		if (family != AF_INET && family != AF_INET6)
			continue;
		memset(&nets[n], 0, sizeof nets[n]);
		if (family == AF_INET)
			subnet4(&nets[n], i);
		else
			subnet6(&nets[n], i);
		n++;
	}
	freeifaddrs(all);
	return n;
}

/* ---- is it up ----------------------------------------------------------------------------------- */

static enum pv_ifstate look(const char *name, unsigned *index)
{
	struct ifreq req;
	enum pv_ifstate state = PV_IF_GONE;
	*index = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return PV_IF_UP; /* nothing is known: assume the best */
	memset(&req, 0, sizeof req);
	snprintf(req.ifr_name, sizeof req.ifr_name, "%.*s", (int)sizeof req.ifr_name - 1, name);
	if (!ioctl(fd, SIOCGIFINDEX, &req)) {
		*index = (unsigned)req.ifr_ifindex;
		if (!ioctl(fd, SIOCGIFFLAGS, &req))
			state = req.ifr_flags & IFF_UP ? PV_IF_UP : PV_IF_DOWN;
	}
	close(fd);
	return state;
}

void pv_ifwatch_init(struct pv_ifwatch *w, const char *name)
{
	memset(w, 0, sizeof *w);
	w->fd = -1;
	snprintf(w->name, sizeof w->name, "%s", name);
	if (is_any(name))
		return;
	struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	w->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (w->fd >= 0 && bind(w->fd, (struct sockaddr *)&to, sizeof to)) {
		close(w->fd);
		w->fd = -1;
	}
	w->state = look(name, &w->index);
}

void pv_ifwatch_close(struct pv_ifwatch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static unsigned turn(struct pv_ifwatch *w, enum pv_ifstate state)
{
	unsigned down = w->state == PV_IF_UP && state != PV_IF_UP;
	w->state = state;
	return down;
}

/* Is the device that a message tells of still the one with our name? Ours may be another of its names, which only a look knows. */
static bool named(const struct pv_ifwatch *w, struct nlmsghdr *h)
{
	unsigned left = (unsigned)IFLA_PAYLOAD(h), index;
	for (struct rtattr *a = IFLA_RTA(NLMSG_DATA(h)); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_IFNAME && RTA_PAYLOAD(a) == strlen(w->name) + 1 &&
		    !memcmp(RTA_DATA(a), w->name, RTA_PAYLOAD(a)))
			return true;
	return look(w->name, &index) != PV_IF_GONE && index == w->index;
}

static unsigned link_message(struct pv_ifwatch *w, struct nlmsghdr *h)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof *info) || (unsigned)info->ifi_index != w->index)
		return 0;
	if (h->nlmsg_type == RTM_NEWLINK)
		return turn(w, !named(w, h) ? PV_IF_GONE : info->ifi_flags & IFF_UP ? PV_IF_UP : PV_IF_DOWN);
	/* a bridge tells of a port that leaves it with the same type and its own family */
	if (h->nlmsg_type == RTM_DELLINK && info->ifi_family == AF_UNSPEC)
		return turn(w, PV_IF_GONE);
	return 0;
}

static unsigned read_messages(struct pv_ifwatch *w)
{
	union {
		struct nlmsghdr head;
		char bytes[16384]; /* the size libnl and iproute2 use; a link message is some 2 KiB */
	} buf;
	unsigned downs = 0;
	for (;;) {
		struct sockaddr_nl from;
		socklen_t fromlen = sizeof from;
		ssize_t got = recvfrom(w->fd, &buf, sizeof buf, 0, (struct sockaddr *)&from, &fromlen);
		if (got < 0 && (errno == EINTR || errno == ENOBUFS))
			continue; /* messages were lost: the look afterwards gives the truth */
		if (got <= 0)
			return downs;
		if (from.nl_pid)
			continue; /* only the kernel is believed */
		unsigned left = (unsigned)got;
		for (struct nlmsghdr *h = &buf.head; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
			downs += link_message(w, h);
	}
}

unsigned pv_ifwatch_update(struct pv_ifwatch *w)
{
	if (is_any(w->name))
		return 0;
	unsigned downs = w->fd >= 0 ? read_messages(w) : 0;
	unsigned index;
	enum pv_ifstate now = look(w->name, &index);
	w->replaced = index && index != w->index;
	if (w->replaced)
		now = PV_IF_GONE;
	return downs + turn(w, now);
}

void pv_ifwatch_reopened(struct pv_ifwatch *w)
{
	w->replaced = false;
	if (w->fd >= 0)
		read_messages(w); /* how it came to be is no outage of it */
	w->state = look(w->name, &w->index);
}
