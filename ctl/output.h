/*
 * A job's output on standard output.
 */
#ifndef AWAITCTL_OUTPUT_H
#define AWAITCTL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

struct ctl;

/* A job's output, as it was written by the plugin. */
struct output {
    const char *data; /* never NULL */
    size_t size;
    unsigned char *decoded; /* owned, where it came as base64 */
    bool truncated;         /* it was cut at the daemon's limit */
};

/* Takes the output out of a job's JSON; views into it where possible. -EINVAL: broken base64, or no memory
 * for it. Release with output_clear(). */
int output_read(const json_t *job, struct output *out);
/* The same with what a process wrote to its standard error, which a job's details tell. */
int output_read_errors(const json_t *job, struct output *out);
void output_clear(struct output *output);

/* Writes it byte for byte, as ctl_write() does; on a terminal, or where standard error goes to the same
 * place, a missing last newline is added. */
void output_print(struct ctl *ctl, const struct output *output);
/* Whether words on standard error would run on in a line, after these were written there and to standard output
 * byte for byte. */
bool output_leaves_line_open(const struct output *output, const struct output *errors);
/* Writes each of its lines behind the prefix, the last one with a newline. */
void output_print_lines(const struct output *output, const char *prefix);

/* Warns that a job's output is not complete. */
void output_tell_cut(struct ctl *ctl, uint64_t batch, uint64_t job);

#endif
