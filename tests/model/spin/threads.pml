/* SPDX-License-Identifier: MIT
 *
 * threads.pml: thread numbers by k-renaming (thetis/thread.h): THREADS threads join and leave TIMES
 * times each, PLACES places. Sequential consistency only: under weaker orders the exchange must be
 * acq_rel, which this model cannot show.
 *
 * Checked: an admitted thread's one pass finds a place, and no place has two holders.
 *
 * Each of these must be found faulty (spin.py):
 *   NO_ADMISSION   everybody may look for a place
 *   TEST_THEN_SET  a load and a store instead of one exchange
 *   LEAVE_FIRST    the counter is lowered before the place is cleared
 */
#ifndef THREADS
#define THREADS 3
#endif
#ifndef PLACES
#define PLACES 2
#endif
#ifndef TIMES
#define TIMES 2
#endif

byte admitted = 0;
bit held[PLACES];
byte holders[PLACES];

active [THREADS] proctype thread()
{
    byte k, in, i;
    bit was;
    for (k : 1 .. TIMES) {
        atomic { in = admitted; admitted++ }
        if
#ifndef NO_ADMISSION
        :: in >= PLACES -> admitted-- /* ENOSLOT */
#endif
        :: else ->
            i = 0;
            was = 1;
            do
            :: was ->
                assert(i < PLACES); /* the pass has not failed */
#ifdef TEST_THEN_SET
                was = held[i];
                held[i] = 1;
#else
                atomic { was = held[i]; held[i] = 1 }
#endif
                if
                :: was -> i++
                :: else
                fi
            :: else -> break
            od;
            holders[i]++;
            assert(holders[i] == 1);
            holders[i]--;
#ifdef LEAVE_FIRST
            admitted--;
            held[i] = 0
#else
            held[i] = 0;
            admitted--
#endif
        fi
    }
}
