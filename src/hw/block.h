/*
 * block.h - disk images: raw files, read and written by worker threads; locked against a second user; thrown-away writes.
 *
 * Owns the image's descriptor and the workers. Must not know which device is in front.
 */
#ifndef GNOMON_HW_BLOCK_H
#define GNOMON_HW_BLOCK_H

#include <sys/uio.h>

#include "base/base.h"

#define BLOCK_SECTOR 512u

struct block_options {
    const char *path;
    const char *format;                          /* "raw", or NULL: raw unless the file looks like something else */
    bool readonly;
    bool snapshot;                               /* writes go to a temporary file that ends with the run */
    bool discard;                                /* discard=unmap: free the space; else discards do nothing */
    bool writethrough;                           /* each write is on the disk before it is done */
    bool no_flush;                               /* cache=unsafe: flushes do nothing */
    bool no_lock;                                /* locking=off */
};

struct block;

/* die()s when it cannot be opened, or another process (gnomon or QEMU) uses it in a way that does not go with ours. */
struct block *block_open(const struct block_options *o) MUST_CHECK;
uint64_t block_sectors(const struct block *b);
bool block_readonly(const struct block *b);
bool block_discards(const struct block *b);
bool block_writethrough(const struct block *b);

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_ZERO };

struct block_req {
    enum block_op op;
    uint64_t off, len;                           /* bytes, inside the image (the caller checks) */
    struct iovec *iov;                           /* READ, WRITE: LEN bytes in all; changed by the transfer */
    int n_iov;
    bool sync;                                   /* WRITE, ZERO: on the disk before it is done */
    bool unmap;                                  /* ZERO: the space may be freed */
    int error;                                   /* result: 0 or an errno */
    void (*done)(struct block_req *r);           /* any thread, machine lock held */
    struct block *b;                             /* the rest is block.c's */
    struct block_req *next;
};

/* Machine lock held, as at block_cancel(). */
void block_submit(struct block *b, struct block_req *r);
/*
 * Forget all requests: those that have not begun are dropped, the others waited for; done() will not be called for any
 * of them. Returns when none touches guest memory any more.
 */
void block_cancel(struct block *b);
/* As the workers do it, but now, on this thread. Returns 0 or an errno. */
int block_do(struct block *b, struct block_req *r) MUST_CHECK;

#endif
