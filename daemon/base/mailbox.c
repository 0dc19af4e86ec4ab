/*
 * A list under a mutex, and a condition that is signalled when it is no longer empty. The taker takes
 * the whole list at once, so the lock is held for a few instructions and never while letters are
 * being dealt with.
 */
#include "base/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include "base/clock.h"

struct mailbox {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* on the monotonic clock */
    /* All below under the mutex. */
    struct mail *first, *last;
    size_t count, capacity;
    uint64_t refused;
    bool closed, woken;
};

struct mailbox *mailbox_new(size_t capacity)
{
    struct mailbox *box = calloc(1, sizeof(*box));
    if (!box)
        return NULL;
    box->capacity = capacity;
    /* None of these can fail in glibc: nothing is allocated, and the clock is one it knows. */
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&box->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&box->mutex, NULL);
    return box;
}

void mailbox_free(struct mailbox *box)
{
    if (!box)
        return;
    (void)pthread_mutex_destroy(&box->mutex);
    (void)pthread_cond_destroy(&box->changed);
    free(box);
}

/* Locking a plain mutex that one does not hold cannot fail. */
static void lock(struct mailbox *box)
{
    (void)pthread_mutex_lock(&box->mutex);
}

static void unlock(struct mailbox *box)
{
    (void)pthread_mutex_unlock(&box->mutex);
}

bool mailbox_post(struct mailbox *box, struct mail *mail)
{
    lock(box);
    bool fits = !box->closed && box->count < box->capacity;
    bool was_empty = box->count == 0;
    if (fits) {
        mail->next = NULL;
        if (box->last)
            box->last->next = mail;
        else
            box->first = mail;
        box->last = mail;
        box->count++;
    } else {
        box->refused++;
    }
    unlock(box);
    if (fits && was_empty)
        (void)pthread_cond_signal(&box->changed);
    return fits;
}

/* All letters; NULL: none. Under the mutex. */
static struct mail *empty(struct mailbox *box)
{
    struct mail *first = box->first;
    box->first = box->last = NULL;
    box->count = 0;
    return first;
}

struct mail *mailbox_take(struct mailbox *box)
{
    lock(box);
    while (!box->first && !box->closed)
        (void)pthread_cond_wait(&box->changed, &box->mutex);
    struct mail *first = empty(box);
    unlock(box);
    return first;
}

struct mail *mailbox_take_until(struct mailbox *box, uint64_t deadline_ns)
{
    struct timespec deadline = clock_timespec(deadline_ns);
    lock(box);
    int result = 0;
    while (!box->first && !box->closed && !box->woken && result != ETIMEDOUT) {
        if (deadline_ns == UINT64_MAX)
            result = pthread_cond_wait(&box->changed, &box->mutex);
        else
            result = pthread_cond_timedwait(&box->changed, &box->mutex, &deadline);
    }
    box->woken = false;
    struct mail *first = empty(box);
    unlock(box);
    return first;
}

struct mail *mailbox_try_take(struct mailbox *box)
{
    lock(box);
    struct mail *first = empty(box);
    unlock(box);
    return first;
}

void mailbox_wake(struct mailbox *box)
{
    lock(box);
    box->woken = true;
    unlock(box);
    (void)pthread_cond_signal(&box->changed);
}

void mailbox_close(struct mailbox *box)
{
    lock(box);
    box->closed = true;
    unlock(box);
    (void)pthread_cond_signal(&box->changed);
}

uint64_t mailbox_take_refused(struct mailbox *box)
{
    lock(box);
    uint64_t refused = box->refused;
    box->refused = 0;
    unlock(box);
    return refused;
}
