/* SPDX-License-Identifier: MPL-2.0 */
#include "dns/psl.h"

#include <libpsl.h>
#include <stdlib.h>

struct pv_dns_psl {
	psl_ctx_t *psl;
};

struct pv_dns_psl *pv_dns_psl_new(void)
{
	struct pv_dns_psl *p = malloc(sizeof *p);
	if (!p)
		return NULL;
	p->psl = psl_latest(NULL);
	if (!p->psl) {
		free(p);
		return NULL;
	}
	return p;
}

void pv_dns_psl_free(struct pv_dns_psl *p)
{
	if (!p)
		return;
	psl_free(p->psl);
	free(p);
}

size_t pv_dns_psl_suffix(const struct pv_dns_psl *p, const char *name, size_t n)
{
	if (!n)
		return 0;
	const char *suffix = psl_unregistrable_domain(p->psl, name);
	if (!suffix)
		return 0;
	return n - (size_t)(suffix - name) + 1;
}
