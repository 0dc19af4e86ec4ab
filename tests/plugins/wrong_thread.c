/* An async job that is finished by a thread of the plugin's own before it is finished in order. */
#include <awaitd/plugin.h>
#include <pthread.h>

static void *finish(void *argument)
{
    struct aw_job *job = argument;
    (void)aw_sleep(job, 0);
    aw_after(job, 0, NULL);
    if (aw_on_fd(job, 0, AW_READABLE, 1, NULL) == AW_FAILED)
        aw_finish(job, AW_FAILED);
    return NULL;
}

static void on_time(struct aw_job *job)
{
    aw_outputf(job, "alive");
    aw_finish(job, AW_OK);
}

static int start(struct aw_job *job, const void *params)
{
    pthread_t thread;
    (void)params;
    if (pthread_create(&thread, NULL, finish, job))
        return aw_fail(job, "no thread");
    (void)pthread_join(thread, NULL);
    aw_after(job, 0, on_time);
    return AW_OK;
}

AW_PLUGIN(.name = "wrong_thread", .version = "1", .summary = "wrong_thread, for the tests",
          .async = start);
