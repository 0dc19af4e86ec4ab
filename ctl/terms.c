/*
 * The terms of a batch. One table lists them; what becomes of them in the protocol is in its rows.
 */
#include "terms.h"

#include <stdint.h>
#include <string.h>
#include "base/cleanup.h"
#include "ctl.h"

const struct option_row terms_rows[] = {
    OPTION(struct terms_options, name, .name = "name", .argument = "NAME", .member = "name",
           .text = "the batch's name"),
    OPTION(struct terms_options, limit, .name = "limit", .argument = "N", .min = 1,
           .member = "limit", .text = "run at most N of its jobs at the same time"),
    OPTION(struct terms_options, rate, .name = "rate", .argument = "RATE", .member = "rate",
           .text = "start its jobs at this rate: 100/s, 10/min, '2/h burst 20'"),
    OPTION(struct terms_options, timeout, .name = "timeout", .argument = "SPAN",
           .member = "timeout", .text = "how long each job may run (such as 30, 250ms, 1h30min)"),
    OPTION(struct terms_options, deadline, .name = "deadline", .argument = "SPAN",
           .member = "deadline", .text = "from now; what has not ended by then is timed out"),
    OPTION(struct terms_options, retry, .name = "retry", .argument = "N", .member = "retry.max",
           .text = "try a job that does not succeed up to N times more"),
    OPTION(struct terms_options, retry_delay, .name = "retry-delay", .argument = "SPAN",
           .member = "retry.delay",
           .text = "longest pause before the first of these (default: 1); it doubles each time"),
    OPTION(struct terms_options, retry_max_delay, .name = "retry-max-delay", .argument = "SPAN",
           .member = "retry.max_delay", .text = "longest pause before any (default: 60)"),
    OPTION(struct terms_options, priority, .name = "priority", .argument = "N", .min = INT64_MIN,
           .member = "priority", .text = "-100 to 100, the higher first (default: 0)"),
    OPTION(struct terms_options, on_failure, .name = "on-failure", .argument = "WHAT",
           .member = "on_failure",
           .text = "continue (default), or cancel: the first failure cancels the rest"),
    OPTION(struct terms_options, key, .name = "key", .argument = "KEY", .member = "key",
           .text = "your own name for the batch; with one that was used before, that batch is "
                   "followed and nothing is run again"),
    OPTION(struct terms_options, no_durable, .name = "no-durable", .member = "durable",
           .clears = true, .text = "forget the batch when the daemon ends, which is cheaper"),
    OPTIONS_END,
};

bool terms_has(const char *name, size_t size)
{
    for (const struct option_row *row = terms_rows; row->type != OPTION_END; row++) {
        if (strcspn(row->member, ".") == size && memcmp(row->member, name, size) == 0)
            return true;
    }
    return false;
}

/* An object that is made when it is first needed. NULL: out of memory. */
static json_t *need_object(json_t **object)
{
    if (!*object)
        *object = json_object();
    return *object;
}

int terms_place(struct ctl *ctl, struct terms *terms, const char *member, const char *place)
{
    if (json_object_set_new(need_object(&terms->places), member, json_string(place)) < 0)
        return ctl_fail_memory(ctl);
    return CTL_OK;
}

/* ---- Options ------------------------------------------------------------------------------------- */

struct addition {
    struct ctl *ctl;
    struct terms *terms;
};

/* Sets "limit", or "max" in the object "retry" for "retry.max". */
static int set_member(json_t *values, const char *member, json_t *value)
{
    const char *dot = strchr(member, '.');
    if (!dot)
        return json_object_set(values, member, value);
    AUTO_FREE char *outer = strndup(member, (size_t)(dot - member));
    json_t *object = outer ? json_object_get(values, outer) : NULL;
    if (outer && !object) {
        object = json_object();
        if (json_object_set_new(values, outer, object) < 0)
            return -1;
    }
    return json_object_set(object, dot + 1, value);
}

static int add_option(void *context, const struct option_row *row, json_t *value)
{
    struct addition *addition = context;
    char place[64];
    if (!value)
        return ctl_fail(addition->ctl, CTL_USAGE, "--%s: not valid UTF-8", row->name);
    if (set_member(need_object(&addition->terms->values), row->member, value) < 0)
        return ctl_fail_memory(addition->ctl);
    (void)snprintf(place, sizeof(place), "--%s", row->name); /* our own names are short */
    return terms_place(addition->ctl, addition->terms, row->member, place);
}

int terms_add_options(struct ctl *ctl, struct terms *terms, const struct terms_options *given)
{
    struct addition addition = {.ctl = ctl, .terms = terms};
    return options_visit_members(terms_rows, given, add_option, &addition);
}

/* ---- Files --------------------------------------------------------------------------------------- */

/* What the file says of retries where the command line said part of it: {"max": 3} and {"delay": 2}. */
static int complete_retry(json_t *retry, json_t *value)
{
    if (json_is_object(value))
        return json_object_update_missing(retry, value);
    return json_object_get(retry, "max") ? 0 : json_object_set(retry, "max", value);
}

int terms_add(struct ctl *ctl, struct terms *terms, const char *name, json_t *value,
              const char *place)
{
    json_t *present = json_object_get(need_object(&terms->values), name);
    int error = 0;
    if (!present)
        error = json_object_set(terms->values, name, value);
    else if (strcmp(name, "retry") == 0)
        error = complete_retry(present, value);
    else
        return CTL_OK;
    return error < 0 ? ctl_fail_memory(ctl) : terms_place(ctl, terms, name, place);
}

int terms_check(struct ctl *ctl, const struct terms *terms)
{
    const json_t *retry = json_object_get(terms->values, "retry");
    if (json_is_object(retry) && !json_object_get(retry, "max") &&
        !json_object_get(terms->places, "retry"))
        return ctl_fail(ctl, CTL_USAGE, "%s: goes with --retry N",
                        json_object_get(retry, "delay") ? "--retry-delay" : "--retry-max-delay");
    return CTL_OK;
}

/* ---- Problems ------------------------------------------------------------------------------------ */

/* "limit" as "--limit", "retry.delays" as "FILE:3: retry.delays". NULL: it is not one of ours, or no memory. */
static json_t *name_field(const struct terms *terms, const char *field)
{
    AUTO_FREE char *known = strdup(field);
    while (known && *known) {
        const char *place = json_string_value(json_object_get(terms->places, known));
        if (place)
            return json_sprintf("%s%s", place, field + strlen(known));
        char *end = strrchr(known, '.'), *bracket = strrchr(known, '[');
        if (!end || (bracket && bracket > end))
            end = bracket;
        *(end ? end : known) = '\0';
    }
    return NULL;
}

void terms_name_problems(const struct terms *terms, json_t *problems)
{
    size_t i;
    json_t *problem;
    json_array_foreach (problems, i, problem) {
        const char *field = json_string_value(json_object_get(problem, "field"));
        json_t *place = field ? name_field(terms, field) : NULL;
        if (place) /* without memory the field stays as the daemon told it */
            (void)json_object_set_new(problem, "field", place);
    }
}

void terms_clear(struct terms *terms)
{
    json_decref(terms->values);
    json_decref(terms->places);
    *terms = (struct terms){.values = NULL};
}
