/*
 * aio.c - transfers in flight: io_uring where the host permits it, else a pool of threads that all images share.
 *
 * Owns the ring or the place in the pool's queue. Must not know formats. Everything but the pool's threads runs with the
 * image owned; done() is called from aio_reap() only.
 *
 * What the host's page cache can take or give at once is carried out at once: handing it to another thread (io_uring has its own
 * for buffered writes) costs more than the copy. A call that turns out to wait for a disk sends its successors the other way
 * for a while.
 */
#include <errno.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "block/impl.h"

#define ENTRIES 128
#define WORKERS 4
#define MAX_IOV 1024                             /* the host's IOV_MAX */
#define QUICK_MAX (256u << 10)                   /* bytes of a transfer that is tried at once: more are better copied beside it */
#define QUICK_ENOUGH (256u << 10)                /* bytes after which what has ended should be reported */
#define SLOW_NS 2000000u                         /* a call that took so long and slept has waited for a disk */
#define SLOW_FOR_NS 200000000u                   /* how long others are not tried then */
#define WATCHED 16u                              /* calls after a slow one of which it is found out whether they sleep */

struct list { struct aio_op *first, *last; };

static void put(struct list *l, struct aio_op *op)
{
    op->next = NULL;
    if (l->first)
        l->last->next = op;
    else
        l->first = op;
    l->last = op;
}

static struct aio_op *take(struct list *l)
{
    struct aio_op *op = l->first;
    if (op)
        l->first = op->next;
    return op;
}

struct aio {
    bool uring, armed, never_quick;
    int wake_fd;
    struct io_uring ring;
    struct list backlog;                         /* found the submission queue full */
    struct list quick;                           /* ended when they were submitted */
    uint64_t quick_bytes, slow_until;            /* of those; now_ns() until which nothing is tried at once */
    unsigned watched;                            /* calls left */
    /* the pool's: under pool.lock */
    struct list ended;
    pthread_cond_t any;
};

static struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct { struct aio_op *op; struct aio *a; } *queue;          /* a ring */
    unsigned first, n, room;
    bool started;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER };

/* ---- one transfer ---- */

static int pick_fd(const struct aio_op *op)
{
    const struct file *f = op->f;
    if (f->direct_fd < 0 || op->kind > AIO_WRITE)
        return f->fd;
    uint64_t bits_ = op->off | op->len;
    for (int i = 0; i < op->n_iov; i++)
        bits_ |= (uintptr_t)op->iov[i].iov_base | op->iov[i].iov_len;
    return bits_ & (f->align - 1) ? f->fd : f->direct_fd;
}

static int fallocate_mode(const struct aio_op *op)
{
    return (op->kind == AIO_ZERO ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE) | FALLOC_FL_KEEP_SIZE;
}

/* What one system call has done: RES as the kernel gives it. true: the transfer has ended. */
static bool account(struct aio_op *op, long res)
{
    if (res == -EINTR || res == -EAGAIN)
        return false;
    if (op->kind == AIO_SYNC) {
        op->error = res < 0 ? (int)-res : 0;
        return true;
    }
    if (op->kind >= AIO_ZERO) {
        if (res < 0 && op->kind != AIO_PUNCH)
            op->error = file_zero(op->f, op->off, op->len);       /* the host's file system cannot do it */
        return true;
    }
    if (res < 0 || (res == 0 && op->kind == AIO_WRITE && op->len)) {
        op->error = res < 0 ? (int)-res : EIO;
        return true;
    }
    if (res == 0) {                              /* behind the end */
        for (int i = 0; i < op->n_iov; i++)
            memset(op->iov[i].iov_base, 0, op->iov[i].iov_len);
        return true;
    }
    op->off += (uint64_t)res;
    op->len -= (uint64_t)res;
    if (!op->len)
        return true;
    for (size_t left = (size_t)res; left;) {
        size_t part = MIN(left, op->iov->iov_len);
        op->iov->iov_base = (char *)op->iov->iov_base + part;
        op->iov->iov_len -= part;
        left -= part;
        if (op->iov->iov_len)
            break;
        op->iov++;
        op->n_iov--;
    }
    op->fd = op->f->fd;                          /* what is left may not be aligned */
    return false;
}

static long call(struct aio_op *op)
{
    long r = 0;
    switch (op->kind) {
    case AIO_READ: r = preadv(op->fd, op->iov, MIN(op->n_iov, MAX_IOV), (off_t)op->off); break;
    case AIO_WRITE: r = pwritev(op->fd, op->iov, MIN(op->n_iov, MAX_IOV), (off_t)op->off); break;
    case AIO_SYNC: r = fdatasync(op->fd); break;
    case AIO_ZERO: case AIO_ZERO_FREE: case AIO_PUNCH: r = fallocate(op->fd, fallocate_mode(op), (off_t)op->off, (off_t)op->len); break;
    }
    return r < 0 ? -errno : r;
}

static void begin(struct aio_op *op)
{
    op->error = 0;
    op->fd = pick_fd(op);
    if (op->kind != AIO_READ && op->kind != AIO_SYNC && op->f->size < op->off + op->len)
        op->f->size = op->off + op->len;
}

int aio_run(struct aio_op *op)
{
    begin(op);
    while (!account(op, call(op)))
        ;
    return op->error;
}

/* ---- at once ---- */

static long sleeps(void)
{
    struct rusage r;
    return getrusage(RUSAGE_THREAD, &r) == 0 ? r.ru_nvcsw : 0;
}

/* On a busy host a call also takes long because others run meanwhile. That is no reason. */
static bool timed_call(struct aio *a, struct aio_op *op)
{
    uint64_t begun = now_ns();
    if (begun < a->slow_until)
        return false;
    long before = a->watched ? sleeps() : 0;
    bool ended = account(op, call(op));
    uint64_t now = now_ns();
    if (now - begun > SLOW_NS) {
        if (a->watched && sleeps() != before)
            a->slow_until = now + SLOW_FOR_NS;
        a->watched = WATCHED;
    } else if (a->watched) {
        a->watched--;
    }
    return ended;
}

/* false: it has not ended, and goes the other way; a part of it may have been carried out. */
static bool quick(struct aio *a, struct aio_op *op)
{
    uint64_t len = op->len;
    if (a->never_quick || op->kind > AIO_WRITE || op->fd != op->f->fd || len > QUICK_MAX || op->n_iov > MAX_IOV)
        return false;
    bool ended = false;
    if (op->kind == AIO_READ && !op->f->no_nowait) {
        ssize_t n = preadv2(op->fd, op->iov, op->n_iov, (off_t)op->off, RWF_NOWAIT);
        if (n < 0 && errno == EOPNOTSUPP)
            op->f->no_nowait = true;             /* a file system in memory, for one */
        else
            ended = account(op, n < 0 ? -errno : n);
    }
    if (!ended && (op->kind == AIO_WRITE || op->f->no_nowait))
        ended = timed_call(a, op);
    if (ended) {
        put(&a->quick, op);
        a->quick_bytes += len;
    }
    return ended;
}

bool aio_enough(const struct aio *a)
{
    return a->quick_bytes >= QUICK_ENOUGH;
}

/* ---- the pool ---- */

static void *worker(void *arg)
{
    for (;;) {
        pthread_mutex_lock(&pool.lock);
        while (!pool.n)
            pthread_cond_wait(&pool.work, &pool.lock);
        struct aio_op *op = pool.queue[pool.first].op;
        struct aio *a = pool.queue[pool.first].a;
        pool.first = (pool.first + 1) % pool.room;
        pool.n--;
        pthread_mutex_unlock(&pool.lock);

        while (!account(op, call(op)))
            ;

        pthread_mutex_lock(&pool.lock);
        put(&a->ended, op);
        pthread_cond_signal(&a->any);
        if (a->armed) {
            a->armed = false;
            uint64_t one = 1;
            if (write(a->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
                bug("eventfd: %s", strerror(errno));
        }
        pthread_mutex_unlock(&pool.lock);
    }
    return arg;
}

static void start_workers(void)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);      /* signals are the main thread's */
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_t t;
        if (pthread_create(&t, NULL, worker, NULL))
            die("cannot start a thread for disk images");
        pthread_detach(t);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pool.started = true;
}

static void pool_submit(struct aio *a, struct aio_op *op)
{
    pthread_mutex_lock(&pool.lock);
    if (!pool.started)
        start_workers();
    if (pool.n == pool.room) {
        unsigned room = pool.room ? 2 * pool.room : 64;
        void *q = xcalloc(room, sizeof *pool.queue);
        __typeof__(pool.queue) to = q;
        for (unsigned i = 0; i < pool.n; i++)
            to[i] = pool.queue[(pool.first + i) % pool.room];
        free(pool.queue);
        pool.queue = to;
        pool.first = 0;
        pool.room = room;
    }
    unsigned at = (pool.first + pool.n++) % pool.room;
    pool.queue[at].op = op;
    pool.queue[at].a = a;
    pthread_cond_signal(&pool.work);
    pthread_mutex_unlock(&pool.lock);
}

static void pool_reap(struct aio *a, bool wait)
{
    pthread_mutex_lock(&pool.lock);
    while (wait && !a->ended.first)
        pthread_cond_wait(&a->any, &pool.lock);
    struct list l = a->ended;
    a->ended = (struct list){ 0 };
    pthread_mutex_unlock(&pool.lock);
    for (struct aio_op *op; (op = take(&l));)
        op->done(op);
}

/* ---- the ring ---- */

static bool ring_put(struct aio *a, struct aio_op *op)
{
    struct io_uring_sqe *s = io_uring_get_sqe(&a->ring);
    if (!s) {
        io_uring_submit(&a->ring);
        s = io_uring_get_sqe(&a->ring);
        if (!s)
            return false;
    }
    unsigned n = (unsigned)MIN(op->n_iov, MAX_IOV);
    switch (op->kind) {
    case AIO_READ: io_uring_prep_readv(s, op->fd, op->iov, n, op->off); break;
    case AIO_WRITE: io_uring_prep_writev(s, op->fd, op->iov, n, op->off); break;
    case AIO_SYNC: io_uring_prep_fsync(s, op->fd, IORING_FSYNC_DATASYNC); break;
    case AIO_ZERO: case AIO_ZERO_FREE: case AIO_PUNCH:
        io_uring_prep_fallocate(s, op->fd, fallocate_mode(op), (off_t)op->off, (off_t)op->len);
        break;
    }
    io_uring_sqe_set_data(s, op);
    return true;
}

static void ring_submit(struct aio *a, struct aio_op *op)
{
    if (a->backlog.first || !ring_put(a, op))
        put(&a->backlog, op);
}

static void ring_reap(struct aio *a, bool wait)
{
    struct io_uring_cqe *cqe;
    if (wait) {
        aio_kick(a);
        while (io_uring_wait_cqe(&a->ring, &cqe) == -EINTR)
            ;
    }
    while (io_uring_peek_cqe(&a->ring, &cqe) == 0) {
        struct aio_op *op = io_uring_cqe_get_data(cqe);
        int res = cqe->res;
        io_uring_cqe_seen(&a->ring, cqe);
        if (account(op, res))
            op->done(op);
        else
            ring_submit(a, op);
    }
    aio_kick(a);
}

/* ---- both ---- */

struct aio *aio_new(bool threads, int wake_fd)
{
    struct aio *a = xcalloc(1, sizeof *a);
    a->wake_fd = wake_fd;
    a->never_quick = threads;
    pthread_cond_init(&a->any, NULL);
    /* The kernel may lack it, or forbid it (sysctl, seccomp in containers). */
    if (!threads && io_uring_queue_init(ENTRIES, &a->ring, 0) == 0) {
        struct io_uring_probe *p = io_uring_get_probe_ring(&a->ring);
        a->uring = p && io_uring_opcode_supported(p, IORING_OP_FALLOCATE) &&
            (wake_fd < 0 || io_uring_register_eventfd(&a->ring, wake_fd) == 0);
        io_uring_free_probe(p);
        if (!a->uring)
            io_uring_queue_exit(&a->ring);
        else if (wake_fd >= 0)
            io_uring_cq_eventfd_toggle(&a->ring, false);
    }
    return a;
}

void aio_free(struct aio *a)
{
    if (a->uring)
        io_uring_queue_exit(&a->ring);
    pthread_cond_destroy(&a->any);
    free(a);
}

void aio_submit(struct aio *a, struct aio_op *op)
{
    begin(op);
    if (quick(a, op))
        return;
    if (a->uring)
        ring_submit(a, op);
    else
        pool_submit(a, op);
}

void aio_kick(struct aio *a)
{
    if (!a->uring)
        return;
    while (a->backlog.first && ring_put(a, a->backlog.first))
        take(&a->backlog);
    if (io_uring_sq_ready(&a->ring))
        io_uring_submit(&a->ring);
}

void aio_reap(struct aio *a, bool wait)
{
    struct list l = a->quick;
    a->quick = (struct list){ 0 };
    a->quick_bytes = 0;
    wait = wait && !l.first;
    for (struct aio_op *op; (op = take(&l));)
        op->done(op);
    if (a->uring)
        ring_reap(a, wait);
    else
        pool_reap(a, wait);
}

void aio_arm(struct aio *a, bool on)
{
    if (a->uring) {
        io_uring_cq_eventfd_toggle(&a->ring, on);
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* before the caller looks whether something ended in between */
        return;
    }
    pthread_mutex_lock(&pool.lock);
    a->armed = on;
    pthread_mutex_unlock(&pool.lock);
}

bool aio_ready(struct aio *a)
{
    if (a->quick.first)
        return true;
    if (a->uring)
        return io_uring_cq_ready(&a->ring) != 0;
    pthread_mutex_lock(&pool.lock);
    bool any = a->ended.first != NULL;
    pthread_mutex_unlock(&pool.lock);
    return any;
}
