/*
 * Rates, see rate.h.
 */
#include "base/rate.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/parse.h"

#define NS_PER_S 1e9

static const struct {
    const char *name;
    double seconds;
} periods[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
#define PERIODS (sizeof(periods) / sizeof(*periods))

/* Longer than the longest text of a rate. */
#define TEXT_SIZE 64

/* The seconds of the period with this name; 0: there is none. */
static double period_of(const char *name)
{
    for (size_t i = 0; i < PERIODS; i++) {
        if (strcmp(periods[i].name, name) == 0)
            return periods[i].seconds;
    }
    return 0;
}

static int read_burst(const char *text, uint32_t *out)
{
    int64_t burst;
    int result = parse_integer(text, &burst);
    if (result != 0)
        return result;
    if (burst < 1 || burst > RATE_BURST_MAX)
        return -ERANGE;
    *out = (uint32_t)burst;
    return 0;
}

int rate_parse(const char *text, struct rate *out)
{
    static const char burst_word[] = " burst ";
    char copy[TEXT_SIZE];
    if (strlen(text) >= sizeof(copy))
        return -EINVAL;
    (void)snprintf(copy, sizeof(copy), "%s", text); /* fits */

    struct rate rate = {.burst = 1};
    char *burst = strstr(copy, burst_word);
    int result = burst ? read_burst(burst + sizeof(burst_word) - 1, &rate.burst) : 0;
    if (result == -EINVAL)
        return result;
    if (burst)
        *burst = '\0';

    char *slash = strchr(copy, '/');
    if (!slash)
        return -EINVAL;
    *slash = '\0';
    double count, period = period_of(slash + 1);
    int count_result = parse_number(copy, &count);
    if (count_result == -EINVAL || period == 0)
        return -EINVAL;
    if (result != 0 || count_result != 0 || !(count > 0) || count > RATE_MAX_PER_S * period ||
        period / count > RATE_INTERVAL_MAX_S || period / count * rate.burst > RATE_BURST_MAX_S)
        return -ERANGE;
    rate.interval_ns = (uint64_t)llround(period / count * NS_PER_S);
    *out = rate;
    return 0;
}

const char *rate_show(const struct rate *rate, char *buffer, size_t size)
{
    *buffer = '\0';
    if (rate->interval_ns == 0)
        return buffer;
    /* The shortest period in which one comes or more. */
    size_t i = 0;
    double interval_s = (double)rate->interval_ns / NS_PER_S;
    while (i + 1 < PERIODS && interval_s > periods[i].seconds * 1.000001)
        i++;
    int used = snprintf(buffer, size, "%.9g/%s", periods[i].seconds / interval_s, periods[i].name);
    if (rate->burst > 1 && used > 0 && (size_t)used < size)
        (void)snprintf(buffer + used, size - (size_t)used, " burst %" PRIu32, rate->burst);
    return buffer;
}

/* How far ahead of its time the next one may come: a burst less the one that is on time. */
static uint64_t ahead_ns(const struct rate *rate)
{
    return (rate->burst - 1) * rate->interval_ns;
}

/* From when on the next one counts. Time in which nobody wanted anything is not made up for. */
static uint64_t base_ns(const struct rate *rate, uint64_t now_ns)
{
    uint64_t oldest_ns = now_ns;
    if (rate->awaited)
        oldest_ns = now_ns > RATE_LAG_NS ? now_ns - RATE_LAG_NS : 0;
    return rate->due_ns > oldest_ns ? rate->due_ns : oldest_ns;
}

uint32_t rate_room(const struct rate *rate, uint64_t now_ns, uint32_t max)
{
    if (rate->interval_ns == 0)
        return max;
    uint64_t base = base_ns(rate, now_ns), latest = now_ns + ahead_ns(rate);
    if (base > latest)
        return 0;
    uint64_t room = (latest - base) / rate->interval_ns + 1;
    return room < max ? (uint32_t)room : max;
}

void rate_take(struct rate *rate, uint64_t now_ns, uint32_t count)
{
    if (rate->interval_ns == 0)
        return;
    rate->due_ns = base_ns(rate, now_ns) + count * rate->interval_ns;
    rate->awaited = false;
}

uint64_t rate_await(struct rate *rate)
{
    rate->awaited = true;
    uint64_t ahead = ahead_ns(rate);
    return rate->due_ns > ahead ? rate->due_ns - ahead : 0;
}
