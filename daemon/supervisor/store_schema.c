/*
 * The schema, which administrators see, too: the comments are in the SQL, so that `.schema` of the sqlite3 shell shows
 * them.
 *
 * To change it:
 *
 *   - Add a step at the end of the table below: SQL that turns the newest version into the next. Never change a step
 *     that was released: databases exist that it has made, and new ones take all steps, so that a new database and
 *     an upgraded one are the same.
 *   - A step sees whatever the versions before it have written, and nobody else: it runs while the daemon starts, in
 *     the transaction that raises user_version, so that it happens whole or not at all. Have it finish
 *     in seconds for a database of store.bytes: ALTER TABLE ADD COLUMN costs nothing, copying a table much.
 *   - What reads the database reads the newest version only.
 *   - An older awaitd refuses what a newer one has upgraded; so say it in NEWS.
 *   - tests/unit/test_store_schema.c has a database of each version that was released, and upgrades it.
 */
#include "supervisor/store_schema.h"

#include <errno.h>
#include <stdio.h>
#include "base/error.h"

/* Tables are STRICT: a text that was bound as bytes is found out when it is written, not when json_each() trips over
 * it. The state 'succeeded' is job_state_name(JOB_SUCCEEDED), which is the protocol's and never changes. */
static const char version_1[] =
    "CREATE TABLE meta (\n"
    "  name TEXT PRIMARY KEY, -- last_number: the largest number that a batch was ever given\n"
    "                         -- boot: the machine's boot_id when it was last open\n"
    "                         -- shift_ns: what was added to the monotonic clock (from 2^62 ns "
    "on)\n"
    "                         -- seen_ns, seen: a moment as stored, and on the wall clock\n"
    "                         -- closed: 1: the daemon has ended in order since\n"
    "                         -- deleting: the number of a batch whose rows are being deleted; "
    "0: none\n"
    "  value ANY\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE batch (\n"
    "  number INTEGER PRIMARY KEY,\n"
    "  owner INTEGER NOT NULL, -- user ID\n"
    "  name TEXT,\n"
    "  key TEXT,               -- one of its owner's, see batch_by_key\n"
    "  asked BLOB,             -- fingerprint of what was asked for with the key\n"
    "  retry_of INTEGER,       -- number of the batch whose unsuccessful jobs these are\n"
    "  configured INTEGER NOT NULL, -- 1: it comes from the configuration\n"
    "  terms TEXT NOT NULL,    -- JSON object\n"
    "  submitted REAL NOT NULL,       -- wall clock, seconds since 1970\n"
    "  submitted_ns INTEGER NOT NULL, -- the same moment in the store's time, see meta\n"
    "  sealed INTEGER NOT NULL,       -- 1: no more jobs will come\n"
    "  paused INTEGER NOT NULL,\n"
    "  stopped TEXT,           -- why jobs that had not ended were to end; NULL: they were not\n"
    "  stopped_as TEXT,        -- as what: 'cancelled', 'skipped'\n"
    "  given_up INTEGER NOT NULL DEFAULT 0,  -- 1: not by anybody's wish\n"
    "  cut_short INTEGER NOT NULL DEFAULT 0, -- 1: while more jobs could have come\n"
    "  -- The rest is NULL until all its jobs have ended.\n"
    "  state TEXT,             -- 'succeeded', 'failed', 'cancelled'\n"
    "  ended REAL,             -- wall clock, seconds since 1970\n"
    "  ended_ns INTEGER,\n"
    "  jobs INTEGER,           -- and how many of them ended as what:\n"
    "  succeeded INTEGER, failed INTEGER, timed_out INTEGER, cancelled INTEGER,\n"
    "  crashed INTEGER, skipped INTEGER,\n"
    "  wall REAL,              -- seconds from submitted to ended\n"
    "  work REAL,              -- seconds that its jobs ran, added up\n"
    "  retries INTEGER,        -- attempts that were not the last ones of their jobs\n"
    "  plugins TEXT            -- JSON array of names\n"
    ") STRICT;\n"
    "CREATE UNIQUE INDEX batch_by_key ON batch (owner, key) WHERE key IS NOT NULL;\n"
    "CREATE INDEX batch_unfinished ON batch (number) WHERE state IS NULL;\n"
    "CREATE INDEX batch_by_end ON batch (ended) WHERE state IS NOT NULL;\n"

    "CREATE TABLE piece ( -- jobs that were accepted together\n"
    "  batch INTEGER NOT NULL,\n"
    "  number INTEGER NOT NULL,      -- 0, 1, 2 ... in the batch\n"
    "  first INTEGER NOT NULL,       -- index of its first job\n"
    "  accepted_ns INTEGER NOT NULL, -- in the store's time\n"
    "  jobs TEXT NOT NULL,           -- JSON array of job entries, as they were submitted\n"
    "  PRIMARY KEY (batch, number)\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE job ( -- what is to be remembered of jobs that have not ended\n"
    "  batch INTEGER NOT NULL,\n"
    "  job INTEGER NOT NULL,     -- its index\n"
    "  attempt INTEGER NOT NULL, -- that its next run will be; 0: the first\n"
    "  due_ns INTEGER,           -- when it is to be queued again, in the store's time\n"
    "  told INTEGER NOT NULL,    -- 1: it was told to end and is not to run again\n"
    "  PRIMARY KEY (batch, job)\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE results ( -- how jobs ended, in that order; see the view result\n"
    "  batch INTEGER NOT NULL,\n"
    "  first INTEGER NOT NULL, -- number of the first completion in it\n"
    "  count INTEGER NOT NULL, -- how many there are\n"
    "  results TEXT NOT NULL,  -- JSON array\n"
    "  PRIMARY KEY (batch, first)\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE VIEW result AS -- one row for each job that has ended\n"
    "SELECT results.batch AS batch,\n"
    "  results.first + entry.key AS seq, -- number of the completion\n"
    "  json_extract(entry.value, '$[0]') AS job,\n"
    "  coalesce(json_extract(entry.value, '$[3].state'), 'succeeded') AS state,\n"
    "  json_extract(entry.value, '$[3].reason') AS reason,\n"
    "  coalesce(json_extract(entry.value, '$[3].attempt'), 0) AS attempt,\n"
    "  json_extract(entry.value, '$[1]') / 1e9 AS queued, -- seconds\n"
    "  json_extract(entry.value, '$[2]') / 1e9 AS run,\n"
    "  json_extract(entry.value, '$[3].output') AS output,\n"
    "  json_extract(entry.value, '$[3].output_base64') AS output_base64,\n"
    "  coalesce(json_extract(entry.value, '$[3].truncated'), 0) AS truncated,\n"
    "  json_extract(entry.value, '$[3].details') AS details\n"
    "FROM results, json_each(results.results) AS entry;\n";

static const char *const steps[] = {version_1};

const struct store_schema store_schema = {
    .steps = steps,
    .version = sizeof(steps) / sizeof(steps[0]),
};

/* The first column of the only row, as a number. SQLite's result code. */
static int read_number(sqlite3 *sqlite, const char *sql, int *out)
{
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL);
    if (result != SQLITE_OK)
        return result;
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        *out = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement); /* tells again what step told */
    return result == SQLITE_ROW ? SQLITE_OK : result;
}

int store_schema_identify(sqlite3 *sqlite, const struct store_schema *schema, int *version,
                          struct error *error)
{
    int found = 0, application = 0, objects = 0;
    if (read_number(sqlite, "PRAGMA user_version", &found) != SQLITE_OK ||
        read_number(sqlite, "PRAGMA application_id", &application) != SQLITE_OK ||
        read_number(sqlite, "SELECT count(*) FROM sqlite_schema", &objects) != SQLITE_OK)
        return -EIO;
    if (found == 0 && application == 0 && objects == 0) {
        *version = 0;
        return 0;
    }
    if (application != STORE_SCHEMA_APPLICATION || found < 1)
        return error_set(error, -EINVAL,
                         "is a database of another program; move awaitd.db and awaitd.db-wal away, "
                         "or choose another directory with daemon.state_dir or --state-dir");
    if (found > schema->version)
        return error_set(error, -ENOTSUP,
                         "was written by a newer awaitd (schema %d; this one knows %d): install "
                         "that version, or move awaitd.db and awaitd.db-wal away",
                         found, schema->version);
    *version = found;
    return 0;
}

int store_schema_upgrade(sqlite3 *sqlite, const struct store_schema *schema, int from)
{
    char mark[80];
    int result = sqlite3_exec(sqlite, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (result != SQLITE_OK)
        return result;
    for (int i = from; i < schema->version && result == SQLITE_OK; i++)
        result = sqlite3_exec(sqlite, schema->steps[i], NULL, NULL, NULL);
    (void)snprintf(mark, sizeof(mark), "PRAGMA application_id=%d; PRAGMA user_version=%d",
                   STORE_SCHEMA_APPLICATION, schema->version);
    if (result == SQLITE_OK)
        result = sqlite3_exec(sqlite, mark, NULL, NULL, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_exec(sqlite, "COMMIT", NULL, NULL, NULL);
    return result;
}
