/*
 * The pool with workers of our own: the pool starts /proc/self/exe --worker, which is this program. What
 * such a worker does is told by the names of its plugins' files and the numbers of batches.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <event2/event.h>
#include <jansson.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "suite.h"
#include "supervisor/catalogue.h"
#include "supervisor/config.h"
#include "supervisor/pool.h"
#include "wire/channel.h"

/* What a worker does with the jobs of a batch. */
enum deed {
    DO_ALL = 1, /* begins all jobs and ends them */
    DO_NOTHING, /* begins none */
    DO_BEGIN,   /* begins all and ends none until cancelled */
    DO_DIE,     /* dies */
    DO_ALL_DIE, /* ends all and dies */
    DO_LEAVE,   /* leaves a child behind that holds the channel, tells its pid and dies */
    DO_BEGIN_TOO_MANY,
    DO_SEND_BROKEN_RESULT,
    DO_SEND_BROKEN_DETAILS,
    DO_SEND_BROKEN_HEADER,
    DO_SEND_CONFIG,
    DO_SEND_READY,
    DO_SEND_BAD_POSITION,
    DO_SEND_LOADING,
    DO_SEND_BROKEN_LOG,
    DEEDS_BAD = DO_BEGIN_TOO_MANY,
    DEEDS_END = DO_SEND_BROKEN_LOG + 1,
};

/* ---- The worker ---------------------------------------------------------------------------- */

static void worker_write(struct bytes *out)
{
    for (size_t at = 0; at < out->size;) {
        ssize_t written = write(CHANNEL_WORKER_FD, out->data + at, out->size - at);
        if (written <= 0)
            _exit(1);
        at += (size_t)written;
    }
    bytes_free(out);
}

static void worker_send_number(enum message_type type, uint64_t number)
{
    struct bytes out = {0};
    message_number_put(&out, type, number);
    worker_write(&out);
}

static void worker_send_text(enum message_type type, const char *text)
{
    struct bytes out = {0};
    message_put(&out, type, text, strlen(text));
    worker_write(&out);
}

static void worker_die(void)
{
    (void)kill(getpid(), SIGKILL);
}

static void worker_send_results(uint64_t batch, uint64_t first, uint64_t count,
                                enum job_state state, const char *text)
{
    struct bytes out = {0};
    struct message_done done;
    size_t mark = message_done_begin(&out, &done);
    for (uint64_t i = 0; i < count; i++) {
        struct message_result result = {.batch = batch, .job = first + i, .state = state};
        struct bytes_view view = {.data = (const uint8_t *)text, .size = strlen(text)};
        if (state == JOB_SUCCEEDED)
            result.output = view;
        else
            result.reason = view;
        message_done_add(&out, &done, &result);
    }
    message_end(&out, mark);
    worker_write(&out);
}

static void worker_send_details(const struct message_run *run, const char *details)
{
    struct bytes out = {0};
    struct message_done done;
    size_t mark = message_done_begin(&out, &done);
    struct message_result result = {.batch = run->batch,
                                    .job = run->first,
                                    .state = JOB_SUCCEEDED,
                                    .details = {(const uint8_t *)details, strlen(details)}};
    message_done_add(&out, &done, &result);
    message_end(&out, mark);
    worker_write(&out);
}

/* A socket of the test that workers inherit, where the test has made one with open_gate(). */
#define GATE_FD 20

/* Tells the test that it is here, and goes on when the test has answered or closed its end. */
static void worker_knock(void)
{
    char byte = 0;
    if (write(GATE_FD, &byte, 1) != 1 || read(GATE_FD, &byte, 1) < 0)
        _exit(1);
}

/* Loads one plugin, so to speak. */
static void worker_load(size_t position, const char *file)
{
    worker_send_number(MESSAGE_LOADING, position);
    if (strstr(file, "crash"))
        worker_die();
    if (strstr(file, "exit"))
        _exit(3);
    if (strstr(file, "second") && getenv("AW_TEST_SECOND"))
        worker_die();
    while (strstr(file, "hang") || (strstr(file, "second") && getenv("AW_TEST_HANG")))
        (void)pause();
    if (strstr(file, "gate"))
        worker_knock();
}

/* How a worker obeys STOP. */
enum obedience { OBEYS, OBEYS_SLOWLY, OBEYS_NOT };

static enum obedience worker_configure(const struct bytes_reader *payload)
{
    json_t *config =
        json_loadb((const char *)payload->at, (size_t)(payload->end - payload->at), 0, NULL);
    json_t *described = json_array(), *plugins = json_object_get(config, "plugins");
    enum obedience obedience = OBEYS;
    bool bad = false;
    for (size_t i = 0; i < json_array_size(plugins); i++) {
        const json_t *plugin = json_array_get(plugins, i);
        const char *file = json_string_value(json_object_get(plugin, "file"));
        bool disabled = json_is_true(json_object_get(plugin, "disabled"));
        if (!disabled)
            worker_load(i, file);
        if (strstr(file, "stubborn"))
            obedience = OBEYS_NOT;
        if (strstr(file, "slow"))
            obedience = OBEYS_SLOWLY;
        bad |= strstr(file, "bad") != NULL;
        json_array_append_new(described,
                              disabled ? json_pack("{s:s}", "error", "disabled")
                                       : json_pack("{s:s, s:s, s:s, s:s, s:s, s:[], s:[]}", "name",
                                                   file + 1, "version", "1", "summary", "s", "abi",
                                                   "1.1", "style", "async", "params", "settings"));
    }
    json_t *ready = json_pack("{s:o}", "plugins", described);
    char *text = bad ? strdup("{}") : json_dumps(ready, 0);
    worker_send_text(MESSAGE_READY, text);
    free(text);
    json_decref(ready);
    json_decref(config);
    return obedience;
}

static void worker_stop(enum obedience obedience)
{
    if (obedience == OBEYS_NOT)
        return;
    char byte = 0;
    if (obedience == OBEYS_SLOWLY) {
        (void)shutdown(CHANNEL_WORKER_FD, SHUT_WR);
        while (read(CHANNEL_WORKER_FD, &byte, 1) > 0)
            ;
        /* The pool has noticed; the test lets this one exit when it has seen what the pool does then. */
        worker_knock();
    }
    _exit(0);
}

static void worker_leave_child(const struct message_run *run)
{
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(20); /* should the test not end it */
        for (;;)
            (void)pause();
    }
    (void)snprintf(pid, sizeof(pid), "%d", (int)child);
    worker_send_results(run->batch, run->first, 1, JOB_SUCCEEDED, pid);
    worker_die();
}

static void worker_run(const struct message_run *run)
{
    static const char zeros[64];
    struct bytes out = {0};
    switch ((enum deed)run->batch) {
    case DO_ALL:
    case DO_ALL_DIE:
        worker_send_number(MESSAGE_STARTED, run->jobs);
        worker_send_results(run->batch, run->first, run->jobs, JOB_SUCCEEDED, "done");
        if (run->batch == DO_ALL_DIE)
            worker_die();
        break;
    case DO_NOTHING:
        break;
    case DO_BEGIN:
        worker_send_number(MESSAGE_STARTED, run->jobs);
        break;
    case DO_DIE:
        worker_die();
        break;
    case DO_LEAVE:
        worker_leave_child(run);
        break;
    case DO_BEGIN_TOO_MANY:
        worker_send_number(MESSAGE_STARTED, run->jobs + 1);
        break;
    case DO_SEND_BROKEN_RESULT:
        worker_send_text(MESSAGE_DONE, "\xff");
        break;
    case DO_SEND_BROKEN_DETAILS:
        worker_send_details(run, "{\"a\":1},\"state\":\"succeeded\"");
        break;
    case DO_SEND_BROKEN_HEADER:
        bytes_put(&out, zeros, sizeof(zeros));
        worker_write(&out);
        break;
    case DO_SEND_CONFIG:
        worker_send_text(MESSAGE_CONFIG, "{}");
        break;
    case DO_SEND_READY:
        worker_send_text(MESSAGE_READY, "{\"plugins\":[]}");
        break;
    case DO_SEND_BAD_POSITION:
        worker_send_number(MESSAGE_LOADING, 99);
        break;
    case DO_SEND_LOADING:
        worker_send_number(MESSAGE_LOADING, 0);
        break;
    case DO_SEND_BROKEN_LOG:
        worker_send_text(MESSAGE_LOG, "x");
        break;
    case DEEDS_END:
        break;
    }
}

static void worker_read(void *to, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = read(CHANNEL_WORKER_FD, (char *)to + at, size - at);
        if (got <= 0)
            _exit(0);
        at += (size_t)got;
    }
}

static int worker_main(void)
{
    static uint8_t data[1 << 20];
    enum obedience obedience = OBEYS;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getenv("AW_TEST_NO_START"))
        (void)pause();
    for (;;) {
        struct message_header header;
        worker_read(data, MESSAGE_HEADER_SIZE);
        if (message_read_header(data, &header, NULL) != 0)
            return 9;
        worker_read(data, header.payload_size);
        struct bytes_reader payload = {.at = data, .end = data + header.payload_size};
        struct message_run run;
        struct message_cancel cancel;
        if (header.type == MESSAGE_CONFIG)
            obedience = worker_configure(&payload);
        else if (header.type == MESSAGE_RUN && message_run_read(&payload, &run) == 0)
            worker_run(&run);
        else if (header.type == MESSAGE_CANCEL && message_cancel_read(&payload, &cancel) == 0)
            worker_send_results(cancel.batch, cancel.first, cancel.count, JOB_CANCELLED,
                                "cancelled");
        else if (header.type == MESSAGE_STOP)
            worker_stop(obedience);
    }
}

/* ---- The pool and what it reports ---------------------------------------------------------- */

static struct config_plugin plugins[] = {{.file = "/fine"}, {.file = "/other"}};
static struct config config = {.daemon = {.load_timeout_s = 100},
                               .limits = {.running_async = 100000,
                                          .running_fibers = 500,
                                          .running_blocking = 3,
                                          .fiber_stack_bytes = 1,
                                          .output_bytes = 1},
                               .plugins = plugins,
                               .plugins_count = 2};
static struct event_base *base;
static struct catalogue catalogue;
static struct pool *pool;
static struct {
    unsigned ready, room, results, lost, hopeless, stopped;
    uint32_t lost_worker, ready_before;
    char lost_end[96];
    enum job_state state;
    char output[32];
    bool refuse, stop_when_lost;
} seen;

static void on_change(void *context)
{
    (void)context;
    uint32_t ready = pool_ready(pool);
    seen.ready += ready > seen.ready_before ? ready - seen.ready_before : 0;
    seen.ready_before = ready;
}

static void on_room(void *context)
{
    (void)context;
    seen.room++;
}

static int on_result(void *context, uint32_t worker, const struct message_result *result)
{
    (void)context;
    seen.results++;
    seen.state = result->state;
    (void)snprintf(seen.output, sizeof(seen.output), "%.*s", (int)result->output.size,
                   (const char *)result->output.data);
    if (seen.refuse)
        return -EBADMSG;
    pool_ended(pool, worker, RUN_ASYNC);
    return 0;
}

static void on_lost(void *context, uint32_t worker, const char *end, bool replaced)
{
    (void)context, (void)replaced;
    seen.lost++;
    seen.lost_worker = worker;
    (void)snprintf(seen.lost_end, sizeof(seen.lost_end), "%s", end);
    if (seen.stop_when_lost)
        pool_stop(pool, 1);
}

static void on_hopeless(void *context)
{
    (void)context;
    seen.hopeless++;
}

static void on_stopped(void *context)
{
    (void)context;
    seen.stopped++;
}

static const struct pool_callbacks callbacks = {
    .on_change = on_change,
    .on_room = on_room,
    .on_result = on_result,
    .on_lost = on_lost,
    .on_hopeless = on_hopeless,
    .on_stopped = on_stopped,
};

/* Starts a pool of so many workers with plugins of these names. */
static void start(int64_t workers, const char *first, const char *second)
{
    struct error error = {0};
    config.daemon.workers = workers;
    plugins[0].file = (char *)first;
    plugins[1].file = (char *)second;
    memset(&seen, 0, sizeof(seen));
    base = event_base_new();
    ck_assert_int_eq(catalogue_init(&catalogue, &config, &error), 0);
    int code = pool_new(base, &config, &catalogue, NULL, &callbacks, NULL, &pool, &error);
    ck_assert_msg(code == 0, "%s", error.text);
}

static void tear_down(void)
{
    pool_free(pool);
    catalogue_clear(&catalogue);
    event_base_free(base);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left behind */
    ck_assert_int_eq(errno, ECHILD);
}

/* Runs the loop until the condition holds; Check's timeout is the limit. */
#define WAIT_FOR(condition) \
    while (!(condition)) \
    ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0)

static void settle(void)
{
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
}

static void start_ready(int64_t workers)
{
    start(workers, "/fine", "/other");
    WAIT_FOR(pool_ready(pool) == workers);
}

static void run_style(uint32_t worker, enum deed deed, uint32_t jobs, enum run_style style)
{
    struct message_run run = {.batch = deed, .first = 0, .jobs = jobs};
    struct message_run_entry entry = {.count = jobs};
    struct bytes *out = pool_out(pool, worker);
    size_t mark = message_run_begin(out, &run);
    message_run_add(out, &entry);
    message_end(out, mark);
    pool_send(pool, worker, style, jobs);
}

static void run(uint32_t worker, enum deed deed, uint32_t jobs)
{
    run_style(worker, deed, jobs, RUN_ASYNC);
}

static uint32_t room(enum run_style style)
{
    uint32_t worker, its_room;
    return pool_pick(pool, style, &worker, &its_room) ? its_room : 0;
}

/* The test's end of the gate; the other one is for the workers started from now on. */
static int open_gate(void)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(dup2(ends[1], GATE_FD), GATE_FD);
    ck_assert_int_eq(close(ends[1]), 0);
    return ends[0];
}

/* ---- Start --------------------------------------------------------------------------------- */

START_TEST(workers_come_up_and_describe_their_plugins)
{
    start(3, "/fine", "/other");
    ck_assert_uint_eq(pool_count(pool), 3);
    ck_assert_uint_eq(pool_ready(pool), 0);
    ck_assert_uint_eq(pool_starting(pool), 3);
    ck_assert_uint_eq(room(RUN_ASYNC), 0);
    WAIT_FOR(pool_ready(pool) == 3);
    ck_assert_uint_eq(seen.ready, 3);
    ck_assert_uint_eq(pool_starting(pool), 0);
    ck_assert(catalogue.known);
    ck_assert_str_eq(catalogue.plugins[1].name, "other");
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_int_eq(pool_view(pool, i).state, WORKER_READY);
        ck_assert_int_gt(pool_view(pool, i).pid, 0);
        ck_assert_int_ne(pool_view(pool, i).pid, pool_view(pool, (i + 1) % 3).pid);
    }
}
END_TEST

START_TEST(states_of_workers_have_names)
{
    start(1, "/fine", "/other");
    ck_assert_str_eq(worker_state_name(WORKER_STARTING), "starting");
    ck_assert_str_eq(worker_state_name(WORKER_GONE), "gone");
}
END_TEST

START_TEST(a_plugin_that_kills_its_worker_when_loaded_is_disabled_and_the_rest_goes_on)
{
    start(2, "/crash", "/other");
    WAIT_FOR(pool_ready(pool) == 2);
    ck_assert_ptr_nonnull(catalogue.plugins[0].disabled);
    ck_assert_str_eq(catalogue.plugins[0].disabled,
                     "the worker that loaded it was killed by signal 9 (Killed)");
    ck_assert_ptr_null(catalogue.plugins[1].disabled);
    ck_assert_uint_eq(seen.hopeless, 0);
}
END_TEST

START_TEST(a_plugin_that_exits_when_loaded_is_disabled)
{
    start(1, "/fine", "/exit");
    WAIT_FOR(pool_ready(pool) == 1);
    ck_assert_ptr_null(catalogue.plugins[0].disabled);
    ck_assert_str_eq(catalogue.plugins[1].disabled,
                     "the worker that loaded it exited with status 3");
}
END_TEST

START_TEST(a_plugin_that_could_be_loaded_before_is_disabled_when_two_in_a_row_die_of_it)
{
    start(1, "/fine", "/second");
    WAIT_FOR(pool_ready(pool) == 1);
    ck_assert_int_eq(setenv("AW_TEST_SECOND", "1", 1), 0);
    run(0, DO_DIE, 1);
    WAIT_FOR(seen.ready == 2);
    ck_assert_ptr_nonnull(catalogue.plugins[1].disabled);
    ck_assert_uint_eq(seen.lost, 3);
}
END_TEST

/* Waits for a worker that loads the plugin "gate"; then it is there, and hangs. */
static void await_knock(int gate)
{
    char byte;
    ssize_t got;
    while ((got = recv(gate, &byte, 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN)
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_int_eq(got, 1);
    settle(); /* the pool knows, too, what is being loaded: that was said before */
}

START_TEST(a_worker_killed_once_while_it_loads_a_plugin_costs_no_plugin)
{
    int gate = open_gate();
    start(1, "/gate", "/other");
    for (unsigned i = 0; i < 3; i++) { /* not in a row: in between, the plugin is loaded */
        await_knock(gate);
        ck_assert_int_eq(kill(pool_view(pool, 0).pid, SIGKILL), 0);
        await_knock(gate);
        ck_assert_int_eq(write(gate, "", 1), 1);
        WAIT_FOR(pool_ready(pool) == 1);
        ck_assert_ptr_null(catalogue.plugins[0].disabled);
        run(0, DO_DIE, 1);
        WAIT_FOR(pool_ready(pool) == 0);
    }
    ck_assert_int_eq(close(gate), 0);
}
END_TEST

START_TEST(a_plugin_that_hangs_when_loaded_is_disabled_and_the_rest_goes_on)
{
    config.daemon.load_timeout_s = 1;
    start(2, "/hang", "/other");
    WAIT_FOR(pool_ready(pool) == 2);
    ck_assert_ptr_nonnull(catalogue.plugins[0].disabled);
    ck_assert_str_eq(catalogue.plugins[0].disabled,
                     "the worker that loaded it did not get on within 1 s");
    ck_assert_ptr_null(catalogue.plugins[1].disabled);
    ck_assert_str_eq(seen.lost_end, "did not get on within 1 s");
}
END_TEST

START_TEST(a_plugin_that_hangs_only_later_workers_is_disabled_then)
{
    config.daemon.load_timeout_s = 1;
    start(1, "/fine", "/second");
    WAIT_FOR(pool_ready(pool) == 1);
    ck_assert_int_eq(setenv("AW_TEST_HANG", "1", 1), 0);
    run(0, DO_DIE, 1);
    WAIT_FOR(seen.ready == 2);
    ck_assert_ptr_nonnull(catalogue.plugins[1].disabled);
    ck_assert_uint_eq(seen.lost, 3);
}
END_TEST

START_TEST(a_worker_has_its_time_for_each_plugin_and_for_jobs_as_much_as_they_need)
{
    int gate = open_gate();
    config.daemon.load_timeout_s = 1.5;
    start(1, "/gate", "/gate2");
    for (unsigned i = 0; i < 2; i++) {
        await_knock(gate);
        uint64_t since_ns = clock_now_ns();
        while (clock_seconds(clock_now_ns() - since_ns) < 0.9) /* the two together are too long */
            (void)event_base_loop(base, EVLOOP_NONBLOCK);
        ck_assert_int_eq(write(gate, "", 1), 1);
    }
    WAIT_FOR(pool_ready(pool) == 1);
    uint64_t since_ns = clock_now_ns();
    while (clock_seconds(clock_now_ns() - since_ns) < 1.6)
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_uint_eq(seen.lost, 0);
    ck_assert_int_eq(close(gate), 0);
}
END_TEST

START_TEST(workers_that_hang_before_they_load_anything_are_given_up)
{
    config.daemon.load_timeout_s = 0.1;
    ck_assert_int_eq(setenv("AW_TEST_NO_START", "1", 1), 0);
    start(1, "/fine", "/other");
    WAIT_FOR(seen.hopeless);
    ck_assert_uint_eq(seen.lost, 5);
    for (uint32_t i = 0; i < 2; i++)
        ck_assert_ptr_null(catalogue.plugins[i].disabled);
}
END_TEST

START_TEST(workers_that_never_come_up_are_given_up)
{
    start(1, "/bad", "/other");
    WAIT_FOR(seen.hopeless);
    ck_assert_uint_eq(seen.hopeless, 1);
    ck_assert_uint_eq(seen.lost, 5);
    ck_assert_uint_eq(seen.ready, 0);
    ck_assert_int_eq(pool_view(pool, 0).state, WORKER_GONE);
    for (uint32_t i = 0; i < 2; i++)
        ck_assert_ptr_null(catalogue.plugins[i].disabled); /* they had been loaded */
}
END_TEST

/* ---- Room ---------------------------------------------------------------------------------- */

START_TEST(the_worker_with_the_fewest_jobs_is_picked)
{
    start_ready(2);
    uint32_t first, second, again, its_room;
    ck_assert(pool_pick(pool, RUN_ASYNC, &first, &its_room));
    run(first, DO_BEGIN, 3);
    ck_assert(pool_pick(pool, RUN_ASYNC, &second, &its_room));
    ck_assert_uint_ne(second, first);
    run(second, DO_BEGIN, 5);
    ck_assert(pool_pick(pool, RUN_ASYNC, &again, &its_room));
    ck_assert_uint_eq(again, first);
    ck_assert_uint_eq(pool_view(pool, first).running, 3);
    ck_assert_uint_eq(pool_view(pool, second).running, 5);
}
END_TEST

START_TEST(each_style_has_its_own_limit)
{
    start_ready(1);
    ck_assert_uint_eq(room(RUN_BLOCKING), 3);
    ck_assert_uint_eq(room(RUN_FIBER), 500);
    run_style(0, DO_BEGIN, 2, RUN_BLOCKING);
    ck_assert_uint_eq(room(RUN_BLOCKING), 1);
    ck_assert_uint_eq(room(RUN_FIBER), 500);
    run_style(0, DO_BEGIN, 1, RUN_BLOCKING);
    ck_assert_uint_eq(room(RUN_BLOCKING), 0);
    pool_ended(pool, 0, RUN_BLOCKING);
    ck_assert_uint_eq(room(RUN_BLOCKING), 1);
}
END_TEST

START_TEST(few_jobs_wait_unstarted_in_a_channel)
{
    start_ready(1);
    ck_assert_uint_eq(room(RUN_ASYNC), 4096);
    run(0, DO_NOTHING, 4000);
    ck_assert_uint_eq(room(RUN_ASYNC), 96);
    run(0, DO_NOTHING, 96);
    ck_assert_uint_eq(room(RUN_ASYNC), 0);
    ck_assert_uint_eq(room(RUN_FIBER), 0);
    settle();
    ck_assert_uint_eq(room(RUN_ASYNC), 0);
}
END_TEST

START_TEST(jobs_that_have_begun_make_room)
{
    start_ready(1);
    run(0, DO_BEGIN, 4096);
    ck_assert_uint_eq(room(RUN_ASYNC), 0);
    WAIT_FOR(room(RUN_ASYNC));
    ck_assert_uint_gt(seen.room, 0);
    ck_assert_uint_eq(room(RUN_ASYNC), 4096);
    ck_assert_uint_eq(pool_view(pool, 0).running, 4096);
}
END_TEST

START_TEST(jobs_that_have_ended_are_told_and_make_room)
{
    start_ready(1);
    config.limits.running_async = 100000;
    run(0, DO_ALL, 1000);
    WAIT_FOR(seen.results == 1000);
    settle();
    ck_assert_uint_eq(pool_view(pool, 0).running, 0);
    ck_assert_uint_eq(room(RUN_ASYNC), 4096);
    ck_assert_uint_gt(seen.room, 0);
    ck_assert_str_eq(seen.output, "done");
}
END_TEST

START_TEST(a_cancel_reaches_every_worker_that_runs_jobs)
{
    start_ready(2);
    run(0, DO_BEGIN, 10);
    run(1, DO_BEGIN, 10);
    struct message_cancel cancel = {.batch = DO_BEGIN, .first = 0, .count = 10};
    pool_cancel(pool, &cancel);
    WAIT_FOR(seen.results == 20);
    ck_assert_int_eq(seen.state, JOB_CANCELLED);
    pool_cancel(pool, &cancel); /* nobody runs any now */
    run(0, DO_ALL, 1);
    run(1, DO_ALL, 1);
    WAIT_FOR(seen.results == 22);
    ck_assert_int_eq(seen.state, JOB_SUCCEEDED);
}
END_TEST

START_TEST(a_cancel_on_one_worker_reaches_no_other)
{
    start_ready(2);
    run(0, DO_BEGIN, 10);
    run(1, DO_BEGIN, 10);
    struct message_cancel cancel = {.batch = DO_BEGIN, .first = 3, .count = 1};
    pool_cancel_on(pool, 1, &cancel);
    WAIT_FOR(seen.results == 1);
    ck_assert_int_eq(seen.state, JOB_CANCELLED);
    ck_assert_uint_eq(pool_view(pool, 0).running, 10);
    ck_assert_uint_eq(pool_view(pool, 1).running, 9);
    run(0, DO_ALL, 1); /* what it had been sent before would be answered before this */
    WAIT_FOR(seen.results == 2);
    ck_assert_int_eq(seen.state, JOB_SUCCEEDED);
}
END_TEST

/* ---- Death --------------------------------------------------------------------------------- */

START_TEST(a_dead_worker_is_told_of_and_replaced)
{
    start_ready(2);
    pid_t before = pool_view(pool, 1).pid;
    run(1, DO_BEGIN, 7);
    run(1, DO_DIE, 1);
    WAIT_FOR(seen.lost);
    ck_assert_uint_eq(seen.lost_worker, 1);
    ck_assert_str_eq(seen.lost_end, "was killed by signal 9 (Killed)");
    ck_assert_uint_eq(pool_view(pool, 1).running, 0);
    WAIT_FOR(pool_ready(pool) == 2);
    ck_assert_int_ne(pool_view(pool, 1).pid, before);
    run(1, DO_ALL, 1);
    WAIT_FOR(seen.results == 1);
    ck_assert_uint_eq(seen.lost, 1);
}
END_TEST

START_TEST(results_sent_before_a_death_count)
{
    start_ready(1);
    run(0, DO_ALL_DIE, 4000);
    WAIT_FOR(seen.lost);
    ck_assert_uint_eq(seen.results, 4000);
}
END_TEST

START_TEST(a_worker_that_keeps_dying_is_given_a_rest)
{
    start_ready(1);
    ck_assert_int_eq(kill(pool_view(pool, 0).pid, SIGKILL), 0);
    WAIT_FOR(seen.ready == 2);
    double least_s[] = {0.1, 0.2};
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(kill(pool_view(pool, 0).pid, SIGKILL), 0);
        WAIT_FOR(seen.lost == 2 + i);
        ck_assert_int_eq(pool_view(pool, 0).state, WORKER_BACKOFF);
        ck_assert_int_eq(pool_view(pool, 0).pid, 0);
        uint64_t before_ns = clock_now_ns();
        WAIT_FOR(pool_view(pool, 0).state != WORKER_BACKOFF);
        ck_assert_double_ge(clock_seconds(clock_now_ns() - before_ns), 0.9 * least_s[i]);
        WAIT_FOR(seen.ready == 3 + i);
    }
}
END_TEST

START_TEST(a_worker_that_dies_of_its_jobs_is_replaced_at_once)
{
    start_ready(1);
    for (unsigned i = 0; i < 8; i++) { /* with a rest each time it would take 13 s */
        run(0, DO_DIE, 1);
        WAIT_FOR(seen.lost == 1 + i);
        ck_assert_uint_eq(pool_starting(pool), 1);
        WAIT_FOR(seen.ready == 2 + i);
    }
}
END_TEST

START_TEST(a_worker_that_breaks_the_rules_is_replaced)
{
    start_ready(1);
    run(0, (enum deed)_i, 2);
    WAIT_FOR(seen.lost);
    WAIT_FOR(seen.ready == 2);
    run(0, DO_ALL, 1);
    WAIT_FOR(seen.results == 1);
}
END_TEST

START_TEST(a_worker_whose_results_are_refused_is_replaced)
{
    start_ready(1);
    seen.refuse = true;
    run(0, DO_ALL, 5);
    WAIT_FOR(seen.lost);
    ck_assert_uint_eq(seen.results, 1);
    WAIT_FOR(seen.ready == 2);
}
END_TEST

START_TEST(a_channel_that_stays_open_does_not_keep_a_dead_worker)
{
    start_ready(1);
    run(0, DO_LEAVE, 1);
    WAIT_FOR(seen.results == 1);
    WAIT_FOR(pool_view(pool, 0).pid == 0);
    ck_assert_uint_eq(seen.lost, 0);
    ck_assert_uint_eq(room(RUN_ASYNC), 0);
    WAIT_FOR(seen.lost);
    long child = strtol(seen.output, NULL, 10);
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(kill((pid_t)child, SIGKILL), 0); /* it was alive all the time */
    WAIT_FOR(pool_ready(pool) == 1);
}
END_TEST

/* ---- Stop ---------------------------------------------------------------------------------- */

START_TEST(a_stop_lets_workers_exit)
{
    start_ready(3);
    pool_stop(pool, 100);
    ck_assert_uint_eq(pool_ready(pool), 0);
    ck_assert_uint_eq(room(RUN_ASYNC), 0);
    ck_assert_uint_eq(seen.stopped, 0);
    WAIT_FOR(seen.stopped);
    settle();
    ck_assert_uint_eq(seen.stopped, 1);
    ck_assert_uint_eq(seen.lost, 3);
    ck_assert_str_eq(seen.lost_end, "exited with status 0");
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_int_eq(pool_view(pool, i).state, WORKER_GONE);
        ck_assert_int_eq(pool_view(pool, i).pid, 0);
    }
}
END_TEST

static void on_gate(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    char byte;
    *(bool *)context = read(fd, &byte, 1) == 1;
    (void)close(fd);
}

START_TEST(a_worker_may_close_its_channel_before_it_exits)
{
    bool let_go = false;
    int gate = open_gate();
    start(1, "/slow", "/other");
    WAIT_FOR(pool_ready(pool) == 1);
    ck_assert_int_eq(event_base_once(base, gate, EV_READ, on_gate, &let_go, NULL), 0);
    pool_stop(pool, 100);
    WAIT_FOR(seen.stopped);
    ck_assert(let_go);
    ck_assert_str_eq(seen.lost_end, "exited with status 0");
}
END_TEST

START_TEST(a_stop_delivers_the_last_results)
{
    start_ready(1);
    run(0, DO_ALL, 4000);
    pool_stop(pool, 100);
    WAIT_FOR(seen.stopped);
    ck_assert_uint_eq(seen.results, 4000);
}
END_TEST

START_TEST(a_stop_kills_what_does_not_end)
{
    start(2, "/stubborn", "/other");
    WAIT_FOR(pool_ready(pool) == 2);
    pool_stop(pool, 0.02);
    WAIT_FOR(seen.stopped);
    ck_assert_uint_eq(seen.lost, 2);
    ck_assert_str_eq(seen.lost_end, "was killed by signal 9 (Killed)");
}
END_TEST

START_TEST(a_stop_can_be_hurried)
{
    start(2, "/stubborn", "/other");
    WAIT_FOR(pool_ready(pool) == 2);
    pool_stop(pool, 1000);
    settle();
    ck_assert_uint_eq(seen.stopped, 0);
    pool_hurry(pool);
    WAIT_FOR(seen.stopped);
    ck_assert_str_eq(seen.lost_end, "was killed by signal 9 (Killed)");
}
END_TEST

START_TEST(a_stop_kills_what_hangs_while_it_loads)
{
    start(1, "/hang", "/other");
    settle();
    pool_stop(pool, 0.02);
    WAIT_FOR(seen.stopped);
    ck_assert_uint_eq(seen.ready, 0);
    ck_assert_ptr_null(catalogue.plugins[0].disabled); /* it had no time to */
}
END_TEST

START_TEST(a_stop_while_a_worker_rests_needs_no_waiting)
{
    start_ready(1);
    run(0, DO_DIE, 1);
    WAIT_FOR(seen.ready == 2);
    run(0, DO_DIE, 1);
    WAIT_FOR(seen.lost == 2);
    ck_assert_int_eq(pool_view(pool, 0).state, WORKER_BACKOFF);
    pool_stop(pool, 100);
    ck_assert_uint_eq(seen.stopped, 1);
    ck_assert_int_eq(pool_view(pool, 0).state, WORKER_GONE);
}
END_TEST

START_TEST(a_stop_because_of_a_loss_is_reported_once)
{
    start_ready(1);
    seen.stop_when_lost = true;
    run(0, DO_DIE, 1);
    WAIT_FOR(seen.stopped);
    settle();
    ck_assert_uint_eq(seen.stopped, 1);
    ck_assert_uint_eq(seen.lost, 1);
    ck_assert_int_eq(pool_view(pool, 0).state, WORKER_GONE);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--worker"))
        return worker_main();
    Suite *suite = suite_create("pool");
    TCase *tests = tcase_create("pool");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, workers_come_up_and_describe_their_plugins);
    tcase_add_test(tests, states_of_workers_have_names);
    tcase_add_test(tests,
                   a_plugin_that_kills_its_worker_when_loaded_is_disabled_and_the_rest_goes_on);
    tcase_add_test(tests, a_plugin_that_exits_when_loaded_is_disabled);
    tcase_add_test(tests,
                   a_plugin_that_could_be_loaded_before_is_disabled_when_two_in_a_row_die_of_it);
    tcase_add_test(tests, a_worker_killed_once_while_it_loads_a_plugin_costs_no_plugin);
    tcase_add_test(tests, a_plugin_that_hangs_when_loaded_is_disabled_and_the_rest_goes_on);
    tcase_add_test(tests, a_plugin_that_hangs_only_later_workers_is_disabled_then);
    tcase_add_test(tests, a_worker_has_its_time_for_each_plugin_and_for_jobs_as_much_as_they_need);
    tcase_add_test(tests, workers_that_hang_before_they_load_anything_are_given_up);
    tcase_add_test(tests, workers_that_never_come_up_are_given_up);
    tcase_add_test(tests, the_worker_with_the_fewest_jobs_is_picked);
    tcase_add_test(tests, each_style_has_its_own_limit);
    tcase_add_test(tests, few_jobs_wait_unstarted_in_a_channel);
    tcase_add_test(tests, jobs_that_have_begun_make_room);
    tcase_add_test(tests, jobs_that_have_ended_are_told_and_make_room);
    tcase_add_test(tests, a_cancel_reaches_every_worker_that_runs_jobs);
    tcase_add_test(tests, a_cancel_on_one_worker_reaches_no_other);
    tcase_add_test(tests, a_dead_worker_is_told_of_and_replaced);
    tcase_add_test(tests, results_sent_before_a_death_count);
    tcase_add_test(tests, a_worker_that_dies_of_its_jobs_is_replaced_at_once);
    tcase_add_test(tests, a_worker_that_keeps_dying_is_given_a_rest);
    tcase_add_loop_test(tests, a_worker_that_breaks_the_rules_is_replaced, DEEDS_BAD, DEEDS_END);
    tcase_add_test(tests, a_worker_whose_results_are_refused_is_replaced);
    tcase_add_test(tests, a_channel_that_stays_open_does_not_keep_a_dead_worker);
    tcase_add_test(tests, a_stop_lets_workers_exit);
    tcase_add_test(tests, a_worker_may_close_its_channel_before_it_exits);
    tcase_add_test(tests, a_stop_delivers_the_last_results);
    tcase_add_test(tests, a_stop_kills_what_does_not_end);
    tcase_add_test(tests, a_stop_can_be_hurried);
    tcase_add_test(tests, a_stop_kills_what_hangs_while_it_loads);
    tcase_add_test(tests, a_stop_while_a_worker_rests_needs_no_waiting);
    tcase_add_test(tests, a_stop_because_of_a_loss_is_reported_once);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
