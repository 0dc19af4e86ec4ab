/*
 * Any text as a job entry, read at first sight and by way of JSON values: what is taken at first sight is taken by
 * the other, too, and is the same entry.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <awaitd/plugin.h>
#include "base/params.h"
#include "base/problems.h"
#include "supervisor/catalogue.h"
#include "supervisor/submit_entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 1000000

/* Jansson's parser calls itself; deeper texts are refused before, see wire/frame.h. */
#define DEPTH_MAX 64

struct all {
    bool flag;
    int64_t tries;
    double ratio;
    struct aw_duration pause;
    struct aw_size memory;
    struct aw_time at;
    const char *word;
    struct aw_strings words;
    const char *either, *other;
    struct aw_json body;
};
static const struct aw_param rows[] = {
    AW_PARAM(struct all, flag, .text = "A flag"),
    AW_PARAM(struct all, tries, .text = "How often", .min = 1, .max = 10, .default_text = "3"),
    AW_PARAM(struct all, ratio, .text = "A ratio", .min = -0.5, .max = 2.5),
    AW_PARAM(struct all, pause, .text = "How long"),
    AW_PARAM(struct all, memory, .text = "How much", .min = 0, .max = 65536),
    AW_PARAM(struct all, at, .text = "When"),
    AW_PARAM(struct all, word, .text = "A word", .required = true),
    AW_PARAM(struct all, words, .text = "Words"),
    AW_PARAM(struct all, either, .text = "Either", .one_of = "choice"),
    AW_PARAM(struct all, other, .text = "Or", .one_of = "choice"),
    AW_PARAM(struct all, body, .text = "A body"),
    AW_PARAMS_END,
};
static struct params_table table = {
    .rows = rows, .count = sizeof(rows) / sizeof(rows[0]) - 1, .struct_size = sizeof(struct all)};
static struct params_table no_params;
static struct plugin plugins[] = {
    {.name = (char *)"all", .style = RUN_ASYNC, .params = &table, .restricted = 1 << 4},
    {.name = (char *)"nop", .style = RUN_ASYNC, .params = &no_params},
    {.name = (char *)"off", .style = RUN_ASYNC, .params = &no_params, .disabled = (char *)"off"},
};
static const struct catalogue catalogue = {.plugins = plugins, .count = 3, .known = true};

static int is_shallow(const uint8_t *data, size_t size)
{
    size_t opened = 0;
    for (size_t i = 0; i < size; i++)
        opened += data[i] == '{' || data[i] == '[';
    return opened <= DEPTH_MAX;
}

static struct entry_reading reading_of(struct batch *batch, struct problems *problems, bool trusted)
{
    return (struct entry_reading){.batch = batch,
                                  .catalogue = &catalogue,
                                  .trusted = trusted,
                                  .problems = problems,
                                  .field = "jobs[0].",
                                  .prefix = 8};
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static void compare(const struct entry *plain, const struct entry *parsed)
{
    if (plain->count != parsed->count || plain->plugin != parsed->plugin ||
        plain->expands != parsed->expands || plain->params_size != parsed->params_size ||
        plain->params != parsed->params || !same_text(plain->name, parsed->name) || plain->items ||
        parsed->items || plain->terms || parsed->terms)
        abort();
}

static void check(struct bytes_view text, bool trusted)
{
    struct batch *batch = batch_new(1, NULL, 0);
    struct problems problems = {0};
    struct entry_reading plain = reading_of(batch, &problems, trusted), parsed = plain;
    if (entry_read_plain(&plain, text, ROOM)) {
        json_t *object =
            json_loadb((const char *)text.data, text.size,
                       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (!json_is_object(object) || entry_read(&parsed, object, text, ROOM) != 0 ||
            problems.count)
            abort();
        compare(&plain.entry, &parsed.entry);
        json_decref(object);
    }
    if (problems.count)
        abort();
    entry_clear(&plain);
    entry_clear(&parsed);
    batch_free(batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || data[1] != '{' || !is_shallow(data, size))
        return 0;
    check((struct bytes_view){.data = data + 1, .size = size - 1}, data[0] & 1);
    return 0;
}
