/*
 * Any JSON as a job's parameters: checking and filling agree, every problem is valid JSON, and what
 * was filled keeps its limits and can be cleared. The first byte chooses the expansion. The same
 * JSON as a parameter table: what is taken survives the way to JSON and back.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/params.h"
#include "base/problems.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    struct aw_json body, settings;
};

static const struct aw_param rows[] = {
    AW_PARAM(struct all, flag, .text = "A flag"),
    AW_PARAM(struct all, tries, .text = "How often", .min = 1, .max = 10, .default_text = "3"),
    AW_PARAM(struct all, ratio, .text = "A ratio"),
    AW_PARAM(struct all, pause, .text = "How long", .default_text = "250ms"),
    AW_PARAM(struct all, memory, .text = "How much", .min = 0, .max = 65536),
    AW_PARAM(struct all, at, .text = "When"),
    AW_PARAM(struct all, word, .text = "A word", .default_text = "hello"),
    AW_PARAM(struct all, words, .text = "Words", .required = true),
    AW_PARAM(struct all, either, .text = "Either", .one_of = "choice"),
    AW_PARAM(struct all, other, .text = "Or", .one_of = "choice"),
    AW_PARAM(struct all, body, .text = "A body"),
    AW_PARAM(struct all, settings, .text = "Settings", .default_text = "{\"a\": [1, 0.1]}"),
    AW_PARAMS_END,
};

/* Reads every byte that was filled, for the sanitizers, and looks at the limits. */
static void look(const struct all *all)
{
    size_t length = all->word ? strlen(all->word) : 0;
    for (size_t i = 0; i < all->words.count; i++)
        length += strlen(all->words.items[i]);
    if (length > (size_t)64 << 20 || all->tries < 1 || all->tries > 10 || all->memory.bytes > 65536)
        abort();
    if (!isfinite(all->ratio) || !(all->pause.seconds >= 0) || !isfinite(all->at.unix_seconds))
        abort();
    if (!all->either == !all->other)
        abort();
}

/* What a JSON parameter holds is compact JSON that ends where it says. */
static void look_at_json(const struct aw_json *value)
{
    if (!value->text)
        return;
    json_t *json =
        json_loadb(value->text, value->size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (!json || value->text[value->size] != '\0')
        abort();
    json_decref(json);
}

static void fill(const json_t *json, const struct params_expansion *expansion)
{
    struct params_table table = {
        .rows = rows,
        .count = sizeof(rows) / sizeof(rows[0]) - 1,
        .struct_size = sizeof(struct all),
    };
    struct problems checked = {0}, filled = {0};
    struct all all;
    memset(&all, 0xA5, sizeof(all));
    int check_result = params_fill(&table, json, expansion, "params", NULL, &checked);
    int fill_result = params_fill(&table, json, expansion, "params", &all, &filled);
    if (check_result != fill_result || checked.count != filled.count ||
        (filled.count > 0) != (fill_result != 0))
        abort();
    json_t *problems = problems_json(&filled);
    if (!problems)
        abort();
    json_decref(problems);
    if (fill_result == 0) {
        look(&all);
        look_at_json(&all.body);
        look_at_json(&all.settings);
        if (!all.settings.text)
            abort();
        params_clear(&table, &all);
    }
    problems_clear(&checked);
    problems_clear(&filled);
    const char *with_item;
    (void)params_has_placeholder(&table, json, &with_item);
}

static void read_table(const json_t *json)
{
    struct params_table *table, *again;
    if (params_table_from_json(json, &table, NULL) != 0)
        return;
    json_t *first = params_table_json(table);
    if (!first || params_table_from_json(first, &again, NULL) != 0)
        abort();
    json_t *second = params_table_json(again);
    if (!json_equal(first, second))
        abort();
    json_decref(first);
    json_decref(second);
    params_table_free(table);
    params_table_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    json_t *json =
        json_loadb((const char *)data + 1, size - 1, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (!json)
        return 0;
    struct params_expansion expansion = {.index = data[0], .item = data[0] & 1 ? "1.5" : NULL};
    fill(json, data[0] & 2 ? &expansion : NULL);
    read_table(json);
    json_decref(json);
    return 0;
}
