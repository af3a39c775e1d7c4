/*
 * text.c - text that grows.
 *
 * Owns nothing but the memory of a struct text.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/monitor_impl.h"

static void reserve(struct text *t, size_t more)
{
    if (t->room - t->len > more)
        return;
    size_t room = MAX(t->len + more + 1, 2 * t->room);
    char *s = realloc(t->s, room);
    if (!s)
        die("out of memory");
    t->s = s;
    t->room = room;
}

void text_add(struct text *t, const void *s, size_t len)
{
    reserve(t, len);
    memcpy(t->s + t->len, s, len);
    t->len += len;
    t->s[t->len] = 0;
}

void text_vprintf(struct text *t, const char *fmt, va_list ap)
{
    char *s;
    int n = vasprintf(&s, fmt, ap);
    if (n < 0)
        die("out of memory");
    text_add(t, s, (size_t)n);
    free(s);
}

void text_printf(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    text_vprintf(t, fmt, ap);
    va_end(ap);
}

void text_free(struct text *t)
{
    free(t->s);
    *t = (struct text){ 0 };
}

struct text text_crlf(const struct text *t)
{
    struct text r = { 0 };
    text_add(&r, "", 0);
    for (size_t i = 0; i < t->len; i++) {
        if (t->s[i] == '\n')
            text_add(&r, "\r", 1);
        text_add(&r, t->s + i, 1);
    }
    return r;
}
