#include <check.h>
#include <stdio.h>
#include <string.h>
#include "base/sha256.h"
#include "suite.h"

static const char *digest(const char *text, size_t times)
{
    static char hex[2 * SHA256_SIZE + 1];
    uint8_t bytes[SHA256_SIZE];
    struct sha256 sha256;
    sha256_begin(&sha256);
    for (size_t i = 0; i < times; i++)
        sha256_add(&sha256, text, strlen(text));
    sha256_end(&sha256, bytes);
    for (size_t i = 0; i < SHA256_SIZE; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    return hex;
}

/* The vectors that NIST publishes with the standard. */
START_TEST(digests_are_those_of_the_standard)
{
    ck_assert_str_eq(digest("", 1),
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    ck_assert_str_eq(digest("abc", 1),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ck_assert_str_eq(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1),
                     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    ck_assert_str_eq(digest("aaaaaaaaaa", 100000),
                     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

START_TEST(it_does_not_matter_in_what_pieces_a_text_comes)
{
    char whole[201], once[2 * SHA256_SIZE + 1];
    memset(whole, 'x', sizeof(whole));
    for (size_t length = 0; length <= 200; length++) {
        whole[length] = '\0';
        (void)snprintf(once, sizeof(once), "%s", digest(whole, 1));
        ck_assert_str_eq(digest("x", length), once);
        whole[length] = 'x';
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sha256");
    TCase *tests = tcase_create("sha256");
    tcase_add_test(tests, digests_are_those_of_the_standard);
    tcase_add_test(tests, it_does_not_matter_in_what_pieces_a_text_comes);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
