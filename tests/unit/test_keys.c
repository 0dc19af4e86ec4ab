#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/problems.h"
#include "batch_fixture.h"
#include "suite.h"
#include "supervisor/batches.h"
#include "supervisor/fingerprint.h"
#include "supervisor/keys.h"
#include "supervisor/submission.h"

/* ---- Keys ------------------------------------------------------------------------------------ */

/* The keys only hand these back. */
static char stand_ins[1000];

static struct batch *stand_in(int number)
{
    return (struct batch *)(void *)&stand_ins[number];
}

START_TEST(a_key_is_its_users)
{
    struct keys keys = {0};
    char text[] = "k";
    const char *kept = keys_add(&keys, 1000, text, stand_in(1));
    ck_assert_ptr_nonnull(keys_add(&keys, 1001, text, stand_in(2)));
    text[0] = 'x';
    ck_assert_str_eq(kept, "k");
    const struct key *key = keys_find(&keys, 1000, "k");
    ck_assert_ptr_eq(key->batch, stand_in(1));
    ck_assert_ptr_eq(keys_find(&keys, 1001, "k")->batch, stand_in(2));
    ck_assert_ptr_null(keys_find(&keys, 1000, "K"));
    ck_assert_ptr_null(keys_find(&keys, 0, "k"));
    keys_remove(&keys, 1000, kept);
    ck_assert_ptr_null(keys_find(&keys, 1000, "k"));
    ck_assert_ptr_nonnull(keys_find(&keys, 1001, "k"));
    keys_remove(&keys, 1001, "k");
    ck_assert_ptr_null(keys.root);
}
END_TEST

START_TEST(many_keys_are_told_apart)
{
    struct keys keys = {0};
    char text[16];
    for (int i = 0; i < (int)sizeof(stand_ins); i++) {
        (void)snprintf(text, sizeof(text), "key-%d", i);
        ck_assert_ptr_nonnull(keys_add(&keys, 1000, text, stand_in(i)));
    }
    for (int i = 0; i < (int)sizeof(stand_ins); i++) {
        (void)snprintf(text, sizeof(text), "key-%d", i);
        ck_assert_ptr_eq(keys_find(&keys, 1000, text)->batch, stand_in(i));
        keys_remove(&keys, 1000, text);
    }
    ck_assert_ptr_null(keys.root);
}
END_TEST

START_TEST(a_key_lasts_as_long_as_its_batch)
{
    struct batches batches;
    ck_assert_int_eq(batches_init(&batches, 0), 0);
    struct batch *batch = batches_add(&batches, NULL, 1000);
    ck_assert_int_eq(batches_set_key(&batches, batch, "k"), 0);
    ck_assert_str_eq(batch->key, "k");
    ck_assert_ptr_eq(keys_find(&batches.keys, 1000, "k")->batch, batch);
    batches_undo_add(&batches, batch);
    ck_assert_ptr_null(batches.keys.root);

    batch = batches_add(&batches, NULL, 1000);
    ck_assert_int_eq(batches_set_key(&batches, batch, "k"), 0);
    batch_seal(batch, 1);
    batches_finished(&batches, batch);
    ck_assert_ptr_nonnull(keys_find(&batches.keys, 1000, "k"));
    struct batch *newer = batches_add(&batches, NULL, 1000);
    batch_seal(newer, 1);
    batches_finished(&batches, newer); /* makes the daemon forget the first */
    ck_assert_ptr_null(batches.keys.root);
    batches_clear(&batches);
}
END_TEST

/* ---- Fingerprints ------------------------------------------------------------------------------ */

static int take(const char *params, const char *jobs, struct fingerprint *out)
{
    struct submission submission;
    struct problems problems = {0};
    json_t *json = json_loads(params, 0, NULL);
    ck_assert_int_eq(submission_read(json, &submission, &problems), 0);
    json_decref(json);
    int code = fingerprint_submission(&submission, view_of_text(jobs), out);
    submission_clear(&submission);
    return code;
}

static bool same(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, SHA256_SIZE) == 0;
}

START_TEST(what_is_the_same_has_the_same_fingerprint)
{
    struct fingerprint a, b;
    ck_assert_int_eq(take("{\"name\":\"n\",\"timeout\":90,\"key\":\"a\"}",
                          "[{\"plugin\":\"p\",\"count\":2},{\"plugin\":\"q\"}]", &a),
                     0);
    ck_assert_int_eq(take("{\"key\":\"b\",\"timeout\":\"1min30s\",\"name\":\"n\",\"priority\":0}",
                          "[ {\"count\":2, \"plugin\":\"p\"} ,{\"plugin\":\"q\"} ]", &b),
                     0);
    ck_assert(same(a.terms, b.terms));
    ck_assert(same(a.jobs, b.jobs));
}
END_TEST

START_TEST(what_differs_has_another_one)
{
    static const char *const terms[] = {"{}",
                                        "{\"name\":\"n\"}",
                                        "{\"name\":\"m\"}",
                                        "{\"priority\":1}",
                                        "{\"limit\":1}",
                                        "{\"rate\":\"1/s\"}",
                                        "{\"rate\":\"1/s burst 2\"}",
                                        "{\"timeout\":1}",
                                        "{\"deadline\":1}",
                                        "{\"retry\":1}",
                                        "{\"retry\":{\"max\":1,\"delay\":2}}",
                                        "{\"on_failure\":\"cancel\"}",
                                        "{\"durable\":false}"};
    static const char *const jobs[] = {"[{\"plugin\":\"p\"}]",
                                       "[{\"plugin\":\"p\"},{\"plugin\":\"p\"}]",
                                       "[{\"plugin\":\"p\",\"count\":1}]",
                                       "[{\"plugin\":\"q\"}]",
                                       "[]",
                                       ""};
    enum { TERMS = sizeof(terms) / sizeof(*terms), JOBS = sizeof(jobs) / sizeof(*jobs) };
    struct fingerprint of_terms[TERMS], of_jobs[JOBS];
    for (int i = 0; i < TERMS; i++) {
        ck_assert_int_eq(take(terms[i], "[]", &of_terms[i]), 0);
        for (int k = 0; k < i; k++)
            ck_assert(!same(of_terms[i].terms, of_terms[k].terms));
    }
    for (int i = 0; i < JOBS; i++) {
        ck_assert_int_eq(take("{}", jobs[i], &of_jobs[i]), 0);
        ck_assert(same(of_jobs[i].terms, of_terms[0].terms));
        for (int k = 0; k < i; k++)
            ck_assert(!same(of_jobs[i].jobs, of_jobs[k].jobs));
    }
}
END_TEST

START_TEST(what_is_opened_is_told_by_its_content_if_it_has_one)
{
    static const struct fingerprint opened = {.known = FINGERPRINT_NO_JOBS},
                                    a = {.known = FINGERPRINT_CONTENT, .jobs = "a"},
                                    b = {.known = FINGERPRINT_CONTENT, .jobs = "b"},
                                    whole = {.known = FINGERPRINT_WHOLE, .jobs = "a"},
                                    other = {.terms = "x", .known = FINGERPRINT_NO_JOBS};
    ck_assert(fingerprint_is_same(&opened, &opened) && fingerprint_is_same(&opened, &a));
    ck_assert(fingerprint_is_same(&a, &a) && fingerprint_is_same(&whole, &whole));
    ck_assert(!fingerprint_is_same(&a, &b) && !fingerprint_is_same(&a, &opened));
    ck_assert(!fingerprint_is_same(&a, &whole) && !fingerprint_is_same(&whole, &a));
    ck_assert(!fingerprint_is_same(&opened, &whole) && !fingerprint_is_same(&whole, &opened));
    ck_assert(!fingerprint_is_same(&opened, &other));
}
END_TEST

START_TEST(what_is_no_list_has_none)
{
    static const char *const texts[] = {"7", "{}",  "[{]", "[{},]", "[{\"a\":1,\"a\":1}]",
                                        "[", "null"};
    struct fingerprint out;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        ck_assert_int_eq(take("{}", texts[i], &out), -EINVAL);
}
END_TEST

START_TEST(a_retry_is_told_by_what_it_tries_again)
{
    struct fingerprint a, b;
    fingerprint_retry(1, &a);
    fingerprint_retry(2, &b);
    ck_assert(!same(a.terms, b.terms));
    fingerprint_retry(1, &b);
    ck_assert(same(a.terms, b.terms) && same(a.jobs, b.jobs));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keys");
    TCase *tests = tcase_create("keys");
    tcase_add_test(tests, a_key_is_its_users);
    tcase_add_test(tests, a_key_lasts_as_long_as_its_batch);
    tcase_add_test(tests, many_keys_are_told_apart);
    tcase_add_test(tests, what_is_the_same_has_the_same_fingerprint);
    tcase_add_test(tests, what_differs_has_another_one);
    tcase_add_test(tests, what_is_opened_is_told_by_its_content_if_it_has_one);
    tcase_add_test(tests, what_is_no_list_has_none);
    tcase_add_test(tests, a_retry_is_told_by_what_it_tries_again);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
