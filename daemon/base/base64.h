/*
 * Reads base64 (RFC 4648, with padding), in which output is told and kept that is not UTF-8.
 */
#ifndef AWAITD_BASE_BASE64_H
#define AWAITD_BASE_BASE64_H

#include <stddef.h>

/* The bytes a text stands for, for the caller to free, and how many they are in *size. NULL: errno is EINVAL,
 * it is not base64, or ENOMEM. */
unsigned char *base64_decode(const char *text, size_t text_size, size_t *size);

#endif
