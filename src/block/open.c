/*
 * open.c - from options to a chain of images: format, backing files, the temporary image of snapshot=on.
 *
 * Owns nothing. Must not know requests.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/impl.h"

#define MAX_DEPTH 64                             /* of a backing chain; also ends one that bites its tail */

/* Formats that a raw disk could be taken for. NULL: may be raw. */
static const char *foreign_format(const uint8_t *head, size_t len)
{
    static const struct { const char *magic, *name; } known[] = {
        { "KDMV", "vmdk" }, { "vhdxfile", "vhdx" }, { "# Disk DescriptorFile", "vmdk" }, { "conectix", "vpc" },
    };
    for (unsigned i = 0; i < ARRAY_LEN(known); i++)
        if (!memcmp(head, known[i].magic, MIN(len, strlen(known[i].magic))))
            return known[i].name;
    return NULL;
}

/* A backing file's name as the header has it, seen from the image at PATH. NULL: *why. */
static char *backing_path(const char *path, const char *name, char **why)
{
    if (!strncmp(name, "file:", 5))
        name += 5;
    const char *colon = strchr(name, ':'), *slash = strchr(name, '/');
    if (colon && (!slash || colon < slash)) {
        *why = xasprintf("%s: backing file '%s' is not a local file", path, name);
        return NULL;
    }
    slash = strrchr(path, '/');
    return *name == '/' || !slash ? xasprintf("%s", name) : xasprintf("%.*s/%s", (int)(slash - path), path, name);
}

static struct node *open_level(const struct block_options *o, const char *path, const char *format, bool write,
                               unsigned depth, char **why);

static bool open_backing(const struct block_options *o, struct node *n, char *name, char *format, unsigned depth, char **why)
{
    bool ok = true;
    if (o && o->backing) {
        n->backing = open_level(o->backing, o->backing->path, o->backing->format, false, depth + 1, why);
        ok = n->backing != NULL;
    } else if (name && !(o && o->no_backing)) {
        char *path = backing_path(n->f->path, name, why);
        struct block_options inherited = { .no_lock = o && o->no_lock, .direct = o && o->direct };
        n->backing = path ? open_level(&inherited, path, format, false, depth + 1, why) : NULL;
        ok = n->backing != NULL;
        free(path);
    }
    free(name);
    free(format);
    return ok;
}

static struct node *open_level(const struct block_options *o, const char *path, const char *format, bool write,
                               unsigned depth, char **why)
{
    if (depth > MAX_DEPTH) {
        *why = xasprintf("%s: more than %d backing files behind each other, or a circle of them", path, MAX_DEPTH);
        return NULL;
    }
    struct file *f = file_open(path, write, o->direct, !o->no_lock, why);
    if (!f)
        return NULL;
    f->no_flush = o->no_flush;
    uint8_t head[32] = { 0 };
    if (file_read(f, 0, head, sizeof head)) {
        *why = xasprintf("%s: cannot be read", path);
        file_close(f);
        return NULL;
    }
    const char *foreign = format ? NULL : foreign_format(head, sizeof head);
    struct node *n = NULL;
    char *name = NULL, *name_format = NULL;
    if (foreign)
        *why = xasprintf("%s: is in format %s, which is not supported (format=raw takes it as it is)", path, foreign);
    else if (format ? !strcmp(format, "qcow2") : qcow2_probe(head, sizeof head))
        n = qcow2_open(f, write, o, &name, &name_format, why);
    else if (!format || !strcmp(format, "raw"))
        n = raw_open(f, write, !depth);
    else
        *why = xasprintf("%s: format %s is not supported: raw and qcow2 are", path, format);
    if (!n) {
        file_close(f);
        return NULL;
    }
    n->punch = o->discard;
    if (!open_backing(o, n, name, name_format, depth, why)) {
        chain_close(n);
        return NULL;
    }
    return n;
}

/* A temporary image over N, which becomes its backing file. */
static struct node *put_snapshot(struct node *n, char **why)
{
    struct file *f = file_temporary(why);
    struct node *top = NULL;
    char *name = NULL, *format = NULL;
    const struct block_options o = { .discard = true };
    if (f && qcow2_create(f, n->size))
        *why = xasprintf("snapshot: cannot write to %s", f->path);
    else if (f)
        top = qcow2_open(f, true, &o, &name, &format, why);
    if (!top) {
        if (f)
            file_close(f);
        chain_close(n);
        return NULL;
    }
    top->punch = true;
    top->backing = n;
    return top;
}

struct node *chain_open(const struct block_options *o, char **why)
{
    bool snapshot = o->snapshot && !o->readonly;
    struct node *n = open_level(o, o->path, o->format, !o->readonly && !snapshot, 0, why);
    if (n && n->size % BLOCK_SECTOR)
        n->size = ALIGN_UP(n->size, BLOCK_SECTOR);
    return n && snapshot ? put_snapshot(n, why) : n;
}

void chain_close(struct node *n)
{
    while (n) {
        struct node *backing = n->backing;
        struct file *f = n->f;
        n->drv->close(n);
        file_close(f);
        n = backing;
    }
}

int chain_map(struct node *n, uint64_t off, uint64_t len, struct extent *x)
{
    for (;; n = n->backing) {
        if (!n || off >= n->size) {              /* a backing file may be the shorter */
            *x = (struct extent){ .kind = EXTENT_ZERO, .len = len };
            return 0;
        }
        len = MIN(len, n->size - off);
        int e = n->drv->map(n, off, len, x);
        if (e)
            return e;
        len = x->len;
        if (x->kind != EXTENT_BACKING)
            return 0;
    }
}

int chain_read(struct node *n, uint64_t off, uint8_t *buf, uint64_t len)
{
    while (len) {
        struct extent x;
        int e = chain_map(n, off, len, &x);
        if (!e && x.kind == EXTENT_ZERO) {
            memset(buf, 0, x.len);
        } else if (!e && x.kind == EXTENT_FILE) {
            e = file_read(x.node->f, x.at, buf, x.len);
        } else if (!e) {
            const uint8_t *data;
            e = x.node->drv->unpack(x.node, &x, &data);
            if (!e)
                memcpy(buf, data + off % x.node->unit, x.len);
        }
        if (e)
            return e;
        off += x.len;
        buf += x.len;
        len -= x.len;
    }
    return 0;
}
