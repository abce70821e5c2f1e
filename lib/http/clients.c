/* SPDX-License-Identifier: MPL-2.0 */
#include "http/clients.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct pv_client {
	int fd; /* -1: a free place */
	bool busy, cut;
	uint8_t address[8]; /* an IPv4 address, or the network half of an IPv6 one */
	int64_t since_ms;
};

struct pv_clients {
	pthread_mutex_t lock;
	unsigned max, per_address;
	struct pv_client place[];
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct pv_clients *pv_clients_new(unsigned max, unsigned per_address)
{
	struct pv_clients *c = calloc(1, sizeof *c + max * sizeof c->place[0]);
	if (!c)
		return NULL;
	if (pthread_mutex_init(&c->lock, NULL)) {
		free(c);
		return NULL;
	}
	c->max = max;
	c->per_address = per_address;
	for (unsigned i = 0; i < max; i++)
		c->place[i].fd = -1;
	return c;
}

void pv_clients_free(struct pv_clients *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void address_of(const struct sockaddr *sa, uint8_t out[8])
{
	memset(out, 0, 8);
	if (sa && sa->sa_family == AF_INET) {
		memcpy(out, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa && sa->sa_family == AF_INET6) {
		const uint8_t *a = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr.s6_addr;
		bool mapped = IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
		memcpy(out, mapped ? a + 12 : a, mapped ? 4 : 8);
	}
}

static void cut(struct pv_client *p)
{
	if (p && !p->cut)
		shutdown(p->fd, SHUT_RDWR);
	if (p)
		p->cut = true;
}

/* Counts those who are there, of an address or (NULL) all, and finds who has been waited for longest. */
static unsigned count(struct pv_clients *c, const uint8_t *address, struct pv_client **longest)
{
	unsigned n = 0;
	*longest = NULL;
	for (unsigned i = 0; i < c->max; i++) {
		struct pv_client *p = &c->place[i];
		if (p->fd < 0 || p->cut || (address && memcmp(p->address, address, sizeof p->address)))
			continue;
		n++;
		if (!p->busy && (!*longest || p->since_ms < (*longest)->since_ms))
			*longest = p;
	}
	return n;
}

struct pv_client *pv_clients_add(struct pv_clients *c, int fd, const struct sockaddr *sa)
{
	uint8_t address[8];
	struct pv_client *place = NULL, *longest;
	address_of(sa, address);
	pthread_mutex_lock(&c->lock);
	if (count(c, address, &longest) >= c->per_address / 4 * 3)
		cut(longest);
	if (count(c, NULL, &longest) >= c->max / 4 * 3)
		cut(longest);
	for (unsigned i = 0; i < c->max && !place; i++)
		if (c->place[i].fd < 0)
			place = &c->place[i];
	if (place) {
		*place = (struct pv_client){.fd = fd, .since_ms = now_ms()};
		memcpy(place->address, address, sizeof address);
	}
	pthread_mutex_unlock(&c->lock);
	return place;
}

void pv_clients_remove(struct pv_clients *c, struct pv_client *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&c->lock);
	p->fd = -1;
	pthread_mutex_unlock(&c->lock);
}

static void turn(struct pv_clients *c, struct pv_client *p, bool busy)
{
	if (!p)
		return;
	pthread_mutex_lock(&c->lock);
	p->busy = busy;
	p->since_ms = now_ms();
	pthread_mutex_unlock(&c->lock);
}

void pv_clients_busy(struct pv_clients *c, struct pv_client *p)
{
	turn(c, p, true);
}

void pv_clients_waiting(struct pv_clients *c, struct pv_client *p)
{
	turn(c, p, false);
}

void pv_clients_sweep(struct pv_clients *c)
{
	int64_t now = now_ms();
	pthread_mutex_lock(&c->lock);
	for (unsigned i = 0; i < c->max; i++) {
		struct pv_client *p = &c->place[i];
		if (p->fd >= 0 && now - p->since_ms > 1000 * (p->busy ? PV_CLIENT_BUSY_SEC : PV_CLIENT_WAIT_SEC))
			cut(p);
	}
	pthread_mutex_unlock(&c->lock);
}
