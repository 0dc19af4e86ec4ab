/*
 * A batch or a job in words and numbers: for the protocol and for the log.
 */
#ifndef AWAITD_SUPERVISOR_SUMMARY_H
#define AWAITD_SUPERVISOR_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

struct batch;
struct bytes;
struct catalogue;
struct completion;

/* "open", "running", "succeeded", "failed", "cancelled"; and the same as it may be told, see told.h, as all that follows
 * unless it says otherwise. */
const char *summary_state(const struct batch *batch);
const char *summary_told_state(const struct batch *batch);

/* The summary of a batch, as in batch.done. New reference; NULL: out of memory. */
json_t *summary_batch(const struct batch *batch);
/* What batch.show adds to it. */
json_t *summary_batch_details(const struct batch *batch);

/* A job as in job.list. New reference; NULL: out of memory. */
json_t *summary_job(const struct batch *batch, uint32_t job, const struct catalogue *catalogue);
/* Appends a job as in job.show, on one line: its details as they were told, which the numbers in a json_t would not
 * be. */
void summary_write_job(struct bytes *out, const struct batch *batch, uint32_t job,
                       const struct catalogue *catalogue);

/* Appends a job.done notification as a line of text. `seq` is the completion's number. */
void summary_write_job_done(struct bytes *out, const struct batch *batch,
                            const struct completion *completion, uint32_t seq,
                            const struct catalogue *catalogue);

/* Log lines, in `size` bytes: "job batch=1 job=0 ...", "batch batch=1 ...". Return `line`. */
const char *summary_job_line(const struct batch *batch, const struct completion *completion,
                             const struct catalogue *catalogue, char *line, size_t size);
const char *summary_batch_line(const struct batch *batch, char *line, size_t size);

#endif
