/*
 * A configuration file's text on its way into a config_source, piece by piece in libconfig's own notation
 * (scanner.l of libconfig 1.5): comments, texts, names, numbers. Understands nothing else: syntax is
 * libconfig's business. Opens no file.
 */
#ifndef AWAITD_SUPERVISOR_CONFIG_WALK_H
#define AWAITD_SUPERVISOR_CONFIG_WALK_H

#include <stdbool.h>
#include <stdint.h>

struct config_source;
struct problems;

/* One file being walked over. */
struct config_walk {
    struct config_source *source;
    struct problems *problems;
    const char *at, *end;
    uint32_t file, line; /* of `at` */
    unsigned depth;      /* 0: the main file */
    bool may_include;
    bool at_line_start; /* only blanks since the line began */
};

/* Says that the text's line that begins now, or its last one, comes from where the walk is. */
int config_walk_begin_line(const struct config_walk *walk);
void config_walk_move_line(const struct config_walk *walk);

/* Adds a problem with what is here; or that there is too much of all, and returns -EINVAL. */
void config_walk_refuse(struct config_walk *walk, const char *text);
int config_walk_refuse_size(struct config_walk *walk);

/* Copies what begins here: a comment, a text, a name, a number, or else a character. There is one at least. -EINVAL: a
 * problem was added, and it makes no sense to go on; -ENOMEM. */
int config_walk_token(struct config_walk *walk);

/* The name of the file that an @include here names, for the caller to free, and where the directive ends in
 * *stop. -ENOENT: this is no include; -ENOMEM. */
int config_walk_include(const struct config_walk *walk, char **name, const char **stop);

#endif
