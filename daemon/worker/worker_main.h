/*
 * The worker's entry: all that main needs to know of it.
 */
#ifndef AWAITD_WORKER_WORKER_MAIN_H
#define AWAITD_WORKER_WORKER_MAIN_H

/* The worker process: runs until told to stop or the supervisor is gone. The exit status. */
int worker_main(void);

#endif
