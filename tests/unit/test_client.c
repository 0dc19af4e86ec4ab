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
#include "base/cleanup.h"
#include "base/clock.h"
#include "suite.h"
#include "supervisor/answers.h"
#include "supervisor/client.h"
#include "wire/rpc.h"

/* ---- A client on one end of a socket pair, and the test on the other ----------------------- */

/* What the client asked for is answered by "answer_bytes" bytes, none at all where that is 0. */
struct served {
    struct client *client; /* NULL: closed */
    unsigned requests, drained, closed;
    size_t answer_bytes;
    uint64_t work_ns; /* what a request takes */
    char last_method[64];
    bool holds; /* requests cannot be served yet, */
    bool shortly;
    bool in_order; /* behind answers that come later */
};

struct watcher { /* the client only counts them */
    LIST_ENTRY(watcher) link;
};

static const struct client_limits limits = {.line_bytes = 64 << 10, .depth = 8, .fd_end = INT_MAX};
static struct event_base *base;
static struct served served;
static int peer;

static void on_request(void *context, struct client *client, const struct rpc_request *request)
{
    ck_assert_ptr_eq(context, &served);
    ck_assert_ptr_eq(client, served.client);
    served.requests++;
    for (uint64_t end_ns = clock_now_ns() + served.work_ns; clock_now_ns() < end_ns;)
        continue;
    (void)snprintf(served.last_method, sizeof(served.last_method), "%s", request->method);
    if (served.holds) {
        if (served.shortly)
            client_hold_shortly(client);
        else
            client_hold(client);
        return;
    }
    AUTO_FREE char *answer = malloc(served.answer_bytes + 1);
    memset(answer, 'a', served.answer_bytes + 1);
    if (served.in_order)
        ck_assert_int_eq(answers_send(client, answer, served.answer_bytes), 0);
    else if (served.answer_bytes)
        client_send(client, answer, served.answer_bytes);
}

static void on_drained(void *context, struct client *client)
{
    (void)context, (void)client;
    served.drained++;
}

static void on_closed(void *context, struct client *client)
{
    (void)context;
    served.closed++;
    served.client = NULL;
    struct watcher *watcher;
    while ((watcher = LIST_FIRST(&client_watchers(client)->list)))
        LIST_REMOVE(watcher, link);
    client_free(client);
}

static const struct client_callbacks callbacks = {
    .on_request = on_request, .on_drained = on_drained, .on_closed = on_closed};

static void set_up(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    base = event_base_new();
    served = (struct served){0};
    served.client = client_new(base, ends[0], 1234, &limits, &callbacks, &served);
    ck_assert_ptr_nonnull(served.client);
    peer = ends[1];
}

static void hang_up(void)
{
    if (peer >= 0)
        (void)close(peer);
    peer = -1;
}

static void tear_down(void)
{
    if (served.client)
        client_free(served.client);
    hang_up();
    event_base_free(base);
}

/* One turn of the loop, without waiting. */
static void turn(void)
{
    (void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* Lets the loop serve what there is. */
static void settle(void)
{
    for (int i = 0; i < 100; i++)
        turn();
}

static void put(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t sent = send(peer, text + at, size - at, MSG_NOSIGNAL);
        if (sent > 0)
            at += (size_t)sent;
        else
            ck_assert_int_eq(errno, EAGAIN);
        turn();
    }
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

/* Everything that can be read now, as a text; for the caller to free. */
static char *get(void)
{
    size_t size = 0, capacity = 1 << 20;
    char *text = malloc(capacity + 1);
    for (;;) {
        settle();
        ssize_t got = recv(peer, text + size, capacity - size, 0);
        if (got <= 0)
            break;
        size += (size_t)got;
        if (size == capacity)
            text = realloc(text, (capacity *= 2) + 1);
    }
    text[size] = '\0';
    return text;
}

/* Reads and forgets; returns how many bytes that were. */
static size_t drain(void)
{
    AUTO_FREE char *text = get();
    return strlen(text);
}

/* Runs the loop until the connection is over. */
static void wait_for_end(void)
{
    while (!served.closed)
        ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

#define REQUEST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}"

/* This many requests in one write, which the socket takes before anybody reads. */
static void put_many(int fd, size_t count)
{
    static char text[100 << 10];
    ck_assert_uint_le(count * sizeof(REQUEST), sizeof(text));
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * sizeof(REQUEST), REQUEST "\n", sizeof(REQUEST));
    ck_assert_int_eq(send(fd, text, count * sizeof(REQUEST), 0),
                     (ssize_t)(count * sizeof(REQUEST)));
}

/* ---- Requests ------------------------------------------------------------------------------ */

START_TEST(a_client_knows_its_user)
{
    ck_assert_uint_eq(client_uid(served.client), 1234);
}
END_TEST

START_TEST(a_request_needs_no_newline)
{
    put_text(REQUEST);
    settle();
    ck_assert_uint_eq(served.requests, 1);
    ck_assert_str_eq(served.last_method, "m");
}
END_TEST

START_TEST(a_request_may_come_a_byte_at_a_time)
{
    static const char text[] = " \n" REQUEST "\r\n \t" REQUEST "\n";
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        put(text + i, 1);
        settle();
        ck_assert_uint_eq(served.requests, i + 1 >= sizeof(text) - 2        ? 2u
                                           : i >= sizeof(" \n" REQUEST) - 2 ? 1u
                                                                            : 0u);
    }
}
END_TEST

START_TEST(requests_may_be_cut_anywhere)
{
    static const char text[] = REQUEST "\n" REQUEST REQUEST "   \n\n";
    for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
        served.requests = 0;
        put(text, cut);
        settle();
        put(text + cut, sizeof(text) - 1 - cut);
        settle();
        ck_assert_uint_eq(served.requests, 3);
    }
}
END_TEST

/* Serves requests that take so long, and says how many of them one turn of the loop had at most. */
static unsigned most_in_a_turn(unsigned count, uint64_t work_ns)
{
    unsigned most = 0;
    served.work_ns = work_ns;
    put_many(peer, count);
    while (served.requests < count) {
        unsigned before = served.requests;
        turn();
        if (served.requests - before > most)
            most = served.requests - before;
    }
    return most;
}

START_TEST(many_requests_in_one_write_are_all_served_in_turns)
{
    ck_assert_uint_le(most_in_a_turn(1000, 20000), 60); /* others have their turn after 1 ms */
}
END_TEST

START_TEST(a_turn_is_short_whatever_the_requests_cost)
{
    ck_assert_uint_le(most_in_a_turn(20, 600000), 2);
}
END_TEST

START_TEST(a_request_that_takes_longer_than_a_turn_is_served)
{
    ck_assert_uint_eq(most_in_a_turn(3, 3000000), 1);
}
END_TEST

/* The reads that this process has made. */
static unsigned long reads_made(void)
{
    unsigned long reads = 0;
    char line[64];
    AUTO_FCLOSE FILE *file = fopen("/proc/self/io", "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) && sscanf(line, "syscr: %lu", &reads) != 1)
        continue;
    return reads;
}

START_TEST(a_large_request_takes_few_reads)
{
    static char request[60000];
    memset(request, ' ', sizeof(request));
    memcpy(request, "{", 1);
    memcpy(request + sizeof(request) - sizeof(REQUEST) + 2, &REQUEST[1], sizeof(REQUEST) - 2);
    ck_assert_int_eq(send(peer, request, sizeof(request), 0), sizeof(request));
    unsigned long before = reads_made();
    settle();
    ck_assert_uint_eq(served.requests, 1);
    ck_assert_uint_le(reads_made() - before, 6); /* those of the measuring among them */
}
END_TEST

START_TEST(a_request_as_long_as_the_limit_is_served)
{
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"method\":\"", tail[] = "\"}";
    char *text = malloc(limits.line_bytes);
    memset(text, 'x', limits.line_bytes);
    memcpy(text, head, sizeof(head) - 1);
    memcpy(text + limits.line_bytes - 2, tail, 2);
    for (unsigned i = 1; i <= 5; i++) {
        put(text, limits.line_bytes);
        settle();
        ck_assert_uint_eq(served.requests, i);
    }
    ck_assert_uint_eq(served.closed, 0);
    free(text);
}
END_TEST

/* ---- Bad input ----------------------------------------------------------------------------- */

/* The answer has this error code, and the connection is closed after it. */
static void check_given_up(int code, const char *words)
{
    AUTO_FREE char *answer = get();
    char expected[32];
    (void)snprintf(expected, sizeof(expected), "\"code\":%d,", code);
    ck_assert_msg(strstr(answer, expected) && strstr(answer, words), "%s", answer);
    ck_assert_uint_eq(served.closed, 1);
    char byte;
    ssize_t got = recv(peer, &byte, 1, 0);
    ck_assert(got == 0 || (got < 0 && errno == ECONNRESET));
}

START_TEST(a_message_that_is_no_object_ends_the_connection)
{
    put_text("\"" REQUEST "\"");
    check_given_up(RPC_PARSE_ERROR, "JSON object");
    ck_assert_uint_eq(served.requests, 0);
}
END_TEST

START_TEST(an_array_of_requests_ends_the_connection_in_words)
{
    put_text("[" REQUEST "]");
    check_given_up(RPC_INVALID_REQUEST, "batches of requests are not supported");
    ck_assert_uint_eq(served.requests, 0);
}
END_TEST

START_TEST(a_message_without_an_end_is_given_up_at_the_limit)
{
    static char text[1000];
    memset(text, 'x', sizeof(text));
    put_text("{\"a\":\"");
    for (size_t sent = 0; !served.closed && sent < 100 * limits.line_bytes; sent += sizeof(text)) {
        if (send(peer, text, sizeof(text), MSG_NOSIGNAL) < 0)
            ck_assert(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
        settle();
    }
    check_given_up(RPC_PARSE_ERROR, "65536 bytes");
}
END_TEST

START_TEST(a_message_that_goes_too_deep_is_given_up)
{
    put_text("{\"a\":[[[[[[[");
    settle();
    ck_assert_uint_eq(served.closed, 0);
    put_text("[");
    check_given_up(RPC_PARSE_ERROR, "8 deep");
}
END_TEST

START_TEST(broken_json_is_given_up_and_what_follows_is_not_served)
{
    put_text("{\"a\" 1}" REQUEST);
    check_given_up(RPC_PARSE_ERROR, "not JSON");
    ck_assert_uint_eq(served.requests, 0);
}
END_TEST

START_TEST(requests_before_broken_ones_are_served)
{
    served.answer_bytes = 7;
    put_text(REQUEST "x");
    AUTO_FREE char *answer = get();
    ck_assert_int_eq(strncmp(answer, "aaaaaaa{", 8), 0);
    ck_assert_uint_eq(served.requests, 1);
    ck_assert_uint_eq(served.closed, 1);
}
END_TEST

START_TEST(a_request_that_is_none_is_answered_and_the_next_is_served)
{
    put_text("{\"id\":5}" REQUEST);
    AUTO_FREE char *answer = get();
    ck_assert_ptr_nonnull(strstr(answer, "\"id\":5"));
    ck_assert_ptr_nonnull(strstr(answer, "-32600"));
    ck_assert_uint_eq(served.requests, 1);
    ck_assert_uint_eq(served.closed, 0);
}
END_TEST

/* ---- Ends ---------------------------------------------------------------------------------- */

START_TEST(a_client_that_hangs_up_is_gone)
{
    hang_up();
    wait_for_end();
    ck_assert_uint_eq(served.closed, 1);
}
END_TEST

START_TEST(a_client_that_hangs_up_in_the_middle_of_a_request_is_gone)
{
    put_text("{\"jsonrpc\":\"2.");
    settle();
    hang_up();
    wait_for_end();
    ck_assert_uint_eq(served.requests, 0);
}
END_TEST

START_TEST(what_was_asked_before_hanging_up_is_done)
{
    served.answer_bytes = 100;
    put_many(peer, 300);
    hang_up();
    wait_for_end();
    ck_assert_uint_eq(served.requests, 300);
}
END_TEST

START_TEST(what_was_held_shortly_is_done_after_hanging_up)
{
    served.holds = served.shortly = true;
    put_many(peer, 2);
    settle();
    hang_up();
    settle();
    ck_assert_uint_eq(served.closed, 0);
    served.holds = false;
    client_release(served.client);
    wait_for_end();
    ck_assert_uint_eq(served.requests, 3); /* the first of the two is carried out again */
}
END_TEST

START_TEST(an_answer_to_come_is_sent_before_the_connection_is_given_up)
{
    struct answer *answer = answers_expect(served.client);
    put_text("]");
    settle();
    ck_assert_uint_eq(served.closed, 0);
    answer_give(answer, "answer", 6);
    AUTO_FREE char *text = get();
    ck_assert(strncmp(text, "answer{", 7) == 0);
    ck_assert_uint_eq(served.closed, 1);
}
END_TEST

/* How much answers that nobody will read may take. */
static unsigned answers_in_memory;

static void on_large_request(void *context, struct client *client,
                             const struct rpc_request *request)
{
    static char answer[1 << 20];
    on_request(context, client, request);
    client_send(client, answer, sizeof(answer));
    answers_in_memory = client_has_unsent(client) ? answers_in_memory + 1 : 0;
}

START_TEST(answers_to_a_client_that_is_gone_take_no_memory_and_no_time_of_others)
{
    static const struct client_callbacks large = {
        .on_request = on_large_request, .on_drained = on_drained, .on_closed = on_closed};
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    client_free(served.client);
    hang_up();
    served.client = client_new(base, ends[0], 1234, &limits, &large, &served);
    served.work_ns = 20000;
    put_many(ends[1], 1000);
    (void)close(ends[1]);
    unsigned before = 0, turns = 0;
    while (!served.closed) {
        (void)event_base_loop(base, EVLOOP_ONCE);
        ck_assert_uint_le(served.requests - before, 200);
        before = served.requests;
        turns++;
    }
    ck_assert_uint_ge(turns, 5);
    ck_assert_uint_eq(served.requests, 1000);
    ck_assert_uint_le(answers_in_memory, 2);
}
END_TEST

START_TEST(a_client_that_shuts_down_its_side_gets_its_answers)
{
    served.answer_bytes = 100;
    put_many(peer, 300);
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    ck_assert_uint_eq(drain(), 30000);
    ck_assert_uint_eq(served.closed, 1);
}
END_TEST

START_TEST(a_client_that_shuts_down_its_side_stays_while_it_has_watchers)
{
    struct watcher watcher;
    LIST_INSERT_HEAD(&client_watchers(served.client)->list, &watcher, link);
    put_text(REQUEST);
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    settle();
    ck_assert_uint_eq(served.requests, 1);
    ck_assert_uint_eq(served.closed, 0);
    client_send(served.client, "event", 5);
    ck_assert_uint_eq(drain(), 5);
    ck_assert_uint_eq(served.closed, 0);
    client_send(served.client, "summary", 7);
    LIST_REMOVE(&watcher, link);
    client_watchers_changed(served.client);
    ck_assert_uint_eq(drain(), 7);
    ck_assert_uint_eq(served.closed, 1);
}
END_TEST

START_TEST(a_client_with_watchers_that_shut_down_and_then_hangs_up_is_gone)
{
    struct watcher watcher;
    LIST_INSERT_HEAD(&client_watchers(served.client)->list, &watcher, link);
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    settle();
    client_send(served.client, "event", 5);
    ck_assert_uint_eq(drain(), 5);
    ck_assert_uint_eq(served.closed, 0);
    hang_up();
    wait_for_end();
}
END_TEST

static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    *(bool *)context = true;
}

/* How often the loop wakes up until a timer of 50 ms. */
static unsigned wakeups(void)
{
    bool over = false;
    unsigned count = 0;
    struct timeval span = {.tv_usec = 50000};
    struct event *timer = evtimer_new(base, on_time, &over);
    (void)evtimer_add(timer, &span);
    while (!over) {
        (void)event_base_loop(base, EVLOOP_ONCE);
        count++;
    }
    event_free(timer);
    return count;
}

START_TEST(a_client_that_shut_down_its_side_and_waits_costs_nothing)
{
    struct watcher watcher;
    LIST_INSERT_HEAD(&client_watchers(served.client)->list, &watcher, link);
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    settle();
    ck_assert_uint_le(wakeups(), 5);
    client_send(served.client, "event", 5);
    ck_assert_uint_eq(drain(), 5);
    ck_assert_uint_le(wakeups(), 5); /* after something was written, too */
    static char much[1 << 20];
    client_send(served.client, much, sizeof(much)); /* more than the socket takes */
    settle();
    ck_assert(client_has_unsent(served.client));
    ck_assert_uint_le(wakeups(), 5);
    LIST_REMOVE(&watcher, link);
}
END_TEST

/* ---- Readers that are slow ----------------------------------------------------------------- */

START_TEST(a_reader_that_stops_is_not_served_until_it_reads)
{
    enum { ANSWER = 100000, MANY = 200 };
    served.answer_bytes = ANSWER;
    for (int i = 0; i < MANY; i++)
        put_text(REQUEST);
    settle();
    ck_assert(client_is_full(served.client));
    unsigned before = served.requests;
    ck_assert_uint_le(before, 12); /* what the socket takes, what may wait, and one more */
    settle();
    ck_assert_uint_eq(served.requests, before);
    ck_assert_uint_le(wakeups(), 5);
    ck_assert_uint_eq(drain(), (size_t)ANSWER * MANY);
    ck_assert_uint_eq(served.requests, MANY);
    ck_assert(!client_has_unsent(served.client));
    ck_assert_uint_gt(served.drained, 0);
}
END_TEST

START_TEST(a_writer_that_never_reads_is_not_read_either)
{
    served.answer_bytes = 100000;
    size_t sent = 0;
    for (int quiet = 0; quiet < 100;) {
        ssize_t took = send(peer, REQUEST, sizeof(REQUEST) - 1, MSG_NOSIGNAL);
        sent += took > 0 ? (size_t)took : 0;
        quiet = took > 0 ? 0 : quiet + 1;
        turn();
    }
    ck_assert_uint_le(sent, 2 << 20);
    ck_assert_uint_eq(served.closed, 0);
}
END_TEST

START_TEST(a_reader_that_stopped_and_hangs_up_is_gone)
{
    served.answer_bytes = 100000;
    for (int i = 0; i < 100; i++)
        put_text(REQUEST);
    settle();
    ck_assert(client_is_full(served.client));
    hang_up();
    wait_for_end();
}
END_TEST

START_TEST(a_reader_that_stopped_and_shut_down_its_side_gets_all_it_asked_for)
{
    enum { ANSWER = 100000, MANY = 100 };
    served.answer_bytes = ANSWER;
    for (int i = 0; i < MANY; i++)
        put_text(REQUEST);
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    settle();
    ck_assert_uint_eq(drain(), (size_t)ANSWER * MANY);
    ck_assert_uint_eq(served.closed, 1);
}
END_TEST

START_TEST(an_answer_before_the_end_of_a_broken_stream_is_sent_whole)
{
    served.answer_bytes = 3000000;
    put_text(REQUEST);
    served.answer_bytes = 0;
    settle();
    ck_assert_uint_eq(served.requests, 1);
    AUTO_FREE char *first = get();
    ck_assert_uint_eq(strlen(first), 3000000);
    put_text("]");
    check_given_up(RPC_PARSE_ERROR, "JSON object");
}
END_TEST

/* ---- Held ---------------------------------------------------------------------------------- */

START_TEST(a_held_request_is_carried_out_again_and_those_behind_it_after_it)
{
    served.holds = true;
    served.answer_bytes = 5;
    put_text(REQUEST REQUEST);
    settle();
    ck_assert(client_is_held(served.client));
    ck_assert_uint_eq(served.requests, 1);
    client_release(served.client); /* and is held once more */
    settle();
    ck_assert_uint_eq(served.requests, 2);
    served.holds = false;
    client_release(served.client);
    ck_assert_uint_eq(drain(), 10);
    ck_assert_uint_eq(served.requests, 4);
    put_text(REQUEST);
    ck_assert_uint_eq(drain(), 5);
}
END_TEST

START_TEST(nothing_is_read_while_a_client_is_held)
{
    served.holds = true;
    put_text(REQUEST);
    settle();
    static const char blanks[64 << 10];
    size_t taken = 0;
    ssize_t sent;
    while ((sent = send(peer, blanks, sizeof(blanks), MSG_NOSIGNAL)) > 0 && taken < 64u << 20) {
        taken += (size_t)sent;
        settle();
    }
    ck_assert_int_eq(sent, -1);
    ck_assert_uint_eq(served.requests, 1);
}
END_TEST

START_TEST(a_held_client_that_hangs_up_is_gone)
{
    served.holds = true;
    put_text(REQUEST REQUEST);
    settle();
    hang_up();
    wait_for_end();
    ck_assert_uint_eq(served.requests, 1);
}
END_TEST

START_TEST(a_held_client_that_shuts_down_its_side_is_served_when_it_is_released)
{
    served.holds = true;
    served.answer_bytes = 5;
    put_text(REQUEST);
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    settle();
    ck_assert(client_is_held(served.client));
    ck_assert_uint_eq(served.closed, 0);
    served.holds = false;
    client_release(served.client);
    ck_assert_uint_eq(drain(), 5);
    wait_for_end();
    ck_assert_uint_eq(served.requests, 2);
}
END_TEST

START_TEST(sending_nothing_does_no_harm)
{
    client_send(served.client, "", 0);
    settle();
    served.answer_bytes = 5;
    put_text(REQUEST);
    ck_assert_uint_eq(drain(), 5);
}
END_TEST

START_TEST(a_held_request_is_served_whatever_waits_to_be_sent)
{
    static const char events[4 << 20]; /* more than socket and client take */
    served.holds = true;
    served.answer_bytes = 5;
    put_text(REQUEST REQUEST);
    settle();
    client_send(served.client, events, sizeof(events));
    settle();
    ck_assert(client_is_full(served.client));
    served.holds = false;
    client_release(served.client);
    settle();
    ck_assert_uint_eq(served.requests, 2); /* not the one behind it */
    ck_assert_uint_eq(drain(), 0);         /* events are zeros */
    settle();
    ck_assert_uint_eq(served.requests, 3);
}
END_TEST

/* ---- Answers that wait for others ---------------------------------------------------------- */

enum { REFUSAL = 10000, REFUSALS_KEPT = 30, REFUSALS = 200 };

/* Has the client ask for more than may wait, behind an answer that does not come. */
static struct answer *ask_for_too_much(void)
{
    struct answer *late = answers_expect(served.client);
    ck_assert_ptr_nonnull(late);
    served.in_order = true;
    served.answer_bytes = REFUSAL;
    put_many(peer, REFUSALS);
    settle();
    ck_assert_uint_gt(served.requests, REFUSALS_KEPT / 2);
    ck_assert_uint_le(served.requests, REFUSALS_KEPT);
    ck_assert_uint_le(wakeups(), 5);
    return late;
}

START_TEST(a_client_whose_answers_wait_for_one_is_not_served_until_they_are_sent)
{
    struct answer *late = ask_for_too_much();
    answer_give(late, "late", 4);
    ck_assert_uint_eq(drain(), 4 + REFUSAL * REFUSALS);
    ck_assert_uint_eq(served.requests, REFUSALS);
    put_text(REQUEST); /* as before */
    ck_assert_uint_eq(drain(), REFUSAL);
}
END_TEST

START_TEST(a_client_goes_on_when_some_of_its_answers_have_been_sent)
{
    struct answer *late = ask_for_too_much();
    unsigned before = served.requests;
    struct answer *later = answers_expect(served.client);
    answer_give(late, "late", 4);
    ck_assert_uint_eq(drain(), 4 + REFUSAL * before);
    ck_assert_uint_gt(served.requests, before); /* and what it asks for waits again */
    ck_assert_uint_le(served.requests, before + REFUSALS_KEPT);
    answer_give(later, "", 0);
    ck_assert_uint_eq(drain(), REFUSAL * (REFUSALS - before));
}
END_TEST

START_TEST(a_client_that_shut_down_its_side_gets_the_answers_that_waited)
{
    struct answer *late = ask_for_too_much();
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    settle();
    ck_assert_uint_eq(served.closed, 0);
    answer_give(late, "late", 4);
    ck_assert_uint_eq(drain(), 4 + REFUSAL * REFUSALS);
    ck_assert_uint_eq(served.closed, 1);
}
END_TEST

START_TEST(answers_that_wait_for_a_client_that_reads_none_are_bounded_as_well)
{
    ck_assert_int_eq(shutdown(peer, SHUT_RD), 0);
    client_send(served.client, "event", 5);
    settle(); /* it has noticed */
    struct answer *late = ask_for_too_much();
    answer_give(late, "late", 4);
    settle();
    ck_assert_uint_eq(served.requests, REFUSALS);
    hang_up();
    wait_for_end();
}
END_TEST

START_TEST(answers_of_no_bytes_take_memory_too)
{
    struct answer *late = answers_expect(served.client);
    served.in_order = true;
    unsigned sent = 0;
    for (int quiet = 0; quiet < 100 && sent < 100000;) {
        bool took = send(peer, REQUEST, sizeof(REQUEST) - 1, MSG_NOSIGNAL) > 0;
        sent += took;
        quiet = took ? 0 : quiet + 1;
        turn();
    }
    ck_assert_uint_lt(sent, 100000);
    ck_assert_uint_lt(served.requests, sent);
    answer_give(late, "", 0);
    settle();
    ck_assert_uint_eq(served.requests, sent);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client");
    TCase *tests = tcase_create("client");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_client_knows_its_user);
    tcase_add_test(tests, a_request_needs_no_newline);
    tcase_add_test(tests, a_request_may_come_a_byte_at_a_time);
    tcase_add_test(tests, requests_may_be_cut_anywhere);
    tcase_add_test(tests, many_requests_in_one_write_are_all_served_in_turns);
    tcase_add_test(tests, a_turn_is_short_whatever_the_requests_cost);
    tcase_add_test(tests, a_request_that_takes_longer_than_a_turn_is_served);
    tcase_add_test(tests, a_large_request_takes_few_reads);
    tcase_add_test(tests, a_request_as_long_as_the_limit_is_served);
    tcase_add_test(tests, a_message_that_is_no_object_ends_the_connection);
    tcase_add_test(tests, an_array_of_requests_ends_the_connection_in_words);
    tcase_add_test(tests, a_message_without_an_end_is_given_up_at_the_limit);
    tcase_add_test(tests, a_message_that_goes_too_deep_is_given_up);
    tcase_add_test(tests, broken_json_is_given_up_and_what_follows_is_not_served);
    tcase_add_test(tests, requests_before_broken_ones_are_served);
    tcase_add_test(tests, a_request_that_is_none_is_answered_and_the_next_is_served);
    tcase_add_test(tests, a_client_that_hangs_up_is_gone);
    tcase_add_test(tests, a_client_that_hangs_up_in_the_middle_of_a_request_is_gone);
    tcase_add_test(tests, what_was_asked_before_hanging_up_is_done);
    tcase_add_test(tests, what_was_held_shortly_is_done_after_hanging_up);
    tcase_add_test(tests, an_answer_to_come_is_sent_before_the_connection_is_given_up);
    tcase_add_test(tests, answers_to_a_client_that_is_gone_take_no_memory_and_no_time_of_others);
    tcase_add_test(tests, a_client_that_shuts_down_its_side_gets_its_answers);
    tcase_add_test(tests, a_client_that_shuts_down_its_side_stays_while_it_has_watchers);
    tcase_add_test(tests, a_client_with_watchers_that_shut_down_and_then_hangs_up_is_gone);
    tcase_add_test(tests, a_client_that_shut_down_its_side_and_waits_costs_nothing);
    tcase_add_test(tests, a_reader_that_stops_is_not_served_until_it_reads);
    tcase_add_test(tests, a_writer_that_never_reads_is_not_read_either);
    tcase_add_test(tests, a_reader_that_stopped_and_hangs_up_is_gone);
    tcase_add_test(tests, a_reader_that_stopped_and_shut_down_its_side_gets_all_it_asked_for);
    tcase_add_test(tests, a_held_request_is_carried_out_again_and_those_behind_it_after_it);
    tcase_add_test(tests, nothing_is_read_while_a_client_is_held);
    tcase_add_test(tests, a_held_client_that_hangs_up_is_gone);
    tcase_add_test(tests, a_held_client_that_shuts_down_its_side_is_served_when_it_is_released);
    tcase_add_test(tests, sending_nothing_does_no_harm);
    tcase_add_test(tests, a_held_request_is_served_whatever_waits_to_be_sent);
    tcase_add_test(tests, an_answer_before_the_end_of_a_broken_stream_is_sent_whole);
    tcase_add_test(tests, a_client_whose_answers_wait_for_one_is_not_served_until_they_are_sent);
    tcase_add_test(tests, a_client_goes_on_when_some_of_its_answers_have_been_sent);
    tcase_add_test(tests, a_client_that_shut_down_its_side_gets_the_answers_that_waited);
    tcase_add_test(tests, answers_that_wait_for_a_client_that_reads_none_are_bounded_as_well);
    tcase_add_test(tests, answers_of_no_bytes_take_memory_too);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
