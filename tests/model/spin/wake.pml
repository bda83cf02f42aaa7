/* SPDX-License-Identifier: MIT
 *
 * wake.pml: the sleep/wake word of src/loop/turn.c, with WAKERS threads that call
 * thetis_loop_wake() TIMES each. Sequential consistency only; the orders are argued in turn.c.
 *
 * Checked: the loop never sleeps for ever while a wake-up is not answered (an invalid end state
 * would show it), every on_wake comes after the call it answers, and there are at most as many
 * system calls as sleeps.
 *
 * Each of these must be found faulty (spin.py):
 *   PLAIN_RUNNING    leaving SLEEPING by a store instead of an exchange
 *   BLIND_SLEEP      announcing SLEEPING by a store that ignores NOTIFIED
 *   EXCHANGE_SLEEP   announcing it by an exchange: safe, but a system call too many
 *   NOTE_LAST        noting the wake-up after the notification
 */
#ifndef WAKERS
#define WAKERS 2
#endif
#ifndef TIMES
#define TIMES 2
#endif

#define RUNNING 0
#define SLEEPING 1
#define NOTIFIED 2

byte word = RUNNING;
bit note = 0;
byte tokens = 0; /* written to the wake descriptor, not yet seen by the poller */
byte sends = 0, sleeps = 0;
byte posted[WAKERS], answered[WAKERS];

proctype waker(byte me)
{
    byte k, was;
    for (k : 1 .. TIMES) {
        posted[me] = k;
#ifdef NOTE_LAST
        atomic { was = word; word = NOTIFIED }
        note = 1;
#else
        note = 1;
        atomic { was = word; word = NOTIFIED }
#endif
        if
        :: was == SLEEPING -> atomic { sends++; tokens++; assert(sends <= sleeps) }
        :: else
        fi
    }
}

inline all_answered(yes)
{
    byte w;
    yes = 1;
    for (w : 0 .. WAKERS - 1) {
        if
        :: answered[w] != TIMES -> yes = 0
        :: else
        fi
    }
}

active proctype loop()
{
    byte was;
    bit woken = 0, slept = 0, wanted = 0, done = 0;
    byte i;
    for (i : 0 .. WAKERS - 1) { run waker(i) }
    do
    :: done -> break
    :: else ->
        /* phase 3: deliver */
        if
        :: word == NOTIFIED -> atomic { was = word; word = RUNNING }; woken = (was == NOTIFIED)
        :: else
        fi;
        if
        :: woken ->
            woken = 0;
            atomic { wanted = note; note = 0 }
            if
            :: wanted -> d_step { for (i : 0 .. WAKERS - 1) { answered[i] = posted[i] } }
            :: else
            fi
        :: else
        fi;
        d_step { all_answered(done) }
        if
        :: done -> break
        :: else
        fi;
        /* phase 4: sleep */
#if defined(BLIND_SLEEP)
        atomic { word = SLEEPING; sleeps++ }
        slept = 1;
#elif defined(EXCHANGE_SLEEP)
        atomic {
            was = word;
            word = SLEEPING;
            slept = (was != NOTIFIED);
            if
            :: slept -> sleeps++
            :: else -> woken = 1
            fi
        }
#else
        atomic {
            if
            :: word == RUNNING -> word = SLEEPING; slept = 1; sleeps++
            :: else -> slept = 0
            fi
        }
#endif
        if
        :: slept ->
            if
            :: tokens > 0 -> tokens-- /* the wake descriptor */
            :: sleeps < WAKERS * TIMES + 2 -> skip /* a socket, a timer: bounded */
            fi
        :: else
        fi;
#ifdef PLAIN_RUNNING
        if
        :: word == NOTIFIED -> woken = 1
        :: else
        fi;
        word = RUNNING
#else
        atomic { was = word; word = RUNNING }
        if
        :: was == NOTIFIED -> woken = 1
        :: else
        fi
#endif
    od
}
