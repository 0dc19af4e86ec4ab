/*
 * Wishes become edges: their names are looked up, circles refused, and who waits is linked to the groups that it
 * waits for. What was added last can be taken back. How all this is kept in memory, see order_parts.h.
 *
 * Changes nothing where it refuses. Never tells what becomes of an entry: order_news.c does.
 */
#include "supervisor/order.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/problems.h"
#include "supervisor/batch.h"
#include "supervisor/order_parts.h"

/* ---- Wishes -------------------------------------------------------------------------------------- */

void order_tell(struct problems *problems, const struct order_wish *wish, const char *format,
                const char *text)
{
    char field[48];
    (void)snprintf(field, sizeof(field), "jobs[%u].%s", wish->place,
                   wish->any ? "after_any" : "after");
    problems_add(problems, field, format, text);
}

/* Makes the groups that are waited for; *edges is how many edges that makes. -EINVAL: there are names that no
 * entry has. */
static int resolve(struct order *order, const struct order_wish *wishes, size_t count,
                   size_t *edges, struct problems *problems)
{
    int error = 0;
    *edges = 0;
    assert(!problems_full(problems)); /* or no wish would be looked at */
    for (size_t i = 0; i < count && !problems_full(problems); i++) {
        for (size_t k = 0; k < json_array_size(wishes[i].names); k++) {
            const char *text = json_string_value(json_array_get(wishes[i].names, k));
            uint32_t entry = order_find_entry(order, text);
            if (entry == ORDER_NOBODY) {
                order_tell(problems, &wishes[i], "there is no job with the name %s", text);
                error = -EINVAL;
            } else if (order_add_group(order, entry) != 0) {
                return -ENOMEM;
            }
            ++*edges;
        }
    }
    return error;
}

/* The follower waits for this group, which may have ended or failed. */
static void link_group(struct order *order, struct order_group *group, uint32_t follower, bool any)
{
    if (group->because != ORDER_NOBODY && !any)
        order_doom(order, follower, group->because);
    if (group->unended == 0)
        return;
    order->edges[order->edges_count] =
        (struct order_edge){.follower = follower, .next = group->followers, .any = any};
    group->followers = order->edges_count++;
    order->nodes[follower].awaits++;
}

static int reserve_edges(struct order *order, size_t more)
{
    size_t needed = order->edges_count + more;
    if (needed <= order->edges_capacity)
        return 0;
    if (needed >= ORDER_NOBODY)
        return -ENOMEM;
    size_t capacity = 2 * (size_t)order->edges_capacity;
    if (capacity < needed)
        capacity = needed;
    if (capacity >= ORDER_NOBODY)
        capacity = ORDER_NOBODY - 1;
    void *grown = reallocarray(order->edges, capacity, sizeof(*order->edges));
    if (!grown)
        return -ENOMEM;
    order->edges = grown;
    order->edges_capacity = (uint32_t)capacity;
    return 0;
}

static void link_wishes(struct order *order, const struct order_wish *wishes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < json_array_size(wishes[i].names); k++) {
            const char *text = json_string_value(json_array_get(wishes[i].names, k));
            link_group(order, order_find_group(order, text), wishes[i].entry, wishes[i].any);
        }
    }
}

/* ---- Adding and taking back ------------------------------------------------------------------------ */

static struct order *order_new(void)
{
    struct order *order = calloc(1, sizeof(*order));
    if (order)
        order->news_first = order->news_last = ORDER_NOBODY;
    return order;
}

int order_add(struct batch *batch, uint32_t first, const struct order_wish *wishes, size_t count,
              struct problems *problems)
{
    if (count == 0 && !batch->order)
        return 0;
    bool is_new = !batch->order;
    struct order *order = is_new ? order_new() : batch->order;
    if (!order)
        return -ENOMEM;
    size_t edges = 0;
    uint32_t groups = order->groups_count;
    int error = order_add_nodes(order, batch);
    if (!error)
        error = resolve(order, wishes, count, &edges, problems);
    if (!error && count > 0)
        error = order_check_circles(order, batch, first, groups, wishes, count, edges, problems);
    if (!error)
        error = reserve_edges(order, edges);
    if (error && is_new) {
        order_free(order);
    } else if (error) {
        order_remove_groups(order, first);
        order_remove_nodes(order, batch, first);
    } else {
        link_wishes(order, wishes, count);
        batch->order = order;
    }
    return error;
}

/* Forgets what entries from number `first` on wait for. Edges stand in the order in which they were added, and
 * the latest is the first of its list. */
static void remove_edges(struct order *order, uint32_t first)
{
    while (order->edges_count > 0 && order->edges[order->edges_count - 1].follower >= first)
        order->edges_count--;
    for (uint32_t i = 0; i < order->groups_count; i++) {
        uint32_t *head = &order->groups[i].followers;
        while (*head != ORDER_NOBODY && *head >= order->edges_count)
            *head = order->edges[*head].next;
    }
}

void order_truncate(struct batch *batch, uint32_t entries)
{
    struct order *order = batch->order;
    if (!order || order->nodes_count <= entries)
        return;
    order_remove_news(order, entries);
    remove_edges(order, entries);
    order_remove_groups(order, entries);
    order_remove_nodes(order, batch, entries);
}

void order_free(struct order *order)
{
    if (!order)
        return;
    name_map_clear(&order->names);
    free(order->nodes);
    free(order->groups);
    free(order->edges);
    free(order);
}

size_t order_bytes(const struct batch *batch)
{
    const struct order *order = batch->order;
    return !order ? 0
                  : sizeof(*order) + order->nodes_capacity * (sizeof(struct order_node) + 64) +
                        order->groups_capacity * sizeof(struct order_group) +
                        order->edges_capacity * sizeof(struct order_edge);
}
