/*
 * log.h - the -d channels and their one output stream (-D FILE or stderr).
 *
 * Owns the channel mask and the stream. Must not know what the channels mean.
 */
#ifndef GNOMON_BASE_LOG_H
#define GNOMON_BASE_LOG_H

#include "base/base.h"

/* X(name as typed after -d, description) */
#define LOG_CHANNELS(X)                                         \
    X(in_asm, "guest instructions of each translated block")    \
    X(ir, "IR of each translated block")                        \
    X(out_asm, "host code of each translated block")            \
    X(int, "exceptions and interrupts")                         \
    X(mmu, "page walks, fills, TLB maintenance")                \
    X(exec, "each block entered from the run loop")             \
    X(unimp, "unimplemented registers and devices")             \
    X(guest_errors, "things a correct guest would not do")

enum log_channel {
#define X(name, desc) LOG_##name,
    LOG_CHANNELS(X)
#undef X
    LOG_COUNT
};

extern uint32_t log_mask;                        /* bit per channel; read-only outside log.c */

static inline bool log_on(enum log_channel c) { return unlikely(log_mask & (1u << c)); }

/* Parse "in_asm,int,..."; on an unknown name returns it (caller names it in the error), else NULL. */
const char *log_set(const char *list) MUST_CHECK;
bool log_open(const char *path) MUST_CHECK;      /* false: errno says why */
void log_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_help(void);                             /* the channel list on stdout */

#define log_to(chan, ...) do { if (log_on(LOG_##chan)) log_printf(__VA_ARGS__); } while (0)

#endif
