/*
 * log.c - the -d channels and their stream.
 *
 * Owns log_mask and the stream. Must not know what the channels mean.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint32_t log_mask;

static FILE *stream;                             /* NULL: stderr */

static const struct { const char *name, *desc; } channels[LOG_COUNT] = {
#define X(name, desc) { #name, desc },
    LOG_CHANNELS(X)
#undef X
};

static int find(const char *name, size_t len)
{
    for (int i = 0; i < LOG_COUNT; i++)
        if (strlen(channels[i].name) == len && !memcmp(channels[i].name, name, len))
            return i;
    return -1;
}

const char *log_set(const char *list)
{
    uint32_t mask = 0;
    for (const char *p = list; *p;) {
        size_t len = strcspn(p, ",");
        int i = find(p, len);
        if (len && i < 0)
            return p;
        if (len)
            mask |= 1u << i;
        p += len;
        p += *p == ',';
    }
    log_mask |= mask;
    return NULL;
}

bool log_open(const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return false;
    setvbuf(f, NULL, _IOLBF, 0);                 /* a crash must not lose the lines before it */
    if (stream)
        fclose(stream);
    stream = f;
    return true;
}

void log_printf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stream ? stream : stderr, fmt, ap);
    va_end(ap);
}

void log_help(void)
{
    printf("Log channels (-d name,...):\n");
    for (int i = 0; i < LOG_COUNT; i++)
        printf("  %-14s %s\n", channels[i].name, channels[i].desc);
}
