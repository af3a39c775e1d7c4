/*
 * chardev_impl.h - between the files that make up chardev: the structure that every backend embeds, and the backend on
 * host descriptors that the others build on.
 */
#ifndef GNOMON_HW_CHARDEV_IMPL_H
#define GNOMON_HW_CHARDEV_IMPL_H

#include "base/loop.h"
#include "hw/chardev.h"

#define CHARDEV_OUT_SIZE 65536u

struct chardev_ops {
    void (*attach)(struct chardev *c, const struct chardev_front *front);
    void (*write)(struct chardev *c, const uint8_t *buf, size_t len);
    void (*accept_input)(struct chardev *c);
    size_t (*room)(const struct chardev *c);
};

struct chardev {
    const struct chardev_ops *ops;
    struct chardev *log;                         /* output is copied there; NULL: nowhere */
    const char *label, *filename;                /* for chardev_describe() */
    bool attached;
    struct chardev *next;                        /* of the labelled ones */
};

struct fd_chardev {
    struct chardev c;                            /* first */
    int in, out;                                 /* -1: none */
    bool in_watched, out_watched, dead;          /* dead: the reader of our output has gone */
    bool whole;                                  /* a write never blocks: no need to write in small pieces */
    struct chardev_front front;
    struct loop_timer flush;
    size_t used;
    uint8_t buf[CHARDEV_OUT_SIZE];
    struct fd_chardev *next;
    /* The other side has gone (end of input, or its reader); NULL: nobody else comes. Machine lock held. */
    void (*gone)(struct fd_chardev *f);
    /* Change what was read in place; returns the bytes left. NULL: as it is. */
    size_t (*filter)(struct fd_chardev *f, uint8_t *buf, size_t len);
};

/* Make F, which is zeroed, a backend on these descriptors. */
void chardev_fd_init(struct fd_chardev *f, int in, int out);
/* Other descriptors (non-blocking ones) instead of none. */
void chardev_fd_connect(struct fd_chardev *f, int in, int out);
/* Watch none any more and drop what is buffered; the caller closes. */
void chardev_fd_disconnect(struct fd_chardev *f);

#endif
