/*
 * What the two sides of the store hand to each other: the loop (store.c, store_record.c) and the thread
 * (store_thread.c and what it calls). Letters go both ways; whoever has one owns it. Nothing else is shared but struct
 * store_link.
 */
#ifndef AWAITD_SUPERVISOR_STORE_PARTS_H
#define AWAITD_SUPERVISOR_STORE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include "base/bytes.h"
#include "base/error.h"
#include "base/mailbox.h"
#include "supervisor/store.h"
#include "supervisor/store_list.h"

/* First member of every letter. The side that takes it calls open(), with what it is itself. */
struct store_letter {
    struct mail mail; /* first */
    void (*open)(void *receiver, struct store_letter *letter);
};

struct store_link {
    struct mailbox *to_thread, *to_loop;
    int mail_fd;           /* an eventfd that tells the loop of letters */
    atomic_bool mail_told; /* it is readable, or about to be: no need to tell again */
    atomic_bool closing;   /* the thread ends when all is written */
    _Atomic int64_t bytes; /* of the database and its log */
    uint64_t unwritten;    /* see store_close(); valid when the thread has ended */
};

/* Hands a letter to the loop. The thread only. */
void store_link_tell(struct store_link *link, struct store_letter *letter);

/* ---- To the thread: what was recorded ----------------------------------------------------------------------- */

enum store_kind {
    STORE_ADMISSION,
    STORE_RESULTS,
    STORE_JOB,
    STORE_SEAL,
    STORE_PAUSE,
    STORE_STOP,
    STORE_FINISH,
};

/* Something that was recorded; texts stand behind it, unless told otherwise. */
struct store_record {
    STAILQ_ENTRY(store_record) link;
    enum store_kind kind;
    uint32_t things; /* tickets that it stands for */
    uint64_t batch;
    union {
        struct {
            uint64_t ticket;
            bool is_new, seal;
            struct store_batch batch;
            struct fingerprint asked;
            struct store_piece *pieces;
            uint32_t pieces_count;
            /* What has become of it, see store_callbacks.on_admitted. */
            int code;
            uint64_t existing;
        } admission;
        struct {
            uint32_t first, count;
            struct bytes
                text; /* an allocation of its own; without its brackets, see result_text.h */
        } results;
        struct store_job job;
        bool paused;
        struct store_stop stop;
        struct {
            struct store_finish finish;
            uint32_t in_state[JOB_STATES];
        } end;
    };
    char texts[];
};
STAILQ_HEAD(store_records, store_record);

/* What one turn of the loop, or a part of it, has recorded. */
struct store_parcel {
    struct store_letter letter; /* first */
    STAILQ_ENTRY(store_parcel) link;
    struct store_records records;
    size_t bytes;         /* that it takes, about */
    uint64_t last_ticket; /* everything up to here is in it, or in one before it */
    uint64_t last_number; /* of a batch; 0: no news */
    uint64_t numbers;     /* how often that was said: each had a ticket, and no record */
};

/* Bytes of results past which others get a row of their own; reason: rows are read and looked into as a whole. */
#define STORE_RESULTS_BYTES (64u << 10)
/* Of how many batches results are gathered; reason: those whose jobs end at the same time have numbers that follow one
 * another, mostly, and this much is cleared with each turn of the loop. A power of 2. */
#define STORE_GATHERED 256

/* Records of results that may still grow, each in the place of its batch. Zeroed = none. */
struct store_gathering {
    struct store_record *records[STORE_GATHERED];
};

/* The record that completion `seq` of the batch continues; NULL: none. */
static inline struct store_record *store_gathering_find(const struct store_gathering *gathering,
                                                        uint64_t batch, uint32_t seq)
{
    struct store_record *record = gathering->records[batch % STORE_GATHERED];
    bool continues = record && record->batch == batch &&
                     record->results.first + record->results.count == seq &&
                     record->results.text.size < STORE_RESULTS_BYTES;
    return continues ? record : NULL;
}

/* Notes that the record may grow, instead of another. */
static inline void store_gathering_note(struct store_gathering *gathering,
                                        struct store_record *record)
{
    gathering->records[record->batch % STORE_GATHERED] = record;
}

void store_record_free(struct store_record *record);
void store_records_free(struct store_records *records);
/* NULL is fine. */
void store_parcel_free(struct store_parcel *parcel);

/* ---- To the loop: what has become of it --------------------------------------------------------------------- */

struct store_report {
    struct store_letter letter;      /* first */
    struct store_records admissions; /* that were decided, in the order of their tickets */
    uint64_t committed;              /* up to this ticket; 0: nothing new */
    uint64_t things;                 /* how many tickets are done with */
    bool commit;                     /* something was written */
    bool full;                       /* the disk is */
    struct error error;              /* how it is full */
};

struct store_failure {
    struct store_letter letter; /* first */
    bool corrupt;
    struct error error;
};

/* ---- Requests: to the thread, and back ---------------------------------------------------------------------- */

/* Where reading goes on. */
enum store_stage {
    STORE_STAGE_BATCH,
    STORE_STAGE_PIECES,
    STORE_STAGE_JOBS,
    STORE_STAGE_RESULTS,
    STORE_STAGES, /* how many there are */
};

struct store_cursor {
    bool unfinished; /* all those, or one batch */
    enum store_stage stage;
    uint64_t
        number; /* of the batch; in STORE_STAGE_BATCH of those that have not finished, the first that it may be */
    uint64_t next; /* the first row of the stage that is not yet read */
};

struct store_request {
    struct store_letter letter; /* first */
    STAILQ_ENTRY(store_request) link;
    void *context; /* for the callback */
    enum store_request_kind { STORE_READ, STORE_LIST, STORE_COPY } kind;
    union {
        struct {
            struct store_reader reader;
            struct store_cursor cursor;
            bool begun;
        } read;
        struct {
            struct store_filter filter;
            void (*on_list)(void *context, json_t *summaries, bool more, const struct error *error);
            struct store_page page;
        } list;
        struct {
            const char *file;
            void (*on_done)(void *context, int code, const struct error *error);
            struct store_copy *copy; /* NULL: not yet begun */
        } copy;
    };
    /* What has become of it. */
    int code;
    struct error error;
    char texts[];
};
STAILQ_HEAD(store_requests, store_request);

/* NULL is fine. */
void store_request_free(struct store_request *request);

/* A batch, or what belongs to one; texts stand behind it. */
struct store_part {
    STAILQ_ENTRY(store_part) link;
    enum store_stage stage; /* what it is */
    union {
        struct {
            struct store_batch batch;
            struct fingerprint asked;
        } batch;
        struct store_piece piece;
        struct store_job job;
        struct {
            uint32_t first;
            struct bytes_view text;
        } results;
    };
    char texts[];
};

/* Parts of what a request reads. The loop sends it back once it has dealt with it, unless it is the last one; that
 * takes the request with it. */
struct store_parts {
    struct store_letter letter; /* first */
    STAILQ_HEAD(, store_part) list;
    size_t bytes; /* that it takes, about */
    struct store_request *request;
    bool last;
};

/* Frees what is in it. */
void store_parts_clear(struct store_parts *parts);
/* NULL is fine. */
void store_parts_free(struct store_parts *parts);

/* ---- The thread, from the loop -------------------------------------------------------------------------------- */

/* The first letter from the thread. */
struct store_opened {
    struct store_letter letter; /* first */
    int code;                   /* 0, or see store_open() */
    struct error error;
    uint64_t last_number;
};

/* What the thread is started with; it is valid until the thread has told that it has opened. */
struct store_start {
    struct store_link *link;
    const struct store_options *options;
    struct store_opened opened;
};

/* The thread's main function; its argument is a struct store_start, whose `opened` it posts first. Where its code is
 * not 0, the thread ends. */
void *store_thread_main(void *start);

/* How the thread opens its letters. */
void store_thread_take_parcel(void *thread, struct store_letter *parcel);
void store_thread_take_request(void *thread, struct store_letter *request);
void store_thread_take_parts(void *thread, struct store_letter *parts);

/* How the loop opens its letters. */
void store_on_report(void *store, struct store_letter *report);
void store_on_failure(void *store, struct store_letter *failure);
void store_on_answer(void *store, struct store_letter *request);
void store_on_parts(void *store, struct store_letter *parts);

/* ---- Recording, within the loop ------------------------------------------------------------------------------- */

/* What the present turn of the loop has recorded. */
struct store_outbox {
    struct store_parcel *parcel;    /* NULL: nothing yet */
    struct store_gathering results; /* those in the parcel */
    uint64_t latest;                /* ticket */
    uint64_t last_number;           /* that was not yet posted; 0: none */
};

struct event;

/* The loop's side. */
struct store {
    struct store_link link;
    struct store_callbacks callbacks;
    void *context;
    struct event *on_mail,
        *on_turn; /* mail from the thread; the end of a turn in which something was recorded */
    pthread_t thread;
    bool closing;
    bool failed;           /* on_failed() was told */
    struct error trouble;  /* why what waits could not be written, when that was tried last */
    uint64_t first_number; /* see store_last_number() */
    uint64_t committed;    /* ticket */
    uint64_t things;       /* tickets done with */
    uint64_t commits;
    bool full;
    struct store_outbox outbox;
};

/* Hands what was recorded to the thread. */
void store_post(struct store *store);

/* Bytes that a copy of the text takes; 0 for NULL. */
size_t store_text_size(const char *text);
/* Copies the text, which may be NULL, to where *at is, and moves that behind it. Returns the copy. */
const char *store_text_put(char **at, const char *text);

#endif
