/*
 * lower_vec.c - native forms of vector integer operations and permutations (SSE4.2 or AVX, 128 bits).
 *
 * Results are built in XT0 and XT1 when an operand is needed
 * twice, so that the destination may be the register of an operand. With q = 0 the upper half is cleared at the end.
 */
#include "host/x86_64/vecop.h"

#define A (&g->a)
#define O(op) ((op) | M_0F | P_66)               /* 66 0F op */
#define O38(op) ((op) | M_0F38 | P_66)
#define O3A(op) ((op) | M_0F3A | P_66)

enum {
    PADDB = O(0xfc), PSUBB = O(0xf8), PAND = O(0xdb), PANDN = O(0xdf), POR = O(0xeb), PXOR = O(0xef), PSHUFB = O38(0x00),
    PSHUFD = O(0x70), PACKUSWB = O(0x67), PACKSSDW = O(0x6b), PUNPCKLQDQ = O(0x6c), PUNPCKHQDQ = O(0x6d), PCMPEQD = O(0x76),
    PMULLW = O(0xd5), PMULLD = O38(0x40), PALIGNR = O3A(0x0f), SHUFPS = 0xc6 | M_0F, SHUFPD = O(0xc6), PBLENDW = O3A(0x0e),
    PADDUSB = O(0xdc), INSERTPS = O3A(0x21), MOVQ = 0x7e | M_0F | P_F3, PADDW = O(0xfd)
};
static const uint32_t padd[4] = {O(0xfc), O(0xfd), O(0xfe), O(0xd4)};
static const uint32_t psub[4] = {O(0xf8), O(0xf9), O(0xfa), O(0xfb)};
static const uint32_t pcmpeq[4] = {O(0x74), O(0x75), O(0x76), O38(0x29)};
static const uint32_t pcmpgt[4] = {O(0x64), O(0x65), O(0x66), O38(0x37)};
static const uint32_t pmaxs[3] = {O38(0x3c), O(0xee), O38(0x3d)};
static const uint32_t pmins[3] = {O38(0x38), O(0xea), O38(0x39)};
static const uint32_t pmaxu[3] = {O(0xde), O38(0x3e), O38(0x3f)};
static const uint32_t pminu[3] = {O(0xda), O38(0x3a), O38(0x3b)};
static const uint32_t punpckl[4] = {O(0x60), O(0x61), O(0x62), O(0x6c)};
static const uint32_t punpckh[4] = {O(0x68), O(0x69), O(0x6a), O(0x6d)};

static void ones(struct gen *g, unsigned d) { v3(g, PCMPEQD, d, d, d); }
static void zero(struct gen *g, unsigned d) { v3(g, PXOR, d, d, d); }

enum { SLL = V_SLL, SRL = V_SRL, SRA = V_SRA };
/* esz 1..3 (SRA: 1..2) */
static void vshift(struct gen *g, unsigned op, unsigned esz, unsigned d, unsigned s, unsigned n) { vshift_imm(g, 0x70 + esz, op, d, s, n); }
static void byte_shift_right(struct gen *g, unsigned d, unsigned s, unsigned n) { vshift_imm(g, 0x73, V_SRLDQ, d, s, n); }

bool upper_zero(const struct gen *g, ir_val v)
{
    const struct ir_insn *i = &g->b->insn[v];
    switch ((enum ir_op)i->op) {
    case IR_VCONST: return i->imm2 == 0;
    case IR_LDV: return i->mem.size <= 3;
    case IR_VLOW:
    case IR_VHIGH:
    case IR_VFROM:
    case IR_VXTN:
    case IR_VFIRST:
    case IR_VFCVTN: return true;
    case IR_GETV:
    case IR_CALL: return false;
    default: return (i->op >= IR_FADD && i->op <= IR_FRINT) || !i->q;
    }
}

/* KEEPS: zero lanes in give zero lanes out. */
static void finish64(struct gen *g, const struct ir_insn *i, unsigned d, bool keeps)
{
    if (i->q)
        return;
    if (keeps && upper_zero(g, i->a) && (i->b == IR_NONE || upper_zero(g, i->b)) && (i->c == IR_NONE || upper_zero(g, i->c)))
        return;
    v3(g, MOVQ, d, 0, d);
}

static unsigned vdef(struct gen *g, const struct ir_insn *i)
{
    const ir_val arg[3] = {i->a, i->b, i->c};
    for (unsigned k = 0; k < 3; k++) {
        if (arg[k] == IR_NONE)
            continue;
        unsigned r = dying_reg(g, arg[k]);
        if (r != NOREG && r >= XMM0)
            return def(g, r);
    }
    return def(g, NOREG);
}

/* ---- between integer and vector registers ---- */

static void broadcast(struct gen *g, unsigned esz, unsigned d, unsigned s)
{
    static const uint32_t op[4] = {O38(0x78), O38(0x79), O38(0x58), O38(0x59)};
    if (host_state.avx2) {
        v3(g, op[esz], d, 0, s);
        return;
    }
    if (esz == 0) {
        v3(g, punpckl[0], d, s, s);
        s = d;
    }
    if (esz <= 1) {
        v2i(g, 0x70 | M_0F | P_F2, d, s, 0);                 /* pshuflw */
        s = d;
    }
    v2i(g, PSHUFD, d, s, esz == 3 ? 0x44 : 0);
}

static void from_int(struct gen *g, unsigned esz, unsigned d, unsigned r)
{
    if (esz < 2) {
        if (esz)
            movzx16(A, RAX, r);
        else
            movzx8(A, RAX, r);
        r = RAX;
    }
    v3(g, O(0x6e) | (esz == 3 ? OP_W : 0), d, 0, r);
}

static void get_lane(struct gen *g, unsigned esz, unsigned d, unsigned a, unsigned lane)
{
    if (lane == 0 && esz >= 2)
        v3(g, O(0x7e) | (esz == 3 ? OP_W : 0), a, 0, d);
    else if (esz == 1)
        v3i(g, O(0xc5), d, 0, a, lane);
    else
        v3i(g, O3A(esz ? 0x16 : 0x14) | (esz == 3 ? OP_W : 0), a, 0, d, lane);
}

static void set_lane(struct gen *g, unsigned esz, unsigned d, unsigned a, unsigned r, unsigned lane)
{
    static const uint32_t op[4] = {O3A(0x20), O(0xc4), O3A(0x22), O3A(0x22) | OP_W};
    v3i(g, op[esz], d, a, r, lane);
}

static void lanes(struct gen *g, const struct ir_insn *i)
{
    unsigned esz = i->esz, lane = (unsigned)i->imm, from = (unsigned)i->imm2, ra, rb, d;
    switch ((enum ir_op)i->op) {
    case IR_VDUP:
        ra = use(g, i->a);
        d = def(g, NOREG);
        v3(g, O(0x6e) | (esz == 3 && ir_result_type(&g->b->insn[i->a]) == IR_I64 ? OP_W : 0), d, 0, ra);
        if (esz < 3 || i->q)
            broadcast(g, esz, d, d);
        if (!i->q && esz < 3)
            v3(g, MOVQ, d, 0, d);
        return;
    case IR_VFROM:
        ra = use(g, i->a);
        d = def(g, NOREG);
        from_int(g, esz == 3 && ir_result_type(&g->b->insn[i->a]) == IR_I32 ? 2 : esz, d, ra);
        return;
    case IR_VGET:
        ra = use(g, i->a);
        get_lane(g, esz, def(g, NOREG), ra, lane);
        return;
    case IR_VGETS:
        ra = use(g, i->a);
        d = def(g, NOREG);
        get_lane(g, esz, d, ra, lane);
        if (esz == 2)
            op_rr(A, is_w(i) ? 0x63 | OP_W : 0x8b, d, d);
        else if (esz < 2)
            op_rr(A, opw((esz ? 0xbf : 0xbe) | M_0F | (esz ? 0 : OP_BRM), is_w(i)), d, d);
        return;
    case IR_VINS:
        ra = use(g, i->a);
        rb = esz == 3 ? use64(g, i->b) : use(g, i->b);
        set_lane(g, esz, vdef(g, i), ra, rb, lane);
        return;
    case IR_VINSE:
        ra = use(g, i->a);
        rb = use(g, i->b);
        d = vdef(g, i);
        if (esz == 3 && lane)
            v3i(g, SHUFPD, d, ra, rb, from << 1);
        else if (esz == 3)
            v3i(g, SHUFPD, d, rb, ra, from | 2);
        else if (esz == 2)
            v3i(g, INSERTPS, d, ra, rb, from << 6 | lane << 4);
        else {
            get_lane(g, esz, RAX, rb, from);
            set_lane(g, esz, d, ra, RAX, lane);
        }
        return;
    default:                                     /* VDUPE */
        ra = use(g, i->a);
        d = vdef(g, i);
        if (esz == 2) {
            v2i(g, PSHUFD, d, ra, lane * 0x55);
        } else if (esz == 3) {
            v2i(g, PSHUFD, d, ra, lane ? 0xee : 0x44);
        } else {
            if (lane) {
                byte_shift_right(g, d, ra, lane << esz);
                ra = d;
            }
            broadcast(g, esz, d, ra);
        }
        if (!i->q)
            v3(g, MOVQ, d, 0, d);
        return;
    }
}

/* Low or high half of s, lanes twice as wide. XT1 is not an operand; d may be XT0 or XT1. */
static void widen(struct gen *g, unsigned esz, bool sgn, bool high, unsigned d, unsigned s)
{
    if (!high) {
        v3(g, O38(sgn ? 0x20 : 0x30) + (esz == 0 ? 0 : esz == 1 ? 3 : 5), d, 0, s);
    } else if (!sgn) {
        zero(g, XT1);
        v3(g, punpckh[esz], d, s, XT1);
    } else if (esz < 2) {
        v3(g, punpckh[esz], d, s, s);
        vshift(g, SRA, esz + 1, d, d, 8u << esz);
    } else {
        byte_shift_right(g, d, s, 8);
        v3(g, O38(0x25), d, 0, d);               /* pmovsxdq */
    }
}

static void multiply_long(struct gen *g, const struct ir_insn *i)
{
    unsigned esz = i->esz, ra = use(g, i->a), rb = use(g, i->b), d = vdef(g, i);
    bool high = i->imm, sgn = i->op == IR_VSMULL;
    if (esz == 0) {
        widen(g, 0, sgn, high, XT0, ra);
        widen(g, 0, sgn, high, XT1, rb);
        v3(g, PMULLW, d, XT0, XT1);
    } else if (esz == 1) {
        v3(g, PMULLW, XT0, ra, rb);
        v3(g, sgn ? O(0xe5) : O(0xe4), XT1, ra, rb);         /* pmulhw, pmulhuw */
        v3(g, (high ? punpckh : punpckl)[1], d, XT0, XT1);
    } else {
        v2i(g, PSHUFD, XT0, ra, high ? 0xfa : 0x50);
        v2i(g, PSHUFD, XT1, rb, high ? 0xfa : 0x50);
        v3(g, sgn ? O38(0x28) : O(0xf4), d, XT0, XT1);       /* pmuldq, pmuludq */
    }
}

static void add_pairs_long(struct gen *g, const struct ir_insn *i)
{
    const uint32_t pmaddubsw = O38(0x04), pmaddwd = O(0xf5), pmuldq = O38(0x28);
    unsigned esz = i->esz, ra = use(g, i->a), d = vdef(g, i);
    bool sgn = i->op == IR_VSADDLP;
    if (esz == 0 && sgn) {                       /* the first operand's bytes are unsigned */
        vk(g, O(0x6f), XT0, 0, K_ONES8);
        v3(g, pmaddubsw, d, XT0, ra);
    } else if (esz == 0) {
        vk(g, pmaddubsw, d, ra, K_ONES8);
    } else if (esz == 1 && sgn) {
        vk(g, pmaddwd, d, ra, K_ONES16);
    } else if (!sgn) {
        vshift(g, SRL, esz + 1, XT0, ra, 8u << esz);
        vk(g, PAND, d, ra, esz == 1 ? K_LOW16 : K_LOW32);
        v3(g, padd[esz + 1], d, d, XT0);
    } else {
        vshift(g, SRL, 3, XT0, ra, 32);
        vk(g, pmuldq, XT0, XT0, K_ONE64);
        vk(g, pmuldq, d, ra, K_ONE64);
        v3(g, padd[3], d, d, XT0);
    }
    finish64(g, i, d, true);
}

/* ---- permutations ---- */

/* Even (odd = false) or odd lanes of a, then of b. Clobbers XT0, XT1. */
static void unzip(struct gen *g, unsigned esz, bool odd, unsigned d, unsigned a, unsigned b)
{
    switch (esz) {
    case 3: v3(g, odd ? PUNPCKHQDQ : PUNPCKLQDQ, d, a, b); return;
    case 2: v3i(g, SHUFPS, d, a, b, odd ? 0xdd : 0x88); return;
    case 1:
        if (!odd) {
            vshift(g, SLL, 2, XT0, a, 16);
            vshift(g, SLL, 2, XT1, b, 16);
            a = XT0;
            b = XT1;
        }
        vshift(g, SRA, 2, XT0, a, 16);
        vshift(g, SRA, 2, XT1, b, 16);
        v3(g, PACKSSDW, d, XT0, XT1);
        return;
    default:
        if (odd) {
            vshift(g, SRL, 1, XT0, a, 8);
            vshift(g, SRL, 1, XT1, b, 8);
        } else {
            vk(g, PAND, XT0, a, K_LOWBYTES);
            vk(g, PAND, XT1, b, K_LOWBYTES);
        }
        v3(g, PACKUSWB, d, XT0, XT1);
        return;
    }
}

static void transpose(struct gen *g, unsigned esz, bool odd, unsigned d, unsigned a, unsigned b)
{
    switch (esz) {
    case 3: v3(g, odd ? PUNPCKHQDQ : PUNPCKLQDQ, d, a, b); return;
    case 2:
        v3i(g, SHUFPS, d, a, b, odd ? 0xdd : 0x88);
        v2i(g, PSHUFD, d, d, 0xd8);
        return;
    case 1:
        vshift(g, odd ? SRL : SLL, 2, XT0, odd ? a : b, 16);
        v3i(g, PBLENDW, d, odd ? XT0 : a, odd ? b : XT0, 0xaa);
        return;
    default:
        if (odd) {
            vshift(g, SRL, 1, XT0, a, 8);
            vshift(g, SRL, 1, XT1, b, 8);
            vshift(g, SLL, 1, XT1, XT1, 8);
        } else {
            vk(g, PAND, XT0, a, K_LOWBYTES);
            vshift(g, SLL, 1, XT1, b, 8);
        }
        v3(g, POR, d, XT0, XT1);
        return;
    }
}

static void permute(struct gen *g, const struct ir_insn *i)
{
    unsigned esz = i->esz, ra = use(g, i->a), rb = i->b == IR_NONE ? ra : use(g, i->b), d = vdef(g, i);
    switch ((enum ir_op)i->op) {
    case IR_VEXT:
        if (i->q) {
            v3i(g, PALIGNR, d, rb, ra, (unsigned)i->imm);
        } else {
            v3(g, PUNPCKLQDQ, d, ra, rb);
            byte_shift_right(g, d, d, (unsigned)i->imm);
            v3(g, MOVQ, d, 0, d);
        }
        return;
    case IR_VZIP1: v3(g, punpckl[esz], d, ra, rb); break;
    case IR_VZIP2:
        v3(g, i->q ? punpckh[esz] : punpckl[esz], d, ra, rb);
        if (!i->q) {
            byte_shift_right(g, d, d, 8);
            return;
        }
        break;
    case IR_VUZP1:
    case IR_VUZP2:
        if (!i->q) {
            v3(g, PUNPCKLQDQ, d, ra, rb);
            ra = rb = d;
        }
        unzip(g, esz, i->op == IR_VUZP2, d, ra, rb);
        break;
    case IR_VTRN1:
    case IR_VTRN2: transpose(g, esz, i->op == IR_VTRN2, d, ra, rb); break;
    case IR_VREV: vk(g, PSHUFB, d, ra, K_REV + (unsigned)i->imm * 3 + esz); break;
    case IR_VTBL:
        vk(g, O(0x6f), XT0, 0, K_TBL70);
        v3(g, PADDUSB, XT0, XT0, rb);
        v3(g, PSHUFB, d, ra, XT0);
        break;
    case IR_VLOW: v3(g, MOVQ, d, 0, ra); return;
    case IR_VHIGH: byte_shift_right(g, d, ra, 8); return;
    case IR_VJOIN: v3(g, PUNPCKLQDQ, d, ra, rb); return;
    case IR_VXTN: vk(g, PSHUFB, d, ra, K_XTN + esz); return;
    case IR_VFIRST:                              /* (esz 3 is VLOW) */
        if (esz == 2) {
            v3i(g, INSERTPS, d, ra, ra, 0x0e);
        } else {
            get_lane(g, esz, RAX, ra, 0);
            v3(g, O(0x6e), d, 0, RAX);
        }
        return;
    default: widen(g, esz, i->op == IR_VSXTL, i->imm, d, ra); return;
    }
    finish64(g, i, d, false);
}

/* ---- arithmetic ---- */

static void compare(struct gen *g, const struct ir_insn *i)
{
    unsigned esz = i->esz, ra = use(g, i->a), rb = use(g, i->b), d = vdef(g, i);
    bool invert = false;
    switch ((enum ir_op)i->op) {
    case IR_VCMEQ: v3(g, pcmpeq[esz], d, ra, rb); break;
    case IR_VCMGT: v3(g, pcmpgt[esz], d, ra, rb); break;
    case IR_VCMGE:
        if (esz < 3) {
            v3(g, pmaxs[esz], XT0, ra, rb);
            v3(g, pcmpeq[esz], d, XT0, ra);
        } else {
            v3(g, pcmpgt[3], d, rb, ra);
            invert = true;
        }
        break;
    case IR_VCMHI:
    case IR_VCMHS:
        if (esz < 3) {
            v3(g, i->op == IR_VCMHS ? pmaxu[esz] : pminu[esz], XT0, ra, rb);
            v3(g, pcmpeq[esz], d, XT0, ra);
            invert = i->op == IR_VCMHI;
        } else {
            vk(g, PXOR, XT0, ra, K_SIGN64);
            vk(g, PXOR, XT1, rb, K_SIGN64);
            if (i->op == IR_VCMHI)
                v3(g, pcmpgt[3], d, XT0, XT1);
            else
                v3(g, pcmpgt[3], d, XT1, XT0);
            invert = i->op == IR_VCMHS;
        }
        break;
    default:                                     /* VCMTST */
        v3(g, PAND, XT0, ra, rb);
        zero(g, XT1);
        v3(g, pcmpeq[esz], d, XT0, XT1);
        invert = true;
        break;
    }
    if (invert) {
        ones(g, XT0);
        v3(g, PXOR, d, d, XT0);
    }
    finish64(g, i, d, i->op == IR_VCMGT || i->op == IR_VCMTST || (i->op == IR_VCMHI));
}

static void shift(struct gen *g, const struct ir_insn *i)
{
    unsigned esz = i->esz, width = 8u << esz, n = (unsigned)i->imm, ra = use(g, i->a), d = vdef(g, i);
    switch ((enum ir_op)i->op) {
    case IR_VSHL:
        if (esz) {
            vshift(g, SLL, esz, d, ra, n);
        } else {
            vshift(g, SLL, 1, d, ra, n);
            vk(g, PAND, d, d, K_SHL8 + n);
        }
        break;
    case IR_VUSHR:
        if (n >= width) {
            zero(g, d);
        } else if (esz) {
            vshift(g, SRL, esz, d, ra, n);
        } else {
            vshift(g, SRL, 1, d, ra, n);
            vk(g, PAND, d, d, K_SHR8 + n);
        }
        break;
    default:                                     /* VSSHR */
        n = MIN(n, width - 1);
        if (esz == 1 || esz == 2) {
            vshift(g, SRA, esz, d, ra, n);
        } else if (esz == 3) {
            zero(g, XT0);
            v3(g, pcmpgt[3], XT0, XT0, ra);
            if (n == 63) {
                movaps_rr(A, d, XT0);
            } else {
                vshift(g, SLL, 3, XT0, XT0, 64 - n);
                vshift(g, SRL, 3, d, ra, n);
                v3(g, POR, d, d, XT0);
            }
        } else {
            vshift(g, SRL, 1, d, ra, n);
            vk(g, PAND, d, d, K_SHR8 + n);
            vk(g, PXOR, d, d, K_SAR8 + n);
            vk(g, O(0x6f), XT0, 0, K_SAR8 + n);
            v3(g, PSUBB, d, d, XT0);
        }
        break;
    }
    finish64(g, i, d, true);
}

static void add_pairs(struct gen *g, const struct ir_insn *i)
{
    unsigned esz = i->esz, ra = use(g, i->a), rb = use(g, i->b), d = vdef(g, i);
    if (esz == 3) {
        v3(g, PUNPCKLQDQ, XT0, ra, rb);
        v3(g, PUNPCKHQDQ, XT1, ra, rb);
        v3(g, padd[3], d, XT0, XT1);
        return;
    }
    if (!i->q) {
        v3(g, PUNPCKLQDQ, d, ra, rb);
        ra = rb = d;
    }
    if (esz) {
        v3(g, esz == 1 ? O38(0x01) : O38(0x02), d, ra, rb);  /* phaddw, phaddd */
    } else {
        vshift(g, SRL, 1, XT0, ra, 8);
        v3(g, PADDW, XT0, XT0, ra);
        vk(g, PAND, XT0, XT0, K_LOWBYTES);
        vshift(g, SRL, 1, XT1, rb, 8);
        v3(g, PADDW, XT1, XT1, rb);
        vk(g, PAND, XT1, XT1, K_LOWBYTES);
        v3(g, PACKUSWB, d, XT0, XT1);
    }
    finish64(g, i, d, false);
}

static void unary_vec(struct gen *g, const struct ir_insn *i)
{
    unsigned esz = i->esz, ra = use(g, i->a), d = vdef(g, i);
    switch ((enum ir_op)i->op) {
    case IR_VNOT:
        ones(g, XT0);
        v3(g, PXOR, d, ra, XT0);
        finish64(g, i, d, false);
        return;
    case IR_VNEG:
        zero(g, XT0);
        v3(g, psub[esz], d, XT0, ra);
        break;
    case IR_VABS:
        if (esz < 3) {
            v3(g, O38(0x1c) + esz, d, 0, ra);
        } else {
            zero(g, XT0);
            v3(g, pcmpgt[3], XT0, XT0, ra);
            v3(g, PXOR, d, ra, XT0);
            v3(g, psub[3], d, d, XT0);
        }
        break;
    default:                                     /* VCNT */
        vk(g, PAND, XT0, ra, K_NIBBLES);
        vshift(g, SRL, 1, XT1, ra, 4);
        vk(g, PAND, XT1, XT1, K_NIBBLES);
        vk(g, O(0x6f), d, 0, K_POPCNT);
        v3(g, PSHUFB, XT0, d, XT0);
        v3(g, PSHUFB, XT1, d, XT1);
        v3(g, PADDB, d, XT0, XT1);
        break;
    }
    finish64(g, i, d, true);
}

static void simple(struct gen *g, const struct ir_insn *i, uint32_t op)
{
    unsigned ra = use(g, i->a), rb = use(g, i->b), d = vdef(g, i);
    v3(g, op, d, ra, rb);
    finish64(g, i, d, true);
}

static void logic(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a), rb = use(g, i->b), rc = i->c == IR_NONE ? NOREG : use(g, i->c), d = vdef(g, i);
    switch ((enum ir_op)i->op) {
    case IR_VANDN: v3(g, PANDN, d, rb, ra); break;
    case IR_VORN:
        ones(g, XT0);
        v3(g, PXOR, XT0, XT0, rb);
        v3(g, POR, d, ra, XT0);
        finish64(g, i, d, false);
        return;
    case IR_VBSL:
        v3(g, PAND, XT0, ra, rb);
        v3(g, PANDN, XT1, ra, rc);
        v3(g, POR, d, XT0, XT1);
        break;
    default:                                     /* VMUL of bytes */
        v3(g, PMULLW, XT0, ra, rb);
        vk(g, PAND, XT0, XT0, K_LOWBYTES);
        vshift(g, SRL, 1, XT1, ra, 8);
        vshift(g, SRL, 1, d, rb, 8);
        v3(g, PMULLW, XT1, XT1, d);
        vshift(g, SLL, 1, XT1, XT1, 8);
        v3(g, POR, d, XT0, XT1);
        break;
    }
    finish64(g, i, d, true);
}

static void sticky(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a);
    op_rr(A, O38(0x17), ra, ra);                 /* ptest */
    uint8_t *none = jcc8(A, X_E);
    alu_mi(A, false, ALU_OR, STATE(fp.sticky), (int32_t)i->imm);
    land8(A, none);
}

bool lower_vec(struct gen *g, const struct ir_insn *i)
{
    unsigned esz = i->esz;
    if (i->op == IR_VSTICKY) {
        sticky(g, i);
        return true;
    }
    if (i->op <= IR_VCONST || i->op > IR_VCNT)
        return false;
    if (g->v[g->i].last == g->i)
        return true;                             /* no effects, nobody wants it */
    switch ((enum ir_op)i->op) {
    case IR_VDUP:
    case IR_VFROM:
    case IR_VGET:
    case IR_VGETS:
    case IR_VINS:
    case IR_VINSE:
    case IR_VDUPE: lanes(g, i); return true;
    case IR_VEXT:
    case IR_VZIP1:
    case IR_VZIP2:
    case IR_VUZP1:
    case IR_VUZP2:
    case IR_VTRN1:
    case IR_VTRN2:
    case IR_VREV:
    case IR_VTBL:
    case IR_VLOW:
    case IR_VHIGH:
    case IR_VJOIN:
    case IR_VXTN:
    case IR_VFIRST:
    case IR_VUXTL:
    case IR_VSXTL: permute(g, i); return true;
    case IR_VUMULL:
    case IR_VSMULL: multiply_long(g, i); return true;
    case IR_VUADDLP:
    case IR_VSADDLP: add_pairs_long(g, i); return true;
    case IR_VAND: simple(g, i, PAND); return true;
    case IR_VOR: simple(g, i, POR); return true;
    case IR_VXOR: simple(g, i, PXOR); return true;
    case IR_VANDN:
    case IR_VORN:
    case IR_VBSL: logic(g, i); return true;
    case IR_VADD: simple(g, i, padd[esz]); return true;
    case IR_VSUB: simple(g, i, psub[esz]); return true;
    case IR_VMUL:
        if (esz == 0)
            logic(g, i);
        else
            simple(g, i, esz == 1 ? PMULLW : PMULLD);
        return true;
    case IR_VSMAX: simple(g, i, pmaxs[esz]); return true;
    case IR_VSMIN: simple(g, i, pmins[esz]); return true;
    case IR_VUMAX: simple(g, i, pmaxu[esz]); return true;
    case IR_VUMIN: simple(g, i, pminu[esz]); return true;
    case IR_VNOT:
    case IR_VNEG:
    case IR_VABS:
    case IR_VCNT: unary_vec(g, i); return true;
    case IR_VCMEQ:
    case IR_VCMGT:
    case IR_VCMGE:
    case IR_VCMHI:
    case IR_VCMHS:
    case IR_VCMTST: compare(g, i); return true;
    case IR_VSHL:
    case IR_VUSHR:
    case IR_VSSHR: shift(g, i); return true;
    case IR_VADDP: add_pairs(g, i); return true;
    default: return false;
    }
}
