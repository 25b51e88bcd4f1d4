#!/bin/sh
# Measures the hub's fan-out and Bun's in the same rounds, and prints the ratios. Bun is measured twice: with
# publications on one WebSocket, which is its best case, and over HTTP, which is how the hub gets them.
#
#   loadtest/bench/fanout.sh [ROUNDS]     needs two cores, Node, and release builds of hub and loadtest
#
# Both servers run all the time, each pinned to core 0; the generator has core 1. The rounds alternate, and every
# second one goes the other way round, so that a disturbance of the machine meets both. Only figures of one call are
# to be compared. SUBSCRIBERS, BYTES, SECONDS_EACH, HUB and LOADTEST may be set.
set -eu

rounds=${1:-5}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
hub=${HUB:-$root/target/release/hub}
loadtest=${LOADTEST:-$root/target/release/loadtest}
subscribers=${SUBSCRIBERS:-1000}
bytes=${BYTES:-64}
seconds=${SECONDS_EACH:-3}
hub_port=${HUB_PORT:-7791}
bun_port=${BUN_PORT:-9006}

work=$(mktemp -d)
hub_pid= bun_pid=
trap 'kill $hub_pid $bun_pid 2>/dev/null || true; wait; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

bun=$here/node_modules/.bin/bun
[ -x "$bun" ] || (cd "$here" && npm ci --no-audit --no-fund >&2)

token=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
export LOADTEST_PUBLISH_TOKEN="$token"

HUB_PUBLISH_TOKENS="bench:$token" HUB__SERVER__WORKERS=1 taskset -c 0 "$hub" \
    --config "$root/config/loadtest/hub.toml" --config-dir "$root/config" --data "$work/data" \
    --listen "127.0.0.1:$hub_port" serve >"$work/hub.log" 2>&1 &
hub_pid=$!
taskset -c 0 "$bun" "$here/bun-server.js" "$bun_port" >"$work/bun.log" 2>&1 &
bun_pid=$!

# Waits until a port answers.
reachable() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        node -e "require('net').connect($1,'127.0.0.1').on('connect',()=>process.exit(0)).on('error',()=>process.exit(1))" && return
        sleep 0.5
    done
    echo "nothing listens on port $1" >&2
    cat "$work/hub.log" "$work/bun.log" >&2
    exit 1
}
reachable "$hub_port"
reachable "$bun_port"

# measure SERVER IN_FLIGHT ROUND
measure() {
    case $1 in
        hub) port=$hub_port pid=$hub_pid ;;
        bun | raw) port=$bun_port pid=$bun_pid ;;
    esac
    taskset -c 1 "$loadtest" fanout --server "$1" --url "ws://127.0.0.1:$port/ws" --pid "$pid" \
        --subscribers "$subscribers" --bytes "$bytes" --in-flight "$2" --seconds "$seconds" \
        --json "$work/$2-$3-$1.json" >&2
}

round=1
while [ "$round" -le "$rounds" ]; do
    for in_flight in 16 1; do
        if [ $((round % 2)) -eq 1 ]; then order="hub bun raw"; else order="raw bun hub"; fi
        for server in $order; do measure "$server" "$in_flight" "$round"; done
    done
    round=$((round + 1))
done

node "$here/table.mjs" "$work"
