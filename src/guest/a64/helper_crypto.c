/*
 * helper_crypto.c - AES, SHA-1 and SHA-256 rounds as A64 has them.
 *
 * Sources: FIPS 197, FIPS 180-4; Arm ARM DDI 0487, C7.2 (AESE ... SHA256SU1) and shared/functions/crypto.
 */
#include <cpuid.h>
#include <immintrin.h>
#include <pthread.h>

#include "simd.h"

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

/*
 * The host's instructions: AESENCLAST and AESDECLAST are ShiftRows and SubBytes (and their inverses) with the key added
 * behind, where Arm adds it before; MixColumns is what AESENC does over and above AESDECLAST's inverse.
 */
__attribute__((target("aes"))) static void aes_native(struct vcpu *c, const struct simd_desc o)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)&c->v[o.rn]);
    __m128i k = _mm_loadu_si128((const __m128i *)(const void *)&c->v[o.rd]);
    switch ((enum simd_aes)o.imm) {
    case AES_E: x = _mm_aesenclast_si128(_mm_xor_si128(x, k), zero); break;
    case AES_D: x = _mm_aesdeclast_si128(_mm_xor_si128(x, k), zero); break;
    case AES_MC: x = _mm_aesenc_si128(_mm_aesdeclast_si128(x, zero), zero); break;
    default: x = _mm_aesimc_si128(x); break;
    }
    _mm_storeu_si128((__m128i *)(void *)&c->v[o.rd], x);
}

/* By the definitions, for hosts without AES instructions and for the tests. */
uint64_t a64_aes_plain(struct vcpu *c, uint64_t desc)
{
    static const uint8_t mix[4] = {2, 3, 1, 1}, unmix[4] = {14, 11, 13, 9};
    const struct simd_desc o = simd_unpack(desc);
    uint8_t s[16], r[16];
    u128 x = c->v[o.rn];

    pthread_once(&tables_once, make_tables);
    if (o.imm == AES_E || o.imm == AES_D) {
        x.lo ^= c->v[o.rd].lo;
        x.hi ^= c->v[o.rd].hi;
        __builtin_memcpy(s, &x, 16);
        for (unsigned i = 0; i < 16; i++) {      /* row i % 4 of column i / 4; ShiftRows rotates row n by n columns */
            unsigned from = o.imm == AES_E ? (i + 4 * (i & 3)) & 15 : (i - 4 * (i & 3)) & 15;
            r[i] = o.imm == AES_E ? sbox[s[from]] : inv_sbox[s[from]];
        }
    } else {
        __builtin_memcpy(r, &x, 16);
        mix_columns(r, o.imm == AES_MC ? mix : unmix);
    }
    __builtin_memcpy(&c->v[o.rd], r, 16);
    return 0;
}

/* ---- SHA-1 and SHA-256: vectors of four words, word 0 lowest ---- */

static inline uint32_t rol(uint32_t x, unsigned n) { return x << n | x >> (32 - n); }
static inline uint32_t ror(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }
static inline uint32_t choose(uint32_t x, uint32_t y, uint32_t z) { return ((y ^ z) & x) ^ z; }
static inline uint32_t majority(uint32_t x, uint32_t y, uint32_t z) { return (x & y) | ((x | y) & z); }
static inline uint32_t sigma0(uint32_t x) { return ror(x, 7) ^ ror(x, 18) ^ x >> 3; }
static inline uint32_t sigma1(uint32_t x) { return ror(x, 17) ^ ror(x, 19) ^ x >> 10; }
static inline uint32_t big_sigma0(uint32_t x) { return ror(x, 2) ^ ror(x, 13) ^ ror(x, 22); }
static inline uint32_t big_sigma1(uint32_t x) { return ror(x, 6) ^ ror(x, 11) ^ ror(x, 25); }

/* Four rounds; x is a..d, y is e, w the schedule with the constants added. */
static void sha1_rounds(uint32_t x[4], uint32_t y, const uint32_t w[4], unsigned op)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = op == SHA1_C   ? choose(x[1], x[2], x[3])
                     : op == SHA1_P ? x[1] ^ x[2] ^ x[3]
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

uint64_t a64_sha_plain(struct vcpu *c, uint64_t desc)
{
    const struct simd_desc o = simd_unpack(desc);
    uint32_t d[4], n[4], m[4], r[4];
    __builtin_memcpy(d, &c->v[o.rd], 16);
    __builtin_memcpy(n, &c->v[o.rn], 16);
    __builtin_memcpy(m, &c->v[o.rm], 16);

    switch ((enum simd_sha)o.imm) {
    case SHA1_C: case SHA1_P: case SHA1_M:
        sha1_rounds(d, n[0], m, o.imm);
        __builtin_memcpy(r, d, 16);
        break;
    case SHA1_SU0:
        r[0] = d[2] ^ d[0] ^ m[0];
        r[1] = d[3] ^ d[1] ^ m[1];
        r[2] = n[0] ^ d[2] ^ m[2];
        r[3] = n[1] ^ d[3] ^ m[3];
        break;
    case SHA1_H:
        r[0] = ror(n[0], 2);
        r[1] = r[2] = r[3] = 0;
        break;
    case SHA1_SU1:
        for (unsigned i = 0; i < 3; i++) {
            r[i] = rol(d[i] ^ n[i + 1], 1);
        }
        r[3] = rol(d[3], 1) ^ rol(d[0] ^ n[1], 2);
        break;
    case SHA256_H:                               /* d = a..d, n = e..h: the new a..d */
        sha256_rounds(d, n, m);
        __builtin_memcpy(r, d, 16);
        break;
    case SHA256_H2:                              /* d = e..h, n = a..d: the new e..h */
        sha256_rounds(n, d, m);
        __builtin_memcpy(r, d, 16);
        break;
    case SHA256_SU0:
        for (unsigned i = 0; i < 4; i++) {
            r[i] = d[i] + sigma0(i < 3 ? d[i + 1] : n[0]);
        }
        break;
    case SHA256_SU1:
        r[0] = d[0] + sigma1(m[2]) + n[1];
        r[1] = d[1] + sigma1(m[3]) + n[2];
        r[2] = d[2] + sigma1(r[0]) + n[3];
        r[3] = d[3] + sigma1(r[1]) + m[0];
        break;
    default:
        bug("SHA operation %u", (unsigned)o.imm);
    }
    __builtin_memcpy(&c->v[o.rd], r, 16);
    return 0;
}

/*
 * The host's instructions do two (SHA-256) and four (SHA-1) rounds on words in the opposite order, SHA-256 with a, b, e, f in one
 * register, SHA-1 with the constant added by themselves. false: not one of theirs.
 */
__attribute__((target("sha,sse4.1"))) static bool sha_native(struct vcpu *c, const struct simd_desc o)
{
    const __m128i d = _mm_loadu_si128((const __m128i *)(const void *)&c->v[o.rd]);
    const __m128i n = _mm_loadu_si128((const __m128i *)(const void *)&c->v[o.rn]);
    const __m128i m = _mm_loadu_si128((const __m128i *)(const void *)&c->v[o.rm]);
    __m128i r, x, y, first, abef, cdgh;

    switch ((enum simd_sha)o.imm) {
    case SHA1_C: case SHA1_P: case SHA1_M: {
        static const int32_t k[3] = {0x5a827999, 0x6ed9eba1, (int32_t)0x8f1bbcdc};
        const unsigned f = o.imm == SHA1_C ? 0 : o.imm == SHA1_P ? 1 : 2;
        x = _mm_shuffle_epi32(d, 0x1b);
        y = _mm_shuffle_epi32(_mm_sub_epi32(m, _mm_set1_epi32(k[f])), 0x1b);
        y = _mm_add_epi32(y, _mm_slli_si128(n, 12));
        r = f == 0 ? _mm_sha1rnds4_epu32(x, y, 0) : f == 1 ? _mm_sha1rnds4_epu32(x, y, 1) : _mm_sha1rnds4_epu32(x, y, 2);
        r = _mm_shuffle_epi32(r, 0x1b);
        break;
    }
    case SHA256_H: case SHA256_H2:
        x = o.imm == SHA256_H ? d : n;           /* a..d */
        y = o.imm == SHA256_H ? n : d;           /* e..h */
        abef = _mm_shuffle_epi32(_mm_unpacklo_epi64(y, x), 0xb1);
        cdgh = _mm_shuffle_epi32(_mm_unpackhi_epi64(y, x), 0xb1);
        first = _mm_sha256rnds2_epu32(cdgh, abef, m);
        x = _mm_sha256rnds2_epu32(abef, first, _mm_shuffle_epi32(m, 0x0e));
        r = o.imm == SHA256_H ? _mm_unpackhi_epi64(x, first) : _mm_unpacklo_epi64(x, first);
        r = _mm_shuffle_epi32(r, 0xb1);
        break;
    case SHA256_SU0: r = _mm_sha256msg1_epu32(d, n); break;
    case SHA256_SU1: r = _mm_sha256msg2_epu32(_mm_add_epi32(d, _mm_alignr_epi8(m, n, 4)), m); break;
    default: return false;
    }
    _mm_storeu_si128((__m128i *)(void *)&c->v[o.rd], r);
    return true;
}

static bool host_sha;
static pthread_once_t host_sha_once = PTHREAD_ONCE_INIT;
static void find_host_sha(void)
{
    unsigned a, b, c, d;
    host_sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & 1u << 29 && __builtin_cpu_supports("sse4.1");
}

static uint64_t sha(struct vcpu *c, uint64_t desc, uint64_t b, uint64_t d)
{
    pthread_once(&host_sha_once, find_host_sha);
    return host_sha && sha_native(c, simd_unpack(desc)) ? 0 : a64_sha_plain(c, desc);
}

static uint64_t aes(struct vcpu *c, uint64_t desc, uint64_t b, uint64_t d)
{
    if (!__builtin_cpu_supports("aes"))
        return a64_aes_plain(c, desc);
    aes_native(c, simd_unpack(desc));
    return 0;
}

const struct ir_helper helper_aes = {"aes", aes, IRE_RVEC | IRE_WVEC};
const struct ir_helper helper_sha = {"sha", sha, IRE_RVEC | IRE_WVEC};
