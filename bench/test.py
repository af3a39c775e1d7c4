#!/usr/bin/env python3
# Unit tests of bench/: statistics, tables, charts, selection and options, on made-up figures. Boots nothing, times nothing.
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import sys
import tempfile
import unittest
import xml.dom.minidom

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)
import chart        # noqa: E402
import harness      # noqa: E402
import report       # noqa: E402
import suite        # noqa: E402

sys.dont_write_bytecode = True


def program(name):
    """A program of this folder as a module."""
    loader = importlib.machinery.SourceFileLoader("bench_" + name, os.path.join(HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


run, bench_io = program("run"), program("io")


def data():
    return {
        "cpus": {"cortex-a57": {
            "gnomon": {"a": [[1.0, 0.8, 0], [9.0, 0.9, 0], [2.0, 1.0, 0]], "b": [[4.0, 4.0, 0]], "c": [[1.0, 1.0, 0]]},
            "qemu-7.2": {"a": [[4.0, 3.6, 0]], "b": [[9.0, 8.0, 0]]},
            "qemu-10.0": {"a": [[8.0, 7.0, 0]], "b": [[2.0, 1.0, 0]]}}},
        "kinds": {"gnomon": "gnomon", "qemu-7.2": "qemu", "qemu-10.0": "qemu"},
        "groups": {"a": "integer", "b": "integer", "c": "fp", "never": "fp"}, "goals": {"integer": 2.0, "fp": 5.0},
        "native": {"a": [[0.5, 0.5, 0]]}, "not native": {"c": "not there"}, "failures": [],
        "conditions": {"cpu": "Some CPU", "cpus": 2, "kernel": "6.1", "load": 0.1, "guest kernel": "6.1", "memory": 1024, "rounds": 3,
                       "revision": "abc"},
    }


class Statistics(unittest.TestCase):
    def test_median_ignores_an_outlier(self):
        self.assertEqual(report.median(data()["cpus"]["cortex-a57"]["gnomon"]["a"]), 2.0)
        self.assertEqual(report.median(data()["cpus"]["cortex-a57"]["gnomon"]["a"], "user"), 0.9)
        self.assertEqual(report.median([[1.0, 2.0, 3.0]], "cpu"), 5.0)
        self.assertIsNone(report.median([]))

    def test_geomean(self):
        self.assertAlmostEqual(report.geomean([2.0, 8.0]), 4.0)
        self.assertAlmostEqual(report.geomean([2.0, None, 8.0]), 4.0)
        self.assertIsNone(report.geomean([]))

    def test_unsteady(self):
        data = {"groups": {"a": "g", "b": "g"}, "conditions": {"rounds": 3, "more": 8}, "cpus": {"m": {
            "x": {"a": [[1.0, 0, 0], [1.1, 0, 0]], "b": [[1.0, 0, 0], [1.0, 0, 0]]},
            "y": {"a": [[1.0, 0, 0], [1.9, 0, 0]], "b": [[1.0, 0, 0], [2.0, 0, 0], [3.5, 0, 0]]}}}}
        data["unsteady"] = {"m": report.unsteady(data, "m")}
        self.assertEqual(data["unsteady"]["m"], ["b"])
        self.assertEqual(report.more_rounds(data, "m"), ["unsteady, medians of 11 rounds: b"])
        self.assertEqual(report.more_rounds(data, "n"), [])

    def test_paired(self):
        self.assertEqual(report.paired([[2.0, 0, 0], None, [9.0, 0, 0], [1.0, 0, 0]], [[1.0, 0, 0], [1.0, 0, 0], [3.0, 0, 0], None]),
                         [2.0, 3.0])
        self.assertEqual(report.median([None, [1.0, 0, 0], [3.0, 0, 0]]), 2.0)

    def test_spread(self):
        self.assertAlmostEqual(report.spread([[1.0, 0, 0], [2.0, 0, 0], [3.0, 0, 0]]), 0.5)
        self.assertEqual(report.spread([[1.0, 0, 0]]), 0.0)

    def test_better_reference_is_chosen_program_by_program(self):
        self.assertEqual(report.better(data(), "cortex-a57", "a"), (4.0, "qemu-7.2"))
        self.assertEqual(report.better(data(), "cortex-a57", "b"), (2.0, "qemu-10.0"))
        self.assertEqual(report.better(data(), "cortex-a57", "c"), (None, None))

    def test_ratio(self):
        self.assertAlmostEqual(report.ratio(data(), "cortex-a57", "gnomon", "a"), 2.0)
        self.assertAlmostEqual(report.ratio(data(), "cortex-a57", "gnomon", "a", "user"), 4.0)
        self.assertAlmostEqual(report.ratio(data(), "cortex-a57", "gnomon", "b"), 0.5)
        self.assertAlmostEqual(report.ratio(data(), "cortex-a57", "gnomon", "b", "cpu"), 0.25)
        self.assertIsNone(report.ratio(data(), "cortex-a57", "gnomon", "c"))

    def test_slowdown(self):
        self.assertAlmostEqual(report.slowdown(data(), "cortex-a57", "gnomon", "a"), 4.0)
        self.assertIsNone(report.slowdown(data(), "cortex-a57", "gnomon", "b"))

    def test_verdicts_name_what_is_below_the_goal(self):
        text = "\n".join(report.verdicts(data(), "cortex-a57"))
        self.assertIn("integer 1.00x of 2.0x wanted: MISSED", text)
        self.assertIn("slower than the reference: b 0.50", text)
        self.assertNotIn("a 2.00", text)


class Tables(unittest.TestCase):
    def test_text(self):
        lines = report.text_table(data(), "cortex-a57").split("\n")
        self.assertTrue(lines[0].startswith("program"))
        self.assertEqual(lines[2].split(), ["a", "0.500", "2.000", "4.000", "8.000", "2.00", "4.00", "4.00", "1.80"])
        self.assertEqual(lines[4].split(), ["integer", "(geomean)", "1.00", "1.00", "4.00", "1.80"])
        self.assertNotIn("never", "\n".join(lines))

    def test_markdown(self):
        text = report.markdown(data())
        self.assertIn("Some CPU, 2 CPUs", text)
        self.assertIn("| a | 0.500 | 2.000 | 4.000 | 8.000 | 2.00 | 4.00 | 4.00 | 1.80 |", text)
        self.assertIn("| **integer (geomean)** |", text)

    def test_by_cpu_time(self):
        lines = report.text_table(data(), "cortex-a57", "cpu").split("\n")
        self.assertEqual(lines[2].split(), ["a", "0.50", "0.90", "3.60", "7.00", "4.00", "1.80"])

    def test_two_builds(self):
        d = data()
        d["cpus"]["cortex-a57"]["new"] = {"a": [[1.0, 0.45, 0]]}
        d["kinds"]["new"] = "gnomon"
        lines = report.text_table(d, "cortex-a57").split("\n")
        self.assertIn("new x gnomon", lines[0])
        self.assertEqual(lines[2].split()[-2:], ["2.00", "2.00"])

    def test_chart_is_xml_with_a_bar_each(self):
        groups, title = run.chart_groups(data())
        self.assertEqual([g[0] for g in groups], ["integer"])
        doc = xml.dom.minidom.parseString(chart.svg(title + " <&>", groups))
        self.assertEqual(len(doc.getElementsByTagName("rect")), 1 + 3)
        self.assertIn("2.00", doc.toxml())

    def test_ticks(self):
        self.assertEqual(chart.ticks(0.5, 5), [0.5, 1, 2, 5])
        self.assertEqual(chart.bounds([0.7, 3]), (0.5, 5))


class Suite(unittest.TestCase):
    def test_names_are_unique_and_groups_have_goals(self):
        names = [b.name for b in suite.BENCHES]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual({b.group for b in suite.BENCHES}, set(suite.GOALS))
        for n in names:
            self.assertRegex(n, r"^[a-z0-9-]+$")      # a comma or a space would split the kernel's command line
        self.assertLess(len(",".join(names)), 1500)

    def test_own_programs_exist(self):
        have = {os.path.basename(s)[:-2] for s in suite.sources()}
        used = set()
        for b in suite.BENCHES:
            for n in suite.own_programs(b):
                self.assertIn(n, have)
                used.add(n)
        self.assertEqual(have, used)

    def test_select(self):
        self.assertEqual(suite.select([]), suite.BENCHES)
        self.assertEqual([b.name for b in suite.select(["hash", "sort"])], ["hash", "sort"])
        self.assertEqual({b.group for b in suite.select(["system"])}, {"system"})
        self.assertNotIn("boot", [b.name for b in suite.select(["system", "-boot"])])
        with self.assertRaises(ValueError):
            suite.select(["nonsense"])

    def test_scripts_parse(self):
        for b in suite.BENCHES:
            for text in (b.run, b.prep):
                p = harness.subprocess.run(["sh", "-n"], input=text, text=True, stderr=harness.subprocess.PIPE)
                self.assertEqual((b.name, p.stderr), (b.name, ""))


class Options(unittest.TestCase):
    def refuse(self, *argv):
        err = io.StringIO()
        with contextlib.redirect_stderr(err), self.assertRaises(SystemExit) as e:
            run.parse(list(argv))
        self.assertEqual(e.exception.code, 2)
        return err.getvalue()

    def test_selection(self):
        args = run.parse(["integer", "-hash", "--rounds", "5"])
        self.assertNotIn("hash", [b.name for b in args.benches])
        self.assertIn("sort", [b.name for b in args.benches])
        self.assertEqual(args.rounds, 5)

    def test_errors_name_what_is_wrong(self):
        self.assertIn("'nonsense'", self.refuse("nonsense"))
        self.assertIn("--rounds 0", self.refuse("--rounds", "0"))

    def test_binaries(self):
        args = run.parse(["--gnomon-binary", "old=/bin/true", "--gnomon-binary", "/bin/false"])
        self.assertEqual([n for n, _ in harness.binaries(args)], ["old", "gnomonB"])
        with self.assertRaises(harness.BenchError):
            harness.binaries(run.parse(["--gnomon-binary", "/nonexistent/gnomon"]))

    def test_emulators(self):
        emus = harness.emulators("max", 512, [("g", "/x")], ["-", "paging=softtlb"], qemu=False, backports=False, extra=["y=/z -v"])
        self.assertEqual([e.name for e in emus], ["g", "g:paging=softtlb", "y"])
        self.assertEqual(emus[1].command[-2:], ["-accel", "gnomon,paging=softtlb"])
        self.assertEqual(emus[2].command[:2], ["/z", "-v"])
        self.assertEqual(harness.qemu_cpu("max"), "max,pauth-impdef=on")

    def test_report_from_a_file(self):
        with tempfile.TemporaryDirectory() as tmp:
            name = os.path.join(tmp, "in.json")
            with open(name, "w") as f:
                json.dump(data(), f)
            args = run.parse(["--from", name, "--build", tmp, "--markdown", os.path.join(tmp, "out.md")])
            with contextlib.redirect_stdout(io.StringIO()) as out:
                self.assertEqual(run.tell(args, data()), 0)
            self.assertIn("not there", out.getvalue())
            self.assertTrue(os.path.exists(os.path.join(tmp, "bench.svg")) and os.path.exists(os.path.join(tmp, "out.md")))


class Runs(unittest.TestCase):
    """run_marks() against a program that talks like a guest, and run_native()."""

    def native(self, text, prep=""):
        bench = harness.Bench("x", "integer", text, prep, (), True)
        with tempfile.TemporaryDirectory() as tmp:
            harness.lay_out(tmp, [bench], [], [])
            return harness.run_native(tmp, bench, 10)

    def test_native_output_is_told_as_the_guest_tells_it(self):
        sample, out = self.native("cat data; pwd >&2", "printf 'one\\n\\ttwo\\n' >data")
        self.assertEqual(out.split()[1:], ["one"])
        self.assertGreaterEqual(sample.wall, 0)
        p = harness.subprocess.run(["sh", "-c", "printf 'one\\n\\ttwo\\n' | md5sum | cut -c1-16"], stdout=-1, text=True)
        self.assertEqual(p.stdout.strip(), out.split()[0])

    def test_native_failure_says_why(self):
        with self.assertRaisesRegex(harness.BenchError, "exit status 127: not found"):
            self.native("no-such-program-anywhere")
        with self.assertRaisesRegex(harness.BenchError, "preparation fails: exit status 3"):
            self.native("true", "exit 3")

    def fake(self, text):
        return ["sh", "-c", text]

    def test_marks(self):
        got = list(harness.run_marks(self.fake("""
            echo 'gnomon-guest: user space is up'
            for b in one two; do echo "bench-begin $b"; echo noise; echo "bench-end $b 0"; echo "bench-output $b sum $b"; done
            echo 'gnomon-guest: exit status 0'"""), 10))
        self.assertEqual([(n, o) for n, _, o in got], [("one", "sum one"), ("two", "sum two")])
        self.assertTrue(all(s.wall >= 0 and s.user >= 0 for _, s, _ in got))

    def test_failed_program(self):
        got = list(harness.run_marks(self.fake("""
            echo 'gnomon-guest: user space is up'; echo bench-begin x; echo bench-end x 139; echo bench-output x sum
            echo 'gnomon-guest: exit status 0'"""), 10))
        self.assertEqual(got[0][2], "exit status 139: sum")

    def test_crash_names_the_benchmark_and_the_rest_goes_on(self):
        script = """for w in "$@"; do case $w in *guest.sh,*) break ;; esac; done; IFS=,; set -- ${w##*guest.sh,}
            echo 'gnomon-guest: user space is up'
            for b in "$@"; do echo "bench-begin $b"; [ $b = bad ] && exit 1; echo "bench-end $b 0"; echo "bench-output $b ok"; done
            echo 'gnomon-guest: exit status 0'"""
        failures = []
        e = harness.Emulator("fake", "gnomon", ["sh", "-c", script, "sh"])
        got = harness.run_benches(e, "k", "i", ["a", "bad", "c"], 10, lambda n, err: failures.append(n))
        self.assertEqual(list(got), ["a", "c"])
        self.assertEqual(failures, ["bad"])


class Io(unittest.TestCase):
    """bench/io: selection, what fio and iperf3 say, the table."""

    def test_select(self):
        self.assertEqual(bench_io.select([]), bench_io.ROWS)
        self.assertEqual(bench_io.select(["raw:read-buffered"]), ["raw:read-buffered"])
        self.assertEqual({bench_io.group_of(r) for r in bench_io.select(["net", "-net:to-host"])}, {"net"})
        self.assertNotIn("net:to-host", bench_io.select(["-net:to-host"]))
        with self.assertRaises(ValueError):
            bench_io.select(["nonsense"])

    def test_rows_fit_on_a_command_line_and_a_serial_number(self):
        for cpus in (1, 2):
            rows = [r for r in bench_io.ROWS if bench_io.GROUPS[bench_io.group_of(r)].cpus == cpus]
            self.assertLess(len(",".join(rows)), 1500)
        for r in bench_io.ROWS:
            self.assertRegex(r, r"^[a-z0-9-]{1,20}:[a-z0-9-]+$")
            self.assertIn(bench_io.job_of(r), bench_io.IPERF if bench_io.is_net(r) else bench_io.FIO)

    def test_what_fio_says(self):
        def line(read, write, error="0"):
            f = ["3", "fio-3.33", "raw:x", "0", error] + ["0"] * 45
            f[5:7], f[46:48] = read, write
            return ";".join(f)
        self.assertEqual(bench_io.told_by_fio(line(["100", "50"], ["0", "0"])), ("raw:x", (51200, 102400), ""))
        self.assertEqual(bench_io.told_by_fio(line(["100", "50"], ["8", "4"], "84")), ("raw:x", (4096, 8192), "84"))
        with self.assertRaises(ValueError):
            bench_io.told_by_fio("3;nonsense")

    def test_what_iperf_says(self):
        self.assertEqual(bench_io.received('{"end": {"sum_received": {"bits_per_second": 80, "bytes": 5}}}'), (10, 5))
        with self.assertRaisesRegex(ValueError, "busy"):
            bench_io.received('{"error": "busy"}')

    def test_table(self):
        rows = {"raw:read-128k-q1": [[0.01, 0.001, 0.001]]}
        slow = {"raw:read-128k-q1": [[0.02, 0.004, 0.004]]}
        d = dict(data(), cpus={"max": {"gnomon": rows, "qemu-7.2": slow}}, groups={"raw:read-128k-q1": "raw"})
        lines = bench_io.text_table(d).split("\n")
        self.assertEqual(lines[1].split(), ["raw:read-128k-q1", "MB/s", "100.0", "50.0", "2.00", "4.00", "0", "%"])


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad = len(result.failures) + len(result.errors)
    print("%d passed, %d failed" % (result.testsRun - bad, bad))
    sys.exit(1 if bad else 0)
