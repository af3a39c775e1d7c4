/*
 * stats.h - the counters of a run as JSON (-stats FILE).
 */
#ifndef GNOMON_DEBUG_STATS_H
#define GNOMON_DEBUG_STATS_H

#include "base/base.h"

/* Write every counter to PATH. false: errno says why. Call when no vCPU runs. */
bool stats_write(const char *path) MUST_CHECK;

#endif
