/* SPDX-License-Identifier: MPL-2.0 */
#define TYPE "one"
#define OWN  "another"
#include "analyser.h"
