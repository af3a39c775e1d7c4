/*
 * a64_base_test.c - A64 base instructions through decoder, translator and the IR interpreter, against recorded results.
 *
 * The table a64_base_cases.h is made by gen_a64_base/gen.py with the help of qemu-aarch64. With two arguments the
 * program compares case_in and case_out records of gen_a64_base/runner.c instead of the table (bulk runs of gen.py
 * --fuzz).
 */
#include "guest/a64/translate.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE 0x20000000ull
#define BUF 0x10000000ull
#define MEM_OFF 1024
#define BRK_INSN 0xd4200000u

struct case_in {                                 /* as in runner.c */
    uint32_t insn[4];
    uint64_t x[31], sp;
    uint32_t nzcv, pad;
    uint8_t mem[512];
};
struct case_out {
    uint64_t x[31], sp, pc;
    uint32_t nzcv, sig;
    uint8_t mem[512];
};

static uint8_t page[PAGE_SIZE];                  /* at CODE */
static uint8_t buf[PAGE_SIZE];                   /* at BUF */
static jmp_buf out_of_block;
static struct ir_block block;

/* ---- what the translator needs of the system part ---- */

#define X(name) bool a64_has_##name(const struct a64_cpu *c) { return true; }
A64_FEATURES(X)
#undef X

bool a64_decode_simd(struct a64_tr *tr, uint32_t insn) { return false; }
bool a64_decode_sys(struct a64_tr *tr, uint32_t insn) { return false; }

void a64_raise(struct a64_cpu *c, uint32_t ec, uint32_t iss, uint64_t return_pc)
{
    longjmp(out_of_block, ec == EC_UNKNOWN ? SIGILL : SIGBUS);
}

/* Behind a64_raise() only, which has left by then. */
void vcpu_unwind(struct vcpu *c)
{
    longjmp(out_of_block, SIGABRT);
}

/* ---- memory: one page ---- */

static uint8_t *at(struct vcpu *c, uint64_t va, uint32_t mem, unsigned bytes)
{
    struct ir_mem m = ir_mem_unpack((uint16_t)mem);

    if (va & ir_mem_align_mask(m))
        longjmp(out_of_block, SIGBUS);
    if (!m.write && va >= CODE && va <= CODE + PAGE_SIZE - bytes)
        return page + (va - CODE);
    if (va < BUF || va > BUF + PAGE_SIZE - bytes)
        longjmp(out_of_block, SIGSEGV);
    return buf + (va - BUF);
}
#include "../plain_mem.h"

/* ---- one case ---- */

static void run(const struct case_in *in, uint32_t mode, struct case_out *out)
{
    static struct a64_cpu cpu;
    struct vcpu *c = &cpu.v;
    struct translate_ctx ctx = {.page = page, .max_insns = IR_MAX_GUEST, .max_sides = IR_MAX_SIDES, .max_jumps = IR_MAX_JUMPS,
                                .flags = A64F_FPEN | mode};
    uint32_t word;
    int sig;

    for (unsigned i = 0; i < PAGE_SIZE; i += 4)
        memcpy(page + i, &(uint32_t){BRK_INSN}, 4);
    memcpy(page + 0x100, in->insn, sizeof(in->insn));
    memset(buf, 0, sizeof(buf));
    memcpy(buf + MEM_OFF, in->mem, sizeof(in->mem));
    memset(&cpu, 0, sizeof(cpu));
    memcpy(c->r, in->x, sizeof(in->x));
    c->r[31] = in->sp;
    c->nzcv = nzcv_from_arm(in->nzcv);
    c->excl_addr = EXCL_NONE;
    c->mem = &plain_mem_ops;
    vcpu_set_pc(c, CODE + 0x100);

    sig = setjmp(out_of_block);
    if (!sig) {
        for (unsigned blocks = 0;; blocks++) {
            if (c->pc_page != CODE)
                longjmp(out_of_block, SIGSEGV);
            if (blocks == 64)
                longjmp(out_of_block, SIGALRM);
            ctx.pc_off = c->pc_off;
            a64_translate(&block, &ctx, c);
            ir_verify(&block);
            ir_interpret(&block, c, &plain_mem_ops);
        }
    }
    memcpy(out->x, c->r, sizeof(out->x));
    out->sp = c->r[31];
    out->pc = vcpu_pc(c);
    out->nzcv = nzcv_to_arm(c->nzcv);
    out->sig = (uint32_t)sig;
    if (sig == SIGILL && c->pc_page == CODE) {
        memcpy(&word, page + c->pc_off, 4);
        if (word == BRK_INSN)
            out->sig = SIGTRAP;
    }
    memcpy(out->mem, buf + MEM_OFF, sizeof(out->mem));
}

/* Prints what differs; true: nothing. */
static bool same(const char *text, const struct case_in *in, const struct case_out *want, const struct case_out *got)
{
    bool fault = want->sig == SIGSEGV || want->sig == SIGBUS;
    bool ok = fault ? got->sig == SIGSEGV || got->sig == SIGBUS : got->sig == want->sig;

    ok = ok && want->pc == got->pc && want->nzcv == got->nzcv && want->sp == got->sp &&
         !memcmp(want->x, got->x, sizeof(want->x)) && !memcmp(want->mem, got->mem, sizeof(want->mem));
    if (ok)
        return true;
    printf("FAIL %s  %08x %08x\n", text, in->insn[0], in->insn[1]);
    if (want->sig != got->sig || want->pc != got->pc || want->nzcv != got->nzcv || want->sp != got->sp)
        printf("  sig %u pc %llx nzcv %08x sp %llx, not sig %u pc %llx nzcv %08x sp %llx\n", got->sig,
               (unsigned long long)got->pc, got->nzcv, (unsigned long long)got->sp, want->sig,
               (unsigned long long)want->pc, want->nzcv, (unsigned long long)want->sp);
    for (unsigned i = 0; i < 31; i++)
        if (want->x[i] != got->x[i])
            printf("  x%u %016llx, not %016llx (was %016llx)\n", i, (unsigned long long)got->x[i],
                   (unsigned long long)want->x[i], (unsigned long long)in->x[i]);
    for (unsigned i = 0; i < sizeof(want->mem); i++)
        if (want->mem[i] != got->mem[i])
            printf("  mem[%u] %02x, not %02x\n", i, got->mem[i], want->mem[i]);
    return false;
}

/* ---- the recorded cases ---- */

struct change { uint8_t where; uint64_t value; }; /* 0..30 x, 31 sp, 64 + n: 8 bytes n of memory */
struct recorded {
    const char *text;
    uint32_t insn[4];
    uint32_t seed, nzcv, sig;
    uint64_t pc;
    struct change change[6];
    unsigned changes;
};

#include "a64_base_cases.h"

/* splitmix64, as in gen.py */
static uint64_t next(uint64_t *s)
{
    uint64_t z = *s += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* The state a seed stands for: registers of all sorts, but x9, x10, sp point into memory and x11 is a small index. */
static void expand(struct case_in *in, uint64_t seed)
{
    for (unsigned i = 0; i < 31; i++) {
        uint64_t kind = next(&seed) & 7, v = next(&seed);

        switch (kind) {
        case 1: v &= 0xff; break;
        case 2: v = 0; break;
        case 3: v = ~0ull; break;
        case 4: v = 1ull << 63; break;
        case 5: v = (uint64_t)(int64_t)(int32_t)v; break;
        case 6: v >>= 32; break;
        case 7: v = 0x7fffffffffffffffull; break;
        default: break;
        }
        in->x[i] = v;
    }
    in->x[9] = BUF + MEM_OFF + 256;
    in->x[10] = BUF + MEM_OFF + 128 + (next(&seed) & 63);
    in->x[11] = (next(&seed) & 31) - 16;
    in->sp = BUF + MEM_OFF + 320;
    in->nzcv = (uint32_t)(next(&seed) & 15) << 28;
    for (unsigned i = 0; i < 64; i++) {
        uint64_t v = next(&seed);

        memcpy(in->mem + i * 8, &v, 8);
    }
}

static void expected(const struct recorded *r, const struct case_in *in, struct case_out *out)
{
    memcpy(out->x, in->x, sizeof(out->x));
    memcpy(out->mem, in->mem, sizeof(out->mem));
    out->sp = in->sp;
    out->pc = r->pc;
    out->nzcv = r->nzcv;
    out->sig = r->sig;
    for (unsigned i = 0; i < r->changes; i++) {
        const struct change *c = &r->change[i];

        if (c->where >= 64)
            memcpy(out->mem + (c->where - 64) * 8, &c->value, 8);
        else if (c->where == 31)
            out->sp = c->value;
        else
            out->x[c->where] = c->value;
    }
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    struct case_in in;
    struct case_out want, got;

    memset(&in, 0, sizeof(in));
    if (argc == 3) {
        FILE *fi = fopen(argv[1], "rb"), *fo = fopen(argv[2], "rb");

        if (!fi || !fo) {
            perror("a64_base_test");
            return 2;
        }
        while (fread(&in, sizeof(in), 1, fi) == 1 && fread(&want, sizeof(want), 1, fo) == 1) {
            run(&in, 0, &got);
            *(same("", &in, &want, &got) ? &passed : &failed) += 1;
        }
    } else {
        for (unsigned i = 0; i < ARRAY_LEN(recorded); i++) {
            memcpy(in.insn, recorded[i].insn, sizeof(in.insn));
            expand(&in, recorded[i].seed);
            expected(&recorded[i], &in, &want);
            run(&in, 0, &got);
            *(same(recorded[i].text, &in, &want, &got) ? &passed : &failed) += 1;
            run(&in, A64F_SS, &got);                           /* one instruction a block */
            *(same(recorded[i].text, &in, &want, &got) ? &passed : &failed) += 1;
        }
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
