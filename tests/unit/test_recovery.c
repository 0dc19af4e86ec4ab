#include <stdarg.h>
#include "base/error.h"
#include "base/log.h"
#include "rebuild_fixture.h"
#include "scheduler_fixture.h"
#include "suite.h"
#include "supervisor/recovery.h"
#include "supervisor/retry_batch.h"
#include "supervisor/summary.h"
#include "supervisor/supervisor.h"

static struct supervisor supervisor;
static const struct store_job no_jobs[1];

/* ---- A store that has what tests put there -------------------------------------------------- */

static struct batch *stored[16]; /* by number */
static struct {
    uint64_t number; /* 0: of all that have not finished */
    const struct store_reader *reader;
    void *context;
} reads[8];
static uint32_t reads_begun, reads_served;

static int begin_read(uint64_t number, const struct store_reader *reader, void *context)
{
    ck_assert_uint_lt(reads_begun, 8);
    reads[reads_begun].number = number;
    reads[reads_begun].reader = reader;
    reads[reads_begun++].context = context;
    return 0;
}

int store_read_batch(struct store *store, uint64_t number, const struct store_reader *reader,
                     void *context)
{
    ck_assert_ptr_eq(store, supervisor.store);
    return begin_read(number, reader, context);
}

int store_read_unfinished(struct store *store, const struct store_reader *reader, void *context)
{
    ck_assert_ptr_eq(store, supervisor.store);
    return begin_read(0, reader, context);
}

static void tell_stored(uint64_t number)
{
    const struct store_reader *reader = reads[reads_served].reader;
    void *context = reads[reads_served].context;
    tell_batch(reader, context, stored[number], &supervisor.catalogue, no_jobs, 0, 2);
    ck_assert_ptr_null(batches_find(&supervisor.batches, number)); /* not before it is complete */
}

static void end_read(int code, const char *words)
{
    struct error error = {""};
    (void)snprintf(error.text, sizeof(error.text), "%s", words);
    const struct store_reader *reader = reads[reads_served].reader;
    void *context = reads[reads_served++].context;
    reader->on_end(context, code, &error);
}

/* Serves the next read. */
static void serve(void)
{
    uint64_t number = reads[reads_served].number;
    ck_assert_uint_lt(reads_served, reads_begun);
    if (number && !stored[number]) {
        end_read(-ENOENT, "there is no such batch");
        return;
    }
    for (uint64_t i = 1; i < 16; i++) {
        if (stored[i] && (number ? i == number : !stored[i]->finished))
            tell_stored(i);
    }
    end_read(0, "");
}

/* ---- What is told ----------------------------------------------------------------------------- */

static char logged[2048];

void __wrap_log_write(struct log *log, enum log_level level, const char *format, ...);

void __wrap_log_write(struct log *log, enum log_level level, const char *format, ...)
{
    ck_assert_ptr_eq(log, supervisor.log);
    size_t used = strlen(logged);
    va_list arguments;
    used += (size_t)snprintf(logged + used, sizeof(logged) - used, "%s: ", log_level_name(level));
    va_start(arguments, format);
    used += (size_t)vsnprintf(logged + used, sizeof(logged) - used, format, arguments);
    va_end(arguments);
    (void)snprintf(logged + used, sizeof(logged) - used, "\n");
}

static unsigned done;
static int done_code;
static struct error done_error;
static struct batch *done_batch;

static void on_all(void *context, int code, const struct error *error)
{
    ck_assert_ptr_eq(context, &supervisor);
    done++;
    done_code = code;
    done_error = *error;
}

static void on_one(void *context, uint64_t number, struct batch *batch, const struct error *error)
{
    ck_assert_uint_eq(number, (uintptr_t)context);
    ck_assert_ptr_eq(batch, batches_find(&supervisor.batches, number));
    done++;
    done_batch = batch;
    done_error = *error;
}

static void ask_for(uint64_t number)
{
    ck_assert_int_eq(recover_batch(&supervisor, number, on_one, (void *)(uintptr_t)number), 0);
}

static void ask_for_all(void)
{
    ck_assert_int_eq(recover_unfinished(&supervisor, on_all, &supervisor), 0);
}

/* ---- The supervisor, as far as it is needed --------------------------------------------------- */

static void on_completion_here(void *context, struct batch *batch,
                               const struct completion *completion)
{
    on_completion(context, batch, completion);
    stats_completed(&supervisor.stats, batch, completion);
}

static void on_finished_here(void *context, struct batch *batch)
{
    on_finished(context, batch);
    batches_finished(&supervisor.batches, batch);
}

static void set_up_all(void)
{
    static const struct scheduler_callbacks callbacks = {.on_completion = on_completion_here,
                                                         .on_finished = on_finished_here,
                                                         .on_retry = on_retry,
                                                         .on_broken = on_broken};
    set_up();
    scheduler_free(scheduler);
    supervisor = (struct supervisor){.store = (struct store *)&reads, .log = (struct log *)&logged};
    supervisor.catalogue = catalogue;
    supervisor.catalogue.plugins = malloc(sizeof(plugins)); /* may get ghosts */
    memcpy(supervisor.catalogue.plugins, plugins, sizeof(plugins));
    ck_assert_int_eq(stats_init(&supervisor.stats, catalogue.count), 0);
    ck_assert_int_eq(batches_init(&supervisor.batches, SIZE_MAX), 0);
    scheduler = scheduler_new(base, &supervisor.catalogue, &pool, &own_limits, &callbacks, &pool);
    supervisor.scheduler = scheduler;
}

static void tear_down_all(void)
{
    recovery_clear(&supervisor);
    for (uint64_t i = 0; i < 16; i++)
        batch_free(stored[i]);
    struct batch *batch;
    TAILQ_FOREACH (batch, &supervisor.batches.all, all_link)
        scheduler_forget(scheduler, batch);
    batches_clear(&supervisor.batches);
    stats_clear(&supervisor.stats);
    tear_down();
    for (uint32_t i = supervisor.catalogue.count; i < catalogue_places(&supervisor.catalogue);
         i++) {
        free(supervisor.catalogue.plugins[i].name);
        free(supervisor.catalogue.plugins[i].disabled);
    }
    free(supervisor.catalogue.plugins);
}

/* Puts a sealed batch with so many jobs into the store, of which some have succeeded. */
static struct batch *store_batch(uint64_t number, uint16_t plugin, uint32_t jobs, uint32_t ended)
{
    struct batch *batch = new_batch(number);
    stored[number] = batch;
    (void)add_jobs(batch, plugin, jobs);
    for (uint32_t job = 0; job < ended; job++)
        complete_job(batch, job, JOB_SUCCEEDED, "out");
    batch_seal(batch, clock_now_ns());
    return batch;
}

static struct batch *found(uint64_t number)
{
    struct batch *batch = batches_find(&supervisor.batches, number);
    ck_assert_ptr_nonnull(batch);
    return batch;
}

/* ---- What has not finished ------------------------------------------------------------------ */

START_TEST(unfinished_batches_go_on)
{
    (void)store_batch(3, 0, 5, 2);
    (void)store_batch(5, 0, 2, 2); /* has finished */
    (void)store_batch(9, 1, 4, 0);
    ask_for_all();
    ck_assert_uint_eq(done, 0);
    serve();
    ck_assert_uint_eq(done, 1);
    ck_assert_int_eq(done_code, 0);
    ck_assert_str_eq(logged, "info: unfinished batches go on: batches=2 jobs=7\n");
    ck_assert_ptr_null(batches_find(&supervisor.batches, 5));
    ck_assert_uint_eq(supervisor.batches.last_number, 9);
    ck_assert_uint_eq(supervisor.batches.count, 2);
    ck_assert_uint_eq(supervisor.batches.finished_count, 0);
    check_counts(7, 0);
    settle();
    check_counts(0, 7);
    for (uint32_t job = 2; job < 5; job++)
        succeed(found(3), job);
    ck_assert_uint_eq(finished, 1);
    ck_assert_uint_eq(supervisor.batches.finished_count, 1);
    ck_assert_uint_eq(stats_unended(&supervisor.stats.plugins[0]), 0);
    ck_assert_uint_eq(stats_unended(&supervisor.stats.plugins[1]), 4);
}
END_TEST

START_TEST(an_empty_store_has_nothing_to_go_on_with)
{
    ask_for_all();
    serve();
    ck_assert_uint_eq(done, 1);
    ck_assert_int_eq(done_code, 0);
    ck_assert_str_eq(logged, "");
}
END_TEST

START_TEST(keys_are_known_again)
{
    store_batch(3, 0, 5, 2)->key = "key";
    ask_for_all();
    serve();
    const struct key *key = keys_find(&supervisor.batches.keys, 1000, "key");
    ck_assert_ptr_nonnull(key);
    ck_assert_ptr_eq(key->batch, found(3));
    ck_assert_str_eq(key->batch->key, "key");
    ck_assert_int_eq(key->batch->asked->known, FINGERPRINT_WHOLE);
    ck_assert_uint_eq(key->batch->asked->terms[0], 7);
    stored[3]->key = NULL;
}
END_TEST

START_TEST(a_batch_whose_end_was_not_recorded_finishes)
{
    store_batch(3, 0, 2, 2)->finished = false;
    (void)store_batch(4, 0, 1, 0);
    ask_for_all();
    serve();
    ck_assert_int_eq(done_code, 0);
    ck_assert_uint_eq(finished, 1);
    ck_assert(found(3)->finished);
    ck_assert_uint_eq(supervisor.batches.finished_count, 1);
    check_counts(1, 0);
}
END_TEST

START_TEST(a_batch_that_is_broken_is_told)
{
    (void)store_batch(3, 0, 5, 2);
    ask_for_all();
    tell_stored(3);
    const struct store_piece wrong = {.first = 77};
    reads[0].reader->on_piece(reads[0].context, &wrong);
    stored[4] = store_batch(4, 0, 1, 0);
    tell_stored(4); /* is not taken in any more */
    end_read(0, "");
    ck_assert_uint_eq(done, 1);
    ck_assert_int_eq(done_code, -EUCLEAN);
    ck_assert_ptr_nonnull(strstr(done_error.text, "batch 3 in the store: piece 0: "));
    ck_assert_ptr_null(batches_find(&supervisor.batches, 3));
    ck_assert_ptr_null(batches_find(&supervisor.batches, 4));
}
END_TEST

START_TEST(what_the_store_cannot_read_is_told)
{
    ask_for_all();
    end_read(-EIO, "the disk is on fire");
    ck_assert_int_eq(done_code, -EIO);
    ck_assert_str_eq(done_error.text, "the disk is on fire");
}
END_TEST

/* ---- Plugins that are not there ------------------------------------------------------------- */

START_TEST(a_disabled_plugin_pauses_what_needs_it)
{
    char reason[] = "it crashed";
    (void)store_batch(3, 3, 2, 1);
    (void)store_batch(4, 0, 2, 1);
    struct batch *mixed = new_batch(5); /* needs it no longer */
    stored[5] = mixed;
    (void)add_jobs(mixed, 3, 1);
    (void)add_jobs(mixed, 0, 2);
    complete_job(mixed, 0, JOB_SUCCEEDED, "");
    supervisor.catalogue.plugins[3].disabled = reason;
    ask_for_all();
    serve();
    ck_assert_int_eq(done_code, 0);
    ck_assert_ptr_eq(strstr(logged, "warning: batch 3 is paused, since it has jobs of plugin p3, "
                                    "which is disabled: it crashed; "),
                     logged);
    ck_assert_ptr_nonnull(strstr(logged, "awaitctl resume 3 "));
    ck_assert_ptr_nonnull(strstr(logged, "awaitctl cancel 3 "));
    ck_assert_ptr_null(strstr(logged + 1, "warning"));
    ck_assert(scheduler_is_paused(found(3)));
    ck_assert(!scheduler_is_paused(found(4)));
    settle();
    check_counts(1, 3);
    ck_assert(scheduler_pause(scheduler, found(3), false));
    settle();
    check_ended(found(3), 1, JOB_FAILED, "it crashed");
}
END_TEST

/* Tells a batch of two jobs of a plugin that was never there; one has succeeded. */
static void tell_gone(uint64_t number, bool is_finished)
{
    const struct store_reader *reader = reads[reads_served].reader;
    void *context = reads[reads_served].context;
    struct store_batch batch = {.number = number,
                                .owner = 1000,
                                .terms = "{}",
                                .submitted_ns = clock_now_ns(),
                                .sealed = true,
                                .finished = is_finished};
    struct store_piece piece = {.accepted_ns = clock_now_ns(),
                                .jobs = view_of_text("[{\"plugin\":\"gone\",\"count\":2}]")};
    reader->on_batch(context, &batch);
    reader->on_piece(context, &piece);
    reader->on_results(
        context, 0,
        view_of_text(is_finished ? "[[1,0,0],[0,0,0,{\"state\":\"failed\"}]]" : "[[1,0,0]]"));
    end_read(0, "");
}

START_TEST(a_plugin_that_is_gone_pauses_what_needs_it)
{
    ask_for_all();
    tell_gone(7, false);
    ck_assert_int_eq(done_code, 0);
    ck_assert_ptr_nonnull(strstr(logged,
                                 "batch 7 is paused, since it has jobs of plugin gone, which "
                                 "is disabled: it is not configured any more; "));
    ck_assert(scheduler_is_paused(found(7)));
    struct batch *other = store_batch(8, 0, 1, 0); /* does not mind */
    ck_assert_int_eq(scheduler_submit(scheduler, other, 0), 0);
    settle();
    check_counts(1, 1);
    ck_assert(scheduler_pause(scheduler, found(7), false));
    settle();
    check_ended(found(7), 0, JOB_FAILED, "it is not configured any more");
    ck_assert_uint_eq(finished, 1);
    ck_assert_uint_eq(supervisor.stats.plugins[4].ended[JOB_FAILED], 1);
    forget(other);
    stored[8] = NULL;
}
END_TEST

START_TEST(a_plugin_that_is_gone_has_its_name_in_history)
{
    ask_for(7);
    tell_gone(7, true);
    ck_assert_ptr_nonnull(done_batch);
    ck_assert_str_eq(logged, "");
    json_t *job = summary_job(done_batch, 0, &supervisor.catalogue);
    ck_assert_str_eq(json_string_value(json_object_get(job, "plugin")), "gone");
    json_decref(job);
    /* It can be tried again, and fails. */
    struct batch *again = new_batch(8);
    ck_assert_int_eq(retry_batch_fill(again, done_batch, clock_now_ns()), 0);
    ck_assert_int_eq(scheduler_submit(scheduler, again, 0), 0);
    stats_accepted(&supervisor.stats, again, 0);
    settle();
    check_ended(again, 0, JOB_FAILED, "it is not configured any more");
    forget(again);
}
END_TEST

/* ---- What has finished ---------------------------------------------------------------------- */

START_TEST(a_finished_batch_is_read_back_as_history)
{
    struct batch *old = store_batch(5, 0, 3, 3);
    old->ended_s = 12.5;
    supervisor.batches.last_number = 20;
    ask_for(5);
    serve();
    ck_assert_uint_eq(done, 1);
    ck_assert_ptr_nonnull(done_batch);
    ck_assert(done_batch->finished && done_batch->end_recorded);
    ck_assert_uint_eq(done_batch->recorded, 3);
    ck_assert_uint_eq(done_batch->ended_ns, old->ended_ns);
    ck_assert_uint_eq(done_batch->work_ns, old->work_ns);
    ck_assert_double_eq(done_batch->ended_s, 12.5);
    check_ended(done_batch, 2, JOB_SUCCEEDED, "");
    ck_assert_uint_eq(supervisor.batches.finished_count, 1);
    ck_assert_uint_eq(supervisor.batches.last_number, 20);
    ck_assert_uint_eq(finished + completions, 0);
    check_counts(0, 0);
    ck_assert_uint_eq(stats_unended(&supervisor.stats.plugins[0]), 0);
}
END_TEST

START_TEST(a_batch_that_is_not_there_is_told_without_words)
{
    ask_for(6);
    serve();
    ck_assert_uint_eq(done, 1);
    ck_assert_ptr_null(done_batch);
    ck_assert_str_eq(done_error.text, "");
}
END_TEST

START_TEST(history_that_cannot_be_read_is_told_with_words)
{
    (void)store_batch(5, 0, 3, 3);
    ask_for(5);
    end_read(-EIO, "the disk is on fire");
    ck_assert_ptr_null(done_batch);
    ck_assert_str_eq(done_error.text, "the disk is on fire");
    stored[5]->completions.count--; /* not all results are told */
    ask_for(5);
    serve();
    ck_assert_ptr_null(done_batch);
    ck_assert_ptr_nonnull(strstr(done_error.text, "batch 5 in the store: it has finished, but "));
}
END_TEST

START_TEST(who_asks_while_it_is_read_gets_the_same)
{
    (void)store_batch(5, 0, 3, 3);
    ask_for(5);
    ask_for(5);
    ck_assert_uint_eq(reads_begun, 1);
    serve();
    ck_assert_uint_eq(done, 2);
    ck_assert_uint_eq(supervisor.batches.count, 1);
}
END_TEST

START_TEST(several_are_read_side_by_side)
{
    (void)store_batch(5, 0, 3, 3);
    (void)store_batch(2, 1, 1, 1);
    ask_for(5);
    ask_for(2);
    serve();
    serve();
    ck_assert_uint_eq(done, 2);
    ck_assert_uint_eq(TAILQ_FIRST(&supervisor.batches.all)->number, 2);
    ck_assert_uint_eq(found(5)->entries[0].plugin, 0);
}
END_TEST

START_TEST(what_is_read_makes_older_history_leave)
{
    for (uint64_t number = 1; number < 5; number++)
        (void)store_batch(number, 0, 3, 3);
    supervisor.batches.history_bytes_max = 1;
    for (uint64_t number = 4; number > 0; number--) {
        ask_for(number);
        serve();
        ck_assert_ptr_nonnull(done_batch);
        ck_assert_uint_eq(supervisor.batches.count, 1);
    }
}
END_TEST

START_TEST(a_key_that_somebody_else_has_by_now_stays_with_them)
{
    store_batch(5, 0, 3, 3)->key = "key";
    struct batch *other = batches_add(&supervisor.batches, NULL, 1000);
    ck_assert_int_eq(batches_set_key(&supervisor.batches, other, "key"), 0);
    ask_for(5);
    serve();
    ck_assert_ptr_nonnull(done_batch);
    ck_assert_ptr_eq(keys_find(&supervisor.batches.keys, 1000, "key")->batch, other);
    stored[5]->key = NULL;
}
END_TEST

START_TEST(what_is_being_read_can_be_given_up)
{
    (void)store_batch(5, 0, 3, 3);
    ask_for(5);
    ask_for(5);
    ask_for_all();
    tell_batch(reads[0].reader, reads[0].context, stored[5], &supervisor.catalogue, no_jobs, 0, 1);
    recovery_clear(&supervisor); /* a sanitizer looks for what is left */
    ck_assert_uint_eq(done, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recovery");
    TCase *tcase = tcase_create("recovery");
    tcase_set_timeout(tcase, 60); /* the disk may be busy */
    tcase_add_checked_fixture(tcase, set_up_all, tear_down_all);
    tcase_add_test(tcase, unfinished_batches_go_on);
    tcase_add_test(tcase, an_empty_store_has_nothing_to_go_on_with);
    tcase_add_test(tcase, keys_are_known_again);
    tcase_add_test(tcase, a_batch_whose_end_was_not_recorded_finishes);
    tcase_add_test(tcase, a_batch_that_is_broken_is_told);
    tcase_add_test(tcase, what_the_store_cannot_read_is_told);
    tcase_add_test(tcase, a_disabled_plugin_pauses_what_needs_it);
    tcase_add_test(tcase, a_plugin_that_is_gone_pauses_what_needs_it);
    tcase_add_test(tcase, a_plugin_that_is_gone_has_its_name_in_history);
    tcase_add_test(tcase, a_finished_batch_is_read_back_as_history);
    tcase_add_test(tcase, a_batch_that_is_not_there_is_told_without_words);
    tcase_add_test(tcase, history_that_cannot_be_read_is_told_with_words);
    tcase_add_test(tcase, who_asks_while_it_is_read_gets_the_same);
    tcase_add_test(tcase, several_are_read_side_by_side);
    tcase_add_test(tcase, what_is_read_makes_older_history_leave);
    tcase_add_test(tcase, a_key_that_somebody_else_has_by_now_stays_with_them);
    tcase_add_test(tcase, what_is_being_read_can_be_given_up);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
