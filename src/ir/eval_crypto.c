/*
 * eval_crypto.c - what the operations on AES and SHA rounds and polynomials compute.
 *
 * The reference of their native forms, and what runs on hosts without AES-NI, SHA or PCLMULQDQ. Vectors are four words, word 0
 * lowest. Sources: FIPS 197, FIPS 180-4.
 */
#include <pthread.h>
#include <string.h>

#include "ir/eval.h"

/* ---- AES ---- */

static uint8_t sbox[256], inv_sbox[256];         /* filled once: the S-box is inversion in GF(2^8) and an affine map */
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static uint8_t gf_mul(uint8_t a, uint8_t b)
{
    uint8_t r = 0;
    for (; b; b >>= 1, a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1b : 0))) {
        r ^= b & 1 ? a : 0;
    }
    return r;
}

static void make_tables(void)
{
    for (unsigned x = 0; x < 256; x++) {
        uint8_t inv = 1, sq = (uint8_t)x;        /* x^254 = 1/x, and 0 for 0 */
        for (unsigned i = 0; i < 7; i++) {
            sq = gf_mul(sq, sq);
            inv = gf_mul(inv, sq);
        }
        uint8_t s = 0x63;
        for (unsigned i = 0; i < 5; i++) {
            s ^= (uint8_t)(inv << i | inv >> (8 - i));
        }
        sbox[x] = s;
        inv_sbox[s] = (uint8_t)x;
    }
}

static void mix_columns(uint8_t s[16], const uint8_t k[4])
{
    for (unsigned col = 0; col < 16; col += 4) {
        uint8_t in[4];
        __builtin_memcpy(in, s + col, 4);
        for (unsigned i = 0; i < 4; i++) {
            s[col + i] = gf_mul(in[i], k[0]) ^ gf_mul(in[(i + 1) & 3], k[1]) ^ gf_mul(in[(i + 2) & 3], k[2]) ^
                         gf_mul(in[(i + 3) & 3], k[3]);
        }
    }
}

/* Row n % 4 of column n / 4: ShiftRows rotates row n by n columns. */
static void sub_shift(uint8_t s[16], bool inverse)
{
    uint8_t r[16];
    pthread_once(&tables_once, make_tables);
    for (unsigned i = 0; i < 16; i++)
        r[i] = inverse ? inv_sbox[s[(i - 4 * (i & 3)) & 15]] : sbox[s[(i + 4 * (i & 3)) & 15]];
    memcpy(s, r, 16);
}

static u128 aes(enum ir_op op, u128 a)
{
    static const uint8_t mix[4] = {2, 3, 1, 1}, unmix[4] = {14, 11, 13, 9};
    uint8_t s[16];
    memcpy(s, &a, 16);
    if (op == IR_VAESE || op == IR_VAESEMC)
        sub_shift(s, false);
    if (op == IR_VAESD || op == IR_VAESDIMC)
        sub_shift(s, true);
    if (op == IR_VAESMC || op == IR_VAESEMC)
        mix_columns(s, mix);
    if (op == IR_VAESIMC || op == IR_VAESDIMC)
        mix_columns(s, unmix);
    memcpy(&a, s, 16);
    return a;
}

/* ---- SHA-1 and SHA-256 ---- */

static inline uint32_t rol(uint32_t x, unsigned n) { return x << n | x >> (32 - n); }
static inline uint32_t ror(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }
static inline uint32_t choose(uint32_t x, uint32_t y, uint32_t z) { return ((y ^ z) & x) ^ z; }
static inline uint32_t majority(uint32_t x, uint32_t y, uint32_t z) { return (x & y) | ((x | y) & z); }
static inline uint32_t sigma0(uint32_t x) { return ror(x, 7) ^ ror(x, 18) ^ x >> 3; }
static inline uint32_t sigma1(uint32_t x) { return ror(x, 17) ^ ror(x, 19) ^ x >> 10; }
static inline uint32_t big_sigma0(uint32_t x) { return ror(x, 2) ^ ror(x, 13) ^ ror(x, 22); }
static inline uint32_t big_sigma1(uint32_t x) { return ror(x, 6) ^ ror(x, 11) ^ ror(x, 25); }

/* Four rounds; x is a..d, y is e, w the schedule with the constants added. */
static void sha1_rounds(uint32_t x[4], uint32_t y, const uint32_t w[4], unsigned f)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = f == 0   ? choose(x[1], x[2], x[3])
                     : f == 1 ? x[1] ^ x[2] ^ x[3]
                                    : majority(x[1], x[2], x[3]);
        y += rol(x[0], 5) + t + w[i];
        x[1] = rol(x[1], 30);
        uint32_t last = x[3];                    /* y:x rotates by a word: the new a is y, the new e is d */
        x[3] = x[2];
        x[2] = x[1];
        x[1] = x[0];
        x[0] = y;
        y = last;
    }
}

/* Four rounds on x = a..d, y = e..h. */
static void sha256_rounds(uint32_t x[4], uint32_t y[4], const uint32_t w[4])
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = y[3] + big_sigma1(y[0]) + choose(y[0], y[1], y[2]) + w[i];
        uint32_t a = t + big_sigma0(x[0]) + majority(x[0], x[1], x[2]), e = t + x[3];
        x[3] = x[2], x[2] = x[1], x[1] = x[0], x[0] = a;
        y[3] = y[2], y[2] = y[1], y[1] = y[0], y[0] = e;
    }
}

static u128 sha256_schedule(enum ir_op op, const uint32_t d[4], const uint32_t n[4], const uint32_t m[4])
{
    uint32_t r[4];
    if (op == IR_VSHA256SU0) {
        for (unsigned i = 0; i < 4; i++)
            r[i] = d[i] + sigma0(i < 3 ? d[i + 1] : n[0]);
    } else {
        r[0] = d[0] + sigma1(m[2]) + n[1];
        r[1] = d[1] + sigma1(m[3]) + n[2];
        r[2] = d[2] + sigma1(r[0]) + n[3];
        r[3] = d[3] + sigma1(r[1]) + m[0];
    }
    u128 v;
    memcpy(&v, r, 16);
    return v;
}

/* ---- polynomials over {0, 1} ---- */

static u128 multiply(uint64_t a, uint64_t b)
{
    unsigned __int128 r = 0;
    for (unsigned i = 0; i < 64; i++)
        r ^= (unsigned __int128)(b & -(a >> i & 1)) << i;
    return (u128){ (uint64_t)r, (uint64_t)(r >> 64) };
}

u128 ir_eval_crypto(const struct ir_insn *i, u128 a, u128 b, u128 d)
{
    uint32_t x[4], y[4], w[4];
    memcpy(x, &a, 16);
    memcpy(y, &b, 16);
    memcpy(w, &d, 16);
    switch ((enum ir_op)i->op) {
    case IR_VSHA1:
        sha1_rounds(x, y[0], w, (unsigned)i->imm);
        memcpy(&a, x, 16);
        return a;
    case IR_VSHA256H:
        sha256_rounds(x, y, w);
        memcpy(&a, x, 16);
        return a;
    case IR_VSHA256H2:
        sha256_rounds(y, x, w);
        memcpy(&a, x, 16);
        return a;
    case IR_VSHA256SU0:
    case IR_VSHA256SU1: return sha256_schedule((enum ir_op)i->op, x, y, w);
    case IR_VPMULL: return i->imm ? multiply(a.hi, b.hi) : multiply(a.lo, b.lo);
    default: return aes((enum ir_op)i->op, a);
    }
}
