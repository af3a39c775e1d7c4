/*
 * cachemaint.c - what SYS instructions do: cache and TLB maintenance, address translation (AT).
 *
 * Owns the decoding of their operands and their faults. Must not know what caches translations or code: that is host's.
 * Data caches are the host's and coherent, so a DC only checks its address; IC tells the owner of translated code.
 * Rules: Arm ARM DDI 0487, D7.5 (cache maintenance), D8.14 (TLB maintenance), C5.3 and C5.4 (SYS instructions).
 */
#include "guest/a64/sysreg.h"

#define LINE 64ull                                /* as CTR_EL0 says, in every model */
#define FSC_IS_EXTERNAL(f) ((f) == 0x10 || ((f) & 0x3c) == 0x14)

/*
 * Translate for a maintenance operation; a fault is raised as a data abort with CM and WnR set and does not return.
 * EL1 needs no permission beyond IVAC's to write, and PAN does not apply; EL0 must be able to read.
 */
static void probe(struct vcpu *v, uint64_t va, bool write, struct walk *w)
{
    struct a64_cpu *c = a64(v);
    if (c->host->probe(v, va, write ? ACC_WRITE : ACC_READ, c->el ? VIEW_KERNEL : VIEW_USER, w) == WALK_OK)
        return;
    a64_raise_data(c, va, w->fault, true, true);
    vcpu_unwind(v);
}

static uint64_t dc(struct vcpu *v, uint64_t va, uint64_t ivac, uint64_t d)
{
    struct walk w;
    probe(v, va, ivac, &w);
    return 0;
}
const struct ir_helper a64_hp_dc = { "dc", dc, HELPER_TRAPS };

static uint64_t ic_va(struct vcpu *v, uint64_t va, uint64_t b, uint64_t d)
{
    struct walk w;
    probe(v, va, false, &w);
    a64(v)->host->icache_inval(v, w.gpa & ~(LINE - 1), LINE);
    return 0;
}
const struct ir_helper a64_hp_ic_va = { "ic_va", ic_va, HELPER_TRAPS };

static uint64_t ic_all(struct vcpu *v, uint64_t a, uint64_t b, uint64_t d)
{
    a64(v)->host->icache_inval_all(v);
    return 0;
}
const struct ir_helper a64_hp_ic_all = { "ic_all", ic_all, HELPER_PLAIN };

/* ---- TLBI ---- */

static uint16_t operand_asid(const struct a64_cpu *c, uint64_t x)
{
    return (uint16_t)bits(x, 48, bits(c->tcr_el1, 36, 1) ? 16 : 8);
}

/* VA[55:12] in bits 43:0; of the entry, whatever its size: the host's side widens to the leaf. */
static void tlbi_va(struct vcpu *v, uint64_t x, int asid, bool broadcast)
{
    struct a64_cpu *c = a64(v);
    uint64_t va = (uint64_t)sextract(x, 0, 44) << 12;
    unsigned shift = a64_granule_shift(c, va >> 63);
    c->host->tlbi_range(v, va & ~((1ull << shift) - 1), 1ull << shift, asid, broadcast);
}

/* BaseADDR 36:0, TTL 38:37, NUM 43:39, SCALE 45:44, TG 47:46. */
static void tlbi_range(struct vcpu *v, uint64_t x, int asid, bool broadcast)
{
    static const uint8_t granule[4] = { 0, 12, 14, 16 };
    unsigned shift = granule[bits(x, 46, 2)];
    if (!shift)                                   /* TG = 0 is reserved */
        return;
    uint64_t va = (uint64_t)sextract(x, 0, 37) << shift;
    uint64_t pages = (bits(x, 39, 5) + 1) << (5 * bits(x, 44, 2) + 1);
    a64(v)->host->tlbi_range(v, va, pages << shift, asid, broadcast);
}

static uint64_t tlbi(struct vcpu *v, uint64_t x, uint64_t op, uint64_t d)
{
    struct a64_cpu *c = a64(v);
    bool broadcast = op & TLBI_BROADCAST;
    switch ((enum a64_tlbi)(op & 0xff)) {
    case TLBI_ALL: c->host->tlbi_all(v); break;
    case TLBI_ASID: c->host->tlbi_asid(v, operand_asid(c, x)); break;
    case TLBI_VA: tlbi_va(v, x, operand_asid(c, x), broadcast); break;
    case TLBI_VAA: tlbi_va(v, x, -1, broadcast); break;
    case TLBI_RVA: tlbi_range(v, x, operand_asid(c, x), broadcast); break;
    case TLBI_RVAA: tlbi_range(v, x, -1, broadcast); break;
    }
    return 0;
}
const struct ir_helper a64_hp_tlbi = { "tlbi", tlbi, HELPER_PLAIN };

/* The DSB is done when they are. Code pages may be others now: the next block is found by the run loop. */
static uint64_t tlbi_done(struct vcpu *v, uint64_t a, uint64_t b, uint64_t d)
{
    a64(v)->host->tlbi_complete(v);
    vcpu_set_pc(v, vcpu_pc(v) + 4);
    vcpu_unwind(v);
}
const struct ir_helper a64_hp_tlbi_done = { "tlbi_done", tlbi_done, HELPER_TRAPS };

/* ---- AT ---- */

static uint64_t at(struct vcpu *v, uint64_t va, uint64_t op, uint64_t d)
{
    struct a64_cpu *c = a64(v);
    struct walk w;
    struct a64_walk_attrs attrs;
    enum access acc = op & 1 ? ACC_WRITE : ACC_READ;
    enum view view = op <= AT_S1E1W ? VIEW_KERNEL : op <= AT_S1E0W ? VIEW_USER : c->pan ? VIEW_KERNEL_PAN : VIEW_KERNEL;

    if (a64_walk_attrs(v, va, acc, view, &w, &attrs) == WALK_OK) {
        /* Device and Non-cacheable Normal memory read as Outer Shareable. */
        unsigned sh = (attrs.mair & 0xf0) == 0 || attrs.mair == 0x44 ? 2 : attrs.sh;
        c->par_el1 = (w.gpa & 0x0000fffffffff000ull) | (uint64_t)attrs.mair << 56 | 1ull << 11 |
                     1ull << 9 /* Non-secure */ | (uint64_t)sh << 7;
        return 0;
    }
    if (FSC_IS_EXTERNAL(w.fault)) {               /* an external abort on the walk is taken as one */
        a64_raise_data(c, va, w.fault, true, true);
        vcpu_unwind(v);
    }
    c->par_el1 = 1ull << 11 | (uint64_t)w.fault << 1 | 1;
    return 0;
}
const struct ir_helper a64_hp_at = { "at", at, HELPER_TRAPS };
