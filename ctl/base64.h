/*
 * Reads base64 (RFC 4648, with padding), in which output comes that is not UTF-8.
 */
#ifndef AWAITCTL_BASE64_H
#define AWAITCTL_BASE64_H

#include <stddef.h>

/* The bytes a text stands for, for the caller to free, and how many they are in *size. NULL: not base64,
 * or out of memory. */
unsigned char *base64_decode(const char *text, size_t text_size, size_t *size);

#endif
