/*
 * chardev_impl.h - between the files that make up chardev: the structure that every backend embeds.
 */
#ifndef GNOMON_HW_CHARDEV_IMPL_H
#define GNOMON_HW_CHARDEV_IMPL_H

#include "hw/chardev.h"

struct chardev_ops {
    void (*attach)(struct chardev *c, const struct chardev_front *front);
    void (*write)(struct chardev *c, const uint8_t *buf, size_t len);
    void (*accept_input)(struct chardev *c);
};

struct chardev {
    const struct chardev_ops *ops;
};

#endif
