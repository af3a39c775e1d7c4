/*
 * fuzz_run.c - the host side of the decode-table fuzzer: every case through decoder, translator, IR verifier, optimiser,
 * interpreter and host backend, compared with what qemu-aarch64 says.
 *
 * Starts `qemu-aarch64 fuzz_guest` and reads its results from a pipe; the cases are made anew from (seed, line, number) by
 * fuzz_gen.h. Every case runs as plain IR and optimised IR in the interpreter, and as host code; those that touch memory as
 * host code with every access kind. Each failure prints what is needed to repeat it. --help for the options.
 */
#include <errno.h>
#include <getopt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "fuzz_gen.h"
#include "guest/a64/simd.h"
#include "guest/a64/translate.h"
#include "host/host.h"
#include "opt/opt.h"

enum mode { M_IR, M_OPT, M_SOFT, M_REGION, M_PREDICT, M_SLOW, M_MODES };
static const char *const mode_name[M_MODES] = { "ir", "ir-opt", "host-soft", "host-region", "host-predict", "host-slow" };

static struct {
    unsigned count;
    uint64_t seed;
    const char *qemu, *guest, *line, *only_case;
    unsigned modes;                              /* bit per enum mode */
    unsigned verbose;                            /* failures shown a line */
} opt = { .count = 2000, .seed = 1, .qemu = "qemu-aarch64", .modes = (1u << M_MODES) - 1, .verbose = 1 };

/* What qemu said, expanded. */
struct expect {
    struct fz_result r;
    struct fz_state st;
};

static struct a64_cpu *cpu;
static uint8_t *ram;                             /* host address of guest address 0 */
static int64_t region_table[REGION_TABLE];
static struct tlb_entry tlb_entry;
static uint8_t *code_area;
static size_t code_used, code_size = 1 << 20;
static struct ir_block block, block_opt;
static uint8_t code_page[PAGE_SIZE];

/* ---- leaving ---- */
static sigjmp_buf leave;
enum { LEFT_UNWIND = 1, LEFT_ABORT, LEFT_CRASH };
static volatile bool in_case, in_host;
static struct host_code host_code;

void vcpu_unwind(struct vcpu *c)
{
    if (in_host)
        host_unwind(c);
    siglongjmp(leave, LEFT_UNWIND);
}
static void on_signal(int sig, siginfo_t *si, void *uc)
{
    const uint8_t *pc = host_fault_pc(uc);
    if (sig != SIGABRT && in_host && pc >= code_area && pc < code_area + code_size) {
        uint32_t off = (uint32_t)(pc - (const uint8_t *)host_code.entry);
        for (uint32_t i = 0; i < host_code.n_sites; i++)
            if (host_code.site[i].off == off) {
                host_fault_resume(uc, (const uint8_t *)host_code.entry + host_code.site[i].slow);
                return;
            }
    }
    if (in_case) {
        in_case = false;
        siglongjmp(leave, sig == SIGABRT ? LEFT_ABORT : LEFT_CRASH);
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

/* ---- guest memory: one page ---- */
static uint8_t *at(struct vcpu *c, uint64_t va, uint32_t mem, unsigned bytes)
{
    struct ir_mem m = ir_mem_unpack((uint16_t)mem);
    struct mem_fault f = { .va = va, .access = m.write ? ACC_WRITE : ACC_READ, .view = (enum view)m.view, .fault = 7 };
    if (va & ir_mem_align_mask(m))
        f.fault = FAULT_ALIGN;
    else if (va >= FZ_BUF && va <= FZ_BUF_END - bytes)
        return ram + va;
    a64_guest_ops.raise_mem(c, &f);
    vcpu_unwind(c);
}
#include "../plain_mem.h"

/* ---- set up ---- */
static void set_up(void)
{
    struct vcpu *c;
    cpu = aligned_alloc(64, ALIGN_UP(sizeof(*cpu), (size_t)64));
    ram = mmap(NULL, 1ull << REGION_SHIFT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    code_area = mmap(NULL, code_size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!cpu || ram == MAP_FAILED || code_area == MAP_FAILED || mprotect(ram + FZ_BUF, PAGE_SIZE, PROT_READ | PROT_WRITE))
        die("fuzz_run: no memory: %s", strerror(errno));
    memset(cpu, 0, sizeof(*cpu));
    c = &cpu->v;
    a64_set_model(cpu, A64_MAX);
    c->mem = &plain_mem_ops;
    a64_guest_ops.reset(c);
    for (unsigned i = 0; i < REGION_TABLE; i++)
        region_table[i] = REGION_POISON;
    region_table[0] = (int64_t)(uintptr_t)ram;
    for (unsigned i = 0; i < REGION_GROUPS * REGION_SLOTS; i++)
        c->delta[i] = REGION_POISON;
    c->delta[0] = (int64_t)(uintptr_t)ram;
    for (unsigned i = 0; i < VIEW_COUNT; i++) {
        c->region_table[i] = region_table;
        c->tlb[i].mask = 0;
        c->tlb[i].table = &tlb_entry;
    }
    tlb_entry.read_tag = tlb_entry.write_tag = FZ_BUF;
    tlb_entry.addend = (int64_t)(uintptr_t)ram;
    for (unsigned i = 0; i < 1u << JC_BITS; i++)
        c->jc[i].key = JC_EMPTY;
    cpu->cpacr_el1 = 3u << 20;
    cpu->sctlr_el1 = 1ull << 26 | 1ull << 18 | 1ull << 16 | 1ull << 15 | 1ull << 14;   /* UCI nTWE nTWI UCT DZE */
    struct host_callbacks cb = { .mem = plain_mem_ops };
    code_used = ALIGN_UP(host_init(code_area, code_size, &cb), (size_t)64);
    host_vcpu_init(c);

    static uint8_t stack[1 << 16];
    stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
    struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    static const int sigs[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT };
    sigaltstack(&ss, NULL);
    for (unsigned i = 0; i < ARRAY_LEN(sigs); i++)
        sigaction(sigs[i], &sa, NULL);
}

/* ---- features that the modelled CPU may lack and qemu's has ---- */
static bool has_feature(const char *name, size_t len)
{
#define X(f) if (strlen(#f) == len && !strncmp(name, #f, len)) return a64_has_##f(cpu);
    A64_FEATURES(X)
#undef X
    return true;
}
/* Half-precision arithmetic (not conversions). */
static bool is_fp16(const struct fz_line *l, uint32_t insn)
{
    if (fz_has(l, F_ftype) && strcmp(l->name, "FCVT_f"))
        return fz_get(l, insn, F_ftype) == 3;
    if (!strncmp(l->name, "CVTF_fix_", 9) || !strncmp(l->name, "FCVTZ_fix_", 10))
        return fz_has(l, F_imm) && fz_get(l, insn, F_imm) >> 4 == 1;
    return false;
}
static bool lacks_feature(const struct fz_line *l, uint32_t insn)
{
    if (is_fp16(l, insn))
        return !a64_has_fp16(cpu);
    if (!strcmp(l->name, "FCVT_f") && fz_get(l, insn, F_ftype) == 1 && fz_get(l, insn, F_opc) == 2)
        return !a64_has_bf16(cpu);
    return l->feat && !has_feature(l->feat, strlen(l->feat));
}

/* A mixed block stopped at pc: is that instruction one of a feature that the modelled CPU lacks? */
static bool mix_lacks_feature(const struct fz_case *cs, uint64_t pc)
{
    uint32_t insn = cs->mix[(pc - cs->pc) / 4 % FZ_MIX_MAX];
    for (unsigned i = 0; i < FZ_LINES; i++)
        if (fz_lines[i].mask && (insn & fz_lines[i].mask) == fz_lines[i].value && lacks_feature(&fz_lines[i], insn))
            return true;
    return false;
}

/* ---- one run ---- */
static void load_state(const struct fz_state *st, const struct fz_case *cs)
{
    struct vcpu *c = &cpu->v;
    memcpy(c->r, st->x, sizeof(st->x));
    c->r[31] = st->sp;
    memcpy(c->v, st->v, sizeof(st->v));
    c->nzcv = nzcv_from_arm(st->nzcv);
    cpu->el = 0;
    cpu->spsel = 0;
    cpu->sp_in_use = 0;
    cpu->il = 0;
    cpu->daif = 0;
    cpu->esr_el1 = cpu->elr_el1 = cpu->far_el1 = cpu->spsr_el1 = 0;
    c->excl_addr = EXCL_NONE;
    c->excl_val[0] = c->excl_val[1] = 0;
    c->exit_req = 0;
    a64_write_fpcr(c, st->fpcr);
    a64_write_fpsr(c, st->fpsr);
    memcpy(ram + FZ_WIN, st->mem, FZ_WINDOW);
    vcpu_set_pc(c, cs->prefix == FZ_NOP ? cs->pc : cs->pc - 4);
}
struct got {
    enum fz_outcome outcome;
    unsigned ec;                                 /* exception class when it is neither UNDEF nor an abort; 0x40: see what */
    const char *what;
    uint64_t pc;
    uint32_t fpcr;
    struct fz_state st;
};
static void save_state(struct got *g)
{
    struct vcpu *c = &cpu->v;
    unsigned ec = (unsigned)(cpu->esr_el1 >> 26) & 63;
    memcpy(g->st.x, c->r, sizeof(g->st.x));
    g->st.sp = cpu->sp_in_use ? cpu->sp_other[0] : c->r[31];
    memcpy(g->st.v, c->v, sizeof(g->st.v));
    g->st.nzcv = nzcv_to_arm(c->nzcv);
    g->st.fpcr = (uint32_t)a64_read_fpcr(c);
    g->st.fpsr = (uint32_t)a64_read_fpsr(c);
    memcpy(g->st.mem, ram + FZ_WIN, FZ_WINDOW);
    g->pc = vcpu_pc(c);
    g->outcome = FZ_DONE;
    if (cpu->el == 1) {
        g->pc = cpu->elr_el1;
        if (ec == EC_UNKNOWN)
            g->outcome = FZ_UNDEF;
        else if (ec == EC_DABORT_LOW)
            g->outcome = FZ_FAULT;
        else if (ec != EC_PCALIGN)
            g->ec = ec;
    }
}
static int predict(void *opaque, const struct ir_block *b, unsigned i, int64_t *region)
{
    *region = 0;
    return 0;
}
static bool run(enum mode m, const struct fz_state *st, const struct fz_case *cs, const struct translate_ctx *ctx, struct got *g)
{
    struct vcpu *c = &cpu->v;
    memset(g, 0, sizeof(*g));
    load_state(st, cs);
    in_case = true;
    switch (sigsetjmp(leave, 1)) {
    case 0:
        if (m == M_IR) {
            a64_guest_ops.translate(&block, ctx, c);
            ir_verify(&block);
            ir_interpret(&block, c, &plain_mem_ops);
        } else if (m == M_OPT) {
            block_opt = block;
            opt_block(&block_opt);
            ir_verify(&block_opt);
            ir_interpret(&block_opt, c, &plain_mem_ops);
        } else {
            const enum access_kind kind = m == M_SOFT ? ACCESS_SOFT : m == M_SLOW ? ACCESS_SLOW : ACCESS_REGION;
            struct host_gen_opts o = {
                .kind = { kind, kind, kind },
                .predict = m == M_PREDICT ? predict : NULL,
            };
            if (!host_generate(&block_opt, &o, code_area + code_used, code_size - code_used, &host_code)) {
                g->what = "host_generate: no room";
                break;
            }
            in_host = true;
            host_forget_returns(c);               /* the code area was used for another block */
            host_run(c, host_code.entry);
        }
        break;
    case LEFT_UNWIND: break;
    case LEFT_ABORT: g->what = "bug()"; break;
    default: g->what = "crash of the emulator"; break;
    }
    in_host = in_case = false;
    if (!g->what)
        save_state(g);
    return !g->what;
}

/* ---- comparison ---- */
static void show_u128(const char *what, const uint64_t v[2])
{
    printf(" %s=%016llx.%016llx", what, (unsigned long long)v[1], (unsigned long long)v[0]);
}
static const char *outcome_name(enum fz_outcome o) { return o == FZ_DONE ? "done" : o == FZ_UNDEF ? "UNDEF" : "fault"; }

/* Differences as text; returns their number. Nothing is printed when quiet. */
static unsigned compare(const struct fz_line *l, const struct fz_case *cs, const struct expect *e, const struct got *g, bool quiet)
{
    unsigned n = 0;
    uint32_t fpcr_mask = a64_has_fp16(cpu) ? ~0u : ~(1u << 19);
#define DIFF(...) do { n++; if (!quiet) { printf("    "); printf(__VA_ARGS__); printf("\n"); } } while (0)
    if (g->what) {
        DIFF("%s", g->what);
        return n;
    }
    if (g->ec)
        DIFF("unexpected exception class %#x", g->ec);
    if (g->outcome != (enum fz_outcome)e->r.outcome)
        DIFF("outcome: got %s want %s (signal %u)", outcome_name(g->outcome), outcome_name((enum fz_outcome)e->r.outcome), e->r.sig);
    if (n)
        return n;
    if (g->pc != e->r.pc)
        DIFF("pc: got %#llx want %#llx (instruction at %#llx)", (unsigned long long)g->pc, (unsigned long long)e->r.pc,
             (unsigned long long)cs->pc);
    for (unsigned i = 0; i < 32; i++) {
        uint64_t a = i == 31 ? g->st.sp : g->st.x[i], b = i == 31 ? e->st.sp : e->st.x[i];
        if (a != b)
            DIFF("%s%u: got %#llx want %#llx", i == 31 ? "sp" : "x", i, (unsigned long long)a, (unsigned long long)b);
    }
    if (g->st.nzcv != e->r.nzcv)
        DIFF("nzcv: got %x want %x", g->st.nzcv >> 28, e->r.nzcv >> 28);
    if (g->outcome == FZ_FAULT)
        return n;                                /* vector registers and memory after a fault of a multiple access are open */
    for (unsigned i = 0; i < 32; i++)
        if (memcmp(g->st.v[i], e->st.v[i], 16))
            DIFF("v%u: got %016llx.%016llx want %016llx.%016llx", i, (unsigned long long)g->st.v[i][1],
                 (unsigned long long)g->st.v[i][0], (unsigned long long)e->st.v[i][1], (unsigned long long)e->st.v[i][0]);
    if (g->st.fpsr != (e->r.fpsr & FPSR_BITS))
        DIFF("fpsr: got %08x want %08x", g->st.fpsr, e->r.fpsr & FPSR_BITS);
    if ((g->st.fpcr ^ e->r.fpcr) & fpcr_mask)
        DIFF("fpcr: got %08x want %08x", g->st.fpcr, e->r.fpcr);
    for (unsigned i = 0; i < FZ_WINDOW; i += 8)
        if (memcmp(g->st.mem + i, e->st.mem + i, 8)) {
            uint64_t a, b;
            memcpy(&a, g->st.mem + i, 8);
            memcpy(&b, e->st.mem + i, 8);
            DIFF("memory %#llx: got %016llx want %016llx", (unsigned long long)FZ_WIN + i, (unsigned long long)a, (unsigned long long)b);
        }
    return n;
}
/* The inputs that the instruction's register fields name. */
static void show_inputs(const struct fz_line *l, const struct fz_case *cs, const struct fz_state *st)
{
    static const struct { uint8_t f; const char *name; } regs[] = { { F_rn, "rn" }, { F_rm, "rm" }, { F_ra, "ra" }, { F_rd, "rd" },
        { F_rt, "rt" }, { F_rt2, "rt2" }, { F_rs, "rs" } };
    printf("    in:");
    for (unsigned i = 0; i < ARRAY_LEN(regs); i++)
        if (fz_has(l, regs[i].f)) {
            unsigned r = (unsigned)fz_get(l, cs->insn, regs[i].f) & 31;
            char name[16];
            if (l->file == 1) {
                snprintf(name, sizeof(name), "v%u", r);
                show_u128(name, st->v[r]);
            }
            if (l->file != 1 || l->rule == R_MEM || r == (unsigned)fz_get(l, cs->insn, F_rn))
                printf(" %s%u=%#llx", r == 31 ? "sp" : "x", r, (unsigned long long)(r == 31 ? st->sp : st->x[r]));
        }
    printf(" nzcv=%x fpcr=%08x fpsr=%08x\n", st->nzcv >> 28, st->fpcr, st->fpsr);
}

struct tally {
    unsigned cases, done, undef, fault, lacking, bad[M_MODES], shown;
};
static struct tally tally[FZ_LINES];

static void one_case(unsigned line, const struct fz_case *cs, const struct fz_state *in, const struct expect *e)
{
    const struct fz_line *l = &fz_lines[line];
    struct tally *t = &tally[line];
    struct vcpu *c = &cpu->v;
    static struct got g;
    uint32_t off = (uint32_t)(cs->pc & ~PAGE_MASK);

    t->cases++;
    t->done += e->r.outcome == FZ_DONE;
    t->undef += e->r.outcome == FZ_UNDEF;
    t->fault += e->r.outcome == FZ_FAULT;
    memcpy(code_page + off - 4, &cs->prefix, 4);
    memcpy(code_page + off, cs->mix, 4 * cs->n);
    load_state(in, cs);
    struct translate_ctx ctx = {
        .page = code_page,
        .pc_off = cs->prefix == FZ_NOP ? off : off - 4,
        .max_insns = cs->n + (cs->prefix != FZ_NOP),
        .max_sides = cs->n & 1 ? IR_MAX_SIDES : 0,
        .max_jumps = cs->n & 1 ? IR_MAX_JUMPS : 0,
        .flags = a64_guest_ops.flags(c),
    };
    for (unsigned m = 0; m < M_MODES; m++) {
        if (m > M_SOFT && l->rule != R_MEM && l->rule != R_MIX)
            break;
        if (!(opt.modes >> m & 1) && m > M_OPT)
            continue;
        bool ran = run((enum mode)m, in, cs, &ctx, &g);
        if (ran && l->rule == R_MIX && g.outcome == FZ_UNDEF && mix_lacks_feature(cs, g.pc)) {
            t->lacking++;
            return;
        }
        if (ran && g.outcome == FZ_UNDEF && e->r.outcome != FZ_UNDEF && lacks_feature(l, cs->insn)) {
            t->lacking++;
            return;
        }
        bool ok = compare(l, cs, e, &g, true) == 0;
        t->bad[m] += !ok;
        if (!ok && t->shown < opt.verbose) {
            char text[96] = "";
            t->shown++;
            a64_guest_ops.disas(code_page + off, cs->pc, text, sizeof(text));
            printf("MISMATCH %s [%s] case %u seed %llu: %08x  %s%s\n", l->name, mode_name[m], cs->k, (unsigned long long)opt.seed,
                   cs->mix[0], text, cs->prefix == FZ_NOP ? "" : "  (after a load-exclusive)");
            for (unsigned i = 1; i < cs->n; i++) {
                a64_guest_ops.disas(code_page + off + 4 * i, cs->pc + 4 * i, text, sizeof(text));
                printf("    %08x  %s\n", cs->mix[i], text);
            }
            show_inputs(l, cs, in);
            compare(l, cs, e, &g, false);
        }
        if (!ok && m == M_IR && g.what)
            return;                              /* no block to go on with */
    }
}

/* ---- the other side ---- */
static FILE *start_guest(unsigned first, unsigned end, pid_t *pid)
{
    int fd[2];
    char a[4][24];
    if (pipe(fd))
        die("fuzz_run: pipe: %s", strerror(errno));
    snprintf(a[0], sizeof(a[0]), "%u", opt.count);
    snprintf(a[1], sizeof(a[1]), "%llu", (unsigned long long)opt.seed);
    snprintf(a[2], sizeof(a[2]), "%u", first);
    snprintf(a[3], sizeof(a[3]), "%u", end);
    *pid = fork();
    if (*pid == 0) {
        dup2(fd[1], 1);
        close(fd[0]);
        close(fd[1]);
        execlp(opt.qemu, opt.qemu, "-cpu", "max,sve=off,sme=off,pauth=off", opt.guest, a[0], a[1], a[2], a[3], (char *)NULL);
        fprintf(stderr, "fuzz_run: cannot start %s: %s\n", opt.qemu, strerror(errno));
        _exit(127);
    }
    close(fd[1]);
    return fdopen(fd[0], "rb");
}
static void end_guest(FILE *f, pid_t pid)
{
    int status;
    fclose(f);
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
        die("fuzz_run: the guest side failed");
}
static void get(FILE *f, void *p, size_t n)
{
    if (fread(p, 1, n, f) != n)
        die("fuzz_run: the guest side ended early");
}
static void read_result(FILE *f, struct expect *e)
{
    get(f, &e->r, sizeof(e->r));
    for (unsigned i = 0; i < 32; i++)
        if (e->r.xmask >> i & 1)
            get(f, i == 31 ? &e->st.sp : &e->st.x[i], 8);
    for (unsigned i = 0; i < 32; i++)
        if (e->r.vmask >> i & 1)
            get(f, e->st.v[i], 16);
    for (unsigned i = 0; i < e->r.n_mem; i++) {
        uint16_t n;
        get(f, &n, 2);
        if (n >= FZ_WINDOW / 8)
            die("fuzz_run: damaged result");
        get(f, e->st.mem + n * 8, 8);
    }
}

static void usage(void)
{
    printf("usage: fuzz_run [options] FUZZ_GUEST\n"
           "  --count N      cases a line (default 2000, at most %u)\n"
           "  --seed N       another set of cases (default 1)\n"
           "  --line NAME    only this line of the decode tables (NAME* for all that begin so)\n"
           "  --case K       only this case of each line\n"
           "  --show N       failures printed a line (default 1)\n"
           "  --ir           interpreters only, no host code\n"
           "  --v2           host code for a plain x86-64-v2 host, without AVX and BMI\n"
           "  --qemu PROGRAM the user-mode emulator (default qemu-aarch64)\n"
           "  --list         print a line of counts for every line of the tables\n", FZ_MAX_CASES);
}
static bool wanted(const char *name)
{
    if (!opt.line)
        return true;
    size_t n = strlen(opt.line);
    return n && opt.line[n - 1] == '*' ? !strncmp(name, opt.line, n - 1) : !strcmp(name, opt.line);
}

int main(int argc, char **argv)
{
    static const struct option longs[] = { { "count", 1, 0, 'c' }, { "seed", 1, 0, 's' }, { "line", 1, 0, 'l' }, { "case", 1, 0, 'k' },
        { "show", 1, 0, 'v' }, { "ir", 0, 0, 'i' }, { "v2", 0, 0, '2' }, { "qemu", 1, 0, 'q' }, { "list", 0, 0, 'L' }, { "help", 0, 0, 'h' }, { 0 } };
    bool list = false;
    int o;
    while ((o = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (o) {
        case 'c': opt.count = (unsigned)strtoul(optarg, NULL, 0); break;
        case 's': opt.seed = strtoull(optarg, NULL, 0); break;
        case 'l': opt.line = optarg; break;
        case 'k': opt.only_case = optarg; break;
        case 'v': opt.verbose = (unsigned)strtoul(optarg, NULL, 0); break;
        case 'i': opt.modes = 1u << M_IR | 1u << M_OPT; break;
        case '2': host_limit_isa(HOST_ISA_V2); break;
        case 'q': opt.qemu = optarg; break;
        case 'L': list = true; break;
        case 'h': usage(); return 0;
        default: usage(); return 2;
        }
    }
    if (optind + 1 != argc || !opt.count || opt.count > FZ_MAX_CASES) {
        usage();
        return 2;
    }
    opt.guest = argv[optind];
    set_up();

    unsigned first = 0, end = FZ_LINES;
    while (first < end && !wanted(fz_lines[first].name))
        first++;
    while (end > first && !wanted(fz_lines[end - 1].name))
        end--;
    if (first == end)
        die("fuzz_run: no line of the tables is called %s", opt.line);
    pid_t pid;
    FILE *f = start_guest(first, end, &pid);
    unsigned lines = 0, elsewhere = 0, bad_lines = 0, thin = 0, absent = 0;
    unsigned long cases = 0, lacking = 0, bad = 0;
    static struct fz_state in;
    static struct expect e;
    for (unsigned line = first; line < end; line++) {
        const struct fz_line *l = &fz_lines[line];
        struct tally *t = &tally[line];
        if (l->rule == R_ELSEWHERE) {
            elsewhere++;
            continue;
        }
        uint64_t code = fz_line_code(line, opt.count);
        for (unsigned k = 0; k < opt.count; k++) {
            struct fz_case cs = fz_make_case(opt.seed, line, k, code);
            fz_make_state(opt.seed, &cs, &in);
            e.st = in;
            read_result(f, &e);
            if (e.r.line != line || e.r.k != k || e.r.insn != cs.insn)
                die("fuzz_run: the two sides make different cases: build them from the same tables");
            for (unsigned i = 0; i < cs.n; i++)
                if (e.r.skipped >> i & 1)
                    cs.mix[i] = FZ_NOP;
            if (wanted(l->name) && (!opt.only_case || strtoul(opt.only_case, NULL, 0) == k))
                one_case(line, &cs, &in, &e);
        }
        if (!t->cases)
            continue;
        lines++;
        cases += t->cases;
        lacking += t->lacking;
        /* Nothing was compared but that it is undefined: not a pass. */
        if (t->lacking + t->undef == t->cases) {
            absent++;
            printf("ABSENT %s: this CPU lacks the feature\n", l->name);
            continue;
        }
        unsigned worst = 0;
        for (unsigned m = 0; m < M_MODES; m++)
            worst = MAX(worst, t->bad[m]);
        bad += worst;
        bad_lines += worst != 0;
        /* A line whose cases hardly ever complete is not tested: its rule is wrong. */
        if (t->cases >= 100 && t->done * 10 < t->cases) {
            thin++;
            printf("THIN %s: only %u of %u cases complete\n", l->name, t->done, t->cases);
        }
        if (worst || list) {
            printf("%s %s: %u cases (%u done, %u undefined, %u faults, %u not in this CPU); mismatches:", worst ? "BAD" : "good", l->name,
                   t->cases, t->done, t->undef, t->fault, t->lacking);
            for (unsigned m = 0; m < M_MODES; m++)
                printf(" %s %u", mode_name[m], t->bad[m]);
            printf("\n");
        }
        fflush(stdout);
    }
    end_guest(f, pid);
    printf("%u lines, %lu cases, %lu of them not compared: features that this CPU lacks (%u whole lines); %u lines tested elsewhere\n",
           lines, cases, lacking, absent, elsewhere);
    printf("%u passed, %u failed (%lu mismatching cases)\n", lines - absent - bad_lines - thin, bad_lines + thin, bad);
    return bad_lines || thin ? 1 : 0;
}
