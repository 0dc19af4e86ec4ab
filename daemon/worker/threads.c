/*
 * The pool, see threads.h. Idle threads sleep on a condition; finished tasks and other letters go to
 * the loop through a mailbox, and an eventfd tells it to look there. Each thread has an eventfd of its
 * own that interrupts what it waits for.
 */

#include "worker/threads.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include "base/clock.h"
#include "base/error.h"

struct thread {
    struct threads *threads;
    pthread_t id;
    int interrupt_fd;
};

struct threads {
    struct event mail_event;
    int mail_fd;
    struct mailbox *mailbox;
    atomic_bool mail_told; /* mail_fd is readable, or about to be: no need to tell again */

    pthread_mutex_t lock; /* for all below, and for the pool's members of tasks */
    pthread_cond_t work_came;
    struct task *first, *last; /* not yet begun */
    unsigned queued, idle;
    bool stopping;
    unsigned count, started;
    struct thread threads[];
};

/* ---- The way back to the loop ---------------------------------------------------------------- */

void threads_post(struct threads *threads, struct letter *letter)
{
    (void)mailbox_post(threads->mailbox, &letter->mail); /* has no bound and is never closed */
    if (!atomic_exchange(&threads->mail_told, true))
        (void)eventfd_write(threads->mail_fd, 1); /* cannot overflow: one per on_mail() */
}

static void deliver_mail(struct threads *threads)
{
    struct mail *mail = mailbox_try_take(threads->mailbox);
    while (mail) {
        struct letter *letter = (struct letter *)mail;
        mail = mail->next;
        letter->deliver(letter);
    }
}

static void on_mail(evutil_socket_t fd, short what, void *context)
{
    struct threads *threads = context;
    eventfd_t count;
    (void)what;
    (void)eventfd_read(fd, &count); /* it was readable */
    atomic_store(&threads->mail_told, false);
    deliver_mail(threads);
}

static void on_task_letter(struct letter *letter)
{
    struct task *task = (struct task *)letter;
    task->done(task);
}

/* ---- The threads ----------------------------------------------------------------------------- */

/* Waits for work. NULL: the pool ends. */
static struct task *take_task(struct threads *threads, struct thread *self)
{
    (void)pthread_mutex_lock(&threads->lock); /* cannot fail: a plain mutex that is initialised */
    threads->idle++;
    while (!threads->first && !threads->stopping)
        (void)pthread_cond_wait(&threads->work_came, &threads->lock); /* cannot fail, likewise */
    threads->idle--;
    struct task *task = threads->first;
    if (task) {
        threads->first = task->next;
        threads->queued--;
        task->thread = self;
        if (task->interrupted)
            (void)eventfd_write(self->interrupt_fd, 1); /* cannot overflow: it was 0 */
    }
    (void)pthread_mutex_unlock(&threads->lock); /* cannot fail: held by this thread */
    return task;
}

static void give_back(struct threads *threads, struct task *task)
{
    (void)pthread_mutex_lock(&threads->lock); /* as above */
    if (task->interrupted) {
        eventfd_t count;
        (void)eventfd_read(task->thread->interrupt_fd, &count); /* was written to */
    }
    task->thread = NULL;
    (void)pthread_mutex_unlock(&threads->lock); /* as above */
    task->letter.deliver = on_task_letter;
    threads_post(threads, &task->letter);
}

static void *thread_main(void *argument)
{
    struct thread *self = argument;
    struct threads *threads = self->threads;
    struct task *task;
    while ((task = take_task(threads, self))) {
        task->work(task);
        give_back(threads, task);
    }
    return NULL;
}

/* Signals are the loop thread's business; the new thread inherits a mask that holds all of them. */
static int create_masked(struct thread *thread)
{
    sigset_t all, before;
    (void)sigfillset(&all); /* cannot fail */
    int result = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (result)
        return -result;
    result = pthread_create(&thread->id, NULL, thread_main, thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* worked a moment ago */
    return -result;
}

static int start_thread(struct threads *threads)
{
    struct thread *thread = &threads->threads[threads->started];
    thread->threads = threads;
    thread->interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (thread->interrupt_fd < 0)
        return -EAGAIN;
    if (create_masked(thread)) {
        (void)close(thread->interrupt_fd); /* nothing was written to it */
        return -EAGAIN;
    }
    threads->started++;
    return 0;
}

/* ---- The pool, from the loop thread ----------------------------------------------------------- */

static int open_mail(struct threads *threads, struct event_base *base)
{
    threads->mailbox = mailbox_new(SIZE_MAX); /* bounded by the tasks there are */
    threads->mail_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!threads->mailbox)
        return -ENOMEM;
    if (threads->mail_fd < 0)
        return -errno;
    if (event_assign(&threads->mail_event, base, threads->mail_fd, EV_READ | EV_PERSIST, on_mail,
                     threads) ||
        event_add(&threads->mail_event, NULL))
        return -ENOMEM;
    return 0;
}

static void release(struct threads *threads)
{
    mailbox_free(threads->mailbox);
    if (threads->mail_fd >= 0)
        (void)close(threads->mail_fd);               /* only numbers were written to it */
    (void)pthread_cond_destroy(&threads->work_came); /* no thread is left that could use them */
    (void)pthread_mutex_destroy(&threads->lock);
    free(threads);
}

struct threads *threads_new(struct event_base *base, unsigned count, struct error *error)
{
    struct threads *threads = calloc(1, sizeof(*threads) + count * sizeof(struct thread));
    if (!threads) {
        (void)error_set(error, -ENOMEM, "no memory for a pool of %u threads", count);
        return NULL;
    }
    threads->count = count;
    (void)pthread_mutex_init(&threads->lock, NULL); /* cannot fail with the default attributes */
    (void)pthread_cond_init(&threads->work_came, NULL);
    int result = open_mail(threads, base);
    if (result) {
        (void)error_errno(error, result, "cannot create the mailbox of the threads");
        release(threads);
        return NULL;
    }
    return threads;
}

void threads_free(struct threads *threads)
{
    if (!threads)
        return;
    (void)pthread_mutex_lock(&threads->lock); /* as above */
    threads->stopping = true;
    (void)pthread_cond_broadcast(&threads->work_came); /* cannot fail */
    (void)pthread_mutex_unlock(&threads->lock);
    for (unsigned i = 0; i < threads->started; i++) {
        (void)pthread_join(threads->threads[i].id,
                           NULL);                      /* it was created, and nobody else joins */
        (void)close(threads->threads[i].interrupt_fd); /* only numbers were written to it */
    }
    deliver_mail(threads);
    (void)event_del(&threads->mail_event); /* it was added */
    release(threads);
}

static void enqueue(struct threads *threads, struct task *task)
{
    task->next = NULL;
    if (threads->first)
        threads->last->next = task;
    else
        threads->first = task;
    threads->last = task;
    threads->queued++;
    (void)pthread_cond_signal(&threads->work_came); /* cannot fail */
}

int threads_run(struct threads *threads, struct task *task, void (*work)(struct task *task),
                void (*done)(struct task *task))
{
    task->work = work;
    task->done = done;
    task->threads = threads;
    task->thread = NULL;
    task->interrupted = false;
    (void)pthread_mutex_lock(&threads->lock); /* as above */
    int result = 0;
    if (threads->idle <= threads->queued && threads->started < threads->count)
        result = start_thread(threads);
    if (threads->started > 0) /* the others will come to it */
        result = 0;
    if (result == 0)
        enqueue(threads, task);
    (void)pthread_mutex_unlock(&threads->lock);
    return result;
}

void threads_interrupt(struct threads *threads, struct task *task)
{
    (void)pthread_mutex_lock(&threads->lock); /* as above */
    if (!task->interrupted) {
        task->interrupted = true;
        if (task->thread)
            (void)eventfd_write(task->thread->interrupt_fd, 1); /* cannot overflow: it was 0 */
    }
    (void)pthread_mutex_unlock(&threads->lock);
}

/* ---- Waiting, on a thread of the pool ---------------------------------------------------------- */

/* poll(2) until a deadline; NULL: without end. */
static struct timespec *time_left(uint64_t deadline_ns, struct timespec *left)
{
    if (deadline_ns == UINT64_MAX)
        return NULL;
    uint64_t now_ns = clock_now_ns();
    uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    left->tv_sec = (time_t)(left_ns / CLOCK_NS_PER_S);
    left->tv_nsec = (long)(left_ns % CLOCK_NS_PER_S);
    return left;
}

int threads_wait(struct task *task, int fd, short events, uint64_t deadline_ns)
{
    struct pollfd fds[2] = {{.fd = task->thread->interrupt_fd, .events = POLLIN},
                            {.fd = fd, .events = events}};
    struct timespec left;
    int ready;
    do
        ready = ppoll(fds, fd >= 0 ? 2 : 1, time_left(deadline_ns, &left), NULL);
    while (ready < 0 && errno == EINTR);
    if (ready < 0)
        return -errno;
    if (fds[0].revents)
        return -EINTR;
    if (fds[1].revents & POLLNVAL)
        return -EBADF;
    return fds[1].revents;
}
