/*
 * awaitctl submit: a batch from a file or a pipe, as JSON lines of job entries or as a libconfig
 * batch. Lines are sent on as they come, so that there may be any number of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "batch_file.h"
#include "connection.h"
#include "ctl.h"
#include "follow.h"
#include "interrupt.h"
#include "lines.h"
#include "options.h"
#include "text.h"
#include "upload.h"

/* How long input may pause before what there is is sent on its own: longer than a writer takes
 * between two lines, shorter than people wait. A short input thus goes as one message, whole. */
#define PAUSE_MS 100
/* Bytes of a libconfig file, which is read whole; larger batches are for JSON lines. */
#define BATCH_FILE_MAX ((size_t)64 << 20)

struct submit_options {
    const char *name;
    bool wait, follow;
};

static const struct option_row options[] = {
    OPTION(struct submit_options, name, .name = "name", .argument = "NAME",
           .text = "the batch's name"),
    OPTION(struct submit_options, wait, .name = "wait", .letter = 'w',
           .text = "wait for the batch and print its summary"),
    OPTION(struct submit_options, follow, .name = "follow", .letter = 'f',
           .text = "the same, and print a line for each job as it ends"),
    OPTIONS_END,
};

struct submission {
    struct ctl *ctl;
    const struct submit_options *given;
    const char *label; /* the file in messages */
    struct lines lines;
    struct connection *connection;
    struct follow follow;
    struct batch_file *batch_file; /* NULL: JSON lines */
    uint64_t entries;              /* read so far */
};

/* ---- JSON lines ---------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Adds one line, unless it is blank or a comment. */
static int add_line(struct submission *submission, struct upload *upload, const char *line,
                    size_t size)
{
    uint64_t number = submission->lines.number;
    while (size > 0 && is_blank(*line)) {
        line++;
        size--;
    }
    while (size > 0 && is_blank(line[size - 1]))
        size--;
    if (size == 0 || *line == '#')
        return CTL_OK;

    json_error_t error;
    json_t *entry = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!entry)
        return ctl_fail(submission->ctl, CTL_REFUSED, "%s:%ju: not JSON: %s", submission->label,
                        (uintmax_t)number, error.text);
    bool is_object = json_is_object(entry);
    json_decref(entry);
    if (!is_object)
        return ctl_fail(submission->ctl, CTL_REFUSED,
                        "%s:%ju: must be an object such as {\"plugin\": \"wait\"}",
                        submission->label, (uintmax_t)number);
    submission->entries++;
    return upload_add(upload, line, size, number);
}

/* Reads more of the file. Meanwhile sends what waits if the file pauses, and takes what the daemon
 * says. */
static int read_more(struct submission *submission, struct upload *upload)
{
    enum { FILE_FD, SOCKET_FD, FDS };
    struct pollfd fds[FDS] = {
        [FILE_FD] = {.fd = submission->lines.fd, .events = POLLIN},
        [SOCKET_FD] = {.fd = connection_fd(submission->connection), .events = POLLIN},
    };
    if (connection_has_input(submission->connection))
        return upload_take(upload);
    ctl_flush(submission->ctl);
    int ready = interrupt_poll(fds, FDS, upload_is_waiting(upload) ? PAUSE_MS : -1);
    if (ready == -EINTR)
        return ctl_fail(submission->ctl, CTL_INTERRUPTED, "interrupted");
    if (ready == 0)
        return upload_flush(upload);
    if (fds[SOCKET_FD].revents)
        return upload_take(upload);
    int result = lines_fill(&submission->lines);
    if (result == -EINTR || result == -EAGAIN || result == 0)
        return CTL_OK;
    return ctl_fail(submission->ctl, CTL_USAGE, "%s: %s", submission->label, strerror(-result));
}

static int add_lines(struct submission *submission, struct upload *upload)
{
    int code = upload_entry_max(upload, &submission->lines.max);
    while (code == CTL_OK) {
        const char *line;
        size_t size;
        int result = lines_next(&submission->lines, &line, &size);
        if (result == 0)
            return CTL_OK;
        if (result == 1)
            code = add_line(submission, upload, line, size);
        else if (result == -EAGAIN)
            code = read_more(submission, upload);
        else
            code = ctl_fail(submission->ctl, CTL_REFUSED,
                            "%s:%ju: the line is longer than the daemon takes (%zu bytes)",
                            submission->label, (uintmax_t)submission->lines.number + 1,
                            submission->lines.max);
    }
    return code;
}

/* ---- A libconfig batch --------------------------------------------------------------------------- */

static int add_batch_file(struct submission *submission, struct upload *upload)
{
    size_t count = batch_file_count(submission->batch_file);
    for (size_t i = 0; i < count; i++) {
        json_t *entry;
        uint64_t line;
        int code = batch_file_entry(submission->batch_file, i, &entry, &line);
        if (code)
            return code;
        AUTO_FREE char *text = json_dumps(entry, JSON_COMPACT);
        json_decref(entry);
        if (!text)
            return ctl_fail_memory(submission->ctl);
        submission->entries++;
        code = upload_add(upload, text, strlen(text), line);
        if (code)
            return code;
    }
    return CTL_OK;
}

/* Reads the rest of the file and takes it as a libconfig batch. */
static int read_batch_file(struct submission *submission)
{
    struct lines *lines = &submission->lines;
    size_t size = 0;
    int result = 0;
    while (result == 0 && !lines->at_eof && size <= BATCH_FILE_MAX) {
        result = lines_fill(lines);
        (void)lines_peek(lines, &size);
    }
    const char *text = lines_peek(lines, &size);
    if (result < 0)
        return ctl_fail(submission->ctl, result == -EINTR ? CTL_INTERRUPTED : CTL_USAGE, "%s: %s",
                        submission->label, strerror(-result));
    if (size > BATCH_FILE_MAX)
        return ctl_fail(submission->ctl, CTL_REFUSED, "%s: larger than %zu bytes; use JSON lines",
                        submission->label, BATCH_FILE_MAX);
    if (memchr(text, '\0', size))
        return ctl_fail(submission->ctl, CTL_REFUSED, "%s: holds a NUL byte", submission->label);
    AUTO_FREE char *copy = strndup(text, size);
    if (!copy)
        return ctl_fail_memory(submission->ctl);
    return batch_file_read(submission->ctl, copy, submission->label, &submission->batch_file);
}

/* ---- Submitting ---------------------------------------------------------------------------------- */

static int upload_all(struct submission *submission, const struct upload_options *upload_options,
                      bool follows, uint64_t *batch, uint64_t *jobs)
{
    struct upload *upload;
    int code = upload_open(submission->ctl, submission->connection, upload_options,
                           follows ? &submission->follow : NULL, &upload);
    if (code)
        return code;
    code =
        submission->batch_file ? add_batch_file(submission, upload) : add_lines(submission, upload);
    if (code == CTL_OK && submission->entries == 0)
        code = ctl_fail(submission->ctl, CTL_REFUSED, "%s: there are no jobs in it",
                        submission->label);
    if (code == CTL_OK)
        code = upload_finish(upload, batch, jobs);
    if (code) {
        progress_hide(&submission->follow.progress);
        upload_abandon(upload, code);
    }
    upload_close(upload);
    return code;
}

static int submit(struct submission *submission)
{
    struct ctl *ctl = submission->ctl;
    const struct submit_options *given = submission->given;
    const struct follow_options follow_options = {.lines = given->follow};
    bool follows = given->wait || given->follow;
    struct upload_options upload_options = {
        .name = given->name,
        .events = follows ? follow_events(ctl, &follow_options) : "none",
        .file = submission->label,
    };
    if (!upload_options.name && submission->batch_file)
        upload_options.name = batch_file_name(submission->batch_file);

    uint64_t batch, jobs;
    follow_init(&submission->follow, ctl, submission->connection, &follow_options);
    int code = upload_all(submission, &upload_options, follows, &batch, &jobs);
    if (code)
        return code;
    if (follows)
        return follow_run(&submission->follow);
    if (!ctl->json) {
        char count[48];
        (void)printf("%ju\n", (uintmax_t)batch); /* main looks at ferror */
        ctl_say(ctl, "batch %ju: submitted %s", (uintmax_t)batch,
                text_count(jobs, "job", "jobs", count, sizeof(count)));
    }
    return CTL_OK;
}

/* Reads the beginning of the file to see what it is. */
static int look_at_file(struct submission *submission, const char *path)
{
    size_t size;
    int result = lines_fill(&submission->lines);
    if (result < 0)
        return ctl_fail(submission->ctl, result == -EINTR ? CTL_INTERRUPTED : CTL_USAGE, "%s: %s",
                        submission->label, strerror(-result));
    const char *start = lines_peek(&submission->lines, &size);
    if (batch_file_is(path, start, size))
        return read_batch_file(submission);
    return CTL_OK;
}

static int run(struct ctl *ctl, const void *given, int count, char **arguments)
{
    (void)count;
    const char *path = arguments[0];
    bool is_stdin = strcmp(path, "-") == 0;
    struct submission submission = {
        .ctl = ctl,
        .given = given,
        .label = is_stdin ? "stdin" : path,
        .lines = {.fd = STDIN_FILENO},
    };
    AUTO_CLOSE int fd = -1;
    if (!is_stdin) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return ctl_fail(ctl, CTL_USAGE, "%s: %s", path, strerror(errno));
        submission.lines.fd = fd;
    }

    interrupt_catch();
    int code = connection_open(ctl, &submission.connection);
    if (code == CTL_OK)
        code = look_at_file(&submission, path);
    if (code == CTL_OK)
        code = submit(&submission);
    connection_close(submission.connection);
    batch_file_free(submission.batch_file);
    lines_free(&submission.lines);
    return code;
}

const struct command command_submit = {
    .name = "submit",
    .usage = "FILE|- [OPTION...]",
    .summary = "submit a batch of jobs from a file or a pipe",
    .text =
        "FILE holds a job entry per line, in JSON: plugin, params, and, if wanted, name and\n"
        "count or items; blank lines and those that begin with # are skipped. Or it is a\n"
        "libconfig batch: its name ends in .conf, or it begins with jobs or name. `-` is\n"
        "standard input. Prints the batch's number, unless it waits for the summary.\n"
        "What fits one message (about 500 kB) is accepted whole or refused whole; more is sent\n"
        "as it comes, jobs start meanwhile, and an entry that is refused cancels the batch.\n",
    .examples = "  awaitctl submit jobs.jsonl --wait\n"
                "  awaitctl submit nightly.conf --follow\n"
                "  seq 9 | jq -c '{plugin: \"wait\", params: {seconds: .}}' | awaitctl submit -\n",
    .options = options,
    .options_size = sizeof(struct submit_options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
