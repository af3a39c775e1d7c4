/*
 * translate_sys.c - translation of a64_sys.decode: hints, barriers, MSR/MRS, SYS. Exceptions are translate_exception.c's.
 *
 * Owns what is inline and what calls a helper. Must not touch state itself: helpers do, at run time. What EL0 may do
 * depends on mode flags, which are part of the translation's key.
 */
#include "a64_sys_decode.h"
#include "base/log.h"
#include "guest/a64/simd.h"
#include "guest/a64/sysreg.h"

#define STATE(f) offsetof(struct a64_cpu, f)

#define HINT_YIELD 1
#define HINT_WFE 2
#define HINT_WFI 3
#define HINT_SEV 4
#define HINT_SEVL 5
#define BARRIER_LOAD 1                            /* CRm[1:0] of DMB and DSB */
#define BARRIER_STORE 2

static bool el1(const struct a64_tr *tr) { return tr->flags & A64F_EL1; }

static ir_val call(struct a64_tr *tr, const struct ir_helper *h, ir_val a, uint64_t b, uint64_t d)
{
    return ir_call(tr->b, IR_I64, h, a, ir_const(tr->b, IR_I64, b), ir_const(tr->b, IR_I64, d));
}

static ir_val imm64(struct a64_tr *tr, uint64_t v) { return ir_const(tr->b, IR_I64, v); }

/* ---- hints and barriers ---- */

/* EL0 with SCTLR_EL1.nTWI or nTWE clear: trapped (EC 0x01; CV, COND = always, TI: 0 WFI, 1 WFE). */
static uint64_t wfx_check(struct vcpu *v, uint64_t wfe, uint64_t b, uint64_t d)
{
    struct a64_cpu *c = a64(v);
    if (!bits(c->sctlr_el1, wfe ? 18 : 16, 1)) {
        a64_raise(c, EC_WFX, 1u << 24 | 0xeu << 20 | (uint32_t)wfe, vcpu_pc(v));
        vcpu_unwind(v);
    }
    return 0;
}
static const struct ir_helper hp_wfx_check = { "wfx_check", wfx_check, HELPER_TRAPS };

static uint64_t wfi(struct vcpu *v, uint64_t a, uint64_t b, uint64_t d)
{
    a64(v)->host->wait(v);
    return 0;
}
static const struct ir_helper hp_wfi = { "wfi", wfi, HELPER_PLAIN | IRE_RGPR | IRE_RFLAGS };

static uint64_t wfe(struct vcpu *v, uint64_t a, uint64_t b, uint64_t d)
{
    a64(v)->host->wait_event(v);
    return 0;
}
static const struct ir_helper hp_wfe = { "wfe", wfe, HELPER_PLAIN | IRE_RGPR | IRE_RFLAGS };

static uint64_t sev(struct vcpu *v, uint64_t all, uint64_t b, uint64_t d)
{
    if (a64(v)->host)                             /* none in tests of single instructions */
        a64(v)->host->send_event(v, all);
    return 0;
}
static const struct ir_helper hp_sev = { "sev", sev, HELPER_PLAIN };

static uint64_t yield(struct vcpu *v, uint64_t a, uint64_t b, uint64_t d)
{
    if (a64(v)->host)
        a64(v)->host->yield(v);
    return 0;
}
static const struct ir_helper hp_yield = { "yield", yield, HELPER_PLAIN };

bool trans_HINT(struct a64_tr *tr, const struct arg_HINT *a)
{
    unsigned hint = a->crm << 3 | a->op2;
    if (hint == HINT_SEV || hint == HINT_SEVL)
        call(tr, &hp_sev, imm64(tr, hint == HINT_SEV), 0, 0);
    if (hint == HINT_YIELD)
        call(tr, &hp_yield, imm64(tr, 0), 0, 0);
    if (hint != HINT_WFI && hint != HINT_WFE)
        return true;                              /* the rest is NOP, or behaves as one here */
    if (!el1(tr) && !(tr->flags & A64F_NTW))
        call(tr, &hp_wfx_check, imm64(tr, hint == HINT_WFE), 0, 0);
    call(tr, hint == HINT_WFI ? &hp_wfi : &hp_wfe, imm64(tr, 0), 0, 0);
    a64_tr_dispatch_next(tr);
    return true;
}

/* x86-64 keeps all but store-load order by itself, so only barriers that order both need an instruction. */
bool trans_DMB(struct a64_tr *tr, const struct arg_DMB *a)
{
    unsigned types = a->crm & 3;
    if (types != BARRIER_LOAD && types != BARRIER_STORE)
        ir_op0(tr->b, IR_FENCE, IR_NOTYPE);
    return true;
}

/* TLB maintenance is complete at the next DSB. One of any kind will do here: what is more than the architecture asks costs nothing. */
bool trans_DSB(struct a64_tr *tr, const struct arg_DSB *a)
{
    if ((a->crm & 3) != BARRIER_LOAD)
        ir_op0(tr->b, IR_FENCE, IR_NOTYPE);
    ir_trapnz(tr->b, ir_ldstate(tr->b, IR_I32, 2, STATE(v.tlbi_pending)), 1, &a64_hp_tlbi_done);
    return true;
}

/*
 * The next instruction is fetched anew, through the translation now in force: not by a chained jump, which would stay
 * in this physical page, but by the jump cache, whose key has the address space in it. Whatever changes mode flags has
 * gone through the run loop by itself.
 */
bool trans_ISB(struct a64_tr *tr, const struct arg_ISB *a)
{
    a64_tr_ind(tr, ir_pc(tr->b, (int64_t)tr->pc_off + 4), BR_PLAIN);
    return true;
}

bool trans_SB(struct a64_tr *tr, const struct arg_SB *a) { return a64_has_sb(tr->cpu); }

/* ---- PSTATE ---- */

#define ISS_READ 1u
static uint32_t sys_iss(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2, unsigned rt, bool read)
{
    return op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 | crm << 1 | (read ? ISS_READ : 0);
}

/* PSTATE.DAIF was changed so that an interrupt, or software step, may be due before the next instruction. */
static uint64_t look(struct vcpu *v, uint64_t a, uint64_t b, uint64_t d)
{
    __atomic_store_n(&v->exit_req, 1, __ATOMIC_RELEASE);
    vcpu_set_pc(v, vcpu_pc(v) + 4);
    vcpu_unwind(v);
}
static const struct ir_helper hp_look = { "look", look, HELPER_TRAPS };

#define DAIF_MASK 0x3c0u
#define DAIF_D 8u                                 /* in the immediate of MSR DAIFSet and DAIFClr */
#define DAIF_I 2u
#define DAIF_F 1u
#define MDSCR_SS 1u

/* Behind the store of a new DAIF: leave the block if a line in `lines` is high. step: D may have changed. */
static void daif_changed(struct a64_tr *tr, uint32_t lines, bool step)
{
    struct ir_block *b = tr->b;
    if (lines)
        ir_trapnz(b, ir_ldstate(b, IR_I32, 2, STATE(v.lines)), lines, &hp_look);
    if (step)
        ir_trapnz(b, ir_ldstate(b, IR_I32, 2, STATE(mdscr_el1)), MDSCR_SS, &hp_look);
}

static void msr_daif_imm(struct a64_tr *tr, bool set, unsigned imm)
{
    struct ir_block *b = tr->b;
    uint32_t mask = imm << 6, lines = 0;
    ir_val old = ir_ldstate(b, IR_I32, 2, STATE(daif));
    if (set) {
        ir_ststate(b, 2, STATE(daif), ir_op2(b, IR_OR, IR_I32, old, ir_const(b, IR_I32, mask)));
    } else {
        ir_ststate(b, 2, STATE(daif), ir_op2(b, IR_AND, IR_I32, old, ir_const(b, IR_I32, ~mask)));
        lines = (imm & DAIF_I ? 1u << A64_LINE_IRQ : 0) | (imm & DAIF_F ? 1u << A64_LINE_FIQ : 0);
    }
    daif_changed(tr, lines, imm & DAIF_D);
}

/* A high line that v leaves masked costs a needless turn through the run loop: rare, and cheaper than finding out. */
static void msr_daif(struct a64_tr *tr, ir_val v)
{
    struct ir_block *b = tr->b;
    ir_ststate(b, 2, STATE(daif), ir_op2(b, IR_AND, IR_I64, v, imm64(tr, DAIF_MASK)));
    daif_changed(tr, 1u << A64_LINE_IRQ | 1u << A64_LINE_FIQ, true);
}

/* Which stack pointer r31 holds is a mode flag. */
static void msr_spsel_imm(struct a64_tr *tr, unsigned sp)
{
    struct ir_block *b = tr->b;
    unsigned now = tr->flags & A64F_SPSEL ? 1 : 0;
    if (sp == now)
        return;
    ir_ststate(b, 3, STATE(sp_other) + now * sizeof(uint64_t), ir_getr(b, IR_I64, 31));
    ir_putr(b, 31, ir_ldstate(b, IR_I64, 3, STATE(sp_other) + sp * sizeof(uint64_t)));
    ir_ststate(b, 0, STATE(spsel), ir_const(b, IR_I32, sp));
    ir_ststate(b, 0, STATE(sp_in_use), ir_const(b, IR_I32, sp));
    a64_tr_dispatch_next(tr);
}

static void msr_pan_imm(struct a64_tr *tr, unsigned pan)
{
    if (pan == !!(tr->flags & A64F_PAN))
        return;
    ir_ststate(tr->b, 0, STATE(pan), ir_const(tr->b, IR_I32, pan));
    a64_tr_dispatch_next(tr);
}

/* NZCV to and from the alternative format of FP comparisons (FEAT_FlagM2). */
static uint64_t axflag(struct vcpu *v, uint64_t f, uint64_t b, uint64_t d)
{
    bool z = f >> 30 & 1, c = f >> 29 & 1, o = f >> 28 & 1;
    return (uint64_t)(z || o) << 30 | (uint64_t)(c && !o) << 29;
}
static uint64_t xaflag(struct vcpu *v, uint64_t f, uint64_t b, uint64_t d)
{
    bool z = f >> 30 & 1, c = f >> 29 & 1;
    return (uint64_t)(!c && !z) << 31 | (uint64_t)(z && c) << 30 | (uint64_t)(c || z) << 29 | (uint64_t)(!c && z) << 28;
}
static const struct ir_helper hp_axflag = { "axflag", axflag, 0 }, hp_xaflag = { "xaflag", xaflag, 0 };

static bool flag_op(struct a64_tr *tr, unsigned op2)
{
    struct ir_block *b = tr->b;
    if (!(op2 == 0 ? a64_has_flagm(tr->cpu) : a64_has_flagm2(tr->cpu)))
        return false;
    ir_val f = ir_op0(b, IR_GETNZCV, IR_I64);
    if (op2 == 0)                                 /* CFINV */
        f = ir_op2(b, IR_XOR, IR_I64, f, imm64(tr, 1ull << 29));
    else
        f = call(tr, op2 == 1 ? &hp_xaflag : &hp_axflag, f, 0, 0);
    ir_op1(b, IR_SETNZCV, IR_I64, f);
    return true;
}

bool trans_MSR_imm(struct a64_tr *tr, const struct arg_MSR_imm *a)
{
    struct ir_block *b = tr->b;
    switch (a->op1 << 3 | a->op2) {
    case 000: case 001: case 002:
        return flag_op(tr, a->op2);
    case 003:
        if (!el1(tr) || !a64_has_uao(tr->cpu))
            return false;
        ir_ststate(b, 0, STATE(uao), ir_const(b, IR_I32, a->crm & 1));
        a64_tr_dispatch_next(tr);
        return true;
    case 004:
        if (!el1(tr) || !a64_has_pan(tr->cpu))
            return false;
        msr_pan_imm(tr, a->crm & 1);
        return true;
    case 005:
        if (!el1(tr))
            return false;
        msr_spsel_imm(tr, a->crm & 1);
        return true;
    case 031:
        if (!a64_has_ssbs(tr->cpu))
            return false;
        ir_ststate(b, 0, STATE(ssbs), ir_const(b, IR_I32, a->crm & 1));
        return true;
    case 032:
        if (!a64_has_dit(tr->cpu))
            return false;
        ir_ststate(b, 0, STATE(dit), ir_const(b, IR_I32, a->crm & 1));
        return true;
    case 036: case 037:
        if (!el1(tr) && !(tr->flags & A64F_UMA))
            a64_tr_raise(tr, EC_SYSREG, sys_iss(0, a->op1, 4, a->crm, a->op2, 31, false), false);
        else
            msr_daif_imm(tr, a->op2 == 6, a->crm);
        return true;
    default:
        return false;
    }
}

/* ---- MRS and MSR ---- */

/* FPCR is written often and changed rarely: rounding is in MXCSR, the rest is mode flags. */
#define FPCR_MASK 0x07c80000u                    /* AHP, DN, FZ, RMode, FZ16 */
static uint64_t fpcr_changed(struct vcpu *v, uint64_t a, uint64_t b, uint64_t d)
{
    a64_write_fpcr(v, a64(v)->fpcr_next);
    vcpu_set_pc(v, vcpu_pc(v) + 4);
    vcpu_unwind(v);
}
static const struct ir_helper hp_fpcr_changed = { "fpcr_changed", fpcr_changed, HELPER_TRAPS };

static void msr_fpcr(struct a64_tr *tr, ir_val v)
{
    struct ir_block *b = tr->b;
    ir_ststate(b, 2, STATE(fpcr_next), v);
    ir_trapnz(b, ir_op2(b, IR_XOR, IR_I64, v, ir_ldstate(b, IR_I64, 2, STATE(fpcr))), FPCR_MASK, &hp_fpcr_changed);
}

/* The count, where this EL may read it without a look at CNTKCTL_EL1 at run time and there is one. */
static ir_val count(struct a64_tr *tr, const struct sysreg_way *w, uint32_t enc, uint32_t iss)
{
    struct ir_block *b = tr->b;
    bool virt = enc == A64_SYSREG(3, 3, 14, 0, 2);
    if (!tr->cpu->v.counter || !(el1(tr) || (virt && tr->flags & A64F_VCT)))
        return call(tr, &w->call[el1(tr)], imm64(tr, 0), enc, iss);
    ir_val n = ir_op0(b, IR_COUNT, IR_I64);
    return virt ? ir_op2(b, IR_SUB, IR_I64, n, ir_ldstate(b, IR_I64, 3, STATE(cntvoff))) : n;
}

static ir_val sysreg_read(struct a64_tr *tr, const struct a64_sysreg *r, uint32_t enc, uint32_t iss)
{
    struct ir_block *b = tr->b;
    const struct sysreg_way *w = &r->rd;
    switch ((enum way)w->way) {
    case WAY_FIELD: return ir_ldstate(b, IR_I64, w->size == 8 ? 3 : 2, w->off);
    case WAY_BIT:
        return ir_op2(b, IR_SHL, IR_I64, ir_ldstate(b, IR_I64, 0, w->off), imm64(tr, w->shift));
    case WAY_ID: return imm64(tr, *(const uint64_t *)((const char *)tr->cpu->id + w->off));
    case WAY_PFR0: return imm64(tr, tr->cpu->id->aa64pfr0 | (tr->cpu->gic ? 1ull << 24 : 0));
    case WAY_CONST: return imm64(tr, w->mask);
    case WAY_CURRENTEL: return imm64(tr, el1(tr) ? 1u << 2 : 0);
    case WAY_NZCV: return ir_op0(b, IR_GETNZCV, IR_I64);
    case WAY_CALL: return call(tr, &w->call[el1(tr)], imm64(tr, 0), enc, iss);
    case WAY_COUNT: return count(tr, w, enc, iss);
    case WAY_FPSR: return ir_op0(b, IR_GETFPS, IR_I64);
    default: return imm64(tr, 0);
    }
}

static void sysreg_write(struct a64_tr *tr, const struct a64_sysreg *r, uint32_t enc, uint32_t iss, ir_val v)
{
    struct ir_block *b = tr->b;
    const struct sysreg_way *w = &r->wr;
    switch ((enum way)w->way) {
    case WAY_FIELD:
        if (w->mask != ~0ull)
            v = ir_op2(b, IR_AND, IR_I64, v, imm64(tr, w->mask));
        ir_ststate(b, w->size == 8 ? 3 : 2, w->off, v);
        break;
    case WAY_STORE_BIT: case WAY_STORE_DISPATCH:
        ir_ststate(b, 0, w->off, ir_op1i(b, IR_UBFX, IR_I64, v, w->shift | 1 << 8));
        break;
    case WAY_NZCV:
        ir_op1(b, IR_SETNZCV, IR_I64, v);
        break;
    case WAY_DAIF:
        msr_daif(tr, v);
        break;
    case WAY_FPCR:
        msr_fpcr(tr, v);
        break;
    case WAY_FPSR:
        ir_op1(b, IR_SETFPS, IR_I64, ir_op2(b, IR_AND, IR_I64, v, imm64(tr, FPSR_BITS)));
        break;
    case WAY_ROOT:
        ir_root(b, w->shift, &w->call[1], v);
        break;
    case WAY_CALL: case WAY_CALL_DISPATCH:
        call(tr, &w->call[el1(tr)], v, enc, iss);
        break;
    default:
        break;
    }
    if (w->way == WAY_CALL_DISPATCH || w->way == WAY_STORE_DISPATCH)
        a64_tr_dispatch_next(tr);
}

static bool sysreg_access(struct a64_tr *tr, unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2,
                          unsigned rt, bool read)
{
    uint32_t enc = A64_SYSREG(op0, op1, crn, crm, op2), iss = sys_iss(op0, op1, crn, crm, op2, rt, read);
    const struct a64_sysreg *r = a64_sysreg_find(tr->cpu, enc);
    if (!r) {
        log_to(unimp, "%s of unknown system register S%u_%u_C%u_C%u_%u at EL%u\n", read ? "read" : "write", op0, op1,
               crn, crm, op2, el1(tr));
        return false;
    }
    unsigned need = read ? (el1(tr) ? ACC_R1 : ACC_R0) : (el1(tr) ? ACC_W1 : ACC_W0);
    if (!(r->access & need) || ((r->access & IF_SP0) && !(tr->flags & A64F_SPSEL)))
        return false;
    if (!el1(tr) && (((r->access & IF_UCT) && !(tr->flags & A64F_UCT)) ||
                     ((r->access & IF_UMA) && !(tr->flags & A64F_UMA)))) {
        a64_tr_raise(tr, EC_SYSREG, iss, false);
        return true;
    }
    if ((r->access & IF_FP) && !a64_fp_ok(tr))
        return true;
    if (read)
        a64_set_x(tr, rt, sysreg_read(tr, r, enc, iss));
    else
        sysreg_write(tr, r, enc, iss, a64_x(tr, IR_I64, rt));
    return true;
}

bool trans_MRS(struct a64_tr *tr, const struct arg_MRS *a)
{
    return sysreg_access(tr, 2 + a->o0, a->op1, a->crn, a->crm, a->op2, a->rt, true);
}

bool trans_MSR(struct a64_tr *tr, const struct arg_MSR *a)
{
    return sysreg_access(tr, 2 + a->o0, a->op1, a->crn, a->crm, a->op2, a->rt, false);
}

/* ---- SYS ---- */

#define SYS_OP(op1, crn, crm, op2) ((op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

/*
 * Zero the 64-byte block. The byte at the operand itself is stored first, so that a fault's FAR is the operand; the
 * rest then lies in the same page.
 */
static void dc_zva(struct a64_tr *tr, unsigned rt)
{
    struct ir_block *b = tr->b;
    ir_val va = a64_x(tr, IR_I64, rt), zero = ir_vconst(b, 0, 0);
    ir_st(b, a64_mem(tr, 0, true, false), va, 0, ir_const(b, IR_I32, 0));
    ir_val base = ir_op2(b, IR_AND, IR_I64, va, imm64(tr, ~63ull));
    for (int i = 0; i < 64; i += 16)
        ir_stv(b, a64_mem(tr, 4, true, false), base, i, zero);
}

static bool tlbi(struct a64_tr *tr, const struct arg_SYS *a)
{
    enum a64_tlbi op;
    bool range = false, broadcast;
    switch (a->crm) {
    case 7: broadcast = false; break;
    case 3: broadcast = true; break;
    case 1: broadcast = true; break;
    case 6: broadcast = false; range = true; break;
    case 2: broadcast = true; range = true; break;
    case 5: broadcast = true; range = true; break;
    default: return false;
    }
    if ((a->crm == 1 && !a64_has_tlbi_os(tr->cpu)) || (range && !a64_has_tlbi_range(tr->cpu)))
        return false;
    switch (a->op2) {
    case 0: op = TLBI_ALL; break;
    case 1: case 5: op = range ? TLBI_RVA : TLBI_VA; break;
    case 2: op = TLBI_ASID; break;
    case 3: case 7: op = range ? TLBI_RVAA : TLBI_VAA; break;
    default: return false;
    }
    if (range && (op == TLBI_ALL || op == TLBI_ASID))
        return false;
    call(tr, &a64_hp_tlbi, a64_x(tr, IR_I64, a->rt), op | (broadcast ? TLBI_BROADCAST : 0), 0);
    return true;
}

static bool at(struct a64_tr *tr, unsigned rt, enum a64_at op)
{
    call(tr, &a64_hp_at, a64_x(tr, IR_I64, rt), op, 0);
    return true;
}

/* What EL0 may do, as SCTLR_EL1 allows. */
static bool sys_el0(struct a64_tr *tr, const struct arg_SYS *a)
{
    uint32_t need;
    switch (SYS_OP(a->op1, a->crn, a->crm, a->op2)) {
    case SYS_OP(3, 7, 4, 1): need = A64F_DZE; break;               /* DC ZVA */
    case SYS_OP(3, 7, 12, 1):                                      /* DC CVAP */
        if (!a64_has_dpb(tr->cpu))
            return false;
        /* fall through */
    case SYS_OP(3, 7, 5, 1):                                       /* IC IVAU */
    case SYS_OP(3, 7, 10, 1):                                      /* DC CVAC */
    case SYS_OP(3, 7, 11, 1):                                      /* DC CVAU */
    case SYS_OP(3, 7, 14, 1): need = A64F_UCI; break;              /* DC CIVAC */
    default: return false;
    }
    if (tr->flags & need)
        return true;
    a64_tr_raise(tr, EC_SYSREG, sys_iss(1, a->op1, a->crn, a->crm, a->op2, a->rt, false), false);
    return true;
}

bool trans_SYS(struct a64_tr *tr, const struct arg_SYS *a)
{
    if (!el1(tr)) {
        if (!sys_el0(tr, a))
            return false;
        if (tr->ended)
            return true;
    }
    if (a->op1 == 0 && a->crn == 8)
        return tlbi(tr, a);
    switch (SYS_OP(a->op1, a->crn, a->crm, a->op2)) {
    case SYS_OP(3, 7, 4, 1):                                       /* DC ZVA */
        dc_zva(tr, a->rt);
        return true;
    case SYS_OP(0, 7, 1, 0):                                       /* IC IALLUIS */
    case SYS_OP(0, 7, 5, 0):                                       /* IC IALLU */
        call(tr, &a64_hp_ic_all, imm64(tr, 0), 0, 0);
        return true;
    case SYS_OP(3, 7, 5, 1):                                       /* IC IVAU */
        call(tr, &a64_hp_ic_va, a64_x(tr, IR_I64, a->rt), 0, 0);
        return true;
    case SYS_OP(0, 7, 6, 1):                                       /* DC IVAC */
        call(tr, &a64_hp_dc, a64_x(tr, IR_I64, a->rt), 1, 0);
        return true;
    case SYS_OP(3, 7, 12, 1):                                      /* DC CVAP */
        if (!a64_has_dpb(tr->cpu))
            return false;
        /* fall through */
    case SYS_OP(3, 7, 10, 1):                                      /* DC CVAC */
    case SYS_OP(3, 7, 11, 1):                                      /* DC CVAU */
    case SYS_OP(3, 7, 14, 1):                                      /* DC CIVAC */
        call(tr, &a64_hp_dc, a64_x(tr, IR_I64, a->rt), 0, 0);
        return true;
    case SYS_OP(0, 7, 6, 2):                                       /* DC ISW */
    case SYS_OP(0, 7, 10, 2):                                      /* DC CSW */
    case SYS_OP(0, 7, 14, 2):                                      /* DC CISW */
        return true;
    case SYS_OP(0, 7, 8, 0): return at(tr, a->rt, AT_S1E1R);
    case SYS_OP(0, 7, 8, 1): return at(tr, a->rt, AT_S1E1W);
    case SYS_OP(0, 7, 8, 2): return at(tr, a->rt, AT_S1E0R);
    case SYS_OP(0, 7, 8, 3): return at(tr, a->rt, AT_S1E0W);
    case SYS_OP(0, 7, 9, 0):
        return bits(tr->cpu->id->aa64mmfr1, 20, 4) >= 2 && at(tr, a->rt, AT_S1E1RP);
    case SYS_OP(0, 7, 9, 1):
        return bits(tr->cpu->id->aa64mmfr1, 20, 4) >= 2 && at(tr, a->rt, AT_S1E1WP);
    default:
        log_to(unimp, "unknown SYS #%u, C%u, C%u, #%u at EL%u\n", a->op1, a->crn, a->crm, a->op2, el1(tr));
        return false;
    }
}

bool trans_SYSL(struct a64_tr *tr, const struct arg_SYSL *a) { return false; }
