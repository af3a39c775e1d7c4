/*
 * chardev.h - character backends for serial ports and consoles: stdio, file, null, pty, socket, pipe, and the Ctrl-A
 * multiplexer.
 *
 * Owns host file descriptors and the host terminal's mode. Must not know which device is in front.
 *
 * A backend has one front (the device). Input is read from the host only while the front can take it; output is never
 * lost: what the host does not take at once is buffered, and when the buffer is full the writer waits. With nobody
 * connected to a pty or socket, output is dropped. Everything here runs with the machine lock held, except creation (before loop_run()).
 */
#ifndef GNOMON_HW_CHARDEV_H
#define GNOMON_HW_CHARDEV_H

#include "base/base.h"

enum chardev_event { CHARDEV_OPENED, CHARDEV_CLOSED, CHARDEV_FOCUS_IN, CHARDEV_FOCUS_OUT };

/* The device in front of a backend. */
struct chardev_front {
    size_t (*can_receive)(void *opaque);         /* bytes that receive() would take now */
    void (*receive)(void *opaque, const uint8_t *buf, size_t len);
    void (*send_break)(void *opaque);            /* a break condition arrived; may be NULL */
    void *opaque;
    /* The other side came or went, or a multiplexer's focus did; may be NULL. A backend that is open says so at attach. */
    void (*event)(void *opaque, enum chardev_event e);
};

struct chardev;

struct chardev *chardev_null(void);
/*
 * The terminal or pipe on fds 0 and 1. A terminal becomes raw until exit; SIGNALS: Ctrl-C still interrupts gnomon.
 * One only.
 */
struct chardev *chardev_stdio(bool signals);
/* Output only, truncated unless APPEND; die()s if it cannot be opened. */
struct chardev *chardev_file(const char *path, bool append);
/* A new pseudo-terminal; prints "char device redirected to /dev/pts/N (label serial0)" on stdout, as QEMU does. */
struct chardev *chardev_pty(void);
/* The same with another label in that line (QEMU uses the chardev's id). */
struct chardev *chardev_pty_labelled(const char *label);
/* Named pipes PATH.in and PATH.out, or PATH for both directions; die()s if there are none. */
struct chardev *chardev_pipe(const char *path);

struct chardev_socket {
    const char *path;                            /* a local socket; NULL: TCP */
    const char *host, *port;                     /* host "" or NULL: any address (server), this machine (client) */
    bool server;                                 /* listens, one connection at a time; otherwise connects now */
    bool wait;                                   /* server: wait here for the first connection */
    bool telnet;                                 /* offer character mode and take the protocol's commands out */
    unsigned reconnect;                          /* client: seconds between attempts, also when there is none at first; 0: no */
};
struct chardev *chardev_socket(const struct chardev_socket *s);          /* die()s when that fails */
/* Copy all output of C to a file as well. */
void chardev_set_log(struct chardev *c, const char *path, bool append);
/*
 * QEMU's Ctrl-A escapes in front of BACKEND: x quit (loop_quit(0)), h help, b break, c next front (a monitor, say), t time
 * stamps, s (accepted, does nothing), Ctrl-A itself. Up to 8 fronts; input goes to the one with the focus, which is the
 * last that was attached.
 */
struct chardev *chardev_mux(struct chardev *backend);
bool chardev_is_mux(const struct chardev *c);
/* -echr: the escape character of every multiplexer, 1 to 31. */
void chardev_mux_escape(uint8_t ch);
/*
 * By QEMU's words: "stdio", "mon:stdio" (multiplexed), "null", "none" (no device connected: as null), "file:PATH",
 * "pipe:PATH", "pty", "unix:PATH[,server=on][,wait=off]", "tcp:HOST:PORT[,..]", "telnet:HOST:PORT[,..]", or
 * "mon:SPEC". NULL: not a known word (the caller names it in the error). die()s when a known one cannot be opened.
 * stdio is multiplexed only if asked, as in QEMU; -nographic means chardev_open("mon:stdio").
 */
struct chardev *chardev_open(const char *spec) MUST_CHECK;

void chardev_attach(struct chardev *c, const struct chardev_front *front);
/* The bytes that chardev_write() would take without waiting for the host. */
size_t chardev_room(const struct chardev *c);
/* All of it is taken. */
void chardev_write(struct chardev *c, const uint8_t *buf, size_t len);
/* The front has room again: resume reading. */
void chardev_accept_input(struct chardev *c);
/* Write out what is buffered, waiting for the host (at exit). */
void chardev_flush_all(void);

/* ---- what monitors list ---- */
void chardev_set_label(struct chardev *c, const char *label);
struct chardev_info {
    const char *label;
    char filename[256];                          /* in QEMU's words: "stdio", "unix:/x,server=on", "disconnected:..." */
    bool attached;                               /* a device is in front */
};
/* The Nth labelled one; false: there are not so many. */
bool chardev_describe(unsigned n, struct chardev_info *info) MUST_CHECK;

/*
 * Give the terminal back its mode. Async-signal-safe; also runs at exit and on signals that end gnomon (not SIGSEGV,
 * SIGBUS).
 */
void chardev_restore_terminal(void);

#endif
