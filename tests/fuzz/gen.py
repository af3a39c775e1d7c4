#!/usr/bin/env python3
"""Turn the A64 decode tables (JSON from tools/decode.py --json) into fuzz_table.h: how each line is fuzzed.

Owns the rule of every line: which operands it wants, how its address is made, which encodings are left out and why. A line of
a64_sys without a rule, a line that touches memory without one, and a rule without a line are errors: the build of the tests fails.
The cases themselves are made by fuzz_gen.h, the same on both sides.
"""
import argparse
import json
import re
import sys

# Loads and stores: (address form, scale, alignment, flags).
#   address: BASE [rn]; I9 [rn, imm]; UI [rn, imm << scale]; REG [rn, rm extended]; PAIR [rn, imm << scale]; LIT pc-relative;
#            POST [rn], rm
#   scale, alignment: "field+n", "n", or "vec" (hi:size of the SIMD forms); flags: see enum in fuzz_gen.h
MEM = {
    'STXR': ('BASE', '0', 'size+0', 'EXCL_ST NOMIX'), 'LDXR': ('BASE', '0', 'size+0', 'NOMIX'),
    'STXP': ('BASE', '0', 'sz+3', 'EXCL_ST NOMIX'), 'LDXP': ('BASE', '0', 'sz+3', 'LDPAIR NOMIX'),
    'STLR': ('BASE', '0', 'size+0', ''), 'LDAR': ('BASE', '0', 'size+0', ''),
    'CASP': ('BASE', '0', 'sz+3', 'EVEN'), 'CAS': ('BASE', '0', 'size+0', ''),
    'STLUR': ('I9', '0', 'size+0', 'NOMIX'), 'LDAPUR': ('I9', '0', 'size+0', 'NOMIX'),
    'LDAPURS_bh': ('I9', '0', 'h+0', 'NOMIX'), 'LDAPURSW': ('I9', '0', '2', 'NOMIX'),
    'LDAPR': ('BASE', '0', 'size+0', 'TAME'),
    'LDR_lit': ('LIT', '0', '0', ''), 'LDRSW_lit': ('LIT', '0', '0', ''), 'PRFM_lit': ('LIT', '0', '0', ''),
    'STP': ('PAIR', 'x+2', '0', 'WB'), 'LDP': ('PAIR', 'x+2', '0', 'WB LDPAIR'), 'LDPSW': ('PAIR', '2', '0', 'WB LDPAIR'),
    'STR_i9': ('I9', '0', '0', 'WB'), 'LDR_i9': ('I9', '0', '0', 'WB'), 'LDRS_bh_i9': ('I9', '0', '0', 'WB'),
    'LDRSW_i9': ('I9', '0', '0', 'WB'), 'PRFUM': ('I9', '0', '0', ''),
    'STR_ui': ('UI', 'size+0', '0', ''), 'LDR_ui': ('UI', 'size+0', '0', ''), 'LDRS_bh_ui': ('UI', 'h+0', '0', ''),
    'LDRSW_ui': ('UI', '2', '0', ''), 'PRFM_ui': ('UI', '3', '0', ''),
    'STR_reg': ('REG', 'size+0', '0', ''), 'LDR_reg': ('REG', 'size+0', '0', ''), 'LDRS_bh_reg': ('REG', 'h+0', '0', ''),
    'LDRSW_reg': ('REG', '2', '0', ''), 'PRFM_reg': ('REG', '3', '0', ''),
    'LDR_lit_v': ('LIT', '0', '0', ''), 'LDST_imm9_v': ('I9', '0', '0', 'VWB'), 'LDST_reg_v': ('REG', 'vec', '0', ''),
    'LDST_uimm_v': ('UI', 'vec', '0', ''), 'LDSTP_v': ('PAIR', 'opc+2', '0', 'VWB LDPAIR'),
    'LDSTM_v': ('BASE', '0', '0', ''), 'LDSTM_post_v': ('POST', '0', '0', ''),
    'LDST1_v': ('BASE', '0', '0', ''), 'LDST1_post_v': ('POST', '0', '0', ''),
}
for n in 'LDADD LDCLR LDEOR LDSET LDSMAX LDSMIN LDUMAX LDUMIN SWP'.split():
    MEM[n] = ('BASE', '0', 'size+0', '')

# Blocks of several instructions of any lines, besides the tables' own lines: how many times the number of cases of a line.
MIXES = 30

RULES = {
    'B': 'BRANCH', 'BL': 'BRANCH', 'B_cond': 'BRANCH', 'CBZ': 'BRANCH', 'CBNZ': 'BRANCH', 'TBZ': 'BRANCH', 'TBNZ': 'BRANCH',
    'BR': 'BRREG', 'BLR': 'BRREG', 'RET': 'BRREG', 'CLREX': 'INT',
    'HINT': 'HINT', 'DSB': 'INT', 'DMB': 'INT', 'ISB': 'INT', 'SB': 'INT',
    'MSR': 'SYSREG', 'MRS': 'SYSREG',
}
# Lines that cannot be compared with a user-mode emulator, and where they are tested.
ELSEWHERE = {
    'SVC': 'tests/baremetal exc_svc_brk_undef, exc_from_el0', 'HVC': 'tests/baremetal psci_version, exc_from_el0',
    'SMC': 'tests/baremetal', 'BRK': 'tests/baremetal exc_svc_brk_undef', 'HLT': 'tests/baremetal exc_svc_brk_undef',
    'ERET': 'tests/baremetal exc_*, el0_*', 'MSR_imm': 'tests/baremetal pan, exc_sp0, gic_masking',
    'SYS': 'tests/baremetal dc_zva, at, tlbi_*, smc_*', 'SYSL': 'tests/baremetal',
}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('json', nargs='+', help='tables from tools/decode.py --json')
    ap.add_argument('-o', '--output', required=True)
    args = ap.parse_args()
    lines = []
    for path in args.json:
        with open(path, encoding='utf-8') as f:
            lines += json.load(f)
    errors, seen, out, fields = [], set(), [], {'none': 0}

    def field(name):
        return 'F_' + name if fields.setdefault(name, len(fields)) is not None else ''

    def term(text):
        if text == 'vec':
            return 'F_none, FZ_VEC'
        name, _, add = text.partition('+')
        return f'{field(name)}, {add}' if add else f'F_none, {text}'

    for p in lines:
        name, group = p['name'], p['file']
        seen.add(name)
        mem = name in MEM
        if not mem and ('mem' in p['attrs'] or name.startswith(('LD', 'PRF'))):
            errors.append(f"{group}:{p['line']}: {name} touches memory and has no rule in tests/fuzz/gen.py")
            continue
        addr, scale, align, flags = MEM[name] if mem else ('BASE', '0', '0', '')
        if mem:
            rule = 'MEM'
        elif name in ELSEWHERE:
            rule = 'ELSEWHERE'
        elif name in RULES:
            rule = RULES[name]
        elif 'branch' in p['attrs'] or '_sys' in group:
            errors.append(f"{group}:{p['line']}: {name} has no rule in tests/fuzz/gen.py")
            continue
        elif '_simd' in group:
            rule = 'FP' if re.match(r'F|CVTF', name) else 'VEC'
        else:
            rule = 'INT'
        flag_list = ['FZ_' + f for f in flags.split()]
        if 'fallback' in p['attrs']:
            flag_list.append('FZ_FALLBACK')
        fs = []
        for f in p['fields']:
            parts = ', '.join(f"{{ {q['lo']}, {q['len']} }}" for q in f['parts'])
            fs.append(f"{{ {field(f['name'])}, {int(f['signed'])}, {len(f['parts'])}, {{ {parts} }} }}")
        file_no = 0 if '_base' in group else 1 if '_simd' in group else 2
        feat = f"\"{p['attrs']['feat']}\"" if 'feat' in p['attrs'] else 'NULL'
        out.append(f"    {{ \"{name}\", {feat}, {p['mask']:#010x}, {p['value']:#010x}, {file_no}, R_{rule}, A_{addr}, {{ {term(scale)} }}, "
                   f"{{ {term(align)} }}, {' | '.join(flag_list) or '0'}, {len(fs)},\n      {{ {', '.join(fs) or '{ 0 }'} }} }},")
    for i in range(MIXES):
        out.append(f'    {{ "MIX_{i}", NULL, 0, {i}, 3, R_MIX, A_BASE, {{ F_none, 0 }}, {{ F_none, 0 }}, 0, 0, {{ {{ 0 }} }} }},')
    for name in list(MEM) + list(RULES) + list(ELSEWHERE):
        if name not in seen:
            errors.append(f'tests/fuzz/gen.py: rule for {name}, which is in no table')
    if errors:
        sys.exit('\n'.join(errors))
    with open(args.output, 'w', encoding='utf-8') as f:
        f.write('/* Generated by tests/fuzz/gen.py from the decode tables. */\n')
        f.write('enum fz_fieldname { ' + ', '.join('F_' + n for n in fields) + ' };\n')
        f.write('#include "fuzz_line.h"\n')
        f.write('static const struct fz_line fz_lines[] = {\n' + '\n'.join(out) + '\n};\n')
        f.write('#define FZ_LINES (sizeof(fz_lines) / sizeof(fz_lines[0]))\n')


main()
