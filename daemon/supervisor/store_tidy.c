/*
 * Housekeeping. What there is to do is found out anew for each step, from the database itself and the clocks, so that
 * a step can fail, or the daemon be killed, at any point.
 *
 * A batch is deleted beginning with its own row, so that nobody is shown half of one, or goes on with it. The same
 * transaction notes its number in meta ("deleting"), where the next start finds it and deletes the rest; so only
 * one batch at a time can be half deleted, and no rows stay behind for ever.
 *
 * Pages that this leaves free are used again. Those in excess of what the next batches are likely to need are given back
 * to the file system, which means to move pages from the end of the file into the holes.
 */
#include "supervisor/store_tidy.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/error.h"

/* A step deletes this many rows at most, and stops sooner when it has taken so long: a commit that waits for it should
 * not notice. Rows of results are of up to some 64 KiB, most others of 100 bytes. */
#define STEP_ROWS 512
#define STEP_NS (3 * CLOCK_NS_PER_S / 1000)
/* Pages given back in one step: a few milliseconds, and 256 KiB or so in the write-ahead log. */
#define STEP_PAGES "64"
/* Free pages that are kept: so many bytes, and one page in so many of the file. */
#define FREE_BYTES (1024 * 1024)
#define FREE_SHARE 8
/* Nobody seems to wait when nothing was committed for so long. While something is, what is due is seen as often: to look
 * costs as much as to write a small batch. */
#define IDLE_S 1.0
/* When the disk is full, or something reads, it is tried again after so long. */
#define RETRY_S 5.0
/* A batch may be kept longer by this share of `keep`, and by so many seconds at most, so that those that end
 * one after the other are not deleted one by one, each with a wake-up and a commit of its own. */
#define LATE_SHARE (1.0 / 64)
#define LATE_MAX_S 60.0

/* As PRAGMA auto_vacuum tells it. A database that was made anew from what sqlite3 saved of another has another value:
 * its file keeps its size. */
#define AUTO_VACUUM_INCREMENTAL 2

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    OLDEST,
    DELETE_BATCH,
    DELETE_RESULTS,
    DELETE_PIECE,
    DELETE_JOBS,
    KEEP_NUMBER,
    NOTE,
    NOTED,
    PAGE_SIZE,
    LOG_LIMIT,
    AUTO_VACUUM,
    PAGES,
    FREE_PAGES,
    GIVE_BACK,
    STATEMENTS
};

static const char *const sql[] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [OLDEST] = "SELECT number, ended FROM batch WHERE state IS NOT NULL ORDER BY ended LIMIT 1",
    [DELETE_BATCH] = "DELETE FROM batch WHERE number = ?1",
    [DELETE_RESULTS] = "DELETE FROM results WHERE batch = ?1 AND"
                       " first = (SELECT min(first) FROM results WHERE batch = ?1)",
    [DELETE_PIECE] = "DELETE FROM piece WHERE batch = ?1 AND"
                     " number = (SELECT min(number) FROM piece WHERE batch = ?1)",
    [DELETE_JOBS] = "DELETE FROM job WHERE batch = ?1", /* there are none, once it has finished */
    [KEEP_NUMBER] = "INSERT INTO meta (name, value) VALUES ('last_number', ?1)"
                    " ON CONFLICT (name) DO UPDATE SET value = ?1 WHERE value < ?1",
    [NOTE] = "INSERT INTO meta (name, value) VALUES ('deleting', ?1)"
             " ON CONFLICT (name) DO UPDATE SET value = ?1",
    [NOTED] = "SELECT value FROM meta WHERE name = 'deleting'",
    [PAGE_SIZE] = "PRAGMA page_size",
    [LOG_LIMIT] = "PRAGMA journal_size_limit",
    [AUTO_VACUUM] = "PRAGMA auto_vacuum",
    [PAGES] = "PRAGMA page_count",
    [FREE_PAGES] = "PRAGMA freelist_count",
    [GIVE_BACK] = "PRAGMA incremental_vacuum(" STEP_PAGES ")",
};
_Static_assert(sizeof(sql) / sizeof(sql[0]) == STATEMENTS, "one for each");

struct store_tidy {
    struct store_db *db;
    double keep_s; /* infinite: for ever */
    double late_s; /* how much longer they may be kept, see LATE_SHARE */
    int64_t bytes; /* INT64_MAX: any */
    int64_t page_size;
    /* The log keeps its size, since writing over what is there is cheaper than making the file longer, unless it is larger
     * than this; negative: it may be. */
    int64_t log_bytes;
    bool gives_back; /* the file can become smaller */
    sqlite3_stmt *statements[STATEMENTS];
    int64_t deleting;       /* number of the batch that is half deleted; 0: none */
    int64_t noted;          /* the same, as it stands in meta */
    bool sweeping;          /* batches that are too old are being deleted, until there are none */
    uint64_t checkpoint_ns; /* when to write the log back; UINT64_MAX: nothing is in it */
    uint64_t
        look_ns; /* when to see what is due; UINT64_MAX: nothing was committed since that was seen */
    uint64_t not_before_ns; /* until then the disk is likely to be full */
};

/* What the database looks like now. */
struct outlook {
    int64_t oldest;      /* number of the batch that ended first; 0: none has */
    double due_s;        /* in so many seconds it is too old; 0 or less: it is */
    int64_t pages, free; /* of the file; of these, free */
};

/* ---- Statements ---------------------------------------------------------------------------------------- */

/* Runs one with up to one number as its parameter, and reads up to two columns of its first row. Returns SQLite's
 * result; without a row the outputs are as they were. */
static int run(struct store_tidy *tidy, enum statement which, int64_t parameter, int64_t *number,
               double *real)
{
    sqlite3_stmt *statement = tidy->statements[which];
    if (sqlite3_bind_parameter_count(statement) > 0)
        (void)sqlite3_bind_int64(statement, 1, parameter); /* cannot fail: there is one */
    int result;
    for (bool first = true; (result = sqlite3_step(statement)) == SQLITE_ROW; first = false) {
        if (first && number)
            *number = sqlite3_column_int64(statement, 0);
        if (first && real)
            *real = sqlite3_column_double(statement, 1);
    }
    (void)sqlite3_reset(statement); /* tells the same again */
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

/* Likewise, for one that changes rows: how many. */
static int change(struct store_tidy *tidy, enum statement which, int *rows)
{
    int result = run(tidy, which, tidy->deleting, NULL, NULL);
    *rows = result == SQLITE_OK ? sqlite3_changes(tidy->db->sqlite) : 0;
    return result;
}

/* ---- What there is to do -------------------------------------------------------------------------------- */

static int look(struct store_tidy *tidy, struct outlook *out)
{
    double ended_s = 0;
    *out = (struct outlook){.due_s = INFINITY};
    int result = run(tidy, PAGES, 0, &out->pages, NULL);
    if (result == SQLITE_OK)
        result = run(tidy, FREE_PAGES, 0, &out->free, NULL);
    if (result == SQLITE_OK)
        result = run(tidy, OLDEST, 0, &out->oldest, &ended_s);
    if (out->oldest)
        out->due_s = ended_s + tidy->keep_s - clock_wall_s();
    return result;
}

/* Whether the oldest batch is to go. */
static bool must_go(struct store_tidy *tidy, const struct outlook *now)
{
    if (now->due_s > 0)
        tidy->sweeping = false;
    else if (now->due_s <= -tidy->late_s)
        tidy->sweeping = true;
    return now->oldest &&
           (tidy->sweeping || (now->pages - now->free) * tidy->page_size > tidy->bytes);
}

static bool must_give_back(const struct store_tidy *tidy, const struct outlook *now)
{
    return tidy->gives_back && now->free * tidy->page_size > FREE_BYTES &&
           (now->free * FREE_SHARE > now->pages || now->pages * tidy->page_size > tidy->bytes);
}

/* When the next step is due. */
static uint64_t next_due(struct store_tidy *tidy)
{
    struct outlook now;
    uint64_t now_ns = clock_now_ns(), due_ns = tidy->checkpoint_ns;
    tidy->look_ns = UINT64_MAX;
    if (look(tidy, &now) != SQLITE_OK || tidy->deleting || must_go(tidy, &now) ||
        must_give_back(tidy, &now)) {
        due_ns = now_ns; /* where it cannot be read, the step tells why */
    } else if (now.due_s < INFINITY) {
        uint64_t expiry_ns = clock_after_ns(now_ns, now.due_s + tidy->late_s);
        due_ns = expiry_ns < due_ns ? expiry_ns : due_ns;
    }
    return due_ns > tidy->not_before_ns ? due_ns : tidy->not_before_ns;
}

/* ---- Steps ---------------------------------------------------------------------------------------------- */

/* Deletes the row of the oldest batch if that is to go; the rest of it follows. */
static int delete_next(struct store_tidy *tidy)
{
    struct outlook now;
    int result = look(tidy, &now);
    if (result != SQLITE_OK || !must_go(tidy, &now))
        return result;
    result = run(tidy, DELETE_BATCH, now.oldest, NULL, NULL);
    if (result == SQLITE_OK) /* its number must not be given again */
        result = run(tidy, KEEP_NUMBER, now.oldest, NULL, NULL);
    tidy->deleting = now.oldest;
    return result;
}

/* Deletes one more row of the batch whose own row is gone. */
static int delete_row(struct store_tidy *tidy)
{
    int rows = 0;
    int result = change(tidy, DELETE_RESULTS, &rows);
    if (result == SQLITE_OK && rows == 0)
        result = change(tidy, DELETE_PIECE, &rows);
    if (result != SQLITE_OK || rows > 0)
        return result;
    result = change(tidy, DELETE_JOBS, &rows);
    tidy->deleting = 0;
    return result;
}

/* What one transaction deletes. */
static int delete_some(struct store_tidy *tidy)
{
    uint64_t until_ns = clock_now_ns() + STEP_NS;
    int result = SQLITE_OK;
    for (int rows = 0; rows < STEP_ROWS && clock_now_ns() < until_ns; rows++) {
        bool within = tidy->deleting != 0;
        result = within ? delete_row(tidy) : delete_next(tidy);
        if (result != SQLITE_OK || (!within && !tidy->deleting))
            break;
    }
    if (result == SQLITE_OK && tidy->deleting != tidy->noted)
        result = run(tidy, NOTE, tidy->deleting, NULL, NULL);
    return result;
}

/* One transaction. */
static enum store_trouble delete_step(struct store_tidy *tidy, struct error *error)
{
    int result = run(tidy, BEGIN, 0, NULL, NULL);
    if (result == SQLITE_OK)
        result = delete_some(tidy);
    if (result == SQLITE_OK)
        result = run(tidy, COMMIT, 0, NULL, NULL);
    if (result == SQLITE_OK) {
        tidy->noted = tidy->deleting;
        return STORE_FINE;
    }
    enum store_trouble trouble = store_db_trouble(tidy->db, result, error);
    tidy->deleting = tidy->noted;
    if (!sqlite3_get_autocommit(tidy->db->sqlite)) /* SQLite may have rolled back by itself */
        (void)run(tidy, ROLLBACK, 0, NULL, NULL);  /* if this fails, so does what comes next */
    return trouble;
}

/* Writes the log back into the database. */
static int checkpoint(struct store_tidy *tidy)
{
    sqlite3 *sqlite = tidy->db->sqlite;
    int frames = 0;
    int result = sqlite3_wal_checkpoint_v2(sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, NULL);
    if (result == SQLITE_OK && tidy->log_bytes >= 0 && frames * tidy->page_size > tidy->log_bytes)
        result = sqlite3_wal_checkpoint_v2(sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    tidy->checkpoint_ns = UINT64_MAX;
    if ((result & 0xff) == SQLITE_BUSY || (result & 0xff) == SQLITE_LOCKED) { /* something reads */
        tidy->checkpoint_ns = clock_after_ns(clock_now_ns(), RETRY_S);
        return SQLITE_OK;
    }
    return result;
}

/* A commit of its own: there will be something to write back. */
static void note_commit(struct store_tidy *tidy)
{
    tidy->checkpoint_ns = clock_after_ns(clock_now_ns(), IDLE_S);
}

static enum store_trouble take_step(struct store_tidy *tidy, struct error *error)
{
    struct outlook now;
    int result = look(tidy, &now);
    if (result != SQLITE_OK)
        return store_db_trouble(tidy->db, result, error);
    if (tidy->deleting || must_go(tidy, &now)) {
        note_commit(tidy);
        return delete_step(tidy, error);
    }
    if (must_give_back(tidy, &now)) {
        note_commit(tidy);
        result = run(tidy, GIVE_BACK, 0, NULL, NULL);
    } else if (tidy->checkpoint_ns <= clock_now_ns()) {
        result = checkpoint(tidy);
    }
    return store_db_trouble(tidy->db, result, error);
}

enum store_trouble store_tidy_step(struct store_tidy *tidy, uint64_t *due_ns, struct error *error)
{
    enum store_trouble trouble = STORE_FINE;
    if (tidy->not_before_ns <= clock_now_ns()) {
        trouble = take_step(tidy, error);
        if (trouble == STORE_FULL)
            tidy->not_before_ns = clock_after_ns(clock_now_ns(), RETRY_S);
    }
    *due_ns = next_due(tidy);
    return trouble;
}

uint64_t store_tidy_news(struct store_tidy *tidy)
{
    note_commit(tidy);
    if (tidy->look_ns == UINT64_MAX)
        tidy->look_ns = tidy->checkpoint_ns;
    return tidy->look_ns > tidy->not_before_ns ? tidy->look_ns : tidy->not_before_ns;
}

/* ---- Its life ------------------------------------------------------------------------------------------- */

/* What does not change, and what the daemon before this one left half done. */
static int read_state(struct store_tidy *tidy)
{
    int64_t auto_vacuum = 0;
    int result = run(tidy, NOTED, 0, &tidy->noted, NULL);
    if (result == SQLITE_OK)
        result = run(tidy, PAGE_SIZE, 0, &tidy->page_size, NULL);
    if (result == SQLITE_OK)
        result = run(tidy, LOG_LIMIT, 0, &tidy->log_bytes, NULL);
    if (result == SQLITE_OK)
        result = run(tidy, AUTO_VACUUM, 0, &auto_vacuum, NULL);
    tidy->deleting = tidy->noted;
    tidy->gives_back = auto_vacuum == AUTO_VACUUM_INCREMENTAL;
    return result;
}

static bool prepare_all(struct store_tidy *tidy, struct error *error)
{
    for (int i = 0; i < STATEMENTS; i++) {
        tidy->statements[i] = store_db_prepare(tidy->db, sql[i], error);
        if (!tidy->statements[i])
            return false;
    }
    return true;
}

struct store_tidy *store_tidy_new(struct store_db *db, double keep_s, int64_t bytes,
                                  struct error *error)
{
    struct store_tidy *tidy = calloc(1, sizeof(*tidy));
    if (!tidy) {
        (void)error_set(error, -ENOMEM, "out of memory");
        return NULL;
    }
    tidy->db = db;
    tidy->look_ns = UINT64_MAX;
    tidy->keep_s = keep_s > 0 ? keep_s : INFINITY;
    tidy->late_s = fmin(keep_s * LATE_SHARE, LATE_MAX_S);
    tidy->bytes = bytes > 0 ? bytes : INT64_MAX;
    note_commit(tidy); /* of those that the daemon before left in the log */
    if (!prepare_all(tidy, error) || store_db_trouble(db, read_state(tidy), error) != STORE_FINE) {
        store_tidy_free(tidy);
        return NULL;
    }
    return tidy;
}

void store_tidy_free(struct store_tidy *tidy)
{
    if (!tidy)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(tidy->statements[i]); /* NULL is fine */
    free(tidy);
}
