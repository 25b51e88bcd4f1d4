//! An answer that is kept for a quarter of a second, so that many requests cost as little as four a second.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// How long an answer is good.
pub const FRESH: Duration = Duration::from_millis(250);

/// The newest answer, and when it was made.
pub struct Cached<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Cached<T> {
    /// The newest answer, made anew when it is older than [`FRESH`]. While one is being made, all callers wait for it;
    /// when the caller that makes it is dropped, the next one makes it.
    pub async fn get(&self, make: impl AsyncFnOnce() -> T) -> T {
        let mut kept = self.0.lock().await;
        if let Some((made, answer)) = &*kept
            && made.elapsed() < FRESH
        {
            return answer.clone();
        }
        let answer = make().await;
        *kept = Some((Instant::now(), answer.clone()));
        answer
    }

    /// The newest answer while it is fresh, or else one that is made for the caller alone and not kept. For the hub's own
    /// looks: they do not make what others are given older than it has to be.
    pub async fn look(&self, make: impl AsyncFnOnce() -> T) -> T {
        let fresh = self.0.lock().await.as_ref().filter(|(made, _)| made.elapsed() < FRESH).cloned();
        match fresh {
            Some((_, answer)) => answer,
            None => make().await,
        }
    }

    /// Makes the answer that is kept an old one.
    #[cfg(test)]
    async fn age(&self) {
        if let Some((made, _)) = &mut *self.0.lock().await {
            *made -= FRESH;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[actix_rt::test]
    async fn callers_at_the_same_time_share_one_answer_and_a_later_one_gets_a_new_one() {
        let (cached, asked) = (Cached::default(), Cell::new(0));
        let ask = || {
            cached.get(async || {
                asked.set(asked.get() + 1);
                tokio::task::yield_now().await;
                asked.get()
            })
        };
        let answers = futures_util::future::join_all((0..10).map(|_| ask())).await;
        assert_eq!((answers, asked.get()), (vec![1; 10], 1));
        cached.age().await;
        assert_eq!(ask().await, 2);
    }

    #[actix_rt::test]
    async fn a_look_takes_what_is_fresh_and_keeps_nothing() {
        let cached = Cached::default();
        assert_eq!(cached.look(async || 1).await, 1);
        assert_eq!(cached.get(async || 2).await, 2, "nothing was kept");
        assert_eq!(cached.look(async || 3).await, 2, "that is fresh");
        cached.age().await;
        assert_eq!(cached.look(async || 4).await, 4);
    }

    #[actix_rt::test]
    async fn a_caller_that_gives_up_does_not_block_the_others() {
        let cached = Cached::default();
        let stuck = cached.get(async || std::future::pending::<u32>().await);
        assert!(tokio::time::timeout(Duration::ZERO, stuck).await.is_err());
        assert_eq!(cached.get(async || 7).await, 7);
    }
}
