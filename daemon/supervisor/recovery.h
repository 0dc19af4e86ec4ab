/*
 * From the store back into memory: batches that had not finished, when the daemon starts, so that they go on; and
 * finished ones when somebody asks for them. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_RECOVERY_H
#define AWAITD_SUPERVISOR_RECOVERY_H

#include <stdint.h>

struct batch;
struct error;
struct supervisor;

/* Reads all batches that have not finished and hands them to the scheduler, which goes on with them: jobs that had
 * ended stay ended, those that ran run again, uncounted; delays, pauses and deadlines end when they would have.
 * A batch whose plugin is not there waits, paused, and the log says why. on_done() is called once all are there, 0,
 * or, with the words in *error, a negative errno. -ENOMEM: nothing is read. */
int recover_unfinished(struct supervisor *supervisor,
                       void (*on_done)(void *context, int code, const struct error *error),
                       void *context);

/* Reads one finished batch back into memory, where it counts as history. on_done() gets it; NULL: there is none
 * (*error is empty), or it cannot be read. It is there during the call at least. Where it is being read
 * already, on_done() is called with the same. -ENOMEM: nothing is read. */
int recover_batch(struct supervisor *supervisor, uint64_t number,
                  void (*on_done)(void *context, uint64_t number, struct batch *batch,
                                  const struct error *error),
                  void *context);

/* Nothing that is under way will be done: the store has been closed. */
void recovery_clear(struct supervisor *supervisor);

#endif
