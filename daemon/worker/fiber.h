/*
 * Fibers: functions on stacks of their own that can be left in the middle and gone on with later.
 * Stacks are mapped with a guard below them and reused. All fibers of a pool run on one thread.
 *
 * Switching is done by sigsetjmp and siglongjmp, which keep the signal mask out of it (a system call
 * otherwise, and 25 times the cost); -DFIBER_UCONTEXT switches by swapcontext instead, for machines
 * where a shadow stack forbids such jumps.
 */
#ifndef AWAITD_WORKER_FIBER_H
#define AWAITD_WORKER_FIBER_H

#include <stdbool.h>
#include <stddef.h>

struct fiber;
struct fiber_pool;

/* The largest and the smallest stack, in bytes. Below that, printf alone has no room; above, a
 * plugin's author has mistaken the unit. */
#define FIBER_STACK_MIN (16u << 10)
#define FIBER_STACK_MAX (64u << 20)

/* A pool that keeps up to `keep` unused stacks for the next fibers. NULL: out of memory. */
struct fiber_pool *fiber_pool_new(size_t keep);
/* Every fiber must have ended. NULL is fine. */
void fiber_pool_free(struct fiber_pool *pool);
/* Stacks that wait for use. */
size_t fiber_pool_idle(const struct fiber_pool *pool);

/* A fiber about to call function(argument), at the first fiber_resume(). Its stack has stack_bytes,
 * rounded up to a power of two, less some hundred for itself. NULL: out of memory. */
struct fiber *fiber_new(struct fiber_pool *pool, size_t stack_bytes,
                        void (*function)(void *argument), void *argument);

/* Runs the fiber until it suspends itself or its function returns. true: it returned, and the fiber is
 * the pool's again. Not from inside a fiber. */
bool fiber_resume(struct fiber *fiber);

/* Goes back to the caller of fiber_resume(); returns when resumed. On the fiber itself only. */
void fiber_suspend(struct fiber *fiber);

#endif
