/* SPDX-License-Identifier: MPL-2.0 */
#include "base/options.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* An option as it was found: a row of opts, or a row of one of the key tables. */
struct found {
	const struct pv_opt *opt;
	const struct pv_opt_keys *set;
	const struct pv_key *key;
};

static bool takes_value(const struct found *f)
{
	if (f->key)
		return f->key->type != PV_KEY_BOOL;
	return f->opt->type != PV_OPT_FLAG && f->opt->type != PV_OPT_NOFLAG;
}

/* "only_qname_suffix" is --only-qname-suffix. */
static void dashed(const char *key, char *out, size_t cap)
{
	snprintf(out, cap, "%s", key);
	for (char *c = out; *c; c++)
		if (*c == '_')
			*c = '-';
}

static bool key_prefix(const char *key, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!key[i] || (key[i] == '_' ? '-' : key[i]) != text[i])
			return false;
	return true;
}

/* Candidates for a long name: an exact one, else the only one it is a prefix of. Returns how many. */
static int find_long(const struct pv_program *prog, const char *text, size_t n, struct found *found, char *names,
		     size_t cap)
{
	int hits = 0;
	size_t at = 0;
	names[0] = 0;
	static const char *const builtin[] = {"help", "version"};
	for (size_t i = 0; i < prog->nopts; i++) {
		const char *name = prog->opts[i].name;
		if (!name || strncmp(name, text, n))
			continue;
		*found = (struct found){&prog->opts[i], NULL, NULL};
		if (strlen(name) == n)
			return 1;
		hits++;
		at += (size_t)snprintf(names + at, at < cap ? cap - at : 0, "%s--%s", at ? ", " : "", name);
		if (at >= cap)
			at = cap - 1;
	}
	for (size_t s = 0; s < prog->nkeys; s++)
		for (size_t i = 0; i < prog->keys[s].count; i++) {
			const char *name = prog->keys[s].keys[i].name;
			if (!key_prefix(name, text, n))
				continue;
			*found = (struct found){NULL, &prog->keys[s], &prog->keys[s].keys[i]};
			if (strlen(name) == n)
				return 1;
			hits++;
			char shown[76];
			dashed(name, shown, sizeof shown);
			at += (size_t)snprintf(names + at, at < cap ? cap - at : 0, "%s--%s", at ? ", " : "", shown);
			if (at >= cap)
				at = cap - 1;
		}
	for (size_t i = 0; i < 2; i++)
		if (n > 0 && !strncmp(builtin[i], text, n) && hits)
			hits++;
	return hits;
}

static int list_add(struct pv_opt_list *l, const char *text, char *err, size_t cap)
{
	while (*text) {
		size_t n = strcspn(text, ",");
		if (n) {
			if (l->count == PV_LIST_MAX) {
				snprintf(err, cap, "a list has more than %d entries", PV_LIST_MAX);
				return -1;
			}
			const char **grown = realloc(l->item, (l->count + 1) * sizeof *grown);
			if (grown)
				l->item = grown;
			char *copy = grown ? strndup(text, n) : NULL;
			if (!copy) {
				snprintf(err, cap, "out of memory");
				return -1;
			}
			l->item[l->count++] = copy;
		}
		text += n + (text[n] == ',');
	}
	return 0;
}

void pv_opt_list_free(struct pv_opt_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free((void *)(uintptr_t)l->item[i]);
	free(l->item);
	l->item = NULL;
	l->count = 0;
}

static int set_key(const struct found *f, const char *text, char *err, size_t cap)
{
	struct pv_value v = {.type = f->key->type};
	struct pv_opt_list list = {NULL, 0};
	int rc = -1;
	switch (f->key->type) {
	case PV_KEY_BOOL:
		v.boolean = true;
		break;
	case PV_KEY_UINT:
		if (!pv_parse_u64(text, &v.number)) {
			v.type = PV_KEY_STRING; /* the setter knows the right words for it */
			v.string = text;
		}
		break;
	case PV_KEY_MAP:
		v.type = PV_KEY_STRING;
		/* fall through */
	case PV_KEY_STRING:
		v.string = text;
		break;
	case PV_KEY_UINT_OR_LIST:
	case PV_KEY_LIST:
		if (list_add(&list, text, err, cap))
			goto out;
		v.type = PV_KEY_LIST;
		v.list = list.item;
		v.count = list.count;
		break;
	}
	rc = f->set->set(f->set->conf, f->key, &v, err, cap);
	if (!rc && f->set->text) {
		size_t at = strlen(f->set->text);
		snprintf(f->set->text + at, f->set->text_cap - at, "%s%s=%s", at ? ";" : "", f->key->name, text ? text : "true");
	}
out:
	pv_opt_list_free(&list);
	return rc;
}

int pv_options_setting(const struct pv_opt_keys *set, const char *text, char *err, size_t cap)
{
	size_t n = strcspn(text, "=");
	const char *value = text[n] ? text + n + 1 : NULL;
	struct found f = {NULL, set, NULL};
	for (size_t i = 0; i < set->count; i++)
		if (strlen(set->keys[i].name) == n && !memcmp(set->keys[i].name, text, n))
			f.key = &set->keys[i];
	if (!f.key) {
		snprintf(err, cap, "there is no setting '%.*s'", (int)n, text);
		return -1;
	}
	if (takes_value(&f) != (value != NULL)) {
		snprintf(err, cap, "'%s' takes %s value", f.key->name, value ? "no" : "a");
		return -1;
	}
	return set_key(&f, value, err, cap);
}

/* 65536 as 64K. */
static void show_size(uint64_t bytes, char *text, size_t cap)
{
	static const char units[] = "KMG";
	unsigned u = 0;
	for (; u < sizeof units - 1 && bytes && bytes % 1024 == 0; u++)
		bytes /= 1024;
	snprintf(text, cap, "%llu%.*s", (unsigned long long)bytes, u > 0, u ? &units[u - 1] : "");
}

static int set_size(const struct pv_opt *o, const char *text, char *err, size_t cap)
{
	uint64_t bytes;
	char min[24], max[24];
	if (!pv_parse_size(text, &bytes)) {
		snprintf(err, cap, "not a size: '%s' (examples: 65536, 64K, 16M)", text);
		return -1;
	}
	if (bytes < o->min || (o->max && bytes > o->max)) {
		show_size(o->min, min, sizeof min);
		show_size(o->max, max, sizeof max);
		snprintf(err, cap, "%s is not between %s and %s", text, min, max);
		return -1;
	}
	*(uint64_t *)o->target = bytes;
	return 0;
}

static int set_opt(const struct pv_opt *o, const char *text, char *err, size_t cap)
{
	switch (o->type) {
	case PV_OPT_FLAG:
		*(bool *)o->target = true;
		return 0;
	case PV_OPT_NOFLAG:
		*(bool *)o->target = false;
		return 0;
	case PV_OPT_STRING:
		if (o->max && (strlen(text) < o->min || strlen(text) > o->max)) {
			snprintf(err, cap, "wants %llu to %llu bytes", (unsigned long long)o->min,
				 (unsigned long long)o->max);
			return -1;
		}
		*(const char **)o->target = text;
		return 0;
	case PV_OPT_UINT: {
		uint64_t v;
		if (!pv_parse_u64(text, &v)) {
			snprintf(err, cap, "not a number: '%s'", text);
			return -1;
		}
		if (v < o->min && !o->max) {
			snprintf(err, cap, "%s is less than %llu", text, (unsigned long long)o->min);
			return -1;
		}
		if (v < o->min || (o->max && v > o->max)) {
			snprintf(err, cap, "%s is not between %llu and %llu", text, (unsigned long long)o->min,
				 (unsigned long long)o->max);
			return -1;
		}
		*(uint64_t *)o->target = v;
		return 0;
	}
	case PV_OPT_DURATION:
		if (pv_parse_duration(text, o->target) && *(uint64_t *)o->target)
			return 0;
		snprintf(err, cap, "not a duration: '%s' (examples: 250ms, 10s, 2m, 1h)", text);
		return -1;
	case PV_OPT_SIZE:
		return set_size(o, text, err, cap);
	case PV_OPT_LIST:
		if (!text[strspn(text, ",")]) {
			snprintf(err, cap, "there is nothing in the list");
			return -1;
		}
		return list_add(o->target, text, err, cap);
	case PV_OPT_KEY:
		break;
	}
	return -1;
}

/* Which options have been seen, to refuse a second time. Tables are small. */
struct seen {
	const void *row[256];
	size_t n;
};

static bool again(struct seen *s, const struct found *f)
{
	const void *row = f->key ? (const void *)f->key : (const void *)f->opt;
	if (f->opt && f->opt->type == PV_OPT_LIST)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->row[i] == row)
			return true;
	if (s->n < sizeof s->row / sizeof s->row[0])
		s->row[s->n++] = row;
	return false;
}

static int apply(struct seen *seen, const struct found *f, const char *shown, const char *value, char *err, size_t cap)
{
	char why[512] = "";
	if (again(seen, f)) {
		snprintf(err, cap, "%s is given twice", shown);
		return -1;
	}
	if (f->key ? set_key(f, value, why, sizeof why) : set_opt(f->opt, value, why, sizeof why)) {
		snprintf(err, cap, "%s: %s", shown, why);
		return -1;
	}
	return 0;
}

/* How far the parser has come. */
struct parse {
	const struct pv_program *prog;
	int argc, i;
	char **argv;
	struct seen seen;
	char *err;
	size_t cap;
};

static int refuse(struct parse *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int refuse(struct parse *p, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(p->err, p->cap, fmt, ap);
	va_end(ap);
	return -1;
}

/* An option that was found. value: what stood at it, or NULL; then it may be the next argument. */
static int take(struct parse *p, const struct found *f, const char *shown, const char *value)
{
	if (!takes_value(f) && value)
		return refuse(p, "%s takes no argument", shown);
	if (takes_value(f) && !value) {
		if (p->i + 1 == p->argc)
			return refuse(p, "%s requires an argument", shown);
		value = p->argv[++p->i];
	}
	return apply(&p->seen, f, shown, value, p->err, p->cap);
}

/* --name, --name=VALUE */
static int long_option(struct parse *p, const char *arg)
{
	const char *eq = strchr(arg, '=');
	size_t n = eq ? (size_t)(eq - arg - 2) : strlen(arg + 2);
	struct found f = {NULL, NULL, NULL};
	char names[200], name[76], shown[80];
	int hits = n ? find_long(p->prog, arg + 2, n, &f, names, sizeof names) : 0;
	if (!hits)
		return refuse(p, "unknown option '%.*s'", (int)(n + 2), arg);
	if (hits > 1)
		return refuse(p, "'%.*s' is not a unique prefix: %s", (int)(n + 2), arg, names);
	dashed(f.opt ? f.opt->name : f.key->name, name, sizeof name);
	snprintf(shown, sizeof shown, "--%s", name);
	return take(p, &f, shown, eq ? eq + 1 : NULL);
}

/* -abc, -aVALUE: the first that takes a value has the rest. */
static int short_options(struct parse *p, const char *letters)
{
	for (const char *c = letters; *c; c++) {
		struct found f = {NULL, NULL, NULL};
		const char shown[] = {'-', *c, '\0'};
		for (size_t o = 0; o < p->prog->nopts; o++)
			if (p->prog->opts[o].letter == *c)
				f.opt = &p->prog->opts[o];
		if (!f.opt)
			return refuse(p, "unknown option '%s'", shown);
		bool last = takes_value(&f);
		if (take(p, &f, shown, last && c[1] ? c + 1 : NULL))
			return -1;
		if (last)
			break;
	}
	return 0;
}

/* --help and --version, abbreviated too, unless an option begins so. */
static enum pv_options_result built_in(const struct pv_program *prog, const char *text)
{
	struct found f;
	char names[200];
	size_t n = strlen(text);
	if (find_long(prog, text, n, &f, names, sizeof names))
		return PV_OPTIONS_RUN;
	if (!strncmp("help", text, n))
		return PV_OPTIONS_HELP;
	return strncmp("version", text, n) ? PV_OPTIONS_RUN : PV_OPTIONS_VERSION;
}

/* What answers whatever else stands on the line. */
static enum pv_options_result asked(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
			return PV_OPTIONS_HELP;
		if (!strcmp(argv[i], "--help-mdoc"))
			return PV_OPTIONS_MDOC;
		if (!strcmp(argv[i], "--help-rows"))
			return PV_OPTIONS_ROWS;
	}
	return PV_OPTIONS_RUN;
}

enum pv_options_result pv_options_parse(const struct pv_program *prog, int argc, char **argv, const char **operands,
					size_t *noperands, char *err, size_t cap)
{
	struct parse p = {.prog = prog, .argc = argc, .argv = argv, .err = err, .cap = cap};
	enum pv_options_result first = asked(argc, argv);
	bool only_operands = false;
	size_t count = 0;
	if (first != PV_OPTIONS_RUN)
		return first;
	for (p.i = 1; p.i < argc; p.i++) {
		const char *arg = argv[p.i];
		if (only_operands || arg[0] != '-' || !arg[1]) {
			if (count == prog->operands_max) {
				refuse(&p, "unexpected argument '%s'", arg);
				return PV_OPTIONS_BAD;
			}
			operands[count++] = arg;
		} else if (!strcmp(arg, "--")) {
			only_operands = true;
		} else if (arg[1] == '-' && (first = built_in(prog, arg + 2)) != PV_OPTIONS_RUN) {
			return first;
		} else if (arg[1] == '-' ? long_option(&p, arg) : short_options(&p, arg + 1)) {
			return PV_OPTIONS_BAD;
		}
	}
	if (count < prog->operands_min) {
		refuse(&p, "an argument is missing");
		return PV_OPTIONS_BAD;
	}
	*noperands = count;
	return PV_OPTIONS_RUN;
}

/* ---- help ------------------------------------------------------------------------------------ */

/* An option as it is shown. */
struct row {
	char letter;
	const char *name, *arg, *help;
	bool many; /* may be given again and again */
};

typedef void row_fn(FILE *, const struct row *);

static void each_opt(const struct pv_program *prog, row_fn *fn, FILE *f)
{
	for (size_t i = 0; i < prog->nopts; i++) {
		const struct pv_opt *o = &prog->opts[i];
		fn(f, &(struct row){o->letter, o->name, o->arg, o->help, o->type == PV_OPT_LIST});
	}
	fn(f, &(struct row){'h', "help", NULL, "print this text and exit", false});
	fn(f, &(struct row){0, "version", NULL, "print the version and exit", false});
}

static void each_key(const struct pv_opt_keys *set, row_fn *fn, FILE *f)
{
	for (size_t i = 0; i < set->count; i++) {
		char name[64];
		dashed(set->keys[i].name, name, sizeof name);
		fn(f, &(struct row){0, name, set->keys[i].arg, set->keys[i].help, false});
	}
}

static void text_row(FILE *f, const struct row *r)
{
	char left[128];
	snprintf(left, sizeof left, "%c%c%s%s%s%s%s", r->letter ? '-' : ' ', r->letter ? r->letter : ' ',
		 r->letter && r->name ? ", " : (r->letter ? "" : "  "), r->name ? "--" : "", r->name ? r->name : "",
		 r->arg ? " " : "", r->arg ? r->arg : "");
	if (strlen(left) > 30)
		fprintf(f, "  %s\n  %-30s %s\n", left, "", r->help);
	else
		fprintf(f, "  %-30s %s\n", left, r->help);
}

void pv_options_help(const struct pv_program *prog, FILE *f)
{
	fprintf(f, "%s - %s\n\nusage: %s %s\n\n", prog->name, prog->summary, prog->name, prog->synopsis);
	each_opt(prog, text_row, f);
	for (size_t i = 0; i < prog->nkeys; i++) {
		fprintf(f, "\n%s:\n", prog->keys[i].heading);
		each_key(&prog->keys[i], text_row, f);
	}
	fprintf(f, "\nSee %s(1).\n", prog->name);
}

/* Text for roff: a leading dot or quote and backslashes would be commands. */
static void roff(FILE *f, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", f);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", f);
		else
			fputc(*text, f);
	}
	fputc('\n', f);
}

static void mdoc_row(FILE *f, const struct row *r)
{
	const char *help = r->help;
	fputs(".It ", f);
	if (r->letter)
		fprintf(f, "Fl %c", r->letter);
	if (r->letter && r->name)
		fputs(" , ", f);
	if (r->name)
		fprintf(f, "Fl Fl %s", r->name);
	if (r->arg)
		fprintf(f, " Ar %s", r->arg);
	fputc('\n', f);
	if (*help >= 'a' && *help <= 'z')
		fprintf(f, "%c", *help - 'a' + 'A'), help++;
	roff(f, help);
}

void pv_options_mdoc(const struct pv_program *prog, FILE *f)
{
	fputs(".Bl -tag -width Ds\n", f);
	each_opt(prog, mdoc_row, f);
	fputs(".El\n", f);
	for (size_t i = 0; i < prog->nkeys; i++) {
		fprintf(f, ".Ss %s\n.Bl -tag -width Ds\n", prog->keys[i].heading);
		each_key(&prog->keys[i], mdoc_row, f);
		fputs(".El\n", f);
	}
}

static void tab_row(FILE *f, const struct row *r)
{
	fprintf(f, "%c\t%s\t%s\t%s\t%s\n", r->letter ? r->letter : '-', r->name ? r->name : "-", r->arg ? r->arg : "-",
		r->many ? "many" : "once", r->help);
}

void pv_options_rows(const struct pv_program *prog, FILE *f)
{
	fprintf(f, "%s\t%s\t%s\n", prog->name, prog->synopsis, prog->summary);
	each_opt(prog, tab_row, f);
	for (size_t i = 0; i < prog->nkeys; i++)
		each_key(&prog->keys[i], tab_row, f);
}
