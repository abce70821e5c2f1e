/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Host subnets as text. What is accepted must print as text that gives the same block, and the set must
 * answer as the definition says on both sides of every border; what is refused must say so in a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_hosts: %s\n", what);
	abort();
}

static bool in_block(const struct pv_subnet *s, const uint8_t a[16])
{
	unsigned first = s->family == 4 ? 96 : 0;
	for (unsigned bit = first; bit < first + s->prefix; bit++)
		if ((a[bit / 8] ^ s->addr[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static void probe(const struct pv_hosts *h, const uint8_t a[16], uint8_t family)
{
	bool want = false;
	for (size_t i = 0; i < pv_hosts_count(h); i++) {
		const struct pv_subnet *s = &pv_hosts_list(h)[i];
		want = want || (s->family == family && in_block(s, a));
	}
	require(pv_hosts_has(h, a, family) == want, "answer");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 4096)
		return 0;
	char *spec = malloc(size + 1), err[100];
	struct pv_hosts *h = pv_hosts_new();
	require(spec && h, "memory");
	if (size)
		memcpy(spec, data, size);
	spec[size] = 0;
	memset(err, 'x', sizeof(err));
	if (pv_hosts_parse(h, spec, err, sizeof(err)) < 0) {
		require(memchr(err, 0, sizeof(err)) != NULL && err[0] && !strchr(err, '\n'), "message");
		require(pv_hosts_count(h) == 0, "half of a refused text was taken");
	}
	for (size_t i = 0; i < pv_hosts_count(h) && i < 64; i++) {
		const struct pv_subnet *s = &pv_hosts_list(h)[i];
		struct pv_subnet again;
		char text[PV_SUBNET_TEXT];
		require(pv_subnet_valid(s), "invalid block");
		pv_subnet_text(s, text);
		require(pv_subnet_parse(&again, text, strlen(text)), "own text");
		require(memcmp(s, &again, sizeof(again)) == 0, "round trip");
		uint8_t a[16];
		for (unsigned bit = s->family == 4 ? 96 : 0; bit < 128; bit++) {
			memcpy(a, s->addr, 16);
			a[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			probe(h, a, s->family);
		}
		probe(h, s->addr, s->family);
		probe(h, s->addr, s->family == 4 ? 6 : 4);
	}
	pv_hosts_free(h);
	free(spec);
	return 0;
}
