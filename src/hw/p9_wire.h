/*
 * p9_wire.h - reading and writing the fields of 9P messages, little end first, never past the end.
 *
 * Owns nothing. A short message makes BAD stick; what was read then is 0 and the handler's reply is thrown away.
 */
#ifndef GNOMON_HW_P9_WIRE_H
#define GNOMON_HW_P9_WIRE_H

#include <string.h>

#include "hw/p9.h"

struct p9_in { const uint8_t *p, *end; bool bad; };
struct p9_out { uint8_t *p, *end; bool full; };
struct p9_str { const char *s; uint16_t len; };

static inline const uint8_t *p9_take(struct p9_in *in, size_t n)
{
    if ((size_t)(in->end - in->p) < n) {
        in->bad = true;
        in->p = in->end;
        return NULL;
    }
    in->p += n;
    return in->p - n;
}

static inline uint64_t p9_num(struct p9_in *in, unsigned n)
{
    const uint8_t *p = p9_take(in, n);
    uint64_t v = 0;
    for (unsigned i = 0; p && i < n; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}
static inline uint8_t p9_u8(struct p9_in *in) { return (uint8_t)p9_num(in, 1); }
static inline uint16_t p9_u16(struct p9_in *in) { return (uint16_t)p9_num(in, 2); }
static inline uint32_t p9_u32(struct p9_in *in) { return (uint32_t)p9_num(in, 4); }
static inline uint64_t p9_u64(struct p9_in *in) { return p9_num(in, 8); }

static inline struct p9_str p9_string(struct p9_in *in)
{
    struct p9_str s = { .len = p9_u16(in) };
    s.s = (const char *)p9_take(in, s.len);
    if (!s.s)
        s = (struct p9_str){ "", 0 };
    return s;
}

static inline uint8_t *p9_room(struct p9_out *out, size_t n)
{
    if ((size_t)(out->end - out->p) < n) {
        out->full = true;
        return NULL;
    }
    out->p += n;
    return out->p - n;
}

static inline void p9_put(struct p9_out *out, uint64_t v, unsigned n)
{
    uint8_t *p = p9_room(out, n);
    for (unsigned i = 0; p && i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static inline void p9_put_str(struct p9_out *out, const char *s, size_t len)
{
    p9_put(out, len, 2);
    uint8_t *p = p9_room(out, len);
    if (p)
        memcpy(p, s, len);
}

#endif
