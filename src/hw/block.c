/*
 * block.c - the worker threads of all disk images, and the transfer of one request to a raw file.
 *
 * Owns the queue of requests, the workers and the temporary file of -snapshot. Must not know devices.
 *
 * Two locks: the machine lock (the caller's, and for done()) and the pool's; the pool's is never held while the machine
 * lock is waited for, so that block_cancel() may wait for the workers with the machine lock held.
 */
#include "hw/block.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "hw/block_impl.h"

#define WORKERS 4
#define CLUSTER BLOCK_CLUSTER                    /* grain of the temporary file */
#define PIECE (256u << 10)                       /* bounce buffer for it, and for writing zeros */

static struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    struct block_list waiting;
    bool started;
} pool = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, { 0 }, false };

static void put(struct block_list *l, struct block_req *r)
{
    r->next = NULL;
    if (!l->first)
        l->last = &l->first;
    *l->last = r;
    l->last = &r->next;
}

static struct block_req *take(struct block_list *l)
{
    struct block_req *r = l->first;
    if (r)
        l->first = r->next;
    return r;
}

/* ---- plain transfers ---- */

/* All of the request at its place; what lies behind the end of the file reads as zeros. 0 or an errno. */
static int transfer(int fd, struct iovec *iov, int n, uint64_t off, bool write)
{
    while (n > 0) {
        ssize_t got = write ? pwritev(fd, iov, n, (off_t)off) : preadv(fd, iov, n, (off_t)off);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0 && write)
            return EIO;
        if (got == 0) {
            for (int i = 0; i < n; i++)
                memset(iov[i].iov_base, 0, iov[i].iov_len);
            return 0;
        }
        off += (size_t)got;
        for (size_t left = (size_t)got; n > 0;) {
            size_t part = MIN(left, iov->iov_len);
            iov->iov_base = (char *)iov->iov_base + part;
            iov->iov_len -= part;
            left -= part;
            if (iov->iov_len)
                break;
            iov++;
            n--;
        }
    }
    return 0;
}

static int move(int fd, void *buf, uint64_t off, size_t len, bool write)
{
    struct iovec v = { buf, len };
    return len ? transfer(fd, &v, 1, off, write) : 0;
}

static int write_zeros(int fd, uint64_t off, uint64_t len)
{
    void *zero = calloc(1, PIECE);
    int e = zero ? 0 : ENOMEM;
    while (!e && len) {
        size_t n = MIN(len, PIECE);
        e = move(fd, zero, off, n, true);
        off += n;
        len -= n;
    }
    free(zero);
    return e;
}

/* ---- the temporary file over the image ---- */

static bool in_overlay(const struct block *b, uint64_t cluster)
{
    return b->overlay_map[cluster / 8] & 1u << cluster % 8;
}

static int overlay_read(struct block *b, uint8_t *buf, uint64_t off, size_t len)
{
    while (len) {
        bool over = in_overlay(b, off / CLUSTER);
        size_t n = MIN(len, CLUSTER - off % CLUSTER);
        while (n < len && in_overlay(b, (off + n) / CLUSTER) == over)
            n += MIN(len - n, CLUSTER);
        int e = move(over ? b->overlay_fd : b->fd, buf, off, n, false);
        if (e)
            return e;
        buf += n;
        off += n;
        len -= n;
    }
    return 0;
}

static int overlay_write(struct block *b, const uint8_t *buf, uint64_t off, size_t len)
{
    while (len) {
        uint64_t cluster = off / CLUSTER;
        size_t in = off % CLUSTER, n = MIN(len, CLUSTER - in);
        uint8_t whole[CLUSTER];
        int e = 0;
        if (n < CLUSTER && !in_overlay(b, cluster))
            e = move(b->fd, whole, cluster * CLUSTER, CLUSTER, false);
        else if (n < CLUSTER)
            e = move(b->overlay_fd, whole, cluster * CLUSTER, CLUSTER, false);
        memcpy(whole + in, buf, n);
        if (!e)
            e = move(b->overlay_fd, whole, cluster * CLUSTER, CLUSTER, true);
        if (e)
            return e;
        b->overlay_map[cluster / 8] |= (uint8_t)(1u << cluster % 8);
        buf += n;
        off += n;
        len -= n;
    }
    return 0;
}

/* Copy between BUF and the iovec from its byte OFF on. */
static void iov_copy(const struct iovec *iov, int n, size_t off, uint8_t *buf, size_t len, bool to_iov)
{
    for (int i = 0; i < n && len; i++) {
        if (off >= iov[i].iov_len) {
            off -= iov[i].iov_len;
            continue;
        }
        size_t part = MIN(len, iov[i].iov_len - off);
        uint8_t *at = (uint8_t *)iov[i].iov_base + off;
        memcpy(to_iov ? at : buf, to_iov ? buf : at, part);
        buf += part;
        len -= part;
        off = 0;
    }
}

static int overlay_do(struct block *b, struct block_req *r)
{
    if (r->op == BLOCK_FLUSH || r->op == BLOCK_DISCARD)
        return 0;
    uint8_t *buf = calloc(1, PIECE);
    if (!buf)
        return ENOMEM;
    int e = 0;
    pthread_mutex_lock(&b->overlay_lock);
    for (uint64_t done = 0; done < r->len && !e;) {
        size_t n = MIN(r->len - done, PIECE);
        if (r->op == BLOCK_READ) {
            e = overlay_read(b, buf, r->off + done, n);
            if (!e)
                iov_copy(r->iov, r->n_iov, done, buf, n, true);
        } else {
            if (r->op == BLOCK_WRITE)
                iov_copy(r->iov, r->n_iov, done, buf, n, false);
            e = overlay_write(b, buf, r->off + done, n);
        }
        done += n;
    }
    pthread_mutex_unlock(&b->overlay_lock);
    free(buf);
    return e;
}

/* ---- one request ---- */

static int sync_file(const struct block *b)
{
    return b->no_flush || fdatasync(b->fd) == 0 ? 0 : errno;
}

static int zero_range(struct block *b, const struct block_req *r)
{
    int how = r->unmap && b->discard ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
    if (fallocate(b->fd, how, (off_t)r->off, (off_t)r->len) == 0)
        return 0;
    return write_zeros(b->fd, r->off, r->len);
}

int block_do(struct block *b, struct block_req *r)
{
    if (b->overlay_map)
        return overlay_do(b, r);
    int e = 0;
    switch (r->op) {
    case BLOCK_READ: return transfer(b->fd, r->iov, r->n_iov, r->off, false);
    case BLOCK_WRITE: e = transfer(b->fd, r->iov, r->n_iov, r->off, true); break;
    case BLOCK_ZERO: e = zero_range(b, r); break;
    case BLOCK_FLUSH: return sync_file(b);
    case BLOCK_DISCARD:
        /* A wish: that the host's file system cannot do it is no error. */
        if (b->discard)
            (void)!fallocate(b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)r->off, (off_t)r->len);
        return 0;
    }
    return e || !(r->sync || b->writethrough) ? e : sync_file(b);
}

/* ---- the workers ---- */

/* The requests that have finished, for as long as there are any: several at one taking of the machine lock. */
static void report_done(struct block *b)
{
    machine_lock();
    for (;;) {
        pthread_mutex_lock(&pool.lock);
        struct block_req *r = take(&b->finished);
        pthread_mutex_unlock(&pool.lock);
        if (!r)
            break;
        r->done(r);
    }
    machine_unlock();
}

static void *worker(void *arg)
{
    for (;;) {
        pthread_mutex_lock(&pool.lock);
        while (!pool.waiting.first)
            pthread_cond_wait(&pool.work, &pool.lock);
        struct block_req *r = take(&pool.waiting);
        struct block *b = r->b;
        b->running++;
        pthread_mutex_unlock(&pool.lock);

        int e = block_do(b, r);

        pthread_mutex_lock(&pool.lock);
        r->error = e;
        put(&b->finished, r);
        if (--b->running == 0)
            pthread_cond_broadcast(&pool.idle);
        pthread_mutex_unlock(&pool.lock);
        report_done(b);
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
}

void block_submit(struct block *b, struct block_req *r)
{
    r->b = b;
    r->error = 0;
    pthread_mutex_lock(&pool.lock);
    if (!pool.started) {
        pool.started = true;
        start_workers();
    }
    put(&pool.waiting, r);
    pthread_cond_signal(&pool.work);
    pthread_mutex_unlock(&pool.lock);
}

void block_cancel(struct block *b)
{
    pthread_mutex_lock(&pool.lock);
    struct block_list keep = { 0 };
    for (struct block_req *r; (r = take(&pool.waiting));)
        if (r->b != b)
            put(&keep, r);
    while (keep.first)
        put(&pool.waiting, take(&keep));
    while (b->running)
        pthread_cond_wait(&pool.idle, &pool.lock);
    b->finished.first = NULL;
    pthread_mutex_unlock(&pool.lock);
}
