/* SPDX-License-Identifier: MPL-2.0 */
/* input.tap_selector: taps by their tags. */
#include "policy/check.h"

#include <string.h>

static int check_pairs(struct pv_check *c, const struct pv_selector *s)
{
	for (const struct pv_node *e = s->pairs->first; e; e = e->next) {
		if (e->type != PV_NODE_MAP || e->count != 1 || !e->first->key)
			return pv_check_fail(
			    c, PV_CONFIG_INVALID, e->line,
			    "selector tag must contain only one key/value pair per sequence index");
		if (!pv_node_scalar(e->first))
			return pv_check_fail(c, PV_CONFIG_INVALID, e->first->key_line,
					     "tag key '%.100s' must have scalar value", e->first->key);
	}
	return 0;
}

int pv_check_selector(struct pv_check *c, const struct pv_node *n, struct pv_selector *to)
{
	if (n->type != PV_NODE_MAP)
		return pv_check_fail(c, PV_CONFIG_INVALID, n->key_line, "'input.tap_selector' is not a map");
	if (pv_check_keys(c, &pv_schema_selector, n))
		return -1;
	const struct pv_node *all = pv_node_get(n, "all"), *any = pv_node_get(n, "any");
	if (all && any)
		return pv_check_fail(c, PV_CONFIG_INVALID, n->key_line,
				     "input can have only key 'input.tap_selector.all' or key "
				     "'input.tap_selector.any'");
	if (!all && !any)
		return pv_check_fail(c, PV_CONFIG_INVALID, n->key_line,
				     "missing key 'input.tap_selector.all' or key 'input.tap_selector.any'");
	*to = (struct pv_selector){all ? all : any, all};
	if (to->pairs->type != PV_NODE_LIST)
		return pv_check_fail(c, PV_CONFIG_INVALID, to->pairs->key_line,
				     "'input.tap_selector.%s' is not a sequence", all ? "all" : "any");
	return check_pairs(c, to);
}

/* 1 equal, 0 not, -1 of different types */
static int compare(const struct pv_node *want, const json_t *tag)
{
	switch (want->type) {
	case PV_NODE_UINT:
		return !json_is_integer(tag) ? -1 : (uint64_t)json_integer_value(tag) == want->number;
	case PV_NODE_BOOL:
		return !json_is_boolean(tag) ? -1 : json_is_true(tag) == want->boolean;
	default:
		return !json_is_string(tag) ? -1 : !strcmp(json_string_value(tag), want->text);
	}
}

int pv_check_selects(struct pv_check *c, const struct pv_selector *s, const struct pv_config_tap *tap)
{
	for (const struct pv_node *e = s->pairs->first; e; e = e->next) {
		const struct pv_node *want = e->first;
		const json_t *tag = json_object_get(tap->tags, want->key);
		int same = tag ? compare(want, tag) : 0;

		if (same < 0)
			return pv_check_fail(
			    c, PV_CONFIG_INVALID, want->key_line,
			    "Tap [%s]: tag and selector value types are different for key '%.100s'",
			    tap->name, want->key);
		if (same != s->all)
			return same;
	}
	return s->all && s->pairs->count;
}
