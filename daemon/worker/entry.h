/*
 * What jobs of one entry share: the plugin, its filled parameters, the attempt, the timeout. Loop thread only.
 */
#ifndef AWAITD_WORKER_ENTRY_H
#define AWAITD_WORKER_ENTRY_H

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

struct error;
struct message_run_entry;
struct params_expansion;
struct plugin;

struct entry {
    const struct plugin *plugin;
    uint32_t references;
    uint32_t attempt;
    uint64_t timeout_ns;                          /* of each job; 0: none */
    _Alignas(max_align_t) unsigned char params[]; /* the plugin's struct */
};

/* An entry as the message has it, with its parameters filled from `params`; one reference. NULL: the reason is in
 * *error. */
struct entry *entry_new(const struct plugin *plugin, const struct message_run_entry *message,
                        const json_t *params, const struct params_expansion *expansion,
                        struct error *error);

static inline struct entry *entry_reference(struct entry *entry)
{
    entry->references++;
    return entry;
}

/* NULL is fine. */
void entry_release(struct entry *entry);

#endif
