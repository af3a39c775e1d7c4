/*
 * translate_simd_crypto.c - AES, SHA-1 and SHA-256 instructions (FEAT_AES, FEAT_SHA1, FEAT_SHA256), all helper calls.
 *
 * PMULL is in translate_simd_int.c. Source: Arm ARM DDI 0487, C7.2.
 */
#include "simd.h"

static bool aes(struct a64_tr *tr, enum simd_aes op, unsigned rd, unsigned rn)
{
    if (!a64_has_aes(tr->cpu)) {
        return false;
    }
    SIMD_CHECK(tr);
    simd_call(tr, &helper_aes, (struct simd_desc){.rd = rd, .rn = rn, .imm = op});
    return true;
}

#define AES(NAME, op)                                                                 \
    bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)                  \
    {                                                                                 \
        return aes(tr, op, a->rd, a->rn);                                             \
    }
AES(AESE, AES_E)
AES(AESD, AES_D)
AES(AESMC, AES_MC)
AES(AESIMC, AES_IMC)

static bool sha(struct a64_tr *tr, bool has, enum simd_sha op, unsigned rd, unsigned rn, unsigned rm)
{
    if (!has) {
        return false;
    }
    SIMD_CHECK(tr);
    simd_call(tr, &helper_sha, (struct simd_desc){.rd = rd, .rn = rn, .rm = rm, .imm = op});
    return true;
}

#define SHA(NAME, feature, op, m)                                                     \
    bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)                  \
    {                                                                                 \
        return sha(tr, a64_has_##feature(tr->cpu), op, a->rd, a->rn, m);              \
    }
SHA(SHA1C, sha1, SHA1_C, a->rm)
SHA(SHA1P, sha1, SHA1_P, a->rm)
SHA(SHA1M, sha1, SHA1_M, a->rm)
SHA(SHA1SU0, sha1, SHA1_SU0, a->rm)
SHA(SHA1H, sha1, SHA1_H, 0)
SHA(SHA1SU1, sha1, SHA1_SU1, 0)
SHA(SHA256H, sha256, SHA256_H, a->rm)
SHA(SHA256H2, sha256, SHA256_H2, a->rm)
SHA(SHA256SU1, sha256, SHA256_SU1, a->rm)
SHA(SHA256SU0, sha256, SHA256_SU0, 0)
