/*
 * SHA-256 (FIPS 180-4): a digest of 256 bits that nobody can find a second text for. For telling whether two texts
 * are the same when only one of them is still there; not for secrets.
 */
#ifndef AWAITD_BASE_SHA256_H
#define AWAITD_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct sha256 {
    uint32_t state[8];
    uint64_t size; /* bytes so far */
    uint8_t block[64];
};

void sha256_begin(struct sha256 *sha256);
void sha256_add(struct sha256 *sha256, const void *data, size_t size);
/* Writes the digest; *sha256 is to be begun anew behind it. */
void sha256_end(struct sha256 *sha256, uint8_t digest[SHA256_SIZE]);

#endif
