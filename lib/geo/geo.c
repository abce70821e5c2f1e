/* SPDX-License-Identifier: MPL-2.0 */
#define XXH_INLINE_ALL /* keys are 16 bytes: a call would cost more than the hash */
#include "geo/geo.h"

#include <errno.h>
#include <inttypes.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/path.h"

#define NONE UINT32_MAX
#define TEXT_BUCKETS (2 * PV_GEO_TEXTS)

_Static_assert((TEXT_BUCKETS & (TEXT_BUCKETS - 1)) == 0, "buckets are found with a mask");

/* ---- the shared part: open files -------------------------------------------------------------- */

struct files { /* never change once they are open */
	atomic_uint refs;
	bool has_city, has_asn;
	MMDB_s city, asn;
};

struct pv_geo_db {
	atomic_uint refs;
	char *city_path, *asn_path; /* absolute; NULL: not asked for */
	pthread_mutex_t lock;       /* of `now` */
	struct files *now;
	atomic_uint generation; /* of `now` */
};

static int open_one(MMDB_s *m, const char *path, char *err, size_t cap)
{
	int rc = MMDB_open(path, MMDB_MODE_MMAP, m);

	if (rc == MMDB_SUCCESS)
		return 0;
	snprintf(err, cap, "%s: %s", path, MMDB_strerror(rc));
	return -1;
}

static void files_close(struct files *f)
{
	if (!f || atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	if (f->has_city)
		MMDB_close(&f->city);
	if (f->has_asn)
		MMDB_close(&f->asn);
	free(f);
}

static struct files *files_open(const char *city_path, const char *asn_path, char *err, size_t cap)
{
	struct files *f = calloc(1, sizeof(*f));

	if (!f) {
		snprintf(err, cap, "%s", strerror(ENOMEM));
		return NULL;
	}
	atomic_init(&f->refs, 1);
	if (city_path && !open_one(&f->city, city_path, err, cap))
		f->has_city = true;
	if (asn_path && f->has_city == (city_path != NULL) && !open_one(&f->asn, asn_path, err, cap))
		f->has_asn = true;
	if (f->has_city == (city_path != NULL) && f->has_asn == (asn_path != NULL))
		return f;
	files_close(f);
	return NULL;
}

struct pv_geo_db *pv_geo_db_open(const char *city_path, const char *asn_path, char *err, size_t cap)
{
	struct pv_geo_db *db = calloc(1, sizeof(*db));

	if (!db) {
		snprintf(err, cap, "%s", strerror(ENOMEM));
		return NULL;
	}
	atomic_init(&db->refs, 1);
	pthread_mutex_init(&db->lock, NULL);
	if ((city_path && !(db->city_path = pv_path_absolute(city_path))) ||
	    (asn_path && !(db->asn_path = pv_path_absolute(asn_path)))) {
		snprintf(err, cap, "%s", strerror(errno));
		pv_geo_db_close(db);
		return NULL;
	}
	db->now = files_open(city_path, asn_path, err, cap);
	if (!db->now) {
		pv_geo_db_close(db);
		return NULL;
	}
	return db;
}

int pv_geo_db_reopen(struct pv_geo_db *db, char *err, size_t cap)
{
	struct files *fresh = files_open(db->city_path, db->asn_path, err, cap), *old;

	if (!fresh)
		return -1;
	pthread_mutex_lock(&db->lock);
	old = db->now;
	db->now = fresh;
	atomic_fetch_add(&db->generation, 1);
	pthread_mutex_unlock(&db->lock);
	files_close(old);
	return 0;
}

/* A reference on the files that are open now, and their generation. */
static struct files *files_now(struct pv_geo_db *db, unsigned *generation)
{
	pthread_mutex_lock(&db->lock);
	struct files *f = db->now;
	atomic_fetch_add(&f->refs, 1);
	*generation = atomic_load(&db->generation);
	pthread_mutex_unlock(&db->lock);
	return f;
}

void pv_geo_db_close(struct pv_geo_db *db)
{
	if (!db || atomic_fetch_sub(&db->refs, 1) != 1)
		return;
	files_close(db->now);
	pthread_mutex_destroy(&db->lock);
	free(db->city_path);
	free(db->asn_path);
	free(db);
}

/* ---- texts out of an entry -------------------------------------------------------------------- */

struct text {
	size_t len;
	char at[PV_GEO_TEXT_MAX];
};

static void put(struct text *t, const char *bytes, size_t n)
{
	size_t room = sizeof(t->at) - t->len;

	if (n > room) {
		n = room;
		while (n && ((uint8_t)bytes[n] & 0xc0) == 0x80) /* not in the middle of a character */
			n--;
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)bytes[i];
		t->at[t->len + i] = (char)(c < 0x20 || c == 0x7f ? ' ' : c);
	}
	t->len += n;
}

/* One value of an entry. False: not there, or not readable (then *bad is set). */
static bool value(const MMDB_entry_s *entry, const char *const *path, MMDB_entry_data_s *out, bool *bad)
{
	MMDB_entry_s e = *entry;
	int rc = MMDB_aget_value(&e, out, path);

	if (rc == MMDB_SUCCESS)
		return out->has_data;
	if (rc != MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR && rc != MMDB_INVALID_LOOKUP_PATH_ERROR)
		*bad = true;
	return false;
}

static bool put_string(struct text *t, const char *before, const MMDB_entry_s *entry, const char *const *path,
		       bool *bad)
{
	MMDB_entry_data_s d;

	if (!value(entry, path, &d, bad) || d.type != MMDB_DATA_TYPE_UTF8_STRING || !d.data_size)
		return false;
	put(t, before, strlen(before));
	put(t, d.utf8_string, d.data_size);
	return true;
}

/* In millionths: printf would follow the program's locale, which may want a decimal comma. */
static bool degrees(const MMDB_entry_s *entry, const char *const *path, double limit, int64_t *micro,
		    bool *bad)
{
	MMDB_entry_data_s d;
	double v;

	if (!value(entry, path, &d, bad))
		return false;
	if (d.type == MMDB_DATA_TYPE_DOUBLE)
		v = d.double_value;
	else if (d.type == MMDB_DATA_TYPE_FLOAT)
		v = (double)d.float_value;
	else
		return false;
	if (!(v >= -limit && v <= limit)) /* NaN too */
		return false;
	*micro = (int64_t)(v * 1e6 + (v < 0 ? -0.5 : 0.5));
	return true;
}

static size_t degrees_text(char *out, size_t cap, int64_t micro)
{
	uint64_t a = (uint64_t)(micro < 0 ? -micro : micro);

	return (size_t)snprintf(out, cap, "\t%s%" PRIu64 ".%06" PRIu64, micro < 0 ? "-" : "", a / 1000000,
				a % 1000000);
}

#define PLACE_BYTES 32 /* TAB -dd.dddddd TAB -ddd.dddddd, and some */

static void city_text(struct text *t, const MMDB_entry_s *entry, bool *bad)
{
	static const char *const continent[] = {"continent", "code", NULL};
	static const char *const country[] = {"country", "names", "en", NULL};
	static const char *const country_iso[] = {"country", "iso_code", NULL};
	static const char *const subdivision[] = {"subdivisions", "0", "iso_code", NULL};
	static const char *const city[] = {"city", "names", "en", NULL};
	static const char *const latitude[] = {"location", "latitude", NULL};
	static const char *const longitude[] = {"location", "longitude", NULL};
	int64_t lat, lon;

	put_string(t, "", entry, continent, bad);
	if (!put_string(t, "/", entry, country, bad))
		put_string(t, "/", entry, country_iso, bad);
	put_string(t, "/", entry, subdivision, bad);
	put_string(t, "/", entry, city, bad);
	if (degrees(entry, latitude, 90, &lat, bad) && degrees(entry, longitude, 180, &lon, bad)) {
		char place[PLACE_BYTES];
		size_t n = degrees_text(place, sizeof(place), lat);

		n += degrees_text(place + n, sizeof(place) - n, lon);
		if (t->len > sizeof(t->at) - n) {
			t->len = sizeof(t->at) - n;
			while (t->len && ((uint8_t)t->at[t->len] & 0xc0) == 0x80)
				t->len--;
		}
		memcpy(t->at + t->len, place, n);
		t->len += n;
	}
}

static void asn_text(struct text *t, const MMDB_entry_s *entry, bool *bad)
{
	static const char *const number[] = {"autonomous_system_number", NULL};
	static const char *const organization[] = {"autonomous_system_organization", NULL};
	MMDB_entry_data_s d;

	if (value(entry, number, &d, bad)) {
		uint64_t v = 0;
		char digits[24];
		bool is = true;

		if (d.type == MMDB_DATA_TYPE_UINT32)
			v = d.uint32;
		else if (d.type == MMDB_DATA_TYPE_UINT16)
			v = d.uint16;
		else if (d.type == MMDB_DATA_TYPE_UINT64)
			v = d.uint64;
		else
			is = false;
		if (is)
			put(t, digits, (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, v));
	}
	put_string(t, "/", entry, organization, bad);
}

/* ---- dictionary: number -> text ---------------------------------------------------------------- */

struct word { /* apart from the texts, so that the ring of use stays in the processor's cache */
	uint32_t hash;
	uint32_t chain;       /* next in the bucket */
	uint32_t newer, older; /* ring of use */
	uint32_t gen;         /* goes up when the number gets another text */
	uint32_t epoch;       /* stream in which it was announced last */
	uint32_t len;
};

struct dict {
	struct word *words;             /* PV_GEO_TEXTS */
	char (*texts)[PV_GEO_TEXT_MAX]; /* PV_GEO_TEXTS; touched in order, so memory follows use */
	uint32_t *buckets;              /* TEXT_BUCKETS */
	uint32_t used;
	uint32_t newest, oldest;
};

static void ring_remove(struct dict *d, uint32_t i)
{
	struct word *w = &d->words[i];

	if (w->newer != NONE)
		d->words[w->newer].older = w->older;
	else
		d->newest = w->older;
	if (w->older != NONE)
		d->words[w->older].newer = w->newer;
	else
		d->oldest = w->newer;
}

static void ring_push(struct dict *d, uint32_t i)
{
	struct word *w = &d->words[i];

	w->newer = NONE;
	w->older = d->newest;
	if (d->newest != NONE)
		d->words[d->newest].newer = i;
	else
		d->oldest = i;
	d->newest = i;
}

static void dict_touch(struct dict *d, uint32_t i)
{
	if (d->newest == i)
		return;
	ring_remove(d, i);
	ring_push(d, i);
}

static void dict_unchain(struct dict *d, uint32_t i)
{
	uint32_t *at = &d->buckets[d->words[i].hash & (TEXT_BUCKETS - 1)];

	while (*at != i)
		at = &d->words[*at].chain;
	*at = d->words[i].chain;
}

/* Index of a text, which gets a place when it has none. */
static uint32_t dict_get(struct dict *d, const struct text *t, uint64_t seed, uint64_t *reassigned)
{
	uint32_t hash = (uint32_t)XXH3_64bits_withSeed(t->at, t->len, seed);
	uint32_t *bucket = &d->buckets[hash & (TEXT_BUCKETS - 1)];
	uint32_t i;

	for (i = *bucket; i != NONE; i = d->words[i].chain) {
		const struct word *w = &d->words[i];
		if (w->hash == hash && w->len == t->len && !memcmp(d->texts[i], t->at, t->len))
			return i;
	}
	if (d->used < PV_GEO_TEXTS) {
		i = d->used++;
	} else {
		i = d->oldest;
		dict_unchain(d, i);
		ring_remove(d, i);
		d->words[i].gen++;
		++*reassigned;
	}
	struct word *w = &d->words[i];
	w->hash = hash;
	w->len = (uint32_t)t->len;
	w->epoch = 0;
	w->chain = *bucket;
	*bucket = i;
	memcpy(d->texts[i], t->at, t->len);
	ring_push(d, i);
	return i;
}

static int dict_init(struct dict *d)
{
	d->words = calloc(PV_GEO_TEXTS, sizeof(*d->words));
	d->texts = calloc(PV_GEO_TEXTS, sizeof(*d->texts));
	d->buckets = malloc(TEXT_BUCKETS * sizeof(*d->buckets));
	if (!d->words || !d->texts || !d->buckets)
		return -1;
	memset(d->buckets, 0xff, TEXT_BUCKETS * sizeof(*d->buckets));
	d->newest = d->oldest = NONE;
	return 0;
}

static void dict_free(struct dict *d)
{
	free(d->words);
	free(d->texts);
	free(d->buckets);
}

/* ---- cache: address -> index in the dictionary -------------------------------------------------- */

struct entry {
	uint8_t addr[16];
	uint32_t chain;
	uint32_t word, gen; /* valid while the word still has that gen */
	uint8_t family;
	uint8_t hit; /* since the hand came by */
	uint8_t pad[2];
};

struct cache {
	struct entry *entries;
	uint32_t *buckets;
	uint32_t cap, used, mask, hand;
};

static inline uint64_t addr_hash(const uint8_t addr[16], uint8_t family, uint64_t seed)
{
	return XXH3_64bits_withSeed(addr, 16, seed + family);
}

static inline struct entry *cache_find(struct cache *c, const uint8_t addr[16], uint8_t family, uint64_t hash)
{
	for (uint32_t i = c->buckets[hash & c->mask]; i != NONE; i = c->entries[i].chain) {
		struct entry *e = &c->entries[i];
		if (e->family == family && !memcmp(e->addr, addr, 16))
			return e;
	}
	return NULL;
}

/* A place for a new address: a free one, or the next that was not hit. */
static struct entry *cache_place(struct cache *c, uint64_t seed)
{
	if (c->used < c->cap)
		return &c->entries[c->used++];
	for (;;) {
		uint32_t i = c->hand;
		struct entry *e = &c->entries[i];

		c->hand = i + 1 == c->cap ? 0 : i + 1;
		if (e->hit) {
			e->hit = 0;
			continue;
		}
		uint32_t *at = &c->buckets[addr_hash(e->addr, e->family, seed) & c->mask];
		while (*at != i)
			at = &c->entries[*at].chain;
		*at = e->chain;
		return e;
	}
}

static int cache_init(struct cache *c, size_t entries)
{
	uint32_t buckets = 1;

	if (!entries)
		return 0;
	c->cap = (uint32_t)(entries > PV_GEO_CACHE_MAX ? PV_GEO_CACHE_MAX : entries);
	while (buckets < c->cap)
		buckets *= 2;
	c->mask = buckets - 1;
	c->entries = calloc(c->cap, sizeof(*c->entries));
	c->buckets = malloc(buckets * sizeof(*c->buckets));
	if (!c->entries || !c->buckets)
		return -1;
	memset(c->buckets, 0xff, buckets * sizeof(*c->buckets));
	return 0;
}

static void cache_clear(struct cache *c)
{
	if (!c->cap)
		return;
	c->used = c->hand = 0;
	memset(c->buckets, 0xff, ((size_t)c->mask + 1) * sizeof(*c->buckets));
}

/* ---- both levels -------------------------------------------------------------------------------- */

struct side {
	const MMDB_s *mmdb; /* NULL: not loaded */
	void (*text)(struct text *, const MMDB_entry_s *, bool *bad);
	struct cache cache;
	struct dict dict;
};

struct pv_geo {
	struct pv_geo_db *db;
	struct files *files;
	unsigned generation; /* of files */
	struct side city, asn;
	uint64_t seed;
	uint32_t epoch; /* of the current stream, from 1 */
	struct pv_geo_counts counts;
};

static int side_init(struct side *s, const MMDB_s *mmdb, size_t entries,
		     void (*text)(struct text *, const MMDB_entry_s *, bool *bad))
{
	s->mmdb = mmdb;
	s->text = text;
	return cache_init(&s->cache, entries) || dict_init(&s->dict) ? -1 : 0;
}

static void side_free(struct side *s)
{
	free(s->cache.entries);
	free(s->cache.buckets);
	dict_free(&s->dict);
}

static size_t side_bytes(const struct side *s)
{
	size_t n = 0;

	if (s->mmdb)
		n += PV_GEO_TEXTS * (sizeof(*s->dict.words) + sizeof(*s->dict.texts)) +
		     TEXT_BUCKETS * sizeof(*s->dict.buckets);
	if (s->cache.cap)
		n += s->cache.cap * sizeof(*s->cache.entries) +
		     ((size_t)s->cache.mask + 1) * sizeof(*s->cache.buckets);
	return n;
}

struct pv_geo *pv_geo_new(struct pv_geo_db *db, size_t cache_entries, uint64_t seed)
{
	struct pv_geo *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->seed = seed;
	g->epoch = 1;
	g->db = db;
	atomic_fetch_add(&db->refs, 1);
	g->files = files_now(db, &g->generation);
	if ((g->files->has_city && side_init(&g->city, &g->files->city, cache_entries, city_text)) ||
	    (g->files->has_asn && side_init(&g->asn, &g->files->asn, cache_entries, asn_text))) {
		pv_geo_close(g);
		errno = ENOMEM;
		return NULL;
	}
	g->counts.memory_bytes = sizeof(*g) + side_bytes(&g->city) + side_bytes(&g->asn);
	return g;
}

void pv_geo_close(struct pv_geo *g)
{
	if (!g)
		return;
	side_free(&g->city);
	side_free(&g->asn);
	files_close(g->files);
	pv_geo_db_close(g->db);
	free(g);
}

struct pv_geo *pv_geo_open(const struct pv_geo_conf *conf, char *err, size_t cap)
{
	struct pv_geo_db *db = pv_geo_db_open(conf->city_path, conf->asn_path, err, cap);
	struct pv_geo *g;

	if (!db)
		return NULL;
	g = pv_geo_new(db, conf->cache_entries, conf->seed);
	if (!g)
		snprintf(err, cap, "%s", strerror(ENOMEM));
	pv_geo_db_close(db);
	return g;
}

int pv_geo_reopen(struct pv_geo *g, char *err, size_t cap)
{
	return pv_geo_db_reopen(g->db, err, cap);
}

void pv_geo_forget(struct pv_geo *g)
{
	if (g && ++g->epoch == 0) /* 0 marks words that were never announced */
		g->epoch = 1;
}

/* Asks the database. */
static uint32_t resolve(struct pv_geo *g, struct side *s, const uint8_t addr[16], uint8_t family)
{
	static const char unknown[] = "Unknown";
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct text t;
	bool bad = false;
	int rc = MMDB_SUCCESS;
	MMDB_lookup_result_s found;

	t.len = 0;
	if (family == 4) {
		memcpy(&in4.sin_addr, addr + 12, 4);
		found = MMDB_lookup_sockaddr(s->mmdb, (const struct sockaddr *)&in4, &rc);
	} else {
		memcpy(&in6.sin6_addr, addr, 16);
		found = MMDB_lookup_sockaddr(s->mmdb, (const struct sockaddr *)&in6, &rc);
	}
	if (rc != MMDB_SUCCESS) {
		bad = rc != MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR;
		put(&t, unknown, sizeof(unknown) - 1);
	} else if (!found.found_entry) {
		put(&t, unknown, sizeof(unknown) - 1);
	} else {
		s->text(&t, &found.entry, &bad);
		if (bad && !t.len)
			put(&t, unknown, sizeof(unknown) - 1);
	}
	if (bad)
		g->counts.errors++;
	else if (rc != MMDB_SUCCESS || !found.found_entry)
		g->counts.unknown++;
	return dict_get(&s->dict, &t, g->seed, &g->counts.reassigned);
}

/* The files were opened anew. Which kinds there are does not change. */
static void change_over(struct pv_geo *g)
{
	struct files *old = g->files;

	g->files = files_now(g->db, &g->generation);
	if (g->city.mmdb)
		g->city.mmdb = &g->files->city;
	if (g->asn.mmdb)
		g->asn.mmdb = &g->files->asn;
	cache_clear(&g->city.cache);
	cache_clear(&g->asn.cache);
	files_close(old);
}

static uint32_t look_up(struct pv_geo *g, struct side *s, const uint8_t addr[16], uint8_t family, bool *fresh,
			const char **text, size_t *len)
{
	struct dict *d = &s->dict;
	struct entry *e = NULL;
	uint64_t hash = 0;
	uint32_t i;

	if (!s->mmdb || (family != 4 && family != 6)) {
		*fresh = false;
		*text = NULL;
		*len = 0;
		return 0;
	}
	if (atomic_load_explicit(&g->db->generation, memory_order_relaxed) != g->generation)
		change_over(g);
	g->counts.lookups++;
	if (s->cache.cap) {
		hash = addr_hash(addr, family, g->seed);
		e = cache_find(&s->cache, addr, family, hash);
	}
	if (e && d->words[e->word].gen == e->gen) {
		g->counts.cached++;
		i = e->word;
		e->hit = 1;
	} else {
		i = resolve(g, s, addr, family);
		if (!e && s->cache.cap) {
			e = cache_place(&s->cache, g->seed);
			memcpy(e->addr, addr, 16);
			e->family = family;
			e->hit = 0;
			uint32_t *bucket = &s->cache.buckets[hash & s->cache.mask];
			e->chain = *bucket;
			*bucket = (uint32_t)(e - s->cache.entries);
		}
		if (e) {
			e->word = i;
			e->gen = d->words[i].gen;
		}
	}
	dict_touch(d, i);
	struct word *w = &d->words[i];
	*fresh = w->epoch != g->epoch;
	w->epoch = g->epoch;
	*text = d->texts[i];
	*len = w->len;
	return i + 1;
}

uint32_t pv_geo_city(struct pv_geo *g, const uint8_t addr[16], uint8_t family, bool *fresh, const char **text,
		     size_t *len)
{
	return look_up(g, &g->city, addr, family, fresh, text, len);
}

uint32_t pv_geo_asn(struct pv_geo *g, const uint8_t addr[16], uint8_t family, bool *fresh, const char **text,
		    size_t *len)
{
	return look_up(g, &g->asn, addr, family, fresh, text, len);
}

void pv_geo_counts(const struct pv_geo *g, struct pv_geo_counts *out)
{
	*out = g->counts;
}
