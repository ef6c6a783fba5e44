#!/usr/bin/env python3
"""Finds the bounds of csrc/gemm/native/tile_table.cpp from measurements.

usage: tune.py BENCH OUT_DIR [GEMM_BENCH_FLAGS...]

Runs BENCH (build/gemm_bench) with every native kernel over its batches, uniform and zipf, and prints for long and
for short k the list of bounds on the mean rows an expert that costs least over all of them, as the source has it
under the GPU's name, then what each row loses to its own best kernel. gemm_bench checks every result before it
times it. Kernels start early, as the engine launches them, and each finds caches and clock as it has left them
itself (--settle-ms): what another left in the L2 made up to 6% of difference, and kernels in turn share the clock
that the one which takes most power brings about. So those that have no chance take no part (--screen).
"""
import csv
import math
import os
import subprocess
import sys

SUFFIX = "-on-early"
CONTENDERS = {"s64e": "{TileKernel::kSwapped64, true}", "s64": "{TileKernel::kSwapped64, false}",
              "s128e": "{TileKernel::kSwapped128, true}", "s128": "{TileKernel::kSwapped128, false}",
              "p": "{TileKernel::kPlain, false}", "pp": "{TileKernel::kPlainPair, false}"}
EXPERTS = {"dsv3-tp8": 256, "dsv3-ep8": 32, "qwen3-235b-tp4": 128, "qwen3-30b": 128}
K = {("dsv3-tp8", "up"): 7168, ("dsv3-tp8", "down"): 256, ("dsv3-ep8", "up"): 7168, ("dsv3-ep8", "down"): 2048,
     ("qwen3-235b-tp4", "up"): 4096, ("qwen3-235b-tp4", "down"): 384, ("qwen3-30b", "up"): 2048,
     ("qwen3-30b", "down"): 768}
LONG_K = 1024  # kLongK
TOP_K = 8
BOUND_COST = 0.02  # what a row may lose before another bound is worth a line


def measure(bench, out_dir, flags):
    path = os.path.join(out_dir, "tune.csv")
    contenders = ",".join(name + SUFFIX for name in CONTENDERS)
    command = [bench, "--settle-ms", "25", "--screen", "15", "--reps", "7", "--routing", "uniform,zipf",
               "--contenders", contenders, "--csv", path, *flags]
    print(" ".join(command), flush=True)
    subprocess.run(command, check=True)
    rows = {}
    with open(path) as file:
        for r in csv.DictReader(file):
            key = r["shape"], r["what"], r["dist"], int(r["tokens"])
            rows.setdefault(key, {})[r["contender"].removesuffix(SUFFIX)] = float(r["us"])
    return rows


def loss(times, contender):
    return math.log(times[contender] / min(times.values()))


def segments(rows):
    """The cheapest list of (bound on the mean, contender) over rows of (mean, times), by dynamic programming.

    A bound lies between two measured means, at their geometric mean."""
    best = [(0.0, [])]
    for end in range(1, len(rows) + 1):
        options = []
        for begin in range(end):
            # Rows with the same mean cannot be told apart by it.
            if begin > 0 and rows[begin - 1][0] == rows[begin][0]:
                continue
            for contender in CONTENDERS:
                cost = best[begin][0] + BOUND_COST + sum(loss(t, contender) for _, t in rows[begin:end])
                options.append((cost, best[begin][1] + [(end, contender)]))
        best.append(min(options, key=lambda option: option[0]))
    means = [mean for mean, _ in rows]
    return [(math.sqrt(means[end - 1] * means[end]) if end < len(means) else math.inf, contender)
            for end, contender in best[-1][1]]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    rows = measure(sys.argv[1], sys.argv[2], sys.argv[3:])
    for is_long in (True, False):
        own = sorted(((tokens * TOP_K / EXPERTS[shape], times, (shape, what, dist, tokens))
                      for (shape, what, dist, tokens), times in rows.items()
                      if (K[shape, what] >= LONG_K) == is_long), key=lambda row: row[0])
        bounds = segments([(mean, times) for mean, times, _ in own])
        print(f"\nconstexpr Bound k{'Long' if is_long else 'Short'}Bounds[] = {{")
        for i, (mean, contender) in enumerate(bounds):
            print(f"    {{{'kUnbounded' if i == len(bounds) - 1 else f'{mean:.2g}'}, {CONTENDERS[contender]}}},")
        print("};")
        for mean, times, key in own:
            contender = next(c for last, c in bounds if mean <= last)
            best = min(times, key=times.get)
            print(f"{' '.join(map(str, key)):36} mean {mean:8.3f}  {contender:9} {times[contender]:7.1f} us, "
                  f"best {best:9} {times[best]:7.1f}, loses {100 * (math.exp(loss(times, contender)) - 1):.1f}%")


if __name__ == "__main__":
    main()
