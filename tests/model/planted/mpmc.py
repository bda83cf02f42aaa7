# SPDX-License-Identifier: MIT
"""Faults of mpmc: what each changes in the library's text."""

from . import Fault

MPMC = "src/ring/mpmc.c"
HELP = "src/ring/mpmc_help.c"
TRACK = "src/ring/mpmc_track.c"

READ_CELL = ("        tht_cell c = tht_cell_load(t, tht_cell_at(t, takes ? view->head : "
             "view->tail));\n")
READ_REQUEST = ("        if (!tht_cell_same(tht_cell_load(t, tht_request_at(t, id)), request)) "
                "break;\n")
READ_ELEMENT = "    memcpy(item, mpmc_element(ring, slot), ring->elem_size);\n"
GIVE_BACK = "    mpmc_give(me, slot);\n"

FAULTS = [
    Fault("mpmc decides without a second look at the cell", "skipped re-check", HELP,
          "    if (!tht_cell_same(tht_cell_load(t, tht_cell_at(t, at)), c)) return request;\n", ""),
    Fault("mpmc helps by a cell read after the request", "order of steps", HELP,
          READ_CELL + READ_REQUEST, READ_REQUEST + READ_CELL),
    Fault("mpmc helps whatever the participant asks next", "stale knowledge", HELP,
          READ_REQUEST,
          "        if (tht_request_status(tht_cell_load(t, tht_request_at(t, id))) != "
          "THT_REQUEST_PENDING) break;\n"),
    Fault("mpmc owner leaves the deciding cell as it is", "dropped step", HELP,
          "        c = track_finish(t, tht_cell_at(t, index), c, request);\n",
          "        (void)c;\n",
          first="crash mpmc-room"),
    Fault("mpmc refusal leaves the same word", "ABA", HELP,
          "    tht_cell next = tht_cell_left(t, c);\n",
          "    tht_cell next = tht_cell_with(c, 0, THT_CELL_EMPTY, c.value);\n",
          first="random mpmc-full"),
    Fault("mpmc asks with the same sequence", "ABA", HELP,
          "new = {(old.tag & ~(next - 1)) + next, value};",
          "new = {old.tag & ~(next - 1), value};",
          first="random mpmc-full"),
    Fault("mpmc room of one too many", "off by one", HELP,
          "    uintptr_t before = at - t->capacity;\n",
          "    uintptr_t before = at - t->capacity - 1;\n"),
    Fault("mpmc asked push needs no room", "skipped re-check", HELP,
          "== THT_MPMC_CLOSE || tht_mpmc_room(t, view, at);", "== THT_MPMC_CLOSE || at == at;"),
    Fault("mpmc close is put as a value", "claim instead of complete", HELP,
          "closes ? THT_CELL_CLOSED : THT_CELL_FILLED", "THT_CELL_FILLED"),
    Fault("mpmc learns more than a cell says", "off by one", HELP,
          "    if (state == THT_CELL_FILLED || state == THT_CELL_TAKING) tail +=",
          "    if (state <= THT_CELL_STATES) tail +="),
    Fault("mpmc owner does not learn where it was served", "dropped step", HELP,
          "    track_learn(t, view, index, c);\n", "    if (0) track_learn(t, view, index, c);\n"),
    Fault("mpmc nobody helps", "others delayed", TRACK,
          "    if (THETIS_LIKELY(asked == 0)) return;\n", "    if (asked || !asked) return;\n"),
    Fault("mpmc helps all but the last", "off by one", TRACK,
          "id < t->users; id++) {\n        if (asked",
          "id + 1 < t->users; id++) {\n        if (asked",
          first="adversary mpmc-wrap"),
    Fault("mpmc passes a cell that is being put", "skipped re-check", TRACK,
          "    case THT_CELL_PUTTING:\n    case THT_CELL_WANTING:\n"
          "        tht_mpmc_settle(t, view, at);\n",
          "    case THT_CELL_PUTTING:\n        view->tail = at + 1;\n        break;\n"
          "    case THT_CELL_WANTING:\n        tht_mpmc_settle(t, view, at);\n"),
    Fault("mpmc takes no notice of a cell being put", "skipped re-check", TRACK,
          "    case THT_CELL_EMPTY:\n    case THT_CELL_WANTING:\n        return THETIS_EMPTY;\n"
          "    case THT_CELL_PUTTING:\n",
          "    case THT_CELL_EMPTY:\n    case THT_CELL_WANTING:\n    case THT_CELL_PUTTING:\n"
          "        return THETIS_EMPTY;\n",
          first="crash mpmc-across"),
    Fault("mpmc shows the tail after it has helped", "stale knowledge", TRACK,
          "        if (asked >> id & 1) tht_mpmc_help(t, view, id);\n",
          "        uintptr_t shown = tht_mpmc_see_tail(t, view);\n"
          "        if (asked >> id & 1) tht_mpmc_help(t, view, id);\n"
          "        tht_mpmc_show_tail(t, view, shown);\n",
          first="random mpmc-stale"),
    Fault("mpmc shows the tail after a refusal", "stale knowledge", TRACK,
          "    if (s == THETIS_OK && kind == THT_MPMC_PUSH) tht_mpmc_show_tail",
          "    if (kind == THT_MPMC_PUSH) tht_mpmc_show_tail",
          first="random mpmc-stale"),
    Fault("mpmc slot is published before it is written", "order of steps", MPMC,
          "    memcpy(mpmc_element(ring, slot), item, ring->elem_size);\n    return "
          "mpmc_append(me, slot);\n",
          "    s = mpmc_append(me, slot);\n"
          "    memcpy(mpmc_element(ring, slot), item, ring->elem_size);\n    return s;\n"),
    Fault("mpmc slot is free before it was read", "order of steps", MPMC,
          READ_ELEMENT + GIVE_BACK, GIVE_BACK + READ_ELEMENT,
          first="adversary mpmc-push-pop"),
    Fault("mpmc place is used after it was given away", "order of steps", MPMC,
          "    thetis_thread_leave(end->ring_->places, end->id_);\n",
          "    thetis_thread_leave(end->ring_->places, end->id_);\n"
          "    if (end->ring_->kept[end->id_].n > 1) end->ring_->kept[end->id_].n = 1;\n"),
]
