#!/usr/bin/env bash
# Runs a command under compute-sanitizer's racecheck and fails on every hazard but one that is known:
# racecheck.sh COMMAND...
#
# CUTLASS's block-scaled collective lets two lanes of its scale warp copy the same two weight scales
# where a tile is 256 wide: both write the same value to the same place. It is in CUTLASS's own code,
# changes no result, and sglang ships it as well.
set -uo pipefail

readonly known='SM80_CP_ASYNC_CACHEALWAYS<float, float>::copy'
log=$(mktemp)
trap 'rm -f "$log"' EXIT
compute-sanitizer --tool racecheck --print-limit 1000000 "$@" | tee "$log" | grep -vE 'Device Frame|Host Frame'
grep -q 'RACECHECK SUMMARY' "$log" || { echo "racecheck did not come to its end" >&2; exit 1; }
grep -q ': 0 failed' "$log" || { echo "the checks themselves failed" >&2; exit 1; }
num_known=$(grep -E 'Race reported between|^=+ +and (Read|Write) access' "$log" | grep -cF "$known")
unknown=$(grep -E 'Race reported between|^=+ +and (Read|Write) access' "$log" | grep -vF "$known")
echo "racecheck: $num_known lines of the known hazard in CUTLASS's scale copies"
if [[ -n $unknown ]]; then
    printf 'racecheck: other hazards:\n%s\n' "$unknown" >&2
    exit 1
fi
