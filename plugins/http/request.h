/*
 * Turns a job's parameters into options of its transfer's handle.
 */
#ifndef AWAITD_HTTP_REQUEST_H
#define AWAITD_HTTP_REQUEST_H

struct transfer;

/* What is asked for where `compressed` is set: what decode.h can undo. */
#define HTTP_ACCEPT_ENCODING "Accept-Encoding: gzip"

/* Sets up transfer->easy for transfer->now.params. AW_OK, or AW_FAILED with the job's reason set. */
int request_set(struct transfer *transfer);

#endif
