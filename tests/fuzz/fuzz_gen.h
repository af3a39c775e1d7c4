/*
 * fuzz_gen.h - the cases: instruction words and input states as a pure function of (seed, line, case number).
 *
 * Shared by the guest program (fuzz_guest.c, run under qemu-aarch64) and the host program (fuzz_run.c), so that no case file
 * is needed. Freestanding: no library calls. A case executes in a 16-byte slot: prefix (or NOP), instruction, BRK, BRK; a
 * mixed block of up to 12 instructions in a slot of 64 bytes: NOP, instructions, BRK.
 */
#ifndef FUZZ_GEN_H
#define FUZZ_GEN_H

#include <stdbool.h>
#include <stdint.h>

#include "fuzz_table.h"

#define FZ_BUF 0x60000000ull                     /* one page of data; the pages around it are not mapped */
#define FZ_BUF_END (FZ_BUF + 4096)
#define FZ_WINDOW 512                            /* its last bytes are what loads and stores aim at */
#define FZ_WIN (FZ_BUF_END - FZ_WINDOW)
#define FZ_NEAR 0x60010000ull                    /* code that must reach FZ_BUF by a literal load */
#define FZ_CODE 0x60100000ull
#define FZ_CODE_END 0x6a000000ull
#define FZ_MAX_CASES 8000
#define FZ_BRK 0xd4200000u
#define FZ_NOP 0xd503201fu

struct fz_state {
    uint64_t x[31], sp;
    uint64_t v[32][2];
    uint32_t nzcv, fpcr, fpsr, pad;              /* nzcv: bits 31:28 */
    uint8_t mem[FZ_WINDOW] __attribute__((aligned(16)));
};
#define FZ_MIX_MAX 12                            /* instructions of a mixed block */
#define FZ_MIX_BASE 28u
struct fz_case {
    uint32_t line, k, n;                         /* n: instructions, the prefix not counted */
    uint32_t prefix, insn;
    uint64_t pc;                                 /* of the (first) instruction */
    uint32_t mix[FZ_MIX_MAX];
};

/* Result record on the wire, followed by the changed X (8 bytes each), V (16 each) and memory words (u16 index, u64 value). */
struct fz_result {
    uint16_t line, k;
    uint8_t outcome, n_mem;                      /* changed 8-byte words of the window */
    uint16_t sig;
    uint32_t xmask, vmask;                       /* bit 31 of xmask: SP */
    uint32_t nzcv, fpcr, fpsr, insn;
    uint32_t skipped, pad;                       /* mixed blocks: UNDEFINED instructions, passed over */
    uint64_t pc;
};
enum fz_outcome { FZ_DONE, FZ_UNDEF, FZ_FAULT };

/* ---- random numbers ---- */
static inline uint64_t fz_next(uint64_t *s)
{
    uint64_t z = *s += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}
static inline uint32_t fz_below(uint64_t *s, uint32_t n) { return (uint32_t)((fz_next(s) >> 32) * n >> 32); }
static inline bool fz_chance(uint64_t *s, unsigned percent) { return fz_below(s, 100) < percent; }
static inline uint64_t fz_seed(uint64_t seed, uint32_t line, uint32_t k, uint32_t what)
{
    uint64_t s = seed * 0xd1342543de82ef95ull + fz_lines[line].value;
    fz_next(&s);
    s ^= (uint64_t)k << 32 | (uint64_t)fz_lines[line].file << 8 | what;
    fz_next(&s);
    return s;
}

/* ---- fields ---- */
static inline const struct fz_field *fz_find(const struct fz_line *l, unsigned id)
{
    for (unsigned i = 0; i < l->n; i++)
        if (l->field[i].id == id)
            return &l->field[i];
    return 0;
}
static inline bool fz_has(const struct fz_line *l, unsigned id) { return fz_find(l, id) != 0; }
static inline int64_t fz_get(const struct fz_line *l, uint32_t insn, unsigned id)
{
    const struct fz_field *f = fz_find(l, id);
    uint64_t v = 0;
    unsigned width = 0;
    for (unsigned i = 0; f && i < f->n; i++) {
        v = v << f->part[i].len | (insn >> f->part[i].lo & ((1ull << f->part[i].len) - 1));
        width += f->part[i].len;
    }
    return f && f->sign ? (int64_t)(v << (64 - width)) >> (64 - width) : (int64_t)v;
}
static inline uint32_t fz_set(const struct fz_line *l, uint32_t insn, unsigned id, uint64_t v)
{
    const struct fz_field *f = fz_find(l, id);
    for (unsigned i = f ? f->n : 0; i-- > 0;) {
        uint32_t m = (uint32_t)((1ull << f->part[i].len) - 1);
        insn = (insn & ~(m << f->part[i].lo)) | ((uint32_t)v & m) << f->part[i].lo;
        v >>= f->part[i].len;
    }
    return insn;
}
static inline unsigned fz_term(const struct fz_line *l, uint32_t insn, struct fz_term t)
{
    if (t.add == FZ_VEC)
        return (unsigned)(fz_get(l, insn, F_hi) << 2 | fz_get(l, insn, F_size)) & 7;
    return (unsigned)(t.field == F_none ? 0 : fz_get(l, insn, t.field)) + t.add;
}

/* ---- where things are ---- */
static inline unsigned fz_slot(uint32_t line) { return fz_lines[line].rule == R_MIX ? 64 : 16; }
static inline uint64_t fz_line_code(uint32_t line, uint32_t count)
{
    uint64_t near = FZ_NEAR, far = FZ_CODE;
    for (uint32_t i = 0; i < line; i++)
        *(fz_lines[i].addr == A_LIT ? &near : &far) += ((uint64_t)count * fz_slot(i) + 4095) & ~4095ull;
    return fz_lines[line].addr == A_LIT ? near : far;
}
static inline bool fz_in_code(uint64_t a) { return a >= FZ_NEAR - 8 && a < FZ_CODE_END; }

/* ---- instruction words ---- */
static inline uint64_t fz_imm_any(const struct fz_line *l, uint32_t insn)
{
    static const uint8_t names[] = { F_imm, F_imm9, F_imm7, F_imm12, F_imm19 };
    for (unsigned i = 0; i < sizeof(names); i++)
        if (fz_has(l, names[i]))
            return (uint64_t)fz_get(l, insn, names[i]);
    return 0;
}
static inline unsigned fz_index_mode(const struct fz_line *l, uint32_t insn)
{
    return (unsigned)(fz_has(l, F_mode) ? fz_get(l, insn, F_mode) : fz_has(l, F_idx) ? fz_get(l, insn, F_idx) : 2);
}
/* Encodings that the comparison leaves out: unpredictable ones, and branches into other cases. */
static inline bool fz_acceptable(uint32_t line, uint32_t insn, uint64_t pc)
{
    const struct fz_line *l = &fz_lines[line];
    unsigned rn = (unsigned)fz_get(l, insn, F_rn), rt = (unsigned)fz_get(l, insn, F_rt);
    unsigned rt2 = (unsigned)fz_get(l, insn, F_rt2), rs = (unsigned)fz_get(l, insn, F_rs), mode = fz_index_mode(l, insn);

    if (l->flags & FZ_FALLBACK) {
        /* Modified immediates with o2 = 1: qemu 7.2 takes the unallocated op = 1 for FMOV of half precision. */
        if ((insn >> 10 & 0x3f) == 0x3f && (insn >> 19 & 15) == 0)
            return false;
        for (uint32_t i = 0; i < line; i++)
            if (fz_lines[i].file == l->file && (insn & fz_lines[i].mask) == fz_lines[i].value)
                return false;
    }
    if ((l->flags & FZ_WB) && rn != 31 && (mode == 1 || mode == 3) && (rn == rt || (fz_has(l, F_rt2) && rn == rt2)))
        return false;
    if ((l->flags & FZ_LDPAIR) && rt == rt2 && (!fz_has(l, F_l) || fz_get(l, insn, F_l)))
        return false;
    if ((l->flags & FZ_EXCL_ST) && (rs == rt || (fz_has(l, F_rt2) && rs == rt2) || (rs == rn && rn != 31)))
        return false;
    if ((l->addr == A_REG || l->addr == A_POST) && (unsigned)fz_get(l, insn, F_rm) == rn)
        return false;
    if (l->rule == R_BRANCH) {
        uint64_t to = pc + fz_imm_any(l, insn) * 4;
        if (fz_in_code(to) && (to & 15) < 8)
            return false;
    }
    if (l->rule == R_HINT) {
        unsigned n = (unsigned)(fz_get(l, insn, F_crm) << 3 | fz_get(l, insn, F_op2));
        if (n == 2 || n == 3)                    /* WFE, WFI */
            return false;
    }
    return true;
}
/* A word of the line, for the address pc. */
static inline uint32_t fz_make_word(uint32_t line, uint64_t *s, uint64_t pc)
{
    const struct fz_line *l = &fz_lines[line];
    uint32_t w = 0;

    for (unsigned tries = 0; tries < 1000; tries++) {
        w = l->value | ((uint32_t)fz_next(s) & ~l->mask);
        if (fz_chance(s, 12) && fz_has(l, F_rm) && fz_has(l, F_rn) && l->rule != R_MEM)
            w = fz_set(l, w, F_rm, (uint64_t)fz_get(l, w, F_rn));
        if (fz_chance(s, 12) && fz_has(l, F_rd) && fz_has(l, F_rn))
            w = fz_set(l, w, F_rd, (uint64_t)fz_get(l, w, F_rn));
        if (fz_chance(s, 5) && fz_has(l, F_rd) && fz_has(l, F_rm))
            w = fz_set(l, w, F_rd, (uint64_t)fz_get(l, w, F_rm));
        if (fz_chance(s, 8) && fz_has(l, F_rn))
            w = fz_set(l, w, F_rn, 31);
        if (l->addr == A_REG && fz_chance(s, 85))
            w = fz_set(l, w, F_option, (uint64_t)fz_get(l, w, F_option) | 2);
        if ((l->flags & FZ_EVEN) && fz_chance(s, 90)) {
            w = fz_set(l, w, F_rs, (uint64_t)fz_get(l, w, F_rs) & ~1ull);
            w = fz_set(l, w, F_rt, (uint64_t)fz_get(l, w, F_rt) & ~1ull);
        }
        if (l->rule == R_SYSREG) {               /* NZCV, FPCR, FPSR */
            unsigned which = fz_below(s, 3);
            w = fz_set(l, w, F_o0, 1);
            w = fz_set(l, w, F_op1, 3);
            w = fz_set(l, w, F_crn, 4);
            w = fz_set(l, w, F_crm, which ? 4 : 2);
            w = fz_set(l, w, F_op2, which == 2);
        }
        if (l->rule == R_BRANCH && fz_chance(s, 30))
            w = fz_set(l, w, F_imm, (uint64_t)(int64_t)(int32_t)(fz_below(s, 64) - 32));
        if (l->addr == A_LIT) {
            /* Aim at the window; sometimes at its end or beyond. */
            uint64_t to = FZ_WIN + fz_below(s, FZ_WINDOW / 4 - 4) * 4;
            if (fz_chance(s, 6))
                to = FZ_BUF_END - 12 + fz_below(s, 6) * 4;
            w = fz_set(l, w, fz_has(l, F_imm19) ? F_imm19 : F_imm, (to - pc) >> 2);
        }
        if (fz_acceptable(line, w, pc))
            break;
    }
    return w;
}
/* An instruction for a mixed block: nothing that leaves it; memory only through FZ_MIX_BASE, which nothing writes. */
static inline uint32_t fz_mix_word(uint64_t *s, uint64_t pc)
{
    for (;;) {
        uint32_t line = fz_below(s, FZ_LINES), w;
        const struct fz_line *l = &fz_lines[line];
        static const uint8_t written[] = { F_rd, F_rt, F_rt2, F_rs };
        bool ok = true;

        if (l->rule > R_MEM || l->file == 2 /* barriers may end a block */ || (l->flags & FZ_NOMIX))
            continue;
        if (l->rule == R_MEM && (l->addr == A_LIT || l->addr == A_REG || l->addr == A_POST))
            continue;
        if (l->rule != R_MEM && fz_chance(s, l->rule == R_INT ? 0 : 40))     /* the SIMD tables are the longest */
            continue;
        w = fz_make_word(line, s, pc);
        if (fz_has(l, F_ftype) && (fz_get(l, w, F_ftype) == 3 || (fz_has(l, F_opc) && fz_get(l, w, F_opc) == 2)))
            continue;                            /* half precision and BF16 are optional */
        if (l->rule == R_MEM) {
            unsigned small = fz_below(s, 16);
            if (fz_has(l, F_mode))
                w = fz_set(l, w, F_mode, l->addr == A_PAIR ? 2 : 0);
            if (fz_has(l, F_idx))
                w = fz_set(l, w, F_idx, l->addr == A_PAIR ? 2 : 0);
            w = fz_set(l, w, F_rn, FZ_MIX_BASE);
            if (l->addr == A_UI)
                w = fz_set(l, w, fz_has(l, F_imm12) ? F_imm12 : F_imm, small);
            else if (l->addr == A_PAIR)
                w = fz_set(l, w, fz_has(l, F_imm7) ? F_imm7 : F_imm, (uint64_t)(small - 8));
            else if (l->addr == A_I9)
                w = fz_set(l, w, fz_has(l, F_imm9) ? F_imm9 : F_imm, (uint64_t)(fz_below(s, 128) - 64));
        }
        for (unsigned i = 0; i < sizeof(written); i++)
            ok = ok && !(fz_has(l, written[i]) && (fz_get(l, w, written[i]) | 1) == (FZ_MIX_BASE | 1));
        if (ok && fz_acceptable(line, w, pc) && (w & l->mask) == l->value)
            return w;
    }
}
static inline struct fz_case fz_make_case(uint64_t seed, uint32_t line, uint32_t k, uint64_t code)
{
    const struct fz_line *l = &fz_lines[line];
    struct fz_case c = { line, k, 1, FZ_NOP, 0, code + (uint64_t)k * fz_slot(line) + 4, { 0 } };
    uint64_t s = fz_seed(seed, line, k, 1);

    if (l->rule == R_MIX) {
        c.n = 2 + fz_below(&s, FZ_MIX_MAX - 1);
        for (unsigned i = 0; i < c.n; i++)
            c.mix[i] = fz_mix_word(&s, c.pc + 4 * i);
        c.insn = c.mix[0];
        return c;
    }
    c.insn = c.mix[0] = fz_make_word(line, &s, c.pc);
    if ((l->flags & FZ_EXCL_ST) && fz_chance(&s, 60)) {
        /* LDXR of the same size into XZR, or LDXP into XZR and the status register (which the store overwrites). */
        uint32_t w = c.insn, rs = w >> 16 & 31;
        if (fz_has(l, F_rt2)) {
            uint32_t rt2 = rs;
            for (uint32_t r = 0; rt2 == 31; r++)
                if (r != (w >> 5 & 31) && r != (w & 31) && r != (w >> 10 & 31))
                    rt2 = r;
            c.prefix = 0x887f0000u | (w & 1u << 30) | rt2 << 10 | (w & 0x3e0) | 31;
        } else {
            c.prefix = 0x085f7c00u | (w & 0xc0000000u) | (w & 0x3e0) | 31;
        }
    }
    return c;
}

/* ---- operands ---- */
static inline uint64_t fz_int(uint64_t *s)
{
    static const uint64_t edge[] = { 0, 1, ~0ull, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
        0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000001, 0xffffffff00000000,
        0xffffffff80000000, 0xffffffff7fffffff, 0x8080808080808080, 0x7f7f7f7f7f7f7f7f, 0x8000800080008000,
        0x7fff7fff7fff7fff, 0x8000000080000000, 0x7fffffff7fffffff, 0x0123456789abcdef, 0xaaaaaaaaaaaaaaaa, 0x5555555555555555 };
    uint64_t r = fz_next(s);
    switch (fz_below(s, 8)) {
    case 0:
    case 1: return edge[fz_below(s, sizeof(edge) / sizeof(edge[0]))];
    case 2: return r >> (r & 63);                /* any magnitude */
    case 3: return (uint64_t)((int64_t)r >> (r & 63));
    case 4: return r & 0xff;
    case 5: {                                    /* lanes of few values */
        uint64_t v = 0;
        for (unsigned i = 0; i < 64; i += 8)
            v |= edge[r >> i & 7] >> (r >> (i + 3) & 1 ? 0 : 8) << i & 0xffull << i;
        return v;
    }
    default: return r;
    }
}
/* A floating-point lane of 1 << esz bytes (1..3). */
static inline uint64_t fz_float(uint64_t *s, unsigned esz)
{
    static const uint8_t mbits[4] = { 0, 10, 23, 52 }, ebits[4] = { 0, 5, 8, 11 };
    unsigned mb = mbits[esz], eb = ebits[esz], width = 8u << esz;
    uint64_t r = fz_next(s), mant = fz_next(s) & ((1ull << mb) - 1), sign = (r & 1) << (width - 1);
    uint64_t emax = (1ull << eb) - 1, bias = emax >> 1, exp;

    switch (fz_below(s, 12)) {
    case 0: return sign;                                                         /* zero */
    case 1: return sign | emax << mb;                                            /* infinity */
    case 2: return sign | emax << mb | 1ull << (mb - 1) | (r & 2 ? mant : 0);    /* quiet NaN */
    case 3: return sign | emax << mb | ((mant & ((1ull << (mb - 1)) - 1)) | 1);  /* signalling NaN */
    case 4: return sign | (r & 2 ? mant : r & 4 ? 1 : (1ull << mb) - 1);         /* denormal */
    case 5: return sign | (r & 2 ? (emax - 1) << mb | ((1ull << mb) - 1) : 1ull << mb | (r & 4 ? mant : 0)); /* extremes */
    case 6: return sign | (bias + (r >> 8 & 7)) << mb | (r & 2 ? mant & ~0ull << (mb - 3) : 0);             /* small, few bits */
    case 7: return fz_next(s) & (width == 64 ? ~0ull : (1ull << width) - 1);
    case 8: {                                                                    /* around the limits of integers */
        static const uint8_t at[] = { 15, 16, 31, 32, 63, 64, 7, 8 };
        exp = bias + at[r >> 4 & 7] - (r >> 8 & 1);
        if (exp >= emax)
            exp = emax - 1;
        return sign | exp << mb | (r & 2 ? (1ull << mb) - 1 - (r >> 12 & 3) : r >> 12 & 3);
    }
    default:                                                                     /* moderate */
        exp = bias - 8 + (r >> 8 & 15);
        if (esz > 1 && (r & 2))
            exp = bias - 60 + (r >> 8 & 127);
        return sign | exp << mb | mant;
    }
}
static inline void fz_vec_float(uint64_t *s, uint64_t v[2], unsigned esz)
{
    for (unsigned h = 0; h < 2; h++) {
        v[h] = 0;
        for (unsigned b = 0; b < 64; b += 8u << esz)
            v[h] |= fz_float(s, esz) << b;
    }
}

static inline uint64_t *fz_xsp(struct fz_state *st, unsigned r) { return r == 31 ? &st->sp : &st->x[r]; }

/* Base and index registers such that the access falls where the case wants it. */
static inline void fz_aim(const struct fz_case *c, struct fz_state *st, uint64_t *s)
{
    const struct fz_line *l = &fz_lines[c->line];
    uint32_t w = c->insn;
    uint64_t to, off = 0, imm = fz_imm_any(l, w);
    unsigned mode = fz_index_mode(l, w), rn = (unsigned)fz_get(l, w, F_rn), scale = fz_term(l, w, l->scale);
    unsigned align = fz_term(l, w, l->align);

    /* A store-exclusive that fails may fault or not; LDAPR is not checked by qemu 7.2. */
    bool tame = (l->flags & FZ_TAME) || ((l->flags & FZ_EXCL_ST) && c->prefix == FZ_NOP);

    if (!tame && fz_chance(s, 6))
        to = FZ_BUF_END - 20 + fz_below(s, 40);
    else
        to = FZ_WIN + fz_below(s, FZ_WINDOW - 64);
    if (align && (tame || fz_chance(s, 92)))
        to &= ~((1ull << align) - 1);
    switch ((enum fz_addr)l->addr) {
    case A_I9: off = mode == 1 ? 0 : imm; break;
    case A_UI: off = imm << scale; break;
    case A_PAIR: off = mode == 1 ? 0 : imm << scale; break;
    case A_REG: {
        unsigned rm = (unsigned)fz_get(l, w, F_rm), option = (unsigned)fz_get(l, w, F_option), amount = fz_get(l, w, F_s) ? scale : 0;
        int64_t idx = (int64_t)(fz_next(s) >> (20 + fz_below(s, 40)));
        uint64_t junk = fz_next(s) << 32;
        if (option == 2)
            idx = (int64_t)((uint64_t)idx & 0x7fffffff);
        if (fz_chance(s, 40) && option != 2)
            idx = -idx;
        if (option == 6)
            idx = (int32_t)idx;
        if (rm == 31)
            idx = 0;
        else
            st->x[rm] = option & 1 ? (uint64_t)idx : ((uint64_t)idx & 0xffffffff) | junk;
        off = (uint64_t)idx << amount;
        break;
    }
    default: break;
    }
    if (l->addr != A_LIT)
        *fz_xsp(st, rn) = to - off;
}
static inline void fz_make_state(uint64_t seed, const struct fz_case *c, struct fz_state *st)
{
    const struct fz_line *l = &fz_lines[c->line];
    uint64_t s = fz_seed(seed, c->line, c->k, 2);
    bool fp = l->rule == R_FP || (l->rule == R_MIX && fz_chance(&s, 50));

    for (unsigned i = 0; i < 31; i++)
        st->x[i] = fz_int(&s);
    st->sp = fz_int(&s);
    unsigned esz = 2;
    if (fz_has(l, F_ftype)) {
        static const uint8_t of[4] = { 2, 3, 2, 1 };
        esz = of[fz_get(l, c->insn, F_ftype)];
    } else if (fz_has(l, F_sz)) {
        esz = fz_get(l, c->insn, F_sz) ? 3 : 2;
    }
    for (unsigned i = 0; i < 32; i++) {
        if (fp) {
            fz_vec_float(&s, st->v[i], fz_chance(&s, 80) ? esz : 1 + fz_below(&s, 3));
            if (i && fz_chance(&s, 10)) {        /* nearly equal or opposite to another register: cancellation */
                st->v[i][0] = st->v[i - 1][0] ^ (fz_next(&s) & 3) ^ (fz_chance(&s, 50) ? 1ull << ((8u << esz) - 1) : 0);
                st->v[i][1] = st->v[i - 1][1];
            }
        } else {
            st->v[i][0] = fz_int(&s);
            st->v[i][1] = fz_int(&s);
        }
    }
    st->nzcv = fz_below(&s, 16) << 28;
    st->fpcr = fz_below(&s, 4) << 22;
    if (fz_chance(&s, 50))
        st->fpcr |= (uint32_t)fz_next(&s) & 0x07080000;          /* AHP, DN, FZ, FZ16 */
    st->fpsr = fz_chance(&s, 60) ? 0 : (uint32_t)fz_next(&s) & 0x0800009f;
    st->pad = 0;
    for (unsigned i = 0; i < FZ_WINDOW; i += 8) {
        uint64_t v = fz_int(&s);
        for (unsigned b = 0; b < 8; b++)
            st->mem[i + b] = (uint8_t)(v >> 8 * b);
    }
    if (l->rule == R_MIX)
        st->x[FZ_MIX_BASE] = FZ_WIN + 128 + 16 * fz_below(&s, 8);
    if (l->rule == R_MEM)
        fz_aim(c, st, &s);
    if (l->rule == R_SYSREG) {                   /* FZ16 and reserved bits are the emulator's choice */
        st->fpcr &= ~0x00080000u;
        unsigned rt = (unsigned)fz_get(l, c->insn, F_rt), crm = (unsigned)fz_get(l, c->insn, F_crm);
        if (rt != 31)
            st->x[rt] &= crm == 2 ? 0xf0000000u : fz_get(l, c->insn, F_op2) ? 0x0800009fu : 0x07c00000u;
    }
    if (l->rule == R_BRANCH && fz_has(l, F_rt) && fz_chance(&s, 40) && fz_get(l, c->insn, F_rt) != 31)
        st->x[fz_get(l, c->insn, F_rt)] &= fz_chance(&s, 50) ? 0 : 0xffffffff00000000;
    if (l->rule == R_BRREG) {
        unsigned rn = (unsigned)fz_get(l, c->insn, F_rn);
        uint64_t to = fz_chance(&s, 50) ? 0x50000000 + (fz_next(&s) & 0x7ffffff) : 0x1000000000 + (fz_next(&s) & 0xffffffffff);
        if (rn != 31)
            st->x[rn] = to & ~(fz_chance(&s, 90) ? 3ull : 0);
    }
    /* CAS: let the comparison hold in half of the cases. */
    if (l->rule == R_MEM && fz_has(l, F_rs) && fz_chance(&s, 50)) {
        unsigned rs = (unsigned)fz_get(l, c->insn, F_rs), rn = (unsigned)fz_get(l, c->insn, F_rn);
        uint64_t at = *fz_xsp(st, rn);
        for (unsigned i = 0; i < 2; i++)
            if (rs + i < 31 && rs + i != rn && at + 8 * i >= FZ_WIN && at + 8 * i + 8 <= FZ_BUF_END) {
                uint64_t v = 0;
                for (unsigned b = 0; b < 8; b++)
                    v |= (uint64_t)st->mem[at + 8 * i - FZ_WIN + b] << 8 * b;
                st->x[rs + i] = v;
            }
    }
}

#endif
