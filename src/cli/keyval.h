/*
 * keyval.h - QEMU's "first,key=value,flag" option arguments.
 *
 * Owns the pieces of one argument. Must not know any option.
 */
#ifndef GNOMON_CLI_KEYVAL_H
#define GNOMON_CLI_KEYVAL_H

#include "base/base.h"

struct keyval {
    const char *key, *value;
};

#define KEYVAL_MAX 32

struct keyvals {
    unsigned n;
    struct keyval kv[KEYVAL_MAX];
    char *store;                                 /* what the strings point into; lives as long as the process */
};

/*
 * Split TEXT. A comma in a value is written ",,". The first piece may lack "key=" and then is the value of IMPLIED (if not
 * NULL); another piece without "=" is a flag and gets the value "on" ("no" in front of it has no meaning here). Returns NULL,
 * or what is wrong.
 */
const char *keyvals_parse(struct keyvals *k, const char *text, const char *implied) MUST_CHECK;
/* Value of the last KEY, or NULL. */
const char *keyvals_get(const struct keyvals *k, const char *key);

/* Scalars; false: not one. */
bool parse_bool(const char *s, bool *v) MUST_CHECK;              /* on|off|yes|no|true|false|y|n */
bool parse_uint(const char *s, uint64_t *v) MUST_CHECK;          /* decimal, 0x..., or 0... */
/* A size with suffix B, K, M, G, T (powers of 1024, any case; a fraction is allowed before a suffix); without one in units of UNIT. */
bool parse_size(const char *s, uint64_t unit, uint64_t *v) MUST_CHECK;

#endif
