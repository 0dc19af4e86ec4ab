/* Reads straight on; while it sleeps, thousands of other jobs run in the same worker. */
static int say(struct aw_job *job, const void *data)
{
    const struct params *wanted = data;
    if (!*wanted->text)
        return aw_fail(job, "there is nothing to say");
    for (int64_t i = 0; i < wanted->times; i++) {
        int result = i > 0 ? aw_sleep(job, wanted->pause.seconds) : AW_OK;
        if (result != AW_OK)
            return result; /* cancelled; what the job holds would be released here */
        aw_outputf(job, "%s\n", wanted->text);
    }
    return AW_OK;
}

AW_PLUGIN(.name = "@name@", .version = "1", .summary = "Says a text several times",
          .params = params, .params_size = sizeof(struct params), .fiber = say);
