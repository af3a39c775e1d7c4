/*
 * helper_simd_run.c - the one C entry for Advanced SIMD operations without an IR form: walks the lanes that a
 * descriptor names.
 *
 * Owns the lane shapes. What one lane computes is in helper_simd_int.c and helper_fp.c.
 */
#include "simd.h"

static simd_fn *const fns[FN_COUNT] = {
#define X(name) [FN_##name] = simd_##name,
    SIMD_FNS(X)
#undef X
};

/* The tree of the pseudocode's Reduce(): low half OP high half. */
static uint64_t reduce(struct vcpu *c, const struct simd_desc *o, simd_fn *fn, const u128 *n, unsigned from,
                       unsigned lanes)
{
    if (lanes == 1) {
        return simd_get(n, o->esz, from);
    }
    uint64_t lo = reduce(c, o, fn, n, from, lanes / 2), hi = reduce(c, o, fn, n, from + lanes / 2, lanes / 2);
    return fn(c, o, 0, lo, hi) & simd_mask(o->esz);
}

static uint64_t run(struct vcpu *c, uint64_t desc, uint64_t b, uint64_t d)
{
    const struct simd_desc o = simd_unpack(desc);
    simd_fn *fn = fns[o.fn];
    const u128 *n = &c->v[o.rn], *m = &c->v[o.rm], *acc = &c->v[o.ra];
    unsigned esz = o.esz, lanes = (8u << o.q) >> esz, half = 8u >> esz, up = o.q ? half : 0;
    u128 r = {0, 0};

    switch ((enum simd_shape)o.shape) {
    case SH_LANES:
        for (unsigned i = 0; i < lanes; i++) {
            simd_set(&r, esz, i, fn(c, &o, simd_get(acc, esz, i), simd_get(n, esz, i), simd_get(m, esz, i)));
        }
        break;
    case SH_ELEM:
        for (unsigned i = 0; i < lanes; i++) {
            simd_set(&r, esz, i, fn(c, &o, simd_get(acc, esz, i), simd_get(n, esz, i), simd_get(m, esz, o.index)));
        }
        break;
    case SH_SCALAR:
    case SH_ELEM_SCALAR: {
        unsigned lane = o.shape == SH_SCALAR ? 0 : o.index;
        simd_set(&r, esz, 0, fn(c, &o, simd_get(acc, esz, 0), simd_get(n, esz, 0), simd_get(m, esz, lane)));
        break;
    }
    case SH_PAIR:
        for (unsigned i = 0; i < lanes; i++) {
            const u128 *s = i < lanes / 2 ? n : m;
            unsigned j = 2 * (i % (lanes / 2));
            simd_set(&r, esz, i, fn(c, &o, 0, simd_get(s, esz, j), simd_get(s, esz, j + 1)));
        }
        break;
    case SH_PAIR_SCALAR:
        simd_set(&r, esz, 0, fn(c, &o, 0, simd_get(n, esz, 0), simd_get(n, esz, 1)));
        break;
    case SH_ACROSS:
        simd_set(&r, esz, 0, reduce(c, &o, fn, n, 0, lanes));
        break;
    case SH_LONG:
    case SH_LONG_ELEM:
        for (unsigned i = 0; i < half; i++) {
            uint64_t y = simd_get(m, esz, o.shape == SH_LONG ? up + i : o.index);
            simd_set(&r, esz + 1, i, fn(c, &o, simd_get(acc, esz + 1, i), simd_get(n, esz, up + i), y));
        }
        break;
    case SH_LONG_SCALAR:
    case SH_LONG_ELEM_SCALAR: {
        unsigned lane = o.shape == SH_LONG_SCALAR ? 0 : o.index;
        simd_set(&r, esz + 1, 0, fn(c, &o, simd_get(acc, esz + 1, 0), simd_get(n, esz, 0), simd_get(m, esz, lane)));
        break;
    }
    case SH_NARROW:
        for (unsigned i = 0; i < half; i++) {
            simd_set(&r, esz, up + i, fn(c, &o, 0, simd_get(n, esz + 1, i), 0));
        }
        if (o.q) {
            r.lo = c->v[o.rd].lo;
        }
        break;
    case SH_NARROW_SCALAR:
        simd_set(&r, esz, 0, fn(c, &o, 0, simd_get(n, esz + 1, 0), 0));
        break;
    }
    c->v[o.rd] = r;
    return 0;
}

const struct ir_helper helper_simd = {"simd", run, IRE_RVEC | IRE_WVEC | IRE_FP};
