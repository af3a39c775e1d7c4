/*
 * walk.c - the stage 1 translation table walk of the EL1&0 regime (VMSAv8-64), and what of it names an address space.
 *
 * Owns the reading of TCR, TTBR, MAIR and descriptors. Must have no side effects: it reads tables through
 * host->read_gpa64 and fills its results. No hardware update of access or dirty flags (a clear AF is a fault), no
 * stage 2, no 52-bit addresses. Rules: Arm ARM DDI 0487, D8.2 (process), D8.3 (descriptors), D8.4 (permissions);
 * fault codes: ESR_ELx, ISS of a data abort.
 */
#include "guest/a64/translate.h"

/* Fault status codes; the level is added. */
#define FSC_ADDRESS_SIZE 0x00u
#define FSC_TRANSLATION 0x04u
#define FSC_ACCESS_FLAG 0x08u
#define FSC_PERMISSION 0x0cu
#define FSC_EXTERNAL_WALK 0x14u

#define SCTLR_M (1ull << 0)
#define SCTLR_WXN (1ull << 19)

#define DESC_AP_EL0 (1ull << 6)
#define DESC_AP_RO (1ull << 7)
#define DESC_AF (1ull << 10)
#define DESC_NG (1ull << 11)
#define DESC_PXN (1ull << 53)
#define DESC_UXN (1ull << 54)
#define TABLE_PXN (1ull << 59)
#define TABLE_UXN (1ull << 60)
#define TABLE_NO_EL0 (1ull << 61)
#define TABLE_RO (1ull << 62)

/* TCR_EL1, taken apart for one half. */
struct regime {
    uint64_t ttbr;
    uint8_t tsz, granule;                         /* granule: log2 */
    bool tbi, epd, hpd, e0pd;
};

static struct regime regime(const struct a64_cpu *c, unsigned half)
{
    static const uint8_t tg0[4] = { 12, 16, 14, 12 }, tg1[4] = { 12, 14, 12, 16 };   /* reserved values: 4K */
    uint64_t tcr = c->tcr_el1;
    struct regime r;
    r.ttbr = half ? c->ttbr1_el1 : c->ttbr0_el1;
    unsigned tsz = (unsigned)bits(tcr, half ? 16 : 0, 6);
    r.tsz = (uint8_t)(tsz < 16 ? 16 : tsz > 39 ? 39 : tsz);          /* out of range: treated as the limit */
    r.granule = half ? tg1[bits(tcr, 30, 2)] : tg0[bits(tcr, 14, 2)];
    r.tbi = bits(tcr, 37 + half, 1);
    r.epd = bits(tcr, half ? 23 : 7, 1);
    r.hpd = bits(tcr, 41 + half, 1) && bits(c->id->aa64mmfr1, 12, 4) != 0;
    r.e0pd = bits(tcr, 55 + half, 1) && bits(c->id->aa64mmfr2, 60, 4) != 0;
    return r;
}

unsigned a64_granule_shift(const struct a64_cpu *c, unsigned half) { return regime(c, half).granule; }

static unsigned pa_bits(unsigned code)
{
    static const uint8_t size[8] = { 32, 36, 40, 42, 44, 48, 48, 48 };
    return size[code & 7];
}

/* Output address size: TCR.IPS, no more than the part has. */
static unsigned output_bits(const struct a64_cpu *c)
{
    unsigned part = pa_bits((unsigned)bits(c->id->aa64mmfr0, 0, 4)), ips = pa_bits((unsigned)bits(c->tcr_el1, 32, 3));
    return MIN(part, ips);
}

/* With the tag replaced by copies of bit 55. */
static uint64_t untagged(uint64_t va) { return (uint64_t)((int64_t)(va << 8) >> 8); }

static bool in_range(uint64_t va, unsigned tsz)
{
    int64_t top = (int64_t)va >> (64 - tsz);
    return top == 0 || top == -1;
}

bool a64_canonical(const struct vcpu *v, uint64_t *va)
{
    const struct a64_cpu *c = a64c(v);
    unsigned half = (unsigned)bits(*va, 55, 1);
    struct regime r = regime(c, half);
    if (!(c->sctlr_el1 & SCTLR_M)) {
        /* One flat space of physical addresses: only a tag is removed, to zero. */
        uint64_t a = r.tbi ? *va & ~(0xffull << 56) : *va;
        if (a >> pa_bits((unsigned)bits(c->id->aa64mmfr0, 0, 4)))
            return false;
        *va = a;
        return true;
    }
    uint64_t a = r.tbi ? untagged(*va) : *va;
    if (!in_range(a, r.tsz) || (a >> 63) != half)
        return false;
    *va = a;
    return true;
}

uint64_t a64_branch_addr(const struct a64_cpu *c, unsigned el, uint64_t va)
{
    (void)el;                                     /* the regime of EL1 serves both */
    return regime(c, (unsigned)bits(va, 55, 1)).tbi ? untagged(va) : va;
}

/* MAIR_EL1's attributes, a bit each: Device? */
static unsigned device_attrs(uint64_t mair)
{
    unsigned m = 0;
    for (unsigned i = 0; i < 8; i++)
        m |= (bits(mair, 8 * i + 4, 4) == 0 ? 1u : 0u) << i;
    return m;
}

struct space_id a64_space(const struct vcpu *v, unsigned half)
{
    const struct a64_cpu *c = a64c(v);
    struct space_id id = { 0 };
    struct regime r = regime(c, half);
    if (!(c->sctlr_el1 & SCTLR_M)) {
        id.root = ~0ull;
        id.config = r.tbi;
        id.global_only = true;
        return id;
    }
    uint64_t tcr = c->tcr_el1;
    bool asid16 = bits(tcr, 36, 1);
    uint64_t ttbr = bits(tcr, 22, 1) ? c->ttbr1_el1 : c->ttbr0_el1;
    id.root = r.epd ? 0 : r.ttbr & 0x0000fffffffffffeull;
    id.asid = (uint16_t)(bits(ttbr, 48, asid16 ? 16 : 8));
    id.config = 1ull << 63 | r.tsz | (uint64_t)r.granule << 8 | (uint64_t)r.tbi << 16 | (uint64_t)r.epd << 17 |
                (uint64_t)r.hpd << 18 | (uint64_t)r.e0pd << 19 | bits(c->sctlr_el1, 19, 1) << 20 |
                bits(tcr, 32, 3) << 21 | (uint64_t)device_attrs(c->mair_el1) << 24 | (uint64_t)half << 32;
    return id;
}

static enum walk_status fault(struct walk *out, unsigned fsc, unsigned level)
{
    out->fault = (uint8_t)(fsc + level);
    out->level = (uint8_t)level;
    return WALK_FAULT;
}

static bool permitted(unsigned perms, enum access acc, enum view view)
{
    switch (acc) {
    case ACC_READ: return perms & PERM_R(view);
    case ACC_WRITE: return perms & PERM_W(view);
    default: return perms & (view == VIEW_USER ? PERM_XU : PERM_XK);
    }
}

static enum walk_status walk_off(const struct a64_cpu *c, uint64_t va, enum access acc, struct walk *out,
                                 struct a64_walk_attrs *attrs)
{
    if (bits(c->tcr_el1, 37 + (unsigned)bits(va, 55, 1), 1))
        va &= ~(0xffull << 56);
    if (va >> pa_bits((unsigned)bits(c->id->aa64mmfr0, 0, 4)))
        return fault(out, FSC_ADDRESS_SIZE, 0);
    out->gpa = va;
    out->shift = PAGE_SHIFT;
    out->perms = 0xff;
    out->device = acc != ACC_EXEC;                /* data: Device-nGnRnE; instructions: Normal */
    out->global = true;
    out->level = 0;
    out->fault = 0;
    out->leaf_gpa = 0;
    attrs->mair = 0;
    attrs->sh = 2;
    return WALK_OK;
}

/* What a leaf lets each view do, with the restrictions of the tables above it in `table`. */
static unsigned leaf_perms(const struct a64_cpu *c, uint64_t desc, uint64_t table)
{
    bool el0 = (desc & DESC_AP_EL0) && !(table & TABLE_NO_EL0);
    bool write = !(desc & DESC_AP_RO) && !(table & TABLE_RO);
    bool wxn = c->sctlr_el1 & SCTLR_WXN;
    unsigned p = PERM_R(VIEW_KERNEL);
    if (write)
        p |= PERM_W(VIEW_KERNEL);
    if (el0) {
        p |= PERM_R(VIEW_USER);
        if (write)
            p |= PERM_W(VIEW_USER);
    } else {                                      /* PAN takes away what EL0 may touch */
        p |= PERM_R(VIEW_KERNEL_PAN);
        if (write)
            p |= PERM_W(VIEW_KERNEL_PAN);
    }
    bool el0_write = el0 && write;
    if (!(desc & DESC_UXN) && !(table & TABLE_UXN) && !(wxn && el0_write))
        p |= PERM_XU;
    if (!(desc & DESC_PXN) && !(table & TABLE_PXN) && !el0_write && !(wxn && write))
        p |= PERM_XK;
    return p;
}

enum walk_status a64_walk_attrs(struct vcpu *v, uint64_t va, enum access acc, enum view view, struct walk *out,
                                struct a64_walk_attrs *attrs)
{
    const struct a64_cpu *c = a64c(v);
    if (acc == ACC_EXEC && (va & 3)) {            /* PC alignment comes before everything else */
        out->fault = FAULT_ALIGN;
        out->level = 0;
        return WALK_FAULT;
    }
    if (!(c->sctlr_el1 & SCTLR_M))
        return walk_off(c, va, acc, out, attrs);

    unsigned half = (unsigned)bits(va, 55, 1);
    struct regime r = regime(c, half);
    if (r.tbi)
        va = untagged(va);
    if (!in_range(va, r.tsz) || (va >> 63) != half || r.epd || (r.e0pd && view == VIEW_USER))
        return fault(out, FSC_TRANSLATION, 0);

    const unsigned stride = r.granule - 3u, in_bits = 64u - r.tsz;
    unsigned level = 4 - (in_bits - r.granule + stride - 1) / stride;
    unsigned shift = r.granule + stride * (3 - level);              /* of a leaf at this level */
    const uint64_t out_mask = (1ull << output_bits(c)) - 1;
    /* The first table is as large as it must be, and so aligned; at least 64 bytes. */
    unsigned root_bits = in_bits - shift + 3;
    uint64_t base = r.ttbr & 0x0000ffffffffffffull & ~((1ull << MAX(root_bits, 6u)) - 1);
    if (base & ~out_mask)
        return fault(out, FSC_ADDRESS_SIZE, 0);
    uint64_t index = bits(va, shift, in_bits - shift);
    uint64_t restrict_mask = 0;
    uint64_t desc, at;

    for (;; level++) {
        bool ok = true;
        at = base + index * 8;
        desc = c->host->read_gpa64(at, &ok);
        if (!ok)
            return fault(out, FSC_EXTERNAL_WALK, level);
        if (!(desc & 1))
            return fault(out, FSC_TRANSLATION, level);
        if (level == 3) {
            if (!(desc & 2))
                return fault(out, FSC_TRANSLATION, level);
            break;
        }
        if (!(desc & 2)) {                        /* a block: level 1 (4K granule only) or 2 */
            if (level == 0 || (level == 1 && r.granule != 12))
                return fault(out, FSC_TRANSLATION, level);
            break;
        }
        base = desc & 0x0000ffffffffffffull & ~((1ull << r.granule) - 1);
        if (base & ~out_mask)
            return fault(out, FSC_ADDRESS_SIZE, level);
        if (!r.hpd)
            restrict_mask |= desc;
        shift -= stride;
        index = bits(va, shift, stride);
    }

    uint64_t low = (1ull << shift) - 1, pa = desc & 0x0000ffffffffffffull & ~low;
    if (pa & ~out_mask)
        return fault(out, FSC_ADDRESS_SIZE, level);
    if (!(desc & DESC_AF))
        return fault(out, FSC_ACCESS_FLAG, level);

    unsigned attr = (unsigned)bits(c->mair_el1, 8 * (unsigned)bits(desc, 2, 3), 8);
    out->gpa = pa | (va & low);
    out->shift = (uint8_t)shift;
    out->perms = (uint8_t)leaf_perms(c, desc, restrict_mask);
    out->device = (attr & 0xf0) == 0;
    out->global = !(desc & DESC_NG);
    out->level = (uint8_t)level;
    out->fault = 0;
    out->leaf_gpa = at;
    attrs->mair = (uint8_t)attr;
    attrs->sh = (uint8_t)bits(desc, 8, 2);
    if (!permitted(out->perms, acc, view))
        return fault(out, FSC_PERMISSION, level);
    return WALK_OK;
}

enum walk_status a64_walk(struct vcpu *v, uint64_t va, enum access acc, enum view view, struct walk *out)
{
    struct a64_walk_attrs attrs;
    return a64_walk_attrs(v, va, acc, view, out, &attrs);
}
