//! The people store as a whole: crashes, damage, failures, races, erasure, the change of the master key.

mod copy;
mod crash;
mod damage;
mod enrol;
mod erase;
mod erase_open;
mod rig;
mod rotate;
mod search;
