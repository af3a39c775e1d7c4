/*
 * p9.h - a 9P2000.L file server over one exported directory: messages in, replies out.
 *
 * Owns the export, its fids and the descriptors behind them. Must not know how messages travel (virtio_9p.c does).
 * Source: the 9P2000.L protocol (diod's protocol.md) over 9P2000 (Plan 9, section 5).
 *
 * The export is never left: files are found one component at a time from descriptors of directories that are already
 * known to be inside, links are never followed on the host, and names with a slash or ".." do not reach a system call.
 */
#ifndef GNOMON_HW_P9_H
#define GNOMON_HW_P9_H

#include "base/base.h"

/* How the guest's owners, modes and special files are kept on the host (names and layout as QEMU's -fsdev local). */
enum p9_model {
    P9_NONE,                                     /* as passthrough, but that an owner cannot be set is no error */
    P9_PASSTHROUGH,
    P9_MAPPED_XATTR,                             /* in user.virtfs.* attributes */
    P9_MAPPED_FILE,                              /* in a directory .virtfs_metadata beside the files */
};
/* What to do with a second file system below the export: inode numbers may be equal. */
enum p9_multidevs { P9_WARN, P9_REMAP, P9_FORBID };

struct p9_options {
    const char *path;
    enum p9_model model;
    enum p9_multidevs multidevs;
    bool readonly;
    unsigned fmode, dmode;                       /* mapped: host modes of new files and directories; 0: 0600 and 0700 */
};

#define P9_MAX_MSIZE (1u << 20)                  /* largest message agreed to */
#define P9_HDR 7u                                /* size[4] type[1] tag[2] */
#define P9_TVERSION 100u
#define P9_TFLUSH 108u
#define P9_RFLUSH 109u

struct p9_server;

struct p9_server *p9_new(const struct p9_options *o);    /* die()s when the directory cannot be opened; strings not kept */
void p9_free(struct p9_server *s);
/*
 * Answer the message at REQ (LEN bytes, as many as its size field says at least) in REPLY (room for CAP). Any thread, no
 * lock needed; several at once. Tflush belongs to the caller, who knows what is in flight. Returns the reply's length; 0:
 * no reply fits, or REQ is not a message at all.
 */
size_t p9_handle(struct p9_server *s, const uint8_t *req, size_t len, uint8_t *reply, size_t cap);
/* Forget all fids, as a new session does. No p9_handle() is running. */
void p9_reset(struct p9_server *s);

static inline uint32_t p9_get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint16_t p9_get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

#endif
