/*
 * start.S - entry at EL1 with the MMU off, boot page tables, MMU reconfiguration with the MMU off, setjmp/longjmp.
 *
 * The suite runs in the high half; the low half (TTBR0) belongs to the tests. Must not use memory before the tables are up.
 */
#define KBASE 0xffffff8000000000

    .section .text.start, "ax"
    .global _start
_start:
    msr daifset, #15
    mrs x0, CurrentEL
    cmp x0, #4
    b.eq 1f
    /* Not at EL1: say so by hanging; the runner's time limit reports it. */
0:  wfe
    b 0b
1:  mov x0, #(3 << 20)
    msr cpacr_el1, x0
    /* Clear .bss: one pass by physical address, 16 bytes at a time (the section is 4 KiB aligned). */
    adrp x0, bss_start
    adrp x1, bss_end
2:  cmp x0, x1
    b.hs 3f
    stp xzr, xzr, [x0], #16
    b 2b
3:  isb

    /* boot_l0[511] -> boot_l1, id_l0[0] -> boot_l1; boot_l1[0] = 1 GiB of devices, boot_l1[1] -> boot_l2. */
    adrp x0, boot_l0
    adrp x1, boot_l1
    adrp x2, boot_l2
    adrp x3, id_l0
    orr x4, x1, #3
    str x4, [x0, #(511 * 8)]
    str x4, [x3]
    ldr x4, =0x0060000000000405          /* device (attribute 1), AF, PXN, UXN */
    str x4, [x1]
    orr x4, x2, #3
    str x4, [x1, #8]
    /* boot_l2: RAM 0x40000000..0x48000000 in 2 MiB blocks, RW and XN, but RO and X for the text block (0x40400000). */
    ldr x4, =0x0060000040000701
    mov x5, #0
4:  str x4, [x2, x5, lsl #3]
    add x4, x4, #0x200000
    add x5, x5, #1
    cmp x5, #64
    b.lo 4b
    ldr x4, =0x0040000040400781
    str x4, [x2, #16]

    ldr x0, =0x004404ff                  /* MAIR: 0 normal write-back, 1 Device-nGnRE, 2 normal non-cacheable, 3 Device-nGnRnE */
    msr mair_el1, x0
    ldr x0, =boot_tcr
    ldr x1, =KBASE
    sub x0, x0, x1
    ldr x0, [x0]
    adrp x1, id_l0
    adrp x2, boot_l0
    ldr x30, =main_entry
    b reconf_low

main_entry:
    ldr x0, =stack_top
    mov sp, x0
    ldr x0, =vectors
    msr vbar_el1, x0
    isb
    bl suite_main
0:  wfe
    b 0b

/* Where CPU_ON starts the second CPU, MMU off, x0 = context: the boot tables, a stack, other_main(context). */
    .global other_start
other_start:
    msr daifset, #15
    mov x19, x0
    mov x0, #(3 << 20)
    msr cpacr_el1, x0
    isb
    ldr x0, =0x004404ff
    msr mair_el1, x0
    ldr x0, =boot_tcr
    ldr x1, =KBASE
    sub x0, x0, x1
    ldr x0, [x0]
    adrp x1, id_l0
    adrp x2, boot_l0
    ldr x30, =other_high
    b reconf_low
other_high:
    ldr x0, =other_stack + 16384
    mov sp, x0
    ldr x0, =vectors
    msr vbar_el1, x0
    isb
    mov x0, x19
    b other_main

/*
 * reconf(x0 tcr, x1 ttbr0, x2 ttbr1): switch the MMU off, set the registers, flush the TLB, switch it on. Runs its middle part
 * from the identity map (id_l0), so any TCR_EL1 is allowed whose TTBR1 half still maps the suite.
 */
    .global reconf
reconf:
    mov x4, x0
    mov x5, x1
    mov x6, x2
    ldr x3, =KBASE
    adrp x7, id_l0
    sub x7, x7, x3
    mrs x8, tcr_el1
    ldr x9, =boot_tcr
    ldr x9, [x9]
    and x10, x8, #0xffffffffffff0000     /* low half as at boot, high half as it is */
    bfxil x10, x9, #0, #16
    ldr x9, =(1 << 37) | (1 << 41)       /* no TBI0, no HPD0 */
    bic x10, x10, x9
    bic x10, x10, #(1 << 22)             /* A1 */
    msr tcr_el1, x10
    msr ttbr0_el1, x7
    isb
    tlbi vmalle1
    dsb sy
    isb
    mov x0, x4
    mov x1, x5
    mov x2, x6
    adr x9, reconf_low
    sub x9, x9, x3
    br x9

reconf_low:
    mrs x3, sctlr_el1
    bic x3, x3, #1
    msr sctlr_el1, x3
    isb
    msr tcr_el1, x0
    adrp x9, id_l0
    msr ttbr0_el1, x1
    msr ttbr1_el1, x2
    isb
    tlbi vmalle1
    ic iallu
    dsb sy
    isb
    /* The identity map must be live when M goes to 1: take it for the switch, with the low half of the boot TCR. */
    ldr x5, =boot_tcr
    ldr x6, =KBASE
    sub x5, x5, x6
    ldr x5, [x5]
    and x7, x0, #0xffffffffffff0000
    bfxil x7, x5, #0, #16
    ldr x5, =(1 << 37) | (1 << 41)
    bic x7, x7, x5
    bic x7, x7, #(1 << 22)
    msr tcr_el1, x7
    msr ttbr0_el1, x9
    isb
    ldr x3, =0x30d00800 | 1 << 26 | 1 << 18 | 1 << 16 | 1 << 15 | 1 << 14 | 1 << 12 | 1 << 9 | 1 << 4 | 1 << 3 | 1 << 2 | 1
    msr sctlr_el1, x3
    isb
    ldr x4, =reconf_high
    br x4
reconf_high:
    msr ttbr0_el1, x1
    msr tcr_el1, x0
    isb
    tlbi vmalle1
    dsb sy
    isb
    ret

/*
 * mmu_off_run(x0 pa, x1 value): with the MMU off, store the value at pa, read it back, then MMU on again with the registers as they
 * were; returns what was read.
 */
    .global mmu_off_run
mmu_off_run:
    mrs x10, ttbr0_el1
    mrs x11, tcr_el1
    mrs x12, ttbr1_el1
    mov x13, x0
    mov x14, x1
    mov x15, x30
    ldr x3, =KBASE
    adrp x7, id_l0
    sub x7, x7, x3
    msr ttbr0_el1, x7
    isb
    tlbi vmalle1
    dsb sy
    isb
    adr x9, 1f
    sub x9, x9, x3
    br x9
1:  mrs x3, sctlr_el1
    bic x3, x3, #1
    msr sctlr_el1, x3
    isb
    str x14, [x13]
    dsb sy
    ldr x14, [x13]
    mov x0, x11
    mov x1, x10
    mov x2, x12
    ldr x30, =2f
    b reconf_low
2:  mov x0, x14
    ret x15

    .global setjmp_
setjmp_:
    stp x19, x20, [x0]
    stp x21, x22, [x0, #16]
    stp x23, x24, [x0, #32]
    stp x25, x26, [x0, #48]
    stp x27, x28, [x0, #64]
    stp x29, x30, [x0, #80]
    mov x1, sp
    str x1, [x0, #96]
    mov w0, #0
    ret
    .global longjmp_
longjmp_:
    ldp x19, x20, [x0]
    ldp x21, x22, [x0, #16]
    ldp x23, x24, [x0, #32]
    ldp x25, x26, [x0, #48]
    ldp x27, x28, [x0, #64]
    ldp x29, x30, [x0, #80]
    ldr x2, [x0, #96]
    mov sp, x2
    mov w0, w1
    ret
    .ltorg

    .data
    .balign 8
    /* T0SZ = T1SZ = 16, 4 KiB granules, inner shareable write-back, 40-bit physical addresses, 16-bit ASIDs */
    .global boot_tcr
boot_tcr:
    .quad 16 | 1 << 8 | 1 << 10 | 3 << 12 | 16 << 16 | 1 << 24 | 1 << 26 | 3 << 28 | 2 << 30 | 2 << 32 | 1 << 36

    .bss
    .balign 4096
    .global boot_l0, boot_l1, boot_l2, id_l0
boot_l0: .skip 4096
boot_l1: .skip 4096
boot_l2: .skip 4096
id_l0:   .skip 4096
    .skip 32768
stack_top:
