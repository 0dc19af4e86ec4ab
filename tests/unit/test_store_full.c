/* A disk that is full, and one that does not keep what it is given. */
#include "store_fixture.h"
#include "suite.h"

/* What waits for room is tried again after a second; tests that wait for that are slow, and few. */

START_TEST(what_is_asked_for_is_refused_while_the_disk_is_full)
{
    atomic_store(&disk.full, true);
    (void)admit(1, NULL, "[]");
    (void)admit(2, "key", "[]");
    settle();
    ck_told("full\n1 ENOSPC\n2 ENOSPC\ncommitted 2\n");
    ck_assert(store_figures(store).full);
    ck_assert_uint_eq(store_figures(store).waiting, 0);
    ck_assert_uint_eq(store_figures(store).commits, 0);

    (void)admit(3, "key", "[]");
    settle();
    ck_told("3 ENOSPC\ncommitted 3\n");

    atomic_store(&disk.full, false);
    (void)admit(4, "key", "[]");
    settle();
    ck_told("4 admitted\ncommitted 4\nroom\n");
    ck_assert(!store_figures(store).full);
    read_all(0);
    ck_told("batch 4 of 7 key=key asked=00.2.00 terms={} submitted=1.5 submitted_ns=4 sealed\n"
            "piece 0 from 0 at=1 []\n"
            "end\n");
}
END_TEST

START_TEST(what_has_happened_waits_until_there_is_room)
{
    (void)admit(1, NULL, "[]");
    settle();
    bytes_clear(&told);
    atomic_store(&disk.full, true);
    end_job(1, 0, 0, "");
    (void)admit(2, NULL, "[]");
    end_job(1, 1, 1, "");
    TURN_UNTIL(store_figures(store).full);
    ck_told("full\n3 ENOSPC\n");
    ck_assert_uint_eq(store_figures(store).waiting, 2);
    ck_assert_uint_eq(store_committed(store), 1);

    /* Refused at once, not behind what waits. */
    (void)admit(3, NULL, "[]");
    TURN_UNTIL(told.size > 0);
    ck_told("5 ENOSPC\n");
    ck_assert_uint_eq(store_figures(store).waiting, 2);

    atomic_store(&disk.full, false);
    end_job(1, 2, 2, "");
    finish(1, 3);
    settle();
    ck_told("committed 7\nroom\n");
    ck_assert_uint_eq(store_figures(store).waiting, 0);
    read_all(1);
    ck_told("batch 1 of 7 terms={} submitted=1.5 submitted_ns=1 sealed finished ended=2.5"
            " ended_ns=1000\n"
            "piece 0 from 0 at=1 []\n"
            "results from 0 [[0,1,2],[1,1,2],[2,1,2]]\n"
            "end\n");
}
END_TEST

START_TEST(what_waits_is_tried_again_though_nothing_comes)
{
    (void)admit(1, NULL, "[]");
    settle();
    bytes_clear(&told);
    atomic_store(&disk.full, true);
    end_job(1, 0, 0, "");
    TURN_UNTIL(store_figures(store).full);
    atomic_store(&disk.full, false);
    settle();
    ck_told("full\ncommitted 2\nroom\n");
}
END_TEST

/* The disk has room for rows, but not for this much: the admission is refused, and what came with it is written. */
START_TEST(a_large_batch_does_not_keep_results_from_being_written)
{
    enum { SIZE = 1 << 20 };
    char *jobs = malloc(SIZE + 1);
    ck_assert_ptr_nonnull(jobs);
    memset(jobs, ' ', SIZE);
    memcpy(jobs, "[]", 2);
    jobs[SIZE] = '\0';
    (void)admit(1, NULL, "[]");
    settle();
    bytes_clear(&told);
    atomic_store(&disk.end, 256 << 10);
    end_job(1, 0, 0, "");
    (void)admit(2, NULL, jobs);
    settle();
    ck_told("3 ENOSPC\ncommitted 3\n");
    ck_assert(!store_figures(store).full);
    read_all(0);
    ck_told("batch 1 of 7 terms={} submitted=1.5 submitted_ns=1 sealed\n"
            "piece 0 from 0 at=1 []\n"
            "results from 0 [[0,1,2]]\n"
            "end\n");
    free(jobs);
}
END_TEST

START_TEST(a_key_that_is_there_is_found_on_a_full_disk)
{
    (void)admit(1, "key", "[]");
    settle();
    bytes_clear(&told);
    atomic_store(&disk.full, true);
    (void)admit(2, NULL, "[]");
    (void)admit(3, "key", "[]");
    settle();
    ck_told("full\n2 ENOSPC\n3 has the key of batch 1\ncommitted 3\n");
}
END_TEST

START_TEST(much_that_waits_is_written_in_order_when_there_is_room)
{
    enum { TURNS = 300 };
    char output[4097];
    memset(output, 'x', sizeof(output) - 1);
    output[sizeof(output) - 1] = '\0';
    (void)admit(1, NULL, "[]");
    settle();
    bytes_clear(&told);
    atomic_store(&disk.full, true);
    for (uint32_t i = 0; i < TURNS; i++) {
        end_job(1, i, i, output);
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    }
    TURN_UNTIL(store_figures(store).full);
    ck_told("full\n");
    atomic_store(&disk.full, false);
    ck_assert_int_eq(store_seal(store, 1), 0);
    (void)admit(2, NULL, "[]");
    settle();
    close_store();
    ck_assert_int_eq(ask("SELECT count(*) FROM result"), TURNS);
    ck_assert_int_eq(ask("SELECT count(*) FROM result WHERE seq != job"), 0);
    ck_assert_int_eq(ask("SELECT count(*) FROM batch"), 2);
}
END_TEST

START_TEST(closing_on_a_full_disk_ends)
{
    (void)admit(1, NULL, "[]");
    settle();
    atomic_store(&disk.full, true);
    end_job(1, 0, 0, "");
    TURN_UNTIL(store_figures(store).full);
    end_job(1, 1, 1, "");
    end_job(1, 2, 2, "");
    ck_assert_int_eq(store_number(store, 7), 0);
    (void)admit(2, NULL, "[]");
    ck_assert_uint_eq(store_close(store, &error), 3); /* and not the admission, nor the number */
    ck_assert_ptr_nonnull(strstr(error.text, "/awaitd.db: there is no room left"));
    atomic_store(&disk.full, false);
    open_store();
    bytes_clear(&told);
    read_all(1);
    ck_told("batch 1 of 7 terms={} submitted=1.5 submitted_ns=1 sealed\n"
            "piece 0 from 0 at=1 []\n"
            "end\n");
}
END_TEST

START_TEST(closing_tells_what_could_not_be_written)
{
    (void)admit(1, NULL, "[]");
    settle();
    if (_i == 1) /* it was full before */
        atomic_store(&disk.full, true);
    end_job(1, 0, 0, "");
    if (_i == 1)
        TURN_UNTIL(store_figures(store).full);
    atomic_store(&disk.full, false);
    atomic_store(&disk.sync_fails, _i == 2);
    ck_assert_uint_eq(store_close(store, &error), _i == 2 ? 1 : 0);
    ck_assert_int_eq(strstr(error.text, "/awaitd.db: disk I/O error") != NULL, _i == 2);
    atomic_store(&disk.sync_fails, false);
    open_store();
}
END_TEST

START_TEST(after_a_failed_fsync_nothing_is_told_to_be_safe)
{
    (void)admit(1, NULL, "[]");
    settle();
    bytes_clear(&told);
    atomic_store(&disk.sync_fails, true);
    (void)admit(2, NULL, "[]");
    end_job(1, 0, 0, "");
    TURN_UNTIL(has_failed);
    ck_told("failed\n");
    ck_assert(!is_corrupt);
    ck_assert_uint_eq(store_committed(store), 1);

    /* Also when the disk works again: what it has lost is not known. */
    atomic_store(&disk.sync_fails, false);
    int syncs = atomic_load(&disk.syncs);
    (void)admit(3, NULL, "[]");
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_int_eq(store_read_batch(store, 1, &reader, NULL), 0);
    ck_assert_uint_eq(store_close(store, &error), 0); /* that was told */
    ck_told("");
    ck_assert_int_eq(atomic_load(&disk.syncs), syncs);
    open_store();
    read_all(1);
    ck_assert_ptr_nonnull(strstr((const char *)told.data, "batch 1 of 7"));
}
END_TEST

START_TEST(a_corrupt_database_is_told_to_be_so)
{
    (void)admit(1, NULL, "[]");
    settle();
    bytes_clear(&told);
    atomic_store(&disk.corrupt, true);
    end_job(1, 0, 0, "");
    TURN_UNTIL(has_failed);
    ck_told("failed\n");
    ck_assert(is_corrupt);
}
END_TEST

START_TEST(a_quota_that_is_used_up_is_a_disk_that_is_full)
{
    atomic_store(&disk.write_error, EDQUOT);
    (void)admit(1, NULL, "[]");
    settle();
    ck_told("full\n1 ENOSPC\ncommitted 1\n");
    atomic_store(&disk.write_error, 0);
    (void)admit(2, NULL, "[]");
    settle();
    ck_told("2 admitted\ncommitted 2\nroom\n");

    /* It is another reason that counts now. */
    atomic_store(&disk.write_error, EIO);
    (void)admit(3, NULL, "[]");
    TURN_UNTIL(has_failed);
    ck_told("failed\n");
    ck_assert_ptr_nonnull(strstr(error.text, "Input/output error"));
    atomic_store(&disk.write_error, 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("store_full");
    TCase *tests = tcase_create("store_full");
    tcase_set_timeout(tests, 60); /* the disk may be busy */
    tcase_add_checked_fixture(tests, set_up_store, tear_down_store);
    tcase_add_test(tests, a_quota_that_is_used_up_is_a_disk_that_is_full);
    tcase_add_test(tests, what_is_asked_for_is_refused_while_the_disk_is_full);
    tcase_add_test(tests, what_has_happened_waits_until_there_is_room);
    tcase_add_test(tests, what_waits_is_tried_again_though_nothing_comes);
    tcase_add_test(tests, a_large_batch_does_not_keep_results_from_being_written);
    tcase_add_test(tests, a_key_that_is_there_is_found_on_a_full_disk);
    tcase_add_test(tests, much_that_waits_is_written_in_order_when_there_is_room);
    tcase_add_test(tests, closing_on_a_full_disk_ends);
    tcase_add_loop_test(tests, closing_tells_what_could_not_be_written, 0, 3);
    tcase_add_test(tests, after_a_failed_fsync_nothing_is_told_to_be_safe);
    tcase_add_test(tests, a_corrupt_database_is_told_to_be_so);
    suite_add_tcase(made, tests);
    return made;
}

int main(void)
{
    return suite_run(suite());
}
