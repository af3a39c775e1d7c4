/*
 * stats.h - what a run did, as JSON.
 *
 * Owns nothing: it reads other modules' counters once, when the vCPUs have stopped.
 */
#ifndef GNOMON_CLI_STATS_H
#define GNOMON_CLI_STATS_H

#include "cli/options.h"

/* Write the counters to o->stats. ELAPSED in ns, STATUS the run's exit status. false: errno says why. */
bool stats_write(const struct options *o, uint64_t elapsed, int status) MUST_CHECK;

#endif
