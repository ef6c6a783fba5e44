#!/usr/bin/env bash
# Measures what docs/results/ shows, on a machine with a Hopper GPU: collect.sh OUTPUT_DIR [STEP...]
# Steps: doctor verify sanitize ceilings session ab nvml cost. Needs bin/moetop, build/libmoetop.so and
# build/gpu_smoke (make all; make -f csrc/Makefile gpu-smoke), tmux and compute-sanitizer.
set -uo pipefail
cd "$(dirname "$0")/../.."
out=$(realpath -m "${1:?usage: collect.sh OUTPUT_DIR [STEP...]}")
shift
steps=("$@")
[[ ${#steps[@]} -gt 0 ]] || steps=(doctor verify sanitize ceilings session ab nvml cost)
mkdir -p "$out"
moetop=$PWD/bin/moetop

say() { printf '\n== %s\n' "$*"; }

step_doctor() {
    "$moetop" doctor | tee "$out/doctor.txt"
}

step_verify() {
    "$moetop" verify --engine cuda --model dsv3-tp8 --model qwen3-30b --tokens 1,16,128,1024 \
        --routing uniform,zipf,hot >"$out/verify.txt" 2>&1
    echo "exit code $?" >>"$out/verify.txt"
    tail -n 5 "$out/verify.txt"
}

step_sanitize() {
    compute-sanitizer --tool memcheck --error-exitcode 9 build/gpu_smoke build/libmoetop.so --small \
        >"$out/sanitizer-memcheck.txt" 2>&1
    echo "exit code $?" >>"$out/sanitizer-memcheck.txt"
    csrc/racecheck.sh build/gpu_smoke build/libmoetop.so --small >"$out/sanitizer-racecheck.txt" 2>&1
    echo "exit code $?" >>"$out/sanitizer-racecheck.txt"
    tail -n 3 "$out"/sanitizer-*.txt
}

# The ceilings three times over, since one figure says nothing of its own spread, and what they make of
# three batches. An H200 should show about 4650 GB/s from DRAM and 1760 TFLOP/s at 1980 MHz, 6 us for the
# first 4 MiB written and 0.25 us for each MiB more.
step_ceilings() {
    {
        for _ in 1 2 3; do "$moetop" doctor --measure --engine cuda | grep ' ceilings '; done
        for tokens in 1 128 4096; do
            "$moetop" --json --ab --engine cuda --model dsv3-tp8 --tokens $tokens --duration 6s >"$out/roofline-$tokens.json"
            python3 - "$out/roofline-$tokens.json" <<'PYTHON'
import json, sys
r = json.load(open(sys.argv[1]))
print(f"\n== {r['workload']['tokens']} tokens, {r['verdict']['text']}")
for s, w in zip(r["stages"], r["work"]):
    sides = " ".join(f"{n} {s[n]['median_us']:7.1f}" for n in ("off", "on") if s[n])
    print(f"{s['name']:8} attainable {w['attainable_us']:7.1f} us by {w['bound']:6} {sides:24} attained {s['attainable_percent']} %")
print("layer attained", r["step"]["attainable_percent"], "%")
PYTHON
        done
    } 2>&1 | tee "$out/ceilings.txt"
}

# An interactive session: every key is followed by a capture of the screen.
step_session() {
    local stream=$out/session.ndjson key
    tmux -L moetop kill-server 2>/dev/null
    tmux -L moetop new-session -d -x 120 -y 40 -s live \
        "$moetop --engine cuda; echo exit code \$?; sleep 60"
    sleep 4
    tmux -L moetop capture-pane -p -t live >"$out/session-0-start.txt"
    for key in u d a; do
        tmux -L moetop send-keys -t live "$key"
        sleep 3
        [[ $key != a ]] || sleep 4
        tmux -L moetop capture-pane -p -t live >"$out/session-$key.txt"
    done
    tmux -L moetop capture-pane -p -e -t live >"$out/session-a.ansi"
    tmux -L moetop send-keys -t live q
    sleep 1
    tmux -L moetop capture-pane -p -t live >"$out/session-quit.txt"
    tmux -L moetop kill-server

    # The same toggles through the stream, where the step numbers stand.
    (sleep 4; echo '{"id":"u","es":{"up":true}}'; sleep 2; echo '{"id":"d","es":{"down":true}}'
        sleep 2; echo '{"id":"a","ab":true}'; sleep 3; echo '{"stop":true}') |
        "$moetop" --ndjson --control - --engine cuda --duration 30s >"$stream" 2>"$out/session.stderr"
    grep -E '"record":"(ack|toggle)"' "$stream" | head -n 20
}

step_ab() {
    local tokens
    for tokens in 1 16 128 1024 4096; do
        "$moetop" --json --ab --engine cuda --model dsv3-tp8 --tokens "$tokens" --duration "${AB_DURATION:-6s}" \
            >"$out/ab-dsv3-tp8-$tokens.json" 2>"$out/ab-dsv3-tp8-$tokens.stderr" || cat "$out/ab-dsv3-tp8-$tokens.stderr"
        python3 - "$out/ab-dsv3-tp8-$tokens.json" <<'PYTHON'
import json, sys
r = json.load(open(sys.argv[1]))
side = lambda s: "-" if s is None else f"{s['median_us']:.1f}"
print(r["workload"]["tokens"], "tokens:", ", ".join(
    f"{s['name']} {side(s['off'])}/{side(s['on'])}" for s in r["stages"]))
print("   step", {k: side(r["step"][k]) for k in ("off_off", "on_off", "off_on", "on_on", "gap_us", "launch_gap_us")},
      "|", r["verdict"]["text"])
PYTHON
    done
}

step_nvml() {
    {
        say idle
        nvidia-smi --query-gpu=utilization.gpu,memory.used,memory.reserved,memory.free,memory.total --format=csv
        say "under load: dsv3-tp8, 4096 tokens"
        "$moetop" --ndjson --engine cuda --model dsv3-tp8 --tokens 4096 --duration 8s >"$out/nvml.ndjson" 2>/dev/null &
        sleep 5
        nvidia-smi --query-gpu=utilization.gpu,memory.used,memory.reserved,memory.free,memory.total,clocks.sm,power.draw \
            --format=csv
        wait
        python3 - "$out/nvml.ndjson" <<'PYTHON'
import json, sys
samples = [json.loads(line) for line in open(sys.argv[1])]
start = next(r for r in samples if r["record"] == "header")["time"]
seen = None
for r in samples:
    n = (r.get("sample") or {}).get("nvml")
    if n and n["time"] != seen:
        seen = n["time"]
        print(r["time"][14:23], r["sample"]["state"], "SM utilization", n["sm_utilization_percent"], "kernel active",
              n["kernel_active_percent"], "used MiB", n["memory_used_bytes"] and n["memory_used_bytes"] / 2**20,
              "reserved MiB", n["memory_reserved_bytes"] and n["memory_reserved_bytes"] / 2**20,
              "SM MHz", n["sm_clock_mhz"], "W", n["power_watts"])
PYTHON
    } >"$out/nvml.txt" 2>&1
    rm -f "$out/nvml.ndjson"
    cat "$out/nvml.txt"
}

step_cost() {
    {
        say "timer cost, dsv3-tp8, 128 tokens"
        "$moetop" doctor --measure-timer
        say "start to the first sample with figures"
        python3 - "$moetop" <<'PYTHON'
import json, subprocess, sys, time
start = time.monotonic()
p = subprocess.Popen([sys.argv[1], "--ndjson", "--engine", "cuda", "--duration", "3s"], stdout=subprocess.PIPE, text=True)
for line in p.stdout:
    s = json.loads(line).get("sample")
    if s and s["state"] == "running" and s["stages"] and s["stages"][2]["off"]:
        print(f"{time.monotonic() - start:.2f} s")
        break
p.stdout.read()
p.wait()
PYTHON
        say "CPU time of a 10 s session without a screen, dsv3-tp8, 128 tokens"
        ( TIMEFORMAT='real %R s, user %U s, system %S s'
          time "$moetop" --json --engine cuda --duration 10s >"$out/cost.json" )
        python3 -c 'import json,sys; r = json.load(open(sys.argv[1])); print("worker CPU", r["worker_cpu_percent"], "%, steps", r["steps"], "lost", r["lost_timings"])' "$out/cost.json"
        rm -f "$out/cost.json"
    } >"$out/cost.txt" 2>&1
    cat "$out/cost.txt"
}

for step in "${steps[@]}"; do
    say "$step"
    "step_$step"
done
