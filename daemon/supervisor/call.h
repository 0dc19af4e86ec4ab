/*
 * One request being carried out, and the table of methods.
 *
 * A method reads its parameters with call_read(), by a table like those of plugins; does its work with
 * plain functions; and says how it came out with call_result() or call_fail(). Saying nothing means that
 * the answer comes later.
 */
#ifndef AWAITD_SUPERVISOR_CALL_H
#define AWAITD_SUPERVISOR_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include "base/bytes.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/params.h"
#include "base/problems.h"

struct batch;
struct client;
struct rpc_request;
struct supervisor;

struct call {
    struct supervisor *supervisor;
    struct client *client;
    const json_t *id;       /* NULL: a notification */
    json_t *params;         /* an object; NULL: none */
    struct bytes_view jobs; /* see struct rpc_request */

    json_t *result;    /* owned; NULL: none yet */
    struct bytes text; /* the same as JSON text in its place; empty: none yet */
    int code;          /* enum rpc_code of a failure; 0: none */
    uint64_t ticket;   /* of the store, behind which it is answered; 0: at once */
    struct error error;
    struct problems problems;
};

struct method {
    const char *name;
    void (*run)(struct call *call);
    bool pipelines;    /* may be carried out before those before it have been answered */
    bool only_answers; /* changes nothing; not run for a notification, since nobody would hear */
};

/* Carries out a request of a client and answers it. */
void call_serve(struct supervisor *supervisor, struct client *client,
                const struct rpc_request *request);

/* Fills the struct at `out` (table->struct_size bytes) from the call's parameters, all of which must be in
 * the table. False: they are wrong, or there were problems before, and the call has failed.
 * call_done_reading() frees the texts. */
bool call_read(struct call *call, const struct params_table *table, void *out);
void call_done_reading(const struct params_table *table, void *out);

/* Takes a parameter that no table can describe, such as a list of jobs, out of the call's parameters. New
 * reference; NULL: it was not given. */
json_t *call_take(struct call *call, const char *name);

/* The call succeeded; steals `result`. NULL: out of memory. */
void call_result(struct call *call, json_t *result);
/* The same with JSON text on one line; takes over what is in `text`, which may have failed. */
void call_result_text(struct call *call, struct bytes *text);
/* The call failed. */
void call_fail(struct call *call, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The call failed with what is in call->error and call->problems. */
void call_fail_as(struct call *call, int code);

/* The batch of this number. NULL: the call has failed, since there is none; or it is being read back from the store,
 * and the request is carried out again when it is there. The method returns at once, then, and has changed nothing. */
struct batch *call_batch(struct call *call, int64_t number);

/* Whether the call has waited for an errand (errands.h): its outcome is the call's now. */
bool call_waited(struct call *call);

/* The row of a table for the batch that is meant, in the field `batch`. */
#define CALL_BATCH_ROW(params_struct) \
    AW_PARAM(params_struct, batch, .text = "The batch's number", .required = true)
/* The batch that the call names by its only parameter; NULL: as of call_batch(). */
struct batch *call_read_batch(struct call *call);

/* What is told of a batch that was submitted or opened. NULL: out of memory. */
json_t *call_batch_result(const struct batch *batch, bool existing);

/* What the call has done to the batch is answered when it has been committed. */
void call_after_commit(struct call *call, const struct batch *batch);

/* Whether the client may have one more watcher; if not, the call has failed. */
bool call_may_watch(struct call *call);
/* The same of a certain batch, which may have been read back and stays in memory while it is watched. */
bool call_may_watch_batch(struct call *call, const struct batch *batch);
/* Whether there is room to keep the batch for a watcher. If not, *error says so, for RPC_FULL. */
bool call_may_keep(const struct supervisor *supervisor, const struct batch *batch,
                   struct error *error);

/* The methods, by subject: method_submit.c, method_batch.c, method_list.c, method_job.c, method_store.c,
 * method_daemon.c. Each ends with a NULL name. */
extern const struct method methods_submit[], methods_batch[], methods_list[], methods_job[],
    methods_store[], methods_daemon[];

/* A table of the rows in the array `rows` for `struct_type`. */
#define CALL_TABLE(rows_, struct_type) \
    { \
        .rows = (rows_), .count = sizeof(rows_) / sizeof(*(rows_)) - 1, \
        .struct_size = sizeof(struct_type) \
    }

#endif
