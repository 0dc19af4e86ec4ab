/*
 * Chooses the shift between the monotonic clock and the time of the store. Reads no clock and keeps nothing: the
 * caller does.
 */
#include "supervisor/store_time.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"

/* The most that can have passed between two boots, in seconds: ten years. A clock that says more is wrong, and the
 * store's time must not run out by it: it has some 146 years to go. */
#define GAP_MAX_S (10 * 365 * 86400.0)

void store_time_boot(char *boot, int size)
{
    boot[0] = '\0';
    AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t count = read(fd, boot, (size_t)size - 1);
    boot[count > 0 ? count : 0] = '\0';
    boot[strcspn(boot, "\n")] = '\0';
}

/* How much of the store's time has passed while nobody looked, by the wall clock; one that was set back counts as
 * no time. */
static int64_t gap_ns(const struct store_time *known, double wall_s)
{
    double gap_s = known->seen_s > 0 ? wall_s - known->seen_s : 0;
    if (!(gap_s > 0)) /* NaN too */
        return 0;
    int64_t gap = (int64_t)((gap_s < GAP_MAX_S ? gap_s : GAP_MAX_S) * 1e9);
    int64_t room = INT64_MAX - known->seen_ns;
    return gap < room ? gap : room;
}

int64_t store_time_shift(const struct store_time *known, const char *boot, uint64_t now_ns,
                         double wall_s)
{
    int64_t now = (int64_t)now_ns;
    /* In a container whose clock was set (time_namespaces(7)) or that was moved here, a boot with the same name may
     * be another one. */
    if (*boot && strcmp(boot, known->boot) == 0 && now + known->shift_ns >= known->seen_ns)
        return known->shift_ns;
    if (known->seen_ns == 0) /* never seen: both clocks begin as one */
        return 0;
    return known->seen_ns + gap_ns(known, wall_s) - now;
}
