/*
 * What the store would have of a batch, and the batch that is made of it again.
 */
#ifndef AWAITD_TESTS_REBUILD_FIXTURE_H
#define AWAITD_TESTS_REBUILD_FIXTURE_H

#include <check.h>
#include <stdlib.h>
#include "batch_fixture.h"
#include "base/bytes.h"
#include "supervisor/entries_text.h"
#include "supervisor/rebuild.h"
#include "supervisor/result_text.h"
#include "supervisor/scheduler.h"
#include "supervisor/submit.h"
#include "supervisor/terms_text.h"

/* All that has become of a batch is told to have been so much earlier. */
static uint64_t earlier_ns;

/* Tells the pieces of a batch, one after the other. */
static inline void tell_pieces(const struct store_reader *reader, void *context,
                               const struct batch *batch, const struct catalogue *catalogue)
{
    uint32_t first = 0, number = 0;
    for (uint32_t i = 0; i < batch->pieces_count; i++) {
        uint32_t begin_job = batch_piece_first(batch, i), end_job = batch_piece_first(batch, i + 1);
        uint32_t end =
            end_job < batch->jobs ? batch_entry_of(batch, end_job) : batch->entries_count;
        struct bytes text = {0};
        if (begin_job == end_job)
            continue;
        ck_assert_int_eq(entries_text(batch, first, end, catalogue, &text), 0);
        struct store_piece piece = {.number = number++,
                                    .first = begin_job,
                                    .accepted_ns = batch_accepted_ns(batch, begin_job) - earlier_ns,
                                    .jobs = {.data = text.data, .size = text.size}};
        reader->on_piece(context, &piece);
        bytes_free(&text);
        first = end;
    }
}

/* In rows of up to `row` completions. */
static inline void tell_results(const struct store_reader *reader, void *context,
                                const struct batch *batch, uint32_t row)
{
    struct completions_cursor cursor = {0};
    struct completion completion;
    for (uint32_t first = 0; first < batch->completions.count; first += row) {
        struct bytes results = {0}, text = {0};
        for (uint32_t i = 0; i < row && completions_next(&batch->completions, &cursor, &completion);
             i++)
            result_text_write(&results, &completion, batch_attempt(batch, completion.job));
        bytes_put(&text, "[", 1);
        bytes_put(&text, results.data, results.size);
        bytes_put(&text, "]", 1);
        ck_assert(!results.failed && !text.failed);
        struct bytes_view view = {.data = text.data, .size = text.size};
        reader->on_results(context, first, view);
        bytes_free(&results);
        bytes_free(&text);
    }
}

/* What there is to tell of the batch itself; but its terms and its key. */
static inline struct store_batch stored_batch(const struct batch *batch, const char *terms)
{
    return (struct store_batch){.number = batch->number,
                                .owner = batch->owner,
                                .name = batch->name,
                                .retry_of = batch->retry_of,
                                .configured = batch->configured,
                                .terms = terms,
                                .submitted_s = batch->submitted_s,
                                .submitted_ns = batch->submitted_ns - earlier_ns,
                                .sealed = batch->sealed,
                                .paused = scheduler_is_paused(batch),
                                .stopped = batch->cancelled,
                                .stopped_as = batch->stopped_as,
                                .given_up = batch->given_up,
                                .cut_short = batch->cut_short,
                                .finished = batch->finished,
                                .ended_ns = batch->finished ? batch->ended_ns : 0,
                                .ended_s = batch->ended_s};
}

/* All parts of the batch as the store has them when everything that became of it was recorded; `jobs` tells of some.
 * All but the end. */
static inline void tell_batch(const struct store_reader *reader, void *context,
                              const struct batch *batch, const struct catalogue *catalogue,
                              const struct store_job *jobs, size_t count, uint32_t row)
{
    static const struct fingerprint asked = {.known = FINGERPRINT_WHOLE, .terms = {7}};
    struct bytes terms = {0};
    terms_text_write(&terms, &batch->terms);
    bytes_put(&terms, "", 1);
    struct store_batch stored = stored_batch(batch, (const char *)terms.data);
    stored.key = batch->key;
    stored.asked = batch->key ? &asked : NULL;
    reader->on_batch(context, &stored);
    bytes_free(&terms);
    tell_pieces(reader, context, batch, catalogue);
    for (size_t i = 0; i < count; i++)
        reader->on_job(context, &jobs[i]);
    tell_results(reader, context, batch, row);
}

/* ---- To a struct rebuild -------------------------------------------------------------------- */

static inline void rebuild_on_batch(void *context, const struct store_batch *stored)
{
    rebuild_begin(context, stored);
}

static inline void rebuild_on_piece(void *context, const struct store_piece *piece)
{
    rebuild_piece(context, piece);
}

static inline void rebuild_on_job(void *context, const struct store_job *job)
{
    rebuild_job(context, job);
}

static inline void rebuild_on_results(void *context, uint32_t first, struct bytes_view results)
{
    rebuild_results(context, first, results);
}

static const struct store_reader rebuild_reader = {.on_batch = rebuild_on_batch,
                                                   .on_piece = rebuild_on_piece,
                                                   .on_job = rebuild_on_job,
                                                   .on_results = rebuild_on_results};

#endif
