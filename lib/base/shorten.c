/* SPDX-License-Identifier: MPL-2.0 */
#include "base/shorten.h"

#include <stdio.h>
#include <string.h>

static bool is_address(const char *p, size_t n)
{
	size_t digits = 0, hex = 0, colons = 0;
	for (size_t i = 0; i < n; i++) {
		digits += p[i] >= '0' && p[i] <= '9';
		hex += (p[i] >= 'a' && p[i] <= 'f') || (p[i] >= 'A' && p[i] <= 'F');
		colons += p[i] == ':';
		if (!p[i] || !strchr("0123456789abcdefABCDEF:.[]", p[i]))
			return false;
	}
	return colons ? digits + hex > 0 : digits && !hex;
}

/* The end of it is longer than its beginning: hosts and ports are told apart there. Returns the bytes
 * written. */
static size_t cut(const char *p, size_t n, size_t room, const char *mark, char *out, size_t cap)
{
	size_t head = (room - 1) * 2 / 5, tail = room - 1 - head;
	int len = n <= room ? snprintf(out, cap, "%.*s", (int)n, p)
			    : snprintf(out, cap, "%.*s%s%.*s", (int)head, p, mark, (int)tail, p + n - tail);
	return len < 0 ? 0 : (size_t)len;
}

/* Where the first end begins, behind the words. */
static size_t words(const char *name, size_t end)
{
	while (end && name[end - 1] != ' ')
		end--;
	return end;
}

bool pv_shorten(const char *name, size_t room, const char *mark, char out[PV_SHORTEN_MAX])
{
	static const char *const between[] = {" <-> ", "/"};
	size_t n = strlen(name), mark_bytes = strlen(mark);
	if (room + 2 * mark_bytes >= PV_SHORTEN_MAX)
		return false;
	for (size_t i = 0; i < sizeof between / sizeof between[0]; i++) {
		const char *sep = strstr(name, between[i]);
		if (!sep)
			continue;
		size_t gap = strlen(between[i]), first = words(name, (size_t)(sep - name));
		size_t a = (size_t)(sep - name) - first, b = n - first - a - gap;
		if (!is_address(name + first, a) || !is_address(sep + gap, b) ||
		    room < first + gap + 2 * PV_SHORTEN_END)
			return false;
		size_t both = room - first - gap, half = both / 2;
		size_t room_a = b < both - half ? both - b : half;
		if (a < room_a)
			room_a = a;
		size_t at = (size_t)snprintf(out, PV_SHORTEN_MAX, "%.*s", (int)first, name);
		at += cut(name + first, a, room_a, mark, out + at, PV_SHORTEN_MAX - at);
		at += (size_t)snprintf(out + at, PV_SHORTEN_MAX - at, "%s", between[i]);
		cut(sep + gap, b, both - room_a, mark, out + at, PV_SHORTEN_MAX - at);
		return true;
	}
	if (!is_address(name, n) || room < PV_SHORTEN_END)
		return false;
	cut(name, n, room, mark, out, PV_SHORTEN_MAX);
	return true;
}
