/* SPDX-License-Identifier: MPL-2.0 */
/* Runs a fuzz target over files and folders given on the command line, as an ordinary test where no fuzzing engine is.
 * Each input is a heap block of its exact size, so that the sanitizers see every byte read beyond it. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int one(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	if (!f || stat(path, &st)) {
		perror(path);
		return 1;
	}
	size_t n = (size_t)st.st_size;
	uint8_t *data = malloc(n ? n : 1);
	if (!data || fread(data, 1, n, f) != n) {
		perror(path);
		return 1;
	}
	fclose(f);
	/* every prefix too: most faults are reads beyond a shortened end */
	for (size_t cut = n > 512 ? n : 0; cut <= n; cut++) {
		uint8_t *part = malloc(cut ? cut : 1);
		if (!part)
			return 1;
		memcpy(part, data, cut);
		LLVMFuzzerTestOneInput(part, cut);
		free(part);
	}
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	int files = 0, failed = 0;
	for (int i = 1; i < argc; i++) {
		struct stat st;
		if (stat(argv[i], &st))
			continue; /* no old findings yet */
		if (!S_ISDIR(st.st_mode)) {
			failed |= one(argv[i]);
			files++;
			continue;
		}
		DIR *d = opendir(argv[i]);
		struct dirent *e;
		while (d && (e = readdir(d))) {
			char path[4096];
			if (e->d_name[0] == '.')
				continue;
			snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
			failed |= one(path);
			files++;
		}
		if (d)
			closedir(d);
	}
	printf("%s - %d inputs replayed\n", files && !failed ? "ok" : "not ok", files);
	return files && !failed ? 0 : 1;
}
