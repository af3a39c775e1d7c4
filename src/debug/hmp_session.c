/*
 * hmp_session.c - a human monitor on a character device: prompt, line editing, history.
 *
 * Owns the sessions and the line being typed. Input is echoed; the keys are those of a shell. ^C and ^D end nothing.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "debug/monitor_impl.h"

#define LINE 1024u
#define HISTORY 32u
#define PROMPT "(qemu) "                         /* what scripts wait for */

struct session {
    struct mon_io io;
    struct hmp h;
    bool greeted, focus_matters;
    char line[LINE + 1];
    size_t len, at;                              /* AT: the cursor */
    enum { NORMAL, ESC, CSI } state;
    char param;                                  /* of a CSI sequence, first digit */
    char *history[HISTORY];                      /* oldest first */
    unsigned n_history, recall;                  /* recall == n_history: the line being typed */
};

static void say(struct session *s, const char *text)
{
    mon_io_write(&s->io, text, strlen(text), false);
}

static void greet(struct session *s)
{
    char *hello = xasprintf("%s monitor - type 'help' for more information\r\n" PROMPT, monitor.package ? monitor.package : "");
    say(s, hello);
    free(hello);
    s->greeted = true;
}

/* The line from the prompt on, with the cursor where it is. */
static void redraw(struct session *s)
{
    struct text t = { 0 };
    text_printf(&t, "\r" PROMPT "%.*s\033[K", (int)s->len, s->line);
    if (s->at < s->len)
        text_printf(&t, "\033[%zuD", s->len - s->at);
    mon_io_write(&s->io, t.s, t.len, false);
    text_free(&t);
}

static void set_line(struct session *s, const char *text)
{
    s->len = s->at = MIN(strlen(text), (size_t)LINE);
    memcpy(s->line, text, s->len);
    redraw(s);
}

static void insert(struct session *s, char c)
{
    if (s->len == LINE)
        return;
    memmove(s->line + s->at + 1, s->line + s->at, s->len - s->at);
    s->line[s->at++] = c;
    s->len++;
    if (s->at == s->len)
        mon_io_write(&s->io, &c, 1, false);
    else
        redraw(s);
}

/* Take out N bytes before the cursor. */
static void erase(struct session *s, size_t n)
{
    n = MIN(n, s->at);
    if (!n)
        return;
    memmove(s->line + s->at - n, s->line + s->at, s->len - s->at);
    s->at -= n;
    s->len -= n;
    redraw(s);
}

static void remember(struct session *s)
{
    if (s->n_history && !strcmp(s->history[s->n_history - 1], s->line))
        return;
    if (s->n_history == HISTORY) {
        free(s->history[0]);
        memmove(s->history, s->history + 1, (HISTORY - 1) * sizeof s->history[0]);
        s->n_history--;
    }
    s->history[s->n_history++] = xasprintf("%s", s->line);
}

static void enter(struct session *s)
{
    struct text out = { 0 };
    s->line[s->len] = 0;
    if (s->len)
        remember(s);
    s->len = s->at = 0;
    s->recall = s->n_history;
    text_add(&out, "\n", 1);
    char *line = xasprintf("%s", s->line);
    hmp_run(&s->h, line, &out);
    free(line);
    struct text t = text_crlf(&out);
    text_printf(&t, PROMPT);
    mon_io_write(&s->io, t.s, t.len, false);
    text_free(&out);
    text_free(&t);
}

static void recall(struct session *s, bool older)
{
    if (older ? !s->recall : s->recall >= s->n_history)
        return;
    s->recall += older ? -1u : 1u;
    set_line(s, s->recall < s->n_history ? s->history[s->recall] : "");
}

static void move(struct session *s, size_t to)
{
    s->at = MIN(to, s->len);
    redraw(s);
}

static void delete_forward(struct session *s)
{
    if (s->at < s->len) {
        s->at++;
        erase(s, 1);
    }
}

static void control(struct session *s, char c)
{
    size_t n = 0;
    switch (c) {
    case '\r':
    case '\n': enter(s); break;
    case 8:
    case 127: erase(s, 1); break;
    case 1: move(s, 0); break;
    case 2: move(s, s->at ? s->at - 1 : 0); break;
    case 3:
        s->len = s->at = 0;
        say(s, "\r\n" PROMPT);
        break;
    case 4: delete_forward(s); break;
    case 5: move(s, s->len); break;
    case 6: move(s, s->at + 1); break;
    case 11:
        s->len = s->at;
        redraw(s);
        break;
    case 12: redraw(s); break;
    case 14: recall(s, false); break;
    case 16: recall(s, true); break;
    case 21: erase(s, s->at); break;
    case 23:
        while (n < s->at && s->line[s->at - n - 1] == ' ')
            n++;
        while (n < s->at && s->line[s->at - n - 1] != ' ')
            n++;
        erase(s, n);
        break;
    case 27: s->state = ESC; break;
    }
}

static void csi(struct session *s, char c)
{
    if (isdigit((unsigned char)c) || c == ';') {
        if (!s->param)
            s->param = c;
        return;
    }
    s->state = NORMAL;
    switch (c) {
    case 'A': recall(s, true); break;
    case 'B': recall(s, false); break;
    case 'C': move(s, s->at + 1); break;
    case 'D': move(s, s->at ? s->at - 1 : 0); break;
    case 'H': move(s, 0); break;
    case 'F': move(s, s->len); break;
    case '~':
        if (s->param == '3')
            delete_forward(s);
        else if (s->param == '1' || s->param == '7')
            move(s, 0);
        else if (s->param == '4' || s->param == '8')
            move(s, s->len);
        break;
    }
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    struct session *s = opaque;
    if (!s->greeted)
        greet(s);
    for (size_t i = 0; i < len; i++) {
        char c = (char)buf[i];
        if (s->state == ESC) {
            s->state = c == '[' || c == 'O' ? CSI : NORMAL;
            s->param = 0;
        } else if (s->state == CSI) {
            csi(s, c);
        } else if (buf[i] < 32 || c == 127) {
            control(s, c);
        } else {
            insert(s, c);
        }
    }
}

static size_t can_receive(void *opaque)
{
    return mon_io_accepts(&((struct session *)opaque)->io);      /* byte by byte: one command at a time */
}

/* On a multiplexer the banner waits until the user comes to look, or types. */
static void event(void *opaque, enum chardev_event e)
{
    struct session *s = opaque;
    switch (e) {
    case CHARDEV_OPENED:
        s->greeted = false;
        if (!s->focus_matters)
            greet(s);
        break;
    case CHARDEV_FOCUS_IN:
        if (!s->greeted)
            greet(s);
        else
            say(s, "\r\n" PROMPT);
        break;
    case CHARDEV_FOCUS_OUT: break;
    case CHARDEV_CLOSED:
        s->len = s->at = 0;
        s->state = NORMAL;
        mon_io_drop(&s->io);
        break;
    }
}

void monitor_add_hmp(struct chardev *c)
{
    struct session *s = xcalloc(1, sizeof *s);
    s->h = (struct hmp)HMP_INIT;
    s->focus_matters = chardev_is_mux(c);
    mon_io_init(&s->io, c);
    const struct chardev_front front = { can_receive, receive, NULL, s, event };
    chardev_attach(c, &front);
}
