/* SPDX-License-Identifier: MIT
 *
 * queue_link.pml: how segments of thetis/queue.h are linked: THREADS threads append TIMES segments
 * each, and one more may close. Segments are never reused here (hazards see to that).
 *
 * Checked: a segment is linked at most once; a thread says OK if and only if its segment is linked,
 * CLOSED only after the end; a segment is linked only behind one that takes no more elements; and
 * a thread that has announced its segment needs at most ROUNDS more rounds.
 *
 * Each of these must be found faulty (spin.py):
 *   NO_CLEAR       an announcement is not cleared before something is linked behind its segment
 *   MINE_FIRST     a thread that has not announced does not look who has
 *   CLOSE_LAST     who closes has no flag, and just tries
 */
#ifndef THREADS
#define THREADS 2
#endif
#ifndef TIMES
#define TIMES 2
#endif
#ifndef LOST
#define LOST 1 /* rounds lost before a thread announces */
#endif
#ifndef ROUNDS
#define ROUNDS (THREADS + 1)
#endif
#define SEGMENTS (THREADS * TIMES + 1)
#define END 255

byte next[SEGMENTS];         /* 0: none yet; segment 0 is the first */
byte announced[THREADS];     /* segment, or 0 */
byte linked[SEGMENTS];
bit sealed[SEGMENTS];
bit closing = 0, closed = 0;
byte tail = 0;

#define OWNER(s) ((s) == 0 -> THREADS - 1 : ((s) - 1) / TIMES)

/* Links `pick` behind `last`, unless somebody was first; what is behind it then is in `n`. */
inline link(last, pick)
{
    sealed[last] = 1;
    atomic {
        if
        :: next[last] == 0 ->
            next[last] = pick;
            if
            :: pick == END -> closed = 1
            :: else -> linked[pick]++; assert(linked[pick] == 1 && !closed)
            fi
        :: else
        fi
    }
    n = next[last];
    atomic { if :: n != END && tail == last -> tail = n :: else fi }
}

/* What is to be linked behind `last`: the end, what is announced, or `mine`. */
inline choose(last, mine)
{
#ifndef NO_CLEAR
    atomic {
        if :: announced[OWNER(last)] == last -> announced[OWNER(last)] = 0 :: else fi
    }
#endif
    pick = 0;
#ifndef CLOSE_LAST
    if :: closing -> pick = END :: else fi;
#endif
#ifdef MINE_FIRST
    if :: pick == 0 -> pick = mine :: else fi;
#endif
    j = 1;
    do
    :: pick == 0 && j <= THREADS ->
        pick = announced[(OWNER(last) + j) % THREADS];
        j++
    :: else -> break
    od;
    if :: pick == 0 -> pick = mine :: else fi;
    j = 0
}

proctype appender(byte me)
{
    byte k, last, n, j, pick, mine, lost, rounds;
    bit says;
    for (k : 1 .. TIMES) {
        mine = me * TIMES + k;
        lost = 0; rounds = 0; says = 0;
        do
        :: last = tail;
            if
            :: last == mine || (lost > LOST && announced[me] != mine) -> says = 1; break
            :: else
            fi;
            n = next[last];
            if
            :: n == 0 ->
                choose(last, mine);
                link(last, pick)
            :: n != 0 && n != END ->
                atomic { if :: tail == last -> tail = n :: else fi }
            :: else
            fi;
            if
            :: n == mine -> says = 1; break
            :: n == END ->
                if :: lost > LOST && announced[me] != mine -> says = 1 :: else fi;
                break
            :: else
            fi;
            if
            :: lost <= LOST ->
                lost++;
                if :: lost > LOST -> announced[me] = mine :: else fi
            :: else ->
                rounds++;
                assert(rounds <= ROUNDS)
            fi
        od;
        announced[me] = 0;
        assert(says == linked[mine]);
        assert(says || closed);
        last = 0; n = 0; pick = 0
    }
}

#ifdef CLOSER
proctype closer()
{
    byte last, n, j, pick, rounds;
    closing = 1;
    do
    :: last = tail;
        n = next[last];
        if
        :: n == 0 -> choose(last, END); link(last, pick)
        :: n != 0 && n != END -> atomic { if :: tail == last -> tail = n :: else fi }
        :: else
        fi;
        if :: n == END -> break :: else fi;
        rounds++;
        assert(rounds <= 3)
    od
}
#endif

init {
    byte k;
    atomic {
        for (k : 0 .. THREADS - 1) { run appender(k) }
#ifdef CLOSER
        run closer();
#endif
    }
}
