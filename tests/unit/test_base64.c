#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "base/bytes.h"
#include "suite.h"
#include "wire/json_text.h"

START_TEST(base64_reads_what_the_daemon_writes)
{
    unsigned char data[70];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 37 + 250);
    for (size_t size = 0; size <= sizeof(data); size++) {
        struct bytes text = {.data = NULL};
        json_text_base64(&text, data, size);
        ck_assert(!text.failed);
        size_t decoded_size = 77;
        unsigned char *decoded =
            base64_decode((const char *)text.data + 1, text.size - 2, &decoded_size);
        ck_assert_ptr_nonnull(decoded);
        ck_assert_uint_eq(decoded_size, size);
        ck_assert_int_eq(memcmp(decoded, data, size), 0);
        free(decoded);
        bytes_free(&text);
    }
}
END_TEST

START_TEST(what_is_no_base64_is_refused)
{
    static const char *const texts[] = {
        "A", "AB", "ABC", "A===", "====", "AB=C", "AB C", "AB\nC", "AB-_", "ABCDE", "AB==AB==",
    };
    size_t size;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(!base64_decode(texts[i], strlen(texts[i]), &size), "\"%s\"", texts[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base64");
    TCase *tcase = tcase_create("base64");
    tcase_add_test(tcase, base64_reads_what_the_daemon_writes);
    tcase_add_test(tcase, what_is_no_base64_is_refused);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
