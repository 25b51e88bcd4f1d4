//! Tests of the whole house: its own rules, the simulation, and the real binary from outside.

mod admin;
mod anchored;
mod api;
mod archived;
mod at_the_table;
mod backplane;
mod backup;
mod bad_input;
mod channels;
mod clock;
mod coming_back;
mod control_socket;
mod crash;
mod data_directory;
mod drain;
mod erasure;
mod facts;
mod http;
mod issuer_keys;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod lossy;
mod monitoring;
mod nameless;
mod old_logs;
mod operator;
mod people;
mod read_model;
mod restored;
mod ruled;
mod sim;
mod slow_redis;
mod tampered;
mod tidy;
mod walk_through;

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")))]
#[test]
fn the_lossy_disk_is_for_linux_with_the_c_library_of_gnu() {
    println!("no power failures are tested here");
}
