/*
 * data.c - input of other benchmarks, no benchmark itself: data.c BYTES writes words, numbers and lines with repetitions, and some
 * stretches that do not compress. The same bytes everywhere.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t seed = 1;
static uint32_t next(uint32_t below) { seed = seed * 1664525 + 1013904223; return (seed >> 8) % below; }

int main(int argc, char **argv)
{
    static const char *part[] = { "sha", "dow", "page", "ta", "ble", "run", "of", "the", "win", "er", "ing", "gno", "mon", "a", "tion", "s" };
    long left = argc > 1 ? atol(argv[1]) : 0;
    char line[256];
    while (left > 0) {
        int n = 0;
        if (next(64) == 0) {
            for (int i = 0; i < 200; i++)
                line[n++] = (char)next(256);
        } else {
            for (int words = 3 + (int)next(10); words; words--) {
                for (int k = 1 + (int)next(3); k; k--)
                    n += sprintf(line + n, "%s", part[next(next(16) + 1)]);
                line[n++] = ' ';
            }
            n += sprintf(line + n, "%u\n", next(100000));
        }
        if (n > left)
            n = (int)left;
        fwrite(line, 1, (size_t)n, stdout);
        left -= n;
    }
    return 0;
}
