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
import time

moetop, *arguments = sys.argv[1:]
runs = int(arguments[0]) if arguments else 200
seconds = float(arguments[1]) if len(arguments) > 1 else 1.5
command = [moetop, "--ndjson", "--control", "-", "--aa", *arguments[2:]]
print("+", " ".join(command))
worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


VERDICT = 12  # cycles that a verdict needs
LONGEST = max(20 * seconds, 10)


def send(**command):
    """Sends a command. A worker that has ended says why in its stream."""
    try:
        worker.stdin.write(json.dumps(command) + "\n")
        worker.stdin.flush()
    except BrokenPipeError:
        pass


asked, finished, early, longer, false, pairs, named = 0, 0, 0, 0, 0, 0, []
stages, began = {}, None
for line in worker.stdout:
    record = json.loads(line)
    kind = record["record"]
    if kind == "failure":
        sys.exit(f"aa.sh: {record['failure']['text']}")
    if kind == "workload":
        workload = record["workload"]
        print(workload["engine"], (workload["gpu"] or {}).get("name", ""), workload["workload"])
    elif kind == "sample":
        sample = record["sample"]
        pairs = sample["ab_pairs"]
        for stage in ("up", "down"):
            if sample["verdict"][stage] in ("faster", "slower"):
                stages[stage] = sample["verdict"]["text"]
        now = time.monotonic()
        if began is None and sample["state"] == "running":
            began = now
        if began is None or finished == runs or asked > finished or now - began < seconds:
            continue
        if pairs >= VERDICT or now - began >= LONGEST:
            longer += now - began > 1.2 * seconds
            send(id=str(asked), reset=True)
            asked += 1
    elif kind == "ack" and "id" in record["ack"]:
        if not record["ack"]["ok"]:
            sys.exit(f"aa.sh: {record['ack']['error']}")
        finished += 1
        early += pairs < VERDICT
        if stages:
            false += 1
            named.append(f"run {record['ack']['id']}: {next(iter(stages.values()))}")
        stages, pairs, began = {}, 0, time.monotonic()
        if finished == runs:
            send(stop=True)
worker.wait()
print(*named, sep="\n", end="\n" if named else "")
print(f"{false} false winners in {finished} A/A comparisons ({100 * false / max(finished, 1):.1f}%), "
      f"{longer} of them went on for longer, {early} never got as far as a verdict")
if finished < runs or early:
    sys.exit("aa.sh: not every comparison got as far as a verdict; give each more seconds")
sys.exit(4 if false > finished / 100 else 0)
PYTHON
