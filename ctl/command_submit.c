/*
 * awaitctl submit: a batch from a file or a pipe, as JSON lines of job entries or as a libconfig
 * batch. Lines are sent on as they come, so that there may be any number of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "batch_file.h"
#include "batch_lines.h"
#include "connection.h"
#include "ctl.h"
#include "follow.h"
#include "interrupt.h"
#include "lines.h"
#include "options.h"
#include "terms.h"
#include "text.h"
#include "upload.h"

/* Bytes of a libconfig file, which is read whole; larger batches are for JSON lines. */
#define BATCH_FILE_MAX ((size_t)64 << 20)

struct submit_options {
    bool wait, follow;
    struct terms_options terms;
};

static const struct option_row options[] = {
    OPTION(struct submit_options, wait, .name = "wait", .letter = 'w',
           .text = "wait for the batch and print its summary"),
    OPTION(struct submit_options, follow, .name = "follow", .letter = 'f',
           .text = "the same, and print a line for each job as it ends"),
    OPTION_ROWS_OF(struct submit_options, terms, terms_rows),
    OPTIONS_END,
};

struct submission {
    struct ctl *ctl;
    const struct submit_options *given;
    const char *label; /* the file in messages */
    struct lines lines;
    off_t begin; /* where the file begins; -1: it can be read only once */
    struct connection *connection;
    struct follow follow;
    struct batch_file *batch_file; /* NULL: JSON lines */
    struct batch_lines batch_lines;
    struct terms terms;
    uint64_t entries; /* added so far, of a libconfig batch */
    bool existing;    /* the batch was there before, by its key */
};

/* ---- A libconfig batch --------------------------------------------------------------------------- */

static int add_batch_file(struct submission *submission, struct upload *upload)
{
    size_t count = batch_file_count(submission->batch_file);
    for (size_t i = 0; i < count && !upload_is_existing(upload); i++) {
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

/* Reads more of the file, however long that takes to come. */
static int read_more(struct submission *submission)
{
    struct pollfd fd = {.fd = submission->lines.fd, .events = POLLIN};
    int result = interrupt_poll(&fd, 1, -1);
    if (result >= 0)
        result = lines_fill(&submission->lines);
    if (result == -EINTR)
        return ctl_fail(submission->ctl, CTL_INTERRUPTED, "interrupted");
    if (result < 0)
        return ctl_fail(submission->ctl, CTL_USAGE, "%s: %s", submission->label, strerror(-result));
    return CTL_OK;
}

/* Reads the rest of the file and takes it as a libconfig batch. */
static int read_batch_file(struct submission *submission)
{
    struct lines *lines = &submission->lines;
    size_t size = 0;
    while (!lines->at_eof && size <= BATCH_FILE_MAX) {
        int code = read_more(submission);
        if (code)
            return code;
        (void)lines_peek(lines, &size);
    }
    const char *text = lines_peek(lines, &size);
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

/* ---- What its entries are, before they are sent ---------------------------------------------------- */

static int content_of_batch_file(struct submission *submission, struct sha256 *content)
{
    size_t count = batch_file_count(submission->batch_file);
    for (size_t i = 0; i < count; i++) {
        json_t *entry;
        uint64_t line;
        int code = batch_file_entry(submission->batch_file, i, &entry, &line);
        if (code)
            return code;
        int error = content_add(content, entry);
        json_decref(entry);
        if (error)
            return ctl_fail_memory(submission->ctl);
    }
    return CTL_OK;
}

/* A file is read twice for it; what comes from a pipe is not known before it is sent. */
static int tell_content(void *context, char text[CONTENT_SIZE])
{
    struct submission *submission = context;
    struct sha256 content;
    content_begin(&content);
    int fd = submission->lines.fd, code;
    if (submission->batch_file) {
        code = content_of_batch_file(submission, &content);
    } else {
        off_t now = lseek(fd, 0, SEEK_CUR);
        if (submission->begin < 0 || now < 0 || lseek(fd, submission->begin, SEEK_SET) < 0)
            return CTL_OK;
        code = batch_lines_content(&submission->batch_lines, &content);
        if (lseek(fd, now, SEEK_SET) < 0 && code == CTL_OK)
            code =
                ctl_fail(submission->ctl, CTL_USAGE, "%s: %s", submission->label, strerror(errno));
    }
    content_end(&content, text);
    return code;
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
    code = submission->batch_file ? add_batch_file(submission, upload)
                                  : batch_lines_add(&submission->batch_lines, upload);
    if (code == CTL_OK && submission->entries + submission->batch_lines.entries == 0)
        code = ctl_fail(submission->ctl, CTL_REFUSED, "%s: there are no jobs in it",
                        submission->label);
    if (code == CTL_OK)
        code = upload_finish(upload, batch, jobs);
    submission->existing = upload_is_existing(upload);
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
        .terms = &submission->terms,
        .events = follows ? follow_events(ctl, &follow_options) : "none",
        .file = submission->label,
        .content = tell_content,
        .context = submission,
    };
    uint64_t batch, jobs;
    int code = terms_add_options(ctl, &submission->terms, &given->terms);
    if (code == CTL_OK && submission->batch_file)
        code = batch_file_terms(submission->batch_file, &submission->terms);
    if (code)
        return code;
    submission->batch_lines = (struct batch_lines){.ctl = ctl,
                                                   .connection = submission->connection,
                                                   .terms = &submission->terms,
                                                   .lines = &submission->lines,
                                                   .label = submission->label};
    follow_init(&submission->follow, ctl, submission->connection, &follow_options);
    code = upload_all(submission, &upload_options, follows, &batch, &jobs);
    if (code)
        return code;
    if (follows)
        return follow_run(&submission->follow);
    if (!ctl->json) {
        char count[48];
        (void)printf("%ju\n", (uintmax_t)batch); /* main looks at ferror */
        if (!submission->existing)
            ctl_say(ctl, "batch %ju: submitted %s", (uintmax_t)batch,
                    text_count(jobs, "job", "jobs", count, sizeof(count)));
    }
    return CTL_OK;
}

/* Reads the beginning of the file to see what it is. */
static int look_at_file(struct submission *submission, const char *path)
{
    size_t size;
    int code = read_more(submission);
    if (code)
        return code;
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

    submission.begin = lseek(submission.lines.fd, 0, SEEK_CUR);

    interrupt_catch();
    int code = connection_open(ctl, &submission.connection);
    if (code == CTL_OK)
        code = look_at_file(&submission, path);
    if (code == CTL_OK)
        code = submit(&submission);
    connection_close(submission.connection);
    batch_file_free(submission.batch_file);
    terms_clear(&submission.terms);
    lines_free(&submission.lines);
    return code;
}

const struct command command_submit = {
    .name = "submit",
    .usage = "FILE|- [OPTION...]",
    .summary = "submit a batch of jobs from a file or a pipe",
    .text =
        "FILE holds a job entry per line, in JSON: plugin, params, and, if wanted, name, count\n"
        "or items, timeout, retry, delay, after and after_any; blank lines and those that begin\n"
        "with # are skipped. The first line may hold the batch's terms: {\"batch\": {\"limit\": "
        "4}}.\n"
        "Or it is a libconfig batch: its name ends in .conf, or it begins with jobs = or a term.\n"
        "Options come before what the file says. `-` is standard input. Prints the batch's\n"
        "number, unless it waits for the summary.\n"
        "What fits one message (about 500 kB) is accepted whole or refused whole; more is sent\n"
        "as it comes, jobs start meanwhile, and an entry that is refused cancels the batch.\n",
    .examples = "  awaitctl submit jobs.jsonl --wait\n"
                "  awaitctl submit nightly.conf --follow\n"
                "  awaitctl submit jobs.jsonl --limit 20 --retry 3 --on-failure cancel --wait\n"
                "  awaitctl submit orders.jsonl --key orders-2027-01-31\n"
                "  seq 9 | jq -c '{plugin: \"wait\", params: {seconds: .}}' | awaitctl submit -\n",
    .options = options,
    .options_size = sizeof(struct submit_options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
