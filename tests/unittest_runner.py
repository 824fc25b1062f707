#!/usr/bin/env python3
"""Runs one unittest module and prints, as its last line, what came out as JSON:
{"passed": N, "failed": N, "skipped": ["test: reason"], "reasons": ["test: exception"]}."""
import importlib.util
import json
import os
import sys
import time
import traceback
import unittest


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.passed, self.failed, self.skips, self.reasons = 0, 0, [], []

    def startTest(self, test):
        super().startTest(test)
        self.began, self.clean = time.monotonic(), True

    def say(self, mark, test, text=""):
        print(f"{mark} {test.id()} ({time.monotonic() - getattr(self, 'began', time.monotonic()):.1f} s)", flush=True)
        if text:
            print(text, flush=True)

    def addSuccess(self, test):
        if self.clean:
            self.passed += 1
            self.say("ok     ", test)

    def fail(self, test, err):
        self.clean = False
        self.failed += 1
        kind, error, trace = err
        ours = [frame for frame in traceback.extract_tb(trace) if f"{os.sep}unittest{os.sep}" not in frame.filename]
        place = f"{os.path.basename(ours[-1].filename)}:{ours[-1].lineno}: " if ours else ""
        self.reasons.append(f"{test.id().split('.', 1)[-1]}: {place}{kind.__name__}: {' '.join(str(error).split())}")
        self.say("FAILED ", test, self._exc_info_to_string(err, test))

    addError = addFailure = fail

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.fail(subtest, err)

    def addSkip(self, test, reason):
        self.skips.append(f"{test.id().split('.', 1)[-1]}: {reason}")
        self.say("skipped", test, reason)


def main():
    path = os.path.abspath(sys.argv[1])
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    result = Result()
    loader = unittest.TestLoader()
    if len(sys.argv) > 2:
        suite = loader.loadTestsFromNames(sys.argv[2:], module)
    else:
        suite = loader.loadTestsFromModule(module)
    suite.run(result)
    failed = result.failed + (1 if result.testsRun == 0 and not result.skips else 0)
    print(json.dumps({"passed": result.passed, "failed": failed, "skipped": result.skips, "reasons": result.reasons}), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
