#!/usr/bin/env bash
# Compiles one CUDA source and refuses what would make it slow: compile.sh OBJECT SOURCE COMMAND...
# A GEMM whose wgmma ptxas serializes (C7510 and its kin) or that spills loses 10 to 20% in silence, so
# both fail the build. The object appears only when all is well.
set -euo pipefail

object=$1 source=$2
shift 2
log=${object%.o}.log
mkdir -p "$(dirname "$object")"
echo "nvcc $source"
start=$SECONDS
if ! "$@" -Xptxas -v -MMD -MP -MF "${object%.o}.d" -MT "$object" -c "$source" -o "$object.tmp" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
if grep -E 'C75(08|10|12|17)|[Pp]otential [Pp]erformance [Ll]oss' "$log" >&2; then
    echo "$source: ptxas gave up on wgmma pipelining or register allocation (above)" >&2
    exit 1
fi
if grep -E '[1-9][0-9]* bytes (stack frame|spill)' "$log" >&2; then
    echo "$source: a kernel uses local memory (above); the whole report is $log" >&2
    exit 1
fi
grep -vE '^ptxas info|bytes stack frame|^$' "$log" >&2 || true
mv "$object.tmp" "$object"
if ((SECONDS - start > 5)); then echo "nvcc $source: $((SECONDS - start)) s"; fi
