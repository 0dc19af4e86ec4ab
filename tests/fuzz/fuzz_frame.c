/*
 * The scanner finds the same messages however the stream is cut. The first bytes of the input are the
 * limits and the sizes of the pieces, used in turn; the rest is the stream.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECES 4

/* What was found: where messages began and ended, as a checksum, and how it went on. */
struct found {
    uint64_t sum;
    size_t messages, looked_at;
    enum frame_status status;
    struct frame_scanner scanner;
};

static void note(struct found *found, uint64_t value)
{
    found->sum = (found->sum ^ value) * UINT64_C(1099511628211);
}

/* Scans in pieces of the given sizes (in turn, each at least 1). */
static void scan(const uint8_t *data, size_t size, const size_t *pieces, struct found *found)
{
    size_t at = 0;
    for (unsigned turn = 0; at < size && found->status <= FRAME_COMPLETE; turn++) {
        size_t piece = pieces[turn % PIECES] < size - at ? pieces[turn % PIECES] : size - at;
        size_t end = at + piece, blank, consumed;
        while (at < end && found->status <= FRAME_COMPLETE) {
            bool begun = found->scanner.size > 0;
            found->status = frame_scan(&found->scanner, data + at, end - at, &blank, &consumed);
            if (blank > consumed || consumed > end - at || (begun && blank > 0))
                abort();
            if (!begun && consumed > blank)
                note(found, at + blank);
            at += consumed;
            if (found->status == FRAME_MORE && at != end)
                abort();
            if (found->status == FRAME_COMPLETE) {
                note(found, at);
                found->messages++;
                if (data[at - 1] != '}' && data[at - 1] != ']')
                    abort();
            }
            if (found->scanner.size > found->scanner.max_size)
                abort();
        }
    }
    found->looked_at = at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 + PIECES)
        return 0;
    struct frame_scanner scanner = {.max_size = 1 + (size_t)data[0] * 8, .max_depth = data[1]};
    size_t pieces[PIECES];
    for (unsigned i = 0; i < PIECES; i++)
        pieces[i] = 1 + (size_t)data[2 + i];
    data += 2 + PIECES;
    size -= 2 + PIECES;

    struct found whole = {.scanner = scanner}, cut = whole, single = whole;
    scan(data, size, (const size_t[PIECES]){SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX}, &whole);
    scan(data, size, pieces, &cut);
    scan(data, size, (const size_t[PIECES]){1, 1, 1, 1}, &single);
    if (memcmp(&whole, &cut, sizeof(whole)) != 0 || memcmp(&whole, &single, sizeof(whole)) != 0)
        abort();
    return 0;
}
