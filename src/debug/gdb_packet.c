/*
 * gdb_packet.c - the framing of GDB's remote serial protocol. See gdb_packet.h.
 */
#include "debug/gdb_packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gdb_in_reset(struct gdb_in *in)
{
    in->state = GDB_IDLE;
    in->len = 0;
}

static void add(struct gdb_in *in, char c)
{
    if (in->len < GDB_PACKET_MAX)
        in->body[in->len++] = c;
    else
        in->too_long = true;
}

void gdb_in_feed(struct gdb_in *in, const uint8_t *buf, size_t len, const struct gdb_in_ops *ops, void *opaque)
{
    for (size_t i = 0; i < len; i++) {
        char c = (char)buf[i];
        switch (in->state) {
        case GDB_IDLE:
            if (c == '$') {
                in->state = GDB_BODY;
                in->sum = 0;
                in->len = 0;
                in->too_long = false;
            } else if (c == 3) {
                ops->interrupt(opaque);
            } else if (c == '-') {
                ops->nack(opaque);
            }
            break;
        case GDB_BODY:
            if (c == '#') {
                in->state = GDB_SUM1;
                break;
            }
            in->sum += (uint8_t)c;
            if (c == '}')
                in->state = GDB_ESCAPE;
            else
                add(in, c);
            break;
        case GDB_ESCAPE:
            in->sum += (uint8_t)c;
            in->state = GDB_BODY;
            add(in, c ^ 0x20);
            break;
        case GDB_SUM1:
            in->digit = c;
            in->state = GDB_SUM2;
            break;
        case GDB_SUM2:
            in->state = GDB_IDLE;
            in->body[in->len] = 0;
            ops->packet(opaque, in->body, in->len,
                        !in->too_long && gdb_digit(in->digit) >= 0 && gdb_digit(c) >= 0 && (gdb_digit(in->digit) << 4 | gdb_digit(c)) == in->sum);
            break;
        }
    }
}

char *gdb_frame(const char *body, size_t *len)
{
    size_t n = strlen(body);
    char *out = malloc(n + 5);
    uint8_t sum = 0;
    if (!out)
        die("out of memory");
    for (size_t i = 0; i < n; i++)
        sum += (uint8_t)body[i];
    *len = (size_t)snprintf(out, n + 5, "$%s#%02x", body, sum);
    return out;
}

size_t gdb_from_hex(const char *hex, uint8_t *out, size_t room)
{
    size_t n = 0;
    while (n < room && gdb_digit(hex[0]) >= 0 && gdb_digit(hex[1]) >= 0) {
        out[n++] = (uint8_t)(gdb_digit(hex[0]) << 4 | gdb_digit(hex[1]));
        hex += 2;
    }
    return n;
}
