/*
 * Points in time that outlive a boot. The monotonic clock begins anew with each boot of the machine, and the wall
 * clock may be set; so the store keeps a time of its own, in nanoseconds, that is the monotonic clock plus a shift
 * which stays the same for a boot. With a new boot a new shift is chosen, once, so that as much of the store's time
 * has passed since it was last seen as the wall clock says; what the wall clock does during a boot changes nothing.
 */
#ifndef AWAITD_SUPERVISOR_STORE_TIME_H
#define AWAITD_SUPERVISOR_STORE_TIME_H

#include <stdint.h>

/* What is known of the last boot in which the store was open. */
struct store_time {
    char boot[64];    /* the kernel's boot_id; empty: never yet, or not known */
    int64_t shift_ns; /* in that boot */
    int64_t seen_ns;  /* a point in the store's time, */
    double seen_s;    /* and the wall clock then; 0: never */
};

/* The boot_id of the machine now, or "" where it cannot be read. */
void store_time_boot(char *boot, int size);

/* The shift from now on, given what was known, this boot, and both clocks. */
int64_t store_time_shift(const struct store_time *known, const char *boot, uint64_t now_ns,
                         double wall_s);

#endif
