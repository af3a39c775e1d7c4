/*
 * translate_exception.c - translation of what takes an exception or returns from one: SVC, HVC, SMC, BRK, ERET; the start of an
 * instruction in an unusual mode.
 *
 * Owns the plain cases of SVC and ERET as IR: between EL0 and EL1h, nothing to step, log or interrupt. Everything else calls
 * exception.c, whose rules these are, too. Must not know how contexts are made (IR_EXIT_MODE).
 */
#include "a64_sys_decode.h"
#include "base/log.h"
#include "guest/a64/pstate.h"
#include "guest/a64/sysreg.h"

#define STATE(f) offsetof(struct a64_cpu, f)

static bool el1(const struct a64_tr *tr) { return tr->flags & A64F_EL1; }

static ir_val imm64(struct a64_tr *tr, uint64_t v) { return ir_const(tr->b, IR_I64, v); }

static ir_val call(struct a64_tr *tr, const struct ir_helper *h, ir_val a, uint64_t b, uint64_t d)
{
    return ir_call(tr->b, IR_I64, h, a, ir_const(tr->b, IR_I64, b), ir_const(tr->b, IR_I64, d));
}

/* ---- the start of an instruction in an unusual mode ---- */

static uint64_t step(struct vcpu *v, uint64_t exclusive, uint64_t b, uint64_t d)
{
    if (!a64_step_begin(a64(v), exclusive))
        vcpu_unwind(v);
    return 0;
}
static const struct ir_helper hp_step = { "step", step, HELPER_TRAPS };

bool a64_tr_prologue(struct a64_tr *tr)
{
    if (tr->flags & A64F_SS)
        call(tr, &hp_step, imm64(tr, (tr->insn & 0x3fc00000) == 0x08400000 /* LDXR, LDAXR, LDXP, LDAXP */), 0, 0);
    if (tr->flags & A64F_BREAK)
        call(tr, &a64_hp_break, 0, 0, 0);
    if (tr->flags & A64F_IL) {
        a64_tr_raise(tr, EC_ILLEGAL, 0, false);
        return false;
    }
    return true;
}

/* ---- exceptions ---- */

static uint64_t smccc(struct vcpu *v, uint64_t smc, uint64_t b, uint64_t d)
{
    struct a64_cpu *c = a64(v);
    if (!c->smccc || !c->smccc->call(c->smccc_opaque, v, smc)) {
        a64_raise(c, EC_UNKNOWN, 0, vcpu_pc(v));  /* no EL2 or EL3 is there to take it */
        vcpu_unwind(v);
    }
    return 0;
}
static const struct ir_helper hp_smccc = { "smccc", smccc, HELPER_TRAPS | IRE_WGPR | IRE_WFLAGS };

static bool firmware_call(struct a64_tr *tr, bool smc)
{
    if (!el1(tr))
        return false;
    call(tr, &hp_smccc, imm64(tr, smc), 0, 0);
    a64_tr_dispatch_next(tr);
    return true;
}

bool trans_HVC(struct a64_tr *tr, const struct arg_HVC *a) { return firmware_call(tr, false); }
bool trans_SMC(struct a64_tr *tr, const struct arg_SMC *a) { return firmware_call(tr, true); }

bool trans_BRK(struct a64_tr *tr, const struct arg_BRK *a)
{
    a64_tr_raise(tr, EC_BRK, a->imm, false);
    return true;
}

bool trans_HLT(struct a64_tr *tr, const struct arg_HLT *a) { return false; }     /* halting debug is never enabled */

/* ---- plain SVC and ERET ---- */

/* Neither stepped, nor illegal, nor watched by a breakpoint or the log. */
static bool plain(const struct a64_tr *tr) { return !(tr->flags & (A64F_SS | A64F_IL | A64F_BREAK | A64F_TRACE)); }

/* PSTATE's bytes that only some parts have, and where SPSR keeps them. */
struct pstate_byte { size_t off; unsigned shift; bool there; };
#define PSTATE_BYTES(c) { \
    { STATE(pan), SPSR_PAN_SHIFT, a64_has_pan(c) }, { STATE(uao), SPSR_UAO_SHIFT, a64_has_uao(c) }, \
    { STATE(dit), SPSR_DIT_SHIFT, a64_has_dit(c) }, { STATE(ssbs), SPSR_SSBS_SHIFT, a64_has_ssbs(c) } }

static ir_val and64(struct a64_tr *tr, ir_val a, uint64_t mask) { return ir_op2(tr->b, IR_AND, IR_I64, a, imm64(tr, mask)); }

static ir_val or64(struct a64_tr *tr, ir_val a, ir_val b) { return ir_op2(tr->b, IR_OR, IR_I64, a, b); }

static ir_val bit64(struct a64_tr *tr, ir_val a, unsigned bit) { return ir_op1i(tr->b, IR_UBFX, IR_I64, a, bit | 1 << 8); }

/* The context of a mode, with the flag if `when`. */
static ir_val with_flag(struct a64_tr *tr, ir_val ctx, ir_val when, uint32_t flag)
{
    ir_val f = ir_op3(tr->b, IR_SELNZ, IR_I64, when, imm64(tr, vcpu_ctx_flags(flag)), imm64(tr, 0));
    return ir_op2(tr->b, IR_XOR, IR_I64, ctx, f);
}

_Static_assert(STATE(spsel) == STATE(el) + 1, "written together");

/*
 * a64_raise() and a64_take_exception() from EL0. PSTATE.SS, PSTATE.IL and `stepping` are zero: mode flags say so, or follow
 * from an ERET that found software step disabled.
 */
static void svc_from_el0(struct a64_tr *tr, unsigned imm)
{
    struct ir_block *b = tr->b;
    const struct pstate_byte bytes[] = PSTATE_BYTES(tr->cpu);
    ir_val ctx = ir_ldstate(b, IR_I64, 3, STATE(v.ctx_mode[1]));
    ir_val spsr = or64(tr, ir_op0(b, IR_GETNZCV, IR_I64), ir_ldstate(b, IR_I64, 2, STATE(daif)));
    for (unsigned n = 0; n < ARRAY_LEN(bytes); n++)
        if (bytes[n].there)
            spsr = or64(tr, spsr, ir_op2(b, IR_SHL, IR_I64, ir_ldstate(b, IR_I64, 0, bytes[n].off), imm64(tr, bytes[n].shift)));
    ir_ststate(b, 3, STATE(spsr_el1), spsr);
    ir_ststate(b, 3, STATE(elr_el1), ir_pc(b, (int64_t)tr->pc_off + 4));
    ir_ststate(b, 3, STATE(esr_el1), imm64(tr, (uint64_t)EC_SVC << 26 | ESR_IL | imm));
    ir_ststate(b, 1, STATE(el), ir_const(b, IR_I32, 0x0101));
    ir_ststate(b, 2, STATE(daif), ir_const(b, IR_I32, SPSR_DAIF));
    if (a64_has_uao(tr->cpu))
        ir_ststate(b, 0, STATE(uao), ir_const(b, IR_I32, 0));
    if (a64_has_pan(tr->cpu)) {
        ir_val keep = and64(tr, ir_ldstate(b, IR_I64, 3, STATE(sctlr_el1)), SCTLR_SPAN);
        ir_val pan = ir_op3(b, IR_SELNZ, IR_I64, keep, ir_ldstate(b, IR_I64, 0, STATE(pan)), imm64(tr, 1));
        ir_ststate(b, 0, STATE(pan), pan);
        ctx = with_flag(tr, ctx, pan, A64F_PAN);
    }
    if (a64_has_ssbs(tr->cpu))
        ir_ststate(b, 0, STATE(ssbs), bit64(tr, ir_ldstate(b, IR_I64, 3, STATE(sctlr_el1)), SCTLR_DSSBS_SHIFT));
    ir_ststate(b, 3, STATE(sp_other[0]), ir_getr(b, IR_I64, 31));
    ir_ststate(b, 0, STATE(sp_in_use), ir_const(b, IR_I32, 1));
    ir_putr(b, 31, ir_ldstate(b, IR_I64, 3, STATE(sp_other[1])));
    ir_val vbar = and64(tr, ir_ldstate(b, IR_I64, 3, STATE(vbar_el1)), ~0x7ffull);
    ir_exit_mode(b, ir_op2(b, IR_ADD, IR_I64, vbar, imm64(tr, VEC_SYNC + VEC_FROM_EL0)), ctx);
    tr->ended = true;
}

bool trans_SVC(struct a64_tr *tr, const struct arg_SVC *a)
{
    if (!el1(tr) && plain(tr))
        svc_from_el0(tr, a->imm);
    else
        a64_tr_raise(tr, EC_SVC, a->imm, true);
    return true;
}

static uint64_t eret(struct vcpu *v, uint64_t a, uint64_t b, uint64_t d)
{
    a64_eret(a64(v));
    return 0;
}
static const struct ir_helper hp_eret = { "eret", eret, HELPER_PLAIN | IRE_RGPR | IRE_WGPR | IRE_RFLAGS | IRE_WFLAGS };

static uint64_t eret_rare(struct vcpu *v, uint64_t a, uint64_t b, uint64_t d)
{
    a64_eret(a64(v));
    vcpu_unwind(v);
}
static const struct ir_helper hp_eret_rare = { "eret_rare", eret_rare, HELPER_TRAPS };

/* a64_eret() to EL0 or EL1h, unless an interrupt may be due there, or software step. */
static void eret_from_el1h(struct a64_tr *tr)
{
    struct ir_block *b = tr->b;
    const struct pstate_byte bytes[] = PSTATE_BYTES(tr->cpu);
    ir_val spsr = ir_ldstate(b, IR_I64, 3, STATE(spsr_el1));
    ir_val m = and64(tr, spsr, 1);
    ir_val el_differs = ir_op2(b, IR_XOR, IR_I64, bit64(tr, spsr, 2), m);
    ir_trapnz(b, ir_ldstate(b, IR_I32, 2, STATE(v.lines)), 1u << A64_LINE_IRQ | 1u << A64_LINE_FIQ, &hp_eret_rare);
    ir_trapnz(b, ir_ldstate(b, IR_I32, 2, STATE(mdscr_el1)), MDSCR_SS, &hp_eret_rare);
    ir_trapnz(b, or64(tr, and64(tr, spsr, SPSR_IL | 0x1a), el_differs), SPSR_IL | 0x1b, &hp_eret_rare);

    ir_val ctx = ir_op3(b, IR_SELNZ, IR_I64, m, ir_ldstate(b, IR_I64, 3, STATE(v.ctx_mode[1])),
                        ir_ldstate(b, IR_I64, 3, STATE(v.ctx_mode[0])));
    ir_ststate(b, 2, STATE(daif), and64(tr, spsr, SPSR_DAIF));
    for (unsigned n = 0; n < ARRAY_LEN(bytes); n++) {
        if (!bytes[n].there)
            continue;
        ir_val set = bit64(tr, spsr, bytes[n].shift);
        ir_ststate(b, 0, bytes[n].off, set);
        if (bytes[n].off == STATE(pan))           /* a mode flag at EL1 only */
            ctx = with_flag(tr, ctx, ir_op2(b, IR_AND, IR_I64, set, m), A64F_PAN);
        if (bytes[n].off == STATE(uao))
            ctx = with_flag(tr, ctx, set, A64F_UAO);
    }
    ir_ststate(b, 1, STATE(el), or64(tr, m, ir_op2(b, IR_SHL, IR_I64, m, imm64(tr, 8))));
    ir_ststate(b, 0, STATE(ss), ir_const(b, IR_I32, 0));
    ir_ststate(b, 0, STATE(stepping), ir_const(b, IR_I32, 0));
    ir_ststate(b, 3, STATE(v.excl_addr), imm64(tr, EXCL_NONE));
    ir_val sp1 = ir_getr(b, IR_I64, 31);
    ir_ststate(b, 3, STATE(sp_other[1]), sp1);
    ir_ststate(b, 0, STATE(sp_in_use), m);
    ir_putr(b, 31, ir_op3(b, IR_SELNZ, IR_I64, m, sp1, ir_ldstate(b, IR_I64, 3, STATE(sp_other[0]))));
    ir_op1(b, IR_SETNZCV, IR_I64, spsr);
    ir_exit_mode(b, ir_ldstate(b, IR_I64, 3, STATE(elr_el1)), ctx);
    tr->ended = true;
}

bool trans_ERET(struct a64_tr *tr, const struct arg_ERET *a)
{
    if (!el1(tr))
        return false;
    if (plain(tr) && (tr->flags & A64F_SPSEL)) {
        eret_from_el1h(tr);
    } else {
        call(tr, &hp_eret, imm64(tr, 0), 0, 0);
        ir_exit_state(tr->b);
        tr->ended = true;
    }
    return true;
}
