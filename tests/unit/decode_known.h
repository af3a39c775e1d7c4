/* Encodings as the GNU assembler makes them, and what a64_base.decode makes of them. */
{0x91001cc5, "ADD_imm", "sf=1 sh=0 imm=7 rn=6 rd=5"}, /* add x5, x6, #7 */
{0x117fffe1, "ADD_imm", "sf=0 sh=1 imm=4095 rn=31 rd=1"}, /* add w1, wsp, #4095, lsl #12 */
{0x8b91fc1e, "ADD_reg", "sf=1 shift=2 imm=63 rm=17 rn=0 rd=30"}, /* add x30, x0, x17, asr #63 */
{0x0b050083, "ADD_reg", "sf=0 shift=0 imm=0 rm=5 rn=4 rd=3"}, /* add w3, w4, w5 */
{0x8b29afe2, "ADD_ext", "sf=1 option=5 imm=3 rm=9 rn=31 rd=2"}, /* add x2, sp, w9, sxth #3 */
{0xb1001cc5, "ADDS_imm", "sf=1 sh=0 imm=7 rn=6 rd=5"}, /* adds x5, x6, #7 */
{0x317fffe1, "ADDS_imm", "sf=0 sh=1 imm=4095 rn=31 rd=1"}, /* adds w1, wsp, #4095, lsl #12 */
{0xab91fc1e, "ADDS_reg", "sf=1 shift=2 imm=63 rm=17 rn=0 rd=30"}, /* adds x30, x0, x17, asr #63 */
{0x2b050083, "ADDS_reg", "sf=0 shift=0 imm=0 rm=5 rn=4 rd=3"}, /* adds w3, w4, w5 */
{0xab29afe2, "ADDS_ext", "sf=1 option=5 imm=3 rm=9 rn=31 rd=2"}, /* adds x2, sp, w9, sxth #3 */
{0xd1001cc5, "SUB_imm", "sf=1 sh=0 imm=7 rn=6 rd=5"}, /* sub x5, x6, #7 */
{0x517fffe1, "SUB_imm", "sf=0 sh=1 imm=4095 rn=31 rd=1"}, /* sub w1, wsp, #4095, lsl #12 */
{0xcb91fc1e, "SUB_reg", "sf=1 shift=2 imm=63 rm=17 rn=0 rd=30"}, /* sub x30, x0, x17, asr #63 */
{0x4b050083, "SUB_reg", "sf=0 shift=0 imm=0 rm=5 rn=4 rd=3"}, /* sub w3, w4, w5 */
{0xcb29afe2, "SUB_ext", "sf=1 option=5 imm=3 rm=9 rn=31 rd=2"}, /* sub x2, sp, w9, sxth #3 */
{0xf1001cc5, "SUBS_imm", "sf=1 sh=0 imm=7 rn=6 rd=5"}, /* subs x5, x6, #7 */
{0x717fffe1, "SUBS_imm", "sf=0 sh=1 imm=4095 rn=31 rd=1"}, /* subs w1, wsp, #4095, lsl #12 */
{0xeb91fc1e, "SUBS_reg", "sf=1 shift=2 imm=63 rm=17 rn=0 rd=30"}, /* subs x30, x0, x17, asr #63 */
{0x6b050083, "SUBS_reg", "sf=0 shift=0 imm=0 rm=5 rn=4 rd=3"}, /* subs w3, w4, w5 */
{0xeb29afe2, "SUBS_ext", "sf=1 option=5 imm=3 rm=9 rn=31 rd=2"}, /* subs x2, sp, w9, sxth #3 */
{0xeb02003f, "SUBS_reg", "rd=31 rn=1 rm=2"}, /* cmp x1, x2 */
{0x3100043f, "ADDS_imm", "rd=31 rn=1 imm=1"}, /* cmn w1, #1 */
{0xcb0403e3, "SUB_reg", "rd=3 rn=31 rm=4"}, /* neg x3, x4 */
{0x910003e1, "ADD_imm", "rd=1 rn=31 imm=0"}, /* mov x1, sp */
{0x92781d07, "AND_imm", "sf=1 n=1 immr=56 imms=7 rn=8 rd=7"}, /* and x7, x8, #0xff00 */
{0x1200f107, "AND_imm", "sf=0 n=0 immr=0 imms=60 rn=8 rd=7"}, /* and w7, w8, #0x55555555 */
{0xb2781d07, "ORR_imm", "sf=1 n=1 immr=56 imms=7 rn=8 rd=7"}, /* orr x7, x8, #0xff00 */
{0x3200f107, "ORR_imm", "sf=0 n=0 immr=0 imms=60 rn=8 rd=7"}, /* orr w7, w8, #0x55555555 */
{0xd2781d07, "EOR_imm", "sf=1 n=1 immr=56 imms=7 rn=8 rd=7"}, /* eor x7, x8, #0xff00 */
{0x5200f107, "EOR_imm", "sf=0 n=0 immr=0 imms=60 rn=8 rd=7"}, /* eor w7, w8, #0x55555555 */
{0xf2781d07, "ANDS_imm", "sf=1 n=1 immr=56 imms=7 rn=8 rd=7"}, /* ands x7, x8, #0xff00 */
{0x7200f107, "ANDS_imm", "sf=0 n=0 immr=0 imms=60 rn=8 rd=7"}, /* ands w7, w8, #0x55555555 */
{0x0acc7d6a, "AND_reg", "sf=0 shift=3 imm=31 rm=12 rn=11 rd=10"}, /* and w10, w11, w12, ror #31 */
{0x0aec7d6a, "BIC_reg", "sf=0 shift=3 imm=31 rm=12 rn=11 rd=10"}, /* bic w10, w11, w12, ror #31 */
{0x2acc7d6a, "ORR_reg", "sf=0 shift=3 imm=31 rm=12 rn=11 rd=10"}, /* orr w10, w11, w12, ror #31 */
{0x2aec7d6a, "ORN_reg", "sf=0 shift=3 imm=31 rm=12 rn=11 rd=10"}, /* orn w10, w11, w12, ror #31 */
{0x4acc7d6a, "EOR_reg", "sf=0 shift=3 imm=31 rm=12 rn=11 rd=10"}, /* eor w10, w11, w12, ror #31 */
{0x4aec7d6a, "EON_reg", "sf=0 shift=3 imm=31 rm=12 rn=11 rd=10"}, /* eon w10, w11, w12, ror #31 */
{0x6acc7d6a, "ANDS_reg", "sf=0 shift=3 imm=31 rm=12 rn=11 rd=10"}, /* ands w10, w11, w12, ror #31 */
{0x6aec7d6a, "BICS_reg", "sf=0 shift=3 imm=31 rm=12 rn=11 rd=10"}, /* bics w10, w11, w12, ror #31 */
{0xaa0103e0, "ORR_reg", "rn=31 rm=1 rd=0"}, /* mov x0, x1 */
{0x2a2303e2, "ORN_reg", "sf=0 rn=31 rm=3 rd=2"}, /* mvn w2, w3 */
{0xf240003f, "ANDS_imm", "rd=31"}, /* tst x1, #1 */
{0xd2e24681, "MOVZ", "sf=1 hw=3 imm=0x1234 rd=1"}, /* movz x1, #0x1234, lsl #48 */
{0x128000a1, "MOVN", "sf=0 hw=0 imm=5 rd=1"}, /* movn w1, #5 */
{0xf2bfffe2, "MOVK", "sf=1 hw=1 imm=65535 rd=2"}, /* movk x2, #65535, lsl #16 */
{0x93407c20, "SBFM", "sf=1 n=1 immr=0 imms=31"}, /* sxtw x0, w1 */
{0xd37cec20, "UBFM", "immr=60 imms=59 rn=1 rd=0"}, /* lsl x0, x1, #4 */
{0x53052883, "UBFM", "sf=0 n=0 immr=5 imms=10"}, /* ubfx w3, w4, #5, #6 */
{0xb3783c20, "BFM", "immr=56 imms=15"}, /* bfi x0, x1, #8, #16 */
{0x13037d09, "SBFM", "immr=3 imms=31"}, /* asr w9, w8, #3 */
{0x93c28420, "EXTR", "sf=1 n=1 rm=2 imms=33 rn=1 rd=0"}, /* extr x0, x1, x2, #33 */
{0x13811c20, "EXTR", "rm=1 rn=1 imms=7"}, /* ror w0, w1, #7 */
{0x10000063, "ADR", "imm_lo=0 imm_hi=3 rd=3"}, /* adr x3, .+12 */
{0x70ffffe3, "ADR", "imm_lo=3 imm_hi=-1"}, /* adr x3, .-1 */
{0xb0ffffe1, "ADRP", "imm_lo=1 imm_hi=-1 rd=1"}, /* .inst 0xb0ffffe1 */
{0x9a030041, "ADC", "sf=1 rm=3 rn=2 rd=1"}, /* adc x1, x2, x3 */
{0xba030041, "ADCS", "sf=1 rm=3 rn=2 rd=1"}, /* adcs x1, x2, x3 */
{0xda030041, "SBC", "sf=1 rm=3 rn=2 rd=1"}, /* sbc x1, x2, x3 */
{0xfa030041, "SBCS", "sf=1 rm=3 rn=2 rd=1"}, /* sbcs x1, x2, x3 */
{0xba42c02d, "CCMN_reg", "sf=1 rm=2 cond=12 rn=1 nzcv=13"}, /* ccmn x1, x2, #13, gt */
{0x3a5f1822, "CCMN_imm", "sf=0 imm=31 cond=1 rn=1 nzcv=2"}, /* ccmn w1, #31, #2, ne */
{0xfa42c02d, "CCMP_reg", "sf=1 rm=2 cond=12 rn=1 nzcv=13"}, /* ccmp x1, x2, #13, gt */
{0x7a5f1822, "CCMP_imm", "sf=0 imm=31 cond=1 rn=1 nzcv=2"}, /* ccmp w1, #31, #2, ne */
{0x1a86d0a4, "CSEL", "sf=0 cond=13 rm=6 rn=5 rd=4"}, /* csel w4, w5, w6, le */
{0x1a86d4a4, "CSINC", "sf=0 cond=13 rm=6 rn=5 rd=4"}, /* csinc w4, w5, w6, le */
{0x5a86d0a4, "CSINV", "sf=0 cond=13 rm=6 rn=5 rd=4"}, /* csinv w4, w5, w6, le */
{0x5a86d4a4, "CSNEG", "sf=0 cond=13 rm=6 rn=5 rd=4"}, /* csneg w4, w5, w6, le */
{0x9a9f17e0, "CSINC", "cond=1 rm=31 rn=31 rd=0"}, /* cset x0, eq */
{0x9ac30841, "UDIV", "sf=1 rm=3 rn=2 rd=1"}, /* udiv x1, x2, x3 */
{0x9ac30c41, "SDIV", "sf=1 rm=3 rn=2 rd=1"}, /* sdiv x1, x2, x3 */
{0x9ac32041, "LSLV", "sf=1 rm=3 rn=2 rd=1"}, /* lsl x1, x2, x3 */
{0x9ac32441, "LSRV", "sf=1 rm=3 rn=2 rd=1"}, /* lsr x1, x2, x3 */
{0x9ac32841, "ASRV", "sf=1 rm=3 rn=2 rd=1"}, /* asr x1, x2, x3 */
{0x9ac32c41, "RORV", "sf=1 rm=3 rn=2 rd=1"}, /* ror x1, x2, x3 */
{0x1ac34041, "CRC32", "sf=0 sz=0 rm=3 rn=2 rd=1"}, /* crc32b w1, w2, w3 */
{0x1ac35041, "CRC32C", "sz=0"}, /* crc32cb w1, w2, w3 */
{0x1ac34441, "CRC32", "sf=0 sz=1 rm=3 rn=2 rd=1"}, /* crc32h w1, w2, w3 */
{0x1ac35441, "CRC32C", "sz=1"}, /* crc32ch w1, w2, w3 */
{0x1ac34841, "CRC32", "sf=0 sz=2 rm=3 rn=2 rd=1"}, /* crc32w w1, w2, w3 */
{0x1ac35841, "CRC32C", "sz=2"}, /* crc32cw w1, w2, w3 */
{0x9ac34c41, "CRC32", "sf=1 sz=3 rm=3 rn=2 rd=1"}, /* crc32x w1, w2, x3 */
{0x9ac35c41, "CRC32C", "sz=3"}, /* crc32cx w1, w2, x3 */
{0xdac00041, "RBIT", "sf=1 rn=2 rd=1"}, /* rbit x1, x2 */
{0x5ac00041, "RBIT", "sf=0"}, /* rbit w1, w2 */
{0xdac00441, "REV16", "sf=1 rn=2 rd=1"}, /* rev16 x1, x2 */
{0x5ac00441, "REV16", "sf=0"}, /* rev16 w1, w2 */
{0xdac01041, "CLZ", "sf=1 rn=2 rd=1"}, /* clz x1, x2 */
{0x5ac01041, "CLZ", "sf=0"}, /* clz w1, w2 */
{0xdac01441, "CLS", "sf=1 rn=2 rd=1"}, /* cls x1, x2 */
{0x5ac01441, "CLS", "sf=0"}, /* cls w1, w2 */
{0x5ac00841, "REV_w", "rn=2 rd=1"}, /* rev w1, w2 */
{0xdac00c41, "REV_x", "rn=2"}, /* rev x1, x2 */
{0xdac00841, "REV32", "rn=2"}, /* rev32 x1, x2 */
{0x9b031041, "MADD", "sf=1 rm=3 ra=4 rn=2 rd=1"}, /* madd x1, x2, x3, x4 */
{0x1b039041, "MSUB", "sf=0 ra=4"}, /* msub w1, w2, w3, w4 */
{0x1b037c41, "MADD", "ra=31"}, /* mul w1, w2, w3 */
{0x9b231041, "SMADDL", "rm=3 ra=4 rn=2 rd=1"}, /* smaddl x1, w2, w3, x4 */
{0x9b239041, "SMSUBL", "rm=3 ra=4 rn=2 rd=1"}, /* smsubl x1, w2, w3, x4 */
{0x9ba31041, "UMADDL", "rm=3 ra=4 rn=2 rd=1"}, /* umaddl x1, w2, w3, x4 */
{0x9ba39041, "UMSUBL", "rm=3 ra=4 rn=2 rd=1"}, /* umsubl x1, w2, w3, x4 */
{0x9b437c41, "SMULH", "rm=3 rn=2 rd=1"}, /* smulh x1, x2, x3 */
{0x9bc37c41, "UMULH", "rm=3"}, /* umulh x1, x2, x3 */
{0xba1f84a9, "RMIF", "imm=63 rn=5 mask=9"}, /* rmif x5, #63, #9 */
{0x3a00086d, "SETF8", "rn=3"}, /* setf8 w3 */
{0x3a00488d, "SETF16", "rn=4"}, /* setf16 w4 */
{0x17ffffff, "B", "imm=-1"}, /* b .-4 */
{0x95ffffff, "BL", "imm=33554431"}, /* bl .+0x7fffffc */
{0x54000203, "B_cond", "cond=3 imm=16"}, /* b.lo .+64 */
{0x34ffffc3, "CBZ", "sf=0 imm=-2 rt=3"}, /* cbz w3, .-8 */
{0xb500005e, "CBNZ", "sf=1 imm=2 rt=30"}, /* cbnz x30, .+8 */
{0xb6680021, "TBZ", "bit=45 imm=1 rt=1"}, /* tbz x1, #45, .+4 */
{0x37040002, "TBNZ", "bit=0 imm=-8192 rt=2"}, /* tbnz w2, #0, .-32768 */
{0xd61f0220, "BR", "rn=17"}, /* br x17 */
{0xd63f0100, "BLR", "rn=8"}, /* blr x8 */
{0xd65f03c0, "RET", "rn=30"}, /* ret */
{0xd65f0020, "RET", "rn=1"}, /* ret x1 */
{0xd5033f5f, "CLREX", ""}, /* clrex */
{0x085f7c41, "LDXR", "size=0 acq=0 rn=2 rt=1"}, /* ldxrb w1, [x2] */
{0x0803ffe1, "STXR", "size=0 rel=1 rs=3 rn=31 rt=1"}, /* stlxrb w3, w1, [sp] */
{0x08dffc41, "LDAR", "size=0"}, /* ldarb w1, [x2] */
{0x089ffc41, "STLR", "size=0"}, /* stlrb w1, [x2] */
{0x08a47c41, "CAS", "size=0 acq=0 rel=0 rs=4"}, /* casb w4, w1, [x2] */
{0x38bfc041, "LDAPR", "size=0"}, /* ldaprb w1, [x2] */
{0x195f7041, "LDAPUR", "size=0 imm=-9"}, /* ldapurb w1, [x2, #-9] */
{0x190ff041, "STLUR", "size=0 imm=255"}, /* stlurb w1, [x2, #255] */
{0x39401041, "LDR_ui", "size=0 imm=4 rn=2 rt=1"}, /* ldrb w1, [x2, #4] */
{0x381fdc41, "STR_i9", "size=0 mode=3 imm=-3"}, /* strb w1, [x2, #-3]! */
{0x38409441, "LDR_i9", "size=0 mode=1 imm=9"}, /* ldrb w1, [x2], #9 */
{0x385ff041, "LDR_i9", "size=0 mode=0 imm=-1"}, /* ldurb w1, [x2, #-1] */
{0x38001841, "STR_i9", "size=0 mode=2"}, /* sttrb w1, [x2, #1] */
{0x3863c841, "LDR_reg", "size=0 option=6 s=0 rm=3"}, /* ldrb w1, [x2, w3, sxtw] */
{0x38236841, "STR_reg", "size=0 option=3 rm=3"}, /* strb w1, [x2, x3] */
{0x485f7c41, "LDXR", "size=1 acq=0 rn=2 rt=1"}, /* ldxrh w1, [x2] */
{0x4803ffe1, "STXR", "size=1 rel=1 rs=3 rn=31 rt=1"}, /* stlxrh w3, w1, [sp] */
{0x48dffc41, "LDAR", "size=1"}, /* ldarh w1, [x2] */
{0x489ffc41, "STLR", "size=1"}, /* stlrh w1, [x2] */
{0x48a47c41, "CAS", "size=1 acq=0 rel=0 rs=4"}, /* cash w4, w1, [x2] */
{0x78bfc041, "LDAPR", "size=1"}, /* ldaprh w1, [x2] */
{0x595f7041, "LDAPUR", "size=1 imm=-9"}, /* ldapurh w1, [x2, #-9] */
{0x590ff041, "STLUR", "size=1 imm=255"}, /* stlurh w1, [x2, #255] */
{0x79401041, "LDR_ui", "size=1 imm=4 rn=2 rt=1"}, /* ldrh w1, [x2, #8] */
{0x781fdc41, "STR_i9", "size=1 mode=3 imm=-3"}, /* strh w1, [x2, #-3]! */
{0x78409441, "LDR_i9", "size=1 mode=1 imm=9"}, /* ldrh w1, [x2], #9 */
{0x785ff041, "LDR_i9", "size=1 mode=0 imm=-1"}, /* ldurh w1, [x2, #-1] */
{0x78001841, "STR_i9", "size=1 mode=2"}, /* sttrh w1, [x2, #1] */
{0x7863c841, "LDR_reg", "size=1 option=6 s=0 rm=3"}, /* ldrh w1, [x2, w3, sxtw] */
{0x78236841, "STR_reg", "size=1 option=3 rm=3"}, /* strh w1, [x2, x3] */
{0x885f7c41, "LDXR", "size=2 acq=0 rn=2 rt=1"}, /* ldxr w1, [x2] */
{0x8803ffe1, "STXR", "size=2 rel=1 rs=3 rn=31 rt=1"}, /* stlxr w3, w1, [sp] */
{0x88dffc41, "LDAR", "size=2"}, /* ldar w1, [x2] */
{0x889ffc41, "STLR", "size=2"}, /* stlr w1, [x2] */
{0x88a47c41, "CAS", "size=2 acq=0 rel=0 rs=4"}, /* cas w4, w1, [x2] */
{0xb8bfc041, "LDAPR", "size=2"}, /* ldapr w1, [x2] */
{0x995f7041, "LDAPUR", "size=2 imm=-9"}, /* ldapur w1, [x2, #-9] */
{0x990ff041, "STLUR", "size=2 imm=255"}, /* stlur w1, [x2, #255] */
{0xb9401041, "LDR_ui", "size=2 imm=4 rn=2 rt=1"}, /* ldr w1, [x2, #16] */
{0xb81fdc41, "STR_i9", "size=2 mode=3 imm=-3"}, /* str w1, [x2, #-3]! */
{0xb8409441, "LDR_i9", "size=2 mode=1 imm=9"}, /* ldr w1, [x2], #9 */
{0xb85ff041, "LDR_i9", "size=2 mode=0 imm=-1"}, /* ldur w1, [x2, #-1] */
{0xb8001841, "STR_i9", "size=2 mode=2"}, /* sttr w1, [x2, #1] */
{0xb863c841, "LDR_reg", "size=2 option=6 s=0 rm=3"}, /* ldr w1, [x2, w3, sxtw] */
{0xb8236841, "STR_reg", "size=2 option=3 rm=3"}, /* str w1, [x2, x3] */
{0xc85f7c41, "LDXR", "size=3 acq=0 rn=2 rt=1"}, /* ldxr x1, [x2] */
{0xc803ffe1, "STXR", "size=3 rel=1 rs=3 rn=31 rt=1"}, /* stlxr w3, x1, [sp] */
{0xc8dffc41, "LDAR", "size=3"}, /* ldar x1, [x2] */
{0xc89ffc41, "STLR", "size=3"}, /* stlr x1, [x2] */
{0xc8a47c41, "CAS", "size=3 acq=0 rel=0 rs=4"}, /* cas x4, x1, [x2] */
{0xf8bfc041, "LDAPR", "size=3"}, /* ldapr x1, [x2] */
{0xd95f7041, "LDAPUR", "size=3 imm=-9"}, /* ldapur x1, [x2, #-9] */
{0xd90ff041, "STLUR", "size=3 imm=255"}, /* stlur x1, [x2, #255] */
{0xf9401041, "LDR_ui", "size=3 imm=4 rn=2 rt=1"}, /* ldr x1, [x2, #32] */
{0xf81fdc41, "STR_i9", "size=3 mode=3 imm=-3"}, /* str x1, [x2, #-3]! */
{0xf8409441, "LDR_i9", "size=3 mode=1 imm=9"}, /* ldr x1, [x2], #9 */
{0xf85ff041, "LDR_i9", "size=3 mode=0 imm=-1"}, /* ldur x1, [x2, #-1] */
{0xf8001841, "STR_i9", "size=3 mode=2"}, /* sttr x1, [x2, #1] */
{0xf863c841, "LDR_reg", "size=3 option=6 s=0 rm=3"}, /* ldr x1, [x2, w3, sxtw] */
{0xf8236841, "STR_reg", "size=3 option=3 rm=3"}, /* str x1, [x2, x3] */
{0xf8e10062, "LDADD", "size=3 acq=1 rel=1 rs=1 rn=3 rt=2"}, /* ldaddal x1, x2, [x3] */
{0x38210062, "LDADD", "size=0 acq=0 rel=0"}, /* ldaddb w1, w2, [x3] */
{0xf8e11062, "LDCLR", "size=3 acq=1 rel=1 rs=1 rn=3 rt=2"}, /* ldclral x1, x2, [x3] */
{0x38211062, "LDCLR", "size=0 acq=0 rel=0"}, /* ldclrb w1, w2, [x3] */
{0xf8e12062, "LDEOR", "size=3 acq=1 rel=1 rs=1 rn=3 rt=2"}, /* ldeoral x1, x2, [x3] */
{0x38212062, "LDEOR", "size=0 acq=0 rel=0"}, /* ldeorb w1, w2, [x3] */
{0xf8e13062, "LDSET", "size=3 acq=1 rel=1 rs=1 rn=3 rt=2"}, /* ldsetal x1, x2, [x3] */
{0x38213062, "LDSET", "size=0 acq=0 rel=0"}, /* ldsetb w1, w2, [x3] */
{0xf8e14062, "LDSMAX", "size=3 acq=1 rel=1 rs=1 rn=3 rt=2"}, /* ldsmaxal x1, x2, [x3] */
{0x38214062, "LDSMAX", "size=0 acq=0 rel=0"}, /* ldsmaxb w1, w2, [x3] */
{0xf8e15062, "LDSMIN", "size=3 acq=1 rel=1 rs=1 rn=3 rt=2"}, /* ldsminal x1, x2, [x3] */
{0x38215062, "LDSMIN", "size=0 acq=0 rel=0"}, /* ldsminb w1, w2, [x3] */
{0xf8e16062, "LDUMAX", "size=3 acq=1 rel=1 rs=1 rn=3 rt=2"}, /* ldumaxal x1, x2, [x3] */
{0x38216062, "LDUMAX", "size=0 acq=0 rel=0"}, /* ldumaxb w1, w2, [x3] */
{0xf8e17062, "LDUMIN", "size=3 acq=1 rel=1 rs=1 rn=3 rt=2"}, /* lduminal x1, x2, [x3] */
{0x38217062, "LDUMIN", "size=0 acq=0 rel=0"}, /* lduminb w1, w2, [x3] */
{0xf8e18062, "SWP", "size=3 acq=1 rel=1 rs=1 rn=3 rt=2"}, /* swpal x1, x2, [x3] */
{0x38218062, "SWP", "size=0 acq=0 rel=0"}, /* swpb w1, w2, [x3] */
{0x4862fcc4, "CASP", "sz=1 acq=1 rel=1 rs=2 rt=4 rn=6"}, /* caspal x2, x3, x4, x5, [x6] */
{0x887f0861, "LDXP", "sz=0 acq=0 rt2=2"}, /* ldxp w1, w2, [x3] */
{0xc8248861, "STXP", "sz=1 rel=1 rs=4 rt2=2"}, /* stlxp w4, x1, x2, [x3] */
{0x19800041, "LDAPURS_bh", "h=0 w=0"}, /* ldapursb x1, [x2] */
{0x59c00041, "LDAPURS_bh", "h=1 w=1"}, /* ldapursh w1, [x2] */
{0x99804041, "LDAPURSW", "imm=4"}, /* ldapursw x1, [x2, #4] */
{0x39c01441, "LDRS_bh_ui", "h=0 w=1 imm=5"}, /* ldrsb w1, [x2, #5] */
{0x79800c41, "LDRS_bh_ui", "h=1 w=0 imm=3"}, /* ldrsh x1, [x2, #6] */
{0xb9800841, "LDRSW_ui", "imm=2"}, /* ldrsw x1, [x2, #8] */
{0xb8808441, "LDRSW_i9", "mode=1"}, /* ldrsw x1, [x2], #8 */
{0x38a36841, "LDRS_bh_reg", "h=0 w=0"}, /* ldrsb x1, [x2, x3] */
{0xb8a37841, "LDRSW_reg", "s=1 option=3"}, /* ldrsw x1, [x2, x3, lsl #2] */
{0x78c00841, "LDRS_bh_i9", "mode=2 w=1 h=1"}, /* ldtrsh w1, [x2] */
{0xf9800820, "PRFM_ui", "imm=2"}, /* prfm pldl1keep, [x1, #16] */
{0xf89ff020, "PRFUM", "imm=-1"}, /* prfum pldl1keep, [x1, #-1] */
{0xf8a26820, "PRFM_reg", "rm=2"}, /* prfm pldl1keep, [x1, x2] */
{0xd8000040, "PRFM_lit", "imm=2"}, /* prfm pldl1keep, .+8 */
{0x58000081, "LDR_lit", "x=1 imm=4"}, /* ldr x1, .+16 */
{0x18ffff81, "LDR_lit", "x=0 imm=-4"}, /* ldr w1, .-16 */
{0x98000021, "LDRSW_lit", "imm=1"}, /* ldrsw x1, .+4 */
{0xa9be7bfd, "STP", "x=1 mode=3 imm=-4 rt2=30 rn=31 rt=29"}, /* stp x29, x30, [sp, #-32]! */
{0x28c10861, "LDP", "x=0 mode=1 imm=2"}, /* ldp w1, w2, [x3], #8 */
{0xa8410861, "LDP", "mode=0 imm=2"}, /* ldnp x1, x2, [x3, #16] */
{0x28000861, "STP", "x=0 mode=0"}, /* stnp w1, w2, [x3] */
{0x69408861, "LDPSW", "mode=2 imm=1"}, /* ldpsw x1, x2, [x3, #4] */
{0x1e622820, NULL, ""}, /* fadd d0, d1, d2 */
{0x3dc00020, NULL, ""}, /* ldr q0, [x1] */
{0x6d400440, NULL, ""}, /* ldp d0, d1, [x2] */
{0x4c407020, NULL, ""}, /* ld1 {v0.16b}, [x1] */
{0xd4000001, NULL, ""}, /* svc #0 */
{0xd50342df, NULL, ""}, /* msr daifset, #2 */
{0xd503201f, NULL, ""}, /* nop */
{0xd69f03e0, NULL, ""}, /* eret */
{0x00000000, NULL, ""}, /* .inst 0 */
{0xffffffff, NULL, ""}, /* .inst 0xffffffff */
{0x4ea28420, NULL, ""}, /* add v0.4s, v1.4s, v2.4s */
{0xdac123e0, NULL, ""}, /* paciza x0 */
{0xd65f0bff, NULL, ""}, /* retaa */
{0xf8200420, NULL, ""}, /* ldraa x0, [x1] */
{0x9adf1020, NULL, ""}, /* irg x0, x1 */
{0x91810420, NULL, ""}, /* addg x0, x1, #16, #1 */
{0x5ac02000, NULL, ""}, /* .inst 0x5ac02000 */
{0xd4200020, NULL, ""}, /* brk #1 */
