"""Runs parse.cjs: a PowerShell text in, what is in it out."""

import atexit
import json
import os
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MODULES = os.path.join(ROOT, os.environ.get("BUILD", "build"), "powershell")
_running = []


def start():
    """The one parse.cjs of this process; it ends when its standard input does."""
    if not os.path.isdir(os.path.join(MODULES, "node_modules")):
        raise RuntimeError(f"no PowerShell grammar in {MODULES}: run scripts/bootstrap check")
    node = shutil.which("node")
    if not node:
        raise RuntimeError("no Node.js (node) to read PowerShell with: run scripts/bootstrap check")
    words = tempfile.TemporaryFile("w+")
    child = subprocess.Popen([node, "--liftoff-only", os.path.join(HERE, "parse.cjs"), MODULES],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, text=True)
    child.words = words
    atexit.register(stop, child)
    _running.append(child)


def stop(child):
    child.stdin.close()
    child.wait()
    child.stdout.close()
    child.words.close()


def parse(text):
    """The facts of one text, as parse.cjs describes them. What the grammar cannot be asked
    about raises: a check that did not run has not passed."""
    if not _running:
        start()
    child = _running[0]
    try:
        child.stdin.write(json.dumps(text) + "\n")
        child.stdin.flush()
    except BrokenPipeError:
        pass
    answer = child.stdout.readline()
    if not answer:
        child.words.seek(0)
        raise RuntimeError("the PowerShell grammar failed: " + child.words.read())
    return json.loads(answer)
