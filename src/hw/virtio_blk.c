/*
 * virtio_blk.c - virtio block device (OASIS virtio 1.2, 5.2): one queue, requests to an image's workers.
 *
 * Owns the requests in flight. Their number is bounded by the queue's size, whatever the driver offers.
 */
#include <stdlib.h>
#include <string.h>

#include "block/block.h"
#include "hw/virtio.h"

#define F_SEG_MAX (1ull << 2)
#define F_RO (1ull << 5)
#define F_BLK_SIZE (1ull << 6)
#define F_FLUSH (1ull << 9)
#define F_TOPOLOGY (1ull << 10)
#define F_CONFIG_WCE (1ull << 11)
#define F_DISCARD (1ull << 13)
#define F_WRITE_ZEROES (1ull << 14)

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };

#define QUEUE 256u
#define ID_LEN 20u
#define ZERO_MAX 0x400000u                       /* sectors: 2 GiB in one discard or write-zeroes */

struct blk_config {
    uint64_t capacity;
    uint32_t size_max, seg_max;
    uint16_t cylinders;
    uint8_t heads, sectors;
    uint32_t blk_size;
    uint8_t physical_block_exp, alignment_offset;
    uint16_t min_io_size;
    uint32_t opt_io_size;
    uint8_t writeback, unused0;
    uint16_t num_queues;
    uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
    uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
    uint8_t write_zeroes_may_unmap, unused1[3];
};
_Static_assert(sizeof(struct blk_config) == 64 && offsetof(struct blk_config, write_zeroes_may_unmap) == 56,
               "as in the specification, but for padding at the end");
#define CONFIG_SIZE 60u

struct header { uint32_t type, reserved; uint64_t sector; };
struct range { uint64_t sector; uint32_t sectors, flags; };
_Static_assert(sizeof(struct header) == 16 && sizeof(struct range) == 16, "as in memory");

struct virtio_blk;

struct request {
    struct block_req r;                          /* first */
    struct virtio_blk *s;
    struct request *next, *prev;
    struct vq_elem e;
    struct iovec iov[VQ_MAX_SEGS];
};

struct virtio_blk {
    struct virtio_dev d;                         /* first */
    struct virtio_ops ops;                       /* features differ by image */
    struct block *b;
    char serial[ID_LEN];
    bool writeback;                              /* as the driver wants it */
    struct request *busy, *spare;
    unsigned n_busy;
};

static struct request *new_request(struct virtio_blk *s)
{
    struct request *q = s->spare;
    if (q)
        s->spare = q->next;
    else
        q = xcalloc(1, sizeof *q);
    q->s = s;
    return q;
}

static void hold(struct virtio_blk *s, struct request *q)
{
    q->prev = NULL;
    q->next = s->busy;
    if (s->busy)
        s->busy->prev = q;
    s->busy = q;
    s->n_busy++;
}

static void release(struct virtio_blk *s, struct request *q)
{
    if (q->prev)
        q->prev->next = q->next;
    else
        s->busy = q->next;
    if (q->next)
        q->next->prev = q->prev;
    s->n_busy--;
}

static void give_back(struct virtio_blk *s, struct request *q, uint8_t status, uint32_t written)
{
    (void)!vq_write(&q->e, q->e.in_len - 1, &status, 1);
    virtio_push(&s->d, 0, &q->e, written + 1);
    q->next = s->spare;
    s->spare = q;
}

static void kick(struct virtio_dev *d, unsigned n);

static void done(struct block_req *r)
{
    struct request *q = (struct request *)r;
    struct virtio_blk *s = q->s;
    bool full = s->n_busy >= s->d.vq[0].num;
    release(s, q);
    /* All of a read's buffer may have been written to, failed or not. */
    give_back(s, q, r->error ? S_IOERR : S_OK, r->op == BLOCK_READ ? (uint32_t)(q->e.in_len - 1) : 0);
    virtio_signal(&s->d, 0);
    if (full)
        kick(&s->d, 0);                          /* what had to wait */
}

/* The segments SEG[0..N) from byte OFF on for LEN bytes. */
static int make_iov(struct request *q, const struct vq_seg *seg, unsigned n, uint64_t off, uint64_t len)
{
    int k = 0;
    for (unsigned i = 0; i < n && len; i++) {
        if (off >= seg[i].len) {
            off -= seg[i].len;
            continue;
        }
        uint64_t part = MIN(len, seg[i].len - off);
        q->iov[k++] = (struct iovec){ (uint8_t *)seg[i].base + off, part };
        len -= part;
        off = 0;
    }
    return k;
}

static bool in_image(const struct virtio_blk *s, uint64_t sector, uint64_t n)
{
    uint64_t all = block_sectors(s->b);
    return sector <= all && n <= all - sector;
}

/* Fill q->r from the chain. false: answer STATUS at once. */
static bool decode(struct virtio_blk *s, struct request *q, uint8_t *status)
{
    struct header h;
    struct range range;
    const struct vq_elem *e = &q->e;
    struct block_req *r = &q->r;
    uint64_t len;
    *r = (struct block_req){ .done = done, .iov = q->iov };
    if (vq_read(e, 0, &h, sizeof h) != sizeof h)
        return false;                            /* the caller has seen to it */
    *status = S_IOERR;
    switch (h.type) {
    case T_IN:
        len = e->in_len - 1;
        if (len % BLOCK_SECTOR || !in_image(s, h.sector, len / BLOCK_SECTOR))
            return false;
        r->op = BLOCK_READ;
        r->n_iov = make_iov(q, e->seg + e->n_out, e->n_in, 0, len);
        break;
    case T_OUT:
        len = e->out_len - sizeof h;
        if (block_readonly(s->b) || len % BLOCK_SECTOR || !in_image(s, h.sector, len / BLOCK_SECTOR))
            return false;
        r->op = BLOCK_WRITE;
        r->n_iov = make_iov(q, e->seg, e->n_out, sizeof h, len);
        break;
    case T_FLUSH:
        r->op = BLOCK_FLUSH;
        len = 0;
        break;
    case T_DISCARD: case T_WRITE_ZEROES:
        if (block_readonly(s->b) || e->out_len != sizeof h + sizeof range ||
            vq_read(e, sizeof h, &range, sizeof range) != sizeof range)
            return false;
        if (range.sectors > ZERO_MAX || !in_image(s, range.sector, range.sectors))
            return false;
        *status = S_UNSUPP;
        if (range.flags & (h.type == T_DISCARD ? ~0u : ~1u))
            return false;
        r->op = h.type == T_DISCARD ? BLOCK_DISCARD : BLOCK_ZERO;
        r->unmap = range.flags & 1;
        h.sector = range.sector;
        len = (uint64_t)range.sectors * BLOCK_SECTOR;
        *status = S_OK;
        if (!len)
            return false;
        break;
    default:
        *status = S_UNSUPP;
        return false;
    }
    r->off = h.sector * BLOCK_SECTOR;
    r->len = len;
    r->sync = !s->writeback;
    return true;
}

static void kick(struct virtio_dev *d, unsigned n)
{
    struct virtio_blk *s = (struct virtio_blk *)d;
    bool answered = false;
    while (s->n_busy < d->vq[0].num) {
        struct request *q = new_request(s);
        uint8_t status = S_OK;
        uint32_t type = 0;
        if (!virtio_pop(d, 0, &q->e)) {
            q->next = s->spare;
            s->spare = q;
            break;
        }
        if (q->e.out_len < sizeof(struct header) || !q->e.in_len) {
            q->next = s->spare;
            s->spare = q;
            virtio_broken(d, "a block request without header or status");
            break;
        }
        if (decode(s, q, &status)) {
            hold(s, q);
            block_submit(s->b, &q->r);
            continue;
        }
        uint32_t written = 0;
        if (vq_read(&q->e, 0, &type, sizeof type) == sizeof type && type == T_GET_ID) {
            status = S_OK;
            written = (uint32_t)vq_write(&q->e, 0, s->serial, MIN(ID_LEN, q->e.in_len - 1));
        }
        give_back(s, q, status, written);
        answered = true;
    }
    if (answered)
        virtio_signal(d, 0);
}

static void config_read(struct virtio_dev *d, unsigned off, void *buf, unsigned len)
{
    const struct virtio_blk *s = (struct virtio_blk *)d;
    uint64_t sectors = block_sectors(s->b);
    const struct blk_config c = {
        .capacity = sectors, .seg_max = QUEUE - 2, .blk_size = BLOCK_SECTOR, .num_queues = 1, .writeback = s->writeback,
        .cylinders = (uint16_t)MIN(sectors / (16 * 63), 65535), .heads = 16, .sectors = 63,
        .max_discard_sectors = ZERO_MAX, .max_discard_seg = 1, .discard_sector_alignment = 1,
        .max_write_zeroes_sectors = ZERO_MAX, .max_write_zeroes_seg = 1, .write_zeroes_may_unmap = block_discards(s->b),
    };
    memcpy(buf, (const uint8_t *)&c + off, len);
}

static void config_write(struct virtio_dev *d, unsigned off, const void *buf, unsigned len)
{
    struct virtio_blk *s = (struct virtio_blk *)d;
    if (off == offsetof(struct blk_config, writeback) && len == 1)
        s->writeback = *(const uint8_t *)buf & 1;
}

static void reset(struct virtio_dev *d)
{
    struct virtio_blk *s = (struct virtio_blk *)d;
    block_cancel(s->b);
    while (s->busy) {
        struct request *q = s->busy;
        release(s, q);
        q->next = s->spare;
        s->spare = q;
    }
    s->writeback = !block_writethrough(s->b);
}

struct virtio_dev *virtio_blk_new(struct block *b, const char *serial)
{
    struct virtio_blk *s = xcalloc(1, sizeof *s);
    s->ops = (struct virtio_ops){
        .name = "virtio-blk", .id = VIRTIO_ID_BLOCK, .n_queues = 1, .queue_size = { QUEUE }, .config_size = CONFIG_SIZE,
        .features = F_SEG_MAX | F_BLK_SIZE | F_TOPOLOGY | F_FLUSH, .kick = kick, .config_read = config_read,
        .config_write = config_write, .reset = reset,
    };
    s->ops.features |= block_readonly(b) ? F_RO : F_CONFIG_WCE | F_DISCARD | F_WRITE_ZEROES;
    s->b = b;
    s->writeback = !block_writethrough(b);
    memcpy(s->serial, serial ? serial : "", MIN(serial ? strlen(serial) : 0, ID_LEN));
    virtio_init(&s->d, &s->ops);
    return &s->d;
}
