/*
 * monitor.h - control of a machine from outside: QMP (JSON) and HMP (lines for people) on character devices.
 *
 * Owns the sessions. Everything runs on the main thread with the machine lock held. A session never blocks the machine: what its
 * client does not read is kept up to a limit, and then nothing more is read from it and events are dropped.
 */
#ifndef GNOMON_DEBUG_MONITOR_H
#define GNOMON_DEBUG_MONITOR_H

#include "base/base.h"

struct block;
struct chardev;
struct guest_ops;

/* The version of QEMU whose protocol and option syntax this follows: what scripts compare. */
#define MONITOR_QEMU_MAJOR 10
#define MONITOR_QEMU_MINOR 0
#define MONITOR_QEMU_MICRO 0

/* What only the command line knows. Strings and arrays live as long as the process; names may be NULL. */
struct monitor_drive {
    const char *id;
    bool node;                                   /* of -blockdev: ID is a node's name */
    const char *file;                            /* as given, for one that no device uses */
    const struct block *b;                       /* NULL: no device uses it */
};
struct monitor_device {
    const char *name, *id, *bus, *peer;          /* peer: the drive, network or chardev behind it, or NULL */
};
struct monitor_config {
    const char *package;                         /* "gnomon 0.1.0" */
    const char *name, *uuid;                     /* of the guest */
    const char *machine;
    const struct guest_ops *guest;
    const struct monitor_drive *drives;
    unsigned n_drives;
    const struct monitor_device *devices;
    unsigned n_devices;
};

/* Once, before the first session. */
void monitor_init(const struct monitor_config *cfg);
void monitor_add_qmp(struct chardev *c, bool pretty);
void monitor_add_hmp(struct chardev *c);

#endif
