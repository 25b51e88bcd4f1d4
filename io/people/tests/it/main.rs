//! The people file as a whole: crashes, damage, failures, races.

mod crash;
mod damage;
mod enrol;
mod rig;
