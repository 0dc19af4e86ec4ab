#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/problems.h"
#include "suite.h"
#include "wire/rpc.h"

/* How a text was taken: the code, the words, and the id to answer with as JSON text. */
struct taken {
    int code;
    struct error error;
    char id[64];
};

static struct taken take(const char *text, size_t size)
{
    struct taken taken = {0};
    struct rpc_request request;
    json_t *id = NULL;
    taken.code = rpc_parse_request(text, size, &request, &id, &taken.error);
    if (taken.code == 0)
        rpc_request_clear(&request);
    char *id_text = json_dumps(id, JSON_ENCODE_ANY);
    (void)snprintf(taken.id, sizeof(taken.id), "%s", id_text ? id_text : "none");
    free(id_text);
    json_decref(id);
    return taken;
}

static int code_of(const char *text)
{
    return take(text, strlen(text)).code;
}

START_TEST(a_request_has_method_params_and_id)
{
    static const char text[] =
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"batch.show\",\"params\":{\"batch\":1}}";
    struct rpc_request request;
    ck_assert_int_eq(rpc_parse_request(text, strlen(text), &request, NULL, NULL), 0);
    ck_assert_str_eq(request.method, "batch.show");
    ck_assert_int_eq(json_integer_value(request.id), 7);
    ck_assert_int_eq(json_integer_value(json_object_get(request.params, "batch")), 1);
    rpc_request_clear(&request);
    ck_assert_ptr_null(request.root);
}
END_TEST

START_TEST(params_and_id_may_be_absent)
{
    static const char text[] = "{\"jsonrpc\":\"2.0\",\"method\":\"daemon.ping\"}";
    struct rpc_request request;
    ck_assert_int_eq(rpc_parse_request(text, strlen(text), &request, NULL, NULL), 0);
    ck_assert_ptr_null(request.params);
    ck_assert_ptr_null(request.id);
    rpc_request_clear(&request);
}
END_TEST

START_TEST(ids_are_strings_integers_or_null)
{
    static const char *const good[] = {"\"a\"", "\"\"", "0", "-1", "9007199254740991", "null"};
    static const char *const bad[] = {"1.0", "1.5", "true", "[]", "{}", "[1]"};
    char text[200];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        (void)snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"m\"}",
                       good[i]);
        ck_assert_int_eq(code_of(text), 0);
        /* The same id comes back where the rest is wrong. */
        (void)snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":5}", good[i]);
        struct taken taken = take(text, strlen(text));
        ck_assert_int_eq(taken.code, RPC_INVALID_REQUEST);
        ck_assert_str_eq(taken.id, good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"m\"}",
                       bad[i]);
        struct taken taken = take(text, strlen(text));
        ck_assert_int_eq(taken.code, RPC_INVALID_REQUEST);
        ck_assert_str_eq(taken.error.text,
                         "id must be a string of at most 256 bytes, an integer or null");
        ck_assert_str_eq(taken.id, "none");
    }
}
END_TEST

START_TEST(an_id_is_short)
{
    char text[400];
    for (int length = 255; length <= 258; length++) {
        (void)snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":\"%0*d\",\"method\":\"m\"}",
                       length, 0);
        struct taken taken = take(text, strlen(text));
        ck_assert_int_eq(taken.code, length <= 256 ? 0 : RPC_INVALID_REQUEST);
        if (length > 256)
            ck_assert_str_eq(taken.id, "none");
    }
}
END_TEST

/* Wrong requests and the words for them. */
static const char *const wrong[][2] = {
    {"{\"id\":1,\"method\":\"m\"}", "jsonrpc must be \"2.0\""},
    {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}", "jsonrpc must be \"2.0\""},
    {"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"m\"}", "jsonrpc must be \"2.0\""},
    {"{\"jsonrpc\":\"2.0\",\"id\":1}", "method must be a string"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":null}", "method must be a string"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[1]}", "params must be an object"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":null}", "params must be an object"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"parms\":{}}",
     "a request has jsonrpc, id, method and params, and not 'parms'"},
};

START_TEST(a_wrong_envelope_is_refused_in_words_with_its_id)
{
    struct taken taken = take(wrong[_i][0], strlen(wrong[_i][0]));
    ck_assert_int_eq(taken.code, RPC_INVALID_REQUEST);
    ck_assert_str_eq(taken.error.text, wrong[_i][1]);
    ck_assert_str_eq(taken.id, "1");
}
END_TEST

START_TEST(an_array_of_requests_is_refused_with_the_remedy)
{
    static const char text[] = "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}]";
    struct taken taken = take(text, strlen(text));
    ck_assert_int_eq(taken.code, RPC_INVALID_REQUEST);
    ck_assert_str_eq(taken.error.text,
                     "batches of requests are not supported: put the jobs into one batch.submit");
    ck_assert_str_eq(taken.id, "none");
}
END_TEST

/* Texts that are not JSON, with their sizes, since some have NUL in them. */
#define TEXT(literal) \
    { \
        literal, sizeof(literal) - 1 \
    }
static const struct {
    const char *text;
    size_t size;
} malformed[] = {
    TEXT(""),
    TEXT("{]"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"m\""),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"m\"} x"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}{}"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"method\":\"n\"}"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"a\":1,\"a\":1}}"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"\xc0\x80\"}"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"\xed\xa0\x80\"}"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"\\ud800\"}"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"a\0b\"}"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"a\\u0000b\"}"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"a\\u0000b\":1}}"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"a\":NaN}}"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"a\":1e999}}"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"a\":01}}"),
    TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}\0"),
};

START_TEST(what_is_not_json_is_a_parse_error)
{
    struct taken taken = take(malformed[_i].text, malformed[_i].size);
    ck_assert_int_eq(taken.code, RPC_PARSE_ERROR);
    ck_assert_str_eq(taken.id, "none");
    ck_assert_ptr_nonnull(strstr(taken.error.text, "not JSON: "));
}
END_TEST

START_TEST(a_refusal_leaves_the_request_untouched)
{
    struct rpc_request request = {.method = "before"};
    ck_assert_int_ne(rpc_parse_request("{}", 2, &request, NULL, NULL), 0);
    ck_assert_str_eq(request.method, "before");
    ck_assert_ptr_null(request.root);
}
END_TEST

/* Compares a message with what it should be, and frees it. */
static void expect(char *text, size_t size, const char *expected)
{
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, expected);
    ck_assert_uint_eq(size, strlen(text));
    free(text);
}

START_TEST(a_result_is_one_line_with_its_id)
{
    json_t *id = json_string("x\ny");
    size_t size;
    char *text = rpc_result(id, json_pack("{s:i}", "batch", 1), &size);
    expect(text, size, "{\"jsonrpc\":\"2.0\",\"id\":\"x\\ny\",\"result\":{\"batch\":1}}\n");
    json_decref(id);
}
END_TEST

START_TEST(a_result_that_is_text_stays_as_it_is)
{
    static const char result[] = "{\"a\":0.30000000000000004}";
    json_t *id = json_string("x\ny");
    struct bytes_view view = {.data = (const uint8_t *)result, .size = strlen(result)};
    size_t size;
    char *text = rpc_result_text(id, view, &size);
    expect(text, size,
           "{\"jsonrpc\":\"2.0\",\"id\":\"x\\ny\",\"result\":{\"a\":0.30000000000000004}}\n");
    text = rpc_result_text(NULL, view, &size);
    expect(text, size,
           "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{\"a\":0.30000000000000004}}\n");
    json_decref(id);
}
END_TEST

START_TEST(decimal_numbers_come_out_as_they_went_in)
{
    json_t *result = json_loads("[0.1,1.1,0.25,1e-7,123456789.5]", 0, NULL);
    size_t size;
    char *text = rpc_result(NULL, result, &size);
    expect(text, size,
           "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":[0.1,1.1,0.25,1e-7,123456789.5]}\n");
}
END_TEST

START_TEST(an_error_has_code_message_and_no_data_without_problems)
{
    struct problems none = {0};
    size_t size;
    char *text = rpc_error(NULL, RPC_NO_SUCH_THING, "there is no batch 9", &none, &size);
    expect(text, size,
           "{\"jsonrpc\":\"2.0\",\"id\":null,"
           "\"error\":{\"code\":1,\"message\":\"there is no batch 9\"}}\n");
}
END_TEST

START_TEST(problems_go_into_the_data_of_an_error)
{
    struct problems problems = {0};
    problems_add(&problems, "jobs[3].params.seconds", "must be at least %d", 0);
    json_t *id = json_integer(4);
    size_t size;
    char *text = rpc_error(id, RPC_INVALID_PARAMS, "invalid params", &problems, &size);
    json_t *message = json_loads(text, 0, NULL);
    const char *field, *problem;
    int code, id_value;
    ck_assert_int_eq(json_unpack(message, "{s:i,s:{s:i,s:{s:[{s:s,s:s!}!]!}}}", "id", &id_value,
                                 "error", "code", &code, "data", "problems", "field", &field,
                                 "problem", &problem),
                     0);
    ck_assert_int_eq(id_value, 4);
    ck_assert_int_eq(code, -32602);
    ck_assert_str_eq(field, "jobs[3].params.seconds");
    ck_assert_str_eq(problem, "must be at least 0");
    json_decref(message);
    free(text);
    json_decref(id);
    problems_clear(&problems);
}
END_TEST

START_TEST(a_message_cut_within_a_character_still_gets_out)
{
    size_t size;
    char *text = rpc_error(NULL, RPC_INTERNAL_ERROR, "\xc3\xa9\xff cut \xe2\x82", NULL, &size);
    expect(text, size,
           "{\"jsonrpc\":\"2.0\",\"id\":null,"
           "\"error\":{\"code\":-32603,\"message\":\"\xc3\xa9? cut ??\"}}\n");
}
END_TEST

START_TEST(what_is_written_as_a_request_is_read_as_one)
{
    size_t size;
    char *text = rpc_request(12, "batch.wait", json_pack("{s:i}", "batch", 3), &size);
    struct rpc_request request;
    ck_assert_int_eq(rpc_parse_request(text, size, &request, NULL, NULL), 0);
    ck_assert_str_eq(request.method, "batch.wait");
    ck_assert_int_eq(json_integer_value(request.id), 12);
    ck_assert_int_eq(json_integer_value(json_object_get(request.params, "batch")), 3);
    rpc_request_clear(&request);
    free(text);
}
END_TEST

START_TEST(a_notification_has_no_id_and_may_have_no_params)
{
    size_t size;
    char *text = rpc_request(0, "batch.done", NULL, &size);
    expect(text, size, "{\"jsonrpc\":\"2.0\",\"method\":\"batch.done\"}\n");
}
END_TEST

START_TEST(without_a_result_there_is_no_message)
{
    size_t size;
    ck_assert_ptr_null(
        rpc_result(NULL, NULL, &size)); /* what building it returned without memory */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rpc");
    TCase *tests = tcase_create("rpc");
    tcase_add_test(tests, a_request_has_method_params_and_id);
    tcase_add_test(tests, params_and_id_may_be_absent);
    tcase_add_test(tests, ids_are_strings_integers_or_null);
    tcase_add_test(tests, an_id_is_short);
    tcase_add_loop_test(tests, a_wrong_envelope_is_refused_in_words_with_its_id, 0,
                        (int)(sizeof(wrong) / sizeof(wrong[0])));
    tcase_add_test(tests, an_array_of_requests_is_refused_with_the_remedy);
    tcase_add_loop_test(tests, what_is_not_json_is_a_parse_error, 0,
                        (int)(sizeof(malformed) / sizeof(malformed[0])));
    tcase_add_test(tests, a_refusal_leaves_the_request_untouched);
    tcase_add_test(tests, a_result_is_one_line_with_its_id);
    tcase_add_test(tests, a_result_that_is_text_stays_as_it_is);
    tcase_add_test(tests, decimal_numbers_come_out_as_they_went_in);
    tcase_add_test(tests, an_error_has_code_message_and_no_data_without_problems);
    tcase_add_test(tests, problems_go_into_the_data_of_an_error);
    tcase_add_test(tests, a_message_cut_within_a_character_still_gets_out);
    tcase_add_test(tests, what_is_written_as_a_request_is_read_as_one);
    tcase_add_test(tests, a_notification_has_no_id_and_may_have_no_params);
    tcase_add_test(tests, without_a_result_there_is_no_message);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
