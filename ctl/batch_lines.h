/*
 * A batch written as JSON lines:
 *
 *     {"batch": {"name": "nightly", "limit": 4}}
 *     {"plugin": "wait", "name": "first", "params": {"seconds": 1}, "count": 10}
 *     {"plugin": "wait", "after": "first", "params": {"seconds": "250ms"}}
 *
 * The first line, with the batch's terms, may be missing. There may be any number of lines: none is kept.
 */
#ifndef AWAITCTL_BATCH_LINES_H
#define AWAITCTL_BATCH_LINES_H

#include <stdbool.h>
#include <stdint.h>

struct connection;
struct ctl;
struct lines;
struct sha256;
struct terms;
struct upload;

/* All but the last two are the caller's to set. */
struct batch_lines {
    struct ctl *ctl;
    struct connection *connection; /* the upload's */
    struct terms *terms;           /* gets what the first line says; the upload's, too */
    struct lines *lines;           /* of the file */
    const char *label;             /* the file in messages */
    uint64_t entries;              /* read so far */
    bool has_header;               /* the first line gave the batch's terms */
};

/* Adds all entries to the upload, until it turns out that the batch exists. CTL_REFUSED: *ctl tells FILE:LINE;
 * CTL_USAGE: the file cannot be read; CTL_INTERRUPTED; and what uploading says. */
int batch_lines_add(struct batch_lines *batch, struct upload *upload);

/* Adds to `content` what the entries are, from where the file's descriptor stands, to its end; the lines that were read
 * before stay as they are. An exit code as above. */
int batch_lines_content(const struct batch_lines *batch, struct sha256 *content);

#endif
