/*
 * The write-ahead log of the store's database: when it is written back, and that there is room in it. The thread of
 * the store only.
 */
#ifndef AWAITD_SUPERVISOR_STORE_LOG_H
#define AWAITD_SUPERVISOR_STORE_LOG_H

#include <stdint.h>
#include <sqlite3.h>
#include "supervisor/store_db.h"

struct error;

/* Has SQLite leave the log to this module. */
void store_log_begin(struct store_db *db);

/* Makes room for what comes, and writes the log back when it has become long; nothing where nothing was committed since
 * the last call. For when nobody waits for what was. STORE_FULL: it stays long, which harms nothing. */
enum store_trouble store_log_keep(struct store_db *db, struct error *error);

/* Bytes of the database and its log. */
int64_t store_log_bytes(struct store_db *db);

#endif
