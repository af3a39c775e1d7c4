/*
 * interp.c - the reference interpreter: runs one block on a vCPU.
 *
 * Owns the values of the block while it runs. Must not optimise: it is what everything else is compared with.
 */
#include "base/counter.h"
#include "ir/eval.h"

#include <string.h>

static uint64_t load_state(const struct vcpu *c, const struct ir_insn *i)
{
    uint64_t v = 0;
    memcpy(&v, (const char *)c + i->imm, 1u << i->size3);
    return ir_mask((enum ir_type)i->t, v);
}

static void compare(struct vcpu *c, const struct ir_insn *i, uint64_t a, uint64_t b)
{
    if (!ir_cc_holds(c->nzcv, (enum ir_cc)i->cc))
        c->nzcv = nzcv_from_arm((uint32_t)i->imm << 28);
    else if (i->op == IR_CCMP)
        ir_add_flags((enum ir_type)i->t, a, ~b, 1, &c->nzcv);
    else
        ir_add_flags((enum ir_type)i->t, a, b, 0, &c->nzcv);
}

static uint64_t and_flags(struct vcpu *c, enum ir_type t, uint64_t r)
{
    c->nzcv = (uint16_t)((r >> (ir_width(t) - 1) & 1 ? NZCV_HOST_N : 0) | (r ? 0 : NZCV_HOST_Z) | NZCV_HOST_NC);
    return r;
}

static uint64_t access_memory(const struct ir_insn *i, struct vcpu *c, const struct ir_mem_ops *ops, const u128 *a,
                              const u128 *b, const u128 *d)
{
    enum ir_type t = (enum ir_type)i->t;
    uint32_t mem = ir_mem_pack(i->mem), off = i->pc_off;
    uint64_t va = a->lo + (uint64_t)i->imm;
    c->pc_off = off;
    switch ((enum ir_op)i->op) {
    case IR_LD: return ir_mask(t, ops->load(c, va, mem, off));
    case IR_ST: ops->store(c, va, b->lo, mem, off); return 0;
    case IR_AMO: return ir_mask(t, ops->amo(c, va, b->lo, mem | (uint32_t)i->cc << 16, off));
    case IR_CAS: return ir_mask(t, ops->cas(c, va, b->lo, d->lo, mem, off));
    case IR_CASP: return ops->casp(c, va, b->lo, d->lo, mem, off);
    case IR_STXP: return ops->stxp(c, va, b->lo, d->lo, mem, off);
    default: return ops->stx(c, va, b->lo, mem, off);
    }
}

static bool leaves(const struct ir_insn *i, const struct vcpu *c, uint64_t a)
{
    switch ((enum ir_op)i->op) {
    case IR_SIDE_CC: return ir_cc_holds(c->nzcv, (enum ir_cc)i->cc);
    case IR_SIDE_NZ: return a != 0;
    case IR_SIDE_Z: return a == 0;
    case IR_SIDE_BIT: return a >> i->bit & 1;
    default: return !(a >> i->bit & 1);          /* SIDE_NBIT */
    }
}

static void exit_block(const struct ir_insn *i, struct vcpu *c, uint64_t a, uint64_t b)
{
    bool taken = true;
    switch ((enum ir_op)i->op) {
    case IR_EXIT_STATE: return;
    case IR_EXIT_IND: vcpu_set_pc(c, a); return;
    case IR_EXIT_CALLR: vcpu_set_pc(c, b); return;
    case IR_EXIT_MODE:
        vcpu_set_pc(c, a);
        c->jc_ctx = c->ctx_space[a >> 55 & 1] ^ b;
        return;
    case IR_EXIT_CC: taken = ir_cc_holds(c->nzcv, (enum ir_cc)i->cc); break;
    case IR_EXIT_NZ: taken = a != 0; break;
    case IR_EXIT_Z: taken = a == 0; break;
    case IR_EXIT_BIT: taken = a >> i->bit & 1; break;
    default: break;                              /* EXIT_JMP, EXIT_CALL, EXIT_DISPATCH */
    }
    vcpu_set_pc(c, c->pc_page + (uint64_t)(taken ? i->imm : i->imm2));
}

void ir_interpret(const struct ir_block *b, struct vcpu *c, const struct ir_mem_ops *ops)
{
    static const u128 zero;
    u128 val[IR_MAX_INSNS];

    for (uint32_t n = 0; n < b->n; n++) {
        const struct ir_insn *i = &b->insn[n];
        enum ir_type t = (enum ir_type)i->t;
        const u128 *pa = i->a == IR_NONE ? &zero : &val[i->a];
        const u128 *pb = i->b == IR_NONE ? &zero : &val[i->b];
        const u128 *pd = i->c == IR_NONE ? &zero : &val[i->c];
        uint64_t r = 0;

        switch ((enum ir_op)i->op) {
        case IR_NOP: break;
        case IR_CONST: r = ir_mask(t, (uint64_t)i->imm); break;
        case IR_GETR: r = ir_mask(t, c->r[i->reg]); break;
        case IR_PUTR: c->r[i->reg] = ir_mask(t, pa->lo); break;
        case IR_GETV: val[n] = c->v[i->reg]; continue;
        case IR_PUTV: c->v[i->reg] = *pa; break;
        case IR_LDSTATE: r = load_state(c, i); break;
        case IR_STSTATE: memcpy((char *)c + i->imm, &pa->lo, 1u << i->size3); break;
        case IR_PC: r = c->pc_page + (uint64_t)i->imm; break;

        case IR_ADDS: r = ir_add_flags(t, pa->lo, pb->lo, 0, &c->nzcv); break;
        case IR_SUBS: r = ir_add_flags(t, pa->lo, ~pb->lo, 1, &c->nzcv); break;
        case IR_ANDS: r = and_flags(c, t, pa->lo & pb->lo); break;
        case IR_ADC: r = ir_mask(t, pa->lo + pb->lo + ir_cc_holds(c->nzcv, CC_CS)); break;
        case IR_SBC: r = ir_mask(t, pa->lo - pb->lo - ir_cc_holds(c->nzcv, CC_CC)); break;
        case IR_ADCS: r = ir_add_flags(t, pa->lo, pb->lo, ir_cc_holds(c->nzcv, CC_CS), &c->nzcv); break;
        case IR_SBCS: r = ir_add_flags(t, pa->lo, ~pb->lo, ir_cc_holds(c->nzcv, CC_CS), &c->nzcv); break;
        case IR_CCMP:
        case IR_CCMN: compare(c, i, pa->lo, pb->lo); break;
        case IR_CSEL: r = ir_cc_holds(c->nzcv, (enum ir_cc)i->cc) ? pa->lo : pb->lo; break;
        case IR_SETC: r = ir_cc_holds(c->nzcv, (enum ir_cc)i->cc); break;
        case IR_GETNZCV: r = nzcv_to_arm(c->nzcv); break;
        case IR_SETNZCV: c->nzcv = nzcv_from_arm((uint32_t)pa->lo); break;
        case IR_COUNT: r = counter_read(c->counter); break;
        case IR_GETFPS: r = c->fp.sticky; break; /* all there: here nothing computes in MXCSR for the guest */
        case IR_SETFPS: c->fp.sticky = (uint32_t)pa->lo; break;
        case IR_FCMP: c->nzcv = ir_eval_fcmp(i, c, *pa, *pb); break;

        case IR_LD:
        case IR_ST:
        case IR_AMO:
        case IR_CAS:
        case IR_CASP:
        case IR_STXP:
        case IR_STX: r = access_memory(i, c, ops, pa, pb, pd); break;
        case IR_LDV:
            c->pc_off = i->pc_off;
            if (i->mem.size == 4)
                val[n] = ops->load128(c, pa->lo + (uint64_t)i->imm, ir_mem_pack(i->mem), i->pc_off);
            else
                val[n] = (u128){ ops->load(c, pa->lo + (uint64_t)i->imm, ir_mem_pack(i->mem), i->pc_off), 0 };
            continue;
        case IR_STV:
            c->pc_off = i->pc_off;
            if (i->mem.size == 4)
                ops->store128(c, pa->lo + (uint64_t)i->imm, pb->lo, pb->hi, ir_mem_pack(i->mem), i->pc_off);
            else
                ops->store(c, pa->lo + (uint64_t)i->imm, pb->lo, ir_mem_pack(i->mem), i->pc_off);
            break;
        case IR_FENCE: __atomic_thread_fence(__ATOMIC_SEQ_CST); break;
        case IR_ROOT:
        case IR_CALL:
            c->pc_off = i->pc_off;
            r = ir_mask(t, i->call->fn(c, pa->lo, pb->lo, pd->lo));
            break;

        case IR_TRAPNZ:
            if (!(pa->lo & (uint64_t)i->imm2))
                break;
            c->pc_off = i->pc_off;
            i->call->fn(c, 0, 0, 0);
            bug("helper %s of a TRAPNZ returned", i->call->name);

        case IR_SIDE_CC:
        case IR_SIDE_NZ:
        case IR_SIDE_Z:
        case IR_SIDE_BIT:
        case IR_SIDE_NBIT:
            if (!leaves(i, c, pa->lo))
                continue;
            vcpu_set_pc(c, c->pc_page + (uint64_t)i->imm);
            return;
        case IR_EXIT_JMP:
        case IR_EXIT_CC:
        case IR_EXIT_NZ:
        case IR_EXIT_Z:
        case IR_EXIT_BIT:
        case IR_EXIT_IND:
        case IR_EXIT_CALL:
        case IR_EXIT_CALLR:
        case IR_EXIT_MODE:
        case IR_EXIT_DISPATCH:
        case IR_EXIT_STATE: exit_block(i, c, pa->lo, pb->lo); return;

        case IR_VGET:
        case IR_VGETS:
        case IR_FTOS:
        case IR_FTOU: r = ir_eval_vint(i, c, *pa); break;

        case IR_VSTICKY:
            c->fp.sticky |= pa->lo | pa->hi ? (uint32_t)i->imm : 0;
            continue;
        default:
            if (!ir_is_int((enum ir_op)i->op)) {
                val[n] = ir_eval_vec(i, c, *pa, *pb, *pd);
                continue;
            }
            r = ir_eval_int(i, pa->lo, pb->lo, pd->lo);
            break;
        }
        val[n] = (u128){ r, 0 };
    }
    bug("ir_interpret: the block has no exit");
}
