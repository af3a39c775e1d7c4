/*
 * block.c - an image's thread: requests are split into transfers, wait for those they must not overtake, and are reported.
 *
 * Owns the requests in flight. Must not know devices or formats.
 *
 * Three locks. The machine lock is the caller's, and is held for done(). `own` makes its holder the one who drives the image:
 * mostly its thread, which lets go of it to sleep and to report; whoever must wait for the image (a reset, with the machine
 * lock held) takes it and drives the image to the end himself. `lock` guards the lists between the sides, for moments only.
 */
#include "block/block.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/loop.h"
#include "block/impl.h"

struct req_list { struct block_req *first, *last; };

static void put(struct req_list *l, struct block_req *r)
{
    r->next = NULL;
    if (l->first)
        l->last->next = r;
    else
        l->first = r;
    l->last = r;
}

static struct block_req *take(struct req_list *l)
{
    struct block_req *r = l->first;
    if (r)
        l->first = r->next;
    return r;
}

/* A transfer of a request. */
struct part {
    struct aio_op op;                            /* first */
    struct job *job;
    struct claim claim;                          /* of a write to allocated space */
    struct iovec *iov;
    uint8_t *bounce;                             /* what must be written before and behind the guest's data */
    bool single;                                 /* the request's own */
};

/* A request under way, or waiting for others. */
struct job {
    struct block *b;
    struct block_req *r;
    struct job *next, *prev;
    enum block_op op;
    bool unmap, synced, quiet;                   /* quiet: block_do()'s */
    bool exclusive;                              /* nobody else may touch [from, to) meanwhile */
    uint64_t from, to;                           /* whole units of allocation */
    unsigned pending;                            /* transfers, and one while they are being made */
    int error;
    struct part part;                            /* for a request that is one transfer */
};

struct jobs { struct job *first, *last; };

struct engine {
    pthread_mutex_t own, lock;
    struct req_list incoming, finished;          /* `lock` */
    bool sleeping;                               /* `lock`: the thread wants to be woken */
    int wake_fd;
    struct aio *aio;
    struct jobs active, waiting;
    bool retry;                                  /* something has ended that others may have waited for */
    bool started, stop;
    pthread_t thread;
    struct job *spare;
};

static struct block *all_blocks;

static void add_job(struct jobs *l, struct job *j)
{
    j->next = NULL;
    j->prev = l->last;
    *(l->last ? &l->last->next : &l->first) = j;
    l->last = j;
}

static void remove_job(struct jobs *l, struct job *j)
{
    *(j->prev ? &j->prev->next : &l->first) = j->next;
    *(j->next ? &j->next->prev : &l->last) = j->prev;
}

/* ---- iovecs ---- */

void iov_copy(const struct iovec *iov, int n, uint64_t off, void *buf, uint64_t len, bool to_iov)
{
    for (int i = 0; i < n && len; i++) {
        if (off >= iov[i].iov_len) {
            off -= iov[i].iov_len;
            continue;
        }
        size_t part = MIN(len, iov[i].iov_len - off);
        uint8_t *at = (uint8_t *)iov[i].iov_base + off;
        memcpy(to_iov ? at : buf, to_iov ? buf : at, part);
        buf = (uint8_t *)buf + part;
        len -= part;
        off = 0;
    }
}

static void iov_zero(const struct iovec *iov, int n, uint64_t off, uint64_t len)
{
    for (int i = 0; i < n && len; i++) {
        if (off >= iov[i].iov_len) {
            off -= iov[i].iov_len;
            continue;
        }
        size_t part = MIN(len, iov[i].iov_len - off);
        memset((uint8_t *)iov[i].iov_base + off, 0, part);
        len -= part;
        off = 0;
    }
}

/* The bytes [OFF, OFF + LEN) of IOV; returns the number of pieces. */
static int iov_slice(const struct iovec *iov, int n, uint64_t off, uint64_t len, struct iovec *to)
{
    int k = 0;
    for (int i = 0; i < n && len; i++) {
        if (off >= iov[i].iov_len) {
            off -= iov[i].iov_len;
            continue;
        }
        size_t part = MIN(len, iov[i].iov_len - off);
        to[k++] = (struct iovec){ (uint8_t *)iov[i].iov_base + off, part };
        len -= part;
        off = 0;
    }
    return k;
}

static bool all_zero(const struct iovec *iov, int n)
{
    for (int i = 0; i < n; i++) {
        const uint8_t *p = iov[i].iov_base;
        size_t len = iov[i].iov_len;
        if (len && (p[0] || memcmp(p, p + 1, len - 1)))
            return false;
    }
    return true;
}

/* ---- the end of transfers and requests ---- */

static void job_put(struct job *j);

static void free_part(struct part *p)
{
    free(p->iov);
    free(p->bounce);
    if (!p->single)
        free(p);
}

static void part_done(struct aio_op *op)
{
    struct part *p = (struct part *)op;
    struct job *j = p->job;
    struct node *n = j->b->top;
    if (p->claim.commit) {
        if (!op->error)
            op->error = n->drv->commit(n, &p->claim);
        if (op->error)
            n->drv->abandon(n, &p->claim);
    }
    if (op->error && !j->error)
        j->error = op->error;
    free_part(p);
    job_put(j);
}

static struct part *new_part(struct job *j, bool only)
{
    struct part *p = only ? &j->part : xcalloc(1, sizeof *p);
    *p = (struct part){ .job = j, .single = only, .op.done = part_done };
    j->pending++;
    return p;
}

static void submit_simple(struct job *j, enum aio_kind kind, uint64_t off, uint64_t len)
{
    struct part *p = new_part(j, false);
    p->op.kind = kind;
    p->op.f = j->b->top->f;
    p->op.off = off;
    p->op.len = len;
    aio_submit(j->b->e->aio, &p->op);
}

static void finish(struct job *j)
{
    struct engine *e = j->b->e;
    remove_job(&e->active, j);
    e->retry = true;
    j->r->error = j->error;
    if (!j->quiet) {
        pthread_mutex_lock(&e->lock);
        put(&e->finished, j->r);
        pthread_mutex_unlock(&e->lock);
    }
    j->r = NULL;
    if (j->quiet)
        return;                                  /* block_do() frees it */
    j->next = e->spare;
    e->spare = j;
}

static void job_put(struct job *j)
{
    if (--j->pending)
        return;
    struct node *n = j->b->top;
    bool sync = j->op == BLOCK_FLUSH || ((j->r->sync || j->b->o.writethrough) && (j->op == BLOCK_WRITE || j->op == BLOCK_ZERO));
    if (j->error || !sync || j->synced) {
        finish(j);
        return;
    }
    j->synced = true;
    j->pending = 1;
    if (n->drv->flush)
        j->error = n->drv->flush(n);
    if (!j->error && !n->f->no_flush)
        submit_simple(j, AIO_SYNC, 0, 0);
    job_put(j);
}

/* ---- reading ---- */

static int start_read(struct job *j)
{
    const struct block_req *r = j->r;
    struct block *b = j->b;
    for (uint64_t pos = 0; pos < r->len;) {
        struct extent x;
        int e = chain_map(b->top, r->off + pos, r->len - pos, &x);
        if (e)
            return e;
        if (x.kind == EXTENT_ZERO) {
            iov_zero(r->iov, r->n_iov, pos, x.len);
        } else if (x.kind == EXTENT_FILE) {
            bool only = x.len == r->len;
            struct part *p = new_part(j, only);
            if (!only)
                p->iov = xcalloc((size_t)r->n_iov, sizeof *p->iov);
            p->op.kind = AIO_READ;
            p->op.f = x.node->f;
            p->op.off = x.at;
            p->op.len = x.len;
            p->op.iov = only ? r->iov : p->iov;
            p->op.n_iov = only ? r->n_iov : iov_slice(r->iov, r->n_iov, pos, x.len, p->iov);
            aio_submit(b->e->aio, &p->op);
        } else {
            const uint8_t *data;
            e = x.node->drv->unpack(x.node, &x, &data);
            if (e)
                return e;
            iov_copy(r->iov, r->n_iov, pos, (uint8_t *)(uintptr_t)data + (r->off + pos) % x.node->unit, x.len, true);
        }
        pos += x.len;
    }
    return 0;
}

/* ---- writing ---- */

static uint8_t zeros[64 << 10];
#define ZERO_PIECE (2u << 20)

/* LEN bytes at OFF that must be written along: as they read now. *ZERO: they are zeros by the map. */
static int old_bytes(struct node *n, uint64_t off, uint64_t len, bool *zero)
{
    *zero = true;
    while (len) {
        struct extent x;
        int e = chain_map(n, off, len, &x);
        if (e)
            return e;
        if (x.kind != EXTENT_ZERO) {
            *zero = false;
            return 0;
        }
        off += x.len;
        len -= x.len;
    }
    return 0;
}

/* Read what surrounds the claim's data into P's bounce buffer; what need not be written is cut off the claim. */
static int surround(struct node *n, struct part *p, uint64_t *head, uint64_t *tail)
{
    const struct claim *c = &p->claim;
    bool zero;
    *head = c->head;
    *tail = c->tail;
    int e = old_bytes(n, c->off - c->head, c->head, &zero);
    if (e)
        return e;
    if (zero && c->fresh)
        *head = 0;
    e = old_bytes(n, c->off + c->len, c->tail, &zero);
    if (e)
        return e;
    if (zero && c->fresh)
        *tail = 0;
    p->bounce = *head + *tail ? malloc(*head + *tail) : NULL;
    if (*head + *tail && !p->bounce)
        return ENOMEM;
    e = *head ? chain_read(n, c->off - *head, p->bounce, *head) : 0;
    return e || !*tail ? e : chain_read(n, c->off + c->len, p->bounce + *head, *tail);
}

/*
 * Write up to LEN bytes at OFF; from the request's byte POS on, or zeros (ZERO). *DONE: how many.
 */
static int write_piece(struct job *j, uint64_t off, uint64_t len, uint64_t pos, bool zero, uint64_t *done)
{
    const struct block_req *r = j->r;
    struct node *n = j->b->top;
    struct claim c;
    if (zero)
        len = MIN(len, ZERO_PIECE);
    int e = n->drv->claim(n, off, len, &c);
    if (e)
        return e;
    *done = c.len;
    bool only = !zero && c.len == r->len && !c.commit;
    struct part *p = new_part(j, only);
    p->claim = c;
    uint64_t head = 0, tail = 0;
    if (c.commit)
        e = surround(n, p, &head, &tail);
    if (e) {
        n->drv->abandon(n, &c);
        free_part(p);
        j->pending--;
        return e;
    }
    struct iovec *iov = r->iov;
    int k = r->n_iov;
    if (!only) {
        unsigned room = zero ? ZERO_PIECE / sizeof zeros : (unsigned)r->n_iov;
        iov = p->iov = xcalloc(room + 2, sizeof *iov);
        k = 0;
        if (head)
            iov[k++] = (struct iovec){ p->bounce, head };
        if (zero)
            for (uint64_t at = 0; at < c.len; at += sizeof zeros)
                iov[k++] = (struct iovec){ zeros, MIN(c.len - at, sizeof zeros) };
        else
            k += iov_slice(r->iov, r->n_iov, pos, c.len, iov + k);
        if (tail)
            iov[k++] = (struct iovec){ p->bounce + head, tail };
    }
    p->op.kind = AIO_WRITE;
    p->op.f = n->f;
    p->op.off = c.at - head;
    p->op.len = head + c.len + tail;
    p->op.iov = iov;
    p->op.n_iov = k;
    aio_submit(j->b->e->aio, &p->op);
    return 0;
}

static int start_write(struct job *j)
{
    const struct block_req *r = j->r;
    for (uint64_t pos = 0, done; pos < r->len; pos += done) {
        int e = write_piece(j, r->off + pos, r->len - pos, pos, false, &done);
        if (e)
            return e;
    }
    return 0;
}

static int start_zero(struct job *j)
{
    struct node *n = j->b->top;
    uint64_t off = j->r->off, end = off + j->r->len;
    if (!n->drv->zero) {
        submit_simple(j, j->unmap && n->punch ? AIO_ZERO_FREE : AIO_ZERO, off, end - off);
        return 0;
    }
    while (off < end) {
        uint64_t part = MIN(end - off, n->unit - off % n->unit), done = part;
        bool last = off + part == n->size;       /* a disk's last unit may be cut short */
        int e = 0;
        bool is = false;
        if (off % n->unit || (part < n->unit && !last)) {
            e = old_bytes(n, off, part, &is);
            if (!e && !is)
                e = write_piece(j, off, part, 0, true, &done);
        } else {
            done = end == n->size ? end - off : ALIGN_DOWN(end, n->unit) - off;
            e = n->drv->zero(n, off, done, j->unmap);
            if (e == ENOTSUP)
                e = write_piece(j, off, done, 0, true, &done);
        }
        if (e)
            return e;
        off += done;
    }
    return 0;
}

static int start_discard(struct job *j)
{
    struct node *n = j->b->top;
    uint64_t off = j->r->off, end = off + j->r->len;
    if (!j->b->o.discard && !j->b->o.snapshot)
        return 0;
    if (!n->drv->discard) {
        submit_simple(j, AIO_PUNCH, off, end - off);
        return 0;
    }
    off = ALIGN_UP(off, n->unit);
    end = end == n->size ? end : ALIGN_DOWN(end, n->unit);
    return off < end ? n->drv->discard(n, off, end - off) : 0;
}

/* ---- starting requests ---- */

static bool conflicts(const struct job *a, const struct job *b)
{
    return (a->exclusive || b->exclusive) && a->from < b->to && b->from < a->to;
}

static bool must_wait(struct engine *e, const struct job *j)
{
    for (const struct job *a = e->active.first; a; a = a->next)
        if (conflicts(a, j))
            return true;
    return false;
}

/* What would make an image without a stated format another format's the next time. */
static bool changes_format(const struct job *j)
{
    uint8_t head[BLOCK_SECTOR] = { 0 };
    if (!j->b->guessed_raw || j->r->off || j->op != BLOCK_WRITE)
        return false;
    iov_copy(j->r->iov, j->r->n_iov, 0, head, MIN(sizeof head, j->r->len), false);
    return qcow2_probe(head, sizeof head);
}

static void start(struct job *j)
{
    struct engine *e = j->b->e;
    add_job(&e->active, j);
    j->pending = 1;
    int err = 0;
    bool changes = j->op != BLOCK_READ && j->op != BLOCK_FLUSH;
    if (changes && !j->b->top->writable) {
        err = EROFS;
    } else if (changes_format(j)) {
        warn("%s: a write that would make the raw image a qcow2 was refused: give its format (format=raw)", j->b->o.path);
        err = EPERM;
    } else {
        switch (j->op) {
        case BLOCK_READ: err = start_read(j); break;
        case BLOCK_WRITE: err = start_write(j); break;
        case BLOCK_ZERO: err = start_zero(j); break;
        case BLOCK_DISCARD: err = start_discard(j); break;
        case BLOCK_FLUSH: break;
        }
    }
    if (err && !j->error)
        j->error = err;
    job_put(j);
}

/* What it touches is looked at anew each time: another request may have changed it. */
static void start_or_wait(struct job *j, bool again)
{
    struct node *n = j->b->top;
    struct engine *e = j->b->e;
    if (n->unit > 1 && j->op != BLOCK_FLUSH && j->r->len) {
        j->from = ALIGN_DOWN(j->r->off, n->unit);
        j->to = ALIGN_UP(j->r->off + j->r->len, n->unit);
        j->exclusive = j->op == BLOCK_DISCARD || j->op == BLOCK_ZERO ||
            (j->op == BLOCK_WRITE && n->writable && !n->drv->in_place(n, j->r->off, j->r->len));
        if (must_wait(e, j)) {
            if (!again)
                add_job(&e->waiting, j);
            return;
        }
    }
    if (again)
        remove_job(&e->waiting, j);
    start(j);
}

static void init_job(struct job *j, struct block *b, struct block_req *r)
{
    *j = (struct job){ .b = b, .r = r, .op = r->op, .unmap = r->unmap };
    if (r->op == BLOCK_WRITE && b->o.detect && r->len && all_zero(r->iov, r->n_iov)) {
        j->op = BLOCK_ZERO;
        j->unmap = b->o.detect == BLOCK_DETECT_UNMAP;
    }
}

static void retry_waiting(struct engine *e)
{
    while (e->retry) {
        e->retry = false;
        for (struct job *j = e->waiting.first, *next; j; j = next) {
            next = j->next;
            start_or_wait(j, true);
        }
    }
}

static struct block_req *next_incoming(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    struct block_req *r = take(&e->incoming);
    pthread_mutex_unlock(&e->lock);
    return r;
}

/* Owned: start what has come in, let go on what has ended. What is ended already is not kept waiting by all that has come in. */
static void drive(struct block *b, bool wait)
{
    struct engine *e = b->e;
    for (struct block_req *r; !aio_enough(e->aio) && (r = next_incoming(e));) {
        struct job *j = e->spare;
        if (j)
            e->spare = j->next;
        else
            j = xcalloc(1, sizeof *j);
        init_job(j, b, r);
        start_or_wait(j, false);
    }
    aio_kick(e->aio);
    aio_reap(e->aio, wait && e->active.first);
    retry_waiting(e);
    aio_kick(e->aio);
}

/* ---- the thread ---- */

static void wake(struct engine *e)
{
    uint64_t one = 1;
    if (write(e->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
        bug("eventfd: %s", strerror(errno));
}

/* The requests that have finished, for as long as there are any: several at one taking of the machine lock. */
static void report(struct block *b)
{
    struct engine *e = b->e;
    machine_lock();
    for (;;) {
        pthread_mutex_lock(&e->lock);
        struct block_req *r = take(&e->finished);
        pthread_mutex_unlock(&e->lock);
        if (!r)
            break;
        r->done(r);
    }
    machine_unlock();
}

static bool any_finished(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    bool any = e->finished.first != NULL;
    pthread_mutex_unlock(&e->lock);
    return any;
}

static void *image_thread(void *arg)
{
    struct block *b = arg;
    struct engine *e = b->e;
    pthread_mutex_lock(&e->own);
    while (!e->stop) {
        drive(b, false);
        if (any_finished(e)) {
            pthread_mutex_unlock(&e->own);
            report(b);
            pthread_mutex_lock(&e->own);
            continue;
        }
        pthread_mutex_lock(&e->lock);
        e->sleeping = !e->incoming.first;
        bool sleep = e->sleeping;
        pthread_mutex_unlock(&e->lock);
        if (!sleep)
            continue;
        aio_arm(e->aio, true);
        if (!aio_ready(e->aio)) {
            uint64_t n;
            pthread_mutex_unlock(&e->own);
            if (read(e->wake_fd, &n, sizeof n) < 0 && errno != EINTR)
                bug("eventfd: %s", strerror(errno));
            pthread_mutex_lock(&e->own);
        }
        aio_arm(e->aio, false);
        pthread_mutex_lock(&e->lock);
        e->sleeping = false;
        pthread_mutex_unlock(&e->lock);
    }
    pthread_mutex_unlock(&e->own);
    return NULL;
}

static void start_thread(struct block *b)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);      /* signals are the main thread's */
    if (pthread_create(&b->e->thread, NULL, image_thread, b))
        die("cannot start a thread for disk images");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    b->e->started = true;
}

/* ---- for devices ---- */

void block_submit(struct block *b, struct block_req *r)
{
    struct engine *e = b->e;
    r->error = 0;
    if (!e->started)
        start_thread(b);
    pthread_mutex_lock(&e->lock);
    put(&e->incoming, r);
    bool asleep = e->sleeping;
    e->sleeping = false;
    pthread_mutex_unlock(&e->lock);
    if (asleep)
        wake(e);
}

void block_cancel(struct block *b)
{
    struct engine *e = b->e;
    pthread_mutex_lock(&e->own);
    pthread_mutex_lock(&e->lock);
    e->incoming = (struct req_list){ 0 };
    pthread_mutex_unlock(&e->lock);
    for (struct job *j; (j = e->waiting.first);) {
        remove_job(&e->waiting, j);
        j->next = e->spare;
        e->spare = j;
    }
    while (e->active.first)
        drive(b, true);
    pthread_mutex_lock(&e->lock);
    e->finished = (struct req_list){ 0 };
    pthread_mutex_unlock(&e->lock);
    pthread_mutex_unlock(&e->own);
}

static void drain(struct block *b)
{
    struct engine *e = b->e;
    for (bool more = true; more;) {
        pthread_mutex_lock(&e->own);
        do
            drive(b, true);
        while (e->active.first || e->waiting.first);
        pthread_mutex_unlock(&e->own);
        report(b);
        pthread_mutex_lock(&e->lock);
        more = e->incoming.first || e->finished.first;
        pthread_mutex_unlock(&e->lock);
    }
}

void block_drain_all(void)
{
    for (struct block *b = all_blocks; b; b = b->next)
        drain(b);
}

int block_do(struct block *b, struct block_req *r)
{
    struct engine *e = b->e;
    struct job *j = xcalloc(1, sizeof *j);
    pthread_mutex_lock(&e->own);
    init_job(j, b, r);
    j->quiet = true;
    start_or_wait(j, false);
    while (j->r)
        drive(b, true);
    bool others = any_finished(e);
    pthread_mutex_unlock(&e->own);
    if (others)
        wake(e);
    free(j);
    return r->error;
}

/* ---- opening and closing ---- */

struct block *block_try_open(const struct block_options *o, char **why)
{
    struct node *top = chain_open(o, why);
    if (!top)
        return NULL;
    struct block *b = xcalloc(1, sizeof *b);
    struct engine *e = b->e = xcalloc(1, sizeof *e);
    b->top = top;
    b->o = *o;
    b->guessed_raw = !o->format && !o->snapshot && !top->drv->in_place;
    pthread_mutex_init(&e->own, NULL);
    pthread_mutex_init(&e->lock, NULL);
    e->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (e->wake_fd < 0)
        die("disk images: eventfd: %s", strerror(errno));
    e->aio = aio_new(o->threads, e->wake_fd);
    b->next = all_blocks;
    all_blocks = b;
    return b;
}

struct block *block_open(const struct block_options *o)
{
    char *why = NULL;
    struct block *b = block_try_open(o, &why);
    if (!b)
        die("%s", why);
    return b;
}

void block_close(struct block *b)
{
    struct engine *e = b->e;
    drain(b);
    if (e->started) {
        pthread_mutex_lock(&e->own);
        e->stop = true;
        pthread_mutex_unlock(&e->own);
        wake(e);
        pthread_join(e->thread, NULL);
    }
    chain_close(b->top);
    aio_free(e->aio);
    close(e->wake_fd);
    for (struct job *j; (j = e->spare);) {
        e->spare = j->next;
        free(j);
    }
    struct block **at = &all_blocks;
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    free(e);
    free(b);
}

void block_close_all(void)
{
    while (all_blocks)
        block_close(all_blocks);
}

bool block_describe(const struct block *b, unsigned level, struct block_info *info)
{
    const struct node *n = b->top;
    while (n && level--)
        n = n->backing;
    if (!n)
        return false;
    *info = (struct block_info){
        .path = n->f->path, .format = n->drv->name, .size = n->size, .readonly = !n->writable, .writethrough = b->o.writethrough,
        .direct = b->o.direct, .no_flush = b->o.no_flush,
    };
    return true;
}

uint64_t block_sectors(const struct block *b) { return b->top->size / BLOCK_SECTOR; }
bool block_readonly(const struct block *b) { return b->o.readonly; }
bool block_discards(const struct block *b) { return b->o.discard; }
bool block_writethrough(const struct block *b) { return b->o.writethrough; }
unsigned block_cluster(const struct block *b) { return b->top->unit > 1 ? (unsigned)b->top->unit : 0; }
