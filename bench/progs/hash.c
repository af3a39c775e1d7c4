/*
 * hash.c - benchmark: SHA-256 compression in plain C (FIPS 180-4), 24 MiB of input made on the fly. Rotates and additions.
 */
#include <stdint.h>
#include <stdio.h>

static uint32_t k[64], state[8];

static uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }

/* The constants are the first 32 bits of the fractional parts of roots of primes; by Newton's method on integers. */
static uint32_t root_fraction(uint32_t p, int cube)
{
    /* floor(p^(1/n) * 2^32) by bisection; the low 32 bits are the fraction. */
    unsigned __int128 lo = 0, hi = (unsigned __int128)1 << 37;
    while (hi - lo > 1) {
        unsigned __int128 mid = (lo + hi) / 2;
        /* Compare mid^n with p * 2^(32 n), scaled down to fit 128 bits. */
        int less = cube ? (mid * mid >> 32) * mid <= (unsigned __int128)p << 64 : mid * mid <= (unsigned __int128)p << 64;
        if (less)
            lo = mid;
        else
            hi = mid;
    }
    return (uint32_t)lo;
}

static void init(void)
{
    uint32_t n = 0;
    for (uint32_t p = 2; n < 64; p++) {
        int prime = 1;
        for (uint32_t d = 2; d * d <= p; d++)
            prime &= p % d != 0;
        if (!prime)
            continue;
        k[n] = root_fraction(p, 1);
        if (n < 8)
            state[n] = root_fraction(p, 0);
        n++;
    }
}

static void compress(const uint32_t *m)
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = m[i];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (ror(a, 7) ^ ror(a, 18) ^ a >> 3) + w[i - 7] + (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
    }
    for (int i = 0; i < 8; i++)
        s[i] = state[i];
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = s[7] + (ror(s[4], 6) ^ ror(s[4], 11) ^ ror(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
        uint32_t t2 = (ror(s[0], 2) ^ ror(s[0], 13) ^ ror(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        for (int j = 7; j > 0; j--)
            s[j] = s[j - 1];
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

int main(void)
{
    init();
    uint32_t m[16], x = 1;
    for (int block = 0; block < 24 * 16384; block++) {
        for (int i = 0; i < 16; i++)
            m[i] = x = x * 1664525 + 1013904223;
        compress(m);
    }
    for (int i = 0; i < 8; i++)
        printf("%08x", state[i]);
    printf("\n");
    return 0;
}
