# SPDX-License-Identifier: MIT
"""Faults of wait: what each changes in the library's text."""

from . import Fault

WAIT = "src/wait/wait.c"

FAULTS = [
    Fault("wait run sleeps from now on", "stale knowledge", WAIT,
          "told = wait_sleep(me, until);", "told = wait_sleep(me, wait_end(timeout_ns));"),
    Fault("wait cancel always reads", "dropped step", WAIT,
          "    if (me->owed_ && me->how_ != WAIT_IN_PORT) wait_take",
          "    if (me->how_ != WAIT_IN_PORT) wait_take"),
    Fault("wait opens the gate first", "order of steps", WAIT,
          "    thetis_atomic_store_relaxed(&me->state_, me->how_); /* before the gate */\n"
          "    (void)thetis_atomic_fetch_or_acq_rel(&me->wait_->gate_, 1); /* pair: wait.gate */",
          "    (void)thetis_atomic_fetch_or_acq_rel(&me->wait_->gate_, 1);\n"
          "    thetis_atomic_store_relaxed(&me->state_, me->how_);"),
    Fault("wait opens the gate by a store", "broken release sequence", WAIT,
          "(void)thetis_atomic_fetch_or_acq_rel(&me->wait_->gate_, 1);",
          "thetis_atomic_store_release(&me->wait_->gate_, 1);"),
    Fault("wait loads the gate, then shuts it", "skipped re-check", "include/thetis/wait.h",
          "= thetis_atomic_exchange_acq_rel(&wait->gate_, 0); /* pair: wait.gate */",
          "= thetis_atomic_load_acquire(&wait->gate_);\n"
          "    thetis_atomic_store_release(&wait->gate_, 0);"),
    Fault("wait wakes only the first", "dropped help", WAIT,
          "tht_port_signal_send(wait_fd_of(how));\n    }\n}\n\n/* Whoever",
          "tht_port_signal_send(wait_fd_of(how));\n        if (how) return;\n    }\n}\n\n"
          "/* Whoever"),
    Fault("wait takes by a load and a store", "skipped re-check", WAIT,
          "if (!thetis_atomic_cas_release(&waiter->state_, how, WAIT_IDLE)) "
          "/* pair: wait.state */\n        return WAIT_IDLE;",
          "thetis_atomic_store_release(&waiter->state_, WAIT_IDLE);"),
    Fault("wait calls the system always", "claim instead of complete", WAIT,
          "        if (how == WAIT_IN_PORT) tht_port_wake(&waiter->state_);\n        else if (how",
          "        if (how <= WAIT_IN_PORT) tht_port_wake(&waiter->state_);\n        else if (how"),
    Fault("wait forgets the signal on its way", "dropped step", WAIT,
          "    if (wait_withdraw(me) && me->how_ != WAIT_IN_PORT) me->owed_++;",
          "    (void)wait_withdraw(me);"),
    Fault("wait takes a signal only once", "dropped step", WAIT,
          "    me->owed_ -= n < me->owed_ ? n : me->owed_;", "    (void)n;\n    me->owed_ = 0;"),
    Fault("wait close leaves the gate", "dropped step", WAIT,
          "    (void)thetis_atomic_exchange_acq_rel(&wait->gate_, 0); /* pair: wait.gate */\n", ""),
    Fault("wait close trusts other wakes", "dropped help", WAIT,
          "        (void)wait_take(waiter);\n", "        if (!wait_take(waiter)) continue;\n"),
    Fault("wait close says so last", "order of steps", WAIT,
          "    thetis_atomic_store_release(&wait->closed_, 1); /* pair: wait.closed */\n"
          "    (void)thetis_atomic_exchange_acq_rel(&wait->gate_, 0); /* pair: wait.gate */\n"
          "    for (; waiter != end; waiter++) {\n        uintptr_t signal",
          "    (void)thetis_atomic_exchange_acq_rel(&wait->gate_, 0);\n"
          "    for (; waiter != end || (thetis_atomic_store_release(&wait->closed_, 1), 0); "
          "waiter++) {\n        uintptr_t signal"),
    Fault("wait starts although closed", "skipped re-check", WAIT,
          "if (THETIS_LIKELY(!wait_is_closed(me))) return THETIS_OK;", "if (me) return THETIS_OK;"),
    Fault("wait run does not look again", "skipped re-check", WAIT,
          "        s = attempt(arg);\n        if (!wait_is_vain(s)) {",
          "        if (!wait_is_vain(s)) {"),
    Fault("wait run leaves what was there at the end", "dropped step", WAIT,
          "        if (told != THETIS_OK) continue;\n        s = attempt(arg);",
          "        if (told != THETIS_OK) return told;\n        s = attempt(arg);"),
    Fault("wait place keeps its descriptor", "stale state", WAIT,
          "    (*out)->how_ = WAIT_IN_PORT;",
          "    if (!(*out)->how_) (*out)->how_ = WAIT_IN_PORT;"),
    Fault("wait times out though woken", "lost result", WAIT,
          "return over && !woken ? THETIS_ETIMEDOUT : THETIS_OK;",
          "return woken ? THETIS_ETIMEDOUT : THETIS_OK;"),
]
