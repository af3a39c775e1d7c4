#!/usr/bin/env python3
"""Make a64_base_cases.h: A64 instruction sequences with the state that qemu-aarch64 leaves after them.

    gen.py --runner RUNNER --out a64_base_cases.h           RUNNER: runner.c compiled statically for AArch64
    gen.py --runner RUNNER --fuzz N --json a64_base.json --write PREFIX
                                                            N random encodings: PREFIX.in, PREFIX.out for a64_base_test

Cases that qemu's user mode cannot show (privileged ones) belong elsewhere.
"""

import argparse
import json
import os
import random
import re
import struct
import subprocess
import tempfile
import textwrap

CODE, BUF, MEM = 0x20000000, 0x10000000, 1024
M64 = (1 << 64) - 1
IN = struct.Struct('<4I32QII512s')
OUT = struct.Struct('<33QII512s')
BRK = 0xd4200000


def splitmix(state):
    state[0] = (state[0] + 0x9e3779b97f4a7c15) & M64
    z = state[0]
    z = ((z ^ z >> 30) * 0xbf58476d1ce4e5b9) & M64
    z = ((z ^ z >> 27) * 0x94d049bb133111eb) & M64
    return z ^ z >> 31


def state_of(seed):
    """Registers x0..x30 and sp, NZCV, memory: as expand() in a64_base_test.c."""
    s = [seed]
    x = []
    for _ in range(31):
        kind = splitmix(s) & 7
        v = splitmix(s)
        low = v & 0xffffffff
        x.append([v, v & 0xff, 0, M64, 1 << 63, (low - (low >> 31 << 32)) & M64, v >> 32, (1 << 63) - 1][kind])
    x[9] = BUF + MEM + 256
    x[10] = BUF + MEM + 128 + (splitmix(s) & 63)
    x[11] = ((splitmix(s) & 31) - 16) & M64
    nzcv = (splitmix(s) & 15) << 28
    mem = b''.join(struct.pack('<Q', splitmix(s)) for _ in range(64))
    return x + [BUF + MEM + 320], nzcv, mem


def templates():
    """Assembly text; ';' separates the instructions of a sequence."""
    out = []
    r = 'wx'
    for w in r:
        zr, sp = f'{w}zr', 'sp' if w == 'x' else 'wsp'
        bits = 64 if w == 'x' else 32
        ends = f'{1 << bits - 1 | 1:#x}'
        for op in ('add', 'adds', 'sub', 'subs'):
            out += [f'{op} {w}0, {w}1, #4095', f'{op} {w}0, {w}2, #1, lsl #12', f'{op} {w}3, {w}4, {w}5',
                    f'{op} {w}3, {w}4, {w}5, lsl #{bits - 1}', f'{op} {w}3, {w}4, {w}6, lsr #7',
                    f'{op} {w}3, {w}4, {w}7, asr #{bits // 2}', f'{op} {w}0, {w}1, w2, sxtb #2',
                    f'{op} {w}0, {w}1, w2, uxth', f'{op} {w}0, {w}1, w2, sxtw #4', f'{op} {w}0, {w}1, w2, uxtb #1',
                    f'{op} {w}0, {w}1, w2, sxth #3', f'{op} {w}0, {w}1, w2, uxtw']
        out += ['add x0, x1, x2, sxtx #2', 'subs x0, sp, x2, uxtx', 'add sp, x1, #16', 'sub sp, sp, #32',
                f'add {w}0, {sp}, #8', f'cmp {w}1, {w}1', f'cmn {w}1, #1', f'neg {w}1, {w}2',
                f'negs {w}1, {w}2, asr #3']
        for op in ('adc', 'adcs', 'sbc', 'sbcs'):
            out += [f'{op} {w}0, {w}1, {w}2', f'{op} {w}3, {w}4, {zr}', f'{op} {w}5, {w}5, {w}6']
        out += [f'ngc {w}0, {w}1']
        for op in ('and', 'orr', 'eor', 'ands'):
            out += [f'{op} {w}0, {w}1, #0xff', f'{op} {w}0, {w}1, #{ends}', f'{op} {w}2, {w}3, #0x55555555'
                    if w == 'w' else f'{op} {w}2, {w}3, #0x5555555555555555', f'{op} {w}4, {w}5, #0x3ffc0']
        for op in ('and', 'bic', 'orr', 'orn', 'eor', 'eon', 'ands', 'bics'):
            out += [f'{op} {w}0, {w}1, {w}2', f'{op} {w}0, {w}1, {w}2, ror #9', f'{op} {w}0, {w}3, {w}4, lsl #3',
                    f'{op} {w}0, {w}3, {w}4, asr #5', f'{op} {w}0, {w}3, {w}4, lsr #31']
        out += [f'mov {w}0, {w}1', f'mvn {w}0, {w}1', f'tst {w}1, {w}1', f'mov {w}0, {zr}']
        out += [f'movz {w}0, #0x1234, lsl #16', f'movn {w}1, #0xffff', f'movn {w}2, #5, lsl #16', f'movk {w}3, #0xabcd',
                f'movk {w}4, #0xabcd, lsl #16']
        for op in ('sbfm', 'ubfm', 'bfm'):
            out += [f'{op} {w}0, {w}1, #{a}, #{b}' for a, b in
                    ((0, 7), (0, 15), (0, bits - 1), (5, 20), (20, 5), (8, 7), (bits - 1, 3), (3, bits - 1), (31, 31),
                     (1, 0))]
        out += [f'extr {w}0, {w}1, {w}2, #{n}' for n in (0, 1, bits - 1)] + [f'ror {w}0, {w}1, #13']
        for cond in ('eq', 'ne', 'cs', 'cc', 'mi', 'pl', 'vs', 'vc', 'hi', 'ls', 'ge', 'lt', 'gt', 'le', 'al'):
            out += [f'csel {w}0, {w}1, {w}2, {cond}', f'ccmp {w}1, {w}2, #5, {cond}', f'b.{cond} .+64']
        out += [f'csinc {w}0, {w}1, {w}2, gt', f'csinv {w}0, {w}1, {w}2, le', f'csneg {w}0, {w}1, {w}2, vs',
                f'cset {w}0, hi', f'csetm {w}0, lt', f'cinc {w}0, {w}1, mi', f'cneg {w}0, {w}1, pl',
                f'ccmn {w}1, #31, #10, ne', f'ccmp {w}1, #0, #15, cs', f'ccmn {w}1, {w}2, #3, ls']
        for op in ('udiv', 'sdiv', 'lsl', 'lsr', 'asr', 'ror', 'mul', 'mneg'):
            out += [f'{op} {w}0, {w}1, {w}2', f'{op} {w}0, {w}3, {w}4', f'{op} {w}0, {w}5, {zr}']
        out += [f'sdiv {w}0, {w}6, {w}7', f'madd {w}0, {w}1, {w}2, {w}3', f'msub {w}0, {w}1, {w}2, {w}3']
        out += [f'{op} {w}0, {w}{n}' for op in ('rbit', 'rev16', 'rev', 'clz', 'cls') for n in (1, 2, 3, 4)]
        out += [f'cbz {w}1, .+32', f'cbnz {w}2, .-32', f'cbz {zr}, .+100', f'cbnz {w}3, .+8']
    out += ['rev32 x0, x1', 'smaddl x0, w1, w2, x3', 'smsubl x0, w1, w2, x3', 'umaddl x0, w1, w2, x3',
            'umsubl x0, w1, w2, x3',
            'smull x0, w4, w5', 'umull x0, w4, w5', 'smnegl x0, w4, w5', 'smulh x0, x1, x2', 'umulh x0, x1, x2',
            'smulh x0, x3, x4', 'umulh x0, x3, x4', 'movz x0, #1, lsl #48', 'movk x1, #0xffff, lsl #32']
    for sz in 'bhwx':
        reg = 'x2' if sz == 'x' else 'w2'
        out += [f'crc32{sz} w0, w1, {reg}', f'crc32c{sz} w0, w1, {reg}', f'crc32{sz} w0, w3, {reg}']
    out += ['rmif x1, #7, #15', 'rmif x2, #60, #5', 'setf8 w1', 'setf16 w1', 'setf8 w2', 'setf16 w3', 'setf8 w4']
    out += ['adr x0, .+12', 'adr x0, .-300', 'adrp x0, .', 'adrp x1, .+0x5000', 'b .+40', 'bl .-40',
            'tbz x1, #63, .+16',
            'tbnz x1, #0, .+16', 'tbz w2, #31, .-16', 'tbnz x2, #33, .+80', 'tbnz x3, #5, .+80',
            'adr x1, .+64; br x1', 'adr x30, .+64; blr x30', 'adr x1, .+128; blr x1', 'adr x30, .+80; ret',
            'adr x3, .+80; ret x3']
    # loads and stores
    for op in ('ldr', 'str'):
        for reg in ('w0', 'x0'):
            out += [f'{op} {reg}, [x9]', f'{op} {reg}, [x9, #24]', f'{op} {reg}, [x9, #-5]', f'{op} {reg}, [x9], #-8',
                    f'{op} {reg}, [x9, #17]!', f'{op} {reg}, [x9, x11]', f'{op} {reg}, [x9, w11, sxtw]',
                    f'{op} {reg}, [sp, #16]', f'{op} {reg}, [sp, #-16]!', f'{op} {reg}, [sp], #16',
                    f'{op} {reg}, [x10]']
        out += [f'{op} x0, [x9, x11, lsl #3]', f'{op} w0, [x9, w11, sxtw #2]', f'{op} x0, [x9, x11, sxtx #3]']
        out += ['mov w1, #5; str x0, [x9, w1, uxtw #3]', 'mov w1, #3; ldr w0, [x9, w1, uxtw]']
    for op in ('ldrb', 'ldrh', 'strb', 'strh', 'ldrsb', 'ldrsh'):
        for reg in ('w0', 'x0') if 's' in op[2:] and op[0] == 'l' else ('w0',):
            out += [f'{op} {reg}, [x9, #2]', f'{op} {reg}, [x10, #-1]', f'{op} {reg}, [x9, #3]!',
                    f'{op} {reg}, [x9], #7',
                    f'{op} {reg}, [x9, x11]']
    out += ['ldrsw x0, [x9, #4]', 'ldrsw x0, [x10, #-3]', 'ldrsw x0, [x9], #4', 'ldrsw x0, [x9, x11, lsl #2]',
            'ldtr x0, [x9, #8]', 'sttr w1, [x9, #-4]', 'ldtrb w0, [x9, #1]', 'ldtrsh x0, [x9, #2]', 'ldtrsw x0, [x9]',
            'sttrb w1, [x10]', 'sttrh w1, [x10]', 'ldtrsb w0, [x9]', 'str xzr, [x9]', 'ldr xzr, [x9], #8']
    for p in ('stp', 'ldp'):
        for w in r:
            out += [f'{p} {w}0, {w}1, [x9]', f'{p} {w}0, {w}1, [x9, #-16]', f'{p} {w}0, {w}1, [x9, #32]!',
                    f'{p} {w}0, {w}1, [x9], #-32', f'{p[0:2]}np {w}2, {w}3, [x9, #16]', f'{p} {w}2, {w}zr, [x10, #8]']
    out += ['ldpsw x0, x1, [x9]', 'ldpsw x0, x1, [x9], #8', 'ldpsw x0, x1, [x9, #-8]!', 'stp x29, x30, [sp, #-64]!',
            'ldp x29, x30, [sp], #64', 'ldp x9, x0, [x9]', 'prfm pldl1keep, [x9]', 'prfum pldl1keep, [x9, #-3]',
            'prfm pstl1keep, [x9, x11]', 'ldr x0, [x3]', 'stp x0, x1, [x4], #16', 'ldr w0, .', 'ldrsw x0, .',
            'prfm pldl1keep, .']
    # the second access of a pair faults: neither register nor base changes
    for op in ('ldp x0, x1, [x9], #16', 'ldp x0, x1, [x9]', 'ldp w0, w1, [x9, #4]!', 'ldpsw x0, x1, [x9, #4]!',
               'ldp x9, x1, [x9]',
               'ldr x0, [x9, #8]!', 'ldr x0, [x9, #1]', 'str x0, [x9, #1]!', 'ldxr x0, [x9]', 'ldadd x0, x1, [x9]'):
        out += [f'add x9, x9, #2808; {op}']
    # exclusives, acquire and release, atomics
    for sfx, reg in (('b', 'w'), ('h', 'w'), ('', 'w'), ('', 'x')):
        out += [f'ldxr{sfx} {reg}0, [x9]', f'ldaxr{sfx} {reg}0, [x9]; stlxr{sfx} w2, {reg}1, [x9]',
                f'ldxr{sfx} {reg}0, [x9]; clrex; stxr{sfx} w2, {reg}1, [x9]', f'stxr{sfx} w2, {reg}1, [x9]',
                f'ldxr{sfx} {reg}0, [x9]; strb w3, [x9]; stxr{sfx} w2, {reg}1, [x9]',
                f'ldar{sfx} {reg}0, [x9]', f'stlr{sfx} {reg}0, [x9]', f'ldapr{sfx} {reg}0, [x9]',
                f'ldapur{sfx} {reg}0, [x9, #8]', f'stlur{sfx} {reg}0, [x9, #-8]', f'cas{sfx} {reg}0, {reg}1, [x9]',
                f'ldr{sfx} {reg}0, [x9]; casal{sfx} {reg}0, {reg}1, [x9]']
        out += [f'{op}{sfx} {reg}1, {reg}0, [x9]' for op in
                ('ldadd', 'ldclr', 'ldeor', 'ldset', 'ldsmax', 'ldsmin', 'ldumax', 'ldumin', 'swp')]
        out += [f'ldaddal{sfx} {reg}2, {reg}3, [sp]', f'stadd{sfx} {reg}1, [x9]', f'swpal{sfx} {reg}3, {reg}zr, [x9]',
                f'ldsmax{sfx} {reg}4, {reg}0, [x9]', f'ldumin{sfx} {reg}5, {reg}0, [x9]']
    for w in r:
        out += [f'ldxp {w}0, {w}1, [x9]; stxp w4, {w}2, {w}3, [x9]',
                f'ldaxp {w}0, {w}1, [x9]; stlxp w4, {w}2, {w}3, [x9]',
                f'stxp w4, {w}2, {w}3, [x9]', f'casp {w}0, {w}1, {w}2, {w}3, [x9]',
                f'ldp {w}0, {w}1, [x9]; caspal {w}0, {w}1, {w}2, {w}3, [x9]']
    out += ['ldapursb w0, [x9, #1]', 'ldapursh x0, [x9, #2]', 'ldapursw x0, [x9, #4]', 'ldapursb x0, [x9]',
            'ldxr w0, [x10]']
    return list(dict.fromkeys(out))


def assemble(texts):
    """Words of each sequence."""
    with tempfile.TemporaryDirectory() as d:
        src, obj, raw = (os.path.join(d, n) for n in ('a.s', 'a.o', 'a.bin'))
        with open(src, 'w') as f:
            f.write('.arch armv8.5-a+rcpc+crc+lse+flagm\n')
            for t in texts:
                f.write(''.join(i.strip() + '\n' for i in t.split(';')) + f'.inst {BRK:#x}\n')
        subprocess.run(['aarch64-linux-gnu-as', '-o', obj, src], check=True)
        subprocess.run(['aarch64-linux-gnu-objcopy', '-O', 'binary', '-j', '.text', obj, raw], check=True)
        with open(raw, 'rb') as f:
            data = f.read()
    words = struct.unpack(f'<{len(data) // 4}I', data)
    out, cur = [], []
    for w in words:
        if w == BRK:
            out.append(cur)
            cur = []
        else:
            cur.append(w)
    return out


def record(words, seed):
    x, nzcv, mem = state_of(seed)
    return IN.pack(*(words + [BRK] * 4)[:4], *x, nzcv, 0, mem)


def run(runner, records):
    out = subprocess.run(['qemu-aarch64', '-cpu', 'max', runner], input=b''.join(records), stdout=subprocess.PIPE,
                         check=True)
    assert len(out.stdout) == OUT.size * len(records), 'the runner stopped early'
    return [out.stdout[i:i + OUT.size] for i in range(0, len(out.stdout), OUT.size)]


def table(args):
    texts = templates()
    cases = [(t, w, i * 3 + k) for i, (t, w) in enumerate(zip(texts, assemble(texts))) for k in range(args.repeat)]
    lines = []
    for (text, words, seed), raw in zip(cases, run(args.runner, [record(w, s) for _, w, s in cases])):
        f = OUT.unpack(raw)
        x, nzcv, mem = state_of(seed)
        changes = [(i, v) for i, v in enumerate(f[:32]) if v != x[i]]
        changes += [(64 + i, struct.unpack_from('<Q', f[35], i * 8)[0]) for i in range(64)
                    if f[35][i * 8:i * 8 + 8] != mem[i * 8:i * 8 + 8]]
        body = ', '.join(f'{{{i}, {v:#x}}}' for i, v in changes)
        insns = ', '.join(f'{w:#010x}' for w in (words + [BRK] * 4)[:4])
        row = f'{{"{text}", {{{insns}}}, {seed}, {f[33]:#x}, {f[34]}, {f[32]:#x}, '
        row += f'{{{body or "{0, 0}"}}}, {len(changes)}}},'
        lines.append(textwrap.fill(row, 120, initial_indent=' ' * 4, subsequent_indent=' ' * 5, break_long_words=False))
    with open(args.out, 'w') as f:
        f.write('/* Made by gen_a64_base/gen.py: text, words, seed, then NZCV, signal, PC, changes. */\n'
                'static const struct recorded recorded[] = {\n' + '\n'.join(lines) + '\n};\n')
    print(len(lines), 'cases')


def fuzz(args):
    with open(args.json) as f:
        patterns = json.load(f)
    rnd = random.Random(args.seed)
    skip = re.compile(args.skip) if args.skip else None
    records = []
    while len(records) < args.fuzz:
        p = rnd.choice(patterns)
        if skip and skip.match(p['name']):
            continue
        w = rnd.getrandbits(32)
        for field in p['fields']:
            part = field['parts'][-1]
            if field['name'] == 'rn' and 'mem' in p['attrs']:
                w = w & ~(31 << part['lo']) | rnd.choice((9, 9, 9, 31)) << part['lo']
            if field['name'] == 'rm' and 'mem' in p['attrs']:
                w = w & ~(31 << part['lo']) | 11 << part['lo']
            if field['name'] == 'imm' and 'mem' in p['attrs'] and rnd.random() < 0.7:
                top = part['lo'] + part['len']
                w &= ~(((1 << part['len'] - 3) - 1) << part['lo'] + 3)
                w &= (1 << top) - 1 | ~((1 << top) - 1)
        w = w & ~p['mask'] | p['value']
        records.append(record([w & 0xffffffff], rnd.getrandbits(31)))
    with open(args.write + '.in', 'wb') as f:
        f.write(b''.join(records))
    with open(args.write + '.out', 'wb') as f:
        f.write(b''.join(run(args.runner, records)))


ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument('--runner', required=True)
ap.add_argument('--out')
ap.add_argument('--repeat', type=int, default=1, help='states a sequence')
ap.add_argument('--fuzz', type=int)
ap.add_argument('--json')
ap.add_argument('--skip', help='regular expression of instruction names to leave out')
ap.add_argument('--seed', type=int, default=1)
ap.add_argument('--write')
args = ap.parse_args()
fuzz(args) if args.fuzz else table(args)
