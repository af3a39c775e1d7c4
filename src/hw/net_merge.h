/*
 * net_merge.h - segments of one TCP connection, as they come one after the other, put together to one frame.
 *
 * Owns nothing. For a card whose driver takes such frames (virtio 1.2, 5.1.6.4: VIRTIO_NET_HDR_GSO_TCPV4): it then handles, and is
 * interrupted for, some forty segments at once.
 */
#ifndef GNOMON_HW_NET_MERGE_H
#define GNOMON_HW_NET_MERGE_H

#include "hw/net.h"

/* Ethernet, IPv4 and TCP without options: what a merged frame begins with. */
#define NET_MERGE_HEADER 54u
#define NET_MERGE_TCP 34u                        /* offset of TCP's header */
#define NET_MERGE_SUM 16u                        /* of the checksum in it */

struct net_merge {
    uint8_t frame[NET_MAX_FRAME];
    size_t len;                                  /* 0: empty */
    unsigned segments;
    uint16_t segment;                            /* bytes of data in each but the last */
    bool closed;                                 /* nothing may follow */
};

/* Takes FRAME if it starts what is empty, or continues what is there. */
bool net_merge_add(struct net_merge *m, const uint8_t *frame, size_t len) MUST_CHECK;
/*
 * Makes lengths and the IP header's checksum those of the whole; TCP's checksum field becomes the sum of the pseudo-header, as one
 * who leaves the checksum to the other side has it. Only for two segments or more; nothing can be added any more.
 */
void net_merge_close(struct net_merge *m);

#endif
