/*
 * The ends of jobs: a transfer is done, stalls, or its job is cancelled. Each ends the job once. Loop thread; not to
 * be called from libcurl's callbacks.
 */
#ifndef AWAITD_HTTP_END_H
#define AWAITD_HTTP_END_H

#include <curl/curl.h>

struct aw_job;

/* For multi_new(): a transfer is done, and taken out. */
void end_done(void *transfer, CURLcode result);
/* For aw_after(): looks whether the job's time is up, or sets the timer anew. */
void end_on_time(struct aw_job *job);
/* The plugin's cancel(). */
void end_cancelled(struct aw_job *job);

/* The transfer of a job; owned by whoever ends it. */
struct transfer **end_transfer_of(struct aw_job *job);

#endif
