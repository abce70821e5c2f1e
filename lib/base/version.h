/* SPDX-License-Identifier: MPL-2.0 */
/* base/version.h - the version of all programs. */
#ifndef PV_BASE_VERSION_H
#define PV_BASE_VERSION_H

#define PV_VERSION "0.1.0"

#endif
