/* SPDX-License-Identifier: MIT
 *
 * grow.pml: how a map changes its size (src/map/grow.h), for one key, whose value is a sum. Two
 * tables of one cell, which take turns: resize 1 goes from table 0 to table 1 and moves versions,
 * resize 2 goes back and copies them, and so on, RESIZES times. WORKERS threads change and look at
 * the sum TIMES times each, in the course of which they drain; any of them may be late by several
 * resizes. One more thread gives the memory of the table that is not in use back, once. Sequential
 * consistency only; helping is the cell's and is not here.
 *
 * Checked: each addition counts once, and sees those that ended before it; lookups, too; only a
 * table that is left is frozen; a version is unlinked once, and not while a cell names it.
 *
 * Each of these must be found faulty (spin.py):
 *   NO_RECHECK     an update does not look at the state once more, after the head
 *   LATE_FILL      who fills a cell does not look at the state after it has seen the cell unfilled
 *   DEAD_ALIKE     what is left of a cell does not have the number of the resize
 *   MOVE_BACK      resizes with an even number move versions, too
 *   DEAD_EARLY     an old cell is given up before the new one is filled
 *   UNDRAINED      an update does not care about the old cell if the new one is filled
 *   TRIM_BLIND     memory is given back although somebody may be late
 *   TRIM_ALONE     a resize begins while memory is given back
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef TIMES
#define TIMES 1
#endif
#ifndef RESIZES
#define RESIZES 3
#endif

#define VERSIONS 16
#define LIVE(v) ((v) * 4 + 1)
#define FROZEN(v) ((v) * 4 + 2)
#ifdef DEAD_ALIKE
#define DEAD(s) 3
#else
#define DEAD(s) ((s) * 4 + 3)
#endif
#define IS_LIVE(w) ((w) % 4 == 1)
#define IS_FROZEN(w) ((w) % 4 == 2)
#define UNFILLED(w) ((w) % 4 == 0 || (w) % 4 == 3)
#define TO(s) ((s) % 2)
#define FROM(s) (1 - (s) % 2)

byte cell[2];
byte sum[VERSIONS];
bool unlinked[VERSIONS];
byte versions = 1; /* used; number 0 is the first one */
byte seq = 0;      /* the state: number of the resize, */
bool moving = 0;   /* whether it is under way, */
bool trimming = 0; /* whether memory is given back */
byte working[WORKERS]; /* number of the resize that a worker drains, from 1 */
byte ended = 0;    /* additions that returned */

init {
    byte k;
    atomic {
        cell[0] = LIVE(0);
        for (k : 0 .. WORKERS - 1) { run worker(k) }
        run trimmer()
    }
}

inline fresh(v, value)
{
    assert(versions < VERSIONS);
    v = versions;
    versions++;
    sum[v] = value
}

inline unlink(v)
{
    assert(!unlinked[v] && cell[0] != LIVE(v) && cell[1] != LIVE(v) &&
           cell[0] != FROZEN(v) && cell[1] != FROZEN(v));
    unlinked[v] = 1
}

/* drained = 1: the old cell is given up. 0: too late. */
inline drain(s)
{
    drained = 0;
    working[id] = s;
    if
    :: seq != s -> skip
    :: else ->
        /* freeze */
        w = cell[FROM(s)];
        do
        :: IS_LIVE(w) ->
            if
            :: seq != s -> break
            :: else
            fi;
            atomic {
                if
                :: cell[FROM(s)] == w ->
                    cell[FROM(s)] = FROZEN(w / 4);
                    assert(seq == s && moving)
                :: else
                fi;
                w = cell[FROM(s)]
            }
        :: else -> break
        od;
#ifdef DEAD_EARLY
        if
        :: IS_FROZEN(w) && seq == s ->
            atomic {
                if
                :: cell[FROM(s)] == w -> cell[FROM(s)] = DEAD(s)
                :: else
                fi
            }
        :: else
        fi;
#endif
        /* fill */
        if
        :: IS_FROZEN(w) ->
            u = cell[TO(s)];
            if
#ifndef LATE_FILL
            :: seq != s -> skip
#endif
            :: else ->
                if
                :: UNFILLED(u) ->
                    atomic {
                        if
                        :: cell[TO(s)] == u ->
#ifndef MOVE_BACK
                            if
                            :: s % 2 == 1 -> v = w / 4
                            :: else -> fresh(v, sum[w / 4])
                            fi;
#else
                            v = w / 4;
#endif
                            cell[TO(s)] = LIVE(v)
                        :: else
                        fi
                    }
                :: else
                fi
            fi
        :: else
        fi;
        /* give up */
        w = cell[FROM(s)];
        if
        :: IS_FROZEN(w) && seq == s ->
            u = cell[TO(s)];
            atomic {
                if
                :: cell[FROM(s)] == w ->
                    assert(!UNFILLED(u));
                    cell[FROM(s)] = DEAD(s);
                    if
                    :: u != LIVE(w / 4) -> unlink(w / 4)
                    :: else
                    fi;
                    w = cell[FROM(s)]
                :: else
                fi
            }
        :: else
        fi;
        w = cell[FROM(s)];
        drained = (w == DEAD(s));
        if
        :: drained ->
            atomic {
                if
                :: seq == s && moving -> moving = 0
                :: else
                fi
            }
        :: else
        fi
    fi;
    working[id] = 0;
    w = 0;
    u = 0;
    v = 0
}

inline add()
{
    before = ended;
    do
    :: atomic { s = seq; m = moving };
        drained = 1;
        if
#ifdef UNDRAINED
        :: m && UNFILLED(cell[TO(s)]) -> drain(s)
#else
        :: m -> drain(s)
#endif
        :: else
        fi;
        w = (drained -> cell[TO(s)] : 0);
        if
        :: IS_LIVE(w) ->
            if
#ifndef NO_RECHECK
            :: seq != s -> skip
#endif
            :: else ->
                atomic {
                    if
                    :: cell[TO(s)] == w ->
                        fresh(v, sum[w / 4] + 1);
                        cell[TO(s)] = LIVE(v);
                        assert(sum[v] > before);
                        /* none was lost: each version but copies is one more */
                        added++;
                        assert(sum[v] == added);
                        unlink(w / 4);
                        break
                    :: else
                    fi
                }
            fi
        :: else
        fi
    od;
    atomic { ended++; w = 0; v = 0; s = 0; m = 0; before = 0 }
}

byte added = 0;

inline find()
{
    before = ended;
    do
    :: atomic { s = seq; m = moving };
        w = 0;
        if
        :: m -> w = cell[FROM(s)]
        :: else
        fi;
        if
        :: UNFILLED(w) -> w = cell[TO(s)]
        :: else
        fi;
        if
        :: !UNFILLED(w) -> break
        :: else
        fi
    od;
    atomic {
        assert(sum[w / 4] >= before && sum[w / 4] <= added);
        w = 0; s = 0; m = 0; before = 0
    }
}

inline resize()
{
    atomic {
        if
#ifdef TRIM_ALONE
        :: !moving && seq < RESIZES ->
#else
        :: !moving && !trimming && seq < RESIZES ->
#endif
            seq++;
            moving = 1
        :: else
        fi
    }
}

proctype worker(byte id)
{
    byte k, s, w, u, v, before;
    bool m, drained;
    for (k : 1 .. TIMES) {
        if
        :: add()
        :: find()
        fi;
        resize();
        /* what others find still to be done */
        atomic { s = seq; m = moving };
        if
        :: m -> drain(s)
        :: else
        fi;
        resize()
    }
}

proctype trimmer()
{
    byte k, busy, table;
end:
    atomic { !moving -> trimming = 1; table = FROM(seq) };
    busy = 0;
    for (k : 0 .. WORKERS - 1) { busy = (working[k] -> 1 : busy) }
    atomic {
        if
#ifndef TRIM_BLIND
        :: busy -> skip
#endif
        :: else -> cell[table] = 0
        fi
    }
    trimming = 0
}
