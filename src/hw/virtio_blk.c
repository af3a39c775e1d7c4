/*
 * virtio_blk.c - virtio block device (OASIS virtio 1.2, 5.2): its queues' requests go to an image's thread.
 *
 * Owns the requests in flight. Their number is bounded by the queues' sizes, whatever the driver offers. A notification only
 * takes requests off the ring and hands them over; the vCPU does not wait for the image.
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
#define F_MQ (1ull << 12)
#define F_DISCARD (1ull << 13)
#define F_WRITE_ZEROES (1ull << 14)

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };

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
    unsigned queue;
    struct request *next, *prev;
    struct vq_elem e;
    struct iovec iov[VQ_MAX_SEGS];
};

struct virtio_blk {
    struct virtio_dev d;                         /* first */
    struct virtio_ops ops;                       /* features differ by image */
    struct block *b;
    struct virtio_blk_options o;
    char serial[ID_LEN];
    bool writeback;                              /* as the driver wants it */
    struct request *busy, *spare;
    unsigned n_busy[VIRTIO_MAX_QUEUES];
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
    s->n_busy[q->queue]++;
}

static void release(struct virtio_blk *s, struct request *q)
{
    if (q->prev)
        q->prev->next = q->next;
    else
        s->busy = q->next;
    if (q->next)
        q->next->prev = q->prev;
    s->n_busy[q->queue]--;
}

static void give_back(struct virtio_blk *s, struct request *q, uint8_t status, uint32_t written)
{
    (void)!vq_write(&q->e, q->e.in_len - 1, &status, 1);
    virtio_push(&s->d, q->queue, &q->e, written + 1);
    q->next = s->spare;
    s->spare = q;
}

static void kick(struct virtio_dev *d, unsigned n);

static void done(struct block_req *r)
{
    struct request *q = (struct request *)r;
    struct virtio_blk *s = q->s;
    unsigned n = q->queue;
    bool full = s->n_busy[n] >= s->d.vq[n].num;
    release(s, q);
    /* All of a read's buffer may have been written to, failed or not. */
    give_back(s, q, r->error ? S_IOERR : S_OK, r->op == BLOCK_READ ? (uint32_t)(q->e.in_len - 1) : 0);
    virtio_signal(&s->d, n);
    if (full)
        kick(&s->d, n);                          /* what had to wait */
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

/* Sectors of 512 bytes in whole logical blocks. */
static uint64_t capacity(const struct virtio_blk *s)
{
    return ALIGN_DOWN(block_sectors(s->b), s->o.logical / BLOCK_SECTOR);
}

static bool in_image(const struct virtio_blk *s, uint64_t sector, uint64_t n)
{
    uint64_t all = capacity(s);
    return sector <= all && n <= all - sector && !((sector | n) & (s->o.logical / BLOCK_SECTOR - 1));
}

/* A driver that does not know FLUSH cannot ask for one: each write is on the disk when it is done (5.2.6.2). */
static bool write_through(const struct virtio_blk *s)
{
    return !s->writeback || !(s->d.driver_features & (F_FLUSH | F_CONFIG_WCE));
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
        if (!(s->ops.features & (h.type == T_DISCARD ? F_DISCARD : F_WRITE_ZEROES))) {
            *status = block_readonly(s->b) ? S_IOERR : S_UNSUPP;
            return false;
        }
        if (e->out_len != sizeof h + sizeof range ||
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
    r->sync = write_through(s);
    return true;
}

static void kick(struct virtio_dev *d, unsigned n)
{
    struct virtio_blk *s = (struct virtio_blk *)d;
    bool answered = false;
    while (s->n_busy[n] < d->vq[n].num) {
        struct request *q = new_request(s);
        uint8_t status = S_OK;
        uint32_t type = 0;
        q->queue = n;
        if (!virtio_pop(d, n, &q->e)) {
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
        virtio_signal(d, n);
}

static void config_read(struct virtio_dev *d, unsigned off, void *buf, unsigned len)
{
    const struct virtio_blk *s = (struct virtio_blk *)d;
    uint64_t sectors = capacity(s);
    unsigned logical = s->o.logical, exp = (unsigned)__builtin_ctz(s->o.physical / logical);
    const struct blk_config c = {
        .capacity = sectors, .seg_max = s->o.queue_size - 2, .blk_size = logical, .physical_block_exp = (uint8_t)exp,
        .min_io_size = (uint16_t)(s->o.min_io / logical), .opt_io_size = s->o.opt_io / logical,
        .num_queues = (uint16_t)s->o.num_queues, .writeback = s->writeback,
        .cylinders = (uint16_t)MIN(sectors / (16 * 63), 65535), .heads = 16, .sectors = 63,
        .max_discard_sectors = ALIGN_DOWN(ZERO_MAX, logical / BLOCK_SECTOR), .max_discard_seg = 1,
        .discard_sector_alignment = s->o.discard_granularity / BLOCK_SECTOR,
        .max_write_zeroes_sectors = ALIGN_DOWN(ZERO_MAX, logical / BLOCK_SECTOR), .max_write_zeroes_seg = 1, .write_zeroes_may_unmap = block_discards(s->b),
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
    s->writeback = s->o.write_cache > 0 || (!s->o.write_cache && !block_writethrough(s->b));
}

struct virtio_dev *virtio_blk_new(struct block *b, const struct virtio_blk_options *o)
{
    struct virtio_blk *s = xcalloc(1, sizeof *s);
    s->b = b;
    s->o = *o;
    s->o.logical = o->logical ? o->logical : BLOCK_SECTOR;
    s->o.physical = MAX(o->physical, s->o.logical);
    s->o.num_queues = o->num_queues ? o->num_queues : 1;
    s->o.queue_size = o->queue_size ? o->queue_size : VQ_MAX_SIZE;
    s->o.discard_granularity = o->discard_granularity ? o->discard_granularity : MAX(s->o.logical, block_cluster(b));
    s->ops = (struct virtio_ops){
        .name = "virtio-blk", .id = VIRTIO_ID_BLOCK, .n_queues = s->o.num_queues, .config_size = CONFIG_SIZE,
        .features = F_SEG_MAX | F_BLK_SIZE | F_TOPOLOGY | F_FLUSH, .kick = kick, .config_read = config_read,
        .config_write = config_write, .reset = reset,
    };
    for (unsigned i = 0; i < s->o.num_queues; i++)
        s->ops.queue_size[i] = (uint16_t)s->o.queue_size;
    s->ops.features |= s->o.num_queues > 1 ? F_MQ : 0;
    if (block_readonly(b))
        s->ops.features |= F_RO;
    else
        s->ops.features |= F_CONFIG_WCE | (o->no_discard ? 0 : F_DISCARD) | (o->no_write_zeroes ? 0 : F_WRITE_ZEROES);
    memcpy(s->serial, o->serial ? o->serial : "", MIN(o->serial ? strlen(o->serial) : 0, ID_LEN));
    virtio_init(&s->d, &s->ops);
    reset(&s->d);
    return &s->d;
}
