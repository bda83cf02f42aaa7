/* SPDX-License-Identifier: MIT
 *
 * fault.c: no fault is planted.
 */
#include "lin/fault.h"

lin_fault lin_planted = LIN_FAULT_NONE;
