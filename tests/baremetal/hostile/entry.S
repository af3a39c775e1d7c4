/*
 * entry.S - start, the exception vectors and the way back into wild code.
 *
 * Two sets of vectors: vectors_off switches the MMU off first, so that it survives whatever wild code did to the tables;
 * vectors_on leaves it on and trusts the identity mapping. Both save the registers at `frame` and call handler() on a
 * fresh stack. Nothing nests: an exception inside the handler starts it anew.
 */
#define SCTLR_OFF 0x30d00980

    .section .text.start, "ax"
    .global _start
_start:
    msr daifset, #15
    ldr x0, =SCTLR_OFF
    msr sctlr_el1, x0
    mov x0, #(3 << 20)
    msr cpacr_el1, x0
    isb
    msr spsel, #1
    adrp x0, stack_end
    add x0, x0, :lo12:stack_end
    mov sp, x0
    bl hostile_main
    b .

    .macro VEC n, off
    .balign 128
    msr tpidr_el1, x0
    .if \off
    ldr x0, sctlr_off
    msr sctlr_el1, x0
    isb
    .endif
    adrp x0, frame
    add x0, x0, :lo12:frame
    stp x1, x2, [x0, #8]
    mov x1, #\n
    b save
    .endm

    .text
    .balign 2048
    .global vectors_off, vectors_on
vectors_off:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    VEC \n, 1
    .endr
    .balign 2048
vectors_on:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    VEC \n, 0
    .endr
    .balign 8
sctlr_off: .quad SCTLR_OFF

save:
    str x1, [x0, #264]
    mrs x1, tpidr_el1
    str x1, [x0]
    stp x3, x4, [x0, #24]
    stp x5, x6, [x0, #40]
    stp x7, x8, [x0, #56]
    stp x9, x10, [x0, #72]
    stp x11, x12, [x0, #88]
    stp x13, x14, [x0, #104]
    stp x15, x16, [x0, #120]
    stp x17, x18, [x0, #136]
    stp x19, x20, [x0, #152]
    stp x21, x22, [x0, #168]
    stp x23, x24, [x0, #184]
    stp x25, x26, [x0, #200]
    stp x27, x28, [x0, #216]
    stp x29, x30, [x0, #232]
    mov x1, sp
    str x1, [x0, #248]
    adrp x1, stack_end
    add x1, x1, :lo12:stack_end
    mov sp, x1
    bl handler
/* enter(x0 frame, x1 sctlr, x2 pointer to 512 bytes for V registers or 0): into wild code. */
    .global enter
enter:
    cbz x2, 1f
    ldp q0, q1, [x2]
    ldp q2, q3, [x2, #32]
    ldp q4, q5, [x2, #64]
    ldp q6, q7, [x2, #96]
    ldp q8, q9, [x2, #128]
    ldp q10, q11, [x2, #160]
    ldp q12, q13, [x2, #192]
    ldp q14, q15, [x2, #224]
    ldp q16, q17, [x2, #256]
    ldp q18, q19, [x2, #288]
    ldp q20, q21, [x2, #320]
    ldp q22, q23, [x2, #352]
    ldp q24, q25, [x2, #384]
    ldp q26, q27, [x2, #416]
    ldp q28, q29, [x2, #448]
    ldp q30, q31, [x2, #480]
1:  ldr x3, [x0, #248]
    mov sp, x3
    ldr x3, [x0]
    msr tpidr_el1, x3
    ldr x3, [x0, #8]
    msr contextidr_el1, x3              /* 32 bits of x1: good enough */
    ldr x3, [x0, #272]
    msr cpacr_el1, x3
    ldp x2, x3, [x0, #16]
    ldp x4, x5, [x0, #32]
    ldp x6, x7, [x0, #48]
    ldp x8, x9, [x0, #64]
    ldp x10, x11, [x0, #80]
    ldp x12, x13, [x0, #96]
    ldp x14, x15, [x0, #112]
    ldp x16, x17, [x0, #128]
    ldp x18, x19, [x0, #144]
    ldp x20, x21, [x0, #160]
    ldp x22, x23, [x0, #176]
    ldp x24, x25, [x0, #192]
    ldp x26, x27, [x0, #208]
    ldp x28, x29, [x0, #224]
    ldr x30, [x0, #240]
    msr sctlr_el1, x1
    isb
    mrs x0, tpidr_el1
    mrs x1, contextidr_el1
    eret
    .ltorg

    .bss
    .balign 64
    .global frame
frame: .skip 512
    .skip 16384
stack_end: .skip 64
