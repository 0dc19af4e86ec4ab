/*
 * The order of a start, from when the plugins are known: what the store has is read back, then the socket is served, then
 * batches of the configuration begin.
 */
#include "supervisor/opening.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "base/log.h"
#include "base/problems.h"
#include "supervisor/batch.h"
#include "supervisor/call.h"
#include "supervisor/config.h"
#include "supervisor/control.h"
#include "supervisor/fingerprint.h"
#include "supervisor/holds.h"
#include "supervisor/notify.h"
#include "supervisor/pool.h"
#include "supervisor/recovery.h"
#include "supervisor/requests.h"
#include "supervisor/scheduler.h"
#include "supervisor/supervisor.h"

/* ---- What clients report --------------------------------------------------------------------- */

static void on_request(void *context, struct client *client, const struct rpc_request *request)
{
    call_serve(context, client, request);
}

static void on_gone(void *context, struct client *client)
{
    struct supervisor *supervisor = context;
    holds_drop(supervisor->holds, client);
    admissions_drop(&supervisor->admissions, client);
    answers_drop(&supervisor->answers, client);
    errands_drop(client);
}

static void on_trouble(void *context, const struct error *error)
{
    const struct supervisor *supervisor = context;
    log_write(supervisor->log, LOG_LEVEL_WARNING, "%s", error->text);
}

static const struct control_callbacks control_callbacks = {
    .on_request = on_request,
    .on_gone = on_gone,
    .on_trouble = on_trouble,
};

static struct bytes_view text_view(const char *text)
{
    return (struct bytes_view){.data = (const uint8_t *)text, .size = strlen(text)};
}

/* ---- Batches of the configuration ------------------------------------------------------------ */

/* A batch that has not finished since an earlier start goes on, and is not started again. */
static bool goes_on(const struct supervisor *supervisor, const struct submission *submission,
                    struct bytes_view jobs)
{
    struct fingerprint asked;
    const struct batch *batch;
    if (fingerprint_submission(submission, jobs, &asked) != 0)
        return false; /* why it is wrong is told when it is submitted */
    TAILQ_FOREACH (batch, &supervisor->batches.all, all_link) {
        if (batch->configured && !batch->finished && fingerprint_is_same(&asked, batch->asked))
            return true;
    }
    return false;
}

static void start_batch(struct supervisor *supervisor, const struct config_batch *configured,
                        struct bytes_view jobs)
{
    struct batch *batch;
    struct error error;
    struct problems problems = {0};
    bool existing;
    if (request_submit(supervisor, &configured->submission, geteuid(), jobs, &batch, &existing,
                       &problems, &error)) {
        char words[512] = "";
        problems_first(&problems, words, sizeof(words));
        log_write(supervisor->log, LOG_LEVEL_ERROR, "%s: the batch is refused: %s",
                  configured->where, words[0] ? words : error.text);
    }
    problems_clear(&problems);
}

/* What each batch of the configuration is to become. */
struct planned {
    char *jobs; /* as text */
    bool goes_on;
};

/* Two that are the same are both started, unless one of an earlier start goes on: so all are looked up before the first
 * is started. -ENOMEM: none is. */
static int start_batches(struct supervisor *supervisor)
{
    const struct config *config = supervisor->config;
    struct planned *planned = calloc(config->batches_count + 1, sizeof(*planned));
    int error = planned ? 0 : -ENOMEM;
    for (size_t i = 0; !error && i < config->batches_count; i++) {
        const struct config_batch *configured = &config->batches[i];
        planned[i].jobs = json_dumps(configured->jobs, JSON_COMPACT);
        if (!planned[i].jobs)
            error = -ENOMEM;
        else
            planned[i].goes_on =
                goes_on(supervisor, &configured->submission, text_view(planned[i].jobs));
    }
    for (size_t i = 0; planned && i < config->batches_count; i++) {
        if (!error && !planned[i].goes_on)
            start_batch(supervisor, &config->batches[i], text_view(planned[i].jobs));
        free(planned[i].jobs);
    }
    free(planned);
    return error;
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* The plugins are known, and what is to go on from before: from now on there is something to offer. */
static int open_up(struct supervisor *supervisor)
{
    supervisor->control = control_new(supervisor->base, supervisor->config, supervisor->listen_fd,
                                      supervisor->listen_lock >= 0, pool_count(supervisor->pool),
                                      &control_callbacks, supervisor);
    if (!supervisor->control)
        return -ENOMEM;
    supervisor->listen_fd = -1;
    if (start_batches(supervisor) != 0)
        return -ENOMEM;
    struct error error;
    if (notify_send("READY=1", &error) != 0)
        log_write(supervisor->log, LOG_LEVEL_WARNING, "%s", error.text);
    log_write(supervisor->log, LOG_LEVEL_INFO, "ready: pid=%d workers=%u socket=%s", (int)getpid(),
              pool_count(supervisor->pool), supervisor->config->daemon.socket);
    return 0;
}

static void on_recovered(void *context, int code, const struct error *error)
{
    struct supervisor *supervisor = context;
    supervisor->recovering = false;
    if (code) {
        supervisor_give_up(supervisor, error->text);
        if (code == -EUCLEAN) /* another start would find the same */
            supervisor->exit_code = SUPERVISOR_EXIT_CONFIG;
    } else if (!supervisor->stopping && open_up(supervisor) != 0) {
        supervisor_give_up(supervisor, "out of memory at the start");
    }
    scheduler_wake(supervisor->scheduler);
}

int opening_begin(struct supervisor *supervisor)
{
    if (!supervisor->store)
        return open_up(supervisor);
    supervisor->recovering = true;
    return recover_unfinished(supervisor, on_recovered, supervisor);
}
