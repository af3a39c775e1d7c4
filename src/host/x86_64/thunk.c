/*
 * thunk.c - entry and exit of translated code, and what its slow paths share.
 *
 * Owns host_state: CPU features and the addresses of the thunks, written once by host_init(). The frame is in regs.h.
 */
#include <cpuid.h>
#include <string.h>
#include <sys/mman.h>

#include "base/counter.h"
#include "host/x86_64/gen.h"
#include "ir/eval.h"

struct host_state host_state;

static struct host_exit *(*enter_code)(struct vcpu *c, const void *entry);
static NORETURN void (*unwind_code)(struct vcpu *c);

static enum host_isa isa_limit;

void host_limit_isa(enum host_isa isa) { isa_limit = isa; }

void host_force_isa(enum host_isa isa)
{
    struct host_state *s = &host_state;
    s->avx = s->avx2 = s->fma = s->bmi1 = s->bmi2 = s->lzcnt = s->aes = s->pclmul = s->sha = isa == HOST_ISA_V3;
}

static void detect(void)
{
    struct host_state *s = &host_state;
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_2) || !(c & bit_POPCNT))
        die("this CPU lacks SSE4.2 or POPCNT");
    bool avx_os = c & bit_OSXSAVE && c & bit_AVX;
    if (avx_os) {
        uint32_t lo, hi;
        __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
        avx_os = (lo & 6) == 6;
    }
    s->avx = avx_os;
    s->aes = c & bit_AES;
    s->pclmul = c & bit_PCLMUL;
    s->fma = avx_os && c & bit_FMA;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        s->avx2 = avx_os && b & bit_AVX2;
        s->bmi1 = b & bit_BMI;
        s->bmi2 = b & bit_BMI2;
        s->sha = b & bit_SHA;
    }
    if (__get_cpuid(0x80000001, &a, &b, &c, &d))
        s->lzcnt = c & bit_LZCNT;
    if (isa_limit == HOST_ISA_V2)
        host_force_isa(HOST_ISA_V2);
}

/* ---- pieces ---- */

static void store_homes(struct as *a)
{
#define X(guest, host) mov_mr(a, true, state_gpr(guest), host);
    HOMES(X)
#undef X
}
static void load_homes(struct as *a)
{
#define X(guest, host) mov_rm(a, true, host, state_gpr(guest));
    HOMES(X)
#undef X
}
/* Only those that a C function may clobber. */
static bool volatile_home(unsigned host) { return host >= R8 && host <= R11; }
static void store_volatile(struct as *a)
{
#define X(guest, host) if (volatile_home(host)) mov_mr(a, true, state_gpr(guest), host);
    HOMES(X)
#undef X
}
static void load_volatile(struct as *a)
{
#define X(guest, host) if (volatile_home(host)) mov_rm(a, true, host, state_gpr(guest));
    HOMES(X)
#undef X
}

static void mov_vec_live(struct as *a, unsigned v)
{
    op_rm(a, 0xc6, 0, STATE(vec_live));
    e1(a, v);
}
static void load_vec(struct as *a)
{
    for (unsigned n = 0; n < VEC_HOMES; n++)
        movups_rm(a, vec_home_of(n), state_vec(n));
    mov_vec_live(a, 1);
}
/* Before any C function. VEC: they are known to hold the guest's registers. */
static void store_vec(struct as *a, bool vec)
{
    uint8_t *stale = NULL;
    if (!vec) {
        op_rm(a, 0x80, 7, STATE(vec_live));
        e1(a, 0);
        stale = jcc8(a, X_E);
    }
    for (unsigned n = 0; n < VEC_HOMES; n++)
        movups_mr(a, state_vec(n), vec_home_of(n));
    mov_vec_live(a, 0);
    if (!vec)
        land8(a, stale);
}

/* XMM: of those, the ones that are no homes. */
static void save_temps(struct as *a, bool xmm)
{
    static const uint8_t reg[4] = {RCX, RDX, RSI, RDI};
    for (int k = 0; k < 4; k++)
        mov_mr(a, true, frame(F_GPRSAVE + k * 8), reg[k]);
    for (int k = VEC_HOMES; xmm && k < 16; k++)
        movups_mr(a, frame(F_XMMSAVE + k * 16), XMM(k));
}
static void restore_temps(struct as *a, bool xmm)
{
    static const uint8_t reg[4] = {RCX, RDX, RSI, RDI};
    for (int k = 0; k < 4; k++)
        mov_rm(a, true, reg[k], frame(F_GPRSAVE + k * 8));
    for (int k = VEC_HOMES; xmm && k < 16; k++)
        movups_rm(a, XMM(k), frame(F_XMMSAVE + k * 16));
}

/* C runs on the thread's own stack. A thunk never calls on the stack of returns: that may forget what is on it. */
static void call_rax(struct as *a)
{
    mov_mr(a, true, STATE(ret_sp), RSP);
    mov_rm(a, true, RSP, STATE(host_sp));
    op_rr(a, 0xff, 2, RAX);
    mov_rm(a, true, RSP, STATE(ret_sp));
}
static void call_c(struct as *a, const void *fn)
{
    mov_ri(a, RAX, (uint64_t)(uintptr_t)fn);
    call_rax(a);
}
static const uint8_t *begin(struct as *a)
{
    while ((uintptr_t)a->p & 15)
        e1(a, 0xcc);
    a->ef = false;
    return a->p;
}

/* ---- entry and exit ---- */

static const uint8_t saved[6] = {RBX, RBP, R12, R13, R14, R15};

static void emit_enter(struct as *a)
{
    host_state.enter = begin(a);
    for (int k = 0; k < 6; k++)
        push_r(a, saved[k]);
    alu_ri(a, true, ALU_SUB, RSP, 8);            /* six pushes and the return address: 16-aligned */
    lea(a, true, RBP, mo_bd(RDI, VCPU_BIAS));
    mov_mr(a, true, STATE(host_sp), RSP);
    mov_rm(a, true, RSP, STATE(ret_sp));
    mov_rr(a, true, RAX, RSI);
    stmxcsr(a, frame(F_MXCSR));
    ldmxcsr(a, STATE(fp.mxcsr));
    load_homes(a);
    op_rr(a, 0xff, 4, RAX);                      /* jmp rax */
}

/* RAX = result, RSP = vcpu.host_sp. The guest's control bits may have been changed by helpers: only the sticky ones are taken over. */
static void emit_epilogue(struct as *a)
{
    stmxcsr(a, frame(F_MXTMP));
    mov_rm(a, false, RCX, frame(F_MXTMP));
    mov_rm(a, false, RDX, STATE(fp.mxcsr));
    alu_ri(a, false, ALU_AND, RCX, 0x3f);
    alu_ri(a, false, ALU_AND, RDX, ~0x3f);
    alu_rr(a, false, ALU_OR, RCX, RDX);
    mov_mr(a, false, STATE(fp.mxcsr), RCX);
    ldmxcsr(a, frame(F_MXCSR));
    alu_ri(a, true, ALU_ADD, RSP, 8);
    for (int k = 5; k >= 0; k--)
        pop_r(a, saved[k]);
    ret(a);
}

static void emit_leave(struct as *a)
{
    /* RAX = guest address to go on at */
    host_state.leave_va = begin(a);
    mov_rr(a, true, RCX, RAX);
    alu_ri(a, true, ALU_AND, RCX, (int32_t)PAGE_MASK);
    mov_mr(a, true, STATE(pc_page), RCX);
    alu_ri(a, false, ALU_AND, RAX, (int32_t)~PAGE_MASK);
    mov_mr(a, false, STATE(pc_off), RAX);
    host_state.leave_null = a->p;
    alu_rr(a, false, ALU_XOR, RAX, RAX);
    /* RAX = exit taken */
    host_state.leave = a->p;
    mov_mr(a, true, STATE(exit_link), RAX);
    mov_mr(a, true, STATE(ret_sp), RSP);
    mov_rm(a, true, RSP, STATE(host_sp));
    store_homes(a);
    store_vec(a, false);
    emit_epilogue(a);

    /* RCX = guest address ^ jc_ctx, as in lower_exit.c */
    host_state.jump_miss = begin(a);
    mov_rr(a, true, RAX, RCX);
    alu_rm(a, true, ALU_XOR, RAX, STATE(jc_ctx));
    jmp_to(a, host_state.leave_va);

    /* void unwind(vcpu): state in memory is complete, registers are not */
    host_state.unwind = begin(a);
    lea(a, true, RBP, mo_bd(RDI, VCPU_BIAS));
    mov_rm(a, true, RSP, STATE(host_sp));
    alu_mi(a, true, ALU_ADD, STATE(ret_sp), 8);  /* the thunk's own */
    alu_rr(a, false, ALU_XOR, RAX, RAX);
    mov_mr(a, true, STATE(exit_link), RAX);
    emit_epilogue(a);
}

/* Returns that the stack does not know, RAX = guest address; see lower_exit.c. */
static void emit_returns(struct as *a)
{
    /* nothing is on it: this stays where it was */
    host_state.ret_empty = begin(a);
    lea(a, true, RSP, mo_bd(RSP, -8));
    host_state.ret_other = a->p;
    jump_cache(a, false);
}

/* ---- slow paths of memory accesses: RAX = va, operands in F_ARG0.., F_MEM; result in RAX or F_ARG0 ---- */

static void emit_access(struct as *a, unsigned kind, bool vec, const void *fn)
{
    static const uint8_t argreg[6] = {RDI, RSI, RDX, RCX, R8, R9};
    unsigned n = 2;
    host_state.mem[kind][vec] = begin(a);
    save_temps(a, vec);
    store_homes(a);
    store_vec(a, vec);
    mov_rr(a, true, RSI, RAX);
    lea(a, true, RDI, mo_bd(RBP, -VCPU_BIAS));
    if (kind != STUB_LOAD && kind != STUB_LOADV)
        mov_rm(a, true, argreg[n++], frame(F_ARG0));
    if (kind == STUB_STOREV || kind == STUB_CASP || kind == STUB_STXP)
        mov_rm(a, true, argreg[n++], frame(F_ARG0 + 8));
    if (kind == STUB_CAS)
        mov_rm(a, true, argreg[n++], frame(F_ARG1));
    op_rm(a, 0xb7 | M_0F, argreg[n], frame(F_MEM));           /* movzx: mem */
    if (kind == STUB_AMO) {
        mov_rm(a, false, RAX, frame(F_MEM));
        shift_ri(a, false, SH_SHR, RAX, 28);
        shift_ri(a, false, SH_SHL, RAX, 16);
        alu_rr(a, false, ALU_OR, argreg[n], RAX);
    }
    n++;
    op_rm(a, 0xb7 | M_0F, RAX, frame(F_MEM + 2));
    alu_ri(a, false, ALU_AND, RAX, (int32_t)~PAGE_MASK);
    mov_rr(a, false, argreg[n], RAX);
    mov_mr(a, false, STATE(pc_off), RAX);
    call_c(a, fn);
    if (kind == STUB_LOADV) {
        mov_mr(a, true, frame(F_ARG0), RAX);
        mov_mr(a, true, frame(F_ARG0 + 8), RDX);
    }
    load_volatile(a);
    if (vec)
        load_vec(a);
    restore_temps(a, vec);
    ret(a);
}

/* Not an access, but a call that spares registers as those do. */
static uint64_t host_count(struct vcpu *c)
{
    return counter_read(c->counter);
}

/* One failed check in REGION_SAMPLE is shown to C, with the address it came from. */
static void emit_region_sample(struct as *a)
{
    alu_mi(a, false, ALU_SUB, STATE(region_credit), 1);
    uint8_t *over = jcc32(a, X_NS);
    mov_mr(a, true, frame(F_ARG0), RAX);
    save_temps(a, true);
    store_volatile(a);
    for (unsigned n = 0; n < VEC_HOMES; n++)
        movups_mr(a, frame(F_XMMSAVE + (int32_t)n * 16), vec_home_of(n));
    lea(a, true, RDI, mo_bd(RBP, -VCPU_BIAS));
    mov_rm(a, true, RSI, mo_bd(RSP, 0));
    call_c(a, (const void *)(uintptr_t)host_state.cb.region_miss);
    mov_mi(a, false, STATE(region_credit), REGION_SAMPLE);
    load_volatile(a);
    for (unsigned n = 0; n < VEC_HOMES; n++)
        movups_rm(a, vec_home_of(n), frame(F_XMMSAVE + (int32_t)n * 16));
    restore_temps(a, true);
    mov_rm(a, true, RAX, frame(F_ARG0));
    land32(a, over);
    a->ef = false;
}

/* RAX = va -> RAX = host pointer by vcpu.region_table; see REGION_POISON. Everything else is preserved. */
static void emit_region(struct as *a, unsigned view)
{
    host_state.region[view] = begin(a);
    if (host_state.cb.region_miss)
        emit_region_sample(a);
    mov_mr(a, true, frame(F_GPRSAVE), RCX);
    mov_rr(a, true, RCX, RAX);
    shift_ri(a, true, SH_SAR, RCX, 48);
    alu_ri(a, true, ALU_ADD, RCX, 1);
    alu_ri(a, true, ALU_CMP, RCX, 1);
    uint8_t *odd = jcc8(a, X_A);
    const uint8_t *good = a->p;
    mov_rr(a, true, RCX, RAX);
    shift_ri(a, true, SH_SHR, RCX, REGION_SHIFT);
    alu_ri(a, false, ALU_AND, RCX, REGION_TABLE - 1);
    shift_ri(a, false, SH_SHL, RCX, 3);
    alu_rm(a, true, ALU_ADD, RCX, state_at(offsetof(struct vcpu, region_table) + view * sizeof(void *)));
    alu_rm(a, true, ALU_ADD, RAX, mo_bd(RCX, 0));
    mov_rm(a, true, RCX, frame(F_GPRSAVE));
    ret(a);
    land8(a, odd);
    mov_rr(a, true, RCX, RAX);
    shift_ri(a, true, SH_SHR, RCX, 55);
    alu_ri(a, false, ALU_AND, RCX, 1);
    op_rm(a, 0x80, 7, mo_bis(RBP, RCX, 0, (int32_t)offsetof(struct vcpu, tbi) - VCPU_BIAS));   /* cmp byte, 0 */
    e1(a, 0);
    uint8_t *poison = jcc8(a, X_E);
    shift_ri(a, true, SH_SHL, RAX, 8);
    shift_ri(a, true, SH_SAR, RAX, 8);
    mov_rr(a, true, RCX, RAX);
    shift_ri(a, true, SH_SAR, RCX, 48);
    alu_ri(a, true, ALU_ADD, RCX, 1);
    alu_ri(a, true, ALU_CMP, RCX, 1);
    uint8_t *back = jcc32(a, X_BE);
    set_rel32(back, good);
    land8(a, poison);
    mov_ri(a, RAX, (uint64_t)REGION_POISON);
    mov_rm(a, true, RCX, frame(F_GPRSAVE));
    ret(a);
}

/* ---- helpers ---- */

/* RAX = function; RSI, RDX, RCX = arguments. */
static void emit_call(struct as *a, unsigned kind, bool vec)
{
    host_state.call[kind][vec] = begin(a);
    if (kind == CALL_PURE)
        store_volatile(a);
    else
        store_homes(a);
    store_vec(a, vec);
    lea(a, true, RDI, mo_bd(RBP, -VCPU_BIAS));
    call_rax(a);
    if (vec)
        load_vec(a);
    if (kind == CALL_WRITES)
        load_homes(a);
    else
        load_volatile(a);
    ret(a);
}

/* The reference of an operation. RAX = the instruction; see lower_eval.c. */
static const uint8_t *emit_eval(struct as *a, const void *fn)
{
    const uint8_t *p = begin(a);
    save_temps(a, true);
    store_volatile(a);
    store_vec(a, true);
    mov_rr(a, true, RDI, RAX);
    lea(a, true, RSI, mo_bd(RBP, -VCPU_BIAS));
    lea(a, true, RDX, frame(F_ARG0));
    call_c(a, fn);
    load_volatile(a);
    load_vec(a);
    restore_temps(a, true);
    ret(a);
    return p;
}

/* Jumps taken when the NaN at M, a value of esz, is a signalling one: its quiet bit is clear. */
static uint8_t *if_signalling(struct as *a, unsigned esz, struct mo m)
{
    m.disp += esz == 3 ? 6 : 2;
    op_rm(a, 0xf6, 0, m);                        /* test byte */
    e1(a, esz == 3 ? 0x08 : 0x40);
    return jcc32(a, X_E);
}

/* Zero or denormal: the exponent field is 0. */
static uint8_t *if_tiny(struct as *a, unsigned esz, struct mo m)
{
    m.disp += esz == 3 ? 6 : 2;
    op_rm(a, 0xf7 | P_66, 0, m);                 /* test word */
    e1(a, esz == 3 ? 0xf0 : 0x80);
    e1(a, 0x7f);
    return jcc32(a, X_E);
}

/*
 * A quiet NaN that is the result because no operand is a signalling one: the first operand's or, of sums and products, the
 * second's; of a fused operation the addend's (other cases, and negated NaNs, are rarer). The rest is for eval_vec. Operands
 * are in the frame, RAX is kept, XT0 and XT1 are not. Rules: Arm ARM DDI 0487, FPProcessNaNs(), FPProcessNaNs3().
 */
static const uint8_t *emit_eval_nan(struct as *a, unsigned esz, bool fused)
{
    const uint32_t load = 0x10 | M_0F | (esz == 3 ? P_F2 : P_F3), ucomis = 0x2e | M_0F | (esz == 3 ? P_66 : 0);
    const struct mo first = frame(fused ? F_ARG2 : F_ARG0), other[2] = {frame(F_ARG1), frame(F_ARG0)};
    uint8_t *slow[6], *no_nan;
    unsigned n = 0;
    const uint8_t *p = begin(a);
    op_rm(a, load, XT0, first);
    op_rr(a, ucomis, XT0, XT0);
    no_nan = jcc32(a, X_NP);
    slow[n++] = if_signalling(a, esz, first);
    for (unsigned k = 0; k < (fused ? 2 : 1); k++) {
        op_rm(a, load, XT1, other[k]);
        op_rr(a, ucomis, XT1, XT1);
        uint8_t *number = jcc8(a, X_NP);
        slow[n++] = if_signalling(a, esz, other[k]);
        uint8_t *next = jmp8(a);
        land8(a, number);
        if (fused)
            slow[n++] = if_tiny(a, esz, other[k]);           /* of infinity and zero it would be the default NaN */
        land8(a, next);
    }
    movups_mr(a, frame(F_ARG0), XT0);
    ret(a);
    land32(a, no_nan);
    if (!fused) {
        op_rm(a, load, XT0, other[0]);
        op_rr(a, ucomis, XT0, XT0);
        slow[n++] = jcc32(a, X_NP);
        slow[n++] = if_signalling(a, esz, other[0]);
        movups_mr(a, frame(F_ARG0), XT0);
        ret(a);
    }
    while (n)
        land32(a, slow[--n]);
    jmp_to(a, host_state.eval_vec);
    return p;
}

void host_eval_vec(const struct ir_insn *i, struct vcpu *c, u128 *args)
{
    args[0] = ir_eval_vec(i, c, args[0], args[1], args[2]);
}

uint64_t host_eval_int(const struct ir_insn *i, struct vcpu *c, u128 *args)
{
    if (i->op == IR_FCMP) {
        c->nzcv = ir_eval_fcmp(i, c, args[0], args[1]);
        return 0;
    }
    return ir_eval_vint(i, c, args[0]);
}

/* MXCSR = control bits of vcpu.fp.mxcsr with the sticky bits of now. */
static void emit_mxcsr_merge(struct as *a)
{
    host_state.mxcsr_merge = begin(a);
    stmxcsr(a, frame(F_MXTMP));
    mov_rm(a, false, RCX, frame(F_MXTMP));
    mov_rm(a, false, RDX, STATE(fp.mxcsr));
    alu_ri(a, false, ALU_AND, RCX, 0x3f);
    alu_ri(a, false, ALU_AND, RDX, ~0x3f);
    alu_rr(a, false, ALU_OR, RCX, RDX);
    mov_mr(a, false, frame(F_MXTMP), RCX);
    ldmxcsr(a, frame(F_MXTMP));
    ret(a);
}

/* ---- constants ---- */

static void fill(uint8_t *k, unsigned n, uint64_t lane) { memcpy(k + n * 16, &lane, 8); memcpy(k + n * 16 + 8, &lane, 8); }

static void emit_consts(struct as *a)
{
    uint8_t *k = a->p = a->p + (-(uintptr_t)a->p & 63);
    const uint64_t bytes = 0x0101010101010101ull;
    host_state.consts = k;
    fill(k, K_SIGN32, 0x8000000080000000ull);
    fill(k, K_SIGN64, 0x8000000000000000ull);
    fill(k, K_ABS32, 0x7fffffff7fffffffull);
    fill(k, K_ABS64, 0x7fffffffffffffffull);
    memset(k + K_SIGN1_32 * 16, 0, 4 * 16);
    memcpy(k + K_SIGN1_32 * 16, k + K_SIGN32 * 16, 4);
    memcpy(k + K_SIGN1_64 * 16, k + K_SIGN64 * 16, 8);
    memcpy(k + K_ABS1_32 * 16, k + K_ABS32 * 16, 4);
    memcpy(k + K_ABS1_64 * 16, k + K_ABS64 * 16, 8);
    fill(k, K_TINY32, 0x0080000000800000ull);    /* the smallest normal numbers */
    fill(k, K_TINY64, 0x0010000000000000ull);
    fill(k, K_ONE32, 0x3f8000003f800000ull);
    fill(k, K_BELOW31, 0x4effffff4effffffull);
    fill(k, K_2P16, 0x4780000047800000ull);
    fill(k, K_ONES8, bytes);
    fill(k, K_ONES16, 0x0001000100010001ull);
    fill(k, K_ONE64, 1);
    fill(k, K_LOW16, 0x0000ffff0000ffffull);
    fill(k, K_LOW32, 0xffffffffull);
    fill(k, K_TBL70, 0x70 * bytes);
    fill(k, K_NIBBLES, 0x0f * bytes);
    fill(k, K_LOWBYTES, 0x00ff00ff00ff00ffull);
    for (unsigned n = 0; n < 16; n++)
        k[K_POPCNT * 16 + n] = (uint8_t)__builtin_popcount(n);
    for (unsigned n = 0; n <= 8; n++) {
        if (n < 8)
            fill(k, K_SHL8 + n, (uint8_t)(0xff << n) * bytes);
        fill(k, K_SHR8 + n, (0xffu >> n) * bytes);
        fill(k, K_SAR8 + n, (0x80u >> n) * bytes);
    }
    for (unsigned esz = 0; esz < 3; esz++) {
        for (unsigned n = 0; n < 16; n++)
            k[(K_XTN + esz) * 16 + n] = n < 8 ? (uint8_t)((n >> esz << (esz + 1)) + (n & ((1u << esz) - 1))) : 0x80;
        for (unsigned box = 1; box <= 3; box++) {
            for (unsigned n = 0; n < 16; n++)
                k[(K_REV + box * 3 + esz) * 16 + n] = esz < box ? (uint8_t)(n ^ (((1u << box) - 1) & ~((1u << esz) - 1))) : (uint8_t)n;
        }
    }
    a->p += K_COUNT * 16;
}

/* ---- interface ---- */

size_t host_init(void *code, size_t size, const struct host_callbacks *cb)
{
    struct as as = {.p = code}, *a = &as;
    if (size < 32768)
        bug("host_init: no room for thunks");
    detect();
    host_state.cb = *cb;
    emit_enter(a);
    emit_leave(a);
    emit_returns(a);
    for (unsigned vec = 0; vec < 2; vec++) {
        emit_access(a, STUB_LOAD, vec, (const void *)(uintptr_t)cb->mem.load);
        emit_access(a, STUB_LOADV, vec, (const void *)(uintptr_t)cb->mem.load128);
        emit_access(a, STUB_STORE, vec, (const void *)(uintptr_t)cb->mem.store);
        emit_access(a, STUB_STOREV, vec, (const void *)(uintptr_t)cb->mem.store128);
        emit_access(a, STUB_AMO, vec, (const void *)(uintptr_t)cb->mem.amo);
        emit_access(a, STUB_CAS, vec, (const void *)(uintptr_t)cb->mem.cas);
        emit_access(a, STUB_STX, vec, (const void *)(uintptr_t)cb->mem.stx);
        emit_access(a, STUB_STXP, vec, (const void *)(uintptr_t)cb->mem.stxp);
        emit_access(a, STUB_CASP, vec, (const void *)(uintptr_t)cb->mem.casp);
        emit_access(a, STUB_COUNT, vec, (const void *)(uintptr_t)host_count);
    }
    for (unsigned v = 0; v < VIEW_COUNT; v++)
        emit_region(a, v);
    for (unsigned k = 0; k < 6; k++)
        emit_call(a, k / 2, k & 1);
    for (unsigned k = 0; k < 4; k++) {
        host_state.root[k / 2][k & 1] = begin(a);
        emit_root(a, k / 2, cb->epoch, host_state.call[CALL_PURE][k & 1]);
    }
    host_state.load_vec = begin(a);
    load_vec(a);
    ret(a);
    host_state.eval_vec = emit_eval(a, (const void *)(uintptr_t)host_eval_vec);
    host_state.eval_int = emit_eval(a, (const void *)(uintptr_t)host_eval_int);
    for (unsigned k = 0; k < 4; k++)
        host_state.eval_nan[k >> 1][k & 1] = emit_eval_nan(a, 2 + (k >> 1), k & 1);
    emit_mxcsr_merge(a);
    emit_consts(a);
    memcpy(&enter_code, &host_state.enter, sizeof(enter_code));
    memcpy(&unwind_code, &host_state.unwind, sizeof(unwind_code));
    return ALIGN_UP((size_t)(a->p - (uint8_t *)code), 64);
}

/*
 * The stack of returns: RETURNS entries of 16 bytes, then the address where a return goes when there is none. Below it lies a page
 * that faults: a push that finds the stack full empties it. What is used of it is as deep as the guest's calls are.
 */
#define RETURNS 16384u
void host_vcpu_init(struct vcpu *c)
{
    size_t size = RETURNS * 16 + PAGE_SIZE;
    uint8_t *p = mmap(NULL, PAGE_SIZE + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED || mprotect(p, PAGE_SIZE, PROT_NONE))
        die("out of memory");
    c->ret_top = p + PAGE_SIZE + RETURNS * 16;
    memcpy(c->ret_top, &host_state.ret_empty, sizeof(host_state.ret_empty));
    c->ret_sp = c->ret_top;
}

void host_forget_returns(struct vcpu *c) { c->ret_sp = c->ret_top; }

bool host_returns_full(const struct vcpu *c, const void *at, void *ucontext)
{
    if (!c->ret_top || (uintptr_t)c->ret_top - RETURNS * 16 - 1 - (uintptr_t)at >= PAGE_SIZE)
        return false;
    host_fault_set_sp(ucontext, c->ret_top);
    return true;
}

struct host_exit *host_run(struct vcpu *c, const void *entry)
{
    return enter_code(c, entry);
}

void host_unwind(struct vcpu *c)
{
    unwind_code(c);
}

const void *host_jump_miss(void)
{
    return host_state.jump_miss;
}
