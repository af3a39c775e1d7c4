/*
 * gdb_packet.h - the framing of GDB's remote serial protocol (GDB manual, appendix E): bytes into packets and back.
 *
 * Owns checksums, escapes and acknowledgements' recognition. Must not know what packets mean.
 */
#ifndef GNOMON_DEBUG_GDB_PACKET_H
#define GNOMON_DEBUG_GDB_PACKET_H

#include "base/base.h"

#define GDB_PACKET_MAX 0x8000u                    /* bytes of a packet's content, as we tell the client */

struct gdb_in {
    enum { GDB_IDLE, GDB_BODY, GDB_ESCAPE, GDB_SUM1, GDB_SUM2 } state;
    uint8_t sum;                                  /* of the bytes as sent */
    char digit;
    bool too_long;
    size_t len;
    char body[GDB_PACKET_MAX + 1];                /* unescaped, NUL-terminated when delivered */
};
struct gdb_in_ops {
    /* A whole packet; ok: its checksum holds and it was not too long. The body may be changed. */
    void (*packet)(void *opaque, char *body, size_t len, bool ok);
    void (*interrupt)(void *opaque);              /* Ctrl-C between packets */
    void (*nack)(void *opaque);                   /* the last packet that we sent is wanted again */
};
void gdb_in_feed(struct gdb_in *in, const uint8_t *buf, size_t len, const struct gdb_in_ops *ops, void *opaque);
void gdb_in_reset(struct gdb_in *in);

/* A packet of BODY, to be freed; *len: its bytes. BODY must not hold '$', '#', '}' or '*'. */
char *gdb_frame(const char *body, size_t *len);

/* Hexadecimal digits, two a byte, into OUT; the bytes made, at most ROOM. Ends at the first that is no digit. */
size_t gdb_from_hex(const char *hex, uint8_t *out, size_t room);
static inline int gdb_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

#endif
