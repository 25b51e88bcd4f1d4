//! The real hub as a process: started on a free port over a directory of its own, killed, drained, started again,
//! and asked by its own commands what it has on disk.

mod ask;
mod begun;
mod binary;
mod commands;
mod log;
mod process;
mod setup;

pub use self::{
    begun::{BegunCommand, EndedCommand},
    commands::words,
    process::{TestHub, aborted},
    setup::{AUTH_SECRET, OPEN, PEOPLE_KEY, QUICK, Setup, Table},
};
