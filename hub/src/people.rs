//! Enrolling for whoever waits in an async task: the answer comes from the thread that enrols.

use people::{NotEnrolled, People, Person};
use protocol::PlayerId;

/// The id of a person, who gets one if they have none. Ends once it is on disk; no thread waits meanwhile. Nothing is done
/// before it is polled.
///
/// # Errors
/// When nobody new is enrolled now. The same request may succeed later.
pub async fn enrol(people: People, person: Person) -> Result<PlayerId, NotEnrolled> {
    if let Some(player) = people.get(&person) {
        return Ok(player);
    }
    let (sender, answer) = tokio::sync::oneshot::channel();
    // Whoever has gone meanwhile has their id all the same.
    people.enrol(person, move |result| {
        let _ = sender.send(result);
    });
    answer.await.unwrap_or(Err(NotEnrolled::Closed))
}
