/*
 * The worker process, see worker.h: its start, its loop and its end. A turn of the loop is: whatever
 * events there are, then the timers that are due, then a piece of what is being cancelled; at its
 * end the supervisor is told, and memory of ended jobs is freed. Each of these is bounded.
 */

#include "worker/worker.h"
#include "worker/worker_main.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include <jansson.h>
#include "base/alarm.h"
#include "base/error.h"
#include "base/timers.h"
#include "wire/channel.h"
#include "wire/message.h"
#include "worker/fiber.h"
#include "worker/intake.h"
#include "worker/threads.h"

/* Timers called in one turn of the loop; reason: some milliseconds of work. Results go out at the end of
 * a turn: when a whole batch is due at once, it ends in time before the supervisor, woken by its
 * results, wants the same cores. */
#define TIMERS_PER_TURN 8192
/* Jobs cancelled in one turn; reason: about a millisecond of work. */
#define CANCELS_PER_TURN 4096
/* Stacks kept for the next fibers; reason: touched once, each holds on to some 8 KiB. */
#define STACKS_KEPT 256
/* Jobs at once after which an idle worker gives memory back; below, there is little to give. */
#define MANY_JOBS 10000
/* Limits of what CONFIG may ask for; reason: results must fit in a message. */
#define OUTPUT_BYTES_MAX (32 << 20)
#define THREADS_MAX 1024

/* ---- Configuration ------------------------------------------------------------------------------- */

struct config {
    json_t *root, *plugins; /* borrowed */
    json_int_t threads, output_bytes, fiber_stack_bytes;
    const char *log_level;
};

static bool in_range(json_int_t value, json_int_t min, json_int_t max)
{
    return value >= min && value <= max;
}

static int read_config(json_t *root, struct config *out, struct error *error)
{
    json_error_t json_error;
    json_int_t worker;
    if (json_unpack_ex(root, &json_error, 0, "{s:I, s:o, s:I, s:I, s:I, s:s}", "worker", &worker,
                       "plugins", &out->plugins, "fiber_stack_bytes", &out->fiber_stack_bytes,
                       "threads", &out->threads, "output_bytes", &out->output_bytes, "log_level",
                       &out->log_level))
        return error_set(error, -EBADMSG, "configuration: %s", json_error.text);
    if (!json_is_array(out->plugins) || !in_range(out->threads, 1, THREADS_MAX) ||
        !in_range(out->output_bytes, 0, OUTPUT_BYTES_MAX) ||
        !in_range(out->fiber_stack_bytes, FIBER_STACK_MIN, FIBER_STACK_MAX))
        return error_set(error, -EBADMSG, "configuration: a value is out of range");
    return 0;
}

/* Loads one plugin; before, the supervisor is told which, so that it knows when this one kills the
 * worker. */
static int load_plugin(struct aw_worker *worker, size_t place, json_t *plugin)
{
    const char *file = json_string_value(json_object_get(plugin, "file"));
    if (!file)
        return -EBADMSG;
    if (json_is_true(json_object_get(plugin, "disabled"))) {
        host_disable(&worker->host, place, file, "disabled");
        return 0;
    }
    message_number_put(channel_out(worker->channel), MESSAGE_LOADING, place);
    int result = channel_flush(worker->channel);
    if (result == 0) /* what became of it is told in READY */
        (void)host_load(&worker->host, place, worker, file, json_object_get(plugin, "settings"));
    return result;
}

static int send_ready(struct aw_worker *worker)
{
    json_t *catalogue = host_catalogue(&worker->host);
    char *text = catalogue ? json_dumps(catalogue, JSON_COMPACT) : NULL;
    json_decref(catalogue);
    if (!text)
        return -ENOMEM;
    message_put(channel_out(worker->channel), MESSAGE_READY, text, strlen(text));
    free(text);
    return 0;
}

static int configure(struct aw_worker *worker, json_t *root, struct error *error)
{
    struct config config;
    int result = read_config(root, &config, error);
    if (result)
        return result;
    worker->output_bytes = (size_t)config.output_bytes;
    worker->fiber_stack_bytes = (size_t)config.fiber_stack_bytes;
    worker->report.level = log_level_from_name(config.log_level);
    worker->threads = threads_new(worker->base, (unsigned)config.threads, error);
    if (!worker->threads)
        return -ENOMEM;
    result = host_init(&worker->host, json_array_size(config.plugins));
    for (size_t i = 0; result == 0 && i < worker->host.count; i++)
        result = load_plugin(worker, i, json_array_get(config.plugins, i));
    if (result == 0)
        result = send_ready(worker);
    worker->configured = true;
    return result;
}

/* ---- Messages -------------------------------------------------------------------------------------- */

static int on_config(struct aw_worker *worker, struct bytes_reader *payload)
{
    json_error_t json_error;
    struct error error = {0};
    size_t size = (size_t)(payload->end - payload->at);
    if (worker->configured)
        return -EPROTO;
    json_t *root = json_loadb((const char *)payload->at, size, JSON_REJECT_DUPLICATES, &json_error);
    int result = root ? configure(worker, root, &error) : -EBADMSG;
    json_decref(root);
    if (error.text[0])
        report_line(&worker->report, LOG_LEVEL_ERROR, "", error.text);
    return result;
}

static int on_cancel(struct aw_worker *worker, struct bytes_reader *payload)
{
    struct message_cancel range;
    int result = message_cancel_read(payload, &range);
    return result ? result : cancels_add(worker, &range);
}

static int on_message(void *context, enum message_type type, struct bytes_reader *payload)
{
    struct aw_worker *worker = context;
    if (type != MESSAGE_CONFIG && !worker->configured)
        return -EPROTO;
    switch (type) {
    case MESSAGE_CONFIG:
        return on_config(worker, payload);
    case MESSAGE_RUN:
        return intake_run(worker, payload);
    case MESSAGE_CANCEL:
        return on_cancel(worker, payload);
    case MESSAGE_STOP:
        worker->stopping = true;
        return 0;
    default:
        return -EBADMSG;
    }
}

static void on_closed(void *context, const struct error *error)
{
    struct aw_worker *worker = context;
    if (error->text[0])
        (void)fprintf(stderr, "awaitd: worker: %s\n", error->text); /* nobody else can be told */
    worker->closed = true;
}

/* ---- The loop ---------------------------------------------------------------------------------------- */

static void give_memory_back(struct aw_worker *worker)
{
    worker->jobs.peak = 0;
    timers_trim(worker->timers);
    (void)malloc_trim(0); /* nothing to give back is fine */
}

static void run_loop(struct aw_worker *worker)
{
    bool more = false; /* work is left over from the last turn */
    while (!worker->closed && !(worker->stopping && worker->jobs.running == 0)) {
        if (event_base_loop(worker->base, EVLOOP_ONCE | (more ? EVLOOP_NONBLOCK : 0)) < 0)
            break;
        more = alarm_ring(worker->alarm, TIMERS_PER_TURN);
        more |= cancels_step(worker, CANCELS_PER_TURN);
        jobs_sweep(worker);
        report_send(&worker->report);
        if (worker->jobs.running == 0 && worker->jobs.peak >= MANY_JOBS)
            give_memory_back(worker);
        if (!more)
            alarm_arm(worker->alarm);
    }
}

/* ---- Start and end ------------------------------------------------------------------------------------- */

static int open_worker(struct aw_worker *worker, int fd, struct error *error)
{
    static const struct channel_callbacks callbacks = {.on_message = on_message,
                                                       .on_closed = on_closed};
    worker->loop_thread = pthread_self();
    jobs_init(&worker->jobs);
    cancels_init(&worker->cancels);
    worker->base = event_base_new();
    worker->timers = timers_new();
    worker->fibers = fiber_pool_new(STACKS_KEPT);
    if (!worker->base || !worker->timers || !worker->fibers)
        return error_set(error, -ENOMEM, "cannot start a loop");
    worker->alarm = alarm_new(worker->base, worker->timers, NULL, NULL, error);
    if (!worker->alarm)
        return -ENOMEM;
    worker->channel = channel_new(worker->base, fd, &callbacks, worker);
    if (!worker->channel)
        return error_set(error, -ENOMEM, "cannot open the channel");
    report_init(&worker->report, worker->channel);
    return 0;
}

/* After the last job. */
static void close_worker(struct aw_worker *worker)
{
    cancels_clear(&worker->cancels);
    jobs_sweep(worker);
    threads_free(worker->threads);
    host_close(&worker->host);
    jobs_clear(&worker->jobs);
    report_clear(&worker->report);
    channel_free(worker->channel);
    alarm_free(worker->alarm);
    fiber_pool_free(worker->fibers);
    timers_free(worker->timers);
    if (worker->base)
        event_base_free(worker->base);
    libevent_global_shutdown();
}

/* The supervisor decides when a worker ends, whoever sends a signal to all of the daemon's processes. */
static int prepare_process(struct error *error)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        (void)signal(ignored[i], SIG_IGN);  /* valid by construction */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* fails for wrong signals only */
    /* Away from the terminal, if there is one: what plugins start shall not ask for passwords there, nor be
     * stopped for trying. */
    (void)setsid(); /* fails for leaders of a group, which a worker is not */

    int type;
    socklen_t size = sizeof(type);
    if (getsockopt(CHANNEL_WORKER_FD, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_STREAM)
        return error_set(error, -ENOTSOCK,
                         "descriptor %d is no channel: workers are started by awaitd",
                         CHANNEL_WORKER_FD);
    if (fcntl(CHANNEL_WORKER_FD, F_SETFD, FD_CLOEXEC))
        return error_errno(error, -errno, "cannot prepare the channel");
    return 0;
}

/* Sends all there is; the second time, what could be told only once the first was gone. */
static int last_words(struct aw_worker *worker)
{
    report_send(&worker->report);
    int result = channel_flush(worker->channel);
    if (result)
        return result;
    report_send(&worker->report);
    return channel_flush(worker->channel);
}

/* libevent's own warnings are about what its callers are told, too. */
static void on_libevent_log(int severity, const char *text)
{
    (void)severity, (void)text;
}

int worker_main(void)
{
    struct aw_worker worker = {0};
    struct error error = {0};
    event_set_log_callback(on_libevent_log);
    int result = prepare_process(&error);
    if (result == 0)
        result = open_worker(&worker, CHANNEL_WORKER_FD, &error);
    if (result) {
        (void)fprintf(stderr, "awaitd: worker: %s\n", error.text); /* nobody else can be told */
        close_worker(&worker);
        return EXIT_FAILURE;
    }
    run_loop(&worker);
    if (worker.closed || worker.jobs.running > 0)
        _exit(EXIT_FAILURE); /* jobs may still run: nothing of theirs may be freed */
    int sent = last_words(&worker);
    close_worker(&worker);
    return sent == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
