/*
 * Any bytes as a text to tokenize, in a small window and in chunks: the tokens are those of one large window, and an
 * error is the same one. Boundaries are libunistring's, also where the plugin's own tables find them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unigbrk.h>
#include <uniwbrk.h>
#include "plugins/tokenize/scrub.h"
#include "plugins/tokenize/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is kept of the tokens: how many, and a sum over their bytes and their ends (FNV-1a). */
struct sum {
    uint64_t count, bytes;
};

static void sum_byte(struct sum *sum, unsigned byte)
{
    sum->bytes = (sum->bytes ^ byte) * UINT64_C(0x100000001B3);
}

static void check_boundaries(const struct tokens *tokens)
{
    char *theirs = malloc(tokens->size + 1);
    if (!theirs || tokens->unit == UNIT_LINES || tokens->size == 0) {
        free(theirs);
        return;
    }
    if (tokens->unit == UNIT_GRAPHEMES)
        u8_grapheme_breaks(tokens->text, tokens->size, theirs);
    else
        u8_wordbreaks(tokens->text, tokens->size, theirs);
    theirs[0] = 1;
    if (memcmp(theirs, tokens->breaks, tokens->size) != 0)
        abort();
    free(theirs);
}

static int take(void *context, struct tokens *tokens, struct failure *failure)
{
    struct sum *sum = context;
    const uint8_t *token;
    size_t size;
    uint64_t expected = sum->count + tokens_count(tokens);
    (void)failure;
    check_boundaries(tokens);
    while (tokens_next(tokens, &token, &size)) {
        sum->count++;
        for (size_t i = 0; i < size; i++)
            sum_byte(sum, token[i]);
        sum_byte(sum, 0x100);
    }
    if (sum->count != expected)
        abort();
    return 0;
}

static bool never(void *context)
{
    (void)context;
    return false;
}

/* Bytes of a window that holds all at once, whatever is replaced. */
static size_t all_room(size_t size)
{
    return SCRUB_GROWTH * size + WINDOW_LEAST_BYTES;
}

static int go(const struct window_job *base, const uint8_t *text, size_t size, uint64_t begin,
              uint64_t end, size_t room, struct sum *sum)
{
    struct source source;
    struct failure failure;
    struct window_job job = *base;
    source_text(&source, (const char *)text, size);
    if (begin > 0 || end < size)
        source_narrow(&source, begin, end);
    job.source = &source;
    job.room = room;
    job.most = all_room(size);
    if (job.most < room)
        job.most = room;
    job.context = sum;
    return window_run(&job, &failure);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct segment_ascii ascii;
    static bool learned;
    if (size < 3)
        return 0;
    if (!learned)
        segment_learn(&ascii);
    learned = true;

    struct window_job job = {.ascii = &ascii,
                             .unit = (enum unit)(data[0] & 3),
                             .replace = data[0] & 4,
                             .take = take,
                             .cancelled = never};
    size_t room = WINDOW_LEAST_BYTES + data[1];
    unsigned step = 1 + data[2];
    const uint8_t *text = data + 3;
    size -= 3;

    struct sum whole = {0, 0}, windows = {0, 0}, chunks = {0, 0};
    int result = go(&job, text, size, 0, size, all_room(size), &whole);
    int in_windows = go(&job, text, size, 0, size, room, &windows);
    int in_chunks = 0;
    for (size_t begin = 0; begin < size && in_chunks == 0; begin += step)
        in_chunks = go(&job, text, size, begin, begin + step, room, &chunks);
    if (in_windows != result || in_chunks != result)
        abort();
    if (result == 0 && (memcmp(&whole, &windows, sizeof(whole)) != 0 ||
                        memcmp(&whole, &chunks, sizeof(whole)) != 0))
        abort();
    return 0;
}
