/*
 * disks.c - the arguments of -drive, -blockdev, -hda to -hdd and -cdrom, and what a disk's -device says.
 *
 * Owns the tables of their properties. Must not open images.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

#define fail(...) xasprintf(__VA_ARGS__)

static bool one_of(const char *s, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(*list, s))
            return true;
    return false;
}

struct opt_drive *opt_find_drive(struct options *o, const char *id)
{
    for (unsigned i = 0; i < o->n_drive; i++)
        if (!strcmp(o->drive[i].id, id))
            return &o->drive[i];
    return NULL;
}

/* ---- JSON: {"driver": "raw", "file": {"driver": "file", "filename": "x"}} is driver=raw,file.driver=file,file.filename=x ---- */

static char *flatten(struct keyvals *k, const char *prefix, json_t *obj)
{
    const char *key;
    json_t *v;
    json_object_foreach(obj, key, v) {
        char *full = xasprintf("%s%s%s", prefix, *prefix ? "." : "", key), *text;
        if (json_is_object(v)) {
            char *e = flatten(k, full, v);
            if (e)
                return e;
            continue;
        }
        if (json_is_string(v))
            text = xasprintf("%s", json_string_value(v));
        else if (json_is_integer(v))
            text = xasprintf("%lld", (long long)json_integer_value(v));
        else if (json_is_boolean(v))
            text = xasprintf("%s", json_is_true(v) ? "on" : "off");
        else if (json_is_null(v))
            text = xasprintf("%s", "");
        else
            return fail("'%s' is neither a string nor a number nor a boolean", full);
        if (k->n == KEYVAL_MAX)
            return fail("too many properties");
        k->kv[k->n++] = (struct keyval){ full, text };
    }
    return NULL;
}

static char *parse_json(struct keyvals *k, const char *arg)
{
    json_error_t at;
    json_t *obj = json_loads(arg, JSON_REJECT_DUPLICATES, &at);
    *k = (struct keyvals){ 0 };
    if (!obj || !json_is_object(obj))
        return fail("not a JSON object: %s", obj ? "it is another value" : at.text);
    char *e = flatten(k, "", obj);
    json_decref(obj);
    return e;
}

/* ---- what a property of an image says ---- */

static char *set_cache(struct block_options *b, const char *v)
{
    static const char *const known[] = { "writeback", "none", "writethrough", "directsync", "unsafe", NULL };
    if (!one_of(v, known))
        return fail("cache=%s: want writeback, none, writethrough, directsync or unsafe", v);
    b->writethrough = !strcmp(v, "writethrough") || !strcmp(v, "directsync");
    b->direct = !strcmp(v, "none") || !strcmp(v, "directsync");
    b->no_flush = !strcmp(v, "unsafe");
    return NULL;
}

static char *set_detect(struct block_options *b, const char *v)
{
    bool on;
    if (!strcmp(v, "unmap"))
        b->detect = BLOCK_DETECT_UNMAP;
    else if (parse_bool(v, &on))
        b->detect = on ? BLOCK_DETECT_ON : BLOCK_DETECT_OFF;
    else
        return fail("detect-zeroes=%s: want on, off or unmap", v);
    return NULL;
}

/* Properties with a boolean value: where it goes, and whether it is the opposite that is kept there. AT 0: nowhere. */
static const struct { const char *name; size_t at; bool inverse; } flags[] = {
    { "readonly", offsetof(struct block_options, readonly), false }, { "read-only", offsetof(struct block_options, readonly), false },
    { "snapshot", offsetof(struct block_options, snapshot), false }, { "cache.direct", offsetof(struct block_options, direct), false },
    { "cache.no-flush", offsetof(struct block_options, no_flush), false },
    { "cache.writeback", offsetof(struct block_options, writethrough), true },
    { "auto-read-only", 0, false }, { "pass-discard-request", 0, false }, { "pass-discard-snapshot", 0, false },
    { "pass-discard-other", 0, false }, { "x-check-cache-dropped", 0, false },
};

/* Properties with one of a few values that make no difference here. */
static const struct { const char *name; const char *const *values; } accepted[] = {
    { "werror", (const char *const[]){ "enospc", "report", "ignore", "stop", NULL } },
    { "rerror", (const char *const[]){ "report", "ignore", "stop", NULL } },
    { "overlap-check", (const char *const[]){ "none", "constant", "cached", "all", NULL } },
    { "copy-on-read", (const char *const[]){ "off", NULL } },
};

/* A qcow2's own. */
static char *qcow2_prop(struct block_options *b, const char *key, const char *v, bool *known)
{
    uint64_t size;
    bool on;
    if (!strcmp(key, "lazy-refcounts")) {
        if (!parse_bool(v, &on))
            return fail("%s=%s: want on or off", key, v);
        b->lazy_refcounts = on ? 1 : -1;
    } else if (!strcmp(key, "l2-cache-size") || !strcmp(key, "refcount-cache-size") || !strcmp(key, "cache-size") ||
               !strcmp(key, "l2-cache-entry-size") || !strcmp(key, "cache-clean-interval")) {
        if (!parse_size(v, 1, &size))
            return fail("%s=%s: not a size", key, v);
        if (!strcmp(key, "l2-cache-size") || !strcmp(key, "cache-size"))
            b->l2_cache = size;
        else if (*key == 'r')
            b->refcount_cache = size;
    } else {
        *known = false;
    }
    return NULL;
}

/* *KNOWN false: not one that disks have. What the file below can also be told has "file." in front. */
static char *drive_prop(struct block_options *b, const char *key, const char *v, bool *known)
{
    static const char *const file_keys[] = { "locking", "aio", "discard", "cache.direct", "cache.no-flush", "read-only",
                                             "auto-read-only", "filename", "driver", "node-name", NULL };
    bool on;
    if (!strncmp(key, "file.", 5)) {
        if (!one_of(key + 5, file_keys)) {
            *known = false;
            return NULL;
        }
        key += 5;
        if (!strcmp(key, "node-name"))
            return NULL;
        if (!strcmp(key, "driver"))
            return strcmp(v, "file") && strcmp(v, "host_device") ? fail("file.driver=%s: want file or host_device", v) : NULL;
    }
    for (unsigned i = 0; i < ARRAY_LEN(flags); i++) {
        if (strcmp(flags[i].name, key))
            continue;
        if (!parse_bool(v, &on))
            return fail("%s=%s: want on or off", key, v);
        if (flags[i].at)
            *(bool *)((char *)b + flags[i].at) = on != flags[i].inverse;
        return NULL;
    }
    for (unsigned i = 0; i < ARRAY_LEN(accepted); i++)
        if (!strcmp(accepted[i].name, key))
            return one_of(v, accepted[i].values) ? NULL : fail("%s=%s is not supported", key, v);
    if (!strcmp(key, "file") || !strcmp(key, "filename")) {
        b->path = strncmp(v, "file:", 5) ? v : v + 5;
    } else if (!strcmp(key, "format")) {
        b->format = v;
    } else if (!strcmp(key, "cache")) {
        return set_cache(b, v);
    } else if (!strcmp(key, "discard")) {
        static const char *const words[] = { "unmap", "on", "ignore", "off", NULL };
        if (!one_of(v, words))
            return fail("discard=%s: want unmap or ignore", v);
        b->discard = !strcmp(v, "unmap") || !strcmp(v, "on");
    } else if (!strcmp(key, "detect-zeroes")) {
        return set_detect(b, v);
    } else if (!strcmp(key, "aio")) {
        static const char *const words[] = { "threads", "native", "io_uring", NULL };
        if (!one_of(v, words))
            return fail("aio=%s: want threads, native or io_uring", v);
        b->threads = !strcmp(v, "threads");
    } else if (!strcmp(key, "locking")) {
        if (strcmp(v, "auto") && !parse_bool(v, &on))
            return fail("%s=%s: want on, off or auto", key, v);
        b->no_lock = strcmp(v, "auto") && !on;
    } else {
        return qcow2_prop(b, key, v, known);
    }
    return NULL;
}

static char *check(const struct block_options *b)
{
    static const char *const formats[] = { "raw", "qcow2", NULL };
    if (b->format && !one_of(b->format, formats))
        return fail("format=%s: raw and qcow2 are supported", b->format);
    if (b->detect == BLOCK_DETECT_UNMAP && !b->discard)
        return fail("detect-zeroes=unmap needs discard=unmap");
    return NULL;
}

static char *add_drive(struct options *o, const struct opt_drive *d)
{
    char *e = check(&d->b);
    if (e)
        return e;
    if (opt_find_drive(o, d->id))
        return fail("id '%s' is taken", d->id);
    if (o->n_drive == OPT_MAX_DEVS)
        return fail("too many disks");
    o->drive[o->n_drive++] = *d;
    return NULL;
}

static char *add_virtio(struct options *o, const char *drive)
{
    if (o->n_dev == OPT_MAX_DEVS)
        return fail("too many devices");
    o->dev[o->n_dev++] = (struct opt_device){ .kind = OPT_DEV_BLK, .slot = -1, .pci = true, .drive = drive };
    return NULL;
}

/* ---- -drive ---- */

/* The image of flash bank INDEX, -1: the next one. */
static char *place_flash(struct options *o, struct opt_drive *d, int index)
{
    for (unsigned i = 0; index < 0 && i < VIRT_FLASHES; i++)
        if (!o->pflash[i])
            index = (int)i;
    if (index < 0 || index >= VIRT_FLASHES)
        return fail("if=pflash: the machine has %d flash banks", VIRT_FLASHES);
    if (o->pflash[index])
        return fail("if=pflash: there is an image for flash bank %d already", index);
    if (!d->id)
        d->id = xasprintf("pflash%d", index);
    d->index = -1;
    d->drive = true;
    o->pflash[index] = d->id;
    return add_drive(o, d);
}

/* Where the disk goes; INDEX: -1 or its place. */
static char *place_drive(struct options *o, struct opt_drive *d, const char *where, int index)
{
    if (strcmp(where, "virtio") && strcmp(where, "none") && strcmp(where, "pflash"))
        return fail("if=%s: this machine has if=virtio, if=pflash, or if=none with a -device", where);
    if (!d->b.path)
        return fail("file=FILE is missing (a drive without medium is not supported)");
    if (!strcmp(where, "pflash"))
        return place_flash(o, d, index);
    d->index = strcmp(where, "virtio") ? -1 : index;
    for (unsigned i = 0; d->index >= 0 && i < o->n_drive; i++)
        if (o->drive[i].index == d->index)
            return fail("index=%d is taken", d->index);
    if (!d->id)
        d->id = xasprintf("%s%u", where, o->n_drive);
    d->drive = true;
    char *e = add_drive(o, d);
    return e || !strcmp(where, "none") ? e : add_virtio(o, d->id);
}

char *opt_drive(struct options *o, const char *arg)
{
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, NULL);
    if (err)
        return fail("%s", err);
    struct opt_drive d = { 0 };
    const char *where = "virtio";
    uint64_t index = UINT64_MAX;
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        bool known = true;
        char *e = NULL;
        if (!strcmp(key, "id") || !strcmp(key, "node-name"))
            d.id = v;
        else if (!strcmp(key, "if"))
            where = v;
        else if (!strcmp(key, "serial"))
            d.serial = v;
        else if (!strcmp(key, "driver"))
            d.b.format = v;
        else if (!strcmp(key, "index") || !strcmp(key, "unit"))
            e = parse_uint(v, &index) && index < 1000 ? NULL : fail("%s=%s: not a number below 1000", key, v);
        else if (!strcmp(key, "bus"))
            e = strcmp(v, "0") ? fail("bus=%s: there is only bus 0", v) : NULL;
        else if (!strcmp(key, "media") && strcmp(v, "disk") && strcmp(v, "cdrom"))
            e = fail("media=%s: want disk or cdrom", v);
        else if (!strcmp(key, "media"))
            d.b.readonly |= !strcmp(v, "cdrom");
        else
            e = drive_prop(&d.b, key, v, &known);
        if (e || !known)
            return e ? e : fail("a drive has no property '%s'", key);
    }
    return place_drive(o, &d, where, index == UINT64_MAX ? -1 : (int)index);
}

char *opt_disk(struct options *o, const char *arg)
{
    struct opt_drive d = { .b.path = arg };
    return place_drive(o, &d, "virtio", -1);
}

char *opt_pflash(struct options *o, const char *arg)
{
    struct opt_drive d = { .b.path = arg };
    return place_drive(o, &d, "pflash", -1);
}

/* A CD in a drive of this machine is a disk that cannot be written. */
char *opt_cdrom(struct options *o, const char *arg)
{
    struct opt_drive d = { .b = { .path = arg, .readonly = true } };
    return place_drive(o, &d, "virtio", -1);
}

/* ---- -blockdev ---- */

/* A format node over a node for a file: what the latter was told counts too. */
static void take_over(struct block_options *b, const struct block_options *f)
{
    b->path = f->path;
    b->readonly |= f->readonly;
    b->discard |= f->discard;
    b->no_lock |= f->no_lock;
    b->direct |= f->direct;
    b->no_flush |= f->no_flush;
    b->threads |= f->threads;
}

/* driver=file,node-name=F,filename=X, perhaps under driver=qcow2,node-name=N,file=F; or file.filename=X in one; or as JSON. */
char *opt_blockdev(struct options *o, const char *arg)
{
    static const char *const drivers[] = { "raw", "qcow2", "file", "host_device", NULL };
    struct keyvals k;
    char *e = NULL;
    const char *err = *arg == '{' ? (e = parse_json(&k, arg)) : keyvals_parse(&k, arg, "driver");
    if (err)
        return e ? e : fail("%s", err);
    struct opt_drive d = { .index = -1 };
    const char *driver = keyvals_get(&k, "driver"), *under = NULL, *backing = NULL;
    if (!driver || !one_of(driver, drivers))
        return fail("driver=%s: raw, qcow2, file and host_device are supported", driver ? driver : "");
    bool format = !strcmp(driver, "raw") || !strcmp(driver, "qcow2"), qcow2 = *driver == 'q';
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        bool known = true;
        e = NULL;
        if (!strcmp(key, "node-name"))
            d.id = v;
        else if (!strcmp(key, "file") && format)
            under = v;
        else if (!strcmp(key, "backing") && qcow2)
            backing = v;
        else if (!strcmp(key, "file") || !strcmp(key, "format") || !strcmp(key, "cache") || !strcmp(key, "snapshot") ||
                 (format && !strcmp(key, "filename")))
            known = false;
        else if (strcmp(key, "driver"))
            e = drive_prop(&d.b, key, v, &known);
        if (e || !known)
            return e ? e : fail("a block device of driver %s has no property '%s'", driver, key);
    }
    if (!d.id)
        return fail("node-name=NAME is missing");
    struct opt_drive *f = under ? opt_find_drive(o, under) : NULL;
    struct opt_drive *back = backing && *backing ? opt_find_drive(o, backing) : NULL;
    if ((under && !f) || (backing && *backing && !back))
        return fail("%s=%s: there is no such node (define it before)", under && !f ? "file" : "backing", under && !f ? under : backing);
    if (f)
        take_over(&d.b, &f->b);
    if (!d.b.path)
        return fail("the file's name is missing");
    d.b.format = qcow2 ? "qcow2" : "raw";
    d.b.backing = back ? &back->b : NULL;
    d.b.no_backing = backing && !*backing;
    return add_drive(o, &d);
}

/* ---- -device virtio-blk-*: what is the disk's ---- */

static bool power_of_2(uint64_t v) { return v && !(v & (v - 1)); }

char *opt_disk_prop(struct opt_device *d, const char *key, const char *v, bool *known)
{
    struct virtio_blk_options *b = &d->blk;
    const struct { const char *name; unsigned *at; uint64_t from, to; bool power; } numbers[] = {
        { "num-queues", &b->num_queues, 1, VIRTIO_MAX_QUEUES, false },
        { "queue-size", &b->queue_size, 4, VQ_MAX_SIZE, true },
        { "logical_block_size", &b->logical, 512, 32768, true }, { "physical_block_size", &b->physical, 512, 1u << 21, true },
        { "min_io_size", &b->min_io, 0, 32u << 20, false }, { "opt_io_size", &b->opt_io, 0, 1u << 30, false },
        { "discard_granularity", &b->discard_granularity, 0, 1u << 30, false },
    };
    for (unsigned i = 0; i < ARRAY_LEN(numbers); i++) {
        uint64_t n;
        if (strcmp(numbers[i].name, key))
            continue;
        if (!parse_size(v, 1, &n) || n < numbers[i].from || n > numbers[i].to || (numbers[i].power && !power_of_2(n)))
            return fail("%s=%s: want %s%llu to %llu", key, v, numbers[i].power ? "a power of 2 from " : "",
                        (unsigned long long)numbers[i].from, (unsigned long long)numbers[i].to);
        *numbers[i].at = (unsigned)n;
        return NULL;
    }
    bool on;
    if (!strcmp(key, "drive")) {
        d->drive = v;
    } else if (!strcmp(key, "serial")) {
        b->serial = v;
    } else if (!strcmp(key, "iothread")) {
        d->iothread = v;
    } else if (!strcmp(key, "write-cache")) {
        if (strcmp(v, "auto") && !parse_bool(v, &on))
            return fail("%s=%s: want on, off or auto", key, v);
        b->write_cache = !strcmp(v, "auto") ? 0 : on ? 1 : -1;
    } else if (!strcmp(key, "discard") || !strcmp(key, "write-zeroes")) {
        if (!parse_bool(v, &on))
            return fail("%s=%s: want on or off", key, v);
        *(*key == 'd' ? &b->no_discard : &b->no_write_zeroes) = !on;
    } else {
        *known = false;
    }
    return NULL;
}

/* After all options: block sizes that go together, drives and threads that exist. */
char *opt_check_disks(struct options *o)
{
    for (unsigned i = 0; i < VIRT_FLASHES; i++)
        if (o->pflash[i] && !opt_find_drive(o, o->pflash[i]))
            return fail("-machine pflash%u=%s: there is no such block device", i, o->pflash[i]);
    if (o->pflash[0] && o->pflash[1] && !strcmp(o->pflash[0], o->pflash[1]))
        return fail("-machine pflash1=%s: the other flash bank has this image", o->pflash[1]);
    if (o->bios && o->pflash[0])
        return fail("-bios and an image for the first flash bank: both are its contents");
    for (unsigned i = 0; i < o->n_dev; i++) {
        const struct opt_device *d = &o->dev[i];
        const struct virtio_blk_options *b = &d->blk;
        unsigned logical = b->logical ? b->logical : 512;
        if (d->kind != OPT_DEV_BLK)
            continue;
        if (d->drive && !opt_find_drive(o, d->drive))
            return fail("-device virtio-blk: drive '%s' is not defined", d->drive);
        for (unsigned n = 0; d->drive && n < VIRT_FLASHES; n++)
            if (o->pflash[n] && !strcmp(o->pflash[n], d->drive))
                return fail("-device virtio-blk: drive '%s' is a flash bank's image", d->drive);
        if (b->physical && b->physical < logical)
            return fail("-device virtio-blk: physical_block_size is smaller than logical_block_size");
        if (b->min_io % logical || b->opt_io % logical || b->discard_granularity % logical)
            return fail("-device virtio-blk: min_io_size, opt_io_size and discard_granularity must be multiples of %u", logical);
    }
    return NULL;
}
