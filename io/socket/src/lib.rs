//! The WebSocket server of the hub: the driver of a connection, a session's bounded out-queue, and a worker's fan-out.
//!
//! It lies between the TCP socket and the session actor. `upgrade_service` takes over a connection that asks for
//! WebSocket, does the handshake, and drives the session until it ends; the session is an actix actor with the context
//! `actix_web_actors::ws::WebsocketContext`. Broadcasts do not pass through the actor: a [`Worker`] writes one shared
//! buffer with complete frames directly to the sockets of its thread, and queues only what a socket does not take.
//!
//! It guarantees: the actor is polled whatever the client does; memory per session is bounded in both directions; a
//! hostile frame ends only its own session; frames are dropped only by the rule of their [`Class`]. It knows nothing
//! of players, rights, money or the meaning of payloads.
//!
//! Everything here belongs to one thread and is `!Send`, except a [`Slot`], by which other threads identify a session.

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
