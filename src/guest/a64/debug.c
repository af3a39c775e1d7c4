/*
 * debug.c - self-hosted debug: which hardware breakpoint or watchpoint an instruction or an access meets.
 *
 * Owns the meaning of DBGBCR, DBGBVR, DBGWCR and DBGWVR. Must not translate nor know what caches translations: blocks of a page
 * with a breakpoint carry A64F_BREAK and ask before each instruction; pages with a watchpoint are cached nowhere, so that every
 * access to them reaches guest_ops.watch(). Rules: Arm ARM DDI 0487, D2.8 (breakpoints) and D2.9 (watchpoints).
 */
#include "guest/a64/sysreg.h"

#define MDSCR_MDE (1ull << 15)

#define CR_E(cr) bits(cr, 0, 1)
#define CR_PRIVILEGE(cr) bits(cr, 1, 2)           /* PMC, PAC: bit 0 EL1, bit 1 EL0 */
#define CR_HMC(cr) bits(cr, 13, 1)
#define CR_SSC(cr) bits(cr, 14, 2)
#define CR_LBN(cr) bits(cr, 16, 4)
#define BCR_BT(cr) bits(cr, 20, 4)
#define WCR_LSC(cr) bits(cr, 3, 2)                /* bit 0 loads, bit 1 stores */
#define WCR_BAS(cr) bits(cr, 5, 8)
#define WCR_WT(cr) bits(cr, 20, 1)
#define WCR_MASK(cr) bits(cr, 24, 5)

enum { BT_ADDRESS = 0, BT_ADDRESS_LINKED = 1, BT_CONTEXT = 2, BT_CONTEXT_LINKED = 3 };

static unsigned breakpoints(const struct a64_cpu *c) { return (unsigned)bits(c->id->aa64dfr0, 12, 4) + 1; }
static unsigned watchpoints(const struct a64_cpu *c) { return (unsigned)bits(c->id->aa64dfr0, 20, 4) + 1; }
/* The context-aware breakpoints are the last ones. */
static bool context_aware(const struct a64_cpu *c, unsigned n)
{
    return n < breakpoints(c) && n + bits(c->id->aa64dfr0, 28, 4) + 1 >= breakpoints(c);
}

/* The exception level and security state (Non-secure) that CR asks for. */
static bool state_matches(uint64_t cr, unsigned el)
{
    if (!(CR_PRIVILEGE(cr) >> (el ? 0 : 1) & 1))
        return false;
    return CR_SSC(cr) < 2 || (CR_SSC(cr) == 3 && CR_HMC(cr));
}

static bool context_matches(const struct a64_cpu *c, unsigned n)
{
    return (uint32_t)c->dbgbvr[n] == (uint32_t)c->contextidr_el1;
}

/* What CR is linked to lets it match. */
static bool link_matches(const struct a64_cpu *c, uint64_t cr)
{
    unsigned n = (unsigned)CR_LBN(cr);
    return context_aware(c, n) && CR_E(c->dbgbcr[n]) && BCR_BT(c->dbgbcr[n]) == BT_CONTEXT_LINKED && context_matches(c, n);
}

static bool armed(const struct a64_cpu *c) { return (c->mdscr_el1 & MDSCR_MDE) && a64_debug_enabled(c); }

/* Enabled breakpoint n is for the page of PC, at whatever exception level and in whatever context. */
static bool break_in_page(const struct a64_cpu *c, unsigned n, uint64_t pc)
{
    unsigned type = BCR_BT(c->dbgbcr[n]);
    if (type == BT_ADDRESS || type == BT_ADDRESS_LINKED)
        return !((pc ^ (uint64_t)sextract(c->dbgbvr[n], 0, 49)) & PAGE_MASK);
    return type == BT_CONTEXT && context_aware(c, n);   /* linked context: matches only through another one; the rest is reserved */
}

/*
 * Whether the page of the pc has an enabled breakpoint. What else decides (MDSCR_EL1, the OS Lock, PSTATE.D, the context) is looked at
 * where it counts, by break_check(): it changes without anybody forgetting the page's translated code.
 */
bool a64_break_in_page(const struct a64_cpu *c)
{
    for (unsigned left = c->break_on; left; left &= left - 1)
        if (break_in_page(c, (unsigned)__builtin_ctz(left), c->v.pc_page))
            return true;
    return false;
}

/* A breakpoint matches at the instruction at PC. */
static bool break_matches(const struct a64_cpu *c, uint64_t pc)
{
    if (!armed(c))
        return false;
    for (unsigned left = c->break_on; left; left &= left - 1) {
        unsigned n = (unsigned)__builtin_ctz(left);
        uint64_t cr = c->dbgbcr[n];
        if (!state_matches(cr, c->el))
            continue;
        switch (BCR_BT(cr)) {
        case BT_ADDRESS:
        case BT_ADDRESS_LINKED:
            if (!((pc ^ (uint64_t)sextract(c->dbgbvr[n], 0, 49)) & ~3ull) && (BCR_BT(cr) == BT_ADDRESS || link_matches(c, cr)))
                return true;
            break;
        case BT_CONTEXT:
            if (context_aware(c, n) && context_matches(c, n))
                return true;
            break;
        default:
            break;
        }
    }
    return false;
}

static uint64_t break_check(struct vcpu *v, uint64_t a, uint64_t b, uint64_t d)
{
    struct a64_cpu *c = a64(v);
    if (break_matches(c, vcpu_pc(v))) {
        a64_raise(c, EC_BREAK_LOW + c->el, 0x22, vcpu_pc(v));
        vcpu_unwind(v);
    }
    return 0;
}
const struct ir_helper a64_hp_break = { "break_check", break_check, HELPER_TRAPS };

/* The bytes that watchpoint n selects, as ranges: of BAS each run of ones is one. Returns how many; at most 4. */
static unsigned watched(const struct a64_cpu *c, unsigned n, struct watch_range r[4])
{
    uint64_t va = (uint64_t)sextract(c->dbgwvr[n], 0, 49) & ~3ull, cr = c->dbgwcr[n];
    unsigned mask = (unsigned)WCR_MASK(cr), k = 0;
    if (mask >= 3) {
        va &= ~((1ull << mask) - 1);
        r[0] = (struct watch_range){ va, va + (1ull << mask) - 1 };
        return 1;
    }
    unsigned bas = (unsigned)WCR_BAS(cr) & (va & 4 ? 0x0f : 0xff);
    while (bas) {
        unsigned first = (unsigned)__builtin_ctz(bas), len = (unsigned)__builtin_ctz(~(bas >> first));
        r[k++] = (struct watch_range){ va + first, va + first + len - 1 };
        bas &= ~(((1u << len) - 1) << first);
    }
    return k;
}

bool a64_watch(const struct vcpu *v, uint64_t va, unsigned len, bool write, enum view view, uint64_t *hit)
{
    const struct a64_cpu *c = a64c(v);
    if (!armed(c))
        return false;
    for (unsigned left = c->watch_on; left; left &= left - 1) {
        unsigned n = (unsigned)__builtin_ctz(left);
        uint64_t cr = c->dbgwcr[n], last = va + (len - 1);
        if (!(WCR_LSC(cr) >> write & 1) || !state_matches(cr, view == VIEW_USER ? 0 : 1) || (WCR_WT(cr) && !link_matches(c, cr)))
            continue;
        struct watch_range r[4];
        for (unsigned k = 0, count = watched(c, n, r); k < count; k++) {
            if (va > r[k].last || last < r[k].va)
                continue;
            *hit = MAX(va, r[k].va);
            return true;
        }
    }
    return false;
}

void a64_debug_changed(struct a64_cpu *c)
{
    struct watch_range r[WATCH_RANGES];
    unsigned n = 0;
    c->break_on = c->watch_on = 0;
    for (unsigned i = 0; i < breakpoints(c); i++)
        c->break_on |= (uint16_t)(CR_E(c->dbgbcr[i]) << i);
    for (unsigned i = 0; i < watchpoints(c); i++) {
        if (!CR_E(c->dbgwcr[i]))
            continue;
        c->watch_on |= (uint16_t)(1u << i);
        n += watched(c, i, r + n);
    }
    c->host->debug_changed(&c->v, r, n);
}

/* op2 of the encoding names the register of its group of four, CRm which one. */
static uint64_t wr_dbgreg(struct vcpu *v, uint64_t x, uint64_t enc, uint64_t d)
{
    struct a64_cpu *c = a64(v);
    unsigned n = enc >> 3 & 15;
    uint64_t *const reg[4] = { &c->dbgbvr[n], &c->dbgbcr[n], &c->dbgwvr[n], &c->dbgwcr[n] }, *r = reg[enc & 3];
    uint64_t value = enc & 1 ? x & 0xffffffff : x;
    if (*r != value) {
        *r = value;
        a64_debug_changed(c);
    }
    return 0;
}
const struct ir_helper a64_sr_wr_dbgreg[2] = { { "wr_dbgreg", wr_dbgreg, HELPER_PLAIN }, { "wr_dbgreg", wr_dbgreg, HELPER_PLAIN } };
