#include <check.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include <jansson.h>
#include "base/cleanup.h"
#include "batch_fixture.h"
#include "suite.h"
#include "supervisor/client.h"
#include "supervisor/watcher.h"

/* ---- A client, its peer, and a batch ------------------------------------------------------- */

#define CLIENT_MAX 20000

static struct event_base *base;
static struct plugin plugins[1];
static struct catalogue catalogue;
static struct watchers *watchers;
static struct client *client;
static struct batch *batch;
static int peer;
static unsigned unwatched; /* batches */

static void on_unwatched(void *context, struct batch *let_go)
{
    ck_assert_ptr_eq(context, &unwatched);
    ck_assert(LIST_EMPTY(&let_go->watchers));
    unwatched++;
}

static void on_request(void *context, struct client *from, const struct rpc_request *request)
{
    (void)context, (void)from, (void)request;
}

static void on_drained(void *context, struct client *from)
{
    (void)context;
    watchers_resume(from);
}

static void on_closed(void *context, struct client *from)
{
    (void)context;
    watchers_drop(from);
    client_free(from);
    client = NULL;
}

static void set_up(void)
{
    static const struct client_limits limits = {.line_bytes = 4096, .depth = 8, .fd_end = INT_MAX};
    static const struct client_callbacks callbacks = {
        .on_request = on_request, .on_drained = on_drained, .on_closed = on_closed};
    static const enum run_style styles[] = {RUN_ASYNC};
    (void)signal(SIGPIPE, SIG_IGN);
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    base = event_base_new();
    catalogue = make_catalogue(plugins, 1, styles);
    watchers = watchers_new(base, &catalogue, CLIENT_MAX, on_unwatched, &unwatched);
    unwatched = 0;
    client = client_new(base, ends[0], 0, &limits, &callbacks, NULL);
    peer = ends[1];
    batch = new_batch(7);
}

static void tear_down(void)
{
    if (client) {
        watchers_drop(client);
        client_free(client);
    }
    (void)close(peer);
    watchers_free(watchers);
    batch_free(batch);
    event_base_free(base);
}

static void turn(void)
{
    (void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void settle(void)
{
    for (int i = 0; i < 50; i++)
        turn();
}

/* What the peer has read and not yet looked at, as lines. */
static char text[8 << 20];
static size_t at, size;

static void receive(void)
{
    for (int idle = 0; idle < 20;) {
        turn();
        ssize_t got = recv(peer, text + size, sizeof(text) - 1 - size, 0);
        idle = got > 0 ? 0 : idle + 1;
        size += got > 0 ? (size_t)got : 0;
    }
    text[size] = '\0';
}

/* The next line as JSON; NULL: there is none. */
static json_t *next_line(void)
{
    if (at == size) {
        at = size = 0;
        receive();
    }
    char *end = strchr(text + at, '\n');
    if (!end) {
        ck_assert_str_eq(text + at, "");
        return NULL;
    }
    json_error_t where;
    json_t *line = json_loadb(text + at, (size_t)(end - text) - at, JSON_REJECT_DUPLICATES, &where);
    ck_assert_msg(line != NULL, "%s: %.300s", where.text, text + at);
    at = (size_t)(end + 1 - text);
    return line;
}

static void check_nothing(void)
{
    json_t *line = next_line();
    ck_assert_ptr_null(line);
}

/* The params of the next line, a notification of this method. */
static json_t *next_event(const char *method)
{
    json_t *line = next_line();
    ck_assert_ptr_nonnull(line);
    ck_assert_ptr_null(json_object_get(line, "id"));
    ck_assert_str_eq(json_string_value(json_object_get(line, "method")), method);
    json_t *params = json_incref(json_object_get(line, "params"));
    json_decref(line);
    return params;
}

static json_int_t integer(const json_t *object, const char *name)
{
    ck_assert_msg(json_is_integer(json_object_get(object, name)), "%s", name);
    return json_integer_value(json_object_get(object, name));
}

static void check_job_done(uint32_t seq, uint32_t job, const char *state)
{
    json_t *params = next_event("job.done");
    ck_assert_int_eq(integer(params, "batch"), 7);
    ck_assert_int_eq(integer(params, "seq"), seq);
    ck_assert_int_eq(integer(params, "job"), job);
    ck_assert_str_eq(json_string_value(json_object_get(params, "state")), state);
    ck_assert_str_eq(json_string_value(json_object_get(params, "plugin")), "p0");
    json_decref(params);
}

static void check_batch_done(const char *state, json_int_t jobs)
{
    json_t *params = next_event("batch.done");
    ck_assert_int_eq(integer(params, "batch"), 7);
    ck_assert_int_eq(integer(params, "jobs"), jobs);
    ck_assert_str_eq(json_string_value(json_object_get(params, "state")), state);
    json_decref(params);
}

static void end_job(uint32_t job, enum job_state state)
{
    complete_job(batch, job, state, "out");
    watchers_notice(batch);
}

static void seal(void)
{
    batch_seal(batch, clock_now_ns());
    watchers_notice(batch);
}

static void watch(enum watch_events events, uint32_t from)
{
    ck_assert_int_eq(watchers_watch(watchers, client, batch, events, from), 0);
}

/* ---- Events -------------------------------------------------------------------------------- */

START_TEST(kinds_of_events_have_names)
{
    ck_assert_int_eq(watch_events_from_name("none"), WATCH_NONE);
    ck_assert_int_eq(watch_events_from_name("summary"), WATCH_SUMMARY);
    ck_assert_int_eq(watch_events_from_name("failures"), WATCH_FAILURES);
    ck_assert_int_eq(watch_events_from_name("each"), WATCH_EACH);
    ck_assert_int_eq(watch_events_from_name("all"), WATCH_EVENTS);
    ck_assert_int_eq(watch_events_from_name(""), WATCH_EVENTS);
}
END_TEST

START_TEST(each_job_is_told_in_the_order_they_ended_and_the_batch_last)
{
    (void)add_jobs(batch, 0, 3);
    watch(WATCH_EACH, 0);
    check_nothing();
    end_job(2, JOB_SUCCEEDED);
    end_job(0, JOB_FAILED);
    check_job_done(0, 2, "succeeded");
    check_job_done(1, 0, "failed");
    check_nothing();
    end_job(1, JOB_CANCELLED);
    check_job_done(2, 1, "cancelled");
    check_nothing(); /* more jobs may come */
    seal();
    check_batch_done("failed", 3);
    ck_assert(LIST_EMPTY(&batch->watchers));
    ck_assert(LIST_EMPTY(&client_watchers(client)->list));
    check_nothing();
}
END_TEST

START_TEST(details_are_told_as_they_are_where_there_are_any)
{
    static const char details[] = "{\"ratio\":2.50,\"state\":\"odd\"}";
    struct completion completion = {
        .job = 0, .state = JOB_FAILED, .details = view_of_text(details)};
    (void)add_jobs(batch, 0, 2);
    watch(WATCH_EACH, 0);
    ck_assert_int_eq(batch_complete(batch, &completion, clock_now_ns()), 0);
    end_job(1, JOB_SUCCEEDED);
    json_t *params = next_event("job.done");
    ck_assert_str_eq(json_string_value(json_object_get(params, "state")), "failed");
    json_t *expected = json_loads(details, 0, NULL);
    ck_assert(json_equal(json_object_get(params, "details"), expected));
    json_decref(expected);
    json_decref(params);
    params = next_event("job.done");
    ck_assert_ptr_null(json_object_get(params, "details"));
    json_decref(params);
}
END_TEST

START_TEST(a_watcher_can_begin_anywhere)
{
    (void)add_jobs(batch, 0, 10);
    for (uint32_t job = 0; job < 9; job++)
        end_job(job, JOB_SUCCEEDED);
    watch(WATCH_EACH, 7);
    check_job_done(7, 7, "succeeded");
    check_job_done(8, 8, "succeeded");
    check_nothing();
    end_job(9, JOB_SUCCEEDED);
    check_job_done(9, 9, "succeeded");
    check_nothing();
}
END_TEST

START_TEST(a_watcher_can_begin_at_the_end)
{
    (void)add_jobs(batch, 0, 2);
    end_job(0, JOB_SUCCEEDED);
    watch(WATCH_EACH, 1);
    check_nothing();
    end_job(1, JOB_SUCCEEDED);
    seal();
    check_job_done(1, 1, "succeeded");
    check_batch_done("succeeded", 2);
}
END_TEST

START_TEST(a_finished_batch_is_told_from_its_beginning)
{
    (void)add_jobs(batch, 0, 2);
    end_job(0, JOB_SUCCEEDED);
    end_job(1, JOB_SUCCEEDED);
    seal();
    watch(WATCH_EACH, 0);
    check_job_done(0, 0, "succeeded");
    check_job_done(1, 1, "succeeded");
    check_batch_done("succeeded", 2);
}
END_TEST

START_TEST(failures_leave_out_what_succeeded)
{
    (void)add_jobs(batch, 0, JOB_STATES);
    for (enum job_state state = JOB_SUCCEEDED; state < JOB_STATES; state++)
        end_job((uint32_t)state, state);
    watch(WATCH_FAILURES, 0);
    for (enum job_state state = JOB_FAILED; state < JOB_STATES; state++)
        check_job_done((uint32_t)state - JOB_SUCCEEDED, (uint32_t)state, job_state_name(state));
    check_nothing();
}
END_TEST

START_TEST(the_summary_alone_is_told_at_the_end_alone)
{
    (void)add_jobs(batch, 0, 2);
    watch(WATCH_SUMMARY, 0);
    end_job(0, JOB_SUCCEEDED);
    end_job(1, JOB_FAILED);
    check_nothing();
    seal();
    check_batch_done("failed", 2);
}
END_TEST

START_TEST(many_watchers_are_all_told)
{
    (void)add_jobs(batch, 0, 1);
    for (int i = 0; i < 5; i++)
        watch(WATCH_EACH, 0);
    end_job(0, JOB_SUCCEEDED);
    seal();
    unsigned jobs = 0, batches = 0;
    for (json_t *line; (line = next_line()); json_decref(line)) {
        bool is_job = !strcmp(json_string_value(json_object_get(line, "method")), "job.done");
        jobs += is_job;
        batches += !is_job;
    }
    ck_assert_uint_eq(jobs, 5);
    ck_assert_uint_eq(batches, 5);
}
END_TEST

START_TEST(a_client_that_is_gone_is_told_nothing)
{
    (void)add_jobs(batch, 0, 1);
    watch(WATCH_EACH, 0);
    watch(WATCH_SUMMARY, 0);
    settle();
    end_job(0, JOB_SUCCEEDED); /* the watchers are due now */
    watchers_drop(client);
    ck_assert(LIST_EMPTY(&batch->watchers));
    seal();
    check_nothing();
}
END_TEST

START_TEST(a_client_that_shut_down_its_side_is_told_to_the_end_and_let_go)
{
    (void)add_jobs(batch, 0, 1);
    watch(WATCH_EACH, 0);
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    settle();
    ck_assert_ptr_nonnull(client);
    end_job(0, JOB_SUCCEEDED);
    check_job_done(0, 0, "succeeded");
    ck_assert_ptr_nonnull(client);
    seal();
    check_batch_done("succeeded", 1);
    ck_assert_ptr_null(client);
}
END_TEST

/* ---- Slow readers -------------------------------------------------------------------------- */

/* Ends `count` jobs from `job` on, each with 1,000 bytes of output. */
static void end_jobs(uint32_t job, uint32_t count)
{
    static char output[1001];
    memset(output, 'o', sizeof(output) - 1);
    for (uint32_t i = 0; i < count; i++) {
        complete_job(batch, job + i, JOB_SUCCEEDED, output);
        watchers_notice(batch);
    }
}

START_TEST(a_reader_that_stops_stands_still_and_misses_nothing)
{
    enum { JOBS = 4000 };
    (void)add_jobs(batch, 0, JOBS);
    watch(WATCH_EACH, 0);
    end_jobs(0, JOBS / 2);
    settle();
    ck_assert(client_is_full(client));
    end_jobs(JOBS / 2, JOBS / 2);
    seal();
    settle();
    ck_assert(!LIST_EMPTY(&batch->watchers));
    for (uint32_t job = 0; job < JOBS; job++)
        check_job_done(job, job, "succeeded");
    check_batch_done("succeeded", JOBS);
    check_nothing();
}
END_TEST

START_TEST(a_reader_that_stops_costs_a_bounded_amount_of_memory)
{
    enum { JOBS = 4000 };
    (void)add_jobs(batch, 0, JOBS);
    watch(WATCH_EACH, 0);
    end_jobs(0, JOBS);
    settle();
    watchers_drop(client);
    receive(); /* what the socket took and what waited in memory */
    ck_assert_uint_gt(size, 100000);
    ck_assert_uint_lt(size, JOBS * 1000 / 4);
}
END_TEST

START_TEST(a_long_tale_gives_the_loop_back_in_between)
{
    enum { JOBS = 100000 };
    (void)add_jobs(batch, 0, JOBS);
    for (uint32_t job = 0; job < JOBS; job++)
        complete_job(batch, job, JOB_SUCCEEDED, "");
    seal();
    watch(WATCH_FAILURES, 0); /* there are none: only looking takes time */
    unsigned turns = 0;
    while (!LIST_EMPTY(&batch->watchers)) {
        (void)event_base_loop(base, EVLOOP_ONCE);
        turns++;
    }
    ck_assert_uint_ge(turns, 10);
    check_batch_done("succeeded", JOBS);
}
END_TEST

START_TEST(many_long_tales_give_the_loop_back_in_between)
{
    enum { JOBS = 4000, MANY = 1000 };
    (void)add_jobs(batch, 0, JOBS);
    for (uint32_t job = 0; job < JOBS; job++)
        complete_job(batch, job, JOB_SUCCEEDED, "");
    seal();
    for (int i = 0; i < MANY; i++)
        watch(WATCH_FAILURES, 0);
    unsigned turns = 0;
    while (!LIST_EMPTY(&batch->watchers)) {
        (void)event_base_loop(base, EVLOOP_ONCE);
        turns++;
    }
    ck_assert_uint_ge(turns, 10);
    for (int i = 0; i < MANY; i++)
        check_batch_done("succeeded", JOBS);
}
END_TEST

START_TEST(a_completion_costs_the_same_however_many_watch)
{
    for (int i = 0; i < CLIENT_MAX; i++)
        watch(WATCH_SUMMARY, 0);
    settle();
    uint64_t begin_ns = clock_now_ns();
    for (int i = 0; i < 10000; i++)
        watchers_notice(batch);
    ck_assert_uint_lt(clock_now_ns() - begin_ns, CLOCK_NS_PER_S / 10);
}
END_TEST

START_TEST(a_batch_that_nobody_watches_any_more_is_not_remembered)
{
    struct batch *other = new_batch(8);
    ck_assert_int_eq(watchers_watch(watchers, client, other, WATCH_EACH, 0), 0);
    watchers_notice(other);
    watchers_drop(client);
    batch_free(other);
    settle();
}
END_TEST

START_TEST(the_last_watcher_of_a_batch_that_goes_is_noticed)
{
    (void)add_jobs(batch, 0, 1);
    watch(WATCH_EACH, 0);
    watch(WATCH_SUMMARY, 0);
    end_job(0, JOB_SUCCEEDED);
    settle();
    ck_assert_uint_eq(unwatched, 0);
    seal();
    settle();
    ck_assert_uint_eq(unwatched, 1);
    watch(WATCH_EACH, 0);
    watch(WATCH_EACH, 0);
    watchers_drop(client);
    ck_assert_uint_eq(unwatched, 2);
}
END_TEST

START_TEST(a_client_has_a_bounded_number_of_watchers)
{
    for (int i = 0; i < CLIENT_MAX; i++) {
        ck_assert(!watchers_full(watchers, client));
        watch(WATCH_SUMMARY, 0);
    }
    ck_assert(watchers_full(watchers, client));
    watchers_drop(client);
    ck_assert(!watchers_full(watchers, client));
}
END_TEST

/* ---- Out of memory ------------------------------------------------------------------------- */

/* Stands in for what summary.c calls in the middle of an event; see Makefile.am. */
void __real_json_text_seconds(struct bytes *out, uint64_t ns);
void __wrap_json_text_seconds(struct bytes *out, uint64_t ns);
static int events_until_starved = -1;

void __wrap_json_text_seconds(struct bytes *out, uint64_t ns)
{
    if (events_until_starved >= 0 && events_until_starved-- == 0)
        out->failed = true;
    __real_json_text_seconds(out, ns);
}

START_TEST(without_memory_no_half_event_is_sent_and_the_connection_ends)
{
    (void)add_jobs(batch, 0, 3);
    watch(WATCH_EACH, 0);
    end_job(0, JOB_SUCCEEDED);
    check_job_done(0, 0, "succeeded");
    events_until_starved = 2; /* each has two of them */
    end_job(1, JOB_SUCCEEDED);
    end_job(2, JOB_SUCCEEDED);
    check_nothing();
    ck_assert_ptr_null(client);
    ck_assert(LIST_EMPTY(&batch->watchers));
}
END_TEST

/* ---- Waiting ------------------------------------------------------------------------------- */

/* The next line, which must be a response to request 5. */
static json_t *next_response(void)
{
    json_t *line = next_line();
    ck_assert_ptr_nonnull(line);
    ck_assert_int_eq(integer(line, "id"), 5);
    return line;
}

static void wait_for_batch(double timeout_s)
{
    json_t *id = json_integer(5);
    ck_assert_int_eq(watchers_wait(watchers, client, batch, id, timeout_s), 0);
    json_decref(id); /* the request is gone long before the answer */
}

START_TEST(a_wait_is_answered_when_the_batch_is_done)
{
    (void)add_jobs(batch, 0, 1);
    wait_for_batch(-1);
    check_nothing();
    end_job(0, JOB_SUCCEEDED);
    check_nothing();
    seal();
    json_t *response = next_response();
    const json_t *result = json_object_get(response, "result");
    ck_assert_int_eq(integer(result, "succeeded"), 1);
    ck_assert_str_eq(json_string_value(json_object_get(result, "state")), "succeeded");
    json_decref(response);
    check_nothing();
}
END_TEST

START_TEST(a_wait_that_takes_too_long_is_answered_with_an_error)
{
    (void)add_jobs(batch, 0, 3);
    end_job(0, JOB_SUCCEEDED);
    wait_for_batch(0.01);
    while (!LIST_EMPTY(&batch->watchers))
        (void)event_base_loop(base, EVLOOP_ONCE);
    json_t *response = next_response();
    const json_t *failure = json_object_get(response, "error");
    ck_assert_int_eq(integer(failure, "code"), 4);
    ck_assert_str_eq(json_string_value(json_object_get(failure, "message")),
                     "batch 7 is still open: 1 of 3 jobs have ended");
    json_decref(response);
    end_job(1, JOB_SUCCEEDED);
    end_job(2, JOB_SUCCEEDED);
    seal();
    check_nothing();
}
END_TEST

START_TEST(a_wait_in_time_hears_nothing_of_its_timeout)
{
    (void)add_jobs(batch, 0, 1);
    wait_for_batch(0.02);
    end_job(0, JOB_SUCCEEDED);
    seal();
    json_t *response = next_response();
    ck_assert_ptr_nonnull(json_object_get(response, "result"));
    json_decref(response);
    struct batch *other = new_batch(8); /* a timeout after that of the first */
    json_t *id = json_integer(5);
    ck_assert_int_eq(watchers_wait(watchers, client, other, id, 0.03), 0);
    json_decref(id);
    while (!LIST_EMPTY(&other->watchers))
        (void)event_base_loop(base, EVLOOP_ONCE);
    batch_free(other);
    response = next_response();
    const json_t *message = json_object_get(json_object_get(response, "error"), "message");
    ck_assert_str_eq(json_string_value(message), "batch 8 is still open: 0 of 0 jobs have ended");
    json_decref(response);
    check_nothing();
}
END_TEST

START_TEST(a_wait_without_an_id_is_answered_with_null)
{
    ck_assert_int_eq(watchers_wait(watchers, client, batch, NULL, -1), 0);
    seal();
    json_t *line = next_line();
    ck_assert(json_is_null(json_object_get(line, "id")));
    json_decref(line);
}
END_TEST

START_TEST(waits_of_a_client_that_is_gone_are_forgotten)
{
    wait_for_batch(0.01);
    watchers_drop(client);
    ck_assert(LIST_EMPTY(&batch->watchers));
    seal();
    check_nothing();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watcher");
    TCase *tests = tcase_create("watcher");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, kinds_of_events_have_names);
    tcase_add_test(tests, each_job_is_told_in_the_order_they_ended_and_the_batch_last);
    tcase_add_test(tests, details_are_told_as_they_are_where_there_are_any);
    tcase_add_test(tests, a_watcher_can_begin_anywhere);
    tcase_add_test(tests, a_watcher_can_begin_at_the_end);
    tcase_add_test(tests, a_finished_batch_is_told_from_its_beginning);
    tcase_add_test(tests, failures_leave_out_what_succeeded);
    tcase_add_test(tests, the_summary_alone_is_told_at_the_end_alone);
    tcase_add_test(tests, many_watchers_are_all_told);
    tcase_add_test(tests, a_client_that_is_gone_is_told_nothing);
    tcase_add_test(tests, a_client_that_shut_down_its_side_is_told_to_the_end_and_let_go);
    tcase_add_test(tests, a_reader_that_stops_stands_still_and_misses_nothing);
    tcase_add_test(tests, a_reader_that_stops_costs_a_bounded_amount_of_memory);
    tcase_add_test(tests, a_long_tale_gives_the_loop_back_in_between);
    tcase_add_test(tests, many_long_tales_give_the_loop_back_in_between);
    tcase_add_test(tests, a_completion_costs_the_same_however_many_watch);
    tcase_add_test(tests, a_batch_that_nobody_watches_any_more_is_not_remembered);
    tcase_add_test(tests, the_last_watcher_of_a_batch_that_goes_is_noticed);
    tcase_add_test(tests, a_client_has_a_bounded_number_of_watchers);
    tcase_add_test(tests, without_memory_no_half_event_is_sent_and_the_connection_ends);
    tcase_add_test(tests, a_wait_is_answered_when_the_batch_is_done);
    tcase_add_test(tests, a_wait_that_takes_too_long_is_answered_with_an_error);
    tcase_add_test(tests, a_wait_in_time_hears_nothing_of_its_timeout);
    tcase_add_test(tests, a_wait_without_an_id_is_answered_with_null);
    tcase_add_test(tests, waits_of_a_client_that_is_gone_are_forgotten);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
