#include <check.h>
#include <stdio.h>
#include <string.h>
#include "suite.h"
#include "supervisor/answers.h"
#include "supervisor/client.h"

/* ---- Clients that only take note ----------------------------------------------------------- */

struct client {
    struct client_answers answers;
    bool held;
    unsigned changes;
};

static struct client clients[2];
static char sent[64];

struct client_answers *client_answers(struct client *client)
{
    return &client->answers;
}

void client_answers_changed(struct client *client)
{
    client->changes++;
}

void client_send(struct client *client, const void *text, size_t size)
{
    char line[16];
    (void)snprintf(line, sizeof(line), "%d:%.*s ", (int)(client - clients), (int)size,
                   (const char *)text);
    (void)snprintf(sent + strlen(sent), sizeof(sent) - strlen(sent), "%s", line);
}

void client_hold_shortly(struct client *client)
{
    client->held = true;
}

void client_release(struct client *client)
{
    client->held = false;
}

void client_abandon(struct client *client)
{
    (void)client;
    ck_abort_msg("there is memory");
}

static struct answers answers;

static void set_up(void)
{
    memset(clients, 0, sizeof(clients));
    for (int i = 0; i < 2; i++)
        TAILQ_INIT(&clients[i].answers.list);
    sent[0] = '\0';
    answers_init(&answers);
}

static void tear_down(void)
{
    for (int i = 0; i < 2; i++)
        answers_drop(&answers, &clients[i]);
    answers_clear(&answers);
}

static void hold(int client, uint64_t ticket, const char *text)
{
    ck_assert_int_eq(answers_hold(&answers, &clients[client], ticket, text, strlen(text)), 0);
}

START_TEST(an_answer_waits_for_its_ticket)
{
    hold(0, 5, "a");
    answers_committed(&answers, 4);
    ck_assert_str_eq(sent, "");
    answers_committed(&answers, 5);
    ck_assert_str_eq(sent, "0:a ");
    answers_committed(&answers, 6);
    ck_assert_str_eq(sent, "0:a ");
}
END_TEST

START_TEST(answers_are_sent_in_the_order_of_their_tickets)
{
    hold(0, 5, "a");
    hold(1, 3, "b");
    hold(0, 5, "c");
    hold(1, 4, "d");
    answers_committed(&answers, 4);
    ck_assert_str_eq(sent, "1:b 1:d ");
    answers_committed(&answers, 9);
    ck_assert_str_eq(sent, "1:b 1:d 0:a 0:c ");
}
END_TEST

START_TEST(a_client_that_is_gone_is_sent_nothing)
{
    hold(0, 1, "a");
    hold(1, 2, "b");
    hold(0, 3, "c");
    answers_drop(&answers, &clients[0]);
    answers_committed(&answers, 3);
    ck_assert_str_eq(sent, "1:b ");
}
END_TEST

START_TEST(one_client_is_answered_in_the_order_it_asked)
{
    struct answer *first = answers_expect(&clients[0]), *second = answers_expect(&clients[0]);
    hold(0, 1, "c");
    answer_give(second, "b", 1);
    answers_committed(&answers, 1);
    ck_assert_str_eq(sent, "");
    answer_give(first, "a", 1);
    ck_assert_str_eq(sent, "0:a 0:b 0:c ");
}
END_TEST

START_TEST(what_is_sent_at_once_is_sent_behind_answers_to_come)
{
    ck_assert_int_eq(answers_send(&clients[0], "a", 1), 0);
    hold(0, 1, "b");
    ck_assert_int_eq(answers_send(&clients[0], "c", 1), 0);
    ck_assert_str_eq(sent, "0:a ");
    answers_committed(&answers, 1);
    ck_assert_str_eq(sent, "0:a 0:b 0:c ");
}
END_TEST

START_TEST(one_client_does_not_wait_for_another)
{
    struct answer *never = answers_expect(&clients[0]);
    (void)never;
    hold(1, 1, "b");
    answers_committed(&answers, 1);
    ck_assert_str_eq(sent, "1:b ");
}
END_TEST

START_TEST(a_client_that_waits_for_its_answers_goes_on_behind_the_last)
{
    struct answer *first = answers_expect(&clients[0]);
    hold(0, 1, "b");
    answers_await(&clients[0]);
    answers_committed(&answers, 1);
    ck_assert(clients[0].held);
    answer_give(first, "a", 1);
    ck_assert(!clients[0].held);
}
END_TEST

START_TEST(a_client_may_go_while_its_answer_is_ready_and_another_is_not)
{
    (void)answers_expect(&clients[0]);
    hold(0, 1, "b");
    hold(0, 2, "c");
    answers_committed(&answers, 1);
    answers_drop(&answers, &clients[0]);
    answers_committed(&answers, 2);
    ck_assert_str_eq(sent, "");
}
END_TEST

START_TEST(what_is_charged_for_counts_until_it_is_answered)
{
    const struct client_answers *own = &clients[0].answers;
    struct answer *first = answers_expect(&clients[0]), *second = answers_expect(&clients[0]);
    answer_charge(first, 1000);
    answer_charge(second, 1000);
    ck_assert_uint_eq(own->bytes, 2000);
    answer_give(second, "b", 1); /* which waits for the other */
    ck_assert_uint_gt(own->bytes, 2000);
    answer_give(first, "a", 1);
    ck_assert_uint_eq(own->bytes, 0);
    first = answers_expect(&clients[0]);
    second = answers_expect(&clients[0]);
    answer_charge(first, 1000);
    unsigned before = clients[0].changes;
    answer_give(first, "a", 1);
    ck_assert_uint_eq(own->bytes, 0);
    ck_assert_uint_gt(clients[0].changes, before); /* it may go on, though one is still to come */
    answer_give(second, "b", 1);
}
END_TEST

START_TEST(texts_that_wait_count_until_they_are_sent)
{
    const struct client_answers *own = &clients[0].answers;
    struct answer *first = answers_expect(&clients[0]);
    ck_assert_uint_eq(own->bytes, 0);
    ck_assert_int_eq(answers_send(&clients[0], "bbbb", 4), 0);
    size_t one = own->bytes;
    ck_assert_uint_gt(one, 4);
    hold(0, 1, "cccc");
    ck_assert_uint_eq(own->bytes, 2 * one);
    answers_committed(&answers, 1);
    ck_assert_uint_eq(own->bytes, 2 * one);
    unsigned before = clients[0].changes;
    struct answer *last = answers_expect(&clients[0]);
    answer_give(first, "a", 1);
    ck_assert_uint_eq(own->bytes, 0);
    ck_assert_uint_gt(clients[0].changes, before); /* though one is still to come */
    answer_give(last, "d", 1);
    ck_assert_uint_eq(own->bytes, 0);
    ck_assert_uint_eq(clients[1].answers.bytes, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("answers");
    TCase *tests = tcase_create("answers");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_answer_waits_for_its_ticket);
    tcase_add_test(tests, answers_are_sent_in_the_order_of_their_tickets);
    tcase_add_test(tests, a_client_that_is_gone_is_sent_nothing);
    tcase_add_test(tests, one_client_is_answered_in_the_order_it_asked);
    tcase_add_test(tests, what_is_sent_at_once_is_sent_behind_answers_to_come);
    tcase_add_test(tests, one_client_does_not_wait_for_another);
    tcase_add_test(tests, a_client_that_waits_for_its_answers_goes_on_behind_the_last);
    tcase_add_test(tests, a_client_may_go_while_its_answer_is_ready_and_another_is_not);
    tcase_add_test(tests, texts_that_wait_count_until_they_are_sent);
    tcase_add_test(tests, what_is_charged_for_counts_until_it_is_answered);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
