/*
 * Bytes as a configuration file: whatever they are, reading ends in a configuration within its limits or
 * in problems that name a line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/problems.h"
#include "supervisor/config.h"
#include "supervisor/config_read.h"
#include "supervisor/config_source.h"
#include "supervisor/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_config(const struct config *config)
{
    check(config->limits.depth >= 8 && config->limits.depth <= 1024);
    check(config->daemon.grace_s >= 0 && config->daemon.grace_s <= 3600);
    check(config->log.level <= LOG_LEVEL_DEBUG);
    check(config->daemon.plugin_dir && config->daemon.plugin_dir[0] == '/');
    for (size_t i = 0; i < config->plugins_count; i++)
        check(config->plugins[i].file && config->plugins[i].where);
    for (size_t i = 0; i < config->batches_count; i++)
        check(json_is_array(config->batches[i].jobs));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = calloc(1, sizeof(*config));
    unsigned *lines = calloc(options_count(), sizeof(*lines));
    struct config_source source = {0};
    struct problems problems = {0};
    int result;

    check(config && lines && options_set_defaults(config) == 0);
    result = config_source_from_text(&source, "fuzz", (const char *)data, size, &problems);
    if (result == 0)
        result = config_read_source(&source, config, lines, &problems);
    check((result < 0) == (problems.count > 0));
    for (size_t i = 0; i < problems.count && i < PROBLEMS_KEPT; i++)
        check(strncmp(problems.kept[i].field, "fuzz", 4) == 0);
    check_config(config);

    problems_clear(&problems);
    config_source_clear(&source);
    free(lines);
    config_free(config);
    return 0;
}
