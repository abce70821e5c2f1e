/* SPDX-License-Identifier: MPL-2.0 */
/* term.h - the terminal: cells out, keys in (ncursesw). All that knows ncurses.
 *
 * Colour where the terminal has it and it is wanted; else bold, dim and reverse tell the same. ncurses keeps its state
 * for itself, so there is one terminal in a process. */
#ifndef PKTVISOR_CLI_TERM_H
#define PKTVISOR_CLI_TERM_H

#include <stdbool.h>
#include <stdint.h>

#include "ui/screen.h"

/* false: there is no terminal that can do it; why has one line. Call pv_term_end() whatever comes. */
bool pv_term_begin(bool colour, char *why, size_t cap);
void pv_term_end(void);

void pv_term_size(int *cols, int *rows);
void pv_term_show(const struct pv_ui_screen *);

/* The next key (ui/ui.h), 0 when none is waiting. *resized: the terminal has another size now. */
uint32_t pv_term_key(bool *resized);

#endif
