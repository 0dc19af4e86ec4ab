/*
 * libcurl on the loop, see multi.h. libcurl says what it waits for on each socket and when it wants to be called;
 * libevent calls it. Relies on libcurl making all connections' sockets with the functions given here.
 *
 * A kept connection stays watched between two transfers: taking it out of epoll and back in would cost two
 * system calls per request.
 */
#include "multi.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* A socket of libcurl's. Made when its number is first used, and kept for the next one with that number. */
struct watch {
    struct multi *multi;
    struct event *event;
    short wanted;     /* what libcurl waits for: EV_READ, EV_WRITE; 0: nothing */
    short registered; /* what the event is in the loop for; 0: it is not */
    bool connection;  /* its end will be told by on_close_socket() */
};

struct multi {
    CURLM *curl;
    CURLSH *share;
    struct event_base *base;
    struct event *timer;
    bool keeps;             /* connections */
    struct watch **watches; /* by descriptor; NULL: never used */
    size_t watches_size;
    void (*on_done)(void *private, CURLcode result);
};

/* ---- Ends ---------------------------------------------------------------------------------------- */

/* Tells of the transfers that ended. The message is libcurl's, and gone after the next call. */
static void tell_ended(struct multi *multi)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi->curl, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result;
        void *private = NULL;
        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE,
                                &private);                 /* was set, see multi_prepare() */
        (void)curl_multi_remove_handle(multi->curl, easy); /* it is in there */
        multi->on_done(private, result);
    }
}

static void drive(struct multi *multi, curl_socket_t fd, int ready)
{
    int running; /* is counted elsewhere */
    /* Fails for a broken handle only, of which the transfers then tell. */
    (void)curl_multi_socket_action(multi->curl, fd, ready, &running);
    tell_ended(multi);
}

/* ---- Sockets ------------------------------------------------------------------------------------- */

static void unregister(struct watch *watch)
{
    if (watch->registered)
        (void)event_del(watch->event); /* cannot fail for an event that was added */
    watch->registered = 0;
}

static void on_event(evutil_socket_t fd, short what, void *context)
{
    struct watch *watch = context;
    int ready =
        ((what & EV_READ) ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0);
    if (watch->wanted)
        drive(watch->multi, fd, ready);
    else
        unregister(
            watch); /* the peer closed a kept connection; libcurl sees that when it wants it next */
}

/* Makes the event wait for what is wanted. */
static int update(struct watch *watch, curl_socket_t fd)
{
    if (watch->wanted == watch->registered)
        return 0;
    unregister(watch);
    if (event_assign(watch->event, watch->multi->base, fd, (short)(watch->wanted | EV_PERSIST),
                     on_event, watch) != 0 ||
        event_add(watch->event, NULL) != 0)
        return -1;
    watch->registered = watch->wanted;
    return 0;
}

static bool grow(struct multi *multi, size_t size)
{
    size_t grown_size = multi->watches_size ? multi->watches_size : 64;
    while (grown_size < size)
        grown_size *= 2;
    struct watch **grown = reallocarray(multi->watches, grown_size, sizeof(struct watch *));
    if (!grown)
        return false;
    for (size_t i = multi->watches_size; i < grown_size; i++)
        grown[i] = NULL;
    multi->watches = grown;
    multi->watches_size = grown_size;
    return true;
}

/* The descriptor's watch, made if need be; NULL: out of memory. */
static struct watch *watch_of(struct multi *multi, curl_socket_t fd)
{
    if ((size_t)fd >= multi->watches_size && !grow(multi, (size_t)fd + 1))
        return NULL;
    struct watch **slot = &multi->watches[fd];
    if (*slot)
        return *slot;
    struct watch *watch = calloc(1, sizeof(*watch));
    struct event *event = event_new(multi->base, fd, EV_READ, on_event, watch);
    if (!watch || !event) {
        if (event)
            event_free(event);
        free(watch);
        return NULL;
    }
    watch->multi = multi;
    watch->event = event;
    return *slot = watch;
}

/* libcurl's CURLMOPT_SOCKETFUNCTION. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
    (void)easy, (void)unused;
    static const short wanted[] = {
        [CURL_POLL_NONE] = 0,       [CURL_POLL_IN] = EV_READ,
        [CURL_POLL_OUT] = EV_WRITE, [CURL_POLL_INOUT] = EV_READ | EV_WRITE,
        [CURL_POLL_REMOVE] = 0,
    };
    struct watch *watch = watch_of(context, fd);
    if (!watch)
        return -1;
    watch->wanted = wanted[what];
    if (watch->wanted)
        return update(watch, fd);
    if (!watch->connection || watch->registered != EV_READ)
        unregister(watch);
    return 0;
}

static int on_close_socket(void *context, curl_socket_t fd)
{
    struct multi *multi = context;
    struct watch *watch = (size_t)fd < multi->watches_size ? multi->watches[fd] : NULL;
    if (watch) {
        unregister(watch);
        watch->wanted = 0;
        watch->connection = false;
    }
    return close(fd);
}

/* libcurl's CURLOPT_SOCKOPTFUNCTION: a socket that it has got from us, before it connects. */
static int on_socket_made(void *context, curl_socket_t fd, curlsocktype purpose)
{
    (void)purpose;
    struct watch *watch = watch_of(context, fd);
    if (!watch)
        return CURL_SOCKOPT_ERROR;
    watch->connection = true;
    return CURL_SOCKOPT_OK;
}

/* ---- Timer --------------------------------------------------------------------------------------- */

static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    drive(context, CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl's CURLMOPT_TIMERFUNCTION: it wants to be called once, not from in here; -1: no more. */
static int on_timer(CURLM *curl, long timeout_ms, void *context)
{
    (void)curl;
    struct multi *multi = context;
    if (timeout_ms < 0)
        return evtimer_del(multi->timer);
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    return evtimer_add(multi->timer, &timeout);
}

/* ---- Life ---------------------------------------------------------------------------------------- */

struct multi *multi_new(struct event_base *base, long connections,
                        void (*on_done)(void *private, CURLcode result))
{
    struct multi *multi = calloc(1, sizeof(*multi));
    if (!multi)
        return NULL;
    multi->base = base;
    multi->keeps = connections > 0;
    multi->on_done = on_done;
    multi->curl = curl_multi_init();
    multi->share = curl_share_init();
    multi->timer = evtimer_new(base, on_time, multi);
    if (!multi->curl || !multi->share || !multi->timer ||
        curl_share_setopt(multi->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) ||
        curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, on_socket) ||
        curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi) ||
        curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, on_timer) ||
        curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi) ||
        curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, connections) ||
        curl_multi_setopt(multi->curl, CURLMOPT_PIPELINING,
                          connections > 0 ? CURLPIPE_MULTIPLEX : CURLPIPE_NOTHING)) {
        multi_free(multi);
        return NULL;
    }
    return multi;
}

void multi_free(struct multi *multi)
{
    if (!multi)
        return;
    if (multi->curl)
        (void)curl_multi_cleanup(multi->curl); /* has no handles any more */
    if (multi->share)
        (void)curl_share_cleanup(multi->share); /* nobody shares it any more */
    if (multi->timer)
        event_free(multi->timer);
    for (size_t i = 0; i < multi->watches_size; i++)
        if (multi->watches[i]) {
            event_free(multi->watches[i]->event);
            free(multi->watches[i]);
        }
    free(multi->watches);
    free(multi);
}

void multi_prepare(struct multi *multi, CURL *easy,
                   curl_socket_t (*on_open)(void *context, curlsocktype purpose,
                                            struct curl_sockaddr *address),
                   void *context)
{
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, context);
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, multi);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, multi);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, context);
    (void)curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, (long)!multi->keeps);
    (void)curl_easy_setopt(easy, CURLOPT_SHARE, multi->share);
}

CURLMcode multi_add(struct multi *multi, CURL *easy)
{
    return curl_multi_add_handle(multi->curl, easy);
}

void multi_remove(struct multi *multi, CURL *easy)
{
    (void)curl_multi_remove_handle(multi->curl, easy); /* it is in there */
}
