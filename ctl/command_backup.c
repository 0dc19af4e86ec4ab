/*
 * awaitctl backup: has the daemon write a copy of its store to a file.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "connection.h"
#include "ctl.h"
#include "text.h"

/* The daemon works in a directory of its own: it is told the whole path. */
static int make_params(struct ctl *ctl, const char *file, json_t **out)
{
    AUTO_FREE char *directory = *file == '/' ? strdup("") : getcwd(NULL, 0);
    if (!directory)
        return ctl_fail(ctl, CTL_USAGE, "the current directory is not known: %s", strerror(errno));
    *out = json_pack("{s:s++}", "file", directory, *file == '/' ? "" : "/", file);
    return *out ? CTL_OK : ctl_fail(ctl, CTL_USAGE, "the file's path is not valid UTF-8");
}

static int run(struct ctl *ctl, const void *options, int count, char **arguments)
{
    (void)options;
    (void)count;
    json_t *params, *result;
    if (!*arguments[0])
        return ctl_fail(ctl, CTL_USAGE, "the file's name is empty");
    if (strcmp(arguments[0], "-") == 0)
        return ctl_fail(ctl, CTL_USAGE,
                        "the daemon writes a file, not our output; one of this name would be ./-");
    int code = make_params(ctl, arguments[0], &params);
    if (code == CTL_OK)
        code = connection_once(ctl, "store.backup", params, &result);
    if (code)
        return code;
    if (!ctl->json && !ctl->quiet) {
        char size[32];
        const char *file = json_string_value(json_object_get(result, "file"));
        json_int_t bytes = json_integer_value(json_object_get(result, "bytes"));
        (void)printf("wrote %s to ", text_size((uint64_t)bytes, size, sizeof(size)));
        text_put(stdout, file ? file : "", file ? strlen(file) : 0); /* main looks at ferror */
        (void)putchar('\n');
    }
    json_decref(result);
    return CTL_OK;
}

const struct command command_backup = {
    .name = "backup",
    .usage = "FILE",
    .summary = "write a copy of the store to a file",
    .text =
        "The daemon writes it, with its own rights, and to a file that is not yet there; "
        "meanwhile\n"
        "everything goes on. It holds all batches as they were at one moment, and can be read\n"
        "with sqlite3(1), or put in place of the daemon's file while that does not run. For root\n"
        "and the daemon's own user.\n",
    .examples = "  awaitctl backup /var/backups/awaitd.db\n"
                "  awaitctl backup copy.db && sqlite3 copy.db 'select * from batch'\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
