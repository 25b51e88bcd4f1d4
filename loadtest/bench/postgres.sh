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

# as COMMAND...: runs a command as the owner of the cluster.
as() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups "$@"
    else
        "$@"
    fi
}
end() {
    if [ -d "$work/cluster" ]; then as "$bin/pg_ctl" -D "$work/cluster" -m immediate stop >/dev/null 2>&1 || true; fi
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

# served: hundredths of a second of a processor that the server has used, its ended children included.
served() {
    local server children
    server=$(head -n 1 "$work/cluster/postmaster.pid")
    children=$(cat "/proc/$server/task/$server/children")
    {
        cut -d ')' -f 2 "/proc/$server/stat" | awk '{ print $12 + $13 + $14 + $15 }'
        for child in $children; do cut -d ')' -f 2 "/proc/$child/stat" | awk '{ print $12 + $13 }'; done
    } | awk -v hertz="$(getconf CLK_TCK)" '{ sum += $1 } END { print sum * 100 / hertz }'
}

# postgres FORM CLIENTS: transfers a second, and microseconds of a processor for each.
postgres() {
    local before after
    before=$(served)
    TIMEFORMAT='%U %S'
    { time as "$bin/pgbench" -h "$work" -U bench -n -M prepared -f "$work/$1.sql" -D accounts="$accounts" -c "$2" \
        -j "$(($2 < 2 ? $2 : 2))" -T "$seconds" postgres >"$work/pgbench.out" 2>&1; } 2>"$work/pgbench.time" || {
        cat "$work/pgbench.out" >&2
        exit 1
    }
    sleep 0.2 # the server's processes of the clients end
    after=$(served)
    sed -n 's/^tps = \([0-9]*\).*/\1/p' "$work/pgbench.out" | tr '\n' ' '
    done=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$work/pgbench.out")
    awk -v server="$before $after" -v of="$done" '{ split(server, s, " "); print ((s[2] - s[1]) / 100 + $1 + $2) * 1e6 / of }' \
        "$work/pgbench.time"
}

chmod 755 "$work"
mkdir "$work/cluster"
if [ "$(id -u)" -eq 0 ]; then chown "$owner" "$work" "$work/cluster"; fi
as "$bin/initdb" -D "$work/cluster" -U bench -A trust --no-sync >/dev/null
cat >>"$work/cluster/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$work'
fsync = on
synchronous_commit = on
shared_buffers = 1GB
max_wal_size = 8GB
CONF
as "$bin/pg_ctl" -D "$work/cluster" -l "$work/cluster/server.log" -w start >/dev/null
as "$bin/psql" -h "$work" -U bench -d postgres -v ON_ERROR_STOP=1 -qAt -v accounts="$accounts" <<'SQL'
CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0)) WITH (fillfactor = 50);
CREATE TABLE transfers (key bigint PRIMARY KEY, debit bigint NOT NULL, credit bigint NOT NULL, amount bigint NOT NULL);
INSERT INTO accounts SELECT id, 1000000000 FROM generate_series(1, :accounts) AS id;
CREATE FUNCTION transfer(k bigint, debit bigint, credit bigint, moved bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO transfers VALUES (k, debit, credit, moved);
    UPDATE accounts SET balance = balance + CASE WHEN id = debit THEN -moved ELSE moved END WHERE id = least(debit, credit);
    UPDATE accounts SET balance = balance + CASE WHEN id = debit THEN -moved ELSE moved END WHERE id = greatest(debit, credit);
END $$;
VACUUM ANALYZE accounts;
CHECKPOINT;
SQL
draw='\set key random(1, 9223372036854775806)
\set debit random(1, :accounts)
\set other random(1, :accounts - 1)
\set credit case when :other >= :debit then :other + 1 else :other end'
printf '%s\nSELECT transfer(:key, :debit, :credit, 1);\n' "$draw" >"$work/call.sql"
cat >"$work/statements.sql" <<SQL
$draw
\set first least(:debit, :credit)
\set last greatest(:debit, :credit)
\set moved case when :debit < :credit then -1 else 1 end
BEGIN;
INSERT INTO transfers VALUES (:key, :debit, :credit, 1);
UPDATE accounts SET balance = balance + :moved WHERE id = :first;
UPDATE accounts SET balance = balance - :moved WHERE id = :last;
COMMIT;
SQL
chmod 644 "$work"/*.sql

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
