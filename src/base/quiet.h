/*
 * quiet.h - when is a vCPU thread done with what it was told is gone?
 *
 * A runner is a vCPU's thread. While it runs translated code it may be between a look at a cached translation and the access, or
 * in the bytes of a block. Who takes such a thing away makes it unfindable first, and then waits here until every runner
 * that could still use it has left translated code once, or is outside.
 *
 * Owns a word a runner. Must not know what is taken away. Nobody may wait here who holds a lock that a runner takes inside
 * translated code (the mmu's, the machine's): it would never leave.
 */
#ifndef GNOMON_BASE_QUIET_H
#define GNOMON_BASE_QUIET_H

#include "base/base.h"

#define QUIET_MAX 8

/* Runner I (0, 1, ..) leaves translated code soon after *EXIT_REQ was set to 1. Before its thread starts. */
void quiet_add(unsigned i, uint32_t *exit_req);
unsigned quiet_runners(void);

/*
 * By the runner itself: enter and leave translated code. Entering is a full barrier: what is looked at behind it (exit_req)
 * was not overtaken by who waits. With one runner both do nothing.
 */
void quiet_enter(unsigned i);
void quiet_leave(unsigned i);
/* By the runner, in a C function that translated code called: it uses no cached translation until quiet_resume(). */
void quiet_pause(unsigned i);
void quiet_resume(unsigned i);

/* Have every runner of MASK (a bit each) leave translated code soon, without waiting. */
void quiet_kick(uint32_t mask);
/*
 * Wait until each runner of MASK has been outside translated code since the call, or, unless CODE, in a pause. A full barrier
 * before. A runner that waits must be outside or in a pause itself, or two may wait for each other.
 */
void quiet_wait(uint32_t mask, bool code);

#endif
