/*
 * How the daemon stops, step by step:
 *
 * 1. nobody is let in any more, nothing is accepted, queued jobs are cancelled, or, where their batch outlives the
 *    daemon, left as they are;
 * 2. running jobs may finish within the grace time (daemon.grace), then they are cancelled; those of batches that outlive
 *    the daemon run again after the next start;
 * 3. workers are told to exit once nothing runs, and killed if they do not;
 * 4. what has been recorded is committed, and what clients have still to get is sent, for a moment; then the loop ends.
 *
 * Another signal cuts the step short that it finds: the grace time, then the second that cancelled jobs get;
 * workers are killed at once; what has not been sent is not.
 */
#ifndef AWAITD_SUPERVISOR_STOP_H
#define AWAITD_SUPERVISOR_STOP_H

struct supervisor;

/* SIGTERM or SIGINT. */
void stop_signalled(struct supervisor *supervisor);

/* A job has ended, or several; while stopping, that may have been the last. */
void stop_settled(struct supervisor *supervisor);
/* The store has committed something; while stopping, that may have been the last. */
void stop_committed(struct supervisor *supervisor);

/* supervisor->stop_timer is due. */
void stop_on_timer(struct supervisor *supervisor);

/* The last worker is gone. */
void stop_workers_gone(struct supervisor *supervisor);

#endif
