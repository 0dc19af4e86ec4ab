/*
 * The method store.backup: the store copies itself while everything else goes on; the client is held meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "supervisor/call.h"
#include "supervisor/client.h"
#include "supervisor/errands.h"
#include "supervisor/requests.h"
#include "supervisor/store.h"
#include "supervisor/supervisor.h"
#include "wire/rpc.h"

struct backup_params {
    const char *file;
};
static const struct aw_param backup_rows[] = {
    AW_PARAM(struct backup_params, file, .text = "The absolute path of a new file",
             .required = true),
    AW_PARAMS_END,
};
static const struct params_table backup_table = CALL_TABLE(backup_rows, struct backup_params);

struct backup_errand {
    struct errand errand;
    char file[];
};

static void over(struct errand *errand)
{
    free(errand); /* it is the first member of what was allocated */
}

static json_t *tell(const char *file)
{
    struct stat status;
    if (stat(file, &status) != 0)
        status.st_size = 0; /* somebody has taken it away already */
    return json_pack("{s:s, s:I}", "file", file, "bytes", (json_int_t)status.st_size);
}

static void on_backup(void *context, int code, const struct error *error)
{
    struct backup_errand *backup = context;
    struct errand *errand = &backup->errand;
    if (code) {
        /* The daemon is well: it is the file that cannot be made. */
        errand->code =
            code == -ENOSPC || code == -EDQUOT || code == -ENOMEM ? RPC_FULL : RPC_NOT_ALLOWED;
        errand->error = *error;
    } else {
        errand->result = tell(backup->file);
        if (!errand->result)
            errand->code = error_set(&errand->error, RPC_FULL, "out of memory");
    }
    errand_done(errand);
}

/* The answer comes when the copy is complete. */
static void begin(struct call *call, const char *file)
{
    struct supervisor *supervisor = call->supervisor;
    size_t size = strlen(file) + 1;
    struct backup_errand *backup = calloc(1, sizeof(*backup) + size);
    if (!backup || store_backup(supervisor->store, file, on_backup, backup) != 0) {
        free(backup);
        call_fail(call, RPC_FULL, "out of memory");
        return;
    }
    backup->errand.over = over;
    memcpy(backup->file, file, size);
    errand_begin(&supervisor->errands, &backup->errand, call->client);
}

static void backup_to(struct call *call, const char *file)
{
    if (!request_is_trusted(client_uid(call->client))) {
        problems_add(&call->problems, "file",
                     "only root and the daemon's own user may have files written");
        call_fail(call, RPC_NOT_ALLOWED, "not allowed");
    } else if (file[0] != '/') {
        problems_add(&call->problems, "file", "must be an absolute path");
        call_fail(call, RPC_INVALID_PARAMS, "invalid params");
    } else if (!call->supervisor->store) {
        call_fail(call, RPC_NOT_READY, "the daemon keeps no store (store.enabled)");
    } else {
        begin(call, file);
    }
}

static void store_backup_method(struct call *call)
{
    struct backup_params params;
    if (call_waited(call) || !call_read(call, &backup_table, &params))
        return;
    backup_to(call, params.file);
    call_done_reading(&backup_table, &params);
}

const struct method methods_store[] = {
    {.name = "store.backup", .run = store_backup_method},
    {.name = NULL},
};
