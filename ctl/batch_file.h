/*
 * A batch written as a libconfig file:
 *
 *     name = "nightly";
 *     limit = 4;
 *     retry = { max = 3; delay = "1s"; };
 *     jobs = (
 *         { plugin = "wait"; name = "first"; params = { seconds = 1; }; count = 10; },
 *         { plugin = "wait"; after = "first"; params = { seconds = "250ms"; }; }
 *     );
 */
#ifndef AWAITCTL_BATCH_FILE_H
#define AWAITCTL_BATCH_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

struct ctl;
struct batch_file;
struct terms;

/* Whether it is one, and not JSON lines: by its path, or by its beginning. */
bool batch_file_is(const char *path, const char *start, size_t size);

/* Reads a whole file's text (NUL-terminated); `label` is its name in messages and must outlive the
 * result. CTL_REFUSED: *ctl tells FILE:LINE. */
int batch_file_read(struct ctl *ctl, const char *text, const char *label, struct batch_file **out);
/* NULL is fine. */
void batch_file_free(struct batch_file *file);

/* Adds the terms that the file gives the batch. */
int batch_file_terms(struct batch_file *file, struct terms *terms);
/* How many entries there are. */
size_t batch_file_count(const struct batch_file *file);
/* One of them, new reference, and its line. */
int batch_file_entry(struct batch_file *file, size_t index, json_t **out, uint64_t *line);

#endif
