/* SPDX-License-Identifier: MPL-2.0 */
#include "module/module.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct loaded {
	void *handle;
	const struct pv_module *module;
	char *file; /* without its folder, for messages */
};

struct pv_modules {
	struct loaded at[PV_MODULES_MAX];
	size_t count;
	const struct pv_handler *handlers[PV_MODULES_HANDLERS + 1];
	size_t nbuiltin, nhandlers;
};

struct pv_modules *pv_modules_new(const struct pv_handler *const *builtin)
{
	struct pv_modules *m = calloc(1, sizeof *m);
	for (size_t i = 0; m && builtin[i] && m->nhandlers < PV_MODULES_HANDLERS; i++)
		m->handlers[m->nhandlers++] = builtin[i];
	if (m)
		m->nbuiltin = m->nhandlers;
	return m;
}

/* The last ones, down to `count` modules and `nhandlers` handlers. */
static void unload(struct pv_modules *m, size_t count, size_t nhandlers)
{
	while (m->count > count) {
		struct loaded *l = &m->at[--m->count];
		dlclose(l->handle);
		free(l->file);
	}
	m->nhandlers = nhandlers;
	m->handlers[nhandlers] = NULL;
}

void pv_modules_free(struct pv_modules *m)
{
	if (!m)
		return;
	unload(m, 0, m->nbuiltin);
	free(m);
}

const struct pv_handler *const *pv_modules_handlers(const struct pv_modules *m)
{
	return m->handlers;
}

size_t pv_modules_count(const struct pv_modules *m)
{
	return m->count;
}

const struct pv_module *pv_modules_at(const struct pv_modules *m, size_t i)
{
	return m->at[i].module;
}

const struct pv_module_analyser *pv_modules_analyser(const struct pv_modules *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++)
		for (size_t k = 0; k < m->at[i].module->nanalysers; k++)
			if (!strcmp(m->at[i].module->analysers[k].ops->type, name))
				return &m->at[i].module->analysers[k];
	return NULL;
}

const struct pv_module_source *pv_modules_source(const struct pv_modules *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++)
		for (size_t k = 0; k < m->at[i].module->nsources; k++)
			if (!strcmp(m->at[i].module->sources[k].type, name))
				return &m->at[i].module->sources[k];
	return NULL;
}

/* ---- who may have put it there ------------------------------------------------------------------ */

#define OTHERS (S_IWGRP | S_IWOTH)

static const char *distrust(const struct stat *st, uid_t owner, mode_t harmless)
{
	if (st->st_uid != 0 && st->st_uid != owner)
		return "it belongs to another user";
	if ((st->st_mode & OTHERS) && !(st->st_mode & harmless))
		return "others can write to it";
	return NULL;
}

/* A directory and all above it. path is absolute, without links. */
static int trust_path(const char *path, uid_t owner, char *err, size_t cap)
{
	char part[PATH_MAX];
	for (const char *end = path; end; end = strchr(end + 1, '/')) {
		const char *next = strchr(end + 1, '/');
		int n = next ? (int)(next - path) : (int)strlen(path);
		struct stat st;
		snprintf(part, sizeof part, "%.*s", n, path);
		if (stat(part, &st)) {
			snprintf(err, cap, "'%s': %s", part, strerror(errno));
			return -1;
		}
		const char *why = distrust(&st, owner, next ? S_ISVTX : 0);
		if (why) {
			snprintf(err, cap, "no modules from '%s': %s", part, why);
			return -1;
		}
	}
	return 0;
}

/* ---- what is in it ------------------------------------------------------------------------------ */

static bool name_ok(const char *name)
{
	return name && pv_event_module_name(name, strlen(name));
}

static const char *check_own(const struct pv_event_module *own, const char *type)
{
	if (own && (!own->name || strcmp(own->name, type)))
		return "events have another name than what makes them";
	if (own && (own->least < sizeof(struct pv_module_event) || own->least > PV_EVENT_MAX))
		return "events have an impossible size";
	return NULL;
}

static const char *check_settings(const struct pv_module_settings *s)
{
	if (s->count && (!s->keys || !s->set || !s->conf_size))
		return "settings that nobody takes";
	for (size_t i = 0; i < s->count; i++)
		if (!name_ok(s->keys[i].name) || !s->keys[i].help)
			return "a setting without a proper name, or without help";
	return NULL;
}

static const char *check_analyser(const struct pv_module_analyser *a)
{
	if (!a->ops || !name_ok(a->ops->type))
		return "an analyser without a proper name";
	if (!a->make || !a->ops->event || !a->ops->free)
		return "an analyser that lacks a function";
	for (unsigned t = 0; t < PV_EV_TYPES; t++)
		if ((a->ops->wants & PV_WANTS(t)) && (t < PV_EV_PACKET || pv_is_module_type(t)))
			return "an analyser of events that are not given to analysers";
	const char *why = check_own(a->ops->own, a->ops->type);
	return why ? why : check_settings(&a->settings);
}

static const char *check_source(const struct pv_module_source *s)
{
	if (!name_ok(s->type))
		return "a source without a proper name";
	if (!s->open || !s->poll || !s->free)
		return "a source that lacks a function";
	const char *why = check_own(s->own, s->type);
	return why ? why : check_settings(&s->settings);
}

static const char *check_metric(const struct pv_handler *h, size_t at)
{
	const struct pv_metric *m = &h->metrics[at];
	if (!m->id || !m->path || !m->help || m->kind < PV_COUNTER || m->kind > PV_TALLY)
		return "a metric without number, path, kind or help";
	if ((m->group != PV_ALWAYS && m->group >= h->ngroups) ||
	    (m->group2 != PV_ALWAYS && m->group2 >= h->ngroups) || m->scope >= h->nscopes)
		return "a metric of a group or scope that there is not";
	if (m->kind == PV_TOPN && (!m->item || !m->label))
		return "a top list that cannot be printed";
	if (m->kind == PV_TALLY && (!m->item || !m->label || !m->columns || !m->ncolumns || m->ncolumns > PV_TALLY_COLUMNS))
		return "a tally that cannot be printed";
	for (size_t i = 0; i < at; i++)
		if (h->metrics[i].id == m->id ||
		    (h->metrics[i].scope == m->scope && !strcmp(h->metrics[i].path, m->path)))
			return "two metrics of one number or path";
	return NULL;
}

static bool counts(const struct pv_handler *h, int metric, unsigned kind)
{
	return metric < 0 || ((size_t)metric < h->nmetrics && h->metrics[metric].kind == kind);
}

static const char *check_handler(const struct pv_handler *h)
{
	if (!h || !name_ok(h->type) || !name_ok(h->schema) || !h->version || !h->version[0])
		return "a handler without a proper type, version or schema";
	if (!h->update || !h->metrics || !h->nmetrics || h->nmetrics > UINT16_MAX || h->ngroups > 32)
		return "a handler that counts nothing, or too much";
	if (!h->scopes || !h->nscopes || h->nscopes > UINT8_MAX)
		return "a handler without scopes";
	for (size_t i = 1; i < h->nscopes; i++)
		if (h->scopes[i].parent >= i || !h->scopes[i].label)
			return "a scope without a label, or in no other";
	for (size_t i = 0; i < h->nmetrics; i++) {
		const char *why = check_metric(h, i);
		if (why)
			return why;
	}
	if (!counts(h, h->events, PV_COUNTER) || !counts(h, h->samples, PV_COUNTER) ||
	    !counts(h, h->events_rate, PV_RATE))
		return "base metrics of another kind";
	return check_own(h->own, h->type);
}

/* Inputs of pktvisord, built or to be built: a tap could not mean the module's. */
static const char *const inputs[] = {"pcap", "flow", "sflow", "dnstap", "netprobe", "mock"};

/* Is this type one of what was there before? A module's analyser and its handlers share theirs. */
static bool taken(const struct pv_modules *m, const char *type)
{
	for (size_t i = 0; i < m->nhandlers; i++)
		if (!strcmp(m->handlers[i]->type, type) || !strcmp(m->handlers[i]->schema, type))
			return true;
	for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
		if (!strcmp(inputs[i], type))
			return true;
	return pv_modules_analyser(m, type) || pv_modules_source(m, type);
}

static int refuse(char *err, size_t cap, const char *file, const char *what, const char *name)
{
	snprintf(err, cap, name ? "module '%s': %s: '%s'" : "module '%s': %s", file, what, name);
	return -1;
}

static int check_names(const struct pv_modules *m, const struct pv_module *mod, const char *file, char *err,
		       size_t cap)
{
	static const char again[] = "there is another of this name";
	for (size_t i = 0; i < m->count; i++)
		if (!strcmp(m->at[i].module->name, mod->name))
			return refuse(err, cap, file, again, mod->name);
	for (size_t i = 0; i < mod->nanalysers; i++) {
		const char *type = mod->analysers[i].ops->type;
		bool twice = taken(m, type);
		for (size_t k = 0; k < i; k++)
			twice |= !strcmp(mod->analysers[k].ops->type, type);
		if (twice)
			return refuse(err, cap, file, again, type);
	}
	for (size_t i = 0; i < mod->nsources; i++) {
		const char *type = mod->sources[i].type;
		bool twice = taken(m, type);
		for (size_t k = 0; k < i; k++)
			twice |= !strcmp(mod->sources[k].type, type);
		for (size_t k = 0; k < mod->nanalysers; k++)
			twice |= !strcmp(mod->analysers[k].ops->type, type);
		if (twice)
			return refuse(err, cap, file, again, type);
	}
	for (size_t i = 0; i < mod->nhandlers; i++) {
		const struct pv_handler *h = mod->handlers[i];
		bool twice = taken(m, h->type) || taken(m, h->schema);
		for (size_t k = 0; k < i; k++)
			twice |= !strcmp(mod->handlers[k]->type, h->type) &&
				 !strcmp(mod->handlers[k]->version, h->version);
		if (twice)
			return refuse(err, cap, file, again, h->type);
	}
	return 0;
}

static int check_module(const struct pv_modules *m, const struct pv_module *mod, const char *file, char *err,
			size_t cap)
{
	const char *why = NULL;
	if (mod->magic != PV_MODULE_MAGIC)
		return refuse(err, cap, file, "this is not a module", NULL);
	if (mod->abi != PV_MODULE_ABI) {
		snprintf(err, cap, "module '%s': it is made for interface version %u, this program has %u",
			 file, mod->abi, PV_MODULE_ABI);
		return -1;
	}
	if (mod->layout != PV_MODULE_LAYOUT)
		return refuse(err, cap, file,
			      "it is made with the headers of another build of this interface version", NULL);
	if (!name_ok(mod->name) || !mod->version || !mod->version[0])
		return refuse(err, cap, file, "it has no proper name or version", NULL);
	for (size_t i = 0; !why && i < mod->nanalysers; i++)
		why = check_analyser(&mod->analysers[i]);
	for (size_t i = 0; !why && i < mod->nsources; i++)
		why = check_source(&mod->sources[i]);
	for (size_t i = 0; !why && i < mod->nhandlers; i++)
		why = check_handler(mod->handlers[i]);
	if (why)
		return refuse(err, cap, file, why, NULL);
	if (m->nhandlers + mod->nhandlers > PV_MODULES_HANDLERS)
		return refuse(err, cap, file, "there are too many handlers", NULL);
	return check_names(m, mod, file, err, cap);
}

/* ---- loading ------------------------------------------------------------------------------------ */

static int load_file(struct pv_modules *m, const char *dir, const char *file, uid_t owner, char *err,
		     size_t cap)
{
	char path[PATH_MAX];
	struct stat st;
	if (m->count == PV_MODULES_MAX)
		return refuse(err, cap, file, "there are too many modules", NULL);
	if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
		return refuse(err, cap, file, strerror(ENAMETOOLONG), NULL);
	if (lstat(path, &st))
		return refuse(err, cap, file, strerror(errno), NULL);
	const char *why = S_ISREG(st.st_mode) ? distrust(&st, owner, 0) : "it is not a regular file";
	if (why)
		return refuse(err, cap, path, why, NULL);

	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		snprintf(err, cap, "module '%s' does not load: %s", file, dlerror());
		return -1;
	}
	const struct pv_module *mod = dlsym(handle, "pv_module");
	int rc = mod ? check_module(m, mod, file, err, cap)
		     : refuse(err, cap, file, "this is not a module", NULL);
	char *name = rc ? NULL : strdup(file);
	if (!rc && !name)
		rc = refuse(err, cap, file, "out of memory", NULL);
	if (rc) {
		dlclose(handle);
		return -1;
	}
	m->at[m->count++] = (struct loaded){handle, mod, name};
	for (size_t i = 0; i < mod->nhandlers; i++)
		m->handlers[m->nhandlers++] = mod->handlers[i];
	m->handlers[m->nhandlers] = NULL;
	return 0;
}

static int is_module(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return d->d_name[0] != '.' && n > 3 && !strcmp(d->d_name + n - 3, ".so");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int pv_modules_load(struct pv_modules *m, const char *dir, uid_t owner, char *err, size_t cap)
{
	size_t count = m->count, nhandlers = m->nhandlers;
	struct dirent **list;
	char *real = realpath(dir, NULL);
	int n = real ? scandir(real, &list, is_module, by_name) : -1;
	if (n < 0) {
		snprintf(err, cap, "cannot look for modules in '%s': %s", dir, strerror(errno));
		free(real);
		return -1;
	}
	int rc = trust_path(real, owner, err, cap);
	for (int i = 0; i < n; i++) {
		if (!rc)
			rc = load_file(m, real, list[i]->d_name, owner, err, cap);
		free(list[i]);
	}
	free(list);
	free(real);
	if (rc)
		unload(m, count, nhandlers);
	return rc;
}
