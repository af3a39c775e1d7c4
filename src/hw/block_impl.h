/*
 * block_impl.h - between block.c and block_open.c: what an image is.
 */
#ifndef GNOMON_HW_BLOCK_IMPL_H
#define GNOMON_HW_BLOCK_IMPL_H

#include <pthread.h>

#include "hw/block.h"

struct block_list { struct block_req *first, **last; };          /* LAST is set by the first put() */

struct block {
    int fd;
    uint64_t sectors;
    bool readonly, discard, writethrough, no_flush;
    pthread_mutex_t overlay_lock;
    uint8_t *overlay_map;                        /* a bit for each cluster that is in overlay_fd; NULL: no overlay */
    int overlay_fd;
    unsigned running;                            /* requests with the workers; the pool's lock, as the next */
    struct block_list finished;                  /* done() not yet called */
};

/* Room for the overlay's map. */
#define BLOCK_CLUSTER 4096u

#endif
