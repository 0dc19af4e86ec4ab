#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <event2/event.h>
#include "base/clock.h"
#include "base/error.h"
#include "suite.h"
#include "worker/threads.h"

static struct event_base *base;
static struct threads *threads;
static pthread_t loop_thread;

static void open_pool(unsigned count)
{
    struct error error = {0};
    loop_thread = pthread_self();
    base = event_base_new();
    threads = threads_new(base, count, &error);
    ck_assert_msg(threads != NULL, "%s", error.text);
}

static void close_pool(void)
{
    threads_free(threads);
    event_base_free(base);
    libevent_global_shutdown();
}

/* One task of a test. */
struct piece {
    struct task task;
    bool worked_on_loop, done_on_loop, done;
    int result;
    int fd;              /* to wait for; -1: none */
    uint64_t timeout_ns; /* UINT64_MAX: never */
    pthread_barrier_t *meet;
    atomic_bool begun;
};

static void done(struct task *task)
{
    struct piece *piece = (struct piece *)task;
    piece->done_on_loop = pthread_equal(pthread_self(), loop_thread);
    piece->done = true;
}

static void work(struct task *task)
{
    struct piece *piece = (struct piece *)task;
    piece->worked_on_loop = pthread_equal(pthread_self(), loop_thread);
    if (piece->meet)
        (void)pthread_barrier_wait(piece->meet);
}

static void wait_for_it(struct task *task)
{
    struct piece *piece = (struct piece *)task;
    piece->begun = true;
    uint64_t deadline_ns =
        piece->timeout_ns == UINT64_MAX ? UINT64_MAX : clock_now_ns() + piece->timeout_ns;
    piece->result = threads_wait(task, piece->fd, POLLIN, deadline_ns);
    if (piece->result == -EINTR) /* and from now on always */
        piece->result = threads_wait(task, piece->fd, POLLIN, UINT64_MAX);
}

static void run_until_done(const struct piece *piece)
{
    while (!piece->done)
        ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

START_TEST(work_is_done_on_a_thread_and_told_on_the_loop)
{
    struct piece piece = {0};
    open_pool(2);
    ck_assert_int_eq(threads_run(threads, &piece.task, work, done), 0);
    run_until_done(&piece);
    ck_assert(!piece.worked_on_loop);
    ck_assert(piece.done_on_loop);
    close_pool();
}
END_TEST

START_TEST(as_many_tasks_run_at_once_as_there_are_threads)
{
    /* They can only meet when all of them run. */
    enum { COUNT = 4 };
    struct piece pieces[COUNT];
    pthread_barrier_t meet;
    (void)pthread_barrier_init(&meet, NULL, COUNT);
    open_pool(COUNT);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < COUNT; i++) {
            pieces[i] = (struct piece){.meet = &meet};
            ck_assert_int_eq(threads_run(threads, &pieces[i].task, work, done), 0);
        }
        for (int i = 0; i < COUNT; i++)
            run_until_done(&pieces[i]);
    }
    close_pool();
    (void)pthread_barrier_destroy(&meet);
}
END_TEST

START_TEST(more_tasks_than_threads_take_turns)
{
    enum { COUNT = 2000 };
    struct piece *pieces = calloc(COUNT, sizeof(*pieces));
    open_pool(3);
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(threads_run(threads, &pieces[i].task, work, done), 0);
    for (int i = 0; i < COUNT; i++)
        run_until_done(&pieces[i]);
    close_pool();
    free(pieces);
}
END_TEST

static struct piece waiting(int fd, uint64_t timeout_ns)
{
    return (struct piece){.fd = fd, .timeout_ns = timeout_ns};
}

START_TEST(a_wait_ends_with_its_time)
{
    struct piece piece = waiting(-1, 20 * 1000 * 1000);
    open_pool(1);
    uint64_t before_ns = clock_now_ns();
    ck_assert_int_eq(threads_run(threads, &piece.task, wait_for_it, done), 0);
    run_until_done(&piece);
    ck_assert_int_eq(piece.result, 0);
    ck_assert_uint_ge(clock_now_ns() - before_ns, piece.timeout_ns);
    close_pool();
}
END_TEST

START_TEST(a_wait_ends_when_its_descriptor_is_ready)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    struct piece piece = waiting(fds[0], UINT64_MAX);
    open_pool(1);
    ck_assert_int_eq(threads_run(threads, &piece.task, wait_for_it, done), 0);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    run_until_done(&piece);
    ck_assert_int_eq(piece.result, POLLIN);
    close_pool();
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(a_descriptor_that_is_none_is_an_error)
{
    struct piece piece = waiting(9999, UINT64_MAX);
    open_pool(1);
    ck_assert_int_eq(threads_run(threads, &piece.task, wait_for_it, done), 0);
    run_until_done(&piece);
    ck_assert_int_eq(piece.result, -EBADF);
    close_pool();
}
END_TEST

START_TEST(an_interrupt_ends_a_wait_whenever_it_comes)
{
    /* Before the task is begun, when it just began, and when it waits. */
    open_pool(1);
    for (int i = 0; i < 300; i++) {
        struct piece piece = waiting(-1, UINT64_MAX);
        ck_assert_int_eq(threads_run(threads, &piece.task, wait_for_it, done), 0);
        while (i % 3 > 0 && !piece.begun)
            continue;
        if (i % 3 == 2)
            (void)sched_yield(); /* makes it likelier that it waits; either way it must end */
        threads_interrupt(threads, &piece.task);
        run_until_done(&piece);
        ck_assert_int_eq(piece.result, -EINTR);
    }
    close_pool();
}
END_TEST

START_TEST(an_interrupt_is_not_left_to_the_next_task)
{
    struct piece first = waiting(-1, UINT64_MAX), second = waiting(-1, 1000 * 1000);
    open_pool(1);
    ck_assert_int_eq(threads_run(threads, &first.task, wait_for_it, done), 0);
    ck_assert_int_eq(threads_run(threads, &second.task, wait_for_it, done), 0);
    threads_interrupt(threads, &first.task);
    threads_interrupt(threads, &first.task);
    run_until_done(&second);
    ck_assert_int_eq(first.result, -EINTR);
    ck_assert_int_eq(second.result, 0);
    close_pool();
}
END_TEST

/* Letters of several threads, each with a number per thread. */
struct numbered {
    struct letter letter;
    unsigned thread, number;
};
enum { WRITERS = 4, LETTERS = 2000 };
static unsigned next_number[WRITERS], delivered;

static void deliver(struct letter *letter)
{
    struct numbered *numbered = (struct numbered *)letter;
    ck_assert(pthread_equal(pthread_self(), loop_thread));
    ck_assert_uint_eq(numbered->number, next_number[numbered->thread]++);
    delivered++;
    free(numbered);
}

static void *write_letters(void *argument)
{
    for (unsigned i = 0; i < LETTERS; i++) {
        struct numbered *numbered = calloc(1, sizeof(*numbered));
        *numbered = (struct numbered){
            .letter.deliver = deliver, .thread = *(unsigned *)argument, .number = i};
        threads_post(threads, &numbered->letter);
    }
    return NULL;
}

START_TEST(letters_arrive_on_the_loop_in_the_order_each_thread_wrote_them)
{
    pthread_t writers[WRITERS];
    unsigned numbers[WRITERS];
    open_pool(1);
    for (unsigned i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        ck_assert_int_eq(pthread_create(&writers[i], NULL, write_letters, &numbers[i]), 0);
    }
    while (delivered < WRITERS * LETTERS)
        ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
    for (unsigned i = 0; i < WRITERS; i++)
        (void)pthread_join(writers[i], NULL);
    close_pool();
}
END_TEST

START_TEST(a_pool_that_was_never_used_has_no_threads)
{
    open_pool(1000);
    close_pool();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tests = tcase_create("threads");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, work_is_done_on_a_thread_and_told_on_the_loop);
    tcase_add_test(tests, as_many_tasks_run_at_once_as_there_are_threads);
    tcase_add_test(tests, more_tasks_than_threads_take_turns);
    tcase_add_test(tests, a_wait_ends_with_its_time);
    tcase_add_test(tests, a_wait_ends_when_its_descriptor_is_ready);
    tcase_add_test(tests, a_descriptor_that_is_none_is_an_error);
    tcase_add_test(tests, an_interrupt_ends_a_wait_whenever_it_comes);
    tcase_add_test(tests, an_interrupt_is_not_left_to_the_next_task);
    tcase_add_test(tests, letters_arrive_on_the_loop_in_the_order_each_thread_wrote_them);
    tcase_add_test(tests, a_pool_that_was_never_used_has_no_threads);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
