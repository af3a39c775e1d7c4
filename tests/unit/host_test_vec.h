/*
 * host_test_vec.h - random vector and floating-point operations for host_test.c.
 */

static void fp_op(void)
{
    static const uint8_t two[] = {IR_FADD, IR_FSUB, IR_FMUL, IR_FDIV, IR_VFADD, IR_VFSUB, IR_VFMUL, IR_VFDIV, IR_VFCMEQ, IR_VFCMGT,
        IR_VFCMGE, IR_FMAX, IR_FMIN, IR_FMAXNM, IR_FMINNM, IR_VFMAX, IR_VFMIN, IR_VFMAXNM, IR_VFMINNM};
    static const uint8_t one_[] = {IR_FSQRT, IR_FABS, IR_FNEG, IR_VFSQRT, IR_VFNEG, IR_VFABS};
    unsigned esz = 2 + below(2), q = esz == 3 ? 1 : below(2);
    enum ir_type t = any_type();
    switch (below(12)) {
    case 0: keep(ir_vop(&blk, one_[below(ARRAY_LEN(one_))], esz, q, arg(IR_V), IR_NONE, IR_NONE)); break;
    case 1: keep(ir_vopi(&blk, IR_FMADD, esz, 1, arg(IR_V), arg(IR_V), arg(IR_V), below(4), 0)); break;
    case 2: keep(ir_vopi(&blk, IR_VFMLA, esz, q, arg(IR_V), arg(IR_V), arg(IR_V), below(2), 0)); break;
    case 3: keep(ir_vopi(&blk, IR_FCVT, esz, 1, arg(IR_V), IR_NONE, IR_NONE, 5 - esz, 0)); break;
    case 4: keep(ir_ffrom(&blk, chance(50) ? IR_FFROMS : IR_FFROMU, t, esz, arg(t))); break;
    case 5: keep(ir_vget(&blk, chance(50) ? IR_FTOS : IR_FTOU, t, esz, arg(IR_V), below(5))); break;
    case 6: keep(ir_vopi(&blk, IR_FRINT, esz, 1, arg(IR_V), IR_NONE, IR_NONE, below(6) | (chance(50) ? 8 : 0), 0)); break;
    case 7: ir_fcmp(&blk, esz, arg(IR_V), arg(IR_V), chance(50)); break;
    case 9:
        switch (below(5)) {
        case 0: keep(ir_vop(&blk, chance(50) ? IR_VFFROMS : IR_VFFROMU, esz, q, arg(IR_V), IR_NONE, IR_NONE)); break;
        case 1: keep(ir_vopi(&blk, chance(50) ? IR_VFTOS : IR_VFTOU, esz, q, arg(IR_V), IR_NONE, IR_NONE, below(5), 0)); break;
        case 2: keep(ir_vopi(&blk, IR_VFRINT, esz, q, arg(IR_V), IR_NONE, IR_NONE, below(6) | (chance(50) ? 8 : 0), 0)); break;
        case 3: keep(ir_vop(&blk, IR_VFCVTL, 2, 1, arg(IR_V), IR_NONE, IR_NONE)); break;
        default: keep(ir_vop(&blk, IR_VFCVTN, 3, 1, arg(IR_V), IR_NONE, IR_NONE)); break;
        }
        break;
    case 8:
        if (chance(50))
            keep(ir_op0(&blk, IR_GETFPS, IR_I64));
        else
            ir_op1(&blk, IR_SETFPS, IR_I64, arg(IR_I64));
        break;
    default: keep(ir_vop(&blk, two[below(ARRAY_LEN(two))], esz, q, arg(IR_V), arg(IR_V), IR_NONE)); break;
    }
}

static void vec_op(void)
{
    static const uint8_t two[] = {IR_VZIP1, IR_VZIP2, IR_VUZP1, IR_VUZP2, IR_VTRN1, IR_VTRN2, IR_VAND, IR_VOR, IR_VXOR, IR_VANDN,
        IR_VORN, IR_VADD, IR_VSUB, IR_VCMEQ, IR_VCMGT, IR_VCMGE, IR_VCMHI, IR_VCMHS, IR_VCMTST, IR_VADDP};
    static const uint8_t two012[] = {IR_VMUL, IR_VSMAX, IR_VSMIN, IR_VUMAX, IR_VUMIN};
    static const uint8_t one_[] = {IR_VNOT, IR_VNEG, IR_VABS};
    unsigned esz = below(4), q = esz == 3 ? 1 : below(2), lanes = 16u >> esz;
    enum ir_type t = any_type();
    if (mode & 2 && (!(mode & 1) || chance(50))) {
        fp_op();
        return;
    }
    switch (below(27)) {
    case 0: keep(ir_vconst(&blk, interesting(), chance(50) ? 0 : interesting())); break;
    case 1: keep(ir_vop(&blk, IR_VDUP, esz, q, arg(t), IR_NONE, IR_NONE)); break;
    case 2: keep(ir_vop(&blk, IR_VFROM, esz, 1, arg(t), IR_NONE, IR_NONE)); break;
    case 3: keep(ir_vget(&blk, IR_VGET, t, t == IR_I32 && esz == 3 ? 2 : esz, arg(IR_V), below(t == IR_I32 && esz == 3 ? 4 : lanes))); break;
    case 4:
        esz = below(t == IR_I32 ? 2 : 3);
        keep(ir_vget(&blk, IR_VGETS, t, esz, arg(IR_V), below(16u >> esz)));
        break;
    case 5: keep(ir_vopi(&blk, IR_VINS, esz, 1, arg(IR_V), arg(t), IR_NONE, below(lanes), 0)); break;
    case 6: keep(ir_vopi(&blk, IR_VINSE, esz, 1, arg(IR_V), arg(IR_V), IR_NONE, below(lanes), below(lanes))); break;
    case 7: keep(ir_vopi(&blk, IR_VDUPE, esz, q, arg(IR_V), IR_NONE, IR_NONE, below(lanes), 0)); break;
    case 8: keep(ir_vopi(&blk, IR_VEXT, 0, q, arg(IR_V), arg(IR_V), IR_NONE, below(q ? 16 : 8), 0)); break;
    case 9: {
        unsigned to = 1 + below(3);
        keep(ir_vopi(&blk, IR_VREV, below(to), below(2), arg(IR_V), IR_NONE, IR_NONE, to, 0));
        break;
    }
    case 10: keep(ir_vop(&blk, IR_VTBL, 0, below(2), arg(IR_V), arg(IR_V), IR_NONE)); break;
    case 11: keep(ir_vop(&blk, chance(50) ? IR_VLOW : IR_VHIGH, 3, 1, arg(IR_V), IR_NONE, IR_NONE)); break;
    case 12: keep(ir_vop(&blk, IR_VJOIN, 3, 1, arg(IR_V), arg(IR_V), IR_NONE)); break;
    case 13: keep(ir_vop(&blk, IR_VBSL, 0, below(2), arg(IR_V), arg(IR_V), arg(IR_V))); break;
    case 14: keep(ir_vop(&blk, two012[below(ARRAY_LEN(two012))], below(3), below(2), arg(IR_V), arg(IR_V), IR_NONE)); break;
    case 15: keep(ir_vopi(&blk, IR_VSHL, esz, q, arg(IR_V), IR_NONE, IR_NONE, below(8u << esz), 0)); break;
    case 16:
        keep(ir_vopi(&blk, chance(50) ? IR_VUSHR : IR_VSSHR, esz, q, arg(IR_V), IR_NONE, IR_NONE, 1 + below(8u << esz), 0));
        break;
    case 17: keep(ir_vop(&blk, IR_VXTN, below(3), 1, arg(IR_V), IR_NONE, IR_NONE)); break;
    case 18: keep(ir_vopi(&blk, chance(50) ? IR_VUXTL : IR_VSXTL, below(3), 1, arg(IR_V), IR_NONE, IR_NONE, below(2), 0)); break;
    case 23:
        if (chance(50))
            keep(ir_vopi(&blk, chance(50) ? IR_VUMULL : IR_VSMULL, below(3), 1, arg(IR_V), arg(IR_V), IR_NONE, below(2), 0));
        else
            keep(ir_vop(&blk, chance(50) ? IR_VUADDLP : IR_VSADDLP, below(3), below(2), arg(IR_V), IR_NONE, IR_NONE));
        break;
    case 24: keep(ir_vop(&blk, IR_VFIRST, below(4), 1, arg(IR_V), IR_NONE, IR_NONE)); break;
    case 19: keep(ir_vop(&blk, IR_VCNT, 0, below(2), arg(IR_V), IR_NONE, IR_NONE)); break;
    case 20: keep(ir_vop(&blk, one_[below(ARRAY_LEN(one_))], esz, q, arg(IR_V), IR_NONE, IR_NONE)); break;
    case 22: ir_vsticky(&blk, chance(50) ? arg(IR_V) : ir_vconst(&blk, 0, 0), 1u << 27); break;
    case 21: {
        enum ir_op o = IR_VAESE + below(IR_VPMULL - IR_VAESE + 1);
        unsigned n = ir_op_info[o].nargs;
        ir_val a = arg(IR_V), x = n > 1 ? arg(IR_V) : IR_NONE;
        keep(ir_vopi(&blk, o, 0, 1, a, x, n > 2 ? arg(IR_V) : IR_NONE, below(o == IR_VSHA1 ? 3 : o == IR_VPMULL ? 2 : 1), 0));
        break;
    }
    default: keep(ir_vop(&blk, two[below(ARRAY_LEN(two))], esz, q, arg(IR_V), arg(IR_V), IR_NONE)); break;
    }
}
