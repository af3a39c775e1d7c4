/*
 * translate_simd_int.c - Advanced SIMD integer arithmetic: three registers, two registers, across lanes, by element.
 *
 * What has IR operations is IR: saturating sums, narrowing and the high halves of products, too; other saturating products, shifts by
 * registers, polynomial and bit-counting forms are helper_simd calls.
 * Source: Arm ARM DDI 0487, C7.2.
 */
#include "simd.h"

/* ---- three registers of the same type ---- */

/* Fields that all three-register forms share. */
struct three { unsigned esz, q, u, rd, rn, rm; };
#define THREE(a) ((struct three){.esz = (a)->size, .q = (a)->q, .rd = (a)->rd, .rn = (a)->rn, .rm = (a)->rm})
#define THREE_U(a) \
    ((struct three){.esz = (a)->size, .q = (a)->q, .u = (a)->u, .rd = (a)->rd, .rn = (a)->rn, .rm = (a)->rm})
#define THREE_D(a) ((struct three){.esz = 3, .rd = (a)->rd, .rn = (a)->rn, .rm = (a)->rm})

static inline ir_val op2(struct a64_tr *tr, enum ir_op op, const struct three *t, ir_val a, ir_val b)
{
    return simd_op2(tr, op, t->esz, t->q, a, b);
}

enum { NO_D = 1, NO_1D = 2, NO_B = 4 }; /* reserved sizes: 64-bit lanes; 64-bit lanes with q = 0; 8-bit lanes */

static bool reserved(const struct three *t, unsigned no)
{
    return (t->esz == 3 && (no & NO_D || (no & NO_1D && !t->q))) || (t->esz == 0 && no & NO_B);
}

static bool three_ir(struct a64_tr *tr, struct three t, unsigned no, enum ir_op op)
{
    if (reserved(&t, no)) {
        return false;
    }
    SIMD_CHECK(tr);
    simd_set_v(tr, t.rd, op2(tr, op, &t, simd_v(tr, t.rn), simd_v(tr, t.rm)));
    return true;
}

static bool three_call(struct a64_tr *tr, struct three t, unsigned no, enum simd_fn fn, enum simd_shape shape)
{
    if (reserved(&t, no)) {
        return false;
    }
    SIMD_CHECK(tr);
    simd_call(tr, &helper_simd, (struct simd_desc){.fn = fn, .shape = shape, .rd = t.rd, .rn = t.rn, .rm = t.rm,
                                                   .ra = t.rd, .esz = t.esz, .q = t.q, .u = t.u});
    return true;
}

#define TRANS(NAME) bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)
#define IR3(NAME, no, op) TRANS(NAME) { return three_ir(tr, THREE(a), no, op); }
#define IR3U(NAME, no, sop, uop) TRANS(NAME) { return three_ir(tr, THREE(a), no, a->u ? uop : sop); }
#define IR3D(NAME, op) TRANS(NAME) { return three_ir(tr, THREE_D(a), 0, op); }
#define IR3DU(NAME, sop, uop) TRANS(NAME) { return three_ir(tr, THREE_D(a), 0, a->u ? uop : sop); }
#define CALL3(NAME, no, fn) TRANS(NAME) { return three_call(tr, THREE(a), no, fn, SH_LANES); }
#define CALL3U(NAME, no, fn) TRANS(NAME) { return three_call(tr, THREE_U(a), no, fn, SH_LANES); }
#define SCALAR3(NAME, no, fn)                                                                               \
    TRANS(NAME)                                                                                             \
    {                                                                                                       \
        struct three t = {.esz = a->size, .rd = a->rd, .rn = a->rn, .rm = a->rm};                           \
        return three_call(tr, t, no, fn, SH_SCALAR);                                                        \
    }
#define SCALAR3U(NAME, fn)                                                                                  \
    TRANS(NAME)                                                                                             \
    {                                                                                                       \
        struct three t = {.esz = a->size, .u = a->u, .rd = a->rd, .rn = a->rn, .rm = a->rm};                \
        return three_call(tr, t, 0, fn, SH_SCALAR);                                                         \
    }
#define SCALAR3DU(NAME, fn)                                                                                 \
    TRANS(NAME)                                                                                             \
    {                                                                                                       \
        struct three t = {.esz = 3, .u = a->u, .rd = a->rd, .rn = a->rn, .rm = a->rm};                      \
        return three_call(tr, t, 0, fn, SH_SCALAR);                                                         \
    }

IR3(ADD_v, NO_1D, IR_VADD)
IR3(SUB_v, NO_1D, IR_VSUB)
IR3(MUL_v, NO_D, IR_VMUL)
IR3(CMTST_v, NO_1D, IR_VCMTST)
IR3(CMEQ_v, NO_1D, IR_VCMEQ)
IR3(ADDP_v, NO_1D, IR_VADDP)
IR3U(CMGT_v, NO_1D, IR_VCMGT, IR_VCMHI)
IR3U(CMGE_v, NO_1D, IR_VCMGE, IR_VCMHS)
IR3U(MAX_v, NO_D, IR_VSMAX, IR_VUMAX)
IR3U(MIN_v, NO_D, IR_VSMIN, IR_VUMIN)
IR3D(ADD_s, IR_VADD)
IR3D(SUB_s, IR_VSUB)
IR3D(CMTST_s, IR_VCMTST)
IR3D(CMEQ_s, IR_VCMEQ)
IR3DU(CMGT_s, IR_VCMGT, IR_VCMHI)
IR3DU(CMGE_s, IR_VCMGE, IR_VCMHS)


/* Where mask is set the result is saturated: signed, towards the sign of rn. */
static bool add_sat(struct a64_tr *tr, struct three t, bool sub)
{
    if (reserved(&t, NO_1D)) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, t.rn), m = simd_v(tr, t.rm), r = simd_op2(tr, sub ? IR_VSUB : IR_VADD, t.esz, t.q, n, m), mask;
    if (t.u) {
        mask = sub ? simd_op2(tr, IR_VCMHI, t.esz, t.q, m, n) : simd_op2(tr, IR_VCMHI, t.esz, t.q, n, r);
        r = simd_op2(tr, sub ? IR_VANDN : IR_VOR, 0, t.q, r, mask);
    } else {
        unsigned sign = (8u << t.esz) - 1;
        ir_val changed = simd_op2(tr, IR_VXOR, 0, t.q, n, r), differ = simd_op2(tr, IR_VXOR, 0, t.q, n, m);
        mask = simd_op2(tr, sub ? IR_VAND : IR_VANDN, 0, t.q, changed, differ);
        mask = simd_op1i(tr, IR_VSSHR, t.esz, t.q, mask, sign);
        ir_val limit = simd_op2(tr, IR_VXOR, 0, t.q, simd_op1i(tr, IR_VSSHR, t.esz, t.q, n, sign),
                                simd_const(tr, t.esz, t.q, simd_mask(t.esz) >> 1));
        r = simd_op3(tr, IR_VBSL, 0, t.q, mask, limit, r);
    }
    ir_vsticky(tr->b, mask, FPSR_QC);
    simd_set_v(tr, t.rd, r);
    return true;
}
TRANS(QADD_v) { return add_sat(tr, THREE_U(a), false); }
TRANS(QSUB_v) { return add_sat(tr, THREE_U(a), true); }
CALL3U(SHL_reg_v, NO_1D, FN_shl_reg)
CALL3U(QSHL_reg_v, NO_1D, FN_qshl_reg)
CALL3U(RSHL_v, NO_1D, FN_rshl)
CALL3U(QRSHL_v, NO_1D, FN_qrshl)
SCALAR3U(QADD_s, FN_qadd)
SCALAR3U(QSUB_s, FN_qsub)
SCALAR3DU(SHL_reg_s, FN_shl_reg)
SCALAR3U(QSHL_reg_s, FN_qshl_reg)
SCALAR3DU(RSHL_s, FN_rshl)
SCALAR3U(QRSHL_s, FN_qrshl)
SCALAR3(SQDMULH_s, NO_D | NO_B, FN_sqdmulh)
SCALAR3(SQRDMULH_s, NO_D | NO_B, FN_sqrdmulh)

TRANS(PMUL_v)
{
    return a->size == 0 && three_call(tr, THREE(a), 0, FN_pmul, SH_LANES);
}

#define RDM(NAME, make, fn, shape)                                                                          \
    TRANS(NAME) { return a64_has_rdm(tr->cpu) && three_call(tr, make, NO_D | NO_B, fn, shape); }
#define THREE_S(a) ((struct three){.esz = (a)->size, .rd = (a)->rd, .rn = (a)->rn, .rm = (a)->rm})
RDM(SQRDMLAH_v, THREE(a), FN_sqrdmlah, SH_LANES)
RDM(SQRDMLSH_v, THREE(a), FN_sqrdmlsh, SH_LANES)
RDM(SQRDMLAH_s, THREE_S(a), FN_sqrdmlah, SH_SCALAR)
RDM(SQRDMLSH_s, THREE_S(a), FN_sqrdmlsh, SH_SCALAR)

/* (a & b) + ((a ^ b) >> 1): the sum halved without a carry; rounding: (a | b) - ((a ^ b) >> 1). */
static bool halving_add(struct a64_tr *tr, struct three t, bool round)
{
    if (t.esz == 3) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val a = simd_v(tr, t.rn), b = simd_v(tr, t.rm);
    ir_val diff = simd_op1i(tr, t.u ? IR_VUSHR : IR_VSSHR, t.esz, t.q, op2(tr, IR_VXOR, &t, a, b), 1);
    ir_val r = round ? op2(tr, IR_VSUB, &t, op2(tr, IR_VOR, &t, a, b), diff)
                     : op2(tr, IR_VADD, &t, op2(tr, IR_VAND, &t, a, b), diff);
    simd_set_v(tr, t.rd, r);
    return true;
}
TRANS(HADD_v) { return halving_add(tr, THREE_U(a), false); }
TRANS(RHADD_v) { return halving_add(tr, THREE_U(a), true); }

/* ((a ^ b) >> 1) - (~a & b): the difference halved. */
TRANS(HSUB_v)
{
    struct three t = THREE_U(a);
    if (t.esz == 3) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val x = simd_v(tr, t.rn), y = simd_v(tr, t.rm);
    ir_val diff = simd_op1i(tr, t.u ? IR_VUSHR : IR_VSSHR, t.esz, t.q, op2(tr, IR_VXOR, &t, x, y), 1);
    simd_set_v(tr, t.rd, op2(tr, IR_VSUB, &t, diff, op2(tr, IR_VANDN, &t, y, x)));
    return true;
}

TRANS(LOGIC_v)
{
    static const uint8_t ops[5] = {IR_VAND, IR_VANDN, IR_VOR, IR_VORN, IR_VXOR};
    unsigned which = a->u << 2 | a->op;
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, a->rn), m = simd_v(tr, a->rm), r;
    if (which < ARRAY_LEN(ops)) {
        r = which == 2 && a->rn == a->rm ? (a->q ? n : simd_op1(tr, IR_VLOW, 3, 1, n))
                                         : simd_op2(tr, (enum ir_op)ops[which], 0, a->q, n, m);
    } else {
        ir_val d = simd_v(tr, a->rd);
        r = which == 5 ? simd_op3(tr, IR_VBSL, 0, a->q, d, n, m)      /* BSL: rd chooses */
            : which == 6 ? simd_op3(tr, IR_VBSL, 0, a->q, m, n, d)    /* BIT: rm chooses rn */
                         : simd_op3(tr, IR_VBSL, 0, a->q, m, d, n);   /* BIF: rm keeps rd */
    }
    simd_set_v(tr, a->rd, r);
    return true;
}

/* |a - b|: largest minus smallest. */
static ir_val abs_diff(struct a64_tr *tr, const struct three *t, ir_val a, ir_val b)
{
    ir_val hi = op2(tr, t->u ? IR_VUMAX : IR_VSMAX, t, a, b), lo = op2(tr, t->u ? IR_VUMIN : IR_VSMIN, t, a, b);
    return op2(tr, IR_VSUB, t, hi, lo);
}

static bool abd(struct a64_tr *tr, struct three t, bool accumulate)
{
    if (t.esz == 3) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val r = abs_diff(tr, &t, simd_v(tr, t.rn), simd_v(tr, t.rm));
    simd_set_v(tr, t.rd, accumulate ? op2(tr, IR_VADD, &t, simd_v(tr, t.rd), r) : r);
    return true;
}
TRANS(ABD_v) { return abd(tr, THREE_U(a), false); }
TRANS(ABA_v) { return abd(tr, THREE_U(a), true); }

static void mla(struct a64_tr *tr, const struct three *t, ir_val n, ir_val m, enum ir_op acc)
{
    simd_set_v(tr, t->rd, op2(tr, acc, t, simd_v(tr, t->rd), op2(tr, IR_VMUL, t, n, m)));
}

static bool mla_three(struct a64_tr *tr, struct three t, enum ir_op acc)
{
    if (t.esz == 3) {
        return false;
    }
    SIMD_CHECK(tr);
    mla(tr, &t, simd_v(tr, t.rn), simd_v(tr, t.rm), acc);
    return true;
}
TRANS(MLA_v) { return mla_three(tr, THREE(a), IR_VADD); }
TRANS(MLS_v) { return mla_three(tr, THREE(a), IR_VSUB); }

/* Pairwise maximum and minimum: even lanes against odd lanes of rm:rn. */
static bool pairwise(struct a64_tr *tr, struct three t, enum ir_op op)
{
    if (t.esz == 3) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, t.rn), m = simd_v(tr, t.rm);
    simd_set_v(tr, t.rd, op2(tr, op, &t, op2(tr, IR_VUZP1, &t, n, m), op2(tr, IR_VUZP2, &t, n, m)));
    return true;
}
TRANS(MAXP_v) { return pairwise(tr, THREE(a), a->u ? IR_VUMAX : IR_VSMAX); }
TRANS(MINP_v) { return pairwise(tr, THREE(a), a->u ? IR_VUMIN : IR_VSMIN); }

/* ---- three registers of different types ---- */

ir_val simd_widen(struct a64_tr *tr, unsigned esz, bool u, bool high, ir_val a)
{
    return simd_op1i(tr, u ? IR_VUXTL : IR_VSXTL, esz, 1, a, high);
}

static ir_val mull(struct a64_tr *tr, unsigned esz, bool u, bool high, ir_val a, ir_val b)
{
    return ir_vopi(tr->b, u ? IR_VUMULL : IR_VSMULL, esz, 1, a, b, IR_NONE, high, 0);
}

enum long_kind { LONG_ADD, LONG_SUB, LONG_ABD, LONG_MUL };

/* Of all lanes, whichever half is wanted: compilers make the sum of both from the same operands. */
static ir_val abs_diff_once(struct a64_tr *tr, unsigned esz, bool u, ir_val a, ir_val b)
{
    uint8_t kind = (uint8_t)(1 + (esz << 1 | u));
    if (tr->abd.kind != kind || tr->abd.a != a || tr->abd.b != b) {
        const struct three t = { .esz = esz, .q = 1, .u = u };
        tr->abd.r = abs_diff(tr, &t, a, b);
        tr->abd.kind = kind;
        tr->abd.a = a;
        tr->abd.b = b;
    }
    return tr->abd.r;
}

static ir_val long_op(struct a64_tr *tr, enum long_kind kind, unsigned esz, bool u, bool high, ir_val a, ir_val b)
{
    if (kind == LONG_MUL) {
        return mull(tr, esz, u, high, a, b);
    }
    if (kind == LONG_ABD) {
        return simd_widen(tr, esz, true, high, abs_diff_once(tr, esz, u, a, b));
    }
    a = simd_widen(tr, esz, u, high, a);
    b = simd_widen(tr, esz, u, high, b);
    return simd_op2(tr, kind == LONG_ADD ? IR_VADD : IR_VSUB, esz + 1, 1, a, b);
}

/* acc: IR_VADD or IR_VSUB into rd, or IR_CONST for none. */
static bool long_three(struct a64_tr *tr, struct three t, enum long_kind kind, enum ir_op acc)
{
    if (t.esz == 3) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val r = long_op(tr, kind, t.esz, t.u, t.q, simd_v(tr, t.rn), simd_v(tr, t.rm));
    simd_set_v(tr, t.rd, acc == IR_CONST ? r : simd_op2(tr, acc, t.esz + 1, 1, simd_v(tr, t.rd), r));
    return true;
}
TRANS(ADDL_v) { return long_three(tr, THREE_U(a), LONG_ADD, IR_CONST); }
TRANS(SUBL_v) { return long_three(tr, THREE_U(a), LONG_SUB, IR_CONST); }
TRANS(ABDL_v) { return long_three(tr, THREE_U(a), LONG_ABD, IR_CONST); }
TRANS(ABAL_v) { return long_three(tr, THREE_U(a), LONG_ABD, IR_VADD); }
TRANS(MULL_v) { return long_three(tr, THREE_U(a), LONG_MUL, IR_CONST); }
TRANS(MLAL_v) { return long_three(tr, THREE_U(a), LONG_MUL, IR_VADD); }
TRANS(MLSL_v) { return long_three(tr, THREE_U(a), LONG_MUL, IR_VSUB); }

static bool wide(struct a64_tr *tr, struct three t, enum ir_op op)
{
    if (t.esz == 3) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val m = simd_widen(tr, t.esz, t.u, t.q, simd_v(tr, t.rm));
    simd_set_v(tr, t.rd, simd_op2(tr, op, t.esz + 1, 1, simd_v(tr, t.rn), m));
    return true;
}
TRANS(ADDW_v) { return wide(tr, THREE_U(a), IR_VADD); }
TRANS(SUBW_v) { return wide(tr, THREE_U(a), IR_VSUB); }

/* The high half of each sum or difference. */
static bool high_narrow(struct a64_tr *tr, struct three t, enum ir_op op, bool round)
{
    if (t.esz == 3) {
        return false;
    }
    SIMD_CHECK(tr);
    unsigned w = 8u << t.esz;
    ir_val r = simd_op2(tr, op, t.esz + 1, 1, simd_v(tr, t.rn), simd_v(tr, t.rm));
    if (round) {
        r = simd_op2(tr, IR_VADD, t.esz + 1, 1, r, simd_const(tr, t.esz + 1, 1, 1ull << (w - 1)));
    }
    r = simd_op1(tr, IR_VXTN, t.esz, 1, simd_op1i(tr, IR_VUSHR, t.esz + 1, 1, r, w));
    simd_set_v(tr, t.rd, t.q ? simd_op2(tr, IR_VJOIN, 3, 1, simd_v(tr, t.rd), r) : r);
    return true;
}
TRANS(ADDHN_v) { return high_narrow(tr, THREE(a), IR_VADD, a->round); }
TRANS(SUBHN_v) { return high_narrow(tr, THREE(a), IR_VSUB, a->round); }

/*
 * The high half of each doubled product: of the exact products what lies above width - 1 bits. Only the square of the smallest
 * number comes out as that number, and is the largest one instead.
 */
static bool doubled_high(struct a64_tr *tr, unsigned esz, unsigned q, bool round, unsigned rd, ir_val n, ir_val m)
{
    unsigned w = 8u << esz;
    ir_val half[2];
    for (unsigned k = 0; k < 1 + q; k++) {
        ir_val p = mull(tr, esz, false, k, n, m);
        if (round) {
            p = simd_op2(tr, IR_VADD, esz + 1, 1, p, simd_const(tr, esz + 1, 1, 1ull << (w - 2)));
        }
        half[k] = simd_op1i(tr, IR_VUSHR, esz + 1, 1, p, w - 1);
    }
    ir_val r = q ? simd_op2(tr, IR_VUZP1, esz, 1, half[0], half[1]) : simd_op1(tr, IR_VXTN, esz, 1, half[0]);
    ir_val mask = simd_op2(tr, IR_VCMEQ, esz, q, r, simd_const(tr, esz, q, 1ull << (w - 1)));
    ir_vsticky(tr->b, mask, FPSR_QC);
    simd_set_v(tr, rd, simd_op2(tr, IR_VXOR, 0, q, r, mask));
    return true;
}

static bool doubled_high_three(struct a64_tr *tr, struct three t, bool round)
{
    if (reserved(&t, NO_D | NO_B)) {
        return false;
    }
    SIMD_CHECK(tr);
    return doubled_high(tr, t.esz, t.q, round, t.rd, simd_v(tr, t.rn), simd_v(tr, t.rm));
}
TRANS(SQDMULH_v) { return doubled_high_three(tr, THREE(a), false); }
TRANS(SQRDMULH_v) { return doubled_high_three(tr, THREE(a), true); }

#define SQDM(N, fn)                                                                                         \
    TRANS(N##_v) { return three_call(tr, THREE(a), NO_D | NO_B, fn, SH_LONG); }                             \
    TRANS(N##_s) { return three_call(tr, THREE_S(a), NO_D | NO_B, fn, SH_LONG_SCALAR); }
SQDM(SQDMULL, FN_sqdmull)
SQDM(SQDMLAL, FN_sqdmlal)
SQDM(SQDMLSL, FN_sqdmlsl)

TRANS(PMULL_v)
{
    if (a->size == 3 ? !a64_has_pmull(tr->cpu) : a->size != 0) {
        return false;
    }
    if (a->size == 3) {
        SIMD_CHECK(tr);
        simd_set_v(tr, a->rd, ir_vopi(tr->b, IR_VPMULL, 3, 1, simd_v(tr, a->rn), simd_v(tr, a->rm), IR_NONE, a->q, 0));
        return true;
    }
    return three_call(tr, THREE(a), 0, FN_pmull, SH_LONG);
}

/* ---- by element ---- */

/* The lane of rm and its register: 16-bit lanes h:l:m of V0-V15, 32-bit lanes h:l. false: reserved. */
static bool element(unsigned size, unsigned h, unsigned l, unsigned m, unsigned rm, unsigned *index, unsigned *reg)
{
    if (size == 1) {
        *index = h << 2 | l << 1 | m;
        *reg = rm;
        return true;
    }
    *index = h << 1 | l;
    *reg = m << 4 | rm;
    return size == 2;
}
#define ELEMENT(a) element((a)->size, (a)->h, (a)->l, (a)->m, (a)->rm, &index, &reg)

static ir_val broadcast(struct a64_tr *tr, unsigned esz, unsigned reg, unsigned index)
{
    return simd_op1i(tr, IR_VDUPE, esz, 1, simd_v(tr, reg), index);
}

#define MLA_E(NAME, acc)                                                                                    \
    TRANS(NAME)                                                                                             \
    {                                                                                                       \
        unsigned index, reg;                                                                                \
        if (!ELEMENT(a)) {                                                                                  \
            return false;                                                                                   \
        }                                                                                                   \
        SIMD_CHECK(tr);                                                                                     \
        struct three t = {.esz = a->size, .q = a->q, .rd = a->rd};                                          \
        mla(tr, &t, simd_v(tr, a->rn), broadcast(tr, a->size, reg, index), acc);                            \
        return true;                                                                                        \
    }
MLA_E(MLA_e, IR_VADD)
MLA_E(MLS_e, IR_VSUB)

TRANS(MUL_e)
{
    unsigned index, reg;
    if (!ELEMENT(a)) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val m = broadcast(tr, a->size, reg, index);
    simd_set_v(tr, a->rd, simd_op2(tr, IR_VMUL, a->size, a->q, simd_v(tr, a->rn), m));
    return true;
}

#define MULL_E(NAME, acc)                                                                                   \
    TRANS(NAME)                                                                                             \
    {                                                                                                       \
        unsigned index, reg;                                                                                \
        if (!ELEMENT(a)) {                                                                                  \
            return false;                                                                                   \
        }                                                                                                   \
        SIMD_CHECK(tr);                                                                                     \
        ir_val m = broadcast(tr, a->size, reg, index);                                                      \
        ir_val r = mull(tr, a->size, a->u, a->q, simd_v(tr, a->rn), m);                                     \
        simd_set_v(tr, a->rd, acc == IR_CONST ? r : simd_op2(tr, acc, a->size + 1, 1, simd_v(tr, a->rd), r)); \
        return true;                                                                                        \
    }
MULL_E(MULL_e, IR_CONST)
MULL_E(MLAL_e, IR_VADD)
MULL_E(MLSL_e, IR_VSUB)

static bool call_element(struct a64_tr *tr, enum simd_fn fn, enum simd_shape shape, unsigned esz, unsigned q,
                         unsigned rd, unsigned rn, unsigned reg, unsigned index)
{
    SIMD_CHECK(tr);
    simd_call(tr, &helper_simd, (struct simd_desc){.fn = fn, .shape = shape, .rd = rd, .rn = rn, .rm = reg, .ra = rd,
                                                   .esz = esz, .q = q, .index = index});
    return true;
}

#define DOUBLED_HIGH_E(NAME, round, fn)                                                                     \
    TRANS(NAME##_e)                                                                                         \
    {                                                                                                       \
        unsigned index, reg;                                                                                \
        if (!ELEMENT(a)) {                                                                                  \
            return false;                                                                                   \
        }                                                                                                   \
        SIMD_CHECK(tr);                                                                                     \
        ir_val m = broadcast(tr, a->size, reg, index);                                                      \
        return doubled_high(tr, a->size, a->q, round, a->rd, simd_v(tr, a->rn), m);                         \
    }                                                                                                       \
    TRANS(NAME##_es)                                                                                        \
    {                                                                                                       \
        unsigned index, reg;                                                                                \
        return ELEMENT(a) && call_element(tr, fn, SH_ELEM_SCALAR, a->size, 0, a->rd, a->rn, reg, index);    \
    }
DOUBLED_HIGH_E(SQDMULH, false, FN_sqdmulh)
DOUBLED_HIGH_E(SQRDMULH, true, FN_sqrdmulh)

#define CALL_E(NAME, feature, fn, shape)                                                                    \
    TRANS(NAME##_e)                                                                                         \
    {                                                                                                       \
        unsigned index, reg;                                                                                \
        return (feature) && ELEMENT(a) &&                                                                   \
               call_element(tr, fn, shape, a->size, a->q, a->rd, a->rn, reg, index);                        \
    }                                                                                                       \
    TRANS(NAME##_es)                                                                                        \
    {                                                                                                       \
        unsigned index, reg;                                                                                \
        return (feature) && ELEMENT(a) &&                                                                   \
               call_element(tr, fn, (enum simd_shape)(shape + 1), a->size, 0, a->rd, a->rn, reg, index);    \
    }
_Static_assert(SH_ELEM + 1 == SH_ELEM_SCALAR && SH_LONG_ELEM + 1 == SH_LONG_ELEM_SCALAR, "the scalar shape follows");
CALL_E(SQDMULL, true, FN_sqdmull, SH_LONG_ELEM)
CALL_E(SQDMLAL, true, FN_sqdmlal, SH_LONG_ELEM)
CALL_E(SQDMLSL, true, FN_sqdmlsl, SH_LONG_ELEM)
CALL_E(SQRDMLAH, a64_has_rdm(tr->cpu), FN_sqrdmlah, SH_ELEM)
CALL_E(SQRDMLSH, a64_has_rdm(tr->cpu), FN_sqrdmlsh, SH_ELEM)

/* ---- across lanes ---- */

/* Reduce by OP, halving; the result in lane 0, the rest zero. */
static ir_val reduce(struct a64_tr *tr, enum ir_op op, unsigned esz, unsigned q, ir_val x)
{
    for (unsigned bytes = q ? 8 : 4; bytes >= 1u << esz; bytes /= 2) {
        x = simd_op2(tr, op, esz, q, x, ir_vopi(tr->b, IR_VEXT, 0, q, x, x, IR_NONE, bytes, 0));
    }
    return simd_lane0(tr, esz, x);
}

static bool across(struct a64_tr *tr, enum ir_op op, unsigned esz, unsigned q, unsigned rd, unsigned rn)
{
    if (esz == 3 || (esz == 2 && !q)) {
        return false;
    }
    SIMD_CHECK(tr);
    simd_set_v(tr, rd, reduce(tr, op, esz, q, simd_v(tr, rn)));
    return true;
}
TRANS(MAXV_v) { return across(tr, a->u ? IR_VUMAX : IR_VSMAX, a->size, a->q, a->rd, a->rn); }
TRANS(MINV_v) { return across(tr, a->u ? IR_VUMIN : IR_VSMIN, a->size, a->q, a->rd, a->rn); }
TRANS(ADDV_v) { return across(tr, IR_VADD, a->size, a->q, a->rd, a->rn); }

/* Sums of neighbours in lanes of twice the width. */
static ir_val add_long_pairs(struct a64_tr *tr, unsigned esz, unsigned q, bool u, ir_val a)
{
    return simd_op1(tr, u ? IR_VUADDLP : IR_VSADDLP, esz, q, a);
}

TRANS(ADDLV_v)
{
    if (a->size == 3 || (a->size == 2 && !a->q)) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val x = add_long_pairs(tr, a->size, a->q, a->u, simd_v(tr, a->rn));
    simd_set_v(tr, a->rd, reduce(tr, IR_VADD, a->size + 1, a->q, x));
    return true;
}

TRANS(ADDP_p)
{
    SIMD_CHECK(tr);
    simd_set_v(tr, a->rd, reduce(tr, IR_VADD, 3, 1, simd_v(tr, a->rn)));
    return true;
}

/* ---- two registers ---- */

static bool reverse(struct a64_tr *tr, unsigned container, unsigned esz, unsigned q, unsigned rd, unsigned rn)
{
    if (esz >= container) {
        return false;
    }
    SIMD_CHECK(tr);
    simd_set_v(tr, rd, simd_op1i(tr, IR_VREV, esz, q, simd_v(tr, rn), container));
    return true;
}
TRANS(REV16_v) { return reverse(tr, 1, a->size, a->q, a->rd, a->rn); }
TRANS(REV32_v) { return reverse(tr, 2, a->size, a->q, a->rd, a->rn); }
TRANS(REV64_v) { return reverse(tr, 3, a->size, a->q, a->rd, a->rn); }

static bool two_ir(struct a64_tr *tr, enum ir_op op, unsigned esz, unsigned q, unsigned rd, unsigned rn)
{
    SIMD_CHECK(tr);
    simd_set_v(tr, rd, simd_op1(tr, op, esz, q, simd_v(tr, rn)));
    return true;
}
TRANS(CNT_v) { return two_ir(tr, IR_VCNT, 0, a->q, a->rd, a->rn); }
TRANS(NOT_v) { return two_ir(tr, IR_VNOT, 0, a->q, a->rd, a->rn); }
TRANS(ABS_v) { return !(a->size == 3 && !a->q) && two_ir(tr, IR_VABS, a->size, a->q, a->rd, a->rn); }
TRANS(NEG_v) { return !(a->size == 3 && !a->q) && two_ir(tr, IR_VNEG, a->size, a->q, a->rd, a->rn); }
TRANS(ABS_s) { return two_ir(tr, IR_VABS, 3, 0, a->rd, a->rn); }
TRANS(NEG_s) { return two_ir(tr, IR_VNEG, 3, 0, a->rd, a->rn); }

static bool two_call(struct a64_tr *tr, struct simd_desc d)
{
    d.ra = d.rd;
    SIMD_CHECK(tr);
    simd_call(tr, &helper_simd, d);
    return true;
}
#define DESC2(f, sh, e, qq) (struct simd_desc){.fn = f, .shape = sh, .rd = a->rd, .rn = a->rn, .esz = (e) & 3, .q = qq}
#define DESC2U(f, sh, e, qq) \
    (struct simd_desc){.fn = f, .shape = sh, .rd = a->rd, .rn = a->rn, .esz = (e) & 3, .q = qq, .u = a->u}
#define NOT_1D (!(a->size == 3 && !a->q))
TRANS(UQADD_mix_v) { return NOT_1D && two_call(tr, DESC2U(FN_uqadd_mix, SH_LANES, a->size, a->q)); }
TRANS(UQADD_mix_s) { return two_call(tr, DESC2U(FN_uqadd_mix, SH_SCALAR, a->size, 0)); }
TRANS(SQABS_v) { return NOT_1D && two_call(tr, DESC2(FN_sqabs, SH_LANES, a->size, a->q)); }
TRANS(SQABS_s) { return two_call(tr, DESC2(FN_sqabs, SH_SCALAR, a->size, 0)); }
TRANS(SQNEG_v) { return NOT_1D && two_call(tr, DESC2(FN_sqneg, SH_LANES, a->size, a->q)); }
TRANS(SQNEG_s) { return two_call(tr, DESC2(FN_sqneg, SH_SCALAR, a->size, 0)); }
TRANS(CLS_v) { return a->size != 3 && two_call(tr, DESC2(FN_cls, SH_LANES, a->size, a->q)); }
TRANS(CLZ_v) { return a->size != 3 && two_call(tr, DESC2(FN_clz, SH_LANES, a->size, a->q)); }
TRANS(RBIT_v) { return two_call(tr, DESC2(FN_rbit, SH_LANES, 0, a->q)); }
TRANS(URECPE_v) { return two_call(tr, DESC2(FN_urecpe, SH_LANES, 2, a->q)); }
TRANS(URSQRTE_v) { return two_call(tr, DESC2(FN_ursqrte, SH_LANES, 2, a->q)); }

ir_val simd_narrow_sat(struct a64_tr *tr, unsigned esz, bool from_u, bool to_u, ir_val a)
{
    uint64_t max = to_u ? simd_mask(esz) : simd_mask(esz) >> 1;
    ir_val r = simd_op2(tr, from_u ? IR_VUMIN : IR_VSMIN, esz + 1, 1, a, simd_const(tr, esz + 1, 1, max));
    if (!from_u) {
        r = simd_op2(tr, IR_VSMAX, esz + 1, 1, r, simd_const(tr, esz + 1, 1, to_u ? 0 : ~max));
    }
    ir_vsticky(tr->b, simd_op2(tr, IR_VXOR, 0, 1, r, a), FPSR_QC);
    return simd_op1(tr, IR_VXTN, esz, 1, r);
}

static bool narrow(struct a64_tr *tr, struct simd_desc d, bool from_u, bool to_u)
{
    if (d.esz == 2) {
        return two_call(tr, d);
    }
    SIMD_CHECK(tr);
    ir_val r = simd_narrow_sat(tr, d.esz, from_u, to_u, simd_v(tr, d.rn));
    simd_set_v(tr, d.rd, d.q ? simd_op2(tr, IR_VJOIN, 3, 1, simd_v(tr, d.rd), r) : r);
    return true;
}
TRANS(SQXTUN_v) { return a->size != 3 && narrow(tr, DESC2(FN_sqshrun, SH_NARROW, a->size, a->q), false, true); }
TRANS(SQXTUN_s) { return a->size != 3 && two_call(tr, DESC2(FN_sqshrun, SH_NARROW_SCALAR, a->size, 0)); }
TRANS(QXTN_v) { return a->size != 3 && narrow(tr, DESC2U(FN_qshrn, SH_NARROW, a->size, a->q), a->u, a->u); }
TRANS(QXTN_s) { return a->size != 3 && two_call(tr, DESC2U(FN_qshrn, SH_NARROW_SCALAR, a->size, 0)); }

static bool add_pairs(struct a64_tr *tr, unsigned esz, unsigned q, bool u, unsigned rd, unsigned rn, bool accumulate)
{
    if (esz == 3) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val r = add_long_pairs(tr, esz, q, u, simd_v(tr, rn));
    simd_set_v(tr, rd, accumulate ? simd_op2(tr, IR_VADD, esz + 1, q, simd_v(tr, rd), r) : r);
    return true;
}
TRANS(ADDLP_v) { return add_pairs(tr, a->size, a->q, a->u, a->rd, a->rn, false); }
TRANS(ADALP_v) { return add_pairs(tr, a->size, a->q, a->u, a->rd, a->rn, true); }

/* Compare with zero. swap: 0 OP a. */
static bool compare_zero(struct a64_tr *tr, enum ir_op op, bool swap, unsigned esz, unsigned q, unsigned rd,
                         unsigned rn)
{
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, rn), zero = ir_vconst(tr->b, 0, 0);
    simd_set_v(tr, rd, swap ? simd_op2(tr, op, esz, q, zero, n) : simd_op2(tr, op, esz, q, n, zero));
    return true;
}
#define ZERO(NAME, op, swap)                                                                                \
    TRANS(NAME##_z) { return NOT_1D && compare_zero(tr, op, swap, a->size, a->q, a->rd, a->rn); }           \
    TRANS(NAME##_zs) { return compare_zero(tr, op, swap, 3, 0, a->rd, a->rn); }
ZERO(CMGT, IR_VCMGT, false)
ZERO(CMGE, IR_VCMGE, false)
ZERO(CMEQ, IR_VCMEQ, false)
ZERO(CMLE, IR_VCMGE, true)
ZERO(CMLT, IR_VCMGT, true)

TRANS(XTN_v)
{
    if (a->size == 3) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val r = simd_op1(tr, IR_VXTN, a->size, 1, simd_v(tr, a->rn));
    simd_set_v(tr, a->rd, a->q ? simd_op2(tr, IR_VJOIN, 3, 1, simd_v(tr, a->rd), r) : r);
    return true;
}

TRANS(SHLL_v)
{
    if (a->size == 3) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val n = simd_widen(tr, a->size, true, a->q, simd_v(tr, a->rn));
    simd_set_v(tr, a->rd, simd_op1i(tr, IR_VSHL, a->size + 1, 1, n, 8 << a->size));
    return true;
}
