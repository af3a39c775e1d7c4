/*
 * block.h - disk images: opening them, and asynchronous requests to them.
 *
 * Owns the images and a thread for each. Must not know which device is in front. Formats: raw and qcow2, over host files.
 */
#ifndef GNOMON_BLOCK_BLOCK_H
#define GNOMON_BLOCK_BLOCK_H

#include <sys/uio.h>

#include "base/base.h"

#define BLOCK_SECTOR 512u

enum block_detect { BLOCK_DETECT_OFF, BLOCK_DETECT_ON, BLOCK_DETECT_UNMAP };

struct block_options {
    const char *path;
    const char *format;                          /* "raw", "qcow2", or NULL: by the file's first bytes */
    bool readonly;
    bool snapshot;                               /* writes go to a temporary file that ends with the run */
    bool discard;                                /* discard=unmap: free the space; else discards do nothing */
    enum block_detect detect;                    /* writes of zeros become BLOCK_ZERO */
    bool writethrough;                           /* each write is on the disk before it is done */
    bool direct;                                 /* past the host's page cache */
    bool no_flush;                               /* cache=unsafe: flushes do nothing */
    bool no_lock;                                /* locking=off */
    bool threads;                                /* aio=threads: all transfers by the pool */
    bool no_backing;                             /* qcow2: as if the header named no backing file */
    const struct block_options *backing;         /* qcow2: instead of the one that the header names; or NULL */
    int lazy_refcounts;                          /* qcow2: 1 on, -1 off, 0 as the header says */
    uint64_t l2_cache, refcount_cache;           /* qcow2: bytes; 0: by the image's size */
};

struct block;

/* die()s when it cannot be opened, or another process (gnomon or QEMU) uses it in a way that does not go with ours. */
struct block *block_open(const struct block_options *o) MUST_CHECK;
/* The same, but returns NULL with a line (to be freed) in *WHY. Unlike block_open() it never starts the image's thread. */
struct block *block_try_open(const struct block_options *o, char **why) MUST_CHECK;
uint64_t block_sectors(const struct block *b);
bool block_readonly(const struct block *b);
bool block_discards(const struct block *b);
bool block_writethrough(const struct block *b);
/* For monitors: the image (LEVEL 0) and what lies under it, as opened; false: the chain is not so long. */
struct block_info {
    const char *path, *format;
    uint64_t size;                               /* of the disk, bytes */
    bool readonly, writethrough, direct, no_flush;
};
bool block_describe(const struct block *b, unsigned level, struct block_info *info) MUST_CHECK;
/* The unit in which writing is cheapest, bytes: a qcow2's cluster; 0: none to speak of. */
unsigned block_cluster(const struct block *b);

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_ZERO };

struct block_req {
    enum block_op op;
    uint64_t off, len;                           /* bytes, whole sectors inside the image (the caller checks) */
    struct iovec *iov;                           /* READ, WRITE: LEN bytes in all; changed by the transfer */
    int n_iov;
    bool sync;                                   /* WRITE, ZERO: on the disk before it is done */
    bool unmap;                                  /* ZERO: the space may be freed */
    int error;                                   /* result: 0 or an errno */
    void (*done)(struct block_req *r);           /* any thread, machine lock held */
    struct block_req *next;                      /* block.c's */
};

/* Machine lock held, as at block_cancel(). Requests are independent of each other: their order is not kept. */
void block_submit(struct block *b, struct block_req *r);
/*
 * Forget all requests: those that have not begun are dropped, the others waited for; done() will not be called for any
 * of them. Returns when none touches guest memory any more.
 */
void block_cancel(struct block *b);
/* Wait until every image's requests have ended and been reported. Machine lock not held. */
void block_drain_all(void);
/* Carry out R on this thread, without done(). Returns 0 or an errno. Not from done(). */
int block_do(struct block *b, struct block_req *r) MUST_CHECK;
/* Drain, write what is cached, close. Machine lock not held; nobody uses the image any more. */
void block_close(struct block *b);
void block_close_all(void);

#endif
