/*
 * a64_host.h - the struct a64_host_ops that joins an AArch64 vCPU to this emulator.
 */
#ifndef GNOMON_EXEC_A64_HOST_H
#define GNOMON_EXEC_A64_HOST_H

#include "guest/a64/state.h"

extern const struct a64_host_ops a64_host_ops;

#endif
