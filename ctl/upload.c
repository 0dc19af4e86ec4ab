/*
 * Submitting job entries one after the other. Entries are pasted into messages as the text they
 * came as; the caller has checked that each is one JSON object.
 */
#include "upload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/cleanup.h"
#include "connection.h"
#include "ctl.h"
#include "follow.h"
#include "reconnect.h"
#include "terms.h"
#include "upload_parts.h"
#include "wire/frame.h"
#include "wire/rpc.h"

/* A message up to this many bytes is sent without asking for the daemon's limits, which saves a
 * round trip; the smallest line_bytes that can be configured is 4 KiB. */
#define UNASKED_BYTES ((size_t)4 << 10)
/* Bytes of a message besides its entries and the batch's terms; the envelope takes about 150. */
#define ENVELOPE_BYTES ((size_t)512)
/* Levels of a message above an entry: the message, params, jobs. */
#define ENVELOPE_DEPTH 3

int upload_read_terms(struct upload *upload)
{
    json_t *params = json_pack("{s:s}", "follow", upload->options.events);
    const struct terms *terms = upload->options.terms;
    bool failed = !params || (terms->values && json_object_update(params, terms->values) < 0);
    char *text = failed ? NULL : json_dumps(params, JSON_COMPACT);
    json_decref(params);
    if (!text)
        return ctl_fail_memory(upload->ctl);
    free(upload->params);
    upload->params = text;
    upload->envelope_bytes = ENVELOPE_BYTES + strlen(text);
    return terms_check(upload->ctl, terms);
}

int upload_open(struct ctl *ctl, struct connection *connection,
                const struct upload_options *options, struct follow *follow, struct upload **out)
{
    struct upload *upload = calloc(1, sizeof(*upload));
    if (!upload)
        return ctl_fail_memory(ctl);
    upload->ctl = ctl;
    upload->connection = connection;
    upload->options = *options;
    upload->follow = follow;
    int code = upload_read_terms(upload);
    if (code)
        upload_close(upload);
    else
        *out = upload;
    return code;
}

void upload_close(struct upload *upload)
{
    if (!upload)
        return;
    pieces_free(&upload->pieces);
    free(upload->params);
    free(upload);
}

/* ---- What the daemon answers --------------------------------------------------------------------- */

static void map_problems(struct upload *upload, const struct piece *piece)
{
    size_t i;
    json_t *problem;
    terms_name_problems(upload->options.terms, upload->ctl->problems);
    json_array_foreach (upload->ctl->problems, i, problem) {
        const char *field = json_string_value(json_object_get(problem, "field"));
        if (field) /* without memory the field stays as the daemon told it */
            (void)json_object_set_new(problem, "field",
                                      piece_field(piece, upload->options.file, field));
    }
    if (!upload->options.file) /* the entry's own members were options, too */
        terms_name_problems(upload->options.terms, upload->ctl->problems);
}

/* A message of entries was accepted: the batch has so many jobs now. */
static void take_accepted(struct upload *upload, const json_t *result)
{
    upload->jobs = (uint64_t)json_integer_value(json_object_get(result, "jobs"));
    pieces_drop_oldest(&upload->pieces);
}

/* Whether a refusal says that the daemon is about to end, and to go on with the batch when it is started again. What was
 * refused is sent again then: the loss of the connection is all that is to be waited for. */
static bool is_stopping(const struct upload *upload, const json_t *error)
{
    return json_integer_value(json_object_get(error, "code")) == RPC_NOT_READY && upload->durable &&
           reconnect_is_wanted(upload->ctl);
}

static int take_refusal(struct upload *upload, const struct incoming *incoming)
{
    if (is_stopping(upload, incoming->body))
        return CTL_OK;
    if (upload->ctl->json)
        incoming_print(incoming);
    int code = incoming_refusal(upload->ctl, incoming);
    map_problems(upload, pieces_oldest(&upload->pieces));
    return code;
}

/* Takes one message of the daemon; CTL_TIMED_OUT: none came. */
static int take(struct upload *upload, int timeout_ms)
{
    struct incoming incoming;
    int code = connection_read(upload->connection, timeout_ms, &incoming);
    if (code == CTL_NO_DAEMON && upload_can_resume(upload))
        return upload_resume(upload);
    if (code)
        return code;
    if (incoming.kind == INCOMING_EVENT && upload->follow)
        code = follow_on_event(upload->follow, &incoming);
    else if (incoming.kind == INCOMING_ERROR)
        code = take_refusal(upload, &incoming);
    else if (incoming.kind == INCOMING_RESULT && upload->pieces.under_way > 0 &&
             incoming.id == pieces_oldest(&upload->pieces)->id)
        take_accepted(upload, incoming.body);
    incoming_clear(&incoming);
    return code;
}

int upload_take(struct upload *upload)
{
    int code = take(upload, 0);
    return code == CTL_TIMED_OUT ? CTL_OK : code;
}

/* Waits until no more than so many messages are under way. */
static int await_pieces(struct upload *upload, size_t most)
{
    int code = CTL_OK;
    while (code == CTL_OK && upload->pieces.under_way > most)
        code = take(upload, -1);
    return code;
}

/* ---- Limits -------------------------------------------------------------------------------------- */

static int learn_limits(struct upload *upload)
{
    if (upload->line_bytes > 0)
        return CTL_OK;
    json_t *hello;
    int code = upload_ask_surely(upload, "hello", NULL, false, &hello);
    if (code)
        return code;
    const json_t *limits = json_object_get(hello, "limits");
    json_int_t line_bytes = json_integer_value(json_object_get(limits, "line_bytes"));
    json_int_t depth = json_integer_value(json_object_get(limits, "depth"));
    json_decref(hello);
    if (line_bytes <= (json_int_t)(2 * upload->envelope_bytes) || depth <= ENVELOPE_DEPTH)
        return ctl_fail(upload->ctl, CTL_REFUSED,
                        "the daemon takes too small messages: line_bytes=%" JSON_INTEGER_FORMAT
                        " depth=%" JSON_INTEGER_FORMAT,
                        line_bytes, depth);
    upload->line_bytes = (size_t)line_bytes;
    upload->depth = (unsigned)depth;
    return CTL_OK;
}

int upload_entry_max(struct upload *upload, size_t *out)
{
    int code = learn_limits(upload);
    if (code == CTL_OK)
        *out = upload->line_bytes - upload->envelope_bytes;
    return code;
}

/* "FILE:17: " or "". */
static const char *place(const struct upload *upload, uint64_t line, char *buffer, size_t size)
{
    if (upload->options.file)
        (void)snprintf(buffer, size, "%.200s:%" PRIu64 ": ", upload->options.file, line);
    else
        *buffer = '\0';
    return buffer;
}

/* The daemon would close the connection over an entry that is too large or too deep. */
static int check_entry(struct upload *upload, const char *entry, size_t size, uint64_t line)
{
    size_t max = 0, blank, consumed;
    char where[256], words[160];
    int code = upload_entry_max(upload, &max);
    if (code)
        return code;
    struct frame_scanner scanner = {.max_size = max, .max_depth = upload->depth - ENVELOPE_DEPTH};
    enum frame_status status = frame_scan(&scanner, entry, size, &blank, &consumed);
    if (status == FRAME_TOO_DEEP || status == FRAME_TOO_LARGE)
        return ctl_fail(upload->ctl, CTL_REFUSED, "%s%s", place(upload, line, where, sizeof(where)),
                        frame_status_text(status, &scanner, words, sizeof(words)));
    return CTL_OK;
}

/* ---- Sending ------------------------------------------------------------------------------------- */

/* The batch is known. Says that nothing new is run where the key was used before. */
static void take_answer(struct upload *upload, const json_t *result)
{
    upload->unanswered = false;
    upload->durable = json_is_true(json_object_get(result, "durable"));
    upload->existing = json_is_true(json_object_get(result, "existing"));
    if (upload->existing && !upload->ctl->json)
        ctl_say(upload->ctl, "batch %" JSON_INTEGER_FORMAT " has this key: nothing is run again%s",
                json_integer_value(json_object_get(result, "batch")),
                upload->untold ? "; whether its jobs are the same is not known" : "");
}

/* A batch that is open gets its jobs from somebody else, who may have given up; or it is the one that we began
 * when the daemon went away. */
static int warn_of_open(struct upload *upload, bool may_be_ours)
{
    json_t *params = json_pack("{s:I}", "batch", upload->batch), *batch;
    if (!params)
        return ctl_fail_memory(upload->ctl);
    int code = upload_ask_surely(upload, "batch.show", params, false, &batch);
    if (code)
        return code;
    bool is_open = json_is_false(json_object_get(batch, "sealed"));
    if (is_open && may_be_ours)
        code = ctl_fail(upload->ctl, CTL_NO_DAEMON,
                        "the daemon went away when the batch was begun: it is batch "
                        "%" JSON_INTEGER_FORMAT
                        " if nobody else uses this key, and has not all its jobs; end it with: "
                        "awaitctl cancel %" JSON_INTEGER_FORMAT,
                        upload->batch, upload->batch);
    else if (is_open)
        ctl_say(upload->ctl,
                "batch %" JSON_INTEGER_FORMAT
                " is not complete: it ends when whoever began it has sent the rest, or by: "
                "awaitctl cancel %" JSON_INTEGER_FORMAT,
                upload->batch, upload->batch);
    json_decref(batch);
    return code;
}

/* Says what the entries are, where there is a key to compare them by. */
static int add_content(struct upload *upload, json_t *params)
{
    char text[CONTENT_SIZE] = "";
    if (!upload_has_key(upload))
        return CTL_OK;
    int code = upload->options.content(upload->options.context, text);
    upload->untold = !*text;
    if (code == CTL_OK && *text && json_object_set_new(params, "content", json_string(text)) < 0)
        code = ctl_fail_memory(upload->ctl);
    return code;
}

static int open_batch(struct upload *upload)
{
    json_t *params = json_loads(upload->params, 0, NULL), *result;
    if (!params)
        return ctl_fail_memory(upload->ctl);
    int code = add_content(upload, params);
    if (code) {
        json_decref(params);
        return code;
    }
    upload->unanswered = true;
    upload->asked_again = false;
    code = upload_has_key(upload) ? upload_ask_surely(upload, "batch.open", params, true, &result)
                                  : upload_ask(upload, "batch.open", params, true, &result);
    if (code) {
        terms_name_problems(upload->options.terms, upload->ctl->problems);
        return code;
    }
    upload->batch = json_integer_value(json_object_get(result, "batch"));
    take_answer(upload, result);
    json_decref(result);
    if (upload->follow)
        follow_begin(upload->follow, (uint64_t)upload->batch, 0, upload->durable);
    return upload->existing ? warn_of_open(upload, upload->asked_again) : CTL_OK;
}

bool upload_is_existing(const struct upload *upload)
{
    return upload->existing;
}

int upload_flush(struct upload *upload)
{
    if (pieces_gathered(&upload->pieces)->count == 0)
        return CTL_OK;
    int code = upload->batch ? CTL_OK : open_batch(upload);
    if (upload->existing)
        pieces_drop_gathered(&upload->pieces);
    if (code == CTL_OK && !upload->existing)
        code = await_pieces(upload, PIECES_MAX - 1);
    if (code || upload->existing)
        return code;
    struct piece *piece = pieces_gathered(&upload->pieces);
    upload->pieces.under_way++;
    code = upload_send_piece(upload, piece);
    return code == CTL_NO_DAEMON && upload_can_resume(upload) ? upload_resume(upload) : code;
}

bool upload_is_waiting(const struct upload *upload)
{
    return pieces_gathered((struct pieces *)&upload->pieces)->count > 0 &&
           (upload->batch || !upload_has_key(upload));
}

int upload_add(struct upload *upload, const char *entry, size_t size, uint64_t line)
{
    size_t gathered = pieces_gathered(&upload->pieces)->entries.size;
    size_t together = gathered + size + 1;
    if (upload->line_bytes > 0 || together + upload->envelope_bytes > UNASKED_BYTES) {
        int code = check_entry(upload, entry, size, line);
        /* Pieces of half a message: well under the limit, and two under way are one. */
        if (code == CTL_OK && gathered > 0 && together > upload->line_bytes / 2)
            code = upload_flush(upload);
        if (code)
            return code;
    }
    if (pieces_append(&upload->pieces, entry, size, line) < 0)
        return ctl_fail_memory(upload->ctl);
    return CTL_OK;
}

/* ---- The end ------------------------------------------------------------------------------------- */

/* Everything as one message. */
static int submit_whole(struct upload *upload, json_t **result)
{
    size_t size = strlen(upload->params); /* {...}: the braces give way to the list of jobs */
    AUTO_FREE char *head = NULL;
    if (asprintf(&head, "%.*s,\"jobs\":[", (int)size - 2, upload->params + 1) < 0)
        return ctl_fail_memory(upload->ctl);

    struct piece *piece = pieces_gathered(&upload->pieces);
    int code;
    upload->unanswered = true;
    do {
        code = upload_send_entries(upload, piece, "batch.submit", head);
        if (code == CTL_OK)
            code = upload_await(upload, piece->id, true, result);
    } while (upload_shall_ask_again(upload, &code, upload_has_key(upload)));
    if (code)
        map_problems(upload, piece);
    else
        take_answer(upload, *result);
    return code;
}

static int seal(struct upload *upload, json_t **result)
{
    int code = upload_flush(upload);
    if (code == CTL_OK)
        code = await_pieces(upload, 0);
    if (code)
        return code;
    json_t *params = json_pack("{s:I}", "batch", upload->batch);
    if (!params)
        return ctl_fail_memory(upload->ctl);
    if (upload->existing) { /* whoever opened it seals it */
        *result = params;
        return CTL_OK;
    }
    return upload_ask_surely(upload, "batch.seal", params, true, result);
}

int upload_finish(struct upload *upload, uint64_t *batch, uint64_t *jobs)
{
    json_t *result;
    int code = upload->batch ? seal(upload, &result) : submit_whole(upload, &result);
    if (code)
        return code;
    *batch = (uint64_t)json_integer_value(json_object_get(result, "batch"));
    *jobs = (uint64_t)json_integer_value(json_object_get(result, "jobs"));
    json_decref(result);
    if (upload->follow)
        follow_begin(upload->follow, *batch, *jobs, upload->durable);
    return CTL_OK;
}
