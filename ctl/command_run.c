/*
 * awaitctl run: one job, or many of the same kind, from the words of the command line; follows
 * them and sums up.
 */
#include "connection.h"
#include "ctl.h"
#include "interrupt.h"
#include "options.h"
#include "run_jobs.h"

static const struct option_row options[] = {
    OPTION(struct run_options, count, .name = "count", .letter = 'n', .argument = "N", .min = 1,
           .text = "run N jobs; {index} in a VALUE is 0 to N-1"),
    OPTION(struct run_options, items, .name = "items", .argument = "A,B|@FILE", .once = true,
           .text = "one job for each item, or line of FILE (@-: standard input); {item} is it"),
    OPTION(struct run_options, no_wait, .name = "no-wait",
           .text = "print the batch's number and leave"),
    OPTION(struct run_options, follow, .name = "follow", .letter = 'f',
           .text = "print a line for each job as it ends"),
    OPTION(struct run_options, output, .name = "output", .letter = 'o',
           .text = "print the output of every job as it ends"),
    OPTION(struct run_options, delay, .name = "delay", .argument = "SPAN",
           .text = "start no job before this has passed"),
    OPTION_ROWS_OF(struct run_options, terms, terms_rows),
    OPTIONS_END,
};

static int run(struct ctl *ctl, const void *given, int count, char **arguments)
{
    const struct run_options *run_options = given;
    struct work work = {.entry = NULL};
    struct connection *connection = NULL;
    int code = run_jobs_read(ctl, run_options, count, arguments, &work);
    if (code == CTL_OK)
        code = connection_open(ctl, &connection);
    if (code == CTL_OK) {
        interrupt_catch();
        code = run_jobs(ctl, run_options, connection, &work);
    }
    connection_close(connection);
    run_jobs_clear(&work);
    return code;
}

const struct command command_run = {
    .name = "run",
    .usage = "PLUGIN [KEY=VALUE...] [OPTION...] [-- ARGV...]",
    .summary = "run jobs of one kind, wait for them and sum up",
    .text =
        "PLUGIN is a kind of job; `awaitctl plugins` lists them, and `awaitctl plugins PLUGIN`\n"
        "tells what KEYs it takes. A KEY given again makes a list; KEY:=JSON gives a JSON value.\n"
        "One job's output goes to standard output. Exits with 0 if every job succeeded, 1 if\n"
        "not; ^C ends the watching, not the batch.\n"
        "\n"
        "ARGV is a command and its arguments, for the parameter argv. One job of it prints what\n"
        "the command printed and exits as it exited.\n",
    .examples = "  awaitctl run wait seconds=250ms\n"
                "  awaitctl run wait seconds=1 --count 10\n"
                "  awaitctl run wait --items 0.1,0.2,0.3 seconds={item} --output\n"
                "  awaitctl run wait seconds=1h --no-wait --name nightly\n"
                "  awaitctl run wait seconds=1 -n 1000 --limit 50 --rate 100/s --timeout 5\n"
                "  awaitctl run http url=http://localhost/ --retry 3 --retry-delay 500ms\n"
                "  awaitctl run exec -- ls -l\n"
                "  awaitctl run exec --items a.txt,b.txt -- gzip {item}\n",
    .options = options,
    .options_size = sizeof(struct run_options),
    .min_arguments = 1,
    .max_arguments = -1,
    .words_hint = "; to run a command: awaitctl run exec -- ls -l",
    .run = run,
};
