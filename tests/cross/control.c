/* SPDX-License-Identifier: MIT
 *
 * control.c: what the rule "no library atomics" must catch: an atomic load of four words, for which
 * no processor has an instruction, so that the compilers call a library.
 */
typedef struct control_wide {
    unsigned long word[4];
} control_wide;

control_wide control_load(control_wide *from);

control_wide control_load(control_wide *from)
{
    control_wide wide;
    __atomic_load(from, &wide, __ATOMIC_RELAXED);
    return wide;
}
