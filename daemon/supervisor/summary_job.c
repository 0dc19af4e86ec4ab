/*
 * What people and programs get to see of jobs: written as text for the protocol, so that what a job told in its details
 * stays as it is; and a line of the log. One that has ended is told of with its results, another with what it
 * waits for. Batches: see summary.c.
 */
#include "supervisor/summary.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/params.h"
#include "base/parse.h"
#include "supervisor/batch.h"
#include "supervisor/catalogue.h"
#include "supervisor/order.h"
#include "supervisor/told.h"
#include "supervisor/waits.h"
#include "wire/json_text.h"

/* {"output": TEXT} or {"output_base64": TEXT}, as a member of an object whose text is being written. */
static void write_output(struct bytes *out, struct bytes_view output)
{
    if (parse_is_utf8(output.data, output.size)) {
        json_text_raw(out, ",\"output\":");
        json_text_string(out, (const char *)output.data, output.size);
    } else {
        json_text_raw(out, ",\"output_base64\":");
        json_text_base64(out, output.data, output.size);
    }
}

static void write_name(struct bytes *out, const struct batch *batch, uint32_t job)
{
    AUTO_FREE char *name = batch_job_name(batch, job);
    if (!name)
        return;
    json_text_raw(out, ",\"name\":");
    json_text_string(out, name, strlen(name));
}

/* Members of a job that has ended, from "state" on. */
static void write_ending(struct bytes *out, const struct batch *batch,
                         const struct completion *completion, bool with_results)
{
    json_text_raw(out, ",\"state\":\"");
    json_text_raw(out, job_state_name(completion->state));
    json_text_raw(out, "\"");
    if (completion->reason.size) {
        json_text_raw(out, ",\"reason\":");
        json_text_string(out, (const char *)completion->reason.data, completion->reason.size);
    }
    json_text_raw(out, ",\"attempt\":");
    json_text_integer(out, batch_attempt(batch, completion->job));
    json_text_raw(out, ",\"queued\":");
    json_text_seconds(out, completion->queued_ns);
    json_text_raw(out, ",\"run\":");
    json_text_seconds(out, completion->run_ns);
    if (with_results)
        write_output(out, completion->output);
    json_text_raw(out, completion->truncated ? ",\"truncated\":true" : ",\"truncated\":false");
    if (with_results && completion->details.size) {
        json_text_raw(out, ",\"details\":");
        bytes_put(out, completion->details.data, completion->details.size);
    }
}

static void write_head(struct bytes *out, const struct batch *batch, uint32_t job)
{
    json_text_raw(out, "\"batch\":");
    json_text_integer(out, batch->number);
    json_text_raw(out, ",\"job\":");
    json_text_integer(out, job);
}

static void write_plugin(struct bytes *out, const struct batch *batch, uint32_t job,
                         const struct catalogue *catalogue)
{
    const struct entry *entry = &batch->entries[batch_entry_of(batch, job)];
    json_text_raw(out, ",\"plugin\":\"");
    json_text_raw(out, catalogue->plugins[entry->plugin].name); /* a-z, 0-9, - and _ */
    json_text_raw(out, "\"");
}

void summary_write_job_done(struct bytes *out, const struct batch *batch,
                            const struct completion *completion, uint32_t seq,
                            const struct catalogue *catalogue)
{
    json_text_raw(out, "{\"jsonrpc\":\"2.0\",\"method\":\"job.done\",\"params\":{");
    write_head(out, batch, completion->job);
    json_text_raw(out, ",\"seq\":");
    json_text_integer(out, seq);
    write_name(out, batch, completion->job);
    write_plugin(out, batch, completion->job, catalogue);
    write_ending(out, batch, completion, true);
    json_text_raw(out, "}}\n");
}

static json_t *load_params(const struct entry *entry)
{
    return entry->params ? json_loadb(entry->params, entry->params_size, 0, NULL) : json_object();
}

/* The parameters as this job gets them, or, where they would be too long, as they were given, as compact text for the
 * caller to free; NULL: out of memory. */
static char *params_text(const struct entry *entry, const struct params_table *table, uint32_t job,
                         const char *item)
{
    struct params_expansion expansion = {.index = entry->base + (job - entry->first), .item = item};
    struct aw_json text = {.text = NULL};
    json_t *params = load_params(entry);
    if (params && entry->expands && params_expand(table, params, &expansion) != 0) {
        json_decref(params); /* in part replaced */
        params = load_params(entry);
    }
    int error = params ? params_json_dump(params, &text) : -ENOMEM;
    json_decref(params);
    return error ? NULL : (char *)text.text;
}

static void write_params(struct bytes *out, const struct batch *batch, uint32_t job,
                         const struct catalogue *catalogue)
{
    const struct entry *entry = &batch->entries[batch_entry_of(batch, job)];
    AUTO_FREE char *item = batch_item(batch, job);
    const struct params_table *table = catalogue->plugins[entry->plugin].params;
    AUTO_FREE char *text = params_text(entry, table, job, item);
    out->failed |= !text;
    json_text_raw(out, ",\"params\":");
    json_text_raw(out, text ? text : "{}");
    if (item) {
        json_text_raw(out, ",\"item\":");
        json_text_string(out, item, strlen(item));
    }
}

/* A member with the names in a JSON text, see struct entry_terms; *unended gets those of jobs that have not
 * ended. */
static int add_names(json_t *object, const char *member, const char *text,
                     const struct batch *batch, json_t *unended)
{
    json_t *names = text ? json_loads(text, 0, NULL) : NULL;
    if (!names)
        return text ? -ENOMEM : 0;
    int error = json_object_set_new(object, member, names);
    for (size_t i = 0; !error && i < json_array_size(names); i++) {
        json_t *name = json_array_get(names, i);
        if (order_has_unended(batch, json_string_value(name)))
            error = json_array_append(unended, name);
    }
    return error;
}

static int add_order(json_t *object, const struct entry_terms *terms, const struct batch *batch,
                     enum job_state state)
{
    json_t *unended = json_array();
    int error = add_names(object, "after", terms->after, batch, unended);
    error |= add_names(object, "after_any", terms->after_any, batch, unended);
    if (state == JOB_WAITING && json_array_size(unended) > 0)
        error |= json_object_set(object, "waits_for", unended);
    json_decref(unended);
    return error;
}

/* When a job that waits for its time is to be queued, in seconds since 1970; 0: it does not wait so. */
static double waits_until_s(const struct batch *batch, uint32_t job)
{
    uint64_t due_ns = 0, now_ns = clock_now_ns();
    if (!waits_find(batch, WAIT_DELAY, job, &due_ns) &&
        !waits_find(batch, WAIT_RETRY, job, &due_ns))
        return 0;
    return clock_wall_s() + (due_ns > now_ns ? clock_seconds(due_ns - now_ns) : 0);
}

/* The terms of the job, its own before its batch's, and what it waits for. */
static int add_job_terms(json_t *object, const struct batch *batch, uint32_t job)
{
    static const struct entry_terms nothing;
    const struct entry *entry = &batch->entries[batch_entry_of(batch, job)];
    const struct entry_terms *terms = entry->terms ? entry->terms : &nothing;
    enum job_state state = told_state(batch, job);
    uint64_t timeout_ns = terms->has_timeout ? terms->timeout_ns : batch->terms.timeout_ns;
    int error = 0;
    if (timeout_ns || terms->has_timeout)
        error |= json_object_set_new(object, "timeout", json_real(clock_seconds(timeout_ns)));
    error |= terms_show_retry(terms->has_retry ? &terms->retry : &batch->terms.retry, object);
    if (terms->delay_ns)
        error |= json_object_set_new(object, "delay", json_real(clock_seconds(terms->delay_ns)));
    error |= add_order(object, terms, batch, state);
    double until_s = state == JOB_WAITING ? waits_until_s(batch, job) : 0;
    if (until_s > 0)
        error |= json_object_set_new(object, "waits_until", json_real(until_s));
    return error;
}

/* The same, as members of the object that is being written. */
static void write_job_terms(struct bytes *out, const struct batch *batch, uint32_t job)
{
    json_t *object = json_object();
    AUTO_FREE char *text = object && add_job_terms(object, batch, job) == 0
                               ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15))
                               : NULL;
    json_decref(object);
    if (!text) {
        out->failed = true;
    } else if (strlen(text) > 2) { /* not {} */
        json_text_raw(out, ",");
        bytes_put(out, text + 1, strlen(text) - 2);
    }
}

static void write_job(struct bytes *out, const struct batch *batch, uint32_t job,
                      const struct catalogue *catalogue, bool whole)
{
    json_text_raw(out, "{");
    write_head(out, batch, job);
    write_name(out, batch, job);
    write_plugin(out, batch, job, catalogue);
    if (whole)
        write_params(out, batch, job, catalogue);
    enum job_state state = told_state(batch, job);
    if (job_state_is_final(state)) {
        struct completion completion;
        batch_completion(batch, job, &completion);
        write_ending(out, batch, &completion, whole);
    } else {
        json_text_raw(out, ",\"state\":\"");
        json_text_raw(out, job_state_name(state));
        json_text_raw(out, "\",\"attempt\":");
        json_text_integer(out, batch_attempt(batch, job));
    }
    if (whole)
        write_job_terms(out, batch, job);
    json_text_raw(out, "}");
}

void summary_write_job(struct bytes *out, const struct batch *batch, uint32_t job,
                       const struct catalogue *catalogue)
{
    write_job(out, batch, job, catalogue, true);
}

json_t *summary_job(const struct batch *batch, uint32_t job, const struct catalogue *catalogue)
{
    struct bytes text = {0};
    write_job(&text, batch, job, catalogue, false);
    json_t *json =
        text.failed ? NULL : json_loadb((const char *)text.data, text.size, JSON_ALLOW_NUL, NULL);
    bytes_free(&text);
    return json;
}

/* ---- The log ------------------------------------------------------------------------------- */

static void append_reason(char *line, size_t size, struct bytes_view reason)
{
    if (!reason.size)
        return;
    char text[256];
    (void)snprintf(text, sizeof(text), "%.*s", (int)(reason.size < 255 ? reason.size : 255),
                   (const char *)reason.data);
    log_field(line, size, "reason", text);
}

const char *summary_job_line(const struct batch *batch, const struct completion *completion,
                             const struct catalogue *catalogue, char *line, size_t size)
{
    const struct entry *entry = &batch->entries[batch_entry_of(batch, completion->job)];
    (void)snprintf(line, size, "job batch=%llu job=%u plugin=%s state=%s queued=%.6f run=%.6f",
                   (unsigned long long)batch->number, completion->job,
                   catalogue->plugins[entry->plugin].name, job_state_name(completion->state),
                   clock_seconds(completion->queued_ns), clock_seconds(completion->run_ns));
    unsigned attempt = batch_attempt(batch, completion->job);
    if (attempt) {
        size_t length = strlen(line);
        (void)snprintf(line + length, size - length, " attempt=%u", attempt);
    }
    AUTO_FREE char *name = batch_job_name(batch, completion->job);
    if (name)
        log_field(line, size, "name", name);
    append_reason(line, size, completion->reason);
    return line;
}
