/* Uses the loop itself, and stops using it before it is closed. */
#include <event2/event.h>
#include <awaitd/plugin_event.h>
#include <awaitd/plugin.h>

static struct event *event;
static struct aw_job *waiting;

static void on_event(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what, (void)context;
    aw_outputf(waiting, "called");
    aw_finish(waiting, AW_OK);
}

static int prepare(struct aw_worker *worker, const void *settings, void **instance, char *reason,
                   size_t reason_size)
{
    (void)settings, (void)instance, (void)reason, (void)reason_size;
    event = event_new(aw_event_base(worker), -1, 0, on_event, NULL);
    return event ? AW_OK : AW_FAILED;
}

static void end(void *instance)
{
    (void)instance;
    event_free(event);
}

static int run(struct aw_job *job, const void *params)
{
    struct timeval soon = {.tv_usec = 1000};
    (void)params;
    waiting = job;
    return event_add(event, &soon) == 0 ? AW_OK : AW_FAILED;
}

AW_PLUGIN(.name = "loop_event", .version = "1", .summary = "loop_event, for the tests",
          .open = prepare, .close = end, .async = run);
