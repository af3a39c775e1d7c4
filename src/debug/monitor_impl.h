/*
 * monitor_impl.h - between the files that make up the monitors: growing text, a session's output, HMP's commands.
 */
#ifndef GNOMON_DEBUG_MONITOR_IMPL_H
#define GNOMON_DEBUG_MONITOR_IMPL_H

#include <stdarg.h>

#include "base/loop.h"
#include "debug/monitor.h"
#include "guest/guest.h"
#include "hw/chardev.h"

extern struct monitor_config monitor;

/* ---- text.c ---- */
struct text {
    char *s;                                     /* NUL-terminated once something was added; NULL before */
    size_t len, room;
};
void text_add(struct text *t, const void *s, size_t len);
void text_printf(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void text_vprintf(struct text *t, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void text_free(struct text *t);
/* T with "\r\n" for "\n", to be freed. */
struct text text_crlf(const struct text *t);

/* ---- mon_io.c: what a session says, kept until the chardev has room ---- */
struct mon_io {
    struct chardev *c;
    struct text pending;
    struct loop_timer retry;
};
void mon_io_init(struct mon_io *io, struct chardev *c);
/* EVENT: may be dropped when the client reads nothing. */
void mon_io_write(struct mon_io *io, const char *s, size_t len, bool event);
/* Should a session take input now? Not while its client does not read the answers. */
bool mon_io_accepts(const struct mon_io *io);
/* The client went. */
void mon_io_drop(struct mon_io *io);

/* ---- hmp.c ---- */
struct hmp {
    unsigned cpu;                                /* which vCPU commands look at */
    char format;                                 /* of x and xp, as given last */
    unsigned unit;                               /* bytes */
};
#define HMP_INIT { .format = 'x', .unit = 4 }
void hmp_run(struct hmp *h, const char *line, struct text *out);

/* What a command is given: the words after its name. */
struct hmp_call {
    struct hmp *h;
    const char *args;                            /* without blanks around; "" if there are none */
    struct text *out;
};
struct hmp_command {
    const char *name, *other;                    /* OTHER: a second name, or NULL */
    const char *args, *help;
    void (*run)(struct hmp_call *c);
};
void hmp_error(struct hmp_call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct vcpu *hmp_vcpu(const struct hmp_call *c);

/* hmp_info.c, hmp_mem.c: the commands that are there; END: name NULL */
extern const struct hmp_command hmp_infos[];
void hmp_x(struct hmp_call *c);
void hmp_xp(struct hmp_call *c);
void hmp_print(struct hmp_call *c);
void hmp_gva2gpa(struct hmp_call *c);
void hmp_info_mem(struct hmp_call *c);
void hmp_info_tlb(struct hmp_call *c);

/* ---- qmp_split.c: a stream of bytes into JSON texts ---- */
#define QMP_MAX_TEXT (1u << 20)                  /* bytes of one message */
#define QMP_MAX_DEPTH 256u
struct qmp_split {
    struct text t;
    unsigned depth;
    bool in_string, escaped, single;             /* SINGLE: a string in '...', which QEMU takes too */
    bool skipping;                               /* to the end of the line, after an error */
};
struct qmp_split_ops {
    void (*message)(void *opaque, const char *text, size_t len);
    void (*error)(void *opaque, const char *what);
};
void qmp_split_feed(struct qmp_split *s, const uint8_t *buf, size_t len, const struct qmp_split_ops *ops, void *opaque);
void qmp_split_reset(struct qmp_split *s);

#endif
