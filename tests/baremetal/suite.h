/*
 * suite.h - what the topics of the bare-metal suite share: tests, checks, faults, page tables, EL0, system registers.
 *
 * The suite runs at EL1 in the high half (VA = PA + KBASE); TTBR0 belongs to the test that runs. Facts about registers and
 * syndromes: Arm ARM DDI 0487 (D8 translation, D17 system registers).
 */
#ifndef SUITE_H
#define SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define KBASE 0xffffff8000000000ull
#define RAM_BASE 0x40000000ull
static inline void *kva(u64 pa) { return (void *)(pa + KBASE); }
static inline u64 pa_of(const volatile void *p) { return (u64)p - KBASE; }

/* ---- tests and checks ---- */
struct test { const char *name; void (*fn)(void); };
#define TEST(fn_name) \
    static void fn_name(void); \
    static const struct test fn_name##_entry __attribute__((section(".tests"), used, aligned(8))) = { #fn_name, fn_name }; \
    static void fn_name(void)

/* Record a failure when got != want. what: a short text; n: a number that says which case. */
void check_at(const char *what, u64 n, u64 got, u64 want);
#define CHECK(what, got, want) check_at(what, ~0ull, (u64)(got), (u64)(want))
#define CHECKN(what, n, got, want) check_at(what, (u64)(n), (u64)(got), (u64)(want))
void skip(const char *why);                       /* ends the test: not applicable on this machine */
void note(const char *text, u64 v);
void put(const char *s);
void puthex(u64 v);

/* ---- system registers and barriers ---- */
#define RD(reg) ({ u64 v_; __asm__ volatile("mrs %0, " #reg : "=r"(v_) : : "memory"); v_; })
#define WR(reg, v) do { u64 v_ = (u64)(v); __asm__ volatile("msr " #reg ", %0" : : "r"(v_) : "memory"); } while (0)
#define ISB() __asm__ volatile("isb" : : : "memory")
#define DSB() __asm__ volatile("dsb sy" : : : "memory")
static inline unsigned idf(u64 reg, unsigned lsb) { return reg >> lsb & 15; }
#define SCTLR_DEF (0x30d00800ull | 1 << 26 | 1 << 18 | 1 << 16 | 1 << 15 | 1 << 14 | 1 << 12 | 1 << 9 | 1 << 4 | 1 << 3 | 1 << 2 | 1)
extern u64 boot_tcr;
extern u64 boot_l0[512], boot_l1[512], boot_l2[512];
void reconf(u64 tcr, u64 ttbr0, u64 ttbr1);
u64 mmu_off_run(u64 pa, u64 value);
static inline void set_sctlr(u64 v) { WR(sctlr_el1, v); ISB(); }
static inline void set_tcr(u64 v) { WR(tcr_el1, v); ISB(); }
#define TLBI(op) __asm__ volatile("dsb ishst\n\ttlbi " #op "\n\tdsb sy\n\tisb" : : : "memory")
#define TLBI_A(op, arg) __asm__ volatile("dsb ishst\n\ttlbi " #op ", %0\n\tdsb sy\n\tisb" : : "r"((u64)(arg)) : "memory")

/* ---- exceptions ---- */
struct frame {
    u64 x[31], elr, spsr, esr, far, sp_el0;
    u64 pad[2];
};
_Static_assert(offsetof(struct frame, elr) == 248 && offsetof(struct frame, sp_el0) == 280, "vectors.S");
enum fault_mode { FM_NONE, FM_SKIP, FM_LR, FM_ADDR };   /* unexpected; resume after the instruction, at x30, at fault_resume */
extern volatile struct fault {
    u64 count, vec, esr, far, elr, spsr;
} fault;
extern volatile u64 fault_mode, fault_resume;
extern void (*volatile irq_hook)(struct frame *f);
static inline void expect(enum fault_mode m) { fault.count = 0; fault.esr = 0; fault.far = 0; fault_mode = m; }
static inline void unexpect(void) { fault_mode = FM_NONE; }
enum vec { V_SP0_SYNC, V_SP0_IRQ, V_SP0_FIQ, V_SP0_SERR, V_SYNC, V_IRQ, V_FIQ, V_SERR, V_LOW_SYNC, V_LOW_IRQ };

/* ESR values. */
#define ESR(ec, iss) ((u64)(ec) << 26 | 1u << 25 | (iss))
#define ESR_RD(fsc) ESR(0x25, fsc)
#define ESR_WR(fsc) ESR(0x25, 0x40 | (fsc))
#define ESR_IF(fsc) ESR(0x21, fsc)
#define ESR_RD0(fsc) ESR(0x24, fsc)
#define ESR_WR0(fsc) ESR(0x24, 0x40 | (fsc))
#define ESR_IF0(fsc) ESR(0x20, fsc)
#define FSC_ADDR(l) (0x00 + (l))
#define FSC_TRANS(l) (0x04 + (l))
#define FSC_AF(l) (0x08 + (l))
#define FSC_PERM(l) (0x0c + (l))
#define FSC_ALIGN 0x21

/* One instruction that may fault. Loads return what the register holds afterwards (SENTINEL if nothing was loaded). */
#define SENTINEL 0x5e5e5e5e5e5e5e5eull
#define LOADER(name, insn, mod) \
    static inline u64 name(u64 va) \
    { \
        u64 v = SENTINEL; \
        expect(FM_SKIP); \
        __asm__ volatile(insn " %" mod "0, [%1]" : "+r"(v) : "r"(va) : "memory"); \
        unexpect(); \
        return v; \
    }
#define STORER(name, insn, mod) \
    static inline void name(u64 va, u64 v) \
    { \
        expect(FM_SKIP); \
        __asm__ volatile(insn " %" mod "0, [%1]" : : "r"(v), "r"(va) : "memory"); \
        unexpect(); \
    }
LOADER(ld8, "ldrb", "w")
LOADER(ld16, "ldrh", "w")
LOADER(ld32, "ldr", "w")
LOADER(ld64, "ldr", "x")
LOADER(ldu8, "ldtrb", "w")
LOADER(ldu32, "ldtr", "w")
LOADER(ldu64, "ldtr", "x")
STORER(st8, "strb", "w")
STORER(st16, "strh", "w")
STORER(st32, "str", "w")
STORER(st64, "str", "x")
STORER(stu8, "sttrb", "w")
STORER(stu64, "sttr", "x")
/* Call va; a fault of the fetch at the entry returns SENTINEL. */
static inline u64 call(u64 va)
{
    expect(FM_LR);
    u64 r = ((u64(*)(void))va)();
    unexpect();
    return r;
}
void check_fault(const char *what, u64 n, u64 esr, u64 far);   /* the last access faulted just so */
void check_nofault(const char *what, u64 n);

/* ---- physical pages: zeroed, freed at the end of each test ---- */
u64 page_alloc(u64 bytes, u64 align);
static inline u64 page4k(void) { return page_alloc(4096, 4096); }
static inline volatile u64 *pdata(u64 pa) { return kva(pa); }

/* ---- page tables ---- */
#define A_IDX(n) ((u64)(n) << 2)
#define A_NORMAL A_IDX(0)
#define A_DEVICE A_IDX(1)
#define A_AP(n) ((u64)(n) << 6)                   /* AP[2:1] */
#define A_KRW A_AP(0)
#define A_URW A_AP(1)
#define A_KRO A_AP(2)
#define A_URO A_AP(3)
#define A_SH (3ull << 8)
#define A_AF (1ull << 10)
#define A_NG (1ull << 11)
#define A_CONT (1ull << 52)
#define A_PXN (1ull << 53)
#define A_UXN (1ull << 54)
#define A_XN (A_PXN | A_UXN)
#define A_STD (A_SH | A_AF | A_NG | A_NORMAL)
struct pt { u64 root; unsigned granule, va_bits; u64 asid; };
struct pt pt_new(unsigned granule, unsigned va_bits, u64 asid);
/* The descriptor of va at a level, tables on the way made as needed. */
volatile u64 *pt_slot(const struct pt *t, u64 va, unsigned level);
void pt_map(const struct pt *t, u64 va, u64 pa, unsigned level, u64 attrs);   /* one leaf; no maintenance; DSB, ISB */
static inline void pte_set(volatile u64 *p, u64 v) { *p = v; DSB(); ISB(); }
u64 pt_tcr(const struct pt *t);                   /* boot_tcr with this table's granule and size in the low half */
static inline u64 pt_ttbr(const struct pt *t) { return t->root | t->asid << 48; }
void pt_use(const struct pt *t);                  /* TTBR0 and TCR; no TLB maintenance unless TCR changes */
void pt_ttbr0(const struct pt *t);                /* TTBR0 only */
bool granule_ok(unsigned granule);

/* ---- EL0 ---- */
/* Code for EL0, ended by SVC #0. */
#define USTUB(name, body) \
    __asm__(".pushsection .user, \"ax\"\n.balign 4\n.global " #name "\n" #name ":\n" body "\nsvc #0\n.popsection\n"); \
    extern const char name[];
#define UCODE 0x10000000ull
#define USTACK 0x10100000ull                      /* one page; stacks start at its end */
extern const char user_start[], user_end[];
extern struct frame U;                            /* state of EL0: before el0_run() and after it */
extern u64 U_vec;
void user_map(const struct pt *t);                /* UCODE and USTACK */
static inline u64 uaddr(const char *stub) { return UCODE + (u64)(stub - user_start); }
void el0_run(void);                               /* enter U; returns at the first synchronous exception from EL0 */
u64 el0_call(const char *stub, u64 a0, u64 a1, u64 a2);   /* fresh U; returns its x0 */
#define ESR_SVC0 ESR(0x15, 0)

/* ---- code ---- */
#define INSN_RET 0xd65f03c0u
static inline u32 insn_movz_w0(unsigned imm) { return 0x52800000u | imm << 5; }
/* Clean and invalidate for instruction fetch by the VA where it was written, and by the VA where it runs. */
void code_sync(u64 va, u64 bytes);
void code_fn(u64 va, unsigned value);             /* write "mov w0, #value; ret" at va (no maintenance) */

/* ---- setjmp ---- */
struct jmp { u64 r[13]; };
int setjmp_(struct jmp *j) __attribute__((returns_twice));
void longjmp_(struct jmp *j, int v) __attribute__((noreturn));
void frame_enter(struct frame *f) __attribute__((noreturn));

#endif
