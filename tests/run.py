#!/usr/bin/env python3
"""Runs every kind of test and closes with one line that counts them all: "N passed, N failed", with ", N skipped" when some were.

  --unit PROGRAM     a Criterion program; may be repeated
  --checks FOLDER    every executable in it is one test: it passes when it exits with 0
  --system FOLDER    every test_*.py in it is a unittest module, run in a process of its own
  --build FOLDER     where the gateway was built; handed to the tests as MMGATE_BUILD
  --sanitized        a report that a sanitizer leaves is a failure (leaks too: Criterion does not notice them)
  --only TEXT        only runners whose name holds TEXT
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time

SYNTHESIS = re.compile(r"Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+) \| Crashing: (\d+)")
TIME_LIMIT_S = 900
REASONS, REASON_LENGTH = 12, 400   # said again at the end, for each runner


class Outcome:
    """What one runner has to say."""

    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped, self.output, self.took_s = name, 0, 0, [], "", 0.0
        self.reasons = []   # of what failed, a line or two each: the end of a long log says them again


def run(argv, env):
    """Output and exit status of a program that ends within the limit, with its children."""
    process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        out, _ = process.communicate(timeout=TIME_LIMIT_S)
        return out.decode("utf-8", "replace"), process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        out, _ = process.communicate()
        return out.decode("utf-8", "replace") + f"\nstopped: it did not end within {TIME_LIMIT_S} s\n", -9


def run_unit(path, env, outcome):
    text, status = run([path, "--color=never"], env)
    outcome.output = text
    found = SYNTHESIS.search(text)
    if found is None:
        outcome.failed = 1
        outcome.output += f"\n{path}: no closing line, exit status {status}\n"
        return
    tested, passing, failing, crashing = map(int, found.groups())
    outcome.passed, outcome.failed = passing, failing + crashing
    outcome.skipped = [line.strip() for line in text.splitlines() if "[SKIP]" in line]
    outcome.reasons = [line.strip() for line in text.splitlines() if line.startswith(("[FAIL]", "[----]"))]
    if tested == 0 or (status != 0 and outcome.failed == 0):
        outcome.failed += 1
        outcome.output += f"\n{path}: exit status {status} after {tested} tests\n"


def run_check(path, env, outcome):
    text, status = run([path], env)
    outcome.output = text
    if status == 77:
        outcome.skipped = [(text.strip().splitlines() or ["no reason given"])[-1]]
    elif status == 0:
        outcome.passed = 1
    else:
        outcome.failed, outcome.reasons = 1, text.strip().splitlines()[-3:]


def run_system(path, env, outcome):
    text, status = run([sys.executable, "-B", os.path.join(os.path.dirname(os.path.abspath(__file__)), "unittest_runner.py"), path], env)
    lines = text.splitlines()
    try:
        verdict = json.loads(lines[-1])
        outcome.passed, outcome.failed, outcome.skipped = verdict["passed"], verdict["failed"], verdict["skipped"]
        outcome.reasons = verdict["reasons"]
        outcome.output = "\n".join(lines[:-1])
    except (IndexError, ValueError, KeyError, TypeError):
        outcome.failed = 1
        outcome.output = text + f"\n{path}: ended without a verdict, exit status {status}\n"
    if status != 0 and outcome.failed == 0:
        outcome.failed = 1


def timed(function, name, path, env):
    outcome = Outcome(name)
    started = time.monotonic()
    function(path, env, outcome)
    outcome.took_s = time.monotonic() - started
    return outcome


def report(outcome):
    mark = "FAILED" if outcome.failed else "ok"
    skipped = f", {len(outcome.skipped)} skipped" if outcome.skipped else ""
    print(f"{mark:6}  {outcome.name:34} {outcome.passed:5} passed, {outcome.failed} failed{skipped}  ({outcome.took_s:.1f} s)", flush=True)
    if outcome.failed:
        for line in outcome.output.splitlines():
            print("        | " + line)
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--unit", action="append", default=[])
    parser.add_argument("--checks")
    parser.add_argument("--system")
    parser.add_argument("--sanitized", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    args = parser.parse_args()

    build = os.path.abspath(args.build)
    env = dict(os.environ, MMGATE_BUILD=build, PYTHONDONTWRITEBYTECODE="1")
    env.pop("MAKEFLAGS", None)
    env.pop("MAKELEVEL", None)
    reports = os.path.join(build, "sanitizer")
    if args.sanitized:
        shutil.rmtree(reports, ignore_errors=True)
        os.makedirs(reports)
        here = os.path.dirname(os.path.abspath(__file__))
        env["ASAN_OPTIONS"] = f"log_path={reports}/report:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"
        env["UBSAN_OPTIONS"] = f"log_path={reports}/report:print_stacktrace=1"
        env["LSAN_OPTIONS"] = f"suppressions={here}/lsan.supp:print_suppressions=0"
        env["G_SLICE"] = "always-malloc"
        env["MMGATE_SANITIZED"] = "1"

    wanted = lambda name: not args.only or any(text in name for text in args.only)
    units = [(run_unit, re.sub(r"^.*?tests/(.*)/run$", r"tests/\1", path), path) for path in args.unit]
    checks = sorted(glob.glob(os.path.join(args.checks, "*"))) if args.checks else []
    checks = [(run_check, f"tests/checks/{os.path.basename(path)}", path) for path in checks if os.access(path, os.X_OK) and os.path.isfile(path)]
    system = sorted(glob.glob(os.path.join(args.system, "test_*.py"))) if args.system else []
    system = [(run_system, f"tests/system/{os.path.basename(path)}", path) for path in system]

    outcomes = []
    # Unit programs and checks share nothing and run two at a time; so do system tests, which mostly wait for peers.
    for group in (units + checks, system):
        jobs = [job for job in group if wanted(job[1])]
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            for future in concurrent.futures.as_completed([pool.submit(timed, *job, env) for job in jobs]):
                outcomes.append(future.result())
                report(outcomes[-1])

    if args.sanitized:
        outcome = Outcome("sanitizer reports")
        found = sorted(os.listdir(reports))
        outcome.passed, outcome.failed = (0, len(found)) if found else (1, 0)
        for name in found:
            with open(os.path.join(reports, name), errors="replace") as file:
                outcome.output += f"{reports}/{name}\n{file.read(6000)}\n"
        outcomes.append(outcome)
        report(outcome)

    for outcome in outcomes:
        for reason in outcome.skipped:
            print(f"skipped: {outcome.name}: {reason}")
    for outcome in outcomes:
        if outcome.failed:
            print(f"failed: {outcome.name}")
            for reason in outcome.reasons[:REASONS]:
                print(f"        | {reason[:REASON_LENGTH]}")
    passed, failed = sum(o.passed for o in outcomes), sum(o.failed for o in outcomes)
    skipped = sum(len(o.skipped) for o in outcomes)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
