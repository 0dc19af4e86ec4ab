/*
 * Adds line after line as they come. While the file pauses, what there is is sent, and what the daemon says is taken:
 * neither end waits for the other for ever. An entry is only seen to be an object; what it says is the daemon's to
 * check.
 */
#include "batch_lines.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/cleanup.h"
#include "connection.h"
#include "content.h"
#include "ctl.h"
#include "interrupt.h"
#include "lines.h"
#include "terms.h"
#include "upload.h"

/* How long input may pause before what there is is sent on its own: longer than a writer takes
 * between two lines, shorter than people wait. A short input thus goes as one message, whole. */
#define PAUSE_MS 100

static int fail_too_long(const struct batch_lines *batch, const struct lines *lines)
{
    return ctl_fail(batch->ctl, CTL_REFUSED,
                    "%s:%ju: the line is longer than the daemon takes (%zu bytes)", batch->label,
                    (uintmax_t)lines->number + 1, lines->max);
}

static int add_header_term(struct batch_lines *batch, const char *name, json_t *value)
{
    uintmax_t line = batch->lines->number;
    AUTO_FREE char *place = NULL;
    if (!terms_has(name, strlen(name)))
        return ctl_fail(batch->ctl, CTL_REFUSED,
                        "%s:%ju: batch.%s: unknown; a batch has a name and terms, see awaitctl(1)",
                        batch->label, line, name);
    if (asprintf(&place, "%s:%ju: batch.%s", batch->label, line, name) < 0)
        return ctl_fail_memory(batch->ctl);
    return terms_add(batch->ctl, batch->terms, name, value, place);
}

/* The line {"batch": {...}}, which comes before all entries. */
static int read_header(struct batch_lines *batch, json_t *header, struct upload *upload)
{
    json_t *terms = json_object_get(header, "batch"), *value;
    const char *name, *problem = NULL;
    if (batch->entries > 0 || batch->has_header)
        problem = "the batch's terms stand in the first line alone";
    else if (json_object_size(header) > 1 || !json_is_object(terms))
        problem = "must be alone in its line, and an object such as {\"batch\": {\"limit\": 10}}";
    if (problem)
        return ctl_fail(batch->ctl, CTL_REFUSED, "%s:%ju: batch: %s", batch->label,
                        (uintmax_t)batch->lines->number, problem);
    batch->has_header = true;
    json_object_foreach (terms, name, value) {
        int code = add_header_term(batch, name, value);
        if (code)
            return code;
    }
    return upload_read_terms(upload);
}

/* Adds one line, unless it is blank or a comment. */
static int add_line(struct batch_lines *batch, struct upload *upload, const char *line, size_t size)
{
    uint64_t number = batch->lines->number;
    if (!lines_trim(&line, &size))
        return CTL_OK;

    json_error_t error;
    json_t *entry = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!entry)
        return ctl_fail(batch->ctl, CTL_REFUSED, "%s:%ju: not JSON: %s", batch->label,
                        (uintmax_t)number, error.text);
    int code = CTL_OK;
    bool is_object = json_is_object(entry), is_header = json_object_get(entry, "batch");
    if (is_header)
        code = read_header(batch, entry, upload);
    json_decref(entry);
    if (code || is_header)
        return code;
    if (!is_object)
        return ctl_fail(batch->ctl, CTL_REFUSED,
                        "%s:%ju: must be an object such as {\"plugin\": \"wait\"}", batch->label,
                        (uintmax_t)number);
    batch->entries++;
    return upload_add(upload, line, size, number);
}

/* Reads more of the file. Meanwhile sends what waits if the file pauses, and takes what the daemon
 * says. */
static int read_more(struct batch_lines *batch, struct upload *upload)
{
    enum { FILE_FD, SOCKET_FD, FDS };
    struct pollfd fds[FDS] = {
        [FILE_FD] = {.fd = batch->lines->fd, .events = POLLIN},
        [SOCKET_FD] = {.fd = connection_fd(batch->connection), .events = POLLIN},
    };
    if (connection_has_input(batch->connection))
        return upload_take(upload);
    ctl_flush(batch->ctl);
    int ready = interrupt_poll(fds, FDS, upload_is_waiting(upload) ? PAUSE_MS : -1);
    if (ready == -EINTR)
        return ctl_fail(batch->ctl, CTL_INTERRUPTED, "interrupted");
    if (ready == 0)
        return upload_flush(upload);
    if (fds[SOCKET_FD].revents)
        return upload_take(upload);
    int result = lines_fill(batch->lines);
    if (result == -EINTR || result == -EAGAIN || result == 0)
        return CTL_OK;
    return ctl_fail(batch->ctl, CTL_USAGE, "%s: %s", batch->label, strerror(-result));
}

int batch_lines_add(struct batch_lines *batch, struct upload *upload)
{
    int code = upload_entry_max(upload, &batch->lines->max);
    while (code == CTL_OK && !upload_is_existing(upload)) {
        const char *line;
        size_t size;
        int result = lines_next(batch->lines, &line, &size);
        if (result == 0)
            break;
        if (result == 1)
            code = add_line(batch, upload, line, size);
        else if (result == -EAGAIN)
            code = read_more(batch, upload);
        else
            code = fail_too_long(batch, batch->lines);
    }
    return code;
}

int batch_lines_content(const struct batch_lines *batch, struct sha256 *content)
{
    struct lines lines = {.fd = batch->lines->fd, .max = batch->lines->max};
    int error = content_add_lines(content, &lines), code = CTL_OK;
    if (error == -E2BIG)
        code = fail_too_long(batch, &lines);
    else if (error == -EINTR)
        code = ctl_fail(batch->ctl, CTL_INTERRUPTED, "interrupted");
    else if (error)
        code = ctl_fail(batch->ctl, CTL_USAGE, "%s: %s", batch->label, strerror(-error));
    lines_free(&lines);
    return code;
}
