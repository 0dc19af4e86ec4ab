/*
 * ^C while a batch is followed. The handler sets a flag and nothing else; the flag is the program's
 * one global, since a handler is given no context.
 */
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

static volatile sig_atomic_t came;

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static void on_signal(int number)
{
    (void)number;
    came = 1;
}

void interrupt_catch(void)
{
    /* Without SA_RESTART: a write to a stuck pipe must end, too. */
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigemptyset(&action.sa_mask); /* these cannot fail with valid arguments */
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction before;
        (void)sigaction(signals[i], NULL, &before);
        if (signals[i] != SIGHUP || before.sa_handler != SIG_IGN) /* as nohup(1) leaves it */
            (void)sigaction(signals[i], &action, NULL);
    }
}

bool interrupt_came(void)
{
    return came != 0;
}

void interrupt_clear(void)
{
    came = 0;
}

int interrupt_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct timespec timeout = {
        .tv_sec = timeout_ms / 1000,
        .tv_nsec = (long)(timeout_ms % 1000) * 1000000,
    };
    sigset_t blocked, before;
    (void)sigemptyset(&blocked); /* as above */
    for (size_t i = 0; i < SIGNALS; i++)
        (void)sigaddset(&blocked, signals[i]);
    /* Blocked between the look at the flag and the wait: one that comes there is not missed. */
    (void)sigprocmask(SIG_BLOCK, &blocked, &before);
    int result = -EINTR;
    while (result == -EINTR && !came) { /* other signals: again, with a fresh timeout */
        result = ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, &before);
        if (result < 0)
            result = -errno;
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}
