/*
 * memory.c - benchmark: what memory costs. memory.c chase MIB: dependent loads along a random cycle of cache lines;
 * stream: copy, scale, add and triad over arrays larger than caches; random: scattered read-modify-writes in 64 MiB;
 * copy: memcpy and memset of 16 MiB; pages: one byte of each of many pages, again and again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 88172645463325252u;
static uint64_t next(void) { seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17; return seed; }

static void *get(size_t size)
{
    void *p = aligned_alloc(1 << 16, size);
    if (!p)
        exit(1);
    memset(p, 0, size);
    return p;
}

static uint64_t chase(size_t mib)
{
    struct line { struct line *next; uint64_t v[7]; };
    size_t n = (mib << 20) / sizeof(struct line);
    struct line *l = get(n * sizeof(*l));
    uint32_t *order = get(n * sizeof(*order));
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n - 1; i > 0; i--) {
        size_t j = next() % (i + 1);
        uint32_t t = order[i]; order[i] = order[j]; order[j] = t;
    }
    for (size_t i = 0; i < n; i++)
        l[order[i]].next = &l[order[(i + 1) % n]];
    struct line *p = l;
    size_t steps = mib < 4 ? 25000000 : mib < 16 ? 4000000 : 2000000;
    for (size_t i = 0; i < steps; i++)
        p = p->next;
    return (uint64_t)(p - l);
}

#define N (2 << 20)

static uint64_t stream(void)
{
    double *a = get(N * 8), *b = get(N * 8), *c = get(N * 8);
    for (size_t i = 0; i < N; i++)
        a[i] = (double)(i & 1023);
    for (int round = 0; round < 24; round++) {
        for (size_t i = 0; i < N; i++)
            c[i] = a[i];
        for (size_t i = 0; i < N; i++)
            b[i] = 0.5 * c[i];
        for (size_t i = 0; i < N; i++)
            c[i] = a[i] + b[i];
        for (size_t i = 0; i < N; i++)
            a[i] = b[i] + 0.25 * c[i];
    }
    double s = 0;
    for (size_t i = 0; i < N; i++)
        s += a[i];
    return (uint64_t)(s * 16);
}

static uint64_t scatter(void)
{
    size_t n = 64 << 20 >> 3;
    uint64_t *a = get(n * 8), s = 0;
    for (size_t i = 0; i < 8000000; i++) {
        uint64_t r = next();
        a[r & (n - 1)] ^= r;
    }
    for (size_t i = 0; i < n; i += 5)
        s = s * 31 + a[i];
    return s;
}

static uint64_t copies(void)
{
    size_t size = 16 << 20;
    uint8_t *a = get(size), *b = get(size);
    for (int round = 0; round < 100; round++) {
        memset(a, round, size);
        memcpy(b + round, a, size - 64);
        a[round * 1000] ^= b[round * 3000];
    }
    return a[39000] + b[size / 2];
}

static uint64_t pages(void)
{
    size_t size = 32 << 20;
    uint8_t *a = get(size);
    uint64_t s = 0;
    for (int round = 0; round < 1200; round++)
        for (size_t i = 0; i < size; i += 4096)
            s += a[i + (size_t)(round & 63) * 64]++;
    return s;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    uint64_t v;
    if (!strcmp(what, "chase") && argc > 2)
        v = chase((size_t)atoi(argv[2]));
    else if (!strcmp(what, "stream"))
        v = stream();
    else if (!strcmp(what, "random"))
        v = scatter();
    else if (!strcmp(what, "copy"))
        v = copies();
    else if (!strcmp(what, "pages"))
        v = pages();
    else
        return 2;
    printf("%lu\n", (unsigned long)v);
    return 0;
}
