/*
 * idregs.c - the ID registers of each -cpu, and the feature tests that read them.
 *
 * Owns the one table of what each part says about itself; every model differs from the others only here. Must not
 * hold state.
 *
 * The cortex parts are as their manuals say (A53 r0p4, A57 r1p0, A72 r0p3), but what gnomon does not have is not
 * advertised: AArch32 (PFR0.EL0 = EL1 = 1, the AArch32 ID registers read as zero), EL2 and EL3, big-endian data
 * (MMFR0.BigEnd = 0), the PMU (DFR0.PMUVer = 0). `max` advertises exactly what is implemented.
 */
#include "guest/a64/translate.h"

#define F(value, lsb) ((uint64_t)(value) << (lsb))

/* DebugVer 8.0; 6 breakpoints, 4 watchpoints, two context-aware: fields hold the number less one. */
#define DFR0 (F(6, 0) | F(5, 12) | F(3, 20) | F(1, 28))
/* AArch64 only at EL0 and EL1; FP and Advanced SIMD are there (0). */
#define PFR0 (F(1, 0) | F(1, 4))
/* AES and PMULL, SHA1, SHA256, CRC32. */
#define ISAR0_V8 (F(2, 4) | F(1, 8) | F(1, 12) | F(1, 16))
/* SA, SA0, CP15BEN, nTWI, nTWE, SPAN and the RES1 bits 11, 22. */
#define SCTLR_RESET 0x00c50838ull

const struct a64_idregs a64_idregs[A64_MODELS] = {
    [A64_CORTEX_A53] = {
        .name = "cortex-a53",
        .midr = 0x410fd034,
        .aa64pfr0 = PFR0,
        .aa64dfr0 = DFR0,
        .aa64isar0 = ISAR0_V8,
        .aa64mmfr0 = F(2, 0) | F(2, 4),           /* 40-bit PA, 16-bit ASID, 4K and 64K granules (0), no 16K (0) */
        .ctr = 0x84448004,
        .dczid = 4,
        .clidr = 0x0a200023,
        .ccsidr = { 0x700fe01a, 0x201fe00a, 0x707fe07a },
        .sctlr_reset = SCTLR_RESET,
    },
    [A64_CORTEX_A57] = {
        .name = "cortex-a57",
        .midr = 0x411fd070,
        .aa64pfr0 = PFR0,
        .aa64dfr0 = DFR0,
        .aa64isar0 = ISAR0_V8,
        .aa64mmfr0 = F(4, 0) | F(2, 4),           /* 44-bit PA */
        .ctr = 0x8444c004,
        .dczid = 4,
        .clidr = 0x0a200023,
        .ccsidr = { 0x701fe00a, 0x201fe012, 0x70ffe07a },
        .sctlr_reset = SCTLR_RESET,
    },
    [A64_CORTEX_A72] = {
        .name = "cortex-a72",
        .midr = 0x410fd083,
        .aa64pfr0 = PFR0,
        .aa64dfr0 = DFR0,
        .aa64isar0 = ISAR0_V8,
        .aa64mmfr0 = F(4, 0) | F(2, 4),
        .ctr = 0x8444c004,
        .dczid = 4,
        .clidr = 0x0a200023,
        .ccsidr = { 0x701fe00a, 0x201fe012, 0x707fe07a },
        .sctlr_reset = SCTLR_RESET,
    },
    [A64_MAX] = {
        .name = "max",
        .midr = 0x000f0510,
        .aa64pfr0 = PFR0 | F(1, 48) /* DIT */ | F(1, 56) /* CSV2 */ | F(1, 60) /* CSV3 */,
        .aa64pfr1 = F(2, 4) /* SSBS with its MSR */,
        .aa64dfr0 = DFR0,
        .aa64isar0 = ISAR0_V8 | F(2, 20) /* LSE */ | F(1, 28) /* RDM */ | F(1, 52) /* FLAGM */ |
                      F(2, 56) /* TLBI OS, range */,
        .aa64isar1 = F(1, 0) /* DC CVAP */ | F(2, 20) /* LRCPC2 */ | F(1, 36) /* SB */,
        .aa64mmfr0 = F(4, 0) | F(2, 4) | F(1, 20) /* 16K granule */,
        .aa64mmfr1 = F(2, 0) /* HAFDBS */ | F(1, 12) /* HPDS */ | F(2, 20) /* PAN, AT S1E1RP */,
        .aa64mmfr2 = F(1, 0) /* CnP */ | F(1, 4) /* UAO */ | F(1, 60) /* E0PD */,
        .ctr = 0x9444c004,                        /* 64-byte lines; IDC: instruction fetch needs no DC CVAU */
        .dczid = 4,
        .clidr = 0x0a200023,
        .ccsidr = { 0x701fe00a, 0x201fe012, 0x70ffe07a },
        .sctlr_reset = SCTLR_RESET,
    },
};

/* X(name, ID register, lsb, least value) */
#define FEATURES(X)                                                                                                    \
    X(aes, aa64isar0, 4, 1) X(pmull, aa64isar0, 4, 2) X(sha1, aa64isar0, 8, 1) X(sha256, aa64isar0, 12, 1)             \
    X(sha512, aa64isar0, 12, 2) X(crc32, aa64isar0, 16, 1) X(lse, aa64isar0, 20, 2) X(rdm, aa64isar0, 28, 1)           \
    X(sha3, aa64isar0, 32, 1) X(dotprod, aa64isar0, 44, 1) X(fhm, aa64isar0, 48, 1) X(flagm, aa64isar0, 52, 1)         \
    X(flagm2, aa64isar0, 52, 2) X(tlbi_os, aa64isar0, 56, 1) X(tlbi_range, aa64isar0, 56, 2) X(rng, aa64isar0, 60, 1)  \
    X(dpb, aa64isar1, 0, 1) X(jscvt, aa64isar1, 12, 1) X(fcma, aa64isar1, 16, 1) X(lrcpc, aa64isar1, 20, 1)            \
    X(lrcpc2, aa64isar1, 20, 2) X(frint, aa64isar1, 32, 1) X(sb, aa64isar1, 36, 1) X(bf16, aa64isar1, 44, 1)           \
    X(i8mm, aa64isar1, 52, 1) X(pan, aa64mmfr1, 20, 1) X(uao, aa64mmfr2, 4, 1) X(dit, aa64pfr0, 48, 1)                 \
    X(ssbs, aa64pfr1, 4, 1)

#define X(name, reg, lsb, least) \
    bool a64_has_##name(const struct a64_cpu *c) { return bits(c->id->reg, lsb, 4) >= (least); }
FEATURES(X)
#undef X

/* AdvSIMD = 1: half-precision arithmetic; 15: no Advanced SIMD at all. */
bool a64_has_fp16(const struct a64_cpu *c) { return bits(c->id->aa64pfr0, 20, 4) == 1; }
