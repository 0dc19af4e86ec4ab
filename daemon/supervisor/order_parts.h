/*
 * What the files of order.h share:
 *
 *     order.c         wishes become edges, or are taken back
 *     order_names.c   which entries a name means: nodes and groups
 *     order_circle.c  whether wishes go in a circle
 *     order_news.c    what becomes of those who wait, job end by job end
 *
 * A node per entry, a group per name that is waited for, and an edge per name that an entry waits for: entries
 * belong to a group, and a group has followers, so that many entries with one name and many after it take as
 * many nodes and edges as there are of both together, not one per pair.
 */
#ifndef AWAITD_SUPERVISOR_ORDER_PARTS_H
#define AWAITD_SUPERVISOR_ORDER_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/name_map.h"
#include "supervisor/order.h"

/* No entry, group or edge. */
#define ORDER_NOBODY NAME_MAP_NONE

struct order_node {
    uint32_t awaits;   /* edges that lead to it from groups that have not ended */
    uint32_t unended;  /* jobs of its own */
    uint32_t group;    /* ORDER_NOBODY: nobody waits for it */
    uint32_t namesake; /* the next older entry with the same name; ORDER_NOBODY */
    uint32_t next;     /* with news; ORDER_NOBODY */
    uint32_t because;  /* the entry that dooms it; ORDER_NOBODY: it is not doomed */
    bool failed;       /* a job of its own ended without success */
    bool told;         /* it has had its news, or needs none */
};

/* All entries that had a name when it was waited for: those of the older group, and the members, which are the
 * latest one and its namesakes down to the latest one of the older group. */
struct order_group {
    uint32_t unended;   /* members and, as one more, the older group */
    uint32_t because;   /* the first of the entries that ended without success; ORDER_NOBODY */
    uint32_t followers; /* its first edge; ORDER_NOBODY */
    uint32_t latest;
    uint32_t older, newer; /* groups of the same name; ORDER_NOBODY */
    uint32_t entries;      /* of the batch when it was made */
};

struct order_edge {
    uint32_t follower;
    uint32_t next; /* edge of the same group that is waited for; ORDER_NOBODY */
    bool any;
};

struct order {
    struct order_node *nodes; /* one for each entry of the batch that was added so far */
    uint32_t nodes_count, nodes_capacity;
    struct order_group *groups;
    uint32_t groups_count, groups_capacity;
    struct order_edge *edges;
    uint32_t edges_count, edges_capacity;
    struct name_map names;          /* the latest entry with each name */
    uint32_t news_first, news_last; /* ORDER_NOBODY: there are none */
};

/* The latest entry with this name; ORDER_NOBODY: there is none. */
uint32_t order_find_entry(const struct order *order, const char *name);
/* The group of a name that is waited for. */
struct order_group *order_find_group(const struct order *order, const char *name);

/* Nodes for all entries that have none. When a batch gets its first order, earlier pieces may have ended. -ENOMEM:
 * some may be there, for order_remove_nodes(). */
int order_add_nodes(struct order *order, const struct batch *batch);
/* Forgets the nodes from number `first` on, which are in no group any more. */
void order_remove_nodes(struct order *order, const struct batch *batch, uint32_t first);
/* Makes sure that there is a group of the entry that is the latest with its name, and of all its namesakes.
 * -ENOMEM. */
int order_add_group(struct order *order, uint32_t latest);
/* Forgets the groups that were made when there were more entries than these. */
void order_remove_groups(struct order *order, uint32_t entries);

/* A problem with a wish, in its field: `format` has one %s. */
void order_tell(struct problems *problems, const struct order_wish *wish, const char *format,
                const char *text);
/* Whether entries from number `first` on wait for each other: the groups from number `first_group` on have been
 * made for these wishes, which make so many edges. -EINVAL: a circle, which is told; -ENOMEM. */
int order_check_circles(const struct order *order, const struct batch *batch, uint32_t first,
                        uint32_t first_group, const struct order_wish *wishes, size_t count,
                        size_t edges, struct problems *problems);

/* The entry will not run because of that one, unless it has had its news. */
void order_doom(struct order *order, uint32_t entry, uint32_t because);
/* Forgets what became of entries from number `first` on. */
void order_remove_news(struct order *order, uint32_t first);

#endif
