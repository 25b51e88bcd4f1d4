# A cluster of PostgreSQL for one run, to be sourced: durable, over a Unix socket in $work, with accounts and a transfer in two forms.
# It wants bin, owner, work, accounts and seconds to be set.

# as COMMAND...: runs a command as the owner of the cluster.
as() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups "$@"
    else
        "$@"
    fi
}
cluster_ends() {
    if [ -d "$work/cluster" ]; then as "$bin/pg_ctl" -D "$work/cluster" -m immediate stop >/dev/null 2>&1 || true; fi
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

cluster_begins() {
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
}
