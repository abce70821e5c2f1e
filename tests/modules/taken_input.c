/* SPDX-License-Identifier: MPL-2.0 */
#define TYPE "flow"
#include "analyser.h"
