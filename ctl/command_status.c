/*
 * awaitctl status: what the daemon is doing.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/parse.h"
#include "connection.h"
#include "ctl.h"
#include "text.h"

static json_int_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *string(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "?";
}

/* Counts behind a label, such as {"open": 0, "running": 2} as "0 open, 2 running". */
static void print_counts(const char *label, json_t *counts)
{
    const char *key, *comma = "";
    json_t *count;
    (void)printf("%-10s ", label); /* main looks at ferror; so below */
    json_object_foreach (counts, key, count) {
        (void)printf("%s%" JSON_INTEGER_FORMAT " ", comma, json_integer_value(count));
        text_put(stdout, key, strlen(key));
        comma = ", ";
    }
    (void)putchar('\n');
}

static void print_worker(const json_t *worker)
{
    (void)printf("worker %-3" JSON_INTEGER_FORMAT " ", integer(worker, "worker"));
    text_put(stdout, string(worker, "state"), strlen(string(worker, "state")));
    if (integer(worker, "pid") > 0)
        (void)printf(", pid %" JSON_INTEGER_FORMAT, integer(worker, "pid"));
    (void)printf(", %" JSON_INTEGER_FORMAT " running\n", integer(worker, "running"));
}

/* Where batches are kept, and how much that is; nothing where they are not. */
static void print_store(const json_t *store)
{
    char size[32];
    if (!json_is_object(store))
        return;
    (void)printf("%-10s %s in ", "store",
                 text_size((uint64_t)integer(store, "bytes"), size, sizeof(size)));
    text_put(stdout, string(store, "state_dir"), strlen(string(store, "state_dir")));
    if (integer(store, "waiting") > 0)
        (void)printf(", %" JSON_INTEGER_FORMAT " waiting to be written", integer(store, "waiting"));
    (void)puts(json_is_true(json_object_get(store, "full")) ? ", the disk is full" : "");
}

static void print_status(const json_t *status)
{
    char uptime[64];
    double up_s = json_number_value(json_object_get(status, "uptime"));
    (void)fputs("awaitd     ", stdout);
    text_put(stdout, string(status, "version"), strlen(string(status, "version")));
    (void)fputs(", ", stdout);
    text_put(stdout, string(status, "state"), strlen(string(status, "state")));
    (void)printf(", pid %" JSON_INTEGER_FORMAT ", up for %s\n", integer(status, "pid"),
                 parse_show_span(floor(up_s), uptime, sizeof(uptime)));

    size_t i;
    json_t *worker;
    json_array_foreach (json_object_get(status, "workers"), i, worker) {
        print_worker(worker);
    }
    print_counts("batches", json_object_get(status, "batches"));
    print_counts("jobs", json_object_get(status, "jobs"));
    (void)printf("%-10s %" JSON_INTEGER_FORMAT "\n", "clients", integer(status, "clients"));
    print_store(json_object_get(status, "store"));
}

static int run(struct ctl *ctl, const void *options, int count, char **arguments)
{
    (void)options;
    (void)count;
    (void)arguments;
    json_t *status;
    int code = connection_once(ctl, "daemon.status", NULL, &status);
    if (code)
        return code;
    if (!ctl->json)
        print_status(status);
    json_decref(status);
    return CTL_OK;
}

const struct command command_status = {
    .name = "status",
    .usage = "",
    .summary = "show what the daemon is doing",
    .examples = "  awaitctl status\n"
                "  awaitctl --json status | jq .result.jobs.queued\n",
    .max_arguments = 0,
    .run = run,
};
