/*
 * cache.c - translated blocks: made, found by physical address and mode flags, linked, evicted.
 *
 * Owns the code area, its segments and every struct block. Must not decide what runs next (run.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/quiet.h"
#include "mem/mem.h"
#include "opt/opt.h"
#include "xlate/internal.h"

#define MIN_BLOCK 48u                             /* bytes of code area that a block takes at least */
#define RECORD_SHARE 8u                           /* bytes of records for one of code, at most: address space only */
#define MAX_SIDES 4u                              /* of a block: what pays for its translation */
#define MAX_ROUNDS 4u
#define CLOCK_BLOCKS 1024u                        /* blocks made between two looks at the clock */

void cache_init(void)
{
    table_init();
    xl.clock.ns = now_ns();
    xl.clock.ticks = now_ticks();
    xl.page = xcalloc(mem_pages(), sizeof(*xl.page));
    xl.ir = xcalloc(1, sizeof(*xl.ir));
    pthread_mutex_init(&xl.lock, NULL);
    if (!xl.cfg.jit)
        return;
    xl.cap_patched = 8192;
    xl.patched = xcalloc(xl.cap_patched, sizeof(*xl.patched));
    xl.area = mmap(NULL, xl.cfg.code_size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (xl.area == MAP_FAILED)
        die("cannot reserve %zu bytes of executable memory for translated code", xl.cfg.code_size);
    /*
     * Cold code is bound by misses of the instruction TLB, and filling a page by the fault that makes it. Not so the records and the
     * table: they are filled here and there, and clearing huge pages for them costs more than it gives.
     */
    madvise(xl.area, xl.cfg.code_size, MADV_HUGEPAGE);
}

static void *reserve(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        die("out of memory");
    return p;
}

/* The area behind the thunks, in SEGMENTS equal parts. */
static void make_segments(size_t used)
{
    size_t each = ALIGN_DOWN((xl.cfg.code_size - used) / SEGMENTS, (size_t)64);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        struct segment *s = &xl.seg[i];
        s->base = s->at = xl.area + ALIGN_UP(used, (size_t)64) + i * each;
        s->end = s->base + each - 64;
        s->cap = (uint32_t)(each / MIN_BLOCK);
        s->block = reserve(s->cap * sizeof(*s->block));
        s->record = s->record_at = reserve(each * RECORD_SHARE);
        s->record_end = s->record + each * RECORD_SHARE;
    }
}

static void unlink_out(struct link *l)
{
    if (!l->to)
        return;
    host_patch_jump(l->exit, NULL);
    *l->prev = l->next;
    if (l->next)
        l->next->prev = l->prev;
    l->to = NULL;
}

/*
 * Other vCPUs run from's code meanwhile. One that has just found its key in an exit to another page may follow the jump after
 * it was patched, so that with several vCPUs the jump leads to one physical address for ever: keys of all contexts under which
 * that is the target may come and go. (A context in which the page was remapped is in nobody's hands after the TLBI.)
 */
void cache_link(struct block *from, struct host_exit *e, struct block *to, uint64_t key)
{
    struct link *l = &from->out[e - from->code.exit];
    if (e->probe) {
        if (xl.n_vcpus > 1 && l->gpa && l->gpa != to->gpa)
            return;
        l->gpa = to->gpa;
        if (l->to == to) {
            host_patch_key(e, key);
            return;
        }
    }
    unlink_out(l);
    l->exit = e;
    l->to = to;
    l->next = to->incoming;
    l->prev = &to->incoming;
    if (to->incoming)
        to->incoming->prev = &l->next;
    to->incoming = l;
    host_patch_jump(e, to->code.entry);
    if (e->probe)
        host_patch_key(e, key);
    xl.stats.chained++;
}

/* Unhook b from everything that leads to it, but for jump caches; its code may still be running. */
static void detach(struct block *b)
{
    while (b->incoming)
        unlink_out(b->incoming);
    for (unsigned i = 0; i < b->code.n_exits; i++)
        unlink_out(&b->out[i]);
    table_remove(b);
    *b->page_prev = b->page_next;
    if (b->page_next)
        b->page_next->page_prev = b->page_prev;
}

void cache_flush_now(struct vcpu *c)
{
    struct xlate_vcpu *x = c->xlate;
    uint32_t how = __atomic_exchange_n(&x->flush, 0, __ATOMIC_ACQ_REL);
    if (how & FLUSH_ALL) {
        for (unsigned i = 0; i < ARRAY_LEN(c->jc); i++)
            c->jc[i] = (struct jc_entry){ JC_EMPTY, xl.jump_miss };
        x->forget_returns = true;                 /* (this may be a helper, called by code with returns on the stack) */
    }
    c->ctx_salt = xl.salt ^ x->own_salt;
    x->pending = NULL;
    x->fault_block = NULL;
}

uint64_t cache_new_salt(void) { return (++xl.n_salts * 0xd6e8feb86659fd93ull) & ~7ull; }

void flush_jump_caches(uint32_t how)
{
    xl.salt = cache_new_salt();
    for (unsigned v = 0; v < xl.n_vcpus; v++) {
        __atomic_fetch_or(&((struct xlate_vcpu *)xl.vcpu[v]->xlate)->flush, how, __ATOMIC_RELEASE);
        __atomic_store_n(&xl.vcpu[v]->exit_req, 1, __ATOMIC_RELEASE);
    }
}

void cache_purge_jumps(const struct block *b)
{
    _Static_assert(1 << JC_BITS < JC_ANYWHERE, "an index and one");
    if (!b->jc)
        return;
    unsigned from = b->jc == JC_ANYWHERE ? 0 : b->jc - 1u, to = b->jc == JC_ANYWHERE ? 1u << JC_BITS : b->jc;
    for (unsigned v = 0; v < xl.n_vcpus; v++)
        for (unsigned i = from; i < to; i++) {
            struct jc_entry *j = &xl.vcpu[v]->jc[i];
            if (j->code != b->code.entry)
                continue;
            /* In this order, for a vCPU that has compared the old key: it goes on in b, or to C with its address. */
            __atomic_store_n(&j->code, xl.jump_miss, __ATOMIC_RELEASE);
            __atomic_store_n(&j->key, JC_EMPTY, __ATOMIC_RELEASE);
        }
}


/* Drop b. Its code bytes stay until the segment is reused: the vCPU may be inside it. */
void cache_remove(struct block *b)
{
    detach(b);
    xl.stats.removed++;
    b->size = 0;                                  /* marks it dead; freed with its segment */
    if (!xl.cfg.jit) {
        b->dead_next = xl.dead;
        xl.dead = b;
    }
}

static void forget_list(struct block *dead)
{
    while (dead) {
        struct block *b = dead;
        dead = b->dead_next;
        free(b->ir);
        free(b);
    }
}

void cache_free_dead(struct vcpu *c)
{
    xlate_lock();
    struct block *dead = xl.dead;
    xl.dead = NULL;
    xlate_unlock();
    quiet_wait(others(c), true);
    forget_list(dead);
}

/* Nothing finds the segment's blocks any more; vCPUs may still run in them. */
static void drain_segment(struct segment *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (s->block[i]->size) {
            detach(s->block[i]);
            s->block[i]->size = 0;
        }
    s->draining = true;
    flush_jump_caches(FLUSH_ALL);
}

/* No vCPU is in the segment's blocks any more. */
static void reclaim(struct segment *s)
{
    uint32_t n = s->n;
    __atomic_store_n(&s->n, 0, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i < n; i++)
        sites_forget(s->block[i]);
    xl.stats.evicted += n;
    s->at = s->base;
    s->record_at = s->record;
    s->draining = false;
}

/* The lock is released meanwhile: several vCPUs may come here for one segment. */
static void wait_drained(struct vcpu *c, struct segment *s)
{
    if (xl.n_vcpus > 1) {
        xlate_unlock();
        quiet_wait(others(c), true);
        xlate_lock();
        if (!s->draining)
            return;
    }
    reclaim(s);
}

void cache_unlink_all(void)
{
    for (uint32_t n = 0; n <= xl.table_mask; n++)
        for (unsigned i = 0; xl.table[n].b && i < xl.table[n].b->code.n_exits; i++)
            unlink_out(&xl.table[n].b->out[i]);
    flush_jump_caches(FLUSH_KEYS);
}

void cache_clear(void)
{
    for (unsigned i = 0; i < SEGMENTS; i++)
        if (xl.seg[i].base) {
            drain_segment(&xl.seg[i]);
            reclaim(&xl.seg[i]);
        }
    for (uint32_t n = 0; n <= xl.table_mask; n++)
        while (xl.table[n].b)
            cache_remove(xl.table[n].b);          /* the interpreter's: they are in no segment */
    forget_list(xl.dead);
    xl.dead = NULL;
    flush_jump_caches(FLUSH_ALL);
}

static bool overlaps(const struct block *b, uint64_t gpa, uint64_t len)
{
    uint64_t page = b->gpa & PAGE_MASK;
    for (unsigned k = 0; k < b->n_parts; k++)
        if (page + b->part[k].off < gpa + len && page + b->part[k].off + b->part[k].size > gpa)
            return true;
    return false;
}

void cache_drop_page(uint64_t gpa, uint64_t len)
{
    bool any = false;
    for (uint64_t page = gpa & PAGE_MASK; page < gpa + len; page += PAGE_SIZE) {
        if (!mem_is_memory(page, PAGE_SIZE))
            continue;
        for (struct block *b = xl.page[mem_page(page)], *next; b; b = next) {
            next = b->page_next;
            if (overlaps(b, gpa, len)) {
                cache_remove(b);
                any = true;
            }
        }
    }
    if (any)
        flush_jump_caches(FLUSH_KEYS);
}

struct block *cache_by_host_pc(const void *pc)
{
    const uint8_t *p = pc;
    for (unsigned i = 0; i < SEGMENTS; i++) {
        const struct segment *s = &xl.seg[i];
        if (p < s->base || p >= s->end)
            continue;
        uint32_t n = __atomic_load_n(&s->n, __ATOMIC_ACQUIRE), lo = 0, hi = n;
        while (lo + 1 < hi) {
            uint32_t mid = (lo + hi) / 2;
            if ((const uint8_t *)s->block[mid]->code.entry <= p)
                lo = mid;
            else
                hi = mid;
        }
        return n && s->block[lo]->code.entry <= (const void *)p ? s->block[lo] : NULL;
    }
    return NULL;
}

static void log_guest(const struct ir_block *ir, const uint8_t *page, uint64_t gpa, uint32_t flags, uint64_t pc)
{
    log_printf("----------------\nblock gpa %#llx pc %#llx flags %#x\n", (unsigned long long)gpa, (unsigned long long)pc, flags);
    char text[128];
    pc &= PAGE_MASK;
    for (const struct ir_part *p = ir->part; p < ir->part + ir->n_parts; p++)
        for (uint32_t off = p->off; off < p->off + p->size;) {
            unsigned n = xl.guest->disas(page + off, pc + off, text, sizeof(text));
            log_printf("  %#llx: %s\n", (unsigned long long)(pc + off), text);
            off += n;
        }
}

/* What does not depend on how it runs. *b is all zero. */
static void describe(struct block *b, const struct ir_block *ir, uint64_t gpa, uint32_t flags, const uint8_t *page)
{
    b->gpa = gpa;
    b->flags = flags;
    b->size = ir->size;
    b->guest_insns = (uint16_t)ir->guest_insns;
    b->epoch = xl.epoch;
    b->n_parts = ir->n_parts;
    memcpy(b->part, ir->part, sizeof(b->part));
    uint8_t *bytes = b->bytes;
    for (unsigned k = 0; k < ir->n_parts; bytes += ir->part[k++].size)
        memcpy(bytes, page + ir->part[k].off, ir->part[k].size);
}

/* NULL: there was no room, the lock was released to make some. */
static struct block *emit(struct vcpu *c, uint64_t gpa, uint32_t flags, const uint8_t *page)
{
    const enum access_kind user = xl.cfg.verify ? ACCESS_SLOW : flags & XF_USER_WINDOWS ? ACCESS_REGION : ACCESS_SOFT;
    const enum access_kind kernel = xl.cfg.verify ? ACCESS_SLOW : flags & XF_KERNEL_WINDOWS ? ACCESS_REGION : ACCESS_SOFT;
    struct host_gen_opts o = {
        .kind = { [VIEW_USER] = user, [VIEW_KERNEL] = kernel, [VIEW_KERNEL_PAN] = kernel },
        .predict = predict_region,
        .opaque = c,
        .loop = !(flags & XF_DEBUG),
    };
    const struct ir_block *ir = xl.ir;
    const struct retry *again = &xl.retry[gpa >> 2 & (RETRY_SIZE - 1)];
    uint8_t tries = again->gpa == gpa ? again->tries : 0;
    struct host_code code;
    if (!xl.seg[0].base)
        make_segments(xl.cfg.code_size / 64);
    ((struct xlate_vcpu *)c->xlate)->no_prediction = tries >= MISS_TRIES;
    struct segment *s = &xl.seg[xl.cur];
    if (s->draining) {
        wait_drained(c, s);
        return NULL;
    }
    if (s->n == s->cap || (size_t)(s->record_end - s->record_at) < sizeof(struct block) + PAGE_SIZE + 6 * IR_MAX_INSNS ||
        !host_generate(ir, &o, s->at, (size_t)(s->end - s->at), &code)) {
        if (!s->n)
            bug("a block of %u IR instructions does not fit in %zu bytes", ir->n, (size_t)(s->end - s->at));
        xl.cur = (xl.cur + 1) % SEGMENTS;
        if (xl.seg[xl.cur].n)
            drain_segment(&xl.seg[xl.cur]);
        return NULL;
    }
    s->at = (uint8_t *)(uintptr_t)code.entry + MAX(ALIGN_UP(code.size, 16u), MIN_BLOCK);
    struct block *b = (struct block *)(void *)s->record_at;
    size_t links = ALIGN_UP(sizeof(*b) + ir->size + 2 * code.n_sites, sizeof(void *));
    s->record_at += ALIGN_UP(links + code.n_exits * sizeof(struct link), (size_t)64);
    memset(b, 0, sizeof(*b));
    b->out = memset((uint8_t *)b + links, 0, code.n_exits * sizeof(struct link));
    describe(b, ir, gpa, flags, page);
    b->code = code;
    b->tries = tries;
    if (code.n_sites) {
        b->soft = memset(b->bytes + ir->size, 0, 2 * code.n_sites);
        b->first = b->soft + code.n_sites;
    }
    for (unsigned i = 0; i < code.n_exits; i++) {
        code.exit[i].block = b;
        b->out[i].exit = &code.exit[i];
    }
    s->block[s->n] = b;
    __atomic_store_n(&s->n, s->n + 1, __ATOMIC_RELEASE);
    xl.stats.host_bytes += code.size;
    return b;
}

static struct block *keep_ir(uint64_t gpa, uint32_t flags, const uint8_t *page)
{
    const struct ir_block *ir = xl.ir;
    struct block *b = xcalloc(1, sizeof(*b) + ir->size);
    size_t size = offsetof(struct ir_block, insn) + ir->n * sizeof(ir->insn[0]);
    describe(b, ir, gpa, flags, page);
    b->ir = malloc(size);
    if (!b->ir)
        die("out of memory");
    memcpy(b->ir, ir, size);
    return b;
}

/* Ticks cost an instruction; they are compared with the clock now and then, at the first block for the first time. */
static uint64_t ns_of(uint64_t ticks)
{
    if (xl.stats.blocks % CLOCK_BLOCKS == 1)
        xl.clock.rate = (double)(now_ns() - xl.clock.ns) / (double)(now_ticks() - xl.clock.ticks + 1);
    return (uint64_t)((double)ticks * xl.clock.rate);
}

struct block *cache_add(struct vcpu *c, uint64_t gpa, uint32_t flags)
{
    uint64_t t0 = now_ticks();
    const uint8_t *page = mem_host(gpa & PAGE_MASK);      /* mmu_fetch() says that it is memory */
    struct translate_ctx ctx = {
        .page = page,
        .pc_off = (uint32_t)(gpa & ~PAGE_MASK),
        .max_insns = flags & XF_DEBUG ? 1 : IR_MAX_GUEST,
        .max_sides = flags & XF_DEBUG ? 0 : MAX_SIDES,
        .max_jumps = flags & XF_DEBUG ? 0 : IR_MAX_JUMPS,
        .max_rounds = flags & XF_DEBUG ? 1 : MAX_ROUNDS,
        .flags = flags & ((1u << XF_KIND_SHIFT) - 1),
    };
    struct ir_block *ir = xl.ir;
    xl.guest->translate(ir, &ctx, c);
    if (log_on(LOG_in_asm))
        log_guest(ir, page, gpa, flags, vcpu_pc(c));
    opt_block(ir);
    if (log_on(LOG_ir))
        ir_print(ir, log_printf);
    if (xl.cfg.check_ir)
        ir_verify(ir);
    struct block *b = xl.cfg.jit ? emit(c, gpa, flags, page) : keep_ir(gpa, flags, page);
    if (!b)
        return NULL;
    if (xl.cfg.jit && log_on(LOG_out_asm))
        host_disas(b->code.entry, b->code.text, log_printf);
    if (xl.cfg.jit && xl.perf_map)
        fprintf(xl.perf_map, "%llx %x guest_%llx\n", (unsigned long long)(uintptr_t)b->code.entry, b->code.size,
                (unsigned long long)vcpu_pc(c));
    table_insert(b);
    struct block **head = &xl.page[mem_page(gpa)];
    b->page_next = *head;
    b->page_prev = head;
    if (*head)
        (*head)->page_prev = &b->page_next;
    *head = b;
    xl.stats.blocks++;
    xl.stats.guest_insns += b->guest_insns;
    uint64_t spent = ns_of(now_ticks() - t0);
    xl.stats.translate_ns += spent;
    mmu_spent(c, spent);
    return b;
}
