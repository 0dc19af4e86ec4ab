#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "suite.h"
#include "wire/frame.h"

#define SCANNER(size, depth) \
    { \
        .max_size = (size), .max_depth = (depth) \
    }

/* What a stream of bytes was found to be: its messages, each behind a '|', and how it ended. */
struct found {
    char text[1024];
    enum frame_status status;
};

/* Scans the text in pieces of at most `piece` bytes. */
static void scan(struct frame_scanner *scanner, const char *text, size_t piece, struct found *out)
{
    size_t size = strlen(text), length = 0;
    bool within = false;
    out->status = FRAME_MORE;
    for (size_t at = 0; at < size && out->status <= FRAME_COMPLETE;) {
        size_t blank, consumed, left = size - at < piece ? size - at : piece;
        while (left > 0 && out->status <= FRAME_COMPLETE) {
            out->status = frame_scan(scanner, text + at, left, &blank, &consumed);
            ck_assert_uint_le(blank, consumed);
            ck_assert_uint_le(consumed, left);
            ck_assert(out->status != FRAME_MORE || consumed == left);
            if (!within && consumed > blank)
                out->text[length++] = '|';
            within = out->status == FRAME_MORE && (within || consumed > blank);
            memcpy(out->text + length, text + at + blank, consumed - blank);
            length += consumed - blank;
            at += consumed;
            left -= consumed;
        }
    }
    out->text[length] = '\0';
}

static enum frame_status status_of(const char *text, size_t max_size, unsigned max_depth)
{
    struct frame_scanner scanner = SCANNER(max_size, max_depth);
    struct found found;
    scan(&scanner, text, SIZE_MAX, &found);
    return found.status;
}

START_TEST(a_message_ends_where_its_outermost_brace_closes)
{
    struct frame_scanner scanner = SCANNER(100, 8);
    struct found found;
    scan(&scanner, "{}{\"a\":{\"b\":[1,{}]}}\n\t\r {\"c\":1}\n", SIZE_MAX, &found);
    ck_assert_str_eq(found.text, "|{}|{\"a\":{\"b\":[1,{}]}}|{\"c\":1}");
    ck_assert_int_eq(found.status, FRAME_MORE);
}
END_TEST

START_TEST(no_newline_is_needed_behind_a_message)
{
    ck_assert_int_eq(status_of("{\"id\":1}", 100, 8), FRAME_COMPLETE);
}
END_TEST

static const char stream[] =
    " \n{\"a\":\"}{][\\\"\",\"b\":[{},[]]}\r\n{}{\"\\\\\":\"\\\\\"} {\"long enough for whole "
    "words\":"
    "\"sixteen and more bytes of text \\u007b\\\\\\\" and more of them }}}\"}\n{\"unfinished\":[";

START_TEST(one_byte_at_a_time_gives_the_same_messages)
{
    struct frame_scanner whole_scanner = SCANNER(1000, 8);
    struct found whole;
    scan(&whole_scanner, stream, SIZE_MAX, &whole);
    for (size_t piece = 1; piece < sizeof(stream); piece++) {
        struct frame_scanner scanner = SCANNER(1000, 8);
        struct found found;
        scan(&scanner, stream, piece, &found);
        ck_assert_str_eq(found.text, whole.text);
        ck_assert_int_eq(found.status, whole.status);
        ck_assert_mem_eq(&scanner, &whole_scanner, sizeof(scanner));
    }
}
END_TEST

START_TEST(braces_in_strings_do_not_count)
{
    ck_assert_int_eq(status_of("{\"}\":\"}}}]]]\"}", 100, 8), FRAME_COMPLETE);
    ck_assert_int_eq(status_of("{\"{{{{[[[[\":1}", 100, 1), FRAME_COMPLETE);
    ck_assert_int_eq(status_of("{\"open: }", 100, 8), FRAME_MORE);
}
END_TEST

START_TEST(an_escaped_quote_does_not_end_a_string)
{
    ck_assert_int_eq(status_of("{\"\\\"}", 100, 8), FRAME_MORE);
    ck_assert_int_eq(status_of("{\"\\\\\"}", 100, 8), FRAME_COMPLETE);
    ck_assert_int_eq(status_of("{\"\\\\\\\"}", 100, 8), FRAME_MORE);
}
END_TEST

START_TEST(brackets_are_counted_not_matched)
{
    /* That they do not match is for the parser to say; here it ends what must be looked at. */
    ck_assert_int_eq(status_of("{]", 100, 8), FRAME_COMPLETE);
    ck_assert_int_eq(status_of("{\"a\":[}", 100, 8), FRAME_MORE);
}
END_TEST

START_TEST(only_an_object_may_begin)
{
    static const char *const texts[] = {"[", "1", "\"{}\"", "}", "null", "\xef\xbb\xbf{}", "\x01"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_int_eq(status_of(texts[i], 100, 8), FRAME_NOT_OBJECT);

    struct frame_scanner scanner = SCANNER(100, 8);
    size_t blank, consumed;
    ck_assert_int_eq(frame_scan(&scanner, "\0{}", 3, &blank, &consumed), FRAME_NOT_OBJECT);
    ck_assert_int_eq(frame_scan(&scanner, " \n[{}]", 6, &blank, &consumed), FRAME_NOT_OBJECT);
    ck_assert_uint_eq(blank, 2); /* where the '[' is */
}
END_TEST

START_TEST(a_message_may_have_max_size_bytes_and_no_more)
{
    static const char text[] = "  {\"a\":\"xxxxxxxxxxxxxxxxxxxxxxxxxx\"} ";
    size_t size = strlen(text) - 3;
    for (size_t piece = 1; piece < sizeof(text); piece++) {
        struct frame_scanner fits = SCANNER(size, 8), lacks = SCANNER(size - 1, 8);
        struct found found;
        scan(&fits, text, piece, &found);
        ck_assert_uint_eq(strlen(found.text), 1 + size);
        ck_assert_int_eq(found.status, FRAME_MORE);
        scan(&lacks, text, piece, &found);
        ck_assert_int_eq(found.status, FRAME_TOO_LARGE);
    }
}
END_TEST

START_TEST(blanks_between_messages_count_for_nothing)
{
    struct frame_scanner scanner = SCANNER(4, 8);
    struct found found;
    scan(&scanner, "                    {}        {  }        ", 3, &found);
    ck_assert_str_eq(found.text, "|{}|{  }");
    ck_assert_int_eq(found.status, FRAME_MORE);
}
END_TEST

START_TEST(a_message_without_end_is_refused_once_it_is_too_large)
{
    struct frame_scanner scanner = SCANNER(1 << 20, 64);
    size_t blank, consumed, seen = 0;
    char piece[4096];
    memset(piece, 'x', sizeof(piece));
    piece[0] = '{';
    piece[1] = '"';
    enum frame_status status = FRAME_MORE;
    while (status == FRAME_MORE) {
        status = frame_scan(&scanner, piece, sizeof(piece), &blank, &consumed);
        piece[0] = piece[1] = 'x';
        seen += consumed;
        ck_assert_uint_le(seen, 1 << 20);
    }
    ck_assert_int_eq(status, FRAME_TOO_LARGE);
}
END_TEST

START_TEST(max_depth_is_allowed_and_no_more)
{
    ck_assert_int_eq(status_of("{\"a\":{\"b\":[]}}", 100, 3), FRAME_COMPLETE);
    ck_assert_int_eq(status_of("{\"a\":{\"b\":[[]]}}", 100, 3), FRAME_TOO_DEEP);
    ck_assert_int_eq(status_of("{\"a\":[],\"b\":[],\"c\":[],\"d\":{}}", 100, 2), FRAME_COMPLETE);
}
END_TEST

START_TEST(depth_100000_is_refused_without_recursion)
{
    char *text = malloc(5 + 100000 + 1);
    memcpy(text, "{\"a\":", 5);
    memset(text + 5, '[', 100000);
    text[5 + 100000] = '\0';
    size_t blank, consumed;
    struct frame_scanner scanner = SCANNER(1 << 20, 64);
    ck_assert_int_eq(frame_scan(&scanner, text, strlen(text), &blank, &consumed), FRAME_TOO_DEEP);
    ck_assert_uint_eq(consumed, 5 + 64); /* the 65th level ended it: no more was looked at */

    /* Where it is allowed, it takes no stack: the state is one number. */
    struct frame_scanner patient = SCANNER(1 << 20, 200000);
    ck_assert_int_eq(frame_scan(&patient, text, strlen(text), &blank, &consumed), FRAME_MORE);
    ck_assert_uint_eq(patient.depth, 100001);
    free(text);
}
END_TEST

START_TEST(problems_are_told_with_the_limit)
{
    struct frame_scanner scanner = SCANNER(1048576, 64);
    char text[100];
    ck_assert_str_eq(frame_status_text(FRAME_TOO_LARGE, &scanner, text, sizeof(text)),
                     "a message may have at most 1048576 bytes");
    ck_assert_str_eq(frame_status_text(FRAME_TOO_DEEP, &scanner, text, sizeof(text)),
                     "objects and arrays may be nested at most 64 deep");
    ck_assert_ptr_eq(frame_status_text(FRAME_NOT_OBJECT, &scanner, text, sizeof(text)), text);
    ck_assert_ptr_nonnull(strstr(text, "'{'"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frame");
    TCase *tests = tcase_create("frame");
    tcase_add_test(tests, a_message_ends_where_its_outermost_brace_closes);
    tcase_add_test(tests, no_newline_is_needed_behind_a_message);
    tcase_add_test(tests, one_byte_at_a_time_gives_the_same_messages);
    tcase_add_test(tests, braces_in_strings_do_not_count);
    tcase_add_test(tests, an_escaped_quote_does_not_end_a_string);
    tcase_add_test(tests, brackets_are_counted_not_matched);
    tcase_add_test(tests, only_an_object_may_begin);
    tcase_add_test(tests, a_message_may_have_max_size_bytes_and_no_more);
    tcase_add_test(tests, blanks_between_messages_count_for_nothing);
    tcase_add_test(tests, a_message_without_end_is_refused_once_it_is_too_large);
    tcase_add_test(tests, max_depth_is_allowed_and_no_more);
    tcase_add_test(tests, depth_100000_is_refused_without_recursion);
    tcase_add_test(tests, problems_are_told_with_the_limit);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
