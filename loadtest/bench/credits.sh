#!/usr/bin/env bash
# Compares durable credits over HTTP with transfers as SQL transactions, behind the same number of clients, in one run.
#
#   loadtest/bench/credits.sh [CLIENTS] [SECONDS]     64 clients, 10 seconds each
#
# The hub: `loadtest credits`, keep-alive connections, each request with a token, a key and a body of JSON, answered when its record is on
# disk; then at half of that rate, for the latency. PostgreSQL: one SQL transaction a transfer, as postgres.sh explains, over a Unix socket,
# in two forms. The hub runs before and after PostgreSQL. Everything is on one machine and one disk; the money of both is checked.
#
# PGBIN (where pg_config says), OWNER (postgres: who runs the cluster when started by root), ACCOUNTS (100000), HUB and LOADTEST
# (target/release) and WORK (a directory on the disk to measure) may be set.
set -euo pipefail

count=${1:-64}
seconds=${2:-10}
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
hub=${HUB:-$root/target/release/hub}
loadtest=${LOADTEST:-$root/target/release/loadtest}
bin=${PGBIN:-$(pg_config --bindir)}
owner=${OWNER:-postgres}
accounts=${ACCOUNTS:-100000}
listen=127.0.0.1:7795
work=$(mktemp -d -p "${WORK:-${TMPDIR:-/tmp}}")
serving=

# shellcheck source=loadtest/bench/cluster.sh
. "$here/cluster.sh"
hub_ends() {
    if [ -n "$serving" ]; then kill "$serving" && wait "$serving" || true; fi
    serving=
}
end() {
    hub_ends 2>/dev/null
    cluster_ends
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

# of NAME: a number of the last result of the load generator.
of() { node -e 'const [file, name] = process.argv.slice(1);
    console.log(name.split(".").reduce((value, part) => value[part], JSON.parse(require("fs").readFileSync(file))))' "$work/credits.json" "$1"; }

# credits ARGUMENTS...: measures the hub that serves.
credits() {
    "$loadtest" credits --clients "$count" --seconds "$seconds" --url "ws://$listen/ws" --json "$work/credits.json" "$@" \
        >"$work/credits.out" 2>/dev/null || {
        cat "$work/credits.out" >&2
        exit 1
    }
}

# hub_serves: a new hub; what it takes is printed.
hub_serves() {
    rm -rf "$work/hub"
    local options=(--config "$root/config/loadtest/hub.toml" --config-dir "$root/config" --data "$work/hub")
    HUB__ADMIN__LISTEN=127.0.0.1:7796 HUB_PUBLISH_TOKENS=bench:0123456789abcdef0123456789abcdef \
        "$hub" "${options[@]}" --listen "$listen" serve >"$work/hub.log" 2>&1 &
    serving=$!
    until (exec 3<>"/dev/tcp/${listen/://}") 2>/dev/null; do
        kill -0 "$serving" || { cat "$work/hub.log" >&2 && exit 1; }
        sleep 0.1
    done
    LOADTEST_API_TOKEN=$("$hub" "${options[@]}" token --service bench --can 'balance:*')
    export LOADTEST_API_TOKEN
}

row() { printf '%-46s %8.0f a second   p50 %7.2f ms   p99 %7.2f ms\n' "$1" "$2" "$3" "$4"; }
hub_row() {
    credits
    rate=$(of per_second)
    row "hub, $count clients, $1" "$rate" "$(of answered.p50_ms)" "$(of answered.p99_ms)"
}

hub_serves
hub_row before
before=$rate
half=$(awk -v rate="$rate" 'BEGIN { printf "%.0f", rate / 2 }')
credits --rate "$half"
row "hub, at half of it" "$(of per_second)" "$(of answered.p50_ms)" "$(of answered.p99_ms)"
hub_ends

cluster_begins
best=0
for form in statements call; do
    read -r rate spent < <(postgres "$form" "$count")
    printf '%-46s %8.0f a second   %.1f µs of a processor each\n' "PostgreSQL, $form, $count clients" "$rate" "$spent"
    if [ "$rate" -gt "$best" ]; then best=$rate; fi
done
sum=$(as "$bin/psql" -h "$work" -U bench -d postgres -qAt -c 'SELECT sum(balance) FROM accounts')
[ "$sum" = "$((accounts * 1000000000))" ] || { echo "money was lost: $sum" >&2; exit 1; }
cluster_ends

hub_serves
hub_row after
hub_ends
awk -v a="$before" -v b="$rate" -v best="$best" 'BEGIN { printf "hub over HTTP ÷ PostgreSQL: %.2f and %.2f\n", a / best, b / best }'
