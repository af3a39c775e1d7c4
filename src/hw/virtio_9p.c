/*
 * virtio_9p.c - virtio 9P transport device (OASIS virtio 1.2 lists it as device 9): messages of one queue to a 9P server.
 *
 * Owns the requests in flight and the worker threads. Must not read a message beyond its header: p9.h does. Tflush is
 * answered here, since here is known what it can still stop.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "hw/p9.h"
#include "hw/virtio.h"

#define F_MOUNT_TAG (1ull << 0)
#define QUEUE 128u
#define WORKERS 4u
#define MAX_TAG 255u

enum state { WAITING, RUNNING, FINISHED };

struct request {
    struct request *next;                        /* in its list */
    struct request *flushes;                     /* Tflush requests that are answered after this one */
    enum state state;
    uint16_t tag, old_tag;
    uint8_t type;
    uint32_t written;                            /* FINISHED: the reply's length; 0: none */
    struct vq_elem e;
};

struct virtio_9p {
    struct virtio_dev d;                         /* first */
    struct virtio_ops ops;                       /* the configuration's size differs by tag */
    struct p9_server *server;
    char tag[MAX_TAG + 1];
    pthread_mutex_t lock;                        /* what follows; taken after the machine lock */
    pthread_cond_t work, idle;
    struct request *head, *tail;                 /* not answered yet, in the order of arrival */
    struct request *finished;
    struct request *spare;
    unsigned n_running, n_waiting, n_busy;       /* BUSY: all that have been popped and not given back */
    bool alone;                                  /* a Tversion runs, and nothing else may */
    bool frozen;                                 /* nothing may begin */
};

static struct request *take_spare(struct virtio_9p *s)
{
    struct request *r = s->spare;
    if (r)
        s->spare = r->next;
    else
        r = xcalloc(1, sizeof *r);
    r->next = r->flushes = NULL;
    return r;
}

static void unlink_request(struct virtio_9p *s, struct request *r)
{
    struct request *prev = NULL, *i = s->head;
    for (; i != r; i = i->next)
        prev = i;
    *(prev ? &prev->next : &s->head) = r->next;
    if (s->tail == r)
        s->tail = prev;
}

/* R and the flushes that wait for it are to be given back, in this order. */
static void finish(struct virtio_9p *s, struct request *r)
{
    struct request **at = &s->finished;
    while (*at)
        at = &(*at)->next;
    *at = r;
    r->state = FINISHED;
    r->next = NULL;
    struct request *f = r->flushes;
    r->flushes = NULL;
    while (f) {
        struct request *next = f->next;
        at = &(*at)->next;
        *at = f;
        f->next = NULL;
        f = next;
    }
}

static uint32_t flush_reply(struct request *r)
{
    const uint8_t m[P9_HDR] = { P9_HDR, 0, 0, 0, P9_RFLUSH, (uint8_t)r->tag, (uint8_t)(r->tag >> 8) };
    return (uint32_t)vq_write(&r->e, 0, m, sizeof m);
}

/* Machine lock held: give the driver what is finished. True: more could not be taken before, and now can. */
static bool give_back(struct virtio_9p *s)
{
    pthread_mutex_lock(&s->lock);
    struct request *r = s->finished;
    s->finished = NULL;
    pthread_mutex_unlock(&s->lock);
    if (!r)
        return false;
    struct request *all = r, *last = NULL;
    unsigned n = 0;
    for (; r; last = r, r = r->next, n++)
        virtio_push(&s->d, 0, &r->e, r->type == P9_TFLUSH ? flush_reply(r) : r->written);
    virtio_signal(&s->d, 0);
    pthread_mutex_lock(&s->lock);
    last->next = s->spare;
    s->spare = all;
    bool full = s->n_busy >= QUEUE;
    s->n_busy -= n;
    pthread_mutex_unlock(&s->lock);
    return full;
}

/* ---- workers ---- */

static void kick(struct virtio_dev *d, unsigned q);

static struct request *next_request(struct virtio_9p *s)
{
    if (!s->n_waiting || s->alone || s->frozen)
        return NULL;
    struct request *r = s->head;
    while (r->state != WAITING)
        r = r->next;
    /* A new session begins when the old one's requests have been answered. */
    return r->type == P9_TVERSION && s->n_running ? NULL : r;
}

static void *worker(void *arg)
{
    struct virtio_9p *s = arg;
    uint8_t *in = xcalloc(1, P9_MAX_MSIZE), *out = xcalloc(1, P9_MAX_MSIZE);
    pthread_mutex_lock(&s->lock);
    for (;;) {
        struct request *r = next_request(s);
        if (!r) {
            pthread_cond_wait(&s->work, &s->lock);
            continue;
        }
        r->state = RUNNING;
        s->n_running++;
        s->n_waiting--;
        s->alone = r->type == P9_TVERSION;
        pthread_mutex_unlock(&s->lock);

        size_t len = vq_read(&r->e, 0, in, P9_MAX_MSIZE);
        /* The driver's memory may have changed since it was looked at: what was decided by holds. */
        in[4] = r->type;
        in[5] = (uint8_t)r->tag;
        in[6] = (uint8_t)(r->tag >> 8);
        len = p9_handle(s->server, in, len, out, MIN(r->e.in_len, P9_MAX_MSIZE));
        r->written = (uint32_t)vq_write(&r->e, 0, out, len);

        pthread_mutex_lock(&s->lock);
        s->n_running--;
        s->alone = false;
        unlink_request(s, r);
        finish(s, r);
        if (!s->n_running)
            pthread_cond_broadcast(&s->idle);
        if (s->n_waiting)
            pthread_cond_broadcast(&s->work);
        pthread_mutex_unlock(&s->lock);
        /* A reset may come in between: then there is nothing left to give back. */
        machine_lock();
        if (give_back(s))
            kick(&s->d, 0);
        machine_unlock();
        pthread_mutex_lock(&s->lock);
    }
    return NULL;
}

static void start_workers(struct virtio_9p *s)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);      /* signals are the main thread's */
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_t t;
        if (pthread_create(&t, NULL, worker, s))
            die("cannot start a thread for a shared folder");
        pthread_detach(t);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* ---- the device ---- */

/* Stop or await what has the tag R asks for; lock held. */
static void flush(struct virtio_9p *s, struct request *r)
{
    struct request *i = s->head;
    for (; i; i = i->next) {
        bool hit = i->tag == r->old_tag;
        for (struct request *f = i->flushes; f; f = f->next)
            hit |= f->tag == r->old_tag;         /* a flush that waits itself */
        if (hit)
            break;
    }
    if (!i) {                                    /* answered already */
        finish(s, r);
        return;
    }
    struct request **at = &i->flushes;
    while (*at)
        at = &(*at)->next;
    *at = r;
    if (i->state == WAITING) {
        i->written = 0;                          /* not begun: it never will, and gets no reply */
        s->n_waiting--;
        unlink_request(s, i);
        finish(s, i);
    }
}

/* Take what the driver offers, as many at a time as an honest one can; true: any. */
static bool take(struct virtio_9p *s)
{
    struct virtio_dev *d = &s->d;
    bool any = false;
    pthread_mutex_lock(&s->lock);
    while (s->n_busy < QUEUE) {
        struct request *r = take_spare(s);
        uint8_t h[P9_HDR + 2] = { 0 };
        if (!virtio_pop(d, 0, &r->e)) {
            r->next = s->spare;
            s->spare = r;
            break;
        }
        size_t n = vq_read(&r->e, 0, h, sizeof h);
        if (n < P9_HDR || r->e.in_len < P9_HDR + 4) {
            r->next = s->spare;
            s->spare = r;
            virtio_broken(d, "a 9P message without header or room for an answer");
            break;
        }
        r->type = h[4];
        r->tag = p9_get16(h + 5);
        r->old_tag = p9_get16(h + P9_HDR);
        any = true;
        s->n_busy++;
        if (r->type == P9_TFLUSH) {
            flush(s, r);
            continue;
        }
        r->state = WAITING;
        *(s->tail ? &s->tail->next : &s->head) = r;
        s->tail = r;
        s->n_waiting++;
        pthread_cond_signal(&s->work);
    }
    pthread_mutex_unlock(&s->lock);
    return any;
}

static void kick(struct virtio_dev *d, unsigned q)
{
    struct virtio_9p *s = (struct virtio_9p *)d;
    while (take(s) && give_back(s)) {
    }
}

static void reset(struct virtio_dev *d)
{
    struct virtio_9p *s = (struct virtio_9p *)d;
    pthread_mutex_lock(&s->lock);
    for (struct request *r = s->head, *next; r; r = next) {
        next = r->next;
        if (r->state != WAITING)
            continue;
        unlink_request(s, r);
        finish(s, r);
    }
    s->n_waiting = 0;
    /* None may touch guest memory after this. They do not need the machine lock to get here. */
    while (s->n_running)
        pthread_cond_wait(&s->idle, &s->lock);
    for (struct request *r = s->finished, *next; r; r = next) {
        next = r->next;
        r->next = s->spare;
        s->spare = r;
    }
    s->finished = NULL;
    s->n_busy = 0;
    pthread_mutex_unlock(&s->lock);
    p9_reset(s->server);
}

static void freeze(struct virtio_dev *d, bool on)
{
    struct virtio_9p *s = (struct virtio_9p *)d;
    pthread_mutex_lock(&s->lock);
    s->frozen = on;
    while (on && s->n_running)
        pthread_cond_wait(&s->idle, &s->lock);
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    if (on)
        (void)give_back(s);                      /* what workers would, as soon as they get the machine lock */
}

static void config_read(struct virtio_dev *d, unsigned off, void *buf, unsigned len)
{
    const struct virtio_9p *s = (struct virtio_9p *)d;
    size_t n = strlen(s->tag);
    uint8_t c[2 + MAX_TAG] = { (uint8_t)n, (uint8_t)(n >> 8) };
    memcpy(c + 2, s->tag, n);
    memcpy(buf, c + off, len);
}

struct virtio_dev *virtio_9p_new(const struct p9_options *o, const char *tag)
{
    struct virtio_9p *s = xcalloc(1, sizeof *s);
    size_t len = strlen(tag);
    if (!len || len > MAX_TAG)
        die("mount_tag=%s: want 1 to %u bytes", tag, MAX_TAG);
    memcpy(s->tag, tag, len);
    s->ops = (struct virtio_ops){
        .name = "virtio-9p", .id = VIRTIO_ID_9P, .features = F_MOUNT_TAG, .n_queues = 1, .queue_size = { QUEUE },
        .config_size = (unsigned)(2 + len), .kick = kick, .config_read = config_read, .reset = reset, .freeze = freeze,
    };
    virtio_init(&s->d, &s->ops);
    s->server = p9_new(o);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->idle, NULL);
    start_workers(s);
    return &s->d;
}
