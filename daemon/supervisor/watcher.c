/*
 * Batches with news stand in one list, watchers that may have something to tell in another; one event turns
 * the first into the second and pumps that, each watcher a bounded amount at a time, for a bounded time.
 */
#include "supervisor/watcher.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "supervisor/batch.h"
#include "supervisor/client.h"
#include "supervisor/summary.h"
#include "wire/rpc.h"

/* What one watcher is told before it is another's turn: bytes of events, and completions looked at to find
 * them. Either is some 100 us. */
#define PUMP_BYTES (64u << 10)
#define PUMP_COMPLETIONS 4096
/* How long watchers are told before it is the sockets' turn; the one under way is not interrupted. */
#define PUMP_NS (CLOCK_NS_PER_S / 1000)
/* Bytes of scratch kept between turns; an event with a large output takes more. */
#define KEPT_CAPACITY (4 * PUMP_BYTES)

struct watcher {
    LIST_ENTRY(watcher) client_link, batch_link;
    TAILQ_ENTRY(watcher) due_link;
    bool due;
    struct watchers *all;
    struct client *client;
    struct batch *batch;
    enum watch_events events;
    struct completions_cursor cursor;
    json_t *id;            /* of the request to answer with the summary; NULL: a notification */
    struct event *timeout; /* NULL: none */
};

struct watchers {
    const struct catalogue *catalogue;
    struct event_base *base;
    size_t client_max; /* watchers of one client */
    struct event *pump;
    TAILQ_HEAD(, batch) news;
    TAILQ_HEAD(watchers_due, watcher) due;
    struct bytes text; /* scratch */
    void (*on_unwatched)(void *context, struct batch *batch);
    void *context;
};

static const char *const events_names[] = {
    [WATCH_NONE] = "none",
    [WATCH_SUMMARY] = "summary",
    [WATCH_FAILURES] = "failures",
    [WATCH_EACH] = "each",
};
static_assert(sizeof(events_names) / sizeof(*events_names) == WATCH_EVENTS,
              "each kind has its name");

enum watch_events watch_events_from_name(const char *name)
{
    enum watch_events events = 0;
    while (events < WATCH_EVENTS && strcmp(events_names[events], name) != 0)
        events++;
    return events;
}

static void forget_news(struct watchers *watchers, struct batch *batch)
{
    if (!batch->has_news)
        return;
    batch->has_news = false;
    TAILQ_REMOVE(&watchers->news, batch, news_link);
}

static void free_watcher(struct watcher *watcher)
{
    struct watchers *all = watcher->all;
    struct client *client = watcher->client;
    struct batch *batch = watcher->batch;
    if (watcher->due)
        TAILQ_REMOVE(&all->due, watcher, due_link);
    LIST_REMOVE(watcher, client_link);
    client_watchers(client)->count--;
    LIST_REMOVE(watcher, batch_link);
    if (LIST_EMPTY(&batch->watchers)) { /* it may be forgotten from now on */
        forget_news(all, batch);
        all->on_unwatched(all->context, batch);
    }
    if (watcher->timeout)
        event_free(watcher->timeout);
    json_decref(watcher->id);
    free(watcher);
    client_watchers_changed(client);
}

static void pump_soon(struct watchers *watchers)
{
    /* A timer that is due is served after the sockets had their turn, unlike event_active(). */
    static const struct timeval now = {0};
    (void)evtimer_add(watchers->pump, &now); /* reserved in watchers_new() */
}

static void make_due(struct watcher *watcher)
{
    if (watcher->due)
        return;
    watcher->due = true;
    TAILQ_INSERT_TAIL(&watcher->all->due, watcher, due_link);
    pump_soon(watcher->all);
}

/* ---- Telling ------------------------------------------------------------------------------- */

static void send_summary(struct watcher *watcher)
{
    size_t size;
    json_t *summary = summary_batch(watcher->batch);
    AUTO_FREE char *text = !summary      ? NULL
                           : watcher->id ? rpc_result(watcher->id, summary, &size)
                                         : rpc_request(0, "batch.done", summary, &size);
    if (text)
        client_send(watcher->client, text, size);
    else
        client_abandon(watcher->client);
}

static bool wants(const struct watcher *watcher, const struct completion *completion)
{
    return watcher->events == WATCH_EACH ||
           (watcher->events == WATCH_FAILURES && completion->state != JOB_SUCCEEDED);
}

/* Writes one share of events. True: there may be more to tell now. */
static bool tell_some(struct watcher *watcher)
{
    struct bytes *text = &watcher->all->text;
    uint32_t end = batch_told_completed(watcher->batch);
    bool more = true;
    for (int i = 0; more && i < PUMP_COMPLETIONS && text->size < PUMP_BYTES; i++) {
        struct completion completion;
        uint32_t seq = watcher->cursor.number;
        more = seq < end &&
               completions_next(&watcher->batch->completions, &watcher->cursor, &completion);
        if (more && wants(watcher, &completion))
            summary_write_job_done(text, watcher->batch, &completion, seq, watcher->all->catalogue);
    }
    if (text->failed) { /* an event is missing or half written */
        client_abandon(watcher->client);
        more = false;
    } else if (text->size) {
        client_send(watcher->client, text->data, text->size);
    }
    if (text->capacity > KEPT_CAPACITY)
        bytes_free(text);
    else
        bytes_clear(text);
    return more;
}

static void pump(struct watcher *watcher)
{
    watcher->due = false;
    TAILQ_REMOVE(&watcher->all->due, watcher, due_link);
    if (client_is_full(watcher->client))
        return; /* watchers_resume() will say when */
    if (watcher->events > WATCH_SUMMARY && tell_some(watcher)) {
        make_due(watcher);
    } else if (batch_told_finished(watcher->batch)) {
        send_summary(watcher);
        free_watcher(watcher);
    }
}

/* Makes those due who want to know what is new. */
static void spread_news(struct watchers *watchers)
{
    struct batch *batch;
    while ((batch = TAILQ_FIRST(&watchers->news))) {
        forget_news(watchers, batch);
        struct watcher *watcher;
        LIST_FOREACH (watcher, &batch->watchers, batch_link) {
            if (watcher->events > WATCH_SUMMARY || batch_told_finished(batch))
                make_due(watcher);
        }
    }
}

static void on_pump(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct watchers *watchers = context;
    spread_news(watchers);
    /* Those that become due again meanwhile have their turn after the sockets. */
    struct watcher *last = TAILQ_LAST(&watchers->due, watchers_due);
    uint64_t end_ns = clock_now_ns() + PUMP_NS;
    struct watcher *watcher;
    while ((watcher = TAILQ_FIRST(&watchers->due))) {
        bool was_last = watcher == last;
        pump(watcher);
        if (was_last || clock_now_ns() >= end_ns)
            break;
    }
    if (!TAILQ_EMPTY(&watchers->due))
        pump_soon(watchers);
}

static void on_timeout(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct watcher *watcher = context;
    const struct batch *batch = watcher->batch;
    char message[128];
    (void)snprintf(message, sizeof(message), "batch %llu is %s: %u of %u jobs have ended",
                   (unsigned long long)batch->number, batch->sealed ? "not done" : "still open",
                   batch_told_completed(batch), batch_told_jobs(batch));
    size_t size;
    AUTO_FREE char *text = rpc_error(watcher->id, RPC_NOT_READY, message, NULL, &size);
    if (text)
        client_send(watcher->client, text, size);
    else
        client_abandon(watcher->client);
    free_watcher(watcher);
}

/* ---- Watching ------------------------------------------------------------------------------ */

static struct watcher *add(struct watchers *watchers, struct client *client, struct batch *batch,
                           enum watch_events events)
{
    struct watcher *watcher = calloc(1, sizeof(*watcher));
    if (!watcher)
        return NULL;
    watcher->all = watchers;
    watcher->client = client;
    watcher->batch = batch;
    watcher->events = events;
    LIST_INSERT_HEAD(&client_watchers(client)->list, watcher, client_link);
    client_watchers(client)->count++;
    LIST_INSERT_HEAD(&batch->watchers, watcher, batch_link);
    make_due(watcher);
    return watcher;
}

bool watchers_full(const struct watchers *watchers, struct client *client)
{
    const struct client_watchers *own = client_watchers(client);
    return own->count + own->expected >= watchers->client_max;
}

int watchers_watch(struct watchers *watchers, struct client *client, struct batch *batch,
                   enum watch_events events, uint32_t from)
{
    struct watcher *watcher = add(watchers, client, batch, events);
    if (!watcher)
        return -ENOMEM;
    watcher->cursor = completions_seek(&batch->completions, from);
    return 0;
}

int watchers_wait(struct watchers *watchers, struct client *client, struct batch *batch,
                  const json_t *id, double timeout_s)
{
    struct watcher *watcher = add(watchers, client, batch, WATCH_SUMMARY);
    if (!watcher)
        return -ENOMEM;
    watcher->id = id ? json_deep_copy(id) : json_null();
    if (timeout_s < 0)
        return 0;
    struct timeval timeout = clock_timeval(timeout_s);
    watcher->timeout = evtimer_new(watchers->base, on_timeout, watcher);
    if (watcher->timeout && event_add(watcher->timeout, &timeout) == 0)
        return 0;
    free_watcher(watcher);
    return -ENOMEM;
}

void watchers_notice(struct batch *batch)
{
    const struct watcher *watcher = LIST_FIRST(&batch->watchers);
    if (!watcher || batch->has_news)
        return;
    batch->has_news = true;
    TAILQ_INSERT_TAIL(&watcher->all->news, batch, news_link);
    pump_soon(watcher->all);
}

bool watchers_have_news(struct client *client)
{
    const struct watcher *watcher;
    LIST_FOREACH (watcher, &client_watchers(client)->list, client_link) {
        const struct batch *batch = watcher->batch;
        bool events =
            watcher->events > WATCH_SUMMARY && watcher->cursor.number < batch_told_completed(batch);
        if (events || batch_told_finished(batch))
            return true;
    }
    return false;
}

void watchers_resume(struct client *client)
{
    struct watcher *watcher;
    LIST_FOREACH (watcher, &client_watchers(client)->list, client_link)
        make_due(watcher);
}

void watchers_drop(struct client *client)
{
    struct watcher *watcher;
    while ((watcher = LIST_FIRST(&client_watchers(client)->list)))
        free_watcher(watcher);
}

struct watchers *watchers_new(struct event_base *base, const struct catalogue *catalogue,
                              size_t client_max,
                              void (*on_unwatched)(void *context, struct batch *batch),
                              void *context)
{
    struct watchers *watchers = calloc(1, sizeof(*watchers));
    if (!watchers)
        return NULL;
    watchers->catalogue = catalogue;
    watchers->base = base;
    watchers->client_max = client_max;
    watchers->on_unwatched = on_unwatched;
    watchers->context = context;
    TAILQ_INIT(&watchers->news);
    TAILQ_INIT(&watchers->due);
    watchers->pump = evtimer_new(base, on_pump, watchers);
    if (!watchers->pump) {
        free(watchers);
        return NULL;
    }
    return watchers;
}

void watchers_free(struct watchers *watchers)
{
    if (!watchers)
        return;
    assert(TAILQ_EMPTY(&watchers->due) && TAILQ_EMPTY(&watchers->news));
    event_free(watchers->pump);
    bytes_free(&watchers->text);
    free(watchers);
}
