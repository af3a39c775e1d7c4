/*
 * suite.c - runs the tests: console, checks, exception handling, state reset between tests, power off.
 */
#include "suite.h"

#define UART_PA 0x09000000ull
static volatile u32 *uart_dr(void) { return kva(UART_PA); }

static void putch(char c)
{
    volatile u32 *r = uart_dr();
    while (r[0x18 / 4] & 1u << 5)
        ;
    r[0] = (u8)c;
}
void put(const char *s)
{
    for (; *s; s++)
        putch(*s);
}
void puthex(u64 v)
{
    put("0x");
    int sh = 60;
    while (sh > 0 && !(v >> sh & 15))
        sh -= 4;
    for (; sh >= 0; sh -= 4)
        putch("0123456789abcdef"[v >> sh & 15]);
}
static void putdec(u64 v)
{
    char b[21];
    int n = 0;
    do
        b[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n)
        putch(b[--n]);
}

/* The compiler may call these. */
void *memset(void *p, int c, size_t n)
{
    volatile u8 *d = p;
    while (n--)
        *d++ = (u8)c;
    return p;
}
void *memcpy(void *p, const void *q, size_t n)
{
    volatile u8 *d = p;
    const u8 *s = q;
    while (n--)
        *d++ = *s++;
    return p;
}

static const struct test *cur;
static unsigned cur_fails, n_ok, n_fail, n_skip;
static struct jmp test_jmp;
enum { END_SKIP = 1, END_ABORT = 2 };

static void fail_head(void)
{
    put(cur_fails++ ? "  .. " : "FAIL ");
    put(cur->name);
    put(": ");
}
void check_at(const char *what, u64 n, u64 got, u64 want)
{
    if (got == want)
        return;
    if (cur_fails >= 6) {
        cur_fails++;
        return;
    }
    fail_head();
    put(what);
    if (n != ~0ull) {
        put("[");
        puthex(n);
        put("]");
    }
    put(": got ");
    puthex(got);
    put(" want ");
    puthex(want);
    put("\n");
}
void note(const char *text, u64 v)
{
    put("     (");
    put(text);
    put(" ");
    puthex(v);
    put(")\n");
}
void skip(const char *why)
{
    put("skip ");
    put(cur->name);
    put(": ");
    put(why);
    put("\n");
    longjmp_(&test_jmp, END_SKIP);
}
void check_fault(const char *what, u64 n, u64 esr, u64 far)
{
    check_at(what, n, fault.count, 1);
    check_at(what, n, fault.esr, esr);
    if (fault.count)
        check_at(what, n, fault.far, far);
}
void check_nofault(const char *what, u64 n)
{
    if (fault.count) {
        check_at(what, n, fault.esr, 0);
        check_at(what, n, fault.far, 0);
    }
}

/* ---- exceptions ---- */
volatile struct fault fault;
volatile u64 fault_mode, fault_resume;
void (*volatile irq_hook)(struct frame *f);
struct frame U;
u64 U_vec;
static struct jmp user_jmp;
static bool in_user;

void exc(struct frame *f, u64 vec);
void exc(struct frame *f, u64 vec)
{
    if ((vec & 3) == 1 && irq_hook) {
        irq_hook(f);
        return;
    }
    if (vec == V_LOW_SYNC && in_user) {
        U = *f;
        U_vec = vec;
        in_user = false;
        longjmp_(&user_jmp, 1);
    }
    fault.count++;
    fault.vec = vec;
    fault.esr = f->esr;
    fault.far = f->far;
    fault.elr = f->elr;
    fault.spsr = f->spsr;
    if ((vec == V_SYNC || vec == V_SP0_SYNC) && fault_mode != FM_NONE && fault.count < 4) {
        unsigned ec = f->esr >> 26 & 63;
        if (fault_mode == FM_SKIP) {
            /* SVC, HVC and SMC return to the next instruction already. */
            if (ec != 0x15 && ec != 0x16 && ec != 0x17)
                f->elr += 4;
        } else if (fault_mode == FM_LR) {
            f->elr = f->x[30];
            f->x[0] = SENTINEL;
        } else {
            f->elr = fault_resume;
            f->spsr &= ~(1ull << 20);                          /* PSTATE.IL */
        }
        return;
    }
    in_user = false;
    fault_mode = FM_NONE;
    if (cur) {
        fail_head();
        put("unexpected exception");
    } else {
        put("exception outside a test");
    }
    put(" vector ");
    puthex(vec);
    put(" esr ");
    puthex(f->esr);
    put(" far ");
    puthex(f->far);
    put(" elr ");
    puthex(f->elr);
    put(" spsr ");
    puthex(f->spsr);
    put("\n");
    if (cur)
        longjmp_(&test_jmp, END_ABORT);
    for (;;)
        ;
}

void el0_run(void)
{
    if (setjmp_(&user_jmp) == 0) {
        in_user = true;
        frame_enter(&U);
    }
}
u64 el0_call(const char *stub, u64 a0, u64 a1, u64 a2)
{
    for (unsigned i = 0; i < 31; i++)
        U.x[i] = 0xe100ull << 32 | i;
    U.x[0] = a0;
    U.x[1] = a1;
    U.x[2] = a2;
    U.elr = uaddr(stub);
    U.spsr = 0x3c0;                                            /* EL0, interrupts masked */
    U.sp_el0 = USTACK + 4096;
    el0_run();
    return U.x[0];
}
void user_map(const struct pt *t)
{
    unsigned level = 3;
    u64 step = 1ull << t->granule;
    for (u64 o = 0; o < (u64)(user_end - user_start); o += step)
        pt_map(t, UCODE + o, pa_of(user_start) + o, level, A_STD | A_URO | A_PXN);
    pt_map(t, USTACK, page_alloc(step, step), level, A_STD | A_URW | A_XN);
}

/* ---- code ---- */
void code_sync(u64 va, u64 bytes)
{
    u64 ctr = RD(ctr_el0);
    u64 dl = 4ull << (ctr >> 16 & 15), il = 4ull << (ctr & 15);
    for (u64 a = va & ~(dl - 1); a < va + bytes; a += dl)
        __asm__ volatile("dc cvau, %0" : : "r"(a) : "memory");
    __asm__ volatile("dsb ish" : : : "memory");
    for (u64 a = va & ~(il - 1); a < va + bytes; a += il)
        __asm__ volatile("ic ivau, %0" : : "r"(a) : "memory");
    __asm__ volatile("dsb ish\n\tisb" : : : "memory");
}
void code_fn(u64 va, unsigned value)
{
    volatile u32 *p = (volatile u32 *)va;
    p[0] = insn_movz_w0(value);
    p[1] = INSN_RET;
}

/* ---- the run ---- */
void pages_reset(void);
extern const struct test tests_start[], tests_end[];

static void reset_state(void)
{
    fault_mode = FM_NONE;
    irq_hook = NULL;
    in_user = false;
    __asm__ volatile("msr daifset, #15\n\tmsr spsel, #1" : : : "memory");
    if (idf(RD(id_aa64mmfr1_el1), 20))
        __asm__ volatile(".arch_extension pan\n\tmsr pan, #0" : : : "memory");
    set_sctlr(SCTLR_DEF);
    WR(cpacr_el1, 3u << 20);
    pages_reset();
    for (unsigned i = 2; i < 512; i++)
        boot_l1[i] = 0;
    boot_l2[511] = 0;
    reconf(boot_tcr, pa_of(boot_l0) /* nothing below its entry 511 */, pa_of(boot_l0));
}


void suite_main(void);
void suite_main(void)
{
    put("gnomon bare-metal suite: MIDR ");
    puthex(RD(midr_el1));
    put(" GIC ");
    puthex(idf(RD(id_aa64pfr0_el1), 24));
    put("\n");
    for (const struct test *t = tests_start; t < tests_end; t++) {
        reset_state();
        cur = t;
        cur_fails = 0;
        int r = setjmp_(&test_jmp);
        if (r == 0)
            t->fn();
        if (r == END_SKIP) {
            n_skip++;
        } else if (cur_fails) {
            n_fail++;
        } else {
            n_ok++;
            put("ok ");
            put(t->name);
            put("\n");
        }
        cur = NULL;
    }
    reset_state();
    putdec(n_ok);
    put(" passed, ");
    putdec(n_fail);
    put(" failed, ");
    putdec(n_skip);
    put(" skipped\n");
    register u64 x0 __asm__("x0") = 0x84000008;                /* PSCI SYSTEM_OFF */
    __asm__ volatile("hvc #0" : "+r"(x0) : : "memory");
    put("SYSTEM_OFF returned\n");
}
