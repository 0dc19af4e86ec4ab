/*
 * What becomes of the entries that wait while the batch runs: job ends count down nodes and groups, and entries
 * that may go, or never will, become news. Entries with news are chained through their nodes, so telling needs no
 * memory. Never adds an edge or a group.
 */
#include "supervisor/batch.h"
#include "supervisor/order_parts.h"

/* ---- The list of news ------------------------------------------------------------------------------ */

static void add_news(struct order *order, uint32_t entry)
{
    struct order_node *node = &order->nodes[entry];
    node->told = true;
    node->next = ORDER_NOBODY;
    if (order->news_last == ORDER_NOBODY)
        order->news_first = entry;
    else
        order->nodes[order->news_last].next = entry;
    order->news_last = entry;
}

void order_doom(struct order *order, uint32_t entry, uint32_t because)
{
    struct order_node *node = &order->nodes[entry];
    if (node->told)
        return;
    node->because = because;
    add_news(order, entry);
}

void order_remove_news(struct order *order, uint32_t first)
{
    uint32_t at = order->news_first;
    order->news_first = order->news_last = ORDER_NOBODY;
    while (at != ORDER_NOBODY) {
        uint32_t next = order->nodes[at].next;
        if (at < first)
            add_news(order, at);
        at = next;
    }
}

/* Takes the entry behind `before` (ORDER_NOBODY: the first) out of the list of news. */
static void take_news(struct order *order, uint32_t before, uint32_t entry)
{
    uint32_t next = order->nodes[entry].next;
    if (before == ORDER_NOBODY)
        order->news_first = next;
    else
        order->nodes[before].next = next;
    if (order->news_last == entry)
        order->news_last = before;
}

enum order_news order_next(struct batch *batch, uint32_t end, uint32_t *entry, uint32_t *because)
{
    struct order *order = batch->order;
    uint32_t before = ORDER_NOBODY, at = order ? order->news_first : ORDER_NOBODY;
    while (at != ORDER_NOBODY && at >= end) {
        before = at;
        at = order->nodes[at].next;
    }
    if (at == ORDER_NOBODY)
        return ORDER_NONE;
    take_news(order, before, at);
    *entry = at;
    *because = order->nodes[at].because;
    return *because == ORDER_NOBODY ? ORDER_FREE : ORDER_DOOM;
}

void order_admit(struct batch *batch, uint32_t first)
{
    struct order *order = batch->order;
    uint32_t before = ORDER_NOBODY, next;
    for (uint32_t at = order ? order->news_first : ORDER_NOBODY; at != ORDER_NOBODY; at = next) {
        next = order->nodes[at].next;
        if (at >= first && order->nodes[at].because == ORDER_NOBODY)
            take_news(order, before, at);
        else
            before = at;
    }
}

/* ---- Job ends -------------------------------------------------------------------------------------- */

bool order_waits(const struct batch *batch, uint32_t entry)
{
    const struct order *order = batch->order;
    return order && (order->nodes[entry].awaits > 0 || order->nodes[entry].because != ORDER_NOBODY);
}

bool order_has_unended(const struct batch *batch, const char *name)
{
    const struct order *order = batch->order;
    uint32_t entry = order ? order_find_entry(order, name) : ORDER_NOBODY;
    while (entry != ORDER_NOBODY && order->nodes[entry].group == ORDER_NOBODY &&
           order->nodes[entry].unended == 0)
        entry = order->nodes[entry].namesake;
    if (entry == ORDER_NOBODY || order->nodes[entry].group == ORDER_NOBODY)
        return entry != ORDER_NOBODY;
    return order->groups[order->nodes[entry].group].unended > 0; /* of all that are older, too */
}

/* The group's followers learn that it has failed because of this entry, or ended, or both. */
static void tell_followers(struct order *order, const struct order_group *group, uint32_t entry,
                           bool fails, bool ends)
{
    for (uint32_t at = group->followers; at != ORDER_NOBODY; at = order->edges[at].next) {
        const struct order_edge *edge = &order->edges[at];
        struct order_node *follower = &order->nodes[edge->follower];
        follower->awaits -= ends;
        if (fails && !edge->any)
            order_doom(order, edge->follower, entry);
        else if (follower->awaits == 0 && !follower->told)
            add_news(order, edge->follower);
    }
}

/* An entry of this group has ended. A group fails once and ends once, so that its followers are gone through twice
 * at most, however many entries it has. */
static void end_member(struct order *order, uint32_t number, uint32_t entry, bool failed)
{
    bool fails = failed, ends = true;
    while (number != ORDER_NOBODY) {
        struct order_group *group = &order->groups[number];
        fails = fails && group->because == ORDER_NOBODY; /* newer ones have failed with it */
        ends = ends && --group->unended == 0;
        if (!fails && !ends)
            return;
        if (fails)
            group->because = entry;
        tell_followers(order, group, entry, fails, ends);
        if (ends)
            group->followers = ORDER_NOBODY;
        number = group->newer;
    }
}

void order_job_ended(struct batch *batch, uint32_t entry, bool succeeded)
{
    struct order *order = batch->order;
    if (!order)
        return;
    struct order_node *node = &order->nodes[entry];
    node->failed |= !succeeded;
    if (--node->unended > 0)
        return;
    node->told = true; /* whatever it waited for: it is over */
    end_member(order, node->group, entry, node->failed);
}
