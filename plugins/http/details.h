/*
 * The facts about a transfer that go beside the job's output, as JSON.
 */
#ifndef AWAITD_HTTP_DETAILS_H
#define AWAITD_HTTP_DETAILS_H

struct transfer;

/* Tells the job's details; nothing where no response has come. */
void details_tell(struct transfer *transfer);

#endif
