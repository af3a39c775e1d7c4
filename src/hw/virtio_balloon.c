/*
 * virtio_balloon.c - virtio memory balloon (OASIS virtio 1.2, 5.5): pages that the guest gives up go back to the host.
 *
 * Owns the wanted and the present size and the last statistics. Must not keep a page that the guest has not offered: what
 * is given back reads as zero afterwards.
 */
#include <string.h>

#include "hw/virtio.h"
#include "mem/mem.h"

#define F_STATS (1ull << 1)
#define F_DEFLATE_ON_OOM (1ull << 2)
#define F_FREE_PAGE_HINT (1ull << 3)
#define F_PAGE_POISON (1ull << 4)
#define F_REPORTING (1ull << 5)

#define PAGE 4096ull                             /* of the protocol and of the host */
#define QUEUE 128u
#define BATCH 256u

enum { INFLATE, DEFLATE, STATS };

struct config { uint32_t num_pages, actual, hint_id, poison; };
_Static_assert(sizeof(struct config) == 16, "as in the specification");

struct stat { uint16_t tag; uint64_t value; } __attribute__((packed));

struct virtio_balloon {
    struct virtio_dev d;                         /* first */
    struct virtio_ops ops;                       /* queues and features differ */
    unsigned hint, reporting;                    /* their queues; 0: none. Without gaps, as Linux and QEMU count them */
    struct config c;
    bool have_stats;                             /* stats is the driver's buffer, held until new ones are wanted */
    struct vq_elem e, stats;
    struct virtio_balloon_info info;
};

static struct virtio_balloon *the_balloon;       /* monitors ask for it; one a machine, as in QEMU */
static void (*on_change)(uint64_t actual);

static void give_up(uint64_t gpa, uint64_t len)
{
    uint64_t from = ALIGN_UP(gpa, PAGE), to = ALIGN_DOWN(gpa + len, PAGE);
    if (from < to)
        mem_discard(from, to - from);
}

/* A chain of page numbers: neighbours are given up together. */
static void inflate(const struct vq_elem *e)
{
    uint64_t start = 0, n = 0;
    for (size_t off = 0;;) {
        uint32_t pfn[BATCH];
        size_t got = vq_read(e, off, pfn, sizeof pfn) / sizeof pfn[0];
        for (size_t i = 0; i < got; i++) {
            if (n && pfn[i] == start + n) {
                n++;
            } else if (n && pfn[i] + 1ull == start) {    /* Linux often goes downwards */
                start--;
                n++;
            } else {
                give_up(start * PAGE, n * PAGE);
                start = pfn[i];
                n = 1;
            }
        }
        off += got * sizeof pfn[0];
        if (got < BATCH)
            break;
    }
    give_up(start * PAGE, n * PAGE);
}

static void read_stats(struct virtio_balloon *s)
{
    struct stat st;
    for (size_t off = 0; vq_read(&s->stats, off, &st, sizeof st) == sizeof st && off < 64 * sizeof st; off += sizeof st)
        if (st.tag < VIRTIO_BALLOON_STATS) {
            s->info.stat[st.tag] = st.value;
            s->info.have |= 1u << st.tag;
        }
}

static void kick(struct virtio_dev *d, unsigned q)
{
    struct virtio_balloon *s = (struct virtio_balloon *)d;
    bool any = false;
    if (q == STATS) {
        while (!s->have_stats && virtio_pop(d, q, &s->stats)) {
            s->have_stats = true;
            read_stats(s);
        }
        return;
    }
    while (virtio_pop(d, q, &s->e)) {
        if (q == INFLATE) {
            inflate(&s->e);
        } else if (q == s->reporting && q) {
            /* The buffers are the pages. A driver that poisons free pages relies on what is in them. */
            for (unsigned i = 0; i < s->e.n_in && !s->c.poison; i++)
                give_up(s->e.seg[s->e.n_out + i].gpa, s->e.seg[s->e.n_out + i].len);
        }
        virtio_push(d, q, &s->e, 0);
        any = true;
    }
    if (any)
        virtio_signal(d, q);
}

/* Bytes that the guest has. */
static uint64_t has(const struct virtio_balloon *s) { return mem_ram.size - MIN(mem_ram.size, s->c.actual * PAGE); }

static void config_read(struct virtio_dev *d, unsigned off, void *buf, unsigned len)
{
    memcpy(buf, (const uint8_t *)&((struct virtio_balloon *)d)->c + off, len);
}

static void config_write(struct virtio_dev *d, unsigned off, const void *buf, unsigned len)
{
    struct virtio_balloon *s = (struct virtio_balloon *)d;
    if (len != 4)
        return;
    if (off == offsetof(struct config, actual)) {
        uint32_t old = s->c.actual;
        memcpy(&s->c.actual, buf, len);
        if (s->c.actual != old && on_change)
            on_change(has(s));
    } else if (off == offsetof(struct config, poison) && d->driver_features & F_PAGE_POISON) {
        memcpy(&s->c.poison, buf, len);
    }
}

static void reset(struct virtio_dev *d)
{
    struct virtio_balloon *s = (struct virtio_balloon *)d;
    s->have_stats = false;
    s->c.actual = s->c.poison = 0;
    s->info.have = 0;
}

bool virtio_balloon_query(struct virtio_balloon_info *info)
{
    struct virtio_balloon *s = the_balloon;
    if (!s)
        return false;
    *info = s->info;
    info->ram = mem_ram.size;
    info->actual = has(s);
    if (s->have_stats && !virtio_frozen()) {
        /* The driver answers an empty buffer with new numbers: for the next one who asks. */
        s->have_stats = false;
        virtio_push(&s->d, STATS, &s->stats, 0);
        virtio_signal(&s->d, STATS);
    }
    return true;
}

void virtio_balloon_on_change(void (*cb)(uint64_t actual)) { on_change = cb; }

bool virtio_balloon_set(uint64_t bytes)
{
    struct virtio_balloon *s = the_balloon;
    if (!s)
        return false;
    s->c.num_pages = (uint32_t)((mem_ram.size - MIN(bytes, mem_ram.size)) / PAGE);
    virtio_config_changed(&s->d);
    return true;
}

struct virtio_dev *virtio_balloon_new(const struct virtio_balloon_options *o)
{
    struct virtio_balloon *s = xcalloc(1, sizeof *s);
    if (the_balloon)
        die("there can be only one virtio-balloon");
    the_balloon = s;
    s->ops = (struct virtio_ops){
        .name = "virtio-balloon", .id = VIRTIO_ID_BALLOON, .n_queues = 3, .queue_size = { QUEUE, QUEUE, QUEUE, QUEUE, QUEUE },
        .features = F_STATS | F_PAGE_POISON | (o->deflate_on_oom ? F_DEFLATE_ON_OOM : 0), .config_size = sizeof(struct config),
        .kick = kick, .config_read = config_read, .config_write = config_write, .reset = reset,
    };
    if (o->free_page_hint) {
        /* Hints serve migration, which never begins here: the command stays "stop". */
        s->ops.features |= F_FREE_PAGE_HINT;
        s->hint = s->ops.n_queues++;
    }
    if (o->free_page_reporting) {
        s->ops.features |= F_REPORTING;
        s->reporting = s->ops.n_queues++;
    }
    virtio_init(&s->d, &s->ops);
    return &s->d;
}
