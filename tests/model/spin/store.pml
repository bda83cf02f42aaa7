/* SPDX-License-Identifier: MIT
 *
 * store.pml: the shared store of batches (thetis/pool.h): THREADS threads that get and put batches
 * as they like, TIMES times each; SLOTS slots for as many batches, all full at first. Sequential
 * consistency only.
 *
 * Checked: one pass of a put finds an empty slot, one pass of a get with a right a batch; no batch
 * is lost or doubled; who is refused leaves at most one batch in the store for each other thread
 * that is in the middle of something.
 *
 * Each of these must be found faulty (spin.py):
 *   NO_RIGHT       a get looks for a batch without the count
 *   COUNT_FIRST    a put raises the count before there is a batch
 *   KEEPS_RIGHT    who is refused does not raise the count again
 *   LOAD_STORE     a put loads and stores instead of an exchange
 *   GET_DOWNWARDS  gets of even threads search from the last slot to the first
 */
#ifndef THREADS
#define THREADS 3
#endif
#ifndef SLOTS
#define SLOTS 3
#endif
#ifndef TIMES
#define TIMES 3
#endif

byte slot[SLOTS];
short count = SLOTS;
byte busy = 0;         /* threads inside of put or get */
byte held[SLOTS + 1];  /* batches in hands */

init {
    byte k;
    atomic {
        for (k : 0 .. SLOTS - 1) { slot[k] = k + 1 }
        for (k : 1 .. THREADS) { run thread(k) }
    }
}

proctype thread(byte id)
{
    byte mine[2], n = 0, t, i, x, there, k;
    for (t : 1 .. TIMES) {
        if
        :: n < 2 -> /* get */
            d_step { busy++; x = 0 };
            atomic {
                count--;
                if
#ifndef NO_RIGHT
                :: count < 0 ->
                    x = 255;
                    there = 0;
                    for (k : 0 .. SLOTS - 1) { there = there + (slot[k] != 0) }
                    assert(there <= busy - 1)
#endif
                :: else
                fi
            }
            if
            :: x == 255 ->
                d_step {
#ifndef KEEPS_RIGHT
                    count++;
#endif
                    busy--
                }
            :: else ->
#ifdef GET_DOWNWARDS
                i = (id % 2 -> 0 : SLOTS - 1);
#else
                i = 0;
#endif
                do
                :: x == 0 ->
                    assert(i < SLOTS); /* the pass has not failed */
                    d_step { x = slot[i]; slot[i] = 0 };
                    if
#ifdef GET_DOWNWARDS
                    :: x == 0 && id % 2 == 0 -> i--
#endif
                    :: else -> i++
                    fi
                :: else -> break
                od;
                atomic {
                    held[x]++;
                    assert(held[x] == 1);
                    mine[n] = x;
                    n++;
                    busy--
                }
            fi
        :: n > 0 -> /* put */
            d_step { busy++; n--; x = mine[n]; mine[n] = 0; held[x]-- };
#ifdef COUNT_FIRST
            count++;
#endif
            i = 0;
            do
            :: x != 0 ->
                assert(i < SLOTS);
#ifdef LOAD_STORE
                k = slot[i];
                d_step { slot[i] = x; x = k; k = 0 };
#else
                d_step { k = slot[i]; slot[i] = x; x = k; k = 0 };
#endif
                i++
            :: else -> break
            od;
#ifndef COUNT_FIRST
            count++;
#endif
            atomic { busy--; i = 0 }
        fi
    }
}
