/*
 * Turns a job back into the process that it was. Trusts nothing in the details: they are a plugin's.
 */
#include "process.h"

#include <stdio.h>
#include <string.h>
#include "ctl.h"
#include "output.h"
#include "wire/job_state.h"

/* The largest exit status, and what shells add to the number of a signal. */
#define STATUS_MAX 255
#define SIGNAL_STATUS 128

static int print(struct ctl *ctl, FILE *file, int broken, const struct output *output,
                 const char *what)
{
    if (broken < 0)
        return ctl_fail(ctl, CTL_NO_DAEMON, "the daemon sent %s that is no base64", what);
    (void)fwrite(output->data, 1, output->size, file); /* main looks at ferror(stdout) */
    (void)fflush(file);                                /* in this order, where both are the same */
    return CTL_OK;
}

int process_print(struct ctl *ctl, const json_t *job)
{
    struct output output, errors = {.data = ""};
    int code = print(ctl, stdout, output_read(job, &output), &output, "an output");
    if (code)
        return code;
    code = print(ctl, stderr, output_read_errors(job, &errors), &errors, "a standard error");
    if (output.truncated)
        ctl_say(ctl, "awaitctl: the output was cut at the daemon's limit");
    if (errors.truncated)
        ctl_say(ctl, "awaitctl: the standard error was cut at its limit");
    output_clear(&output);
    output_clear(&errors);
    return code;
}

int process_status(const json_t *job)
{
    const json_t *details = json_object_get(job, "details");
    const json_t *exited = json_object_get(details, "exit");
    const json_t *killed = json_object_get(details, "signal_number");
    const char *state = json_string_value(json_object_get(job, "state"));
    json_int_t status = -1;
    if (json_is_integer(exited))
        status = json_integer_value(exited);
    else if (json_is_integer(killed) && json_integer_value(killed) > 0 &&
             json_integer_value(killed) <= STATUS_MAX - SIGNAL_STATUS)
        status = SIGNAL_STATUS + json_integer_value(killed);
    bool succeeded = state && strcmp(state, job_state_name(JOB_SUCCEEDED)) == 0;
    return status > STATUS_MAX || status < (succeeded ? 0 : 1) ? -1 : (int)status;
}
