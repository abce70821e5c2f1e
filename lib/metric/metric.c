/* SPDX-License-Identifier: MPL-2.0 */
#include "metric/metric.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void pv_item_text(const struct pv_topn_row *row, char *out, size_t cap)
{
	size_t n = row->len < cap - 1 ? row->len : cap - 1;
	if (n)
		memcpy(out, row->key, n);
	out[n] = 0;
}

void pv_item_u64(const struct pv_topn_row *row, char *out, size_t cap)
{
	snprintf(out, cap, "%" PRIu64, row->num);
}

void pv_item_ipv4(const struct pv_topn_row *row, char *out, size_t cap)
{
	snprintf(out, cap, "%u.%u.%u.%u", (unsigned)(row->num >> 24 & 255), (unsigned)(row->num >> 16 & 255),
		 (unsigned)(row->num >> 8 & 255), (unsigned)(row->num & 255));
}

void pv_item_ipv6(const struct pv_topn_row *row, char *out, size_t cap)
{
	if (row->len != 16 || !inet_ntop(AF_INET6, row->key, out, (socklen_t)cap))
		snprintf(out, cap, "?");
}

void pv_item_show(const struct pv_metric *m, const struct pv_topn_row *row, struct pv_item *out)
{
	char text[PV_ITEM_TEXT];
	m->item(row, text, sizeof text);
	char *lat = m->geo ? strchr(text, '\t') : NULL;
	char *lon = lat ? strchr(lat + 1, '\t') : NULL;
	out->placed = lon != NULL;
	if (lat)
		*lat++ = 0;
	if (lon) {
		*lon++ = 0;
		pv_utf8_clean(lat, strlen(lat), out->lat, sizeof out->lat);
		pv_utf8_clean(lon, strlen(lon), out->lon, sizeof out->lon);
	}
	pv_utf8_clean(text, strlen(text), out->name, sizeof out->name);
}

int pv_handler_group(const struct pv_handler *h, const char *name)
{
	for (size_t i = 0; i < h->ngroups; i++)
		if (!strcmp(h->groups[i].name, name))
			return (int)i;
	return -1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void pv_handler_group_error(const struct pv_handler *h, const char *name, char *out, size_t cap)
{
	const char *names[32];
	size_t n = 0;
	for (size_t i = 0; i < h->ngroups && n < 32; i++)
		names[n++] = h->groups[i].name;
	qsort(names, n, sizeof names[0], by_name);
	int at = snprintf(out, cap, "%s is an invalid/unsupported metric group. The valid groups are: all", name);
	for (size_t i = 0; i < n && at >= 0 && (size_t)at < cap; i++)
		at += snprintf(out + at, cap - (size_t)at, ", %s", names[i]);
}
