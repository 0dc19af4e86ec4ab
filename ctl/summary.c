/*
 * Summaries of batches. The names of states come from wire/job_state.h.
 */
#include "summary.h"

#include <stdio.h>
#include <string.h>
#include "text.h"

void summary_read(const json_t *json, struct summary *out)
{
    const char *state = json_string_value(json_object_get(json, "state"));
    bool ended = state && strcmp(state, "open") != 0 && strcmp(state, "running") != 0;
    if (json_is_true(json_object_get(json, "paused")) && !ended)
        state = "paused";
    *out = (struct summary){
        .batch = (uint64_t)json_integer_value(json_object_get(json, "batch")),
        .jobs = (uint64_t)json_integer_value(json_object_get(json, "jobs")),
        .name = json_string_value(json_object_get(json, "name")),
        .state = state ? state : "",
        .wall_s = json_number_value(json_object_get(json, "wall")),
        .work_s = json_number_value(json_object_get(json, "work")),
        .speedup = json_number_value(json_object_get(json, "speedup")),
    };
    for (int i = JOB_SUCCEEDED; i < JOB_STATES; i++)
        out->ended[i] = (uint64_t)json_integer_value(json_object_get(json, job_state_name(i)));
}

bool summary_succeeded(const struct summary *summary)
{
    return strcmp(summary->state, job_state_name(JOB_SUCCEEDED)) == 0;
}

const char *summary_counts(const struct summary *summary, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "no jobs"); /* cut, as documented; so below */
    size_t at = 0;
    for (int i = JOB_SUCCEEDED; i < JOB_STATES && at < size; i++) {
        if (summary->ended[i] == 0)
            continue;
        char name[32];
        (void)snprintf(name, sizeof(name), "%s", job_state_name(i));
        for (char *c = name; *c; c++) {
            if (*c == '_')
                *c = ' ';
        }
        int written = snprintf(buffer + at, size - at, "%s%ju %s", at > 0 ? ", " : "",
                               (uintmax_t)summary->ended[i], name);
        at += written > 0 ? (size_t)written : 0;
    }
    return buffer;
}

const char *summary_speedup(double speedup, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, speedup < 100 ? "%.2f" : "%.0f", speedup);
    return buffer;
}

const char *summary_line(const struct summary *summary, char *buffer, size_t size)
{
    char counts[200], work[32], wall[32], speedup[48] = "", factor[32];
    bool cancelled = strcmp(summary->state, job_state_name(JOB_CANCELLED)) == 0;
    if (summary->speedup > 0)
        (void)snprintf(speedup, sizeof(speedup), " (%sx)",
                       summary_speedup(summary->speedup, factor, sizeof(factor)));
    (void)snprintf(buffer, size, "batch %ju %s: %s, %s of work in %s%s", (uintmax_t)summary->batch,
                   cancelled ? "cancelled" : "done",
                   summary_counts(summary, counts, sizeof(counts)),
                   text_seconds(summary->work_s, work, sizeof(work)),
                   text_seconds(summary->wall_s, wall, sizeof(wall)), speedup);
    return buffer;
}
