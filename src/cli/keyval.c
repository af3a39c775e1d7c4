/*
 * keyval.c - splitting option arguments and reading scalars.
 *
 * Owns nothing. Must not print or exit: the caller names the option in the error.
 */
#include "cli/keyval.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *keyvals_parse(struct keyvals *k, const char *text, const char *implied)
{
    k->n = 0;
    k->store = xcalloc(strlen(text) + 1, 1);
    char *out = k->store;
    const char *p = text;
    while (*p) {
        if (k->n == KEYVAL_MAX)
            return "too many properties";
        char *piece = out, *eq = NULL;
        while (*p && !(p[0] == ',' && p[1] != ',')) {
            if (*p == ',')
                p++;                             /* ",," is one comma */
            else if (*p == '=' && !eq)
                eq = out;
            *out++ = *p++;
        }
        *out++ = '\0';
        p += *p == ',';
        struct keyval *kv = &k->kv[k->n];
        if (eq) {
            *eq = '\0';
            *kv = (struct keyval){ piece, eq + 1 };
        } else if (k->n == 0 && implied) {
            *kv = (struct keyval){ implied, piece };
        } else {
            *kv = (struct keyval){ piece, "on" };
        }
        if (!*kv->key)
            return "a property has no name";
        k->n++;
    }
    return NULL;
}

const char *keyvals_get(const struct keyvals *k, const char *key)
{
    for (unsigned i = k->n; i-- > 0;)
        if (!strcmp(k->kv[i].key, key))
            return k->kv[i].value;
    return NULL;
}

bool parse_bool(const char *s, bool *v)
{
    static const char *const yes[] = { "on", "yes", "true", "y" }, *const no[] = { "off", "no", "false", "n" };
    for (unsigned i = 0; i < ARRAY_LEN(yes); i++) {
        if (!strcmp(s, yes[i]))
            return *v = true, true;
        if (!strcmp(s, no[i]))
            return *v = false, true;
    }
    return false;
}

bool parse_uint(const char *s, uint64_t *v)
{
    if (!isdigit((unsigned char)*s))
        return false;
    char *end;
    errno = 0;
    *v = strtoull(s, &end, 0);
    return !errno && !*end;
}

bool parse_size(const char *s, uint64_t unit, uint64_t *v)
{
    if (!isdigit((unsigned char)*s))
        return false;
    char *end;
    errno = 0;
    uint64_t whole = strtoull(s, &end, s[0] == '0' && (s[1] | 0x20) == 'x' ? 16 : 10);
    if (errno)
        return false;
    double fraction = 0, weight = 0.1;
    bool has_fraction = *end == '.';
    if (has_fraction)
        for (end++; isdigit((unsigned char)*end); end++, weight /= 10)
            fraction += (*end - '0') * weight;
    static const char suffix[] = "BKMGTP";
    const char *at = *end ? strchr(suffix, toupper((unsigned char)*end)) : NULL;
    if (at) {
        unit = 1ull << (10 * (at - suffix));
        end++;
    }
    if (*end || (has_fraction && unit == 1))
        return false;
    uint64_t bytes;
    if (__builtin_mul_overflow(whole, unit, &bytes) ||
        __builtin_add_overflow(bytes, (uint64_t)(fraction * (double)unit + 0.5), v))
        return false;
    return true;
}
