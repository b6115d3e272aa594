#!/usr/bin/env python3
"""Let the N-th disk call of a spool fail, and keep the ledger of powercut.py.

spool_driver runs with fail_call.so: one write, sync, rename or creation of a file fails with ENOSPC
or EIO, once or from then on. The driver must end by itself, and what it was promised must be in the
folder afterwards; what was refused must not.
"""
import argparse
import errno
import os
import shutil
import subprocess
import sys
import tempfile

from powercut import Checker, Ledger, judge

CALLS = ("write", "sync", "rename", "create")
FAULTS = (("ENOSPC, once", errno.ENOSPC, False), ("ENOSPC for good", errno.ENOSPC, True),
          ("EIO, once", errno.EIO, False), ("EIO for good", errno.EIO, True))
PLACES = [*range(1, 9), *range(11, 110, 9)]


def run_driver(args, spool, call, at, number, always):
    """The lines of a run, and what is wrong with the way it ended."""
    fault = {"LD_PRELOAD": os.path.abspath(args.library), "FAIL_ROOT": spool, "FAIL_CALL": call,
             "FAIL_AT": str(at), "FAIL_WITH": str(number)}
    if always:
        fault["FAIL_ALWAYS"] = "1"
    # It is a fault of the spool that is wanted, not of the lines: they go through a pipe.
    run = subprocess.run([args.driver, spool, str(at), "3"], env={**os.environ, **fault},
                         capture_output=True, text=True, timeout=60)
    wrong = [] if run.returncode in (0, 3) else [f"it ended with {run.returncode}: {run.stderr}"]
    return run.stdout.splitlines(), wrong


def try_one(args, checker, call, at, number, always):
    folder = tempfile.mkdtemp(prefix="failing-", dir=args.scratch)
    try:
        spool = os.path.join(folder, "spool")
        lines, wrong = run_driver(args, spool, call, at, number, always)
        ledger = Ledger()
        for line in lines:
            ledger.mark(line)
        refused = sum(line.startswith(("refused", "doubt")) for line in lines)
        return refused, wrong + list(judge(checker.ask(spool), ledger))
    finally:
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--library", required=True)
    parser.add_argument("--driver", required=True)
    parser.add_argument("--checker", required=True)
    parser.add_argument("--scratch")
    args = parser.parse_args()

    checker, passed, failed = Checker(args.checker), 0, 0
    for call in CALLS:
        for name, number, always in FAULTS:
            refused = bad = 0
            for at in PLACES:
                count, wrong = try_one(args, checker, call, at, number, always)
                refused += count
                bad += bool(wrong)
                for line in wrong[:3]:
                    print(f"  {call} number {at}, {name}: {line}")
            print(f"  {'FAIL' if bad else 'ok  '}  {call}: {name}, at {len(PLACES)} places, "
                  f"{refused} refused or in doubt")
            passed, failed = passed + (not bad), failed + bool(bad)
    checker.close()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
