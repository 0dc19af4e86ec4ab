/*
 * What the scripted plugins do, whatever their style: what their parameters say, and they write down each
 * start and end, for whoever checks what the daemon did.
 */
#include <awaitd/plugin.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

struct params {
    struct aw_duration seconds;
    int64_t fail, hang;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, seconds, .text = "How long it takes", .max = 3600),
    AW_PARAM(struct params, fail, .text = "So many attempts fail", .max = 1000),
    AW_PARAM(struct params, hang, .text = "So many attempts take an hour", .max = 1000),
    AW_PARAMS_END,
};

struct settings {
    const char *record;
};

static const struct aw_param settings[] = {
    AW_PARAM(struct settings, record, .text = "File that starts and ends are added to",
             .required = true),
    AW_PARAMS_END,
};

/* One line of the record, as tests/system/model.py reads it. */
struct scripted_event {
    uint64_t batch, index, ns; /* CLOCK_MONOTONIC */
    uint32_t attempt, what;
};
enum { SCRIPTED_START, SCRIPTED_OK, SCRIPTED_FAILED, SCRIPTED_CANCELLED };

static int record_fd = -1;

static int prepare(struct aw_worker *worker, const void *data, void **instance, char *reason,
                   size_t reason_size)
{
    (void)worker, (void)instance;
    const char *record = ((const struct settings *)data)->record;
    record_fd = open(record, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (record_fd >= 0)
        return AW_OK;
    (void)snprintf(reason, reason_size, "cannot open %s", record);
    return AW_FAILED;
}

static void finish(void *instance)
{
    (void)instance;
    (void)close(record_fd);
}

static void note(const struct aw_job *job, uint32_t what)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    struct scripted_event event = {
        .batch = aw_batch(job),
        .index = aw_index(job),
        .ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
        .attempt = aw_attempt(job),
        .what = what,
    };
    /* A short write would show as a record that makes no sense. */
    if (write(record_fd, &event, sizeof(event)) < 0)
        perror("scripted");
}

/* How long this attempt takes. */
static double seconds_of(const struct aw_job *job, const struct params *p)
{
    return aw_attempt(job) < p->hang ? 3600 : p->seconds.seconds;
}

/* How it comes out when its time is over. */
static int outcome(struct aw_job *job, const struct params *p)
{
    aw_outputf(job, "attempt %u", aw_attempt(job));
    if (aw_attempt(job) < p->fail) {
        note(job, SCRIPTED_FAILED);
        return aw_fail(job, "attempt %u fails", aw_attempt(job));
    }
    note(job, SCRIPTED_OK);
    return AW_OK;
}

/* The whole of it, for styles that await. */
static inline int act(struct aw_job *job, const void *data)
{
    const struct params *p = data;
    note(job, SCRIPTED_START);
    if (aw_sleep(job, seconds_of(job, p)) == AW_CANCELLED) {
        note(job, SCRIPTED_CANCELLED);
        return AW_CANCELLED;
    }
    return outcome(job, p);
}

#define SCRIPTED_PLUGIN(...) \
    AW_PLUGIN(.version = "1", .summary = "Does as it is told, and writes it down", \
              .params = params, .params_size = sizeof(struct params), .settings = settings, \
              .settings_size = sizeof(struct settings), .open = prepare, .close = finish, \
              __VA_ARGS__)
