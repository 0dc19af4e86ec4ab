/* Calls a function on a thread from a fiber; the function uses the job, too. */
#include <pthread.h>
#include <awaitd/plugin.h>

struct sum {
    struct aw_job *job;
    int numbers;
    pthread_t loop;
};

static int add(void *argument)
{
    struct sum *sum = argument;
    int total = 0;
    for (int i = 1; i <= sum->numbers; i++)
        total += i;
    aw_outputf(sum->job,
               pthread_equal(sum->loop, pthread_self()) ? "on the loop, " : "on a thread, ");
    aw_log(sum->job, AW_LOG_INFO, "added");
    return aw_sleep(sum->job, 0.01) == AW_OK ? total : -1;
}

static int run(struct aw_job *job, const void *params)
{
    struct sum sum = {.job = job, .numbers = 100, .loop = pthread_self()};
    (void)params;
    aw_outputf(job, "%d", aw_blocking(job, add, &sum));
    return AW_OK;
}

AW_PLUGIN(.name = "fiber_blocking", .version = "1", .summary = "fiber_blocking, for the tests",
          .fiber = run);
