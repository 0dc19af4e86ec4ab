/*
 * The statements that write rows, prepared once. All return SQLITE_OK or SQLite's code, extended. The thread of the store
 * only.
 */
#ifndef AWAITD_SUPERVISOR_STORE_STATEMENTS_H
#define AWAITD_SUPERVISOR_STORE_STATEMENTS_H

#include "supervisor/store_db.h"
#include "supervisor/store_parts.h"

struct store_statements;

/* NULL: the reason is in *error. */
struct store_statements *store_statements_new(struct store_db *db, struct error *error);
/* NULL is fine. */
void store_statements_free(struct store_statements *statements);

int store_begin(struct store_statements *statements);
int store_commit(struct store_statements *statements);
int store_rollback(struct store_statements *statements);

/* Writes what was recorded. An admission whose key is there already writes nothing, and its code says so. */
int store_write_record(struct store_statements *statements, struct store_record *record);
/* Looks whether a batch has the key of one that is to be admitted, and sets its code to 0 or -EEXIST. */
int store_find_key(struct store_statements *statements, struct store_record *record);
/* So many batches were numbered. */
int store_write_last_number(struct store_statements *statements, uint64_t last_number);

#endif
