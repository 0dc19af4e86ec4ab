/*
 * A method that takes a batch and changes it in a way that can be told in a word, for each batch that the command
 * line names: what pause and resume have in common.
 */
#ifndef AWAITCTL_EACH_BATCH_H
#define AWAITCTL_EACH_BATCH_H

#include <jansson.h>

struct ctl;

/* What the daemon's answer means, in words that follow "batch 42: ". */
typedef const char *each_batch_words(const json_t *result);

/* Calls `method` for each and tells how it went. One that is refused is told, and the others follow all the same;
 * returns the exit code of the first that was. Before the first call all names are read. */
int each_batch(struct ctl *ctl, const char *method, int count, char **arguments,
               each_batch_words *words);

#endif
