/*
 * Tells the store what happens to batches that outlive the daemon, and notes what of it has been committed: that is what
 * may be told (told.h). For other batches all this does nothing. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_RECORD_H
#define AWAITD_SUPERVISOR_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch;
struct completion;
struct error;
struct supervisor;

/* Numbers for batches that are not stored: those up to `asked` are reserved when the ticket is committed. */
struct numbers {
    uint64_t asked, ticket;
};

/* What has been recorded and not yet been committed, in the order it was. Zeroed = nothing. */
struct marks {
    struct mark *ring;
    size_t first, count, capacity;
};
void marks_clear(struct marks *marks);

/* Opens the store, unless the configuration wants none. Errors as those of store_open(): another start would not help. */
int record_open(struct supervisor *supervisor, struct error *error);

/* The batch's latest completion. */
void record_completion(struct supervisor *supervisor, struct batch *batch,
                       const struct completion *completion);
/* All its jobs have ended. */
void record_finished(struct supervisor *supervisor, struct batch *batch);
/* The job is to be tried again at this moment; 0: as soon as it can. */
void record_retry(struct supervisor *supervisor, struct batch *batch, uint32_t job,
                  uint64_t due_ns);
/* The running job was told to end by itself. */
void record_told(struct supervisor *supervisor, struct batch *batch, uint32_t job);
/* Its jobs that have not ended are to. */
void record_stopped(struct supervisor *supervisor, struct batch *batch);
void record_pause(struct supervisor *supervisor, struct batch *batch, bool paused);
void record_seal(struct supervisor *supervisor, struct batch *batch);
/* Whether the next number may be given to a batch that is not stored: no later start gives it again. If not, it may be when
 * this ticket is committed. */
bool record_has_number(struct supervisor *supervisor, uint64_t *ticket);
/* The daemon ends in order: numbers go on behind the latest. */
void record_last_number(struct supervisor *supervisor);

#endif
