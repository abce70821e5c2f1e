/* SPDX-License-Identifier: MPL-2.0 */
#define MAGIC 7
#include "empty.h"
