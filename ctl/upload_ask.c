/*
 * How an upload asks the daemon, and what it does when that goes away meanwhile.
 */
#include <math.h>
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

bool upload_can_resume(const struct upload *upload)
{
    return !upload->gave_up && reconnect_can_help(upload->ctl, upload->connection) &&
           upload->pieces.under_way == 0 && (upload->batch == 0 || upload->durable);
}

int upload_resume(struct upload *upload)
{
    int code = upload->batch && upload->follow
                   ? follow_resume(upload->follow)
                   : reconnect(upload->ctl, upload->connection, 0, INFINITY);
    upload->asked_again = code == CTL_OK;
    upload->gave_up = code == CTL_NO_DAEMON;
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
