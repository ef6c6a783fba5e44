#!/usr/bin/env bash
# Finds nvcc and the CUTLASS headers, or installs them, and writes what it found to build/toolchain.mk:
# nvcc on PATH, then CUDA_HOME, then .toolchain/, a Python venv made from the wheels in toolchain.txt.
# CUTLASS_DIR overrides the headers. Where nothing works the file says why, and the rest still builds.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly out=build/toolchain.mk
readonly venv=.toolchain/venv
readonly stamp=.toolchain/complete
readonly pins=csrc/toolchain.txt
mkdir -p build

write() {
    # Only a change may touch the file: everything that nvcc makes depends on it.
    printf '%s\n' "$@" >"$out.tmp"
    if cmp -s "$out.tmp" "$out"; then rm "$out.tmp"; else mv "$out.tmp" "$out"; fi
}

unavailable() {
    write "CUDA_UNAVAILABLE := $1"
    exit 0
}

# An interrupted installation leaves no stamp and is started over.
install_wheels() {
    if [[ -f $stamp ]] && cmp -s "$stamp" "$pins"; then return 0; fi
    echo "toolchain: installing the CUDA compiler and the CUTLASS headers into .toolchain/ (about 400 MB)" >&2
    rm -rf .toolchain
    python3 -m venv "$venv" >&2 || return 1
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$pins" >&2 || return 1
    cp "$pins" "$stamp"
}

wheels_root() { echo "$venv"/lib/python3*/site-packages; }

# CUDA 12.8 is the oldest compiler that the sources have a chance with.
usable_nvcc() {
    local version
    version=$("$1" --version 2>/dev/null | sed -n 's/.*release \([0-9]*\)\.\([0-9]*\).*/\1 \2/p') || return 1
    [[ -n $version ]] || return 1
    read -r major minor <<<"$version"
    ((major > 12 || (major == 12 && minor >= 8)))
}

nvcc=""
for candidate in "$(command -v nvcc || true)" "${CUDA_HOME:+$CUDA_HOME/bin/nvcc}"; do
    if [[ -x $candidate ]] && usable_nvcc "$candidate"; then
        nvcc=$(readlink -f "$candidate")
        break
    fi
done

cutlass=${CUTLASS_DIR:+$CUTLASS_DIR/include}
if [[ -n $cutlass && ! -f $cutlass/cutlass/cutlass.h ]]; then
    echo "CUTLASS_DIR: $CUTLASS_DIR has no include/cutlass/cutlass.h" >&2
    exit 1
fi

if [[ -z $nvcc || -z $cutlass ]]; then
    install_wheels || unavailable "no nvcc on PATH or in CUDA_HOME, and the wheels in $pins could not be installed"
    root=$(wheels_root)
    [[ -n $cutlass ]] || cutlass=$PWD/$root/cutlass_library/source/include
fi

if [[ -z $nvcc ]]; then
    cuda=$PWD/$root/nvidia/cu13
    nvcc=$cuda/bin/nvcc
    lib=$cuda/lib
else
    cuda=$(dirname "$(dirname "$nvcc")")
    lib=$cuda/lib64
fi
"$nvcc" --version >/dev/null || unavailable "$nvcc does not run"

write "NVCC := $nvcc" \
    "CUDA_INCLUDES := -isystem $cuda/include -isystem $cuda/extras/CUPTI/include" \
    "CUDA_LIB := $lib" \
    "CUTLASS_INCLUDE := $cutlass"
