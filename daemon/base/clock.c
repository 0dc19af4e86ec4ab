/*
 * Reads the clocks. CLOCK_MONOTONIC stands still while the machine sleeps, so a wait is one of time
 * the machine was up; both clocks are read without a system call.
 */
#include "base/clock.h"

uint64_t clock_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return CLOCK_BOOT_NS + (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

struct timespec clock_timespec(uint64_t ns)
{
    uint64_t since_boot_ns = ns > CLOCK_BOOT_NS ? ns - CLOCK_BOOT_NS : 1;
    return (struct timespec){.tv_sec = (time_t)(since_boot_ns / CLOCK_NS_PER_S),
                             .tv_nsec = (long)(since_boot_ns % CLOCK_NS_PER_S)};
}

double clock_wall_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* likewise */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

uint64_t clock_after_ns(uint64_t now_ns, double seconds)
{
    if (!(seconds > 0)) /* NaN too */
        return now_ns;
    double span = seconds * 1e9;
    if (span >= 0x1p64)
        return UINT64_MAX;
    uint64_t end_ns;
    if (__builtin_add_overflow(now_ns, (uint64_t)span, &end_ns))
        return UINT64_MAX;
    return end_ns;
}
