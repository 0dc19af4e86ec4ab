/*
 * On what terms a batch runs, as `run` and `submit` take them from the command line and from batch files, and as
 * members of batch.submit and batch.open. What values they may have is the daemon's to check; this module remembers
 * where each came from, so that the daemon's problems are told by the option or the line that is to blame.
 */
#ifndef AWAITCTL_TERMS_H
#define AWAITCTL_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include "options.h"

struct ctl;

/* As options of the command line. */
struct terms_options {
    const char *name, *key, *on_failure;
    struct option_number priority, limit, retry;
    struct option_rate rate;
    struct option_span timeout, deadline, retry_delay, retry_max_delay;
    bool no_durable;
};

/* Their table, for OPTION_ROWS_OF(). */
extern const struct option_row terms_rows[];

/* Zeroed = none. */
struct terms {
    json_t *values; /* owned; {"limit": 10, "retry": {"max": 3}}; NULL: none */
    json_t
        *places; /* owned; where each came from: {"limit": "--limit", "retry": "FILE:3: retry"} */
};

/* Adds what the command line gave; before those of a file. CTL_USAGE: *ctl tells. */
int terms_add_options(struct ctl *ctl, struct terms *terms, const struct terms_options *given);

/* Whether a batch has a term of this name, `size` bytes long. */
bool terms_has(const char *name, size_t size);
/* Adds a file's term, unless the command line gave it; one that is not there is the daemon's to refuse. `value` is
 * borrowed. `place` is how problems with it are told. */
int terms_add(struct ctl *ctl, struct terms *terms, const char *name, json_t *value,
              const char *place);

/* Remembers where a member comes from that is no term, such as an entry's delay. */
int terms_place(struct ctl *ctl, struct terms *terms, const char *member, const char *place);

/* When all were added: what can be said about them together. CTL_USAGE, CTL_REFUSED. */
int terms_check(struct ctl *ctl, const struct terms *terms);

/* Writes into data.problems of a refusal, in place of fields, where they came from: "limit" becomes "--limit". */
void terms_name_problems(const struct terms *terms, json_t *problems);

void terms_clear(struct terms *terms);

#endif
