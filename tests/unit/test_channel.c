#include <check.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include "base/error.h"
#include "suite.h"
#include "wire/channel.h"

/* A channel, what it said, and how it is to be answered. */
struct end {
    struct channel *channel;
    unsigned messages, closed, drained;
    uint64_t sum;       /* of the numbers in the messages */
    size_t payload_max; /* bytes of the largest message */
    bool in_order;      /* each number was one more than the one before */
    struct error error;
    bool free_in_message, free_in_drained, keep_when_closed;
    int answer; /* what on_message returns */
};

static int on_message(void *context, enum message_type type, struct bytes_reader *payload)
{
    struct end *end = context;
    size_t size = (size_t)(payload->end - payload->at);
    ck_assert_uint_eq(end->closed, 0);
    if (end->free_in_message) {
        channel_free(end->channel);
        end->channel = NULL;
    }
    if (size > end->payload_max)
        end->payload_max = size;
    if (type == MESSAGE_STARTED) {
        uint64_t number;
        ck_assert_int_eq(message_number_read(payload, &number), 0);
        if (number != end->messages)
            end->in_order = false;
        end->sum += number;
    }
    end->messages++;
    return end->answer;
}

static void on_closed(void *context, const struct error *error)
{
    struct end *end = context;
    end->closed++;
    end->error = *error;
    if (end->keep_when_closed)
        return;
    channel_free(end->channel);
    end->channel = NULL;
}

static void on_drained(void *context)
{
    struct end *end = context;
    end->drained++;
    if (end->free_in_drained) {
        channel_free(end->channel);
        end->channel = NULL;
    }
}

static const struct channel_callbacks callbacks = {
    .on_message = on_message, .on_closed = on_closed, .on_drained = on_drained};

/* What each test starts with: a loop, a channel, and the socket at the other end of it. */
static struct event_base *base;
static struct end end;
static int other;

static void set_up_type(int type)
{
    int pair[2];
    base = event_base_new();
    ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
    end = (struct end){.in_order = true};
    end.channel = channel_new(base, pair[0], &callbacks, &end);
    ck_assert_ptr_nonnull(end.channel);
    other = pair[1];
}

static void set_up(void)
{
    set_up_type(SOCK_STREAM);
}

static void hang_up(void)
{
    if (other >= 0)
        (void)close(other);
    other = -1;
}

static void tear_down(void)
{
    channel_free(end.channel);
    hang_up();
    event_base_free(base);
}

/* Runs the loop until nothing is active. */
static void run(void)
{
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Runs the loop until on_closed was called. */
static void run_until_closed(void)
{
    while (!end.closed)
        (void)event_base_loop(base, EVLOOP_ONCE);
}

/* Writes all of it to the other end. */
static void write_other(const void *data, size_t size)
{
    ck_assert_int_eq(send(other, data, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* Numbers 0 .. count-1, each a message. */
static void put_numbers(struct bytes *out, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        message_number_put(out, MESSAGE_STARTED, i);
}

START_TEST(messages_arrive_whole_and_in_order)
{
    struct bytes out = {0};
    put_numbers(&out, 1000);
    write_other(out.data, out.size);
    bytes_free(&out);
    while (end.messages < 1000)
        (void)event_base_loop(base, EVLOOP_ONCE);
    ck_assert(end.in_order);
    ck_assert_uint_eq(end.sum, 499500);
}
END_TEST

START_TEST(a_message_sent_byte_by_byte_arrives_once)
{
    struct bytes out = {0};
    put_numbers(&out, 3);
    for (size_t i = 0; i < out.size; i++) {
        ck_assert_uint_eq(end.messages, i / (out.size / 3));
        write_other(out.data + i, 1);
        (void)event_base_loop(base, EVLOOP_ONCE);
    }
    ck_assert_uint_eq(end.messages, 3);
    ck_assert(end.in_order);
    bytes_free(&out);
}
END_TEST

START_TEST(a_thousand_messages_make_one_write)
{
    /* This kind of socket keeps writes apart. */
    tear_down();
    set_up_type(SOCK_SEQPACKET);
    for (uint64_t i = 0; i < 1000; i++) {
        message_number_put(channel_out(end.channel), MESSAGE_STARTED, i);
        channel_send(end.channel);
    }
    size_t size = channel_unsent(end.channel);
    run();
    static char data[100000];
    ck_assert_int_eq(recv(other, data, sizeof(data), MSG_DONTWAIT), (ssize_t)size);
    ck_assert_int_eq(recv(other, data, sizeof(data), MSG_DONTWAIT), -1);
    ck_assert_uint_eq(channel_unsent(end.channel), 0);
}
END_TEST

static void send_in_callback(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    message_put(channel_out(argument), MESSAGE_STOP, NULL, 0);
    channel_send(argument);
}

START_TEST(what_is_sent_in_a_callback_leaves_before_the_loop_waits)
{
    ck_assert_int_eq(
        event_base_once(base, -1, EV_TIMEOUT, send_in_callback, end.channel, &(struct timeval){0}),
        0);
    (void)event_base_loop(base, EVLOOP_ONCE);
    char data[100];
    ck_assert_int_eq(recv(other, data, sizeof(data), MSG_DONTWAIT), MESSAGE_HEADER_SIZE);
}
END_TEST

START_TEST(what_the_socket_does_not_take_waits_and_then_drains_once)
{
    static char text[100000];
    const unsigned count = 50; /* 5 MB: many times what a socket holds */
    for (unsigned i = 0; i < count; i++)
        message_put(channel_out(end.channel), MESSAGE_CONFIG, text, sizeof(text));
    size_t size = channel_unsent(end.channel), got = 0;
    ck_assert_uint_eq(size, count * (sizeof(text) + MESSAGE_HEADER_SIZE));
    channel_send(end.channel);
    run();
    ck_assert_uint_gt(channel_unsent(end.channel), 0);
    ck_assert_uint_eq(end.drained, 0);

    /* More comes while it waits. */
    message_put(channel_out(end.channel), MESSAGE_STOP, NULL, 0);
    channel_send(end.channel);
    size += MESSAGE_HEADER_SIZE;
    while (got < size) {
        ssize_t more = recv(other, text, sizeof(text), 0);
        ck_assert_int_gt(more, 0);
        got += (size_t)more;
        run();
    }
    ck_assert_uint_eq(channel_unsent(end.channel), 0);
    ck_assert_uint_eq(end.drained, 1);
    ck_assert_int_eq(recv(other, text, sizeof(text), MSG_DONTWAIT), -1);
}
END_TEST

/* Puts a second channel at the other end. */
static void set_up_second(struct end *second)
{
    *second = (struct end){.in_order = true};
    second->channel = channel_new(base, other, &callbacks, second);
    ck_assert_ptr_nonnull(second->channel);
    other = -1;
}

START_TEST(messages_of_all_sizes_pass_between_two_channels)
{
    struct end second;
    set_up_second(&second);
    static const size_t sizes[] = {0, 1, 65527, 65528, 65529, 300000, 1 << 20, 20 << 20, 5};
    const unsigned count = sizeof(sizes) / sizeof(sizes[0]);
    char *data = calloc(1, 20 << 20);
    for (unsigned i = 0; i < count; i++)
        message_put(channel_out(end.channel), MESSAGE_READY, data, sizes[i]);
    free(data);
    channel_send(end.channel);
    while (second.messages < count)
        (void)event_base_loop(base, EVLOOP_ONCE);
    ck_assert_uint_eq(second.payload_max, 20 << 20);
    put_numbers(channel_out(second.channel), 100000);
    channel_send(second.channel);
    while (end.messages < 100000)
        (void)event_base_loop(base, EVLOOP_ONCE);
    ck_assert(end.in_order);
    channel_free(second.channel);
}
END_TEST

START_TEST(memory_of_big_messages_is_given_back)
{
    struct end second;
    set_up_second(&second);
    struct mallinfo2 before = mallinfo2();
    char *data = calloc(1, 32 << 20);
    message_put(channel_out(end.channel), MESSAGE_READY, data, 32 << 20);
    free(data);
    channel_send(end.channel);
    while (second.messages < 1 || end.drained < 1)
        (void)event_base_loop(base, EVLOOP_ONCE);
    ck_assert_uint_eq(channel_unsent(end.channel), 0);
    struct mallinfo2 after = mallinfo2();
    ck_assert_uint_le(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd + (1 << 20));
    channel_free(second.channel);
}
END_TEST

START_TEST(one_turn_of_the_loop_handles_a_bounded_piece)
{
    struct bytes out = {0};
    put_numbers(&out, 12000); /* 118 KB, which a socket holds */
    write_other(out.data, out.size);
    bytes_free(&out);
    (void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    ck_assert_uint_gt(end.messages, 0);
    ck_assert_uint_lt(end.messages, 8000);
    while (end.messages < 12000)
        (void)event_base_loop(base, EVLOOP_ONCE);
    ck_assert(end.in_order);
}
END_TEST

START_TEST(on_message_may_free_the_channel_and_still_read)
{
    struct bytes out = {0};
    put_numbers(&out, 2);
    write_other(out.data, out.size);
    bytes_free(&out);
    end.free_in_message = true;
    run();
    ck_assert_uint_eq(end.messages, 1);
    ck_assert(end.in_order); /* it read the number after freeing */
    ck_assert_uint_eq(end.closed, 0);
    char byte;
    ck_assert_int_eq(recv(other, &byte, 1, MSG_DONTWAIT), 0);
}
END_TEST

START_TEST(on_drained_may_free_the_channel)
{
    end.free_in_drained = true;
    message_put(channel_out(end.channel), MESSAGE_STOP, NULL, 0);
    channel_send(end.channel);
    run();
    ck_assert_uint_eq(end.drained, 1);
    char data[100];
    ck_assert_int_eq(recv(other, data, sizeof(data), MSG_DONTWAIT), MESSAGE_HEADER_SIZE);
    ck_assert_int_eq(recv(other, data, sizeof(data), MSG_DONTWAIT), 0);
}
END_TEST

START_TEST(the_other_end_gone_has_no_words)
{
    static const char half[] = {9, 0, 0, 0, 1, 0}; /* what a worker that died left */
    write_other(half, sizeof(half));
    hang_up();
    run_until_closed();
    ck_assert_uint_eq(end.closed, 1);
    ck_assert_uint_eq(end.messages, 0);
    ck_assert_str_eq(end.error.text, "");
}
END_TEST

START_TEST(last_messages_come_before_the_news_of_the_end)
{
    struct bytes out = {0};
    put_numbers(&out, 12000);
    write_other(out.data, out.size);
    bytes_free(&out);
    message_put(channel_out(end.channel), MESSAGE_STOP, NULL, 0);
    ck_assert_int_eq(channel_flush(end.channel), 0); /* never read by the other end */
    hang_up();
    message_put(channel_out(end.channel), MESSAGE_STOP, NULL, 0);
    channel_send(end.channel); /* finds nobody */
    run_until_closed();
    ck_assert_uint_eq(end.messages, 12000);
    ck_assert_uint_eq(end.closed, 1);
    ck_assert_str_eq(end.error.text, "");
}
END_TEST

/* Headers that must close the channel, and a part of the words. */
static const struct {
    uint8_t header[MESSAGE_HEADER_SIZE];
    const char *words;
} broken[] = {
    {{0, 0, 0, 0, MESSAGE_VERSION + 1, 0, MESSAGE_STARTED, 0}, "speaks version "},
    {{0, 0, 0, 0, MESSAGE_VERSION, 0, 63, 0}, "unknown type 63"},
    {{1, 0, 0, 6, MESSAGE_VERSION, 0, MESSAGE_DONE, 0}, "100663297 bytes"},
    {{0xff, 0xff, 0xff, 0xff, MESSAGE_VERSION, 0, MESSAGE_DONE, 0}, "4294967295 bytes"},
};

START_TEST(a_broken_header_closes_the_channel_in_words)
{
    struct bytes out = {0};
    put_numbers(&out, 1);
    bytes_put(&out, broken[_i].header, MESSAGE_HEADER_SIZE);
    put_numbers(&out, 1);
    write_other(out.data, out.size);
    bytes_free(&out);
    run_until_closed();
    ck_assert_uint_eq(end.messages, 1);
    ck_assert_ptr_nonnull(strstr(end.error.text, broken[_i].words));
}
END_TEST

START_TEST(a_message_that_is_refused_closes_the_channel)
{
    struct bytes out = {0};
    put_numbers(&out, 2);
    write_other(out.data, out.size);
    bytes_free(&out);
    end.answer = -EBADMSG;
    run_until_closed();
    ck_assert_uint_eq(end.messages, 1);
    ck_assert_str_eq(end.error.text, "a broken message of type 66");
}
END_TEST

START_TEST(the_end_is_told_once_however_late_the_channel_is_freed)
{
    end.keep_when_closed = true;
    hang_up();
    run_until_closed();
    message_put(channel_out(end.channel), MESSAGE_STOP, NULL, 0);
    channel_send(end.channel);
    ck_assert_uint_eq(channel_unsent(end.channel), 0);
    ck_assert_int_eq(channel_flush(end.channel), -EPIPE);
    run();
    ck_assert_uint_eq(end.closed, 1);
}
END_TEST

START_TEST(out_of_memory_closes_the_channel_and_sends_no_half_message)
{
    message_put(channel_out(end.channel), MESSAGE_STOP, NULL, 0);
    channel_out(end.channel)->failed = true; /* as bytes_reserve() does */
    channel_send(end.channel);
    run();
    ck_assert_uint_eq(end.closed, 1);
    ck_assert_ptr_nonnull(strstr(end.error.text, "no memory"));
    char byte;
    ck_assert_int_eq(recv(other, &byte, 1, MSG_DONTWAIT), 0);
}
END_TEST

static void *read_to_the_end(void *argument)
{
    static char data[65536];
    size_t *size = argument;
    for (ssize_t got; (got = recv(other, data, sizeof(data), 0)) > 0;)
        *size += (size_t)got;
    return NULL;
}

START_TEST(flush_has_written_everything_when_it_returns)
{
    size_t got = 0;
    pthread_t reader;
    ck_assert_int_eq(pthread_create(&reader, NULL, read_to_the_end, &got), 0);
    put_numbers(channel_out(end.channel), 500000);
    size_t size = channel_unsent(end.channel);
    ck_assert_int_eq(channel_flush(end.channel), 0);
    ck_assert_uint_eq(channel_unsent(end.channel), 0);
    ck_assert_uint_eq(end.drained, 0); /* told from the loop */
    run();
    ck_assert_uint_eq(end.drained, 1);
    channel_free(end.channel);
    end.channel = NULL;
    ck_assert_int_eq(pthread_join(reader, NULL), 0);
    ck_assert_uint_eq(got, size);
}
END_TEST

START_TEST(flush_to_nobody_says_so)
{
    hang_up();
    message_put(channel_out(end.channel), MESSAGE_STOP, NULL, 0);
    ck_assert_int_eq(channel_flush(end.channel), -EPIPE);
    ck_assert_uint_eq(end.closed, 0); /* told from the loop */
    run_until_closed();
    ck_assert_str_eq(end.error.text, "");
}
END_TEST

START_TEST(what_is_no_descriptor_stays_the_callers)
{
    ck_assert_ptr_null(channel_new(base, -1, &callbacks, &end));
    channel_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("channel");
    TCase *tests = tcase_create("channel");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, messages_arrive_whole_and_in_order);
    tcase_add_test(tests, a_message_sent_byte_by_byte_arrives_once);
    tcase_add_test(tests, a_thousand_messages_make_one_write);
    tcase_add_test(tests, what_is_sent_in_a_callback_leaves_before_the_loop_waits);
    tcase_add_test(tests, what_the_socket_does_not_take_waits_and_then_drains_once);
    tcase_add_test(tests, messages_of_all_sizes_pass_between_two_channels);
    tcase_add_test(tests, memory_of_big_messages_is_given_back);
    tcase_add_test(tests, one_turn_of_the_loop_handles_a_bounded_piece);
    tcase_add_test(tests, on_message_may_free_the_channel_and_still_read);
    tcase_add_test(tests, on_drained_may_free_the_channel);
    tcase_add_test(tests, the_other_end_gone_has_no_words);
    tcase_add_test(tests, last_messages_come_before_the_news_of_the_end);
    tcase_add_loop_test(tests, a_broken_header_closes_the_channel_in_words, 0,
                        (int)(sizeof(broken) / sizeof(broken[0])));
    tcase_add_test(tests, a_message_that_is_refused_closes_the_channel);
    tcase_add_test(tests, the_end_is_told_once_however_late_the_channel_is_freed);
    tcase_add_test(tests, out_of_memory_closes_the_channel_and_sends_no_half_message);
    tcase_add_test(tests, flush_has_written_everything_when_it_returns);
    tcase_add_test(tests, flush_to_nobody_says_so);
    tcase_add_test(tests, what_is_no_descriptor_stays_the_callers);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
