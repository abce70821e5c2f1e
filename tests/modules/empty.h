/* SPDX-License-Identifier: MPL-2.0 */
/* A module with nothing in it. What a test wants wrong about it is defined before this is included. */
#include "module/pv-module.h"

#ifndef MAGIC
#define MAGIC PV_MODULE_MAGIC
#endif
#ifndef ABI
#define ABI PV_MODULE_ABI
#endif
#ifndef LAYOUT
#define LAYOUT PV_MODULE_LAYOUT
#endif
#ifndef NAME
#define NAME "empty"
#endif
#ifndef MORE
#define MORE
#endif

const struct pv_module pv_module = {
    .magic = MAGIC, .abi = ABI, .layout = LAYOUT, .name = NAME, .version = "1.0", MORE};
