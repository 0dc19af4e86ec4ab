/*
 * The same method for several batches, over one connection.
 */
#include "each_batch.h"

#include <stdint.h>
#include "connection.h"
#include "ctl.h"
#include "target.h"

static int call_one(struct ctl *ctl, struct connection *connection, const char *method,
                    const char *name, each_batch_words *words)
{
    uint64_t batch;
    json_t *result;
    int code = target_read_batch(ctl, name, &batch);
    if (code)
        return code;
    json_t *params = json_pack("{s:I}", "batch", (json_int_t)batch);
    if (!params)
        return ctl_fail_memory(ctl);
    code = connection_call(connection, method, params, &result);
    if (code)
        return code;
    if (!ctl->json)
        ctl_say(ctl, "batch %ju: %s", (uintmax_t)batch, words(result));
    json_decref(result);
    return CTL_OK;
}

int each_batch(struct ctl *ctl, const char *method, int count, char **arguments,
               each_batch_words *words)
{
    struct connection *connection = NULL;
    int first_code = CTL_OK;
    uint64_t batch;
    for (int i = 0; i < count && !first_code; i++)
        first_code = target_read_batch(ctl, arguments[i], &batch);
    if (first_code == CTL_OK)
        first_code = connection_open(ctl, &connection);
    if (first_code)
        return first_code;
    for (int i = 0; i < count; i++) {
        int code = call_one(ctl, connection, method, arguments[i], words);
        if (code == CTL_OK)
            continue;
        ctl_tell_failure(ctl);
        first_code = first_code ? first_code : code;
        if (code == CTL_NO_DAEMON)
            break;
    }
    connection_close(connection);
    return first_code;
}
