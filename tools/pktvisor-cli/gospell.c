/* SPDX-License-Identifier: MPL-2.0 */
#include "gospell.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* As Go reads a boolean flag; -1: it is no such word. */
static int go_bool(const char *word)
{
	static const char *const words[] = {"0", "f", "false", "1", "t", "true"};
	for (int i = 0; i < 6; i++)
		if (!strcasecmp(word, words[i]))
			return i >= 3;
	return -1;
}

/* NULL: a flag that is off. */
static char *our_spelling(char *arg)
{
	static char flags[][16] = {"--tls", "--tls-noverify", "--version"};
	char *word = arg + strspn(arg, "-"), *value = word + strcspn(word, "=");
	size_t dashes = (size_t)(word - arg), len = (size_t)(value - word);
	if (dashes < 1 || dashes > 2)
		return arg;
	if (len == 1 && strchr("HPp", *word) && (dashes == 2 || *value)) { /* --p 80, -p=80 */
		arg[1] = *word;
		value += *value == '=';
		memmove(arg + 2, value, strlen(value) + 1);
		return arg;
	}
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		int on = *value ? go_bool(value + 1) : 1;
		if (on >= 0 && len == strlen(flags[i] + 2) && !strncmp(word, flags[i] + 2, len))
			return on ? flags[i] : NULL;
	}
	return arg;
}

int pv_go_spelling(int argc, char **argv)
{
	int n = 1, i = 1;
	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		if ((argv[n] = our_spelling(argv[i])))
			n++;
	while (i < argc)
		argv[n++] = argv[i++];
	argv[n] = NULL;
	return n;
}
