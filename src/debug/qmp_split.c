/*
 * qmp_split.c - finds where JSON texts begin and end in a stream of bytes.
 *
 * Owns the text being gathered, whose size and depth are bounded. Must not interpret it: the parser that gets it says what is
 * wrong inside. After an error it goes on with the next line.
 */
#include <ctype.h>
#include <string.h>

#include "debug/monitor_impl.h"

void qmp_split_reset(struct qmp_split *s)
{
    text_free(&s->t);
    *s = (struct qmp_split){ 0 };
}

static void put(struct qmp_split *s, char c)
{
    text_add(&s->t, &c, 1);
}

static void complete(struct qmp_split *s, const struct qmp_split_ops *ops, void *opaque)
{
    struct text t = s->t;
    s->t = (struct text){ 0 };
    ops->message(opaque, t.s, t.len);
    text_free(&t);
}

static void fail(struct qmp_split *s, bool skip, const char *what, const struct qmp_split_ops *ops, void *opaque)
{
    qmp_split_reset(s);
    s->skipping = skip;
    ops->error(opaque, what);
}

/* A byte of a string; '...' becomes "...". */
static void in_string(struct qmp_split *s, char c)
{
    if (s->escaped) {
        s->escaped = false;
        if (s->single && c == '\'')
            s->t.len--;                          /* JSON has no \' */
        put(s, c);
    } else if (c == '\\') {
        s->escaped = true;
        put(s, c);
    } else if (c == (s->single ? '\'' : '"')) {
        s->in_string = false;
        put(s, '"');
    } else {
        if (c == '"')
            put(s, '\\');
        put(s, c);
    }
}

void qmp_split_feed(struct qmp_split *s, const uint8_t *buf, size_t len, const struct qmp_split_ops *ops, void *opaque)
{
    for (size_t i = 0; i < len; i++) {
        char c = (char)buf[i];
        if (s->skipping) {
            s->skipping = c != '\n';
            continue;
        }
        if (s->t.len >= QMP_MAX_TEXT) {
            fail(s, c != '\n', "message too long", ops, opaque);
            continue;
        }
        if (s->in_string) {
            if (c == '\n')
                fail(s, false, "a string is not closed", ops, opaque);
            else
                in_string(s, c);
            if (!s->in_string && !s->depth && s->t.len)
                complete(s, ops, opaque);
            continue;
        }
        bool open = c == '{' || c == '[', blank = isspace((unsigned char)c) || buf[i] == 0xff;
        if (!s->depth && s->t.len && (open || blank))
            complete(s, ops, opaque);            /* a word outside of any object */
        if (!s->depth && blank)
            continue;
        if (c == '"' || c == '\'') {
            s->in_string = true;
            s->single = c == '\'';
            put(s, '"');
            continue;
        }
        if (open && s->depth == QMP_MAX_DEPTH) {
            fail(s, true, "too many nested objects", ops, opaque);
            continue;
        }
        put(s, c);
        if (open)
            s->depth++;
        else if ((c == '}' || c == ']') && s->depth && !--s->depth)
            complete(s, ops, opaque);
    }
}
