/* SPDX-License-Identifier: MPL-2.0 */
/* malloc() and its like, counted, and out of memory when told to be. Stands in front of glibc's, so a program
 * includes it once; the libraries that it links are counted and fail, too.
 *
 *	if (!ALLOC_UTIL)
 *		skip();                 another libc, or a sanitizer, which has a malloc() of its own
 *	uint64_t before = alloc_made();
 *	long kept = alloc_live();
 *	alloc_fail(n, all);             the n-th from now fails, and with `all` whatever comes after it; 0: none
 *
 * Failures hit the calling thread alone; counts are of all threads. */
#ifndef PV_TESTS_ALLOC_UTIL_H
#define PV_TESTS_ALLOC_UTIL_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#if defined(__GLIBC__) && !defined(SANITIZED)
#define ALLOC_UTIL 1

static atomic_uint_least64_t alloc_util_made;
static atomic_long alloc_util_live;
static _Thread_local uint64_t alloc_util_left;
static _Thread_local bool alloc_util_all;

/* glibc's own names for what we stand in front of */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t a, size_t b);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool alloc_util_fails(void)
{
	if (!alloc_util_left || --alloc_util_left)
		return false;
	alloc_util_left = alloc_util_all;
	errno = ENOMEM;
	return true;
}

static void *alloc_util_count(void *p)
{
	atomic_fetch_add_explicit(&alloc_util_made, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&alloc_util_live, p != NULL, memory_order_relaxed);
	return p;
}

void *malloc(size_t n)
{
	return alloc_util_fails() ? NULL : alloc_util_count(__libc_malloc(n));
}

void *calloc(size_t a, size_t b)
{
	return alloc_util_fails() ? NULL : alloc_util_count(__libc_calloc(a, b));
}

void *realloc(void *p, size_t n)
{
	if (alloc_util_fails())
		return NULL;
	if (!p)
		return alloc_util_count(__libc_realloc(NULL, n));
	atomic_fetch_add_explicit(&alloc_util_made, 1, memory_order_relaxed);
	return __libc_realloc(p, n);
}

void free(void *p)
{
	atomic_fetch_sub_explicit(&alloc_util_live, p != NULL, memory_order_relaxed);
	__libc_free(p);
}

static inline uint64_t alloc_made(void)
{
	return atomic_load(&alloc_util_made);
}

static inline long alloc_live(void)
{
	return atomic_load(&alloc_util_live);
}

static inline void alloc_fail(uint64_t n, bool all)
{
	alloc_util_left = n;
	alloc_util_all = all;
}
#else
#define ALLOC_UTIL 0
static inline uint64_t alloc_made(void)
{
	return 0;
}

static inline long alloc_live(void)
{
	return 0;
}

static inline void alloc_fail(uint64_t n, bool all)
{
	(void)n, (void)all;
}
#endif

#endif
