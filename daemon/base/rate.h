/*
 * How fast something may happen: so many per second, minute or hour, evenly spaced, a few at once where
 * a burst is allowed. The generic cell rate algorithm (ITU-T I.371): one number, the time at which the next
 * one would be due were they evenly spaced. Knows no clock: the caller says what time it is.
 */
#ifndef AWAITD_BASE_RATE_H
#define AWAITD_BASE_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The fastest and the slowest rate: a million per second is what a daemon dispatches, and one per 30 days more
 * patience than anybody has. */
#define RATE_MAX_PER_S 1e6
#define RATE_INTERVAL_MAX_S (30 * 86400.0)
#define RATE_BURST_MAX 1000000u
/* The longest time that a burst may take to come again: 100 years; reason: sums of such times fit in 64 bits. */
#define RATE_BURST_MAX_S (100 * 365 * 86400.0)

/* Zeroed = as fast as it can. Copied by assignment. */
struct rate {
    uint64_t interval_ns; /* between two; 0: no limit */
    uint32_t burst;       /* how many may come at once; at least 1 */
    uint64_t due_ns;      /* the next one, were they evenly spaced */
    bool awaited;         /* somebody has been waiting for it since */
};

/* Reads "100/s", "10/min", "2.5/h", "1/d", each with an optional " burst 20". -EINVAL: no rate; -ERANGE: one, but
 * too fast, too slow, or with too large a burst. *out stays untouched then. */
int rate_parse(const char *text, struct rate *out);

/* Writes it as rate_parse() reads it: "100/s burst 20". Returns `buffer`; empty for no limit. */
const char *rate_show(const struct rate *rate, char *buffer, size_t size);

/* How many may come now, at most `max`. */
uint32_t rate_room(const struct rate *rate, uint64_t now_ns, uint32_t max);

/* So many have come, for which there was room. */
void rate_take(struct rate *rate, uint64_t now_ns, uint32_t count);

/*
 * Somebody waits: returns when there is room, at once maybe. What then comes late, because the one who
 * waited was woken late, is made up for by what follows, so that the rate is kept on the whole; but for no
 * more than RATE_LAG_NS, lest a daemon that was held up bursts.
 */
uint64_t rate_await(struct rate *rate);
#define RATE_LAG_NS UINT64_C(100000000)

#endif
