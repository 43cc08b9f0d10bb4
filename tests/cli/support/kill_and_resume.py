# SPDX-License-Identifier: Apache-2.0
"""kill_and_resume.py KILLS SEED CHECKPOINT EVERY PROBLEM...: solves, is killed at random moments, resumes.

Every start, of the solve or of a resume, is killed by SIGKILL after a random part of the time that the
undisturbed solve takes. Whenever one gets to its end its report must be that of the undisturbed solve, times
aside; then everything begins again, until KILLS were spent.
"""
import json
import os
import random
import subprocess
import sys
import time

minfold = os.environ["MINFOLD"]


def without_times(value):
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k != "seconds"}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def report(path):
    with open(path, encoding="utf-8") as file:
        return without_times(json.load(file))


def start(arguments):
    return subprocess.Popen([minfold] + arguments + ["--quiet", "--json", "out.json"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


kills, seed, checkpoint, every, *problem = sys.argv[1:]
draw = random.Random(int(seed))
# The last kill of an earlier call may have left the checkpoint of another problem.
if os.path.exists(checkpoint):
    os.remove(checkpoint)
solve = ["solve"] + problem
began = time.monotonic()
whole = start(solve)
errors = whole.communicate()[1]
status = whole.returncode
assert status in (0, 1), (status, errors)
usual = time.monotonic() - began
expected = report("out.json")
solve += ["--checkpoint", checkpoint, "--every", every]

left, ends, resumed = int(kills), 0, 0
while left > 0 or ends == 0:
    goes_on = os.path.exists(checkpoint)
    running = start(["resume", checkpoint] if goes_on else solve)
    resumed += goes_on
    try:
        # No more kills are left once one run has to get to its end.
        running.wait(draw.uniform(0, usual) if left > 0 else None)
    except subprocess.TimeoutExpired:
        running.kill()
        left -= 1
    errors = running.communicate()[1]
    if running.returncode == -9:
        continue
    assert running.returncode == status, (running.returncode, errors)
    if report("out.json") != expected:
        os.rename("out.json", "other.json")
        sys.exit("a resumed solve ended otherwise: see other.json")
    ends += 1
    os.remove(checkpoint)
    os.remove("out.json")
print(f"{kills} kills, {resumed} resumes, {ends} ends, {usual:.2f} s without them")
if resumed == 0:
    sys.exit("nothing was resumed")
