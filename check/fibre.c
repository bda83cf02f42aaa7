/* SPDX-License-Identifier: MIT
 *
 * fibre.c: the switch for x86-64 and AArch64 in assembly, for others by ucontext.
 *
 * A switch stores the registers that a called function must preserve on the old stack and takes
 * them from the new one. The signal mask, rounding mode and x87 control word stay as they are:
 * scenarios do not change them. ucontext saves the mask by a system call, which costs 100 times as
 * much; it is the fallback, and can be chosen with -DTST_UCONTEXT to test it.
 */
#include "fibre.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

void tst_fibre_create(tst_fibre *fibre)
{
    enum { GUARD = 4096 };
    char *at = mmap(NULL, TST_STACK + GUARD, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED || mprotect(at, GUARD, PROT_NONE) != 0) {
        perror("thetis-check: a stack");
        exit(2);
    }
    fibre->stack = at + GUARD;
}

#if defined(__x86_64__) && !defined(TST_UCONTEXT)

__asm__(".text\n"
        ".p2align 4\n"
        ".local tst_switch_\n"
        ".type tst_switch_, @function\n"
        "tst_switch_:\n"
        "    push %rbp\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n"
        ".size tst_switch_, . - tst_switch_\n");

enum { SAVED = 6, ENTRY = 6 }; /* registers below the return address; its place */

#elif defined(__aarch64__) && !defined(TST_UCONTEXT)

__asm__(".text\n"
        ".p2align 4\n"
        ".local tst_switch_\n"
        ".type tst_switch_, %function\n"
        "tst_switch_:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size tst_switch_, . - tst_switch_\n");

enum { SAVED = 20, ENTRY = 11 };

#else
#define TST_BY_UCONTEXT
#endif

#ifndef TST_BY_UCONTEXT

extern void tst_switch_(void **from, void *to);

void tst_fibre_start(tst_fibre *fibre, void (*entry)(void))
{
    /* Above the frame one word, so that the stack is aligned at entry as after a call. */
    uintptr_t *frame = (uintptr_t *)(void *)(fibre->stack + TST_STACK) - (SAVED + 4);
    for (int i = 0; i < SAVED + 4; i++) frame[i] = 0;
    frame[ENTRY] = (uintptr_t)entry;
    fibre->context = frame;
}

void tst_fibre_switch(tst_fibre *from, tst_fibre *to)
{
    tst_switch_(&from->context, to->context);
}

#else

#include <ucontext.h>

static ucontext_t *context_of(tst_fibre *fibre)
{
    if (!fibre->context) fibre->context = calloc(1, sizeof(ucontext_t));
    if (!fibre->context) abort();
    return fibre->context;
}

/* Apart, because the compiler thinks that getcontext() may return twice. */
static __attribute__((noinline)) void fill_context(ucontext_t *context)
{
    if (getcontext(context) != 0) abort();
}

void tst_fibre_start(tst_fibre *fibre, void (*entry)(void))
{
    ucontext_t *context = context_of(fibre);
    fill_context(context);
    context->uc_stack.ss_sp = fibre->stack;
    context->uc_stack.ss_size = TST_STACK;
    context->uc_link = NULL;
    makecontext(context, entry, 0);
}

void tst_fibre_switch(tst_fibre *from, tst_fibre *to)
{
    if (swapcontext(context_of(from), to->context) != 0) abort();
}

#endif
