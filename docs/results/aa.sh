#!/usr/bin/env bash
# Counts false winners: aa.sh [RUNS [SECONDS [MOETOP FLAGS...]]], by default 200 comparisons of 1.5 s each.
# Every comparison runs the same mask on both sides (moetop --aa), so that each winner is a false one; at
# most 1% may name one. All of them run in one worker, which a command resets between them. Exits with 4
# if there are more, and with 1 if a comparison did not get as far as a verdict.
#
#   docs/results/aa.sh 200 1.5 --engine cuda --model dsv3-tp8 --tokens 128
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python3 - "${MOETOP:-bin/moetop}" "$@" <<'PYTHON'
import json
import subprocess
import sys
import threading
import time

moetop, *arguments = sys.argv[1:]
runs = int(arguments[0]) if arguments else 200
seconds = float(arguments[1]) if len(arguments) > 1 else 1.5
command = [moetop, "--ndjson", "--control", "-", "--aa", *arguments[2:]]
print("+", " ".join(command))
worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def steer():
    """Ends a comparison every so many seconds, from the first reset on, which is run 0's end."""
    try:
        for run in range(runs):
            time.sleep(seconds)
            worker.stdin.write(json.dumps({"id": str(run), "reset": True}) + "\n")
            worker.stdin.flush()
        worker.stdin.write('{"stop": true}\n')
        worker.stdin.flush()
    except BrokenPipeError:
        pass  # The worker has said why it ended.


finished, early, false, pairs, named = 0, 0, 0, 0, []
stages = {}
for line in worker.stdout:
    record = json.loads(line)
    kind = record["record"]
    if kind == "failure":
        sys.exit(f"aa.sh: {record['failure']['text']}")
    if kind == "workload":
        workload = record["workload"]
        print(workload["engine"], (workload["gpu"] or {}).get("name", ""), workload["workload"])
        threading.Thread(target=steer, daemon=True).start()
    elif kind == "sample":
        sample = record["sample"]
        pairs = sample["ab_pairs"]
        for stage in ("up", "down"):
            if sample["verdict"][stage] in ("faster", "slower"):
                stages[stage] = sample["verdict"]["text"]
    elif kind == "ack" and "id" in record["ack"]:
        if not record["ack"]["ok"]:
            sys.exit(f"aa.sh: {record['ack']['error']}")
        finished += 1
        early += pairs < 12
        if stages:
            false += 1
            named.append(f"run {record['ack']['id']}: {next(iter(stages.values()))}")
        stages, pairs = {}, 0
worker.wait()
print(*named, sep="\n", end="\n" if named else "")
print(f"{false} false winners in {finished} A/A comparisons ({100 * false / max(finished, 1):.1f}%), "
      f"{early} of them too short for a verdict")
if finished < runs or early > finished / 20:
    sys.exit("aa.sh: too few comparisons got as far as a verdict; give each more seconds")
sys.exit(4 if false > finished / 100 else 0)
PYTHON
