/*
 * The tables of the store's database, and how those of older versions become them. The thread of the store only.
 */
#ifndef AWAITD_SUPERVISOR_STORE_SCHEMA_H
#define AWAITD_SUPERVISOR_STORE_SCHEMA_H

#include <stddef.h>
#include <sqlite3.h>

struct error;

/* What SQLite keeps as the application_id of our databases: "AWTD". file(1) shows it, and databases of other programs
 * are told by it. */
#define STORE_SCHEMA_APPLICATION 0x41575444

/* Step i is SQL that makes version i + 1 of version i; version 0 is an empty database. */
struct store_schema {
    const char *const *steps;
    int version; /* = how many steps there are; what user_version of a current database is */
};

/* The one there is; tests have others. */
extern const struct store_schema store_schema;

/* Whose database this is; changes nothing. *version: what its user_version is, 0: it is empty. -EINVAL: it is another
 * program's; -ENOTSUP: a newer awaitd's; with words to stand behind its path. Another negative errno, where *error is
 * untouched: SQLite has failed. */
int store_schema_identify(sqlite3 *sqlite, const struct store_schema *schema, int *version,
                          struct error *error);

/* Makes the current version of version `from`, in one transaction. Returns SQLite's result code. Where it fails the
 * transaction is still open, so that sqlite3_errmsg() says why; nothing has changed once `sqlite` is closed. */
int store_schema_upgrade(sqlite3 *sqlite, const struct store_schema *schema, int from);

#endif
