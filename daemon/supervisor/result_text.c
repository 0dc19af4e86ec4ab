/*
 * Most results say nothing but three numbers: those are written and read by hand. Objects go through jansson; but
 * of details the text is what counts, which is looked up beside it. Reads what is written here, without blanks,
 * and nothing else.
 */
#include "supervisor/result_text.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "base/base64.h"
#include "base/json_plain.h"
#include "base/parse.h"
#include "supervisor/completions.h"
#include "wire/details.h"
#include "wire/json_text.h"
#include "wire/slice.h"

/* ---- Writing --------------------------------------------------------------------------------------- */

/* ,[4294967295,18446744073709551615,18446744073709551615 */
#define NUMBERS_MAX 54

/* Two digits at a time: half of the divisions, which are what takes the time. */
static uint8_t *put_digits(uint8_t *to, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    uint8_t digits[20], *end = digits + sizeof(digits), *start = end;
    for (; value >= 10; value /= 100) {
        start -= 2;
        memcpy(start, &pairs[2 * (value % 100)], 2);
    }
    if (value || start == end)
        *--start = (uint8_t)('0' + value);
    memcpy(to, start, (size_t)(end - start));
    return to + (end - start);
}

static void write_numbers(struct bytes *out, const struct completion *completion)
{
    uint8_t *start = bytes_reserve(out, NUMBERS_MAX), *to = start;
    if (!start)
        return;
    if (out->size)
        *to++ = ',';
    *to++ = '[';
    to = put_digits(to, completion->job);
    *to++ = ',';
    to = put_digits(to, completion->queued_ns);
    *to++ = ',';
    to = put_digits(to, completion->run_ns);
    out->size += (size_t)(to - start);
}

/* Begins a member of the object, which begins with it where it is the first. */
static void write_name(struct bytes *out, const char *name, bool *is_first)
{
    json_text_raw(out, *is_first ? ",{\"" : ",\"");
    json_text_raw(out, name);
    json_text_raw(out, "\":");
    *is_first = false;
}

/* Nothing for an empty one. */
static void write_bytes(struct bytes *out, const char *name, const char *base64_name,
                        struct bytes_view view, bool *is_first)
{
    if (!view.size)
        return;
    if (parse_is_utf8(view.data, view.size)) {
        write_name(out, name, is_first);
        json_text_string(out, (const char *)view.data, view.size);
    } else {
        write_name(out, base64_name, is_first);
        json_text_base64(out, view.data, view.size);
    }
}

void result_text_write(struct bytes *out, const struct completion *completion, unsigned attempt)
{
    bool is_first = true;
    write_numbers(out, completion);
    if (completion->state != JOB_SUCCEEDED) {
        write_name(out, "state", &is_first);
        json_text_raw(out, "\"");
        json_text_raw(out, job_state_name(completion->state));
        json_text_raw(out, "\"");
    }
    write_bytes(out, "reason", "reason_base64", completion->reason, &is_first);
    if (attempt) {
        write_name(out, "attempt", &is_first);
        json_text_integer(out, attempt);
    }
    write_bytes(out, "output", "output_base64", completion->output, &is_first);
    if (completion->truncated) {
        write_name(out, "truncated", &is_first);
        json_text_raw(out, "true");
    }
    if (completion->details.size) {
        write_name(out, "details", &is_first);
        bytes_put(out, completion->details.data, completion->details.size);
    }
    json_text_raw(out, is_first ? "]" : "}]");
}

/* ---- Reading --------------------------------------------------------------------------------------- */

struct reading {
    const uint8_t *at, *end;
    int (*on_result)(void *context, const struct completion *completion, unsigned attempt);
    void *context;
};

/* Moves past this byte if it is the next one. */
static bool take(struct reading *reading, char byte)
{
    if (reading->at == reading->end || *reading->at != (uint8_t)byte)
        return false;
    reading->at++;
    return true;
}

/* Moves past digits: a number as it is written here, up to `max`. */
static bool take_number(struct reading *reading, uint64_t max, uint64_t *out)
{
    const uint8_t *at = reading->at, *end = reading->end;
    uint64_t value = 0;
    for (; at < end && (uint8_t)(*at - '0') < 10; at++) {
        unsigned digit = (unsigned)*at - '0';
        if (value > UINT64_MAX / 10 || value * 10 > UINT64_MAX - digit)
            return false;
        value = value * 10 + digit;
    }
    if (at == reading->at || (*reading->at == '0' && at > reading->at + 1) || value > max)
        return false;
    reading->at = at;
    *out = value;
    return true;
}

/* What an object says beside what `completion` points into: decoded bytes, for their reader to free. */
struct extra {
    unsigned attempt;
    unsigned char *reason, *output;
};

static int read_text(const json_t *value, struct bytes_view *out)
{
    if (!json_string_length(value))
        return -EBADMSG;
    *out = (struct bytes_view){.data = (const uint8_t *)json_string_value(value),
                               .size = json_string_length(value)};
    return 0;
}

static int read_base64(const json_t *value, unsigned char **decoded, struct bytes_view *out)
{
    if (!json_string_length(value))
        return -EBADMSG;
    size_t size;
    *decoded = base64_decode(json_string_value(value), json_string_length(value), &size);
    if (!*decoded)
        return errno == ENOMEM ? -ENOMEM : -EBADMSG;
    *out = (struct bytes_view){.data = *decoded, .size = size};
    return 0;
}

static int read_state(const json_t *value, enum job_state *out)
{
    const char *name = json_string_value(value);
    enum job_state state = name ? job_state_from_name(name) : JOB_STATES;
    if (state == JOB_STATES || !job_state_is_final(state))
        return -EBADMSG;
    *out = state;
    return 0;
}

static int read_attempt(const json_t *value, unsigned *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > UINT_MAX)
        return -EBADMSG;
    *out = (unsigned)json_integer_value(value);
    return 0;
}

static int read_member(struct bytes_view text, const char *name, const json_t *value,
                       struct completion *completion, struct extra *extra)
{
    if (!strcmp(name, "state"))
        return read_state(value, &completion->state);
    if (!strcmp(name, "reason"))
        return read_text(value, &completion->reason);
    if (!strcmp(name, "reason_base64"))
        return read_base64(value, &extra->reason, &completion->reason);
    if (!strcmp(name, "attempt"))
        return read_attempt(value, &extra->attempt);
    if (!strcmp(name, "output"))
        return read_text(value, &completion->output);
    if (!strcmp(name, "output_base64"))
        return read_base64(value, &extra->output, &completion->output);
    if (!strcmp(name, "truncated") && json_is_true(value)) {
        completion->truncated = true;
        return 0;
    }
    if (!strcmp(name, "details") && json_is_object(value)) {
        completion->details = slice_member(text, "details");
        return completion->details.size && details_are_valid(completion->details) ? 0 : -EBADMSG;
    }
    return -EBADMSG;
}

static int read_members(struct bytes_view text, json_t *object, struct completion *completion,
                        struct extra *extra)
{
    const char *name;
    json_t *value;
    json_object_foreach (object, name, value) {
        int code = read_member(text, name, value, completion, extra);
        if (code)
            return code;
    }
    return 0;
}

/* Where it tells an output alone, without escapes, as most do: that, as it would be read otherwise. */
static bool take_output(struct bytes_view text, struct bytes_view *out)
{
    struct json_plain json = {.at = text.data, .end = text.data + text.size};
    struct bytes_view output;
    if (!json_plain_word(&json, "{\"output\":") || !json_plain_text(&json, &output) ||
        !output.size || !json_plain_take(&json, '}') || json.at != json.end)
        return false;
    *out = output;
    return true;
}

/* Reads the object that tells more, and passes the result on. */
static int read_object(struct reading *reading, struct bytes_view text,
                       struct completion *completion)
{
    json_error_t error;
    if (take_output(text, &completion->output))
        return reading->on_result(reading->context, completion, 0);
    json_t *object = json_loadb((const char *)text.data, text.size,
                                JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!object)
        return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
    struct extra extra = {0};
    int code = json_is_object(object) ? read_members(text, object, completion, &extra) : -EBADMSG;
    if (!code)
        code = reading->on_result(reading->context, completion, extra.attempt);
    free(extra.reason);
    free(extra.output);
    json_decref(object);
    return code;
}

static int read_result(struct reading *reading)
{
    uint64_t job;
    struct completion completion = {.state = JOB_SUCCEEDED};
    if (!take(reading, '[') || !take_number(reading, UINT32_MAX, &job) || !take(reading, ',') ||
        !take_number(reading, UINT64_MAX, &completion.queued_ns) || !take(reading, ',') ||
        !take_number(reading, UINT64_MAX, &completion.run_ns))
        return -EBADMSG;
    completion.job = (uint32_t)job;
    if (take(reading, ']'))
        return reading->on_result(reading->context, &completion, 0);
    if (!take(reading, ','))
        return -EBADMSG;
    struct slice_elements rest = {.at = reading->at, .end = reading->end, .first = true};
    struct bytes_view text;
    if (slice_elements_next(&rest, &text) != 1)
        return -EBADMSG;
    reading->at = rest.at;
    if (!take(reading, ']'))
        return -EBADMSG;
    return read_object(reading, text, &completion);
}

int result_text_read(struct bytes_view text,
                     int (*on_result)(void *context, const struct completion *completion,
                                      unsigned attempt),
                     void *context)
{
    struct reading reading = {.at = text.data,
                              .end = text.size ? text.data + text.size : text.data,
                              .on_result = on_result,
                              .context = context};
    if (!take(&reading, '['))
        return -EBADMSG;
    if (!take(&reading, ']')) {
        do {
            int code = read_result(&reading);
            if (code)
                return code;
        } while (take(&reading, ','));
        if (!take(&reading, ']'))
            return -EBADMSG;
    }
    return reading.at == reading.end ? 0 : -EBADMSG;
}
