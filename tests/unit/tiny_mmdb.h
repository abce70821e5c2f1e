/* SPDX-License-Identifier: MPL-2.0 */
/* tiny_mmdb.h - writes MaxMind DB files for tests: databases with what real ones do not have.
 *
 * IPv6 trees of 32-bit records, IPv4 below ::/96. Records are put together from the mm_*() pieces
 * (MaxMind DB file format 2.0), added with mm_net*(), and written by mm_write(). Everything asserts. */
#ifndef TINY_MMDB_H
#define TINY_MMDB_H

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mm {
	uint32_t (*node)[2]; /* 0: nothing; MM_DATA|offset; else a node's index */
	size_t nodes, cap_nodes;
	uint8_t *data;
	size_t len, cap;
};

#define MM_DATA 0x80000000u

static inline void mm_bytes(struct mm *m, const void *p, size_t n)
{
	while (m->cap - m->len < n) {
		m->cap = m->cap ? m->cap * 2 : 4096;
		m->data = realloc(m->data, m->cap);
		assert(m->data);
	}
	memcpy(m->data + m->len, p, n);
	m->len += n;
}

static inline void mm_byte(struct mm *m, unsigned b)
{
	uint8_t c = (uint8_t)b;
	mm_bytes(m, &c, 1);
}

static inline void mm_head(struct mm *m, unsigned type, size_t size)
{
	unsigned s = size < 29 ? (unsigned)size : size < 285 ? 29 : 30;

	assert(size < 285 + 65536);
	mm_byte(m, (type < 8 ? type << 5 : 0) | s);
	if (type >= 8)
		mm_byte(m, type - 7);
	if (s == 29) {
		mm_byte(m, (unsigned)size - 29);
	} else if (s == 30) {
		mm_byte(m, (unsigned)(size - 285) >> 8);
		mm_byte(m, (unsigned)(size - 285) & 255);
	}
}

static inline void mm_string(struct mm *m, const char *s)
{
	mm_head(m, 2, strlen(s));
	mm_bytes(m, s, strlen(s));
}

static inline void mm_uint(struct mm *m, unsigned type, unsigned bytes, uint64_t v)
{
	mm_head(m, type, bytes);
	while (bytes--)
		mm_byte(m, (unsigned)(v >> (bytes * 8)) & 255);
}

static inline void mm_u16(struct mm *m, uint64_t v) { mm_uint(m, 5, 2, v); }
static inline void mm_u32(struct mm *m, uint64_t v) { mm_uint(m, 6, 4, v); }
static inline void mm_u64(struct mm *m, uint64_t v) { mm_uint(m, 9, 8, v); }
static inline void mm_map(struct mm *m, size_t pairs) { mm_head(m, 7, pairs); }
static inline void mm_array(struct mm *m, size_t items) { mm_head(m, 11, items); }

static inline void mm_double(struct mm *m, double v)
{
	uint64_t bits;
	memcpy(&bits, &v, 8);
	mm_uint(m, 3, 8, bits);
}

/* key -> {names: {en: text}} or {key2: text}: pairs of the outermost map */
static inline void mm_named(struct mm *m, const char *key, const char *en)
{
	mm_string(m, key);
	mm_map(m, 1);
	mm_string(m, "names");
	mm_map(m, 1);
	mm_string(m, "en");
	mm_string(m, en);
}

static inline void mm_coded(struct mm *m, const char *key, const char *code, const char *text)
{
	mm_string(m, key);
	mm_map(m, 1);
	mm_string(m, code);
	mm_string(m, text);
}

static inline void mm_subdivision(struct mm *m, const char *iso)
{
	mm_string(m, "subdivisions");
	mm_array(m, 1);
	mm_map(m, 1);
	mm_string(m, "iso_code");
	mm_string(m, iso);
}

static inline void mm_place(struct mm *m, double lat, double lon)
{
	mm_string(m, "location");
	mm_map(m, 2);
	mm_string(m, "latitude");
	mm_double(m, lat);
	mm_string(m, "longitude");
	mm_double(m, lon);
}

static inline uint32_t mm_new_node(struct mm *m)
{
	if (m->nodes == m->cap_nodes) {
		m->cap_nodes = m->cap_nodes ? m->cap_nodes * 2 : 256;
		m->node = realloc(m->node, m->cap_nodes * sizeof(*m->node));
		assert(m->node);
	}
	m->node[m->nodes][0] = m->node[m->nodes][1] = 0;
	return (uint32_t)m->nodes++;
}

/* addr/prefix, as in the tree (IPv4 below ::/96), has the record at `offset` of the data section. */
static inline void mm_net6(struct mm *m, const uint8_t addr[16], unsigned prefix, size_t offset)
{
	uint32_t at = 0;

	if (!m->nodes)
		mm_new_node(m);
	for (unsigned i = 0; i < prefix; i++) {
		unsigned bit = addr[i / 8] >> (7 - i % 8) & 1;
		if (i + 1 == prefix) {
			m->node[at][bit] = MM_DATA | (uint32_t)offset;
		} else {
			uint32_t next = m->node[at][bit];
			assert(!(next & MM_DATA));
			if (!next) {
				next = mm_new_node(m); /* moves node[] */
				m->node[at][bit] = next;
			}
			at = next;
		}
	}
}

static inline void mm_net4(struct mm *m, uint32_t addr, unsigned prefix, size_t offset)
{
	uint8_t a[16] = {0};

	for (unsigned i = 0; i < 4; i++)
		a[12 + i] = (uint8_t)(addr >> (24 - 8 * i));
	mm_net6(m, a, 96 + prefix, offset);
}

static inline void mm_put32(FILE *f, uint64_t v)
{
	for (unsigned i = 4; i--;)
		fputc((int)(v >> (8 * i) & 255), f);
}

/* Writes the file and empties m. */
static inline void mm_write(struct mm *m, const char *path, const char *type)
{
	static const uint8_t gap[16];
	FILE *f = fopen(path, "wb");
	struct mm meta = {0};

	assert(f && m->nodes);
	for (size_t i = 0; i < m->nodes; i++)
		for (unsigned b = 0; b < 2; b++) {
			uint32_t c = m->node[i][b];
			mm_put32(f, !c ? m->nodes : c & MM_DATA ? m->nodes + 16 + (c & ~MM_DATA) : c);
		}
	fwrite(gap, 1, sizeof(gap), f);
	fwrite(m->data, 1, m->len, f);
	fwrite("\xab\xcd\xefMaxMind.com", 1, 14, f);
	mm_map(&meta, 9);
	mm_string(&meta, "node_count");
	mm_u32(&meta, m->nodes);
	mm_string(&meta, "record_size");
	mm_u16(&meta, 32);
	mm_string(&meta, "ip_version");
	mm_u16(&meta, 6);
	mm_string(&meta, "database_type");
	mm_string(&meta, type);
	mm_string(&meta, "languages");
	mm_array(&meta, 1);
	mm_string(&meta, "en");
	mm_string(&meta, "binary_format_major_version");
	mm_u16(&meta, 2);
	mm_string(&meta, "binary_format_minor_version");
	mm_u16(&meta, 0);
	mm_string(&meta, "build_epoch");
	mm_u64(&meta, 1700000000);
	mm_string(&meta, "description");
	mm_map(&meta, 1);
	mm_string(&meta, "en");
	mm_string(&meta, "made by a test");
	fwrite(meta.data, 1, meta.len, f);
	assert(!fclose(f));
	free(meta.data);
	free(m->node);
	free(m->data);
	memset(m, 0, sizeof(*m));
}

/* A name for a file that nobody else has; unlink() it. */
static inline void mm_temp(char out[64])
{
	const char *dir = getenv("TMPDIR");
	int fd;

	if (!dir || strlen(dir) > 40)
		dir = "/tmp";
	snprintf(out, 64, "%s/pv-test-XXXXXX", dir);
	fd = mkstemp(out);
	assert(fd >= 0);
	close(fd);
}

#endif
