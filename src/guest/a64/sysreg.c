/*
 * sysreg.c - the table of system registers and the helpers of those that are more than storage.
 *
 * Owns sysreg_table.h's meaning and what a write to a control register entails. Must not emit IR (translate_sys.c
 * does), nor know timers and interrupt controllers (sysreg_timer.c does).
 */
#include "base/log.h"
#include "guest/a64/sysreg.h"
#include "guest/a64/sysreg_table.h"

#define SCTLR_M (1ull << 0)
#define SCTLR_WXN (1ull << 19)
#define SCTLR_E0E (1ull << 24)
#define SCTLR_EE (1ull << 25)

/* ---- rows ---- */

#define FIELD_SIZE(f) sizeof(((struct a64_cpu *)0)->f)
#define F(f) { .way = WAY_FIELD, .size = FIELD_SIZE(f), .off = offsetof(struct a64_cpu, f), .mask = ~0ull }
#define M(f, m) { .way = WAY_FIELD, .size = FIELD_SIZE(f), .off = offsetof(struct a64_cpu, f), .mask = (m) }
#define B(f, s) { .way = WAY_BIT, .size = 1, .shift = (s), .off = offsetof(struct a64_cpu, f) }
#define SB(f, s) { .way = WAY_STORE_BIT, .size = 1, .shift = (s), .off = offsetof(struct a64_cpu, f) }
#define SD(f, s) { .way = WAY_STORE_DISPATCH, .size = 1, .shift = (s), .off = offsetof(struct a64_cpu, f) }
#define ID(m) { .way = WAY_ID, .off = offsetof(struct a64_idregs, m) }
#define Z { .way = WAY_ZERO }
#define I { .way = WAY_IGNORE }
#define C(h) { .way = WAY_CALL, .call = a64_sr_##h }
#define D(h) { .way = WAY_CALL_DISPATCH, .call = a64_sr_##h }
#define ROOT(half, h) { .way = WAY_ROOT, .shift = (half), .call = a64_sr_##h }
#define COUNT(h) { .way = WAY_COUNT, .call = a64_sr_##h }
#define NO { .way = WAY_NO }
#define FPCR_WAY { .way = WAY_FPCR }
#define FPSR_WAY { .way = WAY_FPSR }
#define CURRENTEL { .way = WAY_CURRENTEL }
#define NZCV_WAY { .way = WAY_NZCV }
#define DAIF_WAY { .way = WAY_DAIF }
#define PFR0_WAY { .way = WAY_PFR0 }
#define CLAIM_ALL { .way = WAY_CONST, .mask = 0xff }

const struct a64_sysreg a64_sysregs[] = {
#define X(nm, o0, o1, cn, cm, o2, acc, feat, r, w) { #nm, A64_SYSREG(o0, o1, cn, cm, o2), acc, feat, r, w },
    A64_SYSREGS(X)
#undef X
};
const unsigned a64_sysregs_count = ARRAY_LEN(a64_sysregs);

/* Reserved ID registers, op0 = 3, op1 = 0, CRn = 0, CRm = 1..7, read as zero; so do AArch32's, which is not there. */
static const struct a64_sysreg reserved_id = { "reserved ID register", 0, RO1, NULL, Z, NO };
/* Registers that a real part defines for itself (CPUACTLR, CPUECTLR, L2CTLR, ...): read as zero, writes ignored. */
static const struct a64_sysreg implementation_defined = { "implementation defined", 0, RW1, NULL, Z, I };

const struct a64_sysreg *a64_sysreg_find(const struct a64_cpu *c, uint32_t enc)
{
    for (unsigned i = 0; i < a64_sysregs_count; i++) {
        const struct a64_sysreg *r = &a64_sysregs[i];
        if (r->enc != enc)
            continue;
        bool absent = (r->feature && !r->feature(c)) || ((r->access & IF_GIC) && !c->gic);
        return absent ? NULL : r;
    }
    unsigned op0 = enc >> 14, op1 = enc >> 11 & 7, crn = enc >> 7 & 15, crm = enc >> 3 & 15;
    if (op0 == 3 && op1 == 0 && crn == 0 && crm >= 1 && crm <= 7)
        return &reserved_id;
    if (op0 == 3 && (crn == 11 || crn == 15) && c->model != A64_MAX)
        return &implementation_defined;
    return NULL;
}

/* ---- helpers ---- */

/* One for EL0, one for EL1: fewer effects make cheaper calls. */
#define HELPER(nm, effects0, effects1) \
    const struct ir_helper a64_sr_##nm[2] = { { #nm, nm, effects0 }, { #nm, nm, effects1 } };
#define HELPER1(nm, effects) HELPER(nm, effects, effects)

static uint64_t wr_sctlr(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d)
{
    struct a64_cpu *c = a64(v);
    uint64_t changed = c->sctlr_el1 ^ x;
    if (changed & x & (SCTLR_EE | SCTLR_E0E))
        log_to(unimp, "cpu %u: big-endian data (SCTLR_EL1.EE/E0E) is not implemented\n", v->index);
    c->sctlr_el1 = x;
    if (changed & (SCTLR_M | SCTLR_WXN))
        a64_regime_changed(c);
    return 0;
}
HELPER1(wr_sctlr, HELPER_PLAIN)

static uint64_t wr_tcr(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d)
{
    struct a64_cpu *c = a64(v);
    if (c->tcr_el1 != x) {
        c->tcr_el1 = x;
        a64_regime_changed(c);
    }
    return 0;
}
HELPER1(wr_tcr, HELPER_PLAIN)

static uint64_t wr_mair(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d)
{
    struct a64_cpu *c = a64(v);
    if (c->mair_el1 != x) {
        c->mair_el1 = x;
        a64_regime_changed(c);
    }
    return 0;
}
HELPER1(wr_mair, HELPER_PLAIN)

/*
 * The switch of address space: at every context switch, and with KPTI at every kernel entry and exit. The code that
 * executes goes on in its present block: the architecture wants an ISB before the new table is sure to be used for
 * its fetches. C sees a switch that translated code does not remember (IR_ROOT).
 */
static uint64_t wr_ttbr(struct vcpu *v, unsigned half, uint64_t x)
{
    if (v->roots.root[half] != x) {
        v->roots.root[half] = x;
        if (a64(v)->sctlr_el1 & SCTLR_M)
            a64(v)->host->switch_root(v, half);
    }
    return 0;
}
static uint64_t wr_ttbr0(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d) { return wr_ttbr(v, 0, x); }
HELPER1(wr_ttbr0, HELPER_PLAIN)
static uint64_t wr_ttbr1(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d) { return wr_ttbr(v, 1, x); }
HELPER1(wr_ttbr1, HELPER_PLAIN)

static uint64_t wr_cpacr(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d)
{
    a64(v)->cpacr_el1 = x & (3ull << 20);         /* FPEN; no trace registers, no SVE */
    return 0;
}
HELPER1(wr_cpacr, HELPER_PLAIN)

static uint64_t rd_ccsidr(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d)
{
    const struct a64_cpu *c = a64(v);
    switch (c->csselr_el1 & 0xf) {
    case 0: return c->id->ccsidr[0];
    case 1: return c->id->ccsidr[1];
    case 2: return c->id->ccsidr[2];
    default: return 0;
    }
}
HELPER1(rd_ccsidr, IRE_STATE)

static uint64_t rd_isr(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d)
{
    const struct a64_cpu *c = a64(v);
    return (a64_line(c, A64_LINE_IRQ) ? 1u << 7 : 0) | (a64_line(c, A64_LINE_FIQ) ? 1u << 6 : 0);
}
HELPER1(rd_isr, IRE_STATE)

static uint64_t wr_spsel(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d)
{
    struct a64_cpu *c = a64(v);
    c->spsel = x & 1;
    a64_mode_changed(c);
    return 0;
}
HELPER1(wr_spsel, HELPER_PLAIN | IRE_RGPR | IRE_WGPR)

/* ---- debug ---- */

static uint64_t wr_mdscr(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d)
{
    a64(v)->mdscr_el1 = x & 0xffffffff;
    return 0;
}
HELPER1(wr_mdscr, HELPER_PLAIN)

static uint64_t wr_oslar(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d)
{
    a64(v)->oslar_el1 = x & 1;
    return 0;
}
HELPER1(wr_oslar, HELPER_PLAIN)

static uint64_t wr_osdlr(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d)
{
    a64(v)->osdlr_el1 = x & 1;
    return 0;
}
HELPER1(wr_osdlr, HELPER_PLAIN)

/* OSLM = 0b10 (bits 3 and 0): the OS Lock is implemented; bit 1: its state. */
static uint64_t rd_oslsr(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d) { return 8 | a64(v)->oslar_el1 << 1; }
HELPER1(rd_oslsr, IRE_STATE)

static uint64_t wr_claimset(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d)
{
    a64(v)->dbgclaim |= x & 0xff;
    return 0;
}
HELPER1(wr_claimset, HELPER_PLAIN)

static uint64_t wr_claimclr(struct vcpu *v, uint64_t x, uint64_t b, uint64_t d)
{
    a64(v)->dbgclaim &= ~x;
    return 0;
}
HELPER1(wr_claimclr, HELPER_PLAIN)

/* The debug communication channel is always empty; MDSCR_EL1.TDCC (bit 12) keeps EL0 from it. */
static uint64_t rd_mdccsr(struct vcpu *v, uint64_t x, uint64_t b, uint64_t iss)
{
    struct a64_cpu *c = a64(v);
    if (c->el == 0 && bits(c->mdscr_el1, 12, 1)) {
        a64_raise(c, EC_SYSREG, (uint32_t)iss, vcpu_pc(v));
        vcpu_unwind(v);
    }
    return 0;
}
HELPER(rd_mdccsr, HELPER_TRAPS, IRE_STATE)
