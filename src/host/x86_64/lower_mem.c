/*
 * lower_mem.c - guest memory: inline paths for windows and the software TLB, sites, and the stubs of the slow paths.
 *
 * Owns the shape of an access: [check] [host pointer] access. An access through a window may fault; its site says where to
 * go on. Must not know what the slow paths do.
 */
#include "host/x86_64/gen.h"

#define A (&g->a)
#define LINE 64                                  /* stores within a line are atomic */

struct stub *new_stub(struct gen *g, unsigned kind)
{
    if (g->n_stubs == MAX_STUBS)
        bug("too many stubs");
    struct stub *s = &g->stub[g->n_stubs++];
    s->kind = (uint8_t)kind;
    s->n_from = 0;
    s->dst = NOREG;
    s->site[0] = s->site[1] = -1;
    s->ef = false;
    s->clean32 = s->rbx = false;
    return s;
}

void stub_opnd(struct gen *g, struct opnd *o, ir_val v)
{
    int64_t imm;
    const struct val *x = val_of(g, v);
    if (x->reg == NOREG && is_const(g, v, &imm)) {
        if (ir_result_type(&g->b->insn[v]) == IR_I32)
            imm = (uint32_t)imm;
        *o = (struct opnd){true, NOREG, imm};
    } else {
        *o = (struct opnd){false, (uint8_t)use(g, v), 0};
    }
}

/* ---- the fast path's address ---- */

static void align_check(struct gen *g, const struct ir_insn *i, struct stub *s, unsigned ra)
{
    unsigned mask = ir_mem_align_mask(i->mem);
    if (!mask)
        return;
    if (i->imm & mask) {
        lea(A, false, RAX, mo_bd(ra, (int32_t)i->imm));
        ra = RAX;
    }
    test_ri(A, false, ra, (int32_t)mask);
    stub_from(s, jcc32(A, X_NE));
}

/*
 * h = v through vcpu.region_table, or (sum false) what is to be added to v. Returns the displacement of the jump taken when v is
 * not canonical: the thunk looks at its tag then. Only the table's load is on the way from v to h.
 */
static uint8_t *region_lookup(struct gen *g, unsigned h, unsigned v, unsigned view, bool sum)
{
    mov_rr(A, true, h, v);
    shift_ri(A, true, SH_SAR, h, REGION_SHIFT);
    lea(A, false, RAX, mo_bd(h, REGION_TABLE / 2));
    alu_ri(A, false, ALU_CMP, RAX, REGION_TABLE);
    uint8_t *odd = jcc32(A, X_AE);
    mov_rm(A, true, RAX, state_at(offsetof(struct vcpu, region_table) + view * sizeof(void *)));
    alu_ri(A, false, ALU_AND, h, REGION_TABLE - 1);
    mov_rm(A, true, h, mo_bis(RAX, h, 3, 0));
    if (sum)
        alu_rr(A, true, ALU_ADD, h, v);
    return odd;
}

static void region_thunk(struct gen *g, unsigned h, unsigned v, unsigned view, bool sum)
{
    mov_rr(A, true, RAX, v);
    call_to(A, host_state.region[view]);
    mov_rr(A, true, h, RAX);
    if (!sum)
        alu_rr(A, true, ALU_SUB, h, v);
}

/*
 * The operand through the base's host pointer, from the predicted region or the table. The pointer is kept for the block's other
 * accesses; a load or store that is the last to want it takes the region's delta and the base as they are.
 */
static struct mo host_pointer(struct gen *g, const struct ir_insn *i, unsigned ra)
{
    unsigned root = g->v[i->a].root;
    struct val *x = &g->v[root];
    int64_t region = 0;
    if (x->hreg != NOREG) {
        lock(g, x->hreg);
        return mo_bd(x->hreg, (int32_t)i->imm);
    }
    bool sum = x->hlast != g->i;
    unsigned h = temp(g, false);
    int slot = g->o->predict ? g->o->predict(g->o->opaque, g->b, g->i, &region) : -1;
    struct stub *s = new_stub(g, STUB_REGION);
    s->direct = slot < 0;
    if (slot < 0) {
        stub_from(s, region_lookup(g, h, ra, i->mem.view, sum));
    } else {
        if (region && host_state.bmi2) {
            shrx(A, true, RAX, ra, RBP);         /* by REGION_SHIFT: see VCPU_BIAS */
        } else {
            mov_rr(A, true, RAX, ra);
            shift_ri(A, true, SH_SHR, RAX, REGION_SHIFT);
        }
        if (region)
            alu_ri(A, false, ALU_CMP, RAX, (int32_t)(region & ((1 << (64 - REGION_SHIFT)) - 1)));
        stub_from(s, jcc32(A, X_NE));
        mov_rm(A, true, h, state_at(offsetof(struct vcpu, delta) + (size_t)slot * 8));
        if (sum)
            alu_rr(A, true, ALU_ADD, h, ra);
    }
    s->base = (uint8_t)ra;
    s->view = i->mem.view;
    s->dst = (uint8_t)h;
    s->sum = sum;
    s->back = A->p;
    A->ef = false;
    if (!sum)
        return mo_bis(h, ra, 0, (int32_t)i->imm);
    x->hreg = (uint8_t)h;
    g->reg_val[h] = (uint16_t)root;
    g->reg_h[h] = true;
    return mo_bd(h, (int32_t)i->imm);
}

/* Software TLB probe: leaves [t + base + imm] as the operand. */
static unsigned soft_probe(struct gen *g, const struct ir_insn *i, struct stub *s, unsigned ra, bool write)
{
    unsigned t = temp(g, false), size = 1u << i->mem.size;
    struct mo mask = state_at(offsetof(struct vcpu, tlb) + i->mem.view * sizeof(struct tlb_desc));
    struct mo table = mask;
    mask.disp += (int32_t)offsetof(struct tlb_desc, mask);
    table.disp += (int32_t)offsetof(struct tlb_desc, table);
    lea(A, true, t, mo_bd(ra, (int32_t)i->imm));
    shift_ri(A, true, SH_SHR, t, PAGE_SHIFT - TLB_ENTRY_SHIFT);
    alu_rm(A, true, ALU_AND, t, mask);
    alu_rm(A, true, ALU_ADD, t, table);
    /* Of the last byte, so that what crosses a page misses; with an alignment rule of the first, with its low bits. */
    lea(A, true, RAX, mo_bd(ra, (int32_t)(i->imm + (i->mem.align ? 0 : size - 1))));
    alu_ri(A, true, ALU_AND, RAX, (int32_t)(PAGE_MASK | ir_mem_align_mask(i->mem)));
    op_rm(A, 0x3b | OP_W, RAX, mo_bd(t, (int32_t)(write ? offsetof(struct tlb_entry, write_tag) : offsetof(struct tlb_entry, read_tag))));
    A->ef = false;
    stub_from(s, jcc32(A, X_NE));
    mov_rm(A, true, t, mo_bd(t, (int32_t)offsetof(struct tlb_entry, addend)));
    return t;
}

/*
 * The access's operand. From the first jump to the slow stub to the stub's return nothing may be emitted that later code
 * relies on (spills, host pointers): registers for the result are made free before.
 */
static struct mo address(struct gen *g, const struct ir_insn *i, struct stub *s, unsigned ra, bool write)
{
    if (g->kind == ACCESS_SOFT) {
        unsigned t = soft_probe(g, i, s, ra, write);
        return mo_bis(t, ra, 0, (int32_t)i->imm);
    }
    struct mo m = host_pointer(g, i, ra);
    align_check(g, i, s, ra);
    return m;
}

/* ---- sites ---- */

static uint8_t *site_begin(struct gen *g)
{
    /* The first two bytes of what may be overwritten lie in one line. */
    if (g->kind == ACCESS_REGION && ((uintptr_t)A->p & (LINE - 1)) == LINE - 1)
        nops(A, 1);
    return A->p;
}

/* The instruction from START on touches memory. It is made at least five bytes long, by prefixes without meaning. */
static void site_end(struct gen *g, struct stub *s, uint8_t *start)
{
    if (g->kind != ACCESS_REGION)
        return;
    unsigned len = (unsigned)(A->p - start);
    if (len < 5) {
        unsigned n = 8 * (5 - len);
        uint64_t x;
        memcpy(&x, start, sizeof(x));
        x = x << n | (0x3e3e3e3eu & ((1ull << n) - 1));      /* DS: ignored in 64-bit mode */
        memcpy(start, &x, sizeof(x));
        A->p += 5 - len;
        len = 5;
    }
    if (g->n_sites == MAX_SITES)
        bug("too many sites");
    s->site[s->site[0] >= 0] = (int32_t)g->n_sites;
    g->site[g->n_sites++] = (struct host_site){.off = (uint32_t)(start - g->start), .len = len, .start = (uint32_t)(start - g->start)};
}

static void stub_common(struct gen *g, struct stub *s, const struct ir_insn *i, unsigned ra)
{
    s->base = (uint8_t)ra;
    s->imm = i->imm;
    s->size = i->mem.size;
    s->mem = ir_mem_pack(i->mem) | (uint32_t)i->pc_off << 16 | (i->op == IR_AMO ? (uint32_t)i->cc << 28 : 0);
    s->src = flags_src(g);
    s->ef = A->ef;
    if (A->ef && A->direct)
        bug("NZCV is not in memory before an access");   /* who may fault has had it stored */
}

static inline void release_operand(struct gen *g, ir_val v)
{
    unsigned r = v == IR_NONE ? NOREG : dying_reg(g, v);
    if (r != NOREG) {
        free_val(g, g->v[v].root);
        unlock(g, r);
    }
}

/* Operands that die may give their registers to the result: the access itself is the only writer of it. */
static void release_dying(struct gen *g, const struct ir_insn *i, struct mo m, bool drop_h)
{
    release_operand(g, i->a);
    if (!ir_no_bc(i)) {
        release_operand(g, i->b);
        release_operand(g, i->c);
    }
    unsigned root = g->reg_val[m.base];
    if (root == IR_NONE) {
        unlock(g, m.base);
    } else if (g->reg_h[m.base] && (drop_h || g->v[root].hlast <= g->i)) {
        g->v[root].hreg = NOREG;
        g->reg_val[m.base] = IR_NONE;
        g->reg_h[m.base] = false;
        unlock(g, m.base);
    }
}

/* ---- loads and stores ---- */

static void load_insn(struct gen *g, const struct ir_insn *i, unsigned d, struct mo m)
{
    bool wide = i->mem.sext && is_w(i);
    switch (i->mem.size) {
    case 0: op_rm(A, i->mem.sext ? opw(0xbe | M_0F, wide) : 0xb6 | M_0F, d, m); break;
    case 1: op_rm(A, i->mem.sext ? opw(0xbf | M_0F, wide) : 0xb7 | M_0F, d, m); break;
    case 2:
        if (wide)
            op_rm(A, 0x63 | OP_W, d, m);
        else
            mov_rm(A, false, d, m);
        break;
    default: mov_rm(A, true, d, m); break;
    }
}

static void load(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a);
    struct stub *s = new_stub(g, STUB_LOAD);
    struct mo m = {0};
    bool slow = g->kind == ACCESS_SLOW, wanted = g->v[g->i].last > g->i;
    if (!slow) {
        if (g->kind == ACCESS_REGION)
            make_free(g, false, 2);
        m = address(g, i, s, ra, false);
    }
    stub_common(g, s, i, ra);
    s->clean32 = !is_w(i);
    if (!slow)
        release_dying(g, i, m, false);
    unsigned d = wanted ? def(g, NOREG) : RAX;
    s->dst = wanted ? (uint8_t)d : NOREG;
    if (slow) {
        stub_from(s, jmp32(A));
        A->ef = false;
    } else {
        uint8_t *start = site_begin(g);
        load_insn(g, i, d, m);
        site_end(g, s, start);
    }
    s->back = A->p;
}

static void load_vec(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a);
    struct stub *s = new_stub(g, STUB_LOADV);
    struct mo m = {0};
    bool slow = g->kind == ACCESS_SLOW;
    if (!slow) {
        make_free(g, true, 1);
        m = address(g, i, s, ra, false);
    }
    stub_common(g, s, i, ra);
    unsigned d = def(g, NOREG);
    s->dst = (uint8_t)d;
    if (slow) {
        stub_from(s, jmp32(A));
        A->ef = false;
        s->back = A->p;
        return;
    }
    uint8_t *start = site_begin(g);
    switch (i->mem.size) {
    case 4: movups_rm(A, d, m); break;
    case 3: op_rm(A, 0x7e | M_0F | P_F3, d, m); break;       /* movq */
    case 2: op_rm(A, 0x6e | M_0F | P_66, d, m); break;       /* movd */
    default: op_rm(A, (i->mem.size ? 0xb7u : 0xb6u) | M_0F, RAX, m); break;
    }
    site_end(g, s, start);
    if (i->mem.size < 2)
        movd_xr(A, d, RAX);
    s->back = A->p;
}

static void store(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a);
    struct stub *s = new_stub(g, STUB_STORE);
    int64_t imm;
    bool c = is_const(g, i->b, &imm) && val_of(g, i->b)->reg == NOREG && (i->mem.size < 3 || fits32(imm));
    unsigned rb = c ? NOREG : use(g, i->b);
    s->val = c ? (struct opnd){true, NOREG, imm} : (struct opnd){false, (uint8_t)rb, 0};
    if (g->kind == ACCESS_SLOW) {
        stub_common(g, s, i, ra);
        stub_from(s, jmp32(A));
        A->ef = false;
        s->back = A->p;
        return;
    }
    struct mo m = address(g, i, s, ra, true);
    stub_common(g, s, i, ra);
    uint8_t *start = site_begin(g);
    switch (i->mem.size) {
    case 0:
        if (c)
            op_rm(A, 0xc6, 0, m), e1(A, (uint8_t)imm);
        else
            op_rm(A, 0x88 | OP_B, rb, m);
        break;
    case 1:
        if (c) {
            op_rm(A, 0xc7 | P_66, 0, m);
            e1(A, (uint8_t)imm);
            e1(A, (uint8_t)(imm >> 8));
        } else {
            op_rm(A, 0x89 | P_66, rb, m);
        }
        break;
    default:
        if (c)
            mov_mi(A, i->mem.size == 3, m, (int32_t)imm);
        else
            mov_mr(A, i->mem.size == 3, m, rb);
        break;
    }
    site_end(g, s, start);
    s->back = A->p;
}

static void store_vec(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a), rb = use(g, i->b);
    struct stub *s = new_stub(g, STUB_STOREV);
    s->val = (struct opnd){false, (uint8_t)rb, 0};
    if (g->kind == ACCESS_SLOW) {
        stub_common(g, s, i, ra);
        stub_from(s, jmp32(A));
        A->ef = false;
        s->back = A->p;
        return;
    }
    struct mo m = address(g, i, s, ra, true);
    stub_common(g, s, i, ra);
    uint8_t *start = site_begin(g);
    switch (i->mem.size) {
    case 4: movups_mr(A, m, rb); break;
    case 3: op_rm(A, 0xd6 | M_0F | P_66, rb, m); break;      /* movq */
    case 2: op_rm(A, 0x7e | M_0F | P_66, rb, m); break;      /* movd */
    case 1: op_rm(A, 0x15 | M_0F3A | P_66, rb, m), e1(A, 0); break;      /* pextrw */
    default: op_rm(A, 0x14 | M_0F3A | P_66, rb, m), e1(A, 0); break;     /* pextrb */
    }
    site_end(g, s, start);
    s->back = A->p;
}

/* ---- atomics ---- */

/* Opcode of a read-modify-write of the access's size: BYTE form in op, word form is op | 1. */
static uint32_t sized(unsigned size, uint32_t op)
{
    return size == 0 ? op | OP_B : op | 1 | (size == 1 ? P_66 : 0) | (size == 3 ? OP_W : 0);
}

/* RAX holds the old value of the access's size: into the result. */
static void old_to_result(struct gen *g, const struct ir_insn *i, struct stub *s, struct mo m)
{
    release_dying(g, i, m, true);
    if (g->v[g->i].last <= g->i)
        return;
    unsigned d = def(g, NOREG);
    s->dst = (uint8_t)d;
    s->clean32 = !is_w(i);
    switch (i->mem.size) {
    case 0: movzx8(A, d, RAX); break;
    case 1: movzx16(A, d, RAX); break;
    default: mov_rr(A, i->mem.size == 3, d, RAX); break;
    }
}

static bool amo_slow(struct gen *g, const struct ir_insn *i, struct stub *s)
{
    if (g->kind != ACCESS_SLOW)
        return false;
    if (g->v[g->i].last > g->i) {
        s->dst = (uint8_t)def(g, NOREG);
        s->clean32 = true;
        if (is_w(i))
            s->clean32 = false;
    }
    stub_from(s, jmp32(A));
    A->ef = false;
    s->back = A->p;
    return true;
}

static void load_sized(struct gen *g, unsigned size, unsigned d, struct mo m)
{
    if (size < 2)
        op_rm(A, (size ? 0xb7u : 0xb6u) | M_0F, d, m);
    else
        mov_rm(A, size == 3, d, m);
}

static void amo(struct gen *g, const struct ir_insn *i)
{
    bool w = i->mem.size == 3;
    unsigned ra = use(g, i->a), rb = use(g, i->b), size = i->mem.size;
    struct stub *s = new_stub(g, STUB_AMO);
    s->val = (struct opnd){false, (uint8_t)rb, 0};
    stub_common(g, s, i, ra);
    if (amo_slow(g, i, s))
        return;
    bool loops = i->cc != AMO_SWP && i->cc != AMO_ADD;
    unsigned t = loops ? temp(g, false) : NOREG;
    struct mo m = address(g, i, s, ra, true);
    if (!loops) {
        mov_rr(A, w, RAX, rb);
        uint8_t *start = site_begin(g);
        if (i->cc == AMO_SWP)
            op_rm(A, sized(size, 0x86), RAX, m);
        else
            op_rm(A, sized(size, 0xc0) | M_0F | OP_LOCK, RAX, m);
        site_end(g, s, start);
        A->ef = false;
        old_to_result(g, i, s, m);
        s->back = A->p;
        return;
    }
    uint8_t *start = site_begin(g);
    load_sized(g, size, RAX, m);
    site_end(g, s, start);
    uint8_t *loop = A->p;
    unsigned cc = X_O;
    switch (i->cc) {
    case AMO_CLR:
        mov_rr(A, w, t, rb);
        not_r(A, w, t);
        alu_rr(A, w, ALU_AND, t, RAX);
        break;
    case AMO_EOR:
        mov_rr(A, w, t, rb);
        alu_rr(A, w, ALU_XOR, t, RAX);
        break;
    case AMO_SET:
        mov_rr(A, w, t, rb);
        alu_rr(A, w, ALU_OR, t, RAX);
        break;
    default:
        cc = i->cc == AMO_SMAX ? X_L : i->cc == AMO_SMIN ? X_G : i->cc == AMO_UMAX ? X_B : X_A;
        /* t = old; if (old cc b) t = b, compared at the access's width */
        op_rr(A, size == 0 ? 0x3a | OP_B | OP_BRM : 0x3b | (size == 1 ? P_66 : 0) | (w ? OP_W : 0), RAX, rb);
        mov_rr(A, w, t, RAX);
        cmov(A, w, cc, t, rb);
        break;
    }
    start = site_begin(g);
    op_rm(A, sized(size, 0xb0) | M_0F | OP_LOCK, t, m);
    site_end(g, s, start);
    uint8_t *again = jcc8(A, X_NE);
    *again = (uint8_t)(loop - (again + 1));
    A->ef = false;
    unlock(g, t);
    old_to_result(g, i, s, m);
    s->back = A->p;
}

static void cas(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a), rb = use(g, i->b), rc = use(g, i->c);
    struct stub *s = new_stub(g, STUB_CAS);
    s->val = (struct opnd){false, (uint8_t)rb, 0};
    s->val2 = (struct opnd){false, (uint8_t)rc, 0};
    stub_common(g, s, i, ra);
    if (amo_slow(g, i, s))
        return;
    struct mo m = address(g, i, s, ra, true);
    mov_rr(A, true, RAX, rb);
    uint8_t *start = site_begin(g);
    op_rm(A, sized(i->mem.size, 0xb0) | M_0F | OP_LOCK, rc, m);
    site_end(g, s, start);
    A->ef = false;
    old_to_result(g, i, s, m);
    s->back = A->p;
}

static void stx(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a), rb = use(g, i->b);
    struct stub *s = new_stub(g, STUB_STX);
    s->val = (struct opnd){false, (uint8_t)rb, 0};
    stub_common(g, s, i, ra);
    if (amo_slow(g, i, s))
        return;
    struct mo m = address(g, i, s, ra, true);
    lea(A, true, RAX, mo_bd(ra, (int32_t)i->imm));
    op_rm(A, 0x3b | OP_W, RAX, STATE(excl_addr));
    uint8_t *fail = jcc8(A, X_NE);
    mov_rm(A, true, RAX, STATE(excl_val));
    uint8_t *start = site_begin(g);
    op_rm(A, sized(i->mem.size, 0xb0) | M_0F | OP_LOCK, rb, m);
    site_end(g, s, start);
    land8(A, fail);
    setcc(A, X_NE, RAX);
    mov_mi(A, true, STATE(excl_addr), -1);
    A->ef = false;
    release_dying(g, i, m, true);
    if (g->v[g->i].last > g->i) {
        unsigned d = def(g, NOREG);
        s->dst = (uint8_t)d;
        s->clean32 = true;
        movzx8(A, d, RAX);
    }
    s->back = A->p;
}

/*
 * CASP and STXP: CMPXCHG16B wants RDX:RAX and RCX:RBX. RDX and RCX are kept free of values; RBX, a home, is put aside before the
 * first jump to the slow stub, which takes it back.
 */
static void pair(struct gen *g, const struct ir_insn *i)
{
    bool stxp = i->op == IR_STXP;
    uint32_t fixed = 1u << RCX | 1u << RDX;
    evict(g, RCX);
    evict(g, RDX);
    g->lock |= fixed;
    unsigned ra = use(g, i->a), rb = use(g, i->b), rc = use(g, i->c);
    struct stub *s = new_stub(g, stxp ? STUB_STXP : STUB_CASP);
    s->val = (struct opnd){false, (uint8_t)rb, 0};
    s->val2 = (struct opnd){false, (uint8_t)rc, 0};
    stub_common(g, s, i, ra);
    if (g->kind == ACCESS_SLOW) {
        g->lock &= ~fixed;
        amo_slow(g, i, s);
        return;
    }
    mov_mr(A, true, frame(F_TMP), RBX);
    s->rbx = true;
    struct mo m = address(g, i, s, ra, true);
    if (g->kind == ACCESS_SOFT) {
        lea(A, true, m.base, m);
        m = mo_bd(m.base, 0);
    }
    uint8_t *fail = NULL;
    size_t expect = stxp ? offsetof(struct vcpu, excl_val) : offsetof(struct vcpu, pair);
    if (stxp) {
        lea(A, true, RAX, mo_bd(ra, (int32_t)i->imm));
        op_rm(A, 0x3b | OP_W, RAX, STATE(excl_addr));
        fail = jcc32(A, X_NE);
    }
    mov_rr(A, true, RCX, rc);
    if (rb != RBX)
        mov_rr(A, true, RBX, rb);
    mov_rm(A, true, RAX, state_at(expect));
    mov_rm(A, true, RDX, state_at(expect + 8));
    uint8_t *start = site_begin(g);
    op_rm(A, 0xc7 | M_0F | OP_LOCK | OP_W, 1, m);        /* cmpxchg16b */
    site_end(g, s, start);
    if (stxp) {
        land32(A, fail);
        setcc(A, X_NE, RAX);
        mov_mi(A, true, STATE(excl_addr), -1);
    } else {
        mov_mr(A, true, state_at(expect + 8), RDX);
    }
    mov_rm(A, true, RBX, frame(F_TMP));
    A->ef = false;
    g->lock &= ~fixed;
    release_dying(g, i, m, true);
    if (g->v[g->i].last > g->i) {
        unsigned d = def(g, NOREG);
        s->dst = (uint8_t)d;
        s->clean32 = stxp;
        if (stxp)
            movzx8(A, d, RAX);
        else
            mov_rr(A, true, d, RAX);
    }
    s->back = A->p;
}

bool lower_mem(struct gen *g, const struct ir_insn *i)
{
    g->kind = g->o->kind[i->mem.view];
    if (g->lazy >= 0)
        A->ef = A->direct = false;               /* (who still wants them has had them stored) */
    switch ((enum ir_op)i->op) {
    case IR_LD: load(g, i); return true;
    case IR_LDV: load_vec(g, i); return true;
    case IR_ST: store(g, i); return true;
    case IR_STV: store_vec(g, i); return true;
    case IR_AMO: amo(g, i); return true;
    case IR_CAS: cas(g, i); return true;
    case IR_STX: stx(g, i); return true;
    case IR_CASP:
    case IR_STXP: pair(g, i); return true;
    case IR_FENCE:
        op_rm(A, 0x83 | OP_LOCK, 1, frame(F_TMP));           /* lock or dword [frame], 0: a full barrier, cheaper than MFENCE */
        e1(A, 0);
        A->ef = false;
        return true;
    default: return false;
    }
}

/* ---- stubs ---- */

static void store_opnd(struct gen *g, int32_t at, const struct opnd *o)
{
    if (o->is_const && fits32(o->imm)) {
        mov_mi(A, true, frame(at), (int32_t)o->imm);
    } else if (o->is_const) {
        mov_ri(A, RAX, (uint64_t)o->imm);
        mov_mr(A, true, frame(at), RAX);
    } else {
        mov_mr(A, true, frame(at), o->reg);
    }
}

static void emit_mem_stub(struct gen *g, struct stub *s)
{
    unsigned kind = s->kind;
    for (unsigned k = 0; k < 2; k++) {
        if (s->site[k] >= 0)
            g->site[s->site[k]].slow = (uint32_t)(A->p - g->start);
    }
    if (s->src.op)
        flags_again(g, &s->src);
    if (s->rbx)
        mov_rm(A, true, RBX, frame(F_TMP));
    if (kind == STUB_STOREV)
        movups_mr(A, frame(F_ARG0), s->val.reg);
    else if (kind != STUB_LOAD && kind != STUB_LOADV)
        store_opnd(g, F_ARG0, &s->val);
    if (kind == STUB_CAS)
        store_opnd(g, F_ARG1, &s->val2);
    if (kind == STUB_CASP || kind == STUB_STXP)
        store_opnd(g, F_ARG0 + 8, &s->val2);
    if (kind == STUB_STOREV && s->size < 4)
        kind = STUB_STORE;
    if (kind == STUB_LOADV && s->size < 4)
        kind = STUB_LOAD;
    if (s->imm)
        lea(A, true, RAX, mo_bd(s->base, (int32_t)s->imm));
    else
        mov_rr(A, true, RAX, s->base);
    mov_mi(A, false, frame(F_MEM), (int32_t)s->mem);
    call_to(A, host_state.mem[kind][g->vec]);
    if (s->dst != NOREG) {
        if (s->kind == STUB_LOADV && s->size == 4)
            movups_rm(A, s->dst, frame(F_ARG0));
        else if (s->kind == STUB_LOADV)
            movq_xr(A, s->dst, RAX);
        else
            mov_rr(A, !s->clean32, s->dst, RAX);
    }
    if (s->ef)
        flags_load(g);
    jmp_to(A, s->back);
}

void emit_stubs(struct gen *g)
{
    for (unsigned n = 0; n < g->n_stubs; n++) {
        struct stub *s = &g->stub[n];
        if (g->limit - A->p < 256)
            return;                              /* host_generate() finds the room exhausted */
        for (unsigned k = 0; k < s->n_from; k++)
            land32(A, s->from[k]);
        A->ef = false;
        if (s->kind == STUB_REGION) {
            if (!s->direct) {
                /* The table at once, but for the failures that are sampled and for tagged addresses. */
                alu_mi(A, false, ALU_SUB, STATE(region_credit), 1);
                uint8_t *sample = jcc32(A, X_S);
                uint8_t *odd = region_lookup(g, s->dst, s->base, s->view, s->sum);
                jmp_to(A, s->back);
                land32(A, sample);
                land32(A, odd);
            }
            region_thunk(g, s->dst, s->base, s->view, s->sum);
            jmp_to(A, s->back);
        } else if (s->kind == STUB_EVAL || s->kind == STUB_FLAGS_EVAL) {
            emit_eval_stub(g, s);
        } else if (s->kind == STUB_COUNT) {
            emit_count_stub(g, s);
        } else if (s->kind == STUB_SATURATE) {
            emit_saturate_stub(g, s);
        } else if (s->kind == STUB_VEC_HOMES) {
            call_to(A, host_state.load_vec);
            jmp_to(A, s->back);
        } else if (s->kind == STUB_TRAP) {
            emit_trap_stub(g, s);
        } else {
            emit_mem_stub(g, s);
        }
    }
}
