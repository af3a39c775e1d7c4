/*
 * a64.c - struct guest_ops of AArch64: reset, mode flags, dump.
 *
 * Owns what ties the group files together. Must not translate, walk or handle exceptions itself.
 */
#include <string.h>

#include "base/log.h"
#include "guest/a64/translate.h"

#define SCTLR_M (1ull << 0)
#define SCTLR_A (1ull << 1)
#define SCTLR_SA (1ull << 3)
#define SCTLR_SA0 (1ull << 4)
#define SCTLR_UMA (1ull << 9)
#define SCTLR_DZE (1ull << 14)
#define SCTLR_UCT (1ull << 15)
#define SCTLR_NTWI (1ull << 16)
#define SCTLR_NTWE (1ull << 18)
#define SCTLR_UCI (1ull << 26)
#define CNTKCTL_EL0VCTEN (1ull << 1)

/* Counter frequency: what QEMU's virt tells the guest, 62.5 MHz. */
#define CNTFRQ_HZ 62500000ull

void a64_set_model(struct a64_cpu *c, enum a64_model m)
{
    c->model = m;
    c->id = &a64_idregs[m];
    c->midr = c->id->midr;
    c->sctlr_el1 = c->id->sctlr_reset;
    /* Clusters of eight, as QEMU's virt numbers them with a GICv2; the board may overwrite it. */
    c->mpidr = 1ull << 31 | (c->v.index & 7) | (uint64_t)(c->v.index >> 3) << 8;
}

void a64_regime_changed(struct a64_cpu *c)
{
    c->v.tbi[0] = bits(c->tcr_el1, 37, 1);
    c->v.tbi[1] = bits(c->tcr_el1, 38, 1);
    a64_decode_regimes(c);
    vcpu_forget_switches(&c->v);
    if (c->host)
        c->host->switch_space(&c->v);
}

/* Everything architectural to its state after power-on at EL1; identity and links stay. */
static void reset(struct vcpu *v)
{
    struct a64_cpu *c = a64(v);
    memset(v->r, 0, sizeof(v->r));
    memset(v->v, 0, sizeof(v->v));
    memset(&v->fp, 0, sizeof(v->fp));
    v->fp.mxcsr = 0x1f80;                         /* all masked, to nearest */
    v->nzcv = nzcv_from_arm(0);
    v->excl_addr = EXCL_NONE;
    memset(&c->el, 0, offsetof(struct a64_cpu, model) - offsetof(struct a64_cpu, el));
    if (!c->id)
        a64_set_model(c, A64_CORTEX_A57);
    v->roots.root[0] = v->roots.root[1] = 0;
    c->el = 1;
    c->spsel = 1;
    c->sp_in_use = 1;
    c->daif = 0x3c0;
    c->sctlr_el1 = c->id->sctlr_reset;
    c->cntfrq = CNTFRQ_HZ;
    c->oslar_el1 = 1;                             /* the OS Lock is set */
    vcpu_set_pc(v, c->rvbar);
    a64_regime_changed(c);
    a64_mode_changed(c);
    if (c->host)
        a64_debug_changed(c);
}

/* Without PSTATE's: PAN, UAO, SPSel, IL, SS. */
static uint32_t el_flags(const struct a64_cpu *c, unsigned el)
{
    const struct vcpu *v = &c->v;
    uint64_t sctlr = c->sctlr_el1;
    unsigned fpen = (unsigned)bits(c->cpacr_el1, 20, 2);
    uint32_t f = 0;
    if (sctlr & SCTLR_M)
        f |= A64F_MMU;
    if (sctlr & SCTLR_A)
        f |= A64F_ALIGN;
    if (log_on(LOG_int))
        f |= A64F_TRACE;
    if (v->fp.fz | v->fp.fz16 | v->fp.dn | v->fp.ahp)
        f |= A64F_FPSPECIAL;
    if (el) {
        f |= A64F_EL1;
        if (fpen & 1)
            f |= A64F_FPEN;
        if (sctlr & SCTLR_SA)
            f |= A64F_SA;
    } else {
        if (fpen == 3)
            f |= A64F_FPEN;
        if (sctlr & SCTLR_SA0)
            f |= A64F_SA;
        if (sctlr & SCTLR_UCI)
            f |= A64F_UCI;
        if (sctlr & SCTLR_UCT)
            f |= A64F_UCT;
        if (sctlr & SCTLR_DZE)
            f |= A64F_DZE;
        if (sctlr & SCTLR_UMA)
            f |= A64F_UMA;
        if ((sctlr & SCTLR_NTWI) && (sctlr & SCTLR_NTWE))
            f |= A64F_NTW;
        if (c->cntkctl_el1 & CNTKCTL_EL0VCTEN)
            f |= A64F_VCT;
    }
    return f;
}

/*
 * What an exception to EL1 or its return to EL0 leads to, but for PAN and UAO; software step is not active there. Whether the page
 * has a breakpoint is not known yet: with any enabled, what such a page's code is found under, so that the others are looked up.
 */
static uint32_t mode_flags(const struct vcpu *v, bool kernel)
{
    const struct a64_cpu *c = a64c(v);
    return el_flags(c, kernel) | (kernel ? A64F_SPSEL : 0) | (c->break_on ? A64F_BREAK : 0);
}

static uint32_t flags(const struct vcpu *v)
{
    const struct a64_cpu *c = a64c(v);
    uint32_t f = el_flags(c, c->el);
    if (c->uao)
        f |= A64F_UAO;
    if (c->il)
        f |= A64F_IL;
    if (c->el && c->pan)
        f |= A64F_PAN;
    if (c->el && c->spsel)
        f |= A64F_SPSEL;
    if (unlikely(c->mdscr_el1 & 1) && a64_step_enabled(c))
        f |= A64F_SS;
    if (unlikely(c->break_on) && a64_break_in_page(c))
        f |= A64F_BREAK;
    return f;
}

/*
 * Blocks of plain code are translate.c's. With software step active, PSTATE.IL set or a breakpoint in the page a block is one
 * instruction, preceded by what the mode demands.
 */
static void translate(struct ir_block *b, const struct translate_ctx *ctx, const struct vcpu *v)
{
    if (likely(!(ctx->flags & (A64F_SS | A64F_IL | A64F_BREAK)))) {
        a64_translate(b, ctx, v);
        return;
    }
    struct a64_tr tr = { .b = b, .ctx = ctx, .cpu = a64c(v), .flags = ctx->flags, .pc_off = ctx->pc_off,
                         .sp_ok = IR_NONE };
    memcpy(&tr.insn, ctx->page + tr.pc_off, 4);
    ir_reset(b, tr.pc_off);
    ir_begin_insn(b, tr.pc_off);
    if (a64_tr_prologue(&tr)) {
        if (!a64_decode_base(&tr, tr.insn) && !a64_decode_sys(&tr, tr.insn) && !a64_decode_simd(&tr, tr.insn))
            a64_tr_raise(&tr, EC_UNKNOWN, 0, false);
        if (!tr.ended)
            a64_tr_jmp(&tr, (int64_t)tr.pc_off + 4);
    }
    b->guest_insns = 1;
    ir_end_parts(b, tr.pc_off + 4);
}

static enum view fetch_view(const struct vcpu *v) { return a64c(v)->el ? VIEW_KERNEL : VIEW_USER; }

static bool has_work(const struct vcpu *v)
{
    const struct a64_cpu *c = a64c(v);
    return a64_line(c, A64_LINE_IRQ) || a64_line(c, A64_LINE_FIQ);
}

static void dump(const struct vcpu *v, void (*out)(const char *fmt, ...))
{
    const struct a64_cpu *c = a64c(v);
    uint32_t p = a64_pstate(c);
    /* As QEMU writes it, for those who read it with scripts. */
    out(" PC=%016llx ", (unsigned long long)vcpu_pc(v));
    for (unsigned i = 0; i < 31; i++)
        out("X%02u=%016llx%s", i, (unsigned long long)v->r[i], i % 3 == 1 ? "\n" : " ");
    out(" SP=%016llx\n", (unsigned long long)v->r[31]);
    out("PSTATE=%08x %c%c%c%c EL%u%c\n", p, p >> 31 & 1 ? 'N' : '-', p >> 30 & 1 ? 'Z' : '-', p >> 29 & 1 ? 'C' : '-',
        p >> 28 & 1 ? 'V' : '-', c->el, c->spsel ? 'h' : 't');
    out("elr %016llx  spsr %08llx  esr %08llx  far %016llx  vbar %016llx\n", (unsigned long long)c->elr_el1,
        (unsigned long long)c->spsr_el1, (unsigned long long)c->esr_el1, (unsigned long long)c->far_el1,
        (unsigned long long)c->vbar_el1);
    out("sctlr %08llx  tcr %016llx  ttbr0 %016llx  ttbr1 %016llx  mair %016llx\n", (unsigned long long)c->sctlr_el1,
        (unsigned long long)c->tcr_el1, (unsigned long long)c->v.roots.root[0], (unsigned long long)c->v.roots.root[1],
        (unsigned long long)c->mair_el1);
}

const struct guest_ops a64_guest_ops = {
    .name = "aarch64",
    .insn_align = 4,
    .flags = flags,
    .mode_flags = mode_flags,
    .fetch_view = fetch_view,
    .translate = translate,
    .disas = a64_disas,
    .walk = a64_walk,
    .walk_space = a64_walk_space,
    .space = a64_space,
    .canonical = a64_canonical,
    .raise_mem = a64_raise_mem,
    .watch = a64_watch,
    .poll_irq = a64_poll_irq,
    .has_work = has_work,
    .reset = reset,
    .dump = dump,
    .debug = &a64_guest_debug,
    .state_size = sizeof(struct a64_cpu),
};
