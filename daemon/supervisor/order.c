/*
 * A node per entry, a group per name that is waited for, and an edge per name that an entry waits for: entries
 * belong to a group, and a group has followers, so that many entries with one name and many after it take as
 * many nodes and edges as there are of both together, not one per pair.
 *
 * A name means the entries that have it when the wish comes. Entries that get the name later make another group
 * with the next wish, which takes in the older group as if it were a member. So an entry belongs to one group
 * at most, however many pieces there are.
 *
 * Entries with news are chained through their nodes, so telling needs no memory. Relies on the entries of a batch
 * staying where they are in number.
 */
#include "supervisor/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/name_map.h"
#include "base/problems.h"
#include "supervisor/batch.h"

#define NONE NAME_MAP_NONE
/* Names of a circle that are told. */
#define CIRCLE_SHOWN 8

struct node {
    uint32_t awaits;   /* edges that lead to it from groups that have not ended */
    uint32_t unended;  /* jobs of its own */
    uint32_t group;    /* NONE: nobody waits for it */
    uint32_t namesake; /* the next older entry with the same name; NONE */
    uint32_t next;     /* with news; NONE */
    uint32_t because;  /* the entry that dooms it; NONE: it is not doomed */
    bool failed;       /* a job of its own ended without success */
    bool told;         /* it has had its news, or needs none */
};

/* All entries that had a name when it was waited for: those of the older group, and the members, which are the
 * latest one and its namesakes down to the latest one of the older group. */
struct group {
    uint32_t unended;   /* members and, as one more, the older group */
    uint32_t because;   /* the first of the entries that ended without success; NONE */
    uint32_t followers; /* its first edge; NONE */
    uint32_t latest;
    uint32_t older, newer; /* groups of the same name; NONE */
    uint32_t entries;      /* of the batch when it was made */
};

struct edge {
    uint32_t follower;
    uint32_t next; /* edge of the same group that is waited for; NONE */
    bool any;
};

struct order {
    struct node *nodes; /* one for each entry of the batch that was added so far */
    uint32_t nodes_count, nodes_capacity;
    struct group *groups;
    uint32_t groups_count, groups_capacity;
    struct edge *edges;
    uint32_t edges_count, edges_capacity;
    struct name_map names;          /* the latest entry with each name */
    uint32_t news_first, news_last; /* NONE: there are none */
};

/* ---- Names ------------------------------------------------------------------------------------- */

/* The latest entry with this name; NONE: there is none. */
static uint32_t find_entry(const struct order *order, const char *text)
{
    return name_map_find(&order->names, text);
}

static int add_name(struct order *order, const char *text, uint32_t entry)
{
    uint32_t known = find_entry(order, text);
    int error = name_map_set(&order->names, text, entry);
    if (!error)
        order->nodes[entry].namesake = known;
    return error;
}

/* Forgets the name of the entry that was added last. */
static void remove_name(struct order *order, const char *text, uint32_t entry)
{
    if (find_entry(order, text) != entry)
        return; /* it had not been added */
    if (order->nodes[entry].namesake == NONE)
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

static void remove_nodes(struct order *order, const struct batch *batch, uint32_t first)
{
    while (order->nodes_count > first) {
        uint32_t entry = --order->nodes_count;
        if (batch->entries[entry].name)
            remove_name(order, batch->entries[entry].name, entry);
    }
}

/* Nodes for all entries that have none. When a batch gets its first order, earlier pieces may have ended. */
static int add_nodes(struct order *order, const struct batch *batch)
{
    if (batch->entries_count > order->nodes_capacity) {
        struct node *grown =
            reallocarray(order->nodes, batch->entries_capacity, sizeof(*order->nodes));
        if (!grown)
            return -ENOMEM;
        order->nodes = grown;
        order->nodes_capacity = batch->entries_capacity;
    }
    for (uint32_t i = order->nodes_count; i < batch->entries_count; i++) {
        const struct entry *entry = &batch->entries[i];
        struct node node = {.group = NONE, .namesake = NONE, .next = NONE, .because = NONE};
        node.unended = unended_jobs(batch, entry, &node.failed);
        order->nodes[i] = node;
        order->nodes_count = i + 1;
        if (entry->name && add_name(order, entry->name, i) != 0)
            return -ENOMEM;
    }
    return 0;
}

/* ---- Groups -------------------------------------------------------------------------------------- */

static struct group *find_group(const struct order *order, const char *name)
{
    return &order->groups[order->nodes[find_entry(order, name)].group];
}

static int reserve_group(struct order *order)
{
    if (order->groups_count < order->groups_capacity)
        return 0;
    /* An entry belongs to one group at most, so there are never more groups than entries. */
    uint32_t capacity = order->groups_capacity ? 2 * order->groups_capacity : 4;
    struct group *grown = reallocarray(order->groups, capacity, sizeof(*order->groups));
    if (!grown)
        return -ENOMEM;
    order->groups = grown;
    order->groups_capacity = capacity;
    return 0;
}

/* Makes sure that there is a group of the entry that is the latest with its name, and of all its namesakes. */
static int add_group(struct order *order, uint32_t latest)
{
    if (order->nodes[latest].group != NONE)
        return 0;
    int error = reserve_group(order);
    if (error)
        return error;
    uint32_t number = order->groups_count++;
    struct group group = {.because = NONE,
                          .followers = NONE,
                          .latest = latest,
                          .older = NONE,
                          .newer = NONE,
                          .entries = order->nodes_count};
    uint32_t entry = latest;
    for (; entry != NONE && order->nodes[entry].group == NONE;
         entry = order->nodes[entry].namesake) {
        struct node *node = &order->nodes[entry];
        node->group = number;
        group.unended += node->unended > 0;
        if (node->unended == 0 && node->failed)
            group.because = entry;
    }
    if (entry != NONE) {
        group.older = order->nodes[entry].group;
        struct group *older = &order->groups[group.older];
        older->newer = number;
        group.unended += older->unended > 0;
        if (older->because != NONE)
            group.because = older->because;
    }
    order->groups[number] = group;
    return 0;
}

/* Forgets the groups that were made when there were more entries than these. */
static void remove_groups(struct order *order, uint32_t entries)
{
    while (order->groups_count > 0 && order->groups[order->groups_count - 1].entries > entries) {
        uint32_t number = --order->groups_count;
        const struct group *group = &order->groups[number];
        for (uint32_t entry = group->latest; entry != NONE && order->nodes[entry].group == number;
             entry = order->nodes[entry].namesake)
            order->nodes[entry].group = NONE;
        if (group->older != NONE)
            order->groups[group->older].newer = NONE;
    }
}

/* ---- Wishes -------------------------------------------------------------------------------------- */

static void tell(struct problems *problems, const struct order_wish *wish, const char *format,
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
    for (size_t i = 0; i < count && !problems_full(problems); i++) {
        for (size_t k = 0; k < json_array_size(wishes[i].names); k++) {
            const char *text = json_string_value(json_array_get(wishes[i].names, k));
            uint32_t entry = find_entry(order, text);
            if (entry == NONE) {
                tell(problems, &wishes[i], "there is no job with the name %s", text);
                error = -EINVAL;
            } else if (add_group(order, entry) != 0) {
                return -ENOMEM;
            }
            ++*edges;
        }
    }
    return error;
}

/* ---- Circles -------------------------------------------------------------------------------------- */

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
    struct edge *edges;
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
    sorting->edges = calloc(edges + 1, sizeof(struct edge));
    if (!sorting->awaits || !sorting->ready || !sorting->seen || !sorting->members ||
        !sorting->left || !sorting->followers || !sorting->edges) {
        sorting_clear(sorting);
        return -ENOMEM;
    }
    memset(sorting->followers, 0xff, groups * sizeof(uint32_t)); /* NONE */
    return 0;
}

/* The group of the k-th name of the wish, as a number from first_group on; NONE: all of it came before. */
static uint32_t sorting_group(const struct sorting *sorting, const struct order_wish *wish,
                              size_t k)
{
    const struct order *order = sorting->order;
    const struct group *group =
        find_group(order, json_string_value(json_array_get(wish->names, k)));
    return group->latest < sorting->first
               ? NONE
               : (uint32_t)(group - order->groups) - sorting->first_group;
}

/* The same for the group that an entry is in; NONE: nobody waits for it. */
static uint32_t sorting_group_of(const struct sorting *sorting, uint32_t entry)
{
    uint32_t group = sorting->order->nodes[sorting->first + entry].group;
    return group == NONE ? NONE : group - sorting->first_group;
}

static void sorting_read(struct sorting *sorting, const struct order_wish *wish)
{
    for (size_t k = 0; k < json_array_size(wish->names); k++) {
        uint32_t group = sorting_group(sorting, wish, k);
        if (group == NONE)
            continue;
        uint32_t follower = wish->entry - sorting->first;
        sorting->edges[sorting->edges_count] =
            (struct edge){.follower = follower, .next = sorting->followers[group]};
        sorting->followers[group] = sorting->edges_count++;
        sorting->awaits[follower]++;
    }
}

/* The entry waits for none that is left. */
static void sorting_take(struct sorting *sorting, uint32_t entry)
{
    uint32_t group = sorting_group_of(sorting, entry);
    if (group == NONE || --sorting->members[group] > 0)
        return;
    for (uint32_t at = sorting->followers[group]; at != NONE; at = sorting->edges[at].next) {
        uint32_t follower = sorting->edges[at].follower;
        if (--sorting->awaits[follower] == 0)
            sorting->ready[sorting->ready_count++] = follower;
    }
}

/* Takes out entry after entry that waits for none that is left (Kahn 1962); returns how many stay. */
static uint32_t sorting_run(struct sorting *sorting)
{
    uint32_t left = sorting->entries;
    for (size_t i = 0; i < sorting->wishes_count; i++)
        sorting_read(sorting, &sorting->wishes[i]);
    for (uint32_t i = 0; i < sorting->entries; i++) {
        uint32_t group = sorting_group_of(sorting, i);
        if (group != NONE)
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
            if (group != NONE && sorting->members[group] > 0)
                return sorting->left[group];
        }
    }
    return NONE; /* cannot be: it would not be left */
}

/* An entry of a circle. Each entry left waits for another one of them, so whoever goes from one to the next
 * comes to one where it has been. */
static uint32_t find_circle(struct sorting *sorting)
{
    uint32_t entry = NONE;
    for (uint32_t i = 0; i < sorting->entries; i++) {
        uint32_t group = sorting_group_of(sorting, i);
        if (sorting->awaits[i] == 0)
            continue;
        entry = i;
        if (group != NONE)
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
    tell(problems, wish, "goes in a circle: %s", text);
}

/* The groups from number `first_group` on have been made for these wishes. */
static int check_circles(const struct order *order, const struct batch *batch, uint32_t first,
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

/* ---- Adding ------------------------------------------------------------------------------------- */

static void add_news(struct order *order, uint32_t entry)
{
    struct node *node = &order->nodes[entry];
    node->told = true;
    node->next = NONE;
    if (order->news_last == NONE)
        order->news_first = entry;
    else
        order->nodes[order->news_last].next = entry;
    order->news_last = entry;
}

static void doom(struct order *order, uint32_t entry, uint32_t because)
{
    struct node *node = &order->nodes[entry];
    if (node->told)
        return;
    node->because = because;
    add_news(order, entry);
}

/* The follower waits for this group, which may have ended or failed. */
static void link_group(struct order *order, struct group *group, uint32_t follower, bool any)
{
    if (group->because != NONE && !any)
        doom(order, follower, group->because);
    if (group->unended == 0)
        return;
    order->edges[order->edges_count] =
        (struct edge){.follower = follower, .next = group->followers, .any = any};
    group->followers = order->edges_count++;
    order->nodes[follower].awaits++;
}

static int reserve_edges(struct order *order, size_t more)
{
    size_t needed = order->edges_count + more;
    if (needed <= order->edges_capacity)
        return 0;
    if (needed >= NONE)
        return -ENOMEM;
    size_t capacity = 2 * (size_t)order->edges_capacity;
    if (capacity < needed)
        capacity = needed;
    if (capacity >= NONE)
        capacity = NONE - 1;
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
            link_group(order, find_group(order, text), wishes[i].entry, wishes[i].any);
        }
    }
}

static struct order *order_new(void)
{
    struct order *order = calloc(1, sizeof(*order));
    if (order)
        order->news_first = order->news_last = NONE;
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
    int error = add_nodes(order, batch);
    if (!error)
        error = resolve(order, wishes, count, &edges, problems);
    if (!error && count > 0)
        error = check_circles(order, batch, first, groups, wishes, count, edges, problems);
    if (!error)
        error = reserve_edges(order, edges);
    if (error && is_new) {
        order_free(order);
    } else if (error) {
        remove_groups(order, first);
        remove_nodes(order, batch, first);
    } else {
        link_wishes(order, wishes, count);
        batch->order = order;
    }
    return error;
}

/* Forgets what became of entries from number `first` on. */
static void remove_news(struct order *order, uint32_t first)
{
    uint32_t at = order->news_first;
    order->news_first = order->news_last = NONE;
    while (at != NONE) {
        uint32_t next = order->nodes[at].next;
        if (at < first)
            add_news(order, at);
        at = next;
    }
}

/* Forgets what entries from number `first` on wait for. Edges stand in the order in which they were added, and
 * the latest is the first of its list. */
static void remove_edges(struct order *order, uint32_t first)
{
    while (order->edges_count > 0 && order->edges[order->edges_count - 1].follower >= first)
        order->edges_count--;
    for (uint32_t i = 0; i < order->groups_count; i++) {
        uint32_t *head = &order->groups[i].followers;
        while (*head != NONE && *head >= order->edges_count)
            *head = order->edges[*head].next;
    }
}

void order_truncate(struct batch *batch, uint32_t entries)
{
    struct order *order = batch->order;
    if (!order || order->nodes_count <= entries)
        return;
    remove_news(order, entries);
    remove_edges(order, entries);
    remove_groups(order, entries);
    remove_nodes(order, batch, entries);
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

/* ---- While the batch runs ------------------------------------------------------------------------ */

bool order_waits(const struct batch *batch, uint32_t entry)
{
    const struct order *order = batch->order;
    return order && (order->nodes[entry].awaits > 0 || order->nodes[entry].because != NONE);
}

bool order_has_unended(const struct batch *batch, const char *name)
{
    const struct order *order = batch->order;
    uint32_t entry = order ? find_entry(order, name) : NONE;
    while (entry != NONE && order->nodes[entry].group == NONE && order->nodes[entry].unended == 0)
        entry = order->nodes[entry].namesake;
    if (entry == NONE || order->nodes[entry].group == NONE)
        return entry != NONE;
    return order->groups[order->nodes[entry].group].unended > 0; /* of all that are older, too */
}

/* The group's followers learn that it has failed because of this entry, or ended, or both. */
static void tell_followers(struct order *order, const struct group *group, uint32_t entry,
                           bool fails, bool ends)
{
    for (uint32_t at = group->followers; at != NONE; at = order->edges[at].next) {
        const struct edge *edge = &order->edges[at];
        struct node *follower = &order->nodes[edge->follower];
        follower->awaits -= ends;
        if (fails && !edge->any)
            doom(order, edge->follower, entry);
        else if (follower->awaits == 0 && !follower->told)
            add_news(order, edge->follower);
    }
}

/* An entry of this group has ended. A group fails once and ends once, so that its followers are gone through twice
 * at most, however many entries it has. */
static void end_member(struct order *order, uint32_t number, uint32_t entry, bool failed)
{
    bool fails = failed, ends = true;
    while (number != NONE) {
        struct group *group = &order->groups[number];
        fails = fails && group->because == NONE; /* newer ones have failed with it */
        ends = ends && --group->unended == 0;
        if (!fails && !ends)
            return;
        if (fails)
            group->because = entry;
        tell_followers(order, group, entry, fails, ends);
        if (ends)
            group->followers = NONE;
        number = group->newer;
    }
}

void order_job_ended(struct batch *batch, uint32_t entry, bool succeeded)
{
    struct order *order = batch->order;
    if (!order)
        return;
    struct node *node = &order->nodes[entry];
    node->failed |= !succeeded;
    if (--node->unended > 0)
        return;
    node->told = true; /* whatever it waited for: it is over */
    end_member(order, node->group, entry, node->failed);
}

/* Takes the entry behind `before` (NONE: the first) out of the list of news. */
static void take_news(struct order *order, uint32_t before, uint32_t entry)
{
    uint32_t next = order->nodes[entry].next;
    if (before == NONE)
        order->news_first = next;
    else
        order->nodes[before].next = next;
    if (order->news_last == entry)
        order->news_last = before;
}

enum order_news order_next(struct batch *batch, uint32_t end, uint32_t *entry, uint32_t *because)
{
    struct order *order = batch->order;
    uint32_t before = NONE, at = order ? order->news_first : NONE;
    while (at != NONE && at >= end) {
        before = at;
        at = order->nodes[at].next;
    }
    if (at == NONE)
        return ORDER_NONE;
    take_news(order, before, at);
    *entry = at;
    *because = order->nodes[at].because;
    return *because == NONE ? ORDER_FREE : ORDER_DOOM;
}

void order_admit(struct batch *batch, uint32_t first)
{
    struct order *order = batch->order;
    uint32_t before = NONE, next;
    for (uint32_t at = order ? order->news_first : NONE; at != NONE; at = next) {
        next = order->nodes[at].next;
        if (at >= first && order->nodes[at].because == NONE)
            take_news(order, before, at);
        else
            before = at;
    }
}

size_t order_bytes(const struct batch *batch)
{
    const struct order *order = batch->order;
    return !order ? 0
                  : sizeof(*order) + order->nodes_capacity * (sizeof(struct node) + 64) +
                        order->groups_capacity * sizeof(struct group) +
                        order->edges_capacity * sizeof(struct edge);
}
