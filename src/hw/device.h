/*
 * device.h - what a board needs of every chip: a name and a reset.
 *
 * A chip embeds struct device as its first member; the board keeps the list. Owns nothing else.
 */
#ifndef GNOMON_HW_DEVICE_H
#define GNOMON_HW_DEVICE_H

#include "base/base.h"

struct device {
    const char *name;
    void (*reset)(struct device *d);             /* to the state after power-on; machine lock held; lines drop */
    struct device *next;                         /* the board's list */
};

#endif
