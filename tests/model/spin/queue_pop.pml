/* SPDX-License-Identifier: MIT
 *
 * queue_pop.pml: who gets the elements of a segment of thetis/queue.h: DRAWERS that only draw
 * tickets, ASKERS that announce and serve, one producer. CELLS cells, of which the producer fills
 * those that nobody kills. Sequential consistency only.
 *
 * A cell: written (once, by the ticket's producer), drawn (once, by who drew the ticket from head),
 * dead, and an owner: the request that it is meant for. Whoever changes all but the first two does
 * it by a compare-and-swap of the whole cell, here `atomic` after a look at a copy. A request is
 * decided by one compare-and-swap, from the request to the cell that serves it.
 *
 * Checked: nobody gets what another one got; elements leave in their order as far as calls do not
 * overlap; EMPTY is true; a pass over the cells serves the one who makes it; and nothing is lost:
 * what nobody got is there for the next.
 *
 * Each of these must be found faulty (spin.py):
 *   BLIND_VOID     who draws a cell that is meant for a request leaves it to the request
 *   NO_DEAD        an owner does not mark the cell that it took
 *   TAKE_OWNED     who draws a cell that is meant for a request takes it
 *   SKIP_OWNED     a pass skips a cell that is meant for another request
 */
#ifndef CELLS
#define CELLS 2
#endif
#ifndef DRAWERS
#define DRAWERS 1
#endif
#ifndef ASKERS
#define ASKERS 2
#endif
#ifndef TIMES
#define TIMES 1
#endif
#ifndef PRODUCE
#define PRODUCE CELLS
#endif
#define THREADS (DRAWERS + ASKERS)
#define NONE 255
#define REQUEST 254 /* status: waits; else 0 nothing, 1 + cell, EMPTY */
#define EMPTY 253

typedef cell_t { bit written; bit drawn; bit dead; byte owner; byte request };
cell_t cell[CELLS + 1];
byte head = 0, tail = 0;
byte status[THREADS], number[THREADS]; /* a status of 0 has no request */
bit asks[THREADS];
bit told[THREADS]; /* some look at the end allowed EMPTY */

/* What the calls did, for the checks: elements are numbered as they were put in. */
byte element[CELLS];       /* of a cell */
byte put_done = 0;
byte got = 0;              /* bit mask of elements that were delivered */
byte newest = 0;           /* 1 + the last element of a call that is over */
byte open_pops = 0;

inline finish(who, which, value)
{
    atomic {
        if :: status[who] == REQUEST && number[who] == which -> status[who] = value :: else fi
    }
}

inline deliver(i)
{
    d_step {
        assert(!(got & (1 << element[i])));
        assert(element[i] + 1 > since); /* nothing that was behind it had left before the call */
        got = got | (1 << element[i]);
        if :: element[i] + 1 > newest -> newest = element[i] + 1 :: else fi;
        open_pops--
    }
}

/* EMPTY: counted at the moment of the look at tail, in `there`: elements that calls still open
 * then could have. */
inline nothing()
{
    d_step { assert(excuse); open_pops-- }
}

/* Called in the step of the look that may say EMPTY: all that is put in is delivered, or can
 * belong to another call that is open. */
inline look()
{
    d_step {
        k2 = 0; left = 0;
        do
        :: k2 < put_done ->
            if :: !(got & (1 << k2)) -> left++ :: else fi;
            k2++
        :: else -> break
        od;
        seen_empty = (left <= open_pops - 1);
        k2 = 0; left = 0
    }
}

/* Resolves a cell with an owner: mine = 1 if its request is over and had another cell, and the
 * cell is given to request (e, r) instead, or taken if e is NONE; 0 if the cell is decided. */
inline settle(i, e, r, mine, again)
{
    mine = 0; again = 0;
    o = c.owner - 1; q = c.request;
    finish(o, q, 1 + i);
    if
    :: status[o] == 1 + i -> skip
    :: else ->
        atomic {
            if
            :: cell[i].owner == c.owner && cell[i].request == c.request &&
               cell[i].drawn == c.drawn && !cell[i].dead ->
                mine = 1;
                if
                :: e == NONE -> cell[i].dead = 1
                :: else -> cell[i].owner = e + 1; cell[i].request = r
                fi
            :: else -> again = 1
            fi
        }
    fi
}

inline forget()
{
    d_step {
        c.written = 0; c.drawn = 0; c.dead = 0; c.owner = 0; c.request = 0;
        mine = 0; again = 0; o = 0; q = 0; t = 0; seen_empty = 0
    }
}

inline copy(i)
{
    d_step {
        c.written = cell[i].written; c.drawn = cell[i].drawn; c.dead = cell[i].dead;
        c.owner = cell[i].owner; c.request = cell[i].request
    }
}

proctype producer()
{
    byte t, k;
    bit ok;
    for (k : 0 .. PRODUCE - 1) {
        ok = 0;
        do
        :: ok || tail >= CELLS -> break
        :: else ->
            atomic { t = tail; tail++ }
            if
            :: t < CELLS ->
                element[t] = k; /* before the cell says so */
                atomic {
                    ok = !cell[t].drawn && !cell[t].dead;
                    cell[t].written = 1;
                }
            :: else
            fi
        od;
        if
        :: ok -> d_step { if :: put_done < k + 1 -> put_done = k + 1 :: else fi }
        :: else -> break
        fi
    }
}

proctype drawer()
{
    byte t, i, since, k2, left, n, o, q;
    bit mine, again, seen_empty, excuse;
    cell_t c;
    for (n : 1 .. TIMES) {
        d_step { since = newest; open_pops++; excuse = 0 }
        do
        :: forget();
            i = head;
            atomic { look(); t = tail }
            if
            :: i >= t || i >= CELLS -> excuse = seen_empty; nothing(); break
            :: else
            fi;
            atomic { i = head; head++ }
            if
            :: i >= CELLS -> skip
            :: else ->
                atomic { copy(i); cell[i].drawn = 1 }
                if
                :: c.dead || !c.written -> skip
                :: !c.dead && c.written && c.owner == 0 -> deliver(i); break
#ifdef BLIND_VOID
                :: else -> skip
#else
#ifdef TAKE_OWNED
                :: else -> deliver(i); break
#else
                :: else ->
                    again = 1; mine = 0;
                    do
                    :: again ->
                        copy(i);
                        if
                        :: c.dead -> again = 0
                        :: else -> settle(i, NONE, 0, mine, again)
                        fi
                    :: else -> break
                    od;
                    if :: mine -> deliver(i); break :: else fi
#endif
#endif
                fi
            fi
        od
    }
}

/* One pass: thread e's request is served from cell `at` on. */
inline serve(e)
{
    atomic { forget(); r = number[e]; mine = (status[e] == REQUEST) }
    if
    :: mine ->
        mine = 0;
        h = head;
        if :: at == NONE || h > at -> at = h :: else fi;
        do
        :: atomic { forget(); look(); t = tail }
            if
            :: at >= CELLS || at >= t ->
                told[e] = told[e] || seen_empty;
                finish(e, r, EMPTY);
                break
            :: else
            fi;
            copy(at);
            if
            :: c.dead || (c.drawn && c.owner == 0) -> at++
            :: !c.dead && !c.drawn && !c.written ->
                atomic { if :: !cell[at].written && !cell[at].drawn -> cell[at].dead = 1 :: else fi }
            :: !c.dead && c.owner == 0 && c.written && !c.drawn ->
                atomic {
                    mine = (!cell[at].dead && !cell[at].drawn && cell[at].owner == 0);
                    if :: mine -> cell[at].owner = e + 1; cell[at].request = r :: else fi
                }
                if :: mine -> finish(e, r, 1 + at); break :: else fi
            :: !c.dead && c.owner != 0 ->
#ifdef SKIP_OWNED
                at++
#else
                settle(at, e, r, mine, again);
                if
                :: mine -> finish(e, r, 1 + at); break
                :: !mine && !again -> at++
                :: else
                fi
#endif
            fi
        od
    :: else
    fi
}

proctype asker(byte me)
{
    byte t, i, since, k2, left, at, h, r, n, e, o, q;
    bit mine, again, seen_empty, excuse;
    cell_t c;
    for (n : 1 .. TIMES) {
        d_step { since = newest; open_pops++; excuse = 0; told[me] = 0 }
        atomic { number[me]++; status[me] = REQUEST }
        asks[me] = 1;
        at = NONE;
        e = (me + 1) % THREADS;
        do
        :: if :: asks[e] -> serve(e) :: else fi;
            if :: e == me -> break :: else e = (e + 1) % THREADS fi
        od;
        assert(status[me] != REQUEST);
        i = status[me];
        if
        :: i == EMPTY -> excuse = told[me]; nothing()
        :: else ->
            i = i - 1;
#ifndef NO_DEAD
            cell[i].dead = 1;
#endif
            deliver(i)
        fi;
        asks[me] = 0;
        status[me] = 0
    }
}

/* Nothing is lost: each element that was put in and not delivered is in a cell that the next
 * drawer or pass would take. */
init {
    byte k, e;
    atomic {
#ifdef FILLED
        for (k : 0 .. CELLS - 1) { cell[k].written = 1; element[k] = k }
        tail = CELLS;
        put_done = CELLS;
#else
        run producer();
#endif
        for (k : 0 .. DRAWERS - 1) { run drawer() }
        for (k : DRAWERS .. THREADS - 1) { run asker(k) }
    }
    (_nr_pr == 1);
    d_step {
        k = 0;
        do
        :: k < CELLS && k < tail ->
            if
            :: cell[k].written && !cell[k].dead && !cell[k].drawn -> got = got | (1 << element[k])
            :: else
            fi;
            k++
        :: else -> break
        od;
        e = 0;
        do
        :: e < put_done -> assert(got & (1 << e)); e++
        :: else -> break
        od
    }
}
