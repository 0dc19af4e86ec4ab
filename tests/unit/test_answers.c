#include <check.h>
#include <stdio.h>
#include <string.h>
#include "suite.h"
#include "supervisor/answers.h"
#include "supervisor/client.h"

/* ---- Clients that only take note ----------------------------------------------------------- */

struct client {
    unsigned owed;
};

static struct client clients[2];
static char sent[64];

void client_send(struct client *client, const void *text, size_t size)
{
    char line[16];
    (void)snprintf(line, sizeof(line), "%d:%.*s ", (int)(client - clients), (int)size,
                   (const char *)text);
    (void)snprintf(sent + strlen(sent), sizeof(sent) - strlen(sent), "%s", line);
}

void client_owe(struct client *client)
{
    client->owed++;
}

void client_paid(struct client *client)
{
    ck_assert_uint_gt(client->owed, 0);
    client->owed--;
}

static struct answers answers;

static void set_up(void)
{
    memset(clients, 0, sizeof(clients));
    sent[0] = '\0';
    answers_init(&answers);
}

static void tear_down(void)
{
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
    ck_assert_uint_eq(clients[0].owed, 1);
    answers_committed(&answers, 5);
    ck_assert_str_eq(sent, "0:a ");
    ck_assert_uint_eq(clients[0].owed, 0);
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

int main(void)
{
    Suite *suite = suite_create("answers");
    TCase *tests = tcase_create("answers");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_answer_waits_for_its_ticket);
    tcase_add_test(tests, answers_are_sent_in_the_order_of_their_tickets);
    tcase_add_test(tests, a_client_that_is_gone_is_sent_nothing);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
