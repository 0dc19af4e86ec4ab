#include <check.h>
#include <string.h>
#include "base/bytes.h"
#include "suite.h"

static struct bytes_reader reader_of(const struct bytes *bytes)
{
    return (struct bytes_reader){.at = bytes->data, .end = bytes->data + bytes->size};
}

static const uint64_t numbers[] = {
    0, 1, 127, 128, 129, 16383, 16384, UINT32_MAX, UINT64_C(1) << 53, UINT64_C(1) << 63, UINT64_MAX,
};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

START_TEST(integers_come_back_as_they_went_in)
{
    struct bytes bytes = {0};
    for (size_t i = 0; i < NUMBERS; i++)
        bytes_put_varint(&bytes, numbers[i]);
    struct bytes_reader reader = reader_of(&bytes);
    for (size_t i = 0; i < NUMBERS; i++)
        ck_assert_uint_eq(bytes_get_varint(&reader), numbers[i]);
    ck_assert(!reader.failed);
    ck_assert_ptr_eq(reader.at, reader.end);
    bytes_free(&bytes);
}
END_TEST

START_TEST(small_integers_take_one_byte_and_the_largest_ten)
{
    struct bytes bytes = {0};
    bytes_put_varint(&bytes, 127);
    ck_assert_uint_eq(bytes.size, 1);
    bytes_clear(&bytes);
    bytes_put_varint(&bytes, 300);
    ck_assert_uint_eq(bytes.size, 2);
    ck_assert_mem_eq(bytes.data, "\xAC\x02", 2);
    bytes_clear(&bytes);
    bytes_put_varint(&bytes, UINT64_MAX);
    ck_assert_uint_eq(bytes.size, BYTES_VARINT_MAX);
    bytes_free(&bytes);
}
END_TEST

START_TEST(views_come_back_and_point_into_what_is_read)
{
    struct bytes bytes = {0};
    bytes_put_view(&bytes, "a\0b", 3);
    bytes_put_view(&bytes, NULL, 0);
    bytes_put_view(&bytes, "end", 3);
    struct bytes_reader reader = reader_of(&bytes);
    struct bytes_view view = bytes_get_view(&reader);
    ck_assert_uint_eq(view.size, 3);
    ck_assert_mem_eq(view.data, "a\0b", 3);
    ck_assert_ptr_eq(view.data, bytes.data + 1);
    ck_assert_uint_eq(bytes_get_view(&reader).size, 0);
    ck_assert_mem_eq(bytes_get_view(&reader).data, "end", 3);
    ck_assert(!reader.failed);
    bytes_free(&bytes);
}
END_TEST

START_TEST(growing_keeps_what_is_there)
{
    struct bytes bytes = {0};
    for (uint64_t i = 0; i < 100000; i++)
        bytes_put_varint(&bytes, i);
    struct bytes_reader reader = reader_of(&bytes);
    for (uint64_t i = 0; i < 100000; i++)
        ck_assert_uint_eq(bytes_get_varint(&reader), i);
    bytes_free(&bytes);
    ck_assert_ptr_null(bytes.data);
}
END_TEST

START_TEST(reserved_room_counts_only_once_size_says_so)
{
    struct bytes bytes = {0};
    uint8_t *room = bytes_reserve(&bytes, 1000);
    ck_assert_ptr_nonnull(room);
    ck_assert_uint_eq(bytes.size, 0);
    ck_assert_uint_ge(bytes.capacity, 1000);
    memset(room, 'x', 1000);
    bytes.size += 1000;
    ck_assert_ptr_nonnull(bytes_reserve(&bytes, 0));
    ck_assert_int_eq(bytes.data[999], 'x');
    bytes_free(&bytes);
}
END_TEST

START_TEST(clearing_keeps_the_memory)
{
    struct bytes bytes = {0};
    bytes_put(&bytes, "something", 9);
    const uint8_t *data = bytes.data;
    bytes_clear(&bytes);
    ck_assert_uint_eq(bytes.size, 0);
    bytes_put(&bytes, "other", 5);
    ck_assert_ptr_eq(bytes.data, data);
    bytes_free(&bytes);
}
END_TEST

START_TEST(out_of_memory_drops_everything_until_it_is_cleared)
{
    struct bytes bytes = {0};
    bytes_put(&bytes, "kept", 4);
    ck_assert_ptr_null(bytes_reserve(&bytes, SIZE_MAX));
    ck_assert(bytes.failed);
    bytes_put(&bytes, "x", 1);
    bytes_put_varint(&bytes, 1);
    bytes_put_view(&bytes, "x", 1);
    ck_assert_ptr_null(bytes_reserve(&bytes, 1));
    ck_assert_uint_eq(bytes.size, 4);
    bytes_clear(&bytes);
    ck_assert(!bytes.failed);
    bytes_put(&bytes, "x", 1);
    ck_assert_uint_eq(bytes.size, 1);
    bytes_free(&bytes);
}
END_TEST

/* Reads one integer from the text and says whether that failed. */
static bool fails(const char *data, size_t size)
{
    struct bytes_reader reader = {.at = (const uint8_t *)data, .end = (const uint8_t *)data + size};
    uint64_t value = bytes_get_varint(&reader);
    if (reader.failed) {
        ck_assert_uint_eq(value, 0);
        ck_assert_ptr_eq(reader.at, reader.end);
    }
    return reader.failed;
}

START_TEST(cut_integers_and_those_past_64_bits_are_refused)
{
    ck_assert(fails("", 0));
    ck_assert(fails("\x80", 1));
    ck_assert(fails("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9));
    ck_assert(!fails("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10));
    ck_assert(fails("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10));
    ck_assert(fails("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11));
}
END_TEST

START_TEST(integers_above_the_maximum_are_refused)
{
    static const uint8_t data[] = {10, 11, 5};
    struct bytes_reader reader = {.at = data, .end = data + sizeof(data)};
    ck_assert_uint_eq(bytes_get_varint_max(&reader, 10), 10);
    ck_assert(!reader.failed);
    ck_assert_uint_eq(bytes_get_varint_max(&reader, 10), 0);
    ck_assert(reader.failed);
}
END_TEST

START_TEST(a_view_longer_than_what_is_left_is_refused)
{
    static const uint8_t data[] = {3, 'a', 'b'};
    struct bytes_reader reader = {.at = data, .end = data + sizeof(data)};
    ck_assert_uint_eq(bytes_get_view(&reader).size, 0);
    ck_assert(reader.failed);

    /* A length that would wrap around the address space. */
    static const char huge[] = "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01xyz";
    struct bytes_reader other = {.at = (const uint8_t *)huge,
                                 .end = (const uint8_t *)huge + sizeof(huge)};
    ck_assert_uint_eq(bytes_get_view(&other).size, 0);
    ck_assert(other.failed);
}
END_TEST

START_TEST(after_a_failure_everything_is_0_or_empty)
{
    static const uint8_t data[] = {11, 1, 1, 'x'};
    struct bytes_reader reader = {.at = data, .end = data + sizeof(data)};
    (void)bytes_get_varint_max(&reader, 10);
    ck_assert(reader.failed);
    ck_assert_uint_eq(bytes_get_varint(&reader), 0);
    ck_assert_uint_eq(bytes_get_view(&reader).size, 0);
    ck_assert_ptr_null(bytes_get_view(&reader).data);
    ck_assert(reader.failed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bytes");
    TCase *tests = tcase_create("bytes");
    tcase_add_test(tests, integers_come_back_as_they_went_in);
    tcase_add_test(tests, small_integers_take_one_byte_and_the_largest_ten);
    tcase_add_test(tests, views_come_back_and_point_into_what_is_read);
    tcase_add_test(tests, growing_keeps_what_is_there);
    tcase_add_test(tests, reserved_room_counts_only_once_size_says_so);
    tcase_add_test(tests, clearing_keeps_the_memory);
    tcase_add_test(tests, out_of_memory_drops_everything_until_it_is_cleared);
    tcase_add_test(tests, cut_integers_and_those_past_64_bits_are_refused);
    tcase_add_test(tests, integers_above_the_maximum_are_refused);
    tcase_add_test(tests, a_view_longer_than_what_is_left_is_refused);
    tcase_add_test(tests, after_a_failure_everything_is_0_or_empty);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
