/*
 * mem.c - the objects of RAM and read-only memory and their views, the table of MMIO ranges, DMA.
 *
 * Owns the memfds, the views and the table. Must not know virtual addresses or vCPUs. The table is filled before vCPUs
 * start and is not changed afterwards, so that mem_is_mmio() needs no lock.
 */
#include "mem/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"

#define MAX_RANGES 128

struct range {
    uint64_t base, size;
    const struct mmio_ops *ops;
    void *opaque;
};

struct mem_ram mem_ram = { .fd = -1 };
struct mem_roms mem_roms = { .fd = -1 };
_Thread_local unsigned mem_master;

static struct range ranges[MAX_RANGES];          /* by base, disjoint */
static unsigned n_ranges;
static void (*dma_cb[2])(uint64_t gpa, size_t len);
static void (*rom_cb)(unsigned n);

static struct {
    const char *path;
    bool prealloc;
} backing;

void mem_backing(const char *path, bool prealloc)
{
    backing.path = path;
    backing.prealloc = prealloc;
}

void mem_init(uint64_t base, uint64_t size)
{
    if (mem_ram.view)
        bug("mem_init() called twice");
    if (!size || (base | size) & 4095 || base + size < base)
        bug("bad RAM range");
    int fd = backing.path ? open(backing.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : memfd_create("gnomon-ram", MFD_CLOEXEC);
    if (fd < 0)
        die("cannot create guest RAM: %s: %s", backing.path ? backing.path : "memfd_create", strerror(errno));
    struct stat st;
    bool large_enough = backing.path && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size >= size;
    if (size > INT64_MAX || (!large_enough && ftruncate(fd, (off_t)size) < 0))
        die("cannot size guest RAM to %llu MiB: %s", (unsigned long long)(size >> 20),
            strerror(size > INT64_MAX ? EFBIG : errno));
    int e = backing.prealloc ? posix_fallocate(fd, 0, (off_t)size) : 0;
    if (e)
        die("cannot allocate %llu MiB of guest RAM: %s", (unsigned long long)(size >> 20), strerror(e));
    /* Room for all that lies below, so that one difference leads from guest physical to host addresses. */
    uint8_t *origin = mmap(NULL, base + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), *view = origin + base;
    if (origin == MAP_FAILED || mmap(view, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0) == MAP_FAILED)
        die("cannot map %llu MiB of guest RAM: %s", (unsigned long long)(size >> 20), strerror(errno));
    mem_ram = (struct mem_ram){ .base = base, .size = size, .fd = fd, .view = view, .origin = origin };
}

/* ---- read-only memory ---- */

struct mem_rom *mem_add_rom(uint64_t base, uint64_t size, const struct mmio_ops *ops, void *opaque)
{
    if (mem_roms.n == MEM_ROMS || (base | size) & 4095 || base + size >= mem_ram.base)
        bug("bad read-only memory %s", ops->name);
    if (mem_roms.fd < 0)
        mem_roms.fd = memfd_create("gnomon-rom", MFD_CLOEXEC);
    if (mem_roms.fd < 0 || ftruncate(mem_roms.fd, (off_t)mem_ram.base) < 0 ||
        mmap(mem_host(base), size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, mem_roms.fd, (off_t)base) == MAP_FAILED)
        die("cannot map %llu MiB of %s: %s", (unsigned long long)(size >> 20), ops->name, strerror(errno));
    mem_add_mmio(base, size, ops, opaque);
    struct mem_rom *r = &mem_roms.rom[mem_roms.n++];
    *r = (struct mem_rom){ base, size, mem_host(base), true };
    return r;
}

void mem_on_rom_change(void (*cb)(unsigned n))
{
    rom_cb = cb;
}

void mem_rom_set_direct(struct mem_rom *rom, bool direct)
{
    if (rom->direct == direct)
        return;
    __atomic_store_n(&rom->direct, direct, __ATOMIC_RELEASE);
    if (!direct && rom_cb)
        rom_cb((unsigned)(rom - mem_roms.rom));
}

/* ---- MMIO ---- */

void mem_add_mmio(uint64_t base, uint64_t size, const struct mmio_ops *ops, void *opaque)
{
    if (n_ranges == MAX_RANGES)
        bug("more than %d MMIO ranges", MAX_RANGES);
    unsigned i = n_ranges;
    while (i > 0 && ranges[i - 1].base > base)
        i--;
    if (!size || base + size < base || (i > 0 && ranges[i - 1].base + ranges[i - 1].size > base) ||
        (i < n_ranges && base + size > ranges[i].base))
        bug("MMIO range %s overlaps another or is empty", ops->name);
    memmove(&ranges[i + 1], &ranges[i], (n_ranges - i) * sizeof ranges[0]);
    ranges[i] = (struct range){ base, size, ops, opaque };
    n_ranges++;
}

static const struct range *find(uint64_t gpa, unsigned size)
{
    unsigned lo = 0, hi = n_ranges;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (ranges[mid].base <= gpa)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!lo)
        return NULL;
    const struct range *r = &ranges[lo - 1];
    uint64_t off = gpa - r->base;
    return off < r->size && size <= r->size - off ? r : NULL;
}

bool mem_is_mmio(uint64_t gpa)
{
    return find(gpa, 1) != NULL;
}

bool mem_mmio_range(unsigned n, struct mem_range *r)
{
    if (n >= n_ranges)
        return false;
    *r = (struct mem_range){ ranges[n].base, ranges[n].size, ranges[n].ops->name };
    return true;
}

static unsigned step_size(const struct range *r, unsigned size)
{
    return r->ops->max_size && r->ops->max_size < size ? r->ops->max_size : size;
}

bool mem_mmio_read(uint64_t gpa, unsigned size, uint64_t *v)
{
    const struct range *r = find(gpa, size);
    if (!r)
        return false;
    if (!r->ops->read) {
        *v = 0;
        return true;
    }
    unsigned step = step_size(r, size);
    uint64_t mask = step == 8 ? ~0ull : (1ull << 8 * step) - 1;
    uint64_t val = 0;
    machine_lock();
    for (unsigned i = 0; i < size; i += step)
        val |= (r->ops->read(r->opaque, gpa - r->base + i, step) & mask) << 8 * i;
    machine_unlock();
    *v = val;
    return true;
}

bool mem_mmio_write(uint64_t gpa, unsigned size, uint64_t v)
{
    const struct range *r = find(gpa, size);
    if (!r)
        return false;
    if (!r->ops->write) {
        log_to(guest_errors, "%s: write to read-only memory at 0x%llx\n", r->ops->name, (unsigned long long)gpa);
        return true;
    }
    unsigned step = step_size(r, size);
    uint64_t mask = step == 8 ? ~0ull : (1ull << 8 * step) - 1;
    machine_lock();
    for (unsigned i = 0; i < size; i += step)
        r->ops->write(r->opaque, gpa - r->base + i, v >> 8 * i & mask, step);
    machine_unlock();
    return true;
}

/* ---- giving back ---- */

void mem_discard(uint64_t gpa, uint64_t len)
{
    if (!len || (gpa | len) & 4095 || !mem_is_ram(gpa, len))
        return;
    /* A hole in the object is one in all its mappings, the windows' too. That it cannot be made is no error: no gain. */
    (void)!fallocate(mem_ram.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(gpa - mem_ram.base), (off_t)len);
    mem_dma_wrote(gpa, len);
}

/* ---- large images ---- */

void mem_load(uint64_t gpa, const void *buf, size_t len)
{
    const uint8_t *from = buf;
    uint8_t *p = mem_ptr(gpa, len);
    if (len && !p)
        bug("an image is not in RAM");
    off_t off = (off_t)(gpa - mem_ram.base);
    while (len) {
        ssize_t n = pwrite(mem_ram.fd, from, len, off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;                                /* a file system that cannot, as hugetlbfs */
        from += n;
        p += n;
        off += n;
        len -= (size_t)n;
    }
    memcpy(p, from, len);
}

/* ---- DMA ---- */

void mem_on_dma_write(void (*cb)(uint64_t gpa, size_t len))
{
    unsigned i = 0;
    while (i < ARRAY_LEN(dma_cb) && dma_cb[i])
        i++;
    if (i == ARRAY_LEN(dma_cb))
        bug("more than %zu listeners to DMA", ARRAY_LEN(dma_cb));
    dma_cb[i] = cb;
}

void mem_dma_wrote(uint64_t gpa, size_t len)
{
    for (unsigned i = 0; len && i < ARRAY_LEN(dma_cb) && dma_cb[i]; i++)
        dma_cb[i](gpa, len);
}

bool mem_dma_read(uint64_t gpa, void *buf, size_t len)
{
    const void *p = mem_read_ptr(gpa, len);
    if (!p)
        return false;
    memcpy(buf, p, len);
    return true;
}

bool mem_dma_write(uint64_t gpa, const void *buf, size_t len)
{
    void *p = mem_ptr(gpa, len);
    if (!p)
        return false;
    memcpy(p, buf, len);
    mem_dma_wrote(gpa, len);
    return true;
}
