//! The thread `hub-monitoring`: looks at the figures of the alerts, posts what is to be told, has what is new kept.
//!
//! Whatever hangs here hangs alone: posts and files are waited for by nobody.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    runtime::Builder,
    sync::{Notify, mpsc},
    time::{MissedTickBehavior, interval},
};

use super::{
    alert_book::AlertNotice, counters::AlertCounters, keeper::MonitoringKeeper, kept_files::MonitoringFiles,
    surface::MonitoringSurface, told::spelled, webhook::Webhook, webhook_target::WebhookTarget,
};
use crate::telemetry::{events as telemetry, with_causes};

/// How long after a panic it begins again.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// Longest time for one look: longer than any check may take.
const LOOK_WITHIN: Duration = Duration::from_secs(5);

/// The running thread. It ends when this is dropped, and keeps the state before.
pub struct MonitoringWatch {
    ends: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl MonitoringWatch {
    /// Starts it. With `posts` notices are posted to an address.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        surface: Arc<MonitoringSurface>,
        every: Duration,
        posts: Option<(WebhookTarget, mpsc::Receiver<AlertNotice>)>,
        files: MonitoringFiles,
    ) -> io::Result<Self> {
        let ends = Arc::new(Notify::new());
        let told = ends.clone();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name("hub-monitoring".into()).spawn(move || {
            if let Some((target, notices)) = posts {
                runtime.spawn(post_all(Webhook::new(target), notices, surface.counters()));
            }
            let mut keeper = MonitoringKeeper::new(files);
            let look = |keeper: &mut MonitoringKeeper| runtime.block_on(look(&surface, every, &told, keeper));
            // The panic is in the log messages.
            while catch_unwind(AssertUnwindSafe(|| look(&mut keeper))).is_err() {
                let ended = async { tokio::time::timeout(AGAIN_AFTER, told.notified()).await.is_ok() };
                if runtime.block_on(ended) {
                    break;
                }
            }
            runtime.block_on(keeper.keep_last(&surface));
            // A name that is being looked up has a thread of its own, which may hang.
            runtime.shutdown_background();
        })?;
        Ok(Self { ends, thread: Some(thread) })
    }
}

impl Drop for MonitoringWatch {
    fn drop(&mut self) {
        self.ends.notify_one();
        if let Some(thread) = self.thread.take() {
            // It looks once more at most. A panic was logged.
            let _ = thread.join();
        }
    }
}

/// Looks again and again, until it is told to end.
async fn look(surface: &MonitoringSurface, every: Duration, ends: &Notify, keeper: &mut MonitoringKeeper) {
    let mut looks = interval(every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = ends.notified() => return,
            _ = looks.tick() => {}
        }
        // A page that hangs may hold what a look needs: then this look is left out.
        if tokio::time::timeout(LOOK_WITHIN, surface.look()).await.is_err() {
            telemetry::monitoring_look_hangs();
        }
        keeper.keep(surface).await;
    }
}

/// Posts one alert after the other.
async fn post_all(webhook: Webhook, mut notices: mpsc::Receiver<AlertNotice>, counters: AlertCounters) {
    while let Some(notice) = notices.recv().await {
        let posted = webhook.post(&spelled(&notice).to_string()).await;
        counters.posted(posted.is_ok());
        if let Err(error) = posted {
            telemetry::alert_not_posted(&notice.alert, &with_causes(&error));
        }
    }
}
