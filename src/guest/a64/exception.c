/*
 * exception.c - exceptions taken to EL1, exception return, interrupts, software step.
 *
 * Owns PSTATE outside NZCV and the banking of SP. Must not emit IR nor walk tables. EL2 and EL3 do not exist, nor
 * does AArch32: every exception is taken to EL1 in AArch64. Rules: Arm ARM DDI 0487, D1.3 (exceptions) and D2.11
 * (software step). Not there yet: SError.
 */
#include "base/log.h"
#include "guest/a64/pstate.h"
#include "guest/a64/translate.h"

#define DAIF_D 0x200u
#define DAIF_I 0x080u
#define DAIF_F 0x040u

#define MDSCR_KDE (1ull << 13)

uint32_t a64_pstate(const struct a64_cpu *c)
{
    return nzcv_to_arm(c->v.nzcv) | (c->dit ? SPSR_DIT : 0) | (c->uao ? SPSR_UAO : 0) | (c->pan ? SPSR_PAN : 0) |
           (c->ss ? SPSR_SS : 0) | (c->il ? SPSR_IL : 0) | (c->ssbs ? SPSR_SSBS : 0) | c->daif |
           (c->el ? 4u | c->spsel : 0u);
}

void a64_mode_changed(struct a64_cpu *c)
{
    uint8_t want = c->el && c->spsel;
    if (want != c->sp_in_use) {
        c->sp_other[c->sp_in_use] = c->v.r[31];
        c->v.r[31] = c->sp_other[want];
        c->sp_in_use = want;
    }
    if (c->host && c->host->mode_changed)
        c->host->mode_changed(&c->v);
}

void a64_take_exception(struct a64_cpu *c, enum a64_vector vec, uint64_t return_pc)
{
    unsigned offset = vec + (c->el == 0 ? VEC_FROM_EL0 : c->spsel ? 0x200 : 0);
    c->spsr_el1 = a64_pstate(c);
    c->elr_el1 = return_pc;
    c->el = 1;
    c->spsel = 1;
    c->daif = SPSR_DAIF;
    c->il = 0;
    c->ss = 0;
    c->stepping = 0;
    c->uao = 0;
    if (a64_has_pan(c) && !(c->sctlr_el1 & SCTLR_SPAN))
        c->pan = 1;
    if (a64_has_ssbs(c))
        c->ssbs = (c->sctlr_el1 & SCTLR_DSSBS) != 0;
    vcpu_set_pc(&c->v, (c->vbar_el1 & ~0x7ffull) + offset);
    a64_mode_changed(c);
    if (log_on(LOG_int))
        log_printf("cpu %u: exception vector +%#x from %#llx, spsr %#llx, to %#llx\n", c->v.index, offset,
                   (unsigned long long)return_pc, (unsigned long long)c->spsr_el1, (unsigned long long)vcpu_pc(&c->v));
}

void a64_raise(struct a64_cpu *c, uint32_t ec, uint32_t iss, uint64_t return_pc)
{
    /* SVC, HVC and SMC advance the step state first; else the stepped instruction was not executed. */
    if (c->stepping && ec != EC_SVC && ec != EC_HVC && ec != EC_SMC)
        c->ss = 1;
    c->esr_el1 = (uint64_t)ec << 26 | ESR_IL | (iss & 0x1ffffff);
    if (log_on(LOG_int))
        log_printf("cpu %u: esr %#llx (ec %#x iss %#x) from EL%u\n", c->v.index, (unsigned long long)c->esr_el1, ec,
                   iss, c->el);
    a64_take_exception(c, VEC_SYNC, return_pc);
}

/* Codes that this module's callers use besides the architecture's fault status codes. */
static unsigned fault_fsc(unsigned fault)
{
    return fault == FAULT_ALIGN ? 0x21 : fault == FAULT_EXTERNAL ? 0x10 : fault;
}

/* Aborts come in two classes, by the EL that they were taken from. */
static void raise_abort(struct a64_cpu *c, uint32_t ec_low, uint32_t iss, uint64_t va)
{
    c->far_el1 = va;
    if (log_on(LOG_int))
        log_printf("cpu %u: far %#llx\n", c->v.index, (unsigned long long)va);
    a64_raise(c, ec_low + c->el, iss, vcpu_pc(&c->v));
}

void a64_raise_data(struct a64_cpu *c, uint64_t va, unsigned fault, bool write, bool cm)
{
    raise_abort(c, EC_DABORT_LOW, fault_fsc(fault) | (write ? 1u << 6 : 0) | (cm ? 1u << 8 : 0), va);
}

void a64_raise_mem(struct vcpu *v, const struct mem_fault *f)
{
    struct a64_cpu *c = a64(v);
    if (f->fault == FAULT_WATCH) {
        raise_abort(c, EC_WATCH_LOW, 0x22 | (f->access == ACC_WRITE ? 1u << 6 : 0), f->va);
    } else if (f->access != ACC_EXEC) {
        a64_raise_data(c, f->va, f->fault, f->access == ACC_WRITE, false);
    } else if (f->fault == FAULT_ALIGN) {
        c->far_el1 = f->va;
        a64_raise(c, EC_PCALIGN, 0, vcpu_pc(v));
    } else {
        raise_abort(c, EC_IABORT_LOW, fault_fsc(f->fault), f->va);
    }
}

/* Debug exceptions are enabled from EL `el` with PSTATE.D = mask (GenerateDebugExceptionsFrom). */
static bool debug_enabled(const struct a64_cpu *c, unsigned el, bool mask)
{
    if ((c->oslar_el1 & 1) || (c->osdlr_el1 & 1))
        return false;
    return el == 0 || ((c->mdscr_el1 & MDSCR_KDE) && !mask);
}

bool a64_debug_enabled(const struct a64_cpu *c) { return debug_enabled(c, c->el, c->daif & DAIF_D); }

bool a64_step_enabled(const struct a64_cpu *c)
{
    return (c->mdscr_el1 & MDSCR_SS) && a64_debug_enabled(c);
}

bool a64_step_begin(struct a64_cpu *c, bool load_exclusive)
{
    if (c->ss) {
        c->ss = 0;
        c->stepping = 1;
        c->step_ex = load_exclusive;
        return true;
    }
    uint32_t iss = 0x22;
    if (c->stepping)
        iss |= 1u << 24 | (c->step_ex ? 1u << 6 : 0);
    c->stepping = 0;
    a64_raise(c, EC_STEP_LOW + c->el, iss, vcpu_pc(&c->v));
    return false;
}

void a64_eret(struct a64_cpu *c)
{
    uint32_t spsr = (uint32_t)c->spsr_el1;
    uint64_t pc = c->elr_el1;
    unsigned m = spsr & 0x1f;
    bool illegal = m != 0 && m != 4 && m != 5;
    unsigned el = illegal ? c->el : m >> 2;

    bool ss = (c->mdscr_el1 & MDSCR_SS) && !debug_enabled(c, c->el, c->daif & DAIF_D) &&
              debug_enabled(c, el, spsr & DAIF_D) && (spsr & SPSR_SS);
    c->stepping = 0;
    c->ss = ss;
    if (illegal) {
        c->il = 1;
        log_to(guest_errors, "cpu %u: illegal exception return to %#llx, spsr %#x\n", c->v.index,
               (unsigned long long)pc, spsr);
    } else {
        c->il = (spsr & SPSR_IL) != 0;
        c->el = (uint8_t)el;
        c->spsel = m & 1;
        pc = a64_branch_addr(c, el, pc);
    }
    c->v.nzcv = nzcv_from_arm(spsr);
    c->daif = spsr & SPSR_DAIF;
    if (a64_has_pan(c))
        c->pan = (spsr & SPSR_PAN) != 0;
    if (a64_has_uao(c))
        c->uao = (spsr & SPSR_UAO) != 0;
    if (a64_has_dit(c))
        c->dit = (spsr & SPSR_DIT) != 0;
    if (a64_has_ssbs(c))
        c->ssbs = (spsr & SPSR_SSBS) != 0;
    c->v.excl_addr = EXCL_NONE;
    vcpu_set_pc(&c->v, pc);
    a64_mode_changed(c);
    a64_unmasked(c);
    if (log_on(LOG_int))
        log_printf("cpu %u: eret to EL%u %#llx, spsr %#x\n", c->v.index, c->el, (unsigned long long)pc, spsr);
}

bool a64_irq_pending(const struct a64_cpu *c)
{
    return (!(c->daif & DAIF_I) && a64_line(c, A64_LINE_IRQ)) || (!(c->daif & DAIF_F) && a64_line(c, A64_LINE_FIQ));
}

void a64_unmasked(struct a64_cpu *c)
{
    if (unlikely(a64_irq_pending(c)))
        __atomic_store_n(&c->v.exit_req, 1, __ATOMIC_RELEASE);
}

void a64_poll_irq(struct vcpu *v)
{
    struct a64_cpu *c = a64(v);
    enum a64_vector vec;
    if (!(c->daif & DAIF_F) && a64_line(c, A64_LINE_FIQ))
        vec = VEC_FIQ;
    else if (!(c->daif & DAIF_I) && a64_line(c, A64_LINE_IRQ))
        vec = VEC_IRQ;
    else
        return;
    a64_take_exception(c, vec, vcpu_pc(v));
}
