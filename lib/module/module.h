/* SPDX-License-Identifier: MPL-2.0 */
/* module/module.h - loads modules (module/pv-module.h) and keeps what they bring, beside what is built in.
 *
 * A module is code: it can do whatever the process can. So it is loaded only from where nobody else can put
 * anything: the directory, every directory above it and each *.so in it must belong to root or to `owner`,
 * and nobody else, group included, may write to them. (A directory above may be sticky, as /tmp is: there
 * others cannot replace what is not theirs.) No symbolic links, no other kinds of files.
 *
 * When: before a configuration is read, since it may name what modules bring; hence before privileges are
 * dropped. That gives a module nothing which the program has not already given to those who can write the
 * file.
 *
 * A directory is loaded whole, in the order of file names, or not at all: one that cannot be used (another
 * interface version, a missing symbol, a name that is taken) fails the load, with one line that names the
 * file.
 *
 * Ownership: everything that is got from here lives as long as the object; free it last. Threads: load with
 * one; afterwards it is read-only. Limits: PV_MODULES_MAX modules, PV_MODULES_HANDLERS handlers in all. */
#ifndef PV_MODULE_MODULE_H
#define PV_MODULE_MODULE_H

#include <sys/types.h>

#include "module/pv-module.h"

#define PV_MODULES_MAX	    64	/* files; a directory with more is not one of modules */
#define PV_MODULES_HANDLERS 256 /* built in and loaded; a window looks through them for each announcement */

struct pv_modules;

/* builtin: NULL-terminated registry, borrowed. NULL: ENOMEM. */
struct pv_modules *pv_modules_new(const struct pv_handler *const *builtin);
void pv_modules_free(struct pv_modules *); /* NULL is fine */

/* Every *.so in dir. owner: besides root, the user whose files are trusted: geteuid() as it was when the
 * program started. 0, or -1 with a line in err, and then nothing of this directory is there. */
int pv_modules_load(struct pv_modules *, const char *dir, uid_t owner, char *err, size_t cap);

/* Built-in handlers, then loaded ones; NULL-terminated. Another call to pv_modules_load() moves it. */
const struct pv_handler *const *pv_modules_handlers(const struct pv_modules *);

/* By name; NULL when no module has it. */
const struct pv_module_analyser *pv_modules_analyser(const struct pv_modules *, const char *name);
const struct pv_module_source *pv_modules_source(const struct pv_modules *, const char *name);

size_t pv_modules_count(const struct pv_modules *);
const struct pv_module *pv_modules_at(const struct pv_modules *, size_t i);

#endif
