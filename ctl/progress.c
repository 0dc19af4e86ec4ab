/*
 * The progress bar. Knows counts and the clock, nothing of batches.
 */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/parse.h"
#include "terminal.h"

/* 10 times a second: smooth enough, and cheap over a slow line. */
#define REDRAW_NS (CLOCK_NS_PER_S / 10)
/* Without news the time shown moves on once a second. */
#define IDLE_NS CLOCK_NS_PER_S
/* Columns of the bar itself at most; wider tells no more. */
#define BAR_COLUMNS_MAX 40
/* Narrower than this the numbers stand alone. */
#define BAR_COLUMNS_MIN 5

void progress_start(struct progress *progress, uint64_t jobs)
{
    uint64_t now_ns = clock_now_ns();
    *progress = (struct progress){
        .on = terminal_can_redraw(STDERR_FILENO),
        .color = terminal_has_color(STDERR_FILENO),
        .started_ns = now_ns,
        .drawn_ns = now_ns, /* what is over at once gets no bar */
        .counts = {.jobs = jobs},
    };
}

/* To a tenth of a second, which is as often as it is redrawn. */
static const char *show_elapsed(double seconds, char *buffer, size_t size)
{
    if (seconds >= 100)
        return parse_show_span((double)(uint64_t)seconds, buffer, size);
    (void)snprintf(buffer, size, "%.1f s", seconds); /* fits: below 100 */
    return buffer;
}

/* ", 3 failed, 12 waiting": what is not 0. */
static const char *show_others(const struct progress_counts *counts, char *buffer, size_t size)
{
    const struct {
        uint64_t count;
        const char *words;
    } others[] = {
        {counts->not_succeeded, "failed"},
        {counts->retries, counts->retries == 1 ? "retry" : "retries"},
        {counts->waiting, "waiting"},
    };
    size_t at = 0;
    *buffer = '\0';
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && at < size; i++) {
        if (others[i].count > 0)
            at += (size_t)snprintf(buffer + at, size - at, ", %ju %s", (uintmax_t)others[i].count,
                                   others[i].words);
    }
    if (counts->paused && at < size)
        (void)snprintf(buffer + at, size - at, ", paused");
    return buffer;
}

const char *progress_line(const struct progress_counts *counts, unsigned columns, char *buffer,
                          size_t size)
{
    char numbers[240], others[120], span[32], share[16] = "", total[32] = "";
    double part = counts->jobs > 0 ? (double)counts->ended / (double)counts->jobs : 0;
    part = part > 1 ? 1 : part;
    if (counts->jobs > 0)
        (void)snprintf(share, sizeof(share), "%3d%% ", (int)(part * 100));
    if (counts->jobs > 0)
        (void)snprintf(total, sizeof(total), " of %ju", (uintmax_t)counts->jobs);
    int length =
        snprintf(numbers, sizeof(numbers), "%s%ju%s done%s, %.24s", share, (uintmax_t)counts->ended,
                 total, show_others(counts, others, sizeof(others)),
                 show_elapsed(counts->elapsed_s, span, sizeof(span)));

    char bar[BAR_COLUMNS_MAX + 4] = "";
    int width = (int)columns - 1 - length - 3; /* the last column stays free: some terminals wrap */
    width = width > BAR_COLUMNS_MAX ? BAR_COLUMNS_MAX : width;
    if (width >= BAR_COLUMNS_MIN && counts->jobs > 0) {
        int full = (int)(part * width);
        bar[0] = '[';
        memset(bar + 1, '#', (size_t)full);
        memset(bar + 1 + full, '.', (size_t)(width - full));
        memcpy(bar + 1 + width, "] ", 3);
    }
    int fits = columns > 1 ? (int)columns - 1 : 0;
    (void)snprintf(buffer, size, "%s%.*s", bar, fits, numbers);
    return buffer;
}

static void draw(struct progress *progress, uint64_t now_ns)
{
    struct progress_counts counts = progress->counts;
    counts.elapsed_s = clock_seconds(now_ns - progress->started_ns);
    char line[256];
    (void)progress_line(&counts, terminal_columns(STDERR_FILENO), line, sizeof(line));
    const char *color = !progress->color                     ? ""
                        : progress->counts.not_succeeded > 0 ? "\033[31m"
                                                             : "\033[32m";
    (void)fflush(stdout); /* main looks at ferror */
    (void)fprintf(stderr, "\r%s%s%s\033[K", color, line, progress->color ? "\033[m" : "");
    (void)fflush(stderr);
    progress->drawn = true;
    progress->drawn_ns = now_ns;
}

void progress_update(struct progress *progress)
{
    if (!progress->on)
        return;
    uint64_t now_ns = clock_now_ns();
    if (now_ns - progress->drawn_ns >= REDRAW_NS)
        draw(progress, now_ns);
}

int progress_wait_ms(const struct progress *progress)
{
    if (!progress->on)
        return -1;
    uint64_t since_ns = clock_now_ns() - progress->drawn_ns;
    uint64_t span_ns = progress->drawn ? IDLE_NS : REDRAW_NS;
    return since_ns >= span_ns ? 0 : (int)((span_ns - since_ns) / 1000000) + 1;
}

void progress_hide(struct progress *progress)
{
    if (progress->drawn)
        (void)fputs("\r\033[K", stderr);
    progress->drawn = false;
}
