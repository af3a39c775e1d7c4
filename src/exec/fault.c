/*
 * fault.c - SIGSEGV and SIGBUS: recognise a fault of translated code and send it to its slow path; else a crash report.
 *
 * Runs on an alternate stack. Must not walk page tables, allocate or lock: the slow path does the work on the normal stack.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "exec/exec.h"
#include "host/host.h"
#include "xlate/xlate.h"

#define ALT_STACK (64 * 1024)

static __thread struct vcpu *current;             /* of this vCPU thread */

static void report(int sig, siginfo_t *si, void *uc)
{
    char line[512];
    const void *pc = host_fault_pc(uc), *entry;
    uint64_t gpa;
    int n = snprintf(line, sizeof(line), "gnomon: crash: signal %d at host pc %p, address %p\n", sig, pc, si->si_addr);
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
    if (!current)
        return;
    n = snprintf(line, sizeof(line), "gnomon: vCPU %u, guest pc %#llx (page %#llx)\n", current->index,
                 (unsigned long long)vcpu_pc(current), (unsigned long long)current->pc_page);
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
    if (xlate_describe_pc(pc, &gpa, &entry)) {
        n = snprintf(line, sizeof(line), "gnomon: in translated block of guest physical %#llx, host code %p + %#lx\n",
                     (unsigned long long)gpa, entry, (unsigned long)((const char *)pc - (const char *)entry));
        if (write(STDERR_FILENO, line, (size_t)n) < 0)
            return;
    }
}

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    if (likely(current && (host_returns_full(current, si->si_addr, uc) || xlate_fault(current, uc))))
        return;
    report(sig, si, uc);
    crash_run_hooks();
    signal(sig, SIG_DFL);
    raise(sig);
}

void fault_init(void)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    sigemptyset(&sa.sa_mask);
    if (sigaction(SIGSEGV, &sa, NULL) || sigaction(SIGBUS, &sa, NULL))
        die("cannot catch SIGSEGV: %s", strerror(errno));
}

void fault_thread_init(struct vcpu *c)
{
    void *p = mmap(NULL, ALT_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t st = { .ss_sp = p, .ss_size = ALT_STACK };
    if (p == MAP_FAILED || sigaltstack(&st, NULL))
        die("cannot set up a signal stack: %s", strerror(errno));
    current = c;
}
