/*
 * block_open.c - opening disk images: size, format, the lock that keeps a second emulator out, the temporary file.
 *
 * Owns nothing. Must not know devices.
 *
 * The lock is compatible with QEMU's: open-file-description locks on single bytes of the image, one byte for each
 * permission that its user has (from 100 on) and one for each that it grants nobody else (from 200 on).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hw/block_impl.h"

#define HAVE 100
#define DENY 200
enum { PERM_READ = 0, PERM_WRITE = 1, PERM_RESIZE = 3 };

static const char *const perm_name[] = { "consistent read", "write", "write unchanged", "resize" };

/* false: the host cannot lock such a file. */
static bool lock_byte(int fd, off_t at)
{
    struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
    return fcntl(fd, F_OFD_SETLK, &l) == 0;
}

static bool others_hold(int fd, off_t at)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
    return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static void lock_image(int fd, const char *path, bool write)
{
    /* Readers too deny writing: their guest caches what it has read. */
    static const int have[] = { PERM_READ, PERM_WRITE }, deny[] = { PERM_WRITE, PERM_RESIZE };
    unsigned n_have = write ? 2 : 1;
    for (unsigned i = 0; i < n_have; i++)
        if (!lock_byte(fd, HAVE + have[i]))
            return;
    for (unsigned i = 0; i < ARRAY_LEN(deny); i++)
        if (!lock_byte(fd, DENY + deny[i]))
            return;
    for (unsigned i = 0; i < n_have; i++)
        if (others_hold(fd, DENY + have[i]))
            die("%s: failed to get \"%s\" lock: is another process using the image?", path, perm_name[have[i]]);
    for (unsigned i = 0; i < ARRAY_LEN(deny); i++)
        if (others_hold(fd, HAVE + deny[i]))
            die("%s: failed to get shared \"%s\" lock: is another process using the image?", path, perm_name[deny[i]]);
}

/* What cannot be a disk by its first bytes. NULL: may be raw. */
static const char *foreign_format(int fd)
{
    static const struct { const char *magic, *name; } known[] = {
        { "QFI\xfb", "qcow2" }, { "KDMV", "vmdk" }, { "vhdxfile", "vhdx" }, { "# Disk DescriptorFile", "vmdk" },
    };
    char head[32] = { 0 };
    if (pread(fd, head, sizeof head, 0) < 4)
        return NULL;
    for (unsigned i = 0; i < ARRAY_LEN(known); i++)
        if (!memcmp(head, known[i].magic, strlen(known[i].magic)))
            return known[i].name;
    return NULL;
}

static int temporary_file(void)
{
    const char *dir = getenv("TMPDIR");
    char *path = xasprintf("%s/gnomon-XXXXXX", dir && *dir ? dir : "/var/tmp");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        die("-snapshot: cannot make %s: %s", path, strerror(errno));
    unlink(path);
    free(path);
    return fd;
}

struct block *block_open(const struct block_options *o)
{
    bool write = !o->readonly && !o->snapshot;
    if (o->format && strcmp(o->format, "raw"))
        die("%s: format %s is not supported yet: raw only", o->path, o->format);
    int fd = open(o->path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        die("cannot open %s: %s", o->path, strerror(errno));
    if (S_ISDIR(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
        die("%s: not a file or disk", o->path);
    const char *foreign = o->format ? NULL : foreign_format(fd);
    if (foreign)
        die("%s: is in format %s, which is not supported yet (format=raw takes it as it is)", o->path, foreign);
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0)
        die("%s: %s", o->path, strerror(errno));
    if (!o->no_lock)
        lock_image(fd, o->path, write);

    struct block *b = xcalloc(1, sizeof *b);
    b->fd = fd;
    b->sectors = ((uint64_t)size + BLOCK_SECTOR - 1) / BLOCK_SECTOR;
    b->readonly = o->readonly;
    b->discard = o->discard;
    b->writethrough = o->writethrough;
    b->no_flush = o->no_flush;
    b->overlay_fd = -1;
    pthread_mutex_init(&b->overlay_lock, NULL);
    if (o->snapshot && !o->readonly) {
        b->overlay_fd = temporary_file();
        b->overlay_map = xcalloc(1, b->sectors * BLOCK_SECTOR / BLOCK_CLUSTER / 8 + 2);
    }
    return b;
}

uint64_t block_sectors(const struct block *b) { return b->sectors; }
bool block_readonly(const struct block *b) { return b->readonly; }
bool block_discards(const struct block *b) { return b->discard; }
bool block_writethrough(const struct block *b) { return b->writethrough; }
