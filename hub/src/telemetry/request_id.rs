//! The id of one request, so that an answer to a client can be found in the logs.
//!
//! The door gives each request its id, and runs everything that answers the request within [`RequestId::scope`]: errors and
//! events ask for [`RequestId::current`]. It holds for the task of the request, and not for actors or threads that it asks.

use std::{
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use actix_http::header::{HeaderMap, HeaderName, HeaderValue};

/// The header with the id: a client may choose it, and every answer has it.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that a client may choose, bytes.
const CHOSEN_BYTES_MAX: usize = 64;

/// A request's id. One that the hub gives differs for each request of this process, and in all likelihood from those of any
/// other process; one that a client has chosen is unique as far as the client makes it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Origin);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// The hub's own.
    Given { process: u32, number: u64 },
    /// The client's: 1 to 64 printable ASCII characters without spaces.
    Chosen(Arc<str>),
}

/// Tells this process's ids from another's. The low bits of the nanosecond in which the first id was made: it needs
/// to differ, not to be a secret.
static PROCESS: LazyLock<u32> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_nanos() & u128::from(u32::MAX)) as u32
});

/// Ids given out.
static GIVEN: AtomicU64 = AtomicU64::new(0);

tokio::task_local! {
    /// The id of the request that the task answers.
    static CURRENT: RequestId;
}

impl RequestId {
    /// The next id.
    #[must_use]
    pub fn next() -> Self {
        Self(Origin::Given { process: *PROCESS, number: GIVEN.fetch_add(1, Relaxed) + 1 })
    }

    /// The id of a request with these headers: the client's, if there is one of the right form, or the next.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(HEADER);
        let chosen = given.next().filter(|_| given.next().is_none()).and_then(|id| id.to_str().ok());
        let legal = |id: &&str| {
            (1..=CHOSEN_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
        };
        chosen.filter(legal).map_or_else(Self::next, |id| Self(Origin::Chosen(id.into())))
    }

    /// The id of the request that the running task answers, if it answers one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs what answers the request of this id.
    pub fn scope<F: Future>(self, answering: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, answering)
    }

    /// The same of what does not wait.
    pub fn within<T>(&self, answer: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.clone(), answer)
    }

    /// The header of the answer.
    #[must_use]
    pub fn header(&self) -> (HeaderName, HeaderValue) {
        let value = HeaderValue::try_from(self.to_string()).expect("printable ASCII characters");
        (HEADER, value)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Origin::Given { process, number } => write!(formatter, "{process:08x}-{number}"),
            Origin::Chosen(id) => formatter.write_str(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> RequestId {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_bytes(value.as_bytes()).expect("a header"));
        }
        RequestId::of(&headers)
    }

    #[test]
    fn two_requests_have_two_ids() {
        assert_ne!(RequestId::next().to_string(), RequestId::next().to_string());
    }

    #[test]
    fn a_client_chooses_printable_characters_once_and_anything_else_is_replaced() {
        let long = "x".repeat(64);
        for chosen in ["a", "3f0c-17", "\"quoted\"", "{}:,;=~!", long.as_str()] {
            assert_eq!(of(&[chosen]).to_string(), chosen);
        }
        for other in [&[][..], &[""], &["a b"], &["a\tb"], &["ä"], &["a", "a"], &["a", ""]]
            .into_iter()
            .chain([&["x".repeat(65).as_str()][..]])
        {
            let given = of(other).to_string();
            let (process, number) = given.split_once('-').expect("the hub's own form");
            assert!(u32::from_str_radix(process, 16).is_ok() && number.parse::<u64>().is_ok(), "{other:?}");
        }
    }

    #[actix_rt::test]
    async fn each_task_has_the_id_of_its_own_request() {
        let ask = |id: &'static str| {
            of(&[id]).scope(async move {
                tokio::task::yield_now().await;
                (id, RequestId::current().map(|id| id.to_string()))
            })
        };
        let told = futures_util::future::join(ask("a"), ask("b")).await;
        assert_eq!(told, (("a", Some("a".into())), ("b", Some("b".into()))));
        assert_eq!(RequestId::current(), None, "outside of a request there is none");
        assert_eq!(of(&["c"]).within(RequestId::current), Some(of(&["c"])));
    }
}
