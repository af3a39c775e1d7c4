/*
 * impl.h - inside src/block: host files, format drivers over them, and transfers in flight.
 *
 *     block.c     an image's thread; requests split into transfers; who must wait for whom
 *     raw.c qcow2*.c   format drivers: where on which file a piece of the disk is
 *     file.c      protocol: host files, locked against others
 *     aio.c       transfers: io_uring, or a pool of threads
 *
 * All of an image (its drivers, its backing chain, its transfers) belongs to whoever holds struct block's `own`.
 */
#ifndef GNOMON_BLOCK_IMPL_H
#define GNOMON_BLOCK_IMPL_H

#include <sys/types.h>

#include "block/block.h"

/* ---- file.c ---- */

struct file {
    char *path;
    int fd;                                      /* through the page cache: metadata, and what is not aligned */
    int direct_fd;                               /* O_DIRECT, or -1 */
    bool no_nowait;                              /* aio.c's: the file system cannot say whether a read would wait */
    /* Or -1. Has no transfers: the kernel may hold the files of those for a moment after the process was killed. */
    int lock_fd;
    unsigned align;                              /* of addresses, offsets and lengths for direct_fd */
    bool writable, regular, no_flush;
    uint64_t size;                               /* bytes; grows by what is written or handed out for it */
};

/* NULL: *why. WRITE also asks others not to write; the file is unlocked when LOCK is false. */
struct file *file_open(const char *path, bool write, bool direct, bool lock, char **why) MUST_CHECK;
struct file *file_temporary(char **why) MUST_CHECK;
void file_close(struct file *f);
/* Synchronous, all of it; behind the end there are zeros. 0 or an errno. */
int file_read(struct file *f, uint64_t off, void *buf, size_t len) MUST_CHECK;
int file_write(struct file *f, uint64_t off, const void *buf, size_t len) MUST_CHECK;
int file_zero(struct file *f, uint64_t off, uint64_t len) MUST_CHECK;
void file_punch(struct file *f, uint64_t off, uint64_t len);      /* free the space if the host can */
int file_sync(struct file *f) MUST_CHECK;

/* ---- aio.c ---- */

/* ZERO keeps the space, ZERO_FREE need not; PUNCH is a wish whose failure is none. */
enum aio_kind { AIO_READ, AIO_WRITE, AIO_SYNC, AIO_ZERO, AIO_ZERO_FREE, AIO_PUNCH };

struct aio_op {
    enum aio_kind kind;
    struct file *f;
    uint64_t off, len;
    struct iovec *iov;                           /* changed */
    int n_iov;
    int error;                                   /* 0 or an errno */
    void (*done)(struct aio_op *op);             /* from aio_reap() */
    struct aio_op *next;
    int fd;                                      /* aio.c's */
};

struct aio;
/* WAKE_FD: an eventfd to be written when something has ended while aio_arm(true). */
struct aio *aio_new(bool threads, int wake_fd);
void aio_free(struct aio *a);
void aio_submit(struct aio *a, struct aio_op *op);
void aio_kick(struct aio *a);                    /* after a batch of aio_submit() */
/* Call done() of what has ended. WAIT: at least one has (there must be one in flight). */
void aio_reap(struct aio *a, bool wait);
void aio_arm(struct aio *a, bool on);            /* shall the end of a transfer wake? */
bool aio_ready(struct aio *a);                   /* has something ended? */
bool aio_enough(const struct aio *a);            /* has so much ended at once that it should be reaped before more is submitted? */

/* One transfer, now. */
int aio_run(struct aio_op *op) MUST_CHECK;

/* ---- format drivers ---- */

/* What a piece of an image is, to one who reads. */
enum extent_kind { EXTENT_FILE, EXTENT_ZERO, EXTENT_BACKING, EXTENT_PACKED };

struct extent {
    enum extent_kind kind;
    struct node *node;                           /* whose */
    uint64_t len;                                /* bytes from the offset asked for on */
    uint64_t at;                                 /* FILE: offset in the node's file; PACKED: the driver's, see unpack() */
};

/* A place to write to. */
struct claim {
    uint64_t off, len;                           /* of the image */
    uint64_t at;                                 /* offset of OFF in the file */
    bool fresh;                                  /* nothing was ever written there: reads as zeros */
    bool commit;                                 /* the driver wants to hear that it has been written */
    uint64_t head, tail;                         /* bytes before and behind that must be written with it */
    uint64_t first, n;                           /* the driver's */
    bool allocated;
};

/* All return 0 or an errno and run with the image owned. Offsets and lengths are inside the image. */
struct driver {
    const char *name;
    /* What is at OFF, for up to LEN bytes. */
    int (*map)(struct node *n, uint64_t off, uint64_t len, struct extent *x);
    /* PACKED: the whole cluster that holds image offset OFF; *DATA is the driver's. */
    int (*unpack)(struct node *n, const struct extent *x, const uint8_t **data);
    /* A place for bytes at OFF, up to LEN of them. When C->commit: then commit() or abandon(). */
    int (*claim)(struct node *n, uint64_t off, uint64_t len, struct claim *c);
    int (*commit)(struct node *n, const struct claim *c);
    void (*abandon)(struct node *n, const struct claim *c);
    /* Would claim() change nothing but contents? (NULL: always) */
    bool (*in_place)(struct node *n, uint64_t off, uint64_t len);
    /* Whole units (node's `unit`). zero: ENOTSUP: write zeros instead. NULL: the file does it itself (raw). */
    int (*zero)(struct node *n, uint64_t off, uint64_t len, bool unmap);
    int (*discard)(struct node *n, uint64_t off, uint64_t len);
    int (*flush)(struct node *n);                /* bring metadata to the file, in order */
    void (*close)(struct node *n);               /* the node too, but neither file nor backing */
};

struct node {
    const struct driver *drv;
    struct file *f;
    struct node *backing;                        /* or NULL */
    uint64_t size;                               /* bytes */
    uint64_t unit;                               /* grain of allocation, bytes; 1: none */
    bool writable, punch;                        /* punch: give freed space back to the host */
};

struct node *raw_open(struct file *f, bool writable, bool round) MUST_CHECK;
/* Is this a qcow2 by its first bytes? */
bool qcow2_probe(const uint8_t *head, size_t len);
/* NULL: *why. *BACKING and *BACKING_FORMAT: what the header names, to be freed; or NULL. F stays the caller's then. */
struct node *qcow2_open(struct file *f, bool writable, const struct block_options *o, char **backing,
                        char **backing_format, char **why) MUST_CHECK;
/* Make F, empty, an image of SIZE bytes. 0 or an errno. */
int qcow2_create(struct file *f, uint64_t size) MUST_CHECK;

/* ---- open.c and block.c ---- */

struct node *chain_open(const struct block_options *o, char **why) MUST_CHECK;
void chain_close(struct node *n);
/* Follow the backing chain: never EXTENT_BACKING. OFF may be behind the node's end. */
int chain_map(struct node *n, uint64_t off, uint64_t len, struct extent *x) MUST_CHECK;
/* Synchronous. */
int chain_read(struct node *n, uint64_t off, uint8_t *buf, uint64_t len) MUST_CHECK;

struct block {
    struct node *top;
    struct block_options o;
    bool guessed_raw;                            /* the format was not given: it must not become another one */
    struct engine *e;                            /* block.c's */
    struct block *next;
};

void iov_copy(const struct iovec *iov, int n, uint64_t off, void *buf, uint64_t len, bool to_iov);

#endif
