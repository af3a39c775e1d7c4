#!/usr/bin/env python3
"""Turn an instruction table (*.decode) into a C decoder, its header, and a JSON table for the tests.

Owns the table format. Must not know any instruction set: widths are 32 bits, everything else comes from the table.

Format, one instruction a line:

    NAME  TOKEN TOKEN ...  [; ATTRIBUTE ...]  [# comment]

The tokens describe the 32 bits from bit 31 down to bit 0 and must add up to exactly 32:

    0110x1      a run of fixed bits; x is a bit that does not matter and belongs to no field
    name:len    an unsigned field of len bits           (uint32_t in struct arg_NAME)
    name:sLEN   a signed field of LEN bits              (int32_t)

A field name that occurs again continues the field: the parts are concatenated, the leftmost is the high part, and the
leftmost says whether the whole is signed. Attributes are free-form words or key=value pairs, kept in the JSON table.
One is understood here: `fallback` allows a line to overlap lines above it; they win where both match.

Example:

    ADD_imm   sf:1 0 S:1 100010 sh:1 imm12:12 rn:5 rd:5
    LDADD     size:2 111000 a:1 r:1 1 rs:5 0000 00 rn:5 rt:5     ; feat=lse

From a file a64_base.decode come struct arg_NAME { uint32_t insn; fields }, the prototypes
`bool trans_NAME(struct a64_tr *tr, const struct arg_NAME *a)` and
`bool a64_decode_base(struct a64_tr *tr, uint32_t insn)`, which is false when nothing matches or the
trans_ function said false.
"""

import argparse
import json
import os
import re
import sys

FIXED = re.compile(r'^[01x]+$')
FIELD = re.compile(r'^([A-Za-z_]\w*):(s?)(\d+)$')
NAME = re.compile(r'^[A-Za-z_]\w*$')
ATTR = re.compile(r'^[A-Za-z_][\w.-]*(=\S+)?$')
# Names that the generated structures cannot use.
RESERVED = set('''insn auto break case char const continue default do double else enum extern float for goto if inline
int long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
bool true false asm typeof'''.split())


class Pattern:
    def __init__(self, name, path, line, order):
        self.name, self.path, self.line, self.order = name, path, line, order
        self.mask = self.value = 0
        self.fields = {}                # name -> (signed, [(lo, len), high part first])
        self.attrs = {}

    @property
    def fallback(self):
        return 'fallback' in self.attrs

    def where(self):
        return f'{self.path}:{self.line}'


class Table:
    def __init__(self):
        self.patterns = []
        self.errors = []

    def error(self, where, text):
        self.errors.append(f'{where}: {text}')

    def load(self, path):
        with open(path, encoding='utf-8') as f:
            for number, text in enumerate(f, 1):
                text = text.split('#', 1)[0].strip()
                if text:
                    self.line(path, number, text)

    def line(self, path, number, text):
        where = f'{path}:{number}'
        body, _, attrs = text.partition(';')
        words = body.split()
        if not words or not NAME.match(words[0]):
            return self.error(where, 'the line does not start with a name')
        p = Pattern(words[0], path, number, len(self.patterns))
        bit = 32
        for w in words[1:]:
            m = FIELD.match(w)
            if FIXED.match(w):
                for c in w:
                    bit -= 1
                    if bit >= 0 and c != 'x':
                        p.mask |= 1 << bit
                        p.value |= int(c) << bit
            elif m:
                field, signed, length = m.group(1), bool(m.group(2)), int(m.group(3))
                if not 1 <= length <= 32:
                    return self.error(where, f'field {field}: {length} bits')
                if field in RESERVED:
                    return self.error(where, f'field name {field} is reserved')
                bit -= length
                if field in p.fields:
                    if signed:
                        return self.error(where, f'field {field}: only its first part may say that it is signed')
                    p.fields[field][1].append((bit, length))
                else:
                    p.fields[field] = (signed, [(bit, length)])
            else:
                return self.error(where, f'cannot read "{w}": neither bits nor name:length')
        if bit != 0:
            return self.error(where, f'{p.name} has {32 - bit} bits, not 32')
        for a in attrs.split():
            if not ATTR.match(a):
                return self.error(where, f'cannot read the attribute "{a}"')
            key, eq, value = a.partition('=')
            if key in p.attrs:
                return self.error(where, f'attribute {key} is given twice')
            p.attrs[key] = value if eq else True
        self.patterns.append(p)

    def check(self, warnings):
        """Names must be unique; overlaps inside a file need `fallback` and across files are only worth a warning."""
        names = {}
        for p in self.patterns:
            if p.name in names:
                self.error(p.where(), f'{p.name} is already defined at {names[p.name].where()}')
            names.setdefault(p.name, p)
        for i, late in enumerate(self.patterns):
            for early in self.patterns[:i]:
                if (early.value ^ late.value) & early.mask & late.mask:
                    continue
                if early.path != late.path:
                    warnings.append(f'{late.where()}: {late.name} overlaps {early.name} of {early.where()}')
                elif not late.fallback:
                    both = early.value | late.value
                    self.error(late.where(),
                               f'{late.name} overlaps {early.name} (line {early.line}), e.g. {both:#010x}')
                elif early.mask & ~late.mask == 0:
                    self.error(late.where(), f'{late.name} can never match: {early.name} (line {early.line}) covers it')


# ---- decision tree ----

MAX_WINDOW = 8
MAX_FREE = 4                            # undecided bits of a pattern in a window: it is repeated 2^n times


def spread(p, low, width):
    """The values of the window that p can match."""
    window = (1 << width) - 1
    fixed = p.mask >> low & window
    values = [p.value >> low & window]
    for b in range(width):
        if not fixed >> b & 1:
            values += [v | 1 << b for v in values]
    return values


def choose(cands, tested):
    """The window of bits that splits best: small groups, few repetitions. None if no window splits."""
    best = None
    for width in range(MAX_WINDOW, 0, -1):
        for low in range(0, 33 - width):
            window = ((1 << width) - 1) << low
            if window & tested:
                continue
            sizes, total = {}, 0
            for p in cands:
                if width - bin(p.mask & window).count('1') > MAX_FREE:
                    break
                for v in spread(p, low, width):
                    sizes[v] = sizes.get(v, 0) + 1
                    total += 1
            else:
                largest = max(sizes.values())
                if largest == len(cands) and min(sizes.values()) == largest and len(sizes) == 1 << width:
                    continue
                mean = sum(s * s for s in sizes.values()) / total
                score = mean + 0.25 * largest + 0.5 * total / len(cands) + 0.1 * width
                if best is None or score < best[0]:
                    best = (score, low, width)
    return best and best[1:]


class Emitter:
    def __init__(self):
        self.lines = []

    def put(self, depth, text):
        self.lines.append('    ' * depth + text)

    def sequence(self, cands, tested, depth):
        for p in cands:
            mask = p.mask & ~tested
            if not mask:
                self.put(depth, f'return take_{p.name}(tr, insn);')
                return
            self.put(depth, f'if ((insn & {mask:#010x}u) == {p.value & mask:#010x}u)')
            self.put(depth + 1, f'return take_{p.name}(tr, insn);')
        self.put(depth, 'return false;')

    def tree(self, cands, tested, depth):
        window = choose(cands, tested) if len(cands) > 2 else None
        if not window:
            self.sequence(cands, tested, depth)
            return
        low, width = window
        mask = (1 << width) - 1
        buckets = {}
        for p in cands:
            for v in spread(p, low, width):
                buckets.setdefault(v, []).append(p)
        groups = {}
        for v in sorted(buckets):
            groups.setdefault(tuple(q.order for q in buckets[v]), []).append(v)
        self.put(depth, f'switch (insn >> {low} & {mask:#x}) {{')
        for values in groups.values():
            for i in range(0, len(values), 8):
                self.put(depth, ' '.join(f'case {v:#x}:' for v in values[i:i + 8]))
            self.tree(buckets[values[0]], tested | mask << low, depth + 1)
        self.put(depth, '}')
        self.put(depth, 'return false;')


# ---- output ----

def extract(signed, parts):
    """A C expression for the field: parts are (lo, len), high part first."""
    terms = []
    shift = sum(length for _, length in parts)
    for i, (low, length) in enumerate(parts):
        shift -= length
        if signed and i == 0:
            term = f'((int32_t)(insn << {32 - low - length}) >> {32 - length})'
            terms.append(f'{term} * (1 << {shift})' if shift else term)
        else:
            term = f'insn >> {low}' if low else 'insn'
            if low + length < 32:
                term = f'({term} & {(1 << length) - 1:#x})'
            else:
                term = f'({term})'
            cast = '(int32_t)' if signed else ''
            terms.append(f'{cast}{term} << {shift}' if shift else f'{cast}{term}')
    return terms[0] if len(terms) == 1 else ' | '.join(f'({t})' for t in terms)


def make_header(patterns, isa, group, source):
    guard = f'GNOMON_{isa}_{group}_DECODE_H'.upper()
    out = [f'/* Made by tools/decode.py from {source}. */', f'#ifndef {guard}', f'#define {guard}', '',
           '#include <stdbool.h>', '#include <stdint.h>', '', f'struct {isa}_tr;', '']
    for p in patterns:
        members = ' '.join(f'{"int32_t" if signed else "uint32_t"} {name};' for name, (signed, _) in p.fields.items())
        out.append(f'struct arg_{p.name} {{ uint32_t insn; {members + " " if members else ""}}};')
    out.append('')
    for p in patterns:
        out.append(f'bool trans_{p.name}(struct {isa}_tr *tr, const struct arg_{p.name} *a);')
    out += ['', f'bool {isa}_decode_{group}(struct {isa}_tr *tr, uint32_t insn);', '', '#endif', '']
    return '\n'.join(out)


def make_c(patterns, isa, group, source, header):
    out = [f'/* Made by tools/decode.py from {source}. */', f'#include "{header}"', '']
    for p in patterns:
        out += [f'static bool take_{p.name}(struct {isa}_tr *tr, uint32_t insn)', '{',
                f'    struct arg_{p.name} a = {{', '        .insn = insn,']
        out += [f'        .{name} = {extract(*field)},' for name, field in p.fields.items()]
        out += ['    };', f'    return trans_{p.name}(tr, &a);', '}', '']
    e = Emitter()
    # Fallbacks come last whatever their place, in file order.
    e.tree(sorted(patterns, key=lambda p: (p.fallback, p.order)), 0, 1)
    if not patterns:
        e.lines = ['    return false;']
    out += [f'bool {isa}_decode_{group}(struct {isa}_tr *tr, uint32_t insn)', '{'] + e.lines + ['}', '']
    return '\n'.join(out)


PROBE_TYPES = """\
#ifndef GNOMON_DECODE_PROBE
#define GNOMON_DECODE_PROBE
struct decode_probe_field {
    const char *name;
    int64_t value;
};
struct ISA_tr {                                  /* what the decoder took, in place of the translator's structure */
    const char *name;
    unsigned fields;
    struct decode_probe_field field[32];
};
#endif
"""


def make_probe(patterns, isa, group, source, header):
    out = [f'/* Made by tools/decode.py from {source}: trans_ functions that only note what was decoded. */',
           f'#include "{header}"', '', PROBE_TYPES.replace('ISA', isa)]
    for p in patterns:
        out += [f'bool trans_{p.name}(struct {isa}_tr *tr, const struct arg_{p.name} *a)', '{',
                f'    tr->name = "{p.name}";', f'    tr->fields = {len(p.fields)};']
        out += [f'    tr->field[{i}] = (struct decode_probe_field){{"{name}", a->{name}}};'
                for i, name in enumerate(p.fields)]
        out += ['    return true;', '}', '']
    return '\n'.join(out)


def make_json(patterns):
    return json.dumps([{
        'name': p.name, 'file': os.path.basename(p.path), 'line': p.line, 'mask': p.mask, 'value': p.value,
        'fields': [{'name': n, 'signed': s, 'parts': [{'lo': lo, 'len': ln} for lo, ln in parts]}
                   for n, (s, parts) in p.fields.items()],
        'attrs': p.attrs} for p in patterns], indent=1) + '\n'


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('input', nargs='+', metavar='ISA_GROUP.decode',
                    help='the table; several only for checking and --json')
    ap.add_argument('--c', metavar='OUT', help='write the decoder')
    ap.add_argument('--header', metavar='OUT', help='write the structures and prototypes')
    ap.add_argument('--probe', metavar='OUT',
                    help='write trans_ functions, for tests, that note name and fields in struct ISA_tr')
    ap.add_argument('--json', metavar='OUT', help='write name, mask, value, fields and attributes of every line')
    args = ap.parse_args()

    if len(args.input) > 1 and (args.c or args.header or args.probe):
        ap.error('--c, --header and --probe take one table')
    isa, sep, group = os.path.splitext(os.path.basename(args.input[0]))[0].partition('_')
    if not sep:
        ap.error(f'{args.input[0]}: the name must be ISA_GROUP.decode')

    table, warnings = Table(), []
    for path in args.input:
        table.load(path)
    table.check(warnings)
    for w in warnings:
        print(f'{w} (warning)', file=sys.stderr)
    if table.errors:
        print('\n'.join(table.errors), file=sys.stderr)
        return 1

    source = os.path.basename(args.input[0])
    header = os.path.basename(args.header) if args.header else f'{isa}_{group}_decode.h'
    outputs = [(args.header, lambda: make_header(table.patterns, isa, group, source)),
               (args.c, lambda: make_c(table.patterns, isa, group, source, header)),
               (args.probe, lambda: make_probe(table.patterns, isa, group, source, header)),
               (args.json, lambda: make_json(table.patterns))]
    for path, make in outputs:
        if path:
            with open(path, 'w', encoding='utf-8') as f:
                f.write(make())
    if not any(path for path, _ in outputs):
        print(f'{len(table.patterns)} instructions, no errors')
    return 0


if __name__ == '__main__':
    sys.exit(main())
