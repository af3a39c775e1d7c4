/*
 * string.c - benchmark: the C library's memory and string functions over many sizes and alignments, and words counted in a
 * hash table. NEON loads and stores in the library, short calls.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char a[1 << 20], b[1 << 20];

static uint64_t table_run(void)
{
    struct entry { char word[12]; uint32_t n; } *t = calloc(1 << 16, sizeof(*t));
    uint32_t x = 1;
    for (int i = 0; i < 1500000; i++) {
        char w[12];
        x = x * 1664525 + 1013904223;
        snprintf(w, 4, "%03x", x >> 20);
        memcpy(w + 3, "suffix", 7);
        uint32_t h = 5381;
        for (const char *p = w; *p; p++)
            h = h * 33 ^ (uint8_t)*p;
        for (h &= 0xffff; t[h].n && strcmp(t[h].word, w); h = (h + 1) & 0xffff)
            ;
        if (!t[h].n)
            strcpy(t[h].word, w);
        t[h].n++;
    }
    uint64_t sum = 0;
    for (int i = 0; i < 1 << 16; i++)
        sum = sum * 7 + t[i].n * strlen(t[i].word);
    free(t);
    return sum;
}

int main(void)
{
    uint64_t h = 0;
    for (size_t i = 0; i < sizeof(a); i++)
        a[i] = (char)('a' + i % 23);
    for (int round = 0; round < 300; round++) {
        for (size_t size = 1; size < sizeof(a) / 8; size = size * 3 / 2 + 1) {
            size_t off = (size_t)round % 31;
            memcpy(b + off, a + off * 2, size);
            memmove(b + off + 5, b + off, size);
            memset(b + off + size, 'z', size / 2 + 1);
            b[off + size + size / 2 + 1] = 0;
            h = h * 31 + strlen(b + off) + (size_t)(strchr(b + off, 'z') - b) + (memcmp(a, b + off, size) > 0);
        }
    }
    printf("%016lx %016lx\n", (unsigned long)h, (unsigned long)table_run());
    return 0;
}
