/*
 * fuzz_guest.c - the guest side of the decode-table fuzzer: executes each case and writes what it did to standard output.
 *
 * A static AArch64 program without a C library, run under qemu-aarch64. Every case ends in a signal (BRK, or the case's own
 * fault); the handler reads the result from the signal frame and puts the next case's input state into it, so that
 * sigreturn loads all registers. Arguments: COUNT SEED FIRST_LINE END_LINE [FIRST_CASE].
 */
#include "fuzz_gen.h"

typedef uint64_t u64;

static long sys6(long n, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
#define SYS_write 64
#define SYS_exit_group 94
#define SYS_sigaltstack 132
#define SYS_rt_sigaction 134
#define SYS_mmap 222

void *memset(void *p, int c, unsigned long n)
{
    volatile uint8_t *d = p;
    while (n--)
        *d++ = (uint8_t)c;
    return p;
}
void *memcpy(void *p, const void *q, unsigned long n)
{
    volatile uint8_t *d = p;
    const uint8_t *s = q;
    while (n--)
        *d++ = *s++;
    return p;
}

/* Signal frame of arm64 Linux (uapi asm/ucontext.h, asm/sigcontext.h). */
struct fpsimd { uint32_t magic, size, fpsr, fpcr; u64 v[32][2]; };
struct ucontext {
    u64 flags, link, stack[3], sigmask, unused[15];
    u64 pad;
    u64 fault_address, regs[31], sp, pc, pstate;
    u64 pad2;
    struct fpsimd fp;
};
_Static_assert(__builtin_offsetof(struct ucontext, fault_address) == 176, "signal frame");
_Static_assert(__builtin_offsetof(struct ucontext, fp) == 176 + 288, "signal frame");

static uint8_t out[1 << 16];
static unsigned out_n;
static void flush(void)
{
    for (unsigned o = 0; o < out_n;) {
        long r = sys6(SYS_write, 1, (long)(out + o), out_n - o, 0, 0, 0);
        if (r <= 0)
            sys6(SYS_exit_group, 3, 0, 0, 0, 0, 0);
        o += (unsigned)r;
    }
    out_n = 0;
}
static void emit(const void *p, unsigned n)
{
    if (out_n + n > sizeof(out))
        flush();
    memcpy(out + out_n, p, n);
    out_n += n;
}

static u64 seed;
static uint32_t count, line, end_line, k;
static bool running;
static struct fz_case cur;
static struct fz_state in;
static u64 code;
static uint32_t skipped;

static void collect(const struct ucontext *uc, int sig)
{
    struct fz_result r = { .line = (uint16_t)line, .k = (uint16_t)k, .sig = (uint16_t)sig };
    const volatile u64 *mem = (const volatile u64 *)FZ_WIN;
    const u64 *before = (const u64 *)in.mem;
    bool at = uc->pc >= cur.pc - 4 && uc->pc < cur.pc + 4 * cur.n;

    r.outcome = at && sig == 4 ? FZ_UNDEF : at && (sig == 11 || sig == 7) ? FZ_FAULT : FZ_DONE;
    r.insn = cur.insn;
    r.skipped = skipped;
    r.pc = uc->pc;
    r.nzcv = (uint32_t)uc->pstate & 0xf0000000;
    r.fpcr = uc->fp.fpcr;
    r.fpsr = uc->fp.fpsr;
    for (unsigned i = 0; i < 31; i++)
        r.xmask |= (uint32_t)(uc->regs[i] != in.x[i]) << i;
    r.xmask |= (uint32_t)(uc->sp != in.sp) << 31;
    for (unsigned i = 0; i < 32; i++)
        r.vmask |= (uint32_t)(uc->fp.v[i][0] != in.v[i][0] || uc->fp.v[i][1] != in.v[i][1]) << i;
    for (unsigned i = 0; i < FZ_WINDOW / 8; i++)
        r.n_mem += mem[i] != before[i];
    emit(&r, sizeof(r));
    for (unsigned i = 0; i < 32; i++)
        if (r.xmask >> i & 1)
            emit(i == 31 ? &uc->sp : &uc->regs[i], 8);
    for (unsigned i = 0; i < 32; i++)
        if (r.vmask >> i & 1)
            emit(uc->fp.v[i], 16);
    for (unsigned i = 0; i < FZ_WINDOW / 8; i++)
        if (mem[i] != before[i]) {
            uint16_t n = (uint16_t)i;
            u64 v = mem[i];
            emit(&n, 2);
            emit(&v, 8);
        }
}
static void begin_line(void)
{
    code = fz_line_code(line, count);
    for (uint32_t i = 0; i < count; i++) {
        struct fz_case c = fz_make_case(seed, line, i, code);
        volatile uint32_t *p = (volatile uint32_t *)(c.pc - 4);
        p[0] = c.prefix;
        for (uint32_t j = 1; j < fz_slot(line) / 4; j++)
            p[j] = j <= c.n ? c.mix[j - 1] : FZ_BRK;
    }
    __asm__ volatile("dsb ish\n\tisb" : : : "memory");
}
static void next(struct ucontext *uc)
{
    volatile u64 *mem = (volatile u64 *)FZ_WIN;
    if (running)
        k++;
    running = true;
    while (k == count || fz_lines[line].rule == R_ELSEWHERE) {
        k = 0;
        if (++line >= end_line) {
            flush();
            sys6(SYS_exit_group, 0, 0, 0, 0, 0, 0);
        }
        if (fz_lines[line].rule != R_ELSEWHERE)
            begin_line();
    }
    cur = fz_make_case(seed, line, k, code);
    skipped = 0;
    fz_make_state(seed, &cur, &in);
    for (unsigned i = 0; i < FZ_WINDOW / 8; i++)
        mem[i] = ((const u64 *)in.mem)[i];
    for (unsigned i = 0; i < 31; i++)
        uc->regs[i] = in.x[i];
    uc->sp = in.sp;
    for (unsigned i = 0; i < 32; i++) {
        uc->fp.v[i][0] = in.v[i][0];
        uc->fp.v[i][1] = in.v[i][1];
    }
    uc->fp.fpcr = in.fpcr;
    uc->fp.fpsr = in.fpsr;
    uc->pstate = in.nzcv;
    uc->pc = cur.prefix == FZ_NOP ? cur.pc : cur.pc - 4;
}
static void handler(int sig, void *info, struct ucontext *uc)
{
    (void)info;
    if (uc->fp.magic != 0x46508001)
        sys6(SYS_exit_group, 4, 0, 0, 0, 0, 0);
    if (running && sig == 4 && cur.n > 1 && uc->pc - cur.pc < 4 * cur.n) {
        skipped |= 1u << (uc->pc - cur.pc) / 4;
        uc->pc += 4;
        return;
    }
    if (running)
        collect(uc, sig);
    next(uc);
}

static u64 number(const char *s)
{
    u64 v = 0;
    while (*s >= '0' && *s <= '9')
        v = v * 10 + (u64)(*s++ - '0');
    return v;
}
/* The signal stack lies where no random SP hits it: sigreturn to an SP inside it fails. */
#define STACK 0x3a5f17620000ull
#define STACK_SIZE 0x20000ull

void start_c(const long *args);
void start_c(const long *args)
{
    const char *const *argv = (const char *const *)(args + 1);
    if (args[0] < 5)
        sys6(SYS_exit_group, 2, 0, 0, 0, 0, 0);
    count = (uint32_t)number(argv[1]);
    seed = number(argv[2]);
    line = (uint32_t)number(argv[3]);
    end_line = (uint32_t)number(argv[4]);
    if (count > FZ_MAX_CASES || line >= end_line || end_line > FZ_LINES)
        sys6(SYS_exit_group, 2, 0, 0, 0, 0, 0);
    if (sys6(SYS_mmap, FZ_BUF, 4096, 3, 0x32, -1, 0) != (long)FZ_BUF ||
        sys6(SYS_mmap, STACK, STACK_SIZE, 3, 0x32, -1, 0) != (long)STACK ||
        sys6(SYS_mmap, FZ_NEAR, FZ_CODE_END - FZ_NEAR, 7, 0x4032, -1, 0) != (long)FZ_NEAR)
        sys6(SYS_exit_group, 5, 0, 0, 0, 0, 0);
    u64 ss[3] = { STACK, 0, STACK_SIZE };
    sys6(SYS_sigaltstack, (long)ss, 0, 0, 0, 0, 0);
    u64 sa[4] = { (u64)handler, 0x08000004 /* SA_ONSTACK, SA_SIGINFO */, 0, 0 };
    static const int sigs[] = { 4, 5, 7, 8, 11 };
    for (unsigned i = 0; i < 5; i++)
        sys6(SYS_rt_sigaction, sigs[i], (long)sa, 0, 8, 0, 0);
    if (fz_lines[line].rule != R_ELSEWHERE)
        begin_line();
    __asm__ volatile("brk #0" : : : "memory");
}
__asm__(".globl _start\n_start: mov x0, sp\n b start_c\n");
