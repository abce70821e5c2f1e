/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the sketch tests share: a random source, checks every image must pass, and our own vectors.
 *
 * Vectors: tests/vectors/sketch (or $PV_VECTORS) holds images made from streams the tests state in code,
 * and vectors.tsv: file, stream, what the image gives. A test rebuilds each sketch, and what is written
 * must be the file byte for byte. With PV_VECTORS_WRITE set the files are written instead, and their rows
 * printed. */
#ifndef PV_TESTS_SKETCH_UTIL_H
#define PV_TESTS_SKETCH_UTIL_H

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UNUSED __attribute__((unused))

/* SplitMix64. */
static UNUSED uint64_t rnd(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* In [0, 1). */
static UNUSED double rnd_unit(uint64_t *state)
{
	return (double)(rnd(state) >> 11) * 0x1p-53;
}

/* A kind of sketch, as far as images go. */
struct codec {
	void *(*read)(const uint8_t *p, size_t n);
	size_t (*size)(const void *sketch);
	size_t (*write)(const void *sketch, uint8_t *buf, size_t cap);
	void (*free)(void *sketch);
};

/* Reads from a heap block of exactly n bytes, so that reading past it is caught. */
static UNUSED void *read_exact(const struct codec *c, const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	void *sketch;

	assert_non_null(copy);
	if (n)
		memcpy(copy, p, n);
	errno = 0;
	/* With n == 0 the block is handed over from its end. */
	sketch = c->read(n ? copy : copy + 1, n);
	if (!sketch)
		assert_int_equal(errno, EINVAL);
	free(copy);
	return sketch;
}

static UNUSED uint8_t *write_exact(const struct codec *c, const void *sketch, size_t *n)
{
	uint8_t *buf;

	*n = c->size(sketch);
	assert_true(*n > 0);
	buf = malloc(*n);
	assert_non_null(buf);
	assert_int_equal(c->write(sketch, buf, *n - 1), 0);
	assert_int_equal(c->write(sketch, buf, *n), *n);
	return buf;
}

/* What was read from anywhere must be written, read and written again alike. */
static UNUSED void check_stable(const struct codec *c, const void *sketch)
{
	size_t n, n2;
	uint8_t *a = write_exact(c, sketch, &n), *b;
	void *again = read_exact(c, a, n);

	assert_non_null(again);
	b = write_exact(c, again, &n2);
	assert_int_equal(n, n2);
	assert_memory_equal(a, b, n);
	c->free(again);
	free(a);
	free(b);
}

/*
 * Round trip, every truncation, one byte more, and damage at random. Gives how many damaged images were
 * refused. */
static UNUSED unsigned check_image(const struct codec *c, const void *sketch, unsigned damages)
{
	uint64_t seed = 42;
	unsigned refused = 0;
	size_t n;
	uint8_t *a = write_exact(c, sketch, &n), *longer;
	void *again;

	check_stable(c, sketch);
	for (size_t i = 0; i < n; i++) {
		again = read_exact(c, a, i);
		if (again)
			fail_msg("truncated to %zu of %zu bytes, and was read", i, n);
	}
	longer = malloc(n + 1);
	assert_non_null(longer);
	memcpy(longer, a, n);
	longer[n] = 0;
	assert_null(read_exact(c, longer, n + 1));
	free(longer);
	for (unsigned i = 0; i < damages; i++) {
		/* The head is where the fields are. */
		size_t at = rnd(&seed) % (i & 1 ? n : n < 48 ? n : 48);
		uint8_t was = a[at];

		a[at] = i % 3 ? (uint8_t)rnd(&seed) : (uint8_t)(was ^ 1u << (rnd(&seed) & 7));
		again = read_exact(c, a, n);
		if (again) {
			check_stable(c, again);
			c->free(again);
		} else {
			refused++;
		}
		a[at] = was;
	}
	free(a);
	return refused;
}

static UNUSED uint8_t *load_file(const char *dir, const char *name, size_t *n)
{
	char path[1024];
	uint8_t *buf;
	FILE *f;
	long size;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	assert_true(size >= 0);
	*n = (size_t)size;
	buf = calloc(1, *n + 1); /* a string too */
	assert_non_null(buf);
	assert_int_equal(fread(buf, 1, *n, f), *n);
	fclose(f);
	return buf;
}

static UNUSED const char *vectors_dir(void)
{
	const char *dir = getenv("PV_VECTORS");

	return dir ? dir : "tests/vectors/sketch";
}

/*
 * The row of a file in a table of tabs, cut at its end; NULL if there is none. The caller frees table, not
 * the row. */
static UNUSED char *tsv_row(char *table, const char *file)
{
	size_t n = strlen(file);

	for (char *line = table; *line;) {
		char *end = strchr(line, '\n');

		if (!strncmp(line, file, n) && line[n] == '\t') {
			if (end)
				*end = '\0';
			return line;
		}
		if (!end)
			break;
		line = end + 1;
	}
	return NULL;
}

/* sketch is what the stream gives, expected what the vectors say of it. */
static UNUSED void check_vector(const struct codec *c, const void *sketch, const char *file,
				const char *stream, void (*describe)(const void *sketch, char *buf, size_t n))
{
	char text[512], row[1024], *found;
	uint8_t *image, *stored, *table;
	size_t n, n2;
	void *again;

	image = write_exact(c, sketch, &n);
	describe(sketch, text, sizeof(text));
	snprintf(row, sizeof(row), "%s\t%s\t%s", file, stream, text);
	if (getenv("PV_VECTORS_WRITE")) {
		char path[1024];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", vectors_dir(), file);
		f = fopen(path, "wb");
		assert_non_null(f);
		assert_int_equal(fwrite(image, 1, n, f), n);
		assert_int_equal(fclose(f), 0);
		fprintf(stdout, "%s\n", row);
		free(image);
		return;
	}
	stored = load_file(vectors_dir(), file, &n2);
	if (!stored)
		fail_msg("no %s in %s", file, vectors_dir());
	assert_int_equal(n, n2);
	assert_memory_equal(image, stored, n);
	again = read_exact(c, stored, n2);
	assert_non_null(again);
	describe(again, text, sizeof(text));
	snprintf(row, sizeof(row), "%s\t%s\t%s", file, stream, text);
	table = load_file(vectors_dir(), "vectors.tsv", &n2);
	assert_non_null(table);
	found = tsv_row((char *)table, file);
	assert_non_null(found);
	assert_string_equal(found, row);
	c->free(again);
	free(table);
	free(stored);
	free(image);
}

/* The DataSketches vectors, or skips the test. */
static UNUSED const char *shared_vectors(void)
{
	static char dir[1000];
	const char *shared = getenv("PV_SHARED");
	uint8_t *table;
	size_t n;

	snprintf(dir, sizeof(dir), "%s/sketch-vectors", shared ? shared : "../shared");
	table = load_file(dir, "vectors.tsv", &n);
	if (!table)
		skip();
	free(table);
	return dir;
}

#endif
