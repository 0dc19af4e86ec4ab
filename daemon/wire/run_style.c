/*
 * Names of the run styles.
 */
#include "wire/run_style.h"

#include <assert.h>
#include <string.h>

static const char *const names[] = {
    [RUN_ASYNC] = "async",
    [RUN_FIBER] = "fiber",
    [RUN_BLOCKING] = "blocking",
};
static_assert(sizeof(names) / sizeof(*names) == RUN_STYLES, "each style has its name");

const char *run_style_name(enum run_style style)
{
    return names[style];
}

enum run_style run_style_from_name(const char *name)
{
    enum run_style style = 0;
    while (style < RUN_STYLES && strcmp(names[style], name) != 0)
        style++;
    return style;
}
