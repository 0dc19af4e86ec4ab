/*
 * awaitd: picks the role. Started by people or systemd it is the supervisor; started by the
 * supervisor with --worker it is a worker.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/error.h"
#include "base/log.h"
#include "base/problems.h"
#include "supervisor/config.h"
#include "supervisor/notify.h"
#include "supervisor/plugin_check.h"
#include "supervisor/supervisor.h"
#include "worker/worker_main.h"

#define EXIT_USAGE 2
/* EX_CONFIG of sysexits.h, which service managers know. */
#define EXIT_CONFIG 78

/* Lines that may wait for syslog: 18 MiB at worst, when each is a worker's and has 4.5 KiB; some 400 KiB as
 * a rule. */
#define LOG_LINES 4096

static const char default_config[] = AW_SYSCONFDIR "/awaitd.conf";

struct arguments {
    const char *config; /* NULL: the default file, if it is there */
    struct config_overrides overrides;
    enum log_target log_target;
    bool test;
};

static const char help[] =
    "Usage: awaitd [OPTION]...\n"
    "Runs jobs concurrently, as a configuration file and a control socket tell it; see awaitd(8).\n"
    "It stays in the foreground.\n"
    "\n"
    "  -c, --config FILE        configuration (%s)\n"
    "  -t, --test               check the configuration and every plugin, then exit: 0, or 78\n"
    "      --socket PATH        control socket, over the configuration's\n"
    "      --state-dir DIR      directory of the store, likewise\n"
    "      --log syslog|stderr  where the log goes (syslog)\n"
    "  -V, --version            print the version and exit\n"
    "  -h, --help               print this and exit\n";

static int usage(void)
{
    (void)fputs("awaitd: try 'awaitd --help'\n", stderr);
    return EXIT_USAGE;
}

/* Reads the command line. Negative: go on; else exit with that code. */
static int read_arguments(int argc, char **argv, struct arguments *arguments)
{
    enum { OPTION_SOCKET = 256, OPTION_STATE_DIR, OPTION_LOG };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"test", no_argument, NULL, 't'},
        {"socket", required_argument, NULL, OPTION_SOCKET},
        {"state-dir", required_argument, NULL, OPTION_STATE_DIR},
        {"log", required_argument, NULL, OPTION_LOG},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            arguments->config = optarg;
            break;
        case 't':
            arguments->test = true;
            break;
        case OPTION_SOCKET:
            arguments->overrides.socket = optarg;
            break;
        case OPTION_STATE_DIR:
            arguments->overrides.state_dir = optarg;
            break;
        case OPTION_LOG:
            if (strcmp(optarg, "syslog") != 0 && strcmp(optarg, "stderr") != 0) {
                (void)fprintf(stderr, "awaitd: --log: must be syslog or stderr, not %s\n", optarg);
                return usage();
            }
            arguments->log_target =
                strcmp(optarg, "stderr") == 0 ? LOG_TARGET_STDERR : LOG_TARGET_SYSLOG;
            break;
        case 'V':
            (void)puts("awaitd " PACKAGE_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            (void)printf(help, default_config);
            return EXIT_SUCCESS;
        default:
            return usage();
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "awaitd: unexpected argument %s\n", argv[optind]);
        return usage();
    }
    return -1;
}

/* Prints what was found, a line each. */
static void print_problems(const struct problems *problems)
{
    size_t kept = problems->count < PROBLEMS_KEPT ? problems->count : PROBLEMS_KEPT;
    for (size_t i = 0; i < kept; i++)
        (void)fprintf(stderr, "%s: %s\n", problems->kept[i].field, problems->kept[i].text);
    if (problems->count > kept)
        (void)fprintf(stderr, "and %zu more\n", problems->count - kept);
}

static int load_config(const struct arguments *arguments, struct config **config)
{
    const char *path = arguments->config;
    if (!path && access(default_config, F_OK) == 0)
        path = default_config;
    struct problems problems = {0};
    struct error error = {0};
    int code = config_load(path, &arguments->overrides, config, &problems, &error);
    print_problems(&problems);
    problems_clear(&problems);
    if (code && error.text[0])
        (void)fprintf(stderr, "awaitd: %s\n", error.text);
    return code;
}

static int test_config(struct config *config)
{
    struct problems problems = {0};
    struct error error;
    int code = plugin_check(config, &problems, &error);
    size_t found = problems.count;
    print_problems(&problems);
    problems_clear(&problems);
    if (code) {
        (void)fprintf(stderr, "awaitd: %s\n", error.text);
        return EXIT_FAILURE;
    }
    if (found)
        return EXIT_CONFIG;
    size_t plugins = 0;
    for (size_t i = 0; i < config->plugins_count; i++)
        plugins += !config->plugins[i].off;
    (void)printf("awaitd: the configuration is fine; plugins: %zu\n", plugins);
    return EXIT_SUCCESS;
}

/* Every client is a descriptor: as many as we may have. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* the soft limit will do, too */
}

static int run(const struct config *config, const struct arguments *arguments, int listen_fd)
{
    struct log_options options = {
        .target = arguments->log_target,
        .level = config->log.level,
        .ident = "awaitd",
        .rate = (double)config->log.rate,
        .burst = (double)config->log.burst,
        .mailbox_lines = LOG_LINES,
    };
    struct error error;
    struct log *log = log_open(&options, &error);
    if (!log) {
        (void)fprintf(stderr, "awaitd: %s\n", error.text);
        return EXIT_FAILURE;
    }
    error.text[0] = '\0';
    int code = supervisor_main(config, log, listen_fd, &error);
    log_close(log);
    /* Who started it by hand does not look into syslog. */
    if (error.text[0] && arguments->log_target != LOG_TARGET_STDERR)
        (void)fprintf(stderr, "awaitd: %s\n", error.text);
    return code;
}

static int supervise(int argc, char **argv)
{
    struct arguments arguments = {.log_target = LOG_TARGET_SYSLOG};
    int code = read_arguments(argc, argv, &arguments);
    if (code >= 0)
        return code;
    (void)signal(SIGPIPE, SIG_IGN); /* fails for no such signal */
    raise_descriptors();
    struct config *config;
    if (load_config(&arguments, &config) != 0)
        return EXIT_CONFIG;
    if (arguments.test) {
        code = test_config(config);
    } else {
        struct error error;
        int listen_fd = notify_listen_fd(&error);
        if (listen_fd < -1) {
            (void)fprintf(stderr, "awaitd: %s\n", error.text);
            code = EXIT_FAILURE;
        } else {
            code = run(config, &arguments, listen_fd);
        }
    }
    config_free(config);
    return code;
}

int main(int argc, char **argv)
{
    int opened = descriptors_open_standard();
    if (opened < 0) { /* standard error may be what is open */
        (void)fprintf(stderr, "awaitd: /dev/null: %s\n", strerror(-opened));
        return EXIT_FAILURE;
    }
    if (argc == 2 && !strcmp(argv[1], "--worker"))
        return worker_main();
    return supervise(argc, argv);
}
