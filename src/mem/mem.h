/*
 * mem.h - guest physical memory: the RAM object and its view, read-only memory, MMIO dispatch, notice of code pages written by
 * devices.
 *
 * Owns the memfds, the views and the table of MMIO ranges. Must not know virtual addresses or vCPUs.
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
    uint8_t *origin;                             /* and of guest physical 0 */
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

/*
 * Read-only memory (flash), below RAM. While `direct` it reads as memory; else reads are its device's, as writes always are.
 * Changes of it are the device's (machine lock held).
 */
#define MEM_ROMS 4
struct mem_rom {
    uint64_t base, size;
    uint8_t *view;                               /* the bytes, read and write */
    bool direct;
};
extern struct mem_roms {
    struct mem_rom rom[MEM_ROMS];
    unsigned n;
    int fd;                                      /* object of all of them; a byte's offset is its address */
} mem_roms;                                      /* read-only outside mem.c */

/* The read-only memory that holds [gpa, gpa + len), or NULL. */
static inline struct mem_rom *mem_rom_at(uint64_t gpa, uint64_t len)
{
    for (unsigned i = 0; i < mem_roms.n && gpa < mem_ram.base; i++) {
        struct mem_rom *r = &mem_roms.rom[i];
        if (gpa - r->base < r->size && len <= r->size - (gpa - r->base))
            return r;
    }
    return NULL;
}
/* RAM, or read-only memory whether direct or not: what code, tables and data may lie in. */
static inline bool mem_is_memory(uint64_t gpa, uint64_t len)
{
    return likely(mem_is_ram(gpa, len)) || mem_rom_at(gpa, len);
}
/* Can [gpa, gpa + len) be read as memory now? */
static inline bool mem_is_readable(uint64_t gpa, uint64_t len)
{
    if (likely(mem_is_ram(gpa, len)))
        return true;
    const struct mem_rom *r = mem_rom_at(gpa, len);
    return r && __atomic_load_n(&r->direct, __ATOMIC_RELAXED);
}
/* Host address of guest physical memory (mem_is_memory()), which is not to be written there unless it is RAM. */
static inline uint8_t *mem_host(uint64_t gpa) { return mem_ram.origin + gpa; }
/* The same, or NULL if it cannot be read as memory now. */
static inline const void *mem_read_ptr(uint64_t gpa, uint64_t len) { return mem_is_readable(gpa, len) ? mem_host(gpa) : NULL; }
/* Where a page of memory is for mmap(): its object and offset. Pages contiguous in memory are so in an object. */
static inline int mem_object(uint64_t gpa, uint64_t *off)
{
    bool ram = gpa - mem_ram.base < mem_ram.size;
    *off = ram ? gpa - mem_ram.base : gpa;
    return ram ? mem_ram.fd : mem_roms.fd;
}
/* For tables by page of memory: how many entries, and which is a page's. */
static inline uint64_t mem_pages(void) { return (mem_ram.base + mem_ram.size) >> 12; }
static inline uint64_t mem_page(uint64_t gpa) { return gpa >> 12; }

/* A device's register window. OFF is relative to its base; SIZE is 1, 2, 4 or 8. Called with the machine lock held. */
struct mmio_ops {
    const char *name;
    uint64_t (*read)(void *opaque, uint64_t off, unsigned size);
    void (*write)(void *opaque, uint64_t off, uint64_t v, unsigned size);
    uint8_t max_size;                            /* larger accesses are split, little end first; 0 = 8 */
};
void mem_add_mmio(uint64_t base, uint64_t size, const struct mmio_ops *ops, void *opaque);
/* Read-only memory of SIZE zero bytes, direct; page multiples, below RAM; after mem_init(). OPS: writes, and reads while it is not. */
struct mem_rom *mem_add_rom(uint64_t base, uint64_t size, const struct mmio_ops *ops, void *opaque);
/* Set or clear ROM's `direct`. After clearing nobody caches it as memory any more. Machine lock held, no other. */
void mem_rom_set_direct(struct mem_rom *rom, bool direct);
/* mem_roms.rom[n] is not direct any more: src/mmu forgets it. At most one listener. */
void mem_on_rom_change(void (*cb)(unsigned n));

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

/* Copy an image to RAM, which holds all of it, at the machine's start: by a system call, which makes new pages cheaper than faults do. */
void mem_load(uint64_t gpa, const void *buf, size_t len);

/* DMA: devices access guest memory only through these; false if the range is not all RAM (or, to be read, all read-only memory). */
bool mem_dma_read(uint64_t gpa, void *buf, size_t len) MUST_CHECK;
bool mem_dma_write(uint64_t gpa, const void *buf, size_t len) MUST_CHECK;
/* Ask to hear of device writes: src/xlate of those to translated code, src/mmu of those to the guest's tables. Any thread. */
void mem_on_dma_write(void (*cb)(uint64_t gpa, size_t len));
/* After writing through a mem_ptr() of its own, a device says so. */
void mem_dma_wrote(uint64_t gpa, size_t len);

#endif
