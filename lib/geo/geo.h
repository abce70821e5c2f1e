/* SPDX-License-Identifier: MPL-2.0 */
/* geo/geo.h - where an address is (City) and whose it is (ASN), as small numbers.
 *
 * Model: two objects. A pv_geo_db is the open database files: read-only, shared, thread-safe. A
 * pv_geo belongs to one analyser and has, for City and for ASN each,
 *   - a cache address -> number, keyed on the raw 16 bytes and the family. Addresses that the database
 *     does not know are cached as well. Replacement is CLOCK: a hit sets one bit, the hand takes
 *     the first entry that was not hit since it came by.
 *   - a dictionary number -> text of PV_GEO_TEXTS places; when all are taken the least recently used
 *     is given to the new text (a cached address that pointed there is looked up again).
 * Numbers go into events, texts go into the stream once, by a DEFINE event: when a look-up answers
 * `fresh`, the caller must emit the DEFINE before the event that uses the number.
 *
 * Texts: City is continent code, country (English name, else ISO code), first subdivision's ISO code and
 * English city name, joined by slashes, a missing part left out with the slash before it; behind it TAB
 * latitude TAB longitude, six decimals, when both are known. ASN is number, slash, organisation; without
 * an organisation there is no slash, without a number nothing stands before it. An entry with none of
 * these has an empty text. An address that is not in the database, or whose look-up fails, is "Unknown".
 * Control characters become spaces, so that TAB only ever separates; texts are cut at PV_GEO_TEXT_MAX.
 *
 * A number is good for the event it was asked for, and until PV_GEO_TEXTS - 1 other texts came up.
 * A caller that keeps something longer (an open transaction) keeps the address and asks again.
 *
 * Ownership: a pv_geo holds a reference on its database, so the two may be closed in either order.
 * Files that were replaced are opened anew by pv_geo_db_reopen(); each pv_geo changes over with its next look-up, forgets
 * its cached addresses, and keeps its texts and their numbers.
 * Threads: pv_geo_db any number; pv_geo one at a time.
 * Errors: damaged databases are data of others: the look-up is "Unknown" (or the part is missing), and
 * counted. A database file must not be shortened while it is open (it is mapped): replace it by rename.
 * Memory: per kind 40 bytes per cache entry and at most 5 MiB of texts; nothing is allocated after
 * pv_geo_new().
 * Source: MaxMind DB file format 2.0, through libmaxminddb. */
#ifndef PV_GEO_GEO_H
#define PV_GEO_GEO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_GEO_TEXTS 16384u         /* places or networks in use at once; spoofed addresses recycle them */
#define PV_GEO_TEXT_MAX 240u        /* bytes; the longest real ones are about 120 */
#define PV_GEO_CACHE_DEFAULT 10000u /* addresses per database */
#define PV_GEO_CACHE_MAX (1u << 20) /* 40 MiB per database; more is cut to this */

struct pv_geo_db;
struct pv_geo;

/* Either path may be NULL. NULL with one line in err: "<file>: <reason>". */
struct pv_geo_db *pv_geo_db_open(const char *city_path, const char *asn_path, char *err, size_t cap);
/* The same files once more; those that are open stay where that fails. Relative paths are those of the time of opening. 0, or
 * -1 with one line in err. */
int pv_geo_db_reopen(struct pv_geo_db *, char *err, size_t cap);
void pv_geo_db_close(struct pv_geo_db *); /* gives up the caller's reference; NULL is fine */

/* cache_entries 0: no address cache. seed: of the hash tables, not to be guessed. NULL: ENOMEM. */
struct pv_geo *pv_geo_new(struct pv_geo_db *, size_t cache_entries, uint64_t seed);
void pv_geo_close(struct pv_geo *); /* NULL is fine */

struct pv_geo_conf {
	const char *city_path, *asn_path; /* NULL: not loaded */
	size_t cache_entries;             /* of each kind; 0: no cache */
	uint64_t seed;
};

/* Both objects at once, for a program with one analyser. */
struct pv_geo *pv_geo_open(const struct pv_geo_conf *, char *err, size_t cap);

/* pv_geo_db_reopen() of what pv_geo_open() opened. */
int pv_geo_reopen(struct pv_geo *, char *err, size_t cap);

/* The number (from 1) of an address's text; 0 and no text when the database is not loaded or family is
 * neither 4 nor 6. IPv4 as ::ffff:a.b.c.d with family 4. *text has *len bytes and no NUL; it is good until
 * the next look-up. */
uint32_t pv_geo_city(struct pv_geo *, const uint8_t addr[16], uint8_t family, bool *fresh, const char **text,
		     size_t *len);
uint32_t pv_geo_asn(struct pv_geo *, const uint8_t addr[16], uint8_t family, bool *fresh, const char **text,
		    size_t *len);

/* A new stream begins: every number has to be announced again. NULL is fine. */
void pv_geo_forget(struct pv_geo *);

struct pv_geo_counts { /* both kinds together, since pv_geo_new() */
	uint64_t lookups;
	uint64_t cached;     /* answered by the cache */
	uint64_t unknown;    /* asked of a database that did not know */
	uint64_t errors;     /* asked of a database that turned out to be damaged */
	uint64_t reassigned; /* numbers that got another text */
	size_t memory_bytes; /* held, texts not yet used included */
};

void pv_geo_counts(const struct pv_geo *, struct pv_geo_counts *);

#endif
