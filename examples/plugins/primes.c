/*
 * primes: counts the prime numbers below a limit. An example of the blocking style: code that computes,
 * or that calls a library which blocks, runs on a thread and so on all cores at once.
 *
 *     cc $(pkg-config --cflags awaitd) -shared -fPIC primes.c -o primes.so
 *     awaitctl run primes below=1000000
 */
#include <awaitd/plugin.h>

struct params {
    int64_t below;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, below, .text = "The limit", .max = 1e9, .required = true),
    AW_PARAMS_END,
};

static bool is_prime(int64_t number)
{
    for (int64_t divisor = 2; divisor * divisor <= number; divisor++)
        if (number % divisor == 0)
            return false;
    return number > 1;
}

static int count(struct aw_job *job, const void *data)
{
    const struct params *wanted = data;
    int64_t primes = 0;
    for (int64_t number = 2; number < wanted->below; number++) {
        primes += is_prime(number);
        if (number % 1000 == 0 && aw_cancelled(job))
            return AW_CANCELLED;
    }
    aw_outputf(job, "%lld", (long long)primes);
    return AW_OK;
}

AW_PLUGIN(.name = "primes", .version = "1", .summary = "Counts prime numbers", .params = params,
          .params_size = sizeof(struct params), .blocking = count);
