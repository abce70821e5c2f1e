/* SPDX-License-Identifier: MPL-2.0 */
/* base/path.h - paths: of files that are to be found again later, and of those that others name. */
#ifndef PV_BASE_PATH_H
#define PV_BASE_PATH_H

#include <stdbool.h>

/* The path as it is from anywhere: a daemon goes to the root. Symbolic links stay: an update may change where they lead.
 * The caller's to free; NULL with errno. Threads: any. */
char *pv_path_absolute(const char *);

/* Does a path without links lead into this folder? The folder itself is in it. Threads: any. */
bool pv_path_is_below(const char *real, const char *folder);

/* Opens a file to read. below: it must be a regular one in this folder, wherever links lead. That is asked of what was opened, not of
 * the path, so whoever may change the folder cannot have another file opened in between. NULL: any file. -1 with errno, EPERM when
 * it is not below. Threads: any. */
int pv_path_open(const char *path, const char *below);

#endif
