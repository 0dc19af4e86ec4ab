/* What a job must remember from one call to the next; zero when it starts. */
struct state {
    int64_t said;
};

/* Takes one step and returns at once; the loop calls again when the pause is over. */
static void say(struct aw_job *job)
{
    const struct params *wanted = aw_params(job);
    struct state *state = aw_state(job);
    aw_outputf(job, "%s\n", wanted->text);
    if (++state->said < wanted->times)
        aw_after(job, wanted->pause.seconds, say);
    else
        aw_finish(job, AW_OK);
}

static int start(struct aw_job *job, const void *data)
{
    const struct params *wanted = data;
    if (!*wanted->text)
        return aw_fail(job, "there is nothing to say");
    say(job);
    return AW_OK;
}

/* What is under way would be ended here; the job's timer ends by itself. */
static void cancel(struct aw_job *job)
{
    aw_finish(job, AW_CANCELLED);
}

AW_PLUGIN(.name = "@name@", .version = "1", .summary = "Says a text several times",
          .params = params, .params_size = sizeof(struct params),
          .state_size = sizeof(struct state), .async = start, .cancel = cancel);
