/*
 * Any bytes as the entries of a batch that was accepted before: they are refused in words, or become jobs. What became
 * jobs is written again, and that reads as the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <awaitd/plugin.h>
#include "base/error.h"
#include "base/params.h"
#include "supervisor/batch.h"
#include "supervisor/catalogue.h"
#include "supervisor/entries_text.h"
#include "supervisor/order.h"
#include "supervisor/submit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Jobs of a batch that is looked at; reason: counts of a few bytes would take gigabytes. */
#define JOBS_MAX 100000u

struct params {
    struct aw_duration seconds;
    const char *text;
    struct aw_json body;
};
static const struct aw_param rows[] = {
    AW_PARAM(struct params, seconds, .text = "How long", .min = 0, .max = 60),
    AW_PARAM(struct params, text, .text = "What to say"),
    AW_PARAM(struct params, body, .text = "What to send"),
    AW_PARAMS_END,
};
static struct params_table table = {.rows = rows, .count = 3, .struct_size = sizeof(struct params)};

static struct catalogue new_catalogue(void)
{
    struct catalogue catalogue = {.plugins = calloc(2, sizeof(struct plugin)), .count = 2};
    if (!catalogue.plugins)
        abort();
    catalogue.plugins[0].name = (char *)"wait";
    catalogue.plugins[0].params = &table;
    catalogue.plugins[1].name = (char *)"off";
    catalogue.plugins[1].disabled = (char *)"why";
    return catalogue;
}

static void clear_catalogue(struct catalogue *catalogue)
{
    for (uint32_t i = catalogue->count; i < catalogue_places(catalogue); i++) {
        free(catalogue->plugins[i].name);
        free(catalogue->plugins[i].disabled);
    }
    free(catalogue->plugins);
}

static struct batch *new_batch(void)
{
    struct batch *batch = batch_new(1, NULL, 0);
    if (!batch || batch_accept(batch, 1) != 0)
        abort();
    return batch;
}

static void compare_texts(const char *a, const char *b)
{
    if (!a != !b || (a && strcmp(a, b) != 0))
        abort();
}

static void compare_terms(const struct entry_terms *a, const struct entry_terms *b)
{
    if (!a != !b)
        abort();
    if (!a)
        return;
    if (a->has_timeout != b->has_timeout || a->timeout_ns != b->timeout_ns ||
        a->has_retry != b->has_retry || memcmp(&a->retry, &b->retry, sizeof(a->retry)) != 0 ||
        a->delay_ns != b->delay_ns)
        abort();
    compare_texts(a->after, b->after);
    compare_texts(a->after_any, b->after_any);
}

static void compare(const struct batch *a, const struct batch *b)
{
    if (a->entries_count != b->entries_count || a->jobs != b->jobs)
        abort();
    for (uint32_t i = 0; i < a->entries_count; i++) {
        const struct entry *one = &a->entries[i], *other = &b->entries[i];
        if (one->count != other->count || one->plugin != other->plugin ||
            one->base != other->base || one->expands != other->expands ||
            !one->items != !other->items || order_waits(a, i) != order_waits(b, i))
            abort();
        compare_texts(one->params, other->params);
        compare_texts(one->name, other->name);
        compare_terms(one->terms, other->terms);
        if (one->items &&
            memcmp(one->items->data, other->items->data, one->items->offsets[one->count]) != 0)
            abort();
    }
}

/* Whether a count is so large that there is no sense in trying. */
static bool has_large_number(const uint8_t *data, size_t size)
{
    size_t digits = 0;
    for (size_t i = 0; i < size; i++) {
        digits = data[i] >= '0' && data[i] <= '9' ? digits + 1 : 0;
        if (digits > 5)
            return true;
    }
    return false;
}

static void write_again(const struct batch *batch, struct catalogue *catalogue)
{
    struct bytes text = {0};
    struct error error = {""};
    struct batch *again = new_batch();
    if (entries_text(batch, 0, batch->entries_count, catalogue, &text) != 0)
        abort();
    struct bytes_view view = {.data = text.data, .size = text.size};
    if (submit_stored(again, view, catalogue, &error) != 0)
        abort();
    compare(batch, again);
    batch_free(again);
    bytes_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (has_large_number(data, size))
        return -1;
    struct catalogue catalogue = new_catalogue();
    struct batch *batch = new_batch();
    struct error error = {""};
    struct bytes_view text = {.data = data, .size = size};
    int code = submit_stored(batch, text, &catalogue, &error);
    if (code && (!error.text[0] || batch->jobs))
        abort();
    if (!code && batch->jobs < JOBS_MAX)
        write_again(batch, &catalogue);
    batch_free(batch);
    clear_catalogue(&catalogue);
    return 0;
}
