/* SPDX-License-Identifier: MIT
 *
 * symbol.c: reads the symbol table of the program's own file.
 */
#include "symbol.h"

#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    bool tried;
    const ElfW(Sym) *first;
    size_t count;
    const char *names;
    uintptr_t base; /* of the program in memory */
} symbols;

/* The main program comes first in the list. */
static int find_base(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    symbols.base = info->dlpi_addr;
    return 1;
}

static const char *map_program(void)
{
    struct stat status;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (file < 0) return NULL;
    const char *image = MAP_FAILED;
    if (fstat(file, &status) == 0) {
        image = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    }
    (void)close(file);
    return image == MAP_FAILED ? NULL : image;
}

static void load_symbols(void)
{
    const char *image = map_program();
    symbols.tried = true;
    if (!image) return;
    (void)dl_iterate_phdr(find_base, NULL);
    const ElfW(Ehdr) *header = (const void *)image;
    const ElfW(Shdr) *sections = (const void *)(image + header->e_shoff);
    for (unsigned k = 0; k < header->e_shnum; k++) {
        if (sections[k].sh_type != SHT_SYMTAB) continue;
        symbols.first = (const void *)(image + sections[k].sh_offset);
        symbols.count = sections[k].sh_size / sizeof *symbols.first;
        symbols.names = image + sections[sections[k].sh_link].sh_offset;
    }
}

bool tst_symbol_text(uintptr_t addr, char *out, size_t room)
{
    if (!symbols.tried) load_symbols();
    for (size_t k = 0; k < symbols.count; k++) {
        const ElfW(Sym) *s = &symbols.first[k];
        uintptr_t offset = addr - (symbols.base + s->st_value);
        if ((s->st_info & 15) != STT_OBJECT || offset >= s->st_size) continue;
        if (offset == 0) (void)snprintf(out, room, "%s", symbols.names + s->st_name);
        else (void)snprintf(out, room, "%s+%zu", symbols.names + s->st_name, (size_t)offset);
        return true;
    }
    return false;
}
