# SPDX-License-Identifier: MIT
"""Faults of inbox: what each changes in the library's text."""

from . import Fault

INBOX = "src/loop/inbox.c"

FAULTS = [
    Fault("inbox send wakes nobody", "dropped help", INBOX,
          "    thetis_status s = thetis_mpsc_push(&sender->producer_, message);\n"
          "    tht_loop_notify(sender->inbox_->handle_.loop_);\n",
          "    thetis_status s = thetis_mpsc_push(&sender->producer_, message);\n"),
    Fault("inbox send wakes first", "order of steps", INBOX,
          "    thetis_status s = thetis_mpsc_push(&sender->producer_, message);\n"
          "    tht_loop_notify(sender->inbox_->handle_.loop_);\n    return s;\n",
          "    tht_loop_notify(sender->inbox_->handle_.loop_);\n"
          "    return thetis_mpsc_push(&sender->producer_, message);\n"),
    Fault("inbox send wakes after OK only", "dropped help", INBOX,
          "    tht_loop_notify(sender->inbox_->handle_.loop_);\n    return s;\n",
          "    if (s == THETIS_OK) tht_loop_notify(sender->inbox_->handle_.loop_);\n"
          "    return s;\n"),
    Fault("inbox batch wakes nobody", "dropped help", INBOX,
          "    tht_loop_notify(sender->inbox_->handle_.loop_);\n    return done;\n",
          "    return done;\n"),
    Fault("inbox ends with senders", "skipped re-check", INBOX,
          "} else if (users == CLOSING) {", "} else if (users != 0) {"),
    Fault("inbox asks for users last", "order of steps", INBOX,
          "    uintptr_t users = h->state_ == THT_CLOSING ? inbox_users(inbox) : 0;\n"
          "    if (inbox_deliver(inbox)) {\n",
          "    int more = inbox_deliver(inbox);\n"
          "    uintptr_t users = h->state_ == THT_CLOSING ? inbox_users(inbox) : 0;\n"
          "    if (more) {\n"),
    Fault("inbox leaves before it wakes", "claim instead of complete", INBOX,
          "    if (users & CLOSING) tht_loop_notify(inbox->handle_.loop_);\n"
          "    (void)thetis_atomic_fetch_sub_release(&inbox->users_,\n"
          "                                          LEAVING + JOINED); /* pair: inbox.users */\n",
          "    (void)thetis_atomic_fetch_sub_release(&inbox->users_, LEAVING + JOINED);\n"
          "    if (users & CLOSING) tht_loop_notify(inbox->handle_.loop_);\n"),
    Fault("inbox leaves without a wake-up", "dropped help", INBOX,
          "    if (users & CLOSING) tht_loop_notify(inbox->handle_.loop_);\n",
          "    (void)users;\n"),
    Fault("inbox does not say that it leaves", "dropped announcement", INBOX,
          "uintptr_t users = thetis_atomic_fetch_add_relaxed(&inbox->users_, LEAVING);",
          "uintptr_t users = thetis_atomic_fetch_add_relaxed(&inbox->users_, 0);\n"
          "    (void)thetis_atomic_fetch_add_relaxed(&inbox->users_, LEAVING);"),
    Fault("inbox does not look again", "skipped re-check", INBOX,
          "        tht_handle_park(h, THT_F_BACKOFF);\n", "        ;\n"),
    Fault("inbox: a refused join stays", "dropped step", INBOX,
          "    if (s != THETIS_OK) inbox_leave(inbox);\n", ""),
    Fault("inbox close forgets to look", "dropped step", INBOX,
          "    h->loop_->woken = 1; /* phase 3 of the next turn goes on */\n", ""),
    Fault("inbox close is not told to senders", "dropped step", INBOX,
          "    (void)thetis_mpsc_close(inbox->ring_);\n", ""),
]
