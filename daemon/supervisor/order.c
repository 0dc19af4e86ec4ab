/*
 * A node per entry and an edge per pair of entries of which one waits for the other. Entries with news are
 * chained through their nodes, so telling needs no memory. Relies on the entries of a batch staying where
 * they are in number.
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
    uint32_t awaits;    /* edges that lead to it from entries that have not ended */
    uint32_t unended;   /* jobs of its own */
    uint32_t followers; /* its first edge; NONE: nobody waits for it */
    uint32_t namesake;  /* the next older entry with the same name; NONE */
    uint32_t next;      /* with news; NONE */
    uint32_t because;   /* the entry that dooms it; NONE: it is not doomed */
    bool failed;        /* a job of its own ended without success */
    bool told;          /* it has had its news, or needs none */
};

struct edge {
    uint32_t follower;
    uint32_t next; /* edge of the same entry that is waited for; NONE */
    bool any;
};

struct order {
    struct node *nodes; /* one for each entry of the batch that was added so far */
    uint32_t nodes_count, nodes_capacity;
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
        struct node node = {.followers = NONE, .namesake = NONE, .next = NONE, .because = NONE};
        node.unended = unended_jobs(batch, entry, &node.failed);
        order->nodes[i] = node;
        order->nodes_count = i + 1;
        if (entry->name && add_name(order, entry->name, i) != 0)
            return -ENOMEM;
    }
    return 0;
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

/* Whether all names are known; *edges is how many edges that makes. */
static bool resolve(const struct order *order, const struct order_wish *wishes, size_t count,
                    size_t *edges, struct problems *problems)
{
    bool known = true;
    *edges = 0;
    for (size_t i = 0; i < count && !problems_full(problems); i++) {
        for (size_t k = 0; k < json_array_size(wishes[i].names); k++) {
            const char *text = json_string_value(json_array_get(wishes[i].names, k));
            uint32_t entry = find_entry(order, text);
            if (entry == NONE) {
                tell(problems, &wishes[i], "there is no job with the name %s", text);
                known = false;
            }
            for (; entry != NONE; entry = order->nodes[entry].namesake)
                ++*edges;
        }
    }
    return known;
}

/* ---- Circles -------------------------------------------------------------------------------------- */

/* The entries from number `first` on, among which alone there can be a circle: how many others of them each has
 * still to wait for. */
struct sorting {
    const struct order *order;
    const struct batch *batch;
    uint32_t first;
    const struct order_wish *wishes;
    size_t wishes_count;
    uint32_t *awaits, *ready; /* by entry - first; and a stack */
    uint32_t ready_count;
    /* Who waits for whom, as lists: by entry - first, and by edge. */
    uint32_t *followers;
    struct edge *edges;
    uint32_t edges_count;
};

static void sorting_clear(struct sorting *sorting)
{
    free(sorting->awaits);
    free(sorting->ready);
    free(sorting->followers);
    free(sorting->edges);
}

static int sorting_init(struct sorting *sorting, size_t edges)
{
    size_t count = sorting->batch->entries_count - sorting->first;
    sorting->awaits = calloc(count, sizeof(uint32_t));
    sorting->ready = calloc(count, sizeof(uint32_t));
    sorting->followers = malloc(count * sizeof(uint32_t));
    sorting->edges = calloc(edges ? edges : 1, sizeof(struct edge));
    if (!sorting->awaits || !sorting->ready || !sorting->followers || !sorting->edges) {
        sorting_clear(sorting);
        return -ENOMEM;
    }
    memset(sorting->followers, 0xff, count * sizeof(uint32_t)); /* NONE */
    return 0;
}

/* Calls for each entry from `first` on that the wish names. */
static void sorting_read(struct sorting *sorting, const struct order_wish *wish)
{
    for (size_t k = 0; k < json_array_size(wish->names); k++) {
        uint32_t entry =
            find_entry(sorting->order, json_string_value(json_array_get(wish->names, k)));
        for (; entry != NONE && entry >= sorting->first;
             entry = sorting->order->nodes[entry].namesake) {
            uint32_t *head = &sorting->followers[entry - sorting->first];
            sorting->edges[sorting->edges_count] =
                (struct edge){.follower = wish->entry - sorting->first, .next = *head};
            *head = sorting->edges_count++;
            sorting->awaits[wish->entry - sorting->first]++;
        }
    }
}

/* Takes out entry after entry that waits for none that is left (Kahn 1962); returns how many stay. */
static uint32_t sorting_run(struct sorting *sorting)
{
    uint32_t left = sorting->batch->entries_count - sorting->first;
    for (size_t i = 0; i < sorting->wishes_count; i++)
        sorting_read(sorting, &sorting->wishes[i]);
    for (uint32_t i = 0; i < sorting->batch->entries_count - sorting->first; i++) {
        if (sorting->awaits[i] == 0)
            sorting->ready[sorting->ready_count++] = i;
    }
    while (sorting->ready_count > 0) {
        uint32_t taken = sorting->ready[--sorting->ready_count];
        left--;
        for (uint32_t at = sorting->followers[taken]; at != NONE; at = sorting->edges[at].next) {
            uint32_t follower = sorting->edges[at].follower;
            if (--sorting->awaits[follower] == 0)
                sorting->ready[sorting->ready_count++] = follower;
        }
    }
    return left;
}

/* Of the entries left, one that this one waits for; *wish is where it says so. */
static uint32_t predecessor(const struct sorting *sorting, uint32_t entry,
                            const struct order_wish **wish)
{
    size_t low = 0, high = sorting->wishes_count;
    while (low < high) { /* the entry's first wish */
        size_t middle = low + (high - low) / 2;
        if (sorting->wishes[middle].entry < entry)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < sorting->wishes_count && sorting->wishes[low].entry == entry; low++) {
        const json_t *names = sorting->wishes[low].names;
        for (size_t k = 0; k < json_array_size(names); k++) {
            uint32_t at = find_entry(sorting->order, json_string_value(json_array_get(names, k)));
            for (; at != NONE && at >= sorting->first; at = sorting->order->nodes[at].namesake) {
                if (sorting->awaits[at - sorting->first] > 0) {
                    *wish = &sorting->wishes[low];
                    return at;
                }
            }
        }
    }
    return NONE; /* cannot be: it would not be left */
}

/* Names a circle among the entries left. Each of them waits for another one of them, so whoever goes from
 * one to the next comes round in the end. */
static void tell_circle(struct sorting *sorting, struct problems *problems)
{
    uint32_t entry = sorting->first;
    while (sorting->awaits[entry - sorting->first] == 0)
        entry++;
    const struct order_wish *wish = NULL;
    for (uint32_t i = sorting->first; i < sorting->batch->entries_count; i++)
        entry = predecessor(sorting, entry, &wish);

    uint32_t begin = entry;
    char text[512];
    size_t used = 0;
    int shown = 0;
    do {
        const char *name = sorting->batch->entries[entry].name;
        if (shown++ < CIRCLE_SHOWN && used < sizeof(text))
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%.40s after ", name);
        else if (shown == CIRCLE_SHOWN + 1 && used < sizeof(text))
            used += (size_t)snprintf(text + used, sizeof(text) - used, "... after ");
        entry = predecessor(sorting, entry, &wish);
    } while (entry != begin);
    if (used < sizeof(text))
        (void)snprintf(text + used, sizeof(text) - used, "%.40s",
                       sorting->batch->entries[entry].name);
    tell(problems, wish, "goes in a circle: %s", text);
}

static int check_circles(const struct order *order, const struct batch *batch, uint32_t first,
                         const struct order_wish *wishes, size_t count, size_t edges,
                         struct problems *problems)
{
    struct sorting sorting = {
        .order = order, .batch = batch, .first = first, .wishes = wishes, .wishes_count = count};
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

/* The follower waits for this entry, which may have ended. */
static void link_entries(struct order *order, uint32_t entry, uint32_t follower, bool any)
{
    struct node *awaited = &order->nodes[entry];
    if (awaited->unended == 0) {
        if (awaited->failed && !any)
            doom(order, follower, entry);
        return;
    }
    order->edges[order->edges_count] =
        (struct edge){.follower = follower, .next = awaited->followers, .any = any};
    awaited->followers = order->edges_count++;
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
            for (uint32_t entry = find_entry(order, text); entry != NONE;
                 entry = order->nodes[entry].namesake)
                link_entries(order, entry, wishes[i].entry, wishes[i].any);
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
    int error = add_nodes(order, batch);
    if (!error && !resolve(order, wishes, count, &edges, problems))
        error = -EINVAL;
    if (!error && count > 0)
        error = check_circles(order, batch, first, wishes, count, edges, problems);
    if (!error)
        error = reserve_edges(order, edges);
    if (error && is_new) {
        order_free(order);
    } else if (error) {
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
    for (uint32_t i = 0; i < first; i++) {
        uint32_t *head = &order->nodes[i].followers;
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
    remove_nodes(order, batch, entries);
}

void order_free(struct order *order)
{
    if (!order)
        return;
    name_map_clear(&order->names);
    free(order->nodes);
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
    while (entry != NONE && order->nodes[entry].unended == 0)
        entry = order->nodes[entry].namesake;
    return entry != NONE;
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
    for (uint32_t at = node->followers; at != NONE; at = order->edges[at].next) {
        const struct edge *edge = &order->edges[at];
        struct node *follower = &order->nodes[edge->follower];
        follower->awaits--;
        if (node->failed && !edge->any)
            doom(order, edge->follower, entry);
        else if (follower->awaits == 0 && !follower->told)
            add_news(order, edge->follower);
    }
    node->followers = NONE;
}

enum order_news order_next(struct batch *batch, uint32_t *entry, uint32_t *because)
{
    struct order *order = batch->order;
    if (!order || order->news_first == NONE)
        return ORDER_NONE;
    *entry = order->news_first;
    struct node *node = &order->nodes[*entry];
    order->news_first = node->next;
    if (order->news_first == NONE)
        order->news_last = NONE;
    *because = node->because;
    return node->because == NONE ? ORDER_FREE : ORDER_DOOM;
}

size_t order_bytes(const struct batch *batch)
{
    const struct order *order = batch->order;
    return !order ? 0
                  : sizeof(*order) + order->nodes_capacity * (sizeof(struct node) + 64) +
                        order->edges_capacity * sizeof(struct edge);
}
