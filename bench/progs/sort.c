/*
 * sort.c - benchmark: quicksort and heapsort of random words, and a merge sort of a linked list. Branches and dependent loads.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define N 700000

static uint32_t seed = 2463534242u;
static uint32_t next(void) { seed ^= seed << 13; seed ^= seed >> 17; seed ^= seed << 5; return seed; }

static uint32_t a[N];

static void quick(uint32_t *p, long lo, long hi)
{
    while (lo < hi) {
        uint32_t pivot = p[lo + (hi - lo) / 2];
        long i = lo, j = hi;
        while (i <= j) {
            while (p[i] < pivot) i++;
            while (p[j] > pivot) j--;
            if (i <= j) {
                uint32_t t = p[i]; p[i++] = p[j]; p[j--] = t;
            }
        }
        if (j - lo < hi - i) {
            quick(p, lo, j);
            lo = i;
        } else {
            quick(p, i, hi);
            hi = j;
        }
    }
}

static void sift(uint32_t *p, long i, long n)
{
    uint32_t v = p[i];
    for (long c; (c = 2 * i + 1) < n; i = c) {
        if (c + 1 < n && p[c + 1] > p[c])
            c++;
        if (p[c] <= v)
            break;
        p[i] = p[c];
    }
    p[i] = v;
}

static void heap(uint32_t *p, long n)
{
    for (long i = n / 2; i-- > 0;)
        sift(p, i, n);
    while (--n > 0) {
        uint32_t t = p[0]; p[0] = p[n]; p[n] = t;
        sift(p, 0, n);
    }
}

struct node { struct node *next; uint32_t v; };

static struct node *merge_sort(struct node *l, long n)
{
    if (n == 1) {
        l->next = NULL;
        return l;
    }
    struct node *m = l, *out, **tail = &out;
    for (long i = 0; i < n / 2; i++)
        m = m->next;
    m = merge_sort(m, n - n / 2);
    l = merge_sort(l, n / 2);
    while (l && m) {
        struct node **least = l->v <= m->v ? &l : &m;
        *tail = *least;
        tail = &(*tail)->next;
        *least = *tail;
    }
    *tail = l ? l : m;
    return out;
}

static uint64_t digest(const uint32_t *p)
{
    uint64_t h = 0;
    for (long i = 0; i < N; i++)
        h = h * 31 + p[i];
    return h;
}

int main(void)
{
    for (int round = 0; round < 2; round++) {
        for (long i = 0; i < N; i++)
            a[i] = next();
        quick(a, 0, N - 1);
        printf("%016lx ", (unsigned long)digest(a));
        for (long i = 0; i < N; i++)
            a[i] = next();
        heap(a, N);
        printf("%016lx ", (unsigned long)digest(a));
        struct node *nodes = malloc(N * sizeof(*nodes)), *l = nodes;
        for (long i = 0; i < N; i++)
            nodes[i] = (struct node){ i + 1 < N ? &nodes[i + 1] : NULL, next() };
        l = merge_sort(l, N);
        uint64_t h = 0;
        for (; l; l = l->next)
            h = h * 31 + l->v;
        printf("%016lx\n", (unsigned long)h);
        free(nodes);
    }
    return 0;
}
