/* SPDX-License-Identifier: MPL-2.0 */
/* packet/hosts.h - the set of subnets that are "ours", and the direction that follows from it.
 *
 * Model: a list of CIDR blocks as they were given (host bits are kept, so that it prints as it was
 * configured) and, per family, the sorted disjoint address ranges they cover. CIDR blocks are nested or
 * disjoint, so adding one is an insertion, and a look-up is one binary search: about 3 ns for a handful
 * of blocks, 12 comparisons at the limit.
 *
 * IPv4 and IPv6 are apart: a block 10.0.0.0/8 does not hold the IPv6 address ::ffff:10.0.0.1.
 * Prefix 0 holds every address of its family.
 *
 * Ownership: the caller owns the set; pv_hosts_list() is borrowed until the next change.
 * Threads: any number may read a set that nobody changes. */
#ifndef PV_PACKET_HOSTS_H
#define PV_PACKET_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

/* Far more than an interface has addresses or a person types. The START event carries all of them: 24 bytes
 * each, which with its other parts stays below PV_EVENT_MAX. */
#define PV_HOSTS_MAX 4000

#define PV_SUBNET_TEXT 48 /* "xxxx:....:255.255.255.255/128" and NUL; INET6_ADDRSTRLEN is 46 */

struct pv_hosts;

struct pv_hosts *pv_hosts_new(void); /* empty; NULL: no memory */
void pv_hosts_free(struct pv_hosts *);

/* One CIDR block or plain address (/32, /128), without blanks around it: n bytes of text. */
bool pv_subnet_parse(struct pv_subnet *, const char *text, size_t n);
/* "10.0.0.0/8"; always with the prefix. Returns `to`. */
const char *pv_subnet_text(const struct pv_subnet *, char to[PV_SUBNET_TEXT]);
bool pv_subnet_valid(const struct pv_subnet *); /* family, prefix and mapped form are in order */

/* A comma separated list of CIDR blocks, blanks around entries ignored; an empty text adds nothing.
 * 0, or -1 with one line in err ("invalid CIDR: 10.0.0.0/33", "invalid IPv4 address: 10.0.0") and the set
 * unchanged. */
int pv_hosts_parse(struct pv_hosts *, const char *spec, char *err, size_t cap);
/* The same for settings of the agent, which want the prefix with each address. */
int pv_hosts_parse_cidr(struct pv_hosts *, const char *spec, char *err, size_t cap);

/* 0, or -1 with errno: EINVAL not a subnet, ENOSPC PV_HOSTS_MAX reached, ENOMEM. */
int pv_hosts_add(struct pv_hosts *, const struct pv_subnet *);

/* addr: IPv4 as ::ffff:a.b.c.d; family 4 or 6 (any other: false). */
bool pv_hosts_has(const struct pv_hosts *, const uint8_t addr[16], uint8_t family);

size_t pv_hosts_count(const struct pv_hosts *);
const struct pv_subnet *pv_hosts_list(const struct pv_hosts *); /* in the order they were added */

/* Destination in the set: IN (also host to host). Else source in the set: OUT. Else UNKNOWN. hosts may
 * be NULL. */
enum pv_dir pv_hosts_dir(const struct pv_hosts *, const uint8_t src[16], const uint8_t dst[16],
			 uint8_t family);

#endif
