/*
 * calibrate.c - what mappings and accesses cost on this host, measured at start in well under 5 ms.
 *
 * Maps only pages of its own. Runs before the vCPUs' threads and their signal handlers exist.
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mmu/internal.h"

#define ROUNDS 24u
#define RUN 16u
#define CHASE 20000u

static sigjmp_buf back;
static void on_fault(int sig) { siglongjmp(back, 1); }

/* Lower half's mean: what interrupts and a busy machine add is left out. */
static uint64_t typical(uint64_t *v, unsigned n)
{
    uint64_t sum = 0;
    for (unsigned i = 1; i < n; i++)
        for (unsigned k = i; k && v[k] < v[k - 1]; k--) {
            uint64_t t = v[k];
            v[k] = v[k - 1];
            v[k - 1] = t;
        }
    for (unsigned i = 0; i < n / 2; i++)
        sum += v[i];
    return sum / (n / 2);
}

static void measure_maps(uint8_t *p, int fd, struct policy_costs *out)
{
    uint64_t map[ROUNDS], run[ROUNDS], unmap[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t t0 = now_ns();
        if (mmap(p, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) == MAP_FAILED)
            return;
        uint64_t t1 = now_ns();
        if (mmap(p, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
            return;
        uint64_t t2 = now_ns();
        if (mmap(p, RUN * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) == MAP_FAILED)
            return;
        uint64_t t3 = now_ns();
        if (mmap(p, RUN * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
            return;
        map[i] = t1 - t0;
        unmap[i] = t2 - t1;
        run[i] = t3 - t2;
    }
    out->map = typical(map, ROUNDS);
    out->unmap = typical(unmap, ROUNDS);
    uint64_t all = typical(run, ROUNDS);
    out->page = all > out->map ? (all - out->map) / (RUN - 1) : 0;
}

static uint64_t measure_fault(volatile uint8_t *none)
{
    struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER }, old;
    volatile unsigned i = 0;
    uint64_t t0 = now_ns();
    sigemptyset(&sa.sa_mask);
    if (sigaction(SIGSEGV, &sa, &old))
        return 0;
    sigsetjmp(back, 0);
    if (i++ < ROUNDS)
        (void)*none;
    uint64_t t1 = now_ns();
    sigaction(SIGSEGV, &old, NULL);
    return (t1 - t0) / ROUNDS;
}

/* Dependent loads in a page, directly and through a probe like that of generated code, picoseconds each. */
static uint64_t chase(const uint8_t *page, const struct tlb_desc *volatile tlb)
{
    uint64_t best = ~0ull;
    for (unsigned round = 0; round < 4; round++) {
        uint64_t va = (uintptr_t)page, t0 = now_ns();
        for (unsigned i = 0; i < CHASE; i++) {
            uint64_t at = va;
            if (tlb) {
                const struct tlb_entry *e = (const struct tlb_entry *)((const char *)tlb->table + ((va >> (PAGE_SHIFT - TLB_ENTRY_SHIFT)) & tlb->mask));
                if (unlikely(e->read_tag != (va & PAGE_MASK)))
                    return 0;
                at += (uint64_t)e->addend;
            }
            va = *(const volatile uint64_t *)(uintptr_t)at;
        }
        best = MIN(best, (now_ns() - t0) * 1000 / CHASE);
    }
    return best;
}

void calibrate(struct policy_costs *out)
{
    uint64_t t0 = now_ns();
    /* What a machine like the one this was written on has, should something here fail. */
    *out = (struct policy_costs){ .fault = 1800, .map = 3200, .page = 200, .unmap = 3700, .soft_access = 3700, .window_access = 1450 };
    int fd = memfd_create("gnomon-calibrate", MFD_CLOEXEC);
    uint8_t *p = mmap(NULL, (RUN + 1) * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fd >= 0 && p != MAP_FAILED && ftruncate(fd, RUN * PAGE_SIZE) == 0) {
        measure_maps(p, fd, out);
        uint64_t fault = measure_fault(p + RUN * PAGE_SIZE);
        if (fault)
            out->fault = fault;
    }
    if (p != MAP_FAILED)
        munmap(p, (RUN + 1) * PAGE_SIZE);
    if (fd >= 0)
        close(fd);
    static uint64_t page[PAGE_SIZE / 8] __attribute__((aligned(PAGE_SIZE)));
    for (unsigned i = 0; i < ARRAY_LEN(page); i++)
        page[i] = (uintptr_t)&page[(i * 97 + 61) % ARRAY_LEN(page)];
    struct tlb_entry entry = { .read_tag = (uintptr_t)page };
    struct tlb_desc tlb = { .mask = 0, .table = &entry };
    out->window_access = chase((const uint8_t *)page, NULL);
    out->soft_access = chase((const uint8_t *)page, &tlb);
    out->calibration = now_ns() - t0;
}
