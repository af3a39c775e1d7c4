/*
 * net.h - network backends: what carries Ethernet frames between a network card and the world.
 *
 * Owns nothing. A backend has one card. Machine lock held throughout, except creation.
 */
#ifndef GNOMON_HW_NET_H
#define GNOMON_HW_NET_H

#include "base/base.h"

#define NET_MAX_FRAME 65550u                     /* largest frame that either side may pass: 64 KiB of IP and the header */

struct netdev {
    /* A frame from the card; not kept. */
    void (*send)(struct netdev *n, const uint8_t *frame, size_t len);
    /* Set by the card. RECEIVE may be called from any thread that holds the machine lock, also from within send(). */
    bool (*can_receive)(void *card);
    void (*receive)(void *card, const uint8_t *frame, size_t len);
    /* To be called behind a batch of receive(): the card may have kept frames back to put them together. */
    void (*received)(void *card);
    void *card;
    const char *id;                              /* of -netdev, for monitors; or NULL */
};

/* User networking (-netdev user): the guest behind a NAT, by libslirp. Strings may be NULL; addresses as in QEMU. */
#define NET_USER_FWDS 32
struct net_user_options {
    bool restricted;                             /* no way out but what is forwarded */
    bool no_ipv4, no_ipv6;
    const char *net, *host, *dns, *dhcpstart;    /* "10.0.2.0/24", "10.0.2.2", "10.0.2.3", "10.0.2.15" */
    const char *net6, *host6, *dns6;             /* "fec0::/64", "fec0::2", "fec0::3" */
    const char *hostname, *domain, *tftp, *tftp_name, *bootfile;
    const char *dnssearch[NET_USER_FWDS + 1];    /* ends with NULL */
    unsigned n_dnssearch;
    const char *hostfwd[NET_USER_FWDS];          /* "[tcp|udp]:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT"; IPv6 in brackets */
    unsigned n_hostfwd;
    const char *guestfwd[NET_USER_FWDS];         /* "[tcp]:SERVER:PORT-cmd:COMMAND" */
    unsigned n_guestfwd;
};
struct netdev *net_user_new(const struct net_user_options *o) MUST_CHECK;        /* die()s on what is wrong in it */

/* While the machine is paused the host's side is not looked at: what it sends waits in its sockets. Machine lock held. */
void net_user_pause(bool on);

/* The first user network (ID NULL) or the one with that id; NULL: none. */
struct netdev *net_user_find(const char *id);
/* The Nth user network, in order of creation; NULL past the last. */
struct netdev *net_user_nth(unsigned n);
/* NULL, or what is wrong, as a sentence to be freed. RULE as in struct net_user_options. */
char *net_user_forward(struct netdev *n, const char *rule) MUST_CHECK;
/* "[tcp|udp]:[HOSTADDR]:HOSTPORT". The same. */
char *net_user_unforward(struct netdev *n, const char *rule) MUST_CHECK;
/* A table of connections, to be freed. */
char *net_user_connections(struct netdev *n);
/* "net=10.0.2.0,restrict=off", to be freed. */
char *net_user_describe(const struct netdev *n);

#endif
