# Statistics and tables of measurements: medians, ratios against the better reference, geometric means, text and Markdown.
# Pure functions of the data that bench/run writes as JSON; runs nothing.
"""Data: {"cpus": {MODEL: {EMULATOR: {BENCH: [[wall, user, system], ...]}}}, "native": {BENCH: [[...]]}, "kinds": {EMULATOR:
gnomon|qemu|other}, "groups": {BENCH: GROUP}, "goals": {GROUP: ratio}, "conditions": {...}, "failures": [text]}."""

import math
import statistics

# A sample's figures. "cpu" is user and system time together: shadow paging works in the host's kernel, too.
CLOCKS = {"wall": lambda s: s[0], "user": lambda s: s[1], "system": lambda s: s[2], "cpu": lambda s: s[1] + s[2]}


def median(samples, clock="wall"):
    """Of one benchmark's samples; None without any."""
    values = [CLOCKS[clock](s) for s in samples or [] if s]
    return statistics.median(values) if values else None


def spread(samples, clock="wall"):
    """Half the range over the median: how far single values lie from it."""
    values = [CLOCKS[clock](s) for s in samples or []]
    return (max(values) - min(values)) / 2 / statistics.median(values) if len(values) > 1 and statistics.median(values) else 0.0


def paired(samples, base, clock="wall"):
    """Ratios of the values of one round each; rounds that lack one are left out."""
    return [CLOCKS[clock](s) / CLOCKS[clock](b) for s, b in zip(samples, base) if s and b and CLOCKS[clock](b)]


def geomean(values):
    values = [v for v in values if v and v > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def of_kind(data, cpu, kind):
    return [e for e in data["cpus"][cpu] if data["kinds"].get(e) == kind]


def better(data, cpu, bench, clock="wall"):
    """(seconds, emulator) of the reference that is faster at this benchmark; (None, None) without any."""
    best = (None, None)
    for e in of_kind(data, cpu, "qemu"):
        m = median(data["cpus"][cpu][e].get(bench), clock)
        if m is not None and (best[0] is None or m < best[0]):
            best = (m, e)
    return best


def ratio(data, cpu, emulator, bench, clock="wall"):
    """How many times as fast as the better reference (by the same clock); None where either was not measured."""
    own, base = median(data["cpus"][cpu][emulator].get(bench), clock), better(data, cpu, bench, clock)[0]
    return base / own if base and own else None


def slowdown(data, cpu, emulator, bench, clock="wall"):
    """How many times as long as on the host itself."""
    own, native = median(data["cpus"][cpu][emulator].get(bench), clock), median(data["native"].get(bench), clock)
    return own / native if own and native else None


def measured(data, cpu):
    """Benchmarks with a value, in the suite's order."""
    return [b for b in data["groups"] if any(data["cpus"][cpu][e].get(b) for e in data["cpus"][cpu])]


def groups(data, cpu):
    out = {}
    for b in measured(data, cpu):
        out.setdefault(data["groups"][b], []).append(b)
    return out


def unsteady(data, cpu):
    """Benchmarks whose values differ by more than their median under one of the emulators."""
    return [b for b in measured(data, cpu) if any(spread(runs.get(b)) > 0.5 for runs in data["cpus"][cpu].values())]


def more_rounds(data, cpu):
    names, c = data.get("unsteady", {}).get(cpu), data["conditions"]
    return ["unsteady, medians of %d rounds: %s" % (c["rounds"] + c["more"], ", ".join(names))] if names else []


def show(value, form="%.2f", none="-"):
    return none if value is None else form % value


def columns(data, cpu, clock="wall"):
    """[(title, function of a benchmark or a list of benchmarks)]; a list gives the geometric mean of ratios. By the wall
    clock, with the ratios by CPU time beside; or all by CPU time."""
    gnomons, qemus = of_kind(data, cpu, "gnomon"), of_kind(data, cpu, "qemu")
    others = of_kind(data, cpu, "other")
    runs = data["cpus"][cpu]
    clocks = [("", "wall"), (" by CPU time", "cpu")] if clock == "wall" else [(" by CPU time", clock)]
    unit = " s" if clock == "wall" else " CPU s"

    def seconds(samples):
        return lambda b: "" if isinstance(b, list) else show(median(samples.get(b), clock), "%.3f" if clock == "wall" else "%.2f")

    def times(f):
        return lambda b: show(geomean(map(f, b)) if isinstance(b, list) else f(b), "%.2f")

    out = []
    if data.get("native"):
        out.append(("native" + unit, seconds(data["native"])))
    out += [(e + unit, seconds(runs[e])) for e in gnomons + qemus + others]
    for e in gnomons:
        name = e if len(gnomons) > 1 else ""
        for by, c in clocks:
            if qemus:
                out.append((name + " x better qemu" + by, times(lambda b, e=e, c=c: ratio(data, cpu, e, b, c))))
        for by, c in clocks:
            if data.get("native"):
                out.append((name + " slower than native" + by, times(lambda b, e=e, c=c: slowdown(data, cpu, e, b, c))))
    for e in gnomons[1:]:
        def against(b, c, e=e):
            one, two = median(runs[gnomons[0]].get(b), c), median(runs[e].get(b), c)
            return one / two if one and two else None
        for by, c in clocks:
            out.append(("%s x %s%s" % (e, gnomons[0], by), times(lambda b, f=against, c=c: f(b, c))))
    return [(title.strip(), f) for title, f in out]


def rows(data, cpu, clock="wall"):
    """Lines of cells; None stands for a rule. Groups end with their geometric means."""
    cols = columns(data, cpu, clock)
    yield ["program"] + [t for t, _ in cols]
    for group, benches in groups(data, cpu).items():
        yield None
        for b in benches:
            yield [b] + [f(b) for _, f in cols]
        yield ["%s (geomean)" % group] + [f(benches) for _, f in cols]


def text_table(data, cpu, clock="wall"):
    lines = list(rows(data, cpu, clock))
    width = [max(len(r[i]) for r in lines if r) for i in range(len(lines[0]))]
    out = []
    for r in lines:
        if r is None:
            out.append("-" * (sum(width) + 2 * (len(width) - 1)))
        else:
            out.append("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(r, width))))
    return "\n".join(out) + "\n"


def verdicts(data, cpu, clock="wall"):
    """Lines that say where a gnomon is below its group's goal or slower than the better reference."""
    out = []
    for e in of_kind(data, cpu, "gnomon"):
        for group, benches in groups(data, cpu).items():
            goal, got = data["goals"].get(group), geomean(ratio(data, cpu, e, b, clock) for b in benches)
            if got is None or goal is None:
                continue
            out.append("%s, %s: %s %.2fx of %.1fx wanted: %s" % (cpu, e, group, got, goal, "reached" if got >= goal else "MISSED"))
            each = [(ratio(data, cpu, e, b, clock), b) for b in benches]
            each = sorted((r, b) for r, b in each if r is not None and r < goal)
            for text, low in (("slower than the reference", [v for v in each if v[0] < 1]),
                              ("below the goal", [v for v in each if v[0] >= 1])):
                if low:
                    out.append("    %s: %s" % (text, ", ".join("%s %.2f" % (b, r) for r, b in low)))
    return out


def markdown(data, clock="wall"):
    c = data["conditions"]
    out = ["Host: %s, %d CPUs, Linux %s; load when it began %.2f. Guest kernel %s, -m %d. medians of %d round(s); gnomon at %s." %
           (c["cpu"], c["cpus"], c["kernel"], c["load"], c["guest kernel"], c["memory"], c["rounds"], c.get("revision", "?")), ""]
    for cpu in data["cpus"]:
        out += ["### -cpu %s" % cpu, ""]
        for r in rows(data, cpu, clock):
            if r is None:
                continue
            if r[0].endswith("(geomean)"):
                r = ["**%s**" % v if v else "" for v in r]
            out.append("| " + " | ".join(r) + " |")
            if r[0] == "program":
                out.append("|" + "---|" + "--:|" * (len(r) - 1))
        out += [""] + [line for text in more_rounds(data, cpu) for line in (text, "")]
    if data["failures"]:
        out += ["Failures:", ""] + ["- " + f for f in data["failures"]] + [""]
    return "\n".join(out)
