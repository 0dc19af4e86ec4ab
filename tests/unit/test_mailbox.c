#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/mailbox.h"
#include "suite.h"

struct letter {
    struct mail mail; /* first */
    int poster, number;
};

static int number_of(const struct mail *mail)
{
    return ((const struct letter *)mail)->number;
}

START_TEST(letters_are_taken_oldest_first_and_all_at_once)
{
    struct letter letters[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct mailbox *box = mailbox_new(3);
    for (int i = 0; i < 3; i++)
        ck_assert(mailbox_post(box, &letters[i].mail));
    struct mail *mail = mailbox_take(box);
    for (int i = 0; i < 3; i++, mail = mail->next)
        ck_assert_int_eq(number_of(mail), i);
    ck_assert_ptr_null(mail);
    ck_assert_ptr_null(mailbox_try_take(box));

    /* It can be filled again. */
    ck_assert(mailbox_post(box, &letters[2].mail));
    mail = mailbox_try_take(box);
    ck_assert_int_eq(number_of(mail), 2);
    ck_assert_ptr_null(mail->next);
    mailbox_free(box);
}
END_TEST

START_TEST(what_does_not_fit_is_refused_and_counted)
{
    struct letter letters[5] = {0};
    struct mailbox *box = mailbox_new(2);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(mailbox_post(box, &letters[i].mail), i < 2);
    ck_assert_uint_eq(mailbox_take_refused(box), 3);
    ck_assert_uint_eq(mailbox_take_refused(box), 0);
    ck_assert_ptr_eq(mailbox_take(box), &letters[0].mail);
    ck_assert(mailbox_post(box, &letters[4].mail));
    (void)mailbox_take(box);
    mailbox_free(box);
}
END_TEST

START_TEST(a_closed_mailbox_gives_what_it_has_and_takes_no_more)
{
    struct letter letters[2] = {0};
    struct mailbox *box = mailbox_new(10);
    ck_assert(mailbox_post(box, &letters[0].mail));
    mailbox_close(box);
    ck_assert(!mailbox_post(box, &letters[1].mail));
    ck_assert_uint_eq(mailbox_take_refused(box), 1);
    ck_assert_ptr_eq(mailbox_take(box), &letters[0].mail);
    ck_assert_ptr_null(mailbox_take(box));
    ck_assert_ptr_null(mailbox_take_until(box, UINT64_MAX));
    mailbox_free(box);
}
END_TEST

struct poster {
    struct mailbox *box;
    struct letter *letters;
    int count;
};

static void *post_all(void *context)
{
    struct poster *poster = context;
    for (int i = 0; i < poster->count; i++) {
        while (!mailbox_post(poster->box, &poster->letters[i].mail))
            sched_yield();
    }
    return NULL;
}

START_TEST(letters_of_many_threads_all_arrive_each_threads_in_order)
{
    enum { POSTERS = 4, LETTERS = 5000 };
    static struct letter letters[POSTERS][LETTERS];
    struct mailbox *box = mailbox_new(64);
    pthread_t threads[POSTERS];
    struct poster posters[POSTERS];
    for (int p = 0; p < POSTERS; p++) {
        for (int i = 0; i < LETTERS; i++)
            letters[p][i] = (struct letter){.poster = p, .number = i};
        posters[p] = (struct poster){.box = box, .letters = letters[p], .count = LETTERS};
        ck_assert_int_eq(pthread_create(&threads[p], NULL, post_all, &posters[p]), 0);
    }
    int next[POSTERS] = {0};
    for (int taken = 0; taken < POSTERS * LETTERS;) {
        for (struct mail *mail = mailbox_take(box); mail; mail = mail->next, taken++) {
            struct letter *letter = (struct letter *)mail;
            ck_assert_int_eq(letter->number, next[letter->poster]++);
        }
    }
    for (int p = 0; p < POSTERS; p++)
        pthread_join(threads[p], NULL);
    ck_assert_ptr_null(mailbox_try_take(box));
    mailbox_free(box);
}
END_TEST

static void *close_box(void *box)
{
    mailbox_close(box);
    return NULL;
}

static void *wake_box(void *box)
{
    mailbox_wake(box);
    return NULL;
}

START_TEST(closing_ends_a_wait)
{
    struct mailbox *box = mailbox_new(1);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, close_box, box), 0);
    ck_assert_ptr_null(mailbox_take(box));
    pthread_join(thread, NULL);
    mailbox_free(box);
}
END_TEST

START_TEST(a_deadline_ends_a_wait)
{
    struct mailbox *box = mailbox_new(1);
    uint64_t deadline_ns = clock_after_ns(clock_now_ns(), 0.02);
    ck_assert_ptr_null(mailbox_take_until(box, deadline_ns));
    ck_assert_uint_ge(clock_now_ns(), deadline_ns);
    ck_assert_ptr_null(mailbox_take_until(box, 0));
    mailbox_free(box);
}
END_TEST

START_TEST(waking_ends_one_wait_without_a_deadline)
{
    struct mailbox *box = mailbox_new(1);
    pthread_t thread;
    mailbox_wake(box); /* nobody waits yet: the next one returns at once */
    ck_assert_ptr_null(mailbox_take_until(box, UINT64_MAX));
    uint64_t deadline_ns = clock_after_ns(clock_now_ns(), 0.02);
    ck_assert_ptr_null(mailbox_take_until(box, deadline_ns));
    ck_assert_uint_ge(clock_now_ns(), deadline_ns);
    ck_assert_int_eq(pthread_create(&thread, NULL, wake_box, box), 0);
    ck_assert_ptr_null(mailbox_take_until(box, UINT64_MAX));
    pthread_join(thread, NULL);
    mailbox_free(box);
}
END_TEST

START_TEST(waking_does_not_end_a_plain_take)
{
    struct letter letter = {0};
    struct mailbox *box = mailbox_new(1);
    struct poster poster = {.box = box, .letters = &letter, .count = 1};
    pthread_t thread;
    mailbox_wake(box);
    ck_assert_int_eq(pthread_create(&thread, NULL, post_all, &poster), 0);
    ck_assert_ptr_eq(mailbox_take(box), &letter.mail);
    pthread_join(thread, NULL);
    mailbox_free(box);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mailbox");
    TCase *tests = tcase_create("mailbox");
    tcase_add_test(tests, letters_are_taken_oldest_first_and_all_at_once);
    tcase_add_test(tests, what_does_not_fit_is_refused_and_counted);
    tcase_add_test(tests, a_closed_mailbox_gives_what_it_has_and_takes_no_more);
    tcase_add_test(tests, letters_of_many_threads_all_arrive_each_threads_in_order);
    tcase_add_test(tests, closing_ends_a_wait);
    tcase_add_test(tests, a_deadline_ends_a_wait);
    tcase_add_test(tests, waking_ends_one_wait_without_a_deadline);
    tcase_add_test(tests, waking_does_not_end_a_plain_take);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
