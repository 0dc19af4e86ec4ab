/*
 * A job's output on standard output. Never alters a byte of it in a pipe or file of its own, so
 * that it can be compared.
 */
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/base64.h"
#include "ctl.h"

static int read_bytes(const json_t *text, const json_t *base64, bool truncated, struct output *out)
{
    struct output output = {.data = "", .truncated = truncated};
    if (json_is_string(text)) {
        output.data = json_string_value(text);
        output.size = json_string_length(text);
    } else if (json_is_string(base64)) {
        output.decoded =
            base64_decode(json_string_value(base64), json_string_length(base64), &output.size);
        if (!output.decoded)
            return -EINVAL;
        output.data = (const char *)output.decoded;
    }
    *out = output;
    return 0;
}

int output_read(const json_t *job, struct output *out)
{
    return read_bytes(json_object_get(job, "output"), json_object_get(job, "output_base64"),
                      json_is_true(json_object_get(job, "truncated")), out);
}

int output_read_errors(const json_t *job, struct output *out)
{
    const json_t *details = json_object_get(job, "details");
    return read_bytes(json_object_get(details, "stderr"), json_object_get(details, "stderr_base64"),
                      json_is_true(json_object_get(details, "stderr_truncated")), out);
}

void output_clear(struct output *output)
{
    free(output->decoded);
    *output = (struct output){.data = ""};
}

/* Whether words on standard error would run on in the same line. */
static bool is_shared_with_stderr(void)
{
    struct stat out, err;
    return fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
           out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

bool output_leaves_line_open(const struct output *output, const struct output *errors)
{
    if (errors->size > 0)
        return errors->data[errors->size - 1] != '\n';
    return output->size > 0 && output->data[output->size - 1] != '\n' && is_shared_with_stderr();
}

void output_print(struct ctl *ctl, const struct output *output)
{
    ctl_write(ctl, output->data, output->size);
    if (output->size > 0 && output->data[output->size - 1] != '\n' &&
        (isatty(STDOUT_FILENO) || is_shared_with_stderr()))
        (void)putchar('\n');
}

void output_print_lines(const struct output *output, const char *prefix)
{
    const char *at = output->data, *end = at + output->size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((newline ? newline : end) - at);
        (void)fputs(prefix, stdout); /* main looks at ferror */
        (void)fwrite(at, 1, size, stdout);
        (void)putchar('\n');
        at += size + 1;
    }
}

void output_tell_cut(struct ctl *ctl, uint64_t batch, uint64_t job)
{
    ctl_warn(ctl, "%ju.%ju: the output was cut at the daemon's limit, limits.output_bytes",
             (uintmax_t)batch, (uintmax_t)job);
}
