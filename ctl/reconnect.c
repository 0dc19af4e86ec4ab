/*
 * Outliving a restart of the daemon. That it is back means that it answers: a service manager may hold its socket
 * open while it is down, and connections wait there.
 */
#include "reconnect.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include "base/clock.h"
#include "connection.h"
#include "ctl.h"
#include "interrupt.h"

/* How long to try again where --reconnect does not say: longer than a daemon takes to stop and to read a million jobs
 * back, not so long that one that is gone for good goes unnoticed. */
#define SPAN_S 30.0
/* The pause before the first attempt, which doubles up to the longest. A restart takes a fraction of a second; when it
 * takes longer, a second more does not matter, and a thousand clients are no load. */
#define PAUSE_MS 50
#define PAUSE_MAX_MS 1000

static double span_s(const struct ctl *ctl)
{
    return ctl->reconnect.given ? ctl->reconnect.seconds : SPAN_S;
}

bool reconnect_is_wanted(const struct ctl *ctl)
{
    return span_s(ctl) > 0;
}

bool reconnect_can_help(const struct ctl *ctl, const struct connection *connection)
{
    return reconnect_is_wanted(ctl) && connection_is_lost(connection);
}

/* Milliseconds until then, at most `most`, rounded up: 0 only when it has come. */
static int left_ms(uint64_t end_ns, int most)
{
    uint64_t now_ns = clock_now_ns();
    uint64_t left = now_ns >= end_ns ? 0 : (end_ns - now_ns - 1) / 1000000 + 1;
    return left < (uint64_t)most ? (int)left : most;
}

/* Connects and waits for a sign of life. */
static int attempt(struct ctl *ctl, struct connection *connection, uint64_t end_ns)
{
    struct incoming answer;
    int code = connection_reopen(connection);
    if (code == CTL_OK)
        code = connection_send(connection, "daemon.ping", NULL, NULL);
    if (code == CTL_OK)
        code = connection_read(connection, left_ms(end_ns, INT_MAX), &answer);
    if (code == CTL_TIMED_OUT)
        return ctl_fail(ctl, code, "the daemon does not answer");
    if (code)
        return code;
    if (answer.kind == INCOMING_ERROR) /* such as: too many clients */
        code = incoming_refusal(ctl, &answer);
    incoming_clear(&answer);
    return code;
}

static int give_up(struct ctl *ctl, uint64_t batch, const char *span)
{
    struct error why = ctl->error;
    if (batch == 0)
        return ctl_fail(ctl, CTL_NO_DAEMON, "gave up after %s: %.250s", span, why.text);
    return ctl_fail(ctl, CTL_NO_DAEMON,
                    "gave up after %s: %.250s; once it is back, attach again with: awaitctl watch "
                    "%ju",
                    span, why.text, (uintmax_t)batch);
}

int reconnect(struct ctl *ctl, struct connection *connection, uint64_t batch, double at_most_s)
{
    double seconds = fmin(span_s(ctl), at_most_s);
    uint64_t end_ns = clock_after_ns(clock_now_ns(), seconds);
    char span[48];
    int pause_ms = PAUSE_MS;
    /* Hundredths are more than anybody wants to know. */
    (void)snprintf(span, sizeof(span), "%.6g s", nearbyint(seconds * 100) / 100);
    ctl_say(ctl, "awaitctl: lost the daemon, trying again for %s", span);
    for (;;) {
        if (interrupt_poll(NULL, 0, left_ms(end_ns, pause_ms)) == -EINTR)
            return ctl_fail(ctl, CTL_INTERRUPTED, "interrupted");
        int code = attempt(ctl, connection, end_ns);
        if (code == CTL_OK)
            break;
        if (code == CTL_INTERRUPTED)
            return code;
        if (left_ms(end_ns, 1) == 0)
            return give_up(ctl, batch, span);
        pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
    }
    ctl->error.text[0] = '\0'; /* it failed, and has not failed any more */
    ctl_say(ctl, "awaitctl: connected again");
    return CTL_OK;
}

int reconnect_call(struct ctl *ctl, struct connection *connection, uint64_t batch,
                   const char *method, json_t *params, json_t **result)
{
    int code;
    for (;;) {
        code = connection_call(connection, method, json_incref(params), result);
        if (code != CTL_NO_DAEMON || !reconnect_can_help(ctl, connection))
            break;
        code = reconnect(ctl, connection, batch, INFINITY);
        if (code)
            break;
    }
    json_decref(params);
    return code;
}

int reconnect_ask_durable(struct ctl *ctl, struct connection *connection, uint64_t batch,
                          bool *durable)
{
    json_int_t id;
    struct incoming answer;
    if (!reconnect_is_wanted(ctl)) {
        *durable = false;
        return CTL_OK;
    }
    json_t *params = json_pack("{s:I}", "batch", (json_int_t)batch);
    if (!params)
        return ctl_fail_memory(ctl);
    int code = connection_send(connection, "batch.show", params, &id);
    if (code == CTL_OK)
        code = connection_answer(connection, id, NULL, NULL, &answer);
    if (code)
        return code;
    *durable = json_is_true(json_object_get(answer.body, "durable"));
    incoming_clear(&answer);
    return CTL_OK;
}
