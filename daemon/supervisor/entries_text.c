/*
 * Texts that came as JSON are written as they are; names and items are escaped anew.
 */
#include "supervisor/entries_text.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "base/bytes.h"
#include "supervisor/batch.h"
#include "supervisor/catalogue.h"
#include "supervisor/terms_text.h"
#include "wire/json_text.h"

static void write_name(struct bytes *out, const char *name)
{
    json_text_raw(out, ",\"");
    json_text_raw(out, name);
    json_text_raw(out, "\":");
}

/* Nothing for NULL. */
static void write_json(struct bytes *out, const char *name, const char *text, size_t size)
{
    if (!text)
        return;
    write_name(out, name);
    bytes_put(out, text, size);
}

static void write_terms(struct bytes *out, const struct entry_terms *terms)
{
    if (terms->has_timeout) {
        write_name(out, "timeout");
        terms_text_span(out, terms->timeout_ns);
    }
    if (terms->has_retry) {
        write_name(out, "retry");
        terms_text_retry(out, &terms->retry);
    }
    write_name(out, "delay"); /* in any case: there are terms, even if they say nothing */
    terms_text_span(out, terms->delay_ns);
    write_json(out, "after", terms->after, terms->after ? strlen(terms->after) : 0);
    write_json(out, "after_any", terms->after_any, terms->after_any ? strlen(terms->after_any) : 0);
}

/* What entries may share. */
static void write_shared(struct bytes *out, const struct entry *entry,
                         const struct catalogue *catalogue)
{
    const char *plugin = catalogue->plugins[entry->plugin].name;
    json_text_raw(out, "\"plugin\":");
    json_text_string(out, plugin, strlen(plugin));
    write_json(out, "params", entry->params, entry->params_size);
    if (entry->name) {
        write_name(out, "name");
        json_text_string(out, entry->name, strlen(entry->name));
    }
    if (entry->terms)
        write_terms(out, entry->terms);
}

static void write_items(struct bytes *out, const struct entry *entry)
{
    write_name(out, "items");
    for (uint32_t i = 0; i < entry->count; i++) {
        const uint32_t *offset = entry->items->offsets + i;
        struct bytes_reader reader = {.at = entry->items->data + offset[0],
                                      .end = entry->items->data + offset[1]};
        struct bytes_view item = bytes_get_view(&reader);
        json_text_raw(out, i ? "," : "[");
        json_text_string(out, (const char *)item.data, item.size);
    }
    json_text_raw(out, "]");
}

static void write_jobs(struct bytes *out, const struct entry *entry)
{
    if (entry->items) {
        write_items(out, entry);
    } else if (entry->count > 1) {
        write_name(out, "count");
        json_text_integer(out, entry->count);
    }
    if (entry->base) {
        write_name(out, "base");
        json_text_integer(out, entry->base);
    }
}

/* Whether they share all that can be shared, as entries of one old entry do. */
static bool is_as_before(const struct entry *entry, const struct entry *before)
{
    return entry->plugin == before->plugin && entry->expands == before->expands &&
           entry->params == before->params && entry->name == before->name &&
           entry->terms == before->terms && !entry->items == !before->items;
}

int entries_text(const struct batch *batch, uint32_t first, uint32_t end,
                 const struct catalogue *catalogue, struct bytes *out)
{
    assert(first < end && end <= batch->entries_count);
    for (uint32_t i = first; i < end; i++) {
        const struct entry *entry = &batch->entries[i];
        json_text_raw(out, i == first ? "[{" : ",{");
        if (i > first && is_as_before(entry, entry - 1))
            json_text_raw(out, "\"as_before\":true");
        else
            write_shared(out, entry, catalogue);
        write_jobs(out, entry);
        json_text_raw(out, "}");
    }
    json_text_raw(out, "]");
    return out->failed ? -ENOMEM : 0;
}
