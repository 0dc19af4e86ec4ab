/*
 * Goes through a source in windows, so that a text of any size needs little memory: reads, checks for UTF-8,
 * marks the boundaries, and hands on what is certain whatever comes after. What it hands on, put together, does not
 * depend on the window's size.
 */
#ifndef TOKENIZE_WINDOW_H
#define TOKENIZE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "failure.h"
#include "segment.h"
#include "source.h"
#include "token.h"

/* Bytes of a window: text and boundaries stay in a core's cache (512 KiB and more these days), and a cancelled job
 * ends within some 5 ms, at the 50 MB/s of libunistring. */
#define WINDOW_BYTES ((size_t)256 << 10)

/* Bytes of the largest window, and so of the largest token: what does not end by then is no text that anybody
 * tokenizes. A window takes twice its bytes. */
#define WINDOW_MOST_BYTES ((size_t)16 << 20)

/* Bytes of the smallest window: enough for a few replaced characters. */
#define WINDOW_LEAST_BYTES ((size_t)16)

struct window_job {
    struct source *source;
    const struct segment_ascii *ascii;
    enum unit unit;
    bool replace;      /* what is no UTF-8 becomes U+FFFD; else it is an error */
    size_t room, most; /* bytes of the window, at first and at most; at least WINDOW_LEAST_BYTES */

    /* Takes whole tokens, in order, for the time of the call. 0, or -errno with the failure, which ends it all. */
    int (*take)(void *context, struct tokens *tokens, struct failure *failure);
    /* Whether to stop; asked before each window. */
    bool (*cancelled)(void *context);
    void *context;
};

/* Goes through all of the source. 0; -ECANCELED: cancelled; another -errno with the failure: out of memory
 * (-ENOMEM), not UTF-8 (-EILSEQ), a token that is too large (-EFBIG), or what source_read() or take() said. */
int window_run(const struct window_job *job, struct failure *failure);

#endif
