/* SPDX-License-Identifier: MPL-2.0 */
#include "base/conf.h"

#include <stdio.h>
#include <string.h>

bool pv_parse_u64(const char *text, uint64_t *out)
{
	uint64_t v = 0;
	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		unsigned digit = (unsigned)(*text - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

/* "12" or "12.5" times unit; at most nine decimals are looked at. */
static bool scaled(const char *text, size_t n, uint64_t unit, uint64_t *out)
{
	uint64_t whole = 0, part = 0, scale = 1;
	size_t i = 0, digits = 0;
	for (; i < n && text[i] != '.'; i++, digits++) {
		if (text[i] < '0' || text[i] > '9' || whole > UINT64_MAX / 16)
			return false;
		whole = whole * 10 + (uint64_t)(text[i] - '0');
	}
	if (i < n)
		i++;
	for (; i < n; i++, digits++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		if (scale < 1000000000) {
			part = part * 10 + (uint64_t)(text[i] - '0');
			scale *= 10;
		}
	}
	if (!digits || whole > UINT64_MAX / unit - 1)
		return false;
	*out = whole * unit + (uint64_t)((double)part / (double)scale * (double)unit + 0.5);
	return true;
}

bool pv_parse_duration(const char *text, uint64_t *out_ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {{"ns", 1},           {"us", 1000},          {"ms", 1000000},        {"h", 3600000000000},
		     {"m", 60000000000}, {"d", 86400000000000}, {"s", 1000000000}};
	size_t n = strlen(text);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		size_t u = strlen(units[i].unit);
		if (n > u && !strcmp(text + n - u, units[i].unit))
			return scaled(text, n - u, units[i].ns, out_ns);
	}
	return scaled(text, n, 1000000000, out_ns);
}

bool pv_parse_size(const char *text, uint64_t *out_bytes)
{
	size_t n = strlen(text);
	uint64_t unit = 1;
	if (n && strchr("kKmMgG", text[n - 1])) {
		unit = text[n - 1] == 'k' || text[n - 1] == 'K'   ? 1u << 10
		       : text[n - 1] == 'm' || text[n - 1] == 'M' ? 1u << 20
								  : 1u << 30;
		n--;
	}
	return scaled(text, n, unit, out_bytes);
}

int pv_ttl_set(struct pv_ttl *ttl, const struct pv_key *key, const struct pv_value *value, char *err, size_t cap)
{
	bool in_ms = !strcmp(key->name, "xact_ttl_ms");
	uint64_t unit = in_ms ? 1000000 : 1000000000, max = PV_TTL_MAX_SECS * UINT64_C(1000000000) / unit;
	if (value->type != PV_KEY_UINT) {
		snprintf(err, cap, "wrong type for key: %s", key->name);
		return -1;
	}
	if (!value->number || value->number > max) {
		snprintf(err, cap, "%s must be between 1 and %llu", key->name, (unsigned long long)max);
		return -1;
	}
	if (ttl->in_ms && !in_ms)
		return 0;
	ttl->in_ms = in_ms;
	ttl->ns = value->number * unit;
	return 0;
}
