#!/usr/bin/env bash
# Compares durable transfers between two of many accounts: PostgreSQL, and the hub's engine and log, in one run.
#
#   loadtest/bench/postgres.sh [ACCOUNTS] [SECONDS]     100,000 accounts, 3 seconds for each number of clients
#
# PostgreSQL: one SQL transaction a transfer, durable (fsync and synchronous_commit are on): a row with the transfer's unique
# key, and both accounts in the order of their ids, so that no two transactions wait for each other in a circle. pgbench sends
# it over a Unix socket, prepared, in two forms: statement by statement, and as one call of a function. The best form and
# number of clients counts. The hub: transfer_bench, 256 in flight, before and after. Both logs are on one disk.
#
# Processor time is that of the server and of pgbench, and of all of transfer_bench with its 100,000 first deposits.
#
# A cluster is made for the run and removed. The server does not run as root: started by root, it is run by OWNER (postgres).
# PGBIN (where pg_config says), CLIENTS ("1 8 32 64 90"), TRANSFERS (1000000), WORK (a directory on the disk to measure) and
# BENCH may be set.
set -euo pipefail

accounts=${1:-100000}
seconds=${2:-3}
here=$(cd "$(dirname "$0")" && pwd)
bench=${BENCH:-$here/../../target/release/examples/transfer_bench}
bin=${PGBIN:-$(pg_config --bindir)}
owner=${OWNER:-postgres}
clients=${CLIENTS:-1 8 32 64 90}
transfers=${TRANSFERS:-1000000}
work=$(mktemp -d -p "${WORK:-${TMPDIR:-/tmp}}")

# shellcheck source=loadtest/bench/cluster.sh
. "$here/cluster.sh"
end() {
    cluster_ends
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

# hub: transfers a second, and microseconds of a processor for each transaction.
hub() {
    mkdir "$work/hub"
    TIMEFORMAT='%U %S'
    { time "$bench" "$work/hub" 256 "$transfers" "$accounts" 0 >"$work/hub.out"; } 2>"$work/hub.time"
    rm -rf "$work/hub"
    sed -n 's/.*transfers: \([0-9]*\) a second.*/\1/p' "$work/hub.out" | tr '\n' ' '
    awk -v of="$((transfers + accounts))" '{ print ($1 + $2) * 1e6 / of }' "$work/hub.time"
}

cluster_begins

row() { printf '%-34s %10.0f a second %8.1f µs of a processor each\n' "$1" "$2" "$3"; }

read -r hub_before spent_before < <(hub)
row "hub, 256 in flight, before" "$hub_before" "$spent_before"
best=0 best_spent=0
for form in statements call; do
    for count in $clients; do
        read -r rate spent < <(postgres "$form" "$count")
        row "PostgreSQL, $form, $count clients" "$rate" "$spent"
        if [ "$rate" -gt "$best" ]; then best=$rate best_spent=$spent best_of="$form, $count clients"; fi
    done
done
read -r hub_after spent_after < <(hub)
row "hub, 256 in flight, after" "$hub_after" "$spent_after"
sum=$(as "$bin/psql" -h "$work" -U bench -d postgres -qAt -c 'SELECT sum(balance) FROM accounts')
[ "$sum" = "$((accounts * 1000000000))" ] || { echo "money was lost: $sum" >&2; exit 1; }
awk -v a="$hub_before" -v b="$hub_after" -v best="$best" -v of="$best_of" -v x="$spent_before" -v y="$spent_after" -v z="$best_spent" 'BEGIN {
    printf "hub ÷ PostgreSQL (%s): %.1f and %.1f in transfers a second; processor time a transfer: %.1f and %.1f times less\n",
        of, a / best, b / best, z / x, z / y }'
