/*
 * fp.c - guest test: IEEE 754 results bit by bit: special values, rounding modes, flags, conversions, fused multiply-add,
 * libm. The sums are compared with another emulator's.
 */
#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash;

static void mix64(uint64_t v) { hash = (hash ^ v) * 0x9e3779b97f4a7c15ull; hash ^= hash >> 29; }
static void mix(double d) { uint64_t v; memcpy(&v, &d, 8); mix64(v); }
static void mixf(float f) { uint32_t v; memcpy(&v, &f, 4); mix64(v); }
static double from_bits(uint64_t v) { double d; memcpy(&d, &v, 8); return d; }
static float from_bits32(uint32_t v) { float f; memcpy(&f, &v, 4); return f; }

static uint64_t seed = 88172645463325252ull;
static uint64_t next(void) { seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17; return seed; }

static const uint64_t special[] = {
    0, 1ull << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
    0x7ff0000000000001, 0xfff8000000001234, 1, 0x000fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0x4340000000000000,
    0x43e0000000000000, 0xc3e0000000000000, 0x41dfffffffc00000, 0x3fe0000000000000, 0x3ff8000000000000, 0x4004000000000000,
};
#define N (sizeof(special) / sizeof(special[0]))

static void report(const char *what)
{
    printf("%-24s %016lx flags %02x\n", what, (unsigned long)hash, (unsigned)fetestexcept(FE_ALL_EXCEPT));
    feclearexcept(FE_ALL_EXCEPT);
    hash = 0;
}

#define ASM2(op, r, a, b) __asm__ volatile(op " %d0, %d1, %d2" : "=w"(r) : "w"(a), "w"(b))
#define ASM2S(op, r, a, b) __asm__ volatile(op " %s0, %s1, %s2" : "=w"(r) : "w"(a), "w"(b))

static void arithmetic(double a, double b)
{
    double r;
    ASM2("fadd", r, a, b); mix(r);
    ASM2("fsub", r, a, b); mix(r);
    ASM2("fmul", r, a, b); mix(r);
    ASM2("fdiv", r, a, b); mix(r);
    ASM2("fnmul", r, a, b); mix(r);
    ASM2("fmax", r, a, b); mix(r);
    ASM2("fmin", r, a, b); mix(r);
    ASM2("fmaxnm", r, a, b); mix(r);
    ASM2("fminnm", r, a, b); mix(r);
    __asm__ volatile("fsqrt %d0, %d1" : "=w"(r) : "w"(a)); mix(r);
    __asm__ volatile("fmadd %d0, %d1, %d2, %d3" : "=w"(r) : "w"(a), "w"(b), "w"(a)); mix(r);
    __asm__ volatile("fnmsub %d0, %d1, %d2, %d3" : "=w"(r) : "w"(a), "w"(b), "w"(b)); mix(r);
    uint64_t f;
    __asm__ volatile("fcmp %d1, %d2; mrs %0, nzcv" : "=r"(f) : "w"(a), "w"(b) : "cc"); mix64(f);
    __asm__ volatile("fcmpe %d1, %d2; mrs %0, nzcv" : "=r"(f) : "w"(a), "w"(b) : "cc"); mix64(f);
}

static void arithmetic32(float a, float b)
{
    float r;
    ASM2S("fadd", r, a, b); mixf(r);
    ASM2S("fsub", r, a, b); mixf(r);
    ASM2S("fmul", r, a, b); mixf(r);
    ASM2S("fdiv", r, a, b); mixf(r);
    ASM2S("fmax", r, a, b); mixf(r);
    ASM2S("fminnm", r, a, b); mixf(r);
    __asm__ volatile("fsqrt %s0, %s1" : "=w"(r) : "w"(a)); mixf(r);
    __asm__ volatile("fmadd %s0, %s1, %s2, %s3" : "=w"(r) : "w"(a), "w"(b), "w"(a)); mixf(r);
}

static void conversions(double a)
{
    int64_t x;
    uint64_t u;
    int32_t w;
    double d;
    float f;
#define CVT(op) \
    __asm__ volatile(op "s %0, %d1" : "=r"(x) : "w"(a)); mix64((uint64_t)x); \
    __asm__ volatile(op "u %0, %d1" : "=r"(u) : "w"(a)); mix64(u); \
    __asm__ volatile(op "s %w0, %d1" : "=r"(w) : "w"(a)); mix64((uint32_t)w);
    CVT("fcvtn") CVT("fcvtm") CVT("fcvtp") CVT("fcvtz") CVT("fcvta")
#define RINT(op) __asm__ volatile(op " %d0, %d1" : "=w"(d) : "w"(a)); mix(d);
    RINT("frintn") RINT("frintm") RINT("frintp") RINT("frintz") RINT("frinta") RINT("frintx") RINT("frinti")
    __asm__ volatile("fcvt %s0, %d1" : "=w"(f) : "w"(a)); mixf(f);
    __asm__ volatile("fcvt %d0, %s1" : "=w"(d) : "w"(f)); mix(d);
    __asm__ volatile("fcvt %h0, %d1\n fcvt %d0, %h0" : "=w"(d) : "w"(a)); mix(d);
    memcpy(&x, &a, 8);
    mix((double)x); mix((double)(uint64_t)x); mixf((float)x); mixf((float)(uint64_t)x); mix((double)(int32_t)x); mixf((float)(uint32_t)x);
    __asm__ volatile("fcvtzs %0, %d1, #12" : "=r"(x) : "w"(a)); mix64((uint64_t)x);
    __asm__ volatile("scvtf %d0, %1, #9" : "=w"(d) : "r"(x)); mix(d);
}

static void vectors(uint64_t p, uint64_t q)
{
    uint64_t r[2], in[4] = { p, q, q ^ p, p + q };
#define VOP(op) __asm__ volatile("ld1 {v0.2d, v1.2d}, [%1]\n" op "\nst1 {v2.2d}, [%0]" :: "r"(r), "r"(in) : "memory", "v0", "v1", "v2"); \
    mix64(r[0]); mix64(r[1]);
    VOP("fadd v2.2d, v0.2d, v1.2d") VOP("fmul v2.4s, v0.4s, v1.4s") VOP("fdiv v2.2d, v0.2d, v1.2d") VOP("fsqrt v2.4s, v0.4s")
    VOP("faddp v2.4s, v0.4s, v1.4s") VOP("fcmgt v2.2d, v0.2d, v1.2d") VOP("fcmeq v2.4s, v0.4s, v1.4s") VOP("facge v2.2d, v0.2d, v1.2d")
    VOP("frecpe v2.2d, v0.2d") VOP("frsqrte v2.4s, v0.4s") VOP("frecps v2.2d, v0.2d, v1.2d") VOP("frsqrts v2.4s, v0.4s, v1.4s")
    VOP("fcvtzs v2.2d, v0.2d") VOP("ucvtf v2.4s, v0.4s") VOP("frintn v2.2d, v0.2d") VOP("fmulx v2.2d, v0.2d, v1.2d")
    VOP("fabd v2.4s, v0.4s, v1.4s") VOP("fmaxnmp v2.2d, v0.2d, v1.2d") VOP("fcvtn v2.2s, v0.2d") VOP("fcvtl v2.2d, v0.2s")
    VOP("movi v2.16b, #3\nfmla v2.4s, v0.4s, v1.4s") VOP("movi v2.16b, #9\nfmls v2.2d, v0.2d, v1.d[1]")
    VOP("saddl v2.2d, v0.2s, v1.2s") VOP("sqdmulh v2.8h, v0.8h, v1.8h") VOP("uqadd v2.16b, v0.16b, v1.16b") VOP("sqshl v2.4s, v0.4s, v1.4s")
    VOP("tbl v2.16b, {v0.16b, v1.16b}, v1.16b") VOP("zip1 v2.8h, v0.8h, v1.8h") VOP("uzp2 v2.16b, v0.16b, v1.16b") VOP("trn1 v2.4s, v0.4s, v1.4s")
    VOP("ext v2.16b, v0.16b, v1.16b, #5") VOP("rev32 v2.8h, v0.8h") VOP("cnt v2.16b, v0.16b") VOP("clz v2.4s, v0.4s") VOP("rbit v2.16b, v0.16b")
    VOP("pmul v2.16b, v0.16b, v1.16b") VOP("mul v2.8h, v0.8h, v1.8h") VOP("smull2 v2.4s, v0.8h, v1.8h") VOP("urhadd v2.16b, v0.16b, v1.16b")
    VOP("sshl v2.2d, v0.2d, v1.2d") VOP("urshl v2.8h, v0.8h, v1.8h") VOP("sqxtun v2.8b, v0.8h") VOP("addv b2, v0.16b") VOP("uaddlv d2, v0.4s")
    VOP("shrn v2.4h, v0.4s, #7") VOP("sqrshrn v2.2s, v0.2d, #11") VOP("sli v2.2d, v0.2d, #13") VOP("bsl v2.16b, v0.16b, v1.16b")
#undef VOP
}

static void rounds(const char *name, int mode)
{
    char text[40];
    fesetround(mode);
    for (unsigned i = 0; i < N; i++)
        for (unsigned j = 0; j < N; j++)
            arithmetic(from_bits(special[i]), from_bits(special[j]));
    snprintf(text, sizeof(text), "special %s", name);
    report(text);
    for (unsigned i = 0; i < N; i++)
        conversions(from_bits(special[i]));
    for (int i = 0; i < 2000; i++)
        conversions(from_bits(next() >> (next() % 8)));
    snprintf(text, sizeof(text), "convert %s", name);
    report(text);
    for (int i = 0; i < 3000; i++) {
        uint64_t a = next(), b = next();
        arithmetic(from_bits(a), from_bits(b));
        /* Near exponents: cancellation and rounding matter. */
        arithmetic(from_bits((a & 0x801fffffffffffff) | 0x3fe0000000000000), from_bits((b & 0x803fffffffffffff) | 0x3fc0000000000000));
    }
    snprintf(text, sizeof(text), "random %s", name);
    report(text);
    for (int i = 0; i < 3000; i++) {
        uint32_t a = (uint32_t)next(), b = (uint32_t)next();
        arithmetic32(from_bits32(a), from_bits32(b));
    }
    snprintf(text, sizeof(text), "single %s", name);
    report(text);
}

static void modes(const char *name, uint64_t fpcr)
{
    uint64_t old;
    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    __asm__ volatile("msr fpcr, %0" :: "r"(fpcr));
    for (unsigned i = 0; i < N; i++)
        for (unsigned j = 0; j < N; j++)
            arithmetic(from_bits(special[i]), from_bits(special[j]));
    for (int i = 0; i < 500; i++) {
        arithmetic32(from_bits32((uint32_t)next() & 0x80ffffff), from_bits32((uint32_t)next() & 0x80ffffff));
        vectors(next(), next());
    }
    uint64_t fpsr;
    __asm__ volatile("mrs %0, fpsr" : "=r"(fpsr));
    __asm__ volatile("msr fpcr, %0" :: "r"(old));
    printf("fpsr %08lx ", (unsigned long)fpsr);
    report(name);
}

int main(void)
{
    rounds("nearest", FE_TONEAREST);
    rounds("up", FE_UPWARD);
    rounds("down", FE_DOWNWARD);
    rounds("zero", FE_TOWARDZERO);
    fesetround(FE_TONEAREST);
    for (int i = 0; i < 1500; i++)
        vectors(next(), next());
    for (unsigned i = 0; i < N; i++)
        vectors(special[i], special[(i * 7 + 3) % N]);
    report("vectors");
    modes("default NaN", 1u << 25);
    modes("flush to zero", 1u << 24);
    modes("both", 3u << 24);
    for (int i = 1; i < 400; i++) {
        double x = i / 37.0;
        mix(sin(x)); mix(cos(x)); mix(exp(x / 10)); mix(log(x)); mix(pow(x, 1.7)); mix(tan(x)); mix(atan2(x, 3)); mix(cbrt(x));
        mixf(sinf((float)x)); mixf(expf((float)x / 10)); mixf(powf((float)x, 0.3f));
    }
    report("libm");
    printf("%.17g %.17g %a %g %g\n", 0.1 + 0.2, 1.0 / 3, 1e-310, HUGE_VAL, strtod("nan", NULL));
    return 0;
}
