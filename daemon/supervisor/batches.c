/*
 * A hash table by number and two lists by age.
 */
#include "supervisor/batches.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

/* Batches that are let go in one turn of the loop: forgetting a small one takes about a microsecond. */
#define LET_GO_MAX 64

#define BUCKETS_MIN 64u /* a power of two, as all sizes are */

int batches_init(struct batches *batches, size_t history_bytes_max)
{
    *batches = (struct batches){.history_bytes_max = history_bytes_max};
    TAILQ_INIT(&batches->all);
    TAILQ_INIT(&batches->finished);
    TAILQ_INIT(&batches->let_go);
    batches->buckets = calloc(BUCKETS_MIN, sizeof(struct batch *));
    if (!batches->buckets)
        return -ENOMEM;
    batches->buckets_count = BUCKETS_MIN;
    return 0;
}

static void drop_key(struct batches *batches, struct batch *batch)
{
    if (batch->key)
        keys_remove(&batches->keys, batch->owner, batch->key);
    batch->key = NULL;
}

void batches_clear(struct batches *batches)
{
    struct batch *batch;
    while ((batch = TAILQ_FIRST(&batches->all))) {
        TAILQ_REMOVE(&batches->all, batch, all_link);
        drop_key(batches, batch);
        batch_free(batch);
    }
    TAILQ_INIT(&batches->let_go);
    if (batches->room)
        event_free(batches->room);
    batches->room = NULL;
    free(batches->buckets);
    batches->buckets = NULL;
}

/* Numbers follow one another, so their low bits spread evenly by themselves. */
static struct batch **bucket(const struct batches *batches, uint64_t number)
{
    return &batches->buckets[number & (batches->buckets_count - 1)];
}

static void insert(struct batches *batches, struct batch *batch)
{
    struct batch **head = bucket(batches, batch->number);
    batch->hash_next = *head;
    *head = batch;
}

/* Doubles the table; when there is no memory, chains just get longer. */
static void grow_table(struct batches *batches)
{
    size_t larger = 2 * batches->buckets_count;
    struct batch **buckets = calloc(larger, sizeof(struct batch *));
    if (!buckets)
        return;
    free(batches->buckets);
    batches->buckets = buckets;
    batches->buckets_count = larger;
    struct batch *batch;
    TAILQ_FOREACH (batch, &batches->all, all_link)
        insert(batches, batch);
}

struct batch *batches_add(struct batches *batches, const char *name, uid_t owner)
{
    struct batch *batch = batch_new(batches->last_number + 1, name, owner);
    if (!batch)
        return NULL;
    if (batches->count >= batches->buckets_count)
        grow_table(batches);
    batches->last_number++;
    insert(batches, batch);
    TAILQ_INSERT_TAIL(&batches->all, batch, all_link);
    batches->count++;
    return batch;
}

void batches_restore(struct batches *batches, struct batch *batch)
{
    struct batch *before = batches_below(batches, batch->number);
    if (batches->count >= batches->buckets_count)
        grow_table(batches);
    insert(batches, batch);
    if (before)
        TAILQ_INSERT_AFTER(&batches->all, before, batch, all_link);
    else
        TAILQ_INSERT_HEAD(&batches->all, batch, all_link);
    batches->count++;
    if (batch->number > batches->last_number)
        batches->last_number = batch->number;
}

int batches_set_key(struct batches *batches, struct batch *batch, const char *key)
{
    batch->key = keys_add(&batches->keys, batch->owner, key, batch);
    return batch->key ? 0 : -ENOMEM;
}

static void unlist_let_go(struct batches *batches, struct batch *batch)
{
    if (batch->let_go)
        TAILQ_REMOVE(&batches->let_go, batch, let_go_link);
    batch->let_go = false;
}

static void forget(struct batches *batches, struct batch *batch)
{
    unlist_let_go(batches, batch);
    struct batch **link = bucket(batches, batch->number);
    while (*link != batch)
        link = &(*link)->hash_next;
    *link = batch->hash_next;
    TAILQ_REMOVE(&batches->all, batch, all_link);
    batches->count--;
    drop_key(batches, batch);
    batch_free(batch);
}

void batches_undo_add(struct batches *batches, struct batch *batch)
{
    if (batch->number == batches->last_number)
        batches->last_number--;
    forget(batches, batch);
}

struct batch *batches_find(const struct batches *batches, uint64_t number)
{
    struct batch *batch = *bucket(batches, number);
    while (batch && batch->number != number)
        batch = batch->hash_next;
    return batch;
}

/* Neither the oldest nor the newest is it, nor is there one of this number: goes from the nearer end, since those who
 * ask for history ask for old ones, of which few may be here. */
static struct batch *look_below(const struct batches *batches, uint64_t number)
{
    struct batch *first = TAILQ_FIRST(&batches->all);
    struct batch *last = TAILQ_LAST(&batches->all, batches_list);
    if (number - first->number > last->number - number) {
        while (last->number > number)
            last = TAILQ_PREV(last, batches_list, all_link);
        return last;
    }
    struct batch *next;
    while ((next = TAILQ_NEXT(first, all_link))->number < number)
        first = next;
    return first;
}

struct batch *batches_below(const struct batches *batches, uint64_t number)
{
    struct batch *first = TAILQ_FIRST(&batches->all);
    struct batch *last = TAILQ_LAST(&batches->all, batches_list);
    if (!first || !number || last->number < number)
        return last;
    if (first->number >= number)
        return NULL;
    struct batch *batch = batches_find(batches, number);
    return batch ? TAILQ_PREV(batch, batches_list, all_link) : look_below(batches, number);
}

/* Forgets one of the history if it takes too much memory and nobody needs this one. */
static void make_room_of(struct batches *batches, struct batch *batch)
{
    bool needed = !LIST_EMPTY(&batch->watchers) || batch->wanted || !batch_told_finished(batch);
    if (batches->history_bytes <= batches->history_bytes_max || needed)
        return;
    TAILQ_REMOVE(&batches->finished, batch, finished_link);
    batches->finished_count--;
    batches->history_bytes -= batch_bytes(batch);
    forget(batches, batch);
}

/* Forgets the oldest of the history that nobody watches, as long as it takes too much memory; never `kept`. */
static void make_room(struct batches *batches, const struct batch *kept)
{
    struct batch *next;
    for (struct batch *oldest = TAILQ_FIRST(&batches->finished);
         oldest && batches->history_bytes > batches->history_bytes_max; oldest = next) {
        next = TAILQ_NEXT(oldest, finished_link);
        if (oldest != kept)
            make_room_of(batches, oldest);
    }
}

void batches_finished(struct batches *batches, struct batch *batch)
{
    TAILQ_INSERT_TAIL(&batches->finished, batch, finished_link);
    batches->finished_count++;
    batches->history_bytes += batch_bytes(batch);
    make_room(batches, batch);
}

void batches_recorded(struct batches *batches)
{
    make_room(batches, TAILQ_LAST(&batches->finished, batches_list));
}

/* ---- Letting go ---------------------------------------------------------------------------- */

static void make_room_soon(struct batches *batches)
{
    /* A timer that is due is served after the sockets had their turn, unlike event_active(). */
    static const struct timeval now = {0};
    if (batches->room)
        (void)evtimer_add(batches->room, &now); /* without memory: when the next one finishes */
}

/* Whatever else may be forgotten has been when it could be, so only these are looked at. */
static void on_room(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct batches *batches = context;
    struct batch *batch;
    for (int i = 0; i < LET_GO_MAX && (batch = TAILQ_FIRST(&batches->let_go)); i++) {
        unlist_let_go(batches, batch);
        if (batch != TAILQ_LAST(&batches->finished, batches_list))
            make_room_of(batches, batch);
    }
    if (!TAILQ_EMPTY(&batches->let_go))
        make_room_soon(batches);
}

int batches_make_room_in(struct batches *batches, struct event_base *base)
{
    batches->room = evtimer_new(base, on_room, batches);
    return batches->room ? 0 : -ENOMEM;
}

void batches_let_go(struct batches *batches, struct batch *batch)
{
    bool has_room = batches->history_bytes <= batches->history_bytes_max; /* as nearly always */
    if (!batch->finished || batch->let_go || has_room)
        return;
    batch->let_go = true;
    TAILQ_INSERT_TAIL(&batches->let_go, batch, let_go_link);
    make_room_soon(batches);
}
