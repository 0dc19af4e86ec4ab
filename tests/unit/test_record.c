#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "base/log.h"
#include "batch_fixture.h"
#include "suite.h"
#include "supervisor/batches.h"
#include "supervisor/config.h"
#include "supervisor/record.h"
#include "supervisor/stop.h"
#include "supervisor/store.h"
#include "supervisor/supervisor.h"
#include "supervisor/told.h"
#include "supervisor/watcher.h"

/* ---- A store that only counts, and what else record.c reports to --------------------------- */

static uint64_t ticket;
static char noted[256];
static unsigned news, given_up;
static int store_error;
static struct store_callbacks callbacks;
static void *callbacks_context;

__attribute__((format(printf, 1, 2))) static int note(const char *format, ...)
{
    va_list arguments;
    size_t length = strlen(noted);
    va_start(arguments, format);
    (void)vsnprintf(noted + length, sizeof(noted) - length, format, arguments);
    va_end(arguments);
    ticket++;
    return store_error;
}

int store_open(struct event_base *base, const struct store_options *options,
               const struct store_callbacks *given, void *context, struct store **out,
               struct error *error)
{
    (void)base, (void)options, (void)error;
    callbacks = *given;
    callbacks_context = context;
    *out = (struct store *)&ticket;
    return 0;
}

uint64_t store_last_number(const struct store *store)
{
    (void)store;
    return 41;
}

uint64_t store_latest(const struct store *store)
{
    (void)store;
    return ticket;
}

static uint64_t committed_up_to;
static bool full;

uint64_t store_committed(const struct store *store)
{
    (void)store;
    return committed_up_to;
}

struct store_figures store_figures(const struct store *store)
{
    (void)store;
    return (struct store_figures){.full = full};
}

int store_result(struct store *store, uint64_t batch, uint32_t seq,
                 const struct completion *completion, unsigned attempt)
{
    (void)store;
    return note("result %d.%u=%u/%u ", (int)batch, completion->job, seq, attempt);
}

int store_job(struct store *store, uint64_t batch, const struct store_job *job)
{
    (void)store;
    return note("job %d.%u a%u d%d t%d ", (int)batch, job->job, job->attempt, (int)job->due_ns,
                job->told);
}

int store_seal(struct store *store, uint64_t batch)
{
    (void)store;
    return note("seal %d ", (int)batch);
}

int store_pause(struct store *store, uint64_t batch, bool paused)
{
    (void)store;
    return note("pause %d %d ", (int)batch, paused);
}

int store_stop(struct store *store, uint64_t batch, const struct store_stop *stop)
{
    (void)store;
    return note("stop %d %s ", (int)batch, stop->reason);
}

int store_finish(struct store *store, const struct store_finish *finish)
{
    (void)store;
    return note("finish %d %s %u %s ", (int)finish->batch, finish->state, finish->jobs,
                finish->plugins);
}

int store_number(struct store *store, uint64_t last_number)
{
    (void)store;
    return note("number %d ", (int)last_number);
}

void watchers_notice(struct batch *batch)
{
    (void)batch;
    news++;
}

void supervisor_give_up(struct supervisor *supervisor, const char *words)
{
    (void)supervisor, (void)words;
    given_up++;
}

void stop_committed(struct supervisor *supervisor)
{
    (void)supervisor;
}

void admission_over(struct supervisor *supervisor, uint64_t over, int code, uint64_t existing,
                    const struct error *error)
{
    (void)supervisor, (void)over, (void)code, (void)existing, (void)error;
}

void answers_committed(struct answers *answers, uint64_t committed)
{
    (void)answers, (void)committed;
}

/* ---- A supervisor with a batch ------------------------------------------------------------- */

static struct plugin plugins[2];
static struct config config;
static struct supervisor supervisor;
static struct batch *batch;

static void set_up(void)
{
    static const enum run_style styles[] = {RUN_ASYNC, RUN_ASYNC};
    ticket = 0;
    full = false;
    noted[0] = '\0';
    news = given_up = 0;
    store_error = 0;
    config.store.enabled = true;
    supervisor =
        (struct supervisor){.config = &config, .catalogue = make_catalogue(plugins, 2, styles)};
    ck_assert_int_eq(batches_init(&supervisor.batches, 1 << 20), 0);
    struct error error;
    ck_assert_int_eq(record_open(&supervisor, &error), 0);
    batch = batches_add(&supervisor.batches, NULL, 0);
    batch->durable = true;
    (void)add_jobs(batch, 0, 1000);
    (void)add_jobs(batch, 1, 1);
}

static void tear_down(void)
{
    marks_clear(&supervisor.marks);
    batches_clear(&supervisor.batches);
}

static void end_job(uint32_t job)
{
    struct completion completion = {.job = job, .state = JOB_SUCCEEDED};
    ck_assert_int_eq(batch_complete(batch, &completion, clock_now_ns()), 0);
    record_completion(&supervisor, batch, &completion);
}

static void commit(uint64_t up_to)
{
    callbacks.on_committed(callbacks_context, up_to);
}

START_TEST(numbers_go_on_where_they_ended)
{
    ck_assert_uint_eq(batch->number, 42);
}
END_TEST

START_TEST(what_is_committed_may_be_told)
{
    batch_start(batch, 0, 3, 1, clock_now_ns());
    end_job(2);
    end_job(0);
    ck_assert_str_eq(noted, "result 42.2=0/0 result 42.0=1/0 ");
    ck_assert_uint_eq(batch_told_completed(batch), 0);
    commit(ticket);
    ck_assert_uint_eq(batch_told_completed(batch), 2);
    ck_assert_uint_eq(news, 1);
}
END_TEST

START_TEST(nothing_is_told_before_its_own_commit)
{
    uint64_t first;
    batch_start(batch, 0, 1000, 1, clock_now_ns());
    end_job(0);
    first = ticket;
    for (uint32_t job = 1; job < 1000; job++)
        end_job(job);
    commit(first);
    ck_assert_uint_le(batch_told_completed(batch), 1);
    commit(ticket);
    ck_assert_uint_eq(batch_told_completed(batch), 1000);
}
END_TEST

/* Results never stop coming: each commit finds newer ones recorded. */
START_TEST(in_a_stream_of_results_the_older_ones_are_told)
{
    batch_start(batch, 0, 1000, 1, clock_now_ns());
    for (uint32_t job = 0; job < 1000; job++) {
        uint64_t before = ticket;
        end_job(job);
        commit(before);
    }
    ck_assert_uint_ge(batch_told_completed(batch), 700);
}
END_TEST

START_TEST(two_batches_are_told_each_by_its_own)
{
    struct batch *mine = batch, *other = batches_add(&supervisor.batches, NULL, 0);
    other->durable = true;
    (void)add_jobs(other, 0, 1);
    batch_start(mine, 0, 1, 1, clock_now_ns());
    batch_start(other, 0, 1, 1, clock_now_ns());
    end_job(0);
    uint64_t first = ticket;
    batch = other;
    end_job(0);
    batch = mine;
    commit(first);
    ck_assert_uint_eq(batch_told_completed(mine), 1);
    ck_assert_uint_eq(batch_told_completed(other), 0);
    commit(ticket);
    ck_assert_uint_eq(batch_told_completed(other), 1);
}
END_TEST

START_TEST(a_finished_batch_is_told_when_that_is_committed)
{
    batch_seal(batch, clock_now_ns());
    batch_start(batch, 0, 1001, 1, clock_now_ns());
    for (uint32_t job = 0; job < 1001; job++)
        end_job(job);
    uint64_t results = ticket;
    noted[0] = '\0';
    record_finished(&supervisor, batch);
    ck_assert_str_eq(noted, "finish 42 succeeded 1001 [\"p0\",\"p1\"] ");
    commit(results);
    ck_assert(!batch_told_finished(batch));
    commit(ticket);
    ck_assert(batch_told_finished(batch));
}
END_TEST

START_TEST(a_finished_batch_is_not_forgotten_before_that_is_committed)
{
    supervisor.batches.history_bytes_max = 1;
    batch_seal(batch, clock_now_ns());
    batch_start(batch, 0, 1001, 1, clock_now_ns());
    for (uint32_t job = 0; job < 1001; job++)
        end_job(job);
    record_finished(&supervisor, batch);
    batches_finished(&supervisor.batches, batch);
    struct batch *next = batches_add(&supervisor.batches, NULL, 0);
    batch_seal(next, clock_now_ns());
    batches_finished(&supervisor.batches, next);
    ck_assert_ptr_eq(batches_find(&supervisor.batches, 42), batch);
    commit(ticket);
    ck_assert_ptr_null(batches_find(&supervisor.batches, 42));
}
END_TEST

/* However many marks its completions take: only with its end, the last thing told of it, may it be forgotten. */
START_TEST(a_finished_batch_is_not_forgotten_before_its_last_mark)
{
    supervisor.batches.history_bytes_max = 1;
    struct batch *next = batches_add(&supervisor.batches, NULL, 0);
    batch = batches_add(&supervisor.batches, NULL, 0);
    uint64_t number = batch->number;
    batch->durable = true;
    (void)add_jobs(batch, 0, 257); /* one mark moves on 256 times */
    batch_seal(batch, clock_now_ns());
    batch_start(batch, 0, 257, 1, clock_now_ns());
    for (uint32_t job = 0; job < 257; job++)
        end_job(job);
    uint64_t results = ticket;
    record_finished(&supervisor, batch);
    batches_finished(&supervisor.batches, batch);
    batch_seal(next, clock_now_ns());
    batches_finished(&supervisor.batches, next);
    commit(results);
    ck_assert_ptr_eq(batches_find(&supervisor.batches, number), batch);
    ck_assert(!batch_told_finished(batch));
    commit(ticket);
    ck_assert_ptr_null(batches_find(&supervisor.batches, number));
}
END_TEST

START_TEST(of_jobs_that_may_be_refused_nobody_is_told)
{
    struct told told;
    batch->admitted_jobs = batch->jobs;
    batch->admitting = true;
    (void)add_jobs(batch, 0, 10);
    told_of(batch, &told);
    ck_assert_uint_eq(told.jobs, 1001);
    ck_assert_uint_eq(told.in_state[JOB_QUEUED], 1001);
    batch->admitting = false;
    told_of(batch, &told);
    ck_assert_uint_eq(told.jobs, 1011);
    ck_assert_uint_eq(told.in_state[JOB_QUEUED], 1011);
}
END_TEST

START_TEST(what_is_to_be_remembered_is_recorded)
{
    batch_start(batch, 0, 2, 1, clock_now_ns());
    ck_assert_int_eq(batch_take_back(batch, 0, true), 0);
    record_retry(&supervisor, batch, 0, 99);
    record_told(&supervisor, batch, 1);
    record_pause(&supervisor, batch, true);
    record_seal(&supervisor, batch);
    batch->cancelled = "so";
    record_stopped(&supervisor, batch);
    ck_assert_str_eq(noted, "job 42.0 a1 d99 t0 job 42.1 a0 d0 t1 pause 42 1 seal 42 stop 42 so ");
    ck_assert_uint_eq(batch->ticket, 5);
}
END_TEST

START_TEST(numbers_of_batches_that_are_not_stored_are_reserved_before_they_are_given)
{
    uint64_t awaited = 0;
    noted[0] = '\0';
    committed_up_to = 0;
    ck_assert(!record_has_number(&supervisor, &awaited));
    ck_assert_str_eq(noted, "number 142 "); /* 43 is next, and a hundred are asked for at once */
    ck_assert_uint_eq(awaited, ticket);
    ck_assert(!record_has_number(&supervisor, &awaited));
    committed_up_to = awaited;
    for (int i = 0; i < 100; i++) {
        ck_assert(record_has_number(&supervisor, &awaited));
        ck_assert_ptr_nonnull(batches_add(&supervisor.batches, NULL, 0));
    }
    ck_assert(!record_has_number(&supervisor, &awaited));
    ck_assert_str_eq(noted, "number 142 number 242 ");
    record_last_number(&supervisor);
    ck_assert_str_eq(noted, "number 142 number 242 number 142 ");
}
END_TEST

START_TEST(while_the_disk_is_full_numbers_are_given_as_they_come)
{
    uint64_t awaited;
    committed_up_to = 0;
    ck_assert(!record_has_number(&supervisor, &awaited));
    full = true;
    ck_assert(record_has_number(&supervisor, &awaited));
}
END_TEST

START_TEST(of_batches_that_are_not_durable_nothing_is_recorded)
{
    batch->durable = false;
    batch_start(batch, 0, 1, 1, clock_now_ns());
    end_job(0);
    record_retry(&supervisor, batch, 1, 0);
    record_finished(&supervisor, batch);
    record_pause(&supervisor, batch, true);
    ck_assert_str_eq(noted, "");
    ck_assert_uint_eq(batch_told_completed(batch), 1);
}
END_TEST

START_TEST(a_word_that_cannot_be_kept_ends_the_daemon)
{
    store_error = -ENOMEM;
    batch_start(batch, 0, 1, 1, clock_now_ns());
    end_job(0);
    ck_assert_uint_eq(given_up, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("record");
    TCase *tests = tcase_create("record");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, numbers_go_on_where_they_ended);
    tcase_add_test(tests, what_is_committed_may_be_told);
    tcase_add_test(tests, nothing_is_told_before_its_own_commit);
    tcase_add_test(tests, in_a_stream_of_results_the_older_ones_are_told);
    tcase_add_test(tests, two_batches_are_told_each_by_its_own);
    tcase_add_test(tests, a_finished_batch_is_told_when_that_is_committed);
    tcase_add_test(tests, a_finished_batch_is_not_forgotten_before_that_is_committed);
    tcase_add_test(tests, a_finished_batch_is_not_forgotten_before_its_last_mark);
    tcase_add_test(tests, of_jobs_that_may_be_refused_nobody_is_told);
    tcase_add_test(tests, what_is_to_be_remembered_is_recorded);
    tcase_add_test(tests,
                   numbers_of_batches_that_are_not_stored_are_reserved_before_they_are_given);
    tcase_add_test(tests, while_the_disk_is_full_numbers_are_given_as_they_come);
    tcase_add_test(tests, of_batches_that_are_not_durable_nothing_is_recorded);
    tcase_add_test(tests, a_word_that_cannot_be_kept_ends_the_daemon);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
