/*
 * Walks an object's dynamic symbol table, as the dynamic linker has mapped it. The object has been loaded, so its
 * tables were good enough for the dynamic linker; nothing here is safe for a file that was not.
 */
#include "worker/symbols.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What the linker, or the C library's start files, add to an object: each has its own. */
static const char *const usual[] = {
    "_init", "_fini",  "__bss_start", "_edata",       "edata",      "_end",
    "end",   "_etext", "etext",       "__data_start", "data_start", "_IO_stdin_used",
};

struct tables {
    const ElfW(Sym) * symbols;
    const char *names;
    const uint32_t *gnu_hash;
    const ElfW(Word) * hash;
    bool binds_itself; /* linked with -Bsymbolic: look-ups begin in the object */
};

/* ---- The tables ---------------------------------------------------------------------------------- */

/* An address of the dynamic section: absolute as glibc leaves it on most machines, else an offset. */
static const void *address(const struct link_map *map, ElfW(Addr) value)
{
    return (const void *)(value < map->l_addr ? map->l_addr + value : value);
}

static int find_tables(const struct link_map *map, struct tables *out)
{
    *out = (struct tables){.symbols = NULL};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_SYMTAB)
            out->symbols = address(map, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_STRTAB)
            out->names = address(map, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_GNU_HASH)
            out->gnu_hash = address(map, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_HASH)
            out->hash = address(map, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_SYMBOLIC ||
                 (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_SYMBOLIC)))
            out->binds_itself = true;
    }
    return out->symbols && out->names && (out->gnu_hash || out->hash) ? 0 : -EINVAL;
}

/* How many symbols there are. DT_HASH has a chain entry for each. DT_GNU_HASH holds the exported ones alone, which
 * come last: the highest that begins a bucket's chain, and on to that chain's end, which its lowest bit marks. */
static size_t count_symbols(const struct tables *tables)
{
    if (tables->hash)
        return tables->hash[1];
    uint32_t buckets = tables->gnu_hash[0], first = tables->gnu_hash[1],
             bloom = tables->gnu_hash[2];
    const ElfW(Addr) *filter = (const void *)(tables->gnu_hash + 4);
    const uint32_t *bucket = (const void *)(filter + bloom), *chain = bucket + buckets;
    uint32_t last = 0;
    for (uint32_t i = 0; i < buckets; i++)
        if (bucket[i] > last)
            last = bucket[i];
    if (last < first)
        return first;
    while (!(chain[last - first] & 1))
        last++;
    return (size_t)last + 1;
}

/* ---- The names ----------------------------------------------------------------------------------- */

/* AddressSanitizer adds one for each variable, to find those that are defined twice. */
static const char sanitizers[] = "__odr_asan";

static bool is_usual(const char *name)
{
    if (strncmp(name, sanitizers, sizeof(sanitizers) - 1) == 0)
        return true;
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (strcmp(name, usual[i]) == 0)
            return true;
    return false;
}

/* Whether others find the symbol here: absolute ones are versions and the like. */
static bool is_exported(const ElfW(Sym) * symbol)
{
    /* These two are the same for 32 and 64 bits. */
    unsigned binding = ELF64_ST_BIND(symbol->st_info);
    unsigned visibility = ELF64_ST_VISIBILITY(symbol->st_other);
    return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS && symbol->st_name != 0 &&
           (binding == STB_GLOBAL || binding == STB_WEAK) &&
           (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

/* Whether a look-up from within the object finds another one. The plugin was loaded RTLD_LOCAL, so the process's
 * own scope is without it. */
static bool is_elsewhere(const ElfW(Sym) * symbol, const char *name)
{
    return ELF64_ST_VISIBILITY(symbol->st_other) != STV_PROTECTED && dlsym(RTLD_DEFAULT, name);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The first names by the alphabet, whatever order the linker left them in. */
static json_t *names_json(const char **names, size_t count)
{
    json_t *list = json_array();
    qsort(names, count, sizeof(*names), compare);
    for (size_t i = 0; list && i < count && i < SYMBOLS_TOLD; i++) {
        json_t *name = json_string(names[i]);
        if (!name) /* not UTF-8, which no compiler writes */
            continue;
        if (json_array_append_new(list, name)) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

int symbols_survey(void *object, const char *own, json_t **exports, json_t **clashes)
{
    struct link_map *map;
    struct tables tables;
    if (dlinfo(object, RTLD_DI_LINKMAP, &map) != 0)
        return -EINVAL;
    int result = find_tables(map, &tables);
    if (result)
        return result;
    size_t count = count_symbols(&tables), exported = 0, clashing = 0;
    const char **names = calloc(count + 1, 2 * sizeof(*names));
    if (!names)
        return -ENOMEM;
    const char **others = names + count + 1;
    for (size_t i = 0; i < count; i++) {
        const char *name = tables.names + tables.symbols[i].st_name;
        if (!is_exported(&tables.symbols[i]) || strcmp(name, own) == 0 || is_usual(name))
            continue;
        names[exported++] = name;
        if (!tables.binds_itself && is_elsewhere(&tables.symbols[i], name))
            others[clashing++] = name;
    }
    json_t *exports_json = names_json(names, exported),
           *clashes_json = names_json(others, clashing);
    free(names);
    if (!exports_json || !clashes_json) {
        json_decref(exports_json);
        json_decref(clashes_json);
        return -ENOMEM;
    }
    *exports = exports_json;
    *clashes = clashes_json;
    return 0;
}
