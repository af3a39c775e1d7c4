/*
 * walk.c - the stage 1 translation table walk of the EL1&0 regime (VMSAv8-64), and what of it names an address space.
 *
 * Owns the reading of TCR, TTBR, MAIR and descriptors. Must have no side effects: it reads tables in the RAM view (or
 * through host->read_gpa64) and fills its results; only a64_decode_regimes() writes, and that only to the decoded
 * copies. No stage 2, no 52-bit addresses. Rules: Arm ARM DDI 0487, D8.2 (process), D8.3 (descriptors), D8.4
 * (permissions), D8.5 (access flag, dirty state: FEAT_HAFDBS; the update itself is src/mmu's, see struct walk); fault codes: ESR_ELx, ISS of a data abort.
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

#define SCTLR_WALK (SCTLR_M | SCTLR_WXN)          /* what of SCTLR_EL1 shapes walks */

#define DESC_AF (1ull << 10)
#define DESC_NG (1ull << 11)
#define DESC_RO (1ull << 7)                       /* AP[2] */
#define DESC_DBM (1ull << 51)

/* space_id.config: everything besides the root that shapes a walk. Without CFG_ON only CFG_TBI_OFF has a meaning. */
#define CFG_TSZ(x) (unsigned)bits(x, 0, 8)
#define CFG_GRANULE(x) (unsigned)bits(x, 8, 8)    /* log2 */
#define CFG_TBI_OFF 1ull                          /* with the MMU off */
#define CFG_TBI (1ull << 16)
#define CFG_EPD (1ull << 17)
#define CFG_HPD (1ull << 18)
#define CFG_E0PD (1ull << 19)
#define CFG_WXN (1ull << 20)
#define CFG_IPS(x) (unsigned)bits(x, 21, 3)
#define CFG_DEVICE(x) (uint8_t)bits(x, 24, 8)     /* MAIR attributes that are Device, a bit each */
#define CFG_HALF_LSB 32
#define CFG_HA (1ull << 33)
#define CFG_HD (1ull << 34)
#define CFG_ON (1ull << 63)

#define ADDR_MASK 0x0000ffffffffffffull
#define TABLE_ATTRS (31ull << 59)                 /* hierarchical attributes of a table descriptor */

static unsigned pa_bits(unsigned code)
{
    static const uint8_t size[8] = { 32, 36, 40, 42, 44, 48, 48, 48 };
    return size[code & 7];
}

static unsigned part_bits(const struct a64_cpu *c) { return pa_bits((unsigned)bits(c->id->aa64mmfr0, 0, 4)); }

/* MAIR_EL1's attributes, a bit each: Device? */
static unsigned device_attrs(uint64_t mair)
{
    unsigned m = 0;
    for (unsigned i = 0; i < 8; i++)
        m |= (bits(mair, 8 * i + 4, 4) == 0 ? 1u : 0u) << i;
    return m;
}

/* The configuration of half h from the registers. */
static uint64_t config_of(const struct a64_cpu *c, unsigned half)
{
    static const uint8_t tg0[4] = { 12, 16, 14, 12 }, tg1[4] = { 12, 14, 12, 16 };   /* reserved values: 4K */
    uint64_t tcr = c->tcr_el1;
    bool tbi = bits(tcr, 37 + half, 1);
    if (!(c->sctlr_el1 & SCTLR_M))
        return tbi ? CFG_TBI_OFF : 0;
    unsigned tsz = (unsigned)bits(tcr, half ? 16 : 0, 6);
    tsz = tsz < 16 ? 16 : tsz > 39 ? 39 : tsz;    /* out of range: treated as the limit */
    uint64_t x = CFG_ON | tsz | (uint64_t)half << CFG_HALF_LSB | bits(tcr, 32, 3) << 21 |
                 (uint64_t)device_attrs(c->mair_el1) << 24 |
                 (uint64_t)(half ? tg1[bits(tcr, 30, 2)] : tg0[bits(tcr, 14, 2)]) << 8;
    if (tbi)
        x |= CFG_TBI;
    if (bits(tcr, half ? 23 : 7, 1))
        x |= CFG_EPD;
    if (bits(tcr, 41 + half, 1) && bits(c->id->aa64mmfr1, 12, 4) != 0)
        x |= CFG_HPD;
    if (bits(tcr, 55 + half, 1) && bits(c->id->aa64mmfr2, 60, 4) != 0)
        x |= CFG_E0PD;
    if (c->sctlr_el1 & SCTLR_WXN)
        x |= CFG_WXN;
    if (bits(tcr, 39, 1) && bits(c->id->aa64mmfr1, 0, 4) >= 1) {
        x |= CFG_HA;
        if (bits(tcr, 40, 1) && bits(c->id->aa64mmfr1, 0, 4) >= 2)
            x |= CFG_HD;
    }
    return x;
}

static void decode(const struct a64_cpu *c, uint64_t config, struct a64_regime *r)
{
    r->config = config;
    r->on = (config & CFG_ON) != 0;
    if (!r->on) {
        r->tbi = (config & CFG_TBI_OFF) != 0;
        return;
    }
    r->tbi = (config & CFG_TBI) != 0;
    r->tsz = (uint8_t)CFG_TSZ(config);
    r->granule = (uint8_t)CFG_GRANULE(config);
    r->stride = (uint8_t)(r->granule - 3);
    r->device = CFG_DEVICE(config);
    unsigned in_bits = 64u - r->tsz;
    r->level = (uint8_t)(4 - (in_bits - r->granule + r->stride - 1) / r->stride);
    r->shift = (uint8_t)(r->granule + r->stride * (3 - r->level));
    /* The first table is as large as it must be, and so aligned; at least 64 bytes. */
    unsigned root_bits = in_bits - r->shift + 3;
    r->root_mask = ADDR_MASK & ~((1ull << MAX(root_bits, 6u)) - 1);
    unsigned part = part_bits(c), ips = pa_bits(CFG_IPS(config));
    r->out_mask = (1ull << MIN(part, ips)) - 1;
}

void a64_decode_regimes(struct a64_cpu *c)
{
    if (!c->id)
        return;
    c->regime_tcr = c->tcr_el1;
    c->regime_mair = c->mair_el1;
    c->regime_sctlr = c->sctlr_el1 & SCTLR_WALK;
    c->regime_id = c->id;
    for (unsigned half = 0; half < 2; half++)
        decode(c, config_of(c, half), &c->regime[half]);
}

/* The regime in force: what a64_decode_regimes() left, or made here when the registers differ from what it saw. */
static inline const struct a64_regime *regime(const struct a64_cpu *c, unsigned half, struct a64_regime *tmp)
{
    if (likely(c->regime_tcr == c->tcr_el1 && c->regime_mair == c->mair_el1 &&
               c->regime_sctlr == (c->sctlr_el1 & SCTLR_WALK) && c->regime_id == c->id))
        return &c->regime[half];
    decode(c, config_of(c, half), tmp);
    return tmp;
}

unsigned a64_granule_shift(const struct a64_cpu *c, unsigned half)
{
    struct a64_regime tmp;
    const struct a64_regime *r = regime(c, half, &tmp);
    return r->on ? r->granule : PAGE_SHIFT;
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
    struct a64_regime tmp;
    const struct a64_regime *r = regime(c, half, &tmp);
    if (!r->on) {
        /* One flat space of physical addresses: only a tag is removed, to zero. */
        uint64_t a = r->tbi ? *va & ~(0xffull << 56) : *va;
        if (a >> part_bits(c))
            return false;
        *va = a;
        return true;
    }
    uint64_t a = r->tbi ? untagged(*va) : *va;
    if (!in_range(a, r->tsz) || (a >> 63) != half)
        return false;
    *va = a;
    return true;
}

uint64_t a64_branch_addr(const struct a64_cpu *c, unsigned el, uint64_t va)
{
    (void)el;                                     /* the regime of EL1 serves both */
    return bits(c->tcr_el1, 37 + (unsigned)bits(va, 55, 1), 1) ? untagged(va) : va;
}

struct space_id a64_space(const struct vcpu *v, unsigned half)
{
    const struct a64_cpu *c = a64c(v);
    struct a64_regime tmp;
    const struct a64_regime *r = regime(c, half, &tmp);
    struct space_id id = { .config = r->config };
    if (!r->on) {
        id.root = ~0ull;
        id.global_only = true;
        return id;
    }
    uint64_t tcr = c->tcr_el1, ttbr = half ? c->v.roots.root[1] : c->v.roots.root[0];
    id.root = r->config & CFG_EPD ? 0 : ttbr & 0x0000fffffffffffeull;
    uint64_t owner = bits(tcr, 22, 1) ? c->v.roots.root[1] : c->v.roots.root[0];         /* A1 */
    id.asid = (uint16_t)(bits(owner, 48, bits(tcr, 36, 1) ? 16 : 8));
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

/* Without translation: what is found is what was asked for. */
static enum walk_status walk_off(const struct a64_cpu *c, bool tbi, uint64_t va, enum access acc, struct walk *out)
{
    if (tbi)
        va &= ~(0xffull << 56);
    if (va >> part_bits(c))
        return fault(out, FSC_ADDRESS_SIZE, 0);
    out->gpa = va;
    out->shift = PAGE_SHIFT;
    out->perms = 0xff;
    out->device = acc != ACC_EXEC;                /* data: Device-nGnRnE; instructions: Normal */
    out->global = true;
    out->level = 0;
    out->fault = 0;
    out->leaf_gpa = out->desc = out->table_attrs = out->update = 0;
    out->levels = 0;
    return WALK_OK;
}

/*
 * What a leaf lets each view do: by may EL0 access it, is it read-only, UXN, PXN, and SCTLR_EL1.WXN. PAN takes away
 * what EL0 may touch; what EL0 may write EL1 never executes.
 */
#define LEAF(el0, ro, uxn, pxn, wxn)                                                                                   \
    (uint8_t)(PERM_R(VIEW_KERNEL) | ((ro) ? 0 : PERM_W(VIEW_KERNEL)) |                                                 \
              ((el0) ? PERM_R(VIEW_USER) | ((ro) ? 0 : PERM_W(VIEW_USER))                                              \
                     : PERM_R(VIEW_KERNEL_PAN) | ((ro) ? 0 : PERM_W(VIEW_KERNEL_PAN))) |                               \
              ((uxn) || ((wxn) && (el0) && !(ro)) ? 0 : PERM_XU) |                                                     \
              ((pxn) || ((el0) && !(ro)) || ((wxn) && !(ro)) ? 0 : PERM_XK))
#define LEAF4(uxn, pxn, wxn)                                                                                           \
    LEAF(0, 0, uxn, pxn, wxn), LEAF(1, 0, uxn, pxn, wxn), LEAF(0, 1, uxn, pxn, wxn), LEAF(1, 1, uxn, pxn, wxn)
static const uint8_t leaf_table[32] = {           /* el0 | ro << 1 | pxn << 2 | uxn << 3 | wxn << 4 */
    LEAF4(0, 0, 0), LEAF4(0, 1, 0), LEAF4(1, 0, 0), LEAF4(1, 1, 0),
    LEAF4(0, 0, 1), LEAF4(0, 1, 1), LEAF4(1, 0, 1), LEAF4(1, 1, 1),
};

/* tables: the descriptors of the tables above the leaf, or-ed; their restrictions add up. */
static inline unsigned leaf_perms(uint64_t config, uint64_t desc, uint64_t tables)
{
    uint64_t el0 = desc >> 6 & ~(tables >> 61) & 1, ro = (desc >> 7 | tables >> 62) & 1;
    uint64_t xn = (desc >> 53 | tables >> 59) & 3;                   /* PXN, UXN above it: in both formats */
    return leaf_table[el0 | ro << 1 | xn << 2 | (config & CFG_WXN ? 16 : 0)];
}

static inline uint64_t read_desc(const struct a64_cpu *c, uint64_t at, bool *ok)
{
    uint64_t off = at - c->ram_base;
    if (likely(off < c->ram_size))                /* entries are 8-aligned and so is RAM's size */
        return __atomic_load_n((const uint64_t *)(const void *)(c->ram_view + off), __ATOMIC_RELAXED);
    return c->host->read_gpa64(at, ok);
}

/* The walk proper, in the tables of root as r says. *leaf: the leaf descriptor. */
static inline enum walk_status walk_tables(const struct a64_cpu *c, const struct a64_regime *r, uint64_t root,
                                           unsigned half, uint64_t va, enum access acc, enum view view,
                                           struct walk *out, uint64_t *leaf)
{
    out->shift = 0;
    if (r->tbi)
        va = untagged(va);
    if (!in_range(va, r->tsz) || (va >> 63) != half || (r->config & CFG_EPD) ||
        (view == VIEW_USER && (r->config & CFG_E0PD)))
        return fault(out, FSC_TRANSLATION, 0);

    unsigned level = r->level, shift = r->shift;  /* shift: of a leaf at this level */
    uint64_t base = root & r->root_mask, tables = 0, desc, at;
    if (base & ~r->out_mask)
        return fault(out, FSC_ADDRESS_SIZE, 0);
    uint64_t index = bits(va, shift, 64u - r->tsz - shift);

    for (;; level++) {
        bool ok = true;
        at = base + index * 8;
        out->at[level - r->level] = at;
        out->shift = (uint8_t)shift;
        desc = read_desc(c, at, &ok);
        if (unlikely(!ok))
            return fault(out, FSC_EXTERNAL_WALK, level);
        if (!(desc & 1))
            return fault(out, FSC_TRANSLATION, level);
        if (level == 3) {
            if (!(desc & 2))
                return fault(out, FSC_TRANSLATION, level);
            break;
        }
        if (!(desc & 2)) {                        /* a block: level 1 (4K granule only) or 2 */
            if (level == 0 || (level == 1 && r->granule != 12))
                return fault(out, FSC_TRANSLATION, level);
            break;
        }
        base = desc & ADDR_MASK & ~((1ull << r->granule) - 1);
        if (base & ~r->out_mask)
            return fault(out, FSC_ADDRESS_SIZE, level);
        tables |= desc;
        shift -= r->stride;
        index = bits(va, shift, r->stride);
    }
    if (r->config & CFG_HPD)
        tables = 0;

    uint64_t low = (1ull << shift) - 1, pa = desc & ADDR_MASK & ~low;
    if (pa & ~r->out_mask)
        return fault(out, FSC_ADDRESS_SIZE, level);
    if (!(desc & DESC_AF) && !(r->config & CFG_HA))
        return fault(out, FSC_ACCESS_FLAG, level);
    bool clean = (r->config & CFG_HD) && (desc & (DESC_DBM | DESC_RO)) == (DESC_DBM | DESC_RO);

    out->gpa = pa | (va & low);
    out->perms = (uint8_t)leaf_perms(r->config, clean ? desc & ~DESC_RO : desc, tables);
    out->device = r->device >> bits(desc, 2, 3) & 1;
    out->global = !(desc & DESC_NG);
    out->level = (uint8_t)level;
    out->fault = 0;
    out->leaf_gpa = at;
    out->levels = (uint8_t)(level - r->level + 1);
    out->stride = r->stride;
    out->desc = desc;
    out->table_attrs = tables & TABLE_ATTRS;
    *leaf = desc;
    if (!permitted(out->perms, acc, view))
        return fault(out, FSC_PERMISSION, level);
    uint64_t update = (desc | DESC_AF) & ~(clean && acc == ACC_WRITE ? DESC_RO : 0);
    out->update = update != desc ? update : 0;
    if (clean)
        out->perms &= (uint8_t)~(PERM_W(VIEW_USER) | PERM_W(VIEW_KERNEL) | PERM_W(VIEW_KERNEL_PAN));
    return WALK_OK;
}

/* PC alignment comes before everything else. */
static enum walk_status misaligned(struct walk *out)
{
    out->fault = FAULT_ALIGN;
    out->level = 0;
    return WALK_FAULT;
}

enum walk_status a64_walk(struct vcpu *v, uint64_t va, enum access acc, enum view view, struct walk *out)
{
    const struct a64_cpu *c = a64c(v);
    unsigned half = (unsigned)bits(va, 55, 1);
    struct a64_regime tmp;
    const struct a64_regime *r = regime(c, half, &tmp);
    uint64_t leaf;
    if (unlikely(acc == ACC_EXEC && (va & 3)))
        return misaligned(out);
    if (unlikely(!r->on))
        return walk_off(c, r->tbi, va, acc, out);
    return walk_tables(c, r, half ? c->v.roots.root[1] : c->v.roots.root[0], half, va, acc, view, out, &leaf);
}

enum walk_status a64_walk_attrs(struct vcpu *v, uint64_t va, enum access acc, enum view view, struct walk *out,
                                struct a64_walk_attrs *attrs)
{
    const struct a64_cpu *c = a64c(v);
    unsigned half = (unsigned)bits(va, 55, 1);
    struct a64_regime tmp;
    const struct a64_regime *r = regime(c, half, &tmp);
    uint64_t leaf = 0;
    attrs->mair = 0;
    attrs->sh = 2;
    if (acc == ACC_EXEC && (va & 3))
        return misaligned(out);
    if (!r->on)
        return walk_off(c, r->tbi, va, acc, out);
    enum walk_status st = walk_tables(c, r, half ? c->v.roots.root[1] : c->v.roots.root[0], half, va, acc, view, out, &leaf);
    attrs->mair = (uint8_t)bits(c->mair_el1, 8 * (unsigned)bits(leaf, 2, 3), 8);
    attrs->sh = (uint8_t)bits(leaf, 8, 2);
    return st;
}

enum walk_status a64_walk_space(struct vcpu *v, const struct space_id *id, unsigned half, uint64_t va, enum access acc,
                                enum view view, struct walk *out)
{
    const struct a64_cpu *c = a64c(v);
    struct a64_regime tmp;
    const struct a64_regime *r = &c->regime[half];
    uint64_t leaf;
    if (acc == ACC_EXEC && (va & 3))
        return misaligned(out);
    if (r->config != id->config || c->regime_id != c->id) {
        decode(c, id->config, &tmp);
        r = &tmp;
    }
    if (!r->on)
        return walk_off(c, r->tbi, va, acc, out);
    return walk_tables(c, r, id->root, half, va, acc, view, out, &leaf);
}
