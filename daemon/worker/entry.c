/*
 * Entries, see entry.h. The supervisor checked the parameters against the same table, so filling
 * them fails for array jobs only, whose texts are known once they are expanded, and without memory.
 */

#include "worker/entry.h"

#include <errno.h>
#include <stdlib.h>
#include "base/error.h"
#include "base/params.h"
#include "base/problems.h"
#include "wire/message.h"
#include "worker/host.h"

struct entry *entry_new(const struct plugin *plugin, const struct message_run_entry *message,
                        const json_t *params, const struct params_expansion *expansion,
                        struct error *error)
{
    struct entry *entry = malloc(sizeof(*entry) + plugin->params.struct_size);
    int result = -ENOMEM;
    struct problems problems = {0};
    if (entry)
        result =
            params_fill(&plugin->params, params, expansion, "params", entry->params, &problems);
    if (result) {
        if (result == -EINVAL)
            problems_first(&problems, error->text, sizeof(error->text));
        else
            (void)error_set(error, result, "out of memory");
        problems_clear(&problems);
        free(entry);
        return NULL;
    }
    entry->plugin = plugin;
    entry->references = 1;
    entry->attempt = message->attempt < UINT32_MAX ? (uint32_t)message->attempt : UINT32_MAX;
    entry->timeout_ns = message->timeout_ns;
    return entry;
}

void entry_release(struct entry *entry)
{
    if (!entry || --entry->references > 0)
        return;
    params_clear(&entry->plugin->params, entry->params);
    free(entry);
}
