/*
 * awaitctl run: one job, or many of the same kind, from the words of the command line; follows
 * them and sums up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "base/cleanup.h"
#include "arguments.h"
#include "connection.h"
#include "ctl.h"
#include "follow.h"
#include "interrupt.h"
#include "options.h"
#include "upload.h"

struct run_options {
    int64_t count;
    const char *items, *name;
    bool no_wait, follow, output;
};

static const struct option_row options[] = {
    OPTION(struct run_options, count, .name = "count", .letter = 'n', .argument = "N", .min = 1,
           .text = "run N jobs; {index} in a VALUE is 0 to N-1"),
    OPTION(struct run_options, items, .name = "items", .argument = "A,B|@FILE",
           .text = "one job for each item, or line of FILE (@-: standard input); {item} is it"),
    OPTION(struct run_options, name, .name = "name", .argument = "NAME",
           .text = "the batch's name"),
    OPTION(struct run_options, no_wait, .name = "no-wait",
           .text = "print the batch's number and leave"),
    OPTION(struct run_options, follow, .name = "follow", .letter = 'f',
           .text = "print a line for each job as it ends"),
    OPTION(struct run_options, output, .name = "output", .letter = 'o',
           .text = "print the output of every job as it ends"),
    OPTIONS_END,
};

/* What the command line asked for. The JSON is owned. */
struct work {
    json_t *entry; /* without items */
    json_t *items; /* NULL: none */
    bool process;  /* its one job stands for a process, see process.h */
};

static void clear_work(struct work *work)
{
    json_decref(work->entry);
    json_decref(work->items);
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
        return ctl_fail(ctl, CTL_USAGE, "PLUGIN is to stand in front of '--'");
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

/* Reads the command line into *work, which the caller clears in any case. */
static int read_work(struct ctl *ctl, const struct run_options *given, int count, char **arguments,
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
    if (given->count > 0 &&
        json_object_set_new(work->entry, "count", json_integer(given->count)) < 0)
        return ctl_fail_memory(ctl);
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
    struct upload *upload;
    int code = upload_open(ctl, connection, upload_options, follow, &upload);
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
        .no_bar = single,
    };
    struct upload_options upload_options = {
        .name = given->name,
        .events = follow_events(ctl, &follow_options),
    };
    struct follow follow;
    uint64_t batch, jobs;
    follow_init(&follow, ctl, connection, &follow_options);
    int code = submit(ctl, connection, &upload_options, work, &follow, &batch, &jobs);
    return code ? code : follow_run(&follow);
}

static int run_and_leave(struct ctl *ctl, const struct run_options *given,
                         struct connection *connection, const struct work *work)
{
    struct upload_options upload_options = {.name = given->name, .events = "none"};
    uint64_t batch, jobs;
    int code = submit(ctl, connection, &upload_options, work, NULL, &batch, &jobs);
    if (code == CTL_OK && !ctl->json)
        (void)printf("%ju\n", (uintmax_t)batch); /* main looks at ferror */
    return code;
}

static int run(struct ctl *ctl, const void *given, int count, char **arguments)
{
    const struct run_options *run_options = given;
    struct work work = {.entry = NULL};
    struct connection *connection = NULL;
    int code = read_work(ctl, run_options, count, arguments, &work);
    if (code == CTL_OK)
        code = connection_open(ctl, &connection);
    if (code == CTL_OK) {
        interrupt_catch();
        code = run_options->no_wait ? run_and_leave(ctl, run_options, connection, &work)
                                    : run_and_wait(ctl, run_options, connection, &work);
    }
    connection_close(connection);
    clear_work(&work);
    return code;
}

const struct command command_run = {
    .name = "run",
    .usage = "PLUGIN [KEY=VALUE...] [OPTION...] [-- ARGV...]",
    .summary = "run jobs of one kind, wait for them and sum up",
    .text =
        "PLUGIN is a kind of job; `awaitctl plugins` lists them, and `awaitctl plugins PLUGIN`\n"
        "tells what KEYs it takes. A KEY given again makes a list; KEY:=JSON gives a JSON value.\n"
        "One job's output goes to standard output. Exits with 0 if every job succeeded, 1 if\n"
        "not; ^C ends the watching, not the batch.\n"
        "\n"
        "ARGV is a command and its arguments, for the parameter argv. One job of it prints what\n"
        "the command printed and exits as it exited.\n",
    .examples = "  awaitctl run wait seconds=250ms\n"
                "  awaitctl run wait seconds=1 --count 10\n"
                "  awaitctl run wait --items 0.1,0.2,0.3 seconds={item} --output\n"
                "  awaitctl run wait seconds=1h --no-wait --name nightly\n"
                "  awaitctl run exec -- ls -l\n"
                "  awaitctl run exec --items a.txt,b.txt -- gzip {item}\n",
    .options = options,
    .options_size = sizeof(struct run_options),
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
};
