/*
 * Any bytes are results or refused. What is read is written again in its one form, which reads as the same; and a
 * result made of any bytes survives the way to text and back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/completions.h"
#include "supervisor/result_text.h"
#include "wire/details.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Results that are read, written again. */
static int write_again(void *context, const struct completion *completion, unsigned attempt)
{
    if (!job_state_is_final(completion->state) || completion->state >= JOB_STATES ||
        (completion->details.size && !details_are_valid(completion->details)))
        abort();
    result_text_write(context, completion, attempt);
    return 0;
}

static void close_list(struct bytes *list, const struct bytes *results)
{
    bytes_put(list, "[", 1);
    bytes_put(list, results->data, results->size);
    bytes_put(list, "]", 1);
    if (results->failed || list->failed)
        abort();
}

static void read_any(struct bytes_view text)
{
    struct bytes once = {0}, twice = {0}, list = {0};
    if (result_text_read(text, write_again, &once) == 0) {
        close_list(&list, &once);
        struct bytes_view written = {list.data, list.size};
        if (result_text_read(written, write_again, &twice) != 0 || once.size != twice.size ||
            (once.size && memcmp(once.data, twice.data, once.size) != 0))
            abort();
    }
    bytes_free(&once);
    bytes_free(&twice);
    bytes_free(&list);
}

struct seen {
    struct completion completion;
    unsigned attempt, count;
};

static void compare(struct bytes_view a, struct bytes_view b)
{
    if (a.size != b.size || (a.size && memcmp(a.data, b.data, a.size) != 0))
        abort();
}

static int check_same(void *context, const struct completion *got, unsigned attempt)
{
    struct seen *seen = context;
    const struct completion *expected = &seen->completion;
    if (got->job != expected->job || got->state != expected->state ||
        got->truncated != expected->truncated || got->queued_ns != expected->queued_ns ||
        got->run_ns != expected->run_ns || attempt != seen->attempt)
        abort();
    compare(got->reason, expected->reason);
    compare(got->output, expected->output);
    compare(got->details, expected->details);
    seen->count++;
    return 0;
}

static void write_any(struct bytes_view bytes)
{
    struct bytes_reader reader = bytes_reader_of(bytes);
    struct seen seen = {.attempt = (unsigned)bytes_get_varint_max(&reader, 255)};
    seen.completion = (struct completion){
        .job = (uint32_t)bytes_get_varint_max(&reader, UINT32_MAX),
        .state = (enum job_state)(JOB_SUCCEEDED +
                                  bytes_get_varint_max(&reader, JOB_STATES - JOB_SUCCEEDED - 1)),
        .truncated = bytes_get_varint_max(&reader, 1),
        .queued_ns = bytes_get_varint(&reader),
        .run_ns = bytes_get_varint(&reader),
        .reason = bytes_get_view(&reader),
        .output = bytes_get_view(&reader),
    };
    struct bytes_view rest = {reader.at, (size_t)(reader.end - reader.at)};
    if (rest.size && details_are_valid(rest))
        seen.completion.details = rest;
    struct bytes results = {0}, list = {0};
    result_text_write(&results, &seen.completion, seen.attempt);
    result_text_write(&results, &seen.completion, seen.attempt);
    close_list(&list, &results);
    struct bytes_view text = {list.data, list.size};
    if (result_text_read(text, check_same, &seen) != 0 || seen.count != 2)
        abort();
    bytes_free(&results);
    bytes_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_view bytes = {data, size};
    read_any(bytes);
    write_any(bytes);
    return 0;
}
