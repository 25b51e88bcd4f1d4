//! The tables, as docs/read-model.md explains them. There are no steps from one version to the next: a file of another version
//! is built again.

/// Version of the schema, SQLite's `user_version`.
pub const VERSION: i32 = 7;

/// Marks the file as ours in its header.
pub(crate) const APPLICATION: i32 = 0x4855_4252;

/// Older releases of SQLite can damage a database in WAL mode while one connection writes and another checkpoints.
pub(crate) const SQLITE_MIN: i32 = 3_051_003;

/// The tables. `ANY` is money: see the module [`money`](crate::money).
pub(crate) const TABLES: &str = "
    CREATE TABLE cursor (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        lineage BLOB NOT NULL, lsn INTEGER NOT NULL, hash BLOB NOT NULL, time_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE currencies (currency TEXT PRIMARY KEY, scale INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE transactions (
        lsn INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, tx BLOB NOT NULL,
        recipe TEXT NOT NULL, revision INTEGER NOT NULL, principal_kind TEXT NOT NULL, principal BLOB NOT NULL,
        code TEXT, player BLOB, amount ANY, currency TEXT, reason TEXT, reference TEXT, table_id TEXT, round INTEGER,
        entries INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX transactions_without_entries ON transactions (player, lsn) WHERE entries = 0;
    CREATE INDEX transactions_of_reference ON transactions (reference) WHERE reference IS NOT NULL;
    CREATE INDEX transactions_of_operators ON transactions (principal) WHERE principal_kind = 'operator';
    CREATE TABLE refused_acts (lsn INTEGER PRIMARY KEY, act TEXT NOT NULL, lacks TEXT NOT NULL) STRICT;
    CREATE TABLE classes (
        class INTEGER PRIMARY KEY,
        domain TEXT NOT NULL, kind TEXT NOT NULL, owner_kind TEXT NOT NULL, currency TEXT NOT NULL,
        accounts INTEGER NOT NULL, open_holds INTEGER NOT NULL,
        debits ANY NOT NULL, credits ANY NOT NULL, debits_pending ANY NOT NULL, credits_pending ANY NOT NULL,
        UNIQUE (domain, kind, owner_kind, currency)
    ) STRICT;
    CREATE TABLE accounts (
        account INTEGER PRIMARY KEY, class INTEGER NOT NULL, owner BLOB NOT NULL, opened_lsn INTEGER NOT NULL,
        debits ANY NOT NULL, credits ANY NOT NULL, debits_pending ANY NOT NULL, credits_pending ANY NOT NULL,
        UNIQUE (owner, class)
    ) STRICT;
    CREATE TABLE entries (
        account INTEGER NOT NULL, lsn INTEGER NOT NULL, n INTEGER NOT NULL,
        delta ANY NOT NULL, after ANY NOT NULL, held_delta ANY NOT NULL, held_after ANY NOT NULL,
        PRIMARY KEY (account, lsn)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE holds (
        lsn INTEGER NOT NULL, n INTEGER NOT NULL, hold BLOB NOT NULL, domain TEXT NOT NULL,
        purpose TEXT NOT NULL, prover TEXT NOT NULL, table_id TEXT, round INTEGER, expires_ms INTEGER,
        account INTEGER NOT NULL, amount ANY NOT NULL, credit_account INTEGER NOT NULL, sources INTEGER NOT NULL,
        ended_lsn INTEGER, ended TEXT,
        PRIMARY KEY (lsn, n)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX holds_open ON holds (hold, domain) WHERE ended_lsn IS NULL AND purpose <> 'stake';
    CREATE TABLE hold_sources (
        lsn INTEGER NOT NULL, n INTEGER NOT NULL, place INTEGER NOT NULL,
        account INTEGER NOT NULL, amount ANY NOT NULL,
        PRIMARY KEY (lsn, n, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE row_images (
        kind INTEGER NOT NULL, key BLOB NOT NULL, lsn INTEGER NOT NULL, value BLOB,
        PRIMARY KEY (kind, key, lsn)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE rounds (
        table_id TEXT NOT NULL, round INTEGER NOT NULL, state TEXT NOT NULL,
        game TEXT NOT NULL, rules INTEGER NOT NULL, currency TEXT NOT NULL, commitment BLOB NOT NULL,
        opened_lsn INTEGER NOT NULL, opened_ms INTEGER NOT NULL, locked_lsn INTEGER, ended_lsn INTEGER, ended_ms INTEGER,
        mix BLOB, seed BLOB, outcome INTEGER, requests INTEGER, staked ANY, returned ANY, reason TEXT,
        stakes_open INTEGER NOT NULL,
        PRIMARY KEY (table_id, round)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX rounds_open ON rounds (opened_lsn) WHERE ended_lsn IS NULL;
    CREATE INDEX rounds_voided ON rounds (opened_lsn) WHERE state = 'voided';
    CREATE VIEW hold_ends AS
        SELECT h.lsn, h.n, h.hold, coalesce(h.ended_lsn, r.ended_lsn) AS ended_lsn,
            coalesce(h.ended, CASE r.state WHEN 'settled' THEN 'posted' ELSE 'voided' END) AS ended
        FROM holds h LEFT JOIN rounds r
            ON h.purpose = 'stake' AND r.table_id = h.table_id AND r.round = h.round AND r.stakes_open = 0
        WHERE h.ended_lsn IS NOT NULL OR r.ended_lsn IS NOT NULL;
    CREATE VIEW open_holds AS
        SELECT * FROM holds h WHERE ended_lsn IS NULL AND NOT (purpose = 'stake' AND EXISTS (
            SELECT 1 FROM rounds r WHERE r.table_id = h.table_id AND r.round = h.round
                AND r.ended_lsn IS NOT NULL AND r.stakes_open = 0));
    CREATE TABLE bets (
        table_id TEXT NOT NULL, round INTEGER NOT NULL, lsn INTEGER NOT NULL, n INTEGER NOT NULL,
        player BLOB NOT NULL, spot INTEGER NOT NULL, stake ANY NOT NULL,
        PRIMARY KEY (table_id, round, lsn, n)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE daily_totals (
        day INTEGER NOT NULL, class INTEGER NOT NULL,
        entries INTEGER NOT NULL, debits ANY NOT NULL, credits ANY NOT NULL,
        PRIMARY KEY (day, class)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE daily_transactions (
        day INTEGER NOT NULL, recipe TEXT NOT NULL, code TEXT NOT NULL, currency TEXT NOT NULL,
        transactions INTEGER NOT NULL, amount ANY NOT NULL,
        PRIMARY KEY (day, recipe, code, currency)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE daily_games (
        day INTEGER NOT NULL, game TEXT NOT NULL, rules INTEGER NOT NULL, currency TEXT NOT NULL,
        settled INTEGER NOT NULL, voided INTEGER NOT NULL, requests INTEGER NOT NULL,
        staked ANY NOT NULL, returned ANY NOT NULL, staked_squares REAL NOT NULL,
        PRIMARY KEY (day, game, rules, currency)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE zones (
        lsn INTEGER NOT NULL, from_ms INTEGER NOT NULL, offset_seconds INTEGER NOT NULL,
        PRIMARY KEY (lsn, from_ms)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE outside_games (owner BLOB PRIMARY KEY, game TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE daily_business (
        day INTEGER NOT NULL, game TEXT NOT NULL, currency TEXT NOT NULL, figure TEXT NOT NULL,
        number INTEGER NOT NULL, amount ANY NOT NULL,
        PRIMARY KEY (day, game, currency, figure)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE daily_players (
        day INTEGER NOT NULL, game TEXT NOT NULL, currency TEXT NOT NULL, counted_for TEXT NOT NULL,
        account INTEGER NOT NULL,
        PRIMARY KEY (day, game, currency, counted_for, account)
    ) STRICT, WITHOUT ROWID;
";
