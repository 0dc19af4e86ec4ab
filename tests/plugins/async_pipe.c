/* Waits for a descriptor with a callback; its state says how far it is. */
#include <unistd.h>
#include <awaitd/plugin.h>

struct state {
    int fds[2];
};

static void end(struct aw_job *job, enum aw_result result)
{
    struct state *state = aw_state(job);
    close(state->fds[0]);
    close(state->fds[1]);
    aw_finish(job, result);
}

static void on_readable(struct aw_job *job, int ready)
{
    if (ready == AW_READABLE) {
        aw_outputf(job, "ready");
        end(job, AW_OK);
    } else {
        aw_fail(job, "a full pipe: %d", ready);
        end(job, AW_FAILED);
    }
}

static void on_timeout(struct aw_job *job, int ready)
{
    struct state *state = aw_state(job);
    if (ready != AW_TIMED_OUT || write(state->fds[1], "x", 1) != 1 ||
        aw_on_fd(job, state->fds[0], AW_READABLE, -1, on_readable) != AW_OK)
        end(job, aw_fail(job, "an empty pipe: %d", ready));
}

static int start(struct aw_job *job, const void *params)
{
    struct state *state = aw_state(job);
    (void)params;
    if (pipe(state->fds))
        return aw_fail(job, "no pipe");
    return aw_on_fd(job, state->fds[0], AW_READABLE, 0.01, on_timeout);
}

AW_PLUGIN(.name = "async_pipe", .version = "1", .summary = "async_pipe, for the tests",
          .async = start, .state_size = sizeof(struct state));
