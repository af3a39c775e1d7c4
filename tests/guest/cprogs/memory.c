/*
 * memory.c - guest test: mmap, mprotect, munmap, mremap, copy-on-write after fork, shared memory, faults caught by handlers.
 * What a translation cache of memory accesses gets wrong first.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile uintptr_t fault_at;
static volatile int fault_code, fault_sig;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    fault_sig = sig;
    fault_at = (uintptr_t)si->si_addr;
    fault_code = si->si_code;
    siglongjmp(back, 1);
}

static volatile uint8_t *base;
static size_t page;

/* What touching offset OFF does: "ok", or the signal, code and offset of the fault. */
static void touch(const char *what, size_t off, int write)
{
    if (sigsetjmp(back, 1)) {
        printf("%s +%#zx %s: signal %d code %d at +%#zx\n", what, off, write ? "write" : "read", fault_sig, fault_code,
               (size_t)(fault_at - (uintptr_t)base));
        return;
    }
    if (write)
        base[off] = (uint8_t)(off + 1);
    else
        (void)base[off];
    printf("%s +%#zx %s: ok\n", what, off, write ? "write" : "read");
}

static void protections(void)
{
    base = mmap(NULL, 16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < 16; i++)
        base[i * page] = (uint8_t)i;
    for (int round = 0; round < 3; round++) {
        mprotect((void *)(base + 4 * page), 4 * page, PROT_READ);
        touch("read-only", 5 * page, 0);
        touch("read-only", 5 * page + 8, 1);
        mprotect((void *)(base + 4 * page), 4 * page, PROT_NONE);
        touch("none", 6 * page, 0);
        touch("none", 6 * page, 1);
        touch("neighbour", 3 * page, 1);
        mprotect((void *)(base + 4 * page), 4 * page, PROT_READ | PROT_WRITE);
        touch("again", 6 * page, 1);
    }
    munmap((void *)(base + 8 * page), 4 * page);
    touch("unmapped", 9 * page, 0);
    touch("below the hole", 8 * page - 1, 1);
    mmap((void *)(base + 8 * page), page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    touch("mapped anew", 8 * page, 0);
    printf("fresh page reads %d\n", base[8 * page]);
    touch("still unmapped", 9 * page, 1);
    munmap((void *)base, 16 * page);
    touch("all gone", 0, 0);
}

static void straddles(void)
{
    uint8_t *p = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    base = p;
    for (size_t i = 0; i < 3 * page; i++)
        p[i] = (uint8_t)(i * 7);
    for (int i = 0; i < 9; i++) {
        uint64_t v;
        memcpy(&v, p + page - i, 8);
        uint64_t w = *(volatile uint64_t *)(p + 2 * page - i);
        *(volatile uint64_t *)(p + page - i) = v + w;
        printf("straddle %d %016lx %016lx\n", i, (unsigned long)v, (unsigned long)w);
    }
    mprotect(p + page, page, PROT_READ);
    if (!sigsetjmp(back, 1)) {
        *(volatile uint64_t *)(p + page - 4) = ~0ull;
        printf("straddling write into a read-only page went through\n");
    } else {
        printf("straddling write: signal %d, first part %s\n", fault_sig, p[page - 1] == 0xff ? "written" : "kept");
    }
    munmap(p, 3 * page);
}

static void copy_on_write(void)
{
    int *private = mmap(NULL, 64 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int *shared = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    size_t step = page / sizeof(int);
    for (int i = 0; i < 64; i++)
        private[i * step] = i;
    for (int child = 0; child < 12; child++) {
        fflush(stdout);
        pid_t pid = fork();
        if (!pid) {
            long sum = 0;
            for (int i = 0; i < 64; i++) {
                private[i * step] += child;
                sum += private[i * step];
            }
            shared[child] = (int)sum;
            _exit(0);
        }
        /* The parent writes while the child may run. */
        private[child * step] += 100;
        waitpid(pid, NULL, 0);
        private[child * step] -= 100;
    }
    long sum = 0;
    for (int i = 0; i < 64; i++)
        sum += private[i * step];
    printf("parent %ld children", sum);
    for (int i = 0; i < 12; i++)
        printf(" %d", shared[i]);
    printf("\n");
}

static void remap(void)
{
    uint32_t *p = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < 8 * page / 4; i++)
        p[i] = (uint32_t)(i * 2654435761u);
    for (int round = 0; round < 4; round++) {
        size_t from = (8u << round) * page, to = (16u << round) * page;
        uint32_t *q = mremap(p, from, to, MREMAP_MAYMOVE);
        if (q == MAP_FAILED) {
            printf("mremap failed\n");
            return;
        }
        p = q;
        uint32_t h = 0;
        for (size_t i = 0; i < to / 4; i++)
            h = h * 31 + p[i];
        printf("remap %d %08x\n", round, h);
        for (size_t i = from / 4; i < to / 4; i++)
            p[i] = (uint32_t)i;
    }
}

/* The same file page at two addresses. */
static void aliases(void)
{
    int fd = memfd_create("alias", 0);
    if (ftruncate(fd, (off_t)page))
        printf("ftruncate failed\n");
    volatile uint32_t *a = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    volatile uint32_t *b = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint32_t bad = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        a[i % 1000] = i;
        bad += b[i % 1000] != i;
        b[(i * 7) % 1000] = ~i;
        bad += a[(i * 7) % 1000] != ~i;
    }
    printf("aliases: %u stale reads\n", bad);
}

int main(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    protections();
    straddles();
    copy_on_write();
    remap();
    aliases();
    return 0;
}
