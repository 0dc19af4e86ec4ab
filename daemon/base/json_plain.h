/*
 * Reads JSON as it is mostly written, value by value, without making anything of it: texts without escapes, and
 * numbers that are in range whatever they are for. All else, right or wrong, is left to jansson, so that one
 * place knows all rules and tells all mistakes; for what comes by the million and mostly looks alike.
 */
#ifndef AWAITD_BASE_JSON_PLAIN_H
#define AWAITD_BASE_JSON_PLAIN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"

/* The caller sets both; `at` moves. */
struct json_plain {
    const uint8_t *at, *end;
};

/* A number: it is `low`, or between two neighbours; less than 10^18 on either side of 0. */
struct json_plain_number {
    int64_t low, high;
};

void json_plain_blanks(struct json_plain *json);
/* Each of these passes over blanks and then over what it reads. False: something else stands there, maybe nothing;
 * json->at is then anywhere before the end. What they take, jansson takes as the same. Any thread. */
bool json_plain_take(struct json_plain *json, uint8_t byte);
bool json_plain_word(struct json_plain *json, const char *word);
/* *out is what is between the quotes: UTF-8 without NUL. */
bool json_plain_text(struct json_plain *json, struct bytes_view *out);
bool json_plain_number(struct json_plain *json, struct json_plain_number *out);

/* Passes over what stands for itself in a text: up to a quote, a backslash, a control character, bytes that are not
 * UTF-8, or the end. */
const uint8_t *json_plain_run(const uint8_t *at, const uint8_t *end);

#endif
