/* SPDX-License-Identifier: MPL-2.0 */
#define NAME "An Empty One"
#include "empty.h"
