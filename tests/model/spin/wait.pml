/* SPDX-License-Identifier: MIT
 *
 * wait.pml: the eventcount of thetis/wait.h: WAITERS threads sleep until each of WAKERS threads has
 * published TIMES times; one sleep of each may time out; with CLOSE, another thread closes.
 * Sequential consistency only; the orders are the concurrency tester's matter.
 *
 * Checked: nobody sleeps for ever (an invalid end state would show it), and there are at most as
 * many system calls as announced sleeps, those of close apart.
 *
 * Each of these must be found faulty (spin.py):
 *   GATE_FIRST     the gate is opened before the state is written
 *   LOOK_FIRST     no second look after the announcement
 *   WAKE_FIRST     the gate is shut before the change is published
 *   LOAD_GATE      the gate is loaded, then stored, instead of one exchange
 *   STORE_TAKE     a state is taken by a load and a store: a system call too many
 *   FIRST_ONLY     a wake stops at the first waiter it has woken
 *   LOST           wakers stop for ever before their system call; sound with CLOSE, which reaches
 *                  those that sleep then, unless
 *   CLOSE_LAST     closed is written after everybody was woken
 *   CLOSE_TRUSTS   close calls only those whose state it took
 */
#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef WAKERS
#define WAKERS 2
#endif
#ifndef TIMES
#define TIMES 1
#endif

bit gate = 0, closed = 0;
bit sleeping[WAITERS];  /* the state: announced and not taken */
bit asleep[WAITERS];    /* in the system */
byte published[WAKERS];
byte calls = 0, announced = 0;

inline all_published(yes)
{
    byte w;
    yes = closed;
    if
    :: !closed ->
        yes = 1;
        for (w : 0 .. WAKERS - 1) {
            if
            :: published[w] != TIMES -> yes = 0
            :: else
            fi
        }
    :: else
    fi
}

inline shut(was)
{
#ifdef LOAD_GATE
    was = gate;
    gate = 0
#else
    atomic { was = gate; gate = 0 }
#endif
}

inline take(k, taken)
{
#ifdef STORE_TAKE
    taken = sleeping[k];
    sleeping[k] = 0
#else
    atomic { taken = sleeping[k]; sleeping[k] = 0 }
#endif
}

proctype waker(byte me)
{
    byte t, k;
    bit was, taken;
    for (t : 1 .. TIMES) {
#ifdef WAKE_FIRST
        shut(was);
        published[me] = t;
#else
        published[me] = t;
        shut(was);
#endif
        if
        :: was ->
            for (k : 0 .. WAITERS - 1) {
                take(k, taken);
                if
                :: taken ->
#ifdef LOST
                    goto end_lost;
#endif
                    atomic { calls++; assert(calls <= announced); asleep[k] = 0 }
#ifdef FIRST_ONLY
                    break
#endif
                :: else
                fi
            }
        :: else
        fi
    }
end_lost: skip
}

#ifdef CLOSE
proctype closer()
{
    byte k;
    bit was, taken;
#ifndef CLOSE_LAST
    closed = 1;
#endif
    shut(was);
    for (k : 0 .. WAITERS - 1) {
        take(k, taken);
#ifdef CLOSE_TRUSTS
        if
        :: taken -> asleep[k] = 0
        :: else
        fi
#else
        asleep[k] = 0 /* whoever took the state */
#endif
    }
#ifdef CLOSE_LAST
    closed = 1
#endif
}
#endif

proctype waiter(byte me)
{
    bit done = 0, timed = 0;
    do
    :: d_step { all_published(done) }
        if
        :: done -> break
        :: else
        fi;
        announced++;
#ifdef GATE_FIRST
        gate = 1;
        sleeping[me] = 1;
#else
        sleeping[me] = 1;
        gate = 1;
#endif
#ifndef LOOK_FIRST
        d_step { all_published(done) }
#endif
        if
        :: done -> sleeping[me] = 0
        :: else ->
            atomic { /* the system compares and falls asleep in one step */
                if
                :: sleeping[me] -> asleep[me] = 1
                :: else
                fi
            }
            if
            :: !asleep[me]
            :: !timed -> atomic { timed = 1; asleep[me] = 0 } /* or it wakes for no reason */
            fi;
            sleeping[me] = 0
        fi
    od
}

init {
    byte k;
    atomic {
        for (k : 0 .. WAITERS - 1) { run waiter(k) }
        for (k : 0 .. WAKERS - 1) { run waker(k) }
#ifdef CLOSE
        run closer()
#endif
    }
}
