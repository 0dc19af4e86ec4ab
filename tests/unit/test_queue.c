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

/* Queues the entries from number `first` on. */
static void push_entries(struct batch *batch, uint32_t first)
{
    ck_assert_int_eq(queue_prepare(queue, batch, first), 0);
    for (uint32_t entry = first; entry < batch->entries_count; entry++)
        queue_push(batch, entry);
}

/* Takes the batch out of the queue, whatever it has there, and frees it. */
static void drop(struct batch *batch)
{
    queue_drop(batch);
    batch_free(batch);
}

/* A batch with one entry, queued. */
static struct batch *push(uint64_t number, uint16_t plugin, uint32_t jobs)
{
    struct batch *batch = new_batch(number);
    (void)add_jobs(batch, plugin, jobs);
    push_entries(batch, 0);
    return batch;
}

static uint64_t jobs_in_lanes(const struct batch *batch)
{
    uint64_t jobs = 0;
    for (const struct lane *lane = batch->lanes; lane; lane = lane->batch_next)
        jobs += lane->jobs;
    return jobs;
}

/* Takes from the lane whose turn it is, as the scheduler does. */
static struct queue_run take(uint32_t plugin, uint32_t max)
{
    struct queue_run run = {0};
    struct lane *lane = queue_turn(queue, plugin);
    ck_assert_ptr_nonnull(lane);
    if (queue_take(lane, &(struct queue_share){max, SIZE_MAX}, &run))
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
    push_entries(batch, 0);

    const struct queue_share share = {RUN, 22};
    static const uint32_t counts[] = {2, 1, 1}; /* 2+10+10, then 100 by itself, then 10 */
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct queue_run run;
        ck_assert(queue_take(queue_turn(queue, 0), &share, &run));
        ck_assert_uint_eq(run.count, counts[i]);
    }
    check_empty(0);
    drop(batch);
}
END_TEST

START_TEST(jobs_leave_in_the_order_of_their_submission)
{
    struct batch *batch = push(1, 0, 25);
    ck_assert_uint_eq(jobs_in_lanes(batch), 25);
    check_take(0, batch, 0, 10);
    check_take(0, batch, 10, 10);
    ck_assert_uint_eq(jobs_in_lanes(batch), 5);
    check_take(0, batch, 20, 5);
    ck_assert_uint_eq(jobs_in_lanes(batch), 0);
    check_empty(0);
    drop(batch);
}
END_TEST

START_TEST(a_run_goes_on_over_small_entries)
{
    struct batch *batch = new_batch(1);
    for (int i = 0; i < 25; i++)
        (void)add_jobs(batch, 0, i % 3 + 1);
    push_entries(batch, 0);
    for (uint32_t first = 0; first < batch->jobs; first += 10)
        check_take(0, batch, first, batch->jobs - first < 10 ? batch->jobs - first : 10);
    check_empty(0);
    drop(batch);
}
END_TEST

START_TEST(a_run_ends_where_another_plugin_has_jobs_in_between)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 2);
    (void)add_jobs(batch, 1, 3);
    (void)add_jobs(batch, 0, 2);
    push_entries(batch, 0);
    check_take(0, batch, 0, 2);
    check_take(0, batch, 5, 2);
    check_empty(0);
    check_take(1, batch, 2, 3);
    check_empty(1);
    drop(batch);
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
    drop(a);
    drop(b);
    drop(c);
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
            drop(others[i]);
        }
        drop(small);
    }
}
END_TEST

START_TEST(a_plugin_waits_for_no_other)
{
    struct batch *a = push(1, 0, 1000), *b = push(2, 2, 1);
    check_empty(1);
    check_take(2, b, 0, 1);
    check_empty(2);
    drop(a);
    drop(b);
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
    ck_assert(lane && !queue_take(lane, &(struct queue_share){RUN, SIZE_MAX}, &run));
    check_empty(0);
    ck_assert_uint_eq(jobs_in_lanes(batch), 0);
    drop(batch);
}
END_TEST

START_TEST(what_is_pushed_later_follows_in_the_same_lane)
{
    struct batch *batch = push(1, 0, 5);
    (void)add_jobs(batch, 0, 7);
    (void)add_jobs(batch, 1, 1);
    push_entries(batch, 1);
    ck_assert_uint_eq(jobs_in_lanes(batch), 13);
    check_take(0, batch, 0, 10);
    check_take(0, batch, 10, 2);
    check_take(1, batch, 12, 1);
    (void)add_jobs(batch, 0, 3); /* the lane was gone */
    push_entries(batch, 3);
    check_take(0, batch, 13, 3);
    check_empty(0);
    drop(batch);
}
END_TEST

START_TEST(a_dropped_batch_leaves_nothing_behind)
{
    struct batch *a = push(1, 0, 25), *b = push(2, 0, 25);
    (void)add_jobs(a, 1, 5);
    push_entries(a, 1);
    check_take(0, a, 0, 10);
    queue_drop(a);
    ck_assert_ptr_null(a->lanes);
    ck_assert_uint_eq(jobs_in_lanes(b), 25);
    check_empty(1);
    check_take(0, b, 0, 10);
    check_take(0, b, 10, 10);
    check_take(0, b, 20, 5);
    check_empty(0);
    queue_drop(a); /* has none */
    drop(a);
    drop(b);
}
END_TEST

START_TEST(taking_out_of_turn_costs_nobody_a_turn)
{
    struct batch *a = push(1, 0, 30), *b = push(2, 0, 30), *c = push(3, 0, 30);
    struct queue_run run;
    ck_assert(queue_take(c->lanes, &(struct queue_share){RUN, SIZE_MAX}, &run));
    ck_assert_ptr_eq(run.batch, c);
    check_take(0, a, 0, 10);
    check_take(0, b, 0, 10);
    check_take(0, c, 10, 10);
    struct batch *all[] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        drop(all[i]);
    }
}
END_TEST

START_TEST(higher_priorities_come_first_whatever_the_others_have)
{
    struct batch *low = new_batch(1), *high = new_batch(2), *middle = push(3, 0, 20);
    low->terms.priority = TURNS_PRIORITY_MIN;
    high->terms.priority = TURNS_PRIORITY_MAX;
    (void)add_jobs(low, 0, 20);
    push_entries(low, 0);
    check_take(0, middle, 0, 10);
    (void)add_jobs(high, 0, 20);
    push_entries(high, 0);
    check_take(0, high, 0, 10);
    check_take(0, high, 10, 10);
    check_take(0, middle, 10, 10);
    check_take(0, low, 0, 10);
    drop(low);
    drop(high);
    drop(middle);
}
END_TEST

START_TEST(lanes_are_given_the_same_whatever_the_size_of_their_runs)
{
    struct batch *large = push(1, 0, 300), *small = push(2, 0, 300);
    uint32_t given[3] = {0};
    for (int i = 0; i < 60; i++) {
        struct lane *lane = queue_turn(queue, 0);
        struct queue_share share = {lane->batch == large ? 9 : 2, SIZE_MAX};
        struct queue_run run;
        ck_assert(queue_take(lane, &share, &run));
        batch_start(run.batch, run.first, run.count, 0, run.batch->submitted_ns);
        given[run.batch->number] += run.count;
        ck_assert_int_le(abs((int)given[1] - (int)given[2]), 9);
    }
    drop(large);
    drop(small);
}
END_TEST

START_TEST(a_held_batch_has_no_turn_and_no_credit_for_it)
{
    struct batch *held = push(1, 0, 100), *other = push(2, 0, 100);
    queue_hold(held, true);
    for (uint32_t first = 0; first < 50; first += 10)
        check_take(0, other, first, 10);
    queue_hold(held, true); /* as it was */
    queue_hold(held, false);
    check_take(0, held, 0, 10);
    check_take(0, other, 50, 10);
    check_take(0, held, 10, 10);
    queue_hold(other, true);
    queue_hold(held, true);
    check_empty(0);
    ck_assert_ptr_eq(queue_lane_with_jobs(held), held->lanes);
    drop(held);
    drop(other);
}
END_TEST

START_TEST(jobs_that_are_to_run_again_come_first)
{
    struct batch *batch = push(1, 0, 30);
    check_take(0, batch, 0, 10);
    static const uint32_t again[] = {3, 4, 8, 5};
    for (size_t i = 0; i < sizeof(again) / sizeof(*again); i++) {
        ck_assert_int_eq(batch_take_back(batch, again[i], again[i] < 5), 0);
        ck_assert_int_eq(queue_push_again(batch, again[i]), 0);
    }
    ck_assert_uint_eq(jobs_in_lanes(batch), 24);
    check_take(0, batch, 3, 2);
    ck_assert_uint_eq(batch_attempt(batch, 3), 1);
    check_take(0, batch, 8, 1);
    ck_assert_uint_eq(batch_attempt(batch, 8), 0);
    check_take(0, batch, 5, 1); /* 10, which comes next, does not follow it */
    check_take(0, batch, 10, 10);
    drop(batch);
}
END_TEST

START_TEST(a_run_has_jobs_with_the_same_number_of_attempts_alone)
{
    struct batch *batch = push(1, 0, 10);
    check_take(0, batch, 0, 10);
    for (uint32_t job = 0; job < 10; job++) {
        ck_assert_int_eq(batch_take_back(batch, job, job % 5 > 2), 0);
        ck_assert_int_eq(queue_push_again(batch, job), 0);
    }
    check_take(0, batch, 0, 3);
    check_take(0, batch, 3, 2);
    check_take(0, batch, 5, 3);
    check_take(0, batch, 8, 2);
    check_empty(0);
    drop(batch);
}
END_TEST

START_TEST(any_number_of_jobs_can_run_again)
{
    enum { JOBS = 1000 };
    struct batch *batch = push(1, 0, JOBS);
    srand(1);
    for (int round = 0; round < 50; round++) {
        struct queue_run run = take(0, (uint32_t)rand() % 300 + 1);
        for (uint32_t i = 0; i < run.count; i++) {
            ck_assert_int_eq(batch_take_back(batch, run.first + i, false), 0);
            ck_assert_int_eq(queue_push_again(batch, run.first + i), 0);
        }
        ck_assert_uint_eq(jobs_in_lanes(batch), JOBS);
    }
    uint32_t taken = 0;
    while (queue_turn(queue, 0))
        taken += take(0, RUN).count;
    ck_assert_uint_eq(taken, JOBS);
    drop(batch);
}
END_TEST

/* ---- Against a plain reference ------------------------------------------------------------- */

#define MODEL_BATCHES 12u
#define MODEL_PLUGINS 3u
#define MODEL_PRIORITIES 3u
#define MODEL_JOBS 4000u

/* What one batch has for one plugin: its jobs in order, cancelled ones too. */
struct model_lane {
    uint32_t jobs[MODEL_JOBS];
    uint32_t first, end;
    bool waits;
    uint64_t given, since; /* since when it waits, among those of the same priority */
};

struct model {
    struct batch *batches[MODEL_BATCHES];
    struct model_lane lanes[MODEL_PLUGINS][MODEL_BATCHES];
    uint64_t clock[MODEL_PLUGINS][MODEL_PRIORITIES], latest[MODEL_PLUGINS][MODEL_PRIORITIES];
    uint64_t now; /* counts what happens */
};

static uint32_t model_waiting(const struct model *model, uint32_t plugin, int priority)
{
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < MODEL_BATCHES; slot++)
        count +=
            model->lanes[plugin][slot].waits && model->batches[slot]->terms.priority == priority;
    return count;
}

static void model_update(struct model *model, uint32_t plugin, uint32_t slot)
{
    struct model_lane *lane = &model->lanes[plugin][slot];
    const struct batch *batch = model->batches[slot];
    bool waits = lane->first < lane->end && !batch->held;
    if (waits && !lane->waits) {
        uint64_t clock = model->clock[plugin][batch->terms.priority];
        lane->given = lane->given > clock ? lane->given : clock;
        lane->since = model->now++;
    }
    bool left = lane->waits && !waits;
    lane->waits = waits;
    if (left && model_waiting(model, plugin, batch->terms.priority) == 0)
        model->clock[plugin][batch->terms.priority] = model->latest[plugin][batch->terms.priority];
}

/* By definition: the highest priority, then who was given least, then who has waited longest. */
static bool model_before(const struct model *model, uint32_t plugin, uint32_t a, uint32_t b)
{
    const struct model_lane *lanes = model->lanes[plugin];
    int priority_a = model->batches[a]->terms.priority,
        priority_b = model->batches[b]->terms.priority;
    if (priority_a != priority_b)
        return priority_a > priority_b;
    return lanes[a].given != lanes[b].given ? lanes[a].given < lanes[b].given
                                            : lanes[a].since < lanes[b].since;
}

/* MODEL_BATCHES: nobody's. */
static uint32_t model_turn(const struct model *model, uint32_t plugin)
{
    uint32_t best = MODEL_BATCHES;
    for (uint32_t slot = 0; slot < MODEL_BATCHES; slot++) {
        if (model->lanes[plugin][slot].waits &&
            (best == MODEL_BATCHES || model_before(model, plugin, slot, best)))
            best = slot;
    }
    return best;
}

static void step_push(struct model *model, uint32_t slot)
{
    if (!model->batches[slot]) {
        model->batches[slot] = new_batch(slot + 1);
        model->batches[slot]->terms.priority = rand() % (int)MODEL_PRIORITIES;
    }
    struct batch *batch = model->batches[slot];
    uint32_t first = batch->entries_count, job = batch->jobs;
    for (int i = rand() % 4; i >= 0; i--) {
        uint16_t plugin = (uint16_t)(rand() % (int)MODEL_PLUGINS);
        struct model_lane *lane = &model->lanes[plugin][slot];
        (void)add_jobs(batch, plugin, (uint32_t)(rand() % 20 + 1));
        while (job < batch->jobs && lane->end < MODEL_JOBS)
            lane->jobs[lane->end++] = job++;
        ck_assert_uint_eq(job, batch->jobs);
        model_update(model, plugin, slot);
    }
    push_entries(batch, first);
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

static void step_hold(struct model *model, uint32_t slot)
{
    struct batch *batch = model->batches[slot];
    if (!batch)
        return;
    /* In the order of the lanes, which is the order in which they come to wait. */
    queue_hold(batch, !batch->held);
    for (const struct lane *lane = batch->lanes; lane; lane = lane->batch_next)
        model_update(model, lane->plugin, slot);
}

static void step_drop(struct model *model, uint32_t slot)
{
    if (!model->batches[slot])
        return;
    for (uint32_t plugin = 0; plugin < MODEL_PLUGINS; plugin++) {
        model->lanes[plugin][slot].end = 0;
        model_update(model, plugin, slot);
        model->lanes[plugin][slot] = (struct model_lane){.end = 0};
    }
    drop(model->batches[slot]);
    model->batches[slot] = NULL;
}

/* Takes as the model says; returns how many jobs that are, the first of them in *first. */
static uint32_t model_take(struct model *model, uint32_t plugin, uint32_t slot, uint32_t max,
                           uint32_t *first)
{
    struct model_lane *lane = &model->lanes[plugin][slot];
    const struct batch *batch = model->batches[slot];
    while (lane->first < lane->end && batch_state(batch, lane->jobs[lane->first]) != JOB_QUEUED)
        lane->first++;
    uint32_t count = 0;
    *first = lane->jobs[lane->first];
    while (count < max && lane->first < lane->end && lane->jobs[lane->first] == *first + count &&
           batch_state(batch, lane->jobs[lane->first]) == JOB_QUEUED) {
        lane->first++;
        count++;
    }
    if (count > 0) {
        uint64_t *clock = &model->clock[plugin][batch->terms.priority];
        *clock = lane->given > *clock ? lane->given : *clock;
        lane->given += count;
        uint64_t *latest = &model->latest[plugin][batch->terms.priority];
        *latest = lane->given > *latest ? lane->given : *latest;
        lane->since = model->now++;
    }
    model_update(model, plugin, slot);
    return count;
}

static void step_take(struct model *model, uint32_t plugin)
{
    struct lane *lane = queue_turn(queue, plugin);
    uint32_t slot = model_turn(model, plugin);
    ck_assert_int_eq(lane != NULL, slot < MODEL_BATCHES);
    if (!lane)
        return;
    struct batch *batch = model->batches[slot];
    ck_assert_ptr_eq(lane->batch, batch);
    uint32_t max = (uint32_t)rand() % 15 + 1, first;
    uint32_t count = model_take(model, plugin, slot, max, &first);
    struct queue_run run;
    ck_assert_int_eq(queue_take(lane, &(struct queue_share){max, SIZE_MAX}, &run), count > 0);
    if (count == 0)
        return;
    ck_assert_ptr_eq(run.batch, batch);
    ck_assert_uint_eq(run.first, first);
    ck_assert_uint_eq(run.count, count);
    ck_assert_uint_eq(run.entry, batch_entry_of(batch, first));
    batch_start(batch, first, count, 0, batch->submitted_ns);
}

START_TEST(any_sequence_of_calls_agrees_with_a_plain_reference)
{
    static struct model model;
    srand((unsigned)_i + 1);
    for (int step = 0; step < 3000; step++) {
        uint32_t slot = (uint32_t)rand() % MODEL_BATCHES;
        int what = rand() % 100;
        if (what < 15)
            step_push(&model, slot);
        else if (what < 45)
            step_cancel(&model, slot);
        else if (what < 50)
            step_hold(&model, slot);
        else if (what < 52)
            step_drop(&model, slot);
        else
            step_take(&model, (uint32_t)rand() % MODEL_PLUGINS);
    }
    for (uint32_t slot = 0; slot < MODEL_BATCHES; slot++)
        step_drop(&model, slot);
    for (uint32_t plugin = 0; plugin < MODEL_PLUGINS; plugin++)
        check_empty(plugin);
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
    tcase_add_test(tests, higher_priorities_come_first_whatever_the_others_have);
    tcase_add_test(tests, lanes_are_given_the_same_whatever_the_size_of_their_runs);
    tcase_add_test(tests, a_held_batch_has_no_turn_and_no_credit_for_it);
    tcase_add_test(tests, jobs_that_are_to_run_again_come_first);
    tcase_add_test(tests, a_run_has_jobs_with_the_same_number_of_attempts_alone);
    tcase_add_test(tests, any_number_of_jobs_can_run_again);
    tcase_add_loop_test(tests, any_sequence_of_calls_agrees_with_a_plain_reference, 0, 5);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
