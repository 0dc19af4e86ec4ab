/*
 * Turns RUN messages into jobs.
 */
#ifndef AWAITD_WORKER_INTAKE_H
#define AWAITD_WORKER_INTAKE_H

struct aw_worker;
struct bytes_reader;

/* Begins the jobs of one message. -EBADMSG: it makes no sense; -ENOMEM. */
int intake_run(struct aw_worker *worker, struct bytes_reader *payload);

#endif
