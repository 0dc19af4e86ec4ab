/* Reading in parts: what is larger than one, what is read at the same time, and what makes no sense. */
#include "store_fixture.h"
#include "supervisor/store_parts.h"
#include "suite.h"

enum {
    PIECES = 40,
    PIECE_SIZE = 30000,
    RESULTS = 60000,
    JOBS = 20000,
};

static struct seen {
    uint32_t batches, pieces, jobs;
    uint32_t next_result;
    size_t bytes, most; /* that were read in one turn of the loop */
    bool ended;
} seen;

static void see_batch(void *context, const struct store_batch *batch)
{
    struct seen *see = context;
    see->batches++;
    ck_assert_uint_eq(batch->number, see->batches);
    see->pieces = see->jobs = see->next_result = 0;
}

static void see_piece(void *context, const struct store_piece *piece)
{
    struct seen *see = context;
    ck_assert_uint_eq(piece->number, see->pieces++);
    ck_assert_uint_eq(piece->jobs.size, PIECE_SIZE);
    see->bytes += piece->jobs.size;
}

static void see_job(void *context, const struct store_job *job)
{
    struct seen *see = context;
    ck_assert_uint_eq(see->pieces, PIECES);
    ck_assert_uint_eq(job->job, 2 * see->jobs++);
    see->bytes += sizeof(*job);
}

static void see_results(void *context, uint32_t first, struct bytes_view results)
{
    struct seen *see = context;
    ck_assert_uint_eq(see->jobs, JOBS);
    ck_assert_uint_eq(first, see->next_result);
    for (size_t i = 1; i < results.size; i++)
        see->next_result += results.data[i] == '[';
    see->bytes += results.size;
}

static void see_end(void *context, int code, const struct error *why)
{
    struct seen *see = context;
    (void)why;
    ck_assert_int_eq(code, 0);
    see->ended = true;
}

static const struct store_reader seeing = {
    .on_batch = see_batch,
    .on_piece = see_piece,
    .on_job = see_job,
    .on_results = see_results,
    .on_end = see_end,
};

static void admit_pieces(uint64_t number)
{
    static char jobs[PIECE_SIZE];
    struct store_batch batch = plain_batch(number);
    struct store_piece pieces[PIECES];
    struct store_admission admission = {
        .number = number, .batch = &batch, .pieces = pieces, .pieces_count = PIECES};
    uint64_t ticket;
    memset(jobs, ' ', sizeof(jobs));
    memcpy(jobs, "[]", 2);
    for (uint32_t i = 0; i < PIECES; i++)
        pieces[i] = (struct store_piece){
            .number = i,
            .first = i,
            .accepted_ns = CLOCK_BOOT_NS + 1,
            .jobs = {.data = (const uint8_t *)jobs, .size = sizeof(jobs)},
        };
    ck_assert_int_eq(store_admit(store, &admission, &ticket), 0);
}

/* A batch of which everything takes more than one list of parts. */
static void admit_large(uint64_t number)
{
    admit_pieces(number);
    for (uint32_t i = 0; i < JOBS; i++) {
        struct store_job job = {.job = 2 * i};
        ck_assert_int_eq(store_job(store, number, &job), 0);
    }
    for (uint32_t i = 0; i < RESULTS; i++)
        end_job(number, i, i, "");
}

/* Commits as often, which makes the thread go round as often and read where it may, while the loop does not turn. Each
 * commit is of something else, since what is no change is not written. */
static void go_round(unsigned rounds)
{
    static bool paused;
    for (unsigned i = 0; i < rounds; i++) {
        paused = !paused;
        disk_hold();
        ck_assert_int_eq(store_pause(store, 1, paused), 0);
        store_post(store);
        disk_await_hold();
        disk_go_on();
    }
}

START_TEST(large_batches_are_read_in_parts_that_are_bounded)
{
    admit_large(1);
    admit_large(2);
    settle();
    ck_assert_int_eq(store_read_unfinished(store, &seeing, &seen), 0);
    unsigned turns = 0;
    for (; !seen.ended; turns++) {
        go_round(turns < 5 ? 3 : 0);
        seen.bytes = 0;
        ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
        seen.most = seen.bytes > seen.most ? seen.bytes : seen.most;
    }
    ck_assert_uint_eq(seen.batches, 2);
    ck_assert_uint_eq(seen.next_result, RESULTS);
    ck_assert_uint_gt(turns, 5);
    /* Two lists of 256 KiB, and what made each pass that. */
    ck_assert_uint_gt(seen.most, 256 << 10);
    ck_assert_uint_le(seen.most, 2 * ((256 + 64) << 10));
}
END_TEST

static void tell_end(void *context, int code, const struct error *why)
{
    const char *name = context;
    (void)why;
    tell("end of %s: %d\n", name, code);
    read_ended = strcmp(name, "last") == 0;
}

static void tell_batch(void *context, const struct store_batch *batch)
{
    tell("%s: batch %" PRIu64 "\n", (const char *)context, batch->number);
}

START_TEST(reads_are_served_one_after_the_other)
{
    struct store_reader order = {
        .on_batch = tell_batch, .on_piece = read_piece, .on_end = tell_end};
    (void)admit(1, NULL, "[1]");
    (void)admit(2, NULL, "[2]");
    settle();
    bytes_clear(&told);
    ck_assert_int_eq(store_read_batch(store, 2, &order, "first"), 0);
    ck_assert_int_eq(store_read_unfinished(store, &order, "second"), 0);
    ck_assert_int_eq(store_read_batch(store, 3, &order, "third"), 0);
    ck_assert_int_eq(store_read_batch(store, 1, &order, "last"), 0);
    TURN_UNTIL(read_ended);
    ck_told("first: batch 2\npiece 0 from 0 at=1 [2]\nend of first: 0\n"
            "second: batch 1\npiece 0 from 0 at=1 [1]\n"
            "second: batch 2\npiece 0 from 0 at=1 [2]\nend of second: 0\n"
            "end of third: -2\n"
            "last: batch 1\npiece 0 from 0 at=1 [1]\nend of last: 0\n");
}
END_TEST

START_TEST(only_batches_that_have_not_finished_are_unfinished)
{
    (void)admit(1, NULL, "[]");
    (void)admit(2, NULL, "[]");
    (void)admit(7, NULL, "[]");
    end_job(1, 0, 0, "");
    finish(1, 1);
    finish(7, 1);
    settle();
    read_all(0);
    ck_told("batch 2 of 7 terms={} submitted=1.5 submitted_ns=2 sealed\n"
            "piece 0 from 0 at=1 []\nend\n");
    read_all(1);
    ck_told("batch 1 of 7 terms={} submitted=1.5 submitted_ns=1 sealed finished ended=2.5"
            " ended_ns=1000\n"
            "piece 0 from 0 at=1 []\nresults from 0 [[0,1,2]]\nend\n");
}
END_TEST

START_TEST(an_empty_store_has_no_batches)
{
    read_all(0);
    ck_told("end\n");
    read_all(1);
    ck_told("end ENOENT\n");
}
END_TEST

START_TEST(what_was_recorded_before_is_read)
{
    (void)admit(1, NULL, "[]");
    end_job(1, 0, 0, "");
    read_all(1);
    ck_told("1 admitted\ncommitted 2\n"
            "batch 1 of 7 terms={} submitted=1.5 submitted_ns=1 sealed\n"
            "piece 0 from 0 at=1 []\nresults from 0 [[0,1,2]]\nend\n");
}
END_TEST

static const char *const spoiled[] = {
    "UPDATE batch SET owner = -1",
    "UPDATE batch SET asked = x'00'",
    "UPDATE batch SET stopped = '', stopped_as = 'somehow'",
    "UPDATE batch SET stopped = '', stopped_as = 'running'",
    "UPDATE batch SET sealed = 2",
    "UPDATE piece SET first = 4294967296",
    "UPDATE results SET first = 4294967296",
    "UPDATE job SET attempt = -1",
    "UPDATE batch SET submitted = 9e999",
};

START_TEST(a_row_that_makes_no_sense_is_told_of)
{
    struct store_job job = {.job = 1};
    (void)admit(1, "key", "[]");
    ck_assert_int_eq(store_job(store, 1, &job), 0);
    end_job(1, 0, 0, "");
    close_store();
    change(spoiled[_i]);
    open_store();
    read_all(1);
    ck_told("unreadable\nend EBADMSG\n"); /* and nothing of what came with it */
    /* That is the reader's affair alone. */
    (void)admit(2, NULL, "[]");
    settle();
    ck_told("1 admitted\ncommitted 1\n");
}
END_TEST

static const char *const spoiled_numbers[][2] = {
    {"UPDATE batch SET number = 0", "batch 0 has"},
    {"UPDATE batch SET number = 9223372036854775807", "batch 9223372036854775807 has"},
};

static char why_not[sizeof(((struct error *)0)->text)];
static int not_read;

static void on_no_batch(void *context, const struct store_batch *batch)
{
    (void)context;
    ck_abort_msg("batch %llu", (unsigned long long)batch->number);
}

static void on_not_read(void *context, int code, const struct error *why)
{
    (void)context;
    not_read = code;
    (void)snprintf(why_not, sizeof(why_not), "%s", why->text);
}

/* The last number that SQLite has is one that nothing comes behind. */
START_TEST(a_number_that_is_none_is_told_of)
{
    static const struct store_reader none = {.on_batch = on_no_batch, .on_end = on_not_read};
    (void)admit(1, NULL, "[]");
    close_store();
    change(spoiled_numbers[_i][0]);
    open_store();
    not_read = 0;
    ck_assert_int_eq(store_read_unfinished(store, &none, NULL), 0);
    while (!not_read)
        ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
    ck_assert_int_eq(not_read, -EBADMSG);
    ck_assert_ptr_nonnull(strstr(why_not, spoiled_numbers[_i][1]));
}
END_TEST

/* ---- What cannot be read ------------------------------------------------------------------------------------ */

/* So many that SQLite has not read all of them when it has opened the database. */
static void store_many(void)
{
    for (uint64_t number = 1; number <= 500; number++) {
        (void)admit(number, NULL, "[]");
        finish(number, 0);
    }
    settle();
    close_store();
    open_store();
    bytes_clear(&told);
}

static void on_summaries(void *context, json_t *summaries, bool more, const struct error *why)
{
    (void)context, (void)more;
    ck_assert_ptr_null(summaries);
    ck_assert(why->text[0]);
    read_ended = true;
    tell("no list\n");
}

static void ask_for_one(void)
{
    ck_assert_int_eq(store_read_batch(store, 250, &reader, NULL), 0);
}

static void ask_for_all(void)
{
    ck_assert_int_eq(store_read_unfinished(store, &reader, NULL), 0);
    ck_assert_int_eq(store_read_batch(store, 250, &reader, NULL), 0);
}

static void ask_for_list(void)
{
    struct store_filter filter = {.limit = 1000};
    ck_assert_int_eq(store_list(store, &filter, on_summaries, NULL), 0);
}

static void (*const asks[])(void) = {ask_for_one, ask_for_all, ask_for_list};

START_TEST(a_database_that_turns_out_to_be_corrupt_when_it_is_read_is_the_end)
{
    store_many();
    atomic_store(&disk.read_error, _i % 2 ? SQLITE_NOTADB : SQLITE_CORRUPT);
    asks[_i / 2]();
    TURN_UNTIL(has_failed);
    ck_assert(is_corrupt);
    ck_assert_ptr_nonnull(strstr(error.text, "/awaitd.db is corrupt ("));
    ck_assert_ptr_nonnull(strstr(error.text, "move awaitd.db and awaitd.db-wal away"));
    /* Nothing more is written or told. */
    int syncs = atomic_load(&disk.syncs);
    (void)admit(1000, NULL, "[]");
    ask_for_one();
    close_store();
    bytes_put(&told, "", 1);
    ck_assert_ptr_nonnull(strstr((const char *)told.data, "failed\n"));
    ck_assert_ptr_null(strstr((const char *)told.data, "EUCLEAN"));
    ck_assert_ptr_null(strstr((const char *)told.data, "batch"));
    ck_assert_int_eq(atomic_load(&disk.syncs), syncs);
}
END_TEST

START_TEST(a_disk_that_cannot_be_read_is_told_of)
{
    store_many();
    atomic_store(&disk.read_error, SQLITE_IOERR_READ);
    read_ended = false;
    (_i ? ask_for_list : ask_for_one)();
    TURN_UNTIL(read_ended);
    ck_told(_i ? "unreadable\nno list\n" : "unreadable\nend EIO\n");
    ck_assert_ptr_nonnull(strstr(error.text, "/awaitd.db: disk I/O error"));
    /* That is the reader's affair alone. */
    (void)admit(1000, NULL, "[]");
    settle();
    ck_assert(!has_failed);
    ck_told("1 admitted\ncommitted 1\n");
    close_store();
    ck_assert_int_eq(ask("SELECT value FROM meta WHERE name = 'closed'"), 1);
    open_store();
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("store_read");
    TCase *tests = tcase_create("store_read");
    tcase_set_timeout(tests, 60); /* the disk may be busy */
    tcase_add_checked_fixture(tests, set_up_store, tear_down_store);
    tcase_add_test(tests, large_batches_are_read_in_parts_that_are_bounded);
    tcase_add_test(tests, reads_are_served_one_after_the_other);
    tcase_add_test(tests, only_batches_that_have_not_finished_are_unfinished);
    tcase_add_test(tests, an_empty_store_has_no_batches);
    tcase_add_test(tests, what_was_recorded_before_is_read);
    tcase_add_loop_test(tests, a_number_that_is_none_is_told_of, 0,
                        (int)(sizeof(spoiled_numbers) / sizeof(spoiled_numbers[0])));
    tcase_add_loop_test(tests, a_disk_that_cannot_be_read_is_told_of, 0, 2);
    tcase_add_loop_test(tests, a_database_that_turns_out_to_be_corrupt_when_it_is_read_is_the_end,
                        0, 2 * (int)(sizeof(asks) / sizeof(asks[0])));
    tcase_add_loop_test(tests, a_row_that_makes_no_sense_is_told_of, 0,
                        sizeof(spoiled) / sizeof(spoiled[0]));
    suite_add_tcase(made, tests);
    return made;
}

int main(void)
{
    return suite_run(suite());
}
