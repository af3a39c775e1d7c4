/*
 * host_test.c - random IR blocks: the x86-64 backend against the IR interpreter, on copies of one state.
 *
 * usage: host_test [seed [blocks]]. A failing block is printed with its seed, its host code and both results.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/counter.h"
#include "host/host.h"
#include "ir/softfp.h"
#include "opt/opt.h"

/* ---- randomness ---- */

static uint64_t rng_state;
static uint64_t rnd(void)
{
    rng_state += 0x9e3779b97f4a7c15ull;
    uint64_t z = rng_state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}
static unsigned below(unsigned n) { return (unsigned)(rnd() % n); }
static bool chance(unsigned percent) { return below(100) < percent; }

static uint64_t interesting(void)
{
    static const uint64_t v[] = {0, 1, 2, 31, 32, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
        0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, ~0ull, ~1ull, 0xffffffff80000000, 0x5555555555555555,
        0x3f800000, 0xbf800000, 0x7f800000, 0x7fc00000, 0x7f800001, 0x00000001, 0x00800000, 0x3ff0000000000000,
        0x7ff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001, 0x0010000000000000, 0x000fffffffffffff, 0xfff0000000000000};
    switch (below(4)) {
    case 0: return v[below(ARRAY_LEN(v))];
    case 1: return rnd() >> below(64);
    case 2: return (uint64_t)((int64_t)rnd() >> below(64));
    default: return rnd();
    }
}
/* Bits of a floating-point number that is not always absurd. */
static uint64_t fp_value(unsigned esz)
{
    if (chance(25))
        return esz == 2 ? (uint32_t)interesting() : interesting();
    if (esz == 2) {
        float f = (float)((double)(int64_t)rnd() / (double)(1ull << below(63)));
        uint32_t u;
        memcpy(&u, &f, 4);
        return u;
    }
    double d = (double)(int64_t)rnd() / (double)(1ull << below(63));
    uint64_t u;
    memcpy(&u, &d, 8);
    return u;
}

/* ---- memory: several regions that all show the same 32 KiB ---- */

#define RAM 0x8000u
#define AREA(region) ((uint64_t)(int64_t)(region) << REGION_SHIFT | 0x10000u)
enum { GOOD_LOW = 5, GOOD_HIGH = -3, OTHER = 9, NOWHERE = 12, BAD = 14 };
static uint8_t *ram[2];                          /* [0] interpreter, [1] host */
static int side;
static jmp_buf fault_jump;
static struct vcpu *cpu[2];
static int64_t table[REGION_TABLE];
static struct tlb_entry tlb[64];
static unsigned slow_calls;

static uint8_t *at(struct vcpu *c, uint64_t va, uint32_t mem, unsigned size)
{
    int64_t region = sextract(va, 0, 56) >> REGION_SHIFT;
    uint64_t off = (va & 0xffffff) - 0x10000;
    slow_calls += side;
    if (region == BAD || off > RAM - size || (region != GOOD_LOW && region != GOOD_HIGH && region != OTHER && region != NOWHERE)) {
        if (side)
            host_unwind(cpu[1]);
        longjmp(fault_jump, 1);
    }
    return ram[side] + off;
}
#include "../plain_mem.h"

/* ---- helpers ---- */

static uint64_t h_pure(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d) { return a * 3 + (b ^ d << 1); }
static uint64_t h_reads(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d)
{
    uint64_t s = a - b + d;
    for (int k = 0; k < 32; k++)
        s = s * 31 + c->r[k] + c->v[k].lo - c->v[k].hi;
    return s;
}
static uint64_t h_writes(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d)
{
    for (int k = 0; k < 32; k += 3)
        c->r[k] += k < 8 || k > 15 ? a + (uint64_t)k : 0;
    return b + d;
}
static uint64_t h_vec(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d)
{
    for (int k = 0; k < 32; k += 2)
        c->v[k].hi ^= a, c->v[k].lo += b;
    return c->v[3].lo ^ d;
}
static uint64_t h_fault(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d)
{
    if ((a & 7) == 3) {
        if (side)
            host_unwind(c);
        longjmp(fault_jump, 1);
    }
    return h_reads(c, a, b, d);
}
/* Of a TRAPNZ: looks at the state, leaves the block. */
static uint64_t h_trap(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d)
{
    c->excl_val[1] = h_reads(c, 0, 0, 0) + nzcv_to_arm(c->nzcv);
    if (side)
        host_unwind(c);
    longjmp(fault_jump, 1);
}
static const struct ir_helper trap = {"trap", h_trap, IRE_FAULT | IRE_RGPR | IRE_RVEC | IRE_RFLAGS | IRE_STATE | IRE_WSTATE};

static const struct ir_helper helpers[] = {
    {"pure", h_pure, 0},
    {"reads", h_reads, IRE_RGPR | IRE_RVEC},
    {"writes", h_writes, IRE_RGPR | IRE_WGPR},
    {"vec", h_vec, IRE_RVEC | IRE_WVEC},
    {"fault", h_fault, IRE_FAULT | IRE_RGPR | IRE_RVEC},
};

/* ---- random blocks ---- */

static struct ir_block blk;
static ir_val val32[IR_MAX_INSNS], val64[IR_MAX_INSNS], valv[IR_MAX_INSNS];
static unsigned n32, n64, nv;
static int mode;                                 /* bit 0: vectors, bit 1: floating point */
static unsigned fp_esz;

static void keep(ir_val v)
{
    if (v == IR_NONE)
        return;
    switch (ir_result_type(&blk.insn[v])) {
    case IR_I32: val32[n32++] = v; break;
    case IR_I64: val64[n64++] = v; break;
    case IR_V: valv[nv++] = v; break;
    default: break;
    }
}
static unsigned pick(unsigned n)
{
    return chance(60) && n > 6 ? n - 1 - below(6) : below(n);
}
static unsigned any_reg(void)
{
    static const uint8_t hot[] = {0, 1, 2, 3, 19, 31, 29, 5, 6, 7};
    return chance(70) ? hot[below(ARRAY_LEN(hot))] : below(32);
}
static ir_val arg(enum ir_type t)
{
    if (t == IR_V) {
        if (!nv || chance(25))
            return ir_getv(&blk, below(chance(70) ? 6 : 32));
        return valv[pick(nv)];
    }
    if (chance(15))
        return ir_const(&blk, t, t == IR_I32 ? (uint32_t)interesting() : interesting());
    if (chance(25))
        return ir_getr(&blk, t, any_reg());
    if (t == IR_I32)
        return n32 ? val32[pick(n32)] : ir_getr(&blk, t, 0);
    return n64 ? val64[pick(n64)] : ir_getr(&blk, t, 1);
}
static enum ir_type any_type(void) { return chance(50) ? IR_I32 : IR_I64; }

/* A base address: registers 8..15 hold good ones and are not written. */
static ir_val base(int64_t *off)
{
    ir_val v = ir_getr(&blk, IR_I64, 8 + below(8));
    *off = (int64_t)below(512) - 256;
    if (chance(30))
        v = ir_op2(&blk, IR_ADD, IR_I64, v, ir_const(&blk, IR_I64, below(2048)));
    return v;
}
static struct ir_mem any_mem(unsigned size, bool write)
{
    return (struct ir_mem){.size = size & 7, .view = below(VIEW_COUNT) & 3, .write = write, .align = chance(20)};
}

static void memory_op(void)
{
    int64_t off;
    ir_val b = base(&off);
    enum ir_type t = any_type();
    unsigned size = below(t == IR_I32 ? 3 : 4);
    struct ir_mem m;
    switch (below(11)) {
    case 0: case 1: case 2:
        m = any_mem(size, false);
        m.sext = chance(40) && size < (t == IR_I32 ? 2u : 3u);
        m.wide = m.sext && t == IR_I64;
        keep(ir_ld(&blk, t, m, b, off));
        break;
    case 3: case 4: case 5:
        ir_st(&blk, any_mem(size, true), b, off, arg(t));
        break;
    case 6:
        keep(ir_ldv(&blk, any_mem(below(5), false), b, off));
        break;
    case 7:
        ir_stv(&blk, any_mem(below(5), true), b, off, arg(IR_V));
        break;
    case 8:
        b = ir_op2(&blk, IR_AND, IR_I64, b, ir_const(&blk, IR_I64, ~7ull));
        m = any_mem(size, true);
        m.align = true;
        if (chance(30))
            keep(ir_cas(&blk, t, m, b, chance(50) ? arg(t) : ir_ld(&blk, t, any_mem(size, false), b, 0), arg(t)));
        else
            keep(ir_amo(&blk, t, (enum ir_amo)below(9), m, b, arg(t)));
        break;
    case 9: {                                     /* 16 bytes; often with what is there expected */
        enum ir_op op = chance(50) ? IR_CASP : IR_STXP;
        size_t expect = op == IR_CASP ? offsetof(struct vcpu, pair) : offsetof(struct vcpu, excl_val);
        b = ir_op2(&blk, IR_AND, IR_I64, b, ir_const(&blk, IR_I64, ~15ull));
        m = any_mem(3, false);
        m.sext = false;
        m.align = m.pair = true;
        ir_val lo = ir_ld(&blk, IR_I64, m, b, 0);
        m.align = m.pair = false;
        ir_val hi = ir_ld(&blk, IR_I64, m, b, 8);
        ir_ststate(&blk, 3, expect, chance(90) ? lo : arg(IR_I64));
        ir_ststate(&blk, 3, expect + 8, chance(90) ? hi : arg(IR_I64));
        if (op == IR_STXP)
            ir_ststate(&blk, 3, offsetof(struct vcpu, excl_addr), chance(80) ? b : arg(IR_I64));
        m.size = 4;
        m.align = true;
        keep(ir_pair(&blk, op, m, b, chance(30) ? lo : arg(IR_I64), chance(30) ? hi : arg(IR_I64)));
        if (op == IR_CASP && chance(80))
            keep(ir_ldstate(&blk, IR_I64, 3, expect + 8));
        break;
    }
    default:
        b = ir_op2(&blk, IR_AND, IR_I64, b, ir_const(&blk, IR_I64, ~7ull));
        m = any_mem(size, false);
        ir_val old = ir_ld(&blk, t, m, b, 0);
        ir_ststate(&blk, 3, offsetof(struct vcpu, excl_addr), chance(80) ? b : arg(IR_I64));
        ir_ststate(&blk, 3, offsetof(struct vcpu, excl_val[0]), t == IR_I32 ? ir_ext(&blk, IR_ZEXT, IR_I64, 2, old) : old);
        m.write = m.align = true;
        keep(ir_stx(&blk, m, b, arg(t)));
        break;
    }
}

static void flag_op(void)
{
    static const uint8_t two[] = {IR_ADDS, IR_SUBS, IR_ANDS, IR_ADC, IR_SBC, IR_ADCS, IR_SBCS};
    enum ir_type t = any_type();
    switch (below(8)) {
    case 0: case 1: case 2: keep(ir_op2(&blk, two[below(ARRAY_LEN(two))], t, arg(t), arg(t))); break;
    case 3: ir_ccmp(&blk, chance(50) ? IR_CCMP : IR_CCMN, t, (enum ir_cc)below(14), below(16), arg(t), arg(t)); break;
    case 4: case 5: keep(ir_csel(&blk, t, (enum ir_cc)below(14), arg(t), arg(t))); break;
    case 6: keep(ir_setc(&blk, t, (enum ir_cc)below(14))); break;
    default:
        if (chance(50))
            keep(ir_op0(&blk, IR_GETNZCV, IR_I64));
        else
            ir_op1(&blk, IR_SETNZCV, IR_I64, arg(IR_I64));
        break;
    }
}

static void int_op(void)
{
    static const uint8_t two[] = {IR_ADD, IR_ADD, IR_SUB, IR_SUB, IR_MUL, IR_UMULH, IR_SMULH, IR_UDIV, IR_SDIV, IR_AND, IR_OR,
        IR_XOR, IR_ANDN, IR_SHL, IR_SHR, IR_SAR, IR_ROR};
    static const uint8_t one_[] = {IR_NOT, IR_NEG, IR_CLZ, IR_CTZ, IR_RBIT, IR_BSWAP, IR_REV16, IR_POPCNT};
    enum ir_type t = any_type();
    unsigned w = t == IR_I32 ? 32 : 64, lsb, len;
    switch (below(12)) {
    case 0: keep(ir_op1(&blk, one_[below(ARRAY_LEN(one_))], t, arg(t))); break;
    case 1: keep(ir_op1(&blk, chance(50) ? IR_TRUNC : IR_REV32, IR_I64, arg(IR_I64))); break;
    case 2: keep(ir_ext(&blk, chance(50) ? IR_SEXT : IR_ZEXT, t, below(3), arg(chance(70) ? t : any_type()))); break;
    case 3:
        lsb = below(w);
        len = 1 + below(w - lsb);
        keep(ir_op1i(&blk, chance(50) ? IR_UBFX : IR_SBFX, t, arg(t), lsb | len << 8));
        break;
    case 4:
        lsb = below(w);
        len = 1 + below(w - lsb);
        keep(ir_op2i(&blk, IR_BFI, t, arg(t), arg(t), lsb | len << 8));
        break;
    case 5: keep(ir_op2i(&blk, IR_EXTR, t, arg(t), arg(t), below(w))); break;
    case 6: keep(ir_op3(&blk, IR_SELNZ, t, arg(any_type()), arg(t), arg(t))); break;
    case 7: keep(ir_pc(&blk, (int64_t)below(100000) - 50000)); break;
    default: {
        enum ir_op op = two[below(ARRAY_LEN(two))];
        ir_val x = arg(t);
        keep(ir_op2(&blk, op, op == IR_UMULH || op == IR_SMULH ? IR_I64 : t, op == IR_UMULH || op == IR_SMULH ? arg(IR_I64) : x,
                    op >= IR_SHL && op <= IR_ROR ? arg(any_type()) : op == IR_UMULH || op == IR_SMULH ? arg(IR_I64) : arg(t)));
        break;
    }
    }
}

#include "host_test_vec.h"

#define START 0x100
#define ROUNDS 4
static bool looping;                             /* exits may lead to the block's start; it counts rounds and asks for the vCPU then */

static void count_round(void)
{
    ir_val n = ir_ldstate(&blk, IR_I32, 2, offsetof(struct vcpu, tlbi_pending));
    n = ir_op2(&blk, IR_ADD, IR_I32, n, ir_const(&blk, IR_I32, 1));
    ir_ststate(&blk, 2, offsetof(struct vcpu, tlbi_pending), n);
    ir_ststate(&blk, 2, offsetof(struct vcpu, exit_req),
               ir_op2(&blk, IR_UDIV, IR_I32, n, ir_const(&blk, IR_I32, ROUNDS)));
}

static void side_op(int64_t taken)
{
    static const enum ir_op op[] = {IR_SIDE_NZ, IR_SIDE_Z, IR_SIDE_BIT, IR_SIDE_NBIT};
    if (chance(50)) {
        ir_side_cc(&blk, (enum ir_cc)below(14), taken);
        return;
    }
    ir_val a = arg(any_type());
    ir_side_test(&blk, op[below(4)], a, below(ir_result_type(&blk.insn[a]) == IR_I32 ? 32 : 64), taken);
}

static void make_block(void)
{
    unsigned sides = 0;
    ir_reset(&blk, START);
    n32 = n64 = nv = 0;
    if (looping) {
        ir_begin_insn(&blk, START);
        count_round();
    }
    unsigned insns = 1 + below(chance(20) ? 60 : 12), pc = 0x100;
    for (unsigned k = 0; k < insns && ir_has_room(&blk); k++, pc += 4) {
        ir_begin_insn(&blk, pc);
        unsigned ops = 1 + below(4);
        while (ops--) {
            unsigned r = below(100);
            if (mode & 3 && r < 55)
                vec_op();
            else if (r < 62)
                int_op();
            else if (r < 78)
                flag_op();
            else if (r < 95)
                memory_op();
            else if (r < 98)
                keep(ir_call(&blk, any_type(), &helpers[below(ARRAY_LEN(helpers))], arg(any_type()),
                             arg(any_type()), arg(any_type())));
            else if (r < 99)
                ir_op0(&blk, IR_FENCE, IR_I64);
            else
                ir_trapnz(&blk, arg(any_type()), chance(50) ? 1u << below(31) : 15, &trap);
        }
        if (sides < IR_MAX_SIDES && chance(12)) {
            sides++;
            side_op(pc + 4 + below((unsigned)(PAGE_SIZE - pc) / 4 - 1) * 4);
            if (blk.ended)
                return;
        }
        unsigned puts = below(3);
        while (puts--) {
            unsigned reg = any_reg();
            if (reg < 8 || reg > 15)
                ir_putr(&blk, reg, arg(any_type()));
        }
        if (chance(mode & 3 ? 50 : 15))
            ir_putv(&blk, below(chance(70) ? 6 : 32), arg(IR_V));
    }
    int64_t t1 = (int64_t)below(1024) * 4, t2 = (int64_t)below(1024) * 4;
    if (chance(15))
        t1 += chance(50) ? 0x1000 : -0x5000;
    if (looping && chance(80))
        *(chance(50) ? &t1 : &t2) = START;
    switch (below(9)) {
    case 8: ir_exit_mode(&blk, arg(IR_I64), arg(IR_I64)); break;
    case 0: ir_exit_jmp(&blk, t1); break;
    case 1: case 2: ir_exit_cc(&blk, (enum ir_cc)below(14), t1, t2); break;
    case 3: ir_exit_test(&blk, chance(50) ? IR_EXIT_NZ : IR_EXIT_Z, arg(any_type()), 0, t1, t2); break;
    case 4: {
        ir_val a = arg(any_type());
        ir_exit_test(&blk, IR_EXIT_BIT, a, below(ir_result_type(&blk.insn[a]) == IR_I32 ? 32 : 64), t1, t2);
        break;
    }
    case 5: ir_exit_ind(&blk, arg(IR_I64), BR_PLAIN); break;
    case 6: ir_exit_dispatch(&blk, t1); break;
    default: ir_exit_jmp(&blk, t2); break;
    }
}

/* ---- running both ---- */

static void out(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
}

static const struct host_code *running;
static struct host_code code;
static bool patch_sites;
static unsigned faults, overflows;

static void on_segv(int sig, siginfo_t *info, void *uc)
{
    if (host_returns_full(cpu[1], info->si_addr, uc)) {
        overflows++;
        return;
    }
    const uint8_t *pc = host_fault_pc(uc);
    for (unsigned n = 0; running && n < running->n_sites; n++) {
        const struct host_site *s = &running->site[n];
        if ((const uint8_t *)running->entry + s->off == pc) {
            if (patch_sites)
                host_patch_site(running, s);
            host_fault_resume(uc, (const uint8_t *)running->entry + s->slow);
            faults++;
            return;
        }
    }
    fprintf(stderr, "genuine fault at %p\n", (const void *)pc);
    if (running) {
        printf("block at %p\n", running->entry);
        ir_print(&blk, out);
        host_disas(running->entry, running->text, out);
        fflush(stdout);
    }
    signal(SIGSEGV, SIG_DFL);
}

static int predict(void *opaque, const struct ir_block *b, unsigned i, int64_t *region)
{
    unsigned k = (b->insn[i].pc_off / 4 + b->insn[i].a) % 5;
    *region = k == 1 ? GOOD_HIGH : k == 2 ? 0 : GOOD_LOW;
    return k == 4 ? -1 : k == 1 ? REGION_SLOTS : k == 2 ? 3 : 0;
}

static void set_state(struct vcpu *c)
{
    for (int k = 0; k < 32; k++)
        c->r[k] = interesting();
    for (int k = 8; k < 16; k++) {
        static const int8_t region[] = {GOOD_LOW, GOOD_LOW, GOOD_LOW, GOOD_HIGH, GOOD_HIGH, OTHER, NOWHERE, BAD};
        int r = region[below(chance(10) ? 8 : 7)];
        c->r[k] = AREA(r) + 0x400 + below(RAM - 0x1000);
        if (chance(40))
            c->r[k] &= ~15ull;
        if (r > 0 && chance(5))
            c->r[k] |= (uint64_t)below(256) << 56;
    }
    for (int k = 0; k < 32; k++) {
        if (mode & 2) {
            fp_esz = 2 + below(2);
            c->v[k] = fp_esz == 2 ? (u128){fp_value(2) | fp_value(2) << 32, fp_value(2) | fp_value(2) << 32}
                                  : (u128){fp_value(3), fp_value(3)};
        } else {
            c->v[k] = (u128){interesting(), interesting()};
        }
    }
    c->nzcv = nzcv_from_arm((uint32_t)rnd()) | (rnd() & 0x3e00);
    c->pc_page = (rnd() & 0xffffffffffff) & PAGE_MASK;
    c->pc_off = 0;
    c->exit_req = chance(10);
    c->tlbi_pending = 0;
    c->excl_addr = EXCL_NONE;
    static const uint32_t rc[4] = {0, 2, 1, 3};
    c->fp = (struct fp_env){.round = (uint8_t)(chance(70) ? FP_RN : below(4))};
    c->fp.mxcsr = 0x1f80 | rc[c->fp.round] << 13;
}

static uint32_t fp_flags(const struct vcpu *c)
{
    uint32_t m = c->fp.mxcsr, f = c->fp.sticky;
    return f | (m & 1 ? FP_IOC : 0) | (m & 4 ? FP_DZC : 0) | (m & 8 ? FP_OFC : 0) | (m & 16 ? FP_UFC : 0) | (m & 32 ? FP_IXC : 0);
}

static bool differ(const char **what)
{
    struct vcpu *a = cpu[0], *b = cpu[1];
    *what = "registers";
    if (memcmp(a->r, b->r, sizeof(a->r)))
        return true;
    *what = "vectors";
    if (memcmp(a->v, b->v, sizeof(a->v)))
        return true;
    *what = "NZCV";
    if (nzcv_to_arm(a->nzcv) != nzcv_to_arm(b->nzcv))
        return true;
    *what = "pc";
    if (vcpu_pc(a) != vcpu_pc(b))
        return true;
    *what = "context";
    if (a->jc_ctx != b->jc_ctx)
        return true;
    *what = "memory";
    if (memcmp(ram[0], ram[1], RAM))
        return true;
    *what = "exclusive monitor";
    if (a->excl_addr != b->excl_addr || memcmp(a->excl_val, b->excl_val, 16) || memcmp(a->pair, b->pair, 16))
        return true;
    *what = "FP flags";
    return fp_flags(a) != fp_flags(b);
}

static void show(const char *what)
{
    printf("differ in %s\n", what);
    for (int k = 0; k < 32; k++) {
        if (cpu[0]->r[k] != cpu[1]->r[k])
            printf("r%d: expected %016llx, got %016llx\n", k, (unsigned long long)cpu[0]->r[k], (unsigned long long)cpu[1]->r[k]);
        if (memcmp(&cpu[0]->v[k], &cpu[1]->v[k], 16))
            printf("v%d: expected %016llx:%016llx, got %016llx:%016llx\n", k, (unsigned long long)cpu[0]->v[k].hi,
                   (unsigned long long)cpu[0]->v[k].lo, (unsigned long long)cpu[1]->v[k].hi, (unsigned long long)cpu[1]->v[k].lo);
    }
    for (unsigned k = 0; k < RAM; k++) {
        if (ram[0][k] != ram[1][k])
            printf("memory %x: expected %02x, got %02x\n", k, ram[0][k], ram[1][k]);
    }
    for (int k = 8; k < 16; k++)
        printf("r%d = %llx\n", k, (unsigned long long)cpu[0]->r[k]);
    printf("nzcv %x %x, pc %llx %llx, fp flags %x %x\n", nzcv_to_arm(cpu[0]->nzcv), nzcv_to_arm(cpu[1]->nzcv),
           (unsigned long long)vcpu_pc(cpu[0]), (unsigned long long)vcpu_pc(cpu[1]), fp_flags(cpu[0]), fp_flags(cpu[1]));
}

static bool one_block(uint64_t seed, uint8_t *area, size_t size)
{
    rng_state = seed;
    mode = (int)below(4);
    looping = chance(30);
    make_block();
    ir_verify(&blk);
    if (chance(50))
        opt_block(&blk);
    struct host_gen_opts o = {.predict = chance(90) ? predict : NULL, .loop = looping};
    for (unsigned v = 0; v < VIEW_COUNT; v++)
        o.kind[v] = (enum access_kind)below(3);
    patch_sites = chance(30);
    if (!host_generate(&blk, &o, area, size, &code)) {
        printf("seed %llu: no room\n", (unsigned long long)seed);
        return false;
    }
    for (unsigned run = 0; run < 3; run++) {
        uint64_t bytes = rnd();
        for (unsigned k = 0; k < RAM; k += 8) {
            bytes = bytes * 6364136223846793005ull + 1;
            memcpy(ram[0] + k, &bytes, 8);
        }
        memcpy(ram[1], ram[0], RAM);
        set_state(cpu[0]);
        struct vcpu keep_cpu = *cpu[1];
        *cpu[1] = *cpu[0];
        memcpy(cpu[1]->delta, keep_cpu.delta, sizeof(keep_cpu.delta));
        memcpy(cpu[1]->region_table, keep_cpu.region_table, sizeof(keep_cpu.region_table));
        memcpy(cpu[1]->tlb, keep_cpu.tlb, sizeof(keep_cpu.tlb));
        memcpy(cpu[1]->tbi, keep_cpu.tbi, sizeof(keep_cpu.tbi));
        cpu[1]->ret_top = keep_cpu.ret_top;      /* (one stack of returns for all runs) */
        cpu[1]->ret_sp = keep_cpu.ret_sp;
        for (unsigned k = 0; k < 1u << JC_BITS; k++)
            cpu[1]->jc[k] = (struct jc_entry){JC_EMPTY, host_jump_miss()};
        side = 0;
        if (!setjmp(fault_jump)) {
            uint64_t start = cpu[0]->pc_page + START;
            bool direct = blk.insn[blk.n - 1].op <= IR_EXIT_BIT;
            do
                ir_interpret(&blk, cpu[0], &plain_mem_ops);
            while (looping && direct && vcpu_pc(cpu[0]) == start && !cpu[0]->exit_req);
        }
        side = 1;
        running = &code;
        host_forget_returns(cpu[1]);
        struct host_exit *e = host_run(cpu[1], code.entry);
        running = NULL;
        const char *what = "the exit returned";
        if ((e && vcpu_pc(cpu[1]) != cpu[1]->pc_page + (uint64_t)e->target) || differ(&what)) {
            printf("seed %llu run %u kinds %d %d %d:\n", (unsigned long long)seed, run, (int)o.kind[0], (int)o.kind[1], (int)o.kind[2]);
            ir_print(&blk, out);
            host_disas(code.entry, code.text, out);
            show(what);
            return false;
        }
    }
    return true;
}

/* ---- calls and returns ---- */

#define CALLER 0x5000ull
#define CALLEE 0x9000ull
static struct host_code callee, after, caller[3];

/* Which exit was taken, or -1: by way of C. */
static int ran_to(const struct host_code *from, const struct host_exit *e)
{
    return e ? (int)(e - from->exit) : -1;
}

/*
 * callee: x1 += 1; ret. after (what is behind the calls): x2 += 1; leave. The callers call within the page, to another page and by
 * register; x30 is the address behind, 0x14.
 */
static bool make_calls(uint8_t *area, size_t size)
{
    struct host_gen_opts o = {.kind = {ACCESS_SOFT, ACCESS_SOFT, ACCESS_SOFT}};
    ir_reset(&blk, 0x80);
    ir_begin_insn(&blk, 0x80);
    ir_putr(&blk, 1, ir_op2(&blk, IR_ADD, IR_I64, ir_getr(&blk, IR_I64, 1), ir_const(&blk, IR_I64, 1)));
    ir_exit_ind(&blk, ir_getr(&blk, IR_I64, 30), BR_RET);
    if (!host_generate(&blk, &o, area, size, &callee))
        return false;
    ir_reset(&blk, 0x14);
    ir_begin_insn(&blk, 0x14);
    ir_putr(&blk, 2, ir_op2(&blk, IR_ADD, IR_I64, ir_getr(&blk, IR_I64, 2), ir_const(&blk, IR_I64, 1)));
    ir_exit_dispatch(&blk, 0x18);
    if (!host_generate(&blk, &o, area + 4096, size - 4096, &after))
        return false;
    for (unsigned k = 0; k < 3; k++) {
        ir_reset(&blk, 0x10);
        ir_begin_insn(&blk, 0x10);
        ir_val ret = ir_pc(&blk, 0x14);
        ir_putr(&blk, 30, ret);
        if (k == 2)
            ir_exit_callr(&blk, ir_getr(&blk, IR_I64, 5), ret, 0x14);
        else
            ir_exit_call(&blk, k ? (int64_t)(CALLEE - CALLER) + 0x80 : 0x80, ret, 0x14);
        if (!host_generate(&blk, &o, area + 4096 * (2 + k), size - 4096 * (2 + k), &caller[k]) ||
            caller[k].n_exits != (k == 2 ? 1 : 2))
            return false;
    }
    return true;
}

static struct host_exit *call_from(struct vcpu *c, const struct host_code *from)
{
    c->pc_page = CALLER;
    c->r[1] = c->r[2] = 0;
    return host_run(c, from->entry);
}

/* As src/xlate would after the exit of a call: to the callee. */
static struct host_exit *call_on(struct vcpu *c, uint64_t va)
{
    vcpu_set_pc(c, va);
    return host_run(c, callee.entry);
}

#define EXPECT(what) do { if (!(what)) { printf("line %d: %s\n", __LINE__, #what); return false; } } while (0)

static bool call_test(uint8_t *area, size_t size)
{
    struct vcpu *c = cpu[1];
    EXPECT(make_calls(area, size));
    c->exit_req = 0;
    c->jc_ctx = 0x7730000;
    for (unsigned k = 0; k < 1u << JC_BITS; k++)
        c->jc[k] = (struct jc_entry){JC_EMPTY, host_jump_miss()};
    c->r[5] = CALLEE + 0x80;
    for (unsigned k = 0; k < 3; k++) {
        struct host_exit *back = &caller[k].exit[k == 2 ? 0 : 1];
        uint64_t to = (k ? CALLEE : CALLER) + 0x80;
        host_forget_returns(c);
        /* the call leaves for C, the return finds the landing, whose jump leads to C at first, then to the block */
        EXPECT(ran_to(&caller[k], call_from(c, &caller[k])) == (k == 2 ? -1 : 0) && vcpu_pc(c) == to && c->r[30] == CALLER + 0x14);
        EXPECT(call_on(c, to) == back || k == 1);
        EXPECT(vcpu_pc(c) == CALLER + 0x14 && c->r[1] == 1 && !c->r[2]);
        host_patch_jump(back, after.entry);
        if (k == 0)
            host_patch_jump(&caller[k].exit[0], callee.entry);
        if (k == 1) {
            host_patch_jump(&caller[k].exit[0], callee.entry);
            host_patch_key(&caller[k].exit[0], CALLEE ^ c->jc_ctx);
        }
        if (k == 2)
            c->jc[jc_index(to)] = (struct jc_entry){to ^ c->jc_ctx, callee.entry};
        for (unsigned n = 0; n < 3; n++)
            EXPECT(!call_from(c, &caller[k]) && c->r[1] == 1 && c->r[2] == 1 && vcpu_pc(c) == CALLER + 0x18);
        /* somebody wants the vCPU: out before the callee or behind it */
        c->exit_req = 1;
        EXPECT(!call_from(c, &caller[k]) && !c->r[2] && (vcpu_pc(c) == CALLER + 0x14 || (k == 2 && vcpu_pc(c) == to)));
        c->exit_req = 0;
        host_forget_returns(c);
        /* the callee returns elsewhere, with another context, and again with nothing on the stack */
        host_patch_jump(&caller[k].exit[0], k == 2 ? after.entry : NULL);
        if (k == 2)
            c->jc[jc_index(to)] = (struct jc_entry){JC_EMPTY, host_jump_miss()};
        call_from(c, &caller[k]);
        c->r[30] = CALLER + 0x1014;
        EXPECT(!call_on(c, to) && vcpu_pc(c) == CALLER + 0x1014 && !c->r[2]);
        call_from(c, &caller[k]);
        c->jc_ctx ^= 0x40000;
        EXPECT(!call_on(c, to) && vcpu_pc(c) == CALLER + 0x14 && !c->r[2]);
        c->jc_ctx ^= 0x40000;
        for (unsigned n = 0; n < 3; n++)
            EXPECT(!call_on(c, to) && vcpu_pc(c) == CALLER + 0x14 && !c->r[2]);
        /* returns that nobody called for go by the jump cache */
        c->jc[jc_index(CALLER + 0x14)] = (struct jc_entry){(CALLER + 0x14) ^ c->jc_ctx, after.entry};
        EXPECT(!call_on(c, to) && c->r[2] == 1);
        c->jc[jc_index(CALLER + 0x14)] = (struct jc_entry){JC_EMPTY, host_jump_miss()};
    }
    /* calls without end: what was on the stack is forgotten, no more */
    uint8_t *spin = (uint8_t *)c->ret_sp;
    for (unsigned n = 0; n < 3; n++) {
        unsigned before = overflows;
        while (overflows == before)
            call_from(c, &caller[0]);
        EXPECT(vcpu_pc(c) == CALLER + 0x80 && (uint8_t *)c->ret_sp == spin - 16);
        EXPECT(!call_on(c, CALLER + 0x80) && c->r[2] == 1 && (uint8_t *)c->ret_sp == spin);
    }
    return true;
}

/* Two blocks chained to each other count down; the jump cache takes them out. */
static bool chain_test(uint8_t *area, size_t size)
{
    struct host_code loop, end;
    struct host_gen_opts o = {.kind = {ACCESS_SOFT, ACCESS_SOFT, ACCESS_SOFT}};
    ir_reset(&blk, 0x40);
    ir_begin_insn(&blk, 0x40);
    ir_val v = ir_op2(&blk, IR_SUBS, IR_I64, ir_getr(&blk, IR_I64, 0), ir_const(&blk, IR_I64, 1));
    ir_putr(&blk, 0, v);
    ir_begin_insn(&blk, 0x44);
    ir_exit_cc(&blk, CC_NE, 0x40, 0x80);
    if (!host_generate(&blk, &o, area, size, &loop) || loop.n_exits != 2)
        return false;
    ir_reset(&blk, 0x80);
    ir_begin_insn(&blk, 0x80);
    ir_putr(&blk, 1, ir_const(&blk, IR_I64, 77));
    ir_exit_dispatch(&blk, 0x84);
    if (!host_generate(&blk, &o, area + 4096, size - 4096, &end))
        return false;
    struct vcpu *c = cpu[1];
    c->exit_req = 0;
    c->pc_page = 0x5000;
    c->r[0] = 1000;
    struct host_exit *e = host_run(c, loop.entry);
    if (!e || e->target != 0x40 || c->r[0] != 999 || vcpu_pc(c) != 0x5040)
        return false;
    host_patch_jump(e, loop.entry);
    e = host_run(c, loop.entry);
    if (!e || e->target != 0x80 || c->r[0] != 0)
        return false;
    host_patch_jump(e, end.entry);
    c->r[0] = 5;
    c->r[1] = 0;
    if (host_run(c, loop.entry) || c->r[1] != 77)
        return false;
    c->exit_req = 1;
    c->r[0] = 5;
    if (host_run(c, loop.entry) || c->r[0] != 4 || vcpu_pc(c) != 0x5040)
        return false;
    c->exit_req = 0;
    host_patch_jump(&loop.exit[0], NULL);
    host_patch_jump(&loop.exit[1], NULL);
    /* indirect */
    ir_reset(&blk, 0x90);
    ir_begin_insn(&blk, 0x90);
    ir_exit_ind(&blk, ir_getr(&blk, IR_I64, 30), BR_RET);
    if (!host_generate(&blk, &o, area + 8192, size - 8192, &loop))
        return false;
    uint64_t va = 0xffff800012345080ull;
    c->r[30] = va;
    c->r[1] = 0;
    c->jc_ctx = 0x1234000;
    if (host_run(c, loop.entry) || vcpu_pc(c) != va || c->r[1])
        return false;
    c->pc_page = 0x5000;
    c->jc[jc_index(va)] = (struct jc_entry){va ^ c->jc_ctx, end.entry};
    if (host_run(c, loop.entry) || c->pc_page != (va & PAGE_MASK) || c->r[1] != 77)
        return false;
    c->r[1] = 0;
    c->exit_req = 1;
    if (host_run(c, loop.entry) || vcpu_pc(c) != va || c->r[1])
        return false;
    c->exit_req = 0;
    /* the state that a helper left: by the jump cache, or out on a miss and when somebody wants the vCPU */
    ir_reset(&blk, 0xa0);
    ir_begin_insn(&blk, 0xa0);
    ir_exit_state(&blk);
    if (!host_generate(&blk, &o, area + 12288, size - 12288, &loop))
        return false;
    vcpu_set_pc(c, va);
    if (host_run(c, loop.entry) || c->pc_page != (va & PAGE_MASK) || c->r[1] != 77)
        return false;
    c->r[1] = 0;
    c->exit_req = 1;
    vcpu_set_pc(c, va);
    if (host_run(c, loop.entry) || vcpu_pc(c) != va || c->r[1])
        return false;
    c->exit_req = 0;
    c->jc_ctx ^= 0x8000;
    if (host_run(c, loop.entry) || vcpu_pc(c) != va || c->r[1])
        return false;
    /* into another mode: by the jump cache under its context, out on a miss and when somebody wants the vCPU */
    ir_reset(&blk, 0xb0);
    ir_begin_insn(&blk, 0xb0);
    ir_exit_mode(&blk, ir_getr(&blk, IR_I64, 30), ir_getr(&blk, IR_I64, 0));
    if (!host_generate(&blk, &o, area + 16384, size - 16384, &loop))
        return false;
    c->ctx_space[0] = 0x7770000;
    c->ctx_space[1] = 0x1234000 ^ 0x550000;
    c->r[0] = 0x550000;
    if (host_run(c, loop.entry) || c->jc_ctx != 0x1234000 || c->pc_page != (va & PAGE_MASK) || c->r[1] != 77)
        return false;
    c->r[1] = 0;
    c->exit_req = 1;
    if (host_run(c, loop.entry) || vcpu_pc(c) != va || c->r[1])
        return false;
    c->exit_req = 0;
    c->r[0] = 0x660000;
    if (host_run(c, loop.entry) || vcpu_pc(c) != va || c->r[1])
        return false;
    return true;
}

/* COUNT: between two reads in C, with every register around it full; with a line, without one, and standing still. */
static bool count_test(uint8_t *area, size_t size)
{
    static struct counter counter;
    struct host_gen_opts o = {.kind = {ACCESS_SOFT, ACCESS_SOFT, ACCESS_SOFT}};
    struct host_code code;
    struct vcpu *c = cpu[1];
    counter_init(&counter, 16, counter_tsc_usable());
    usleep(5000);
    c->counter = &counter;
    for (unsigned round = 0; round < 6; round++) {
        ir_val sum[8];
        bool vec = round & 1;
        ir_reset(&blk, 0x40);
        ir_begin_insn(&blk, 0x40);
        for (unsigned k = 0; k < 8; k++)
            sum[k] = ir_op2(&blk, IR_ADD, IR_I64, ir_getr(&blk, IR_I64, k), ir_const(&blk, IR_I64, k * 1000));
        ir_val v = vec ? ir_vop(&blk, IR_VADD, 3, 1, ir_getv(&blk, 9), ir_getv(&blk, 3), IR_NONE) : IR_NONE;
        ir_putr(&blk, 20, ir_op0(&blk, IR_COUNT, IR_I64));
        ir_putr(&blk, 21, ir_op0(&blk, IR_COUNT, IR_I64));
        for (unsigned k = 0; k < 8; k++)
            ir_putr(&blk, k, sum[k]);
        if (vec)
            ir_putv(&blk, 10, v);
        ir_exit_dispatch(&blk, 0x44);
        if (!host_generate(&blk, &o, area, size, &code))
            return false;
        for (unsigned k = 0; k < 8; k++)
            c->r[k] = k;
        c->v[9] = (u128){1, 2};
        c->v[3] = (u128){3, 4};
        if (round == 2)
            counter_follow_at(&counter, (struct counter_sample){now_ticks(), now_ns()});
        if (round == 4)
            counter_run(&counter, false);
        uint64_t before = counter_read(&counter);
        host_run(c, code.entry);
        uint64_t after = counter_read(&counter);
        if (c->r[20] < before || c->r[21] < c->r[20] || after < c->r[21])
            return false;
        for (unsigned k = 0; k < 8; k++)
            if (c->r[k] != k * 1001)
                return false;
        if (vec && (c->v[10].lo != 4 || c->v[10].hi != 6 || c->v[3].lo != 3))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    unsigned blocks = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 6000;
    unsigned passed = 0, failed = 0;
    size_t size = 1 << 20;
    uint8_t *area = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        die("mmap");
    struct host_callbacks cb = {.mem = plain_mem_ops};
    size_t used = host_init(area, size, &cb);

    for (int k = 0; k < 2; k++) {
        cpu[k] = aligned_alloc(64, ALIGN_UP(sizeof(struct vcpu), 64));
        memset(cpu[k], 0, sizeof(struct vcpu));
        host_vcpu_init(cpu[k]);
        ram[k] = mmap(NULL, RAM + 0x40000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (ram[k] == MAP_FAILED)
            die("mmap");
        ram[k] += 0x20000;
    }
    struct vcpu *c = cpu[1];
    for (unsigned k = 0; k < REGION_TABLE; k++)
        table[k] = REGION_POISON;
    static const int good[] = {GOOD_LOW, GOOD_HIGH, OTHER};
    for (unsigned k = 0; k < ARRAY_LEN(good); k++)
        table[good[k] & (REGION_TABLE - 1)] = (int64_t)((uint64_t)(uintptr_t)ram[1] - AREA(good[k]));
    for (unsigned v = 0; v < VIEW_COUNT; v++)
        c->region_table[v] = table;
    for (unsigned k = 0; k < REGION_GROUPS * REGION_SLOTS; k++)
        c->delta[k] = REGION_POISON;
    c->delta[0] = table[GOOD_LOW];
    c->delta[REGION_SLOTS] = table[GOOD_HIGH & (REGION_TABLE - 1)];
    c->tbi[0] = 1;
    for (unsigned k = 0; k < ARRAY_LEN(tlb); k++)
        tlb[k].read_tag = tlb[k].write_tag = TLB_INVALID;
    for (unsigned k = 0; k < RAM / PAGE_SIZE; k++) {
        uint64_t va = AREA(k & 1 ? GOOD_HIGH : GOOD_LOW) + k * PAGE_SIZE;
        struct tlb_entry *e = &tlb[va >> PAGE_SHIFT & (ARRAY_LEN(tlb) - 1)];
        e->read_tag = va;
        e->write_tag = k % 3 ? va : TLB_INVALID;
        e->addend = (int64_t)((uint64_t)(uintptr_t)(ram[1] + k * PAGE_SIZE) - va);
    }
    for (unsigned v = 0; v < VIEW_COUNT; v++)
        c->tlb[v] = (struct tlb_desc){(ARRAY_LEN(tlb) - 1) << TLB_ENTRY_SHIFT, tlb};

    stack_t ss = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&ss, NULL);
    struct sigaction sa = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);

    used = ALIGN_UP(used, 64);
    if (chain_test(area + used, size - used))
        passed++;
    else
        failed++, printf("chaining failed\n");
    if (call_test(area + used, size - used))
        passed++;
    else
        failed++, printf("calls failed\n");
    if (count_test(area + used, size - used))
        passed++;
    else
        failed++, printf("counting failed\n");
    for (unsigned n = 0; n < blocks && failed < 1; n++) {
        if (one_block(seed + n, area + used + below(64), size - used - 64))
            passed++;
        else
            failed++;
    }
    printf("(%u slow calls, %u faults)\n", slow_calls, faults);
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
