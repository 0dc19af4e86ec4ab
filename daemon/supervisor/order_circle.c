/*
 * Whether wishes go in a circle: takes out entry after entry that waits for none that is left (Kahn 1962); where
 * some stay, there is a circle among them, which is told by its names.
 *
 * Looks at the entries of one request alone: earlier ones cannot wait for later ones. Works on counters of its own
 * and changes nothing in the order.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/batch.h"
#include "supervisor/order_parts.h"

/* Names of a circle that are told. */
#define CIRCLE_SHOWN 8

/* The entries from number `first` on, among which alone there can be a circle, and the groups that they are in, which
 * are those from number `first_group` on: how many of them each has still to wait for. */
struct sorting {
    const struct order *order;
    const struct batch *batch;
    uint32_t first, first_group;
    uint32_t entries, groups; /* how many */
    const struct order_wish *wishes;
    size_t wishes_count;
    uint32_t *awaits, *ready; /* by entry - first; and a stack */
    uint32_t ready_count;
    bool *seen; /* by entry - first: on the way round a circle */
    /* By group - first_group: entries in it that are left, one of these, and its list of edges. */
    uint32_t *members, *left, *followers;
    struct order_edge *edges;
    uint32_t edges_count;
};

static void sorting_clear(struct sorting *sorting)
{
    free(sorting->awaits);
    free(sorting->ready);
    free(sorting->seen);
    free(sorting->members);
    free(sorting->left);
    free(sorting->followers);
    free(sorting->edges);
}

static int sorting_init(struct sorting *sorting, size_t edges)
{
    /* One more of each, so that none asks for nothing. */
    size_t entries = sorting->entries + (size_t)1, groups = sorting->groups + (size_t)1;
    sorting->awaits = calloc(entries, sizeof(uint32_t));
    sorting->ready = calloc(entries, sizeof(uint32_t));
    sorting->seen = calloc(entries, sizeof(bool));
    sorting->members = calloc(groups, sizeof(uint32_t));
    sorting->left = calloc(groups, sizeof(uint32_t));
    sorting->followers = malloc(groups * sizeof(uint32_t));
    sorting->edges = calloc(edges + 1, sizeof(struct order_edge));
    if (!sorting->awaits || !sorting->ready || !sorting->seen || !sorting->members ||
        !sorting->left || !sorting->followers || !sorting->edges) {
        sorting_clear(sorting);
        return -ENOMEM;
    }
    memset(sorting->followers, 0xff, groups * sizeof(uint32_t)); /* ORDER_NOBODY */
    return 0;
}

/* The group of the k-th name of the wish, as a number from first_group on; ORDER_NOBODY: all of it came before. */
static uint32_t sorting_group(const struct sorting *sorting, const struct order_wish *wish,
                              size_t k)
{
    const struct order *order = sorting->order;
    const struct order_group *group =
        order_find_group(order, json_string_value(json_array_get(wish->names, k)));
    return group->latest < sorting->first
               ? ORDER_NOBODY
               : (uint32_t)(group - order->groups) - sorting->first_group;
}

/* The same for the group that an entry is in; ORDER_NOBODY: nobody waits for it. */
static uint32_t sorting_group_of(const struct sorting *sorting, uint32_t entry)
{
    uint32_t group = sorting->order->nodes[sorting->first + entry].group;
    return group == ORDER_NOBODY ? ORDER_NOBODY : group - sorting->first_group;
}

static void sorting_read(struct sorting *sorting, const struct order_wish *wish)
{
    for (size_t k = 0; k < json_array_size(wish->names); k++) {
        uint32_t group = sorting_group(sorting, wish, k);
        if (group == ORDER_NOBODY)
            continue;
        uint32_t follower = wish->entry - sorting->first;
        sorting->edges[sorting->edges_count] =
            (struct order_edge){.follower = follower, .next = sorting->followers[group]};
        sorting->followers[group] = sorting->edges_count++;
        sorting->awaits[follower]++;
    }
}

/* The entry waits for none that is left. */
static void sorting_take(struct sorting *sorting, uint32_t entry)
{
    uint32_t group = sorting_group_of(sorting, entry);
    if (group == ORDER_NOBODY || --sorting->members[group] > 0)
        return;
    for (uint32_t at = sorting->followers[group]; at != ORDER_NOBODY;
         at = sorting->edges[at].next) {
        uint32_t follower = sorting->edges[at].follower;
        if (--sorting->awaits[follower] == 0)
            sorting->ready[sorting->ready_count++] = follower;
    }
}

/* Takes out entry after entry that waits for none that is left; returns how many stay. */
static uint32_t sorting_run(struct sorting *sorting)
{
    uint32_t left = sorting->entries;
    for (size_t i = 0; i < sorting->wishes_count; i++)
        sorting_read(sorting, &sorting->wishes[i]);
    for (uint32_t i = 0; i < sorting->entries; i++) {
        uint32_t group = sorting_group_of(sorting, i);
        if (group != ORDER_NOBODY)
            sorting->members[group]++;
        if (sorting->awaits[i] == 0)
            sorting->ready[sorting->ready_count++] = i;
    }
    for (; sorting->ready_count > 0; left--)
        sorting_take(sorting, sorting->ready[--sorting->ready_count]);
    return left;
}

/* Of the entries left, one that this one waits for; *wish is where it says so. Numbers from `first` on. */
static uint32_t predecessor(const struct sorting *sorting, uint32_t entry,
                            const struct order_wish **wish)
{
    size_t low = 0, high = sorting->wishes_count;
    while (low < high) { /* the entry's first wish */
        size_t middle = low + (high - low) / 2;
        if (sorting->wishes[middle].entry < sorting->first + entry)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < sorting->wishes_count && sorting->wishes[low].entry == sorting->first + entry;
         low++) {
        *wish = &sorting->wishes[low];
        for (size_t k = 0; k < json_array_size((*wish)->names); k++) {
            uint32_t group = sorting_group(sorting, *wish, k);
            if (group != ORDER_NOBODY && sorting->members[group] > 0)
                return sorting->left[group];
        }
    }
    return ORDER_NOBODY; /* cannot be: it would not be left */
}

/* An entry of a circle. Each entry left waits for another one of them, so whoever goes from one to the next
 * comes to one where it has been. */
static uint32_t find_circle(struct sorting *sorting)
{
    uint32_t entry = ORDER_NOBODY;
    for (uint32_t i = 0; i < sorting->entries; i++) {
        uint32_t group = sorting_group_of(sorting, i);
        if (sorting->awaits[i] == 0)
            continue;
        entry = i;
        if (group != ORDER_NOBODY)
            sorting->left[group] = i;
    }
    const struct order_wish *wish;
    for (; !sorting->seen[entry]; entry = predecessor(sorting, entry, &wish))
        sorting->seen[entry] = true;
    return entry;
}

/* Names a circle among the entries left. */
static void tell_circle(struct sorting *sorting, struct problems *problems)
{
    const struct entry *entries = &sorting->batch->entries[sorting->first];
    uint32_t begin = find_circle(sorting), entry = begin;
    const struct order_wish *wish = NULL;
    char text[512];
    size_t used = 0;
    int shown = 0;
    do {
        if (shown++ < CIRCLE_SHOWN && used < sizeof(text))
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%.40s after ",
                                     entries[entry].name);
        else if (shown == CIRCLE_SHOWN + 1 && used < sizeof(text))
            used += (size_t)snprintf(text + used, sizeof(text) - used, "... after ");
        entry = predecessor(sorting, entry, &wish);
    } while (entry != begin);
    if (used < sizeof(text))
        (void)snprintf(text + used, sizeof(text) - used, "%.40s", entries[entry].name);
    order_tell(problems, wish, "goes in a circle: %s", text);
}

int order_check_circles(const struct order *order, const struct batch *batch, uint32_t first,
                        uint32_t first_group, const struct order_wish *wishes, size_t count,
                        size_t edges, struct problems *problems)
{
    struct sorting sorting = {.order = order,
                              .batch = batch,
                              .first = first,
                              .first_group = first_group,
                              .entries = batch->entries_count - first,
                              .groups = order->groups_count - first_group,
                              .wishes = wishes,
                              .wishes_count = count};
    int error = sorting_init(&sorting, edges);
    if (error)
        return error;
    if (sorting_run(&sorting) > 0) {
        tell_circle(&sorting, problems);
        error = -EINVAL;
    }
    sorting_clear(&sorting);
    return error;
}
