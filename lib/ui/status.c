/* SPDX-License-Identifier: MPL-2.0 */
/* The last line: the views, and what is particular about the picture; or what went wrong. */
#include <string.h>

#include "ui/ui.h"

/* "2 dns", or where there are several of them "2 dns eth0-dns". */
static const char *tab(struct pv_ui_pool *pool, const struct pv_ui *u, const struct pv_ui_handler *h,
		       size_t key, bool here)
{
	size_t which = 0;
	bool several = pv_ui_namesakes(u, h, &which) > 1;
	return pv_ui_fmt(pool, "%c%zu %s%s%s%c", here ? '[' : ' ', key, h->schema, several ? " " : "",
			 several ? pv_ui_label(pool, u, h) : "", here ? ']' : ' ');
}

/* As many as there is room for, the one that is looked at among them. */
static const char *views(struct pv_ui_pool *pool, const struct pv_ui *u, int room)
{
	const struct pv_ui_handler *all[PV_UI_HANDLERS_MAX], *now = pv_ui_viewed(u);
	const char *one[PV_UI_HANDLERS_MAX + 1] = {now ? " 1 overview " : "[1 overview]"}, *text = "";
	size_t n = pv_ui_handlers(u, all), first = 0, here = 0;
	int need = pv_ui_width(one[0]);
	for (size_t i = 0; i < n; i++) {
		one[i + 1] = tab(pool, u, all[i], i + 2, all[i] == now);
		here = all[i] == now ? i + 1 : here;
	}
	for (size_t i = 1; i <= here; i++)
		need += pv_ui_width(one[i]);
	for (; first < here && need + (first ? 2 : 0) > room; first++)
		need -= pv_ui_width(one[first]);
	for (size_t i = first; i <= n; i++)
		text = pv_ui_fmt(pool, "%s%s%s", i == first && first ? ".." : "", text, one[i]);
	return text;
}

static const char *state(struct pv_ui_pool *pool, const struct pv_ui *u, uint64_t now_ns)
{
	const char *text = "";
	uint64_t age =
	    u->s.answered_ns && now_ns > u->s.answered_ns ? (now_ns - u->s.answered_ns) / 1000000000 : 0;
	if (*u->filter)
		text = pv_ui_fmt(pool, "%s /%s", text, u->filter);
	if (*u->tap)
		text = pv_ui_fmt(pool, "%s tap %s", text, u->tap);
	if (u->ordered)
		text = pv_ui_fmt(pool, "%s by %s", text, u->order);
	if (u->bits)
		text = pv_ui_fmt(pool, "%s bit/s", text);
	if (u->reverse)
		text = pv_ui_fmt(pool, "%s reversed", text);
	if (u->s.paused)
		text = pv_ui_fmt(pool, "%s paused", text);
	if (age > 2 && u->s.model)
		text = pv_ui_fmt(pool, "%s %llu s old", text, (unsigned long long)age);
	if (u->s.model && u->s.model->left_out)
		text = pv_ui_fmt(pool, "%s %zu left out", text, u->s.model->left_out);
	if (pv_ui_other_major(&u->s))
		text = pv_ui_fmt(pool, "%s other major version", text);
	return u->s.window > 1 ? pv_ui_fmt(pool, "%s %u min  ? help ", text, u->s.window)
			       : pv_ui_fmt(pool, "%s open minute  ? help ", text);
}

/* The error, and when it may be better. */
static const char *trouble(struct pv_ui_pool *pool, const struct pv_ui *u, uint64_t now_ns)
{
	uint64_t left = u->s.next_ns > now_ns ? (u->s.next_ns - now_ns + 999999999) / 1000000000 : 0;
	if (!*u->s.error)
		return u->notice;
	if (left < 2 || u->s.paused)
		return u->s.error;
	return pv_ui_fmt(pool, "%s; trying again in %llu s", u->s.error, (unsigned long long)left);
}

void pv_ui_draw_status(const struct pv_ui *u, struct pv_ui_screen *s, uint64_t now_ns)
{
	struct pv_ui_pool pool = PV_UI_POOL(1 << 20);
	int y = s->rows - 1;
	bool error = (*u->s.error || *u->notice) && !u->typing;
	enum pv_ui_attr attr = error ? PV_UI_ERROR : PV_UI_STATUS;
	const char *right = u->typing ? " Enter: keep  Esc: all " : state(&pool, u, now_ns);
	const char *left = u->typing ? pv_ui_fmt(&pool, "/%s_", u->filter)
			   : error   ? trouble(&pool, u, now_ns)
				     : "";
	int w = pv_ui_width(right), most = *u->s.error ? s->cols / 2 : 0;
	pv_ui_fill(s, 0, y, s->cols, 1, attr);
	if (w > most && error)
		w = most;
	if (!*left)
		left = views(&pool, u, s->cols - w - 1);
	pv_ui_put_right(s, s->cols - w, y, w, attr, right);
	pv_ui_put(s, 0, y, s->cols - w - 1, attr, left);
	pv_ui_pool_free(&pool);
}
