/*
 * Runs the tokenize plugin's modules over a text and keeps the tokens, so that two runs can be compared.
 */
#ifndef AWAITD_TESTS_TOKENIZE_FIXTURE_H
#define AWAITD_TESTS_TOKENIZE_FIXTURE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "plugins/tokenize/window.h"

/* Behind each token kept: in UTF-8 it is no part of one. */
#define TOKEN_END 0xFF

struct tokenized {
    int result;
    struct failure failure;
    uint8_t *bytes; /* the tokens, with TOKEN_END behind each; owned */
    size_t size, room;
    uint64_t count;       /* as tokens_count() says */
    size_t windows;       /* that were begun */
    size_t windows_until; /* cancel before the next one; 0: never */
};

/* What is known of ASCII; learned once for each test. */
static inline const struct segment_ascii *ascii(void)
{
    static struct segment_ascii learned;
    static bool done;
    if (!done)
        segment_learn(&learned);
    done = true;
    return &learned;
}

static inline void tokenized_put(struct tokenized *all, const void *data, size_t size)
{
    if (size == 0)
        return; /* there may be no memory yet */
    if (all->size + size > all->room) {
        all->room = 2 * (all->size + size) + 64;
        all->bytes = realloc(all->bytes, all->room);
        ck_assert_ptr_nonnull(all->bytes);
    }
    memcpy(all->bytes + all->size, data, size);
    all->size += size;
}

static inline int tokenized_take(void *context, struct tokens *tokens, struct failure *failure)
{
    struct tokenized *all = context;
    const uint8_t *token, end = TOKEN_END;
    size_t size;
    (void)failure;
    uint64_t expected = tokens_count(tokens), found = 0;
    all->count += expected;
    for (; tokens_next(tokens, &token, &size); found++) {
        tokenized_put(all, token, size);
        tokenized_put(all, &end, 1);
    }
    ck_assert_uint_eq(found, expected);
    return 0;
}

static inline bool tokenized_cancelled(void *context)
{
    struct tokenized *all = context;
    return all->windows_until && all->windows++ >= all->windows_until;
}

static inline void tokenized_free(struct tokenized *all)
{
    free(all->bytes);
    all->bytes = NULL;
}

/* Goes through the source, which it does not close, in windows of `room` up to `most` bytes, and adds to what is there. */
static inline void tokenize_source(struct tokenized *all, struct source *source, enum unit unit,
                                   bool replace, size_t room, size_t most)
{
    struct window_job job = {.source = source,
                             .ascii = ascii(),
                             .unit = unit,
                             .replace = replace,
                             .room = room,
                             .most = most,
                             .take = tokenized_take,
                             .cancelled = tokenized_cancelled,
                             .context = all};
    all->result = window_run(&job, &all->failure);
}

/* The same for a text that fits into one window. */
static inline struct tokenized tokenize_at_once(const void *text, size_t size, enum unit unit)
{
    struct tokenized all = {.result = 0};
    struct source source;
    source_text(&source, text, size);
    tokenize_source(&all, &source, unit, false, size + WINDOW_LEAST_BYTES,
                    size + WINDOW_LEAST_BYTES);
    ck_assert_int_eq(all.result, 0);
    return all;
}

static inline void assert_same_tokens(const struct tokenized *a, const struct tokenized *b)
{
    ck_assert_int_eq(a->result, b->result);
    ck_assert_uint_eq(a->count, b->count);
    ck_assert_uint_eq(a->size, b->size);
    ck_assert(a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

/* A text made of pieces that rules of UAX #29 tell apart; always the same for a seed. */
static inline size_t random_text(unsigned *seed, char *out, size_t room)
{
    static const char *const pieces[] = {"a",
                                         "Zz",
                                         "7",
                                         "42",
                                         " ",
                                         "  ",
                                         "\n",
                                         "\r\n",
                                         "\r",
                                         ".",
                                         ",",
                                         ":",
                                         ";",
                                         "'",
                                         "\"",
                                         "_",
                                         "-",
                                         "\t",
                                         "\v",
                                         "\u00e9",
                                         "\u03a3",
                                         "\u05d0",
                                         "\u05d3\"\u05d4",
                                         "\u0301",
                                         "\u200d",
                                         "\u00ad",
                                         "\U0001F469",
                                         "\U0001F1E9",
                                         "\U0001F1EA",
                                         "\u30ab",
                                         "\u65e5",
                                         "\u0e01\u0e34",
                                         "\u2028",
                                         "\xC2\x85",
                                         "\u2019",
                                         "\U0001F3F3\ufe0f",
                                         "\U0001F3FB",
                                         "\u0915\u094d\u0937",
                                         "\u1100\u1161\u11a8",
                                         "\u200b",
                                         "\u0600"};
    size_t size = 0;
    for (;;) {
        const char *piece = pieces[(unsigned)rand_r(seed) % (sizeof(pieces) / sizeof(pieces[0]))];
        size_t length = strlen(piece);
        if (size + length > room)
            return size;
        memcpy(out + size, piece, length);
        size += length;
    }
}

#endif
