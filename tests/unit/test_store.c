#include "store_fixture.h"
#include "suite.h"

/* ---- What is recorded is read back -------------------------------------------------------------------------- */

START_TEST(a_batch_is_read_back_as_it_was_admitted)
{
    struct fingerprint asked = {.known = FINGERPRINT_CONTENT};
    asked.terms[31] = 0xfe;
    asked.jobs[31] = 0x01;
    struct store_batch batch = {
        .number = (UINT64_C(1) << 53) - 1,
        .owner = UINT32_MAX,
        .name = "na\xc3\xafve 'name'",
        .key = "k\"ey",
        .asked = &asked,
        .retry_of = 12,
        .configured = true,
        .terms = "{\"priority\":3}",
        .submitted_s = 1700000000.123456,
        .submitted_ns = CLOCK_BOOT_NS - 5,
        .sealed = true,
        .paused = true,
        .stopped = "its deadline has passed",
        .stopped_as = JOB_SKIPPED,
        .given_up = true,
        .cut_short = true,
    };
    struct store_piece pieces[] = {
        {.number = 0, .first = 0, .accepted_ns = CLOCK_BOOT_NS + 1, .jobs = view_of("[1]")},
        {.number = UINT32_MAX,
         .first = UINT32_MAX,
         .accepted_ns = CLOCK_BOOT_NS + 2,
         .jobs = view_of("[{\"plugin\":\"wait\"}]")},
    };
    struct store_admission admission = {
        .number = batch.number, .batch = &batch, .pieces = pieces, .pieces_count = 2};
    uint64_t ticket;
    ck_assert_int_eq(store_admit(store, &admission, &ticket), 0);
    ck_assert_uint_eq(ticket, 1);
    settle();
    ck_told("1 admitted\ncommitted 1\n");
    read_all(batch.number);
    ck_told("batch 9007199254740991 of 4294967295 name=na\xc3\xafve 'name' key=k\"ey"
            " asked=fe.1.01 retry_of=12 configured terms={\"priority\":3}"
            " submitted=1700000000.123456 submitted_ns=-5 sealed paused"
            " stopped=its deadline has passed as=skipped given_up cut_short\n"
            "piece 0 from 0 at=1 [1]\n"
            "piece 4294967295 from 4294967295 at=2 [{\"plugin\":\"wait\"}]\n"
            "end\n");
}
END_TEST

START_TEST(a_batch_of_which_nothing_is_said_is_read_back_so)
{
    struct store_batch batch = plain_batch(1);
    struct store_admission admission = {.number = 1, .batch = &batch};
    uint64_t ticket;
    ck_assert_int_eq(store_admit(store, &admission, &ticket), 0);
    settle();
    read_all(1);
    ck_told("batch 1 of 7 terms={} submitted=1.5 submitted_ns=1\nend\n");
}
END_TEST

START_TEST(texts_are_copied_when_they_are_recorded)
{
    char name[] = "name", jobs[] = "[1,2]", reason[] = "why";
    struct store_batch batch = plain_batch(1);
    struct store_piece piece = {.jobs = view_of(jobs), .accepted_ns = CLOCK_BOOT_NS + 1};
    batch.name = name;
    struct store_admission admission = {
        .number = 1, .batch = &batch, .pieces = &piece, .pieces_count = 1};
    struct store_stop stop = {.reason = reason, .as = JOB_CANCELLED};
    uint64_t ticket;
    ck_assert_int_eq(store_admit(store, &admission, &ticket), 0);
    ck_assert_int_eq(store_stop(store, 1, &stop), 0);
    memset(name, 'x', sizeof(name) - 1);
    memset(jobs, 'x', sizeof(jobs) - 1);
    memset(reason, 'x', sizeof(reason) - 1);
    settle();
    read_all(1);
    ck_told("batch 1 of 7 name=name terms={} submitted=1.5 submitted_ns=1 stopped=why"
            " as=cancelled\n"
            "piece 0 from 0 at=1 [1,2]\n"
            "end\n");
}
END_TEST

START_TEST(more_pieces_and_the_seal_of_an_open_batch_are_admitted)
{
    struct store_batch batch = plain_batch(1);
    struct store_piece piece = {.accepted_ns = CLOCK_BOOT_NS + 1, .jobs = view_of("[1]")};
    struct store_admission first = {.number = 1, .batch = &batch};
    struct store_admission second = {.number = 1, .pieces = &piece, .pieces_count = 1};
    struct store_admission third = {.number = 1, .seal = true};
    uint64_t ticket;
    ck_assert_int_eq(store_admit(store, &first, &ticket), 0);
    ck_assert_int_eq(store_admit(store, &second, &ticket), 0);
    settle();
    read_all(1);
    ck_told("batch 1 of 7 terms={} submitted=1.5 submitted_ns=1\npiece 0 from 0 at=1 [1]\nend\n");
    ck_assert_int_eq(store_admit(store, &third, &ticket), 0);
    settle();
    read_all(1);
    ck_told("batch 1 of 7 terms={} submitted=1.5 submitted_ns=1 sealed\npiece 0 from 0 at=1 [1]\n"
            "end\n");
}
END_TEST

START_TEST(a_piece_that_is_too_large_is_not_recorded)
{
    struct store_piece piece = {.jobs = {.data = (const uint8_t *)"", .size = (512u << 20) + 1}};
    struct store_admission admission = {.number = 1, .pieces = &piece, .pieces_count = 1};
    uint64_t ticket;
    ck_assert_int_eq(store_admit(store, &admission, &ticket), -E2BIG);
    ck_assert_uint_eq(store_latest(store), 0);
}
END_TEST

START_TEST(what_happens_to_a_batch_is_read_back)
{
    struct store_job first = {.job = 0, .attempt = 2, .due_ns = CLOCK_BOOT_NS + 9};
    struct store_job last = {.job = UINT32_MAX, .attempt = 255, .told = true};
    struct store_stop stop = {.reason = "enough", .as = JOB_CANCELLED, .cut_short = true};
    struct store_batch batch = plain_batch(3);
    struct store_admission admission = {.number = 3, .batch = &batch};
    uint64_t ticket;
    ck_assert_int_eq(store_admit(store, &admission, &ticket), 0);
    ck_assert_int_eq(store_job(store, 3, &last), 0);
    ck_assert_int_eq(store_job(store, 3, &first), 0);
    first.attempt++;
    first.due_ns = UINT64_MAX;
    ck_assert_int_eq(store_job(store, 3, &first), 0);
    ck_assert_int_eq(store_pause(store, 3, true), 0);
    ck_assert_int_eq(store_seal(store, 3), 0);
    ck_assert_int_eq(store_stop(store, 3, &stop), 0);
    settle();
    read_all(3);
    ck_told("batch 3 of 7 terms={} submitted=1.5 submitted_ns=3 sealed paused"
            " stopped=enough as=cancelled cut_short\n"
            "job 0 attempt 3 due=-4611686018427387905\n" /* the end of time */
            "job 4294967295 attempt 255 told\n"
            "end\n");

    stop = (struct store_stop){.reason = "late", .as = JOB_SKIPPED, .given_up = true};
    last.told = false;
    ck_assert_int_eq(store_pause(store, 3, false), 0);
    ck_assert_int_eq(store_stop(store, 3, &stop), 0);
    ck_assert_int_eq(store_job(store, 3, &last), 0);
    settle();
    read_all(3);
    ck_told("batch 3 of 7 terms={} submitted=1.5 submitted_ns=3 sealed"
            " stopped=late as=skipped given_up\n"
            "job 0 attempt 3 due=-4611686018427387905\n"
            "job 4294967295 attempt 255\n"
            "end\n");
}
END_TEST

START_TEST(a_batch_that_has_finished_says_how_and_forgets_its_jobs)
{
    struct store_job job = {.job = 4, .attempt = 1};
    uint32_t in_state[JOB_STATES] = {
        [JOB_SUCCEEDED] = 1, [JOB_FAILED] = 2,  [JOB_TIMED_OUT] = 3,
        [JOB_CANCELLED] = 4, [JOB_CRASHED] = 5, [JOB_SKIPPED] = UINT32_MAX,
    };
    struct store_finish end = {
        .batch = 2,
        .ended_ns = CLOCK_BOOT_NS + 77,
        .ended_s = 1700000001.5,
        .state = "failed",
        .jobs = UINT32_MAX,
        .in_state = in_state,
        .wall_ns = 1500000000,
        .work_ns = UINT64_C(20000000000000),
        .retries = UINT64_C(1) << 40,
        .plugins = "[\"exec\",\"wait\"]",
    };
    (void)admit(2, NULL, "[]");
    (void)admit(3, NULL, "[]");
    ck_assert_int_eq(store_job(store, 2, &job), 0);
    ck_assert_int_eq(store_job(store, 3, &job), 0);
    settle();
    ck_assert_int_eq(store_finish(store, &end), 0);
    settle();
    read_all(2);
    ck_told("batch 2 of 7 terms={} submitted=1.5 submitted_ns=2 sealed finished ended=1700000001.5"
            " ended_ns=77\n"
            "piece 0 from 0 at=1 []\n"
            "end\n");
    close_store();
    ck_assert_int_eq(ask("SELECT state = 'failed' AND jobs = 4294967295 AND succeeded = 1 AND"
                         " failed = 2 AND timed_out = 3 AND cancelled = 4 AND crashed = 5 AND"
                         " skipped = 4294967295 AND wall = 1.5 AND work = 20000.0 AND"
                         " retries = 1099511627776 AND plugins = '[\"exec\",\"wait\"]'"
                         " FROM batch WHERE number = 2"),
                     1);
    ck_assert_int_eq(ask("SELECT batch FROM job"), 3);
}
END_TEST

/* ---- Results ------------------------------------------------------------------------------------------------ */

START_TEST(results_are_kept_as_they_are)
{
    struct completion completion = {
        .job = UINT32_MAX,
        .state = JOB_FAILED,
        .truncated = true,
        .queued_ns = UINT64_MAX / 4,
        .run_ns = 7,
        .reason = view_of("no"),
        .output = {.data = (const uint8_t *)"\0\xff", .size = 2},
        .details = view_of("{\"exit\":1}"),
    };
    (void)admit(1, NULL, "[]");
    ck_assert_int_eq(store_result(store, 1, 0, &completion, 200), 0);
    end_job(1, 1, 0, "out");
    settle();
    read_all(1);
    ck_told("batch 1 of 7 terms={} submitted=1.5 submitted_ns=1 sealed\n"
            "piece 0 from 0 at=1 []\n"
            "results from 0 [[4294967295,4611686018427387903,7,{\"state\":\"failed\","
            "\"reason\":\"no\",\"attempt\":200,\"output_base64\":\"AP8=\",\"truncated\":true,"
            "\"details\":{\"exit\":1}}],[0,1,2,{\"output\":\"out\"}]]\n"
            "end\n");
}
END_TEST

START_TEST(results_of_batches_that_end_in_turns_are_one_row_each)
{
    (void)admit(1, NULL, "[]");
    (void)admit(2, NULL, "[]");
    (void)admit(258, NULL, "[]"); /* shares a place with 2 */
    for (uint32_t i = 0; i < 3; i++) {
        end_job(1, i, 10 + i, "");
        end_job(2, i, 20 + i, "");
    }
    end_job(258, 0, 0, "");
    end_job(2, 3, 23, "");
    settle();
    read_all(0);
    ck_told("batch 1 of 7 terms={} submitted=1.5 submitted_ns=1 sealed\n"
            "piece 0 from 0 at=1 []\n"
            "results from 0 [[10,1,2],[11,1,2],[12,1,2]]\n"
            "batch 2 of 7 terms={} submitted=1.5 submitted_ns=2 sealed\n"
            "piece 0 from 0 at=1 []\n"
            "results from 0 [[20,1,2],[21,1,2],[22,1,2]]\n"
            "results from 3 [[23,1,2]]\n"
            "batch 258 of 7 terms={} submitted=1.5 submitted_ns=258 sealed\n"
            "piece 0 from 0 at=1 []\n"
            "results from 0 [[0,1,2]]\n"
            "end\n");
    close_store();
    ck_assert_int_eq(ask("SELECT count FROM results WHERE batch = 2"), 3);
}
END_TEST

START_TEST(results_that_do_not_follow_one_another_are_rows_of_their_own)
{
    (void)admit(1, NULL, "[]");
    end_job(1, 0, 0, "");
    end_job(1, 2, 1, "");
    end_job(1, 3, 2, "");
    settle();
    read_all(1);
    ck_told("batch 1 of 7 terms={} submitted=1.5 submitted_ns=1 sealed\n"
            "piece 0 from 0 at=1 []\n"
            "results from 0 [[0,1,2]]\n"
            "results from 2 [[1,1,2],[2,1,2]]\n"
            "end\n");
}
END_TEST

START_TEST(a_row_of_results_grows_to_some_64_kib)
{
    char output[1001];
    memset(output, 'x', sizeof(output) - 1);
    output[sizeof(output) - 1] = '\0';
    (void)admit(1, NULL, "[]");
    for (uint32_t i = 0; i < 1000; i++)
        end_job(1, i, i, output);
    settle();
    close_store();
    ck_assert_int_eq(ask("SELECT sum(count) FROM results"), 1000);
    ck_assert_int_eq(ask("SELECT count(*) FROM results WHERE length(results) > 67000"), 0);
    ck_assert_int_le(ask("SELECT count(*) FROM results"), 1 + 1000 * 1030 / 65536);
    ck_assert_int_eq(ask("SELECT count(*) FROM result"), 1000);
}
END_TEST

START_TEST(results_of_several_turns_that_are_committed_together_are_one_row)
{
    (void)admit(1, NULL, "[]");
    settle();
    disk_hold();
    (void)admit(2, NULL, "[]");
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    disk_await_hold();
    for (uint32_t i = 0; i < 4; i++) {
        end_job(1, i, i, "");
        (void)event_base_loop(base, EVLOOP_NONBLOCK); /* ends the turn */
    }
    bytes_clear(&told);
    disk_go_on();
    settle();
    ck_told("2 admitted\ncommitted 2\ncommitted 6\n");
    read_all(1);
    ck_told("batch 1 of 7 terms={} submitted=1.5 submitted_ns=1 sealed\n"
            "piece 0 from 0 at=1 []\n"
            "results from 0 [[0,1,2],[1,1,2],[2,1,2],[3,1,2]]\n"
            "end\n");
}
END_TEST

/* ---- Tickets and commits ------------------------------------------------------------------------------------ */

START_TEST(tickets_grow_and_are_told_in_order)
{
    ck_assert_uint_eq(store_latest(store), 0);
    ck_assert_uint_eq(admit(1, NULL, "[]"), 1);
    end_job(1, 0, 0, "");
    end_job(1, 1, 1, "");
    ck_assert_uint_eq(store_latest(store), 3);
    ck_assert_uint_eq(admit(2, NULL, "[]"), 4);
    ck_assert_int_eq(store_seal(store, 1), 0);
    ck_assert_uint_eq(store_latest(store), 5);
    ck_assert_uint_eq(store_committed(store), 0);
    ck_assert_uint_eq(store_figures(store).waiting, 5);
    ck_told("");
    settle();
    ck_told("1 admitted\n4 admitted\ncommitted 5\n");
    ck_assert_uint_eq(store_figures(store).waiting, 0);
    ck_assert_uint_eq(store_figures(store).commits, 1);
    ck_assert_int_gt(store_figures(store).bytes, 4096);
}
END_TEST

START_TEST(what_comes_during_a_commit_shares_the_next)
{
    enum { TURNS = 100 };
    disk_hold();
    (void)admit(1, NULL, "[]");
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    disk_await_hold();
    for (uint32_t i = 0; i < TURNS; i++) {
        (void)admit(2 + i, NULL, "[]");
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    }
    ck_told("");
    disk_go_on();
    settle();
    ck_assert_uint_eq(store_figures(store).commits, 2);
    ck_assert_uint_eq(store_committed(store), 1 + TURNS);
}
END_TEST

START_TEST(a_large_parcel_goes_before_the_turn_ends)
{
    char *jobs = malloc(300 << 10);
    ck_assert_ptr_nonnull(jobs);
    memset(jobs, ' ', 300 << 10);
    memcpy(jobs, "[]", 2);
    jobs[(300 << 10) - 1] = '\0';
    disk_hold();
    (void)admit(1, NULL, jobs);
    disk_await_hold(); /* the loop has not turned */
    disk_go_on();
    settle();
    ck_told("1 admitted\ncommitted 1\n");
    free(jobs);
}
END_TEST

START_TEST(one_key_is_given_once)
{
    uint64_t first = admit(1, "key", "[]");
    settle();
    bytes_clear(&told);
    (void)admit(2, "key", "[1]");
    (void)admit(3, "other", "[2]");
    (void)admit(4, "other", "[3]");
    (void)admit(5, NULL, "[4]");
    (void)admit(6, NULL, "[5]");
    ck_assert_uint_eq(first, 1);
    settle();
    ck_told("2 has the key of batch 1\n3 admitted\n4 has the key of batch 3\n5 admitted\n"
            "6 admitted\ncommitted 6\n");
    read_all(0);
    ck_told("batch 1 of 7 key=key asked=00.2.00 terms={} submitted=1.5 submitted_ns=1 sealed\n"
            "piece 0 from 0 at=1 []\n"
            "batch 3 of 7 key=other asked=00.2.00 terms={} submitted=1.5 submitted_ns=3 sealed\n"
            "piece 0 from 0 at=1 [2]\n"
            "batch 5 of 7 terms={} submitted=1.5 submitted_ns=5 sealed\n"
            "piece 0 from 0 at=1 [4]\n"
            "batch 6 of 7 terms={} submitted=1.5 submitted_ns=6 sealed\n"
            "piece 0 from 0 at=1 [5]\n"
            "end\n");
}
END_TEST

START_TEST(users_have_keys_of_their_own)
{
    static const struct fingerprint asked = {.known = FINGERPRINT_WHOLE};
    struct store_batch batch = plain_batch(2);
    struct store_admission admission = {.number = 2, .batch = &batch};
    uint64_t ticket;
    (void)admit(1, "key", "[]");
    batch.owner++;
    batch.key = "key";
    batch.asked = &asked;
    ck_assert_int_eq(store_admit(store, &admission, &ticket), 0);
    settle();
    ck_told("1 admitted\n2 admitted\ncommitted 2\n");
}
END_TEST

/* ---- Closing and opening again ------------------------------------------------------------------------------ */

START_TEST(closing_writes_everything_and_tells_nothing)
{
    (void)admit(1, NULL, "[]");
    end_job(1, 0, 0, "");
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    end_job(1, 1, 1, "");
    bytes_clear(&told);
    close_store();
    ck_told("");
    open_store();
    read_all(1);
    ck_assert_ptr_nonnull(strstr((const char *)told.data, "[0,1,2]"));
    ck_assert_ptr_nonnull(strstr((const char *)told.data, "[1,1,2]"));
}
END_TEST

START_TEST(what_was_recorded_is_there_when_the_store_is_opened_again)
{
    (void)admit(1, "key", "[\"jobs\"]");
    end_job(1, 0, 0, "");
    settle();
    close_store();
    open_store();
    end_job(1, 1, 1, "");
    (void)admit(2, "key", "[]");
    settle();
    bytes_clear(&told);
    read_all(0);
    ck_told("batch 1 of 7 key=key asked=00.2.00 terms={} submitted=1.5 submitted_ns=1 sealed\n"
            "piece 0 from 0 at=1 [\"jobs\"]\n"
            "results from 0 [[0,1,2]]\n"
            "results from 1 [[1,1,2]]\n"
            "end\n");
}
END_TEST

START_TEST(the_last_number_is_known_from_batches_and_from_what_was_said)
{
    ck_assert_uint_eq(store_last_number(store), 0);
    (void)admit(5, NULL, "[]");
    close_store();
    open_store();
    ck_assert_uint_eq(store_last_number(store), 5);
    ck_assert_int_eq(store_number(store, 9), 0);
    ck_assert_int_eq(store_number(store, 8), 0);
    close_store(); /* nothing else was recorded */
    open_store();
    ck_assert_uint_eq(store_last_number(store), 8);
    ck_assert_int_eq(store_number(store, 11), 0);
    (void)admit(10, NULL, "[]");
    settle();
    ck_assert_uint_eq(store_figures(store).waiting, 0);
    close_store();
    open_store();
    ck_assert_uint_eq(store_last_number(store), 11);
}
END_TEST

/* As after a boot, but that it has happened within this one. */
START_TEST(points_in_time_are_stored_in_the_time_of_the_store)
{
    struct store_job job = {.job = 1, .due_ns = CLOCK_BOOT_NS + 5};
    close_store();
    change("UPDATE meta SET value = 1000 WHERE name = 'shift_ns'");
    open_store();
    (void)admit(1, NULL, "[]");
    ck_assert_int_eq(store_job(store, 1, &job), 0);
    settle();
    read_all(1);
    ck_told("batch 1 of 7 terms={} submitted=1.5 submitted_ns=1 sealed\n"
            "piece 0 from 0 at=1 []\njob 1 attempt 0 due=5\nend\n");
    finish(1, 1);
    close_store();
    ck_assert_int_eq(ask("SELECT submitted_ns - (1 << 62) FROM batch"), 1001);
    ck_assert_int_eq(ask("SELECT ended_ns - (1 << 62) FROM batch"), 2000);
    ck_assert_int_eq(ask("SELECT accepted_ns - (1 << 62) FROM piece"), 1001);
}
END_TEST

START_TEST(another_store_on_the_same_directory_is_refused)
{
    struct store *another;
    static const struct store_callbacks callbacks;
    struct store_options options = {.directory = folder};
    ck_assert_int_eq(store_open(base, &options, &callbacks, NULL, &another, &error), -EBUSY);
    ck_assert_ptr_nonnull(strstr(error.text, folder));
}
END_TEST

/* ---- Lists and copies --------------------------------------------------------------------------------------- */

static void on_list(void *context, json_t *summaries, bool more, const struct error *why)
{
    (void)context;
    ck_assert_str_eq(why->text, "");
    for (size_t i = 0; i < json_array_size(summaries); i++)
        tell("%d ",
             (int)json_integer_value(json_object_get(json_array_get(summaries, i), "batch")));
    tell(more ? "and more\n" : "and no more\n");
    json_decref(summaries);
    read_ended = true;
}

START_TEST(finished_batches_are_listed)
{
    struct store_filter filter = {.limit = 2, .state = "succeeded"};
    for (uint64_t number = 1; number <= 4; number++) {
        (void)admit(number, NULL, "[]");
        if (number != 3)
            finish(number, 1);
    }
    settle();
    bytes_clear(&told);
    ck_assert_int_eq(store_list(store, &filter, on_list, NULL), 0);
    TURN_UNTIL(read_ended);
    ck_told("4 2 and more\n");
    filter.below = 2;
    filter.name = NULL;
    read_ended = false;
    ck_assert_int_eq(store_list(store, &filter, on_list, NULL), 0);
    TURN_UNTIL(read_ended);
    ck_told("1 and no more\n");
    filter.state = "failed";
    read_ended = false;
    ck_assert_int_eq(store_list(store, &filter, on_list, NULL), 0);
    TURN_UNTIL(read_ended);
    ck_told("and no more\n");
}
END_TEST

static void on_copied(void *context, int code, const struct error *why)
{
    (void)context;
    ck_assert_int_eq(code == 0, why->text[0] == '\0');
    read_ended = true;
    read_code = code;
}

START_TEST(a_copy_has_what_was_recorded_before)
{
    char file[64];
    (void)snprintf(file, sizeof(file), "%s/copy", folder);
    (void)admit(1, NULL, "[]");
    end_job(1, 0, 0, "");
    ck_assert_int_eq(store_backup(store, file, on_copied, NULL), 0);
    TURN_UNTIL(read_ended);
    ck_assert_int_eq(read_code, 0);
    ck_assert_int_eq(ask_file("copy", "SELECT batch FROM result"), 1);

    read_ended = false;
    ck_assert_int_eq(store_backup(store, file, on_copied, NULL), 0);
    TURN_UNTIL(read_ended);
    ck_assert_int_eq(read_code, -EEXIST);
}
END_TEST

START_TEST(closing_ends_what_is_asked_for)
{
    char file[64];
    struct store_filter filter = {.limit = 2};
    (void)snprintf(file, sizeof(file), "%s/copy", folder);
    (void)admit(1, NULL, "[]");
    settle();
    bytes_clear(&told);
    ck_assert_int_eq(store_read_batch(store, 1, &reader, NULL), 0);
    ck_assert_int_eq(store_read_unfinished(store, &reader, NULL), 0);
    ck_assert_int_eq(store_list(store, &filter, on_list, NULL), 0);
    ck_assert_int_eq(store_backup(store, file, on_copied, NULL), 0);
    close_store();
    ck_told("");
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("store");
    TCase *tests = tcase_create("store");
    tcase_set_timeout(tests, 60); /* the disk may be busy */
    tcase_add_checked_fixture(tests, set_up_store, tear_down_store);
    tcase_add_test(tests, a_batch_is_read_back_as_it_was_admitted);
    tcase_add_test(tests, a_batch_of_which_nothing_is_said_is_read_back_so);
    tcase_add_test(tests, texts_are_copied_when_they_are_recorded);
    tcase_add_test(tests, more_pieces_and_the_seal_of_an_open_batch_are_admitted);
    tcase_add_test(tests, a_piece_that_is_too_large_is_not_recorded);
    tcase_add_test(tests, what_happens_to_a_batch_is_read_back);
    tcase_add_test(tests, a_batch_that_has_finished_says_how_and_forgets_its_jobs);
    tcase_add_test(tests, results_are_kept_as_they_are);
    tcase_add_test(tests, results_of_batches_that_end_in_turns_are_one_row_each);
    tcase_add_test(tests, results_that_do_not_follow_one_another_are_rows_of_their_own);
    tcase_add_test(tests, a_row_of_results_grows_to_some_64_kib);
    tcase_add_test(tests, results_of_several_turns_that_are_committed_together_are_one_row);
    tcase_add_test(tests, tickets_grow_and_are_told_in_order);
    tcase_add_test(tests, what_comes_during_a_commit_shares_the_next);
    tcase_add_test(tests, a_large_parcel_goes_before_the_turn_ends);
    tcase_add_test(tests, one_key_is_given_once);
    tcase_add_test(tests, users_have_keys_of_their_own);
    tcase_add_test(tests, closing_writes_everything_and_tells_nothing);
    tcase_add_test(tests, what_was_recorded_is_there_when_the_store_is_opened_again);
    tcase_add_test(tests, the_last_number_is_known_from_batches_and_from_what_was_said);
    tcase_add_test(tests, points_in_time_are_stored_in_the_time_of_the_store);
    tcase_add_test(tests, another_store_on_the_same_directory_is_refused);
    tcase_add_test(tests, finished_batches_are_listed);
    tcase_add_test(tests, a_copy_has_what_was_recorded_before);
    tcase_add_test(tests, closing_ends_what_is_asked_for);
    suite_add_tcase(made, tests);
    return made;
}

int main(void)
{
    return suite_run(suite());
}
