/*
 * The window; see window.h.
 *
 * Where to cut: behind a newline, which is a boundary on both sides for all units (WB3a, WB3b, GB4, GB5). Where
 * there is none, before the last segment but one: the rules that look ahead (WB6, WB7b, WB12) may still undo the
 * boundary before the last character that is no mark, which is in the last segment, but none further back. What comes
 * after a boundary never depends on what is before it.
 */

#include "window.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "scrub.h"

struct window {
    const struct window_job *job;
    uint8_t *text;
    char *breaks; /* of as many bytes */
    size_t room;  /* of both */
    size_t size;  /* valid text, from the first byte on */
    size_t kept;  /* bytes behind it: the beginning of a character that goes on in the source */
};

/* Any token that is only begun needs a larger window. */
static int grow(struct window *window, struct failure *failure)
{
    const struct window_job *job = window->job;
    if (window->room >= job->most)
        return failure_set(failure, -EFBIG,
                           "a %s that begins near byte %" PRIu64
                           " is too large: more than %zu bytes are held for none",
                           job->unit == UNIT_LINES ? "line" : "token",
                           job->source->at - window->size - window->kept, job->most);
    size_t room = window->room <= job->most / 2 ? 2 * window->room : job->most;
    uint8_t *text = realloc(window->text, room);
    if (text)
        window->text = text;
    char *breaks = realloc(window->breaks, room);
    if (breaks)
        window->breaks = breaks;
    if (!text || !breaks)
        return failure_set(failure, -ENOMEM, "out of memory");
    window->room = room;
    return 0;
}

/* How many bytes may be read now. */
static size_t space(const struct window *window)
{
    size_t room = window->room - window->size;
    if (window->job->replace)
        room /= SCRUB_GROWTH;
    return room > window->kept ? room - window->kept : 0;
}

static int refuse_invalid(struct window *window, size_t behind, const uint8_t *at,
                          struct failure *failure)
{
    return failure_set(failure, -EILSEQ,
                       "not UTF-8 at byte %" PRIu64 ", which is 0x%02X (invalid=replace would take "
                       "U+FFFD for it)",
                       window->job->source->at - behind, *at);
}

/* Makes the bytes just read, behind those kept, valid text. */
static int scrub(struct window *window, size_t got, struct failure *failure)
{
    uint8_t *text = window->text + window->size;
    size_t size = window->kept + got;
    bool last = window->job->source->ended;
    if (window->job->replace) {
        size = scrub_replace(text, size, window->room - window->size, last, &window->kept);
        window->size += size - window->kept;
        return 0;
    }
    bool cut;
    size_t valid = scrub_valid(text, size, &cut);
    if (valid < size && (last || !cut))
        return refuse_invalid(window, size - valid, text + valid, failure);
    window->size += valid;
    window->kept = size - valid;
    return 0;
}

/* Where the text can be cut behind a newline; 0: nowhere. Words need no newline, so one near the beginning is not
 * worth keeping the rest for. */
static size_t behind_newline(const struct window *window)
{
    const uint8_t *newline = memrchr(window->text, '\n', window->size);
    size_t end = newline ? (size_t)(newline - window->text) + 1 : 0;
    return window->job->unit == UNIT_LINES || end >= window->size / 2 ? end : 0;
}

/* Where the last segment but one of the marked text begins; 0: there are not that many. */
static size_t before_the_last_two(const char *breaks, size_t size)
{
    size_t segments = 0;
    while (size > 0 && segments < 2)
        segments += (unsigned char)breaks[--size];
    return size;
}

/* Hands on what is certain, and moves the rest to the front. */
static int deliver(struct window *window, struct failure *failure)
{
    const struct window_job *job = window->job;
    size_t end = job->source->ended ? window->size : behind_newline(window);
    bool certain = end > 0;
    if (!certain && job->unit != UNIT_LINES)
        end = window->size;
    if (end == 0)
        return 0;
    segment_mark(job->ascii, job->unit, window->text, end, window->breaks);
    if (!certain)
        end = before_the_last_two(window->breaks, end);
    if (end == 0)
        return 0;
    struct tokens tokens = {job->unit, window->text, window->breaks, end, 0};
    int result = job->take(job->context, &tokens, failure);
    window->size -= end;
    memmove(window->text, window->text + end, window->size + window->kept);
    return result;
}

static int run(struct window *window, struct failure *failure)
{
    const struct window_job *job = window->job;
    int result = 0;
    while (result == 0 && !job->source->ended) {
        size_t got;
        if (job->cancelled(job->context))
            return -ECANCELED;
        /* More at once where little is left, since what is kept is looked at again. */
        size_t room = space(window);
        if (room < window->room / 8 && (room == 0 || window->room < job->most)) {
            result = grow(window, failure);
            continue;
        }
        result = source_read(job->source, window->text + window->size + window->kept, room, &got,
                             failure);
        if (result == 0)
            result = scrub(window, got, failure);
        if (result == 0)
            result = deliver(window, failure);
    }
    return result;
}

int window_run(const struct window_job *job, struct failure *failure)
{
    struct window window = {.job = job, .room = job->room};
    window.text = malloc(job->room);
    window.breaks = malloc(job->room);
    int result = 0;
    if (!window.text || !window.breaks)
        result = failure_set(failure, -ENOMEM, "out of memory");
    else
        result = run(&window, failure);
    free(window.text);
    free(window.breaks);
    return result;
}
