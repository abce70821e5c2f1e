/* SPDX-License-Identifier: MPL-2.0 */
/* Which handlers there are to look at, and which of them is looked at. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ui/ui.h"

size_t pv_ui_handlers(const struct pv_ui *u, const struct pv_ui_handler *out[PV_UI_HANDLERS_MAX])
{
	size_t n = 0;
	for (size_t i = 0; u->s.model && i < u->s.model->n; i++)
		if (pv_ui_of_tap(&u->s, &u->s.model->handler[i], u->tap))
			out[n++] = &u->s.model->handler[i];
	return n;
}

const struct pv_ui_handler *pv_ui_viewed(const struct pv_ui *u)
{
	const struct pv_ui_handler *all[PV_UI_HANDLERS_MAX];
	size_t n = *u->view.name ? pv_ui_handlers(u, all) : 0;
	for (size_t i = 0; i < n; i++)
		if (pv_ui_is(all[i], &u->view))
			return all[i];
	return NULL;
}

const char *pv_ui_label(struct pv_ui_pool *pool, const struct pv_ui *u, const struct pv_ui_handler *h)
{
	size_t n = strlen(h->policy);
	bool prefixed = !strncmp(h->name, h->policy, n) && h->name[n] == '-' && h->name[n + 1];
	if (!strcmp(u->s.policy, PV_UI_ALL))
		return prefixed ? h->name : pv_ui_fmt(pool, "%s/%s", h->policy, h->name);
	return prefixed ? h->name + n + 1 : h->name;
}

size_t pv_ui_namesakes(const struct pv_ui *u, const struct pv_ui_handler *h, size_t *which)
{
	const struct pv_ui_handler *all[PV_UI_HANDLERS_MAX];
	size_t n = pv_ui_handlers(u, all), same = 0;
	for (size_t i = 0; i < n; i++) {
		if (all[i] == h)
			*which = same;
		same += !strcmp(all[i]->schema, h->schema);
	}
	return same;
}

/* ---- the next one of a kind ---------------------------------------------------------------------- */

static void next_viewed(struct pv_ui *u, const struct pv_ui_handler *now, int by)
{
	const struct pv_ui_handler *all[PV_UI_HANDLERS_MAX];
	size_t n = pv_ui_handlers(u, all), at = 0;
	while (at < n && all[at] != now)
		at++;
	for (size_t i = 1; i <= n; i++) {
		const struct pv_ui_handler *h = all[(at + (by > 0 ? i : n - i)) % n];
		if (!strcmp(h->schema, now->schema)) {
			u->view = pv_ui_id(h);
			return;
		}
	}
}

/* In the overview: of the kind of the selected row, or of all kinds. */
void pv_ui_next_of_kind(struct pv_ui *u, int by)
{
	const struct pv_ui_handler *all[PV_UI_HANDLERS_MAX], *now = pv_ui_viewed(u), *of[PV_UI_HANDLERS_MAX];
	size_t n = pv_ui_handlers(u, all), only = PV_UI_KINDS;
	if (now) {
		next_viewed(u, now, by);
		return;
	}
	for (size_t i = 0; u->selected && i < n; i++)
		if (!strcmp(all[i]->name, u->under.handler) && !strcmp(all[i]->policy, u->under.policy))
			only = pv_ui_kind(all[i]->schema);
	for (size_t kind = 0; kind < PV_UI_KINDS; kind++) {
		size_t at, count = pv_ui_of_kind(all, n, kind, &u->chosen[kind], of, &at);
		if (count && (only == PV_UI_KINDS || only == kind))
			u->chosen[kind] = pv_ui_id(of[(at + (by > 0 ? 1 : count - 1)) % count]);
	}
}

/* ---- by what a person calls it --------------------------------------------------------------------- */

enum { BY_NAME, BY_SCHEMA, BY_END, BY_SCHEMA_BEGIN, BY_PART, WAYS };

static bool called(const struct pv_ui_handler *h, const char *what, unsigned way)
{
	size_t n = strlen(what), len = strlen(h->name);
	switch (way) {
	case BY_NAME:
		return !strcmp(h->name, what);
	case BY_SCHEMA:
		return !strcmp(h->schema, what);
	case BY_END: /* "t-dns" is "default-t-dns" */
		return len > n && h->name[len - n - 1] == '-' && !strcasecmp(h->name + len - n, what);
	case BY_SCHEMA_BEGIN:
		return !strncasecmp(h->schema, what, n);
	default:
		return strcasestr(h->name, what) != NULL;
	}
}

static bool one_schema(const struct pv_ui_handler *const *some, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(some[i]->schema, some[0]->schema) != 0)
			return false;
	return true;
}

/* "t-dns (dns), t-net (packets)"; what does not fit is an ellipsis. */
static void list_of(const struct pv_ui *u, const struct pv_ui_handler *const *some, size_t n, char *out,
		    size_t cap)
{
	struct pv_ui_pool pool = PV_UI_POOL(65536);
	size_t at = 0;
	*out = '\0';
	for (size_t i = 0; i < n; i++) {
		const char *one = pv_ui_fmt(&pool, "%s%s (%s)", i ? ", " : "", pv_ui_label(&pool, u, some[i]),
					    some[i]->schema);
		if (at + strlen(one) + sizeof ", ..." > cap) {
			snprintf(out + at, cap - at, ", ...");
			break;
		}
		at += (size_t)snprintf(out + at, cap - at, "%s", one);
	}
	pv_ui_pool_free(&pool);
}

size_t pv_ui_match(const struct pv_ui *u, const char *what,
		   const struct pv_ui_handler *out[PV_UI_HANDLERS_MAX], char *err, size_t cap)
{
	const struct pv_ui_handler *all[PV_UI_HANDLERS_MAX];
	char names[300];
	size_t n = pv_ui_handlers(u, all);
	for (unsigned way = 0; way < WAYS && *what; way++) {
		bool many = way == BY_NAME || way == BY_SCHEMA || way == BY_SCHEMA_BEGIN;
		size_t found = 0;
		for (size_t i = 0; i < n; i++)
			if (called(all[i], what, way))
				out[found++] = all[i];
		if (found == 1 || (found && many && one_schema(out, found)))
			return found;
		if (found) {
			list_of(u, out, found, names, sizeof names);
			snprintf(err, cap, "may mean %s", names);
			return 0;
		}
	}
	list_of(u, all, n, names, sizeof names);
	snprintf(err, cap,
		 n ? "policy '%.60s' has no such handler, but %s" : "policy '%.60s' has no handlers%s",
		 u->s.policy, names);
	return 0;
}

bool pv_ui_begin(struct pv_ui *u, const char *view)
{
	const struct pv_ui_handler *out[PV_UI_HANDLERS_MAX];
	char why[400];
	if (!pv_ui_match(u, view, out, why, sizeof why)) {
		snprintf(u->notice, sizeof u->notice, "--view %.60s: %s", view, why);
		return false;
	}
	u->view = pv_ui_id(out[0]);
	return true;
}
