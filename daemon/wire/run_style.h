/*
 * The ways a plugin can run its jobs: their names. The one place that lists them.
 */
#ifndef AWAITD_WIRE_RUN_STYLE_H
#define AWAITD_WIRE_RUN_STYLE_H

enum run_style {
    RUN_ASYNC,
    RUN_FIBER,
    RUN_BLOCKING,
    RUN_STYLES, /* how many there are */
};

/* "async", "fiber", "blocking". */
const char *run_style_name(enum run_style style);
/* RUN_STYLES: no such name. */
enum run_style run_style_from_name(const char *name);

#endif
