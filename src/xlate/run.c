/*
 * run.c - finding the next block and running it; the faults of translated code; invalidation requests.
 *
 * Must not know devices or the guest ISA.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/quiet.h"
#include "mem/mem.h"
#include "mmu/mmu.h"
#include "xlate/internal.h"

struct xlate_state xl;

#define DMA_MAX 256
struct dma_queue {                                /* device writes to code pages, until the vCPU looks */
    pthread_mutex_t lock;
    unsigned n;
    struct { uint64_t gpa, len; } w[DMA_MAX];
};

static void on_dma_write(uint64_t gpa, size_t len)
{
    bool code = false;
    for (uint64_t p = gpa & PAGE_MASK; p < gpa + len && !code; p += PAGE_SIZE)
        code = mem_is_memory(p, PAGE_SIZE) && __atomic_load_n(&xl.page[mem_page(p)], __ATOMIC_RELAXED);
    if (!code)
        return;
    struct dma_queue *q = xl.dma;
    pthread_mutex_lock(&q->lock);
    if (q->n < DMA_MAX) {
        q->w[q->n].gpa = gpa;
        q->w[q->n++].len = len;
    } else {
        q->w[0].gpa = 0;                          /* overflow: everything */
        q->w[0].len = mem_ram.base + mem_ram.size;
    }
    pthread_mutex_unlock(&q->lock);
    for (unsigned i = 0; i < xl.n_vcpus; i++)
        __atomic_store_n(&xl.vcpu[i]->exit_req, 1, __ATOMIC_RELEASE);
}

static void take_dma_writes(void)
{
    struct dma_queue *q = xl.dma;
    if (likely(!__atomic_load_n(&q->n, __ATOMIC_ACQUIRE)))
        return;
    xlate_lock();
    pthread_mutex_lock(&q->lock);
    for (unsigned i = 0; i < q->n; i++)
        cache_drop_page(q->w[i].gpa, q->w[i].len);
    __atomic_store_n(&q->n, 0, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&q->lock);
    xlate_unlock();
}

void xlate_init(const struct xlate_config *cfg, const struct guest_ops *guest, const struct ir_mem_ops *mem)
{
    xl.cfg = *cfg;
    xl.guest = guest;
    xl.mem = mem;
    struct dma_queue *q = xcalloc(1, sizeof(*q));
    pthread_mutex_init(&q->lock, NULL);
    xl.dma = q;
    cache_init();
    if (cfg->jit) {
        struct host_callbacks cb = { .mem = *mem, .region_miss = sites_region_miss, .epoch = mmu_epoch() };
        size_t used = host_init(xl.area, cfg->code_size, &cb);
        if (used > cfg->code_size / 64)
            bug("thunks take %zu bytes", used);
        xl.jump_miss = host_jump_miss();
    }
    if (cfg->perf_map) {
        char path[64];
        snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
        xl.perf_map = fopen(path, "w");
        if (!xl.perf_map)
            warn("cannot write the perf map %s", path);
        else
            setvbuf(xl.perf_map, NULL, _IOLBF, 0);
    }
    mem_on_dma_write(on_dma_write);
}

/* What refers to blocks or regions. */
static void forget_predictions(struct xlate_vcpu *x)
{
    for (unsigned v = 0; v < VIEW_COUNT; v++)
        x->last_slot[v] = -1;
    x->fault_block = NULL;
    x->pending = NULL;
}

void xlate_vcpu_init(struct vcpu *c)
{
    struct xlate_vcpu *x = xcalloc(1, sizeof(*x));
    forget_predictions(x);
    c->xlate = x;
    xl.vcpu[xl.n_vcpus++] = c;
    for (unsigned i = 0; i < ARRAY_LEN(c->jc); i++)
        c->jc[i] = (struct jc_entry){ JC_EMPTY, xl.jump_miss };
    if (xl.cfg.jit)
        host_vcpu_init(c);
    if (xl.n_vcpus == 2 && !host_several_cores())
        xl.fixed_sites = true;
}

/* A debugger's breakpoint in the pages that MASK leaves of pc. */
static bool has_break(uint64_t pc, uint64_t mask)
{
    for (unsigned i = 0; i < xl.n_breaks; i++)
        if (!((xl.breaks[i] ^ pc) & mask))
            return true;
    return false;
}

static bool debugged(const struct vcpu *c) { return c->stepping || (unlikely(xl.n_breaks) && has_break(c->pc_page, PAGE_MASK)); }

static uint32_t block_flags(const struct vcpu *c)
{
    return xl.guest->flags(c) | mmu_windows(c, xl.guest->fetch_view(c)) << XF_KIND_SHIFT | (debugged(c) ? XF_DEBUG : 0);
}

static void set_ctx(struct vcpu *c, uint32_t flags, uint64_t pc, uint64_t key)
{
    uint64_t *space = &c->ctx_space[pc >> 55 & 1];
    *space = key ^ c->ctx_salt;
    c->jc_ctx = *space ^ vcpu_ctx_flags(flags);
}

static uint64_t windows_ctx(const struct vcpu *c, enum view fetch)
{
    return vcpu_ctx_flags(mmu_windows(c, fetch) << XF_KIND_SHIFT);
}

/*
 * What code is fetched through, or modes, may have changed: the key follows, and what translated code makes keys of. A mode
 * stands for pages without a breakpoint: code of the others is in no jump cache.
 */
static void refresh_ctx(struct vcpu *c, uint32_t flags)
{
    uint64_t pc = vcpu_pc(c), other = pc ^ 1ull << 55;
    const uint32_t debug = c->stepping ? XF_DEBUG : 0;
    c->ctx_space[other >> 55 & 1] = mmu_exec_key(c, other) ^ c->ctx_salt;
    set_ctx(c, flags, pc, mmu_exec_key(c, pc));
    c->ctx_user = windows_ctx(c, VIEW_USER);
    c->ctx_mode[0] = vcpu_ctx_flags(xl.guest->mode_flags(c, false) | debug) ^ c->ctx_user;
    c->ctx_mode[1] = vcpu_ctx_flags(xl.guest->mode_flags(c, true) | debug) ^ windows_ctx(c, VIEW_KERNEL);
}

void xlate_mode_changed(struct vcpu *c) { refresh_ctx(c, block_flags(c)); }

/* How the kernel's accesses are made does not depend on spaces. Translated code does the same for one root (IR_ROOT). */
void xlate_switch(struct vcpu *c)
{
    uint64_t *here = &c->ctx_space[vcpu_pc(c) >> 55 & 1], was = *here, user = windows_ctx(c, VIEW_USER), change = user ^ c->ctx_user;
    for (unsigned half = 0; half < 2; half++)
        c->ctx_space[half] = mmu_exec_key(c, half ? ~0ull : 0) ^ c->ctx_salt;
    c->jc_ctx ^= was ^ *here;
    c->ctx_user = user;
    c->ctx_mode[0] ^= change;
    if (xl.guest->fetch_view(c) == VIEW_USER)
        c->jc_ctx ^= change;
}

void xlate_flags_changed(struct vcpu *c)
{
    xlate_lock();
    ((struct xlate_vcpu *)c->xlate)->own_salt = cache_new_salt();
    cache_flush_now(c);                           /* a new key for its own jump cache and for exits to other pages */
    xlate_unlock();
    xlate_mode_changed(c);
}

/* Physical address of the vCPU's pc; false: the guest's fault was raised, pc is at its handler. */
static bool fetch_gpa(struct vcpu *c, uint64_t pc, uint32_t flags, uint64_t *gpa)
{
    struct xlate_vcpu *x = c->xlate;
    uint64_t key = (pc & PAGE_MASK) ^ c->jc_ctx;
    struct itlb_entry *e = &x->itlb[pc >> PAGE_SHIFT & (ITLB_SIZE - 1)];
    if (e->key != key || !e->gpa) {
        uint64_t page, exec_key;
        if (!mmu_fetch(c, pc, &page, &exec_key))
            return false;
        set_ctx(c, flags, pc, exec_key);          /* the fetch may have found the page remapped */
        e->key = (pc & PAGE_MASK) ^ c->jc_ctx;
        e->gpa = page & PAGE_MASK;
    }
    *gpa = e->gpa | (pc & ~PAGE_MASK);
    return true;
}

/* The block's bytes are as when it was made? */
static bool still_valid(struct block *b)
{
    const uint8_t *page = mem_host(b->gpa & PAGE_MASK), *bytes = b->bytes;
    for (unsigned k = 0; k < b->n_parts; bytes += b->part[k++].size)
        if (memcmp(page + b->part[k].off, bytes, b->part[k].size) != 0)
            return false;
    b->epoch = xl.epoch;
    return true;
}

/* The exit that led here from block PENDING->block jumps to b from now on, if it may; to another page in the context of now. */
static void chain(struct vcpu *c, struct host_exit *pending, struct block *b)
{
    struct block *from = pending->block;
    if (from->size && from->flags == b->flags && (pending->probe || !((from->gpa ^ b->gpa) & PAGE_MASK)))
        cache_link(from, pending, b, c->pc_page ^ c->jc_ctx);
}

/* What to run at pc, with the lock: the block's own structure may go as soon as that is released. NULL: see next_block(). */
static struct block *find_or_add(struct vcpu *c, uint64_t pc, uint64_t gpa, uint32_t flags)
{
    struct xlate_vcpu *x = c->xlate;
    xl.stats.lookups++;
    struct block *b = cache_find(gpa, flags);
    if (b && unlikely(b->epoch != xl.epoch) && !still_valid(b)) {
        cache_remove(b);
        flush_jump_caches(FLUSH_KEYS);
        return NULL;
    }
    if (!b && !(b = cache_add(c, gpa, flags)))
        return NULL;
    if (flags & XF_DEBUG)
        return b;
    unsigned at = jc_index(pc);
    struct jc_entry *j = &c->jc[at];
    j->key = pc ^ c->jc_ctx;
    j->code = b->code.entry;
    b->jc = !b->jc || b->jc == at + 1 ? (uint16_t)(at + 1) : JC_ANYWHERE;
    if (x->pending)
        chain(c, x->pending, b);
    return b;
}

struct next { const void *entry; struct ir_block *ir; uint64_t gpa; };

/* What translated code would find by itself: most that comes here are exceptions, and the block behind is known. */
static const void *jump_cached(struct vcpu *c, uint64_t pc)
{
    const struct xlate_vcpu *x = c->xlate;
    const struct jc_entry *j = &c->jc[jc_index(pc)];
    if (x->pending || __atomic_load_n(&x->flush, __ATOMIC_ACQUIRE) || log_on(LOG_exec) || !xl.cfg.jit)
        return NULL;
    const void *code = __atomic_load_n(&j->code, __ATOMIC_ACQUIRE);
    return __atomic_load_n(&j->key, __ATOMIC_ACQUIRE) == (pc ^ c->jc_ctx) && code != xl.jump_miss ? code : NULL;
}

/* false: look again, at another pc if a guest's fault was raised. */
static bool next_block(struct vcpu *c, uint64_t pc, struct next *n)
{
    struct xlate_vcpu *x = c->xlate;
    uint64_t gpa;
    uint32_t flags = block_flags(c);
    refresh_ctx(c, flags);
    if ((n->entry = jump_cached(c, pc)))
        return true;
    if (!fetch_gpa(c, pc, flags, &gpa)) {
        x->pending = NULL;
        return false;
    }
    xlate_lock();
    struct block *b = NULL;
    if (unlikely(__atomic_load_n(&x->flush, __ATOMIC_ACQUIRE)))
        cache_flush_now(c);                       /* jc_ctx is another now */
    else if ((b = find_or_add(c, pc, gpa, flags)))
        *n = (struct next){ b->code.entry, b->ir, gpa };
    xlate_unlock();
    x->pending = NULL;
    c->edge_credit = EDGE_TRIES;
    if (b && log_on(LOG_exec))
        log_printf("exec: pc %#llx gpa %#llx flags %#x\n", (unsigned long long)pc, (unsigned long long)gpa, flags);
    return b != NULL;
}

enum xlate_end xlate_run(struct vcpu *c)
{
    struct xlate_vcpu *x = c->xlate;
    enum xlate_end end = XLATE_ASKED;
    take_dma_writes();
    while (!__atomic_load_n(&c->exit_req, __ATOMIC_ACQUIRE)) {
        uint64_t pc = vcpu_pc(c);
        if (unlikely((int64_t)pc >> 48 != 0 && (int64_t)pc >> 48 != -1) && xl.guest->canonical(c, &pc))
            vcpu_set_pc(c, pc);                   /* a tagged branch target: the PC itself has no tag */
        if (unlikely(pc & (xl.guest->insn_align - 1))) {
            xl.guest->raise_mem(c, &(struct mem_fault){ .va = pc, .access = ACC_EXEC, .fault = FAULT_ALIGN });
            x->pending = NULL;
            continue;
        }
        if (unlikely(xl.n_breaks) && !c->stepping && has_break(pc, ~0ull)) {
            end = XLATE_BREAK;
            break;
        }
        if (unlikely(__atomic_load_n(&xl.dead, __ATOMIC_RELAXED)))
            cache_free_dead(c);
        struct next n = { 0 };
        if (!next_block(c, pc, &n))
            continue;
        if (unlikely(x->forget_returns)) {
            host_forget_returns(c);
            x->forget_returns = false;
        }
        quiet_enter(c->index);
        /* Who waits for vCPUs outside may have passed before we went in, and the block may be gone. */
        bool asked = __atomic_load_n(&c->exit_req, __ATOMIC_ACQUIRE);
        if (likely(!asked)) {
            if (xl.cfg.jit)
                x->pending = host_run(c, n.entry);
            else
                ir_interpret(n.ir, c, xl.mem);
        }
        quiet_leave(c->index);
        if (unlikely(c->stepping) && !asked) {
            end = XLATE_STEPPED;
            break;
        }
    }
    x->pending = NULL;
    sites_review();
    return end;
}

void xlate_set_breaks(const uint64_t *va, unsigned n)
{
    free(xl.breaks);
    xl.breaks = n ? xcalloc(n, sizeof(*va)) : NULL;
    xl.n_breaks = n;
    for (unsigned i = 0; i < n; i++)
        xl.breaks[i] = va[i];
    cache_unlink_all();                           /* no jump into these pages skips the run loop */
}

void xlate_invalidate(uint64_t gpa, uint64_t len)
{
    xlate_lock();
    xl.stats.invalidations++;
    cache_drop_page(gpa, len);
    xlate_unlock();
}

void xlate_invalidate_all(void)
{
    xlate_lock();
    xl.stats.invalidations++;
    xl.epoch++;
    cache_unlink_all();
    xlate_unlock();
}

void xlate_reset(void)
{
    xlate_lock();
    cache_clear();
    xlate_unlock();
    for (unsigned v = 0; v < xl.n_vcpus; v++)
        forget_predictions(xl.vcpu[v]->xlate);
}

const struct xlate_stats *xlate_stats(void) { return &xl.stats; }

bool xlate_describe_pc(const void *host_pc, uint64_t *gpa, const void **entry)
{
    const struct block *b = cache_by_host_pc(host_pc);
    if (!b)
        return false;
    *gpa = b->gpa;
    *entry = b->code.entry;
    return true;
}
