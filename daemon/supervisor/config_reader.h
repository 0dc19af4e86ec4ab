/*
 * What the files that read a configuration share: config_read.c, the groups, and config_lists.c, the lists.
 */
#ifndef AWAITD_SUPERVISOR_CONFIG_READER_H
#define AWAITD_SUPERVISOR_CONFIG_READER_H

#include <stdbool.h>
#include <libconfig.h>

struct config;
struct config_source;
struct problems;

struct config_reader {
    const struct config_source *source;
    struct config *config;
    unsigned *lines; /* by option */
    struct problems *problems;
    bool no_memory;
};

/* Where a setting stands, in `buffer` of CONFIG_WHERE_MAX bytes. */
const char *config_reader_where(const struct config_reader *reader, const config_setting_t *setting,
                                char *buffer);
/* Adds a problem with a setting. */
void config_refuse(struct config_reader *reader, const config_setting_t *setting,
                   const char *format, ...) __attribute__((format(printf, 3, 4)));
/* What a setting of this CONFIG_TYPE_ is, in words. */
const char *config_type_text(int type);

/* The lists: each entry that is right goes into reader->config. */
void config_read_plugins(struct config_reader *reader, config_setting_t *list);
void config_read_batches(struct config_reader *reader, config_setting_t *list);

#endif
