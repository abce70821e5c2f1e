/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/filter.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_DEVICE_MAP,
	KEY_ENRICHMENT,
	KEY_ONLY_DEVICE_INTERFACES,
	KEY_ONLY_IPS,
	KEY_ONLY_PORTS,
	KEY_ONLY_DIRECTIONS,
	KEY_GEOLOC_NOTFOUND,
	KEY_ASN_NOTFOUND,
	KEY_SUMMARIZE_IPS_BY_ASN,
	KEY_SUBNETS,
	KEY_EXCLUDE_ASNS,
	KEY_EXCLUDE_UNKNOWN_ASNS,
	KEY_EXCLUDE_IPS,
	KEY_SAMPLE_RATE_SCALING,
	KEY_RECORDED_STREAM
};

/* The order is that of error texts. */
const struct pv_key pv_flow_keys[PV_FLOW_KEYS] = {
    [KEY_DEVICE_MAP] = {"device_map", PV_KEY_MAP, "FILE",
			"names of devices and of their interfaces, by address and interface number"},
    [KEY_ENRICHMENT] = {"enrichment", PV_KEY_BOOL, NULL, "use the names of device_map, which is what happens unless this is false"},
    [KEY_ONLY_DEVICE_INTERFACES] = {"only_device_interfaces", PV_KEY_MAP, "FILE",
				    "keep records of these devices and interfaces: numbers, ranges (3-7) or *, by address"},
    [KEY_ONLY_IPS] = {"only_ips", PV_KEY_LIST, "CIDR[,...]", "keep records from or to one of these subnets"},
    [KEY_ONLY_PORTS] = {"only_ports", PV_KEY_LIST, "PORT[,...]",
			"keep records from or to one of these ports or ranges (6000-6063)"},
    [KEY_ONLY_DIRECTIONS] = {"only_directions", PV_KEY_LIST, "DIR[,...]",
			     "count records where they come in, where they go out: in, out"},
    [KEY_GEOLOC_NOTFOUND] = {"geoloc_notfound", PV_KEY_BOOL, NULL,
			     "keep records with an address that has no known location"},
    [KEY_ASN_NOTFOUND] = {"asn_notfound", PV_KEY_BOOL, NULL, "keep records with an address that has no known network"},
    [KEY_SUMMARIZE_IPS_BY_ASN] = {"summarize_ips_by_asn", PV_KEY_BOOL, NULL,
				  "list addresses by their network (autonomous system)"},
    [KEY_SUBNETS] = {"subnets_for_summarization", PV_KEY_LIST, "CIDR[,...]",
		     "list addresses by these subnets; 0.0.0.0/N and ::/N stand for every subnet of N bits"},
    [KEY_EXCLUDE_ASNS] = {"exclude_asns_from_summarization", PV_KEY_LIST, "ASN[,...]",
			  "do not list addresses by these networks"},
    [KEY_EXCLUDE_UNKNOWN_ASNS] = {"exclude_unknown_asns_from_summarization", PV_KEY_BOOL, NULL,
				  "do not list addresses of no known network as Unknown"},
    [KEY_EXCLUDE_IPS] = {"exclude_ips_from_summarization", PV_KEY_LIST, "CIDR[,...]",
			 "list addresses in these subnets as they are"},
    [KEY_SAMPLE_RATE_SCALING] = {"sample_rate_scaling", PV_KEY_BOOL, NULL,
				 "multiply what samplers saw by their rate, which is what happens unless this is false"},
    [KEY_RECORDED_STREAM] = {"recorded_stream", PV_KEY_BOOL, NULL, "the records come from a saved capture"},
};
const size_t pv_flow_nkeys = PV_FLOW_KEYS;

/* ---- making and freeing --------------------------------------------------------------------------------- */

#define BOTH (PV_FLOW_IN | PV_FLOW_OUT)

void pv_flow_filter_init(struct pv_flow_filter *f)
{
	*f = (struct pv_flow_filter){.enrichment = true, .scaling = true, .directions = BOTH};
}

static void free_device(struct pv_flow_device *d)
{
	for (size_t i = 0; i < d->niface; i++)
		free(d->iface[i].name);
	free(d->iface);
	free(d->name);
}

static void free_devices(struct pv_flow_device *d, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_device(&d[i]);
	free(d);
}

static void free_allowed(struct pv_flow_allowed *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(a[i].ifaces.at);
	free(a);
}

void pv_flow_filter_free(struct pv_flow_filter *f)
{
	free_devices(f->device, f->ndevice);
	free_allowed(f->allowed, f->nallowed);
	pv_hosts_free(f->ips);
	free(f->ports.at);
	pv_flow_summary_free(&f->summary);
	pv_flow_filter_init(f);
}

static int no_memory(char *err, size_t cap)
{
	snprintf(err, cap, "%s", strerror(ENOMEM));
	return -1;
}

/* ---- ranges --------------------------------------------------------------------------------------------- */

/* "n" or "a-b", either way round, digits only, none above max. */
static bool parse_range(const char *text, uint32_t max, struct pv_flow_range *to)
{
	char first[24];
	size_t n = strcspn(text, "-");
	uint64_t a, b;
	if (n >= sizeof first)
		return false;
	memcpy(first, text, n);
	first[n] = '\0';
	if (!pv_parse_u64(first, &a) || !pv_parse_u64(text[n] ? text + n + 1 : first, &b) || a > max || b > max)
		return false;
	*to = a <= b ? (struct pv_flow_range){(uint32_t)a, (uint32_t)b}
		     : (struct pv_flow_range){(uint32_t)b, (uint32_t)a};
	return true;
}

static bool within(const struct pv_flow_ranges *r, uint32_t v)
{
	for (size_t i = 0; i < r->n; i++)
		if (v >= r->at[i].first && v <= r->at[i].last)
			return true;
	return false;
}

static int set_ports(struct pv_flow_filter *f, const struct pv_value *v, char *err, size_t cap)
{
	struct pv_flow_ranges r = {calloc(v->count + 1, sizeof *r.at), v->count, true};
	if (!r.at)
		return no_memory(err, cap);
	for (size_t i = 0; i < v->count; i++)
		if (!parse_range(v->list[i], UINT16_MAX, &r.at[i])) {
			snprintf(err, cap, "FlowHandler: invalid 'only_ports' filter value: %.100s", v->list[i]);
			free(r.at);
			return -1;
		}
	free(f->ports.at);
	f->ports = r;
	return 0;
}

static int set_directions(struct pv_flow_filter *f, const struct pv_value *v, char *err, size_t cap)
{
	uint8_t kept = 0;
	for (size_t i = 0; i < v->count; i++) {
		bool in = !strcmp(v->list[i], "in");
		if (!in && strcmp(v->list[i], "out")) {
			snprintf(err, cap,
				 "FlowStreamHandler: only_directions filter contained an invalid/unsupported direction: %.100s",
				 v->list[i]);
			return -1;
		}
		kept |= in ? PV_FLOW_IN : PV_FLOW_OUT;
	}
	f->directions = kept;
	return 0;
}

static int set_subnets(struct pv_hosts **to, const struct pv_value *v, char *err, size_t cap)
{
	struct pv_hosts *set = pv_flow_subnets(v, err, cap);
	if (!set)
		return -1;
	pv_hosts_free(*to);
	*to = set;
	return 0;
}

/* ---- maps by device ------------------------------------------------------------------------------------- */

static bool parse_device(const char *text, uint8_t addr[16])
{
	struct pv_subnet s;
	if (strchr(text, '/') || !pv_subnet_parse(&s, text, strlen(text)))
		return false;
	memcpy(addr, s.addr, 16);
	return true;
}

static int by_addr(const void *a, const void *b)
{
	return memcmp(a, b, 16); /* it stands first in both */
}

static int by_index(const void *a, const void *b)
{
	uint32_t x = ((const struct pv_flow_iface *)a)->index, y = ((const struct pv_flow_iface *)b)->index;
	return (x > y) - (x < y);
}

/* The name in a map of a device or an interface, cut; NULL: none, or no memory. */
static char *name_of(const json_t *map)
{
	const json_t *name = json_object_get(map, "name");
	char number[24];
	if (json_is_integer(name)) { /* a name of digits */
		snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(name));
		return strdup(number);
	}
	const char *text = json_string_value(name);
	return text && *text ? strndup(text, PV_FLOW_NAME) : NULL;
}

#define MAP_TEXT "FlowHandler: 'device_map' config "

static int read_iface(struct pv_flow_device *d, const char *ip, const char *key, const json_t *map, char *err, size_t cap)
{
	struct pv_flow_iface *to = &d->iface[d->niface];
	uint64_t index;
	if (!pv_parse_u64(key, &index) || index > UINT32_MAX) {
		snprintf(err, cap, MAP_TEXT "with device IP %.60s has an invalid interface: %.60s", ip, key);
		return -1;
	}
	to->index = (uint32_t)index;
	to->name = name_of(map);
	if (!to->name) {
		snprintf(err, cap, MAP_TEXT "with device IP %.60s does not have 'name' key", ip);
		return -1;
	}
	d->niface++;
	return 0;
}

static int read_device(struct pv_flow_device *d, const char *ip, const json_t *map, char *err, size_t cap)
{
	const json_t *ifaces = json_object_get(map, "interfaces");
	const char *key;
	json_t *value;
	if (!parse_device(ip, d->addr)) {
		snprintf(err, cap, MAP_TEXT "has an invalid device IP: %.100s", ip);
		return -1;
	}
	if (!(d->name = name_of(map))) {
		snprintf(err, cap, MAP_TEXT "with device IP %.60s does not have 'name' key", ip);
		return -1;
	}
	if (!json_is_object(ifaces)) {
		snprintf(err, cap, MAP_TEXT "with device IP %.60s does not have 'interfaces' key", ip);
		return -1;
	}
	if (json_object_size(ifaces) > PV_FLOW_IFACES) {
		snprintf(err, cap, MAP_TEXT "with device IP %.60s has more than %d interfaces", ip, PV_FLOW_IFACES);
		return -1;
	}
	d->iface = calloc(json_object_size(ifaces) + 1, sizeof *d->iface);
	if (!d->iface)
		return no_memory(err, cap);
	json_object_foreach ((json_t *)(uintptr_t)ifaces, key, value)
		if (read_iface(d, ip, key, value, err, cap))
			return -1;
	qsort(d->iface, d->niface, sizeof *d->iface, by_index);
	return 0;
}

static int too_many(const struct pv_key *key, char *err, size_t cap)
{
	snprintf(err, cap, "%s: more than %d devices", key->name, PV_FLOW_DEVICES);
	return -1;
}

static int set_device_map(struct pv_flow_filter *f, const json_t *map, char *err, size_t cap)
{
	size_t n = 0, room = json_object_size(map);
	const char *ip;
	json_t *value;
	struct pv_flow_device *d = calloc(room + 1, sizeof *d);
	if (!d)
		return no_memory(err, cap);
	json_object_foreach ((json_t *)(uintptr_t)map, ip, value)
		if (read_device(&d[n++], ip, value, err, cap)) {
			free_devices(d, n);
			return -1;
		}
	qsort(d, n, sizeof *d, by_addr);
	free_devices(f->device, f->ndevice);
	f->device = d;
	f->ndevice = n;
	return 0;
}

#define ONLY_TEXT "FlowHandler: "

static int read_allowed_entry(struct pv_flow_allowed *a, const json_t *entry, char *err, size_t cap)
{
	struct pv_flow_range *to = &a->ifaces.at[a->ifaces.n];
	const char *text = json_string_value(entry);
	if (text && !strcmp(text, "*")) {
		*to = (struct pv_flow_range){0, UINT32_MAX};
	} else if (!text || !parse_range(text, UINT32_MAX, to)) {
		snprintf(err, cap, ONLY_TEXT "invalid 'only_device_interfaces' filter interface value: %.100s", text ? text : "?");
		return -1;
	}
	a->ifaces.n++;
	return 0;
}

static int read_allowed(struct pv_flow_allowed *a, const char *ip, const json_t *list, char *err, size_t cap)
{
	const json_t *entry;
	size_t i;
	if (!parse_device(ip, a->addr)) {
		snprintf(err, cap, ONLY_TEXT "'only_device_interfaces' filter has an invalid device IP: %.100s", ip);
		return -1;
	}
	if (!json_is_array(list) || json_array_size(list) > PV_LIST_MAX) {
		snprintf(err, cap, "only_device_interfaces: of %.60s a list of at most %d interfaces is expected", ip, PV_LIST_MAX);
		return -1;
	}
	a->ifaces.at = calloc(json_array_size(list) + 1, sizeof *a->ifaces.at);
	if (!a->ifaces.at)
		return no_memory(err, cap);
	json_array_foreach (list, i, entry)
		if (read_allowed_entry(a, entry, err, cap))
			return -1;
	return 0;
}

static int set_allowed(struct pv_flow_filter *f, const json_t *map, char *err, size_t cap)
{
	size_t n = 0;
	const char *ip;
	json_t *value;
	struct pv_flow_allowed *a = calloc(json_object_size(map) + 1, sizeof *a);
	if (!a)
		return no_memory(err, cap);
	json_object_foreach ((json_t *)(uintptr_t)map, ip, value)
		if (read_allowed(&a[n++], ip, value, err, cap)) {
			free_allowed(a, n);
			return -1;
		}
	qsort(a, n, sizeof *a, by_addr);
	free_allowed(f->allowed, f->nallowed);
	f->allowed = a;
	f->nallowed = n;
	f->allowed_given = true;
	return 0;
}

/* ---- settings ------------------------------------------------------------------------------------------- */

static int set_map(struct pv_flow_filter *f, const struct pv_key *key, const json_t *map, char *err, size_t cap)
{
	if (json_object_size(map) > PV_FLOW_DEVICES)
		return too_many(key, err, cap);
	return key == &pv_flow_keys[KEY_DEVICE_MAP] ? set_device_map(f, map, err, cap) : set_allowed(f, map, err, cap);
}

static int set_list(struct pv_flow_filter *f, const struct pv_key *key, const struct pv_value *v, char *err, size_t cap)
{
	if (v->count > PV_LIST_MAX) {
		snprintf(err, cap, "%s: more than %d entries", key->name, PV_LIST_MAX);
		return -1;
	}
	switch (key - pv_flow_keys) {
	case KEY_ONLY_IPS:
		return set_subnets(&f->ips, v, err, cap);
	case KEY_ONLY_PORTS:
		return set_ports(f, v, err, cap);
	case KEY_ONLY_DIRECTIONS:
		return set_directions(f, v, err, cap);
	case KEY_SUBNETS:
		return pv_flow_summary_subnets(&f->summary, v, err, cap);
	case KEY_EXCLUDE_ASNS:
		return pv_flow_summary_exclude_asns(&f->summary, v, err, cap);
	default:
		return set_subnets(&f->summary.exclude_ips, v, err, cap);
	}
}

int pv_flow_filter_set(void *conf, const struct pv_key *key, const struct pv_value *v, char *err, size_t cap)
{
	struct pv_flow_filter *f = conf;
	bool *const flags[PV_FLOW_KEYS] = {
	    [KEY_ENRICHMENT] = &f->enrichment,
	    [KEY_GEOLOC_NOTFOUND] = &f->geoloc_notfound,
	    [KEY_ASN_NOTFOUND] = &f->asn_notfound,
	    [KEY_SUMMARIZE_IPS_BY_ASN] = &f->summary.by_asn,
	    [KEY_EXCLUDE_UNKNOWN_ASNS] = &f->summary.exclude_unknown,
	    [KEY_SAMPLE_RATE_SCALING] = &f->scaling,
	    [KEY_RECORDED_STREAM] = &f->recorded_stream,
	};
	if (v->type != key->type || (v->type == PV_KEY_MAP && !json_is_object(v->map))) {
		snprintf(err, cap, "wrong type for key: %s", key->name);
		return -1;
	}
	switch (key->type) {
	case PV_KEY_BOOL:
		*flags[key - pv_flow_keys] = v->boolean;
		return 0;
	case PV_KEY_MAP:
		return set_map(f, key, v->map, err, cap);
	default:
		return set_list(f, key, v, err, cap);
	}
}

/* ---- the decision --------------------------------------------------------------------------------------- */

bool pv_flow_filter_on(const struct pv_flow_filter *f)
{
	return f->ips || f->ports.given || f->allowed_given || f->directions != BOTH || f->geoloc_notfound || f->asn_notfound ||
	       !f->scaling || (f->enrichment && f->ndevice) || pv_flow_summary_on(&f->summary);
}

bool pv_flow_filter_wants_places(const struct pv_flow_filter *f)
{
	return f->geoloc_notfound || f->asn_notfound || f->summary.by_asn;
}

/* Is it an address, or is nothing known? */
static bool known(const uint8_t addr[16], uint8_t l3)
{
	static const uint8_t zero[16];
	size_t first = l3 == 4 ? 12 : 0;
	return (l3 == 4 || l3 == 6) && memcmp(addr + first, zero, 16 - first) != 0;
}

static bool ip_accepted(const struct pv_flow_filter *f, const struct pv_flow *e)
{
	return (known(e->src, e->l3) && pv_hosts_has(f->ips, e->src, e->l3)) ||
	       (known(e->dst, e->l3) && pv_hosts_has(f->ips, e->dst, e->l3));
}

static bool port_accepted(const struct pv_flow_filter *f, const struct pv_flow *e)
{
	return (e->sport && within(&f->ports, e->sport)) || (e->dport && within(&f->ports, e->dport));
}

/* The interfaces that are left. */
static uint8_t allowed_bits(const struct pv_flow_filter *f, const struct pv_flow *e, uint8_t bits)
{
	const struct pv_flow_allowed *a = f->nallowed ? bsearch(e->device, f->allowed, f->nallowed, sizeof *a, by_addr) : NULL;
	if (!a || !within(&a->ifaces, e->in_if))
		bits &= (uint8_t)~PV_FLOW_IN;
	if (!a || !within(&a->ifaces, e->out_if))
		bits &= (uint8_t)~PV_FLOW_OUT;
	return bits;
}

/* Has a database found both? Without one it has found nothing, and nothing is rejected. */
static bool both_found(const char *const text[2], const size_t len[2])
{
	static const char unknown[] = "Unknown"; /* geo/geo.h */
	for (int i = 0; i < 2; i++)
		if (!text[i] || !len[i] || (len[i] == sizeof unknown - 1 && !memcmp(text[i], unknown, len[i])))
			return false;
	return true;
}

bool pv_flow_filter_accepts(const struct pv_flow_filter *f, const struct pv_flow *e, const struct pv_flow_places *at,
			    uint8_t *bits)
{
	*bits = e->bits & BOTH;
	if ((f->ips && !ip_accepted(f, e)) || (f->ports.given && !port_accepted(f, e)))
		return false;
	if (f->allowed_given && !(*bits = allowed_bits(f, e, *bits)))
		return false;
	if (f->directions != BOTH && !(*bits &= f->directions))
		return false;
	return !(f->geoloc_notfound && both_found(at->geo, at->geo_len)) &&
	       !(f->asn_notfound && both_found(at->asn, at->asn_len));
}

const struct pv_flow_device *pv_flow_filter_device(const struct pv_flow_filter *f, const uint8_t addr[16])
{
	if (!f->enrichment || !f->ndevice)
		return NULL;
	return bsearch(addr, f->device, f->ndevice, sizeof *f->device, by_addr);
}

const char *pv_flow_device_iface(const struct pv_flow_device *d, uint32_t index)
{
	const struct pv_flow_iface key = {.index = index};
	const struct pv_flow_iface *found =
	    d && d->niface ? bsearch(&key, d->iface, d->niface, sizeof key, by_index) : NULL;
	return found ? found->name : NULL;
}
