/*
 * signals.c - guest test: delivery, masks, alternate stack, interval timers, state preserved across a handler, and every
 * synchronous signal that an instruction can raise.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t ticks, usr1;
static sigjmp_buf back;
static volatile int last_sig, last_code;
static char alt_stack[64 * 1024];

static void on_tick(int sig) { ticks++; }
static void on_usr1(int sig) { usr1++; }

static void on_trap(int sig, siginfo_t *si, void *context)
{
    char here;
    last_sig = sig;
    last_code = si->si_code;
    if (&here < alt_stack || &here >= alt_stack + sizeof(alt_stack))
        printf("not on the alternate stack\n");
    siglongjmp(back, 1);
}

/* Steps over the BRK and changes a register: what a debugger in the process does. */
static void on_brk(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;
    uc->uc_mcontext.pc += 4;
    uc->uc_mcontext.regs[0] = 1234;
}

static void trap(const char *what, void (*fn)(void))
{
    if (!sigsetjmp(back, 1)) {
        fn();
        printf("%s: no signal\n", what);
    } else {
        printf("%s: signal %d code %d\n", what, last_sig, last_code);
    }
}

static void undefined(void) { __asm__ volatile(".inst 0x00000000"); }
static volatile uintptr_t low = 8;               /* volatile: the compiler must not see that it is no object */
static void null_read(void) { (void)*(volatile int *)low; }
static void kernel_read(void) { (void)*(volatile int *)0xffff800010000000ul; }
static void non_canonical(void) { (void)*(volatile int *)0x1234000000000000ul; }
static void jump_to_null(void) { __asm__ volatile("mov x8, #0x10; blr x8" ::: "x8", "x30"); }
static void jump_unaligned(void) { __asm__ volatile("adr x8, .; add x8, x8, #2; blr x8" ::: "x8", "x30"); }
static void kernel_register(void) { uint64_t v; __asm__ volatile("mrs %0, ttbr0_el1" : "=r"(v)); }
static void unaligned_exclusive(void)
{
    static char buffer[32] __attribute__((aligned(16)));
    uint64_t v;
    __asm__ volatile("ldxr %0, [%1]" : "=r"(v) : "r"(buffer + 1) : "memory");
}

static uint64_t spin_until(int n)
{
    /* Registers and flags live across many interruptions: a lost one shows in the sum. */
    uint64_t a = 1, b = 2, c = 3, d = 4;
    double x = 1.5;
    unsigned long i = 0;
    while (ticks < n && i < 4000000000ul) {
        a += b; b ^= c; c += d; d += a & 1;
        x = x * 1.0000001;
        a -= b ^ c; a += b ^ c; b ^= a; b ^= a;
        i++;
    }
    /* The same number of steps without interruptions must give the same result. */
    uint64_t a2 = 1, b2 = 2, c2 = 3, d2 = 4;
    double x2 = 1.5;
    for (unsigned long j = 0; j < i; j++) {
        a2 += b2; b2 ^= c2; c2 += d2; d2 += a2 & 1;
        x2 = x2 * 1.0000001;
        a2 -= b2 ^ c2; a2 += b2 ^ c2; b2 ^= a2; b2 ^= a2;
    }
    return a == a2 && b == b2 && c == c2 && d == d2 && x == x2;
}

int main(void)
{
    stack_t ss = { .ss_sp = alt_stack, .ss_size = sizeof(alt_stack) };
    sigaltstack(&ss, NULL);
    struct sigaction trap_action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigaction(SIGSEGV, &trap_action, NULL);
    sigaction(SIGILL, &trap_action, NULL);
    sigaction(SIGBUS, &trap_action, NULL);
    struct sigaction brk = { .sa_sigaction = on_brk, .sa_flags = SA_SIGINFO };
    sigaction(SIGTRAP, &brk, NULL);
    signal(SIGUSR1, on_usr1);

    trap("undefined", undefined);
    trap("null read", null_read);
    trap("kernel read", kernel_read);
    trap("non-canonical read", non_canonical);
    trap("jump to null", jump_to_null);
    trap("jump to an odd address", jump_unaligned);
    trap("kernel register", kernel_register);
    trap("unaligned exclusive", unaligned_exclusive);
    for (int i = 0; i < 3; i++) {
        register uint64_t r __asm__("x0") = 1;
        __asm__ volatile("brk #7" : "+r"(r));
        printf("after brk %lu\n", (unsigned long)r);
    }

    sigset_t set, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    raise(SIGUSR1);
    sigpending(&pending);
    printf("blocked: seen %d pending %d\n", (int)usr1, sigismember(&pending, SIGUSR1));
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    printf("unblocked: seen %d\n", (int)usr1);
    for (int i = 0; i < 1000; i++)
        kill(getpid(), SIGUSR1);
    printf("a thousand: seen %d\n", (int)usr1);

    signal(SIGALRM, on_tick);
    struct itimerval it = { { 0, 4000 }, { 0, 4000 } };
    setitimer(ITIMER_REAL, &it, NULL);
    printf("spin: %s\n", spin_until(25) ? "state kept" : "STATE LOST");
    memset(&it, 0, sizeof(it));
    setitimer(ITIMER_REAL, &it, NULL);

    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        signal(SIGSEGV, SIG_DFL);
        null_read();
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    printf("child: signalled %d by %d\n", WIFSIGNALED(status), WTERMSIG(status));
    pid = fork();
    if (!pid)
        for (;;)
            pause();
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    printf("stopped %d\n", WIFSTOPPED(status));
    kill(pid, SIGCONT);
    waitpid(pid, &status, WCONTINUED);
    printf("continued %d\n", WIFCONTINUED(status));
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    printf("ended by %d\n", WTERMSIG(status));
    return 0;
}
