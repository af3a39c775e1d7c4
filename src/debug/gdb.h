/*
 * gdb.h - a GDB server on a character device: registers, memory, breakpoints, watchpoints, single step, a thread a vCPU.
 *
 * One session. Everything runs on the main thread with the machine lock held; vCPUs are held while a packet is dealt with.
 */
#ifndef GNOMON_DEBUG_GDB_H
#define GNOMON_DEBUG_GDB_H

struct chardev;
struct guest_ops;

/* At most once, before vCPUs start. A client that connects stops the machine. */
void gdb_add(struct chardev *c, const struct guest_ops *guest);

#endif
