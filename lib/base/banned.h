/* SPDX-License-Identifier: MPL-2.0 */
/* base/banned.h - functions that do not build here. Included before everything by the Makefile.
 *
 * Each has a bounded or re-entrant counterpart: snprintf, memcpy, strtok_r, strtoul with checks
 * (or base/conf.h), gmtime_r. */
#ifndef PV_BASE_BANNED_H
#define PV_BASE_BANNED_H

/* the real declarations first, so that the names below are only poisoned in our own code */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <pthread.h>
/* clang's hardened headers make macros of these two */
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets
#pragma GCC poison atoi atol atoll atof gmtime localtime ctime asctime
#pragma GCC poison tmpnam mktemp

#endif
