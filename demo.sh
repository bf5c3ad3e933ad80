#!/usr/bin/env bash
# Shows what ListenRain does: installs what is missing by apt (Debian 12), builds, runs the examples over every transport, and prints a
# small table of their speed. Takes half a minute once it is built.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
source testing/house/setup.sh

say() {
  printf '\n== %s\n' "$*"
}

show() {
  printf '\n$ %s\n' "$*"
  "$@"
}

need "${BUILD_PACKAGES[@]}"
set_up build -Dwerror=true
programs=(bench/rain_bench examples/simulated_service/bank_worlds)
for example in sayhi swap_transport custom_protocol coroutines push state_machine; do programs+=("examples/$example/$example"); done
ninja -C build "${programs[@]}"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

say 'One server, asked twice: by a blocking call, and with a stat machine that is told the outcome. Over TCP, a Unix socket, in process.'
show build/examples/sayhi/sayhi tcp://127.0.0.1:0
show build/examples/sayhi/sayhi "unix://$folder/sayhi.sock"
show build/examples/sayhi/sayhi inproc://sayhi

say 'One program, one service: the transport key alone decides what carries it.'
show build/examples/swap_transport/swap_transport tcp://127.0.0.1:0 "unix://$folder/swap.sock" "unix:@listenrain-swap-$$" \
  inproc://swap

say 'A service whose handler is a coroutine that asks another service, and a client that orders several things at once.'
show build/examples/coroutines/coroutines tcp://127.0.0.1:0 inproc://prices boots snow umbrella

say 'A text protocol of its own: lines, a command each, replies in order.'
show build/examples/custom_protocol/custom_protocol tcp://127.0.0.1:0

say 'A chat room: the server knows its guests, and pushes to them what each says.'
show build/examples/push/push tcp://127.0.0.1:0

say 'A conversation of several steps as one stat machine: reserve, pay, give back what cannot be paid.'
show build/examples/state_machine/state_machine inproc://box-office

say 'A bank in simulated worlds, where machines crash and links break; and what it looks like if it has a bug.'
show build/examples/simulated_service/bank_worlds --seeds=100
show build/examples/simulated_service/bank_worlds --seeds=100 --bug || true

say 'How fast: echo calls per second, and how long a call takes, with callbacks, coroutines and blocking threads.'
show build/bench/rain_bench table --seconds=1
