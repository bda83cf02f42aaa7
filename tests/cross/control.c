/* SPDX-License-Identifier: MIT
 *
 * control.c: what the rule "no library atomics" must catch: an atomic addition of two words, which
 * the compilers turn into a library call.
 */
#ifdef __SIZEOF_INT128__
typedef unsigned __int128 control_wide;
#else
typedef unsigned long long control_wide;
#endif

control_wide control_add(control_wide *word);

control_wide control_add(control_wide *word)
{
    return __atomic_fetch_add(word, 1, __ATOMIC_RELAXED);
}
