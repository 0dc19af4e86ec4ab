/*
 * Lookups of names whose jobs are over. libcurl looks each name up on a thread, which nobody can stop: when its job
 * is cancelled or out of time, the thread stays until the resolver gives up. Counted here, so that jobs that
 * end early cannot pile up threads without end. Plain data; times are the caller's.
 */
#ifndef AWAITD_HTTP_LOOKUPS_H
#define AWAITD_HTTP_LOOKUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lookups left behind at which a worker begins no more: each is a thread, of which a process may have some thousands
 * at the most, while names that nobody answers for are rare where all is well. Those under way by then may
 * still be left behind, as many as jobs run. */
#define LOOKUPS_LEFT_MAX 128

/* Zeroed but for longest_ns: none was left behind. */
struct lookups {
    uint64_t longest_ns;                /* how long one can last, see lookups_longest_ns() */
    uint64_t left_ns[LOOKUPS_LEFT_MAX]; /* when the last ones were left; 0: never */
    size_t oldest;                      /* of these */
};

/* How long the system's resolver may be busy with a name, by its configuration as it is now. What else nsswitch.conf(5)
 * names may take longer; there may be a few times as many threads then. */
uint64_t lookups_longest_ns(void);

/* Whether another may begin: not when LOOKUPS_LEFT_MAX were left behind less than longest_ns ago. */
bool lookups_may_begin(const struct lookups *lookups, uint64_t now_ns);
/* One was left behind. Times must not go back, nor be 0. */
void lookups_leave(struct lookups *lookups, uint64_t now_ns);

/* Whether a URL's host needs none: it is an address, or localhost. A URL that cannot be read needs one. */
bool lookups_not_needed(const char *url);

#endif
