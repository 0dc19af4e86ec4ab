#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "suite.h"
#include "worker/fiber.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZED 1
#endif
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZED 1
#endif
#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZED 1
#endif

/* A function that counts and suspends itself in between. */
struct counter {
    struct fiber *fiber;
    int steps, count;
    const void *stack; /* an address on it */
};

static void count(void *argument)
{
    struct counter *counter = argument;
    char here[64];
    counter->stack = memset(here, 0, sizeof(here));
    for (counter->count = 1; counter->count < counter->steps; counter->count++)
        fiber_suspend(counter->fiber);
}

static void begin(struct fiber_pool *pool, struct counter *counter, int steps)
{
    counter->steps = steps;
    counter->count = 0;
    counter->fiber = fiber_new(pool, FIBER_STACK_MIN, count, counter);
    ck_assert_ptr_nonnull(counter->fiber);
}

START_TEST(a_fiber_runs_between_its_suspensions)
{
    struct fiber_pool *pool = fiber_pool_new(10);
    struct counter counter;
    begin(pool, &counter, 3);
    ck_assert_int_eq(counter.count, 0);
    ck_assert(!fiber_resume(counter.fiber));
    ck_assert_int_eq(counter.count, 1);
    ck_assert(!fiber_resume(counter.fiber));
    ck_assert_int_eq(counter.count, 2);
    ck_assert(fiber_resume(counter.fiber));
    ck_assert_int_eq(counter.count, 3);
    fiber_pool_free(pool);
}
END_TEST

START_TEST(a_thousand_fibers_keep_their_own_stacks)
{
    enum { FIBERS = 1000, STEPS = 5 };
    static struct counter counters[FIBERS];
    struct fiber_pool *pool = fiber_pool_new(FIBERS);
    for (int i = 0; i < FIBERS; i++)
        begin(pool, &counters[i], STEPS);
    for (int step = 1; step <= STEPS; step++)
        for (int i = 0; i < FIBERS; i++) {
            ck_assert_int_eq(fiber_resume(counters[i].fiber), step == STEPS);
            ck_assert_int_eq(counters[i].count, step);
        }
    ck_assert_uint_eq(fiber_pool_idle(pool), FIBERS);
    fiber_pool_free(pool);
}
END_TEST

START_TEST(stacks_are_used_again)
{
    struct fiber_pool *pool = fiber_pool_new(2);
    struct counter first, second;
    begin(pool, &first, 1);
    ck_assert(fiber_resume(first.fiber));
    begin(pool, &second, 1);
    ck_assert_ptr_eq(first.fiber, second.fiber);
    ck_assert(fiber_resume(second.fiber));
#ifndef ADDRESS_SANITIZED /* which may keep locals elsewhere */
    ck_assert_ptr_eq(first.stack, second.stack);
#endif
    fiber_pool_free(pool);
}
END_TEST

START_TEST(no_more_stacks_are_kept_than_asked_for)
{
    struct fiber_pool *pool = fiber_pool_new(2);
    struct counter counters[5];
    for (int i = 0; i < 5; i++)
        begin(pool, &counters[i], 1);
    for (int i = 0; i < 5; i++)
        ck_assert(fiber_resume(counters[i].fiber));
    ck_assert_uint_eq(fiber_pool_idle(pool), 2);
    fiber_pool_free(pool);
}
END_TEST

START_TEST(twenty_thousand_fibers_wait_at_once)
{
#ifdef THREAD_SANITIZED
    enum { FIBERS = 2000 }; /* it has no room for more */
#else
    enum { FIBERS = 20000 };
#endif
    static struct counter counters[FIBERS];
    struct fiber_pool *pool = fiber_pool_new(0);
    for (int i = 0; i < FIBERS; i++)
        begin(pool, &counters[i], 2);
    for (int i = 0; i < FIBERS; i++)
        ck_assert(!fiber_resume(counters[i].fiber));
    for (int i = 0; i < FIBERS; i++)
        ck_assert(fiber_resume(counters[i].fiber));
    fiber_pool_free(pool);
}
END_TEST

/* A stack as large as asked for can be used to the end, less what a frame takes. */
static void use_much(void *argument)
{
    volatile char much[200 << 10];
    for (size_t i = 0; i < sizeof(much); i += 512)
        much[i] = 1;
    *(bool *)argument = much[512];
}

START_TEST(a_stack_has_the_size_asked_for)
{
    struct fiber_pool *pool = fiber_pool_new(1);
    bool used = false;
    ck_assert(fiber_resume(fiber_new(pool, 256 << 10, use_much, &used)));
    ck_assert(used);
    fiber_pool_free(pool);
}
END_TEST

/* Never comes to depth 0. */
static int deeper(volatile char *above, int depth)
{
    volatile char here[1024];
    here[0] = above[0];
    return depth == 0 ? 0 : deeper(here, depth + 1) + here[0];
}

static void recurse(void *argument)
{
    volatile char start[1] = {1};
    *(int *)argument = deeper(start, 1);
}

START_TEST(an_overflow_hits_the_guard_and_not_the_neighbour)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        int result;
        (void)signal(SIGSEGV, SIG_DFL);
        struct fiber_pool *pool = fiber_pool_new(1);
        struct counter neighbours[2];
        begin(pool, &neighbours[0], 2);
        struct fiber *fiber = fiber_new(pool, FIBER_STACK_MIN, recurse, &result);
        begin(pool, &neighbours[1], 2);
        fiber_resume(fiber);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
#if !defined(ADDRESS_SANITIZED) && !defined(THREAD_SANITIZED) /* which report it and exit */
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
#else
    ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
#endif
}
END_TEST

static void block_signal(void *argument)
{
    struct fiber *const *fiber = argument;
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    fiber_suspend(*fiber);
}

START_TEST(switching_leaves_the_signal_mask_alone)
{
    struct fiber_pool *pool = fiber_pool_new(1);
    struct fiber *fiber;
    sigset_t now;
    fiber = fiber_new(pool, FIBER_STACK_MIN, block_signal, &fiber);
    ck_assert(!fiber_resume(fiber));
    (void)sigprocmask(SIG_BLOCK, NULL, &now);
#if !defined(FIBER_UCONTEXT) && !defined(THREAD_SANITIZED) /* where a context has its mask */
    ck_assert(sigismember(&now, SIGUSR1));
#endif
    ck_assert(fiber_resume(fiber));
    fiber_pool_free(pool);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fiber");
    TCase *tests = tcase_create("fiber");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_fiber_runs_between_its_suspensions);
    tcase_add_test(tests, a_thousand_fibers_keep_their_own_stacks);
    tcase_add_test(tests, stacks_are_used_again);
    tcase_add_test(tests, no_more_stacks_are_kept_than_asked_for);
    tcase_add_test(tests, twenty_thousand_fibers_wait_at_once);
    tcase_add_test(tests, a_stack_has_the_size_asked_for);
    tcase_add_test(tests, an_overflow_hits_the_guard_and_not_the_neighbour);
    tcase_add_test(tests, switching_leaves_the_signal_mask_alone);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
