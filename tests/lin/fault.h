/* SPDX-License-Identifier: MIT
 *
 * fault.h: faults that the monitors' own tests plant, to show that they would be noticed.
 */
#ifndef LIN_FAULT_H
#define LIN_FAULT_H

typedef enum lin_fault {
    LIN_FAULT_NONE,
    LIN_FAULT_WGL_MEMO,        /* states are not compared */
    LIN_FAULT_WGL_ORDER,       /* an operation may overtake one that has returned */
    LIN_FAULT_WGL_PENDING,     /* pending operations must take effect */
    LIN_FAULT_QUEUE_ORDER,     /* the order of elements of different threads does not count */
    LIN_FAULT_QUEUE_EMPTY,     /* one gap too many is seen */
    LIN_FAULT_QUEUE_ROOM,      /* the capacity is one too large */
    LIN_FAULT_SPSC_ROOM,       /* the capacity is one too large */
    LIN_FAULT_SPSC_EMPTY,      /* EMPTY is not checked */
    LIN_FAULT_MAP_SPLIT,       /* keys are merged in pairs */
    LIN_FAULT_DICT_SCAN,       /* keys that a scan did not show are not looked for */
    LIN_FAULT_PQ_ORDER,        /* larger keys are placed first */
    LIN_FAULT_PQ_EMPTY,        /* EMPTY is not checked */
    LIN_FAULT_OPACITY_ABORTED, /* transactions that aborted are left out */
    LIN_FAULT_OPACITY_ANTI,    /* who read a value may come after who replaced it */
    LIN_FAULT_OPACITY_TIME     /* real time does not count */
} lin_fault;

/* The one that is on. Written by tests only. */
extern lin_fault lin_planted;

#endif
