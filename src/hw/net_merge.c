/*
 * net_merge.c - segments of one TCP connection, as they come one after the other, put together to one frame.
 *
 * Owns nothing. Must not know cards or networks. Only what loses nothing by it is taken: IPv4 without options or fragments, TCP
 * without options, no flags but ACK and PSH, everything but sequence number, length, identification and checksums equal; all but
 * the last of one length. Linux does the same with what it receives (GRO).
 */
#include "hw/net_merge.h"

#include <string.h>

enum { ETH_TYPE = 12, IP = 14, IP_LEN = 16, IP_ID = 18, IP_FRAG = 20, IP_TTL = 22, IP_PROTO = 23, IP_SUM = 24, IP_SRC = 26,
       TCP = NET_MERGE_TCP, TCP_SEQ = TCP + 4, TCP_ACK = TCP + 8, TCP_OFF = TCP + 12, TCP_FLAGS = TCP + 13, TCP_WINDOW = TCP + 14,
       TCP_SUM = TCP + NET_MERGE_SUM, TCP_URGENT = TCP + 18 };
#define MAX_LEN (IP + 65535u)
#define PSH 0x08u
#define ACK 0x10u

_Static_assert(MAX_LEN <= NET_MAX_FRAME && TCP + 20 == NET_MERGE_HEADER, "the longest IP packet fits");

static unsigned get16(const uint8_t *p) { return (unsigned)p[0] << 8 | p[1]; }
static uint32_t get32(const uint8_t *p) { return (uint32_t)get16(p) << 16 | get16(p + 2); }

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* The Internet checksum's sum (RFC 1071), not yet complemented. */
static uint32_t sum16(const uint8_t *p, unsigned len, uint32_t sum)
{
    for (unsigned i = 0; i < len; i += 2)
        sum += get16(p + i);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static bool data_segment(const uint8_t *f, size_t len)
{
    return len > NET_MERGE_HEADER && get16(f + ETH_TYPE) == 0x0800 && f[IP] == 0x45 && get16(f + IP_LEN) == len - IP &&
           !(get16(f + IP_FRAG) & 0xbfff) && f[IP_PROTO] == 6 && f[TCP_OFF] == 0x50 && (f[TCP_FLAGS] & ~PSH) == ACK &&
           !get16(f + TCP_URGENT);
}

static bool same(const uint8_t *a, const uint8_t *b, unsigned from, unsigned to)
{
    return !memcmp(a + from, b + from, to - from);
}

bool net_merge_add(struct net_merge *m, const uint8_t *frame, size_t len)
{
    if (!data_segment(frame, len))
        return false;
    size_t data = len - NET_MERGE_HEADER;
    if (!m->len) {
        memcpy(m->frame, frame, len);
        m->len = len;
        m->segments = 1;
        m->segment = (uint16_t)data;
        m->closed = frame[TCP_FLAGS] & PSH;
        return true;
    }
    const uint8_t *f = m->frame;
    uint32_t expected = get32(f + TCP_SEQ) + (uint32_t)(m->len - NET_MERGE_HEADER);
    if (m->closed || data > m->segment || m->len + data > MAX_LEN || get32(frame + TCP_SEQ) != expected ||
        !same(f, frame, 0, IP_LEN) || !same(f, frame, IP_FRAG, IP_SUM) || !same(f, frame, IP_SRC, TCP_SEQ) ||
        !same(f, frame, TCP_ACK, TCP_FLAGS) || !same(f, frame, TCP_WINDOW, TCP_SUM))
        return false;
    memcpy(m->frame + m->len, frame + NET_MERGE_HEADER, data);
    m->len += data;
    m->segments++;
    m->frame[TCP_FLAGS] |= frame[TCP_FLAGS];
    m->closed = data < m->segment || frame[TCP_FLAGS] & PSH;
    return true;
}

void net_merge_close(struct net_merge *m)
{
    uint8_t *f = m->frame;
    unsigned tcp_len = (unsigned)(m->len - TCP);
    put16(f + IP_LEN, (unsigned)(m->len - IP));
    put16(f + IP_SUM, 0);
    put16(f + IP_SUM, ~sum16(f + IP, 20, 0) & 0xffff);
    put16(f + TCP_SUM, sum16(f + IP_SRC, 8, 6 + tcp_len));
    m->closed = true;
}
