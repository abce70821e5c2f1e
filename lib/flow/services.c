/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/services.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/conf.h"
#include "base/path.h"

enum { TCP, UDP, DCCP, SCTP, PROTOCOLS };

static const struct {
	const char *name;
	uint8_t number;
} protocols[PROTOCOLS] = {[TCP] = {"tcp", 6}, [UDP] = {"udp", 17}, [DCCP] = {"dccp", 33}, [SCTP] = {"sctp", 132}};

struct pv_services_list { /* once read, it never changes */
	atomic_uint refs;
	uint16_t at[PROTOCOLS][65536]; /* of a name, from 1; 0: none */
	char **name;		       /* the first is not used */
	size_t n, cap;
};

struct pv_services {
	char *path;	      /* absolute; NULL: it was a text */
	pthread_mutex_t lock; /* of `now` */
	struct pv_services_list *now;
	atomic_uint generation; /* of `now` */
};

/* ---- CSV ------------------------------------------------------------------------------------------------ */

#define FIELD 256 /* bytes of a field that are kept */

enum { NAME, PORT, PROTOCOL, COLUMNS };
static const char *const titles[COLUMNS] = {"Service Name", "Port Number", "Transport Protocol"};

struct csv {
	const char *at, *end;
};

/* One field, cut and with a NUL; quotes may hold commas and line ends. True: it was the last of its row. */
static bool next_field(struct csv *c, char out[FIELD])
{
	size_t n = 0;
	bool quoted = false;
	for (; c->at < c->end; c->at++) {
		char ch = *c->at;
		if (ch == '"' && quoted && c->at + 1 < c->end && c->at[1] == '"') {
			c->at++; /* a quote of the text */
		} else if (ch == '"') {
			quoted = !quoted;
			continue;
		} else if (!quoted && (ch == ',' || ch == '\n')) {
			break;
		}
		if (n < FIELD - 1)
			out[n++] = ch;
	}
	while (n && (out[n - 1] == '\r' || out[n - 1] == ' '))
		n--;
	out[n] = '\0';
	bool last = c->at == c->end || *c->at == '\n';
	c->at += c->at < c->end;
	return last;
}

/* One row: the fields of the wanted columns. False: there is none left. */
static bool next_row(struct csv *c, const int column[COLUMNS], char field[COLUMNS][FIELD])
{
	char text[FIELD];
	bool last = false;
	if (c->at == c->end)
		return false;
	for (int k = 0; k < COLUMNS; k++)
		field[k][0] = '\0';
	for (int i = 0; !last; i++) {
		last = next_field(c, text);
		for (int k = 0; k < COLUMNS; k++)
			if (column[k] == i)
				memcpy(field[k], text, FIELD);
	}
	return true;
}

/* Where the columns are. The title that is missing, or NULL. */
static const char *find_columns(struct csv *c, int column[COLUMNS])
{
	static const char mark[] = "\xef\xbb\xbf";
	char text[FIELD];
	bool last = false;
	if (c->end - c->at >= 3 && !memcmp(c->at, mark, 3)) /* of byte order, by some editors */
		c->at += 3;
	for (int k = 0; k < COLUMNS; k++)
		column[k] = -1;
	for (int i = 0; !last; i++) {
		last = next_field(c, text);
		for (int k = 0; k < COLUMNS; k++)
			if (column[k] < 0 && !strcasecmp(text, titles[k]))
				column[k] = i;
	}
	for (int k = 0; k < COLUMNS; k++)
		if (column[k] < 0)
			return titles[k];
	return NULL;
}

/* ---- the table ------------------------------------------------------------------------------------------ */

/* "53" or "6000-6063". */
static bool parse_ports(char *text, uint64_t *first, uint64_t *last)
{
	char *dash = strchr(text, '-');
	if (dash)
		*dash = '\0';
	if (!pv_parse_u64(text, first) || !pv_parse_u64(dash ? dash + 1 : text, last))
		return false;
	return *first <= *last && *last <= UINT16_MAX;
}

/* The number of a name, which may be that of the row before. 0: no memory, or too many. */
static uint16_t name_number(struct pv_services_list *s, const char *name)
{
	if (s->n > 1 && !strncmp(s->name[s->n - 1], name, PV_SERVICES_NAME))
		return (uint16_t)(s->n - 1);
	if (s->n > PV_SERVICES_NAMES) {
		errno = EFBIG;
		return 0;
	}
	if (s->n >= s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 1024;
		char **more = realloc(s->name, cap * sizeof *more);
		if (!more)
			return 0;
		s->name = more;
		s->cap = cap;
	}
	char *copy = strndup(name, PV_SERVICES_NAME);
	if (!copy)
		return 0;
	s->name[s->n] = copy;
	return (uint16_t)s->n++;
}

/* All rows of one port, or all of ranges: the former go first. */
static int take_rows(struct pv_services_list *s, struct csv c, const int column[COLUMNS], bool ranges)
{
	char field[COLUMNS][FIELD];
	while (next_row(&c, column, field)) {
		uint64_t first, last;
		int p = 0;
		while (p < PROTOCOLS && strcasecmp(field[PROTOCOL], protocols[p].name))
			p++;
		if (p == PROTOCOLS || !field[NAME][0] || !parse_ports(field[PORT], &first, &last) ||
		    (first != last) != ranges)
			continue;
		uint16_t number = 0;
		for (uint64_t port = first; port <= last; port++) {
			if (s->at[p][port])
				continue;
			if (!number && !(number = name_number(s, field[NAME])))
				return -1;
			s->at[p][port] = number;
		}
	}
	return 0;
}

static void let_go(struct pv_services_list *s)
{
	if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	for (size_t i = 1; i < s->n; i++)
		free(s->name[i]);
	free(s->name);
	free(s);
}

static struct pv_services_list *parse(const char *text, size_t n, const char *what, char *err, size_t cap)
{
	struct csv c = {text, text + n};
	int column[COLUMNS];
	const char *missing = find_columns(&c, column);
	if (missing) {
		snprintf(err, cap, "%s: no column '%s' in the first line: not a list of services as IANA publishes it", what,
			 missing);
		return NULL;
	}
	struct pv_services_list *s = calloc(1, sizeof *s);
	if (s) {
		atomic_init(&s->refs, 1);
		s->n = 1;
	}
	if (!s || take_rows(s, c, column, false) || take_rows(s, c, column, true)) {
		snprintf(err, cap, "%s: %s", what, errno == EFBIG ? "too many services" : strerror(ENOMEM));
		let_go(s);
		return NULL;
	}
	return s;
}

/* ---- the file ------------------------------------------------------------------------------------------- */

static char *read_all(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *text = NULL;
	int why = errno;
	*n = 0;
	if (!f) {
		errno = why;
		return NULL;
	}
	if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode))
		why = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	else if (st.st_size > (off_t)PV_SERVICES_BYTES)
		why = EFBIG;
	else if (!(text = malloc((size_t)st.st_size + 1)))
		why = ENOMEM;
	else
		*n = fread(text, 1, (size_t)st.st_size, f);
	if (text && ferror(f)) {
		why = EIO;
		free(text);
		text = NULL;
	}
	fclose(f);
	errno = why;
	return text;
}

/* path: where it is; what: as it was called. */
static struct pv_services_list *read_list(const char *path, const char *what, char *err, size_t cap)
{
	size_t n;
	char *text = read_all(path, &n);
	if (!text) {
		snprintf(err, cap, "%s: %s", what, strerror(errno));
		return NULL;
	}
	struct pv_services_list *list = parse(text, n, what, err, cap);
	free(text);
	return list;
}

/* Takes the list and the path over. NULL list: none; NULL, and err is told already. */
static struct pv_services *make(struct pv_services_list *list, char *path, char *err, size_t cap)
{
	struct pv_services *s = list ? calloc(1, sizeof *s) : NULL;
	if (!s) {
		if (list)
			snprintf(err, cap, "%s", strerror(ENOMEM));
		let_go(list);
		free(path);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	s->now = list;
	s->path = path;
	return s;
}

struct pv_services *pv_services_parse(const char *text, size_t n, const char *what, char *err, size_t cap)
{
	return make(parse(text, n, what, err, cap), NULL, err, cap);
}

struct pv_services *pv_services_open(const char *path, char *err, size_t cap)
{
	char *whole = pv_path_absolute(path);
	if (!whole) {
		snprintf(err, cap, "%s: %s", path, strerror(errno));
		return NULL;
	}
	return make(read_list(whole, path, err, cap), whole, err, cap);
}

int pv_services_reopen(struct pv_services *s, char *err, size_t cap)
{
	if (!s->path)
		return 0;
	struct pv_services_list *fresh = read_list(s->path, s->path, err, cap), *old;
	if (!fresh)
		return -1;
	pthread_mutex_lock(&s->lock);
	old = s->now;
	s->now = fresh;
	atomic_fetch_add(&s->generation, 1);
	pthread_mutex_unlock(&s->lock);
	let_go(old);
	return 0;
}

void pv_services_free(struct pv_services *s)
{
	if (!s)
		return;
	let_go(s->now);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}

/* ---- asking --------------------------------------------------------------------------------------------- */

/* A reference on the list that there is now. */
static void change_over(struct pv_services_reader *r)
{
	struct pv_services_list *old = r->list;
	pthread_mutex_lock(&r->of->lock);
	r->list = r->of->now;
	atomic_fetch_add(&r->list->refs, 1);
	r->generation = atomic_load(&r->of->generation);
	pthread_mutex_unlock(&r->of->lock);
	let_go(old);
}

void pv_services_reader_init(struct pv_services_reader *r, struct pv_services *s)
{
	*r = (struct pv_services_reader){.of = s};
	if (s)
		change_over(r);
}

void pv_services_reader_reset(struct pv_services_reader *r)
{
	let_go(r->list);
	*r = (struct pv_services_reader){.of = NULL};
}

const char *pv_services_name(struct pv_services_reader *r, uint8_t proto, uint16_t port, size_t *len)
{
	if (!r->of || !port)
		return NULL;
	if (r->generation != atomic_load_explicit(&r->of->generation, memory_order_relaxed))
		change_over(r);
	const struct pv_services_list *s = r->list;
	for (int p = 0; p < PROTOCOLS; p++)
		if (protocols[p].number == proto && s->at[p][port]) {
			const char *name = s->name[s->at[p][port]];
			*len = strlen(name);
			return name;
		}
	return NULL;
}
