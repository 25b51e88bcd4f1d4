//! The WebSocket driver, a session's bounded out-queue, and a worker's direct fan-out.
//!
//! Stands between the TCP socket and the session actor. `upgrade_service` takes over a connection that asked
//! for WebSocket, shakes hands, and drives the session until it is over; the session is an actix actor whose
//! context is `actix_web_actors::ws::WebsocketContext`. Broadcasts do not pass through the actor: a
//! [`Worker`] writes one shared, pre-framed buffer straight to the sockets of its thread and queues only what
//! a socket did not take.
//!
//! What it guarantees: the actor is polled whatever the client does; memory per session is bounded in both
//! directions; a hostile frame ends its own session and nothing else; what is dropped is dropped by the rule
//! of its [`Class`]. What it does not do: know players, channels' rights, money, or what a payload means. It
//! moves frames.
//!
//! Everything here belongs to one thread and is `!Send`; a [`Slot`] is the name of a session that may travel.

mod channels;
mod decode;
mod driver;
mod fanout;
mod frame;
mod limits;
mod out;
mod queue;
mod session;
mod shared;
mod telemetry;
mod tune;
mod upgrade;
mod worker;

pub use frame::{binary_frame, join, text_frame};
pub use limits::{CloseCodes, Limits, LimitsError};
pub use out::Out;
pub use queue::Class;
pub use shared::{Slot, Stats};
pub use upgrade::{Accepted, Refusal, subprotocols, upgrade_service};
pub use worker::{Cork, Worker};
