/*
 * translate_simd_crypto.c - AES, SHA-1 and SHA-256 instructions (FEAT_AES, FEAT_SHA1, FEAT_SHA256).
 *
 * PMULL is in translate_simd_int.c. Source: Arm ARM DDI 0487, C7.2.
 */
#include "simd.h"

#define TRANS(NAME) bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)
#define NEED(feature)                                                                                      \
    do {                                                                                                   \
        if (!a64_has_##feature(tr->cpu))                                                                   \
            return false;                                                                                  \
        SIMD_CHECK(tr);                                                                                    \
    } while (0)

/* The round key is added first. */
#define AES_ROUND(NAME, op)                                                                                \
    TRANS(NAME)                                                                                            \
    {                                                                                                      \
        NEED(aes);                                                                                         \
        ir_val x = simd_op2(tr, IR_VXOR, 0, 1, simd_v(tr, a->rd), simd_v(tr, a->rn));                      \
        simd_set_v(tr, a->rd, simd_op1(tr, op, 0, 1, x));                                                  \
        return true;                                                                                       \
    }
AES_ROUND(AESE, IR_VAESE)
AES_ROUND(AESD, IR_VAESD)

#define AES_MIX(NAME, op)                                                                                  \
    TRANS(NAME)                                                                                            \
    {                                                                                                      \
        NEED(aes);                                                                                         \
        simd_set_v(tr, a->rd, simd_op1(tr, op, 0, 1, simd_v(tr, a->rn)));                                  \
        return true;                                                                                       \
    }
AES_MIX(AESMC, IR_VAESMC)
AES_MIX(AESIMC, IR_VAESIMC)

#define SHA3(NAME, feature, op, f)                                                                         \
    TRANS(NAME)                                                                                            \
    {                                                                                                      \
        NEED(feature);                                                                                     \
        simd_set_v(tr, a->rd, ir_vopi(tr->b, op, 0, 1, simd_v(tr, a->rd), simd_v(tr, a->rn), simd_v(tr, a->rm), f, 0)); \
        return true;                                                                                       \
    }
SHA3(SHA1C, sha1, IR_VSHA1, 0)
SHA3(SHA1P, sha1, IR_VSHA1, 1)
SHA3(SHA1M, sha1, IR_VSHA1, 2)
SHA3(SHA256H, sha256, IR_VSHA256H, 0)
SHA3(SHA256H2, sha256, IR_VSHA256H2, 0)
SHA3(SHA256SU1, sha256, IR_VSHA256SU1, 0)

TRANS(SHA256SU0)
{
    NEED(sha256);
    simd_set_v(tr, a->rd, simd_op2(tr, IR_VSHA256SU0, 0, 1, simd_v(tr, a->rd), simd_v(tr, a->rn)));
    return true;
}

/* Words rotated left by n. */
static ir_val rotate(struct a64_tr *tr, ir_val x, unsigned n)
{
    return simd_op2(tr, IR_VOR, 2, 1, simd_op1i(tr, IR_VSHL, 2, 1, x, n), simd_op1i(tr, IR_VUSHR, 2, 1, x, 32 - n));
}

TRANS(SHA1H)
{
    NEED(sha1);
    simd_set_v(tr, a->rd, simd_lane0(tr, 2, rotate(tr, simd_v(tr, a->rn), 30)));
    return true;
}

TRANS(SHA1SU0)
{
    NEED(sha1);
    ir_val d = simd_v(tr, a->rd), x = ir_vopi(tr->b, IR_VEXT, 0, 1, d, simd_v(tr, a->rn), IR_NONE, 8, 0);
    simd_set_v(tr, a->rd, simd_op2(tr, IR_VXOR, 0, 1, simd_op2(tr, IR_VXOR, 0, 1, x, d), simd_v(tr, a->rm)));
    return true;
}

/* rd ^ rn one word on, rotated; word 3 depends on word 0. */
TRANS(SHA1SU1)
{
    NEED(sha1);
    ir_val zero = ir_vconst(tr->b, 0, 0), next = ir_vopi(tr->b, IR_VEXT, 0, 1, simd_v(tr, a->rn), zero, IR_NONE, 4, 0);
    ir_val t = simd_op2(tr, IR_VXOR, 0, 1, simd_v(tr, a->rd), next);
    ir_val top = ir_vopi(tr->b, IR_VEXT, 0, 1, zero, rotate(tr, t, 2), IR_NONE, 4, 0);
    simd_set_v(tr, a->rd, simd_op2(tr, IR_VXOR, 0, 1, rotate(tr, t, 1), top));
    return true;
}
