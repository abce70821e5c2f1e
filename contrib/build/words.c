/* SPDX-License-Identifier: MPL-2.0 */
/* words - the names that options take and that tables of the library know, one a line: list, word. A word may come again. Used by
 * contrib/build/completions. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>

#include "dns/names.h"
#include "event/check.h"
#include "handlers/handlers.h"
#include "metric/bucket.h"

#define NUMBERS 65536 /* types and response codes have 16 bits */

/* What nobody has to quote: not "*", nor "Reserved (0)". */
static bool plain(const char *word)
{
	for (; *word; word++)
		if (!isalnum((unsigned char)*word) && *word != '-' && *word != '_')
			return false;
	return true;
}

static void numbered(const char *list, const char *(*name)(unsigned), unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (name(i) && plain(name(i)))
			printf("%s\t%s\n", list, name(i));
}

/* What rows of a tally can be ordered by. */
static void columns(const struct pv_metric *m)
{
	for (unsigned i = 0; i < m->ncolumns; i++) {
		printf("sort\t%s\n", m->columns[i].name);
		if (m->columns[i].rate)
			printf("sort\t%s\n", m->columns[i].rate);
	}
}

int main(void)
{
	numbered("rcode", pv_dns_rcode_name, NUMBERS);
	numbered("qtype", pv_dns_qtype_name, NUMBERS);
	numbered("event", pv_event_type_name, PV_EV_TYPES);
	puts("group\tall");
	puts("sort\t" PV_SORT_NAME);
	for (const struct pv_handler *const *h = pv_handlers; *h; h++) {
		printf("handler\t%s\nhandler\t%s:%s\n", (*h)->type, (*h)->type, (*h)->version);
		printf("schema\t%s\n", (*h)->schema);
		for (size_t g = 0; g < (*h)->ngroups; g++)
			printf("group\t%s\n", (*h)->groups[g].name);
		for (size_t m = 0; m < (*h)->nmetrics; m++)
			columns(&(*h)->metrics[m]);
	}
	return fflush(stdout) || ferror(stdout);
}
