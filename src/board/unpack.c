/*
 * unpack.c - gzip (zlib) and zstd (libzstd) into a growing buffer with a limit.
 */
#include "board/unpack.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

struct out {
    uint8_t *data;
    uint64_t len, room, limit;
};

/* Room for more; false: the limit is reached. */
static bool grow(struct out *o)
{
    if (o->len < o->room)
        return true;
    if (o->room >= o->limit)
        return false;
    uint64_t room = MIN(o->room ? 2 * o->room : 1u << 20, o->limit);
    uint8_t *p = realloc(o->data, room);
    if (!p)
        die("out of memory");
    o->data = p;
    o->room = room;
    return true;
}

static const char *gunzip(struct out *o, const uint8_t *in, uint64_t len)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)in };
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return "zlib does not start";
    const char *err = NULL;
    int r = Z_OK;
    while (r != Z_STREAM_END) {
        if (!grow(o)) {
            err = "it unpacks to more than RAM holds";
            break;
        }
        uint64_t left = len - (uint64_t)(z.next_in - in);
        uInt give = (uInt)MIN(left, 1u << 30), room = (uInt)MIN(o->room - o->len, 1u << 30);
        z.avail_in = give;
        z.next_out = o->data + o->len;
        z.avail_out = room;
        r = inflate(&z, Z_NO_FLUSH);
        o->len += room - z.avail_out;
        if (r != Z_STREAM_END && (r != Z_OK || (z.avail_in == give && z.avail_out == room))) {
            err = r == Z_BUF_ERROR || r == Z_OK ? "the gzip data is truncated" : "the gzip data is damaged";
            break;
        }
    }
    inflateEnd(&z);
    return err;
}

static const char *unzstd(struct out *o, const uint8_t *in, uint64_t len)
{
    ZSTD_DCtx *z = ZSTD_createDCtx();
    if (!z)
        die("out of memory");
    ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 31);
    ZSTD_inBuffer src = { in, len, 0 };
    const char *err = NULL;
    for (;;) {
        if (!grow(o)) {
            err = "it unpacks to more than RAM holds";
            break;
        }
        ZSTD_outBuffer dst = { o->data + o->len, o->room - o->len, 0 };
        size_t before = src.pos, r = ZSTD_decompressStream(z, &dst, &src);
        o->len += dst.pos;
        if (ZSTD_isError(r)) {
            err = "the zstd data is damaged";
            break;
        }
        if (r == 0)
            break;                               /* end of the frame */
        if (!dst.pos && src.pos == before) {
            err = "the zstd data is truncated";
            break;
        }
    }
    ZSTD_freeDCtx(z);
    return err;
}

uint8_t *unpack(enum unpack_kind kind, const uint8_t *in, uint64_t len, uint64_t limit, uint64_t *out_len,
                const char **err)
{
    struct out o = { .limit = limit };
    *err = kind == UNPACK_GZIP ? gunzip(&o, in, len) : unzstd(&o, in, len);
    if (*err) {
        free(o.data);
        return NULL;
    }
    *out_len = o.len;
    return o.data;
}
