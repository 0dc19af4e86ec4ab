/*
 * The one module that reads clocks. Durations and deadlines use the monotonic clock, which counts
 * the same in all processes of one machine; the wall clock only dates records. Any thread.
 */
#ifndef AWAITD_BASE_CLOCK_H
#define AWAITD_BASE_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#define CLOCK_NS_PER_S UINT64_C(1000000000)

/* What the clock shows when the machine boots: some 146 years, so that moments before the boot have a number, too,
 * and 146 more are left in an int64_t. */
#define CLOCK_BOOT_NS (UINT64_C(1) << 62)

/* Nanoseconds on the monotonic clock, from CLOCK_BOOT_NS on. */
uint64_t clock_now_ns(void);

/* The moment as the kernel counts it on CLOCK_MONOTONIC: at least 1 ns after the boot, since 0 often means never. */
struct timespec clock_timespec(uint64_t ns);

/* Seconds since 1970-01-01T00:00:00Z on the wall clock. */
double clock_wall_s(void);

/* now_ns plus a span in seconds; negative and NaN count as 0, and the end of time (UINT64_MAX) is never
 * passed. */
uint64_t clock_after_ns(uint64_t now_ns, double seconds);

/* A span in seconds, at least 0, as libevent takes it. */
static inline struct timeval clock_timeval(double seconds)
{
    return (struct timeval){.tv_sec = (time_t)seconds,
                            .tv_usec = (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)};
}

/* Nanoseconds as seconds. */
static inline double clock_seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

#endif
