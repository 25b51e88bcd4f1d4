//! End-to-end tests and the simulation; imports everything, nothing imports it.
