/*
 * lower_crypto.c - AES and SHA rounds and polynomial products by AES-NI, the SHA extensions and PCLMULQDQ.
 *
 * Each only where the CPU has it: the reference (lower_eval.c) does the rest. Source: Intel SDM vol. 2, AESENC .. SHA256RNDS2.
 */
#include "host/x86_64/vecop.h"

#define A (&g->a)
#define O(op) ((op) | M_0F | P_66)
#define O38(op) ((op) | M_0F38 | P_66)
#define O3A(op) ((op) | M_0F3A | P_66)

enum {
    AESIMC = O38(0xdb), AESENC = O38(0xdc), AESENCLAST = O38(0xdd), AESDEC = O38(0xde), AESDECLAST = O38(0xdf), PCLMULQDQ = O3A(0x44),
    PXOR = O(0xef), PSHUFD = O(0x70), PUNPCKLQDQ = O(0x6c), PUNPCKHQDQ = O(0x6d), PADDD = O(0xfe), PSUBD = O(0xfa), PALIGNR = O3A(0x0f),
    MOVD = O(0x6e),
    /* without a VEX form: the destination is the first source */
    SHA1RNDS4 = 0xcc | M_0F3A, SHA256RNDS2 = 0xcb | M_0F38, SHA256MSG1 = 0xcc | M_0F38, SHA256MSG2 = 0xcd | M_0F38
};

/*
 * ...LAST are SubBytes and ShiftRows with the key added behind, where Arm adds it before: here it is zero. MixColumns is what a
 * whole round does over and above the inverse of a last one.
 */
static void aes(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a), d = def(g, dying_reg(g, i->a));
    v3(g, PXOR, XT0, XT0, XT0);
    switch ((enum ir_op)i->op) {
    case IR_VAESE: v3(g, AESENCLAST, d, ra, XT0); break;
    case IR_VAESD: v3(g, AESDECLAST, d, ra, XT0); break;
    case IR_VAESEMC: v3(g, AESENC, d, ra, XT0); break;
    case IR_VAESDIMC: v3(g, AESDEC, d, ra, XT0); break;
    case IR_VAESMC:
        v3(g, AESDECLAST, d, ra, XT0);
        v3(g, AESENC, d, d, XT0);
        break;
    default: v3(g, AESIMC, d, 0, ra); break;
    }
}

/* Words are in the opposite order, and the instruction adds the round constant itself. */
static void sha1(struct gen *g, const struct ir_insn *i)
{
    static const uint32_t k[3] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc};
    unsigned ra = use(g, i->a), rb = use(g, i->b), rc = use(g, i->c), t = temp(g, true), d = def(g, NOREG);
    mov_ri(A, RAX, k[i->imm]);
    v3(g, MOVD, XT0, 0, RAX);
    v2i(g, PSHUFD, XT0, XT0, 0);
    v3(g, PSUBD, XT1, rc, XT0);
    v2i(g, PSHUFD, XT1, XT1, 0x1b);
    vshift_imm(g, 0x73, V_SLLDQ, t, rb, 12);
    v3(g, PADDD, XT1, XT1, t);
    v2i(g, PSHUFD, XT0, ra, 0x1b);
    op_rr(A, SHA1RNDS4, XT0, XT1);
    e1(A, (unsigned)i->imm);
    v2i(g, PSHUFD, d, XT0, 0x1b);
}

/* Two instructions of two rounds each; their registers are a, b, e, f and c, d, g, h, and the schedule is in XMM0. */
static void sha256(struct gen *g, const struct ir_insn *i)
{
    bool h = i->op == IR_VSHA256H;
    unsigned ra = use(g, i->a), rb = use(g, i->b), rc = use(g, i->c), t = temp(g, true), d = def(g, NOREG);
    unsigned x = h ? ra : rb, y = h ? rb : ra;
    v3(g, PUNPCKLQDQ, XT0, y, x);
    v2i(g, PSHUFD, XT0, XT0, 0xb1);
    v3(g, PUNPCKHQDQ, XT1, y, x);
    v2i(g, PSHUFD, XT1, XT1, 0xb1);
    movaps_rr(A, t, XMM0);
    if (rc != XMM0)
        movaps_rr(A, XMM0, rc);
    op_rr(A, SHA256RNDS2, XT1, XT0);
    v2i(g, PSHUFD, XMM0, XMM0, 0x0e);
    op_rr(A, SHA256RNDS2, XT0, XT1);
    movaps_rr(A, XMM0, t);
    v3(g, h ? PUNPCKHQDQ : PUNPCKLQDQ, XT0, XT0, XT1);
    v2i(g, PSHUFD, d, XT0, 0xb1);
}

static void schedule(struct gen *g, const struct ir_insn *i)
{
    bool first = i->op == IR_VSHA256SU0;
    unsigned ra = use(g, i->a), rb = use(g, i->b), rc = first ? NOREG : use(g, i->c), d = def(g, NOREG);
    if (first) {
        movaps_rr(A, XT0, ra);
        op_rr(A, SHA256MSG1, XT0, rb);
    } else {
        v3i(g, PALIGNR, XT0, rc, rb, 4);
        v3(g, PADDD, XT0, XT0, ra);
        op_rr(A, SHA256MSG2, XT0, rc);
    }
    movaps_rr(A, d, XT0);
}

bool lower_crypto(struct gen *g, const struct ir_insn *i)
{
    const struct host_state *s = &host_state;
    if (i->op < IR_VAESE || i->op > IR_VPMULL)
        return false;
    if (g->v[g->i].last == g->i)
        return true;                             /* no effects, nobody wants it */
    switch ((enum ir_op)i->op) {
    case IR_VSHA1:
        if (s->sha)
            sha1(g, i);
        return s->sha;
    case IR_VSHA256H:
    case IR_VSHA256H2:
        if (s->sha)
            sha256(g, i);
        return s->sha;
    case IR_VSHA256SU0:
    case IR_VSHA256SU1:
        if (s->sha)
            schedule(g, i);
        return s->sha;
    case IR_VPMULL:
        if (s->pclmul) {
            unsigned ra = use(g, i->a), rb = use(g, i->b);
            v3i(g, PCLMULQDQ, def(g, NOREG), ra, rb, i->imm ? 0x11 : 0);
        }
        return s->pclmul;
    default:
        if (s->aes)
            aes(g, i);
        return s->aes;
    }
}
