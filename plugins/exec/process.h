/*
 * The life of a job's process: from its start to the job's end.
 */
#ifndef EXEC_PROCESS_H
#define EXEC_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/event_struct.h>
#include <awaitd/plugin.h>
#include "launch.h"

struct event_base;

/* Bytes read at once; reason: all that a pipe holds unless it was made larger. */
#define PROCESS_READ_BYTES 65536

/* What all processes of a worker share. */
struct processes {
    struct event_base *base;
    struct launcher launcher;
    uint8_t buffer[PROCESS_READ_BYTES]; /* of whoever reads just now */
};

/* How a job wants its process. What it points to stays as long as the job. */
struct process_options {
    const char *input; /* what the process reads; NULL: nothing */
    size_t errors_limit;
    double grace_s;
    const struct aw_strings *ok_codes;
};

/* A descriptor that is watched. */
struct stream {
    int fd;      /* -1: closed */
    int held_fd; /* the pipe's other end, which keeps it from its end; -1: closed */
    struct event event;
};

/* The process of a job: the job's state, which is why it is laid out here. For process.c alone. */
struct process {
    struct processes *shared;
    struct process_options options;
    pid_t pid;
    struct stream end; /* its pidfd */
    struct stream input, output, errors;
    size_t input_size, input_sent;
    uint8_t *kept; /* of standard error */
    size_t kept_size, kept_room;
    bool kept_truncated;
    bool ended;     /* not yet waited for */
    bool cancelled; /* before it ended */
    bool killed;
};

/* Starts the process. AW_OK: aw_finish() will follow. AW_FAILED, with the reason set. */
int process_start(struct aw_job *job, struct processes *processes, const struct launch *what,
                  const struct process_options *options);

/* The job is cancelled: TERM to the process group, KILL after the grace time. */
void process_cancel(struct aw_job *job);

#endif
