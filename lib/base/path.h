/* SPDX-License-Identifier: MPL-2.0 */
/* base/path.h - paths of files that are to be found again later. */
#ifndef PV_BASE_PATH_H
#define PV_BASE_PATH_H

/* The path as it is from anywhere: a daemon goes to the root. Symbolic links stay: an update may change where they lead.
 * The caller's to free; NULL with errno. Threads: any. */
char *pv_path_absolute(const char *);

#endif
