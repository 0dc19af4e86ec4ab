/*
 * The progress bar: one line on standard error, only where that is a terminal, redrawn at most 10
 * times a second. Everything else that is printed meanwhile hides it first. Colours unless NO_COLOR
 * is set (https://no-color.org).
 */
#ifndef AWAITCTL_PROGRESS_H
#define AWAITCTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the bar shows. */
struct progress_counts {
    uint64_t jobs, ended, not_succeeded; /* ended includes those that did not succeed */
    uint64_t waiting;                    /* for their time or for other jobs */
    uint64_t retries;                    /* attempts beyond the first */
    bool paused;
    double elapsed_s;
};

/* Zeroed = off. */
struct progress {
    bool on, color;
    bool drawn; /* it stands on the screen */
    uint64_t started_ns, drawn_ns;
    struct progress_counts counts; /* jobs 0: not known; elapsed_s is not used */
};

void progress_start(struct progress *progress, uint64_t jobs);
/* Draws it if it is time to. */
void progress_update(struct progress *progress);
/* How long poll(2) may wait until the bar must be drawn again, in milliseconds; -1: for ever. */
int progress_wait_ms(const struct progress *progress);
/* Takes it off the screen until the next update. */
void progress_hide(struct progress *progress);

/* The bar as text, in at most `columns` columns, without colours. Writes to `buffer`, returns it. */
const char *progress_line(const struct progress_counts *counts, unsigned columns, char *buffer,
                          size_t size);

#endif
