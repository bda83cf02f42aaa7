/* SPDX-License-Identifier: MIT
 *
 * tls.c: where the program's thread-local block is, from its program headers.
 */
#include "tls.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "room.h"

char *tst_tls_block;
size_t tst_tls_bytes;

static struct {
    bool known;
    const void *initial; /* the first bytes; the rest are zero */
    size_t initial_bytes;
    char *kept; /* one copy for each fibre */
} tls;

/* The main program comes first in the list. */
static int find(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    for (int k = 0; k < info->dlpi_phnum; k++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[k];
        if (header->p_type != PT_TLS || header->p_memsz == 0) continue;
        tst_tls_block = info->dlpi_tls_data;
        tls.initial = (const void *)(info->dlpi_addr + header->p_vaddr);
        tls.initial_bytes = header->p_filesz;
        tst_tls_bytes = header->p_memsz;
    }
    return 1;
}

static char *kept(unsigned thread)
{
    return tls.kept + thread * tst_tls_bytes;
}

void tst_tls_begin(void)
{
    if (!tls.known) {
        tls.known = true;
        (void)dl_iterate_phdr(find, NULL);
        if (tst_tls_block) tls.kept = malloc((TST_THREADS + 1) * tst_tls_bytes);
        if (tst_tls_block && !tls.kept) tst_die("no memory for thread-local variables");
    }
    if (!tst_tls_block) return;
    for (unsigned t = 0; t <= TST_THREADS; t++) {
        memset(kept(t), 0, tst_tls_bytes);
        memcpy(kept(t), tls.initial, tls.initial_bytes);
    }
    memcpy(tst_tls_block, kept(TST_HARNESS), tst_tls_bytes);
}

void tst_tls_switch(unsigned from, unsigned to)
{
    if (!tst_tls_block || from == to) return;
    memcpy(kept(from), tst_tls_block, tst_tls_bytes);
    memcpy(tst_tls_block, kept(to), tst_tls_bytes);
}
