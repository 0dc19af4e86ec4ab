/*
 * One job entry, from JSON to an entry that can be added to a batch. For submit.c alone.
 */
#ifndef AWAITD_SUPERVISOR_SUBMIT_ENTRY_H
#define AWAITD_SUPERVISOR_SUBMIT_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include "base/bytes.h"
#include "supervisor/batch.h"
#include "supervisor/submission.h"

struct catalogue;
struct plugin;
struct problems;

/* What is being read: one entry of `jobs` after the other. */
struct entry_reading {
    struct batch *batch; /* whose memory keeps items and terms */
    const struct catalogue *catalogue;
    bool trusted; /* the caller may give restricted parameters */
    /* Of entries that were accepted before, where plugins that are gone get a place: the same catalogue; NULL: the
     * entries are new. */
    struct catalogue *ghosts;
    struct problems *problems;
    char field[96]; /* "jobs[3].", with room for a member's name behind it */
    size_t prefix;  /* length of "jobs[3]." */

    /* The entry: what entry_read() has found. */
    json_int_t count; /* of jobs; not yet held against any limit */
    struct entry entry;
    json_t *after, *after_any; /* owned: lists of names; NULL: none */
    /* All but jobs, items and base are those of the entry before: terms are, the rest of it is for who adds it. */
    bool as_before;

    /* Of use while it is read. */
    const json_t *params; /* NULL: none */
    const json_t *items;  /* NULL: none */
    const struct plugin *plugin;
    struct entry_terms terms;
    bool has_terms, no_memory;
    char name[SUBMISSION_TEXT_MAX + 1]; /* the entry's */
    char *dumped;      /* owned: parameters as text, where they could not be used as written */
    uint64_t expanded; /* bytes so far, at most, in all entries */
};

/*
 * Entries that were accepted before are not held against the plugins' parameter tables again, which may have changed
 * since: the workers look at each job anyhow. They may have two members more, see entries_text.h.
 *
 * Reads the entry, which is also given as text without blanks around it: reading->entry can then be added to the
 * batch, while `text` lives and until the next call. 0; -EINVAL: there are problems; -EPERM: the same, and one of
 * them is that the caller may not give a parameter; -E2BIG: it has more than `room` jobs, and only reading->count
 * says something; -ENOMEM.
 */
int entry_read(struct entry_reading *reading, const json_t *object, struct bytes_view text,
               uint32_t room);
/*
 * The same from the text alone, for an entry that is plain and right, as most are of those that come by the
 * million; that costs a tenth. False: who knows; read it by entry_read().
 */
bool entry_read_plain(struct entry_reading *reading, struct bytes_view text, uint32_t room);
/* Forgets the last entry. */
void entry_begin(struct entry_reading *reading);
/* In submit_check.c: what is wrong goes to the problems. Of the parameters: 0; -EINVAL; -EPERM: one is not for the caller;
 * -ENOMEM. */
void entry_check_whole(struct entry_reading *reading, const json_t *object);
int entry_check_params(struct entry_reading *reading);
/* The name of a member of the entry, as problems have it: "jobs[3].count". Valid until the next call. */
const char *entry_field(struct entry_reading *reading, const char *member);
/* Frees what the reading owns. */
void entry_clear(struct entry_reading *reading);

#endif
