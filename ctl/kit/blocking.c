/* Runs on a thread, on all cores at once: here the plugin may call what computes or blocks. */
static int say(struct aw_job *job, const void *data)
{
    const struct params *wanted = data;
    if (!*wanted->text)
        return aw_fail(job, "there is nothing to say");
    for (int64_t i = 0; i < wanted->times; i++) {
        if (aw_cancelled(job)) /* what takes long asks this now and then */
            return AW_CANCELLED;
        aw_outputf(job, "%s\n", wanted->text);
        if (i + 1 < wanted->times)
            (void)aw_sleep(job, wanted->pause.seconds); /* ends early when the job is cancelled */
    }
    return AW_OK;
}

AW_PLUGIN(.name = "@name@", .version = "1", .summary = "Says a text several times",
          .params = params, .params_size = sizeof(struct params), .blocking = say);
