# SPDX-License-Identifier: MIT
"""Faults of lanes: what each changes in the library's text."""

from . import Fault

LANES = "src/ring/lanes.c"
LANES_H = "include/thetis/lanes.h"

FAULTS = [
    Fault("lanes takes the lowest head at once", "skipped re-check", LANES,
          "    if (found == THETIS_LANES_NONE_ || lanes_age(me, heads[found].ticket_) > 0) "
          "return found;\n", "    if (heads) return found;\n"),
    Fault("lanes loads its horizon after it has looked", "order of steps", LANES,
          "    if (!(me->horizon_ & THETIS_LANES_CLOSED_))\n        me->horizon_ = "
          "thetis_atomic_load_acquire(tail); /* pair: lanes.tail */\n"
          "    for (size_t k = 0; k < me->lanes_.lanes_; k++)\n"
          "        if (!heads[k].known_ && lanes_look(me, k) == THETIS_ECORRUPT) "
          "s = THETIS_ECORRUPT;\n",
          "    for (size_t k = 0; k < me->lanes_.lanes_; k++)\n"
          "        if (!heads[k].known_ && lanes_look(me, k) == THETIS_ECORRUPT) "
          "s = THETIS_ECORRUPT;\n"
          "    if (!(me->horizon_ & THETIS_LANES_CLOSED_))\n        me->horizon_ = "
          "thetis_atomic_load_acquire(tail);\n"),
    Fault("lanes takes the youngest head first", "order of steps", LANES,
          "lanes_age(me, heads[k].ticket_) > lanes_age(me, heads[found].ticket_))",
          "lanes_age(me, heads[k].ticket_) < lanes_age(me, heads[found].ticket_))"),
    Fault("lanes does not look where it has released", "dropped step", LANES,
          "k == THETIS_LANES_NONE_ ? THETIS_EMPTY : lanes_look(me, k);", "THETIS_EMPTY;"),
    Fault("lanes passes holes", "skipped re-check", LANES,
          "    return me->taken_ == me->top_ && thetis", "    return thetis",
          first="pct lanes-passed"),
    Fault("lanes publishes before it draws", "claim instead of complete", LANES_H,
          "    ticket = thetis_lanes_draw_(producer, at, 1);\n"
          "    if (THETIS_UNLIKELY(ticket & THETIS_LANES_CLOSED_)) "
          "return thetis_lanes_give_up_(producer);\n"
          "    thetis_lanes_publish_(view, at, &place, ticket, size);\n",
          "    ticket = thetis_atomic_load_acquire(producer->tail_);\n"
          "    if (ticket & THETIS_LANES_CLOSED_) return thetis_lanes_give_up_(producer);\n"
          "    thetis_lanes_publish_(view, at, &place, ticket, size);\n"
          "    (void)thetis_lanes_draw_(producer, at, 1);\n"),
    Fault("lanes publishes before it has written the ticket", "order of steps", LANES_H,
          "    thetis_lanes_set_ticket_(place->at + sizeof(thetis_bytes_header_), ticket);\n"
          "    thetis_bytes_publish_(view, at, place, size + THETIS_LANES_TICKET_);",
          "    thetis_bytes_publish_(view, at, place, size + THETIS_LANES_TICKET_);\n"
          "    thetis_lanes_set_ticket_(place->at + sizeof(thetis_bytes_header_), ticket);"),
    Fault("lanes batch draws one ticket", "lost count", LANES,
          "thetis_lanes_draw_(me, me->end_.side_.own_, done);",
          "thetis_lanes_draw_(me, me->end_.side_.own_, 1);",
          first="adversary lanes-batch"),
    Fault("lanes looks at tail twice", "steps beyond the bound", LANES,
          "    if (!(me->horizon_ & THETIS_LANES_CLOSED_))\n        me->horizon_ =",
          "    (void)thetis_atomic_load_relaxed(tail);\n"
          "    if (!(me->horizon_ & THETIS_LANES_CLOSED_))\n        me->horizon_ =",
          first="adversary lanes-two"),
]
