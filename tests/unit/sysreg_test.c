/*
 * sysreg_test.c - the A64 system side through decoder, translator and IR interpreter: ID registers, every row of the
 * table, exceptions and their return, PSTATE, software step, traps, TLBI/AT/DC operands.
 *
 * Expected values are from the parts' manuals and Arm ARM DDI 0487. The host's side is a recorder.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "guest/a64/simd.h"
#include "guest/a64/sysreg.h"

static unsigned passed, failed;

#define EQ(got, want)                                                                                                  \
    do {                                                                                                               \
        unsigned long long g_ = (got), w_ = (want);                                                                    \
        if (g_ == w_) {                                                                                                \
            passed++;                                                                                                  \
        } else {                                                                                                       \
            failed++;                                                                                                  \
            printf("%s:%d: %s is %#llx, expected %#llx\n", __FILE__, __LINE__, #got, g_, w_);                          \
        }                                                                                                              \
    } while (0)

/* ---- what the rest of the guest would provide ---- */

bool a64_decode_simd(struct a64_tr *tr, uint32_t insn) { return false; }
unsigned a64_disas(const uint8_t *code, uint64_t pc, char *buf, size_t len) { return 4; }

uint64_t a64_read_fpcr(struct vcpu *c) { return a64(c)->fpcr; }
void a64_write_fpcr(struct vcpu *c, uint64_t v) { a64(c)->fpcr = (uint32_t)v; }
uint64_t a64_read_fpsr(struct vcpu *c) { return c->fp.sticky; }
void a64_write_fpsr(struct vcpu *c, uint64_t v) { c->fp.sticky = (uint32_t)v; }

/* ---- the recorder ---- */

static struct {
    unsigned switches, all, asid_calls, ranges, completes, icache, icache_all, waits, gic, watches;
    uint64_t va, size;
    int asid;
    bool broadcast;
    struct walk probe;
    enum walk_status probe_status;
} rec;

static void h_switch(struct vcpu *c) { rec.switches++; }
static void h_switch_root(struct vcpu *c, unsigned half) { rec.switches++; }
static void h_all(struct vcpu *c) { rec.all++; }
static void h_asid(struct vcpu *c, uint16_t asid) { rec.asid_calls++; rec.asid = asid; }
static void h_range(struct vcpu *c, uint64_t va, uint64_t size, int asid, bool broadcast)
{
    rec.ranges++;
    rec.va = va;
    rec.size = size;
    rec.asid = asid;
    rec.broadcast = broadcast;
}
static void h_complete(struct vcpu *c)
{
    rec.completes++;
    c->tlbi_pending = 0;
}
static enum walk_status h_probe(struct vcpu *c, uint64_t va, enum access acc, enum view view, struct walk *out)
{
    *out = rec.probe;
    return rec.probe_status;
}
static void h_icache(struct vcpu *c, uint64_t gpa, uint64_t len) { rec.icache++; rec.va = gpa; rec.size = len; }
static void h_icache_all(struct vcpu *c) { rec.icache_all++; }
static void h_wait(struct vcpu *c) { rec.waits++; }
static void h_debug(struct vcpu *c, const struct watch_range *r, unsigned n) { rec.watches = n; rec.va = n ? r[0].va : 0; rec.size = n ? r[0].last - r[0].va + 1 : 0; }
static void h_wait_event(struct vcpu *c) { rec.waits++; }
static void h_send_event(struct vcpu *c, bool all) {}
static void h_yield(struct vcpu *c) {}
static uint64_t h_read(uint64_t gpa, bool *ok) { *ok = false; return 0; }
static const struct a64_host_ops host = {
    .switch_space = h_switch, .switch_root = h_switch_root, .tlbi_all = h_all, .tlbi_asid = h_asid, .tlbi_range = h_range, .tlbi_complete = h_complete, .probe = h_probe,
    .icache_inval = h_icache, .icache_inval_all = h_icache_all, .wait = h_wait, .wait_event = h_wait_event,
    .send_event = h_send_event, .yield = h_yield, .debug_changed = h_debug, .read_gpa64 = h_read,
};

static uint64_t now;
static uint64_t t_count(void *opaque) { return now; }
static unsigned t_changes, t_which;
static void t_changed(void *opaque, unsigned cpu, unsigned which, uint64_t cval, uint32_t ctl)
{
    t_changes++;
    t_which = which;
}
static const struct a64_timer_ops timer = { t_count, t_changed };

static uint64_t g_read(void *opaque, unsigned cpu, uint32_t sysreg) { rec.gic++; return sysreg; }
static void g_write(void *opaque, unsigned cpu, uint32_t sysreg, uint64_t v) { rec.gic++; }
static const struct a64_gic_ops gic = { g_read, g_write };

static bool f_call(void *opaque, struct vcpu *c, bool smc)
{
    if (smc)
        return false;
    c->r[0] = 0x1234;
    return true;
}
static const struct a64_smccc_ops smccc = { f_call };

/* ---- memory: one page of data, one of code ---- */

#define CODE 0x80000ull
#define DATA 0x90000ull
static uint8_t code[PAGE_SIZE], data[PAGE_SIZE];
static struct a64_cpu *cpu;
static struct ir_block block;
static jmp_buf out;
static bool unwound;

void vcpu_unwind(struct vcpu *c)
{
    unwound = true;
    longjmp(out, 1);
}

static uint8_t *at(struct vcpu *c, uint64_t va, uint32_t mem, unsigned bytes)
{
    struct mem_fault f = { .va = va, .access = ir_mem_unpack((uint16_t)mem).write ? ACC_WRITE : ACC_READ, .view = VIEW_KERNEL, .fault = 0x07 };
    if (va >= DATA && va <= DATA + PAGE_SIZE - bytes)
        return data + (va - DATA);
    a64_guest_ops.raise_mem(c, &f);
    vcpu_unwind(c);
}
#include "../plain_mem.h"

static void start(enum a64_model m)
{
    memset(cpu, 0, sizeof(*cpu));
    memset(&rec, 0, sizeof(rec));
    cpu->host = &host;
    cpu->timer = &timer;
    cpu->smccc = &smccc;
    cpu->rvbar = CODE;
    a64_set_model(cpu, m);
    a64_guest_ops.reset(&cpu->v);
    cpu->vbar_el1 = 0x100000;
}

/* To EL0 the way the machine does it. */
static void to_el0(void)
{
    cpu->el = 0;
    cpu->spsel = 0;
    cpu->daif = 0;
    a64_mode_changed(cpu);
    vcpu_set_pc(&cpu->v, CODE);
}

/* Run one instruction at CODE. */
static void run(uint32_t insn)
{
    memcpy(code, &insn, 4);
    vcpu_set_pc(&cpu->v, CODE);
    unwound = false;
    struct translate_ctx ctx = { .page = code, .pc_off = 0, .max_insns = 1, .flags = a64_guest_ops.flags(&cpu->v) };
    a64_guest_ops.translate(&block, &ctx, &cpu->v);
    ir_verify(&block);
    if (!setjmp(out))
        ir_interpret(&block, &cpu->v, &plain_mem_ops);
}
static uint64_t pc(void) { return vcpu_pc(&cpu->v); }
static bool took(unsigned offset, unsigned ec) { return pc() == 0x100000 + offset && cpu->esr_el1 >> 26 == ec; }

#define INSN_SYS(l, op0, op1, crn, crm, op2, rt) \
    (0xd5000000u | (uint32_t)(l) << 21 | (op0) << 19 | (op1) << 16 | (crn) << 12 | (crm) << 8 | (op2) << 5 | (rt))
static uint32_t insn_enc(bool read, uint32_t enc, unsigned rt)
{
    return INSN_SYS(read, enc >> 14, enc >> 11 & 7, enc >> 7 & 15, enc >> 3 & 15, enc & 7, rt);
}
#define MRS(op0, op1, crn, crm, op2, rt) INSN_SYS(1u, op0, op1, crn, crm, op2, rt)
#define MSR(op0, op1, crn, crm, op2, rt) INSN_SYS(0u, op0, op1, crn, crm, op2, rt)
#define MSR_IMM(op1, imm, op2) INSN_SYS(0u, 0, op1, 4, imm, op2, 31)
#define SVC(n) (0xd4000001u | (n) << 5)
#define HVC(n) (0xd4000002u | (n) << 5)
#define SMC(n) (0xd4000003u | (n) << 5)
#define BRK(n) (0xd4200000u | (n) << 5)
#define ERET 0xd69f03e0u
#define NOP 0xd503201fu
#define WFE 0xd503205fu
#define WFI 0xd503207fu
#define ADD_X0_1 0x91000400u                     /* ADD X0, X0, #1 */
#define LDR_X0_X1 0xf9400020u

/* ---- tests ---- */

static void test_table(void)
{
    for (unsigned i = 0; i < a64_sysregs_count; i++) {
        const struct a64_sysreg *r = &a64_sysregs[i];
        for (unsigned j = 0; j < i; j++) {
            if (a64_sysregs[j].enc == r->enc || !strcmp(a64_sysregs[j].name, r->name)) {
                printf("%s and %s collide\n", r->name, a64_sysregs[j].name);
                failed++;
            }
        }
        /* Access bits and ways agree. */
        EQ(r->rd.way == WAY_NO, !(r->access & ACC_R1));
        EQ(r->wr.way == WAY_NO, !(r->access & ACC_W1));
        EQ(r->rd.way == WAY_FIELD && r->rd.size != 4 && r->rd.size != 8, 0);
        EQ(r->enc >> 14 >= 2 && r->enc < 0x10000, 1);
        start(A64_MAX);
        EQ(a64_sysreg_find(cpu, r->enc) == r, !(r->access & IF_GIC));
        cpu->gic = &gic;
        EQ(a64_sysreg_find(cpu, r->enc) == r, 1);
    }
}

/* Every register at EL1 and EL0: executes or is UNDEFINED or traps as its access bits say, on every model. */
static void test_access(void)
{
    for (unsigned m = 0; m < A64_MODELS; m++) {
        for (unsigned i = 0; i < a64_sysregs_count; i++) {
            const struct a64_sysreg *r = &a64_sysregs[i];
            bool present = !r->feature;
            for (unsigned el = 0; el < 2; el++) {
                for (unsigned read = 0; read < 2; read++) {
                    start((enum a64_model)m);
                    cpu->gic = &gic;
                    cpu->cpacr_el1 = 3u << 20;
                    cpu->cntkctl_el1 = 0x303;
                    cpu->sctlr_el1 |= 1u << 9 | 1u << 15;
                    present = !r->feature || r->feature(cpu);
                    unsigned need = read ? (el ? ACC_R1 : ACC_R0) : (el ? ACC_W1 : ACC_W0);
                    if (!el)
                        to_el0();
                    run(insn_enc(read, r->enc, 3));
                    bool undef = took(el ? 0x200 : 0x400, EC_UNKNOWN);
                    bool want_undef = !present || !(r->access & need);
                    if (undef != want_undef || (!undef && pc() != CODE + 4)) {
                        printf("%s: %s at EL%u on %s: pc %#llx esr %#llx\n", r->name, read ? "read" : "write", el,
                               cpu->id->name, (unsigned long long)pc(), (unsigned long long)cpu->esr_el1);
                        failed++;
                    } else {
                        passed++;
                    }
                }
            }
        }
    }
    /* Without a GICv3 there are no ICC registers and ID_AA64PFR0_EL1.GIC says so. */
    start(A64_CORTEX_A57);
    run(MRS(3, 0, 12, 12, 0, 0));
    EQ(took(0x200, EC_UNKNOWN), 1);
    start(A64_CORTEX_A57);
    run(MRS(3, 0, 0, 4, 0, 0));
    EQ(bits(cpu->v.r[0], 24, 4), 0);
    cpu->gic = &gic;
    run(MRS(3, 0, 0, 4, 0, 0));
    EQ(bits(cpu->v.r[0], 24, 4), 1);
    /* Implementation-defined registers: storage-less on real parts, UNDEFINED on max. Unknown ones: UNDEFINED. */
    start(A64_CORTEX_A57);
    run(MRS(3, 1, 15, 2, 0, 0));                  /* CPUACTLR_EL1 */
    EQ(pc(), CODE + 4);
    start(A64_MAX);
    run(MRS(3, 1, 15, 2, 0, 0));
    EQ(took(0x200, EC_UNKNOWN), 1);
    run(MRS(3, 3, 9, 12, 0, 0));                  /* PMCR_EL0: no PMU */
    EQ(took(0x200, EC_UNKNOWN), 1);
    EQ(cpu->esr_el1, 1u << 25);
}

static void test_ids(void)
{
    /* MIDR, PFR0, DFR0, ISAR0, MMFR0, MMFR1, CTR, CLIDR */
    static const uint64_t want[A64_MODELS][8] = {
        [A64_CORTEX_A53] = { 0x410fd034, 0x11, 0x10305006, 0x11120, 0x22, 0, 0x84448004, 0x0a200023 },
        [A64_CORTEX_A57] = { 0x411fd070, 0x11, 0x10305006, 0x11120, 0x24, 0, 0x8444c004, 0x0a200023 },
        [A64_CORTEX_A72] = { 0x410fd083, 0x11, 0x10305006, 0x11120, 0x24, 0, 0x8444c004, 0x0a200023 },
        [A64_MAX] = { 0x000f0510, 0x1101000000000011, 0x10305006, 0x0210000010211120, 0x100024, 0x201002, 0x9444c004,
                      0x0a200023 },
    };
    static const unsigned ccsidr[3][3] = {
        { 0x700fe01a, 0x201fe00a, 0x707fe07a },
        { 0x701fe00a, 0x201fe012, 0x70ffe07a },
        { 0x701fe00a, 0x201fe012, 0x707fe07a },
    };
    for (unsigned m = 0; m < A64_MODELS; m++) {
        start((enum a64_model)m);
        static const uint32_t regs[8] = {
            MRS(3, 0, 0, 0, 0, 0), MRS(3, 0, 0, 4, 0, 0), MRS(3, 0, 0, 5, 0, 0), MRS(3, 0, 0, 6, 0, 0),
            MRS(3, 0, 0, 7, 0, 0), MRS(3, 0, 0, 7, 1, 0), MRS(3, 3, 0, 0, 1, 0), MRS(3, 1, 0, 0, 1, 0),
        };
        for (unsigned i = 0; i < 8; i++) {
            cpu->v.r[0] = 0xdead;
            run(regs[i]);
            EQ(cpu->v.r[0], want[m][i]);
        }
        for (unsigned i = 0; i < 3 && m < A64_MAX; i++) {
            cpu->v.r[1] = i;
            run(MSR(3, 2, 0, 0, 0, 1));
            run(MRS(3, 1, 0, 0, 0, 0));
            EQ(cpu->v.r[0], ccsidr[m][i]);
        }
        run(MRS(3, 0, 0, 1, 0, 0));               /* ID_PFR0_EL1: no AArch32 */
        EQ(cpu->v.r[0], 0);
        run(MRS(3, 0, 0, 7, 7, 0));               /* reserved */
        EQ(cpu->v.r[0], 0);
        run(MRS(3, 3, 0, 0, 7, 0));               /* DCZID_EL0: 64 bytes */
        EQ(cpu->v.r[0], 4);
        run(MRS(3, 0, 0, 0, 5, 0));
        EQ(cpu->v.r[0], 0x80000000);
        EQ(a64_has_pmull(cpu) && a64_has_sha256(cpu) && a64_has_crc32(cpu), 1);
        EQ(a64_has_lse(cpu), m == A64_MAX);
        EQ(a64_has_pan(cpu), m == A64_MAX);
        EQ(a64_has_fp16(cpu), 0);
    }
}

static void test_exceptions(void)
{
    /* Reset: EL1h, everything masked, MMU off. */
    start(A64_CORTEX_A57);
    EQ(a64_pstate(cpu), 0x3c5);
    EQ(cpu->sctlr_el1, 0xc50838);
    EQ(pc(), CODE);
    cpu->v.r[31] = 0x1000;

    /* SVC from EL1h: +0x200, return to the next instruction. */
    cpu->daif = 0x40;
    cpu->v.nzcv = nzcv_from_arm(0xa0000000);
    run(SVC(0x1234u));
    EQ(took(0x200, EC_SVC), 1);
    EQ(cpu->esr_el1, 0x56001234);
    EQ(cpu->elr_el1, CODE + 4);
    EQ(cpu->spsr_el1, 0xa0000045);
    EQ(a64_pstate(cpu) & 0x0fffffff, 0x3c5);
    EQ(cpu->v.r[31], 0x1000);

    /* From EL1t: +0x000, and SP changes to SP_EL1. */
    run(MSR_IMM(0, 0u, 5));
    EQ(cpu->spsel, 0);
    EQ(pc(), CODE + 4);
    cpu->v.r[31] = 0x2222;
    run(BRK(7u));
    EQ(took(0x000, EC_BRK), 1);
    EQ(cpu->esr_el1, 0xf2000007);
    EQ(cpu->elr_el1, CODE);
    EQ(cpu->spsr_el1 & 0x1f, 4);
    EQ(cpu->v.r[31], 0x1000);
    run(MRS(3, 0, 4, 1, 0, 5));                   /* SP_EL0 */
    EQ(cpu->v.r[5], 0x2222);

    /* To EL0 by ERET, and back by SVC: +0x400. */
    cpu->v.r[1] = 0x7777;
    run(MSR(3, 0, 4, 1, 0, 1));
    cpu->elr_el1 = CODE + 0x100;
    cpu->spsr_el1 = 0x60000000;
    cpu->v.excl_addr = 0x40;
    run(ERET);
    EQ(pc(), CODE + 0x100);
    EQ(a64_pstate(cpu), 0x60000000);
    EQ(cpu->v.r[31], 0x7777);
    EQ(cpu->v.excl_addr, EXCL_NONE);
    EQ(a64_guest_ops.fetch_view(&cpu->v), VIEW_USER);
    run(SVC(0u));
    EQ(took(0x400, EC_SVC), 1);
    EQ(cpu->spsr_el1, 0x60000000);
    EQ(cpu->v.r[31], 0x1000);

    /* UNDEFINED at EL0: ERET, HVC, SMC, MSR SPSel, HLT, DCPS. */
    static const uint32_t undef0[] = { ERET, HVC(0u), SMC(0u), MSR_IMM(0, 1u, 5), 0xd4400000, 0xd4a00001,
                                       INSN_SYS(0u, 1, 0, 8, 7, 0, 31) /* TLBI VMALLE1 */,
                                       INSN_SYS(0u, 1, 0, 7, 5, 0, 31) };
    for (unsigned i = 0; i < ARRAY_LEN(undef0); i++) {
        start(A64_CORTEX_A57);
        to_el0();
        run(undef0[i]);
        EQ(took(0x400, EC_UNKNOWN), 1);
        EQ(cpu->elr_el1, CODE);
    }

    /* Firmware calls. */
    start(A64_CORTEX_A57);
    run(HVC(0u));
    EQ(cpu->v.r[0], 0x1234);
    EQ(pc(), CODE + 4);
    run(SMC(0u));
    EQ(took(0x200, EC_UNKNOWN), 1);

    /* Illegal exception returns: AArch32, EL2, EL0 with SP_EL1, M[1]. */
    static const uint32_t bad[] = { 0x10, 0x9, 0x1, 0x6 };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        start(A64_CORTEX_A57);
        cpu->elr_el1 = CODE + 0x40;
        cpu->spsr_el1 = bad[i] | 0x80000000;
        run(ERET);
        EQ(pc(), CODE + 0x40);
        EQ(a64_pstate(cpu), 0x80100005);
        EQ((a64_guest_ops.flags(&cpu->v) & A64F_IL) != 0, 1);
        run(NOP);
        EQ(took(0x200, EC_ILLEGAL), 1);
        EQ(cpu->spsr_el1, 0x80100005);
        EQ(cpu->il, 0);
    }

    /* PAN: set on entry unless SPAN; SSBS from DSSBS; UAO cleared. Not on parts without. */
    start(A64_MAX);
    cpu->uao = 1;
    cpu->sctlr_el1 &= ~(1ull << 23);
    cpu->sctlr_el1 |= 1ull << 44;
    run(SVC(0u));
    EQ(a64_pstate(cpu), 0x4013c5);                /* PAN + SSBS */
    EQ(cpu->spsr_el1 >> 23 & 1, 1);
    EQ((a64_guest_ops.flags(&cpu->v) & A64F_PAN) != 0, 1);
    run(MSR_IMM(0, 0u, 4));
    EQ(cpu->pan, 0);
    run(MRS(3, 0, 4, 2, 3, 0));
    EQ(cpu->v.r[0], 0);
    cpu->v.r[0] = 1u << 22;
    run(MSR(3, 0, 4, 2, 3, 0));
    EQ(cpu->pan, 1);
    start(A64_CORTEX_A57);
    cpu->sctlr_el1 &= ~(1ull << 23);
    run(SVC(0u));
    EQ(a64_pstate(cpu), 0x3c5);
    run(MSR_IMM(0, 1u, 4));
    EQ(took(0x200, EC_UNKNOWN), 1);

    /* Aborts: class by EL, WnR, FAR with its tag, misalignment, external. */
    start(A64_CORTEX_A57);
    cpu->v.r[1] = 0xab00000000001230ull;
    run(LDR_X0_X1);
    EQ(took(0x200, EC_DABORT), 1);
    EQ(cpu->esr_el1, 0x96000007);
    EQ(cpu->far_el1, 0xab00000000001230ull);
    to_el0();
    struct mem_fault f = { .va = 0x1001, .access = ACC_WRITE, .view = VIEW_USER, .fault = FAULT_ALIGN };
    a64_guest_ops.raise_mem(&cpu->v, &f);
    EQ(cpu->esr_el1, 0x92000061);
    to_el0();
    f = (struct mem_fault){ .va = CODE, .access = ACC_EXEC, .view = VIEW_USER, .fault = FAULT_EXTERNAL };
    a64_guest_ops.raise_mem(&cpu->v, &f);
    EQ(cpu->esr_el1, 0x82000010);
    EQ(cpu->elr_el1, CODE);
    f = (struct mem_fault){ .va = CODE + 2, .access = ACC_EXEC, .view = VIEW_KERNEL, .fault = FAULT_ALIGN };
    a64_guest_ops.raise_mem(&cpu->v, &f);
    EQ(cpu->esr_el1, 0x8a000000);
    EQ(cpu->far_el1, CODE + 2);
}

static void test_interrupts(void)
{
    start(A64_CORTEX_A57);
    cpu->v.lines = 1u << A64_LINE_IRQ;
    a64_guest_ops.poll_irq(&cpu->v);
    EQ(pc(), CODE);                               /* masked */
    EQ(a64_guest_ops.has_work(&cpu->v), 1);
    /* DAIFClr #2 with the line high: the next instruction is where it is taken. */
    run(MSR_IMM(3, 2u, 7));
    EQ(unwound && cpu->v.exit_req == 1, 1);
    EQ(pc(), CODE + 4);
    EQ(cpu->daif, 0x340);
    a64_guest_ops.poll_irq(&cpu->v);
    EQ(pc(), 0x100280);
    EQ(cpu->elr_el1, CODE + 4);
    EQ(cpu->daif, 0x3c0);
    /* The FIQ goes first, from EL0 to +0x500. */
    to_el0();
    cpu->v.lines |= 1u << A64_LINE_FIQ;
    a64_guest_ops.poll_irq(&cpu->v);
    EQ(pc(), 0x100500);
    /* ERET that unmasks asks for a look. */
    cpu->v.exit_req = 0;
    cpu->spsr_el1 = 0;
    cpu->elr_el1 = CODE + 0x80;
    run(ERET);
    EQ(cpu->v.exit_req, 1);
    /* Without a line: inline, no exit. */
    start(A64_CORTEX_A57);
    run(MSR_IMM(3, 15u, 7));
    EQ(cpu->daif, 0);
    run(MSR_IMM(3, 3u, 6));
    EQ(cpu->daif, 0xc0);
    EQ(unwound, 0);
    cpu->v.r[2] = 0xffffffff;
    run(MSR(3, 3, 4, 2, 1, 2));
    run(MRS(3, 3, 4, 2, 1, 3));
    EQ(cpu->v.r[3], 0x3c0);
    run(WFI);
    EQ(rec.waits, 1);
    EQ(pc(), CODE + 4);
}

/* MSR DAIF and the immediates, SPSel, PAN: inline, and what makes them leave the block. */
static void test_pstate(void)
{
    start(A64_MAX);
    cpu->v.lines = 1u << A64_LINE_IRQ;
    run(MSR_IMM(3, 1u, 7));                       /* F only: the IRQ stays masked */
    EQ(unwound, 0);
    EQ(cpu->daif, 0x380);
    run(MSR_IMM(3, 2u, 6));
    EQ(unwound, 0);
    cpu->v.r[2] = 0x340;
    run(MSR(3, 3, 4, 2, 1, 2));
    EQ(unwound && cpu->v.exit_req == 1, 1);
    EQ(pc(), CODE + 4);
    EQ(cpu->daif, 0x340);
    cpu->v.lines = 0;
    run(MSR(3, 3, 4, 2, 1, 2));
    EQ(unwound, 0);
    /* PSTATE.D is a mode flag while software step is on. */
    cpu->mdscr_el1 = 1;
    run(MSR_IMM(3, 8u, 7));
    EQ(unwound, 1);
    EQ(cpu->daif, 0x140);
    run(MSR_IMM(3, 8u, 6));
    EQ(unwound, 1);
    run(MSR_IMM(3, 4u, 6));
    EQ(unwound, 0);

    start(A64_MAX);
    cpu->v.r[31] = 0x1110;
    cpu->sp_other[0] = 0x2220;
    run(MSR_IMM(0, 1u, 5));                       /* no change */
    EQ(cpu->v.r[31], 0x1110);
    run(MSR_IMM(0, 0u, 5));
    EQ(cpu->v.r[31] == 0x2220 && cpu->spsel == 0 && cpu->sp_in_use == 0 && cpu->sp_other[1] == 0x1110, 1);
    EQ(pc(), CODE + 4);
    cpu->v.r[3] = 1;
    run(MSR(3, 0, 4, 2, 0, 3));
    EQ(cpu->v.r[31] == 0x1110 && cpu->spsel == 1 && cpu->sp_in_use == 1, 1);
    run(MSR_IMM(0, 1u, 4));
    EQ(cpu->pan == 1 && (a64_guest_ops.flags(&cpu->v) & A64F_PAN), 1);
    run(MSR_IMM(0, 1u, 4));
    EQ(cpu->pan == 1 && pc() == CODE + 4, 1);
    cpu->v.r[3] = 0;
    run(MSR(3, 0, 4, 2, 3, 3));
    EQ(cpu->pan, 0);
}

#define LDR_X0_SP 0xf94003e0u                     /* LDR X0, [SP] */
#define LDR_X0_SP_8 0xf94007e0u                   /* LDR X0, [SP, #8] */
#define STP_PRE 0xa9bf7be0u                       /* STP X0, X30, [SP, #-16]! */
#define LDR_POST8 0xf84087e0u                     /* LDR X0, [SP], #8 */

static unsigned count_traps(const uint32_t *insns, unsigned n)
{
    unsigned traps = 0;
    memcpy(code, insns, n * 4);
    struct translate_ctx ctx = { .page = code, .pc_off = 0, .max_insns = n, .flags = a64_guest_ops.flags(&cpu->v) };
    a64_guest_ops.translate(&block, &ctx, &cpu->v);
    ir_verify(&block);
    for (unsigned i = 0; i < block.n; i++)
        traps += block.insn[i].op == IR_TRAPNZ;
    return traps;
}

static void test_sp_alignment(void)
{
    start(A64_CORTEX_A57);
    cpu->v.r[31] = DATA + 0x20;
    run(LDR_X0_SP_8);
    EQ(unwound, 0);
    cpu->v.r[31] = DATA + 0x28;
    run(LDR_X0_SP_8);
    EQ(unwound && took(0x200, EC_SPALIGN), 1);
    EQ(cpu->esr_el1, 0x9a000000);
    EQ(cpu->elr_el1, CODE);
    /* Not with SCTLR_EL1.SA clear; EL0 has a bit of its own. */
    start(A64_CORTEX_A57);
    cpu->sctlr_el1 &= ~(1ull << 3);
    cpu->v.r[31] = DATA + 0x28;
    run(LDR_X0_SP);
    EQ(unwound, 0);
    start(A64_CORTEX_A57);
    cpu->sctlr_el1 |= 1ull << 4;
    to_el0();
    cpu->v.r[31] = DATA + 0x28;
    run(LDR_X0_SP);
    EQ(took(0x400, EC_SPALIGN), 1);
    /* One check for what moves by multiples of 16; another behind what does not. */
    start(A64_CORTEX_A57);
    static const uint32_t frame[] = { STP_PRE, LDR_X0_SP_8, STP_PRE, LDR_X0_SP };
    EQ(count_traps(frame, 4), 1);
    static const uint32_t odd[] = { LDR_POST8, LDR_X0_SP, LDR_X0_SP_8 };
    EQ(count_traps(odd, 3), 2);
}

static void test_el0_traps(void)
{
    start(A64_CORTEX_A57);
    cpu->sctlr_el1 &= ~(1ull << 16 | 1ull << 18);
    /* nTWI, nTWE: ISS CV, COND, TI */
    to_el0();
    run(WFI);
    EQ(took(0x400, EC_WFX), 1);
    EQ(cpu->esr_el1, 0x07e00000);
    to_el0();
    run(WFE);
    EQ(cpu->esr_el1, 0x07e00001);
    /* UCT: MRS X3, CTR_EL0 */
    to_el0();
    run(MRS(3, 3, 0, 0, 1, 3));
    EQ(cpu->esr_el1, 0x62000000 | 3u << 20 | 1u << 17 | 3u << 14 | 0u << 10 | 3u << 5 | 0u << 1 | 1);
    /* UMA: MSR DAIFSet, #2; MSR DAIF, X4 */
    to_el0();
    run(MSR_IMM(3, 2u, 6));
    EQ(cpu->esr_el1, 0x62000000 | 0u << 20 | 6u << 17 | 3u << 14 | 4u << 10 | 31u << 5 | 2u << 1);
    to_el0();
    run(MSR(3, 3, 4, 2, 1, 4));
    EQ(cpu->esr_el1, 0x62000000 | 3u << 20 | 1u << 17 | 3u << 14 | 4u << 10 | 4u << 5 | 2u << 1);
    /* DZE: DC ZVA, X5; UCI: IC IVAU, X6 */
    to_el0();
    run(INSN_SYS(0u, 1, 3, 7, 4, 1, 5));
    EQ(cpu->esr_el1, 0x62000000 | 1u << 20 | 1u << 17 | 3u << 14 | 7u << 10 | 5u << 5 | 4u << 1);
    to_el0();
    run(INSN_SYS(0u, 1, 3, 7, 5, 1, 6));
    EQ(cpu->esr_el1, 0x62000000 | 1u << 20 | 1u << 17 | 3u << 14 | 7u << 10 | 6u << 5 | 5u << 1);
    /* CNTKCTL: CNTVCT_EL0 */
    to_el0();
    run(MRS(3, 3, 14, 0, 2, 7));
    EQ(cpu->esr_el1, 0x62000000 | 3u << 20 | 2u << 17 | 3u << 14 | 14u << 10 | 7u << 5 | 0u << 1 | 1);
    cpu->cntkctl_el1 = 2;
    now = 12345;
    to_el0();
    run(MRS(3, 3, 14, 0, 2, 7));
    EQ(cpu->v.r[7], 12345);
    /* CPACR: FPCR at EL0 with FPEN = 01, at EL1 with 00 */
    cpu->cpacr_el1 = 1u << 20;
    to_el0();
    run(MRS(3, 3, 4, 4, 0, 0));
    EQ(cpu->esr_el1, 0x1fe00000);
    run(MRS(3, 3, 4, 4, 0, 0));
    EQ(pc(), CODE + 4);
    cpu->cpacr_el1 = 0;
    run(MRS(3, 3, 4, 4, 0, 0));
    EQ(took(0x200, EC_FP), 1);
}

static void test_timer(void)
{
    start(A64_CORTEX_A57);
    run(MRS(3, 3, 14, 0, 0, 0));
    EQ(cpu->v.r[0], 62500000);
    now = 1000;
    cpu->v.r[1] = (uint32_t)-100;
    run(MSR(3, 3, 14, 3, 0, 1));                  /* CNTV_TVAL */
    EQ(cpu->cntv_cval, 900);
    EQ(t_which, 1);
    cpu->v.r[1] = 1;
    run(MSR(3, 3, 14, 3, 1, 1));
    run(MRS(3, 3, 14, 3, 1, 2));
    EQ(cpu->v.r[2], 5);                           /* ENABLE, ISTATUS */
    cpu->v.r[1] = 1100;
    run(MSR(3, 3, 14, 2, 2, 1));                  /* CNTP_CVAL */
    EQ(t_which, 0);
    run(MRS(3, 3, 14, 2, 0, 2));
    EQ(cpu->v.r[2], 100);
    run(MRS(3, 3, 14, 2, 1, 2));
    EQ(cpu->v.r[2], 0);
    now = 1101;
    run(MRS(3, 3, 14, 2, 0, 2));
    EQ(cpu->v.r[2], 0xffffffff);
}

/* With a counter the counts are IR; FPCR and FPSR. */
static void test_inline(void)
{
    static struct counter counter;
    counter_init(&counter, 16, false);
    start(A64_CORTEX_A57);
    cpu->v.counter = &counter;
    cpu->cntvoff = 1000000;
    now = 5;                                      /* the chip's, not asked any more */
    for (unsigned op2 = 1; op2 <= 2; op2++) {
        uint64_t before = counter_read(&counter), off = op2 == 2 ? 1000000 : 0;
        run(MRS(3, 3, 14, 0, op2, 1));
        EQ(cpu->v.r[1] + off >= before && cpu->v.r[1] + off <= counter_read(&counter), 1);
        EQ(pc(), CODE + 4);
    }
    /* EL0: by CNTKCTL_EL1, a mode flag for the virtual count */
    to_el0();
    run(MRS(3, 3, 14, 0, 2, 7));
    EQ(took(0x400, EC_SYSREG), 1);
    start(A64_CORTEX_A57);
    cpu->v.counter = &counter;
    cpu->v.r[2] = 2;
    run(MSR(3, 0, 14, 1, 0, 2));
    EQ(cpu->cntkctl_el1, 2);
    to_el0();
    uint64_t before = counter_read(&counter);
    run(MRS(3, 3, 14, 0, 2, 7));
    EQ(cpu->v.r[7] >= before && cpu->v.r[7] <= counter_read(&counter), 1);
    to_el0();
    run(MRS(3, 3, 14, 0, 1, 7));
    EQ(took(0x400, EC_SYSREG), 1);

    start(A64_CORTEX_A57);
    cpu->cpacr_el1 = 3u << 20;
    cpu->v.r[3] = 0xffffffff;
    run(MSR(3, 3, 4, 4, 1, 3));
    EQ(cpu->v.fp.sticky, 0x0800009f);
    run(MRS(3, 3, 4, 4, 1, 4));
    EQ(cpu->v.r[4], 0x0800009f);
    cpu->v.r[3] = 0x00c00000;                     /* changed: out of the block behind the instruction */
    run(MSR(3, 3, 4, 4, 0, 3));
    EQ(unwound && pc() == CODE + 4, 1);
    run(MRS(3, 3, 4, 4, 0, 4));
    EQ(cpu->v.r[4], 0x00c00000);
    run(MSR(3, 3, 4, 4, 0, 3));
    EQ(unwound, 0);
    EQ(pc(), CODE + 4);
}

static void test_maintenance(void)
{
    start(A64_MAX);
    cpu->tcr_el1 = 2ull << 30 | 1ull << 36;
    cpu->v.r[1] = 0x0123000000000000ull | (0xffff800012345678ull >> 12 & 0xfffffffffffull);
    run(INSN_SYS(0u, 1, 0, 8, 3, 1, 1));          /* VAE1IS */
    EQ(rec.va, 0xffff800012345000ull);
    EQ(rec.size, 4096);
    EQ(rec.asid, 0x123);
    EQ(rec.broadcast, 1);
    run(INSN_SYS(0u, 1, 0, 8, 7, 7, 1));          /* VAALE1 */
    EQ(rec.asid, -1);
    EQ(rec.broadcast, 0);
    run(INSN_SYS(0u, 1, 0, 8, 3, 2, 1));          /* ASIDE1IS */
    EQ(rec.asid_calls, 1);
    EQ(rec.asid, 0x123);
    run(INSN_SYS(0u, 1, 0, 8, 7, 0, 31));         /* VMALLE1 */
    EQ(rec.all, 1);
    run(INSN_SYS(0u, 1, 0, 8, 1, 0, 31));         /* VMALLE1OS */
    EQ(rec.all, 2);
    /* The next DSB completes them, whatever it orders; no other barrier. It leaves the block. */
    for (unsigned crm = 0; crm < 16; crm++) {
        run(0xd503309fu | crm << 8);
        EQ(unwound, 0);
        EQ(rec.completes, crm);
        cpu->v.tlbi_pending = 1;
        run(0xd50330bfu | crm << 8);              /* DMB */
        EQ(unwound, 0);
        run(0xd503309fu | crm << 8);
        EQ(unwound && pc() == CODE + 4, 1);
        EQ(rec.completes, crm + 1);
    }
    /* RVAE1IS: TG 4K, SCALE 1, NUM 3: (3 + 1) << 6 pages */
    cpu->v.r[1] = 7ull << 48 | 1ull << 46 | 1ull << 44 | 3ull << 39 | 0x12345;
    run(INSN_SYS(0u, 1, 0, 8, 2, 1, 1));
    EQ(rec.va, 0x12345000);
    EQ(rec.size, 256 * 4096);
    EQ(rec.asid, 7);
    cpu->model = A64_CORTEX_A57;
    cpu->id = &a64_idregs[A64_CORTEX_A57];
    run(INSN_SYS(0u, 1, 0, 8, 2, 1, 1));
    EQ(took(0x200, EC_UNKNOWN), 1);

    start(A64_CORTEX_A57);
    rec.probe.gpa = 0x40001234;
    run(INSN_SYS(0u, 1, 3, 7, 5, 1, 1));          /* IC IVAU */
    EQ(rec.icache, 1);
    EQ(rec.va, 0x40001200);
    EQ(rec.size, 64);
    run(INSN_SYS(0u, 1, 0, 7, 1, 0, 31));
    EQ(rec.icache_all, 1);
    rec.probe_status = WALK_FAULT;
    rec.probe.fault = 0x06;
    cpu->v.r[1] = 0x5000;
    run(INSN_SYS(0u, 1, 3, 7, 10, 1, 1));         /* DC CVAC: fault with CM and WnR */
    EQ(cpu->esr_el1, 0x96000146);
    EQ(cpu->far_el1, 0x5000);
    /* DC ZVA */
    memset(data, 0xff, sizeof(data));
    cpu->v.r[1] = DATA + 0x123;
    run(INSN_SYS(0u, 1, 3, 7, 4, 1, 1));
    unsigned zero = 0;
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        zero += data[i] == 0 && i >= 0x100 && i < 0x140;
    EQ(zero, 64);
    EQ(data[0xff] + data[0x140], 0x1fe);
    cpu->v.r[1] = DATA + PAGE_SIZE + 0x123;
    run(INSN_SYS(0u, 1, 3, 7, 4, 1, 1));
    EQ(cpu->esr_el1, 0x96000047);
    EQ(cpu->far_el1, DATA + PAGE_SIZE + 0x123);
    /* AT S1E1R with the MMU off: flat, Device. */
    cpu->v.r[1] = 0x12345678;
    run(INSN_SYS(0u, 1, 0, 7, 8, 0, 1));
    EQ(cpu->par_el1, 0x12345b00);
    /* With it on, tables unreadable: an abort on the walk is taken as one. */
    cpu->sctlr_el1 |= 1;
    cpu->tcr_el1 = 16;
    run(INSN_SYS(0u, 1, 0, 7, 8, 0, 1));
    EQ(cpu->esr_el1, 0x96000154);
    cpu->tcr_el1 |= 1u << 7;                      /* EPD0 */
    run(INSN_SYS(0u, 1, 0, 7, 8, 0, 1));
    EQ(cpu->par_el1, 0x809);
}

static void test_control(void)
{
    start(A64_CORTEX_A57);
    unsigned n = rec.switches;
    cpu->v.r[1] = 0x40001000;
    run(MSR(3, 0, 2, 0, 0, 1));
    EQ(rec.switches, n);                          /* MMU off: nothing to switch */
    cpu->v.r[2] = cpu->sctlr_el1 | 1;
    run(MSR(3, 0, 1, 0, 0, 2));
    EQ(rec.switches, n + 1);
    EQ((a64_guest_ops.flags(&cpu->v) & A64F_MMU) != 0, 1);
    cpu->v.r[1] = 0x40002000;
    run(MSR(3, 0, 2, 0, 0, 1));
    run(MSR(3, 0, 2, 0, 0, 1));                   /* unchanged: free */
    EQ(rec.switches, n + 2);
    cpu->v.r[1] = 1ull << 37;
    run(MSR(3, 0, 2, 0, 2, 1));
    EQ(cpu->v.tbi[0], 1);
    EQ(cpu->v.tbi[1], 0);
    /* NZCV and CFINV */
    cpu->v.r[1] = 0x50000000;
    run(MSR(3, 3, 4, 2, 0, 1));
    EQ(nzcv_to_arm(cpu->v.nzcv), 0x50000000);
    run(MRS(3, 3, 4, 2, 0, 2));
    EQ(cpu->v.r[2], 0x50000000);
    run(0xd500401fu);                             /* CFINV: no FEAT_FlagM on A57 */
    EQ(took(0x200, EC_UNKNOWN), 1);
    start(A64_MAX);
    cpu->v.nzcv = nzcv_from_arm(0x50000000);
    run(0xd500401fu);
    EQ(nzcv_to_arm(cpu->v.nzcv), 0x70000000);
    run(MRS(3, 0, 4, 2, 2, 2));                   /* CurrentEL */
    EQ(cpu->v.r[2], 4);
    run(MRS(2, 0, 1, 1, 4, 2));                   /* OSLSR: locked at reset */
    EQ(cpu->v.r[2], 0xa);
}

static void test_step(void)
{
    start(A64_CORTEX_A57);
    cpu->oslar_el1 = 0;
    cpu->mdscr_el1 = 1;
    /* From EL1 (step is off there: KDE = 0) to EL0 with SPSR.SS: one instruction, then the exception. */
    cpu->elr_el1 = CODE;
    cpu->spsr_el1 = 1u << 21;
    EQ(a64_guest_ops.flags(&cpu->v) & A64F_SS, 0);
    run(ERET);
    EQ(cpu->ss, 1);
    EQ((a64_guest_ops.flags(&cpu->v) & A64F_SS) != 0, 1);
    cpu->v.r[0] = 5;
    run(ADD_X0_1);
    EQ(cpu->v.r[0], 6);
    EQ(pc(), CODE + 4);
    run(ADD_X0_1);                                /* pending: not executed */
    EQ(cpu->v.r[0], 6);
    EQ(took(0x400, 0x32), 1);
    EQ(cpu->esr_el1, 0xcb000022);
    EQ(cpu->spsr_el1, 0);
    EQ(cpu->elr_el1, CODE);
    /* A stepped SVC has completed: SPSR.SS = 0; a faulting load has not: 1. */
    cpu->spsr_el1 = 1u << 21;
    cpu->elr_el1 = CODE;
    run(ERET);
    run(SVC(0u));
    EQ(took(0x400, EC_SVC), 1);
    EQ(cpu->spsr_el1, 0);
    cpu->spsr_el1 = 1u << 21;
    cpu->elr_el1 = CODE;
    run(ERET);
    cpu->v.r[1] = 0;
    run(LDR_X0_X1);
    EQ(took(0x400, EC_DABORT_LOW), 1);
    EQ(cpu->spsr_el1, 1u << 21);
    /* Without SPSR.SS the exception is pending at once, with ISV = 0. */
    cpu->spsr_el1 = 0;
    run(ERET);
    run(ADD_X0_1);
    EQ(cpu->esr_el1, 0xca000022);
    /* The OS Lock disables it. */
    cpu->oslar_el1 = 1;
    cpu->spsr_el1 = 1u << 21;
    run(ERET);
    EQ(cpu->ss, 0);
    EQ(a64_guest_ops.flags(&cpu->v) & A64F_SS, 0);
}

int main(void)
{
    cpu = aligned_alloc(64, ALIGN_UP(sizeof(*cpu), 64));
    if (!cpu)
        return 1;
    test_table();
    test_access();
    test_ids();
    test_exceptions();
    test_interrupts();
    test_pstate();
    test_sp_alignment();
    test_el0_traps();
    test_timer();
    test_inline();
    test_maintenance();
    test_control();
    test_step();
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
