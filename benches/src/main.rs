//! The runner of the measured workloads.
fn main() {}
