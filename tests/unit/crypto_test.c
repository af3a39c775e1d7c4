/*
 * crypto_test.c - the AES and SHA operations of the IR against published examples.
 *
 * Owns nothing. FIPS 197, appendix B: the state after round 1's SubBytes with ShiftRows and after its MixColumns. FIPS 180-4: the
 * digests of "abc". Native code is compared with these operations by the fuzzer.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ir/eval.h"

static unsigned passed, failed;

static void check(const char *what, const void *got, const void *want, size_t len)
{
    if (memcmp(got, want, len) == 0) {
        passed++;
    } else {
        failed++;
        printf("%s differs\n", what);
    }
}

static u128 op(enum ir_op o, int64_t imm, u128 a, u128 b, u128 d)
{
    struct ir_insn i = { .op = (uint8_t)o, .t = IR_V, .q = 1, .imm = imm };
    return ir_eval_vec(&i, NULL, a, b, d);
}

static u128 words(uint32_t w0, uint32_t w1, uint32_t w2, uint32_t w3)
{
    return (u128){ w0 | (uint64_t)w1 << 32, w2 | (uint64_t)w3 << 32 };
}

static u128 add(u128 a, u128 b)
{
    struct ir_insn i = { .op = IR_VADD, .t = IR_V, .esz = 2, .q = 1 };
    return ir_eval_vec(&i, NULL, a, b, a);
}

static void aes(void)
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
    uint8_t state[16];
    u128 x, s, m;
    for (unsigned n = 0; n < 16; n++)
        state[n] = input[n] ^ key[n];
    memcpy(&x, state, 16);
    s = op(IR_VAESE, 0, x, x, x);
    check("VAESE", &s, shifted, 16);
    m = op(IR_VAESMC, 0, s, x, x);
    check("VAESMC", &m, mixed, 16);
    u128 both = op(IR_VAESEMC, 0, x, x, x);
    check("VAESEMC", &both, mixed, 16);
    u128 back = op(IR_VAESIMC, 0, m, x, x);
    check("VAESIMC", &back, shifted, 16);
    back = op(IR_VAESD, 0, s, x, x);
    check("VAESD", &back, state, 16);
    back = op(IR_VAESDIMC, 0, op(IR_VAESE, 0, m, x, x), x, x);
    check("VAESDIMC", &back, shifted, 16);
}

/* "abc", padded: one block of both functions. */
static u128 message(unsigned n)
{
    return n == 0 ? words(0x61626380, 0, 0, 0) : n == 3 ? words(0, 0, 0, 24) : (u128){ 0, 0 };
}

static void sha1(void)
{
    static const uint32_t want[5] = { 0xa9993e36, 0x4706816a, 0xba3e2571, 0x7850c26c, 0x9cd0d89d };
    static const uint32_t k[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
    static const int64_t function[4] = { 0, 1, 2, 1 };
    uint32_t w[80], got[5];
    u128 x = words(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476), first = x;
    uint32_t e = 0xc3d2e1f0, a;
    for (unsigned n = 0; n < 4; n++) {
        u128 m = message(n);
        memcpy(w + 4 * n, &m, 16);
    }
    for (unsigned n = 16; n < 80; n++) {
        uint32_t v = w[n - 3] ^ w[n - 8] ^ w[n - 14] ^ w[n - 16];
        w[n] = v << 1 | v >> 31;
    }
    for (unsigned n = 0; n < 80; n += 4) {
        uint32_t c = k[n / 20];
        a = (uint32_t)x.lo;
        x = op(IR_VSHA1, function[n / 20], x, words(e, 0, 0, 0), words(w[n] + c, w[n + 1] + c, w[n + 2] + c, w[n + 3] + c));
        e = a << 30 | a >> 2;
    }
    x = add(x, first);
    e += 0xc3d2e1f0;
    memcpy(got, &x, 16);
    got[4] = e;
    check("SHA-1 of abc", got, want, sizeof(want));
}

/* The fractional parts of the cube roots of the first primes. */
static void constants(uint32_t k[64])
{
    unsigned n = 0;
    for (unsigned p = 2; n < 64; p++) {
        bool prime = true;
        for (unsigned f = 2; f * f <= p; f++)
            prime &= p % f != 0;
        if (prime) {
            long double r = cbrtl(p);
            k[n++] = (uint32_t)((r - floorl(r)) * 4294967296.0L);
        }
    }
}

static void sha256(void)
{
    static const uint32_t want[8] = {
        0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223, 0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad,
    };
    uint32_t k[64];
    u128 w[4], x = words(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a), y = words(0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);
    u128 got[2] = { x, y };
    constants(k);
    for (unsigned n = 0; n < 4; n++)
        w[n] = message(n);
    for (unsigned n = 0; n < 16; n++) {
        const uint32_t *c = k + 4 * n;
        u128 s = add(w[0], words(c[0], c[1], c[2], c[3])), was = x;
        x = op(IR_VSHA256H, 0, x, y, s);
        y = op(IR_VSHA256H2, 0, y, was, s);
        u128 next = op(IR_VSHA256SU1, 0, op(IR_VSHA256SU0, 0, w[0], w[1], w[0]), w[2], w[3]);
        w[0] = w[1], w[1] = w[2], w[2] = w[3], w[3] = next;
    }
    got[0] = add(got[0], x);
    got[1] = add(got[1], y);
    check("SHA-256 of abc", got, want, sizeof(want));
}

int main(void)
{
    aes();
    sha1();
    sha256();
    /* (x + 1) * (x^63 + x) and the halves. */
    u128 r = op(IR_VPMULL, 1, (u128){ 9, 3 }, (u128){ 9, 1ull << 63 | 2 }, (u128){ 0, 0 }), want = { 1ull << 63 | 6, 1 };
    check("VPMULL", &r, &want, 16);
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
