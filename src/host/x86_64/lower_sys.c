/*
 * lower_sys.c - COUNT by the time stamp counter; cumulative floating-point flags in MXCSR.
 *
 * Owns these forms. What COUNT does is base/counter.h's, which knows when there is a line over the TSC; without one the stub
 * calls it.
 */
#include "base/counter.h"
#include "host/x86_64/gen.h"

#define A (&g->a)
#define COUNTER(base, field) mo_bd(base, (int32_t)offsetof(struct counter, field))
#define MXCSR_FLAGS 0x3d                         /* IE, ZE, OE, UE, PE; DE has no counterpart */

static void count(struct gen *g)
{
    unsigned seq = temp(g, false), c = temp(g, false), d = def(g, NOREG);
    bool keep = d != RDX && seq != RDX && c != RDX && g->reg_val[RDX] != IR_NONE;
    if (seq == RDX)
        seq = temp(g, false);
    if (c == RDX)
        c = temp(g, false);
    if (keep)
        mov_mr(A, true, frame(F_TMP), RDX);
    mov_rm(A, true, c, STATE(counter));
    uint8_t *again = A->p;
    mov_rm(A, false, seq, COUNTER(c, seq));
    test_ri(A, false, seq, COUNTER_CALL);
    struct stub *s = new_stub(g, STUB_COUNT);
    stub_from(s, jcc32(A, X_NE));
    e1(A, 0x0f);                                 /* lfence: not before loads that came before */
    e1(A, 0xae);
    e1(A, 0xe8);
    e1(A, 0x0f);                                 /* rdtsc */
    e1(A, 0x31);
    shift_ri(A, true, SH_SHL, RDX, 32);
    alu_rr(A, true, ALU_OR, RAX, RDX);
    alu_rm(A, true, ALU_SUB, RAX, COUNTER(c, tsc));
    stub_from(s, jcc32(A, X_B));
    op_rm(A, 0xf7 | OP_W, 4, COUNTER(c, rate));  /* mul */
    alu_rm(A, true, ALU_ADD, RDX, COUNTER(c, base));
    alu_rm(A, false, ALU_CMP, seq, COUNTER(c, seq));
    set_rel32(jcc32(A, X_NE), again);
    if (d != RDX)
        mov_rr(A, true, d, RDX);
    s->back = A->p;
    s->dst = (uint8_t)d;
    s->insn = (uint16_t)g->i;
    if (keep)
        mov_rm(A, true, RDX, frame(F_TMP));
}

void emit_count_stub(struct gen *g, const struct stub *s)
{
    mov_mi(A, false, frame(F_MEM), (int32_t)((uint32_t)g->b->insn[s->insn].pc_off << 16));
    call_to(A, host_state.mem[STUB_COUNT][g->vec]);
    mov_rr(A, true, s->dst, RAX);
    jmp_to(A, s->back);
}

/* MXCSR: IE 0, DE 1, ZE 2, OE 3, UE 4, PE 5; FP_*: IOC 0, DZC 1, OFC 2, UFC 3, IXC 4. */
static void get_flags(struct gen *g)
{
    unsigned d = def(g, NOREG);
    stmxcsr(A, frame(F_TMP));
    mov_rm(A, false, d, frame(F_TMP));
    mov_rr(A, false, RAX, d);
    alu_ri(A, false, ALU_AND, d, MXCSR_FLAGS & ~1);
    shift_ri(A, false, SH_SHR, d, 1);
    alu_ri(A, false, ALU_AND, RAX, 1);
    alu_rr(A, false, ALU_OR, d, RAX);
    alu_rm(A, false, ALU_OR, d, STATE(fp.sticky));
}

/* The vCPU's copy of MXCSR, too: C adds both. */
static void set_flags(struct gen *g, const struct ir_insn *i)
{
    unsigned r = use(g, i->a);
    mov_mr(A, false, STATE(fp.sticky), r);
    alu_mi(A, false, ALU_AND, STATE(fp.mxcsr), ~0x3f);
    stmxcsr(A, frame(F_TMP));
    op_rm(A, 0xf6, 0, frame(F_TMP));             /* test byte */
    e1(A, 0x3f);
    uint8_t *none = jcc8(A, X_E);
    alu_mi(A, false, ALU_AND, frame(F_TMP), ~0x3f);
    ldmxcsr(A, frame(F_TMP));
    land8(A, none);
}

bool lower_sys(struct gen *g, const struct ir_insn *i)
{
    switch ((enum ir_op)i->op) {
    case IR_COUNT: count(g); break;
    case IR_GETFPS: get_flags(g); break;
    case IR_SETFPS: set_flags(g, i); break;
    default: return false;
    }
    A->ef = false;
    return true;
}
