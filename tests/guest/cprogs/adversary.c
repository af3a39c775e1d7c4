/*
 * adversary.c - guest test: loads that use up what windows cost the host (mappings, records, address spaces): very many scattered
 * pages, processes that live at the same time, protections that alternate page by page.
 *
 * adversary [PAGES PROCESSES STRIPES]; without numbers a short form. Prints the same whatever emulates it.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul

static sigjmp_buf back;
static volatile uintptr_t fault_at;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    fault_at = (uintptr_t)si->si_addr;
    siglongjmp(back, 1);
}

static void fail(const char *what)
{
    printf("adversary: %s\n", what);
    exit(1);
}

static volatile uint64_t *area(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        fail("mmap");
    return p;
}

/* Every other page of a large area, read (the zero page, thousands of times), some written, all read again. */
static void scattered(size_t pages)
{
    volatile uint64_t *p = area(2 * pages * PAGE);
    uint64_t sum = 0;
    for (size_t i = 0; i < pages; i++)
        sum += p[2 * i * PAGE / 8];
    for (size_t i = 0; i < pages; i += 100)
        p[2 * i * PAGE / 8] = i + 1;
    for (size_t i = 0; i < pages; i++) {
        uint64_t v = p[2 * i * PAGE / 8];
        if (v != (i % 100 ? 0 : i + 1))
            fail("scattered: a page has another's bytes");
        sum += v;
    }
    printf("scattered: %zu pages, sum %llu\n", pages, (unsigned long long)sum);
    munmap((void *)p, 2 * pages * PAGE);
}

/* Processes that all live until the last has been made; each writes pages that it shares copy-on-write with the others. */
static void processes(unsigned n)
{
    enum { OWN = 6 };
    volatile uint64_t *p = area(OWN * PAGE);
    int go[2], ready[2];
    if (pipe(go) || pipe(ready))
        fail("pipe");
    for (unsigned k = 0; k < OWN; k++)
        p[k * PAGE / 8] = k;
    for (unsigned i = 0; i < n; i++) {
        pid_t pid = fork();
        if (pid < 0)
            fail("fork");
        if (pid == 0) {
            char c = 'r';
            for (unsigned k = 0; k < OWN; k++)
                p[k * PAGE / 8] += 1000ull * i;
            close(go[1]);
            if (write(ready[1], &c, 1) != 1 || read(go[0], &c, 1) != 0)   /* its end: the parent closes it */
                _exit(1);
            for (unsigned k = 0; k < OWN; k++)
                if (p[k * PAGE / 8] != k + 1000ull * i)
                    _exit(2);
            _exit(0);
        }
        char c;
        if (read(ready[0], &c, 1) != 1)
            fail("a process did not start");
    }
    close(go[1]);
    unsigned good = 0;
    int status;
    while (wait(&status) > 0)
        good += status == 0;
    printf("processes: %u of %u\n", good, n);
    for (unsigned k = 0; k < OWN; k++)
        if (p[k * PAGE / 8] != k)
            fail("processes: a child wrote the parent's page");
}

/* Each page's protection on its own: every other page read-only, then the others, three times. */
static void stripes(size_t pages)
{
    volatile uint64_t *p = area(pages * PAGE);
    uint64_t sum = 0;
    unsigned faults = 0;
    for (size_t i = 0; i < pages; i++)
        p[i * PAGE / 8] = i;
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < pages; i++)
            if (mprotect((char *)p + i * PAGE, PAGE, (i + round) % 2 ? PROT_READ : PROT_READ | PROT_WRITE))
                fail("mprotect");
        for (size_t i = 0; i < pages; i++) {
            if ((i + round) % 2 == 0) {
                p[i * PAGE / 8]++;
            } else if (i % 97 == 0) {
                if (!sigsetjmp(back, 1)) {
                    p[i * PAGE / 8] = ~0ull;
                    fail("stripes: a read-only page was written");
                }
                faults += fault_at == (uintptr_t)&p[i * PAGE / 8];
            }
            sum += p[i * PAGE / 8];
        }
    }
    printf("stripes: %zu pages, %u faults, sum %llu\n", pages, faults, (unsigned long long)sum);
    munmap((void *)p, pages * PAGE);
}

int main(int argc, char **argv)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    sigaction(SIGSEGV, &sa, NULL);
    struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
    setrlimit(RLIMIT_NPROC, &all);
    setvbuf(stdout, NULL, _IOLBF, 0);
    scattered(argc > 3 ? strtoul(argv[1], NULL, 0) : 20000);
    processes(argc > 3 ? (unsigned)strtoul(argv[2], NULL, 0) : 60);
    stripes(argc > 3 ? strtoul(argv[3], NULL, 0) : 1500);
    return 0;
}
