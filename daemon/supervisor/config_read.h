/*
 * From the text of a configuration file to struct config. Looks at the text alone, never at the file
 * system or the machine: what it says about plugins is for config.c to complete.
 */
#ifndef AWAITD_SUPERVISOR_CONFIG_READ_H
#define AWAITD_SUPERVISOR_CONFIG_READ_H

struct config;
struct config_source;
struct problems;

/*
 * Writes what the text says over the defaults in *config. Each plugin's `file` is as written.
 * lines[options_index(option)] becomes the line of the text that sets the option; others are left. 0;
 * -EINVAL: problems were added; -ENOMEM. What *config holds is to be freed in each case.
 */
int config_read_source(const struct config_source *source, struct config *config, unsigned *lines,
                       struct problems *problems);

#endif
