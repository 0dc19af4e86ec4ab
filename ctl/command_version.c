/*
 * awaitctl version: of this program and of the daemon.
 */
#include <stdio.h>
#include <string.h>
#include "connection.h"
#include "ctl.h"
#include "text.h"

static int run(struct ctl *ctl, const void *options, int count, char **arguments)
{
    (void)options;
    (void)count;
    (void)arguments;
    json_t *hello;
    if (!ctl->json)
        (void)printf("awaitctl %s\n", PACKAGE_VERSION); /* main looks at ferror; so below */
    int code = connection_once(ctl, "hello", NULL, &hello);
    if (code)
        return code;
    const char *version = json_string_value(json_object_get(hello, "version"));
    if (!ctl->json) {
        (void)fputs("awaitd ", stdout);
        text_put(stdout, version ? version : "?", version ? strlen(version) : 1);
        (void)printf(" (protocol %" JSON_INTEGER_FORMAT ", pid %" JSON_INTEGER_FORMAT ")\n",
                     json_integer_value(json_object_get(hello, "protocol")),
                     json_integer_value(json_object_get(hello, "pid")));
    }
    json_decref(hello);
    return CTL_OK;
}

const struct command command_version = {
    .name = "version",
    .usage = "",
    .summary = "show the versions of awaitctl and of the daemon",
    .examples = "  awaitctl version\n"
                "  awaitctl --json version | jq .result.limits\n",
    .max_arguments = 0,
    .run = run,
};
