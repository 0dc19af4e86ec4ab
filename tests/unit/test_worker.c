#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <jansson.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "suite.h"
#include "wire/channel.h"
#include "wire/message.h"
#include "worker/worker_main.h"

/* A worker in a process of its own, and this end of its channel, which blocks. */
static pid_t worker_pid;
static int channel = -1;

/* Reasons hold paths, which are long where the tests run deep in the file system. */
enum { JOBS_MAX = 50000, TEXT_MAX = 512 };

/* What the worker told, job by job. */
static struct result {
    bool done;
    enum job_state state;
    bool truncated;
    double run_s;
    size_t output_size;
    char reason[TEXT_MAX], output[TEXT_MAX], details[TEXT_MAX]; /* cut */
} results[JOBS_MAX];
static uint64_t results_count, started_count, loading_count, log_count;
static uint64_t dropped_count; /* lines of the log that the worker said it dropped */
static char last_log[TEXT_MAX];
static json_t *catalogue;

/* ---- Talking to the worker --------------------------------------------------------------------- */

static void start_worker(void)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    (void)fflush(NULL); /* or the worker, too, would write it */
    worker_pid = fork();
    ck_assert_int_ge(worker_pid, 0);
    if (worker_pid == 0) { /* no assertions here: Check's own descriptor may be the channel's */
        (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would exit instead */
        (void)close(ends[0]);
        if (ends[1] != CHANNEL_WORKER_FD && dup2(ends[1], CHANNEL_WORKER_FD) < 0)
            _exit(99);
        exit(worker_main());
    }
    (void)close(ends[1]);
    channel = ends[0];
}

static void send_bytes(struct bytes *bytes)
{
    ck_assert(!bytes->failed);
    for (size_t at = 0; at < bytes->size;) {
        ssize_t written = send(channel, bytes->data + at, bytes->size - at, MSG_NOSIGNAL);
        ck_assert_int_gt(written, 0);
        at += (size_t)written;
    }
    bytes_free(bytes);
}

static void send_message(enum message_type type, const char *payload)
{
    struct bytes out = {0};
    message_put(&out, type, payload, strlen(payload));
    send_bytes(&out);
}

/* false: the worker closed the channel. */
static bool receive(void *to, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = read(channel, (char *)to + at, size - at);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return false;
        ck_assert_int_gt(got, 0);
        at += (size_t)got;
    }
    return true;
}

static void copy_text(char *out, struct bytes_view view)
{
    size_t size = view.size < TEXT_MAX ? view.size : TEXT_MAX - 1;
    memcpy(out, view.size ? view.data : (const uint8_t *)"", size);
    out[size] = '\0';
}

static void on_done(struct bytes_reader *payload)
{
    struct message_done last = {0};
    struct message_result result;
    while (payload->at < payload->end) {
        ck_assert_int_eq(message_done_next(payload, &last, &result), 0);
        ck_assert_uint_lt(result.job, JOBS_MAX);
        struct result *kept = &results[result.job];
        ck_assert_msg(!kept->done, "job %llu ended twice", (unsigned long long)result.job);
        kept->done = true;
        kept->state = result.state;
        kept->truncated = result.truncated;
        kept->run_s = clock_seconds(result.ended_ns - result.started_ns);
        kept->output_size = result.output.size;
        copy_text(kept->reason, result.reason);
        copy_text(kept->output, result.output);
        copy_text(kept->details, result.details);
        results_count++;
    }
}

static void on_log(struct bytes_reader *payload)
{
    struct message_log log;
    ck_assert_int_eq(message_log_read(payload, &log), 0);
    copy_text(last_log, log.text);
    if (strstr(last_log, "lines of jobs were dropped"))
        dropped_count += strtoull(last_log, NULL, 10);
    else
        log_count++;
}

/* One message. false: the worker closed the channel. */
static bool next_message(void)
{
    uint8_t head[MESSAGE_HEADER_SIZE];
    struct message_header header;
    if (!receive(head, sizeof(head)))
        return false;
    ck_assert_int_eq(message_read_header(head, &header, NULL), 0);
    uint8_t *data = malloc(header.payload_size + 1);
    ck_assert(receive(data, header.payload_size));
    struct bytes_reader payload = {.at = data, .end = data + header.payload_size};
    uint64_t number = 0;
    switch (header.type) {
    case MESSAGE_LOADING:
        ck_assert_int_eq(message_number_read(&payload, &number), 0);
        ck_assert_uint_eq(number, loading_count);
        loading_count++;
        break;
    case MESSAGE_READY:
        catalogue = json_loadb((char *)data, header.payload_size, 0, NULL);
        ck_assert_ptr_nonnull(catalogue);
        break;
    case MESSAGE_STARTED:
        ck_assert_int_eq(message_number_read(&payload, &number), 0);
        started_count += number;
        break;
    case MESSAGE_DONE:
        on_done(&payload);
        break;
    case MESSAGE_LOG:
        on_log(&payload);
        break;
    default:
        ck_abort_msg("message of type %d", (int)header.type);
    }
    free(data);
    return true;
}

static void wait_for_results(uint64_t count)
{
    while (results_count < count)
        ck_assert_msg(next_message(), "the worker closed the channel");
    ck_assert_uint_eq(results_count, count);
}

static void forget_results(void)
{
    memset(results, 0, sizeof(results));
    results_count = 0;
}

/* Starts a worker that has the named plugins of tests/plugins. */
static void start_with(const char *first, ...)
{
    char config[8192], *at = config, *end = config + sizeof(config);
    at += snprintf(at, (size_t)(end - at), "{\"worker\":1,\"plugins\":[");
    va_list names;
    va_start(names, first);
    for (const char *name = first; name; name = va_arg(names, const char *))
        at += snprintf(at, (size_t)(end - at), "%s{\"file\":\"%s/%s.so\"}",
                       name == first ? "" : ",", getenv("AW_TEST_PLUGINS"), name);
    va_end(names);
    at += snprintf(at, (size_t)(end - at),
                   "],\"fiber_stack_bytes\":262144,\"threads\":4,\"output_bytes\":1000,"
                   "\"log_level\":\"info\"}");
    start_worker();
    send_message(MESSAGE_CONFIG, config);
    while (!catalogue)
        ck_assert_msg(next_message(), "the worker closed the channel");
}

/* Sends jobs of one entry of the batch 1. */
static void run_entry(uint64_t first, const struct message_run_entry *entry)
{
    struct bytes out = {0};
    struct message_run run = {.batch = 1, .first = first, .jobs = entry->count};
    size_t mark = message_run_begin(&out, &run);
    message_run_add(&out, entry);
    message_end(&out, mark);
    send_bytes(&out);
}

static struct bytes_view view_of(const char *text)
{
    return (struct bytes_view){(const uint8_t *)text, strlen(text)};
}

static void run_jobs(uint64_t plugin, uint64_t first, uint64_t count, const char *params)
{
    run_entry(first, &(struct message_run_entry){
                         .count = count, .plugin = plugin, .params = view_of(params)});
}

static void cancel_jobs(uint64_t batch, uint64_t first, uint64_t count)
{
    struct bytes out = {0};
    message_cancel_put(&out, &(struct message_cancel){batch, first, count, false});
    send_bytes(&out);
}

/* The worker's exit status, after it closed the channel. */
static int worker_status(void)
{
    int status;
    while (next_message())
        continue;
    ck_assert_int_eq(waitpid(worker_pid, &status, 0), worker_pid);
    json_decref(catalogue);
    catalogue = NULL;
    (void)close(channel);
    return status;
}

/* Tells it to stop, and sees that it ends in order. */
static void stop_worker(void)
{
    send_message(MESSAGE_STOP, "");
    int status = worker_status();
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}

static void ended(uint64_t job, enum job_state state, const char *reason, const char *output)
{
    const struct result *result = &results[job];
    ck_assert_msg(result->done, "job %llu has not ended", (unsigned long long)job);
    ck_assert_msg(result->state == state, "job %llu: %s (%s)", (unsigned long long)job,
                  job_state_name(result->state), result->reason);
    ck_assert_str_eq(result->reason, reason);
    if (output)
        ck_assert_str_eq(result->output, output);
}

/* Runs one job of one plugin. */
static void runs_one(const char *plugin, const char *params, enum job_state state,
                     const char *reason, const char *output)
{
    start_with(plugin, NULL);
    run_jobs(0, 0, 1, params);
    wait_for_results(1);
    ended(0, state, reason, output);
    stop_worker();
    ck_assert_uint_eq(started_count, 1);
}

/* ---- Configuration ------------------------------------------------------------------------------- */

START_TEST(the_catalogue_answers_the_configuration)
{
    start_with("fiber_nap", "no_symbol", "blocking_sleep", NULL);
    ck_assert_uint_eq(loading_count, 3);
    json_t *plugins = json_object_get(catalogue, "plugins");
    ck_assert_uint_eq(json_array_size(plugins), 3);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(plugins, 0), "name")),
                     "fiber_nap");
    ck_assert_ptr_nonnull(json_object_get(json_array_get(plugins, 1), "error"));
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(plugins, 2), "style")),
                     "blocking");
    stop_worker();
}
END_TEST

START_TEST(a_plugin_that_crashes_at_load_was_named_before)
{
    char config[4096];
    (void)snprintf(config, sizeof(config),
                   "{\"worker\":1,\"plugins\":[{\"file\":\"/nowhere\",\"disabled\":true},"
                   "{\"file\":\"%s/crash_at_load.so\"}],\"fiber_stack_bytes\":262144,"
                   "\"threads\":4,\"output_bytes\":1000,\"log_level\":\"info\"}",
                   getenv("AW_TEST_PLUGINS"));
    start_worker();
    send_message(MESSAGE_CONFIG, config);
    loading_count = 1; /* the disabled one is not loaded */
    int status = worker_status();
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
    ck_assert_uint_eq(loading_count, 2);
}
END_TEST

START_TEST(what_is_no_configuration_ends_the_worker)
{
    static const char *const configs[] = {
        "",
        "{",
        "{}",
        "[1]",
        "{\"worker\":1,\"plugins\":[{}]}",
        "{\"worker\":1,\"plugins\":[],\"fiber_stack_bytes\":262144,\"threads\":0,"
        "\"output_bytes\":1000,\"log_level\":\"info\"}",
        "{\"worker\":1,\"plugins\":[{}],\"fiber_stack_bytes\":262144,\"threads\":1,"
        "\"output_bytes\":1000,\"log_level\":\"info\"}"};
    start_worker();
    send_message(MESSAGE_CONFIG, configs[_i]);
    ck_assert_int_ne(worker_status(), 0);
}
END_TEST

START_TEST(jobs_before_the_configuration_end_the_worker)
{
    start_worker();
    run_jobs(0, 0, 1, "");
    ck_assert_int_ne(worker_status(), 0);
}
END_TEST

START_TEST(a_second_configuration_ends_the_worker)
{
    start_with("fiber_nap", NULL);
    send_message(MESSAGE_CONFIG, "{}");
    ck_assert_int_ne(worker_status(), 0);
}
END_TEST

/* ---- Running ------------------------------------------------------------------------------------- */

START_TEST(naps_of_all_styles_sleep_at_the_same_time)
{
    start_with("fiber_nap", "blocking_sleep", "async_nap", NULL);
    uint64_t before_ns = clock_now_ns();
    run_jobs(0, 0, 50, "{\"seconds\": 0.2}");
    run_jobs(2, 50, 50, "{\"seconds\": 2e-1}");
    run_jobs(1, 100, 4, "{\"seconds\": \"200ms\"}");
    wait_for_results(104);
    double wall_s = clock_seconds(clock_now_ns() - before_ns);
    for (uint64_t job = 0; job < 104; job++) {
        ended(job, JOB_SUCCEEDED, "", "napped for 0.2");
        ck_assert_double_ge(results[job].run_s, 0.2);
    }
    ck_assert_double_lt(wall_s, 0.2 * 104 / 4);
    stop_worker();
    ck_assert_uint_eq(started_count, 104);
}
END_TEST

START_TEST(jobs_know_who_they_are)
{
    static const char items[] = "\3Ada\5Grace";
    start_with("identity", NULL);
    run_entry(40, &(struct message_run_entry){
                      .count = 2,
                      .attempt = 3,
                      .base = 10,
                      .expands = true,
                      .params = view_of("{\"text\":\"{index}\",\"list\":[\"{item}\",\"x\"],"
                                        "\"size\":\"1MiB\"}"),
                      .items = view_of(items)});
    wait_for_results(2);
    ended(40, JOB_SUCCEEDED, "",
          "1.40 attempt 3 text 10 items 2 first Ada size 1048576 base 7 state 0");
    ended(41, JOB_SUCCEEDED, "",
          "1.41 attempt 3 text 11 items 2 first Grace size 1048576 base 7 state 0");
    stop_worker();
}
END_TEST

START_TEST(distinct_entries_of_one_message_keep_their_parameters)
{
    enum { COUNT = 3000 };
    struct bytes out = {0};
    start_with("identity", NULL);
    size_t mark = message_run_begin(&out, &(struct message_run){.batch = 1, .jobs = COUNT});
    for (int i = 0; i < COUNT; i++) {
        char params[64];
        (void)snprintf(params, sizeof(params), "{\"size\":%d}", i + 1);
        message_run_add(&out, &(struct message_run_entry){.count = 1, .params = view_of(params)});
    }
    message_end(&out, mark);
    send_bytes(&out);
    wait_for_results(COUNT);
    for (int i = 0; i < COUNT; i++) {
        char output[100];
        (void)snprintf(output, sizeof(output),
                       "1.%d attempt 0 text none items 0 first - size %d base 7 state 0", i, i + 1);
        ended((uint64_t)i, JOB_SUCCEEDED, "", output);
    }
    stop_worker();
}
END_TEST

static void add_entry(struct bytes *out, uint64_t plugin, uint64_t attempt, const char *params)
{
    message_run_add(
        out, &(struct message_run_entry){
                 .count = 1, .plugin = plugin, .attempt = attempt, .params = view_of(params)});
}

START_TEST(entries_of_one_message_that_say_the_same_are_told_from_those_that_do_not)
{
    static const char *const texts[] = {"one", "one", "two", "none", "none", "two", "two"};
    static const int attempts[] = {0, 0, 0, 0, 0, 0, 1};
    struct bytes out = {0};
    start_with("identity", "older_minor", NULL);
    size_t mark = message_run_begin(&out, &(struct message_run){.batch = 1, .jobs = 8});
    add_entry(&out, 0, 0, "{\"text\":\"one\"}");
    add_entry(&out, 0, 0, "{\"text\":\"one\"}");
    add_entry(&out, 0, 0, "{\"text\":\"two\"}");
    add_entry(&out, 0, 0, "");
    add_entry(&out, 0, 0, "");
    add_entry(&out, 0, 0, "{\"text\":\"two\"}");
    add_entry(&out, 0, 1, "{\"text\":\"two\"}");
    add_entry(&out, 1, 1, "{\"first\":\"two\"}");
    message_end(&out, mark);
    send_bytes(&out);
    wait_for_results(8);
    for (int i = 0; i < 7; i++) {
        char output[100];
        (void)snprintf(output, sizeof(output),
                       "1.%d attempt %d text %s items 0 first - size 4096 base 7 state 0", i,
                       attempts[i], texts[i]);
        ended((uint64_t)i, JOB_SUCCEEDED, "", output);
    }
    ended(7, JOB_SUCCEEDED, "", "two 2");
    stop_worker();
}
END_TEST

START_TEST(parameters_that_are_no_json_fail_their_job_alone)
{
    struct bytes out = {0};
    start_with("identity", NULL);
    size_t mark = message_run_begin(&out, &(struct message_run){.batch = 1, .jobs = 3});
    add_entry(&out, 0, 0, "{}");
    add_entry(&out, 0, 0, "{");
    add_entry(&out, 0, 0, "{}");
    message_end(&out, mark);
    send_bytes(&out);
    wait_for_results(3);
    ck_assert_int_eq(results[0].state, JOB_SUCCEEDED);
    ck_assert_int_eq(results[1].state, JOB_FAILED);
    ck_assert_ptr_nonnull(strstr(results[1].reason, "params: "));
    ck_assert_int_eq(results[2].state, JOB_SUCCEEDED);
    stop_worker();
}
END_TEST

START_TEST(parameters_that_are_wrong_only_once_expanded_fail_their_job)
{
    static const char items[] = "\0017\3bad";
    start_with("identity", NULL);
    run_entry(0, &(struct message_run_entry){.count = 2,
                                             .expands = true,
                                             .params = view_of("{\"size\":\"{item}\"}"),
                                             .items = view_of(items)});
    wait_for_results(2);
    ck_assert_int_eq(results[0].state, JOB_SUCCEEDED);
    ck_assert_int_eq(results[1].state, JOB_FAILED);
    ck_assert_ptr_nonnull(strstr(results[1].reason, "params.size"));
    stop_worker();
    ck_assert_uint_eq(started_count, 2);
}
END_TEST

START_TEST(jobs_of_a_plugin_that_is_not_there_fail)
{
    start_with("no_symbol", NULL);
    run_jobs(0, 0, 2000, "{}");
    run_jobs(17, 2000, 1, "{}");
    wait_for_results(2001);
    for (uint64_t job = 0; job <= 2000; job++) {
        ck_assert_int_eq(results[job].state, JOB_FAILED);
        ck_assert_ptr_nonnull(strstr(results[job].reason, "is not loaded in this worker"));
    }
    stop_worker();
    ck_assert_uint_eq(started_count, 2001);
}
END_TEST

START_TEST(tens_of_thousands_of_jobs_end_once_each)
{
    start_with("async_nap", NULL);
    for (uint64_t first = 0; first < 20000; first += 5000)
        run_jobs(0, first, 5000, "{\"seconds\": 0.1}");
    wait_for_results(20000);
    stop_worker();
    ck_assert_uint_eq(started_count, 20000);
}
END_TEST

START_TEST(descriptors_are_waited_for_in_every_style)
{
    static const char *const plugins[] = {"fiber_pipe", "blocking_pipe", "async_pipe"};
    runs_one(plugins[_i], "", JOB_SUCCEEDED, "", "ready");
}
END_TEST

START_TEST(a_fiber_calls_a_function_on_a_thread)
{
    runs_one("fiber_blocking", "", JOB_SUCCEEDED, "", "on a thread, 5050");
    ck_assert_uint_eq(log_count, 1);
    ck_assert_str_eq(last_log, "added");
}
END_TEST

START_TEST(a_plugin_may_use_the_loop)
{
    runs_one("loop_event", "", JOB_SUCCEEDED, "", "called");
}
END_TEST

START_TEST(an_older_plugin_runs)
{
    runs_one("older_minor", "{\"second\": 3}", JOB_SUCCEEDED, "", "one 3");
}
END_TEST

/* ---- Output and reasons ---------------------------------------------------------------------------- */

START_TEST(output_ends_at_the_limit)
{
    start_with("flood", NULL);
    run_jobs(0, 0, 1, "");
    wait_for_results(1);
    ck_assert_int_eq(results[0].state, JOB_SUCCEEDED);
    ck_assert(results[0].truncated);
    ck_assert_uint_eq(results[0].output_size, 1000);
    stop_worker();
}
END_TEST

static const char *const details_plugins[] = {"details_async", "details_blocking", "details_fiber"};

START_TEST(the_last_details_are_told_in_every_style)
{
    start_with(details_plugins[_i], NULL);
    run_jobs(0, 0, 1, "{\"details\":[\"{\\\"a\\\": 1}\",\" { \\\"b\\\" : [ 2 ] } \"]}");
    run_jobs(0, 1, 1, "{\"details\":\"{}\",\"fail\":\"for a reason\"}");
    run_jobs(0, 2, 1, "{}");
    run_jobs(0, 3, 1, "{\"nested\":32}");
    wait_for_results(4);
    ck_assert_str_eq(results[0].details, "{\"b\":[2]}");
    ended(1, JOB_FAILED, "for a reason", "");
    ck_assert_str_eq(results[1].details, "{}");
    ck_assert_str_eq(results[2].details, "");
    ck_assert_str_eq(results[3].details + strlen(results[3].details) - 32,
                     "}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}");
    ck_assert_uint_eq(log_count, 0);
    stop_worker();
}
END_TEST

START_TEST(details_that_cannot_be_are_logged_and_change_nothing)
{
    static const struct {
        const char *params, *line;
    } wrong[] = {
        {"{\"details\":[\"{}\",\"[]\"]}", "aw_details: the details are no JSON object"},
        {"{\"details\":[\"{}\",\"{\"]}", "aw_details: the details are no JSON object"},
        {"{\"details\":\"{}\",\"nested\":33}", "aw_details: the details are nested too deep"},
        {"{\"details\":\"{}\",\"nested\":150}", "aw_details: the details are nested too deep"},
        {"{\"details\":\"{}\",\"padding\":993}",
         "aw_details: the details are larger than limits.output_bytes"},
        {"{\"details\":\"{}\",\"broken\":true}", "aw_details: the details are not UTF-8"},
    };
    start_with(details_plugins[_i], NULL);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        run_jobs(0, i, 1, wrong[i].params);
        wait_for_results(i + 1);
        while (log_count < i + 1) /* a thread's lines may come behind */
            ck_assert(next_message());
        ck_assert_ptr_nonnull(strstr(last_log, wrong[i].line));
        ck_assert_str_eq(results[i].details, "{}");
        ck_assert_int_eq(results[i].state, JOB_SUCCEEDED);
    }
    stop_worker();
    ck_assert_uint_eq(log_count, sizeof(wrong) / sizeof(wrong[0]));
}
END_TEST

START_TEST(details_may_be_as_large_as_an_output)
{
    start_with(details_plugins[_i], NULL);
    run_jobs(0, 0, 1, "{\"padding\":992}"); /* and 8 around it */
    wait_for_results(1);
    ck_assert_uint_eq(strlen(results[0].details), TEXT_MAX - 1); /* cut here alone */
    ck_assert_uint_eq(log_count, 0);
    stop_worker();
}
END_TEST

START_TEST(a_cancelled_job_keeps_its_details)
{
    start_with(details_plugins[_i], NULL);
    run_jobs(0, 0, 1, "{\"details\":\"{\\\"a\\\":1}\",\"broken\":true,\"seconds\":3600}");
    while (log_count < 1) /* it told, and sleeps */
        ck_assert(next_message());
    cancel_jobs(1, 0, 1);
    wait_for_results(1);
    ended(0, JOB_CANCELLED, "cancelled", NULL);
    ck_assert_str_eq(results[0].details, "{\"a\":1}");
    stop_worker();
}
END_TEST

START_TEST(output_may_be_any_bytes)
{
    start_with("binary", NULL);
    run_jobs(0, 0, 1, "");
    wait_for_results(1);
    ck_assert_uint_eq(results[0].output_size, 256);
    ck_assert(!results[0].truncated);
    stop_worker();
}
END_TEST

START_TEST(a_failing_job_says_why)
{
    runs_one("failing", "{\"reason\": \"it rains\"}", JOB_FAILED, "it rains", "");
}
END_TEST

START_TEST(a_failing_job_that_says_nothing_is_said_to)
{
    runs_one("failing", "", JOB_FAILED, "the plugin gave no reason", "");
}
END_TEST

START_TEST(a_reason_is_made_utf8)
{
    runs_one("fail_bytes", "", JOB_FAILED, "bad ?? bytes", "");
}
END_TEST

START_TEST(odd_results_fail_in_words)
{
    static const struct {
        const char *params, *reason;
    } cases[] = {
        {"{\"result\": 7}", "the plugin returned 7, which is no result of a job"},
        {"{\"result\": -99}", "the plugin returned -99, which is no result of a job"},
        {"{\"result\": -2}", "the plugin says that the job was cancelled, which it was not"},
        {"{\"result\": -3}", "a wait of the plugin timed out"},
    };
    runs_one("odd_result", cases[_i].params, JOB_FAILED, cases[_i].reason, "");
}
END_TEST

START_TEST(finishing_twice_is_logged_and_harmless)
{
    start_with("finish_twice", NULL);
    run_jobs(0, 0, 100, "");
    wait_for_results(100);
    for (uint64_t job = 0; job < 100; job++)
        ended(job, JOB_SUCCEEDED, "", "");
    run_jobs(0, 100, 1, "");
    wait_for_results(101);
    stop_worker();
    ck_assert_uint_eq(log_count, 3 * 101);
    ck_assert_ptr_nonnull(strstr(last_log, "aw_after: the job has ended"));
}
END_TEST

START_TEST(calls_of_another_style_are_logged_and_harmless)
{
    runs_one("wrong_calls", "", JOB_SUCCEEDED, "", "alive");
    ck_assert_uint_eq(log_count, 3);
    ck_assert_ptr_nonnull(strstr(last_log, "aw_on_fd: is for async jobs"));
}
END_TEST

START_TEST(calls_from_another_thread_are_logged_and_harmless)
{
    runs_one("wrong_thread", "", JOB_SUCCEEDED, "", "alive");
    ck_assert_uint_eq(log_count, 4);
    ck_assert_ptr_nonnull(strstr(last_log, "aw_finish: is for the loop thread"));
}
END_TEST

START_TEST(a_flood_of_log_lines_is_bounded_and_every_loss_told)
{
    static const char *const plugins[] = {"flood_log", "flood_log_fiber"};
    runs_one(plugins[_i], "", JOB_SUCCEEDED, "", "");
    ck_assert_uint_ge(log_count, 1000);
    ck_assert_uint_eq(log_count + dropped_count, 200000);
}
END_TEST

/* ---- Cancelling and ending -------------------------------------------------------------------------- */

START_TEST(a_cancelled_job_ends_as_cancelled_in_every_style)
{
    static const char *const plugins[] = {"never_async", "never_fiber", "never_blocking"};
    start_with(plugins[_i], NULL);
    run_jobs(0, 0, 3, "");
    while (started_count < 3)
        ck_assert(next_message());
    cancel_jobs(1, 0, 3);
    wait_for_results(3);
    for (uint64_t job = 0; job < 3; job++)
        ended(job, JOB_CANCELLED, "cancelled", "");
    stop_worker();
}
END_TEST

START_TEST(a_job_whose_time_is_up_ends_as_timed_out_in_every_style)
{
    static const char *const plugins[] = {"never_async", "never_fiber", "never_blocking"};
    start_with(plugins[_i], NULL);
    run_entry(0, &(struct message_run_entry){.count = 3, .timeout_ns = 50000000});
    wait_for_results(3);
    for (uint64_t job = 0; job < 3; job++) {
        ended(job, JOB_TIMED_OUT, "timed out after 50ms", "");
        ck_assert_double_ge(results[job].run_s, 0.05);
        ck_assert_double_lt(results[job].run_s, 5);
    }
    stop_worker();
}
END_TEST

START_TEST(a_job_that_ends_in_time_is_not_timed_out)
{
    start_with("async_nap", "fiber_nap", NULL);
    for (uint64_t i = 0; i < 100; i++)
        run_entry(i, &(struct message_run_entry){.count = 1,
                                                 .plugin = i % 2,
                                                 .timeout_ns = i < 50 ? 30000000000 : 0,
                                                 .params = view_of("{\"seconds\": 0.02}")});
    wait_for_results(100);
    for (uint64_t job = 0; job < 100; job++)
        ended(job, JOB_SUCCEEDED, "", NULL);
    stop_worker();
}
END_TEST

START_TEST(jobs_of_one_message_have_each_their_own_timeout)
{
    enum { JOBS = 40 };
    start_with("never_async", NULL);
    struct bytes out = {0};
    struct message_run run = {.batch = 1, .first = 0, .jobs = JOBS + 1};
    size_t mark = message_run_begin(&out, &run);
    for (uint64_t i = 0; i < JOBS; i++) /* the first one has the longest */
        message_run_add(
            &out, &(struct message_run_entry){.count = 1, .timeout_ns = (JOBS - i) * 5000000});
    message_run_add(&out, &(struct message_run_entry){.count = 1});
    message_end(&out, mark);
    send_bytes(&out);
    wait_for_results(JOBS);
    for (uint64_t i = 0; i < JOBS; i++) {
        ck_assert_int_eq(results[i].state, JOB_TIMED_OUT);
        ck_assert_double_ge(results[i].run_s, (double)(JOBS - i) * 0.005);
    }
    cancel_jobs(1, JOBS, 1);
    wait_for_results(JOBS + 1);
    ended(JOBS, JOB_CANCELLED, "cancelled", NULL);
    stop_worker();
}
END_TEST

START_TEST(jobs_of_a_batch_whose_deadline_passed_end_as_timed_out)
{
    start_with("never_fiber", NULL);
    run_jobs(0, 0, 2, "");
    struct bytes out = {0};
    message_cancel_put(&out, &(struct message_cancel){.batch = 1, .count = 2, .out_of_time = true});
    send_bytes(&out);
    cancel_jobs(1, 0, 2); /* the first word counts */
    wait_for_results(2);
    for (uint64_t job = 0; job < 2; job++)
        ended(job, JOB_TIMED_OUT, "the deadline of its batch has passed", "");
    stop_worker();
}
END_TEST

START_TEST(only_the_jobs_of_the_range_are_cancelled)
{
    start_with("never_async", NULL);
    run_jobs(0, 100, 10000, "");
    cancel_jobs(2, 0, 100000); /* another batch */
    cancel_jobs(1, 0, 100);    /* before */
    cancel_jobs(1, 1000, 3000);
    cancel_jobs(1, 3000, 2000); /* in part again */
    wait_for_results(4000);
    for (uint64_t job = 1000; job < 5000; job++)
        ended(job, JOB_CANCELLED, "cancelled", NULL);
    cancel_jobs(1, 0, UINT64_MAX);
    wait_for_results(10000);
    stop_worker();
}
END_TEST

START_TEST(a_job_that_comes_after_a_cancel_is_not_meant)
{
    start_with("never_fiber", "fiber_nap", NULL);
    run_jobs(0, 0, 3000, "");
    cancel_jobs(1, 0, 3000);
    run_jobs(1, 3000, 1000, "{\"seconds\": 0.05}");
    wait_for_results(4000);
    forget_results();
    run_jobs(1, 0, 1000, "{\"seconds\": 0.05}");
    wait_for_results(1000);
    for (uint64_t job = 0; job < 1000; job++)
        ended(job, JOB_SUCCEEDED, "", NULL);
    stop_worker();
}
END_TEST

START_TEST(a_job_that_is_not_there_is_not_cancelled)
{
    start_with("fiber_nap", NULL);
    cancel_jobs(1, 0, 1);
    run_jobs(0, 0, 1, "{\"seconds\": 0}");
    wait_for_results(1);
    cancel_jobs(1, 0, 1);
    run_jobs(0, 1, 1, "{\"seconds\": 0}");
    wait_for_results(2);
    ended(0, JOB_SUCCEEDED, "", NULL);
    stop_worker();
}
END_TEST

START_TEST(stop_waits_for_the_jobs_that_run)
{
    start_with("fiber_nap", "blocking_sleep", NULL);
    run_jobs(0, 0, 10, "{\"seconds\": 0.1}");
    run_jobs(1, 10, 2, "{\"seconds\": 0.2}");
    stop_worker();
    ck_assert_uint_eq(results_count, 12);
    for (uint64_t job = 0; job < 12; job++)
        ck_assert_int_eq(results[job].state, JOB_SUCCEEDED);
}
END_TEST

START_TEST(a_stopping_worker_can_still_cancel)
{
    start_with("never_blocking", NULL);
    run_jobs(0, 0, 2, "");
    send_message(MESSAGE_STOP, "");
    cancel_jobs(1, 0, 2);
    wait_for_results(2);
    ck_assert_int_eq(worker_status(), 0);
}
END_TEST

START_TEST(signals_of_a_terminal_do_not_end_a_worker)
{
    start_with("fiber_nap", NULL);
    run_jobs(0, 0, 1, "{\"seconds\": 0.1}");
    ck_assert_int_eq(kill(worker_pid, SIGINT), 0);
    ck_assert_int_eq(kill(worker_pid, SIGTERM), 0);
    wait_for_results(1);
    ended(0, JOB_SUCCEEDED, "", NULL);
    stop_worker();
}
END_TEST

START_TEST(a_worker_ends_when_its_channel_is_closed)
{
    int status;
    start_with("stubborn_fiber", "stubborn_blocking", NULL);
    run_jobs(0, 0, 1, "");
    run_jobs(1, 1, 1, "");
    (void)close(channel);
    ck_assert_int_eq(waitpid(worker_pid, &status, 0), worker_pid);
    ck_assert(WIFEXITED(status));
}
END_TEST

START_TEST(nonsense_ends_the_worker)
{
    static const char garbage[] = "this is no message of any kind";
    struct bytes out = {0};
    start_with("fiber_nap", NULL);
    bytes_put(&out, garbage, sizeof(garbage));
    send_bytes(&out);
    ck_assert_int_ne(worker_status(), 0);
}
END_TEST

START_TEST(a_broken_run_ends_the_worker)
{
    start_with("fiber_nap", NULL);
    send_message(MESSAGE_RUN, "\xff\xff\xff");
    ck_assert_int_ne(worker_status(), 0);
}
END_TEST

START_TEST(a_crash_costs_the_process_and_is_seen)
{
    start_with("crash", NULL);
    run_jobs(0, 0, 1, "");
    int status = worker_status();
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
}
END_TEST

START_TEST(a_job_that_exits_costs_the_process)
{
    start_with("exit", NULL);
    run_jobs(0, 0, 1, "");
    int status = worker_status();
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker");
    TCase *tests = tcase_create("worker");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_catalogue_answers_the_configuration);
    tcase_add_test(tests, a_plugin_that_crashes_at_load_was_named_before);
    tcase_add_loop_test(tests, what_is_no_configuration_ends_the_worker, 0, 7);
    tcase_add_test(tests, jobs_before_the_configuration_end_the_worker);
    tcase_add_test(tests, a_second_configuration_ends_the_worker);
    tcase_add_test(tests, naps_of_all_styles_sleep_at_the_same_time);
    tcase_add_test(tests, jobs_know_who_they_are);
    tcase_add_test(tests, distinct_entries_of_one_message_keep_their_parameters);
    tcase_add_test(tests, entries_of_one_message_that_say_the_same_are_told_from_those_that_do_not);
    tcase_add_test(tests, parameters_that_are_no_json_fail_their_job_alone);
    tcase_add_test(tests, parameters_that_are_wrong_only_once_expanded_fail_their_job);
    tcase_add_test(tests, jobs_of_a_plugin_that_is_not_there_fail);
    tcase_add_test(tests, tens_of_thousands_of_jobs_end_once_each);
    tcase_add_loop_test(tests, descriptors_are_waited_for_in_every_style, 0, 3);
    tcase_add_test(tests, a_fiber_calls_a_function_on_a_thread);
    tcase_add_test(tests, a_plugin_may_use_the_loop);
    tcase_add_test(tests, an_older_plugin_runs);
    tcase_add_test(tests, output_ends_at_the_limit);
    int styles = (int)(sizeof(details_plugins) / sizeof(details_plugins[0]));
    tcase_add_loop_test(tests, the_last_details_are_told_in_every_style, 0, styles);
    tcase_add_loop_test(tests, details_that_cannot_be_are_logged_and_change_nothing, 0, styles);
    tcase_add_loop_test(tests, details_may_be_as_large_as_an_output, 0, styles);
    tcase_add_loop_test(tests, a_cancelled_job_keeps_its_details, 0, styles);
    tcase_add_test(tests, output_may_be_any_bytes);
    tcase_add_test(tests, a_failing_job_says_why);
    tcase_add_test(tests, a_failing_job_that_says_nothing_is_said_to);
    tcase_add_test(tests, a_reason_is_made_utf8);
    tcase_add_loop_test(tests, odd_results_fail_in_words, 0, 4);
    tcase_add_test(tests, finishing_twice_is_logged_and_harmless);
    tcase_add_test(tests, calls_of_another_style_are_logged_and_harmless);
    tcase_add_test(tests, calls_from_another_thread_are_logged_and_harmless);
    tcase_add_loop_test(tests, a_flood_of_log_lines_is_bounded_and_every_loss_told, 0, 2);
    tcase_add_loop_test(tests, a_cancelled_job_ends_as_cancelled_in_every_style, 0, 3);
    tcase_add_loop_test(tests, a_job_whose_time_is_up_ends_as_timed_out_in_every_style, 0, 3);
    tcase_add_test(tests, a_job_that_ends_in_time_is_not_timed_out);
    tcase_add_test(tests, jobs_of_one_message_have_each_their_own_timeout);
    tcase_add_test(tests, jobs_of_a_batch_whose_deadline_passed_end_as_timed_out);
    tcase_add_test(tests, only_the_jobs_of_the_range_are_cancelled);
    tcase_add_test(tests, a_job_that_comes_after_a_cancel_is_not_meant);
    tcase_add_test(tests, a_job_that_is_not_there_is_not_cancelled);
    tcase_add_test(tests, stop_waits_for_the_jobs_that_run);
    tcase_add_test(tests, a_stopping_worker_can_still_cancel);
    tcase_add_test(tests, signals_of_a_terminal_do_not_end_a_worker);
    tcase_add_test(tests, a_worker_ends_when_its_channel_is_closed);
    tcase_add_test(tests, nonsense_ends_the_worker);
    tcase_add_test(tests, a_broken_run_ends_the_worker);
    tcase_add_test(tests, a_crash_costs_the_process_and_is_seen);
    tcase_add_test(tests, a_job_that_exits_costs_the_process);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
