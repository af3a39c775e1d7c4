/*
 * file.c - host files below disk images: opening, size, the lock that keeps a second emulator out, synchronous access.
 *
 * Owns descriptors. Must not know formats.
 *
 * The lock is compatible with QEMU's: open-file-description locks on single bytes of the image, one byte for each
 * permission that its user has (from 100 on) and one for each that it grants nobody else (from 200 on).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <linux/fs.h>
#include <unistd.h>

#include "block/impl.h"

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

static bool lock_image(int fd, const char *path, bool write, char **why)
{
    /* Readers too deny writing: their guest caches what it has read. */
    static const int have[] = { PERM_READ, PERM_WRITE }, deny[] = { PERM_WRITE, PERM_RESIZE };
    unsigned n_have = write ? 2 : 1;
    for (unsigned i = 0; i < n_have; i++)
        if (!lock_byte(fd, HAVE + have[i]))
            return true;
    for (unsigned i = 0; i < ARRAY_LEN(deny); i++)
        if (!lock_byte(fd, DENY + deny[i]))
            return true;
    for (unsigned i = 0; i < n_have; i++)
        if (others_hold(fd, DENY + have[i])) {
            *why = xasprintf("%s: failed to get \"%s\" lock: is another process using the image?", path, perm_name[have[i]]);
            return false;
        }
    for (unsigned i = 0; i < ARRAY_LEN(deny); i++)
        if (others_hold(fd, HAVE + deny[i])) {
            *why = xasprintf("%s: failed to get shared \"%s\" lock: is another process using the image?", path,
                             perm_name[deny[i]]);
            return false;
        }
    return true;
}

static struct file *fail(struct file *f, char **why, char *text)
{
    *why = text;
    file_close(f);
    return NULL;
}

/* O_DIRECT's unit: a block device says so, a file system's block is enough for files. */
static unsigned direct_unit(int fd, const struct stat *st)
{
    int sector = 0;
    if (S_ISBLK(st->st_mode) && ioctl(fd, BLKSSZGET, &sector) == 0 && sector >= 512 && !(sector & (sector - 1)))
        return (unsigned)sector;
    return 4096;
}

struct file *file_open(const char *path, bool write, bool direct, bool lock, char **why)
{
    struct file *f = xcalloc(1, sizeof *f);
    f->path = xasprintf("%s", path);
    f->writable = write;
    f->direct_fd = f->lock_fd = -1;
    f->fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    struct stat st;
    if (f->fd < 0 || fstat(f->fd, &st) < 0)
        return fail(f, why, xasprintf("cannot open %s: %s", path, strerror(errno)));
    if (S_ISDIR(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
        return fail(f, why, xasprintf("%s: not a file or disk", path));
    off_t size = lseek(f->fd, 0, SEEK_END);
    if (size < 0)
        return fail(f, why, xasprintf("%s: %s", path, strerror(errno)));
    f->size = (uint64_t)size;
    f->regular = S_ISREG(st.st_mode);
    if (direct) {
        f->direct_fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_DIRECT);
        if (f->direct_fd < 0)
            return fail(f, why, xasprintf("%s: the file system does not support O_DIRECT: %s", path, strerror(errno)));
        f->align = direct_unit(f->direct_fd, &st);
    }
    if (lock) {
        f->lock_fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        if (f->lock_fd < 0)
            return fail(f, why, xasprintf("cannot open %s: %s", path, strerror(errno)));
        if (!lock_image(f->lock_fd, path, write, why)) {
            file_close(f);
            return NULL;
        }
    }
    return f;
}

struct file *file_temporary(char **why)
{
    const char *dir = getenv("TMPDIR");
    struct file *f = xcalloc(1, sizeof *f);
    f->path = xasprintf("%s/gnomon-XXXXXX", dir && *dir ? dir : "/var/tmp");
    f->direct_fd = f->lock_fd = -1;
    f->fd = mkostemp(f->path, O_CLOEXEC);
    if (f->fd < 0)
        return fail(f, why, xasprintf("snapshot: cannot make %s: %s", f->path, strerror(errno)));
    unlink(f->path);
    f->writable = f->regular = f->no_flush = true;
    return f;
}

void file_close(struct file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    if (f->direct_fd >= 0)
        close(f->direct_fd);
    if (f->lock_fd >= 0)
        close(f->lock_fd);
    free(f->path);
    free(f);
}

int file_read(struct file *f, uint64_t off, void *buf, size_t len)
{
    while (len) {
        ssize_t got = pread(f->fd, buf, len, (off_t)off);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0) {
            memset(buf, 0, len);
            return 0;
        }
        buf = (char *)buf + got;
        off += (size_t)got;
        len -= (size_t)got;
    }
    return 0;
}

int file_write(struct file *f, uint64_t off, const void *buf, size_t len)
{
    if (f->size < off + len)
        f->size = off + len;
    while (len) {
        ssize_t put = pwrite(f->fd, buf, len, (off_t)off);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? errno : EIO;
        buf = (const char *)buf + put;
        off += (size_t)put;
        len -= (size_t)put;
    }
    return 0;
}

int file_zero(struct file *f, uint64_t off, uint64_t len)
{
    static const uint8_t zero[64 << 10];
    int e = 0;
    while (!e && len) {
        size_t n = MIN(len, sizeof zero);
        e = file_write(f, off, zero, n);
        off += n;
        len -= n;
    }
    return e;
}

void file_punch(struct file *f, uint64_t off, uint64_t len)
{
    /* A wish: that the host's file system cannot do it is no error. */
    (void)!fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len);
}

int file_sync(struct file *f)
{
    return f->no_flush || fdatasync(f->fd) == 0 ? 0 : errno;
}
