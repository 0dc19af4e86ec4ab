/*
 * Reads parameters that are words, and finds the text; see request.h.
 */

#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The most parts of a file, which keeps the sums of source_part() below 2^64. */
#define MOST_PARTS 1000000

/* Words for the values 0, 1, 2 ...; NULL behind the last. */
static const char *const units[] = {[UNIT_WORDS] = "words",
                                    [UNIT_SEGMENTS] = "segments",
                                    [UNIT_GRAPHEMES] = "graphemes",
                                    [UNIT_LINES] = "lines",
                                    NULL};
static const char *const outputs[] = {
    [OUTPUT_COUNTS] = "counts", [OUTPUT_COUNT] = "count", [OUTPUT_TOKENS] = "tokens", NULL};
static const char *const invalids[] = {[false] = "fail", [true] = "replace", NULL};

/* "words, segments, graphemes or lines" */
static void list(const char *const words[], char *out, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; words[i] && used < room; i++) {
        const char *between = i == 0 ? "" : words[i + 1] ? ", " : " or ";
        int written = snprintf(out + used, room - used, "%s%s", between, words[i]);
        used += written > 0 ? (size_t)written : 0;
    }
}

static int choose(const char *parameter, const char *given, const char *const words[], int *value,
                  struct failure *failure)
{
    char all[128];
    for (int i = 0; words[i]; i++) {
        if (strcmp(given, words[i]) == 0) {
            *value = i;
            return 0;
        }
    }
    list(words, all, sizeof(all));
    return failure_set(failure, -EINVAL, "%s is \"%s\", but can be %s", parameter, given, all);
}

/* Digits up to `end`, or up to the end of the text where that is NUL. NULL: not a number up to MOST_PARTS. */
static const char *read_number(const char *text, char end, uint64_t *value)
{
    uint64_t number = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9' && number <= MOST_PARTS; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    if (at == text || *at != end || number > MOST_PARTS)
        return NULL;
    *value = number;
    return at + (end != '\0');
}

static int check_chunk(const char *text, struct choice *choice, struct failure *failure)
{
    const char *rest = read_number(text, '/', &choice->part);
    if (rest && read_number(rest, '\0', &choice->parts) && choice->part < choice->parts)
        return 0;
    return failure_set(failure, -EINVAL,
                       "chunk is \"%s\", but has to be a part and the number of parts, from 0/8 to "
                       "7/8 for eight; there can be %d",
                       text, MOST_PARTS);
}

int request_check(const struct request *request, struct choice *choice, struct failure *failure)
{
    int unit = 0, output = 0, replace = 0, result;
    bool range = request->offset.bytes > 0 || request->length.bytes > 0;
    *choice = (struct choice){.parts = 0};
    if ((result = choose("unit", request->unit, units, &unit, failure)) ||
        (result = choose("output", request->output, outputs, &output, failure)) ||
        (result = choose("invalid", request->invalid, invalids, &replace, failure)) ||
        (request->chunk && (result = check_chunk(request->chunk, choice, failure))))
        return result;
    choice->unit = (enum unit)unit;
    choice->output = (enum output)output;
    choice->replace = replace;
    if (request->text && (range || request->chunk))
        return failure_set(failure, -EINVAL, "%s is for a file, not for a text",
                           request->chunk              ? "chunk"
                           : request->offset.bytes > 0 ? "offset"
                                                       : "length");
    if (range && request->chunk)
        return failure_set(failure, -EINVAL, "chunk, or offset and length: not both");
    if (request->file && request->file[0] != '/')
        return failure_set(failure, -EINVAL,
                           "file is \"%s\", but has to be an absolute path: the daemon's directory "
                           "is not yours",
                           request->file);
    return 0;
}

int request_open(const struct request *request, const struct choice *choice, struct source *source,
                 struct failure *failure)
{
    if (request->text) {
        source_text(source, request->text, strlen(request->text));
        return 0;
    }
    int result = source_file(source, request->file, failure);
    if (result)
        return result;
    uint64_t begin = request->offset.bytes, length = request->length.bytes;
    if (choice->parts > 0)
        source_part(source, choice->part, choice->parts);
    else if (begin > 0 || length > 0)
        source_narrow(source, begin,
                      length == 0 || length > UINT64_MAX - begin ? UINT64_MAX : begin + length);
    return 0;
}
