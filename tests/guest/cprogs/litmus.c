/*
 * litmus.c - guest test: does memory order hold between CPUs? Litmus tests of Arm's memory model (Arm ARM DDI 0487, B2.3) run many
 * times; an outcome that the model forbids is a failure. Without -v the output is deterministic.
 *
 *   litmus [-v] [ROUNDS]    a round runs every test CELLS times. -v: how often what was interesting was seen; for the plain
 *                           tests that is an allowed weak outcome, which shows that the threads did overlap.
 *
 * Names and shapes are those of the literature (MP: message passing, SB: store buffering, LB: load buffering, WRC: write to read
 * causality, IRIW: independent reads of independent writes, 2+2W, S, R, CoRR).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CELLS 256
#define MAX_THREADS 4

struct line { volatile uint32_t v; char pad[60]; };
struct cell { struct line x, y; struct { volatile uint32_t v[4]; char pad[48]; } r[MAX_THREADS]; };
static struct cell cell[CELLS] __attribute__((aligned(4096)));

/* ---- instructions ---- */
typedef volatile uint32_t u32v;
static inline uint32_t ld(u32v *p) { uint32_t v; __asm__ volatile("ldr %w0, [%1]" : "=r"(v) : "r"(p) : "memory"); return v; }
static inline void st(u32v *p, uint32_t v) { __asm__ volatile("str %w0, [%1]" : : "r"(v), "r"(p) : "memory"); }
static inline uint32_t ldar(u32v *p) { uint32_t v; __asm__ volatile("ldar %w0, [%1]" : "=r"(v) : "r"(p) : "memory"); return v; }
static inline void stlr(u32v *p, uint32_t v) { __asm__ volatile("stlr %w0, [%1]" : : "r"(v), "r"(p) : "memory"); }
/* By an exclusive pair, with acquire and release. */
static inline uint32_t ldaxr(u32v *p)
{
    uint32_t v;
    __asm__ volatile("ldaxr %w0, [%1]\n\tclrex" : "=r"(v) : "r"(p) : "memory");
    return v;
}
static inline void stlxr(u32v *p, uint32_t v)
{
    uint32_t old, fail;
    __asm__ volatile("1: ldxr %w0, [%3]\n\tstlxr %w1, %w2, [%3]\n\tcbnz %w1, 1b" : "=&r"(old), "=&r"(fail) : "r"(v), "r"(p) : "memory");
}
static inline void dmb(void) { __asm__ volatile("dmb ish" : : : "memory"); }
static inline void dmb_ld(void) { __asm__ volatile("dmb ishld" : : : "memory"); }
static inline void dmb_st(void) { __asm__ volatile("dmb ishst" : : : "memory"); }
static inline void dsb(void) { __asm__ volatile("dsb ish" : : : "memory"); }
/* A load whose address depends on V; a load behind a branch on V and ISB; a store whose data depends on V. */
static inline uint32_t ld_addr(u32v *p, uint32_t v)
{
    uint32_t r;
    uint64_t t;
    __asm__ volatile("eor %w1, %w2, %w2\n\tldr %w0, [%3, %1]" : "=r"(r), "=&r"(t) : "r"(v), "r"(p) : "memory");
    return r;
}
static inline uint32_t ld_ctrl_isb(u32v *p, uint32_t v)
{
    uint32_t r;
    __asm__ volatile("cbnz %w1, 1f\n1:\tisb\n\tldr %w0, [%2]" : "=r"(r) : "r"(v), "r"(p) : "memory");
    return r;
}
static inline void st_data(u32v *p, uint32_t v, uint32_t dep)
{
    uint32_t t;
    __asm__ volatile("eor %w0, %w2, %w2\n\tadd %w0, %w0, %w1\n\tstr %w0, [%3]" : "=&r"(t) : "r"(v), "r"(dep), "r"(p) : "memory");
}
static inline void st_ctrl(u32v *p, uint32_t v, uint32_t dep)
{
    __asm__ volatile("cbnz %w1, 1f\n1:\tstr %w0, [%2]" : : "r"(v), "r"(dep), "r"(p) : "memory");
}

/* ---- threads: x, y: the cell's variables; r: the thread's registers ---- */
#define X (&c->x.v)
#define Y (&c->y.v)
#define THREAD(name, n, ...) static inline void name(struct cell *c) { volatile uint32_t *r = c->r[n].v; (void)r; __VA_ARGS__; }

#define WRITERS(suffix, ST2, MID)                                        \
    THREAD(w_xy_##suffix, 0, st(X, 1); MID; ST2(Y, 1))                   \
    THREAD(sb0_##suffix, 0, ST2(X, 1); MID; r[0] = LD_##suffix(Y))       \
    THREAD(sb1_##suffix, 1, ST2(Y, 1); MID; r[0] = LD_##suffix(X))       \
    THREAD(ww0_##suffix, 0, ST2(X, 1); MID; ST2(Y, 2))                   \
    THREAD(ww1_##suffix, 1, ST2(Y, 1); MID; ST2(X, 2))
#define LD_plain ld
#define LD_dmb ld
#define LD_dsb ld
#define LD_rel ldar
#define LD_relx ldaxr
WRITERS(plain, st, )
WRITERS(dmb, st, dmb())
WRITERS(dsb, st, dsb())
WRITERS(rel, stlr, )
WRITERS(relx, stlxr, )
THREAD(w_xy_dmbst, 0, st(X, 1); dmb_st(); st(Y, 1))

#define READER(suffix, n, code) THREAD(r_yx_##suffix##n, n, uint32_t a = 0, b = 0; code; r[0] = a; r[1] = b)
#define READERS(suffix, code) READER(suffix, 1, code) READER(suffix, 2, code) READER(suffix, 3, code)
READERS(plain, a = ld(Y); b = ld(X))
READERS(dmb, a = ld(Y); dmb(); b = ld(X))
READERS(dmbld, a = ld(Y); dmb_ld(); b = ld(X))
READERS(acq, a = ldar(Y); b = ldar(X))
READERS(acqx, a = ldaxr(Y); b = ld(X))
READERS(addr, a = ld(Y); b = ld_addr(X, a))
READERS(ctrlisb, a = ld(Y); b = ld_ctrl_isb(X, a))
#define READER_XY(suffix, n, code) THREAD(r_xy_##suffix##n, n, uint32_t a = 0, b = 0; code; r[0] = a; r[1] = b)
READER_XY(dmb, 2, a = ld(X); dmb(); b = ld(Y))
READER_XY(acq, 2, a = ldar(X); b = ldar(Y))
READER_XY(addr, 2, a = ld(X); b = ld_addr(Y, a))

THREAD(lb0_data, 0, uint32_t a = ld(X); st_data(Y, 1, a); r[0] = a)
THREAD(lb1_data, 1, uint32_t a = ld(Y); st_data(X, 1, a); r[0] = a)
THREAD(lb0_ctrl, 0, uint32_t a = ld(X); st_ctrl(Y, 1, a); r[0] = a)
THREAD(lb1_ctrl, 1, uint32_t a = ld(Y); st_ctrl(X, 1, a); r[0] = a)
THREAD(lb0_dmb, 0, uint32_t a = ld(X); dmb(); st(Y, 1); r[0] = a)
THREAD(lb1_dmb, 1, uint32_t a = ld(Y); dmb(); st(X, 1); r[0] = a)
THREAD(lb0_acq, 0, uint32_t a = ldar(X); st(Y, 1); r[0] = a)
THREAD(lb1_acq, 1, uint32_t a = ldar(Y); st(X, 1); r[0] = a)
THREAD(lb0_rel, 0, uint32_t a = ld(X); stlr(Y, 1); r[0] = a)
THREAD(lb1_rel, 1, uint32_t a = ld(Y); stlr(X, 1); r[0] = a)

THREAD(wx0, 0, st(X, 1))
THREAD(wy1, 1, st(Y, 1))
THREAD(wx0_rel, 0, stlr(X, 1))
THREAD(wy1_rel, 1, stlr(Y, 1))
THREAD(wrc1_dmb, 1, uint32_t a = ld(X); dmb(); st(Y, 1); r[0] = a)
THREAD(wrc1_data, 1, uint32_t a = ld(X); st_data(Y, 1, a); r[0] = a)
THREAD(wrc1_rel, 1, uint32_t a = ld(X); stlr(Y, 1); r[0] = a)
THREAD(wrc1_acq, 1, uint32_t a = ldar(X); st(Y, 1); r[0] = a)

THREAD(s0_dmb, 0, st(X, 2); dmb(); st(Y, 1))
THREAD(s0_rel, 0, st(X, 2); stlr(Y, 1))
THREAD(s1_data, 1, uint32_t a = ld(Y); st_data(X, 1, a); r[0] = a)
THREAD(s1_acq, 1, uint32_t a = ldar(Y); st(X, 1); r[0] = a)
THREAD(rr0_dmb, 0, st(X, 1); dmb(); st(Y, 1))
THREAD(rr1_dmb, 1, st(Y, 2); dmb(); r[0] = ld(X))
THREAD(rr0_rel, 0, stlr(X, 1); stlr(Y, 1))
THREAD(rr1_rel, 1, stlr(Y, 2); r[0] = ldar(X))
THREAD(corr0, 0, st(X, 1); st(X, 2))
THREAD(corr1, 1, uint32_t a = ld(X); uint32_t b = ld(X); r[0] = a; r[1] = b)

/* ---- outcomes ---- */
#define R(t, n) c->r[t].v[n]
static bool mp(const struct cell *c) { return R(1, 0) == 1 && R(1, 1) == 0; }
static bool sb(const struct cell *c) { return R(0, 0) == 0 && R(1, 0) == 0; }
static bool lb(const struct cell *c) { return R(0, 0) == 1 && R(1, 0) == 1; }
static bool wrc(const struct cell *c) { return R(1, 0) == 1 && R(2, 0) == 1 && R(2, 1) == 0; }
static bool iriw(const struct cell *c) { return R(2, 0) == 1 && R(2, 1) == 0 && R(3, 0) == 1 && R(3, 1) == 0; }
static bool ww(const struct cell *c) { return c->x.v == 1 && c->y.v == 1; }
static bool s_(const struct cell *c) { return R(1, 0) == 1 && c->x.v == 2; }
static bool r_(const struct cell *c) { return c->y.v == 2 && R(1, 0) == 0; }
static bool corr(const struct cell *c) { return R(1, 0) > R(1, 1); }

static const struct test {
    const char *name;
    bool (*bad)(const struct cell *);
    bool allowed;                                 /* the outcome may be seen */
    void (*thread[MAX_THREADS])(struct cell *);
} tests[] = {
    { "MP", mp, true, { w_xy_plain, r_yx_plain1 } },
    { "MP+dmbs", mp, false, { w_xy_dmb, r_yx_dmb1 } },
    { "MP+dsb+dmb", mp, false, { w_xy_dsb, r_yx_dmb1 } },
    { "MP+dmb.st+dmb.ld", mp, false, { w_xy_dmbst, r_yx_dmbld1 } },
    { "MP+dmb+addr", mp, false, { w_xy_dmb, r_yx_addr1 } },
    { "MP+dmb+ctrlisb", mp, false, { w_xy_dmb, r_yx_ctrlisb1 } },
    { "MP+rel+acq", mp, false, { w_xy_rel, r_yx_acq1 } },
    { "MP+relx+acqx", mp, false, { w_xy_relx, r_yx_acqx1 } },
    { "SB", sb, true, { sb0_plain, sb1_plain } },
    { "SB+dmbs", sb, false, { sb0_dmb, sb1_dmb } },
    { "SB+dsbs", sb, false, { sb0_dsb, sb1_dsb } },
    { "SB+rel-acqs", sb, false, { sb0_rel, sb1_rel } },
    { "SB+relx-acqxs", sb, false, { sb0_relx, sb1_relx } },
    { "LB+datas", lb, false, { lb0_data, lb1_data } },
    { "LB+ctrls", lb, false, { lb0_ctrl, lb1_ctrl } },
    { "LB+dmbs", lb, false, { lb0_dmb, lb1_dmb } },
    { "LB+acqs", lb, false, { lb0_acq, lb1_acq } },
    { "LB+rels", lb, false, { lb0_rel, lb1_rel } },
    { "S+dmb+data", s_, false, { s0_dmb, s1_data } },
    { "S+rel+acq", s_, false, { s0_rel, s1_acq } },
    { "R+dmbs", r_, false, { rr0_dmb, rr1_dmb } },
    { "R+rel+rel-acq", r_, false, { rr0_rel, rr1_rel } },
    { "2+2W+dmbs", ww, false, { ww0_dmb, ww1_dmb } },
    { "2+2W+rels", ww, false, { ww0_rel, ww1_rel } },
    { "CoRR", corr, false, { corr0, corr1 } },
    { "WRC+dmb+addr", wrc, false, { wx0, wrc1_dmb, r_yx_addr2 } },
    { "WRC+data+dmb.ld", wrc, false, { wx0, wrc1_data, r_yx_dmbld2 } },
    { "WRC+rel+acq", wrc, false, { wx0, wrc1_rel, r_yx_acq2 } },
    { "WRC+acq+ctrlisb", wrc, false, { wx0, wrc1_acq, r_yx_ctrlisb2 } },
    { "IRIW+dmbs", iriw, false, { wx0, wy1, r_xy_dmb2, r_yx_dmb3 } },
    { "IRIW+addrs", iriw, false, { wx0, wy1, r_xy_addr2, r_yx_addr3 } },
    { "IRIW+rels+acqs", iriw, false, { wx0_rel, wy1_rel, r_xy_acq2, r_yx_acq3 } },
};
#define TESTS (sizeof(tests) / sizeof(tests[0]))

/* ---- running ---- */
static unsigned cpus;
static const struct test *now;
static unsigned now_threads;
static unsigned long now_rounds, now_seen;
static atomic_uint arrived, generation;

/* All threads of the test; spins, and lets others run when there are more threads than CPUs. */
static void meet(void)
{
    unsigned g = atomic_load(&generation);
    if (atomic_fetch_add(&arrived, 1) == now_threads - 1) {
        atomic_store(&arrived, 0);
        atomic_fetch_add(&generation, 1);
        return;
    }
    for (unsigned n = 0; atomic_load_explicit(&generation, memory_order_acquire) == g; n++)
        if (n > 500)
            sched_yield();
}

static void pin(unsigned n)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(n % cpus, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

static void *worker(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    pin(me);
    for (unsigned long round = 0; round < now_rounds; round++) {
        if (me == 0)
            memset(cell, 0, sizeof(cell));
        meet();
        for (unsigned i = 0; i < CELLS; i++)
            now->thread[me](&cell[i]);
        meet();
        for (unsigned i = 0; me == 0 && i < CELLS; i++)
            now_seen += now->bad(&cell[i]);
    }
    return NULL;
}

static unsigned long run_test(const struct test *t, unsigned long rounds)
{
    pthread_t id[MAX_THREADS];
    now = t;
    now_rounds = rounds;
    now_seen = now_threads = 0;
    while (now_threads < MAX_THREADS && t->thread[now_threads])
        now_threads++;
    for (uintptr_t i = 1; i < now_threads; i++)
        if (pthread_create(&id[i], NULL, worker, (void *)i))
            exit(2);
    worker((void *)0);
    for (unsigned i = 1; i < now_threads; i++)
        pthread_join(id[i], NULL);
    return now_seen;
}

/* ---- read-modify-write: nothing may get lost ---- */
static struct { _Atomic uint64_t swapped, added; _Atomic uint8_t bytes; unsigned __int128 pair; } rmw __attribute__((aligned(64)));
static unsigned long rmw_rounds;

static void add_pair(void)
{
    uint64_t lo, hi;
    uint32_t fail;
    __asm__ volatile("1: ldaxp %0, %1, [%3]\n\tadd %0, %0, #1\n\tadd %1, %1, #3\n\tstlxp %w2, %0, %1, [%3]\n\tcbnz %w2, 1b"
                     : "=&r"(lo), "=&r"(hi), "=&r"(fail) : "r"(&rmw.pair) : "memory");
}

static void *rmw_worker(void *arg)
{
    pin((unsigned)(uintptr_t)arg);
    for (unsigned long i = 0; i < rmw_rounds; i++) {
        uint64_t old = atomic_load_explicit(&rmw.swapped, memory_order_relaxed);
        while (!atomic_compare_exchange_weak(&rmw.swapped, &old, old * 3 + 1 - old * 2))
            ;
        atomic_fetch_add(&rmw.added, 5);
        atomic_fetch_add(&rmw.bytes, 1);
        add_pair();
    }
    return NULL;
}

static bool read_modify_write(unsigned long rounds)
{
    pthread_t t[MAX_THREADS];
    rmw_rounds = rounds;
    for (uintptr_t i = 0; i < MAX_THREADS; i++)
        if (pthread_create(&t[i], NULL, rmw_worker, (void *)i))
            exit(2);
    for (unsigned i = 0; i < MAX_THREADS; i++)
        pthread_join(t[i], NULL);
    uint64_t n = MAX_THREADS * rounds;
    return rmw.swapped == n && rmw.added == 5 * n && rmw.bytes == (uint8_t)n && (uint64_t)rmw.pair == n && (uint64_t)(rmw.pair >> 64) == 3 * n;
}

int main(int argc, char **argv)
{
    bool verbose = argc > 1 && !strcmp(argv[1], "-v");
    unsigned long rounds = argc > 1 + verbose ? strtoul(argv[1 + verbose], NULL, 0) : 20, failed = 0;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpus = online > 0 ? (unsigned)online : 1;
    for (const struct test *k = tests; k < tests + TESTS; k++) {
        unsigned long seen = run_test(k, rounds);
        bool ok = k->allowed || !seen;
        failed += !ok;
        if (verbose)
            printf("litmus: %-18s %-9s %lu of %lu\n", k->name, ok ? k->allowed ? "allowed" : "ok" : "FORBIDDEN", seen, rounds * CELLS);
        else if (!ok)
            printf("litmus: %s: the forbidden outcome was seen %lu times in %lu\n", k->name, seen, rounds * CELLS);
        fflush(stdout);
    }
    if (!read_modify_write(rounds * 50)) {
        printf("litmus: read-modify-writes got lost\n");
        failed++;
    }
    printf("litmus: %zu tests, %lu failed\n", TESTS + 1, failed);
    return failed != 0;
}
