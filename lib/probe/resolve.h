/* SPDX-License-Identifier: MPL-2.0 */
/* probe/resolve.h - names become addresses without anybody waiting: getaddrinfo() in threads of its own.
 *
 * The caller asks under a number and polls the descriptor; answers come in the order in which they are found. A name server
 * that says nothing keeps one thread busy, for as long as resolv.conf has it; the others go on.
 *
 * Threads: new, ask, answer and free from one. The library's own threads keep to themselves: pv_resolver_free() does not wait
 * for one that is stuck; what they share goes with the last of them. They are made when first needed, with the caller's
 * signal mask.
 * Limits: PV_RESOLVER_THREADS look-ups at a time, PV_RESOLVER_JOBS asked for and not yet fetched. */
#ifndef PV_PROBE_RESOLVE_H
#define PV_PROBE_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#define PV_RESOLVER_THREADS 32 /* so many names may have dead servers at once, and the others still be found; made as needed */
#define PV_RESOLVER_JOBS 256  /* as many as there are targets (probe/probe.h) */

struct pv_resolver_answer {
	unsigned number;
	uint8_t first;        /* family of the address that the system puts first; 0: there is no such name, or nobody knows */
	bool has4, has6;
	uint8_t v4[16], v6[16]; /* the first of each family; IPv4 as ::ffff:a.b.c.d */
};

struct pv_resolver;

struct pv_resolver *pv_resolver_new(void); /* NULL with errno */
void pv_resolver_free(struct pv_resolver *); /* NULL is fine */
int pv_resolver_fd(const struct pv_resolver *); /* readable: an answer may be there */

/* host is copied. False: too many, longer than a name can be, or no thread can be made. */
bool pv_resolver_ask(struct pv_resolver *, unsigned number, const char *host);
bool pv_resolver_answer(struct pv_resolver *, struct pv_resolver_answer *); /* false: none is there */

#endif
