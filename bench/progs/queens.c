/*
 * queens.c - benchmark: all placements of queens on a board, with bit masks and with arrays. Branches and small arrays.
 */
#include <stdio.h>
#include <stdlib.h>

static long masks(unsigned all, unsigned columns, unsigned left, unsigned right)
{
    if (columns == all)
        return 1;
    long n = 0;
    for (unsigned free = all & ~(columns | left | right); free; free &= free - 1) {
        unsigned bit = free & -free;
        n += masks(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return n;
}

static int row[16];

static long arrays(int n, int at)
{
    if (at == n)
        return 1;
    long found = 0;
    for (int r = 0; r < n; r++) {
        int i = 0;
        while (i < at && row[i] != r && abs(row[i] - r) != at - i)
            i++;
        if (i == at) {
            row[at] = r;
            found += arrays(n, at + 1);
        }
    }
    return found;
}

int main(void)
{
    printf("%ld %ld\n", masks((1u << 14) - 1, 0, 0, 0), arrays(10, 0));
    return 0;
}
