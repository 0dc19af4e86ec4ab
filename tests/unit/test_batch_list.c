#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "batch_fixture.h"
#include "suite.h"
#include "supervisor/batch_list.h"
#include "supervisor/batches.h"
#include "supervisor/store.h"

static struct batches batches;
static struct plugin plugins[3];
static struct catalogue catalogue;

static void set_up(void)
{
    static const enum run_style styles[3] = {RUN_ASYNC, RUN_ASYNC, RUN_ASYNC};
    ck_assert_int_eq(batches_init(&batches, SIZE_MAX), 0);
    catalogue = make_catalogue(plugins, 3, styles);
}

static void tear_down(void)
{
    batches_clear(&batches);
}

/* A batch with a job of each plugin whose digit is in `of`. */
static struct batch *add(const char *name, const char *of)
{
    struct batch *batch = batches_add(&batches, name, 0);
    ck_assert_ptr_nonnull(batch);
    for (; *of; of++)
        (void)add_jobs(batch, (uint16_t)(*of - '0'), 1);
    return batch;
}

static void finish(struct batch *batch, enum job_state state)
{
    batch_seal(batch, 1);
    for (uint32_t job = 0; job < batch->jobs; job++)
        complete_job(batch, job, state, "");
    batches_finished(&batches, batch);
}

/* What of memory matches, as "9 8 7 from 7"; borrowed until the next call. */
static const char *memory(struct store_filter filter)
{
    static char text[512];
    struct list_part part;
    filter.below = filter.below ? filter.below : batches.last_number + 1;
    filter.limit = filter.limit ? filter.limit : 100;
    ck_assert_int_eq(batch_list_memory(&batches, &catalogue, &filter, &part), 0);
    size_t length = 0, place;
    json_t *summary;
    json_array_foreach (part.summaries, place, summary)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%lld ",
                                   json_integer_value(json_object_get(summary, "batch")));
    (void)snprintf(text + length, sizeof(text) - length, "from %llu",
                   (unsigned long long)part.from);
    json_decref(part.summaries);
    return text;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

START_TEST(the_newest_come_first)
{
    ck_assert_str_eq(memory((struct store_filter){0}), "from 0");
    for (int i = 0; i < 4; i++)
        (void)add(NULL, "0");
    ck_assert_str_eq(memory((struct store_filter){0}), "4 3 2 1 from 0");
    ck_assert_str_eq(memory((struct store_filter){.below = 3}), "2 1 from 0");
}
END_TEST

START_TEST(a_limit_ends_the_part_at_its_last_batch)
{
    for (int i = 0; i < 4; i++)
        (void)add(NULL, "0");
    ck_assert_str_eq(memory((struct store_filter){.limit = 2}), "4 3 from 3");
    ck_assert_str_eq(memory((struct store_filter){.limit = 4}), "4 3 2 1 from 0");
}
END_TEST

START_TEST(batches_are_filtered_by_state)
{
    (void)add(NULL, "0");
    batch_seal(add(NULL, "0"), 1);
    finish(add(NULL, "0"), JOB_SUCCEEDED);
    finish(add(NULL, "0"), JOB_FAILED);
    ck_assert_str_eq(memory((struct store_filter){.state = "open"}), "1 from 0");
    ck_assert_str_eq(memory((struct store_filter){.state = "running"}), "2 from 0");
    ck_assert_str_eq(memory((struct store_filter){.state = "succeeded"}), "3 from 0");
    ck_assert_str_eq(memory((struct store_filter){.state = "failed"}), "4 from 0");
    ck_assert_str_eq(memory((struct store_filter){.state = "cancelled"}), "from 0");
}
END_TEST

START_TEST(any_job_of_a_plugin_counts)
{
    (void)add(NULL, "0");
    (void)add(NULL, "01");
    (void)add(NULL, "2");
    (void)add(NULL, "");
    ck_assert_str_eq(memory((struct store_filter){.plugin = "p0"}), "2 1 from 0");
    ck_assert_str_eq(memory((struct store_filter){.plugin = "p1"}), "2 from 0");
    ck_assert_str_eq(memory((struct store_filter){.plugin = "p"}), "from 0");
}
END_TEST

START_TEST(a_name_counts_as_a_whole)
{
    (void)add("night", "0");
    (void)add("nightly", "0");
    (void)add(NULL, "0");
    (void)add("nightly", "1");
    ck_assert_str_eq(memory((struct store_filter){.name = "nightly"}), "4 2 from 0");
    ck_assert_str_eq(memory((struct store_filter){.name = "nightly", .plugin = "p0"}), "2 from 0");
    ck_assert_str_eq(memory((struct store_filter){.name = ""}), "from 0");
}
END_TEST

START_TEST(since_is_inclusive_and_until_is_not)
{
    for (int i = 1; i <= 4; i++)
        add(NULL, "0")->submitted_s = 100 * i;
    ck_assert_str_eq(memory((struct store_filter){.since_s = 200}), "4 3 2 from 0");
    ck_assert_str_eq(memory((struct store_filter){.until_s = 200}), "1 from 0");
    ck_assert_str_eq(memory((struct store_filter){.since_s = 200, .until_s = 400}), "3 2 from 0");
    ck_assert_str_eq(memory((struct store_filter){.since_s = 200, .until_s = 200}), "from 0");
}
END_TEST

START_TEST(what_nobody_knows_of_is_not_listed)
{
    (void)add(NULL, "0");
    add(NULL, "0")->unborn = true;
    ck_assert_str_eq(memory((struct store_filter){0}), "1 from 0");
}
END_TEST

START_TEST(a_rare_kind_among_very_many_is_looked_for_in_parts)
{
    enum { MANY = 400000 };
    for (int i = 0; i < 4; i++) {
        static const struct entry entry = {.plugin = 0, .count = 1};
        struct batch *batch = add(NULL, i == 0 ? "1" : "0");
        int error = 0;
        for (int k = 0; k < MANY; k++)
            error |= batch_add_entry(batch, &entry);
        ck_assert_int_eq(error, 0);
    }
    ck_assert_str_eq(memory((struct store_filter){.plugin = "p1"}), "from 2");
    ck_assert_str_eq(memory((struct store_filter){.plugin = "p1", .below = 2}), "1 from 0");
}
END_TEST

/* ---- Both ------------------------------------------------------------------------------------ */

/* Summaries of these batches that tell where they come from. */
static json_t *summaries(const char *numbers, const char *origin)
{
    json_t *list = json_array();
    char *end;
    for (long number = strtol(numbers, &end, 10); end != numbers;
         numbers = end, number = strtol(numbers, &end, 10))
        (void)json_array_append_new(
            list, json_pack("{s:I, s:s}", "batch", (json_int_t)number, "from", origin));
    return list;
}

/* The answer as "9m 8s cursor 8"; borrowed until the next call. */
static const char *merged(const char *in_memory, uint64_t from, const char *in_store, bool more,
                          uint32_t limit)
{
    static char text[512];
    struct list_part memory = {.summaries = summaries(in_memory, "m"), .from = from};
    struct list_part stored = batch_list_stored(summaries(in_store, "s"), more);
    json_t *result = batch_list_merge(&memory, &stored, limit), *summary;
    ck_assert_ptr_nonnull(result);
    size_t length = 0, place;
    text[0] = '\0';
    json_array_foreach (json_object_get(result, "batches"), place, summary)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%lld%s ",
                                   json_integer_value(json_object_get(summary, "batch")),
                                   json_string_value(json_object_get(summary, "from")));
    const json_t *cursor = json_object_get(result, "cursor");
    if (cursor)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "cursor %lld ",
                                   json_integer_value(cursor));
    if (length)
        text[length - 1] = '\0';
    json_decref(result);
    return text;
}

START_TEST(both_parts_are_one_list_by_number)
{
    ck_assert_str_eq(merged("", 0, "", false, 10), "");
    ck_assert_str_eq(merged("9 5", 0, "7 3", false, 10), "9m 7s 5m 3s");
    ck_assert_str_eq(merged("", 0, "7 3", false, 10), "7s 3s");
    ck_assert_str_eq(merged("9 5", 0, "", false, 10), "9m 5m");
}
END_TEST

START_TEST(of_a_batch_in_both_memory_tells)
{
    ck_assert_str_eq(merged("9 5 3", 0, "9 4 3", false, 10), "9m 5m 4s 3m");
}
END_TEST

START_TEST(a_full_answer_has_a_cursor_at_its_last_batch)
{
    ck_assert_str_eq(merged("9 5", 0, "7 3", false, 3), "9m 7s 5m cursor 5");
    ck_assert_str_eq(merged("9 5", 0, "7 3", false, 4), "9m 7s 5m 3s");
    ck_assert_str_eq(merged("9 7", 7, "8 3", false, 2), "9m 8s cursor 8");
}
END_TEST

START_TEST(below_where_a_part_ends_nothing_is_told)
{
    /* Memory was looked through down to 6 only: whether it has 5, or 4, is not known. */
    ck_assert_str_eq(merged("9 6", 6, "7 4 3", false, 10), "9m 7s 6m cursor 6");
    ck_assert_str_eq(merged("", 6, "7 4", false, 10), "7s cursor 6");
    ck_assert_str_eq(merged("", 6, "", false, 10), "cursor 6");
    /* And likewise the store. */
    ck_assert_str_eq(merged("9 2", 0, "8 7", true, 10), "9m 8s 7s cursor 7");
    ck_assert_str_eq(merged("9 6 5", 5, "8 7", true, 10), "9m 8s 7s cursor 7");
}
END_TEST

static void append(char *text, size_t size, uint64_t number)
{
    size_t used = strlen(text);
    (void)snprintf(text + used, size - used, "%llu ", (unsigned long long)number);
}

/* Pages through both, with batches that are in either or in both. */
START_TEST(pages_have_each_batch_once)
{
    enum { BATCHES = 60 };
    uint32_t limit = (uint32_t)_i + 1;
    bool seen[BATCHES + 1] = {false};
    uint64_t below = BATCHES + 1;
    while (below) {
        char in_memory[512] = "", in_store[512] = "";
        uint32_t of_memory = 0, of_store = 0;
        uint64_t from = 0;
        bool more = false;
        for (uint64_t number = below - 1; number > 0; number--) {
            if (number % 3 != 0 && !from) {
                append(in_memory, sizeof(in_memory), number);
                from = ++of_memory == limit && number > 1 ? number : 0;
            }
            if (number % 2 == 0 || number % 3 == 0) {
                more = of_store == limit;
                if (!more)
                    append(in_store, sizeof(in_store), number);
                of_store += !more;
            }
        }
        struct list_part memory = {.summaries = summaries(in_memory, "m"), .from = from};
        struct list_part stored = batch_list_stored(summaries(in_store, "s"), more);
        json_t *result = batch_list_merge(&memory, &stored, limit), *summary;
        size_t place;
        json_array_foreach (json_object_get(result, "batches"), place, summary) {
            json_int_t number = json_integer_value(json_object_get(summary, "batch"));
            ck_assert(!seen[number]);
            seen[number] = true;
            ck_assert_str_eq(json_string_value(json_object_get(summary, "from")),
                             number % 3 ? "m" : "s");
        }
        uint64_t cursor = (uint64_t)json_integer_value(json_object_get(result, "cursor"));
        ck_assert_uint_lt(cursor, below);
        below = cursor;
        json_decref(result);
    }
    for (int number = 1; number <= BATCHES; number++)
        ck_assert(seen[number]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch_list");
    TCase *tests = tcase_create("batch_list");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_newest_come_first);
    tcase_add_test(tests, a_limit_ends_the_part_at_its_last_batch);
    tcase_add_test(tests, batches_are_filtered_by_state);
    tcase_add_test(tests, any_job_of_a_plugin_counts);
    tcase_add_test(tests, a_name_counts_as_a_whole);
    tcase_add_test(tests, since_is_inclusive_and_until_is_not);
    tcase_add_test(tests, what_nobody_knows_of_is_not_listed);
    tcase_add_test(tests, a_rare_kind_among_very_many_is_looked_for_in_parts);
    tcase_add_test(tests, both_parts_are_one_list_by_number);
    tcase_add_test(tests, of_a_batch_in_both_memory_tells);
    tcase_add_test(tests, a_full_answer_has_a_cursor_at_its_last_batch);
    tcase_add_test(tests, below_where_a_part_ends_nothing_is_told);
    tcase_add_loop_test(tests, pages_have_each_batch_once, 0, 12);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
