/*
 * msix.c - MSI-X. Must not know the device, nor where messages go.
 */
#include "hw/msix.h"

#include <string.h>

#define PBA 0x800u
#define CTRL_ENABLE 0x8000u
#define CTRL_MASK 0x4000u

void msix_init(struct msix *m, struct pci_dev *d, unsigned n, unsigned bar)
{
    if (!n || n > MSIX_MAX)
        bug("MSI-X with %u vectors", n);
    m->d = d;
    m->n = n;
    m->cap = pci_add_cap(d, PCI_CAP_MSIX, 12);
    pci_put16(d->config + m->cap + 2, (uint16_t)(n - 1));
    pci_put16(d->writable + m->cap + 2, CTRL_ENABLE | CTRL_MASK);
    pci_put32(d->config + m->cap + 4, bar);
    pci_put32(d->config + m->cap + 8, PBA | bar);
    pci_set_bar(d, bar, MSIX_BAR_SIZE, false);
    msix_reset(m);
}

static uint16_t control(const struct msix *m)
{
    return pci_get16(m->d->config + m->cap + 2);
}

bool msix_enabled(const struct msix *m)
{
    return control(m) & CTRL_ENABLE;
}

static bool masked(const struct msix *m, unsigned v)
{
    return control(m) & CTRL_MASK || m->table[v][3] & 1;
}

static void deliver(struct msix *m, unsigned v)
{
    const uint32_t *e = m->table[v];
    m->pending &= ~(1u << v);
    pci_message(m->d, e[0] | (uint64_t)e[1] << 32, e[2]);
}

void msix_notify(struct msix *m, unsigned v)
{
    if (v >= m->n || !msix_enabled(m))
        return;
    if (masked(m, v))
        m->pending |= 1u << v;
    else
        deliver(m, v);
}

void msix_config_written(struct msix *m)
{
    for (unsigned v = 0; v < m->n; v++)
        if (m->pending & 1u << v && msix_enabled(m) && !masked(m, v))
            deliver(m, v);
}

void msix_reset(struct msix *m)
{
    memset(m->table, 0, sizeof m->table);
    m->pending = 0;
    for (unsigned v = 0; v < MSIX_MAX; v++)
        m->table[v][3] = 1;
}

uint32_t msix_read(struct msix *m, uint32_t off, unsigned size)
{
    uint32_t v = 0;
    if (size <= 4 && off < 16 * m->n && (off & 3) + size <= 4)
        memcpy(&v, (const uint8_t *)m->table + off, size);
    else if (size <= 4 && off >= PBA && off - PBA + size <= 4)
        memcpy(&v, (const uint8_t *)&m->pending + (off - PBA), size);
    return v;
}

void msix_write(struct msix *m, uint32_t off, uint32_t v, unsigned size)
{
    if (size > 4 || off >= 16 * m->n || (off & 3) + size > 4)
        return;
    memcpy((uint8_t *)m->table + off, &v, size);
    m->table[off / 16][3] &= 1;
    m->table[off / 16][0] &= ~3u;
    msix_config_written(m);
}
