/*
 * Jobs of one kind, from the command line to the end. Whose daemon it is, and how it was reached, is up to the
 * caller.
 */
#include "run_jobs.h"

#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "base/cleanup.h"
#include "arguments.h"
#include "connection.h"
#include "ctl.h"
#include "follow.h"
#include "upload.h"

/* ---- The command line ---------------------------------------------------------------------------- */

void run_jobs_clear(struct work *work)
{
    json_decref(work->entry);
    json_decref(work->items);
    terms_clear(&work->terms);
}

static int read_items(struct ctl *ctl, const char *text, json_t **out)
{
    struct error error = {.text = ""};
    int result = text[0] == '@' ? arguments_items_file(text + 1, out, &error)
                                : arguments_items(text, out, &error);
    return result < 0 ? ctl_fail(ctl, CTL_USAGE, "%s", error.text) : CTL_OK;
}

static bool is_one_job(const struct run_options *given)
{
    return given->count == 0 && !given->items;
}

static int read_params(struct ctl *ctl, const struct run_options *given, int count,
                       char **arguments, json_t **out)
{
    struct error error = {.text = ""};
    json_t *params;
    int words = ctl->words;
    if (words == 0)
        return ctl_fail(ctl, CTL_USAGE, "the plugin is to stand in front of '--'");
    for (int i = 1; i < words; i++) {
        if (!strchr(arguments[i], '='))
            return ctl_fail(ctl, CTL_USAGE, "'%s' is not KEY=VALUE%s", arguments[i],
                            ctl->command->words_hint);
    }
    if (arguments_params(words - 1, arguments + 1, &params, &error) < 0)
        return ctl_fail(ctl, CTL_USAGE, "%s", error.text);
    if (count > words &&
        arguments_argv(count - words, arguments + words, is_one_job(given), params, &error) < 0) {
        json_decref(params);
        return ctl_fail(ctl, CTL_USAGE, "%s", error.text);
    }
    *out = params;
    return CTL_OK;
}

/* What the options say of the batch, and of its entry. */
static int read_terms(struct ctl *ctl, const struct run_options *given, struct work *work)
{
    int code = terms_add_options(ctl, &work->terms, &given->terms);
    if (code == CTL_OK && given->count > 0) {
        if (json_object_set_new(work->entry, "count", json_integer(given->count)) < 0)
            return ctl_fail_memory(ctl);
        code = terms_place(ctl, &work->terms, "count", "--count");
    }
    if (code == CTL_OK && given->delay.given) {
        if (json_object_set_new(work->entry, "delay", json_real(given->delay.seconds)) < 0)
            return ctl_fail_memory(ctl);
        code = terms_place(ctl, &work->terms, "delay", "--delay");
    }
    return code ? code : terms_check(ctl, &work->terms);
}

int run_jobs_read(struct ctl *ctl, const struct run_options *given, int count, char **arguments,
                  struct work *work)
{
    if (given->count > 0 && given->items)
        return ctl_fail(ctl, CTL_USAGE, "--count and --items: give one of them");
    if (given->no_wait && (given->follow || given->output))
        return ctl_fail(ctl, CTL_USAGE, "--no-wait: there is nothing to print then");

    json_t *params;
    int code = read_params(ctl, given, count, arguments, &params);
    if (code)
        return code;
    work->process = count > ctl->words && is_one_job(given) && !given->follow;
    work->entry = json_pack("{s:s, s:o}", "plugin", arguments[0], "params", params);
    if (!work->entry)
        return ctl_fail(ctl, CTL_USAGE, "the plugin's name is not valid UTF-8");
    code = read_terms(ctl, given, work);
    if (code)
        return code;
    return given->items ? read_items(ctl, given->items, &work->items) : CTL_OK;
}

/* ---- Submitting ---------------------------------------------------------------------------------- */

/* Adds one entry that stands for the items written in `items` ("a","b"). */
static int add_slice(struct upload *upload, struct ctl *ctl, const char *entry,
                     const struct bytes *items)
{
    AUTO_FREE char *text = NULL;
    int size = asprintf(&text, "%.*s,\"items\":[%.*s]}", (int)strlen(entry) - 1, entry,
                        (int)items->size, (const char *)items->data);
    if (size < 0 || items->failed)
        return ctl_fail_memory(ctl);
    return upload_add(upload, text, (size_t)size, 0);
}

/* Several entries count their {index} from 0 each. */
static int check_sliceable(struct ctl *ctl, const char *entry)
{
    if (strstr(entry, "{index}"))
        return ctl_fail(ctl, CTL_USAGE,
                        "{index} cannot be used with that many items: they do not fit one message");
    return CTL_OK;
}

/* Adds the items, as one entry where that fits a message, else as several. */
static int add_items(struct upload *upload, struct ctl *ctl, const char *entry, const json_t *items)
{
    struct bytes slice = {.data = NULL};
    size_t max = 0, i;
    json_t *item;
    int code = CTL_OK;
    json_array_foreach (items, i, item) {
        AUTO_FREE char *text = json_dumps(item, JSON_ENCODE_ANY);
        size_t size = text ? strlen(text) : 0;
        if (!text)
            code = ctl_fail_memory(ctl);
        else if (slice.size + size > 2048 && max == 0)
            code = upload_entry_max(upload, &max);
        if (code == CTL_OK && max > 0 && size + strlen(entry) > max)
            code = ctl_fail(ctl, CTL_REFUSED,
                            "--items: item %zu is longer than the daemon takes (%zu bytes)", i + 1,
                            max - strlen(entry));
        /* Half of the largest entry: a message of two entries must fit, too. */
        if (code == CTL_OK && max > 0 && slice.size > 0 &&
            slice.size + size + strlen(entry) > max / 2) {
            code = check_sliceable(ctl, entry);
            if (code == CTL_OK)
                code = add_slice(upload, ctl, entry, &slice);
            bytes_clear(&slice);
        }
        if (code)
            break;
        if (slice.size > 0)
            bytes_put(&slice, ",", 1);
        bytes_put(&slice, text, size);
    }
    if (code == CTL_OK)
        code = add_slice(upload, ctl, entry, &slice);
    bytes_free(&slice);
    return code;
}

struct submission {
    struct ctl *ctl;
    const struct work *work;
};

static int tell_content(void *context, char text[CONTENT_SIZE])
{
    const struct submission *submission = context;
    const struct work *work = submission->work;
    struct sha256 content;
    content_begin(&content);
    int error = content_add(&content, work->entry);
    if (!error && work->items)
        error = content_add(&content, work->items);
    content_end(&content, text);
    return error ? ctl_fail_memory(submission->ctl) : CTL_OK;
}

static int add_work(struct upload *upload, struct ctl *ctl, const struct work *work)
{
    AUTO_FREE char *entry = json_dumps(work->entry, JSON_COMPACT);
    if (!entry)
        return ctl_fail_memory(ctl);
    if (work->items)
        return add_items(upload, ctl, entry, work->items);
    return upload_add(upload, entry, strlen(entry), 0);
}

/* Submits the work; *batch and *jobs tell what it has become. */
static int submit(struct ctl *ctl, struct connection *connection,
                  const struct upload_options *upload_options, const struct work *work,
                  struct follow *follow, uint64_t *batch, uint64_t *jobs)
{
    struct submission submission = {.ctl = ctl, .work = work};
    struct upload_options options = *upload_options;
    options.content = tell_content;
    options.context = &submission;
    struct upload *upload;
    int code = upload_open(ctl, connection, &options, follow, &upload);
    if (code)
        return code;
    code = add_work(upload, ctl, work);
    if (code == CTL_OK)
        code = upload_finish(upload, batch, jobs);
    if (code)
        upload_abandon(upload, code);
    upload_close(upload);
    return code;
}

static int run_and_wait(struct ctl *ctl, const struct run_options *given,
                        struct connection *connection, const struct work *work)
{
    bool single = given->count <= 1 && json_array_size(work->items) <= 1;
    struct follow_options follow_options = {
        .lines = given->follow,
        .outputs = given->output || (single && !given->follow),
        .plain = single && !given->follow,
        .process = work->process,
        .no_bar = single || given->ends_with_us, /* what plugins write would meet it */
        .details = given->details,
        .ends_with_us = given->ends_with_us,
    };
    struct upload_options upload_options = {
        .terms = &work->terms,
        .events = follow_events(ctl, &follow_options),
    };
    struct follow follow;
    uint64_t batch, jobs;
    follow_init(&follow, ctl, connection, &follow_options);
    int code = submit(ctl, connection, &upload_options, work, &follow, &batch, &jobs);
    return code ? code : follow_run(&follow);
}

static int run_and_leave(struct ctl *ctl, struct connection *connection, const struct work *work)
{
    struct upload_options upload_options = {.terms = &work->terms, .events = "none"};
    uint64_t batch, jobs;
    int code = submit(ctl, connection, &upload_options, work, NULL, &batch, &jobs);
    if (code == CTL_OK && !ctl->json)
        (void)printf("%ju\n", (uintmax_t)batch); /* main looks at ferror */
    return code;
}

int run_jobs(struct ctl *ctl, const struct run_options *given, struct connection *connection,
             const struct work *work)
{
    return given->no_wait ? run_and_leave(ctl, connection, work)
                          : run_and_wait(ctl, given, connection, work);
}
