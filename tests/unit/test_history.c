#include <check.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include "batch_fixture.h"
#include "suite.h"
#include "supervisor/client.h"
#include "supervisor/errands.h"
#include "supervisor/history.h"
#include "supervisor/recovery.h"
#include "supervisor/supervisor.h"
#include "wire/rpc.h"

/* ---- A store that reads what the test says --------------------------------------------------- */

static struct {
    unsigned begun;
    uint64_t number; /* of the batch that is being read; 0: none */
    void (*on_done)(void *context, uint64_t number, struct batch *batch, const struct error *error);
    void *context;
    bool refuses; /* there is no memory */
} reading;

int recover_batch(struct supervisor *supervisor, uint64_t number,
                  void (*on_done)(void *context, uint64_t number, struct batch *batch,
                                  const struct error *error),
                  void *context)
{
    (void)supervisor;
    ck_assert_uint_eq(reading.number, 0); /* one at a time */
    reading.begun++;
    if (reading.refuses)
        return -ENOMEM;
    reading.number = number;
    reading.on_done = on_done;
    reading.context = context;
    return 0;
}

/* ---- Clients that ask for batches ------------------------------------------------------------ */

enum { CLIENTS = 4 };

/* One end of a connection, and what its requests came to. */
struct asker {
    struct client *client; /* NULL: closed */
    int peer;
    unsigned found, refused; /* requests */
    uint64_t number;         /* that the last one was about */
    int code;
    struct error error;
};

static const struct client_limits limits = {.line_bytes = 64 << 10, .depth = 8, .fd_end = INT_MAX};
static struct event_base *base;
static struct supervisor supervisor;
static struct asker askers[CLIENTS];

/* The method is the number of a batch. */
static void on_request(void *context, struct client *client, const struct rpc_request *request)
{
    struct asker *asker = context;
    uint64_t number = strtoull(request->method, NULL, 10);
    const struct batch *batch = batches_find(&supervisor.batches, number);
    int code = batch ? 0 : history_ask(supervisor.history, client, number, &asker->error);
    asker->found += batch != NULL;
    asker->refused += code != 0;
    asker->number = number;
    asker->code = code;
    errands_served(client);
}

static void on_drained(void *context, struct client *client)
{
    (void)context, (void)client;
}

static void on_closed(void *context, struct client *client)
{
    struct asker *asker = context;
    errands_drop(client);
    client_free(client);
    asker->client = NULL;
}

static const struct client_callbacks callbacks = {
    .on_request = on_request, .on_drained = on_drained, .on_closed = on_closed};

/* A finished batch in memory, with this number. */
static struct batch *finish(uint64_t number)
{
    uint64_t last = supervisor.batches.last_number;
    supervisor.batches.last_number = number - 1;
    struct batch *batch = batches_add(&supervisor.batches, NULL, 0);
    if (last > number)
        supervisor.batches.last_number = last;
    batch_seal(batch, 1);
    batches_finished(&supervisor.batches, batch);
    return batch;
}

static void set_up(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    memset(&reading, 0, sizeof(reading));
    memset(&supervisor, 0, sizeof(supervisor));
    base = event_base_new();
    ck_assert_int_eq(batches_init(&supervisor.batches, 0), 0); /* only the latest stays */
    ck_assert_int_eq(batches_make_room_in(&supervisor.batches, base), 0);
    supervisor.history = history_new(&supervisor);
    for (int i = 0; i < CLIENTS; i++) {
        int ends[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
                         0);
        askers[i] = (struct asker){.peer = ends[1]};
        askers[i].client = client_new(base, ends[0], 1234, &limits, &callbacks, &askers[i]);
        ck_assert_ptr_nonnull(askers[i].client);
    }
    for (uint64_t number = 1; number <= 9; number++)
        (void)finish(number);
    ck_assert_uint_eq(supervisor.batches.count, 1);
}

static void hang_up(int i)
{
    if (askers[i].peer >= 0)
        (void)close(askers[i].peer);
    askers[i].peer = -1;
}

static void tear_down(void)
{
    history_close(supervisor.history);
    for (int i = 0; i < CLIENTS; i++) {
        if (askers[i].client)
            on_closed(&askers[i], askers[i].client);
        hang_up(i);
    }
    errands_clear(&supervisor.errands);
    history_free(supervisor.history);
    batches_clear(&supervisor.batches);
    event_base_free(base);
}

static void settle(void)
{
    for (int i = 0; i < 20; i++)
        (void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void ask(int i, uint64_t number)
{
    char text[80];
    int size = snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%llu\"}",
                        (unsigned long long)number);
    ck_assert_int_eq(send(askers[i].peer, text, (size_t)size, 0), size);
    settle();
}

static void deliver(struct batch *batch, const char *words)
{
    struct error error = {""};
    (void)snprintf(error.text, sizeof(error.text), "%s", words);
    uint64_t number = reading.number;
    ck_assert_uint_ne(number, 0);
    reading.number = 0;
    reading.on_done(reading.context, number, batch, &error);
}

/* The batch that is being read is there. */
static struct batch *deliver_batch(void)
{
    struct batch *batch = finish(reading.number);
    deliver(batch, "");
    return batch;
}

/* ---- Claims ---------------------------------------------------------------------------------- */

START_TEST(a_request_goes_on_when_its_batch_is_there)
{
    ask(0, 3);
    ck_assert_uint_eq(reading.number, 3);
    ck_assert(client_is_held(askers[0].client));
    struct batch *batch = deliver_batch();
    settle();
    ck_assert_uint_eq(askers[0].found, 1);
    ck_assert(!client_is_held(askers[0].client));
    ck_assert(!batch->wanted);
    ck_assert_uint_eq(history_reads(supervisor.history), 1);
}
END_TEST

START_TEST(a_batch_that_is_not_there_is_looked_for_once_per_request)
{
    for (unsigned i = 1; i <= 3; i++) {
        ask(0, 3);
        deliver(NULL, "");
        settle();
        ck_assert_uint_eq(askers[0].refused, i);
        ck_assert_int_eq(askers[0].code, RPC_NO_SUCH_THING);
        ck_assert_uint_eq(reading.begun, i);
    }
}
END_TEST

START_TEST(why_a_batch_cannot_be_read_is_told)
{
    ask(0, 3);
    deliver(NULL, "the disk is gone");
    settle();
    ck_assert_uint_eq(askers[0].refused, 1);
    ck_assert_int_eq(askers[0].code, RPC_INTERNAL_ERROR);
    ck_assert_str_eq(askers[0].error.text, "the disk is gone");
}
END_TEST

START_TEST(without_memory_requests_are_refused)
{
    reading.refuses = true;
    ask(0, 3);
    settle();
    ck_assert_uint_eq(askers[0].refused, 1);
    ck_assert_int_eq(askers[0].code, RPC_FULL);
    reading.refuses = false;
    ask(0, 3);
    (void)deliver_batch();
    settle();
    ck_assert_uint_eq(askers[0].found, 1);
}
END_TEST

START_TEST(those_who_ask_for_the_same_batch_wait_for_one_reading)
{
    for (int i = 0; i < CLIENTS; i++)
        ask(i, 3);
    (void)deliver_batch();
    settle();
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_uint_eq(askers[i].found, 1);
    ck_assert_uint_eq(reading.begun, 1);
}
END_TEST

START_TEST(several_batches_are_read_one_after_the_other_as_they_were_asked_for)
{
    static const uint64_t numbers[CLIENTS] = {5, 2, 7, 2};
    for (int i = 0; i < CLIENTS; i++)
        ask(i, numbers[i]);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(reading.number, numbers[i]);
        struct batch *batch = deliver_batch();
        ck_assert_uint_eq(reading.number, 0); /* not before those who asked have been served */
        ck_assert(batch->wanted);
        settle();
    }
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_uint_eq(askers[i].found, 1);
    ck_assert_uint_eq(reading.begun, 3);
}
END_TEST

START_TEST(what_was_read_stays_until_those_who_asked_have_been_served)
{
    ask(0, 3);
    ask(1, 3);
    (void)deliver_batch();
    (void)finish(10); /* for which there is no room beside it */
    (void)finish(11);
    settle();
    ck_assert_uint_eq(askers[0].found + askers[1].found, 2);
    ck_assert_uint_eq(reading.begun, 1);
    ck_assert_ptr_null(batches_find(&supervisor.batches, 3));
    ck_assert_uint_eq(supervisor.batches.count, 1);
}
END_TEST

START_TEST(a_batch_that_has_come_by_another_way_is_not_read)
{
    ask(0, 3);
    ask(1, 5);
    (void)deliver_batch();
    (void)finish(5);
    settle();
    ck_assert_uint_eq(askers[0].found, 1);
    ck_assert_uint_eq(askers[1].found, 1);
    ck_assert_uint_eq(reading.begun, 1);
}
END_TEST

START_TEST(nothing_is_read_for_clients_that_are_gone)
{
    ask(0, 3);
    ask(1, 5);
    ask(2, 7);
    hang_up(1);
    settle();
    (void)deliver_batch();
    settle();
    ck_assert_uint_eq(askers[0].found, 1);
    ck_assert_uint_eq(reading.number, 7);
    hang_up(2);
    settle();
    struct batch *batch = deliver_batch(); /* nobody is there to get it */
    ck_assert(!batch->wanted);
    ask(0, 2);
    ck_assert_uint_eq(reading.number, 2);
}
END_TEST

START_TEST(one_that_is_gone_before_it_is_served_keeps_nobody_waiting)
{
    ask(0, 3);
    ask(1, 5);
    struct batch *batch = deliver_batch();
    client_abandon(askers[0].client);
    settle();
    ck_assert_ptr_null(askers[0].client);
    ck_assert(!batch->wanted);
    ck_assert_uint_eq(reading.number, 5);
}
END_TEST

START_TEST(a_client_that_sends_no_more_gets_what_it_asked_for)
{
    ask(0, 3);
    ck_assert_int_eq(shutdown(askers[0].peer, SHUT_WR), 0);
    settle();
    ck_assert_ptr_nonnull(askers[0].client);
    (void)deliver_batch();
    settle();
    ck_assert_uint_eq(askers[0].found, 1);
    ck_assert_ptr_null(askers[0].client);
}
END_TEST

START_TEST(requests_behind_it_wait_and_come_in_their_order)
{
    ask(0, 3);
    ask(0, 9);
    ask(0, 5);
    ck_assert_uint_eq(askers[0].found, 0);
    (void)deliver_batch();
    settle();
    ck_assert_uint_eq(reading.number, 9); /* it has left memory meanwhile */
    (void)deliver_batch();
    settle();
    ck_assert_uint_eq(askers[0].number, 5);
    (void)deliver_batch();
    settle();
    ck_assert_uint_eq(askers[0].found, 3);
}
END_TEST

START_TEST(the_end_may_come_at_any_moment)
{
    ask(0, 3);
    ask(1, 3);
    ask(2, 5);
    if (_i > 0)
        (void)deliver_batch();
    if (_i > 1)
        settle();
    /* the rest is for tear_down(), and the sanitizers */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history");
    TCase *tests = tcase_create("history");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_request_goes_on_when_its_batch_is_there);
    tcase_add_test(tests, a_batch_that_is_not_there_is_looked_for_once_per_request);
    tcase_add_test(tests, why_a_batch_cannot_be_read_is_told);
    tcase_add_test(tests, without_memory_requests_are_refused);
    tcase_add_test(tests, those_who_ask_for_the_same_batch_wait_for_one_reading);
    tcase_add_test(tests, several_batches_are_read_one_after_the_other_as_they_were_asked_for);
    tcase_add_test(tests, what_was_read_stays_until_those_who_asked_have_been_served);
    tcase_add_test(tests, a_batch_that_has_come_by_another_way_is_not_read);
    tcase_add_test(tests, nothing_is_read_for_clients_that_are_gone);
    tcase_add_test(tests, one_that_is_gone_before_it_is_served_keeps_nobody_waiting);
    tcase_add_test(tests, a_client_that_sends_no_more_gets_what_it_asked_for);
    tcase_add_test(tests, requests_behind_it_wait_and_come_in_their_order);
    tcase_add_loop_test(tests, the_end_may_come_at_any_moment, 0, 3);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
