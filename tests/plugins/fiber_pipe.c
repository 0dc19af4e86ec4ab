/* Waits for descriptors in a fiber. */
#include <unistd.h>
#include <awaitd/plugin.h>

/* Waits for an empty pipe, then for a full one, then for a descriptor that is none. */
static int wait_for_pipe(struct aw_job *job, const int fds[2])
{
    int result = aw_wait_fd(job, fds[0], AW_READABLE, 0.01);
    if (result != AW_TIMED_OUT)
        return result == AW_CANCELLED ? result : aw_fail(job, "an empty pipe: %d", result);
    if (write(fds[1], "x", 1) != 1)
        return aw_fail(job, "cannot write");
    result = aw_wait_fd(job, fds[0], AW_READABLE, -1);
    if (result != AW_READABLE)
        return aw_fail(job, "a full pipe: %d", result);
    result = aw_wait_fd(job, fds[1], AW_READABLE | AW_WRITABLE, 10);
    if (result != AW_WRITABLE)
        return aw_fail(job, "the other end: %d", result);
    if (aw_wait_fd(job, 9999, AW_READABLE, 1) != AW_FAILED ||
        aw_wait_fd(job, fds[0], 0, 1) != AW_FAILED)
        return aw_fail(job, "waited for what cannot be waited for");
    aw_outputf(job, "ready");
    return AW_OK;
}

static int run(struct aw_job *job, const void *params)
{
    int fds[2];
    (void)params;
    if (pipe(fds))
        return aw_fail(job, "no pipe");
    int result = wait_for_pipe(job, fds);
    close(fds[0]);
    close(fds[1]);
    return result;
}

AW_PLUGIN(.name = "fiber_pipe", .version = "1", .summary = "fiber_pipe, for the tests",
          .fiber = run);
