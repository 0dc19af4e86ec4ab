/*
 * How an upload asks the daemon, and what it does when that goes away meanwhile.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "connection.h"
#include "ctl.h"
#include "follow.h"
#include "reconnect.h"
#include "terms.h"
#include "upload_parts.h"

bool upload_has_key(const struct upload *upload)
{
    return json_is_string(json_object_get(upload->options.terms->values, "key"));
}

int upload_await(struct upload *upload, json_int_t id, bool print, json_t **result)
{
    struct incoming answer;
    int code = connection_answer(upload->connection, id, upload->follow ? follow_on_event : NULL,
                                 upload->follow, &answer);
    if (code)
        return code;
    if (print && upload->ctl->json)
        incoming_print(&answer);
    *result = json_incref(answer.body);
    incoming_clear(&answer);
    return CTL_OK;
}

int upload_ask(struct upload *upload, const char *method, json_t *params, bool print,
               json_t **result)
{
    json_int_t id;
    int code = connection_send(upload->connection, method, params, &id);
    return code ? code : upload_await(upload, id, print, result);
}

int upload_send_entries(struct upload *upload, struct piece *piece, const char *method,
                        const char *params)
{
    static const char tail[] = "]}}\n";
    char head[160];
    piece->id = connection_next_id(upload->connection);
    int head_size = snprintf(head, sizeof(head),
                             "{\"jsonrpc\":\"2.0\",\"id\":%" JSON_INTEGER_FORMAT
                             ",\"method\":\"%s\",\"params\":{",
                             piece->id, method);
    int code = connection_write(upload->connection, head, (size_t)head_size);
    if (code == CTL_OK)
        code = connection_write(upload->connection, params, strlen(params));
    if (code == CTL_OK)
        code = connection_write(upload->connection, (const char *)piece->entries.data,
                                piece->entries.size);
    if (code == CTL_OK)
        code = connection_write(upload->connection, tail, sizeof(tail) - 1);
    return code;
}

int upload_send_piece(struct upload *upload, struct piece *piece)
{
    char params[80];
    (void)snprintf(params, sizeof(params), "\"batch\":%" JSON_INTEGER_FORMAT ",\"jobs\":[",
                   upload->batch); /* fits: a number */
    return upload_send_entries(upload, piece, "batch.add", params);
}

/* ---- When the daemon went away ------------------------------------------------------------------- */

bool upload_can_resume(const struct upload *upload)
{
    return !upload->gave_up && reconnect_can_help(upload->ctl, upload->connection) &&
           (upload->batch == 0 || upload->durable);
}

/* Takes for answered what of the messages under way the daemon has: they count as jobs of the batch. */
static int drop_taken(struct upload *upload)
{
    json_t *batch, *params = json_pack("{s:I}", "batch", upload->batch);
    if (!params)
        return ctl_fail_memory(upload->ctl);
    int code = upload_ask(upload, "batch.show", params, false, &batch);
    if (code)
        return code;
    uint64_t jobs = (uint64_t)json_integer_value(json_object_get(batch, "jobs"));
    json_decref(batch);
    while (upload->jobs < jobs && upload->pieces.under_way > 0) {
        uint64_t count;
        if (piece_count_jobs(pieces_oldest(&upload->pieces), &count) < 0 || count == 0)
            break;
        upload->jobs += count;
        pieces_drop_oldest(&upload->pieces);
    }
    if (upload->jobs == jobs)
        return CTL_OK;
    return ctl_fail(upload->ctl, CTL_NO_DAEMON,
                    "the daemon came back with other jobs than it was sent");
}

static int send_again(struct upload *upload)
{
    if (upload->pieces.under_way == 0)
        return CTL_OK;
    int code = drop_taken(upload);
    for (size_t i = 0; i < upload->pieces.under_way && code == CTL_OK; i++)
        code = upload_send_piece(upload, pieces_under_way(&upload->pieces, i));
    return code;
}

int upload_resume(struct upload *upload)
{
    int code;
    do {
        code = upload->batch && upload->follow
                   ? follow_resume(upload->follow)
                   : reconnect(upload->ctl, upload->connection, 0, INFINITY);
        upload->asked_again = code == CTL_OK;
        upload->gave_up = code == CTL_NO_DAEMON;
        if (code == CTL_OK)
            code = send_again(upload);
    } while (code == CTL_NO_DAEMON && upload_can_resume(upload));
    return code;
}

bool upload_shall_ask_again(struct upload *upload, int *code, bool harmless)
{
    if (*code != CTL_NO_DAEMON || !harmless || !upload_can_resume(upload))
        return false;
    *code = upload_resume(upload);
    return *code == CTL_OK;
}

int upload_ask_surely(struct upload *upload, const char *method, json_t *params, bool print,
                      json_t **result)
{
    int code;
    do {
        code = upload_ask(upload, method, json_incref(params), print, result);
    } while (upload_shall_ask_again(upload, &code, true));
    json_decref(params);
    return code;
}
