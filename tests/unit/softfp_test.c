/*
 * softfp_test.c - the reference floating point against the host's SSE2, SSE4.1, FMA and F16C, and against tables where
 * Arm and the host differ.
 *
 * Random and special operands in all four rounding modes: the value must be equal bit for bit (NaNs: both NaN), the
 * flags too, except Underflow where rounding made the result normal (Arm detects tininess before rounding, x86 after).
 */
#include <stdio.h>
#include <string.h>

#include "ir/softfp.h"

static unsigned long passed, failed;

static uint64_t state = 0x9e3779b97f4a7c15ull;
static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1dull;
}

static unsigned mant_bits(unsigned esz) { return esz == 1 ? 10 : esz == 2 ? 23 : 52; }
static unsigned exp_bits(unsigned esz) { return esz == 1 ? 5 : esz == 2 ? 8 : 11; }

/* An operand: anything, near 1, near the ends of the range, few significant bits, or special. */
static uint64_t operand(unsigned esz)
{
    unsigned mb = mant_bits(esz), eb = exp_bits(esz);
    uint64_t emax = (1ull << eb) - 1, sign = (rnd() & 1) << (mb + eb), frac = rnd() & ((1ull << mb) - 1), exp;
    switch (rnd() % 8) {
    case 0: exp = rnd() & emax; break;
    case 1: exp = 0; break;
    case 2: exp = rnd() % (mb + 4); break;
    case 3: exp = emax - 1 - rnd() % 4; break;
    case 4: exp = emax; frac = rnd() & 1 ? 0 : frac; break;
    case 5: exp = rnd() & emax; frac &= ~0ull << (rnd() % mb); break;
    default: exp = emax / 2 - mb + rnd() % (2 * mb); exp &= emax; break;
    }
    if (rnd() % 8 == 0)
        frac = rnd() & 1 ? 0 : (1ull << mb) - 1;
    return sign | exp << mb | (frac & ((1ull << mb) - 1));
}

static bool is_nan(unsigned esz, uint64_t v)
{
    unsigned mb = mant_bits(esz);
    uint64_t emax = (1ull << exp_bits(esz)) - 1;
    return (v >> mb & emax) == emax && v & ((1ull << mb) - 1);
}

static bool is_min_normal(unsigned esz, uint64_t v)
{
    return (v & ~(1ull << ((8u << esz) - 1))) == 1ull << mant_bits(esz);
}

/* ---- the host ---- */

static void host_begin(unsigned round)
{
    static const uint32_t rc[4] = {0, 2, 1, 3};
    uint32_t m = 0x1f80u | rc[round] << 13;
    __asm__ volatile("ldmxcsr %0" : : "m"(m) : "memory");
}

/* Flags in FPSR positions, Denormal Operand left out; puts the default MXCSR back. */
static uint32_t host_end(void)
{
    uint32_t m, std = 0x1f80;
    __asm__ volatile("stmxcsr %0" : "=m"(m) : : "memory");
    __asm__ volatile("ldmxcsr %0" : : "m"(std));
    return (m & 1 ? FP_IOC : 0) | (m & 4 ? FP_DZC : 0) | (m & 8 ? FP_OFC : 0) | (m & 16 ? FP_UFC : 0) |
           (m & 32 ? FP_IXC : 0);
}

typedef float vf __attribute__((vector_size(16)));
static vf load(uint64_t v)
{
    vf r = {0};
    memcpy(&r, &v, 8);
    return r;
}
static uint64_t store(vf v, unsigned esz)
{
    uint64_t r;
    memcpy(&r, &v, 8);
    return esz == 3 ? r : r & ((1ull << (8u << esz)) - 1);
}

#define HOST2(insn)                                                                     \
    if (esz == 2)                                                                       \
        __asm__ volatile(insn "ss %1, %0" : "+x"(x) : "x"(y));                          \
    else                                                                                \
        __asm__ volatile(insn "sd %1, %0" : "+x"(x) : "x"(y));

enum op { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_SQRT, OP_FMA, OP_COUNT };
static const char *const op_name[] = {"add", "sub", "mul", "div", "sqrt", "fma"};

static uint64_t host_op(enum op op, unsigned esz, uint64_t a, uint64_t b, uint64_t d)
{
    vf x = load(a), y = load(b), z = load(d);
    switch (op) {
    case OP_ADD: HOST2("add") break;
    case OP_SUB: HOST2("sub") break;
    case OP_MUL: HOST2("mul") break;
    case OP_DIV: HOST2("div") break;
    case OP_SQRT:
        y = x;
        HOST2("sqrt")
        break;
    default:                                     /* z + x * y */
        if (esz == 2)
            __asm__ volatile("vfmadd231ss %2, %1, %0" : "+x"(z) : "x"(x), "x"(y));
        else
            __asm__ volatile("vfmadd231sd %2, %1, %0" : "+x"(z) : "x"(x), "x"(y));
        return store(z, esz);
    }
    return store(x, esz);
}

static uint64_t soft_op(struct fp_env *e, enum op op, unsigned esz, uint64_t a, uint64_t b, uint64_t d)
{
    switch (op) {
    case OP_ADD: return sfp_add(e, esz, a, b);
    case OP_SUB: return sfp_sub(e, esz, a, b);
    case OP_MUL: return sfp_mul(e, esz, a, b);
    case OP_DIV: return sfp_div(e, esz, a, b);
    case OP_SQRT: return sfp_sqrt(e, esz, a);
    default: return sfp_muladd(e, esz, d, a, b);
    }
}

static void result(const char *what, unsigned esz, const struct fp_env *e, uint64_t a, uint64_t b, uint64_t d,
                   uint64_t got, uint64_t want, uint32_t want_flags, unsigned to)
{
    uint32_t diff = e->sticky ^ want_flags;
    if (is_min_normal(to, want))
        diff &= ~FP_UFC;
    if ((got == want || (is_nan(to, got) && is_nan(to, want))) && !diff) {
        passed++;
        return;
    }
    if (failed++ < 20)
        printf("%s.%u round %u: %llx %llx %llx -> %llx flags %x, host %llx flags %x\n", what, 8u << esz, e->round,
               (unsigned long long)a, (unsigned long long)b, (unsigned long long)d, (unsigned long long)got, e->sticky,
               (unsigned long long)want, want_flags);
}

static void arithmetic(unsigned long n)
{
    bool fma = __builtin_cpu_supports("fma");
    for (unsigned long i = 0; i < n; i++) {
        enum op op = (enum op)(rnd() % OP_COUNT);
        unsigned esz = 2 + (rnd() & 1);
        struct fp_env e = {.round = rnd() & 3};
        uint64_t a = operand(esz), b = rnd() % 16 ? operand(esz) : a, d = operand(esz);
        if (op == OP_FMA && !fma)
            continue;
        uint64_t got = soft_op(&e, op, esz, a, b, d);
        if (op == OP_FMA && is_nan(esz, d))
            continue;                            /* inf * 0 + QNaN differs: tables */
        if (op == OP_FMA && rnd() & 1 && !is_nan(esz, got))
            d = got ^ 1ull << ((8u << esz) - 1), e.sticky = 0, got = soft_op(&e, op, esz, a, b, d);   /* cancel */
        host_begin(e.round);
        uint64_t want = host_op(op, esz, a, b, d);
        uint32_t flags = host_end();
        result(op_name[op], esz, &e, a, b, d, got, want, flags, esz);
    }
}

static void compares(unsigned long n)
{
    for (unsigned long i = 0; i < n; i++) {
        unsigned esz = 2 + (rnd() & 1);
        bool signalling = rnd() & 1;
        uint64_t a = operand(esz), b = rnd() % 4 ? operand(esz) : a ^ (rnd() & 1) << ((8u << esz) - 1);
        struct fp_env e = {0};
        vf x = load(a), y = load(b);
        uint8_t zf, pf, cf;
        host_begin(0);
#define COMPARE(insn) \
    __asm__ volatile(insn " %4, %3\n\tsetz %0\n\tsetp %1\n\tsetc %2" \
                     : "=q"(zf), "=q"(pf), "=q"(cf) \
                     : "x"(x), "x"(y) \
                     : "cc")
        if (esz == 2 && signalling)
            COMPARE("comiss");
        else if (esz == 2)
            COMPARE("ucomiss");
        else if (signalling)
            COMPARE("comisd");
        else
            COMPARE("ucomisd");
        uint32_t flags = host_end();
        unsigned want = pf ? 3 : zf ? 6 : cf ? 8 : 2, got = sfp_compare(&e, esz, a, b, signalling);
        result("compare", esz, &e, a, b, 0, got, want, flags, 3);
    }
}

static void conversions(unsigned long n)
{
    bool f16c = __builtin_cpu_supports("avx2");  /* parts with AVX2 have F16C, which not every compiler can ask for */
    for (unsigned long i = 0; i < n; i++) {
        struct fp_env e = {.round = rnd() & 3};
        uint64_t a, got, want;
        uint32_t flags;
        vf x, r = {0};
        int64_t v = (int64_t)rnd() >> (rnd() & 63);
        switch (rnd() % 8) {
        case 0:
            a = operand(3), x = load(a);
            host_begin(e.round);
            __asm__ volatile("cvtsd2ss %1, %0" : "=x"(r) : "x"(x));
            flags = host_end();
            result("d to s", 3, &e, a, 0, 0, sfp_convert(&e, 2, 3, a, e.round), store(r, 2), flags, 2);
            break;
        case 1:
            a = operand(2), x = load(a);
            host_begin(e.round);
            __asm__ volatile("cvtss2sd %1, %0" : "=x"(r) : "x"(x));
            flags = host_end();
            result("s to d", 2, &e, a, 0, 0, sfp_convert(&e, 3, 2, a, e.round), store(r, 3), flags, 3);
            break;
        case 2:
            if (!f16c)
                break;
            a = operand(2), x = load(a);
            host_begin(e.round);
            __asm__ volatile("vcvtps2ph $4, %1, %0" : "=x"(r) : "x"(x));
            flags = host_end();
            want = store(r, 1);
            result("s to h", 2, &e, a, 0, 0, sfp_convert(&e, 1, 2, a, e.round), want, flags, 1);
            break;
        case 3:
            if (!f16c)
                break;
            a = operand(1), x = load(a);
            host_begin(e.round);
            __asm__ volatile("vcvtph2ps %1, %0" : "=x"(r) : "x"(x));
            flags = host_end();
            result("h to s", 1, &e, a, 0, 0, sfp_convert(&e, 2, 1, a, e.round), store(r, 2), flags, 2);
            break;
        case 4:
            host_begin(e.round);
            __asm__ volatile("cvtsi2sd %1, %0" : "+x"(r) : "r"(v));
            flags = host_end();
            result("i64 to d", 3, &e, (uint64_t)v, 0, 0, sfp_from_fixed(&e, 3, (uint64_t)v, 0, false, 64), store(r, 3),
                   flags, 3);
            break;
        case 5:
            host_begin(e.round);
            __asm__ volatile("cvtsi2ss %1, %0" : "+x"(r) : "r"(v));
            flags = host_end();
            result("i64 to s", 3, &e, (uint64_t)v, 0, 0, sfp_from_fixed(&e, 2, (uint64_t)v, 0, false, 64), store(r, 2),
                   flags, 2);
            break;
        case 6: {
            unsigned esz = 2 + (rnd() & 1);
            a = operand(esz), x = load(a);
            host_begin(e.round);
            if (esz == 2)
                __asm__ volatile("cvtss2si %1, %0" : "=r"(v) : "x"(x));
            else
                __asm__ volatile("cvtsd2si %1, %0" : "=r"(v) : "x"(x));
            flags = host_end();
            want = (uint64_t)v;
            got = sfp_to_fixed(&e, esz, a, 0, false, 64, e.round);
            if (flags & FP_IOC)                  /* the value that the host gives is its own */
                got = want;
            result("to i64", esz, &e, a, 0, 0, got, want, flags, 3);
            break;
        }
        default: {
            unsigned esz = 2 + (rnd() & 1);
            a = operand(esz), x = load(a);
            host_begin(e.round);
            if (esz == 2)
                __asm__ volatile("roundss $4, %1, %0" : "=x"(r) : "x"(x));
            else
                __asm__ volatile("roundsd $4, %1, %0" : "=x"(r) : "x"(x));
            flags = host_end();
            result("round", esz, &e, a, 0, 0, sfp_round_int(&e, esz, a, e.round, true), store(r, esz), flags, esz);
            break;
        }
        }
    }
}

/* ---- tables ---- */

static void check(int line, uint64_t got, uint64_t want, const struct fp_env *e, uint32_t flags)
{
    if (got == want && e->sticky == flags) {
        passed++;
    } else {
        failed++;
        printf("line %d: %llx flags %x, want %llx flags %x\n", line, (unsigned long long)got, e->sticky,
               (unsigned long long)want, flags);
    }
}
#define CHECK(env, call, want, flags)                                                   \
    do {                                                                                \
        struct fp_env env_ = env, *e = &env_;                                           \
        uint64_t got_ = (call);                                                         \
        check(__LINE__, got_, want, e, flags);                                          \
    } while (0)
#define NORMAL (struct fp_env){0}
#define FZ (struct fp_env){.fz = 1}
#define DN (struct fp_env){.dn = 1}
#define AHP (struct fp_env){.ahp = 1}
#define MODE(r) (struct fp_env){.round = r}

enum {
    QNAN1 = 0x7fc00001, QNAN2 = 0xffc00002, SNAN1 = 0x7f800001, SNAN2 = 0xff800002, DEFAULT = 0x7fc00000,
    ONE = 0x3f800000, TWO = 0x40000000, INF = 0x7f800000, NINF = 0xff800000, NZERO = 0x80000000,
    MIN_NORMAL = 0x00800000, MAX_FINITE = 0x7f7fffff,
};

static void nans(void)
{
    CHECK(NORMAL, sfp_add(e, 2, QNAN1, QNAN2), QNAN1, 0);
    CHECK(NORMAL, sfp_add(e, 2, ONE, QNAN2), QNAN2, 0);
    CHECK(NORMAL, sfp_add(e, 2, QNAN1, SNAN2), 0xffc00002, FP_IOC);       /* a signalling one comes first */
    CHECK(NORMAL, sfp_sub(e, 2, ONE, QNAN2), QNAN2, 0);                   /* not negated */
    CHECK(NORMAL, sfp_mul(e, 2, SNAN1, SNAN2), 0x7fc00001, FP_IOC);
    CHECK(DN, sfp_mul(e, 2, QNAN2, ONE), DEFAULT, 0);
    CHECK(DN, sfp_mul(e, 2, SNAN2, ONE), DEFAULT, FP_IOC);
    CHECK(NORMAL, sfp_mul(e, 2, INF, 0), DEFAULT, FP_IOC);
    CHECK(NORMAL, sfp_mulx(e, 2, NINF, 0), 0xc0000000, 0);
    CHECK(NORMAL, sfp_sqrt(e, 2, 0xbf800000), DEFAULT, FP_IOC);
    CHECK(NORMAL, sfp_sqrt(e, 2, NZERO), NZERO, 0);
    /* FPMulAdd: the addend comes first; an invalid product beats a quiet addend only */
    CHECK(NORMAL, sfp_muladd(e, 2, QNAN1, INF, 0), DEFAULT, FP_IOC);
    CHECK(NORMAL, sfp_muladd(e, 2, SNAN1, INF, 0), 0x7fc00001, FP_IOC);
    CHECK(NORMAL, sfp_muladd(e, 2, QNAN1, QNAN2, ONE), QNAN1, 0);
    CHECK(NORMAL, sfp_muladd(e, 2, QNAN1, SNAN2, ONE), 0xffc00002, FP_IOC);
    CHECK(NORMAL, sfp_muladd(e, 2, ONE, QNAN2, QNAN1), QNAN2, 0);
    CHECK(NORMAL, sfp_muladd(e, 2, NINF, INF, ONE), DEFAULT, FP_IOC);
    /* conversions keep the high payload bits */
    CHECK(NORMAL, sfp_convert(e, 3, 2, SNAN1, 0), 0x7ff8000020000000, FP_IOC);
    CHECK(NORMAL, sfp_convert(e, 2, 3, 0xfff8000020000001, 0), 0xffc00001, 0);
    CHECK(DN, sfp_convert(e, 2, 3, 0xfff8000020000001, 0), DEFAULT, 0);
}

static void max_min(void)
{
    CHECK(NORMAL, sfp_max(e, 2, NZERO, 0), 0, 0);
    CHECK(NORMAL, sfp_max(e, 2, NZERO, NZERO), NZERO, 0);
    CHECK(NORMAL, sfp_min(e, 2, 0, NZERO), NZERO, 0);
    CHECK(NORMAL, sfp_max(e, 2, ONE, TWO), TWO, 0);
    CHECK(NORMAL, sfp_min(e, 2, NINF, TWO), NINF, 0);
    CHECK(NORMAL, sfp_max(e, 2, QNAN2, ONE), QNAN2, 0);
    CHECK(NORMAL, sfp_maxnm(e, 2, QNAN2, ONE), ONE, 0);
    CHECK(NORMAL, sfp_minnm(e, 2, ONE, QNAN2), ONE, 0);
    CHECK(NORMAL, sfp_minnm(e, 2, QNAN1, QNAN2), QNAN1, 0);
    CHECK(NORMAL, sfp_maxnm(e, 2, SNAN1, ONE), 0x7fc00001, FP_IOC);
    CHECK(NORMAL, sfp_maxnm(e, 2, QNAN1, SNAN2), 0xffc00002, FP_IOC);
    CHECK(FZ, sfp_max(e, 2, 1, 0x80000001), 0, FP_IDC);
    CHECK(NORMAL, sfp_max(e, 2, 1, 0x80000001), 1, 0);
}

static void underflow(void)
{
    /* Tiny before rounding, normal after: Underflow on Arm. */
    CHECK(NORMAL, sfp_mul(e, 2, 0x00ffffff, 0x3f000000), MIN_NORMAL, FP_UFC | FP_IXC);
    CHECK(FZ, sfp_mul(e, 2, 0x00ffffff, 0x3f000000), 0, FP_UFC);          /* flushed: Underflow, no Inexact */
    CHECK(FZ, sfp_mul(e, 2, 0x80ffffff, 0x3f000000), NZERO, FP_UFC);
    CHECK(FZ, sfp_add(e, 2, 1, ONE), ONE, FP_IDC);
    CHECK(FZ, sfp_div(e, 2, ONE, 0x80000001), NINF, FP_IDC | FP_DZC);
    CHECK(FZ, sfp_compare(e, 2, 1, 0, false), 6, FP_IDC);
    CHECK(NORMAL, sfp_compare(e, 2, 1, 0, false), 2, 0);
    CHECK(NORMAL, sfp_mul(e, 2, MIN_NORMAL, 0x3f000000), 0x00400000, 0);  /* exact: no Underflow */
    CHECK(FZ, sfp_convert(e, 2, 3, 0x3800000000000000, 0), 0, FP_UFC);
    CHECK(FZ, sfp_convert(e, 1, 2, 0x33800000, 0), 1, 0);                 /* FZ leaves half precision alone */
    CHECK(FZ, sfp_round_int(e, 2, 1, FP_RP, true), 0, FP_IDC);
    CHECK(FZ, sfp_to_fixed(e, 2, 1, 0, false, 32, FP_RP), 0, FP_IDC);
    CHECK(MODE(FP_RM), sfp_sub(e, 2, ONE, ONE), NZERO, 0);
    CHECK(MODE(FP_RZ), sfp_mul(e, 2, MAX_FINITE, TWO), MAX_FINITE, FP_OFC | FP_IXC);
    CHECK(MODE(FP_RP), sfp_mul(e, 2, 0xff7fffff, TWO), 0xff7fffff, FP_OFC | FP_IXC);
}

static void to_integer(void)
{
    CHECK(NORMAL, sfp_to_fixed(e, 2, QNAN1, 0, false, 32, FP_RZ), 0, FP_IOC);
    CHECK(NORMAL, sfp_to_fixed(e, 2, INF, 0, false, 32, FP_RZ), 0x7fffffff, FP_IOC);
    CHECK(NORMAL, sfp_to_fixed(e, 2, NINF, 0, false, 32, FP_RZ), 0x80000000, FP_IOC);
    CHECK(NORMAL, sfp_to_fixed(e, 2, NINF, 0, true, 64, FP_RZ), 0, FP_IOC);
    CHECK(NORMAL, sfp_to_fixed(e, 3, 0x43e0000000000000, 0, false, 64, FP_RZ), 0x7fffffffffffffff, FP_IOC);
    CHECK(NORMAL, sfp_to_fixed(e, 3, 0xc3e0000000000000, 0, false, 64, FP_RZ), 0x8000000000000000, 0);
    CHECK(NORMAL, sfp_to_fixed(e, 3, 0x43efffffffffffff, 0, true, 64, FP_RZ), 0xfffffffffffff800, 0);
    CHECK(NORMAL, sfp_to_fixed(e, 2, 0xbf000000, 0, true, 32, FP_RZ), 0, FP_IXC);
    CHECK(NORMAL, sfp_to_fixed(e, 2, 0xbf800000, 0, true, 32, FP_RZ), 0, FP_IOC);
    CHECK(NORMAL, sfp_to_fixed(e, 2, 0x3f000000, 0, false, 32, FP_RN), 0, FP_IXC);
    CHECK(NORMAL, sfp_to_fixed(e, 2, 0x3f000000, 0, false, 32, FP_TIES_AWAY), 1, FP_IXC);
    CHECK(NORMAL, sfp_to_fixed(e, 2, 0xc0200000, 0, false, 32, FP_TIES_AWAY), 0xfffffffd, FP_IXC);
    CHECK(NORMAL, sfp_to_fixed(e, 2, 0x3fc00000, 16, false, 32, FP_RZ), 0x18000, 0);
    CHECK(NORMAL, sfp_from_fixed(e, 2, 0x18000, 16, false, 32), 0x3fc00000, 0);
    CHECK(NORMAL, sfp_from_fixed(e, 3, ~0ull, 0, true, 64), 0x43f0000000000000, FP_IXC);
    CHECK(NORMAL, sfp_round_int(e, 2, 0xbe800000, FP_RN, false), NZERO, 0);
    CHECK(NORMAL, sfp_round_int(e, 2, 0xbe800000, FP_RM, true), 0xbf800000, FP_IXC);
    CHECK(NORMAL, sfp_convert(e, 2, 3, 0x3ff0000000000001, FP_ROUND_ODD), 0x3f800001, FP_IXC);
    CHECK(AHP, sfp_convert(e, 1, 2, INF, 0), 0x7fff, FP_IOC);
    CHECK(AHP, sfp_convert(e, 1, 2, 0x477fe000, 0), 0x7bff, 0);
    CHECK(AHP, sfp_convert(e, 1, 2, 0x47ffe000, 0), 0x7fff, 0);
    CHECK(AHP, sfp_convert(e, 1, 2, 0x48000000, 0), 0x7fff, FP_IOC);
    CHECK(AHP, sfp_convert(e, 1, 2, QNAN2, 0), 0x8000, FP_IOC);
    CHECK(AHP, sfp_convert(e, 2, 1, 0x7c00, 0), 0x47800000, 0);
    CHECK(NORMAL, sfp_convert(e, 2, 1, 0x7c00, 0), INF, 0);
}

static void estimates(void)
{
    CHECK(NORMAL, sfp_recip_estimate(e, 2, ONE), 0x3f7f8000, 0);
    CHECK(NORMAL, sfp_recip_estimate(e, 2, 0), INF, FP_DZC);
    CHECK(NORMAL, sfp_recip_estimate(e, 2, NINF), NZERO, 0);
    CHECK(NORMAL, sfp_recip_estimate(e, 2, 1), INF, FP_OFC | FP_IXC);
    CHECK(MODE(FP_RZ), sfp_recip_estimate(e, 2, 1), MAX_FINITE, FP_OFC | FP_IXC);
    CHECK(FZ, sfp_recip_estimate(e, 2, MAX_FINITE), 0, FP_UFC);
    CHECK(NORMAL, sfp_rsqrt_estimate(e, 2, ONE), 0x3f7f8000, 0);
    CHECK(NORMAL, sfp_rsqrt_estimate(e, 2, NZERO), NINF, FP_DZC);
    CHECK(NORMAL, sfp_rsqrt_estimate(e, 2, 0xbf800000), DEFAULT, FP_IOC);
    CHECK(NORMAL, sfp_recip_step(e, 2, ONE, ONE), ONE, 0);
    CHECK(NORMAL, sfp_recip_step(e, 2, INF, 0), TWO, 0);
    CHECK(NORMAL, sfp_rsqrt_step(e, 2, ONE, ONE), ONE, 0);
    CHECK(NORMAL, sfp_rsqrt_step(e, 2, 0, NINF), 0x3fc00000, 0);
    CHECK(NORMAL, sfp_recpx(e, 2, ONE), 0x40000000, 0);
    CHECK(NORMAL, sfp_recpx(e, 2, 0x80000000), 0xff000000, 0);
    /* |estimate * a - 1| < 2^-8 over a binade */
    for (uint32_t f = 0; f < 1u << 23; f += 4099) {
        uint32_t a = ONE | f, r = (uint32_t)sfp_recip_estimate(&(struct fp_env){0}, 2, a);
        float x, y;
        memcpy(&x, &a, 4);
        memcpy(&y, &r, 4);
        float err = x * y - 1;
        if (err < 1.0f / 256 && err > -1.0f / 256)
            passed++;
        else
            failed++;
    }
}

int main(void)
{
    __builtin_cpu_init();
    arithmetic(3000000);
    compares(300000);
    conversions(1500000);
    nans();
    max_min();
    underflow();
    to_integer();
    estimates();
    printf("%lu passed, %lu failed\n", passed, failed);
    return failed != 0;
}
