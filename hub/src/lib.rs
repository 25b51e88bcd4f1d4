//! The server binary: HTTP and WebSocket edge, configuration, wiring, operator commands.

pub mod anchor;
pub mod api;
pub mod app;
pub mod archive;
pub mod auth;
pub mod backup;
pub mod cli;
pub mod config;
pub mod control;
pub mod door;
pub mod edge;
pub mod inspect;
pub mod monitoring;
pub mod people;
pub mod person;
pub mod recovery;
pub mod telemetry;
mod utc;
pub mod verify;
