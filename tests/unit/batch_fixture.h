/*
 * Batches and catalogues as small as a test needs them.
 */
#ifndef AWAITD_TESTS_BATCH_FIXTURE_H
#define AWAITD_TESTS_BATCH_FIXTURE_H

#include <check.h>
#include <string.h>
#include "base/clock.h"
#include "supervisor/batch.h"
#include "supervisor/catalogue.h"

static inline struct batch *new_batch(uint64_t number)
{
    struct batch *batch = batch_new(number, NULL, 1000);
    ck_assert_ptr_nonnull(batch);
    return batch;
}

/* Adds an entry of `count` jobs; returns its number. */
static inline uint32_t add_jobs(struct batch *batch, uint16_t plugin, uint32_t count)
{
    struct entry entry = {.plugin = plugin, .count = count};
    ck_assert_int_eq(batch_accept(batch, clock_now_ns()), 0);
    ck_assert_int_eq(batch_add_entry(batch, &entry), 0);
    return batch->entries_count - 1;
}

static inline struct bytes_view view_of_text(const char *text)
{
    return (struct bytes_view){.data = (const uint8_t *)text, .size = strlen(text)};
}

/* Ends a job. */
static inline void complete_job(struct batch *batch, uint32_t job, enum job_state state,
                                const char *output)
{
    struct completion completion = {.job = job, .state = state, .output = view_of_text(output)};
    ck_assert_int_eq(batch_complete(batch, &completion, clock_now_ns()), 0);
}

/* Plugins p0, p1, ... of these styles, described and without parameters. They live in the caller's array. */
static inline struct catalogue make_catalogue(struct plugin *plugins, uint32_t count,
                                              const enum run_style *styles)
{
    static char names[8][4];
    static struct params_table no_params;
    ck_assert_uint_le(count, 8);
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "p%u", i);
        plugins[i] = (struct plugin){
            .file = "p.so", .name = names[i], .style = styles[i], .params = &no_params};
    }
    return (struct catalogue){.plugins = plugins, .count = count, .known = true};
}

#endif
