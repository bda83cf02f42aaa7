/* SPDX-License-Identifier: MIT
 *
 * symbol.h: variables of the program by address.
 */
#ifndef CHECK_SYMBOL_H
#define CHECK_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "tail" or "slot+8"; false if the address lies in no variable with a name. */
bool tst_symbol_text(uintptr_t addr, char *out, size_t room);

#endif
