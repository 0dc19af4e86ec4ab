#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "batch_fixture.h"
#include "suite.h"
#include "supervisor/queue.h"

#define RUN 10u /* jobs that a lane may take at a time in these tests */

static struct queue *queue;

static void set_up(void)
{
    queue = queue_new(3);
    ck_assert_ptr_nonnull(queue);
}

static void tear_down(void)
{
    queue_free(queue);
}

/* A batch with one entry, queued. */
static struct batch *push(uint64_t number, uint16_t plugin, uint32_t jobs)
{
    struct batch *batch = new_batch(number);
    (void)add_jobs(batch, plugin, jobs);
    ck_assert_int_eq(queue_push(queue, batch, 0), 0);
    return batch;
}

/* Takes from the lane whose turn it is, as the scheduler does. */
static struct queue_run take(uint32_t plugin, uint32_t max)
{
    struct queue_run run = {0};
    struct lane *lane = queue_turn(queue, plugin);
    ck_assert_ptr_nonnull(lane);
    if (queue_take(queue, lane, &(struct queue_share){max, SIZE_MAX}, &run))
        batch_start(run.batch, run.first, run.count, 0, run.batch->submitted_ns);
    return run;
}

static void check_take(uint32_t plugin, const struct batch *batch, uint32_t first, uint32_t count)
{
    struct queue_run run = take(plugin, RUN);
    ck_assert_ptr_eq(run.batch, batch);
    ck_assert_uint_eq(run.first, first);
    ck_assert_uint_eq(run.count, count);
    ck_assert_uint_eq(run.entry, batch_entry_of(batch, first));
}

static void check_empty(uint32_t plugin)
{
    ck_assert_ptr_null(queue_turn(queue, plugin));
}

START_TEST(a_run_has_no_more_bytes_than_its_share_and_at_least_one_job)
{
    static const uint32_t offsets[] = {0, 10, 20, 120, 130};
    static const uint8_t data[130];
    static const struct entry_items items = {.data = data, .offsets = offsets};
    struct entry entry = {.count = 4, .items = &items, .params = "{}", .params_size = 2};
    struct batch *batch = new_batch(1);
    ck_assert_int_eq(batch_accept(batch, clock_now_ns()), 0);
    ck_assert_int_eq(batch_add_entry(batch, &entry), 0);
    ck_assert_int_eq(queue_push(queue, batch, 0), 0);

    const struct queue_share share = {RUN, 22};
    static const uint32_t counts[] = {2, 1, 1}; /* 2+10+10, then 100 by itself, then 10 */
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct queue_run run;
        ck_assert(queue_take(queue, queue_turn(queue, 0), &share, &run));
        ck_assert_uint_eq(run.count, counts[i]);
    }
    check_empty(0);
    batch_free(batch);
}
END_TEST

START_TEST(jobs_leave_in_the_order_of_their_submission)
{
    struct batch *batch = push(1, 0, 25);
    ck_assert_uint_eq(queue_jobs(queue), 25);
    check_take(0, batch, 0, 10);
    check_take(0, batch, 10, 10);
    ck_assert_uint_eq(queue_jobs(queue), 5);
    check_take(0, batch, 20, 5);
    ck_assert_uint_eq(queue_jobs(queue), 0);
    check_empty(0);
    batch_free(batch);
}
END_TEST

START_TEST(a_run_goes_on_over_small_entries)
{
    struct batch *batch = new_batch(1);
    for (int i = 0; i < 25; i++)
        (void)add_jobs(batch, 0, i % 3 + 1);
    ck_assert_int_eq(queue_push(queue, batch, 0), 0);
    for (uint32_t first = 0; first < batch->jobs; first += 10)
        check_take(0, batch, first, batch->jobs - first < 10 ? batch->jobs - first : 10);
    check_empty(0);
    batch_free(batch);
}
END_TEST

START_TEST(a_run_ends_where_another_plugin_has_jobs_in_between)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 2);
    (void)add_jobs(batch, 1, 3);
    (void)add_jobs(batch, 0, 2);
    ck_assert_int_eq(queue_push(queue, batch, 0), 0);
    check_take(0, batch, 0, 2);
    check_take(0, batch, 5, 2);
    check_empty(0);
    check_take(1, batch, 2, 3);
    check_empty(1);
    batch_free(batch);
}
END_TEST

START_TEST(equal_lanes_take_turns)
{
    struct batch *a = push(1, 0, 30), *b = push(2, 0, 20), *c = push(3, 0, 30);
    check_take(0, a, 0, 10);
    check_take(0, b, 0, 10);
    check_take(0, c, 0, 10);
    check_take(0, a, 10, 10);
    check_take(0, b, 10, 10);
    check_take(0, c, 10, 10);
    check_take(0, a, 20, 10);
    check_take(0, c, 20, 10);
    check_empty(0);
    batch_free(a);
    batch_free(b);
    batch_free(c);
}
END_TEST

START_TEST(a_batch_of_one_job_waits_for_at_most_one_run_of_each_other)
{
    enum { OTHERS = 20 };
    struct batch *others[OTHERS];
    for (uint32_t moment = 0; moment < 2 * OTHERS; moment++) {
        for (uint32_t i = 0; i < OTHERS; i++)
            others[i] = push(i + 1, 0, 1000);
        for (uint32_t i = 0; i < moment; i++)
            (void)take(0, RUN);
        struct batch *small = push(100, 0, 1);
        uint32_t runs[OTHERS + 1] = {0};
        for (;;) {
            struct queue_run run = take(0, RUN);
            if (run.batch == small)
                break;
            ck_assert_uint_eq(++runs[run.batch->number], 1);
        }
        for (uint32_t i = 0; i < OTHERS; i++) {
            queue_drop(queue, others[i]);
            batch_free(others[i]);
        }
        batch_free(small);
    }
}
END_TEST

START_TEST(a_plugin_waits_for_no_other)
{
    struct batch *a = push(1, 0, 1000), *b = push(2, 2, 1);
    check_empty(1);
    check_take(2, b, 0, 1);
    check_empty(2);
    queue_drop(queue, a);
    batch_free(a);
    batch_free(b);
}
END_TEST

START_TEST(jobs_that_ended_meanwhile_are_left_out)
{
    struct batch *batch = push(1, 0, 30);
    static const uint32_t ended[] = {0, 1, 5, 12, 13, 29};
    for (size_t i = 0; i < sizeof(ended) / sizeof(*ended); i++)
        complete_job(batch, ended[i], JOB_CANCELLED, "");
    check_take(0, batch, 2, 3);
    check_take(0, batch, 6, 6);
    check_take(0, batch, 14, 10);
    check_take(0, batch, 24, 5);
    struct queue_run run;
    struct lane *lane = queue_turn(queue, 0);
    ck_assert(lane && !queue_take(queue, lane, &(struct queue_share){RUN, SIZE_MAX}, &run));
    check_empty(0);
    ck_assert_uint_eq(queue_jobs(queue), 0);
    batch_free(batch);
}
END_TEST

START_TEST(what_is_pushed_later_follows_in_the_same_lane)
{
    struct batch *batch = push(1, 0, 5);
    (void)add_jobs(batch, 0, 7);
    (void)add_jobs(batch, 1, 1);
    ck_assert_int_eq(queue_push(queue, batch, 1), 0);
    ck_assert_uint_eq(queue_jobs(queue), 13);
    check_take(0, batch, 0, 10);
    check_take(0, batch, 10, 2);
    check_take(1, batch, 12, 1);
    (void)add_jobs(batch, 0, 3); /* the lane was gone */
    ck_assert_int_eq(queue_push(queue, batch, 3), 0);
    check_take(0, batch, 13, 3);
    check_empty(0);
    batch_free(batch);
}
END_TEST

START_TEST(a_dropped_batch_leaves_nothing_behind)
{
    struct batch *a = push(1, 0, 25), *b = push(2, 0, 25);
    (void)add_jobs(a, 1, 5);
    ck_assert_int_eq(queue_push(queue, a, 1), 0);
    check_take(0, a, 0, 10);
    queue_drop(queue, a);
    ck_assert_ptr_null(a->lanes);
    ck_assert_uint_eq(queue_jobs(queue), 25);
    check_empty(1);
    check_take(0, b, 0, 10);
    check_take(0, b, 10, 10);
    check_take(0, b, 20, 5);
    check_empty(0);
    queue_drop(queue, a); /* has none */
    batch_free(a);
    batch_free(b);
}
END_TEST

START_TEST(taking_out_of_turn_costs_nobody_a_turn)
{
    struct batch *a = push(1, 0, 30), *b = push(2, 0, 30), *c = push(3, 0, 30);
    struct queue_run run;
    ck_assert(queue_take(queue, c->lanes, &(struct queue_share){RUN, SIZE_MAX}, &run));
    ck_assert_ptr_eq(run.batch, c);
    check_take(0, a, 0, 10);
    check_take(0, b, 0, 10);
    check_take(0, c, 10, 10);
    struct batch *all[] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        queue_drop(queue, all[i]);
        batch_free(all[i]);
    }
}
END_TEST

/* ---- Against a plain reference ------------------------------------------------------------- */

#define MODEL_BATCHES 12u
#define MODEL_PLUGINS 3u

/* For each plugin, the batches in turn; what a batch still has queued is read off its states. */
struct model {
    struct batch *batches[MODEL_BATCHES];
    struct batch *ring[MODEL_PLUGINS][MODEL_BATCHES];
    uint32_t ring_size[MODEL_PLUGINS];
};

static bool next_queued(const struct batch *batch, uint32_t plugin, uint32_t from, uint32_t *job)
{
    for (*job = from; *job < batch->jobs; (*job)++) {
        if (batch->entries[batch_entry_of(batch, *job)].plugin == plugin &&
            batch_state(batch, *job) == JOB_QUEUED)
            return true;
    }
    return false;
}

static void model_push(struct model *model, struct batch *batch, uint32_t plugin)
{
    for (uint32_t i = 0; i < model->ring_size[plugin]; i++) {
        if (model->ring[plugin][i] == batch)
            return;
    }
    model->ring[plugin][model->ring_size[plugin]++] = batch;
}

static void model_remove(struct model *model, uint32_t plugin, uint32_t at)
{
    memmove(&model->ring[plugin][at], &model->ring[plugin][at + 1],
            (--model->ring_size[plugin] - at) * sizeof(struct batch *));
}

static void step_push(struct model *model, uint32_t slot)
{
    if (!model->batches[slot])
        model->batches[slot] = new_batch(slot + 1);
    struct batch *batch = model->batches[slot];
    uint32_t first = batch->entries_count;
    for (int i = rand() % 4; i >= 0; i--) {
        uint16_t plugin = (uint16_t)(rand() % MODEL_PLUGINS);
        (void)add_jobs(batch, plugin, (uint32_t)(rand() % 20 + 1));
        model_push(model, batch, plugin);
    }
    ck_assert_int_eq(queue_push(queue, batch, first), 0);
}

static void step_cancel(const struct model *model, uint32_t slot)
{
    struct batch *batch = model->batches[slot];
    if (!batch)
        return;
    uint32_t job = (uint32_t)rand() % batch->jobs;
    if (batch_state(batch, job) == JOB_QUEUED)
        complete_job(batch, job, JOB_CANCELLED, "");
}

static void step_drop(struct model *model, uint32_t slot)
{
    struct batch *batch = model->batches[slot];
    if (!batch)
        return;
    queue_drop(queue, batch);
    batch_free(batch);
    model->batches[slot] = NULL;
    for (uint32_t plugin = 0; plugin < MODEL_PLUGINS; plugin++) {
        for (uint32_t i = model->ring_size[plugin]; i-- > 0;) {
            if (model->ring[plugin][i] == batch)
                model_remove(model, plugin, i);
        }
    }
}

static void step_take(struct model *model, uint32_t plugin)
{
    struct lane *lane = queue_turn(queue, plugin);
    if (!model->ring_size[plugin]) {
        ck_assert_ptr_null(lane);
        return;
    }
    struct batch *batch = model->ring[plugin][0];
    ck_assert_ptr_nonnull(lane);
    ck_assert_ptr_eq(lane->batch, batch);
    uint32_t max = (uint32_t)rand() % 15 + 1, first, job, count = 0;
    bool any = next_queued(batch, plugin, 0, &first);
    for (job = first; any && count < max && job == first + count;) {
        count++;
        if (!next_queued(batch, plugin, job + 1, &job))
            break;
    }
    struct queue_run run;
    ck_assert_int_eq(queue_take(queue, lane, &(struct queue_share){max, SIZE_MAX}, &run), any);
    model_remove(model, plugin, 0);
    if (!any)
        return;
    ck_assert_ptr_eq(run.batch, batch);
    ck_assert_uint_eq(run.first, first);
    ck_assert_uint_eq(run.count, count);
    ck_assert_uint_eq(run.entry, batch_entry_of(batch, first));
    batch_start(batch, first, count, 0, batch->submitted_ns);
    /* A lane stays while it has jobs, even if all of them were cancelled one by one. */
    const struct lane *left = batch->lanes;
    while (left && left->plugin != plugin)
        left = left->batch_next;
    ck_assert(left || !next_queued(batch, plugin, 0, &job));
    if (left)
        model_push(model, batch, plugin);
}

START_TEST(any_sequence_of_calls_agrees_with_a_plain_reference)
{
    struct model model = {0};
    srand((unsigned)_i + 1);
    for (int step = 0; step < 3000; step++) {
        uint32_t slot = (uint32_t)rand() % MODEL_BATCHES;
        int what = rand() % 100;
        if (what < 15)
            step_push(&model, slot);
        else if (what < 50)
            step_cancel(&model, slot);
        else if (what < 52)
            step_drop(&model, slot);
        else
            step_take(&model, (uint32_t)rand() % MODEL_PLUGINS);
    }
    for (uint32_t slot = 0; slot < MODEL_BATCHES; slot++)
        step_drop(&model, slot);
    ck_assert_uint_eq(queue_jobs(queue), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queue");
    TCase *tests = tcase_create("queue");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_run_has_no_more_bytes_than_its_share_and_at_least_one_job);
    tcase_add_test(tests, jobs_leave_in_the_order_of_their_submission);
    tcase_add_test(tests, a_run_goes_on_over_small_entries);
    tcase_add_test(tests, a_run_ends_where_another_plugin_has_jobs_in_between);
    tcase_add_test(tests, equal_lanes_take_turns);
    tcase_add_test(tests, a_batch_of_one_job_waits_for_at_most_one_run_of_each_other);
    tcase_add_test(tests, a_plugin_waits_for_no_other);
    tcase_add_test(tests, jobs_that_ended_meanwhile_are_left_out);
    tcase_add_test(tests, what_is_pushed_later_follows_in_the_same_lane);
    tcase_add_test(tests, a_dropped_batch_leaves_nothing_behind);
    tcase_add_test(tests, taking_out_of_turn_costs_nobody_a_turn);
    tcase_add_loop_test(tests, any_sequence_of_calls_agrees_with_a_plain_reference, 0, 5);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
