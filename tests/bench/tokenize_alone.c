/*
 * The peer of the tokenize plugin: libunistring's u8_wordbreaks() alone, in one thread, over a file in windows that
 * end with newlines. It does not check that the text is UTF-8, nor which segments are words, while its time is taken;
 * its words are counted afterwards, to see that both find the same.
 *
 *     tokenize_alone FILE WINDOW_BYTES
 *
 * Prints {"bytes", "segments", "words", "seconds", "processor"}; the last is the processor time, in seconds.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <unictype.h>
#include <unistr.h>
#include <uniwbrk.h>

static double now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint64_t count_words(const uint8_t *text, size_t size, const char *breaks)
{
    uint64_t words = 0;
    bool word = false;
    for (size_t i = 0; i < size;) {
        ucs4_t character;
        word = word && !breaks[i];
        bool before = word;
        i += (size_t)u8_mbtouc(&character, text + i, size - i);
        word = word || uc_is_property_alphabetic(character) ||
               uc_is_general_category_withtable(character, UC_CATEGORY_MASK_N);
        words += word && !before;
    }
    return words;
}

int main(int argc, char **argv)
{
    size_t room = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    int fd = room > 0 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    uint8_t *text = malloc(room + 1);
    char *breaks = malloc(room + 1);
    if (fd < 0 || !text || !breaks) {
        fprintf(stderr, "usage: tokenize_alone FILE WINDOW_BYTES\n");
        return 2;
    }
    uint64_t bytes = 0, segments = 0, words = 0;
    double seconds = 0, processor = 0;
    for (;;) {
        double begin = now(CLOCK_MONOTONIC), used = now(CLOCK_PROCESS_CPUTIME_ID);
        ssize_t got = pread(fd, text, room, (off_t)bytes);
        if (got <= 0)
            break;
        const uint8_t *newline = memrchr(text, '\n', (size_t)got);
        size_t size = newline ? (size_t)(newline - text) + 1 : (size_t)got;
        u8_wordbreaks(text, size, breaks);
        breaks[0] = 1;
        for (size_t i = 0; i < size; i++)
            segments += (unsigned char)breaks[i];
        seconds += now(CLOCK_MONOTONIC) - begin;
        processor += now(CLOCK_PROCESS_CPUTIME_ID) - used;
        words += count_words(text, size, breaks);
        bytes += size;
    }
    printf("{\"bytes\": %ju, \"segments\": %ju, \"words\": %ju, \"seconds\": %.6f, "
           "\"processor\": %.6f}\n",
           (uintmax_t)bytes, (uintmax_t)segments, (uintmax_t)words, seconds, processor);
    return 0;
}
