/*
 * How a process came out, see outcome.h.
 */
#include "outcome.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <jansson.h>
#include "encode.h"

/* ---- Exit codes ------------------------------------------------------------------------------------ */

/* One code from *text, which is moved behind it. */
static bool read_code(const char **text, unsigned *out)
{
    unsigned value = 0;
    const char *at = *text;
    if (!isdigit((unsigned char)*at))
        return false;
    for (; isdigit((unsigned char)*at); at++) {
        value = 10 * value + (unsigned)(*at - '0');
        if (value > 255) /* all that a process can exit with */
            return false;
    }
    *text = at;
    *out = value;
    return true;
}

static bool read_range(const char *text, unsigned *first, unsigned *last)
{
    if (!read_code(&text, first))
        return false;
    *last = *first;
    if (*text == '-') {
        text++;
        if (!read_code(&text, last))
            return false;
    }
    return *text == '\0' && *first <= *last;
}

bool outcome_codes_valid(const struct aw_strings *codes, char *reason, size_t size)
{
    unsigned first, last;
    for (size_t i = 0; i < codes->count; i++)
        if (!read_range(codes->items[i], &first, &last)) {
            (void)snprintf(
                reason, size,
                "ok_codes[%zu]: must be an exit code, or two with '-' between, from 0 to 255", i);
            return false;
        }
    return true;
}

static bool is_ok_code(const struct aw_strings *codes, unsigned code)
{
    unsigned first, last;
    for (size_t i = 0; i < codes->count; i++)
        if (read_range(codes->items[i], &first, &last) && first <= code && code <= last)
            return true;
    return codes->count == 0 && code == 0;
}

/* "KILL"; the number for signals without a name. */
static const char *signal_name(int number, char *buffer, size_t size)
{
    const char *name = sigabbrev_np(number);
    if (name)
        return name;
    (void)snprintf(buffer, size, "%d", number);
    return buffer;
}

bool outcome_is_ok(const struct outcome *outcome, const struct aw_strings *codes, char *reason,
                   size_t size)
{
    char name[16];
    if (WIFSIGNALED(outcome->status)) {
        int number = WTERMSIG(outcome->status);
        (void)snprintf(reason, size, "killed by signal %d (%s)%s", number,
                       signal_name(number, name, sizeof(name)),
                       WCOREDUMP(outcome->status) ? ", core dumped" : "");
        return false;
    }
    unsigned code = (unsigned)WEXITSTATUS(outcome->status);
    if (is_ok_code(codes, code))
        return true;
    (void)snprintf(reason, size, "exit %u", code);
    return false;
}

/* ---- Details --------------------------------------------------------------------------------------- */

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static json_t *ending_json(int status)
{
    char name[16];
    if (!WIFSIGNALED(status))
        return json_pack("{s:i}", "exit", WEXITSTATUS(status));
    int number = WTERMSIG(status);
    json_t *json = json_pack("{s:s, s:i}", "signal", signal_name(number, name, sizeof(name)),
                             "signal_number", number);
    if (json && WCOREDUMP(status) && json_object_set_new(json, "core", json_true())) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* Text as text, anything else in base64. Fails as jansson does. */
static int add_errors(json_t *json, const struct outcome *outcome)
{
    size_t size = outcome->errors_size;
    if (outcome->errors_truncated)
        size = encode_whole_characters(outcome->errors, size);
    /* A NUL is text to JSON, but not to all that read it. */
    json_t *text = memchr(outcome->errors, '\0', size)
                       ? NULL
                       : json_stringn((const char *)outcome->errors, size);
    if (text)
        return json_object_set_new(json, "stderr", text);
    char *encoded = encode_base64(outcome->errors, outcome->errors_size);
    int result =
        encoded ? json_object_set_new(json, "stderr_base64", json_string_nocheck(encoded)) : -1;
    free(encoded);
    return result;
}

char *outcome_json(const struct outcome *outcome)
{
    json_t *json = ending_json(outcome->status);
    int failed = json == NULL;
    if (!failed && outcome->errors_size > 0)
        failed = add_errors(json, outcome);
    if (!failed && outcome->errors_truncated)
        failed = json_object_set_new(json, "stderr_truncated", json_true());
    if (!failed) /* the kernel counts memory in KiB */
        failed = json_object_set_new(json, "rusage",
                                     json_pack("{s:f, s:f, s:I}", "user",
                                               seconds(outcome->usage.ru_utime), "system",
                                               seconds(outcome->usage.ru_stime), "max_rss",
                                               (json_int_t)outcome->usage.ru_maxrss * 1024));
    char *text = failed ? NULL : json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(json);
    return text;
}
