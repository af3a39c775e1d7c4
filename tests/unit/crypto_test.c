/*
 * crypto_test.c - the AES and SHA helpers: the example of FIPS 197, and the host's instructions against the definitions.
 *
 * Owns nothing. The example is appendix B of FIPS 197: one cipher block, of which the state after round 1's
 * MixColumns and the S-box of the first round are checked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simd.h"

static unsigned passed, failed;
static struct vcpu *c;

static uint64_t desc(enum simd_aes op, unsigned rd, unsigned rn)
{
    return simd_pack((struct simd_desc){.rd = rd & 31, .rn = rn & 31, .imm = op});
}

static void check(const char *what, const void *got, const void *want)
{
    if (memcmp(got, want, 16) == 0) {
        passed++;
    } else {
        failed++;
        printf("%s differs\n", what);
    }
}

/* The host's SHA instructions (when it has them) against the definitions. */
static void sha_against_plain(void)
{
    uint64_t x = 1;
    for (unsigned n = 0; n < 1000; n++) {
        for (unsigned v = 1; v < 4; v++) {
            c->v[v].lo = x = x * 6364136223846793005ull + 1442695040888963407ull;
            c->v[v].hi = x = x * 6364136223846793005ull + 1442695040888963407ull;
        }
        for (unsigned op = SHA1_C; op <= SHA256_SU0; op++) {
            const uint64_t e = simd_pack((struct simd_desc){.rd = 4, .rn = 2, .rm = 3, .imm = op});
            u128 want;
            c->v[4] = c->v[1];
            a64_sha_plain(c, e);
            want = c->v[4];
            c->v[4] = c->v[1];
            helper_sha.fn(c, e, 0, 0);
            check("SHA", &c->v[4], &want);
        }
    }
}

int main(void)
{
    static const uint8_t input[16] = {
        0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d, 0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07, 0x34,
    };
    static const uint8_t key[16] = {
        0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c,
    };
    static const uint8_t shifted[16] = {
        0xd4, 0xbf, 0x5d, 0x30, 0xe0, 0xb4, 0x52, 0xae, 0xb8, 0x41, 0x11, 0xf1, 0x1e, 0x27, 0x98, 0xe5,
    };
    static const uint8_t mixed[16] = {
        0x04, 0x66, 0x81, 0xe5, 0xe0, 0xcb, 0x19, 0x9a, 0x48, 0xf8, 0xd3, 0x7a, 0x28, 0x06, 0x26, 0x4c,
    };
    static const char *const name[4] = {"AESE", "AESD", "AESMC", "AESIMC"};
    c = aligned_alloc(64, ALIGN_UP(sizeof(*c), (size_t)64));
    if (!c)
        return 1;
    memset(c, 0, sizeof(*c));

    sha_against_plain();
    for (unsigned plain = 0; plain < 2; plain++) {
        uint64_t e = desc(AES_E, 1, 2), m = desc(AES_MC, 3, 1), im = desc(AES_IMC, 4, 3);
        memcpy(&c->v[1], input, 16);
        memcpy(&c->v[2], key, 16);
        plain ? a64_aes_plain(c, e) : helper_aes.fn(c, e, 0, 0);
        check("AESE of FIPS 197", &c->v[1], shifted);
        plain ? a64_aes_plain(c, m) : helper_aes.fn(c, m, 0, 0);
        check("AESMC of FIPS 197", &c->v[3], mixed);
        plain ? a64_aes_plain(c, im) : helper_aes.fn(c, im, 0, 0);
        check("AESIMC of AESMC", &c->v[4], shifted);
        /* AESD with a zero key undoes AESE but for the key. */
        uint64_t d = desc(AES_D, 1, 5);
        u128 want;
        memcpy(&want, input, 16);
        want.lo ^= c->v[2].lo;
        want.hi ^= c->v[2].hi;
        plain ? a64_aes_plain(c, d) : helper_aes.fn(c, d, 0, 0);
        check("AESD of AESE", &c->v[1], &want);
    }
    uint64_t seed = 88172645463325252ull;
    for (unsigned n = 0; n < 4000; n++) {
        u128 x, y, got;
        uint64_t *p[4] = {&x.lo, &x.hi, &y.lo, &y.hi};
        for (unsigned k = 0; k < 4; k++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            *p[k] = seed;
        }
        bool same = n % 5 == 0;                   /* Vd and Vn the same register */
        uint64_t o = desc((enum simd_aes)(n & 3), 7, same ? 7 : 8);
        c->v[7] = x;
        c->v[8] = y;
        helper_aes.fn(c, o, 0, 0);
        got = c->v[7];
        c->v[7] = x;
        a64_aes_plain(c, o);
        check(name[n & 3], &got, &c->v[7]);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
