/*
 * Fibers, see fiber.h. A fiber lives at the top of its own stack's mapping; the mapping is
 *
 *     guard | stack, grows down ... | struct fiber
 *
 * A fiber that ends waits in its loop for the next function, so its stack is used again without
 * being set up again. The only module that jumps; never moves a fiber to another thread.
 */

/* glibc's checked longjmp takes a jump to another stack for an attack. */
#undef _FORTIFY_SOURCE
#define _FORTIFY_SOURCE 0

#include "worker/fiber.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define FIBER_TSAN 1
#endif

#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
/* ThreadSanitizer follows swapcontext; it looks for a jump's target on the stack it is made from. */
#ifndef FIBER_UCONTEXT
#define FIBER_UCONTEXT 1
#endif
#endif
#ifdef HAVE_VALGRIND
#include <valgrind/valgrind.h>
#endif

/* Linux 6.13: a guard that needs no mapping of its own. Guards made by mprotect split the mapping, and
 * some 32,000 stacks reach vm.max_map_count. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* Bytes of the guard; reason: a function with a buffer of up to this size cannot step over it. Takes
 * addresses, no memory. */
#define GUARD_SIZE (64u << 10)

/* Stacks come in sizes of powers of two, from FIBER_STACK_MIN to FIBER_STACK_MAX. */
#define SIZE_CLASSES 13
_Static_assert(FIBER_STACK_MIN << (SIZE_CLASSES - 1) == FIBER_STACK_MAX, "classes cover the sizes");

struct fiber_pool {
    struct fiber *idle[SIZE_CLASSES];
    size_t idle_count, keep;
};

struct fiber {
    struct fiber_pool *pool;
    struct fiber *next; /* among the idle ones */
    unsigned size_class;
    bool ended;
    void *mapping;
    size_t mapping_size;

    void (*function)(void *argument);
    void *argument;

#ifdef FIBER_UCONTEXT
    ucontext_t self, caller;
#else
    sigjmp_buf self, caller;
#endif
#ifdef FIBER_ASAN
    void *self_fake, *caller_fake; /* the sanitizer's shadows of both stacks */
    const void *caller_bottom;
    size_t caller_size;
#endif
#ifdef FIBER_TSAN
    void *self_tsan, *caller_tsan;
#endif
#ifdef HAVE_VALGRIND
    unsigned valgrind_id;
#endif
};

struct fiber_pool *fiber_pool_new(size_t keep)
{
    struct fiber_pool *pool = calloc(1, sizeof(*pool));
    if (pool)
        pool->keep = keep;
    return pool;
}

static unsigned class_of(size_t stack_bytes)
{
    unsigned size_class = 0;
    while (size_class < SIZE_CLASSES - 1 && ((size_t)FIBER_STACK_MIN << size_class) < stack_bytes)
        size_class++;
    return size_class;
}

static void stack_unmap(struct fiber *fiber)
{
#ifdef FIBER_TSAN
    __tsan_destroy_fiber(fiber->self_tsan);
#endif
#ifdef HAVE_VALGRIND
    VALGRIND_STACK_DEREGISTER(fiber->valgrind_id);
#endif
    (void)munmap(fiber->mapping, fiber->mapping_size); /* fails for wrong arguments only */
}

void fiber_pool_free(struct fiber_pool *pool)
{
    if (!pool)
        return;
    for (unsigned i = 0; i < SIZE_CLASSES; i++)
        while (pool->idle[i]) {
            struct fiber *fiber = pool->idle[i];
            pool->idle[i] = fiber->next;
            stack_unmap(fiber);
        }
    free(pool);
}

size_t fiber_pool_idle(const struct fiber_pool *pool)
{
    return pool->idle_count;
}

/* ---- Switching: the sanitizers are told before and after each -------------------------------- */

static void *stack_bottom(const struct fiber *fiber)
{
    return (char *)fiber->mapping + GUARD_SIZE;
}

static inline void before_enter(struct fiber *fiber)
{
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(&fiber->caller_fake, stack_bottom(fiber),
                                   fiber->mapping_size - GUARD_SIZE);
#endif
#ifdef FIBER_TSAN
    fiber->caller_tsan = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber->self_tsan, 0);
#endif
    (void)fiber;
}

static inline void after_enter(struct fiber *fiber)
{
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(fiber->self_fake, &fiber->caller_bottom, &fiber->caller_size);
#endif
    (void)fiber;
}

static inline void before_leave(struct fiber *fiber)
{
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(&fiber->self_fake, fiber->caller_bottom, fiber->caller_size);
#endif
#ifdef FIBER_TSAN
    __tsan_switch_to_fiber(fiber->caller_tsan, 0);
#endif
    (void)fiber;
}

static inline void after_leave(struct fiber *fiber)
{
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(fiber->caller_fake, NULL, NULL);
#endif
    (void)fiber;
}

void fiber_suspend(struct fiber *fiber)
{
    before_leave(fiber);
#ifdef FIBER_UCONTEXT
    (void)swapcontext(&fiber->self, &fiber->caller); /* fails for bad pointers only */
#else
    if (sigsetjmp(fiber->self, 0) == 0)
        siglongjmp(fiber->caller, 1);
#endif
    after_enter(fiber);
}

static void enter(struct fiber *fiber)
{
    before_enter(fiber);
#ifdef FIBER_UCONTEXT
    (void)swapcontext(&fiber->caller, &fiber->self); /* as above */
#else
    if (sigsetjmp(fiber->caller, 0) == 0)
        siglongjmp(fiber->self, 1);
#endif
    after_leave(fiber);
}

/* makecontext hands over ints, so the pointer comes in halves. */
static void trampoline(unsigned high, unsigned low)
{
    struct fiber *fiber = (struct fiber *)((uintptr_t)high << 32 | (uintptr_t)low);
    after_enter(fiber);
    fiber_suspend(fiber);
    for (;;) {
        fiber->function(fiber->argument);
        fiber->ended = true;
        fiber_suspend(fiber);
    }
}

/* Lets a new fiber run to its first fiber_suspend(), from where it can be jumped into. */
static int first_entry(struct fiber *fiber)
{
#ifdef FIBER_UCONTEXT
    ucontext_t *context = &fiber->self;
#else
    ucontext_t here, *context = &here;
#endif
    if (getcontext(context))
        return -1;
    context->uc_stack.ss_sp = stack_bottom(fiber);
    context->uc_stack.ss_size = (size_t)((char *)fiber - (char *)stack_bottom(fiber));
    context->uc_link = NULL;
    uintptr_t pointer = (uintptr_t)fiber;
    makecontext(context, (void (*)(void))(void *)trampoline, 2, (unsigned)(pointer >> 32),
                (unsigned)(pointer & 0xffffffffu));
#ifdef FIBER_UCONTEXT
    enter(fiber);
#else
    before_enter(fiber);
    if (sigsetjmp(fiber->caller, 0) == 0)
        (void)setcontext(context); /* does not return */
    after_leave(fiber);
#endif
    return 0;
}

static int guard(void *mapping)
{
    if (madvise(mapping, GUARD_SIZE, MADV_GUARD_INSTALL) == 0)
        return 0;
    return mprotect(mapping, GUARD_SIZE, PROT_NONE);
}

static struct fiber *stack_map(struct fiber_pool *pool, unsigned size_class)
{
    size_t size = GUARD_SIZE + ((size_t)FIBER_STACK_MIN << size_class);
    char *mapping = mmap(NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED)
        return NULL;
    if (guard(mapping)) {
        (void)munmap(mapping, size);
        return NULL;
    }
    struct fiber *fiber =
        (struct fiber *)(void *)(mapping + size - (sizeof(struct fiber) + 63) / 64 * 64);
    fiber->pool = pool;
    fiber->size_class = size_class;
    fiber->mapping = mapping;
    fiber->mapping_size = size;
#ifdef FIBER_TSAN
    fiber->self_tsan = __tsan_create_fiber(0);
#endif
#ifdef HAVE_VALGRIND
    fiber->valgrind_id = VALGRIND_STACK_REGISTER(stack_bottom(fiber), fiber);
#endif
    if (first_entry(fiber)) {
        stack_unmap(fiber);
        return NULL;
    }
    return fiber;
}

struct fiber *fiber_new(struct fiber_pool *pool, size_t stack_bytes,
                        void (*function)(void *argument), void *argument)
{
    unsigned size_class = class_of(stack_bytes);
    struct fiber *fiber = pool->idle[size_class];
    if (fiber) {
        pool->idle[size_class] = fiber->next;
        pool->idle_count--;
    } else {
        fiber = stack_map(pool, size_class);
        if (!fiber)
            return NULL;
    }
    fiber->function = function;
    fiber->argument = argument;
    fiber->ended = false;
    return fiber;
}

bool fiber_resume(struct fiber *fiber)
{
    enter(fiber);
    if (!fiber->ended)
        return false;

    struct fiber_pool *pool = fiber->pool;
    if (pool->idle_count >= pool->keep) {
        stack_unmap(fiber);
    } else {
        fiber->next = pool->idle[fiber->size_class];
        pool->idle[fiber->size_class] = fiber;
        pool->idle_count++;
    }
    return true;
}
