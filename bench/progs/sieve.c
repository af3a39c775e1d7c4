/*
 * sieve.c - benchmark: Eratosthenes over 24 million bytes, bits and bytes. Strided stores over more memory than caches hold.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define N 24000000
static uint8_t byte[N];
static uint32_t bit[N / 32 + 1];

int main(void)
{
    for (int round = 0; round < 2; round++) {
        memset(byte, 1, N);
        for (long i = 2; i * i < N; i++)
            if (byte[i])
                for (long j = i * i; j < N; j += i)
                    byte[j] = 0;
        long n = 0, last = 0;
        for (long i = 2; i < N; i++)
            if (byte[i])
                n++, last = i;
        memset(bit, 0, sizeof(bit));
        long m = 0;
        for (long i = 2; i < N; i++) {
            if (bit[i >> 5] >> (i & 31) & 1)
                continue;
            m++;
            for (long j = i * i; i < 5000 && j < N; j += i)
                bit[j >> 5] |= 1u << (j & 31);
        }
        printf("%ld %ld %ld\n", n, last, m);
    }
    return 0;
}
