/*
 * From a list of job entries to entries of a batch. Each is read, added and forgotten before the next, so that
 * at most one is in memory as JSON; but what an entry comes after is looked up when all are there.
 */
#include "supervisor/submit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "base/problems.h"
#include "supervisor/batch.h"
#include "supervisor/order.h"
#include "supervisor/submit_entry.h"
#include "wire/slice.h"

/* The entries of one request. */
struct request {
    struct entry_reading reading;
    uint32_t room;  /* jobs that fit */
    uint64_t asked; /* jobs that it has so far */
    /* What they come after; each holds a reference to its names. */
    struct order_wish *wishes;
    size_t wishes_count, wishes_capacity;
};

static void clear_request(struct request *request)
{
    for (size_t i = 0; i < request->wishes_count; i++)
        json_decref((json_t *)request->wishes[i].names);
    free(request->wishes);
    entry_clear(&request->reading);
}

static int add_wish(struct request *request, uint32_t place, json_t *names, bool any)
{
    if (!names)
        return 0;
    if (request->wishes_count == request->wishes_capacity) {
        size_t capacity = request->wishes_capacity ? 2 * request->wishes_capacity : 16;
        void *grown = reallocarray(request->wishes, capacity, sizeof(*request->wishes));
        if (!grown)
            return -ENOMEM;
        request->wishes = grown;
        request->wishes_capacity = capacity;
    }
    request->wishes[request->wishes_count++] =
        (struct order_wish){.entry = request->reading.batch->entries_count - 1,
                            .place = place,
                            .names = json_incref(names),
                            .any = any};
    return 0;
}

/* Adds an entry that is as the one before: their texts and what they come after are the same. */
static int add_as_before(struct request *request, uint32_t place)
{
    struct batch *batch = request->reading.batch;
    int error = batch_add_entry(batch, &request->reading.entry);
    if (error)
        return error;
    struct entry *added = &batch->entries[batch->entries_count - 1];
    added->params = added[-1].params;
    added->params_size = added[-1].params_size;
    added->name = added[-1].name;
    uint32_t before = batch->entries_count - 2;
    size_t end = request->wishes_count, first = end;
    while (first > 0 && request->wishes[first - 1].entry == before)
        first--;
    for (; first < end && !error; first++) {
        const struct order_wish *wish = &request->wishes[first];
        error = add_wish(request, place, (json_t *)wish->names, wish->any);
    }
    return error;
}

/* Adds the entry that was read. */
static int add(struct request *request, uint32_t place)
{
    const struct entry_reading *reading = &request->reading;
    if (reading->as_before)
        return add_as_before(request, place);
    int error = batch_add_entry(reading->batch, &reading->entry);
    if (!error)
        error = add_wish(request, place, reading->after, false);
    if (!error)
        error = add_wish(request, place, reading->after_any, true);
    return error;
}

/* Reads the entry with this text by way of JSON values. */
static int read_values(struct entry_reading *reading, uint32_t place, struct bytes_view text,
                       uint32_t room, struct error *error)
{
    json_error_t where;
    reading->prefix = (size_t)snprintf(reading->field, sizeof(reading->field), "jobs[%u].", place);
    json_t *object = json_loadb((const char *)text.data, text.size,
                                JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &where);
    int code = -EINVAL;
    if (!object) {
        code = error_set(error, -EBADMSG, "%.*s: not JSON: line %d, column %d: %s",
                         (int)reading->prefix - 1, reading->field, where.line, where.column,
                         where.text);
    } else if (json_is_object(object)) {
        code = entry_read(reading, object, text, room);
    } else {
        reading->field[reading->prefix - 1] = '\0';
        problems_add(reading->problems, reading->field, "must be an object");
    }
    json_decref(object);
    return code;
}

/* Reads the entry with this text; adds it unless it does not fit, or an earlier one was refused. */
static int read_text(struct request *request, uint32_t place, struct bytes_view text,
                     bool is_refused, struct error *error)
{
    struct entry_reading *reading = &request->reading;
    uint64_t left = request->asked < request->room ? request->room - request->asked : 0;
    uint32_t room = (uint32_t)left;
    int code =
        entry_read_plain(reading, text, room) ? 0 : read_values(reading, place, text, room, error);
    if (!code || code == -E2BIG)
        request->asked += (uint64_t)reading->count; /* at most 2^53 each: cannot overflow */
    if (!code && !is_refused)
        code = add(request, place);
    return code;
}

/* Of two reasons to refuse, the one to tell: what the caller may not, what is wrong, what is too much. */
static int worse(int a, int b)
{
    static const int by_weight[] = {-EPERM, -EINVAL, -E2BIG};
    for (size_t i = 0; i < sizeof(by_weight) / sizeof(*by_weight); i++) {
        if (a == by_weight[i] || b == by_weight[i])
            return by_weight[i];
    }
    return 0;
}

static int read_entries(struct request *request, struct slice_elements *elements,
                        struct error *error)
{
    struct entry_reading *reading = &request->reading;
    struct bytes_view text;
    int next, refused = 0;
    for (uint32_t i = 0; (next = slice_elements_next(elements, &text)) > 0; i++) {
        int code = read_text(request, i, text, refused != 0, error);
        if (code && code != -EINVAL && code != -EPERM && code != -E2BIG)
            return code;
        refused = worse(refused, code);
        if (problems_full(reading->problems))
            return refused;
    }
    return next < 0 ? error_set(error, next, "jobs: not JSON") : refused;
}

/* Adds the entries of an array, all or none. */
static int submit(struct request *request, struct bytes_view jobs, struct error *error)
{
    struct batch *batch = request->reading.batch;
    struct problems *problems = request->reading.problems;
    struct slice_elements elements;
    uint32_t before = batch->entries_count;
    int code =
        slice_elements_begin(&elements, jobs) ? read_entries(request, &elements, error) : -EINVAL;
    if (!code && batch->entries_count > before)
        code = order_add(batch, before, request->wishes, request->wishes_count, problems);
    else if (!code || (code == -EINVAL && !problems->count)) {
        problems_add(problems, "jobs", "must be a list of jobs, not empty");
        code = -EINVAL;
    }
    if (code)
        batch_truncate(batch, before);
    clear_request(request);
    return code;
}

int submit_entries(struct batch *batch, struct bytes_view jobs, const struct catalogue *catalogue,
                   bool trusted, uint32_t room, uint64_t *asked, struct problems *problems,
                   struct error *error)
{
    struct request request = {.reading = {.batch = batch,
                                          .catalogue = catalogue,
                                          .trusted = trusted,
                                          .problems = problems},
                              .room = room};
    int code = submit(&request, jobs, error);
    if (code == -E2BIG && asked)
        *asked = request.asked;
    return code;
}

int submit_stored(struct batch *batch, struct bytes_view jobs, struct catalogue *catalogue,
                  struct error *error)
{
    struct problems problems = {0};
    struct request request = {.reading = {.batch = batch,
                                          .catalogue = catalogue,
                                          .trusted = true,
                                          .ghosts = catalogue,
                                          .problems = &problems},
                              .room = BATCH_JOBS_MAX - batch->jobs};
    char words[512] = "";
    int code = submit(&request, jobs, error);
    problems_first(&problems, words, sizeof(words));
    problems_clear(&problems);
    if (code == -EINVAL)
        return error_set(error, -EBADMSG, "%s", words);
    if (code == -E2BIG)
        return error_set(error, -EBADMSG, "more jobs than a batch can have");
    return code;
}

int submit_json(struct batch *batch, const json_t *jobs, const struct catalogue *catalogue,
                bool trusted, uint32_t room, struct problems *problems, struct error *error)
{
    AUTO_FREE char *text = jobs ? json_dumps(jobs, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (jobs && !text)
        return -ENOMEM;
    struct bytes_view view = {.data = (const uint8_t *)text, .size = text ? strlen(text) : 0};
    return submit_entries(batch, view, catalogue, trusted, room, NULL, problems, error);
}
