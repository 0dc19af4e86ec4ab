/*
 * Parameter tables at work: checks a job's parameters against the table of its plugin and fills the
 * plugin's struct. The supervisor has its tables from the workers' handshake and only checks; a
 * worker has them from the plugin itself and fills. One function does both.
 *
 * A parameter's value may be given in its JSON type, or as text in the notation of the command line:
 * {"seconds": 0.25}, {"seconds": "250ms"}. A single text serves as a list of one. A JSON parameter takes
 * any value as it is, but a text as the JSON that it holds: {"body": {"a": 1}}, {"body": "{\"a\": 1}"}. null
 * counts as not given.
 */
#ifndef AWAITD_BASE_PARAMS_H
#define AWAITD_BASE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <awaitd/plugin.h>

struct json_plain;
struct problems;

/* Rows of one table; reason: which ones a job gave is told by the bits of one integer. */
#define PARAMS_ROWS_MAX 64

/* A table: rows closed by AW_TYPE_END. */
struct params_table {
    const struct aw_param *rows;
    size_t count;       /* without the closing row */
    size_t struct_size; /* of the plugin's struct, in bytes */
};

/* Where the placeholders of array jobs get their values; NULL for none: texts are taken as they are. */
struct params_expansion {
    uint64_t index;
    const char *item; /* NULL: the job has none */
};

/* Checks that a plugin's table makes sense: at most PARAMS_ROWS_MAX rows, known types, names of a-z 0-9 '_' that differ, a text for
 * each, fields inside struct_size, defaults that fit. -EINVAL: *error names the row. */
struct error;
int params_check_table(const struct params_table *table, struct error *error);

/*
 * Checks `params` (a JSON object, or NULL for none) against the table and, where `out` is not NULL,
 * fills the struct of table->struct_size bytes there: zeroed, then defaults, then what was given.
 * Texts are copied; params_clear() frees them. Problems go to `problems` as FIELD.name, such as
 * "jobs[3].params.seconds: must be at least 0". Returns 0, -EINVAL (problems were added; *out
 * needs no clearing) or -ENOMEM.
 */
int params_fill(const struct params_table *table, const json_t *params,
                const struct params_expansion *expansion, const char *field, void *out,
                struct problems *problems);

/*
 * Passes over an object of parameters, which is not parsed: mostly params_fill() would take it, and the same with any
 * expansion, since no text in it has a placeholder. True: it would; bit i of *given: row i is in it. False: who
 * knows; nothing is told, and json->at is anywhere before the end.
 */
bool params_take_plain(const struct params_table *table, struct json_plain *json, uint64_t *given);

/* Frees the texts and lists in a filled struct. */
void params_clear(const struct params_table *table, void *out);

/* The position of the row of this name; table->count: there is none. */
size_t params_find(const struct params_table *table, const char *name);

/* Whether any text in `params`, at any depth, has a placeholder. *with_item is the name of the first parameter
 * that has {item}, or NULL; it lives as long as `params`. */
bool params_has_placeholder(const struct params_table *table, const json_t *params,
                            const char **with_item);
/* Replaces the placeholders in the texts of `params`, at any depth, by what the job has; what is given as text
 * for a JSON parameter becomes the value that it holds. -E2BIG: they would be too long, and -ENOMEM: some may
 * have been replaced. */
int params_expand(const struct params_table *table, json_t *params,
                  const struct params_expansion *expansion);

/* A value as compact text that the caller frees; numbers as short as they are exact. -ENOMEM. */
int params_json_dump(const json_t *json, struct aw_json *out);

/* A table as JSON, for the handshake and for plugin.show: an array of {name, type, text, unit, min, max,
 * default, required, one_of, restricted}; absent where not set. New reference; NULL: out of memory. */
json_t *params_table_json(const struct params_table *table);

/* The opposite: a table from such an array, allocated in one piece; offsets are 0 and struct_size is 0,
 * so it can check but not fill. params_table_free() frees it. */
int params_table_from_json(const json_t *array, struct params_table **out, struct error *error);
void params_table_free(struct params_table *table);

/* A type's name as people and the protocol know it: "duration", "list of strings". */
const char *params_type_name(enum aw_type type);

#endif
