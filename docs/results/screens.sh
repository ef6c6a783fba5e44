#!/usr/bin/env bash
# Captures every view of the screen at three sizes, as text and as SVG: screens.sh OUTPUT_DIR [MOETOP_FLAGS...]
# Without flags dsv3-tp8 at 128 tokens in A/B mode on the GPU, and a sweep over 1..8192 tokens. Needs
# bin/moetop and tmux; the SVG need .tools/rich (make screens). SETTLE and SWEEP are the seconds that A/B
# mode gets before it is captured, and that the sweep may take.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(realpath -m "${1:?usage: screens.sh OUTPUT_DIR [MOETOP_FLAGS...]}")
shift
flags=("$@")
[[ ${#flags[@]} -gt 0 ]] || flags=(--engine cuda --model dsv3-tp8 --tokens 128)
settle=${SETTLE:-15} sweep=${SWEEP:-400}
mkdir -p "$out"
scratch=$(mktemp -d)
socket=$scratch/tmux
trap 'tmux -S "$socket" kill-server 2>/dev/null || true; rm -rf "$scratch"' EXIT
t() { tmux -S "$socket" "$@"; }
keys() { t send-keys -t s "$@"; sleep 1.5; }

# shows TEXT SECONDS waits until the screen has the text.
shows() {
    local end=$((SECONDS + $2))
    until t capture-pane -p -t s | grep -q -- "$1"; do
        if ((SECONDS >= end)); then
            echo "no \"$1\" within $2 s on the screen:" >&2
            t capture-pane -p -t s >&2
            return 1
        fi
        sleep 0.5
    done
}

# capture NAME takes the view at all three sizes.
capture() {
    local size
    for size in 80x24 120x40 200x60; do
        t resize-window -t s -x "${size%x*}" -y "${size#*x}"
        sleep 1.5
        t capture-pane -p -t s >"$out/$1-$size.txt"
        t capture-pane -p -e -t s >"$scratch/picture_$1-$size.golden"
        echo "$out/$1-$size.txt"
    done
}

t -f /dev/null new-session -d -x 120 -y 40 -s s -c "$out" \
    env TERM=tmux-256color COLORTERM=truecolor LC_ALL=C.UTF-8 XDG_STATE_HOME="$scratch" \
    "$PWD/bin/moetop" --config /dev/null --theme dark --ab "${flags[@]}"
t set-option -g default-terminal tmux-256color
shows 'A/B' 60
sleep "$settle"
capture live
keys 2; capture experts
keys 4; capture kernels
keys j j j Enter; capture launch
keys Enter ','; capture settings
keys , m; capture models
keys C-c || true
t kill-server 2>/dev/null || true

t -f /dev/null new-session -d -x 120 -y 40 -s s -c "$out" \
    env TERM=tmux-256color COLORTERM=truecolor LC_ALL=C.UTF-8 XDG_STATE_HOME="$scratch" \
    "$PWD/bin/moetop" --config /dev/null --theme dark --view sweep "${flags[@]}"
shows 'starts it' 60
for _ in $(seq 1 "${SWEEP_HALVINGS:-0}"); do t send-keys -t s j; t send-keys -t s Left; t send-keys -t s k; done
sleep 2
keys Enter
shows ' of .* cycles' 60
sleep 8
capture sweep-running
shows 'done' "$sweep"
capture sweep
keys Enter; capture sweep-figures
keys Enter s
shows saved 10
t capture-pane -p -t s | grep saved
keys q

if [[ -x .tools/rich/bin/python ]]; then
    .tools/rich/bin/python docs/screens.py "$scratch" "$out"
fi
