/*
 * What comes after what inside a batch. An entry may wait for other entries, all jobs of each: until they have
 * succeeded (`after`) or just ended (`after_any`). This module knows who waits for whom and says, job end by
 * job end, which entries may go now and which never will; it changes no job itself.
 *
 * A batch in which nothing waits has no order and pays nothing. Time and memory go by the entries and
 * the names that they come after, however many entries have one name: adding costs O(log n) for each of both, and the
 * ends of all jobs together cost O(1) for each of both and each job. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_ORDER_H
#define AWAITD_SUPERVISOR_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

struct batch;
struct order;
struct problems;

/* What one entry waits for. */
struct order_wish {
    uint32_t entry;      /* its number in the batch */
    uint32_t place;      /* its place in the request, for problems: jobs[place].after */
    const json_t *names; /* texts */
    bool any;            /* after_any: their end is enough */
};

/*
 * Takes in the wishes of the batch's entries from number `first` on, sorted by entry; all entries have been
 * added, and none of their jobs has ended. Several entries with one name are meant together. A name may stand
 * for entries of earlier pieces. -EINVAL: names that no entry has, or a circle, which are told in `problems`
 * (jobs[3].after: there is no job build); -ENOMEM. Nothing has changed then.
 */
int order_add(struct batch *batch, uint32_t first, const struct order_wish *wishes, size_t count,
              struct problems *problems);
/* Forgets the entries from number `entries` on, which were added last; none of their jobs has ended. Before
 * they leave the batch. */
void order_truncate(struct batch *batch, uint32_t entries);
void order_free(struct order *order);

/* Whether the entry still has to wait for others. */
bool order_waits(const struct batch *batch, uint32_t entry);

/* Whether an entry with this name has jobs that have not ended. */
bool order_has_unended(const struct batch *batch, const char *name);

/* A job of this entry has ended, and succeeded or not; each is told once. */
void order_job_ended(struct batch *batch, uint32_t entry, bool succeeded);

enum order_news {
    ORDER_NONE, /* there is nothing new */
    ORDER_FREE, /* the entry waits no longer */
    ORDER_DOOM, /* it waited for one that did not succeed: it will not run. *because is that one. */
};
/* The next thing that became of an entry that waited, of those with a number below `end`. Each entry is told of once. */
enum order_news order_next(struct batch *batch, uint32_t end, uint32_t *entry, uint32_t *because);
/* Entries from number `first` on are only now looked at: that some need not wait any more is seen from order_waits(), and
 * not told. */
void order_admit(struct batch *batch, uint32_t first);

/* Bytes of memory that it takes, about. */
size_t order_bytes(const struct batch *batch);

#endif
