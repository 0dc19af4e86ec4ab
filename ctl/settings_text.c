/*
 * Reads settings and checks that libconfig can: the daemon would tell of a line in a file that nobody has.
 */
#include "settings_text.h"

#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "ctl.h"

/* A whole file. */
static int read_file(struct ctl *ctl, const char *path, char **out)
{
    AUTO_FCLOSE FILE *file = fopen(path, "re");
    AUTO_FREE char *text = NULL;
    size_t capacity = 0;
    ssize_t size = file ? getdelim(&text, &capacity, '\0', file) : -1; /* no such text has a NUL */
    if (!file || (size < 0 && ferror(file)))
        return ctl_fail(ctl, CTL_USAGE, "%s: %s", path, strerror(errno));
    *out = size < 0 ? strdup("") : take_ptr(&text);
    return *out ? CTL_OK : ctl_fail_memory(ctl);
}

static int check_text(struct ctl *ctl, const char *text, const char *where)
{
    config_t config;
    int code = CTL_OK;
    config_init(&config);
    if (!config_read_string(&config, text))
        code = ctl_fail(ctl, CTL_USAGE, "%s:%d: %s", where, config_error_line(&config),
                        config_error_text(&config));
    config_destroy(&config);
    return code;
}

int settings_text_read(struct ctl *ctl, const char *given, char **out)
{
    const char *path = given[0] == '@' ? given + 1 : NULL;
    AUTO_FREE char *text = path ? NULL : strdup(given);
    int code = path ? read_file(ctl, path, &text) : text ? CTL_OK : ctl_fail_memory(ctl);
    if (code == CTL_OK)
        code = check_text(ctl, text, path ? path : "--settings");
    if (code == CTL_OK)
        *out = take_ptr(&text);
    return code;
}
