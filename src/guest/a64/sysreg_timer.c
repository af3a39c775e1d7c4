/*
 * sysreg_timer.c - the generic timer's registers and the GICv3 CPU interface's: what they are on the CPU's side.
 *
 * Owns CNT*_EL0's fields and EL0's access to them, but for counts that translated code reads itself (WAY_COUNT). The count, the
 * firing and the interrupts live in chips (struct a64_timer_ops, struct a64_gic_ops). Rules: Arm ARM DDI 0487, D12 (generic
 * timer), CNTKCTL_EL1.
 */
#include "guest/a64/sysreg.h"

#define CNTKCTL_EL0PCTEN (1u << 0)
#define CNTKCTL_EL0VCTEN (1u << 1)
#define CNTKCTL_EL0VTEN (1u << 8)
#define CNTKCTL_EL0PTEN (1u << 9)
#define CTL_ENABLE 1u
#define CTL_IMASK 2u
#define CTL_ISTATUS 4u

/* The encoding says which timer: CRm = 2 physical, 3 virtual. */
static unsigned which_timer(uint64_t enc) { return enc >> 3 & 1; }

static uint64_t count(const struct a64_cpu *c, unsigned virt)
{
    /* Without a timer chip (unit tests) time stands still. */
    return (c->timer ? c->timer->count(c->timer_opaque) : 0) - (virt ? c->cntvoff : 0);
}

/* EL0 without any of the CNTKCTL bits: a trap to EL1; does not return then. */
static void check_el0(struct a64_cpu *c, uint32_t enables, uint64_t iss)
{
    if (unlikely(c->el == 0 && !(c->cntkctl_el1 & enables))) {
        a64_raise(c, EC_SYSREG, (uint32_t)iss, vcpu_pc(&c->v));
        vcpu_unwind(&c->v);
    }
}

static uint64_t *cval(struct a64_cpu *c, unsigned which) { return which ? &c->cntv_cval : &c->cntp_cval; }
static uint32_t *ctl(struct a64_cpu *c, unsigned which) { return which ? &c->cntv_ctl : &c->cntp_ctl; }

static void check_timer(struct a64_cpu *c, unsigned which, uint64_t iss)
{
    check_el0(c, which ? CNTKCTL_EL0VTEN : CNTKCTL_EL0PTEN, iss);
}

static void changed(struct a64_cpu *c, unsigned which)
{
    if (c->timer)
        c->timer->changed(c->timer_opaque, c->v.index, which, *cval(c, which), *ctl(c, which));
}

#define HELPER(nm) const struct ir_helper a64_sr_##nm[2] = { { #nm, nm, HELPER_TRAPS }, { #nm, nm, HELPER_PLAIN } };

static uint64_t wr_cntkctl(struct vcpu *v, uint64_t x, uint64_t enc, uint64_t iss)
{
    a64(v)->cntkctl_el1 = x & 0x3ff;
    return 0;
}
HELPER(wr_cntkctl)

static uint64_t rd_cntfrq(struct vcpu *v, uint64_t a, uint64_t enc, uint64_t iss)
{
    check_el0(a64(v), CNTKCTL_EL0PCTEN | CNTKCTL_EL0VCTEN, iss);
    return a64(v)->cntfrq;
}
HELPER(rd_cntfrq)

static uint64_t rd_cntpct(struct vcpu *v, uint64_t a, uint64_t enc, uint64_t iss)
{
    check_el0(a64(v), CNTKCTL_EL0PCTEN, iss);
    return count(a64(v), 0);
}
HELPER(rd_cntpct)

static uint64_t rd_cntvct(struct vcpu *v, uint64_t a, uint64_t enc, uint64_t iss)
{
    check_el0(a64(v), CNTKCTL_EL0VCTEN, iss);
    return count(a64(v), 1);
}
HELPER(rd_cntvct)

static uint64_t rd_cval(struct vcpu *v, uint64_t a, uint64_t enc, uint64_t iss)
{
    check_timer(a64(v), which_timer(enc), iss);
    return *cval(a64(v), which_timer(enc));
}
HELPER(rd_cval)

static uint64_t wr_cval(struct vcpu *v, uint64_t a, uint64_t enc, uint64_t iss)
{
    struct a64_cpu *c = a64(v);
    unsigned which = which_timer(enc);
    check_timer(c, which, iss);
    *cval(c, which) = a;
    changed(c, which);
    return 0;
}
HELPER(wr_cval)

/* TVAL is a signed 32-bit view of CVAL - count. */
static uint64_t rd_tval(struct vcpu *v, uint64_t a, uint64_t enc, uint64_t iss)
{
    struct a64_cpu *c = a64(v);
    unsigned which = which_timer(enc);
    check_timer(c, which, iss);
    return (uint32_t)(*cval(c, which) - count(c, which));
}
HELPER(rd_tval)

static uint64_t wr_tval(struct vcpu *v, uint64_t a, uint64_t enc, uint64_t iss)
{
    struct a64_cpu *c = a64(v);
    unsigned which = which_timer(enc);
    check_timer(c, which, iss);
    *cval(c, which) = count(c, which) + (uint64_t)sextract(a, 0, 32);
    changed(c, which);
    return 0;
}
HELPER(wr_tval)

static uint64_t rd_ctl(struct vcpu *v, uint64_t a, uint64_t enc, uint64_t iss)
{
    struct a64_cpu *c = a64(v);
    unsigned which = which_timer(enc);
    check_timer(c, which, iss);
    bool met = (*ctl(c, which) & CTL_ENABLE) && count(c, which) >= *cval(c, which);
    return *ctl(c, which) | (met ? CTL_ISTATUS : 0);
}
HELPER(rd_ctl)

static uint64_t wr_ctl(struct vcpu *v, uint64_t a, uint64_t enc, uint64_t iss)
{
    struct a64_cpu *c = a64(v);
    unsigned which = which_timer(enc);
    check_timer(c, which, iss);
    *ctl(c, which) = a & (CTL_ENABLE | CTL_IMASK);
    changed(c, which);
    return 0;
}
HELPER(wr_ctl)

/* ---- GICv3 CPU interface: EL1 only, and only where connected (a64_sysreg_find) ---- */

static uint64_t rd_gic(struct vcpu *v, uint64_t a, uint64_t enc, uint64_t iss)
{
    struct a64_cpu *c = a64(v);
    return c->gic->read(c->gic_opaque, v->index, (uint32_t)enc);
}
HELPER(rd_gic)

static uint64_t wr_gic(struct vcpu *v, uint64_t a, uint64_t enc, uint64_t iss)
{
    struct a64_cpu *c = a64(v);
    c->gic->write(c->gic_opaque, v->index, (uint32_t)enc, a);
    return 0;
}
HELPER(wr_gic)
