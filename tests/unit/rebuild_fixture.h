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

/* Tells the parts of a batch, one after the other. */
static inline void tell_pieces(struct rebuild *rebuild, const struct batch *batch,
                               const struct catalogue *catalogue)
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
        rebuild_piece(rebuild, &piece);
        bytes_free(&text);
        first = end;
    }
}

/* In rows of up to `row` completions. */
static inline void tell_results(struct rebuild *rebuild, const struct batch *batch, uint32_t row)
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
        rebuild_results(rebuild, first, view);
        bytes_free(&results);
        bytes_free(&text);
    }
}

/* The batch as the store has it when everything that became of it was recorded; `jobs` tells of some. */
static inline void tell_batch(struct rebuild *rebuild, const struct batch *batch,
                              const struct store_job *jobs, size_t count, uint32_t row)
{
    struct bytes terms = {0};
    terms_text_write(&terms, &batch->terms);
    bytes_put(&terms, "", 1);
    struct store_batch stored = {.number = batch->number,
                                 .owner = batch->owner,
                                 .name = batch->name,
                                 .retry_of = batch->retry_of,
                                 .configured = batch->configured,
                                 .terms = (const char *)terms.data,
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
    rebuild_begin(rebuild, &stored);
    bytes_free(&terms);
    tell_pieces(rebuild, batch, rebuild->catalogue);
    for (size_t i = 0; i < count; i++)
        rebuild_job(rebuild, &jobs[i]);
    tell_results(rebuild, batch, row);
}

#endif
