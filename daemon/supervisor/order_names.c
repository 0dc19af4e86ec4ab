/*
 * Which entries a name means. A name means the entries that have it when the wish comes. Entries that get the name
 * later make another group with the next wish, which takes in the older group as if it were a member. So an entry
 * belongs to one group at most, however many pieces there are.
 *
 * Relies on the entries of a batch staying where they are in number. Learns from the batch how jobs have ended when
 * it makes an entry's node, and never again: later ends are told to order_news.c.
 */
#include <errno.h>
#include <stdlib.h>
#include "supervisor/batch.h"
#include "supervisor/order_parts.h"

/* ---- Names ------------------------------------------------------------------------------------- */

uint32_t order_find_entry(const struct order *order, const char *text)
{
    return name_map_find(&order->names, text);
}

static int add_name(struct order *order, const char *text, uint32_t entry)
{
    uint32_t known = order_find_entry(order, text);
    int error = name_map_set(&order->names, text, entry);
    if (!error)
        order->nodes[entry].namesake = known;
    return error;
}

/* Forgets the name of the entry that was added last. */
static void remove_name(struct order *order, const char *text, uint32_t entry)
{
    if (order_find_entry(order, text) != entry)
        return; /* it had not been added */
    if (order->nodes[entry].namesake == ORDER_NOBODY)
        name_map_remove(&order->names, text);
    else
        (void)name_map_set(&order->names, text, order->nodes[entry].namesake); /* is known */
}

/* ---- Nodes --------------------------------------------------------------------------------------- */

static uint32_t unended_jobs(const struct batch *batch, const struct entry *entry, bool *failed)
{
    uint32_t unended = 0;
    for (uint32_t job = entry->first; job < entry->first + entry->count; job++) {
        enum job_state state = batch_state(batch, job);
        unended += !job_state_is_final(state);
        *failed |= job_state_is_final(state) && state != JOB_SUCCEEDED;
    }
    return unended;
}

void order_remove_nodes(struct order *order, const struct batch *batch, uint32_t first)
{
    while (order->nodes_count > first) {
        uint32_t entry = --order->nodes_count;
        if (batch->entries[entry].name)
            remove_name(order, batch->entries[entry].name, entry);
    }
}

int order_add_nodes(struct order *order, const struct batch *batch)
{
    if (batch->entries_count > order->nodes_capacity) {
        struct order_node *grown =
            reallocarray(order->nodes, batch->entries_capacity, sizeof(*order->nodes));
        if (!grown)
            return -ENOMEM;
        order->nodes = grown;
        order->nodes_capacity = batch->entries_capacity;
    }
    for (uint32_t i = order->nodes_count; i < batch->entries_count; i++) {
        const struct entry *entry = &batch->entries[i];
        struct order_node node = {.group = ORDER_NOBODY,
                                  .namesake = ORDER_NOBODY,
                                  .next = ORDER_NOBODY,
                                  .because = ORDER_NOBODY};
        node.unended = unended_jobs(batch, entry, &node.failed);
        order->nodes[i] = node;
        order->nodes_count = i + 1;
        if (entry->name && add_name(order, entry->name, i) != 0)
            return -ENOMEM;
    }
    return 0;
}

/* ---- Groups -------------------------------------------------------------------------------------- */

struct order_group *order_find_group(const struct order *order, const char *name)
{
    return &order->groups[order->nodes[order_find_entry(order, name)].group];
}

static int reserve_group(struct order *order)
{
    if (order->groups_count < order->groups_capacity)
        return 0;
    /* An entry belongs to one group at most, so there are never more groups than entries. */
    uint32_t capacity = order->groups_capacity ? 2 * order->groups_capacity : 4;
    struct order_group *grown = reallocarray(order->groups, capacity, sizeof(*order->groups));
    if (!grown)
        return -ENOMEM;
    order->groups = grown;
    order->groups_capacity = capacity;
    return 0;
}

int order_add_group(struct order *order, uint32_t latest)
{
    if (order->nodes[latest].group != ORDER_NOBODY)
        return 0;
    int error = reserve_group(order);
    if (error)
        return error;
    uint32_t number = order->groups_count++;
    struct order_group group = {.because = ORDER_NOBODY,
                                .followers = ORDER_NOBODY,
                                .latest = latest,
                                .older = ORDER_NOBODY,
                                .newer = ORDER_NOBODY,
                                .entries = order->nodes_count};
    uint32_t entry = latest;
    for (; entry != ORDER_NOBODY && order->nodes[entry].group == ORDER_NOBODY;
         entry = order->nodes[entry].namesake) {
        struct order_node *node = &order->nodes[entry];
        node->group = number;
        group.unended += node->unended > 0;
        if (node->unended == 0 && node->failed)
            group.because = entry;
    }
    if (entry != ORDER_NOBODY) {
        group.older = order->nodes[entry].group;
        struct order_group *older = &order->groups[group.older];
        older->newer = number;
        group.unended += older->unended > 0;
        if (older->because != ORDER_NOBODY)
            group.because = older->because;
    }
    order->groups[number] = group;
    return 0;
}

void order_remove_groups(struct order *order, uint32_t entries)
{
    while (order->groups_count > 0 && order->groups[order->groups_count - 1].entries > entries) {
        uint32_t number = --order->groups_count;
        const struct order_group *group = &order->groups[number];
        for (uint32_t entry = group->latest;
             entry != ORDER_NOBODY && order->nodes[entry].group == number;
             entry = order->nodes[entry].namesake)
            order->nodes[entry].group = ORDER_NOBODY;
        if (group->older != ORDER_NOBODY)
            order->groups[group->older].newer = ORDER_NOBODY;
    }
}
