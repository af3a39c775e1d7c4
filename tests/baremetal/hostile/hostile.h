/*
 * hostile.h - the hostile guest: what its parts share.
 *
 * guest.c owns the run (handler, registers, budget), code.c the random instructions, tables.c the address spaces, devices.c what is
 * done to chips. All of it runs at the physical address where it is linked.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed long long s64;
#define N(a) (unsigned)(sizeof(a) / sizeof(*(a)))
#define RD(reg) ({ u64 v_; __asm__ volatile("mrs %0, " #reg : "=r"(v_)); v_; })
#define WR(reg, v) __asm__ volatile("msr " #reg ", %0" : : "r"((u64)(v)) : "memory")
#define ISB() __asm__ volatile("isb" : : : "memory")
#define DSB() __asm__ volatile("dsb sy" : : : "memory")
#define BARRIER() __asm__ volatile("" : : : "memory")

/* Set in the ELF file by `run`, found by the magic number. */
struct params {
    u64 magic, seed, budget;                     /* exceptions taken until it switches off */
    u64 wild;                                    /* WILD_* */
    u64 code_bytes;                              /* of the arena filled with instructions */
};
#define WILD_REGS 1                              /* wild code may write any system register with anything */
#define WILD_RAM 2                               /* mappings of, and DMA to, the tables and the handler itself */
#define WILD_RESET 4                             /* firmware calls may end the run */
extern volatile struct params params;

u64 rnd(void);
static inline u64 below(u64 n) { return rnd() % n; }
static inline int one_in(u64 n) { return rnd() % n == 0; }

#define RAM 0x40000000ull
#define RAM_SIZE 0x04000000ull
#define ARENA 0x41000000ull                      /* code and data of the wild code */
#define ARENA_SIZE 0x00200000ull
#define POOLS 0x42000000ull                      /* tables */
#define POOL_SIZE 0x00400000ull

/* ---- tables.c ---- */
#define SPACES 4
#define REGIONS 24
struct region { u64 va, len, pa; };
struct space { u64 ttbr0, ttbr1, tcr, mair; unsigned granule, va0, va1, n; u64 used; struct region r[REGIONS]; };
extern struct space spaces[SPACES];
void space_build(unsigned i);
void space_alter(unsigned i);                    /* a few descriptors, with the TLB maintenance they need */
u64 random_pa(void);
u64 random_va(void);                             /* a pointer somewhere in the current space, or a bad one */
u64 code_va(void);                               /* of an instruction in the arena, seen through the current space */
extern unsigned current;

/* ---- code.c ---- */
u32 random_insn(void);
void code_fill(u64 pa, u64 bytes);
u64 random_value(void);

/* ---- devices.c ---- */
void gic_init(void);
u32 irq_ack(void);
void timer_arm(void);
void poke_devices(void);

#endif
