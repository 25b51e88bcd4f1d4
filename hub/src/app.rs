//! The composition root: recovers the state, starts the actors bottom up, accepts connections last; drains top down.

mod admin;
mod control;
pub(crate) mod files;
mod listen;
mod memory;
mod monitoring;
mod options;
mod public;
mod signals;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use actix_rt::task::JoinHandle;
use actix_server::ServerHandle;
use actors::{
    admission::Admission, followers::read_model::KeptReadModel, house::House, messages::worker::ToWorker,
};
use journal::LogWriter;
use protocol::CloseCode;

use self::{admin::Admin, listen::Listening, public::Public};
use crate::{
    archive::{self, Archiver, Figures, StoreBeside},
    auth::KeyWatch,
    config::{Config, Loaded, Mode},
    door::Waits,
    edge::{Surfaces, addresses::Addresses},
    monitoring::kept_files::MonitoringFiles,
    recovery::{self, Expectations, Head, Recovered},
    telemetry::events as telemetry,
};

/// The hub could not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log.
    #[error("failed to recover from {directory}")]
    Recovery {
        /// Where it is.
        directory: PathBuf,
        /// Why.
        source: Box<recovery::Error>,
    },
    /// Production begins no log by itself: the path may be mistyped.
    #[error(
        "there is no log in {directory}: look at journal.directory, or begin a log there, once, with `hub init`"
    )]
    NoLog {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// The actors.
    #[error("failed to start the actors")]
    House(#[from] actors::house::Error),
    /// The address of Redis.
    #[error("failed to use redis.url")]
    Redis(#[source] channels::ConnectError),
    /// The thread that reads issuers' keys.
    #[error("failed to start the thread that reads issuers' keys")]
    Keys(#[source] io::Error),
    /// The thread of the alerts.
    #[error("failed to start the thread of the alerts")]
    Monitoring(#[source] io::Error),
    /// The archive's thread.
    #[error("failed to start the archiver")]
    Archiver(#[source] io::Error),
    /// A port.
    #[error("failed to open the hub's ports")]
    Listen(#[from] listen::NotHad),
    /// The server.
    #[error("failed to serve")]
    Serve(#[source] io::Error),
}

/// Serves until SIGTERM, SIGHUP or Ctrl-C, then drains. The log must have the record `expected`, if there is one. With
/// `accept_clock` what is due is carried out although the clock is far ahead of the log's last record.
///
/// # Errors
/// When the hub cannot start: the message says what to do about it.
pub fn run(loaded: Loaded, expected: Option<Head>, accept_clock: bool) -> Result<(), Error> {
    actix::System::new().block_on(serve(Arc::new(loaded), expected, accept_clock))
}

async fn serve(loaded: Arc<Loaded>, expected: Option<Head>, accept_clock: bool) -> Result<(), Error> {
    let config = &loaded.config;
    let mut hangup = signals::hangup().map_err(Error::Serve)?;
    // Before anything is recovered: a port that is taken is told at once, and nothing has happened yet. Nobody is
    // let in before the house stands.
    let Listening { listener, address } = Listening::at("server.listen", config.server.listen)?;
    let admin = admin_port(config)?;
    let directory = PathBuf::from(&config.journal.directory);
    files::allow(u64::from(config.server.connections_max));
    if config.mode == Mode::Production && !recovery::begun(&directory) {
        return Err(Error::NoLog { directory });
    }
    let expectations = Expectations::of(&loaded, expected);
    let refused = |source| Error::Recovery { directory: directory.clone(), source: Box::new(source) };
    let recovered = recovered(&loaded, &directory, &expectations).map_err(refused)?;
    let whole = archive::whole_of_log(&config.archive.to, LogWriter::records(&recovered.log), &directory)
        .map_err(|error| refused(error.into()))?;
    for left in recovery::facts::stranded(&loaded, &recovered.world.books) {
        telemetry::stranded(&left);
    }
    let files = MonitoringFiles::of(&directory);
    let rows = &recovered.world.books.domains().rows;
    let kept = monitoring::kept(&files, &config.monitoring.alerts, |alert| rows.get(alert.as_bytes()));
    memory::use_small_pages();
    let data = directory.clone();
    let people = recovered.people.clone();
    let setup = options::setup(&loaded, recovered, whole, accept_clock).map_err(Error::Redis)?;
    let (workers, currencies) = (setup.workers, setup.currencies.clone());
    let (house, mailboxes) = House::start(setup).await?;
    let journal = &config.journal;
    house.journal.condition().keep_free(journal.disk_warn_bytes, journal.disk_refuse_bytes);
    // Nobody is let in before the log has room for another segment, or has found that there is none.
    prepared(house.journal.condition().clone()).await?;
    let admission = Admission::new(options::bounds(config), house.journal.condition().clone());
    let figures = Figures::default();
    let control = control::listen(config, &data, (&house, &people), &admission);
    let archiver = archiver(config, data, &house, &figures)?;
    let keys = watched_keys(&loaded)?;
    let addresses = Addresses::new(&config.rate, config.server.connections_per_address_max, Instant::now());
    let parts = (&house, &people, &figures);
    let (surfaces, posts) = Surfaces::new(&loaded, parts, currencies, &admission, &addresses, kept);
    let surfaces = Arc::new(surfaces);
    let watch = monitoring::watch(&loaded, &surfaces, posts, files).map_err(Error::Monitoring)?;
    let public = Public::new(&loaded, surfaces.clone(), addresses, house.pubsub.clone(), mailboxes);
    let server = public.serve(listener, workers).map_err(Error::Serve)?;
    let admin_address = admin.as_ref().map(|admin| admin.address);
    let waits = Waits::new(&config.socket);
    let admin = admin.map(|admin| Admin::serve(admin.listener, surfaces, waits));
    let admin = admin.transpose().map_err(Error::Serve)?;
    let handle = server.handle();
    let mut serving = actix::spawn(server);
    let mut stop = signals::stop().map_err(Error::Serve)?;
    announce(&loaded, address, admin_address);
    tokio::select! {
        () = stop.comes() => {}
        () = hangup.comes() => {}
        ended = &mut serving => {
            let ended = ended.map_err(io::Error::other).and_then(|result| result);
            return Err(Error::Serve(ended.err().unwrap_or_else(|| io::Error::other("the server has ended by itself"))));
        }
    }
    // Whoever asks from here on finds no hub, and waits for its end.
    drop(control);
    // A signal ends each wait, until the process has ended.
    tokio::select! {
        () = drain(&loaded, &house, &admission) => {}
        () = stop.comes() => telemetry::told_twice(),
    }
    tokio::select! {
        closed = close_ports(handle, serving, admin) => closed?,
        () = stop.comes() => telemetry::told_twice(),
    }
    // It removes nothing from a log that is being closed.
    drop(archiver);
    drop(keys);
    drop(watch);
    tokio::select! {
        () = house.stop() => {}
        () = stop.comes() => end_at_once(),
    }
    telemetry::closed();
    Ok(())
}

/// Recovers on a thread of its own: calls to the archive cannot be waited for where tasks run.
fn recovered(
    loaded: &Loaded,
    directory: &Path,
    expectations: &Expectations,
) -> Result<Recovered, recovery::Error> {
    let Config { archive, journal, .. } = &loaded.config;
    let key = &loaded.secrets.people;
    std::thread::scope(|scope| {
        let recover = || recovery::recover(directory, &archive.to, journal.segment_bytes, expectations, key);
        scope.spawn(recover).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Starts the archiver, if there is an archive.
fn archiver(
    config: &Config,
    directory: PathBuf,
    house: &House,
    figures: &Figures,
) -> Result<Option<Archiver>, Error> {
    if config.archive.to.is_empty() {
        return Ok(None);
    }
    // Everybody who reads the log behind its writer, but for the scrub, which goes on behind what is removed.
    let mut cursors = vec![house.state_store.stored()];
    cursors.extend(house.read_model.as_ref().map(KeptReadModel::progress));
    let state = StoreBeside { directory: directory.clone() };
    let log = (directory, house.journal.clone());
    let started = Archiver::start(&config.archive, log, state, cursors, figures.clone());
    started.map(Some).map_err(Error::Archiver)
}

/// Starts reading the keys of issuers again, where issuers publish them.
fn watched_keys(loaded: &Loaded) -> Result<Option<KeyWatch>, Error> {
    let every = Duration::from_secs(loaded.config.auth.jwks_refresh_seconds.into());
    KeyWatch::start(loaded.secrets.issuers.clone(), every).map_err(Error::Keys)
}

/// Ends the process although its log is not closed. Not by returning: that would wait for threads that wait for the disk.
#[expect(
    clippy::disallowed_methods,
    reason = "the drain is over, and the next start reads the log as after a crash"
)]
fn end_at_once() -> ! {
    telemetry::told_again();
    std::process::exit(1)
}

/// Lets the answers of pages that are under way end, then closes the public server and after it the operator's.
async fn close_ports(
    handle: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
    admin: Option<Admin>,
) -> Result<(), Error> {
    handle.stop(true).await;
    serving.await.map_err(io::Error::other).and_then(|result| result).map_err(Error::Serve)?;
    if let Some(admin) = admin {
        admin.stop().await;
    }
    Ok(())
}

/// Waits until the log takes records, or says why it takes none.
async fn prepared(log: journal::Condition) -> Result<(), Error> {
    let wait = move || log.wait_while(|state| state == journal::State::Preparing, Duration::MAX);
    tokio::task::spawn_blocking(wait).await.map(drop).map_err(io::Error::other).map_err(Error::Serve)
}

/// Takes the address of the admin server, if there shall be one. On a machine of a developer two hubs may run, and only
/// one of them has the port; production does not start without it.
fn admin_port(config: &Config) -> Result<Option<Listening>, Error> {
    if !config.admin.enabled {
        return Ok(None);
    }
    match Listening::at("admin.listen", config.admin.listen) {
        Ok(listening) => Ok(Some(listening)),
        Err(error) if error.is_taken() && config.mode == Mode::Development => {
            telemetry::admin_port_taken(config.admin.listen);
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn announce(loaded: &Loaded, address: SocketAddr, admin: Option<SocketAddr>) {
    let config = &loaded.config;
    let url = page_url(&config.server.public_url, address);
    telemetry::serving(address, &url, admin, config.mode, loaded.tables.len());
    if config.demo.enabled && config.mode == Mode::Development {
        println!(
            "\n  Open {url}/ in two browser windows and sit at the same table.\n  Stop with Ctrl-C: a round goes on where it was when you start again."
        );
        if let Some(admin) = admin {
            println!("  Health and figures: http://{admin}/health/ready and http://{admin}/metrics");
        }
        println!();
    }
}

/// Where a person opens the page: as the operator says, or where the hub listens. One that listens everywhere is found
/// on this machine.
fn page_url(public_url: &str, address: SocketAddr) -> String {
    if !public_url.is_empty() {
        return public_url.to_owned();
    }
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// Takes no new work, tells every client when to come back, lets what is under way end, closes the sessions.
async fn drain(loaded: &Loaded, house: &House, admission: &Admission) {
    let limit = Duration::from_secs(loaded.config.server.drain_seconds.into());
    telemetry::draining(limit);
    let began = Instant::now();
    admission.drain();
    let spread_ms = (house.metrics.sessions() / 2).clamp(1_000, 60_000);
    house.workers.send_all(|| ToWorker::Drain { spread_ms });
    while admission.in_flight() > 0 && began.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let code = CloseCode::Draining.number();
    let here = Arc::new(());
    let reason = "the hub is restarting";
    house.workers.send_all(|| ToWorker::Close { code, reason, gone: here.clone() });
    while Arc::strong_count(&here) > 1 && began.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let all_gone = Arc::strong_count(&here) == 1;
    telemetry::drained(all_gone);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_is_printed_can_be_opened() {
        let url = |public_url, address: &str| page_url(public_url, address.parse().expect("an address"));
        assert_eq!(url("", "127.0.0.1:7700"), "http://127.0.0.1:7700");
        assert_eq!(url("", "0.0.0.0:7701"), "http://127.0.0.1:7701");
        assert_eq!(url("", "[::]:7700"), "http://[::1]:7700");
        assert_eq!(url("", "10.0.0.5:80"), "http://10.0.0.5:80");
        assert_eq!(url("https://play.example.com", "0.0.0.0:7700"), "https://play.example.com");
    }
}
