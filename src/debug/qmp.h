/*
 * qmp.h - between the protocol (qmp.c) and its commands (qmp_commands.c).
 */
#ifndef GNOMON_DEBUG_QMP_H
#define GNOMON_DEBUG_QMP_H

#include <jansson.h>

#include "debug/monitor_impl.h"

struct qmp_call {
    json_t *args;                                /* an object, checked against the command's ARGS; borrowed */
    json_t *error;                               /* set by qmp_fail() */
};

struct qmp_command {
    const char *name;
    const char *args;                            /* as check_args() reads it */
    json_t *(*run)(struct qmp_call *c);          /* the value of "return", or NULL after qmp_fail() */
};
extern const struct qmp_command qmp_commands[];  /* END: name NULL */

/* Returns NULL. CLASS: GenericError, CommandNotFound, DeviceNotFound, ... */
json_t *qmp_fail(struct qmp_call *c, const char *class, const char *fmt, ...) PRINTF_LIKE(3, 4);
json_t *qmp_version(void);

#endif
