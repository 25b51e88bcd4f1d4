//! How the hub of a test is configured.

/// The shared secret of tokens in tests.
pub const AUTH_SECRET: &str = "0KxqvY3m8tWc5ZfR1nLb7uJd4eHs9gPa";

/// The master key of the people store in tests.
pub const PEOPLE_KEY: &str = "w3Vb7Nq1Xs9Lk5Pz0Rf8Ty2Hd6Gj4Mc-";

/// How a hub is configured. Times are short and nobody is too fast, unless a test says otherwise.
#[derive(Debug, Clone)]
pub struct Setup {
    tables: Vec<Table>,
    deposit: String,
    /// Most that a player may stake on one spot.
    spot_max: String,
    /// Variables of the hub's environment, by name.
    pub(super) variables: Vec<(String, String)>,
    /// Appended to the configuration as it is.
    extra: String,
}

/// A roulette table; any bet may be 0.50 to 500.00, unless the setup says otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its id.
    pub id: &'static str,
    /// How long bets are taken, milliseconds.
    pub betting_ms: u32,
    /// From the last bet to the result, milliseconds.
    pub locked_ms: u32,
    /// From the result to the next round, milliseconds.
    pub pause_ms: u32,
}

/// A table whose round takes bets for as long as any test runs.
pub const OPEN: Table = Table { id: "open", betting_ms: 600_000, locked_ms: 100, pause_ms: 100 };
/// A table that plays a round in less than a second.
pub const QUICK: Table = Table { id: "quick", betting_ms: 400, locked_ms: 50, pause_ms: 50 };

impl Default for Setup {
    fn default() -> Self {
        let setup = Self {
            tables: vec![OPEN, QUICK],
            deposit: "1000.00".into(),
            spot_max: "500.00".into(),
            variables: Vec::new(),
            extra: String::new(),
        };
        setup
            .variable("HUB_AUTH_SECRET", AUTH_SECRET)
            .variable("HUB_PEOPLE_KEY", PEOPLE_KEY)
            .option("auth.leeway_seconds", 0)
            .option("admin.listen", "127.0.0.1:0")
            .option("server.connections_per_address_max", 50_000)
            .option("server.drain_seconds", 5)
            .option("rate.connects_per_second_per_address", 100_000)
            .option("rate.connects_burst_per_address", 100_000)
            .option("rate.requests_per_second_per_address", 100_000)
            .option("rate.requests_burst_per_address", 100_000)
            .option("rate.requests_per_second_per_player", 100_000)
            .option("rate.requests_burst_per_player", 100_000)
            // A test of play sessions turns them on.
            .option("play_sessions.pause_seconds", 0)
            .option("play_sessions.reality_check_seconds", 0)
            .option("journal.segment_bytes", 1_048_576)
            .option("journal.store_every_records", 1_000)
            .option("telemetry.format", "json")
            .option("telemetry.log", "info")
    }
}

impl Setup {
    /// These tables and no others.
    #[must_use]
    pub fn tables(mut self, tables: impl Into<Vec<Table>>) -> Self {
        self.tables = tables.into();
        self
    }

    /// What a demo player is given.
    #[must_use]
    pub fn deposit(mut self, amount: &str) -> Self {
        amount.clone_into(&mut self.deposit);
        self
    }

    /// What a player may stake on one spot at most.
    #[must_use]
    pub fn spot_max(mut self, amount: &str) -> Self {
        amount.clone_into(&mut self.spot_max);
        self
    }

    /// An option by its full name, such as `socket.ping_every_ms`.
    #[must_use]
    pub fn option(self, name: &str, value: impl ToString) -> Self {
        let name = format!("HUB__{}", name.to_uppercase().replace('.', "__"));
        self.variable(&name, value)
    }

    /// A variable of the hub's environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl ToString) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// More lines of the configuration file.
    #[must_use]
    pub fn extra(mut self, lines: &str) -> Self {
        self.extra.push_str(lines);
        self
    }

    /// The configuration file.
    pub(super) fn text(&self) -> String {
        let mut text = format!("[demo]\ndeposit = \"{}\"\n", self.deposit);
        text.push_str(&self.extra);
        let spot_max = &self.spot_max;
        for Table { id, betting_ms, locked_ms, pause_ms } in &self.tables {
            text.push_str(&format!(
                "\n[[tables]]\nid = \"{id}\"\nname = \"Table {id}\"\ngame = \"roulette\"\ncurrency = \"EUR\"\n\
                 betting_ms = {betting_ms}\nlocked_ms = {locked_ms}\npause_ms = {pause_ms}\n\
                 player_round_max = \"100000.00\"\n[tables.limits]\nany = {{ min = \"0.50\", max = \"{spot_max}\" }}\n"
            ));
        }
        text
    }
}
