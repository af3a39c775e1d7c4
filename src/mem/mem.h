/*
 * mem.h - guest physical memory: the RAM object and its view, MMIO dispatch, notice of code pages written by devices.
 *
 * Owns the memfd, the RAM view and the table of MMIO ranges. Must not know virtual addresses or vCPUs.
 */
#ifndef GNOMON_MEM_MEM_H
#define GNOMON_MEM_MEM_H

#include "base/base.h"

/*
 * Before mem_init(): RAM is the file PATH (made, and enlarged, as needed) rather than memory of its own, and others may map it.
 * PREALLOC: all of it is allocated at once. PATH may be NULL.
 */
void mem_backing(const char *path, bool prealloc);
/* Make SIZE bytes (page multiple) of RAM at guest physical BASE. One RAM range. die()s when the host refuses. */
void mem_init(uint64_t base, uint64_t size);
extern struct mem_ram {
    uint64_t base, size;
    int fd;                                      /* the RAM object */
    uint8_t *view;                               /* host address of guest physical base */
} mem_ram;                                       /* read-only outside mem.c */

static inline bool mem_is_ram(uint64_t gpa, uint64_t len)
{
    return gpa - mem_ram.base < mem_ram.size && len <= mem_ram.size - (gpa - mem_ram.base);
}
/* Host pointer of RAM, or NULL if [gpa, gpa + len) is not all RAM. */
static inline void *mem_ptr(uint64_t gpa, uint64_t len)
{
    return mem_is_ram(gpa, len) ? mem_ram.view + (gpa - mem_ram.base) : NULL;
}

/* A device's register window. OFF is relative to its base; SIZE is 1, 2, 4 or 8. Called with the machine lock held. */
struct mmio_ops {
    const char *name;
    uint64_t (*read)(void *opaque, uint64_t off, unsigned size);
    void (*write)(void *opaque, uint64_t off, uint64_t v, unsigned size);
    uint8_t max_size;                            /* larger accesses are split, little end first; 0 = 8 */
};
void mem_add_mmio(uint64_t base, uint64_t size, const struct mmio_ops *ops, void *opaque);
/* Read-only memory (flash): ranges that read as bytes. Writes go to ops->write if ops is given. */

/*
 * Which CPU the calling thread accesses devices for: chips with banked registers (GIC) read it. src/exec sets it once
 * in each vCPU thread; 0 elsewhere.
 */
extern _Thread_local unsigned mem_master;

/* Device access by physical address; takes the machine lock. false: nothing there. */
bool mem_mmio_read(uint64_t gpa, unsigned size, uint64_t *v) MUST_CHECK;
bool mem_mmio_write(uint64_t gpa, unsigned size, uint64_t v) MUST_CHECK;
/* Is the address a device's? (no lock) */
bool mem_is_mmio(uint64_t gpa);

/* The Nth range of devices in order of address, for monitors; false: there are not so many. */
struct mem_range { uint64_t base, size; const char *name; };
bool mem_mmio_range(unsigned n, struct mem_range *r) MUST_CHECK;

/*
 * Give the pages [gpa, gpa + len) of RAM, which the guest does not use, back to the host: they read as zero from now on, in
 * every mapping. Page multiples; what is not RAM is left alone.
 */
void mem_discard(uint64_t gpa, uint64_t len);

/* DMA: devices read and write guest RAM only through these; false if the range is not all RAM. */
bool mem_dma_read(uint64_t gpa, void *buf, size_t len) MUST_CHECK;
bool mem_dma_write(uint64_t gpa, const void *buf, size_t len) MUST_CHECK;
/* Ask to hear of device writes: src/xlate of those to translated code, src/mmu of those to the guest's tables. Any thread. */
void mem_on_dma_write(void (*cb)(uint64_t gpa, size_t len));
/* After writing through a mem_ptr() of its own, a device says so. */
void mem_dma_wrote(uint64_t gpa, size_t len);

#endif
