#!/usr/bin/env python3
"""Runs libFuzzer programs, two at a time, each for a bounded time from the saved corpus; a crash is kept and fails the run.

    tests/fuzz.py --build BUILD --seconds N NAME...

BUILD/tests/fuzz/NAME is the program, tests/fuzz/corpus/NAME its seeds; what it finds anew stays in BUILD/corpus/NAME.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def fuzz(build, name, seconds):
    seeds, found, crashes = os.path.join(HERE, "fuzz", "corpus", name), os.path.join(build, "corpus", name), os.path.join(build, "crashes", name)
    os.makedirs(found, exist_ok=True)
    os.makedirs(crashes, exist_ok=True)
    dictionary = os.path.join(HERE, "fuzz", name + ".dict")
    argv = [os.path.join(build, "tests", "fuzz", name), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1500", "-print_final_stats=1",
            f"-artifact_prefix={crashes}/", found] + ([seeds] if os.path.isdir(seeds) else [])
    if os.path.exists(dictionary):
        argv.insert(1, f"-dict={dictionary}")
    env = dict(os.environ, G_SLICE="always-malloc", LSAN_OPTIONS=f"suppressions={HERE}/lsan.supp:print_suppressions=0")
    log = os.path.join(build, "crashes", name + ".log")
    with open(log, "wb") as out:
        status = subprocess.run(argv, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=seconds + 300, env=env).returncode
    with open(log, errors="replace") as file:
        text = file.read()
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
    coverage = re.findall(r"cov: (\d+)", text)
    return name, status, int(runs[1]) if runs else 0, int(coverage[-1]) if coverage else 0, glob.glob(crashes + "/*"), text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [pool.submit(fuzz, args.build, name, args.seconds) for name in args.names]
        for job in concurrent.futures.as_completed(jobs):
            name, status, runs, coverage, crashes, text = job.result()
            bad = status != 0 or runs == 0
            failed += bad
            print(f"{'FAILED' if bad else 'ok':6}  {name:24} {runs:10} runs, {coverage} edges", flush=True)
            if bad:
                print(text[-4000:])
                print("\n".join(crashes), flush=True)
    print(f"{len(args.names) - failed} passed, {failed} failed", flush=True)
    return 1 if failed or not args.names else 0


if __name__ == "__main__":
    sys.exit(main())
