/*
 * tokenize: splits text into words, segments, characters as people see them, or lines, by UAX #29 in any
 * language, and counts them, or gives them out. For texts, files larger than memory, and parts of files, so that one
 * file can be split over all cores. This file is the plugin: its parameters and its output; the work is done in the
 * others of its folder, which know nothing of awaitd.
 */

#include <awaitd/plugin.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "quote.h"
#include "request.h"
#include "scrub.h"
#include "segment.h"
#include "source.h"
#include "table.h"
#include "token.h"
#include "window.h"

static const struct aw_param params[] = {
    AW_PARAM(struct request, text, .text = "The text", .one_of = "source"),
    AW_PARAM(struct request, file,
             .text = "A file with the text, in UTF-8: its absolute path, on the daemon's machine",
             .one_of = "source", .restricted = true),
    AW_PARAM(struct request, chunk,
             .text =
                 "Only part of the file: \"2/8\" is part 2 of 8 of about the same size, of which "
                 "the first is 0/8 and the last 7/8. A part has the lines that begin in it, so "
                 "that all parts together have each line once"),
    AW_PARAM(struct request, offset,
             .text = "Only the lines of the file that begin at this byte or later",
             .max = AW_UNLIMITED),
    AW_PARAM(struct request, length,
             .text = "Only the lines of the file that begin within so many bytes from the offset; "
                     "without it, all up to the end",
             .min = 1, .max = AW_UNLIMITED),
    AW_PARAM(struct request, unit,
             .text = "What a token is: words (segments with a letter, a number or an ideograph), "
                     "segments (all that UAX #29 finds, blanks and punctuation too), graphemes "
                     "(characters as people see them) or lines",
             .default_text = "words"),
    AW_PARAM(struct request, lowercase,
             .text = "Change tokens to small letters, the same in every locale, before they are "
                     "counted",
             .default_text = "false"),
    AW_PARAM(struct request, output,
             .text =
                 "What to tell, as JSON: counts (of all tokens, of different ones, and the most "
                 "frequent), count (of all tokens only; fastest) or tokens (each as a string, one "
                 "per line)",
             .default_text = "counts"),
    AW_PARAM(struct request, top, .text = "How many of the most frequent tokens to tell",
             .unit = "tokens", .max = 1e6, .default_text = "10"),
    AW_PARAM(struct request, invalid,
             .text = "What becomes of bytes that are not UTF-8: fail, or replace (by U+FFFD)",
             .default_text = "fail"),
    AW_PARAMS_END,
};

struct settings {
    struct aw_size memory;
};

static const struct aw_param settings_table[] = {
    AW_PARAM(struct settings, memory,
             .text = "How much memory the different tokens of one job may take", .min = 1 << 20,
             .max = AW_UNLIMITED, .default_text = "256MiB"),
    AW_PARAMS_END,
};

/* What all jobs of a worker share, and none changes. */
struct shared {
    struct segment_ascii ascii;
    uint64_t memory_bytes;
    uint64_t seed; /* of tables */
};

/* A job that is being run. */
struct run {
    struct aw_job *job;
    const struct request *request;
    struct choice choice;
    struct source source;
    struct table *table; /* output=counts */
    struct lowered lowered;
    uint64_t tokens;
};

/* ---- Taking tokens: one function per output ------------------------------------------------------ */

static int take_count(void *context, struct tokens *tokens, struct failure *failure)
{
    struct run *run = context;
    (void)failure;
    run->tokens += tokens_count(tokens);
    return 0;
}

/* The next token as it is counted or told. 1: there is one; 0: no more; -ENOMEM. */
static int next(struct run *run, struct tokens *tokens, const uint8_t **token, size_t *size,
                struct failure *failure)
{
    if (!tokens_next(tokens, token, size))
        return 0;
    run->tokens++;
    if (run->request->lowercase && !token_lower(&run->lowered, *token, *size, token, size))
        return failure_set(failure, -ENOMEM, "out of memory");
    return 1;
}

static int take_table(void *context, struct tokens *tokens, struct failure *failure)
{
    struct run *run = context;
    const struct shared *shared = aw_instance(run->job);
    const uint8_t *token;
    size_t size;
    int result;
    while ((result = next(run, tokens, &token, &size, failure)) > 0) {
        result = table_add(run->table, token, size);
        if (result == -ENOSPC)
            return failure_set(failure, result,
                               "too many different tokens: more than %" PRIu64
                               " do not fit into %" PRIu64
                               " bytes, the plugin's setting \"memory\" (output=count needs none)",
                               table_distinct(run->table), shared->memory_bytes);
        if (result)
            return failure_set(failure, result, "%s", strerror(-result));
    }
    return result;
}

static void put(void *context, const void *data, size_t size)
{
    aw_output(context, data, size);
}

static int take_tokens(void *context, struct tokens *tokens, struct failure *failure)
{
    struct run *run = context;
    const uint8_t *token;
    size_t size;
    int result;
    while ((result = next(run, tokens, &token, &size, failure)) > 0) {
        quote(token, size, put, run->job);
        aw_output(run->job, "\n", 1);
    }
    return result;
}

static bool cancelled(void *context)
{
    const struct run *run = context;
    return aw_cancelled(run->job);
}

/* ---- Output -------------------------------------------------------------------------------------- */

static int tell_counts(struct run *run)
{
    uint64_t distinct = table_distinct(run->table);
    uint64_t room = (uint64_t)run->request->top < distinct ? (uint64_t)run->request->top : distinct;
    struct table_row *rows = calloc(room + 1, sizeof(*rows));
    if (!rows)
        return aw_fail(run->job, "out of memory");
    size_t count = table_top(run->table, rows, room);
    aw_outputf(run->job,
               "{\"tokens\": %" PRIu64 ", \"distinct\": %" PRIu64 ", \"bytes\": %" PRIu64
               ", \"top\": [",
               run->tokens, distinct, run->source.bytes);
    for (size_t i = 0; i < count; i++) {
        aw_outputf(run->job, "%s[", i > 0 ? ", " : "");
        quote(rows[i].text, rows[i].size, put, run->job);
        aw_outputf(run->job, ", %" PRIu64 "]", rows[i].count);
    }
    aw_outputf(run->job, "]}");
    free(rows);
    return AW_OK;
}

/* How many there were, since the limit on output may have cut them. */
static int tell_details(struct run *run)
{
    char json[96];
    (void)snprintf(json, sizeof(json), "{\"tokens\": %" PRIu64 ", \"bytes\": %" PRIu64 "}",
                   run->tokens, run->source.bytes); /* fits */
    return aw_details(run->job, json);
}

static int tell(struct run *run)
{
    switch (run->choice.output) {
    case OUTPUT_COUNTS:
        return tell_counts(run);
    case OUTPUT_COUNT:
        aw_outputf(run->job, "{\"tokens\": %" PRIu64 ", \"bytes\": %" PRIu64 "}", run->tokens,
                   run->source.bytes);
        break;
    case OUTPUT_TOKENS:
        return tell_details(run);
    }
    return AW_OK;
}

/* ---- The job ------------------------------------------------------------------------------------- */

/* A window for a short text is short. */
static size_t window_room(const struct run *run)
{
    size_t room = WINDOW_LEAST_BYTES;
    while (room < WINDOW_BYTES && room / SCRUB_GROWTH < run->source.size)
        room *= 2;
    return room;
}

static int go_through(struct run *run, struct failure *failure)
{
    static int (*const takes[])(void *, struct tokens *, struct failure *) = {
        [OUTPUT_COUNTS] = take_table, [OUTPUT_COUNT] = take_count, [OUTPUT_TOKENS] = take_tokens};
    const struct shared *shared = aw_instance(run->job);
    if (run->choice.output == OUTPUT_COUNTS) {
        run->table = table_new(shared->memory_bytes, shared->seed);
        if (!run->table)
            return failure_set(failure, -ENOMEM, "out of memory");
    }
    struct window_job job = {
        .source = &run->source,
        .ascii = &shared->ascii,
        .unit = run->choice.unit,
        .replace = run->choice.replace,
        .room = window_room(run),
        .most = WINDOW_MOST_BYTES,
        .take = takes[run->choice.output],
        .cancelled = cancelled,
        .context = run,
    };
    return window_run(&job, failure);
}

static int tokenize(struct aw_job *job, const void *data)
{
    struct failure failure;
    struct run run = {.job = job, .request = data, .source = {.fd = -1}};
    int result = request_check(run.request, &run.choice, &failure);
    if (result == 0)
        result = request_open(run.request, &run.choice, &run.source, &failure);
    if (result == 0)
        result = go_through(&run, &failure);

    int outcome = AW_CANCELLED;
    if (result == 0)
        outcome = tell(&run);
    else if (result != -ECANCELED)
        outcome = aw_fail(job, "%s", failure.text);
    source_close(&run.source);
    table_free(run.table);
    free(run.lowered.text);
    return outcome;
}

static int prepare(struct aw_worker *worker, const void *data, void **instance, char *reason,
                   size_t reason_size)
{
    (void)worker;
    const struct settings *settings = data;
    struct shared *shared = calloc(1, sizeof(*shared));
    if (!shared || getrandom(&shared->seed, sizeof(shared->seed), 0) != sizeof(shared->seed)) {
        (void)snprintf(reason, reason_size, "%s", strerror(errno)); /* fits */
        free(shared);
        return AW_FAILED;
    }
    shared->memory_bytes = settings->memory.bytes;
    segment_learn(&shared->ascii);
    *instance = shared;
    return AW_OK;
}

AW_PLUGIN(.name = "tokenize", .version = PACKAGE_VERSION,
          .summary = "Splits text into words, characters or lines, and counts them",
          .params = params, .params_size = sizeof(struct request), .settings = settings_table,
          .settings_size = sizeof(struct settings), .open = prepare, .close = free,
          .blocking = tokenize);
