/*
 * vecop.h - vector instructions with three operands, as VEX encodes them, also on hosts without AVX.
 *
 * Owns the two-operand forms: the first source is moved to the destination, the second one out of its way (XT2) where it is the
 * destination. Sources that an instruction has not are 0. Constants are 16-aligned, which legacy SSE insists on.
 */
#ifndef GNOMON_HOST_X86_64_VECOP_H
#define GNOMON_HOST_X86_64_VECOP_H

#include "host/x86_64/gen.h"

/* d = a op b */
static inline void v3(struct gen *g, uint32_t op, unsigned d, unsigned a, unsigned b)
{
    if (host_state.avx) {
        vex_rrr(&g->a, op, d, a, b);
        return;
    }
    if (a >= XMM0 && a != d) {
        if (b == d) {
            movaps_rr(&g->a, XT2, b);
            b = XT2;
        }
        movaps_rr(&g->a, d, a);
    }
    op_rr(&g->a, op, d, b);
}
static inline void v3i(struct gen *g, uint32_t op, unsigned d, unsigned a, unsigned b, unsigned imm)
{
    v3(g, op, d, a, b);
    e1(&g->a, imm);
}
static inline void v2i(struct gen *g, uint32_t op, unsigned d, unsigned s, unsigned imm) { v3i(g, op, d, 0, s, imm); }
/* d = a op a constant; IMM bytes of immediate follow. */
static inline void vmk(struct gen *g, uint32_t op, unsigned d, unsigned a, const uint8_t *k, unsigned imm)
{
    if (host_state.avx) {
        vex_rri(&g->a, op, d, a, k, imm);
        return;
    }
    if (a >= XMM0 && a != d)
        movaps_rr(&g->a, d, a);
    op_rk(&g->a, op, d, k, imm);
}
static inline void vk(struct gen *g, uint32_t op, unsigned d, unsigned a, unsigned k) { vmk(g, op, d, a, host_state.consts + k * 16, 0); }

enum { V_SLL = 6, V_SRL = 2, V_SRA = 4, V_SLLDQ = 7, V_SRLDQ = 3 };
/* Shifts by an immediate: op = one of the above; code = 71 (words), 72 (doublewords) or 73. */
static inline void vshift_imm(struct gen *g, unsigned code, unsigned op, unsigned d, unsigned s, unsigned n)
{
    if (host_state.avx) {
        vex_rrr(&g->a, code | M_0F | P_66, op, d, s);
    } else {
        if (d != s)
            movaps_rr(&g->a, d, s);
        op_rr(&g->a, code | M_0F | P_66, op, d);
    }
    e1(&g->a, n);
}

#endif
