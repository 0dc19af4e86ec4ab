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

int process_print(struct ctl *ctl, const json_t *job)
{
    struct output output, errors = {.data = ""};
    if (output_read(job, &output) < 0)
        return ctl_fail(ctl, CTL_NO_DAEMON, "the daemon sent an output that is no base64");
    ctl_write(ctl, output.data, output.size);
    ctl_flush(ctl); /* in this order, where both are the same */
    int code = CTL_OK;
    if (output_read_errors(job, &errors) < 0)
        code = ctl_fail(ctl, CTL_NO_DAEMON, "the daemon sent a standard error that is no base64");
    (void)fwrite(errors.data, 1, errors.size, stderr); /* nobody is left to tell */
    if ((output.truncated || errors.truncated) && output_leaves_line_open(&output, &errors))
        (void)fputc('\n', stderr);
    if (output.truncated)
        ctl_warn(ctl, "the output was cut at the daemon's limit, limits.output_bytes");
    if (errors.truncated)
        ctl_warn(ctl, "the standard error was cut at its limit");
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
