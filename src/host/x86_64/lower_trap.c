/*
 * lower_trap.c - TRAPNZ: a test and a jump not taken to a stub that calls the helper and does not come back.
 *
 * Owns the stub. Relies on the state being canonical at an instruction that may fault: nothing is saved but the homes.
 */
#include "host/x86_64/gen.h"

#define A (&g->a)

bool lower_trap(struct gen *g, const struct ir_insn *i)
{
    if (i->op != IR_TRAPNZ)
        return false;
    test_ri(A, false, use(g, i->a), (int32_t)i->imm2);           /* the mask is within the low 31 bits of either type */
    struct stub *s = new_stub(g, STUB_TRAP);
    s->insn = (uint16_t)g->i;
    stub_from(s, jcc32(A, X_NE));
    A->ef = false;
    return true;
}

void emit_trap_stub(struct gen *g, const struct stub *s)
{
    const struct ir_insn *i = &g->b->insn[s->insn];
    mov_mi(A, false, STATE(pc_off), i->pc_off);
    mov_ri(A, RAX, (uint64_t)(uintptr_t)i->call->fn);
    call_to(A, host_state.call[CALL_READS][g->vec]);
    e1(A, 0x0f);                                 /* ud2: the helper must not return */
    e1(A, 0x0b);
}
