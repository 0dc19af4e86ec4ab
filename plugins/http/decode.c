/*
 * Decompressing with zlib, see decode.h. Memory is bounded: zlib's window of 32 KiB and a piece of output.
 */
#include "decode.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PIECE_BYTES (16 * 1024)
/* zlib's largest window, and that there is a gzip header. */
#define WINDOW_BITS (15 + 16)

/* RFC 1952, 2.3.1: ID1. */
#define MEMBER_BYTE 0x1f

struct decode {
    z_stream stream;
    bool inside; /* a member has begun and not ended */
    bool ended;  /* a member has ended */
    unsigned char piece[PIECE_BYTES];
};

struct decode *decode_new(void)
{
    struct decode *decode = malloc(sizeof(*decode));
    if (!decode)
        return NULL;
    decode->inside = decode->ended = false;
    memset(&decode->stream, 0, sizeof(decode->stream));
    if (inflateInit2(&decode->stream, WINDOW_BITS) == Z_OK)
        return decode;
    free(decode);
    return NULL;
}

void decode_free(struct decode *decode)
{
    if (!decode)
        return;
    (void)inflateEnd(&decode->stream); /* only tells of misuse */
    free(decode);
}

/* One step, with as much output as a piece holds. */
static int step(struct decode *decode, size_t *got)
{
    z_stream *stream = &decode->stream;
    stream->next_out = decode->piece;
    stream->avail_out = sizeof(decode->piece);
    decode->inside = true;
    int result = inflate(stream, Z_NO_FLUSH);
    *got = sizeof(decode->piece) - stream->avail_out;
    if (result == Z_STREAM_END) { /* another member may follow */
        decode->inside = false;
        decode->ended = true;
        result = inflateReset(stream);
    }
    /* Z_BUF_ERROR: all input is used, and there was no output left to give. */
    return result == Z_BUF_ERROR ? Z_OK : result;
}

enum decode_result decode_feed(struct decode *decode, const void *data, size_t size,
                               bool (*take)(void *context, const char *data, size_t size),
                               void *context)
{
    z_stream *stream = &decode->stream;
    /* zlib does not write there; its type is older than const. libcurl gives 16 KiB at a time. */
    stream->next_in = (unsigned char *)(uintptr_t)data;
    stream->avail_in = (unsigned)size;
    size_t got = 0;
    while (stream->avail_in > 0 || (decode->inside && got == sizeof(decode->piece))) {
        if (!decode->inside && decode->ended && stream->next_in[0] != MEMBER_BYTE)
            return DECODE_OK; /* padding, which gzip(1) and browsers pass over, too */
        int result = step(decode, &got);
        if (got > 0 && !take(context, (const char *)decode->piece, got))
            return DECODE_STOPPED;
        if (result != Z_OK)
            return DECODE_BROKEN;
    }
    return DECODE_OK;
}

bool decode_is_whole(const struct decode *decode)
{
    return !decode->inside;
}

const char *decode_problem(const struct decode *decode)
{
    return decode->stream.msg ? decode->stream.msg : "is no gzip";
}
